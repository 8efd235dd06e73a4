//! Runs in a sandbox: whether there can be one, and that nothing of it is left.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Whether sandboxes can be made here; where they cannot says so, which fails where `CI` is set.
pub(crate) fn can_be_made() -> bool {
    let can = Command::new("unshare").args(["--net", "--pid", "--fork", "true"]).output();
    let can = can.is_ok_and(|output| output.status.success());
    if !can {
        assert!(std::env::var_os("CI").is_none(), "sandboxes need root");
        println!("skipped: sandboxes need root");
    }
    can
}

/// What is in a folder of runs, and the processes but this one whose command lines name it.
#[allow(dead_code, reason = "each test takes what it needs")]
pub(crate) fn left_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut left: Vec<String> = entries.map(|entry| entry.unwrap().path().display().to_string()).collect();
    let name = folder.to_str().unwrap();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains(name) && entry.file_name().to_str() != Some(&std::process::id().to_string()) {
            left.push(line);
        }
    }
    left
}

/// Waits until nothing is left, for so long at most.
#[allow(dead_code, reason = "each test takes what it needs")]
#[track_caller]
pub(crate) fn wait_until_nothing(is_left: impl Fn() -> Vec<String>, patience: Duration) {
    let end = Instant::now() + patience;
    loop {
        let left = is_left();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "left behind: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
