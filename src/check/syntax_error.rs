//! The text is not of its dialect.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// The text is not of its dialect. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct SyntaxError;

static META: Meta = Meta {
    name: raised::SYNTAX_ERROR,
    summary: "the text is not of its dialect",
    level: Level::Error,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/syntax-error.md"),
};

impl Check for SyntaxError {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
