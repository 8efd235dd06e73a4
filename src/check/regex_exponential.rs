//! Regular expressions whose search takes exponentially long, and those of which nobody can say how long it takes.
//!
//! What has no answer is told here once for all checks on patterns.

use super::patterns::Answer;
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::regex::{Analysis, Growth, ParseError};

/// The check.
#[derive(Debug)]
pub(super) struct RegexExponential;

static META: Meta = Meta {
    name: "regex-exponential",
    summary: "a regular expression takes exponentially long on some subjects",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/regex-exponential.md"),
};

impl Check for RegexExponential {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for answer in cx.patterns() {
            match (&answer.tree, &answer.analysis) {
                (Ok(tree), None) if Answer::is_refused(tree, &cx.settings.patterns) => {
                    let reason =
                        "the engine refuses a pattern of this size, so nothing is asked about searches";
                    answer.no_answer(&META, out, reason);
                }
                (Err(ParseError::Wrong { .. }), _) | (Ok(_), None) => {}
                (Err(reason), _) => answer.no_answer(&META, out, unread(answer, reason)),
                (Ok(_), Some(Err(exhausted))) => answer.no_answer(&META, out, exhausted.to_string()),
                (Ok(_), Some(Ok(analysis))) => {
                    if let Growth::Exponential(factor) = analysis.growth {
                        out.push(finding(cx, answer, analysis, factor));
                    } else if analysis.bound.is_none() && !analysis.loose {
                        let reason = "the automaton has two ways round a loop, and no subject tried shows it";
                        answer.no_answer(&META, out, reason);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Why a pattern is not read, with the place in it.
fn unread(answer: &Answer<'_>, reason: &ParseError) -> String {
    match reason {
        ParseError::Unsupported { span, what } => {
            let part = answer.pattern.text.get(span.range()).unwrap_or("");
            format!("{what} (`{part}` at octet {} of the pattern) is not modelled", span.start)
        }
        ParseError::Wrong { .. } | ParseError::Exhausted(_) => reason.to_string(),
    }
}

fn finding(cx: &Context<'_>, answer: &Answer<'_>, analysis: &Analysis, factor: f64) -> Diagnostic {
    let within = if analysis.counted.is_some() { ", up to the counts in it" } else { "" };
    let message = format!("each round of a subject multiplies the steps of a search by {factor:.1}{within}");
    let help = "let no two loops, and no two alternatives of a loop, begin with the same octets; or make it possessive";
    answer.shown(cx, &META, analysis, message).with_help(help)
}
