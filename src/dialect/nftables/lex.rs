//! Words, numbers, addresses and signs of nftables text.
//!
//! Where a word ends depends on what it begins as: `-` and `/` belong to names (`echo-request`) and end numbers
//! and addresses (`1-5`, `10.0.0.0/8`); `:` belongs to IPv6 and Ethernet addresses and else parts a key from its
//! value (`22:accept`).

use crate::source::Span;
use memchr::{memchr, memchr3};
use std::net::Ipv6Addr;

/// A part of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// A name, number or address.
    Word(&'a str),
    /// Text between quotation marks, without them.
    Quoted(&'a str),
    /// A quotation that does not end on its line.
    Unclosed(&'a str),
    /// Any sign but the comparisons.
    Sign(u8),
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// The end of the text.
    End,
}

// A token without its text.
#[derive(Clone, Copy)]
enum Shape {
    Word,
    Quoted,
    Unclosed,
    Sign(u8),
    Eq,
    Ne,
    Le,
    Ge,
    Shl,
    Shr,
    End,
}

/// Reads tokens off a part of a text. Line ends are blanks here: statements are cut out before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    // Where `text` begins in the source.
    base: u32,
    at: usize,
}

const WORD: u8 = 1;
const HEX: u8 = 2;

// For every octet: whether a word can hold it, and whether an address can.
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    #[expect(clippy::indexing_slicing, reason = "a constant, evaluated when the library is built")]
    while i < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let c = i as u8;
        if c.is_ascii_alphanumeric() || c == b'_' || c == b'.' || c >= 0x80 {
            table[i] |= WORD;
        }
        if c.is_ascii_hexdigit() || c == b':' || c == b'.' {
            table[i] |= HEX;
        }
        i += 1;
    }
    table
};

fn class(octet: u8) -> u8 {
    CLASS.get(usize::from(octet)).copied().unwrap_or(0)
}

impl<'a> Lexer<'a> {
    /// Reads `text`, which begins at `base` in its source.
    pub(super) fn new(text: &'a str, base: u32) -> Self {
        Self { text, base, at: 0 }
    }

    /// The next token and its place.
    pub(super) fn next(&mut self) -> (Token<'a>, Span) {
        let mut token = Token::End;
        let span = self.next_to(&mut token);
        (token, span)
    }

    /// Where reading is.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes on reading at a place it was at.
    pub(super) fn go_back(&mut self, position: usize) {
        self.at = position;
    }

    /// As [`Lexer::next`], with the token put where it stays: half of the work would be to move it.
    #[inline]
    pub(super) fn next_to(&mut self, out: &mut Token<'a>) -> Span {
        let rest = self.octets();
        if rest.first().is_none_or(|byte| class(*byte) & WORD == 0) {
            self.at += blank_octets(rest);
        }
        let start = self.at;
        let (shape, length) = self.shape();
        self.at += length;
        let text = |from: usize, to: usize| self.text.get(from..to).unwrap_or("");
        *out = match shape {
            Shape::Word => Token::Word(text(start, self.at)),
            Shape::Quoted => Token::Quoted(text(start + 1, self.at - 1)),
            Shape::Unclosed => Token::Unclosed(text(start + 1, self.at)),
            Shape::Sign(sign) => Token::Sign(sign),
            Shape::Eq => Token::Eq,
            Shape::Ne => Token::Ne,
            Shape::Le => Token::Le,
            Shape::Ge => Token::Ge,
            Shape::Shl => Token::Shl,
            Shape::Shr => Token::Shr,
            Shape::End => Token::End,
        };
        self.span(start, self.at)
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn octets(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).saturating_add(self.base);
        Span { start: place(start), end: place(end) }
    }

    // What the next token is, and how long.
    fn shape(&self) -> (Shape, usize) {
        let bytes = self.octets();
        let Some(&first) = bytes.first() else { return (Shape::End, 0) };
        let second = bytes.get(1).copied();
        if class(first) & WORD != 0 || (first == b':' && second == Some(b':')) {
            if first == b'.' && second.is_none_or(|c| class(c) & WORD == 0) {
                return (Shape::Sign(b'.'), 1);
            }
            return (Shape::Word, word(bytes));
        }
        let pair = match (first, second) {
            (b'=', Some(b'=')) => Shape::Eq,
            (b'!', Some(b'=')) => Shape::Ne,
            (b'<', Some(b'=')) => Shape::Le,
            (b'>', Some(b'=')) => Shape::Ge,
            (b'<', Some(b'<')) => Shape::Shl,
            (b'>', Some(b'>')) => Shape::Shr,
            (b'"', _) => return quoted(bytes),
            (sign, _) => return (Shape::Sign(sign), 1),
        };
        (pair, 2)
    }
}

fn quoted(bytes: &[u8]) -> (Shape, usize) {
    let inner = bytes.get(1..).unwrap_or(&[]);
    let end = inner.iter().position(|b| matches!(b, b'"' | b'\n')).unwrap_or(inner.len());
    if inner.get(end) == Some(&b'"') { (Shape::Quoted, end + 2) } else { (Shape::Unclosed, end + 1) }
}

/// Octets of blanks, line ends, continued lines and comments at the beginning.
pub(super) fn blank(text: &str) -> usize {
    blank_octets(text.as_bytes())
}

fn blank_octets(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'\\' if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            b'\\' if bytes.get(at + 1) == Some(&b'\r') => at += 3,
            b'#' => {
                let rest = bytes.get(at..).unwrap_or(&[]);
                at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            }
            _ => break,
        }
    }
    at.min(bytes.len())
}

/// How long the word at the beginning is.
fn word(bytes: &[u8]) -> usize {
    let numeric = bytes.first().is_some_and(u8::is_ascii_digit);
    let mut at = run(bytes, WORD);
    if bytes.get(at) == Some(&b':')
        && let Some(length) = address(bytes, run(bytes, HEX))
    {
        return length;
    }
    loop {
        at += match bytes.get(at) {
            Some(b'-' | b'/' | b'@' | b'+' | b'?') if !numeric && follows(bytes, at) => 1,
            Some(b'*') if !numeric => 1,
            Some(b'\\') if bytes.get(at + 1) == Some(&b'*') => 2,
            _ => return at.max(1).min(bytes.len()),
        };
        at += run(bytes.get(at..).unwrap_or(&[]), WORD);
    }
}

// How many octets of a class stand at the beginning.
fn run(bytes: &[u8], of: u8) -> usize {
    bytes.iter().position(|byte| class(*byte) & of == 0).unwrap_or(bytes.len())
}

// A name goes on behind `-` and the like where more of a word stands there, or nothing.
fn follows(bytes: &[u8], at: usize) -> bool {
    bytes.get(at + 1).is_none_or(|c| {
        class(*c) & WORD != 0
            || matches!(c, b'-' | b'*')
            || (matches!(bytes.get(at), Some(b'-' | b'/')) && c.is_ascii_whitespace())
    })
}

/// The length of the IPv6 or Ethernet address at the beginning, where `run` octets may belong to one.
fn address(bytes: &[u8], run: usize) -> Option<usize> {
    if bytes.get(run).is_some_and(|b| class(*b) & WORD != 0) {
        return None;
    }
    let text = std::str::from_utf8(bytes.get(..run)?).ok()?;
    if is_queueing_class(text) && bytes.get(run).is_none_or(|b| b" \t\n:-},".contains(b)) {
        return Some(run);
    }
    // A value behind a colon may stand at once after an address.
    for end in [run, run - 1] {
        let text = text.get(..end)?;
        if text.parse::<Ipv6Addr>().is_ok() || ethernet(text).is_some() {
            return Some(end);
        }
    }
    None
}

/// A queueing class: two numbers of one to four hexadecimal digits.
pub(super) fn is_queueing_class(text: &str) -> bool {
    let is_half = |half: &str| (1..=4).contains(&half.len()) && half.bytes().all(|b| b.is_ascii_hexdigit());
    text.split_once(':').is_some_and(|(high, low)| is_half(high) && is_half(low))
}

/// An Ethernet address: six numbers of one or two hexadecimal digits.
pub(super) fn ethernet(text: &str) -> Option<u64> {
    let mut value = 0;
    let mut count = 0;
    for part in text.split(':') {
        if part.is_empty() || part.len() > 2 || count == 6 {
            return None;
        }
        value = value << 8 | u64::from_str_radix(part, 16).ok()?;
        count += 1;
    }
    (count == 6).then_some(value)
}

/// How a statement ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// With `;` or the line.
    Done,
    /// In front of the `{` of a block.
    Open,
    /// In front of a `}`.
    Close,
    /// With the text.
    Text,
}

/// The length of the statement at the beginning of `text` and how it ends. Braces inside it are balanced; what
/// ends it is not part of it.
pub(super) fn statement(text: &str, stop_at_open: bool) -> (usize, End) {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0_usize, 0_usize);
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let Some(next) = stop(rest) else { return (bytes.len(), End::Text) };
        at += next;
        match bytes.get(at).copied().unwrap_or(0) {
            b'"' => {
                let rest = bytes.get(at + 1..).unwrap_or(&[]);
                let end = rest.iter().position(|b| matches!(b, b'"' | b'\n'));
                match end {
                    // A quotation that is not closed ends with its line.
                    Some(end) if rest.get(end) == Some(&b'\n') => at += end,
                    Some(end) => at += end + 1,
                    None => return (bytes.len(), End::Text),
                }
            }
            b'#' => {
                let rest = bytes.get(at..).unwrap_or(&[]);
                let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                if depth == 0 {
                    return (at, if at + length < bytes.len() { End::Done } else { End::Text });
                }
                at += length;
                continue;
            }
            b'\\' if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => at += 1,
            b'\n' | b';' if depth == 0 => return (at, End::Done),
            b'{' if depth == 0 && stop_at_open => return (at, End::Open),
            b'{' => depth += 1,
            b'}' if depth == 0 => return (at, End::Close),
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

// The first octet at which a statement may end, or behind which its end may hide. Octets by the hundred at a time: a
// line may be long, and full of them.
fn stop(bytes: &[u8]) -> Option<usize> {
    let mut before = 0;
    for part in bytes.chunks(256) {
        let ends = memchr3(b'\n', b';', b'#', part).unwrap_or(part.len());
        let line = part.get(..ends).unwrap_or(part);
        let first = memchr3(b'"', b'{', b'}', line).unwrap_or(ends);
        let first = memchr(b'\\', line.get(..first).unwrap_or(line)).unwrap_or(first);
        if first < part.len() {
            return Some(before + first);
        }
        before += part.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        let mut lexer = Lexer::new(text, 0);
        let mut list = Vec::new();
        loop {
            match lexer.next().0 {
                Token::End => return list.join(" "),
                Token::Word(word) => list.push(word.to_owned()),
                Token::Quoted(text) => list.push(format!("'{text}'")),
                Token::Sign(sign) => list.push(format!("<{}>", sign as char)),
                other => list.push(format!("{other:?}")),
            }
        }
    }

    #[test]
    fn words_end_by_what_they_begin_as() {
        assert_eq!(
            tokens("echo-request 33-45 1.2.3.4-1.2.3.9"),
            "echo-request 33 <-> 45 1.2.3.4 <-> 1.2.3.9"
        );
        assert_eq!(tokens("{bcad:dada, 1:2-1:3} 22:ssh"), "<{> bcad:dada <,> 1:2 <-> 1:3 <}> 22 <:> ssh");
        assert_eq!(tokens("10.0.0.0/8 dead::beef/32"), "10.0.0.0 </> 8 dead::beef </> 32");
        assert_eq!(tokens("{22:accept,25:drop}"), "<{> 22 <:> accept <,> 25 <:> drop <}>");
        assert_eq!(tokens("::1-::2 00:0f:54:0c:11:4"), "::1 <-> ::2 00:0f:54:0c:11:4");
        assert_eq!(tokens("iifname eth* . dummy\\* != \"a b\""), "iifname eth* <.> dummy\\* Ne 'a b'");
        assert_eq!(
            tokens("@nh,8,8 $net/24 8021q 2001:10::-2001:2f::"),
            "<@> nh <,> 8 <,> 8 <$> net/24 8021q 2001:10:: <-> 2001:2f::"
        );
        assert_eq!(tokens("a # b\n c \\\n d"), "a c d");
    }

    #[test]
    fn statements_end_at_line_ends_outside_braces() {
        assert_eq!(statement("a { b\n c } d; e", false), (12, End::Done));
        assert_eq!(statement("a \"x;y\" } b", false), (8, End::Close));
        assert_eq!(statement("a \\\n b # c\n d", false), (7, End::Done));
        assert_eq!(statement("table ip x {", true), (11, End::Open));
        assert_eq!(statement("a \"x", false), (4, End::Text));
    }
}
