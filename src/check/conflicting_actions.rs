//! Actions that contradict each other.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// Actions that contradict each other. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct ConflictingActions;

static META: Meta = Meta {
    name: raised::CONFLICTING_ACTIONS,
    summary: "actions of one rule that contradict each other",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/conflicting-actions.md"),
};

impl Check for ConflictingActions {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
