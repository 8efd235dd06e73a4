//! Our own resident memory, read from the system.

use super::{Exhausted, Limit, limits};
use std::sync::atomic::{AtomicU64, Ordering};

/// The resident memory of this process in octets; none where the system does not say.
pub fn resident_octets() -> Option<u64> {
    memory_stats::memory_stats().map(|stats| stats.physical_mem as u64)
}

// What a new watch allows, in octets: a process has one memory, so it has one allowance.
static ALLOWANCE: AtomicU64 = AtomicU64::new(0);

/// Sets what every watch made from now on allows, in octets; 0 is the limit's own value.
pub fn allow_resident_octets(octets: u64) {
    ALLOWANCE.store(octets, Ordering::Relaxed);
}

/// Looks at our resident memory now and then, remembers the peak, and stops the run at the limit.
#[derive(Clone, Debug)]
pub struct MemoryWatch {
    limit: &'static Limit,
    allowance: u64,
    peak: u64,
}

impl Default for MemoryWatch {
    fn default() -> Self {
        Self::with_allowance(match ALLOWANCE.load(Ordering::Relaxed) {
            0 => limits::RESIDENT_OCTETS.value,
            octets => octets,
        })
    }
}

impl MemoryWatch {
    /// A watch that stops at `allowance` octets.
    pub fn with_allowance(allowance: u64) -> Self {
        Self { limit: &limits::RESIDENT_OCTETS, allowance, peak: 0 }
    }

    /// Reads the resident memory once; an error above the allowance.
    pub fn look(&mut self) -> Result<(), Exhausted> {
        let now = resident_octets().unwrap_or(0);
        self.peak = self.peak.max(now);
        if now > self.allowance {
            Err(Exhausted { limit: self.limit, allowance: self.allowance })
        } else {
            Ok(())
        }
    }

    /// The highest figure seen, in octets.
    pub fn peak(&self) -> u64 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watch_remembers_the_peak_and_stops_at_its_allowance() {
        let mut watch = MemoryWatch::default();
        watch.look().unwrap();
        assert!(watch.peak() > 0);
        assert!(MemoryWatch::with_allowance(1).look().is_err());
    }
}
