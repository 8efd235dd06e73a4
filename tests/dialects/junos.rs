//! Junos over the real corpora: nothing crashes it, and most terms lower without an opaque condition.

use flowgate::dialect::{ReadOptions, Reading, Recognition, Sample, by_name};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The folder of the corpora; none, and a line that says so, where they are not at hand.
fn corpora(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let path = root.map(|root| root.join(folder)).filter(|path| path.is_dir());
    if path.is_none() {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `{folder}`");
    }
    path
}

fn read(text: String) -> (Reading, Source) {
    let source = Source::new("a.conf", Content::Text(text));
    let junos = by_name("junos").expect("the dialect is registered");
    (junos.read(&source, SourceId(0), &ReadOptions::default()), source)
}

#[test]
fn ten_things_wrong_are_ten_findings_at_their_places() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/junos/flawed/ten-errors.conf");
    let (reading, source) = read(std::fs::read_to_string(path).unwrap());
    let found: Vec<(&str, &str)> =
        reading.diagnostics.iter().map(|d| (d.check, source.slice(d.primary.span))).collect();
    let expected = [
        ("syntax-error", "["),
        ("value-out-of-range", "99971-99985"),
        ("empty-range", "1024-80"),
        ("syntax-error", "tpc"),
        ("syntax-error", "destination-port"),
        ("mixed-family", "2001:db8::/32"),
        ("syntax-error", "protocol-except"),
        ("syntax-error", "&"),
        ("conflicting-actions", "discard"),
        ("unsupported-keyword", "source-adress"),
    ];
    assert_eq!(found, expected);
    assert_eq!(reading.document.rule_count(), 10);
}

#[test]
fn sound_samples_are_read_without_a_finding() {
    for name in ["edge.conf", "flow.set"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/junos/sound").join(name);
        let (reading, _) = read(std::fs::read_to_string(path).unwrap());
        assert_eq!(reading.diagnostics, [], "{name}");
        assert!(reading.document.rule_count() > 1, "{name}");
    }
}

#[test]
fn most_terms_of_real_files_lower_without_an_opaque_condition() {
    let Some(folder) = corpora("junos") else { return };
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    // Terms of templates, whose values are names of variables: no device could load them.
    let mut templates = 0;
    let mut strangers = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (reading, _) = read(String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
        let octets = std::fs::read(&path).unwrap();
        let sample = Sample { name: "x.txt", octets: &octets, text: std::str::from_utf8(&octets).ok() };
        // One file is the reply of a device in XML.
        if by_name("junos").unwrap().recognise(&sample) != Recognition::Certain {
            strangers.push(name.clone());
        }
        let kind = name.split("__").next().unwrap().to_owned();
        let count = kinds.entry(kind).or_default();
        if std::env::var_os("SHOW_FINDINGS").is_some() {
            for finding in &reading.diagnostics {
                println!("{name}: {} {}: {}", finding.level, finding.check, finding.message);
            }
        }
        for rule in reading.document.rule_sets.iter().flat_map(|set| &set.rules) {
            count.0 += 1;
            count.1 += usize::from(rule.condition.has_opaque());
            let mut is_template = false;
            rule.condition.visit(&mut |part| {
                if let flowgate::ir::Condition::Opaque(opaque) = part {
                    let word = opaque.id.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                    is_template |= opaque.id.contains(['$', '<']) && opaque.reason.ends_with("be read");
                    *reasons.entry(format!("{word}: {}", opaque.reason)).or_default() += 1;
                }
            });
            templates += usize::from(is_template);
        }
    }
    let (mut all, mut opaque) = (0, 0);
    for (kind, (rules, unknown)) in &kinds {
        println!("{kind:24} {rules:5} rules {unknown:5} with an opaque condition");
        all += rules;
        opaque += unknown;
    }
    for (reason, count) in &reasons {
        println!("    {count:4} {reason}");
    }
    assert!(strangers.len() <= 1, "not recognised: {strangers:?}");
    let clear = all - opaque;
    println!("{all} rules, {clear} without an opaque condition; {templates} are of templates");
    assert!(all > 400 && templates < 20, "{all} rules, {templates} of templates");
    assert!(clear * 100 >= (all - templates) * 95, "{opaque} of {all} are opaque");
}

#[test]
fn rules_of_other_languages_are_not_passed_over_in_silence() {
    let text = "security { policies { default-policy { permit-all; } } }\n\
                services { stateful-firewall { rule a { match-direction input; } } }\n";
    let (reading, _) = read(text.to_owned());
    let found: Vec<_> = reading.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        found,
        [
            "the rules of `security policies` are not read",
            "the rules of `services stateful-firewall` are not read"
        ]
    );
}
