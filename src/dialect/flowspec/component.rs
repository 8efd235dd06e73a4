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

/// One component.
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
#[derive(Clone, Debug)]
pub struct FlowSpec {
    /// [`Family::Inet`] or [`Family::Inet6`].
    pub family: Family,
    /// The route distinguisher of SAFI 134.
    pub distinguisher: Option<[u8; 8]>,
    components: Vec<Component>,
    operands: Vec<Operand>,
}

impl FlowSpec {
    /// A specification without components.
    pub fn new(family: Family) -> Self {
        Self { family, distinguisher: None, components: Vec::new(), operands: Vec::new() }
    }

    /// Forgets everything and keeps the storage.
    pub fn clear(&mut self, family: Family) {
        self.family = family;
        self.distinguisher = None;
        self.components.clear();
        self.operands.clear();
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
    pub fn push_prefix(&mut self, kind: ComponentType, body: Body, span: Span) {
        self.components.push(Component { kind, body, span });
    }

    /// Adds a component with a list of operands.
    pub fn push_operands(
        &mut self,
        kind: ComponentType,
        operands: impl IntoIterator<Item = Operand>,
        span: Span,
    ) {
        let index = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let start = index(self.operands.len());
        self.operands.extend(operands);
        let end = index(self.operands.len());
        self.components.push(Component { kind, body: Body::Operands { start, end }, span });
    }
}
