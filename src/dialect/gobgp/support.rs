//! The support ledger, and what each key is.

use crate::dialect::flowspec::ComponentType;
use crate::dialect::{Keyword, Support};

/// The component of a key.
pub(super) fn component(word: &str) -> Option<ComponentType> {
    use ComponentType as C;
    Some(match word {
        "destination" => C::DestinationPrefix,
        "source" => C::SourcePrefix,
        "protocol" => C::Protocol,
        "port" => C::Port,
        "destination-port" => C::DestinationPort,
        "source-port" => C::SourcePort,
        "icmp-type" => C::IcmpType,
        "icmp-code" => C::IcmpCode,
        "tcp-flags" => C::TcpFlags,
        "packet-length" => C::PacketLength,
        "dscp" => C::Dscp,
        "fragment" => C::Fragment,
        "label" => C::FlowLabel,
        _ => return None,
    })
}

/// The key of a component.
pub(super) fn keyword(kind: ComponentType) -> &'static str {
    use ComponentType as C;
    match kind {
        C::DestinationPrefix => "destination",
        C::SourcePrefix => "source",
        C::Protocol => "protocol",
        C::Port => "port",
        C::DestinationPort => "destination-port",
        C::SourcePort => "source-port",
        C::IcmpType => "icmp-type",
        C::IcmpCode => "icmp-code",
        C::TcpFlags => "tcp-flags",
        C::PacketLength => "packet-length",
        C::Dscp => "dscp",
        C::Fragment => "fragment",
        C::FlowLabel => "label",
    }
}

/// The largest value GoBGP takes in the text of a component.
pub(super) fn largest(kind: ComponentType) -> u64 {
    use ComponentType as C;
    match kind {
        C::Protocol | C::IcmpType | C::IcmpCode | C::TcpFlags => 0xff,
        C::Dscp => 63,
        C::FlowLabel => 0xf_ffff,
        C::Fragment => 0x0f,
        C::DestinationPrefix
        | C::SourcePrefix
        | C::Port
        | C::DestinationPort
        | C::SourcePort
        | C::PacketLength => 0xffff,
    }
}

/// Keys of L2VPN flow routes.
pub(super) static LAYER2: [&str; 11] = [
    "cos",
    "destination-mac",
    "ether-type",
    "inner-cos",
    "inner-vid",
    "llc-control",
    "llc-dsap",
    "llc-ssap",
    "snap",
    "source-mac",
    "vid",
];

static PROTOCOLS: [(&str, u8); 13] = [
    ("egp", 8),
    ("gre", 47),
    ("icmp", 1),
    ("igmp", 2),
    ("igp", 9),
    ("ipip", 94),
    ("ospf", 89),
    ("pim", 103),
    ("rsvp", 46),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
    ("unknown", 0),
];

/// The number of a protocol.
pub(super) fn protocol(name: &str) -> Option<u8> {
    PROTOCOLS.iter().find(|(word, _)| *word == name).map(|(_, number)| *number)
}

/// The name of a protocol; 0 is a number.
pub(super) fn protocol_name(number: u64) -> Option<&'static str> {
    PROTOCOLS.iter().find(|(_, known)| *known != 0 && u64::from(*known) == number).map(|(word, _)| *word)
}

/// A word with every name of a protocol in it made its number, as GoBGP does before it looks for one.
pub(super) fn protocols_replaced(word: &str) -> String {
    let mut out = word.to_owned();
    for (name, number) in PROTOCOLS {
        if out.contains(name) {
            out = out.replace(name, &number.to_string());
        }
    }
    out
}

/// Letters of TCP flags from the lowest bit on.
pub(super) const FLAGS: [char; 8] = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];

/// The bit of a TCP flag.
pub(super) fn flag(letter: char) -> Option<u64> {
    FLAGS.iter().position(|known| *known == letter).map(|bit| 1 << bit)
}

/// Names of fragment states with their bits.
pub(super) static FRAGMENTS: [(&str, u64); 5] = [
    ("dont-fragment", 1),
    ("is-fragment", 2),
    ("first-fragment", 4),
    ("last-fragment", 8),
    ("not-a-fragment", 0),
];

/// The bit of a fragment state; `not-a-fragment` is none.
pub(super) fn fragment(word: &str) -> Option<u64> {
    FRAGMENTS.iter().find(|(name, _)| *name == word).map(|(_, bit)| *bit)
}

/// Attributes of the path: GoBGP takes them out of a command before it looks at what stands around them.
pub(super) static OF_PATH: [&str; 8] =
    ["aigp", "aspath", "community", "large-community", "local-pref", "med", "nexthop", "origin"];

/// Attributes with one value that ask nothing of packets.
pub(super) static ATTRIBUTES: [&str; 12] = [
    "aigp",
    "aspath",
    "color",
    "community",
    "encap",
    "esi-label",
    "large-community",
    "local-pref",
    "med",
    "nexthop",
    "origin",
    "router-mac",
];

const fn entry(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

/// Every keyword, sorted by context and word.
pub(super) static LEDGER: &[Keyword] = &[
    entry("attribute", "aigp", Support::Ignored, ""),
    entry("attribute", "aspath", Support::Ignored, ""),
    entry("attribute", "color", Support::Ignored, ""),
    entry("attribute", "community", Support::Ignored, ""),
    entry("attribute", "encap", Support::Ignored, ""),
    entry("attribute", "esi-label", Support::Ignored, ""),
    entry("attribute", "large-community", Support::Ignored, ""),
    entry("attribute", "local-pref", Support::Ignored, ""),
    entry("attribute", "med", Support::Ignored, ""),
    entry("attribute", "nexthop", Support::Ignored, ""),
    entry("attribute", "origin", Support::Ignored, ""),
    entry("attribute", "router-mac", Support::Ignored, ""),
    entry("command", "add", Support::Full, "the same match again replaces what it asked for"),
    entry("command", "del", Support::Full, "`del all` removes every route of the family"),
    entry("command", "rd", Support::Full, ""),
    entry("family", "ipv4-flowspec", Support::Full, ""),
    entry("family", "ipv4-l3vpn-flowspec", Support::Full, ""),
    entry("family", "ipv6-flowspec", Support::Full, ""),
    entry("family", "ipv6-l3vpn-flowspec", Support::Full, ""),
    entry("family", "l2vpn-flowspec", Support::Unknown, "frames are matched: counted and not read"),
    entry(
        "match",
        "destination",
        Support::Full,
        "an IPv6 offset is sent in a form that routers call malformed",
    ),
    entry("match", "destination-port", Support::Full, ""),
    entry("match", "dscp", Support::Full, ""),
    entry("match", "fragment", Support::Full, "`not-a-fragment` is sent as a mask of 0"),
    entry("match", "icmp-code", Support::Full, ""),
    entry("match", "icmp-type", Support::Full, ""),
    entry("match", "label", Support::Full, "IPv6 only; sent in the fewest octets and not in four"),
    entry("match", "packet-length", Support::Full, ""),
    entry("match", "port", Support::Full, ""),
    entry("match", "protocol", Support::Full, ""),
    entry("match", "source", Support::Full, "as `destination`"),
    entry("match", "source-port", Support::Full, ""),
    entry("match", "tcp-flags", Support::Full, "the eight letters"),
    entry("then", "accept", Support::Full, ""),
    entry("then", "action", Support::Full, "`terminal` sets the bit that means: go on with later rules"),
    entry("then", "discard", Support::Full, ""),
    entry("then", "mark", Support::Full, ""),
    entry("then", "rate-limit", Support::Full, "in octets a second"),
    entry(
        "then",
        "redirect",
        Support::Full,
        "to an IPv6 address it is sent as a community no standard knows",
    ),
    entry("then", "rt", Support::Full, "VPN only; kept: it asks nothing of packets"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_sorted_and_names_what_the_reader_knows() {
        assert!(LEDGER.is_sorted_by_key(|k| (k.context, k.word)));
        for number in 1..=13 {
            let kind = ComponentType::from_number(number).unwrap();
            assert_eq!(component(keyword(kind)), Some(kind));
            assert!(LEDGER.iter().any(|k| k.context == "match" && k.word == keyword(kind)));
        }
        for word in ATTRIBUTES {
            assert!(LEDGER.iter().any(|k| k.context == "attribute" && k.word == word), "{word}");
        }
        assert_eq!(protocols_replaced("icmp6"), "16");
    }
}
