//! One policy in many languages: every rendering that a dialect reads gives each recorded packet the verdict that
//! the policy itself gives it, or a difference that a class below predicts.
//!
//! The policies, their renderings by one policy compiler, and the packets with the policy's own verdicts are the
//! corpus `crossdialect`. Verdicts are compared as accepted or not. A class names what it covers by the packet and by
//! the direction of the difference, and fails when it covers nothing.

use flowgate::dialect::{ReadOptions, by_name};
use flowgate::eval::{Decision, Evaluator};
use flowgate::field::{Family, Field, Headers};
use flowgate::ir::{Condition, Document, Kind, Rule, ValueSet, Verdict};
use flowgate::packet::{build, decode_ip};
use flowgate::source::{Content, Source, SourceId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Renderings: the dialect, the file of a case, whether it keeps state (then only packets of new flows compare).
const RENDERINGS: &[(&str, &str)] = &[
    ("ios-xr", "ciscoxr.xacl"),
    ("junos", "juniper.jcl"),
    ("junos", "juniperevo.evojcl"),
    ("junos", "srxlo.jsl"),
];

/// One packet of the corpus.
struct Packet {
    words: Value,
    octets: Vec<u8>,
    accepted: bool,
}

impl Packet {
    fn number(&self, key: &str) -> u32 {
        let value = &self.words[key];
        value.as_u64().map_or_else(|| value.as_bool().unwrap_or(false).into(), |n| u32::try_from(n).unwrap())
    }

    fn is_later(&self) -> bool {
        self.number("frag_off") != 0
    }

    fn read(line: &str) -> Self {
        let words: Value = serde_json::from_str(line).unwrap();
        let accepted = words["verdict"] == "accept";
        let mut packet = Self { words, octets: Vec::new(), accepted };
        let six = packet.number("v") == 6;
        let addr = |key: &str| -> u128 {
            match packet.words[key].as_str().unwrap().parse().unwrap() {
                std::net::IpAddr::V4(addr) => u32::from(addr).into(),
                std::net::IpAddr::V6(addr) => addr.into(),
            }
        };
        let mut headers = Headers::new();
        headers.set(Field::IpVersion, packet.number("v"));
        headers.set_wide(if six { Field::Src6 } else { Field::Src4 }, addr("src"));
        headers.set_wide(if six { Field::Dst6 } else { Field::Dst4 }, addr("dst"));
        headers.set(Field::Proto, packet.number("proto"));
        let (offset, more) = (packet.number("frag_off"), packet.number("mf"));
        if !six || offset != 0 || more != 0 {
            headers.set(Field::FragOff, offset);
            headers.set(Field::Mf, more);
        }
        if offset == 0 {
            match packet.number("proto") {
                proto @ (6 | 17) => {
                    headers.set(Field::Sport, packet.number("sport"));
                    headers.set(Field::Dport, packet.number("dport"));
                    if proto == 6 {
                        headers.set(Field::TcpFlags, packet.number("flags"));
                    }
                }
                1 => {
                    headers.set(Field::IcmpType, packet.number("itype"));
                    headers.set(Field::IcmpCode, packet.number("icode"));
                }
                58 => {
                    headers.set(Field::Icmp6Type, packet.number("itype"));
                    headers.set(Field::Icmp6Code, packet.number("icode"));
                }
                _ => {}
            }
        }
        packet.octets = build(&headers).unwrap();
        packet
    }
}

/// A way renderings differ from their policy, and what it covers.
struct Class {
    name: &'static str,
    why: &'static str,
    covers: fn(&Found<'_>) -> bool,
}

/// A difference: where, which packet, what the rendering does, and by which rule.
struct Found<'a> {
    dialect: &'a str,
    case: &'a str,
    packet: &'a Packet,
    got: Option<bool>,
    rule: Option<Rule<'a>>,
    // What it would do if no entry counted for later fragments by its layer 3 alone.
    by_ports: Option<bool>,
}

impl Found<'_> {
    /// Whether the rule that decides looks at one of these fields.
    fn looks_at(&self, fields: &[Field]) -> bool {
        let tests = self.rule.map(|rule| rule.condition.tests()).unwrap_or_default();
        tests.iter().any(|test| fields.contains(&test.field()))
    }

    /// Whether the rendering accepts what the policy does not.
    fn is_wider(&self) -> bool {
        self.got == Some(true) && !self.packet.accepted
    }
}

const CLASSES: &[Class] = &[
    Class {
        name: "cisco-permits-later-fragments",
        why: "a permit with ports, flags or types takes every later fragment its addresses and protocol match",
        covers: |found| {
            let fields = [Field::Sport, Field::Dport, Field::TcpFlags, Field::IcmpType, Field::Icmp6Type];
            found.dialect == "ios-xr"
                && found.packet.is_later()
                && found.is_wider()
                && found.looks_at(&fields)
                && found.by_ports == Some(found.packet.accepted)
        },
    },
    Class {
        name: "compiler-leaves-an-address-out",
        why: "the compiler renders `address`, which is either address, as no address at all",
        covers: |found| {
            // No term of the policy takes the packet; the entry that does would, if it asked for an address.
            let addresses = [Field::Src4, Field::Dst4, Field::Src6, Field::Dst6];
            found.dialect == "ios-xr"
                && found.case == "07_address_both"
                && found.packet.number("proto") == 6
                && found.packet.words["term"] == "default-deny"
                && found.is_wider()
                && !found.looks_at(&addresses)
        },
    },
    Class {
        name: "junos-reads-ports-of-later-fragments",
        why: "a Junos term looks at the octets behind the IP header of later fragments",
        covers: |found| {
            let fields = [Field::RawPort0, Field::RawPort1, Field::RawOctet0, Field::RawOctet13];
            found.dialect == "junos" && found.packet.is_later() && found.looks_at(&fields)
        },
    },
    Class {
        name: "compiler-leaves-a-fragment-out",
        why: "the compiler renders a term of nothing but `is-fragment` or `first-fragment` without a `from`",
        covers: |found| {
            let cases = ["22_fragments", "23_first_fragment"];
            let everything = found.rule.is_some_and(|rule| *rule.condition == Condition::True);
            found.dialect == "junos"
                && cases.contains(&found.case)
                && everything
                && found.got == Some(false)
                && found.packet.accepted
        },
    },
];

/// The document with every condition that takes later fragments beside ports, flags or types taking none.
fn by_ports(document: &Document) -> Document {
    fn change(condition: &Condition) -> Condition {
        let later = Condition::test(Field::FragOff, ValueSet::range(1, 8191));
        match condition {
            Condition::And(parts) => Condition::and(parts.iter().map(change)),
            Condition::Or(parts) => Condition::or(parts.iter().filter(|part| **part != later).map(change)),
            other => other.clone(),
        }
    }
    let mut changed = document.clone();
    for set in &mut changed.rule_sets {
        for condition in set.rules.conditions_mut() {
            *condition = change(condition);
        }
    }
    changed
}

pub(crate) fn corpora() -> Option<PathBuf> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let path = root.map(|root| root.join("crossdialect")).filter(|path| path.is_dir());
    if path.is_none() {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `crossdialect`");
    }
    path
}

/// Whether the filter of the packet's family accepts it, and by which rule; none when nobody can say or there is no
/// such filter.
fn accepts<'a>(document: &'a Document, packet: &Packet) -> (Option<bool>, Option<Rule<'a>>) {
    let decided = decide(document, packet);
    match decided {
        Some(Decision::Verdict(verdict, hit)) => {
            let rule =
                hit.and_then(|hit| document.rule_sets[hit.rule_set as usize].rules.get(hit.rule as usize));
            (Some(verdict == Verdict::Accept), rule)
        }
        Some(Decision::Unknown(_)) | None => (None, None),
    }
}

fn decide(document: &Document, packet: &Packet) -> Option<Decision> {
    let mut headers = Headers::new();
    decode_ip(&packet.octets, &mut headers);
    let family = if packet.number("v") == 6 { Family::Inet6 } else { Family::Inet };
    let filter = |set: &&flowgate::ir::RuleSet| {
        set.kind == Kind::Filter && (set.family == family || set.family == Family::Any)
    };
    let set = document.rule_sets.iter().find(filter)?;
    let at = document.rule_sets.iter().position(|other| std::ptr::eq(other, set))?;
    Some(Evaluator::new(document, at)?.decide(&headers).unwrap())
}

#[test]
fn renderings_of_one_policy_decide_as_the_policy_does() {
    let Some(folder) = corpora() else { return };
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut explained: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    for path in cases.iter().filter(|path| path.join("packets.jsonl").is_file()) {
        let case = path.file_name().unwrap().to_string_lossy();
        let lines = std::fs::read_to_string(path.join("packets.jsonl")).unwrap();
        let packets: Vec<Packet> = lines.lines().map(Packet::read).collect();
        for (dialect, file) in RENDERINGS {
            let Ok(text) = std::fs::read_to_string(path.join(file)) else { continue };
            let dialect = by_name(dialect).unwrap();
            let source = Source::new(*file, Content::Text(text));
            let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
            let by_ports = by_ports(&reading.document);
            for (packet, number) in packets.iter().zip(1..) {
                let (got, rule) = accepts(&reading.document, packet);
                // A policy for one family only says nothing of the other.
                if got.is_none()
                    && reading.document.rule_sets.iter().all(|set| {
                        set.family == if packet.number("v") == 6 { Family::Inet } else { Family::Inet6 }
                    })
                {
                    continue;
                }
                *compared.entry(dialect.name()).or_default() += 1;
                if got == Some(packet.accepted) {
                    continue;
                }
                let what = format!("{case}/{file} packet {number} {}: {got:?}", packet.words);
                let by_ports = accepts(&by_ports, packet).0;
                let found = Found { dialect: dialect.name(), case: &case, packet, got, rule, by_ports };
                let covers = |class: &&Class| (class.covers)(&found);
                match CLASSES.iter().find(covers) {
                    Some(class) => {
                        let found = explained.entry(class.name).or_insert((0, what));
                        found.0 += 1;
                    }
                    None => wrong.push(what),
                }
            }
        }
    }
    for (dialect, count) in &compared {
        println!("{dialect}: {count} verdicts compared");
    }
    for class in CLASSES {
        let Some((count, witness)) = explained.get(class.name) else {
            panic!("the class `{}` explains nothing any more", class.name);
        };
        println!("{}: {count}, {}; first: {witness}", class.name, class.why);
    }
    let shown: Vec<_> = wrong.iter().take(40).collect();
    assert!(wrong.is_empty(), "{} differences without a class: {shown:#?}", wrong.len());
    assert!(compared["ios-xr"] >= 5000 && compared["junos"] >= 5000, "{compared:?}");
}
