//! What rules do with captured packets, for people and programs.

use super::json::v1::{Position, VERSION};
use super::{Table, bar, clean, count, json, not_known, share};
use crate::eval::{Hit, Reason, RuleTotals, Tally, Totals};
use crate::ir::{Document, Kind, Outcome, Rule, RuleSet};
use crate::packet::{Counts, Malformed};
use crate::source::{Place, SourceMap};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Cells of a bar.
const BAR: u64 = 20;
/// Rules in one table; of more, those without a hit are left out.
const ROWS: usize = 40;
/// Lines on what rules drop.
const DROPPERS: usize = 10;

/// One rule set with what it came to.
#[derive(Debug)]
pub struct Evaluated<'a> {
    /// The document.
    pub document: &'a Document,
    /// The rule sets the walk went through, the first one first.
    pub rule_sets: Vec<usize>,
    /// The sums.
    pub totals: Totals<'a>,
}

/// What rule sets do with captured packets.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// The sources of the rules.
    pub sources: &'a SourceMap,
    /// The rule sets.
    pub evaluated: Vec<Evaluated<'a>>,
    /// How the frames decoded.
    pub counts: Counts,
    /// What became of the packets, all rule sets together, in the order of [`VERDICTS`].
    pub verdicts: [Tally; 5],
}

/// The verdicts by name, in the order of [`Evaluation::verdicts`].
pub const VERDICTS: [&str; 5] = ["accept", "discard", "reject", "no-decision", "unknown"];

impl<'a> Evaluation<'a> {
    fn all(&self) -> Tally {
        Tally { packets: self.counts.packets, octets: self.counts.octets }
    }

    fn undecoded(&self) -> u64 {
        self.counts.not_ip + self.counts.not_decoded
    }

    /// Writes the sums for people.
    pub fn write_terminal(&self, all_rules: bool, out: &mut dyn Write) -> io::Result<()> {
        let all = self.all();
        writeln!(out, "{}, {}", count(all.packets, "packet"), count(all.octets, "octet"))?;
        self.write_decoding(out)?;
        writeln!(out)?;
        let mut table = Table::new(&["verdict", ">packets", ">share", "", ">octets"]);
        for (name, tally) in VERDICTS.iter().zip(self.verdicts) {
            table.row(row([(*name).to_owned()], tally, all));
        }
        table.write(out)?;
        for evaluated in &self.evaluated {
            for (number, index) in evaluated.rule_sets.iter().enumerate() {
                self.write_rule_set(evaluated, *index, number == 0, all_rules, out)?;
            }
        }
        self.write_droppers(out)?;
        self.write_reasons(out)
    }

    fn write_decoding(&self, out: &mut dyn Write) -> io::Result<()> {
        let counts = &self.counts;
        let rows = [
            (counts.not_ip, "not IP".to_owned()),
            (counts.not_decoded, "of a link type that is not decoded".to_owned()),
            (counts.truncated, "cut by the capture inside their headers".to_owned()),
        ];
        let malformed = counts.malformed.iter().zip(Malformed::ALL);
        let malformed = malformed.map(|(n, kind)| (*n, format!("malformed: {}", kind.text())));
        for (number, what) in rows.into_iter().chain(malformed).filter(|(n, _)| *n > 0) {
            writeln!(out, "  {} {what}", count(number, ""))?;
        }
        Ok(())
    }

    fn write_rule_set(
        &self,
        evaluated: &Evaluated<'a>,
        index: usize,
        is_entry: bool,
        all_rules: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Some(set) = evaluated.document.rule_sets.get(index) else { return Ok(()) };
        let all = self.all();
        writeln!(out, "\n{}", clean(&set.name))?;
        let mut table = Table::new(&["rule", "does", ">packets", ">share", "", ">octets"]);
        let mut left_out = 0;
        for (rule, totals) in rules_of(evaluated, index) {
            if !all_rules && set.rules.len() > ROWS && totals.hits.packets + totals.unknown.packets == 0 {
                left_out += 1;
                continue;
            }
            let mut name = clean(rule.name).into_owned();
            if totals.unknown.packets > 0 {
                name.push_str(" (?)");
            }
            table.row(row([name, does(&rule)], totals.hits, all));
        }
        let default = evaluated.totals.default_of(index);
        let entry = evaluated.rule_sets.first().and_then(|first| evaluated.document.rule_sets.get(*first));
        let hook = entry.filter(|entry| entry.kind == Kind::Hook);
        let is_stage = hook.is_some_and(|hook| hook.targets().any(|stage| stage == index));
        if is_entry && set.kind != Kind::Hook || is_stage || default.packets > 0 {
            table.row(row(["default".to_owned(), set.default.to_string()], default, all));
        }
        table.write(out)?;
        if left_out > 0 {
            writeln!(out, "{} without a hit not shown (`-v` shows them)", count(left_out, "rule"))?;
        }
        Ok(())
    }

    /// Collateral damage: the rules that drop, the heaviest first.
    fn write_droppers(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut droppers = Vec::new();
        for evaluated in &self.evaluated {
            for index in &evaluated.rule_sets {
                let rules = rules_of(evaluated, *index).map(|(rule, totals)| (rule, totals.drops));
                droppers.extend(rules.filter(|(_, drops)| drops.packets > 0));
            }
        }
        if droppers.is_empty() {
            return Ok(());
        }
        droppers.sort_by_key(|(_, drops)| std::cmp::Reverse(drops.packets));
        writeln!(out)?;
        for (rule, drops) in droppers.iter().take(DROPPERS) {
            let part = share(drops.packets, self.all().packets);
            writeln!(out, "rule `{}` drops {part} of the captured traffic", clean(rule.name))?;
        }
        if droppers.len() > DROPPERS {
            let more = u64::try_from(droppers.len() - DROPPERS).unwrap_or(u64::MAX);
            writeln!(out, "{} drop less", count(more, "other rule"))?;
        }
        Ok(())
    }

    fn write_reasons(&self, out: &mut dyn Write) -> io::Result<()> {
        let reasons: Vec<_> = self.reasons().collect();
        if !reasons.is_empty() {
            writeln!(out)?;
        }
        for (rule, reason, tally) in reasons {
            let number = count(tally.packets, "packet");
            writeln!(
                out,
                "unknown for {number}: whether rule `{}` matches: {}",
                clean(rule.name),
                words(reason)
            )?;
        }
        Ok(())
    }

    fn reasons(&self) -> impl Iterator<Item = (Rule<'a>, &Reason, Tally)> {
        self.evaluated.iter().flat_map(|evaluated| {
            evaluated.totals.reasons().filter_map(|(hit, reason, tally)| {
                let set: &RuleSet = evaluated.document.rule_sets.get(hit.rule_set as usize)?;
                Some((set.rules.get(hit.rule as usize)?, reason, tally))
            })
        })
    }

    /// Writes the sums as one JSON document.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let verdicts = VERDICTS.iter().zip(self.verdicts).map(|(name, tally)| (*name, Sum::of(tally)));
        let mut rule_sets = Vec::new();
        for evaluated in &self.evaluated {
            for index in &evaluated.rule_sets {
                let Some(set) = evaluated.document.rule_sets.get(*index) else { continue };
                let default = evaluated.totals.default_of(*index);
                let rules = rules_of(evaluated, *index).map(|(rule, totals)| self.rule(rule, totals));
                rule_sets.push(RuleSet1 {
                    name: &set.name,
                    default: Sum::of(default),
                    rules: rules.collect(),
                });
            }
        }
        let counts = &self.counts;
        let document = Document1 {
            version: VERSION,
            packets: counts.packets,
            bytes: counts.octets,
            undecoded: self.undecoded(),
            truncated: counts.truncated,
            malformed: counts.malformed.iter().sum(),
            verdicts: verdicts.collect(),
            rule_sets,
            unknown: self
                .reasons()
                .map(|(rule, reason, tally)| Unknown1 {
                    rule: rule.name,
                    reason: words(reason),
                    packets: tally.packets,
                })
                .collect(),
        };
        json::document(&document, out)
    }

    fn rule(&self, rule: Rule<'a>, totals: RuleTotals) -> Rule1<'a> {
        let source = self.sources.get(rule.origin.source);
        let place = source.place(rule.origin.span.start);
        Rule1 {
            name: rule.name,
            path: source.name(),
            line: match place {
                Place::Text(at) => Some(at.line),
                Place::Binary(_) => None,
            },
            at: matches!(place, Place::Binary(_)).then(|| Position::of(place)),
            packets: totals.hits.packets,
            bytes: totals.hits.octets,
            drops: Sum::of(totals.drops),
        }
    }
}

fn rules_of<'e, 'a>(
    evaluated: &'e Evaluated<'a>,
    index: usize,
) -> impl Iterator<Item = (Rule<'a>, RuleTotals)> + use<'e, 'a> {
    let document: &'a crate::ir::Document = evaluated.document;
    let rules = document.rule_sets.get(index).into_iter().flat_map(|set| &set.rules);
    let rule_set = u32::try_from(index).unwrap_or(u32::MAX);
    let numbered = rules.zip(0_u32..);
    numbered.map(move |(rule, number)| (rule, evaluated.totals.rule(Hit { rule_set, rule: number })))
}

/// A row: the cells given, then packets, share, bar, octets.
fn row<const N: usize, const M: usize>(first: [String; N], tally: Tally, all: Tally) -> [String; M] {
    let rest = [
        count(tally.packets, ""),
        share(tally.packets, all.packets),
        if tally.packets == 0 { String::new() } else { bar(tally.packets, all.packets, BAR) },
        count(tally.octets, ""),
    ];
    let mut cells = first.into_iter().chain(rest);
    std::array::from_fn(|_| cells.next().unwrap_or_default())
}

fn does(rule: &Rule) -> String {
    match rule.outcome {
        Outcome::Verdict(verdict) => verdict.to_string(),
        Outcome::Next { held: None } => "goes on".to_owned(),
        Outcome::Next { held: Some(verdict) } => format!("holds {verdict}"),
        Outcome::Return => "returns".to_owned(),
        Outcome::Call(_) => "calls".to_owned(),
        Outcome::Goto(_) => "goes to".to_owned(),
        Outcome::Stage(_) => "enters".to_owned(),
    }
}

fn words(reason: &Reason) -> String {
    match reason {
        Reason::Cut(field) => not_known(*field),
        Reason::Opaque(id) => format!("`{}` is not modelled", clean(id)),
    }
}

#[derive(Serialize)]
struct Document1<'a> {
    version: u32,
    packets: u64,
    bytes: u64,
    undecoded: u64,
    truncated: u64,
    malformed: u64,
    verdicts: BTreeMap<&'static str, Sum>,
    rule_sets: Vec<RuleSet1<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<Unknown1<'a>>,
}

#[derive(Serialize)]
struct Sum {
    packets: u64,
    bytes: u64,
}

impl Sum {
    fn of(tally: Tally) -> Self {
        Self { packets: tally.packets, bytes: tally.octets }
    }
}

#[derive(Serialize)]
struct RuleSet1<'a> {
    name: &'a str,
    default: Sum,
    rules: Vec<Rule1<'a>>,
}

#[derive(Serialize)]
struct Rule1<'a> {
    name: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    at: Option<Position>,
    packets: u64,
    bytes: u64,
    drops: Sum,
}

#[derive(Serialize)]
struct Unknown1<'a> {
    rule: &'a str,
    reason: String,
    packets: u64,
}
