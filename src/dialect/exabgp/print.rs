//! Rule sets to ExaBGP configuration text: one `flow` block for each, to be put into a neighbor. A rule that a
//! flow route cannot say is left out and told; nothing is approximated in silence.

use super::{names, then};
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{
    Body, Component, ComponentType, Distinguisher, FlowSpec, Operand, Table, actions, communities, encode,
    groups, order, written,
};
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::ir::{Action, Document, Kind, Mark, Outcome, Rate, RateUnit, RouteTarget, Rule, RuleSet, Verdict};
use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

/// Writes a document.
pub(super) fn print(document: &Document, out: &mut dyn Write) -> Result<Vec<Lost>, fmt::Error> {
    let mut printer = Printer { out, lost: Vec::new(), set: "", rule: "" };
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
        let peer = peer(&set.name);
        if let Some(peer) = peer {
            writeln!(self.out, "neighbor {peer} {{")?;
        }
        writeln!(self.out, "flow {{")?;
        for table in Table::of_rule_set(set) {
            let mut values = Vec::new();
            for rule in &set.rules {
                self.rule = rule.name;
                values.extend(self.route(&rule, table, set)?);
            }
            self.rule = "";
            // Flow routes stand in their order whatever the text says; a filter may not.
            if set.kind == Kind::Filter && !order::is_kept(table, &set.rules, &values) {
                let what =
                    "the order of the rules; flow routes are tried in the order of RFC 8955 §5.1 instead";
                self.lose_as(Loss::Meaning, what);
            }
        }
        writeln!(self.out, "}}")?;
        if peer.is_some() {
            writeln!(self.out, "}}")?;
        }
        Ok(())
    }

    /// Writes one route; the octets of its specification, which sort it, where it was written.
    fn route(&mut self, rule: &Rule, table: Table, set: &RuleSet) -> Result<Option<Vec<u8>>, fmt::Error> {
        let mut spec = match written(rule, table) {
            Ok(spec) => spec,
            Err(lost) => {
                self.leave_out(&format!("it needs {}", lost.join(", ")));
                return Ok(None);
            }
        };
        if matches!(rule.outcome, Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) | Outcome::Return) {
            self.leave_out("a flow route cannot jump");
            return Ok(None);
        }
        if spec.components().is_empty() && set.kind == Kind::Filter {
            // A rule for every packet has no octets of its own.
            spec.push_every_packet();
        }
        let name = word(rule.name);
        if name != *rule.name {
            self.lose(format!("the name, which is written `{name}`"));
        }
        writeln!(self.out, "    route {name} {{")?;
        if table.is_vpn() {
            match spec.distinguisher.or_else(|| named_distinguisher(&set.name)) {
                Some(octets) => writeln!(self.out, "        rd {};", distinguisher(octets))?,
                None => self.lose("the route distinguisher, which nothing tells"),
            }
        }
        self.matching(&spec)?;
        self.actions(rule)?;
        writeln!(self.out, "    }}")?;
        let mut octets = Vec::new();
        Ok(encode::canonical(&spec, &mut octets).is_ok().then_some(octets))
    }

    fn matching(&mut self, spec: &FlowSpec) -> fmt::Result {
        writeln!(self.out, "        match {{")?;
        let is_prefix = |c: &Component| !matches!(c.body, Body::Operands { .. });
        if spec.family == Family::Inet6 && !spec.components().iter().any(is_prefix) {
            self.lose("its octets: a route is IPv6 by its prefixes, so `destination ::/0` is added");
            writeln!(self.out, "            destination ::/0;")?;
        }
        for component in spec.components() {
            let keyword = keyword(component.kind, spec.family);
            write!(self.out, "            {keyword} ")?;
            match component.body {
                Body::Prefix4(prefix) => write!(self.out, "{prefix}")?,
                Body::Prefix6 { addr, len, offset: 0 } => {
                    write!(self.out, "{}/{len}", Ipv6Addr::from_bits(addr))?;
                }
                Body::Prefix6 { addr, len, offset } => {
                    write!(self.out, "{}/{len}/{offset}", Ipv6Addr::from_bits(addr))?;
                }
                Body::Operands { .. } => self.operands(component.kind, spec.operands(component))?,
            }
            writeln!(self.out, ";")?;
        }
        writeln!(self.out, "        }}")
    }

    fn operands(&mut self, kind: ComponentType, list: &[Operand]) -> fmt::Result {
        let several = list.iter().skip(1).any(|operand| operand.op & AND == 0);
        if several {
            self.out.write_str("[")?;
        }
        for group in groups(list) {
            for (index, operand) in group.iter().enumerate() {
                self.out.write_str(match (index, several) {
                    (0, true) => " ",
                    (0, false) => "",
                    _ => "&",
                })?;
                if kind.is_bitmask() { self.mask(kind, *operand)? } else { self.number(kind, *operand)? }
            }
        }
        if several { self.out.write_str(" ]") } else { Ok(()) }
    }

    fn number(&mut self, kind: ComponentType, operand: Operand) -> fmt::Result {
        let op = match operand.op & (LT | GT | EQ) {
            EQ => "=",
            GT => ">",
            LT => "<",
            op if op == GT | EQ => ">=",
            op if op == LT | EQ => "<=",
            op if op == LT | GT => "!=",
            // ExaBGP refuses `true` and `false`: every number is at least 0, and none is below.
            0 => return self.out.write_str("<0"),
            _ => return self.out.write_str(">=0"),
        };
        match names::name(kind, operand.value) {
            Some(name) => write!(self.out, "{op}{name}"),
            None => write!(self.out, "{op}{}", operand.value),
        }
    }

    fn mask(&mut self, kind: ComponentType, operand: Operand) -> fmt::Result {
        self.out.write_str(match (operand.op & NOT != 0, operand.op & MATCH != 0) {
            (false, false) => "",
            (false, true) => "=",
            (true, false) => "!",
            (true, true) => "!=",
        })?;
        if operand.value == 0 {
            return self.out.write_str("0x0");
        }
        let bits = (0..64).map(|bit| 1_u64 << bit).filter(|bit| operand.value & bit != 0);
        for (index, bit) in bits.enumerate() {
            let join = if index == 0 { "" } else { "+" };
            match names::name(kind, bit) {
                Some(name) => write!(self.out, "{join}{name}")?,
                None => write!(self.out, "{join}{bit:#x}")?,
            }
        }
        Ok(())
    }

    fn actions(&mut self, rule: &Rule) -> fmt::Result {
        let is_set = |action: &&Action| matches!(action, Action::InterfaceSet { .. });
        let ahead = rule.actions.iter().take_while(is_set).count();
        let (first, rest) = rule.actions.split_at_checked(ahead).unwrap_or((rule.actions, &[]));
        self.scope(first)?;
        writeln!(self.out, "        then {{")?;
        let (verdict, goes_on) = match rule.outcome {
            Outcome::Verdict(verdict) => (verdict, false),
            Outcome::Next { held } => (held.unwrap_or(Verdict::Accept), true),
            Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) | Outcome::Return => {
                (Verdict::Accept, false)
            }
        };
        let samples = rest.contains(&Action::Sample);
        match verdict {
            Verdict::Discard => self.statement("discard")?,
            Verdict::Reject(_) => {
                self.lose_as(Loss::Meaning, "the answer to the sender; the rule discards instead");
                self.statement("discard")?;
            }
            Verdict::NoDecision => {
                self.lose_as(Loss::Meaning, "that the rule does not decide; it accepts instead");
            }
            Verdict::Accept if rest.is_empty() && !goes_on => self.statement("accept")?,
            Verdict::Accept => {}
        }
        match (samples, goes_on) {
            (true, true) => self.statement("action sample-terminal")?,
            (false, true) => self.statement("action terminal")?,
            (true, false) => self.statement("action sample")?,
            (false, false) => {}
        }
        for action in rest.iter().filter(|a| **a != Action::Sample && !is_set(a)) {
            self.action(action)?;
        }
        writeln!(self.out, "        }}")?;
        let behind: Vec<Action> = rest.iter().filter(is_set).cloned().collect();
        self.scope(&behind)
    }

    fn statement(&mut self, words: &str) -> fmt::Result {
        writeln!(self.out, "            {words};")
    }

    fn scope(&mut self, sets: &[Action]) -> fmt::Result {
        if sets.is_empty() {
            return Ok(());
        }
        write!(self.out, "        scope {{\n            interface-set [")?;
        for set in sets {
            let Action::InterfaceSet { asn, group, inbound, outbound, transitive } = set else { continue };
            let kind = if *transitive { "transitive" } else { "non-transitive" };
            let direction = match (inbound, outbound) {
                (true, true) => "input-output",
                (false, true) => "output",
                (true, false) => "input",
                (false, false) => {
                    self.lose("an interface set of no direction, which is left out");
                    continue;
                }
            };
            write!(self.out, " {kind}:{direction}:{asn}:{group}")?;
        }
        writeln!(self.out, " ];\n        }}")
    }

    fn action(&mut self, action: &Action) -> fmt::Result {
        match action {
            Action::RateLimit(Rate { amount, unit, burst }) => {
                if burst.is_some() {
                    self.lose("the burst of a rate");
                }
                // ExaBGP reads whole numbers up to 10^12; others go as the octets of their community.
                let single = format!("{amount:.0}");
                let exact = then::rate(&single).is_ok_and(|rate| rate.total_cmp(amount).is_eq());
                if !exact || *amount <= 0.0 {
                    return self.community(action);
                }
                let unit = if *unit == RateUnit::PacketsPerSecond { " packets" } else { "" };
                self.statement(&format!("rate-limit {single}{unit}"))
            }
            Action::RedirectTarget(RouteTarget::As2(asn, value)) => {
                self.statement(&format!("redirect {asn}:{value}"))
            }
            Action::RedirectTarget(RouteTarget::As4(asn @ 0x1_0000.., value)) => {
                self.statement(&format!("redirect {asn}:{value}"))
            }
            Action::RedirectIp { addr: Some(addr), copy: true } => self.statement(&format!("copy {addr}")),
            Action::RedirectIp { addr: Some(addr), copy: false } => {
                self.statement(&format!("redirect-to-nexthop-ietf {addr}"))
            }
            Action::RedirectIp { addr: None, copy: false } => self.statement("redirect-to-nexthop"),
            Action::Mark(Mark::Dscp(dscp @ 0..64)) => self.statement(&format!("mark {dscp}")),
            other => self.community(other),
        }
    }

    // An action as the octets of its community.
    fn community(&mut self, action: &Action) -> fmt::Result {
        let (list, lost) = communities(Outcome::Verdict(Verdict::Accept), std::slice::from_ref(action));
        if !lost.is_empty() || list.is_empty() {
            self.lose_as(Loss::of_action(action), format!("the action `{}`", actions::describe(action)));
        }
        for community in list {
            if community.octets().len() == 8 {
                self.statement(&format!("extended-community [ 0x{community} ]"))?;
            } else {
                self.statement(&format!("attribute [ 0x19 0xc0 0x{community} ]"))?;
            }
        }
        Ok(())
    }
}

fn keyword(kind: ComponentType, family: Family) -> &'static str {
    use ComponentType as C;
    let six = family == Family::Inet6;
    match kind {
        C::DestinationPrefix => "destination",
        C::SourcePrefix => "source",
        C::Protocol if six => "next-header",
        C::Protocol => "protocol",
        C::Port => "port",
        C::DestinationPort => "destination-port",
        C::SourcePort => "source-port",
        C::IcmpType => "icmp-type",
        C::IcmpCode => "icmp-code",
        C::TcpFlags => "tcp-flags",
        C::PacketLength => "packet-length",
        C::Dscp if six => "traffic-class",
        C::Dscp => "dscp",
        C::Fragment => "fragment",
        C::FlowLabel => "flow-label",
    }
}

/// A name as one word: whatever could end a word or begin a comment becomes `_`.
fn word(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@');
    let word: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if word.is_empty() { "unnamed".to_owned() } else { word }
}

// ExaBGP knows a four-octet AS by its size and refuses an `L` behind it.
fn distinguisher(octets: [u8; 8]) -> String {
    let words = Distinguisher(octets).to_string();
    let long = |(asn, _): &(&str, &str)| asn.parse::<u32>().is_ok_and(|asn| asn > 0xffff);
    match words.split_once("L:").filter(long) {
        Some((asn, value)) => format!("{asn}:{value}"),
        None => words,
    }
}

// The neighbor in the name of a rule set, where it is an address.
fn peer(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("flowspec/")?;
    rest.rsplit_once('/').map(|(_, last)| last).filter(|last| last.parse::<IpAddr>().is_ok())
}

fn named_distinguisher(name: &str) -> Option<[u8; 8]> {
    name.split('/').nth(2).and_then(|word| then::distinguisher(word).ok())
}
