//! How far each word is supported: what is written can be read, all of it.

use crate::dialect::Keyword;
use crate::dialect::Support::{self, Full, Ignored};

const fn word(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

/// The ledger, sorted by context and word. Members of a condition are also the names of all fields.
pub(super) static LEDGER: &[Keyword] = &[
    word("action", "class", Full, ""),
    word("action", "count", Full, ""),
    word("action", "interface-set", Full, ""),
    word("action", "log", Full, ""),
    word("action", "mark", Full, "`dscp` or `traffic-class`"),
    word("action", "other", Full, "an action kept by its words"),
    word("action", "policer", Full, ""),
    word("action", "rate-limit", Full, "the amount may be `infinity`"),
    word("action", "redirect-instance", Full, ""),
    word("action", "redirect-ip", Full, "without an address, to the next hop of the route"),
    word("action", "redirect-target", Full, "`as2`, `as4`, `ip4` or `ip6`, and a number"),
    word("action", "sample", Full, ""),
    word("condition", "all", Full, ""),
    word("condition", "any", Full, ""),
    word("condition", "not", Full, "true where the field of a test is absent"),
    word("condition", "opaque", Full, "equal words are one unknown"),
    word("document", "flowgate", Full, "`ir`"),
    word("document", "rule_sets", Full, ""),
    word("document", "symbols", Full, "names of interfaces; those used below are added"),
    word("document", "version", Full, "1"),
    word("outcome", "accept", Full, ""),
    word("outcome", "call", Full, "a rule set by name, or by number from 0"),
    word("outcome", "discard", Full, ""),
    word("outcome", "goto", Full, "as call"),
    word("outcome", "next", Full, "with a verdict, that one is held"),
    word("outcome", "no-decision", Full, ""),
    word("outcome", "reject", Full, "`tcp-reset`, or a code of ICMP unreachable"),
    word("outcome", "return", Full, ""),
    word("outcome", "stage", Full, "as call"),
    word("rule", "action_given", Full, "true when not said"),
    word("rule", "do", Full, ""),
    word("rule", "if", Full, "true when not said"),
    word("rule", "name", Full, "its number when not said"),
    word("rule", "nlri", Full, ""),
    word("rule", "origin", Ignored, "where it stood in the source it was printed from"),
    word("rule", "quick", Full, "of last-match; evaluation ends where it matches"),
    word("rule", "then", Full, "must be said"),
    word("rule set", "attached", Full, "places where packets enter it, in the words of a dialect"),
    word("rule set", "default", Full, "must be said"),
    word("rule set", "evaluation", Full, "`last-match` is written as `first-match`"),
    word("rule set", "family", Full, "any when not said"),
    word("rule set", "kind", Full, "filter when not said"),
    word("rule set", "name", Full, "its number when not said"),
    word("rule set", "rules", Full, ""),
    word("values", "bits", Full, ""),
    word("values", "except", Full, "false where the field is absent, as any test"),
    word("values", "narrow", Full, ""),
    word("values", "wide", Full, ""),
];
