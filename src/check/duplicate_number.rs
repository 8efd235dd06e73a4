//! Two entries of a list with one number.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// Two entries of a list with one number. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct DuplicateNumber;

static META: Meta = Meta {
    name: raised::DUPLICATE_NUMBER,
    summary: "two entries of a list with one number",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/duplicate-number.md"),
};

impl Check for DuplicateNumber {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
