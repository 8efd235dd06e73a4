//! Prices as one JSON document.

use super::super::json;
use super::super::json::v1::VERSION;
use super::{Prices, names, reason, unsupported};
use crate::cost::{Growth, Price, RuleRef, Usage};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

impl<'a> Prices<'a> {
    /// Writes the prices as one JSON document.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let prices = self.prices.iter().enumerate();
        let platforms = prices.map(|(number, price)| self.platform(number, price)).collect();
        json::document(&Document1 { version: VERSION, platforms }, out)
    }

    fn platform(&'a self, number: usize, price: &'a Price<'a>) -> Platform1<'a> {
        let old = self.before.as_ref().and_then(|before| Some((before, before.prices.get(number)?)));
        let costs: HashMap<RuleRef, u64> =
            old.iter().flat_map(|(_, old)| &old.rules).map(|rule| (rule.at, rule.entries.at_least)).collect();
        let was = |at: RuleRef| {
            let (before, _) = old?;
            before.pairs.get(&at).and_then(|(old, _)| costs.get(old).copied())
        };
        let gone = old.map(|(before, old)| {
            let kept: HashSet<RuleRef> = before.pairs.values().map(|(old, _)| *old).collect();
            let gone = old.rules.iter().filter(|rule| !kept.contains(&rule.at));
            let gone = gone.map(|rule| {
                let (rule_set, name) = names(before.documents, rule.at);
                Gone1 { rule_set, rule: name, entries: rule.entries.at_least }
            });
            gone.collect()
        });
        let rules = price.rules.iter().map(|rule| {
            let (rule_set, name) = self.names(rule.at);
            Rule1 {
                rule_set,
                rule: name,
                new: old.is_some() && was(rule.at).is_none(),
                before: was(rule.at),
                entries: rule.entries.at_least,
                minimum: rule.minimum.at_least,
                inexact: rule.inexact.map(reason),
                unsupported: unsupported(rule, price.platform()),
            }
        });
        Platform1 {
            name: &price.platform().name,
            release: price.device.release.as_ref().map(ToString::to_string),
            level: price.level.name(),
            nearest: price.binding().map(|usage| &*usage.resource.name),
            resources: price
                .resources
                .iter()
                .enumerate()
                .map(|(index, usage)| self.resource(old.and_then(|(_, old)| old.resources.get(index)), usage))
                .collect(),
            rules: rules.collect(),
            gone,
            unknown_budgets: &price.unknown_budgets,
            growth: self
                .growth
                .as_ref()
                .and_then(|all| all.get(number))
                .map(|list| list.iter().map(grown).collect()),
        }
    }

    fn resource(&self, before: Option<&Usage<'_>>, usage: &'a Usage<'a>) -> Resource1<'a> {
        let passed = usage.passed_at.map(|at| self.names(at));
        Resource1 {
            name: &usage.resource.name,
            unit: &usage.resource.unit,
            before: before.map(|before| before.used.at_least),
            used: usage.used.at_least,
            minimum: usage.minimum.at_least,
            exact: usage.used.exact,
            limit: usage.limit,
            headroom: usage.headroom(),
            level: usage.level.name(),
            source: usage.source(),
            verified: usage.is_verified(),
            inexact: usage.inexact.map(reason),
            passed_at: passed.map(|(rule_set, rule)| Place1 { rule_set, rule }),
        }
    }
}

fn grown(growth: &Growth<'_>) -> Growth1 {
    let [quarter, half, all] = growth.used.map(|count| count.at_least);
    // Two decimals: an exponent says no more.
    let exponent = growth.exponent().map(|exponent| (exponent * 100.0).round() / 100.0);
    Growth1 {
        resource: growth.resource.name.clone(),
        rules: growth.rules,
        quarter,
        half,
        all,
        exact: growth.values().is_some(),
        exponent,
        superlinear: growth.is_superlinear(),
    }
}

#[derive(Serialize)]
struct Document1<'a> {
    version: u32,
    platforms: Vec<Platform1<'a>>,
}

#[derive(Serialize)]
struct Platform1<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    level: &'static str,
    nearest: Option<&'a str>,
    resources: Vec<Resource1<'a>>,
    rules: Vec<Rule1<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<Vec<Gone1<'a>>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unknown_budgets: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<Vec<Growth1>>,
}

#[derive(Serialize)]
struct Growth1 {
    resource: String,
    rules: u64,
    quarter: u64,
    half: u64,
    all: u64,
    exact: bool,
    exponent: Option<f64>,
    superlinear: bool,
}

#[derive(Serialize)]
struct Resource1<'a> {
    name: &'a str,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    used: u64,
    minimum: u64,
    exact: bool,
    limit: Option<u64>,
    headroom: Option<u64>,
    level: &'static str,
    source: &'a str,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    inexact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_at: Option<Place1<'a>>,
}

#[derive(Serialize)]
struct Place1<'a> {
    rule_set: &'a str,
    rule: &'a str,
}

#[derive(Serialize)]
struct Gone1<'a> {
    rule_set: &'a str,
    rule: &'a str,
    entries: u64,
}

#[derive(Serialize)]
struct Rule1<'a> {
    rule_set: &'a str,
    rule: &'a str,
    // Of a change.
    #[serde(skip_serializing_if = "is_false")]
    new: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    entries: u64,
    minimum: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    inexact: Option<String>,
    unsupported: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
