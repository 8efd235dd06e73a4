//! Generated rule sets of iptables and ip6tables with both back ends: verdicts at every hook and the counter of every
//! rule.

use crate::course::{Hits, NAMES, Tally, fit, run};
use crate::iptables_rules::conditions;
use crate::matrix_iptables::{PROGRAMS, Program};
use crate::programs::program;
use crate::random::Random;
use crate::rig::{errors, kernel, packets, read, rounds};
use flowgate::engine::kernel::{Devices, Gates, Hook, Way};
use flowgate::ir::Document;
use std::collections::BTreeMap;

const TABLES: [(&str, &[&str]); 4] = [
    ("raw", &["PREROUTING"]),
    ("mangle", &["PREROUTING", "INPUT", "FORWARD", "POSTROUTING"]),
    ("filter", &["INPUT", "FORWARD"]),
    ("security", &["INPUT", "FORWARD"]),
];

/// A rule set; with states of connections, where they are tracked.
pub(crate) fn rule_set(which: Program, tracked: bool, random: &mut Random) -> String {
    let mut text = String::new();
    for (table, builtin) in TABLES {
        if random.once_in(3) {
            continue;
        }
        text += &format!("*{table}\n");
        for chain in builtin {
            let policy = if random.once_in(5) { "DROP" } else { "ACCEPT" };
            text += &format!(":{chain} {policy} [0:0]\n");
        }
        let chains = random.below(4);
        for chain in 0..chains {
            text += &format!(":c{chain} - [0:0]\n");
        }
        let names = builtin.iter().map(|name| (None, (*name).to_owned()));
        let names = names.chain((0..chains).map(|chain| (Some(chain), format!("c{chain}"))));
        for (own, name) in names.collect::<Vec<_>>() {
            for _ in 0..random.below(6) {
                let mut conditions = fitting(which, &name, random);
                if tracked && table != "raw" && random.once_in(2) {
                    let states = ["NEW", "ESTABLISHED", "INVALID", "NEW,INVALID", "RELATED,ESTABLISHED"];
                    let not = if random.once_in(4) { "! " } else { "" };
                    conditions = format!("{conditions} -m conntrack {not}--ctstate {}", random.pick(&states));
                }
                let next = own.map_or(0, |own| own + 1);
                let target = match random.below(10) {
                    0 | 1 => "-j ACCEPT".to_owned(),
                    2 | 3 => "-j DROP".to_owned(),
                    4 => "-j RETURN".to_owned(),
                    5 | 6 if next < chains => format!("-j c{}", next + random.below(chains - next)),
                    7 if next < chains => format!("-g c{}", next + random.below(chains - next)),
                    8 if table == "filter" && own.is_none() => "-j REJECT".to_owned(),
                    _ => String::new(),
                };
                text += &format!("-A {name} {conditions} {target}\n");
            }
        }
        text += "COMMIT\n";
    }
    text
}

fn fitting(which: Program, chain: &str, random: &mut Random) -> String {
    loop {
        let text = conditions(which.six, random);
        let unknown = ["pkttype", "udplite"].iter().any(|word| text.contains(word));
        let misplaced = chain == "POSTROUTING" && text.contains("-i ");
        if !unknown && !misplaced {
            return text;
        }
    }
}

/// The rule set of a hook.
pub(crate) fn entry(document: &Document, hook: Hook) -> Option<u32> {
    let name = hook.name().to_uppercase();
    let hooks = |set: &str| set == format!("hook/{name}");
    let own = |set: &str| set.ends_with(&format!("/{name}"));
    let at = document.rule_sets.iter().position(|set| hooks(&set.name));
    let at = at.or_else(|| document.rule_sets.iter().position(|set| own(&set.name)))?;
    Some(at as u32)
}

/// The counters of what a save program writes: by table and chain, in the order of the rules.
fn counters(text: &str) -> BTreeMap<String, Vec<u64>> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut table = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some((count, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(':')) {
            let chain = rest.split(" -A ").nth(1).unwrap().split(' ').next().unwrap();
            all.entry(format!("{table}/{chain}")).or_default().push(count.parse().unwrap());
        }
    }
    all
}

/// Compares the counters of rules with their hits; so many packets more than were driven may have met each.
pub(crate) fn count(
    document: &Document,
    saved: &str,
    hits: &Hits,
    others: u64,
    tally: &mut Tally,
    wrong: &mut Vec<String>,
) {
    let counted = counters(saved);
    for (at, set) in document.rule_sets.iter().enumerate() {
        let Some(counts) = counted.get(&set.name) else { continue };
        // Of several rules that one line makes, the last is the line's own.
        let start = |at: usize| set.rules.get(at).map(|rule| rule.origin.span.start);
        let last: Vec<usize> = (0..set.rules.len()).filter(|at| start(*at) != start(at + 1)).collect();
        if last.len() != counts.len() && set.rules.len() != counts.len() {
            wrong.push(format!("{}: {} rules, the kernel has {}", set.name, last.len(), counts.len()));
            continue;
        }
        // A list of addresses makes several rules here and there.
        let each: Vec<usize> = if last.len() == counts.len() { last } else { (0..set.rules.len()).collect() };
        for (rule_at, count) in each.iter().zip(counts) {
            let hit = hits.get(&(at as u32, *rule_at as u32)).cloned().unwrap_or_default();
            tally.counters += 1;
            if !(hit.sure..=hit.sure + hit.perhaps + others).contains(count) {
                wrong.push(format!("{} rule {rule_at}: the kernel counts {count}, we {hit:?}", set.name));
            }
        }
    }
}

#[test]
fn generated_rule_sets_do_what_we_say() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut random = Random(4);
    let mut wrong = Vec::new();
    for which in PROGRAMS {
        let programs = ["restore", "save"].map(|word| program(&format!("{}-{word}", which.name)));
        let [Some(restore), Some(save)] = programs else { return };
        let (mut tally, mut refused) = (Tally::default(), 0);
        for _ in 0..rounds() * 20 {
            let text = rule_set(which, false, &mut random);
            kernel.flush().unwrap();
            if kernel.feed(&restore, &["-c"], &text).is_err() {
                refused += 1;
                kernel.feed(&restore, &[], &Program::nothing()).unwrap();
                continue;
            }
            let reading = read("iptables", &text, &which.options());
            assert!(errors(&reading).is_empty(), "{:?}\n{text}", errors(&reading));
            kernel.gates(Gates::default()).unwrap();
            let document = reading.document;
            tally.sets += 1;
            tally.rules += text.lines().filter(|line| line.starts_with("-A")).count();
            let mut hits = Hits::new();
            let before = wrong.len();
            for way in [Way::Host, Way::Through] {
                let mut list = fit(packets(&document, 300, &mut random));
                list.retain(|packet| (packet[0] >> 4 == 6) == which.six);
                run(
                    &mut kernel,
                    way,
                    (&document, &|hook, _| entry(&document, hook)),
                    &list,
                    NAMES,
                    (&mut tally, &mut hits),
                    &mut wrong,
                );
            }
            let saved = kernel.feed(&save, &["-c"], "").unwrap();
            count(&document, &saved, &hits, 0, &mut tally, &mut wrong);
            if wrong.len() > before {
                wrong.push(format!("{}\n{text}", which.name));
            }
            kernel.feed(&restore, &[], &Program::nothing()).unwrap();
        }
        println!("{}: {tally:?}, {refused} refused", which.name);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n")
    );
}
