//! Port tests that meet fragments other than the first, where the octets compared are payload.
//!
//! A rule that matches nothing else is a warning. One that also matches whole packets is worth a note, given once
//! for a rule set: nearly every filter of such a dialect has it.

use super::prove::{self, Meets, Prover};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::{Dialect, by_name};
use crate::field::{Field, Headers};
use crate::guard::Exhausted;
use crate::ir::{Condition, ValueSet};
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct PortsOnLaterFragments;

static META: Meta = Meta {
    name: "ports-on-later-fragments",
    summary: "ports are compared in fragments that have none",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/ports-on-later-fragments.md"),
};

/// The largest fragment offset.
const LAST_OFFSET: u32 = 0x1fff;

impl Check for PortsOnLaterFragments {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        let mut also: Option<Also<'_>> = None;
        let end = Prover::each(&META, cx.rules(), out, |prover, at, out| {
            if also.as_ref().is_some_and(|also| !std::ptr::eq(also.first.set, at.set))
                && let Some(done) = also.take()
            {
                done.report(out);
            }
            if let Some(headers) = judge(prover, at, out)? {
                match &mut also {
                    Some(also) => also.more += 1,
                    None => also = Some(Also { first: *at, headers, more: 0 }),
                }
            }
            Ok(())
        });
        if let Some(done) = also {
            done.report(out);
        }
        end
    }
}

/// Rules of one rule set that meet later fragments beside whole packets.
struct Also<'a> {
    first: RuleAt<'a>,
    headers: Box<Headers>,
    more: usize,
}

impl Also<'_> {
    fn report(self, out: &mut Findings) {
        let Self { first, headers, more } = self;
        let rules = match more {
            0 => format!("rule `{}` compares", first.rule.name),
            1 => format!("rule `{}` and 1 more compare", first.rule.name),
            more => format!("rule `{}` and {more} more compare", first.rule.name),
        };
        let message = format!("{rules} ports in later fragments too, where payload stands in their place");
        let mut finding = first
            .finding(&META, message)
            .with_help("add `fragment-offset 0`, or decide on fragments in a term before");
        finding.level = META.level.lowered();
        let mut finding = measured(&first, finding);
        place(&first, &mut finding);
        prove::show(out, &first, Some(finding), &[first.rule.condition, &later()], &headers);
    }
}

fn later() -> Condition {
    Condition::test(Field::FragOff, ValueSet::range(1, LAST_OFFSET))
}

fn place(at: &RuleAt<'_>, finding: &mut Diagnostic) {
    let tests = at.rule.condition.tests();
    let span = tests.iter().find(|test| is_port(test.field())).map(|test| test.span());
    if let Some(span) = span.filter(|span| *span != Span::default()) {
        finding.primary = Label::new(at.rule.origin.source, span);
    }
}

/// Says what the claim was measured on, where it was.
fn measured(at: &RuleAt<'_>, finding: Diagnostic) -> Diagnostic {
    match by_name(at.input.dialect).and_then(Dialect::measured_on) {
        Some(engine) => finding.with_note(format!("measured on {engine}, without connection tracking")),
        None => finding,
    }
}

fn is_port(field: Field) -> bool {
    matches!(field, Field::RawPort0 | Field::RawPort1)
}

/// A later fragment that matches beside whole packets; a rule that matches nothing else is reported.
fn judge(
    prover: &mut Prover,
    at: &RuleAt<'_>,
    out: &mut Findings,
) -> Result<Option<Box<Headers>>, Exhausted> {
    let condition = &at.rule.condition;
    if !condition.tests().iter().any(|test| is_port(test.field())) {
        return Ok(None);
    }
    let headers = match prover.meets(at.set.family, &[condition, &later()])? {
        Meets::Never => return Ok(None),
        Meets::Unknown(reason) => {
            out.no_answer(&META, at, reason);
            return Ok(None);
        }
        Meets::Packet(headers) => headers,
    };
    let whole = Condition::test(Field::FragOff, ValueSet::single(0));
    if prover.meets(at.set.family, &[condition, &whole])? != Meets::Never {
        return Ok(Some(headers));
    }
    let message = format!("rule `{}` compares ports in fragments that have none", at.rule.name);
    let finding = at
        .finding(&META, message)
        .with_note("only later fragments match, and the octets compared are their payload")
        .with_help("match the fragments without ports, or the ports without fragments");
    let mut finding = measured(at, finding);
    place(at, &mut finding);
    prove::show(out, at, Some(finding), &[condition, &later()], &headers);
    Ok(None)
}
