//! `groups` and `apply-groups`: a group's tree is merged under the place that applies it.
//!
//! Values of the place itself win, then those of the innermost place that applies a group. Words of a group in
//! `< >` are patterns for words that are there already.

use super::findings::Findings;
use super::syntax::{NodeId, Tree};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::{Exhausted, Meter, limits};

/// Merges every group where it is applied.
pub(super) fn expand(tree: &mut Tree<'_>, findings: &mut Findings) {
    let Some(groups) = tree.find(Tree::ROOT, "groups") else {
        return without_groups(tree, findings);
    };
    let mut expander =
        Expander { groups, meter: Meter::new(&limits::EXPANSION), depth: Meter::new(&limits::NESTING) };
    let mut path = Vec::new();
    if let Err(exhausted) = expander.place(Tree::ROOT, &mut path, tree, findings) {
        findings.exhausted(&exhausted, tree.span(groups));
    }
}

/// A part of a configuration may apply groups that stand in another.
fn without_groups(tree: &Tree<'_>, findings: &mut Findings) {
    let mut stack = vec![Tree::ROOT];
    while let Some(node) = stack.pop() {
        stack.extend(tree.children(node));
        if tree.word(node) == "apply-groups" {
            for name in tree.children(node) {
                let message =
                    format!("group `{}` is not in this file", super::numbers::shown(tree.word(name)));
                findings.add(raised::UNDEFINED_REFERENCE, Level::Warning, tree.span(name), message);
            }
        }
    }
}

struct Expander {
    groups: NodeId,
    meter: Meter,
    depth: Meter,
}

impl Expander {
    /// Applies groups at a node and everywhere below it, what is below first.
    fn place<'a>(
        &mut self,
        node: NodeId,
        path: &mut Vec<&'a str>,
        tree: &mut Tree<'a>,
        findings: &mut Findings,
    ) -> Result<(), Exhausted> {
        // Words below words: a statement is deeper here than its braces.
        if path.len() as u64 > limits::NESTING.value * 4 {
            return Err(self.depth.exhausted());
        }
        let children: Vec<NodeId> = tree.children(node).collect();
        self.meter.charge(children.len() as u64)?;
        for child in children {
            if node == Tree::ROOT && child == self.groups {
                continue;
            }
            path.push(tree.word(child));
            self.place(child, path, tree, findings)?;
            path.pop();
        }
        let Some(applied) = tree.find(node, "apply-groups") else { return Ok(()) };
        let names: Vec<NodeId> = tree.children(applied).collect();
        for name in names {
            let word = tree.word(name);
            let Some(group) = tree.find(self.groups, word) else {
                let message = format!("group `{}` is not defined", super::numbers::shown(word));
                findings.error(raised::UNDEFINED_REFERENCE, tree.span(name), message);
                continue;
            };
            let mut from = vec![group];
            for step in path.iter() {
                let mut next = Vec::new();
                for node in from {
                    self.meter.charge(1)?;
                    if let Some(same) = tree.find(node, step) {
                        next.push(same);
                    }
                    let patterns = tree.children(node).filter(|c| wildcard(tree.word(*c)).is_some());
                    next.extend(
                        patterns.filter(|c| wildcard(tree.word(*c)).is_some_and(|p| p.matches(step))),
                    );
                }
                from = next;
            }
            for source in from {
                self.merge(source, node, word, 0, tree)?;
            }
        }
        Ok(())
    }

    /// Adds what is below `from` to what is below `to`.
    fn merge(
        &mut self,
        from: NodeId,
        to: NodeId,
        group: &str,
        depth: u64,
        tree: &mut Tree<'_>,
    ) -> Result<(), Exhausted> {
        if depth > limits::NESTING.value * 4 {
            return Err(self.depth.exhausted());
        }
        let excepted = tree.find(to, "apply-groups-except").and_then(|node| tree.find(node, group));
        if excepted.is_some() && depth > 0 {
            return Ok(());
        }
        let children: Vec<NodeId> = tree.children(from).collect();
        self.meter.charge(children.len() as u64)?;
        for child in children {
            let word = tree.word(child);
            if matches!(word, "apply-groups" | "apply-groups-except") {
                continue;
            }
            if let Some(pattern) = wildcard(word) {
                let there: Vec<NodeId> = tree.children(to).collect();
                self.meter.charge(there.len() as u64)?;
                for target in there {
                    if pattern.matches(tree.word(target)) {
                        self.merge(child, target, group, depth + 1, tree)?;
                    }
                }
            } else if tree.find_any(to, word).is_some_and(|node| tree.find(to, word) != Some(node)) {
                // There and inactive: the group does not bring it back.
            } else {
                let target = tree.inherit(to, child);
                self.merge(child, target, group, depth + 1, tree)?;
            }
        }
        Ok(())
    }
}

/// Groups that nothing applies.
pub(super) fn unused(tree: &Tree<'_>, findings: &mut Findings) {
    let Some(groups) = tree.find(Tree::ROOT, "groups") else { return };
    let mut used = std::collections::HashSet::new();
    let mut stack = vec![Tree::ROOT];
    while let Some(node) = stack.pop() {
        for child in tree.children(node) {
            if matches!(tree.word(node), "apply-groups" | "apply-groups-except") {
                used.insert(tree.word(child));
            }
            if child != groups {
                stack.push(child);
            }
        }
    }
    if used.is_empty() {
        return;
    }
    for group in tree.children(groups) {
        // Names in `re0` style and `junos-defaults` are applied by the device itself.
        let own = matches!(tree.word(group), "re0" | "re1" | "node0" | "node1" | "member0" | "member1");
        if !own && !used.contains(tree.word(group)) {
            let message = format!("group `{}` is applied nowhere", super::numbers::shown(tree.word(group)));
            findings.add(raised::UNUSED_DEFINITION, Level::Warning, tree.span(group), message);
        }
    }
}

/// A pattern between `<` and `>`: `*` any text, `?` any character, `[ab-c,d]` one of a set, `!` in front of
/// a set one outside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wildcard<'a>(&'a str);

/// The pattern a word is; none for an ordinary word.
pub(super) fn wildcard(word: &str) -> Option<Wildcard<'_>> {
    let inner = word.strip_prefix('<')?.strip_suffix('>')?;
    let plain = inner.chars().all(|c| c.is_alphanumeric() || "*?[]!,-./:_+".contains(c));
    (plain && inner.contains(['*', '?', '['])).then_some(Wildcard(inner))
}

impl Wildcard<'_> {
    /// Whether a word has the pattern.
    pub(super) fn matches(self, word: &str) -> bool {
        let (mut pattern, mut rest) = (self.0, word);
        // Where to go on when what follows the last `*` does not match: one character further.
        let mut again: Option<(&str, &str)> = None;
        loop {
            let step = match one(pattern) {
                None if rest.is_empty() => return true,
                None => None,
                Some((One::Any, after)) => {
                    again = Some((after, rest));
                    pattern = after;
                    continue;
                }
                Some((part, after)) => {
                    let mut chars = rest.chars();
                    chars.next().filter(|c| part.accepts(*c)).map(|_| (after, chars.as_str()))
                }
            };
            if let Some(next) = step {
                (pattern, rest) = next;
                continue;
            }
            let Some((after, from)) = again else { return false };
            let mut chars = from.chars();
            if chars.next().is_none() {
                return false;
            }
            again = Some((after, chars.as_str()));
            (pattern, rest) = (after, chars.as_str());
        }
    }
}

enum One<'a> {
    Any,
    Character,
    Literal(char),
    Set(&'a str),
}

impl One<'_> {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Any | Self::Character => true,
            Self::Literal(literal) => *literal == c,
            Self::Set(set) => {
                let (negated, set) = set.strip_prefix('!').map_or((false, *set), |set| (true, set));
                let inside = set.split(',').any(|part| {
                    let mut rest = part.chars().peekable();
                    while let Some(lo) = rest.next() {
                        let mut ahead = rest.clone();
                        let hi = if ahead.next() == Some('-') { ahead.next() } else { None };
                        let hit = match hi {
                            Some(hi) => {
                                rest = ahead;
                                lo <= c && c <= hi
                            }
                            None => lo == c,
                        };
                        if hit {
                            return true;
                        }
                    }
                    false
                });
                inside != negated
            }
        }
    }
}

fn one(pattern: &str) -> Option<(One<'_>, &str)> {
    let mut chars = pattern.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    Some(match first {
        '*' => (One::Any, rest),
        '?' => (One::Character, rest),
        '[' => match rest.split_once(']') {
            Some((set, after)) => (One::Set(set), after),
            None => (One::Literal('['), rest),
        },
        c => (One::Literal(c), rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_shells_do() {
        let matches = |pattern: &str, word: &str| wildcard(pattern).unwrap().matches(word);
        assert!(matches("<*>", "ge-0/0/0") && matches("<*>", ""));
        assert!(matches("<ge-*/0/*>", "ge-1/0/12") && !matches("<ge-*/0/*>", "xe-1/0/1"));
        assert!(matches("<em[0,1]>", "em1") && !matches("<em[0,1]>", "em2"));
        assert!(
            matches("<a[1-3x]?>", "a2z") && matches("<a[1-3x]?>", "axz") && !matches("<a[1-3x]?>", "a4z")
        );
        assert!(matches("<[!a]*>", "bcd") && !matches("<[!a]*>", "abc"));
        assert!(matches("<88.*>", "88.1.2.3") && matches("<*aab>", "aaaaab") && !matches("<*aab>", "aaba"));
        assert!(wildcard("<%>").is_none() && wildcard("<").is_none() && wildcard("<name>").is_none());
    }

    #[test]
    fn a_hostile_pattern_is_answered_at_once() {
        let pattern = format!("<{}b>", "*a".repeat(200));
        assert!(!wildcard(&pattern).unwrap().matches(&"a".repeat(20_000)));
    }
}
