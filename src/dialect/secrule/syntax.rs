//! Directives as words.

use crate::source::Span;

/// A directive with its words.
#[derive(Clone, Debug)]
pub(super) struct Directive<'t> {
    pub(super) name: &'t str,
    pub(super) span: Span,
    pub(super) words: Vec<Word<'t>>,
    /// Whether a quote of it has no end.
    pub(super) open: bool,
}

/// A word, without the quotes around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'t> {
    pub(super) raw: &'t str,
    /// The quote around it, before which a backslash stands inside.
    pub(super) quote: Option<char>,
}
