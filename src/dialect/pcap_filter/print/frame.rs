//! Tests of the frame, in each case: of Ethernet, without tags before the packet.

use super::field::{Printed, compare, compare_load, constant, low, pattern_of};
use super::tree::Load;
use super::{Case, Inexpressible, Tree};
use crate::field::{Field, Layer};
use crate::guard::Meter;
use crate::ir::{Condition, Test, ValueSet, ValueSetRef};
use crate::net::IntervalSet;

/// What announces a VLAN tag.
const TAGS: [u32; 3] = [0x8100, 0x88a8, 0x9100];
/// What announces a packet behind other headers.
const CARRIERS: [u32; 3] = [0x8847, 0x8848, 0x8864];
/// Smaller types are lengths.
const FIRST_TYPE: u32 = 0x0600;
const HEADER: u32 = 14;

/// `test` in the case.
pub(super) fn test(test: &Test, case: Case, meter: &mut Meter) -> Printed {
    let announced = match case {
        Case::Inet => Some(0x0800),
        Case::Inet6 | Case::Inet6Fragment | Case::Inet6Chain => Some(0x86dd),
        Case::NotIp => None,
    };
    match (test.field(), announced) {
        (Field::FrameLen, _) => compare(test.field(), "len", test.values(), meter),
        (Field::EthSrc | Field::EthDst, _) => address(test, meter),
        (Field::EthType, Some(number)) => Ok(constant(test.values(), number)),
        (Field::EthType, None) => {
            let Some(set) = test.values().as_ranges() else { return Err(Inexpressible::Field(test.field())) };
            let types = set.intersection(IntervalSet::range(FIRST_TYPE, u32::MAX).view());
            compare_load(test.field(), frame_type(), ValueSet::from(types).view(), meter)
        }
        (Field::VlanId | Field::VlanPcp | Field::ArpOp | Field::ArpSender | Field::ArpTarget, Some(_)) => {
            Ok(Tree::False)
        }
        (Field::VlanId, None) => {
            Ok(Tree::and([tagged(), compare(test.field(), "ether[14:2] & 0xfff", test.values(), meter)?]))
        }
        (Field::VlanPcp, None) => {
            Ok(Tree::and([tagged(), compare(test.field(), "ether[14:2] >> 13", test.values(), meter)?]))
        }
        (Field::ArpOp, None) => arp(test, 6, 2, meter),
        (Field::ArpSender, None) => arp(test, 14, 4, meter),
        (Field::ArpTarget, None) => arp(test, 24, 4, meter),
        _ => Err(Inexpressible::Field(test.field())),
    }
}

/// The type of a frame, or what announces its first tag.
fn frame_type() -> Load {
    Load::bits("ether[12:2]", 0xffff)
}

fn tagged() -> Tree {
    Tree::within(frame_type(), &IntervalSet::from_ranges(TAGS.map(|number| (number, number))))
}

fn arp(test: &Test, at: u32, size: u32, meter: &mut Meter) -> Printed {
    let there = IntervalSet::range(HEADER + at + size, u32::MAX);
    let there = Tree::within(Load::octets("len", u32::MAX), &there);
    let mut either = Vec::new();
    for word in ["arp", "rarp"] {
        let compared = compare(test.field(), format!("{word}[{at}:{size}]"), test.values(), meter)?;
        either.push(Tree::and([Tree::word(word), there.clone(), compared]));
    }
    Ok(Tree::or(either))
}

fn address(test: &Test, meter: &mut Meter) -> Printed {
    let (word, at) = if test.field() == Field::EthSrc { ("src", 6) } else { ("dst", 0) };
    let mut parts = Vec::new();
    match test.values() {
        ValueSetRef::Wide(set) => {
            for (lo, hi) in set.ranges() {
                meter.charge(1).map_err(Inexpressible::Long)?;
                if lo != hi {
                    return Err(Inexpressible::Field(test.field()));
                }
                let octets: Vec<String> =
                    lo.to_be_bytes().iter().skip(10).map(|octet| format!("{octet:02x}")).collect();
                parts.push(Tree::word(format!("ether {word} {}", octets.join(":"))));
            }
        }
        ValueSetRef::Bits(set) => {
            for pattern in set.patterns() {
                meter.charge(2).map_err(Inexpressible::Long)?;
                // The first four octets, and the last two.
                let words = [(at, 4, 16), (at + 4, 2, 0)].map(|(at, size, shift): (u32, u32, u32)| {
                    let of = |value: u128| low(value >> shift & ((1 << (8 * size)) - 1));
                    pattern_of(&format!("ether[{at}:{size}]"), of(pattern.value), of(pattern.mask))
                });
                parts.push(Tree::and(words));
            }
        }
        ValueSetRef::Ranges(_) => return Err(Inexpressible::Field(test.field())),
    }
    Ok(Tree::or(parts))
}

/// Whether a condition asks for packets behind headers that stand between, which no case holds.
pub(super) fn asks_behind(condition: &Condition) -> bool {
    let asks_packet = condition.tests().iter().any(|test| test.field().info().layer != Layer::Link);
    asks_packet && names_carrier(condition)
}

fn names_carrier(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(names_carrier),
        // That a header is not there is no such question.
        Condition::Not(part) => !matches!(**part, Condition::Test(_)) && names_carrier(part),
        Condition::Test(test) => match test.field() {
            Field::VlanId | Field::VlanPcp => true,
            Field::EthType => CARRIERS.iter().any(|number| test.values().contains(u128::from(*number))),
            _ => false,
        },
        Condition::True | Condition::False | Condition::Opaque(_) => false,
    }
}

/// Whether a condition looks at the frame.
pub(super) fn looks_at_frame(condition: &Condition) -> bool {
    condition.tests().iter().any(|test| test.field().info().layer == Layer::Link)
}
