//! Whether a text is ExaBGP's.

use super::lex::{Token, blank, token};
use crate::dialect::Recognition;

/// How sure a text is ExaBGP's, by the statements it begins with.
pub(super) fn looks_like(text: &str) -> Recognition {
    let (mut rest, mut depth, mut first, mut seen) = (text, 0_usize, true, Recognition::No);
    // Words of one statement: the first, and the one of its neighbor that tells ExaBGP from others.
    let mut opener = "";
    loop {
        let (at, newline) = blank(rest);
        first |= newline && depth == 0;
        let (after, next) = token(at);
        rest = after;
        match next {
            Token::End(_) => return seen,
            Token::BlockOpen(_) => (depth, first) = (depth + 1, true),
            Token::BlockClose(_) => (depth, first) = (depth.saturating_sub(1), true),
            Token::Semicolon(_) => first = true,
            Token::Word(word) if depth == 0 && first => {
                first = false;
                opener = word;
                match word {
                    "announce" | "withdraw" => {
                        return if is_command(rest) { Recognition::Certain } else { seen };
                    }
                    "neighbor" | "group" | "template" | "process" | "flow" => {}
                    _ => return seen,
                }
            }
            Token::Word("announce" | "withdraw") if depth == 0 && opener == "neighbor" => {
                return Recognition::Certain;
            }
            Token::Word(word) if first => {
                first = false;
                match (opener, word) {
                    ("neighbor" | "group" | "template", "peer-as" | "router-id" | "flow" | "family")
                    | ("process", "run" | "encoder") => return Recognition::Certain,
                    ("flow", "route") => seen = Recognition::Possible,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

// The kinds of routes of a command that names its address family.
const FAMILIES: &[&str] = &[
    "flow",
    "flow-vpn",
    "labeled-unicast",
    "mcast-vpn",
    "mpls-vpn",
    "multicast",
    "mup",
    "nlri-mpls",
    "rtc",
    "unicast",
];

/// Whether a text begins as one of another kind: JSON, markup, or settings in sections.
pub(super) fn begins_as_another(text: &str) -> bool {
    let lines = text.lines().map(str::trim_start);
    let first = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with(['{', '[', '<']))
}

// What follows `announce` or `withdraw` on its line.
fn is_command(rest: &str) -> bool {
    let line = rest.split('\n').next().unwrap_or("");
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some("flow"), Some(next)) => next == "route",
        (Some("ipv4" | "ipv6"), Some(next)) => FAMILIES.contains(&next),
        (Some("route"), Some(next)) => next.contains(['.', ':', '/']),
        (Some("attributes" | "attribute" | "vpls" | "eor"), _) => true,
        _ => false,
    }
}
