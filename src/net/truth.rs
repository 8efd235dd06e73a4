//! Sets of values of a few bits, with a bit for each value: what small expressions over flags accept.

use super::{BitMatch, BitSet};

/// A set of values of six bits in one word, of seven in two and so on: `WORDS` is a power of two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TruthSet<const WORDS: usize>([u64; WORDS]);

/// For each of the six low bits, the values of a word that have it.
const LOW: [u64; 6] = [
    0xaaaa_aaaa_aaaa_aaaa,
    0xcccc_cccc_cccc_cccc,
    0xf0f0_f0f0_f0f0_f0f0,
    0xff00_ff00_ff00_ff00,
    0xffff_0000_ffff_0000,
    0xffff_ffff_0000_0000,
];

/// Over so many bits patterns are looked for.
pub const PATTERN_BITS: usize = 8;
type Patterned = TruthSet<4>;

impl<const WORDS: usize> TruthSet<WORDS> {
    /// No value.
    pub const NONE: Self = Self([0; WORDS]);
    /// Every value.
    pub const ALL: Self = Self([u64::MAX; WORDS]);
    /// How many bits a value has.
    pub const BITS: u32 = 6 + WORDS.ilog2();

    /// The values a test holds for.
    pub fn from_test(test: impl Fn(u32) -> bool) -> Self {
        let mut set = Self::NONE;
        for (word, index) in set.0.iter_mut().zip(0_u32..) {
            *word = (0..64).filter(|low| test(index << 6 | low)).fold(0, |word, low| word | 1 << low);
        }
        set
    }

    /// The values with all bits of `mask`; none where it has bits no value has.
    pub fn with_all(mask: u64) -> Self {
        if mask >> Self::BITS != 0 {
            return Self::NONE;
        }
        let low = low_words(mask).fold(u64::MAX, |a, b| a & b);
        Self::of_words(|index| if index & mask >> 6 == mask >> 6 { low } else { 0 })
    }

    /// The values with any bit of `mask`.
    pub fn with_any(mask: u64) -> Self {
        let low = low_words(mask).fold(0, |a, b| a | b);
        Self::of_words(|index| if index & mask >> 6 != 0 { u64::MAX } else { low })
    }

    fn of_words(word: impl Fn(u64) -> u64) -> Self {
        let mut set = Self::NONE;
        set.0.iter_mut().zip(0..).for_each(|(to, index)| *to = word(index));
        set
    }

    fn zip(mut self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a = join(*a, b));
        self
    }

    /// The values in both.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// The values in either.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// The values that are not in the other.
    #[must_use]
    pub fn without(self, other: &Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    /// The other values.
    #[must_use]
    pub fn complement(self) -> Self {
        Self::ALL.without(&self)
    }

    /// Whether no value is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether a value is in it.
    pub fn contains(&self, value: u32) -> bool {
        self.0.get(value as usize >> 6).is_some_and(|word| word >> (value & 63) & 1 == 1)
    }

    /// The values, in ascending order.
    pub fn members(self) -> impl Iterator<Item = u32> {
        let words = self.0.into_iter().zip(0_u32..);
        words.flat_map(|(word, index)| {
            (0..64).filter(move |low| word >> low & 1 == 1).map(move |low| index << 6 | low)
        })
    }

    /// The values that with that bit the other way are in it.
    #[must_use]
    pub fn turned(self, bit: u32) -> Self {
        let mut set = self;
        for (index, word) in set.0.iter_mut().enumerate() {
            *word = match LOW.get(bit as usize) {
                Some(mask) => (*word & mask) >> (1 << bit) | (*word & !mask) << (1 << bit),
                None => self.0.get(index ^ 1 << (bit - 6)).copied().unwrap_or(0),
            };
        }
        set
    }

    /// Whether a bit decides over any value.
    pub fn depends_on(&self, bit: u32) -> bool {
        self.turned(bit) != *self
    }

    /// The one pattern that is the whole set; none when it takes more, or holds nothing.
    pub fn only_pattern(&self) -> Option<BitMatch> {
        let (mut value, mut mask) = (0_u128, 0_u128);
        for bit in 0..Self::BITS {
            let with = Self::with_all(1 << bit);
            let (set, clear) = (self.without(&with).is_empty(), self.and(&with).is_empty());
            mask |= u128::from(set || clear) << bit;
            value |= u128::from(set) << bit;
        }
        let count: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        (count == 1 << (Self::BITS - mask.count_ones())).then(|| BitMatch::new(value, mask))
    }

    /// Every pattern over `bits` that lies inside the set and in no larger pattern that does: equal sets have equal
    /// ones. None when there are more than `most`, or more than [`PATTERN_BITS`] bits. Other bits are not looked at.
    ///
    /// `inside[free]` holds, for the values of the bits, whether the pattern that leaves the bits of `free` open
    /// and has the others of the value lies inside: each is the one with a bit less, and itself with that bit
    /// turned over.
    pub fn prime_patterns(&self, bits: &[u32], most: usize) -> Option<BitSet> {
        if bits.len() > PATTERN_BITS {
            return None;
        }
        let spread = |index: u32| {
            let set = bits.iter().enumerate().filter(|(i, _)| index >> i & 1 == 1);
            set.fold(0, |x, (_, bit)| x | 1_u32 << bit)
        };
        let size = 1_u32 << bits.len();
        let mut inside = vec![Patterned::from_test(|x| x < size && self.contains(spread(x)))];
        for free in 1..size {
            let smaller = inside.get((free & (free - 1)) as usize).copied().unwrap_or(Patterned::NONE);
            inside.push(smaller.and(&smaller.turned(free.trailing_zeros())));
        }
        let mut patterns = Vec::new();
        for (part, free) in inside.iter().zip(0_u32..) {
            let mut prime = *part;
            for bit in 0..bits.len() {
                match inside.get((free | 1 << bit) as usize) {
                    Some(larger) if free >> bit & 1 == 0 => prime = prime.without(larger),
                    _ => prime = prime.without(&Patterned::with_all(1 << bit)),
                }
            }
            let mask = spread((size - 1) & !free);
            patterns.extend(prime.members().map(|x| BitMatch::new(spread(x).into(), mask.into())));
            if patterns.len() > most {
                return None;
            }
        }
        Some(BitSet::new(patterns))
    }
}

/// The words of the low bits of a mask.
fn low_words(mask: u64) -> impl Iterator<Item = u64> {
    LOW.iter().enumerate().filter(move |(bit, _)| mask >> bit & 1 == 1).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_turns_and_dependence_agree_with_their_definition() {
        for mask in [0_u64, 1, 0x12, 0x40, 0x81, 0xff, 0x100, 0x112] {
            let (all, any) = (TruthSet::<4>::with_all(mask), TruthSet::<4>::with_any(mask));
            for value in 0..256_u32 {
                assert_eq!(all.contains(value), u64::from(value) & mask == mask, "{mask:#x} {value:#x}");
                assert_eq!(any.contains(value), u64::from(value) & mask != 0, "{mask:#x} {value:#x}");
            }
            for bit in 0..8 {
                let turned = any.turned(bit);
                assert!((0..256).all(|v| turned.contains(v) == any.contains(v ^ 1 << bit)));
                assert_eq!(any.depends_on(bit), mask >> bit & 1 == 1);
            }
        }
        assert_eq!(TruthSet::<4>::with_any(0x81).members().count(), 192);
        assert_eq!(TruthSet::<1>::NONE.complement(), TruthSet::ALL);
    }

    #[test]
    fn patterns_are_a_function_of_the_set_and_cover_it_exactly() {
        let sets = [0x0012_u32, 0xffff_0000, 0x8000_0001, 0xdead_beef, 0, u32::MAX];
        for bits in sets {
            // Every set of five bits, as one of six that does not look at the highest.
            let set = TruthSet::<1>::from_test(|v| bits >> (v & 31) & 1 == 1);
            let patterns = set.prime_patterns(&[0, 1, 2, 3, 4], usize::MAX).unwrap();
            assert!((0..64).all(|v| patterns.contains(v.into()) == set.contains(v)), "{bits:#x}");
            let one = set.only_pattern();
            assert_eq!(one.is_some(), patterns.patterns().len() == 1, "{bits:#x}");
            assert!(one.is_none_or(|one| patterns.patterns() == [one]), "{bits:#x}");
        }
    }
}
