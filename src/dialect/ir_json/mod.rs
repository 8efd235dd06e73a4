//! The intermediate form itself as JSON, versioned: every document of every dialect, and nothing lost on the way out
//! or in.
//!
//! What is written here is meant for other programs and for a person with an editor, so values stand as people write
//! them: addresses and prefixes as such, ranges as `lo-hi`, interfaces by name. Traps of the vocabulary: an object of
//! a condition holds when all of its members do; a list of values, when the field has one of them; a test is false
//! where the packet lacks the field, so `not` and `except` differ.

mod actions;
mod conditions;
mod findings;
mod lower;
mod parse;
mod print;
mod print_condition;
mod support;
mod syntax;
mod values;
mod words;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// The version of the form that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The dialect `ir-json`.
#[derive(Debug)]
pub struct IrJson;

impl Dialect for IrJson {
    fn name(&self) -> &'static str {
        "ir-json"
    }

    fn about(&self) -> &'static str {
        "the intermediate form of every dialect as JSON"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn names_octets(&self) -> bool {
        false
    }

    fn writes(&self) -> bool {
        true
    }

    fn forms(&self) -> &'static [&'static str] {
        &["plain", "origins"]
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        parse::recognise(sample)
    }

    fn read(&self, source: &Source, id: SourceId, _options: &ReadOptions) -> Reading {
        lower::read(source.text(), id)
    }

    fn print(
        &self,
        document: &Document,
        options: &PrintOptions,
        out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        print::print(document, options.form.as_deref() == Some("origins"), out)?;
        let patterns = document.patterns.len();
        let lost =
            Lost::left_out("", "", format!("{patterns} regular expressions, which have no form there"));
        Ok(if patterns > 0 { vec![lost] } else { Vec::new() })
    }

    fn says_call(&self, _: &Document, _: &RuleSet, _: &Rule<'_>) -> bool {
        true
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
