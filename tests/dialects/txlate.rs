//! iptables' own translations to nftables: a command and the rule that `iptables-translate` makes of it match the same
//! packets, as sets, wherever both sides are modelled. What differs is of a class that says on which packets, and shows
//! one.

use flowgate::diagnostic::Level;
use flowgate::dialect::iptables::Iptables;
use flowgate::dialect::nftables::Nftables;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::eval::evaluate;
use flowgate::field::{Family, Field, Headers, ext};
use flowgate::guard::{Exhausted, limits};
use flowgate::ir::{Condition, ValueSet};
use flowgate::packet::decode_ip;
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Model, Space, Spaces};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A command of iptables and the commands of nft it comes to.
struct Pair {
    file: String,
    six: bool,
    command: String,
    rules: Vec<String>,
}

fn pairs() -> Vec<Pair> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let Some(folder) = root.map(|root| root.join("crossdialect_iptables_nft")).filter(|path| path.is_dir())
    else {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `crossdialect_iptables_nft`");
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let mut list: Vec<Pair> = Vec::new();
    for path in paths {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            if let Some((program, command)) = line.split_once("-translate ") {
                let command = command.split(';').next().unwrap().trim().to_owned();
                // The translator asks no kernel: it takes any name for a chain.
                let command = command
                    .replace("-A prerouting", "-A PREROUTING")
                    .replace("-A postrouting", "-A POSTROUTING");
                let six = program == "ip6tables";
                list.push(Pair { file: file.clone(), six, command, rules: Vec::new() });
            } else if let Some(rule) = line.strip_prefix("nft ") {
                let rule = rule.trim_matches('\'').replace(" prerouting ", " PREROUTING ");
                list.last_mut().unwrap().rules.push(rule.replace(" postrouting ", " POSTROUTING "));
            }
        }
    }
    list
}

fn read(dialect: &dyn Dialect, text: &str, options: &ReadOptions) -> Reading {
    dialect.read(&Source::new("a", Content::Text(text.to_owned())), SourceId(0), options)
}

/// The condition under which any rule of a reading matches; none where something is not modelled.
fn matched(reading: &Reading) -> Result<Condition, String> {
    if let Some(error) = reading.diagnostics.iter().find(|d| d.level == Level::Error) {
        return Err(format!("error: {}", error.message));
    }
    let sets = reading.document.rule_sets.iter().filter(|set| set.kind.is_written());
    let conditions: Vec<Condition> = sets.flat_map(|set| set.rules.conditions()).cloned().collect();
    if conditions.is_empty() {
        return Err("no rule".to_owned());
    }
    let mut opaque = None;
    for condition in &conditions {
        condition.visit(&mut |part| {
            if let Condition::Opaque(part) = part {
                opaque = Some(part.reason.to_string());
            }
        });
    }
    opaque.map_or_else(|| Ok(Condition::or(conditions)), Err)
}

fn commands(pair: &Pair) -> (String, String) {
    let program = if pair.six { "ip6tables" } else { "iptables" };
    let mut nft = String::new();
    for rule in &pair.rules {
        let words: Vec<&str> = rule.split_whitespace().collect();
        let [_, "rule", family, table, chain, ..] = words[..] else { continue };
        let (hook, priority) = match chain {
            "PREROUTING" => ("prerouting", "-100"),
            "INPUT" => ("input", "0"),
            "OUTPUT" => ("output", "0"),
            "POSTROUTING" => ("postrouting", "100"),
            _ => ("forward", "0"),
        };
        let kind = if table == "nat" { "nat" } else { "filter" };
        let head = format!(
            "add table {family} {table}\nadd chain {family} {table} {chain} {{ type {kind} hook {hook} priority {priority}; }}\n"
        );
        if !nft.contains(&head) {
            nft.insert_str(0, &head);
        }
        nft.push_str(rule);
        nft.push('\n');
    }
    (format!("{program} {}\n", pair.command), nft)
}

/// Packets on which a command and its translation differ.
struct Class {
    name: &'static str,
    why: &'static str,
    /// Commands it is about: all that hold one of these words.
    words: &'static [&'static str],
    packets: fn() -> Condition,
}

const CLASSES: &[Class] = &[
    Class {
        name: "later fragments",
        why: "these matches are left to xtables, which reads no transport header of a later fragment",
        words: &["-m multiport", "-m dccp", "-m esp", "-m ah", "-m sctp", "-m ipcomp"],
        packets: || Condition::test(Field::FragOff, ValueSet::range(1, 0x1fff)),
    },
    Class {
        name: "headers at which the kernel stops",
        why: "nft stops at mobility, host identity and Shim6 headers; only `iptables-exact` says so of iptables",
        words: &["-p tcp", "-p udp", "-p TCP", "-p UDP", "-p esp", "-p 50", "-p mh"],
        packets: stops,
    },
    Class {
        name: "two fields for one SPI",
        why: "of IPv4 the SPI is a field of whole packets to iptables and four octets of any packet to nft: sets do not know \
              that both are the same, packets do (below)",
        words: &["-p 51 -m ah"],
        packets: || Condition::test(Field::Proto, ValueSet::single(51_u32)),
    },
    Class {
        name: "headers cut short",
        why: "one comparison of two ports needs four octets, each for itself two; only `iptables-exact` says what xtables needs",
        words: &["--ports", "-m esp", "-m ah", "-m dccp"],
        packets: || Condition::test(Field::L4Room, ValueSet::range(0, 11)),
    },
];

/// An IPv4 packet with an authentication header that one of two conditions matches and the other does not.
fn differing_header(one: &Condition, other: &Condition) -> Option<Vec<u8>> {
    let around = |value: u32| [value.wrapping_sub(1), value, value.wrapping_add(1)];
    [0, 50, 500, 550, 600, u32::MAX].into_iter().flat_map(around).find_map(|spi| {
        let mut octets =
            vec![0x45, 0, 0, 44, 0, 0, 0, 0, 64, 51, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 59, 4, 0, 0];
        octets.extend(spi.to_be_bytes());
        octets.extend([0; 16]);
        let mut headers = Headers::new();
        decode_ip(&octets, &mut headers);
        (evaluate(one, &headers) != evaluate(other, &headers)).then_some(octets)
    })
}

/// Packets with an extension header at which the kernel looks for no protocol.
fn stops() -> Condition {
    let stop = ext::MOBILITY | ext::HOST_IDENTITY | ext::SHIM6;
    let none = Condition::test(Field::ExtHdrs, ValueSet::bits(0, stop.into()));
    Condition::and([Condition::present(Field::ExtHdrs), Condition::not(none)])
}

#[test]
fn translations_match_the_same_packets() {
    let pairs = pairs();
    let mut explained = BTreeMap::<&str, usize>::new();
    let (mut equal, mut open, mut wrong) = (0, BTreeMap::<String, usize>::new(), Vec::new());
    for pair in &pairs {
        let (iptables, nft) = commands(pair);
        let family = Some(if pair.six { Family::Inet6 } else { Family::Inet });
        let options = ReadOptions { family, iptables_nft: true, ..ReadOptions::default() };
        let one = matched(&read(&Iptables, &iptables, &options));
        let other = matched(&read(&Nftables, &nft, &ReadOptions::default()));
        let (one, other) = match (one, other) {
            (Ok(one), Ok(other)) => (one, other),
            (one, other) => {
                let why = format!("{:?} / {:?}", one.err(), other.err());
                *open.entry(why).or_default() += 1;
                continue;
            }
        };
        let mut spaces = Spaces::new(Model::real(), &limits::RULE_NODES);
        let mut compare = || -> Result<Option<String>, Exhausted> {
            let version =
                Condition::test(Field::IpVersion, ValueSet::single(if pair.six { 6_u32 } else { 4 }));
            let (world, version) = (spaces.world()?, spaces.of(&version)?);
            let world = spaces.intersection(world, version)?;
            let mut of = |condition: &Condition| -> Result<Space, Exhausted> {
                let space = spaces.of(condition)?;
                spaces.intersection(space, world)
            };
            let (p, q) = (of(&one)?, of(&other)?);
            if p == q {
                return Ok(None);
            }
            let (mut more, mut less) = (spaces.difference(p, q)?, spaces.difference(q, p)?);
            let nothing = spaces.difference(p, p)?;
            for class in
                CLASSES.iter().filter(|class| class.words.iter().any(|word| pair.command.contains(word)))
            {
                let covered = spaces.of(&(class.packets)())?;
                let (was, rest) =
                    ((more, less), (spaces.difference(more, covered)?, spaces.difference(less, covered)?));
                if was != rest {
                    *explained.entry(class.name).or_default() += 1;
                }
                (more, less) = rest;
            }
            if (more, less) == (nothing, nothing) {
                return Ok(None);
            }
            Ok(Some(format!(
                "only iptables {:?}, only nft {:?}",
                spaces.witness(more)?,
                spaces.witness(less)?
            )))
        };
        if pair.command.contains(CLASSES[2].words[0]) {
            wrong
                .extend(differing_header(&one, &other).map(|octets| format!("{}: {octets:?}", pair.command)));
        }
        match compare() {
            Ok(None) => equal += 1,
            Ok(Some(difference)) => {
                wrong.push(format!("{}: {} | {:?}: {difference}", pair.file, pair.command, pair.rules));
            }
            Err(_) => wrong.push(format!("{}: too large", pair.command)),
        }
    }
    let opened: usize = open.values().sum();
    println!(
        "{} pairs: {equal} equal, {explained:?} of them but for a class, {opened} not modelled",
        pairs.len()
    );
    println!("{open:#?}\n{}", wrong.join("\n"));
    assert!(wrong.is_empty(), "{} differ", wrong.len());
    if pairs.is_empty() {
        return;
    }
    for class in CLASSES {
        assert!(
            explained.contains_key(class.name),
            "{}, as {}, explains nothing any more",
            class.name,
            class.why
        );
    }
    assert!(equal >= 90, "only {equal} pairs are compared");
}
