//! Regular expressions: the matcher against another one, the answers against what was measured on real engines, and the
//! patterns of real rule sets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "regex/corpora.rs"]
mod corpora;
#[path = "support/dice.rs"]
mod dice;
#[path = "regex/matcher.rs"]
mod matcher;
#[path = "regex/pcre2.rs"]
mod pcre2;
#[path = "support/programs.rs"]
mod programs;
#[path = "regex/vectors.rs"]
mod vectors;
