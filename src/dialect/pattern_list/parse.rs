//! Text to lines.

use super::syntax::{Line, Numbered};
use crate::source::Span;

/// The lines of a text that are not passed over.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Numbered<'_>> {
    // In an assembly blanks before a line are layout, and only `##!` begins a remark.
    let assembled = is_assembly(text);
    text.lines().zip(1..).filter_map(move |(whole, number)| {
        let line = if assembled { whole.trim_start() } else { whole };
        let span = Span::of(text, line);
        let line = match line.strip_prefix("##!") {
            Some(directive) => match directive.chars().next() {
                Some('+') => Line::Flags(directive.get(1..).unwrap_or("").trim()),
                Some('>' | '<' | '=' | '^' | '$') => Line::Assembly(line),
                _ => return None,
            },
            None if line.trim().is_empty() || !assembled && line.starts_with('#') => return None,
            None if assembled && line.contains("{{") => Line::Assembly(line),
            None => Line::Pattern(line),
        };
        Some(Numbered { number, span, line })
    })
}

/// Whether the text is one that patterns are assembled from.
pub(super) fn is_assembly(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("##!"))
}
