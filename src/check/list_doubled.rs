//! Rule sets and lists that are twice as long as before a change.
//!
//! A generator that reads its input twice writes everything twice, and its consumer has a limit.

use super::change::{SetPair, about_set, label, list_sizes};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::ir::RuleSet;
use std::collections::HashSet;
use std::hash::BuildHasher;

/// The check.
#[derive(Debug)]
pub(super) struct ListDoubled;

static META: Meta = Meta {
    name: "list-doubled",
    summary: "a change makes a rule set or a list of values twice as long or longer",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/list-doubled.md"),
};

/// Shorter lists double every day.
const FEW: usize = 8;

impl Check for ListDoubled {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for change in cx.changes() {
            for pair in &change.rule_sets {
                let SetPair { old, new, alignment, .. } = pair;
                let (before, after) = (old.rules.len(), new.rules.len());
                if let Some(rule) = new.rules.get(0)
                    && before >= FEW
                    && after >= 2 * before
                {
                    let again = match repeated(new).saturating_sub(repeated(old)) {
                        0 => String::new(),
                        again => format!(", and {again} of them say again what another says"),
                    };
                    let message = format!("the rule set goes from {before} to {after} rules{again}");
                    let finding = about_set(&META, new, &rule, "in this rule set", message);
                    out.push(finding.with_help("look whether the generator met its input twice"));
                }
                for (_, was, at) in pair.rules(&alignment.edited) {
                    let then = list_sizes(was.condition);
                    for (field, to) in list_sizes(at.rule.condition) {
                        let from = then.iter().find(|(of, _)| *of == field).map_or(0, |(_, from)| *from);
                        if from >= FEW && to >= 2 * from {
                            let name = field.name();
                            let message = format!(
                                "the list of {name} in rule `{}` goes from {from} to {to} entries",
                                at.rule.name
                            );
                            out.push(at.finding(&META, message).with_label(label(&was, "as it was")));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// How many rules of a rule set say what one before them says.
fn repeated(set: &RuleSet) -> usize {
    let state = foldhash::fast::FixedState::default();
    let mut seen = HashSet::new();
    let mut again = 0;
    for rule in &set.rules {
        let key = state.hash_one((rule.condition.digest(&state), rule.outcome));
        again += usize::from(!seen.insert(key));
    }
    again
}
