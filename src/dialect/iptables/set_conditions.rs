//! What a set of `ipset save` comes to as a condition.

use super::options::ranges;
use super::sets::{Entry, Part, Set};
use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::net::{IntervalSet, Unsigned};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Sub;

/// First parts of entries that are the same but for them.
type Group<'a> = (Vec<(u32, u32)>, Vec<(u128, u128)>, Vec<&'a Part>);

/// What may be in the set, what surely is, and whether exceptions are followed.
///
/// Of the entries that may be gone the first leaves out the exceptions, the second all but them.
pub(super) fn bounds(set: &Set, sources: &[bool], names: &mut Vec<String>) -> (Condition, Condition, bool) {
    let (over, known) = condition(set, sources, |entry| !entry.temporary || !entry.nomatch, names);
    let (under, _) = condition(set, sources, |entry| !entry.temporary || entry.nomatch, names);
    (over, if known { under } else { Condition::False }, known)
}

/// The entries that are kept, and whether that is exact.
fn condition(
    set: &Set,
    sources: &[bool],
    keep: impl Fn(&Entry) -> bool,
    names: &mut Vec<String>,
) -> (Condition, bool) {
    // Entries that differ in their address only are one test.
    let mut groups: BTreeMap<&[Part], Group<'_>> = BTreeMap::new();
    let excluding = set.entries.iter().any(|entry| entry.nomatch);
    if excluding && set.dimensions.len() == 1 {
        return (by_longest(set, sources, keep), true);
    }
    for entry in set.entries.iter().filter(|entry| keep(entry) && !entry.nomatch) {
        let Some((first, rest)) = entry.parts.split_first() else { continue };
        let group = groups.entry(rest).or_default();
        match first {
            Part::Four(low, high) => group.0.push((*low, *high)),
            Part::Six(low, high) => group.1.push((*low, *high)),
            other => group.2.push(other),
        }
    }
    let source = |index: usize| sources.get(index).copied().unwrap_or(false);
    let parts = groups.into_iter().map(|(rest, (four, six, other))| {
        let mut any = Vec::new();
        if !four.is_empty() {
            any.push(address_test(source(0), &four));
        }
        if !six.is_empty() {
            any.push(address6_test(source(0), six));
        }
        any.extend(other.into_iter().map(|part| part_test(part, source(0), names)));
        let mut all = vec![Condition::or(any)];
        all.extend(rest.iter().enumerate().map(|(index, part)| part_test(part, source(index + 1), names)));
        Condition::and(all)
    });
    (Condition::or(parts), !excluding)
}

pub(super) fn address_test(source: bool, list: &[(u32, u32)]) -> Condition {
    Condition::test(if source { Field::Src4 } else { Field::Dst4 }, ranges(list, false, u32::MAX))
}

pub(super) fn address6_test(source: bool, list: Vec<(u128, u128)>) -> Condition {
    let set = IntervalSet::from_ranges(list);
    Condition::test(if source { Field::Src6 } else { Field::Dst6 }, ValueSet::from(set))
}

/// Nets with exceptions: the longest prefix decides.
pub(super) fn by_longest(set: &Set, sources: &[bool], keep: impl Fn(&Entry) -> bool) -> Condition {
    let source = sources.first().copied().unwrap_or(false);
    let mut four: Vec<(u32, u32, bool)> = Vec::new();
    let mut six: Vec<(u128, u128, bool)> = Vec::new();
    for entry in set.entries.iter().filter(|entry| keep(entry)) {
        match entry.parts.first() {
            Some(Part::Four(low, high)) => four.push((*low, *high, entry.nomatch)),
            Some(Part::Six(low, high)) => six.push((*low, *high, entry.nomatch)),
            _ => {}
        }
    }
    let (field4, field6) = if source { (Field::Src4, Field::Src6) } else { (Field::Dst4, Field::Dst6) };
    let mut parts = Vec::new();
    if !four.is_empty() {
        parts.push(Condition::test(field4, ValueSet::from(held(four))));
    }
    if !six.is_empty() {
        parts.push(Condition::test(field6, ValueSet::from(held(six))));
    }
    Condition::or(parts)
}

/// What nets hold, `true` behind those that are exceptions. The widest first: each later one takes over what it covers.
/// Of equal size none covers another.
fn held<T: Unsigned + Sub<Output = T>>(mut nets: Vec<(T, T, bool)>) -> IntervalSet<T> {
    nets.sort_by_key(|(low, high, _)| Reverse(*high - *low));
    let runs = nets.chunk_by(|a, b| a.2 == b.2);
    runs.fold(IntervalSet::empty(), |held, run| {
        let these = IntervalSet::from_ranges(run.iter().map(|(low, high, _)| (*low, *high)));
        if run.first().is_some_and(|net| net.2) { held.difference(&these) } else { held.union(&these) }
    })
}

/// Interfaces are numbered within `names` here; [`resolve`] puts the symbols of the document in.
pub(super) fn part_test(part: &Part, source: bool, names: &mut Vec<String>) -> Condition {
    let is = |field, value| Condition::test(field, ValueSet::single(value));
    match part {
        Part::Four(low, high) => address_test(source, &[(*low, *high)]),
        Part::Six(low, high) => address6_test(source, vec![(*low, *high)]),
        Part::Port { protocol, low, high } => {
            let proto = is(Field::Proto, u32::from(*protocol));
            if !matches!(protocol, 6 | 17 | 132 | 136) {
                return proto;
            }
            let field = if source { Field::Sport } else { Field::Dport };
            Condition::and([proto, Condition::test(field, ValueSet::range(*low, *high))])
        }
        Part::Icmp { six, kind, code } => {
            let fields =
                if *six { (Field::Icmp6Type, Field::Icmp6Code) } else { (Field::IcmpType, Field::IcmpCode) };
            Condition::and([is(fields.0, *kind), is(fields.1, *code)])
        }
        Part::Mac(mac) => {
            let set = IntervalSet::range(*mac, *mac);
            Condition::test(if source { Field::EthSrc } else { Field::EthDst }, ValueSet::from(set))
        }
        Part::Iface(name) => {
            let at = names.iter().position(|other| other == name).unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            });
            is(if source { Field::InIface } else { Field::OutIface }, u32::try_from(at).unwrap_or(u32::MAX))
        }
    }
}

pub(super) fn resolve(condition: &mut Condition, symbols: &[u32]) {
    condition.change_tests(&mut |test| {
        if let Field::InIface | Field::OutIface = test.field() {
            let at = test.values().as_single().and_then(|value| usize::try_from(value).ok());
            if let Some(symbol) = at.and_then(|at| symbols.get(at)) {
                *test = test.with_values(ValueSet::single(*symbol));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(low: u32, high: u32, nomatch: bool, temporary: bool) -> Entry {
        Entry { parts: vec![Part::Four(low, high)], nomatch, temporary }
    }

    /// What may be in a set leaves out the exceptions that may be gone, what surely is the other entries.
    #[test]
    fn entries_that_may_be_gone_bound_a_set_from_both_sides() {
        let set =
            Set::of_nets(vec![net(0, 99, false, false), net(10, 19, true, true), net(200, 209, false, true)]);
        let (over, under, known) = bounds(&set, &[true], &mut Vec::new());
        assert!(known);
        assert_eq!(over, address_test(true, &[(0, 99), (200, 209)]));
        assert_eq!(under, address_test(true, &[(0, 9), (20, 99)]));
    }
}
