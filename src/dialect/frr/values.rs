//! Values as FRR shows them: `>= 137 , <= 139`, `= 2,&∋ ! 16`, `2001:db8::/32/off 0`.

use super::syntax::{Asked, Body};
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{ComponentType, Operand};
use crate::guard::{Meter, limits};
use crate::source::Span;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The body of a component; `text` stands at `offset`.
pub(super) fn body(kind: ComponentType, text: &str, offset: usize) -> Body {
    let read = match kind {
        ComponentType::DestinationPrefix | ComponentType::SourcePrefix => prefix(text.trim()),
        ComponentType::TcpFlags | ComponentType::Fragment => bits(text, offset).map(Body::Bits),
        _ => numbers(text, offset).map(Body::Numbers),
    };
    read.unwrap_or(Body::Unread)
}

fn prefix(text: &str) -> Option<Body> {
    let (prefix, offset) = text.split_once("/off").unwrap_or((text, "0"));
    let offset: u8 = offset.trim().parse().ok()?;
    let (addr, len) = prefix.split_once('/')?;
    let len: u8 = len.trim().parse().ok()?;
    if let Ok(addr) = addr.parse::<Ipv4Addr>() {
        return (len <= 32 && offset == 0).then(|| Body::Prefix4(addr.to_bits(), len));
    }
    let addr = addr.parse::<Ipv6Addr>().ok()?;
    (len <= 128 && (offset < len || offset == 0)).then(|| Body::Prefix6(addr.to_bits(), len, offset))
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

// Pieces between separators, each trimmed, with the offset of its first character.
fn place(text: &str, piece: &str, offset: usize) -> (String, Span) {
    let inside = Span::of(text, piece).start as usize;
    let trimmed = piece.trim();
    let start = offset + inside + (piece.len() - piece.trim_start().len());
    (trimmed.to_owned(), Span::new(start, start + trimmed.len()))
}

fn numbers(text: &str, offset: usize) -> Option<Vec<Operand>> {
    let mut meter = Meter::new(&limits::CONDITION_VALUES);
    let mut list = Vec::new();
    for piece in text.split(',') {
        meter.charge(1).ok()?;
        let (piece, span) = place(text, piece, offset);
        let signs = piece.bytes().take_while(|byte| matches!(byte, b'<' | b'>' | b'=')).count();
        let (signs, value) = piece.split_at_checked(signs)?;
        // Without a sign none of the three bits was set: the test is never true.
        let op = (u8::from(signs.contains('<')) * LT)
            | (u8::from(signs.contains('>')) * GT)
            | (u8::from(signs.contains('=')) * EQ);
        list.push(Operand::new(op, number(value.trim())?, span));
    }
    Some(list)
}

fn bits(text: &str, offset: usize) -> Option<Vec<Operand>> {
    let mut meter = Meter::new(&limits::CONDITION_VALUES);
    let mut list = Vec::new();
    for piece in text.split(',') {
        meter.charge(1).ok()?;
        let (piece, span) = place(text, piece, offset);
        let (join, rest) = match piece.strip_prefix('&') {
            Some(rest) => (AND, rest),
            None => (0, piece.strip_prefix('|').unwrap_or(&piece)),
        };
        let rest = rest.trim_start();
        let (form, rest) = match (rest.strip_prefix('='), rest.strip_prefix('∋')) {
            (Some(rest), _) => (MATCH, rest),
            (None, Some(rest)) => (0, rest),
            (None, None) => return None,
        };
        let rest = rest.trim_start();
        let (not, value) = rest.strip_prefix('!').map_or((0, rest), |value| (NOT, value));
        let join = if list.is_empty() { 0 } else { join };
        list.push(Operand::new(join | not | form, number(value.trim())?, span));
    }
    Some(list)
}

/// Whether words name an action that FRR shows, whatever it says of it.
pub(super) fn is_known(words: &str) -> bool {
    ["FS:rate ", "FS:action", "FS:redirect ", "FS:marking ", "NH:", "UNK:"]
        .iter()
        .any(|head| words.starts_with(head))
}

/// Characters of a target that FRR 8.4.4 shows: more are cut off.
const TARGET: usize = 12;

/// Whether words name a target that may have been longer.
pub(super) fn is_cut(words: &str) -> bool {
    let target =
        words.trim().strip_prefix("FS:redirect VRF ").map(|target| target.trim().trim_start_matches("RT:"));
    target.is_some_and(|target| {
        target.len() == TARGET && (0..10).any(|digit| read_target(&format!("{target}{digit}")).is_some())
            || target.len() == TARGET && read_target(target).is_none()
    })
}

/// What `FS:` words, and those of a next hop, ask for.
pub(super) fn asked(words: &str) -> Asked {
    let words = words.trim();
    let read = || {
        if let Some(rate) = words.strip_prefix("FS:rate ") {
            #[expect(clippy::cast_possible_truncation, reason = "the wire has single precision")]
            return rate
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|r| !r.is_nan())
                .map(|r| Asked::Rate(f64::from(r as f32)));
        }
        if let Some(dscp) = words.strip_prefix("FS:marking ") {
            let dscp: u8 = dscp.trim().parse().ok()?;
            return Some(Asked::Community([0x80, 0x09, 0, 0, 0, 0, 0, dscp]));
        }
        if let Some(target) = words.strip_prefix("FS:redirect VRF ") {
            let target = target.trim().trim_start_matches("RT:");
            return read_target(target).filter(|_| !is_cut(words));
        }
        if let Some((kind, subtype)) = words.strip_prefix("UNK:").and_then(|rest| rest.split_once(',')) {
            return Some(Asked::Unknown(kind.trim().parse().ok()?, subtype.trim().parse().ok()?));
        }
        // The last two octets of the community: the lowest bit asks for a copy.
        if let Some(hop) = words.strip_prefix("NH:") {
            let (addr, flags) = hop.rsplit_once(':')?;
            let addr = u64::from(addr.parse::<Ipv4Addr>().ok()?.to_bits());
            let flags = u64::from(flags.trim().parse::<u16>().ok()?);
            return Some(Asked::Community((0x010c << 48 | addr << 16 | flags).to_be_bytes()));
        }
        // The older redirect, to the next hop of the update.
        if let Some(flags) = words.strip_prefix("FS:redirect IP 0x") {
            let flags = u64::from(u16::from_str_radix(flags.trim(), 16).ok()?);
            return Some(Asked::Community((0x0800 << 48 | flags).to_be_bytes()));
        }
        let addr: Ipv4Addr = words.strip_prefix("FS:redirect IP ")?.split([' ', ':']).next()?.parse().ok()?;
        let [a, b, c, d] = addr.octets();
        Some(Asked::Community([0x01, 0x0c, a, b, c, d, 0, 0]))
    };
    read().unwrap_or(Asked::Words)
}

// A target whose AS has two octets or four, which its size tells.
fn read_target(target: &str) -> Option<Asked> {
    let (admin, number) = target.rsplit_once(':')?;
    let number: u32 = number.parse().ok()?;
    let (kind, value) = if let Ok(addr) = admin.parse::<Ipv4Addr>() {
        (0x81, u64::from(addr.to_bits()) << 16 | u64::from(u16::try_from(number).ok()?))
    } else {
        let asn: u32 = admin.parse().ok()?;
        match u16::try_from(asn) {
            Ok(asn) => (0x80, u64::from(asn) << 32 | u64::from(number)),
            Err(_) => (0x82, u64::from(asn) << 16 | u64::from(u16::try_from(number).ok()?)),
        }
    };
    Some(Asked::Community((kind << 56 | 0x08 << 48 | value).to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_shown() {
        let list = |kind, text| match body(kind, text, 0) {
            Body::Numbers(list) | Body::Bits(list) => list.iter().map(|o| (o.op, o.value)).collect(),
            _ => vec![],
        };
        assert_eq!(list(ComponentType::Port, "> 8080 , < 8088 , = 3128 "), [(2, 8080), (4, 8088), (1, 3128)]);
        assert_eq!(list(ComponentType::Protocol, " 0 "), [(0, 0)]);
        assert_eq!(list(ComponentType::TcpFlags, "= 2,&= ! 16,|∋ 18"), [(1, 2), (0x43, 16), (0, 18)]);
        assert_eq!(list(ComponentType::TcpFlags, "= 0x02"), [(1, 2)]);
        assert_eq!(list(ComponentType::Port, "x"), []);
        let kind = ComponentType::SourcePrefix;
        assert_eq!(body(kind, "10.0.0.0/8", 0), Body::Prefix4(0x0a00_0000, 8));
        assert_eq!(body(kind, "::/0/off 0 ", 0), Body::Prefix6(0, 0, 0));
        assert_eq!(body(kind, "10.0.0.0/33", 0), Body::Unread);
    }

    #[test]
    fn actions_are_read_as_they_are_shown() {
        assert_eq!(asked("FS:rate 9600.000000"), Asked::Rate(9600.0));
        assert_eq!(
            asked("FS:redirect VRF RT:65000:100"),
            Asked::Community([0x80, 8, 0xfd, 0xe8, 0, 0, 0, 100])
        );
        assert_eq!(asked("FS:redirect VRF RT:65546:100"), Asked::Community([0x82, 8, 0, 1, 0, 10, 0, 100]));
        assert_eq!(asked("FS:redirect VRF RT:1.1.1.1:5"), Asked::Community([0x81, 8, 1, 1, 1, 1, 0, 5]));
        assert_eq!(asked("FS:action eval stops"), Asked::Words);
        assert_eq!(asked("NH:192.0.2.1:1"), Asked::Community([1, 12, 192, 0, 2, 1, 0, 1]));
        // Twelve characters may be the beginning of more, where more is a target too.
        for (target, cut) in [("15.83.35.181", true), ("65000:123456", true), ("4185521018:5", true)] {
            let words = format!("FS:redirect VRF RT:{target}");
            assert_eq!((is_cut(&words), asked(&words)), (cut, Asked::Words), "{target}");
        }
        assert!(!is_cut("FS:redirect VRF RT:1.1.1.1:7004") && !is_cut("FS:redirect VRF RT:65000:12345"));
    }
}
