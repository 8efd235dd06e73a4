//! nftables in the JSON of libnftables: the same rules as the text, and the same modules behind the syntax.
//!
//! Traps of its vocabulary: `==` of flags is for exactly these flags and `in` for any of them; a list in brackets
//! is flags together, an object `set` is alternatives; elements that are pairs are a key and what the map gives.

mod lower;
mod parse;
mod print;
mod support;
pub(super) mod syntax;

pub(super) use lower::read;

use crate::dialect::{
    Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample,
};
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// The JSON of libnftables.
#[derive(Debug)]
pub struct NftablesJson;

impl Dialect for NftablesJson {
    fn name(&self) -> &'static str {
        "nftables-json"
    }

    fn about(&self) -> &'static str {
        "rule sets of nftables in the JSON of libnftables"
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

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        sample.text.map_or(Recognition::No, super::recognise::json)
    }

    fn read(&self, source: &Source, id: SourceId, _: &ReadOptions) -> Reading {
        read(source.text(), id)
    }

    fn print(
        &self,
        document: &Document,
        _: &PrintOptions,
        out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        print::print(document, out)
    }

    fn says_call(&self, _: &Document, _: &RuleSet, _: &Rule<'_>) -> bool {
        true
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }

    fn measured_on(&self) -> Option<&'static str> {
        Some(super::MEASURED_ON)
    }
}
