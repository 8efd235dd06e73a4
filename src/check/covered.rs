//! Rules that no packet comes to, because rules before them take all: what [`super::shadowed_rule`] and
//! [`super::redundant_rule`] say of them.

use super::{Context, Findings, Meta, RuleAt};
use crate::diagnostic::Label;
use crate::eval::holds;
use crate::guard::{Exhausted, limits};
use crate::ir::{Condition, Kind, Outcome, Rule, Verdict};
use crate::symbolic::{Cover, Fate};

/// Rules that take packets away from one and are named.
const NAMED: usize = 3;

/// Says of every rule that earlier rules of its rule set cover that it is so: by `shadowed` where one of them does
/// something else with the packets, by `redundant` where all do the same.
pub(super) fn judge(
    cx: &Context<'_>,
    shadowed: Option<&'static Meta>,
    redundant: Option<&'static Meta>,
    out: &mut Findings,
) -> Result<(), Exhausted> {
    judge_within(limits::CHECK_NODES.value, cx, shadowed, redundant, out)
}

/// The same with an allowance for the rules of each rule set together. The rule that spends it is named: it and those
/// behind it have no answer.
fn judge_within(
    allowance: u64,
    cx: &Context<'_>,
    shadowed: Option<&'static Meta>,
    redundant: Option<&'static Meta>,
    out: &mut Findings,
) -> Result<(), Exhausted> {
    let view = cx.settings.view();
    for input in cx.inputs {
        let sets = input.reading.document.rule_sets.iter().enumerate();
        for (set_index, set) in sets.filter(|(_, set)| set.kind.is_written()) {
            let mut cover = Cover::of(set, holds).allowing(allowance);
            for (index, rule) in set.rules.iter().enumerate() {
                let fate = match &view {
                    Condition::True => cover.next(rule.condition, rule.outcome),
                    view => cover.next(&Condition::and([view.clone(), rule.condition.clone()]), rule.outcome),
                };
                let at = RuleAt { input, set, set_index, rule, index };
                let fate = match fate {
                    Ok(fate) => fate,
                    Err(exhausted) => {
                        if let Some(meta) = shadowed.or(redundant) {
                            let reason = format!("{exhausted}; this rule and all behind it are not judged");
                            out.no_answer(meta, &at, reason);
                        }
                        return Ok(());
                    }
                };
                match fate {
                    // Of a rule that no packet can match another check says so.
                    Fate::Live(_) | Fate::Unmodelled => {}
                    Fate::Covered(by) if by.is_empty() => {}
                    Fate::Covered(by) => {
                        let by: Vec<Rule<'_>> =
                            by.iter().filter_map(|rule| set.rules.get(*rule as usize)).collect();
                        let differ = by.iter().any(|other| !is_same(&rule, other));
                        if let Some(meta) = if differ { shadowed } else { redundant } {
                            say(meta, &at, &by, out);
                        }
                    }
                    Fate::Spent(exhausted) => {
                        if let Some(meta) = shadowed.or(redundant) {
                            out.no_answer(meta, &at, exhausted.to_string());
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether rules do the same with a packet.
fn is_same(a: &Rule<'_>, b: &Rule<'_>) -> bool {
    a.outcome == b.outcome && a.action_given == b.action_given && a.actions == b.actions
}

fn say(meta: &'static Meta, at: &RuleAt<'_>, by: &[Rule<'_>], out: &mut Findings) {
    let rule = &at.rule;
    // One that does something else is always among those named.
    let mut named: Vec<&Rule<'_>> = by.iter().take(NAMED).collect();
    if let (Some(other), true) = (by.iter().find(|other| !is_same(rule, other)), by.len() > NAMED)
        && named.iter().all(|named| is_same(rule, named))
        && let Some(last) = named.last_mut()
    {
        *last = other;
    }
    let all = if by.len() == 1 { "takes them all" } else { "take them all" };
    let message = format!("no packet comes to rule `{}`: {} {all}", rule.name, names(&named, by.len()));
    let mut finding = at.finding(meta, message);
    for other in &named {
        let words = if by.len() == 1 { "takes all of its packets" } else { "takes some of its packets" };
        let label = Label::new(other.origin.source, other.origin.span).with_message(words);
        finding = finding.with_label(label);
    }
    if let Some(other) = named.iter().find(|other| other.outcome != rule.outcome) {
        if let (Some(what), Some(wanted)) = (does(other.outcome), does(rule.outcome)) {
            finding = finding.with_note(format!("`{}` {what} what `{}` {wanted}", other.name, rule.name));
        }
        let before = if at.set.kind == Kind::FlowRoutes {
            "make it more specific: flow routes stand in the order of RFC 8955 section 5.1"
        } else {
            "put it in front of them, or remove it"
        };
        finding = finding.with_help(before);
    } else {
        finding = finding.with_help("remove it");
    }
    out.push(finding);
}

fn names(named: &[&Rule<'_>], count: usize) -> String {
    let mut words: Vec<String> = named.iter().map(|rule| format!("`{}`", rule.name)).collect();
    if count > named.len() {
        words.push(format!("{} more", count - named.len()));
    }
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} and {last}", words.join(", ")) }
}

fn does(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Verdict(Verdict::Accept) => Some("accepts"),
        Outcome::Verdict(Verdict::Discard) => Some("discards"),
        Outcome::Verdict(Verdict::Reject(_)) => Some("rejects"),
        Outcome::Verdict(Verdict::NoDecision)
        | Outcome::Next { .. }
        | Outcome::Call(_)
        | Outcome::Goto(_)
        | Outcome::Stage(_)
        | Outcome::Return => None,
    }
}

/// Whether a check is on.
pub(super) fn is_on(cx: &Context<'_>, meta: &'static Meta) -> Option<&'static Meta> {
    (cx.settings.levels.get(meta.name) != Some(&None)).then_some(meta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Input, Settings, shadowed_rule};
    use crate::dialect::{ReadOptions, by_name};
    use crate::source::{Content, Source, SourceId, SourceMap};

    const HARD: &str = "table ip t { chain c { type filter hook forward priority 0; policy accept;
        tcp dport 22 accept
        tcp dport 22 drop
        tcp flags & syn == syn accept
        tcp flags & syn == 0 accept
        tcp flags & 0xff == 0xff drop
        udp dport 22 drop
    } }";

    fn found(allowance: u64) -> Findings {
        let source = Source::new("a", Content::Text(HARD.to_owned()));
        let dialect = by_name("nftables").unwrap();
        let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
        let inputs = [Input { source: SourceId(0), dialect: dialect.name(), reading }];
        let (sources, settings) = (SourceMap::new(), Settings::default());
        let cx = Context { sources: &sources, inputs: &inputs, settings: &settings };
        let mut out = Findings::default();
        judge_within(allowance, &cx, Some(&shadowed_rule::META), None, &mut out).unwrap();
        out
    }

    #[test]
    fn the_rule_that_spends_the_allowance_is_named_and_what_was_found_stays() {
        let all = found(limits::CHECK_NODES.value);
        assert!(all.inconclusive.is_empty() && all.diagnostics.len() == 2, "{all:?}");
        let some = found(10);
        let [open] = some.inconclusive.as_slice() else { panic!("{some:?}") };
        assert_eq!(open.rule.as_deref(), all.diagnostics[1].rule.as_deref(), "{some:?}");
        assert!(open.reason.contains("`check-nodes` of 10 nodes"), "{}", open.reason);
        assert_eq!(some.diagnostics, all.diagnostics[..1]);
    }
}
