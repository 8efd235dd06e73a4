//! Regular expressions whose search takes longer than its subject is long, by a power of its length.

use super::patterns::power;
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::regex::Growth;

/// The check.
#[derive(Debug)]
pub(super) struct RegexSuperlinear;

static META: Meta = Meta {
    name: "regex-superlinear",
    summary: "the steps of a search grow faster than its subject",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/regex-superlinear.md"),
};

impl Check for RegexSuperlinear {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for answer in cx.patterns() {
            let Some(analysis) = answer.known() else { continue };
            match analysis.growth {
                Growth::Power(grown) if grown > 1 && analysis.counted.is_none() => {
                    let message = format!("the steps of a search grow with {} of its subject", power(grown));
                    let help =
                        "anchor the pattern, let no loop begin where the one before could go on, or bound it";
                    out.push(answer.shown(cx, &META, analysis, message).with_help(help));
                }
                Growth::Power(1)
                    if analysis.bound.is_some_and(|bound| bound > 1) && analysis.counted.is_none() =>
                {
                    let bound = analysis.bound.map_or_else(String::new, power);
                    let reason =
                        format!("steps may grow with {bound} of the subject, and no subject tried shows it");
                    answer.no_answer(&META, out, reason);
                }
                Growth::Power(1) if analysis.bound.is_none() && analysis.loose => {
                    let reason = "an atomic group or a large count is taken for a plain loop, which would be exponential";
                    answer.no_answer(&META, out, reason);
                }
                Growth::Power(_) | Growth::Exponential(_) => {}
            }
        }
        Ok(())
    }
}
