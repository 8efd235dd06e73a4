//! An NLRI longer than its length field or its message can carry.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// An NLRI longer than its length field or its message can carry. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct FlowspecTooLong;

static META: Meta = Meta {
    name: raised::TOO_LONG,
    summary: "a rule longer than an NLRI or an update can carry",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/flowspec-too-long.md"),
};

impl Check for FlowspecTooLong {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
