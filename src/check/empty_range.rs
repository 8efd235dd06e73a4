//! A range, or operands joined by AND, that no value is in.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// A range, or operands joined by AND, that no value is in. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct EmptyRange;

static META: Meta = Meta {
    name: raised::EMPTY_RANGE,
    summary: "a range, or operands joined by AND, that no value is in",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/empty-range.md"),
};

impl Check for EmptyRange {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
