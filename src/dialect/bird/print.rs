//! Rule sets to a configuration: a table and a static protocol for each, to be included. A rule that a flow route
//! cannot say is left out and told; nothing is approximated in silence.

use super::lower::{Rules, default_name, default_table};
use super::parse::NAME;
use super::{support, words};
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{
    BitList, Body, Community, Component, ComponentType, FlowSpec, Operand, Table, bit_list, communities,
    encode, order, written,
};
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::ir::{Condition, Document, Kind, Outcome, Rule, RuleSet, Verdict};
use crate::source::Span;
use std::collections::HashSet;
use std::fmt::{self, Write};
use std::net::Ipv6Addr;

/// Writes a document.
pub(super) fn print(document: &Document, out: &mut dyn Write) -> Result<Vec<Lost>, fmt::Error> {
    let mut printer = Printer { out, lost: Vec::new(), set: "", rule: "", count: 0, tables: HashSet::new() };
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
    tables: HashSet<String>,
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
            if table.is_vpn() {
                for rule in &set.rules {
                    self.rule = rule.name;
                    self.leave_out("BIRD has no flow routes of VPNs");
                }
            } else {
                self.table(set, table)?;
            }
        }
        Ok(())
    }

    fn table(&mut self, set: &'a RuleSet, table: Table) -> fmt::Result {
        let family = table.family();
        let flow = if family == Family::Inet6 { "flow6" } else { "flow4" };
        let named = set.name.strip_prefix(&table.rule_set_name(None));
        let wanted = named.map_or(set.name.as_str(), |rest| rest.strip_prefix('/').unwrap_or(rest));
        let wanted = if wanted.is_empty() { default_table(family) } else { wanted };
        let symbol = self.symbol(wanted);
        let read_as = Rules::set_name(family, &symbol);
        if read_as != set.name && (named.is_some() || symbol != wanted) {
            self.lose(format!("the name of the rule set, which is written `{symbol}`"));
        }
        let symbol = quoted(&symbol);
        writeln!(self.out, "{flow} table {symbol};")?;
        writeln!(self.out, "protocol static {{")?;
        writeln!(self.out, "    {flow} {{ table {symbol}; }};")?;
        let mut values = Vec::new();
        for rule in &set.rules {
            self.rule = rule.name;
            values.extend(self.route(&rule, table, set, flow)?);
        }
        self.rule = "";
        // Flow routes stand in their order whatever the text says; a filter may not.
        if set.kind == Kind::Filter && !order::is_kept(table, &set.rules, &values) {
            let what = "the order of the rules; flow routes are tried in the order of RFC 8955 §5.1 instead";
            self.lose_as(Loss::Meaning, what);
        }
        writeln!(self.out, "}}")
    }

    // A name no other table has: tables of both families share one space of names.
    fn symbol(&mut self, wanted: &str) -> String {
        let held = wanted.chars().map(|c| if words::holds(c) { c } else { '-' });
        let mut name: String = held.take(words::LENGTH - 8).collect();
        if name.is_empty() || !words::is_free(&name) {
            name.push_str("-table");
        }
        let mut number = 1;
        let mut unique = name.clone();
        while !self.tables.insert(unique.clone()) {
            number += 1;
            unique = format!("{name}-{number}");
        }
        unique
    }

    /// Writes one route; the octets of its specification, which sort it, where it was written.
    fn route(
        &mut self,
        rule: &Rule,
        table: Table,
        set: &RuleSet,
        flow: &str,
    ) -> Result<Option<Vec<u8>>, fmt::Error> {
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
        let mut octets = Vec::new();
        let same = encode::canonical(&spec, &mut octets).is_ok()
            && rule.nlri.as_ref().is_none_or(|nlri| **nlri == *octets);
        if rule.nlri.is_none() && *rule.condition == Condition::True && set.kind != Kind::Filter {
            self.lose("a rule without conditions; a prefix of no bits is written for it");
        } else if !same {
            self.lose("its octets; BIRD writes the same condition in others");
        }
        write!(self.out, "    route {flow} {{")?;
        for component in spec.components() {
            self.item(&spec, component)?;
        }
        write!(self.out, " }}")?;
        self.attributes(rule)?;
        self.out.write_char(';')?;
        self.count += 1;
        let name: String = rule.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let name = name.trim();
        let mut numbered = String::new();
        default_name(self.count, &mut numbered);
        if name != numbered && !name.is_empty() {
            write!(self.out, " # {NAME}{name}")?;
        }
        if name != rule.name {
            self.lose(format!("the name, which is written `{name}`"));
        }
        self.out.write_char('\n')?;
        Ok(Some(octets))
    }

    fn item(&mut self, spec: &FlowSpec, component: &Component) -> fmt::Result {
        let keyword = support::keyword(component.kind, spec.family == Family::Inet6);
        write!(self.out, " {keyword} ")?;
        match component.body {
            Body::Prefix4(prefix) => write!(self.out, "{}", prefix.network())?,
            Body::Prefix6 { addr, len, offset } => {
                write!(self.out, "{}/{len}", Ipv6Addr::from_bits(addr))?;
                if offset != 0 {
                    write!(self.out, " offset {offset}")?;
                }
            }
            Body::Operands { .. } => {
                for (operand, index) in spec.operands(component).iter().zip(0..) {
                    self.out.write_str(match (index, operand.op & AND != 0) {
                        (0, _) => "",
                        (_, true) => " && ",
                        (_, false) => " || ",
                    })?;
                    self.operand(component.kind, *operand)?;
                }
            }
        }
        self.out.write_char(';')
    }

    fn operand(&mut self, kind: ComponentType, operand: Operand) -> fmt::Result {
        let value = operand.value;
        if !kind.is_bitmask() {
            let op = match operand.op & (LT | GT | EQ) {
                EQ => "=",
                GT => ">",
                LT => "<",
                op if op == GT | EQ => ">=",
                op if op == LT | EQ => "<=",
                op if op == LT | GT => "!=",
                0 => "false",
                _ => "true",
            };
            return write!(self.out, "{op} {value}");
        }
        let (not, all) = (operand.op & NOT != 0, operand.op & MATCH != 0);
        if kind == ComponentType::Fragment {
            let name = support::FRAGMENTS.iter().find(|(_, bit)| u64::from(*bit) == value);
            return write!(self.out, "{}{}", if not { "!" } else { "" }, name.map_or("", |(name, _)| name));
        }
        match (not, all) {
            (false, true) => write!(self.out, "{value:#x}/{value:#x}"),
            (true, true) => write!(self.out, "!{value:#x}/{value:#x}"),
            (false, false) => write!(self.out, "!0x0/{value:#x}"),
            (true, false) => write!(self.out, "0x0/{value:#x}"),
        }
    }

    fn attributes(&mut self, rule: &Rule) -> fmt::Result {
        let (list, whats) = communities(rule.outcome, rule.actions);
        for (loss, what) in whats {
            self.lose_as(loss, what);
        }
        let short: Vec<u64> = list
            .iter()
            .filter_map(|community| match community {
                Community::Short(octets) => Some(u64::from_be_bytes(*octets)),
                Community::Long(_) => None,
            })
            .collect();
        for community in list.iter().filter(|community| matches!(community, Community::Long(_))) {
            let what = format!("the IPv6 extended community {community}; BIRD has no words for it");
            self.lose_as(Loss::Meaning, what);
        }
        if !rule.action_given && list.is_empty() {
            self.lose("that nothing was said of actions; routers read the route as accept");
        }
        if short.is_empty() {
            return Ok(());
        }
        write!(self.out, " {{")?;
        for octets in short {
            let (high, low) = (octets >> 32, octets & 0xffff_ffff);
            write!(self.out, " bgp_ext_community.add((generic, {high:#010x}, {low:#x}));")?;
        }
        write!(self.out, " }}")
    }
}

fn quoted(symbol: &str) -> String {
    if words::is_plain(symbol) { symbol.to_owned() } else { format!("'{symbol}'") }
}

// The same specification in operands that BIRD has words for, or what it has none for.
fn in_words(spec: &FlowSpec) -> Result<FlowSpec, String> {
    let mut out = FlowSpec::new(spec.family);
    for component in spec.components() {
        let kind = component.kind;
        if !matches!(component.body, Body::Operands { .. }) {
            out.push_prefix(kind, component.body, component.span);
            continue;
        }
        let list = spec.operands(component);
        if !kind.is_bitmask() {
            if let Some(operand) = list.iter().find(|operand| operand.value > support::largest(kind)) {
                return Err(format!("a {kind} of {}, which BIRD refuses", operand.value));
            }
            out.push_operands(kind, list.iter().copied(), component.span);
            continue;
        }
        let operands = bits(kind, spec.family, list)
            .ok_or_else(|| format!("{kind} in more alternatives than an NLRI holds"))?;
        out.push_operands(kind, operands, component.span);
    }
    if out.components().is_empty() {
        // A rule for every packet has no NLRI of its own: a prefix of no bits says the same.
        out.push_every_packet();
    }
    Ok(out)
}

fn bits(kind: ComponentType, family: Family, list: &[Operand]) -> Option<Vec<Operand>> {
    let fragment = kind == ComponentType::Fragment;
    // A bit every family has, for lists that are always true or never.
    let bit = |op| Operand::new(op, 2, Span::default());
    Some(match bit_list(kind, family, list, fragment)? {
        BitList::Always => vec![bit(MATCH), bit(NOT)],
        BitList::Never => vec![bit(MATCH), bit(NOT | AND)],
        BitList::Groups(groups) => {
            let mut operands: Vec<Operand> = groups.into_iter().flatten().collect();
            if fragment {
                // One bit: any is all, and BIRD writes `all` and `not any`.
                for operand in &mut operands {
                    let form = if operand.op & NOT == 0 { MATCH } else { NOT };
                    operand.op = operand.op & AND | form;
                }
            }
            operands
        }
    })
}
