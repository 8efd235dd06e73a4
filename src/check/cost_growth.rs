//! Costs that grow faster than the rules.
//!
//! A quarter of the rules, half of them and all are priced. What costs more as a whole than its halves together will cost
//! more than double when the rules double.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::cost::{self, GROWTH_RULES, Model};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct CostGrowth;

static META: Meta = Meta {
    name: "cost-growth",
    summary: "what the rules cost a platform grows faster than the rules",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Cost,
    page: include_str!("../../docs/checks/cost-growth.md"),
};

impl Check for CostGrowth {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for (input, price) in cx.prices() {
            // Models that sum over rules cannot grow faster than them.
            if (price.rules.len() as u64) < GROWTH_RULES || !price.platform().is_superadditive() {
                continue;
            }
            for growth in cost::growth(&[&input.reading.document], price) {
                let (true, Some([quarter, half, whole])) = (growth.is_superlinear(), growth.values()) else {
                    continue;
                };
                let (name, resource) = (price.device.name(), &growth.resource.name);
                let message = format!(
                    "a quarter of the rules takes {quarter} `{resource}` of `{name}`, half of them {half}, all {whole}: \
                     they cost more than twice when they double"
                );
                let first = input.reading.document.rule_sets.iter().find_map(|set| set.rules.get(0));
                let label = match first {
                    Some(rule) => Label::new(rule.origin.source, rule.origin.span),
                    None => continue,
                };
                let finding = Diagnostic::new(META.name, META.level, message, label);
                out.push(finding.with_help(match growth.resource.model {
                    Model::Built { .. } => {
                        "give rules the same values of a field where that can be, or lists of their own: what tells them \
                         apart is kept for all rules of a list"
                    }
                    _ => {
                        "give rules the same ranges of ports, so that they share registers, or single values and prefixes"
                    }
                }));
            }
        }
        Ok(())
    }
}
