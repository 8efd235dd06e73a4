//! A network namespace that is there while it is held.

use super::super::EngineError;
use super::command;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where `ip netns` keeps them.
const FOLDER: &str = "/run/netns";
/// What the names of ours begin with; the process that made them follows.
const PREFIX: &str = "flowgate-";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A network namespace of its own. Dropping it deletes it, with its devices and rules.
#[derive(Debug)]
pub struct Namespace {
    ip: PathBuf,
    name: String,
}

impl Namespace {
    /// Makes one; `ip` is the program of iproute2. What a process that was killed left behind is deleted first.
    pub fn new(ip: &Path) -> Result<Self, EngineError> {
        sweep(ip);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        command::feed(ip, ["netns", "add", &name], "")?;
        Ok(Self { ip: ip.to_owned(), name })
    }

    /// Does `work` inside: what it starts, and what it opens, is of the namespace. It runs on a thread of its own.
    pub fn run<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, EngineError> + Send,
    ) -> Result<T, EngineError> {
        let inside = || {
            let what = || format!("entering the namespace `{}`", self.name);
            let file =
                File::open(Path::new(FOLDER).join(&self.name)).map_err(|e| EngineError::io(what(), e))?;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| EngineError::io(what(), error.into()))?;
            work()
        };
        let panicked = || EngineError::Kernel("work in a namespace did not come to its end".to_owned());
        std::thread::scope(|scope| scope.spawn(inside).join()).map_err(|_| panicked())?
    }

    /// Sets a kernel parameter below `net`, as `ipv4/ip_forward`.
    pub fn set(&self, parameter: &str, value: &str) -> Result<(), EngineError> {
        self.run(|| {
            let path = Path::new("/proc/sys/net").join(parameter);
            fs::write(&path, value).map_err(|error| EngineError::io(format!("setting `{parameter}`"), error))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nobody is left to be told of a failure.
        _ = command::feed(&self.ip, ["netns", "delete", &self.name], "");
    }
}

/// Deletes the namespaces of ours whose process is gone.
fn sweep(ip: &Path) {
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(process) = process.filter(|p| p.bytes().all(|c| c.is_ascii_digit())) else { continue };
        if !Path::new("/proc").join(process).exists() {
            // Another process may be at the same.
            _ = command::feed(ip, ["netns", "delete", name], "");
        }
    }
}
