//! Where filters are attached: names that nothing defines, and lists of filters that are walked as one.

use super::lower::Lowering;
use super::numbers::shown;
use super::syntax::{NodeId, Tree};
use crate::dialect::raised;
use crate::ir::{Attached, Condition, Kind, Outcome, RuleBuf, RuleSet, Verdict};
use crate::source::Span;
use std::collections::HashSet;

const ATTACHED: [&str; 4] = ["input", "output", "input-list", "output-list"];
pub(super) const FAMILIES: [&str; 7] =
    ["inet", "inet6", "mpls", "ccc", "vpls", "bridge", "ethernet-switching"];

/// How many filters a device takes in a list.
const MOST: usize = 16;

/// A list of filters at an interface.
struct List {
    family: String,
    names: Vec<NodeId>,
}

/// A node to be looked into.
struct Seen<'a> {
    node: NodeId,
    family: &'a str,
    /// The place of the node above it in the path.
    above: Option<usize>,
}

impl<'a> Lowering<'a, '_> {
    /// Follows every `family F ... filter input NAME`.
    pub(super) fn attachments(&mut self, scope: NodeId, prefix: &str) {
        let tree = self.tree;
        let mut stack: Vec<Seen<'a>> = Vec::new();
        for top in ["interfaces", "forwarding-options", "routing-instances"] {
            stack.extend(tree.find(scope, top).map(|node| Seen { node, family: "", above: None }));
        }
        let mut lists = Vec::new();
        // Where each node that was looked into stands: its word, and the place of the node above it.
        let mut path: Vec<(NodeId, Option<usize>)> = Vec::new();
        while let Some(Seen { node, family, above }) = stack.pop() {
            let here = Some(path.len());
            path.push((node, above));
            for child in tree.children(node) {
                let word = tree.word(child);
                if word == "family" {
                    path.push((child, here));
                    let above = path.len().checked_sub(1);
                    stack.extend(tree.children(child).map(|node| {
                        let family = tree.word(node);
                        Seen { node, family, above }
                    }));
                } else if word == "filter" && FAMILIES.contains(&family) {
                    self.attached(child, family, prefix, &words_to(tree, &path, here), &mut lists);
                } else {
                    stack.push(Seen { node: child, family, above: here });
                }
            }
        }
        lists.sort_by_key(|list| list.names.first().map_or(Span::default(), |name| tree.span(*name)));
        let mut composed = HashSet::new();
        for list in &lists {
            self.compose(list, prefix, &mut composed);
        }
    }

    fn attached(
        &mut self,
        filter: NodeId,
        family: &str,
        prefix: &str,
        interface: &str,
        lists: &mut Vec<List>,
    ) {
        let tree = self.tree;
        for place in ATTACHED.iter().filter_map(|place| tree.find(filter, place)) {
            let names: Vec<NodeId> = tree.children(place).collect();
            for name in &names {
                let word = tree.name(*name);
                // A variable of a dynamic profile is a name that comes later.
                if !word.starts_with(['$', '<']) && self.attached_filter(prefix, family, &word).is_none() {
                    let message = format!("filter `{}` of `family {family}` is not defined", shown(&word));
                    self.findings.error(raised::UNDEFINED_REFERENCE, tree.span(*name), message);
                }
            }
            let word = tree.word(place);
            let joined = names.iter().map(|name| tree.name(*name)).collect::<Vec<_>>().join("+");
            let index = self.attached_filter(prefix, family, &joined);
            let known = index.and_then(|index| self.document.rule_sets.get(index as usize));
            // A list of filters becomes a rule set later.
            let rule_set = known.map_or_else(|| format!("{prefix}{family}/{joined}"), |set| set.name.clone());
            let place = format!("{interface} {}", word.trim_end_matches("-list"));
            let is_list = word.ends_with("-list") && names.len() > 1;
            // Each filter of a list is still there, as a part of it.
            for name in names.iter().filter(|_| is_list) {
                let index = self.attached_filter(prefix, family, &tree.name(*name));
                if let Some(set) = index.and_then(|index| self.document.rule_sets.get(index as usize)) {
                    let (rule_set, place) =
                        (set.name.as_str().into(), format!("{place}, in the list {joined}").into());
                    self.document.attached.insert(Attached { rule_set, place });
                }
            }
            self.document.attached.insert(Attached { rule_set: rule_set.into(), place: place.into() });
            if is_list {
                lists.push(List { family: family.to_owned(), names });
            }
        }
    }

    /// The rule set a name means where a filter is attached: one of the family, or of any.
    fn attached_filter(&self, prefix: &str, family: &str, name: &str) -> Option<u32> {
        [(prefix, family), (prefix, "any"), ("", family)].into_iter().find_map(|(prefix, family)| {
            self.rule_set_of(&format!("{prefix}{family}/{name}")).and_then(|index| u32::try_from(index).ok())
        })
    }

    /// A list of filters is one filter: the terms of each in the order of the list, and behind the last of them
    /// the discard (Juniper Networks, *Multiple Standard Firewall Filters Applied as a List*).
    fn compose(&mut self, list: &List, prefix: &str, composed: &mut HashSet<String>) {
        let tree = self.tree;
        let names: Vec<_> = list.names.iter().map(|name| tree.name(*name)).collect();
        let name = format!("{prefix}{}/{}", list.family, names.join("+"));
        let Some((_, packets)) = super::lower::packets_of(&list.family) else { return };
        // The same list at another interface is the same filter.
        if self.rule_set_of(&name).is_some() || !composed.insert(name.clone()) {
            return;
        }
        if let Err(exhausted) = self.expansion.charge(list.names.len() as u64) {
            let span = list.names.first().map_or(Span::default(), |name| tree.span(*name));
            self.findings.exhausted(&exhausted, span);
            return;
        }
        if list.names.len() > MOST {
            let span = list.names.last().map_or(Span::default(), |name| tree.span(*name));
            let message = format!("a list holds at most {MOST} filters");
            self.findings.syntax(span, &message);
        }
        let mut rules = Vec::with_capacity(list.names.len());
        for node in &list.names {
            let name = tree.name(*node);
            let rule = |condition, outcome| RuleBuf {
                name: name.as_ref().into(),
                condition,
                actions: Box::default(),
                outcome,
                action_given: true,
                nlri: None,
                origin: self.origin(*node),
            };
            match self.attached_filter(prefix, &list.family, &name) {
                Some(target) => rules.push(rule(Condition::True, Outcome::Call(target))),
                None => {
                    // A filter that is not here may do either to any packet, or neither.
                    for (what, verdict) in [("accepts", Verdict::Accept), ("discards", Verdict::Discard)] {
                        let id = format!("filter {name} {what}");
                        let may = Condition::opaque(id, "the filter is not defined here", tree.span(*node));
                        rules.push(rule(may, Outcome::Verdict(verdict)));
                    }
                }
            }
        }
        self.document.rule_sets.push(RuleSet {
            name,
            kind: Kind::Filter,
            family: packets,
            default: Verdict::Discard,
            rules: rules.into(),
        });
    }
}

/// The words that lead to a node of a path.
fn words_to(tree: &Tree<'_>, path: &[(NodeId, Option<usize>)], mut at: Option<usize>) -> String {
    let mut words = Vec::new();
    while let Some((node, above)) = at.and_then(|at| path.get(at)) {
        words.push(tree.name(*node));
        at = *above;
    }
    words.reverse();
    words.join(" ")
}
