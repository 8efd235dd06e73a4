//! What is wrong with a specification that can be read: shared by the wire and by text dialects.

use super::component::{AND, Body, DeviationKind, EQ, GT, LT};
use super::encode::{CLASSIC_VALUE_MAX, EncodeError, VALUE_MAX};
use super::lower::{groups, numeric};
use super::{Component, ComponentType, FlowSpec, Malformed, Operand, bitmask};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::{raise, raised};
use crate::source::{SourceId, Span};

/// Values outside their field, groups no value satisfies, bits behind prefixes, deviations of the encoding.
pub fn diagnose(spec: &FlowSpec, source: SourceId, out: &mut Vec<Diagnostic>) {
    for component in spec.components() {
        if !component.kind.is_defined_for(spec.family) {
            let message = format!("IPv4 packets have no {}", component.kind);
            out.push(
                raise(raised::MIXED_FAMILY, Level::Error, message, source, component.span)
                    .with_help("make it an IPv6 rule, or remove the condition"),
            );
            continue;
        }
        match component.body {
            Body::Operands { .. } => operands(spec, component, source, out),
            Body::Prefix4(prefix) if prefix.has_host_bits() => {
                out.push(host_bits(
                    &prefix.to_string(),
                    &prefix.network().to_string(),
                    component.span,
                    source,
                ));
            }
            Body::Prefix6 { addr, len, offset } => prefix6(addr, len, offset, component.span, source, out),
            Body::Prefix4(_) => {}
        }
    }
    deviations(spec, source, out);
}

/// The finding of an NLRI that is not as the standard says. `place` is where its defect stands in the source.
pub fn malformed(error: Malformed, source: SourceId, place: Span, out: &mut Vec<Diagnostic>) {
    let finding = raise(raised::MALFORMED_NLRI, Level::Error, error.to_string(), source, place);
    out.push(finding.with_help(if error.defect.is_framing() {
        "correct the length; the rules behind it cannot be found"
    } else {
        "correct the NLRI; routers treat it as withdrawn or reset the session"
    }));
    if error.defect.is_order() {
        let message = "components do not stand in ascending order of type, each once";
        out.push(
            raise(raised::COMPONENT_ORDER, Level::Warning, message, source, place)
                .with_help("sort the components by type and join lists of one type")
                .with_note("some routers accept such a rule and sort it, others reset the session"),
        );
    }
}

/// The finding of a rule too long for its length field or for an UPDATE of 4,096 octets; none otherwise.
pub(super) fn length(octets: usize, source: SourceId, span: Span) -> Option<Diagnostic> {
    let (level, message) = if octets > VALUE_MAX {
        (Level::Error, format!("the NLRI takes {octets} octets and {VALUE_MAX} are the most"))
    } else if octets > CLASSIC_VALUE_MAX {
        (
            Level::Warning,
            format!("the NLRI takes {octets} octets and an update of 4096 carries {CLASSIC_VALUE_MAX}"),
        )
    } else {
        return None;
    };
    let finding = raise(raised::TOO_LONG, level, message, source, span);
    Some(finding.with_help("split the rule, or write ranges where it lists values"))
}

/// The finding of a specification that has no encoding; values out of range have their own.
pub(super) fn unencodable(error: EncodeError, source: SourceId, span: Span) -> Option<Diagnostic> {
    match error {
        EncodeError::TooLong { octets } => length(octets, source, span),
        EncodeError::Repeated { .. } => Some(
            raise(raised::COMPONENT_ORDER, Level::Error, error.to_string(), source, span)
                .with_help("write two rules: one rule has each component once"),
        ),
        EncodeError::Empty | EncodeError::Value { .. } => None,
    }
}

fn operands(spec: &FlowSpec, component: &Component, source: SourceId, out: &mut Vec<Diagnostic>) {
    let list = spec.operands(component);
    // The usual list: one value that a packet can carry.
    if let [Operand { op, value, .. }] = list
        && op & (LT | GT | EQ) == EQ
        && *value <= component.kind.max(spec.family)
        && !component.kind.is_bitmask()
    {
        return;
    }
    for group in groups(list) {
        if !out_of_range(spec, component.kind, group, source, out) {
            empty_group(spec, component.kind, group, source, out);
        }
    }
}

/// Whether any operand of the group holds a value no packet can carry; one finding for the group.
fn out_of_range(
    spec: &FlowSpec,
    kind: ComponentType,
    group: &[Operand],
    source: SourceId,
    out: &mut Vec<Diagnostic>,
) -> bool {
    let family = spec.family;
    // Reserved bits of a fragment operand are read as 0; "true" and "false" do not look at their value.
    let looked_at = |operand: &&Operand| kind.is_bitmask() || !matches!(operand.op & (LT | GT | EQ), 0 | 7);
    let max = match kind {
        ComponentType::Fragment => u64::from(u8::MAX),
        ComponentType::TcpFlags => u64::from(u16::MAX),
        _ => kind.max(family),
    };
    let mut outside = group.iter().filter(looked_at).filter(|operand| operand.value > max);
    let Some(first) = outside.next() else { return false };
    let message = format!("{kind} `{}` is beyond {max}, the largest a packet can carry", first.value);
    let mut finding = raise(raised::VALUE_OUT_OF_RANGE, Level::Error, message, source, first.span);
    for other in outside.take(8) {
        let words = format!("`{}` is beyond it too", other.value);
        finding = finding.with_label(Label::new(source, other.span).with_message(words));
    }
    finding = finding.with_help(format!("write a {kind} of 0 to {max}"));
    if kind == ComponentType::Dscp {
        finding = finding.with_note("routers that follow RFC 8955 ignore the upper bits, others never match");
    }
    out.push(finding);
    true
}

fn empty_group(
    spec: &FlowSpec,
    kind: ComponentType,
    group: &[Operand],
    source: SourceId,
    out: &mut Vec<Diagnostic>,
) {
    let none = match kind {
        // A single operand that never holds was meant so (`false`), or says it in one word.
        ComponentType::TcpFlags => group.len() > 1 && bitmask::is_never(group),
        ComponentType::Fragment => group.len() > 1 && bitmask::FragmentStates::of(group, spec.family).0 == 0,
        _ => {
            let explicit = group.iter().any(|operand| operand.op & (LT | GT | EQ) == 0);
            // A value may be valid and its operator leave nothing: below 0, above the largest.
            !explicit && numeric(kind, spec.family, group).is_empty()
        }
    };
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    if none {
        let mut words: Vec<String> = group.iter().take(4).map(|operand| words(kind, operand)).collect();
        if group.len() > words.len() {
            words.push(format!("{} more", group.len() - words.len()));
        }
        let message = format!("no {kind} is {}", words.join(" and "));
        out.push(
            raise(raised::EMPTY_RANGE, Level::Error, message, source, first.span.to(last.span))
                .with_help("correct the bounds, or remove them: as they are the rule is never used"),
        );
    }
}

fn words(kind: ComponentType, operand: &Operand) -> String {
    let value = operand.value;
    if kind.is_bitmask() {
        let not = if operand.op & super::component::NOT != 0 { "not " } else { "" };
        let form = if operand.op & super::component::MATCH != 0 { "all" } else { "any" };
        return format!("`{not}{form} of {value:#x}`");
    }
    let op = match operand.op & !AND & (LT | GT | EQ) {
        0 => return "`false`".to_owned(),
        EQ => "=",
        GT => ">",
        3 => ">=",
        LT => "<",
        5 => "<=",
        6 => "!=",
        _ => return "`true`".to_owned(),
    };
    format!("`{op}{value}`")
}

fn prefix6(addr: u128, len: u8, offset: u8, span: Span, source: SourceId, out: &mut Vec<Diagnostic>) {
    let behind = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
    let before = u128::MAX.checked_shr(u32::from(offset)).unwrap_or(0);
    let kept = addr & behind & before;
    if kept != addr {
        let text = |addr: u128| {
            let addr = std::net::Ipv6Addr::from(addr);
            if offset == 0 { format!("{addr}/{len}") } else { format!("{addr}/{offset}-{len}") }
        };
        out.push(host_bits(&text(addr), &text(kept), span, source));
    }
}

fn host_bits(written: &str, meant: &str, span: Span, source: SourceId) -> Diagnostic {
    let message = format!("`{written}` has bits set outside the prefix");
    raise(raised::HOST_BITS_SET, Level::Warning, message, source, span)
        .with_help(format!("write `{meant}`, or a longer prefix if that is what is meant"))
}

/// One note for each kind of deviation, at the first place.
fn deviations(spec: &FlowSpec, source: SourceId, out: &mut Vec<Diagnostic>) {
    let mut seen = Vec::new();
    for deviation in spec.deviations() {
        if seen.contains(&deviation.kind) {
            continue;
        }
        seen.push(deviation.kind);
        let finding = raise(raised::NONCANONICAL, Level::Note, deviation.describe(), source, deviation.span);
        out.push(finding.with_help(match deviation.kind {
            DeviationKind::LongLength => "write it in one octet: not every router accepts this",
            DeviationKind::Width => {
                "use the fewest octets (four for a flow label): routers keep both encodings as two rules"
            }
            DeviationKind::AndOnFirst
            | DeviationKind::ReservedOperatorBits
            | DeviationKind::ReservedValueBits
            | DeviationKind::JunkPrefixBits => "clear them: some routers reset the session",
        }));
    }
}
