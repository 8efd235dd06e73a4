//! What is written as nftables and iptables, from the samples and real files of every dialect: the kernel that loads it
//! gives each packet the verdict of the rules it was written from, wherever nothing is said to be lost.

use crate::chains_iptables::entry as entry_of_iptables;
use crate::chains_nftables::{HOOKS, entry};
use crate::course::fit;
use crate::matrix_iptables::{PROGRAMS, Program};
use crate::programs::program;
use crate::random::Random;
use crate::rig::{Place, headers, hex, kernel, packets, read, rounds};
use flowgate::dialect::{DIALECTS, Dialect, Loss, PrintOptions, ReadOptions, Reads, by_name};
use flowgate::engine::kernel::{Devices, Gates, Hook, Kernel, Passage, Way};
use flowgate::eval::{Decision, Evaluator};
use flowgate::feed;
use flowgate::field::{Family, Headers};
use flowgate::ir::{Document, Outcome, RuleBuf, Rules, Verdict};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Differences that are understood: what was written says what the rules say, and the program that loads it does what
/// our reading of it as that program's says.
const SHORT: &str = "a match of xtables reads its whole header";
const LEGACY: &str = "written for the legacy back end, loaded by the other";

#[derive(Default, Debug)]
struct Tally {
    sets: usize,
    with_loss: usize,
    refused: BTreeMap<String, usize>,
    packets: usize,
    verdicts: usize,
    dropped: usize,
    unknown: usize,
    strange: BTreeMap<&'static str, usize>,
}

/// The sources of a dialect: its samples, and real files where they are at hand.
fn sources(dialect: &dyn Dialect) -> Vec<(String, Source)> {
    let name = dialect.name();
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("rules").join(name).join("sound");
    let real =
        std::env::var_os("FLOWGATE_CORPORA").map(|root| PathBuf::from(root).join(name.replace('-', "_")));
    let step = if rounds() > 1 { 1 } else { 12 };
    let mut list = Vec::new();
    for (folder, step) in [(Some(samples), 1), (real, step)] {
        let Some(folder) = folder.filter(|folder| folder.is_dir()) else { continue };
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        list.extend(paths.into_iter().step_by(step).filter_map(|path| source(dialect, &path)));
    }
    list
}

fn source(dialect: &dyn Dialect, path: &Path) -> Option<(String, Source)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let octets = std::fs::read(path).ok()?;
    let content = match dialect.reads() {
        Reads::Text => Content::Text(String::from_utf8(octets).ok()?),
        _ => feed::read(feed::recognise(&octets)?, octets.as_slice()).ok()?.content,
    };
    Some((name.clone(), Source::new(&name, content)))
}

/// One rule set with those it calls.
fn only(document: &Document, entry: usize) -> Document {
    let mut order = vec![entry];
    let mut at = 0;
    while let Some(index) = order.get(at).copied() {
        for rule in &document.rule_sets[index].rules {
            if let Some(target) = rule.outcome.target().map(|target| target as usize)
                && target < document.rule_sets.len()
                && !order.contains(&target)
            {
                order.push(target);
            }
        }
        at += 1;
    }
    let place = |target: u32| {
        order.iter().position(|index| *index == target as usize).map_or(u32::MAX, |at| at as u32)
    };
    let rule_sets = order.iter().map(|index| {
        let mut set = document.rule_sets[*index].clone();
        set.rules = Rules::new();
        for rule in &document.rule_sets[*index].rules {
            let outcome = match rule.outcome {
                Outcome::Call(target) => Outcome::Call(place(target)),
                Outcome::Goto(target) => Outcome::Goto(place(target)),
                Outcome::Stage(target) => Outcome::Stage(place(target)),
                other => other,
            };
            set.rules.push(RuleBuf { outcome, ..rule.to_buf() });
        }
        set
    });
    Document { rule_sets: rule_sets.collect(), symbols: document.symbols.clone(), ..Document::default() }
}

/// What is written, and whether it means the same.
fn written(dialect: &str, document: &Document) -> (String, bool) {
    let mut text = String::new();
    let lost = by_name(dialect).unwrap().print(document, &PrintOptions::default(), &mut text).unwrap();
    (text, lost.iter().all(|lost| lost.loss == Loss::Detail))
}

fn decide(document: &Document, headers: &Headers) -> Option<Verdict> {
    match Evaluator::new(document, 0).unwrap().decide(headers).unwrap() {
        Decision::Verdict(verdict, _) => Some(verdict),
        Decision::Unknown(_) => None,
    }
}

/// What is compared with the kernel: the rules as they were, and as the program reads what was written of them.
struct Case<'a> {
    name: &'a str,
    original: &'a Document,
    written: &'a Document,
    entry: Option<u32>,
    /// The same, as its first line says, without what the program does with short packets; and the class of what
    /// differs from it.
    loose: Option<(&'a Document, u32)>,
    class: &'static str,
    hook: Hook,
    way: Way,
}

fn compare(
    kernel: &mut Kernel,
    case: &Case<'_>,
    six: Option<bool>,
    list: &[Vec<u8>],
    tally: &mut Tally,
    wrong: &mut Vec<String>,
) {
    kernel.gates(Gates::default()).unwrap();
    let tracked = kernel.tracks().unwrap();
    kernel
        .gates(Gates { stop: (case.hook == Hook::Prerouting).then_some(Hook::Prerouting), tracked })
        .unwrap();
    let frames: Vec<Vec<u8>> =
        list.iter().enumerate().map(|(at, packet)| kernel.frame(case.way, at as u32, packet)).collect();
    let passage: Passage = kernel.drive(case.way, list).unwrap();
    tally.packets += list.len();
    for (at, frame) in frames.iter().enumerate() {
        let number = at as u32;
        let kept = tracked && !passage.whole().contains(&number);
        let of_six = frame[14] >> 4 == 6;
        if !passage.came(case.hook).contains(&number) || kept || six.is_some_and(|six| six != of_six) {
            continue;
        }
        let family = case.original.rule_sets[0].family;
        if (family == Family::Inet && of_six) || (family == Family::Inet6 && !of_six) {
            continue;
        }
        let forward = case.hook == Hook::Forward;
        let place = Place {
            input: Some(if case.way == Way::Host { "host0" } else { "through0" }),
            output: forward.then_some("out0"),
            hop: forward,
            state: passage.state(number),
        };
        let left = passage.left(case.hook).contains(&number);
        let Some(ours) = decide(case.original, &headers(case.original, frame, place)) else {
            tally.unknown += 1;
            continue;
        };
        tally.verdicts += 1;
        tally.dropped += usize::from(!left);
        if ours.is_drop() != left {
            continue;
        }
        // The same as the program has it, read as it is loaded.
        let again = case.entry.and_then(|entry| {
            let headers = headers(case.written, frame, place);
            Evaluator::new(case.written, entry as usize)?.decide(&headers).ok()
        });
        let loose = case.loose.and_then(|(document, entry)| {
            let headers = headers(document, frame, place);
            match Evaluator::new(document, entry as usize)?.decide(&headers).ok()? {
                Decision::Verdict(verdict, _) => Some(verdict.is_drop()),
                Decision::Unknown(_) => None,
            }
        });
        if let Some(Decision::Verdict(verdict, _)) = again
            && verdict.is_drop() != left
            && loose == Some(ours.is_drop())
        {
            *tally.strange.entry(case.class).or_default() += 1;
            continue;
        }
        wrong.push(format!(
            "{}: the kernel {}, the rules {ours}, what is written {again:?}: {}",
            case.name,
            if left { "lets it pass" } else { "drops it" },
            hex(&list[at])
        ));
    }
}

fn nftables(
    kernel: &mut Kernel,
    name: &str,
    original: &Document,
    random: &mut Random,
    tally: &mut Tally,
    wrong: &mut Vec<String>,
) {
    let (text, same) = written("nftables", original);
    if !same {
        tally.with_loss += 1;
        return;
    }
    let mut text = text;
    for hook in ["input", "forward", "output", "postrouting"] {
        text = text.replace(&format!("hook {hook} "), "hook prerouting ");
    }
    kernel.flush().unwrap();
    if let Err(error) = kernel.nft(&text) {
        let said = error.to_string();
        let line = said.lines().next().unwrap_or("").rsplit("Error:").next().unwrap_or("").to_owned();
        *tally.refused.entry(line).or_default() += 1;
        return;
    }
    tally.sets += 1;
    let document = read("nftables", &format!("{text}{HOOKS}"), &ReadOptions::default()).document;
    let mut list = packets(original, 150, random);
    list.extend(packets(&document, 60, random));
    let case = Case {
        name,
        original,
        written: &document,
        entry: entry(&document, Hook::Prerouting, false).or_else(|| entry(&document, Hook::Prerouting, true)),
        loose: None,
        class: "",
        hook: Hook::Prerouting,
        way: Way::Host,
    };
    let before = wrong.len();
    compare(kernel, &case, None, &fit(list), tally, wrong);
    if wrong.len() > before {
        let more = wrong.len() - before;
        wrong.truncate(before + 2);
        wrong.push(format!("^ {more}\n{text}"));
    }
}

fn iptables(
    kernel: &mut Kernel,
    which: Program,
    (name, restore): (&str, &Path),
    original: &Document,
    random: &mut Random,
    tally: &mut Tally,
    wrong: &mut Vec<String>,
) {
    let family = original.rule_sets[0].family;
    if (family == Family::Inet && which.six) || (family == Family::Inet6 && !which.six) {
        return;
    }
    let (text, same) = written("iptables", original);
    if !same {
        tally.with_loss += 1;
        return;
    }
    // The part of a family has a first line that says which.
    let (four, six) = match text.split_once("# Generated by ip6tables") {
        Some((four, six)) => (four.to_owned(), format!("# Generated by ip6tables{six}")),
        None if text.starts_with("# Generated by iptables") && family == Family::Any => {
            (text.clone(), String::new())
        }
        None => (text.clone(), text.clone()),
    };
    let text = if which.six { six } else { four };
    // What the legacy back end cannot say is written for the other, and its first line says so.
    if !text.contains("COMMIT") || (text.contains("(nf_tables)") && !which.nft) {
        return;
    }
    kernel.flush().unwrap();
    if let Err(error) = kernel.feed(restore, &[], &text) {
        *tally.refused.entry(error.to_string().chars().take(160).collect()).or_default() += 1;
        return;
    }
    tally.sets += 1;
    let document = read("iptables", &text, &which.options()).document;
    let hook = [Hook::Forward, Hook::Input, Hook::Prerouting, Hook::Postrouting].into_iter().find(|hook| {
        text.lines().any(|line| line.starts_with(&format!("-A {}", hook.name().to_uppercase())))
    });
    let Some(hook) = hook.filter(|hook| *hook != Hook::Postrouting) else {
        kernel.feed(restore, &[], &Program::nothing()).unwrap();
        return;
    };
    let mut list = packets(original, 150, random);
    list.extend(packets(&document, 60, random));
    let way = if hook == Hook::Forward { Way::Through } else { Way::Host };
    let as_said = ReadOptions { iptables_exact: false, iptables_nft: false, ..which.options() };
    let loose = read("iptables", &text, &as_said).document;
    let case = Case {
        name,
        original,
        written: &document,
        entry: entry_of_iptables(&document, hook),
        loose: entry_of_iptables(&loose, hook).map(|entry| (&loose, entry)),
        class: if which.nft && !text.contains("(nf_tables)") { LEGACY } else { SHORT },
        hook,
        way,
    };
    let before = wrong.len();
    compare(kernel, &case, Some(which.six), &fit(list), tally, wrong);
    if wrong.len() > before {
        let more = wrong.len() - before;
        wrong.truncate(before + 2);
        wrong.push(format!("^ {}: {more}\n{text}", which.name));
    }
    kernel.feed(restore, &[], &Program::nothing()).unwrap();
}

#[test]
fn what_is_written_does_what_it_was_written_from() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let restores: Vec<Option<PathBuf>> =
        PROGRAMS.iter().map(|which| program(&format!("{}-restore", which.name))).collect();
    let mut random = Random(7);
    let mut wrong = Vec::new();
    for dialect in DIALECTS {
        if dialect.reads() == Reads::Nothing {
            continue;
        }
        let (mut files, mut nft, mut xtables) = (0, Tally::default(), Tally::default());
        for (name, source) in sources(*dialect) {
            files += 1;
            let document = dialect.read(&source, SourceId(0), &ReadOptions::default()).document;
            let entries = document.entries();
            for entry in entries.into_iter().take(if rounds() > 1 { 40 } else { 3 }) {
                let original = only(&document, entry);
                let name = format!("{}/{name} {}", dialect.name(), original.rule_sets[0].name);
                // Conditions with names of devices are told apart elsewhere.
                if original.rule_sets.iter().map(|set| set.rules.len()).sum::<usize>() > 400 {
                    continue;
                }
                nftables(&mut kernel, &name, &original, &mut random, &mut nft, &mut wrong);
                for (which, restore) in PROGRAMS.into_iter().zip(&restores) {
                    let Some(restore) = restore else { continue };
                    iptables(
                        &mut kernel,
                        which,
                        (&name, restore),
                        &original,
                        &mut random,
                        &mut xtables,
                        &mut wrong,
                    );
                }
            }
        }
        println!("{}: {files} files\n  nftables {nft:?}\n  iptables {xtables:?}", dialect.name());
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
}
