//! Values of a condition to words.

use super::bitfield::Accepted;
use super::conditions::{FRAGMENT_BITS, FRAGMENT_FIELDS, extension_bit, fragment_condition};
use super::names::{self, Names};
use super::numbers::Reads;
use super::support::{ANY, Families, INET, INET6, LAYER2, MPLS, N};
use crate::field::{Field, IP_OPTION_TYPES};
use crate::ir::{Condition, Test, ValueSetRef};
use crate::net::{BitMatch, Intervals, Prefix4, Prefix6};
use crate::source::Span;
use std::net::{Ipv4Addr, Ipv6Addr};

/// More values than a statement can name.
pub(super) const MANY: usize = 100_000;

/// Values and ranges as words; none when a value is more than the keyword takes, or there is none.
pub(super) fn number_list(set: Intervals<'_, u32>, reads: &Reads) -> Option<Vec<String>> {
    if set.is_empty() || set.max()? > reads.max {
        return None;
    }
    let name = |value: u32| match reads.field {
        // Names say more than numbers where everybody knows them.
        Field::Proto | Field::ProtoField | Field::Dscp => names::name(reads.names, value).map(str::to_owned),
        _ => None,
    };
    let one = |(lo, hi): (u32, u32)| {
        if lo == hi { name(lo).unwrap_or_else(|| lo.to_string()) } else { format!("{lo}-{hi}") }
    };
    Some(set.ranges().map(one).collect())
}

/// The prefixes of a test; an error says in words why there are none.
pub(super) fn address_lines(test: &Test) -> Result<Vec<String>, String> {
    let none = |what: &str| vec![format!("{what} except")];
    let lines: Vec<String> = match test.values() {
        ValueSetRef::Ranges(set) if set.is_empty() => none("0.0.0.0/0"),
        ValueSetRef::Wide(set) if set.is_empty() => none("::/0"),
        ValueSetRef::Ranges(set) => {
            let cover = |set: Intervals<'_, u32>| -> Vec<Prefix4> {
                set.ranges().flat_map(|(lo, hi)| Prefix4::cover(lo, hi)).collect()
            };
            shorter("0.0.0.0/0", &cover(set), || cover(set.complement(u32::MAX).view()))
        }
        ValueSetRef::Wide(set) => {
            let cover = |set: Intervals<'_, u128>| -> Vec<Prefix6> {
                set.ranges().flat_map(|(lo, hi)| Prefix6::cover(lo, hi)).collect()
            };
            shorter("::/0", &cover(set), || cover(set.complement(u128::MAX).view()))
        }
        ValueSetRef::Bits(set) => {
            let line = |p: &crate::net::BitMatch| {
                if matches!(test.field(), Field::Src4 | Field::Dst4) {
                    let (value, mask) = (u32::try_from(p.value).ok()?, u32::try_from(p.mask).ok()?);
                    return Some(format!("{}/{}", Ipv4Addr::from(value), Ipv4Addr::from(mask)));
                }
                let prefix = p.mask.leading_ones() + p.mask.trailing_zeros() == 128 || p.mask == 0;
                prefix.then(|| format!("{}/{}", Ipv6Addr::from(p.value), p.mask.leading_ones()))
            };
            let lines: Option<Vec<String>> = set.patterns().iter().map(line).collect();
            lines.filter(|l| !l.is_empty()).ok_or("IPv6 addresses by a mask that is no prefix")?
        }
    };
    if lines.len() > MANY {
        return Err("more prefixes than a term can hold".to_owned());
    }
    Ok(lines)
}

/// The prefixes, or everything but the others, whichever is shorter: of prefixes that hold an address the longest
/// decides.
fn shorter<P: ToString>(all: &str, prefixes: &[P], others: impl FnOnce() -> Vec<P>) -> Vec<String> {
    let plain = || prefixes.iter().map(P::to_string).collect();
    if prefixes.len() < 3 {
        return plain();
    }
    let others = others();
    if others.len() + 1 >= prefixes.len() {
        return plain();
    }
    let except = others.iter().map(|prefix| format!("{} except", prefix.to_string()));
    std::iter::once(all.to_owned()).chain(except).collect()
}

/// What a condition on flags of the IPv4 header alone accepts; none where it reads anything else.
pub(super) fn flags_of(condition: &Condition) -> Option<Accepted> {
    let mut only = true;
    condition.visit(&mut |part| match part {
        Condition::Test(test) => only &= FRAGMENT_FIELDS.iter().any(|f| f.1 == test.field()),
        Condition::Opaque(_) => only = false,
        _ => {}
    });
    if !only {
        return None;
    }
    let mut set = Accepted::none(FRAGMENT_BITS);
    for value in 0..1_u32 << FRAGMENT_BITS {
        if holds(condition, value) {
            set.insert(value);
        }
    }
    let again = fragment_condition(set, Span::default());
    (again == *condition || matches!(condition, Condition::Test(_) | Condition::And(_) | Condition::Or(_)))
        .then_some(set)
}

fn holds(condition: &Condition, flags: u32) -> bool {
    match condition {
        Condition::True => true,
        Condition::False | Condition::Opaque(_) => false,
        Condition::And(parts) => parts.iter().all(|part| holds(part, flags)),
        Condition::Or(parts) => parts.iter().any(|part| holds(part, flags)),
        Condition::Not(part) => !holds(part, flags),
        Condition::Test(test) => {
            let bit = FRAGMENT_FIELDS.iter().find(|f| f.1 == test.field()).map_or(0, |f| f.0);
            test.values().contains(u128::from(flags & bit != 0))
        }
    }
}

/// An expression that accepts exactly the set.
pub(super) fn expression(set: Accepted, names: Names) -> String {
    let any = set.patterns();
    let name = |bit: u32| names::name(names, bit).unwrap_or("0");
    let first = names.first().map_or("0", |n| n.0);
    let alternatives: Vec<String> = any
        .patterns()
        .iter()
        .map(|pattern| {
            let bits = (0..32_u32).map(|n| 1_u32 << n).filter(|b| pattern.mask & u128::from(*b) != 0);
            let literals: Vec<String> = bits
                .map(|bit| {
                    let not = if pattern.value & u128::from(bit) == 0 { "!" } else { "" };
                    format!("{not}{}", name(bit))
                })
                .collect();
            literals.join(" & ")
        })
        .collect();
    let text = match alternatives.as_slice() {
        [] => format!("{first} & !{first}"),
        [one] if one.is_empty() => format!("{first} | !{first}"),
        list => list.join(" | "),
    };
    if text.contains([' ', '!']) { format!("\"{text}\"") } else { text }
}

/// The kinds that bits of a field stand for, as words; none when a bit has no one kind.
pub(super) fn kinds_of(field: Field, bits: u128, names: Names) -> Option<Vec<String>> {
    let bits = u32::try_from(bits).ok()?;
    let kinds: Vec<(u32, u32)> = match field {
        Field::IpOptions => IP_OPTION_TYPES
            .iter()
            .map(|kind| (crate::field::ip_option_bit(*kind), u32::from(*kind)))
            .collect(),
        _ => (0..256).filter_map(|kind| extension_bit(kind).map(|bit| (bit, kind))).collect(),
    };
    let all = kinds.iter().fold(0, |sum, (bit, _)| sum | bit);
    if bits == 0 || bits & !all != 0 {
        return None;
    }
    let word = |kind: u32| names::name(names, kind).map_or_else(|| kind.to_string(), str::to_owned);
    Some(kinds.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, kind)| word(*kind)).collect())
}

/// The groups of a test, a bit for each, and whether it asks for none of them instead of any.
pub(super) fn groups(values: ValueSetRef<'_>) -> Option<(u128, bool)> {
    let ValueSetRef::Bits(set) = values else { return None };
    match set.patterns() {
        [only] if only.value == 0 && only.mask != 0 => Some((only.mask, true)),
        list => {
            let one = |bits: u128, p: &BitMatch| {
                (p.mask.is_power_of_two() && p.value == p.mask).then_some(bits | p.mask)
            };
            list.iter().try_fold(0, one).map(|bits| (bits, false))
        }
    }
}

/// The keyword of a field that is a plain number.
pub(super) fn number_of(field: Field, family: Families) -> Option<N> {
    let behind = family == INET || family == INET6 || family == LAYER2;
    Some(match field {
        Field::Proto if family == INET => N::Protocol,
        Field::Proto if family == INET6 => N::PayloadProtocol,
        Field::ProtoField if family == INET6 => N::NextHeader,
        Field::Dscp if family != ANY && family != MPLS => N::Dscp,
        Field::Ttl if matches!(family, INET | INET6) => N::Ttl,
        Field::Len if matches!(family, INET | INET6 | ANY) => N::PacketLength,
        Field::RawPort0 if behind => N::SourcePort,
        Field::RawPort1 if behind => N::DestinationPort,
        Field::RawOctet0 if behind => N::IcmpType,
        Field::RawOctet1 if behind => N::IcmpCode,
        Field::AhSpi => N::AhSpi,
        Field::EspSpi => N::EspSpi,
        Field::GreKey => N::GreKey,
        Field::EthType => N::EtherType,
        Field::VlanId => N::VlanId,
        Field::VlanPcp => N::VlanPcp,
        Field::InnerVlanId => N::InnerVlanId,
        Field::InnerVlanPcp => N::InnerVlanPcp,
        Field::MplsExp => N::MplsExp,
        Field::MplsLabel => N::MplsLabel,
        _ => return None,
    })
}
