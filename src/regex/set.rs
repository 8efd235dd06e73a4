//! Sets of octets: what one step of a pattern takes.

use std::fmt;

/// A set of octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Octets([u64; 4]);

impl Octets {
    /// No octet.
    pub const NONE: Self = Self([0; 4]);
    /// Every octet.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// The one octet.
    pub fn one(octet: u8) -> Self {
        let mut set = Self::NONE;
        set.insert(octet);
        set
    }

    /// Those from `first` to `last`, both included.
    pub fn range(first: u8, last: u8) -> Self {
        (first..=last).collect()
    }

    /// Adds an octet.
    pub fn insert(&mut self, octet: u8) {
        if let Some(word) = self.0.get_mut(usize::from(octet >> 6)) {
            *word |= 1 << (octet & 63);
        }
    }

    /// Whether it holds an octet.
    #[inline]
    pub fn contains(&self, octet: u8) -> bool {
        self.0.get(usize::from(octet >> 6)).is_some_and(|word| word >> (octet & 63) & 1 == 1)
    }

    /// Those in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let (Self([a0, a1, a2, a3]), Self([b0, b1, b2, b3])) = (self, other);
        Self([a0 | b0, a1 | b1, a2 | b2, a3 | b3])
    }

    /// Those in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let (Self([a0, a1, a2, a3]), Self([b0, b1, b2, b3])) = (self, other);
        Self([a0 & b0, a1 & b1, a2 & b2, a3 & b3])
    }

    /// Those not in the other.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        let (Self([a0, a1, a2, a3]), Self([b0, b1, b2, b3])) = (self, other);
        Self([a0 & !b0, a1 & !b1, a2 & !b2, a3 & !b3])
    }

    /// Those it does not hold.
    #[must_use]
    pub fn complement(self) -> Self {
        Self::ALL.difference(self)
    }

    /// With both cases of every letter.
    #[must_use]
    pub fn folded(self) -> Self {
        self.iter()
            .flat_map(|octet| [octet.to_ascii_lowercase(), octet.to_ascii_uppercase(), octet])
            .collect()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        let Self([a, b, c, d]) = self;
        a | b | c | d == 0
    }

    /// How many it holds.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Its octets in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |octet| self.contains(*octet))
    }

    /// The octet of it that reads best: a letter, a digit, something that can be printed, any.
    pub fn sample(self) -> Option<u8> {
        READABLE.iter().find_map(|kind| self.intersection(*kind).first())
    }

    /// Its first octet.
    fn first(self) -> Option<u8> {
        let words = self.0.iter().zip([0_u32, 64, 128, 192]);
        words
            .filter(|(word, _)| **word != 0)
            .map(|(word, base)| base + word.trailing_zeros())
            .next()?
            .try_into()
            .ok()
    }
}

/// Octets from those that read best to all of them.
const READABLE: [Octets; 5] = [
    // Small letters.
    Octets([0, 0x07ff_fffe << 32, 0, 0]),
    // Letters and digits.
    Octets([0x03ff << 48, 0x07ff_fffe << 32 | 0x07ff_fffe, 0, 0]),
    // What can be printed, but for the blank.
    Octets([!0 << 33, !0 >> 1, 0, 0]),
    Octets([1 << 32, 0, 0, 0]),
    Octets::ALL,
];

impl FromIterator<u8> for Octets {
    fn from_iter<I: IntoIterator<Item = u8>>(octets: I) -> Self {
        let mut set = Self::NONE;
        octets.into_iter().for_each(|octet| set.insert(octet));
        set
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: Vec<u8> = self.iter().collect();
        write!(f, "[{}]", text.escape_ascii())
    }
}

/// `\d`.
pub(super) fn digits() -> Octets {
    Octets::range(b'0', b'9')
}

/// `\w`.
pub(super) fn word() -> Octets {
    (0..=u8::MAX).filter(|octet| octet.is_ascii_alphanumeric() || *octet == b'_').collect()
}

/// `\s`, with the vertical tab as in Perl 5.18 and PCRE2.
pub(super) fn blank() -> Octets {
    Octets::range(9, 13).union(Octets::one(b' '))
}

/// What stands at the end of a line.
pub(super) fn line_end() -> Octets {
    Octets::one(b'\n')
}

/// Splits all octets into sets that no set of `list` cuts; sorted, none empty.
pub(super) fn partition(list: impl IntoIterator<Item = Octets>) -> Vec<Octets> {
    let mut parts = vec![Octets::ALL];
    for set in list {
        // At most 256 parts, so that no list of sets makes this long.
        let halves = |part: &Octets| [part.intersection(set), part.difference(set)];
        parts = parts.iter().flat_map(halves).filter(|part| !part.is_empty()).collect();
    }
    parts.sort_unstable();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_what_they_hold() {
        for (a, b) in
            [(Octets::range(3, 200), Octets::range(190, 255)), (digits(), word()), (blank(), digits())]
        {
            for octet in 0..=u8::MAX {
                let (x, y) = (a.contains(octet), b.contains(octet));
                assert_eq!(a.union(b).contains(octet), x || y);
                assert_eq!(a.intersection(b).contains(octet), x && y);
                assert_eq!(a.difference(b).contains(octet), x && !y);
                assert_eq!(a.complement().contains(octet), !x);
            }
        }
        assert_eq!((word().len(), Octets::ALL.len(), Octets::NONE.len()), (63, 256, 0));
        assert_eq!(Octets::one(b'k').folded(), [b'k', b'K'].into_iter().collect());
        assert_eq!(
            (word().sample(), blank().sample(), Octets::NONE.sample()),
            (Some(b'a'), Some(b' '), None)
        );
    }

    #[test]
    fn parts_are_cut_by_no_set() {
        let sets = [digits(), word(), Octets::range(b'5', b'k')];
        let parts = partition(sets);
        assert_eq!(parts.iter().map(Octets::len).sum::<u32>(), 256);
        for (part, set) in parts.iter().flat_map(|part| sets.map(|set| (part, set))) {
            let inside = part.intersection(set);
            assert!(inside.is_empty() || inside == *part);
        }
    }
}
