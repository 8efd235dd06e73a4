//! Text that seems to say one thing and means another.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// Text that seems to say one thing and means another. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct MisleadingText;

static META: Meta = Meta {
    name: raised::MISLEADING_TEXT,
    summary: "text that means something else to the program it is written for",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/misleading-text.md"),
};

impl Check for MisleadingText {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
