//! Where two rule sets decide differently, for people and programs.

use super::json::v1::{Position, TOOL, Tool, VERSION};
use super::{clean, count, json};
use crate::field::Family;
use crate::ir::{RuleSet, Verdict};
use crate::packet::words;
use crate::query;
use crate::source::{Place, SourceMap};
use crate::symbolic::{Change, Delta};
use serde::Serialize;
use std::io::{self, Write};

/// One of two sides.
#[derive(Debug)]
pub struct Side<'a> {
    /// Where its rules stand.
    pub sources: &'a SourceMap,
    /// Names of its interfaces.
    pub symbols: &'a [Box<str>],
}

/// Two rule sets and what tells them apart.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The old one.
    pub old: &'a RuleSet,
    /// The new one.
    pub new: &'a RuleSet,
    /// What tells them apart, or why nobody can say.
    pub found: Result<Delta, String>,
}

/// What two files decide differently.
#[derive(Debug)]
pub struct Difference<'a> {
    /// The old side.
    pub old: Side<'a>,
    /// The new side.
    pub new: Side<'a>,
    /// The rule sets compared.
    pub pairs: Vec<Pair<'a>>,
    /// Rule sets of the old side alone.
    pub removed: Vec<&'a RuleSet>,
    /// Rule sets of the new side alone.
    pub added: Vec<&'a RuleSet>,
}

/// Regions shown to people for two rule sets.
const SHOWN: usize = 20;

impl Difference<'_> {
    /// Whether some packet is decided differently, or a rule set stands on one side alone.
    pub fn differs(&self) -> bool {
        let differs = |pair: &Pair<'_>| pair.found.as_ref().is_ok_and(|found| !found.changes.is_empty());
        !self.removed.is_empty() || !self.added.is_empty() || self.pairs.iter().any(differs)
    }

    /// Whether something has no answer.
    pub fn is_open(&self) -> bool {
        self.pairs.iter().any(|pair| match &pair.found {
            Ok(found) => found.changes.iter().any(|change| change.packet.is_none()),
            Err(_) => true,
        })
    }

    /// Writes it for people.
    pub fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        for (sets, word) in [(&self.removed, "gone"), (&self.added, "new")] {
            for set in sets {
                writeln!(out, "{}: the rule set is {word}", clean(&set.name))?;
            }
        }
        for pair in &self.pairs {
            self.write_pair(pair, out)?;
        }
        Ok(())
    }

    fn write_pair(&self, pair: &Pair<'_>, out: &mut dyn Write) -> io::Result<()> {
        let name = if pair.old.name == pair.new.name {
            clean(&pair.new.name).into_owned()
        } else {
            format!("{} and {}", clean(&pair.old.name), clean(&pair.new.name))
        };
        let name = match (pair.old.family, pair.new.family) {
            (old, new) if old == new => name,
            (Family::Inet, _) | (_, Family::Inet) => format!("{name} (IPv4 packets)"),
            _ => format!("{name} (IPv6 packets)"),
        };
        let found = match &pair.found {
            Ok(found) => found,
            Err(why) => return writeln!(out, "{name}: no answer: {}", clean(why)),
        };
        let numbers = [found.removed.len(), found.added.len()];
        let [removed, added] = numbers.map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        let rules = match (removed, added) {
            (0, 0) => "the rules are the same".to_owned(),
            _ => format!("{} gone or moved, {added} new or moved", count(removed, "rule")),
        };
        if found.changes.is_empty() {
            return writeln!(out, "{name}: every packet has the same verdict; {rules}");
        }
        let regions = u64::try_from(found.changes.len()).unwrap_or(u64::MAX);
        writeln!(out, "{name}: {} decided differently; {rules}", count(regions, "region"))?;
        for change in found.changes.iter().take(SHOWN) {
            writeln!(out, "\n  {} -> {}", change.before, change.after)?;
            writeln!(
                out,
                "    packets  {}",
                clean(&query::describe_condition(&change.region, self.new.symbols))
            )?;
            writeln!(out, "    share    {:.3e} of all packets", change.share)?;
            writeln!(out, "    before   {}", rule(&self.old, pair.old, change.old_rule))?;
            writeln!(out, "    now      {}", rule(&self.new, pair.new, change.new_rule))?;
            match &change.packet {
                Some(packet) => {
                    writeln!(out, "    witness  {}", clean(&words::print(packet, self.new.symbols)))?;
                }
                None => writeln!(out, "    witness  none: what is not modelled decides")?,
            }
        }
        let more = found.changes.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(out, "\n  and {more} more, which `--format json` shows")?;
        }
        Ok(())
    }

    /// Writes it for programs.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let names = |sets: &[&RuleSet]| sets.iter().map(|set| set.name.clone()).collect();
        let document = Document1 {
            version: VERSION,
            tool: TOOL,
            removed: names(&self.removed),
            added: names(&self.added),
            rule_sets: self.pairs.iter().map(|pair| self.pair(pair)).collect(),
        };
        json::document(&document, out)
    }

    fn pair(&self, pair: &Pair<'_>) -> Pair1 {
        let nothing = Delta::default();
        let found = pair.found.as_ref().unwrap_or(&nothing);
        let rules = |side: &Side<'_>, set: &RuleSet, list: &[u32]| {
            list.iter().filter_map(|index| Rule1::of(side, set, Some(*index))).collect()
        };
        Pair1 {
            old: pair.old.name.clone(),
            new: pair.new.name.clone(),
            equal: pair.found.as_ref().ok().map(|found| found.changes.is_empty()),
            inconclusive: pair.found.as_ref().err().cloned(),
            removed: rules(&self.old, pair.old, &found.removed),
            added: rules(&self.new, pair.new, &found.added),
            changes: found.changes.iter().map(|change| self.change(pair, change)).collect(),
        }
    }

    fn change(&self, pair: &Pair<'_>, change: &Change) -> Change1 {
        Change1 {
            packets: query::describe_condition(&change.region, self.new.symbols),
            share: change.share,
            before: change.before.name(),
            after: change.after.name(),
            old_rule: Rule1::of(&self.old, pair.old, change.old_rule),
            new_rule: Rule1::of(&self.new, pair.new, change.new_rule),
            witness: change.packet.as_ref().map(|packet| words::print(packet, self.new.symbols)),
        }
    }
}

/// The rule that decides in words, with its place; or the default.
fn rule(side: &Side<'_>, set: &RuleSet, index: Option<u32>) -> String {
    let Some(rule) = index.and_then(|index| set.rules.get(index as usize)) else {
        return match set.default {
            Verdict::NoDecision => "no rule decides".to_owned(),
            default => format!("the default, {default}"),
        };
    };
    let source = side.sources.get(rule.origin.source);
    let place = match source.place(rule.origin.span.start) {
        Place::Text(at) => format!("{}:{}:{}", clean(source.name()), at.line, at.column),
        Place::Binary(at) => format!("{}: frame {}, octet {}", clean(source.name()), at.frame, at.octet),
    };
    format!("rule `{}` ({place})", clean(rule.name))
}

#[derive(Serialize)]
struct Document1 {
    version: u32,
    tool: Tool,
    removed: Vec<String>,
    added: Vec<String>,
    rule_sets: Vec<Pair1>,
}

#[derive(Serialize)]
struct Pair1 {
    old: String,
    new: String,
    equal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<String>,
    removed: Vec<Rule1>,
    added: Vec<Rule1>,
    changes: Vec<Change1>,
}

#[derive(Serialize)]
struct Change1 {
    packets: String,
    share: f64,
    before: &'static str,
    after: &'static str,
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

impl Rule1 {
    fn of(side: &Side<'_>, set: &RuleSet, index: Option<u32>) -> Option<Self> {
        let rule = set.rules.get(index? as usize)?;
        let source = side.sources.get(rule.origin.source);
        let start = Position::of(source.place(rule.origin.span.start));
        Some(Self { rule: rule.name.to_owned(), path: source.name().to_owned(), start })
    }
}
