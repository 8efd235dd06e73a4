//! The tree to the intermediate form: filters and flow routes, with the names they use.

use super::address::PrefixList;
use super::findings::Findings;
use super::numbers::shown;
use super::support::{self, ANY, Families, INET, INET6, LAYER2, MPLS};
use super::syntax::{NodeId, Tree};
use crate::diagnostic::Level;
use crate::dialect::{ReadOptions, raised};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Document, Kind, Origin, Outcome, RuleBuf, RuleSet, Rules, Verdict};
use crate::source::SourceId;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A filter of the file: its rule set, and the nodes its terms stand below.
#[derive(Debug)]
struct Filter {
    nodes: Vec<NodeId>,
    scope: NodeId,
    family: Families,
    index: usize,
}

/// Turns a tree into a document.
pub(super) struct Lowering<'a, 't> {
    pub(super) tree: &'t Tree<'a>,
    pub(super) findings: Findings,
    pub(super) options: &'t ReadOptions,
    pub(super) source: SourceId,
    pub(super) document: Document,
    pub(super) aliases: HashMap<&'a str, u8>,
    // Buffers that every term uses again.
    pub(super) ranges: Vec<(u32, u32)>,
    pub(super) keywords: Vec<(NodeId, Option<&'static support::Condition>)>,
    // Something in the term could not be read, and is reported: its condition is not all there.
    pub(super) unreadable: bool,
    // Whether the file is a whole configuration, so that a name it does not define is not defined at all.
    pub(super) whole: bool,
    pub(super) scope: NodeId,
    symbols: HashMap<String, u32>,
    pub(super) lists: HashMap<(NodeId, &'a str), Rc<PrefixList>>,
    filters: Vec<Filter>,
    by_name: HashMap<String, usize>,
    pub(super) used: HashSet<(&'static str, &'a str)>,
    pub(super) expansion: Meter,
}

/// Top-level statements a file of filters alone may have.
const PARTIAL: [&str; 9] = [
    "firewall",
    "policy-options",
    "groups",
    "apply-groups",
    "routing-options",
    "routing-instances",
    "class-of-service",
    "dynamic-profiles",
    "logical-systems",
];

impl<'a, 't> Lowering<'a, 't> {
    pub(super) fn new(
        tree: &'t Tree<'a>,
        findings: Findings,
        options: &'t ReadOptions,
        source: SourceId,
    ) -> Self {
        let whole = tree.children(Tree::ROOT).any(|node| !PARTIAL.contains(&tree.word(node)));
        Self {
            tree,
            findings,
            options,
            source,
            document: Document::default(),
            aliases: HashMap::new(),
            ranges: Vec::new(),
            keywords: Vec::new(),
            unreadable: false,
            whole,
            scope: Tree::ROOT,
            symbols: HashMap::new(),
            lists: HashMap::new(),
            filters: Vec::new(),
            by_name: HashMap::new(),
            used: HashSet::new(),
            expansion: Meter::new(&limits::EXPANSION),
        }
    }

    /// What was read.
    pub(super) fn finish(mut self) -> (Document, Findings) {
        self.document.rule_sets.iter_mut().for_each(|set| set.rules.shrink_to_fit());
        (self.document, self.findings)
    }

    /// Reads everything; how many statements were passed over.
    pub(super) fn run(&mut self) -> usize {
        self.code_point_aliases();
        let scopes = self.scopes();
        for (scope, prefix) in &scopes {
            self.collect_filters(*scope, prefix);
        }
        for index in 0..self.filters.len() {
            self.filter(index);
        }
        self.break_loops();
        for (scope, prefix) in &scopes {
            self.scope = *scope;
            self.flow_routes(*scope, prefix);
            self.other_rules(*scope);
        }
        self.references(&scopes);
        self.skipped()
    }

    /// Places that hold a configuration of their own, with what goes before the names of their rule sets.
    fn scopes(&self) -> Vec<(NodeId, String)> {
        let tree = self.tree;
        let mut list = vec![(Tree::ROOT, String::new())];
        for kind in ["logical-systems", "dynamic-profiles", "tenants"] {
            for scope in tree.find(Tree::ROOT, kind).into_iter().flat_map(|node| tree.children(node)) {
                list.push((scope, format!("{}/", tree.name(scope))));
            }
        }
        list
    }

    fn skipped(&self) -> usize {
        let tree = self.tree;
        let read = |word: &str| {
            let words = ["firewall", "groups", "apply-groups", "flow", "prefix-list", "code-point-aliases"];
            words.contains(&word)
        };
        tree.children(Tree::ROOT).map(|node| tree.leaves(node, read)).sum()
    }

    /// Rules of other languages in the file: without a word about them it would look clean.
    fn other_rules(&mut self, scope: NodeId) {
        for path in [["security", "policies"], ["services", "stateful-firewall"]] {
            if let Some(node) = self.tree.find_path(scope, &path) {
                let message = format!("the rules of `{}` are not read", path.join(" "));
                self.findings.unsupported(self.tree.span(node), &message);
            }
        }
    }

    fn code_point_aliases(&mut self) {
        let tree = self.tree;
        for kind in ["dscp", "dscp-ipv6"] {
            let path = ["class-of-service", "code-point-aliases", kind];
            let Some(table) = tree.find_path(Tree::ROOT, &path) else { continue };
            for alias in tree.children(table) {
                let bits = tree.children(alias).next().filter(|bits| tree.word(*bits).len() == 6);
                if let Some(value) = bits.and_then(|bits| u8::from_str_radix(tree.word(bits), 2).ok()) {
                    self.aliases.insert(tree.word(alias), value);
                }
            }
        }
    }

    fn collect_filters(&mut self, scope: NodeId, prefix: &str) {
        let tree = self.tree;
        let Some(firewall) = tree.find(scope, "firewall") else { return };
        // Filters by family, in the order the families are first mentioned.
        let mut families: Vec<(&str, Vec<NodeId>)> = Vec::new();
        let mut add = |family, node| match families.iter_mut().find(|f| f.0 == family) {
            Some(known) => known.1.push(node),
            None => families.push((family, vec![node])),
        };
        for node in tree.children(firewall) {
            match tree.word(node) {
                // Without a family it is one of `family inet`.
                "filter" => add("inet", node),
                "family" => {
                    for family in tree.children(node) {
                        if packets_of(tree.word(family)).is_none() {
                            let word = shown(tree.word(family));
                            let message = format!("filters of `family {word}` are not read");
                            self.findings.unsupported(tree.span(family), &message);
                            continue;
                        }
                        for kind in tree.children(family) {
                            if tree.word(kind) == "filter" {
                                add(tree.word(family), kind);
                            } else {
                                self.unread_statement("firewall family", kind);
                            }
                        }
                    }
                }
                _ => self.unread_statement("firewall", node),
            }
        }
        for (family, nodes) in families {
            for node in nodes {
                self.filters_below(node, scope, prefix, family);
            }
        }
    }

    /// A statement that is not followed: known ones without effect in silence, others with a word.
    pub(super) fn unread_statement(&mut self, context: &str, node: NodeId) {
        use crate::dialect::Support;
        let word = self.tree.word(node);
        let known = support::other_support(context, word);
        let known = known.or_else(|| support::other_support("any level", word));
        if matches!(known, None | Some(Support::Opaque | Support::Unknown)) {
            let message = format!("`{}` is not read", shown(word));
            self.findings.unsupported(self.tree.span(node), &message);
        }
    }

    fn filters_below(&mut self, node: NodeId, scope: NodeId, prefix: &str, family: &str) {
        let tree = self.tree;
        let Some((families, packets)) = packets_of(family) else { return };
        for filter in tree.children(node) {
            let name = format!("{prefix}{family}/{}", tree.name(filter));
            // The same filter with and without its family is one filter.
            if let Some(known) = self.by_name.get(&name).and_then(|i| self.filters.get_mut(*i)) {
                known.nodes.push(filter);
                continue;
            }
            self.by_name.insert(name.clone(), self.filters.len());
            let index = self.document.rule_sets.len();
            self.filters.push(Filter { nodes: vec![filter], scope, family: families, index });
            self.document.rule_sets.push(RuleSet {
                name,
                kind: Kind::Filter,
                family: packets,
                default: Verdict::Discard,
                rules: Rules::new(),
            });
        }
    }

    /// The rule set of a filter by its name beside another.
    fn filter_named(&self, beside: &str, name: &str) -> Option<usize> {
        let (place, _) = beside.rsplit_once('/')?;
        let index = self.by_name.get(&format!("{place}/{name}"))?;
        self.filters.get(*index).map(|filter| filter.index)
    }

    fn filter(&mut self, number: usize) {
        let tree = self.tree;
        let Some(filter) = self.filters.get(number) else { return };
        let (nodes, family, index) = (filter.nodes.clone(), filter.family, filter.index);
        self.scope = filter.scope;
        let Some(set) = self.document.rule_sets.get(index) else { return };
        let name = set.name.clone();
        let mut rules = Rules::new();
        for node in nodes {
            for child in tree.children(node) {
                if tree.word(child) != "term" {
                    self.unread_statement("filter", child);
                    continue;
                }
                rules.reserve(tree.children(child).count());
                for term in tree.children(child) {
                    self.term(term, &name, family, &mut rules);
                }
            }
        }
        if let Some(set) = self.document.rule_sets.get_mut(index) {
            set.rules = rules;
        }
    }

    fn term(&mut self, term: NodeId, set: &str, family: Families, rules: &mut Rules) {
        let tree = self.tree;
        if tree.is_reopened(term) {
            let message = format!("term `{}` is written twice", shown(tree.word(term)));
            let help = "both parts are one term to the device; give the second its own name";
            self.findings.add_with_help(raised::SYNTAX_ERROR, Level::Warning, tree.span(term), message, help);
        }
        self.unreadable = false;
        let (mut condition, mut then, mut call, mut lost_call) = (Condition::True, None, None, None);
        for part in tree.children(term) {
            match tree.word(part) {
                "from" => condition = self.from(part, family),
                "then" => then = Some(part),
                "filter" => match self.call(part, set) {
                    Ok(outcome) => call = Some(outcome),
                    Err(id) => lost_call = id,
                },
                "apply-groups" | "apply-groups-except" => {}
                word => {
                    let message = format!("`{}` is no part of a term", shown(word));
                    self.findings.syntax(tree.span(part), &message);
                    self.unreadable = true;
                }
            }
        }
        if call.is_some() && (condition != Condition::True || then.is_some()) {
            let message = format!("term `{}` has a filter beside other statements", shown(tree.word(term)));
            let help = "a term that names a filter has neither `from` nor `then`";
            self.findings.syntax_with_help(tree.span(term), &message, help);
        }
        if self.unreadable {
            // What was not understood may be a condition as well as an action.
            let span = tree.span(term);
            let id = format!("unreadable statement in {set} {}", tree.word(term));
            let unread = Condition::opaque(id, "a statement of the term cannot be read", span);
            condition = Condition::and([condition, unread]);
        }
        let then = self.then(then, family);
        let mut rule = RuleBuf {
            name: tree.name(term).into(),
            condition,
            actions: then.actions.into_boxed_slice(),
            outcome: call.unwrap_or(then.outcome),
            action_given: true,
            nlri: None,
            origin: self.origin(term),
        };
        if let Some(id) = lost_call {
            // A filter that is not here may do either to any packet, or neither.
            for (what, verdict) in [("accepts", Verdict::Accept), ("discards", Verdict::Discard)] {
                let why = "the filter is not defined here";
                let may = Condition::opaque(format!("{id} {what}"), why, tree.span(term));
                let name = format!("{} ({id} {what})", tree.name(term)).into();
                let condition = Condition::and([rule.condition.clone(), may]);
                rules.push(RuleBuf { name, condition, outcome: Outcome::Verdict(verdict), ..rule.clone() });
            }
            rule.outcome = Outcome::Next { held: None };
        } else if call.is_none() && !then.decided && (self.unreadable || then.unknown.is_some()) {
            // What is not known here may be what ends the term, and the worst it may do is to discard.
            let what = then.unknown.map_or_else(|| "statement".to_owned(), |node| self.words(node));
            let span = then.unknown.map_or(tree.span(term), |node| tree.span(node));
            let may = Condition::opaque(format!("{what} discards"), "the action is not known here", span);
            let name = format!("{} ({what} discards)", tree.name(term)).into();
            let condition = Condition::and([rule.condition.clone(), may]);
            rules.push(RuleBuf {
                name,
                condition,
                outcome: Outcome::Verdict(Verdict::Discard),
                ..rule.clone()
            });
        }
        rules.push(rule);
    }

    /// `filter OTHER;` in a term; what an undefined one is known by.
    fn call(&mut self, node: NodeId, set: &str) -> Result<Outcome, Option<String>> {
        let tree = self.tree;
        let Some(name) = tree.children(node).next() else {
            self.findings.syntax(tree.span(node), "`filter` needs a value");
            self.unreadable = true;
            return Err(None);
        };
        self.nothing_behind(name);
        if let Some(target) = self.filter_named(set, &tree.name(name)) {
            Ok(Outcome::Call(u32::try_from(target).unwrap_or(u32::MAX)))
        } else {
            self.undefined("filter", name);
            Err(Some(format!("filter {}", tree.word(name))))
        }
    }

    /// Where a rule was written: from its name to the last word below it, what groups brought left out.
    pub(super) fn origin(&self, node: NodeId) -> Origin {
        let tree = self.tree;
        let mut span = tree.span(node);
        // The last word is below the last child, except where lines of the `set` form came back.
        let mut at = node;
        while let Some(last) = tree.children(at).filter(|child| !tree.is_inherited(*child)).last() {
            let here = tree.span(last);
            if here.start > span.start {
                span = span.to(here);
            }
            at = last;
        }
        Origin { source: self.source, span }
    }

    /// A statement in its own words, on one line.
    pub(super) fn words(&self, node: NodeId) -> String {
        let tree = self.tree;
        let mut text = tree.word(node).to_owned();
        let mut stack: Vec<NodeId> = tree.children(node).collect();
        stack.reverse();
        while let Some(next) = stack.pop() {
            text.push(' ');
            text.push_str(tree.word(next));
            let from = stack.len();
            stack.extend(tree.children(next));
            if let Some(added) = stack.get_mut(from..) {
                added.reverse();
            }
        }
        text
    }

    /// The symbol of a name.
    pub(super) fn symbol(&mut self, name: &str) -> u32 {
        if let Some(symbol) = self.symbols.get(name) {
            return *symbol;
        }
        let symbol = u32::try_from(self.document.symbols.len()).unwrap_or(u32::MAX);
        self.document.symbols.push(name.into());
        self.symbols.insert(name.to_owned(), symbol);
        symbol
    }

    /// Filters that call each other in a circle: the device does not commit that, and no walk would end.
    fn break_loops(&mut self) {
        for (set, rule) in self.document.circles() {
            self.break_loop(set, rule);
        }
    }

    fn break_loop(&mut self, set: usize, rule: usize) {
        let Some(set) = self.document.rule_sets.get_mut(set) else { return };
        let Some(place) = set.rules.get(rule) else { return };
        let span = place.origin.span;
        let id = format!("loop of filters at {} {}", set.name, place.name);
        let message = format!("term `{}` calls a filter that comes back to this one", shown(place.name));
        let may = Condition::opaque(id, "the filters call each other in a circle", span);
        let both = Condition::and([place.condition.clone(), may]);
        if let Some(condition) = set.rules.conditions_mut().get_mut(rule) {
            *condition = both;
        }
        set.rules.set_outcome(rule, Outcome::Verdict(Verdict::Discard));
        self.findings.syntax(span, &message);
    }

    /// The rule set of a filter by its whole name.
    pub(super) fn rule_set_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).and_then(|index| self.filters.get(*index)).map(|filter| filter.index)
    }
}

/// Which keywords a family's filters have, and whose packets reach them; none for families not read.
pub(super) fn packets_of(family: &str) -> Option<(Families, Family)> {
    Some(match family {
        "inet" => (INET, Family::Inet),
        "inet6" => (INET6, Family::Inet6),
        "any" => (ANY, Family::Any),
        "mpls" => (MPLS, Family::Any),
        "bridge" | "ccc" | "ethernet-switching" | "vpls" => (LAYER2, Family::Any),
        _ => return None,
    })
}
