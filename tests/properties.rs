//! Laws that hold for all input, tried on generated input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "properties/adversarial.rs"]
mod adversarial;
#[path = "properties/built.rs"]
mod built;
#[path = "properties/opinion/classes.rs"]
mod classes;
#[path = "properties/compiled.rs"]
mod compiled;
#[path = "properties/cost.rs"]
mod cost;
#[path = "properties/cover.rs"]
mod cover;
#[path = "properties/delta.rs"]
mod delta;
#[path = "support/dice.rs"]
mod dice;
#[path = "properties/fates.rs"]
mod fates;
#[path = "properties/flowspec.rs"]
mod flowspec;
#[path = "properties/last_match.rs"]
mod last_match;
#[path = "properties/minimize.rs"]
mod minimize;
#[path = "properties/opinion.rs"]
mod opinion;
#[path = "properties/overlaps.rs"]
mod overlaps;
#[path = "support/packet.rs"]
#[expect(dead_code, reason = "each binary uses its part of what is shared")]
mod packet;
#[path = "properties/packets.rs"]
mod packets;
#[path = "support/programs.rs"]
mod programs;
#[path = "properties/regions.rs"]
mod regions;
#[path = "properties/opinion/smt.rs"]
mod smt;
#[path = "properties/symbolic.rs"]
mod symbolic;
