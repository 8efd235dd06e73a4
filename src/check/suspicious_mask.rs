//! A mask that reads as one of the other kind: netmask for wildcard, or wildcard for netmask.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// A mask that reads as one of the other kind: netmask for wildcard, or wildcard for netmask. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct SuspiciousMask;

static META: Meta = Meta {
    name: raised::SUSPICIOUS_MASK,
    summary: "a mask that reads as one of the other kind",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/suspicious-mask.md"),
};

impl Check for SuspiciousMask {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
