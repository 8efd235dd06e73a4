//! Whose a file is, over every file of the corpora: the dialect of its folder knows its own, no two are certain of one
//! file, and nobody claims what is of a language that is not read here.
//!
//! A folder named as a dialect (with `_` for `-`) holds files of it. Until a dialect is registered its folder is one of
//! a language that is not read.

use flowgate::dialect::{self, DIALECTS, Dialect, Recognition, Sample, by_name};
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
    ("pcap_filter", ".json", ["", ""], "vectors"),
    ("regex_crs", ".conf", ["secrule"; 2], "the Core Rule Set"),
    (
        "regex_crs",
        ".ra",
        ["pattern-list", ""],
        "what its patterns are assembled from, some without a word of that",
    ),
    ("regex_crs", ".data", ["", ""], "words, not patterns"),
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
pub(crate) fn owners(folder: &str, name: &str) -> Option<[&'static str; 2]> {
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

/// A text made of another, with the mark of its remarks.
type Change = fn(&str, &str) -> String;

/// What people do to a file without making another of it.
const CHANGES: &[(&str, Change)] = &[
    ("lines end as on Windows", |text, _| text.replace('\n', "\r\n")),
    ("a byte order mark in front", |text, _| format!("\u{feff}{text}")),
    ("blank lines in front", |text, _| format!("\n\n  \n{text}")),
    ("blanks behind the lines", |text, _| text.replace('\n', "  \n")),
    ("tabs for blanks", |text, _| text.replace("    ", "\t").replace("  ", "\t")),
    ("remarks in front", |text, mark| {
        format!(
            "{mark} Firewall of the office, kept by hand\n{mark}\n{mark} see the table of rules: accept, drop\n{text}"
        )
    }),
    ("a date and a name in front", |text, mark| format!("{mark} $Id: rules 17 2026-01-31 root $\n{text}")),
];

/// How remarks begin in a dialect; none where it has none.
fn remark(dialect: &str) -> Option<&'static str> {
    match dialect {
        "ios-xr" | "frr" => Some("!"),
        "secrule" | "suricata" | "nftables" | "iptables" | "bird" | "exabgp" | "gobgp" | "junos" => Some("#"),
        _ => None,
    }
}

/// Whole files of the corpora and our own samples are known for the same where somebody changed how they look, and with a
/// name that says nothing.
#[test]
fn what_changes_only_the_look_of_a_file_changes_not_whose_it_is() {
    let mut all: Vec<(String, String, Vec<u8>)> = Vec::new();
    let mut add = |folder: String, root: &Path| {
        let mut paths = Vec::new();
        files(root, &mut paths);
        all.extend(paths.iter().map(|path| {
            (
                folder.clone(),
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(path).unwrap(),
            )
        }));
    };
    if let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from) {
        for dialect in DIALECTS {
            let folder = dialect.name().replace('-', "_");
            let path = root.join(&folder);
            if path.is_dir() {
                add(folder, &path);
            }
        }
    }
    for dialect in DIALECTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(dialect.name()).join("sound");
        if path.is_dir() {
            add(dialect.name().replace('-', "_"), &path);
        }
    }
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (folder, name, octets) in &all {
        let Some([owner, other]) = owners(folder, name) else { continue };
        let Ok(text) = std::str::from_utf8(octets) else { continue };
        let known = |text: &str| dialect::recognise(&Sample::new("rules", text.as_bytes())).ok().flatten();
        // Where the text alone does not say it, its name did; JSON has no remarks.
        let mark = remark(owner).filter(|_| !text.trim_start().starts_with(['{', '[']));
        if owner != other || known(text).is_none_or(|d| d.name() != owner) {
            continue;
        }
        for (what, change) in CHANGES {
            let changed = change(text, mark.unwrap_or("MARK"));
            if changed.contains("MARK ") && mark.is_none() {
                continue;
            }
            let count = counts.entry(what).or_default();
            count.0 += 1;
            let said = known(&changed);
            if said.is_none_or(|d| d.name() != owner) {
                count.1 += 1;
                wrong.push(format!("{what}: {folder}/{name} is of {:?}", said.map(Dialect::name)));
            }
        }
    }
    println!("{counts:#?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Texts as people have them, each in short, and whose they are; `""` is nobody.
const TEXTS: &[(&str, &str)] = &[
    ("nftables", "#!/usr/sbin/nft -f\n\nflush ruleset\n\ndefine wan = eth0\n\ntable inet filter {\n}\n"),
    (
        "nftables",
        "# Generated by a script\nadd table ip filter\nadd chain ip filter input { type filter hook input priority 0 ; }\n",
    ),
    ("nftables", "table ip nat {\n\tset s {\n\t\ttype ipv4_addr\n\t}\n}\n"),
    (
        "nftables",
        "table inet filter { # handle 3\n\tchain input { # handle 1\n\t\ttype filter hook input priority filter; policy drop;\n\t\tct state established accept # handle 4\n\t}\n}\n",
    ),
    ("nftables", "include \"/etc/nftables.d/*.nft\"\ntable inet filter {\n\tchain c {\n\t\taccept\n\t}\n}\n"),
    (
        "nftables",
        "destroy table inet filter\ntable inet filter {\n chain forward {\n  type filter hook forward priority 0\n }\n}\n",
    ),
    (
        "nftables",
        "table ip filter {\n\tchain DOCKER {\n\t\tiifname != \"docker0\" oifname \"docker0\" tcp dport 80 counter packets 0 bytes 0 accept\n\t}\n}\n",
    ),
    ("nftables", "flush ruleset\n\nadd table inet t\nadd rule inet t c tcp dport 22 accept\n"),
    (
        "",
        "nft add table inet filter\nnft 'add chain inet filter input { type filter hook input priority 0; }'\n",
    ),
    (
        "nftables-json",
        "{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\"}}, {\"table\": {\"family\": \"ip\", \"name\": \"t\", \"handle\": 1}}]}",
    ),
    ("nftables-json", "{\n  \"nftables\": [\n    { \"flush\": { \"ruleset\": null } }\n  ]\n}\n"),
    (
        "iptables",
        "#!/bin/bash\n# firewall\nset -e\nIPT=/sbin/iptables\n$IPT -F\n$IPT -P INPUT DROP\n$IPT -A INPUT -i lo -j ACCEPT\n",
    ),
    (
        "iptables",
        "#!/bin/sh\nsudo iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE\nsudo ip6tables -P FORWARD DROP\n",
    ),
    ("iptables", "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-N DOCKER\n-A FORWARD -j DOCKER\n"),
    (
        "iptables",
        "# sample configuration for iptables service\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p icmp -j ACCEPT\nCOMMIT\n",
    ),
    (
        "iptables",
        "# Generated by iptables-save v1.4.21 on Fri Jan 1 00:00:00 2021\n*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\nCOMMIT\n# Completed on Fri Jan 1 00:00:00 2021\n",
    ),
    (
        "iptables",
        "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n# Generated by iptables-nft-save v1.8.7 on x\n*raw\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
    ),
    (
        "iptables",
        "#\n# rules.before\n#\n# Rules that should be run before the ufw command line added rules.\n#\n*filter\n:ufw-before-input - [0:0]\n-A ufw-before-input -i lo -j ACCEPT\nCOMMIT\n",
    ),
    (
        "iptables",
        "Chain INPUT (policy DROP 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n    0     0 ACCEPT     all  --  lo     *       0.0.0.0/0            0.0.0.0/0\n",
    ),
    ("iptables", "create s hash:ip family inet hashsize 1024 maxelem 65536\nadd s 192.0.2.1\n"),
    ("iptables", "[0:0] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n[12:840] -A INPUT -j DROP\n"),
    ("pcap-filter", "tcp port 80 and (host 192.0.2.1 or host 192.0.2.2)\n"),
    ("pcap-filter", "not arp and not icmp and udp dst port 53\n"),
    ("pcap-filter", "ip6 and tcp[tcpflags] & (tcp-syn|tcp-fin) != 0\n"),
    (
        "bird",
        "router id 192.0.2.1;\nfunction f() { return true; }\nfilter g { if f() then accept; reject; }\nflow4 table ft;\nprotocol static s {\n flow4 { table ft; };\n}\n",
    ),
    ("bird", "log syslog all;\nprotocol device {\n}\nprotocol bgp up {\n flow4 { import all; };\n}\n"),
    (
        "bird",
        "BIRD 2.0.12 ready.\nTable flowtab4:\nflow4 { dst 192.0.2.7/32; proto 17; } [static1 06:52:30.093] * (200)\n",
    ),
    ("gobgp", "gobgp global rib -a ipv4-flowspec add match destination 192.0.2.0/24 then discard\n"),
    ("gobgp", "$ gobgp global rib add -a ipv6-flowspec match source 2001:db8::/32 then rate-limit 100\n"),
    ("frr", "BGP flowspec entry: (flags 0x418)\n\tDestination Address 192.0.2.0/24\n\tFS:rate 0.000000\n"),
    (
        "frr",
        "frr version 8.4.4\nfrr defaults traditional\nhostname r1\n!\npbr-map EVA seq 5\n match src-ip 192.0.2.0/24\n set nexthop 198.51.100.1\n",
    ),
    (
        "ios-xr",
        "RP/0/RP0/CPU0:r1#show running-config ipv4 access-list\nTue Jan  5 10:11:12.345 UTC\nipv4 access-list A\n 10 permit ipv4 any any\n!\n",
    ),
    (
        "ios-xr",
        "Tue Jan  5 10:11:12.345 UTC\nBuilding configuration...\n!! IOS XR Configuration 7.5.2\n!! Last configuration change at Tue Jan  5 10:00:00 2026 by admin\n!\nhostname r1\n!\nipv6 access-list B\n 10 deny ipv6 any any\n!\nend\n",
    ),
    (
        "ios-xr",
        "class-map type traffic match-all C\n match destination-address ipv4 192.0.2.0 255.255.255.0\n end-class-map\n!\npolicy-map type pbr P\n class type traffic C\n  drop\n !\n end-policy-map\n",
    ),
    ("", "hostname r1\n!\nip access-list extended A\n 10 permit ip any any\n!\nend\n"),
    ("", "! device: sw1 (EOS-4.27.0F)\n!\nip access-list A\n   10 permit ip any any\n!\nend\n"),
    ("", "ipv6 access-list A\n permit tcp any any eq 22\n deny ipv6 any any\n"),
    ("", "block in all\npass out quick on em0 proto tcp from any to any port 22 keep state\n"),
    ("", "set firewall name WAN_IN default-action drop\nset firewall name WAN_IN rule 10 action accept\n"),
    (
        "",
        "firewall {\n    name WAN_IN {\n        default-action drop\n        rule 10 {\n            action accept\n        }\n    }\n}\n",
    ),
    ("", "config firewall policy\n    edit 1\n        set action accept\n    next\nend\n"),
    ("", "/ip firewall filter\nadd chain=input action=accept connection-state=established\n"),
    ("", "ipfw add 100 allow tcp from any to me 22\n"),
    ("", "The table of the kitchen: accept what is there.\n"),
];

#[test]
fn texts_as_people_have_them_are_known() {
    let mut wrong = Vec::new();
    for (owner, text) in TEXTS {
        let said = match dialect::recognise(&Sample::new("file.txt", text.as_bytes())) {
            Ok(said) => said.map_or("", |d| d.name()).to_owned(),
            Err(several) => format!("{:?}", several.iter().map(|d| d.name()).collect::<Vec<_>>()),
        };
        if said != *owner {
            wrong.push(format!("{owner}, said {said}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), TEXTS.len(), wrong.join("\n"));
}
