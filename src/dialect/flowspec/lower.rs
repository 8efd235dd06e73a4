//! What a flow specification means: components to a condition (RFC 8955 §4.2.2, RFC 8956 §3).
//!
//! Every component is a test that is false where the component does not apply, also when its list negates: no
//! list is ever put under a `not`. The condition is a function of the meaning of each list, not of its words,
//! so that equal meanings are equal conditions.

use super::component::{AND, Body, EQ, GT, LT};
use super::{Component, ComponentType, FlowSpec, Operand, bitmask};
use crate::field::{Family, Field};
use crate::ir::{Condition, ValueSet};
use crate::net::{IntervalSet, Intervals, Prefix6};
use crate::source::Span;
use thin_vec::ThinVec;

/// Protocols whose ports flow specifications look at: TCP and UDP (RFC 8955 §4.2.2.4).
pub const PORT_PROTOCOLS: [u32; 2] = [6, 17];

/// The condition of a specification, each test with the place of its component.
pub fn lower(spec: &FlowSpec) -> Condition {
    let mut parts = ThinVec::with_capacity(spec.components().len());
    let mut guarded = false;
    for component in spec.components() {
        use ComponentType as C;
        let list = spec.operands(component);
        let span = component.span;
        let values = || ValueSet::from(numeric(component.kind, spec.family, list));
        let is_port = matches!(component.kind, C::Port | C::DestinationPort | C::SourcePort);
        if is_port && !guarded {
            guarded = true;
            if !implies_port_protocols(&parts) {
                parts.push(Condition::test_at(Field::Proto, ValueSet::of(PORT_PROTOCOLS), span));
            }
        }
        let six = spec.family == Family::Inet6;
        let field = match component.kind {
            C::DestinationPrefix | C::SourcePrefix => {
                prefix(component, &mut parts);
                continue;
            }
            C::TcpFlags => {
                parts.push(Condition::test_at(Field::TcpFlags, bitmask::tcp_flags(list), span));
                continue;
            }
            C::Fragment => {
                parts.push(bitmask::FragmentStates::of(list, spec.family).condition(spec.family, span));
                continue;
            }
            C::Port => {
                // Either port, each with the whole list.
                let either = [Field::Sport, Field::Dport];
                parts.push(Condition::or(either.map(|field| Condition::test_at(field, values(), span))));
                continue;
            }
            C::Protocol => Field::Proto,
            C::DestinationPort => Field::Dport,
            C::SourcePort => Field::Sport,
            C::IcmpType if six => Field::Icmp6Type,
            C::IcmpType => Field::IcmpType,
            C::IcmpCode if six => Field::Icmp6Code,
            C::IcmpCode => Field::IcmpCode,
            C::PacketLength => Field::Len,
            C::Dscp => Field::Dscp,
            C::FlowLabel => Field::FlowLabel,
        };
        if let Some((lo, hi)) = usual(component.kind, spec.family, list).filter(|(lo, hi)| lo <= hi) {
            parts.push(Condition::between(field, lo, hi, span));
            continue;
        }
        parts.push(Condition::test_at(field, values(), span));
    }
    Condition::all(parts)
}

/// Whether a protocol test already there keeps everything but TCP and UDP out.
fn implies_port_protocols(parts: &[Condition]) -> bool {
    parts.iter().any(|part| match part {
        Condition::Test(test) if test.field() == Field::Proto => {
            test.values().as_ranges().is_some_and(only_port_protocols)
        }
        _ => false,
    })
}

/// Whether a set of protocols has only TCP and UDP in it.
pub(super) fn only_port_protocols(set: Intervals<'_, u32>) -> bool {
    set.ranges().all(|(lo, hi)| lo == hi && PORT_PROTOCOLS.contains(&lo))
}

fn prefix(component: &Component, parts: &mut ThinVec<Condition>) {
    let destination = component.kind == ComponentType::DestinationPrefix;
    let span = component.span;
    match component.body {
        Body::Prefix4(prefix) => {
            let field = if destination { Field::Dst4 } else { Field::Src4 };
            parts.push(Condition::between(field, prefix.first(), prefix.last(), span));
        }
        Body::Prefix6 { addr, len, offset } => parts.push(prefix6(destination, addr, len, offset, span)),
        // A prefix component is never made with operands; should it be, nobody can say what it means.
        Body::Operands { .. } => {
            parts.push(Condition::opaque("flowspec prefix", "the prefix is missing", span));
        }
    }
}

fn prefix6(destination: bool, addr: u128, len: u8, offset: u8, span: Span) -> Condition {
    let field = if destination { Field::Dst6 } else { Field::Src6 };
    match Prefix6::new(addr, len) {
        Some(prefix) if offset == 0 => Condition::test_at(field, IntervalSet::from(prefix), span),
        _ => {
            let behind = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
            let before = u128::MAX.checked_shr(u32::from(offset)).unwrap_or(0);
            Condition::test_at(field, ValueSet::bits(addr, behind & before), span)
        }
    }
}

/// The values of a field a numeric list accepts. Values are compared as full integers, whatever the field can
/// carry; those of a DSCP lose their upper bits first (RFC 8955 §4.2.2.11).
pub(super) fn numeric(kind: ComponentType, family: Family, list: &[Operand]) -> IntervalSet<u32> {
    if let Some((lo, hi)) = usual(kind, family, list) {
        return IntervalSet::range(lo, hi);
    }
    let max = largest(kind, family);
    let mut union = Vec::with_capacity(list.len());
    for group in groups(list) {
        if let [one] = group {
            union.extend(accepted(one.op, value(kind, one), max));
            continue;
        }
        // The values no operand of the group refuses: one sort, however long the group is.
        let refused =
            group.iter().flat_map(|operand| accepted(operand.op ^ (LT | GT | EQ), value(kind, operand), max));
        union.extend(IntervalSet::from_ranges(refused).complement(max).ranges());
    }
    IntervalSet::from_ranges(union)
}

// The only range of the usual lists, without an allocation: one operand, two bounds. An empty one begins behind its end.
#[inline]
fn usual(kind: ComponentType, family: Family, list: &[Operand]) -> Option<(u32, u32)> {
    let range = |operand: &Operand| one_range(operand.op, value(kind, operand), largest(kind, family));
    match list {
        [one] => range(one),
        [low, high] if high.op & AND != 0 => {
            let (low, high) = (range(low)?, range(high)?);
            Some((low.0.max(high.0), low.1.min(high.1)))
        }
        _ => None,
    }
}

fn largest(kind: ComponentType, family: Family) -> u32 {
    u32::try_from(kind.max(family)).unwrap_or(u32::MAX)
}

fn value(kind: ComponentType, operand: &Operand) -> u64 {
    if kind == ComponentType::Dscp { operand.value & 0x3f } else { operand.value }
}

/// The groups of a list: alternatives, in each of which all operands must hold.
pub fn groups(list: &[Operand]) -> impl Iterator<Item = &[Operand]> {
    list.chunk_by(|_, next| next.op & AND != 0)
}

/// The values up to `max` with which an operator is true, where they are one range; an empty one begins behind
/// its end.
fn one_range(op: u8, value: u64, max: u32) -> Option<(u32, u32)> {
    const EMPTY: (u32, u32) = (1, 0);
    let within = u32::try_from(value).ok().filter(|value| *value <= max);
    Some(match (op & (LT | GT | EQ), within) {
        (0, _) => EMPTY,
        (EQ, within) => within.map_or(EMPTY, |value| (value, value)),
        (LT, within) => within.map_or((0, max), |value| value.checked_sub(1).map_or(EMPTY, |hi| (0, hi))),
        (GT, within) => within.filter(|value| *value < max).map_or(EMPTY, |value| (value + 1, max)),
        (3, within) => within.map_or(EMPTY, |value| (value, max)),
        (5, within) => (0, within.unwrap_or(max)),
        (7, _) => (0, max),
        _ => return None,
    })
}

/// The values up to `max` with which an operator is true.
fn accepted(op: u8, value: u64, max: u32) -> impl Iterator<Item = (u32, u32)> {
    let top = u64::from(max);
    let below = (op & LT != 0 && value > 0).then(|| (0, (value - 1).min(top)));
    let equal = (op & EQ != 0 && value <= top).then_some((value, value));
    let above = (op & GT != 0 && value < top).then(|| (value + 1, top));
    let narrow = |x: u64| u32::try_from(x).unwrap_or(u32::MAX);
    [below, equal, above].into_iter().flatten().map(move |(lo, hi)| (narrow(lo), narrow(hi)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_lists_agree_with_their_definition() {
        // Every list of up to three operands over small values, against the definition.
        let operand = |op, value| Operand::new(op, value, Span::default());
        let ops: Vec<u8> = (0..8).chain((0..8).map(|op| op | AND)).collect();
        let holds = |op: u8, value: u64, x: u64| {
            op & LT != 0 && x < value || op & GT != 0 && x > value || op & EQ != 0 && x == value
        };
        for a in 0..8_u8 {
            for b in &ops {
                for c in &ops {
                    let list = [operand(a, 300), operand(*b, 100), operand(*c, 200)];
                    for list in [&list[..1], &list[..2], &list[..]] {
                        let set = numeric(ComponentType::Protocol, Family::Inet, list);
                        for x in [0, 99, 100, 101, 199, 200, 201, 255] {
                            let want = groups(list).any(|g| g.iter().all(|o| holds(o.op, o.value, x)));
                            assert_eq!(set.contains(u32::try_from(x).unwrap()), want, "{list:?} {x}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn one_range_is_what_its_operator_accepts() {
        for op in 0..8 {
            for value in [0, 1, 2, 254, 255, 256, 0x1_0000_0001, u64::MAX] {
                let want = IntervalSet::from_ranges(accepted(op, value, 255));
                match one_range(op, value, 255) {
                    Some((lo, hi)) => assert_eq!(IntervalSet::range(lo, hi), want, "{op} {value}"),
                    None => assert_eq!(op, LT | GT),
                }
            }
        }
    }
}
