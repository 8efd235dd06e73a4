//! Changes by which packets are dropped that got through.

use super::turned::judge;
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::symbolic::Turn;

/// The check.
#[derive(Debug)]
pub(super) struct NarrowedFilter;

static META: Meta = Meta {
    name: "narrowed-filter",
    summary: "a change drops packets that got through before",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/narrowed-filter.md"),
};

impl Check for NarrowedFilter {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        judge(cx, &META, Turn::Narrowed, out);
        Ok(())
    }
}
