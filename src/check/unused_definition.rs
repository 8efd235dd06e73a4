//! A definition nothing uses.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// A definition nothing uses. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct UnusedDefinition;

static META: Meta = Meta {
    name: raised::UNUSED_DEFINITION,
    summary: "a definition that nothing in the file uses",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/unused-definition.md"),
};

impl Check for UnusedDefinition {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
