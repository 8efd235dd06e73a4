//! Length tests that accept only packets longer than the network carries.

use super::length_below_header::demanded;
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::{Label, Level};
use crate::field::Field;
use crate::guard::Exhausted;
use crate::net::Intervals;
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct LengthAboveMtu;

static META: Meta = Meta {
    name: "length-above-mtu",
    summary: "every length a rule accepts is longer than the network carries",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/length-above-mtu.md"),
};

/// The MTU taken where the configuration says none: the largest common on router interfaces.
const ASSUMED: u32 = 9216;

impl Check for LengthAboveMtu {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for at in cx.rules() {
            judge(cx, &at, out);
        }
        Ok(())
    }
}

fn judge(cx: &Context<'_>, at: &RuleAt<'_>, out: &mut Findings) {
    let mtu = cx.settings.mtu.unwrap_or(ASSUMED);
    for test in demanded(at.rule.condition).filter(|test| test.field() == Field::Len) {
        let Some(shortest) = test.values().as_ranges().and_then(Intervals::min) else { continue };
        // A value no packet can carry at all is `value-out-of-range`.
        if shortest <= mtu || u128::from(shortest) > Field::Len.info().max {
            continue;
        }
        let message = match cx.settings.mtu {
            Some(_) => format!(
                "the network carries packets of {mtu} octets at most, the rule asks for {shortest} or more"
            ),
            None => format!(
                "the rule asks for packets of {shortest} octets or more, networks carry {mtu} at most"
            ),
        };
        let mut made = at.finding(&META, message);
        if test.span() != Span::default() {
            made.primary = Label::new(at.rule.origin.source, test.span());
        }
        made = made
            .with_help("a length that no packet here can have came from a wrong measurement or a wrong unit");
        if cx.settings.mtu.is_none() {
            made.level = META.level.lowered();
            made = made.with_note(format!("`mtu` is not set in `flowgate.toml`: {mtu} is assumed"));
        }
        out.push(made);
    }
}
