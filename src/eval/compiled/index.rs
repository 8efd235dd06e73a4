//! The rules of one rule set, found by the keys of packets of one family.

use super::block::{Compare, Entry, NONE, Plain};
use super::cells::{self, Cell};
use super::key::{Classes, Fields, Key, Sections, Values};
use super::tree::Tree;
use crate::field::{Family, Headers};
use crate::guard::{Exhausted, Meter};
use crate::ir::{Outcome, RuleSet, Verdict};
use crate::packet::Tuple;

/// Cells that the rules of a set may become, beside some for each rule.
const ROOM: usize = 200_000;
/// Cells that a rule may become once there is no more room.
const FEW: usize = 8;

/// Finds which rule of a rule set may be the next to match a packet.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) fields: Fields,
    classes: Classes,
    // Of sources and destinations, where they do not fit into a word.
    sections: Option<[Sections; 2]>,
    tree: Tree,
    // For each rule the verdict it gives where its key is found, if that is all there is to it.
    sure: Vec<Option<Verdict>>,
}

impl Index {
    /// An index of the rules of a set; `fields` are those of its family.
    pub(super) fn new(set: &RuleSet, fields: Fields, meter: &mut Meter) -> Result<Self, Exhausted> {
        let mut found: Vec<(u32, Cell, bool)> = Vec::new();
        let mut exact = Vec::with_capacity(set.rules.len());
        for (condition, rule) in set.rules.conditions().iter().zip(0..) {
            // Where rules have become many cells, those behind become few.
            let most = if found.len() > ROOM + 16 * set.rules.len() { FEW } else { cells::MOST };
            let cells = cells::cells(condition, &fields, most);
            meter.charge(1 + cells.work as u64)?;
            exact.push(cells.exact);
            found.extend(cells.list.into_iter().map(|cell| (rule, cell, cells.exact)));
        }
        let classes = Classes::of(found.iter().map(|(_, cell, _)| cell.protocols).collect());
        let sections = (fields.family == Family::Inet6).then(|| {
            let of =
                |range: fn(&Cell) -> (u128, u128)| Sections::of(found.iter().map(|(_, cell, _)| range(cell)));
            [of(|cell| cell.src), of(|cell| cell.dst)]
        });
        let mut entries = Vec::with_capacity(found.len());
        for (rule, cell, cell_exact) in &found {
            let (bits, told_apart) = classes.bits(cell);
            if let Some(exact) = exact.get_mut(*rule as usize).filter(|_| !told_apart) {
                *exact = false;
            }
            let decides = matches!(set.rules.outcome(*rule as usize), Some(Outcome::Verdict(_)));
            let word = |range: (u128, u128), place: usize| match sections.as_ref().and_then(|s| s.get(place))
            {
                Some(sections) => (sections.section(range.0), sections.section(range.1)),
                None => (low(range.0), low(range.1)),
            };
            entries.push(Entry {
                src: word(cell.src, 0),
                dst: word(cell.dst, 1),
                sport: port(cell.sport),
                dport: port(cell.dport),
                classes: bits,
                rule: *rule,
                ends: decides && *cell_exact && told_apart,
            });
        }
        let sure = exact.iter().enumerate().map(|(rule, exact)| match set.rules.outcome(rule) {
            Some(Outcome::Verdict(verdict)) if *exact => Some(verdict),
            _ => None,
        });
        let sure = sure.collect();
        Ok(Self { fields, classes, sections, tree: Tree::new(&entries), sure })
    }

    /// The key of a packet; none where its values do not make one.
    #[inline]
    pub(super) fn key(&self, headers: &Headers) -> Option<Key> {
        let values = Values::of(headers, &self.fields)?;
        let class = self.classes.bit(values.protocol, values.sport.is_some(), values.dport.is_some());
        let ports = u32::from(values.sport.unwrap_or(0)) << 16 | u32::from(values.dport.unwrap_or(0));
        let [src, dst] = match &self.sections {
            Some([src, dst]) => [src.section(values.src), dst.section(values.dst)],
            None => [low(values.src), low(values.dst)],
        };
        Some(Key::new(dst, src, ports, class))
    }

    /// The key of an IPv4 packet, from its octets.
    #[inline]
    pub(super) fn key_of(&self, tuple: &Tuple) -> Key {
        let ports = if self.fields.are_raw() { Some(tuple.word) } else { tuple.ports() };
        let class = self.classes.bit(tuple.protocol, ports.is_some(), ports.is_some());
        Key::new(tuple.dst, tuple.src, ports.unwrap_or(0), class)
    }

    /// What the rule of a number decides of a packet with a key that it was found by, if that is all that can be said.
    #[inline]
    pub(super) fn sure(&self, rule: u32) -> Option<Verdict> {
        self.sure.get(rule as usize).copied().flatten()
    }

    /// For each key the first rule, not before `from`, that may match.
    #[inline]
    pub(super) fn first(&self, keys: &[Key], from: u32, found: &mut [u32]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(compare) = pulp::x86::V3::try_new() {
            return compare.vectorize(Run { compare, tree: &self.tree, keys, from, found });
        }
        pulp::NullaryFnOnce::call(Run { compare: Plain, tree: &self.tree, keys, from, found });
    }

    /// The first rule, not before `from`, that may match.
    pub(super) fn next(&self, key: &Key, from: u32) -> Option<u32> {
        let mut found = [NONE];
        self.first(std::slice::from_ref(key), from, &mut found);
        let [found] = found;
        (found != NONE).then_some(found)
    }

    /// The octets it takes.
    pub(super) fn octets(&self) -> usize {
        let sections = self.sections.iter().flatten().map(Sections::octets);
        self.tree.octets() + size_of_val(&*self.sure) + sections.sum::<usize>()
    }
}

// A type and no closure: what it does must become part of the code for the processor.
struct Run<'r, C> {
    compare: C,
    tree: &'r Tree,
    keys: &'r [Key],
    from: u32,
    found: &'r mut [u32],
}

impl<C: Compare> pulp::NullaryFnOnce for Run<'_, C> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code for one processor")]
    fn call(self) {
        let Self { compare, tree, keys, from, found } = self;
        for (key, found) in keys.iter().zip(found) {
            *found = tree.first(compare, key, from);
        }
    }
}

/// An address of IPv4.
fn low(address: u128) -> u32 {
    u32::try_from(address).unwrap_or(u32::MAX)
}

/// The port of a count; packets without one have 0 in their key.
fn port((lo, hi): (u32, u32)) -> (u16, u16) {
    let port = |count: u32| u16::try_from(count.saturating_sub(1)).unwrap_or(u16::MAX);
    (port(lo), port(hi))
}
