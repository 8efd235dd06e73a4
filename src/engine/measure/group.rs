//! A control group for memory that is there while it is held.

use super::super::EngineError;
use crate::cost::measured::Accounting;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What the names of ours begin with; the process that made them follows.
const PREFIX: &str = "flowgate-measure-";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A control group with its limit. Dropping it removes it, once nothing runs in it.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    version: Accounting,
}

impl Group {
    /// Makes one that may hold so many octets; in words why there is none.
    pub(super) fn new(limit: u64) -> Result<Self, String> {
        let (parent, version) = parent().ok_or("no control groups for memory are mounted")?;
        sweep(&parent);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("control groups cannot be made: {error}"))?;
        let group = Self { path, version };
        let file = if version == Accounting::GroupV1 { "memory.limit_in_bytes" } else { "memory.max" };
        let set = fs::write(group.path.join(file), limit.to_string());
        set.map_err(|error| format!("control groups here do not account for memory: {error}"))?;
        if group.kernel().is_none() {
            return Err("control groups here do not account for kernel memory".to_owned());
        }
        Ok(group)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn version(&self) -> Accounting {
        self.version
    }

    /// Kernel memory charged to it, in octets: objects, pages and what is mapped from single pages.
    pub(super) fn kernel(&self) -> Option<u64> {
        if self.version == Accounting::GroupV1 {
            return self.number("memory.kmem.usage_in_bytes");
        }
        let text = fs::read_to_string(self.path.join("memory.stat")).ok()?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.trim().parse::<u64>().ok())
        };
        // Kernels before 5.18 have the parts alone.
        let parts = || {
            let all = ["slab", "kernel_stack", "pagetables", "percpu", "vmalloc"];
            field("slab").map(|_| all.iter().filter_map(|name| field(name)).sum())
        };
        field("kernel").or_else(parts)
    }

    /// The most it held, in octets.
    pub(super) fn peak(&self) -> Option<u64> {
        let file =
            if self.version == Accounting::GroupV1 { "memory.max_usage_in_bytes" } else { "memory.peak" };
        self.number(file)
    }

    /// Whether its limit was in the way of what ran in it.
    pub(super) fn was_full(&self) -> bool {
        let v1 = self.version == Accounting::GroupV1;
        let file = if v1 { "memory.oom_control" } else { "memory.events" };
        let text = fs::read_to_string(self.path.join(file)).unwrap_or_default();
        let killed = text.lines().filter_map(|line| line.strip_prefix("oom_kill "));
        killed.filter_map(|n| n.trim().parse::<u64>().ok()).any(|n| n > 0)
            || (v1 && self.number("memory.failcnt").is_some_and(|n| n > 0))
    }

    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.path.join(file)).ok()?.trim().parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What ran in it is being killed.
        for _ in 0..100 {
            if fs::remove_dir(&self.path).is_ok() || !self.path.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Where groups of ours go: below the group we are in, where there are files of the controller.
fn parent() -> Option<(PathBuf, Accounting)> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let within = |mount: &str, own: Option<&str>| {
        let below = own.map(|path| Path::new(mount).join(path.trim_start_matches('/')));
        below.filter(|path| path.is_dir()).unwrap_or_else(|| PathBuf::from(mount))
    };
    let mut two = None;
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(mount), Some(kind), Some(options)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let lines = || own.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
        if kind == "cgroup" && options.split(',').any(|option| option == "memory") {
            let path = lines().find_map(|parts| match *parts.as_slice() {
                [_, controllers, path] if controllers.split(',').any(|c| c == "memory") => {
                    Some(path.to_owned())
                }
                _ => None,
            });
            return Some((within(mount, path.as_deref()), Accounting::GroupV1));
        }
        if kind == "cgroup2" {
            // Groups with processes in them have no groups below in which memory is accounted for: the top has.
            two = Some((PathBuf::from(mount), Accounting::GroupV2));
        }
    }
    two
}

/// Removes the groups of ours whose process is gone.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let Some(process) = process.filter(|p| p.bytes().all(|c| c.is_ascii_digit())) else { continue };
        if !Path::new("/proc").join(process).exists() {
            // Another process may be at the same.
            _ = fs::remove_dir(entry.path());
        }
    }
}

/// Kernel memory of the whole machine that is not page cache, in octets.
pub(super) fn of_machine() -> Result<u64, EngineError> {
    let text = fs::read_to_string("/proc/meminfo");
    let text = text.map_err(|error| EngineError::io("reading `/proc/meminfo`", error))?;
    let mut sum = 0_u64;
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if ["SUnreclaim", "VmallocUsed", "Percpu"].contains(&name) {
            let number = value.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
            sum = sum.saturating_add(number.saturating_mul(1024));
        }
    }
    Ok(sum)
}
