//! An NLRI that is not as RFC 8955 says.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// An NLRI that is not as RFC 8955 says. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct MalformedNlri;

static META: Meta = Meta {
    name: raised::MALFORMED_NLRI,
    summary: "octets that are no flow specification",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/malformed-nlri.md"),
};

impl Check for MalformedNlri {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
