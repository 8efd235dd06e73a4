//! Rules that do otherwise than rules before them with packets of both.

use super::overlapping::{How, judge};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct ConflictingOverlap;

static META: Meta = Meta {
    name: "conflicting-overlap",
    summary: "two rules that do different things share packets, and each has packets of its own",
    level: Level::Warning,
    default_on: false,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/conflicting-overlap.md"),
};

impl Check for ConflictingOverlap {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        judge(cx, &META, Some(How::Crosses), out);
        Ok(())
    }
}
