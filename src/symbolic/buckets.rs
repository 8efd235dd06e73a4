//! Where cells are looked for: by the prefix that holds their destinations, and in it by the one that holds their sources.

use super::cells::{Address, Cell};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Cells by their addresses, as numbers.
#[derive(Debug)]
pub(super) struct Buckets<A> {
    // The lengths of destination prefixes there are, of those shorter than a head.
    short: u128,
    // The lengths of the others with the same head, counted from its own: most prefixes a question could look for share
    // no head with one there is.
    heads: HashMap<A, u128, RandomState>,
    // Where the cells of a destination are in `sources`: small, because every question looks here.
    by_destination: HashMap<(A, u8), u32, RandomState>,
    sources: Vec<Sources<A>>,
}

/// Cells of one destination prefix.
#[derive(Debug)]
struct Sources<A> {
    // While there are few, all of them.
    few: Vec<u32>,
    // The lengths of source prefixes there are, where there are more.
    lengths: Vec<u8>,
    by_source: HashMap<(A, u8), Vec<u32>, RandomState>,
}

/// Cells looked at one by one.
const FEW: usize = 12;

impl<A> Default for Buckets<A> {
    fn default() -> Self {
        Self { short: 0, heads: HashMap::default(), by_destination: HashMap::default(), sources: Vec::new() }
    }
}

impl<A> Default for Sources<A> {
    fn default() -> Self {
        Self { few: Vec::new(), lengths: Vec::new(), by_source: HashMap::default() }
    }
}

/// The longest prefix that holds a range, and its length.
pub(super) fn prefix<A: Address>(range: (A, A)) -> (A, u8) {
    let length = range.0.common(range.1).min(A::BITS);
    (range.0.masked(length), length)
}

/// The lowest bits, up to one and with it.
fn up_to(bit: u8) -> u128 {
    u128::MAX >> 127_u8.saturating_sub(bit)
}

/// The bits that are set, ascending.
#[expect(clippy::cast_possible_truncation, reason = "at most 127")]
fn bits(mut mask: u128) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as u8;
        let left = mask & mask.wrapping_sub(1);
        (std::mem::replace(&mut mask, left) != 0).then_some(bit)
    })
}

impl<A: Address> Buckets<A> {
    /// Makes room for cells of so many destinations.
    pub(super) fn reserve(&mut self, destinations: usize) {
        self.by_destination.reserve(destinations);
    }

    /// Adds the cell of a number; `source` gives the sources of those added before.
    pub(super) fn add<const RAW: bool>(&mut self, number: u32, cell: &Cell<A, RAW>, cells: &[Cell<A, RAW>]) {
        let destination = prefix(cell.dst);
        match destination.1.checked_sub(A::HEAD) {
            None => self.short |= 1 << destination.1,
            Some(length) => *self.heads.entry(destination.0.masked(A::HEAD)).or_default() |= 1 << length,
        }
        let next = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let at = *self.by_destination.entry(destination).or_insert(next);
        if at == next {
            self.sources.push(Sources::default());
        }
        let Some(sources) = self.sources.get_mut(at as usize) else { return };
        if sources.by_source.is_empty() && sources.few.len() < FEW {
            sources.few.push(number);
            return;
        }
        for earlier in std::mem::take(&mut sources.few) {
            if let Some(cell) = cells.get(earlier as usize) {
                sources.add(earlier, prefix(cell.src));
            }
        }
        sources.add(number, prefix(cell.src));
    }

    /// Takes out the cell of a number.
    pub(super) fn remove<const RAW: bool>(&mut self, number: u32, cell: &Cell<A, RAW>) {
        let at = self.by_destination.get(&prefix(cell.dst));
        let Some(sources) = at.and_then(|at| self.sources.get_mut(*at as usize)) else { return };
        sources.few.retain(|other| *other != number);
        if let Some(list) = sources.by_source.get_mut(&prefix(cell.src)) {
            list.retain(|other| *other != number);
        }
    }

    /// All cells whose prefixes hold these of a destination and a source, and perhaps others.
    pub(super) fn around(&self, dst: (A, u8), src: (A, u8)) -> impl Iterator<Item = u32> + '_ {
        let long = match dst.1.checked_sub(A::HEAD) {
            None => 0,
            Some(most) => self.heads.get(&dst.0.masked(A::HEAD)).map_or(0, |long| long & up_to(most)),
        };
        let lengths = bits(self.short & up_to(dst.1)).chain(bits(long).map(|length| length + A::HEAD));
        let groups = lengths.filter_map(move |length| {
            let at = self.by_destination.get(&(dst.0.masked(length), length))?;
            self.sources.get(*at as usize)
        });
        groups.flat_map(move |sources| {
            let lengths = sources.lengths.iter().filter(move |length| **length <= src.1);
            let lists =
                lengths.filter_map(move |length| sources.by_source.get(&(src.0.masked(*length), *length)));
            sources.few.iter().chain(lists.flatten()).copied()
        })
    }
}

impl<A: Address> Sources<A> {
    fn add(&mut self, number: u32, source: (A, u8)) {
        if !self.lengths.contains(&source.1) {
            self.lengths.push(source.1);
        }
        self.by_source.entry(source).or_default().push(number);
    }
}
