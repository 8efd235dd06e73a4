//! How fast Junos filters are read: text to conditions and actions.
//!
//! `cargo bench --bench parse_junos`. The terms are made here, of the shape of a large access list;
//! `FLOWGATE_JUNOS=FILE` reads another file instead. What one rule takes in memory is printed first, with the
//! processor's own time, since wall time means little on a busy machine.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench stops where its own input is wrong"
)]

mod support;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use flowgate::dialect::{PrintOptions, ReadOptions, Reading, by_name};
use flowgate::guard::resident_octets;
use flowgate::source::{Content, Source, SourceId};
use std::fmt::Write as _;
use support::{Numbers, processor_time};

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn main() {
    for (form, source) in [("braces", source(100_000, None)), ("set lines", source(100_000, Some("set")))] {
        // What reading alone needs is given back before the copy is made: a copy is all of the rules and
        // nothing else.
        let document = read(&source).document;
        let before = resident_octets().unwrap_or(0);
        let copy = document.clone();
        let grown = resident_octets().unwrap_or(0).saturating_sub(before);
        let rules = copy.rule_count().max(1) as u64;
        drop(copy);
        // The allocator keeps what the first form grew by.
        let memory =
            if form == "braces" { format!(", {} octets of memory", grown / rules) } else { String::new() };
        let times = (0..7).filter_map(|_| {
            let start = processor_time()?;
            let reading = read(&source);
            let time = processor_time()? - start;
            drop(reading);
            Some(time)
        });
        let time = times.min().unwrap_or(0) / rules;
        println!(
            "{form}: {rules} rules of {} octets, each {time} ns of processor time{memory}",
            source.text().len() as u64 / rules,
        );
    }
    divan::main();
}

fn prefix(numbers: &mut Numbers) -> String {
    let length = [8, 16, 20, 24, 24, 27, 32, 32][numbers.below(8) as usize];
    let addr = (numbers.below(1 << 16) << 16 | numbers.below(1 << 16)) & (u32::MAX << (32 - length));
    format!("{}/{length}", std::net::Ipv4Addr::from(addr))
}

fn terms(count: u32) -> String {
    let mut numbers = Numbers(7);
    let mut text = String::from("firewall {\n    family inet {\n        filter F {\n");
    for number in 0..count {
        let mut line = |depth: usize, words: &str| {
            writeln!(text, "{:width$}{words}", "", width = depth * 4).expect("a string takes everything");
        };
        line(3, &format!("term t{number} {{"));
        line(4, "from {");
        for side in ["source-address", "destination-address"] {
            line(5, &format!("{side} {{"));
            line(6, &format!("{};", prefix(&mut numbers)));
            line(5, "}");
        }
        line(5, if numbers.below(3) == 0 { "protocol udp;" } else { "protocol tcp;" });
        match numbers.below(4) {
            0 => line(5, "source-port 1024-65535;"),
            1 => line(5, "tcp-flags \"syn & !ack\";"),
            _ => {}
        }
        line(5, &format!("destination-port {};", numbers.below(65_536)));
        line(4, "}");
        line(4, if numbers.below(2) == 0 { "then accept;" } else { "then discard;" });
        line(3, "}");
    }
    text.push_str("        }\n    }\n}\n");
    text
}

fn read(source: &Source) -> Reading {
    let junos = by_name("junos").expect("the dialect is registered");
    junos.read(source, SourceId(0), &ReadOptions::default())
}

fn source(count: u32, form: Option<&str>) -> Source {
    let text = match std::env::var_os("FLOWGATE_JUNOS") {
        Some(file) => std::fs::read_to_string(file).expect("FLOWGATE_JUNOS names a file"),
        None => terms(count),
    };
    let source = Source::new("bench", Content::Text(text));
    let Some(form) = form else { return source };
    let mut text = String::new();
    let options = PrintOptions { form: Some(form.to_owned()) };
    let junos = by_name("junos").expect("the dialect is registered");
    junos.print(&read(&source).document, &options, &mut text).expect("a string takes everything");
    Source::new("bench", Content::Text(text))
}

fn measure(bencher: Bencher<'_, '_>, source: &Source) {
    let reading = read(source);
    let rules = reading.document.rule_count();
    bencher
        .counter(ItemsCount::new(rules))
        .counter(BytesCount::new(source.text().len()))
        .bench_local(|| read(source));
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn braces(bencher: Bencher<'_, '_>, count: u32) {
    measure(bencher, &source(count, None));
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn set_lines(bencher: Bencher<'_, '_>, count: u32) {
    measure(bencher, &source(count, Some("set")));
}
