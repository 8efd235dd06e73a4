//! Values of options: addresses, ports, numbers, names.

use crate::dialect::services;
use crate::field::Family;
use crate::net::Prefix6;
use std::net::Ipv6Addr;

/// An address with a mask, which may have holes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Address {
    V4 { addr: u32, mask: u32 },
    V6 { addr: u128, mask: u128 },
}

impl Address {
    pub(super) fn family(self) -> Family {
        match self {
            Self::V4 { .. } => Family::Inet,
            Self::V6 { .. } => Family::Inet6,
        }
    }

    /// Whether it is written with bits that its mask takes away.
    pub(super) fn has_host_bits(self) -> bool {
        match self {
            Self::V4 { addr, mask } => addr & !mask != 0,
            Self::V6 { addr, mask } => addr & !mask != 0,
        }
    }
}

/// Why a text is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoAddress {
    /// It may be the name of a host.
    Name,
    /// The mask is none.
    Mask,
    /// It is nothing.
    Nothing,
}

/// `A`, `A/len`, `A/mask`; IPv4 addresses may leave out trailing octets, as `10/8`, or be one number.
pub(super) fn address(text: &str) -> Result<Address, NoAddress> {
    with_mask(text, |addr| dotted(addr).or_else(|| internet(addr)))
}

/// The same as ipset reads it: `10.1` is 10.0.0.1, but `10.1/16` a net.
pub(super) fn address_of_set(text: &str) -> Result<Address, NoAddress> {
    if text.contains('/') { address(text) } else { with_mask(text, internet) }
}

fn with_mask(text: &str, four: impl Fn(&str) -> Option<u32>) -> Result<Address, NoAddress> {
    let (addr, mask) = match text.split_once('/') {
        Some((addr, mask)) => (addr, Some(mask)),
        None => (text, None),
    };
    if addr.contains(':') {
        let addr: Ipv6Addr = addr.parse().map_err(|_| NoAddress::Nothing)?;
        let mask = match mask {
            None => u128::MAX,
            Some(mask) => match prefix_len(mask, 128) {
                Some(len) => Prefix6::new(0, len).map_or(0, Prefix6::mask),
                None => mask.parse::<Ipv6Addr>().map_err(|_| NoAddress::Mask)?.into(),
            },
        };
        return Ok(Address::V6 { addr: addr.into(), mask });
    }
    let Some(addr) = four(addr) else {
        let digits = addr.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        return Err(if digits || addr.is_empty() { NoAddress::Nothing } else { NoAddress::Name });
    };
    let mask = match mask {
        None => u32::MAX,
        Some(mask) => mask4(mask).ok_or(NoAddress::Mask)?,
    };
    Ok(Address::V4 { addr, mask })
}

/// A length, or four octets.
fn mask4(text: &str) -> Option<u32> {
    match prefix_len(text, 32) {
        Some(len) => Some(u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0)),
        None => dotted(text).filter(|_| text.matches('.').count() == 3),
    }
}

/// Whether a text ends with the mask of all addresses: what stands before it is not looked at.
pub(super) fn is_any(text: &str) -> bool {
    let mask = text.split_once('/').map(|(_, mask)| mask);
    mask.is_some_and(|mask| mask4(mask) == Some(0) || mask.parse::<Ipv6Addr>() == Ok(Ipv6Addr::UNSPECIFIED))
}

/// One to four octets between dots, each with its mark of hex or octal; those left out are 0.
pub(super) fn dotted(text: &str) -> Option<u32> {
    let (mut addr, mut octet, mut digits, mut count) = (0_u32, 0_u32, 0, 0_u32);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits > 0 && octet == 0 => return marked(text),
            b'0'..=b'9' => {
                octet = octet * 10 + u32::from(byte - b'0');
                digits += 1;
                if octet > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && count < 3 => {
                addr = addr << 8 | octet;
                (octet, digits, count) = (0, 0, count + 1);
            }
            b'x' | b'X' if digits == 1 && octet == 0 => return marked(text),
            _ => return None,
        }
    }
    (digits > 0).then(|| (addr << 8 | octet) << (8 * (3 - count)))
}

/// The same where octets carry marks.
fn marked(text: &str) -> Option<u32> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for (octet, part) in octets.iter_mut().zip(parts.by_ref()) {
        *octet = small(part, 255).and_then(|value| u8::try_from(value).ok())?;
    }
    parts.next().is_none().then(|| u32::from_be_bytes(octets))
}

/// Numbers as the C library looks them up (`inet_aton`): the last one fills what is left of the 32 bits.
fn internet(text: &str) -> Option<u32> {
    let (head, last) = text.rsplit_once('.').map_or((None, text), |(head, last)| (Some(head), last));
    let mut addr = 0_u32;
    let mut left = 32_u32;
    for part in head.into_iter().flat_map(|head| head.split('.')) {
        left = left.checked_sub(8).filter(|left| *left >= 8)?;
        addr |= small(part, 255)? << left;
    }
    Some(addr | small(last, u32::MAX >> (32 - left))?)
}

/// Whether a text has a number that looks decimal and is read as octal.
pub(super) fn looks_decimal(text: &str) -> bool {
    let misread =
        |part: &str| part.len() > 1 && part.starts_with('0') && part.parse::<u64>().is_ok_and(|n| n > 7);
    !text.contains(':') && text.split(['.', '/', '-']).any(misread)
}

fn prefix_len(text: &str, max: u8) -> Option<u8> {
    small(text, max.into()).and_then(|len| u8::try_from(len).ok())
}

/// A number in decimal, or in hex or octal with its mark, up to `max`.
pub(super) fn number(text: &str, max: u64) -> Option<u64> {
    let parsed = if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        plain(hex, 16)
    } else if text.len() > 1 && text.starts_with('0') {
        plain(text, 8)
    } else {
        plain(text, 10)
    };
    parsed.filter(|value| *value <= max)
}

fn plain(text: &str, radix: u32) -> Option<u64> {
    let signed = text.starts_with(['+', '-']);
    (!signed).then(|| u64::from_str_radix(text, radix).ok()).flatten()
}

/// A number of 32 bits.
pub(super) fn small(text: &str, max: u32) -> Option<u32> {
    number(text, u64::from(max)).and_then(|value| u32::try_from(value).ok())
}

/// Why a text is no range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoRange {
    /// An end is nothing that can be read.
    Value,
    /// The ends stand the wrong way round.
    Backwards,
}

/// `v`, `lo:hi`, `lo:`, `:hi`; each end is read by `value`.
pub(super) fn range(
    text: &str,
    max: u32,
    value: impl Fn(&str) -> Option<u32>,
) -> Result<(u32, u32), NoRange> {
    let Some((lo, hi)) = text.split_once(':') else {
        return value(text).map(|v| (v, v)).ok_or(NoRange::Value);
    };
    let lo = if lo.is_empty() { Some(0) } else { value(lo) };
    let hi = if hi.is_empty() { Some(max) } else { value(hi) };
    match (lo, hi) {
        (Some(lo), Some(hi)) if lo <= hi => Ok((lo, hi)),
        (Some(_), Some(_)) => Err(NoRange::Backwards),
        _ => Err(NoRange::Value),
    }
}

/// A port by number or by its name in the protocol. Most options know octal and hex by their marks.
#[inline]
pub(super) fn port(text: &str, protocol: Option<u8>) -> Option<u32> {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return match text.parse::<u16>() {
            Ok(port) if !text.starts_with('0') => Some(port.into()),
            _ => small(text, 65_535),
        };
    }
    port_by_name(text, protocol)
}

/// The same where numbers are decimal, whatever they begin with: of UDP, DCCP and of connections.
pub(super) fn decimal_port(text: &str, protocol: Option<u8>) -> Option<u32> {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return text.parse::<u16>().ok().map(u32::from);
    }
    port_by_name(text, protocol)
}

fn port_by_name(text: &str, protocol: Option<u8>) -> Option<u32> {
    let port = match protocol {
        Some(protocol) => services::port(text, protocol),
        None => services::port_of_any(text),
    };
    port.map(u32::from)
}

/// A protocol by number or name; 0 is all of them.
pub(super) fn protocol(text: &str) -> Option<u8> {
    match text {
        "tcp" => Some(6),
        "udp" => Some(17),
        "all" => Some(0),
        // As iptables has them built in.
        "icmp" => Some(1),
        "icmpv6" | "ipv6-icmp" => Some(58),
        "mh" | "ipv6-mh" => Some(135),
        _ if text.as_bytes().first().is_some_and(u8::is_ascii_digit) => {
            small(text, 255).and_then(|value| u8::try_from(value).ok())
        }
        _ => services::protocol(text),
    }
}

/// The name iptables-save writes for a protocol, where it has one that reads the same anywhere.
pub(super) fn protocol_word(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        33 => "dccp".to_owned(),
        50 => "esp".to_owned(),
        51 => "ah".to_owned(),
        58 => "ipv6-icmp".to_owned(),
        132 => "sctp".to_owned(),
        136 => "udplite".to_owned(),
        _ => number.to_string(),
    }
}

/// TCP flags in the order iptables-save writes them.
pub(super) const TCP_FLAGS: [(&str, u32); 6] =
    [("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 0x10), ("URG", 0x20)];

/// A list of TCP flags; `ALL` and `NONE` too.
pub(super) fn tcp_flags(text: &str) -> Option<u32> {
    text.split(',').try_fold(0, |sum, word| Some(sum | tcp_flag(word)?))
}

/// The first word of a list that is no TCP flag.
pub(super) fn unknown_flag(text: &str) -> Option<&str> {
    text.split(',').find(|word| tcp_flag(word).is_none())
}

fn tcp_flag(word: &str) -> Option<u32> {
    match word.to_ascii_uppercase().as_str() {
        "ALL" => Some(0x3f),
        "NONE" => Some(0),
        upper => TCP_FLAGS.iter().find(|(name, _)| *name == upper).map(|(_, bit)| *bit),
    }
}

/// TCP flags in words where a listing has them as a number.
pub(super) fn listed_flags(text: &str) -> String {
    small(text, 0x3f).map_or_else(|| text.to_owned(), tcp_flag_words)
}

/// The words of a TCP flag mask.
pub(super) fn tcp_flag_words(mask: u32) -> String {
    let names: Vec<&str> =
        TCP_FLAGS.iter().filter(|(_, bit)| mask & bit != 0).map(|(name, _)| *name).collect();
    if names.is_empty() { "NONE".to_owned() } else { names.join(",") }
}

/// Classes of DSCP.
const CLASSES: [(&str, u32); 22] = [
    ("be", 0),
    ("cs0", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("ef", 46),
];

/// The code point of a class.
pub(super) fn dscp_class(text: &str) -> Option<u32> {
    CLASSES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
}

/// `v[/mask]` of the TOS octet, or one of its old names.
pub(super) fn tos(text: &str) -> Option<(u32, u32)> {
    let named = match text.to_ascii_lowercase().as_str() {
        "minimize-delay" => Some(0x10),
        "maximize-throughput" => Some(0x08),
        "maximize-reliability" => Some(0x04),
        "minimize-cost" => Some(0x02),
        "normal-service" => Some(0x00),
        _ => None,
    };
    named.map(|value| (value, 0x3f)).or_else(|| value_and_mask(text, 0xff))
}

/// `v[/mask]`.
pub(super) fn value_and_mask(text: &str, max: u32) -> Option<(u32, u32)> {
    match text.split_once('/') {
        Some((value, mask)) => Some((small(value, max)?, small(mask, max)?)),
        None => small(text, max).map(|value| (value, max)),
    }
}

/// A hardware address.
pub(super) fn mac(text: &str) -> Option<u128> {
    let mut parts = text.split([':', '-']);
    let mut value = 0_u128;
    for _ in 0..6 {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len()))?;
        value = value << 8 | u128::from(u8::from_str_radix(part, 16).ok()?);
    }
    parts.next().is_none().then_some(value)
}

/// Types of ICMP by name, each with its code where it has one.
const ICMP: &[(&str, u32, Option<u32>)] = &[
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("tos-network-unreachable", 3, Some(11)),
    ("tos-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("tos-network-redirect", 5, Some(2)),
    ("tos-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

/// The same of ICMPv6.
const ICMP6: &[(&str, u32, Option<u32>)] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("mld-listener-query", 130, None),
    ("mld-listener-report", 131, None),
    ("mld-listener-done", 132, None),
    ("mld-listener-reduction", 132, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-advertisement", 136, None),
    ("neighbour-advertisement", 136, None),
    ("redirect", 137, None),
];

/// What a type of ICMP names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum IcmpType {
    Any,
    Type(u32, Option<u32>),
}

/// A type by name or `T[/C]`; names may be cut short where that leaves one.
pub(super) fn icmp_type(text: &str, six: bool) -> Option<IcmpType> {
    if !six && text.eq_ignore_ascii_case("any") {
        return Some(IcmpType::Any);
    }
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        let (kind, code) = match text.split_once('/') {
            Some((kind, code)) => (kind, Some(small(code, 255)?)),
            None => (text, None),
        };
        let kind = small(kind, 255)?;
        // Of no type the code says nothing.
        return Some(if !six && kind == 255 { IcmpType::Any } else { IcmpType::Type(kind, code) });
    }
    let table = if six { ICMP6 } else { ICMP };
    let lower = text.to_ascii_lowercase();
    let row = table.iter().find(|row| row.0 == lower).or_else(|| {
        let mut starting = table.iter().filter(|row| !lower.is_empty() && row.0.starts_with(&lower));
        starting.next().filter(|_| starting.next().is_none())
    });
    row.map(|row| IcmpType::Type(row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_lengths_and_masks() {
        let v4 = |addr: [u8; 4], mask| Ok(Address::V4 { addr: u32::from_be_bytes(addr), mask });
        assert_eq!(address("10.1.2.3/8"), v4([10, 1, 2, 3], 0xff00_0000));
        assert_eq!(address("10.1.2.3/255.0.255.0"), v4([10, 1, 2, 3], 0xff00_ff00));
        assert_eq!(address("10/8"), v4([10, 0, 0, 0], 0xff00_0000));
        assert_eq!(address("0/0"), v4([0; 4], 0));
        assert_eq!(address("::1/64"), Ok(Address::V6 { addr: 1, mask: u128::MAX << 64 }));
        assert_eq!(address("10.0.0.0/33"), Err(NoAddress::Mask));
        assert_eq!(address("10.0.0.256"), Err(NoAddress::Nothing));
        for (text, addr, mask) in [
            ("010.0.0.1", 0x0800_0001, u32::MAX),
            ("10.010", 0x0a08_0000, u32::MAX),
            ("0xa.0X1.01.1", 0x0a01_0101, u32::MAX),
            ("0x0a000001", 0x0a00_0001, u32::MAX),
            ("10.1.256", 0x0a01_0100, u32::MAX),
            ("300", 300, u32::MAX),
            ("0001.1.1.1/016", 0x0101_0101, 0xfffc_0000),
            ("1.1.1.1/0x18", 0x0101_0101, 0xffff_ff00),
            ("1.1.1.1/255.255.0255.0", 0x0101_0101, 0xffff_ad00),
        ] {
            assert_eq!(address(text), Ok(Address::V4 { addr, mask }), "{text}");
        }
        for text in
            ["08.1.1.1", "0x", "10.1.", ".10", "1.2.3.4.5", "1.1.1.1/08", "1.1.1.1/255", "0400.1", "1.1.1.1/"]
        {
            assert!(address(text).is_err(), "{text}");
        }
        assert_eq!(address_of_set("10.1"), Ok(Address::V4 { addr: 0x0a00_0001, mask: u32::MAX }));
        assert_eq!(address_of_set("10.1/16"), Ok(Address::V4 { addr: 0x0a01_0000, mask: 0xffff_0000 }));
        assert_eq!(address("example.net"), Err(NoAddress::Name));
    }

    #[test]
    fn numbers_ports_and_types() {
        assert_eq!(
            (number("0x10", 99), number("010", 99), number("-1", 99), number("+1", 9)),
            (Some(16), Some(8), None, None)
        );
        assert_eq!(port("ssh", Some(6)), Some(22));
        assert_eq!((port("65536", None), port("http", Some(6))), (None, Some(80)));
        assert_eq!(range("5:", 9, |t| small(t, 9)), Ok((5, 9)));
        assert_eq!(range("5:4", 9, |t| small(t, 9)), Err(NoRange::Backwards));
        assert_eq!(icmp_type("3/4", false), Some(IcmpType::Type(3, Some(4))));
        assert_eq!(icmp_type("echo-req", false), Some(IcmpType::Type(8, None)));
        assert_eq!(tcp_flags("SYN,ack"), Some(0x12));
        assert_eq!(mac("00:60:08:76:35:51"), Some(0x0060_0876_3551));
        assert_eq!(mac("42:01:02:03:04"), None);
    }
}
