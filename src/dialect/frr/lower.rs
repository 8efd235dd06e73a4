//! What is shown and configured means: entries to flow specifications, policy maps to filters.
//!
//! Choices, each as FRR 8.4.4 does (measured):
//! - numbers are shown without what joins them: the condition lies between all of them and any of them;
//! - a component without an operator was sent with none of the three bits, which is never true;
//! - of a traffic-action `eval stops` is shown whatever it says: whether later rules count is not known;
//! - policy maps are tried by sequence number; what matches none is routed as usual; entries without `set` are not
//!   installed; one without addresses is IPv4.

use super::support;
use super::syntax::{Asked, Body, Entry, Item, Match, Sequence, Set};
use super::values;
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::component::AND;
use crate::dialect::flowspec::{self, Actions, Community, FlowSpec, Operand, Table};
use crate::dialect::services;
use crate::dialect::{ReadOptions, raised};
use crate::field::{Family, Field};
use crate::ir::{
    Action, Condition, Document, Kind, Mark, Origin, Outcome, RateUnit, RuleBuf, RuleSet, ValueSet, Verdict,
};
use crate::net::{IntervalSet, Prefix4, Prefix6};
use crate::source::{SourceId, Span};
use std::collections::BTreeMap;

/// The flow routes of a family as they are shown, each with the octets that tell its place among the others.
#[derive(Debug, Default)]
struct Shown {
    rules: crate::ir::Rules,
    keys: Vec<Vec<u8>>,
}

impl Shown {
    fn rule_set(mut self, table: Table) -> RuleSet {
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        let key = |index: &usize| self.keys.get(*index).map_or(&[][..], Vec::as_slice);
        order.sort_by(|a, b| flowspec::order::compare(table, key(a), key(b)));
        self.rules.reorder(&order);
        RuleSet {
            name: table.rule_set_name(None),
            kind: Kind::FlowRoutes,
            family: table.family(),
            default: Verdict::Accept,
            rules: self.rules,
        }
    }
}

/// What an entry asks for that is not shown in full, and where that stands.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// Whether later rules count.
    goes_on: Option<Span>,
    /// A rate in packets, which may be 0.
    discards: Option<Span>,
    /// On which interfaces it counts.
    interfaces: Option<Span>,
}

/// The rules of a file.
#[derive(Debug)]
pub(super) struct Rules<'o> {
    text: &'o str,
    source: SourceId,
    options: &'o ReadOptions,
    four: Shown,
    six: Shown,
    maps: Vec<RuleSet>,
    count: usize,
}

impl<'o> Rules<'o> {
    pub(super) fn new(text: &'o str, source: SourceId, options: &'o ReadOptions) -> Self {
        Self {
            text,
            source,
            options,
            four: Shown::default(),
            six: Shown::default(),
            maps: Vec::new(),
            count: 0,
        }
    }

    /// What was read.
    pub(super) fn finish(self) -> Document {
        let mut rule_sets = Vec::new();
        for (table, shown) in [(Table::Ipv4, self.four), (Table::Ipv6, self.six)] {
            if !shown.keys.is_empty() {
                rule_sets.push(shown.rule_set(table));
            }
        }
        rule_sets.extend(self.maps);
        Document { rule_sets, symbols: Vec::new(), ..Document::default() }
    }

    fn words(&self, span: Span) -> String {
        let words = self.text.get(span.range()).unwrap_or("");
        words.split_whitespace().take(200).collect::<Vec<_>>().join(" ")
    }

    /// Adds the rule of an entry that is shown.
    pub(super) fn entry(&mut self, entry: &Entry, findings: &mut Findings) {
        self.count += 1;
        let name = format!("entry-{}", self.count);
        let first = findings.len();
        let family = entry.family.unwrap_or(Family::Inet);
        let table = if family == Family::Inet6 { Table::Ipv6 } else { Table::Ipv4 };
        let (mut spec, mut whole) = (FlowSpec::new(family), FlowSpec::new(family));
        let mut opaque = self.components(entry, family, &mut spec, &mut whole, findings);
        for span in &entry.unread {
            findings.error(raised::SYNTAX_ERROR, "this is nothing that FRR shows of an entry", *span);
            let id = format!("frr {}", self.words(*span));
            opaque.push(Condition::opaque(id, "these words could not be read", *span));
        }
        let (actions, open) = self.actions(entry, findings);
        let set = table.rule_set_name(None);
        let origin = Origin { source: self.source, span: entry.span };
        // One that cannot be encoded goes behind the others.
        let mut key = Vec::new();
        if flowspec::encode::canonical(&whole, &mut key).is_err() {
            key.clear();
        }
        let shown = if family == Family::Inet6 { &mut self.six } else { &mut self.four };
        let mut spare = Vec::new();
        let mut add = |actions: &Actions, opaque: &[Condition], findings: &mut Vec<Diagnostic>| {
            let (name, rule_set, spec) = (&name, &set, &spec);
            let read = flowspec::Route { name, rule_set, spec, octets: None, actions, opaque, origin };
            flowspec::add(&read, self.options, findings, &mut shown.rules);
            shown.keys.push(key.clone());
        };
        if let Some(span) = open.interfaces {
            let (id, reason) = (format!("frr {name} interfaces"), "the group of interfaces is not shown");
            opaque.push(Condition::opaque(id, reason, span));
        }
        let either = |span: Option<Span>| if span.is_some() { &[true, false][..] } else { &[false][..] };
        for discards in either(open.discards) {
            for goes_on in either(open.goes_on) {
                let mut actions = actions.clone();
                let mut parts = opaque.clone();
                let mut case = |span: Option<Span>, is: bool, what: &str, reason: &str| {
                    let Some(span) = span else { return };
                    let condition = Condition::opaque(format!("frr {name} {what}"), reason, span);
                    parts.push(if is { condition } else { Condition::not(condition) });
                };
                case(open.discards, *discards, "discards", "the rate in packets is not shown");
                case(open.goes_on, *goes_on, "goes on", "whether later rules count is not shown");
                actions.goes_on = *goes_on;
                if *discards {
                    actions.push_rate(0.0, RateUnit::PacketsPerSecond, entry.span);
                }
                // What is wrong with it is said once.
                let is_last = !discards && !goes_on;
                add(&actions, &parts, if is_last { findings.list() } else { &mut spare });
            }
        }
        for finding in findings.list().iter_mut().skip(first) {
            finding.rule = Some(name.clone());
            finding.rule_set.get_or_insert_with(|| set.clone());
        }
        findings.bound();
    }

    // Fills `spec` with what is certain, and `whole` with all that is shown; gives the conditions that are not certain.
    fn components(
        &self,
        entry: &Entry,
        family: Family,
        spec: &mut FlowSpec,
        whole: &mut FlowSpec,
        findings: &mut Findings,
    ) -> Vec<Condition> {
        let mut opaque = Vec::new();
        if !entry.items.is_sorted_by_key(|item| item.kind) {
            let message = "components do not stand in ascending order of type";
            let help = "correct what announces the route: FRR does not look, other routers reset the session";
            findings.add(raised::COMPONENT_ORDER, Level::Warning, message, entry.span, help);
        }
        let mut items: Vec<&Item> = entry.items.iter().collect();
        items.sort_by_key(|item| item.kind);
        let mut before = None;
        for item in items {
            if before == Some(item.kind) {
                let message = format!("the {} stands twice", item.kind);
                let help = "correct what announces the route: such an NLRI is malformed";
                findings.add(raised::MALFORMED_NLRI, Level::Error, message, item.span, help);
                opaque.push(self.unknown(item, "a component of one type stands twice"));
                continue;
            }
            before = Some(item.kind);
            match &item.body {
                Body::Unread => {
                    findings.error(
                        raised::SYNTAX_ERROR,
                        format!("expected a {} as FRR shows it", item.kind),
                        item.span,
                    );
                    opaque.push(self.unknown(item, "this component could not be read"));
                }
                Body::Prefix4(addr, len) => match Prefix4::new(*addr, *len) {
                    Some(prefix) if family == Family::Inet => {
                        spec.push_prefix(item.kind, flowspec::Body::Prefix4(prefix), item.span);
                        whole.push_prefix(item.kind, flowspec::Body::Prefix4(prefix), item.span);
                    }
                    _ => opaque.push(self.unknown(item, "a prefix of the other family")),
                },
                Body::Prefix6(addr, len, offset) if family == Family::Inet6 => {
                    let body = flowspec::Body::Prefix6 { addr: *addr, len: *len, offset: *offset };
                    spec.push_prefix(item.kind, body, item.span);
                    whole.push_prefix(item.kind, body, item.span);
                }
                Body::Prefix6(..) => opaque.push(self.unknown(item, "a prefix of the other family")),
                Body::Bits(list) | Body::Numbers(list) => {
                    whole.push_operands(item.kind, list.iter().copied(), item.span);
                    let is_clear = matches!(item.body, Body::Bits(_)) || list.len() < 2;
                    let unclear = if is_clear { None } else { self.unclear(item, list, family) };
                    if let Some(condition) = unclear {
                        let message =
                            "FRR does not show whether these values are alternatives or all must hold";
                        let help = "take the route from the wire: a capture of the session or an MRT dump";
                        findings.add(raised::MISLEADING_TEXT, Level::Warning, message, item.span, help);
                        opaque.push(condition);
                    } else {
                        spec.push_operands(item.kind, list.iter().copied(), item.span);
                    }
                }
            }
        }
        if spec.components().is_empty() && opaque.is_empty() {
            let message = "this entry shows no component: such an NLRI is malformed";
            findings.add(
                raised::MALFORMED_NLRI,
                Level::Error,
                message,
                entry.span,
                "correct what announces the route",
            );
            opaque.push(Condition::opaque("frr nothing", "no component is shown", entry.span));
        }
        opaque
    }

    fn unknown(&self, item: &Item, reason: &'static str) -> Condition {
        Condition::opaque(format!("frr {}", self.words(item.span)), reason, item.span)
    }

    // A condition between all of the values and any of them; none where that is the same.
    fn unclear(&self, item: &Item, list: &[Operand], family: Family) -> Option<Condition> {
        let with = |join: u8| {
            let operands = list.iter().zip(0..).map(|(operand, index)| Operand {
                op: operand.op & !AND | if index == 0 { 0 } else { join },
                ..*operand
            });
            let mut spec = FlowSpec::new(family);
            spec.push_operands(item.kind, operands, item.span);
            flowspec::lower(&spec)
        };
        let (any, all) = (with(0), with(AND));
        if any == all {
            return None;
        }
        let id = format!("frr {} {}", item.kind, self.words(item.span));
        let reason = "what joins the values is not shown";
        Some(Condition::opaque_within(id, reason, any, all, item.span))
    }

    // What an entry asks for, and what of that is not known.
    fn actions(&self, entry: &Entry, findings: &mut Findings) -> (Actions, Open) {
        let mut actions = Actions::new();
        let mut open = Open::default();
        actions.given = entry.asked_known;
        for (asked, span) in &entry.asked {
            match asked {
                Asked::Rate(rate) => actions.push_rate(*rate, RateUnit::OctetsPerSecond, *span),
                Asked::Community(octets) => {
                    // No community of eight octets that is made here is malformed.
                    let _ = actions.push_community(&Community::Short(*octets), None, *span);
                }
                Asked::Unknown(kind, subtype) => {
                    let message = "FRR shows the type of this community and not what it asks for";
                    let help = "take the route from the wire: a capture of the session or an MRT dump";
                    findings.add(raised::MISLEADING_TEXT, Level::Warning, message, *span, help);
                    match (kind, subtype) {
                        (0x80, 0x0c) => open.discards = Some(*span),
                        (0x07 | 0x47, 0x02) => open.interfaces = Some(*span),
                        _ => {}
                    }
                    actions.push(Action::Other(self.words(*span).into()), *span);
                }
                Asked::Words => {
                    let words = self.words(*span);
                    if words.starts_with("FS:action") {
                        let message =
                            "FRR shows `eval stops` whatever the action says: later rules may count too";
                        let help = "take the route from the wire: a capture of the session or an MRT dump";
                        findings.add(raised::MISLEADING_TEXT, Level::Warning, message, *span, help);
                        open.goes_on = Some(*span);
                    } else if !values::is_known(&words) {
                        let message = format!("`{words}` is no action that FRR shows");
                        findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, *span, "");
                    }
                    if values::is_cut(&words) {
                        let message = "FRR shows twelve characters of a target: this one may go on";
                        let help = "take the route from the wire: a capture of the session or an MRT dump";
                        findings.add(raised::MISLEADING_TEXT, Level::Warning, message, *span, help);
                    }
                    actions.push(Action::Other(words.into()), *span);
                }
            }
        }
        (actions, open)
    }

    /// Adds the rule set of a policy map.
    pub(super) fn policy_map(&mut self, name: &str, map: &BTreeMap<u16, Sequence>, findings: &mut Findings) {
        let (mut four, mut six) = (Vec::new(), Vec::new());
        for (number, sequence) in map {
            let first = findings.len();
            let rule_name = number.to_string();
            let family = family(sequence);
            if let Some(rule) = self.sequence(&rule_name, sequence, findings) {
                if family == Family::Inet6 { six.push(rule) } else { four.push(rule) }
            }
            let set_name = set_name(name, family);
            for finding in findings.list().iter_mut().skip(first) {
                finding.rule = Some(rule_name.clone());
                finding.rule_set = Some(set_name.clone());
            }
        }
        for (family, rules) in [(Family::Inet, four), (Family::Inet6, six)] {
            if !rules.is_empty() {
                let name = set_name(name, family);
                let default = Verdict::Accept;
                self.maps.push(RuleSet { name, kind: Kind::Filter, family, default, rules: rules.into() });
            }
        }
    }

    fn sequence(&self, name: &str, sequence: &Sequence, findings: &mut Findings) -> Option<RuleBuf> {
        if routes(sequence).is_none() {
            let message = "an entry that sends packets nowhere is not installed";
            let help = "add `set nexthop`, `set nexthop-group` or `set vrf`, or remove the entry";
            findings.add(raised::UNUSED_DEFINITION, Level::Warning, message, sequence.span, help);
            return None;
        }
        let parts: Vec<Condition> =
            sequence.matches.iter().map(|line| self.matching(line, findings)).collect();
        let mut actions: Vec<Action> = Vec::new();
        let mut verdict = Verdict::Accept;
        for set in &sequence.sets {
            match self.set(set) {
                Ok(Some(action)) => actions.push(action),
                Ok(None) => {}
                Err(drops) => verdict = drops,
            }
        }
        let end =
            sequence.sets.iter().map(|set| set.span).chain(sequence.matches.iter().map(|line| line.span));
        let span = end.fold(sequence.span, Span::to);
        Some(RuleBuf {
            name: name.into(),
            condition: Condition::and(parts),
            actions: actions.into_boxed_slice(),
            outcome: Outcome::Verdict(verdict),
            action_given: true,
            nlri: None,
            origin: Origin { source: self.source, span },
        })
    }

    // An action; nothing where the packet goes its usual way; or the verdict that ends it.
    fn set(&self, set: &Set) -> Result<Option<Action>, Verdict> {
        let words: Vec<&str> = set.words.iter().map(String::as_str).collect();
        Ok(match words[..] {
            ["nexthop", "blackhole", ..] => return Err(Verdict::Discard),
            ["nexthop", addr, ..] => match addr.parse() {
                Ok(addr) => Some(Action::RedirectIp { addr: Some(addr), copy: false }),
                Err(_) => Some(Action::Other(self.words(set.span).into())),
            },
            ["vrf", "unchanged"] => None,
            ["vrf", name] => Some(Action::RedirectInstance(name.into())),
            ["dscp", value] => match support::dscp(value).or_else(|| value.parse().ok()) {
                Some(dscp) => u8::try_from(dscp).ok().map(|dscp| Action::Mark(Mark::Dscp(dscp))),
                None => Some(Action::Other(self.words(set.span).into())),
            },
            _ => Some(Action::Other(self.words(set.span).into())),
        })
    }

    fn matching(&self, line: &Match, findings: &mut Findings) -> Condition {
        let span = line.span;
        let value = line.value.as_str();
        let number = |max: u32| value.parse::<u32>().ok().filter(|number| *number <= max);
        let single = |field, number: u32| Condition::test_at(field, ValueSet::single(number), span);
        let read = match line.keyword.as_str() {
            "src-ip" => prefix(value, Field::Src4, Field::Src6, span),
            "dst-ip" => prefix(value, Field::Dst4, Field::Dst6, span),
            "src-port" => number(65_535).map(|port| single(Field::Sport, port)),
            "dst-port" => number(65_535).map(|port| single(Field::Dport, port)),
            "ip-protocol" => {
                let named = services::protocol(value).map(u32::from);
                named.or_else(|| number(255)).map(|protocol| single(Field::Proto, protocol))
            }
            "mark" => number(u32::MAX).map(|mark| single(Field::Mark, mark)),
            "dscp" => support::dscp(value).or_else(|| number(63)).map(|dscp| single(Field::Dscp, dscp)),
            "ecn" => number(3).map(|ecn| single(Field::Ecn, ecn)),
            "pcp" => number(7).map(|pcp| single(Field::VlanPcp, pcp)),
            "vlan" => vlan(value, span),
            // Said where it was met.
            "" => {
                return Condition::opaque(
                    format!("frr {}", self.words(span)),
                    "this line could not be read",
                    span,
                );
            }
            other => {
                let message = format!("`{other}` is no match of a policy map");
                findings.error(raised::UNSUPPORTED_KEYWORD, message, span);
                return Condition::opaque(
                    format!("frr {}", self.words(span)),
                    "the keyword is not known",
                    span,
                );
            }
        };
        read.unwrap_or_else(|| {
            let message = format!("expected a value of `{}`", line.keyword);
            findings.error(raised::SYNTAX_ERROR, message, span);
            Condition::opaque(format!("frr {}", self.words(span)), "this match could not be read", span)
        })
    }
}

// The line that says where packets go.
fn routes(sequence: &Sequence) -> Option<&Set> {
    let sends = |word: &String| matches!(word.as_str(), "nexthop" | "nexthop-group" | "vrf");
    sequence.sets.iter().find(|set| set.words.first().is_some_and(sends))
}

// An entry is of the family of its addresses, else of its next hop, else IPv4.
fn family(sequence: &Sequence) -> Family {
    let is_address = |line: &&Match| matches!(line.keyword.as_str(), "src-ip" | "dst-ip");
    let address = sequence.matches.iter().find(is_address).map(|line| line.value.as_str());
    let hop = || routes(sequence).and_then(|set| set.words.get(1)).map(String::as_str);
    if address.or_else(hop).is_some_and(|text| text.contains(':')) { Family::Inet6 } else { Family::Inet }
}

fn set_name(map: &str, family: Family) -> String {
    format!("pbr/{}/{map}", if family == Family::Inet6 { "ipv6" } else { "ipv4" })
}

fn prefix(text: &str, four: Field, six: Field, span: Span) -> Option<Condition> {
    if let Ok(prefix) = text.parse::<Prefix4>() {
        return Some(Condition::test_at(four, IntervalSet::from(prefix), span));
    }
    let prefix = text.parse::<Prefix6>().ok()?;
    Some(Condition::test_at(six, IntervalSet::from(prefix), span))
}

fn vlan(value: &str, span: Span) -> Option<Condition> {
    let present = || Condition::test_at(Field::VlanId, ValueSet::all(Field::VlanId), span);
    Some(match value {
        "tagged" => present(),
        "untagged" => Condition::not(present()),
        "untagged-or-zero" => Condition::or([
            Condition::not(present()),
            Condition::test_at(Field::VlanId, ValueSet::single(0), span),
        ]),
        _ => {
            let id = value.parse::<u32>().ok().filter(|id| (1..=4094).contains(id))?;
            Condition::test_at(Field::VlanId, ValueSet::single(id), span)
        }
    })
}
