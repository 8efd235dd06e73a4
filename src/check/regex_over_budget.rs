//! Regular expressions whose search of the longest subject takes more steps than the budget.

use super::patterns::{Answer, power, steps};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Level;
use crate::guard::Exhausted;
use crate::regex::{Analysis, Growth};

/// The check.
#[derive(Debug)]
pub(super) struct RegexOverBudget;

static META: Meta = Meta {
    name: "regex-over-budget",
    summary: "a search of the longest subject takes more steps than the budget",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/regex-over-budget.md"),
};

impl Check for RegexOverBudget {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        let budget = cx.settings.patterns.step_budget;
        for answer in cx.patterns() {
            let Some(analysis) = answer.known() else { continue };
            if let Some(octets) = analysis.octets_for(float(budget), answer.subject) {
                out.push(finding(cx, answer, analysis, octets));
            }
        }
        Ok(())
    }
}

fn finding(cx: &Context<'_>, answer: &Answer<'_>, analysis: &Analysis, octets: u64) -> Diagnostic {
    let budget = cx.settings.patterns.step_budget;
    let grow = match analysis.growth {
        Growth::Power(1) => "in line with its length".to_owned(),
        Growth::Power(grown) if analysis.counted.is_some() => {
            format!("with {} of its length up to the counts in the pattern", power(grown))
        }
        Growth::Power(grown) => format!("with {} of its length", power(grown)),
        Growth::Exponential(factor) => format!("by a factor of {factor:.1} each round"),
    };
    let (subject, worst) = (answer.subject, steps(analysis.worst_steps(answer.subject)));
    let message = format!(
        "a search of {subject} octets can take about {worst} steps, growing {grow}: the budget is {budget}"
    );
    let mut finding = answer.shown(cx, &META, analysis, message);
    finding.notes.push(format!("the budget is spent at a subject of about {octets} octets"));
    finding.with_help("mend the pattern, or say the longest subject and the budget in `flowgate.toml`")
}

#[expect(clippy::cast_precision_loss, reason = "a budget is a round number")]
fn float(number: u64) -> f64 {
    number as f64
}
