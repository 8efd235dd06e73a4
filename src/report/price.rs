//! What rules cost on platforms, for people and programs.

use super::json::v1::VERSION;
use super::{Table, clean, count, json, share};
use crate::cost::{Count, Inexact, Platform, Price, RulePrice, RuleRef, Usage};
use crate::ir::Document;
use serde::Serialize;
use std::io::{self, Write};

/// The dearest rules shown to people.
const DEAREST: usize = 10;
/// Cells of a bar.
const BAR: u64 = 20;

/// Prices with the documents they are of.
#[derive(Debug)]
pub struct Prices<'a> {
    /// One for each platform.
    pub prices: &'a [Price],
    /// The documents in the order they were added.
    pub documents: &'a [&'a Document],
}

impl<'a> Prices<'a> {
    fn names(&self, at: RuleRef) -> (&'a str, &'a str) {
        let set =
            self.documents.get(at.document as usize).and_then(|d| d.rule_sets.get(at.rule_set as usize));
        let rule = set.and_then(|set| set.rules.get(at.rule as usize));
        (set.map_or("", |set| &set.name), rule.map_or("", |rule| rule.name))
    }

    /// Writes the prices for people: each resource against its limit, the dearest rules, what is not taken.
    pub fn write_terminal(&self, all_rules: bool, out: &mut dyn Write) -> io::Result<()> {
        for (number, price) in self.prices.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            self.write_one(price, all_rules, out)?;
        }
        Ok(())
    }

    fn write_one(&self, price: &Price, all_rules: bool, out: &mut dyn Write) -> io::Result<()> {
        let platform = price.platform;
        writeln!(out, "{} ({}): {}", platform.name, platform.title, price.level.name())?;
        writeln!(out)?;
        let mut table =
            Table::new(&["resource", ">used", ">minimum", ">limit", "", ">share", "level", "source"]);
        for usage in &price.resources {
            let unit = &usage.resource.unit;
            let limit = usage.limit.map_or("-".to_owned(), |limit| count(limit, ""));
            let part = usage.limit.map_or_else(String::new, |limit| share(usage.used.at_least, limit));
            let bar =
                usage.limit.map_or_else(String::new, |limit| super::bar(usage.used.at_least, limit, BAR));
            let verified = if usage.is_verified() { "" } else { ", not verified" };
            let name = if usage.resource.name.ends_with(unit) {
                usage.resource.name.clone()
            } else {
                format!("{} ({unit})", usage.resource.name)
            };
            table.row([
                name,
                figure(usage.used),
                figure(usage.minimum),
                limit,
                bar,
                part,
                usage.level.name().to_owned(),
                format!("{}{verified}", usage.source()),
            ]);
        }
        table.write(out)?;
        for usage in &price.resources {
            if let Some(at) = usage.passed_at {
                let (set, rule) = self.names(at);
                let resource = &usage.resource.name;
                writeln!(
                    out,
                    "\nthe limit of {resource} is passed at rule `{}` of `{}`",
                    clean(rule),
                    clean(set)
                )?;
            }
        }
        self.write_rules(price, all_rules, out)?;
        self.write_unsupported(price, out)
    }

    fn write_rules(&self, price: &Price, all: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut rules: Vec<&RulePrice> = price.rules.iter().collect();
        if !all {
            rules.sort_by_key(|rule| (std::cmp::Reverse(rule.entries.at_least), rule.at));
            rules.truncate(DEAREST);
        }
        if rules.is_empty() {
            return writeln!(out, "\nno rule that {} takes", price.platform.name);
        }
        let mut table = Table::new(&["rule", "rule set", ">entries", ">minimum"]);
        for rule in &rules {
            let (set, name) = self.names(rule.at);
            let cells = [
                clean(name).into_owned(),
                clean(set).into_owned(),
                figure(rule.entries),
                figure(rule.minimum),
            ];
            table.row(cells);
        }
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        if rules.len() < price.rules.len() {
            let (shown, all) = (count(number(rules.len()), ""), count(number(price.rules.len()), "rule"));
            writeln!(out, "\nthe {shown} dearest of {all}:")?;
        } else {
            writeln!(out)?;
        }
        table.write(out)?;
        let mut inexact = price.rules.iter().filter_map(|rule| rule.inexact.as_ref().map(|why| (rule, why)));
        if let Some((rule, why)) = inexact.next() {
            let (_, name) = self.names(rule.at);
            let others = match inexact.count() {
                0 => String::new(),
                n => format!(", and {} likewise", count(number(n), "other rule")),
            };
            writeln!(out, "\nrule `{}` is counted from below: {}{others}", clean(name), reason(*why))?;
        }
        Ok(())
    }

    fn write_unsupported(&self, price: &Price, out: &mut dyn Write) -> io::Result<()> {
        let with = price.rules.iter().filter(|rule| !rule.unsupported.is_empty());
        let mut left = 0;
        for (number, rule) in with.enumerate() {
            if number >= DEAREST {
                left += 1;
                continue;
            }
            let (set, name) = self.names(rule.at);
            let words = unsupported(rule, price.platform).join("; ");
            let platform = &price.platform.name;
            writeln!(
                out,
                "\nrule `{}` of `{}` is more than {platform} takes: {words}",
                clean(name),
                clean(set)
            )?;
        }
        if left > 0 {
            writeln!(out, "\n{} more than it takes", count(left, "other rule"))?;
        }
        for budget in &price.unknown_budgets {
            writeln!(out, "\nthere is no resource `{}` to hold against its budget", clean(budget))?;
        }
        Ok(())
    }

    /// Writes the prices as one JSON document.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let platforms = self.prices.iter().map(|price| self.platform(price)).collect();
        json::document(&Document1 { version: VERSION, platforms }, out)
    }

    fn platform(&self, price: &'a Price) -> Platform1<'a> {
        let rules = price.rules.iter().map(|rule| {
            let (rule_set, name) = self.names(rule.at);
            Rule1 {
                rule_set,
                rule: name,
                entries: rule.entries.at_least,
                minimum: rule.minimum.at_least,
                inexact: rule.inexact.map(reason),
                unsupported: unsupported(rule, price.platform),
            }
        });
        Platform1 {
            name: &price.platform.name,
            level: price.level.name(),
            resources: price.resources.iter().map(|usage| self.resource(usage)).collect(),
            rules: rules.collect(),
            unknown_budgets: &price.unknown_budgets,
        }
    }

    fn resource(&self, usage: &'a Usage) -> Resource1<'a> {
        let passed = usage.passed_at.map(|at| self.names(at));
        Resource1 {
            name: &usage.resource.name,
            unit: &usage.resource.unit,
            used: usage.used.at_least,
            minimum: usage.minimum.at_least,
            exact: usage.used.exact,
            limit: usage.limit,
            level: usage.level.name(),
            source: usage.source(),
            verified: usage.is_verified(),
            passed_at: passed.map(|(rule_set, rule)| Place1 { rule_set, rule }),
        }
    }
}

fn unsupported(rule: &RulePrice, platform: &Platform) -> Vec<String> {
    rule.unsupported.iter().map(|found| found.describe(platform)).collect()
}

fn reason(why: Inexact) -> String {
    match why {
        Inexact::Exhausted(exhausted) => exhausted.to_string(),
        Inexact::Opaque => "a part of its condition is not modelled".to_owned(),
        Inexact::TooLarge => "a figure does not fit into 64 bits".to_owned(),
    }
}

/// A number, `>=` before it where it is known from below only.
fn figure(number: Count) -> String {
    let digits = count(number.at_least, "");
    if number.exact { digits } else { format!(">={digits}") }
}

#[derive(Serialize)]
struct Document1<'a> {
    version: u32,
    platforms: Vec<Platform1<'a>>,
}

#[derive(Serialize)]
struct Platform1<'a> {
    name: &'a str,
    level: &'static str,
    resources: Vec<Resource1<'a>>,
    rules: Vec<Rule1<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unknown_budgets: &'a [String],
}

#[derive(Serialize)]
struct Resource1<'a> {
    name: &'a str,
    unit: &'a str,
    used: u64,
    minimum: u64,
    exact: bool,
    limit: Option<u64>,
    level: &'static str,
    source: &'a str,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_at: Option<Place1<'a>>,
}

#[derive(Serialize)]
struct Place1<'a> {
    rule_set: &'a str,
    rule: &'a str,
}

#[derive(Serialize)]
struct Rule1<'a> {
    rule_set: &'a str,
    rule: &'a str,
    entries: u64,
    minimum: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    inexact: Option<String>,
    unsupported: Vec<String>,
}
