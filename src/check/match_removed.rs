//! Rules that lost what they ask for.

use super::change::{label, matches_all};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::Level;
use crate::field::Field;
use crate::guard::Exhausted;
use crate::ir::{Condition, Outcome, Rule};
use std::collections::BTreeSet;

/// The check.
#[derive(Debug)]
pub(super) struct MatchRemoved;

static META: Meta = Meta {
    name: "match-removed",
    summary: "a change takes a match away from a rule, which now matches more, or everything",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/match-removed.md"),
};

impl Check for MatchRemoved {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for change in cx.changes() {
            for pair in &change.rule_sets {
                for (_, was, at) in pair.rules(&pair.alignment.edited) {
                    judge(&was, &at, out);
                }
            }
        }
        Ok(())
    }
}

fn judge(was: &Rule<'_>, at: &RuleAt<'_>, out: &mut Findings) {
    let rule = &at.rule;
    // What does nothing with its packets may match any.
    if matches!(rule.outcome, Outcome::Next { held: None }) && rule.actions.is_empty() {
        return;
    }
    let all = |condition: &Condition| matches_all(condition, at.set.family);
    if all(was.condition) {
        return;
    }
    let name = rule.name;
    let mut finding = if all(rule.condition) {
        at.finding(&META, format!("rule `{name}` lost all it asks for, and now matches every packet"))
            .with_help("a list that is empty, missing or inactive matches nothing on purpose: remove the rule, or give it its match")
    } else {
        let now = fields(rule.condition);
        let lost: Vec<&str> = fields(was.condition).difference(&now).map(|field| field.name()).collect();
        if lost.is_empty() {
            return;
        }
        let mut finding = at.finding(&META, format!("rule `{name}` no longer asks for {}", lost.join(", ")));
        finding.level = META.level.lowered();
        finding.with_help("see with `flowgate diff` which packets that adds")
    };
    finding = finding.with_label(label(was, "as it was"));
    out.push(finding);
}

/// What a condition asks for; octets where ports stand are ports.
fn fields(condition: &Condition) -> BTreeSet<Field> {
    let of = |field| match field {
        Field::RawPort0 => Field::Sport,
        Field::RawPort1 => Field::Dport,
        other => other,
    };
    condition.tests().iter().map(|test| of(test.field())).collect()
}
