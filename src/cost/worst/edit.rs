//! The edits of given rules that make them dearest: a bound moved by one, a component that asks for something else, a
//! component more.

use super::Question;
use super::candidate::{self, Candidate, Part};
use crate::cost::price::{RuleRef, table_of};
use crate::dialect::flowspec::{Body, ComponentType, FlowSpec, Operand, decode_value};
use crate::field::Family;
use crate::guard::{Exhausted, Meter};
use crate::ir::{Condition, Document, Kind, Rule, ValueSetRef};
use crate::source::Span;
use std::cmp::Reverse;

/// One edit of one rule, and what it makes of the price.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The rule.
    pub at: RuleRef,
    /// What is edited.
    pub kind: EditKind,
    /// The component or field.
    pub component: ComponentType,
    /// What it asks for then, in words.
    pub words: String,
    /// What the rule takes as it is.
    pub before: u64,
    /// What it takes after the edit.
    pub used: u64,
}

/// The kinds of edits, the smallest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EditKind {
    /// A bound moved by one.
    Bound,
    /// A component asks for something else.
    Replaced,
    /// A component more.
    Added,
}

impl EditKind {
    /// The words users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bound => "bound moved by one",
            Self::Replaced => "component replaced",
            Self::Added => "component added",
        }
    }
}

/// Edits kept of each kind.
const KEPT: usize = 100;

const EDITED: [ComponentType; 8] = {
    use ComponentType as C;
    [
        C::Protocol,
        C::DestinationPort,
        C::SourcePort,
        C::IcmpType,
        C::IcmpCode,
        C::PacketLength,
        C::Dscp,
        C::FlowLabel,
    ]
};

/// The dearest edits, dearest first, those that change least in front of others; and why the search ended early, where it
/// did. A step of `meter` a rule that is priced.
pub fn edits(
    question: Question<'_>,
    documents: &[&Document],
    meter: &mut Meter,
) -> (Vec<Edit>, Option<Exhausted>) {
    let mut search = Search { question, worst: Vec::new(), found: Vec::new() };
    let stopped = search.run(documents, meter).err();
    search.keep();
    (search.found, stopped)
}

struct Search<'q> {
    question: Question<'q>,
    // The dearest form of each component alone.
    worst: Vec<(ComponentType, Part)>,
    found: Vec<Edit>,
}

impl Search<'_> {
    fn run(&mut self, documents: &[&Document], meter: &mut Meter) -> Result<(), Exhausted> {
        let question = self.question;
        let Some(alone) = Candidate::new(&question) else { return Ok(()) };
        for kind in EDITED {
            if kind.is_defined_for(question.family)
                && candidate::can_say(&question, kind)
                && let Some((_, part)) = candidate::best_part(&question, &alone, kind, meter)?
            {
                self.worst.push((kind, part));
            }
        }
        for (document, number) in documents.iter().zip(0_u32..) {
            for (set, rule_set) in document.rule_sets.iter().zip(0_u32..) {
                let is_flow = set.kind == Kind::FlowRoutes;
                let family = set.family == question.family || set.family == Family::Any;
                if !family || !set.kind.is_written() || is_flow != candidate::as_flow(&question) {
                    continue;
                }
                let table = table_of(set);
                let mut spec = FlowSpec::new(question.family);
                for (rule, index) in set.rules.iter().zip(0_u32..) {
                    let at = RuleRef { document: number, rule_set, rule: index };
                    if !is_flow {
                        self.of_condition(at, &rule, meter)?;
                    } else if rule
                        .nlri
                        .is_some_and(|octets| decode_value(table, octets, 0, &mut spec).is_ok())
                    {
                        self.of_flow(at, &spec, meter)?;
                    }
                    if self.found.len() > 10 * KEPT {
                        self.keep();
                    }
                }
            }
        }
        Ok(())
    }

    /// Drops what nobody will see.
    fn keep(&mut self) {
        self.found.sort_by_key(|edit| (Reverse(edit.used), edit.kind, edit.at));
        let mut left = [KEPT; 3];
        self.found.retain(|edit| {
            let Some(left) = left.get_mut(edit.kind as usize) else { return false };
            let keep = *left > 0;
            *left = left.saturating_sub(1);
            keep
        });
    }

    fn push(&mut self, edit: Edit) {
        if edit.used > edit.before {
            self.found.push(edit);
        }
    }

    fn of_flow(&mut self, at: RuleRef, spec: &FlowSpec, meter: &mut Meter) -> Result<(), Exhausted> {
        let question = self.question;
        let Some(before) = candidate::flow_used(&question, spec, meter)? else { return Ok(()) };
        for component in spec.components().iter().filter(|c| !c.kind.is_bitmask()) {
            let max = component.kind.max(spec.family);
            let operands = spec.operands(component);
            for (index, operand) in operands.iter().enumerate() {
                for moved in
                    [operand.value.checked_sub(1), operand.value.checked_add(1).filter(|v| *v <= max)]
                {
                    let Some(value) = moved else { continue };
                    let mut list = operands.to_vec();
                    let Some(place) = list.get_mut(index) else { continue };
                    *place = Operand::new(operand.op, value, Span::default());
                    let edited = with(spec, component.kind, &list);
                    if let Some(used) = candidate::flow_used(&question, &edited, meter)? {
                        let words = format!("{value} in place of {}", operand.value);
                        self.push(Edit {
                            at,
                            kind: EditKind::Bound,
                            component: component.kind,
                            words,
                            before,
                            used,
                        });
                    }
                }
            }
        }
        for (component, part) in self.worst.clone() {
            if spec.component(component).is_none() && is_icmp(component) {
                continue;
            }
            let edited = with(spec, component, &part.operands());
            if let Some(used) = candidate::flow_used(&question, &edited, meter)? {
                let kind =
                    if spec.component(component).is_some() { EditKind::Replaced } else { EditKind::Added };
                self.push(Edit { at, kind, component, words: part.describe(component), before, used });
            }
        }
        Ok(())
    }

    fn of_condition(&mut self, at: RuleRef, rule: &Rule<'_>, meter: &mut Meter) -> Result<(), Exhausted> {
        let question = self.question;
        let Some(before) = candidate::condition_used(&question, rule.condition.clone(), meter)? else {
            return Ok(());
        };
        let parts: Vec<&Condition> = match rule.condition {
            Condition::And(parts) => parts.iter().collect(),
            Condition::True => Vec::new(),
            other => vec![other],
        };
        for (component, part) in self.worst.clone() {
            let Part::Ranges(ranges) = &part else { continue };
            let Some(field) = candidate::field_of(component, question.family) else { continue };
            let of_field =
                |part: &&&Condition| matches!(part, Condition::Test(test) if test.field() == field);
            let others = || parts.iter().filter(|part| !of_field(part)).map(|part| (*part).clone());
            let here = parts.iter().find(of_field);
            if let Some(Condition::Test(test)) = here
                && let ValueSetRef::Ranges(set) = test.values()
            {
                let held: Vec<(u64, u64)> = set.ranges().map(|(lo, hi)| (lo.into(), hi.into())).collect();
                for (index, (lo, hi)) in held.iter().enumerate() {
                    let max = component.max(question.family);
                    let moves = [
                        (lo.checked_sub(1), Some(*hi)),
                        (Some(lo + 1), Some(*hi)),
                        (Some(*lo), hi.checked_sub(1)),
                        (Some(*lo), Some(hi + 1).filter(|hi| *hi <= max)),
                    ];
                    for (lo, hi) in moves {
                        let (Some(lo), Some(hi)) = (lo, hi) else { continue };
                        let mut list = held.clone();
                        if lo > hi || list.get_mut(index).map(|range| *range = (lo, hi)).is_none() {
                            continue;
                        }
                        let edited = Condition::and(others().chain([candidate::test_of(field, &list)]));
                        if let Some(used) = candidate::condition_used(&question, edited, meter)? {
                            let words = Part::Ranges(vec![(lo, hi)]).describe(component);
                            self.push(Edit { at, kind: EditKind::Bound, component, words, before, used });
                        }
                    }
                }
            }
            if here.is_none() && is_icmp(component) {
                continue;
            }
            let kind = if here.is_some() { EditKind::Replaced } else { EditKind::Added };
            let edited = Condition::and(others().chain([candidate::test_of(field, ranges)]));
            if let Some(used) = candidate::condition_used(&question, edited, meter)? {
                self.push(Edit { at, kind, component, words: part.describe(component), before, used });
            }
        }
        Ok(())
    }
}

/// Nothing that asks for ports or another protocol becomes a rule about ICMP by one component more.
fn is_icmp(kind: ComponentType) -> bool {
    matches!(kind, ComponentType::IcmpType | ComponentType::IcmpCode)
}

/// A specification with another list of operands for a component.
fn with(spec: &FlowSpec, kind: ComponentType, operands: &[Operand]) -> FlowSpec {
    let mut next = FlowSpec::new(spec.family);
    next.distinguisher = spec.distinguisher;
    for component in spec.components().iter().filter(|component| component.kind != kind) {
        match component.body {
            Body::Operands { .. } => {
                let operands = spec.operands(component).iter().copied();
                next.push_operands(component.kind, operands, Span::default());
            }
            body => next.push_prefix(component.kind, body, Span::default()),
        }
    }
    next.push_operands(kind, operands.iter().copied(), Span::default());
    next
}
