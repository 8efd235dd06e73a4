//! Keywords and the numbers behind names: libpcap's own tables; those of services and protocols are shared.

use super::syntax::{Direction, Id, Kind, Mask, Proto, Qualifiers};
use std::net::Ipv6Addr;

/// A protocol keyword.
pub(super) fn proto(word: &str) -> Option<Proto> {
    Some(match word {
        "ether" | "link" | "ppp" | "slip" | "fddi" | "tr" | "wlan" => Proto::Link,
        "ip" => Proto::Ip,
        "ip6" => Proto::Ip6,
        "arp" => Proto::Arp,
        "rarp" => Proto::Rarp,
        "tcp" => Proto::Tcp,
        "udp" => Proto::Udp,
        "sctp" => Proto::Sctp,
        "icmp" => Proto::Icmp,
        "icmp6" => Proto::Icmp6,
        "igmp" => Proto::Igmp,
        "igrp" => Proto::Igrp,
        "pim" => Proto::Pim,
        "vrrp" | "carp" => Proto::Vrrp,
        "ah" => Proto::Ah,
        "esp" => Proto::Esp,
        "atalk" => Proto::Atalk,
        "aarp" => Proto::Aarp,
        "decnet" => Proto::Decnet,
        "lat" => Proto::Lat,
        "sca" => Proto::Sca,
        "moprc" => Proto::Moprc,
        "mopdl" => Proto::Mopdl,
        "iso" => Proto::Iso,
        "clnp" => Proto::Clnp,
        "esis" | "es-is" => Proto::Esis,
        "isis" | "is-is" => Proto::Isis,
        "stp" => Proto::Stp,
        "ipx" => Proto::Ipx,
        "netbeui" => Proto::Netbeui,
        "radio" => Proto::Radio,
        _ => return None,
    })
}

/// The usual keyword of a protocol.
pub(super) fn proto_name(proto: Proto) -> &'static str {
    match proto {
        Proto::Link => "ether",
        Proto::Ip => "ip",
        Proto::Ip6 => "ip6",
        Proto::Arp => "arp",
        Proto::Rarp => "rarp",
        Proto::Tcp => "tcp",
        Proto::Udp => "udp",
        Proto::Sctp => "sctp",
        Proto::Icmp => "icmp",
        Proto::Icmp6 => "icmp6",
        Proto::Igmp => "igmp",
        Proto::Igrp => "igrp",
        Proto::Pim => "pim",
        Proto::Vrrp => "vrrp",
        Proto::Ah => "ah",
        Proto::Esp => "esp",
        Proto::Atalk => "atalk",
        Proto::Aarp => "aarp",
        Proto::Decnet => "decnet",
        Proto::Lat => "lat",
        Proto::Sca => "sca",
        Proto::Moprc => "moprc",
        Proto::Mopdl => "mopdl",
        Proto::Iso => "iso",
        Proto::Clnp => "clnp",
        Proto::Esis => "esis",
        Proto::Isis => "isis",
        Proto::Stp => "stp",
        Proto::Ipx => "ipx",
        Proto::Netbeui => "netbeui",
        Proto::Radio => "radio",
    }
}

/// The protocol number behind a keyword that means an upper layer of IP.
pub(super) fn ip_number(proto: Proto) -> Option<u8> {
    Some(match proto {
        Proto::Icmp => 1,
        Proto::Igmp => 2,
        Proto::Tcp => 6,
        Proto::Igrp => 9,
        Proto::Udp => 17,
        Proto::Esp => 50,
        Proto::Ah => 51,
        Proto::Icmp6 => 58,
        Proto::Pim => 103,
        Proto::Vrrp => 112,
        Proto::Sctp => 132,
        _ => return None,
    })
}

/// The ethertype behind a keyword that means what a frame carries; LLC service access points have none.
pub(super) fn ethertype(proto: Proto) -> Option<u16> {
    Some(match proto {
        Proto::Ip => 0x0800,
        Proto::Arp => 0x0806,
        Proto::Rarp => 0x8035,
        Proto::Ip6 => 0x86dd,
        Proto::Decnet => 0x6003,
        Proto::Lat => 0x6004,
        Proto::Sca => 0x6007,
        Proto::Moprc => 0x6002,
        Proto::Mopdl => 0x6001,
        _ => return None,
    })
}

/// A protocol by its name behind `ether proto`: an ethertype or a keyword with another form in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    Ethertype(u16),
    Keyword(Proto),
}

/// What a name behind `ether proto` means.
pub(super) fn frame(name: &str) -> Option<Frame> {
    match name {
        "loopback" => return Some(Frame::Ethertype(0x9000)),
        "slow" => return Some(Frame::Ethertype(0x8809)),
        _ => {}
    }
    let proto = proto(name)?;
    if let Some(number) = ethertype(proto) {
        return Some(Frame::Ethertype(number));
    }
    matches!(proto, Proto::Atalk | Proto::Aarp | Proto::Iso | Proto::Stp | Proto::Ipx | Proto::Netbeui)
        .then_some(Frame::Keyword(proto))
}

/// A name that is a number wherever it stands: offsets, ICMP types and TCP flags.
pub(super) fn constant(word: &str) -> Option<u32> {
    let found = CONSTANTS.binary_search_by_key(&word, |(name, _)| name).ok()?;
    CONSTANTS.get(found).map(|(_, number)| *number)
}

// By name.
#[rustfmt::skip]
static CONSTANTS: &[(&str, u32)] = &[
    ("icmp-echo", 8), ("icmp-echoreply", 0), ("icmp-ireq", 15), ("icmp-ireqreply", 16), ("icmp-maskreply", 18),
    ("icmp-maskreq", 17), ("icmp-paramprob", 12), ("icmp-redirect", 5), ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10), ("icmp-sourcequench", 4), ("icmp-timxceed", 11), ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14), ("icmp-unreach", 3),
    ("icmp6-certpathadvert", 149), ("icmp6-certpathsolicit", 148), ("icmp6-destinationunreach", 1),
    ("icmp6-echo", 128), ("icmp6-echoreply", 129), ("icmp6-homeagentdiscoveryreply", 145),
    ("icmp6-homeagentdiscoveryrequest", 144), ("icmp6-ineighbordiscoveryadvert", 142),
    ("icmp6-ineighbordiscoverysolicit", 141), ("icmp6-mobileprefixadvert", 147),
    ("icmp6-mobileprefixsolicit", 146), ("icmp6-multicastlistenerdone", 132),
    ("icmp6-multicastlistenerquery", 130), ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerreportv2", 143), ("icmp6-multicastrouteradvert", 151),
    ("icmp6-multicastroutersolicit", 152), ("icmp6-multicastrouterterm", 153),
    ("icmp6-neighboradvert", 136), ("icmp6-neighborsolicit", 135), ("icmp6-nodeinformationquery", 139),
    ("icmp6-nodeinformationresponse", 140), ("icmp6-packettoobig", 2), ("icmp6-parameterproblem", 4),
    ("icmp6-redirect", 137), ("icmp6-routeradvert", 134), ("icmp6-routerrenum", 138),
    ("icmp6-routersolicit", 133), ("icmp6-timeexceeded", 3), ("icmp6code", 1), ("icmp6type", 0),
    ("icmpcode", 1), ("icmptype", 0), ("tcp-ack", 16), ("tcp-cwr", 128), ("tcp-ece", 64), ("tcp-fin", 1),
    ("tcp-push", 8), ("tcp-rst", 4), ("tcp-syn", 2), ("tcp-urg", 32), ("tcpflags", 13),
];

/// The IS-IS PDU types of an abbreviation.
pub(super) fn isis_pdus(word: &str) -> Option<&'static [u32]> {
    Some(match word {
        "l1" => &[0x1a, 0x18, 0x12, 0x0f, 0x11],
        "l2" => &[0x1b, 0x19, 0x14, 0x10, 0x11],
        "iih" => &[0x11, 0x0f, 0x10],
        "lsp" => &[0x12, 0x14],
        "snp" => &[0x1b, 0x1a, 0x18, 0x19],
        "csnp" => &[0x18, 0x19],
        "psnp" => &[0x1a, 0x1b],
        _ => return None,
    })
}

/// Words of link layers and of systems that no packet shows; with the largest number that may follow.
pub(super) fn foreign(word: &str) -> Option<(&'static str, u32)> {
    FOREIGN.iter().find(|(name, _)| *name == word).copied()
}

static FOREIGN: &[(&str, u32)] = &[
    ("action", u32::MAX),
    ("bcc", u32::MAX),
    ("connectmsg", u32::MAX),
    ("dir", 3),
    ("direction", 3),
    ("dpc", 16_383),
    ("fisu", u32::MAX),
    ("hdpc", 16_383),
    ("hfisu", u32::MAX),
    ("hlssu", u32::MAX),
    ("hmsu", u32::MAX),
    ("hopc", 16_383),
    ("hsio", 255),
    ("hsls", 15),
    ("ifindex", u32::MAX),
    ("ifname", u32::MAX),
    ("ilmic", u32::MAX),
    ("lane", u32::MAX),
    ("lssu", u32::MAX),
    ("metac", u32::MAX),
    ("metaconnect", u32::MAX),
    ("msu", u32::MAX),
    ("oam", u32::MAX),
    ("oamf4", u32::MAX),
    ("oamf4ec", u32::MAX),
    ("oamf4sc", u32::MAX),
    ("on", u32::MAX),
    ("opc", 16_383),
    ("reason", u32::MAX),
    ("rnr", u32::MAX),
    ("rset", u32::MAX),
    ("rulenum", u32::MAX),
    ("ruleset", u32::MAX),
    ("sc", u32::MAX),
    ("sio", 255),
    ("sls", 15),
    ("srnr", u32::MAX),
    ("subrulenum", u32::MAX),
    ("subtype", u32::MAX),
    ("type", 3),
    ("vci", 65_535),
    ("vpi", 255),
];

/// Other words that are never names.
pub(super) fn is_reserved(word: &str) -> bool {
    const OTHERS: &[&str] = &[
        "addr1",
        "addr2",
        "addr3",
        "addr4",
        "address1",
        "address2",
        "address3",
        "address4",
        "and",
        "broadcast",
        "byte",
        "dst",
        "gateway",
        "geneve",
        "greater",
        "host",
        "inbound",
        "len",
        "length",
        "less",
        "llc",
        "mask",
        "mpls",
        "multicast",
        "net",
        "not",
        "or",
        "outbound",
        "port",
        "portrange",
        "pppoed",
        "pppoes",
        "proto",
        "protochain",
        "ra",
        "src",
        "ta",
        "vlan",
        "vxlan",
    ];
    // The words of most expressions first.
    matches!(word, "src" | "dst" | "net" | "host" | "port" | "and" | "or" | "not")
        || proto(word).is_some()
        || constant(word).is_some()
        || isis_pdus(word).is_some()
        || foreign(word).is_some()
        || OTHERS.binary_search(&word).is_ok()
}

/// Qualifiers and an identifier in one form, whatever they were written in.
pub(super) fn primitive(qualifiers: Qualifiers, id: &Id<'_>) -> String {
    let Qualifiers { proto, direction: way, kind } = qualifiers;
    let kind = match kind {
        Some(Kind::Host) | None => "host",
        Some(Kind::Net) => "net",
        Some(Kind::Port) => "port",
        Some(Kind::PortRange) => "portrange",
        Some(Kind::Proto) => "proto",
        Some(Kind::ProtoChain) => "protochain",
        Some(Kind::Gateway) => "gateway",
    };
    let id = match id {
        Id::Name(name) => (*name).to_owned(),
        Id::Number(number) => number.to_string(),
        Id::Dotted(text, None) => (*text).to_owned(),
        Id::Dotted(text, Some(Mask::Length(length))) => format!("{text}/{length}"),
        Id::Dotted(text, Some(Mask::Dotted(mask))) => format!("{text} mask {mask}"),
        Id::Inet6(address, None) => Ipv6Addr::from_bits(*address).to_string(),
        Id::Inet6(address, Some(length)) => format!("{}/{length}", Ipv6Addr::from_bits(*address)),
        Id::Mac(address) => format!("{address:012x}"),
        Id::Arcnet(text) => format!("${text}"),
    };
    let proto = proto.map_or_else(String::new, |proto| format!("{} ", proto_name(proto)));
    format!("{proto}{} {kind} {id}", direction(way))
}

/// Which of two addresses or ports, in words.
pub(super) fn direction(direction: Option<Direction>) -> &'static str {
    match direction {
        Some(Direction::Source) => "src",
        Some(Direction::Destination) => "dst",
        Some(Direction::Both) => "src and dst",
        Some(Direction::Wireless) => "wlan",
        Some(Direction::Either) | None => "src or dst",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(CONSTANTS.is_sorted_by_key(|(name, _)| name));
        assert!(FOREIGN.is_sorted());
        assert!(is_reserved("vxlan") && is_reserved("addr1") && is_reserved("mask") && !is_reserved("smtp"));
        assert_eq!(constant("tcp-syn"), Some(2));
    }
}
