//! Primitives: `gen_scode` and `gen_ncode` of gencode.c, which look at the kind of an identifier.

use super::super::link::Link;
use super::super::sense::Sense;
use super::super::syntax::{Id, Kind, Proto, Qualifiers};
use super::super::words;
use super::port::port_number;
use super::{Fault, Lower, single};
use crate::field::Field;
use crate::ir::Condition;
use crate::source::Span;

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
}

pub(super) fn modifier(proto: Proto, what: &str, span: Span) -> Fault {
    let message = format!("`{}` modifier applied to `{what}`", words::proto_name(proto));
    Fault::syntax(message, span, "leave the protocol out, or join it with `and`")
}

pub(super) fn applied(kind: &str, id: &Id<'_>, span: Span) -> Fault {
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
