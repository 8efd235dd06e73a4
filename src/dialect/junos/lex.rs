//! Text to tokens. Offsets only: a token borrows its octets from the text by its span.

use crate::source::Span;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_until, take_while, take_while1};
use nom::combinator::{recognize, value};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A word without quotes.
    Word,
    /// A word in quotes; its span includes them.
    Quoted,
    /// `{`
    Open,
    /// `}`
    Close,
    /// `;`
    Semicolon,
    /// `[`
    ListOpen,
    /// `]`
    ListClose,
    /// End of a line, where lines count.
    Newline,
    /// A string without its closing quote.
    Unclosed,
    /// A comment without its end.
    UnclosedComment,
    /// End of the text.
    End,
}

/// A token: what it is and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

const WORD: u8 = 1;
const SPACE: u8 = 2;

// The class of every octet; octets of several-octet characters belong to words.
#[expect(clippy::indexing_slicing, reason = "the index is below 256")]
static CLASS: [u8; 256] = {
    let mut table = [WORD; 256];
    let mut octet = 0;
    while octet < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        match octet as u8 {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => table[octet] = SPACE,
            b'{' | b'}' | b';' | b'[' | b']' | b'"' => table[octet] = 0,
            _ => {}
        }
        octet += 1;
    }
    table
};

#[inline]
fn class(octet: u8) -> u8 {
    CLASS.get(octet as usize).copied().unwrap_or(0)
}

fn word_octet(octet: u8) -> bool {
    class(octet) == WORD
}

type Lexed<'a> = IResult<&'a [u8], &'a [u8], ()>;

fn word(input: &[u8]) -> Lexed<'_> {
    let (rest, plain): (_, &[u8]) = take_while1(word_octet).parse(input)?;
    if rest.first() != Some(&b'[') {
        return Ok((rest, plain));
    }
    // `ge-0/0/[0-3]`: brackets inside a word belong to it when they close before a blank.
    let bracketed = (tag(&b"["[..]), take_while(word_octet), tag(&b"]"[..]), take_while(word_octet));
    let mut whole = recognize((take_while1(word_octet), bracketed));
    let result: Lexed<'_> = whole.parse(input);
    result.or(Ok((rest, plain)))
}

/// A string up to its closing quote, both quotes included; a backslash takes the next octet with it.
fn quoted(input: &[u8]) -> Lexed<'_> {
    let mut end = 1;
    loop {
        let rest = input.get(end..).unwrap_or(&[]);
        let run = rest.iter().position(|b| matches!(b, b'"' | b'\\')).ok_or(nom::Err::Error(()))?;
        end += run;
        if input.get(end) == Some(&b'"') {
            let whole = input.get(..=end).unwrap_or(input);
            return Ok((input.get(end + 1..).unwrap_or(&[]), whole));
        }
        end += 2;
    }
}

fn line_comment(input: &[u8]) -> Lexed<'_> {
    preceded(tag(&b"#"[..]), take_till(|b| b == b'\n')).parse(input)
}

fn block_comment(input: &[u8]) -> Lexed<'_> {
    preceded(tag(&b"/*"[..]), terminated(take_until(&b"*/"[..]), tag(&b"*/"[..]))).parse(input)
}

fn mark(input: &[u8]) -> IResult<&[u8], Kind, ()> {
    alt((
        value(Kind::Semicolon, tag(&b";"[..])),
        value(Kind::Open, tag(&b"{"[..])),
        value(Kind::Close, tag(&b"}"[..])),
        value(Kind::ListOpen, tag(&b"["[..])),
        value(Kind::ListClose, tag(&b"]"[..])),
    ))
    .parse(input)
}

/// Cuts a text into tokens.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    length: usize,
    rest: &'a [u8],
    lines: bool,
}

impl<'a> Lexer<'a> {
    /// A lexer of a part of the text; places are those in the whole. `lines` makes the ends of lines tokens.
    pub(super) fn within(text: &'a str, range: std::ops::Range<usize>, lines: bool) -> Self {
        let length = range.end.min(text.len());
        let rest = text.as_bytes().get(range.start..length).unwrap_or(&[]);
        Self { length, rest, lines }
    }

    /// Where the next token is looked for.
    pub(super) fn at(&self) -> usize {
        self.offset(self.rest)
    }

    /// Passes over octets whose tokens are known.
    pub(super) fn skip(&mut self, octets: usize) {
        self.rest = self.rest.get(octets..).unwrap_or(&[]);
    }

    fn offset(&self, rest: &[u8]) -> usize {
        self.length - rest.len()
    }

    fn token(&mut self, kind: Kind, rest: &'a [u8]) -> Token {
        let span = Span::new(self.offset(self.rest), self.offset(rest));
        self.rest = rest;
        Token { kind, span }
    }

    /// The next token; `End` for ever at the end.
    pub(super) fn next(&mut self) -> Token {
        loop {
            let blank = self.rest.iter().position(|b| class(*b) != SPACE || self.lines && *b == b'\n');
            self.rest = blank.and_then(|n| self.rest.get(n..)).unwrap_or(&[]);
            let Some(first) = self.rest.first() else {
                return self.token(Kind::End, &[]);
            };
            match first {
                b'#' => self.rest = line_comment(self.rest).map_or(&[], |(rest, _)| rest),
                b'/' if self.rest.starts_with(b"/*") => match block_comment(self.rest) {
                    Ok((rest, _)) => self.rest = rest,
                    Err(_) => return self.token(Kind::UnclosedComment, &[]),
                },
                b'\n' => {
                    let rest = self.rest.get(1..).unwrap_or(&[]);
                    return self.token(Kind::Newline, rest);
                }
                b'"' => {
                    return match quoted(self.rest) {
                        Ok((rest, _)) => self.token(Kind::Quoted, rest),
                        Err(_) => self.unclosed(),
                    };
                }
                b';' | b'{' | b'}' | b'[' | b']' => {
                    let (rest, kind) = mark(self.rest).unwrap_or((&[], Kind::End));
                    return self.token(kind, rest);
                }
                _ => {
                    let rest = word(self.rest).map_or(&[][..], |(rest, _)| rest);
                    return self.token(Kind::Word, rest);
                }
            }
        }
    }

    // A string that never closes ends with its line, so that the next statement is read.
    fn unclosed(&mut self) -> Token {
        let end = self.rest.iter().position(|b| *b == b'\n').unwrap_or(self.rest.len());
        let rest = self.rest.get(end..).unwrap_or(&[]);
        self.token(Kind::Unclosed, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str, lines: bool) -> Vec<(Kind, &str)> {
        let mut lexer = Lexer::within(text, 0..text.len(), lines);
        let mut list = Vec::new();
        loop {
            let token = lexer.next();
            if token.kind == Kind::End {
                return list;
            }
            list.push((token.kind, text.get(token.span.range()).unwrap()));
        }
    }

    #[test]
    fn words_marks_strings_and_comments() {
        let text = "a /* x */ \"b \\\" c\"; [1 2] # z\n{ge-0/0/[0-3].* xe-0/0/*}";
        let expected = [
            (Kind::Word, "a"),
            (Kind::Quoted, "\"b \\\" c\""),
            (Kind::Semicolon, ";"),
            (Kind::ListOpen, "["),
            (Kind::Word, "1"),
            (Kind::Word, "2"),
            (Kind::ListClose, "]"),
            (Kind::Open, "{"),
            (Kind::Word, "ge-0/0/[0-3].*"),
            (Kind::Word, "xe-0/0/*"),
            (Kind::Close, "}"),
        ];
        assert_eq!(kinds(text, false), expected);
        assert_eq!(kinds("a\n\nb", true).len(), 4);
    }

    #[test]
    fn what_is_not_closed_says_so_and_a_string_ends_with_its_line() {
        assert_eq!(kinds("a \"b\nc", false)[1..], [(Kind::Unclosed, "\"b"), (Kind::Word, "c")]);
        assert_eq!(kinds("a /* b", false)[1], (Kind::UnclosedComment, "/* b"));
        assert_eq!(kinds("\"a\\", false)[0].0, Kind::Unclosed);
    }
}
