//! Address lists: the longest prefix decides, and what is in no listed prefix does not match.

use super::literal::{Address, address};
use super::lower::Lowering;
use super::numbers::shown;
use super::support::{Families, Slot};
use super::syntax::NodeId;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::Field;
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Test, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet, Prefix4, Prefix6, Unsigned};
use crate::source::Span;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// The prefixes of a `prefix-list`.
#[derive(Debug, Default)]
pub(super) struct PrefixList {
    pub(super) four: Vec<Prefix4>,
    pub(super) six: Vec<Prefix6>,
    /// Why not all of it is known; empty when it is.
    pub(super) unknown: &'static str,
}

/// Prefixes of one family with their exceptions, as a term lists them.
#[derive(Debug)]
struct List<T> {
    plain: Vec<(T, T, u8)>,
    except: Vec<(T, T, u8)>,
}

impl<T> List<T> {
    fn new() -> Self {
        Self { plain: Vec::new(), except: Vec::new() }
    }

    fn push(&mut self, range: (T, T, u8), except: bool) {
        if except { self.except.push(range) } else { self.plain.push(range) }
    }
}

impl<T: Unsigned> List<T> {
    /// The addresses whose longest listed prefix is no exception. `rest` says that what is in no prefix
    /// matches too when every prefix is an exception.
    fn set(&self, rest: bool) -> IntervalSet<T> {
        if self.except.is_empty() {
            return match *self.plain.as_slice() {
                [(lo, hi, _)] => IntervalSet::range(lo, hi),
                _ => IntervalSet::from_ranges(self.plain.iter().map(|(lo, hi, _)| (*lo, *hi))),
            };
        }
        let mut set = if rest && self.plain.is_empty() { IntervalSet::full() } else { IntervalSet::empty() };
        let mut lengths: Vec<u8> = self.plain.iter().chain(&self.except).map(|e| e.2).collect();
        lengths.sort_unstable();
        lengths.dedup();
        for length in lengths {
            let of = |list: &[(T, T, u8)]| {
                IntervalSet::from_ranges(list.iter().filter(|e| e.2 == length).map(|e| (e.0, e.1)))
            };
            set = set.union(&of(&self.plain)).difference(&of(&self.except));
        }
        set
    }
}

/// What a term's list of one slot comes to.
struct Gathered {
    four: List<u32>,
    six: List<u128>,
    masked: Vec<BitMatch>,
    masked_except: Vec<BitMatch>,
    // Parts nobody can say, with whether they are exceptions.
    unknown: Vec<(String, &'static str, bool)>,
    span: Option<Span>,
}

impl Gathered {
    fn has_except(&self) -> bool {
        !self.four.except.is_empty()
            || !self.six.except.is_empty()
            || !self.masked_except.is_empty()
            || self.unknown.iter().any(|u| u.2)
    }

    /// How many values there are; masks are compared with each other.
    fn work(&self) -> u64 {
        let four = self.four.plain.len() + self.four.except.len();
        let values = four + self.six.plain.len() + self.six.except.len();
        let masks = self.masked.len() + self.masked_except.len();
        let pairs = if masks == 0 { 0 } else { (masks + four).saturating_mul(masks + four) };
        values.saturating_add(pairs) as u64
    }

    fn only_except(&self) -> bool {
        self.has_except()
            && self.four.plain.is_empty()
            && self.six.plain.is_empty()
            && self.masked.is_empty()
            && self.unknown.iter().all(|u| u.2)
    }
}

/// The version of a slot's addresses and the fields compared.
fn fields(slot: Slot, family: Families) -> (bool, &'static [Field]) {
    match slot.in_family(family) {
        Slot::Source | Slot::Source4 => (false, &[Field::Src4]),
        Slot::Destination | Slot::Destination4 => (false, &[Field::Dst4]),
        Slot::Either | Slot::Either4 => (false, &[Field::Src4, Field::Dst4]),
        Slot::Source6 => (true, &[Field::Src6]),
        Slot::Destination6 => (true, &[Field::Dst6]),
        Slot::Either6 => (true, &[Field::Src6, Field::Dst6]),
    }
}

/// The name a slot has in the words of an opaque condition.
fn side(field: Field) -> &'static str {
    match field {
        Field::Src4 | Field::Src6 => "source",
        _ => "destination",
    }
}

impl Lowering<'_, '_> {
    /// The condition of one slot: `prefixes` and `lists` are the keywords that belong to it.
    pub(super) fn addresses(
        &mut self,
        slot: Slot,
        prefixes: Option<NodeId>,
        lists: Option<NodeId>,
        family: Families,
    ) -> Condition {
        let (six, fields) = fields(slot, family);
        if let ([field], Some(keyword), None) = (fields, prefixes, lists)
            && let Some(test) = self.one_prefix(*field, keyword)
        {
            return test;
        }
        let mut all = Gathered {
            four: List::new(),
            six: List::new(),
            masked: Vec::new(),
            masked_except: Vec::new(),
            unknown: Vec::new(),
            span: None,
        };
        if let Some(keyword) = prefixes {
            self.gather_prefixes(keyword, six, &mut all);
        }
        if let Some(keyword) = lists {
            self.gather_lists(keyword, six, &mut all);
        }
        let Some(span) = all.span else {
            let keyword = prefixes.or(lists);
            return keyword.map_or(Condition::True, |keyword| self.without_value(keyword));
        };
        let mut meter = Meter::new(&limits::CONDITION_VALUES);
        if let Err(exhausted) = meter.charge(all.work()) {
            self.findings.exhausted(&exhausted, span);
            // Lists of this length are told apart by what they say.
            let digest = FixedState::default().hash_one((fields, words(&all)));
            return Condition::opaque(format!("the address list {digest:x}"), "too many prefixes", span);
        }
        let rest = self.options.junos_except_only_matches_rest;
        if all.only_except() && !rest {
            self.findings.add_with_help(
                raised::EMPTY_RANGE,
                Level::Warning,
                span,
                "a list of nothing but `except` matches no address",
                if six { "add `::/0;` to match the rest" } else { "add `0.0.0.0/0;` to match the rest" },
            );
        }
        match fields {
            [field] => address_test(&all, *field, six, rest, span),
            _ => Condition::or(fields.iter().map(|field| address_test(&all, *field, six, rest, span))),
        }
    }

    /// The usual list: one prefix with nothing to say of it.
    fn one_prefix(&self, field: Field, keyword: NodeId) -> Option<Condition> {
        let tree = self.tree;
        let mut children = tree.children(keyword);
        let node = children.next()?;
        if children.next().is_some() || !tree.is_leaf(node) {
            return None;
        }
        let values = match (address(tree.word(node))?, field) {
            (Address::Four(prefix), Field::Src4 | Field::Dst4) if !prefix.has_host_bits() => {
                ValueSet::range(prefix.first(), prefix.last())
            }
            (Address::Six(prefix), Field::Src6 | Field::Dst6) if !prefix.has_host_bits() => {
                ValueSet::from(IntervalSet::from(prefix))
            }
            _ => return None,
        };
        Some(Condition::Test(Test::new(field, values, tree.span(node))))
    }

    fn gather_prefixes(&mut self, keyword: NodeId, six: bool, all: &mut Gathered) {
        let tree = self.tree;
        for node in tree.children(keyword) {
            let word = tree.word(node);
            let span = tree.span(node);
            all.span = Some(all.span.map_or(span, |s| s.to(span)));
            let except = self.is_except(node);
            match address(word) {
                Some(address) => self.take(address, word, span, six, except, all),
                None if word == "any" => self.take(any(six), word, span, six, except, all),
                None => {
                    let message = format!("`{}` is no address of `{}`", shown(word), tree.word(keyword));
                    self.findings.syntax(span, &message);
                    all.unknown.push((word.to_owned(), "the address cannot be read", except));
                }
            }
        }
    }

    fn take(
        &mut self,
        address: Address,
        word: &str,
        span: Span,
        six: bool,
        except: bool,
        all: &mut Gathered,
    ) {
        match address {
            Address::Four(_) | Address::Masked(_) if six => self.wrong_family(word, span, "IPv4", "IPv6"),
            Address::Six(_) if !six => self.wrong_family(word, span, "IPv6", "IPv4"),
            Address::Four(prefix) => {
                if prefix.has_host_bits() {
                    self.host_bits(word, span, prefix.network());
                }
                all.four.push((prefix.first(), prefix.last(), prefix.len()), except);
            }
            Address::Six(prefix) => {
                if prefix.has_host_bits() {
                    self.host_bits(word, span, prefix.network());
                }
                all.six.push((prefix.first(), prefix.last(), prefix.len()), except);
            }
            Address::Masked(bits) if except => all.masked_except.push(bits),
            Address::Masked(bits) => all.masked.push(bits),
        }
    }

    fn wrong_family(&mut self, word: &str, span: Span, has: &str, wants: &str) {
        let message = format!("`{}` is {has} in a filter for {wants}", shown(word));
        self.findings.error(raised::MIXED_FAMILY, span, message);
    }

    pub(super) fn host_bits(&mut self, word: &str, span: Span, network: impl std::fmt::Display) {
        let message = format!("`{}` has bits set behind its length", shown(word));
        let help = format!("write `{network}`, or the whole address if one host is meant");
        self.findings.add_with_help(raised::HOST_BITS_SET, Level::Warning, span, message, help);
    }

    fn is_except(&mut self, node: NodeId) -> bool {
        let tree = self.tree;
        let Some(word) = tree.children(node).next() else { return false };
        if tree.word(word) == "except" {
            self.nothing_behind(word);
            return true;
        }
        self.nothing_behind(node);
        false
    }

    fn gather_lists(&mut self, keyword: NodeId, six: bool, all: &mut Gathered) {
        let tree = self.tree;
        for node in tree.children(keyword) {
            let span = tree.span(node);
            all.span = Some(all.span.map_or(span, |s| s.to(span)));
            let except = self.is_except(node);
            let name = tree.word(node);
            let Some(list) = self.prefix_list(name, span) else {
                self.undefined("prefix list", node);
                all.unknown.push((
                    format!("prefix-list {name}"),
                    "the prefix list is not defined here",
                    except,
                ));
                continue;
            };
            if !list.unknown.is_empty() {
                all.unknown.push((format!("prefix-list {name}"), list.unknown, except));
            }
            // Entries of the other family do not concern this filter.
            if six {
                let ranges = list.six.iter().map(|p| (p.first(), p.last(), p.len()));
                ranges.for_each(|range| all.six.push(range, except));
            } else {
                let ranges = list.four.iter().map(|p| (p.first(), p.last(), p.len()));
                ranges.for_each(|range| all.four.push(range, except));
            }
            let (own, other) =
                if six { (list.six.len(), list.four.len()) } else { (list.four.len(), list.six.len()) };
            if own == 0 && other > 0 && list.unknown.is_empty() {
                let (has, wants) = if six { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
                let message =
                    format!("prefix list `{}` has only {has} prefixes in a filter for {wants}", shown(name));
                self.findings.add(raised::MIXED_FAMILY, Level::Warning, span, message);
            }
        }
    }
}

/// Every address of a family.
fn any(six: bool) -> Address {
    let none = || Address::Masked(BitMatch::new(0, 0));
    if six {
        Prefix6::new(0, 0).map_or_else(none, Address::Six)
    } else {
        Prefix4::new(0, 0).map_or_else(none, Address::Four)
    }
}

fn address_test(all: &Gathered, field: Field, six: bool, rest: bool, span: Span) -> Condition {
    let test = |values: ValueSet| Condition::Test(Test::new(field, values, span));
    if !all.masked.is_empty() || !all.masked_except.is_empty() {
        return masked_test(all, field, span);
    }
    let known = if six { ValueSet::from(all.six.set(rest)) } else { ValueSet::from(all.four.set(rest)) };
    if all.unknown.is_empty() {
        return test(known);
    }
    let id = |part: &str| format!("{} {part}", side(field));
    if !all.has_except() {
        let parts = all.unknown.iter().map(|(part, why, _)| Condition::opaque(id(part), *why, span));
        let known = (!known.is_empty()).then(|| test(known));
        return Condition::or(known.into_iter().chain(parts));
    }
    // With exceptions the unknown parts may take away as well as add: only bounds are left.
    let adds = all.unknown.iter().any(|u| !u.2);
    let removes = all.unknown.iter().any(|u| u.2);
    let over = if adds { Condition::present(field) } else { test(known.clone()) };
    let under = if removes { Condition::False } else { test(known) };
    let words = words(all);
    let why = all.unknown.first().map_or("", |u| u.1);
    Condition::opaque_within(id(&words), why, over, under, span)
}

/// The whole list in words: what an opaque condition is known by.
fn words(all: &Gathered) -> String {
    let mut text = String::new();
    let mut add = |word: String, except: bool| {
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.push_str(&word);
        text.push_str(if except { " except" } else { "" });
    };
    for (list, except) in [(&all.four.plain, false), (&all.four.except, true)] {
        for e in list {
            add(format!("{}/{}", std::net::Ipv4Addr::from(e.0), e.2), except);
        }
    }
    for (list, except) in [(&all.six.plain, false), (&all.six.except, true)] {
        for e in list {
            add(format!("{}/{}", std::net::Ipv6Addr::from(e.0), e.2), except);
        }
    }
    for (list, except) in [(&all.masked, false), (&all.masked_except, true)] {
        for m in list {
            add(format!("{:#x}/{:#x}", m.value, m.mask), except);
        }
    }
    for (word, _, except) in &all.unknown {
        add(word.clone(), *except);
    }
    text
}

/// A list with masks that are no prefixes. Where one pattern is inside every other it meets, the longest one
/// decides as with prefixes; which of two that only overlap is longer is not documented, so that with exceptions
/// only bounds are known.
fn masked_test(all: &Gathered, field: Field, span: Span) -> Condition {
    let prefix = |(lo, _, len): &(u32, u32, u8)| {
        let mask = u32::MAX.checked_shl(32 - u32::from(*len)).unwrap_or(0);
        BitMatch::new((*lo).into(), mask.into())
    };
    let patterns = |list: &[BitMatch], more: &[(u32, u32, u8)]| -> Vec<BitMatch> {
        list.iter().copied().chain(more.iter().map(prefix)).collect()
    };
    let test = |list: &[BitMatch]| {
        Condition::Test(Test::new(field, ValueSet::from(BitSet::new(list.iter().copied())), span))
    };
    let plain = patterns(&all.masked, &all.four.plain);
    if !all.has_except() && all.unknown.is_empty() {
        return test(&plain);
    }
    let except = patterns(&all.masked_except, &all.four.except);
    if all.unknown.is_empty()
        && let Some(condition) = nested(&plain, &except, &test)
    {
        return condition;
    }
    let adds = all.unknown.iter().any(|u| !u.2);
    let removes = all.unknown.iter().any(|u| u.2);
    let over = if adds { Condition::present(field) } else { test(&plain) };
    let under = if removes {
        Condition::False
    } else {
        Condition::and([test(&plain), Condition::not(test(&except))])
    };
    let id = format!("{} {}", side(field), words(all));
    Condition::opaque_within(
        id,
        "the order of masks that are no prefixes is not documented",
        over,
        under,
        span,
    )
}

/// The longest pattern decides, where patterns and exceptions that meet are inside each other.
fn nested(
    plain: &[BitMatch],
    except: &[BitMatch],
    test: &impl Fn(&[BitMatch]) -> Condition,
) -> Option<Condition> {
    let ordered = |a: &BitMatch, b: &BitMatch| {
        a != b && (a.intersection(*b).is_none() || a.is_subset(*b) || b.is_subset(*a))
    };
    if !plain.iter().all(|a| except.iter().all(|b| ordered(a, b))) {
        return None;
    }
    let bits = |pattern: &BitMatch| pattern.mask.count_ones();
    let mut lengths: Vec<u32> = plain.iter().chain(except).map(bits).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut condition = Condition::False;
    for length in lengths {
        let of = |list: &[BitMatch]| -> Vec<BitMatch> {
            list.iter().filter(|p| bits(p) == length).copied().collect()
        };
        let (adds, removes) = (of(plain), of(except));
        if !removes.is_empty() {
            condition = Condition::and([condition, Condition::not(test(&removes))]);
        }
        if !adds.is_empty() {
            condition = Condition::or([condition, test(&adds)]);
        }
    }
    Some(condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides_whatever_the_order() {
        // Over 4-bit addresses, as ranges of u32, against the definition.
        let range = |value: u32, len: u8| {
            let host = (1 << (4 - len)) - 1;
            (value & !host, value | host, len)
        };
        let lists = [
            vec![(range(0, 1), false), (range(2, 3), true), (range(3, 4), false)],
            vec![(range(3, 4), false), (range(2, 3), true), (range(0, 1), false)],
            vec![(range(2, 3), true)],
            vec![(range(0, 0), false), (range(8, 1), true), (range(12, 2), false), (range(15, 4), true)],
        ];
        for entries in lists {
            let mut list = List::new();
            for (range, except) in &entries {
                list.push(*range, *except);
            }
            let set = list.set(false);
            for x in 0..16_u32 {
                let longest =
                    entries.iter().filter(|((lo, hi, _), _)| *lo <= x && x <= *hi).max_by_key(|e| e.0.2);
                assert_eq!(set.contains(x), longest.is_some_and(|e| !e.1), "{x} {entries:?}");
            }
        }
        let mut list = List::new();
        list.push(range(2, 3), true);
        assert!(list.set(true).contains(9) && !list.set(true).contains(3));
    }
}
