//! The support ledger, and what each keyword is.

use crate::dialect::flowspec::ComponentType;
use crate::dialect::{Keyword, Support};

/// The component of an item's keyword, which is two words for some.
pub(super) fn component(word: &str, second: &str) -> Option<ComponentType> {
    use ComponentType as C;
    Some(match (word, second) {
        ("dst", _) => C::DestinationPrefix,
        ("src", _) => C::SourcePrefix,
        ("proto", _) | ("next", "header") => C::Protocol,
        ("port", _) => C::Port,
        ("dport", _) => C::DestinationPort,
        ("sport", _) => C::SourcePort,
        ("icmp", "type") => C::IcmpType,
        ("icmp", "code") => C::IcmpCode,
        ("tcp", "flags") => C::TcpFlags,
        ("length", _) => C::PacketLength,
        ("dscp", _) => C::Dscp,
        ("fragment", _) => C::Fragment,
        ("label", _) => C::FlowLabel,
        _ => return None,
    })
}

/// The keyword of a component.
pub(super) fn keyword(kind: ComponentType, six: bool) -> &'static str {
    use ComponentType as C;
    match kind {
        C::DestinationPrefix => "dst",
        C::SourcePrefix => "src",
        C::Protocol if six => "next header",
        C::Protocol => "proto",
        C::Port => "port",
        C::DestinationPort => "dport",
        C::SourcePort => "sport",
        C::IcmpType => "icmp type",
        C::IcmpCode => "icmp code",
        C::TcpFlags => "tcp flags",
        C::PacketLength => "length",
        C::Dscp => "dscp",
        C::Fragment => "fragment",
        C::FlowLabel => "label",
    }
}

/// The largest value BIRD takes in the text of a component.
pub(super) fn largest(kind: ComponentType) -> u64 {
    use ComponentType as C;
    match kind {
        C::Protocol | C::IcmpType | C::IcmpCode => 0xff,
        C::Dscp => 63,
        C::TcpFlags => 0xfff,
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

/// Names of fragment states with their bits.
pub(super) static FRAGMENTS: [(&str, u32); 4] =
    [("dont_fragment", 1), ("is_fragment", 2), ("first_fragment", 4), ("last_fragment", 8)];

/// The bit of a fragment state.
pub(super) fn fragment(word: &str) -> Option<u32> {
    FRAGMENTS.iter().find(|(name, _)| *name == word).map(|(_, bit)| *bit)
}

/// Whether a word begins a statement that leaves the actions alone.
pub(super) fn is_attribute(word: &str) -> bool {
    LEDGER.iter().any(|keyword| {
        keyword.context == "attributes"
            && keyword.support == Support::Ignored
            && keyword.word.strip_suffix('*').map_or(keyword.word == word, |begin| word.starts_with(begin))
    })
}

const fn entry(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

/// Every keyword that has to do with flow routes, sorted by context and word.
pub(super) static LEDGER: &[Keyword] = &[
    entry("attributes", "bgp_*", Support::Ignored, "other attributes than extended communities"),
    entry(
        "attributes",
        "bgp_ext_community",
        Support::Partial,
        "`.add`, `.empty`, `= add(..)` and `= --empty--`; what else is done to it leaves the actions unknown",
    ),
    entry(
        "attributes",
        "case",
        Support::Ignored,
        "unless it names extended communities, `accept` or `reject`",
    ),
    entry("attributes", "dest", Support::Ignored, ""),
    entry("attributes", "for", Support::Ignored, "as `case`"),
    entry("attributes", "gw", Support::Ignored, ""),
    entry("attributes", "if", Support::Ignored, "as `case`"),
    entry("attributes", "igp_metric", Support::Ignored, ""),
    entry("attributes", "krt_*", Support::Ignored, ""),
    entry("attributes", "preference", Support::Ignored, ""),
    entry("attributes", "print", Support::Ignored, ""),
    entry("attributes", "printn", Support::Ignored, ""),
    entry("attributes", "scope", Support::Ignored, ""),
    entry("community", "generic", Support::Full, ""),
    entry("community", "ro", Support::Full, "kept: it asks nothing of flow rules"),
    entry("community", "rt", Support::Full, "kept: it asks nothing of flow rules"),
    entry(
        "community",
        "unknown",
        Support::Full,
        "BIRD 2.0.12 sends a key beyond 65535 as a four-octet AS, takes the last 16 bits of the type, and `0xffff` for `generic`",
    ),
    entry(
        "configuration",
        "define",
        Support::Partial,
        "numbers with + - * /, addresses, prefixes, communities",
    ),
    entry("configuration", "disabled", Support::Full, "routes of a disabled protocol are told and not read"),
    entry("configuration", "flow4", Support::Full, "tables and channels"),
    entry("configuration", "flow6", Support::Full, "tables and channels"),
    entry("configuration", "from", Support::Full, "a protocol takes the routes of its template"),
    entry("configuration", "include", Support::Full, "the files are read where the configuration is a file"),
    entry("configuration", "protocol static", Support::Full, ""),
    entry("configuration", "route flow4", Support::Full, ""),
    entry("configuration", "route flow6", Support::Full, ""),
    entry("configuration", "template static", Support::Full, ""),
    entry("item", "dport", Support::Full, ""),
    entry("item", "dscp", Support::Full, ""),
    entry("item", "dst", Support::Full, ""),
    entry("item", "fragment", Support::Full, "commas join by AND"),
    entry("item", "icmp code", Support::Full, ""),
    entry("item", "icmp type", Support::Full, ""),
    entry("item", "label", Support::Full, "flow6 only"),
    entry("item", "length", Support::Full, ""),
    entry("item", "next header", Support::Full, "the same as `proto`, in both families"),
    entry("item", "offset", Support::Full, "flow6 only; BIRD 2.0.12 sends the bits unshifted"),
    entry("item", "port", Support::Full, ""),
    entry("item", "proto", Support::Full, ""),
    entry("item", "sport", Support::Full, ""),
    entry("item", "src", Support::Full, ""),
    entry(
        "item",
        "tcp flags",
        Support::Full,
        "`value/mask`; commas join by AND; a mask of 0 is dropped by BIRD",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_sorted_and_names_every_component() {
        assert!(LEDGER.is_sorted_by_key(|k| (k.context, k.word)));
        for number in 1..=13 {
            let kind = ComponentType::from_number(number).unwrap();
            for six in [false, true] {
                let word = keyword(kind, six);
                assert!(LEDGER.iter().any(|k| k.context == "item" && k.word == word), "{word}");
                let (first, second) = word.split_once(' ').unwrap_or((word, ""));
                assert_eq!(component(first, second), Some(kind));
            }
        }
        assert!(is_attribute("bgp_path") && is_attribute("krt_metric") && is_attribute("preference"));
        assert!(!is_attribute("bgp_ext_community".trim_start_matches("bgp_")) && !is_attribute("frobnicate"));
    }
}
