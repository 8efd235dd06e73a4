//! Actions, both ways: a word, or an object whose one member is the action.

use super::findings::shown;
use super::lower::{Members, Reader};
use super::syntax::{Kind, NodeId};
use super::values::write_text;
use super::words;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::ir::{Action, Mark, Rate, RouteTarget};
use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Actions that are objects.
pub(super) const ACTIONS: [&str; 11] = [
    "count",
    "mark",
    "rate-limit",
    "policer",
    "redirect-target",
    "redirect-instance",
    "redirect-ip",
    "interface-set",
    "class",
    "other",
    "sample",
];

/// Writes an action.
pub(super) fn write(action: &Action, out: &mut dyn Write) -> fmt::Result {
    let named = |out: &mut dyn Write, word: &str, name: &str| {
        write!(out, "{{\"{word}\": ")?;
        write_text(name, out)?;
        out.write_char('}')
    };
    match action {
        Action::Count(name) => named(out, "count", name),
        Action::Log => out.write_str("\"log\""),
        Action::Sample => out.write_str("\"sample\""),
        Action::Mark(Mark::Dscp(dscp)) => write!(out, "{{\"mark\": {{\"dscp\": {dscp}}}}}"),
        Action::Mark(Mark::TrafficClass(octet)) => {
            write!(out, "{{\"mark\": {{\"traffic-class\": {octet}}}}}")
        }
        Action::RateLimit(rate) => write_rate(*rate, out),
        Action::Policer(name) => named(out, "policer", name),
        Action::RedirectTarget(target) => {
            out.write_str("{\"redirect-target\": ")?;
            match target {
                RouteTarget::As2(asn, value) => write!(out, "{{\"as2\": [{asn}, {value}]}}")?,
                RouteTarget::As4(asn, value) => write!(out, "{{\"as4\": [{asn}, {value}]}}")?,
                RouteTarget::Ip4(addr, value) => {
                    write!(out, "{{\"ip4\": [\"{}\", {value}]}}", Ipv4Addr::from_bits(*addr))?;
                }
                RouteTarget::Ip6(addr, value) => {
                    write!(out, "{{\"ip6\": [\"{}\", {value}]}}", Ipv6Addr::from_bits(*addr))?;
                }
            }
            out.write_char('}')
        }
        Action::RedirectInstance(name) => named(out, "redirect-instance", name),
        Action::RedirectIp { addr, copy } => {
            out.write_str("{\"redirect-ip\": {\"address\": ")?;
            match addr {
                Some(addr) => write!(out, "\"{addr}\"")?,
                None => out.write_str("null")?,
            }
            write!(out, ", \"copy\": {copy}}}}}")
        }
        Action::InterfaceSet { asn, group, inbound, outbound, transitive } => write!(
            out,
            "{{\"interface-set\": {{\"as\": {asn}, \"group\": {group}, \"inbound\": {inbound}, \
             \"outbound\": {outbound}, \"transitive\": {transitive}}}}}"
        ),
        Action::Class(name) => named(out, "class", name),
        Action::Other(name) => named(out, "other", name),
    }
}

fn write_rate(rate: Rate, out: &mut dyn Write) -> fmt::Result {
    out.write_str("{\"rate-limit\": {\"amount\": ")?;
    // JSON has no word for these.
    if rate.amount.is_nan() {
        out.write_str("\"nan\"")?;
    } else if rate.amount.is_infinite() {
        out.write_str(if rate.amount > 0.0 { "\"infinity\"" } else { "\"-infinity\"" })?;
    } else if rate.amount == 0.0 || (1e-6..1e15).contains(&rate.amount.abs()) {
        write!(out, "{}", rate.amount)?;
    } else {
        write!(out, "{:e}", rate.amount)?;
    }
    write!(out, ", \"unit\": \"{}\"", words::unit(rate.unit))?;
    if let Some(burst) = rate.burst {
        write!(out, ", \"burst\": {burst}")?;
    }
    out.write_str("}}")
}

impl Reader<'_, '_> {
    /// An action. One that cannot be read is reported and kept by its words.
    pub(super) fn action(&mut self, node: NodeId) -> Action {
        let tree = self.tree;
        let read = match tree.kind(node) {
            Kind::Text => match &*tree.string(node) {
                "log" => Some(Action::Log),
                "sample" => Some(Action::Sample),
                word => {
                    let known = ["log", "sample", "an object with an action in it"];
                    self.findings.unknown(tree.span(node), "action", word, known);
                    None
                }
            },
            Kind::Object => self.action_object(node),
            _ => {
                self.expected(node, "an action");
                None
            }
        };
        read.unwrap_or_else(|| Action::Other(shown(tree.raw(node)).into()))
    }

    fn action_object(&mut self, node: NodeId) -> Option<Action> {
        let tree = self.tree;
        let mut members = tree.members(node);
        let (Some((key, value)), None) = (members.next(), members.next()) else {
            self.findings.syntax(tree.beginning(node), "an action is an object of one member");
            return None;
        };
        if tree.kind(key) != Kind::Text {
            return None;
        }
        let word = tree.string(key);
        let mut name = |what: &str| self.text(value, what).map(|name| Box::<str>::from(&*name));
        match &*word {
            "count" => Some(Action::Count(name("the name of a counter")?)),
            "policer" => Some(Action::Policer(name("the name of a policer")?)),
            "redirect-instance" => Some(Action::RedirectInstance(name("the name of a routing instance")?)),
            "class" => Some(Action::Class(name("the name of a class")?)),
            "other" => Some(Action::Other(name("the action in words")?)),
            "mark" => self.mark(value),
            "rate-limit" => self.rate(value),
            "redirect-target" => self.route_target(value).map(Action::RedirectTarget),
            "redirect-ip" => self.redirect_ip(value),
            "interface-set" => self.interface_set(value),
            _ => {
                let known = ACTIONS.into_iter().filter(|word| *word != "sample");
                self.findings.unknown(tree.span(key), "action", &word, known);
                None
            }
        }
    }

    fn mark(&mut self, node: NodeId) -> Option<Action> {
        let Members { known, has_unknown } = self.members(node, "a mark", &["dscp", "traffic-class"]);
        match known {
            [Some(dscp), None] => Some(Action::Mark(Mark::Dscp(self.number(dscp, "a DSCP")?))),
            [None, Some(octet)] => {
                Some(Action::Mark(Mark::TrafficClass(self.number(octet, "a traffic class")?)))
            }
            _ => {
                if !has_unknown {
                    self.findings.syntax(self.tree.beginning(node), "a mark is one value of one field");
                }
                None
            }
        }
    }

    fn rate(&mut self, node: NodeId) -> Option<Action> {
        let Members { known: [amount, unit, burst], has_unknown } =
            self.members(node, "a rate limit", &["amount", "unit", "burst"]);
        let (Some(amount), Some(unit), false) = (amount, unit, has_unknown) else {
            if !has_unknown {
                let message = "a rate limit needs an `amount` and a `unit`";
                self.findings.syntax(self.tree.beginning(node), message);
            }
            return None;
        };
        let amount = self.amount(amount)?;
        let word = self.text(unit, "the unit of a rate")?;
        let Some(known) = words::value(words::UNITS, &word) else {
            self.findings.unknown(self.tree.span(unit), "unit of a rate", &word, words::names(words::UNITS));
            return None;
        };
        let burst = match burst {
            Some(burst) => Some(self.number(burst, "a burst in octets")?),
            None => None,
        };
        Some(Action::RateLimit(Rate { amount, unit: known, burst }))
    }

    fn amount(&mut self, node: NodeId) -> Option<f64> {
        let raw = self.tree.raw(node);
        match self.tree.kind(node) {
            Kind::Number => match raw.parse::<f64>() {
                Ok(amount) if amount.is_finite() => return Some(amount),
                _ => {
                    let message = format!("`{}` is too large for a rate", shown(raw));
                    self.findings.add(
                        raised::VALUE_OUT_OF_RANGE,
                        Level::Error,
                        self.tree.span(node),
                        message,
                    );
                }
            },
            Kind::Text if raw == "\"infinity\"" => return Some(f64::INFINITY),
            Kind::Text if raw == "\"-infinity\"" => return Some(f64::NEG_INFINITY),
            Kind::Text if raw == "\"nan\"" => return Some(f64::NAN),
            _ => self.expected(node, "the amount of a rate, a number or `infinity`,"),
        }
        None
    }

    fn route_target(&mut self, node: NodeId) -> Option<RouteTarget> {
        let Members { known, has_unknown } =
            self.members(node, "a route target", &["as2", "as4", "ip4", "ip6"]);
        let mut known_pair = None;
        for (pair, kind) in known.into_iter().zip(0..) {
            if let Some(pair) = pair
                && known_pair.replace((pair, kind)).is_some()
            {
                known_pair = None;
                break;
            }
        }
        let Some((pair, kind)) = known_pair.filter(|_| !has_unknown) else {
            if !has_unknown {
                let message = "a route target is one of as2, as4, ip4, ip6";
                self.findings.syntax(self.tree.beginning(node), message);
            }
            return None;
        };
        let [head, value] = *self.list(pair, "the two parts of a route target")? else {
            self.expected(pair, "the two parts of a route target");
            return None;
        };
        let what = "the number of a route target";
        Some(match kind {
            0 => RouteTarget::As2(self.number(head, "an AS")?, self.number(value, what)?),
            1 => RouteTarget::As4(self.number(head, "an AS")?, self.number(value, what)?),
            2 => RouteTarget::Ip4(self.address::<Ipv4Addr>(head)?.to_bits(), self.number(value, what)?),
            _ => RouteTarget::Ip6(self.address::<Ipv6Addr>(head)?.to_bits(), self.number(value, what)?),
        })
    }

    fn address<T: std::str::FromStr>(&mut self, node: NodeId) -> Option<T> {
        let text = self.text(node, "an address")?;
        let addr = text.parse().ok();
        if addr.is_none() {
            self.findings.syntax(self.tree.span(node), format!("`{}` is no address here", shown(&text)));
        }
        addr
    }

    fn redirect_ip(&mut self, node: NodeId) -> Option<Action> {
        let Members { known: [addr, copy], has_unknown } =
            self.members(node, "a redirect to an address", &["address", "copy"]);
        let addr = match addr.filter(|addr| self.tree.kind(*addr) != Kind::Null) {
            Some(addr) => Some(self.address::<IpAddr>(addr)?),
            None => None,
        };
        let copy = match copy {
            Some(copy) => self.truth(copy, "whether a copy is sent")?,
            None => false,
        };
        (!has_unknown).then_some(Action::RedirectIp { addr, copy })
    }

    fn interface_set(&mut self, node: NodeId) -> Option<Action> {
        let names = ["as", "group", "inbound", "outbound", "transitive"];
        let Members { known, has_unknown } = self.members(node, "an interface set", &names);
        let [Some(asn), Some(group), Some(inbound), Some(outbound), Some(transitive)] = known else {
            if !has_unknown {
                let message = format!("an interface set needs all of {}", names.join(", "));
                self.findings.syntax(self.tree.beginning(node), message);
            }
            return None;
        };
        let asn = self.number(asn, "an AS")?;
        let group = self.number(group, "the number of a group")?;
        let inbound = self.truth(inbound, "whether it is for incoming packets")?;
        let outbound = self.truth(outbound, "whether it is for outgoing packets")?;
        let transitive = self.truth(transitive, "whether it is carried between autonomous systems")?;
        (!has_unknown).then_some(Action::InterfaceSet { asn, group, inbound, outbound, transitive })
    }
}
