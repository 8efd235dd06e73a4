//! Rules that a change leaves behind others that take all of their packets.

use super::change::{label, matches_all};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::ir::{Outcome, Rule};
use crate::symbolic::{Place, RuleFate};
use std::collections::BTreeSet;

/// The check.
#[derive(Debug)]
pub(super) struct MovedBehindTerminalRule;

static META: Meta = Meta {
    name: "moved-behind-terminal-rule",
    summary: "a rule that packets came to stands behind one that takes all of them since a change",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/moved-behind-terminal-rule.md"),
};

impl Check for MovedBehindTerminalRule {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        let changes = cx.changes();
        for (input, fates) in cx.fates() {
            let Some(change) = changes.iter().find(|change| std::ptr::eq(change.new, input)) else {
                continue;
            };
            for pair in &change.rule_sets {
                for (before, was, at) in pair.rules(&pair.alignment.same) {
                    let lived = change.old_fates.rule(pair.old_index, before) == Some(&RuleFate::Live);
                    if let (Some(RuleFate::Covered(by)), true) = (fates.rule(at.set_index, at.index), lived)
                        && !by.is_empty()
                    {
                        judge(&was, &at, by, out);
                    }
                }
            }
            if let Some((exhausted, _)) = fates.stopped.as_ref().or(change.old_fates.stopped.as_ref()) {
                return Err(*exhausted);
            }
        }
        Ok(())
    }
}

fn judge(was: &Rule<'_>, at: &RuleAt<'_>, by: &BTreeSet<Place>, out: &mut Findings) {
    let takers =
        by.iter().filter_map(|place| RuleAt::of(at.input, place.rule_set as usize, place.rule? as usize));
    let takers: Vec<RuleAt<'_>> = takers.collect();
    // One that does the same with the packets changes nothing for them.
    if takers.iter().all(|taker| {
        taker.rule.outcome == at.rule.outcome && matches!(taker.rule.outcome, Outcome::Verdict(_))
    }) {
        return;
    }
    let terminal = takers.iter().find(|taker| matches_all(taker.rule.condition, taker.set.family));
    let name = at.rule.name;
    let mut finding = if let Some(terminal) = terminal {
        let message =
            format!("rule `{name}` stands behind `{}` now, which takes every packet", terminal.rule.name);
        at.finding(&META, message).with_label(label(&terminal.rule, "takes every packet"))
    } else {
        let message = format!("rule `{name}` stands behind rules now that take all of its packets");
        let mut finding = at.finding(&META, message);
        finding.level = META.level.lowered();
        takers.iter().take(3).fold(finding, |finding, taker| {
            finding.with_label(label(&taker.rule, "takes some of its packets"))
        })
    };
    finding = finding.with_label(label(was, "packets came to it here"));
    out.push(finding.with_help("put it in front of them again"));
}
