//! Addresses as a text says them.

use crate::net::{BitMatch, Prefix4, Prefix6};

/// One address or prefix as a text says it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Address {
    /// IPv4.
    Four(Prefix4),
    /// IPv4 with a mask that is no prefix.
    Masked(BitMatch),
    /// IPv6.
    Six(Prefix6),
}

/// Reads `A`, `A/len` or, for IPv4, `A/mask`. Octets left out at the end of an IPv4 address are 0.
pub(super) fn address(word: &str) -> Option<Address> {
    if word.contains(':') {
        return word.parse().ok().map(Address::Six);
    }
    let (addr, mask) = match word.split_once('/') {
        Some((addr, mask)) => (addr, Some(mask)),
        None => (word, None),
    };
    let addr = dotted(addr)?;
    match mask {
        None => Prefix4::new(addr, 32).map(Address::Four),
        Some(mask) if mask.contains('.') => {
            let mask = dotted(mask)?;
            if mask.leading_ones() + mask.trailing_zeros() == 32 || mask == 0 {
                let len = u8::try_from(mask.leading_ones()).ok()?;
                return Prefix4::new(addr, len).map(Address::Four);
            }
            Some(Address::Masked(BitMatch::new(addr.into(), mask.into())))
        }
        Some(len) => {
            let digits = (1..=2).contains(&len.len()) && len.bytes().all(|b| b.is_ascii_digit());
            Prefix4::new(addr, digits.then(|| len.parse().ok()).flatten()?).map(Address::Four)
        }
    }
}

/// One to four decimal octets.
fn dotted(text: &str) -> Option<u32> {
    let (mut addr, mut octet, mut digits, mut count) = (0_u32, 0_u32, 0, 1);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits == 0 || octet != 0 => {
                octet = octet * 10 + u32::from(byte - b'0');
                digits += 1;
                if octet > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && count < 4 => {
                addr = addr << 8 | octet;
                (octet, digits, count) = (0, 0, count + 1);
            }
            _ => return None,
        }
    }
    (digits > 0).then(|| (addr << 8 | octet) << (8 * (4 - count)))
}

/// A MAC address, `/len` behind it or not, as a range.
pub(super) fn mac(word: &str) -> Option<(u128, u128)> {
    let (addr, len) = match word.split_once('/') {
        Some((addr, len)) => (addr, len.parse::<u32>().ok().filter(|len| *len <= 48)?),
        None => (word, 48),
    };
    let mut value = 0_u128;
    let mut count = 0;
    for part in addr.split(':') {
        let valid = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
        value = value << 8 | u128::from(valid.then(|| u8::from_str_radix(part, 16).ok()).flatten()?);
        count += 1;
    }
    let host = (1_u128 << (48 - len)) - 1;
    (count == 6).then_some((value & !host, value | host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_prefixes_hosts_masks_and_short_forms() {
        let four = |text: &str| text.parse().map(Address::Four).ok();
        assert_eq!(address("10.1.2.3/24"), four("10.1.2.3/24"));
        assert_eq!(address("10"), four("10.0.0.0/32"));
        assert_eq!(address("10/8"), four("10.0.0.0/8"));
        assert_eq!(address("10.0.0.0/255.0.0.0"), four("10.0.0.0/8"));
        assert_eq!(address("1.2.3.4/0.0.0.0"), four("1.2.3.4/0"));
        let masked = BitMatch::new(0x0a00_0001, 0xff00_00ff);
        assert_eq!(address("10.0.0.1/255.0.0.255"), Some(Address::Masked(masked)));
        assert_eq!(address("::1"), "::1/128".parse().map(Address::Six).ok());
        for bad in
            ["", "10.", "256.0.0.0", "1.2.3.4.5", "1.2.3.4/33", "1.2.3.4/", "01.2.3.4", "$X", "::1/129"]
        {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn mac_addresses_have_a_length_in_bits() {
        assert_eq!(mac("01:00:5e:00:00:00/25"), Some((0x0100_5e00_0000, 0x0100_5e7f_ffff)));
        assert_eq!(mac("1:2:3:4:5:6"), Some((0x0102_0304_0506, 0x0102_0304_0506)));
        for bad in ["01:00:5e:00:00", "01:00:5e:00:00:00/49", "<x>/48", "zz:00:5e:00:00:00"] {
            assert_eq!(mac(bad), None, "{bad}");
        }
    }
}
