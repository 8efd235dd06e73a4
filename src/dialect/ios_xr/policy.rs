//! Class maps and policies of type pbr: flow routes where `flowspec` names them, a local filter elsewhere.
//!
//! Traps: masks are netmasks here and wildcards in access lists; `tcp-flag 2` asks for *any* of the bits; one class
//! has at most one line of a field; routers refuse a class without any line.

use super::acl::Lists;
use super::class::Class;
use super::lower::Reader;
use super::syntax::{Head, Tree};
use super::words::Words;
use crate::diagnostic::Level;
use crate::dialect::flowspec::{self, Actions, FlowSpec, Route, Table};
use crate::dialect::raised;
use crate::field::{Family, Field};
use crate::ir::{Condition, Kind, Origin, Outcome, RateUnit, RuleParts, RuleSet, Rules, ValueSet, Verdict};
use crate::source::Span;
use std::collections::{BTreeMap, HashMap};

/// A class inside of a policy.
#[derive(Clone, Debug)]
pub(super) struct Use<'a> {
    name: &'a str,
    span: Span,
    // Lines of `show policy-map`, which writes the matches here.
    matches: Vec<Span>,
    actions: Vec<Span>,
}

#[derive(Debug)]
struct Policy<'a> {
    name: &'a str,
    head: Span,
    classes: Vec<Use<'a>>,
    flows: bool,
    local: bool,
}

#[derive(Debug)]
struct Defined<'a> {
    class: Class,
    name: &'a str,
    head: Span,
    used: bool,
}

/// Every class map and policy of a file.
#[derive(Debug, Default)]
pub(super) struct Policies<'a> {
    classes: Vec<Defined<'a>>,
    class_by_name: HashMap<&'a str, usize>,
    maps: Vec<Policy<'a>>,
    policy_by_name: HashMap<&'a str, usize>,
}

/// The class that takes what no other does.
const REST: &str = "class-default";

impl<'a> Policies<'a> {
    pub(super) fn collect(text: &'a str, tree: &Tree) -> Self {
        let mut all = Self::default();
        let slice = |span: Span| text.get(span.range()).unwrap_or("");
        for section in &tree.sections {
            match section.head {
                Head::ClassMap { any, name } => {
                    let word = slice(name);
                    let at = *all.class_by_name.entry(word).or_insert_with(|| {
                        let class = Class { any, lines: Vec::new() };
                        all.classes.push(Defined { class, name: word, head: name, used: false });
                        all.classes.len() - 1
                    });
                    if let Some(defined) = all.classes.get_mut(at) {
                        let asks = |span: &Span| {
                            !matches!(Words::new(slice(*span)).next(), "description" | "end-class-map")
                        };
                        defined.class.lines.extend(tree.lines(section).iter().copied().filter(asks));
                    }
                }
                Head::PolicyMap { name } => {
                    let word = slice(name);
                    let at = *all.policy_by_name.entry(word).or_insert_with(|| {
                        let policy = Policy {
                            name: word,
                            head: name,
                            classes: Vec::new(),
                            flows: false,
                            local: false,
                        };
                        all.maps.push(policy);
                        all.maps.len() - 1
                    });
                    if let Some(policy) = all.maps.get_mut(at) {
                        policy.add(text, tree.lines(section));
                    }
                }
                _ => {}
            }
        }
        all.mark_flows(text, tree);
        all
    }

    /// Says that an interface uses a policy; whether there is one.
    pub(super) fn attach_local(&mut self, name: &str) -> bool {
        let policy = self.policy_by_name.get(name).and_then(|at| self.maps.get_mut(*at));
        policy.map(|policy| policy.local = true).is_some()
    }

    /// Marks the policies that `flowspec` names.
    fn mark_flows(&mut self, text: &'a str, tree: &Tree) {
        for section in tree.sections.iter().filter(|section| section.head == Head::Flowspec) {
            for span in tree.lines(section) {
                let mut words = Words::new(text.get(span.range()).unwrap_or(""));
                if words.take("service-policy") && words.take("type") && words.take("pbr") {
                    let at = self.policy_by_name.get(words.next());
                    if let Some(policy) = at.and_then(|at| self.maps.get_mut(*at)) {
                        policy.flows = true;
                    }
                }
            }
        }
    }

    /// Class maps and policies nothing uses, where others are used.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&'static str, &'a str, Span)> + '_ {
        let classes = self.classes.iter().any(|class| class.used);
        let classes = self.classes.iter().filter(move |class| classes && !class.used);
        let attached = self.maps.iter().any(|policy| policy.flows || policy.local);
        let policies = self.maps.iter().filter(move |p| attached && !p.flows && !p.local);
        let classes = classes.map(|class| ("class map", class.name, class.head));
        classes.chain(policies.map(|policy| ("policy map", policy.name, policy.head)))
    }
}

impl<'a> Policy<'a> {
    fn add(&mut self, text: &'a str, lines: &[Span]) {
        for span in lines {
            let line = text.get(span.range()).unwrap_or("");
            let mut words = Words::new(line);
            match words.next() {
                "class" => {
                    if words.take("type") {
                        words.take("traffic");
                    }
                    let name = words.next();
                    let (matches, actions) = (Vec::new(), Vec::new());
                    self.classes.push(Use { name, span: *span, matches, actions });
                }
                // What `show` prints around the classes, and what a writer left out.
                "end-policy-map" | "description" | "table" | "..." => {}
                first if first.starts_with("handle:") => {}
                "match" => {
                    if let Some(class) = self.classes.last_mut() {
                        class.matches.push(*span);
                    }
                }
                _ => {
                    if let Some(class) = self.classes.last_mut() {
                        class.actions.push(*span);
                    }
                }
            }
        }
    }
}

impl<'a> Reader<'a> {
    /// Policies that interfaces use, and those nothing uses, as filters: the first class that matches decides.
    pub(super) fn policies(&mut self, policies: &mut Policies<'a>, lists: &mut Lists<'a>) {
        for policy in policies.maps.iter().filter(|policy| !policy.flows || policy.local) {
            let name = format!("pbr/{}", policy.name);
            let mut rules = Rules::new();
            for class in &policy.classes {
                self.findings.place = Some((name.clone(), class.name));
                let (actions, unsure) = self.actions(&class.actions);
                if class.name == REST && actions.list.is_empty() {
                    continue;
                }
                let condition = if class.name == REST {
                    Condition::True
                } else {
                    self.class_condition(class, &mut policies.classes, &policies.class_by_name, lists)
                };
                let rule = RuleParts {
                    name: class.name,
                    condition,
                    actions: &actions.beside(),
                    outcome: actions.outcome(),
                    action_given: true,
                    nlri: None,
                    origin: Origin { source: self.source, span: class.span },
                };
                if let Some(action) = unsure {
                    let condition = [rule.condition.clone(), self.perhaps(action, "drops")];
                    let outcome = Outcome::Verdict(Verdict::Discard);
                    rules.add(RuleParts {
                        condition: Condition::and(condition),
                        actions: &[],
                        outcome,
                        ..rule
                    });
                }
                rules.add(rule);
            }
            self.findings.place = None;
            self.rule_sets.push(RuleSet {
                name,
                kind: Kind::Filter,
                family: Family::Any,
                default: Verdict::Accept,
                rules,
            });
        }
    }

    fn class_condition(
        &mut self,
        class: &Use<'a>,
        classes: &mut [Defined<'a>],
        by_name: &HashMap<&'a str, usize>,
        lists: &mut Lists<'a>,
    ) -> Condition {
        let shown;
        let definition = if class.matches.is_empty() {
            if let Some(defined) = by_name.get(class.name).and_then(|at| classes.get_mut(*at)) {
                defined.used = true;
                &defined.class
            } else {
                self.undefined("class map", class.name);
                return unknown_class(class);
            }
        } else {
            shown = Class { any: false, lines: class.matches.clone() };
            &shown
        };
        if definition.lines.is_empty() {
            return self.without_match(class);
        }
        if !self.affords(definition.lines.len(), class.span) {
            let id = format!("ios-xr class {}", class.name);
            return Condition::opaque(id, "the file uses classes too often", class.span);
        }
        self.local_condition(definition, lists)
    }

    fn without_match(&mut self, class: &Use<'a>) -> Condition {
        self.findings.add_with_help(
            raised::SYNTAX_ERROR,
            Level::Error,
            class.span,
            format!("class map `{}` has no match line", super::findings::shown(class.name)),
            "add one: routers refuse a policy with such a class",
        );
        let id = format!("ios-xr class {}", class.name);
        Condition::opaque(id, "routers refuse a class without match", class.span)
    }

    /// Policies that `flowspec` names, as flow routes of their family.
    pub(super) fn flowspec(&mut self, tree: &Tree, policies: &mut Policies<'a>) {
        let mut tables: BTreeMap<(&'a str, bool), Rules> = BTreeMap::new();
        for attached in self.attached(tree) {
            let Some(at) = policies.policy_by_name.get(attached.policy).copied() else {
                self.undefined("policy map", attached.policy);
                continue;
            };
            let Some(policy) = policies.maps.get(at) else { continue };
            let six = attached.family == Family::Inet6;
            let into = tables.entry((attached.instance, six)).or_default();
            let set = table_name(six, attached.instance);
            for class in policy.classes.iter().filter(|class| class.name != REST) {
                self.findings.place = Some((set.clone(), class.name));
                let defined = policies.class_by_name.get(class.name);
                let Some(defined) = defined.and_then(|at| policies.classes.get_mut(*at)) else {
                    self.undefined("class map", class.name);
                    self.unknown_route(class, unknown_class(class), into);
                    continue;
                };
                defined.used = true;
                if defined.class.lines.is_empty() {
                    let condition = self.without_match(class);
                    self.unknown_route(class, condition, into);
                    continue;
                }
                if !self.affords(defined.class.lines.len() + class.actions.len(), class.span) {
                    break;
                }
                let (mut actions, unsure) = self.actions(&class.actions);
                let Some(action) = unsure else {
                    self.routes(&defined.class, class, attached.family, &actions, None, &set, into);
                    continue;
                };
                let passes = self.perhaps(action, "lets pass");
                self.routes(&defined.class, class, attached.family, &actions, Some(&passes), &set, into);
                actions.push_rate(0.0, RateUnit::OctetsPerSecond, action);
                let drops = self.perhaps(action, "drops");
                self.routes(&defined.class, class, attached.family, &actions, Some(&drops), &set, into);
            }
            self.findings.place = None;
        }
        self.shown_flows(tree, &mut tables);
        for ((instance, six), rules) in tables {
            let table = if six { Table::Ipv6 } else { Table::Ipv4 };
            self.rule_sets.push(flowspec::rule_set(table_name(six, instance), table, rules));
        }
    }

    /// A route of which only the actions are known.
    fn unknown_route(&mut self, class: &Use<'a>, condition: Condition, into: &mut Rules) {
        let (actions, _) = self.actions(&class.actions);
        into.add(RuleParts {
            name: class.name,
            condition,
            actions: &actions.beside(),
            outcome: actions.outcome(),
            action_given: true,
            nlri: None,
            origin: Origin { source: self.source, span: class.span },
        });
    }

    #[expect(clippy::too_many_arguments, reason = "what a route is made of, used in one place")]
    fn routes(
        &mut self,
        class: &Class,
        place: &Use<'a>,
        family: Family,
        actions: &Actions,
        perhaps: Option<&Condition>,
        set: &str,
        into: &mut Rules,
    ) {
        // Lines of `match-any` are alternatives, and a route has none across fields: one route each.
        let alternatives: Vec<&[Span]> = if class.any && class.lines.len() > 1 {
            class.lines.chunks(1).collect()
        } else {
            vec![&class.lines]
        };
        let several = alternatives.len() > 1;
        for (lines, number) in alternatives.into_iter().zip(1..) {
            let mut spec = FlowSpec::new(family);
            let mut opaque = self.spec(lines, family, &mut spec);
            opaque.extend(perhaps.cloned());
            spec.normalise();
            let name = if several { format!("{}/{number}", place.name) } else { place.name.to_owned() };
            let origin = Origin { source: self.source, span: place.span };
            let (spec, opaque) = (&spec, opaque.as_slice());
            let route = Route { name: &name, rule_set: set, spec, octets: None, actions, opaque, origin };
            let mut found = Vec::new();
            flowspec::add(&route, self.options, &mut found, into);
            self.findings.extend(found);
        }
    }

    /// What `flowspec` names, in the order written; says where the rules are only advertised.
    fn attached(&mut self, tree: &Tree) -> Vec<Attached<'a>> {
        let mut list = Vec::new();
        for section in tree.sections.iter().filter(|section| section.head == Head::Flowspec) {
            let (mut instance, mut instance_depth) = ("", usize::MAX);
            let mut family = Family::Inet;
            let mut installed = false;
            let before = list.len();
            for span in tree.lines(section) {
                let depth = depth(self.text, *span);
                if depth <= instance_depth {
                    (instance, instance_depth) = ("", usize::MAX);
                }
                let mut words = Words::new(self.slice(*span));
                match words.next() {
                    "vrf" => (instance, instance_depth) = (words.next(), depth),
                    "address-family" => {
                        family = if words.next() == "ipv6" { Family::Inet6 } else { Family::Inet };
                    }
                    "local-install" => installed = true,
                    "service-policy" if words.take("type") && words.take("pbr") => {
                        list.push(Attached { instance, family, policy: words.next() });
                    }
                    _ => {}
                }
            }
            if !installed && list.len() > before {
                self.findings.add_with_help(
                    raised::UNUSED_DEFINITION,
                    Level::Note,
                    section.span,
                    "these rules are advertised and not applied on this router",
                    "write `local-install interface-all` to apply them here too",
                );
            }
        }
        list
    }
}

fn unknown_class(class: &Use<'_>) -> Condition {
    Condition::opaque(format!("ios-xr class {}", class.name), "the class map is not known", class.span)
}

/// A policy that `flowspec` names.
struct Attached<'a> {
    instance: &'a str,
    family: Family,
    policy: &'a str,
}

fn table_name(six: bool, instance: &str) -> String {
    let table = if six { Table::Ipv6 } else { Table::Ipv4 };
    let name = table.rule_set_name(None);
    if instance.is_empty() { name } else { format!("{name}/{instance}") }
}

/// How deep a line stands.
fn depth(text: &str, span: Span) -> usize {
    let before = text.get(..span.start as usize).unwrap_or("");
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    before.len() - line
}

/// The condition that a packet is of a family.
pub(super) fn version(six: bool) -> Condition {
    Condition::test(Field::IpVersion, ValueSet::single(if six { 6 } else { 4 }))
}
