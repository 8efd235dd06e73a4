//! What a run found, as text for people and programs. A format is a function of a report and a writer.
//!
//! Same input, same octets: no clock, no path that was not given, no order of a hash map. Nothing here knows how
//! a finding came about; only [`terminal`] knows how a terminal draws one.

mod answer;
mod calibration;
mod campaign;
mod cases;
mod difference;
mod evaluation;
pub mod github;
pub mod json;
mod measurement;
mod price;
mod rule;
pub mod sarif;
mod series;
mod table;
pub mod terminal;
mod trace;
mod words;
mod worst;

pub use answer::{Answer, Answered, Part};
pub use calibration::{Calibration, Case};
pub use campaign::Attacked;
pub use cases::{Coverage, Subject, SuiteRun, Tested, Tests};
pub use difference::Difference;
pub use evaluation::{Evaluated, Evaluation, VERDICTS};
pub use measurement::Measurement;
pub use price::{Before, Prices};
pub use rule::Rules;
pub use series::Series;
pub use table::{Table, bar};
pub use trace::Trace;
pub use words::{clean, count, share};
pub use worst::{Searched, Searches};

use crate::check::{CHECKS, Findings, Inconclusive, Input, Meta, PATTERNS};
use crate::diagnostic::{Diagnostic, Level};
use crate::field::Field;
use crate::guard::limits;
use crate::source::SourceMap;
use std::collections::BTreeMap;

/// What `flowgate check` says of its inputs.
#[derive(Debug)]
pub struct Report<'a> {
    /// The sources every span points into.
    pub sources: &'a SourceMap,
    /// What was read, in the order given.
    pub inputs: Vec<InputSummary>,
    /// Findings in the order of [`Diagnostic::sort_key`], at most [`limits::DIAGNOSTICS`] a source.
    pub diagnostics: Vec<Diagnostic>,
    /// Questions without an answer.
    pub inconclusive: Vec<Inconclusive>,
    /// The figures, of everything found.
    pub summary: Summary,
}

/// One input: what it was read as and what was in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputSummary {
    /// Its name as the user gave it.
    pub path: String,
    /// The dialect.
    pub dialect: &'static str,
    /// Its rule sets: the name and the number of rules of each.
    pub rule_sets: Vec<(String, usize)>,
}

/// Why nobody can say what a field of a packet is.
fn not_known(field: Field) -> String {
    let title = field.info().title;
    if field.is_of_device() {
        format!("only the device knows the {title}")
    } else {
        format!("the capture does not hold the {title}")
    }
}

impl InputSummary {
    /// The summary of an input that was read.
    pub fn of(sources: &SourceMap, input: &Input) -> Self {
        let sets = input.reading.document.rule_sets.iter().filter(|set| set.kind.is_written());
        // Rules read for their regular expressions alone are as many as these.
        let patterns = input.reading.document.patterns.len();
        let patterns = (patterns > 0).then(|| (PATTERNS.to_owned(), patterns));
        Self {
            path: sources.get(input.source).name().to_owned(),
            dialect: input.dialect,
            rule_sets: sets.map(|set| (set.name.clone(), set.rules.len())).chain(patterns).collect(),
        }
    }
}

/// How much was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Findings of level error.
    pub errors: u64,
    /// Findings of level warning.
    pub warnings: u64,
    /// Findings of level note.
    pub notes: u64,
    /// Questions without an answer.
    pub inconclusive: u64,
    /// Findings that an allow took away.
    pub suppressed: u64,
    /// Findings counted above that are not listed, because a source has too many.
    pub unlisted: u64,
}

impl Summary {
    /// How many findings stand at `level`.
    pub fn at(&self, level: Level) -> u64 {
        match level {
            Level::Error => self.errors,
            Level::Warning => self.warnings,
            Level::Note => self.notes,
        }
    }

    /// How many findings stand at `level` or above.
    pub fn at_least(&self, level: Level) -> u64 {
        [Level::Note, Level::Warning, Level::Error].iter().filter(|l| **l >= level).map(|l| self.at(*l)).sum()
    }
}

impl<'a> Report<'a> {
    /// Sorts what was found, counts it, and keeps as much of it as anyone reads.
    pub fn new(
        sources: &'a SourceMap,
        inputs: Vec<InputSummary>,
        findings: Findings,
        suppressed: usize,
    ) -> Self {
        let Findings { mut diagnostics, inconclusive } = findings;
        diagnostics.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let mut summary = Summary {
            inconclusive: number(inconclusive.len()),
            suppressed: number(suppressed),
            ..Summary::default()
        };
        let mut listed = BTreeMap::new();
        diagnostics.retain(|diagnostic| {
            match diagnostic.level {
                Level::Error => summary.errors += 1,
                Level::Warning => summary.warnings += 1,
                Level::Note => summary.notes += 1,
            }
            let of_source: &mut u64 = listed.entry(diagnostic.primary.source).or_default();
            *of_source += 1;
            let kept = *of_source <= limits::DIAGNOSTICS.value;
            summary.unlisted += u64::from(!kept);
            kept
        });
        Self { sources, inputs, diagnostics, inconclusive, summary }
    }

    /// The checks a reader of this report may look up: the whole catalogue.
    pub fn checks() -> impl Iterator<Item = &'static Meta> {
        CHECKS.iter().map(|check| check.meta())
    }

    /// How many rules were read.
    pub fn rule_count(&self) -> usize {
        self.inputs.iter().flat_map(|input| &input.rule_sets).map(|(_, rules)| rules).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Label;
    use crate::source::{Content, Source, Span};

    #[test]
    fn what_is_not_listed_is_counted() {
        let mut sources = SourceMap::new();
        let id = sources.add(Source::new("a", Content::Text("x".into())));
        let one = || Diagnostic::new("c", Level::Error, "m", Label::new(id, Span::new(0, 1)));
        let findings = Findings { diagnostics: (0..10_003).map(|_| one()).collect(), inconclusive: vec![] };
        let report = Report::new(&sources, vec![], findings, 1);
        assert_eq!(report.diagnostics.len(), 10_000);
        assert_eq!((report.summary.errors, report.summary.unlisted), (10_003, 3));
        assert_eq!(report.summary.at_least(Level::Warning), 10_003);
    }
}
