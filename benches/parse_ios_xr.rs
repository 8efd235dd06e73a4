//! Reading IOS XR text into the intermediate form: parse and lower of one access list, in rules and octets a second,
//! and how much memory the rules take. The list is made here, or is the file that `FLOWGATE_IOS_XR` names.

#![allow(clippy::expect_used, reason = "a bench stops where it cannot go on")]

mod support;

use divan::Bencher;
use flowgate::dialect::ios_xr::IosXr;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::source::{Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;
use support::Numbers;

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| support::text("FLOWGATE_IOS_XR", || generate(COUNT)));

fn main() {
    support::figures(&SOURCE, read);
    divan::main();
}

fn read() -> Reading {
    IosXr.read(&SOURCE, SourceId(0), &ReadOptions::default())
}

/// The next address with its wildcard, or a host.
fn address(numbers: &mut Numbers) -> String {
    let length = 12 + numbers.below(21);
    let mask = u32::MAX << (32 - length);
    let addr = std::net::Ipv4Addr::from(numbers.below(u32::MAX) & mask);
    if length == 32 { format!("host {addr}") } else { format!("{addr} {}", std::net::Ipv4Addr::from(!mask)) }
}

fn generate(count: u32) -> String {
    let mut numbers = Numbers(1);
    let mut text = "ipv4 access-list F\n".to_owned();
    for number in 1..=count {
        let source = if numbers.below(3) == 0 { "any".to_owned() } else { address(&mut numbers) };
        let destination = address(&mut numbers);
        let protocol = if numbers.below(4) == 0 { "udp" } else { "tcp" };
        let ports = match numbers.below(4) {
            0 => String::new(),
            1 => format!(" range {} 65535", 1024 + numbers.below(60_000)),
            _ => format!(" eq {}", numbers.below(10_000)),
        };
        let verb = if numbers.below(2) == 0 { "deny" } else { "permit" };
        let number = number * 10;
        writeln!(text, " {number} {verb} {protocol} {source} {destination}{ports}").expect("a string grows");
    }
    text + "!\n"
}

#[divan::bench]
fn parse_and_lower(bencher: Bencher<'_, '_>) {
    support::rate(bencher, &SOURCE, read);
}
