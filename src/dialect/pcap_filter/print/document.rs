//! A document as expressions, one a line: what any line keeps is kept.
//!
//! The rules of a filter decide in order, the lines of a file do not: an accepting rule is written as what it matches
//! less what rules before it drop, and a default that accepts as what no rule drops.

use super::expression;
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::field::Field;
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Document, Outcome, Rule, RuleSet, ValueSet, Verdict};
use std::fmt;

/// Writes every rule set of `document`.
pub(in crate::dialect::pcap_filter) fn document(
    document: &Document,
    out: &mut dyn fmt::Write,
) -> Result<Vec<Lost>, fmt::Error> {
    let mut lost = Vec::new();
    let several = document.rule_sets.len() > 1;
    for set in &document.rule_sets {
        if several {
            writeln!(out, "# {}", one_line(&set.name))?;
            lost.push(Lost::meaning(
                &set.name,
                "",
                "several rule sets in one file, which keeps what any of them accepts",
            ));
        }
        Printer { out, lost: &mut lost, set }.rules()?;
    }
    Ok(lost)
}

struct Printer<'a> {
    out: &'a mut dyn fmt::Write,
    lost: &'a mut Vec<Lost>,
    set: &'a RuleSet,
}

impl Printer<'_> {
    fn rules(&mut self) -> fmt::Result {
        let mut dropped: Vec<&Condition> = Vec::new();
        let mut copies = Meter::new(&limits::FILTER_EXPRESSION);
        let mut written = false;
        for rule in &self.set.rules {
            for action in rule.actions {
                let what = "an action beside the verdict; a filter only keeps or leaves";
                self.lost.push(Lost::new(Loss::of_action(action), &self.set.name, rule.name, what));
            }
            match rule.outcome {
                Outcome::Verdict(Verdict::Accept) => {
                    written |= self.accept(Some(&rule), rule.condition, &dropped, &mut copies)?;
                }
                Outcome::Verdict(Verdict::Discard) => dropped.push(rule.condition),
                Outcome::Verdict(Verdict::Reject(_)) => {
                    let what = "that the sender is told; a filter only keeps or leaves";
                    self.lost.push(Lost::detail(&self.set.name, rule.name, what));
                    dropped.push(rule.condition);
                }
                // It decides nothing.
                Outcome::Next { held: None } => {}
                _ => self.left_out(rule.name, "an outcome other than a verdict")?,
            }
        }
        if !self.set.default.is_drop() && !self.set.rules.is_empty() {
            written |= self.accept(None, &Condition::True, &dropped, &mut copies)?;
        }
        if written {
            let what = "how its conditions were written: an expression says case by case what holds of IPv4 and IPv6";
            self.lost.push(Lost::detail(&self.set.name, "", what));
        }
        let is_empty = self.set.rules.is_empty() && !self.set.default.is_drop();
        if !written && !is_empty {
            // A file without an expression would keep everything.
            writeln!(self.out, "len < 0")?;
        }
        Ok(())
    }

    fn left_out(&mut self, rule: &str, what: impl Into<String>) -> fmt::Result {
        writeln!(self.out, "# not expressed: {}", one_line(rule))?;
        self.lost.push(Lost::left_out(&self.set.name, rule, what));
        Ok(())
    }

    /// Writes the packets of a rule that no rule before it drops; whether it did.
    fn accept(
        &mut self,
        rule: Option<&Rule>,
        condition: &Condition,
        dropped: &[&Condition],
        copies: &mut Meter,
    ) -> Result<bool, fmt::Error> {
        let name = rule.map_or("", |rule| rule.name);
        if let Err(error) = copies.charge(dropped.len() as u64) {
            self.left_out(name, format!("the rules before it make the expression too long: {error}"))?;
            return Ok(false);
        }
        let before = dropped.iter().map(|drop| Condition::not((*drop).clone()));
        let family = match self.set.family {
            Family::Any => Condition::True,
            Family::Inet => Condition::test(Field::IpVersion, ValueSet::single(4)),
            Family::Inet6 => Condition::test(Field::IpVersion, ValueSet::single(6)),
        };
        let all = Condition::and([family, condition.clone()].into_iter().chain(before));
        if all == Condition::True {
            writeln!(self.out, "len >= 0")?;
            return Ok(true);
        }
        match expression(&all) {
            Ok(expression) => {
                if expression.frame {
                    let what = "the words of its tests of the frame, which are written as octets of Ethernet";
                    self.lost.push(Lost::detail(&self.set.name, name, what));
                }
                writeln!(self.out, "{}", expression.text)?;
                if expression.blind {
                    let what = "IPv6 packets whose chain of extension headers libpcap cannot walk";
                    self.lost.push(Lost::meaning(&self.set.name, name, what));
                }
                Ok(true)
            }
            Err(why) => {
                self.left_out(name, why.to_string())?;
                Ok(false)
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
