//! Rules that share packets with rules before them which do otherwise: what [`super::conflicting_overlap`],
//! [`super::generalisation`] and [`super::partially_shadowed_rule`] say of them.

use super::covered::{contrast, listed};
use super::prove::{plain, witness};
use super::{Context, Findings, Inconclusive, Input, Meta, RuleAt};
use crate::diagnostic::{Diagnostic, Label};
use crate::eval::holds;
use crate::field::Headers;
use crate::guard::Exhausted;
use crate::ir::{Outcome, Rule, RuleSet};
use crate::symbolic::{Fates, Overlaps, RuleFate, Shared};
use std::collections::BTreeSet;

/// Rules that are named, of each kind.
const NAMED: usize = 3;

/// How a rule lies to one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// Each has packets that the other does not match.
    Crosses,
    /// It matches all packets of the other, and more.
    Holds,
}

/// A rule before, and a packet that comes to it and that the later rule matches too.
#[derive(Debug)]
pub(super) struct Met {
    rule: usize,
    how: How,
    packet: Box<Headers>,
}

/// A rule and some of those before it.
#[derive(Debug)]
pub(super) struct Overlap {
    set: usize,
    rule: usize,
    met: Vec<Met>,
    /// The part of its packets that rules before it which do otherwise match, where that is known.
    part: Option<f64>,
}

/// What was found in one input.
#[derive(Debug, Default)]
pub(super) struct Overlapping {
    found: Vec<Overlap>,
    // Rules without an answer, by rule set and index, and why.
    open: Vec<(usize, usize, String)>,
    stopped: Option<Exhausted>,
}

impl Overlapping {
    /// Asks about every rule that packets come to.
    pub(super) fn of(input: &Input, fates: &Fates) -> Self {
        let mut all = Self::default();
        for (index, set) in input.reading.document.rule_sets.iter().enumerate() {
            if set.kind.is_written()
                && let Err(exhausted) = all.rule_set(index, set, fates)
            {
                all.stopped = Some(exhausted);
                break;
            }
        }
        all
    }

    fn rule_set(&mut self, index: usize, set: &RuleSet, fates: &Fates) -> Result<(), Exhausted> {
        // Where all do the same, nothing can be otherwise.
        let Some(first) = set.rules.iter().find(|rule| decides(rule.outcome)) else { return Ok(()) };
        if set.rules.iter().filter(|rule| decides(rule.outcome)).all(|rule| rule.does_as(&first)) {
            return Ok(());
        }
        let mut overlaps = Overlaps::new(set, holds);
        for (number, rule) in (0_u32..).zip(set.rules.iter()) {
            let comes = !matches!(fates.rule(index, number as usize), Some(RuleFate::Covered(_)));
            if decides(rule.outcome) && comes {
                self.rule(index, set, (number, &rule), &mut overlaps)?;
            }
        }
        Ok(())
    }

    fn rule(
        &mut self,
        index: usize,
        set: &RuleSet,
        (number, rule): (u32, &Rule<'_>),
        overlaps: &mut Overlaps<'_>,
    ) -> Result<(), Exhausted> {
        let of = |number: u32| set.rules.get(number as usize);
        let decides = |number: u32| of(number).is_some_and(|rule| decides(rule.outcome));
        let otherwise = |other: u32| {
            other < number && decides(other) && of(other).is_some_and(|other| !other.does_as(rule))
        };
        let near = overlaps.near(number, &otherwise)?;
        let (mut met, mut taken) = (Vec::new(), BTreeSet::new());
        let mut is_whole = true;
        for earlier in near {
            // What nobody would be told is not asked.
            let plainly = if overlaps.holds_all(number, earlier) { How::Holds } else { How::Crosses };
            if met.iter().filter(|met: &&Met| met.how == plainly).count() > NAMED {
                is_whole = false;
                continue;
            }
            let before = |other: u32| other < earlier && decides(other);
            let comes = overlaps.packet(earlier, number, &before)?;
            let Some(packet) = self.packet(index, number, comes) else { continue };
            taken.insert(earlier);
            let beyond = overlaps.packet(earlier, earlier, &|other| other == number)?;
            let how = match beyond {
                Shared::None => How::Holds,
                Shared::Packet(_) => How::Crosses,
                open @ (Shared::Unknown | Shared::Spent(_)) => {
                    self.packet(index, number, open);
                    continue;
                }
            };
            let is_first = met.iter().all(|met: &Met| met.how != how);
            let packet = if let (true, Some(other)) = (is_first, of(earlier)) {
                let keeps = |packet: &Headers| overlaps.is_free(packet, &before);
                Box::new(plain(&[other.condition, rule.condition], &packet, &keeps))
            } else {
                packet
            };
            met.push(Met { rule: earlier as usize, how, packet });
        }
        if !met.is_empty() {
            let part = if is_whole { overlaps.part(number, &taken) } else { None };
            self.found.push(Overlap { set: index, rule: number as usize, met, part });
        }
        Ok(())
    }

    /// The packet of an answer; an answer that is none is kept, once a rule.
    fn packet(&mut self, set: usize, rule: u32, answer: Shared) -> Option<Box<Headers>> {
        let reason = match answer {
            Shared::Packet(packet) => return Some(packet),
            Shared::None => return None,
            Shared::Unknown => {
                "what is not modelled decides whether it shares packets with one before".to_owned()
            }
            Shared::Spent(exhausted) => exhausted.to_string(),
        };
        let place = (set, rule as usize);
        if self.open.last().is_none_or(|(set, rule, _)| (*set, *rule) != place) {
            self.open.push((place.0, place.1, reason));
        }
        None
    }
}

fn decides(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Verdict(_) | Outcome::Return)
}

/// Says of every rule that meets others before it in the way asked about, or in any, that it does.
pub(super) fn judge(cx: &Context<'_>, meta: &'static Meta, how: Option<How>, out: &mut Findings) {
    for (input, overlapping) in cx.overlapping() {
        for overlap in &overlapping.found {
            let met: Vec<&Met> =
                overlap.met.iter().filter(|met| how.is_none_or(|how| met.how == how)).collect();
            if let (Some(first), Some(at)) = (met.first(), RuleAt::of(input, overlap.set, overlap.rule)) {
                let mut finding = finding(meta, how, &at, &met);
                if let (None, Some(part)) = (how, overlap.part) {
                    let part = (part * 100.0).clamp(0.0, 100.0);
                    finding = finding.with_note(format!(
                        "they match {part:.1} % of its packets, counted by addresses, protocols and ports"
                    ));
                }
                finding.witness = witness(&first.packet, &input.reading.document.symbols);
                out.push(finding);
            }
        }
        for (set, rule, reason) in &overlapping.open {
            if let Some(at) = RuleAt::of(input, *set, *rule) {
                out.no_answer(meta, &at, reason.clone());
            }
        }
        if let Some(exhausted) = overlapping.stopped {
            let (check, reason) = (meta.name, exhausted.to_string());
            out.inconclusive.push(Inconclusive { check, rule_set: None, rule: None, reason });
        }
    }
}

fn finding(meta: &'static Meta, how: Option<How>, at: &RuleAt<'_>, met: &[&Met]) -> Diagnostic {
    let rules: Vec<Rule<'_>> = met.iter().filter_map(|met| at.set.rules.get(met.rule)).collect();
    let mut names: Vec<String> = rules.iter().take(NAMED).map(|rule| format!("`{}`", rule.name)).collect();
    if rules.len() > NAMED {
        names.push("others".to_owned());
    }
    let names = listed(names);
    let own = at.rule.name;
    let (message, words) = match how {
        Some(How::Crosses) => (
            format!("rule `{own}` crosses {names}, of which packets of both go to the earlier"),
            "crosses this one",
        ),
        Some(How::Holds) => (
            format!("rule `{own}` does otherwise with all that {names} before it leave"),
            "an exception from it",
        ),
        None => (
            format!(
                "rule `{own}` does not get all of its packets: {names} before it take some and do otherwise"
            ),
            "takes some of its packets",
        ),
    };
    let mut finding = at.finding(meta, message);
    for rule in rules.iter().take(NAMED) {
        let label = Label::new(rule.origin.source, rule.origin.span);
        finding = finding.with_label(label.with_message(words));
    }
    if let Some(note) = rules.first().and_then(|first| contrast(first, &at.rule)) {
        finding = finding.with_note(note);
    }
    match how {
        Some(How::Holds) => finding,
        _ => finding.with_help(
            "see that the packets of both are meant to go to the earlier; `flowgate query` shows all of them",
        ),
    }
}
