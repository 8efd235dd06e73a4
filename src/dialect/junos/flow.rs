//! Flow routes: `routing-options flow route`, as flow specifications that the wire dialect lowers.

use super::bitfield::Accepted;
use super::conditions::TCP_BITS;
use super::literal::{Address, address};
use super::lower::Lowering;
use super::names::{self, Names};
use super::numbers::{number, range, shown, value};
use super::syntax::NodeId;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{self, Actions, Body, ComponentType as C, FlowSpec, Operand, Route, Table};
use crate::dialect::raised;
use crate::field::Family;
use crate::ir::{Action, Condition, Mark, Outcome, RateUnit, RouteTarget, Rule, RuleBuf, Rules, Verdict};
use crate::net::BitMatch;
use crate::source::Span;
use std::collections::HashMap;
use std::net::Ipv4Addr;

/// How an action begins that names a community defined elsewhere.
pub(super) const NAMED_COMMUNITY: &str = "community named ";

/// Actions beside which no other decides what becomes of a packet.
const DECIDING: [&str; 4] = ["accept", "discard", "routing-instance", "redirect"];

/// The bits of `fragment` (RFC 8955 §4.2.2.12) that `not-a-fragment` denies.
pub(super) const ANY_FRAGMENT: u64 = 0x06;

impl Lowering<'_, '_> {
    /// Every flow route of a scope.
    pub(super) fn flow_routes(&mut self, scope: NodeId, prefix: &str) {
        let tree = self.tree;
        let mut places = vec![(scope, prefix.to_owned())];
        for instance in tree.find(scope, "routing-instances").into_iter().flat_map(|node| tree.children(node))
        {
            places.push((instance, format!("{prefix}{}/", tree.name(instance))));
        }
        for (place, prefix) in places {
            let Some(options) = tree.find(place, "routing-options") else { continue };
            let (mut four, mut six) = (Vec::new(), Vec::new());
            if let Some(flow) = tree.find(options, "flow") {
                four.push(flow);
            }
            for rib in tree.find(options, "rib").into_iter().flat_map(|node| tree.children(node)) {
                if let Some(flow) = tree.find(rib, "flow") {
                    let is_six = tree.word(rib).contains("inet6");
                    if is_six { six.push(flow) } else { four.push(flow) }
                }
            }
            self.flow_table(&four, format!("{prefix}inetflow"), Table::Ipv4);
            self.flow_table(&six, format!("{prefix}inet6flow"), Table::Ipv6);
        }
    }

    fn flow_table(&mut self, places: &[NodeId], name: String, table: Table) {
        let tree = self.tree;
        let mut rules = Rules::new();
        let mut doubts = HashMap::new();
        for node in places.iter().flat_map(|flow| tree.children(*flow)) {
            if tree.word(node) != "route" {
                self.unread_statement("flow", node);
                continue;
            }
            for route in tree.children(node) {
                let (rule, doubt) = self.route(route, &name, table);
                doubts.extend(doubt.map(|doubt| (rule.origin.span, doubt)));
                rules.push(rule);
            }
        }
        if rules.is_empty() {
            return;
        }
        let mut set = flowspec::rule_set(name, table, rules);
        if !doubts.is_empty() {
            // In front of the route it is of, wherever that stands.
            let sorted = std::mem::take(&mut set.rules);
            for rule in &sorted {
                set.rules.extend(doubts.remove(&rule.origin.span));
                set.rules.push(rule.to_buf());
            }
        }
        self.document.rule_sets.push(set);
    }

    /// What becomes of the packets of a route whose action is not known: the worst is that they are discarded.
    fn doubt(&self, rule: &Rule, part: NodeId) -> RuleBuf {
        let what = self.words(part);
        let why = "the action is not known here";
        let may = Condition::opaque(format!("{what} discards"), why, self.tree.span(part));
        RuleBuf {
            name: format!("{} ({what} discards)", rule.name).into(),
            condition: Condition::and([rule.condition.clone(), may]),
            outcome: Outcome::Verdict(Verdict::Discard),
            nlri: None,
            ..rule.clone().to_buf()
        }
    }

    /// A route, and in front of it what an action nobody knows may do.
    fn route(&mut self, route: NodeId, set: &str, table: Table) -> (RuleBuf, Option<RuleBuf>) {
        let tree = self.tree;
        self.unreadable = false;
        let mut spec = FlowSpec::new(table.family());
        let mut actions = Actions::accept();
        let (mut unknown, mut decided) = (None, false);
        for part in tree.children(route) {
            match tree.word(part) {
                "match" => self.components(part, &mut spec),
                "then" => {
                    unknown = self.flow_actions(part, &mut actions).or(unknown);
                    decided |= tree.children(part).any(|action| DECIDING.contains(&tree.word(action)));
                }
                "apply-groups" | "apply-groups-except" => {}
                word => {
                    let message = format!("`{}` is no part of a flow route", shown(word));
                    self.findings.syntax(tree.span(part), &message);
                    self.unreadable = true;
                    unknown = unknown.or(Some(part));
                }
            }
        }
        spec.normalise();
        let name = tree.name(route);
        let origin = self.origin(route);
        let unread = self.unreadable.then(|| {
            let id = format!("unreadable statement in {set} {name}");
            Condition::opaque(id, "a statement of the route cannot be read", tree.span(route))
        });
        let from = Route {
            name: &name,
            rule_set: set,
            spec: &spec,
            octets: None,
            actions: &actions,
            opaque: unread.as_slice(),
            origin,
        };
        let mut found = Vec::new();
        let rule = flowspec::rule(&from, self.options, &mut found);
        for finding in found {
            self.findings.push(finding);
        }
        let doubt = unknown.filter(|_| !decided).map(|part| self.doubt(&rule.as_rule(), part));
        (rule, doubt)
    }

    fn components(&mut self, part: NodeId, spec: &mut FlowSpec) {
        let tree = self.tree;
        let six = spec.family == Family::Inet6;
        for node in tree.children(part) {
            let word = tree.word(node);
            let (kind, names): (C, Names) = match word {
                "destination" => {
                    self.flow_prefix(node, C::DestinationPrefix, part, spec);
                    continue;
                }
                "source" => {
                    self.flow_prefix(node, C::SourcePrefix, part, spec);
                    continue;
                }
                // Read with the prefix they belong to.
                "destination-prefix-offset" | "source-prefix-offset" if six => continue,
                "protocol" | "next-header" => (C::Protocol, names::PROTOCOLS),
                "port" => (C::Port, names::PORTS),
                "destination-port" => (C::DestinationPort, names::PORTS),
                "source-port" => (C::SourcePort, names::PORTS),
                "icmp-type" | "icmp6-type" => {
                    (C::IcmpType, if six { names::ICMP6_TYPES } else { names::ICMP_TYPES })
                }
                "icmp-code" | "icmp6-code" => {
                    (C::IcmpCode, if six { names::ICMP6_CODES } else { names::ICMP_CODES })
                }
                "tcp-flags" => {
                    self.flow_flags(node, spec);
                    continue;
                }
                "packet-length" => (C::PacketLength, &[]),
                "dscp" | "traffic-class" => (C::Dscp, names::DSCPS),
                "fragment" => {
                    self.flow_fragment(node, spec);
                    continue;
                }
                "flow-label" if six => (C::FlowLabel, &[]),
                "apply-groups" | "apply-groups-except" => continue,
                _ => {
                    let message = format!("`{}` is no match condition of a flow route", shown(word));
                    self.findings.unsupported(tree.span(node), &message);
                    self.unreadable = true;
                    continue;
                }
            };
            self.flow_numbers(node, kind, names, spec);
        }
    }

    fn flow_numbers(&mut self, node: NodeId, kind: C, names: Names, spec: &mut FlowSpec) {
        let tree = self.tree;
        let mut operands = Vec::new();
        let span = self.values(node, |this, item| {
            let here = tree.span(item);
            this.nothing_behind(item);
            if let Some((lo, hi)) = range(tree.word(item), names) {
                operands.extend(range_operands(lo, hi, here));
            } else {
                this.unread_value(node, item);
                this.unreadable = true;
            }
        });
        self.flow_operands(node, span, kind, operands, spec);
    }

    fn flow_operands(
        &mut self,
        node: NodeId,
        span: Option<Span>,
        kind: C,
        operands: Vec<Operand>,
        spec: &mut FlowSpec,
    ) {
        match span {
            Some(span) if !operands.is_empty() => spec.push_operands(kind, operands, span),
            Some(_) => {}
            None => {
                self.unreadable |= self.without_value(node) != Condition::True;
            }
        }
    }

    fn flow_flags(&mut self, node: NodeId, spec: &mut FlowSpec) {
        let tree = self.tree;
        let mut set = Accepted::none(TCP_BITS);
        let mut bad = false;
        let span =
            self.values(node, |this, item| match this.expression(item, names::TCP_FLAGS, TCP_BITS, Some) {
                Ok(accepted) => set = set.or(accepted),
                Err(_) => bad = true,
            });
        self.unreadable |= bad;
        let here = span.unwrap_or(tree.span(node));
        let patterns = set.patterns();
        let mut operands: Vec<Operand> =
            patterns.patterns().iter().flat_map(|pattern| flag_operands(*pattern, here)).collect();
        if operands.is_empty() && !bad && span.is_some() {
            // Nothing is accepted: an "any of" no flags is never true.
            operands.push(Operand::new(0, 0, here));
        }
        self.flow_operands(node, span, C::TcpFlags, operands, spec);
    }

    fn flow_fragment(&mut self, node: NodeId, spec: &mut FlowSpec) {
        let tree = self.tree;
        let mut operands = Vec::new();
        let span = self.values(node, |this, item| {
            let here = tree.span(item);
            this.nothing_behind(item);
            if let Some(operand) = fragment_operand(tree.word(item), here) {
                operands.push(operand);
            } else {
                this.unread_value(node, item);
                this.unreadable = true;
            }
        });
        self.flow_operands(node, span, C::Fragment, operands, spec);
    }

    fn flow_prefix(&mut self, node: NodeId, kind: C, part: NodeId, spec: &mut FlowSpec) {
        let tree = self.tree;
        let Some(item) = self.single(node) else {
            self.unreadable |= !tree.had_inactive(node);
            return;
        };
        let word = tree.word(item);
        let span = tree.span(item);
        let six = spec.family == Family::Inet6;
        match address(word) {
            Some(Address::Four(prefix)) if !six => {
                self.nothing_behind(item);
                if prefix.has_host_bits() {
                    self.host_bits(word, span, prefix.network());
                }
                spec.push_prefix(kind, Body::Prefix4(prefix), span);
            }
            Some(Address::Six(prefix)) if six => {
                let offset = self.prefix_offset(item, kind, part, prefix.len());
                if prefix.has_host_bits() {
                    self.host_bits(word, span, prefix.network());
                }
                let seen = u128::MAX.checked_shr(u32::from(offset)).unwrap_or(0);
                let body = Body::Prefix6 { addr: prefix.first() & seen, len: prefix.len(), offset };
                spec.push_prefix(kind, body, span);
            }
            Some(_) => {
                let message = format!("`{}` is of the other address family", shown(word));
                self.findings.error(raised::MIXED_FAMILY, span, message);
                self.unreadable = true;
            }
            None => {
                let message = format!("`{}` is no prefix", shown(word));
                self.findings.syntax(span, &message);
                self.unreadable = true;
            }
        }
    }

    /// `destination-prefix-offset N` beside the prefix, or `prefix-offset N` behind it.
    fn prefix_offset(&mut self, item: NodeId, kind: C, part: NodeId, len: u8) -> u8 {
        let tree = self.tree;
        let keyword = match kind {
            C::DestinationPrefix => "destination-prefix-offset",
            _ => "source-prefix-offset",
        };
        let beside = || tree.find(part, keyword);
        let Some(node) = tree.find(item, "prefix-offset").or_else(beside) else {
            self.nothing_behind(item);
            return 0;
        };
        let Some(offset) = self.single(node) else { return 0 };
        match number(tree.word(offset)).and_then(|n| u8::try_from(n).ok()) {
            Some(n) if n < len || n == 0 => n,
            Some(_) => {
                let message = format!("an offset of `{}` leaves nothing of the prefix", tree.word(offset));
                self.findings.error(raised::VALUE_OUT_OF_RANGE, tree.span(offset), message);
                self.unreadable = true;
                0
            }
            None => {
                self.unread_value(node, offset);
                self.unreadable = true;
                0
            }
        }
    }

    /// Reads the actions; one that nobody here knows, where there is one.
    fn flow_actions(&mut self, part: NodeId, actions: &mut Actions) -> Option<NodeId> {
        let tree = self.tree;
        let mut unknown = None;
        for node in tree.children(part) {
            let (word, span) = (tree.word(node), tree.span(node));
            match word {
                "accept" => self.nothing_behind(node),
                "discard" => {
                    self.nothing_behind(node);
                    actions.push_rate(0.0, RateUnit::OctetsPerSecond, span);
                }
                "sample" => actions.push(Action::Sample, span),
                "next-term" => actions.goes_on = true,
                "next" if tree.find(node, "term").is_some() => actions.goes_on = true,
                "apply-groups" | "apply-groups-except" => {}
                "rate-limit" | "mark" | "routing-instance" | "redirect" | "community" => {
                    let Some(item) = self.single(node) else { continue };
                    self.nothing_behind(item);
                    if !self.flow_action(node, item, actions) {
                        unknown = unknown.or(Some(node));
                    }
                }
                _ => {
                    let message = format!("`{}` is no action of a flow route known here", shown(word));
                    self.findings.unsupported(span, &message);
                    actions.push(Action::Other(self.words(node).into()), span);
                    unknown = unknown.or(Some(node));
                }
            }
        }
        unknown
    }

    /// An action with a value; whether it could be read.
    fn flow_action(&mut self, node: NodeId, item: NodeId, actions: &mut Actions) -> bool {
        let tree = self.tree;
        let span = tree.span(item);
        let word = tree.word(item);
        let action = match tree.word(node) {
            // Bits a second; the community carries octets (RFC 8955 §7.1).
            "rate-limit" => match quantity(word) {
                Some(bits) => {
                    #[expect(clippy::cast_precision_loss, reason = "the community carries single precision")]
                    actions.push_rate(bits as f64 / 8.0, RateUnit::OctetsPerSecond, span);
                    return true;
                }
                None => None,
            },
            "mark" => match value(word, names::DSCPS) {
                Some(dscp) if dscp < 64 => u8::try_from(dscp).ok().map(|d| Action::Mark(Mark::Dscp(d))),
                Some(_) => {
                    let message = format!("`{}` is out of range: a code point is at most 63", shown(word));
                    self.findings.error(raised::VALUE_OUT_OF_RANGE, span, message);
                    return true;
                }
                None => None,
            },
            "routing-instance" => Some(match target(word) {
                Some(target) => Action::RedirectTarget(target),
                None => Action::RedirectInstance(tree.name(item).into()),
            }),
            "redirect" => match address(word.strip_suffix(":0").filter(|w| !w.contains(':')).unwrap_or(word))
            {
                Some(Address::Four(prefix)) => {
                    Some(Action::RedirectIp { addr: Some(Ipv4Addr::from(prefix.addr()).into()), copy: false })
                }
                Some(Address::Six(prefix)) => {
                    let addr = std::net::Ipv6Addr::from(prefix.addr());
                    Some(Action::RedirectIp { addr: Some(addr.into()), copy: false })
                }
                Some(Address::Masked(_)) | None => None,
            },
            _ => Some(Action::Other(format!("{NAMED_COMMUNITY}{}", tree.name(item)).into())),
        };
        if let Some(action) = action {
            actions.push(action, span);
            return true;
        }
        self.unread_value(node, item);
        actions.push(Action::Other(self.words(node).into()), span);
        false
    }
}

/// A value, or a range, as operands.
pub(super) fn range_operands(lo: u64, hi: u64, span: Span) -> impl Iterator<Item = Operand> {
    let (low, high) = if lo == hi {
        (Operand::new(EQ, lo, span), None)
    } else {
        (Operand::new(GT | EQ, lo, span), Some(Operand::new(AND | LT | EQ, hi, span)))
    };
    std::iter::once(low).chain(high)
}

/// A kind of fragment as an operand.
pub(super) fn fragment_operand(word: &str, span: Span) -> Option<Operand> {
    if word == "not-a-fragment" {
        return Some(Operand::new(NOT, ANY_FRAGMENT, span));
    }
    value(word, names::FRAGMENTS).map(|bits| Operand::new(0, bits, span))
}

/// A pattern of flags as operands: these are set, those are not.
pub(super) fn flag_operands(pattern: BitMatch, span: Span) -> Vec<Operand> {
    let narrow = |bits: u128| u64::try_from(bits).unwrap_or(0);
    let (set, clear) = (narrow(pattern.value), narrow(pattern.mask & !pattern.value));
    let mut list = Vec::new();
    if set != 0 || clear == 0 {
        // One flag needs no "all of"; no flag with it is always true.
        list.push(Operand::new(if set.is_power_of_two() { 0 } else { MATCH }, set, span));
    }
    if clear != 0 {
        list.push(Operand::new(if list.is_empty() { NOT } else { AND | NOT }, clear, span));
    }
    list
}

/// A number with `k`, `m` or `g` behind it: thousands, millions, thousands of millions.
pub(super) fn quantity(word: &str) -> Option<u64> {
    let (digits, factor) = match word.as_bytes().last()? {
        b'k' => (word.strip_suffix('k')?, 1_000),
        b'm' => (word.strip_suffix('m')?, 1_000_000),
        b'g' => (word.strip_suffix('g')?, 1_000_000_000),
        _ => (word, 1),
    };
    number(digits).map(|n| n.saturating_mul(factor))
}

/// `target:65000:100`, with an AS (`L` behind one of four octets) or an IPv4 address.
fn target(word: &str) -> Option<RouteTarget> {
    let (high, low) = word.strip_prefix("target:")?.rsplit_once(':')?;
    if high.contains('.') {
        return Some(RouteTarget::Ip4(high.parse::<Ipv4Addr>().ok()?.into(), low.parse().ok()?));
    }
    if let Some(high) = high.strip_suffix('L') {
        return Some(RouteTarget::As4(high.parse().ok()?, low.parse().ok()?));
    }
    match high.parse::<u16>() {
        Ok(high) => Some(RouteTarget::As2(high, low.parse().ok()?)),
        Err(_) => Some(RouteTarget::As4(high.parse().ok()?, low.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_and_targets() {
        assert_eq!(quantity("10m"), Some(10_000_000));
        assert_eq!(quantity("9600"), Some(9600));
        assert_eq!(quantity("m"), None);
        assert_eq!(target("target:65000:100"), Some(RouteTarget::As2(65000, 100)));
        assert_eq!(target("target:70000:1"), Some(RouteTarget::As4(70000, 1)));
        assert_eq!(target("target:7L:1"), Some(RouteTarget::As4(7, 1)));
        assert_eq!(target("target:192.0.2.1:7"), Some(RouteTarget::Ip4(0xc000_0201, 7)));
        assert_eq!(target("VRF"), None);
    }
}
