//! Fields that lie across octets and end inside one: `ip6 dscp`, `frag frag-off`, raw bits.
//!
//! To operate on such a field, to join it with others and to look it up in a named set, nft 1.0.6 loads its octets,
//! masks the field and shifts the register to the right. The kernel shifts words of the register in the host's order
//! of octets, so that where the low octet comes first bits get lost and others end elsewhere. What stands alone against
//! values and sets without a name is right: there nft shifts the values. (Measured on `x86_64`; `nft --debug=netlink`.)

use super::fields::{Load, Part};
use super::values::{Values, full};
use crate::net::BitMatch;

/// Bits of a word of the kernel's registers.
const WORD: u32 = 32;

/// A field across octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Across {
    octets: u32,
    // Bits of the last octet behind the field.
    below: u32,
    width: u32,
}

impl Across {
    /// The field of a load, where it is one.
    pub(super) fn of(load: &Load) -> Option<Self> {
        let (bit, width) = match load {
            Load::Field(_, place) => (u32::from(place.bit), u32::from(place.width)),
            Load::Raw(_, bit, width) => (*bit, *width),
            Load::Extension(_, Part::Offset) => (16, 13),
            _ => return None,
        };
        let octets = (bit % 8).saturating_add(width).div_ceil(8);
        let below = octets.saturating_mul(8).checked_sub((bit % 8).saturating_add(width))?;
        (octets > 1 && below > 0).then_some(Self { octets, below, width })
    }

    /// Bits of its octets.
    pub(super) fn bits(self) -> u32 {
        self.octets * 8
    }

    /// Bits that its octets have more than those nft writes a value of it with.
    pub(super) fn spare(self) -> u32 {
        (self.octets - self.width.div_ceil(8)) * 8
    }

    /// Bits up to the field's highest, which is what an operator with `|` leaves.
    pub(super) fn reach(self) -> u32 {
        self.width + self.below
    }

    // The bit of the field that ends at a bit of the shifted octets, both counted from the lowest.
    fn source(self, bit: u32) -> Option<u32> {
        let octet = self.octets.checked_sub(1 + bit / 8)?;
        let (word, place) = (octet / 4, octet % 4 * 8 + bit % 8 + self.below);
        // From the word itself, or what went over from the one before.
        let (word, place) = if place < WORD { (word, place) } else { (word.checked_sub(1)?, place - WORD) };
        let octet = self.octets.checked_sub(1 + word * 4 + place / 8)?;
        let from = (octet * 8 + place % 8).checked_sub(self.below)?;
        (from < self.width).then_some(from)
    }

    /// The values of the field whose octets, once shifted, are in `values`; none where they cannot be said shortly.
    pub(super) fn before(self, values: &Values) -> Option<Values> {
        if self.bits() > 128 {
            return None;
        }
        let mut list = Vec::new();
        'patterns: for pattern in values.patterns(self.bits())? {
            let (mut mask, mut value) = (0, 0);
            for bit in (0..self.bits()).filter(|bit| pattern.mask >> bit & 1 == 1) {
                let set = pattern.value >> bit & 1;
                match self.source(bit) {
                    Some(from) => {
                        mask |= 1 << from;
                        value |= set << from;
                    }
                    None if set == 1 => continue 'patterns,
                    None => {}
                }
            }
            list.push(BitMatch::new(value, mask & full(self.width)));
        }
        list.sort_unstable();
        list.dedup();
        Some(Values::of_patterns(list, self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::nftables::fields::{Base, Extension};

    // What the kernel does to octets, as it does it.
    fn shifted(octets: &[u8], by: u32) -> Vec<u8> {
        let mut carry = 0;
        let mut out = Vec::new();
        for word in octets.chunks(4) {
            let mut full = [0; 4];
            full[..word.len()].copy_from_slice(word);
            let word = u32::from_le_bytes(full);
            out.extend((word >> by | carry).to_le_bytes());
            carry = word << (32 - by);
        }
        out.truncate(octets.len());
        out
    }

    #[test]
    fn bits_end_where_the_kernel_shifts_them() {
        let loads = [
            Load::Raw(Base::Network, 4, 6),
            Load::Raw(Base::Transport, 3, 16),
            Load::Raw(Base::Transport, 3, 26),
            Load::Raw(Base::Transport, 3, 40),
            Load::Raw(Base::Transport, 2, 67),
            Load::Extension(Extension::Fragment, Part::Offset),
        ];
        for load in loads {
            let across = Across::of(&load).unwrap();
            for bit in 0..across.width {
                let octets = (1_u128 << (bit + across.below)).to_be_bytes();
                let octets = &octets[16 - across.octets as usize..];
                let mut expected = [0; 16];
                expected[16 - across.octets as usize..].copy_from_slice(&shifted(octets, across.below));
                let expected = u128::from_be_bytes(expected);
                let found = (0..across.bits()).filter(|place| across.source(*place) == Some(bit));
                assert_eq!(found.fold(0, |all, place| all | 1 << place), expected, "{load}: bit {bit}");
            }
        }
        for load in [Load::Raw(Base::Network, 12, 20), Load::Raw(Base::Network, 4, 4)] {
            assert_eq!(Across::of(&load), None);
        }
    }
}
