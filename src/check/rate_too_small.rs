//! A rate so small that it drops everything, or cannot be carried.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// A rate so small that it drops everything, or cannot be carried. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct RateTooSmall;

static META: Meta = Meta {
    name: raised::RATE_TOO_SMALL,
    summary: "a rate so small that everything is dropped",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/rate-too-small.md"),
};

impl Check for RateTooSmall {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
