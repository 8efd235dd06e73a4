//! A value no packet can carry.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// A value no packet can carry. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct ValueOutOfRange;

static META: Meta = Meta {
    name: raised::VALUE_OUT_OF_RANGE,
    summary: "a value that no packet can carry",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/value-out-of-range.md"),
};

impl Check for ValueOutOfRange {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
