//! Rules that a change leaves behind others that take all of their packets.

use super::change::{Alignment, Change, label};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::ir::{Condition, Outcome, Rule};
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
            for (old_index, new_index) in change.rule_sets() {
                let sets = [(change.old, old_index), (change.new, new_index)]
                    .map(|(input, index)| input.reading.document.rule_sets.get(index));
                let [Some(old), Some(new)] = sets else { continue };
                for (before, index) in Alignment::of(old, new).same {
                    let (Some(was), Some(rule)) = (old.rules.get(before), new.rules.get(index)) else {
                        continue;
                    };
                    let at = RuleAt { input, set: new, set_index: new_index, rule, index };
                    let lived = change.old_fates.rule(old_index, before) == Some(&RuleFate::Live);
                    if let (Some(RuleFate::Covered(by)), true) = (fates.rule(new_index, index), lived)
                        && !by.is_empty()
                    {
                        judge(change, &was, &at, by, out);
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

fn judge(change: &Change<'_>, was: &Rule<'_>, at: &RuleAt<'_>, by: &BTreeSet<Place>, out: &mut Findings) {
    let takers = by.iter().filter_map(|place| {
        let set = change.new.reading.document.rule_sets.get(place.rule_set as usize)?;
        Some((set, set.rules.get(place.rule? as usize)?))
    });
    let takers: Vec<_> = takers.collect();
    // One that does the same with the packets changes nothing for them.
    if takers
        .iter()
        .all(|(_, taker)| taker.outcome == at.rule.outcome && matches!(taker.outcome, Outcome::Verdict(_)))
    {
        return;
    }
    let terminal =
        takers.iter().find(|(set, taker)| taker.condition.clone().of_packets(set.family) == Condition::True);
    let name = at.rule.name;
    let mut finding = if let Some((_, terminal)) = terminal {
        let message =
            format!("rule `{name}` stands behind `{}` now, which takes every packet", terminal.name);
        at.finding(&META, message).with_label(label(terminal, "takes every packet"))
    } else {
        let message = format!("rule `{name}` stands behind rules now that take all of its packets");
        let mut finding = at.finding(&META, message);
        finding.level = META.level.lowered();
        takers.iter().take(3).fold(finding, |finding, (_, taker)| {
            finding.with_label(label(taker, "takes some of its packets"))
        })
    };
    finding = finding.with_label(label(was, "packets came to it here"));
    out.push(finding.with_help("put it in front of them again"));
}
