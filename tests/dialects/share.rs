//! How much of the corpora lowers without an opaque condition: filter terms and flow routes of four folders together,
//! and host firewalls, daemons and IOS XR each for itself, where what the ledger calls stateful, NAT, payload or known
//! to the host alone is told apart. The figures are on the pages of the dialects.

use crate::recognition::owners;
use flowgate::dialect::{ReadOptions, Reading, by_name};
use flowgate::feed;
use flowgate::ir::{Beyond, Condition, Rule};
use flowgate::source::{Content, Source, SourceId};
use serde_json::Value;
use std::collections::BTreeMap;
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

/// Dialects with an engine here, and the folders of their files.
const FOLDERS: [(&str, &str); 8] = [
    ("nftables", "nftables"),
    ("nftables-json", "nftables"),
    ("iptables", "iptables"),
    ("pcap-filter", "pcap_filter"),
    ("bird", "bird"),
    ("gobgp", "gobgp"),
    ("frr", "frr"),
    ("ios-xr", "ios_xr"),
];

/// Results that somebody recorded, a line each: no rule files.
const RECORDED: [&str; 2] = ["rejected__", "measured__"];

/// Rules of a dialect by what they leave open.
#[derive(Default)]
struct Tally {
    files: usize,
    rules: usize,
    clear: usize,
    /// Nothing but what the ledger names, by what that is.
    beyond: BTreeMap<Beyond, usize>,
    /// A hardware address that the author of the file blotted out: iptables refuses such a rule, and nobody can know
    /// what stood there. They are told and left out of the share.
    blotted: usize,
    /// The rest, by reason.
    open: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, rule: &Rule<'_>) {
        self.rules += 1;
        let mut parts = Vec::new();
        rule.condition.visit(&mut |part| {
            if let Condition::Opaque(opaque) = part {
                parts.push(opaque);
            }
        });
        // What the ledger does not name weighs more than what it names.
        let worst = parts.iter().min_by_key(|opaque| opaque.beyond());
        match worst.map(|opaque| (opaque.beyond(), &*opaque.reason)) {
            None => self.clear += 1,
            Some((Some(beyond), _)) => *self.beyond.entry(beyond).or_default() += 1,
            Some((None, "the address is blotted out")) => self.blotted += 1,
            Some((None, reason)) => *self.open.entry(reason.to_owned()).or_default() += 1,
        }
    }

    fn named(&self) -> usize {
        self.beyond.values().sum()
    }
}

fn tally(folder: &Path, dialect: &'static str) -> Tally {
    let place = folder.file_name().unwrap().to_string_lossy().into_owned();
    let mut tally = Tally::default();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let own = owners(&place, &name).is_some_and(|owners| owners[0] == dialect);
        if !own || RECORDED.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let source = Source::new("share", Content::Text(text));
        let reading = by_name(dialect).unwrap().read(&source, SourceId(0), &ReadOptions::default());
        tally.files += 1;
        let sets = reading.document.rule_sets.iter().filter(|set| set.kind.is_written());
        sets.flat_map(|set| &set.rules).for_each(|rule| tally.add(&rule));
    }
    tally
}

#[test]
fn nearly_all_rules_of_each_dialect_leave_nothing_open_but_what_its_ledger_names() {
    let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir()) else {
        println!("skipped: FLOWGATE_CORPORA names no folder");
        return;
    };
    println!("dialect        files rules clear  but for what the ledger names  else");
    let mut poor = Vec::new();
    for (dialect, folder) in FOLDERS {
        let tally = tally(&root.join(folder), dialect);
        let (named, open) = (tally.named(), tally.open.values().sum::<usize>());
        println!(
            "{dialect:14} {:5} {:5} {:5}  {named:4} {:?}, {} blotted out  {open} {:?}",
            tally.files, tally.rules, tally.clear, tally.beyond, tally.blotted, tally.open
        );
        assert!(tally.rules > 0, "{dialect} has no rule in {folder}");
        let ledger = by_name(dialect).unwrap().ledger();
        for beyond in tally.beyond.keys() {
            let named = ledger.iter().any(|keyword| keyword.remark.contains(beyond.words()));
            assert!(named, "the ledger of {dialect} says nothing of {}", beyond.words());
        }
        if (tally.clear + named) * 100 < (tally.rules - tally.blotted) * 95 {
            poor.push(dialect);
        }
    }
    assert!(poor.is_empty(), "less than 95 % in {poor:?}");
}
