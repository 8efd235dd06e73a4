//! Rules that no packet comes to, because earlier rules do the same with all.

use super::covered::{is_on, judge};
use super::{Check, Confidence, Context, Findings, Meta, Needs, shadowed_rule};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct RedundantRule;

pub(super) static META: Meta = Meta {
    name: "redundant-rule",
    summary: "earlier rules take all packets of a rule, and do the same with them",
    level: Level::Note,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/redundant-rule.md"),
};

impl Check for RedundantRule {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        if is_on(cx, &shadowed_rule::META).is_some() {
            // Asked there.
            return Ok(());
        }
        judge(cx, None, Some(&META), out)
    }
}
