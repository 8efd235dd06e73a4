//! What the link header of a capture says of the packets behind it, by link type.

use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::net::IntervalSet;

/// Numbers of LINKTYPE (tcpdump.org/linktypes.html) by libpcap's names, the usual first.
static NAMES: &[(&str, u16)] = &[
    ("EN10MB", 1),
    ("RAW", 101),
    ("LINUX_SLL", 113),
    ("LINUX_SLL2", 276),
    ("NULL", 0),
    ("LOOP", 108),
    ("PPP", 9),
    ("PPP_SERIAL", 50),
    ("PPP_ETHER", 51),
    ("PPP_PPPD", 204),
    ("C_HDLC", 104),
    ("IPV4", 228),
    ("IPV6", 229),
    ("IEEE802", 6),
    ("ARCNET", 7),
    ("SLIP", 8),
    ("FDDI", 10),
    ("IEEE802_11", 105),
    ("FRELAY", 107),
    ("LTALK", 114),
    ("PFLOG", 117),
    ("SUNATM", 123),
    ("IEEE802_11_RADIO", 127),
    ("ARCNET_LINUX", 129),
    ("APPLE_IP_OVER_IEEE1394", 138),
    ("MTP2", 140),
    ("PPI", 192),
    ("IPNET", 226),
];

/// The number of a link type by libpcap's name for it, in any case, or written as a number.
pub fn link_type(name: &str) -> Option<u16> {
    let named = NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    named.or_else(|| name.parse().ok())
}

/// A link type, as far as expressions tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// Ethernet: addresses, a type, VLAN tags.
    Ethernet,
    /// A type, but no addresses to ask for: Linux cooked captures.
    Cooked,
    /// Cisco HDLC: a type.
    Hdlc,
    /// PPP, with its own protocol numbers.
    Ppp,
    /// Only what IP version: loopback.
    Loopback,
    /// No link header.
    Raw,
    /// No link header, and IPv4 alone.
    Inet,
    /// The same of IPv6.
    Inet6,
    /// Some other.
    Other(u16),
}

impl Link {
    pub(super) fn new(number: u16) -> Self {
        match number {
            1 => Self::Ethernet,
            113 | 276 => Self::Cooked,
            104 => Self::Hdlc,
            9 | 50 | 51 | 204 => Self::Ppp,
            0 | 108 => Self::Loopback,
            12 | 14 | 101 => Self::Raw,
            228 => Self::Inet,
            229 => Self::Inet6,
            other => Self::Other(other),
        }
    }

    /// libpcap's name for messages.
    pub(super) fn title(self) -> String {
        let number = match self {
            Self::Ethernet => 1,
            Self::Cooked => 113,
            Self::Hdlc => 104,
            Self::Ppp => 9,
            Self::Loopback => 0,
            Self::Raw => 101,
            Self::Inet => 228,
            Self::Inet6 => 229,
            Self::Other(number) => number,
        };
        let name = NAMES.iter().find(|(_, other)| *other == number).map(|(name, _)| *name);
        name.map_or_else(|| number.to_string(), str::to_owned)
    }

    /// Whether frames have a type that the packet model knows.
    pub(super) fn has_type(self) -> bool {
        matches!(self, Self::Ethernet | Self::Cooked | Self::Hdlc)
    }

    /// Whether a frame is a packet and nothing else.
    pub(super) fn is_bare(self) -> bool {
        matches!(self, Self::Raw | Self::Inet | Self::Inet6)
    }
}

/// What libpcap takes to stand between the link header and the packet.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Carriage {
    /// VLAN tags.
    pub(super) tags: u8,
    /// MPLS labels.
    pub(super) labels: u8,
    /// A PPPoE session.
    pub(super) session: bool,
    /// Inside a Geneve or VXLAN tunnel.
    pub(super) tunnel: bool,
}

impl Carriage {
    /// What is sure of a packet for which one of two holds.
    pub(super) fn common(self, other: Self) -> Self {
        Self {
            tags: self.tags.min(other.tags),
            labels: self.labels.min(other.labels),
            session: self.session && other.session,
            tunnel: self.tunnel && other.tunnel,
        }
    }

    /// What is sure of a packet for which both hold.
    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            tags: self.tags.max(other.tags),
            labels: self.labels.max(other.labels),
            session: self.session || other.session,
            tunnel: self.tunnel || other.tunnel,
        }
    }

    /// Frames that have at least these headers, as far as the packet model tells.
    pub(super) fn holds(self) -> Condition {
        let mut parts = vec![at_least(self.tags)];
        if self.session {
            parts.push(Condition::test(Field::EthType, ValueSet::single(PPPOE_SESSION)));
        }
        if self.labels > 0 {
            let label = Condition::present(Field::MplsLabel);
            let announced = Condition::test(Field::EthType, ValueSet::single(MPLS));
            parts.push(if self.session { label } else { announced });
        }
        Condition::and(parts)
    }
}

/// MPLS, unicast: the only one that `mpls` asks for.
pub(super) const MPLS: u32 = 0x8847;
pub(super) const PPPOE_DISCOVERY: u32 = 0x8863;
pub(super) const PPPOE_SESSION: u32 = 0x8864;

fn absent(field: Field) -> Condition {
    Condition::not(Condition::present(field))
}

/// Frames with at least so many VLAN tags; more than two are not told from two.
pub(super) fn at_least(tags: u8) -> Condition {
    match tags {
        0 => Condition::True,
        1 => Condition::present(Field::VlanId),
        _ => Condition::present(Field::InnerVlanId),
    }
}

/// Frames with exactly so many VLAN tags; more than two are not told from two.
pub(super) fn exactly(tags: u8) -> Condition {
    match tags {
        0 => absent(Field::VlanId),
        1 => Condition::and([Condition::present(Field::VlanId), absent(Field::InnerVlanId)]),
        _ => Condition::present(Field::InnerVlanId),
    }
}

/// Frames whose type announces IP, and packets that stand without a link header.
fn announces_ip() -> Condition {
    let other = IntervalSet::from_ranges([(0x0800_u32, 0x0800), (0x86dd, 0x86dd)]).complement(0xffff);
    Condition::not(Condition::test(Field::EthType, other))
}

/// Frames of Ethernet with so many tags whose type announces IP.
pub(super) fn announced(tags: u8) -> Condition {
    Condition::and([exactly(tags), announces_ip()])
}

/// Frames that carry a packet right behind the link header, if they carry one; packets without a frame among them.
pub(super) fn direct(link: Link) -> Condition {
    match link {
        Link::Ethernet | Link::Hdlc => announced(0),
        Link::Cooked => announces_ip(),
        // A label may stand before the packet.
        Link::Ppp => absent(Field::MplsLabel),
        Link::Loopback | Link::Raw | Link::Inet | Link::Inet6 | Link::Other(_) => Condition::True,
    }
}

/// Frames that carry a packet exactly behind these headers.
pub(super) fn behind(link: Link, carriage: Carriage) -> Condition {
    if carriage.labels > 0 || carriage.session {
        return Condition::and([exactly(carriage.tags), carriage.holds()]);
    }
    match link {
        Link::Ethernet => announced(carriage.tags),
        other => direct(other),
    }
}
