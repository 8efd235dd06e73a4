//! Whose a file is, over every file of the corpora: the dialect of its folder knows its own, no two are certain of one
//! file, and nobody claims what is of a language that is not read here.
//!
//! A folder named as a dialect (with `_` for `-`) holds files of it. Until a dialect is registered its folder is one of
//! a language that is not read.

use flowgate::dialect::{self, DIALECTS, Recognition, Sample, by_name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files that are no whole rule files: results of tests, vectors, excerpts in another form.
const PARTS: [&str; 15] = [
    ".t",
    ".t.json",
    ".t.netdev",
    ".payload",
    ".payload.ip",
    ".payload.ip6",
    ".payload.inet",
    ".payload.netdev",
    ".payload.bridge",
    ".payload.arp",
    ".output",
    ".ci",
    ".lower",
    ".upper",
    ".tsv",
];

/// Whose the files are whose names hold a word, and why they are not those of the folder's own dialect. The first
/// that fits counts; `""` is nobody, and where a second name stands either will do.
const OTHERS: &[(&str, &str, [&str; 2], &str)] = &[
    ("crossdialect", ".jcl", ["junos"; 2], "a rendering"),
    ("crossdialect", ".evojcl", ["junos"; 2], "a rendering"),
    ("crossdialect", ".jsl", ["junos"; 2], "a rendering"),
    ("crossdialect", ".msmpc", ["junos", ""], "Junos, of which the services are not read"),
    ("crossdialect", ".srx", ["junos", ""], "Junos, of which the policies are not read"),
    ("crossdialect", "iptables", ["iptables"; 2], "a rendering"),
    ("crossdialect", ".ipt", ["iptables"; 2], "a rendering"),
    ("crossdialect", ".ips", ["iptables"; 2], "a rendering"),
    ("crossdialect", ".nft", ["nftables"; 2], "a rendering"),
    ("nftables", ".json", ["nftables-json"; 2], "the JSON of the same"),
    ("crossdialect", ".xacl", ["ios-xr"; 2], "a rendering"),
    ("crossdialect", ".filter", ["pcap-filter"; 2], "a rendering"),
    ("crossdialect_iptables_nft", "", ["", ""], "commands of iptables beside rules of nft"),
    ("flowspec_text_xr", "", ["ios-xr", ""], "what IOS XR and others show"),
    ("flowspec_pcap", ".pcap", ["bgp-capture"; 2], "a capture"),
    ("pcap", ".pcap", ["bgp-capture"; 2], "a capture"),
    ("pcap_synthetic", ".pcap", ["bgp-capture"; 2], "a capture"),
    ("junos_srx", "", ["junos", ""], "Junos, of which the policies are not read"),
    ("frr", "frr-acl__", ["frr", ""], "configurations without flow routes and policy maps"),
    ("frr", "frr-doc__flowspec_07", ["iptables", ""], "a listing of iptables in the manual"),
    ("frr", "frr-doc__", ["frr", ""], "excerpts of a manual"),
    ("frr", "zebra.conf", ["frr", ""], "addresses of interfaces"),
    ("gobgp", "gobgp-scenario__", ["gobgp", ""], "lists cut out of a program that tests several daemons"),
    ("frr", ".env", ["", ""], "the environment of another program"),
    ("nftables", ".json", ["nftables-json"; 2], "the same language as JSON"),
    ("gobgp", "gobgp-scenario__", ["gobgp", ""], "matches in the source of a test program"),
    ("pcap_filter", ".json", ["", ""], "vectors"),
    ("bird", "rejected__", ["bird", ""], "lines that BIRD refuses, without a file around them"),
    ("exabgp", ".md", ["exabgp", ""], "commands in prose"),
];

/// Files that are known to be taken for others or for nobody's, each with its reason.
const KNOWN: &[(&str, &str)] =
    &[("junos/ansible__netconf_fixtures_parsed.cfg", "the reply of a device in XML, which is not read")];

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// Whose a file is; none where it is no whole rule file.
fn owners(folder: &str, name: &str) -> Option<[&'static str; 2]> {
    let of_file =
        |(place, word, _, _): &&(&str, &str, [&str; 2], &str)| *place == folder && name.contains(word);
    if PARTS.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    if let Some((_, _, owners, _)) = OTHERS.iter().find(of_file) {
        return Some(*owners);
    }
    Some([DIALECTS.iter().map(|d| d.name()).find(|d| d.replace('-', "_") == folder).unwrap_or(""); 2])
}

/// What is wrong with the answer for one file.
fn problem(name: &str, octets: &[u8], owners: [&'static str; 2]) -> Result<(), String> {
    let sample = Sample::new(name, octets);
    let certain = DIALECTS.iter().filter(|d| d.recognise(&sample) == Recognition::Certain);
    let certain: Vec<&str> = certain.map(|d| d.name()).collect();
    if certain.len() > 1 {
        return Err(format!("{} are certain of it", certain.join(", ")));
    }
    let said = dialect::recognise(&sample).map(|d| d.map_or("", |d| d.name()));
    // A language that is not read here yet is nobody's.
    let ours = owners.map(|owner| if by_name(owner).is_some() { owner } else { "" });
    match said {
        Ok(said) if ours.contains(&said) => Ok(()),
        Ok("") => Err("is nobody's".to_owned()),
        Ok(said) => Err(format!("is taken for {said}")),
        Err(several) => {
            let names: Vec<_> = several.iter().map(|d| d.name()).collect();
            Err(format!("could be of {}", names.join(", ")))
        }
    }
}

#[test]
fn every_file_of_the_corpora_is_known_for_what_it_is() {
    let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from) else {
        println!("SKIPPED: FLOWGATE_CORPORA names no folder");
        return;
    };
    // For each folder: files, wrong ones, and those no dialect may claim that one does.
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut claimed = Vec::new();
    let mut all = Vec::new();
    files(&root, &mut all);
    all.sort();
    for path in all {
        let inside = path.strip_prefix(&root).unwrap();
        let Some(folder) = inside.iter().next().filter(|_| inside.iter().count() > 1) else { continue };
        let folder = folder.to_string_lossy().into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let octets = std::fs::read(&path).unwrap();
        // What is no rule file is nobody's business, but no two may be certain of it all the same.
        let Some(owners) = owners(&folder, &name) else { continue };
        let count = counts.entry(folder.clone()).or_default();
        count.0 += 1;
        let Err(problem) = problem(&name, &octets, owners) else { continue };
        let line = format!("{}: {problem}", inside.display());
        if KNOWN.iter().any(|(file, _)| line.contains(file)) {
            continue;
        }
        println!("{line}");
        count.1 += 1;
        if problem != "is nobody's" {
            claimed.push(line);
        }
    }
    for (folder, (files, wrong)) in &counts {
        println!("{folder:28} {files:5} files, {wrong} not known for what they are");
    }
    let few = |(_, (files, wrong)): &(&String, &(usize, usize))| wrong * 100 > *files;
    let poor: Vec<_> = counts.iter().filter(few).collect();
    assert!(claimed.is_empty(), "{} claimed wrongly:\n{}", claimed.len(), claimed.join("\n"));
    assert!(poor.is_empty(), "more than one in a hundred is not known: {poor:?}");
}
