//! From JSON to rule sets: the way of text, from the same syntax on.

use super::super::lower::lower;
use super::parse;
use crate::dialect::Reading;
use crate::source::SourceId;

/// Reads a file.
pub(in super::super) fn read(text: &str, source: SourceId) -> Reading {
    let (objects, mut diagnostics) = parse::objects(text, source);
    let mut reading = lower(text, parse::ruleset(&objects, source), source);
    diagnostics.append(&mut reading.diagnostics);
    Reading { diagnostics, ..reading }
}
