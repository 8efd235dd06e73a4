//! What rules cost on platforms, for people and programs.

#[cfg(feature = "cli")]
mod html;
mod json;
mod markdown;
mod terminal;
mod view;

use super::count;
use crate::cost::{Count, Growth, Inexact, Platform, Price, RulePrice, RuleRef};
use crate::ir::Document;
use std::collections::HashMap;

/// Prices with the documents they are of.
#[derive(Debug)]
pub struct Prices<'a> {
    /// One for each platform.
    pub prices: &'a [Price<'a>],
    /// The documents in the order they were added.
    pub documents: &'a [&'a Document],
    /// What they take the place of, where that was asked.
    pub before: Option<Before<'a>>,
    /// For each platform how its resources grow with the rules, where that was asked.
    pub growth: Option<Vec<Vec<Growth<'a>>>>,
}

/// What rules cost before a change.
#[derive(Debug)]
pub struct Before<'a> {
    /// One for each platform, as those after.
    pub prices: Vec<Price<'a>>,
    /// The documents in the order they were added.
    pub documents: &'a [&'a Document],
    /// For each rule that was there in one form or another, which, and whether it is the same.
    pub pairs: HashMap<RuleRef, (RuleRef, bool)>,
}

impl<'a> Prices<'a> {
    fn names(&self, at: RuleRef) -> (&'a str, &'a str) {
        names(self.documents, at)
    }
}

fn names<'a>(documents: &[&'a Document], at: RuleRef) -> (&'a str, &'a str) {
    let set = documents.get(at.document as usize).and_then(|d| d.rule_sets.get(at.rule_set as usize));
    let rule = set.and_then(|set| set.rules.get(at.rule as usize));
    (set.map_or("", |set| &set.name), rule.map_or("", |rule| rule.name))
}

fn long(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn unsupported(rule: &RulePrice, platform: &Platform) -> Vec<String> {
    rule.unsupported.iter().map(|found| found.describe(platform)).collect()
}

fn reason(why: Inexact) -> String {
    match why {
        Inexact::Exhausted(exhausted) => exhausted.to_string(),
        Inexact::Opaque => "a part of its condition is not modelled".to_owned(),
        Inexact::NoPlace => "a part of a rule has no place in what is built".to_owned(),
        Inexact::Action => "what a rule does beside its verdict is not modelled".to_owned(),
        Inexact::TooLarge => "a figure does not fit into 64 bits".to_owned(),
    }
}

/// A number, `>=` before it where it is known from below only.
fn figure(number: Count) -> String {
    let digits = count(number.at_least, "");
    if number.exact { digits } else { format!(">={digits}") }
}
