//! Flow routes as class maps, a policy for each rule set, and `flowspec` that names it.

use super::print::{Names, police, word};
use crate::dialect::flowspec::actions::describe;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{
    Body, Component, ComponentType, FlowSpec, Operand, Table, decode_value, groups, lower, recover,
};
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::ir::{Action, Condition, Document, Kind, Mark, Outcome, RouteTarget, Rule, RuleSet, Verdict};
use crate::net::IntervalSet;
use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

type Result<T> = std::result::Result<T, String>;

/// Writes every rule set of flow routes.
pub(super) fn print(document: &Document, out: &mut dyn Write, lost: &mut Vec<Lost>) -> fmt::Result {
    let mut names = Names::default();
    let mut policies = Names::default();
    let mut attached: Vec<(String, bool, String)> = Vec::new();
    let flows = document.rule_sets.iter().filter(|set| set.kind == Kind::FlowRoutes);
    for set in flows {
        for table in Table::of_rule_set(set) {
            let mut printer = Printer { set, lost, out, rule: "" };
            if let Some((instance, policy)) = printer.set(table, &mut names, &mut policies)? {
                attached.push((instance, table.family() == Family::Inet6, policy));
            }
        }
    }
    if attached.is_empty() {
        return Ok(());
    }
    attached.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    writeln!(out, "flowspec")?;
    for same in attached.chunk_by(|a, b| a.0 == b.0) {
        let instance = same.first().map_or("", |first| &first.0);
        let depth = if instance.is_empty() { " " } else { "  " };
        if !instance.is_empty() {
            writeln!(out, " vrf {instance}")?;
        }
        for (_, six, policy) in same {
            writeln!(out, "{depth}address-family {}", if *six { "ipv6" } else { "ipv4" })?;
            writeln!(out, "{depth} service-policy type pbr {policy}")?;
            writeln!(out, "{depth}!")?;
        }
        if !instance.is_empty() {
            writeln!(out, " !")?;
        }
    }
    writeln!(out, "!")
}

struct Printer<'a, 'o> {
    set: &'a RuleSet,
    lost: &'o mut Vec<Lost>,
    out: &'o mut dyn Write,
    rule: &'a str,
}

/// A class to be written: its lines.
struct Class {
    lines: Vec<String>,
}

impl<'a> Printer<'a, '_> {
    fn lose(&mut self, loss: Loss, what: impl Into<String>) {
        self.lost.push(Lost::new(loss, &self.set.name, self.rule, what));
    }

    fn leave_out(&mut self, why: &str) {
        self.lose(Loss::LeftOut, format!("the rule, which is left out: {why}"));
    }

    // The VRF and the policy, where any rule was written.
    fn set(
        &mut self,
        table: Table,
        names: &mut Names,
        policies: &mut Names,
    ) -> std::result::Result<Option<(String, String)>, fmt::Error> {
        if self.set.default != Verdict::Accept {
            let what = format!("the default `{}`; what no rule matches is forwarded", self.set.default);
            self.lose(Loss::Meaning, what);
        }
        if table.is_vpn() {
            self.lose(Loss::Meaning, "the route distinguisher; a configuration names a VRF instead");
        }
        let head = table.rule_set_name(None);
        let rest = self.set.name.strip_prefix(&head).and_then(|rest| rest.strip_prefix('/')).unwrap_or("");
        let instance = if rest.is_empty() { String::new() } else { word(rest) };
        if instance != rest {
            self.lose(Loss::Detail, format!("the name of the rule set, which is VRF `{instance}` instead"));
        }
        let six = table.family() == Family::Inet6;
        let mut policy = String::new();
        let mut classes = 0;
        for rule in &self.set.rules {
            self.rule = rule.name;
            let Some(list) = self.classes(rule, table) else { continue };
            let actions = self.actions(&rule);
            for class in list {
                let name = names.take(rule.name);
                if name != *rule.name {
                    self.lose(Loss::Detail, format!("the name of the rule, which is `{name}` instead"));
                }
                writeln!(self.out, "class-map type traffic match-all {name}")?;
                for line in class.lines {
                    writeln!(self.out, " match {line}")?;
                }
                writeln!(self.out, " end-class-map\n!")?;
                let _ = writeln!(policy, " class type traffic {name}");
                for action in &actions {
                    let _ = writeln!(policy, "  {action}");
                }
                policy.push_str(" !\n");
                classes += 1;
            }
        }
        self.rule = "";
        if classes == 0 {
            return Ok(None);
        }
        let name = policies.take(if six { "FLOWSPEC-IPV6" } else { "FLOWSPEC-IPV4" });
        writeln!(self.out, "policy-map type pbr {name}")?;
        self.out.write_str(&policy)?;
        writeln!(self.out, " class type traffic class-default\n !\n end-policy-map\n!")?;
        Ok(Some((instance, name)))
    }

    fn classes(&mut self, rule: Rule<'a>, table: Table) -> Option<Vec<Class>> {
        match rule.outcome {
            Outcome::Verdict(Verdict::Accept | Verdict::Discard) => {}
            Outcome::Verdict(Verdict::Reject(_)) => {
                self.lose(Loss::Meaning, "the answer to the sender; the rule drops");
            }
            Outcome::Verdict(Verdict::NoDecision) => {
                self.leave_out("it does not decide");
                return None;
            }
            Outcome::Next { .. } => {
                self.leave_out("a configuration cannot ask for later rules too");
                return None;
            }
            Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) | Outcome::Return => {
                self.leave_out("a flow route cannot jump");
                return None;
            }
        }
        let spec = match spec(&rule, table) {
            Ok(spec) => spec,
            Err(needs) => {
                self.leave_out(&format!("it needs {needs}"));
                return None;
            }
        };
        match self.lines(&spec) {
            Ok(classes) => Some(classes),
            Err(why) => {
                self.leave_out(&why);
                None
            }
        }
    }

    fn lines(&mut self, spec: &FlowSpec) -> Result<Vec<Class>> {
        let six = spec.family == Family::Inet6;
        // Without a line a class is refused.
        if spec.components().is_empty() {
            self.lose(Loss::Detail, "its octets: a prefix of length 0 is added, as a class needs a line");
            let all = if six { "ipv6 ::/0" } else { "ipv4 0.0.0.0 0.0.0.0" };
            return Ok(vec![Class { lines: vec![format!("destination-address {all}")] }]);
        }
        let mut either = None;
        let mut lines = Vec::new();
        for component in spec.components() {
            if component.kind == ComponentType::Port {
                either = Some(self.numbers(spec, component)?);
                continue;
            }
            lines.push(self.line(spec, component)?);
        }
        let Some(ports) = either else { return Ok(vec![Class { lines }]) };
        let asks = |kind| spec.component(kind).is_some();
        if asks(ComponentType::SourcePort) || asks(ComponentType::DestinationPort) {
            return Err("a class cannot ask for either port beside one of them".to_owned());
        }
        self.lose(
            if self.set.rules.len() > 1 { Loss::Meaning } else { Loss::Detail },
            "its place among the rules: either port is two classes, one of each port",
        );
        let one = |side: &str| {
            let line = format!("{side}-port {ports}");
            Class { lines: lines.iter().cloned().chain([line]).collect() }
        };
        Ok(vec![one("destination"), one("source")])
    }

    fn line(&mut self, spec: &FlowSpec, component: &Component) -> Result<String> {
        use ComponentType as C;
        let six = spec.family == Family::Inet6;
        let family = if six { "ipv6" } else { "ipv4" };
        let side = if component.kind == C::SourcePrefix { "source" } else { "destination" };
        match component.body {
            Body::Prefix4(prefix) => {
                let (addr, mask) = (Ipv4Addr::from(prefix.addr()), Ipv4Addr::from(prefix.mask()));
                return Ok(format!("{side}-address ipv4 {addr} {mask}"));
            }
            Body::Prefix6 { addr, len, offset: 0 } => {
                return Ok(format!("{side}-address ipv6 {}/{len}", Ipv6Addr::from(addr)));
            }
            Body::Prefix6 { .. } => return Err("a class knows no prefix with an offset".to_owned()),
            Body::Operands { .. } => {}
        }
        let list = spec.operands(component);
        let head = match component.kind {
            C::TcpFlags => return self.flags(list),
            C::Fragment => return self.fragments(list),
            C::Protocol => "protocol".to_owned(),
            C::SourcePort => "source-port".to_owned(),
            C::DestinationPort => "destination-port".to_owned(),
            C::IcmpType => format!("{family} icmp-type"),
            C::IcmpCode => format!("{family} icmp-code"),
            C::PacketLength => "packet length".to_owned(),
            C::Dscp => "dscp".to_owned(),
            C::FlowLabel => format!("{family} flow-label"),
            C::Port | C::DestinationPrefix | C::SourcePrefix => {
                return Err("its prefix is missing".to_owned());
            }
        };
        Ok(format!("{head} {}", self.numbers(spec, component)?))
    }

    // Values and ranges; operators that a class does not have become the ranges they mean.
    fn numbers(&mut self, spec: &FlowSpec, component: &Component) -> Result<String> {
        let list = spec.operands(component);
        let max = component.kind.max(spec.family);
        let mut plain = Vec::new();
        for group in groups(list) {
            match group {
                [one] if one.op & (LT | GT | EQ) == EQ && one.value <= max => {
                    plain.push(one.value.to_string());
                }
                [low, high]
                    if low.op & (LT | GT | EQ) == GT | EQ
                        && high.op & (LT | GT | EQ) == LT | EQ
                        && low.value <= high.value
                        && high.value <= max =>
                {
                    plain.push(format!("{}-{}", low.value, high.value));
                }
                _ => {
                    plain.clear();
                    break;
                }
            }
        }
        if !plain.is_empty() {
            return Ok(plain.join(" "));
        }
        let top = u32::try_from(max).unwrap_or(u32::MAX);
        let set = accepted(list, top);
        if set.is_empty() {
            return Err(format!("no value of {} is accepted", component.kind));
        }
        self.lose(Loss::Detail, format!("the operators of {}; their ranges are written", component.kind));
        let one = |(lo, hi): (u32, u32)| if lo == hi { lo.to_string() } else { format!("{lo}-{hi}") };
        Ok(set.ranges().map(one).collect::<Vec<_>>().join(" "))
    }

    fn flags(&mut self, list: &[Operand]) -> Result<String> {
        let hex = |value: u64| if value < 10 { value.to_string() } else { format!("{value:#x}") };
        let any = |operand: &Operand| operand.op & (NOT | MATCH) == 0;
        match list {
            [one] if any(one) && one.value != 0 => return Ok(format!("tcp-flag {}", hex(one.value))),
            [one] if one.op & (NOT | MATCH) == MATCH => {
                return Ok(format!("tcp-flag {} mask {}", hex(one.value), hex(one.value)));
            }
            [one] if one.op & (NOT | MATCH) == NOT && one.value != 0 => {
                return Ok(format!("tcp-flag 0 mask {}", hex(one.value)));
            }
            [set, clear]
                if set.op & (NOT | MATCH) == MATCH
                    && clear.op & (AND | NOT | MATCH) == AND | NOT
                    && set.value & clear.value == 0
                    && set.value != 0
                    && clear.value != 0 =>
            {
                let mask = hex(set.value | clear.value);
                return Ok(format!("tcp-flag {} mask {mask}", hex(set.value)));
            }
            _ => {}
        }
        // Alternatives of "any of" are "any of" all.
        if list.iter().all(|operand| any(operand) && operand.op & AND == 0)
            && let value @ 1.. = list.iter().fold(0, |sum, operand| sum | operand.value)
        {
            self.lose(Loss::Detail, "the operators of TCP flags; one mask is written");
            return Ok(format!("tcp-flag {}", hex(value)));
        }
        Err("a class has one mask of TCP flags".to_owned())
    }

    fn fragments(&mut self, list: &[Operand]) -> Result<String> {
        const WORDS: [(u64, &str); 4] =
            [(1, "dont-fragment"), (2, "is-fragment"), (4, "first-fragment"), (8, "last-fragment")];
        let mut words = Vec::new();
        let mut changed = false;
        for operand in list {
            let bits = operand.value & 0x0f;
            let one = bits.is_power_of_two();
            if operand.op & (AND | NOT) != 0 || bits == 0 || operand.op & MATCH != 0 && !one {
                return Err("a class asks for kinds of fragments as alternatives only".to_owned());
            }
            changed |= operand.op & MATCH == 0;
            words.extend(WORDS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| *word));
        }
        if changed {
            self.lose(Loss::Detail, "the operators of fragments; the match form is written");
        }
        Ok(format!("fragment-type {}", words.join(" ")))
    }

    fn actions(&mut self, rule: &Rule<'a>) -> Vec<String> {
        let mut lines = Vec::new();
        if !rule.action_given {
            self.lose(Loss::Detail, "that no action was given; the packets are forwarded");
        }
        if matches!(rule.outcome, Outcome::Verdict(verdict) if verdict.is_drop()) {
            lines.push("drop".to_owned());
        }
        for action in rule.actions {
            let words = match action {
                Action::RateLimit(rate) => {
                    police(rate).map(|words| words.replacen("police", "police rate", 1))
                }
                Action::Mark(Mark::Dscp(dscp @ 0..64)) => Some(format!("set dscp {dscp}")),
                Action::RedirectIp { addr: Some(addr), copy: false } => {
                    let family = if addr.is_ipv6() { "ipv6" } else { "ipv4" };
                    Some(format!("redirect {family} nexthop {addr}"))
                }
                Action::RedirectTarget(target) => {
                    target_words(target).map(|words| format!("redirect nexthop route-target {words}"))
                }
                Action::RedirectInstance(name) if word(name) == **name => {
                    Some(format!("redirect dest-vrf {name}"))
                }
                Action::Class(name) if word(name) == **name => Some(format!("set forward-class {name}")),
                _ => None,
            };
            if let Some(words) = words {
                lines.push(words);
            } else {
                let what = format!("the action `{}`", describe(action).escape_debug());
                self.lose(Loss::of_action(action), what);
            }
        }
        lines
    }
}

// A two-octet form of a small AS is not told from the four-octet one.
fn target_words(target: &RouteTarget) -> Option<String> {
    Some(match target {
        RouteTarget::As2(asn, value) => format!("{asn}:{value}"),
        RouteTarget::Ip4(addr, value) => format!("{}:{value}", Ipv4Addr::from(*addr)),
        RouteTarget::As4(asn @ 0x1_0000.., value) => format!("{asn}:{value}"),
        RouteTarget::As4(..) | RouteTarget::Ip6(..) => return None,
    })
}

/// The components of a rule: those of its octets where they say what the condition says, else what the condition
/// comes to.
fn spec(rule: &Rule, table: Table) -> Result<FlowSpec> {
    if let Some(nlri) = &rule.nlri {
        let mut spec = FlowSpec::new(table.family());
        if decode_value(table, nlri, 0, &mut spec).is_ok() && lower(&spec) == *rule.condition {
            return Ok(spec);
        }
    }
    if *rule.condition == Condition::False {
        return Err("a packet that it matches".to_owned());
    }
    recover(rule.condition, table.family()).map_err(|lost| lost.join(", "))
}

/// The values up to `max` that a list accepts.
fn accepted(list: &[Operand], max: u32) -> IntervalSet<u32> {
    let one = |operand: &Operand| {
        let value = u32::try_from(operand.value).ok().filter(|value| *value <= max);
        let below = match value {
            Some(value) => value.checked_sub(1).map(|top| (0, top)),
            None => Some((0, max)),
        };
        let above = value.filter(|value| *value < max).map(|value| (value + 1, max));
        let parts = [
            below.filter(|_| operand.op & LT != 0),
            value.map(|value| (value, value)).filter(|_| operand.op & EQ != 0),
            above.filter(|_| operand.op & GT != 0),
        ];
        IntervalSet::from_ranges(parts.into_iter().flatten())
    };
    let groups = groups(list).map(|group| {
        group.iter().map(one).fold(IntervalSet::range(0, max), |all, set| all.intersection(&set))
    });
    IntervalSet::from_ranges(groups.flat_map(|set| set.ranges().collect::<Vec<_>>()))
}
