//! Rules that no packet comes to, because rules before them take all: what [`super::shadowed_rule`] and
//! [`super::redundant_rule`] say of them.

use super::{Context, Findings, Meta, RuleAt};
use crate::diagnostic::Label;
use crate::eval::holds;
use crate::guard::Exhausted;
use crate::ir::{Condition, Kind, Outcome, Rule, Verdict};
use crate::symbolic::{Cover, Fate};

/// Rules that take packets away from one and are named.
const NAMED: usize = 3;

/// Says of every rule that earlier rules of its rule set cover that it is so: by `shadowed` where one of them does
/// something else with the packets, by `redundant` where all do the same.
pub(super) fn judge(
    cx: &Context<'_>,
    shadowed: Option<&'static Meta>,
    redundant: Option<&'static Meta>,
    out: &mut Findings,
) -> Result<(), Exhausted> {
    let view = cx.settings.view();
    for input in cx.inputs {
        let sets = input.reading.document.rule_sets.iter().enumerate();
        for (set_index, set) in sets.filter(|(_, set)| set.kind.is_written()) {
            let mut cover = Cover::of(set, holds);
            for (index, rule) in set.rules.iter().enumerate() {
                let fate = match &view {
                    Condition::True => cover.next(rule.condition, rule.outcome),
                    view => cover.next(&Condition::and([view.clone(), rule.condition.clone()]), rule.outcome),
                }?;
                let at = RuleAt { input, set, set_index, rule, index };
                match fate {
                    // Of a rule that no packet can match another check says so.
                    Fate::Live(_) | Fate::Unmodelled => {}
                    Fate::Covered(by) if by.is_empty() => {}
                    Fate::Covered(by) => {
                        let by: Vec<Rule<'_>> =
                            by.iter().filter_map(|rule| set.rules.get(*rule as usize)).collect();
                        let differ = by.iter().any(|other| !is_same(&rule, other));
                        if let Some(meta) = if differ { shadowed } else { redundant } {
                            say(meta, &at, &by, out);
                        }
                    }
                    Fate::Spent(exhausted) => {
                        if let Some(meta) = shadowed.or(redundant) {
                            out.no_answer(meta, &at, exhausted.to_string());
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether rules do the same with a packet.
fn is_same(a: &Rule<'_>, b: &Rule<'_>) -> bool {
    a.outcome == b.outcome && a.action_given == b.action_given && a.actions == b.actions
}

fn say(meta: &'static Meta, at: &RuleAt<'_>, by: &[Rule<'_>], out: &mut Findings) {
    let rule = &at.rule;
    // One that does something else is always among those named.
    let mut named: Vec<&Rule<'_>> = by.iter().take(NAMED).collect();
    if let (Some(other), true) = (by.iter().find(|other| !is_same(rule, other)), by.len() > NAMED)
        && named.iter().all(|named| is_same(rule, named))
        && let Some(last) = named.last_mut()
    {
        *last = other;
    }
    let all = if by.len() == 1 { "takes them all" } else { "take them all" };
    let message = format!("no packet comes to rule `{}`: {} {all}", rule.name, names(&named, by.len()));
    let mut finding = at.finding(meta, message);
    for other in &named {
        let words = if by.len() == 1 { "takes all of its packets" } else { "takes some of its packets" };
        let label = Label::new(other.origin.source, other.origin.span).with_message(words);
        finding = finding.with_label(label);
    }
    if let Some(other) = named.iter().find(|other| other.outcome != rule.outcome) {
        if let (Some(what), Some(wanted)) = (does(other.outcome), does(rule.outcome)) {
            finding = finding.with_note(format!("`{}` {what} what `{}` {wanted}", other.name, rule.name));
        }
        let before = if at.set.kind == Kind::FlowRoutes {
            "make it more specific: flow routes stand in the order of RFC 8955 section 5.1"
        } else {
            "put it in front of them, or remove it"
        };
        finding = finding.with_help(before);
    } else {
        finding = finding.with_help("remove it");
    }
    out.push(finding);
}

fn names(named: &[&Rule<'_>], count: usize) -> String {
    let mut words: Vec<String> = named.iter().map(|rule| format!("`{}`", rule.name)).collect();
    if count > named.len() {
        words.push(format!("{} more", count - named.len()));
    }
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} and {last}", words.join(", ")) }
}

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

/// Whether a check is on.
pub(super) fn is_on(cx: &Context<'_>, meta: &'static Meta) -> Option<&'static Meta> {
    (cx.settings.levels.get(meta.name) != Some(&None)).then_some(meta)
}
