//! Single rules of nftables against many packets: each rule sets a bit of the packet's mark when it matches.

use crate::nftables_rules::{FAMILIES, conditions};
use crate::random::Random;
use crate::strange;
use crate::rig::{Place, errors, headers, hex, kernel, packets, read, rounds};
use flowgate::dialect::ReadOptions;
use flowgate::engine::kernel::{Devices, Gates, Hook, Kernel, Way};
use flowgate::eval::{Truth, evaluate};
use flowgate::field::Headers;
use flowgate::ir::Document;
use std::collections::BTreeMap;

/// Rules that share a mark.
const BITS: usize = 32;
/// Marks that share a load.
const GROUPS: usize = 4;

struct Rule {
    text: String,
    document: Document,
}

/// What a comparison came to.
#[derive(Default, Debug)]
struct Tally {
    rules: usize,
    refused: usize,
    packets: usize,
    never_came: usize,
    verdicts: usize,
    matched: usize,
    strange: BTreeMap<&'static str, usize>,
    unknown: BTreeMap<String, usize>,
}

fn one(family: &str, text: &str) -> String {
    format!("table {family} t {{\nchain c {{ type filter hook prerouting priority -300; policy accept;\n{text} accept\n}}\n}}\n")
}

fn truth(document: &Document, headers: &Headers) -> Truth {
    let mut truth = Truth::No;
    for rule in &document.rule_sets[0].rules {
        match evaluate(&rule.condition, headers) {
            Truth::Yes => return Truth::Yes,
            Truth::Unknown => truth = Truth::Unknown,
            Truth::No => {}
        }
    }
    truth
}

/// Loads rules; those that nft refuses, by its own words, are taken out.
fn load(kernel: &mut Kernel, family: &str, rules: &mut Vec<Rule>, refused: &mut Vec<String>) {
    while let Err(said) = try_load(kernel, family, rules) {
        // Lines of the table, of each set and chain with their heads, are in front of rules.
        let lines: Vec<usize> = said
            .lines()
            .filter_map(|line| line.strip_prefix("/dev/stdin:").or_else(|| line.split_once("/dev/stdin:").map(|(_, l)| l)))
            .filter_map(|line| line.split(':').next()?.parse().ok())
            .collect();
        let line_of = |number: usize| 1 + (number / BITS + 1) * 3 + (number / BITS) * 2 + number + 1;
        let before = rules.len();
        let mut number = 0;
        rules.retain(|rule| {
            let fine = !lines.contains(&line_of(number));
            number += 1;
            if !fine {
                refused.push(format!("{family} `{}`", rule.text));
            }
            fine
        });
        if rules.len() == before {
            // It ended on one of them without a word about the line.
            let texts: Vec<String> = rules.iter().map(|rule| rule.text.clone()).collect();
            let bad = ends_on(kernel, family, &texts);
            assert!(!bad.is_empty(), "nft refuses none of the rules alone: {said}");
            refused.extend(bad.iter().map(|text| format!("{family} `{text}`: {said}")));
            rules.retain(|rule| !bad.contains(&rule.text));
        }
    }
}

/// The rules that nft does not take, found by halves.
fn ends_on(kernel: &Kernel, family: &str, texts: &[String]) -> Vec<String> {
    let all: String = texts.iter().map(|text| format!("{text} accept\n")).collect();
    let chain = "type filter hook prerouting priority -300";
    let takes = kernel.flush().and_then(|()| kernel.nft(&format!("table {family} t {{\nchain c {{ {chain};\n{all}}}\n}}\n")));
    match texts {
        _ if takes.is_ok() => Vec::new(),
        [one] => vec![one.clone()],
        several => {
            let (left, right) = several.split_at(several.len() / 2);
            [ends_on(kernel, family, left), ends_on(kernel, family, right)].concat()
        }
    }
}

fn try_load(kernel: &mut Kernel, family: &str, rules: &[Rule]) -> Result<(), String> {
    let mut text = format!("table {family} m {{\n");
    for (group, rules) in rules.chunks(BITS).enumerate() {
        text += &format!("set g{group} {{ type ether_addr . mark; size 1000000; flags dynamic; }}\n");
        text += &format!("chain c{group} {{ type filter hook prerouting priority {}; policy accept;\n", -150 + group as i64);
        text += "meta mark set 0\n";
        for (bit, rule) in rules.iter().enumerate() {
            text += &format!("{} meta mark set meta mark or {:#x}\n", rule.text, 1_u32 << bit);
        }
        text += &format!("add @g{group} {{ ether saddr . meta mark }}\n}}\n");
    }
    text += "}\n";
    kernel.flush().unwrap();
    kernel.nft(&text).map_err(|error| error.to_string())?;
    kernel.gates(Gates { stop: Some(Hook::Prerouting), tracked: false }).unwrap();
    Ok(())
}

fn compare(kernel: &mut Kernel, family: &str, rules: &[Rule], list: &[Vec<u8>], tally: &mut Tally, wrong: &mut BTreeMap<String, Vec<String>>) {
    let frames: Vec<Vec<u8>> = list.iter().enumerate().map(|(at, packet)| kernel.frame(Way::Host, at as u32, packet)).collect();
    let passage = kernel.drive(Way::Host, list).unwrap();
    tally.packets += list.len();
    tally.never_came += list.len() - passage.came(Hook::Prerouting).len();
    for (place, frame) in frames.iter().enumerate() {
        if !passage.came(Hook::Prerouting).contains(&(place as u32)) {
            continue;
        }
        let version = frame[14] >> 4;
        if (family == "ip" && version == 6) || (family == "ip6" && version == 4) {
            continue;
        }
        let at = Place { input: Some("host0"), ..Place::default() };
        let mut last = None;
        for (number, rule) in rules.iter().enumerate() {
            // Symbols differ from rule to rule.
            if last.is_none() || !rule.document.symbols.is_empty() {
                last = Some(headers(&rule.document, frame, at));
            }
            let headers = last.as_ref().unwrap();
            let marks = passage.marks(&format!("g{}", number / BITS));
            let Some(mark) = marks.and_then(|marks| marks.get(&(place as u32))) else {
                panic!("`{}`: packet {} left no mark", rule.text, hex(&list[place]));
            };
            let expected = mark >> (number % BITS) & 1 == 1;
            tally.matched += usize::from(expected);
            let mut ours = truth(&rule.document, headers);
            if ours == Truth::from(!expected)
                && let Some((class, view)) = strange::view(&list[place], headers)
            {
                ours = truth(&rule.document, &view);
                *tally.strange.entry(class).or_default() += usize::from(ours == Truth::from(expected));
            }
            match ours {
                Truth::Unknown => *tally.unknown.entry(kind(&rule.text)).or_default() += 1,
                ours if ours == Truth::from(expected) => tally.verdicts += 1,
                ours => {
                    tally.verdicts += 1;
                    let example = format!("the kernel {expected}, we {ours:?}: {}", hex(&list[place]));
                    wrong.entry(format!("{family} `{}`", rule.text)).or_default().push(example);
                }
            }
        }
    }
}

/// The word of a rule that counts for what of it is unknown.
fn kind(text: &str) -> String {
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn single_rules_match_what_the_kernel_matches() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut random = Random(1);
    let (mut tally, mut wrong, mut refused) = (Tally::default(), BTreeMap::new(), Vec::new());
    for round in 0..rounds() * 54 {
        let family = FAMILIES[round % 3];
        let mut rules: Vec<Rule> = Vec::new();
        while rules.len() < BITS * GROUPS {
            let text = conditions(family, &mut random).join(" ");
            let reading = read("nftables", &one(family, &text), &ReadOptions::default());
            if !errors(&reading).is_empty() {
                // What we do not take nft must not take either.
                if kernel.flush().and_then(|()| kernel.nft(&one(family, &text))).is_ok() {
                    wrong.entry(format!("{family} `{text}`")).or_insert_with(Vec::new).push(format!("nft takes it, we do not: {:?}", errors(&reading)));
                }
                tally.refused += 1;
                continue;
            }
            rules.push(Rule { text, document: reading.document });
        }
        load(&mut kernel, family, &mut rules, &mut refused);
        tally.rules += rules.len();
        let mut list = Vec::new();
        for rule in &rules {
            list.extend(packets(&rule.document, 8, &mut random));
        }
        compare(&mut kernel, family, &rules, &list, &mut tally, &mut wrong);
    }
    tally.refused += refused.len();
    println!("refused by nft alone: {}\n{}", refused.len(), refused.join("\n"));
    println!("{tally:?}\ndiscards: {:?}", kernel.discards().unwrap());
    let shown: Vec<String> = wrong.iter().map(|(rule, list)| format!("{rule}: {} packets, {}", list.len(), list[0])).collect();
    assert!(wrong.is_empty(), "{} rules differ:\n{}", wrong.len(), shown.join("\n"));
}
