//! Names of services and protocols, for every dialect that takes them: IANA's registries in the choice of the
//! services and protocols files that common systems install, which nft, iptables and libpcap ask.
//!
//! Traps: the names of a port differ by protocol (512 is `exec` in TCP and `biff` in UDP), so who asks says for
//! which; nft asks for none and takes TCP's port first.

/// TCP, UDP, SCTP and DCCP as bits of a row.
const T: u8 = 1;
const U: u8 = 2;
const S: u8 = 4;
const D: u8 = 8;

type Row = (&'static str, u16, u8);

fn bit(protocol: u8) -> u8 {
    match protocol {
        6 => T,
        // UDP-Lite shares UDP's ports (RFC 3828 §3).
        17 | 136 => U,
        132 => S,
        33 => D,
        _ => 0,
    }
}

fn find(rows: &[Row], name: &str, wanted: u8) -> Option<u16> {
    let from = rows.partition_point(|(other, _, _)| *other < name);
    let same = rows.get(from..)?.iter().take_while(|(other, _, _)| *other == name);
    same.filter(|(_, _, protocols)| protocols & wanted != 0).map(|(_, port, _)| *port).next()
}

/// The port of a service by its name or an alias, in that protocol (6, 17, 33, 132 or 136).
pub fn port(name: &str, protocol: u8) -> Option<u16> {
    let wanted = bit(protocol);
    find(SERVICES, name, wanted).or_else(|| find(ALIASES, name, wanted))
}

/// The port of a service when nothing says in which protocol: TCP's, else UDP's, SCTP's, DCCP's, as a resolver
/// asked for none goes through them.
pub fn port_of_any(name: &str) -> Option<u16> {
    [6, 17, 132, 33].into_iter().find_map(|protocol| port(name, protocol))
}

/// The first name of a port in that protocol, as listings show it.
pub fn service(port: u16, protocol: u8) -> Option<&'static str> {
    let wanted = bit(protocol);
    SERVICES.iter().find(|row| row.1 == port && row.2 & wanted != 0).map(|row| row.0)
}

/// The number of a protocol by its name or an alias, in any case.
pub fn protocol(name: &str) -> Option<u8> {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    let named = PROTOCOLS.iter().find(|(_, other)| same(other)).map(|(number, _)| *number);
    named.or_else(|| PROTOCOL_ALIASES.iter().find(|(other, _)| same(other)).map(|(_, number)| *number))
}

/// The name of a protocol.
pub fn protocol_name(number: u8) -> Option<&'static str> {
    PROTOCOLS.iter().find(|(other, _)| *other == number).map(|(_, name)| *name)
}

// By number; the name is the one a resolver answers with.
#[rustfmt::skip]
static PROTOCOLS: &[(u8, &str)] = &[
    (0, "ip"), (0, "hopopt"), (1, "icmp"), (2, "igmp"), (3, "ggp"), (4, "ipencap"), (5, "st"), (6, "tcp"),
    (8, "egp"), (9, "igp"), (12, "pup"), (17, "udp"), (20, "hmp"), (22, "xns-idp"), (27, "rdp"),
    (29, "iso-tp4"), (33, "dccp"), (36, "xtp"), (37, "ddp"), (38, "idpr-cmtp"), (41, "ipv6"),
    (43, "ipv6-route"), (44, "ipv6-frag"), (45, "idrp"), (46, "rsvp"), (47, "gre"), (50, "esp"), (51, "ah"),
    (57, "skip"), (58, "ipv6-icmp"), (59, "ipv6-nonxt"), (60, "ipv6-opts"), (73, "rspf"), (81, "vmtp"),
    (88, "eigrp"), (89, "ospf"), (93, "ax.25"), (94, "ipip"), (97, "etherip"), (98, "encap"), (103, "pim"),
    (108, "ipcomp"), (112, "vrrp"), (115, "l2tp"), (124, "isis"), (132, "sctp"), (133, "fc"),
    (135, "mobility-header"), (136, "udplite"), (137, "mpls-in-ip"), (138, "manet"), (139, "hip"),
    (140, "shim6"), (141, "wesp"), (142, "rohc"), (143, "ethernet"),
];

// Other names of the same, and those that nft, iptables and libpcap build in.
#[rustfmt::skip]
static PROTOCOL_ALIASES: &[(&str, u8)] = &[
    ("comp", 108), ("cphb", 73), ("icmp6", 58), ("icmpv6", 58), ("ip-encap", 4), ("ipsec-ah", 51),
    ("ipsec-esp", 50), ("ipv6-ah", 51), ("ipv6-esp", 50), ("ipv6-mh", 135), ("mh", 135), ("ospfigp", 89),
];

// Sorted by name.
#[rustfmt::skip]
static SERVICES: &[Row] = &[
    ("acr-nema", 104, T), ("afpovertcp", 548, T), ("afs3-bos", 7007, U), ("afs3-callback", 7001, U),
    ("afs3-fileserver", 7000, U), ("afs3-kaserver", 7004, U), ("afs3-prserver", 7002, U),
    ("afs3-rmtsys", 7009, U), ("afs3-update", 7008, U), ("afs3-vlserver", 7003, U),
    ("afs3-volser", 7005, U), ("amanda", 10080, T), ("amandaidx", 10082, T), ("amidxtape", 10083, T),
    ("amqp", 5672, T | S), ("amqps", 5671, T), ("asf-rmcp", 623, U), ("asp", 27374, T | U),
    ("auth", 113, T), ("babel", 6696, U), ("bacula-dir", 9101, T), ("bacula-fd", 9102, T),
    ("bacula-sd", 9103, T), ("bbs", 7000, T), ("bgp", 179, T), ("bgpd", 2605, T), ("biff", 512, U),
    ("binkp", 24554, T), ("bootpc", 68, U), ("bootps", 67, U), ("canna", 5680, T), ("cfengine", 5308, T),
    ("chargen", 19, T | U), ("cisco-sccp", 2000, T), ("clc-build-daemon", 8990, T), ("clearcase", 371, U),
    ("cmip-agent", 164, T | U), ("cmip-man", 163, T | U), ("codaauth2", 370, T | U),
    ("codasrv", 2432, T | U), ("codasrv-se", 2433, T | U), ("csync2", 30865, T), ("cvspserver", 2401, T),
    ("daap", 3689, T), ("datametrics", 1645, T | U), ("daytime", 13, T | U), ("db-lsp", 17500, T),
    ("dcap", 22125, T), ("dhcpv6-client", 546, U), ("dhcpv6-server", 547, U), ("dicom", 11112, T),
    ("dict", 2628, T), ("dircproxy", 57000, T), ("discard", 9, T | U), ("distcc", 3632, T),
    ("domain", 53, T | U), ("domain-s", 853, T | U), ("echo", 7, T | U), ("epmap", 135, T),
    ("epmd", 4369, T), ("exec", 512, T), ("f5-globalsite", 2792, T), ("f5-iquery", 4353, T),
    ("fax", 4557, T), ("fido", 60179, T), ("finger", 79, T), ("font-service", 7100, T),
    ("freeciv", 5556, T), ("fsp", 21, U), ("ftp", 21, T), ("ftp-data", 20, T), ("ftps", 990, T),
    ("ftps-data", 989, T), ("gdomap", 538, T | U), ("gds-db", 3050, T), ("git", 9418, T),
    ("gnunet", 2086, T | U), ("gnutella-rtr", 6347, T | U), ("gnutella-svc", 6346, T | U),
    ("gopher", 70, T), ("gpsd", 2947, T), ("gris", 2135, T), ("groupwise", 1677, T), ("gsidcap", 22128, T),
    ("gsiftp", 2811, T), ("gsigatekeeper", 2119, T), ("hkp", 11371, T), ("http", 80, T),
    ("http-alt", 8080, T), ("https", 443, T | U), ("hylafax", 4559, T), ("iax", 4569, U),
    ("icpv2", 3130, U), ("imap2", 143, T), ("imaps", 993, T), ("ingreslock", 1524, T), ("ipp", 631, T),
    ("iprop", 2121, T), ("ipsec-nat-t", 4500, U), ("ipx", 213, U), ("ircd", 6667, T), ("ircs-u", 6697, T),
    ("isakmp", 500, U), ("iscsi-target", 3260, T), ("isisd", 2608, T), ("isns", 3205, T | U),
    ("iso-tsap", 102, T), ("kamanda", 10081, T), ("kerberos", 88, T | U), ("kerberos-adm", 749, T),
    ("kerberos-master", 751, T | U), ("kerberos4", 750, T | U), ("kermit", 1649, T), ("klogin", 543, T),
    ("kpasswd", 464, T | U), ("krb-prop", 754, T), ("kshell", 544, T), ("l2f", 1701, U),
    ("ldap", 389, T | U), ("ldaps", 636, T | U), ("ldp", 646, T | U), ("login", 513, T),
    ("lotusnote", 1352, T), ("mailq", 174, T), ("mdns", 5353, U), ("microsoft-ds", 445, T),
    ("moira-db", 775, T), ("moira-update", 777, T), ("moira-ureg", 779, U), ("mon", 2583, T | U),
    ("ms-sql-m", 1434, U), ("ms-sql-s", 1433, T), ("ms-wbt-server", 3389, T), ("mtn", 4691, T),
    ("munin", 4949, T), ("mysql", 3306, T), ("mysql-proxy", 6446, T), ("nbd", 10809, T),
    ("netbios-dgm", 138, U), ("netbios-ns", 137, U), ("netbios-ssn", 139, T), ("netstat", 15, T),
    ("nfs", 2049, T | U), ("nntp", 119, T), ("nntps", 563, T), ("nqs", 607, T), ("nrpe", 5666, T),
    ("nsca", 5667, T), ("ntalk", 518, U), ("ntp", 123, U), ("ntske", 4460, T), ("nut", 3493, T | U),
    ("omniorb", 8088, T), ("openvpn", 1194, T | U), ("ospf6d", 2606, T), ("ospfapi", 2607, T),
    ("ospfd", 2604, T), ("passwd-server", 752, U), ("pawserv", 345, T), ("pop3", 110, T), ("pop3s", 995, T),
    ("poppassd", 106, T), ("postgresql", 5432, T), ("predict", 1210, U), ("printer", 515, T),
    ("proofd", 1093, T), ("ptp-event", 319, U), ("ptp-general", 320, U), ("puppet", 8140, T),
    ("qmqp", 628, T), ("qmtp", 209, T), ("qotd", 17, T), ("radius", 1812, T | U),
    ("radius-acct", 1813, T | U), ("radmin-port", 4899, T), ("redis", 6379, T), ("remctl", 4373, T),
    ("ripd", 2602, T), ("ripngd", 2603, T), ("rmiregistry", 1099, T), ("rmtcfg", 1236, T),
    ("rootd", 1094, T), ("route", 520, U), ("rpc2portmap", 369, T | U), ("rplay", 5555, U),
    ("rsync", 873, T), ("rtcm-sc104", 2101, T | U), ("rtsp", 554, T | U), ("sa-msg-port", 1646, T | U),
    ("saft", 487, T), ("sane-port", 6566, T), ("sge-execd", 6445, T), ("sge-qmaster", 6444, T),
    ("sgi-cad", 17004, T), ("sgi-cmsd", 17001, U), ("sgi-crsd", 17002, U), ("sgi-gcd", 17003, U),
    ("shell", 514, T), ("sieve", 4190, T), ("silc", 706, T), ("sip", 5060, T | U), ("sip-tls", 5061, T | U),
    ("skkserv", 1178, T), ("smtp", 25, T), ("smux", 199, T), ("snmp", 161, T | U),
    ("snmp-trap", 162, T | U), ("snpp", 444, T), ("socks", 1080, T), ("spamd", 783, T), ("ssh", 22, T),
    ("submission", 587, T), ("submissions", 465, T), ("sunrpc", 111, T | U), ("supfiledbg", 1127, T),
    ("supfilesrv", 871, T), ("suucp", 4031, T), ("svn", 3690, T), ("svrloc", 427, T | U),
    ("syslog", 514, U), ("syslog-tls", 6514, T), ("sysrqd", 4094, T), ("systat", 11, T),
    ("tacacs", 49, T | U), ("talk", 517, U), ("tcpmux", 1, T), ("telnet", 23, T), ("telnets", 992, T),
    ("tfido", 60177, T), ("tftp", 69, U), ("time", 37, T | U), ("tinc", 655, T | U), ("tproxy", 8081, T),
    ("uucp", 540, T), ("venus", 2430, T | U), ("venus-se", 2431, T | U), ("webmin", 10000, T),
    ("who", 513, U), ("whois", 43, T), ("wnn6", 22273, T), ("x11", 6000, T), ("x11-1", 6001, T),
    ("x11-2", 6002, T), ("x11-3", 6003, T), ("x11-4", 6004, T), ("x11-5", 6005, T), ("x11-6", 6006, T),
    ("x11-7", 6007, T), ("xdmcp", 177, U), ("xinetd", 9098, T), ("xmms2", 9667, T),
    ("xmpp-client", 5222, T), ("xmpp-server", 5269, T), ("xtel", 1313, T), ("xtelw", 1314, T),
    ("z3950", 210, T), ("zabbix-agent", 10050, T), ("zabbix-trapper", 10051, T), ("zebra", 2601, T),
    ("zebrasrv", 2600, T), ("zephyr-clt", 2103, U), ("zephyr-hm", 2104, U), ("zephyr-srv", 2102, U),
    ("zope", 9673, T), ("zope-ftp", 8021, T), ("zserv", 346, T),
];

// Other names of the same services, sorted.
#[rustfmt::skip]
static ALIASES: &[Row] = &[
    ("authentication", 113, T), ("clearcase", 371, U), ("cmd", 514, T), ("comsat", 512, U),
    ("dicom", 104, T), ("fspd", 21, U), ("gds_db", 3050, T), ("hprop", 754, T), ("icp", 3130, U),
    ("ident", 113, T), ("imap", 143, T), ("jabber-client", 5222, T), ("jabber-server", 5269, T),
    ("kdc", 750, T | U), ("kerberos-iv", 750, T | U), ("kerberos-sec", 88, T | U), ("kerberos5", 88, T | U),
    ("kerberos_master", 751, U), ("krb5", 88, T | U), ("krb5_prop", 754, T), ("krb_prop", 754, T),
    ("krcmd", 544, T), ("l2tp", 1701, U), ("loc-srv", 135, T), ("lotusnotes", 1352, T), ("lrrd", 4949, T),
    ("mail", 25, T), ("moira_db", 775, T), ("moira_update", 777, T), ("moira_ureg", 779, U),
    ("nicname", 43, T), ("null", 9, T | U), ("old-radacct", 1646, T | U), ("old-radius", 1645, T | U),
    ("passwd_server", 752, U), ("pop-3", 110, T), ("portmapper", 111, T | U), ("postgres", 5432, T),
    ("quote", 17, T), ("radacct", 1813, T | U), ("readnews", 119, T), ("routed", 520, U),
    ("router", 520, U), ("rptp", 5556, T), ("sane", 6566, T), ("saned", 6566, T), ("sge_execd", 6445, T),
    ("sge_qmaster", 6444, T), ("sink", 9, T | U), ("smtps", 465, T), ("snmptrap", 162, T | U),
    ("snntp", 563, T), ("source", 19, T | U), ("spooler", 515, T), ("ssmtp", 465, T),
    ("subversion", 3690, T), ("syslog", 514, T), ("tap", 113, T), ("timserver", 37, T | U),
    ("tsap", 102, T), ("ttytst", 19, T | U), ("untp", 119, T), ("urd", 465, T), ("users", 11, T),
    ("uucpd", 540, T), ("wais", 210, T), ("webcache", 8080, T), ("whod", 513, U), ("www", 80, T),
    ("x11-0", 6000, T), ("xfs", 7100, T),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_names_go_both_ways() {
        for rows in [SERVICES, ALIASES] {
            assert!(rows.windows(2).all(|pair| pair[0] <= pair[1]));
        }
        for (name, port_number, protocols) in SERVICES {
            for (number, bit) in [(6, T), (17, U), (132, S), (33, D)] {
                if protocols & bit != 0 {
                    assert_eq!(port(name, number), Some(*port_number), "{name}");
                    let shown = service(*port_number, number).unwrap();
                    assert_eq!(port(shown, number), Some(*port_number), "{name}");
                }
            }
        }
        for (number, name) in PROTOCOLS {
            assert_eq!(protocol(name), Some(*number));
        }
    }

    #[test]
    fn a_name_means_the_port_of_its_protocol() {
        assert_eq!((port("ssh", 6), port("ssh", 17)), (Some(22), None));
        assert_eq!((port("biff", 6), port("biff", 17), service(512, 6)), (None, Some(512), Some("exec")));
        assert_eq!((port("domain", 17), port("mail", 6), port("www", 6)), (Some(53), Some(25), Some(80)));
        assert_eq!((port_of_any("tftp"), port_of_any("nothing")), (Some(69), None));
        assert_eq!(
            (protocol("icmpv6"), protocol("OSPFIGP"), protocol("ipv6-icmp")),
            (Some(58), Some(89), Some(58))
        );
    }
}
