//! IPv4 with options, IPv6 with its chain of extension headers.

use super::{Decoded, Malformed, Octets, cut_absent, transport};
use crate::field::{FIELDS, Field, Headers, L4Status, Need, Reading, ext, ip_option_bit, set_all};
use pnet::packet::ipv4::Ipv4Packet;
use pnet::packet::ipv6::Ipv6Packet;

/// Decodes the packet that begins at `octets`; `version` is what the link layer announces.
#[inline]
pub(super) fn decode(octets: Octets<'_>, version: Option<u8>, headers: &mut Headers) -> Decoded {
    let Some(first) = octets.captured.first() else {
        return short(octets, headers);
    };
    match (first >> 4, version) {
        (4, Some(4) | None) => inet(octets, headers),
        (6, Some(6) | None) => inet6(octets, headers),
        _ => unknown(Malformed::Version, octets, headers),
    }
}

/// The IP header does not even begin.
#[cold]
fn short(octets: Octets<'_>, headers: &mut Headers) -> Decoded {
    if octets.sent == 0 {
        return unknown(Malformed::FrameTooShort, octets, headers);
    }
    cut_absent(headers);
    Decoded::Truncated
}

fn malformed(kind: Malformed, octets: Octets<'_>) -> Decoded {
    Decoded::Malformed { kind, at: octets.position() }
}

/// Not even an IP header can be found: nobody knows what whoever reads on takes for one.
#[cold]
fn unknown(kind: Malformed, octets: Octets<'_>, headers: &mut Headers) -> Decoded {
    cut_absent(headers);
    malformed(kind, octets)
}

/// No transport header can be found, and the packet is to blame.
#[cold]
fn unlocatable(kind: Malformed, octets: Octets<'_>, headers: &mut Headers) -> Decoded {
    headers.set(Field::L4Status, L4Status::Unlocatable as u32);
    headers.set(Field::L4Room, 0);
    malformed(kind, octets)
}

/// The last octet of each field of the fixed IPv4 header.
const INET_ENDS: &[(Field, usize)] = &[
    (Field::IpVersion, 1),
    (Field::HdrLen, 1),
    (Field::Dscp, 2),
    (Field::Ecn, 2),
    (Field::Len, 4),
    (Field::IpId, 6),
    (Field::ReservedFlag, 7),
    (Field::Df, 7),
    (Field::Mf, 7),
    (Field::FragOff, 8),
    (Field::Ttl, 9),
    (Field::Proto, 10),
    (Field::ProtoField, 10),
    (Field::Src4, 16),
    (Field::Dst4, 20),
];

const INET6_ENDS: &[(Field, usize)] = &[
    (Field::IpVersion, 1),
    (Field::Dscp, 2),
    (Field::Ecn, 2),
    (Field::FlowLabel, 4),
    (Field::Len, 6),
    (Field::ProtoField, 7),
    (Field::Ttl, 8),
    (Field::Src6, 24),
    (Field::Dst6, 40),
];

/// A fixed header that is not all there: its fields were set from octets padded with zeros. Those beyond the
/// octets are taken back, and nothing behind the header is known.
#[cold]
fn partial(ends: &[(Field, usize)], size: usize, octets: Octets<'_>, headers: &mut Headers) -> Decoded {
    for (field, end) in ends {
        if *end > octets.captured.len() {
            headers.set_cut(*field);
        }
    }
    cut_absent(headers);
    forget_impossible(headers);
    if octets.sent < size { malformed(Malformed::FrameTooShort, octets) } else { Decoded::Truncated }
}

/// Fields that the packet cannot have by what is known of it are absent, whatever was cut.
fn forget_impossible(headers: &mut Headers) {
    for info in FIELDS {
        let fails = |need: &Need| match headers.get(need.field) {
            Reading::Value(value) => {
                !need.values.iter().any(|(lo, hi)| (u128::from(*lo)..=u128::from(*hi)).contains(&value))
            }
            Reading::Absent => true,
            Reading::Cut => false,
        };
        if headers.get(info.field) == Reading::Cut && info.needs.iter().any(fails) {
            headers.set_absent(info.field);
        }
    }
}

#[inline]
fn inet(octets: Octets<'_>, headers: &mut Headers) -> Decoded {
    const SIZE: usize = 20;
    let Some(header) = octets.captured.first_chunk::<SIZE>() else {
        let mut padded = [0; SIZE];
        padded.iter_mut().zip(octets.captured).for_each(|(to, from)| *to = *from);
        inet_fields(&padded, headers);
        return partial(INET_ENDS, SIZE, octets, headers);
    };
    let Some(Fixed { header_length, total, protocol, offset }) = inet_fields(header, headers) else {
        return malformed(Malformed::FrameTooShort, octets);
    };
    if header_length == SIZE {
        headers.set(Field::IpOptions, 0);
    } else if let Some(end) = inet_options(octets, header_length, headers) {
        return end;
    }
    if total < header_length {
        return unlocatable(Malformed::TotalLength, octets, headers);
    }
    let sent = total.min(octets.sent);
    if sent < header_length {
        return unlocatable(Malformed::LengthBeyondFrame, octets, headers);
    }
    let captured = octets.captured.get(header_length..sent.min(octets.captured.len())).unwrap_or(&[]);
    let status = if offset == 0 { transport::status(protocol) } else { L4Status::NonFirstFragment };
    let cut = transport::decode(Some(protocol), status, captured, sent - header_length, headers);
    if total > octets.sent {
        malformed(Malformed::LengthBeyondFrame, octets)
    } else if cut {
        Decoded::Truncated
    } else {
        Decoded::Whole
    }
}

struct Fixed {
    header_length: usize,
    total: usize,
    protocol: u8,
    offset: u16,
}

#[inline]
fn inet_fields(header: &[u8; 20], headers: &mut Headers) -> Option<Fixed> {
    let view = Ipv4Packet::new(header)?;
    let flags = u32::from(view.get_flags());
    let words = view.get_header_length();
    let total = view.get_total_length();
    let protocol = view.get_next_level_protocol().0;
    let offset = view.get_fragment_offset();
    set_all!(
        headers,
        IpVersion = 4,
        HdrLen = u32::from(words),
        Dscp = u32::from(view.get_dscp()),
        Ecn = u32::from(view.get_ecn()),
        Len = u32::from(total),
        IpId = u32::from(view.get_identification()),
        ReservedFlag = flags >> 2 & 1,
        Df = flags >> 1 & 1,
        Mf = flags & 1,
        IsFragHeader = 1,
        FragOff = u32::from(offset),
        Ttl = u32::from(view.get_ttl()),
        Proto = u32::from(protocol),
        ProtoField = u32::from(protocol),
        Src4 = view.get_source().to_bits(),
        Dst4 = view.get_destination().to_bits()
    );
    Some(Fixed { header_length: usize::from(words) * 4, total: usize::from(total), protocol, offset })
}

/// Reads the options of a header that is not of five words; something is returned where that ends decoding.
#[cold]
fn inet_options(octets: Octets<'_>, header_length: usize, headers: &mut Headers) -> Option<Decoded> {
    if header_length < 20 {
        headers.set(Field::IpOptions, 0);
        return Some(unlocatable(Malformed::HeaderLength, octets, headers));
    }
    let end = header_length.min(octets.captured.len());
    let mut rest = octets.captured.get(20..end).unwrap_or(&[]);
    let cut = end < header_length;
    let mut seen = 0;
    let sound = loop {
        match *rest {
            [] => break !cut,
            [0, ..] => {
                seen |= ip_option_bit(0);
                break true;
            }
            [1, ref more @ ..] => {
                seen |= ip_option_bit(1);
                rest = more;
            }
            [kind, length, ..] if length >= 2 && rest.len() >= usize::from(length) => {
                seen |= ip_option_bit(kind);
                rest = rest.get(usize::from(length)..).unwrap_or(&[]);
            }
            [..] => break false,
        }
    };
    headers.set(Field::IpOptions, seen);
    if sound {
        return None;
    }
    if octets.captured.len() < octets.sent.min(header_length) {
        headers.set_cut(Field::IpOptions);
    }
    // A frame that was sent that short is to blame itself; what follows finds it out.
    if cut && octets.sent >= header_length {
        cut_absent(headers);
        forget_impossible(headers);
        return Some(Decoded::Truncated);
    }
    if octets.captured.len() < octets.sent.min(header_length) {
        headers.set_cut(Field::IpOptions);
    }
    let kind = if cut { Malformed::LengthBeyondFrame } else { Malformed::Options };
    Some(unlocatable(kind, octets, headers))
}

fn inet6(octets: Octets<'_>, headers: &mut Headers) -> Decoded {
    const SIZE: usize = 40;
    let Some(header) = octets.captured.first_chunk::<SIZE>() else {
        let mut padded = [0; SIZE];
        padded.iter_mut().zip(octets.captured).for_each(|(to, from)| *to = *from);
        inet6_fields(&padded, headers);
        let decoded = partial(INET6_ENDS, SIZE, octets, headers);
        let next = headers.get(Field::ProtoField);
        if octets.sent > SIZE
            && headers.small(Field::Len) == Some(40)
            && matches!(next, Reading::Cut | Reading::Value(0))
        {
            // A jumbogram has no length, and whether it is one is in the octets cut.
            headers.set_cut(Field::Len);
        }
        return decoded;
    };
    let Some((next, payload)) = inet6_fields(header, headers) else {
        return malformed(Malformed::FrameTooShort, octets);
    };
    let mut total = SIZE + usize::from(payload);
    if payload == 0 && next == HOP_BY_HOP {
        match jumbo_payload(octets.skip(SIZE)) {
            Jumbo::No => {}
            Jumbo::Length(length) => {
                headers.set_absent(Field::Len);
                total = SIZE.saturating_add(length);
            }
            // Without the length nobody can say whether even this header is inside the packet.
            Jumbo::Cut => {
                headers.set_cut(Field::Len);
                return cut_chain(&Chain::default(), headers);
            }
        }
    }
    let sent = total.min(octets.sent);
    let captured = octets.captured.get(..sent.min(octets.captured.len())).unwrap_or(&[]);
    let packet = Octets { captured, sent, at: octets.at };
    let decoded = chain(packet, next, headers);
    if total > octets.sent && decoded == Decoded::Whole {
        return malformed(Malformed::LengthBeyondFrame, octets);
    }
    decoded
}

#[inline]
fn inet6_fields(header: &[u8; 40], headers: &mut Headers) -> Option<(u8, u16)> {
    let view = Ipv6Packet::new(header)?;
    let class = u32::from(view.get_traffic_class());
    let payload = view.get_payload_length();
    let next = view.get_next_header().0;
    headers.set(Field::IpVersion, 6);
    headers.set(Field::Dscp, class >> 2);
    headers.set(Field::Ecn, class & 3);
    headers.set(Field::FlowLabel, view.get_flow_label());
    headers.set(Field::Len, u32::from(payload) + 40);
    headers.set(Field::ProtoField, u32::from(next));
    headers.set(Field::Ttl, u32::from(view.get_hop_limit()));
    headers.set_wide(Field::Src6, view.get_source().to_bits());
    headers.set_wide(Field::Dst6, view.get_destination().to_bits());
    Some((next, payload))
}

enum Jumbo {
    No,
    Length(usize),
    Cut,
}

/// The jumbo payload option of a hop-by-hop header (RFC 2675 §2).
fn jumbo_payload(octets: Octets<'_>) -> Jumbo {
    let [_, words] = match octets.header::<2>() {
        Ok(header) => *header,
        Err(short) => return if short.cut { Jumbo::Cut } else { Jumbo::No },
    };
    let size = (usize::from(words) + 1) * 8;
    let mut rest = octets.captured.get(2..size.min(octets.captured.len())).unwrap_or(&[]);
    loop {
        match *rest {
            [0, ref more @ ..] => rest = more,
            [0xc2, 4, a, b, c, d, ..] => {
                return usize::try_from(u32::from_be_bytes([a, b, c, d])).map_or(Jumbo::No, Jumbo::Length);
            }
            [_, length, ref more @ ..] if more.len() >= usize::from(length) => {
                rest = more.get(usize::from(length)..).unwrap_or(&[]);
            }
            [..] if octets.captured.len() < size.min(octets.sent) => return Jumbo::Cut,
            [..] => return Jumbo::No,
        }
    }
}

const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

/// What the walk has seen so far.
#[derive(Default)]
struct Chain {
    seen: u32,
    // The last fragment header.
    fragment: Option<Fragment>,
}

/// What a fragment header says.
#[derive(Clone, Copy)]
struct Fragment {
    offset: u16,
    more: bool,
    id: u32,
}

impl Chain {
    fn write(&self, headers: &mut Headers) {
        headers.set(Field::ExtHdrs, self.seen);
        headers.set(Field::IsFragHeader, u32::from(self.fragment.is_some()));
        headers.set(Field::FragOff, self.fragment.map_or(0, |fragment| u32::from(fragment.offset)));
        if let Some(fragment) = self.fragment {
            headers.set(Field::Mf, u32::from(fragment.more));
            headers.set(Field::FragId, fragment.id);
        }
    }
}

/// Walks the extension headers of `packet`, which ends where its length says, and decodes what follows them.
fn chain(packet: Octets<'_>, first: u8, headers: &mut Headers) -> Decoded {
    let mut chain = Chain::default();
    let mut next = first;
    let mut octets = packet.skip(40);
    while let Some(bit) = ext::walked(next) {
        chain.seen |= bit;
        let step = match extension(next, octets) {
            Ok(step) if step.length <= octets.sent => step,
            Err(short) if short.cut => return cut_chain(&chain, headers),
            Ok(_) | Err(_) => {
                chain.write(headers);
                return unlocatable(Malformed::ExtensionHeaders, octets, headers);
            }
        };
        // Of several, the first is the one that counts.
        if next == AUTHENTICATION && headers.get(Field::AhSpi) == Reading::Absent {
            match step.spi {
                Some(spi) => headers.set(Field::AhSpi, spi),
                None => headers.set_cut(Field::AhSpi),
            }
        }
        octets = octets.skip(step.length);
        next = step.next;
        if let Some(fragment) = step.fragment {
            chain.fragment = Some(fragment);
            if fragment.offset != 0 {
                chain.write(headers);
                let protocol = ext::walked(next).is_none().then_some(next);
                return finish(protocol, L4Status::NonFirstFragment, octets, headers);
            }
        }
    }
    if next == 50 {
        chain.seen |= ext::ESP;
    }
    chain.write(headers);
    finish(Some(next), transport::status(next), octets, headers)
}

fn finish(protocol: Option<u8>, status: L4Status, octets: Octets<'_>, headers: &mut Headers) -> Decoded {
    if let Some(protocol) = protocol {
        headers.set(Field::Proto, u32::from(protocol));
    }
    let cut = transport::decode(protocol, status, octets.captured, octets.sent, headers);
    if cut { Decoded::Truncated } else { Decoded::Whole }
}

/// What else follows nobody can say: another fragment or authentication header would have the last word.
#[cold]
fn cut_chain(chain: &Chain, headers: &mut Headers) -> Decoded {
    if chain.fragment.is_some() {
        headers.set(Field::IsFragHeader, 1);
    }
    headers.set_cut(Field::AhSpi);
    cut_absent(headers);
    forget_impossible(headers);
    Decoded::Truncated
}

struct Step {
    next: u8,
    length: usize,
    fragment: Option<Fragment>,
    spi: Option<u32>,
}

/// One extension header. Only the octets that say where the next one is must have been captured.
fn extension(kind: u8, octets: Octets<'_>) -> Result<Step, super::Short> {
    if kind == FRAGMENT {
        let [next, _, high, low, id @ ..] = *octets.header::<8>()?;
        let word = u16::from_be_bytes([high, low]);
        let fragment = Fragment { offset: word >> 3, more: word & 1 == 1, id: u32::from_be_bytes(id) };
        return Ok(Step { next, length: 8, fragment: Some(fragment), spi: None });
    }
    let [next, words] = *octets.header::<2>()?;
    if kind == AUTHENTICATION {
        // RFC 4302 §2.2: in words of four octets, less two.
        let length = (usize::from(words) + 2) * 4;
        let spi = octets.captured.get(4..8).and_then(|o| o.first_chunk()).map(|o| u32::from_be_bytes(*o));
        return Ok(Step { next, length, fragment: None, spi });
    }
    Ok(Step { next, length: (usize::from(words) + 1) * 8, fragment: None, spi: None })
}
