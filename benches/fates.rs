//! Which rules of a list packets come to: `cargo bench --bench fates -- DIALECT=FILE...` reads each file,
//! looks for the rules that one earlier rule takes whole, and judges every rule once, with a packet for each that is
//! live; `DIALECT=OLD,NEW` compares the first rule sets of two files. Times are the processor's own.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures, and panics where it cannot"
)]

mod support;

use divan::black_box;
use flowgate::dialect::{ReadOptions, by_name};
use flowgate::eval::holds;
use flowgate::ir::Document;
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Cover, Fate, delta};
use support::processor_time;

fn main() {
    for word in std::env::args().skip(1).filter(|word| !word.starts_with('-')) {
        let (dialect, file) = word.split_once('=').expect("a dialect stands in front of `=`");
        if let Some((old, new)) = file.split_once(',') {
            compare(&read(dialect, old), &read(dialect, new));
            continue;
        }
        for set in &read(dialect, file).rule_sets {
            // Many times: the processor's time steps by milliseconds.
            const TIMES: u64 = 20;
            let start = processor_time().unwrap_or(0);
            let mut held = 0;
            for _ in 0..TIMES {
                held = Cover::by_one(black_box(set)).len();
            }
            let time = (processor_time().unwrap_or(0) - start) / TIMES;
            println!("{file} {}: {held} rules that one earlier takes whole, {} us", set.name, time / 1000);
            let start = processor_time().unwrap_or(0);
            let (mut live, mut one, mut union, mut open) = (0, 0, 0, 0);
            let ended = Cover::each(set, holds, |index, _, fate| {
                match fate {
                    Fate::Live(_) => live += 1,
                    Fate::Covered(by) if by.len() < 2 => one += 1,
                    Fate::Covered(by) => {
                        union += 1;
                        if std::env::var_os("FLOWGATE_SHOW").is_some() {
                            println!("{index}: {by:?}");
                        }
                    }
                    Fate::Unmodelled | Fate::Spent(_) => {
                        open += 1;
                        println!("{index}: {fate:?}");
                    }
                }
                Ok(())
            });
            let time = processor_time().unwrap_or(0) - start;
            println!(
                "{file} {}: {} rules, {live} live, {one} by one, {union} by several, {open} open, {} us {ended:?}",
                set.name,
                set.rules.len(),
                time / 1000
            );
        }
    }
}

fn read(dialect: &str, file: &str) -> Document {
    let source = Source::new(file, Content::Text(std::fs::read_to_string(file).expect("a file of text")));
    let dialect = by_name(dialect).expect("a known dialect");
    dialect.read(&source, SourceId(0), &ReadOptions::default()).document
}

fn compare(old: &Document, new: &Document) {
    let (Some(old), Some(new)) = (old.rule_sets.first(), new.rule_sets.first()) else { return };
    let start = processor_time().unwrap_or(0);
    let found = delta(old, new, holds);
    let time = processor_time().unwrap_or(0) - start;
    let count = found.as_ref().map(|found| (found.removed.len(), found.added.len(), found.changes.len()));
    println!(
        "{} and {} rules: {count:?} removed, added, regions; {} us",
        old.rules.len(),
        new.rules.len(),
        time / 1000
    );
}
