//! Names Junos knows for values, each table sorted by name.

/// Names with their values, sorted by name.
pub(super) type Names = &'static [(&'static str, u32)];

/// The value of a name.
pub(super) fn value(names: Names, word: &str) -> Option<u32> {
    let at = names.binary_search_by(|(name, _)| (*name).cmp(word)).ok()?;
    names.get(at).map(|(_, value)| *value)
}

/// The first name of a value.
pub(super) fn name(names: Names, value: u32) -> Option<&'static str> {
    names.iter().find(|(_, v)| *v == value).map(|(name, _)| *name)
}

/// Protocol numbers.
#[rustfmt::skip]
pub(super) static PROTOCOLS: Names = &[
    ("ah", 51), ("dstopts", 60), ("egp", 8), ("esp", 50), ("fragment", 44), ("gre", 47), ("hop-by-hop", 0),
    ("icmp", 1), ("icmp6", 58), ("icmpv6", 58), ("igmp", 2), ("ipip", 4), ("ipv6", 41),
    ("no-next-header", 59), ("ospf", 89), ("pim", 103), ("routing", 43), ("rsvp", 46), ("sctp", 132),
    ("tcp", 6), ("udp", 17), ("vrrp", 112),
];

/// Port numbers.
#[rustfmt::skip]
pub(super) static PORTS: Names = &[
    ("afs", 1483), ("bgp", 179), ("biff", 512), ("bootpc", 68), ("bootps", 67), ("cmd", 514),
    ("cvspserver", 2401), ("dhcp", 67), ("domain", 53), ("eklogin", 2105), ("ekshell", 2106), ("exec", 512),
    ("finger", 79), ("ftp", 21), ("ftp-data", 20), ("http", 80), ("https", 443), ("ident", 113),
    ("imap", 143), ("kerberos-sec", 88), ("klogin", 543), ("kpasswd", 761), ("krb-prop", 754),
    ("krbupdate", 760), ("kshell", 544), ("ldap", 389), ("ldp", 646), ("login", 513),
    ("mobileip-agent", 434), ("mobilip-mn", 435), ("msdp", 639), ("netbios-dgm", 138), ("netbios-ns", 137),
    ("netbios-ssn", 139), ("nfsd", 2049), ("nntp", 119), ("ntalk", 518), ("ntp", 123), ("pop3", 110),
    ("pptp", 1723), ("printer", 515), ("radacct", 1813), ("radius", 1812), ("rip", 520), ("rkinit", 2108),
    ("smtp", 25), ("snmp", 161), ("snmptrap", 162), ("snpp", 444), ("socks", 1080), ("ssh", 22),
    ("sunrpc", 111), ("syslog", 514), ("tacacs", 49), ("tacacs-ds", 65), ("talk", 517), ("telnet", 23),
    ("tftp", 69), ("timed", 525), ("who", 513), ("xdmcp", 177), ("zephyr-clt", 2103), ("zephyr-hm", 2104),
    ("zephyr-srv", 2102),
];

/// ICMP types, `family inet`.
#[rustfmt::skip]
pub(super) static ICMP_TYPES: Names = &[
    ("echo-reply", 0), ("echo-request", 8), ("info-reply", 16), ("info-request", 15), ("mask-reply", 18),
    ("mask-request", 17), ("parameter-problem", 12), ("redirect", 5), ("router-advertisement", 9),
    ("router-solicit", 10), ("source-quench", 4), ("time-exceeded", 11), ("timestamp", 13),
    ("timestamp-reply", 14), ("unreachable", 3),
];

/// ICMPv6 types, `family inet6`.
#[rustfmt::skip]
pub(super) static ICMP6_TYPES: Names = &[
    ("certificate-path-advertisement", 149), ("certificate-path-solicitation", 148),
    ("destination-unreachable", 1), ("echo-reply", 129), ("echo-request", 128),
    ("home-agent-address-discovery-reply", 145), ("home-agent-address-discovery-request", 144),
    ("inverse-neighbor-discovery-advertisement", 142), ("inverse-neighbor-discovery-solicitation", 141),
    ("membership-query", 130), ("membership-report", 131), ("membership-termination", 132),
    ("mobile-prefix-advertisement-reply", 147), ("mobile-prefix-solicitation", 146),
    ("neighbor-advertisement", 136), ("neighbor-solicit", 135), ("node-information-reply", 140),
    ("node-information-request", 139), ("packet-too-big", 2), ("parameter-problem", 4),
    ("private-experimentation-100", 100), ("private-experimentation-101", 101),
    ("private-experimentation-200", 200), ("private-experimentation-201", 201), ("redirect", 137),
    ("router-advertisement", 134), ("router-renumbering", 138), ("router-solicit", 133),
    ("time-exceeded", 3),
];

/// ICMP codes, `family inet`; a name belongs to a type, its number alone counts.
#[rustfmt::skip]
pub(super) static ICMP_CODES: Names = &[
    ("communication-prohibited-by-filtering", 13), ("destination-host-prohibited", 10),
    ("destination-host-unknown", 7), ("destination-network-prohibited", 9),
    ("destination-network-unknown", 6), ("fragmentation-needed", 4), ("host-precedence-violation", 14),
    ("host-unreachable", 1), ("host-unreachable-for-tos", 12), ("ip-header-bad", 0),
    ("network-unreachable", 0), ("network-unreachable-for-tos", 11), ("port-unreachable", 3),
    ("precedence-cutoff-in-effect", 15), ("protocol-unreachable", 2), ("redirect-for-host", 1),
    ("redirect-for-network", 0), ("redirect-for-tos-and-host", 3), ("redirect-for-tos-and-net", 2),
    ("required-option-missing", 1), ("source-host-isolated", 8), ("source-route-failed", 5),
    ("ttl-eq-zero-during-reassembly", 1), ("ttl-eq-zero-during-transit", 0),
];

/// ICMPv6 codes, `family inet6`.
#[rustfmt::skip]
pub(super) static ICMP6_CODES: Names = &[
    ("address-unreachable", 3), ("administratively-prohibited", 1), ("ip6-header-bad", 0),
    ("no-route-to-destination", 0), ("port-unreachable", 4), ("ttl-eq-zero-during-reassembly", 1),
    ("ttl-eq-zero-during-transit", 0), ("unrecognized-next-header", 1), ("unrecognized-option", 2),
];

/// Code points.
#[rustfmt::skip]
pub(super) static DSCPS: Names = &[
    ("af11", 10), ("af12", 12), ("af13", 14), ("af21", 18), ("af22", 20), ("af23", 22), ("af31", 26),
    ("af32", 28), ("af33", 30), ("af41", 34), ("af42", 36), ("af43", 38), ("be", 0), ("cs0", 0), ("cs1", 8),
    ("cs2", 16), ("cs3", 24), ("cs4", 32), ("cs5", 40), ("cs6", 48), ("cs7", 56), ("ef", 46),
];

/// IP precedence.
#[rustfmt::skip]
pub(super) static PRECEDENCES: Names = &[
    ("critical-ecp", 5), ("flash", 3), ("flash-override", 4), ("immediate", 2), ("internet-control", 6),
    ("net-control", 7), ("priority", 1), ("routine", 0),
];

/// IPv4 option types; 255 stands for any.
#[rustfmt::skip]
pub(super) static IP_OPTIONS: Names = &[
    ("any", 255), ("loose-source-route", 131), ("route-record", 7), ("router-alert", 148),
    ("security", 130), ("stream-id", 136), ("strict-source-route", 137), ("timestamp", 68),
];

/// Ethertypes.
#[rustfmt::skip]
pub(super) static ETHER_TYPES: Names = &[
    ("aarp", 0x80f3), ("appletalk", 0x809b), ("arp", 0x0806), ("fcoe", 0x8906), ("fip", 0x8914),
    ("ipv4", 0x0800), ("ipv6", 0x86dd), ("mpls-multicast", 0x8848), ("mpls-unicast", 0x8847),
    ("oam", 0x8902), ("ppp", 0x880b), ("pppoe-discovery", 0x8863), ("pppoe-session", 0x8864),
    ("sna", 0x80d5),
];

/// IPv6 extension headers by their next-header value.
#[rustfmt::skip]
pub(super) static EXTENSION_HEADERS: Names = &[
    ("ah", 51), ("destination", 60), ("esp", 50), ("fragment", 44), ("hop-by-hop", 0), ("mobility", 135),
    ("routing", 43),
];

/// Messages of `reject` in `family inet`: codes of ICMP unreachable.
#[rustfmt::skip]
pub(super) static REJECTS: Names = &[
    ("administratively-prohibited", 13), ("bad-host-tos", 12), ("bad-network-tos", 11),
    ("fragmentation-needed", 4), ("host-prohibited", 10), ("host-unknown", 7), ("host-unreachable", 1),
    ("network-prohibited", 9), ("network-unknown", 6), ("network-unreachable", 0), ("port-unreachable", 3),
    ("precedence-cutoff", 15), ("precedence-violation", 14), ("protocol-unreachable", 2),
    ("source-host-isolated", 8), ("source-route-failed", 5),
];

/// Messages of `reject` in `family inet6`: codes of ICMPv6 unreachable.
#[rustfmt::skip]
pub(super) static REJECTS6: Names = &[
    ("address-unreachable", 3), ("administratively-prohibited", 1), ("beyond-scope", 2), ("no-route", 0),
    ("port-unreachable", 4),
];

/// Bits of octet 13 of a TCP header.
#[rustfmt::skip]
pub(super) static TCP_FLAGS: Names = &[
    ("ack", 0x10), ("fin", 0x01), ("push", 0x08), ("rst", 0x04), ("syn", 0x02), ("urgent", 0x20),
];

/// Flags of the IPv4 header as their three bits.
#[rustfmt::skip]
pub(super) static FRAGMENT_FLAGS: Names = &[
    ("dont-fragment", 2), ("more-fragments", 1), ("reserved", 4),
];

/// Bits of `fragment` in a flow route (RFC 8955 §4.2.2.12).
#[rustfmt::skip]
pub(super) static FRAGMENTS: Names = &[
    ("dont-fragment", 1), ("first-fragment", 4), ("is-fragment", 2), ("last-fragment", 8),
    ("not-a-fragment", 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_without_repetition() {
        for table in [
            PROTOCOLS,
            PORTS,
            ICMP_TYPES,
            ICMP6_TYPES,
            ICMP_CODES,
            ICMP6_CODES,
            DSCPS,
            PRECEDENCES,
            IP_OPTIONS,
            ETHER_TYPES,
            EXTENSION_HEADERS,
            REJECTS,
            REJECTS6,
            TCP_FLAGS,
            FRAGMENT_FLAGS,
            FRAGMENTS,
        ] {
            assert!(table.windows(2).all(|w| w[0].0 < w[1].0), "{table:?}");
            assert!(table.iter().all(|(n, v)| value(table, n) == Some(*v)));
        }
        assert_eq!(value(PORTS, "nothing"), None);
        assert_eq!(name(DSCPS, 46), Some("ef"));
    }
}
