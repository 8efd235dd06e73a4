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

// What follows `announce` or `withdraw` on its line.
fn is_command(rest: &str) -> bool {
    let line = rest.split('\n').next().unwrap_or("");
    let second = line.split_whitespace().next();
    matches!(second, Some("flow" | "ipv4" | "ipv6" | "route" | "attributes" | "attribute" | "vpls" | "eor"))
}
