//! Eight entries side by side, compared with one key at once.
//!
//! Where the processor has them, by instructions that compare eight words each; else one after the other.

use super::key::Key;
use pulp::bytemuck::{cast_mut, cast_ref};
use pulp::u32x8;

/// Entries of a block.
pub(super) const LANES: usize = 8;

/// No rule.
pub(super) const NONE: u32 = u32::MAX;

/// What one entry asks for: a range of each field, where the first value and the number of values behind it are kept,
/// and the classes of protocols.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) dst: (u32, u32),
    pub(super) src: (u32, u32),
    pub(super) sport: (u16, u16),
    pub(super) dport: (u16, u16),
    pub(super) classes: u32,
    /// The number of the rule.
    pub(super) rule: u32,
    /// Whether a packet of the entry goes to no rule behind it.
    pub(super) ends: bool,
}

impl Entry {
    /// The range of a word of the key.
    #[inline]
    pub(super) fn range(&self, word: usize) -> (u32, u32) {
        let high = |(lo, hi): (u16, u16)| (u32::from(lo) << 16, u32::from(hi) << 16 | 0xffff);
        match word {
            0 => self.dst,
            1 => self.src,
            2 => high(self.sport),
            _ => high(self.dport),
        }
    }

    /// Whether every packet of a region that is in the other is in this one.
    pub(super) fn covers(&self, other: &Self, region: &[(u32, u32); 4]) -> bool {
        let mut words = region.iter().enumerate();
        other.classes & !self.classes == 0
            && words.all(|(word, (lo, hi))| {
                let (own, others) = (self.range(word), other.range(word));
                own.0 <= others.0.max(*lo) && others.1.min(*hi) <= own.1
            })
    }

    /// Whether a key is in it.
    #[cfg(test)]
    pub(super) fn holds(&self, key: &Key) -> bool {
        let words = [key.word(0), key.word(1), key.word(2), key.word(3)];
        let within = |(word, value): (usize, &u32)| {
            let (lo, hi) = self.range(word);
            (lo..=hi).contains(value)
        };
        words.iter().enumerate().all(within) && self.classes & key.class != 0
    }
}

// Two ports stand in one word. A lane without an entry has no class.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Block {
    dst: u32x8,
    dst_more: u32x8,
    src: u32x8,
    src_more: u32x8,
    ports: u32x8,
    ports_more: u32x8,
    classes: u32x8,
    rules: u32x8,
}

const ZEROS: u32x8 = u32x8(0, 0, 0, 0, 0, 0, 0, 0);
const ONES: u32x8 = u32x8(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE);

impl Block {
    /// A block of at most [`LANES`] entries, whose rules ascend.
    pub(super) fn new<'e>(entries: impl Iterator<Item = &'e Entry>) -> Self {
        let mut block = Self {
            dst: ZEROS,
            dst_more: ZEROS,
            src: ZEROS,
            src_more: ZEROS,
            ports: ZEROS,
            ports_more: ZEROS,
            classes: ZEROS,
            rules: ONES,
        };
        for (lane, entry) in entries.take(LANES).enumerate() {
            let Entry { dst, src, sport, dport, classes, rule, ends: _ } = *entry;
            let pair = |sport: u16, dport: u16| u32::from(sport) << 16 | u32::from(dport);
            for (words, value) in [
                (&mut block.dst, dst.0),
                (&mut block.dst_more, dst.1 - dst.0),
                (&mut block.src, src.0),
                (&mut block.src_more, src.1 - src.0),
                (&mut block.ports, pair(sport.0, dport.0)),
                (&mut block.ports_more, pair(sport.1 - sport.0, dport.1 - dport.0)),
                (&mut block.classes, classes),
                (&mut block.rules, rule),
            ] {
                let words: &mut [u32; LANES] = cast_mut(words);
                if let Some(word) = words.get_mut(lane) {
                    *word = value;
                }
            }
        }
        block
    }

    /// The rule of the first of some lanes, given as bits, that is not before `from`.
    #[inline]
    pub(super) fn rule(&self, lanes: u32, from: u32) -> u32 {
        let rules: &[u32; LANES] = cast_ref(&self.rules);
        let mut lanes = lanes;
        while lanes != 0 {
            if let Some(rule) = rules.get(lanes.trailing_zeros() as usize)
                && *rule >= from
            {
                return *rule;
            }
            lanes &= lanes - 1;
        }
        NONE
    }
}

/// A way to compare a block with a key.
pub(super) trait Compare: Copy {
    /// The lanes that hold the key, as bits.
    fn lanes(self, block: &Block, key: &Key) -> u32;
}

/// One lane after the other, on any processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain;

impl Compare for Plain {
    #[inline]
    fn lanes(self, block: &Block, key: &Key) -> u32 {
        let within = |value: u32, first: &u32x8, more: &u32x8| {
            let (first, more): (&[u32; LANES], &[u32; LANES]) = (cast_ref(first), cast_ref(more));
            let lanes = first.iter().zip(more).zip(0..);
            lanes.fold(0_u32, |bits, ((first, more), lane)| {
                bits | u32::from(value.wrapping_sub(*first) <= *more) << lane
            })
        };
        let ports = |shift: u32| {
            let (first, more): (&[u32; LANES], &[u32; LANES]) =
                (cast_ref(&block.ports), cast_ref(&block.ports_more));
            let port = |word: u32| u16::try_from(word >> shift & 0xffff).unwrap_or(0);
            let lanes = first.iter().zip(more).zip(0..);
            lanes.fold(0_u32, |bits, ((first, more), lane)| {
                bits | u32::from(port(key.ports()).wrapping_sub(port(*first)) <= port(*more)) << lane
            })
        };
        let classes: &[u32; LANES] = cast_ref(&block.classes);
        let classes = classes.iter().zip(0..);
        let classes =
            classes.fold(0_u32, |bits, (classes, lane)| bits | u32::from(classes & key.class != 0) << lane);
        within(key.dst(), &block.dst, &block.dst_more)
            & within(key.src(), &block.src, &block.src_more)
            & ports(0)
            & ports(16)
            & classes
    }
}

#[cfg(target_arch = "x86_64")]
impl Compare for pulp::x86::V3 {
    #[inline(always)]
    fn lanes(self, block: &Block, key: &Key) -> u32 {
        use pulp::bytemuck::cast;
        let all = |word: u32| self.splat_u32x8(word);
        let within = |value: u32, first: u32x8, more: u32x8| -> u32x8 {
            cast(self.cmp_le_u32x8(self.wrapping_sub_u32x8(all(value), first), more))
        };
        let ports = self.wrapping_sub_u16x16(cast(all(key.ports())), cast(block.ports));
        let ports: u32x8 = cast(self.cmp_le_u16x16(ports, cast(block.ports_more)));
        // Of both ports at once: all bits of the word.
        let ports: u32x8 = cast(self.cmp_eq_u32x8(ports, ONES));
        let class = all(key.class);
        let classes: u32x8 = cast(self.cmp_eq_u32x8(self.and_u32x8(block.classes, class), class));
        let dst = within(key.dst(), block.dst, block.dst_more);
        let src = within(key.src(), block.src, block.src_more);
        let held = self.and_u32x8(self.and_u32x8(dst, src), self.and_u32x8(ports, classes));
        self.avx._mm256_movemask_ps(cast(held)).cast_unsigned()
    }
}
