//! The tree of a filter expression in libpcap's own words.

use crate::source::Span;

/// A protocol by its keyword.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Proto {
    /// `ether`, `link` and the names of other link types: all mean the link header of the capture.
    Link,
    Ip,
    Ip6,
    Arp,
    Rarp,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmp6,
    Igmp,
    Igrp,
    Pim,
    /// `vrrp` and `carp`, which share a protocol number.
    Vrrp,
    Ah,
    Esp,
    Atalk,
    Aarp,
    Decnet,
    Lat,
    Sca,
    Moprc,
    Mopdl,
    Iso,
    Clnp,
    Esis,
    Isis,
    Stp,
    Ipx,
    Netbeui,
    Radio,
}

/// Which of two addresses or ports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Direction {
    Source,
    Destination,
    Either,
    Both,
    /// An address of an 802.11 header, which has up to six.
    Wireless,
}

/// What an identifier names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Kind {
    Host,
    Net,
    Port,
    PortRange,
    Proto,
    ProtoChain,
    Gateway,
}

/// Qualifiers before an identifier; what is missing is left to the identifier's form.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Qualifiers {
    pub(super) proto: Option<Proto>,
    pub(super) direction: Option<Direction>,
    pub(super) kind: Option<Kind>,
}

/// The mask behind an IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mask<'a> {
    /// `/24`.
    Length(u32),
    /// `mask 255.255.255.0`.
    Dotted(&'a str),
}

/// What stands where an identifier may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Id<'a> {
    /// A name.
    Name(&'a str),
    /// A number.
    Number(u32),
    /// Two to four numbers with dots.
    Dotted(&'a str, Option<Mask<'a>>),
    /// An IPv6 address.
    Inet6(u128, Option<u32>),
    /// A MAC address.
    Mac(u64),
    /// An `ARCnet` address, `$c0`.
    Arcnet(&'a str),
}

/// A keyword that takes no qualifiers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Special<'a> {
    Broadcast(Option<Proto>),
    Multicast(Option<Proto>),
    Less(u32),
    Greater(u32),
    Inbound,
    Outbound,
    Vlan(Option<u32>),
    Mpls(Option<u32>),
    Pppoed,
    Pppoes(Option<u32>),
    /// `geneve` and `vxlan`, with the name and the largest number.
    Tunnel(&'static str, Option<u32>),
    /// IS-IS PDU types.
    IsisPdu(Vec<u32>),
    /// LLC frames, with the type.
    Llc(Option<&'a str>),
    /// Words of link layers that no rule of a router sees: the first, and all of them.
    Foreign(&'static str, String),
}

/// An arithmetic expression; everything is 32 bits without sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Arithmetic {
    Number(u32),
    /// `len`: octets of the frame.
    Length,
    /// Octets of a header.
    Load {
        proto: Proto,
        index: Box<Arithmetic>,
        size: u8,
    },
    Binary(Operator, Box<Arithmetic>, Box<Arithmetic>),
    Negative(Box<Arithmetic>),
}

/// An arithmetic operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    Left,
    Right,
}

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Less,
    LessEqual,
    Equal,
    NotEqual,
    GreaterEqual,
    Greater,
}

/// How parts of a chain are joined. Both words have the same precedence and group to the left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Join {
    And,
    Or,
}

/// A part of an expression, with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Node<'a> {
    pub(super) span: Span,
    pub(super) kind: NodeKind<'a>,
}

/// What a part is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NodeKind<'a> {
    /// Qualifiers and an identifier.
    Primitive(Qualifiers, Id<'a>),
    /// A protocol alone.
    Protocol(Proto),
    /// A keyword of its own kind.
    Special(Box<Special<'a>>),
    /// A comparison of two arithmetic expressions.
    Relation(Box<(Arithmetic, Comparison, Arithmetic)>),
    /// The opposite.
    Not(Box<Node<'a>>),
    /// A first part and what is joined to it, from left to right.
    Chain(Box<Node<'a>>, Vec<(Join, Node<'a>)>),
}
