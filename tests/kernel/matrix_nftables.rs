//! Single rules of nftables against many packets: each rule sets a bit of the packet's mark when it matches.

use crate::corpora::corpora;
use crate::nftables_rules::{FAMILIES, conditions};
use crate::random::Random;
use crate::rig::{Place, errors, headers, hex, kernel, packets, read, rounds};
use crate::strange;
use flowgate::dialect::ReadOptions;
use flowgate::engine::kernel::{Devices, Gates, Hook, Kernel, Way};
use flowgate::eval::{Truth, evaluate};
use flowgate::field::Headers;
use flowgate::ir::{Document, Outcome};
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

/// Where the rules of a family stand: those of a device see packets before the stack does.
pub(crate) fn hook(family: &str) -> &'static str {
    if family == "netdev" { "ingress device \"host0\"" } else { "prerouting" }
}

fn one(family: &str, text: &str) -> String {
    format!(
        "table {family} t {{\nchain c {{ type filter hook {} priority -300; policy accept;\n{text} accept\n}}\n}}\n",
        hook(family)
    )
}

fn truth(document: &Document, headers: &Headers) -> Truth {
    let mut truth = Truth::No;
    for rule in &document.rule_sets[0].rules {
        match evaluate(rule.condition, headers) {
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
            .filter_map(|line| {
                line.strip_prefix("/dev/stdin:").or_else(|| line.split_once("/dev/stdin:").map(|(_, l)| l))
            })
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
    let all = texts.iter().fold(String::new(), |all, text| all + text + " accept\n");
    let chain = format!("type filter hook {} priority -300", hook(family));
    let takes = kernel
        .flush()
        .and_then(|()| kernel.nft(&format!("table {family} t {{\nchain c {{ {chain};\n{all}}}\n}}\n")));
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
        text += &format!(
            "chain c{group} {{ type filter hook {} priority {}; policy accept;\n",
            hook(family),
            i64::try_from(group).unwrap() - 150
        );
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

fn compare(
    kernel: &mut Kernel,
    family: &str,
    rules: &[Rule],
    list: &[Vec<u8>],
    tally: &mut Tally,
    wrong: &mut BTreeMap<String, Vec<String>>,
) {
    let frames: Vec<Vec<u8>> =
        list.iter().enumerate().map(|(at, packet)| kernel.frame(Way::Host, at as u32, packet)).collect();
    let passage = kernel.drive(Way::Host, list).unwrap();
    let view = if family == "netdev" { strange::view_at_ingress } else { strange::view };
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
                && let Some((class, view)) = view(&list[place], headers)
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

/// Reads, loads and compares a list of rules.
struct Bench<'k> {
    kernel: &'k mut Kernel,
    random: Random,
    /// Packets aimed at each rule.
    each: usize,
    tally: Tally,
    wrong: BTreeMap<String, Vec<String>>,
    refused: Vec<String>,
}

impl<'k> Bench<'k> {
    fn new(kernel: &'k mut Kernel, seed: u64, each: usize) -> Self {
        let (tally, wrong, refused) = (Tally::default(), BTreeMap::new(), Vec::new());
        Self { kernel, random: Random(seed), each, tally, wrong, refused }
    }

    /// A rule as we read it; none where we do not take it, and nft must not take it either.
    fn rule(&mut self, family: &str, text: String) -> Option<Rule> {
        let reading = read("nftables", &one(family, &text), &ReadOptions::default());
        if errors(&reading).is_empty() {
            return Some(Rule { text, document: reading.document });
        }
        if self.kernel.flush().and_then(|()| self.kernel.nft(&one(family, &text))).is_ok() {
            let list = self.wrong.entry(format!("{family} `{text}`")).or_default();
            list.push(format!("nft takes it, we do not: {:?}", errors(&reading)));
        }
        self.tally.refused += 1;
        None
    }

    fn batch(&mut self, family: &str, mut rules: Vec<Rule>) {
        load(self.kernel, family, &mut rules, &mut self.refused);
        self.tally.rules += rules.len();
        let mut list = Vec::new();
        for rule in &rules {
            list.extend(packets(&rule.document, self.each, &mut self.random));
        }
        compare(self.kernel, family, &rules, &list, &mut self.tally, &mut self.wrong);
    }

    fn end(mut self) -> Tally {
        self.tally.refused += self.refused.len();
        println!("refused by nft alone: {}\n{}", self.refused.len(), self.refused.join("\n"));
        println!("{:?}\ndiscards: {:?}", self.tally, self.kernel.discards().unwrap());
        let shown =
            self.wrong.iter().map(|(rule, list)| format!("{rule}: {} packets, {}", list.len(), list[0]));
        let shown: Vec<String> = shown.collect();
        assert!(shown.is_empty(), "{} rules differ:\n{}", shown.len(), shown.join("\n"));
        self.tally
    }
}

#[test]
fn single_rules_match_what_the_kernel_matches() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut bench = Bench::new(&mut kernel, 1, 3);
    let families = [&FAMILIES[..], &["netdev"]].concat();
    for round in 0..rounds() * 44 {
        let family = families[round % 4];
        let mut rules = Vec::new();
        while rules.len() < BITS * GROUPS {
            let text = conditions(family, &mut bench.random).join(" ");
            rules.extend(bench.rule(family, text));
        }
        bench.batch(family, rules);
    }
    let tally = bench.end();
    assert!(tally.rules > 5_000 && tally.verdicts > 100_000);
}

/// Fields that are not whole octets, with how many bits they have: some lie across octets.
const BIT_FIELDS: [(&str, &str, u32); 22] = [
    ("ip", "ip version", 4),
    ("ip", "ip hdrlength", 4),
    ("ip", "ip dscp", 6),
    ("ip", "ip ecn", 2),
    ("ip", "ip frag-off", 16),
    ("ip", "@nh,4,6", 6),
    ("ip", "@nh,12,20", 20),
    ("ip", "@nh,51,13", 13),
    ("ip", "@th,3,16", 16),
    ("ip", "@th,3,26", 26),
    ("ip6", "ip6 version", 4),
    ("ip6", "ip6 dscp", 6),
    ("ip6", "ip6 ecn", 2),
    ("ip6", "ip6 flowlabel", 20),
    ("ip6", "@nh,4,6", 6),
    ("ip6", "@nh,4,14", 14),
    ("ip6", "frag frag-off", 13),
    ("ip6", "frag more-fragments", 1),
    ("inet", "tcp doff", 4),
    ("inet", "tcp reserved", 4),
    ("inet", "dccp type", 4),
    ("inet", "ip6 dscp", 6),
];

/// Every operator and comparison, alone and joined.
fn operated(family: &str, field: &str, width: u32, random: &mut Random) -> Vec<String> {
    let all = (1_u64 << width) - 1;
    let mut list = Vec::new();
    for value in [0, 1, 5 & all, all, random.below(all + 1)] {
        let mask = [1, 3 & all, 0x30 & all, all, random.below(all + 1)];
        for mask in mask {
            let held = value & mask;
            list.extend(["==", "!=", "<", ">=", ">"].map(|by| format!("{field} & {mask:#x} {by} {held:#x}")));
            list.push(format!("{field} ^ {mask:#x} == {value:#x}"));
            list.push(format!("{field} | {mask:#x} == {:#x}", value | mask));
            list.push(format!("{field} & {mask:#x} == {{ {held:#x}, {:#x} }}", held ^ 1));
            list.push(format!("{field} & {mask:#x} ^ 1 == {:#x}", value & mask ^ 1));
        }
        let (other, more) = match family {
            "ip" => ("ip ttl", "64"),
            "ip6" => ("ip6 hoplimit", "64"),
            _ => ("meta l4proto", "{}"),
        };
        let more = if more == "{}" { if field.starts_with("dccp") { "33" } else { "6" } } else { more };
        // One element: nft 1.0.6 fails where it lists several with few bits.
        list.push(format!("{field} . {other} {{ {value:#x} . {more} }}"));
        list.push(format!("{other} . {field} {{ {more} . {value:#x} }}"));
        list.push(format!("{other} . {field} != {{ {more} . {value:#x} }}"));
        list.push(format!("{field} . {other} {{ {:#x}-{value:#x} . {more} }}", value / 2));
        list.push(format!("{field} {value:#x}"));
        list.push(format!("{field} != {value:#x}"));
        list.push(format!("{field} {:#x}-{value:#x}", value / 2));
        list.push(format!("{field} {{ {value:#x}, {:#x} }}", value ^ 1));
    }
    list.sort();
    list.dedup();
    list
}

#[test]
fn operators_on_every_bit_field_do_what_the_kernel_does() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut bench = Bench::new(&mut kernel, 3, 4);
    for (family, field, width) in BIT_FIELDS {
        let mut rules = Vec::new();
        for text in operated(family, field, width, &mut bench.random) {
            rules.extend(bench.rule(family, text));
            if rules.len() == BITS * GROUPS {
                bench.batch(family, std::mem::take(&mut rules));
            }
        }
        bench.batch(family, rules);
    }
    let tally = bench.end();
    assert!(tally.rules > 2_000 && tally.verdicts > 100_000);
}

/// The rules of nft's own tests that only ask.
#[test]
fn rules_of_nft_s_own_tests_match_what_the_kernel_matches() {
    let Some(folder) = corpora("nftables") else { return };
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut bench = Bench::new(&mut kernel, 9, 6);
    let mut by_family: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "t")) {
        let text = std::fs::read_to_string(path).unwrap();
        let own = |family: &str| text.lines().any(|line| line.trim().starts_with(&format!("*{family};")));
        let families: Vec<&str> = FAMILIES.into_iter().filter(|family| own(family)).collect();
        for line in text.lines().map(str::trim) {
            let mut parts = line.split(';');
            let (Some(rule), Some("ok")) = (parts.next(), parts.next().map(str::trim)) else { continue };
            // Sets of the test and what is written into packets have no place here; nft asks other hosts of names.
            if rule.starts_with(['#', ':', '*', '!', '?', '-', '%'])
                || rule.contains(['@', '$']) && !rule.starts_with('@')
            {
                continue;
            }
            for family in &families {
                by_family.entry(family).or_default().push(rule.to_owned());
            }
        }
    }
    for (family, texts) in by_family {
        let mut rules = Vec::new();
        for text in texts {
            let asks = |document: &Document| {
                let [set, rest @ ..] = &document.rule_sets[..] else { return false };
                let plain = |rule: flowgate::ir::Rule<'_>| {
                    rule.outcome == Outcome::Next { held: None } && rule.actions.is_empty()
                };
                rest.is_empty() && set.rules.len() == 1 && set.rules.iter().all(plain)
            };
            let alone =
                read("nftables", &one(family, &text).replace(" accept\n}", "\n}"), &ReadOptions::default());
            // What the kernel keeps of connections, marks and the like is looked at elsewhere.
            let elsewhere = [
                "ct ",
                "mark",
                "meta priority",
                "limit",
                "quota",
                "counter",
                "log",
                "random",
                "numgen",
                "tproxy",
                "dup ",
            ];
            if asks(&alone.document) && !elsewhere.iter().any(|word| text.contains(word)) {
                rules.extend(bench.rule(family, text));
            }
            if rules.len() == BITS * GROUPS {
                bench.batch(family, std::mem::take(&mut rules));
            }
        }
        bench.batch(family, rules);
    }
    let tally = bench.end();
    assert!(tally.rules > 300);
}
