//! The values that most rules ask for, of frames in which they stand where they nearly always do.

use crate::packet::LinkType;

/// What most rules ask of an IPv4 packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tuple {
    /// Source address.
    pub src: u32,
    /// Destination address.
    pub dst: u32,
    /// The first four octets behind the IP header: of TCP, UDP and their like the ports.
    pub word: u32,
    /// Protocol.
    pub protocol: u8,
}

impl Tuple {
    /// Source port and destination port in one word, where the protocol has ports.
    #[inline]
    pub fn ports(&self) -> Option<u32> {
        matches!(self.protocol, 6 | 17 | 33 | 132 | 136).then_some(self.word)
    }
}

/// The values of a frame that [`decode`](super::decode()) finds to be [`Whole`](super::Decoded::Whole): IPv4 over Ethernet
/// without options, no later fragment, at least four octets behind the header. None of any other frame.
#[inline]
pub fn tuple(link_type: LinkType, octets: &[u8], length: u32) -> Option<Tuple> {
    const HEADERS: usize = 34;
    if link_type != LinkType::ETHERNET {
        return None;
    }
    let (header, behind) = octets.split_first_chunk::<HEADERS>()?;
    let [
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        0x08,
        0x00,
        0x45,
        _,
        t0,
        t1,
        _,
        _,
        f0,
        f1,
        _,
        protocol,
        _,
        _,
        addresses @ ..,
    ] = *header
    else {
        return None;
    };
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    let sent = octets.len().max(length as usize) - 14;
    let total = usize::from(u16::from_be_bytes([t0, t1]));
    // Octets behind the header: in the packet, and captured.
    let room = total.checked_sub(20)?;
    let captured = behind.len().min(room);
    let word = behind.first_chunk::<4>()?;
    let is_later = u16::from_be_bytes([f0, f1]) & 0x1fff != 0;
    // GRE has a field further back.
    if is_later || total > sent || captured < 4 || captured < 16 && captured < room || protocol == 47 {
        return None;
    }
    Some(Tuple {
        src: u32::from_be_bytes([s0, s1, s2, s3]),
        dst: u32::from_be_bytes([d0, d1, d2, d3]),
        word: u32::from_be_bytes(*word),
        protocol,
    })
}
