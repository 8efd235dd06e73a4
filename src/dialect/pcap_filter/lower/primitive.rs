//! Primitives: `gen_scode`, `gen_ncode`, `gen_mcode` and what they call in gencode.c.

use super::super::link::{self, Link};
use super::super::parse::shorten;
use super::super::sense::{Place, Sense};
use super::super::syntax::{Direction, Id, Kind, Mask, Proto, Qualifiers, Special};
use super::super::values::Words;
use super::super::words::{self, Frame};
use super::port::port_number;
use super::{Fault, Frames, Lower, Lowered, single, test};
use crate::dialect::{raised, services};
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet, ValueSetRef};
use crate::net::{BitMatch, BitSet, IntervalSet, Prefix6};
use crate::source::Span;

/// Link types whose frames libpcap knows to carry IP alone: `LocalTalk`, PF's log, IPNET.
const NO_ETHERTYPE: &[u16] = &[114, 117, 226];
const NAME: &str = "names of hosts and networks are not resolved";

/// The addresses of a primitive.
#[derive(Clone, Debug)]
enum Addresses {
    Inet(ValueSet),
    Inet6(ValueSet),
}

impl Lower<'_> {
    pub(super) fn primitive(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
        match q.kind {
            Some(Kind::Port) => self.port(q, id, span),
            Some(Kind::PortRange) => self.port_range(q, id, span),
            Some(Kind::Proto) => self.proto(q, id, span),
            Some(Kind::ProtoChain) => self.proto_chain(q, id, span),
            Some(Kind::Gateway) => self.gateway(q, id, span),
            Some(Kind::Host | Kind::Net) | None => self.address(q, id, span),
        }
    }

    /// Packets of an IP version, right behind what the words so far shifted to.
    pub(super) fn version(&self, version: u32, span: Span) -> Condition {
        match (self.link, version) {
            (Link::Inet, 4) | (Link::Inet6, 6) => Condition::True,
            (Link::Inet | Link::Inet6, _) => Condition::False,
            _ => single(Field::IpVersion, version, span),
        }
    }

    /// Frames of a type that is none of IP's.
    pub(super) fn ethertype(&self, number: u32, span: Span) -> Result<Condition, Fault> {
        if self.carriage.tunnel {
            let what = format!("ether proto {number:#x}");
            return Ok(self.opaque(&what, "what a tunnel carries is not looked into", Condition::True, span));
        }
        if self.carriage.labels > 0 {
            let help = "behind `mpls` ask for `ip` or `ip6`";
            return Err(Fault::syntax("unsupported protocol over mpls", span, help));
        }
        if let Link::Other(link) = self.link
            && !NO_ETHERTYPE.contains(&link)
        {
            let what = format!("ether proto {number:#x}");
            return Ok(self.opaque(&what, "this link layer is not modelled", Condition::True, span));
        }
        if self.carriage.session || !self.link.has_type() {
            return Ok(Condition::False);
        }
        if matches!(self.frames, Frames::Direct | Frames::Unknown) {
            return Ok(Condition::False);
        }
        let typed = single(Field::EthType, number, span);
        if self.link == Link::Cooked {
            return Ok(typed);
        }
        let exact = Condition::and([link::exactly(self.carriage.tags), typed]);
        if self.sure.tags >= self.carriage.tags {
            return Ok(exact);
        }
        let what = format!("ether proto {number:#x}");
        let reason = "other octets are read of frames without the headers before";
        let missing = Condition::not(self.carriage.holds());
        Ok(Condition::or([exact, self.opaque(&what, reason, missing, span)]))
    }

    /// Frames whose protocol stands in an LLC header, at least on some media.
    pub(super) fn frame(&self, proto: Proto, span: Span) -> Result<Condition, Fault> {
        let what = words::proto_name(proto);
        let ethertype = match proto {
            Proto::Atalk => Some(0x809b),
            Proto::Aarp => Some(0x80f3),
            Proto::Ipx => Some(0x8137),
            _ => None,
        };
        match self.link {
            Link::Ethernet | Link::Cooked => {}
            Link::Other(114) if proto == Proto::Atalk => return Ok(Condition::True),
            Link::Hdlc | Link::Ppp if proto != Proto::Stp => {
                let reason = "protocols of this link layer are not kept";
                return Ok(self.opaque(what, reason, Condition::True, span));
            }
            // Link layers whose frames never carry it.
            Link::Other(7 | 107 | 114 | 117 | 226) if proto == Proto::Stp => return Ok(Condition::False),
            Link::Other(_) => {
                let reason = "protocols of this link layer are not kept";
                return Ok(self.opaque(what, reason, Condition::True, span));
            }
            _ => return Ok(Condition::False),
        }
        let no_type =
            [Field::EthType, Field::IpVersion].map(|field| Condition::not(Condition::present(field)));
        let mut over = vec![Condition::and(no_type)];
        if let Some(number) = ethertype {
            over.push(self.ethertype(number, span)?);
        }
        Ok(self.opaque(what, "LLC headers are not kept", Condition::or(over), span))
    }

    pub(super) fn protocol(&self, proto: Proto, span: Span) -> Result<Sense, Fault> {
        let name = || words::proto_name(proto).to_owned();
        Ok(match proto {
            Proto::Ip => self.of_packet(Sense::sure(self.version(4, span)), name, span),
            Proto::Ip6 => self.of_packet(Sense::sure(self.version(6, span)), name, span),
            Proto::Arp
            | Proto::Rarp
            | Proto::Decnet
            | Proto::Lat
            | Proto::Sca
            | Proto::Moprc
            | Proto::Mopdl => {
                let number = words::ethertype(proto).map_or(0, u32::from);
                Sense::sure(self.ethertype(number, span)?)
            }
            Proto::Atalk | Proto::Aarp | Proto::Iso | Proto::Stp | Proto::Ipx | Proto::Netbeui => {
                Sense::sure(self.frame(proto, span)?)
            }
            Proto::Clnp => self.iso("iso proto 129", span)?,
            Proto::Esis => self.iso("iso proto 130", span)?,
            Proto::Isis => self.iso("iso proto 131", span)?,
            Proto::Tcp | Proto::Udp | Proto::Sctp | Proto::Pim | Proto::Ah | Proto::Esp => {
                self.number(None, words::ip_number(proto).unwrap_or(0), span)
            }
            Proto::Icmp | Proto::Igmp | Proto::Igrp | Proto::Vrrp => {
                self.number(Some(Proto::Ip), words::ip_number(proto).unwrap_or(0), span)
            }
            Proto::Icmp6 => self.number(Some(Proto::Ip6), 58, span),
            Proto::Link | Proto::Radio => {
                return Err(Fault::syntax("syntax error", span, "write what is asked of the link header"));
            }
        })
    }

    fn iso(&self, what: &str, span: Span) -> Result<Sense, Fault> {
        let over = match self.frame(Proto::Iso, span)? {
            Condition::Opaque(opaque) => opaque.over.clone(),
            other => other,
        };
        Ok(Sense::sure(self.opaque(what, "LLC headers are not kept", over, span)))
    }

    /// `proto`: the protocol octet of IPv4; in IPv6 the next header, also of a fragment header right behind.
    fn number(&self, proto: Option<Proto>, number: u8, span: Span) -> Sense {
        let inet = Condition::and([self.version(4, span), single(Field::Proto, number.into(), span)]);
        let inet6 = Condition::and([self.version(6, span), Self::next_header(number, span)]);
        let truth = match proto {
            Some(Proto::Ip) => inet,
            Some(Proto::Ip6) => inet6,
            _ => either_version(self, number, inet, inet6, span),
        };
        let what = match proto {
            Some(proto) => format!("{} proto {number}", words::proto_name(proto)),
            None => format!("proto {number}"),
        };
        self.of_packet(Sense::sure(truth), || what.clone(), span)
    }

    /// `ip6[6] = n or (ip6[6] = 44 and ip6[40] = n)`.
    fn next_header(number: u8, span: Span) -> Condition {
        let walked = words::extension(number);
        let proto = || single(Field::Proto, number.into(), span);
        match walked {
            // The walk ends at it, behind no header or behind one fragment header.
            None => Condition::and([proto(), chain_of_fragment(number, span)]),
            Some(bit) => {
                let first = single(Field::ProtoField, number.into(), span);
                if number == 44 {
                    return first;
                }
                let behind = single(Field::ProtoField, 44, span);
                let only = single(Field::ExtHdrs, ext::FRAGMENT | bit, span);
                let has = test(Field::ExtHdrs, ValueSet::bits(bit.into(), bit.into()), span);
                let lost = Condition::not(Condition::present(Field::Proto));
                let maybe = Condition::and([behind.clone(), Condition::or([has, lost])]);
                let what = format!("ip6[40] = {number} behind a fragment header");
                let unknown = Condition::opaque_within(
                    what,
                    "the order of extension headers is not kept",
                    maybe,
                    Condition::and([behind, only]),
                    span,
                );
                Condition::or([first, unknown])
            }
        }
    }

    fn port(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
        let (protocols, port) = match id {
            Id::Number(number) => (Self::port_protocols(q, span)?, port_number(*number, span)?),
            Id::Name(name) => Self::port_by_name(q, name, span)?,
            other => return Err(applied("port", other, span)),
        };
        let sense = self.ports(&protocols, (port, port), q.direction, span)?;
        Ok(self.of_packet(sense, || words::primitive(q, id), span))
    }

    fn port_range(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
        let (protocols, (lo, hi)) = match id {
            Id::Number(number) => {
                let port = port_number(*number, span)?;
                (Self::port_protocols(q, span)?, (port, port))
            }
            Id::Name(name) => Self::port_range_by_name(q, name, span)?,
            other => return Err(applied("portrange", other, span)),
        };
        let sense = self.ports(&protocols, (lo, hi), q.direction, span)?;
        Ok(self.of_packet(sense, || words::primitive(q, id), span))
    }

    fn proto(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
        let number = match id {
            Id::Number(number) => *number,
            Id::Name(name) => match q.proto {
                Some(Proto::Link) => return self.link_proto_by_name(name, span),
                Some(Proto::Iso) => match *name {
                    "clnp" => 129,
                    "esis" => 130,
                    "isis" => 131,
                    _ => return Err(unknown_proto(name, span)),
                },
                _ => services::protocol(name).map(u32::from).ok_or_else(|| unknown_proto(name, span))?,
            },
            other => return Err(applied("proto", other, span)),
        };
        let high = |max: u32, what: &str| {
            let message = format!("{what} {number} is greater than maximum {max}");
            Fault::range(message, span, "write a number that fits the field")
        };
        match q.proto {
            None | Some(Proto::Ip | Proto::Ip6) => {
                let number = u8::try_from(number).map_err(|_| high(255, "protocol number"))?;
                Ok(self.number(q.proto, number, span))
            }
            Some(Proto::Link) => self.link_proto(number, span),
            Some(Proto::Iso) if number > 255 => Err(high(255, "ISO protocol")),
            Some(Proto::Iso) => self.iso(&format!("iso proto {number}"), span),
            Some(Proto::Isis) if number > 31 => Err(high(31, "IS-IS PDU type")),
            Some(Proto::Isis) => self.iso(&format!("isis proto {number}"), span),
            Some(other) => {
                let name = words::proto_name(other);
                let message = format!("`{name}` does not encapsulate another protocol");
                Err(Fault::syntax(message, span, "qualify `proto` with `ip`, `ip6`, `ether` or `iso`"))
            }
        }
    }

    fn link_proto_by_name(&self, name: &str, span: Span) -> Result<Sense, Fault> {
        match words::frame(name) {
            Some(Frame::Ethertype(number)) => self.link_proto(number.into(), span),
            Some(Frame::Keyword(proto)) => Ok(Sense::sure(self.frame(proto, span)?)),
            None => Err(unknown_proto(name, span)),
        }
    }

    fn link_proto(&self, number: u32, span: Span) -> Result<Sense, Fault> {
        if number > 0xffff {
            let message = format!("EtherType {number} is greater than maximum 65535");
            return Err(Fault::range(message, span, "write a number that fits the field"));
        }
        if self.link == Link::Other(114) {
            return Ok(Sense::sure(Condition::False));
        }
        match number {
            0x0800 => return self.protocol(Proto::Ip, span),
            0x86dd => return self.protocol(Proto::Ip6, span),
            _ => {}
        }
        // Up to 1500 it is an LLC service access point.
        if matches!(self.link, Link::Ethernet | Link::Cooked) && number <= 1500 {
            if number > 255 {
                let message = format!("LLC DSAP {number} is greater than maximum 255");
                return Err(Fault::range(message, span, "write a number that fits the field"));
            }
            let over = [Field::EthType, Field::IpVersion].map(|f| Condition::not(Condition::present(f)));
            let what = format!("ether proto {number}");
            let condition = self.opaque(&what, "LLC headers are not kept", Condition::and(over), span);
            return Ok(Sense::sure(condition));
        }
        if matches!(self.link, Link::Ethernet) && matches!(number, 0x8100 | 0x88a8 | 0x9100) {
            let tagged = match self.frames {
                Frames::Direct | Frames::Unknown => Condition::False,
                Frames::Others | Frames::All => link::at_least(self.carriage.tags.saturating_add(1)),
            };
            let what = format!("ether proto {number:#x}");
            return Ok(Sense::sure(self.opaque(&what, "which kind of tag it is is not kept", tagged, span)));
        }
        if matches!(self.link, Link::Ppp | Link::Other(_)) {
            let what = format!("ether proto {number:#x}");
            let reason = "protocols of this link layer are not kept";
            return Ok(Sense::sure(self.opaque(&what, reason, Condition::True, span)));
        }
        Ok(Sense::sure(self.ethertype(number, span)?))
    }

    /// `protochain`: a protocol anywhere in the chain of headers.
    fn proto_chain(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
        let number = match id {
            Id::Number(number) => *number,
            Id::Name(name) => {
                services::protocol(name).map(u32::from).ok_or_else(|| unknown_proto(name, span))?
            }
            other => return Err(applied("protochain", other, span)),
        };
        let Ok(number) = u8::try_from(number) else {
            let message = format!("protocol number {number} is greater than maximum 255");
            return Err(Fault::range(message, span, "write a number that fits the field"));
        };
        if self.carriage.tunnel {
            let message = "`protochain` is not supported with variable length headers";
            return Err(Fault::syntax(message, span, "ask for it before `geneve` or `vxlan`"));
        }
        let truth = match q.proto {
            None => Condition::or([self.chain4(number, span), self.chain6(number, span)]),
            Some(Proto::Ip) => self.chain4(number, span),
            Some(Proto::Ip6) => self.chain6(number, span),
            Some(other) => {
                let message = format!("bad protocol `{}` applied for `protochain`", words::proto_name(other));
                return Err(Fault::syntax(message, span, "qualify `protochain` with `ip` or `ip6`"));
            }
        };
        // The walk loads the headers it goes through.
        let walks = |part: &Condition| match part {
            Condition::Opaque(opaque) => Some(opaque.over.clone()),
            _ => None,
        };
        let mut open = Vec::new();
        truth.visit(&mut |part| open.extend(walks(part)));
        let what = format!("{} goes beyond the packet", words::primitive(q, id));
        let reason = "how libpcap walks this chain is not followed";
        let beyond = self.opaque(&what, reason, Condition::or(open), span);
        let sense = Sense::sure(truth).ending(Vec::new(), 0, beyond);
        Ok(self.of_packet(sense, || words::primitive(q, id), span))
    }

    /// In IPv4 only authentication headers are walked over.
    fn chain4(&self, number: u8, span: Span) -> Condition {
        let inet = self.version(4, span);
        let named = single(Field::Proto, number.into(), span);
        let over = Condition::and([inet.clone(), single(Field::Proto, 51, span)]);
        let reason = "what follows an authentication header of IPv4 is not kept";
        let behind = match number {
            51 => Condition::False,
            _ => Condition::opaque_within(
                format!("ip protochain {number}"),
                reason,
                over,
                Condition::False,
                span,
            ),
        };
        Condition::or([Condition::and([inet, named]), behind])
    }

    fn chain6(&self, number: u8, span: Span) -> Condition {
        const WALKED: u32 =
            ext::HOP_BY_HOP | ext::ROUTING | ext::FRAGMENT | ext::DESTINATION | ext::AUTHENTICATION;
        let inet6 = self.version(6, span);
        let plain =
            test(Field::ExtHdrs, ValueSet::bits(0, u128::from(ext::ALL & !(WALKED | ext::ESP))), span);
        let in_chain = match words::extension(number).filter(|bit| bit & WALKED != 0) {
            Some(bit) => test(Field::ExtHdrs, ValueSet::bits(bit.into(), bit.into()), span),
            None => single(Field::Proto, number.into(), span),
        };
        // The walk of libpcap goes on in later fragments, and in headers of mobility and the like it ends.
        let lost = Condition::or([
            Condition::not(plain.clone()),
            Condition::not(Condition::present(Field::Proto)),
            Condition::not(single(Field::FragOff, 0, span)),
        ]);
        let sure = Condition::and([inet6.clone(), plain, single(Field::FragOff, 0, span), in_chain]);
        let reason = "how libpcap walks this chain is not followed";
        let what = format!("ip6 protochain {number}");
        let over = Condition::and([inet6, lost]);
        Condition::or([sure, Condition::opaque_within(what, reason, over, Condition::False, span)])
    }

    fn gateway(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
        let name = match id {
            Id::Name(name) => name,
            Id::Mac(_) => {
                let message = "ethernet address used in non-ether expression";
                return Err(Fault::syntax(message, span, "write the gateway's name"));
            }
            other => return Err(applied("gateway", other, span)),
        };
        let what = match q.proto {
            Some(proto) => format!("{} gateway {name}", words::proto_name(proto)),
            None => format!("gateway {name}"),
        };
        let proto = match q.proto {
            None => Condition::True,
            Some(proto @ (Proto::Ip | Proto::Arp | Proto::Rarp)) => {
                return Ok(Sense::sure(self.named(&what.to_lowercase(), Some(proto), span)?));
            }
            Some(_) => {
                let message = "illegal modifier of `gateway`";
                return Err(Fault::syntax(message, span, "qualify `gateway` with `ip`, `arp` or `rarp`"));
            }
        };
        Ok(Sense::sure(self.opaque(&what.to_lowercase(), NAME, proto, span)))
    }

    fn address(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
        let is_net = q.kind == Some(Kind::Net);
        if q.direction == Some(Direction::Wireless) {
            return Err(wireless_direction(span));
        }
        match id {
            Id::Mac(address) if q.proto == Some(Proto::Link) && !is_net => self.mac(q, *address, span),
            Id::Mac(_) => {
                let message = "ethernet address used in non-ether expression";
                Err(Fault::syntax(message, span, "write `ether host` before it"))
            }
            Id::Arcnet(text) => self.arcnet(q, text, span),
            Id::Name(name) => self.name(q, name, span),
            Id::Number(number) => {
                if q.proto == Some(Proto::Decnet) {
                    return self.decnet(q, &number.to_string(), span);
                }
                let (address, mask) = if is_net { promoted(*number) } else { (*number, u32::MAX) };
                self.inet_address(q, &Addresses::Inet(masked(address, mask)), id, span)
            }
            Id::Dotted(text, mask) => {
                if q.proto == Some(Proto::Decnet) {
                    return self.decnet(q, text, span);
                }
                let (address, mask) = dotted_with_mask(text, *mask, is_net, span)?;
                self.inet_address(q, &Addresses::Inet(masked(address, mask)), id, span)
            }
            Id::Inet6(address, length) => {
                let set = inet6_set(*address, *length, is_net, span)?;
                self.inet_address(q, &Addresses::Inet6(set), id, span)
            }
        }
    }

    fn mac(&self, q: Qualifiers, address: u64, span: Span) -> Result<Sense, Fault> {
        match self.link {
            Link::Ethernet => {}
            Link::Other(6 | 10 | 105 | 127 | 192) => {
                let what = format!("ether {} host {address:012x}", words::direction(q.direction));
                let reason = "addresses of this link layer are not kept";
                return Ok(Sense::sure(self.opaque(&what, reason, Condition::True, span)));
            }
            _ => {
                let message = format!("{} has no ethernet addresses", self.link.title());
                let help = "read the expression for the link type of its capture";
                return Err(Fault::syntax(message, span, help));
            }
        }
        let one = |field| test(field, IntervalSet::single(u128::from(address)), span);
        let (source, destination) = (one(Field::EthSrc), one(Field::EthDst));
        Ok(Sense::sure(directed(q.direction, source, destination)))
    }

    fn arcnet(&self, q: Qualifiers, text: &str, span: Span) -> Result<Sense, Fault> {
        if q.proto != Some(Proto::Link) || !matches!(self.link, Link::Other(7 | 129 | 165)) {
            let message = "ARCnet address used in non-arc expression";
            return Err(Fault::syntax(message, span, "write `link host` before it, for a capture of ARCnet"));
        }
        let what = format!("link {} host ${text}", words::direction(q.direction));
        Ok(Sense::sure(self.opaque(
            &what,
            "addresses of this link layer are not kept",
            Condition::True,
            span,
        )))
    }

    fn decnet(&self, q: Qualifiers, text: &str, span: Span) -> Result<Sense, Fault> {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        let sound = matches!(
            (parts.next().flatten(), parts.next().flatten(), parts.next()),
            (Some(0..=63), Some(0..=1023), None)
        );
        if !sound {
            let message = format!("`{}` is no DECnet address", shorten(text));
            return Err(Fault::range(message, span, "write area and node, as `1.2`, up to 63.1023"));
        }
        let what = format!("decnet {} host {text}", words::direction(q.direction));
        let over = self.ethertype(0x6003, span)?;
        Ok(Sense::sure(self.opaque(&what, "DECnet headers are not kept", over, span)))
    }

    /// A host or net by name.
    fn name(&self, q: Qualifiers, name: &str, span: Span) -> Result<Sense, Fault> {
        let kind = if q.kind == Some(Kind::Net) { "net" } else { "host" };
        let direction = words::direction(q.direction);
        let what = match q.proto {
            Some(proto) => format!("{} {direction} {kind} {name}", words::proto_name(proto)),
            None => format!("{direction} {kind} {name}"),
        };
        if q.proto == Some(Proto::Link) && !matches!(self.link, Link::Ethernet) {
            let message = format!("{} has no ethernet addresses", self.link.title());
            return Err(Fault::syntax(message, span, "read the expression for the link type of its capture"));
        }
        Ok(Sense::sure(self.named(&what.to_lowercase(), q.proto, span)?))
    }

    fn named(&self, what: &str, proto: Option<Proto>, span: Span) -> Result<Condition, Fault> {
        let over = match proto {
            Some(Proto::Link) => Condition::True,
            Some(Proto::Ip) => self.protocol(Proto::Ip, span)?.truth,
            Some(Proto::Ip6) => self.protocol(Proto::Ip6, span)?.truth,
            Some(proto @ (Proto::Arp | Proto::Rarp | Proto::Decnet)) => {
                self.ethertype(words::ethertype(proto).map_or(0, u32::from), span)?
            }
            None => {
                let mut parts =
                    vec![self.protocol(Proto::Ip, span)?.truth, self.protocol(Proto::Ip6, span)?.truth];
                if self.carriage.labels == 0 {
                    parts.push(self.ethertype(0x0806, span)?);
                    parts.push(self.ethertype(0x8035, span)?);
                }
                Condition::or(parts)
            }
            Some(other) => return Err(modifier(other, "host", span)),
        };
        Ok(self.opaque(what, NAME, over, span))
    }

    /// Addresses in the headers that have them.
    fn inet_address(
        &self,
        q: Qualifiers,
        addresses: &Addresses,
        id: &Id<'_>,
        span: Span,
    ) -> Result<Sense, Fault> {
        let what = match id {
            Id::Inet6(..) => "ip6 host",
            _ => "ip host",
        };
        if q.proto == Some(Proto::Link) {
            let message = "illegal link layer address";
            return Err(Fault::syntax(message, span, "write a MAC address behind `ether host`"));
        }
        let (source, destination, set) = match addresses {
            Addresses::Inet(set) => (Field::Src4, Field::Dst4, set),
            Addresses::Inet6(set) => (Field::Src6, Field::Dst6, set),
        };
        let of_packet = || {
            let version = if source == Field::Src4 { 4 } else { 6 };
            let truth =
                directed(q.direction, test(source, set.clone(), span), test(destination, set.clone(), span));
            let truth = match self.version(version, span) {
                Condition::False => Condition::False,
                _ => truth,
            };
            self.of_packet(Sense::sure(truth), || words::primitive(q, id), span)
        };
        match (q.proto, addresses) {
            (None | Some(Proto::Ip6), Addresses::Inet6(_)) | (Some(Proto::Ip), Addresses::Inet(_)) => {
                Ok(of_packet())
            }
            (Some(Proto::Arp | Proto::Rarp), Addresses::Inet(set)) => {
                let number = if q.proto == Some(Proto::Arp) { 0x0806 } else { 0x8035 };
                self.arp_address(&[number], q.direction, set.view(), span)
            }
            (None, Addresses::Inet(set)) => {
                let packet = of_packet();
                if self.carriage.labels > 0 {
                    return Ok(packet);
                }
                Ok(packet.beside(self.arp_address(&[0x0806, 0x8035], q.direction, set.view(), span)?))
            }
            (Some(other), _) => Err(modifier(other, what, span)),
        }
    }

    fn arp_address(
        &self,
        types: &[u32],
        direction: Option<Direction>,
        set: ValueSetRef<'_>,
        span: Span,
    ) -> Result<Sense, Fault> {
        let mut guards = Vec::new();
        for number in types {
            guards.push(self.ethertype(*number, span)?);
        }
        let guard = match guards.as_slice() {
            // The two differ in the type only.
            [Condition::And(parts), Condition::And(_)] if self.sure.tags >= self.carriage.tags => {
                let rest = parts
                    .iter()
                    .filter(|part| !matches!(part, Condition::Test(t) if t.field() == Field::EthType));
                let either = test(Field::EthType, ValueSet::of(types.iter().copied()), span);
                Condition::and(rest.cloned().chain([either]))
            }
            _ => Condition::or(guards),
        };
        if guard == Condition::False {
            return Ok(Sense::sure(Condition::False));
        }
        let (sender, target) =
            (test(Field::ArpSender, set.to_set(), span), test(Field::ArpTarget, set.to_set(), span));
        let missing = |field| Condition::not(Condition::present(field));
        let places = [Place::Arp];
        // The sender's address is loaded first and ends at octet 18, the target's at 28.
        let (early, late) = (missing(Field::ArpSender), missing(Field::ArpTarget));
        let beyond = match direction {
            Some(Direction::Source) => early,
            Some(Direction::Destination) => late,
            Some(Direction::Both) => Condition::or([early, Condition::and([late, sender.clone()])]),
            _ => Condition::or([early, Condition::and([late, Condition::not(sender.clone())])]),
        };
        let room = if direction == Some(Direction::Source) { 18 } else { 28 };
        let truth = Condition::and([guard.clone(), directed(direction, sender, target)]);
        let sense = Sense::sure(truth).ending(places.to_vec(), room, Condition::and([guard, beyond]));
        Ok(match direction {
            Some(Direction::Source | Direction::Destination) => {
                sense.never_true(&places, room).never_false(&places, room)
            }
            Some(Direction::Both) => sense.never_true(&places, 28).never_false(&places, 18),
            _ => sense.never_true(&places, 18).never_false(&places, 28),
        })
    }

    pub(super) fn special(&mut self, special: &Special<'_>, span: Span) -> Result<Lowered, Fault> {
        let sense = match special {
            Special::Vlan(id) => return self.vlan(*id, span),
            Special::Mpls(label) => return self.mpls(*label, span),
            Special::Pppoes(session) => return self.pppoes(*session, span),
            Special::Tunnel(name, vni) => return Ok(self.tunnel(name, *vni, span)),
            Special::Pppoed => Sense::sure(self.ethertype(link::PPPOE_DISCOVERY, span)?),
            Special::Broadcast(proto) => self.broadcast(*proto, span)?,
            Special::Multicast(proto) => self.multicast(*proto, span)?,
            Special::Less(octets) => {
                let words = Words::compared(super::super::syntax::Comparison::LessEqual, *octets);
                Sense::sure(self.length(&words, "len", span))
            }
            Special::Greater(octets) => {
                let words = Words::compared(super::super::syntax::Comparison::GreaterEqual, *octets);
                Sense::sure(self.length(&words, "len", span))
            }
            Special::Inbound | Special::Outbound => {
                let what = if *special == Special::Inbound { "inbound" } else { "outbound" };
                let reason = "no packet says which way it went";
                Sense::sure(self.opaque(what, reason, Condition::True, span))
            }
            Special::IsisPdu(types) => {
                let each = types.iter().map(|kind| self.iso(&format!("isis proto {kind}"), span));
                let each = each.map(|sense| sense.map(|sense| sense.truth));
                Sense::sure(Condition::or(each.collect::<Result<Vec<_>, _>>()?))
            }
            Special::Llc(kind) => {
                let what = kind.map_or_else(|| "llc".to_owned(), |kind| format!("llc {kind}"));
                let over = [Field::EthType, Field::IpVersion].map(|f| Condition::not(Condition::present(f)));
                let over = if self.link == Link::Ethernet { Condition::and(over) } else { Condition::True };
                Sense::sure(self.opaque(&what, "LLC headers are not kept", over, span))
            }
            Special::Foreign(_, text) => {
                let reason = "the packet model keeps nothing of it";
                Sense::sure(self.opaque(text, reason, Condition::True, span))
            }
        };
        Ok(self.plain(sense))
    }

    fn broadcast(&self, proto: Option<Proto>, span: Span) -> Result<Sense, Fault> {
        match proto {
            None | Some(Proto::Link) => {
                let all = test(Field::EthDst, IntervalSet::single(0xffff_ffff_ffff_u128), span);
                self.of_link(all, "broadcast", span)
            }
            Some(Proto::Ip) => {
                let Some(mask) = self.netmask else {
                    let message = "netmask not known, so `ip broadcast` is not supported";
                    return Err(Fault::syntax(
                        message,
                        span,
                        "write the broadcast address, as `ip dst host`",
                    ));
                };
                // The host part is all zeros or all ones.
                let host = u128::from(!mask);
                let ends = BitSet::new([BitMatch::new(0, host), BitMatch::new(host, host)]);
                let truth = Condition::and([self.version(4, span), test(Field::Dst4, ends, span)]);
                Ok(self.of_packet(Sense::sure(truth), || "ip broadcast".to_owned(), span))
            }
            Some(other) => Err(modifier(other, "broadcast", span)),
        }
    }

    fn multicast(&self, proto: Option<Proto>, span: Span) -> Result<Sense, Fault> {
        match proto {
            None | Some(Proto::Link) => {
                let bit = ValueSet::bits(1 << 40, 1 << 40);
                self.of_link(test(Field::EthDst, bit, span), "multicast", span)
            }
            // gen_mcast asks for 224 and more.
            Some(Proto::Ip) => {
                let truth = test(Field::Dst4, ValueSet::range(224 << 24, u32::MAX), span);
                let truth = Condition::and([self.version(4, span), truth]);
                Ok(self.of_packet(Sense::sure(truth), || "ip multicast".to_owned(), span))
            }
            Some(Proto::Ip6) => {
                let set = Prefix6::new(0xff << 120, 8).map_or_else(IntervalSet::empty, IntervalSet::from);
                let truth = Condition::and([self.version(6, span), test(Field::Dst6, set, span)]);
                Ok(self.of_packet(Sense::sure(truth), || "ip6 multicast".to_owned(), span))
            }
            Some(other) => Err(modifier(other, "multicast", span)),
        }
    }

    fn of_link(&self, truth: Condition, what: &str, span: Span) -> Result<Sense, Fault> {
        match self.link {
            Link::Ethernet => Ok(Sense::sure(truth)),
            Link::Other(_) => {
                let reason = "addresses of this link layer are not kept";
                Ok(Sense::sure(self.opaque(what, reason, Condition::True, span)))
            }
            _ => {
                let message = format!("not a broadcast link: {}", self.link.title());
                Err(Fault::syntax(message, span, "ask for addresses of IP, as `ip multicast`"))
            }
        }
    }

    fn unsupported(&self, word: &str, span: Span) -> Fault {
        let message = format!("`{word}` not supported on {}", self.link.title());
        Fault::syntax(message, span, "read the expression for the link type of its capture")
    }

    fn vlan(&mut self, id: Option<u32>, span: Span) -> Result<Lowered, Fault> {
        if self.carriage.labels > 0 {
            return Err(Fault::syntax("no VLAN match after MPLS", span, "put `vlan` before `mpls`"));
        }
        if self.carriage.session {
            return Err(Fault::syntax("`vlan` not supported on PPP", span, "put `vlan` before `pppoes`"));
        }
        if let Link::Other(_) = self.link {
            let text = id.map_or_else(|| "vlan".to_owned(), |id| format!("vlan {id}"));
            let truth = self.opaque(&text, "this link layer is not modelled", Condition::True, span);
            return Ok(self.plain(Sense::sure(truth)));
        }
        if self.link != Link::Ethernet {
            return Err(self.unsupported("vlan", span));
        }
        let tags = self.carriage.tags;
        let (field, what) = (if tags == 0 { Field::VlanId } else { Field::InnerVlanId }, "vlan");
        let tagged = match id {
            Some(id) => single(field, id, span),
            None => Condition::present(field),
        };
        let text = id.map_or_else(|| what.to_owned(), |id| format!("vlan {id}"));
        let truth = if tags >= 2 || self.carriage.tunnel {
            let reason = "more than two tags are not kept";
            self.opaque(&text, reason, link::at_least(2), span)
        } else if self.sure.tags < tags {
            let reason = "other octets are read of frames without the headers before";
            let garbage = self.opaque(&text, reason, Condition::not(link::at_least(tags)), span);
            Condition::or([tagged, garbage])
        } else {
            tagged
        };
        let if_false = self.sure;
        self.carriage.tags = tags.saturating_add(1).min(3);
        Ok(Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false })
    }

    fn mpls(&mut self, label: Option<u32>, span: Span) -> Result<Lowered, Fault> {
        if !self.carriage.session && !matches!(self.link, Link::Ethernet | Link::Hdlc | Link::Ppp) {
            return Err(self.unsupported("mpls", span));
        }
        let text = label.map_or_else(|| "mpls".to_owned(), |label| format!("mpls {label}"));
        let labelled = match label {
            Some(label) => single(Field::MplsLabel, label, span),
            None => Condition::present(Field::MplsLabel),
        };
        let before = self.carriage;
        let after =
            crate::dialect::pcap_filter::link::Carriage { labels: before.labels.saturating_add(1), ..before };
        let announced = match self.link {
            _ if before.session => single(Field::EthType, link::PPPOE_SESSION, span),
            Link::Ppp => Condition::True,
            _ => single(Field::EthType, link::MPLS, span),
        };
        let tags = if self.link == Link::Ppp { Condition::True } else { link::exactly(before.tags) };
        let mut truth = Condition::and([tags, announced, labelled]);
        if before.labels > 0 || before.tunnel {
            let behind = Condition::present(Field::MplsLabel);
            truth = self.opaque(&text, "only the outermost label is kept", behind, span);
        } else if self.sure.joined(before) != self.sure {
            let reason = "other octets are read of frames without the headers before";
            let garbage = self.opaque(&text, reason, Condition::not(before.holds()), span);
            truth = Condition::or([truth, garbage]);
        }
        let if_false = self.sure;
        self.carriage = after;
        Ok(Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false })
    }

    fn pppoes(&mut self, session: Option<u32>, span: Span) -> Result<Lowered, Fault> {
        let frames = self.ethertype(link::PPPOE_SESSION, span)?;
        let truth = match session {
            Some(session) => {
                let text = format!("pppoes {session}");
                self.opaque(&text, "the number of a PPPoE session is not kept", frames, span)
            }
            None => frames,
        };
        let if_false = self.sure;
        self.carriage.session = true;
        Ok(Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false })
    }

    fn tunnel(&mut self, name: &str, vni: Option<u32>, span: Span) -> Lowered {
        let text = vni.map_or_else(|| name.to_owned(), |vni| format!("{name} {vni}"));
        let port = if name == "geneve" { 6081 } else { 4789 };
        let over = Condition::and([single(Field::Proto, 17, span), single(Field::Dport, port, span)]);
        let over = self.of_packet(Sense::sure(over), || text.clone(), span).truth;
        let truth = self.opaque(&text, "headers of tunnels are not kept", over, span);
        let if_false = self.sure;
        self.carriage.tunnel = true;
        Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false }
    }
}

/// No extension header but at most a fragment header.
fn chain_of_fragment(number: u8, span: Span) -> Condition {
    let esp = if number == 50 { ext::ESP } else { 0 };
    let sets = [0, ext::FRAGMENT, esp, ext::FRAGMENT | esp];
    test(Field::ExtHdrs, ValueSet::of(sets), span)
}

/// A protocol of either version, said once.
fn either_version(lower: &Lower<'_>, number: u8, inet: Condition, inet6: Condition, span: Span) -> Condition {
    if words::extension(number).is_some() || matches!(lower.link, Link::Inet | Link::Inet6) {
        return Condition::or([inet, inet6]);
    }
    let version = Condition::or([lower.version(4, span), chain_of_fragment(number, span)]);
    Condition::and([single(Field::Proto, number.into(), span), version])
}

fn directed(direction: Option<Direction>, source: Condition, destination: Condition) -> Condition {
    match direction {
        Some(Direction::Source) => source,
        Some(Direction::Destination) => destination,
        Some(Direction::Both) => Condition::and([source, destination]),
        Some(Direction::Either | Direction::Wireless) | None => Condition::or([source, destination]),
    }
}

pub(super) fn wireless_direction(span: Span) -> Fault {
    let message = "addresses of 802.11 are asked for, which this link type does not have";
    Fault::syntax(message, span, "write `src` or `dst`")
}

fn unknown_proto(name: &str, span: Span) -> Fault {
    let message = format!("unknown `proto` value `{}`", shorten(name));
    Fault::range(message, span, "write a name of the protocols file, or its number")
}

fn modifier(proto: Proto, what: &str, span: Span) -> Fault {
    let message = format!("`{}` modifier applied to `{what}`", words::proto_name(proto));
    Fault::syntax(message, span, "leave the protocol out, or join it with `and`")
}

fn applied(kind: &str, id: &Id<'_>, span: Span) -> Fault {
    let what = match id {
        Id::Name(_) => "a name",
        Id::Number(_) => "a number",
        Id::Dotted(..) => "an IPv4 address",
        Id::Inet6(..) => "an IPv6 address",
        Id::Mac(_) => "a MAC address",
        Id::Arcnet(_) => "an ARCnet address",
    };
    Fault::syntax(format!("`{kind}` qualifier applied to {what}"), span, "write what the qualifier takes")
}

/// A short net number: `10` is 10.0.0.0/8.
fn promoted(number: u32) -> (u32, u32) {
    let (mut address, mut mask) = (number, u32::MAX);
    while address != 0 && address >> 24 == 0 {
        address <<= 8;
        mask <<= 8;
    }
    (address, mask)
}

fn masked(address: u32, mask: u32) -> ValueSet {
    let host = !mask;
    if (host.wrapping_add(1) & host) == 0 {
        ValueSet::range(address & mask, address | host)
    } else {
        ValueSet::bits((address & mask).into(), mask.into())
    }
}

/// Two to four octets, and how many bits they are.
fn dotted(text: &str, span: Span) -> Result<(u32, u32), Fault> {
    let mut address = 0_u32;
    let mut bits = 0;
    for part in text.split('.') {
        let octet = part.parse::<u8>().map_err(|_| {
            Fault::range(format!("`{}` is no IPv4 address", shorten(text)), span, "write octets up to 255")
        })?;
        address = address << 8 | u32::from(octet);
        bits += 8;
    }
    Ok((address << (32 - bits), bits))
}

fn dotted_with_mask(
    text: &str,
    mask: Option<Mask<'_>>,
    is_net: bool,
    span: Span,
) -> Result<(u32, u32), Fault> {
    let (address, bits) = dotted(text, span)?;
    let Some(given) = mask else { return Ok((address, u32::MAX << (32 - bits))) };
    let (mask, words) = match given {
        Mask::Length(length @ 0..=32) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            (mask, format!("{text}/{length}"))
        }
        Mask::Length(length) => {
            let message = format!("netmask length {length} is greater than maximum 32");
            return Err(Fault::range(message, span, "write a length up to 32"));
        }
        Mask::Dotted(mask) => (dotted(mask, span)?.0, format!("{text} mask {mask}")),
    };
    if !is_net {
        return Err(Fault::syntax("mask syntax for networks only", span, "write `net` instead of `host`"));
    }
    if address & !mask != 0 {
        return Err(host_bits(&words, span));
    }
    Ok((address, mask))
}

fn inet6_set(address: u128, length: Option<u32>, is_net: bool, span: Span) -> Result<ValueSet, Fault> {
    let length = length.unwrap_or(128);
    let prefix = u8::try_from(length).ok().and_then(|length| Prefix6::new(address, length));
    let Some(prefix) = prefix else {
        let message = format!("prefix length {length} is greater than maximum 128");
        return Err(Fault::range(message, span, "write a length up to 128"));
    };
    if !is_net && length != 128 {
        return Err(Fault::syntax("mask syntax for networks only", span, "write `net` instead of `host`"));
    }
    if prefix.has_host_bits() {
        return Err(host_bits(&prefix.to_string(), span));
    }
    Ok(ValueSet::from(IntervalSet::from(prefix)))
}

fn host_bits(words: &str, span: Span) -> Fault {
    Fault {
        check: raised::HOST_BITS_SET,
        message: format!("non-network bits set in `{words}`"),
        span,
        help: "write the network's own address",
    }
}
