//! A keyword that is unknown or not modelled.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// A keyword that is unknown or not modelled. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct UnsupportedKeyword;

static META: Meta = Meta {
    name: raised::UNSUPPORTED_KEYWORD,
    summary: "a keyword that is unknown or not modelled",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/unsupported-keyword.md"),
};

impl Check for UnsupportedKeyword {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
