//! FRR: flow routes as it shows them, and policy maps.
//!
//! Traps of its vocabulary: in a list of numbers a comma is printed for AND and for OR; `eval stops` is shown for
//! every traffic-action; a component without a sign is never true; an entry of a policy map without `set` is not
//! installed.

mod lower;
mod parse;
mod pbr;
mod recognise;
mod support;
mod syntax;
mod values;

use super::{Dialect, Keyword, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::source::{Source, SourceId};

/// The dialect of FRR.
#[derive(Debug)]
pub struct Frr;

impl Dialect for Frr {
    fn name(&self) -> &'static str {
        "frr"
    }

    fn about(&self) -> &'static str {
        "flow routes as FRR shows them, in text and JSON, and its policy maps"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        let Some(text) = sample.text else { return Recognition::No };
        recognise::looks_like(text)
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        let text = source.text();
        let mut findings = super::findings::Findings::new(id);
        let mut rules = lower::Rules::new(text, id, options);
        let skipped = if recognise::is_configuration(text) {
            pbr::read(text, &mut rules, &mut findings)
        } else {
            parse::read(text, &mut rules, &mut findings)
        };
        Reading { document: rules.finish(), diagnostics: findings.finish(text.len()), skipped }
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
