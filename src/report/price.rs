//! What rules cost on platforms, for people and programs.

use super::json::v1::VERSION;
use super::{Table, clean, count, json, share};
use crate::cost::{Count, Inexact, Platform, Price, RulePrice, RuleRef, Usage};
use crate::ir::Document;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

/// The dearest rules shown to people.
const DEAREST: usize = 10;
/// Cells of a bar.
const BAR: u64 = 20;

/// Prices with the documents they are of.
#[derive(Debug)]
pub struct Prices<'a> {
    /// One for each platform.
    pub prices: &'a [Price<'a>],
    /// The documents in the order they were added.
    pub documents: &'a [&'a Document],
    /// What they take the place of, where that was asked.
    pub before: Option<Before<'a>>,
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

    /// Writes the prices for people: each resource against its limit, the dearest rules, what is not taken.
    pub fn write_terminal(&self, all_rules: bool, out: &mut dyn Write) -> io::Result<()> {
        for (number, price) in self.prices.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            self.write_one(number, price, all_rules, out)?;
        }
        Ok(())
    }

    fn write_one(
        &self,
        number: usize,
        price: &Price<'_>,
        all_rules: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let before = self.before.as_ref().and_then(|before| before.prices.get(number));
        writeln!(out, "{} ({}): {}", price.device.name(), price.platform().title, price.level.name())?;
        writeln!(out)?;
        match before {
            None => resources(price).write(out)?,
            Some(before) => resources_beside(before, price).write(out)?,
        }
        if let Some(usage) = price.binding() {
            let (room, name) = (usage.headroom().unwrap_or(0), &usage.resource.name);
            writeln!(out, "\nnearest to its limit: {name}, room for {}", count(room, ""))?;
        }
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
        match &self.before {
            None => self.write_rules(price, all_rules, out)?,
            Some(before) => self.write_changes(number, price, before, all_rules, out)?,
        }
        self.write_inexact(price, out)?;
        self.write_unsupported(price, out)
    }

    /// The rules that are new, gone, or cost another number of entries than before.
    fn write_changes(
        &self,
        number: usize,
        price: &Price<'_>,
        before: &Before<'_>,
        all: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Some(old) = before.prices.get(number) else { return Ok(()) };
        let costs: HashMap<RuleRef, Count> = old.rules.iter().map(|rule| (rule.at, rule.entries)).collect();
        let mut rows: Vec<(u64, [String; 4])> = Vec::new();
        let mut programmed = 0;
        for rule in &price.rules {
            let pair = before.pairs.get(&rule.at);
            programmed += u64::from(pair.is_none_or(|(_, same)| !same));
            let was = pair.and_then(|(old, _)| costs.get(old));
            if was != Some(&rule.entries) {
                let (set, name) = self.names(rule.at);
                let moved = rule.entries.at_least.abs_diff(was.map_or(0, |was| was.at_least));
                let was = was.map_or_else(|| "-".to_owned(), |was| figure(*was));
                rows.push((
                    moved,
                    [clean(name).into_owned(), clean(set).into_owned(), was, figure(rule.entries)],
                ));
            }
        }
        let kept: HashSet<RuleRef> = before.pairs.values().map(|(old, _)| *old).collect();
        for rule in old.rules.iter().filter(|rule| !kept.contains(&rule.at)) {
            let (set, name) = names(before.documents, rule.at);
            let cells =
                [clean(name).into_owned(), clean(set).into_owned(), figure(rule.entries), "-".to_owned()];
            rows.push((rule.entries.at_least, cells));
        }
        if let Some(rate) = price.platform().programming_rate() {
            let seconds = count(programmed.div_ceil(rate.max(1)), "second");
            writeln!(
                out,
                "\nprogramming what is new or edited takes {seconds}: {} at {rate} a second",
                count(programmed, "rule")
            )?;
        }
        if rows.is_empty() {
            return writeln!(out, "\nno rule costs another number of entries than before");
        }
        rows.sort_by_key(|(moved, _)| std::cmp::Reverse(*moved));
        let found = rows.len();
        if !all {
            rows.truncate(DEAREST);
        }
        let shown = if rows.len() < found {
            format!("the {} largest changes of {}:", count(long(rows.len()), ""), count(long(found), "rule"))
        } else {
            "what changes:".to_owned()
        };
        writeln!(out, "\n{shown}")?;
        let mut table = Table::new(&["rule", "rule set", ">before", ">entries"]);
        for (_, cells) in rows {
            table.row(cells);
        }
        table.write(out)
    }

    fn write_rules(&self, price: &Price<'_>, all: bool, out: &mut dyn Write) -> io::Result<()> {
        let mut rules: Vec<&RulePrice> = price.rules.iter().collect();
        if !all {
            rules.sort_by_key(|rule| (std::cmp::Reverse(rule.entries.at_least), rule.at));
            rules.truncate(DEAREST);
        }
        if rules.is_empty() {
            return writeln!(out, "\nno rule that {} takes", price.platform().name);
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
        if rules.len() < price.rules.len() {
            let (shown, all) = (count(long(rules.len()), ""), count(long(price.rules.len()), "rule"));
            writeln!(out, "\nthe {shown} dearest of {all}:")?;
        } else {
            writeln!(out)?;
        }
        table.write(out)
    }

    fn write_inexact(&self, price: &Price<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut inexact = price.rules.iter().filter_map(|rule| rule.inexact.as_ref().map(|why| (rule, why)));
        if let Some((rule, why)) = inexact.next() {
            let (_, name) = self.names(rule.at);
            let others = match inexact.count() {
                0 => String::new(),
                n => format!(", and {} likewise", count(long(n), "other rule")),
            };
            writeln!(out, "\nrule `{}` is counted from below: {}{others}", clean(name), reason(*why))?;
        }
        Ok(())
    }

    fn write_unsupported(&self, price: &Price<'_>, out: &mut dyn Write) -> io::Result<()> {
        let with = price.rules.iter().filter(|rule| !rule.unsupported.is_empty());
        let mut left = 0;
        for (number, rule) in with.enumerate() {
            if number >= DEAREST {
                left += 1;
                continue;
            }
            let (set, name) = self.names(rule.at);
            let words = unsupported(rule, price.platform()).join("; ");
            let platform = &price.platform().name;
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
            passed_at: passed.map(|(rule_set, rule)| Place1 { rule_set, rule }),
        }
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

/// The resources of a price.
fn resources(price: &Price<'_>) -> Table<8> {
    let mut table = Table::new(&["resource", ">used", ">minimum", ">limit", "", ">share", "level", "source"]);
    for usage in &price.resources {
        let [name, limit, bar, part, level, source] = of_usage(usage);
        table.row([name, figure(usage.used), figure(usage.minimum), limit, bar, part, level, source]);
    }
    table
}

/// The resources of a price beside what they were.
fn resources_beside(before: &Price<'_>, after: &Price<'_>) -> Table<9> {
    let headings = ["resource", ">before", ">after", ">limit", "", ">share", ">room", "level", "source"];
    let mut table = Table::new(&headings);
    for (old, usage) in before.resources.iter().zip(&after.resources) {
        let [name, limit, bar, part, level, source] = of_usage(usage);
        let room = usage.headroom().map_or_else(String::new, |room| count(room, ""));
        table.row([name, figure(old.used), figure(usage.used), limit, bar, part, room, level, source]);
    }
    table
}

/// The name of a resource, its limit, how full it is as a bar and in words, its level and its source.
fn of_usage(usage: &Usage<'_>) -> [String; 6] {
    let unit = &usage.resource.unit;
    let limit = usage.limit.map_or("-".to_owned(), |limit| count(limit, ""));
    let part = usage.limit.map_or_else(String::new, |limit| share(usage.used.at_least, limit));
    let bar = usage.limit.map_or_else(String::new, |limit| super::bar(usage.used.at_least, limit, BAR));
    let verified = if usage.is_verified() { "" } else { ", not verified" };
    let name = if usage.resource.name.ends_with(&**unit) {
        usage.resource.name.clone()
    } else {
        format!("{} ({unit})", usage.resource.name)
    };
    [name, limit, bar, part, usage.level.name().to_owned(), format!("{}{verified}", usage.source())]
}

fn unsupported(rule: &RulePrice, platform: &Platform) -> Vec<String> {
    rule.unsupported.iter().map(|found| found.describe(platform)).collect()
}

fn reason(why: Inexact) -> String {
    match why {
        Inexact::Exhausted(exhausted) => exhausted.to_string(),
        Inexact::Opaque => "a part of its condition is not modelled".to_owned(),
        Inexact::NoPlace => "a part of a rule has no place in what is built".to_owned(),
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
