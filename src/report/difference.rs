//! Where two rule sets decide differently, for people and programs.

use super::json::v1::{Position, TOOL, Tool, VERSION};
use super::{clean, count, json};
use crate::check::{Acts, Compared, Comparison, Moved};
use crate::dialect::flowspec::actions::describe;
use crate::field::{Family, Headers};
use crate::ir::{Action, Rule, RuleSet, Verdict};
use crate::packet::words;
use crate::query;
use crate::source::{Place, Source, SourceMap};
use crate::symbolic::{Change, Delta, Turn};
use serde::Serialize;
use std::io::{self, Write};

/// What two files decide differently.
#[derive(Debug)]
pub struct Difference<'a> {
    /// Where the old rules stand.
    pub old: &'a SourceMap,
    /// Where the new rules stand.
    pub new: &'a SourceMap,
    /// What tells them apart.
    pub comparison: &'a Comparison,
}

/// Two versions of a rule set, with their sources.
struct Pair<'a> {
    sources: [&'a SourceMap; 2],
    sets: [&'a RuleSet; 2],
    symbols: &'a [Box<str>],
    found: &'a Result<Delta, String>,
    acts: &'a [Acts],
}

/// Regions shown to people for two rule sets.
const SHOWN: usize = 20;

impl Difference<'_> {
    /// Whether some packet is decided differently or comes to one side alone, or a rule set stands on one side alone
    /// or is attached elsewhere, or a rule does something else with its packets than its verdict says.
    pub fn differs(&self) -> bool {
        let Comparison { pairs, removed, added, moved, .. } = self.comparison;
        // A region without a packet is one that may be empty.
        let differs = |pair: &Compared| {
            pair.found.as_ref().is_ok_and(|found| {
                let families = [&found.gone, &found.come].into_iter().any(|list| !list.is_empty());
                families || found.changes.iter().any(|change| change.packet.is_some())
            })
        };
        let acts = pairs.iter().flat_map(|pair| &pair.acts).any(Acts::matters);
        acts || !removed.is_empty() || !added.is_empty() || !moved.is_empty() || pairs.iter().any(differs)
    }

    /// Whether something has no answer.
    pub fn is_open(&self) -> bool {
        self.comparison.pairs.iter().any(|pair| match &pair.found {
            Ok(found) => found.changes.iter().any(|change| change.packet.is_none()),
            Err(_) => true,
        })
    }

    /// A packet of each region, in the order shown.
    pub fn packets(&self) -> impl Iterator<Item = &Headers> {
        let found = self.comparison.pairs.iter().filter_map(|pair| pair.found.as_ref().ok());
        found.flat_map(|found| &found.changes).filter_map(|change| change.packet.as_deref())
    }

    fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let Comparison { old, new, pairs, .. } = self.comparison;
        pairs.iter().filter_map(|pair| {
            Some(Pair {
                sources: [self.old, self.new],
                sets: [old.rule_sets.get(pair.old)?, new.rule_sets.get(pair.new)?],
                symbols: &new.symbols,
                found: &pair.found,
                acts: &pair.acts,
            })
        })
    }

    /// The names of the rule sets that stand on one side alone: gone, and new.
    fn alone(&self) -> [Vec<&str>; 2] {
        let Comparison { old, new, removed, added, .. } = self.comparison;
        [(old, removed), (new, added)].map(|(document, list)| {
            list.iter().filter_map(|index| Some(document.rule_sets.get(*index)?.name.as_str())).collect()
        })
    }

    /// Writes it for people.
    pub fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        for (names, word) in self.alone().into_iter().zip(["gone", "new"]) {
            for name in names {
                writeln!(out, "{}: the rule set is {word}", clean(name))?;
            }
        }
        for Moved { rule_set, from, to } in &self.comparison.moved {
            for (places, word) in [(from, "no longer"), (to, "now")] {
                for place in places {
                    writeln!(out, "{}: {word} attached at `{}`", clean(rule_set), clean(place))?;
                }
            }
        }
        self.pairs().try_for_each(|pair| pair.write_terminal(out))
    }

    /// Writes it for programs.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let [removed, added] = self.alone();
        let rule_sets = self.pairs().map(|pair| Pair::json(&pair)).collect();
        let moved = self.comparison.moved.iter();
        let attached =
            moved.map(|Moved { rule_set, from, to }| Moved1 { rule_set, from, to }).collect::<Vec<_>>();
        json::document(&Document1 { version: VERSION, tool: TOOL, removed, added, attached, rule_sets }, out)
    }
}

impl<'a> Pair<'a> {
    fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        let [old, new] = self.sets;
        let name = if old.name == new.name {
            clean(&new.name).into_owned()
        } else {
            format!("{} and {}", clean(&old.name), clean(&new.name))
        };
        let found = match self.found {
            Ok(found) => found,
            Err(why) => return writeln!(out, "{name}: no answer: {}", clean(why)),
        };
        for (families, words) in [(&found.gone, "no longer come to it"), (&found.come, "come to it now")] {
            for family in families {
                writeln!(out, "{name}: {} packets {words}", family.name())?;
            }
        }
        let common = [Family::Inet, Family::Inet6].into_iter();
        let common: Vec<Family> = common.filter(|f| old.family.takes(*f) && new.family.takes(*f)).collect();
        let name = match common.as_slice() {
            [] => return Ok(()),
            [family] if old.family != new.family => format!("{name} ({} packets)", family.name()),
            _ => name,
        };
        let numbers = [found.removed.len(), found.added.len()];
        let [removed, added] = numbers.map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        let rules = match (removed, added) {
            (0, 0) if self.acts.is_empty() => "the rules are the same".to_owned(),
            (0, 0) => "the rules are the same but for what they do besides".to_owned(),
            _ => format!(
                "{} gone or moved, {} new or moved",
                count(removed, "rule"),
                count(added, "").trim_end()
            ),
        };
        if found.changes.is_empty() {
            let how = if found.is_plain() { "" } else { ", and where their packets go was followed" };
            writeln!(out, "{name}: every packet has the same verdict; {rules}{how}")?;
            return self.write_acts(out);
        }
        let regions = u64::try_from(found.changes.len()).unwrap_or(u64::MAX);
        writeln!(out, "{name}: {} decided differently; {rules}", count(regions, "region"))?;
        for change in found.changes.iter().take(SHOWN) {
            let turn = change.turn().map_or_else(String::new, |turn| format!(" ({})", turn.name()));
            writeln!(out, "\n  {} -> {}{turn}", change.before, change.after)?;
            writeln!(
                out,
                "    packets  {}",
                clean(&query::describe_condition(&change.region, self.symbols))
            )?;
            writeln!(out, "    share    {:.3e} of all packets", change.share)?;
            writeln!(out, "    before   {}", self.rule(0, change.old_rule))?;
            writeln!(out, "    now      {}", self.rule(1, change.new_rule))?;
            match &change.packet {
                Some(packet) => {
                    writeln!(out, "    witness  {}", clean(&words::print(packet, self.symbols)))?;
                }
                None => writeln!(out, "    witness  none: what is not modelled decides")?,
            }
        }
        let more = found.changes.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(out, "\n  and {more} more, which `--format json` shows")?;
        }
        self.write_acts(out)
    }

    /// Rules that do something else besides their verdict.
    fn write_acts(&self, out: &mut dyn Write) -> io::Result<()> {
        for acts in self.acts.iter().take(SHOWN) {
            let what = if acts.is_moved() { "elsewhere among the rules" } else { "besides the verdict" };
            let mark = if acts.matters() { "" } else { " (counted, logged or sampled)" };
            writeln!(out, "\n  {what}{mark}")?;
            for (side, word, rule, actions) in
                [(0, "before", acts.old_rule, &acts.before), (1, "now   ", acts.new_rule, &acts.after)]
            {
                let rule = match rule {
                    Some(_) => self.rule(side, rule),
                    None => "no such rule".to_owned(),
                };
                let words: Vec<String> = actions.iter().map(describe).collect();
                let words = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
                writeln!(out, "    {word}   {}: {rule}", clean(&words))?;
            }
        }
        let more = self.acts.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(out, "\n  and {more} more, which `--format json` shows")?;
        }
        Ok(())
    }

    fn json(&self) -> Pair1<'a> {
        let [old, new] = self.sets;
        let nothing = Delta::default();
        let found = self.found.as_ref().unwrap_or(&nothing);
        let rules =
            |side, list: &[u32]| list.iter().filter_map(|index| self.rule1(side, Some(*index))).collect();
        let equal = self.found.as_ref().ok().map(Delta::is_equal);
        let names = |list: &[Family]| list.iter().map(|family| family.name()).collect();
        Pair1 {
            old: &old.name,
            new: &new.name,
            equal,
            decided_by: equal.map(|_| if found.is_plain() { "rules" } else { "regions" }),
            inconclusive: self.found.as_ref().err().map(String::as_str),
            removed: rules(0, &found.removed),
            added: rules(1, &found.added),
            families_gone: names(&found.gone),
            families_new: names(&found.come),
            changes: found.changes.iter().map(|change| self.change(change)).collect(),
            actions: self.acts.iter().map(|acts| self.acts(acts)).collect(),
        }
    }

    fn acts(&self, acts: &Acts) -> Acts1 {
        let words = |list: &[Action]| list.iter().map(describe).collect();
        Acts1 {
            old_rule: self.rule1(0, acts.old_rule),
            new_rule: self.rule1(1, acts.new_rule),
            before: words(&acts.before),
            after: words(&acts.after),
            matters: acts.matters(),
        }
    }

    fn change(&self, change: &Change) -> Change1 {
        Change1 {
            packets: query::describe_condition(&change.region, self.symbols),
            share: change.share,
            before: change.before.name(),
            after: change.after.name(),
            turn: change.turn().map(Turn::name),
            old_rule: self.rule1(0, change.old_rule),
            new_rule: self.rule1(1, change.new_rule),
            witness: change.packet.as_ref().map(|packet| words::print(packet, self.symbols)),
        }
    }

    /// The rule of a side, where one decides, and its source.
    fn at(&self, side: usize, index: Option<u32>) -> Option<(Rule<'_>, &Source)> {
        let rule = self.sets.get(side)?.rules.get(index? as usize)?;
        Some((rule, self.sources.get(side)?.get(rule.origin.source)))
    }

    /// The rule that decides in words, with its place; or the default.
    fn rule(&self, side: usize, index: Option<u32>) -> String {
        let Some((rule, source)) = self.at(side, index) else {
            return match self.sets.get(side).map(|set| set.default) {
                Some(Verdict::NoDecision) | None => "no rule decides".to_owned(),
                Some(default) => format!("the default, {default}"),
            };
        };
        let place = match source.place(rule.origin.span.start) {
            Place::Text(at) => format!("{}:{}:{}", clean(source.name()), at.line, at.column),
            Place::Binary(at) => format!("{}: frame {}, octet {}", clean(source.name()), at.frame, at.octet),
        };
        format!("rule `{}` ({place})", clean(rule.name))
    }

    fn rule1(&self, side: usize, index: Option<u32>) -> Option<Rule1> {
        let (rule, source) = self.at(side, index)?;
        let start = Position::of(source.place(rule.origin.span.start));
        Some(Rule1 { rule: rule.name.to_owned(), path: source.name().to_owned(), start })
    }
}

#[derive(Serialize)]
struct Document1<'a> {
    version: u32,
    tool: Tool,
    removed: Vec<&'a str>,
    added: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached: Vec<Moved1<'a>>,
    rule_sets: Vec<Pair1<'a>>,
}

#[derive(Serialize)]
struct Moved1<'a> {
    rule_set: &'a str,
    from: &'a [Box<str>],
    to: &'a [Box<str>],
}

#[derive(Serialize)]
struct Pair1<'a> {
    old: &'a str,
    new: &'a str,
    equal: Option<bool>,
    // `rules` where they are the same, `regions` where packets were followed through both.
    decided_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<&'a str>,
    removed: Vec<Rule1>,
    added: Vec<Rule1>,
    // Families whose packets come to one side alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    families_gone: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    families_new: Vec<&'static str>,
    changes: Vec<Change1>,
    // Rules that do something else besides their verdict, or act elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Acts1>,
}

#[derive(Serialize)]
struct Acts1 {
    old_rule: Option<Rule1>,
    new_rule: Option<Rule1>,
    before: Vec<String>,
    after: Vec<String>,
    // Not where they differ in what is counted, logged or sampled alone.
    matters: bool,
}

#[derive(Serialize)]
struct Change1 {
    packets: String,
    share: f64,
    before: &'static str,
    after: &'static str,
    turn: Option<&'static str>,
    old_rule: Option<Rule1>,
    new_rule: Option<Rule1>,
    witness: Option<String>,
}

#[derive(Serialize)]
struct Rule1 {
    rule: String,
    path: String,
    start: Position,
}
