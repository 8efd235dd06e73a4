//! ExaBGP: flow routes in configuration files and in the commands of its interface.
//!
//! Traps of its vocabulary: a bitmask without operator is "any of the bits"; `action terminal` sets the bit that
//! lets later rules count too; `rate-limit` counts octets, not bits; `traffic-class` is the six bits of `dscp`;
//! `[ a b ]` are alternatives and `a&b` is both; a value behind the first, without brackets, is passed over by
//! ExaBGP in silence, as is a statement without its semicolon.

mod command;
mod groups;
mod lex;
mod lower;
mod names;
mod operand;
mod parse;
mod print;
mod recognise;
mod support;
mod syntax;
mod then;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::dialect::flowspec;
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// The dialect of ExaBGP.
#[derive(Debug)]
pub struct ExaBgp;

impl Dialect for ExaBgp {
    fn name(&self) -> &'static str {
        "exabgp"
    }

    fn about(&self) -> &'static str {
        "flow routes of ExaBGP, in configurations and in commands of its interface"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn writes(&self) -> bool {
        true
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        let Some(text) = sample.text else { return Recognition::No };
        match recognise::looks_like(text) {
            Recognition::No if recognise::begins_as_another(text) => Recognition::No,
            Recognition::No if sample.name.to_ascii_lowercase().contains("exabgp") => Recognition::Possible,
            found => found,
        }
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        let mut reader = lower::Reader::new(source.text(), id, options);
        parse::read(source.text(), &mut reader);
        reader.finish()
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
