//! An NLRI that says the same as a shorter or more usual one.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// An NLRI that says the same as a shorter or more usual one. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct FlowspecNoncanonical;

static META: Meta = Meta {
    name: raised::NONCANONICAL,
    summary: "an encoding that says what a shorter or more usual one says",
    level: Level::Note,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/flowspec-noncanonical.md"),
};

impl Check for FlowspecNoncanonical {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
