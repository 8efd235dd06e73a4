//! What a route means: keys to a flow specification, actions to communities, and these to a rule.
//!
//! Choices, each as GoBGP 3.10.0 does (measured):
//! - a key written twice counts once, the later one;
//! - host bits of a prefix are cleared; a bare address is a host;
//! - a route without communities is announced without any, which routers read as accept;
//! - adding the same match again replaces what it asked for.

use super::support;
use super::syntax::{Asked, Body, Item, Route, Verb};
use crate::diagnostic::{Label, Level};
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::{self, Actions, Community, ComponentType, FlowSpec, Table, encode};
use crate::dialect::{ReadOptions, raised};
use crate::field::Family;
use crate::ir::{Action, Condition, Document, Origin, RateUnit};
use crate::net::Prefix4;
use crate::source::{SourceId, Span};
use foldhash::fast::RandomState;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

type Distinguisher = Option<[u8; 8]>;

/// The rules of a file by table.
#[derive(Debug)]
pub(super) struct Rules<'o> {
    text: &'o str,
    source: SourceId,
    options: &'o ReadOptions,
    groups: Vec<Group>,
    by_key: HashMap<(Table, Distinguisher), usize>,
    count: usize,
    spec: FlowSpec,
    actions: Actions,
    order: Vec<(u8, u32)>,
    opaque: Vec<Condition>,
}

#[derive(Debug)]
struct Group {
    table: Table,
    name: String,
    rules: crate::ir::Rules,
    // The rules that were removed or replaced.
    gone: BTreeSet<usize>,
    // The last rule with an NLRI, by its digest: whether it is that NLRI, the rule tells.
    by_nlri: HashMap<u64, usize, RandomState>,
}

impl<'o> Rules<'o> {
    pub(super) fn new(text: &'o str, source: SourceId, options: &'o ReadOptions) -> Self {
        Self {
            text,
            source,
            options,
            groups: Vec::new(),
            by_key: HashMap::new(),
            count: 0,
            spec: FlowSpec::new(Family::Inet),
            actions: Actions::new(),
            order: Vec::new(),
            opaque: Vec::new(),
        }
    }

    /// What was read, each rule set in evaluation order; those that lost all their rules are gone.
    pub(super) fn finish(self) -> Document {
        let sets = self.groups.into_iter().filter_map(|group| {
            let Group { table, name, mut rules, gone, by_nlri } = group;
            drop(by_nlri);
            if !gone.is_empty() {
                rules.retain(|index, _| !gone.contains(&index));
            }
            rules.shrink_to_fit();
            (!rules.is_empty()).then(|| flowspec::rule_set(name, table, rules))
        });
        Document { rule_sets: sets.collect(), symbols: Vec::new(), ..Document::default() }
    }

    /// Removes every rule of a table.
    pub(super) fn clear(&mut self, table: Table) {
        for group in self.groups.iter_mut().filter(|group| group.table == table) {
            group.rules = crate::ir::Rules::new();
            group.gone.clear();
            group.by_nlri.clear();
        }
    }

    fn group(&mut self, table: Table, distinguisher: Distinguisher) -> usize {
        *self.by_key.entry((table, distinguisher)).or_insert_with(|| {
            let name = table.rule_set_name(distinguisher);
            let (rules, gone) = (crate::ir::Rules::new(), BTreeSet::new());
            self.groups.push(Group { table, name, rules, gone, by_nlri: HashMap::default() });
            self.groups.len() - 1
        })
    }

    /// Adds, replaces or removes the rule of a route. Findings from `first` on are about it and get its name.
    pub(super) fn route(&mut self, route: &Route, name: Option<&str>, first: usize, findings: &mut Findings) {
        self.fill_spec(route, findings);
        let at = self.group(route.table, self.spec.distinguisher);
        if route.verb == Verb::Delete {
            return self.delete(at, route, findings);
        }
        self.count += 1;
        let number;
        let name = if let Some(name) = name {
            name
        } else {
            number = default_name(self.count);
            &number
        };
        self.fill_actions(route, findings);
        let Some(Group { name: set, rules, gone, by_nlri, .. }) = self.groups.get_mut(at) else { return };
        let read = flowspec::Route {
            name,
            rule_set: set,
            spec: &self.spec,
            octets: None,
            actions: &self.actions,
            opaque: &self.opaque,
            origin: Origin { source: self.source, span: route.span },
        };
        let new = rules.len();
        flowspec::add(&read, self.options, findings.list(), rules);
        for finding in findings.list().iter_mut().skip(first) {
            finding.rule = Some(name.to_owned());
            finding.rule_set.get_or_insert_with(|| set.clone());
        }
        findings.bound();
        if route.verb == Verb::Add
            && let Some(nlri) = rules.get(new).and_then(|rule| rule.nlri)
            && let Some(old) = by_nlri.insert(by_nlri.hasher().hash_one(nlri), new)
            && rules.get(old).is_some_and(|rule| rule.nlri == Some(nlri))
        {
            gone.insert(old);
        }
    }

    fn delete(&mut self, at: usize, route: &Route, findings: &mut Findings) {
        let mut octets = Vec::new();
        if !self.opaque.is_empty() || encode::canonical(&self.spec, &mut octets).is_err() {
            return;
        }
        let group = self.groups.get_mut(at);
        let found = group.and_then(|group| {
            let digest = group.by_nlri.hasher().hash_one(octets.as_slice());
            let index = *group.by_nlri.get(&digest)?;
            (group.rules.get(index)?.nlri == Some(octets.as_slice())).then_some(())?;
            group.by_nlri.remove(&digest);
            group.gone.insert(index).then_some(())
        });
        if found.is_none() {
            let message = "this route is removed and was not added before";
            findings.add(raised::UNDEFINED_REFERENCE, Level::Note, message, route.span, "");
        }
    }

    fn words(&self, span: Span) -> String {
        let words = self.text.get(span.range()).unwrap_or("");
        words.split_whitespace().take(200).collect::<Vec<_>>().join(" ")
    }

    fn opaque_part(&mut self, span: Span, reason: &'static str) {
        let words = self.words(span);
        self.opaque.push(Condition::opaque(format!("gobgp {words}"), reason, span));
    }

    // Fills `spec`; the order of the components is that of their types.
    fn fill_spec(&mut self, route: &Route, findings: &mut Findings) {
        self.spec.clear(route.table.family());
        self.spec.distinguisher = route.distinguisher.filter(|_| route.table.is_vpn());
        self.opaque.clear();
        self.order.clear();
        for (item, index) in route.items.iter().zip(0_u32..) {
            self.order.push((item.kind.map_or(u8::MAX, ComponentType::number), index));
        }
        self.order.sort_unstable();
        let order = std::mem::take(&mut self.order);
        for same in order.chunk_by(|a, b| a.0 == b.0) {
            let mut items = same.iter().filter_map(|(_, index)| route.items.get(*index as usize)).rev();
            let Some(last) = items.next() else { continue };
            if last.kind.is_none() {
                self.unread(last);
                items.for_each(|item| self.unread(item));
                continue;
            }
            self.component(route, last, findings);
            items.for_each(|item| self.replaced(item, last, findings));
        }
        self.order = order;
        if let Some(span) = route.broken {
            self.opaque_part(span, "a part of this route could not be read");
        }
        if self.spec.components().is_empty() && self.opaque.is_empty() {
            let message = "a route without conditions has no NLRI";
            let help = "write what it matches, as `destination 0.0.0.0/0`";
            findings.add(raised::MALFORMED_NLRI, Level::Error, message, route.span, help);
        }
    }

    fn unread(&mut self, item: &Item) {
        self.opaque_part(item.span, "this condition could not be read");
    }

    fn replaced(&self, item: &Item, later: &Item, findings: &mut Findings) {
        let key = item.kind.map_or("", support::keyword);
        let message = format!("GoBGP drops this `{key}`: the later one replaces it");
        findings.add(
            raised::MISLEADING_TEXT,
            Level::Warning,
            message,
            item.span,
            "write all values behind one key",
        );
        if let Some(finding) = findings.list().last_mut() {
            finding.secondary.push(Label::new(self.source, later.span).with_message("the later one"));
        }
    }

    fn component(&mut self, route: &Route, item: &Item, findings: &mut Findings) {
        let Some(kind) = item.kind else { return };
        match item.body {
            Body::Unread => self.unread(item),
            Body::Prefix4 { addr, len } => {
                if let Some(prefix) = Prefix4::new(addr, len) {
                    self.spec.push_prefix(kind, flowspec::Body::Prefix4(prefix), item.span);
                }
            }
            Body::Prefix6 { addr, len, offset } => {
                if offset != 0 && route.verb == Verb::Add {
                    let message = "GoBGP sends a prefix with an offset in a form that routers call malformed";
                    let help = "write a prefix without an offset, or announce the route with another daemon";
                    findings.add(raised::MALFORMED_NLRI, Level::Error, message, item.span, help);
                }
                self.spec.push_prefix(kind, flowspec::Body::Prefix6 { addr, len, offset }, item.span);
            }
            Body::List { .. } => {
                let list = route.list(item);
                Self::check(kind, route, list, item.span, findings);
                self.spec.push_operands(kind, list.iter().copied(), item.span);
            }
        }
    }

    // What GoBGP refuses or sends otherwise, beside what no packet can carry.
    fn check(
        kind: ComponentType,
        route: &Route,
        list: &[flowspec::Operand],
        span: Span,
        findings: &mut Findings,
    ) {
        if route.verb != Verb::Add {
            return;
        }
        let family = route.table.family();
        let (largest, carried) = (support::largest(kind), kind.max(family));
        if let Some(operand) =
            list.iter().find(|o| !kind.is_bitmask() && o.value > largest && o.value <= carried)
        {
            let message =
                format!("`{}` is beyond {largest}, the largest number GoBGP takes here", operand.value);
            let help = "write `>65535` for what is longer";
            findings.add(raised::VALUE_OUT_OF_RANGE, Level::Error, message, operand.span, help);
        }
        if kind == ComponentType::FlowLabel
            && family == Family::Inet6
            && list.iter().any(|operand| operand.width < 4)
        {
            let message = "GoBGP sends a flow label in fewer octets than the four RFC 8956 asks for";
            findings.add(raised::NONCANONICAL, Level::Note, message, span, "routers read it all the same");
        }
        let six = family == Family::Inet6;
        if let Some(operand) =
            list.iter().find(|o| six && kind == ComponentType::Fragment && o.value & 1 != 0)
        {
            let message = "IPv6 packets have no `dont-fragment`: routers read the bit as 0";
            findings.add(raised::MIXED_FAMILY, Level::Error, message, operand.span, "remove it");
        }
    }

    fn fill_actions(&mut self, route: &Route, findings: &mut Findings) {
        self.actions.list.clear();
        self.actions.goes_on = false;
        self.actions.given = route.asked_known;
        for (asked, span) in &route.asked {
            let community = match asked {
                Asked::Rate(rate) => {
                    self.actions.push_rate(*rate, RateUnit::OctetsPerSecond, *span);
                    continue;
                }
                Asked::Traffic(sample, goes_on) => {
                    self.actions.given = true;
                    self.actions.goes_on |= goes_on;
                    if *sample {
                        self.actions.push(Action::Sample, *span);
                    }
                    continue;
                }
                Asked::Unread => {
                    self.actions.push(Action::Other(self.words(*span).into()), *span);
                    continue;
                }
                Asked::Short(octets) => {
                    if let [0x80, 0x09, .., dscp] = octets
                        && *dscp > 63
                    {
                        let message =
                            format!("GoBGP sends DSCP `{dscp}`, of which routers read {}", dscp & 0x3f);
                        findings.add(
                            raised::VALUE_OUT_OF_RANGE,
                            Level::Error,
                            message,
                            *span,
                            "write a DSCP of 0 to 63",
                        );
                    }
                    Community::Short(*octets)
                }
                Asked::Long(octets) => Community::Long(*octets),
            };
            if let Err(error) = self.actions.push_community(&community, None, *span) {
                findings.error(raised::SYNTAX_ERROR, error.to_string(), *span);
            }
        }
    }
}

/// The name of the route of that number in its file.
pub(super) fn default_name(number: usize) -> String {
    format!("route-{number}")
}
