//! Rules that no packet comes to, because rules before them take all: what [`super::shadowed_rule`] and
//! [`super::redundant_rule`] say of them.

use super::{Context, Findings, Input, Meta, RuleAt, fix};
use crate::diagnostic::{Diagnostic, Label};
use crate::eval::holds;
use crate::guard::Exhausted;
use crate::ir::{Condition, Kind, Outcome, Rule, RuleSet, Verdict};
use crate::symbolic::{Cover, Fate, Place, RuleFate};

/// Rules that take packets away from one and are named.
const NAMED: usize = 3;

/// Which of the rules that no packet comes to are said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Which {
    /// Those of whose packets some meet another fate than the rule has for them.
    Shadowed,
    /// Those of whose packets all meet the fate that the rule has for them.
    Redundant,
}

/// Says of every rule that others cover that it is so. What has no answer is said once: by the first of both checks
/// that is on.
pub(super) fn judge(
    cx: &Context<'_>,
    meta: &'static Meta,
    which: Which,
    out: &mut Findings,
) -> Result<(), Exhausted> {
    let first = which == Which::Shadowed || !cx.settings.is_on(&super::shadowed_rule::META);
    for (input, fates) in cx.fates() {
        for at in RuleAt::all(input) {
            match fates.rule(at.set_index, at.index) {
                None | Some(RuleFate::Live | RuleFate::Unmodelled) => {}
                Some(RuleFate::Covered(by)) if by.is_empty() => {
                    if which == Which::Shadowed && fates.is_reached(at.set_index) && is_live(cx, &at)? {
                        out.push(removable(cx, &at, kept_out(meta, &at)));
                    }
                }
                Some(RuleFate::Covered(by)) => {
                    let by: Vec<Taker<'_>> = by.iter().filter_map(|place| Taker::of(input, *place)).collect();
                    let differ = by.iter().any(|other| !other.does_the_same(&at));
                    if differ == (which == Which::Shadowed) {
                        out.push(removable(cx, &at, finding(meta, &at, &by)));
                    }
                }
                Some(RuleFate::Spent(exhausted)) => {
                    if first {
                        out.no_answer(meta, &at, exhausted.to_string());
                    }
                }
            }
        }
        if let (Some((exhausted, place)), true) = (&fates.stopped, first) {
            let reason = format!("{exhausted}; this rule and all behind it are not judged");
            let at = place.rule.and_then(|rule| RuleAt::of(input, place.rule_set as usize, rule as usize));
            match at {
                Some(at) => out.no_answer(meta, &at, reason),
                None => return Err(*exhausted),
            }
        }
    }
    Ok(())
}

/// What takes packets away: a rule, or the default of a stage.
struct Taker<'a> {
    set_index: usize,
    set: &'a RuleSet,
    rule: Option<Rule<'a>>,
}

impl<'a> Taker<'a> {
    fn of(input: &'a Input, place: Place) -> Option<Self> {
        let set_index = place.rule_set as usize;
        let set = input.reading.document.rule_sets.get(set_index)?;
        let rule = place.rule.and_then(|rule| set.rules.get(rule as usize));
        Some(Self { set_index, set, rule })
    }

    fn outcome(&self) -> Outcome {
        self.rule.map_or(Outcome::Verdict(self.set.default), |rule| rule.outcome)
    }

    /// Whether it does with a packet what a rule does. Where a walk goes on depends on where it stands.
    fn does_the_same(&self, at: &RuleAt<'_>) -> bool {
        let alike = self.rule.is_some_and(|own| own.does_as(&at.rule));
        alike && (self.set_index == at.set_index || matches!(self.outcome(), Outcome::Verdict(_)))
    }

    fn name(&self, at: &RuleAt<'_>) -> String {
        match self.rule {
            Some(rule) if self.set_index == at.set_index => format!("`{}`", rule.name),
            Some(rule) => format!("`{}` of `{}`", rule.name, self.set.name),
            None => format!("the default of `{}`", self.set.name),
        }
    }
}

/// Whether a packet can match a rule whatever else is asked of it.
fn is_live(cx: &Context<'_>, at: &RuleAt<'_>) -> Result<bool, Exhausted> {
    let mut cover = Cover::new(at.set.family, false, holds);
    let condition = Condition::and([cx.settings.view(), at.rule.condition.clone()]);
    Ok(matches!(cover.next(&condition, Outcome::Return)?, Fate::Live(_)))
}

/// The finding with the edit that takes the rule away.
fn removable(cx: &Context<'_>, at: &RuleAt<'_>, mut finding: Diagnostic) -> Diagnostic {
    finding.suggestions = fix::removal(cx, at).into_iter().collect();
    finding
}

/// Of a rule that packets come to which it does not match.
fn kept_out(meta: &'static Meta, at: &RuleAt<'_>) -> Diagnostic {
    let message = format!(
        "no packet comes to rule `{}`: what is led to `{}` has none for it",
        at.rule.name, at.set.name
    );
    at.finding(meta, message).with_help("lead its packets here, or remove it")
}

fn finding(meta: &'static Meta, at: &RuleAt<'_>, by: &[Taker<'_>]) -> Diagnostic {
    let rule = &at.rule;
    // One that does something else is always among those named.
    let mut named: Vec<&Taker<'_>> = by.iter().take(NAMED).collect();
    if let (Some(other), true) = (by.iter().find(|other| !other.does_the_same(at)), by.len() > NAMED)
        && named.iter().all(|named| named.does_the_same(at))
        && let Some(last) = named.last_mut()
    {
        *last = other;
    }
    let all = if by.len() == 1 { "takes them all" } else { "take them all" };
    let message = format!("no packet comes to rule `{}`: {} {all}", rule.name, names(at, &named, by.len()));
    let mut finding = at.finding(meta, message);
    for origin in named.iter().filter_map(|other| Some(other.rule?.origin)) {
        let words = if by.len() == 1 { "takes all of its packets" } else { "takes some of its packets" };
        finding = finding.with_label(Label::new(origin.source, origin.span).with_message(words));
    }
    if let Some(other) = named.iter().find(|other| other.outcome() != rule.outcome) {
        if let (Some(what), Some(wanted)) = (does(other.outcome()), does(rule.outcome)) {
            finding = finding.with_note(format!("{} {what} what `{}` {wanted}", other.name(at), rule.name));
        }
        let stands_behind = other.rule.is_some_and(|other| {
            let (own, other) = (rule.origin, other.origin);
            own.source == other.source && own.span.start < other.span.start
        });
        let before = if at.set.kind == Kind::FlowRoutes {
            "make it more specific: flow routes stand in the order of RFC 8955 section 5.1"
        } else if stands_behind && other.set_index == at.set_index {
            "the last rule that matches decides here: put it behind them, make it quick, or remove it"
        } else {
            "put it in front of them, or remove it"
        };
        finding.with_help(before)
    } else {
        finding.with_help("remove it")
    }
}

fn names(at: &RuleAt<'_>, named: &[&Taker<'_>], count: usize) -> String {
    let mut words: Vec<String> = named.iter().map(|other| other.name(at)).collect();
    if count > named.len() {
        words.push(format!("{} more", count - named.len()));
    }
    listed(words)
}

/// Words in a row: `a`, `a and b`, `a, b and c`.
pub(super) fn listed(mut words: Vec<String>) -> String {
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} and {last}", words.join(", ")) }
}

/// What the first rule does that the second does otherwise, in words that differ.
pub(super) fn contrast(first: &Rule<'_>, second: &Rule<'_>) -> Option<String> {
    let (what, wanted) = (does(first.outcome)?, does(second.outcome)?);
    (what != wanted).then(|| format!("`{}` {what} what `{}` {wanted}", first.name, second.name))
}

/// What an outcome is to a packet, in a word.
fn does(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Verdict(Verdict::Accept) => Some("accepts"),
        Outcome::Verdict(Verdict::Discard) => Some("discards"),
        Outcome::Verdict(Verdict::Reject(_)) => Some("rejects"),
        Outcome::Verdict(Verdict::NoDecision)
        | Outcome::Next { .. }
        | Outcome::Call(_)
        | Outcome::Goto(_)
        | Outcome::Stage(_)
        | Outcome::Return => None,
    }
}
