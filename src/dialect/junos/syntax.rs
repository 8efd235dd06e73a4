//! The configuration as a tree of words, the same for braces and `set` lines.
//!
//! Every word is a node below the word before it: `filter F { term T ...` and `set .. filter F term T ..` both
//! give `filter` → `F` → `term` → `T`. Equal words below one node are one node, as Junos merges what is loaded,
//! so children stand in the order of their first mention. A node borrows its word from the text by its span.

use crate::guard::{Exhausted, Meter, limits};
use crate::source::Span;
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;

/// A node of a [`Tree`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct NodeId(u32);

const NONE: u32 = u32::MAX;
/// From so many children on, a node's children are found through the index.
const INDEXED_FROM: u8 = 8;

const QUOTED: u8 = 1;
const DEAD: u8 = 2;
const INACTIVE: u8 = 4;
const HAD_INACTIVE: u8 = 8;
const INHERITED: u8 = 16;
const OPENED: u8 = 32;
const REOPENED: u8 = 64;

#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    first: u32,
    last: u32,
    next: u32,
    // What the index knows the children by; goes along when the node moves to another slot.
    key: u32,
    // Saturates; beyond `INDEXED_FROM` the children are in the index.
    children: u8,
    flags: u8,
}

/// A configuration as words below words.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    index: HashMap<(u32, &'a str), u32, RandomState>,
}

#[expect(clippy::indexing_slicing, reason = "node ids are only made by the tree they are used with")]
impl<'a> Tree<'a> {
    /// A tree over `text` with its root alone.
    pub(super) fn new(text: &'a str) -> Self {
        let nodes = Vec::with_capacity(text.len() / 24 + 1);
        let mut tree = Self { text, nodes, index: HashMap::default() };
        tree.push(Span::default(), 0);
        tree
    }

    /// The node everything is below.
    pub(super) const ROOT: NodeId = NodeId(0);

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    fn push(&mut self, span: Span, flags: u8) -> NodeId {
        let id = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.push(Node {
            start: span.start,
            end: span.end,
            first: NONE,
            last: NONE,
            next: NONE,
            key: id,
            children: 0,
            flags,
        });
        NodeId(id)
    }

    /// Where the word was first written, quotes included.
    pub(super) fn span(&self, id: NodeId) -> Span {
        let node = self.node(id);
        Span { start: node.start, end: node.end }
    }

    /// The word without quotes; escapes stand as written.
    pub(super) fn word(&self, id: NodeId) -> &'a str {
        let node = self.node(id);
        let quotes = u32::from(node.flags & QUOTED != 0);
        self.text.get((node.start + quotes) as usize..(node.end - quotes) as usize).unwrap_or("")
    }

    /// The word with its escapes resolved.
    pub(super) fn name(&self, id: NodeId) -> Cow<'a, str> {
        let word = self.word(id);
        if self.is_quoted(id) && word.contains('\\') { unescape(word).into() } else { word.into() }
    }

    pub(super) fn is_quoted(&self, id: NodeId) -> bool {
        self.node(id).flags & QUOTED != 0
    }

    /// Whether the node came from a group.
    pub(super) fn is_inherited(&self, id: NodeId) -> bool {
        self.node(id).flags & INHERITED != 0
    }

    /// Whether a statement below the node was inactive.
    pub(super) fn had_inactive(&self, id: NodeId) -> bool {
        self.node(id).flags & HAD_INACTIVE != 0
    }

    /// Whether braces were opened twice after the node's path.
    pub(super) fn is_reopened(&self, id: NodeId) -> bool {
        self.node(id).flags & REOPENED != 0
    }

    pub(super) fn mark_had_inactive(&mut self, id: NodeId) {
        self.node_mut(id).flags |= HAD_INACTIVE;
    }

    /// Notes that braces were opened after the node's path.
    pub(super) fn mark_opened(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        node.flags |= if node.flags & OPENED != 0 { REOPENED } else { OPENED };
    }

    /// The children that exist, in order.
    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let mut next = self.node(id).first;
        std::iter::from_fn(move || {
            loop {
                let id = NodeId(next);
                if next == NONE {
                    return None;
                }
                let node = self.node(id);
                next = node.next;
                if node.flags & (DEAD | INACTIVE) == 0 {
                    return Some(id);
                }
            }
        })
    }

    /// Whether the node has no child that exists.
    pub(super) fn is_leaf(&self, id: NodeId) -> bool {
        self.node(id).first == NONE || self.children(id).next().is_none()
    }

    /// The child with that word, inactive ones included.
    pub(super) fn find_any(&self, parent: NodeId, word: &str) -> Option<NodeId> {
        if self.node(parent).children >= INDEXED_FROM {
            return self.index.get(&(self.node(parent).key, word)).copied().map(NodeId);
        }
        let mut next = self.node(parent).first;
        while next != NONE {
            let id = NodeId(next);
            if self.node(id).flags & DEAD == 0 && self.word(id) == word {
                return Some(id);
            }
            next = self.node(id).next;
        }
        None
    }

    /// The child with that word, where it exists and is active.
    pub(super) fn find(&self, parent: NodeId, word: &str) -> Option<NodeId> {
        self.find_any(parent, word).filter(|id| self.node(*id).flags & INACTIVE == 0)
    }

    /// The node at the end of a path of words.
    pub(super) fn find_path(&self, from: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(from, |node, word| self.find(node, word))
    }

    /// The child with the word at `span`, made at the end when there is none.
    pub(super) fn child(&mut self, parent: NodeId, span: Span, quoted: bool) -> NodeId {
        self.child_with(parent, span, if quoted { QUOTED } else { 0 })
    }

    /// As [`Tree::child`], for a copy of `original` that a group brings.
    pub(super) fn inherit(&mut self, parent: NodeId, original: NodeId) -> NodeId {
        let flags = self.node(original).flags & QUOTED | INHERITED;
        self.child_with(parent, self.span(original), flags)
    }

    /// Whether no more words are taken; those that came after are not there.
    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() as u64 >= limits::SYNTAX_NODES.value
    }

    fn child_with(&mut self, parent: NodeId, span: Span, flags: u8) -> NodeId {
        let quotes = usize::from(flags & QUOTED != 0);
        let range = span.range();
        let word = self.text.get(range.start + quotes..range.end - quotes).unwrap_or("");
        if self.node(parent).first != NONE
            && let Some(id) = self.find_any(parent, word)
        {
            return id;
        }
        if self.is_full() {
            return parent;
        }
        let id = self.push(span, flags);
        self.append(parent, id, word);
        id
    }

    fn append(&mut self, parent: NodeId, id: NodeId, word: &'a str) {
        let last = self.node(parent).last;
        if last == NONE {
            self.node_mut(parent).first = id.0;
        } else {
            self.nodes[last as usize].next = id.0;
        }
        let node = self.node_mut(parent);
        node.last = id.0;
        let key = node.key;
        if node.children >= INDEXED_FROM {
            self.index.insert((key, word), id.0);
            return;
        }
        node.children += 1;
        if node.children == INDEXED_FROM {
            let mut next = node.first;
            while next != NONE {
                let child = NodeId(next);
                if self.node(child).flags & DEAD == 0 {
                    self.index.insert((key, self.word(child)), next);
                }
                next = self.node(child).next;
            }
        }
    }

    /// Removes a child for good.
    pub(super) fn remove(&mut self, parent: NodeId, child: NodeId) {
        let word = self.word(child);
        self.node_mut(child).flags |= DEAD;
        self.index.remove(&(self.node(parent).key, word));
    }

    /// Removes everything below a node.
    pub(super) fn clear(&mut self, id: NodeId) {
        let children: Vec<NodeId> = self.children(id).collect();
        for child in children {
            self.remove(id, child);
        }
        self.node_mut(id).flags &= !(OPENED | REOPENED);
    }

    /// Makes a child inactive, or active again.
    pub(super) fn set_inactive(&mut self, parent: NodeId, child: NodeId, inactive: bool) {
        if inactive {
            self.node_mut(child).flags |= INACTIVE;
            self.mark_had_inactive(parent);
        } else {
            self.node_mut(child).flags &= !INACTIVE;
        }
    }

    /// Moves `child` right before or after `anchor`; both are children of `parent`.
    pub(super) fn place(&mut self, parent: NodeId, child: NodeId, anchor: NodeId, after: bool) {
        if child == anchor {
            return;
        }
        let mut moved = *self.node(child);
        self.remove(parent, child);
        // A list linked one way: to stand before the anchor, the moved node takes its slot and the anchor a
        // new one behind it.
        if !after {
            std::mem::swap(&mut moved, &mut self.nodes[anchor.0 as usize]);
            let next = moved.next;
            self.nodes[anchor.0 as usize].next = next;
        }
        let behind = NodeId(u32::try_from(self.nodes.len()).unwrap_or(NONE));
        moved.next = self.node(anchor).next;
        self.nodes.push(moved);
        self.node_mut(anchor).next = behind.0;
        if self.node(parent).last == anchor.0 {
            self.node_mut(parent).last = behind.0;
        }
        if self.node(parent).children >= INDEXED_FROM {
            let key = self.node(parent).key;
            for id in [anchor, behind] {
                let word = self.word(id);
                self.index.insert((key, word), id.0);
            }
        }
    }

    /// Gives a child another word.
    pub(super) fn rename(&mut self, parent: NodeId, child: NodeId, span: Span, quoted: bool) {
        let old = self.word(child);
        let node = self.node_mut(child);
        node.start = span.start;
        node.end = span.end;
        node.flags = node.flags & !QUOTED | if quoted { QUOTED } else { 0 };
        if self.node(parent).children >= INDEXED_FROM {
            let key = self.node(parent).key;
            self.index.remove(&(key, old));
            let word = self.word(child);
            self.index.insert((key, word), child.0);
        }
    }

    /// Copies everything below a node, inactive statements included, to below another.
    pub(super) fn copy(&mut self, from: NodeId, to: NodeId, meter: &mut Meter) -> Result<(), Exhausted> {
        let mut stack = vec![(from, to)];
        while let Some((from, to)) = stack.pop() {
            let mut next = self.node(from).first;
            while next != NONE {
                meter.charge(1)?;
                let child = NodeId(next);
                let node = *self.node(child);
                next = node.next;
                if node.flags & DEAD == 0 {
                    let copy = self.child_with(to, self.span(child), node.flags & !(OPENED | REOPENED));
                    stack.push((child, copy));
                }
            }
        }
        Ok(())
    }

    /// How many statements are below a node: nodes without children, and not at or below one whose word is passed by.
    pub(super) fn leaves(&self, from: NodeId, passes_by: impl Fn(&str) -> bool) -> usize {
        let mut stack = vec![from];
        let mut count = 0;
        while let Some(id) = stack.pop() {
            if passes_by(self.word(id)) {
                continue;
            }
            let before = stack.len();
            stack.extend(self.children(id));
            count += usize::from(stack.len() == before);
        }
        count
    }
}

fn unescape(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tree: &Tree<'_>, id: NodeId) -> String {
        tree.children(id).map(|c| tree.word(c)).collect()
    }

    #[test]
    fn equal_words_are_one_node_with_and_without_the_index() {
        let text = "abcdefghijklabcdefghijkl";
        let mut tree = Tree::new(text);
        for i in 0..text.len() {
            tree.child(Tree::ROOT, Span::new(i, i + 1), false);
        }
        assert_eq!(names(&tree, Tree::ROOT), "abcdefghijkl");
        let gone = tree.find(Tree::ROOT, "c").unwrap();
        tree.remove(Tree::ROOT, gone);
        assert_eq!(tree.find(Tree::ROOT, "c"), None);
        assert_eq!(names(&tree, Tree::ROOT), "abdefghijkl");
    }

    #[test]
    fn a_child_moves_before_and_after_others_with_what_is_below_it() {
        for count in [4, 12] {
            let text = "abcdefghijkl";
            let mut tree = Tree::new(text);
            for i in 0..count {
                let id = tree.child(Tree::ROOT, Span::new(i, i + 1), false);
                for j in 0..10 {
                    tree.child(id, Span::new(j, j + 1), false);
                }
            }
            let place = |tree: &mut Tree<'_>, child: &str, anchor: &str, after| {
                let find = |word| tree.find(Tree::ROOT, word).unwrap();
                let (child, anchor) = (find(child), find(anchor));
                tree.place(Tree::ROOT, child, anchor, after);
            };
            let rest = text.get(4..count).unwrap();
            place(&mut tree, "d", "a", false);
            assert_eq!(names(&tree, Tree::ROOT), format!("dabc{rest}"));
            place(&mut tree, "d", "b", true);
            assert_eq!(names(&tree, Tree::ROOT), format!("abdc{rest}"));
            place(&mut tree, "a", "c", false);
            assert_eq!(names(&tree, Tree::ROOT), format!("bdac{rest}"));
            let last = names(&tree, Tree::ROOT).pop().unwrap().to_string();
            place(&mut tree, "b", &last, true);
            assert!(names(&tree, Tree::ROOT).ends_with(&format!("{last}b")));
            for word in ["a", "b", "c", "d"] {
                let id = tree.find(Tree::ROOT, word).unwrap();
                assert_eq!(names(&tree, id), "abcdefghij", "{word}");
                assert!(tree.find(id, "j").is_some(), "{word}");
            }
        }
    }
}
