//! Whether a file holds filter expressions. Their words are those of many languages, so that the content is never
//! certain: a name says so, or lines that all read as expressions.

use super::lex::{Lexer, Token};
use super::parse::Parser;
use super::words;
use crate::dialect::{Recognition, Sample};

/// Expressions looked at.
const LOOKED_AT: usize = 50;

pub(super) fn recognise(sample: &Sample<'_>) -> Recognition {
    let Some(text) = sample.text else { return Recognition::No };
    // The sample may end inside a line.
    let whole = match text.rfind('\n') {
        Some(end) if text.len() > 60_000 => text.get(..end).unwrap_or(text),
        _ => text,
    };
    let ends = |list: &[&str]| list.iter().any(|end| sample.name.ends_with(end));
    if ends(&[".pcapfilter", ".bpf"]) {
        return Recognition::Possible;
    }
    let mut parser = Parser::new(whole);
    let (mut read, mut telling) = (0, false);
    while let Some(expression) = parser.expression() {
        let Ok(node) = expression else { return Recognition::No };
        telling |= whole.get(node.span.range()).is_some_and(is_telling);
        read += 1;
        if read >= LOOKED_AT {
            break;
        }
    }
    // The empty expression is one, where the name says so.
    let empty = read == 0 && ends(&[".filter"]);
    if telling || empty { Recognition::Possible } else { Recognition::No }
}

/// Whether a word of an expression is libpcap's own, beside those that many languages have.
fn is_telling(text: &str) -> bool {
    let mut lexer = Lexer::new(text);
    loop {
        match lexer.next().token {
            Token::End => return false,
            Token::Word(word) if words::is_reserved(word) && words::foreign(word).is_none() => return true,
            _ => {}
        }
    }
}
