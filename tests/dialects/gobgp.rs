//! GoBGP: the vectors measured on the real program, its files, and the laws.

use crate::exabgp_laws::{actions, spec};
use crate::routes;
use flowgate::diagnostic::Level;
use flowgate::dialect::flowspec::{self, Table, communities};
use flowgate::dialect::gobgp::GoBgp;
use flowgate::dialect::{Dialect, Loss, PrintOptions, ReadOptions, Reading};
use flowgate::field::Family;
use flowgate::ir::{Document, Rule, RuleBuf};
use flowgate::source::{Content, Source, SourceId};
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;

fn read(text: &str) -> Reading {
    let source = Source::new("test", Content::Text(text.to_owned()));
    GoBgp.read(&source, SourceId(0), &ReadOptions::default())
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

fn hex(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02x}").unwrap();
        text
    })
}

/// Texts whose octets GoBGP 3.10.0 sends otherwise than canonically, with what is sent, and why ours differ.
const DEVIATIONS: [(&str, &str, &str); 6] = [
    (
        "destination 2001:db8::/32 source ::1234:5678:9a00:0/104 64 protocol tcp",
        "1201200020010db8026840123456789a038106",
        "an offset is sent with the whole address: malformed, and said so",
    ),
    (
        "destination 2001:db8::/32 source ::1234:5678:9a00:0/104 65",
        "0f01200020010db80268412468acf134",
        "an offset is sent with the whole address: malformed, and said so",
    ),
    (
        "destination ::1/128 127",
        "0401807f80",
        "an offset is sent with the whole address: malformed, and said so",
    ),
    ("destination 2001:db8::/32 8", "06012008010db8", "an offset is sent with the whole address: malformed"),
    ("label 2013", "060da1000007dd", "a flow label is sent in two octets; canonically it has four"),
    ("fragment dont-fragment", "030c8000", "the bit is sent; in IPv6 it is reserved and read as 0"),
];

#[test]
fn texts_have_the_octets_that_gobgp_sent() {
    let Some(folder) = corpora() else { return };
    let (mut sent, mut refused, mut thens, mut explained) = (0, 0, 0, Vec::new());
    for file in ["text-gobgp-3.10.0__1.json", "text-gobgp-3.10.0__2.json"] {
        let text = std::fs::read_to_string(folder.join("flowspec_vectors").join(file)).unwrap();
        let entries: Value = serde_json::from_str(&text).unwrap();
        for entry in entries.as_array().unwrap() {
            let (kind, words) = (entry["kind"].as_str().unwrap(), entry["text"].as_str().unwrap());
            if kind == "then" {
                let reading =
                    read(&format!("gobgp global rib -a ipv4-flowspec add match port 1 then {words}"));
                let rule = rules(&reading)[0];
                let (list, lost) = communities(rule.outcome, rule.actions);
                assert_eq!(lost, vec![], "{words}");
                let got = |length| {
                    let of = list.iter().filter(|c| c.octets().len() == length);
                    // The AS beside a rate is informational.
                    of.map(|c| hex(c.octets())).collect::<String>().replace("80060000", "8006")
                };
                let want = |at: usize| {
                    let want = entry["result"][at].as_str().unwrap();
                    want.replace("80060000", "8006").replace("8006fde8", "8006")
                };
                assert_eq!((got(8), got(20)), (want(0), want(1)), "{words}");
                thens += 1;
                continue;
            }
            let result = entry["result"].as_str().unwrap();
            let reading = read(&format!("gobgp global rib -a {kind}-flowspec add match {words} then accept"));
            let errors: Vec<_> = reading.diagnostics.iter().filter(|d| d.level == Level::Error).collect();
            let nlri = rules(&reading).first().and_then(|rule| rule.nlri).map(|nlri| {
                let mut out = Vec::new();
                flowspec::encode::framed(nlri, &mut out).unwrap();
                hex(&out)
            });
            let row = DEVIATIONS.iter().position(|(text, ..)| *text == words);
            if result.starts_with("ERR") {
                assert!(!errors.is_empty(), "{words}: {result}");
                refused += 1;
            } else if let Some(at) = row.filter(|_| kind == "ipv6") {
                assert_eq!(nlri.as_deref(), Some(DEVIATIONS[at].1), "{words}");
                assert_ne!(nlri.as_deref(), Some(result), "{words}: {}", DEVIATIONS[at].2);
                assert!(!reading.diagnostics.is_empty(), "{words}");
                explained.push(at);
            } else {
                assert_eq!(nlri.as_deref(), Some(result), "{words}: {errors:?}");
                assert!(errors.iter().all(|d| d.check == "empty-range"), "{words}: {errors:?}");
                sent += 1;
            }
        }
    }
    explained.sort_unstable();
    assert_eq!(explained, (0..DEVIATIONS.len()).collect::<Vec<_>>(), "a row explains nothing");
    println!(
        "{sent} texts with their octets, {} explained, {refused} refused, {thens} actions",
        explained.len()
    );
    assert!(sent >= 23 && refused >= 7 && thens >= 10, "{sent} {refused} {thens}");
}

#[test]
fn every_file_of_the_corpus_is_read() {
    let Some(folder) = corpora() else { return };
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder.join("gobgp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let (mut all, mut clear) = (0, 0);
    for path in &names {
        let text = std::fs::read_to_string(path).unwrap();
        let reading = read(&text);
        let rules = rules(&reading);
        let opaque = rules.iter().filter(|rule| rule.condition.has_opaque()).count();
        println!(
            "{}: {} routes, {opaque} opaque, {} findings, {} skipped",
            path.display(),
            rules.len(),
            reading.diagnostics.len(),
            reading.skipped
        );
        all += rules.len();
        clear += rules.len() - opaque;
    }
    println!("{clear} of {all} routes have no opaque condition");
    assert!(all >= 10 && all == clear, "{clear} of {all}");
}

/// The rule that GoBGP's words make of one.
fn in_words(rule: &RuleBuf, table: Table) -> Option<RuleBuf> {
    let mut text = String::new();
    let set = flowspec::rule_set(table.rule_set_name(None), table, vec![rule.clone()].into());
    let document = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
    let lost = GoBgp.print(&document, &PrintOptions::default(), &mut text).unwrap();
    let again = read(&text);
    let read = rules(&again).first().map(Rule::to_buf);
    assert_eq!(read.is_none(), lost.iter().any(|l| l.loss == Loss::LeftOut), "{text}");
    if let Some(read) = &read
        && lost.is_empty()
    {
        assert_eq!(read, rule, "{text}");
    }
    read
}

fn rule(family: Family) -> impl Strategy<Value = RuleBuf> {
    ("[a-z][a-z0-9.-]{0,8}", spec(family), actions())
        .prop_map(|(name, spec, actions)| routes::rule(&name, &spec, &actions))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_it_was(four in rule(Family::Inet), six in rule(Family::Inet6)) {
        for (rule, table) in [(four, Table::Ipv4), (six, Table::Ipv6)] {
            let Some(once) = in_words(&rule, table) else { continue };
            prop_assert_eq!(&once.name, &rule.name);
            prop_assert_eq!(once.outcome, rule.outcome);
            let twice = in_words(&once, table);
            prop_assert_eq!(twice.as_ref(), Some(&once));
        }
    }

    #[test]
    fn no_text_stops_the_reader_and_every_place_is_in_it(
        words in prop::collection::vec(prop_oneof![
            Just("gobgp "), Just("global "), Just("rib "), Just("-a "), Just("ipv4-flowspec "), Just("ipv6-flowspec "),
            Just("ipv4-l3vpn-flowspec "), Just("add "), Just("del "), Just("all "), Just("rd "), Just("1:2 "), Just("match "),
            Just("then "), Just("destination "), Just("10.0.0.0/8 "), Just("2001:db8::/32 "), Just("64 "), Just("protocol "),
            Just("tcp "), Just("'>=80&<=90' "), Just("80-90 "), Just("true "), Just("tcp-flags "), Just("=SA&!U "), Just("!"),
            Just("&"), Just("fragment "), Just("is-fragment+"), Just("discard "), Just("rate-limit "), Just("1.5 "), Just("as "),
            Just("redirect "), Just("70000:5 "), Just("action "), Just("sample "), Just("mark "), Just("\n"), Just("; "), Just("# é"),
            Just("'"), Just("\\\n"), Just("[destination: "), Just("[port: "), Just("] "), Just("[{"), Just("{Extcomms: [rate: "),
            Just("{\"nlri\":"), Just("{\"value\":["), Just("\"type\":3,"), Just("]}"), Just("\"attrs\""),
        ], 0..60),
    ) {
        let text = words.concat();
        let reading = read(&text);
        for finding in &reading.diagnostics {
            prop_assert!(text.get(finding.primary.span.range()).is_some(), "{:?}", finding);
        }
        for rule in reading.document.rule_sets.iter().flat_map(|set| &set.rules) {
            prop_assert!(text.get(rule.origin.span.range()).is_some());
        }
    }
}

#[test]
fn the_page_shows_the_ledger() {
    let page = include_str!("../../docs/dialects/gobgp.md");
    for keyword in GoBgp.ledger() {
        assert!(page.contains(&format!("`{}`", keyword.word)), "{}", keyword.word);
    }
}
