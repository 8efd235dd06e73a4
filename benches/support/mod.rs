//! What several benches need: numbers that are the same on every run, and the processor's own time.

#![allow(dead_code, reason = "each bench uses a part of this")]

/// A linear congruence.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// The next number, below `n`.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(n)).unwrap_or(0)
    }

    /// The next IPv4 prefix, of 12 bits or more.
    pub(crate) fn prefix(&mut self) -> String {
        let length = 12 + self.below(21);
        let addr = self.below(u32::MAX) & u32::MAX << (32 - length);
        format!("{}/{length}", std::net::Ipv4Addr::from(addr))
    }
}

/// Nanoseconds this thread has run, where the system says: wall time means little on a busy machine.
pub(crate) fn processor_time() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}
