//! Words, numbers, addresses and signs of BIRD, as its own scanner (conf/cf-lex.l) tells them apart.

use crate::source::Span;
use std::net::Ipv6Addr;

/// One token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// A keyword or a symbol.
    Word(&'a str),
    /// A symbol between apostrophes.
    Quoted(&'a str),
    /// A number; none when it is beyond 32 bits, which BIRD refuses.
    Number(Option<u32>),
    /// An IPv4 address; none when one of its numbers is beyond 255.
    Ip4(Option<u32>),
    /// The octets of an IPv6 address; none when it is not one after all.
    Ip6(Option<[u8; 16]>),
    /// `"..."`
    Text(&'a str),
    /// A single character.
    Sign(u8),
    /// `&&`
    And,
    /// `||`
    Or,
    /// `!=`
    Ne,
    /// `!~`
    NotIn,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `..`
    Range,
    /// A character that stands in no token of BIRD.
    Strange(char),
    /// A comment, or a quotation, that does not end.
    Unclosed(&'a str),
    /// The end of the text.
    End,
}

// Which octets words are made of.
#[expect(clippy::indexing_slicing, reason = "an octet is below 256, and this is worked out by the compiler")]
static IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0_u8;
    while octet < 0x80 {
        table[octet as usize] = octet.is_ascii_alphanumeric() || octet == b'_';
        octet += 1;
    }
    table
};

/// What is read here and BIRD refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Odd {
    /// A carriage return, vertical tab or form feed between tokens.
    Blank,
    /// `/*` in a comment.
    Nested,
}

/// The text with the place reached in it.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    // Where the token before ended.
    behind: usize,
    // The token at `at` with its place, where it was looked at.
    ahead: Option<(Token<'a>, Span)>,
    // What was passed over first that BIRD does not take, and where.
    odd: Option<(Odd, usize)>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, behind: 0, ahead: None, odd: None }
    }

    /// Where the next token begins, once blanks are passed over.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the last token ended.
    pub(super) fn behind(&self) -> usize {
        self.behind
    }

    /// The first of what was passed over though BIRD refuses it.
    pub(super) fn odd(&self) -> Option<(Odd, usize)> {
        self.odd
    }

    /// Goes on at another place.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
        self.behind = at;
        self.ahead = None;
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or("")
    }

    /// The end of the run of bytes from `at` on that are `wanted`.
    #[inline]
    fn run(&self, at: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or(&[]);
        at + rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len())
    }

    /// Passes over blanks and comments; a comment that does not end is left.
    #[inline]
    pub(super) fn blanks(&mut self) {
        if self.ahead.is_some() {
            return;
        }
        loop {
            let byte = self.byte(self.at);
            // Most of what is not blank, at one glance.
            if byte >= b'0' {
                return;
            }
            match byte {
                b' ' | b'\t' | b'\n' => self.at += 1,
                b'\r' | 0x0b | 0x0c => {
                    self.odd.get_or_insert((Odd::Blank, self.at));
                    self.at += 1;
                }
                b'#' => self.at = self.run(self.at, |byte| byte != b'\n'),
                b'/' if self.byte(self.at + 1) == b'*' => {
                    let rest = self.slice(self.at + 2, self.text.len());
                    let Some(length) = rest.find("*/") else { return };
                    if let Some(inner) = rest.get(..=length).and_then(|comment| comment.find("/*")) {
                        self.odd.get_or_insert((Odd::Nested, self.at + 2 + inner));
                    }
                    self.at += length + 4;
                }
                _ => return,
            }
        }
    }

    // The next token with its place, without going on.
    #[inline]
    fn look(&mut self) -> (Token<'a>, Span) {
        if let Some(ahead) = self.ahead {
            return ahead;
        }
        self.blanks();
        let ahead = self.scan(self.at);
        self.ahead = Some(ahead);
        ahead
    }

    #[inline]
    fn go(&mut self, end: usize) {
        self.at = end;
        self.behind = end;
        self.ahead = None;
    }

    /// The next token with its place; the lexer stands behind it.
    #[inline]
    pub(super) fn next(&mut self) -> (Token<'a>, Span) {
        // Made by the scanner where it goes: a copy would wait for its parts to be written.
        let found = if let Some(ahead) = self.ahead {
            ahead
        } else {
            self.blanks();
            self.scan(self.at)
        };
        self.go(found.1.end as usize);
        found
    }

    /// The next token without going on.
    #[inline]
    pub(super) fn peek(&mut self) -> Token<'a> {
        self.look().0
    }

    /// Whether a number comes next, or an address.
    #[inline]
    pub(super) fn at_digit(&mut self) -> bool {
        self.blanks();
        self.byte(self.at).is_ascii_digit()
    }

    /// Goes on behind the next token if it is this sign; no address begins with it.
    #[inline]
    pub(super) fn eat(&mut self, sign: u8) -> bool {
        self.blanks();
        let next = self.byte(self.at + 1);
        let found = self.byte(self.at) == sign && pair(sign, next).is_none() && (sign, next) != (b'/', b'*');
        if found {
            self.go(self.at + 1);
        }
        found
    }

    /// Goes on behind the next token if it is this one of two signs.
    #[inline]
    pub(super) fn eat_pair(&mut self, pair: [u8; 2]) -> bool {
        self.blanks();
        let found = [self.byte(self.at), self.byte(self.at + 1)] == pair;
        if found {
            self.go(self.at + 2);
        }
        found
    }

    /// Goes on behind the next token if it is this word.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let (token, at) = self.look();
        let found = token == Token::Word(word);
        if found {
            self.go(at.end as usize);
        }
        found
    }

    #[inline]
    fn scan(&self, at: usize) -> (Token<'a>, Span) {
        let first = self.byte(at);
        match first {
            b'0'..=b'9' => self.number(at),
            b':' => self.address(at).unwrap_or_else(|| self.sign(at)),
            b'a'..=b'f' | b'A'..=b'F' => match self.run(at, |byte| byte.is_ascii_hexdigit()) {
                end if self.byte(end) == b':' => self.address(at).unwrap_or_else(|| self.word(at)),
                _ => self.word(at),
            },
            b'g'..=b'z' | b'G'..=b'Z' | b'_' => self.word(at),
            b'"' => self.quoted(at, b'"'),
            b'\'' => self.quoted(at, b'\''),
            _ if at >= self.text.len() => (Token::End, Span::new(at, at)),
            b'/' if self.byte(at + 1) == b'*' => {
                let rest = self.slice(at, self.text.len());
                (Token::Unclosed(rest), Span::new(at, self.text.len()))
            }
            _ => self.sign(at),
        }
    }

    fn word(&self, at: usize) -> (Token<'a>, Span) {
        let end = self.run(at, |byte| IN_WORD.get(usize::from(byte)).is_some_and(|is| *is));
        (Token::Word(self.slice(at, end)), Span::new(at, end))
    }

    fn quoted(&self, at: usize, quote: u8) -> (Token<'a>, Span) {
        let end = self.run(at + 1, |byte| byte != quote && byte != b'\n');
        let inside = self.slice(at + 1, end);
        let whole = Span::new(at, end + 1);
        match (self.byte(end) == quote && end < self.text.len(), quote) {
            (true, b'"') => (Token::Text(inside), whole),
            (true, _) => (Token::Quoted(inside), whole),
            (false, _) => (Token::Unclosed(self.slice(at, end)), Span::new(at, end)),
        }
    }

    fn sign(&self, at: usize) -> (Token<'a>, Span) {
        let first = self.byte(at);
        if let Some(pair) = pair(first, self.byte(at + 1)) {
            return (pair, Span::new(at, at + 2));
        }
        match first {
            0..0x20 | b'$' | b'&' | b'@' | b'\\' | b'^' | b'`' | 0x7f.. => {
                let strange = self.slice(at, self.text.len()).chars().next().unwrap_or_default();
                (Token::Strange(strange), Span::new(at, at + strange.len_utf8()))
            }
            _ => (Token::Sign(first), Span::new(at, at + 1)),
        }
    }

    fn number(&self, at: usize) -> (Token<'a>, Span) {
        if self.byte(at) == b'0' && self.byte(at + 1) == b'x' {
            let end = self.run(at + 2, |byte| byte.is_ascii_hexdigit());
            if end > at + 2 {
                let value = u32::from_str_radix(self.slice(at + 2, end), 16).ok();
                return (Token::Number(value), Span::new(at, end));
            }
        }
        let (value, end) = self.digits(at);
        match self.byte(end) {
            b'.' if self.byte(end + 1).is_ascii_digit() => {
                if let Some((addr, end)) = self.dotted(at) {
                    return (Token::Ip4(addr), Span::new(at, end));
                }
            }
            b':' | b'a'..=b'f' | b'A'..=b'F' => {
                if let Some(address) = self.address(at) {
                    return address;
                }
            }
            _ => {}
        }
        (Token::Number(u32::try_from(value).ok()), Span::new(at, end))
    }

    // The number that the digits at a place come to, or one beyond 32 bits, and where they end.
    #[inline]
    fn digits(&self, at: usize) -> (u64, usize) {
        let (mut value, mut end) = (0_u64, at);
        while let digit @ b'0'..=b'9' = self.byte(end) {
            value = (value * 10 + u64::from(digit - b'0')).min(1 << 40);
            end += 1;
        }
        (value, end)
    }

    // Four numbers with dots between them; none when there are fewer.
    fn dotted(&self, at: usize) -> Option<(Option<u32>, usize)> {
        let (mut from, mut addr, mut beyond) = (at, 0_u64, 0);
        for part in 0..4 {
            if part > 0 {
                if self.byte(from) != b'.' {
                    return None;
                }
                from += 1;
            }
            let (octet, end) = self.digits(from);
            if end == from {
                return None;
            }
            addr = addr << 8 | octet & 0xff;
            beyond |= octet >> 8;
            from = end;
        }
        Some((u32::try_from(addr).ok().filter(|_| beyond == 0), from))
    }

    // Hex digits with `::` or at least three colons among them; none when it is no such run.
    fn address(&self, at: usize) -> Option<(Token<'a>, Span)> {
        let end = self.run(at, |byte| byte.is_ascii_hexdigit() || byte == b':');
        let run = self.slice(at, end);
        let colons = run.bytes().filter(|byte| *byte == b':').count();
        if colons < 2 || colons < 3 && !run.contains("::") {
            return None;
        }
        if self.byte(end) == b'.' && self.byte(end + 1).is_ascii_digit() {
            // An IPv4 address at its end.
            let from = at + run.rfind(':').map_or(0, |colon| colon + 1);
            if let Some((_, end)) = self.dotted(from) {
                return Some((Token::Ip6(parse6(self.slice(at, end))), Span::new(at, end)));
            }
        }
        Some((Token::Ip6(parse6(run)), Span::new(at, end)))
    }
}

// The token that two signs are together.
#[inline]
fn pair(first: u8, second: u8) -> Option<Token<'static>> {
    Some(match (first, second) {
        (b'&', b'&') => Token::And,
        (b'|', b'|') => Token::Or,
        (b'!', b'=') => Token::Ne,
        (b'!', b'~') => Token::NotIn,
        (b'<', b'=') => Token::Le,
        (b'>', b'=') => Token::Ge,
        (b'.', b'.') => Token::Range,
        _ => return None,
    })
}

fn parse6(text: &str) -> Option<[u8; 16]> {
    text.parse::<Ipv6Addr>().ok().map(|addr| addr.octets())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text);
        std::iter::from_fn(|| Some(lexer.next().0).filter(|token| *token != Token::End)).collect()
    }

    #[test]
    fn numbers_addresses_and_words_are_told_apart() {
        use Token::{And, Ge, Ip4, Ip6, Ne, Number, Or, Quoted, Range, Sign, Text, Word};
        assert_eq!(
            tokens("dst 10.0.0.0/8; 40..50"),
            [
                Word("dst"),
                Ip4(Some(0x0a00_0000)),
                Sign(b'/'),
                Number(Some(8)),
                Sign(b';'),
                Number(Some(40)),
                Range,
                Number(Some(50))
            ]
        );
        assert_eq!(tokens("fe80::1/10"), [Ip6(parse6("fe80::1")), Sign(b'/'), Number(Some(10))]);
        assert_eq!(tokens("::ffff:1.2.3.4")[..], [Ip6(parse6("::ffff:102:304"))]);
        assert_eq!(tokens("1:2:3:4:5:6:7:8").len(), 1);
        assert_eq!(tokens("80:90"), [Number(Some(80)), Sign(b':'), Number(Some(90))]);
        assert_eq!(tokens("add: else:"), [Word("add"), Sign(b':'), Word("else"), Sign(b':')]);
        assert_eq!(tokens("0x0B 010 4294967296"), [Number(Some(11)), Number(Some(10)), Number(None)]);
        assert_eq!(tokens("300.1.1.1 'a-b.c' \"x;\""), [Ip4(None), Quoted("a-b.c"), Text("x;")]);
        assert_eq!(
            tokens("a>=1&&!=2||x"),
            [Word("a"), Ge, Number(Some(1)), And, Ne, Number(Some(2)), Or, Word("x")]
        );
    }

    #[test]
    fn comments_are_passed_over() {
        let mut lexer = Lexer::new("a # one\n/* two */ b /* c");
        assert_eq!(lexer.next().0, Token::Word("a"));
        assert_eq!(lexer.next().0, Token::Word("b"));
        assert_eq!(lexer.next().0, Token::Unclosed("/* c"));
        assert_eq!(lexer.next().0, Token::End);
        assert_eq!(tokens("é"), [Token::Strange('é')]);
    }
}
