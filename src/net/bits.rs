//! Ternary patterns: a value and a mask that says which of its bits count.

use thin_vec::ThinVec;

/// A ternary pattern: matches `x` when `x & mask == value`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BitMatch {
    /// The bits that count.
    pub mask: u128,
    /// Their values; zero outside the mask.
    pub value: u128,
}

impl BitMatch {
    /// The pattern that compares `x & mask` with `value`; bits of `value` outside the mask are dropped.
    pub fn new(value: u128, mask: u128) -> Self {
        Self { mask, value: value & mask }
    }

    /// Whether `x` has the pattern.
    #[inline]
    pub fn contains(self, x: u128) -> bool {
        x & self.mask == self.value
    }

    /// The pattern of values that have both, where there is any.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let agree = (self.value ^ other.value) & self.mask & other.mask == 0;
        agree.then_some(Self { mask: self.mask | other.mask, value: self.value | other.value })
    }

    /// Whether every value that has `self` also has `other`.
    pub fn is_subset(self, other: Self) -> bool {
        self.mask & other.mask == other.mask && self.value & other.mask == other.value
    }
}

/// A union of ternary patterns, sorted, none inside another.
///
/// Two values of this type may describe the same set and still differ; what must know asks the symbolic stage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct BitSet(ThinVec<BitMatch>);

impl BitSet {
    /// The union of the patterns.
    pub fn new(patterns: impl IntoIterator<Item = BitMatch>) -> Self {
        let patterns = patterns.into_iter();
        // Nearly always one: a vector that grows takes room for four.
        let mut list = ThinVec::with_capacity(patterns.size_hint().0);
        list.extend(patterns);
        if list.len() > 1 {
            list.sort_unstable();
            list.dedup();
            // They stand by mask: where a wider pattern is, it stands among those of its mask.
            let groups: Vec<&[BitMatch]> = list.chunk_by(|a, b| a.mask == b.mask).collect();
            let is_inside = |pattern: &BitMatch| {
                groups.iter().filter_map(|group| Some((group.first()?.mask, *group))).any(|(mask, group)| {
                    mask != pattern.mask
                        && mask & !pattern.mask == 0
                        && group.binary_search(&BitMatch::new(pattern.value, mask)).is_ok()
                })
            };
            if groups.len() > 1 {
                list = list.iter().filter(|pattern| !is_inside(pattern)).copied().collect();
            }
            list.shrink_to_fit();
        }
        Self(list)
    }

    /// The patterns, sorted.
    pub fn patterns(&self) -> &[BitMatch] {
        &self.0
    }

    /// Whether `x` has one of the patterns.
    #[inline]
    pub fn contains(&self, x: u128) -> bool {
        self.0.iter().any(|p| p.contains(x))
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pattern_of_a_set_is_inside_another_and_none_is_lost() {
        let patterns = |seed: u32| {
            (0..12_u32)
                .map(move |i| (seed.wrapping_mul(0x9e37_79b9) >> (i * 2)) & 0xff)
                .map(|bits| BitMatch::new((bits & 0xf).into(), (bits >> 4).into()))
        };
        for seed in 1..500 {
            let set = BitSet::new(patterns(seed));
            for x in 0..16 {
                assert_eq!(set.contains(x), patterns(seed).any(|p| p.contains(x)), "{set:?} {x}");
            }
            let list = set.patterns();
            assert!(list.is_sorted());
            assert!(list.iter().all(|a| !list.iter().any(|b| a != b && a.is_subset(*b))), "{set:?}");
        }
    }

    #[test]
    fn intersection_and_subset_agree_with_membership_exhaustively() {
        let all = || (0..8_u128).flat_map(|m| (0..8_u128).map(move |v| BitMatch::new(v, m)));
        for a in all() {
            for b in all() {
                let both = a.intersection(b);
                assert_eq!(a.is_subset(b), (0..8).all(|x| !a.contains(x) || b.contains(x)));
                for x in 0..8 {
                    assert_eq!(both.is_some_and(|p| p.contains(x)), a.contains(x) && b.contains(x));
                }
            }
        }
    }
}
