//! The laws that fuzzing holds us to: one module each, the law as a sentence at its head.
//!
//! A law is `pub fn run(data: &[u8])` and panics when broken. `fuzz_targets/` feeds it from libFuzzer,
//! `tests/replay.rs` from every file of `corpus/` and `rules/`, on a stable compiler.

pub mod capture;
pub mod compiled;
pub mod configuration;
pub mod evaluate;
pub mod messages;
pub mod nlri;
pub mod packet;
pub mod patterns;
pub mod text;
pub mod words;

/// A law by the name of its target.
///
/// The dialects read from text share one target, [`text`]. Their seeds and regressions lie in folders of the
/// dialect's name, and reach the target behind a line that is this name.
pub struct Target {
    /// The name of the fuzz target, of its seeds and of its regressions.
    pub name: &'static str,
    /// The law.
    pub run: fn(&[u8]),
}

/// Every target, sorted by name.
pub static TARGETS: &[Target] = &[
    Target { name: "bgp-capture", run: messages::bgp_capture },
    Target { name: "capture", run: capture::run },
    Target { name: "compiled", run: compiled::run },
    Target { name: "configuration", run: configuration::run },
    Target { name: "evaluate", run: evaluate::run },
    Target { name: "mrt", run: messages::mrt },
    Target { name: "nlri", run: nlri::run },
    Target { name: "packet", run: packet::run },
    Target { name: "patterns", run: patterns::run },
    Target { name: "rule-text", run: text::run },
    Target { name: "words", run: words::run },
];
