//! Headers to octets, from the IP header on.
//!
//! What the headers leave open is filled with what an ordinary packet has; checksums are right and lengths agree.
//! The octets are decoded again before they are given: a packet that would not read as asked is refused, with the
//! field that stands in the way.

mod inet;
mod transport;

use super::decode::decode_ip;
use crate::field::{FIELDS, Family, Field, Headers, L4Status, Layer, Need, Reading, ext};
use transport::Window;

/// Why no packet is built: a field that cannot be as asked beside the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no packet has {} {}, given its other fields", field.info().title, shown(*wanted))]
pub struct NotBuildable {
    /// The field.
    pub field: Field,
    /// What was asked for.
    pub wanted: Reading,
    /// What a packet would have.
    pub got: Reading,
}

fn shown(reading: Reading) -> String {
    match reading {
        Reading::Value(value) => format!("{value}"),
        Reading::Absent => "absent".to_owned(),
        Reading::Cut => "cut".to_owned(),
    }
}

/// The octets of a packet with these headers, from its IP header on. Absent and cut fields are left to the packet:
/// they get ordinary values where they belong. Fields of the link layer are not looked at.
///
/// ```
/// use flowgate::field::{Field, Headers};
/// use flowgate::packet::{build, decode_ip};
///
/// let mut wanted = Headers::new();
/// wanted.set(Field::Proto, 17);
/// wanted.set(Field::Dport, 53);
/// let octets = build(&wanted)?;
/// let mut got = Headers::new();
/// decode_ip(&octets, &mut got);
/// assert_eq!(got.small(Field::Dport), Some(53));
/// # Ok::<(), flowgate::packet::NotBuildable>(())
/// ```
pub fn build(headers: &Headers) -> Result<Vec<u8>, NotBuildable> {
    build_and_read(headers).map(|(octets, _)| octets)
}

/// Fills what the headers leave open with the values of the packet [`build`] makes of them. Fields of the link
/// layer are kept as they are; what every packet has and only the device knows is cut where it is not said.
pub fn complete(headers: &mut Headers) -> Result<(), NotBuildable> {
    let (_, mut got) = build_and_read(headers)?;
    for info in FIELDS.iter().filter(|info| info.layer == Layer::Link) {
        match headers.get(info.field) {
            Reading::Value(value) => got.set_wide(info.field, value),
            Reading::Absent => got.set_absent(info.field),
            Reading::Cut => got.set_cut(info.field),
        }
    }
    got.cut_device();
    *headers = got;
    Ok(())
}

fn build_and_read(headers: &Headers) -> Result<(Vec<u8>, Headers), NotBuildable> {
    let octets = assemble(headers)?;
    let mut got = Headers::new();
    decode_ip(&octets, &mut got);
    for info in FIELDS.iter().filter(|info| info.layer != Layer::Link) {
        let (wanted, got) = (headers.get(info.field), got.get(info.field));
        if matches!(wanted, Reading::Value(_)) && wanted != got {
            return Err(NotBuildable { field: info.field, wanted, got });
        }
    }
    Ok((octets, got))
}

fn assemble(headers: &Headers) -> Result<Vec<u8>, NotBuildable> {
    let ask = Ask { headers };
    let v6 = ask.is_inet6();
    let protocol = ask.protocol(v6);
    let window = Window::new(headers, v6)?;
    let network = if v6 { inet::header6(&ask, protocol) } else { inet::header4(&ask, protocol) };
    let later = ask.small(Field::FragOff).unwrap_or(0) != 0;
    let located = !later && !ask.unlocatable();
    let room = ask.room(network.octets.len(), || window.default_room(protocol, later), &network);
    let payload = window.octets(protocol.filter(|_| located), room);
    let mut octets = network.octets;
    let header_length = octets.len();
    octets.extend(payload);
    let total = ask.small(Field::Len).map_or(octets.len(), |len| len as usize);
    inet::write_length(&mut octets, v6, total);
    if located && ask.small(Field::Mf).unwrap_or(0) == 0 {
        window.write_checksum(protocol, &mut octets, header_length, v6);
    }
    if !v6 {
        inet::write_checksum4(&mut octets);
    }
    Ok(octets)
}

/// The headers asked for, and what follows from them.
struct Ask<'a> {
    headers: &'a Headers,
}

impl Ask<'_> {
    fn small(&self, field: Field) -> Option<u32> {
        self.headers.small(field)
    }

    fn wide(&self, field: Field) -> Option<u128> {
        match self.headers.get(field) {
            Reading::Value(value) => Some(value),
            Reading::Absent | Reading::Cut => None,
        }
    }

    fn has(&self, field: Field) -> bool {
        matches!(self.headers.get(field), Reading::Value(_))
    }

    fn is_inet6(&self) -> bool {
        let of6 = |need: &Need| need.field == Field::IpVersion && need.values == [(6, 6)];
        match self.small(Field::IpVersion) {
            Some(version) => version == 6,
            None => {
                self.small(Field::Proto) == Some(58)
                    || self.has(Field::Icmp6Type)
                    || self.has(Field::Icmp6Code)
                    || FIELDS.iter().any(|info| {
                        (info.family == Family::Inet6 || info.needs.iter().any(of6)) && self.has(info.field)
                    })
            }
        }
    }

    fn unlocatable(&self) -> bool {
        self.small(Field::L4Status) == Some(L4Status::Unlocatable as u32)
    }

    /// The protocol: as asked, or the one whose fields are asked for. None where the IPv6 chain must not end.
    fn protocol(&self, v6: bool) -> Option<u8> {
        let fixed = self.small(Field::ProtoField).and_then(|p| u8::try_from(p).ok());
        let fixed = fixed.filter(|p| !v6 || ext::walked(*p).is_none());
        if let Some(protocol) = self.small(Field::Proto).and_then(|p| u8::try_from(p).ok()).or(fixed) {
            return Some(protocol);
        }
        let later = self.small(Field::L4Status) == Some(L4Status::NonFirstFragment as u32);
        if v6 && (self.unlocatable() || later) {
            return None;
        }
        let of = |fields: &[Field]| fields.iter().any(|field| self.has(*field));
        Some(match self.small(Field::L4Status) {
            Some(2) => 50,
            Some(3) => 59,
            _ if of(&[Field::EspSpi]) => 50,
            _ if of(&[Field::Icmp6Type, Field::Icmp6Code]) => 58,
            _ if of(&[Field::IcmpType, Field::IcmpCode, Field::IcmpId, Field::IcmpMtu]) => 1,
            _ if of(&[Field::IgmpType]) => 2,
            _ if of(&[Field::GreKey]) => 47,
            _ if !v6 && of(&[Field::AhSpi]) => 51,
            _ if of(&[
                Field::TcpFlags,
                Field::TcpDataOff,
                Field::TcpWindow,
                Field::TcpSeq,
                Field::TcpAck,
            ]) =>
            {
                6
            }
            _ => 17,
        })
    }

    /// Octets behind the IP headers.
    fn room(&self, header: usize, default: impl FnOnce() -> usize, network: &inet::Network) -> usize {
        if let Some(room) = network.room {
            return room;
        }
        match (self.small(Field::Len), self.small(Field::L4Room)) {
            (Some(length), _) => (length as usize).saturating_sub(header),
            // The count stops at 31: more is as good.
            (None, Some(31)) => default().max(31),
            (None, Some(room)) => room as usize,
            (None, None) => default(),
        }
    }
}
