//! Rules that cost a platform more than it holds, or more than the user's budget.
//!
//! Each input is priced by itself: one configuration is one device's. The finding stands at the rule with which
//! the limit is passed, because that is where the device begins to refuse.

use super::{Check, Confidence, Context, Findings, Inconclusive, Input, Meta, Needs};
use crate::cost::{Inexact, Level as CostLevel, Model, Price, RulePrice, RuleRef, Usage, WARN_AT};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::guard::Exhausted;
use crate::ir::{Rule, RuleSet};
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct CostOverLimit;

static META: Meta = Meta {
    name: "cost-over-limit",
    summary: "rules cost a platform more than it holds, or more than the budget",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Cost,
    page: include_str!("../../docs/checks/cost-over-limit.md"),
};

/// Rules named as the most expensive in one finding.
const NAMED: usize = 3;

impl Check for CostOverLimit {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for (input, price) in cx.prices() {
            for budget in &price.unknown_budgets {
                let reason =
                    format!("platform `{}` has no resource `{budget}` for a budget", price.device.name());
                if !out.inconclusive.iter().any(|known| known.reason == reason) {
                    out.inconclusive.push(unanswered(None, reason));
                }
            }
            report(input, price, out);
        }
        Ok(())
    }
}

fn report(input: &Input, price: &Price<'_>, out: &mut Findings) {
    for usage in &price.resources {
        // A finding of its own: `same-destination-flood`.
        if usage.resource.model != Model::SameDestination && usage.level != CostLevel::Ok {
            out.diagnostics.push(finding(input, price, usage));
        }
    }
    // What is beyond its limit for certain is judged; the rest cannot be without these rules.
    let open =
        |usage: &Usage<'_>| usage.limit.is_some() && !usage.used.exact && usage.level != CostLevel::Deny;
    if !price.resources.iter().any(open) {
        return;
    }
    for rule in &price.rules {
        let Some(inexact) = rule.inexact else { continue };
        let reason = match inexact {
            Inexact::Exhausted(exhausted) => exhausted.to_string(),
            Inexact::Opaque => "a part of the rule is not modelled, so that its entries are not known".into(),
            Inexact::NoPlace => "a part of the rule has no place in what is built".into(),
            Inexact::Action => "what the rule does beside its verdict is not modelled".into(),
            Inexact::TooLarge => "its entries do not fit into 64 bits".into(),
        };
        out.inconclusive.push(unanswered(rule_at(input, rule.at), reason));
    }
    for usage in price.resources.iter().filter(|usage| open(usage)) {
        let why = match usage.inexact {
            Some(Inexact::Exhausted(exhausted)) => exhausted.to_string(),
            Some(Inexact::Action) => "what a rule does beside its verdict is not modelled".to_owned(),
            Some(Inexact::NoPlace) => "a part of a rule has no place in what is built".to_owned(),
            // Said of the rule itself.
            Some(Inexact::Opaque | Inexact::TooLarge) | None => continue,
        };
        let (resource, name) = (&usage.resource.name, price.device.name());
        out.inconclusive
            .push(unanswered(None, format!("`{resource}` of `{name}` is known from below: {why}")));
    }
}

fn finding(input: &Input, price: &Price<'_>, usage: &Usage<'_>) -> Diagnostic {
    let name = price.device.name();
    let (resource, used) = (usage.resource, usage.used.at_least);
    let limit = usage.limit.unwrap_or(0);
    let at_least = if usage.used.exact { "" } else { "at least " };
    let whose = if usage.budget { "the budget" } else { "the platform" };
    let message = if used > limit {
        format!("the rules take {at_least}{used} `{}` of `{name}`, {whose} has {limit}", resource.name)
    } else {
        let share = usage.share().unwrap_or(0);
        format!("the rules take {used} of {limit} `{}` of `{name}`, {share} %", resource.name)
    };
    let at = usage.passed_at.or_else(|| price.rules.last().map(|rule| rule.at));
    let place = at.and_then(|at| rule_at(input, at));
    let label = match place {
        Some((_, rule)) => Label::new(rule.origin.source, rule.origin.span),
        None => Label::new(input.source, Span::default()),
    };
    let label = if used > limit { label.with_message("the limit is passed here") } else { label };
    let level = if usage.level == CostLevel::Deny { META.level } else { META.level.lowered() };
    let mut finding = Diagnostic::new(META.name, level, message, label).with_help(help(price, usage));
    if let Some((set, rule)) = place {
        finding = finding.in_rule(set.name.clone(), rule.name);
    }
    for (rule, price) in dearest(input, price, usage) {
        let words = format!("{} entries", price.entries.at_least);
        let place = Label::new(rule.origin.source, rule.origin.span);
        finding = finding.with_label(place.with_message(words));
    }
    finding.with_note(source(price, usage))
}

/// The rules with the most entries, where a few take most of a table.
fn dearest<'a>(input: &'a Input, price: &'a Price<'_>, usage: &Usage<'_>) -> Vec<(Rule<'a>, &'a RulePrice)> {
    if !matches!(usage.resource.model, Model::Entries { .. }) {
        return Vec::new();
    }
    // A tenth of the limit each, or they are not what fills it.
    let dear = usage.limit.unwrap_or(0) / 10;
    let fills = |rule: &&RulePrice| {
        let filled = |(set, _): (&RuleSet, Rule<'_>)| usage.resource.is_filled_by(set.kind, set.family);
        rule.entries.at_least > dear.max(1) && rule_at(input, rule.at).is_some_and(filled)
    };
    let mut rules: Vec<&RulePrice> = price.rules.iter().filter(fills).collect();
    rules.sort_by_key(|rule| (std::cmp::Reverse(rule.entries.at_least), rule.at));
    let dear = rules.into_iter().take(NAMED).filter(|rule| Some(rule.at) != usage.passed_at);
    dear.filter_map(|price| rule_at(input, price.at).map(|(_, rule)| (rule, price))).collect()
}

fn help(price: &Price<'_>, usage: &Usage<'_>) -> String {
    let (used, minimum) = (usage.used.at_least, usage.minimum.at_least);
    if minimum < used {
        format!(
            "give ranges that begin and end at powers of two: no prefix encoding of these rules takes fewer than {minimum}"
        )
    } else if usage.budget {
        format!("remove rules, or raise the budget of `{}`", usage.resource.name)
    } else {
        format!("remove rules, or give `{}` a budget for `{}`", price.platform().name, usage.resource.name)
    }
}

fn source(price: &Price<'_>, usage: &Usage<'_>) -> String {
    let note = &usage.resource.note;
    let source = &usage.resource.source;
    let verified = if usage.resource.verified { "" } else { ", not verified" };
    let near = match usage.share() {
        Some(share) if (WARN_AT[1]..=100).contains(&share) => format!("above {} %; ", WARN_AT[1]),
        _ => String::new(),
    };
    let says = format!("{near}{}{verified}", price.device.cites(source));
    if note.is_empty() { says } else { format!("{says}: {note}") }
}

pub(super) fn rule_at(input: &Input, at: RuleRef) -> Option<(&RuleSet, Rule<'_>)> {
    let set = input.reading.document.rule_sets.get(at.rule_set as usize)?;
    Some((set, set.rules.get(at.rule as usize)?))
}

fn unanswered(place: Option<(&RuleSet, Rule<'_>)>, reason: String) -> Inconclusive {
    Inconclusive {
        check: META.name,
        rule_set: place.map(|(set, _)| set.name.clone()),
        rule: place.map(|(_, rule)| rule.name.to_string()),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Settings, feature_not_on_platform::tests::flow_input};
    use crate::cost;
    use crate::source::SourceMap;

    // One flow rule with a range of destination ports, as often as asked, under budgets for a platform.
    fn found(platform: &str, rules: usize, budgets: &[(&str, u64)]) -> Findings {
        let sources = SourceMap::new();
        let nlri: &[u8] = &[1, 32, 192, 0, 2, 1, 3, 0x81, 6, 5, 0x13, 0, 1, 0xd5, 0xff, 0xfe];
        let inputs = [flow_input(&vec![nlri; rules])];
        let mut device = cost::by_name(platform).unwrap().clone();
        device.budgets = budgets.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        let settings = Settings { platforms: vec![device], ..Settings::default() };
        let mut out = Findings::default();
        let cx = Context::new(&sources, &inputs, &settings);
        CostOverLimit.run(&cx, &mut out).unwrap();
        out
    }

    #[test]
    fn rules_within_the_limits_pass() {
        let out = found("ncs55a2-mod-se-s", 100, &[]);
        assert!(out.diagnostics.is_empty() && out.inconclusive.is_empty(), "{out:?}");
        assert!(found("bird", 10_000, &[]).diagnostics.iter().all(|d| d.level == Level::Warning));
    }

    #[test]
    fn the_rule_that_passes_a_hard_limit_is_an_error() {
        // 30 entries each: the 137th passes 4,096.
        let out = found("ncs55a2-mod-se-s", 200, &[]);
        let [one] = out.diagnostics.as_slice() else { panic!("{out:?}") };
        assert_eq!((one.level, one.rule.as_deref()), (Level::Error, Some("r137")));
        assert!(one.message.contains("6000 `tcam-entries`"), "{}", one.message);
        assert_eq!(found("ncs55a2-mod-se-s", 120, &[]).diagnostics[0].level, Level::Warning);
    }

    #[test]
    fn a_budget_denies_below_the_limit_and_softens_above_it() {
        let out = found("ncs55a2-mod-se-s", 100, &[("tcam-entries", 2000)]);
        assert_eq!(out.diagnostics[0].level, Level::Error);
        assert!(out.diagnostics[0].message.contains("the budget has 2000"));
        let out = found("ncs55a2-mod-se-s", 200, &[("tcam-entries", 9000)]);
        assert_eq!(out.diagnostics[0].level, Level::Warning);
        let out = found("bird", 10, &[("memory-octets", 1000)]);
        assert_eq!(out.diagnostics[0].level, Level::Error);
    }

    #[test]
    fn unknown_names_are_said_and_never_passed_over() {
        assert_eq!(found("bird", 1, &[("tcam-entries", 5)]).inconclusive.len(), 1);
    }
}
