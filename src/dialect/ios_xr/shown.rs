//! What `show flowspec` prints: `Flow :Dest:192.0.2.0/24,Proto:=17,SPort:=53|>=1024&<=2047` and its actions.
//!
//! `|` joins alternatives and `&` what must hold together. For bits `=` is the match form and `~` the any form,
//! which is no negation: a rule sent with operator 0x80 and the bit `IsF` is shown as `Frag:~IsF`.

use super::actions::joined;
use super::class::{prefix6, route_target};
use super::findings::shown;
use super::lower::Reader;
use super::names;
use super::syntax::{Head, Read, Tree, fault};
use super::values;
use super::words::Words;
use crate::diagnostic::Level;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{self, Actions, Body, ComponentType, FlowSpec, Operand, Route, Table};
use crate::dialect::raised;
use crate::field::Family;
use crate::ir::{Action, Mark, Origin, RateUnit, RouteTarget, Rules};
use crate::source::Span;
use std::collections::BTreeMap;

impl<'a> Reader<'a> {
    /// Adds the rules of every `show flowspec` of the file.
    pub(super) fn shown_flows(&mut self, tree: &Tree, tables: &mut BTreeMap<(&'a str, bool), Rules>) {
        for section in &tree.sections {
            let Head::Shown { family } = section.head else { continue };
            let mut lines = tree.lines(section).iter().peekable();
            while let Some(span) = lines.next() {
                let line = self.slice(*span);
                let Some(flow) = after_colon(line, "Flow") else { continue };
                let actions = lines.next_if(|span| self.slice(**span).starts_with("Actions")).copied();
                let into = tables.entry(("", family == Family::Inet6)).or_default();
                self.flow(flow, *span, family, actions, into);
            }
        }
        self.findings.place = None;
    }

    fn flow(&mut self, flow: &'a str, span: Span, family: Family, acts: Option<Span>, into: &mut Rules) {
        let six = family == Family::Inet6;
        let table = if six { Table::Ipv6 } else { Table::Ipv4 };
        let set = table.rule_set_name(None);
        let name = (into.len() + 1).to_string();
        self.findings.place = None;
        let mut spec = FlowSpec::new(family);
        let mut opaque = Vec::new();
        for part in flow.split(',') {
            if let Err(fault) = component(self.text, part, six, &mut spec) {
                self.fault(fault);
                opaque.push(self.opaque(part, "this component could not be read"));
            }
        }
        spec.normalise();
        let mut actions = Actions::new();
        if let Some(span) = acts {
            actions.given = true;
            self.shown_actions(span, &mut actions);
        }
        let origin = Origin { source: self.source, span };
        let (spec, actions, opaque) = (&spec, &actions, opaque.as_slice());
        let route = Route { name: &name, rule_set: &set, spec, octets: None, actions, opaque, origin };
        let mut found = Vec::new();
        flowspec::add(&route, self.options, &mut found, into);
        self.findings.extend(found);
    }

    fn shown_actions(&mut self, span: Span, out: &mut Actions) {
        let line = self.slice(span);
        let Some(text) = after_colon(line, "Actions") else { return };
        // Behind them stands who made the rule: `(bgp.1)`, `(policy.1.Example1.CHARGEN)`.
        let text = text.rsplit_once('(').map_or(text, |(head, _)| head);
        let mut words = Words::new(text);
        while !words.is_empty() {
            let word = words.next();
            let found = shown_action(word, &mut words, span, out);
            if let Err(fault) = found {
                let message = format!("the action `{}` is not known", shown(fault.at));
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Error, span, message);
                out.push(Action::Other(joined(text)), span);
                return;
            }
        }
    }
}

fn shown_action<'a>(word: &'a str, words: &mut Words<'a>, span: Span, out: &mut Actions) -> Read<'a, ()> {
    match word {
        // `Set DSCP: ef` says the same as `DSCP: ef`.
        "transmit" | "transmit," | "Set" => {}
        "Traffic-rate:" => {
            let value = words.next();
            let amount: f64 =
                value.parse().ok().filter(|rate: &f64| rate.is_finite()).ok_or(fault(value, "a rate"))?;
            let unit = words.next();
            match unit {
                "bps" => out.push_rate(amount / 8.0, RateUnit::OctetsPerSecond, span),
                "pps" => out.push_rate(amount, RateUnit::PacketsPerSecond, span),
                _ => return Err(fault(unit, "`bps`")),
            }
        }
        "Nexthop:" => {
            let value = words.next();
            let addr = value.parse().map_err(|_| fault(value, "an address"))?;
            out.push(Action::RedirectIp { addr: Some(addr), copy: false }, span);
        }
        // The VRF is how this router reads the route target that follows.
        "Redirect:" => {
            if words.take("VRF") {
                let name = words.next();
                if !words.peek().starts_with("Route-target") {
                    out.push(Action::RedirectInstance(name.into()), span);
                }
            }
        }
        "Route-target:" => {
            let value = words.next();
            let (kind, target) = value.split_once('-').unwrap_or(("", value));
            let parsed = route_target(target).ok_or(fault(value, "a route target"))?;
            let parsed = match (kind, parsed) {
                ("ASN4", RouteTarget::As2(asn, number)) => {
                    let number = u16::try_from(number).map_err(|_| fault(value, "a route target"))?;
                    RouteTarget::As4(asn.into(), number)
                }
                (_, parsed) => parsed,
            };
            out.push(Action::RedirectTarget(parsed), span);
        }
        "DSCP:" => {
            let value = words.next();
            let dscp = names::dscp(value).and_then(|dscp| u8::try_from(dscp).ok());
            let dscp = dscp.ok_or(fault(value, "a code point"))?;
            out.push(Action::Mark(Mark::Dscp(dscp)), span);
        }
        _ => return Err(fault(word, "an action")),
    }
    Ok(())
}

/// What stands behind the first colon of a line that begins with a word.
fn after_colon<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?;
    Some(rest.trim_start().strip_prefix(':')?.trim())
}

fn component<'a>(text: &'a str, part: &'a str, six: bool, spec: &mut FlowSpec) -> Read<'a, ()> {
    use ComponentType as C;
    let part = part.trim();
    let (name, list) = part.split_once(':').ok_or(fault(part, "a component, as `Proto:=17`"))?;
    let span = Span::of(text, part);
    let kind = match name.trim() {
        "Dest" => C::DestinationPrefix,
        "Source" => C::SourcePrefix,
        "Proto" | "NH" => C::Protocol,
        "Port" => C::Port,
        "DPort" => C::DestinationPort,
        "SPort" => C::SourcePort,
        "ICMPType" => C::IcmpType,
        "ICMPCode" => C::IcmpCode,
        "TCPFlags" => C::TcpFlags,
        "Length" => C::PacketLength,
        "DSCP" => C::Dscp,
        "Frag" => C::Fragment,
        "Flow label" | "FlowLabel" | "Flow-label" => C::FlowLabel,
        other => return Err(fault(other, "the name of a component")),
    };
    if matches!(kind, C::DestinationPrefix | C::SourcePrefix) {
        let body = if six {
            let (addr, offset, len) = prefix6(list).ok_or(fault(list, "an IPv6 prefix"))?;
            Body::Prefix6 { addr, len, offset }
        } else {
            Body::Prefix4(values::prefix4(list).ok_or(fault(list, "an IPv4 prefix"))?)
        };
        spec.push_prefix(kind, body, span);
        return Ok(());
    }
    let mut operands = Vec::new();
    for alternative in list.split('|') {
        for (word, index) in alternative.split('&').zip(0..) {
            let and = if index > 0 { AND } else { 0 };
            let mut operand = if kind.is_bitmask() { bits(word, kind)? } else { number(word)? };
            operand.op |= and;
            operand.span = Span::of(text, word);
            operands.push(operand);
        }
    }
    spec.push_operands(kind, operands, span);
    Ok(())
}

fn number(word: &str) -> Read<'_, Operand> {
    let digits = word.trim_start_matches(['=', '<', '>', '!']);
    let op = word.get(..word.len() - digits.len()).unwrap_or("");
    let op = match op {
        "=" | "==" => EQ,
        ">" => GT,
        "<" => LT,
        ">=" => GT | EQ,
        "<=" => LT | EQ,
        "!=" | "<>" => LT | GT,
        _ => return Err(fault(word, "an operator, as `>=`, and a number")),
    };
    let value = names::number_or_hex(digits).ok_or(fault(word, "a number behind the operator"))?;
    Ok(Operand::new(op, value.into(), Span::default()))
}

fn bits(word: &str, kind: ComponentType) -> Read<'_, Operand> {
    let name = word.trim_start_matches(['=', '~', '!']);
    let op = word.get(..word.len() - name.len()).unwrap_or("");
    let op = match op {
        "=" => MATCH,
        "~" => 0,
        "!=" | "=!" => MATCH | NOT,
        "!~" | "~!" | "!" => NOT,
        _ => return Err(fault(word, "`=` or `~` and bits")),
    };
    let value = match (kind, name) {
        (ComponentType::Fragment, "DF") => 1,
        (ComponentType::Fragment, "IsF") => 2,
        (ComponentType::Fragment, "FF") => 4,
        (ComponentType::Fragment, "LF") => 8,
        _ => names::number_or_hex(name).ok_or(fault(word, "bits behind the operator"))?,
    };
    Ok(Operand::new(op, value.into(), Span::default()))
}
