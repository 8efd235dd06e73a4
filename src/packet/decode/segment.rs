//! The TCP segment of a frame: who sends to whom, and where its octets stand.

use super::{Octets, link};
use crate::field::Headers;
use crate::packet::LinkType;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A TCP segment with its place in the frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment<'a> {
    /// Who sends it.
    pub source: (IpAddr, u16),
    /// To whom.
    pub destination: (IpAddr, u16),
    /// Its sequence number.
    pub sequence: u32,
    /// Whether it opens the connection.
    pub syn: bool,
    /// The octets it carries, as far as they were captured.
    pub octets: &'a [u8],
    /// Where they begin in the frame.
    pub at: u32,
    /// Octets it carries that were not captured.
    pub missing: usize,
}

/// The TCP segment in a frame: `octets` as captured, `length` as sent. None where there is none, where it is in
/// fragments, or where its header is not all there. `headers` is scratch space.
pub fn segment<'a>(
    link_type: LinkType,
    octets: &'a [u8],
    length: u32,
    headers: &mut Headers,
) -> Option<Segment<'a>> {
    let frame = Octets { captured: octets, sent: octets.len().max(length as usize), at: 0 };
    let Ok(link::Carried::Ip { octets, .. }) = link::walk(link_type, frame, headers) else { return None };
    let (source, destination, transport) = match octets.captured.first()? >> 4 {
        4 => inet(octets)?,
        6 => inet6(octets)?,
        _ => return None,
    };
    let header: &[u8; 20] = transport.captured.first_chunk()?;
    let [s0, s1, d0, d1, n0, n1, n2, n3, _, _, _, _, offset, flags, ..] = *header;
    let size = usize::from(offset >> 4) * 4;
    let payload = (size >= 20 && size <= transport.sent).then(|| transport.skip(size))?;
    Some(Segment {
        source: (source, u16::from_be_bytes([s0, s1])),
        destination: (destination, u16::from_be_bytes([d0, d1])),
        sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        syn: flags & 0x02 != 0,
        octets: payload.captured,
        at: payload.position(),
        missing: payload.sent - payload.captured.len(),
    })
}

type Transport<'a> = (IpAddr, IpAddr, Octets<'a>);

// What follows a header, no longer than the packet says it is: Ethernet pads short frames.
fn behind(octets: Octets<'_>, total: usize, header: usize) -> Option<Octets<'_>> {
    // A total of 0 is written where the network card cuts the packet later.
    let total = if total == 0 { octets.sent } else { total.min(octets.sent) };
    (header <= total).then_some(())?;
    let captured = octets.captured.get(..total.min(octets.captured.len()))?;
    Some(Octets { captured, sent: total, at: octets.at }.skip(header))
}

fn inet(octets: Octets<'_>) -> Option<Transport<'_>> {
    let header: &[u8; 20] = octets.captured.first_chunk()?;
    let [first, _, t0, t1, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let size = usize::from(first & 0x0f) * 4;
    let fragment = u16::from_be_bytes([f0, f1]) & 0x3fff != 0;
    if protocol != 6 || fragment || size < 20 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([t0, t1]));
    let addr = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    Some((addr(s0, s1, s2, s3), addr(d0, d1, d2, d3), behind(octets, total, size)?))
}

fn inet6(octets: Octets<'_>) -> Option<Transport<'_>> {
    let header: &[u8; 40] = octets.captured.first_chunk()?;
    let [_, _, _, _, p0, p1, mut next, _, addresses @ ..] = *header;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let destination: &[u8; 16] = destination.first_chunk()?;
    let total = match u16::from_be_bytes([p0, p1]) {
        0 => 0,
        payload => 40 + usize::from(payload),
    };
    let mut rest = behind(octets, total, 40)?;
    // Extension headers are few; each takes at least eight octets of the frame.
    while next != 6 {
        let [following, length, ..] = *rest.captured.first_chunk::<8>()?;
        let size = match next {
            0 | 43 | 60 => (usize::from(length) + 1) * 8,
            51 => (usize::from(length) + 2) * 4,
            _ => return None,
        };
        next = following;
        rest = rest.skip(size);
    }
    let addr = |octets: &[u8; 16]| IpAddr::V6(Ipv6Addr::from(*octets));
    Some((addr(source), addr(destination), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(octets: &[u8], length: u32) -> Option<Segment<'_>> {
        segment(LinkType::RAW, octets, length, &mut Headers::new())
    }

    #[test]
    fn padding_is_no_payload_and_cut_octets_are_missing() {
        let mut packet = vec![0x45, 0, 0, 43, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        packet.extend([0x9c, 0x40, 0, 179, 0, 0, 3, 0xe8, 0, 0, 0, 1, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
        packet.extend([1, 2, 3, 0, 0, 0]);
        let found = find(&packet, 46).unwrap();
        assert_eq!((found.octets, found.at, found.missing, found.sequence), (&[1, 2, 3][..], 40, 0, 1000));
        assert_eq!((found.source.1, found.destination.1, found.syn), (40_000, 179, false));
        let cut = find(&packet[..41], 46).unwrap();
        assert_eq!((cut.octets, cut.missing), (&[1][..], 2));
        for end in 0..packet.len() {
            assert_eq!(find(&packet[..end], 46).is_some(), end >= 40, "{end}");
        }
        packet[6] = 0x20;
        assert_eq!(find(&packet, 46), None);
    }

    #[test]
    fn extension_headers_are_walked() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 29, 0, 64];
        packet.extend([0x20; 16]);
        packet.extend([0x30; 16]);
        packet.extend([6, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([0, 179, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0, 9]);
        let found = segment(LinkType::IPV6, &packet, 69, &mut Headers::new()).unwrap();
        assert_eq!((found.octets, found.at, found.syn), (&[9][..], 68, true));
    }
}
