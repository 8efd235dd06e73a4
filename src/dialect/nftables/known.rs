//! What is known at a statement from those before it, and what a load needs and tells.

use super::contradictions::Said;
use super::fields::{Header, Load, Meta, Place};
use super::ruleset::TableFamily;
use super::syntax::Class;
use super::values::Values;
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet};
use crate::source::Span;
use std::fmt::Display;

/// What is known in a rule from its family and the statements before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) family: TableFamily,
    /// Fragments are put together before packets come here: of IPv4, of IPv6.
    pub(super) defrag: [bool; 2],
    /// The IP version.
    pub(super) version: Option<u32>,
    /// The transport protocol.
    pub(super) protocol: Option<u8>,
    /// An earlier statement asked for a protocol that is no extension header.
    pub(super) plain: bool,
    /// VLAN tags looked into.
    pub(super) tags: u8,
    /// What nft takes the rule to be about.
    pub(super) said: Said,
    /// The types that ICMP messages may have by what an earlier statement asked for, a bit for each.
    pub(super) icmp_types: Option<[u128; 2]>,
}

impl Known {
    /// What a table's family says.
    pub(super) fn new(family: TableFamily, defrag: [bool; 2]) -> Self {
        let version = match family {
            TableFamily::Ip => Some(4),
            TableFamily::Ip6 => Some(6),
            TableFamily::Inet | TableFamily::Arp | TableFamily::Bridge | TableFamily::Netdev => None,
        };
        let defrag = if family == TableFamily::Netdev { [false; 2] } else { defrag };
        let said = Said { version, ..Said::default() };
        Self { family, defrag, version, protocol: None, plain: false, tags: 0, icmp_types: None, said }
    }
}

/// Headers the kernel takes for the transport header, where the packet model walks on.
pub(super) const STOPS: &[(u128, u32)] =
    &[(51, ext::AUTHENTICATION), (135, ext::MOBILITY), (139, ext::HOST_IDENTITY), (140, ext::SHIM6)];

/// Their bits.
pub(super) const STOP_BITS: u32 = ext::AUTHENTICATION | ext::MOBILITY | ext::HOST_IDENTITY | ext::SHIM6;

/// Packets of a version.
pub(super) fn version(number: u32, span: Span) -> Condition {
    Condition::test_at(Field::IpVersion, ValueSet::single(number), span)
}

/// Fragments at these offsets.
pub(super) fn offset(lo: u32, hi: u32, span: Span) -> Condition {
    Condition::test_at(Field::FragOff, ValueSet::range(lo, hi), span)
}

/// Something not modelled, true at most where `over` is.
pub(super) fn beyond(words: &dyn Display, class: Class, over: Condition, span: Span) -> Condition {
    let reason = format!("{}: `{words}` is not modelled", class.name());
    Condition::opaque_within(words.to_string(), reason, over, Condition::False, span)
}

/// Some of the bits set.
pub(super) fn any_extension(bits: u32, span: Span) -> Condition {
    let each = (0..9).map(|n| 1_u128 << n).filter(|bit| u128::from(bits) & bit != 0);
    let set = BitSet::new(each.map(|bit| BitMatch::new(bit, bit)));
    Condition::test_at(Field::ExtHdrs, set, span)
}

/// None of the headers that stop the kernel's walk.
pub(super) fn no_stop(known: &Known, span: Span) -> Condition {
    match known.version {
        Some(4) => Condition::True,
        Some(6) => Condition::test_at(Field::ExtHdrs, ValueSet::bits(0, u128::from(STOP_BITS)), span),
        _ => Condition::not(any_extension(STOP_BITS, span)),
    }
}

impl Known {
    /// Whether packets here are no fragments.
    pub(super) fn is_whole(&self) -> bool {
        let [four, six] = self.defrag;
        match self.version {
            Some(4) => four,
            Some(6) => six,
            _ => four && six,
        }
    }

    /// Asks for an IP version where nothing has yet.
    pub(super) fn need_version(&mut self, number: u32, span: Span, out: &mut Vec<Condition>) {
        if self.version != Some(number) {
            out.push(version(number, span));
            self.version = Some(number);
        }
        self.said.version.get_or_insert(number);
    }

    /// Asks for a transport protocol where nothing has yet.
    pub(super) fn need_protocol(&mut self, number: u8, span: Span, out: &mut Vec<Condition>) {
        if self.protocol != Some(number) {
            let values = Values::single(u128::from(number));
            out.push(self.l4proto(&values, span));
            self.learn_protocol(&values);
            self.said.transport(&values, true);
            self.said.last = Some(number);
        }
    }

    /// Remembers what `meta l4proto` was compared with.
    pub(super) fn learn_protocol(&mut self, values: &Values) {
        let Values::Ranges(set) = values else { return };
        if let Some(number) = set.as_single().and_then(|number| u8::try_from(number).ok()) {
            self.protocol.get_or_insert(number);
        }
        self.plain |= STOPS.iter().all(|(number, _)| !values.contains(*number));
    }

    /// `meta l4proto`
    pub(super) fn l4proto(&self, values: &Values, span: Span) -> Condition {
        let set = values.to_set(Field::Proto);
        let here = Condition::test_at(Field::Proto, set, span);
        if self.version == Some(4) {
            return here;
        }
        let mut any = vec![Condition::and([here, no_stop(self, span)])];
        let asked: Vec<u32> =
            STOPS.iter().filter(|(n, _)| values.contains(*n)).map(|(_, bit)| *bit).collect();
        if asked.len() == STOPS.len() {
            any.push(any_extension(STOP_BITS, span));
        } else if !asked.is_empty() {
            let only = |bit: &u32| BitMatch::new(u128::from(*bit), u128::from(STOP_BITS));
            any.push(Condition::test_at(Field::ExtHdrs, BitSet::new(asked.iter().map(only)), span));
            // Of several, which comes first is not in the model.
            let bits = || STOPS.iter().map(|(_, bit)| u128::from(*bit));
            let pairs = bits().flat_map(|a| bits().filter(move |b| *b > a).map(move |b| a | b));
            let several = BitSet::new(pairs.map(|both| BitMatch::new(both, both)));
            let several = Condition::test_at(Field::ExtHdrs, several, span);
            any.push(beyond(&"the first of several extension headers", Class::Payload, several, span));
        }
        Condition::or(any)
    }

    /// What must hold for a load to be looked at: the family and protocol its header implies.
    pub(super) fn depend(&mut self, load: &Load, span: Span, out: &mut Vec<Condition>) {
        match load {
            Load::Field(header, place) => self.depend_field(*header, place, span, out),
            Load::Extension(..) => self.need_version(6, span, out),
            Load::IpOption(_) => self.need_version(4, span, out),
            Load::Beyond(_, _, words) => {
                if words.starts_with("ip option") {
                    self.need_version(4, span, out);
                }
                let inside = words.split(' ').next().unwrap_or("");
                match inside {
                    "sctp" => self.need_protocol(132, span, out),
                    "dccp" => self.need_protocol(33, span, out),
                    "gre" | "gretap" => self.need_protocol(47, span, out),
                    "vxlan" | "geneve" => self.need_protocol(17, span, out),
                    _ => {}
                }
            }
            Load::Raw(..) | Load::Meta(_) | Load::CtState | Load::TcpOption(..) => {}
        }
    }

    fn depend_field(&mut self, header: Header, place: &Place, span: Span, out: &mut Vec<Condition>) {
        if let Some(number) = match header {
            Header::Ip => Some(4),
            Header::Ip6 => Some(6),
            _ => None,
        } {
            self.said.version.get_or_insert(number);
        }
        if header == Header::Vlan || header == Header::Ether && !self.is_of_frames() {
            self.said.frame = Some(header);
        }
        match header {
            // The addresses themselves are there in packets of their version only.
            Header::Ip if matches!(place.word, "saddr" | "daddr") && self.version.is_none() => {}
            Header::Ip6 if matches!(place.word, "saddr" | "daddr") && self.version.is_none() => {}
            Header::Ip => self.need_version(4, span, out),
            Header::Ip6 => self.need_version(6, span, out),
            Header::Icmp | Header::Igmp if self.version.is_none() => self.need_version(4, span, out),
            Header::Icmpv6 if self.version.is_none() => self.need_version(6, span, out),
            Header::Ether
            | Header::Vlan
            | Header::Arp
            | Header::Icmp
            | Header::Icmpv6
            | Header::Igmp
            | Header::Tcp
            | Header::Udp
            | Header::Udplite
            | Header::Sctp
            | Header::Dccp
            | Header::Ah
            | Header::Esp
            | Header::Comp
            | Header::Th
            | Header::Gre => {}
        }
        if let Some(number) = header.protocol() {
            self.need_protocol(number, span, out);
        }
        let wanted = type_bits(place.of_types.iter().map(|t| (u128::from(*t), u128::from(*t))));
        let known = |[low, high]: [u128; 2]| low & !wanted[0] == 0 && high & !wanted[1] == 0;
        if !place.of_types.is_empty() && !self.icmp_types.is_some_and(known) {
            self.icmp_types = Some(wanted);
            let types = place.of_types.iter().map(|t| (u128::from(*t), u128::from(*t)));
            let types = Values::Ranges(IntervalSet::from_ranges(types));
            out.push(self.transport((0, 8), (0, 8), &types, &"icmp type", span));
        }
    }

    /// What later statements may take from a comparison with this load.
    pub(super) fn learn(&mut self, load: &Load, values: &Values) {
        match load {
            Load::Meta(Meta::L4Proto) => {
                self.learn_protocol(values);
                self.said.transport(values, true);
            }
            Load::Meta(Meta::NfProto) => {
                let single = |number| *values == Values::single(number);
                self.version = if single(2) {
                    Some(4)
                } else if single(10) {
                    Some(6)
                } else {
                    self.version
                };
                self.said.version = self.said.version.or(self.version);
            }
            Load::Meta(Meta::Protocol) | Load::Field(Header::Ether, Place { word: "type", .. }) => {
                let single = |number| *values == Values::single(number);
                self.version = if single(0x0800) {
                    Some(4)
                } else if single(0x86dd) {
                    Some(6)
                } else {
                    self.version
                };
                if matches!(self.family, TableFamily::Bridge | TableFamily::Netdev) {
                    self.said.version = self.said.version.or(self.version);
                    // Tags are looked through.
                    let through = [0x0800, 0x86dd, 0x8100, 0x88a8].into_iter().any(single);
                    self.said.no_ip |=
                        !through && matches!(values, Values::Ranges(set) if set.as_single().is_some());
                }
            }
            Load::Field(Header::Ip, place) if place.word == "protocol" => {
                self.learn_protocol(values);
                self.said.transport(values, false);
            }
            // The walk of the kernel ends at once with a next header that is no extension header.
            Load::Field(Header::Ip6, place) if place.word == "nexthdr" => {
                let extends = [0_u128, 43, 44, 51, 60, 135, 139, 140];
                if extends.iter().all(|number| !values.contains(*number)) {
                    self.learn_protocol(values);
                }
                self.said.transport(values, false);
            }
            Load::Field(Header::Ip, place) if matches!(place.word, "saddr" | "daddr") => {
                self.version = Some(4);
            }
            Load::Field(Header::Ip6, place) if matches!(place.word, "saddr" | "daddr") => {
                self.version = Some(6);
            }
            Load::Field(Header::Icmp | Header::Icmpv6, place) if place.word == "type" => {
                if let Values::Ranges(set) = values {
                    self.said.message = set.as_single().and_then(|number| u32::try_from(number).ok());
                    self.icmp_types = Some(type_bits(set.ranges()));
                }
            }
            Load::Field(Header::Vlan, place) if place.word == "type" => {
                self.tags = self.tags.saturating_add(1);
                let single = |number| *values == Values::single(number);
                if single(0x0800) || single(0x86dd) {
                    self.said.version.get_or_insert(if single(0x0800) { 4 } else { 6 });
                }
            }
            _ => {}
        }
    }
}

// Ranges of an octet as a bit for each value.
fn type_bits(ranges: impl Iterator<Item = (u128, u128)>) -> [u128; 2] {
    let mut bits = [0, 0];
    for value in ranges.flat_map(|(lo, hi)| lo..=hi.min(255)) {
        let [low, high] = &mut bits;
        *(if value < 128 { low } else { high }) |= 1 << (value & 127);
    }
    bits
}
