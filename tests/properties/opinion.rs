//! A second opinion on fates and differences: the solver z3 asked about the same lists, by a translation of its own.
//!
//! For every rule: is there a packet that it matches and no earlier rule that decides? Of a live one z3 is shown the
//! packet found, of a covered one it must find none, and none that the rules named as taking all leave over. For two
//! lists: every packet of a region fares as the region says, by the rules it names, and no packet outside of all
//! regions fares differently. `.ci/opinion MINUTES [SEED]` asks about one list after another, each made from a seed.

use super::classes::{self, CLASSES, Writing};
use super::cover::list;
use super::delta::pairs;
use super::dice::Dice;
use super::smt::{Script, speaks};
use flowgate::dialect::ir_json::IrJson;
use flowgate::dialect::{Dialect, PrintOptions, ReadOptions, by_name};
use flowgate::eval::holds;
use flowgate::field::{Family, Field};
use flowgate::ir::{Condition, Document, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Cover, Fate, delta, of_family};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::time::{Duration, Instant};

/// In lists of so many rules z3 is shown the packets, one by one; in longer ones it looks for its own.
const FEW: usize = 60;
/// Regions of one difference that z3 is asked about, from the largest and from the smallest.
const REGIONS: usize = 20;

fn decides(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Verdict(_) | Outcome::Return | Outcome::Goto(_))
}

fn is_spoken_of(set: &RuleSet) -> bool {
    set.rules.conditions().iter().all(speaks)
}

/// Asks about the fate of every rule of a list.
pub(crate) fn ask_fates(script: &mut Script, set: &RuleSet, about: &str) {
    let mut fates = Vec::new();
    Cover::each(set, holds, |_, _, fate| {
        fates.push(fate);
        Ok(())
    })
    .unwrap();
    assert_eq!(fates.len(), set.rules.len());
    script.push();
    let family = script.formula(&of_family(set.family));
    script.assert(&family);
    for (index, condition) in set.rules.conditions().iter().enumerate() {
        let formula = script.formula(condition);
        script.define(&format!("r{index}"), "Bool", &formula);
    }
    for (index, fate) in fates.iter().enumerate() {
        let Fate::Covered(by) = fate else { continue };
        let others = by.iter().map(|other| format!("(not r{other})"));
        let names: Vec<String> = std::iter::once(format!("r{index}")).chain(others).collect();
        script.ask(&names, false, format!("{about}, rule {index}: does {by:?} leave a packet"));
    }
    for ((index, fate), rule) in fates.iter().enumerate().zip(set.rules.iter()) {
        let name = [format!("r{index}")];
        match fate {
            Fate::Covered(_) => script.ask(&name, false, format!("{about}, rule {index}: is it live")),
            Fate::Live(packet) if fates.len() <= FEW => {
                script.push();
                script.assert(&Script::packet(packet));
                script.ask(&name, true, format!("{about}, rule {index}: is it live by {packet:?}"));
                script.pop();
            }
            Fate::Live(_) => script.ask(&name, true, format!("{about}, rule {index}: is it live")),
            Fate::Unmodelled => script.ask(&name, true, format!("{about}, rule {index}: may it be live")),
            Fate::Spent(why) => panic!("{about}, rule {index}: {why}"),
        }
        // What earlier rules take it takes from nobody.
        if decides(rule.outcome) && !matches!(fate, Fate::Covered(_)) {
            script.assert(&format!("(not r{index})"));
        }
    }
    script.pop();
}

/// The rules of a list that decide, each with its index and verdict.
fn deciding(set: &RuleSet) -> Vec<(usize, Verdict)> {
    let verdicts = set.rules.iter().enumerate().filter_map(|(index, rule)| match rule.outcome {
        Outcome::Verdict(verdict) => Some((index, verdict)),
        Outcome::Return => Some((index, set.default)),
        _ => None,
    });
    verdicts.collect()
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "#b00",
        Verdict::Discard => "#b01",
        Verdict::Reject(_) => "#b10",
        Verdict::NoDecision => "#b11",
    }
}

/// Defines for a packet in a list which rules match it, by `..is5`, which of them is the first that decides, by
/// `..by5`, or that none does, by `..by`, and what becomes of it.
fn define_list(script: &mut Script, set: &RuleSet, name: &str) {
    for (index, condition) in set.rules.conditions().iter().enumerate() {
        let formula = script.formula(condition);
        script.define(&format!("{name}is{index}"), "Bool", &formula);
    }
    let rules = deciding(set);
    let mut left = "true".to_owned();
    for (index, _) in &rules {
        script.define(&format!("{name}by{index}"), "Bool", &format!("(and {left} {name}is{index})"));
        script.define(&format!("{name}after{index}"), "Bool", &format!("(and {left} (not {name}is{index}))"));
        left = format!("{name}after{index}");
    }
    script.define(&format!("{name}by"), "Bool", &left);
    let mut what = verdict(set.default).to_owned();
    for (index, is) in rules.into_iter().rev() {
        what = format!("(ite {name}is{index} {} {what})", verdict(is));
    }
    script.define(&format!("{name}what"), "(_ BitVec 2)", &what);
}

/// Asks about the difference of two lists.
fn ask_difference(script: &mut Script, old: &RuleSet, new: &RuleSet, about: &str) {
    let found = delta(old, new, holds).unwrap_or_else(|error| panic!("{about}: {error}"));
    script.push();
    for set in [old, new] {
        let family = script.formula(&of_family(set.family));
        script.assert(&family);
    }
    define_list(script, old, "old");
    define_list(script, new, "new");
    let count = found.changes.len();
    for (at, change) in found.changes.iter().enumerate() {
        let region = script.formula(&change.region);
        script.define(&format!("region{at}"), "Bool", &region);
        if at >= REGIONS && at + REGIONS < count {
            continue;
        }
        let index = |index: Option<u32>| index.map_or(String::new(), |index| index.to_string());
        let fate = format!(
            "(and oldby{} newby{} (= oldwhat {}) (= newwhat {}))",
            index(change.old_rule),
            index(change.new_rule),
            verdict(change.before),
            verdict(change.after)
        );
        script.define(&format!("fate{at}"), "Bool", &fate);
        let names = [format!("region{at}"), format!("(not fate{at})")];
        script.ask(&names, false, format!("{about}, {change:?}: does a packet of it fare otherwise"));
        if old.rules.len() <= FEW {
            script.push();
            script.assert(&Script::packet(change.packet.as_ref().unwrap()));
            script.ask(&names[..1], true, format!("{about}, {change:?}: is the packet in its region"));
            script.pop();
        }
    }
    script.assert("(distinct oldwhat newwhat)");
    let names: Vec<String> = (0..count).map(|at| format!("(not region{at})")).collect();
    script.ask(&names, false, format!("{about}: is there a difference outside of {count} regions"));
    script.pop();
}

/// A list with some rules taken out, turned around and moved.
fn edited(set: &RuleSet, edits: usize, dice: &mut Dice) -> RuleSet {
    let mut rules: Vec<RuleBuf> = set.rules.iter().map(|rule| rule.to_buf()).collect();
    for _ in 0..edits {
        let at = dice.below(rules.len());
        match dice.below(3) {
            0 => _ = rules.remove(at),
            1 => {
                let accepts = rules[at].outcome == Outcome::Verdict(Verdict::Accept);
                rules[at].outcome =
                    Outcome::Verdict(if accepts { Verdict::Discard } else { Verdict::Accept });
            }
            _ => {
                let rule = rules.remove(at);
                rules.insert(dice.below(rules.len() + 1), rule);
            }
        }
    }
    RuleSet { rules: rules.into(), ..set.clone() }
}

/// A value of a strategy, the same for the same seed.
fn tree<S: Strategy>(strategy: &S, seed: u64) -> S::Tree {
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &octets);
    let config = Config { failure_persistence: None, ..Config::default() };
    strategy.new_tree(&mut TestRunner::new_with_rng(config, rng)).unwrap()
}

/// Questions asked, and those of them that took z3 too long.
struct Count {
    questions: usize,
    undecided: usize,
}

/// Fails with the smallest value for which z3 says otherwise, and counts where there is none.
fn hold<S: Strategy>(strategy: &S, seed: u64, ask: impl Fn(&mut Script, &S::Value)) -> Count {
    let wrong = |value: &S::Value| {
        let mut script = Script::new();
        ask(&mut script, value);
        let (wrong, undecided) = script.wrong().unwrap_or_default();
        (wrong, Count { questions: script.questions(), undecided })
    };
    let mut tree = tree(strategy, seed);
    let (mut worst, count) = wrong(&tree.current());
    if worst.is_empty() {
        return count;
    }
    while tree.simplify() {
        loop {
            let (still, _) = wrong(&tree.current());
            if !still.is_empty() {
                worst = still;
                break;
            }
            if !tree.complicate() {
                break;
            }
        }
    }
    panic!("seed {seed}: {}\n{:#?}", worst.join("\n"), tree.current());
}

/// The case of a seed.
fn case(seed: u64) -> Count {
    let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1);
    let about = format!("seed {seed}");
    let class = dice.pick(CLASSES);
    let writing = Writing { six: dice.below(3) == 0, raw: dice.below(2) == 0 };
    match seed % 8 {
        0 | 1 => hold(&list(false), seed, |script, set| ask_fates(script, set, "a list")),
        2 => hold(&list(true), seed, |script, set| ask_fates(script, set, "a list not all modelled")),
        3 => hold(&pairs(false), seed, |script, (old, new)| ask_difference(script, old, new, "two lists")),
        4 => hold(&(list(false), list(false)), seed, |script, (old, new)| {
            let new = RuleSet { family: old.family, ..new.clone() };
            ask_difference(script, old, &new, "unrelated lists");
        }),
        5 | 6 => {
            let count = 10 + dice.below(400);
            let set = classes::list(class, count, seed, writing);
            let mut script = Script::new();
            ask_fates(&mut script, &set, &format!("{about}, {} of {count}", class.name));
            hold_list(&script)
        }
        _ => {
            let count = 10 + dice.below(200);
            let old = classes::list(class, count, seed, writing);
            let edits = 1 + dice.below(8);
            let new = edited(&old, edits, &mut dice);
            let mut script = Script::new();
            ask_difference(&mut script, &old, &new, &format!("{about}, {} of {count}", class.name));
            hold_list(&script)
        }
    }
}

/// Fails where z3 says otherwise.
fn hold_list(script: &Script) -> Count {
    let (wrong, undecided) = script.wrong().unwrap_or_default();
    assert!(
        wrong.is_empty(),
        "{} wrong:
{}",
        wrong.len(),
        wrong.join(
            "
"
        )
    );
    Count { questions: script.questions(), undecided }
}

/// Fails where z3 says otherwise, or nothing in its time.
pub(crate) fn no(script: &Script) {
    assert_eq!(hold_list(script).undecided, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    // A dozen lists at a time: a solver is slow to start and quick to answer.
    #[test]
    fn fates_are_those_of_a_solver(sets in proptest::collection::vec(list(false), 12)) {
        let mut script = Script::new();
        for set in &sets {
            ask_fates(&mut script, set, "a list");
        }
        no(&script);
    }

    #[test]
    fn what_is_not_modelled_is_open_to_a_solver_too(sets in proptest::collection::vec(list(true), 8)) {
        let mut script = Script::new();
        for set in &sets {
            ask_fates(&mut script, set, "a list");
        }
        no(&script);
    }

    #[test]
    fn differences_are_those_of_a_solver(sets in proptest::collection::vec(pairs(false), 8)) {
        let mut script = Script::new();
        for (old, new) in &sets {
            ask_difference(&mut script, old, new, "two lists");
        }
        no(&script);
    }

    #[test]
    fn differences_of_unrelated_lists_are_those_of_a_solver(
        sets in proptest::collection::vec((list(false), list(false)), 6)
    ) {
        let mut script = Script::new();
        for (old, new) in &sets {
            let new = RuleSet { family: old.family, ..new.clone() };
            ask_difference(&mut script, old, &new, "unrelated lists");
        }
        no(&script);
    }
}

#[test]
fn a_wrong_claim_is_refuted() {
    let port = |lo, hi| Condition::test(Field::Dport, ValueSet::range(lo, hi));
    let mut script = Script::new();
    for (name, condition) in [
        ("r0", port(0, 1023)),
        ("r1", port(0, 1024)),
        ("r2", Condition::and([port(0, 9), Condition::test(Field::Proto, ValueSet::single(1))])),
    ] {
        let formula = script.formula(&condition);
        script.define(name, "Bool", &formula);
    }
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    script.ask(&names(&["r1", "(not r0)"]), false, "port 1024".to_owned());
    script.ask(&names(&["r0", "(not r1)"]), false, "no port".to_owned());
    script.ask(&names(&["r2"]), true, "ports of ICMP".to_owned());
    let Some((wrong, _)) = script.wrong() else { return };
    assert_eq!(wrong, ["port 1024: z3 says sat, not false", "ports of ICMP: z3 says unsat, not true"]);
}

#[test]
fn fates_in_lists_of_a_thousand_rules_are_those_of_a_solver() {
    for (class, seed) in CLASSES.iter().zip(1..).take(3) {
        let set = classes::list(class, 1_000, seed, Writing { six: false, raw: false });
        let mut script = Script::new();
        ask_fates(&mut script, &set, class.name);
        // For the bench `fates_peers.sh`.
        if let Some(folder) = std::env::var_os("FLOWGATE_OPINION_WRITE") {
            let folder = std::path::Path::new(&folder);
            std::fs::write(folder.join(format!("{}.smt2", class.name)), script.text()).unwrap();
            let document =
                Document { rule_sets: vec![set.clone()], symbols: Vec::new(), ..Document::default() };
            let mut rules = String::new();
            IrJson.print(&document, &PrintOptions::default(), &mut rules).unwrap();
            std::fs::write(folder.join(format!("{}.json", class.name)), rules).unwrap();
        }
        no(&script);
        println!("{}: {} questions", class.name, script.questions());
    }
}

#[test]
fn differences_of_long_lists_are_those_of_a_solver() {
    let mut dice = Dice(7);
    // Firewalls, of which every rule meets many, take the solver a minute at a thousand.
    for ((class, seed), count) in CLASSES.iter().zip(11..).zip([1_000, 250, 1_000]) {
        let old = classes::list(class, count, seed, Writing { six: false, raw: false });
        let new = edited(&old, 6, &mut dice);
        let mut script = Script::new();
        ask_difference(&mut script, &old, &new, class.name);
        no(&script);
        println!("{}: {} questions", class.name, script.questions());
    }
}

/// Dialects whose rule sets are asked about as they stand.
const DIALECTS: [&str; 4] = ["nftables", "iptables", "junos", "ios-xr"];

#[test]
fn fates_in_real_files_are_those_of_a_solver() {
    let Some(folder) = std::env::var_os("FLOWGATE_CORPORA").map(std::path::PathBuf::from) else {
        println!("SKIPPED: FLOWGATE_CORPORA names no folder");
        return;
    };
    let (mut asked, mut left_out) = (0, 0);
    for name in DIALECTS {
        let dialect = by_name(name).unwrap();
        let mut script = Script::new();
        let mut paths: Vec<_> = std::fs::read_dir(folder.join(name.replace('-', "_")))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            let source = Source::new("file", Content::Text(text));
            let options = ReadOptions { family: Some(Family::Inet), ..ReadOptions::default() };
            let document = dialect.read(&source, SourceId(0), &options).document;
            for set in document.rule_sets.iter().filter(|set| (2..=FEW).contains(&set.rules.len())) {
                if !is_spoken_of(set) {
                    left_out += 1;
                    continue;
                }
                asked += 1;
                let file = path.file_name().unwrap().to_string_lossy();
                ask_fates(&mut script, set, &format!("{file}: {}", set.name));
            }
        }
        no(&script);
        println!("{name}: {} questions", script.questions());
    }
    println!("{asked} rule sets asked about, {left_out} with fields that are not spoken of");
    assert!(asked > 100, "{asked}");
}

/// As many cases as there is time for, one after another from a seed on: `.ci/opinion`.
#[test]
fn campaign() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let minutes = number("FLOWGATE_OPINION_MINUTES");
    let first = number("FLOWGATE_OPINION_SEED").unwrap_or(1);
    let end = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let (mut questions, mut undecided, mut seed, mut said) = (0, 0, first, Instant::now());
    while end.map_or(seed < first + 24, |end| Instant::now() < end) {
        if minutes.is_some() && said.elapsed() > Duration::from_secs(30) {
            said = Instant::now();
            println!("seed {seed}: {questions} questions so far");
        }
        let count = case(seed);
        questions += count.questions;
        undecided += count.undecided;
        seed += 1;
    }
    println!(
        "{} cases with {questions} questions, {undecided} of them undecided, seeds {first} to {}",
        seed - first,
        seed - 1
    );
}
