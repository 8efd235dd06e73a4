//! Flow routes to `routing-options flow`.
//!
//! A route is written from the octets of its NLRI, component by component. What is written is put together again
//! and compared: where it matches other packets the route is left out, where only its octets differ that is said.

use super::bitfield::Accepted;
use super::conditions::TCP_BITS;
use super::flow::{ANY_FRAGMENT, NAMED_COMMUNITY, flag_operands, fragment_operand, range_operands};
use super::names;
use super::print::{Names, Writer, word};
use super::print_values::expression;
use crate::dialect::flowspec::actions::describe;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, NOT};
use crate::dialect::flowspec::{self, Body, Component, ComponentType as C, FlowSpec, Operand, Table};
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::ir::{
    Action, Condition, Mark, Outcome, Rate, RateUnit, RouteTarget, Rule, RuleSet, ValueSetRef, Verdict,
};
use crate::source::Span;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Writes a rule set of flow routes.
pub(super) fn print(set: &RuleSet, writer: &mut Writer<'_>, lost: &mut Vec<Lost>) -> fmt::Result {
    let six = set.family == Family::Inet6;
    // `INSTANCE/inetflow` is the table of a routing instance.
    let instance = set.name.rsplit_once('/').filter(|(_, last)| matches!(*last, "inetflow" | "inet6flow"));
    let mut blocks = Vec::new();
    if let Some((instance, _)) = instance {
        blocks.push("routing-instances".to_owned());
        blocks.push(word(instance));
    }
    blocks.push("routing-options".to_owned());
    if six {
        let rib = instance.map_or("inet6.0".to_owned(), |(name, _)| format!("{name}.inet6.0"));
        blocks.push(format!("rib {}", word(&rib)));
    }
    blocks.push("flow".to_owned());
    blocks.iter().try_for_each(|block| writer.open(block))?;
    let mut names = Names::default();
    for rule in &set.rules {
        let mut lose = |loss, what: String| lost.push(Lost::new(loss, &set.name, rule.name, what));
        let (name, changed) = names.take(rule.name);
        if changed {
            lose(Loss::Detail, format!("the name of the route, which is `{name}` instead"));
        }
        let components = match components(&rule, set.family) {
            Ok((components, same)) => {
                if !same {
                    let what = "the octets of the route: Junos makes others that match the same packets";
                    lose(Loss::Detail, what.to_owned());
                }
                components
            }
            Err(what) => {
                lose(Loss::LeftOut, format!("{what}; the route is left out"));
                continue;
            }
        };
        let (then, without) = actions(&rule);
        for (loss, what) in without {
            lose(loss, what);
        }
        writer.open(&format!("route {name}"))?;
        if !components.is_empty() {
            writer.open("match")?;
            for (keyword, values) in &components {
                writer.values(keyword, values)?;
            }
            writer.close()?;
        }
        match then.as_slice() {
            [one] => writer.leaf(&format!("then {one}"))?,
            leaves => {
                writer.open("then")?;
                leaves.iter().try_for_each(|leaf| writer.leaf(leaf))?;
                writer.close()?;
            }
        }
        writer.close()?;
    }
    blocks.iter().try_for_each(|_| writer.close())
}

type Words = Vec<(&'static str, Vec<String>)>;

/// The components in words, and whether they make the same octets again.
fn components(rule: &Rule, family: Family) -> Result<(Words, bool), String> {
    let six = family == Family::Inet6;
    let nlri = rule.nlri.ok_or("a rule that has no flow specification")?;
    let table = if six { Table::Ipv6 } else { Table::Ipv4 };
    let mut spec = FlowSpec::new(family);
    flowspec::decode_value(table, nlri, 0, &mut spec)
        .map_err(|_| "a flow specification that cannot be read, or one of a VPN".to_owned())?;
    let mut words = Words::new();
    let mut again = FlowSpec::new(family);
    for component in spec.components() {
        one(component, &spec, &mut words, &mut again)?;
    }
    if flowspec::lower(&again) != flowspec::lower(&spec) {
        return Err("a match that Junos cannot say".to_owned());
    }
    let mut octets = Vec::new();
    let same = flowspec::encode::canonical(&again, &mut octets).is_ok() && octets == nlri;
    Ok((words, same))
}

fn one(
    component: &Component,
    spec: &FlowSpec,
    words: &mut Words,
    again: &mut FlowSpec,
) -> Result<(), String> {
    let span = Span::default();
    let six = spec.family == Family::Inet6;
    let kind = component.kind;
    let operands = spec.operands(component);
    let keyword = match kind {
        C::DestinationPrefix | C::SourcePrefix => {
            let (keyword, beside) = if kind == C::DestinationPrefix {
                ("destination", "destination-prefix-offset")
            } else {
                ("source", "source-prefix-offset")
            };
            match component.body {
                Body::Prefix4(prefix) => words.push((keyword, vec![prefix.network().to_string()])),
                Body::Prefix6 { addr, len, offset } => {
                    words.push((keyword, vec![format!("{}/{len}", Ipv6Addr::from(addr))]));
                    if offset > 0 {
                        words.push((beside, vec![offset.to_string()]));
                    }
                }
                Body::Operands { .. } => return Err("a prefix that is missing".to_owned()),
            }
            again.push_prefix(kind, component.body, span);
            return Ok(());
        }
        C::Protocol => "protocol",
        C::Port => "port",
        C::DestinationPort => "destination-port",
        C::SourcePort => "source-port",
        C::IcmpType if six => "icmp6-type",
        C::IcmpType => "icmp-type",
        C::IcmpCode if six => "icmp6-code",
        C::IcmpCode => "icmp-code",
        C::PacketLength => "packet-length",
        C::Dscp => "dscp",
        C::FlowLabel => "flow-label",
        C::TcpFlags => {
            let Some(Condition::Test(test)) = alone(component, spec) else {
                return Err("TCP flags that Junos cannot say".to_owned());
            };
            let ValueSetRef::Bits(set) = test.values() else {
                return Err("TCP flags that Junos cannot say".to_owned());
            };
            if set.patterns().iter().any(|p| p.mask >> TCP_BITS != 0) {
                return Err("TCP flags beyond the six that Junos reads".to_owned());
            }
            let set = Accepted::of_patterns(set, TCP_BITS);
            words.push(("tcp-flags", vec![expression(set, names::TCP_FLAGS)]));
            let patterns = set.patterns();
            let mut list: Vec<Operand> =
                patterns.patterns().iter().flat_map(|pattern| flag_operands(*pattern, span)).collect();
            if list.is_empty() {
                list.push(Operand::new(0, 0, span));
            }
            again.push_operands(kind, list, span);
            return Ok(());
        }
        C::Fragment => {
            let mut values = Vec::new();
            let mut list = Vec::new();
            for group in flowspec::groups(operands) {
                let [operand] = group else { return Err("kinds of fragment joined by AND".to_owned()) };
                let name = if operand.op & NOT != 0 && operand.value == ANY_FRAGMENT {
                    Some("not-a-fragment")
                } else if operand.op & NOT == 0 && operand.value.is_power_of_two() {
                    u32::try_from(operand.value).ok().and_then(|bit| names::name(names::FRAGMENTS, bit))
                } else {
                    None
                };
                let name = name.ok_or("kinds of fragment that Junos cannot say")?;
                list.extend(fragment_operand(name, span));
                values.push(name.to_owned());
            }
            words.push(("fragment", values));
            again.push_operands(kind, list, span);
            return Ok(());
        }
    };
    let ranges = ranges(component, spec).ok_or("values that Junos cannot say")?;
    let text = |(lo, hi): &(u64, u64)| {
        let name = match kind {
            C::Protocol => u32::try_from(*lo).ok().and_then(|v| names::name(names::PROTOCOLS, v)),
            _ => None,
        };
        match name.filter(|_| lo == hi) {
            Some(name) => name.to_owned(),
            None if lo == hi => lo.to_string(),
            None => format!("{lo}-{hi}"),
        }
    };
    words.push((keyword, ranges.iter().map(text).collect()));
    again.push_operands(kind, ranges.iter().flat_map(|(lo, hi)| range_operands(*lo, *hi, span)), span);
    Ok(())
}

/// The last test of a component alone: that of its own list.
fn alone(component: &Component, spec: &FlowSpec) -> Option<Condition> {
    let mut single = FlowSpec::new(spec.family);
    single.push_operands(component.kind, spec.operands(component).iter().copied(), component.span);
    match flowspec::lower(&single) {
        Condition::And(parts) => parts.last().cloned(),
        one => Some(one),
    }
}

/// The values of a list in the order written, where each is a value or a range; else the set they come to.
fn ranges(component: &Component, spec: &FlowSpec) -> Option<Vec<(u64, u64)>> {
    let written = flowspec::groups(spec.operands(component)).map(|group| match group {
        [one] if one.op & !AND == EQ => Some((one.value, one.value)),
        [low, high] if low.op & !AND == GT | EQ && high.op & !AND == LT | EQ && low.value <= high.value => {
            Some((low.value, high.value))
        }
        _ => None,
    });
    if let Some(written) = written.collect::<Option<Vec<_>>>() {
        return Some(written);
    }
    let part = match alone(component, spec)? {
        Condition::Or(parts) => parts.first().cloned()?,
        one => one,
    };
    let Condition::Test(test) = part else { return None };
    let set = test.values().as_ranges()?;
    let list: Vec<(u64, u64)> = set.ranges().map(|(lo, hi)| (lo.into(), hi.into())).collect();
    (!list.is_empty()).then_some(list)
}

/// The statements of the `then`, and what is not among them.
fn actions(rule: &Rule) -> (Vec<String>, Vec<(Loss, String)>) {
    let mut lost = Vec::new();
    let mut leaves = Vec::new();
    for action in rule.actions {
        if let Some(leaf) = action_leaf(action) {
            leaves.push(leaf);
        } else {
            let what = format!("the action `{}`", describe(action).escape_debug());
            lost.push((Loss::of_action(action), what));
        }
    }
    let (verdict, goes_on) = match rule.outcome {
        Outcome::Verdict(verdict) => (Some(verdict), false),
        Outcome::Next { held } => (held, true),
        Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) | Outcome::Return => {
            lost.push((Loss::Meaning, "a jump to another rule set; the route accepts instead".to_owned()));
            (None, false)
        }
    };
    match verdict {
        Some(Verdict::Discard) => leaves.push("discard".to_owned()),
        Some(Verdict::Reject(_)) => {
            leaves.push("discard".to_owned());
            lost.push((Loss::Meaning, "the answer to the sender; the route discards instead".to_owned()));
        }
        Some(Verdict::NoDecision) => {
            lost.push((Loss::Meaning, "that the route does not decide; it accepts instead".to_owned()));
        }
        Some(Verdict::Accept) | None => {}
    }
    if goes_on {
        leaves.push("next-term".to_owned());
    }
    if leaves.is_empty() {
        leaves.push("accept".to_owned());
    }
    (leaves, lost)
}

fn action_leaf(action: &Action) -> Option<String> {
    Some(match action {
        Action::RateLimit(Rate { amount, unit: RateUnit::OctetsPerSecond, burst: None }) => {
            let bits = amount * 8.0;
            if bits.fract() != 0.0 || !(0.0..9e15).contains(&bits) {
                return None;
            }
            format!("rate-limit {bits:.0}")
        }
        Action::Mark(Mark::Dscp(dscp)) if *dscp < 64 => format!("mark {dscp}"),
        Action::Sample => "sample".to_owned(),
        Action::RedirectTarget(target) => format!(
            "routing-instance target:{}",
            match target {
                RouteTarget::As2(asn, number) => format!("{asn}:{number}"),
                RouteTarget::As4(asn, number) => format!("{asn}L:{number}"),
                RouteTarget::Ip4(addr, number) => format!("{}:{number}", Ipv4Addr::from(*addr)),
                RouteTarget::Ip6(..) => return None,
            }
        ),
        Action::RedirectInstance(name) if !name.starts_with("target:") => {
            format!("routing-instance {}", word(name))
        }
        Action::RedirectIp { addr: Some(addr), copy: false } => format!("redirect {addr}"),
        Action::Other(words) => format!("community {}", word(words.strip_prefix(NAMED_COMMUNITY)?)),
        _ => return None,
    })
}
