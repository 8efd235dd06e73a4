//! How much of the corpora of issue 2 lowers without any opaque condition: filter terms and flow routes of four
//! folders together. The figures of a single dialect are in its own tests and on its page.

use flowgate::dialect::{ReadOptions, Reading, by_name};
use flowgate::feed;
use flowgate::source::{Content, Source, SourceId};
use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Rules, and those of them without an opaque condition.
type Share = (usize, usize);

fn share(reading: &Reading) -> Share {
    let sets = reading.document.rule_sets.iter().filter(|set| set.kind.is_written());
    let rules: Vec<_> = sets.flat_map(|set| &set.rules).collect();
    (rules.len(), rules.iter().filter(|rule| !rule.condition.has_opaque()).count())
}

fn read(dialect: &str, content: Content) -> Share {
    let source = Source::new("share", content);
    share(&by_name(dialect).unwrap().read(&source, SourceId(0), &ReadOptions::default()))
}

fn texts(folder: &Path, dialect: &str, is_whole: impl Fn(&str) -> bool) -> Share {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let whole = paths.filter(|path| is_whole(&path.file_name().unwrap().to_string_lossy()));
    whole.fold((0, 0), |(rules, clear), path| {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let (more, of_them) = read(dialect, Content::Text(text));
        (rules + more, clear + of_them)
    })
}

fn captures(folder: &Path) -> Share {
    ["bgp_updates_afi1.pcap", "bgp_updates_afi2.pcap"].iter().fold((0, 0), |(rules, clear), name| {
        let octets = std::fs::read(folder.join(name)).unwrap();
        let feed = feed::read(feed::recognise(&octets).unwrap(), octets.as_slice()).unwrap();
        let (more, of_them) = read("bgp-capture", feed.content);
        (rules + more, clear + of_them)
    })
}

/// The NLRIs of the vectors, a line each; those that are malformed become no rule.
fn vectors(folder: &Path) -> Share {
    let mut lines = String::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for entry in &list {
            let word = |key: &str| entry[key].as_str().unwrap_or("");
            let six = entry["afi"] == 2 || name.contains("ipv6") || word("kind") == "ipv6";
            let vpn = entry["safi"] == 134 || word("kind").starts_with("vpn");
            let table = match (vpn, six) {
                (false, false) => "ipv4",
                (false, true) => "ipv6",
                (true, false) => "vpnv4",
                (true, true) => "vpnv6",
            };
            let texts = if name.starts_with("text-") && word("kind") != "then" { word("result") } else { "" };
            for nlri in [word("nlri"), word("hex"), word("a"), word("b"), texts] {
                if !nlri.is_empty() && nlri.bytes().all(|b| b.is_ascii_hexdigit()) {
                    writeln!(lines, "{table} {nlri}").unwrap();
                }
            }
        }
    }
    read("flowspec-hex", Content::Text(lines))
}

#[test]
fn nearly_all_rules_of_four_folders_lower_without_an_opaque_condition() {
    let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir()) else {
        println!("skipped: FLOWGATE_CORPORA names no folder");
        return;
    };
    let is_exabgp =
        |name: &str| [".conf", ".api_commands.txt", ".template"].iter().any(|end| name.ends_with(end));
    let folders = [
        ("junos", texts(&root.join("junos"), "junos", |_| true)),
        ("exabgp", texts(&root.join("exabgp"), "exabgp", is_exabgp)),
        ("flowspec_vectors", vectors(&root.join("flowspec_vectors"))),
        ("flowspec_pcap", captures(&root.join("flowspec_pcap"))),
    ];
    let (mut all, mut clear) = (0, 0);
    for (folder, (rules, of_them)) in folders {
        println!("{folder:18} {of_them:4} of {rules:4} rules have no opaque condition");
        assert!(rules > 0, "{folder} holds no rule");
        (all, clear) = (all + rules, clear + of_them);
    }
    println!("{clear} of {all} together");
    assert!(clear * 100 >= all * 95, "{clear} of {all}");
    // The vectors hold everything that flow specifications can say; the rest is what people wrote.
    let (rules, of_them) = folders
        .iter()
        .filter(|(name, _)| *name != "flowspec_vectors")
        .fold((0, 0), |(rules, clear), (_, (more, of_them))| (rules + more, clear + of_them));
    println!("{of_them} of {rules} without the vectors");
}
