//! Length tests that accept only lengths no packet has, because its headers alone are longer.

use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::{Label, Level};
use crate::field::{Family, Field};
use crate::guard::Exhausted;
use crate::ir::{Condition, Test};

/// The check.
#[derive(Debug)]
pub(super) struct LengthBelowHeader;

static META: Meta = Meta {
    name: "length-below-header",
    summary: "every length a rule accepts is shorter than the headers of its packets",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/length-below-header.md"),
};

impl Check for LengthBelowHeader {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for at in cx.rules() {
            for test in demanded(at.rule.condition) {
                judge(&at, test, out);
            }
        }
        Ok(())
    }
}

/// The tests that must hold for the condition to hold.
pub(super) fn demanded(condition: &Condition) -> impl Iterator<Item = &Test> {
    let parts = match condition {
        Condition::And(parts) => &**parts,
        other => std::slice::from_ref(other),
    };
    parts.iter().filter_map(|part| if let Condition::Test(test) = part { Some(test) } else { None })
}

fn judge(at: &RuleAt<'_>, test: &Test, out: &mut Findings) {
    let Some(longest) = longest(test) else { return };
    let (name, header) = match family(at) {
        Family::Inet6 => ("IPv6", 40),
        Family::Inet => ("IPv4", 20),
        Family::Any => ("IP", 20),
    };
    let label = || Label::new(at.rule.origin.source, test.span());
    let place = |made: &mut crate::diagnostic::Diagnostic, text: String| {
        if test.span() != crate::source::Span::default() {
            made.primary = label().with_message(text);
        }
    };
    if longest < header {
        let message =
            format!("no packet is {longest} octets long or shorter: an {name} header alone takes {header}");
        let mut made = at.finding(&META, message);
        place(&mut made, format!("at most {longest} octets"));
        out.push(made.with_help("a length is that of the whole packet, IP header included"));
    } else if let Some((protocol, own)) = transport(at)
        && longest < header + own
    {
        let whole = header + own;
        let message = format!(
            "a whole {protocol} packet of {longest} octets or fewer has no room for its headers, which take {whole}"
        );
        let mut made = at.finding(&META, message);
        made.level = META.level.lowered();
        place(&mut made, format!("at most {longest} octets"));
        out.push(made.with_help("a length is that of the whole packet, IP header included"));
    }
}

/// The longest length a test on lengths accepts.
fn longest(test: &Test) -> Option<u32> {
    if test.field() != Field::Len {
        return None;
    }
    test.values().as_ranges().and_then(crate::net::Intervals::max)
}

/// The family of the packets a rule is about.
fn family(at: &RuleAt<'_>) -> Family {
    let own = demanded(at.rule.condition).map(|test| test.field().info().family);
    match at.set.family {
        Family::Any => own.into_iter().find(|family| *family != Family::Any).unwrap_or(Family::Any),
        known => known,
    }
}

/// The protocol a rule asks for with the octets of its smallest header, where it asks for just one.
fn transport(at: &RuleAt<'_>) -> Option<(&'static str, u32)> {
    let protocol = demanded(at.rule.condition)
        .filter(|test| matches!(test.field(), Field::Proto | Field::ProtoField))
        .find_map(|test| test.values().as_single())?;
    // RFC 9293 §3.1, RFC 768, RFC 792, RFC 4443 §2.1. Fragments may be shorter than their packet's header.
    let fragments = at.rule.condition.tests().iter().any(|test| test.field() == Field::FragOff);
    match protocol {
        _ if fragments => None,
        6 => Some(("TCP", 20)),
        17 => Some(("UDP", 8)),
        1 => Some(("ICMP", 8)),
        58 => Some(("ICMPv6", 8)),
        _ => None,
    }
}
