//! Rules of a few shapes by the thousand, to hold engines and models against: made from a seed, each time the same.

use crate::field::{Family, Field};
use crate::ir::{Condition, Document, Kind, Outcome, RuleBuf, RuleSet, Verdict};
use crate::net::IntervalSet;
use crate::source::Span;

/// What rules look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// An access list: destinations of all lengths, some sources, ports exact or in ranges.
    Access,
    /// Lists of ports beside a source and a range of source ports.
    Lists,
    /// The filter of a detector: one host, one source port.
    Victim,
    /// Broad prefixes, ranges on either side.
    Firewall,
    /// A short list of destination ports.
    Rich,
    /// Two networks and a port.
    Transit,
}

/// The shapes that models are fitted to.
pub const FITTED: [Shape; 3] = [Shape::Access, Shape::Lists, Shape::Victim];
/// The shapes that they are judged on and never see.
pub const HELD_OUT: [Shape; 3] = [Shape::Firewall, Shape::Rich, Shape::Transit];

impl Shape {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Lists => "lists",
            Self::Victim => "victim",
            Self::Firewall => "firewall",
            Self::Rich => "rich",
            Self::Transit => "transit",
        }
    }
}

const PORTS: [u32; 16] = [22, 25, 53, 80, 123, 161, 179, 389, 443, 445, 1433, 3306, 3389, 5060, 8080, 11_211];
const RANGES: [(u32, u32); 6] =
    [(1024, 65_535), (6881, 6889), (137, 139), (33_434, 33_534), (8000, 8099), (20, 21)];

/// A filter of so many rules of a shape. Destinations differ, so that none is another's; `count` is at most 2^24.
pub fn document(shape: Shape, count: u32, seed: u64) -> Document {
    let mut dice = Dice(seed ^ (u64::from(count) << 8) ^ shape as u64);
    let mut rules = Vec::new();
    for number in 0..count.min(1 << 24) {
        let condition = Condition::and(tests(shape, number, &mut dice));
        let verdict = if dice.below(2) == 0 { Verdict::Discard } else { Verdict::Accept };
        rules.push(RuleBuf::new((number + 1).to_string(), condition, Outcome::Verdict(verdict)));
    }
    let set = RuleSet {
        name: shape.name().to_owned(),
        kind: Kind::Filter,
        family: Family::Inet,
        default: Verdict::Accept,
        rules: rules.into(),
    };
    Document { rule_sets: vec![set], ..Document::default() }
}

fn tests(shape: Shape, number: u32, dice: &mut Dice) -> Vec<Condition> {
    // An odd factor runs through all hosts before it meets one again; networks may meet.
    let host = 0x0100_0000_u32.wrapping_add(number.wrapping_mul(0x0100_0193) & 0x7fff_ffff);
    let network = |addr: u32, len: u32| (addr >> (32 - len)) << (32 - len);
    let prefix = |field, addr: u32, len: u32| {
        let first = network(addr, len);
        Condition::between(field, first, first | u32::MAX.checked_shr(len).unwrap_or(0), Span::default())
    };
    let one = |field, value| Condition::between(field, value, value, Span::default());
    let range = |field, (lo, hi): (u32, u32)| Condition::between(field, lo, hi, Span::default());
    let mut list = Vec::new();
    match shape {
        Shape::Access => {
            list.push(prefix(Field::Dst4, host, dice.of(&[20, 24, 24, 28, 32, 32, 32])));
            if dice.below(2) == 0 {
                list.push(prefix(Field::Src4, dice.word(), dice.of(&[8, 16, 22, 24, 32])));
            }
            list.push(one(Field::Proto, dice.of(&[6, 6, 17])));
            match dice.below(4) {
                0 => {}
                1 => list.push(range(Field::Dport, dice.of(&RANGES))),
                _ => list.push(one(Field::Dport, dice.of(&PORTS))),
            }
        }
        Shape::Victim => {
            list.push(prefix(Field::Dst4, host, 32));
            list.push(one(Field::Proto, 17));
            list.push(one(Field::Sport, dice.of(&PORTS)));
        }
        Shape::Lists => {
            list.push(prefix(Field::Dst4, host, 32));
            list.push(prefix(Field::Src4, dice.word(), dice.of(&[16, 24])));
            list.push(one(Field::Proto, dice.of(&[6, 17])));
            list.push(range(Field::Sport, dice.of(&RANGES)));
            list.push(ports(4, dice));
        }
        Shape::Firewall => {
            list.push(prefix(Field::Dst4, host, dice.of(&[22, 24, 27, 32])));
            if dice.below(2) == 0 {
                list.push(prefix(Field::Src4, dice.word(), dice.of(&[16, 24, 29, 32])));
            }
            list.push(one(Field::Proto, dice.of(&[6, 17])));
            list.push(range(Field::Sport, dice.of(&RANGES)));
            if dice.below(2) == 0 {
                list.push(range(Field::Dport, dice.of(&RANGES)));
            }
        }
        Shape::Rich => {
            list.push(prefix(Field::Dst4, host, dice.of(&[24, 32, 32])));
            list.push(one(Field::Proto, dice.of(&[6, 17])));
            let length = dice.of(&[2, 3, 5]);
            list.push(ports(length, dice));
        }
        Shape::Transit => {
            list.push(prefix(Field::Dst4, host, dice.of(&[22, 24, 32])));
            list.push(prefix(Field::Src4, dice.word(), dice.of(&[19, 21, 23])));
            list.push(one(Field::Proto, 6));
            list.push(one(Field::Dport, dice.of(&PORTS)));
        }
    }
    list
}

/// So many of the ports, beginning anywhere: no two are neighbours, so each stands for itself.
fn ports(count: u64, dice: &mut Dice) -> Condition {
    let first = dice.below(PORTS.len() as u64);
    let at = |index: u64| usize::try_from((first + index * 3) % PORTS.len() as u64).unwrap_or(0);
    let chosen = (0..count).filter_map(|index| PORTS.get(at(index)).map(|port| (*port, *port)));
    Condition::test(Field::Dport, IntervalSet::from_ranges(chosen.collect::<Vec<_>>()))
}

/// A linear congruence: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap_or(0)
    }

    fn below(&mut self, bound: u64) -> u64 {
        u64::from(self.word()) % bound.max(1)
    }

    fn of<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let at = usize::try_from(self.below(list.len() as u64)).unwrap_or(0);
        list.get(at).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_rules_and_another_gives_others() {
        for shape in FITTED.into_iter().chain(HELD_OUT) {
            let make = |seed| format!("{:?}", document(shape, 50, seed).rule_sets);
            assert_eq!(make(1), make(1), "{shape:?}");
            assert_ne!(make(1), make(2), "{shape:?}");
            assert_eq!(document(shape, 50, 1).rule_count(), 50);
        }
        assert!(FITTED.iter().all(|shape| !HELD_OUT.contains(shape)));
    }
}
