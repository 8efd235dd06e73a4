//! A suppression past its last day. Raised where suppressions are applied, after every check has run.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct ExpiredAllow;

static META: Meta = Meta {
    name: "expired-allow",
    summary: "a suppression is past its last day",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/expired-allow.md"),
};

impl Check for ExpiredAllow {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
