//! Components that do not stand in the order RFC 8955 asks for.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;

/// Components that do not stand in the order RFC 8955 asks for. Readers raise it while they read; nothing is left to do here.
#[derive(Debug)]
pub(super) struct FlowspecComponentOrder;

static META: Meta = Meta {
    name: raised::COMPONENT_ORDER,
    summary: "components that do not stand in ascending order, each once",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/flowspec-component-order.md"),
};

impl Check for FlowspecComponentOrder {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, _: &Context<'_>, _: &mut Findings) -> Result<(), Exhausted> {
        Ok(())
    }
}
