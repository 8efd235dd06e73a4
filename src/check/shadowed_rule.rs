//! Rules that no packet comes to, because earlier rules that do something else take all.

use super::covered::{is_on, judge};
use super::{Check, Confidence, Context, Findings, Meta, Needs, redundant_rule};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct ShadowedRule;

pub(super) static META: Meta = Meta {
    name: "shadowed-rule",
    summary: "earlier rules take all packets of a rule, and do something else with them",
    level: Level::Warning,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/shadowed-rule.md"),
};

impl Check for ShadowedRule {
    fn meta(&self) -> &'static Meta {
        &META
    }

    // Both sorts of covered rules are found by the same question, which is asked once.
    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        judge(cx, Some(&META), is_on(cx, &redundant_rule::META), out)
    }
}
