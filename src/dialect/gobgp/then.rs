//! What a route asks for: the words behind `then`, and how they are shown.

use super::matching::Word;
use super::support;
use super::syntax::{Asked, Route};
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::raised;
use crate::source::Span;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Reads the words behind `then`; says whether there is more than attributes of the path, which GoBGP takes out first.
pub(super) fn read(args: &[Word<'_>], route: &mut Route, findings: &mut Findings) -> bool {
    let mut rest = args;
    let mut acts = args.is_empty();
    // Behind these GoBGP drops words that it does not know; elsewhere it refuses the command.
    let mut drops = false;
    while let [(word, start), tail @ ..] = rest {
        let span = Span::new(*start, start + word.len());
        let value = tail.first().copied();
        let whole = value.map_or(span, |(word, at)| span.to(Span::new(at, at + word.len())));
        acts |= !support::OF_PATH.contains(word);
        let mut used = 1;
        let asked = match *word {
            "accept" => {
                drops = true;
                rest = tail;
                continue;
            }
            "discard" => {
                used = 0;
                Some(Asked::Rate(0.0))
            }
            "rate-limit" => {
                if let [_, ("as", _), (asn, _), ..] = tail
                    && asn.bytes().all(|byte| byte.is_ascii_digit())
                {
                    used = 3;
                }
                value.and_then(|(word, _)| rate(word)).map(Asked::Rate)
            }
            "mark" => value.and_then(|(word, _)| word.parse().ok()).map(mark),
            "action" => value.and_then(|(word, _)| traffic(word)),
            "redirect" => value.and_then(|(word, at)| redirect(word, at, findings)),
            "rt" if !route.table.is_vpn() => {
                let message = "GoBGP refuses `rt` for a family without VPN";
                findings.error(raised::SYNTAX_ERROR, message, whole);
                route.asked.push((Asked::Unread, whole));
                rest = tail.get(1..).unwrap_or(&[]);
                continue;
            }
            "rt" => value.and_then(|(word, _)| target(word)).map(|(kind, value)| short(kind, 0x02, value)),
            word if support::OF_PATH.contains(&word) => {
                rest = tail.get(if word == "aigp" { 2 } else { 1 }..).unwrap_or(&[]);
                continue;
            }
            word if support::ATTRIBUTES.contains(&word) => {
                drops = word == "router-mac";
                rest = tail.get(1..).unwrap_or(&[]);
                continue;
            }
            word if !drops => {
                let message = format!("`{word}` is no action of a flow route");
                let help = "remove it: GoBGP refuses the command; see `flowgate dialects` for the actions";
                findings.add(raised::SYNTAX_ERROR, Level::Error, message, span, help);
                route.asked.push((Asked::Unread, span));
                rest = tail;
                continue;
            }
            word => {
                let message = if matches!(word, "sample" | "terminal") {
                    format!("GoBGP drops `{word}` here: `action` takes one value")
                } else {
                    format!("GoBGP drops `{word}` here: it is no action of a flow route")
                };
                let help = "write `action sample-terminal` for both; see `flowgate dialects` for the actions";
                findings.add(raised::MISLEADING_TEXT, Level::Warning, message, span, help);
                rest = tail;
                continue;
            }
        };
        drops = matches!(*word, "mark" | "action");
        let all = tail.get(..used).and_then(<[Word<'_>]>::last);
        let place = all.map_or(span, |(word, at)| span.to(Span::new(*at, at + word.len())));
        if let Some(asked) = asked {
            route.asked.push((asked, place));
        } else {
            let what = match *word {
                "rate-limit" => "a rate in octets a second, as `1250000`",
                "mark" => "a DSCP of 0 to 63",
                "action" => "`sample`, `terminal` or `sample-terminal`",
                _ => "`AS:number`, `A.B.C.D:number` or `AS.AS:number`",
            };
            findings.error(raised::SYNTAX_ERROR, format!("expected {what}"), whole);
            route.asked.push((Asked::Unread, whole));
        }
        rest = tail.get(used..).unwrap_or(&[]);
    }
    acts
}

/// Reads what is shown between `{Extcomms: ` and `}`.
pub(super) fn shown(list: &str, offset: usize, route: &mut Route, findings: &mut Findings) {
    let mut rest = list;
    while let Some((before, tail)) = rest.split_once('[') {
        let Some((inside, after)) = tail.split_once(']') else { return };
        let start = offset + (list.len() - rest.len()) + before.len() + 1;
        let span = Span::new(start, start + inside.len());
        let (name, value) = inside.split_once(": ").unwrap_or((inside, ""));
        let asked = match name {
            "discard" => Some(Asked::Rate(0.0)),
            "rate" => rate(value.split('(').next().unwrap_or(value)).map(Asked::Rate),
            "action" if value.is_empty() => Some(Asked::Traffic(false, false)),
            "action" => traffic(value),
            "remark" => value.parse().ok().map(mark),
            "redirect" => {
                six(value).or_else(|| target(value).map(|(kind, value)| short(kind | 0x80, 0x08, value)))
            }
            _ => untyped(inside, route.table.is_vpn(), span, findings),
        };
        if asked.is_none() {
            unread(inside, span, findings);
        }
        route.asked.push((asked.unwrap_or(Asked::Unread), span));
        rest = after;
    }
}

/// Says that nobody knows what a community asks for.
pub(super) fn unread(text: &str, span: Span, findings: &mut Findings) {
    let text: String = text.chars().take(40).collect();
    let message = format!("the community `{}` asks for nothing that is known here", text.escape_debug());
    findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, span, "");
}

/// A community that is shown without what tells its type: a target, a redirect to an address, or of one that GoBGP
/// does not know the subtype and six octets as a number. It is taken for the one that means something for flow routes.
fn untyped(text: &str, is_vpn: bool, span: Span, findings: &mut Findings) -> Option<Asked> {
    let (asked, what) = if let Some((kind, value)) = target(text) {
        if kind != 1 || is_vpn {
            return Some(short(kind, 0x02, value));
        }
        (short(kind, 0x0c, value), "a redirect to an address")
    } else {
        let [_, subtype, value @ ..] = text.parse::<u64>().ok()?.to_be_bytes();
        match subtype {
            0x0c => (short(0x80, subtype, value), "a rate in packets"),
            0x02 => (short(0x07, subtype, value), "a set of interfaces"),
            0x00 => (short(0x08, subtype, value), "a redirect to the next hop"),
            _ => return None,
        }
    };
    let message = format!("GoBGP shows this community without its type: it is taken for {what}");
    let help = "take the route from the JSON (`-j`), which has the type";
    findings.add(raised::MISLEADING_TEXT, Level::Warning, message, span, help);
    Some(asked)
}

/// A rate: digits, perhaps with a fraction, in the precision of the wire.
fn rate(word: &str) -> Option<f64> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    word.parse::<f32>().ok().map(f64::from)
}

/// A DSCP to write, as its community.
pub(super) fn mark(dscp: u8) -> Asked {
    Asked::Short([0x80, 0x09, 0, 0, 0, 0, 0, dscp])
}

/// `sample`, `terminal` or both.
pub(super) fn traffic(word: &str) -> Option<Asked> {
    Some(match word {
        "sample" => Asked::Traffic(true, false),
        "terminal" => Asked::Traffic(false, true),
        "sample-terminal" | "terminal-sample" => Asked::Traffic(true, true),
        _ => return None,
    })
}

/// A community of eight octets.
pub(super) fn short(kind: u8, subtype: u8, value: [u8; 6]) -> Asked {
    let mut octets = [0; 8];
    let parts = [kind, subtype].into_iter().chain(value);
    octets.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    Asked::Short(octets)
}

// `X::Y:N`, as GoBGP sends it: a type no standard knows (0x800b).
pub(super) fn six(word: &str) -> Option<Asked> {
    let (addr, number) = word.rsplit_once(':')?;
    let addr: Ipv6Addr = addr.parse().ok()?;
    let number: u16 = number.parse().ok()?;
    let mut octets = [0; 20];
    let parts = [0x80, 0x0b].into_iter().chain(addr.octets()).chain(number.to_be_bytes());
    octets.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    Some(Asked::Long(octets))
}

/// A route target: its type octet and its value. Numbers beyond what they are read into are the largest there (measured
/// with 3.10.0); behind an address the last 16 bits count.
pub(super) fn target(word: &str) -> Option<(u8, [u8; 6])> {
    let (admin, number) = word.rsplit_once(':')?;
    let number = u64::from(capped(number, u32::MAX)?);
    let (kind, high, bits) = if let Ok(addr) = admin.parse::<Ipv4Addr>() {
        (1, u64::from(addr.to_bits()), 16)
    } else if let Some((high, low)) = admin.split_once('.') {
        (2, u64::from(capped(high, 0xffff)?) << 16 | u64::from(capped(low, 0xffff)?), 16)
    } else {
        (0, u64::from(capped(admin, 0xffff)?), 32)
    };
    let low = if bits == 16 { number & 0xffff } else { number };
    let [_, _, value @ ..] = (high << bits | low).to_be_bytes();
    Some((kind, value))
}

// A number of any length, at most so large.
fn capped(digits: &str, most: u32) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().map_or(most, |number: u32| number.min(most)))
}

/// `redirect RT` with what GoBGP makes of numbers that are too large.
fn redirect(word: &str, at: usize, findings: &mut Findings) -> Option<Asked> {
    let span = Span::new(at, at + word.len());
    let mut surprise = |message: String, help: &str| {
        findings.add(raised::MISLEADING_TEXT, Level::Warning, message, span, help);
    };
    let is_six = word.rsplit_once(':').is_some_and(|(addr, _)| addr.parse::<Ipv6Addr>().is_ok());
    if is_six {
        let message =
            "GoBGP sends a redirect to an IPv6 address as a community of type 0x800b: routers ignore it";
        surprise(message.to_owned(), "redirect to a target with an AS or an IPv4 address");
        return six(word);
    }
    let (kind, value) = target(word)?;
    let (admin, number) = word.rsplit_once(':')?;
    let large = |text: &str, most: u64| text.parse::<u64>().map_or(true, |number| number > most);
    if kind == 0 && large(admin, 0xffff) {
        let message = format!("GoBGP makes AS 65535 of `{admin}`");
        let asn = u64::from(capped(admin, u32::MAX)?);
        let help = format!("write a four-octet AS as `{}.{}:{number}`", asn >> 16, asn & 0xffff);
        surprise(message, &help);
    } else if kind == 2
        && let Some(part) = admin.split('.').find(|part| large(part, 0xffff))
    {
        surprise(format!("GoBGP makes 65535 of `{part}`"), "write each half of a four-octet AS up to 65535");
    } else if kind != 0 && large(number, 0xffff) {
        let message = format!("GoBGP makes {} of `{number}`", capped(number, u32::MAX)? & 0xffff);
        surprise(message, "write a number up to 65535 behind an address or a four-octet AS");
    } else if large(number, u64::from(u32::MAX)) {
        surprise(format!("GoBGP makes {} of `{number}`", u32::MAX), "write a number of 32 bits");
    }
    Some(short(kind | 0x80, 0x08, value))
}

/// A route distinguisher (RFC 4364 §4.2).
pub(super) fn distinguisher(word: &str) -> Option<[u8; 8]> {
    let (kind, value) = target(word)?;
    let mut octets = [0; 8];
    octets.iter_mut().zip([0, kind].into_iter().chain(value)).for_each(|(to, from)| *to = from);
    Some(octets)
}
