//! ICMP codes that a rule compares without saying of which type: a code is a number that every type uses anew.

use super::prove::{Meets, Prover};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::{Label, Level};
use crate::field::Field;
use crate::guard::Exhausted;
use crate::ir::{Condition, ValueSet};
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct IcmpCodeWithoutType;

static META: Meta = Meta {
    name: "icmp-code-without-type",
    summary: "an ICMP code is tested in messages of every type",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/icmp-code-without-type.md"),
};

impl Check for IcmpCodeWithoutType {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        Prover::each(&META, cx.rules(), out, judge)
    }
}

/// Fields with the type in them.
const TYPES: [Field; 5] =
    [Field::IcmpType, Field::Icmp6Type, Field::RawOctet0, Field::RawPort0, Field::RawWord0];

fn judge(prover: &mut Prover, at: &RuleAt<'_>, out: &mut Findings) -> Result<(), Exhausted> {
    let condition = &at.rule.condition;
    let tests = condition.tests();
    if tests.iter().any(|test| TYPES.contains(&test.field())) {
        return Ok(());
    }
    let code = |test: &&&crate::ir::Test| {
        let code = matches!(test.field(), Field::IcmpCode | Field::Icmp6Code | Field::RawOctet1);
        // A list of every code asks for nothing.
        code && (0..=0xff).any(|value| !test.values().contains(value))
    };
    let Some(test) = tests.iter().find(code) else { return Ok(()) };
    if test.field() == Field::RawOctet1 {
        // In other protocols the octet is no code: `port-without-protocol` speaks of that.
        let other = Condition::not(Condition::test(Field::Proto, ValueSet::of([1, 58])));
        if prover.meets(at.set.family, &[condition, &other])? != Meets::Never {
            return Ok(());
        }
    }
    if prover.meets(at.set.family, &[condition])? == Meets::Never {
        return Ok(());
    }
    let message = format!("rule `{}` tests an ICMP code in messages of every type", at.rule.name);
    let help = "add the type the code belongs to: the same number is something else in each";
    let mut finding = at.finding(&META, message).with_help(help);
    if test.span() != Span::default() {
        finding.primary = Label::new(at.rule.origin.source, test.span());
    }
    out.push(finding);
    Ok(())
}
