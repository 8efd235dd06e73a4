//! How fast ExaBGP text is read: 100,000 routes of an access list, parsed and lowered to rules in their order.
//!
//! `cargo bench --bench parse_exabgp`. The text is made here; `FLOWGATE_EXABGP=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

mod support;

use divan::Bencher;
use flowgate::dialect::exabgp::ExaBgp;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::source::{Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::Numbers;

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| support::text("FLOWGATE_EXABGP", || generate(COUNT)));

fn main() {
    support::figures(&SOURCE, read);
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
    support::rate(bencher, &SOURCE, read);
}
