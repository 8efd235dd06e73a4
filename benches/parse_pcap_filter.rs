//! How fast filter expressions are read: 100,000 lines of an access list, parsed and lowered to rules.
//!
//! `cargo bench --bench parse_pcap_filter`. The text is made here; `FLOWGATE_PCAP_FILTER=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

mod support;

use divan::Bencher;
use flowgate::dialect::pcap_filter::PcapFilter;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::source::{Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::Numbers;

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| support::text("FLOWGATE_PCAP_FILTER", || generate(COUNT)));

fn main() {
    support::figures(&SOURCE, read);
    divan::main();
}

fn read() -> Reading {
    // Raw IP: rules about packets.
    let options = ReadOptions { pcap_link_type: Some(101), ..ReadOptions::default() };
    PcapFilter.read(&SOURCE, SourceId(0), &options)
}

fn generate(count: u32) -> String {
    let mut numbers = Numbers(1);
    let mut text = String::new();
    for _ in 0..count {
        let (source, destination) = (numbers.prefix(), numbers.prefix());
        let protocol = if numbers.below(4) == 0 { "udp" } else { "tcp" };
        let ports = match numbers.below(4) {
            0 => format!(" and ip proto \\{protocol}"),
            1 => format!(" and {protocol} dst portrange {}-65535", 1024 + numbers.below(60_000)),
            _ => format!(" and {protocol} dst port {}", numbers.below(10_000)),
        };
        writeln!(text, "ip src net {source} and ip dst net {destination}{ports}").expect("a string grows");
    }
    text
}

#[divan::bench]
fn parse_and_lower(bencher: Bencher<'_, '_>) {
    support::rate(bencher, &SOURCE, read);
}
