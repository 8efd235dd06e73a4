//! Words, brackets and the ends of statements, as nom functions over the text.

use nom::IResult;
use nom::error::{ErrorKind, ParseError};

/// What was expected, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fault<'a> {
    /// The text from the fault on.
    pub(super) at: &'a str,
    /// What should have been there; empty while no alternative has said.
    pub(super) expected: &'static str,
}

impl<'a> ParseError<&'a str> for Fault<'a> {
    fn from_error_kind(input: &'a str, _: ErrorKind) -> Self {
        Self { at: input, expected: "" }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// What nom functions of this dialect give.
pub(super) type Parsed<'a, T> = IResult<&'a str, T, Fault<'a>>;

/// A failure that no other alternative may replace.
pub(super) fn expected<'a, T>(at: &'a str, expected: &'static str) -> Result<T, nom::Err<Fault<'a>>> {
    Err(nom::Err::Failure(Fault { at, expected }))
}

/// A part of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// A word, quotes excluded.
    Word(&'a str),
    /// A quotation that does not end on its line.
    Unclosed(&'a str),
    /// `[`
    ListOpen(&'a str),
    /// `]`
    ListClose(&'a str),
    /// `{`
    BlockOpen(&'a str),
    /// `}`
    BlockClose(&'a str),
    /// `;`
    Semicolon(&'a str),
    /// The end of the text.
    End(&'a str),
}

// What ends a word: 1 for blanks, 2 for everything else that does.
static ENDS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let ends = b" \t\r\n;{}[]#\"',";
    let mut i = 0;
    #[expect(clippy::indexing_slicing, reason = "a constant, evaluated when the library is built")]
    while i < ends.len() {
        table[ends[i] as usize] = true;
        i += 1;
    }
    table
};

/// Splits at an offset that is known to be a character's boundary.
fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Passes over blanks, comments and the `\n` that commands write for a line's end; says whether a real line
/// ended.
pub(super) fn blank(input: &str) -> (&str, bool) {
    let bytes = input.as_bytes();
    let (mut at, mut newline) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\n' => {
                newline = true;
                at += 1;
            }
            b'#' => {
                let rest = bytes.get(at..).unwrap_or(&[]);
                at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            }
            b'\\' if matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't')) => at += 2,
            _ => break,
        }
    }
    (split(input, at).1, newline)
}

/// One token; blanks are passed over before it is called.
pub(super) fn token(input: &str) -> (&str, Token<'_>) {
    let Some(first) = input.as_bytes().first() else {
        return (input, Token::End(input));
    };
    let (sign, rest) = split(input, 1);
    match first {
        b'[' => (rest, Token::ListOpen(sign)),
        b']' => (rest, Token::ListClose(sign)),
        b'{' => (rest, Token::BlockOpen(sign)),
        b'}' => (rest, Token::BlockClose(sign)),
        b';' => (rest, Token::Semicolon(sign)),
        b',' => (rest, Token::Word(sign)),
        b'"' | b'\'' => quoted(rest, *first),
        _ => {
            let (word, rest) = split(input, word_length(input.as_bytes()));
            (rest, Token::Word(word))
        }
    }
}

// A backslash that stands for a line's end also ends a word.
fn word_length(bytes: &[u8]) -> usize {
    let ends = |at: usize, byte: u8| {
        ENDS_WORD.get(byte as usize).copied().unwrap_or(false)
            || (byte == b'\\' && matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't')))
    };
    let end = bytes.iter().enumerate().position(|(at, byte)| ends(at, *byte));
    end.unwrap_or(bytes.len()).max(1)
}

fn quoted(rest: &str, quote: u8) -> (&str, Token<'_>) {
    let end = rest.bytes().position(|b| b == quote || b == b'\n').unwrap_or(rest.len());
    let (word, after) = split(rest, end);
    if after.as_bytes().first() == Some(&quote) {
        (split(after, 1).1, Token::Word(word))
    } else {
        (after, Token::Unclosed(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(mut text: &str) -> Vec<String> {
        let mut list = Vec::new();
        loop {
            text = blank(text).0;
            let (rest, token) = token(text);
            match token {
                Token::End(_) => return list,
                other => list.push(format!("{other:?}")),
            }
            text = rest;
        }
    }

    #[test]
    fn signs_comments_quotes_and_written_line_ends_separate_words() {
        let got = words("port [=80 a]; # x ; y\n\"a ; b\" c\\nd");
        let expected = [
            "Word(\"port\")",
            "ListOpen(\"[\")",
            "Word(\"=80\")",
            "Word(\"a\")",
            "ListClose(\"]\")",
            "Semicolon(\";\")",
            "Word(\"a ; b\")",
            "Word(\"c\")",
            "Word(\"d\")",
        ];
        assert_eq!(got, expected);
        assert_eq!(words("é \"x"), ["Word(\"é\")", "Unclosed(\"x\")"]);
    }
}
