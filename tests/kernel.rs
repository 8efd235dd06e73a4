//! nftables and iptables against the kernel that runs them: rules are loaded in a network namespace, packets are sent
//! through, and what the kernel did with each is what `eval` says.
//!
//! Needs root, `ip`, `nft` and the iptables programs; absent they are skipped aloud, and where `CI` is set that fails.
//! `.ci/kernel` runs the same with `FLOWGATE_KERNEL_ROUNDS` times as much.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::cast_possible_truncation,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "kernel/chains_iptables.rs"]
mod chains_iptables;
#[path = "kernel/chains_nftables.rs"]
mod chains_nftables;
#[path = "kernel/convert.rs"]
mod convert;
#[path = "kernel/corpora.rs"]
mod corpora;
#[path = "kernel/course.rs"]
mod course;
#[path = "kernel/iptables_rules.rs"]
mod iptables_rules;
#[path = "kernel/matrix_iptables.rs"]
mod matrix_iptables;
#[path = "kernel/matrix_nftables.rs"]
mod matrix_nftables;
#[path = "kernel/nftables_rules.rs"]
mod nftables_rules;
#[path = "support/programs.rs"]
mod programs;
#[path = "kernel/random.rs"]
mod random;
#[path = "kernel/rig.rs"]
mod rig;
#[path = "kernel/strange.rs"]
mod strange;
#[path = "kernel/tracking.rs"]
mod tracking;
