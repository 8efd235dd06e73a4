//! Matches of transport headers: ports, flags, types, SPIs.
//!
//! A match that reads the transport header never matches a later fragment (`par->fragoff != 0` in every xt match),
//! which is what a test of a transport field says. Ports and flags that the nft back end loads itself are read
//! from whatever octets stand there; see `fragments.rs`.

use super::lower::{Backend, Reader};
use super::matching::protocol_of;
use super::options::ranges;
use super::spec::{Spec, push};
use super::support::Meaning;
use super::values::{self, IcmpType};
use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::source::Span;

impl Reader<'_> {
    pub(super) fn spi(&mut self, spec: &mut Spec, field: Field, text: &str, span: Span, not: bool) {
        let read = |t: &str| values::small(t, u32::MAX);
        if let Some(range) = self.number_range(spec, text, span, u32::MAX, read) {
            spec.parts.push(Condition::test_at(field, ranges(&[range], not, u32::MAX), span));
        }
    }

    pub(super) fn port(
        &mut self,
        spec: &mut Spec,
        index: usize,
        source: bool,
        text: &str,
        span: Span,
        not: bool,
    ) {
        let module = spec.loaded.get(index).map_or("", |loaded| loaded.name.as_str());
        let protocol = protocol_of(module);
        let Some(range) = self.number_range(spec, text, span, 65_535, |t| match protocol {
            Some(17 | 33 | 136) => values::decimal_port(t, protocol),
            _ => values::port(t, protocol),
        }) else {
            return;
        };
        let native = matches!(protocol, Some(6 | 17));
        narrows(spec, index, range != (0, 65_535) || not);
        if native && range == (0, 65_535) && self.backend == Backend::Nft {
            // All ports it does not compare, negated or not (measured with 1.8.9).
            return;
        }
        let condition = if native && self.reads_later_fragments() {
            self.port_anywhere(source, &[range], not, span)
        } else {
            let field = if source { Field::Sport } else { Field::Dport };
            Condition::test_at(field, ranges(&[range], not, 65_535), span)
        };
        push(&mut spec.parts, condition);
    }

    pub(super) fn multiport(&mut self, spec: &mut Spec, meaning: Meaning, text: &str, span: Span, not: bool) {
        let protocol = spec.wanted_protocol();
        let (mut list, mut items) = (Vec::new(), 0);
        for part in text.split(',') {
            let ends = part.split_once(':');
            if ends.is_some_and(|(low, high)| low.is_empty() || high.is_empty() || low == high) {
                return self.bad_value(spec, "a port, or two that differ", part, span);
            }
            let Some(range) = self.number_range(spec, part, span, 65_535, |t| values::port(t, protocol))
            else {
                return;
            };
            items += if part.contains(':') { 2 } else { 1 };
            list.push(range);
        }
        if items > 15 {
            self.findings.syntax(span, "multiport takes at most 15 ports, and a range counts as two");
            spec.unread = true;
        }
        let set = |field| Condition::test_at(field, ranges(&list, not, 65_535), span);
        let condition = match meaning {
            Meaning::Sports => set(Field::Sport),
            Meaning::Dports => set(Field::Dport),
            // Either port, or neither.
            _ if not => Condition::and([set(Field::Sport), set(Field::Dport)]),
            _ => Condition::or([set(Field::Sport), set(Field::Dport)]),
        };
        push(&mut spec.parts, condition);
    }

    pub(super) fn tcp_flags(
        &mut self,
        spec: &mut Spec,
        index: usize,
        (mask, compare): (u32, u32),
        not: bool,
        span: Span,
    ) {
        narrows(spec, index, mask != 0 || compare != 0 || not);
        if mask == 0 && self.backend == Backend::Nft {
            // Of no flag it compares none.
            return;
        }
        let condition = if self.reads_later_fragments() {
            self.flags_anywhere(mask, compare, not, span)
        } else {
            flags_test(Field::TcpFlags, mask, compare, not, 0xfff, span)
        };
        push(&mut spec.parts, condition);
    }

    /// `-m ecn` reads a TCP header wherever the kernel takes it to be, in later fragments too, with either back end
    /// (`xt_ecn` of Linux 6.18, measured).
    pub(super) fn congestion(&mut self, spec: &mut Spec, bit: u32, not: bool, span: Span) {
        let value = if not { 0 } else { bit };
        if self.reassembles() {
            let bits = ValueSet::bits(value.into(), bit.into());
            return spec.parts.push(Condition::test_at(Field::TcpFlags, bits, span));
        }
        push(&mut spec.parts, self.flags_anywhere(bit, value, false, span));
        if self.options.iptables_exact {
            let room = Condition::test_at(Field::L4Room, ValueSet::range(20, 31), span);
            let later = Condition::and([
                Condition::test(Field::IpVersion, ValueSet::single(6)),
                Condition::test(Field::FragOff, ValueSet::range(1, 0x1fff)),
            ]);
            push(&mut spec.parts, Condition::or([room, later]));
        }
    }

    pub(super) fn icmp(&mut self, spec: &mut Spec, six: bool, text: &str, span: Span, not: bool) {
        let (kind, code) =
            if six { (Field::Icmp6Type, Field::Icmp6Code) } else { (Field::IcmpType, Field::IcmpCode) };
        let Some(what) = values::icmp_type(text, six) else {
            return self.bad_value(spec, "a type", text, span);
        };
        let one = |field, value, not| Condition::test_at(field, ranges(&[(value, value)], not, 255), span);
        let condition = match what {
            IcmpType::Any if not => Condition::False,
            IcmpType::Any => Condition::test_at(kind, ValueSet::range(0, 255), span),
            IcmpType::Type(value, None) => one(kind, value, not),
            IcmpType::Type(value, Some(c)) if not => {
                Condition::or([one(kind, value, true), one(code, c, true)])
            }
            IcmpType::Type(value, Some(c)) => Condition::and([one(kind, value, false), one(code, c, false)]),
        };
        push(&mut spec.parts, condition);
    }
}

pub(super) fn narrows(spec: &mut Spec, index: usize, narrows: bool) {
    if let Some(loaded) = spec.loaded.get_mut(index) {
        loaded.narrows |= narrows;
    }
}

/// `flags & mask == compare`, or not; the field must be there in both cases.
pub(super) fn flags_test(
    field: Field,
    mask: u32,
    compare: u32,
    not: bool,
    all: u32,
    span: Span,
) -> Condition {
    if compare & !mask != 0 {
        return if not { Condition::test_at(field, ValueSet::all(field), span) } else { Condition::False };
    }
    if !not {
        let values =
            if mask == 0 { ValueSet::all(field) } else { ValueSet::bits(compare.into(), mask.into()) };
        return Condition::test_at(field, values, span);
    }
    // Differs in at least one bit of the mask.
    let bits = (0..12).map(|bit| 1_u32 << bit).filter(|bit| mask & bit != 0 && bit & all != 0);
    let patterns = bits.map(|bit| crate::net::BitMatch::new((!compare & bit).into(), bit.into()));
    let set = crate::net::BitSet::new(patterns);
    if mask == 0 { Condition::False } else { Condition::test_at(field, ValueSet::from(set), span) }
}
