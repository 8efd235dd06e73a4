//! Why one packet gets its verdict, for people and programs.

use super::json::v1::{Position, VERSION};
use super::{Table, clean, json, not_known};
use crate::eval::{Decision, Hit, Step, Truth, Why, why_not};
use crate::field::{Headers, Reading};
use crate::ir::{Condition, Document, Outcome, Rule, RuleSet, Test, Verdict};
use crate::query;
use crate::source::{Place, Source, SourceMap, Span};
use serde::Serialize;
use std::io::{self, Write};

/// Characters of a test that are shown.
const SHOWN: usize = 60;

/// A walk of one packet over one rule set.
#[derive(Debug)]
pub struct Trace<'a> {
    /// The sources of the rules.
    pub sources: &'a SourceMap,
    /// The document.
    pub document: &'a Document,
    /// The rule set the walk began in.
    pub rule_set: usize,
    /// The packet in words.
    pub packet: String,
    /// The packet.
    pub headers: &'a Headers,
    /// The rules tried, in order.
    pub steps: Vec<Step>,
    /// What came of it.
    pub decision: Decision,
}

impl<'a> Trace<'a> {
    fn rule(&self, hit: Hit) -> Option<(&'a RuleSet, Rule<'a>)> {
        let set = self.document.rule_sets.get(hit.rule_set as usize)?;
        Some((set, set.rules.get(hit.rule as usize)?))
    }

    fn set(&self) -> Option<&'a RuleSet> {
        self.document.rule_sets.get(self.rule_set)
    }

    /// Writes the walk for people.
    pub fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "packet    {}", clean(&self.packet))?;
        if let Some(set) = self.set() {
            writeln!(out, "rule set  {}, default {}", clean(&set.name), set.default)?;
        }
        writeln!(out)?;
        let mut table = Table::new(&["", "", ""]);
        for step in &self.steps {
            match *step {
                Step::Tried { hit, truth } => {
                    let Some((set, rule)) = self.rule(hit) else { continue };
                    let (state, why) = match truth {
                        Truth::Yes => ("matches".to_owned(), does(rule.outcome, self.document)),
                        Truth::No => ("-".to_owned(), self.why(rule)),
                        Truth::Unknown => ("unknown".to_owned(), self.why(rule)),
                    };
                    let inner = hit.rule_set as usize != self.rule_set;
                    let before = if inner { format!("{}: ", clean(&set.name)) } else { String::new() };
                    table.row([format!("{before}{}", clean(rule.name)), state, why]);
                }
                Step::Default { rule_set } => {
                    let Some(set) = self.document.rule_sets.get(rule_set as usize) else { continue };
                    let name = format!("{}: default", clean(&set.name));
                    table.row([name, "no rule decides".to_owned(), set.default.to_string()]);
                }
            }
        }
        table.write(out)?;
        if !self.steps.is_empty() {
            writeln!(out)?;
        }
        writeln!(out, "verdict   {}", self.verdict())
    }

    /// The verdict and who gave it, in words.
    fn verdict(&self) -> String {
        match self.decision {
            Decision::Verdict(verdict, Some(hit)) => {
                let name = self.rule(hit).map_or("", |(_, rule)| rule.name);
                format!("{verdict}, by rule `{}`{}", clean(name), self.place(hit))
            }
            Decision::Verdict(verdict, None) if self.steps.is_empty() => {
                format!("{verdict}: no rule is put to this packet")
            }
            Decision::Verdict(verdict, None) => match self.stage_default().filter(|_| verdict.is_drop()) {
                Some(set) => {
                    format!("{verdict}, by the default of `{}`: no rule decides there", clean(&set.name))
                }
                None => format!("{verdict}, by default: no rule decides"),
            },
            Decision::Unknown(hit) => {
                let name = self.rule(hit).map_or("", |(_, rule)| rule.name);
                format!("unknown: nobody can say whether rule `{}`{} matches", clean(name), self.place(hit))
            }
        }
    }

    /// The stage whose default ended the walk, where one did.
    fn stage_default(&self) -> Option<&'a RuleSet> {
        let Some(Step::Default { rule_set }) = self.steps.last() else { return None };
        self.document.rule_sets.get(*rule_set as usize)
    }

    fn place(&self, hit: Hit) -> String {
        let Some((_, rule)) = self.rule(hit) else { return String::new() };
        let source = self.sources.get(rule.origin.source);
        match source.place(rule.origin.span.start) {
            Place::Text(at) => format!(" ({}:{})", clean(source.name()), at.line),
            Place::Binary(at) => {
                format!(" ({}: frame {}, octet {})", clean(source.name()), at.frame, at.octet)
            }
        }
    }

    /// The first part of a rule that does not hold, in the words of its file.
    fn why(&self, rule: Rule<'a>) -> String {
        let source = self.sources.get(rule.origin.source);
        let Some(why) = why_not(rule.condition, self.headers) else { return String::new() };
        match why {
            Why::Test(test, reading) => format!("{}: {}", shown(test, source), has(test, reading)),
            Why::NoneOf(parts) => match parts {
                [Condition::Test(first), ..] if parts.iter().all(|p| is_of(p, first)) => {
                    let text = alternatives(parts, source);
                    format!("{text}: {}", has(first, self.headers.get(first.field())))
                }
                _ => format!("{}: none of them holds", alternatives(parts, source)),
            },
            Why::Holds(part) => format!("not {}: it holds", alternatives(std::slice::from_ref(part), source)),
            Why::Never => "no packet matches".to_owned(),
            Why::Opaque(opaque) => format!("`{}`: {}", cut(&clean(&opaque.id)), clean(&opaque.reason)),
        }
    }

    /// Writes the walk as one JSON document.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let steps = self.steps.iter().filter_map(|step| {
            let Step::Tried { hit, truth } = *step else { return None };
            let (set, rule) = self.rule(hit)?;
            let source = self.sources.get(rule.origin.source);
            let span = match why_not(rule.condition, self.headers) {
                Some(Why::Test(test, _)) => test.span(),
                Some(Why::Opaque(opaque)) => opaque.span,
                _ => rule.origin.span,
            };
            Some(Step1 {
                rule_set: &set.name,
                rule: rule.name,
                path: source.name(),
                matches: match truth {
                    Truth::Yes => "yes",
                    Truth::No => "no",
                    Truth::Unknown => "unknown",
                },
                why: (truth != Truth::Yes).then(|| self.why(rule)),
                start: Position::of(source.place(span.start)),
            })
        });
        let (verdict, by) = match self.decision {
            Decision::Verdict(verdict, hit) => (verdict.name(), hit),
            Decision::Unknown(hit) => ("unknown", Some(hit)),
        };
        let document = Document1 {
            version: VERSION,
            packet: &self.packet,
            rule_set: self.set().map_or("", |set| &set.name),
            steps: steps.collect(),
            verdict,
            rule: by.and_then(|hit| self.rule(hit)).map(|(_, rule)| rule.name),
        };
        json::document(&document, out)
    }
}

/// What a rule that matches does, in words.
fn does(outcome: Outcome, document: &Document) -> String {
    match outcome {
        Outcome::Verdict(Verdict::NoDecision) => "decides nothing".to_owned(),
        Outcome::Verdict(verdict) => verdict.to_string(),
        Outcome::Next { held: None } => "goes on".to_owned(),
        Outcome::Next { held: Some(verdict) } => format!("goes on, holding {verdict}"),
        Outcome::Return => "returns".to_owned(),
        Outcome::Call(target) | Outcome::Goto(target) | Outcome::Stage(target) => {
            let name = document.rule_sets.get(target as usize).map_or("nothing", |set| &set.name);
            let verb = match outcome {
                Outcome::Goto(_) => "goes to",
                Outcome::Stage(_) => "enters",
                _ => "calls",
            };
            format!("{verb} `{}`", clean(name))
        }
    }
}

fn is_of(part: &Condition, first: &Test) -> bool {
    matches!(part, Condition::Test(test) if test.field() == first.field())
}

/// The text of a test in its file, else its meaning.
fn shown(test: &Test, source: &Source) -> String {
    text_of(test.span(), source).unwrap_or_else(|| cut(&query::describe(test)))
}

fn text_of(span: Span, source: &Source) -> Option<String> {
    let text = source.slice(span);
    if text.is_empty() {
        return None;
    }
    let line: Vec<&str> = text.split_whitespace().take(SHOWN).collect();
    Some(format!("`{}`", cut(&clean(&line.join(" ")))))
}

/// The text of several parts: from the first to the last where they stand in the file, else their meaning.
fn alternatives(parts: &[Condition], source: &Source) -> String {
    let mut tests = Vec::new();
    for part in parts {
        part.visit(&mut |inner| {
            if let Condition::Test(test) = inner {
                tests.push(test);
            }
        });
    }
    let around = tests.iter().map(|test| test.span()).filter(|s| s.end > s.start).reduce(Span::to);
    around.and_then(|span| text_of(span, source)).unwrap_or_else(|| {
        let mut words: Vec<String> = tests.iter().take(4).map(|test| query::describe(test)).collect();
        if tests.len() > words.len() {
            words.push("...".to_owned());
        }
        cut(&words.join(" or "))
    })
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

/// What the packet has for a field, in words.
fn has(test: &Test, reading: Reading) -> String {
    let title = test.field().info().title;
    // `octets 2-3 behind the IP header`, `TCP flags`.
    let head = title.split(" behind ").next().unwrap_or(title);
    let several = head.starts_with("octets") || head.ends_with('s') && !head.ends_with("ss");
    let are = if several { "are" } else { "is" };
    match reading {
        Reading::Value(value) => format!("the {title} {are} {}", query::value(test.field(), value)),
        Reading::Absent => format!("the packet has no {title}"),
        Reading::Cut => not_known(test.field()),
    }
}

#[derive(Serialize)]
struct Document1<'a> {
    version: u32,
    packet: &'a str,
    rule_set: &'a str,
    steps: Vec<Step1<'a>>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
}

#[derive(Serialize)]
struct Step1<'a> {
    rule_set: &'a str,
    rule: &'a str,
    path: &'a str,
    start: Position,
    matches: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}
