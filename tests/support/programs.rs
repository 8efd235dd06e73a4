//! Programs that tests are held against: where they are, and what their absence means.

use std::path::PathBuf;

/// Where a program is. Absent it is a visible skip, and a failure in the pipeline, which installs it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/lib/frr", "/sbin"].map(PathBuf::from);
    let found =
        std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|f| f.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "`{name}` is not installed");
        println!("skipped: `{name}` is not installed");
    }
    found
}
