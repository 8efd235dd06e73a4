//! Rules as far as they are read.

use crate::source::Span;

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule<'t> {
    pub(super) span: Span,
    pub(super) options: Vec<Entry<'t>>,
    /// Whether its parenthesis is closed.
    pub(super) closed: bool,
}

/// An option of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'t> {
    pub(super) keyword: &'t str,
    /// What stands behind the colon, without blanks around it.
    pub(super) value: &'t str,
}
