//! Rules that drop every packet: an empty match, or one that leaves nothing out.

use super::prove::{Meets, Prover};
use super::{Check, Confidence, Context, Drops, Findings, Meta, Needs, RuleAt, prove};
use crate::diagnostic::Level;
use crate::field::{Family, Headers};
use crate::guard::Exhausted;
use crate::ir::{Condition, Kind};

/// The check.
#[derive(Debug)]
pub(super) struct MatchEverythingDrop;

static META: Meta = Meta {
    name: "match-everything-drop",
    summary: "a rule drops every packet",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/match-everything-drop.md"),
};

impl Check for MatchEverythingDrop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        // A chain drops what its callers send there: what it matches is not every packet.
        let rules = cx.rules().filter(|at| at.set.kind != Kind::Chain && !is_last_term(at));
        let drops = rules.filter(|at| at.drops(cx.settings) != Drops::No);
        Prover::each(&META, drops, out, |prover, at, out| judge(cx, prover, at, out))
    }
}

/// An ordered filter usually ends in a term that drops the rest; that is how it is meant.
fn is_last_term(at: &RuleAt<'_>) -> bool {
    at.set.kind == Kind::Filter && at.index + 1 == at.set.rules.len()
}

fn judge(
    cx: &Context<'_>,
    prover: &mut Prover,
    at: &RuleAt<'_>,
    out: &mut Findings,
) -> Result<(), Exhausted> {
    let condition = at.rule.condition;
    let (rest, view) = (Condition::not(condition.clone()), cx.settings.view());
    match prover.meets(at.set.family, &[&rest, &view])? {
        Meets::Packet(_) => {}
        Meets::Unknown(reason) => {
            // Some packet may be left out, or none: only then is it open whether everything is dropped.
            if !leaves_out_some(prover, at.set.family, condition, &view)? {
                out.no_answer(&META, at, reason);
            }
        }
        Meets::Never => {
            let empty = condition.tests().is_empty();
            let message = if empty {
                format!("rule `{}` has no match condition and drops every packet", at.rule.name)
            } else {
                format!("rule `{}` matches every packet and drops it", at.rule.name)
            };
            let finding = at.drop_finding(&META, cx.settings, message).map(|finding| {
                let help = match at.set.kind {
                    Kind::FlowRoutes => "say which packets are meant: a destination prefix at least",
                    Kind::Filter | Kind::Chain | Kind::Hook => {
                        "say which packets are meant, or move the rule to the end of the filter"
                    }
                };
                finding.with_help(help)
            });
            if let Meets::Packet(headers) = prover.meets(at.set.family, &[condition, &view])? {
                let headers: &Headers = &headers;
                prove::show(out, at, finding, &[condition, &view], headers);
            } else if let Some(finding) = finding {
                out.push(finding);
            }
        }
    }
    Ok(())
}

/// Whether the condition surely leaves a packet out, whatever is not modelled comes to: whether the most that it
/// may match is less than everything.
fn leaves_out_some(
    prover: &mut Prover,
    family: Family,
    condition: &Condition,
    view: &Condition,
) -> Result<bool, Exhausted> {
    let least = Condition::not(widest(condition, true));
    Ok(prover.meets(family, &[&least, view])? != Meets::Never)
}

/// The condition with everything that is not modelled at its upper bound, or at its lower one.
fn widest(condition: &Condition, up: bool) -> Condition {
    match condition {
        Condition::Opaque(opaque) => widest(if up { &opaque.over } else { &opaque.under }, up),
        Condition::And(parts) => Condition::and(parts.iter().map(|part| widest(part, up))),
        Condition::Or(parts) => Condition::or(parts.iter().map(|part| widest(part, up))),
        Condition::Not(part) => Condition::not(widest(part, !up)),
        Condition::True | Condition::False | Condition::Test(_) => condition.clone(),
    }
}
