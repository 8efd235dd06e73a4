//! Entries in a tree that cuts the space of keys, so that few of them are left to be compared.
//!
//! A place of the tree cuts one word of the key into parts of equal length, each with a place of its own. Entries that
//! would stand in too many parts are kept beside, in one more place under the same one. Every place knows the first
//! rule below it, so that what stands behind a rule found is not looked at.

use super::block::{Block, Compare, Entry, LANES, NONE};
use super::key::Key;
use crate::guard::{Meter, limits};

/// Entries that are compared rather than told apart further.
const FEW: usize = 12;
/// Places one inside the other.
const DEPTH: usize = 14;
/// How often entries may stand in a tree, on average: each takes 32 octets and a share of places.
const COPIES: usize = 12;
/// Into how many parts a word is cut, as bits.
const FANS: [u32; 5] = [3, 6, 9, 12, 16];
/// What stands beside: entries of more than the whole region by this.
const WIDE: [u64; 3] = [1, 8, 256];
/// Entries of a list in which those that earlier ones cover are looked for.
const PAIRS: usize = 64;

/// Ranges of the words of a key.
type Region = [(u32, u32); 4];

const EVERYWHERE: Region = [(0, u32::MAX); 4];

/// A place: either cuts a word, or names blocks.
// What `kind` holds is said where it is made: the word that is cut, by how many bits it is moved, how many parts there
// are; or how many blocks.
#[derive(Clone, Copy, Debug)]
struct Place {
    base: u32,
    kind: u32,
    to: u32,
    least: u32,
}

const HAS_WIDE: u32 = 1 << 2;
const IS_LEAF: u32 = 1 << 3;
const NOWHERE: Place = Place { base: 0, kind: IS_LEAF, to: 0, least: NONE };

impl Place {
    #[inline]
    fn is_leaf(self) -> bool {
        self.kind & IS_LEAF != 0
    }

    #[inline]
    fn has_wide(self) -> bool {
        self.kind & HAS_WIDE != 0
    }

    /// How many parts, or blocks.
    #[inline]
    fn size(self) -> u32 {
        self.kind >> 9
    }

    /// The place that keys of this one go to, by number.
    #[inline]
    fn part(self, key: &Key) -> u32 {
        let word = key.word(self.kind & 3).wrapping_sub(self.base);
        self.to + (word >> (self.kind >> 4 & 31)).min(self.size())
    }
}

/// The first rule of a key among many, without asking all of them.
#[derive(Debug)]
pub(super) struct Tree {
    places: Vec<Place>,
    blocks: Vec<Block>,
}

impl Tree {
    /// A tree of entries whose rules ascend. Where the allowance of steps ends, lists stay as long as they are.
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut tree = Self { places: vec![NOWHERE], blocks: Vec::new() };
        let list: Vec<u32> = (0..).zip(entries).map(|(number, _)| number).collect();
        let room = list.len().saturating_mul(COPIES).saturating_add(1_024);
        let mut builder = Builder { tree: &mut tree, entries, meter: Meter::new(&limits::COMPILE_STEPS) };
        builder.place(0, list, EVERYWHERE, room, DEPTH);
        tree.places.shrink_to_fit();
        tree.blocks.shrink_to_fit();
        tree
    }

    /// The octets it takes.
    pub(super) fn octets(&self) -> usize {
        size_of_val(&*self.places) + size_of_val(&*self.blocks)
    }

    /// The first rule, not before `from`, of an entry that holds the key; [`NONE`] where there is none.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code for one processor")]
    pub(super) fn first(&self, compare: impl Compare, key: &Key, from: u32) -> u32 {
        let mut best = NONE;
        // Places that stand beside, at most one for each level.
        let mut beside = [0_u32; DEPTH];
        let mut waiting = 0;
        let Some(mut place) = self.places.first().copied() else { return NONE };
        loop {
            if place.least < best {
                if !place.is_leaf() {
                    if place.has_wide() {
                        if let Some(slot) = beside.get_mut(waiting) {
                            *slot = place.to + place.size() + 1;
                        }
                        waiting += 1;
                    }
                    place = self.places.get(place.part(key) as usize).copied().unwrap_or(NOWHERE);
                    continue;
                }
                let first = place.to as usize;
                let blocks = self.blocks.get(first..first + place.size() as usize).unwrap_or(&[]);
                for block in blocks {
                    let rule = block.rule(compare.lanes(block, key), from);
                    if rule != NONE {
                        best = best.min(rule);
                        break;
                    }
                }
            }
            if waiting == 0 {
                return best;
            }
            waiting -= 1;
            let next = beside.get(waiting).map_or(0, |at| *at as usize);
            place = self.places.get(next).copied().unwrap_or(NOWHERE);
        }
    }
}

/// A cut that was weighed.
#[derive(Clone, Copy)]
struct Cut {
    cost: f32,
    word: usize,
    base: u32,
    shift: u32,
    parts: u32,
    // What stands beside.
    wide: u64,
    // How many entries stand in parts, each as often as it does.
    copies: usize,
}

struct Builder<'b> {
    tree: &'b mut Tree,
    entries: &'b [Entry],
    meter: Meter,
}

/// What finding the first of so many entries takes, in comparisons of a block.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn effort(entries: usize) -> f32 {
    match entries {
        0 => 0.0,
        1..=LANES => 1.0,
        more => 1.0 + 0.6 * (more as f32 / LANES as f32).log2(),
    }
}

/// Whether a range is narrow enough to stand in parts.
fn is_narrow((lo, hi): (u32, u32), wide: u64, whole: u64) -> bool {
    let size = u64::from(hi - lo) + 1;
    size.saturating_mul(wide) <= whole && (wide > 1 || size < whole)
}

impl Builder<'_> {
    fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
    }

    /// The part of an entry's range that lies in the region.
    fn clipped(&self, number: u32, word: usize, (lo, hi): (u32, u32)) -> (u32, u32) {
        let range = self.entry(number).map_or((lo, hi), |entry| entry.range(word));
        (range.0.max(lo), range.1.min(hi))
    }

    fn leaf(&mut self, at: usize, list: &[u32]) {
        let Some(least) = list.first().and_then(|first| self.entry(*first)).map(|entry| entry.rule) else {
            return;
        };
        let entries = self.entries;
        let first = self.tree.blocks.len();
        for part in list.chunks(LANES) {
            let part = part.iter().filter_map(|number| entries.get(*number as usize));
            self.tree.blocks.push(Block::new(part));
        }
        let count = self.tree.blocks.len() - first;
        self.set(at, Place { base: 0, kind: IS_LEAF | number(count) << 9, to: number(first), least });
    }

    fn set(&mut self, at: usize, place: Place) {
        if let Some(old) = self.tree.places.get_mut(at) {
            *old = place;
        }
    }

    /// Makes the place for a list, whose copies may take so much room.
    fn place(&mut self, at: usize, mut list: Vec<u32>, region: Region, room: usize, depth: usize) {
        self.shorten(&mut list, &region);
        let spent = self.meter.charge(list.len() as u64).is_err();
        if list.len() <= FEW || depth <= 1 || spent {
            return self.leaf(at, &list);
        }
        let Some(cut) = self.best(&list, &region, room) else { return self.leaf(at, &list) };
        let Some(range) = region.get(cut.word).copied() else { return self.leaf(at, &list) };
        let least = list.first().and_then(|first| self.entry(*first)).map_or(NONE, |entry| entry.rule);
        let whole = u64::from(range.1 - range.0) + 1;
        let (mut parts, mut wide) = (vec![Vec::new(); cut.parts as usize], Vec::new());
        for number in &list {
            let own = self.clipped(*number, cut.word, range);
            if is_narrow(own, cut.wide, whole) {
                let (from, to) = ((own.0 - cut.base) >> cut.shift, (own.1 - cut.base) >> cut.shift);
                let parts = parts.get_mut(from as usize..=to as usize).into_iter().flatten();
                parts.for_each(|part: &mut Vec<u32>| part.push(*number));
            } else {
                wide.push(*number);
            }
        }
        drop(list);
        let to = self.tree.places.len();
        // Behind the parts one for keys in none of them, and one for what stands beside.
        self.tree.places.resize(to + parts.len() + 1 + usize::from(!wide.is_empty()), NOWHERE);
        let flags = number(cut.word) | if wide.is_empty() { 0 } else { HAS_WIDE };
        let kind = flags | cut.shift << 4 | cut.parts << 9;
        self.set(at, Place { base: cut.base, kind, to: number(to), least });
        let beside = to + parts.len() + 1;
        let all = cut.copies + wide.len();
        let share = |count: usize| room.saturating_mul(count) / all.max(1);
        for (part, index) in parts.into_iter().zip(0_u32..) {
            let first = u64::from(cut.base) + (u64::from(index) << cut.shift);
            let last = (first + (1 << cut.shift) - 1).min(range.1.into());
            let mut region = region;
            if let Some(range) = region.get_mut(cut.word) {
                *range = (low(first), low(last));
            }
            let room = share(part.len());
            self.place(to + index as usize, part, region, room, depth - 1);
        }
        if !wide.is_empty() {
            let room = share(wide.len());
            self.place(beside, wide, region, room, depth - 1);
        }
    }

    /// Drops what no key of the region is left for.
    fn shorten(&self, list: &mut Vec<u32>, region: &Region) {
        let entries = self.entries;
        let known = |number: &u32| entries.get(*number as usize);
        let takes_all = |entry: &Entry| {
            let mut words = region.iter().enumerate();
            entry.ends
                && entry.classes == u32::MAX
                && words.all(|(word, (lo, hi))| {
                    let own = entry.range(word);
                    own.0 <= *lo && *hi <= own.1
                })
        };
        if let Some(last) = list.iter().position(|number| known(number).is_some_and(takes_all)) {
            list.truncate(last + 1);
        }
        if list.len() > PAIRS {
            return;
        }
        let mut kept: Vec<u32> = Vec::with_capacity(list.len());
        for number in &*list {
            let covered = known(number).is_some_and(|entry| {
                let mut earlier = kept.iter().filter_map(known);
                earlier.any(|earlier| earlier.ends && earlier.covers(entry, region))
            });
            if !covered {
                kept.push(*number);
            }
        }
        *list = kept;
    }

    /// The cut after which the least is left to do, if it is less than to compare all.
    fn best(&mut self, list: &[u32], region: &Region, room: usize) -> Option<Cut> {
        let mut best: Option<Cut> = None;
        let mut counts = Vec::new();
        for (word, range) in region.iter().enumerate().filter(|(_, (lo, hi))| lo < hi) {
            let whole = u64::from(range.1 - range.0) + 1;
            for wide in WIDE {
                let (mut lo, mut hi, mut narrow) = (u32::MAX, 0, 0);
                for number in list {
                    let own = self.clipped(*number, word, *range);
                    if is_narrow(own, wide, whole) {
                        (lo, hi, narrow) = (lo.min(own.0), hi.max(own.1), narrow + 1);
                    }
                }
                if self.meter.charge(list.len() as u64).is_err() {
                    return best;
                }
                if narrow * 4 < list.len() || hi <= lo {
                    continue;
                }
                let bits = 32 - (hi - lo).leading_zeros();
                for fan in FANS {
                    if 1 << fan > (narrow * 8).max(16) {
                        break;
                    }
                    let shift = bits.saturating_sub(fan);
                    let parts = ((hi - lo) >> shift) + 1;
                    let cut = Cut { cost: 0.0, word, base: lo, shift, parts, wide, copies: 0 };
                    if self.meter.charge(list.len() as u64 + u64::from(parts)).is_err() {
                        return best;
                    }
                    let weighed = self.weigh(cut, list, *range, narrow, room, &mut counts);
                    if let Some(cut) = weighed.filter(|cut| best.is_none_or(|best| cut.cost < best.cost)) {
                        best = Some(cut);
                    }
                    if shift == 0 {
                        break;
                    }
                }
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let compared = 1.0 + list.len() as f32 / LANES as f32 * 0.5;
        best.filter(|cut| cut.cost < compared)
    }

    /// What is left to do after a cut; none where it tells nothing apart, or takes too much room.
    #[expect(clippy::cast_precision_loss, reason = "estimates")]
    fn weigh(
        &self,
        cut: Cut,
        list: &[u32],
        range: (u32, u32),
        narrow: usize,
        room: usize,
        counts: &mut Vec<i32>,
    ) -> Option<Cut> {
        let whole = u64::from(range.1 - range.0) + 1;
        counts.clear();
        counts.resize(cut.parts as usize + 1, 0);
        let mut copies = 0_usize;
        for number in list {
            let own = self.clipped(*number, cut.word, range);
            if is_narrow(own, cut.wide, whole) {
                let (from, to) = ((own.0 - cut.base) >> cut.shift, (own.1 - cut.base) >> cut.shift);
                copies = copies.saturating_add((to - from) as usize + 1);
                if let Some(count) = counts.get_mut(from as usize) {
                    *count += 1;
                }
                if let Some(count) = counts.get_mut(to as usize + 1) {
                    *count -= 1;
                }
            }
        }
        let wide = list.len() - narrow;
        if copies > narrow * 6 + 16 || copies + wide > room.max(list.len()) {
            return None;
        }
        // Keys are taken to come where rules are.
        let (mut here, mut most, mut sum) = (0, 0, 0.0);
        for count in counts.iter() {
            here += count;
            most = most.max(here);
            let entries = usize::try_from(here).unwrap_or(0);
            sum += entries as f32 * effort(entries);
        }
        let most = usize::try_from(most).unwrap_or(0);
        if most + wide >= list.len() + wide / 2 {
            return None;
        }
        let parts = cut.parts as f32 / (list.len() as f32 * 64.0);
        let copied = (copies as f32 / narrow as f32 - 1.0) * 0.1;
        Some(Cut { cost: 0.6 + sum / copies as f32 + effort(wide) + parts + copied, copies, ..cut })
    }
}

/// A number of places or blocks: there are fewer than entries in memory.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::block::Plain;
    use super::*;
    use crate::net::Random;

    fn number(random: &mut Random, below: u64) -> u32 {
        u32::try_from(random.next() % below).unwrap()
    }

    /// A range around some of few places, narrow or wide.
    fn range(random: &mut Random, places: u64) -> (u32, u32) {
        let lo = number(random, places) * 0x0101_0400;
        let more = u32::MAX.checked_shr(number(random, 34)).unwrap_or(0);
        (lo, lo.saturating_add(more))
    }

    fn entries(random: &mut Random, count: u32) -> Vec<Entry> {
        let port = |(lo, hi): (u32, u32)| ((lo >> 16) as u16, (hi >> 16) as u16);
        let entry = |rule| Entry {
            dst: range(random, 200),
            src: range(random, 20),
            sport: if number(random, 4) == 0 { port(range(random, 200)) } else { (0, u16::MAX) },
            dport: port(range(random, 200)),
            classes: [u32::MAX, 1, 2, 6][number(random, 4) as usize],
            rule,
            ends: number(random, 4) > 0,
        };
        (0..count).map(entry).collect()
    }

    #[test]
    fn the_first_rule_is_that_of_a_search_through_all() {
        let mut random = Random(7);
        for count in [0, 1, 9, 40, 300, 3_000] {
            let entries = entries(&mut random, count);
            let tree = Tree::new(&entries);
            for _ in 0..2_000 {
                let ports = number(&mut random, 200) * 0x0101_0400 + number(&mut random, 3);
                let [dst, src] = [200, 20].map(|places| range(&mut random, places).1);
                let key = Key::new(dst, src, ports, 1 << number(&mut random, 3));
                // What stands behind one that ends is not asked for.
                let from = if number(&mut random, 2) == 0 { 0 } else { number(&mut random, 3_000) };
                let held = || entries.iter().filter(|entry| entry.holds(&key));
                let is_behind = held().any(|entry| entry.ends && entry.rule < from);
                let want = held().find(|entry| entry.rule >= from).map_or(NONE, |entry| entry.rule);
                let found = tree.first(Plain, &key, from);
                assert!(found == want || is_behind, "{key:?} from {from}: {found}, not {want}");
                #[cfg(target_arch = "x86_64")]
                if let Some(fast) = pulp::x86::V3::try_new() {
                    assert_eq!(tree.first(fast, &key, from), found, "{key:?}");
                }
            }
        }
    }
}
