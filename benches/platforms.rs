//! A hundred thousand rules on ten platforms at once, as `flowgate cost` prices them: time and peak memory, and how both
//! grow from a thousand rules on. The mark is a second and 200 MB. `cargo bench --bench platforms`

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic is how a bench says that its input is wrong, and a table is what it is for"
)]

#[path = "support/priced.rs"]
mod priced;

use flowgate::cost;
use flowgate::field::Field;
use flowgate::ir::{Condition, Kind, ValueSet};
use priced::{document, nlri};
use std::process::Command;
use std::time::Instant;

const FLOW: [&str; 10] = [
    "bird",
    "exabgp",
    "frr",
    "gobgp",
    "huawei-ne8000-f",
    "ios-xr",
    "junos-mx",
    "linux-nftables",
    "ncs5500",
    "ncs55a2-mod-se-s",
];

const FILTER: [&str; 10] = [
    "catalyst-6500",
    "extreme-npb",
    "junos-mx",
    "linux-iptables",
    "linux-nftables",
    "ncs5500",
    "ncs55a2-mod-se-s",
    "ncs5700",
    "nokia-7210-sas",
    "qfx5100",
];

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    if let (Some(kind), Some(rules)) = (args.next(), args.next()) {
        measure(&kind, rules.parse().expect("a number of rules"));
        return;
    }
    println!("{:<8}{:>9}{:>11}{:>16}{:>14}", "rules", "", "seconds", "of the rules MB", "peak MB");
    // A process for each, so that its peak is its own.
    for kind in ["flow", "filter"] {
        for rules in ["1000", "10000", "100000"] {
            let this = std::env::current_exe().expect("the bench has a path");
            let output = Command::new(this).args([kind, rules]).output().expect("the bench runs itself");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

fn measure(kind: &str, rules: u32) {
    // Of the ranges there are some thousand.
    let (document, names) = if kind == "flow" {
        (
            document(Kind::FlowRoutes, rules, |number| {
                (Some(nlri(number, [number % 1999, 40_000])), Condition::True)
            }),
            FLOW,
        )
    } else {
        (document(Kind::Filter, rules, |number| (None, condition(number))), FILTER)
    };
    let devices = names.map(|name| cost::by_name(name).expect("a platform").clone());
    let before = peak();
    let start = Instant::now();
    let prices = cost::price_all(&devices, &[&document]);
    let seconds = start.elapsed().as_secs_f64();
    assert!(
        prices.iter().all(|price| price.rules.len() == rules as usize && price.is_exact()),
        "all is priced"
    );
    println!("{kind:<8}{rules:>9}{seconds:>11.3}{before:>16}{:>14}", peak());
}

/// The most memory that was resident, in MB; 0 where nobody says.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn condition(number: u32) -> Condition {
    let test = |field, lo, hi| Condition::test(field, ValueSet::range(lo, hi));
    let host = 0xc000_0000 | number;
    let ports = if number.is_multiple_of(2) { (number % 1999, 40_000) } else { (53, 53) };
    Condition::and([
        test(Field::Dst4, host, host),
        test(Field::Proto, 17, 17),
        test(Field::Sport, ports.0, ports.1),
    ])
}
