//! What follows the IP headers.

use crate::field::{FIELDS, Field, Headers, L4Status};
use pnet::packet::tcp::TcpPacket;

/// How many octets behind the IP headers any field reads, GRE keys aside.
const WINDOW: usize = 16;

/// Where the transport header of a packet that is no later fragment is.
#[inline]
pub(super) fn status(protocol: u8) -> L4Status {
    match protocol {
        50 => L4Status::Encrypted,
        59 => L4Status::None,
        _ => L4Status::Located,
    }
}

/// Sets the transport fields: `captured` of the `room` octets the packet had behind its IP headers. Says whether
/// the capture cut any.
#[inline]
pub(super) fn decode(
    protocol: Option<u8>,
    status: L4Status,
    captured: &[u8],
    room: usize,
    headers: &mut Headers,
) -> bool {
    let counted = u32::try_from(room).unwrap_or(u32::MAX).min(31);
    headers.set_all([(Field::L4Status, status as u32), (Field::L4Room, counted)]);
    if let Some(window) = captured.first_chunk::<WINDOW>() {
        fields(protocol, status, window, headers);
        return protocol == Some(47) && gre_key(status, captured, room, headers);
    }
    let mut padded = [0; WINDOW];
    padded.iter_mut().zip(captured).for_each(|(to, from)| *to = *from);
    fields(protocol, status, &padded, headers);
    let gre = protocol == Some(47) && gre_key(status, captured, room, headers);
    trim(captured.len(), room, headers) || gre
}

#[inline]
fn fields(protocol: Option<u8>, status: L4Status, window: &[u8; WINDOW], headers: &mut Headers) {
    let [o0, o1, o2, o3, o4, o5, o6, o7, .., o13, _, _] = *window;
    let word0 = u32::from_be_bytes([o0, o1, o2, o3]);
    let word1 = u32::from_be_bytes([o4, o5, o6, o7]);
    headers.set_all([
        (Field::RawPort0, word0 >> 16),
        (Field::RawPort1, word0 & 0xffff),
        (Field::RawOctet0, u32::from(o0)),
        (Field::RawOctet1, u32::from(o1)),
        (Field::RawOctet13, u32::from(o13)),
        (Field::RawWord0, word0),
        (Field::RawWord1, word1),
    ]);
    match (protocol, status) {
        (Some(6), L4Status::Located) => tcp(word0, window, headers),
        (Some(17 | 136), L4Status::Located) => {
            headers.set_all([
                (Field::Sport, word0 >> 16),
                (Field::Dport, word0 & 0xffff),
                (Field::UdpLen, word1 >> 16),
            ]);
        }
        (Some(33 | 132), L4Status::Located) => {
            headers.set_all([(Field::Sport, word0 >> 16), (Field::Dport, word0 & 0xffff)]);
        }
        (Some(1), L4Status::Located) => {
            headers.set_all([
                (Field::IcmpType, u32::from(o0)),
                (Field::IcmpCode, u32::from(o1)),
                (Field::IcmpId, word1 >> 16),
                (Field::IcmpMtu, word1 & 0xffff),
            ]);
        }
        (Some(58), L4Status::Located) => {
            headers.set_all([(Field::Icmp6Type, u32::from(o0)), (Field::Icmp6Code, u32::from(o1))]);
        }
        (Some(2), L4Status::Located) => headers.set(Field::IgmpType, u32::from(o0)),
        (Some(50), L4Status::Encrypted) => headers.set(Field::EspSpi, word0),
        // In IPv4 it is a protocol; in IPv6 the walk has passed it.
        (Some(51), L4Status::Located) => headers.set(Field::AhSpi, word1),
        _ => {}
    }
}

#[inline]
fn tcp(word0: u32, window: &[u8; WINDOW], headers: &mut Headers) {
    // The view wants a whole header; what it reads of it stands in the window.
    let mut header = [0; 20];
    header.iter_mut().zip(window).for_each(|(to, from)| *to = *from);
    let Some(view) = TcpPacket::new(&header) else { return };
    headers.set_all([
        (Field::Sport, word0 >> 16),
        (Field::Dport, word0 & 0xffff),
        (Field::TcpSeq, view.get_sequence()),
        (Field::TcpAck, view.get_acknowledgement()),
        (Field::TcpDataOff, u32::from(view.get_data_offset())),
        (Field::TcpFlags, u32::from(view.get_reserved()) << 8 | u32::from(view.get_flags())),
        (Field::TcpWindow, u32::from(view.get_window())),
    ]);
}

/// The fields were set from octets padded with zeros: those beyond the packet are absent, those beyond the
/// capture are cut.
#[cold]
fn trim(captured: usize, room: usize, headers: &mut Headers) -> bool {
    let mut cut = false;
    for info in FIELDS {
        let place = match info.field {
            // Its place depends on the family; behind an IPv4 header it is here.
            Field::AhSpi if headers.small(Field::Proto) == Some(51) => Some(32),
            _ => info.l4_bit,
        };
        let Some(bit) = place else { continue };
        if headers.small(info.field).is_none() {
            continue;
        }
        let end = (usize::from(bit) + usize::from(info.width)).div_ceil(8);
        if end > room {
            headers.set_absent(info.field);
        } else if end > captured {
            headers.set_cut(info.field);
            cut = true;
        }
    }
    cut
}

/// The key of a GRE header of version 0 (RFC 2890 §2); it stands behind the checksum where there is one.
fn gre_key(status: L4Status, captured: &[u8], room: usize, headers: &mut Headers) -> bool {
    const CHECKSUM: u8 = 0x80;
    const KEY: u8 = 0x20;
    if status != L4Status::Located || room < 8 {
        return false;
    }
    let [flags, version, ..] = captured else {
        headers.set_cut(Field::GreKey);
        return true;
    };
    if flags & KEY == 0 || version & 7 != 0 {
        return false;
    }
    let at = if flags & CHECKSUM == 0 { 4 } else { 8 };
    match captured.get(at..at + 4).and_then(|o| o.first_chunk()) {
        Some(key) => headers.set(Field::GreKey, u32::from_be_bytes(*key)),
        None if room >= at + 4 => {
            headers.set_cut(Field::GreKey);
            return true;
        }
        None => {}
    }
    false
}
