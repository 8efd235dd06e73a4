//! Comparisons of octets: which header a load reads, whether it is there, and what its values mean.

use super::super::link::Link;
use super::super::octets::{self, Slot};
use super::super::relation::{At, Load, Reading, Relation};
use super::super::sense::{Place, Sense};
use super::super::syntax::Proto;
use super::super::values::Words;
use super::super::words;
use super::{Fault, Lower, single, test};
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitSet, IntervalSet};
use crate::source::Span;

/// Octets of a fixed header.
const INET: u32 = 20;
const INET6: u32 = 40;
const FRAGMENT: u32 = 8;
/// What is counted of the octets behind the IP headers.
const COUNTED: u32 = 31;
pub(super) const REASON: &str = "the packet model keeps no such octets";
/// Next headers that are walked over.
const EXTENSIONS: [u32; 8] = [0, 43, 44, 51, 60, 135, 139, 140];

/// Octets behind the IP headers of the packets of a guard.
struct Transport<'a> {
    guard: Condition,
    header: &'static [Slot],
    places: &'a [Place],
}

/// What is asked of a load.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) at: u32,
    pub(super) size: u8,
    pub(super) words: &'a Words,
    // The relation in one form, for what is not modelled.
    pub(super) text: &'a dyn Fn() -> String,
    pub(super) span: Span,
}

impl Lower<'_> {
    /// A comparison that was brought to what it is about, with its words.
    pub(super) fn relation(
        &self,
        relation: Relation,
        text: &dyn Fn() -> String,
        span: Span,
    ) -> Result<Sense, Fault> {
        match relation {
            Relation::Constant(holds) => {
                Ok(Sense::sure(if holds { Condition::True } else { Condition::False }))
            }
            Relation::Length(words) => Ok(Sense::sure(self.length(&words, text, span))),
            Relation::LengthInet6(words) => {
                let guard = self.version(6, span);
                let known = match words.patterns(17) {
                    Some(patterns) => test(Field::Len, ValueSet::from(BitSet::new(patterns)), span),
                    None => self.opaque(&text(), "the lengths are too many to list", Condition::True, span),
                };
                // A jumbogram's field says 0.
                let jumbo = match words.patterns(32) {
                    Some(patterns) if patterns.iter().any(|p| p.contains(40)) => {
                        Condition::not(Condition::present(Field::Len))
                    }
                    _ => Condition::False,
                };
                let truth = Condition::and([guard, Condition::or([known, jumbo])]);
                Ok(self.of_packet(Sense::sure(truth), text, span))
            }
            Relation::RoomInet(words) => {
                let guard = self.version(4, span);
                let counted = room(&words, &|| self.opaque(&text(), REASON, Condition::True, span), span);
                Ok(self.of_packet(Sense::sure(Condition::and([guard, counted])), text, span))
            }
            Relation::Load(load, words) => self.load(load, &words, text, span),
            Relation::Other(loads) => self.other(&loads, text, span),
        }
    }

    /// The frame is as long as one of the words.
    pub(super) fn length(&self, words: &Words, text: &dyn Fn() -> String, span: Span) -> Condition {
        // Without a link header the frame is the packet.
        let field = if self.link.is_bare() { Field::Len } else { Field::FrameLen };
        match (words.ranges(32), words.patterns(32)) {
            (Some(set), _) if set.is_empty() => Condition::False,
            (Some(set), _) if set == IntervalSet::full() => Condition::True,
            (Some(set), _) => test(field, ValueSet::from(set), span),
            (None, Some(patterns)) => test(field, ValueSet::from(BitSet::new(patterns)), span),
            (None, None) => self.opaque(&text(), "the lengths are too many to list", Condition::True, span),
        }
    }

    /// The packets a load is made from, before it may be missing.
    pub(super) fn guard(&self, proto: Proto, span: Span) -> Result<Condition, Fault> {
        Ok(match proto {
            Proto::Radio if !matches!(self.link, Link::Other(_)) => {
                return Err(self.unsupported("radio", span));
            }
            Proto::Link | Proto::Radio => Condition::True,
            Proto::Ip => self.version(4, span),
            Proto::Ip6 => self.version(6, span),
            Proto::Icmp6 => Condition::and([self.version(6, span), single(Field::ProtoField, 58, span)]),
            Proto::Arp
            | Proto::Rarp
            | Proto::Decnet
            | Proto::Lat
            | Proto::Sca
            | Proto::Moprc
            | Proto::Mopdl => self.ethertype(words::ethertype(proto).map_or(0, u32::from), span)?,
            Proto::Atalk | Proto::Aarp => self.frame(proto, span)?,
            Proto::Tcp
            | Proto::Udp
            | Proto::Sctp
            | Proto::Icmp
            | Proto::Igmp
            | Proto::Igrp
            | Proto::Pim
            | Proto::Vrrp => {
                let number = words::ip_number(proto).map_or(0, u32::from);
                Condition::and([self.version(4, span), single(Field::Proto, number, span)])
            }
            Proto::Ah
            | Proto::Esp
            | Proto::Iso
            | Proto::Clnp
            | Proto::Esis
            | Proto::Isis
            | Proto::Stp
            | Proto::Ipx
            | Proto::Netbeui => {
                let name = words::proto_name(proto);
                let message = format!("unsupported index operation on `{name}`");
                return Err(Fault::syntax(message, span, "index a header that libpcap finds, as `ip[9]`"));
            }
        })
    }

    fn load(&self, load: Load, words: &Words, text: &dyn Fn() -> String, span: Span) -> Result<Sense, Fault> {
        let guard = self.guard(load.proto, span)?;
        let ask = |at| Asked { at, size: load.size, words, text, span };
        let sense = match (load.proto, load.at) {
            (Proto::Ip, At::Octet(at)) => self.of_packet(self.inet(guard, &ask(at)), text, span),
            (Proto::Ip, At::BehindInet(at)) => {
                self.of_packet(self.raw(guard, &[Place::AnyInet], &ask(at)), text, span)
            }
            (Proto::Ip6, At::Octet(at)) => self.of_packet(self.inet6(guard, &ask(at)), text, span),
            (Proto::Link, At::Octet(at)) => self.frame_octets(&ask(at)),
            (Proto::Arp | Proto::Rarp, At::Octet(at)) => self.arp(guard, &ask(at)),
            (Proto::Icmp6, At::Octet(at)) => {
                let transport = Transport { guard, header: octets::ICMP6, places: &[Place::Inet6(58)] };
                self.of_packet(self.transport(&transport, &ask(at)), text, span)
            }
            (proto, At::Octet(at)) if words::ip_number(proto).is_some() => {
                let header = match proto {
                    Proto::Tcp => octets::TCP,
                    Proto::Udp => octets::UDP,
                    Proto::Sctp => octets::SCTP,
                    Proto::Icmp => octets::ICMP,
                    Proto::Igmp => octets::IGMP,
                    _ => octets::RAW,
                };
                let places = [Place::Inet(words::ip_number(proto).unwrap_or(0))];
                let first = single(Field::FragOff, 0, span);
                let guard = Condition::and([guard, first]);
                let transport = Transport { guard, header, places: &places };
                self.of_packet(self.transport(&transport, &ask(at)), text, span)
            }
            _ => return self.other(&[Reading { load, is_checked: true }], text, span),
        };
        Ok(sense)
    }

    /// Something about loads that is not modelled: true at most where all headers are that libpcap looks for.
    fn other(&self, loads: &[Reading], text: &dyn Fn() -> String, span: Span) -> Result<Sense, Fault> {
        let mut guards = Vec::new();
        let (mut of_packet, mut may_end) = (false, false);
        for Reading { load, is_checked } in loads {
            // It refuses some headers in any place.
            let guard = self.guard(load.proto, span)?;
            if !is_checked {
                may_end = true;
                continue;
            }
            guards.push(guard);
            of_packet |= !matches!(load.proto, Proto::Link | Proto::Arp | Proto::Rarp | Proto::Radio);
            let end = |at: u32| at.saturating_add(load.size.into());
            may_end |= match (load.proto, load.at) {
                (Proto::Ip, At::Octet(at)) => end(at) > INET,
                (Proto::Ip6, At::Octet(at)) => end(at) > INET6,
                (Proto::Link, At::Octet(at)) => end(at) > 14,
                _ => true,
            };
            if words::ip_number(load.proto).is_some() && load.proto != Proto::Icmp6 {
                guards.push(single(Field::FragOff, 0, span));
            }
        }
        let guard = Condition::and(guards);
        let reason = if loads.iter().any(|reading| reading.load.at == At::Computed) {
            "the place of its octets is computed from the packet"
        } else {
            REASON
        };
        let mut sense = Sense::sure(self.opaque(&text(), reason, guard.clone(), span));
        if may_end {
            let beyond = self.opaque(&format!("{} goes beyond the packet", text()), reason, guard, span);
            sense = sense.ending(Vec::new(), 0, beyond);
        }
        Ok(if of_packet { self.of_packet(sense, text, span) } else { sense })
    }

    pub(super) fn hole(&self, asked: &Asked<'_>, over: Condition) -> Condition {
        self.opaque(&(asked.text)(), REASON, over, asked.span)
    }

    pub(super) fn inet(&self, guard: Condition, asked: &Asked<'_>) -> Sense {
        let end = asked.at.saturating_add(asked.size.into());
        if end <= INET {
            let read = octets::read(octets::INET, asked.at, asked.size, asked.words, asked.span);
            let condition = read.map_or_else(|| self.hole(asked, guard.clone()), |read| read.condition);
            return Sense::sure(Condition::and([guard, condition]));
        }
        // Less than 5 words is malformed, and nobody knows what is where then.
        let options = test(Field::HdrLen, ValueSet::of((0..16).filter(|words| *words != 5)), asked.span);
        let Some(at) = asked.at.checked_sub(INET) else {
            // Half in the header and half behind it.
            return self.unknown(guard, asked);
        };
        // Without options the octets behind the fixed header are those behind the header.
        let plain = Condition::and([guard.clone(), single(Field::HdrLen, 5, asked.span)]);
        let behind = self.raw(plain, &[], &Asked { at, ..*asked });
        let with_options = self.unknown(Condition::and([guard, options]), asked);
        behind.beside(with_options)
    }

    /// Octets that no field holds and that may be missing.
    pub(super) fn unknown(&self, guard: Condition, asked: &Asked<'_>) -> Sense {
        let truth = self.hole(asked, guard.clone());
        let what = format!("{} goes beyond the packet", (asked.text)());
        let beyond = self.opaque(&what, REASON, guard, asked.span);
        Sense::sure(truth).ending(Vec::new(), 0, beyond)
    }

    pub(super) fn inet6(&self, guard: Condition, asked: &Asked<'_>) -> Sense {
        let end = asked.at.saturating_add(asked.size.into());
        if end <= INET6 {
            let read = octets::read(octets::INET6, asked.at, asked.size, asked.words, asked.span);
            let condition = read.map_or_else(|| self.hole(asked, guard.clone()), |read| read.condition);
            let mut condition = Condition::and([guard.clone(), condition]);
            // A jumbogram has a payload length of 0, and no length as a field (RFC 2675 §3).
            if asked.at == 4 && asked.size == 2 && asked.words.ranges(16).is_some_and(|set| set.contains(0)) {
                let none = Condition::not(Condition::present(Field::Len));
                condition = Condition::or([condition, Condition::and([guard, none])]);
            }
            return Sense::sure(condition);
        }
        let Some(at) = asked.at.checked_sub(INET6) else { return self.unknown(guard, asked) };
        let span = asked.span;
        let chain = |bits: [u32; 2]| test(Field::ExtHdrs, ValueSet::of(bits), span);
        let plain = Condition::and([guard.clone(), chain([0, ext::ESP])]);
        let plain = self.raw(plain, &[], &Asked { at, ..*asked });
        let fragment = Condition::and([guard.clone(), single(Field::ProtoField, 44, span)]);
        let alone = chain([ext::FRAGMENT, ext::FRAGMENT | ext::ESP]);
        let fragment = if at >= FRAGMENT {
            let behind = Asked { at: at - FRAGMENT, ..*asked };
            let only = self.raw(Condition::and([fragment.clone(), alone.clone()]), &[], &behind);
            only.beside(self.unknown(Condition::and([fragment, Condition::not(alone)]), asked))
        } else if at == 0 && asked.size == 1 {
            Sense::sure(Condition::and([fragment, self.behind_fragment(alone, asked)]))
        } else {
            match octets::read(octets::FRAGMENT, at, asked.size, asked.words, span) {
                Some(read) => Sense::sure(Condition::and([fragment, read.condition])),
                None => self.unknown(fragment, asked),
            }
        };
        let others = EXTENSIONS.iter().copied().filter(|number| *number != 44);
        let others = Condition::and([guard, test(Field::ProtoField, ValueSet::of(others), span)]);
        plain.beside(fragment).beside(self.unknown(others, asked))
    }

    /// The next header that a fragment header behind the fixed header names.
    fn behind_fragment(&self, alone: Condition, asked: &Asked<'_>) -> Condition {
        let span = asked.span;
        let set = asked.words.ranges(8).unwrap_or_else(IntervalSet::full);
        let last = Condition::and([alone, Condition::present(Field::Proto)]);
        let named = Condition::and([last.clone(), test(Field::Proto, ValueSet::from(set.clone()), span)]);
        let wanted = EXTENSIONS.iter().filter(|number| set.contains(**number)).count();
        // Another extension header stands there; which one is known only where there is but one more.
        let more = Condition::not(last);
        Condition::or([
            named,
            match wanted {
                0 => Condition::False,
                _ if wanted == EXTENSIONS.len() => more,
                _ => self.hole(asked, more),
            },
        ])
    }

    /// Octets behind the IP headers of any packet of `guard`, later fragments included.
    fn raw(&self, guard: Condition, places: &[Place], asked: &Asked<'_>) -> Sense {
        let header = [octets::RAW_WHOLE, octets::RAW]
            .into_iter()
            .find(|header| octets::read(header, asked.at, asked.size, asked.words, asked.span).is_some());
        if let Some(header) = header {
            return self.transport(&Transport { guard, header, places }, asked);
        }
        // Only what TCP has there has fields, and a key of GRE behind its checksum.
        let span = asked.span;
        let first = |protocol: u32| [single(Field::Proto, protocol, span), single(Field::FragOff, 0, span)];
        let bits = |field, mask: u128, value: u128| test(field, ValueSet::bits(value, mask), span);
        let keyed = [bits(Field::RawOctet0, 0xa0, 0xa0), bits(Field::RawOctet1, 7, 0)];
        let mut known = vec![(Condition::and(first(6)), octets::TCP)];
        if (asked.at, asked.size) == (8, 4) {
            known.push((Condition::and(first(47).into_iter().chain(keyed)), octets::GRE_KEY));
        }
        let others = known.iter().map(|(packets, _)| Condition::not(packets.clone()));
        let others = Condition::and([guard.clone()].into_iter().chain(others));
        let others = self.transport(&Transport { guard: others, header: octets::RAW, places }, asked);
        let known = known.into_iter().map(|(packets, header)| {
            let guard = Condition::and([guard.clone(), packets]);
            self.transport(&Transport { guard, header, places }, asked)
        });
        known.fold(others, Sense::beside)
    }

    fn transport(&self, transport: &Transport<'_>, asked: &Asked<'_>) -> Sense {
        let Transport { guard, header, places } = transport;
        let span = asked.span;
        let end = asked.at.saturating_add(asked.size.into());
        let counted = |lo: u32, hi: u32| test(Field::L4Room, ValueSet::range(lo, hi), span);
        let there = counted(end.min(COUNTED), COUNTED);
        let read = octets::read(header, asked.at, asked.size, asked.words, span);
        let truth = match read {
            Some(read) if read.least < end || read.room > end => {
                let short = match read.room.checked_sub(end) {
                    Some(1..) => self.short(asked, counted(end, read.room - 1)),
                    _ => Condition::False,
                };
                let there = if read.least < end { there } else { Condition::True };
                Condition::or([Condition::and([there, read.condition]), short])
            }
            Some(read) => read.condition,
            None => self.hole(asked, there),
        };
        let mut beyond = Condition::and([guard.clone(), counted(0, end.min(COUNTED) - 1)]);
        if end > COUNTED {
            let what = format!("{} goes beyond the packet", (asked.text)());
            let may = Condition::and([guard.clone(), counted(COUNTED, COUNTED)]);
            beyond = Condition::or([beyond, self.opaque(&what, REASON, may, span)]);
        }
        let sense = Sense::sure(Condition::and([guard.clone(), truth]));
        let sense = sense.ending(places.to_vec(), end.min(COUNTED), beyond);
        sense.never_false(places, end.min(COUNTED)).never_true(places, end.min(COUNTED))
    }

    /// Octets that a field ends behind, of packets that end before it does: of some protocols they are a field.
    fn short(&self, asked: &Asked<'_>, packets: Condition) -> Condition {
        let span = asked.span;
        let mut either = Vec::new();
        let mut known = Vec::new();
        for (protocols, header) in [(&[17, 136][..], octets::UDP), (&[1], octets::ICMP)] {
            let read = octets::read(header, asked.at, asked.size, asked.words, span);
            let Some(read) = read.filter(|read| read.room <= asked.at + u32::from(asked.size)) else {
                continue;
            };
            let located = Condition::and([
                test(Field::Proto, ValueSet::of(protocols.iter().copied()), span),
                single(Field::FragOff, 0, span),
            ]);
            known.push(Condition::not(located.clone()));
            either.push(Condition::and([packets.clone(), located, read.condition]));
        }
        let others = Condition::and([packets].into_iter().chain(known));
        either.push(self.hole(asked, others));
        Condition::or(either)
    }

    /// Octets of ARP; a frame of Ethernet may be that short.
    pub(super) fn arp(&self, guard: Condition, asked: &Asked<'_>) -> Sense {
        if guard == Condition::False {
            return Sense::sure(Condition::False);
        }
        let end = asked.at.saturating_add(asked.size.into());
        // The shortest field that ends no earlier tells whether the octets are there.
        let field = match end {
            0..=8 => Field::ArpOp,
            9..=18 => Field::ArpSender,
            _ => Field::ArpTarget,
        };
        match octets::read(octets::ARP, asked.at, asked.size, asked.words, asked.span) {
            Some(read) if matches!((asked.at, asked.size), (6, 2) | (14 | 24, 4)) => {
                let missing = Condition::not(Condition::present(field));
                let places = [Place::Arp];
                let beyond = Condition::and([guard.clone(), missing]);
                Sense::sure(Condition::and([guard, read.condition]))
                    .ending(places.to_vec(), end, beyond)
                    .never_false(&places, end)
                    .never_true(&places, end)
            }
            _ => self.unknown(guard, asked),
        }
    }
}

/// The packets that have as many octets behind the IP header as the words say; the count stops.
fn room(words: &Words, unknown: &dyn Fn() -> Condition, span: Span) -> Condition {
    let Some(set) = words.ranges(16) else { return unknown() };
    let exact = set.intersection(&IntervalSet::range(0, COUNTED - 1));
    let above = IntervalSet::range(COUNTED, 0xffff);
    let all = above.is_subset(&set);
    let counted = if all { exact.union(&IntervalSet::single(COUNTED)) } else { exact };
    let known = test(Field::L4Room, ValueSet::from(counted), span);
    if all || above.intersection(&set).is_empty() {
        return known;
    }
    let many = single(Field::L4Room, COUNTED, span);
    Condition::or([known, Condition::and([many, unknown()])])
}
