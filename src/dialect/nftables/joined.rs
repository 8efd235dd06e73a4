//! Comparisons that nft joins into one: of octets that stand side by side, both with one value. Joined equalities mean
//! the same. Of two `!=`, nft 1.0.6 makes one that holds where either value differs (measured; netfilter-devel, March
//! 2024, "merging of `OP_NEQ`").

use super::fields::{Base, Header, Load};
use super::syntax::{Expr, Kind, Relation, Statement};
use crate::source::Span;

/// Octets a register holds, in bits; what is longer is joined only to what is longer already.
const REGISTER: u32 = 32;
/// The most that is joined.
const MOST: u32 = 128;

/// A comparison that may be joined: the base, the first bit, the width.
struct Part {
    base: Base,
    bit: u32,
    width: u32,
    words: String,
    span: Span,
}

/// Two `!=` of a rule that nft makes one of: their words, and where the second stands.
pub(super) fn unequal(statements: &[Statement<'_>]) -> Option<(String, String, Span)> {
    let parts: Vec<Part> = statements.iter().filter_map(part).collect();
    let joins = |a: &Part, b: &Part| {
        let total = a.width + b.width;
        let long = a.base == Base::Link || a.width > REGISTER || b.width > REGISTER;
        a.base == b.base && a.bit + a.width == b.bit && (total <= REGISTER || long && total <= MOST)
    };
    parts.iter().enumerate().find_map(|(at, first)| {
        let later = parts.get(at + 1..)?;
        let second = later.iter().find(|second| joins(first, second) || joins(second, first))?;
        Some((first.words.clone(), second.words.clone(), second.span))
    })
}

fn part(statement: &Statement<'_>) -> Option<Part> {
    let Kind::Match(Expr::Load(load, _), Relation::Unequal, right) = &statement.kind else { return None };
    let single = |expr: &Expr<'_>| matches!(expr, Expr::Word(_) | Expr::Number(_));
    let one = match right {
        Expr::Set(elements) => matches!(elements.as_slice(), [only] if single(&only.key)),
        other => single(other),
    };
    let (base, bit, width) = match load {
        Load::Field(header, place) => (base_of(*header), u32::from(place.bit), u32::from(place.width)),
        Load::Raw(base, bit, width) => (*base, *bit, *width),
        _ => return None,
    };
    let whole = bit.is_multiple_of(8) && width.is_multiple_of(8);
    (one && whole).then(|| Part { base, bit, width, words: load.words(), span: statement.span })
}

fn base_of(header: Header) -> Base {
    match header {
        Header::Ether | Header::Vlan => Base::Link,
        Header::Ip | Header::Ip6 | Header::Arp => Base::Network,
        Header::Icmp
        | Header::Icmpv6
        | Header::Igmp
        | Header::Tcp
        | Header::Udp
        | Header::Udplite
        | Header::Sctp
        | Header::Dccp
        | Header::Ah
        | Header::Esp
        | Header::Comp
        | Header::Th
        | Header::Gre => Base::Transport,
    }
}
