//! The support ledger.

use crate::dialect::{Keyword, Support};

const fn row(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

use Support::{Full, Opaque};

/// A state for every keyword, sorted.
#[rustfmt::skip]
pub(super) static LEDGER: &[Keyword] = &[
    row("assembly", "##!+", Full, "flags i, s, m and x"),
    row("assembly", "##!> ##!< ##!=> ##!^ ##!$ {{name}}", Opaque, "what the tool makes of lines is not done: those of such a file are not read"),
    row("line", "pattern", Full, "as PCRE2 reads it; what is not modelled has no answer"),
];
