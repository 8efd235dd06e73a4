//! Flowspec components as typed values: one rule in flat storage, so that a decoder can reuse it.

use crate::field::Family;
use crate::net::Prefix4;
use crate::source::Span;

/// Component types (RFC 8955 §4.2.2, RFC 8956 §3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum ComponentType {
    DestinationPrefix = 1,
    SourcePrefix = 2,
    Protocol = 3,
    Port = 4,
    DestinationPort = 5,
    SourcePort = 6,
    IcmpType = 7,
    IcmpCode = 8,
    TcpFlags = 9,
    PacketLength = 10,
    Dscp = 11,
    Fragment = 12,
    FlowLabel = 13,
}

impl ComponentType {
    /// The type of that number; none for numbers no address family defines.
    pub fn from_number(number: u8) -> Option<Self> {
        use ComponentType as C;
        Some(match number {
            1 => C::DestinationPrefix,
            2 => C::SourcePrefix,
            3 => C::Protocol,
            4 => C::Port,
            5 => C::DestinationPort,
            6 => C::SourcePort,
            7 => C::IcmpType,
            8 => C::IcmpCode,
            9 => C::TcpFlags,
            10 => C::PacketLength,
            11 => C::Dscp,
            12 => C::Fragment,
            13 => C::FlowLabel,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Whether its operands are bitmasks.
    pub fn is_bitmask(self) -> bool {
        matches!(self, Self::TcpFlags | Self::Fragment)
    }
}

/// Bits of [`Operand::op`]: AND with the operand before (RFC 8955 §4.2.1.1).
pub const AND: u8 = 0x40;
/// Numeric: less than.
pub const LT: u8 = 0x04;
/// Numeric: greater than.
pub const GT: u8 = 0x02;
/// Numeric: equal.
pub const EQ: u8 = 0x01;
/// Bitmask: negated.
pub const NOT: u8 = 0x02;
/// Bitmask: all listed bits, not any of them.
pub const MATCH: u8 = 0x01;

/// An operator with its value.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// The operator: [`AND`] with [`LT`], [`GT`], [`EQ`] or with [`NOT`], [`MATCH`]. The end-of-list bit and the
    /// length are not kept here: they follow from the list and from `width`.
    pub op: u8,
    /// Octets the value takes on the wire: 1, 2, 4 or 8.
    pub width: u8,
    /// The value.
    pub value: u64,
    /// Where it was written.
    pub span: Span,
}

impl Operand {
    /// An operand in the fewest octets that hold the value.
    pub fn new(op: u8, value: u64, span: Span) -> Self {
        let width = match value {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
            _ => 8,
        };
        Self { op, width, value, span }
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        (self.op, self.width, self.value) == (other.op, other.width, other.value)
    }
}

/// What a component compares with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Body {
    /// IPv4 prefix.
    Prefix4(Prefix4),
    /// IPv6 prefix: address bits from `offset` to `len` are compared.
    Prefix6 {
        /// The pattern as an address: shifted back to where it is compared.
        addr: u128,
        /// The bit where comparing stops, 0 to 128.
        len: u8,
        /// Leading bits that are ignored.
        offset: u8,
    },
    /// A list of operands: a range of [`FlowSpec::operands`].
    Operands {
        /// Index of the first.
        start: u32,
        /// Index after the last.
        end: u32,
    },
}

/// A place where an NLRI says something in another way than the canonical one. Never a defect: what it means
/// is defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deviation {
    /// In which way.
    pub kind: DeviationKind,
    /// Where.
    pub span: Span,
}

/// The ways to deviate from the canonical encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DeviationKind {
    /// A length below 240 in two octets.
    LongLength,
    /// A value in more octets than it needs, or a flow label not in four.
    Width,
    /// The AND bit of the first operator; it is ignored.
    AndOnFirst,
    /// Reserved bits of an operator; they are ignored.
    ReservedOperatorBits,
    /// Reserved bits of a fragment or TCP flags operand; they are read as 0.
    ReservedValueBits,
    /// Bits behind a prefix; they are ignored.
    JunkPrefixBits,
}

/// One component. Equality does not count where it was written.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    /// Its type.
    pub kind: ComponentType,
    /// What it compares with.
    pub body: Body,
    /// Where it was written.
    pub span: Span,
}

/// One flow specification: its components in the order given, with their operands in one list.
///
/// Equality is that of what is said: where it was written and how it deviates from the canonical encoding do
/// not count.
#[derive(Clone, Debug)]
pub struct FlowSpec {
    /// [`Family::Inet`] or [`Family::Inet6`].
    pub family: Family,
    /// The route distinguisher of SAFI 134.
    pub distinguisher: Option<[u8; 8]>,
    components: Vec<Component>,
    operands: Vec<Operand>,
    deviations: Vec<Deviation>,
}

impl PartialEq for FlowSpec {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &Component, b: &Component| {
            let prefixes = match (a.body, b.body) {
                (Body::Operands { .. }, Body::Operands { .. }) => self.operands(a) == other.operands(b),
                (a, b) => a == b,
            };
            a.kind == b.kind && prefixes
        };
        self.family == other.family
            && self.distinguisher == other.distinguisher
            && self.components.len() == other.components.len()
            && self.components.iter().zip(&other.components).all(|(a, b)| same(a, b))
    }
}

impl FlowSpec {
    /// A specification without components.
    pub fn new(family: Family) -> Self {
        Self {
            family,
            distinguisher: None,
            components: Vec::new(),
            operands: Vec::new(),
            deviations: Vec::new(),
        }
    }

    /// Forgets everything and keeps the storage.
    pub fn clear(&mut self, family: Family) {
        self.family = family;
        self.distinguisher = None;
        self.components.clear();
        self.operands.clear();
        self.deviations.clear();
    }

    /// How it deviates from the canonical encoding, where it was decoded.
    pub fn deviations(&self) -> &[Deviation] {
        &self.deviations
    }

    /// Notes a deviation.
    pub fn push_deviation(&mut self, kind: DeviationKind, span: Span) {
        self.deviations.push(Deviation { kind, span });
    }

    /// The component of that type, where there is one.
    pub fn component(&self, kind: ComponentType) -> Option<&Component> {
        self.components.iter().find(|component| component.kind == kind)
    }

    /// The components in the order given.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The operands of a component of this specification; none for prefixes.
    pub fn operands(&self, component: &Component) -> &[Operand] {
        match component.body {
            Body::Operands { start, end } => self.operands.get(start as usize..end as usize).unwrap_or(&[]),
            Body::Prefix4(_) | Body::Prefix6 { .. } => &[],
        }
    }

    /// Adds a prefix component.
    #[inline]
    pub fn push_prefix(&mut self, kind: ComponentType, body: Body, span: Span) {
        self.components.push(Component { kind, body, span });
    }

    /// Adds a prefix without bits, which every packet of the family matches.
    pub fn push_every_packet(&mut self) {
        let body = match (self.family, Prefix4::new(0, 0)) {
            (Family::Inet | Family::Any, Some(prefix)) => Body::Prefix4(prefix),
            _ => Body::Prefix6 { addr: 0, len: 0, offset: 0 },
        };
        self.push_prefix(ComponentType::DestinationPrefix, body, Span::default());
    }

    /// Adds a component with a list of operands.
    pub fn push_operands(
        &mut self,
        kind: ComponentType,
        operands: impl IntoIterator<Item = Operand>,
        span: Span,
    ) {
        let start = self.operand_count();
        self.operands.extend(operands);
        self.close_operands(kind, start, span);
    }

    /// How many operands there are in all; a reader notes it before it pushes those of a component.
    #[inline]
    pub(in crate::dialect) fn operand_count(&self) -> u32 {
        u32::try_from(self.operands.len()).unwrap_or(u32::MAX)
    }

    /// Adds an operand of the component that [`FlowSpec::close_operands`] makes.
    #[inline]
    pub(in crate::dialect) fn push_operand(&mut self, operand: Operand) {
        self.operands.push(operand);
    }

    /// Makes a component of the operands pushed since there were `start`.
    #[inline]
    pub(in crate::dialect) fn close_operands(&mut self, kind: ComponentType, start: u32, span: Span) {
        let end = self.operand_count();
        self.components.push(Component { kind, body: Body::Operands { start, end }, span });
    }

    /// Forgets the operands pushed since there were `start`.
    pub(in crate::dialect) fn drop_operands(&mut self, start: u32) {
        self.operands.truncate(start as usize);
    }

    /// Puts every place through `map`, as from octets to the text they were written in.
    pub fn map_spans(&mut self, map: impl Fn(Span) -> Span) {
        self.components.iter_mut().for_each(|component| component.span = map(component.span));
        self.operands.iter_mut().for_each(|operand| operand.span = map(operand.span));
        self.deviations.iter_mut().for_each(|deviation| deviation.span = map(deviation.span));
    }

    /// Sorts the components by type and joins lists of one type into one, each list an alternative. What text
    /// dialects do before they encode; a type that repeats with prefixes stays repeated, which
    /// [`super::encode`] refuses.
    pub fn normalise(&mut self) {
        let sorted = self.components.is_sorted_by(|a, b| a.kind < b.kind);
        if sorted {
            return;
        }
        self.components.sort_by_key(|component| component.kind);
        let old = std::mem::take(&mut self.operands);
        let list = std::mem::take(&mut self.components);
        for component in list {
            let Body::Operands { start, end } = component.body else {
                self.components.push(component);
                continue;
            };
            let operands = old.get(start as usize..end as usize).unwrap_or(&[]);
            let from = self.operand_count();
            self.operands.extend_from_slice(operands);
            let to = self.operand_count();
            if let Some(first) = self.operands.get_mut(from as usize) {
                first.op &= !AND;
            }
            match self.components.last_mut() {
                Some(Component { kind, body: Body::Operands { end, .. }, span })
                    if *kind == component.kind =>
                {
                    *end = to;
                    *span = span.to(component.span);
                }
                _ => self
                    .components
                    .push(Component { body: Body::Operands { start: from, end: to }, ..component }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalising_sorts_and_joins_lists_as_alternatives() {
        let operand = |value| Operand::new(EQ, value, Span::default());
        let mut spec = FlowSpec::new(Family::Inet);
        spec.push_operands(ComponentType::Port, [operand(80)], Span::new(10, 12));
        spec.push_operands(ComponentType::Protocol, [operand(6)], Span::new(20, 23));
        spec.push_operands(ComponentType::Port, [Operand { op: EQ | AND, ..operand(90) }], Span::new(30, 32));
        spec.normalise();
        let mut want = FlowSpec::new(Family::Inet);
        want.push_operands(ComponentType::Protocol, [operand(6)], Span::default());
        want.push_operands(ComponentType::Port, [operand(80), operand(90)], Span::default());
        assert_eq!(spec, want);
        assert_eq!(spec.components()[1].span, Span::new(10, 32));
    }

    #[test]
    fn a_component_stays_within_a_cache_line() {
        assert!(std::mem::size_of::<Component>() <= 64 && std::mem::size_of::<Operand>() <= 24);
    }
}
