//! Columns of [`Rules`](super::Rules): what rules do, kept once each, and their names and NLRIs, one behind the other.

use super::{Action, Outcome};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

/// What rules do with a packet that matches: few of a rule set differ.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Effect {
    pub(super) outcome: Outcome,
    pub(super) action_given: bool,
    pub(super) actions: Box<[Action]>,
}

impl Hash for Effect {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.outcome, self.action_given, self.actions.len()).hash(state);
        self.actions.iter().for_each(|action| action.digest(state));
    }
}

/// The effects of a rule set, each once, as far as they are easily told to be equal.
#[derive(Clone, Default)]
pub(super) struct Effects {
    list: Vec<Effect>,
    // By their digest: those that are behind the first few.
    index: HashMap<u64, u32, RandomState>,
}

impl Effects {
    pub(super) fn get(&self, index: u32) -> Option<&Effect> {
        self.list.get(index as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Effect> {
        self.list.iter()
    }

    /// So many are compared before digests are made.
    const FEW: usize = 8;

    pub(super) fn index(&mut self, outcome: Outcome, action_given: bool, actions: &[Action]) -> u32 {
        let same = |known: &Effect| {
            known.outcome == outcome && known.action_given == action_given && *known.actions == *actions
        };
        if let Some(known) = self.list.iter().take(Self::FEW).position(same) {
            return u32::try_from(known).unwrap_or(u32::MAX);
        }
        let effect = Effect { outcome, action_given, actions: actions.into() };
        let new = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        if self.list.len() >= Self::FEW {
            let digest = self.index.hasher().hash_one(&effect);
            let known = *self.index.entry(digest).or_insert(new);
            if known != new && self.list.get(known as usize) == Some(&effect) {
                return known;
            }
        }
        self.list.push(effect);
        new
    }

    pub(super) fn map(&mut self, to: impl Fn(Outcome) -> Outcome) {
        self.index.clear();
        self.list.iter_mut().for_each(|effect| effect.outcome = to(effect.outcome));
    }
}

/// Numbers, one for each rule, kept narrow while they fit.
#[derive(Clone)]
pub(super) struct Column<N, W> {
    narrow: Vec<N>,
    // All of them, once one does not fit.
    wide: Vec<W>,
}

/// Which of the effects each rule has.
pub(super) type Indices = Column<u8, u32>;

impl<N, W> Default for Column<N, W> {
    fn default() -> Self {
        Self { narrow: Vec::new(), wide: Vec::new() }
    }
}

impl<N: Copy + TryFrom<W>, W: Copy + From<N>> Column<N, W> {
    pub(super) fn reserve(&mut self, count: usize) {
        self.narrow.reserve(count);
    }

    pub(super) fn push(&mut self, number: W) {
        match N::try_from(number) {
            Ok(narrow) if self.wide.is_empty() => self.narrow.push(narrow),
            _ => {
                self.widen();
                self.wide.push(number);
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<W> {
        self.narrow.get(index).map(|n| W::from(*n)).or_else(|| self.wide.get(index).copied())
    }

    pub(super) fn set(&mut self, index: usize, number: W) {
        if let (Some(place), Ok(narrow)) = (self.narrow.get_mut(index), N::try_from(number)) {
            *place = narrow;
            return;
        }
        self.widen();
        if let Some(place) = self.wide.get_mut(index) {
            *place = number;
        }
    }

    fn widen(&mut self) {
        self.wide.extend(std::mem::take(&mut self.narrow).into_iter().map(W::from));
    }

    pub(super) fn permute(&mut self, order: &Permutation<'_>) {
        order.apply(&mut self.narrow);
        order.apply(&mut self.wide);
    }

    pub(super) fn picked(&self, order: &[usize]) -> Self {
        let mut new = Self::default();
        order.iter().filter_map(|index| self.get(*index)).for_each(|number| new.push(number));
        new
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.narrow.shrink_to_fit();
        self.wide.shrink_to_fit();
    }
}

/// An order that holds every index once.
pub(super) struct Permutation<'a>(&'a [usize]);

impl<'a> Permutation<'a> {
    /// None where an index is missing.
    pub(super) fn new(order: &'a [usize]) -> Option<Self> {
        let mut seen = Seen::new(order.len());
        order.iter().all(|index| seen.first(*index)).then_some(Self(order))
    }

    /// Puts a list into this order, where it is; a list of another length is left.
    pub(super) fn apply<T>(&self, list: &mut [T]) {
        if list.len() != self.0.len() {
            return;
        }
        let mut seen = Seen::new(list.len());
        for start in 0..list.len() {
            let mut to = start;
            while seen.first(to)
                && let Some(from) = self.0.get(to)
                && *from != start
            {
                list.swap(to, *from);
                to = *from;
            }
        }
    }
}

// Which indices were met.
struct Seen {
    words: Vec<u64>,
    count: usize,
}

impl Seen {
    fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)], count }
    }

    // Whether this is an index that was not met before.
    #[inline]
    fn first(&mut self, index: usize) -> bool {
        let Some(word) = self.words.get_mut(index / 64).filter(|_| index < self.count) else { return false };
        let new = *word >> (index % 64) & 1 == 0;
        *word |= 1 << (index % 64);
        new
    }
}

/// A name and perhaps an NLRI for each rule, one behind the other in one list of octets.
#[derive(Clone, Default)]
pub(super) struct Labels {
    // Of each: twice the length of the name, and one more where there is an NLRI; the name; the length of the
    // NLRI; the NLRI. Lengths have seven bits an octet, lowest first.
    octets: Vec<u8>,
    // Where each begins.
    starts: Column<u32, u64>,
}

impl Labels {
    pub(super) fn reserve(&mut self, count: usize) {
        self.starts.reserve(count);
        // Most names are numbers.
        self.octets.reserve(count.saturating_mul(8));
    }

    pub(super) fn push(&mut self, name: &str, nlri: Option<&[u8]>) {
        self.starts.push(self.octets.len() as u64);
        self.length((name.len() as u64) << 1 | u64::from(nlri.is_some()));
        self.octets.extend_from_slice(name.as_bytes());
        if let Some(nlri) = nlri {
            self.length(nlri.len() as u64);
            self.octets.extend_from_slice(nlri);
        }
    }

    fn length(&mut self, mut length: u64) {
        while length >= 0x80 {
            self.octets.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        #[expect(clippy::cast_possible_truncation, reason = "below 128")]
        self.octets.push(length as u8);
    }

    /// The name and the NLRI of an index; neither where there is none.
    pub(super) fn get(&self, index: usize) -> (&str, Option<&[u8]>) {
        let (name, nlri) = self.octets_of(index);
        // Only whole names are put in, so this is what was put in.
        (std::str::from_utf8(name).unwrap_or(""), nlri)
    }

    /// The octets of the name and the NLRI of an index.
    pub(super) fn octets_of(&self, index: usize) -> (&[u8], Option<&[u8]>) {
        let start = self.starts.get(index).and_then(|start| usize::try_from(start).ok());
        let label = start.and_then(|start| self.octets.get(start..)).unwrap_or(&[]);
        let (head, rest) = read_length(label);
        let (name, rest) = split(rest, head >> 1);
        let nlri = (head & 1 == 1).then(|| {
            let (length, rest) = read_length(rest);
            split(rest, length).0
        });
        (name, nlri)
    }

    pub(super) fn permute(&mut self, order: &Permutation<'_>) {
        self.starts.permute(order);
    }

    pub(super) fn picked(&self, order: &[usize]) -> Self {
        let mut new = Self::default();
        for index in order {
            let (name, nlri) = self.get(*index);
            new.push(name, nlri);
        }
        new
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.octets.shrink_to_fit();
        self.starts.shrink_to_fit();
    }
}

#[inline]
fn read_length(mut octets: &[u8]) -> (u64, &[u8]) {
    let (mut length, mut shift) = (0_u64, 0);
    while let Some((octet, rest)) = octets.split_first() {
        length |= u64::from(octet & 0x7f) << shift;
        shift += 7;
        octets = rest;
        if octet & 0x80 == 0 {
            break;
        }
    }
    (length, octets)
}

fn split(octets: &[u8], length: u64) -> (&[u8], &[u8]) {
    usize::try_from(length).ok().and_then(|length| octets.split_at_checked(length)).unwrap_or((&[], &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_widen_when_one_does_not_fit() {
        let mut column = Column::<u8, u16>::default();
        let list: Vec<u16> = (0..20).map(|n| n * 17).collect();
        for number in &list {
            column.push(*number);
        }
        let order: Vec<usize> = (0..20).map(|n| n * 7 % 20).collect();
        column.permute(&Permutation::new(&order).unwrap());
        column.set(3, 999);
        let want = order.iter().map(|index| list[*index]);
        for (index, want) in want.enumerate() {
            assert_eq!(column.get(index), Some(if index == 3 { 999 } else { want }));
        }
        assert_eq!(column.get(20), None);
        assert!(Permutation::new(&[0, 2, 2]).is_none() && Permutation::new(&[0, 3, 1]).is_none());
    }
}
