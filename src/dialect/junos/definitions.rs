//! What a configuration defines by name: prefix lists with `apply-path`, interface sets, policers.

use super::address::PrefixList;
use super::flow::quantity;
use super::groups::wildcard;
use super::literal::{Address, address};
use super::lower::Lowering;
use super::numbers::shown;
use super::syntax::{NodeId, Tree};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;
use crate::ir::{Rate, RateUnit};
use crate::source::Span;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// Bits a second that a policer can be set to.
pub(super) const POLICER_RATES: RangeInclusive<u64> = 8_000..=1_000_000_000_000_000;

impl<'a> Lowering<'a, '_> {
    /// A definition under `path` of the scope, or of the whole configuration.
    pub(super) fn definition(&self, path: &[&str], name: &str) -> Option<NodeId> {
        let tree = self.tree;
        let find = |scope| tree.find_path(scope, path).and_then(|node| tree.find(node, name));
        find(self.scope).or_else(|| find(Tree::ROOT))
    }

    pub(super) fn interface_set(&mut self, name: &'a str) -> Option<NodeId> {
        self.used.insert(("interface set", name));
        self.definition(&["firewall", "interface-set"], name)
    }

    /// The prefixes of a list; none when it is not defined. Charges what a term takes of it.
    pub(super) fn prefix_list(&mut self, name: &'a str, at: Span) -> Option<Rc<PrefixList>> {
        self.used.insert(("prefix list", name));
        let list = if let Some(list) = self.lists.get(&(self.scope, name)) {
            Rc::clone(list)
        } else {
            let node = self.definition(&["policy-options", "prefix-list"], name)?;
            let list = Rc::new(self.read_prefix_list(node));
            self.lists.insert((self.scope, name), Rc::clone(&list));
            list
        };
        match self.expansion.charge((list.four.len() + list.six.len()) as u64) {
            Ok(()) => Some(list),
            Err(exhausted) => Some(self.too_much(&exhausted, at)),
        }
    }

    fn too_much(&mut self, exhausted: &Exhausted, at: Span) -> Rc<PrefixList> {
        self.findings.exhausted(exhausted, at);
        Rc::new(PrefixList { unknown: "too many prefixes in all", ..PrefixList::default() })
    }

    pub(super) fn read_prefix_list(&mut self, node: NodeId) -> PrefixList {
        let tree = self.tree;
        let mut list = PrefixList::default();
        for entry in tree.children(node) {
            let word = tree.word(entry);
            match word {
                "apply-path" => {
                    for path in tree.children(entry) {
                        self.apply_path(path, &mut list);
                    }
                }
                "apply-groups" | "apply-groups-except" => {}
                _ => {
                    if !self.entry(word, tree.span(entry), &mut list) {
                        let message = format!("`{}` is no prefix", shown(word));
                        self.findings.syntax(tree.span(entry), &message);
                        list.unknown = "a prefix of the list cannot be read";
                    }
                }
            }
        }
        list
    }

    fn entry(&mut self, word: &str, span: Span, list: &mut PrefixList) -> bool {
        match address(word) {
            Some(Address::Four(prefix)) => {
                if prefix.has_host_bits() {
                    self.host_bits(word, span, prefix.network());
                }
                list.four.push(prefix);
            }
            Some(Address::Six(prefix)) => {
                if prefix.has_host_bits() {
                    self.host_bits(word, span, prefix.network());
                }
                list.six.push(prefix);
            }
            Some(Address::Masked(_)) | None => return false,
        }
        true
    }

    /// `apply-path "interfaces <*> unit <*> family inet address <*>"`: the prefixes at the end of the path.
    fn apply_path(&mut self, node: NodeId, list: &mut PrefixList) {
        let tree = self.tree;
        let path = tree.word(node);
        let odd = |step: &&str| {
            step.contains(['<', '>']) && wildcard(step).is_none() || step.contains([';', '{', '}'])
        };
        if let Some(step) = path.split_whitespace().find(odd) {
            let message = format!("`{}` is no step of an apply-path", shown(step));
            self.findings.syntax(tree.span(node), &message);
            list.unknown = "the apply-path cannot be read";
            return;
        }
        let mut at = vec![Tree::ROOT];
        for (depth, step) in path.split_whitespace().enumerate() {
            let mut next = Vec::new();
            for node in at {
                match wildcard(step) {
                    Some(pattern) => {
                        next.extend(tree.children(node).filter(|c| pattern.matches(tree.word(*c))));
                    }
                    None => next.extend(tree.find(node, step)),
                }
            }
            if depth == 0 && next.is_empty() {
                list.unknown = "the apply-path leads to what is not in this file";
                return;
            }
            if let Err(exhausted) = self.expansion.charge(next.len() as u64 + 1) {
                self.findings.exhausted(&exhausted, tree.span(node));
                list.unknown = "the apply-path leads to too many places";
                return;
            }
            at = next;
        }
        for end in at {
            match address(tree.word(end)) {
                // The length of an interface's address is that of its network.
                Some(Address::Four(prefix)) => list.four.push(prefix.network()),
                Some(Address::Six(prefix)) => list.six.push(prefix.network()),
                Some(Address::Masked(_)) | None => {}
            }
        }
    }

    /// A name nothing defines.
    pub(super) fn undefined(&mut self, kind: &'static str, node: NodeId) {
        let tree = self.tree;
        let path: &[&str] = match kind {
            // Filters are here anyway: that says nothing of others.
            "filter" => &["no such place"],
            "prefix list" => &["policy-options", "prefix-list"],
            "policer" => &["firewall", "policer"],
            "three-color policer" => &["firewall", "three-color-policer"],
            _ => &["firewall", "interface-set"],
        };
        // A file that defines none of the kind and holds filters alone is a part of a configuration.
        let other = tree.find_path(Tree::ROOT, path).is_some_and(|place| !tree.is_leaf(place));
        let level = if self.whole || other { Level::Error } else { Level::Note };
        let message = format!("{kind} `{}` is not defined", shown(tree.word(node)));
        if level == Level::Note {
            let help = "the definition is in another file: check both together to know what it matches";
            self.findings.add_with_help(raised::UNDEFINED_REFERENCE, level, tree.span(node), message, help);
        } else {
            self.findings.add(raised::UNDEFINED_REFERENCE, level, tree.span(node), message);
        }
    }

    /// The rate of a policer that drops what exceeds it and does nothing else; none for one that marks, that a
    /// share of the interface measures, or that several terms fill together.
    pub(super) fn policer_rate(&self, name: &str) -> Option<Rate> {
        let tree = self.tree;
        let policer = self.definition(&["firewall", "policer"], name)?;
        let only = |node, word: &str| {
            let mut children = tree.children(node);
            let child = children.next().filter(|child| tree.word(*child) == word);
            child.is_some_and(|child| children.next().is_none() && tree.is_leaf(child))
        };
        let (mut bits, mut burst, mut drops) = (None, None, false);
        for part in tree.children(policer) {
            match tree.word(part) {
                "if-exceeding" => {
                    for limit in tree.children(part) {
                        let value = tree.children(limit).last()?;
                        let value = Some(quantity(tree.word(value)).filter(|_| tree.is_leaf(value))?);
                        match tree.word(limit) {
                            "bandwidth-limit" => bits = value,
                            "burst-size-limit" => burst = value,
                            _ => return None,
                        }
                    }
                }
                "then" => drops = only(part, "discard"),
                "apply-groups" | "apply-groups-except" => {}
                _ => return None,
            }
        }
        let bits = bits.filter(|bits| drops && POLICER_RATES.contains(bits))?;
        #[expect(clippy::cast_precision_loss, reason = "the greatest rate is below 2^53")]
        let amount = bits as f64 / 8.0;
        Some(Rate { amount, unit: RateUnit::OctetsPerSecond, burst: Some(burst?) })
    }

    /// A policer that a term names.
    pub(super) fn policer_used(&mut self, node: NodeId, three_color: bool) {
        let kinds: &[&'static str] = if three_color { &["three-color-policer"] } else { &["policer"] };
        let name = self.tree.word(node);
        let kind = if three_color { "three-color policer" } else { "policer" };
        self.used.insert((kind, name));
        if self.definition(&[&["firewall"], kinds].concat(), name).is_none() {
            self.undefined(kind, node);
        }
    }
}
