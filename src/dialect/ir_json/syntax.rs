//! JSON with the place of every value: an arena of nodes, the children of one linked in their order.

use crate::source::Span;
use std::borrow::Cow;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `null`.
    Null,
    /// `true`.
    True,
    /// `false`.
    False,
    /// A number, as JSON writes them.
    Number,
    /// A string.
    Text,
    /// `[..]`.
    List,
    /// `{..}`: its children are keys and values in turns.
    Object,
    /// Something that could not be read and was reported.
    Broken,
}

impl Kind {
    /// What it is called in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::True | Self::False => "a truth value",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Broken => "something unreadable",
        }
    }
}

/// A value of a [`Tree`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NodeId(u32);

#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    // The first child and the next sibling; 0 is none, for the root is nobody's child.
    first: u32,
    next: u32,
    kind: Kind,
}

/// Every value of a text.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

impl<'t> Tree<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // Every fourth octet or so begins a value; a guess below that keeps small rules from wasting memory.
        Self { text, nodes: Vec::with_capacity(text.len() / 16) }
    }

    /// Adds a value behind `before`, or as the first child of `parent`.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        span: Span,
        parent: Option<NodeId>,
        before: Option<NodeId>,
    ) -> NodeId {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(Node { start: span.start, end: span.end, first: 0, next: 0, kind });
        if let Some(before) = before.and_then(|before| self.nodes.get_mut(before.0 as usize)) {
            before.next = id;
        } else if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent.0 as usize)) {
            parent.first = id;
        }
        NodeId(id)
    }

    /// Says where a value ends.
    pub(super) fn close(&mut self, node: NodeId, end: usize) {
        if let Some(node) = self.nodes.get_mut(node.0 as usize) {
            node.end = Span::new(end, end).end;
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The outermost value.
    pub(super) fn root(&self) -> Option<NodeId> {
        (!self.nodes.is_empty()).then_some(NodeId(0))
    }

    pub(super) fn kind(&self, node: NodeId) -> Kind {
        self.nodes.get(node.0 as usize).map_or(Kind::Broken, |node| node.kind)
    }

    pub(super) fn span(&self, node: NodeId) -> Span {
        self.nodes
            .get(node.0 as usize)
            .map_or(Span::default(), |node| Span { start: node.start, end: node.end })
    }

    /// Where a value begins: for what is missing in a large one.
    pub(super) fn beginning(&self, node: NodeId) -> Span {
        let start = self.span(node).range().start;
        let first = self.raw(node).chars().next().map_or(0, char::len_utf8);
        Span::new(start, start + first)
    }

    /// The value as it is written.
    pub(super) fn raw(&self, node: NodeId) -> &'t str {
        self.text.get(self.span(node).range()).unwrap_or("")
    }

    /// The elements of a list, the keys and values of an object.
    pub(super) fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let at =
            |index: u32| if index == 0 { None } else { self.nodes.get(index as usize).map(|n| (index, n)) };
        let first = self.nodes.get(node.0 as usize).and_then(|node| at(node.first));
        std::iter::successors(first, move |(_, node)| at(node.next)).map(|(index, _)| NodeId(index))
    }

    /// The members of an object.
    pub(super) fn members(&self, node: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let mut list = self.children(node);
        std::iter::from_fn(move || Some((list.next()?, list.next()?)))
    }

    /// The characters a string stands for; escapes that are none were reported and stay as they are.
    pub(super) fn string(&self, node: NodeId) -> Cow<'t, str> {
        let raw = self.raw(node);
        let inside = raw.strip_prefix('"').unwrap_or(raw);
        let inside = inside.strip_suffix('"').unwrap_or(inside);
        if inside.contains('\\') { Cow::Owned(unescape(inside)) } else { Cow::Borrowed(inside) }
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        if let Some((character, length)) = escape(after) {
            out.push(character);
            rest = after.get(length..).unwrap_or("");
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The character that the text behind a backslash stands for, and how many octets of it say so.
pub(super) fn escape(after: &str) -> Option<(char, usize)> {
    let unit = |text: &str| {
        let digits = text.strip_prefix('u')?.get(..4)?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    Some(match after.bytes().next()? {
        b'"' => ('"', 1),
        b'\\' => ('\\', 1),
        b'/' => ('/', 1),
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => match unit(after)? {
            high @ 0xd800..=0xdbff => {
                let low = after.get(5..)?.strip_prefix('\\').and_then(unit)?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                (char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?, 11)
            }
            code => (char::from_u32(code)?, 5),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_characters_and_what_is_none_stays() {
        assert_eq!(unescape(r#"a\n\"\\\/\u00e9\ud835\udd4f!"#), "a\n\"\\/é𝕏!");
        assert_eq!(unescape(r"\x \ud835 \u12"), r"\x \ud835 \u12");
    }
}
