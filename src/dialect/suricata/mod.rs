//! Rules of Suricata and Snort. What is read of them are their regular expressions.
//!
//! Traps of the vocabulary. A semicolon ends an option unless a backslash stands before it, inside of quotes too. The
//! letters behind a pattern are of two kinds: how it is read (`i`, `s`, `m`, `x`, `A`, `E`, `G`) and where it is sought
//! (the others). `G` turns greed around, `E` makes `$` the very end. A rule behind `#` is switched off.

mod lower;
mod parse;
mod recognise;
mod support;
mod syntax;

use super::{Dialect, Keyword, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::source::{Source, SourceId};

/// The dialect `suricata`.
#[derive(Debug)]
pub struct Suricata;

impl Dialect for Suricata {
    fn name(&self) -> &'static str {
        "suricata"
    }

    fn about(&self) -> &'static str {
        "rules of Suricata and Snort: the regular expressions in them"
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
