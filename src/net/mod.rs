//! Small exact sets: closed intervals, prefixes, ternary patterns. No rules in them.

mod bits;
mod interval;
mod prefix;
mod truth;

pub use bits::{BitMatch, BitSet};
pub(crate) use interval::Parts;
pub use interval::{IntervalSet, Intervals, Unsigned};
pub use prefix::{ParsePrefixError, Prefix4, Prefix6};
pub use truth::{PATTERN_BITS, TruthSet};
