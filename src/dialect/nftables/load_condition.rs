//! A load against a set of values, as a condition of the packet model: what the kernel reads, for every packet.
//!
//! Measured on Linux 6.18: a load needs only its own octets. `meta l4proto` of IPv6 is the first header that is not
//! hop-by-hop, routing, fragment or destination options; where that is an authentication header, it is the transport header,
//! and fragment headers behind it are not seen. What stands behind the IP headers is read in `transport`.

use super::fields::{Base, Extension, Header, Load, Meta, Part as HeaderPart};
use super::known::{Known, beyond, version};
use super::place::{INET, INET6, LINK, Row, condition, parts, whole};
use super::ruleset::TableFamily;
use super::syntax::Class;
use super::transport::octets_of;
use super::values::{Values, full};
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::net::IntervalSet;
use crate::source::Span;
use std::fmt::{self, Display, Formatter, Write};

fn extension_bits(extension: Extension) -> u32 {
    match extension {
        Extension::HopByHop => ext::HOP_BY_HOP,
        Extension::Routing => ext::ROUTING,
        Extension::Fragment => ext::FRAGMENT,
        Extension::Destination => ext::DESTINATION,
        Extension::Mobility => ext::MOBILITY,
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

/// Fields of a header that is there.
pub(super) fn located(
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
