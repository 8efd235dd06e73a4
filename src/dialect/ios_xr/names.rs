//! Names of protocols, ports, ICMP and IGMP messages, code points. Those of the host dialects are not used first:
//! here `syslog` is 514 for both protocols and `ahp` is a protocol.

use crate::dialect::services;

/// A number, decimal.
pub(super) fn number(word: &str) -> Option<u32> {
    let plain = !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_digit());
    if plain { word.parse().ok() } else { None }
}

/// A number, decimal or `0x` hex.
pub(super) fn number_or_hex(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|octet| octet.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => number(word),
    }
}

/// What a protocol word stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Protocol {
    /// Every packet of the list's family.
    Every,
    /// One protocol.
    Number(u8),
}

/// A protocol by name or number. `ipv4` and `ipv6` are every packet of a list of that family.
pub(super) fn protocol(word: &str, six: bool) -> Option<Protocol> {
    let named = match word {
        "tcp" => 6,
        "udp" => 17,
        "ipv4" | "ip" if !six => return Some(Protocol::Every),
        "ipv6" if six => return Some(Protocol::Every),
        // In an IPv6 list ICMP is that of IPv6.
        "icmp" if !six => 1,
        "icmp" | "icmpv6" => 58,
        "ahp" | "ah" => 51,
        "eigrp" => 88,
        "esp" => 50,
        "gre" => 47,
        "igmp" => 2,
        "igrp" => 9,
        "ipinip" => 4,
        "ipv6" => 41,
        "nos" => 94,
        "ospf" => 89,
        "pcp" => 108,
        "pim" => 103,
        "sctp" => 132,
        _ => {
            let number = number(word).map(u8::try_from);
            return match number {
                Some(number) => number.ok().map(Protocol::Number),
                None => services::protocol(word).map(Protocol::Number),
            };
        }
    };
    Some(Protocol::Number(named))
}

/// A port by name or number. The same word may differ by protocol.
pub(super) fn port(word: &str, protocol: u8) -> Option<u16> {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return number(word).and_then(|number| u16::try_from(number).ok());
    }
    let both = match word {
        "discard" => 9,
        "domain" => 53,
        "echo" => 7,
        "pim-auto-rp" => 496,
        "sunrpc" => 111,
        "syslog" => 514,
        "tacacs" => 49,
        "talk" => 517,
        "time" => 37,
        _ => 0,
    };
    if both != 0 {
        return Some(both);
    }
    let udp = match word {
        "biff" => 512,
        "bootpc" => 68,
        "bootps" => 67,
        "dnsix" => 195,
        "isakmp" => 500,
        "mobile-ip" => 434,
        "nameserver" => 42,
        "netbios-dgm" => 138,
        "netbios-ns" => 137,
        "netbios-ss" => 139,
        "non500-isakmp" => 4500,
        "ntp" => 123,
        "rip" => 520,
        "ripv6" => 521,
        "snmp" => 161,
        "snmptrap" => 162,
        "tftp" => 69,
        "who" => 513,
        "xdmcp" => 177,
        _ => 0,
    };
    let tcp = match word {
        "bgp" => 179,
        "chargen" => 19,
        "cmd" => 514,
        "daytime" => 13,
        "drip" => 3949,
        "exec" => 512,
        "finger" => 79,
        "ftp" => 21,
        "ftp-data" => 20,
        "gopher" => 70,
        "hostname" => 101,
        "ident" => 113,
        "irc" => 194,
        "klogin" => 543,
        "kshell" => 544,
        "ldp" => 646,
        "login" => 513,
        "lpd" => 515,
        "msrpc" => 135,
        "nntp" => 119,
        "onep-plain" => 15001,
        "onep-tls" => 15002,
        "pop2" => 109,
        "pop3" => 110,
        "smtp" => 25,
        "ssh" => 22,
        "telnet" => 23,
        "uucp" => 540,
        "whois" => 43,
        "www" => 80,
        _ => 0,
    };
    let known = if protocol == 17 { [udp, tcp] } else { [tcp, udp] };
    let named = known.into_iter().find(|port| *port != 0);
    named.or_else(|| services::port(word, protocol)).or_else(|| services::port_of_any(word))
}

/// A message of ICMP: type, and code where the name says one.
pub(super) type Message = (u8, Option<u8>);

/// An ICMP message by name.
pub(super) fn icmp(word: &str) -> Option<Message> {
    let unreachable = |code| (3, Some(code));
    Some(match word {
        "administratively-prohibited" => unreachable(13),
        "alternate-address" => (6, None),
        "conversion-error" => (31, None),
        "dod-host-prohibited" => unreachable(10),
        "dod-net-prohibited" => unreachable(9),
        "echo" => (8, None),
        "echo-reply" => (0, None),
        "general-parameter-problem" => (12, Some(0)),
        "host-isolated" => unreachable(8),
        "host-precedence-unreachable" => unreachable(14),
        "host-redirect" => (5, Some(1)),
        "host-tos-redirect" => (5, Some(3)),
        "host-tos-unreachable" => unreachable(12),
        "host-unknown" => unreachable(7),
        "host-unreachable" => unreachable(1),
        "information-reply" => (16, None),
        "information-request" => (15, None),
        "mask-reply" => (18, None),
        "mask-request" => (17, None),
        "mobile-redirect" => (32, None),
        "net-redirect" => (5, Some(0)),
        "net-tos-redirect" => (5, Some(2)),
        "net-tos-unreachable" => unreachable(11),
        "net-unreachable" => unreachable(0),
        "network-unknown" => unreachable(6),
        "no-room-for-option" => (12, Some(2)),
        "option-missing" => (12, Some(1)),
        "packet-too-big" => unreachable(4),
        "parameter-problem" => (12, None),
        "port-unreachable" => unreachable(3),
        "precedence-unreachable" => unreachable(15),
        "protocol-unreachable" => unreachable(2),
        "reassembly-timeout" => (11, Some(1)),
        "redirect" => (5, None),
        "router-advertisement" => (9, None),
        "router-solicitation" => (10, None),
        "source-quench" => (4, None),
        "source-route-failed" => unreachable(5),
        "time-exceeded" => (11, None),
        "timestamp-reply" => (14, None),
        "timestamp-request" => (13, None),
        "traceroute" => (30, None),
        "ttl-exceeded" => (11, Some(0)),
        "unreachable" => (3, None),
        _ => return None,
    })
}

/// An ICMPv6 message by name.
pub(super) fn icmp6(word: &str) -> Option<Message> {
    let unreachable = |code| (1, Some(code));
    Some(match word {
        "address-unreachable" => unreachable(3),
        "beyond-scope" => unreachable(2),
        "destination-unreachable" | "unreachable" => (1, None),
        "dhaad-reply" => (145, None),
        "dhaad-request" => (144, None),
        "echo" | "echo-request" => (128, None),
        "echo-reply" => (129, None),
        "header" => (4, Some(0)),
        "hop-limit" => (3, Some(0)),
        "mld-query" => (130, None),
        "mld-reduction" => (132, None),
        "mld-report" => (131, None),
        "mpd-advertisement" => (147, None),
        "mpd-solicitation" => (146, None),
        "nd-na" => (136, None),
        "nd-ns" => (135, None),
        "next-header" => (4, Some(1)),
        "no-admin" => unreachable(1),
        "no-route" => unreachable(0),
        "packet-too-big" => (2, None),
        "parameter-option" => (4, Some(2)),
        "parameter-problem" => (4, None),
        "port-unreachable" => unreachable(4),
        "reassembly-timeout" => (3, Some(1)),
        "redirect" => (137, None),
        "renum-command" => (138, Some(0)),
        "renum-result" => (138, Some(1)),
        "renum-seq-number" => (138, Some(255)),
        "router-advertisement" => (134, None),
        "router-renumbering" => (138, None),
        "router-solicitation" => (133, None),
        "time-exceeded" => (3, None),
        _ => return None,
    })
}

/// An IGMP type by name (RFC 1112, RFC 2236, RFC 3376; `trace` is that of RFC 1112's time, 0x15).
pub(super) fn igmp(word: &str) -> Option<u8> {
    Some(match word {
        "dvmrp" => 0x13,
        "host-query" => 0x11,
        "host-report" => 0x12,
        "mtrace" => 0x1f,
        "mtrace-response" => 0x1e,
        "pim" => 0x14,
        "trace" => 0x15,
        "v2-leave" => 0x17,
        "v2-report" => 0x16,
        "v3-report" => 0x22,
        _ => return None,
    })
}

/// A code point by name or number.
pub(super) fn dscp(word: &str) -> Option<u32> {
    Some(match word {
        "default" | "cs0" => 0,
        "cs1" => 8,
        "cs2" => 16,
        "cs3" => 24,
        "cs4" => 32,
        "cs5" => 40,
        "cs6" => 48,
        "cs7" => 56,
        "af11" => 10,
        "af12" => 12,
        "af13" => 14,
        "af21" => 18,
        "af22" => 20,
        "af23" => 22,
        "af31" => 26,
        "af32" => 28,
        "af33" => 30,
        "af41" => 34,
        "af42" => 36,
        "af43" => 38,
        "ef" => 46,
        _ => return number(word),
    })
}

/// A precedence by name or number.
pub(super) fn precedence(word: &str) -> Option<u32> {
    Some(match word {
        "routine" => 0,
        "priority" => 1,
        "immediate" => 2,
        "flash" => 3,
        "flash-override" => 4,
        "critical" => 5,
        "internet" => 6,
        "network" => 7,
        _ => return number(word),
    })
}

/// A TCP flag by name.
pub(super) fn flag(word: &str) -> Option<u32> {
    Some(match word {
        "fin" => 0x01,
        "syn" => 0x02,
        "rst" => 0x04,
        "psh" => 0x08,
        "ack" => 0x10,
        "urg" => 0x20,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_may_differ_by_protocol_and_family() {
        assert_eq!((port("cmd", 6), port("who", 17), port("www", 6)), (Some(514), Some(513), Some(80)));
        assert_eq!((port("65535", 6), port("65536", 6), port("x", 6)), (Some(65535), None, None));
        assert_eq!(protocol("icmp", true), Some(Protocol::Number(58)));
        assert_eq!(protocol("ipv6", false), Some(Protocol::Number(41)));
        assert_eq!(protocol("ipv6", true), Some(Protocol::Every));
        assert_eq!(protocol("256", false), None);
        assert_eq!((icmp("echo"), icmp6("echo")), (Some((8, None)), Some((128, None))));
        assert_eq!((number_or_hex("0x40"), number_or_hex("40")), (Some(64), Some(40)));
    }
}
