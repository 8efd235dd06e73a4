//! BIRD: the vectors measured on the real program, its files, its own parser, and the laws.

use crate::exabgp_laws::{actions, spec};
use crate::programs::program;
use crate::routes;
use flowgate::diagnostic::Level;
use flowgate::dialect::bird::Bird;
use flowgate::dialect::flowspec::{self, FlowSpec, Table};
use flowgate::dialect::{Dialect, Loss, PrintOptions, ReadOptions, Reading, Recognition, Sample};
use flowgate::field::Family;
use flowgate::ir::{Action, Document, Rule, RuleBuf};
use flowgate::source::{Content, Source, SourceId};
use proptest::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn read(text: &str) -> Reading {
    let source = Source::new("test", Content::Text(text.to_owned()));
    Bird.read(&source, SourceId(0), &ReadOptions::default())
}

fn print(document: &Document) -> (String, Vec<String>) {
    let mut text = String::new();
    let lost = Bird.print(document, &PrintOptions::default(), &mut text).unwrap();
    (text, lost.into_iter().map(|l| format!("{}: {}", l.rule, l.what)).collect())
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

fn framed(nlri: &[u8]) -> String {
    let mut out = Vec::new();
    flowspec::encode::framed(nlri, &mut out).unwrap();
    hex(&out)
}

/// Texts that one release takes and another refuses: what the file says, why we say otherwise.
const DEVIATIONS: [(&str, &str); 0] = [];

#[test]
fn texts_have_the_octets_that_bird_sent() {
    let Some(folder) = corpora() else { return };
    let (mut sent, mut refused, mut explained) = (0, 0, Vec::new());
    for file in ["text-bird-2.19.0__0.json", "text-bird-2.19.0__2.json"] {
        let text = std::fs::read_to_string(folder.join("flowspec_vectors").join(file)).unwrap();
        let entries: Value = serde_json::from_str(&text).unwrap();
        for entry in entries.as_array().unwrap() {
            let (kind, items) = (entry["kind"].as_str().unwrap(), entry["text"].as_str().unwrap());
            let result = entry["result"].as_str().unwrap();
            let flow = if kind == "ipv6" { "flow6" } else { "flow4" };
            let reading = read(&format!("protocol static {{ {flow}; route {flow} {{ {items} }}; }}\n"));
            let errors: Vec<_> = reading.diagnostics.iter().filter(|d| d.level == Level::Error).collect();
            let nlri = rules(&reading).first().and_then(|rule| rule.nlri).map(framed);
            if let Some(at) = DEVIATIONS.iter().position(|(text, _)| *text == items) {
                explained.push(at);
            } else if result.starts_with("ERR") {
                assert!(!errors.is_empty(), "{items}: {result}");
                refused += 1;
            } else {
                assert_eq!(nlri.as_deref(), Some(result), "{items}: {errors:?}");
                // What is empty is sent all the same.
                assert!(errors.iter().all(|d| d.check == "empty-range"), "{items}: {errors:?}");
                sent += 1;
            }
        }
    }
    explained.sort_unstable();
    assert_eq!(explained, (0..DEVIATIONS.len()).collect::<Vec<_>>(), "a row explains nothing");
    println!("{sent} texts with their octets, {refused} refused");
    assert!(sent >= 30 && refused >= 14, "{sent} {refused}");
}

#[test]
fn every_file_of_the_corpus_is_read() {
    let Some(folder) = corpora() else { return };
    let (mut all, mut clear) = (0, 0);
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder.join("bird")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in &names {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let sample = Sample { name: "", octets: text.as_bytes(), text: Some(&text) };
        assert_eq!(Bird.recognise(&sample), Recognition::Certain, "{name}");
        let reading = read(&text);
        let rules = rules(&reading);
        let opaque = rules.iter().filter(|rule| rule.condition.has_opaque()).count();
        println!("{name}: {} routes, {opaque} opaque, {} findings", rules.len(), reading.diagnostics.len());
        if name.starts_with("rejected") {
            // Every line was refused, or never announced.
            let lines = text.lines().count();
            let told = (1..=lines).filter(|line| {
                let begin = text.lines().take(line - 1).map(|l| l.len() + 1).sum::<usize>();
                let end = begin + text.lines().nth(line - 1).unwrap().len();
                reading.diagnostics.iter().any(|d| {
                    d.level == Level::Error && (begin..=end).contains(&(d.primary.span.start as usize))
                })
            });
            let told: Vec<usize> = told.collect();
            // The lines show what BIRD shows too, and `!!` and masked fragments are read there.
            let silent: Vec<&str> =
                (1..=lines).filter(|l| !told.contains(l)).filter_map(|l| text.lines().nth(l - 1)).collect();
            assert!(silent.iter().all(|line| line.contains("fragment")), "{silent:?}");
            continue;
        }
        all += rules.len();
        clear += rules.len() - opaque;
        let (text, lost) = print(&reading.document);
        let again = read(&text);
        if lost.is_empty() {
            assert_eq!(again.document, reading.document, "{name}: {lost:?}\n{text}");
        }
        assert!(lost.iter().all(|what| what.contains("without conditions")), "{name}: {lost:?}");
    }
    println!("{clear} of {all} routes have no opaque condition");
    assert_eq!(all, clear);
}

/// What `bird -p` says of a configuration; nothing when it loads.
fn refused(bird: &Path, text: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bird.conf");
    let head = "log \"/dev/null\" all;\nrouter id 192.0.2.1;\nprotocol device {}\n";
    std::fs::write(&file, format!("{head}{text}")).unwrap();
    let output = Command::new(bird).arg("-p").arg("-c").arg(&file).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(words)
}

#[test]
fn bird_reads_what_is_written() {
    let Some(bird) = program("bird") else { return };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut all, mut left) = (0, 0);
    for _ in 0..8 {
        let tree = document(60).new_tree(&mut runner).unwrap();
        let document = proptest::strategy::ValueTree::current(&tree);
        let mut text = String::new();
        let lost = Bird.print(&document, &PrintOptions::default(), &mut text).unwrap();
        left += lost.iter().filter(|lost| lost.loss == Loss::LeftOut).count();
        all += document.rule_count();
        assert_eq!(refused(&bird, &text), None, "{text}");
    }
    println!("bird loads {} written routes; {left} of {all} have no words there", all - left);
    for (text, fine) in [
        ("flow4 table f; protocol static { flow4; route flow4 { proto 6; }; }", true),
        ("flow4 table f; protocol static { flow4; route flow4 { proto 2*3; }; }", false),
    ] {
        assert_eq!(refused(&bird, text).is_none(), fine, "{text}");
    }
}

/// Rows of the line table are refused by BIRD where we find an error that says so, and load where we find none.
#[test]
fn bird_refuses_what_we_refuse() {
    let Some(bird) = program("bird") else { return };
    let page = include_str!("bird.md");
    // Loaded all the same: what is wrong with them shows later, or only to people.
    let loads =
        ["empty-range", "flowspec-component-order", "malformed-nlri", "misleading-text", "unused-definition"];
    // 2.0.12 alone.
    let older = ["label 1048576;", "length >= 99971"];
    let (mut wrap, mut tried) = (String::new(), 0);
    for line in page.lines() {
        if line.starts_with("```") {
            wrap.clear();
        }
        if let Some(text) = line.strip_prefix("wrap ") {
            text.clone_into(&mut wrap);
            continue;
        }
        let parts: Vec<&str> = line.split(" ; ").collect();
        let [text, gives, _] = parts[..] else { continue };
        let errors = gives.split(", ").filter(|part| part.contains('-')).any(|part| {
            !loads.iter().any(|check| part.starts_with(check)) && !part.starts_with("unsupported-keyword")
        });
        let unknown = gives.contains("unsupported-keyword");
        if unknown || older.iter().any(|begin| text.starts_with(begin)) {
            continue;
        }
        // The tables of items only.
        if !wrap.contains("{ {} }") {
            continue;
        }
        let text = wrap.replacen("{}", text, 1);
        let text = text.replace('⏎', "\n");
        tried += 1;
        assert_eq!(refused(&bird, &text).is_some(), errors, "{text}\n{gives}");
    }
    assert!(tried > 40, "{tried}");
}

/// Configurations around one table.
const CONFIGURATIONS: &[&str] = &[
    "protocol static { flow4; route flow4 { proto 0x50; }; }",
    "protocol static { flow4; route flow4 { proto 0X50; }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((generic, 0X80060000, 0)); }; }",
    "protocol static { flow4; route flow4 { proto 6; }; }\r",
    "protocol static { flow4;\x0b route flow4 { proto 6; }; }",
    "protocol static { flow4;\x0c route flow4 { proto 6; }; }",
    "protocol static { flow4; # c\r\nroute flow4 { proto 6; }; }",
    "protocol static { flow4; /* c\r\n */ route flow4 { proto 6; }; }",
    "protocol static { flow4;\u{a0}route flow4 { proto 6; }; }",
    "protocol static { flow4; route flow4 { proto 6; }; }\n\0",
    "protocol static { flow4; route flow4 { proto 6; }; }\n/* a /* b */",
    "protocol static { flow4; route flow4 { proto 6; }; }\n/* a /*/",
    "protocol static { flow4; route flow4 { proto 6; }; }\n/* a // # \" b */",
    "protocol static { flow4; route flow4 { proto 6; } { ; }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_local_pref = 100 }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_local_pref = 100; }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_local_pref = 100;; }; }",
    "protocol static { flow4; route flow4 { proto 6; } { }; }",
    "protocol static { flow4; route flow4 { proto 6; } { if true then bgp_local_pref = 100; }; }",
    "protocol static { flow4; route flow4 { proto 6; } { if true then { bgp_local_pref = 100; } }; }",
    "protocol static { flow4; route flow4 { proto 6; } { if true then { bgp_local_pref = 100; }; }; }",
    "protocol static { route flow4 { proto 6; }; }",
    "protocol static { }",
    "protocol static { disabled; }",
    "protocol static { disabled; route flow4 { proto 6; }; }",
    "protocol static { flow4; flow4; }",
    "protocol static { flow4; flow6; }",
    "protocol static { flow4; ipv4; }",
    "protocol static { ipv4; }",
    "protocol static a { flow4; }\nprotocol static a { flow4; }",
    "protocol static a { flow4; }\nprotocol device a { }",
    "protocol static a { flow4; }\ntemplate static a { flow4; }",
    "define a = 1; protocol static a { flow4; }",
    "protocol static { flow4 { table x; }; }",
    "flow6 table x; protocol static { flow4 { table x; }; }",
    "protocol static { flow4 { table x; }; }\nflow4 table x;",
    "protocol static { flow4; disabled maybe; }",
    "protocol static { flow4; disabled 1; }",
    "protocol static { flow4; disabled 0; }",
    "protocol static { flow4; disabled yes; }",
    "protocol static { flow4; disabled on; }",
    "protocol static { flow4; disabled true; }",
    "define X = 1; protocol static { flow4; disabled X; }",
    "define X = true; protocol static { flow4; disabled X; }",
    "protocol static { flow4; disabled (1 = 1); }",
    "protocol static { flow4; disabled 2; }",
    "protocol static { flow4; disabled 10.0.0.1; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((unknown 65536, 10, 20)); }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((unknown 0x18006, 10, 20)); }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((unknown 4294967295, 10, 20)); }; }",
    "template static t { flow4; }\nprotocol static from t { }",
    "template static t { }\nprotocol static from t { flow4; }",
    "template static t { flow4; }\nprotocol static from t { flow4; }",
    "template static t { }",
    "template static t { flow4; flow4; }\nprotocol device {}",
    "template bgp t { }\nprotocol static from t { flow4; }",
    "protocol static { flow4 }",
    "protocol static { flow4 { } }",
    "protocol static { flow4 { }; }",
    "protocol static { flow4 { table flowtab4; }; }",
    "protocol static { flow4 { table master4; }; }",
    "ipv4 table x; protocol static { flow4 { table x; }; }",
    "protocol static { flow4; flow4 x; }",
    "protocol static { flow4 x; }",
    "protocol static { flow4 main { table x; }; }\nflow4 table x;",
    "flow4 table t; protocol static { flow4; }; function t() { }",
    "protocol static { flow4; disabled maybe }",
    "protocol static { flow4; foo 3; }",
    "foo 3; protocol static { flow4; }",
    "protocol static { flow4; }} ",
    "protocol static a { flow4; flow4 { table t4; }; }",
    "flow6 table t6; protocol static a { flow4; flow6; }",
    "flow6 table t6; protocol static a { ipv4; flow4; }",
    "template static t { flow4; route flow4 { proto 6; }; } protocol static from t { route flow4 { proto 7; }; }",
    "template static t { flow4; route flow4 { proto 6; }; } protocol static from t { flow4; route flow4 { proto 7; }; }",
    "flow6 table t6; template static t { flow4; } protocol static from t { flow6; }",
    "protocol static { route flow4 { proto 6; } { bgp_local_pref = 100; }; flow4; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((generic, 1, 2)) }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((rt, 65536, 20)); }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((unknown 0xffff, 65536, 20)); }; }",
    "protocol static { flow4; route flow4 { proto 6; } { bgp_ext_community.add((unknown 65536+1, 65536, 20)); }; }",
    "protocol static \"a\" { flow4; }",
    "protocol static 'a' { flow4; } protocol static a { flow4; }",
    "protocol static s4 { flow4; } protocol bgp s4 { }",
    "protocol static s4 { disabled on; flow4; disabled off; }",
    "protocol static s4 { flow4; disabled\n; }",
    "protocol static s4 { disabled yes no; flow4; }",
    "protocol static s4 { disabled -1; flow4; }",
    "protocol static s4 { disabled \"a\"; flow4; }",
    "protocol static s4 { flow4; route flow4 { proto 6; } { print \"x\" }; }",
    "protocol static s4 { flow4; route flow4 { proto 6; } { case 1 { 1: bgp_med = 5; else: bgp_med = 6; } }; }",
    "protocol static s4 { flow4; route flow4 { proto 6; } { case 1 { 1: bgp_med = 5; else: bgp_med = 6; }; }; }",
    "protocol static s4 { flow4; route flow4 { proto 6; } { { bgp_med = 5; } }; }",
    "protocol static s4 { flow4; route flow4 { proto 6; } { if true then { } }; }",
    "protocol static s4 { flow4; route flow4 { proto 6; } { bgp_community.add((1,2)) ; ; }; }",
    "protocol static s4 { flow4 { import all; table t4; preference 100; }; }",
    "protocol static s4 { flow4 { debug all; }; }",
    "protocol static s4 { flow4 { import all }; }",
    "protocol static s4 { flow4 { foo; }; }",
    "template static a {flow4;} template static a {flow4;} protocol static from a { }",
];

/// BIRD takes them where we find no error, and refuses them where we find one.
#[test]
fn configurations_are_refused_as_bird_does() {
    let Some(bird) = program("bird") else { return };
    for text in CONFIGURATIONS {
        let text = format!("flow4 table t4;\n{text}\n");
        let reading = read(&text);
        let errors: Vec<_> = reading.diagnostics.iter().filter(|d| d.level == Level::Error).collect();
        let says = refused(&bird, &text);
        assert_eq!(says.is_some(), !errors.is_empty(), "{text}{says:?}\n{errors:?}");
    }
}

/// Every word of the program itself, and what is near to them, as the name of a rule set: BIRD loads what is written, and
/// the reader refuses the names that it refuses.
#[test]
fn every_word_may_be_the_name_of_a_rule_set() {
    let Some(bird) = program("bird") else { return };
    let octets = std::fs::read(&bird).unwrap();
    let is_word =
        |word: &[u8]| word.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_');
    // What stands alone between two ends of strings, without letters that no keyword has; strings share their ends.
    let mut words: Vec<&str> = octets
        .split(|byte| *byte == 0)
        .filter(|word| (2..=20).contains(&word.len()) && word[0].is_ascii_lowercase() && is_word(word))
        .map(|word| std::str::from_utf8(word).unwrap())
        .collect();
    words.extend([
        "all",
        "code",
        "in",
        "port",
        "type",
        "next",
        "export",
        "s",
        "deadbeefdeadbeefdeadbeefdeadbeef",
    ]);
    words.sort_unstable();
    words.dedup();
    let mut document =
        read("flow4 table x; protocol static { flow4 { table x; }; route flow4 { proto 6; }; }").document;
    let mut kept = 0;
    let mut all = String::new();
    let sets = document.rule_sets.clone();
    document.rule_sets.clear();
    for word in &words {
        let mut set = sets[0].clone();
        set.name = format!("flowspec/ipv4/{word}");
        document.rule_sets.push(set);
    }
    let lost = Bird.print(&document, &PrintOptions::default(), &mut all).unwrap();
    assert_eq!(refused(&bird, &all), None);
    let again = read(&all);
    assert_eq!(again.diagnostics, []);
    for (word, set) in words.iter().zip(&again.document.rule_sets) {
        let same = set.name == format!("flowspec/ipv4/{word}");
        let told = lost.iter().any(|lost| lost.rule_set == format!("flowspec/ipv4/{word}"));
        assert_ne!(same, told, "{word}");
        kept += usize::from(same);
        if same && !word.is_empty() {
            continue;
        }
        let text = format!("flow4 table {word};\nprotocol static {{ flow4 {{ table {word}; }}; }}\n");
        let ours = read(&text).diagnostics.iter().any(|d| d.level == Level::Error);
        assert_eq!(ours, refused(&bird, &text).is_some(), "{word}");
    }
    println!("{} words, {kept} of them kept", words.len());
    assert!(words.len() > 800 && words.len() - kept > 300, "{} {kept}", words.len());
}

fn document(rules: usize) -> impl Strategy<Value = Document> {
    let of = |family: Family, table: Table, name: &'static str| {
        prop::collection::vec(rule(family), 1..rules)
            .prop_map(move |rules| flowspec::rule_set(name.to_owned(), table, rules.into()))
    };
    (
        of(Family::Inet, Table::Ipv4, "flowspec/ipv4/192.0.2.1"),
        of(Family::Inet6, Table::Ipv6, "flowspec/ipv6"),
    )
        .prop_map(|(four, six)| {
            let mut document =
                Document { rule_sets: vec![four, six], symbols: Vec::new(), ..Document::default() };
            flowspec::bind(&mut document, &mut Vec::new());
            document
        })
}

fn rule(family: Family) -> impl Strategy<Value = RuleBuf> {
    ("[a-z][a-z0-9.-]{0,8}", spec(family), actions())
        .prop_map(|(name, spec, actions)| routes::rule(&name, &spec, &actions))
}

/// The rule that BIRD's words make of one: its condition in the octets BIRD would send.
fn in_words(rule: &RuleBuf, table: Table) -> Option<RuleBuf> {
    let mut text = String::new();
    let set = flowspec::rule_set("flowspec/x".to_owned(), table, vec![rule.clone()].into());
    let document = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
    let lost = Bird.print(&document, &PrintOptions::default(), &mut text).unwrap();
    let again = read(&text);
    let read = rules(&again).first().map(Rule::to_buf);
    assert_eq!(read.is_none(), lost.iter().any(|l| l.loss == Loss::LeftOut), "{text}");
    read
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_it_was(document in document(6)) {
        let mut left: Vec<(String, String)> = Vec::new();
        let mut text = String::new();
        for lost in Bird.print(&document, &PrintOptions::default(), &mut text).unwrap() {
            left.push((lost.rule, lost.what));
        }
        let again = read(&text);
        prop_assert!(again.diagnostics.iter().all(|d| !matches!(d.check, "syntax-error" | "unsupported-keyword")), "{text}\n{:?}", again.diagnostics);
        let names: Vec<_> = again.document.rule_sets.iter().map(|set| set.name.clone()).collect();
        prop_assert_eq!(names, ["flowspec/ipv4/192.0.2.1", "flowspec/ipv6"]);
        for (set, was) in again.document.rule_sets.iter().zip(&document.rule_sets) {
            for rule in &set.rules {
                // Names may repeat among generated rules: one of that name means the same.
                let same = |other: &Rule<'_>| {
                    other.name == rule.name && other.outcome == rule.outcome && other.action_given == rule.action_given
                };
                let mut candidates = was.rules.iter().filter(same);
                let told = left.iter().any(|(name, what)| **name == *rule.name && what.contains("octets"));
                let equal = candidates.clone().any(|other| {
                    other.condition == rule.condition && (told || other.nlri == rule.nlri)
                });
                let means = equal || candidates.any(|other| told && other.condition != rule.condition);
                prop_assert!(means, "{} {:?}\n{text}", rule.name, rule.condition);
            }
        }
    }

    #[test]
    fn printing_again_loses_nothing_more(four in rule(Family::Inet), six in rule(Family::Inet6)) {
        for (rule, table) in [(four, Table::Ipv4), (six, Table::Ipv6)] {
            let Some(once) = in_words(&rule, table) else { continue };
            let twice = in_words(&once, table).unwrap();
            prop_assert_eq!(&twice, &once);
            // The same packets, whatever the octets.
            let mut spec = FlowSpec::new(table.family());
            let on_interfaces = |action: &Action| matches!(action, Action::InterfaceSet { .. });
            if let Some(nlri) = once.nlri.as_ref().filter(|_| !once.actions.iter().any(on_interfaces)) {
                flowspec::decode_value(table, nlri, 0, &mut spec).unwrap();
                prop_assert!(flowspec::lower(&spec) == once.condition, "{:?}\n{:?}", once, spec);
            }
        }
    }

    #[test]
    fn no_text_stops_the_reader_and_every_place_is_in_it(
        words in prop::collection::vec(prop_oneof![
            Just("protocol "), Just("static "), Just("template "), Just("from t "), Just("{"), Just("}"), Just(";"),
            Just("flow4 "), Just("flow6 "), Just("route "), Just("table x"), Just("define X = "), Just("(1+"), Just("X"),
            Just("dst "), Just("10.0.0.0/8 "), Just("::/0 "), Just("offset 4 "), Just("proto "), Just("= 6 "), Just(".."),
            Just(","), Just("&& "), Just("|| "), Just("!"), Just("tcp flags "), Just("0x2/0x12 "), Just("fragment "),
            Just("is_fragment "), Just("bgp_ext_community"), Just(".add("), Just("(generic, "), Just("0x80060000, 0)"),
            Just(")"), Just("\n"), Just("# x"), Just("/*"), Just("*/"), Just("\"é"), Just("'a"), Just("if "), Just("else "),
            Just("disabled; "), Just("Table x:"), Just("\tBGP.ext_community: "), Just("["), Just("true 0 "), Just("label 5;"),
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
fn names_never_become_statements() {
    let mut reading = read("protocol static { flow4; route flow4 { proto 6; }; }");
    for evil in ["x }; route flow4 { proto 17; };\n}\n# */", "\r\nroute", "/* é", " # name: y ", ""] {
        reading.document.rule_sets[0].rules.get(0).unwrap().name = evil;
        reading.document.rule_sets[0].name = format!("flowspec/ipv4/{evil}';");
        let (text, lost) = print(&reading.document);
        assert!(!lost.is_empty() || evil.trim() == evil, "{evil}");
        let again = read(&text);
        assert_eq!(again.diagnostics, [], "{text}");
        assert_eq!(rules(&again).len(), 1, "{text}");
        assert_eq!(rules(&again)[0].condition, reading.document.rule_sets[0].rules.get(0).unwrap().condition);
    }
}

#[test]
fn a_list_beyond_the_limit_is_unknown_and_said() {
    let reading = read(&format!("flow4 {{ port {}1; }}", "1,".repeat(2_000_001)));
    assert_eq!(reading.diagnostics.iter().map(|d| d.check).collect::<Vec<_>>(), ["syntax-error"]);
    assert!(rules(&reading).iter().all(|rule| rule.nlri.is_none() && rule.condition.has_opaque()));
}

#[test]
fn the_page_shows_the_ledger() {
    let page = include_str!("../../docs/dialects/bird.md");
    for keyword in Bird.ledger() {
        assert!(page.contains(&format!("`{}`", keyword.word)), "{}", keyword.word);
    }
}
