//! How far each word is supported.

use crate::dialect::Keyword;
use crate::dialect::Support::{self, Full, Ignored, Partial};

const fn word(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

/// The ledger, sorted by context and word. Words of components and communities are their numbers.
pub(super) static LEDGER: &[Keyword] = &[
    word("community", "000c", Full, "redirect to an IPv6 address"),
    word("community", "000d", Full, "redirect to a route target with an IPv6 address"),
    word("community", "010c", Full, "redirect to an IPv4 address"),
    word("community", "0702", Partial, "interface set: a test of groups; without a direction it is opaque"),
    word("community", "0800", Partial, "redirect to the next hop, which a line does not say"),
    word("community", "4702", Partial, "interface set, not transitive: as 0702"),
    word("community", "8006", Full, "rate in bytes; the AS beside it is informational"),
    word("community", "8007", Full, "traffic action: T goes on, S samples"),
    word("community", "8008", Full, "redirect to a route target with a two-octet AS"),
    word("community", "8009", Full, "mark the DSCP"),
    word("community", "800c", Full, "rate in packets"),
    word("community", "8108", Full, "redirect to a route target with an IPv4 address"),
    word("community", "8208", Full, "redirect to a route target with a four-octet AS"),
    word("community", "other", Ignored, "kept and written again; never an error (RFC 8955 §7)"),
    word("component", "01", Full, "destination prefix, in IPv6 with offset"),
    word("component", "02", Full, "source prefix, in IPv6 with offset"),
    word("component", "03", Full, "protocol"),
    word("component", "04", Full, "port: source or destination"),
    word("component", "05", Full, "destination port"),
    word("component", "06", Full, "source port"),
    word("component", "07", Full, "ICMP type"),
    word("component", "08", Full, "ICMP code"),
    word("component", "09", Full, "TCP flags"),
    word("component", "0a", Full, "packet length"),
    word("component", "0b", Full, "DSCP"),
    word("component", "0c", Full, "fragment"),
    word("component", "0d", Full, "flow label, IPv6 only"),
    word("family", "ipv4", Full, ""),
    word("family", "ipv6", Full, ""),
    word("family", "vpnv4", Full, "one rule set for each route distinguisher"),
    word("family", "vpnv6", Full, "one rule set for each route distinguisher"),
];
