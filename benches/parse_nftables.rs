//! How fast nftables text is read: 100,000 rules of an access list, parsed and lowered to rules in their order.
//!
//! `cargo bench --bench parse_nftables`. The text is made here; `FLOWGATE_NFTABLES=FILE` takes another. What one
//! rule takes in memory is printed first: the growth of the process while the rules are held.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use flowgate::dialect::nftables::Nftables;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::guard::resident_octets;
use flowgate::source::{Content, Source, SourceId};
use std::fmt::Write;
use std::sync::LazyLock;

const COUNT: u32 = 100_000;

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    let text = match std::env::var_os("FLOWGATE_NFTABLES") {
        Some(file) => std::fs::read_to_string(file).expect("FLOWGATE_NFTABLES names a file"),
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

/// Nanoseconds this thread has run, where the system says.
fn processor_time() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

fn read() -> Reading {
    Nftables.read(&SOURCE, SourceId(0), &ReadOptions::default())
}

/// A linear congruence: the same numbers on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(n)).unwrap_or(0)
    }

    fn prefix(&mut self) -> String {
        let length = 12 + self.below(21);
        let addr = self.below(u32::MAX) & u32::MAX << (32 - length);
        format!("{}/{length}", std::net::Ipv4Addr::from(addr))
    }
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
    let rules = read().document.rule_count();
    bencher
        .counter(ItemsCount::new(rules))
        .counter(BytesCount::of_str(SOURCE.text()))
        .bench(|| black_box(read()));
}
