//! Counts a flow specification as it is written: a product over its components, `port` rewritten first.
//!
//! A device programs the components it was sent, without the guards their meaning implies (a port component
//! asks for TCP or UDP whether or not the rule names a protocol), so flow rules are counted from their NLRI
//! and not from their condition.

use super::cover;
use super::tally::{Count, FieldCost, Tally};
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{Body, Component, ComponentType, FlowSpec, Operand};
use crate::field::Family;
use crate::guard::{Exhausted, Meter};
use crate::net::{BitMatch, BitSet, IntervalSet};

/// How a device writes values into its keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Encoding {
    /// IPv6 lengths are compared with the payload length: 40 is taken off every operand.
    pub ipv6_payload_length: bool,
}

type Values = IntervalSet<u128>;

/// What a flow specification comes to. A step an operand, a range, a pattern and a node.
pub(crate) fn tally(flow: &FlowSpec, encoding: Encoding, meter: &mut Meter) -> Result<Tally, Exhausted> {
    let mut fields = Vec::with_capacity(flow.components().len());
    let mut ports = Ports::default();
    let rewritten = flow.component(ComponentType::Port).is_some();
    for component in flow.components() {
        meter.charge(1)?;
        let operands = flow.operands(component);
        match component.kind {
            ComponentType::DestinationPrefix | ComponentType::SourcePrefix => fields.push(FieldCost::ONE),
            ComponentType::TcpFlags => fields.push(tcp_flags(operands, meter)?),
            ComponentType::Fragment => fields.push(fragment(operands, flow.family, meter)?),
            kind if !(rewritten && is_port(kind)) && plain(component, operands, flow.family, encoding) => {
                fields.push(plain_cost(operands, width_of(kind), meter)?);
            }
            kind => {
                let values = numeric(component, operands, flow.family, encoding, meter)?;
                match kind {
                    ComponentType::Port => ports.either = Some(values),
                    ComponentType::DestinationPort => ports.destination = Some(values),
                    ComponentType::SourcePort => ports.source = Some(values),
                    _ => fields.push(field_cost(&values, width_of(kind), meter)?),
                }
            }
        }
    }
    ports.add_terms(&fields, meter)
}

fn is_port(kind: ComponentType) -> bool {
    matches!(kind, ComponentType::Port | ComponentType::DestinationPort | ComponentType::SourcePort)
}

/// Whether a list is one value or one range the field can hold, as most are: then it needs no sets.
fn plain(component: &Component, operands: &[Operand], family: Family, encoding: Encoding) -> bool {
    let kind = component.kind;
    if kind == ComponentType::PacketLength && family == Family::Inet6 && encoding.ipv6_payload_length {
        return false;
    }
    let max = kind.max(family);
    match operands {
        [one] => one.op & (LT | GT | EQ) == EQ && one.value <= max,
        [from, to] => {
            from.op & (LT | GT | EQ) == GT | EQ
                && to.op & (LT | GT | EQ) == LT | EQ
                && to.op & AND != 0
                && from.value <= to.value
                && to.value <= max
        }
        _ => false,
    }
}

fn plain_cost(operands: &[Operand], width: u32, meter: &mut Meter) -> Result<FieldCost, Exhausted> {
    meter.charge(operands.len() as u64)?;
    let [from, to] = operands else { return Ok(FieldCost::ONE) };
    let (lo, hi) = (u128::from(from.value), u128::from(to.value));
    let entries = cover::prefixes(lo, hi);
    let fewest = if entries > 1 { cover::fewest(&[(lo, hi)], width.max(17), meter)? } else { entries };
    Ok(FieldCost { entries, fewest, ranges: 1 })
}

/// The port components of one rule.
#[derive(Default)]
struct Ports {
    either: Option<Values>,
    destination: Option<Values>,
    source: Option<Values>,
}

impl Ports {
    /// Multiplies the ports with the other fields. `port` beside another port component becomes
    /// `source in port and destination in D, or destination in both`.
    fn add_terms(&self, others: &[FieldCost], meter: &mut Meter) -> Result<Tally, Exhausted> {
        let mut tally = Tally::NONE;
        let mut add = |source: Option<&Values>, destination: Option<&Values>, meter: &mut Meter| {
            let mut fields = others.to_vec();
            for values in [source, destination].into_iter().flatten() {
                fields.push(field_cost(values, 16, meter)?);
            }
            tally.add_term(fields);
            Ok(())
        };
        let (source, destination) = (self.source.as_ref(), self.destination.as_ref());
        let Some(either) = &self.either else {
            add(source, destination, meter)?;
            return Ok(tally);
        };
        let both = |directed: Option<&Values>, meter: &mut Meter| match directed {
            None => Ok(either.clone()),
            Some(values) => {
                meter.charge((values.ranges().len() + either.ranges().len()) as u64)?;
                Ok(either.intersection(values))
            }
        };
        let (from, to) = (both(source, meter)?, both(destination, meter)?);
        add(Some(&from), destination, meter)?;
        add(source, Some(&to), meter)?;
        // Of the two alternatives only the one whose slice stands alone bounds the whole from below: at a
        // destination port outside `port`, which the rule takes, the source ports are left, and the other way round.
        let mut least = others.iter().map(|f| f.fewest).max().unwrap_or(1);
        for (left, right) in [(&from, destination), (&to, source)] {
            let alone = right.map_or_else(|| either.complement(0xffff), |r| r.difference(either));
            if !alone.is_empty() {
                least = least.max(field_cost(left, 16, meter)?.fewest);
            }
        }
        if tally.entries.at_least > 0 {
            tally.minimum = Count::exact(least);
        }
        Ok(tally)
    }
}

/// Bits of the field a numeric component is compared with.
fn width_of(kind: ComponentType) -> u32 {
    use ComponentType as C;
    match kind {
        C::Protocol | C::IcmpType | C::IcmpCode => 8,
        C::Dscp => 6,
        C::FlowLabel => 20,
        C::Port | C::DestinationPort | C::SourcePort | C::PacketLength => 16,
        C::DestinationPrefix | C::SourcePrefix => 128,
        C::TcpFlags => 12,
        C::Fragment => 4,
    }
}

/// The values a list of numeric operands accepts, in the key of the device.
///
/// A list no value of the field satisfies is kept as written, in as many bits as its operands need: what a
/// device makes of it is not known to be nothing.
fn numeric(
    component: &Component,
    operands: &[Operand],
    family: Family,
    encoding: Encoding,
    meter: &mut Meter,
) -> Result<Values, Exhausted> {
    meter.charge(operands.len() as u64)?;
    let dscp = component.kind == ComponentType::Dscp;
    let value_of = |operand: &Operand| u128::from(if dscp { operand.value & 0x3f } else { operand.value });
    let mut ranges = Vec::with_capacity(operands.len());
    let mut group: Option<Values> = None;
    for operand in operands {
        let [below, above] = accepted(operand.op, value_of(operand));
        group = Some(match group {
            Some(values) if operand.op & AND != 0 => {
                meter.charge(values.ranges().len() as u64)?;
                values.intersection(&Values::from_ranges([below, above]))
            }
            done => {
                ranges.extend(done.iter().flat_map(IntervalSet::ranges));
                Values::from_ranges([below, above])
            }
        });
    }
    ranges.extend(group.iter().flat_map(IntervalSet::ranges));
    let payload = encoding.ipv6_payload_length
        && family == Family::Inet6
        && component.kind == ComponentType::PacketLength;
    if payload {
        ranges.retain(|(_, hi)| *hi >= 40);
        for (lo, hi) in &mut ranges {
            *lo = lo.saturating_sub(40);
            *hi = hi.saturating_sub(40);
        }
    }
    let values = Values::from_ranges(ranges);
    let total_length_of_inet6 =
        !payload && family == Family::Inet6 && component.kind == ComponentType::PacketLength;
    let max = if total_length_of_inet6 { 65_575 } else { cover::low_bits(width_of(component.kind)) };
    let inside = values.intersection(&Values::range(0, max));
    if !inside.is_empty() {
        return Ok(inside);
    }
    let largest = operands.iter().map(value_of).max().unwrap_or(0);
    let bits = largest.checked_ilog2().map_or(1, |top| top + 1);
    Ok(values.intersection(&Values::range(0, cover::low_bits(bits))))
}

/// The values an operator accepts with its operand: below it or up to it, above it or from it.
fn accepted(op: u8, value: u128) -> [(u128, u128); 2] {
    const EMPTY: (u128, u128) = (1, 0);
    let below = match (op & LT != 0, op & EQ != 0) {
        (true, true) => (0, value),
        (true, false) => value.checked_sub(1).map_or(EMPTY, |hi| (0, hi)),
        (false, true) => (value, value),
        (false, false) => EMPTY,
    };
    let above = if op & GT != 0 { (value + 1, u128::from(u64::MAX)) } else { EMPTY };
    [below, above]
}

/// What a set of values comes to.
fn field_cost(values: &Values, width: u32, meter: &mut Meter) -> Result<FieldCost, Exhausted> {
    let entries = cover::set_prefixes(values.view(), meter)?;
    let fewest = if entries > 1 {
        let ranges: Vec<(u128, u128)> = values.ranges().collect();
        let bits = ranges.last().and_then(|(_, hi)| hi.checked_ilog2()).map_or(1, |top| top + 1);
        cover::fewest(&ranges, width.max(bits), meter)?
    } else {
        entries
    };
    Ok(FieldCost { entries, fewest, ranges: values.ranges().len() as u64 })
}

/// TCP flags: ternary patterns, one an entry.
fn tcp_flags(operands: &[Operand], meter: &mut Meter) -> Result<FieldCost, Exhausted> {
    const FLAGS: u128 = 0x0fff;
    let mut patterns: Vec<BitMatch> = Vec::new();
    let mut group: Vec<BitMatch> = Vec::new();
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 && operand.op & AND == 0 {
            patterns.append(&mut group);
        }
        let choices = flag_patterns(operand, FLAGS);
        if index == 0 || operand.op & AND == 0 {
            meter.charge(choices.len() as u64 + 1)?;
            group = choices;
        } else {
            // Pairs are made, sorted and kept: dearer than a look at a range.
            meter.charge(16 * (group.len() * choices.len()) as u64 + 1)?;
            let pairs = group.iter().flat_map(|a| choices.iter().filter_map(|b| a.intersection(*b)));
            group = pairs.collect();
            group.sort_unstable();
            group.dedup();
        }
    }
    patterns.append(&mut group);
    // Taking out patterns inside others compares each with each.
    meter.charge((patterns.len() as u64).saturating_pow(2))?;
    let entries = BitSet::new(patterns).patterns().len() as u64;
    Ok(FieldCost { entries, fewest: entries.min(1), ranges: entries })
}

/// The patterns of one bitmask operand; bits above `field` are read as zero.
fn flag_patterns(operand: &Operand, field: u128) -> Vec<BitMatch> {
    let value = u128::from(operand.value);
    let known = value & field;
    let (all, negated) = (operand.op & MATCH != 0, operand.op & NOT != 0);
    let each_bit = |set: bool| {
        let bits = (0..12).map(|bit| 1_u128 << bit).filter(move |bit| known & bit != 0);
        bits.map(move |bit| BitMatch::new(if set { bit } else { 0 }, bit)).collect()
    };
    let never_set = value & !field != 0;
    match (all, negated) {
        (true, false) if never_set => Vec::new(),
        (true, true) if never_set => vec![BitMatch::new(0, 0)],
        (true, false) => vec![BitMatch::new(known, known)],
        (false, false) => each_bit(true),
        (false, true) => vec![BitMatch::new(0, known)],
        (true, true) => each_bit(false),
    }
}

/// Fragments: a key tells whole packets, first, middle and last fragments apart, one value each; all four
/// together need none. The don't-fragment bit is a bit of its own.
fn fragment(operands: &[Operand], family: Family, meter: &mut Meter) -> Result<FieldCost, Exhausted> {
    const DF: u64 = 1;
    // Whole, first, middle, last, as bits of the component.
    const CLASSES: [u64; 4] = [0, 4, 2, 2 | 8];
    meter.charge(8 * operands.len() as u64)?;
    let bits = if family == Family::Inet6 { 0x0e } else { 0x0f };
    let taken = |df: u64| CLASSES.map(|class| holds(operands, class | df, bits));
    let entries_of = |classes: [bool; 4]| match classes.iter().filter(|taken| **taken).count() as u64 {
        4 => 1,
        some => some,
    };
    let (without, with) = (taken(0), taken(DF));
    let entries = if without == with || family == Family::Inet6 {
        entries_of(without)
    } else {
        entries_of(without) + entries_of(with)
    };
    Ok(FieldCost { entries, fewest: entries.min(1), ranges: entries })
}

/// Whether some packet satisfies a fragment component: one that has ports, which later fragments have not, where asked.
pub(crate) fn has_fragment(operands: &[Operand], family: Family, with_ports: bool) -> bool {
    let classes: &[u64] = if with_ports { &[0, 4] } else { &[0, 4, 2, 2 | 8] };
    let bits = if family == Family::Inet6 { 0x0e } else { 0x0f };
    classes.iter().any(|class| holds(operands, *class, bits) || holds(operands, class | 1, bits))
}

/// Whether a list of bitmask operands holds for these bits (RFC 8955 §4.2.1.2).
fn holds(operands: &[Operand], data: u64, bits: u64) -> bool {
    let mut any = false;
    let mut group = None;
    for operand in operands {
        let mask = operand.value & bits;
        let met = if operand.op & MATCH != 0 { data & mask == mask } else { data & mask != 0 };
        let met = met != (operand.op & NOT != 0);
        group = Some(match group {
            Some(before) if operand.op & AND != 0 => before && met,
            done => {
                any |= done.unwrap_or(false);
                met
            }
        });
    }
    any || group.unwrap_or(false)
}

/// What FRR multiplies out into objects of the kernel: the alternatives of TCP flags, DSCP, length, fragment,
/// ICMP type and code.
pub(crate) fn expanded(flow: &FlowSpec) -> u64 {
    use ComponentType as C;
    let multiplied = |kind| {
        matches!(kind, C::TcpFlags | C::Dscp | C::PacketLength | C::Fragment | C::IcmpType | C::IcmpCode)
    };
    let lists = flow.components().iter().filter(|component| multiplied(component.kind));
    lists.map(|component| alternatives(flow.operands(component))).fold(1, u64::saturating_mul)
}

/// Whether no value of its field satisfies a numeric component. An NLRI bounds the work: some 1,300 operands at most.
pub(crate) fn is_empty(flow: &FlowSpec, component: &Component) -> bool {
    let field = Values::range(0, u128::from(component.kind.max(flow.family)));
    let mut group: Option<Values> = None;
    for operand in flow.operands(component) {
        let taken = Values::from_ranges(accepted(operand.op, u128::from(operand.value)));
        let taken = taken.intersection(&field);
        group = Some(match group {
            Some(values) if operand.op & AND != 0 => values.intersection(&taken),
            Some(values) if !values.is_empty() => return false,
            _ => taken,
        });
    }
    group.is_some_and(|values| values.is_empty())
}

/// How many components there are, and operators with a value in them.
pub(crate) fn parts(flow: &FlowSpec) -> (u32, u32) {
    let operands = flow.components().iter().map(|component| flow.operands(component).len()).sum::<usize>();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (number(flow.components().len()), number(operands))
}

/// Groups of operands joined by OR.
pub(crate) fn alternatives(operands: &[Operand]) -> u64 {
    let later = operands.iter().skip(1).filter(|operand| operand.op & AND == 0).count() as u64;
    u64::from(!operands.is_empty()) + later
}

/// The destination prefix, as a key that tells rules with the same one; none without one.
pub(crate) fn destination(flow: &FlowSpec) -> Option<(u128, u8)> {
    let component = flow.components().iter().find(|c| c.kind == ComponentType::DestinationPrefix)?;
    match component.body {
        Body::Prefix4(prefix) => Some((prefix.first().into(), prefix.len())),
        Body::Prefix6 { addr, len, offset } => Some((addr ^ u128::from(offset), len)),
        Body::Operands { .. } => None,
    }
}
