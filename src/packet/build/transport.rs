//! The first octets behind the IP headers.

use super::NotBuildable;
use crate::field::{FIELDS, Field, Headers, Reading};
use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::util::{checksum, ipv4_checksum, ipv6_checksum};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The first 16 octets behind the IP headers as bits, the first octet's highest bit highest: those asked for, and
/// which these are.
pub(super) struct Window {
    known: u128,
    value: u128,
}

const OCTETS: usize = 16;

const fn place(bit: u32, width: u32) -> (u128, u32) {
    let shift = 128 - bit - width;
    (((1_u128 << width) - 1) << shift, shift)
}

impl Window {
    pub(super) fn new(headers: &Headers, v6: bool) -> Result<Self, NotBuildable> {
        let mut window = Self { known: 0, value: 0 };
        for info in FIELDS {
            let Some(bit) = info.l4_bit else { continue };
            window.ask(headers, info.field, u32::from(bit))?;
        }
        if !v6 {
            window.ask(headers, Field::AhSpi, 32)?;
        }
        if headers.small(Field::GreKey).is_some() {
            // The key bit; a checksum in front of the key only where the first octet was asked to say so.
            window.put(2, 1, 1);
            let checksum = window.value >> 127 == 1;
            window.put(0, 1, 0);
            window.put(13, 3, 0);
            window.ask(headers, Field::GreKey, if checksum { 64 } else { 32 })?;
        }
        Ok(window)
    }

    /// Bits that a field asks for; an error where another asked for the opposite.
    fn ask(&mut self, headers: &Headers, field: Field, bit: u32) -> Result<(), NotBuildable> {
        let Reading::Value(value) = headers.get(field) else { return Ok(()) };
        let (mask, shift) = place(bit, u32::from(field.info().width));
        let bits = value << shift & mask;
        let both = self.known & mask;
        if self.value & both != bits & both {
            let got = Reading::Value((self.value & mask) >> shift);
            return Err(NotBuildable { field, wanted: Reading::Value(value), got });
        }
        self.known |= mask;
        self.value |= bits;
        Ok(())
    }

    /// Bits that nobody asked for.
    fn put(&mut self, bit: u32, width: u32, value: u128) {
        let (mask, shift) = place(bit, width);
        self.value |= value << shift & mask & !self.known;
        self.known |= mask;
    }

    /// Octets up to the last bit asked for.
    fn needed(&self) -> usize {
        OCTETS - self.known.trailing_zeros() as usize / 8
    }

    /// Octets behind the IP headers in an ordinary packet.
    pub(super) fn default_room(&self, protocol: Option<u8>, later: bool) -> usize {
        let header = match protocol {
            _ if later => 8,
            Some(6) => 20,
            Some(1 | 2 | 17 | 50 | 58 | 136) => 8,
            Some(33 | 51 | 132) => 12,
            Some(47) => 4,
            _ => 0,
        };
        header.max(self.needed())
    }

    /// `room` octets, beginning with the header of `protocol`; none where no header is to be there.
    pub(super) fn octets(&self, protocol: Option<u8>, room: usize) -> Vec<u8> {
        let mut filled = Self { known: self.known, value: self.value };
        let length = u128::try_from(room.min(0xffff)).unwrap_or(0);
        match protocol {
            Some(6) => {
                filled.ports(80);
                filled.put(96, 4, 5);
                filled.put(100, 12, 0x002);
                filled.put(112, 16, 0xffff);
            }
            Some(17) => {
                filled.ports(53);
                filled.put(32, 16, length);
            }
            Some(33) => {
                filled.ports(80);
                // Data offset, and a request of sequence numbers of 48 bits.
                filled.put(32, 8, 3);
                filled.put(64, 8, 1);
            }
            Some(132 | 136) => filled.ports(80),
            Some(1) => filled.put(0, 8, 8),
            Some(58) => filled.put(0, 8, 128),
            Some(2) => filled.put(0, 8, 0x16),
            Some(47) => filled.put(16, 16, 0x0800),
            Some(50) => filled.put(0, 32, 256),
            Some(51) => {
                filled.put(0, 8, 59);
                filled.put(8, 8, 1);
                filled.put(32, 32, 256);
            }
            _ => {}
        }
        let mut octets = filled.value.to_be_bytes().to_vec();
        octets.resize(room, 0);
        octets
    }

    fn ports(&mut self, destination: u128) {
        self.put(0, 16, 40_000);
        self.put(16, 16, destination);
    }

    /// Writes the checksum of the transport header, where it has one, it is all there and nobody asked for others.
    pub(super) fn write_checksum(&self, protocol: Option<u8>, octets: &mut [u8], header: usize, v6: bool) {
        let Some(protocol) = protocol else { return };
        let (at, size, minimum) = match protocol {
            6 => (16, 2, 20),
            17 | 136 => (6, 2, 8),
            1 | 2 | 58 => (2, 2, 4),
            33 => (6, 2, 12),
            132 => (8, 4, 12),
            _ => return,
        };
        let asked = at < OCTETS && self.known & place(u32::try_from(at * 8).unwrap_or(0), size * 8).0 != 0;
        let Some((network, body)) = octets.split_at_mut_checked(header) else { return };
        if asked || body.len() < minimum {
            return;
        }
        let sum: Vec<u8> = match protocol {
            132 => crc32c(body).to_le_bytes().to_vec(),
            1 | 2 => checksum(body, at / 2).to_be_bytes().to_vec(),
            _ => match with_pseudo_header(network, body, protocol, at / 2, v6) {
                // Zero would say that there is none (RFC 768).
                0 if protocol == 17 || protocol == 136 => vec![0xff, 0xff],
                sum => sum.to_be_bytes().to_vec(),
            },
        };
        body.iter_mut().skip(at).zip(sum).for_each(|(to, from)| *to = from);
    }
}

fn with_pseudo_header(network: &[u8], body: &[u8], protocol: u8, skip: usize, v6: bool) -> u16 {
    let next = IpNextHeaderProtocol(protocol);
    if v6 {
        let address = |at| {
            let octets: Option<&[u8; 16]> = network.get(at..).and_then(<[u8]>::first_chunk);
            Ipv6Addr::from(octets.copied().unwrap_or_default())
        };
        ipv6_checksum(body, skip, &[], &address(8), &address(24), next)
    } else {
        let address = |at| {
            let octets: Option<&[u8; 4]> = network.get(at..).and_then(<[u8]>::first_chunk);
            Ipv4Addr::from(octets.copied().unwrap_or_default())
        };
        ipv4_checksum(body, skip, &[], &address(12), &address(16), next)
    }
}

/// `CRC32c` with its own field taken as zero, which it still is (RFC 9260 appendix A).
fn crc32c(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for octet in octets {
        crc ^= u32::from(*octet);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}
