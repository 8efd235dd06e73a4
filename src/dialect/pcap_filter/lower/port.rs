//! Ports: `gen_port` and `gen_port6` of gencode.c. TCP, UDP and SCTP; in IPv4 the first fragment, in IPv6 only right
//! behind the fixed header.

use super::super::sense::{Place, Sense};
use super::super::syntax::{Direction, Proto, Qualifiers};
use super::{Fault, Lower, test};
use crate::dialect::pcap_filter::link::Link;
use crate::dialect::services;
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::source::Span;

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

impl Lower<'_> {
    /// `port` and `portrange`: the ports from `lo` to `hi`.
    pub(super) fn ports(
        &self,
        protocols: &[u8],
        (lo, hi): (u16, u16),
        direction: Option<Direction>,
        span: Span,
    ) -> Result<Sense, Fault> {
        let within = |field| test(field, ValueSet::range(lo.into(), hi.into()), span);
        let (source, destination) = (within(Field::Sport), within(Field::Dport));
        let guard = self.port_guard(protocols, span);
        if direction == Some(Direction::Wireless) {
            return Err(super::address::wireless_direction(span));
        }
        if self.is_conjunction {
            let ports = super::address::directed(direction, source, destination);
            return Ok(Sense::sure(Condition::and([guard, ports])));
        }
        let short = |room: u32| test(Field::L4Room, ValueSet::range(0, room - 1), span);
        let between = || test(Field::L4Room, ValueSet::range(2, 3), span);
        let places: Vec<Place> =
            protocols.iter().flat_map(|number| [Place::Inet(*number), Place::Inet6(*number)]).collect();
        let ends = |sense: Sense, room: u32, condition: Condition| {
            let first = test(Field::FragOff, ValueSet::single(0), span);
            sense.ending(places.clone(), room, Condition::and([guard.clone(), first, condition]))
        };
        let truth = |ports| Condition::and([guard.clone(), ports]);
        // The source port is loaded first. The destination's octets end two later.
        let sense = match direction {
            Some(Direction::Source) => {
                let sense = ends(Sense::sure(truth(source)), 2, short(2));
                sense.never_false(&places, 2).never_true(&places, 2)
            }
            Some(Direction::Destination) => {
                let sense = ends(Sense::sure(truth(destination)), 4, short(4));
                sense.never_false(&places, 4).never_true(&places, 4)
            }
            None | Some(Direction::Either | Direction::Wireless) => {
                let late = Condition::and([between(), Condition::not(source.clone())]);
                let sense = Sense::sure(truth(Condition::or([source, destination])));
                let sense = ends(ends(sense, 2, short(2)), 4, late);
                sense.never_false(&places, 4).never_true(&places, 2)
            }
            Some(Direction::Both) => {
                let late = Condition::and([between(), source.clone()]);
                let sense = Sense::sure(truth(Condition::and([source, destination])));
                let sense = ends(ends(sense, 2, short(2)), 4, late);
                sense.never_false(&places, 2).never_true(&places, 4)
            }
        };
        Ok(sense)
    }

    /// Packets whose ports are looked at, less that later fragments of IPv4 are not.
    fn port_guard(&self, protocols: &[u8], span: Span) -> Condition {
        let protocol = test(Field::Proto, ValueSet::of(protocols.iter().map(|p| u32::from(*p))), span);
        let inet = test(Field::IpVersion, ValueSet::single(4), span);
        let inet6 = test(Field::ExtHdrs, ValueSet::of([0, ext::ESP]), span);
        let version = match self.link {
            Link::Inet => inet,
            Link::Inet6 => inet6,
            _ => Condition::or([inet, inet6]),
        };
        Condition::and([protocol, version])
    }

    /// The protocols whose ports are meant, and the port of a name in them.
    pub(super) fn port_by_name(
        qualifiers: Qualifiers,
        name: &str,
        span: Span,
    ) -> Result<(Vec<u8>, u16), Fault> {
        let unknown = || {
            let message = format!("unknown port `{}`", super::shorten(name));
            Fault::range(message, span, "write a service of the services file, or its number")
        };
        match qualifiers.proto {
            Some(proto) => {
                let number = protocol_of(proto, span)?;
                let port = services::port(name, number).ok_or_else(unknown)?;
                Ok((vec![number], port))
            }
            // libpcap asks for TCP and UDP; a name of one of them means only that one.
            None => match (services::port(name, TCP), services::port(name, UDP)) {
                (Some(tcp), Some(udp)) if tcp == udp => Ok((vec![TCP, UDP, SCTP], tcp)),
                (Some(tcp), _) => Ok((vec![TCP], tcp)),
                (None, Some(udp)) => Ok((vec![UDP], udp)),
                (None, None) => Err(unknown()),
            },
        }
    }

    /// The protocols whose ports are meant when a number is given.
    pub(super) fn port_protocols(qualifiers: Qualifiers, span: Span) -> Result<Vec<u8>, Fault> {
        match qualifiers.proto {
            Some(proto) => Ok(vec![protocol_of(proto, span)?]),
            None => Ok(vec![TCP, UDP, SCTP]),
        }
    }

    /// A range of numbers or names, `67-68`, `smtp-domain`, either end first.
    pub(super) fn port_range_by_name(
        qualifiers: Qualifiers,
        text: &str,
        span: Span,
    ) -> Result<(Vec<u8>, (u16, u16)), Fault> {
        let port = |word: &str| match word.parse::<u32>() {
            Ok(number) => {
                port_number(number, span).and_then(|port| Ok((Self::port_protocols(qualifiers, span)?, port)))
            }
            Err(_) => Self::port_by_name(qualifiers, word, span),
        };
        // A name may hold a hyphen itself: the one is taken that leaves two ports.
        for (at, _) in text.match_indices('-') {
            let (Some(first), Some(last)) = (text.get(..at), text.get(at + 1..)) else { continue };
            let (first, last) = match (port(first), port(last)) {
                (Ok(first), Ok(last)) => (first, last),
                (Err(fault), _) | (_, Err(fault)) if text.matches('-').count() == 1 => return Err(fault),
                _ => continue,
            };
            let protocols = first.0.iter().filter(|number| last.0.contains(number)).copied().collect();
            return Ok((protocols, (first.1.min(last.1), first.1.max(last.1))));
        }
        let (protocols, port) = port(text)?;
        Ok((protocols, (port, port)))
    }
}

/// A port number.
pub(super) fn port_number(number: u32, span: Span) -> Result<u16, Fault> {
    u16::try_from(number).map_err(|_| {
        let message = format!("illegal port number {number} > 65535");
        Fault::range(message, span, "write a number up to 65535")
    })
}

fn protocol_of(proto: Proto, span: Span) -> Result<u8, Fault> {
    match proto {
        Proto::Tcp => Ok(TCP),
        Proto::Udp => Ok(UDP),
        Proto::Sctp => Ok(SCTP),
        other => {
            let name = super::super::words::proto_name(other);
            let message = format!("illegal qualifier of `port`: `{name}` has none");
            Err(Fault::syntax(message, span, "qualify ports with `tcp`, `udp` or `sctp` only"))
        }
    }
}
