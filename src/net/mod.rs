//! Small exact sets: closed intervals, prefixes, ternary patterns; and numbers from a seed. No rules in them.

mod bits;
mod interval;
mod prefix;
mod random;
mod truth;

pub use bits::{BitMatch, BitSet};
pub(crate) use interval::Parts;
pub use interval::{IntervalSet, Intervals, Unsigned};
pub use prefix::{ParsePrefixError, Prefix4, Prefix6};
pub(crate) use random::{Random, STEP, mix};
pub use truth::{PATTERN_BITS, TruthSet};
