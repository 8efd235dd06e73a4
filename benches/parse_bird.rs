//! How fast BIRD text is read: 100,000 flow routes, parsed and lowered to rules in their order.
//!
//! `cargo bench --bench parse_bird`. The text is made here; `FLOWGATE_BIRD=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

mod support;

use divan::Bencher;
use flowgate::dialect::bird::Bird;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::source::{Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::Numbers;

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| support::text("FLOWGATE_BIRD", || generate(COUNT)));

fn main() {
    support::figures(&SOURCE, read);
    divan::main();
}

fn read() -> Reading {
    Bird.read(&SOURCE, SourceId(0), &ReadOptions::default())
}

fn generate(count: u32) -> String {
    let mut numbers = Numbers(1);
    let mut text = "flow4 table ft;\nprotocol static {\n flow4 { table ft; };\n".to_owned();
    for _ in 0..count {
        let (source, destination) = (numbers.prefix(), numbers.prefix());
        let protocol = if numbers.below(4) == 0 { 17 } else { 6 };
        let ports = match numbers.below(4) {
            0 => String::new(),
            1 => format!(" dport {}..65535;", 1024 + numbers.below(60_000)),
            _ => format!(" dport = {};", numbers.below(10_000)),
        };
        let action = if numbers.below(2) == 0 {
            " { bgp_ext_community.add((generic, 0x80060000, 0x0)); }"
        } else {
            ""
        };
        writeln!(
            text,
            " route flow4 {{ dst {destination}; src {source}; proto = {protocol};{ports} }}{action};"
        )
        .expect("a string grows");
    }
    text + "}\n"
}

#[divan::bench]
fn parse_and_lower(bencher: Bencher<'_, '_>) {
    support::rate(bencher, &SOURCE, read);
}
