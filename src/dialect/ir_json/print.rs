//! Documents to JSON: a rule a line, so that a person finds it and a comparison of two texts shows it.

use super::actions;
use super::print_condition::write_condition;
use super::values::{Symbols, write_text};
use super::{VERSION, words};
use crate::ir::{Condition, Document, Outcome, RejectKind, Rule, RuleSet, Verdict};
use std::collections::HashMap;
use std::fmt::{self, Write};

/// Writes a document, with the places of its rules in their sources where they are asked for.
pub(super) fn print(document: &Document, has_origins: bool, out: &mut dyn Write) -> fmt::Result {
    let mut names = HashMap::new();
    for set in &document.rule_sets {
        *names.entry(set.name.as_str()).or_insert(0_usize) += 1;
    }
    let mut printer = Printer { document, names, symbols: Symbols::new(&document.symbols), has_origins, out };
    printer.document()
}

struct Printer<'a> {
    document: &'a Document,
    // How many rule sets have a name.
    names: HashMap<&'a str, usize>,
    symbols: Symbols<'a>,
    has_origins: bool,
    out: &'a mut dyn Write,
}

impl Printer<'_> {
    fn document(&mut self) -> fmt::Result {
        let document = self.document;
        write!(self.out, "{{\n  \"flowgate\": \"ir\",\n  \"version\": {VERSION},\n")?;
        if !document.symbols.is_empty() {
            self.out.write_str("  \"symbols\": [")?;
            for (index, symbol) in document.symbols.iter().enumerate() {
                self.out.write_str(if index > 0 { ", " } else { "" })?;
                write_text(symbol, self.out)?;
            }
            self.out.write_str("],\n")?;
        }
        self.out.write_str("  \"rule_sets\": [")?;
        for (index, set) in document.rule_sets.iter().enumerate() {
            self.out.write_str(if index > 0 { ",\n    " } else { "\n    " })?;
            self.rule_set(set)?;
        }
        self.out.write_str(if document.rule_sets.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" })
    }

    fn rule_set(&mut self, set: &RuleSet) -> fmt::Result {
        self.out.write_str("{\n      \"name\": ")?;
        write_text(&set.name, self.out)?;
        let (kind, family) = (words::kind(set.kind), words::family(set.family));
        write!(
            self.out,
            ",\n      \"kind\": \"{kind}\",\n      \"family\": \"{family}\",\n      \"default\": "
        )?;
        self.verdict(set.default)?;
        let mut places = self.document.places(&set.name).peekable();
        if places.peek().is_some() {
            self.out.write_str(",\n      \"attached\": [")?;
            for (index, place) in places.enumerate() {
                self.out.write_str(if index > 0 { ", " } else { "" })?;
                write_text(place, self.out)?;
            }
            self.out.write_str("]")?;
        }
        self.out.write_str(",\n      \"rules\": [")?;
        for (index, rule) in set.rules.iter().enumerate() {
            self.out.write_str(if index > 0 { ",\n        " } else { "\n        " })?;
            self.rule(&rule)?;
        }
        self.out.write_str(if set.rules.is_empty() { "]\n    }" } else { "\n      ]\n    }" })
    }

    fn rule(&mut self, rule: &Rule) -> fmt::Result {
        self.out.write_str("{\"name\": ")?;
        write_text(rule.name, self.out)?;
        if *rule.condition != Condition::True {
            self.out.write_str(", \"if\": ")?;
            write_condition(rule.condition, &self.symbols, self.out)?;
        }
        if !rule.actions.is_empty() {
            self.out.write_str(", \"do\": [")?;
            for (index, action) in rule.actions.iter().enumerate() {
                self.out.write_str(if index > 0 { ", " } else { "" })?;
                actions::write(action, self.out)?;
            }
            self.out.write_char(']')?;
        }
        self.out.write_str(", \"then\": ")?;
        self.outcome(rule.outcome)?;
        if !rule.action_given {
            self.out.write_str(", \"action_given\": false")?;
        }
        if let Some(nlri) = &rule.nlri {
            self.out.write_str(", \"nlri\": \"")?;
            nlri.iter().try_for_each(|octet| write!(self.out, "{octet:02x}"))?;
            self.out.write_char('"')?;
        }
        if self.has_origins {
            let span = rule.origin.span;
            write!(self.out, ", \"origin\": [{}, {}]", span.start, span.end)?;
        }
        self.out.write_char('}')
    }

    fn verdict(&mut self, verdict: Verdict) -> fmt::Result {
        match verdict {
            Verdict::Reject(RejectKind::TcpReset) => self.out.write_str("{\"reject\": \"tcp-reset\"}"),
            Verdict::Reject(RejectKind::Unreachable(code)) => write!(self.out, "{{\"reject\": {code}}}"),
            Verdict::Accept | Verdict::Discard | Verdict::NoDecision => {
                write!(self.out, "\"{}\"", verdict.name())
            }
        }
    }

    fn outcome(&mut self, outcome: Outcome) -> fmt::Result {
        match outcome {
            Outcome::Verdict(verdict) => self.verdict(verdict),
            Outcome::Next { held: None } => self.out.write_str("\"next\""),
            Outcome::Next { held: Some(verdict) } => {
                self.out.write_str("{\"next\": ")?;
                self.verdict(verdict)?;
                self.out.write_char('}')
            }
            Outcome::Return => self.out.write_str("\"return\""),
            Outcome::Call(target) => self.target("call", target),
            Outcome::Goto(target) => self.target("goto", target),
            Outcome::Stage(target) => self.target("stage", target),
        }
    }

    /// A rule set by its name, where no other has it.
    fn target(&mut self, word: &str, target: u32) -> fmt::Result {
        write!(self.out, "{{\"{word}\": ")?;
        let name = self.document.rule_sets.get(target as usize).map(|set| set.name.as_str());
        match name.filter(|name| self.names.get(name) == Some(&1)) {
            Some(name) => write_text(name, self.out)?,
            None => write!(self.out, "{target}")?,
        }
        self.out.write_char('}')
    }
}
