//! The lines of a list.

use crate::source::Span;

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line<'t> {
    /// A pattern.
    Pattern(&'t str),
    /// Letters of flags that hold for every line.
    Flags(&'t str),
    /// What a tool makes of other lines, which is not done here.
    Assembly(&'t str),
}

/// A line with its number and place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered<'t> {
    pub(super) number: usize,
    pub(super) span: Span,
    pub(super) line: Line<'t>,
}
