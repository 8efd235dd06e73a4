//! A pattern as a tree, every part with its place in the text.

use super::Octets;
use crate::source::Span;

/// A part of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Where it stands in the text of the pattern.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a part of a pattern is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// One octet of a set.
    Set(Octets),
    /// A place that takes no octet.
    Look(Look),
    /// One part after the other; without parts it matches where it stands.
    Cat(Vec<Node>),
    /// The first part that leads to a match.
    Alt(Vec<Node>),
    /// A part again and again.
    Repeat(Box<Repeat>),
    /// A part of which only the first way to match is tried: `(?>...)`.
    Atomic(Box<Node>),
}

/// A part again and again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeat {
    /// The part.
    pub node: Node,
    /// At least how often.
    pub least: u32,
    /// At most how often; none without an end.
    pub most: Option<u32>,
    /// Whether more is tried before less.
    pub greedy: bool,
}

/// A place that takes no octet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Look {
    /// `\A`, and `^` outside of multi-line mode.
    Start,
    /// `^` in multi-line mode.
    LineStart,
    /// `\z`, and `$` where nothing but the very end counts.
    End,
    /// `\Z`, and `$` outside of multi-line mode.
    EndOrLast,
    /// `$` in multi-line mode.
    LineEnd,
    /// `\b`.
    Border,
    /// `\B`.
    NoBorder,
}

impl Node {
    pub(super) fn new(span: Span, kind: NodeKind) -> Self {
        Self { span, kind }
    }

    /// Parts one after the other; a single one stands for itself.
    pub(super) fn cat(span: Span, mut parts: Vec<Self>) -> Self {
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                Self::new(span, NodeKind::Cat(parts))
            }
        }
    }

    /// Calls `f` for it and every part below.
    pub fn visit<'n>(&'n self, f: &mut dyn FnMut(&'n Self)) {
        f(self);
        match &self.kind {
            NodeKind::Set(_) | NodeKind::Look(_) => {}
            NodeKind::Cat(parts) | NodeKind::Alt(parts) => parts.iter().for_each(|part| part.visit(f)),
            NodeKind::Repeat(repeat) => repeat.node.visit(f),
            NodeKind::Atomic(inner) => inner.visit(f),
        }
    }

    /// Whether it can match without taking an octet.
    pub fn is_nullable(&self) -> bool {
        match &self.kind {
            NodeKind::Set(_) => false,
            NodeKind::Look(_) => true,
            NodeKind::Cat(parts) => parts.iter().all(Self::is_nullable),
            NodeKind::Alt(parts) => parts.iter().any(Self::is_nullable),
            NodeKind::Repeat(repeat) => repeat.least == 0 || repeat.node.is_nullable(),
            NodeKind::Atomic(inner) => inner.is_nullable(),
        }
    }
}
