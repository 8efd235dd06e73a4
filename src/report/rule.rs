//! The rule that decides, in words and for programs.

use super::clean;
use super::json::v1::Position;
use crate::eval::Hit;
use crate::ir::{Document, Rule, RuleSet, Verdict};
use crate::source::{Place, SourceMap};
use serde::Serialize;

/// Rules with the places they were written at.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Where they stand.
    pub sources: &'a SourceMap,
    /// The rules.
    pub document: &'a Document,
}

impl<'a> Rules<'a> {
    /// A rule and its rule set.
    pub(super) fn get(&self, hit: Hit) -> Option<(&'a RuleSet, Rule<'a>)> {
        let set = self.document.rule_sets.get(hit.rule_set as usize)?;
        Some((set, set.rules.get(hit.rule as usize)?))
    }

    /// Where a rule was written.
    pub fn place(&self, rule: &Rule<'_>) -> String {
        let source = self.sources.get(rule.origin.source);
        match source.place(rule.origin.span.start) {
            Place::Text(at) => format!("{}:{}:{}", clean(source.name()), at.line, at.column),
            Place::Binary(at) => {
                format!("{}: frame {}, octet {}", clean(source.name()), at.frame, at.octet)
            }
        }
    }

    /// A rule by its name and place.
    pub(super) fn named(&self, hit: Hit) -> String {
        let Some((set, rule)) = self.get(hit) else { return String::new() };
        // Rules without names have numbers, which every rule set begins anew.
        let several = self.document.rule_sets.iter().filter(|set| set.kind.is_written()).count() > 1;
        let of = if several { format!(" of `{}`", clean(&set.name)) } else { String::new() };
        format!("rule `{}`{of} ({})", clean(rule.name), self.place(&rule))
    }

    /// A verdict and what gave it.
    pub(super) fn given(&self, verdict: Verdict, rule: Option<Hit>) -> String {
        match (rule, verdict) {
            (Some(hit), _) => format!("{verdict}, by {}", self.named(hit)),
            (None, Verdict::NoDecision) => "no-decision: no rule decides".to_owned(),
            (None, _) => format!("{verdict}, by default: no rule decides"),
        }
    }

    pub(super) fn json(&self, hit: Hit) -> Option<Rule1> {
        let (set, rule) = self.get(hit)?;
        let source = self.sources.get(rule.origin.source);
        Some(Rule1 {
            rule_set: set.name.clone(),
            rule: rule.name.to_owned(),
            path: source.name().to_owned(),
            start: Position::of(source.place(rule.origin.span.start)),
        })
    }
}

/// A rule in a document of version 1.
#[derive(Serialize)]
pub(super) struct Rule1 {
    rule_set: String,
    rule: String,
    path: String,
    start: Position,
}
