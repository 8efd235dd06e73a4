//! Packets against other programs: decoded fields against tshark's tables, verdicts against tcpdump's filters.

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

#[path = "packets/bpf.rs"]
mod bpf;
#[path = "packets/corpus.rs"]
mod corpus;
#[path = "packets/expressions.rs"]
mod expressions;
#[path = "packets/filter.rs"]
mod filter;
#[path = "packets/printed.rs"]
mod printed;
#[path = "packets/random.rs"]
mod random;
#[path = "packets/samples.rs"]
mod samples;
#[path = "packets/tcpdump.rs"]
mod tcpdump;
#[path = "packets/tshark.rs"]
mod tshark;
