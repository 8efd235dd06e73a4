//! Flow rules whose order of evaluation is not the order they were written in, where that decides about packets.

use super::covered::contrast;
use super::prove::{plain, witness};
use super::{Check, Confidence, Context, Findings, Input, Meta, Needs, RuleAt};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::eval::holds;
use crate::field::Headers;
use crate::guard::Exhausted;
use crate::ir::{Kind, Outcome, Rule, RuleSet};
use crate::source::{Content, SourceId};
use crate::symbolic::{Overlaps, Shared};

/// The check.
#[derive(Debug)]
pub(super) struct FlowspecRuleOrder;

static META: Meta = Meta {
    name: "flowspec-rule-order",
    summary: "a flow rule written first loses packets to one written behind it, which RFC 8955 section 5.1 puts in front",
    level: Level::Note,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/flowspec-rule-order.md"),
};

/// Rules in front that are named.
const NAMED: usize = 3;

impl Check for FlowspecRuleOrder {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for input in cx.inputs {
            // What a capture holds stands in the order it arrived in, which nobody wrote.
            let source = cx.sources.get(input.source);
            if !matches!(source.content(), Content::Text(_)) {
                continue;
            }
            for (index, set) in input.reading.document.rule_sets.iter().enumerate() {
                if let (Kind::FlowRoutes, Some(order)) = (set.kind, Order::of(set)) {
                    order.judge(input, index, out)?;
                }
            }
        }
        Ok(())
    }
}

/// The rules of a rule set, which stand as they are evaluated, and where each was written.
struct Order<'a> {
    set: &'a RuleSet,
    // Source and place in it.
    written: Vec<(SourceId, u32)>,
}

impl<'a> Order<'a> {
    /// None where both orders are one, or all rules do the same: then nothing depends on it.
    fn of(set: &'a RuleSet) -> Option<Self> {
        let written = set.rules.iter().map(|rule| (rule.origin.source, rule.origin.span.start));
        let order = Self { set, written: written.collect() };
        if order.written.is_sorted() {
            return None;
        }
        let mut deciding = set.rules.iter().filter(|rule| decides(rule.outcome));
        let first = deciding.next()?;
        (!deciding.all(|rule| rule.does_as(&first))).then_some(order)
    }

    fn rule(&self, rule: u32) -> Option<Rule<'a>> {
        self.set.rules.get(rule as usize).filter(|rule| decides(rule.outcome))
    }

    /// Whether one was written before another, in one source.
    fn is_before(&self, one: u32, other: u32) -> bool {
        match (self.written.get(one as usize), self.written.get(other as usize)) {
            (Some(one), Some(other)) => one.0 == other.0 && one.1 < other.1,
            _ => false,
        }
    }

    fn judge(&self, input: &Input, index: usize, out: &mut Findings) -> Result<(), Exhausted> {
        let mut overlaps = Overlaps::new(self.set, holds);
        for number in (0_u32..).take(self.set.rules.len()) {
            let Some(own) = self.rule(number) else { continue };
            let passed = |other: u32| {
                other < number
                    && self.is_before(number, other)
                    && self.rule(other).is_some_and(|other| !other.does_as(&own))
            };
            let mut taken: Vec<(Rule<'a>, Headers)> = Vec::new();
            let mut open = None;
            for other in overlaps.near(number, &passed)? {
                let Some(in_front) = self.rule(other) else { continue };
                // Packets whose first rule is this one as written, and the other as evaluated.
                let earlier = |third: u32| {
                    self.rule(third).is_some() && (third < other || self.is_before(third, number))
                };
                match overlaps.packet(other, number, &earlier)? {
                    Shared::None => {}
                    Shared::Packet(packet) => {
                        let keeps = |packet: &Headers| overlaps.is_free(packet, &earlier);
                        let packet = plain(&[in_front.condition, own.condition], &packet, &keeps);
                        taken.push((in_front, packet));
                    }
                    Shared::Unknown => {
                        open = Some("what is not modelled decides whether the order counts".to_owned());
                    }
                    Shared::Spent(exhausted) => open = Some(exhausted.to_string()),
                }
            }
            let Some(at) = RuleAt::of(input, index, number as usize) else { continue };
            if let Some(finding) = finding(&at, &taken) {
                out.push(finding);
            } else if let Some(reason) = open {
                out.no_answer(&META, &at, reason);
            }
        }
        Ok(())
    }
}

fn decides(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Verdict(_))
}

fn finding(at: &RuleAt<'_>, taken: &[(Rule<'_>, Headers)]) -> Option<Diagnostic> {
    let (first, packet) = taken.first()?;
    let own = at.rule.name;
    let more = match taken.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let message = format!("packets of rule `{own}` go to `{}`{more}, written behind it", first.name);
    let mut finding = at.finding(&META, message);
    for (rule, _) in taken.iter().take(NAMED) {
        let label = Label::new(rule.origin.source, rule.origin.span);
        finding = finding.with_label(label.with_message("evaluated before it"));
    }
    if let Some(note) = contrast(first, &at.rule) {
        finding = finding.with_note(note);
    }
    finding.witness = witness(packet, &at.input.reading.document.symbols);
    Some(finding.with_help(
        "write them in the order of RFC 8955 section 5.1, or make the rule more specific than the other",
    ))
}
