//! BIRD: flow routes of static protocols, and what `show route` prints.
//!
//! Traps of its vocabulary: a comma is OR between numbers and AND between bits; `next header` and `proto` are one
//! keyword in both families; `value/mask` asks for bits that are clear too; arithmetic needs parentheses; a mask
//! of 0 is dropped; two items of one type load and are never announced; some of what it shows it does not read.

mod attributes;
mod constants;
mod display;
mod include;
mod items;
mod lex;
mod lower;
mod names;
mod parse;
mod print;
mod recognise;
mod support;
mod syntax;
mod words;

use super::{
    Dialect, Including, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample,
};
use crate::dialect::flowspec;
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// The dialect of BIRD.
#[derive(Debug)]
pub struct Bird;

impl Dialect for Bird {
    fn name(&self) -> &'static str {
        "bird"
    }

    fn about(&self) -> &'static str {
        "flow routes of BIRD, in configurations and as `show route` prints them"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn writes(&self) -> bool {
        true
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        let Some(text) = sample.text else { return Recognition::No };
        recognise::looks_like(text)
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        let text = source.text();
        let mut findings = super::findings::Findings::new(id);
        let mut rules = lower::Rules::new(text, id, options);
        let skipped = match recognise::form(text) {
            recognise::Form::Configuration => parse::read(text, &mut rules, &mut findings),
            recognise::Form::Display => display::read(text, &mut rules, &mut findings),
        };
        let document = rules.finish(&mut findings);
        Reading { document, diagnostics: findings.finish(text.len()), skipped }
    }

    fn print(
        &self,
        document: &Document,
        _: &PrintOptions,
        out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        print::print(&self.flat(document), out)
    }

    fn says(&self, _: &Document, set: &RuleSet, rule: &Rule<'_>) -> bool {
        flowspec::says(set, rule)
    }

    fn including(&self) -> Option<&'static Including> {
        Some(&include::INCLUDING)
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
