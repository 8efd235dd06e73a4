//! What follows the IP headers.

use crate::field::{FIELDS, Field, Headers, L4Status, set_all};

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
    set_all!(headers, L4Status = status as u32, L4Room = counted);
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
    set_all!(
        headers,
        RawPort0 = word0 >> 16,
        RawPort1 = word0 & 0xffff,
        RawOctet0 = u32::from(o0),
        RawOctet1 = u32::from(o1),
        RawOctet13 = u32::from(o13),
        RawWord0 = word0,
        RawWord1 = word1
    );
    match (protocol, status) {
        (Some(6), L4Status::Located) => tcp(window, headers),
        (Some(17 | 136), L4Status::Located) => {
            set_all!(headers, Sport = word0 >> 16, Dport = word0 & 0xffff, UdpLen = word1 >> 16);
        }
        (Some(33 | 132), L4Status::Located) => {
            set_all!(headers, Sport = word0 >> 16, Dport = word0 & 0xffff);
        }
        (Some(1), L4Status::Located) => {
            set_all!(
                headers,
                IcmpType = u32::from(o0),
                IcmpCode = u32::from(o1),
                IcmpId = word1 >> 16,
                IcmpMtu = word1 & 0xffff
            );
        }
        (Some(58), L4Status::Located) => {
            set_all!(headers, Icmp6Type = u32::from(o0), Icmp6Code = u32::from(o1));
        }
        (Some(2), L4Status::Located) => headers.set(Field::IgmpType, u32::from(o0)),
        (Some(50), L4Status::Encrypted) => headers.set(Field::EspSpi, word0),
        // In IPv4 it is a protocol; in IPv6 the walk has passed it.
        (Some(51), L4Status::Located) => headers.set(Field::AhSpi, word1),
        _ => {}
    }
}

#[inline]
fn tcp(window: &[u8; WINDOW], headers: &mut Headers) {
    let [p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, high, low, w0, w1] = *window;
    set_all!(
        headers,
        Sport = u32::from(u16::from_be_bytes([p0, p1])),
        Dport = u32::from(u16::from_be_bytes([p2, p3])),
        TcpSeq = u32::from_be_bytes([s0, s1, s2, s3]),
        TcpAck = u32::from_be_bytes([a0, a1, a2, a3]),
        TcpDataOff = u32::from(high >> 4),
        TcpFlags = u32::from(high & 0xf) << 8 | u32::from(low),
        TcpWindow = u32::from(u16::from_be_bytes([w0, w1])),
    );
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
