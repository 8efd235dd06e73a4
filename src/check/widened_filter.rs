//! Changes by which packets get through that were dropped.

use super::turned::judge;
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::symbolic::Turn;

/// The check.
#[derive(Debug)]
pub(super) struct WidenedFilter;

static META: Meta = Meta {
    name: "widened-filter",
    summary: "a change lets packets through that were dropped before",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/widened-filter.md"),
};

impl Check for WidenedFilter {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        judge(cx, &META, Turn::Widened, out);
        Ok(())
    }
}
