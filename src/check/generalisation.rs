//! Rules that are general behind exceptions.

use super::overlapping::{How, judge};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct Generalisation;

static META: Meta = Meta {
    name: "generalisation",
    summary: "a rule matches all packets of a rule before it, and does otherwise",
    level: Level::Note,
    default_on: false,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/generalisation.md"),
};

impl Check for Generalisation {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        judge(cx, &META, Some(How::Holds), out);
        Ok(())
    }
}
