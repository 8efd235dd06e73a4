//! IOS XR over the real corpora: nothing crashes it, most rules lower without an opaque condition, the files of
//! its neighbours are not taken for its own, and what `show flowspec` prints is what was sent.

use flowgate::dialect::{DIALECTS, ReadOptions, Reading, Recognition, Sample, by_name};
use flowgate::ir::{Outcome, Verdict};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn corpora(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let path = root.map(|root| root.join(folder)).filter(|path| path.is_dir());
    if path.is_none() {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `{folder}`");
    }
    path
}

fn read(text: &str) -> (Reading, Source) {
    let source = Source::new("a.cfg", Content::Text(text.to_owned()));
    let dialect = by_name("ios-xr").expect("the dialect is registered");
    (dialect.read(&source, SourceId(0), &ReadOptions::default()), source)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list.extend(files(&path));
        } else if let Ok(octets) = std::fs::read(&path) {
            list.push((path.file_name().unwrap().to_string_lossy().into_owned(), octets));
        }
    }
    list.sort();
    list
}

fn recognised(name: &str, octets: &[u8], dialect: &str) -> Recognition {
    let head = &octets[..octets.len().min(65536)];
    let sample = Sample { name, octets: head, text: std::str::from_utf8(head).ok() };
    by_name(dialect).unwrap().recognise(&sample)
}

#[test]
fn the_files_lower_with_few_opaque_conditions() {
    let mut rules = 0;
    let mut opaque: BTreeMap<String, usize> = BTreeMap::new();
    let (mut seen, mut unclaimed) = (0, Vec::new());
    for folder in ["ios_xr", "flowspec_text_xr"] {
        let Some(path) = corpora(folder) else { return };
        for (name, octets) in files(&path) {
            let text = String::from_utf8_lossy(&octets);
            let (reading, source) = read(&text);
            for finding in &reading.diagnostics {
                assert!(source.text().get(finding.primary.span.range()).is_some(), "{name}: {finding:?}");
                if std::env::var_os("SHOW_FINDINGS").is_some() {
                    let at = source.slice(finding.primary.span);
                    println!("{name}: {} {}: {} [{at}]", finding.level, finding.check, finding.message);
                }
            }
            let count = reading.document.rule_count();
            rules += count;
            if count > 0 {
                seen += 1;
                let ours = recognised(&name, &octets, "ios-xr");
                let others: Vec<_> = DIALECTS
                    .iter()
                    .filter(|d| d.name() != "ios-xr" && recognised(&name, &octets, d.name()) >= ours)
                    .map(|d| d.name())
                    .collect();
                if ours == Recognition::No || !others.is_empty() {
                    unclaimed.push(format!("{name} {others:?}"));
                }
            }
            for rule in reading.document.rule_sets.iter().flat_map(|set| &set.rules) {
                let mut reason = None;
                rule.condition.visit(&mut |part| {
                    if let flowgate::ir::Condition::Opaque(opaque) = part {
                        reason = Some(opaque.reason.to_string());
                    }
                });
                if let Some(reason) = reason {
                    *opaque.entry(reason).or_default() += 1;
                    if std::env::var_os("SHOW_FINDINGS").is_some() {
                        println!("{name}: opaque {}", source.slice(rule.origin.span));
                    }
                }
            }
        }
    }
    println!("{rules} rules in {seen} files with rules; opaque by reason: {opaque:#?}");
    let payload = opaque.remove("user-defined fields are octets of the payload").unwrap_or(0);
    let unknown: usize = opaque.values().sum();
    println!("{unknown} of {} rules opaque beyond payload", rules - payload);
    assert!(unknown * 20 <= rules - payload, "{unknown} of {rules}");
    println!("not recognised: {unclaimed:?}");
    assert!(unclaimed.len() * 100 <= seen, "{unclaimed:?}");
}

#[test]
fn files_of_other_dialects_are_not_claimed() {
    let Some(root) = corpora("") else { return };
    let own = ["ios_xr", "flowspec_text_xr", "crossdialect"];
    let mut claimed = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let folder = path.file_name().unwrap().to_string_lossy().into_owned();
        if !path.is_dir() || own.contains(&&*folder) {
            continue;
        }
        for (name, octets) in files(&path) {
            count += 1;
            if recognised(&name, &octets, "ios-xr") != Recognition::No {
                claimed.push(format!("{folder}/{name}"));
            }
        }
    }
    println!("{count} files of other dialects");
    assert!(claimed.is_empty(), "{claimed:?}");
}

/// What `show flowspec` printed on routers, and the octets of the rule that was sent: made by hand from RFC 8955.
const SHOWN: &[(&str, usize, &str)] = &[
    ("on-ncs5500_06", 4, "0118020202 0210 0303 038106 05911f90"),
    ("on-ncs5500_23", 1, "0118020202 0210 0303 038106 05911f90"),
    ("on-ncs5500_25", 2, "0118020202 0210 0303 078103 088110"),
    ("on-ncs5500_30", 2, "0118020202 0210 0303 038111 0c8002"),
    ("on-ncs5500_34", 2, "012007070707 038111 068113"),
    ("on-ncs5500_38", 2, "012007070707 038111 068135 0a930300"),
    ("on-ncs5500_42", 2, "012007070707 038111 0c8002"),
    ("acl-script_44", 1, "0118020202 0c8101"),
    ("acl-script_45", 1, "0118020202 098140"),
    ("acl-script_46", 1, "0118020202 0b812e"),
    ("fib-scale-test_07", 11, "012007070707 038111 06817b"),
];

#[test]
fn shown_flows_are_the_octets_that_were_sent() {
    let Some(folder) = corpora("flowspec_text_xr") else { return };
    let files = files(&folder);
    assert_eq!(files.len(), SHOWN.len());
    for (name, octets) in files {
        let (_, count, first) = SHOWN.iter().find(|(stem, ..)| name.contains(stem)).expect(&name);
        let (reading, _) = read(&String::from_utf8_lossy(&octets));
        let [set] = reading.document.rule_sets.as_slice() else { panic!("{name}: one table") };
        assert_eq!((set.name.as_str(), set.rules.len()), ("flowspec/ipv4", *count), "{name}");
        let hex: String = set.rules[0].nlri.as_ref().unwrap().iter().map(|o| format!("{o:02x}")).collect();
        assert_eq!(hex, first.replace(' ', ""), "{name}");
        let accepts = name.contains("fib-scale");
        for rule in &set.rules {
            assert!(!rule.condition.has_opaque(), "{name}: {rule:?}");
            let verdict = if accepts { Verdict::Accept } else { Verdict::Discard };
            assert_eq!(rule.outcome, Outcome::Verdict(verdict), "{name}");
        }
        assert_eq!(reading.diagnostics, [], "{name}");
    }
}

/// What a router shows for a class that it advertises: pairs of the tutorial by Cisco that the corpus is from
/// (xrdocs, "bgpfs2acl", and the tests of its script).
#[test]
fn configured_classes_and_what_is_shown_for_them_are_one_rule() {
    let pairs = [
        ("match protocol udp\n match source-port 19", "Proto:=17,SPort:=19"),
        ("match protocol udp\n match destination-port 111", "Proto:=17,DPort:=111"),
        ("match protocol udp\n match source-port 137-138", "Proto:=17,SPort:>=137&<=138"),
        ("match protocol udp\n match packet length 768-1600", "Proto:=17,Length:>=768&<=1600"),
        ("match ipv4 icmp-code 2\n match ipv4 icmp-type 2", "ICMPType:=2,ICMPCode:=2"),
        ("match ipv4 icmp-type 2\n match ipv4 icmp-code 2 3", "ICMPType:=2,ICMPCode:=2|=3"),
        ("match fragment-type is-fragment", "Frag:=IsF"),
        ("match fragment-type first-fragment", "Frag:=FF"),
        ("match fragment-type last-fragment", "Frag:=LF"),
        ("match dscp ef", "DSCP:=46"),
    ];
    let head =
        "class-map type traffic match-all C\n match destination-address ipv4 7.7.7.7 255.255.255.255\n ";
    let tail = "\n end-class-map\npolicy-map type pbr P\n class type traffic C\n  drop\n !\n end-policy-map\n\
                flowspec\n address-family ipv4\n  service-policy type pbr P\n";
    for (class, shown) in pairs {
        let (configured, _) = read(&format!("{head}{class}{tail}"));
        let (printed, _) = read(&format!(
            "AFI: IPv4\n  Flow           :Dest:7.7.7.7/32,{shown}\n    Actions      :Traffic-rate: 0 bps  (policy.1.P.C)\n"
        ));
        let rules = [&configured, &printed].map(|reading| &reading.document.rule_sets[0].rules[0]);
        let [one, other] = rules.map(|rule| (&rule.nlri, &rule.condition, &rule.outcome));
        assert_eq!(one, other, "{class}");
    }
}
