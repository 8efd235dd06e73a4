//! Addresses: `gen_host`, `gen_host6`, `gen_mcode` and `gen_ecode` of gencode.c.

use super::super::link::{Carriage, Link};
use super::super::parse::shorten;
use super::super::sense::{Place, Sense};
use super::super::syntax::{Direction, Id, Kind, Mask, Proto, Qualifiers};
use super::super::words;
use super::primitive::{applied, modifier};
use super::{Fault, Lower, test};
use crate::dialect::raised;
use crate::field::Field;
use crate::ir::{Condition, ValueSet, ValueSetRef};
use crate::net::{IntervalSet, Prefix6};
use crate::source::Span;

const NAME: &str = "known to the host alone: what a name of a host or network is";

/// The addresses of a primitive.
#[derive(Clone, Debug)]
enum Addresses {
    Inet(ValueSet),
    Inet6(ValueSet),
}

impl Lower<'_> {
    pub(super) fn gateway(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
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

    pub(super) fn address(&self, q: Qualifiers, id: &Id<'_>, span: Span) -> Result<Sense, Fault> {
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
        if self.link.is_bare() && self.carriage == Carriage::default() {
            return Ok(Sense::sure(Condition::False));
        }
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
        if self.is_conjunction {
            return Ok(Sense::sure(Condition::and([guard, directed(direction, sender, target)])));
        }
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
}

/// The source's test, the destination's, both, or either.
pub(super) fn directed(direction: Option<Direction>, source: Condition, destination: Condition) -> Condition {
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
    let (mut address, mut octet, mut bits) = (0_u32, 0_u32, 8);
    for byte in text.bytes() {
        if byte == b'.' {
            (address, octet, bits) = (address << 8 | octet, 0, bits + 8);
        } else {
            octet = octet.saturating_mul(10).saturating_add(u32::from(byte.wrapping_sub(b'0')));
        }
        if octet > 255 {
            let message = format!("`{}` is no IPv4 address", shorten(text));
            return Err(Fault::range(message, span, "write octets up to 255"));
        }
    }
    Ok(((address << 8 | octet) << (32 - bits), bits))
}

fn dotted_with_mask(
    text: &str,
    mask: Option<Mask<'_>>,
    is_net: bool,
    span: Span,
) -> Result<(u32, u32), Fault> {
    let (address, bits) = dotted(text, span)?;
    let Some(given) = mask else { return Ok((address, u32::MAX << (32 - bits))) };
    let mask = match given {
        Mask::Length(length @ 0..=32) => u32::MAX.checked_shl(32 - length).unwrap_or(0),
        Mask::Length(length) => {
            let message = format!("netmask length {length} is greater than maximum 32");
            return Err(Fault::range(message, span, "write a length up to 32"));
        }
        Mask::Dotted(mask) => dotted(mask, span)?.0,
    };
    if !is_net {
        return Err(Fault::syntax("mask syntax for networks only", span, "write `net` instead of `host`"));
    }
    if address & !mask != 0 {
        return Err(match given {
            Mask::Length(length) => host_bits(&format!("{text}/{length}"), span),
            Mask::Dotted(mask) => host_bits(&format!("{text} mask {mask}"), span),
        });
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
