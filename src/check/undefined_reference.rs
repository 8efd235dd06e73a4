//! A name that nothing defines.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// A name that nothing defines. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct UndefinedReference;

static META: Meta = Meta {
    name: raised::UNDEFINED_REFERENCE,
    summary: "a name that nothing in the file defines",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/undefined-reference.md"),
};

impl Check for UndefinedReference {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
