//! A flow route in BIRD's own words. One [`Route`] is filled again and again, so that a file of a million routes
//! takes the memory of one.

use crate::dialect::flowspec::ComponentType;
use crate::field::Family;
use crate::source::Span;

/// How an operand is joined to the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Join {
    /// It is an alternative; so is the first.
    Or,
    /// Both must hold.
    And,
}

/// An operand of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Test {
    /// A number behind an operator: the bits of RFC 8955 §4.2.1.1.
    Number {
        /// `<` `>` `=` and their joins, `true`, `false`.
        op: u8,
        /// The value.
        value: u32,
    },
    /// Bits behind a mask.
    Bits {
        /// Whether `!` stands before it.
        not: bool,
        /// The bits that are set.
        value: u32,
        /// The bits that are looked at.
        mask: u32,
    },
    /// A fragment state by name. `!!name` and `!0x0/0x5` are shown and cannot be written.
    Fragment {
        /// Whether `!` stands before it.
        not: bool,
        /// The bit.
        bit: u32,
    },
}

/// An operand with its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Operand {
    /// How it is joined.
    pub(super) join: Join,
    /// What it asks.
    pub(super) test: Test,
    /// Where it stands.
    pub(super) span: Span,
}

/// What an item compares with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// An IPv4 prefix.
    Prefix4 {
        /// The address as written.
        addr: u32,
        /// The length, at most 32.
        len: u8,
    },
    /// An IPv6 prefix.
    Prefix6 {
        /// The address as written.
        addr: u128,
        /// The length, at most 128.
        len: u8,
        /// The bits passed over.
        offset: u8,
    },
    /// Operands: a range of [`Route::operands`].
    List {
        /// The first.
        start: u32,
        /// The one behind the last.
        end: u32,
    },
    /// It could not be read.
    Unread,
}

/// One item of a flow route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    /// Its component; none when the keyword is not known.
    pub(super) kind: Option<ComponentType>,
    /// What it compares with.
    pub(super) body: Body,
    /// From its keyword to its last word.
    pub(super) span: Span,
}

/// What a statement of the attribute block does to the extended communities.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Attribute {
    /// Adds one.
    Add([u8; 8]),
    /// Removes all.
    Empty,
    /// Something else that touches them, or what becomes of the route; its words are kept.
    Unread,
}

/// One flow route.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// `flow4` or `flow6`.
    pub(super) family: Family,
    /// Its items in the order written.
    pub(super) items: Vec<Item>,
    /// Their operands.
    pub(super) operands: Vec<Operand>,
    /// What its attribute block does.
    pub(super) attributes: Vec<(Attribute, Span)>,
    /// Whether it was shown by BIRD and not written for it: then forms stand in it that BIRD does not read.
    pub(super) shown: bool,
    /// Whether what it does is known: a route of a configuration always says, a line of a table does only with
    /// its attributes.
    pub(super) attributes_known: bool,
    /// The first place where a part of it could not be read: the route may say more than its items.
    pub(super) broken: Option<Span>,
    /// From its first word to its last.
    pub(super) span: Span,
}

impl Route {
    pub(super) fn new() -> Self {
        Self {
            family: Family::Inet,
            items: Vec::new(),
            operands: Vec::new(),
            attributes: Vec::new(),
            shown: false,
            attributes_known: true,
            broken: None,
            span: Span::default(),
        }
    }

    /// Forgets everything and keeps the storage.
    pub(super) fn clear(&mut self, family: Family) {
        self.family = family;
        self.items.clear();
        self.operands.clear();
        self.attributes.clear();
        self.attributes_known = true;
        self.broken = None;
        self.span = Span::default();
    }

    /// The operands of one of its items.
    pub(super) fn list(&self, item: &Item) -> &[Operand] {
        match item.body {
            Body::List { start, end } => self.operands.get(start as usize..end as usize).unwrap_or(&[]),
            Body::Prefix4 { .. } | Body::Prefix6 { .. } | Body::Unread => &[],
        }
    }
}
