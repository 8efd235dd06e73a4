//! Statements in the words of iptables-save, of commands, and of `ipset save`.
//!
//! Text is read statement by statement and never kept as a tree: a statement lives while it is lowered.

use crate::field::Family;
use crate::source::Span;
use std::borrow::Cow;

/// One word, without its quotes.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    /// What it says.
    pub(super) text: Cow<'a, str>,
    /// Where it stands, quotes included.
    pub(super) span: Span,
    /// Whether any of it was in quotes: such a word is never an option.
    pub(super) quoted: bool,
}

impl Word<'_> {
    /// Whether it begins an option.
    pub(super) fn is_option(&self) -> bool {
        !self.quoted && self.text.starts_with('-') && self.text.len() > 1 && {
            // A negative number is a value.
            !self.text.as_bytes().get(1).is_some_and(u8::is_ascii_digit) || matches!(&*self.text, "-4" | "-6")
        }
    }

    /// Whether it is the mark of negation.
    pub(super) fn is_not(&self) -> bool {
        !self.quoted && self.text == "!"
    }
}

/// What one line says.
#[derive(Debug)]
pub(super) enum Statement<'a, 'w> {
    /// A comment, without its mark.
    Comment(&'a str),
    /// `*filter`.
    Table(&'a str),
    /// `:INPUT DROP [0:0]`; the policy is `-` for a chain of the user.
    Chain { name: &'a str, policy: Option<&'a str>, span: Span },
    /// A command: `-A INPUT ..`, with the family its program says.
    Command { family: Option<Family>, words: &'w [Word<'a>], span: Span },
    /// `COMMIT`.
    Commit,
    /// A line of `ipset`: `create ..`, `add ..`.
    Set { words: &'w [Word<'a>], span: Span },
    /// A line of a shell script that is not followed: it may do anything.
    Shell { span: Span },
    /// Something the text does not show.
    Unsure { span: Span, what: &'static str },
    /// A line that is none of these.
    Unread { span: Span, expected: &'static str },
}
