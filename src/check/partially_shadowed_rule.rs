//! Rules that get some of their packets only.

use super::overlapping::judge;
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct PartiallyShadowedRule;

static META: Meta = Meta {
    name: "partially-shadowed-rule",
    summary: "rules before a rule take some of its packets and do otherwise with them",
    level: Level::Note,
    default_on: false,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/partially-shadowed-rule.md"),
};

impl Check for PartiallyShadowedRule {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        judge(cx, &META, None, out);
        Ok(())
    }
}
