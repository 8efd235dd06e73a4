//! The set of values a test accepts.

use crate::field::Field;
use crate::net::{BitMatch, BitSet, IntervalSet, Intervals};
use std::fmt;

/// A set of values of one field.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ValueSet {
    /// Closed ranges of a field of up to 32 bits.
    Ranges(IntervalSet<u32>),
    /// Closed ranges of a wider field.
    Wide(Box<IntervalSet<u128>>),
    /// Ternary patterns, for flags and addresses with masks that are no prefix.
    Bits(BitSet),
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
        Self::Bits(BitSet::new([BitMatch::new(value, mask)]))
    }

    /// Every value `field` can carry.
    pub fn all(field: Field) -> Self {
        let max = field.info().max;
        match u32::try_from(max) {
            Ok(max) => Self::range(0, max),
            Err(_) => Self::Wide(Box::new(IntervalSet::range(0, max))),
        }
    }

    /// The set, borrowed.
    #[inline]
    pub fn view(&self) -> ValueSetRef<'_> {
        match self {
            Self::Ranges(set) => ValueSetRef::Ranges(set.view()),
            Self::Wide(set) => ValueSetRef::Wide(set.view()),
            Self::Bits(set) => ValueSetRef::Bits(set),
        }
    }

    /// Whether `value` is a member.
    #[inline]
    pub fn contains(&self, value: u128) -> bool {
        self.view().contains(value)
    }

    /// Whether no value is a member.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Some member that `field` can carry.
    pub fn member(&self, field: Field) -> Option<u128> {
        self.view().member(field)
    }

    /// The ranges, where the set is kept as ranges of up to 32 bits.
    pub fn as_ranges(&self) -> Option<Intervals<'_, u32>> {
        self.view().as_ranges()
    }

    /// The only member, where the set is kept as ranges and has exactly one.
    pub fn as_single(&self) -> Option<u128> {
        self.view().as_single()
    }
}

impl fmt::Debug for ValueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// A [`ValueSet`] borrowed from wherever it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValueSetRef<'a> {
    /// Closed ranges of a field of up to 32 bits.
    Ranges(Intervals<'a, u32>),
    /// Closed ranges of a wider field.
    Wide(Intervals<'a, u128>),
    /// Ternary patterns.
    Bits(&'a BitSet),
}

impl<'a> ValueSetRef<'a> {
    /// A set of its own.
    pub fn to_set(self) -> ValueSet {
        match self {
            Self::Ranges(set) => set.to_set().into(),
            Self::Wide(set) => set.to_set().into(),
            Self::Bits(set) => set.clone().into(),
        }
    }

    /// Whether `value` is a member.
    #[inline]
    pub fn contains(self, value: u128) -> bool {
        match self {
            Self::Ranges(set) => u32::try_from(value).is_ok_and(|v| set.contains(v)),
            Self::Wide(set) => set.contains(value),
            Self::Bits(set) => set.contains(value),
        }
    }

    /// Whether no value is a member.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Ranges(set) => set.is_empty(),
            Self::Wide(set) => set.is_empty(),
            Self::Bits(set) => set.is_empty(),
        }
    }

    /// Some member that `field` can carry.
    pub fn member(self, field: Field) -> Option<u128> {
        let max = field.info().max;
        match self {
            Self::Ranges(set) => set.min().map(u128::from),
            Self::Wide(set) => set.min(),
            Self::Bits(set) => set.patterns().first().map(|p| p.value),
        }
        .filter(|v| *v <= max)
    }

    /// The ranges, where the set is kept as ranges of up to 32 bits.
    pub fn as_ranges(self) -> Option<Intervals<'a, u32>> {
        match self {
            Self::Ranges(set) => Some(set),
            Self::Wide(_) | Self::Bits(_) => None,
        }
    }

    /// The only member, where the set is kept as ranges and has exactly one.
    pub fn as_single(self) -> Option<u128> {
        match self {
            Self::Ranges(set) => set.as_single().map(u128::from),
            Self::Wide(set) => set.as_single(),
            Self::Bits(_) => None,
        }
    }
}

impl PartialEq<ValueSet> for ValueSetRef<'_> {
    fn eq(&self, other: &ValueSet) -> bool {
        *self == other.view()
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
        Self::Bits(set)
    }
}
