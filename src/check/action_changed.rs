//! Rules that do something else with their packets since a change, besides the verdict.

use super::change::{about_set, label};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::flowspec::actions::describe;
use crate::guard::Exhausted;
use crate::ir::Action;

/// The check.
#[derive(Debug)]
pub(super) struct ActionChanged;

static META: Meta = Meta {
    name: "action-changed",
    summary: "a change gives a rule another rate, mark, address or way than the verdict shows",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/action-changed.md"),
};

impl Check for ActionChanged {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for change in cx.changes() {
            for pair in &change.comparison.pairs {
                let sets = [(&change.comparison.old, pair.old), (&change.comparison.new, pair.new)];
                let [Some(old), Some(new)] = sets.map(|(document, index)| document.rule_sets.get(index))
                else {
                    continue;
                };
                for acts in pair.acts.iter().filter(|acts| acts.matters()) {
                    let was = acts.old_rule.and_then(|index| old.rules.get(index as usize));
                    let is = acts.new_rule.and_then(|index| new.rules.get(index as usize));
                    let Some(at) = is.or(was) else { continue };
                    let (before, after) = (in_words(&acts.before), in_words(&acts.after));
                    let message = match (was, is) {
                        (Some(_), None) => format!("the rule `{}` is gone, which did {before}", at.name),
                        (None, Some(_)) => format!("the rule `{}` is new, and does {after}", at.name),
                        _ if acts.is_moved() => {
                            format!(
                                "rule `{}`, which does {after}, stands elsewhere among the others",
                                at.name
                            )
                        }
                        _ => format!("rule `{}` does {after} now, and did {before}", at.name),
                    };
                    let words = if is.is_some() { "now" } else { "before" };
                    let mut finding = about_set(&META, new, &at, words, message);
                    finding.rule = is.map(|rule| rule.name.to_owned());
                    if let (Some(was), Some(_)) = (was, is) {
                        finding = finding.with_label(label(&was, "before"));
                    }
                    out.push(finding.with_help("where that is meant, allow it with a reason"));
                }
            }
        }
        Ok(())
    }
}

/// Actions in words.
fn in_words(actions: &[Action]) -> String {
    match actions {
        [] => "nothing besides".to_owned(),
        list => list.iter().map(|action| format!("`{}`", describe(action))).collect::<Vec<_>>().join(", "),
    }
}
