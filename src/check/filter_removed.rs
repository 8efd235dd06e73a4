//! Filters that a change takes away.

use super::change::{about_set, first_rule};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::field::Family;
use crate::guard::Exhausted;
use crate::ir::{Condition, Document, Kind, Outcome, Rule};

/// The check.
#[derive(Debug)]
pub(super) struct FilterRemoved;

static META: Meta = Meta {
    name: "filter-removed",
    summary: "a change takes a filter away, or all that it drops",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/filter-removed.md"),
};

impl Check for FilterRemoved {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for versions in cx.versions() {
            let (Some(old), None) = (versions.old, versions.new) else { continue };
            let document = &old.reading.document;
            for entry in document.entries().into_iter().filter(|entry| drops(document, *entry, Family::Any)) {
                let file = cx.sources.get(old.source).name();
                say(document, entry, |filter| format!("{filter} is gone with `{file}`"), out);
            }
        }
        for change in cx.changes() {
            let (old, new) = (&change.comparison.old, &change.comparison.new);
            for entry in change.comparison.removed.iter().filter(|entry| drops(old, **entry, Family::Any)) {
                say(old, *entry, |filter| format!("{filter} is gone"), out);
            }
            for pair in &change.comparison.pairs {
                if drops(old, pair.old, Family::Any) && !drops(new, pair.new, Family::Any) {
                    say(old, pair.old, |filter| format!("{filter} is there and drops nothing any more"), out);
                    continue;
                }
                let gone = pair.found.iter().flat_map(|found| &found.gone);
                for family in gone.filter(|family| drops(old, pair.old, **family)) {
                    let said =
                        |filter: String| format!("{} packets no longer come to {filter}", family.name());
                    say(old, pair.old, said, out);
                }
            }
        }
        Ok(())
    }
}

fn say(document: &Document, entry: usize, what: impl Fn(String) -> String, out: &mut Findings) {
    let Some(set) = document.rule_sets.get(entry) else { return };
    let Some(rule) = first_rule(document, entry) else { return };
    let message = what(format!("the filter `{}`", set.name));
    let mut finding = about_set(&META, set, &rule, "as it was", message);
    if set.kind == Kind::FlowRoutes {
        // Routes against an attack go when it ends.
        finding.level = META.level.lowered();
    }
    out.push(finding.with_help("where nothing is meant to be filtered any more, allow it with a reason"));
}

/// Whether something that packets of a family come to from an entry drops.
pub(super) fn drops(document: &Document, entry: usize, family: Family) -> bool {
    let drops = |outcome: Outcome| match outcome {
        Outcome::Verdict(verdict) | Outcome::Next { held: Some(verdict) } => verdict.is_drop(),
        _ => false,
    };
    let takes = |condition: &Condition| {
        family == Family::Any || condition.clone().of_packets(family) != Condition::False
    };
    let reached = document.reached(entry).into_iter().filter_map(|index| document.rule_sets.get(index));
    reached.filter(|set| family == Family::Any || set.family.takes(family)).any(|set| {
        let dropped = |rule: Rule<'_>| drops(rule.outcome) && takes(rule.condition);
        set.default.is_drop() || (set.rules.outcomes().any(drops) && set.rules.iter().any(dropped))
    })
}
