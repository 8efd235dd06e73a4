//! Octets to typed components, validated as RFC 8955 §4, §10 and RFC 8956 §3 ask.
//!
//! One pass checks, types and notes deviations; with a reused [`FlowSpec`] it allocates nothing for an NLRI.

use super::component::{AND, Body, Deviation, DeviationKind};
use super::{ComponentType, FlowSpec, Operand, Table};
use crate::net::Prefix4;
use crate::source::Span;

/// Why octets are no NLRI, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{defect}")]
pub struct Malformed {
    /// The octet that is wrong, counted as the caller's offsets are.
    pub offset: u32,
    /// What is wrong with it.
    pub defect: Defect,
}

/// What can be wrong with an NLRI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// The length runs past the octets there are: what follows cannot be found.
    #[error("the NLRI says {length} octets and {have} follow")]
    Overrun {
        /// What its length says.
        length: u16,
        /// What there is.
        have: usize,
    },
    /// The second octet of a two-octet length is missing.
    #[error("the second octet of the NLRI length is missing")]
    LengthCut,
    /// A length below 240 in two octets, where the caller takes that as malformed.
    #[error("a length of {length} takes one octet and stands in two")]
    LongLength {
        /// What it says.
        length: u16,
    },
    /// No component at all.
    #[error("an NLRI needs at least one component")]
    Empty,
    /// Fewer than eight octets where a route distinguisher must stand.
    #[error("the route distinguisher needs eight octets and {have} are there")]
    Distinguisher {
        /// What there is.
        have: usize,
    },
    /// A number no component of the family has.
    #[error("component type {number} is not defined for {family}")]
    UnknownType {
        /// The number.
        number: u8,
        /// `IPv4` or `IPv6`.
        family: &'static str,
    },
    /// A component behind one of a higher type.
    #[error("component type {number} stands behind type {after}; types must ascend")]
    OutOfOrder {
        /// The type.
        number: u8,
        /// The type before it.
        after: u8,
    },
    /// A type for the second time.
    #[error("component type {number} stands twice")]
    Repeated {
        /// The type.
        number: u8,
    },
    /// Nothing behind the type.
    #[error("the {kind} component ends behind its type")]
    NoOperator {
        /// The type.
        kind: ComponentType,
    },
    /// The NLRI ends inside a component.
    #[error("the {kind} component is cut off: {need} octets are needed and {have} follow")]
    Cut {
        /// The type.
        kind: ComponentType,
        /// Octets that should follow.
        need: usize,
        /// Octets that do.
        have: usize,
    },
    /// A prefix longer than an address.
    #[error("a prefix length of {length} is beyond {max}")]
    PrefixLength {
        /// What it says.
        length: u8,
        /// The longest.
        max: u8,
    },
    /// An IPv6 offset not below the length.
    #[error("the offset {offset} is not below the prefix length {length}")]
    Offset {
        /// The offset.
        offset: u8,
        /// The length.
        length: u8,
    },
    /// An operand in a number of octets the type does not allow.
    #[error("a {kind} operand cannot have {width} octets")]
    Width {
        /// The type.
        kind: ComponentType,
        /// Its octets.
        width: u8,
    },
    /// The NLRI ends and no operator had the end-of-list bit.
    #[error("the {kind} list is not ended: no operator has the end-of-list bit")]
    NoEnd {
        /// The type.
        kind: ComponentType,
    },
}

impl Defect {
    /// Whether the NLRIs behind this one are lost with it (flow specifications cannot be told apart any more).
    pub fn is_framing(self) -> bool {
        matches!(self, Self::Overrun { .. } | Self::LengthCut)
    }

    /// Whether it is about the order of components only.
    pub fn is_order(self) -> bool {
        matches!(self, Self::OutOfOrder { .. } | Self::Repeated { .. })
    }
}

/// One NLRI, still octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// The octets behind the length.
    pub value: &'a [u8],
    /// Where its length stands, counted as the caller's offsets are.
    pub start: u32,
    /// Where the value begins.
    pub at: u32,
}

impl Frame<'_> {
    /// The whole NLRI, length included.
    pub fn span(&self) -> Span {
        Span { start: self.start, end: self.at.saturating_add(count(self.value.len())) }
    }

    /// Whether its length stands in two octets and would fit in one.
    pub fn has_long_length(&self) -> bool {
        self.at - self.start == 2 && self.value.len() < 240
    }
}

/// The NLRIs of a field one after the other; ends behind the first whose length is wrong.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
    end: u32,
}

impl<'a> Frames<'a> {
    /// The NLRIs of `octets`, the first of which is octet `at` to the caller.
    pub fn new(octets: &'a [u8], at: u32) -> Self {
        Self { rest: octets, end: at.saturating_add(count(octets.len())) }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.end - count(self.rest.len());
        let (length, tail) = match self.rest {
            [] => return None,
            [first, tail @ ..] if *first < 0xf0 => (u16::from(*first), tail),
            [first, second, tail @ ..] => (u16::from(first & 0x0f) << 8 | u16::from(*second), tail),
            [_] => {
                self.rest = &[];
                return Some(Err(Malformed { offset: start, defect: Defect::LengthCut }));
            }
        };
        let Some((value, rest)) = tail.split_at_checked(usize::from(length)) else {
            self.rest = &[];
            let defect = Defect::Overrun { length, have: tail.len() };
            return Some(Err(Malformed { offset: start, defect }));
        };
        let at = self.end - count(tail.len());
        self.rest = rest;
        Some(Ok(Frame { value, start, at }))
    }
}

/// Decodes one NLRI into `spec`, whose storage is reused. On an error `spec` holds what stood before it.
#[inline]
pub fn decode(table: Table, frame: &Frame<'_>, spec: &mut FlowSpec) -> Result<(), Malformed> {
    decode_value(table, frame.value, frame.at, spec)?;
    if frame.has_long_length() {
        spec.push_deviation(DeviationKind::LongLength, Span { start: frame.start, end: frame.at });
    }
    Ok(())
}

/// Decodes the octets behind the length of an NLRI, the first of which is octet `at` to the caller.
#[inline]
pub fn decode_value(table: Table, value: &[u8], at: u32, spec: &mut FlowSpec) -> Result<(), Malformed> {
    spec.clear(table.family());
    let end = at.saturating_add(count(value.len()));
    let mut rest = value;
    if table.is_vpn() {
        let Some((distinguisher, tail)) = value.split_first_chunk::<8>() else {
            return Err(Malformed { offset: at, defect: Defect::Distinguisher { have: value.len() } });
        };
        spec.distinguisher = Some(*distinguisher);
        rest = tail;
    }
    if rest.is_empty() {
        return Err(Malformed { offset: end, defect: Defect::Empty });
    }
    match table {
        Table::Ipv4 | Table::Vpnv4 => components::<false>(rest, end, spec),
        Table::Ipv6 | Table::Vpnv6 => components::<true>(rest, end, spec),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "sources are limited far below 4 GiB; offsets only")]
#[inline]
fn count(n: usize) -> u32 {
    n as u32
}

/// Reads components until the octets end. Octet positions are counted back from `end`.
#[inline]
fn components<const V6: bool>(mut rest: &[u8], end: u32, spec: &mut FlowSpec) -> Result<(), Malformed> {
    let mut last = 0;
    while let [number, tail @ ..] = rest {
        let start = end - count(rest.len());
        let kind = match ComponentType::from_number(*number) {
            Some(kind) if *number > last && (V6 || kind != ComponentType::FlowLabel) => kind,
            _ => return Err(wrong_type::<V6>(*number, last, start)),
        };
        last = *number;
        rest = match kind {
            ComponentType::DestinationPrefix | ComponentType::SourcePrefix if V6 => {
                prefix6(kind, tail, start, end, spec)?
            }
            ComponentType::DestinationPrefix | ComponentType::SourcePrefix => {
                prefix4(kind, tail, start, end, spec)?
            }
            _ => operands::<V6>(kind, tail, start, end, spec)?,
        };
    }
    Ok(())
}

#[cold]
fn wrong_type<const V6: bool>(number: u8, last: u8, offset: u32) -> Malformed {
    let top = if V6 { 13 } else { 12 };
    let defect = if number == 0 || number > top {
        Defect::UnknownType { number, family: if V6 { "IPv6" } else { "IPv4" } }
    } else if number == last {
        Defect::Repeated { number }
    } else {
        Defect::OutOfOrder { number, after: last }
    };
    Malformed { offset, defect }
}

#[inline]
fn prefix4<'a>(
    kind: ComponentType,
    octets: &'a [u8],
    start: u32,
    end: u32,
    spec: &mut FlowSpec,
) -> Result<&'a [u8], Malformed> {
    let [length, tail @ ..] = octets else {
        return Err(Malformed { offset: start, defect: Defect::NoOperator { kind } });
    };
    let size = usize::from(*length).div_ceil(8);
    let Some((pattern, rest)) = tail.split_at_checked(size) else {
        let defect = match length {
            0..=32 => Defect::Cut { kind, need: size, have: tail.len() },
            _ => Defect::PrefixLength { length: *length, max: 32 },
        };
        return Err(Malformed { offset: start + 1, defect });
    };
    let addr = match *pattern {
        [] => 0,
        [a] => u32::from_be_bytes([a, 0, 0, 0]),
        [a, b] => u32::from_be_bytes([a, b, 0, 0]),
        [a, b, c] => u32::from_be_bytes([a, b, c, 0]),
        [a, b, c, d, ..] => u32::from_be_bytes([a, b, c, d]),
    };
    let Some(prefix) = Prefix4::new(addr, *length) else {
        let defect = Defect::PrefixLength { length: *length, max: 32 };
        return Err(Malformed { offset: start + 1, defect });
    };
    let span = Span { start, end: end - count(rest.len()) };
    if prefix.has_host_bits() {
        spec.push_deviation(DeviationKind::JunkPrefixBits, Span { start: span.end - 1, ..span });
    }
    spec.push_prefix(kind, Body::Prefix4(prefix.network()), span);
    Ok(rest)
}

#[inline]
fn prefix6<'a>(
    kind: ComponentType,
    octets: &'a [u8],
    start: u32,
    end: u32,
    spec: &mut FlowSpec,
) -> Result<&'a [u8], Malformed> {
    let (len, offset, tail) = match octets {
        [length, offset, tail @ ..] => (*length, *offset, tail),
        [_] => {
            return Err(Malformed { offset: start, defect: Defect::Cut { kind, need: 2, have: 1 } });
        }
        [] => return Err(Malformed { offset: start, defect: Defect::NoOperator { kind } }),
    };
    if len > 128 {
        let defect = Defect::PrefixLength { length: len, max: 128 };
        return Err(Malformed { offset: start + 1, defect });
    }
    if offset >= len && (len, offset) != (0, 0) {
        return Err(Malformed { offset: start + 2, defect: Defect::Offset { offset, length: len } });
    }
    let bits = len - offset;
    let size = usize::from(bits).div_ceil(8);
    let Some((pattern, rest)) = tail.split_at_checked(size) else {
        let defect = Defect::Cut { kind, need: size, have: tail.len() };
        return Err(Malformed { offset: start + 1, defect });
    };
    let mut octets = [0_u8; 16];
    octets.iter_mut().zip(pattern).for_each(|(to, from)| *to = *from);
    let raw = u128::from_be_bytes(octets);
    let kept = raw & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    let span = Span { start, end: end - count(rest.len()) };
    if kept != raw {
        spec.push_deviation(DeviationKind::JunkPrefixBits, Span { start: span.end - 1, ..span });
    }
    // RFC 8956 §3.1: the pattern stands shifted left by the offset; here it goes back to its place.
    spec.push_prefix(kind, Body::Prefix6 { addr: kept >> offset, len, offset }, span);
    Ok(rest)
}

#[inline]
fn operands<'a, const V6: bool>(
    kind: ComponentType,
    mut rest: &'a [u8],
    start: u32,
    end: u32,
    spec: &mut FlowSpec,
) -> Result<&'a [u8], Malformed> {
    let widths = kind.info().widths;
    let first = spec.operand_count();
    let mut ignored_and = AND;
    let meant = if kind.is_bitmask() { 0x03 } else { 0x07 };
    loop {
        let at = end - count(rest.len());
        let [op, tail @ ..] = rest else {
            let none = spec.operand_count() == first;
            let defect = if none { Defect::NoOperator { kind } } else { Defect::NoEnd { kind } };
            return Err(Malformed { offset: if none { start } else { at }, defect });
        };
        let code = op >> 4 & 3;
        let width = 1_u8 << code;
        if widths >> code & 1 == 0 {
            return Err(Malformed { offset: at, defect: Defect::Width { kind, width } });
        }
        let Some((value, after)) = take_value(code, tail) else {
            let defect = Defect::Cut { kind, need: usize::from(width), have: tail.len() };
            return Err(Malformed { offset: at, defect });
        };
        let span = Span { start: at + 1, end: at + 1 + u32::from(width) };
        let operand = Operand { op: op & (meant | AND) & !ignored_and, width, value, span };
        if *op & (0x0f & !meant | ignored_and) != 0
            || code != 0
            || matches!(kind, ComponentType::Fragment | ComponentType::FlowLabel)
        {
            note_deviations::<V6>(kind, *op & (0x0f & !meant | ignored_and), operand, spec);
        }
        spec.push_operand(operand);
        ignored_and = 0;
        rest = after;
        if op & 0x80 != 0 {
            spec.close_operands(kind, first, Span { start, end: end - count(rest.len()) });
            return Ok(rest);
        }
    }
}

#[inline]
fn take_value(code: u8, octets: &[u8]) -> Option<(u64, &[u8])> {
    match code {
        0 => octets.split_first().map(|(value, rest)| (u64::from(*value), rest)),
        1 => octets.split_first_chunk().map(|(v, rest)| (u64::from(u16::from_be_bytes(*v)), rest)),
        2 => octets.split_first_chunk().map(|(v, rest)| (u64::from(u32::from_be_bytes(*v)), rest)),
        _ => octets.split_first_chunk().map(|(v, rest)| (u64::from_be_bytes(*v), rest)),
    }
}

/// `odd` holds the bits of the operator that are ignored.
fn note_deviations<const V6: bool>(kind: ComponentType, odd: u8, operand: Operand, spec: &mut FlowSpec) {
    let Operand { width, value, span, .. } = operand;
    let operator = Span { start: span.start - 1, end: span.start };
    if odd & AND != 0 {
        spec.push_deviation(DeviationKind::AndOnFirst, operator);
    }
    if odd & 0x0f != 0 {
        spec.push_deviation(DeviationKind::ReservedOperatorBits, operator);
    }
    if width != kind.canonical_width(value) {
        spec.push_deviation(DeviationKind::Width, span);
    }
    let reserved = match kind {
        ComponentType::Fragment if V6 => value & !kind.info().max6,
        ComponentType::Fragment | ComponentType::TcpFlags => value & !kind.info().max4,
        _ => 0,
    };
    if reserved != 0 {
        spec.push_deviation(DeviationKind::ReservedValueBits, span);
    }
}

impl Deviation {
    /// What it is, in words.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            DeviationKind::LongLength => "a length below 240 stands in two octets",
            DeviationKind::Width => "a value does not stand in the usual number of octets",
            DeviationKind::AndOnFirst => "the first operator of a list has the AND bit, which is ignored",
            DeviationKind::ReservedOperatorBits => "an operator has reserved bits set, which are ignored",
            DeviationKind::ReservedValueBits => "an operand has reserved bits set, which are read as 0",
            DeviationKind::JunkPrefixBits => "bits behind the prefix length are set, which are ignored",
        }
    }
}
