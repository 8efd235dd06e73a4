//! Changes larger than a change usually is.

use super::change::{Alignment, SetPair, about_set, first_rule, label, list_sizes};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::field::{Family, Field};
use crate::guard::Exhausted;
use crate::ir::{Condition, RuleSet};
use crate::symbolic::Delta;

/// The check.
#[derive(Debug)]
pub(super) struct LargeDelta;

static META: Meta = Meta {
    name: "large-delta",
    summary: "a change turns more packets, rules or values of a list than a change usually does",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/large-delta.md"),
};

/// Lists of fewer rules or values change by halves every day.
const FEW: usize = 8;

impl Check for LargeDelta {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        let limits = cx.settings.change;
        for change in cx.changes() {
            for pair in &change.comparison.pairs {
                let Some(set) = change.comparison.new.rule_sets.get(pair.new) else { continue };
                let old = change.comparison.old.rule_sets.get(pair.old).and_then(|set| set.rules.get(0));
                let rule = first_rule(&change.comparison.new, pair.new).or(old);
                let (Ok(found), Some(rule)) = (&pair.found, rule) else { continue };
                let share = share(found);
                if share > limits.share {
                    let message = format!(
                        "the change gives {share:.3} of all packets another verdict, more than {}",
                        limits.share
                    );
                    out.push(about_set(&META, set, &rule, "in this filter", message));
                }
            }
            for pair in &change.rule_sets {
                let SetPair { old, new, alignment, .. } = pair;
                let label_of = new.rules.get(0).or(old.rules.get(0));
                if let (Some(part), Some(rule)) = (part_of_rules(alignment, old, new), label_of)
                    && part > limits.rules
                {
                    let message = format!(
                        "the change takes or adds {part:.2} of the rules there were ({} to {}), more than {}",
                        old.rules.len(),
                        new.rules.len(),
                        limits.rules
                    );
                    out.push(about_set(&META, new, &rule, "in this rule set", message));
                }
                for (_, was, at) in pair.rules(&alignment.edited) {
                    let found = longest_change(was.condition, at.rule.condition, limits.list);
                    let Some((field, from, to)) = found else { continue };
                    let message = format!(
                        "the list of {} in rule `{}` goes from {from} to {to} entries",
                        field.name(),
                        at.rule.name
                    );
                    out.push(at.finding(&META, message).with_label(label(&was, "as it was")));
                }
            }
        }
        Ok(())
    }
}

/// The part of all packets, of the family where it is larger, that meet another fate.
fn share(found: &Delta) -> f64 {
    let of = |family| {
        found.changes.iter().filter(|change| change.family == family).map(|change| change.share).sum()
    };
    f64::max(of(Family::Inet), of(Family::Inet6))
}

/// The part of the rules there were that is gone, or new.
fn part_of_rules(alignment: &Alignment, old: &RuleSet, new: &RuleSet) -> Option<f64> {
    let count = old.rules.len();
    let emptied = new.rules.is_empty() && count > 0;
    if count < FEW && !emptied {
        return None;
    }
    let moved = alignment.removed.len().max(alignment.added.len()) + alignment.edited.len();
    #[expect(clippy::cast_precision_loss, reason = "a part is for people")]
    Some(moved as f64 / count as f64)
}

/// The list of a rule that changes its length most, by more than a part: its field, and how many entries it had and has.
fn longest_change(old: &Condition, new: &Condition, part: f64) -> Option<(Field, usize, usize)> {
    let now = list_sizes(new);
    let changed = list_sizes(old).into_iter().filter_map(|(field, from)| {
        let to = now.iter().find(|(of, _)| *of == field).map(|(_, to)| *to)?;
        #[expect(clippy::cast_precision_loss, reason = "a part is for people")]
        let moved = from.abs_diff(to) as f64 / from.max(1) as f64;
        (from >= FEW && moved > part).then_some((field, from, to))
    });
    changed.max_by_key(|(_, from, to)| from.abs_diff(*to))
}
