//! What the system says of a process: its end, its processor time, its memory.

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs;
use std::time::Duration;

/// Steps of the clock in a second, as `/proc` counts on every Linux of today.
const TICKS: u64 = 100;

/// Whether a child has ended; it is not forgotten by that, so that its times can still be asked for.
pub(in crate::engine) fn is_over(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

/// Processor time of a process and of those it has seen end.
pub(in crate::engine) fn cpu(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, brackets too.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks =
        rest.split_whitespace().skip(11).take(4).filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
    Some(Duration::from_millis(ticks.saturating_mul(1000 / TICKS)))
}

/// Whether a process has something to do right now: it runs, or waits for a processor.
pub(in crate::engine) fn is_busy(pid: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    text.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('R'))
}

/// Anonymous memory of a process, in octets.
pub(in crate::engine) fn anonymous(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss_Anon:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok()?.checked_mul(1024)
}

/// Processor time of all threads of a process, by the nanosecond; 0 of one that is gone.
pub(in crate::engine) fn spent(pid: u32) -> Duration {
    let mut sum = 0_u64;
    for entry in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path().join("schedstat")).unwrap_or_default();
        sum = sum.saturating_add(text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0));
    }
    Duration::from_nanos(sum)
}

/// Memory of a process now and at most so far, in octets.
pub(in crate::engine) fn now_and_peak(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

/// Has the most so far of a process begin anew from now.
pub(in crate::engine) fn forget_peak(pid: u32) {
    // One that is gone has none.
    _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
