//! The support ledger.

use crate::dialect::{Keyword, Support};

const fn row(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

use Support::{Full, Ignored, Partial};

/// A state for every keyword, sorted.
#[rustfmt::skip]
pub(super) static LEDGER: &[Keyword] = &[
    row("header", "action, protocol, addresses, ports", Ignored, "not lowered: nothing is said of which packets a rule takes"),
    row("option", "content and all others", Ignored, "not lowered: nothing is said of what they match, or of what they cost"),
    row("option", "pcre", Partial, "as PCRE2 reads it; what is not modelled has no answer"),
    row("option", "pcrexform", Partial, "the same"),
    row("option", "sid", Full, "the name of the rule"),
    row("pcre", "A E G i m s x", Full, ""),
    row("pcre", "B C D H I K M O P Q R S U V W Y", Ignored, "where the pattern is sought"),
];
