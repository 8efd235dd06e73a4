//! How fast filter expressions are read: 100,000 lines of an access list, parsed and lowered to rules.
//!
//! `cargo bench --bench parse_pcap_filter`. The text is made here; `FLOWGATE_PCAP_FILTER=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

mod support;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use flowgate::dialect::pcap_filter::PcapFilter;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::guard::resident_octets;
use flowgate::source::{Content, Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::{Numbers, processor_time};

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    let text = match std::env::var_os("FLOWGATE_PCAP_FILTER") {
        Some(file) => std::fs::read_to_string(file).expect("FLOWGATE_PCAP_FILTER names a file"),
        None => generate(COUNT),
    };
    Source::new("bench", Content::Text(text))
});

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn main() {
    let before = (SOURCE.text().len(), resident_octets().unwrap_or(0)).1;
    let reading = read();
    let grown = resident_octets().unwrap_or(0).saturating_sub(before);
    let rules = reading.document.rule_count().max(1);
    println!("{rules} rules, {} octets each in memory", grown / rules as u64);
    drop(reading);
    // Wall time means little on a busy machine: the processor's own time is printed too.
    let times = (0..5).filter_map(|_| {
        let start = processor_time()?;
        let reading = read();
        let time = processor_time()? - start;
        drop(reading);
        Some(time)
    });
    if let Some(best) = times.min() {
        println!("{} ns of processor time a rule", best / rules as u64);
    }
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
    let rules = read().document.rule_count();
    bencher
        .counter(ItemsCount::new(rules))
        .counter(BytesCount::of_str(SOURCE.text()))
        .bench(|| black_box(read()));
}
