//! Structures that are built, held against the engines that build them.

use super::programs::program;
use flowgate::cost::{self, Count, Price};
use flowgate::dialect::{self, ReadOptions};
use flowgate::field::{Family, Field};
use flowgate::guard::{Meter, limits};
use flowgate::ir::{Condition, Document, Kind, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::net::IntervalSet;
use flowgate::source::{Content, Source, SourceId};
use proptest::prelude::*;
use std::fmt::Write;
use std::process::Command;

fn document(family: Family, conditions: Vec<Condition>) -> Document {
    let rule = |condition| RuleBuf::new("r", condition, Outcome::Verdict(Verdict::Discard));
    let rules = conditions.into_iter().map(rule).collect();
    let set = RuleSet { name: "F".into(), kind: Kind::Filter, family, default: Verdict::Accept, rules };
    Document { rule_sets: vec![set], ..Document::default() }
}

fn priced(document: &Document, platform: &str) -> Price<'static> {
    let mut meter = Meter::new(&limits::COST_TOTAL_STEPS);
    cost::price(document, cost::by_name(platform).unwrap(), &mut meter)
}

fn used(price: &Price<'_>, resource: &str) -> Count {
    price.resources.iter().find(|usage| usage.resource.name == resource).unwrap().used
}

/// A row as the library takes it.
#[derive(Clone, Debug)]
struct Row {
    protocol: Option<u32>,
    source: (u128, u32),
    destination: (u128, u32),
    from: (u32, u32),
    to: (u32, u32),
}

impl Row {
    fn condition(&self, family: Family) -> Condition {
        let six = family == Family::Inet6;
        let width = if six { 128 } else { 32 };
        let (source, destination) = if six { (Field::Src6, Field::Dst6) } else { (Field::Src4, Field::Dst4) };
        let mut parts = Vec::new();
        if let Some(number) = self.protocol {
            parts.push(Condition::test(Field::Proto, ValueSet::single(number)));
        }
        for (field, (address, length)) in [(source, self.source), (destination, self.destination)] {
            if length > 0 {
                let last = address | (cost::cover::low_bits(width - length));
                parts.push(Condition::test(
                    field,
                    if six {
                        ValueSet::Wide(Box::new(IntervalSet::range(address, last)))
                    } else {
                        ValueSet::range(u32::try_from(address).unwrap(), u32::try_from(last).unwrap())
                    },
                ));
            }
        }
        for (field, (lo, hi)) in [(Field::Sport, self.from), (Field::Dport, self.to)] {
            if (lo, hi) != (0, 65_535) {
                parts.push(Condition::test(field, ValueSet::range(lo, hi)));
            }
        }
        Condition::and(parts)
    }

    fn line(&self, family: Family) -> String {
        let address = |(address, length): (u128, u32)| match family {
            Family::Inet6 => format!("{}/{length}", Ipv6Words(address)),
            _ => format!("{}/{length}", std::net::Ipv4Addr::from(u32::try_from(address).unwrap())),
        };
        let protocol = self.protocol.map_or("0x00/0x00".to_owned(), |number| format!("0x{number:02x}/0xff"));
        let ((slo, shi), (dlo, dhi)) = (self.from, self.to);
        let (source, destination) = (address(self.source), address(self.destination));
        format!("@{source} {destination} {slo} : {shi} {dlo} : {dhi} {protocol}\n")
    }
}

/// The library's test program reads addresses of eight words, none left out.
struct Ipv6Words(u128);

impl std::fmt::Display for Ipv6Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = std::net::Ipv6Addr::from(self.0).segments().map(|word| format!("{word:x}"));
        f.write_str(&words.join(":"))
    }
}

/// Octets of the table that the library builds, and its tries; none where it refuses the rows.
fn library(rows: &[Row], family: Family) -> Option<(u64, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules");
    let text: String = rows.iter().map(|row| row.line(family)).collect();
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(program("dpdk-test-acl").unwrap());
    command.args(["-l", "0", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf", "-m", "512"]);
    command.args(["--log-level=lib.acl:debug", "--", "--iter=1", "--verbose=0"]);
    command.arg(format!("--rulesf={}", path.display())).arg(format!("--rulenum={}", rows.len() + 16));
    if family == Family::Inet6 {
        command.arg("--ipv6");
    }
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if said.contains("Exceeded max number of tries") {
        return None;
    }
    let total = said.lines().find_map(|line| line.strip_prefix("total: ")?.split(' ').next()?.parse().ok());
    let tries = said.lines().filter(|line| line.contains("number of rules: ")).count() as u64;
    Some((total.unwrap_or_else(|| panic!("{said}")), tries))
}

#[track_caller]
fn agree(rows: &[Row], family: Family) -> (u64, u64) {
    let price = priced(&document(family, rows.iter().map(|row| row.condition(family)).collect()), "dpdk-acl");
    let (octets, tries) = (used(&price, "table-octets"), used(&price, "tries"));
    let got = (octets.value().unwrap(), tries.value().unwrap());
    match library(rows, family) {
        Some(said) => assert_eq!(got, said, "octets and tries of {} rows", rows.len()),
        None => assert!(got.1 > 8, "the library refuses what takes {} tries here", got.1),
    }
    got
}

fn row(family: Family) -> impl Strategy<Value = Row> {
    let port = prop_oneof![
        Just((0, 65_535)),
        (0..3_u32, 0..65_536_u32).prop_map(|(_, port)| (port, port)),
        (0..65_536_u32, 0..65_536_u32).prop_map(|(a, b)| (a.min(b), a.max(b))),
        Just((1024, 65_535)),
    ];
    let width = if family == Family::Inet6 { 128 } else { 32_u32 };
    let base = if family == Family::Inet6 { 0x2001_0db8 << 96 } else { 10 << 24_u128 };
    let address = move || {
        (0..8_u128, 0..300_u128, prop_oneof![Just(0), Just(width), 0..=width]).prop_map(
            move |(a, b, length)| {
                let address = base | a << (width / 2) | b;
                (address & !cost::cover::low_bits(width - length) & cost::cover::low_bits(width), length)
            },
        )
    };
    let protocol = prop_oneof![Just(Some(6)), Just(Some(17)), Just(None)];
    (protocol, address(), address(), port.clone(), port)
        .prop_map(|(protocol, source, destination, from, to)| Row { protocol, source, destination, from, to })
}

fn has_library() -> bool {
    program("dpdk-test-acl").is_some()
}

proptest! {
    // A process for each case.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn tries_are_those_of_the_library(
        rows in proptest::collection::vec(row(Family::Inet), 1..120),
        six in proptest::collection::vec(row(Family::Inet6), 1..60),
    ) {
        if has_library() {
            agree(&rows, Family::Inet);
            agree(&six, Family::Inet6);
        }
    }
}

/// Rules on a source alone and on a destination alone, in turn.
fn crossing(count: u32) -> Vec<Row> {
    let one = |n: u32| {
        let host = ((10 << 24) + u128::from(65_536 * (n % 250) + 7 * n), 32);
        let (source, destination) = if n % 2 == 1 { (host, (0, 0)) } else { ((0, 0), host) };
        let to = (1000 + 3 * n % 30_000, 40_000 + n % 20_000);
        Row { protocol: Some(6), source, destination, from: (0, 65_535), to }
    };
    (0..count).map(one).collect()
}

#[test]
fn a_table_is_split_as_the_library_splits_it_and_then_takes_less() {
    if !has_library() {
        return;
    }
    let sizes = [400, 600, 1_000].map(|count| agree(&crossing(count), Family::Inet));
    assert!(sizes[0].1 == 1 && sizes[2].1 > 1, "{sizes:?}");
    assert!(sizes.iter().any(|(octets, _)| *octets > sizes[2].0), "{sizes:?}");
}

#[test]
fn fields_beside_the_five_and_what_has_no_place() {
    let port = |port| Condition::test(Field::Dport, ValueSet::single(port));
    let plain = document(Family::Inet, vec![port(80)]);
    let flags =
        |part: Condition| Condition::and([part, Condition::test(Field::TcpFlags, ValueSet::bits(2, 18))]);
    let octets = |document: &Document| used(&priced(document, "dpdk-acl"), "table-octets");
    assert!(octets(&document(Family::Inet, vec![flags(port(80))])).value() > octets(&plain).value());
    // No header of the kind: not a value of a column.
    let absent = Condition::not(Condition::present(Field::TcpFlags));
    let unknown = octets(&document(Family::Inet, vec![port(80), absent]));
    assert!(!unknown.exact && unknown.at_least <= octets(&plain).at_least);
    // Either version has a table of its own.
    let both = octets(&document(Family::Any, vec![port(80)])).value().unwrap();
    let six = octets(&document(Family::Inet6, vec![port(80)])).value().unwrap();
    assert_eq!(both, octets(&plain).value().unwrap() + six);
    assert_eq!(octets(&document(Family::Inet, Vec::new())), Count::exact(0));
    // What asks for one version is in the table of that one alone, whatever else it asks for.
    let four = Condition::test(Field::Dst4, ValueSet::single(7));
    let untagged = Condition::not(Condition::present(Field::VlanId));
    let arp = Condition::and([untagged, Condition::test(Field::ArpTarget, ValueSet::single(7))]);
    let host = octets(&document(Family::Inet, vec![four.clone()]));
    assert_eq!(octets(&document(Family::Any, vec![four.clone()])), host);
    assert_eq!(octets(&document(Family::Any, vec![Condition::or([four, arp])])), host);
    // In a table of both versions a port is a port, as its rule says, and not what the kernel reads in fragments.
    let read = |family: &str, set: Family| {
        let text = format!(
            "table {family} t {{ chain c {{ type filter hook input priority 0; udp dport 5-9 drop\n}}\n}}\n"
        );
        let source = Source::new("test", Content::Text(text));
        let reading =
            dialect::by_name("nftables").unwrap().read(&source, SourceId(0), &ReadOptions::default());
        let guarded = Condition::and([
            Condition::test(Field::Proto, ValueSet::single(17)),
            Condition::test(Field::Dport, ValueSet::range(5, 9)),
        ]);
        (octets(&reading.document), octets(&document(set, vec![guarded])))
    };
    for (family, set) in [("inet", Family::Any), ("ip6", Family::Inet6), ("ip", Family::Inet)] {
        let (got, want) = read(family, set);
        assert_eq!(got, want, "{family}");
    }
}

#[test]
fn what_is_too_large_to_build_is_known_from_below() {
    let many = |field| Condition::test(field, ValueSet::of((0..2_000).map(|n| 2 * n)));
    let condition = Condition::and([many(Field::Sport), many(Field::Dport)]);
    let price = priced(&document(Family::Inet, vec![condition]), "dpdk-acl");
    let usage = price.resources.iter().find(|usage| usage.resource.name == "table-octets").unwrap();
    assert!(!usage.used.exact && usage.used.at_least > 0);
    let mut said = String::new();
    let Some(cost::Inexact::Exhausted(exhausted)) = usage.inexact else { panic!("{:?}", usage.inexact) };
    write!(said, "{exhausted}").unwrap();
    assert!(said.contains("built-rows"), "{said}");
    // Vectors have room for any number of values in a field.
    assert!(
        used(&priced(&document(Family::Inet, vec![many(Field::Sport)]), "bit-vectors"), "vector-octets")
            .exact
    );
}

#[test]
fn vectors_grow_by_the_square_of_the_rules() {
    let hosts = (0..2_048).map(|n| Condition::test(Field::Dst4, ValueSet::single(64 * n + 3))).collect();
    let document = document(Family::Inet, hosts);
    let price = priced(&document, "bit-vectors");
    for growth in cost::growth(&[&document], &price) {
        let exponent = growth.exponent().unwrap();
        assert!(
            growth.is_superlinear() && (1.9..2.0).contains(&exponent),
            "{}: {exponent}",
            growth.resource.name
        );
    }
    // Each value is an interval, and so is what follows it; the first begins at nothing.
    let intervals = 2 * 2_048 + 1;
    assert_eq!(used(&price, "vector-octets"), Count::exact(intervals * (4 + 8 * 32)));
    assert_eq!(used(&price, "aggregated-octets"), Count::exact(intervals * (4 + 8 * 32 + 8)));
}
