//! The support ledger, and what each word is.

use crate::dialect::flowspec::ComponentType;
use crate::dialect::{Keyword, Support};

/// Components by the names of `detail`, longest first, and by those of the short form and of JSON.
pub(super) static NAMES: [(&str, &str, ComponentType); 13] = {
    use ComponentType as C;
    [
        ("Destination Address", "to", C::DestinationPrefix),
        ("Source Address", "from", C::SourcePrefix),
        ("Packet Flow Label", "flwlbl", C::FlowLabel),
        ("Destination Port", "dstp", C::DestinationPort),
        ("Source Port", "srcp", C::SourcePort),
        ("Packet Fragment", "pktfrag", C::Fragment),
        ("Packet Length", "pktlen", C::PacketLength),
        ("IP Protocol", "proto", C::Protocol),
        ("DSCP field", "dscp", C::Dscp),
        ("TCP Flags", "tcp", C::TcpFlags),
        ("ICMP Type", "type", C::IcmpType),
        ("ICMP Code", "code", C::IcmpCode),
        ("Port", "port", C::Port),
    ]
};

/// The component of a short name.
pub(super) fn short(word: &str) -> Option<ComponentType> {
    NAMES.iter().find(|(_, short, _)| *short == word).map(|(.., kind)| *kind)
}

/// The number of a DSCP by its name.
pub(super) fn dscp(name: &str) -> Option<u32> {
    let digit = |text: &str| text.parse::<u32>().ok();
    Some(match name {
        "ef" => 46,
        "voice-admit" => 44,
        _ if name.starts_with("cs") => digit(name.get(2..)?).filter(|class| *class < 8)? * 8,
        _ if name.starts_with("af") => {
            let (class, drop) = name.get(2..)?.split_at_checked(1)?;
            let (class, drop) = (digit(class)?, digit(drop)?);
            if !(1..=4).contains(&class) || !(1..=3).contains(&drop) {
                return None;
            }
            class * 8 + drop * 2
        }
        _ => return None,
    })
}

const fn entry(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

const JOINS: &str = "several values: what joins them is not shown";

/// Every keyword, sorted by context and word.
pub(super) static LEDGER: &[Keyword] = &[
    entry("action", "FS:action", Support::Opaque, "shows `eval stops` whatever the bits are"),
    entry("action", "FS:marking", Support::Full, ""),
    entry("action", "FS:rate", Support::Full, ""),
    entry("action", "FS:redirect IP", Support::Full, ""),
    entry("action", "FS:redirect VRF", Support::Partial, "a target of twelve characters may have been cut"),
    entry("action", "NH", Support::Full, "a redirect or a copy to an address"),
    entry("action", "UNK", Support::Opaque, "a community of which the type alone is shown"),
    entry("component", "DSCP field", Support::Partial, JOINS),
    entry("component", "Destination Address", Support::Full, ""),
    entry("component", "Destination Port", Support::Partial, JOINS),
    entry("component", "ICMP Code", Support::Partial, JOINS),
    entry("component", "ICMP Type", Support::Partial, JOINS),
    entry("component", "IP Protocol", Support::Partial, JOINS),
    entry("component", "Packet Flow Label", Support::Partial, JOINS),
    entry("component", "Packet Fragment", Support::Full, ""),
    entry("component", "Packet Length", Support::Partial, JOINS),
    entry("component", "Port", Support::Partial, JOINS),
    entry("component", "Source Address", Support::Full, ""),
    entry("component", "Source Port", Support::Partial, JOINS),
    entry("component", "TCP Flags", Support::Full, ""),
    entry("pbr-map match", "dscp", Support::Full, "names and numbers"),
    entry("pbr-map match", "dst-ip", Support::Full, ""),
    entry("pbr-map match", "dst-port", Support::Full, ""),
    entry("pbr-map match", "ecn", Support::Full, ""),
    entry("pbr-map match", "ip-protocol", Support::Full, ""),
    entry("pbr-map match", "mark", Support::Full, "no capture records it"),
    entry("pbr-map match", "pcp", Support::Full, ""),
    entry("pbr-map match", "src-ip", Support::Full, ""),
    entry("pbr-map match", "src-port", Support::Full, ""),
    entry("pbr-map match", "vlan", Support::Full, "a number, `tagged`, `untagged`, `untagged-or-zero`"),
    entry("pbr-map set", "dscp", Support::Full, ""),
    entry("pbr-map set", "nexthop", Support::Full, "`blackhole` discards"),
    entry(
        "pbr-map set",
        "nexthop-group",
        Support::Full,
        "kept by its name: the packet is accepted and sent on",
    ),
    entry("pbr-map set", "queue-id", Support::Ignored, "kept by its words"),
    entry("pbr-map set", "vrf", Support::Full, "`unchanged` leaves the packet to normal routing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_sorted_and_names_every_component() {
        assert!(LEDGER.is_sorted_by_key(|k| (k.context, k.word)));
        for (long, word, kind) in NAMES {
            assert!(LEDGER.iter().any(|k| k.context == "component" && k.word == long), "{long}");
            assert_eq!(short(word), Some(kind));
        }
        assert_eq!(
            (dscp("af11"), dscp("cs7"), dscp("ef"), dscp("af44"), dscp("é")),
            (Some(10), Some(56), Some(46), None, None)
        );
    }
}
