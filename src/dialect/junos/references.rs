//! Names that are used and not defined, or defined and not used, outside of the terms themselves.

use super::attach::FAMILIES;
use super::definitions::POLICER_RATES;
use super::lower::Lowering;
use super::numbers::shown;
use super::syntax::{NodeId, Tree};
use crate::diagnostic::Level;
use crate::dialect::raised;
use std::collections::HashMap;

/// A definition, and whether its name stands anywhere else.
struct Definition {
    kind: &'static str,
    node: NodeId,
    used: bool,
}

impl<'a> Lowering<'a, '_> {
    /// Reports filters attached and not defined, and definitions nothing uses.
    pub(super) fn references(&mut self, scopes: &[(NodeId, String)]) {
        super::groups::unused(self.tree, &mut self.findings);
        self.check_lists(scopes);
        if !self.whole {
            return;
        }
        for (scope, prefix) in scopes {
            self.attachments(*scope, prefix);
        }
        self.document.forget_unattached();
        self.unused_definitions();
    }

    /// Lists that no term used are read all the same: what is wrong in them is wrong.
    fn check_lists(&mut self, scopes: &[(NodeId, String)]) {
        let tree = self.tree;
        for (scope, _) in scopes {
            let Some(lists) = tree.find_path(*scope, &["policy-options", "prefix-list"]) else { continue };
            self.scope = *scope;
            for list in tree.children(lists) {
                if !self.used.contains(&("prefix list", tree.word(list))) {
                    self.read_prefix_list(list);
                }
            }
        }
        for (scope, _) in scopes {
            let Some(policers) = tree.find_path(*scope, &["firewall", "policer"]) else { continue };
            for policer in tree.children(policers) {
                self.check_policer(policer);
            }
        }
    }

    /// A policer slower than the slowest rate the device takes drops nearly everything.
    fn check_policer(&mut self, policer: NodeId) {
        let slowest = *POLICER_RATES.start();
        let tree = self.tree;
        let Some(limit) = tree.find_path(policer, &["if-exceeding", "bandwidth-limit"]) else { return };
        let Some(value) = self.single(limit) else { return };
        match super::flow::quantity(tree.word(value)) {
            Some(rate) if rate < slowest => {
                let message =
                    format!("`{}` bits a second is less than a policer can be set to", tree.word(value));
                let help = format!("write at least {slowest}, or `discard` in the term");
                self.findings.add_with_help(
                    raised::RATE_TOO_SMALL,
                    Level::Warning,
                    tree.span(value),
                    message,
                    help,
                );
            }
            Some(_) => {}
            None => {
                self.unread_value(limit, value);
            }
        }
    }

    fn unused_definitions(&mut self) {
        let tree = self.tree;
        let mut definitions: HashMap<&'a str, Vec<Definition>> = HashMap::new();
        let mut add = |kind, place: Option<NodeId>| {
            for node in place.into_iter().flat_map(|place| tree.children(place)) {
                if !tree.is_inherited(node) {
                    let definition = Definition { kind, node, used: false };
                    definitions.entry(tree.word(node)).or_default().push(definition);
                }
            }
        };
        add("prefix list", tree.find_path(Tree::ROOT, &["policy-options", "prefix-list"]));
        add("policer", tree.find_path(Tree::ROOT, &["firewall", "policer"]));
        add("filter", tree.find_path(Tree::ROOT, &["firewall", "filter"]));
        for family in FAMILIES {
            add("filter", tree.find_path(Tree::ROOT, &["firewall", "family", family, "filter"]));
        }
        self.mark_used(&mut definitions);
        let mut list: Vec<Definition> = definitions.into_values().flatten().collect();
        list.sort_by_key(|definition| tree.span(definition.node));
        for unused in list.iter().filter(|d| !d.used) {
            // Where nothing of the kind is used, whatever uses it is in another file.
            if list.iter().any(|other| other.kind == unused.kind && other.used) {
                let message = format!("{} `{}` is used nowhere", unused.kind, shown(tree.word(unused.node)));
                let span = tree.span(unused.node);
                self.findings.add(raised::UNUSED_DEFINITION, Level::Warning, span, message);
            }
        }
    }

    /// A name counts as used wherever it stands but at its own definition, whatever uses it there.
    fn mark_used(&self, definitions: &mut HashMap<&'a str, Vec<Definition>>) {
        let tree = self.tree;
        let mut stack = vec![Tree::ROOT];
        while let Some(node) = stack.pop() {
            for child in tree.children(node) {
                stack.push(child);
                for definition in definitions.get_mut(tree.word(child)).into_iter().flatten() {
                    let definitional = definition.node == child;
                    definition.used |= !definitional && !self.is_definition(child, node);
                }
            }
        }
    }

    /// Whether the node defines something of its own name: a filter is defined under `filter`, and so on.
    fn is_definition(&self, node: NodeId, parent: NodeId) -> bool {
        let tree = self.tree;
        // What is defined has statements below it; what is used is the end of one.
        matches!(tree.word(parent), "prefix-list" | "policer" | "filter") && !tree.is_leaf(node)
    }
}
