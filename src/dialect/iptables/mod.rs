//! iptables and ip6tables: what their save programs write, command lines, listings, and `ipset save` beside them.
//!
//! Traps of its vocabulary: `!` stands before its option, in older output behind it; `-p all` and `-p 0` are no
//! condition; `! --dport 22` still asks for the protocol and for a header; `--sport 1024` is one port and
//! `--sport 1024:` a range; a list of addresses makes several rules; `--icmp-type` without a code is every code;
//! `--syn` looks at four flags only; `+` ends a pattern of interfaces; `RETURN` in a chain of the system is its
//! policy; a rule without `-j` only counts.

mod chains;
mod conditions;
mod extensions;
mod findings;
mod finish;
mod fragments;
mod grammar;
mod grammar_values;
mod lex;
mod listing;
mod loaded;
mod lower;
mod matching;
mod names;
mod options;
mod parse;
mod print;
mod print_cube;
mod print_match;
mod print_places;
mod print_values;
mod print_words;
mod recognise;
mod refusals;
mod set_conditions;
mod sets;
mod spec;
mod support;
mod syntax;
mod target;
mod transport;
mod u32;
mod values;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// The dialect of iptables and ip6tables.
#[derive(Debug)]
pub struct Iptables;

impl Dialect for Iptables {
    fn name(&self) -> &'static str {
        "iptables"
    }

    fn about(&self) -> &'static str {
        "rules of iptables and ip6tables as their save programs write them, command lines, `ipset save` beside them"
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
            Recognition::No if text.trim().is_empty() && named(sample.name) => Recognition::Possible,
            found => found,
        }
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        lower::Reader::new(source.text(), id, options).run()
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
        support::ledger()
    }

    fn stands_alone(&self, rule: &str) -> bool {
        // A line of iptables-save; a command begins with the name of the program.
        rule.starts_with(['-', '['])
    }

    fn measured_on(&self) -> Option<&'static str> {
        Some("Linux 6.18 with iptables 1.8.9")
    }
}

fn named(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("iptables") || name.contains("ip6tables")
}
