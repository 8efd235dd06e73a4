//! The support ledger, and what each keyword is.

use super::syntax::Block;
use crate::dialect::flowspec::ComponentType;
use crate::dialect::{Keyword, Support};

/// What a keyword of a flow route asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// A prefix component.
    Prefix(ComponentType),
    /// A component with operands.
    Operands(ComponentType),
    Accept,
    Discard,
    RateLimit,
    Redirect,
    RedirectToNexthop,
    RedirectToNexthopIetf,
    Copy,
    CopyToNexthop,
    Mark,
    Action,
    ExtendedCommunity,
    Attribute,
    InterfaceSet,
    Distinguisher,
    NextHop,
    /// Without effect on what matches and what becomes of it.
    Ignored,
}

/// How many values a keyword takes where no braces and semicolons say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arity {
    /// None.
    None,
    /// One word, or one list between brackets.
    One,
    /// A number and perhaps a unit.
    Rate,
}

impl Meaning {
    /// How many values the keyword takes.
    pub(super) fn arity(self) -> Arity {
        match self {
            Self::Accept | Self::Discard | Self::RedirectToNexthop | Self::CopyToNexthop => Arity::None,
            Self::RateLimit => Arity::Rate,
            _ => Arity::One,
        }
    }
}

/// The meaning of a keyword in a block; none when it is not one of its keywords.
pub(super) fn meaning(block: Block, word: &str) -> Option<Meaning> {
    match block {
        Block::Route => route_word(word),
        Block::Match => match_word(word),
        Block::Scope => (word == "interface-set").then_some(Meaning::InterfaceSet),
        Block::Then => then_word(word),
    }
}

/// The block a keyword belongs to where no braces say it.
pub(super) fn block_of(word: &str) -> Option<Block> {
    [Block::Match, Block::Then, Block::Scope, Block::Route]
        .into_iter()
        .find(|block| meaning(*block, word).is_some())
}

fn match_word(word: &str) -> Option<Meaning> {
    use ComponentType as C;
    Some(match word {
        "source" | "source-ipv4" | "source-ipv6" => Meaning::Prefix(C::SourcePrefix),
        "destination" | "destination-ipv4" | "destination-ipv6" => Meaning::Prefix(C::DestinationPrefix),
        "protocol" | "next-header" => Meaning::Operands(C::Protocol),
        "port" => Meaning::Operands(C::Port),
        "destination-port" => Meaning::Operands(C::DestinationPort),
        "source-port" => Meaning::Operands(C::SourcePort),
        "icmp-type" => Meaning::Operands(C::IcmpType),
        "icmp-code" => Meaning::Operands(C::IcmpCode),
        "tcp-flags" => Meaning::Operands(C::TcpFlags),
        "packet-length" => Meaning::Operands(C::PacketLength),
        "dscp" | "traffic-class" => Meaning::Operands(C::Dscp),
        "fragment" => Meaning::Operands(C::Fragment),
        "flow-label" => Meaning::Operands(C::FlowLabel),
        _ => return None,
    })
}

fn then_word(word: &str) -> Option<Meaning> {
    Some(match word {
        "accept" => Meaning::Accept,
        "discard" => Meaning::Discard,
        "rate-limit" => Meaning::RateLimit,
        "redirect" => Meaning::Redirect,
        "redirect-to-nexthop" => Meaning::RedirectToNexthop,
        "redirect-to-nexthop-ietf" => Meaning::RedirectToNexthopIetf,
        "copy" => Meaning::Copy,
        "copy-to-nexthop" => Meaning::CopyToNexthop,
        "mark" => Meaning::Mark,
        "action" => Meaning::Action,
        "extended-community" => Meaning::ExtendedCommunity,
        "attribute" => Meaning::Attribute,
        "community" | "large-community" => Meaning::Ignored,
        _ => return None,
    })
}

fn route_word(word: &str) -> Option<Meaning> {
    Some(match word {
        "rd" | "route-distinguisher" => Meaning::Distinguisher,
        "next-hop" => Meaning::NextHop,
        "aggregator" | "as-path" | "cluster-list" | "label" | "local-preference" | "med" | "name"
        | "origin" | "originator-id" | "path-information" | "split" | "watchdog" => Meaning::Ignored,
        _ => return None,
    })
}

const fn entry(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

/// Every keyword of a flow route, sorted by context and word.
pub(super) static LEDGER: &[Keyword] = &[
    entry("match", "destination", Support::Full, ""),
    entry("match", "destination-ipv4", Support::Full, ""),
    entry("match", "destination-ipv6", Support::Full, ""),
    entry("match", "destination-port", Support::Full, ""),
    entry("match", "dscp", Support::Full, ""),
    entry("match", "flow-label", Support::Full, "malformed in an IPv4 rule, which ExaBGP sends all the same"),
    entry("match", "fragment", Support::Full, "`not-a-fragment` is read as 4.2 sends it: it never matches"),
    entry("match", "icmp-code", Support::Full, ""),
    entry("match", "icmp-type", Support::Full, ""),
    entry("match", "next-header", Support::Full, ""),
    entry("match", "packet-length", Support::Full, ""),
    entry("match", "port", Support::Full, ""),
    entry("match", "protocol", Support::Full, ""),
    entry("match", "source", Support::Full, ""),
    entry("match", "source-ipv4", Support::Full, ""),
    entry("match", "source-ipv6", Support::Full, ""),
    entry("match", "source-port", Support::Full, ""),
    entry("match", "tcp-flags", Support::Full, ""),
    entry("match", "traffic-class", Support::Full, "the same component as `dscp`: six bits"),
    entry("route", "aggregator", Support::Ignored, ""),
    entry("route", "as-path", Support::Ignored, ""),
    entry("route", "cluster-list", Support::Ignored, ""),
    entry("route", "label", Support::Ignored, ""),
    entry("route", "local-preference", Support::Ignored, ""),
    entry("route", "med", Support::Ignored, ""),
    entry("route", "name", Support::Ignored, ""),
    entry("route", "next-hop", Support::Full, "the target of `redirect-to-nexthop` and `copy-to-nexthop`"),
    entry("route", "origin", Support::Ignored, ""),
    entry("route", "originator-id", Support::Ignored, ""),
    entry("route", "path-information", Support::Ignored, ""),
    entry("route", "rd", Support::Full, ""),
    entry("route", "route-distinguisher", Support::Full, ""),
    entry("route", "split", Support::Ignored, ""),
    entry("route", "watchdog", Support::Ignored, ""),
    entry(
        "scope",
        "interface-set",
        Support::Full,
        "a test of the groups of the incoming or outgoing interface",
    ),
    entry("then", "accept", Support::Full, ""),
    entry("then", "action", Support::Full, "`terminal` sets the bit that means: go on with later rules"),
    entry("then", "attribute", Support::Partial, "codes 0x10 and 0x19 (extended communities) only"),
    entry("then", "community", Support::Ignored, ""),
    entry("then", "copy", Support::Full, ""),
    entry("then", "copy-to-nexthop", Support::Full, ""),
    entry("then", "discard", Support::Full, ""),
    entry(
        "then",
        "extended-community",
        Support::Full,
        "communities without meaning for flow rules are kept by their words",
    ),
    entry("then", "large-community", Support::Ignored, ""),
    entry("then", "mark", Support::Full, ""),
    entry("then", "rate-limit", Support::Full, "`packets` is read as 5.0 sends it; 4.2 drops the word"),
    entry("then", "redirect", Support::Full, ""),
    entry("then", "redirect-to-nexthop", Support::Full, ""),
    entry("then", "redirect-to-nexthop-ietf", Support::Full, ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_sorted_and_names_what_the_reader_knows() {
        assert!(LEDGER.is_sorted_by_key(|k| (k.context, k.word)));
        for keyword in LEDGER {
            let block = [Block::Route, Block::Match, Block::Scope, Block::Then]
                .into_iter()
                .find(|b| b.name() == keyword.context)
                .unwrap();
            let meaning = meaning(block, keyword.word).expect(keyword.word);
            assert_eq!(meaning == Meaning::Ignored, keyword.support == Support::Ignored, "{}", keyword.word);
        }
    }
}
