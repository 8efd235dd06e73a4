//! Sets of unsigned integers as sorted, disjoint, non-adjacent closed ranges.

use std::fmt;
use thin_vec::ThinVec;

/// An unsigned integer a set can range over.
pub trait Unsigned: Copy + Ord + fmt::Debug + Into<u128> {
    /// The smallest value of the type.
    const MIN: Self;
    /// The largest value of the type.
    const MAX: Self;
    /// The next value, or none at the top.
    fn next(self) -> Option<Self>;
    /// The value before, or none at zero.
    fn prev(self) -> Option<Self>;
}

macro_rules! unsigned {
    ($($t:ty),*) => {$(
        impl Unsigned for $t {
            const MIN: Self = <$t>::MIN;
            const MAX: Self = <$t>::MAX;
            #[inline]
            fn next(self) -> Option<Self> { self.checked_add(1) }
            #[inline]
            fn prev(self) -> Option<Self> { self.checked_sub(1) }
        }
    )*};
}
unsigned!(u32, u64, u128);

/// A set of integers: sorted, disjoint, non-adjacent closed ranges, so that equal sets are equal values.
///
/// One range, by far the most usual set in a rule, is kept without an allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IntervalSet<T>(Repr<T>);

// INVARIANT: `Many` never holds exactly one range, so the derived equality is set equality.
// Its vector is a thin pointer, so that a set of `u32` fits in 16 octets.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr<T> {
    One(T, T),
    Many(ThinVec<(T, T)>),
}

impl<T: Unsigned> IntervalSet<T> {
    /// The set without members.
    pub fn empty() -> Self {
        Self(Repr::Many(ThinVec::new()))
    }

    /// Every value of the type.
    pub fn full() -> Self {
        Self(Repr::One(T::MIN, T::MAX))
    }

    /// The values from `lo` to `hi`, both included; empty when `lo > hi`.
    pub fn range(lo: T, hi: T) -> Self {
        if lo > hi { Self::empty() } else { Self(Repr::One(lo, hi)) }
    }

    /// The set of one value.
    pub fn single(value: T) -> Self {
        Self(Repr::One(value, value))
    }

    /// The union of closed ranges in any order; a range whose low end exceeds its high end is empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut ranges = ranges.into_iter().filter(|(lo, hi)| lo <= hi);
        let Some(first) = ranges.next() else { return Self::empty() };
        let Some(second) = ranges.next() else { return Self(Repr::One(first.0, first.1)) };
        let mut list: Vec<(T, T)> = [first, second].into_iter().chain(ranges).collect();
        list.sort_unstable();
        list.dedup_by(|next, kept| {
            // Overlapping or adjacent: grow the kept one.
            let touches = kept.1.next().is_none_or(|after| next.0 <= after);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        Self::from_canonical(&list)
    }

    fn from_canonical(list: &[(T, T)]) -> Self {
        if let [(lo, hi)] = list {
            return Self(Repr::One(*lo, *hi));
        }
        // Of just that size: a vector that grows takes room for more.
        let mut ranges = ThinVec::with_capacity(list.len());
        ranges.extend_from_slice(list);
        Self(Repr::Many(ranges))
    }

    /// Ranges that stand in a set already.
    pub(crate) fn from_parts(parts: Parts<T>) -> Self {
        Self(match parts {
            Parts::One(lo, hi) => Repr::One(lo, hi),
            Parts::Many(list) => Repr::Many(list),
        })
    }

    /// The ranges, out of the set.
    pub(crate) fn into_parts(self) -> Parts<T> {
        match self.0 {
            Repr::One(lo, hi) => Parts::One(lo, hi),
            Repr::Many(list) => Parts::Many(list),
        }
    }

    /// The set, borrowed.
    #[inline]
    pub fn view(&self) -> Intervals<'_, T> {
        Intervals(match &self.0 {
            Repr::One(lo, hi) => View::One(*lo, *hi),
            Repr::Many(list) => View::Many(list),
        })
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (T, T)> + DoubleEndedIterator + '_ {
        self.view().ranges()
    }

    /// Whether `value` is a member.
    #[inline]
    pub fn contains(&self, value: T) -> bool {
        self.view().contains(value)
    }

    /// Whether the set has no member.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// The smallest member.
    pub fn min(&self) -> Option<T> {
        self.view().min()
    }

    /// The largest member.
    pub fn max(&self) -> Option<T> {
        self.view().max()
    }

    /// The only member, where there is exactly one.
    pub fn as_single(&self) -> Option<T> {
        self.view().as_single()
    }

    /// The range, where it is one.
    pub fn as_range(&self) -> Option<(T, T)> {
        match self.0 {
            Repr::One(lo, hi) => Some((lo, hi)),
            Repr::Many(_) => None,
        }
    }

    /// The values in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.view().intersection(other.view())
    }

    /// The values in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.view().union(other.view())
    }

    /// The values up to `max` that are not members.
    #[must_use]
    pub fn complement(&self, max: T) -> Self {
        self.view().complement(max)
    }

    /// The members that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.view().difference(other.view())
    }

    /// Whether every member is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.view().is_subset(other.view())
    }

    /// How many members, saturating at `u128::MAX`.
    pub fn size(&self) -> u128 {
        self.view().size()
    }
}

/// What an [`IntervalSet`] holds, for a type that packs it closer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Parts<T> {
    /// One range.
    One(T, T),
    /// None, or several.
    Many(ThinVec<(T, T)>),
}

/// An [`IntervalSet`] borrowed from wherever its ranges are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Intervals<'a, T>(View<'a, T>);

// INVARIANT: as of `Repr`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum View<'a, T> {
    One(T, T),
    Many(&'a [(T, T)]),
}

impl<'a, T: Unsigned> Intervals<'a, T> {
    /// The view of one range that is not empty.
    #[inline]
    pub(crate) fn one(lo: T, hi: T) -> Self {
        Self(View::One(lo, hi))
    }

    /// The view of ranges taken out of a set.
    #[inline]
    pub(crate) fn many(list: &'a [(T, T)]) -> Self {
        Self(View::Many(list))
    }

    /// A set of its own.
    pub fn to_set(self) -> IntervalSet<T> {
        IntervalSet(match self.0 {
            View::One(lo, hi) => Repr::One(lo, hi),
            View::Many(list) => Repr::Many(list.into()),
        })
    }

    /// The ranges, ascending.
    pub fn ranges(self) -> impl ExactSizeIterator<Item = (T, T)> + DoubleEndedIterator + Clone + 'a {
        let (one, many) = match self.0 {
            View::One(lo, hi) => (Some((lo, hi)), &[][..]),
            View::Many(list) => (None, list),
        };
        Ranges { one, many }
    }

    /// Whether `value` is a member.
    #[inline]
    pub fn contains(self, value: T) -> bool {
        match self.0 {
            View::One(lo, hi) => lo <= value && value <= hi,
            View::Many(list) => {
                let after = list.partition_point(|(lo, _)| *lo <= value);
                after.checked_sub(1).and_then(|i| list.get(i)).is_some_and(|(_, hi)| value <= *hi)
            }
        }
    }

    /// Whether the set has no member.
    pub fn is_empty(self) -> bool {
        matches!(self.0, View::Many([]))
    }

    /// The smallest member.
    pub fn min(self) -> Option<T> {
        self.ranges().next().map(|(lo, _)| lo)
    }

    /// The largest member.
    pub fn max(self) -> Option<T> {
        self.ranges().next_back().map(|(_, hi)| hi)
    }

    /// The only member, where there is exactly one.
    pub fn as_single(self) -> Option<T> {
        match self.0 {
            View::One(lo, hi) if lo == hi => Some(lo),
            _ => None,
        }
    }

    /// The values in both.
    #[must_use]
    pub fn intersection(self, other: Intervals<'_, T>) -> IntervalSet<T> {
        if let (View::One(a, b), View::One(c, d)) = (self.0, other.0) {
            return IntervalSet::range(a.max(c), b.min(d));
        }
        let (mut left, mut right) = (self.ranges(), other.ranges());
        let (mut a, mut b) = (left.next(), right.next());
        let mut list = Vec::new();
        while let (Some(x), Some(y)) = (a, b) {
            let (lo, hi) = (x.0.max(y.0), x.1.min(y.1));
            if lo <= hi {
                list.push((lo, hi));
            }
            if x.1 < y.1 {
                a = left.next();
            } else {
                b = right.next();
            }
        }
        IntervalSet::from_canonical(&list)
    }

    /// The values in either.
    #[must_use]
    pub fn union(self, other: Intervals<'_, T>) -> IntervalSet<T> {
        IntervalSet::from_ranges(self.ranges().chain(other.ranges()))
    }

    /// The values up to `max` that are not members.
    #[must_use]
    pub fn complement(self, max: T) -> IntervalSet<T> {
        let mut list = Vec::new();
        let mut from = Some(T::MIN);
        for (lo, hi) in self.ranges() {
            if let (Some(start), Some(end)) = (from, lo.prev())
                && start <= end
                && start <= max
            {
                list.push((start, end.min(max)));
            }
            from = hi.next();
        }
        if let Some(start) = from
            && start <= max
        {
            list.push((start, max));
        }
        IntervalSet::from_canonical(&list)
    }

    /// The members that are not in `other`.
    #[must_use]
    pub fn difference(self, other: Intervals<'_, T>) -> IntervalSet<T> {
        self.intersection(other.complement(T::MAX).view())
    }

    /// Whether every member is in `other`.
    pub fn is_subset(self, other: Intervals<'_, T>) -> bool {
        self.difference(other).is_empty()
    }

    /// How many members, saturating at `u128::MAX`.
    pub fn size(self) -> u128 {
        self.ranges()
            .fold(0, |sum: u128, (lo, hi)| sum.saturating_add((hi.into() - lo.into()).saturating_add(1)))
    }
}

#[derive(Clone)]
struct Ranges<'a, T> {
    one: Option<(T, T)>,
    many: &'a [(T, T)],
}

impl<T: Unsigned> Iterator for Ranges<'_, T> {
    type Item = (T, T);

    fn next(&mut self) -> Option<(T, T)> {
        self.one.take().or_else(|| {
            let (first, rest) = self.many.split_first()?;
            self.many = rest;
            Some(*first)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.many.len() + usize::from(self.one.is_some());
        (len, Some(len))
    }
}

impl<T: Unsigned> DoubleEndedIterator for Ranges<'_, T> {
    fn next_back(&mut self) -> Option<(T, T)> {
        match self.many.split_last() {
            Some((last, rest)) => {
                self.many = rest;
                Some(*last)
            }
            None => self.one.take(),
        }
    }
}

impl<T: Unsigned> ExactSizeIterator for Ranges<'_, T> {}

impl<T: Unsigned> fmt::Debug for IntervalSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl<T: Unsigned> fmt::Debug for Intervals<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges().map(|(lo, hi)| lo.into()..=hi.into())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Every set over 0..=5, as the bits of a mask.
    fn from_mask(mask: u32) -> IntervalSet<u32> {
        IntervalSet::from_ranges((0..6).filter(|i| mask >> i & 1 == 1).map(|i| (i, i)))
    }

    #[test]
    fn operations_agree_with_bit_masks_exhaustively() {
        for a in 0..64_u32 {
            let sa = from_mask(a);
            assert_eq!(sa.complement(5), from_mask(!a & 63));
            assert_eq!(sa.size(), u128::from(a.count_ones()));
            for v in 0..6 {
                assert_eq!(sa.contains(v), a >> v & 1 == 1);
            }
            for b in 0..64_u32 {
                let sb = from_mask(b);
                assert_eq!(sa.intersection(&sb), from_mask(a & b));
                assert_eq!(sa.union(&sb), from_mask(a | b));
                assert_eq!(sa.difference(&sb), from_mask(a & !b));
                assert_eq!(sa.is_subset(&sb), a & !b == 0);
            }
        }
    }

    #[test]
    fn the_ends_of_the_type_are_ordinary_values() {
        let top = IntervalSet::from_ranges([(u32::MAX, u32::MAX), (0, 0), (1, 3)]);
        assert_eq!(top.ranges().collect::<Vec<_>>(), [(0, 3), (u32::MAX, u32::MAX)]);
        assert_eq!(top.complement(u32::MAX), IntervalSet::range(4, u32::MAX - 1));
        assert!(IntervalSet::<u32>::full().complement(u32::MAX).is_empty());
        assert!(std::mem::size_of::<IntervalSet<u32>>() == 16);
    }
}
