//! How fast nftables text is read: 100,000 rules of an access list, parsed and lowered to rules in their order.
//!
//! `cargo bench --bench parse_nftables`. The text is made here; `FLOWGATE_NFTABLES=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

mod support;

use divan::Bencher;
use flowgate::dialect::nftables::Nftables;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::source::{Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::Numbers;

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| support::text("FLOWGATE_NFTABLES", || generate(COUNT)));

fn main() {
    support::figures(&SOURCE, read);
    divan::main();
}

fn read() -> Reading {
    Nftables.read(&SOURCE, SourceId(0), &ReadOptions::default())
}

fn generate(count: u32) -> String {
    let mut numbers = Numbers(1);
    let mut text =
        "table ip t {\n chain c {\n  type filter hook input priority 0; policy accept;\n".to_owned();
    for _ in 0..count {
        let (source, destination) = (numbers.prefix(), numbers.prefix());
        let protocol = if numbers.below(4) == 0 { "udp" } else { "tcp" };
        let ports = match numbers.below(4) {
            0 => format!("ip protocol {protocol}"),
            1 => format!("{protocol} dport {}-65535", 1024 + numbers.below(60_000)),
            _ => format!("{protocol} dport {}", numbers.below(10_000)),
        };
        let action = if numbers.below(2) == 0 { "drop" } else { "accept" };
        writeln!(text, "  ip saddr {source} ip daddr {destination} {ports} {action}")
            .expect("a string grows");
    }
    text + " }\n}\n"
}

#[divan::bench]
fn parse_and_lower(bencher: Bencher<'_, '_>) {
    support::rate(bencher, &SOURCE, read);
}
