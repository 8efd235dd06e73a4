//! Rules that are hard to cover end in an answer or in none, never in a wrong one: some of each shape against z3, and
//! more of them for time. `cargo bench --bench adversarial` has two thousand of each.

use super::opinion::{ask_fates, no};
use super::smt::Script;
use flowgate::dialect::{ReadOptions, by_name};
use flowgate::eval::holds;
use flowgate::ir::RuleSet;
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Cover, Fate};

#[path = "../support/adversarial.rs"]
mod generator;
use generator::{SHAPES, Shape, text};

fn rules(shape: Shape, count: u32, seed: u64) -> RuleSet {
    let source = Source::new("hard", Content::Text(text(shape, count, seed)));
    let reading = by_name("nftables").unwrap().read(&source, SourceId(0), &ReadOptions::default());
    let set = reading.document.rule_sets.into_iter().next().unwrap();
    assert_eq!(set.rules.len(), count as usize, "{:?}", reading.diagnostics);
    set
}

#[test]
fn fates_of_hard_rules_are_those_of_a_solver() {
    for shape in SHAPES {
        let mut script = Script::new();
        for seed in 1..4 {
            ask_fates(&mut script, &rules(shape, 30, seed), &format!("{shape:?}, seed {seed}"));
        }
        no(&script);
    }
}

#[test]
fn many_hard_rules_end_in_an_answer_or_in_none() {
    for shape in SHAPES {
        let (mut answered, mut open, mut judged) = (0, 0, 0);
        let set = rules(shape, 200, 9);
        let mut cover = Cover::of(&set, holds).allowing(2_000_000);
        for rule in &set.rules {
            match cover.next(rule.condition, rule.outcome) {
                Ok(Fate::Live(_) | Fate::Covered(_)) => answered += 1,
                Ok(Fate::Spent(_)) => open += 1,
                Ok(Fate::Unmodelled) => panic!("{shape:?}: all of it is modelled"),
                // All rules together took too much: that is the answer from here on.
                Err(_) => break,
            }
            judged += 1;
        }
        println!("{shape:?}: {answered} answered, {open} open, {} not judged", set.rules.len() - judged);
        assert!(answered > 50, "{shape:?}: {answered}");
    }
}
