//! Rule files of others: what the real programs take is loaded as it is, and packets at the boundaries of its rules go
//! through it.

use crate::chains_iptables::{count, entry as entry_of_iptables};
use crate::chains_nftables::{HOOKS, entry};
use crate::course::{Hits, Names, Tally, fit, run};
use crate::matrix_iptables::{PROGRAMS, Program};
use crate::programs::program;
use crate::random::Random;
use crate::rig::{kernel, packets, read, rounds};
use flowgate::dialect::{ReadOptions, Reading};
use flowgate::engine::kernel::{Devices, Gates, Hook, Kernel, Way};
use flowgate::ir::Document;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of the corpora; none, and a line that says so, where they are not at hand.
pub(crate) fn corpora(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let path = root.map(|root| root.join(folder)).filter(|path| path.is_dir());
    if path.is_none() {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `{folder}`");
    }
    path
}

/// The files of a folder: all of them in the long run, else every `step`th.
fn files(folder: &Path, fits: impl Fn(&str) -> bool, step: usize) -> Vec<(String, String)> {
    let mut list: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    list.sort();
    let named = list.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    let step = if rounds() > 1 { 1 } else { step };
    let chosen = named.filter(|(name, _)| fits(name)).step_by(step);
    chosen.filter_map(|(name, path)| Some((name, std::fs::read_to_string(path).ok()?))).collect()
}

/// Whether a file name has that end.
pub(crate) fn ends(name: &str, end: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == end)
}

/// Names for devices: those that rules name come first.
struct Chosen {
    names: Vec<String>,
}

impl Chosen {
    fn of(document: &Document) -> Self {
        let mut names: Vec<String> = Vec::new();
        for symbol in &document.symbols {
            let name = match symbol.strip_suffix('*') {
                Some("") => continue,
                Some(stem) => format!("{stem}7"),
                None => symbol.to_string(),
            };
            let plain =
                name.len() < 14 && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c));
            if plain && name != "lo" && !names.contains(&name) && !name.bytes().all(|c| c.is_ascii_digit()) {
                names.push(name);
            }
        }
        names.truncate(24);
        let mut spare = ["host0", "through0", "out0"].into_iter().map(str::to_owned);
        while names.len() < 3 {
            names.extend(spare.next());
        }
        Self { names }
    }

    fn names(&self) -> Names<'_> {
        Names { host: &self.names[0], through: &self.names[1], out: &self.names[2] }
    }

    fn kernel(&self) -> Option<Kernel> {
        let names = self.names();
        let more: Vec<&str> = self.names[3..].iter().map(String::as_str).collect();
        kernel(&Devices { host: names.host, through: names.through, out: names.out, more: &more })
    }
}

/// What came of the files of a folder.
#[derive(Default, Debug)]
struct Outcome {
    files: usize,
    tally: Tally,
    tracked: usize,
    /// Hooks passed over, by reason.
    passed_over: BTreeMap<&'static str, usize>,
    refused: BTreeMap<String, usize>,
}

/// Drives a kernel that has rules, both ways.
fn drive(
    kernel: &mut Kernel,
    document: &Document,
    entry: &dyn Fn(Hook, bool) -> Option<u32>,
    names: Names<'_>,
    outcome: &mut Outcome,
    random: &mut Random,
    wrong: &mut Vec<String>,
) -> Hits {
    kernel.gates(Gates::default()).unwrap();
    let tracked = kernel.tracks().unwrap();
    outcome.tracked += usize::from(tracked);
    kernel.gates(Gates { stop: None, tracked }).unwrap();
    let mut hits = Hits::new();
    for way in [Way::Host, Way::Through] {
        let list = fit(packets(document, 400, random));
        run(kernel, way, (document, entry), &list, names, (&mut outcome.tally, &mut hits), wrong);
    }
    hits
}

/// The kind of what a program says against a file.
fn reason(said: &str) -> String {
    let line = said
        .lines()
        .find(|line| line.contains("Error:") || line.contains("line") || line.contains("refuses"))
        .unwrap_or(said);
    let words = line.rsplit("Error:").next().unwrap_or(line).rsplit("refuses:").next().unwrap_or(line).trim();
    let plain: String =
        words.split(|c: char| "'‘\"’`:(;,".contains(c)).next().unwrap_or("").trim().to_owned();
    if plain.is_empty() { words.chars().take(60).collect() } else { plain }
}

#[test]
fn files_of_nftables_do_what_we_say() {
    let Some(folder) = corpora("nftables") else { return };
    let mut random = Random(5);
    let (mut outcome, mut wrong) = (Outcome::default(), Vec::new());
    for (name, text) in files(&folder, |name| ends(name, "nft"), 6) {
        let reading: Reading = read("nftables", &format!("{text}\n{HOOKS}"), &ReadOptions::default());
        let document = reading.document;
        let chosen = Chosen::of(&document);
        let Some(mut kernel) = chosen.kernel() else { return };
        if let Err(error) = kernel.nft(&text) {
            *outcome.refused.entry(reason(&error.to_string())).or_default() += 1;
            continue;
        }
        outcome.files += 1;
        outcome.tally.rules += document.rule_count();
        // Packets that are rewritten are not followed.
        let rewritten = |hook: Hook| {
            let of = |word: &str| text.contains(&format!("hook {word}")) && text.contains("type nat");
            match hook {
                Hook::Prerouting => of("prerouting"),
                Hook::Input | Hook::Forward => of("prerouting") || of("input"),
                Hook::Postrouting => of("prerouting") || of("postrouting"),
            }
        };
        let passed_over = std::cell::Cell::new(0);
        let of = |hook: Hook, six: bool| {
            if rewritten(hook) {
                passed_over.set(passed_over.get() + 1);
                return None;
            }
            entry(&document, hook, six)
        };
        let before = wrong.len();
        drive(&mut kernel, &document, &of, chosen.names(), &mut outcome, &mut random, &mut wrong);
        *outcome.passed_over.entry("NAT").or_default() += passed_over.get();
        if wrong.len() > before {
            let more = wrong.len() - before;
            wrong.truncate(before + 3);
            wrong.push(format!("^ {name}: {more}"));
        }
    }
    println!("{outcome:?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(outcome.files > 10);
}

/// Without the table `nat`, whose packets are rewritten.
fn without_nat(text: &str) -> String {
    let mut keep = true;
    let mut out = String::new();
    for line in text.lines() {
        if line.trim() == "*nat" {
            keep = false;
        }
        if keep {
            out += line;
            out.push('\n');
        }
        if line.trim() == "COMMIT" {
            keep = true;
        }
    }
    out
}

#[test]
fn files_of_iptables_do_what_we_say() {
    let Some(folder) = corpora("iptables") else { return };
    let mut random = Random(6);
    let mut wrong = Vec::new();
    let mut outcomes: BTreeMap<&str, Outcome> = BTreeMap::new();
    for (name, text) in files(&folder, |name| !name.contains("iptables-ext"), 4) {
        let text = if text.contains("COMMIT") {
            without_nat(&text)
        } else if text.lines().any(|line| line.starts_with("-A ")) {
            // Commands of one table.
            format!("*filter\n{text}\nCOMMIT\n")
        } else {
            continue;
        };
        for which in PROGRAMS {
            let programs = ["restore", "save"].map(|word| program(&format!("{}-{word}", which.name)));
            let [Some(restore), Some(save)] = programs else { return };
            let outcome = outcomes.entry(which.name).or_default();
            one_file(which, (&name, &text), (&restore, &save), outcome, &mut random, &mut wrong);
        }
    }
    for (name, outcome) in &outcomes {
        println!("{name}: {outcome:?}");
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn one_file(
    which: Program,
    (name, text): (&str, &str),
    (restore, save): (&Path, &Path),
    outcome: &mut Outcome,
    random: &mut Random,
    wrong: &mut Vec<String>,
) {
    // Which of the two families a text is for, its name and its program say.
    let six = text.contains("icmp6") || text.contains("Generated by ip6tables") || name.contains("ip6");
    if six != which.six {
        return;
    }
    let document = read("iptables", text, &which.options()).document;
    let chosen = Chosen::of(&document);
    let Some(mut kernel) = chosen.kernel() else { return };
    if let Err(error) = kernel.feed(restore, &[], text) {
        *outcome.refused.entry(reason(&error.to_string())).or_default() += 1;
        return;
    }
    outcome.files += 1;
    outcome.tally.rules += document.rule_count();
    let before = wrong.len();
    let mut own = Outcome::default();
    let hits = drive(
        &mut kernel,
        &document,
        &|hook, six| (six == which.six).then(|| entry_of_iptables(&document, hook))?,
        chosen.names(),
        &mut own,
        random,
        wrong,
    );
    // What asked whether connections are tracked may have met a rule too.
    let saved = kernel.feed(save, &["-c"], "").unwrap();
    count(&document, &saved, &hits, 1, &mut own.tally, wrong);
    outcome.tally.counters += own.tally.counters;
    outcome.tracked += own.tracked;
    outcome.tally.packets += own.tally.packets;
    outcome.tally.verdicts += own.tally.verdicts;
    outcome.tally.dropped += own.tally.dropped;
    outcome.tally.unknown += own.tally.unknown;
    if wrong.len() > before {
        let more = wrong.len() - before;
        wrong.truncate(before + 3);
        wrong.push(format!("^ {} {name}: {more}", which.name));
    }
}
