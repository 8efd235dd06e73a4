//! Rules that no packet comes to, because rules before them that do something else take all.

use super::covered::{Which, judge};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct ShadowedRule;

pub(super) static META: Meta = Meta {
    name: "shadowed-rule",
    summary: "earlier rules take all packets of a rule, and do something else with them",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/shadowed-rule.md"),
};

impl Check for ShadowedRule {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        judge(cx, &META, Which::Shadowed, out)
    }
}
