//! Filters that a change takes away.

use super::change::{about_set, first_rule};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::ir::{Document, Kind, Outcome};

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
            for entry in document.entries().into_iter().filter(|entry| drops(document, *entry)) {
                let file = cx.sources.get(old.source).name();
                say(document, entry, &format!("gone with `{file}`"), out);
            }
        }
        for change in cx.changes() {
            let (old, new) = (&change.comparison.old, &change.comparison.new);
            for entry in change.comparison.removed.iter().filter(|entry| drops(old, **entry)) {
                say(old, *entry, "gone", out);
            }
            for pair in &change.comparison.pairs {
                if drops(old, pair.old) && !drops(new, pair.new) {
                    say(old, pair.old, "there and drops nothing any more", out);
                }
            }
        }
        Ok(())
    }
}

fn say(document: &Document, entry: usize, what: &str, out: &mut Findings) {
    let Some(set) = document.rule_sets.get(entry) else { return };
    let Some(rule) = first_rule(document, entry) else { return };
    let message = format!("the filter `{}` is {what}", set.name);
    let mut finding = about_set(&META, set, &rule, "as it was", message);
    if set.kind == Kind::FlowRoutes {
        // Routes against an attack go when it ends.
        finding.level = META.level.lowered();
    }
    out.push(finding.with_help("where nothing is meant to be filtered any more, allow it with a reason"));
}

/// Whether something that packets come to from an entry drops.
fn drops(document: &Document, entry: usize) -> bool {
    document.reached(entry).into_iter().filter_map(|index| document.rule_sets.get(index)).any(|set| {
        let rules = set.rules.outcomes().any(|outcome| match outcome {
            Outcome::Verdict(verdict) | Outcome::Next { held: Some(verdict) } => verdict.is_drop(),
            _ => false,
        });
        rules || set.default.is_drop()
    })
}
