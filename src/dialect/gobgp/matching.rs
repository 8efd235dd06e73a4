//! Keys with their values to items of a route; shared by commands and what is shown.

use super::support;
use super::syntax::{Body, Item, Route};
use super::values;
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::ComponentType;
use crate::dialect::raised;
use crate::guard::{Meter, limits};
use crate::source::Span;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A word of the text with its offset.
pub(super) type Word<'a> = (&'a str, usize);

/// The place of words that stand together.
pub(super) fn place(words: &[Word<'_>]) -> Span {
    match (words.first(), words.last()) {
        (Some((_, start)), Some((last, end))) => Span::new(*start, end + last.len()),
        _ => Span::default(),
    }
}

/// Adds the item of a key with its values.
pub(super) fn item(key: Word<'_>, args: &[Word<'_>], route: &mut Route, findings: &mut Findings) {
    let at = Span::new(key.1, key.1 + key.0.len());
    let span = if args.is_empty() { at } else { at.to(place(args)) };
    let kind = support::component(key.0);
    let body = match kind {
        None => {
            let message = if support::LAYER2.contains(&key.0) {
                format!("`{}` is a key of L2VPN flow routes only", key.0)
            } else {
                format!("`{}` is no key of a flow route", key.0)
            };
            findings.error(raised::UNSUPPORTED_KEYWORD, message, at);
            Body::Unread
        }
        Some(ComponentType::DestinationPrefix | ComponentType::SourcePrefix) => {
            prefix(args, at, route, findings).unwrap_or(Body::Unread)
        }
        Some(kind) => list(args, kind, at, route, findings),
    };
    route.items.push(Item { kind, body, span });
}

fn list(
    args: &[Word<'_>],
    kind: ComponentType,
    at: Span,
    route: &mut Route,
    findings: &mut Findings,
) -> Body {
    let start = route.operands.len();
    let mut surprises = Vec::new();
    let mut meter = Meter::new(&limits::CONDITION_VALUES);
    let operands = &mut route.operands;
    let read = values::read(
        args.iter().copied(),
        kind,
        |operand| {
            meter.charge(1).map_err(|exhausted| format!("fewer values: {exhausted}"))?;
            operands.push(operand);
            Ok(())
        },
        &mut surprises,
    );
    for surprise in surprises {
        findings.add(raised::MISLEADING_TEXT, Level::Warning, surprise.message, surprise.span, surprise.help);
    }
    match read {
        Ok(()) => route.close(start),
        Err(fault) => {
            let span = if fault.span == Span::default() { at } else { fault.span };
            findings.error(raised::SYNTAX_ERROR, format!("expected {}", fault.expected), span);
            route.operands.truncate(start);
            Body::Unread
        }
    }
}

// A prefix, in IPv6 with an offset behind it or behind a second slash.
fn prefix(args: &[Word<'_>], key: Span, route: &Route, findings: &mut Findings) -> Option<Body> {
    let Some((word, start)) = args.first().copied() else {
        return refused(findings, raised::SYNTAX_ERROR, "expected a prefix behind this key".to_owned(), key);
    };
    let span = Span::new(start, start + word.len());
    let six = route.table.family() == crate::field::Family::Inet6;
    let mut parts = word.split('/');
    let (addr, len, third) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    let second = args.get(1).map(|(word, at)| (*word, Span::new(*at, at + word.len())));
    let max: u8 = if six { 128 } else { 32 };
    let number = |text: &str| text.parse::<u8>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let len = match len {
        None => max,
        Some(text) => match number(text).filter(|len| *len <= max) {
            Some(len) => len,
            None => {
                return refused(
                    findings,
                    raised::SYNTAX_ERROR,
                    format!("expected a prefix length of 0 to {max}"),
                    span,
                );
            }
        },
    };
    // Measured with 3.10.0: what stands behind the length of an IPv4 prefix, or behind an offset, is dropped.
    let rest = if six { parts.next() } else { third };
    if !six {
        if let Ok(addr) = addr.parse::<Ipv4Addr>() {
            if let Some((_, at)) = second {
                return refused(
                    findings,
                    raised::SYNTAX_ERROR,
                    "expected no offset behind an IPv4 prefix".to_owned(),
                    at,
                );
            }
            if rest.is_some() {
                dropped(span, findings);
            }
            return Some(Body::Prefix4 { addr: addr.to_bits(), len });
        }
        let (check, what) = match addr.parse::<Ipv6Addr>() {
            Ok(_) => (raised::MIXED_FAMILY, "this prefix is IPv6 and the route is IPv4"),
            Err(_) => (raised::SYNTAX_ERROR, "expected an IPv4 prefix"),
        };
        return refused(findings, check, what.to_owned(), span);
    }
    let Ok(addr) = addr.parse::<Ipv6Addr>() else {
        if addr.parse::<Ipv4Addr>().is_ok() {
            let message = format!("GoBGP makes `::/{len}` of an IPv4 prefix in an IPv6 route");
            return refused(findings, raised::MIXED_FAMILY, message, span);
        }
        return refused(findings, raised::SYNTAX_ERROR, "expected an IPv6 prefix".to_owned(), span);
    };
    if let Some(last) = args.get(2).filter(|_| third.is_none()).or(args.get(1).filter(|_| third.is_some())) {
        let at = Span::new(last.1, last.1 + last.0.len());
        return refused(
            findings,
            raised::SYNTAX_ERROR,
            "expected one offset behind an IPv6 prefix".to_owned(),
            at,
        );
    }
    if rest.is_some() || third.is_some_and(|text| number(text).is_none()) {
        dropped(span, findings);
    }
    let (text, at) = match (third, second) {
        (Some(text), _) => (if number(text).is_some() { text } else { "0" }, span),
        (None, Some((text, at))) => (text, at),
        (None, None) => return Some(Body::Prefix6 { addr: addr.to_bits(), len, offset: 0 }),
    };
    match number(text) {
        Some(0) => Some(Body::Prefix6 { addr: addr.to_bits(), len, offset: 0 }),
        Some(offset) if offset < len => Some(Body::Prefix6 { addr: addr.to_bits(), len, offset }),
        Some(offset) => {
            let message =
                format!("an offset of `{offset}` leaves nothing of a prefix of {len} bits to compare");
            refused(findings, raised::MALFORMED_NLRI, message, at)
        }
        None => {
            refused(findings, raised::SYNTAX_ERROR, "expected an offset behind the prefix".to_owned(), at)
        }
    }
}

fn refused(findings: &mut Findings, check: &'static str, message: String, span: Span) -> Option<Body> {
    findings.error(check, message, span);
    None
}

fn dropped(span: Span, findings: &mut Findings) {
    let message = "GoBGP drops what stands behind the second slash here";
    findings.add(raised::MISLEADING_TEXT, Level::Warning, message, span, "write one prefix length");
}
