//! Generated rule sets of nftables with several tables, hooks, priorities, chains and jumps: verdicts at every hook and
//! the counter of every rule.

use crate::course::{Hits, NAMES, Tally, fit, run};
use crate::nftables_rules::{FAMILIES, conditions};
use crate::random::Random;
use crate::rig::{errors, kernel, packets, read, rounds};
use flowgate::dialect::ReadOptions;
use flowgate::engine::kernel::{Devices, Gates, Hook, Way};
use flowgate::ir::{Action, Document};
use std::collections::BTreeMap;

/// A rule set; with states of connections, where they are tracked.
pub(crate) fn rule_set(tracked: bool, random: &mut Random) -> String {
    let mut text = String::new();
    for table in 0..=random.below(3) {
        let family = *random.pick(&FAMILIES);
        let (bases, chains) = (1 + random.below(3), random.below(4));
        let mut body = String::new();
        let mut count = 0;
        for chain in 0..bases + chains {
            let hook = *random.pick(&Hook::ALL);
            let base = chain < bases;
            body += &format!("chain c{chain} {{\n");
            if base {
                let all = [-350, -250, -190, -150, 0, 0, 10, 100, 300];
                // Before the first of these, no state is known yet.
                let priority = *random.pick(if tracked { &all[2..] } else { &all });
                let policy = if random.once_in(4) { "drop" } else { "accept" };
                body += &format!("type filter hook {} priority {priority}; policy {policy};\n", hook.name());
            }
            for _ in 0..2 + random.below(5) {
                let mut conditions = listable(family, random);
                if tracked && random.once_in(2) {
                    let states = [
                        "new",
                        "established",
                        "invalid",
                        "untracked",
                        "new,invalid",
                        "{ new, established }",
                        "!= new",
                    ];
                    conditions = format!("ct state {} {conditions}", random.pick(&states));
                }
                let target = bases.max(chain + 1);
                let verdict = match random.below(12) {
                    0 | 1 => "accept".to_owned(),
                    2 | 3 => "drop".to_owned(),
                    4 => "return".to_owned(),
                    5 | 6 if target < bases + chains => {
                        format!("jump c{}", target + random.below(bases + chains - target))
                    }
                    7 if target < bases + chains => {
                        format!("goto c{}", target + random.below(bases + chains - target))
                    }
                    8 if base && matches!(hook, Hook::Input | Hook::Forward) => "reject".to_owned(),
                    9 => "continue".to_owned(),
                    _ => String::new(),
                };
                body += &format!("{conditions} counter name k{count} {verdict}\n");
                count += 1;
            }
            body += "}\n";
        }
        text += &format!("table {family} t{table} {{\n");
        for counter in 0..count {
            text += &format!("counter k{counter} {{ }}\n");
        }
        // Chains are there before they are jumped to.
        text += &body;
        text += "}\n";
    }
    text
}

/// Conditions that nft 1.0.6 can list again: it ends on octets of a transport header that is none.
fn listable(family: &str, random: &mut Random) -> String {
    loop {
        let text = conditions(family, random).join(" ");
        let none = ["l4proto 0", "protocol 0", "nexthdr 0", "{ 0, "].iter().any(|words| text.contains(words));
        if !none || !text.contains("@th") {
            return text;
        }
    }
}

/// Chains in every hook, so that every hook is a rule set of the document.
pub(crate) const HOOKS: &str = "table inet flowgate-hooks {
chain p { type filter hook prerouting priority 2147483000; }
chain i { type filter hook input priority 2147483000; }
chain f { type filter hook forward priority 2147483000; }
chain o { type filter hook postrouting priority 2147483000; }
chain q { type filter hook postrouting priority 2147483001; }
}
";

/// The rule set of a hook.
pub(crate) fn entry(document: &Document, hook: Hook, six: bool) -> Option<u32> {
    let family = if six { "ip6" } else { "ip" };
    let names = [format!("hook/inet/{}", hook.name()), format!("hook/{family}/{}", hook.name())];
    let at = document.rule_sets.iter().position(|set| names.contains(&set.name))?;
    Some(at as u32)
}

/// The counters of a text that `nft list counters` gives, by table and name.
fn counters(text: &str) -> BTreeMap<(String, String), u64> {
    let mut all = BTreeMap::new();
    let (mut table, mut name) = (String::new(), String::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["table", family, own, "{"] => table = format!("{family}/{own}"),
            ["counter", own, "{"] => own.clone_into(&mut name),
            ["packets", count, ..] => _ = all.insert((table.clone(), name.clone()), count.parse().unwrap()),
            _ => {}
        }
    }
    all
}

#[test]
fn generated_rule_sets_do_what_we_say() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut random = Random(3);
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    let (mut refused, mut uncounted) = (0, 0);
    for _ in 0..rounds() * 60 {
        let text = rule_set(false, &mut random);
        let reading = read("nftables", &format!("{text}{HOOKS}"), &ReadOptions::default());
        kernel.flush().unwrap();
        let taken = kernel.nft(&text);
        if let Err(error) = taken {
            refused += 1;
            let _ = error;
            continue;
        }
        assert!(errors(&reading).is_empty(), "{:?}\n{text}", errors(&reading));
        kernel.gates(Gates::default()).unwrap();
        let document = reading.document;
        tally.sets += 1;
        tally.rules += document
            .rule_sets
            .iter()
            .filter(|set| set.kind.is_written())
            .map(|set| set.rules.len())
            .sum::<usize>();
        let mut hits = Hits::new();
        let before = wrong.len();
        for way in [Way::Host, Way::Through] {
            let list = fit(packets(&document, 300, &mut random));
            run(
                &mut kernel,
                way,
                (&document, &|hook, six| entry(&document, hook, six)),
                &list,
                NAMES,
                (&mut tally, &mut hits),
                &mut wrong,
            );
        }
        // nft 1.0.6 ends on some rules when it lists them.
        let Ok(counted) = kernel.nft("list counters\n").map(|text| counters(&text)) else {
            uncounted += 1;
            continue;
        };
        for (at, set) in document.rule_sets.iter().enumerate() {
            let table = set.name.rsplit_once('/').map_or("", |(table, _)| table);
            for (rule_at, rule) in set.rules.iter().enumerate() {
                let Some(Action::Count(name)) = rule.actions.iter().find(|a| matches!(a, Action::Count(_)))
                else {
                    continue;
                };
                let hit = hits.get(&(at as u32, rule_at as u32)).cloned().unwrap_or_default();
                let Some(count) = counted.get(&(table.to_owned(), name.to_string())) else {
                    panic!("no counter {table} {name}");
                };
                tally.counters += 1;
                if !(hit.sure..=hit.sure + hit.perhaps).contains(count) {
                    wrong.push(format!("{} rule {rule_at}: the kernel counts {count}, we {hit:?}", set.name));
                }
            }
        }
        if wrong.len() > before {
            wrong.push(text);
        }
    }
    println!("{tally:?}, {refused} refused by nft, {uncounted} not listed by it");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(tally.sets > 20);
}
