//! Flow routes of tests.

use flowgate::dialect::ReadOptions;
use flowgate::dialect::flowspec::{self, Actions, FlowSpec, Route};
use flowgate::ir::{Origin, RuleBuf};
use flowgate::source::{SourceId, Span};

/// The rule of a flow route that nobody wrote.
pub(crate) fn rule(name: &str, spec: &FlowSpec, actions: &Actions) -> RuleBuf {
    let origin = Origin { source: SourceId(0), span: Span::default() };
    let route = Route { name, rule_set: "", spec, octets: None, actions, opaque: &[], origin };
    flowspec::rule(&route, &ReadOptions::default(), &mut Vec::new())
}
