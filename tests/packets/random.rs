//! Seeded random conditions and packets.

use flowgate::field::{FIELDS, Field, Headers, Layer};
use flowgate::ir::{Condition, ValueSet};
use flowgate::net::{BitMatch, BitSet, IntervalSet};
use flowgate::packet::complete;
use std::collections::BTreeMap;

/// `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// Values seen in captures, by field: rules aimed at them match something.
#[derive(Default)]
pub(crate) struct Pool(BTreeMap<Field, Vec<u128>>);

impl Pool {
    pub(crate) fn add(&mut self, headers: &Headers) {
        for (field, value) in headers.values() {
            let list = self.0.entry(field).or_default();
            if list.len() < 4_000 && list.last() != Some(&value) {
                list.push(value);
            }
        }
    }

    /// A value of a field: one that was seen, a neighbour of it, or any.
    pub(crate) fn value(&self, field: Field, random: &mut Random) -> u128 {
        let max = field.info().max;
        let any = match max.checked_add(1) {
            Some(end) => random.wide() % end,
            None => random.wide(),
        };
        let seen = self.0.get(&field).filter(|list| !list.is_empty()).map_or(any, |list| *random.pick(list));
        match random.below(8) {
            0 => any,
            1 => seen.saturating_add(1).min(max),
            2 => seen.saturating_sub(1),
            3 => random.wide() % 64.min(max + u128::from(max < 64)),
            _ => seen,
        }
    }
}

/// A condition over the fields behind the link layer.
pub(crate) fn condition(pool: &Pool, random: &mut Random) -> Condition {
    let parts: Vec<Condition> = (0..=random.below(4)).map(|_| part(pool, random, 2)).collect();
    if random.below(5) == 0 { Condition::or(parts) } else { Condition::and(parts) }
}

fn part(pool: &Pool, random: &mut Random, depth: u32) -> Condition {
    match random.below(10) {
        0 if depth > 0 => Condition::not(part(pool, random, depth - 1)),
        1 if depth > 0 => Condition::or([part(pool, random, depth - 1), part(pool, random, depth - 1)]),
        2 if depth > 0 => Condition::and([part(pool, random, depth - 1), part(pool, random, depth - 1)]),
        _ => test(pool, random),
    }
}

/// Fields that rules test most.
const USUAL: &[Field] = &[
    Field::Src4,
    Field::Dst4,
    Field::Src6,
    Field::Dst6,
    Field::Proto,
    Field::Sport,
    Field::Dport,
    Field::TcpFlags,
    Field::Len,
    Field::Ttl,
    Field::FragOff,
    Field::Mf,
    Field::Df,
    Field::Dscp,
    Field::IcmpType,
    Field::Icmp6Type,
];

fn test(pool: &Pool, random: &mut Random) -> Condition {
    let field = if random.below(3) > 0 {
        *random.pick(USUAL)
    } else {
        loop {
            let info = random.pick(FIELDS);
            if info.layer != Layer::Link && info.field != Field::ExtHdrs {
                break info.field;
            }
        }
    };
    Condition::test(field, values(field, pool, random))
}

fn values(field: Field, pool: &Pool, random: &mut Random) -> ValueSet {
    let max = field.info().max;
    if field == Field::IpOptions {
        let top = u32::try_from(max).unwrap();
        return if random.below(2) == 0 { ValueSet::single(0) } else { ValueSet::range(1, top) };
    }
    let width = u32::from(field.info().width);
    let value = |random: &mut Random| pool.value(field, random);
    let address = matches!(field, Field::Src4 | Field::Dst4 | Field::Src6 | Field::Dst6);
    let ranges: Vec<(u128, u128)> = match random.below(6) {
        // A prefix.
        _ if address && random.below(3) > 0 => {
            let host = (1_u128 << random.below(u64::from(width))) - 1;
            let value = value(random);
            vec![(value & !host, value | host)]
        }
        0 | 1 => {
            vec![(value(random), value(random))].into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect()
        }
        2 => (0..3).map(|_| value(random)).map(|v| (v, v)).collect(),
        3 if matches!(field, Field::TcpFlags | Field::Src6 | Field::Dst4 | Field::RawOctet13) => {
            let patterns = (0..=random.below(2)).map(|_| {
                let mask = random.wide() & random.wide() & max;
                BitMatch::new(value(random), mask)
            });
            return ValueSet::from(BitSet::new(patterns.collect::<Vec<_>>()));
        }
        4 => vec![(0, max)],
        _ => vec![value(random)].into_iter().map(|v| (v, v)).collect(),
    };
    let ranges = ranges.into_iter().map(|(lo, hi)| (lo, hi.min(max))).filter(|(lo, hi)| lo <= hi);
    if field.is_wide() {
        IntervalSet::<u128>::from_ranges(ranges).into()
    } else {
        let narrow = |v: u128| u32::try_from(v).unwrap();
        IntervalSet::<u32>::from_ranges(ranges.map(|(lo, hi)| (narrow(lo), narrow(hi)))).into()
    }
}

/// A packet some of whose fields come from the pool.
pub(crate) fn packet(pool: &Pool, random: &mut Random) -> Headers {
    loop {
        let mut headers = Headers::new();
        headers.set(Field::IpVersion, if random.below(3) == 0 { 6 } else { 4 });
        for _ in 0..random.below(7) {
            let info = random.pick(FIELDS);
            let wanted = info.layer != Layer::Link && !matches!(info.field, Field::Len | Field::UdpLen);
            if wanted && info.field != Field::IpVersion {
                headers.set_wide(info.field, pool.value(info.field, random));
            }
        }
        if random.below(2) == 0 {
            headers.set(Field::Proto, *random.pick(&[1, 2, 6, 17, 47, 50, 51, 58, 59, 132, 136]));
        }
        if random.below(4) == 0 {
            headers.set(Field::L4Room, u32::try_from(random.below(31)).unwrap());
        }
        if complete(&mut headers).is_ok() {
            return headers;
        }
    }
}
