//! Chains that no packet comes to.

use super::{Check, Confidence, Context, Findings, Input, Meta, Needs, RuleAt};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::guard::Exhausted;
use crate::ir::Kind;
use crate::symbolic::{Fates, RuleFate};

/// The check.
#[derive(Debug)]
pub(super) struct UnreachableChain;

static META: Meta = Meta {
    name: "unreachable-chain",
    summary: "no rule leads to a chain, or no packet comes to the rules that do",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/unreachable-chain.md"),
};

/// Rules that lead to a chain and are shown.
const SHOWN: usize = 3;

impl Check for UnreachableChain {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for (input, fates) in cx.fates() {
            let mut last = None;
            for at in RuleAt::all(input) {
                let first = last != Some(at.set_index);
                last = Some(at.set_index);
                // A chain without rules does nothing for anybody.
                if first && at.set.kind == Kind::Chain && !fates.is_reached(at.set_index) {
                    out.push(finding(input, fates, &at));
                }
            }
            if let Some((exhausted, _)) = &fates.stopped {
                return Err(*exhausted);
            }
        }
        Ok(())
    }
}

fn finding(input: &Input, fates: &Fates, at: &RuleAt<'_>) -> Diagnostic {
    let leads = |other: &RuleAt<'_>| {
        other.rule.outcome.target().is_some_and(|target| target as usize == at.set_index)
    };
    let callers: Vec<RuleAt<'_>> = RuleAt::all(input).filter(leads).collect();
    let name = &at.set.name;
    if callers.is_empty() {
        let mut finding = at
            .finding(&META, format!("no rule leads to chain `{name}`"))
            .with_help("lead packets to it, or remove it");
        // Who wrote it may load more rules beside.
        finding.level = META.level.lowered();
        return finding;
    }
    let mut finding = at
        .finding(&META, format!("no packet comes to chain `{name}`: none comes to the rules that lead there"))
        .with_help("put the rules that lead there in front of those that take their packets, or remove both");
    for caller in callers.iter().take(SHOWN) {
        let why = match fates.rule(caller.set_index, caller.index) {
            Some(RuleFate::Covered(_)) if fates.is_reached(caller.set_index) => {
                "no packet comes to this rule"
            }
            _ => "this chain is not reached either",
        };
        let origin = caller.rule.origin;
        finding = finding.with_label(Label::new(origin.source, origin.span).with_message(why));
    }
    finding
}
