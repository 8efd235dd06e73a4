//! Where the captures are.

use std::path::{Path, PathBuf};

/// The folder of the corpora, which are no part of the repository; a visible skip where there is none.
pub(crate) fn corpora(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: {test} needs FLOWGATE_CORPORA");
    }
    found
}

/// The captures of the folders, sorted.
pub(crate) fn captures(root: &Path, folders: &[&str]) -> Vec<PathBuf> {
    let mut list = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "pcap" || e == "pcapng") {
                list.push(path);
            }
        }
    }
    list.sort();
    list
}

/// Whether a program is installed. Where a change is judged (`CI` is set) it must be; elsewhere a visible skip.
pub(crate) fn has_tool(name: &str) -> bool {
    let found = std::process::Command::new(name).arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "`{name}` is not installed");
    if !found {
        eprintln!("skipped: `{name}` is not installed");
    }
    found
}
