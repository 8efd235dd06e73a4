//! Single rules of iptables and ip6tables, with both back ends, against many packets: each rule sets a bit of the
//! packet's mark when it matches, or drops the packet on the spot.

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
    /// What empties its tables.
    pub(crate) fn nothing(self) -> String {
        let chains = |list: &[&str]| list.iter().map(|chain| format!(":{chain} ACCEPT [0:0]\n")).collect::<String>();
        [
            ("raw", &["PREROUTING", "OUTPUT"][..]),
            ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
            ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
            ("security", &["INPUT", "FORWARD", "OUTPUT"]),
        ]
        .map(|(table, list)| format!("*{table}\n{}COMMIT\n", chains(list)))
        .concat()
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
        match (evaluate(&rule.condition, headers), rule.outcome) {
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
fn load(kernel: &mut Kernel, program: Program, restore: &PathBuf, rules: &mut Vec<Rule>, refused: &mut Vec<String>) {
    kernel.flush().unwrap();
    while let Err(error) = kernel.feed(restore, &[], &text(rules)) {
        let said = error.to_string();
        let line = said.split("line").filter_map(|rest| rest.trim_start_matches([' ', ':']).split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok());
        let lines: Vec<usize> = line.collect();
        let before = rules.len();
        let mut number = 0;
        rules.retain(|rule| {
            let line = number + 3 + if number >= BITS { 3 } else { 0 };
            number += 1;
            let fine = !lines.contains(&line);
            if !fine {
                refused.push(format!("{} `{}`: {}", program.name, rule.text, said.lines().next().unwrap_or("")));
            }
            fine
        });
        assert!(rules.len() < before, "{} refuses none of the rules alone: {said}", program.name);
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

fn compare(kernel: &mut Kernel, program: Program, rules: &[Rule], list: &[Vec<u8>], tally: &mut Tally, wrong: &mut BTreeMap<String, Vec<String>>) {
    let frames: Vec<Vec<u8>> = list.iter().enumerate().map(|(at, packet)| kernel.frame(Way::Host, at as u32, packet)).collect();
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
                let kernel = mark.map(|mark| if mark >> bit & 1 == 1 { Done::Matched } else { Done::Nothing });
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
        for _ in 0..rounds() * 18 {
            let mut rules: Vec<Rule> = Vec::new();
            while rules.len() < BITS * TABLES.len() {
                let text = conditions(which.six, &mut random);
                let reading = read("iptables", &format!("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {text} -j ACCEPT\nCOMMIT\n"), &which.options());
                if errors(&reading).is_empty() {
                    rules.push(Rule { text, document: reading.document });
                    continue;
                }
                kernel.flush().unwrap();
                let alone = format!("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {text} -j ACCEPT\nCOMMIT\n");
                if kernel.feed(&restore, &[], &alone).is_ok() {
                    wrong.entry(format!("{} `{text}`", which.name)).or_insert_with(Vec::new).push(format!("it is taken, but not by us: {:?}", errors(&reading)));
                }
            }
            load(&mut kernel, which, &restore, &mut rules, &mut refused);
            tally.rules += rules.len();
            let mut list = Vec::new();
            for rule in &rules {
                list.extend(packets(&rule.document, 8, &mut random));
            }
            compare(&mut kernel, which, &rules, &list, &mut tally, &mut wrong);
            kernel.feed(&restore, &[], &which.nothing()).unwrap();
        }
        println!("{}: {tally:?}", which.name);
    }
    println!("refused by the programs alone: {}\n{}", refused.len(), refused.join("\n"));
    let shown: Vec<String> = wrong.iter().map(|(rule, list)| format!("{rule}: {} packets, {}", list.len(), list[0])).collect();
    assert!(wrong.is_empty(), "{} rules differ:\n{}", wrong.len(), shown.join("\n"));
}
