//! Rules that no packet comes to, because earlier rules do the same with all.

use super::covered::{Which, judge};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct RedundantRule;

pub(super) static META: Meta = Meta {
    name: "redundant-rule",
    summary: "earlier rules take all packets of a rule, and do the same with them",
    level: Level::Note,
    default_on: true,
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
        judge(cx, &META, Which::Redundant, out)
    }
}
