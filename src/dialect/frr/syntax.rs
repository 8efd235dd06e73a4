//! What FRR shows and what its policy maps say, in its own words.

use crate::dialect::flowspec::{ComponentType, Operand};
use crate::field::Family;
use crate::source::Span;

/// What a component of a shown entry compares with.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Body {
    /// An IPv4 prefix.
    Prefix4(u32, u8),
    /// An IPv6 prefix: address, length, offset.
    Prefix6(u128, u8, u8),
    /// Numbers; what joins them is not shown.
    Numbers(Vec<Operand>),
    /// Bits; what joins them is shown.
    Bits(Vec<Operand>),
    /// It could not be read.
    Unread,
}

/// A component of a shown entry.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Item {
    /// Its type.
    pub(super) kind: ComponentType,
    /// What it compares with.
    pub(super) body: Body,
    /// From its name to its last value.
    pub(super) span: Span,
}

/// What an entry asks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Asked {
    /// A rate in octets a second; 0 discards.
    Rate(f64),
    /// An extended community.
    Community([u8; 8]),
    /// A community of which FRR shows the type alone.
    Unknown(u8, u8),
    /// Words that say less than the community did.
    Words,
}

/// An entry of `show bgp ipv4 flowspec`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    /// Its address family, where something tells it.
    pub(super) family: Option<Family>,
    /// Its components in the order shown.
    pub(super) items: Vec<Item>,
    /// What it asks for.
    pub(super) asked: Vec<(Asked, Span)>,
    /// Words that FRR does not show of an entry.
    pub(super) unread: Vec<Span>,
    /// Whether what it asks for is shown.
    pub(super) asked_known: bool,
    /// From its first word to its last.
    pub(super) span: Span,
}

/// A `match` of a policy map, one a keyword.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Match {
    /// The keyword.
    pub(super) keyword: String,
    /// Its value.
    pub(super) value: String,
    /// The whole line.
    pub(super) span: Span,
}

/// A `set` of a policy map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Set {
    /// The words behind `set`.
    pub(super) words: Vec<String>,
    /// The whole line.
    pub(super) span: Span,
}

/// An entry of a policy map.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sequence {
    /// What it matches.
    pub(super) matches: Vec<Match>,
    /// What becomes of the packets.
    pub(super) sets: Vec<Set>,
    /// The line that begins it.
    pub(super) span: Span,
}
