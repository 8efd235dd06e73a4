//! The order of rules: RFC 8955 §5.1, for IPv6 with offsets RFC 8956 §4.

use super::Table;
use crate::ir::{Action, Condition, Outcome, Rule, Rules};
use std::cmp::Ordering;

/// Compares two NLRI values (octets behind the length) of one table: `Less` goes first.
///
/// The comparison is on octets, so two encodings of one meaning are two rules with an order. What is malformed
/// compares as far as it can be read.
pub fn compare(table: Table, a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = if table.is_vpn() {
        let (x, y) = (a.split_at_checked(8).unwrap_or((a, &[])), b.split_at_checked(8).unwrap_or((b, &[])));
        match x.0.cmp(y.0) {
            Ordering::Equal => (x.1, y.1),
            other => return other,
        }
    } else {
        (a, b)
    };
    let six = table.family() == crate::field::Family::Inet6;
    loop {
        let (x, y) = match (split(a, six), split(b, six)) {
            (None, None) => return Ordering::Equal,
            // The rule with more components goes first.
            (None, Some(_)) => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (Some(x), Some(y)) => (x, y),
        };
        if x.number != y.number {
            return x.number.cmp(&y.number);
        }
        let order = match x.number {
            1 | 2 if six => prefixes6(x.body, y.body),
            1 | 2 => prefixes4(x.body, y.body),
            _ => lists(x.body, y.body),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (x.rest, y.rest);
    }
}

/// Sorts rules of one table into evaluation order; rules without an NLRI keep their order, behind the others.
pub fn sort(table: Table, rules: &mut Rules) {
    let key = |index: usize| rules.nlri(index).map_or(u128::MAX, |octets| head(table, octets));
    #[expect(clippy::cast_possible_truncation, reason = "one half after the other")]
    let (high, low) = (|index| (key(index) >> 64) as u64, |index| key(index) as u64);
    let mut order: Vec<(u64, usize)> = (0..rules.len()).map(|index| (high(index), index)).collect();
    by_key(&mut order, &mut |same| {
        for (key, index) in same.iter_mut() {
            *key = low(*index);
        }
        by_key(same, &mut |same| {
            same.sort_unstable_by(|(_, i), (_, j)| {
                let rest = match (rules.nlri(*i), rules.nlri(*j)) {
                    (Some(a), Some(b)) => compare(table, a, b),
                    (a, b) => a.is_none().cmp(&b.is_none()),
                };
                // Equal NLRIs keep their order.
                rest.then(i.cmp(j))
            });
        });
    });
    let order: Vec<usize> = order.into_iter().map(|(_, index)| index).collect();
    rules.reorder(&order);
}

// Sorts by the keys, and settles those with the same key among themselves.
fn by_key(list: &mut [(u64, usize)], settle: &mut impl FnMut(&mut [(u64, usize)])) {
    list.sort_unstable_by_key(|(key, _)| *key);
    list.chunk_by_mut(|a, b| a.0 == b.0).filter(|same| same.len() > 1).for_each(settle);
}

/// Whether the rules of an ordered filter decide the same as flow routes with these NLRI values, as they stand.
/// Rules that all ask for the same do in any order; two with one NLRI are one route.
pub fn is_kept(table: Table, rules: &Rules, values: &[Vec<u8>]) -> bool {
    // What counts a packet decides nothing.
    let decides = |action: &&Action| !matches!(action, Action::Count(_));
    let same = |a: Rule<'_>, b: Rule<'_>| {
        a.outcome == b.outcome && a.actions.iter().filter(decides).eq(b.actions.iter().filter(decides))
    };
    values.is_sorted_by(|a, b| compare(table, a, b).is_lt())
        || rules.iter().zip(rules.iter().skip(1)).all(|(a, b)| same(a, b))
}

/// Whether some rule decides every packet, so that the default decides none.
pub fn decides_all(rules: &Rules) -> bool {
    rules.iter().any(|rule| *rule.condition == Condition::True && matches!(rule.outcome, Outcome::Verdict(_)))
}

/// The first sixteen octets of what compares, as plain octets, like [`compare`]: most pairs are told apart by
/// them.
///
/// A prefix becomes its last address and then its length, longest first: of two that overlap the longer one
/// ends no later. Lists stand as they are: the end-of-list bit keeps one from being the beginning of another.
/// Behind the last component comes a number above every type, because the rule with more goes first.
fn head(table: Table, octets: &[u8]) -> u128 {
    let mut key = Key { octets: [u8::MAX; 16], end: 0 };
    let six = table.family() == crate::field::Family::Inet6;
    let (distinguisher, mut rest) =
        if table.is_vpn() { octets.split_at_checked(8).unwrap_or((octets, &[])) } else { (&[][..], octets) };
    key.push(distinguisher);
    while key.end < key.octets.len()
        && let Some(part) = split(rest, six)
    {
        key.push(&[part.number]);
        match (part.number, part.body) {
            (1 | 2, [length, offset, pattern @ ..]) if six => {
                let length = length.min(&128).saturating_sub(*offset);
                let behind = u128::MAX.checked_shr(length.into()).unwrap_or(0);
                key.push(&[*offset]);
                key.push(&(bits(pattern) | behind).to_be_bytes());
                key.push(&[!length]);
            }
            (1 | 2, [length, addr @ ..]) if !six => {
                let behind = u32::MAX.checked_shr((*length).into()).unwrap_or(0);
                key.push(&(bits4(addr) | behind).to_be_bytes());
                key.push(&[!length.min(&32)]);
            }
            (_, body) => key.push(body),
        }
        rest = part.rest;
    }
    u128::from_be_bytes(key.octets)
}

// What was put in, and behind it ones.
struct Key {
    octets: [u8; 16],
    end: usize,
}

impl Key {
    // As far as there is room.
    #[inline]
    fn push(&mut self, octets: &[u8]) {
        let room = self.octets.get_mut(self.end..).unwrap_or(&mut []);
        room.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        self.end += octets.len();
    }
}

struct Part<'a> {
    number: u8,
    body: &'a [u8],
    rest: &'a [u8],
}

/// The first component: its type, its parameter, what follows.
fn split(octets: &[u8], six: bool) -> Option<Part<'_>> {
    let (number, tail) = octets.split_first()?;
    let size = match (number, tail) {
        (1 | 2, [length, offset, ..]) if six => 2 + usize::from(length.saturating_sub(*offset)).div_ceil(8),
        (1 | 2, [length, ..]) => 1 + usize::from(*length).div_ceil(8),
        _ => list_size(tail),
    };
    let (body, rest) = tail.split_at_checked(size).unwrap_or((tail, &[]));
    Some(Part { number: *number, body, rest })
}

fn list_size(octets: &[u8]) -> usize {
    let mut size = 0;
    while let Some(op) = octets.get(size) {
        size += 1 + (1 << (op >> 4 & 3));
        if op & 0x80 != 0 {
            break;
        }
    }
    size
}

fn lists(a: &[u8], b: &[u8]) -> Ordering {
    let common = a.len().min(b.len());
    let heads = a.iter().take(common).cmp(b.iter().take(common));
    // Equal over the common length: the longer one goes first.
    heads.then(b.len().cmp(&a.len()))
}

fn prefixes4(a: &[u8], b: &[u8]) -> Ordering {
    let read = |octets: &[u8]| {
        let (length, addr) = octets.split_first().map_or((0, octets), |(l, rest)| (*l, rest));
        (u32::from(length.min(32)), u128::from(bits4(addr)))
    };
    let ((la, a), (lb, b)) = (read(a), read(b));
    overlap(la, a << 96, lb, b << 96)
}

fn prefixes6(a: &[u8], b: &[u8]) -> Ordering {
    let read = |octets: &[u8]| match octets {
        [length, offset, pattern @ ..] => (*length, *offset, bits(pattern)),
        _ => (0, 0, 0),
    };
    let ((la, oa, a), (lb, ob, b)) = (read(a), read(b));
    // Lower offset first; equal offsets compare the patterns, which then stand at the same place.
    let length = |l: u8, o: u8| u32::from(l.min(128).saturating_sub(o));
    oa.cmp(&ob).then_with(|| overlap(length(la, oa), a, length(lb, ob), b))
}

/// The longer of two prefixes that overlap first, else the one with the lower address. Addresses stand at the
/// top of the 128 bits; bits behind a length do not count.
fn overlap(la: u32, a: u128, lb: u32, b: u128) -> Ordering {
    let mask = |len: u32| u128::MAX.checked_shl(128 - len).unwrap_or(0);
    let common = mask(la.min(lb));
    if a & common == b & common { lb.cmp(&la) } else { (a & mask(la)).cmp(&(b & mask(lb))) }
}

fn bits(octets: &[u8]) -> u128 {
    let mut all = [0_u8; 16];
    all.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
    u128::from_be_bytes(all)
}

fn bits4(octets: &[u8]) -> u32 {
    (0..4).fold(0, |all, index| all << 8 | octets.get(index).map_or(0, |octet| u32::from(*octet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_standard_one_by_one() {
        let less = |table, a: &[u8], b: &[u8]| {
            assert_eq!(compare(table, a, b), Ordering::Less);
            assert_eq!(compare(table, b, a), Ordering::Greater);
        };
        // More components first; lower type first; longer of overlapping prefixes first; lower address first.
        less(Table::Ipv4, &[1, 8, 10, 3, 0x81, 6], &[1, 8, 10]);
        less(Table::Ipv4, &[1, 0], &[2, 32, 10, 0, 0, 1]);
        less(Table::Ipv4, &[1, 16, 10, 1], &[1, 8, 10]);
        less(Table::Ipv4, &[1, 8, 10], &[1, 16, 11, 0]);
        // Octets of lists: lower first, longer first when equal so far.
        less(Table::Ipv4, &[3, 1, 6, 0x81, 17], &[3, 0x81, 6]);
        // Lower offset first.
        less(Table::Ipv6, &[1, 64, 0, 0x20, 1, 0, 0, 0, 0, 0, 0], &[1, 72, 64, 1]);
        // Bits behind the length do not count.
        assert_eq!(compare(Table::Ipv4, &[1, 4, 0x1f], &[1, 4, 0x10]), Ordering::Equal);
    }

    // The octets of well-formed rules: prefixes of few bits, so that they overlap, and short lists.
    fn some_nlri(table: Table, state: &mut u64) -> Box<[u8]> {
        let mut below = |n: u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u8::try_from((*state >> 33) % n).unwrap()
        };
        let mut octets = if table.is_vpn() { vec![0, 0, 0, 0, 0, 0, 0, below(2)] } else { vec![] };
        for kind in 1..=2 {
            let length = below(5) * 4;
            if below(3) == 0 {
                continue;
            }
            octets.extend([kind, length]);
            if table.family() == crate::field::Family::Inet6 {
                octets.push(if length == 0 { 0 } else { below(2) });
            }
            octets.extend([below(3) << 6, 0x11].iter().take(usize::from(length).div_ceil(8)));
        }
        for kind in 3..=6 {
            match below(4) {
                0 => octets.extend([kind, 0x81, below(3)]),
                1 => octets.extend([kind, 0x01, below(3), 0x91, 0, below(3)]),
                _ => {}
            }
        }
        octets.into()
    }

    #[test]
    fn sorting_by_keys_is_sorting_by_comparison() {
        use crate::ir::{Condition, Origin, Outcome, RuleBuf, Verdict};
        let mut state = 1;
        for table in Table::ALL {
            let rule = |number: usize, nlri| RuleBuf {
                name: number.to_string().into(),
                condition: Condition::True,
                actions: Box::default(),
                outcome: Outcome::Verdict(Verdict::Accept),
                action_given: true,
                nlri,
                origin: Origin::default(),
            };
            let some = |number: usize| (number % 50 != 7).then(|| some_nlri(table, &mut state));
            let nlris: Vec<Option<Box<[u8]>>> = (0..600).map(some).collect();
            let mut want: Vec<RuleBuf> =
                nlris.into_iter().enumerate().map(|(n, nlri)| rule(n, nlri)).collect();
            let mut rules = Rules::from(want.clone());
            want.sort_by(|a, b| match (&a.nlri, &b.nlri) {
                (Some(a), Some(b)) => compare(table, a, b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            });
            sort(table, &mut rules);
            assert!(rules == Rules::from(want), "{table:?}");
        }
    }
}
