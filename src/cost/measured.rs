//! What an engine was seen to do with rules: the other side of a price.

use std::time::Duration;

/// How one load ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The engine took the rules.
    Accepted,
    /// It said no, or ended the session.
    Refused,
    /// It ended by a signal, or went away.
    Crashed,
    /// The memory allowed was not enough.
    OverMemory,
    /// The time allowed was not enough.
    OverTime,
}

impl Outcome {
    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Crashed => "crashed",
            Self::OverMemory => "over-memory",
            Self::OverTime => "over-time",
        }
    }
}

/// How kernel memory was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accounting {
    /// Charged to a control group of version 1 of its own.
    GroupV1,
    /// Charged to a control group of version 2 of its own.
    GroupV2,
    /// The difference of the figures of the whole machine: others are in it.
    Machine,
}

impl Accounting {
    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::GroupV1 => "cgroup-v1",
            Self::GroupV2 => "cgroup-v2",
            Self::Machine => "whole-machine",
        }
    }
}

/// Memory before and after, in octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Before the rules.
    pub before: u64,
    /// With them.
    pub after: u64,
}

impl Span {
    /// What the rules added.
    pub fn added(self) -> u64 {
        self.after.saturating_sub(self.before)
    }
}

/// One load of rules into an engine of its own.
#[derive(Clone, Debug)]
pub struct Load {
    /// How it ended.
    pub outcome: Outcome,
    /// What the engine said, where it did not take the rules.
    pub said: String,
    /// From the first octet of the rules to their end.
    pub time: Duration,
    /// Processor time spent on them; in steps of the system's clock, mostly a hundredth of a second.
    pub cpu: Duration,
    /// Anonymous memory of the processes (proportional set size), where they stay.
    pub resident: Option<Span>,
    /// Memory of the kernel, where that is where rules end.
    pub kernel: Option<Span>,
    /// The most that processes and kernel took together, in octets; none without a control group.
    pub peak: Option<u64>,
    /// Rules that the engine itself counts; none where it does not say.
    pub counted: Option<u64>,
}

impl Load {
    /// What the rules take where they end, in octets: in the kernel and in processes.
    pub fn memory(&self) -> Option<u64> {
        let (kernel, resident) = (self.kernel.map(Span::added), self.resident.map(Span::added));
        match (kernel, resident) {
            (None, None) => None,
            (kernel, resident) => Some(kernel.unwrap_or(0).saturating_add(resident.unwrap_or(0))),
        }
    }
}

/// The middle one of some figures, the lower of two; none of none.
pub fn median<T: Ord + Copy>(figures: impl IntoIterator<Item = T>) -> Option<T> {
    let mut sorted: Vec<T> = figures.into_iter().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_figure_that_was_seen() {
        assert_eq!(median::<u64>([]), None);
        assert_eq!(median([3]), Some(3));
        assert_eq!(median([9, 1]), Some(1));
        assert_eq!(median([9, 1, 5]), Some(5));
    }
}
