//! Defaults that no packet comes to, because the rules together take all.

use super::{Check, Confidence, Context, Findings, Input, Meta, Needs, RuleAt};
use crate::diagnostic::{Diagnostic, Level};
use crate::guard::Exhausted;
use crate::symbolic::{Place, RuleFate};
use std::collections::BTreeSet;

/// The check.
#[derive(Debug)]
pub(super) struct DefaultUnreachable;

static META: Meta = Meta {
    name: "default-unreachable",
    summary: "the rules of a rule set take all packets: its default decides about none",
    level: Level::Note,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/default-unreachable.md"),
};

impl Check for DefaultUnreachable {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for (input, fates) in cx.fates() {
            for (index, set) in input.reading.document.rule_sets.iter().enumerate() {
                match fates.of_default(index) {
                    Some(RuleFate::Covered(by)) => out.diagnostics.extend(finding(input, index, by)),
                    Some(RuleFate::Spent(exhausted)) => out.inconclusive.push(super::Inconclusive {
                        check: META.name,
                        rule_set: Some(set.name.clone()),
                        rule: None,
                        reason: exhausted.to_string(),
                    }),
                    Some(RuleFate::Live | RuleFate::Unmodelled) | None => {}
                }
            }
        }
        Ok(())
    }
}

/// The finding, on the last of the rules that take all; none where the last rule alone does: that is plain to see.
fn finding(input: &Input, index: usize, by: &BTreeSet<Place>) -> Option<Diagnostic> {
    let own = by.iter().filter(|place| place.rule_set as usize == index);
    let last = own.filter_map(|place| place.rule).max()? as usize;
    let at = RuleAt::of(input, index, last)?;
    if by.len() == 1 && last + 1 == at.set.rules.len() {
        return None;
    }
    let (name, default) = (&at.set.name, at.set.default);
    let how = format!("its rules up to `{}` take all packets", at.rule.name);
    let finding =
        at.finding(&META, format!("the default of `{name}`, {default}, decides about no packet: {how}"));
    Some(
        finding.with_help(
            "narrow them, where the default was meant for something, or say the rest in a last rule",
        ),
    )
}
