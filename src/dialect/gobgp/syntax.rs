//! A flow route in GoBGP's own words. One [`Route`] is filled again and again, so that a file of a million routes
//! takes the memory of one.

use crate::dialect::flowspec::{ComponentType, Operand, Table};
use crate::source::Span;

/// What a key compares with.
#[derive(Clone, Copy, PartialEq, Debug)]
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
        /// The bits passed over, less than the length.
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

/// A key with its values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Item {
    /// Its component; none when the key is not known.
    pub(super) kind: Option<ComponentType>,
    /// What it compares with.
    pub(super) body: Body,
    /// From the key to its last value.
    pub(super) span: Span,
}

/// What a route asks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Asked {
    /// A rate in octets a second; 0 discards.
    Rate(f64),
    /// Sample, and go on with later rules.
    Traffic(bool, bool),
    /// An extended community of eight octets.
    Short([u8; 8]),
    /// One of twenty.
    Long([u8; 20]),
    /// It could not be read.
    Unread,
}

/// Whether a route is added or removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    /// `add`
    Add,
    /// `del`
    Delete,
    /// It is shown: several paths of one route are not its replacement.
    Shown,
}

/// One flow route.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// What becomes of it.
    pub(super) verb: Verb,
    /// The table it belongs to.
    pub(super) table: Table,
    /// Its route distinguisher.
    pub(super) distinguisher: Option<[u8; 8]>,
    /// Its keys in the order written.
    pub(super) items: Vec<Item>,
    /// Their operands.
    pub(super) operands: Vec<Operand>,
    /// What it asks for.
    pub(super) asked: Vec<(Asked, Span)>,
    /// Whether what it asks for is known.
    pub(super) asked_known: bool,
    /// The first place where a part of it could not be read: the route may say more than its keys.
    pub(super) broken: Option<Span>,
    /// From its first word to its last.
    pub(super) span: Span,
}

impl Route {
    pub(super) fn new() -> Self {
        Self {
            verb: Verb::Add,
            table: Table::Ipv4,
            distinguisher: None,
            items: Vec::new(),
            operands: Vec::new(),
            asked: Vec::new(),
            asked_known: true,
            broken: None,
            span: Span::default(),
        }
    }

    /// Forgets everything and keeps the storage.
    pub(super) fn clear(&mut self, verb: Verb, table: Table, span: Span) {
        self.verb = verb;
        self.table = table;
        self.distinguisher = None;
        self.items.clear();
        self.operands.clear();
        self.asked.clear();
        self.asked_known = true;
        self.broken = None;
        self.span = span;
    }

    /// Closes a list that began with operand `start`.
    pub(super) fn close(&self, start: usize) -> Body {
        let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Body::List { start: index(start), end: index(self.operands.len()) }
    }

    /// The operands of one of its items.
    pub(super) fn list(&self, item: &Item) -> &[Operand] {
        match item.body {
            Body::List { start, end } => self.operands.get(start as usize..end as usize).unwrap_or(&[]),
            Body::Prefix4 { .. } | Body::Prefix6 { .. } | Body::Unread => &[],
        }
    }
}
