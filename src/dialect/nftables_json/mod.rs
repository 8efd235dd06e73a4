//! nftables in the JSON of libnftables: the same rules as the text, and the same modules behind the syntax.
//!
//! Traps of its vocabulary: `==` of flags is for exactly these flags and `in` for any of them; a list in brackets
//! is flags together, an object `set` is alternatives; elements that are pairs are a key and what the map gives.

mod lower;
mod parse;
mod support;
pub(super) mod syntax;

use crate::dialect::{
    Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample,
};
use crate::ir::Document;
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

    fn writes(&self) -> bool {
        false
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        sample.text.map_or(Recognition::No, super::recognise::json)
    }

    fn read(&self, source: &Source, id: SourceId, _: &ReadOptions) -> Reading {
        lower::read(source.text(), id)
    }

    fn print(&self, _: &Document, _: &PrintOptions, _: &mut dyn fmt::Write) -> Result<Vec<Lost>, fmt::Error> {
        Ok(Vec::new())
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
