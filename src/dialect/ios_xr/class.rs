//! The lines of a class map to components, or to a condition where a list is named.

use super::acl::{Lists, set_name};
use super::actions::{joined, rate};
use super::findings::shown;
use super::lower::Reader;
use super::names::{self, Protocol};
use super::policy::version;
use super::syntax::{Read, fault};
use super::values::{self, Shape};
use super::words::Words;
use crate::diagnostic::Level;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{self, Actions, Body, ComponentType, FlowSpec, Operand};
use crate::dialect::raised;
use crate::field::Family;
use crate::ir::{Action, Condition, Mark, Outcome, RateUnit, RouteTarget, Verdict};
use crate::net::Prefix4;
use crate::source::Span;
use std::net::{IpAddr, Ipv4Addr};

/// A class map.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// One line is enough.
    pub(super) any: bool,
    /// Its `match` lines.
    pub(super) lines: Vec<Span>,
}

/// Fragment bits by their words.
fn fragment(word: &str) -> Option<u64> {
    Some(match word {
        "dont-fragment" => 1,
        "is-fragment" => 2,
        "first-fragment" => 4,
        "last-fragment" => 8,
        _ => return None,
    })
}

/// What a line asks for.
enum Line<'a> {
    Prefix(ComponentType, Body, &'a str),
    List(ComponentType, Vec<Operand>),
    /// Something only a local policy knows.
    AccessGroup(bool, &'a str),
}

impl<'a> Reader<'a> {
    /// Fills a specification; gives the conditions of lines that could not be read or are no components.
    pub(super) fn spec(&mut self, lines: &[Span], family: Family, spec: &mut FlowSpec) -> Vec<Condition> {
        let mut opaque = Vec::new();
        for span in lines {
            let text = self.slice(*span);
            if Words::new(text).next() != "match" {
                self.findings.no_statement(*span);
                opaque.push(self.opaque(text, "this is no statement of a class"));
                continue;
            }
            match self.line(text, family) {
                Ok(Some(Line::AccessGroup(..))) => {
                    let message = "an access list is no part of a flow route";
                    self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Error, *span, message);
                    opaque.push(self.opaque(text, "flow routes know no access lists"));
                }
                Ok(Some(line)) => {
                    let kind = match &line {
                        Line::Prefix(kind, ..) | Line::List(kind, _) => *kind,
                        Line::AccessGroup(..) => continue,
                    };
                    if spec.component(kind).is_some() {
                        self.findings.add_with_help(
                            raised::SYNTAX_ERROR,
                            Level::Error,
                            *span,
                            format!("a second line of {kind} stands in this class"),
                            "write all values on one line: a class has one line of a field",
                        );
                        opaque.push(self.opaque(text, "a class has one line of a field"));
                        continue;
                    }
                    match line {
                        Line::Prefix(kind, body, word) => {
                            spec.push_prefix(kind, body, Span::of(self.text, word));
                        }
                        Line::List(kind, list) => spec.push_operands(kind, list, *span),
                        Line::AccessGroup(..) => {}
                    }
                }
                Ok(None) => opaque.push(self.opaque(text, "this condition is not modelled")),
                Err(fault) => {
                    self.fault(fault);
                    opaque.push(self.opaque(text, "this condition could not be read"));
                }
            }
        }
        opaque
    }

    /// The condition of a class that an interface's policy uses.
    pub(super) fn local_condition(&mut self, class: &Class, lists: &mut Lists<'a>) -> Condition {
        if class.any {
            let each = class.lines.iter().map(|line| self.lines_condition(&[*line], lists));
            let each: Vec<Condition> = each.collect();
            return Condition::or(each);
        }
        self.lines_condition(&class.lines, lists)
    }

    fn lines_condition(&mut self, lines: &[Span], lists: &mut Lists<'a>) -> Condition {
        let is =
            |word: &str| lines.iter().any(|line| self.slice(*line).split_whitespace().any(|w| w == word));
        // A class that names a family is of that family; one that does not is of both.
        let (four, six) = (is("ipv4"), is("ipv6"));
        let mut parts = Vec::new();
        let mut rest = Vec::new();
        for span in lines {
            let line = self.slice(*span);
            if line.starts_with("match")
                && let Ok(Some(Line::AccessGroup(six, name))) = self.line(line, Family::Inet)
            {
                parts.push(self.permitted(six, name, lists));
            } else {
                rest.push(*span);
            }
        }
        let family = if six && !four { Family::Inet6 } else { Family::Inet };
        let mut spec = FlowSpec::new(family);
        let opaque = self.spec(&rest, family, &mut spec);
        let mut found = Vec::new();
        flowspec::diagnose(&spec, self.source, &mut found);
        self.findings.extend(found);
        let known = flowspec::lower(&spec);
        if four || six {
            parts.push(version(family == Family::Inet6));
        }
        if !four && !six && spec.component(ComponentType::Fragment).is_some() {
            spec.family = Family::Inet6;
            let other = Condition::and([version(true), flowspec::lower(&spec)]);
            parts.push(Condition::or([Condition::and([version(false), known]), other]));
        } else {
            parts.push(known);
        }
        Condition::and(parts.into_iter().chain(opaque))
    }

    fn unknown_list(&self, six: bool, name: &str) -> Condition {
        let id = format!("ios-xr access-group {}", set_name(six, name));
        Condition::opaque(id, "the access list is not known", Span::of(self.text, name))
    }

    /// The packets an access list permits.
    fn permitted(&mut self, six: bool, name: &'a str, lists: &mut Lists<'a>) -> Condition {
        const RUNS: usize = 64;
        let (at, defined) = lists.used(six, name);
        if !defined {
            self.undefined("access list", name);
        }
        let size = at.and_then(|at| self.rule_sets.get(at)).map_or(0, |set| set.rules.len());
        if !self.affords(size, Span::of(self.text, name)) {
            return self.unknown_list(six, name);
        }
        let Some(set) = at.and_then(|at| self.rule_sets.get(at)) else {
            return self.unknown_list(six, name);
        };
        let permits = |outcome: Outcome| outcome == Outcome::Verdict(Verdict::Accept);
        let rules: Vec<_> = set.rules.iter().collect();
        let runs: Vec<_> = rules.chunk_by(|a, b| permits(a.outcome) == permits(b.outcome)).collect();
        // Every run is a level of the condition.
        if runs.len() > RUNS {
            return self.unknown_list(six, name);
        }
        let mut rest = if set.default == Verdict::Accept { Condition::True } else { Condition::False };
        for run in runs.into_iter().rev() {
            let any = Condition::or(run.iter().map(|rule| rule.condition.clone()));
            rest = if run.first().is_some_and(|rule| permits(rule.outcome)) {
                Condition::or([any, rest])
            } else {
                Condition::and([Condition::not(any), rest])
            };
        }
        Condition::and([version(six), rest])
    }

    fn line(&mut self, text: &'a str, family: Family) -> Read<'a, Option<Line<'a>>> {
        use ComponentType as C;
        let six = family == Family::Inet6;
        let mut words = Words::new(text);
        words.next();
        let keyword = words.next();
        let kind = match keyword {
            "destination-address" | "source-address" => {
                let kind = if keyword == "source-address" { C::SourcePrefix } else { C::DestinationPrefix };
                return self.prefix_line(kind, words, six).map(Some);
            }
            "protocol" => C::Protocol,
            "source-port" => C::SourcePort,
            "destination-port" => C::DestinationPort,
            "packet" if words.take("length") => C::PacketLength,
            "dscp" => C::Dscp,
            "ipv4" | "ipv6" => match words.next() {
                "icmp-type" => C::IcmpType,
                "icmp-code" => C::IcmpCode,
                "flow-label" => C::FlowLabel,
                other => return Err(fault(other, "`icmp-type`, `icmp-code` or `flow-label`")),
            },
            "tcp-flag" => return flags(self.text, words).map(|list| Some(Line::List(C::TcpFlags, list))),
            "fragment-type" => {
                let list = fragments(self.text, words)?;
                return Ok(Some(Line::List(C::Fragment, list)));
            }
            "access-group" => {
                let six = match words.next() {
                    "ipv4" => false,
                    "ipv6" => true,
                    other => return Err(fault(other, "`ipv4` or `ipv6`")),
                };
                return Ok(Some(Line::AccessGroup(six, words.next())));
            }
            _ => {
                let message = format!("`match {}` is not known", shown(keyword));
                let span = Span::of(self.text, keyword);
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Error, span, message);
                return Ok(None);
            }
        };
        if matches!(keyword, "ipv4" | "ipv6") && (keyword == "ipv6") != six {
            return Err(fault(keyword, "a word of the family the policy is used for"));
        }
        if matches!(words.peek(), "ipv4" | "ipv6") {
            words.next();
        }
        self.operands(kind, words, six).map(|list| Some(Line::List(kind, list)))
    }

    // `V`, `A-B`, or `A - B` as some releases print it.
    fn operands(&self, kind: ComponentType, mut words: Words<'a>, six: bool) -> Read<'a, Vec<Operand>> {
        let value = |word: &str| -> Option<u64> {
            if names::number(word).is_some() {
                return names::number(word).map(u64::from);
            }
            match kind {
                ComponentType::Protocol => match names::protocol(word, six)? {
                    Protocol::Number(number) => Some(number.into()),
                    Protocol::Every => None,
                },
                ComponentType::Dscp => names::dscp(word).map(u64::from),
                ComponentType::IcmpType => {
                    let (message, code) = if six { names::icmp6(word)? } else { names::icmp(word)? };
                    code.is_none().then_some(message.into())
                }
                _ => None,
            }
        };
        let mut list = Vec::new();
        while !words.is_empty() {
            let word = words.next();
            let span = Span::of(self.text, word);
            if let Some(single) = value(word) {
                list.push(Operand::new(EQ, single, span));
                continue;
            }
            let (low, high) = word.split_once('-').ok_or(fault(word, "a value or a range, as `80-90`"))?;
            let low = value(low).ok_or(fault(low, "a value"))?;
            let high = value(high).ok_or(fault(high, "a value"))?;
            list.push(Operand::new(GT | EQ, low, span));
            list.push(Operand::new(LT | EQ | AND, high, span));
        }
        if list.is_empty() { Err(fault(words.rest(), "a value")) } else { Ok(list) }
    }

    fn prefix_line(&mut self, kind: ComponentType, mut words: Words<'a>, six: bool) -> Read<'a, Line<'a>> {
        let family = words.next();
        match family {
            "ipv4" | "ipv6" if (family == "ipv6") != six => {
                let span = Span::of(self.text, family);
                let message = format!("an {family} address stands in a class used for the other family");
                self.findings.add(raised::MIXED_FAMILY, Level::Error, span, message);
                return Err(fault(family, "the family the policy is used for"));
            }
            "ipv4" | "ipv6" => {}
            _ => return Err(fault(family, "`ipv4` or `ipv6`")),
        }
        let word = words.next();
        if six {
            let (addr, offset, len) = prefix6(word).ok_or(fault(word, "an IPv6 prefix"))?;
            return Ok(Line::Prefix(kind, Body::Prefix6 { addr, len, offset }, word));
        }
        let prefix = if word.contains('/') {
            values::prefix4(word).ok_or(fault(word, "an IPv4 prefix"))?
        } else {
            let addr = values::address4(word).ok_or(fault(word, "an IPv4 address"))?;
            let mask_word = words.next();
            let mask = values::address4(mask_word).ok_or(fault(mask_word, "a netmask"))?;
            let Shape::Prefix(len) = values::shape(mask.into(), 32) else {
                let span = Span::of(self.text, mask_word);
                self.findings.add_with_help(
                    raised::SUSPICIOUS_MASK,
                    Level::Error,
                    span,
                    format!("`{}` is no netmask", shown(mask_word)),
                    "class maps take netmasks, as 255.255.255.0, not the wildcards of access lists",
                );
                return Err(fault(mask_word, "a netmask"));
            };
            Prefix4::new(addr, len).ok_or(fault(mask_word, "a netmask"))?
        };
        Ok(Line::Prefix(kind, Body::Prefix4(prefix), word))
    }

    /// That an action which could not be read does what `verb` says.
    pub(super) fn perhaps(&self, action: Span, verb: &str) -> Condition {
        let id = format!("ios-xr {} {verb}", joined(self.slice(action)));
        Condition::opaque(id, "this action could not be read", action)
    }

    /// What a class of a policy asks for; and what could not be read of it, which may drop its packets.
    pub(super) fn actions(&mut self, lines: &[Span]) -> (Actions, Option<Span>) {
        let mut actions = Actions::accept();
        let mut unsure = None;
        for span in lines {
            let line = self.slice(*span);
            let known = self.action_line(Words::new(line), *span, &mut actions).unwrap_or_else(|fault| {
                self.fault(fault);
                false
            });
            if !known {
                actions.push(Action::Other(joined(line)), *span);
                unsure.get_or_insert(*span);
            }
        }
        (actions, unsure)
    }

    // Whether the action is one that is known.
    fn action_line(&mut self, mut words: Words<'a>, span: Span, out: &mut Actions) -> Read<'a, bool> {
        let line = words.rest();
        match words.next() {
            "transmit" | "statistics" => {}
            "drop" => out.push_rate(0.0, RateUnit::OctetsPerSecond, span),
            "police" => {
                words.take("rate");
                out.push(Action::RateLimit(rate(words)?), span);
            }
            "set" => match words.next() {
                "dscp" => {
                    let word = words.next();
                    let dscp = names::dscp(word).ok_or(fault(word, "a code point"))?;
                    if dscp > 63 {
                        let message = format!("DSCP `{dscp}` is beyond 63, the largest a packet can carry");
                        self.findings.add(raised::VALUE_OUT_OF_RANGE, Level::Error, span, message);
                    }
                    out.push(Action::Mark(Mark::Dscp(u8::try_from(dscp).unwrap_or(u8::MAX))), span);
                }
                "forward-class" => out.push(Action::Class(words.rest().into()), span),
                _ => out.push(Action::Other(joined(line)), span),
            },
            "redirect" => redirect(words, span, out)?,
            "http-redirect" => out.push(Action::Other(joined(line)), span),
            other => {
                let message = format!("the action `{}` is not known", shown(other));
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Error, span, message);
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// `A/len`, or `A/offset-len` as flow specifications of IPv6 are shown.
pub(super) fn prefix6(word: &str) -> Option<(u128, u8, u8)> {
    let (addr, length) = word.split_once('/')?;
    let addr = values::address6(addr)?;
    let (offset, len) = match length.split_once('-') {
        Some((offset, len)) => (offset.parse().ok()?, len.parse().ok()?),
        None => (0, length.parse().ok()?),
    };
    (len <= 128 && (offset < len || offset == 0)).then_some((addr, offset, len))
}

// `V` is any of the bits; with a mask the masked bits are exactly these.
fn flags<'a>(text: &'a str, mut words: Words<'a>) -> Read<'a, Vec<Operand>> {
    let word = words.next();
    let span = Span::of(text, word);
    let value = names::number_or_hex(word).ok_or(fault(word, "a number of flags"))?;
    if words.is_empty() {
        return Ok(vec![Operand::new(0, value.into(), span)]);
    }
    let keyword = words.next();
    if !matches!(keyword, "mask" | "bit-mask") {
        return Err(fault(keyword, "`bit-mask` and a number"));
    }
    let word = words.next();
    let mask = names::number_or_hex(word).ok_or(fault(word, "a mask of flags"))?;
    let span = span.to(Span::of(text, word));
    let (set, clear) = (value & mask, mask & !value);
    let mut list = Vec::new();
    if set != 0 || clear == 0 {
        list.push(Operand::new(MATCH, set.into(), span));
    }
    if clear != 0 {
        let and = if list.is_empty() { 0 } else { AND };
        list.push(Operand::new(NOT | and, clear.into(), span));
    }
    Ok(list)
}

fn fragments<'a>(text: &'a str, mut words: Words<'a>) -> Read<'a, Vec<Operand>> {
    let mut list = Vec::new();
    while !words.is_empty() {
        let word = words.next();
        let bit = fragment(word).ok_or(fault(word, "a kind of fragment"))?;
        list.push(Operand::new(MATCH, bit, Span::of(text, word)));
    }
    if list.is_empty() { Err(fault(words.rest(), "a kind of fragment")) } else { Ok(list) }
}

/// `AS:N`, `A.B.C.D:N`.
pub(super) fn route_target(word: &str) -> Option<RouteTarget> {
    let (admin, value) = word.split_once(':')?;
    if let Ok(addr) = admin.parse::<Ipv4Addr>() {
        return Some(RouteTarget::Ip4(addr.into(), value.parse().ok()?));
    }
    // AS numbers with a dot: the upper and the lower half.
    let asn = match admin.split_once('.') {
        Some((high, low)) => u32::from(high.parse::<u16>().ok()?) << 16 | u32::from(low.parse::<u16>().ok()?),
        None => admin.parse().ok()?,
    };
    Some(match u16::try_from(asn) {
        Ok(asn) => RouteTarget::As2(asn, value.parse().ok()?),
        Err(_) => RouteTarget::As4(asn, value.parse().ok()?),
    })
}

// `redirect [ipv4|ipv6] nexthop A [B]`, `redirect nexthop route-target T`, `redirect dest-vrf V`.
fn redirect<'a>(mut words: Words<'a>, span: Span, out: &mut Actions) -> Read<'a, ()> {
    if words.take("dest-vrf") {
        let name = words.next();
        if name.is_empty() {
            return Err(fault(name, "the name of a VRF"));
        }
        out.push(Action::RedirectInstance(name.into()), span);
        return Ok(());
    }
    if matches!(words.peek(), "ipv4" | "ipv6") {
        words.next();
    }
    let word = words.next();
    if word != "nexthop" {
        return Err(fault(word, "`nexthop` or `dest-vrf`"));
    }
    if words.take("route-target") {
        let word = words.next();
        let target = route_target(word).ok_or(fault(word, "a route target, as `65000:100`"))?;
        out.push(Action::RedirectTarget(target), span);
        return Ok(());
    }
    let first = words.peek();
    while !words.is_empty() {
        let word = words.next();
        if word == "vrf" {
            out.push(Action::RedirectInstance(words.next().into()), span);
            continue;
        }
        let addr: IpAddr = word.parse().map_err(|_| fault(word, "an address"))?;
        out.push(Action::RedirectIp { addr: Some(addr), copy: false }, span);
    }
    if first.is_empty() { Err(fault(first, "an address")) } else { Ok(()) }
}
