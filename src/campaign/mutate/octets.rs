//! Changes to packets: cut short, bits turned, lengths that are not true.

use super::super::generate::{below, one};
use arbitrary::Unstructured;

/// Changes a packet in one way.
pub fn packet(u: &mut Unstructured<'_>, octets: &mut Vec<u8>) {
    let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    let at = below(u, length) as usize;
    let bits = u.arbitrary::<u8>().unwrap_or(0);
    match below(u, 5) {
        0 => octets.truncate(at),
        1 => {
            if let Some(octet) = octets.get_mut(at) {
                *octet ^= 1 << (bits & 7);
            }
        }
        2 => {
            if let Some(octet) = octets.get_mut(at) {
                *octet = one(u, &[0, 1, 0x7f, 0x80, 0xfe, 0xff]).unwrap_or(0);
            }
        }
        // Two octets that may be a length: all of it, one less, one more.
        3 => {
            let says = u16::try_from(length).unwrap_or(u16::MAX);
            let says = one(u, &[0, says.wrapping_sub(1), says, says.wrapping_add(1), u16::MAX]).unwrap_or(0);
            if let Some(two) = octets.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<2>) {
                *two = says.to_be_bytes();
            }
        }
        _ => octets.push(bits),
    }
}
