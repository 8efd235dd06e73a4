//! Rules that can be one.

use super::merge::{Merge, merges};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt, fix};
use crate::diagnostic::{Label, Level};
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct MergeableRules;

static META: Meta = Meta {
    name: "mergeable-rules",
    summary: "two rules do the same and ask for the same but in one field, where one range or prefix holds both",
    level: Level::Note,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/mergeable-rules.md"),
};

impl Check for MergeableRules {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for input in cx.inputs {
            for (set_index, set) in input.reading.document.rule_sets.iter().enumerate() {
                if !set.kind.is_written() {
                    continue;
                }
                for Merge { first, second, condition } in merges(set) {
                    let Some(at) = RuleAt::of(input, set_index, second) else { continue };
                    let Some(kept) = set.rules.get(first) else { continue };
                    // What else they say may not be among what rules are known to do.
                    let Some(apart) = fix::apart(cx, &kept, &at.rule) else { continue };
                    let message = format!("rules `{}` and `{}` can be one", kept.name, at.rule.name);
                    let label =
                        Label::new(kept.origin.source, kept.origin.span).with_message("with this one");
                    let mut finding = at.finding(&META, message).with_label(label);
                    finding.suggestions = fix::merged(cx, &at, &kept, &condition, &apart);
                    if finding.suggestions.is_empty() {
                        finding = finding.with_help("ask for both in one rule");
                    }
                    out.push(finding);
                }
            }
        }
        Ok(())
    }
}
