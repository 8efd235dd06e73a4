//! Regular expressions whose automaton is larger than the engine should be given.

use super::patterns::PatternEngine;
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::regex::{self, Deterministic};

/// The check.
#[derive(Debug)]
pub(super) struct RegexTooLarge;

static META: Meta = Meta {
    name: "regex-too-large",
    summary: "the automaton of a regular expression has too many states",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/regex-too-large.md"),
};

impl Check for RegexTooLarge {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        let settings = &cx.settings.patterns;
        let most = settings.max_states;
        for answer in cx.patterns() {
            let Ok(tree) = &answer.tree else { continue };
            let written = match settings.engine {
                PatternEngine::Backtracking => regex::compiled(tree),
                PatternEngine::Linear | PatternEngine::Automaton => regex::states(tree),
            };
            if written > most {
                let what = match settings.engine {
                    PatternEngine::Backtracking => format!("is at least {written} octets long when compiled"),
                    PatternEngine::Linear | PatternEngine::Automaton => format!("takes {written} states"),
                };
                let message = format!("the pattern {what}, with its counts written out, the most is {most}");
                let help = "counts inside of counts multiply: give up one of them";
                out.push(answer.finding(&META, message).with_help(help));
                continue;
            }
            if settings.engine != PatternEngine::Automaton {
                continue;
            }
            match regex::deterministic(tree, most) {
                Ok(Deterministic::States(_)) => {}
                Ok(Deterministic::MoreThan(_)) => {
                    let message =
                        format!("the deterministic automaton of the pattern has more than {most} states");
                    let help = "a count behind something that may begin anywhere doubles the states with each octet: anchor it";
                    out.push(answer.finding(&META, message).with_help(help));
                }
                Err(exhausted) => answer.no_answer(&META, out, exhausted.to_string()),
            }
        }
        Ok(())
    }
}
