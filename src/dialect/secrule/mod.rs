//! Rules of `ModSecurity` and Coraza. What is read of them are their regular expressions.
//!
//! Traps of the vocabulary. An operator without a name is `@rx`. A quote inside of quotes has a backslash before it,
//! which is no part of the pattern; any other backslash is. A line that ends in a backslash goes on in the next, whose
//! blanks at the beginning are kept. `ARGS:/x/` chooses variables by a pattern, `XML:/x` by a path. A rule of a chain
//! has no number: it is told by that of the first.

mod lower;
mod parse;
mod recognise;
mod support;
mod syntax;

use super::{Dialect, Keyword, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::source::{Source, SourceId};

/// The dialect `secrule`.
#[derive(Debug)]
pub struct SecRule;

impl Dialect for SecRule {
    fn name(&self) -> &'static str {
        "secrule"
    }

    fn about(&self) -> &'static str {
        "rules of ModSecurity and Coraza: the regular expressions in them"
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
