//! Boundary packets: for each rule packets at and just beside every bound of its tests, `lo - 1`, `lo`, `hi`,
//! `hi + 1`, the other tests held.
//!
//! Wrong bounds are the commonest slip in rules, and the packets that show one lie next to it. Alternatives take
//! turns, so that each of the first few is met; what a rule does not ask about is drawn from the seed.

use crate::eval::{Truth, evaluate};
use crate::field::{FIELDS, Family, Field, Headers, Reading};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, RuleSet, Test, ValueSetRef};
use crate::net::Random;
use crate::packet::build;
use std::collections::BTreeSet;

/// Alternatives that take turns.
const TURNS: usize = 8;
/// Ranges of one test whose bounds are used, from its beginning and from its end.
const RANGES: usize = 16;

/// What generating came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Generated {
    /// Packets given.
    pub packets: u64,
    /// Rules, by index, that no packet given matches.
    pub missed: Vec<usize>,
}

/// Gives the boundary packets of every rule to `out`, octets from the IP header on. The same rules and seed give
/// the same packets.
pub fn packets<E: From<Exhausted>>(
    set: &RuleSet,
    seed: u64,
    out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<Generated, E> {
    let mut generated = Generated::default();
    let mut given = BTreeSet::new();
    let mut rule = 0;
    generated.missed = headers(set, seed, &mut |of, octets, _| {
        if of != rule {
            given.clear();
            rule = of;
        }
        if given.insert(octets.to_vec()) {
            out(octets)?;
            generated.packets += 1;
        }
        Ok::<(), E>(())
    })?;
    Ok(generated)
}

/// Takes a boundary packet: the index of the rule, the octets, and the values.
pub type Out<'a, E> = dyn FnMut(usize, &[u8], &Headers) -> Result<(), E> + 'a;

/// Gives the boundary packets of every rule to `out`, some more than once: the index of the rule, the octets, and the
/// values with those that only the device knows. The rules, by index, that no packet matches.
pub fn headers<E: From<Exhausted>>(set: &RuleSet, seed: u64, out: &mut Out<'_, E>) -> Result<Vec<usize>, E> {
    let mut meter = Meter::new(&limits::GENERATED_PACKETS);
    let mut random = Random(seed);
    let mut missed = Vec::new();
    for (number, rule) in set.rules.iter().enumerate() {
        let mut matched = false;
        for turn in 0..TURNS {
            let mut tests = Vec::new();
            gather(rule.condition, turn, true, &mut tests);
            let base = base(&tests, set.family, &mut random);
            for (headers, kept) in around(&base, &tests) {
                meter.charge(1)?;
                let of_device: Vec<(Field, Reading)> = FIELDS
                    .iter()
                    .filter(|info| info.field.is_of_device())
                    .map(|info| (info.field, headers.get(info.field)))
                    .collect();
                let Some(octets) = build_near(headers, kept) else { continue };
                let mut whole = Headers::new();
                crate::packet::decode_ip(&octets, &mut whole);
                matched |= evaluate(rule.condition, &whole) != Truth::No;
                for (field, reading) in of_device {
                    if let Reading::Value(value) = reading {
                        whole.set_wide(field, value);
                    }
                }
                out(number, &octets, &whole)?;
            }
            if !has_alternatives(rule.condition) {
                break;
            }
        }
        if !matched {
            missed.push(number);
        }
    }
    Ok(missed)
}

/// A test that has to hold, or must not.
#[derive(Clone, Copy)]
struct Asked<'a> {
    test: &'a Test,
    holds: bool,
}

/// The tests of one way to make `condition` come out as `holds`; where there are alternatives, the one whose turn
/// it is.
fn gather<'a>(condition: &'a Condition, turn: usize, holds: bool, tests: &mut Vec<Asked<'a>>) {
    match (condition, holds) {
        (Condition::Test(test), _) => tests.push(Asked { test, holds }),
        (Condition::Not(part), _) => gather(part, turn, !holds, tests),
        (Condition::And(parts), true) | (Condition::Or(parts), false) => {
            parts.iter().for_each(|part| gather(part, turn, holds, tests));
        }
        (Condition::Or(parts), true) | (Condition::And(parts), false) => {
            if let Some(part) = parts.get(turn % parts.len().max(1)) {
                gather(part, turn / parts.len().max(1) + turn, holds, tests);
            }
        }
        (Condition::Opaque(opaque), true) => gather(&opaque.over, turn, true, tests),
        (Condition::Opaque(opaque), false) => gather(&opaque.under, turn, false, tests),
        (Condition::True | Condition::False, _) => {}
    }
}

fn has_alternatives(condition: &Condition) -> bool {
    let mut found = false;
    condition.visit(&mut |part| found |= matches!(part, Condition::Or(_) | Condition::Not(_)));
    found
}

/// A packet that passes every test it can; what no test asks about is drawn.
fn base(tests: &[Asked<'_>], family: Family, random: &mut Random) -> Headers {
    let mut headers = Headers::new();
    let asked = |field| tests.iter().any(|asked| asked.test.field() == field);
    let v6 = match family {
        Family::Inet6 => true,
        Family::Inet => false,
        Family::Any => asked(Field::Src6) || asked(Field::Dst6),
    };
    headers.set(Field::IpVersion, if v6 { 6 } else { 4 });
    let draw = random.next();
    if v6 {
        // 2001:db8::/32 and behind: addresses kept for documentation.
        let prefix: u128 = 0x2001_0db8 << 96;
        headers.set_wide(Field::Src6, prefix | u128::from(draw & 0xffff_ffff));
        headers.set_wide(Field::Dst6, prefix | u128::from(draw >> 32));
    } else {
        headers.set(Field::Src4, 0xc633_6400 | low(draw));
        headers.set(Field::Dst4, 0xcb00_7100 | low(draw >> 32));
    }
    for asked in tests {
        let field = asked.test.field();
        let fits = |value: u128| asked.test.values().contains(value) == asked.holds;
        let has = match headers.get(field) {
            Reading::Value(value) => Some(value),
            _ => None,
        };
        if !has.is_some_and(fits)
            && let Some(value) = bounds(asked.test).into_iter().find(|v| fits(*v))
        {
            headers.set_wide(field, value);
        }
    }
    headers
}

fn low(draw: u64) -> u32 {
    u32::try_from(draw & 0xff).unwrap_or(0)
}

/// What a rule may have forgotten: a first fragment, a later one, a packet that ends with its IP header.
const FORGOTTEN: [(Field, u128); 3] = [(Field::Mf, 1), (Field::FragOff, 185), (Field::L4Room, 0)];

/// The packet itself, then the packet with each tested field at each of its bounds, and which field that is; then as
/// fragments, and without a transport header.
fn around(base: &Headers, tests: &[Asked<'_>]) -> Vec<(Headers, Option<Field>)> {
    let mut list = vec![(base.clone(), None)];
    for asked in tests {
        for value in bounds(asked.test) {
            let mut headers = base.clone();
            headers.set_wide(asked.test.field(), value);
            list.push((headers, Some(asked.test.field())));
        }
    }
    for (field, value) in FORGOTTEN {
        let mut headers = base.clone();
        headers.set_wide(field, value);
        list.push((headers, Some(field)));
    }
    list
}

/// The packet, without the fields that cannot stand beside the one that is kept (ports beside protocol 5).
fn build_near(mut headers: Headers, kept: Option<Field>) -> Option<Vec<u8>> {
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        match build(&headers) {
            Ok(octets) => return Some(octets),
            Err(error) if kept.is_none() || kept == Some(error.field) => return None,
            Err(error) => headers.set_absent(error.field),
        }
    }
    None
}

/// The bounds of a test and the values just beside them, as far as the field can carry them.
fn bounds(test: &Test) -> Vec<u128> {
    let max = test.field().info().max;
    let mut values = BTreeSet::new();
    let mut add = |lo: u128, hi: u128| {
        values.extend([Some(lo), Some(hi), lo.checked_sub(1), hi.checked_add(1)].into_iter().flatten());
    };
    match test.values() {
        ValueSetRef::Ranges(set) => {
            set.ranges().take(RANGES).for_each(|(lo, hi)| add(lo.into(), hi.into()));
            set.ranges().rev().take(RANGES).for_each(|(lo, hi)| add(lo.into(), hi.into()));
        }
        ValueSetRef::Wide(set) => {
            set.ranges().take(RANGES).for_each(|(lo, hi)| add(lo, hi));
            set.ranges().rev().take(RANGES).for_each(|(lo, hi)| add(lo, hi));
        }
        ValueSetRef::Bits(set) => {
            for pattern in set.patterns().iter().take(RANGES) {
                values.insert(pattern.value);
                values.insert((pattern.value | !pattern.mask) & max);
                let bits = (0..u32::from(test.field().info().width)).map(|bit| 1_u128 << bit);
                values.extend(bits.filter(|bit| pattern.mask & bit != 0).map(|bit| pattern.value ^ bit));
            }
        }
    }
    values.into_iter().filter(|value| *value <= max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Kind, Outcome, RuleBuf, ValueSet, Verdict};
    use crate::packet::decode_ip;

    fn generate(condition: Condition, seed: u64) -> (Vec<Headers>, Generated) {
        let rule = RuleBuf::new("r", condition, Outcome::Verdict(Verdict::Discard));
        let set = RuleSet {
            name: "s".into(),
            kind: Kind::Filter,
            family: Family::Inet,
            default: Verdict::Accept,
            rules: vec![rule].into(),
        };
        let mut list = Vec::new();
        let generated = packets::<Exhausted>(&set, seed, &mut |octets| {
            let mut headers = Headers::new();
            decode_ip(octets, &mut headers);
            list.push(headers);
            Ok(())
        });
        (list, generated.unwrap())
    }

    #[test]
    fn every_bound_of_every_test_is_met_from_both_sides() {
        let condition = Condition::and([
            Condition::test(Field::Proto, ValueSet::single(6)),
            Condition::test(Field::Dport, ValueSet::range(80, 90)),
            Condition::test(Field::Len, ValueSet::range(100, 200)),
        ]);
        let (list, generated) = generate(condition, 1);
        assert_eq!(generated.packets, list.len() as u64);
        assert_eq!(generated.missed, [] as [usize; 0]);
        let met = |field| -> BTreeSet<u128> {
            let value = |h: &Headers| if let Reading::Value(v) = h.get(field) { Some(v) } else { None };
            list.iter().filter_map(value).collect()
        };
        assert!(met(Field::Dport).is_superset(&BTreeSet::from([79, 80, 90, 91])));
        assert!(met(Field::Len).is_superset(&BTreeSet::from([99, 100, 200, 201])));
        assert!(met(Field::Proto).is_superset(&BTreeSet::from([5, 6, 7])));
    }

    #[test]
    fn alternatives_take_turns_and_what_cannot_be_met_is_said() {
        let port = |p| Condition::test(Field::Dport, ValueSet::single(p));
        let (list, _) = generate(Condition::or([port(22), port(179)]), 1);
        for p in [22, 179] {
            assert!(list.iter().any(|h| h.small(Field::Dport) == Some(p)), "{p}");
        }
        let never = Condition::and([Condition::test(Field::Proto, ValueSet::single(1)), port(22)]);
        assert_eq!(generate(never, 1).1.missed, [0]);
    }

    #[test]
    fn a_seed_repeats_exactly() {
        let condition = || Condition::test(Field::Ttl, ValueSet::range(5, 9));
        assert_eq!(generate(condition(), 7).0, generate(condition(), 7).0);
        assert_ne!(generate(condition(), 7).0, generate(condition(), 8).0);
    }
}
