//! Single rules of iptables and ip6tables, with both back ends, against many packets: each rule sets a bit of the
//! packet's mark when it matches, or drops the packet on the spot.

use crate::corpora::{corpora, ends};
use crate::iptables_rules::conditions;
use crate::programs::program;
use crate::random::Random;
use crate::rig::{Place, errors, headers, hex, kernel, packets, read, rounds};
use crate::strange;
use flowgate::dialect::ReadOptions;
use flowgate::engine::kernel::{Devices, Gates, Hook, Kernel, Way};
use flowgate::eval::{Truth, evaluate};
use flowgate::field::{Family, Headers};
use flowgate::ir::{Document, Outcome, Verdict};
use std::collections::BTreeMap;
use std::path::PathBuf;

const BITS: usize = 32;
/// The tables of the hook, each with the mark of its rules.
const TABLES: [(&str, i64); 2] = [("raw", -300), ("mangle", -150)];

/// A program and what it loads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) six: bool,
    pub(crate) nft: bool,
}

pub(crate) const PROGRAMS: [Program; 4] = [
    Program { name: "iptables-legacy", six: false, nft: false },
    Program { name: "iptables-nft", six: false, nft: true },
    Program { name: "ip6tables-legacy", six: true, nft: false },
    Program { name: "ip6tables-nft", six: true, nft: true },
];

impl Program {
    /// What empties the tables.
    pub(crate) fn nothing() -> String {
        let all = [
            ("raw", &["PREROUTING", "OUTPUT"][..]),
            ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
            ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
            ("security", &["INPUT", "FORWARD", "OUTPUT"]),
        ];
        let mut text = String::new();
        for (table, chains) in all {
            text += &format!("*{table}\n");
            for chain in chains {
                text += &format!(":{chain} ACCEPT [0:0]\n");
            }
            text += "COMMIT\n";
        }
        text
    }

    pub(crate) fn options(self) -> ReadOptions {
        let family = Some(if self.six { Family::Inet6 } else { Family::Inet });
        ReadOptions { iptables_nft: self.nft, iptables_exact: true, family, ..ReadOptions::default() }
    }
}

struct Rule {
    text: String,
    document: Document,
}

/// What a rule does with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Done {
    Nothing,
    Matched,
    Dropped,
    Unknown,
}

fn done(document: &Document, headers: &Headers) -> Done {
    let mut done = Done::Nothing;
    for rule in &document.rule_sets[0].rules {
        match (evaluate(rule.condition, headers), rule.outcome) {
            (Truth::No, _) => {}
            (Truth::Unknown, _) => return Done::Unknown,
            (Truth::Yes, Outcome::Verdict(Verdict::Discard)) => return Done::Dropped,
            (Truth::Yes, _) => done = Done::Matched,
        }
        if done == Done::Matched {
            break;
        }
    }
    done
}

#[derive(Default, Debug)]
struct Tally {
    rules: usize,
    packets: usize,
    never_came: usize,
    verdicts: usize,
    matched: usize,
    dropped: usize,
    strange: BTreeMap<&'static str, usize>,
    unknown: BTreeMap<String, usize>,
}

fn text(rules: &[Rule]) -> String {
    let mut text = String::new();
    for ((table, _), rules) in TABLES.iter().zip(rules.chunks(BITS)) {
        text += &format!("*{table}\n:PREROUTING ACCEPT [0:0]\n");
        for (bit, rule) in rules.iter().enumerate() {
            text += &format!("-A PREROUTING {} -j MARK --or-mark {:#x}\n", rule.text, 1_u32 << bit);
        }
        text += "COMMIT\n";
    }
    text
}

/// Loads rules; those that the program refuses are taken out.
fn load(
    kernel: &mut Kernel,
    program: Program,
    restore: &PathBuf,
    rules: &mut Vec<Rule>,
    refused: &mut Vec<String>,
) {
    kernel.flush().unwrap();
    while let Err(error) = kernel.feed(restore, &[], &text(rules)) {
        let said = error.to_string();
        let line = said.split("line").filter_map(|rest| {
            rest.trim_start_matches([' ', ':'])
                .split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse::<usize>()
                .ok()
        });
        let lines: Vec<usize> = line.collect();
        let before = rules.len();
        let mut number = 0;
        rules.retain(|rule| {
            let line = number + 3 + if number >= BITS { 3 } else { 0 };
            number += 1;
            let fine = !lines.contains(&line);
            if !fine {
                refused.push(format!(
                    "{} `{}`: {}",
                    program.name,
                    rule.text,
                    said.lines().next().unwrap_or("")
                ));
            }
            fine
        });
        if rules.len() == before {
            // The kernel takes the table whole or not at all, and does not say which rule it is.
            let texts: Vec<String> = rules.iter().map(|rule| rule.text.clone()).collect();
            let bad = not_taken(kernel, restore, &texts);
            assert!(!bad.is_empty(), "{} refuses none of the rules alone: {said}", program.name);
            refused.extend(bad.iter().map(|text| format!("{} `{text}`: {said}", program.name)));
            rules.retain(|rule| !bad.contains(&rule.text));
        }
    }
    let mut marks = String::from("table inet marks {\n");
    for (table, priority) in TABLES {
        marks += &format!(
            "set {table} {{ type ether_addr . mark; size 1000000; flags dynamic; }}\n\
             chain before-{table} {{ type filter hook prerouting priority {}; meta mark set 0\n}}\n\
             chain behind-{table} {{ type filter hook prerouting priority {}; add @{table} {{ ether saddr . meta mark }}\n}}\n",
            priority - 1,
            priority + 1
        );
    }
    kernel.nft(&(marks + "}\n")).unwrap();
    kernel.gates(Gates { stop: Some(Hook::Prerouting), tracked: false }).unwrap();
}

/// The rules that are not taken, found by halves.
fn not_taken(kernel: &Kernel, restore: &PathBuf, texts: &[String]) -> Vec<String> {
    let mut all = String::new();
    for text in texts {
        all += &format!("-A PREROUTING {text} -j MARK --or-mark 1\n");
    }
    let taken = kernel.feed(restore, &[], &format!("*raw\n:PREROUTING ACCEPT [0:0]\n{all}COMMIT\n"));
    match texts {
        _ if taken.is_ok() => Vec::new(),
        [one] => vec![one.clone()],
        several => {
            let (left, right) = several.split_at(several.len() / 2);
            [not_taken(kernel, restore, left), not_taken(kernel, restore, right)].concat()
        }
    }
}

fn compare(
    kernel: &mut Kernel,
    program: Program,
    rules: &[Rule],
    list: &[Vec<u8>],
    tally: &mut Tally,
    wrong: &mut BTreeMap<String, Vec<String>>,
) {
    let frames: Vec<Vec<u8>> =
        list.iter().enumerate().map(|(at, packet)| kernel.frame(Way::Host, at as u32, packet)).collect();
    let passage = kernel.drive(Way::Host, list).unwrap();
    tally.packets += list.len();
    tally.never_came += list.len() - passage.came(Hook::Prerouting).len();
    let at = Place { input: Some("host0"), ..Place::default() };
    'packets: for (place, frame) in frames.iter().enumerate() {
        let number = place as u32;
        if !passage.came(Hook::Prerouting).contains(&number) || (frame[14] >> 4 == 6) != program.six {
            continue;
        }
        let view = headers(&Document::default(), frame, at);
        let strange = strange::view_of_xtables(&list[place], &view, program.nft);
        for ((table, _), rules) in TABLES.iter().zip(rules.chunks(BITS)) {
            let mark = passage.marks(table).and_then(|marks| marks.get(&number)).copied();
            let mut fallen = false;
            for (bit, rule) in rules.iter().enumerate() {
                let headers = headers(&rule.document, frame, at);
                let kernel =
                    mark.map(|mark| if mark >> bit & 1 == 1 { Done::Matched } else { Done::Nothing });
                let agrees = |ours: Done| match kernel {
                    Some(kernel) => ours == kernel,
                    // Dropped by one of them: which one is known by what we say of those before it.
                    None => true,
                };
                let mut ours = done(&rule.document, &headers);
                if ours != Done::Unknown
                    && (!agrees(ours) || strange.is_some() && kernel.is_none())
                    && let Some((class, view)) = &strange
                {
                    let mut view = view.clone();
                    for field in [flowgate::field::Field::InIface, flowgate::field::Field::InGroup] {
                        if let flowgate::field::Reading::Value(value) = headers.get(field) {
                            view.set_wide(field, value);
                        }
                    }
                    let other = done(&rule.document, &view);
                    if other != ours {
                        *tally.strange.entry(class).or_default() += 1;
                        ours = other;
                    }
                }
                if ours == Done::Unknown {
                    *tally.unknown.entry(kind(&rule.text)).or_default() += 1;
                    if kernel.is_none() {
                        // It may be the one that drops.
                        continue 'packets;
                    }
                    continue;
                }
                tally.verdicts += 1;
                if !agrees(ours) {
                    let example = format!("the kernel {kernel:?}, we {ours:?}: {}", hex(&list[place]));
                    wrong.entry(format!("{} `{}`", program.name, rule.text)).or_default().push(example);
                }
                match ours {
                    Done::Matched => tally.matched += 1,
                    Done::Dropped => {
                        tally.dropped += 1;
                        fallen = true;
                        break;
                    }
                    _ => {}
                }
            }
            if fallen {
                continue 'packets;
            }
            if mark.is_none() {
                let example = format!("the kernel drops it, we do not: {}", hex(&list[place]));
                wrong.entry(format!("{} {table}", program.name)).or_default().push(example);
                continue 'packets;
            }
        }
    }
}

fn kind(text: &str) -> String {
    text.split("-m ").skip(1).map(|part| part.split(' ').next().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn single_rules_match_what_the_kernel_matches() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut random = Random(2);
    let (mut wrong, mut refused) = (BTreeMap::new(), Vec::new());
    for which in PROGRAMS {
        let Some(restore) = program(&format!("{}-restore", which.name)) else { return };
        let mut tally = Tally::default();
        for _ in 0..rounds() * 16 {
            let mut rules: Vec<Rule> = Vec::new();
            while rules.len() < BITS * TABLES.len() {
                let text = conditions(which.six, &mut random);
                let reading = read(
                    "iptables",
                    &format!("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {text} -j ACCEPT\nCOMMIT\n"),
                    &which.options(),
                );
                if errors(&reading).is_empty() {
                    rules.push(Rule { text, document: reading.document });
                    continue;
                }
                kernel.flush().unwrap();
                let alone =
                    format!("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {text} -j ACCEPT\nCOMMIT\n");
                if kernel.feed(&restore, &[], &alone).is_ok() {
                    wrong
                        .entry(format!("{} `{text}`", which.name))
                        .or_insert_with(Vec::new)
                        .push(format!("it is taken, but not by us: {:?}", errors(&reading)));
                }
            }
            load(&mut kernel, which, &restore, &mut rules, &mut refused);
            tally.rules += rules.len();
            let mut list = Vec::new();
            for rule in &rules {
                list.extend(packets(&rule.document, 5, &mut random));
            }
            compare(&mut kernel, which, &rules, &list, &mut tally, &mut wrong);
            kernel.feed(&restore, &[], &Program::nothing()).unwrap();
        }
        println!("{}: {tally:?}", which.name);
    }
    println!("refused by the programs alone: {}\n{}", refused.len(), refused.join("\n"));
    let shown: Vec<String> =
        wrong.iter().map(|(rule, list)| format!("{rule}: {} packets, {}", list.len(), list[0])).collect();
    assert!(wrong.is_empty(), "{} rules differ:\n{}", wrong.len(), shown.join("\n"));
}

/// The rules of iptables' own tests that only ask.
#[test]
fn rules_of_iptables_own_tests_match_what_the_kernel_matches() {
    let Some(folder) = corpora("iptables") else { return };
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut random = Random(10);
    let (mut wrong, mut refused) = (BTreeMap::new(), Vec::new());
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for which in PROGRAMS {
        let Some(restore) = program(&format!("{}-restore", which.name)) else { return };
        let mut tally = Tally::default();
        let mut rules: Vec<Rule> = Vec::new();
        for path in &paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let other = if which.six { "libipt_" } else { "libip6t_" };
            if !ends(&name, "t")
                || name.contains(other)
                || name.contains(if which.six { "__iptables" } else { "__ip6tables" })
            {
                continue;
            }
            for line in std::fs::read_to_string(path).unwrap().lines() {
                let mut parts = line.split(';');
                let (Some(text), Some(_), Some("OK")) = (parts.next(), parts.next(), parts.next()) else {
                    continue;
                };
                // What the kernel keeps of connections and the like is looked at elsewhere, and so are targets.
                let elsewhere = [
                    "conntrack",
                    "state",
                    "connmark",
                    "connbytes",
                    "connlimit",
                    "helper",
                    "socket",
                    "-m mark",
                ];
                let words = [" -j", "-j ", "-g ", "-o ", "--cgroup"].iter().chain(&elsewhere);
                if text.starts_with([':', '#', '@', '*']) || words.into_iter().any(|word| text.contains(word))
                {
                    continue;
                }
                let reading = read(
                    "iptables",
                    &format!("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {text} -j ACCEPT\nCOMMIT\n"),
                    &which.options(),
                );
                if errors(&reading).is_empty() {
                    rules.push(Rule { text: text.to_owned(), document: reading.document });
                }
            }
        }
        while !rules.is_empty() {
            let mut batch: Vec<Rule> = rules.drain(..rules.len().min(BITS * TABLES.len())).collect();
            load(&mut kernel, which, &restore, &mut batch, &mut refused);
            tally.rules += batch.len();
            let mut list = Vec::new();
            for rule in &batch {
                list.extend(packets(&rule.document, 12, &mut random));
            }
            compare(&mut kernel, which, &batch, &list, &mut tally, &mut wrong);
            kernel.feed(&restore, &[], &Program::nothing()).unwrap();
        }
        println!("{}: {tally:?}", which.name);
        assert!(tally.rules > 20, "{}", which.name);
    }
    println!("refused by the programs alone: {}", refused.len());
    let shown: Vec<String> =
        wrong.iter().map(|(rule, list)| format!("{rule}: {} packets, {}", list.len(), list[0])).collect();
    assert!(wrong.is_empty(), "{} rules differ:\n{}", wrong.len(), shown.join("\n"));
}
