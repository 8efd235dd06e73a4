//! Rule sets to commands, one a line. A rule that a command cannot say, or that GoBGP would not send as it is said,
//! is left out and told; nothing is approximated in silence.

use super::lower::default_name;
use super::parse::NAME;
use super::support;
use super::values::sign;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{
    BitList, Body, Component, ComponentType, FlowSpec, Operand, Table, actions, bit_list, encode, groups,
    order, written,
};
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::ir::{
    Action, Condition, Document, Kind, Mark, Outcome, Rate, RateUnit, RouteTarget, Rule, RuleSet, Verdict,
};
use crate::source::Span;
use std::collections::HashSet;
use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Writes a document.
pub(super) fn print(document: &Document, out: &mut dyn Write) -> Result<Vec<Lost>, fmt::Error> {
    let mut printer = Printer { out, lost: Vec::new(), set: "", rule: "", count: 0, written: HashSet::new() };
    for set in &document.rule_sets {
        if Lost::unless_alone(set, &mut printer.lost) {
            printer.rule_set(set)?;
        }
    }
    Ok(printer.lost)
}

struct Printer<'a> {
    out: &'a mut dyn Write,
    lost: Vec<Lost>,
    set: &'a str,
    rule: &'a str,
    // Routes written: a rule named after its number needs no name.
    count: usize,
    // Octets written: the same again would replace what they ask for.
    written: HashSet<(Table, Vec<u8>)>,
}

impl<'a> Printer<'a> {
    fn lose(&mut self, what: impl Into<String>) {
        self.lose_as(Loss::Detail, what);
    }

    fn leave_out(&mut self, why: &str) {
        self.lose_as(Loss::LeftOut, format!("the rule, which is left out: {why}"));
    }

    fn lose_as(&mut self, loss: Loss, what: impl Into<String>) {
        self.lost.push(Lost::new(loss, self.set, self.rule, what));
    }

    fn rule_set(&mut self, set: &'a RuleSet) -> fmt::Result {
        (self.set, self.rule) = (&set.name, "");
        if set.default != Verdict::Accept && !order::decides_all(&set.rules) {
            let what = format!("the default `{}`; what no rule matches is accepted instead", set.default);
            self.lose_as(Loss::Meaning, what);
        }
        for table in Table::of_rule_set(set) {
            let mut values = Vec::new();
            let mut distinguisher = None;
            for rule in &set.rules {
                self.rule = rule.name;
                if let Some((octets, rd)) = self.route(&rule, table, set)? {
                    values.push(octets);
                    distinguisher = rd;
                }
            }
            self.rule = "";
            if set.kind == Kind::Filter && !order::is_kept(table, &set.rules, &values) {
                let what =
                    "the order of the rules; flow routes are tried in the order of RFC 8955 §5.1 instead";
                self.lose_as(Loss::Meaning, what);
            }
            let read_as = table.rule_set_name(distinguisher);
            if !values.is_empty() && read_as != set.name && set.name.starts_with("flowspec/") {
                self.lose(format!("the name of the rule set, which is read as `{read_as}`"));
            }
        }
        Ok(())
    }

    /// Writes one route; its octets, which sort it, and its distinguisher where it was written.
    #[expect(clippy::type_complexity, reason = "two parts of one answer")]
    fn route(
        &mut self,
        rule: &Rule,
        table: Table,
        set: &RuleSet,
    ) -> Result<Option<(Vec<u8>, Option<[u8; 8]>)>, fmt::Error> {
        if !matches!(rule.outcome, Outcome::Verdict(_) | Outcome::Next { .. }) {
            self.leave_out("a flow route cannot jump");
            return Ok(None);
        }
        let spec = match written(rule, table).and_then(|spec| in_words(&spec).map_err(|why| vec![why])) {
            Ok(spec) => spec,
            Err(lost) => {
                self.leave_out(&format!("it needs {}", lost.join(", ")));
                return Ok(None);
            }
        };
        let Some(rd) = distinguisher(&spec, table) else {
            self.leave_out("its route distinguisher has no words");
            return Ok(None);
        };
        let mut octets = Vec::new();
        let same = encode::canonical(&spec, &mut octets).is_ok()
            && rule.nlri.as_ref().is_none_or(|nlri| **nlri == *octets);
        if !self.written.insert((table, octets.clone())) {
            self.leave_out("GoBGP keeps one route for a match, and one before it has the same");
            return Ok(None);
        }
        if rule.nlri.is_none() && *rule.condition == Condition::True && set.kind != Kind::Filter {
            self.lose("a rule without conditions; a prefix of no bits is written for it");
        } else if !same {
            self.lose("its octets; GoBGP writes the same condition in others");
        }
        write!(self.out, "gobgp global rib -a {} add", family(table))?;
        if !rd.is_empty() {
            write!(self.out, " rd {rd}")?;
        }
        self.out.write_str(" match")?;
        for component in spec.components() {
            self.item(&spec, component)?;
        }
        self.out.write_str(" then")?;
        self.actions(rule, table)?;
        self.count += 1;
        let name: String = rule.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let name = name.trim();
        if name != default_name(self.count) && !name.is_empty() {
            write!(self.out, " # {NAME}{name}")?;
        }
        if name != rule.name {
            self.lose(format!("the name, which is written `{name}`"));
        }
        self.out.write_char('\n')?;
        Ok(Some((octets, spec.distinguisher)))
    }

    fn item(&mut self, spec: &FlowSpec, component: &Component) -> fmt::Result {
        write!(self.out, " {} ", support::keyword(component.kind))?;
        match component.body {
            Body::Prefix4(prefix) => write!(self.out, "{}", prefix.network()),
            Body::Prefix6 { addr, len, .. } => write!(self.out, "{}/{len}", Ipv6Addr::from_bits(addr)),
            Body::Operands { .. } => {
                self.out.write_char('\'')?;
                for (group, index) in groups(spec.operands(component)).zip(0..) {
                    if index > 0 {
                        self.out.write_char(' ')?;
                    }
                    for (operand, index) in group.iter().zip(0..) {
                        if index > 0 {
                            self.out.write_char('&')?;
                        }
                        self.operand(component.kind, *operand)?;
                    }
                }
                self.out.write_char('\'')
            }
        }
    }

    fn operand(&mut self, kind: ComponentType, operand: Operand) -> fmt::Result {
        let value = operand.value;
        if kind == ComponentType::Protocol
            && let Some(name) = support::protocol_name(value)
        {
            return write!(self.out, "{}{name}", sign(operand.op));
        }
        if !kind.is_bitmask() {
            return write!(self.out, "{}{value}", sign(operand.op));
        }
        self.out.write_str(match (operand.op & NOT != 0, operand.op & MATCH != 0) {
            (false, false) => "",
            (false, true) => "=",
            (true, false) => "!",
            (true, true) => "!=",
        })?;
        if kind == ComponentType::TcpFlags {
            let letters = support::FLAGS.iter().zip(0..).filter(|(_, bit)| value >> bit & 1 != 0);
            return letters.map(|(letter, _)| letter).try_for_each(|letter| self.out.write_char(*letter));
        }
        let names = support::FRAGMENTS.iter().filter(|(_, bit)| bit & value != 0);
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        self.out.write_str(&names.join("+"))
    }

    fn actions(&mut self, rule: &Rule, table: Table) -> fmt::Result {
        let (verdict, goes_on) = match rule.outcome {
            Outcome::Verdict(verdict) => (verdict, false),
            Outcome::Next { held } => (held.unwrap_or(Verdict::Accept), true),
            Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) | Outcome::Return => {
                (Verdict::Accept, false)
            }
        };
        if !rule.action_given && rule.actions.is_empty() {
            self.lose("that nothing was said of actions; routers read the route as accept");
        }
        let mut said = String::new();
        match verdict {
            Verdict::Discard => said.push_str(" discard"),
            Verdict::Reject(_) => {
                self.lose_as(Loss::Meaning, "the answer to the sender; the rule discards instead");
                said.push_str(" discard");
            }
            Verdict::NoDecision => {
                self.lose_as(Loss::Meaning, "that the rule does not decide; it accepts instead");
            }
            Verdict::Accept => {}
        }
        said.push_str(match (rule.actions.contains(&Action::Sample), goes_on) {
            (true, true) => " action sample-terminal",
            (false, true) => " action terminal",
            (true, false) => " action sample",
            (false, false) => "",
        });
        let mut targets = String::new();
        for action in rule.actions.iter().filter(|action| **action != Action::Sample) {
            if let Some(words) = words(action) {
                said.push_str(&words);
            } else if let Some(target) = route_target(action).filter(|_| table.is_vpn()) {
                targets.push_str(" rt ");
                targets.push_str(&target);
            } else {
                let what = format!("the action `{}`", actions::describe(action));
                self.lose_as(Loss::of_action(action), what);
            }
        }
        if said.is_empty() {
            said.push_str(" accept");
        }
        write!(self.out, "{said}{targets}")
    }
}

fn words(action: &Action) -> Option<String> {
    Some(match action {
        Action::RateLimit(Rate { amount, unit: RateUnit::OctetsPerSecond, burst: None })
            if amount.is_finite() && *amount > 0.0 =>
        {
            format!(" rate-limit {amount}")
        }
        Action::RedirectTarget(RouteTarget::As2(asn, value)) => format!(" redirect {asn}:{value}"),
        Action::RedirectTarget(RouteTarget::Ip4(addr, value)) => {
            format!(" redirect {}:{value}", Ipv4Addr::from_bits(*addr))
        }
        Action::RedirectTarget(RouteTarget::As4(asn, value)) => {
            format!(" redirect {}.{}:{value}", asn >> 16, asn & 0xffff)
        }
        Action::Mark(Mark::Dscp(dscp @ 0..64)) => format!(" mark {dscp}"),
        _ => return None,
    })
}

// A community that is a route target, in words.
fn route_target(action: &Action) -> Option<String> {
    let Action::Other(words) = action else { return None };
    let digits = words.strip_prefix("community ").filter(|digits| digits.len() == 16)?;
    let octets = u64::from_str_radix(digits, 16).ok()?;
    if octets >> 48 & 0xfcff != 0x0002 {
        return None;
    }
    words_of((octets >> 56) as u8, octets & 0xffff_ffff_ffff)
}

fn words_of(kind: u8, value: u64) -> Option<String> {
    let (high, low) = (value >> 16, value & 0xffff);
    Some(match kind {
        0 => format!("{}:{}", value >> 32, value & 0xffff_ffff),
        1 => format!("{}:{low}", Ipv4Addr::from_bits(u32::try_from(high).ok()?)),
        2 => format!("{}.{}:{low}", high >> 16, high & 0xffff),
        _ => return None,
    })
}

// Empty for tables without; none when it has no words.
fn distinguisher(spec: &FlowSpec, table: Table) -> Option<String> {
    if !table.is_vpn() {
        return Some(String::new());
    }
    let octets = u64::from_be_bytes(spec.distinguisher?);
    let kind = u8::try_from(octets >> 48).ok()?;
    words_of(kind, octets & 0xffff_ffff_ffff)
}

fn family(table: Table) -> &'static str {
    match table {
        Table::Ipv4 => "ipv4-flowspec",
        Table::Ipv6 => "ipv6-flowspec",
        Table::Vpnv4 => "ipv4-l3vpn-flowspec",
        Table::Vpnv6 => "ipv6-l3vpn-flowspec",
    }
}

// The same specification in operands that GoBGP has words for and sends as they are said, or what it has none for.
fn in_words(spec: &FlowSpec) -> Result<FlowSpec, String> {
    let mut out = FlowSpec::new(spec.family);
    out.distinguisher = spec.distinguisher;
    for component in spec.components() {
        let kind = component.kind;
        match component.body {
            Body::Prefix6 { offset: 1.., .. } => {
                return Err("an IPv6 prefix with an offset, which GoBGP sends malformed".to_owned());
            }
            Body::Prefix4(_) | Body::Prefix6 { .. } => {
                out.push_prefix(kind, component.body, component.span);
                continue;
            }
            Body::Operands { .. } => {}
        }
        let list = spec.operands(component);
        let operands = if kind.is_bitmask() { bits(kind, spec.family, list)? } else { numbers(kind, list)? };
        out.push_operands(kind, operands, component.span);
    }
    if out.components().is_empty() {
        // A rule for every packet has no NLRI of its own: a prefix of no bits says the same.
        out.push_every_packet();
    }
    Ok(out)
}

fn numbers(kind: ComponentType, list: &[Operand]) -> Result<Vec<Operand>, String> {
    let constant = |operand: &Operand| matches!(operand.op & (LT | GT | EQ), 0 | 7);
    if let Some(operand) = list.iter().find(|o| !constant(o) && o.value > support::largest(kind)) {
        return Err(format!("a {kind} of {}, which GoBGP refuses", operand.value));
    }
    // `true` and `false` are sent swapped: every number is at least 0, and none is below.
    let say = |operand: &Operand| match operand.op & (LT | GT | EQ) {
        0 => Operand::new(operand.op | LT, 0, operand.span),
        7 => Operand::new(operand.op & AND | GT | EQ, 0, operand.span),
        _ => *operand,
    };
    Ok(list.iter().map(say).collect())
}

fn bits(kind: ComponentType, family: Family, list: &[Operand]) -> Result<Vec<Operand>, String> {
    let bit = |op| Operand::new(op, 2, Span::default());
    let list = bit_list(kind, family, list, false)
        .ok_or_else(|| format!("{kind} in more alternatives than an NLRI holds"))?;
    Ok(match list {
        BitList::Always => vec![bit(0), bit(NOT)],
        BitList::Never => vec![bit(0), bit(NOT | AND)],
        BitList::Groups(groups) => {
            let operands: Vec<Operand> = groups.into_iter().flatten().collect();
            if operands.iter().any(|operand| operand.value > support::largest(kind)) {
                return Err("a TCP flag without a letter".to_owned());
            }
            operands
        }
    })
}
