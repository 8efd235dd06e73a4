//! Protocols: `gen_proto`, `gen_protochain` and `gen_proto_abbrev` of gencode.c.

use super::super::link::Link;
use super::super::parse::shorten;
use super::super::sense::Sense;
use super::super::syntax::{Id, Proto, Qualifiers};
use super::super::words::{self, Frame};
use super::primitive::applied;
use super::{Fault, Lower, single, test};
use crate::dialect::services;
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::source::Span;

impl Lower<'_> {
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

    pub(super) fn iso(&self, what: &str, span: Span) -> Result<Sense, Fault> {
        let over = match self.frame(Proto::Iso, span)? {
            Condition::Opaque(opaque) => opaque.over.clone(),
            other => other,
        };
        Ok(Sense::sure(self.opaque(what, "LLC headers are not kept", over, span)))
    }

    /// `proto`: the protocol octet of IPv4; in IPv6 the next header, also of a fragment header right behind.
    fn number(&self, proto: Option<Proto>, number: u8, span: Span) -> Sense {
        let inet = || Condition::and([self.version(4, span), single(Field::Proto, number.into(), span)]);
        let inet6 = || Condition::and([self.version(6, span), Self::next_header(number, span)]);
        let truth = match proto {
            Some(Proto::Ip) => inet(),
            Some(Proto::Ip6) => inet6(),
            _ => either_version(self, number, inet, inet6, span),
        };
        let what = || match proto {
            Some(proto) => format!("{} proto {number}", words::proto_name(proto)),
            None => format!("proto {number}"),
        };
        self.of_packet(Sense::sure(truth), what, span)
    }

    /// `ip6[6] = n or (ip6[6] = 44 and ip6[40] = n)`.
    fn next_header(number: u8, span: Span) -> Condition {
        let walked = ext::walked(number);
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

    pub(super) fn proto(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
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

    /// `protochain`: a protocol anywhere in the chain of headers.
    pub(super) fn proto_chain(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
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
        let in_chain = match ext::walked(number).filter(|bit| bit & WALKED != 0) {
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
}

/// No extension header but at most a fragment header.
fn chain_of_fragment(number: u8, span: Span) -> Condition {
    let esp = if number == 50 { ext::ESP } else { 0 };
    let sets = [0, ext::FRAGMENT, esp, ext::FRAGMENT | esp];
    test(Field::ExtHdrs, ValueSet::of(sets), span)
}

/// A protocol of either version, said once.
fn either_version(
    lower: &Lower<'_>,
    number: u8,
    inet: impl Fn() -> Condition,
    inet6: impl Fn() -> Condition,
    span: Span,
) -> Condition {
    if ext::walked(number).is_some() || matches!(lower.link, Link::Inet | Link::Inet6) {
        return Condition::or([inet(), inet6()]);
    }
    let version = Condition::or([lower.version(4, span), chain_of_fragment(number, span)]);
    Condition::and([single(Field::Proto, number.into(), span), version])
}

fn unknown_proto(name: &str, span: Span) -> Fault {
    let message = format!("unknown `proto` value `{}`", shorten(name));
    Fault::range(message, span, "write a name of the protocols file, or its number")
}
