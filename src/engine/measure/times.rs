//! What the system says of a process: its end, its processor time, its memory.

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs;
use std::time::Duration;

/// Steps of the clock in a second, as `/proc` counts on every Linux of today.
const TICKS: u64 = 100;

/// Whether a child has ended; it is not forgotten by that, so that its times can still be asked for.
pub(super) fn is_over(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

/// Processor time of a process and of those it has seen end.
pub(super) fn cpu(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, brackets too.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks =
        rest.split_whitespace().skip(11).take(4).filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
    Some(Duration::from_millis(ticks.saturating_mul(1000 / TICKS)))
}

/// Anonymous memory of a process, in octets.
pub(super) fn anonymous(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss_Anon:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok()?.checked_mul(1024)
}
