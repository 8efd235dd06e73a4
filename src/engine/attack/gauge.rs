//! What the processes of a target take, and what they say.

use super::super::measure::{Sandbox, times};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

/// Octets of what a target says that are kept for one input.
const SAID: u64 = 32 << 10;

/// The processes of a target, looked up once and asked often.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    pids: Vec<u32>,
    before: u64,
    // How far what it says was read.
    read: u64,
}

impl Gauge {
    /// Takes the processes there are now.
    pub(super) fn look(&mut self, sandbox: &Sandbox) {
        self.pids = sandbox.processes();
    }

    /// Whether processes have to be looked up.
    pub(super) fn is_unknown(&self) -> bool {
        self.pids.is_empty()
    }

    /// Begins with a target that has said nothing.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Processor time of all of them.
    pub(super) fn cpu(&self) -> Duration {
        self.pids.iter().map(|pid| times::spent(*pid)).sum()
    }

    /// Whether any of them has something to do right now.
    pub(super) fn is_busy(&self) -> bool {
        self.pids.iter().any(|pid| times::is_busy(*pid))
    }

    /// Memory of their own, in octets.
    pub(super) fn resident(&self) -> Option<u64> {
        let list: Vec<u64> = self.pids.iter().filter_map(|pid| times::anonymous(*pid)).collect();
        (!list.is_empty()).then(|| list.iter().sum())
    }

    /// Has the rise of memory counted from now.
    pub(super) fn begin(&mut self) {
        self.pids.iter().for_each(|pid| times::forget_peak(*pid));
        self.before = self.pids.iter().filter_map(|pid| times::now_and_peak(*pid)).map(|(now, _)| now).sum();
    }

    /// By how much memory rose at most since then, in octets.
    pub(super) fn risen(&self) -> Option<u64> {
        let list: Vec<u64> =
            self.pids.iter().filter_map(|pid| times::now_and_peak(*pid)).map(|(_, peak)| peak).collect();
        (!list.is_empty()).then(|| list.iter().sum::<u64>().saturating_sub(self.before))
    }

    /// What was written to `log` since it was read last.
    pub(super) fn said(&mut self, log: &Path) -> Vec<String> {
        let read = || {
            let mut file = File::open(log)?;
            let end = file.seek(SeekFrom::End(0))?;
            // One that is shorter than it was has begun anew.
            file.seek(SeekFrom::Start(if end < self.read { 0 } else { self.read }))?;
            let mut octets = Vec::new();
            file.take(SAID).read_to_end(&mut octets)?;
            Ok::<_, std::io::Error>((octets, end))
        };
        let Ok((octets, end)) = read() else { return Vec::new() };
        self.read = end;
        let text = String::from_utf8_lossy(&octets);
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}
