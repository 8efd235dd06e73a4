//! Rule lists shaped like those of routers and firewalls: nested addresses of which few are used often, the mixes of
//! prefix lengths, protocols and ports that `ClassBench` published for access lists, firewalls and IP chains, and
//! mitigation rules. The same for the same seed.

use crate::dice::Dice;
use flowgate::field::{Family, Field};
use flowgate::ir::{Condition, Kind, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::net::IntervalSet;

/// How many of a hundred, by and large.
type Mix<T> = &'static [(T, usize)];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ports {
    Any,
    High,
    Low,
    Range,
    One,
}

/// One shape of lists.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    src: Mix<u32>,
    dst: Mix<u32>,
    // 0 stands for any.
    proto: Mix<u32>,
    sport: Mix<Ports>,
    dport: Mix<Ports>,
}

use Ports::{Any, High, Low, One, Range};

pub(crate) const CLASSES: &[Class] = &[
    Class {
        name: "acl",
        src: &[
            (0, 8),
            (8, 3),
            (12, 2),
            (16, 10),
            (18, 3),
            (20, 15),
            (22, 11),
            (24, 28),
            (28, 9),
            (30, 4),
            (32, 16),
        ],
        dst: &[(0, 1), (16, 4), (20, 6), (22, 8), (24, 15), (26, 3), (27, 4), (28, 4), (30, 3), (32, 52)],
        proto: &[(6, 66), (17, 20), (0, 9), (1, 4), (47, 1)],
        sport: &[(Any, 96), (One, 3), (High, 1)],
        dport: &[(Any, 22), (One, 50), (Range, 18), (High, 6), (Low, 4)],
    },
    Class {
        name: "fw",
        src: &[(0, 45), (8, 2), (16, 8), (22, 2), (24, 14), (27, 2), (29, 2), (32, 25)],
        dst: &[(0, 28), (16, 7), (20, 2), (24, 14), (27, 3), (29, 3), (32, 43)],
        proto: &[(6, 54), (17, 30), (0, 8), (1, 5), (50, 2), (47, 1)],
        sport: &[(Any, 72), (One, 12), (High, 14), (Range, 2)],
        dport: &[(Any, 30), (One, 45), (High, 12), (Range, 10), (Low, 3)],
    },
    Class {
        name: "ipc",
        src: &[(0, 14), (8, 4), (16, 12), (20, 5), (22, 5), (24, 20), (27, 4), (28, 4), (30, 3), (32, 29)],
        dst: &[(0, 12), (8, 3), (16, 12), (20, 5), (22, 5), (24, 19), (27, 4), (28, 4), (30, 3), (32, 33)],
        proto: &[(6, 48), (17, 28), (0, 18), (1, 5), (47, 1)],
        sport: &[(Any, 74), (One, 18), (Range, 4), (High, 4)],
        dport: &[(Any, 42), (One, 38), (Range, 10), (High, 8), (Low, 2)],
    },
    Class {
        name: "ddos",
        src: &[(0, 88), (24, 6), (32, 6)],
        dst: &[(32, 86), (29, 4), (28, 4), (24, 6)],
        proto: &[(17, 70), (6, 24), (1, 6)],
        sport: &[(Any, 45), (One, 50), (Range, 5)],
        dport: &[(Any, 55), (One, 38), (High, 7)],
    },
];

const PORTS: &[u32] = &[80, 443, 22, 53, 25, 123, 161, 389, 8080, 5060, 179, 21, 69, 135, 500, 3389];
const RANGES: &[(u32, u32)] = &[
    (6881, 6889),
    (20, 21),
    (137, 139),
    (1024, 5000),
    (6000, 6063),
    (8000, 8099),
    (49_152, 65_535),
    (160, 162),
];
// Value and mask.
const FLAGS: &[(u128, u128)] = &[(0x02, 0x12), (0x10, 0x10), (0x04, 0x04), (0x02, 0x17), (0x00, 0x3f)];

fn of<T: Copy>(mix: Mix<T>, dice: &mut Dice) -> T {
    let mut left = dice.below(mix.iter().map(|(_, share)| share).sum());
    for (value, share) in mix {
        if left < *share {
            return *value;
        }
        left -= share;
    }
    mix[0].0
}

/// Addresses that lie in each other, the first of each kind used most.
struct Addresses {
    sixteens: Vec<u32>,
    twentyfours: Vec<u32>,
}

fn often(list: &[u32], dice: &mut Dice) -> u32 {
    let at = dice.below(list.len()) * dice.below(1000) / 1000;
    list[at]
}

impl Addresses {
    fn new(count: usize, dice: &mut Dice) -> Self {
        let sixteens: Vec<u32> = (0..count.div_ceil(60).max(4))
            .map(|_| ((byte(dice) % 4) << 24) | 0x0a00_0000 | (byte(dice) << 16))
            .collect();
        let twentyfours = (0..count.div_ceil(5).max(4)).map(|_| often(&sixteens, dice) | (byte(dice) << 8));
        let twentyfours = twentyfours.collect();
        Self { sixteens, twentyfours }
    }

    fn prefix(&self, length: u32, dice: &mut Dice) -> (u32, u32) {
        let addr = match length {
            0..24 => often(&self.sixteens, dice) | byte(dice) << 8,
            _ => often(&self.twentyfours, dice) | byte(dice),
        };
        let host = u32::MAX.checked_shr(length).unwrap_or(0);
        (addr & !host, addr | host)
    }
}

fn byte(dice: &mut Dice) -> u32 {
    u32::try_from(dice.below(256)).unwrap()
}

fn ports(class: Ports, dice: &mut Dice) -> Option<(u32, u32)> {
    Some(match class {
        Any => return None,
        High => (1024, 65_535),
        Low => (0, 1023),
        One => {
            let port = if dice.below(10) < 7 { *dice.pick(PORTS) } else { byte(dice) << 8 | byte(dice) };
            (port, port)
        }
        Range if dice.below(10) < 6 => *dice.pick(RANGES),
        Range => {
            let first = byte(dice) << 8 | byte(dice);
            (first, (first + 12 * byte(dice)).min(65_535))
        }
    })
}

/// How a list is written: for a family, with ports or with the octets where they stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) six: bool,
    pub(crate) raw: bool,
}

fn address(field: (Field, Field), (lo, hi): (u32, u32), six: bool) -> Condition {
    if six {
        let base = 0x2001_0db8_u128 << 96;
        return Condition::test(field.1, IntervalSet::range(base | u128::from(lo), base | u128::from(hi)));
    }
    Condition::test(field.0, ValueSet::range(lo, hi))
}

/// A list of `count` rules; broad ones stand last, as they do in real ones.
pub(crate) fn list(class: &Class, count: usize, seed: u64, writing: Writing) -> RuleSet {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (sources, targets) = (Addresses::new(count, &mut dice), Addresses::new(count, &mut dice));
    let (mut rules, mut broad) = (Vec::new(), Vec::new());
    while rules.len() + broad.len() < count {
        let (from, to) = (of(class.src, &mut dice), of(class.dst, &mut dice));
        let mut parts = Vec::new();
        for (length, addresses, field) in
            [(to, &targets, (Field::Dst4, Field::Dst6)), (from, &sources, (Field::Src4, Field::Src6))]
        {
            if length > 0 {
                parts.push(address(field, addresses.prefix(length, &mut dice), writing.six));
            }
        }
        let proto = match of(class.proto, &mut dice) {
            1 if writing.six => 58,
            proto => proto,
        };
        if proto > 0 {
            parts.push(Condition::test(Field::Proto, ValueSet::single(proto)));
        }
        if matches!(proto, 6 | 17) {
            for (class, named, raw) in
                [(class.sport, Field::Sport, Field::RawPort0), (class.dport, Field::Dport, Field::RawPort1)]
            {
                if let Some((lo, hi)) = ports(of(class, &mut dice), &mut dice) {
                    parts.push(Condition::test(
                        if writing.raw { raw } else { named },
                        ValueSet::range(lo, hi),
                    ));
                }
            }
        }
        if proto == 6 && dice.below(12) == 0 {
            let (value, mask) = *dice.pick(FLAGS);
            parts.push(Condition::test(Field::TcpFlags, ValueSet::bits(value, mask)));
        }
        // Nothing for every packet in the middle.
        if parts.len() < 2 && from + to == 0 {
            continue;
        }
        let verdict = if dice.below(20) < 11 { Verdict::Accept } else { Verdict::Discard };
        let rule = RuleBuf::new("r", Condition::and(parts), Outcome::Verdict(verdict));
        if from + to < 24 { &mut broad } else { &mut rules }.push(rule);
    }
    rules.append(&mut broad);
    RuleSet {
        name: class.name.into(),
        kind: Kind::Filter,
        family: if writing.six { Family::Inet6 } else { Family::Inet },
        default: Verdict::Accept,
        rules: rules.into(),
    }
}
