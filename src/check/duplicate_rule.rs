//! Rules whose condition an earlier rule of the same rule set has already: no packet ever comes to them.

use super::{Check, Confidence, Context, Findings, Input, Meta, Needs, RuleAt, fix};
use crate::diagnostic::{Label, Level};
use crate::guard::Exhausted;
use crate::ir::{Condition, Kind, Outcome, Rule, RuleSet};
use foldhash::fast::FixedState;

/// The check.
#[derive(Debug)]
pub(super) struct DuplicateRule;

static META: Meta = Meta {
    name: "duplicate-rule",
    summary: "a rule has the same condition as an earlier one that decides",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/duplicate-rule.md"),
};

/// Different conditions with the same digest that are told apart before one is passed over.
const COLLISIONS: usize = 8;

impl Check for DuplicateRule {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for input in cx.inputs {
            let sets = input.reading.document.rule_sets.iter().enumerate();
            for (set_index, set) in sets.filter(|(_, set)| set.kind.is_written()) {
                judge(cx, input, set_index, set, out);
            }
        }
        Ok(())
    }
}

fn judge(cx: &Context<'_>, input: &Input, set_index: usize, set: &RuleSet, out: &mut Findings) {
    let state = FixedState::default();
    let conditions = set.rules.conditions().iter().enumerate();
    let mut digests: Vec<(u64, usize)> = conditions
        .filter(|(_, condition)| !matches!(condition, Condition::False))
        .map(|(index, condition)| (condition.digest(&state), index))
        .collect();
    digests.sort_unstable();
    for alike in digests.chunk_by(|(a, _), (b, _)| a == b).filter(|alike| alike.len() > 1) {
        judge_alike(cx, (input, set_index, set), alike, out);
    }
}

/// Judges rules whose conditions have the same digest, given in order.
fn judge_alike(
    cx: &Context<'_>,
    (input, set_index, set): (&Input, usize, &RuleSet),
    alike: &[(u64, usize)],
    out: &mut Findings,
) {
    let mut deciding: Vec<Rule<'_>> = Vec::new();
    for (_, index) in alike {
        let Some(rule) = set.rules.get(*index) else { continue };
        match deciding.iter().find(|earlier| earlier.condition.is_same(rule.condition)) {
            Some(first) => {
                let at = RuleAt { input, set, set_index, rule, index: *index };
                let fate = if set.kind != Kind::FlowRoutes || first.outcome == rule.outcome {
                    format!("no packet comes to it: `{}` decides first", first.name)
                } else {
                    format!("`{}` decides first, and otherwise", first.name)
                };
                let message = format!("rule `{}` has the condition of `{}`", rule.name, first.name);
                let label = Label::new(first.origin.source, first.origin.span);
                let mut finding = at
                    .finding(&META, message)
                    .with_label(label.with_message("the same condition"))
                    .with_note(fate)
                    .with_help("take one of them away");
                finding.suggestions = fix::removal(cx, &at).into_iter().collect();
                out.push(finding);
            }
            // Behind a rule that goes on or hands over, the same condition is met again.
            None if matches!(rule.outcome, Outcome::Verdict(_)) && deciding.len() < COLLISIONS => {
                deciding.push(rule);
            }
            None => {}
        }
    }
}
