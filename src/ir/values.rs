//! The set of values a test accepts.

use crate::field::Field;
use crate::net::{BitMatch, BitSet, IntervalSet};

/// A set of values of one field.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ValueSet {
    /// Closed ranges of a field of up to 32 bits.
    Ranges(IntervalSet<u32>),
    /// Closed ranges of a wider field.
    Wide(Box<IntervalSet<u128>>),
    /// Ternary patterns, for flags and addresses with masks that are no prefix.
    Bits(Box<BitSet>),
}

impl ValueSet {
    /// The closed range from `lo` to `hi`.
    pub fn range(lo: u32, hi: u32) -> Self {
        Self::Ranges(IntervalSet::range(lo, hi))
    }

    /// One value.
    pub fn single(value: u32) -> Self {
        Self::Ranges(IntervalSet::single(value))
    }

    /// Several values.
    pub fn of(values: impl IntoIterator<Item = u32>) -> Self {
        Self::Ranges(IntervalSet::from_ranges(values.into_iter().map(|v| (v, v))))
    }

    /// The values with `x & mask == value`.
    pub fn bits(value: u128, mask: u128) -> Self {
        Self::Bits(Box::new(BitSet::new([BitMatch::new(value, mask)])))
    }

    /// Every value `field` can carry.
    pub fn all(field: Field) -> Self {
        let max = field.info().max;
        match u32::try_from(max) {
            Ok(max) => Self::range(0, max),
            Err(_) => Self::Wide(Box::new(IntervalSet::range(0, max))),
        }
    }

    /// Whether `value` is a member.
    #[inline]
    pub fn contains(&self, value: u128) -> bool {
        match self {
            Self::Ranges(set) => u32::try_from(value).is_ok_and(|v| set.contains(v)),
            Self::Wide(set) => set.contains(value),
            Self::Bits(set) => set.contains(value),
        }
    }

    /// Whether no value is a member.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Ranges(set) => set.is_empty(),
            Self::Wide(set) => set.is_empty(),
            Self::Bits(set) => set.is_empty(),
        }
    }

    /// Some member that `field` can carry.
    pub fn member(&self, field: Field) -> Option<u128> {
        let max = field.info().max;
        match self {
            Self::Ranges(set) => set.min().map(u128::from),
            Self::Wide(set) => set.min(),
            Self::Bits(set) => set.patterns().first().map(|p| p.value),
        }
        .filter(|v| *v <= max)
    }

    /// The ranges, where the set is kept as ranges of up to 32 bits.
    pub fn as_ranges(&self) -> Option<&IntervalSet<u32>> {
        match self {
            Self::Ranges(set) => Some(set),
            Self::Wide(_) | Self::Bits(_) => None,
        }
    }

    /// The only member, where the set is kept as ranges and has exactly one.
    pub fn as_single(&self) -> Option<u128> {
        match self {
            Self::Ranges(set) => set.as_single().map(u128::from),
            Self::Wide(set) => set.as_single(),
            Self::Bits(_) => None,
        }
    }
}

impl From<IntervalSet<u32>> for ValueSet {
    fn from(set: IntervalSet<u32>) -> Self {
        Self::Ranges(set)
    }
}

impl From<IntervalSet<u128>> for ValueSet {
    fn from(set: IntervalSet<u128>) -> Self {
        Self::Wide(Box::new(set))
    }
}

impl From<BitSet> for ValueSet {
    fn from(set: BitSet) -> Self {
        Self::Bits(Box::new(set))
    }
}
