//! nftables: the text of `nft` and the JSON of libnftables.
//!
//! Traps of its vocabulary: flags without an operator ask for any of the bits, in a set each for exactly itself;
//! `udp dport != 53` needs UDP; `accept` ends one base chain, and later ones of the hook still run; later
//! fragments are compared by whatever octets stand where the header would (see `load_condition`); `ip frag-off`
//! holds the flags too; `/24` of a mark is a mask.

mod across;
mod arguments;
mod blocks;
mod command;
mod contradictions;
mod datatype;
mod declared;
mod defines;
mod describe;
mod elements;
mod expr;
mod fault;
mod fields;
mod heads;
mod include;
mod interfaces;
mod joined;
#[path = "../nftables_json/mod.rs"]
pub mod json;
mod jumps;
mod known;
mod lex;
mod load;
mod load_condition;
mod looks;
mod lower;
mod matching;
mod names;
mod numbers;
mod operators;
mod parse;
mod place;
mod print;
mod print_exact;
mod print_general;
mod recognise;
mod refusals;
mod rewritten;
mod rule;
mod ruleset;
mod statements;
mod support;
mod syntax;
mod transport;
mod values;
mod written;

use super::{
    Dialect, Including, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample,
};
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// What packets were sent through to learn what rules mean.
const MEASURED_ON: &str = "Linux 6.18 with nft 1.0.6";

/// The text of nftables.
#[derive(Debug)]
pub struct Nftables;

impl Dialect for Nftables {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn about(&self) -> &'static str {
        "rule sets of nftables, as files and commands of nft"
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
        sample.text.map_or(Recognition::No, |text| recognise::text(text, sample.name))
    }

    fn read(&self, source: &Source, id: SourceId, _: &ReadOptions) -> Reading {
        // The form `json` is read under this name too.
        if recognise::json(source.text()) == Recognition::Certain {
            return json::read(source.text(), id);
        }
        lower::lower(source.text(), parse::read(source.text(), id), id)
    }

    fn forms(&self) -> &'static [&'static str] {
        &["text", "json"]
    }

    fn print(
        &self,
        document: &Document,
        options: &PrintOptions,
        out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        let json = options.form.as_deref() == Some("json");
        print::print(document, if json { print::Form::Json } else { print::Form::Text }, out)
    }

    fn says_call(&self, _: &Document, _: &RuleSet, _: &Rule<'_>) -> bool {
        true
    }

    fn including(&self) -> Option<&'static Including> {
        Some(&include::INCLUDING)
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }

    fn measured_on(&self) -> Option<&'static str> {
        Some(MEASURED_ON)
    }
}
