//! Rule sets that a change attaches elsewhere, or nowhere.

use super::change::{about_set, first_rule};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct AttachedElsewhere;

static META: Meta = Meta {
    name: "attached-elsewhere",
    summary: "a change attaches rules to another hook, interface or direction, or takes them off",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Change,
    page: include_str!("../../docs/checks/attached-elsewhere.md"),
};

/// Places named in one finding.
const NAMED: usize = 3;

impl Check for AttachedElsewhere {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for change in cx.changes() {
            let document = &change.new.reading.document;
            for moved in &change.comparison.moved {
                let at = document.rule_sets.iter().position(|set| set.name == moved.rule_set);
                let Some((at, set)) = at.and_then(|at| Some((at, document.rule_sets.get(at)?))) else {
                    continue;
                };
                let Some(rule) = first_rule(document, at) else { continue };
                let nowhere = moved.to.is_empty() && document.places(&set.name).next().is_none();
                let said = [("now", &moved.to), ("no longer", &moved.from)];
                let places: Vec<String> =
                    said.into_iter().filter_map(|(word, list)| say(word, list)).collect();
                let lead = if nowhere { "nowhere any more, " } else { "" };
                let message = format!("`{}` is attached {lead}{}", set.name, places.join(", "));
                let mut finding = about_set(&META, set, &rule, "of these rules", message);
                if nowhere {
                    finding.level = Level::Error;
                }
                out.push(finding.with_help("where that is meant, allow it with a reason"));
            }
        }
        Ok(())
    }
}

/// The first of some places, in words; none of none.
fn say(word: &str, places: &[Box<str>]) -> Option<String> {
    let named: Vec<String> = places.iter().take(NAMED).map(|place| format!("`{place}`")).collect();
    let more = places.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("{word} at {}{more}", named.join(", ")))
}
