//! How fast text of iptables-save is read: 100,000 rules of an access list, parsed and lowered.
//!
//! `cargo bench --bench parse_iptables`. The text is made here; `FLOWGATE_IPTABLES=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

mod support;

use divan::Bencher;
use flowgate::dialect::iptables::Iptables;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::source::{Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::Numbers;

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| support::text("FLOWGATE_IPTABLES", || generate(COUNT)));

fn main() {
    support::figures(&SOURCE, read);
    divan::main();
}

fn read() -> Reading {
    Iptables.read(&SOURCE, SourceId(0), &ReadOptions::default())
}

fn generate(count: u32) -> String {
    let mut numbers = Numbers(1);
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n".to_owned();
    for _ in 0..count {
        let (source, destination) = (numbers.prefix(), numbers.prefix());
        let protocol = if numbers.below(4) == 0 { "udp" } else { "tcp" };
        let ports = match numbers.below(4) {
            0 => String::new(),
            1 => format!(" -m {protocol} --dport {}:65535", 1024 + numbers.below(60_000)),
            _ => format!(" -m {protocol} --dport {}", numbers.below(10_000)),
        };
        let target = if numbers.below(2) == 0 { "DROP" } else { "ACCEPT" };
        writeln!(text, "-A INPUT -s {source} -d {destination} -p {protocol}{ports} -j {target}")
            .expect("a string grows");
    }
    text + "COMMIT\n"
}

#[divan::bench]
fn parse_and_lower(bencher: Bencher<'_, '_>) {
    support::rate(bencher, &SOURCE, read);
}
