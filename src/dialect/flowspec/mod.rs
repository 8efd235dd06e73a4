//! BGP flow specification on the wire (RFC 8955, RFC 8956), and what text dialects that speak it share.
//!
//! [`component`] holds one rule as typed values. The way in from octets is [`Frames`], [`decode`] and [`rule`];
//! a text dialect builds a [`FlowSpec`] itself and goes on with [`rule`], which checks it, lowers it and keeps
//! its octets; at the end [`bind`] numbers the interface groups of all rules. The way out is [`matched`],
//! [`recover`] and [`encode`].

pub mod actions;
mod bitmask;
mod community;
pub mod component;
mod decode;
mod diagnose;
pub mod encode;
mod interfaces;
mod lower;
pub mod order;
mod recover;
mod table;
mod written;

pub use actions::{Actions, Asked};
pub use community::{BadCommunity, Community, communities};
pub use component::{Body, Component, ComponentType, Deviation, DeviationKind, FlowSpec, Operand};
pub use decode::{Defect, Frame, Frames, Malformed, decode, decode_value};
pub use diagnose::{diagnose, malformed};
pub use encode::EncodeError;
pub use interfaces::{bind, matched};
pub use lower::{PORT_PROTOCOLS, groups, lower};
pub use recover::recover;
pub use table::{Distinguisher, TYPES, Table, TypeInfo};
pub use written::{BitList, bit_list, says, written};

use crate::diagnostic::Diagnostic;
use crate::dialect::ReadOptions;
use crate::ir::{Condition, Kind, Origin, Outcome, RuleBuf, RuleParts, RuleSet, Rules, Verdict};

/// Decodes one NLRI as `options` ask: [`decode`], and a length below 240 in two octets is malformed where they
/// say so.
pub fn read_frame(
    table: Table,
    frame: &Frame<'_>,
    options: &ReadOptions,
    spec: &mut FlowSpec,
) -> Result<(), Malformed> {
    if options.flowspec_strict_length && frame.has_long_length() {
        let length = u16::try_from(frame.value.len()).unwrap_or(u16::MAX);
        return Err(Malformed { offset: frame.start, defect: Defect::LongLength { length } });
    }
    decode(table, frame, spec)
}

/// A rule as it was read: what [`rule`] makes one of the intermediate form from.
#[derive(Debug)]
pub struct Route<'a> {
    /// Its name.
    pub name: &'a str,
    /// The rule set it goes to, for findings.
    pub rule_set: &'a str,
    /// What it matches. Places are offsets in the source of `origin`.
    pub spec: &'a FlowSpec,
    /// The octets behind the length of its NLRI, where it was received; they are kept as they are. Without
    /// them the canonical ones are made.
    pub octets: Option<&'a [u8]>,
    /// What it asks for.
    pub actions: &'a Actions,
    /// Parts of it that could not be read, or are not modelled.
    pub opaque: &'a [Condition],
    /// Where it was written.
    pub origin: Origin,
}

/// Makes a rule of the intermediate form and says what is wrong with it.
///
/// A text dialect calls [`FlowSpec::normalise`] first. A rule that has no encoding (too long, a value wider
/// than its type carries) is kept without octets, beside the finding that says so.
pub fn rule(route: &Route<'_>, options: &ReadOptions, out: &mut Vec<Diagnostic>) -> RuleBuf {
    fn own(parts: RuleParts<'_>) -> RuleBuf {
        parts.into_buf()
    }
    lowered(route, options, out, own)
}

/// Makes a rule as [`rule`] does, and puts it behind the others.
pub fn add(route: &Route<'_>, options: &ReadOptions, out: &mut Vec<Diagnostic>, rules: &mut Rules) {
    lowered(route, options, out, |parts| rules.add(parts));
}

fn lowered<T>(
    route: &Route<'_>,
    options: &ReadOptions,
    out: &mut Vec<Diagnostic>,
    take: impl FnOnce(RuleParts<'_>) -> T,
) -> T {
    let Route { spec, actions, origin, .. } = route;
    let first = out.len();
    diagnose(spec, origin.source, out);
    actions.diagnose(origin.source, out);
    let mut made = Vec::new();
    // Of a rule that is not known in full its octets would say less than it does.
    let nlri = octets(route, &mut made, out).filter(|_| route.opaque.is_empty());
    for finding in out.iter_mut().skip(first) {
        finding.rule_set = Some(route.rule_set.to_owned());
        finding.rule = Some(route.name.to_owned());
    }
    let assumed = options.assume_discard && !actions.given;
    let known = match actions.interfaces() {
        Condition::True => lower(spec),
        interfaces => Condition::and([lower(spec), interfaces]),
    };
    take(RuleParts {
        name: route.name,
        condition: match route.opaque {
            [] => known,
            opaque => Condition::and([known].into_iter().chain(opaque.iter().cloned())),
        },
        actions: &actions.beside(),
        outcome: if assumed { Outcome::Verdict(Verdict::Discard) } else { actions.outcome() },
        action_given: actions.given || assumed,
        nlri,
        origin: *origin,
    })
}

/// The octets of a route: those received, else those made, which go to `made`.
fn octets<'a>(route: &Route<'a>, made: &'a mut Vec<u8>, out: &mut Vec<Diagnostic>) -> Option<&'a [u8]> {
    let Route { spec, origin, .. } = route;
    let octets = if let Some(octets) = route.octets {
        octets
    } else {
        made.reserve(32);
        if let Err(error) = encode::canonical(spec, made) {
            out.extend(diagnose::unencodable(error, origin.source, origin.span));
            return None;
        }
        made
    };
    out.extend(diagnose::length(octets.len(), origin.source, origin.span));
    Some(octets)
}

/// A rule set of flow routes: `rules` sorted into RFC 8955 §5.1 order; what none matches is accepted.
pub fn rule_set(name: String, table: Table, mut rules: Rules) -> RuleSet {
    order::sort(table, &mut rules);
    RuleSet { name, kind: Kind::FlowRoutes, family: table.family(), default: Verdict::Accept, rules }
}
