//! How fast every dialect is read: one access list of 100,000 rules, printed by each dialect that can print it and read
//! back, parsed and lowered.
//!
//! `cargo bench --bench read [-- DIALECT...]`. `DIALECT=FILE` reads a file once instead and holds its rules to the end, to
//! be timed as a process beside a peer (`benches/parse_peers.sh`). Times are the processor's own, for wall time means little on a busy
//! machine; the best of three. Memory is that of the rules in the IR, as the growth of the
//! process by copies of them.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures, and panics where it cannot"
)]

mod support;

use flowgate::dialect::{DIALECTS, Dialect, PrintOptions, ReadOptions, Reads};
use flowgate::field::{Family, Field};
use flowgate::ir::{Condition, Document, Kind, Origin, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::source::{Content, Source, SourceId};
use support::{Numbers, processor_time};

const COUNT: u32 = 100_000;

fn prefix(numbers: &mut Numbers, field: Field) -> Condition {
    let mask = u32::MAX << (20 - numbers.below(20));
    let addr = numbers.below(u32::MAX) & mask;
    Condition::test(field, ValueSet::range(addr, addr | !mask))
}

fn rule(number: u32, numbers: &mut Numbers) -> RuleBuf {
    let protocol = if numbers.below(4) == 0 { 17 } else { 6 };
    let mut parts = vec![
        prefix(numbers, Field::Dst4),
        prefix(numbers, Field::Src4),
        Condition::test(Field::Proto, ValueSet::single(protocol)),
    ];
    match numbers.below(4) {
        0 => {}
        1 => parts.push(Condition::test(Field::Dport, ValueSet::range(1024 + numbers.below(60_000), 65_535))),
        _ => parts.push(Condition::test(Field::Dport, ValueSet::single(numbers.below(10_000)))),
    }
    let verdict = if numbers.below(2) == 0 { Verdict::Discard } else { Verdict::Accept };
    RuleBuf {
        name: format!("{}", 10 * (number + 1)).into(),
        condition: Condition::and(parts),
        actions: Box::default(),
        outcome: Outcome::Verdict(verdict),
        action_given: true,
        nlri: None,
        origin: Origin::default(),
    }
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let files: Vec<_> = asked.iter().filter_map(|word| word.split_once('=')).collect();
    for (dialect, file) in &files {
        read_file(dialect, file);
    }
    if !files.is_empty() {
        return;
    }
    let mut numbers = Numbers(1);
    let rules = (0..COUNT).map(|number| rule(number, &mut numbers)).collect();
    let (name, kind, family) = ("EDGE".to_owned(), Kind::Filter, Family::Inet);
    let set = RuleSet { name, kind, family, default: Verdict::Discard, rules };
    let document = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
    println!("{:14} {:>8} {:>12} {:>10} {:>12}", "dialect", "rules", "octets/rule", "ns/rule", "kept/rule");
    for dialect in DIALECTS.iter().filter(|d| d.writes() && d.reads() == Reads::Text) {
        if asked.is_empty() || asked.iter().any(|name| name == dialect.name()) {
            measure(*dialect, &document);
        }
    }
}

fn read_file(dialect: &str, file: &str) {
    let dialect = flowgate::dialect::by_name(dialect).expect("a dialect stands in front of `=`");
    let source = Source::new(file, Content::Text(std::fs::read_to_string(file).expect("a file of text")));
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    let errors = reading.diagnostics.len();
    println!("{}: {} rules, {errors} diagnostics", dialect.name(), reading.document.rule_count());
    // The end of the process frees it, as it does for the peers.
    std::mem::forget(reading);
}

fn measure(dialect: &dyn Dialect, document: &Document) {
    let mut text = String::new();
    dialect.print(document, &PrintOptions::default(), &mut text).expect("a string takes everything");
    let octets = text.len() as u64;
    let source = Source::new("bench", Content::Text(text));
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    let rules = reading.document.rule_count() as u64;
    let kept = support::kept(&reading.document);
    drop(reading);
    let times = (0..3).filter_map(|_| {
        let start = processor_time()?;
        let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
        let time = processor_time()? - start;
        drop(reading);
        Some(time)
    });
    let (each, best) = (rules.max(1), times.min().unwrap_or(0));
    let name = dialect.name();
    println!("{name:14} {rules:>8} {:>12} {:>10} {:>12}", octets / each, best / each, kept);
}
