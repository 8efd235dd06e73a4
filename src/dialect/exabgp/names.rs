//! The names ExaBGP knows for values, measured on 4.2.21 and 5.0.15. Case does not count, `_` is `-`.

use crate::dialect::flowspec::ComponentType;

type Names = &'static [(&'static str, u16)];

const PROTOCOLS: Names = &[
    ("ah", 51),
    ("egp", 8),
    ("esp", 50),
    ("gre", 47),
    ("icmp", 1),
    ("icmpv6", 58),
    ("igmp", 2),
    ("igp", 9),
    ("ipip", 94),
    ("ospf", 89),
    ("pim", 103),
    ("rsvp", 46),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
];

const ICMP_TYPES: Names = &[
    ("echo-reply", 0),
    ("echo-request", 8),
    ("experimental-mobility", 41),
    ("experimental-one", 253),
    ("experimental-two", 254),
    ("extended-echo-reply", 43),
    ("extended-echo-request", 42),
    ("info-reply", 16),
    ("info-request", 15),
    ("mask-reply", 18),
    ("mask-request", 17),
    ("parameter-problem", 12),
    ("redirect", 5),
    ("router-advertisement", 9),
    ("router-solicit", 10),
    ("source-quench", 4),
    ("time-exceeded", 11),
    ("timestamp", 13),
    ("timestamp-reply", 14),
    ("traceroute", 30),
    ("unreachable", 3),
];

// Codes of unreachable (3), redirect (5), time exceeded (11) and parameter problem (12).
const ICMP_CODES: Names = &[
    ("communication-prohibited-by-filtering", 13),
    ("destination-host-prohibited", 10),
    ("destination-host-unknown", 7),
    ("destination-network-prohibited", 9),
    ("destination-network-unknown", 6),
    ("fragmentation-needed", 4),
    ("host-precedence-violation", 14),
    ("host-unreachable", 1),
    ("host-unreachable-for-tos", 12),
    ("ip-header-bad", 2),
    ("network-unreachable", 0),
    ("network-unreachable-for-tos", 11),
    ("port-unreachable", 3),
    ("precedence-cutoff-in-effect", 15),
    ("protocol-unreachable", 2),
    ("redirect-for-host", 1),
    ("redirect-for-network", 0),
    ("redirect-for-tos-and-host", 3),
    ("redirect-for-tos-and-net", 2),
    ("required-option-missing", 1),
    ("source-host-isolated", 8),
    ("source-route-failed", 5),
    ("ttl-eq-zero-during-reassembly", 1),
    ("ttl-eq-zero-during-transit", 0),
];

// Well-known services (IANA registry of service names).
const PORTS: Names = &[
    ("auth", 113),
    ("bgp", 179),
    ("bootpc", 68),
    ("bootps", 67),
    ("chargen", 19),
    ("daytime", 13),
    ("discard", 9),
    ("domain", 53),
    ("echo", 7),
    ("epmap", 135),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("gopher", 70),
    ("http", 80),
    ("https", 443),
    ("imap", 143),
    ("irc", 194),
    ("kerberos", 88),
    ("ldap", 389),
    ("microsoft-ds", 445),
    ("netbios-dgm", 138),
    ("netbios-ns", 137),
    ("netbios-ssn", 139),
    ("nntp", 119),
    ("ntp", 123),
    ("pop3", 110),
    ("qotd", 17),
    ("sftp", 115),
    ("smtp", 25),
    ("snmp", 161),
    ("snmptrap", 162),
    ("ssh", 22),
    ("sunrpc", 111),
    ("systat", 11),
    ("tacacs", 49),
    ("telnet", 23),
    ("tftp", 69),
    ("xdmcp", 177),
];

/// TCP flags; the last name of a bit is the one written.
const TCP_FLAGS: Names = &[
    ("fin", 0x01),
    ("syn", 0x02),
    ("rst", 0x04),
    ("push", 0x08),
    ("ack", 0x10),
    ("urg", 0x20),
    ("urgent", 0x20),
    ("ece", 0x40),
    ("cwr", 0x80),
    ("ns", 0x100),
];

// `not-a-fragment` is 4.2's: the mask 0, which no packet has any bit of.
const FRAGMENT: Names = &[
    ("dont-fragment", 0x01),
    ("is-fragment", 0x02),
    ("first-fragment", 0x04),
    ("last-fragment", 0x08),
    ("not-a-fragment", 0x00),
];

fn table(kind: ComponentType) -> Names {
    match kind {
        ComponentType::Protocol => PROTOCOLS,
        ComponentType::Port | ComponentType::DestinationPort | ComponentType::SourcePort => PORTS,
        ComponentType::IcmpType => ICMP_TYPES,
        ComponentType::IcmpCode => ICMP_CODES,
        ComponentType::TcpFlags => TCP_FLAGS,
        ComponentType::Fragment => FRAGMENT,
        ComponentType::DestinationPrefix
        | ComponentType::SourcePrefix
        | ComponentType::PacketLength
        | ComponentType::Dscp
        | ComponentType::FlowLabel => &[],
    }
}

/// The value of a name in a component of that type.
pub(super) fn value(kind: ComponentType, name: &str) -> Option<u64> {
    let normal = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    let same = |known: &str| {
        known.len() == name.len() && known.bytes().zip(name.bytes()).all(|(k, n)| k == normal(n))
    };
    table(kind).iter().find(|(known, _)| same(known)).map(|(_, value)| u64::from(*value))
}

/// The name written for a value of that type: protocols, ICMP types, and single bits of bitmasks.
pub(super) fn name(kind: ComponentType, value: u64) -> Option<&'static str> {
    // `icmpv6` and `igp` are refused by some releases, and codes have several names: numbers are safer.
    let plain = matches!(kind, ComponentType::Protocol | ComponentType::TcpFlags | ComponentType::Fragment);
    let usual = |name: &str| !matches!(name, "icmpv6" | "igp" | "ipip" | "urgent" | "not-a-fragment");
    let list = if plain { table(kind) } else { &[] };
    list.iter().find(|(name, v)| u64::from(*v) == value && usual(name)).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_case() {
        assert_eq!(value(ComponentType::IcmpType, "Echo_Request"), Some(8));
        assert_eq!(value(ComponentType::TcpFlags, "URGENT"), Some(0x20));
        assert_eq!(value(ComponentType::Port, "bgp"), Some(179));
        assert_eq!(value(ComponentType::Dscp, "ef"), None);
        assert_eq!(name(ComponentType::Protocol, 58), None);
        assert_eq!(name(ComponentType::TcpFlags, 0x20), Some("urg"));
    }
}
