//! A line in its own words.

use crate::dialect::flowspec::{Community, Table};
use crate::source::Span;

/// Octets written in hex, with the place of each.
#[derive(Debug, Default)]
pub(super) struct HexField {
    /// The octets.
    pub octets: Vec<u8>,
    /// Where the first digit of each stands; the second stands behind it.
    pub places: Vec<u32>,
}

impl HexField {
    /// The place of a range of octets; of an empty one, and of one behind the end, the octet before it.
    pub(super) fn place(&self, octets: Span) -> Span {
        let last = self.places.len().saturating_sub(1);
        let at = |index: u32| self.places.get((index as usize).min(last)).copied().unwrap_or(0);
        let end = octets.end.saturating_sub(1).max(octets.start);
        Span { start: at(octets.start), end: at(end) + 2 }
    }
}

/// One line that holds rules.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Its number from 1.
    pub number: u32,
    /// From its first word to its last.
    pub span: Span,
    /// Which table its rules belong to.
    pub table: Table,
    /// The NLRIs.
    pub nlri: HexField,
    /// The communities with their places.
    pub communities: Vec<(Community, Span)>,
    /// The name its comment gives.
    pub name: Option<&'a str>,
}
