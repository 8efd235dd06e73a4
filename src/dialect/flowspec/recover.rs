//! A condition back to components, for printers: exactly, or with what no flow specification can say.
//!
//! `lower(recover(c))` is `c` again for every `c` that [`super::lower`] made; other conditions come back with
//! the same meaning, perhaps in another form.

use super::bitmask::{self, FragmentStates};
use super::component::{AND, Body, EQ, GT, LT, MATCH, NOT};
use super::lower::only_port_protocols;
use super::{ComponentType, FlowSpec, Operand, PORT_PROTOCOLS};
use crate::field::{Family, Field};
use crate::ir::{Condition, Test, ValueSetRef};
use crate::net::{BitMatch, BitSet, IntervalSet, Intervals, Prefix4, Prefix6};
use crate::source::Span;

/// The specification that matches the packets of `condition` in an address family, or in words what it cannot
/// say. Interface sets are passed over: they are communities, not components.
pub fn recover(condition: &Condition, family: Family) -> Result<FlowSpec, Vec<String>> {
    let mut parts = Parts::new(family);
    match condition {
        Condition::And(list) => list.iter().for_each(|part| parts.take(part)),
        one => parts.take(one),
    }
    let spec = parts.assemble();
    if parts.lost.is_empty() { Ok(spec) } else { Err(parts.lost) }
}

// More patterns than this from two conditions on the flags would not fit in an NLRI.
const FLAG_PATTERNS: usize = 4096;

struct Parts<'a> {
    family: Family,
    destination: Option<(Body, Span)>,
    source: Option<(Body, Span)>,
    protocols: Vec<(IntervalSet<u32>, Span)>,
    numeric: Vec<(ComponentType, IntervalSet<u32>, Span)>,
    flags: Option<(BitSet, Span)>,
    fragments: Vec<&'a Condition>,
    lost: Vec<String>,
}

impl<'a> Parts<'a> {
    fn new(family: Family) -> Self {
        Self {
            family,
            destination: None,
            source: None,
            protocols: Vec::new(),
            numeric: Vec::new(),
            flags: None,
            fragments: Vec::new(),
            lost: Vec::new(),
        }
    }

    fn take(&mut self, part: &'a Condition) {
        if is_about_fragments(part) {
            self.fragments.push(part);
            return;
        }
        match part {
            Condition::True => {}
            Condition::False => self.protocols.push((IntervalSet::empty(), Span::default())),
            Condition::Test(test) => self.test(test),
            Condition::Or(list) => self.either(list),
            Condition::And(list) => list.iter().for_each(|part| self.take(part)),
            Condition::Not(_) => {
                self.lost.push("a negation that also holds where the field is absent".to_owned());
            }
            Condition::Opaque(opaque) => self.lost.push(format!("the condition `{}`", opaque.id)),
        }
    }

    fn either(&mut self, list: &'a [Condition]) {
        match list {
            [Condition::Test(a), Condition::Test(b)]
                if (a.field(), b.field()) == (Field::Sport, Field::Dport) && a.values() == b.values() =>
            {
                self.numbers(ComponentType::Port, a);
            }
            _ => self.lost.push("alternatives over several fields".to_owned()),
        }
    }

    fn test(&mut self, test: &Test) {
        use ComponentType as C;
        let four = self.family == Family::Inet;
        let kind = match test.field() {
            Field::Dst4 | Field::Src4 if four => return self.prefix(test),
            Field::Dst6 | Field::Src6 if !four => return self.prefix(test),
            Field::IpVersion if test.values().contains(if four { 4 } else { 6 }) => return,
            Field::TcpFlags => return self.flags(test),
            Field::Proto => return self.protocol(test),
            Field::ProtoField if four => return self.protocol(test),
            Field::Sport => C::SourcePort,
            Field::Dport => C::DestinationPort,
            Field::IcmpType if four => C::IcmpType,
            Field::IcmpCode if four => C::IcmpCode,
            Field::Icmp6Type if !four => C::IcmpType,
            Field::Icmp6Code if !four => C::IcmpCode,
            Field::Len => C::PacketLength,
            Field::Dscp => C::Dscp,
            Field::FlowLabel if !four => C::FlowLabel,
            other => return self.lost.push(format!("a condition on the {}", other.info().title)),
        };
        self.numbers(kind, test);
    }

    fn protocol(&mut self, test: &Test) {
        match test.values().as_ranges() {
            Some(set) => self.protocols.push((set.to_set(), test.span())),
            None => self.lost.push("a protocol by its bits".to_owned()),
        }
    }

    fn numbers(&mut self, kind: ComponentType, test: &Test) {
        let Some(set) = test.values().as_ranges() else {
            return self.lost.push(format!("a {kind} by its bits"));
        };
        match self.numeric.iter_mut().find(|(other, ..)| *other == kind) {
            Some((_, old, _)) => *old = old.view().intersection(set),
            None => self.numeric.push((kind, set.to_set(), test.span())),
        }
    }

    fn flags(&mut self, test: &Test) {
        let set = match test.values() {
            ValueSetRef::Bits(set) => set.clone(),
            ValueSetRef::Ranges(set) => BitSet::new(set.ranges().flat_map(|(lo, hi)| patterns(lo, hi))),
            ValueSetRef::Wide(_) => return self.lost.push("TCP flags as wide values".to_owned()),
        };
        let pairs = self.flags.as_ref().map_or(0, |(old, _)| old.patterns().len() * set.patterns().len());
        if pairs > FLAG_PATTERNS {
            return self.lost.push("conditions on the TCP flags of too many patterns".to_owned());
        }
        let both = |old: &BitSet| {
            let pairs = old.patterns().iter().flat_map(|a| set.patterns().iter().map(|b| a.intersection(*b)));
            BitSet::new(pairs.flatten())
        };
        let set = self.flags.as_ref().map(|(old, _)| both(old)).unwrap_or(set);
        self.flags = Some((set, test.span()));
    }

    fn prefix(&mut self, test: &Test) {
        let Some(body) = prefix(test.values(), self.family) else {
            return self.lost.push(format!("a {} that is not one prefix", test.field().info().title));
        };
        let destination = matches!(test.field(), Field::Dst4 | Field::Dst6);
        let place = if destination { &mut self.destination } else { &mut self.source };
        if place.is_some() {
            return self.lost.push(format!("two conditions on the {}", test.field().info().title));
        }
        *place = Some((body, test.span()));
    }

    fn assemble(&mut self) -> FlowSpec {
        let mut spec = FlowSpec::new(self.family);
        self.protocols();
        for info in &super::TYPES {
            match info.kind {
                kind @ (ComponentType::DestinationPrefix | ComponentType::SourcePrefix) => {
                    let destination = kind == ComponentType::DestinationPrefix;
                    if let Some((body, span)) = if destination { self.destination } else { self.source } {
                        spec.push_prefix(kind, body, span);
                    }
                }
                kind @ ComponentType::TcpFlags => {
                    if let Some((set, span)) = &self.flags {
                        spec.push_operands(kind, flag_list(set, *span), *span);
                    }
                }
                kind @ ComponentType::Fragment => {
                    if let Some(states) = self.fragment_states() {
                        let span = self.fragments.iter().flat_map(|part| part.tests()).map(Test::span);
                        let span = span.reduce(Span::to).unwrap_or_default();
                        spec.push_operands(kind, fragment_list(states, self.family, span), span);
                    }
                }
                kind => {
                    if let Some((_, set, span)) = self.numeric.iter().find(|(other, ..)| *other == kind) {
                        spec.push_operands(kind, numeric_list(kind, self.family, set.view(), *span), *span);
                    }
                }
            }
        }
        spec
    }

    /// Turns the protocol tests into the protocol component. Port components bring a test for TCP and UDP with
    /// them, which is none; without it they would mean less than the condition.
    fn protocols(&mut self) {
        let ports = [ComponentType::Port, ComponentType::DestinationPort, ComponentType::SourcePort];
        if self.numeric.iter().any(|(kind, ..)| ports.contains(kind)) {
            let all = self.protocols.iter().map(|(set, _)| set.clone()).reduce(|a, b| a.intersection(&b));
            if !all.is_some_and(|set| only_port_protocols(set.view())) {
                self.lost.push("ports of protocols other than TCP and UDP".to_owned());
            }
            let guard = IntervalSet::from_ranges(PORT_PROTOCOLS.map(|p| (p, p)));
            if self.protocols.last().is_some_and(|(set, _)| *set == guard) {
                self.protocols.pop();
            }
        }
        let joined = self.protocols.drain(..).reduce(|(a, span), (b, _)| (a.intersection(&b), span));
        self.numeric.extend(joined.map(|(set, span)| (ComponentType::Protocol, set, span)));
    }

    fn fragment_states(&mut self) -> Option<FragmentStates> {
        if self.fragments.is_empty() {
            return None;
        }
        let states = self.fragments.iter().try_fold(FragmentStates::ALL, |states, part| {
            Some(states.and(FragmentStates::of_condition(part, self.family)?))
        });
        if states.is_none() {
            self.lost.push("a condition on single fragment offsets or on the fragment header".to_owned());
        }
        states
    }
}

/// Whether a condition asks for nothing but fragmentation.
fn is_about_fragments(condition: &Condition) -> bool {
    match condition {
        Condition::Test(test) => {
            matches!(test.field(), Field::Df | Field::Mf | Field::FragOff | Field::IsFragHeader)
        }
        Condition::And(parts) | Condition::Or(parts) => parts.iter().all(is_about_fragments),
        Condition::Not(part) => is_about_fragments(part),
        Condition::True | Condition::False | Condition::Opaque(_) => false,
    }
}

fn prefix(values: ValueSetRef<'_>, family: Family) -> Option<Body> {
    let only = |mut ranges: Vec<(u128, u128)>| ranges.pop().filter(|_| ranges.is_empty());
    match values {
        ValueSetRef::Ranges(set) if family == Family::Inet => {
            let (lo, hi) = only(set.ranges().take(2).map(|(lo, hi)| (lo.into(), hi.into())).collect())?;
            one(Prefix4::cover(u32::try_from(lo).ok()?, u32::try_from(hi).ok()?)).map(Body::Prefix4)
        }
        ValueSetRef::Wide(set) if family == Family::Inet6 => {
            let (lo, hi) = only(set.ranges().take(2).collect())?;
            let prefix = one(Prefix6::cover(lo, hi))?;
            Some(Body::Prefix6 { addr: prefix.first(), len: prefix.len(), offset: 0 })
        }
        ValueSetRef::Bits(set) => {
            let [BitMatch { mask, value }] = set.patterns() else { return None };
            ternary_prefix(*mask, *value, family)
        }
        ValueSetRef::Ranges(_) | ValueSetRef::Wide(_) => None,
    }
}

fn one<T>(mut list: Vec<T>) -> Option<T> {
    list.pop().filter(|_| list.is_empty())
}

/// The prefix, for IPv6 with an offset, that compares the bits of `mask`; they must be contiguous.
fn ternary_prefix(mask: u128, value: u128, family: Family) -> Option<Body> {
    let ones = mask.checked_shr(mask.trailing_zeros()).unwrap_or(0);
    if ones & ones.wrapping_add(1) != 0 {
        return None;
    }
    let narrow = |n: u32| u8::try_from(n).ok();
    if family == Family::Inet {
        let (mask, value) = (u32::try_from(mask).ok()?, u32::try_from(value).ok()?);
        let len = narrow(mask.leading_ones())?;
        return Prefix4::new(value, len).filter(|prefix| prefix.mask() == mask).map(Body::Prefix4);
    }
    if mask == 0 {
        return Some(Body::Prefix6 { addr: 0, len: 0, offset: 0 });
    }
    let (len, offset) = (narrow(128 - mask.trailing_zeros())?, narrow(mask.leading_zeros())?);
    Some(Body::Prefix6 { addr: value, len, offset })
}

/// The shortest usual list whose values are `set`.
fn numeric_list(kind: ComponentType, family: Family, set: Intervals<'_, u32>, span: Span) -> Vec<Operand> {
    let max = u32::try_from(kind.max(family)).unwrap_or(u32::MAX);
    let set = set.intersection(IntervalSet::range(0, max).view());
    let operand = |op, value: u32| Operand::new(op, u64::from(value), span);
    if set.is_empty() {
        return vec![operand(0, 0)];
    }
    let missing = set.complement(max);
    if missing.is_empty() {
        return vec![operand(LT | GT | EQ, 0)];
    }
    if missing.ranges().all(|(lo, hi)| lo == hi) && missing.ranges().len() < set.ranges().len() {
        let and = std::iter::once(0).chain(std::iter::repeat(AND));
        return missing.ranges().zip(and).map(|((v, _), and)| operand(LT | GT | and, v)).collect();
    }
    let mut list = Vec::with_capacity(2 * set.ranges().len());
    for (lo, hi) in set.ranges() {
        match (lo, hi) {
            (lo, hi) if lo == hi => list.push(operand(EQ, lo)),
            (0, hi) => list.push(operand(LT | EQ, hi)),
            (lo, hi) if hi == max => list.push(operand(GT | EQ, lo)),
            (lo, hi) => list.extend([operand(GT | EQ, lo), operand(AND | LT | EQ, hi)]),
        }
    }
    list
}

/// The aligned blocks of a range of the twelve flags, as patterns.
fn patterns(lo: u32, hi: u32) -> impl Iterator<Item = BitMatch> {
    Prefix4::cover(lo, hi).into_iter().map(|block| {
        let mask = u64::from(block.mask()) & bitmask::TCP_FLAG_BITS;
        BitMatch::new(u128::from(block.first()), u128::from(mask))
    })
}

fn flag_list(set: &BitSet, span: Span) -> Vec<Operand> {
    let narrow = |bits: u128| u64::try_from(bits).unwrap_or(u64::MAX) & bitmask::TCP_FLAG_BITS;
    let operand = |op, bits: u128| Operand::new(op, narrow(bits), span);
    let list = set.patterns();
    let every = |test: fn(&BitMatch) -> bool| list.len() > 1 && list.iter().all(test);
    let union = || list.iter().fold(0, |bits, pattern| bits | pattern.mask);
    if list.is_empty() {
        return vec![operand(0, 0)];
    }
    if every(|p| p.mask.is_power_of_two() && p.value == p.mask) {
        return vec![operand(0, union())];
    }
    if every(|p| p.mask.is_power_of_two() && p.value == 0) {
        return vec![operand(NOT | MATCH, union())];
    }
    let group = |pattern: &BitMatch| {
        let (set, clear) = (pattern.value, pattern.mask & !pattern.value);
        let and = if set == 0 { 0 } else { AND };
        let first = (set != 0 || clear == 0).then(|| operand(MATCH, set));
        first.into_iter().chain((clear != 0).then(|| operand(NOT | and, clear)))
    };
    list.iter().flat_map(group).collect()
}

/// The shortest list that accepts just these kinds of fragment: one operand, two, or an alternative for each.
fn fragment_list(states: FragmentStates, family: Family, span: Span) -> Vec<Operand> {
    let values = || (0..16_u64).filter(|v| family != Family::Inet6 || v & 1 == 0);
    let singles = || {
        let ops = [0, NOT, MATCH, NOT | MATCH];
        ops.into_iter().flat_map(move |op| values().map(move |v| Operand::new(op, v, span)))
    };
    let says = |list: &[Operand]| FragmentStates::of(list, family) == states;
    if let Some(one) = singles().find(|one| says(&[*one])) {
        return vec![one];
    }
    for first in singles() {
        for and in [0, AND] {
            let with = |second: Operand| [first, Operand { op: second.op | and, ..second }];
            if let Some(pair) = singles().map(with).find(|pair| says(pair)) {
                return pair.to_vec();
            }
        }
    }
    FragmentStates::data()
        .filter(|(bit, _)| states.0 & bit != 0)
        .filter(|(bit, _)| family != Family::Inet6 || *bit < 16)
        .flat_map(|(_, data)| {
            let all = if family == Family::Inet6 { 0x0e } else { 0x0f };
            [
                Operand::new(MATCH, u64::from(data), span),
                Operand::new(AND | NOT, u64::from(all & !data), span),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::flowspec::lower;
    use crate::ir::ValueSet;

    fn back(spec: &FlowSpec) {
        let condition = lower(spec);
        let again = recover(&condition, spec.family).unwrap();
        assert_eq!(lower(&again), condition, "{spec:?} {again:?}");
    }

    #[test]
    fn every_set_of_fragment_kinds_has_a_list() {
        for set in 0..=255 {
            let list = fragment_list(FragmentStates(set), Family::Inet, Span::default());
            assert_eq!(FragmentStates::of(&list, Family::Inet), FragmentStates(set), "{list:?}");
        }
        for set in 0..16_u8 {
            let states = FragmentStates(set * 0x11);
            let list = fragment_list(states, Family::Inet6, Span::default());
            assert_eq!(FragmentStates::of(&list, Family::Inet6), states, "{list:?}");
        }
    }

    #[test]
    fn every_set_of_fragment_kinds_comes_back_from_its_condition() {
        for set in 0..=255 {
            let condition = FragmentStates(set).condition(Family::Inet, Span::default());
            let again = FragmentStates::of_condition(&condition, Family::Inet);
            assert_eq!(again, Some(FragmentStates(set)));
        }
        for set in 0..16_u8 {
            let states = FragmentStates(set * 0x11);
            let condition = states.condition(Family::Inet6, Span::default());
            assert_eq!(FragmentStates::of_condition(&condition, Family::Inet6), Some(states));
        }
    }

    #[test]
    fn usual_rules_come_back() {
        let operand = |op, value| Operand::new(op, value, Span::default());
        let mut spec = FlowSpec::new(Family::Inet);
        let prefix = Prefix4::new(0xc000_0200, 24).unwrap();
        spec.push_prefix(ComponentType::DestinationPrefix, Body::Prefix4(prefix), Span::default());
        back(&spec);
        spec.push_operands(ComponentType::Port, [operand(GT, 1024)], Span::default());
        back(&spec);
        spec.push_operands(ComponentType::TcpFlags, [operand(0, 0x12)], Span::default());
        spec.push_operands(ComponentType::Dscp, [operand(LT | GT, 46)], Span::default());
        spec.push_operands(ComponentType::Fragment, [operand(NOT, 6)], Span::default());
        back(&spec);
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        let ttl = Condition::test(Field::Ttl, ValueSet::single(1));
        assert_eq!(recover(&ttl, Family::Inet).unwrap_err(), ["a condition on the time to live"]);
        let port = Condition::test(Field::Dport, ValueSet::single(53));
        assert_eq!(recover(&port, Family::Inet).unwrap_err(), ["ports of protocols other than TCP and UDP"]);
        let udp = Condition::test(Field::Proto, ValueSet::single(17));
        assert!(recover(&Condition::and([udp, port]), Family::Inet).is_ok());
    }
}
