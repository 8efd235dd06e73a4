//! The patterns of the Core Rule Set and of Suricata's own tests: each has an answer or a reason, each claim was replayed,
//! and what is called linear stays so on whatever subjects are made up.

use crate::dice::Dice;
use crate::vectors::steps_of;
use flowgate::dialect::{ReadOptions, by_name};
use flowgate::ir::Pattern;
use flowgate::regex::{self, Growth, Node, Program};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

pub(crate) fn patterns(folder: &str, ending: &str, dialect: &str) -> Vec<Pattern> {
    let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir()) else {
        println!("skipped: FLOWGATE_CORPORA names no folder");
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    let dialect = by_name(dialect).unwrap();
    let mut all = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let source = Source::new(path.display().to_string(), Content::Text(text));
        let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
        let wrong: Vec<_> = reading.diagnostics.iter().filter(|d| d.check == "syntax-error").collect();
        // Rules that are there to be refused: one whose pattern is missing.
        let known = path.to_string_lossy().contains("detect-pcrexform-02");
        assert!(wrong.is_empty() || known, "{}: {wrong:?}", path.display());
        for pattern in &reading.document.patterns {
            // What is told of a part is told at its place.
            let shown = source.slice(pattern.origin.span).replace("\\\n", "");
            assert!(shown.len() >= pattern.text.len(), "{}: {shown}", path.display());
            assert_eq!(shown.len(), pattern.text.len() + pattern.escapes.len(), "{}", path.display());
        }
        all.extend(reading.document.patterns);
    }
    all
}

/// Patterns that are called linear and tried; fewer without optimisation, where ours is slow.
const FEW: usize = if cfg!(debug_assertions) { 8 } else { 50 };

fn tree(pattern: &Pattern) -> Result<Node, String> {
    regex::parse(&pattern.text, pattern.flags).map_err(|error| error.to_string())
}

#[test]
fn every_pattern_of_the_corpora_has_an_answer_or_a_reason_and_every_claim_its_replay() {
    for (folder, ending, dialect, least) in
        [("regex_crs", ".conf", "secrule", 170), ("suricata", ".rules", "suricata", 4)]
    {
        let all = patterns(folder, ending, dialect);
        if all.is_empty() {
            continue;
        }
        assert!(all.len() >= least, "{folder}: {}", all.len());
        // Ours is slow without optimisation: a part of them then.
        let part = if cfg!(debug_assertions) { 12 } else { 1 };
        let all: Vec<&Pattern> = all.iter().step_by(part).collect();
        let start = Instant::now();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for pattern in all.iter().copied() {
            let answer = match tree(pattern) {
                Err(reason) => reason,
                Ok(tree) => {
                    let program = Program::new(&tree).unwrap();
                    match regex::analyse(&tree, &program) {
                        Err(exhausted) => exhausted.to_string(),
                        Ok(analysis) => {
                            if analysis.growth != Growth::Power(1) {
                                let (rounds, steps) = analysis.witness.last();
                                let again = steps_of(&program, &analysis.witness.subject(rounds));
                                assert_eq!(again, steps, "{}", pattern.text);
                                assert!(analysis.witness.replayed.len() >= 3, "{}", pattern.text);
                            }
                            match analysis.growth {
                                Growth::Exponential(_) => "exponential".to_owned(),
                                Growth::Power(1) if analysis.bound != Some(1) => "open".to_owned(),
                                Growth::Power(power) => format!("n^{power}"),
                            }
                        }
                    }
                }
            };
            *counts.entry(answer).or_default() += 1;
        }
        println!("{folder}: {} patterns in {:.1?}: {counts:?}", all.len(), start.elapsed());
        let open = counts.get("open").copied().unwrap_or(0);
        assert!(open * 50 <= all.len(), "{folder}: {counts:?}");
    }
}

#[test]
fn what_is_called_linear_stays_so_on_subjects_made_up() {
    let all = patterns("regex_crs", ".conf", "secrule");
    let mut dice = Dice(50);
    let mut linear = Vec::new();
    // In the order of the dice, until there are fifty.
    let mut order: Vec<&Pattern> = all.iter().collect();
    for at in (1..order.len()).rev() {
        order.swap(at, dice.below(at + 1));
    }
    for pattern in order {
        let Ok(tree) = tree(pattern) else { continue };
        let program = Program::new(&tree).unwrap();
        let Ok(analysis) = regex::analyse(&tree, &program) else { continue };
        if analysis.growth == Growth::Power(1) && analysis.bound == Some(1) {
            linear.push((pattern, program));
        }
        if linear.len() == FEW {
            break;
        }
    }
    if all.is_empty() {
        return;
    }
    assert_eq!(linear.len(), FEW);
    let (mut tried, mut worst) = (0, 0.0_f64);
    for (pattern, program) in &linear {
        let letters: Vec<u8> = pattern.text.bytes().chain(*b" \n=aZ0-'\"/\\\xff\0").collect();
        for _ in 0..60 {
            let word: Vec<u8> = (0..=dice.below(5)).map(|_| *dice.pick(&letters)).collect();
            let end = *dice.pick(&letters);
            let subject = |rounds: usize| [word.repeat(rounds), vec![end]].concat();
            let (few, many) = (steps_of(program, &subject(60)), steps_of(program, &subject(120)));
            // What is found early takes no more for a longer subject.
            let growth = many as f64 / few as f64;
            assert!(growth < 2.3, "{} on {}: {few} then {many}", pattern.text, word.escape_ascii());
            worst = worst.max(growth);
            tried += 1;
        }
    }
    println!("{tried} subjects of {FEW} patterns; twice the length takes {worst:.2} times the steps at most");
}
