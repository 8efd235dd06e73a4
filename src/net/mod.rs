//! Small exact sets: closed intervals, prefixes, ternary patterns. No rules in them.

mod bits;
mod interval;
mod prefix;

pub use bits::{BitMatch, BitSet};
pub use interval::{IntervalSet, Unsigned};
pub use prefix::{ParsePrefixError, Prefix4, Prefix6};
