//! The condition of one rule: addresses, interfaces, protocol, matches, in the order of iptables-save.

use super::lower::{Backend, Reader};
use super::spec::{Side, Spec, push};
use super::values::Address;
use crate::field::{Family, Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::net::IntervalSet;
use crate::source::Span;

impl Reader<'_> {
    /// The condition of one rule, for the address of either side with that index.
    pub(super) fn condition(&self, spec: &mut Spec, source: usize, target: usize, last: bool) -> Condition {
        let mut list = std::mem::take(&mut spec.conditions);
        list.clear();
        address(&mut list, &spec.src, source, (Field::Src4, Field::Src6));
        address(&mut list, &spec.dst, target, (Field::Dst4, Field::Dst6));
        list.extend(spec.in_iface.iter().chain(&spec.out_iface).filter(|c| **c != Condition::True).cloned());
        if let Some((number, not, span)) = spec.protocol {
            push(&mut list, self.protocol_condition(number, not, span));
        }
        list.extend(spec.fragment.iter().cloned());
        if last {
            list.append(&mut spec.parts);
        } else {
            list.extend(spec.parts.iter().cloned());
        }
        // In the order of iptables-save, what is not modelled last: so it reads the same once printed.
        if !list.is_sorted_by(|a, b| before(a, b).is_le()) {
            list.sort_by(before);
        }
        let empty = |part: &Condition| matches!(part, Condition::Test(test) if test.values().is_empty());
        let never = list.iter().any(|part| *part == Condition::False || empty(part));
        let condition = match list.len() {
            _ if never => Condition::False,
            0 => Condition::True,
            1 => list.pop().unwrap_or(Condition::True),
            _ => Condition::And(list.drain(..).collect()),
        };
        spec.conditions = list;
        condition
    }

    /// `-p`: the protocol behind the IPv6 extension headers. In a later fragment it is what the fragment header
    /// names, unless that is an extension header (`ipv6_find_hdr` of the kernel). The nft back end stops at an
    /// authentication header (measured), the other walks over it.
    pub(super) fn protocol_condition(&self, number: u8, not: bool, span: Span) -> Condition {
        let nft = self.backend == Backend::Nft;
        // Headers behind which the kernel looks for no protocol.
        let mut ends = if nft { ext::AUTHENTICATION } else { 0 };
        if self.options.iptables_exact {
            ends |= ext::MOBILITY | ext::HOST_IDENTITY | ext::SHIM6;
        }
        let headers = |bit: u32, there: bool| {
            let value = if there { bit } else { 0 };
            Condition::test_at(Field::ExtHdrs, ValueSet::bits(value.into(), bit.into()), span)
        };
        let number = u32::from(number);
        let is = |not| {
            Condition::test_at(Field::Proto, super::options::ranges(&[(number, number)], not, 255), span)
        };
        // Of two such headers the kernel takes the first, and the order is not in the model.
        let stop = |bit: u32| {
            if !self.options.iptables_exact {
                return if not {
                    Condition::and([headers(bit, false), Condition::present(Field::Proto)])
                } else {
                    headers(bit, true)
                };
            }
            let others = ends & !bit;
            let alone = Condition::and([headers(bit, true), none_of(others, span)]);
            let both = Condition::and([headers(bit, true), Condition::not(none_of(others, span))]);
            let reason = "the first of several extension headers is not modelled";
            let id = format!("iptables -p {number} among extension headers");
            let any =
                Condition::or([alone, Condition::opaque_within(id, reason, both, Condition::False, span)]);
            if not {
                let some =
                    Condition::or([Condition::present(Field::Proto), Condition::not(none_of(ends, span))]);
                return Condition::and([some, Condition::not(any)]);
            }
            any
        };
        let six = || match (number, not) {
            (51, _) if nft => stop(ext::AUTHENTICATION),
            (135, _) => stop(ext::MOBILITY),
            (139, _) if self.options.iptables_exact => stop(ext::HOST_IDENTITY),
            (140, _) if self.options.iptables_exact => stop(ext::SHIM6),
            (0 | 43 | 44 | 51 | 60, false) => Condition::False,
            (_, false) if ends != 0 => Condition::and([is(false), none_of(ends, span)]),
            (_, false) => is(false),
            (_, true) => {
                let gone = [(number, number), (0, 0), (43, 44), (51, 51), (60, 60)];
                let other = Condition::test_at(Field::Proto, super::options::ranges(&gone, true, 255), span);
                if ends == 0 { other } else { Condition::or([Condition::not(none_of(ends, span)), other]) }
            }
        };
        match self.family() {
            Some(Family::Inet) => is(not),
            Some(Family::Inet6) => six(),
            _ if ends == 0 && !not && !matches!(number, 0 | 43 | 44 | 51 | 60 | 135) => is(false),
            _ => {
                let version = |version| Condition::test(Field::IpVersion, ValueSet::single(version));
                Condition::or([Condition::and([version(4), is(not)]), Condition::and([version(6), six()])])
            }
        }
    }
}

/// The order of conditions in a rule: those that are not modelled by their words.
pub(super) fn before(a: &Condition, b: &Condition) -> std::cmp::Ordering {
    match (a, b) {
        (Condition::Opaque(a), Condition::Opaque(b)) => a.id.cmp(&b.id),
        _ => place(a).cmp(&place(b)),
    }
}

/// Where a condition stands among those of its rule.
pub(super) fn place(condition: &Condition) -> u8 {
    match condition {
        Condition::Test(test) => match test.field() {
            Field::IpVersion => 0,
            Field::Src4 | Field::Src6 => 1,
            Field::Dst4 | Field::Dst6 => 2,
            Field::InIface => 3,
            Field::OutIface => 4,
            Field::Proto => 5,
            Field::FragOff => 6,
            _ => 7,
        },
        Condition::Not(part) => place(part),
        Condition::Opaque(_) => 9,
        _ if condition.has_opaque() => 8,
        _ => 7,
    }
}

/// None of these extension headers is there.
pub(super) fn none_of(bits: u32, span: Span) -> Condition {
    Condition::test_at(Field::ExtHdrs, ValueSet::bits(0, bits.into()), span)
}

/// The addresses of one side.
pub(super) fn address(list: &mut Vec<Condition>, side: &Side, index: usize, (four, six): (Field, Field)) {
    let Some(address) = side.list.get(index) else { return };
    let (field, values) = match *address {
        Address::V4 { addr, mask } => {
            let (first, host) = (addr & mask, !mask);
            if host == u32::MAX {
                return if side.not {
                    list.push(Condition::False);
                };
            }
            if host & host.wrapping_add(1) == 0 {
                let set = IntervalSet::range(first, first | host);
                (four, ValueSet::from(if side.not { set.complement(u32::MAX) } else { set }))
            } else {
                (four, ValueSet::bits(first.into(), mask.into()))
            }
        }
        Address::V6 { addr, mask } => {
            let (first, host) = (addr & mask, !mask);
            if host == u128::MAX {
                return if side.not {
                    list.push(Condition::False);
                };
            }
            if host & host.wrapping_add(1) == 0 {
                let set = IntervalSet::range(first, first | host);
                (six, ValueSet::from(if side.not { set.complement(u128::MAX) } else { set }))
            } else {
                (six, ValueSet::bits(first, mask))
            }
        }
    };
    let bits = matches!(values, ValueSet::Bits(_));
    let test = Condition::test_at(field, values, side.span);
    list.push(if bits && side.not { Condition::not(test) } else { test });
}
