//! The names of values, by type.

use super::fields::Type;
use super::lex::ethernet;
use super::syntax::Word;
use crate::dialect::services;
use std::net::{Ipv4Addr, Ipv6Addr};

type Names = &'static [(&'static str, u32)];

/// The value of a word; none when the type has no such word.
pub(super) fn value(ty: Type, text: &str) -> Option<u128> {
    let small = |value: Option<u32>| value.map(u128::from);
    match ty {
        Type::Ipv4 => inet(text).or_else(|| number(text)),
        Type::Ipv6 => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
        Type::Ethernet => ethernet(text).map(u128::from),
        Type::Service => number(text).or_else(|| port(text)),
        Type::Protocol => number(text).or_else(|| services::protocol(text).map(u128::from)),
        Type::Boolean => match text {
            "exists" | "true" => Some(1),
            "missing" | "false" => Some(0),
            _ => number(text),
        },
        Type::Integer | Type::Mark => number(text),
        Type::Interface | Type::Group => None,
        ty if ty.is_of_host() => None,
        _ => number(text).or_else(|| small(find(names(ty), text))),
    }
}

// What is no number to nft is a service to the resolver, which reads decimal digits whatever they begin with.
fn port(text: &str) -> Option<u128> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    services::port_of_any(text).map(u128::from)
}

// An IPv4 address; the resolver takes parts behind `0` for octal.
fn inet(text: &str) -> Option<u128> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(u128::from(address.to_bits()));
    }
    let mut parts = text.split('.');
    let mut value = 0;
    for _ in 0..4 {
        let part = parts.next().filter(|part| part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()))?;
        value = value << 8 | number(part).filter(|part| *part <= 255)?;
    }
    parts.next().is_none().then_some(value)
}

/// A number as nft reads it: decimal, `0x`, or octal behind `0`.
pub(super) fn number(text: &str) -> Option<u128> {
    // The usual numbers, without those that begin as another base does.
    if matches!(text.as_bytes(), [b'1'..=b'9', ..] | [b'0']) && text.len() < 10 {
        return text.parse::<u32>().ok().map(u128::from);
    }
    let digits = |radix, text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|b| char::from(b).is_digit(radix));
        plain.then(|| u128::from_str_radix(text, radix).ok()).flatten()
    };
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return digits(16, hex);
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => digits(8, octal),
        _ => digits(10, text),
    }
}

fn find(names: Names, text: &str) -> Option<u32> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

fn names(ty: Type) -> Names {
    match ty {
        Type::IcmpType => ICMP_TYPES,
        Type::IcmpCode => ICMP_CODES,
        Type::Icmpv6Type => ICMPV6_TYPES,
        Type::Icmpv6Code => ICMPV6_CODES,
        Type::TcpFlags => TCP_FLAGS,
        Type::Dscp => DSCP,
        Type::Ecn => ECN,
        Type::CtState => CT_STATES,
        Type::CtStatus => CT_STATUS,
        Type::CtDirection => CT_DIRECTIONS,
        Type::EtherType => ETHER_TYPES,
        Type::NfProto => NF_PROTOCOLS,
        Type::PacketType => PACKET_TYPES,
        Type::DccpType => DCCP_TYPES,
        Type::MhType => MH_TYPES,
        Type::IgmpType => IGMP_TYPES,
        Type::ArpOperation => ARP_OPERATIONS,
        Type::Integer
        | Type::Ipv4
        | Type::Ipv6
        | Type::Ethernet
        | Type::Protocol
        | Type::Service
        | Type::Mark
        | Type::Interface
        | Type::Group
        | Type::Boolean
        | Type::Date
        | Type::Hour
        | Type::Name
        | Type::CtLabel
        | Type::Host => &[],
        Type::Weekday => WEEKDAYS,
        Type::Device => DEVICES,
        Type::FibType => FIB_TYPES,
        Type::CtEvent => CT_EVENTS,
    }
}

// RFC 792, 950, 1256; spec of names in nft(8).
#[rustfmt::skip]
static ICMP_TYPES: Names = &[
    ("echo-reply", 0), ("destination-unreachable", 3), ("source-quench", 4), ("redirect", 5),
    ("echo-request", 8), ("router-advertisement", 9), ("router-solicitation", 10), ("time-exceeded", 11),
    ("parameter-problem", 12), ("timestamp-request", 13), ("timestamp-reply", 14), ("info-request", 15),
    ("info-reply", 16), ("address-mask-request", 17), ("address-mask-reply", 18),
];

#[rustfmt::skip]
static ICMP_CODES: Names = &[
    ("net-unreachable", 0), ("host-unreachable", 1), ("prot-unreachable", 2), ("port-unreachable", 3),
    ("frag-needed", 4), ("net-prohibited", 9), ("host-prohibited", 10), ("admin-prohibited", 13),
];

// RFC 4443, 4861, 2710, 3810, 3122, 2894.
#[rustfmt::skip]
static ICMPV6_TYPES: Names = &[
    ("destination-unreachable", 1), ("packet-too-big", 2), ("time-exceeded", 3), ("parameter-problem", 4),
    ("echo-request", 128), ("echo-reply", 129), ("mld-listener-query", 130), ("mld-listener-report", 131),
    ("mld-listener-done", 132), ("mld-listener-reduction", 132), ("nd-router-solicit", 133),
    ("nd-router-advert", 134), ("nd-neighbor-solicit", 135), ("nd-neighbor-advert", 136),
    ("nd-redirect", 137), ("router-renumbering", 138), ("ind-neighbor-solicit", 141),
    ("ind-neighbor-advert", 142), ("mld2-listener-report", 143),
];

#[rustfmt::skip]
static ICMPV6_CODES: Names = &[
    ("no-route", 0), ("admin-prohibited", 1), ("addr-unreachable", 3), ("port-unreachable", 4),
    ("policy-fail", 5), ("reject-route", 6),
];

/// What `icmpx` calls its codes; the kernel sends the nearest of each family.
#[rustfmt::skip]
pub(super) static ICMPX_CODES: Names = &[
    ("no-route", 0), ("port-unreachable", 1), ("host-unreachable", 2), ("admin-prohibited", 3),
];

#[rustfmt::skip]
static TCP_FLAGS: Names = &[
    ("fin", 0x01), ("syn", 0x02), ("rst", 0x04), ("psh", 0x08), ("ack", 0x10), ("urg", 0x20), ("ecn", 0x40),
    ("cwr", 0x80),
];

#[rustfmt::skip]
static DSCP: Names = &[
    ("cs0", 0), ("cs1", 8), ("cs2", 16), ("cs3", 24), ("cs4", 32), ("cs5", 40), ("cs6", 48), ("cs7", 56),
    ("df", 0), ("be", 0), ("lephb", 1), ("af11", 10), ("af12", 12), ("af13", 14), ("af21", 18), ("af22", 20),
    ("af23", 22), ("af31", 26), ("af32", 28), ("af33", 30), ("af41", 34), ("af42", 36), ("af43", 38),
    ("va", 44), ("ef", 46),
];

static ECN: Names = &[("not-ect", 0), ("ect1", 1), ("ect0", 2), ("ce", 3)];

/// The bits of `ct state`.
static CT_STATES: Names =
    &[("invalid", 1), ("established", 2), ("related", 4), ("new", 8), ("untracked", 64)];

#[rustfmt::skip]
static CT_STATUS: Names = &[
    ("expected", 1), ("seen-reply", 2), ("assured", 4), ("confirmed", 8), ("snat", 16), ("dnat", 32),
    ("dying", 512),
];

static CT_DIRECTIONS: Names = &[("original", 0), ("reply", 1)];

static ETHER_TYPES: Names = &[
    ("ip", 0x0800),
    ("arp", 0x0806),
    ("ip6", 0x86dd),
    ("8021q", 0x8100),
    ("vlan", 0x8100),
    ("8021ad", 0x88a8),
];

static NF_PROTOCOLS: Names = &[("ipv4", 2), ("ipv6", 10)];

static PACKET_TYPES: Names = &[("host", 0), ("unicast", 0), ("broadcast", 1), ("multicast", 2), ("other", 3)];

#[rustfmt::skip]
static DCCP_TYPES: Names = &[
    ("request", 0), ("response", 1), ("data", 2), ("ack", 3), ("dataack", 4), ("closereq", 5), ("close", 6),
    ("reset", 7), ("sync", 8), ("syncack", 9),
];

#[rustfmt::skip]
static MH_TYPES: Names = &[
    ("binding-refresh-request", 0), ("home-test-init", 1), ("careof-test-init", 2), ("home-test", 3),
    ("careof-test", 4), ("binding-update", 5), ("binding-acknowledgement", 6), ("binding-error", 7),
    ("fast-binding-update", 8), ("fast-binding-acknowledgement", 9), ("fast-binding-advertisement", 10),
    ("experimental-mobility-header", 11), ("home-agent-switch-message", 12),
];

#[rustfmt::skip]
static IGMP_TYPES: Names = &[
    ("membership-query", 0x11), ("membership-report-v1", 0x12), ("membership-report-v2", 0x16),
    ("leave-group", 0x17), ("membership-report-v3", 0x22),
];

#[rustfmt::skip]
static ARP_OPERATIONS: Names = &[
    ("request", 1), ("reply", 2), ("rrequest", 3), ("rreply", 4), ("inrequest", 8), ("inreply", 9), ("nak", 10),
];

/// Words of the language, which are no names of tables, chains and sets (`scanner.l` of nft 1.0.6, and of 1.0.9 too).
#[rustfmt::skip]
static WORDS: &[&str] = &[
    "accept", "add", "ah", "all", "and", "arp", "auto-merge", "bridge", "cgroup", "chain", "comment", "comp",
    "constant", "continue", "counter", "cpu", "create", "ct", "day", "dccp", "define", "delete", "describe",
    "device", "devices", "dnat", "drop", "dst", "dup", "dynamic", "ecn", "element", "elements", "eq", "esp",
    "ether", "exists", "expires", "export", "exthdr", "fib", "flags", "flow", "flowtable", "flush", "frag",
    "fwd", "gc-interval", "ge", "get", "goto", "gt", "handle", "hbh", "hook", "hour", "ibriport", "ibrname",
    "icmp", "icmpv6", "igmp", "iif", "iifgroup", "iifname", "iiftype", "import", "include", "index", "inet",
    "insert", "interval", "ip", "ip6", "ipsec", "jhash", "jump", "le", "limit", "list", "log", "lshift", "lt",
    "map", "mark", "masquerade", "meta", "meter", "mh", "missing", "monitor", "ne", "netdev", "nftrace", "not",
    "notrack", "numgen", "obriport", "obrname", "offload", "oif", "oifgroup", "oifname", "oiftype", "or", "osf",
    "pkttype", "policy", "position", "priority", "queue", "quota", "random", "redefine", "redirect", "reject",
    "rename", "replace", "reset", "return", "rshift", "rt", "rt0", "rt2", "rtclassid", "rule", "ruleset",
    "sctp", "secmark", "set", "size", "skgid", "skuid", "snat", "socket", "srh", "symhash", "synproxy", "table",
    "tcp", "th", "time", "timeout", "tproxy", "type", "typeof", "udp", "udplite", "undefine", "update", "vlan",
    "vmap", "xor", "xt",
];

/// Those of them that are values too.
#[rustfmt::skip]
static VALUES: &[&str] = &[
    "ah", "arp", "comp", "dccp", "dnat", "ecn", "esp", "ether", "exists", "icmp", "icmpv6", "igmp", "ip", "ip6",
    "missing", "redirect", "reset", "sctp", "snat", "tcp", "udp", "udplite", "vlan",
];

/// Whether a word is one of the language.
pub(super) fn is_word(word: &str) -> bool {
    begins_as_word(word) && WORDS.binary_search(&word).is_ok()
}

/// Whether a word is one of the language, and no value.
pub(super) fn is_reserved(word: &str) -> bool {
    // The values are few, and most words that are asked for are among them.
    begins_as_word(word) && VALUES.binary_search(&word).is_err() && is_word(word)
}

// Numbers and addresses begin with a digit.
#[inline]
fn begins_as_word(word: &str) -> bool {
    word.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
}

/// A protocol that stands without quotes, which is its number wherever a value is expected.
pub(super) fn is_bare_protocol(word: Word<'_>) -> bool {
    const PROTOCOLS: &[&str] = &[
        "tcp", "udp", "udplite", "esp", "ah", "icmp", "igmp", "icmpv6", "gre", "comp", "dccp", "sctp",
        "redirect",
    ];
    let is_quoted = (word.span.end - word.span.start) as usize != word.text.len();
    !is_quoted && PROTOCOLS.contains(&word.text)
}

/// A time as `1d2h3m4s5ms`, each part at most once and in that order.
pub(super) fn is_duration(text: &str) -> bool {
    let mut rest = text;
    for unit in ["d", "h", "m", "s", "ms"] {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let tail = rest.get(digits..).unwrap_or("");
        let Some(after) = tail.strip_prefix(unit) else { continue };
        // `5ms` is no five minutes.
        if digits > 0 && !(unit == "m" && after.starts_with('s')) {
            rest = after;
        }
    }
    rest.is_empty() && !text.is_empty()
}

/// Whether a word has the form of a value that only the host knows.
pub(super) fn has_form(ty: Type, text: &str) -> bool {
    let up_to = |most| number(text).is_some_and(|value| value <= most);
    match ty {
        Type::Date => text.bytes().all(|b| b.is_ascii_digit()) || is_date(text),
        Type::Hour => text.bytes().all(|b| b.is_ascii_digit()) || is_hour(text) || is_duration(text),
        Type::Weekday => up_to(6) || find(WEEKDAYS, text).is_some(),
        Type::Device => up_to(0xffff) || find(DEVICES, text).is_some(),
        Type::FibType => number(text).is_some() || find(FIB_TYPES, text).is_some(),
        Type::CtEvent => number(text).is_some() || find(CT_EVENTS, text).is_some(),
        // `IFNAMSIZ` with the octet that ends it.
        Type::Name | Type::Interface => !text.is_empty() && text.len() <= 15,
        // Words that name a protocol wherever they stand have its type.
        _ => {
            !text.is_empty()
                && !matches!(text, "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmpv6")
        }
    }
}

// `2024-12-31`, with `23:59` or `23:59:59` behind it. nft reads no further than it must.
fn is_date(text: &str) -> bool {
    let (day, hour) = text.split_once(' ').unwrap_or((text, "00:00"));
    let mut parts = day.split('-').map(|part| part.parse::<u32>().ok());
    let day = |month: Option<u32>, day: Option<u32>| {
        month.is_some_and(|m| (1..=12).contains(&m)) && day.is_some_and(|d| (1..=31).contains(&d))
    };
    parts.next().flatten().is_some() && day(parts.next().flatten(), parts.next().flatten()) && is_hour(hour)
}

// `23:59`, `23:59:59`
fn is_hour(text: &str) -> bool {
    let parts: Vec<Option<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
    let below = |part: &Option<u32>, most| part.is_some_and(|n| n < most);
    match parts.as_slice() {
        [hour, minute] => below(hour, 24) && below(minute, 60),
        [hour, minute, second] => below(hour, 24) && below(minute, 60) && below(second, 61),
        _ => false,
    }
}

#[rustfmt::skip]
static WEEKDAYS: Names = &[
    ("Sunday", 0), ("Monday", 1), ("Tuesday", 2), ("Wednesday", 3), ("Thursday", 4), ("Friday", 5), ("Saturday", 6),
];

#[rustfmt::skip]
static DEVICES: Names = &[
    ("ether", 1), ("ppp", 512), ("ipip", 768), ("ipip6", 769), ("loopback", 772), ("sit", 776), ("ipgre", 778),
];

#[rustfmt::skip]
static FIB_TYPES: Names = &[
    ("unspec", 0), ("unicast", 1), ("local", 2), ("broadcast", 3), ("anycast", 4), ("multicast", 5),
    ("blackhole", 6), ("unreachable", 7), ("prohibit", 8),
];

#[rustfmt::skip]
static CT_EVENTS: Names = &[
    ("new", 1), ("related", 2), ("destroy", 4), ("reply", 8), ("assured", 16), ("protoinfo", 32), ("helper", 64),
    ("mark", 128), ("seqadj", 256), ("secmark", 512), ("label", 1024),
];

/// A hook's priority by its name in a family (bridge counts its own), as nft(8) lists them.
pub(super) fn priority(name: &str, bridge: bool) -> Option<i32> {
    Some(match (name, bridge) {
        ("raw", false) | ("dstnat", true) => -300,
        ("mangle", false) => -150,
        ("dstnat", false) => -100,
        ("filter", false) => 0,
        ("security", false) => 50,
        ("srcnat", false) | ("out", true) => 100,
        ("filter", true) => -200,
        ("srcnat", true) => 300,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_language_are_sorted() {
        assert!([WORDS, VALUES].iter().all(|list| list.windows(2).all(|pair| pair[0] < pair[1])));
        assert!(is_reserved("accept") && !is_reserved("tcp"));
    }

    #[test]
    fn durations_have_their_parts_in_order() {
        for text in ["5s", "1d2h3m4s5ms", "90m", "10ms"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "5", "s", "5s1d", "5x", "5s5s"] {
            assert!(!is_duration(text), "{text}");
        }
    }

    #[test]
    fn values_are_read_by_type() {
        assert_eq!(value(Type::Service, "ssh"), Some(22));
        assert_eq!(value(Type::Icmpv6Type, "echo-request"), Some(128));
        assert_eq!(value(Type::IcmpType, "echo-request"), Some(8));
        assert_eq!(value(Type::Protocol, "icmpv6"), Some(58));
        assert_eq!(value(Type::Ipv4, "192.0.2.1"), Some(0xc000_0201));
        assert_eq!(value(Type::Ipv4, "010.0.0.01"), Some(0x0800_0001));
        assert_eq!((value(Type::Ipv4, "10.0.0.08"), value(Type::Ipv4, "0010.0.0.1")), (None, None));
        assert_eq!((value(Type::Service, "010"), value(Type::Service, "080")), (Some(8), Some(80)));
        assert_eq!(value(Type::Ethernet, "0:1:2:3:4:ff"), Some(0x0001_0203_04ff));
        assert_eq!(
            (number("0x10"), number("010"), number("08"), number("")),
            (Some(16), Some(8), None, None)
        );
    }
}
