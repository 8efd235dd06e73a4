//! Chains that no packet comes to.

use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::guard::Exhausted;
use crate::ir::Kind;
use crate::symbolic::{Fates, RuleFate};
use std::collections::BTreeMap;

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
            // Each with its first rule: a chain without rules does nothing for anybody.
            let mut chains: BTreeMap<usize, (RuleAt<'_>, Vec<RuleAt<'_>>)> = BTreeMap::new();
            for (index, set) in input.reading.document.rule_sets.iter().enumerate() {
                if set.kind == Kind::Chain && !fates.is_reached(index) {
                    chains.extend(RuleAt::of(input, index, 0).map(|first| (index, (first, Vec::new()))));
                }
            }
            if !chains.is_empty() {
                for caller in RuleAt::all(input) {
                    let target = caller.rule.outcome.target();
                    if let Some((_, callers)) = target.and_then(|target| chains.get_mut(&(target as usize))) {
                        callers.push(caller);
                    }
                }
            }
            for (first, callers) in chains.values() {
                out.push(finding(callers, fates, first));
            }
            if let Some((exhausted, _)) = &fates.stopped {
                return Err(*exhausted);
            }
        }
        Ok(())
    }
}

fn finding(callers: &[RuleAt<'_>], fates: &Fates, at: &RuleAt<'_>) -> Diagnostic {
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
