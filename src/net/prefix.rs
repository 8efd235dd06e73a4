//! Address prefixes. The address keeps the bits it was written with; matching uses the network only.

use super::IntervalSet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Why a text is not a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePrefixError {
    /// The part before the slash is no address of the family.
    #[error("not an address")]
    Address,
    /// The length is no number, or longer than an address.
    #[error("prefix length must be 0 to {max}")]
    Length {
        /// The longest length of the family, in bits.
        max: u8,
    },
}

macro_rules! prefix {
    ($name:ident, $addr:ty, $int:ty, $bits:expr, $what:literal) => {
        #[doc = concat!("An ", $what, " address with a prefix length in bits.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            addr: $int,
            len: u8,
        }

        impl $name {
            #[doc = concat!("The longest length, ", stringify!($bits), ".")]
            pub const BITS: u8 = $bits;

            /// The prefix of `len` bits; none when `len` exceeds the width of an address.
            pub fn new(addr: $int, len: u8) -> Option<Self> {
                (len <= $bits).then_some(Self { addr, len })
            }

            /// The address as written, bits behind the length included.
            pub fn addr(self) -> $int {
                self.addr
            }

            /// The length in bits.
            #[expect(clippy::len_without_is_empty, reason = "a length in bits, not of a container")]
            pub fn len(self) -> u8 {
                self.len
            }

            /// The bits that count.
            pub fn mask(self) -> $int {
                <$int>::MAX.checked_shl(u32::from($bits - self.len)).unwrap_or(0)
            }

            /// The lowest address.
            pub fn first(self) -> $int {
                self.addr & self.mask()
            }

            /// The highest address.
            pub fn last(self) -> $int {
                self.addr | !self.mask()
            }

            /// Whether bits behind the length are set.
            pub fn has_host_bits(self) -> bool {
                self.addr & !self.mask() != 0
            }

            /// The prefix with the bits behind its length cleared.
            #[must_use]
            pub fn network(self) -> Self {
                Self { addr: self.first(), len: self.len }
            }

            /// Whether `addr` lies inside.
            pub fn contains(self, addr: $int) -> bool {
                addr & self.mask() == self.first()
            }

            /// The fewest prefixes that cover the closed range, ascending (the greedy cover is minimal).
            pub fn cover(lo: $int, hi: $int) -> Vec<Self> {
                let mut out = Vec::new();
                let mut from = lo;
                while from <= hi {
                    let mut bits = from.trailing_zeros().min($bits);
                    while bits > 0 {
                        let size = <$int>::MAX.checked_shl(bits).map_or(<$int>::MAX, |m| !m);
                        if size <= hi - from {
                            break;
                        }
                        bits -= 1;
                    }
                    #[expect(clippy::cast_possible_truncation, reason = "at most the width of an address")]
                    let len = $bits - bits as u8;
                    out.push(Self { addr: from, len });
                    let size = <$int>::MAX.checked_shl(bits).map_or(<$int>::MAX, |m| !m);
                    match from.checked_add(size).and_then(|last| last.checked_add(1)) {
                        Some(next) => from = next,
                        None => break,
                    }
                }
                out
            }
        }

        impl FromStr for $name {
            type Err = ParsePrefixError;

            /// `A/len`, or `A` alone for one host.
            fn from_str(text: &str) -> Result<Self, ParsePrefixError> {
                let (addr, len) = match text.split_once('/') {
                    Some((addr, len)) => {
                        let digits = !len.is_empty() && len.bytes().all(|b| b.is_ascii_digit());
                        let len = digits.then(|| len.parse().ok()).flatten();
                        (addr, len.filter(|l| *l <= $bits).ok_or(ParsePrefixError::Length { max: $bits })?)
                    }
                    None => (text, $bits),
                };
                let addr: $addr = addr.parse().map_err(|_| ParsePrefixError::Address)?;
                Ok(Self { addr: addr.into(), len })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", <$addr>::from(self.addr), self.len)
            }
        }

        impl From<$name> for IntervalSet<$int> {
            fn from(prefix: $name) -> Self {
                Self::range(prefix.first(), prefix.last())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

prefix!(Prefix4, Ipv4Addr, u32, 32, "IPv4");
prefix!(Prefix6, Ipv6Addr, u128, 128, "IPv6");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_is_exact_and_minimal() {
        for lo in 0..32_u32 {
            for hi in lo..32 {
                let cover = Prefix4::cover(lo, hi);
                let members: Vec<u32> = cover.iter().flat_map(|p| p.first()..=p.last()).collect();
                assert_eq!(members, (lo..=hi).collect::<Vec<_>>());
            }
        }
        assert_eq!(Prefix4::cover(0, u32::MAX).len(), 1);
        assert_eq!(Prefix4::cover(1, u32::MAX - 1).len(), 62);
        assert_eq!(Prefix6::cover(1, u128::MAX - 1).len(), 254);
        assert_eq!(Prefix6::cover(0, u128::MAX).len(), 1);
    }

    #[test]
    fn text_round_trips_and_errors_say_why() {
        for text in ["192.0.2.77/24", "0.0.0.0/0", "255.255.255.255/32"] {
            assert_eq!(text.parse::<Prefix4>().unwrap().to_string(), text);
        }
        assert_eq!("2001:db8::/32".parse::<Prefix6>().unwrap().first(), 0x2001_0db8_u128 << 96);
        assert_eq!("192.0.2.1/33".parse::<Prefix4>(), Err(ParsePrefixError::Length { max: 32 }));
        assert_eq!("192.0.2.1/+3".parse::<Prefix4>(), Err(ParsePrefixError::Length { max: 32 }));
        assert_eq!("192.0.2".parse::<Prefix4>(), Err(ParsePrefixError::Address));
    }
}
