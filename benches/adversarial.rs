//! Rules made to be hard: `cargo bench --bench adversarial -- [COUNT [FOLDER]]` judges every rule of COUNT (2,000) of
//! each shape, with what it took; with a FOLDER it writes the rules there as well, for `flowgate check`. Times are the
//! processor's own.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints its figures, and panics where it cannot"
)]

#[path = "../tests/support/adversarial.rs"]
mod adversarial;
#[path = "../tests/support/dice.rs"]
#[expect(dead_code, reason = "a bench takes a part of what is shared")]
mod dice;
mod support;

use adversarial::{SHAPES, text};
use flowgate::dialect::{ReadOptions, by_name};
use flowgate::eval::holds;
use flowgate::guard::resident_octets;
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Cover, Fate};
use support::processor_time;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let count = words.next().map_or(2_000, |word| word.parse().expect("a number of rules"));
    let folder = words.next();
    for shape in SHAPES {
        let text = text(shape, count, 1);
        if let Some(folder) = &folder {
            std::fs::write(format!("{folder}/{shape:?}.nft"), &text).expect("a folder to write to");
        }
        let source = Source::new("hard", Content::Text(text));
        let dialect = by_name("nftables").expect("a dialect");
        let document = dialect.read(&source, SourceId(0), &ReadOptions::default()).document;
        let start = processor_time().unwrap_or(0);
        let (mut live, mut covered, mut open, mut first) = (0, 0, 0, None);
        let ended = Cover::each(&document.rule_sets[0], holds, |index, _, fate| {
            match fate {
                Fate::Live(_) => live += 1,
                Fate::Covered(_) => covered += 1,
                Fate::Unmodelled | Fate::Spent(_) => {
                    open += 1;
                    first.get_or_insert(index);
                }
            }
            Ok(())
        });
        let time = processor_time().unwrap_or(0) - start;
        println!(
            "{shape:?}: {count} rules, {live} live, {covered} covered, {open} open from {first:?} on, {} ms, {} MiB \
             {ended:?}",
            time / 1_000_000,
            resident_octets().unwrap_or(0) >> 20
        );
    }
}
