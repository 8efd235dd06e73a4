//! Regular expressions, one a line, and the lists that the Core Rule Set assembles its patterns from.
//!
//! Traps of the vocabulary. Blank lines and those that begin with `#` are passed over; in an assembly `##!+` sets flags
//! for all lines, and `##!>` begins what a tool makes of the lines behind it: then no line of the file is a pattern.

mod lower;
mod parse;
mod recognise;
mod support;
mod syntax;

use super::{Dialect, Keyword, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::source::{Source, SourceId};

/// The dialect `pattern-list`.
#[derive(Debug)]
pub struct PatternList;

impl Dialect for PatternList {
    fn name(&self) -> &'static str {
        "pattern-list"
    }

    fn about(&self) -> &'static str {
        "regular expressions, one a line"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        recognise::recognise(sample)
    }

    fn read(&self, source: &Source, id: SourceId, _options: &ReadOptions) -> Reading {
        lower::read(source.text(), id)
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
