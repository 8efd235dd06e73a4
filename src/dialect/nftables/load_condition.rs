//! A load against a set of values, as a condition of the packet model: what the kernel reads, for every packet.
//!
//! Measured on Linux 6.18 without connection tracking. A transport load of 1, 2 or 4 octets at a multiple of its
//! size reads whatever stands behind the IPv4 header, in later fragments too; in later fragments of IPv6 it reads
//! the IPv6 header from its beginning. Other transport loads fail in later fragments. A load needs only its own
//! octets. `meta l4proto` of IPv6 is the first header that is not hop-by-hop, routing, fragment or destination
//! options; where that is an authentication header, it is the transport header, and fragment headers behind it are
//! not seen. With connection tracking packets are put together before, and there are no fragments.

use super::contradictions::Said;
use super::fields::{Base, Extension, Header, Load, Meta, Part as HeaderPart, Place};
use super::place::{BEHIND, INET, INET6, LINK, Parts, Row, TCP, condition, low_bits, parts, whole};
use super::ruleset::TableFamily;
use super::syntax::Class;
use super::values::{Values, full};
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet};
use crate::source::Span;
use std::fmt::{self, Display, Formatter, Write};

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

// Headers the kernel takes for the transport header, where the packet model walks on.
const STOPS: &[(u128, u32)] =
    &[(51, ext::AUTHENTICATION), (135, ext::MOBILITY), (139, ext::HOST_IDENTITY), (140, ext::SHIM6)];
const STOP_BITS: u32 = ext::AUTHENTICATION | ext::MOBILITY | ext::HOST_IDENTITY | ext::SHIM6;

fn version(number: u32, span: Span) -> Condition {
    Condition::test_at(Field::IpVersion, ValueSet::single(number), span)
}

fn offset(lo: u32, hi: u32, span: Span) -> Condition {
    Condition::test_at(Field::FragOff, ValueSet::range(lo, hi), span)
}

fn beyond(words: &dyn Display, class: Class, over: Condition, span: Span) -> Condition {
    let reason = format!("{}: `{words}` is not modelled", class.name());
    Condition::opaque_within(words.to_string(), reason, over, Condition::False, span)
}

fn extension_bits(extension: Extension) -> u32 {
    match extension {
        Extension::HopByHop => ext::HOP_BY_HOP,
        Extension::Routing => ext::ROUTING,
        Extension::Fragment => ext::FRAGMENT,
        Extension::Destination => ext::DESTINATION,
        Extension::Mobility => ext::MOBILITY,
    }
}

// Some of the bits set.
fn any_extension(bits: u32, span: Span) -> Condition {
    let each = (0..9).map(|n| 1_u128 << n).filter(|bit| u128::from(bits) & bit != 0);
    let set = BitSet::new(each.map(|bit| BitMatch::new(bit, bit)));
    Condition::test_at(Field::ExtHdrs, set, span)
}

// None of the headers that stop the kernel's walk.
fn no_stop(known: &Known, span: Span) -> Condition {
    match known.version {
        Some(4) => Condition::True,
        Some(6) => Condition::test_at(Field::ExtHdrs, ValueSet::bits(0, u128::from(STOP_BITS)), span),
        _ => Condition::not(any_extension(STOP_BITS, span)),
    }
}

// What bits of a load are called, which few conditions must say.
struct Bits<'l> {
    load: &'l Load,
    low: u32,
    width: u32,
}

impl Display for Bits<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { load, low, width } = self;
        load.fmt(f)?;
        if (*low, *width) == (0, load.width()) { Ok(()) } else { write!(f, " bits {low}+{width}") }
    }
}

impl Known {
    // Whether packets here are no fragments.
    fn is_whole(&self) -> bool {
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

    /// The bits of `load` from `low` lowest on, `width` of them, are in `values`.
    pub(super) fn bits(
        &self,
        load: &Load,
        (low, width): (u32, u32),
        values: &Values,
        span: Span,
    ) -> Condition {
        let words: &dyn Display = &Bits { load, low, width };
        let high = load.width().saturating_sub(low + width);
        match load {
            Load::Field(header, place) => {
                let load = (u32::from(place.bit), u32::from(place.width));
                self.field(*header, (load.0 + high, width), load, values, words, span)
            }
            Load::Raw(base, bit, size) => {
                let high = size.saturating_sub(low + width);
                let load = (*bit, *size);
                let bit = bit.saturating_add(high);
                match base {
                    Base::Link => located(LINK, bit, width, values, words, span),
                    Base::Network => self.network((bit, width), load, values, words, span),
                    Base::Transport => self.transport((bit, width), load, values, words, span),
                    Base::Inner => opaque(words, Class::Payload, values, Condition::True, span),
                }
            }
            Load::Meta(meta) => self.meta(*meta, (low, width), values, words, span),
            Load::CtState => {
                let states = [(3, 1_u128), (1, 2), (2, 4), (0, 8), (4, 64)];
                let moved = states.iter().map(|(state, bits)| (*state, bits >> low & full(width)));
                let set = moved.filter(|(_, bits)| values.contains(*bits)).map(|(state, _)| state);
                Condition::test_at(Field::CtState, ValueSet::of(set), span)
            }
            Load::Extension(extension, part) => {
                self.extension((*extension, *part), (low, width), values, words, span)
            }
            Load::IpOption(kind) => {
                let bit = u128::from(crate::field::ip_option_bit(*kind));
                let there = Condition::test_at(Field::IpOptions, ValueSet::bits(bit, bit), span);
                either(there, values)
            }
            Load::TcpOption(ty, words) => {
                let over = Condition::and([
                    Condition::test_at(Field::Proto, ValueSet::single(6), span),
                    Condition::test_at(Field::TcpDataOff, ValueSet::range(6, 15), span),
                ]);
                if *ty == super::fields::Type::Boolean {
                    either(beyond(words, Class::Payload, over, span), values)
                } else {
                    opaque(words, Class::Payload, values, over, span)
                }
            }
            Load::Beyond(class, ty, words) => {
                if *ty == super::fields::Type::Boolean {
                    either(beyond(words, *class, Condition::True, span), values)
                } else {
                    opaque(words, *class, values, Condition::True, span)
                }
            }
        }
    }

    fn field(
        &self,
        header: Header,
        (bit, width): (u32, u32),
        load: (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        match header {
            Header::Ip => located(INET, bit, width, values, words, span),
            Header::Ip6 => located(INET6, bit, width, values, words, span),
            Header::Ether if bit < 96 => located(LINK, bit, width, values, words, span),
            Header::Ether if (bit, width) == (96, 16) => ether_type(values, span),
            Header::Vlan => self.vlan(bit, width, values, words, span),
            Header::Ether | Header::Arp => opaque(words, Class::Payload, values, Condition::True, span),
            Header::Icmp
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
            | Header::Gre => self.transport((bit, width), load, values, words, span),
        }
    }

    fn vlan(&self, bit: u32, width: u32, values: &Values, words: &dyn Display, span: Span) -> Condition {
        let (id, pcp) = if self.tags == 0 {
            (Field::VlanId, Field::VlanPcp)
        } else {
            (Field::InnerVlanId, Field::InnerVlanPcp)
        };
        let tagged = Condition::present(id);
        let parts = match (bit, width) {
            (112, 3) => whole(pcp, 3),
            (116, 12) => whole(id, 12),
            (128, 16) => {
                // What the tag carries; the model knows the type behind the last one.
                let inner =
                    Condition::and([tagged.clone(), Condition::not(Condition::present(Field::InnerVlanId))]);
                let last = condition(&whole(Field::EthType, 16), values, span);
                let last = Condition::and([inner, last.unwrap_or(Condition::False)]);
                let more = Condition::present(Field::InnerVlanId);
                let more = opaque(words, Class::Payload, values, more, span);
                return Condition::or([last, more]);
            }
            _ => return opaque(words, Class::Payload, values, tagged, span),
        };
        condition(&parts, values, span).unwrap_or_else(|| opaque(words, Class::Payload, values, tagged, span))
    }

    // Octets from the beginning of the IP header.
    fn network(
        &self,
        (bit, width): (u32, u32),
        load: (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        let (first, octets) = octets_of(load);
        let need = first + octets;
        let of = |rows: &[Row], header: u32| {
            let found = located(rows, bit, width, values, words, span);
            if need <= header {
                return found;
            }
            // All octets of the load must be there, those behind the header too.
            let long = Condition::test_at(Field::Len, ValueSet::range(need, 65_575), span);
            if matches!(self.family, TableFamily::Netdev | TableFamily::Bridge) {
                // What pads the frame is still there.
                let padded = opaque(words, Class::Payload, values, Condition::not(long.clone()), span);
                return Condition::or([Condition::and([found, long]), padded]);
            }
            Condition::and([found, long])
        };
        match self.version {
            Some(4) => of(INET, 20),
            Some(6) => of(INET6, 40),
            _ => Condition::or([
                Condition::and([version(4, span), of(INET, 20)]),
                Condition::and([version(6, span), of(INET6, 40)]),
            ]),
        }
    }

    /// The bits from `bit` on, of a load from where the kernel takes the transport header to begin.
    pub(super) fn transport(
        &self,
        (bit, width): (u32, u32),
        load: (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        let stops = self.protocol.is_some_and(|number| STOPS.iter().any(|(n, _)| *n == number.into()));
        if self.version.is_none() && (stops || self.defrag == [true, false] || self.defrag == [false, true]) {
            // A header of its own in IPv4, one that ends the walk in IPv6; or fragments of one only.
            let of = |number| {
                let known = Self { version: Some(number), ..*self };
                let found = known.transport((bit, width), load, values, words, span);
                Condition::and([version(number, span), found])
            };
            return Condition::or([of(4), of(6)]);
        }
        let here = self.behind((bit, width), load, values, words, span);
        if stops && self.version == Some(6) {
            // A fragment header behind it the kernel does not look at.
            return here;
        }
        let here = if self.plain || self.protocol.is_some() || self.version == Some(4) {
            here
        } else {
            // Without a protocol asked for: the headers that stop the kernel's walk are read themselves.
            let stopped = any_extension(STOP_BITS, span);
            Condition::or([
                Condition::and([no_stop(self, span), Condition::present(Field::Proto), here]),
                opaque(words, Class::Payload, values, stopped, span),
            ])
        };
        if self.is_whole() {
            return here;
        }
        let (first, octets) = octets_of(load);
        // The kernel's short way for loads of a register, which does not ask for fragments.
        let short = matches!(octets, 1 | 2 | 4) && first.is_multiple_of(octets);
        let open = self.protocol.is_none() && !self.plain && self.version != Some(4);
        if !short && !open {
            return Condition::and([offset(0, 0, span), here]);
        }
        if self.version == Some(4) {
            return here;
        }
        let mut first = vec![version(4, span), offset(0, 0, span)];
        if self.version == Some(6) {
            first.remove(0);
        }
        if open {
            first.push(any_extension(STOP_BITS, span));
        }
        if !short {
            first.retain(|part| *part != version(4, span));
            return Condition::and([Condition::or(first), here]);
        }
        let label = located(INET6, bit, width, values, words, span);
        let mut later = vec![offset(1, 0x1fff, span)];
        if open {
            later.push(no_stop(self, span));
            later.push(Condition::present(Field::Proto));
        }
        if self.version != Some(6) && !only_inet6(&label) {
            later.push(version(6, span));
        }
        later.push(label);
        Condition::or([Condition::and([Condition::or(first), here]), Condition::and(later)])
    }

    // Octets behind the IP headers.
    fn behind(
        &self,
        (bit, width): (u32, u32),
        load: (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        let class = Class::Payload;
        let stopped = self.protocol.is_some_and(|number| STOPS.iter().any(|(n, _)| *n == number.into()));
        if stopped && self.version == Some(6) {
            // The model keeps one word of an authentication header, and nothing of the others.
            if (self.protocol, bit, width) == (Some(51), 32, 32) {
                return condition(&whole(Field::AhSpi, 32), values, span).unwrap_or(Condition::False);
            }
            return opaque(words, class, values, Condition::True, span);
        }
        if self.is_whole()
            && let Some(parts) = self.named(bit, width)
            && let Some(condition) = condition(&parts, values, span)
        {
            return condition;
        }
        let end = bit + width;
        let (start, octets) = octets_of(load);
        // Octets the packet must have for the load.
        let need = start + octets;
        let room =
            |lo: u32, hi: u32| Condition::test_at(Field::L4Room, ValueSet::range(lo.min(31), hi), span);
        // What fields say that are there with `held` octets.
        let sized = |found: Condition, several: bool, held: u32| {
            if held < need {
                return Condition::and([found, room(need, 31)]);
            }
            let found = if several { Condition::and([found, room(held, 31)]) } else { found };
            if held == need {
                return found;
            }
            Condition::or([found, opaque(words, class, values, room(need, held - 1), span)])
        };
        let exact: Option<(Parts, u32)> = match (bit, width) {
            (0, 16) => Some((whole(Field::RawPort0, 16), 2)),
            (16, 16) => Some((whole(Field::RawPort1, 16), 4)),
            (0, 8) => Some((whole(Field::RawOctet0, 8), 1)),
            (8, 8) => Some((whole(Field::RawOctet1, 8), 2)),
            (104, 8) => Some((whole(Field::RawOctet13, 8), 14)),
            (32 | 0, 32) => parts(BEHIND, bit, width).map(|parts| (parts, end / 8)),
            _ if bit < 8 && end <= 8 => {
                parts(&[(0, 8, Field::RawOctet0, 0)], bit, width).map(|parts| (parts, 1))
            }
            _ if bit >= 8 && end <= 16 => {
                parts(&[(8, 8, Field::RawOctet1, 0)], bit, width).map(|parts| (parts, 2))
            }
            _ if bit >= 104 && end <= 112 => {
                parts(&[(104, 8, Field::RawOctet13, 0)], bit, width).map(|parts| (parts, 14))
            }
            _ if end <= 16 => parts(&[(0, 16, Field::RawPort0, 0)], bit, width).map(|parts| (parts, 2)),
            _ if end <= 64 => parts(BEHIND, bit, width).map(|parts| (parts, if end <= 32 { 4 } else { 8 })),
            _ => None,
        };
        if let Some((parts, held)) = exact {
            let found = condition(&parts, values, span);
            let unknown = || opaque(words, class, values, room(need, 31), span);
            return found.map_or_else(unknown, |found| sized(found, parts.len() > 1, held));
        }
        let enough = room(need, 31);
        if self.protocol == Some(6)
            && let Some(parts) = parts(TCP, bit, width)
            && let Some(found) = condition(&parts, values, span)
        {
            let last = TCP.iter().find(|(first, size, ..)| (*first..first + size).contains(&(end - 1)));
            let held = last.map_or(need, |(first, size, ..)| (first + size).div_ceil(8));
            let found = sized(found, parts.len() > 1, held);
            // In later fragments the model does not keep these octets.
            let later = Condition::and([offset(1, 0x1fff, span), enough]);
            let later = opaque(words, class, values, later, span);
            return Condition::or([Condition::and([offset(0, 0, span), found]), later]);
        }
        opaque(words, class, values, enough, span)
    }

    // The field of a header that is there, by its own name.
    fn named(&self, bit: u32, width: u32) -> Option<Parts> {
        let number = self.protocol?;
        if number == 6 {
            return match (bit, width) {
                (104.., _) if bit + width <= 112 => {
                    (bit + width == 112 && width == 8).then(|| low_bits(Field::TcpFlags, 8))
                }
                _ => parts(TCP, bit, width),
            };
        }
        let ports = matches!(number, 17 | 33 | 132 | 136);
        let field = match (number, bit, width) {
            (_, 0, 16) if ports => Field::Sport,
            (_, 16, 16) if ports => Field::Dport,
            (17 | 136, 32, 16) => Field::UdpLen,
            (1, 0, 8) => Field::IcmpType,
            (1, 8, 8) => Field::IcmpCode,
            (1, 32, 16) => Field::IcmpId,
            (1, 48, 16) => Field::IcmpMtu,
            (58, 0, 8) => Field::Icmp6Type,
            (58, 8, 8) => Field::Icmp6Code,
            (2, 0, 8) => Field::IgmpType,
            _ => return None,
        };
        Some(whole(field, width))
    }

    fn meta(
        &self,
        meta: Meta,
        (low, width): (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        let plain = low == 0 && width == Load::Meta(meta).width();
        let stateful = || opaque(words, Class::Stateful, values, Condition::True, span);
        match meta {
            Meta::Mark if plain => condition(&whole(Field::Mark, 32), values, span).unwrap_or_else(stateful),
            Meta::Mark => {
                let parts = parts(&[(0, 32, Field::Mark, 0)], 32 - low - width, width);
                parts.and_then(|parts| condition(&parts, values, span)).unwrap_or_else(stateful)
            }
            _ if !plain => stateful(),
            Meta::L4Proto => self.l4proto(values, span),
            Meta::NfProto => {
                let pairs = [(2_u128, 4), (10, 6)].into_iter().filter(|(number, _)| values.contains(*number));
                self.versions(pairs.map(|(_, version)| version).collect(), span)
            }
            Meta::Protocol => {
                let pairs = [(0x0800_u128, 4), (0x86dd, 6)].into_iter().filter(|(n, _)| values.contains(*n));
                let here = self.versions(pairs.map(|(_, version)| version).collect(), span);
                let others = match values {
                    Values::Ranges(set) => Values::Ranges(
                        set.difference(&IntervalSet::from_ranges([(0x0800, 0x0800), (0x86dd, 0x86dd)])),
                    ),
                    Values::Bits(_) => values.clone(),
                };
                if matches!(self.family, TableFamily::Netdev | TableFamily::Bridge) && !others.is_empty() {
                    let rest = condition(&whole(Field::EthType, 16), &others, span);
                    return Condition::or([here, rest.unwrap_or(Condition::False)]);
                }
                here
            }
            Meta::Length => match self.family {
                // Frames may be padded.
                TableFamily::Netdev | TableFamily::Bridge | TableFamily::Arp => {
                    opaque(words, Class::Payload, values, Condition::True, span)
                }
                _ => condition(&whole(Field::Len, 32), values, span).unwrap_or_else(stateful),
            },
            // Names are compared where they are known: see the statements.
            Meta::InIface | Meta::OutIface | Meta::InGroup | Meta::OutGroup => stateful(),
        }
    }

    fn versions(&self, list: Vec<u32>, span: Span) -> Condition {
        match (self.version, list.len()) {
            (_, 0) => Condition::False,
            (Some(known), _) if self.family != TableFamily::Inet => {
                if list.contains(&known) {
                    Condition::True
                } else {
                    Condition::False
                }
            }
            _ => Condition::test_at(Field::IpVersion, ValueSet::of(list), span),
        }
    }

    #[expect(clippy::unused_self, reason = "beside its kin, which all know the packet")]
    fn extension(
        &self,
        (extension, part): (Extension, HeaderPart),
        (low, width): (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        let bit = extension_bits(extension);
        let there =
            || Condition::test_at(Field::ExtHdrs, ValueSet::bits(u128::from(bit), u128::from(bit)), span);
        match part {
            HeaderPart::Exists => either(there(), values),
            HeaderPart::Offset => {
                let offset = parts(&[(0, 13, Field::FragOff, 0)], 13 - low - width, width)
                    .and_then(|parts| condition(&parts, values, span));
                let offset =
                    offset.unwrap_or_else(|| opaque(words, Class::Payload, values, Condition::True, span));
                Condition::and([there(), offset])
            }
            HeaderPart::More => {
                let more = condition(&whole(Field::Mf, 1), values, span);
                Condition::and([there(), more.unwrap_or(Condition::False)])
            }
            HeaderPart::NextHeader => {
                // Headers may stand twice, which the model does not keep; but what is no extension header ends
                // the chain, so it can only be the protocol.
                let extends = [0_u128, 43, 44, 51, 60, 135, 139, 140];
                let whole = width == 8;
                let over = if !whole || extends.iter().any(|number| values.contains(*number)) {
                    there()
                } else {
                    let last = Condition::test_at(Field::Proto, values.to_set(Field::Proto), span);
                    Condition::and([there(), last])
                };
                opaque(words, Class::Payload, values, over, span)
            }
            HeaderPart::Other(..) => opaque(words, Class::Payload, values, there(), span),
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

// The first octet of a load, and how many it has.
fn octets_of((bit, width): (u32, u32)) -> (u32, u32) {
    (bit / 8, (bit % 8 + width).div_ceil(8))
}

// Fields that only IPv6 packets have.
fn only_inet6(condition: &Condition) -> bool {
    match condition {
        Condition::Test(test) => matches!(test.field(), Field::FlowLabel | Field::Src6 | Field::Dst6),
        _ => false,
    }
}

// 1 is "there", 0 is "not there".
fn either(there: Condition, values: &Values) -> Condition {
    match (values.contains(1), values.contains(0)) {
        (true, true) => Condition::True,
        (true, false) => there,
        (false, true) => Condition::not(there),
        (false, false) => Condition::False,
    }
}

// The type of the frame itself: that of the tag where there is one.
fn ether_type(values: &Values, span: Span) -> Condition {
    let tagged = || Condition::present(Field::VlanId);
    let plain = condition(&whole(Field::EthType, 16), values, span).unwrap_or(Condition::False);
    let plain = Condition::and([Condition::not(tagged()), plain]);
    let (customer, service) = (values.contains(0x8100), values.contains(0x88a8));
    match (customer, service) {
        (false, false) => plain,
        (true, true) => Condition::or([plain, tagged()]),
        // Which of the two types of tags it is, the model does not say.
        _ => {
            let kind = Condition::opaque_within(
                if customer { "ether type 8021q" } else { "ether type 8021ad" },
                "payload: the type of a VLAN tag is not modelled",
                tagged(),
                Condition::False,
                span,
            );
            Condition::or([plain, kind])
        }
    }
}

// Fields of a header that is there.
fn located(
    rows: &[Row],
    bit: u32,
    width: u32,
    values: &Values,
    words: &dyn Display,
    span: Span,
) -> Condition {
    parts(rows, bit, width)
        .and_then(|parts| condition(&parts, values, span))
        .unwrap_or_else(|| opaque(words, Class::Payload, values, Condition::True, span))
}

/// Something not modelled against values: its words and the values are its name.
pub(super) fn opaque(
    words: &dyn Display,
    class: Class,
    values: &Values,
    over: Condition,
    span: Span,
) -> Condition {
    if values.is_empty() {
        return Condition::False;
    }
    let mut id = words.to_string();
    match values {
        Values::Ranges(set) => {
            for (lo, hi) in set.ranges() {
                let _ = if lo == hi { write!(id, " {lo}") } else { write!(id, " {lo}-{hi}") };
            }
        }
        Values::Bits(list) => {
            for pattern in list {
                let _ = write!(id, " {}/{}", pattern.value, pattern.mask);
            }
        }
    }
    let reason = format!("{}: `{words}` is not modelled", class.name());
    Condition::opaque_within(id, reason, over, Condition::False, span)
}
