//! Values of statements: operands and prefixes, as nom functions over one word.

use super::lex::{Fault, Parsed, expected};
use super::names;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{Body, ComponentType, Operand};
use crate::net::Prefix4;
use crate::source::Span;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case};
use nom::combinator::value;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Reads the operands of one word, joined by `&`. `text` is the whole source, of which `word` is a part.
pub(super) fn operands<'a>(
    text: &str,
    word: &'a str,
    kind: ComponentType,
    mut push: impl FnMut(Operand),
) -> Result<(), Fault<'a>> {
    let mut rest = word;
    let mut join = 0;
    loop {
        let (part, more) = match rest.split_once('&') {
            Some((part, more)) => (part, Some(more)),
            None => (rest, None),
        };
        let (op, value) = operand(part, kind).map_err(|error| match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
            nom::Err::Incomplete(_) => Fault { at: part, expected: "" },
        })?;
        push(Operand::new(op | join, value, Span::of(text, part)));
        match more {
            Some(more) => (rest, join) = (more, AND),
            None => return Ok(()),
        }
    }
}

fn operand(part: &str, kind: ComponentType) -> Result<(u8, u64), nom::Err<Fault<'_>>> {
    let (rest, op) = if kind.is_bitmask() { bitmask_operator(part)? } else { numeric_operator(part)? };
    let value = if kind.is_bitmask() { mask(rest, kind)? } else { number(rest, kind)? };
    Ok((op, value))
}

// `=` when nothing is written. `true` and `false` need a value that nobody looks at.
fn numeric_operator(input: &str) -> Parsed<'_, u8> {
    match input.as_bytes() {
        // The usual ones first, without a try of each alternative.
        [b'0'..=b'9', ..] => Ok((input, EQ)),
        [first, second, ..]
            if first.is_ascii_alphabetic() && !matches!(second, b'r' | b'R' | b'a' | b'A') =>
        {
            Ok((input, EQ))
        }
        [b'=', ..] => value(EQ, tag("=")).parse(input),
        _ => alt((
            value(GT | EQ, tag(">=")),
            value(GT, tag(">")),
            value(LT | EQ, tag("<=")),
            value(LT, tag("<")),
            value(LT | GT, tag("!=")),
            value(LT | GT | EQ, tag_no_case("true")),
            value(0, tag_no_case("false")),
            value(EQ, tag("")),
        ))
        .parse(input),
    }
}

// Without an operator: any of the bits.
fn bitmask_operator(input: &str) -> Parsed<'_, u8> {
    alt((value(MATCH, tag("=")), value(NOT | MATCH, tag("!=")), value(NOT, tag("!")), value(0, tag(""))))
        .parse(input)
}

fn number(input: &str, kind: ComponentType) -> Result<u64, nom::Err<Fault<'_>>> {
    match plain_number(input) {
        Number::Value(number) => Ok(number),
        Number::TooLarge => expected(input, "a number of at most 64 bits"),
        Number::NotOne => match names::value(kind, input) {
            Some(value) => Ok(value),
            None if input.is_empty() => expected(input, "a value behind the operator"),
            None if is_range(input) => expected(input, "one number (a range is written `>=80&<=90`)"),
            None => expected(input, expected_value(kind)),
        },
    }
}

fn expected_value(kind: ComponentType) -> &'static str {
    match kind {
        ComponentType::Protocol => "a number or the name of a protocol",
        ComponentType::IcmpType | ComponentType::IcmpCode => "a number or an ICMP name",
        ComponentType::Port | ComponentType::DestinationPort | ComponentType::SourcePort => {
            "a number or the name of a service"
        }
        _ => "a number",
    }
}

fn is_range(input: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    input.split_once('-').is_some_and(|(lo, hi)| digits(lo) && digits(hi))
}

/// What a word is as a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Number {
    /// A number.
    Value(u64),
    /// Digits of a number beyond 64 bits.
    TooLarge,
    /// Something else.
    NotOne,
}

impl Number {
    /// The number, where it is one that fits.
    pub(super) fn value(self) -> Option<u64> {
        match self {
            Self::Value(value) => Some(value),
            Self::TooLarge | Self::NotOne => None,
        }
    }
}

/// Reads a decimal or `0x` number.
pub(super) fn plain_number(input: &str) -> Number {
    let (digits, base) = input.strip_prefix("0x").map_or((input, 10), |hex| (hex, 16));
    if digits.is_empty() {
        return Number::NotOne;
    }
    let mut number = Some(0_u64);
    for byte in digits.bytes() {
        let Some(digit) = char::from(byte).to_digit(base) else { return Number::NotOne };
        number = number.and_then(|n| n.checked_mul(u64::from(base))?.checked_add(u64::from(digit)));
    }
    number.map_or(Number::TooLarge, Number::Value)
}

// Bits joined by `+`. ExaBGP adds them up, so that a bit written twice becomes the next one.
fn mask(input: &str, kind: ComponentType) -> Result<u64, nom::Err<Fault<'_>>> {
    let mut bits = 0_u64;
    for name in input.split('+') {
        let value = match plain_number(name) {
            Number::NotOne => names::value(kind, name),
            number => number.value(),
        };
        match value {
            Some(value) if bits & value != 0 => return expected(name, "every bit once"),
            Some(value) => bits |= value,
            None if name.is_empty() => return expected(name, "the name of a bit"),
            None if kind == ComponentType::Fragment => {
                return expected(name, "`dont-fragment`, `is-fragment`, `first-fragment` or `last-fragment`");
            }
            None => return expected(name, "the name of a TCP flag"),
        }
    }
    Ok(bits)
}

/// Reads a prefix: `A.B.C.D/len`, `A::B/len` or `A::B/len/offset`.
pub(super) fn prefix(word: &str) -> Result<Body, Fault<'_>> {
    let fault = |at, expected| Fault { at, expected };
    let Some((addr, rest)) = word.split_once('/') else {
        let is_address = word.parse::<std::net::IpAddr>().is_ok();
        let missing = "a prefix length behind the address, as `/32`";
        return Err(fault(word, if is_address { missing } else { "a prefix, as `192.0.2.0/24`" }));
    };
    if addr.contains(':') {
        let addr: Ipv6Addr = addr.parse().map_err(|_| fault(addr, "an IPv6 address"))?;
        let (len, offset) = rest.split_once('/').unwrap_or((rest, "0"));
        let length = small(len, 128).ok_or(fault(len, "a prefix length of 0 to 128"))?;
        let offset_value = small(offset, 128).ok_or(fault(offset, "an offset of 0 to 127"))?;
        if offset_value >= length && (offset_value, length) != (0, 0) {
            return Err(fault(offset, "an offset below the prefix length"));
        }
        return Ok(Body::Prefix6 { addr: addr.to_bits(), len: length, offset: offset_value });
    }
    let addr: Ipv4Addr = addr.parse().map_err(|_| fault(addr, "an IPv4 address"))?;
    let prefix = small(rest, 32).and_then(|len| Prefix4::new(addr.to_bits(), len));
    prefix.map(Body::Prefix4).ok_or(fault(rest, "a prefix length of 0 to 32"))
}

fn small(digits: &str, max: u8) -> Option<u8> {
    let plain = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse::<u8>().ok()).flatten().filter(|n| *n <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str, kind: ComponentType) -> Result<Vec<(u8, u64, u32)>, String> {
        let mut list = Vec::new();
        operands(word, word, kind, |o| list.push((o.op, o.value, o.span.start)))
            .map_err(|fault| format!("{}: {}", Span::of(word, fault.at).start, fault.expected))?;
        Ok(list)
    }

    #[test]
    fn operators_names_and_joins_are_read() {
        use ComponentType as C;
        assert_eq!(read(">8080&<8088", C::Port).unwrap(), [(GT, 8080, 0), (AND | LT, 8088, 6)]);
        assert_eq!(read("tcp", C::Protocol).unwrap(), [(EQ, 6, 0)]);
        assert_eq!(read("!=0x50", C::Port).unwrap(), [(LT | GT, 80, 0)]);
        assert_eq!(read("true5", C::PacketLength).unwrap(), [(LT | GT | EQ, 5, 0)]);
        assert_eq!(read("=syn&!ack+RST", C::TcpFlags).unwrap(), [(MATCH, 2, 0), (AND | NOT, 0x14, 5)]);
        assert_eq!(read("not-a-fragment", C::Fragment).unwrap(), [(0, 0, 0)]);
    }

    #[test]
    fn faults_say_where_and_what() {
        use ComponentType as C;
        let says = |word, kind| read(word, kind).unwrap_err();
        assert_eq!(says("80-90", C::Port), "0: one number (a range is written `>=80&<=90`)");
        assert_eq!(says(">=80&", C::Port), "5: a value behind the operator");
        assert_eq!(says("ef", C::Dscp), "0: a number");
        assert_eq!(says("true", C::Protocol), "4: a value behind the operator");
        assert_eq!(says("syn+syn", C::TcpFlags), "4: every bit once");
        assert_eq!(says("=99999999999999999999", C::Port), "1: a number of at most 64 bits");
        assert_eq!(prefix("192.0.2.7").unwrap_err().expected, "a prefix length behind the address, as `/32`");
        assert_eq!(prefix("::1/8/8").unwrap_err().at, "8");
        assert!(prefix("::/0/0").is_ok() && prefix("192.0.2.77/24").is_ok());
    }
}
