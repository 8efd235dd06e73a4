//! What a route means: items to a flow specification, attributes to actions, and these to a rule.
//!
//! Choices, each as BIRD 2.0.12 does (measured):
//! - a list of bits `value/mask` is one test of the bits set and one of the bits clear; a mask of 0 is dropped;
//! - a route with two items of one type loads, is shown joined, and is never announced;
//! - a route without items is announced as an empty NLRI;
//! - a route without communities is announced without any, which routers read as accept.

use super::items::wire_op;
use super::support;
use super::syntax::{Attribute, Body, Item, Operand, Route, Test};
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::component::{AND, MATCH, NOT};
use crate::dialect::flowspec::{self, Actions, Community, ComponentType, FlowSpec, Table};
use crate::dialect::{ReadOptions, raised};
use crate::field::Family;
use crate::ir::{self, Action, Condition, Document, Origin};
use crate::net::Prefix4;
use crate::source::{SourceId, Span};
use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The rules of a file by table, with storage that is used again for every route.
#[derive(Debug)]
pub(super) struct Rules<'o> {
    text: &'o str,
    source: SourceId,
    options: &'o ReadOptions,
    groups: Vec<Group>,
    by_key: HashMap<(bool, String), usize>,
    last: Option<usize>,
    count: usize,
    number: String,
    spec: FlowSpec,
    actions: Actions,
    order: Vec<(u8, u32)>,
    opaque: Vec<Condition>,
}

#[derive(Debug)]
struct Group {
    family: Family,
    table: String,
    rules: ir::Rules,
}

/// The table that a file without names has; its rule set needs no name either.
pub(super) fn default_table(family: Family) -> &'static str {
    if family == Family::Inet6 { "flowtab6" } else { "flowtab4" }
}

fn of_family(family: Family) -> Table {
    if family == Family::Inet6 { Table::Ipv6 } else { Table::Ipv4 }
}

impl<'o> Rules<'o> {
    pub(super) fn new(text: &'o str, source: SourceId, options: &'o ReadOptions) -> Self {
        Self {
            text,
            source,
            options,
            groups: Vec::new(),
            by_key: HashMap::new(),
            last: None,
            count: 0,
            number: String::new(),
            spec: FlowSpec::new(Family::Inet),
            actions: Actions::new(),
            order: Vec::new(),
            opaque: Vec::new(),
        }
    }

    /// The name of the rule set of a table.
    pub(super) fn set_name(family: Family, table: &str) -> String {
        let name = of_family(family).rule_set();
        if table.is_empty() || table == default_table(family) {
            name.to_owned()
        } else {
            format!("{name}/{table}")
        }
    }

    /// Puts rules into a table; an empty name is the table of files without names.
    pub(super) fn append(&mut self, family: Family, table: &str, rules: ir::Rules) {
        let table = if table.is_empty() { default_table(family) } else { table };
        let same = |group: &&mut Group| group.family == family && group.table == table;
        if let Some(group) = self.last.and_then(|at| self.groups.get_mut(at)).filter(same) {
            return group.rules.append(rules);
        }
        let at = *self.by_key.entry((family == Family::Inet6, table.to_owned())).or_insert_with(|| {
            self.groups.push(Group { family, table: table.to_owned(), rules: ir::Rules::new() });
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(at) {
            group.rules.append(rules);
        }
        self.last = Some(at);
    }

    /// What was read, each rule set in evaluation order.
    pub(super) fn finish(self, findings: &mut Findings) -> Document {
        let sets = self.groups.into_iter().map(|group| {
            let name = Self::set_name(group.family, &group.table);
            flowspec::rule_set(name, of_family(group.family), group.rules)
        });
        let mut document = Document { rule_sets: sets.collect(), symbols: Vec::new(), ..Document::default() };
        flowspec::bind(&mut document, findings.list());
        document
    }

    /// Adds the rule of a route to `rules`. Findings from `first` on are about it and get its name.
    pub(super) fn rule(
        &mut self,
        route: &Route,
        name: Option<&str>,
        first: usize,
        findings: &mut Findings,
        rules: &mut ir::Rules,
    ) {
        self.count += 1;
        let mut number = std::mem::take(&mut self.number);
        let name = name.unwrap_or_else(|| {
            number.clear();
            default_name(self.count, &mut number);
            &number
        });
        self.fill_spec(route, findings);
        self.fill_actions(route, findings);
        if let Some(span) = route.broken {
            self.opaque_part(span, "a part of this route could not be read");
        }
        let set = of_family(route.family).rule_set();
        let read = flowspec::Route {
            name,
            rule_set: set,
            spec: &self.spec,
            octets: None,
            actions: &self.actions,
            opaque: &self.opaque,
            origin: Origin { source: self.source, span: route.span },
        };
        flowspec::add(&read, self.options, findings.list(), rules);
        for finding in findings.list().iter_mut().skip(first) {
            finding.rule = Some(name.to_owned());
            finding.rule_set.get_or_insert_with(|| set.to_owned());
        }
        findings.bound();
        self.number = number;
    }

    fn words(&self, span: Span) -> String {
        let words = self.text.get(span.range()).unwrap_or("");
        words.split_whitespace().take(200).collect::<Vec<_>>().join(" ")
    }

    fn opaque_part(&mut self, span: Span, reason: &'static str) {
        let words = self.words(span);
        self.opaque.push(Condition::opaque(format!("bird {words}"), reason, span));
    }

    fn unread(&mut self, item: &Item) {
        self.opaque_part(item.span, "this item could not be read");
    }

    // Fills `spec`; the order of the components is that of their types.
    fn fill_spec(&mut self, route: &Route, findings: &mut Findings) {
        self.spec.clear(route.family);
        self.opaque.clear();
        let mut dropped = false;
        // Most routes name each type once, in ascending order.
        let ascend = |pair: &[Item]| matches!(pair, [a, b] if a.kind < b.kind);
        if route.items.iter().all(|item| item.kind.is_some()) && route.items.windows(2).all(ascend) {
            for item in &route.items {
                if let Some(kind) = item.kind {
                    dropped |= self.component(route, kind, item, findings);
                }
            }
        } else {
            dropped = self.sorted(route, findings);
        }
        self.told_if_empty(route, dropped, findings);
    }

    // The components of a route in the order of their types.
    fn sorted(&mut self, route: &Route, findings: &mut Findings) -> bool {
        self.order.clear();
        for (item, index) in route.items.iter().zip(0_u32..) {
            self.order.push((item.kind.map_or(u8::MAX, ComponentType::number), index));
        }
        self.order.sort_unstable();
        let order = std::mem::take(&mut self.order);
        let mut dropped = false;
        for same in order.chunk_by(|a, b| a.0 == b.0) {
            let mut items = same.iter().filter_map(|(_, index)| route.items.get(*index as usize));
            let Some(first) = items.next() else { continue };
            if let Some(kind) = first.kind {
                dropped |= self.component(route, kind, first, findings);
                for again in items {
                    self.repeated(kind, first, again, findings);
                }
            } else {
                self.unread(first);
                items.for_each(|item| self.unread(item));
            }
        }
        self.order = order;
        dropped
    }

    fn told_if_empty(&self, route: &Route, dropped: bool, findings: &mut Findings) {
        if self.spec.components().is_empty() && self.opaque.is_empty() && route.broken.is_none() {
            let why =
                if dropped { "a route whose conditions are all dropped" } else { "a route without items" };
            let message = format!("{why} is announced as an empty NLRI");
            let help = "write what it matches, as `dst 0.0.0.0/0;`: some routers reset the session, others match everything";
            findings.add(raised::MALFORMED_NLRI, Level::Error, message, route.span, help);
        }
    }

    fn repeated(&mut self, kind: ComponentType, first: &Item, again: &Item, findings: &mut Findings) {
        let message = format!(
            "a second `{}` makes a route that BIRD loads and never announces",
            support::keyword(kind, false)
        );
        let help = "write one list, or a route for each";
        findings.add(raised::COMPONENT_ORDER, Level::Error, message, again.span, help);
        let source = findings.source();
        if let Some(finding) = findings.list().last_mut() {
            let label = crate::diagnostic::Label::new(source, first.span).with_message("the first one");
            finding.secondary.push(label);
        }
        self.unread(again);
    }

    // Whether a part of the component was dropped because it looks at no bit.
    fn component(
        &mut self,
        route: &Route,
        kind: ComponentType,
        item: &Item,
        findings: &mut Findings,
    ) -> bool {
        match item.body {
            Body::Unread => self.unread(item),
            Body::Prefix4 { addr, len } => {
                let Some(prefix) = Prefix4::new(addr, len) else { return false };
                if prefix.has_host_bits() {
                    let written = format!("{}/{len}", Ipv4Addr::from(addr));
                    host_bits(&written, &prefix.network().to_string(), item.span, findings);
                }
                self.spec.push_prefix(kind, flowspec::Body::Prefix4(prefix.network()), item.span);
            }
            Body::Prefix6 { addr, len, offset } => {
                let kept = addr & u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
                if kept != addr {
                    let text = |addr: u128| format!("{}/{len}", Ipv6Addr::from(addr));
                    host_bits(&text(addr), &text(kept), item.span, findings);
                }
                let body = flowspec::Body::Prefix6 { addr: kept, len, offset };
                self.spec.push_prefix(kind, body, item.span);
            }
            Body::List { .. } => return self.list(route, kind, item, findings),
        }
        false
    }

    fn list(&mut self, route: &Route, kind: ComponentType, item: &Item, findings: &mut Findings) -> bool {
        let start = self.spec.operand_count();
        let (mut dropped, mut refused) = (false, false);
        for operand in route.list(item) {
            match check(operand, kind, route.family) {
                Ok(()) => {}
                Err(problem) => {
                    findings.add(problem.check, problem.level, problem.message, operand.span, problem.help);
                    dropped |= problem.level < Level::Error;
                    refused |= problem.level == Level::Error && problem.check != raised::VALUE_OUT_OF_RANGE;
                }
            }
            push(operand, &mut self.spec);
        }
        if refused {
            self.spec.drop_operands(start);
            self.unread(item);
        } else if self.spec.operand_count() > start {
            self.spec.close_operands(kind, start, item.span);
        }
        dropped
    }

    fn fill_actions(&mut self, route: &Route, findings: &mut Findings) {
        self.actions.list.clear();
        self.actions.goes_on = false;
        self.actions.given = route.attributes_known;
        for (attribute, span) in &route.attributes {
            match attribute {
                Attribute::Add(octets) => {
                    let community = Community::Short(*octets);
                    if let Err(error) = self.actions.push_community(&community, None, *span) {
                        findings.error(raised::SYNTAX_ERROR, error.to_string(), *span);
                        self.actions.push(Action::Other(self.words(*span).into()), *span);
                    }
                }
                Attribute::Empty => {
                    self.actions.list.clear();
                    self.actions.goes_on = false;
                }
                Attribute::Unread => self.actions.push(Action::Other(self.words(*span).into()), *span),
            }
        }
    }
}

/// The name of the route of that number in its file.
pub(super) fn default_name(number: usize, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(number));
}

fn host_bits(written: &str, meant: &str, span: Span, findings: &mut Findings) {
    let message = format!("`{written}` has bits set outside the prefix");
    let help = format!("write `{meant}`: BIRD refuses the file");
    findings.add(raised::HOST_BITS_SET, Level::Error, message, span, &help);
}

struct Problem {
    check: &'static str,
    level: Level,
    message: String,
    help: &'static str,
}

// What BIRD refuses or drops beside what no packet can carry.
fn check(operand: &Operand, kind: ComponentType, family: Family) -> Result<(), Problem> {
    let error = |check, message, help| Err(Problem { check, level: Level::Error, message, help });
    match operand.test {
        Test::Number { value, .. } => {
            let (largest, carried) = (support::largest(kind), kind.max(family));
            let value = u64::from(value);
            if value > largest && value <= carried {
                let message = format!("`{value}` is beyond {largest}, the largest number BIRD takes here");
                return error(raised::VALUE_OUT_OF_RANGE, message, "write `> 65535` for what is longer");
            }
        }
        Test::Bits { value, mask, .. } if (value | mask) > 0xfff && kind == ComponentType::TcpFlags => {
            let message = format!("`{:#x}` is beyond 0xfff, the largest mask of TCP flags", value | mask);
            return error(raised::VALUE_OUT_OF_RANGE, message, "write a mask of at most 0xfff");
        }
        Test::Bits { value, mask, .. } if value & !mask != 0 => {
            let message = format!("`{value:#x}` has bits outside its mask `{mask:#x}`");
            return error(raised::SYNTAX_ERROR, message, "write a mask that holds all bits of the value");
        }
        Test::Bits { not: true, value, mask } if value != 0 && value != mask => {
            let message = "a negated value must be 0 or its mask".to_owned();
            return error(raised::SYNTAX_ERROR, message, "write the alternatives one by one");
        }
        Test::Bits { mask: 0, .. } => {
            return Err(Problem {
                check: raised::MISLEADING_TEXT,
                level: Level::Warning,
                message: "a mask of 0 looks at no bit: BIRD drops this test".to_owned(),
                help: "remove it, or write the bits that are meant",
            });
        }
        Test::Bits { mask, .. } | Test::Fragment { bit: mask, .. }
            if kind == ComponentType::Fragment && family == Family::Inet6 && mask & 1 != 0 =>
        {
            let message = "IPv6 packets have no `dont_fragment`".to_owned();
            return error(raised::MIXED_FAMILY, message, "remove it: BIRD refuses the file");
        }
        Test::Bits { .. } | Test::Fragment { .. } => {}
    }
    Ok(())
}

// An operand as BIRD sends it (`flow_builder_add_op_val`, `flow_builder_add_val_mask` of lib/flowspec.c).
fn push(operand: &Operand, out: &mut FlowSpec) {
    let span = operand.span;
    let mut add = |op: u8, value: u32| out.push_operand(flowspec::Operand::new(op, u64::from(value), span));
    match operand.test {
        Test::Number { op, value } => add(wire_op(operand.join, op), value),
        Test::Fragment { not, bit } => add(wire_op(operand.join, if not { NOT } else { MATCH }), bit),
        Test::Bits { not, value, mask } => {
            let (set, clear) = (value & mask, !value & mask);
            let not = if not { NOT } else { 0 };
            let mut op = wire_op(operand.join, not);
            if set != 0 {
                add(op ^ MATCH, set);
                op |= AND;
            }
            if clear != 0 {
                add(op ^ NOT, clear);
            }
        }
    }
}
