//! Tests of the frame, in each case: of Ethernet, without tags before the packet.

use super::field::{Printed, compare, compare_load, constant, low, pattern_of};
use super::tree::Load;
use super::{Case, Inexpressible, Tree};
use crate::field::Field;
use crate::guard::Meter;
use crate::ir::{Condition, Test, ValueSet, ValueSetRef};
use crate::net::IntervalSet;

/// What announces a VLAN tag.
const TAGS: [u32; 3] = [0x8100, 0x88a8, 0x9100];
/// What announces a packet behind other headers.
const CARRIERS: [u32; 3] = [0x8847, 0x8848, 0x8864];
/// What announces a label stack.
const LABELLED: [u32; 2] = [0x8847, 0x8848];
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
    let mut ranges = |load: Load| compare_load(test.field(), load, test.values(), meter);
    match (test.field(), announced) {
        (Field::FrameLen, _) => compare(test.field(), "len", test.values(), meter),
        (Field::EthSrc | Field::EthDst, _) => address(test, meter),
        (Field::EthType, Some(number)) => Ok(constant(test.values(), number)),
        (Field::EthType, None) => frame_types(test, meter),
        // A packet right behind the link header has neither tags nor labels, and is no ARP.
        (
            Field::VlanId
            | Field::VlanPcp
            | Field::VlanDei
            | Field::InnerVlanId
            | Field::InnerVlanPcp
            | Field::MplsLabel
            | Field::MplsExp
            | Field::ArpOp
            | Field::ArpSender
            | Field::ArpTarget,
            Some(_),
        ) => Ok(Tree::False),
        (Field::VlanId, None) => {
            Ok(Tree::and([tagged(1), ranges(Load::octets("ether[14:2] & 0xfff", 0xfff))?]))
        }
        (Field::VlanPcp, None) => Ok(Tree::and([tagged(1), ranges(Load::octets("ether[14:2] >> 13", 7))?])),
        (Field::VlanDei, None) => {
            Ok(Tree::and([tagged(1), ranges(Load::octets("(ether[14] >> 4) & 1", 1))?]))
        }
        (Field::InnerVlanId, None) => {
            Ok(Tree::and([tagged(2), ranges(Load::octets("ether[18:2] & 0xfff", 0xfff))?]))
        }
        (Field::InnerVlanPcp, None) => {
            Ok(Tree::and([tagged(2), ranges(Load::octets("ether[18:2] >> 13", 7))?]))
        }
        (Field::MplsLabel, None) => label(test, |entry| format!("{entry} >> 12"), 0xf_ffff, meter),
        (Field::MplsExp, None) => label(test, |entry| format!("({entry} >> 9) & 7"), 7, meter),
        (Field::ArpOp, None) => arp(test, 6, 2, meter),
        (Field::ArpSender, None) => arp(test, 14, 4, meter),
        (Field::ArpTarget, None) => arp(test, 24, 4, meter),
        _ => Err(Inexpressible::Field(test.field())),
    }
}

fn set(numbers: &[u32]) -> IntervalSet<u32> {
    IntervalSet::from_ranges(numbers.iter().map(|number| (*number, *number)))
}

/// The type of a frame behind so many tags, or what announces the next.
fn frame_type(tags: u32) -> Load {
    Load::bits(format!("ether[{}:2]", 12 + 4 * tags), 0xffff)
}

/// Frames with at least so many tags.
fn tagged(tags: u32) -> Tree {
    Tree::and((0..tags).map(|tag| Tree::within(frame_type(tag), &set(&TAGS))))
}

/// The type behind all tags, of which frames have two at most.
fn frame_types(test: &Test, meter: &mut Meter) -> Printed {
    let Some(ranges) = test.values().as_ranges() else { return Err(Inexpressible::Field(test.field())) };
    let types = ranges.intersection(IntervalSet::range(FIRST_TYPE, u32::MAX).view()).difference(&set(&TAGS));
    let mut parts = Vec::new();
    for tags in 0..=2 {
        let values = ValueSet::from(types.clone());
        let typed = compare_load(test.field(), frame_type(tags), values.view(), meter)?;
        parts.push(Tree::and([tagged(tags), typed]));
    }
    Ok(Tree::or(parts))
}

/// The outermost entry of a label stack, behind one tag at most.
fn label(test: &Test, bits: impl Fn(&str) -> String, max: u32, meter: &mut Meter) -> Printed {
    let mut parts = Vec::new();
    for tags in 0..=1 {
        let announced = Tree::within(frame_type(tags), &set(&LABELLED));
        let load = Load::octets(bits(&format!("ether[{}:4]", HEADER + 4 * tags)), max);
        parts.push(Tree::and([
            tagged(tags),
            announced,
            compare_load(test.field(), load, test.values(), meter)?,
        ]));
    }
    Ok(Tree::or(parts))
}

/// Octets of ARP or RARP, behind one tag at most.
fn arp(test: &Test, at: u32, size: u32, meter: &mut Meter) -> Printed {
    let there = |tags: u32| {
        let length = IntervalSet::range(HEADER + 4 * tags + at + size, u32::MAX);
        Tree::within(Load::octets("len", u32::MAX), &length)
    };
    let mut either = Vec::new();
    for (word, number) in [("arp", 0x0806), ("rarp", 0x8035)] {
        let typed = Tree::within(frame_type(0), &set(&[number]));
        let compared = compare(test.field(), format!("{word}[{at}:{size}]"), test.values(), meter)?;
        either.push(Tree::and([typed, there(0), compared]));
    }
    let behind = format!("ether[{}:{size}]", HEADER + 4 + at);
    let compared = compare(test.field(), behind, test.values(), meter)?;
    let typed = Tree::within(frame_type(1), &set(&[0x0806, 0x8035]));
    either.push(Tree::and([tagged(1), typed, there(1), compared]));
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

/// A test of a packet where the frame carries none right behind its header: nobody looks into what tags, labels or
/// sessions carry.
pub(super) fn carried() -> Tree {
    let carriers: Vec<u32> = TAGS.into_iter().chain(CARRIERS).collect();
    Tree::and([Tree::within(frame_type(0), &set(&carriers)), Tree::Blind])
}

/// Whether a condition asks for headers between the frame's and the packet's.
pub(super) fn names_carrier(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(names_carrier),
        // That a header is not there is no such question.
        Condition::Not(part) => !matches!(**part, Condition::Test(_)) && names_carrier(part),
        Condition::Test(test) => match test.field() {
            Field::VlanId
            | Field::VlanPcp
            | Field::VlanDei
            | Field::InnerVlanId
            | Field::InnerVlanPcp
            | Field::MplsLabel
            | Field::MplsExp => true,
            Field::EthType => CARRIERS.iter().any(|number| test.values().contains(u128::from(*number))),
            _ => false,
        },
        Condition::True | Condition::False | Condition::Opaque(_) => false,
    }
}
