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

/// Numbers, one for each rule, kept in two octets while they fit.
#[derive(Clone, Default)]
pub(super) struct Indices {
    narrow: Vec<u16>,
    // All of them, once one does not fit.
    wide: Vec<u32>,
}

impl Indices {
    pub(super) fn reserve(&mut self, count: usize) {
        self.narrow.reserve(count);
    }

    pub(super) fn push(&mut self, number: u32) {
        match u16::try_from(number) {
            Ok(narrow) if self.wide.is_empty() => self.narrow.push(narrow),
            _ => {
                self.widen();
                self.wide.push(number);
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<u32> {
        self.narrow.get(index).map(|n| u32::from(*n)).or_else(|| self.wide.get(index).copied())
    }

    pub(super) fn set(&mut self, index: usize, number: u32) {
        if let (Some(place), Ok(narrow)) = (self.narrow.get_mut(index), u16::try_from(number)) {
            *place = narrow;
            return;
        }
        self.widen();
        if let Some(place) = self.wide.get_mut(index) {
            *place = number;
        }
    }

    fn widen(&mut self) {
        self.wide.extend(std::mem::take(&mut self.narrow).into_iter().map(u32::from));
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

/// A name and perhaps an NLRI for each rule, one behind the other in one list of octets.
#[derive(Clone, Default)]
pub(super) struct Labels {
    // Of each: twice the length of the name, and one more where there is an NLRI, seven bits an octet, lowest
    // first; the name; the NLRI.
    octets: Vec<u8>,
    // Where each ends, less as many times 4 GiB as stand in `wraps` up to it.
    ends: Vec<u32>,
    // The first ones that end behind another 4 GiB.
    wraps: Vec<usize>,
}

impl Labels {
    pub(super) fn reserve(&mut self, count: usize) {
        self.ends.reserve(count);
        // Most names are numbers.
        self.octets.reserve(count.saturating_mul(8));
    }

    pub(super) fn push(&mut self, name: &str, nlri: Option<&[u8]>) {
        let mut head = (name.len() as u64) << 1 | u64::from(nlri.is_some());
        while head >= 0x80 {
            self.octets.push((head & 0x7f) as u8 | 0x80);
            head >>= 7;
        }
        #[expect(clippy::cast_possible_truncation, reason = "below 128")]
        self.octets.push(head as u8);
        self.octets.extend_from_slice(name.as_bytes());
        self.octets.extend_from_slice(nlri.unwrap_or(&[]));
        self.end_here();
    }

    fn end_here(&mut self) {
        let end = self.octets.len() as u64;
        while end >> 32 > self.wraps.len() as u64 {
            self.wraps.push(self.ends.len());
        }
        self.ends.push(u32::try_from(end & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    }

    /// The name and the NLRI of an index; neither where there is none.
    pub(super) fn get(&self, index: usize) -> (&str, Option<&[u8]>) {
        let (mut head, mut shift, mut rest) = (0_u64, 0, self.label(index));
        while let Some((octet, behind)) = rest.split_first() {
            head |= u64::from(octet & 0x7f) << shift;
            shift += 7;
            rest = behind;
            if octet & 0x80 == 0 {
                break;
            }
        }
        let length = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        let (name, nlri) = rest.split_at_checked(length).unwrap_or((&[], &[]));
        // Only whole names are put in, so this is what was put in.
        (std::str::from_utf8(name).unwrap_or(""), (head & 1 == 1).then_some(nlri))
    }

    fn label(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.end(before));
        start.zip(self.end(index)).and_then(|(start, end)| self.octets.get(start..end)).unwrap_or(&[])
    }

    #[inline]
    fn end(&self, index: usize) -> Option<usize> {
        let low = u64::from(*self.ends.get(index)?);
        let high =
            if self.wraps.is_empty() { 0 } else { self.wraps.partition_point(|first| *first <= index) };
        usize::try_from((high as u64) << 32 | low).ok()
    }

    pub(super) fn picked(&self, order: &[usize]) -> Self {
        let mut new = Self::default();
        new.octets.reserve(self.octets.len());
        new.ends.reserve(order.len());
        for index in order {
            new.octets.extend_from_slice(self.label(*index));
            new.end_here();
        }
        new
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.octets.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}
