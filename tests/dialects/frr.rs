//! FRR: what it showed for the measured vectors against their octets, and its files.

use flowgate::dialect::flowspec::{FlowSpec, Frames, Table, decode, lower};
use flowgate::dialect::frr::Frr;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::ir::{Condition, Rule};
use flowgate::source::{Content, Source, SourceId};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;

fn read(text: &str) -> Reading {
    let source = Source::new("test", Content::Text(text.to_owned()));
    Frr.read(&source, SourceId(0), &ReadOptions::default())
}

fn rules(reading: &Reading) -> Vec<Rule<'_>> {
    reading.document.rule_sets.iter().flat_map(|set| &set.rules).collect()
}

fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        println!("skipped: FLOWGATE_CORPORA names no folder");
    }
    folder
}

/// Entries whose display is not what the octets say, with the reason; version 8.4.4.
const DEVIATIONS: [(&str, &str); 6] = [
    ("frag-2octet", "a fragment operand in two octets: malformed, and taken"),
    ("mal-dup-type", "a component stands twice: malformed, and shown twice"),
    ("mal-no-eol", "a list without its end: malformed, and shown as if it had one"),
    ("mal-op-missing", "a component without operands: malformed, and not shown"),
    ("mal-src-before-dst", "components out of order: malformed, and shown in that order"),
    ("mal-trailing", "an octet too many: malformed, and dropped"),
];

#[test]
fn what_was_shown_reads_as_the_octets_do() {
    let Some(folder) = corpora() else { return };
    let vectors = folder.join("flowspec_vectors");
    let mut octets: HashMap<String, (Table, Vec<u8>)> = HashMap::new();
    for entry in std::fs::read_dir(&vectors).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("measured__") {
            continue;
        }
        let list: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for entry in list.as_array().unwrap() {
            let hex = entry["nlri"].as_str().unwrap();
            let wire = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap());
            let number = |key: &str| entry[key].as_u64().unwrap();
            if let Some(table) =
                Table::of(number("afi").try_into().unwrap(), number("safi").try_into().unwrap())
            {
                octets.insert(entry["name"].as_str().unwrap().to_owned(), (table, wire.collect()));
            }
        }
    }
    let (mut same, mut between, mut explained) = (0, 0, Vec::new());
    for file in ["measured__show_flowspec_detail_0.txt", "measured__show_flowspec_detail_1.txt"] {
        let text = std::fs::read_to_string(folder.join("frr").join(file)).unwrap();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (name, _) = line.split_once('\t').unwrap();
            // Some vectors are not part of the corpora.
            let Some((table, wire)) = octets.get(name) else { continue };
            // An entry does not tell its family: the command did.
            let family = if *table == Table::Ipv6 { "ipv6" } else { "ipv4" };
            let reading = read(&format!("show bgp {family} flowspec detail\n{line}\n"));
            let all = rules(&reading);
            let mut spec = FlowSpec::new(table.family());
            // Of two NLRIs in one update the table shows the last.
            let frame = Frames::new(wire, 0).map_while(Result::ok).last();
            let decoded = frame.is_some_and(|frame| decode(*table, &frame, &mut spec).is_ok());
            if let Some(at) = DEVIATIONS.iter().position(|(row, _)| *row == name) {
                assert!(
                    !decoded || all.len() != 1 || *all[0].condition != lower(&spec),
                    "{name} deviates no more"
                );
                explained.push(at);
                continue;
            }
            assert!(decoded, "{name}");
            assert_eq!(all.len(), 1, "{name}");
            if all[0].condition.has_opaque() {
                let bounds = bounds(all[0].condition);
                assert!(bounds.iter().all(|(over, under)| over != under), "{name}");
                between += 1;
            } else {
                assert_eq!(*all[0].condition, lower(&spec), "{name}: {line}");
                same += 1;
            }
        }
    }
    explained.sort_unstable();
    explained.dedup();
    let there = (0..DEVIATIONS.len()).filter(|at| octets.contains_key(DEVIATIONS[*at].0));
    assert_eq!(explained, there.collect::<Vec<_>>(), "a row explains nothing");
    println!("{same} entries as their octets, {between} between bounds, {} explained", explained.len());
    assert!(same >= 15 && between >= 2, "{same} {between}");
}

fn bounds(condition: &Condition) -> Vec<(Condition, Condition)> {
    let mut list = Vec::new();
    condition.visit(&mut |part| {
        if let Condition::Opaque(opaque) = part {
            list.push((opaque.over.clone(), opaque.under.clone()));
        }
    });
    list
}

#[test]
fn every_file_of_the_corpus_is_read() {
    let Some(folder) = corpora() else { return };
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder.join("frr")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let (mut all, mut clear) = (0, 0);
    for path in &names {
        let text = std::fs::read_to_string(path).unwrap();
        let reading = read(&text);
        let rules = rules(&reading);
        let opaque = rules.iter().filter(|rule| rule.condition.has_opaque()).count();
        if !rules.is_empty() || !reading.diagnostics.is_empty() {
            let name = path.file_name().unwrap().to_str().unwrap();
            println!(
                "{name}: {} rules, {opaque} opaque, {} findings",
                rules.len(),
                reading.diagnostics.len()
            );
            if !name.starts_with("measured__") {
                all += rules.len();
                clear += rules.len() - opaque;
            }
        }
    }
    println!("{clear} of {all} rules of whole files have no opaque condition");
    assert!(all > 10 && all == clear, "{clear} of {all}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_stops_the_reader_and_every_place_is_in_it(
        words in prop::collection::vec(prop_oneof![
            Just("(flags 0x418) "), Just("Destination Address "), Just("10.0.0.0/8 "), Just("::/0/off 0 "), Just("Port "),
            Just("= 80 , "), Just(">= 5 "), Just(","), Just("TCP Flags "), Just("= 2,&"), Just("∋ ! 16 "), Just("|"),
            Just("FS:rate 0 "), Just("FS:action x "), Just("FS:redirect VRF RT:1:2 "), Just("received "), Just("Displayed "),
            Just("show bgp ipv6 flowspec\n"), Just("*> to "), Just("proto "), Just("\n"), Just("pbr-map A seq 5\n"),
            Just("match src-ip "), Just("set nexthop "), Just("blackhole\n"), Just("no "), Just("pbr-policy B\n"), Just("é"),
            Just("[{\"to\":\""), Just("\"}]"), Just("{\"routes\":{\"x\":["), Just("]}}"), Just("          "),
        ], 0..50),
    ) {
        let text = words.concat();
        let reading = read(&text);
        for finding in &reading.diagnostics {
            prop_assert!(text.get(finding.primary.span.range()).is_some(), "{:?}", finding);
        }
        for rule in rules(&reading) {
            prop_assert!(text.get(rule.origin.span.range()).is_some());
        }
    }
}
