//! GoBGP: flow routes in commands of its tool, and its RIB as that shows it, in text and JSON.
//!
//! Traps of its vocabulary: `true` and `false` are sent with the code of their opposite; `port 80-90` is 80; a key
//! written twice counts once; a bitmask without operator is "any of the bits"; `action terminal` sets the bit that
//! lets later rules count too; an AS beyond 65535 in a redirect becomes 65535.

mod display;
mod lower;
mod matching;
mod parse;
mod print;
mod recognise;
mod rib;
mod support;
mod syntax;
mod then;
mod values;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::dialect::flowspec;
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// The dialect of GoBGP.
#[derive(Debug)]
pub struct GoBgp;

impl Dialect for GoBgp {
    fn name(&self) -> &'static str {
        "gobgp"
    }

    fn about(&self) -> &'static str {
        "flow routes of GoBGP, in commands and as its RIB shows them in text and JSON"
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
            recognise::Form::Commands => parse::read(text, &mut rules, &mut findings),
            recognise::Form::Display => display::read(text, &mut rules, &mut findings),
            recognise::Form::Json => rib::read(text, &mut rules, &mut findings),
        };
        Reading { document: rules.finish(), diagnostics: findings.finish(text.len()), skipped }
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

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
