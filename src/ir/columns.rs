//! Two columns of [`Rules`](super::Rules): what rules do, kept once each, and strings of octets one behind the other.

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

/// Strings of octets, one behind the other.
#[derive(Clone, Default)]
pub(super) struct Strings {
    octets: Vec<u8>,
    // Where each ends, less as many times 4 GiB as stand in `wraps` up to it.
    ends: Vec<u32>,
    // The first strings that end behind another 4 GiB.
    wraps: Vec<usize>,
}

impl Strings {
    pub(super) fn reserve(&mut self, count: usize) {
        self.ends.reserve(count);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn push(&mut self, string: &[u8]) {
        self.octets.extend_from_slice(string);
        let end = self.octets.len() as u64;
        while end >> 32 > self.wraps.len() as u64 {
            self.wraps.push(self.ends.len());
        }
        self.ends.push(u32::try_from(end & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    }

    /// The string of an index; nothing where there is none.
    pub(super) fn get(&self, index: usize) -> &[u8] {
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
        if !self.is_empty() {
            new.octets.reserve(self.octets.len());
            new.ends.reserve(order.len());
            for index in order {
                new.push(self.get(*index));
            }
        }
        new
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.octets.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}
