//! Odd packets: one packet as fragments, with options and extension headers, cut short, with strange flags.
//!
//! What a packet says in an ordinary place stays where a careless reader would look for it: a later fragment begins
//! with the octets that were the ports, and where those are not read but the IPv6 header is, they are in its flow label.

/// Octets of transport header that a packet may be cut after.
const CUTS: &[usize] = &[0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 14, 15, 19, 20, 23];
/// Offsets of later fragments, in units of 8 octets.
const OFFSETS: &[u16] = &[1, 2, 3, 185, 8189, 8191];
/// The flag that says that more fragments follow.
const MORE: u16 = 0x2000;
/// Octets behind which a fragment is too long for its offset.
const WHOLE: usize = 65_535;

/// Options of IPv4, each padded to words.
const OPTIONS: &[&[u8]] = &[
    &[1, 1, 1, 1],
    &[0, 0, 0, 0],
    // Record route, loose and strict source route, each with room for one address and its pointer at the end.
    &[7, 7, 8, 192, 0, 2, 1, 0],
    &[131, 7, 8, 192, 0, 2, 1, 0],
    &[137, 7, 8, 192, 0, 2, 1, 0],
    // Router alert; a stream identifier; a timestamp that is full; security.
    &[148, 4, 0, 0],
    &[136, 4, 0, 1],
    &[68, 4, 5, 0],
    &[1, 130, 3, 0],
    // The longest.
    &[
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1,
    ],
];

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// Chains of extension headers: each by its number, fragment headers with the offset and flag they carry.
const CHAINS: &[&[(u8, u16)]] = &[
    &[(HOP_BY_HOP, 0)],
    &[(ROUTING, 0)],
    &[(DESTINATION, 0)],
    &[(AUTHENTICATION, 0)],
    &[(MOBILITY, 0)],
    &[(HOST_IDENTITY, 0)],
    &[(SHIM6, 0)],
    &[(FRAGMENT, 0)],
    &[(FRAGMENT, 1)],
    &[(FRAGMENT, 1 << 3)],
    &[(FRAGMENT, 1 << 3 | 1)],
    &[(FRAGMENT, 2 << 3)],
    &[(FRAGMENT, 185 << 3)],
    &[(FRAGMENT, 8191 << 3)],
    &[(HOP_BY_HOP, 0), (ROUTING, 0), (DESTINATION, 0)],
    &[(HOP_BY_HOP, 0), (FRAGMENT, 0)],
    &[(HOP_BY_HOP, 0), (FRAGMENT, 185 << 3)],
    &[(DESTINATION, 0), (ROUTING, 0), (FRAGMENT, 1)],
    &[(ROUTING, 0), (FRAGMENT, 2 << 3), (DESTINATION, 0)],
    &[(FRAGMENT, 0), (DESTINATION, 0)],
    &[(FRAGMENT, 1), (DESTINATION, 0)],
    &[(FRAGMENT, 185 << 3), (DESTINATION, 0)],
    &[(FRAGMENT, 185 << 3), (AUTHENTICATION, 0)],
    &[(FRAGMENT, 185 << 3), (FRAGMENT, 0)],
    &[(AUTHENTICATION, 0), (DESTINATION, 0)],
    &[(AUTHENTICATION, 0), (FRAGMENT, 0)],
    &[(AUTHENTICATION, 0), (FRAGMENT, 185 << 3)],
    &[(AUTHENTICATION, 0), (AUTHENTICATION, 0)],
    &[(DESTINATION, 0), (AUTHENTICATION, 0)],
    &[(DESTINATION, 0), (DESTINATION, 0)],
    &[(DESTINATION, 0), (MOBILITY, 0)],
    &[(MOBILITY, 0), (AUTHENTICATION, 0)],
    &[(AUTHENTICATION, 0), (MOBILITY, 0)],
    &[(HOST_IDENTITY, 0), (DESTINATION, 0)],
];

/// The odd relatives of a packet, octets from the IP header on: one for each way of being odd. None of what is not
/// a sound IP packet without options and extension headers.
pub fn packets(packet: &[u8]) -> Vec<Vec<u8>> {
    match packet.first().map(|octet| octet >> 4) {
        Some(4) if packet.first() == Some(&0x45) => inet(packet).unwrap_or_default(),
        Some(6) => inet6(packet).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn inet(packet: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (header, payload) = packet.split_first_chunk::<20>()?;
    let protocol = header.get(9).copied()?;
    let mut list = Vec::new();
    let mut add = |flags: u16, options: &[u8], payload: &[u8]| {
        list.extend(four(header, flags, options, payload));
    };
    for flags in [MORE, 0x4000, 0x8000, 0xc000, 0x4000 | MORE] {
        add(flags, &[], payload);
    }
    for offset in OFFSETS {
        add(*offset, &[], payload);
        add(offset | MORE, &[], payload);
    }
    for options in OPTIONS {
        add(0, options, payload);
    }
    add(185, &[148, 4, 0, 0], payload);
    for cut in cuts(payload) {
        add(0, &[], cut);
    }
    for cut in cuts(payload).step_by(3) {
        add(MORE, &[], cut);
        add(1, &[], cut);
    }
    for payload in altered(protocol, payload) {
        add(0, &[], &payload);
    }
    // Octets behind the end of the packet, as short frames have.
    let mut padded = four(header, 0, &[], payload.get(..payload.len().min(4))?)?;
    padded.extend_from_slice(&[0x55; 22]);
    list.push(padded);
    Some(list)
}

/// An IPv4 packet with the addresses and fields of `header`.
fn four(header: &[u8; 20], flags: u16, options: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    let length = 20 + options.len() + payload.len();
    if usize::from(flags & 0x1fff) * 8 + length > WHOLE {
        // What does not fit is no fragment: the kernel refuses to keep it, but rules see it.
        return None;
    }
    let words = u8::try_from((20 + options.len()) / 4).ok()?;
    let mut out = header.to_vec();
    out.extend_from_slice(options);
    *out.first_mut()? = 0x40 | words;
    out.get_mut(2..4)?.copy_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
    out.get_mut(6..8)?.copy_from_slice(&flags.to_be_bytes());
    out.get_mut(10..12)?.copy_from_slice(&[0, 0]);
    let sum = checksum(&out);
    out.get_mut(10..12)?.copy_from_slice(&sum.to_be_bytes());
    out.extend_from_slice(payload);
    Some(out)
}

fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2).map(|pair| match *pair {
        [a, b] => u32::from(a) << 8 | u32::from(b),
        [a] => u32::from(a) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn inet6(packet: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (header, payload) = packet.split_first_chunk::<40>()?;
    let next = header.get(6).copied()?;
    if CHAINS.iter().flat_map(|chain| chain.iter()).any(|(kind, _)| *kind == next) {
        return None;
    }
    let mut list = Vec::new();
    for chain in CHAINS {
        let whole = six(header, chain, next, payload)?;
        list.push(whole);
    }
    // The ports where the header is read instead: version and label are its first four octets.
    if let [_, low, a, b, ..] = *payload {
        for chain in [&[(FRAGMENT, 185_u16 << 3)][..], &[(FRAGMENT, 1 << 3 | 1)], &[(AUTHENTICATION, 0)]] {
            let mut labelled = six(header, chain, next, payload)?;
            *labelled.get_mut(1)? = low;
            labelled.get_mut(2..4)?.copy_from_slice(&[a, b]);
            list.push(labelled);
        }
    }
    for cut in cuts(payload) {
        list.push(six(header, &[], next, cut)?);
    }
    for cut in cuts(payload).step_by(3) {
        list.push(six(header, &[(FRAGMENT, 1)], next, cut)?);
        list.push(six(header, &[(FRAGMENT, 1 << 3)], next, cut)?);
        list.push(six(header, &[(DESTINATION, 0)], next, cut)?);
    }
    for payload in altered(next, payload) {
        list.push(six(header, &[], next, &payload)?);
    }
    // Nothing behind, and what nobody can look into.
    for last in [59, 50] {
        list.push(six(header, &[], last, payload)?);
        list.push(six(header, &[(DESTINATION, 0)], last, payload)?);
        list.push(six(header, &[(FRAGMENT, 185 << 3)], last, payload)?);
    }
    Some(list)
}

/// An IPv6 packet with the fields of `header` and a chain of extension headers.
fn six(header: &[u8; 40], chain: &[(u8, u16)], last: u8, payload: &[u8]) -> Option<Vec<u8>> {
    let mut out = header.to_vec();
    let mut next_at = 6;
    for (kind, value) in chain {
        *out.get_mut(next_at)? = *kind;
        next_at = out.len();
        let [high, low] = value.to_be_bytes();
        match *kind {
            FRAGMENT => out.extend_from_slice(&[0, 0, high, low, 0, 0, 0x12, 0x34]),
            // Type 2 has one address, and no segment is left.
            ROUTING => out.extend_from_slice(&[
                0, 2, 2, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
            ]),
            AUTHENTICATION => out
                .extend_from_slice(&[0, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
            MOBILITY => out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0]),
            // Padding fills the options.
            _ => out.extend_from_slice(&[0, 0, 1, 4, 0, 0, 0, 0]),
        }
    }
    *out.get_mut(next_at)? = last;
    out.extend_from_slice(payload);
    let length = u16::try_from(out.len() - 40).ok()?;
    out.get_mut(4..6)?.copy_from_slice(&length.to_be_bytes());
    Some(out)
}

/// The beginnings of a payload, shorter than all of it.
fn cuts(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    CUTS.iter().filter(|cut| **cut < payload.len()).filter_map(|cut| payload.get(..*cut))
}

/// Transport headers with other flags, lengths and offsets than are usual.
fn altered(protocol: u8, payload: &[u8]) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    let mut with = |at: usize, octet: u8| {
        let mut other = payload.to_vec();
        if let Some(place) = other.get_mut(at) {
            *place = octet;
            list.push(other);
        }
    };
    if protocol == 6 {
        for flags in [0, 1, 2, 3, 4, 0x10, 0x12, 0x29, 0x3f, 0x40, 0x80, 0xc2, 0xff] {
            with(13, flags);
        }
        for offset in [0, 0x10, 0x40, 0x5f, 0x60, 0xf0] {
            with(12, offset);
        }
    } else {
        for octet in [0, 0xff] {
            for at in [0, 1, 4, 5] {
                with(at, octet);
            }
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Field, Headers};
    use crate::packet::{Decoded, build, decode_ip};

    fn base(version: u32, protocol: u32) -> Vec<u8> {
        let mut headers = Headers::new();
        headers.set(Field::IpVersion, version);
        headers.set(Field::Proto, protocol);
        headers.set(Field::Dport, 443);
        build(&headers).unwrap()
    }

    #[test]
    fn every_relative_is_a_sound_packet_and_none_is_another() {
        for (version, protocol) in [(4, 6), (4, 17), (6, 6), (6, 17)] {
            let list = packets(&base(version, protocol));
            assert!(list.len() > 40, "{}", list.len());
            let (mut later, mut short) = (0, 0);
            for packet in &list {
                let mut headers = Headers::new();
                let decoded = decode_ip(packet, &mut headers);
                assert!(matches!(decoded, Decoded::Whole), "{decoded:?} {packet:02x?}");
                later += usize::from(headers.small(Field::FragOff) != Some(0));
                short += usize::from(headers.small(Field::L4Room).is_some_and(|room| room < 8));
            }
            assert!(later > 5 && short > 5, "{version} {protocol}: {later} {short}");
        }
        assert!(
            packets(&[]).is_empty() && packets(&[0x46; 30]).is_empty() && packets(&[0x60; 39]).is_empty()
        );
    }
}
