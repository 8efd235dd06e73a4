//! What expressions look at: headers and their fields with their place in the packet, and the keys of `meta`.

use super::syntax::Class;
use std::fmt;

/// What a value is, which says how it is written.
#[expect(clippy::enum_variant_names, reason = "types of messages are called types")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Integer,
    Ipv4,
    Ipv6,
    Ethernet,
    EtherType,
    Protocol,
    Service,
    IcmpType,
    IcmpCode,
    Icmpv6Type,
    Icmpv6Code,
    TcpFlags,
    Dscp,
    Ecn,
    CtState,
    CtStatus,
    CtDirection,
    Mark,
    /// An interface by its name; `*` at the end stands for any more.
    Interface,
    /// A group of interfaces.
    Group,
    PacketType,
    /// The family of the IP packet.
    NfProto,
    Boolean,
    DccpType,
    MhType,
    IgmpType,
    ArpOperation,
    /// A day and its time.
    Date,
    /// A time of day.
    Hour,
    /// A day of the week.
    Weekday,
    /// The type of a device.
    Device,
    /// A text of at most 15 octets.
    Name,
    /// What the routing table calls an address.
    FibType,
    /// What conntrack tells of a connection.
    CtEvent,
    /// A bit of a connection's label, by number or name.
    CtLabel,
    /// Numbers of the host's own tables, text.
    Host,
}

impl Type {
    /// Whether a list of values without an operator asks for any of the bits.
    pub(super) fn is_flags(self) -> bool {
        matches!(self, Self::TcpFlags | Self::CtState | Self::CtStatus | Self::CtEvent | Self::CtLabel)
    }

    /// Whether values are words of the host, of which only the form is looked at.
    pub(super) fn is_of_host(self) -> bool {
        match self {
            Self::Date
            | Self::Hour
            | Self::Weekday
            | Self::Device
            | Self::Name
            | Self::FibType
            | Self::CtEvent
            | Self::CtLabel
            | Self::Host => true,
            Self::Integer
            | Self::Ipv4
            | Self::Ipv6
            | Self::Ethernet
            | Self::EtherType
            | Self::Protocol
            | Self::Service
            | Self::IcmpType
            | Self::IcmpCode
            | Self::Icmpv6Type
            | Self::Icmpv6Code
            | Self::TcpFlags
            | Self::Dscp
            | Self::Ecn
            | Self::CtState
            | Self::CtStatus
            | Self::CtDirection
            | Self::Mark
            | Self::Interface
            | Self::Group
            | Self::PacketType
            | Self::NfProto
            | Self::Boolean
            | Self::DccpType
            | Self::MhType
            | Self::IgmpType
            | Self::ArpOperation => false,
        }
    }
}

/// The protocol header a field stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Header {
    Ether,
    Vlan,
    Arp,
    Ip,
    Ip6,
    Icmp,
    Icmpv6,
    Igmp,
    Tcp,
    Udp,
    Udplite,
    Sctp,
    Dccp,
    Ah,
    Esp,
    Comp,
    /// Whatever transport header there is.
    Th,
    Gre,
}

impl Header {
    /// The header of a word.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "ether" => Self::Ether,
            "vlan" => Self::Vlan,
            "arp" => Self::Arp,
            "ip" => Self::Ip,
            "ip6" => Self::Ip6,
            "icmp" => Self::Icmp,
            "icmpv6" => Self::Icmpv6,
            "igmp" => Self::Igmp,
            "tcp" => Self::Tcp,
            "udp" => Self::Udp,
            "udplite" => Self::Udplite,
            "sctp" => Self::Sctp,
            "dccp" => Self::Dccp,
            "ah" => Self::Ah,
            "esp" => Self::Esp,
            "comp" => Self::Comp,
            "th" => Self::Th,
            "gre" => Self::Gre,
            _ => return None,
        })
    }

    /// Its word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ether => "ether",
            Self::Vlan => "vlan",
            Self::Arp => "arp",
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Igmp => "igmp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Udplite => "udplite",
            Self::Sctp => "sctp",
            Self::Dccp => "dccp",
            Self::Ah => "ah",
            Self::Esp => "esp",
            Self::Comp => "comp",
            Self::Th => "th",
            Self::Gre => "gre",
        }
    }

    /// The protocol number a transport header implies.
    pub(super) fn protocol(self) -> Option<u8> {
        Some(match self {
            Self::Icmp => 1,
            Self::Igmp => 2,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Dccp => 33,
            Self::Gre => 47,
            Self::Esp => 50,
            Self::Ah => 51,
            Self::Icmpv6 => 58,
            Self::Comp => 108,
            Self::Sctp => 132,
            Self::Udplite => 136,
            Self::Ether | Self::Vlan | Self::Arp | Self::Ip | Self::Ip6 | Self::Th => return None,
        })
    }

    /// The field of a word.
    pub(super) fn field(self, word: &str) -> Option<&'static Place> {
        let word = if word == "cfi" { "dei" } else { word };
        self.places().iter().find(|place| place.word == word)
    }

    /// Its fields.
    pub(super) fn places(self) -> &'static [Place] {
        match self {
            Self::Ether => ETHER,
            Self::Vlan => VLAN,
            Self::Arp => ARP,
            Self::Ip => IP,
            Self::Ip6 => IP6,
            Self::Icmp => ICMP,
            Self::Icmpv6 => ICMPV6,
            Self::Igmp => IGMP,
            Self::Tcp => TCP,
            Self::Udp => UDP,
            Self::Udplite => UDPLITE,
            Self::Sctp => SCTP,
            Self::Dccp => DCCP,
            Self::Ah => AH,
            Self::Esp => ESP,
            Self::Comp => COMP,
            Self::Th => TH,
            Self::Gre => GRE,
        }
    }
}

/// A field of a header: its place in bits from the header's beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) word: &'static str,
    pub(super) bit: u16,
    pub(super) width: u16,
    pub(super) ty: Type,
    /// The types of the ICMP messages that have the field; empty for all.
    pub(super) of_types: &'static [u32],
}

const fn at(word: &'static str, bit: u16, width: u16, ty: Type) -> Place {
    Place { word, bit, width, ty, of_types: &[] }
}

const fn of(place: Place, of_types: &'static [u32]) -> Place {
    Place { of_types, ..place }
}

use Type::{
    ArpOperation, DccpType, Dscp, Ecn, EtherType, Ethernet, IcmpCode, IcmpType, Icmpv6Code, Icmpv6Type,
    IgmpType, Integer, Ipv4, Ipv6, Protocol, Service, TcpFlags,
};

static ETHER: &[Place] =
    &[at("daddr", 0, 48, Ethernet), at("saddr", 48, 48, Ethernet), at("type", 96, 16, EtherType)];
// Behind the addresses: the tag, then what it carries.
static VLAN: &[Place] = &[
    at("pcp", 112, 3, Integer),
    at("dei", 115, 1, Integer),
    at("id", 116, 12, Integer),
    at("type", 128, 16, EtherType),
];
static ARP: &[Place] = &[
    at("htype", 0, 16, Integer),
    at("ptype", 16, 16, EtherType),
    at("hlen", 32, 8, Integer),
    at("plen", 40, 8, Integer),
    at("operation", 48, 16, ArpOperation),
    at("saddr", 64, 48, Ethernet),
    at("daddr", 144, 48, Ethernet),
];
static IP: &[Place] = &[
    at("saddr", 96, 32, Ipv4),
    at("daddr", 128, 32, Ipv4),
    at("protocol", 72, 8, Protocol),
    at("version", 0, 4, Integer),
    at("hdrlength", 4, 4, Integer),
    at("dscp", 8, 6, Dscp),
    at("ecn", 14, 2, Ecn),
    at("length", 16, 16, Integer),
    at("id", 32, 16, Integer),
    at("frag-off", 48, 16, Integer),
    at("ttl", 64, 8, Integer),
    at("checksum", 80, 16, Integer),
];
static IP6: &[Place] = &[
    at("saddr", 64, 128, Ipv6),
    at("daddr", 192, 128, Ipv6),
    at("nexthdr", 48, 8, Protocol),
    at("hoplimit", 56, 8, Integer),
    at("version", 0, 4, Integer),
    at("dscp", 4, 6, Dscp),
    at("ecn", 10, 2, Ecn),
    at("flowlabel", 12, 20, Integer),
    at("length", 32, 16, Integer),
];
static ICMP: &[Place] = &[
    at("type", 0, 8, IcmpType),
    at("code", 8, 8, IcmpCode),
    at("checksum", 16, 16, Integer),
    of(at("id", 32, 16, Integer), &[0, 8]),
    of(at("sequence", 48, 16, Integer), &[0, 8]),
    of(at("gateway", 32, 32, Integer), &[5]),
    of(at("mtu", 48, 16, Integer), &[3]),
];
static ICMPV6: &[Place] = &[
    at("type", 0, 8, Icmpv6Type),
    at("code", 8, 8, Icmpv6Code),
    at("checksum", 16, 16, Integer),
    // The first as nft lists it, the second as it takes it.
    of(at("parameter-problem", 32, 32, Integer), &[4]),
    of(at("param-problem", 32, 32, Integer), &[4]),
    of(at("packet-too-big", 32, 32, Integer), &[2]),
    of(at("mtu", 32, 32, Integer), &[2]),
    of(at("id", 32, 16, Integer), &[128, 129]),
    of(at("sequence", 48, 16, Integer), &[128, 129]),
    of(at("max-delay", 32, 16, Integer), &[130]),
    of(at("taddr", 64, 128, Ipv6), &[130, 131, 132, 135, 136, 137]),
    of(at("daddr", 192, 128, Ipv6), &[137]),
];
static IGMP: &[Place] = &[
    at("type", 0, 8, IgmpType),
    at("mrt", 8, 8, Integer),
    at("checksum", 16, 16, Integer),
    at("group", 32, 32, Ipv4),
];
static TCP: &[Place] = &[
    at("dport", 16, 16, Service),
    at("sport", 0, 16, Service),
    at("flags", 104, 8, TcpFlags),
    at("sequence", 32, 32, Integer),
    at("ackseq", 64, 32, Integer),
    at("doff", 96, 4, Integer),
    at("reserved", 100, 4, Integer),
    at("window", 112, 16, Integer),
    at("checksum", 128, 16, Integer),
    at("urgptr", 144, 16, Integer),
];
static UDP: &[Place] = &[
    at("dport", 16, 16, Service),
    at("sport", 0, 16, Service),
    at("length", 32, 16, Integer),
    at("checksum", 48, 16, Integer),
];
static UDPLITE: &[Place] = &[
    at("dport", 16, 16, Service),
    at("sport", 0, 16, Service),
    at("length", 32, 16, Integer),
    at("csumcov", 32, 16, Integer),
    at("checksum", 48, 16, Integer),
];
static SCTP: &[Place] = &[
    at("dport", 16, 16, Service),
    at("sport", 0, 16, Service),
    at("vtag", 32, 32, Integer),
    at("checksum", 64, 32, Integer),
];
static DCCP: &[Place] =
    &[at("dport", 16, 16, Service), at("sport", 0, 16, Service), at("type", 67, 4, DccpType)];
static AH: &[Place] = &[
    at("nexthdr", 0, 8, Protocol),
    at("hdrlength", 8, 8, Integer),
    at("reserved", 16, 16, Integer),
    at("spi", 32, 32, Integer),
    at("sequence", 64, 32, Integer),
];
static ESP: &[Place] = &[at("spi", 0, 32, Integer), at("sequence", 32, 32, Integer)];
static COMP: &[Place] =
    &[at("nexthdr", 0, 8, Protocol), at("flags", 8, 8, Integer), at("cpi", 16, 16, Integer)];
static TH: &[Place] = &[at("dport", 16, 16, Service), at("sport", 0, 16, Service)];
static GRE: &[Place] =
    &[at("flags", 0, 5, Integer), at("version", 13, 3, Integer), at("protocol", 16, 16, EtherType)];

/// Where raw octets are counted from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Base {
    Link,
    Network,
    Transport,
    /// Behind the transport header.
    Inner,
}

/// A key of `meta` that is modelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meta {
    Length,
    NfProto,
    Protocol,
    L4Proto,
    InIface,
    OutIface,
    InGroup,
    OutGroup,
    Mark,
}

/// An IPv6 extension header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extension {
    HopByHop,
    Routing,
    Fragment,
    Destination,
    Mobility,
}

impl Extension {
    /// The header of a word.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "hbh" => Self::HopByHop,
            "rt" | "rt0" | "rt2" | "srh" => Self::Routing,
            "frag" => Self::Fragment,
            "dst" => Self::Destination,
            "mh" => Self::Mobility,
            _ => return None,
        })
    }

    /// Its word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HopByHop => "hbh",
            Self::Routing => "rt",
            Self::Fragment => "frag",
            Self::Destination => "dst",
            Self::Mobility => "mh",
        }
    }
}

/// What of an extension header is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Whether it is there.
    Exists,
    NextHeader,
    Offset,
    More,
    /// Other octets of it, with their word.
    Other(&'static (&'static str, Type)),
}

/// What an expression looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Load {
    /// A field of a header.
    Field(Header, &'static Place),
    /// Octets from a base: first bit, width.
    Raw(Base, u32, u32),
    /// A key of `meta`.
    Meta(Meta),
    /// `ct state`
    CtState,
    /// An IPv6 extension header.
    Extension(Extension, Part),
    /// Whether the IPv4 option of that type is there.
    IpOption(u8),
    /// A TCP option or one of its fields, with its words.
    TcpOption(Type, Box<str>),
    /// Anything else, which is not modelled, with its words; equal words, equal variable.
    Beyond(Class, Type, Box<str>),
}

impl Load {
    /// How its values are written.
    pub(super) fn ty(&self) -> Type {
        match self {
            Self::Field(_, place) => place.ty,
            Self::Raw(..) => Type::Integer,
            Self::Meta(meta) => match meta {
                Meta::Length => Type::Integer,
                Meta::NfProto => Type::NfProto,
                Meta::Protocol => Type::EtherType,
                Meta::L4Proto => Type::Protocol,
                Meta::InIface | Meta::OutIface => Type::Interface,
                Meta::InGroup | Meta::OutGroup => Type::Group,
                Meta::Mark => Type::Mark,
            },
            Self::CtState => Type::CtState,
            Self::Extension(_, part) => match part {
                Part::Exists => Type::Boolean,
                Part::NextHeader => Type::Protocol,
                Part::Offset | Part::More => Type::Integer,
                Part::Other((_, ty)) => *ty,
            },
            Self::IpOption(_) => Type::Boolean,
            Self::TcpOption(ty, _) | Self::Beyond(_, ty, _) => *ty,
        }
    }

    /// Its width in bits.
    pub(super) fn width(&self) -> u32 {
        match self {
            Self::Field(_, place) => u32::from(place.width),
            Self::Raw(_, _, width) => (*width).clamp(1, 128),
            Self::Meta(Meta::NfProto | Meta::L4Proto) | Self::Extension(_, Part::NextHeader) => 8,
            Self::Meta(Meta::Protocol) => 16,
            Self::CtState => 7,
            Self::IpOption(_) | Self::Extension(_, Part::Exists | Part::More) => 1,
            Self::Extension(_, Part::Offset) => 13,
            Self::Extension(_, Part::Other((word, ty))) => extension_width(word, *ty),
            Self::Meta(_) => 32,
            Self::TcpOption(_, words) => option_width(words),
            Self::Beyond(_, ty, words) => beyond_width(*ty, words),
        }
    }

    /// Its words, as nft lists them.
    pub(super) fn words(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(header, place) => write!(f, "{} {}", header.name(), place.word),
            Self::Raw(base, bit, width) => {
                let base = match base {
                    Base::Link => "ll",
                    Base::Network => "nh",
                    Base::Transport => "th",
                    Base::Inner => "ih",
                };
                write!(f, "@{base},{bit},{width}")
            }
            Self::Meta(meta) => f.write_str(match meta {
                Meta::Length => "meta length",
                Meta::NfProto => "meta nfproto",
                Meta::Protocol => "meta protocol",
                Meta::L4Proto => "meta l4proto",
                Meta::InIface => "iifname",
                Meta::OutIface => "oifname",
                Meta::InGroup => "iifgroup",
                Meta::OutGroup => "oifgroup",
                Meta::Mark => "meta mark",
            }),
            Self::CtState => f.write_str("ct state"),
            Self::Extension(extension, part) => match part {
                Part::Exists => write!(f, "exthdr {}", extension.name()),
                Part::NextHeader => write!(f, "{} nexthdr", extension.name()),
                Part::Offset => f.write_str("frag frag-off"),
                Part::More => f.write_str("frag more-fragments"),
                Part::Other((word, _)) => write!(f, "{} {word}", extension.name()),
            },
            Self::IpOption(kind) => write!(f, "ip option {}", super::load::ip_option_name(*kind)),
            Self::TcpOption(_, words) | Self::Beyond(_, _, words) => f.write_str(words),
        }
    }
}

fn extension_width(word: &str, ty: Type) -> u32 {
    match word {
        "hdrlength" | "type" | "reserved" | "seg-left" | "last-entry" | "flags" => 8,
        "reserved2" => 2,
        "tag" | "checksum" => 16,
        _ if ty == Type::Ipv6 => 128,
        _ => 32,
    }
}

fn option_width(words: &str) -> u32 {
    if let Some(raw) = words.strip_prefix("tcp option @") {
        return raw.rsplit(',').next().and_then(|width| width.parse().ok()).unwrap_or(32).clamp(1, 128);
    }
    match words.rsplit(' ').next() {
        Some("kind" | "length" | "count") => 8,
        Some("size") => 16,
        Some("subtype") => 4,
        _ => 32,
    }
}

fn beyond_width(ty: Type, words: &str) -> u32 {
    match ty {
        Type::Ipv6 => 128,
        Type::Ethernet => 48,
        Type::EtherType | Type::Service => 16,
        Type::Boolean if words.starts_with("socket") => 1,
        Type::Protocol | Type::NfProto | Type::PacketType | Type::CtDirection | Type::Boolean => 8,
        _ => match words {
            "meta nftrace" | "meta broute" => 1,
            "meta ibrpvid" | "rt mtu" | "tcp option maxseg size" => 16,
            _ if words.starts_with("ct ") => match words.rsplit(' ').next() {
                Some("bytes" | "packets" | "avgpkt") => 64,
                Some("zone") => 16,
                _ => 32,
            },
            _ if words.starts_with("dccp option") || words.ends_with(" ptr") => 8,
            _ => 32,
        },
    }
}

/// The key of `meta`.
pub(super) fn meta(word: &str) -> Option<Load> {
    let beyond = |ty| Some(Load::Beyond(Class::Stateful, ty, format!("meta {word}").into()));
    Some(match word {
        "length" => Load::Meta(Meta::Length),
        "nfproto" => Load::Meta(Meta::NfProto),
        "protocol" => Load::Meta(Meta::Protocol),
        "l4proto" => Load::Meta(Meta::L4Proto),
        "iif" | "iifname" => Load::Meta(Meta::InIface),
        "oif" | "oifname" => Load::Meta(Meta::OutIface),
        "iifgroup" => Load::Meta(Meta::InGroup),
        "oifgroup" => Load::Meta(Meta::OutGroup),
        "mark" => Load::Meta(Meta::Mark),
        "pkttype" => return beyond(Type::PacketType),
        "ibridgename" | "ibriport" => Load::Beyond(Class::Stateful, Type::Name, "meta ibrname".into()),
        "obridgename" | "obriport" => Load::Beyond(Class::Stateful, Type::Name, "meta obrname".into()),
        "secpath" | "ipsec" => Load::Beyond(Class::Stateful, Type::Boolean, "meta ipsec".into()),
        "cpu" | "cgroup" | "random" | "nftrace" | "ibrpvid" | "broute" => return beyond(Type::Integer),
        "ibrvproto" => return beyond(Type::EtherType),
        "time" => return beyond(Type::Date),
        "hour" => return beyond(Type::Hour),
        "day" => return beyond(Type::Weekday),
        "iiftype" | "oiftype" => return beyond(Type::Device),
        "ibrname" | "obrname" | "iifkind" | "oifkind" | "sdifname" => return beyond(Type::Name),
        "priority" | "skuid" | "skgid" | "rtclassid" | "sdif" | "secmark" => return beyond(Type::Host),
        _ => return None,
    })
}

/// Whether a key of `meta` may stand without the word `meta`.
pub(super) fn bare_meta(word: &str) -> bool {
    matches!(
        word,
        "iif"
            | "iifname"
            | "iiftype"
            | "iifgroup"
            | "oif"
            | "oifname"
            | "oiftype"
            | "oifgroup"
            | "mark"
            | "skuid"
            | "skgid"
            | "rtclassid"
            | "pkttype"
            | "cpu"
            | "cgroup"
            | "ibriport"
            | "obriport"
            | "ibrname"
            | "obrname"
            | "nftrace"
            | "time"
            | "day"
            | "hour"
    )
}
