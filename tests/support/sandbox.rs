//! Runs in a sandbox: whether there can be one, and that nothing of it is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
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

/// Namespaces and control groups that the children of a process have and this one has not.
#[allow(dead_code, reason = "each test takes what it needs")]
pub(crate) struct Held {
    spaces: BTreeSet<String>,
    groups: BTreeSet<PathBuf>,
}

/// The processes there are, each with its parent.
fn processes() -> BTreeMap<u32, u32> {
    let mut map = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let text = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = text.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        map.extend(parent.map(|parent| (pid, parent)));
    }
    map
}

/// The namespaces of a process, as `net:[4026531840]`.
fn spaces(pid: &str) -> BTreeSet<String> {
    let name = |kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
    let list = ["net", "pid", "mnt", "user", "uts", "ipc"].into_iter().filter_map(name);
    list.map(|path| path.display().to_string()).collect()
}

/// The folders of the control groups of a process.
fn groups(pid: &str) -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let folder = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (_, kind, path) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Path::new("/sys/fs/cgroup").join(kind).join(path.trim_start_matches('/')))
    };
    text.lines().filter_map(folder).collect()
}

#[allow(dead_code, reason = "each test takes what it needs")]
impl Held {
    /// What all that descends from a process holds right now.
    pub(crate) fn by(parent: u32) -> Self {
        let all = processes();
        let mut known = BTreeSet::from([parent]);
        // A child of a child is found a round later.
        for _ in 0..16 {
            known.extend(
                all.iter()
                    .filter(|(_, parent)| known.contains(parent))
                    .map(|(pid, _)| *pid)
                    .collect::<Vec<_>>(),
            );
        }
        let of = |pid: &u32| pid.to_string();
        let (own_spaces, own_groups) = (spaces("self"), groups("self"));
        let spaces = known.iter().flat_map(|pid| spaces(&of(pid))).filter(|name| !own_spaces.contains(name));
        let groups = known.iter().flat_map(|pid| groups(&of(pid))).filter(|path| !own_groups.contains(path));
        Self { spaces: spaces.collect(), groups: groups.collect() }
    }

    pub(crate) fn has_spaces(&self) -> bool {
        !self.spaces.is_empty()
    }

    /// What of it is still there: namespaces of some process or mount, control groups, and mounts that name a folder.
    pub(crate) fn left(&self, folder: &Path) -> Vec<String> {
        let mut left = Vec::new();
        for pid in processes().keys() {
            left.extend(
                spaces(&pid.to_string()).intersection(&self.spaces).map(|name| format!("{pid} in {name}")),
            );
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let name = folder.to_str().unwrap();
        let is_ours = |line: &&str| {
            line.contains(name) || self.spaces.iter().any(|space| line.contains(space.as_str()))
        };
        left.extend(mounts.lines().filter(is_ours).map(str::to_owned));
        left.extend(self.groups.iter().filter(|path| path.exists()).map(|path| path.display().to_string()));
        left
    }
}
