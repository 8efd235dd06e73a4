//! An address with bits set behind its prefix length.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// An address with bits set behind its prefix length. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct HostBitsSet;

static META: Meta = Meta {
    name: raised::HOST_BITS_SET,
    summary: "an address with bits set behind its prefix length",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/host-bits-set.md"),
};

impl Check for HostBitsSet {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
