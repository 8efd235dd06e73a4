//! How fast ExaBGP text is read: 100,000 routes of an access list, parsed and lowered to rules in their order.
//!
//! `cargo bench --bench parse_exabgp`. The text is made here; `FLOWGATE_EXABGP=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

mod support;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use flowgate::dialect::exabgp::ExaBgp;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::guard::resident_octets;
use flowgate::source::{Content, Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::{Numbers, processor_time};

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    let text = match std::env::var_os("FLOWGATE_EXABGP") {
        Some(file) => std::fs::read_to_string(file).expect("FLOWGATE_EXABGP names a file"),
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
    ExaBgp.read(&SOURCE, SourceId(0), &ReadOptions::default())
}

fn generate(count: u32) -> String {
    let mut numbers = Numbers(1);
    let mut text = "neighbor 127.0.0.1 {\n router-id 192.0.2.1;\n local-as 65000;\n flow {\n".to_owned();
    for number in 0..count {
        let (source, destination) = (numbers.prefix(), numbers.prefix());
        let protocol = if numbers.below(4) == 0 { "udp" } else { "tcp" };
        let ports = match numbers.below(4) {
            0 => String::new(),
            1 => format!(" destination-port >={}&<=65535;", 1024 + numbers.below(60_000)),
            _ => format!(" destination-port ={};", numbers.below(10_000)),
        };
        let action = if numbers.below(2) == 0 { "discard" } else { "accept" };
        writeln!(
            text,
            "  route r{number} {{ match {{ source {source}; destination {destination}; \
             protocol {protocol};{ports} }} then {{ {action}; }} }}"
        )
        .expect("a string grows");
    }
    text + " }\n}\n"
}

#[divan::bench]
fn parse_and_lower(bencher: Bencher<'_, '_>) {
    let rules = read().document.rule_count();
    bencher
        .counter(ItemsCount::new(rules))
        .counter(BytesCount::of_str(SOURCE.text()))
        .bench(|| black_box(read()));
}
