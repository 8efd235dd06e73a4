//! Octets of text to words, numbers, addresses and signs, as libpcap's scanner takes them: the longest that fits.

use crate::source::Span;
use std::net::Ipv6Addr;

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// A keyword or a name.
    Word(&'a str),
    /// A name behind a backslash, never a keyword.
    Escaped(&'a str),
    /// A number.
    Number(u32),
    /// Two to four numbers with dots.
    Dotted(&'a str),
    /// An IPv6 address.
    Inet6(u128),
    /// A MAC address.
    Mac(u64),
    /// An `ARCnet` address.
    Arcnet(&'a str),
    /// Signs of an operator or a bracket.
    Sign(&'static str),
    /// What no word begins with, or a number that is none, with what is wrong.
    Wrong(&'static str),
    /// The end of the text.
    End,
}

/// A token with its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lexed<'a> {
    pub(super) token: Token<'a>,
    pub(super) span: Span,
    /// Whether it is the first of its line.
    pub(super) first: bool,
}

/// Cuts a text into tokens, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Whether the next token begins with this octet, which is no blank and no beginning of a comment.
    pub(super) fn is_next(&self, octet: u8) -> bool {
        let mut lexer = self.clone();
        lexer.blank();
        lexer.rest().as_bytes().first() == Some(&octet)
    }

    /// Passes over blanks and comments; whether a line ends in them.
    fn blank(&mut self) -> bool {
        let mut ends = false;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'\n') => {
                    ends = true;
                    self.at += 1;
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'#') => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                _ => return ends,
            }
        }
    }

    pub(super) fn next(&mut self) -> Lexed<'a> {
        let first = self.at == 0;
        let first = self.blank() || first;
        let start = self.at;
        let (token, length) = token(self.rest());
        self.at += length;
        Lexed { token, span: Span::new(start, self.at), first }
    }
}

/// Octets of the beginning of `rest` for which `is` holds, which it does for ASCII only.
fn run(rest: &str, is: impl Fn(u8) -> bool) -> &str {
    let length = rest.bytes().position(|octet| !is(octet)).unwrap_or(rest.len());
    rest.get(..length).unwrap_or("")
}

fn token(rest: &str) -> (Token<'_>, usize) {
    let octets = rest.as_bytes();
    let Some(first) = octets.first() else { return (Token::End, 0) };
    if (first.is_ascii_hexdigit() || *first == b':')
        && let Some(found) = address(rest)
    {
        return found;
    }
    match first {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
            let long = run(rest, |c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'));
            // A name ends in a letter, a digit or a dot.
            let word = long.trim_end_matches(['-', '_']);
            let token = if first.is_ascii_digit() { number_or_word(word) } else { Token::Word(word) };
            (token, word.len())
        }
        b'\\' => {
            let name = rest.get(1..).unwrap_or("");
            let end = name.find([' ', '!', '(', ')', '\n', '\t', '\r']).unwrap_or(name.len());
            match name.get(..end) {
                None | Some("") => (Token::Wrong("a backslash with no name behind it"), 1),
                Some(name) => (Token::Escaped(name), 1 + name.len()),
            }
        }
        b'$' => {
            let digits = run(rest.get(1..).unwrap_or(""), |c| c.is_ascii_hexdigit());
            if digits.is_empty() || digits.len() > 2 {
                return (
                    Token::Wrong("no ARCnet address, which has one or two hex digits"),
                    1 + digits.len(),
                );
            }
            (Token::Arcnet(digits), 1 + digits.len())
        }
        _ => {
            if let Some(sign) = sign(*first, octets.get(1).copied()) {
                return (Token::Sign(sign), sign.len());
            }
            let length = rest.chars().next().map_or(1, char::len_utf8);
            (Token::Wrong("a character that begins no word"), length)
        }
    }
}

/// The longest sign that two octets begin with.
fn sign(first: u8, second: Option<u8>) -> Option<&'static str> {
    Some(match (first, second) {
        (b'>', Some(b'=')) => ">=",
        (b'<', Some(b'=')) => "<=",
        (b'!', Some(b'=')) => "!=",
        (b'=', Some(b'=')) => "==",
        (b'<', Some(b'<')) => "<<",
        (b'>', Some(b'>')) => ">>",
        (b'|', Some(b'|')) => "||",
        (b'&', Some(b'&')) => "&&",
        (b'!', _) => "!",
        (b'<', _) => "<",
        (b'>', _) => ">",
        (b'=', _) => "=",
        (b'(', _) => "(",
        (b')', _) => ")",
        (b'[', _) => "[",
        (b']', _) => "]",
        (b'&', _) => "&",
        (b'|', _) => "|",
        (b'^', _) => "^",
        (b'+', _) => "+",
        (b'-', _) => "-",
        (b'*', _) => "*",
        (b'/', _) => "/",
        (b'%', _) => "%",
        (b':', _) => ":",
        _ => return None,
    })
}

/// IPv6 and MAC addresses, which are longer than the word they begin with: what follows their first digits tells.
fn address(rest: &str) -> Option<(Token<'_>, usize)> {
    let octets = rest.as_bytes();
    let digits = octets.iter().take(5).take_while(|octet| octet.is_ascii_hexdigit()).count();
    let next = octets.get(digits)?;
    if *next == b':' {
        let long = run(rest, |c| c.is_ascii_hexdigit() || matches!(c, b':' | b'.'));
        // The longest IPv6 address takes 45 characters.
        if long.len() <= 45
            && let Ok(address) = long.parse::<Ipv6Addr>()
        {
            return Some((Token::Inet6(address.to_bits()), long.len()));
        }
    }
    if !matches!(next, b':' | b'-' | b'.') {
        return None;
    }
    let (groups, width) = if digits == 4 { (3, 4) } else { (6, 2) };
    let found = mac(octets, *next, groups, width).filter(|_| width == 2 || *next == b'.')?;
    let behind = octets.get(found.1);
    (!behind.is_some_and(|c| c.is_ascii_alphanumeric() || c == next)).then_some(found)
}

/// A MAC address in groups of up to two digits, or of four.
fn mac(octets: &[u8], separator: u8, groups: usize, digits: usize) -> Option<(Token<'static>, usize)> {
    let (mut at, mut value) = (0, 0_u64);
    for group in 0..groups {
        if group > 0 {
            (octets.get(at) == Some(&separator)).then_some(())?;
            at += 1;
        }
        let start = at;
        let mut part = 0;
        while let Some(digit) = octets.get(at).and_then(|octet| char::from(*octet).to_digit(16)) {
            (at - start < digits).then_some(())?;
            part = part << 4 | u64::from(digit);
            at += 1;
        }
        (at > start && (digits == 2 || at - start == digits)).then_some(())?;
        value = value << (4 * digits) | part;
    }
    Some((Token::Mac(value), at))
}

/// What begins with a digit.
fn number_or_word(word: &str) -> Token<'_> {
    let (mut dots, mut is_numeric, mut before) = (0, true, b'.');
    for octet in word.bytes() {
        let is_dot = octet == b'.';
        is_numeric &= octet.is_ascii_digit() || is_dot && before != b'.';
        dots += usize::from(is_dot);
        before = octet;
    }
    if is_numeric && before != b'.' && dots <= 3 {
        return if dots == 0 { number(word) } else { Token::Dotted(word) };
    }
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let hex = hex.filter(|hex| !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    match hex.map(|hex| hex.trim_start_matches('0')) {
        Some("") => Token::Number(0),
        Some(hex) => u32::from_str_radix(hex, 16)
            .map_or(Token::Wrong("a hexadecimal number of more than 32 bits"), Token::Number),
        None => Token::Word(word),
    }
}

/// A number of digits: octal behind a zero, as in C.
fn number(digits: &str) -> Token<'_> {
    let octal = digits.len() > 1 && digits.starts_with('0');
    if octal && digits.bytes().any(|b| b > b'7') {
        return Token::Wrong("an octal number with a digit above 7");
    }
    match u32::from_str_radix(digits, if octal { 8 } else { 10 }) {
        Ok(number) => Token::Number(number),
        Err(_) => Token::Wrong("a number of more than 32 bits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text);
        std::iter::from_fn(|| Some(lexer.next().token).filter(|t| *t != Token::End)).collect()
    }

    #[test]
    fn the_longest_that_fits_is_taken() {
        assert_eq!(
            all("ip[2:2]"),
            [
                Token::Word("ip"),
                Token::Sign("["),
                Token::Number(2),
                Token::Sign(":"),
                Token::Number(2),
                Token::Sign("]")
            ]
        );
        assert_eq!(
            all("80-90 tcp-syn 10.0 1.2.3.4"),
            [Token::Word("80-90"), Token::Word("tcp-syn"), Token::Dotted("10.0"), Token::Dotted("1.2.3.4")]
        );
        assert_eq!(
            all("::1 1:2:3:4:5:6 ab-cd-ef-00-00-02 0123.4567.89ab"),
            [
                Token::Inet6(1),
                Token::Mac(0x0102_0304_0506),
                Token::Mac(0xabcd_ef00_0002),
                Token::Mac(0x0123_4567_89ab)
            ]
        );
        assert_eq!(
            all("0x10 010 00 \\tcp $c0"),
            [
                Token::Number(16),
                Token::Number(8),
                Token::Number(0),
                Token::Escaped("tcp"),
                Token::Arcnet("c0")
            ]
        );
        assert_eq!(all("a # b\nc"), [Token::Word("a"), Token::Word("c")]);
        assert!(matches!(
            all("08 4294967296 0x100000000 §")[..],
            [Token::Wrong(_), Token::Wrong(_), Token::Wrong(_), Token::Wrong(_)]
        ));
    }
}
