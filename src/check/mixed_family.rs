//! IPv4 and IPv6 in one rule.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// IPv4 and IPv6 in one rule. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct MixedFamily;

static META: Meta = Meta {
    name: raised::MIXED_FAMILY,
    summary: "one rule asks for IPv4 and IPv6",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/mixed-family.md"),
};

impl Check for MixedFamily {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
