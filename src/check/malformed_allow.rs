//! A comment meant as a suppression that cannot be read as one. Raised where suppressions are applied, after
//! every check has run.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct MalformedAllow;

static META: Meta = Meta {
    name: "malformed-allow",
    summary: "a comment that should be a suppression cannot be read as one",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/malformed-allow.md"),
};

impl Check for MalformedAllow {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
