//! IOS XR over the real corpora: nothing crashes it, most rules lower without an opaque condition, the files of
//! its neighbours are not taken for its own, and what `show flowspec` prints is what was sent.

use flowgate::dialect::{DIALECTS, PrintOptions, ReadOptions, Reading, Recognition, Sample, by_name};
use flowgate::ir::{Outcome, Verdict};
use flowgate::source::{Content, Source, SourceId};
use proptest::prelude::*;
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
    let payload = opaque.remove("payload: user-defined fields").unwrap_or(0);
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
        let hex = |octets: &[u8]| octets.iter().map(|o| format!("{o:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(hex(set.rules.get(0).unwrap().nlri.as_ref().unwrap()), first.replace(' ', ""), "{name}");
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
        let rules =
            [&configured, &printed].map(|reading| reading.document.rule_sets[0].rules.get(0).unwrap());
        let [one, other] = rules.map(|rule| (rule.nlri, rule.condition, rule.outcome));
        assert_eq!(one, other, "{class}");
    }
}

/// What is read of the real files and of the renderings of the policies is written and read as the same again, unless
/// the writer says that something is lost.
#[test]
fn what_is_written_of_real_files_reads_the_same() {
    let mut texts: Vec<(String, String)> = Vec::new();
    for folder in ["ios_xr", "flowspec_text_xr", "crossdialect"] {
        let Some(path) = corpora(folder) else { return };
        let own = files(&path)
            .into_iter()
            .filter(|(name, _)| folder != "crossdialect" || name.starts_with("ciscoxr"));
        texts.extend(own.map(|(name, octets)| (name, String::from_utf8_lossy(&octets).into_owned())));
    }
    let dialect = by_name("ios-xr").unwrap();
    let (mut same, mut told) = (0, BTreeMap::<String, usize>::new());
    for (name, text) in texts {
        let (reading, _) = read(&text);
        let mut out = String::new();
        let lost = dialect.print(&reading.document, &PrintOptions::default(), &mut out).unwrap();
        for loss in &lost {
            *told.entry(loss.what.split([';', '`']).next().unwrap().to_owned()).or_default() += 1;
        }
        let (again, source) = read(&out);
        let broken = again.diagnostics.iter().find(|d| d.check == "syntax-error");
        assert!(broken.is_none(), "{name}: {broken:?}\n{}", source.text());
        if lost.is_empty() {
            assert_eq!(again.document, reading.document, "{name}\n{out}");
            same += 1;
        }
    }
    println!("{same} files read the same; told of the others: {told:#?}");
    assert!(same > 100);
}

/// Words of an entry, most of them such that the whole is one that a router takes.
fn entry() -> impl Strategy<Value = String> {
    let of = |words: &'static [&'static str]| prop::sample::select(words);
    let addr = || {
        of(&[
            "any",
            "host 192.0.2.1",
            "10.0.0.0 0.255.255.255",
            "10.0.0.1 0.255.255.0",
            "192.0.2.0/25",
            "net-group N",
            "net-group M",
        ])
    };
    let ports = || of(&["", "", "eq 80", "neq 22", "lt 1024", "gt 1023", "range 80 90", "port-group P"]);
    let three = || {
        of(&[
            "",
            "",
            "ttl gt 5",
            "dscp ef",
            "dscp range 3 9",
            "precedence critical",
            "packet-length range 100 200",
            "packet-length neq 60",
            "fragment-type first-fragment",
            "fragment-type is-fragment",
            "fragment-type last-fragment",
            "fragment-type dont-fragment",
            "fragment-offset lt 9",
            "fragment-offset eq 0",
            "traffic-class eq 7",
        ])
    };
    let transport = prop_oneof![
        (
            ports(),
            addr(),
            ports(),
            of(&["", "established", "syn ack", "match-all +syn -ack", "match-any +fin -rst"])
        )
            .prop_map(|(s, d, p, f)| ("tcp", s, d, format!("{p} {f}"))),
        (ports(), addr(), ports()).prop_map(|(s, d, p)| ("udp", s, d, p.to_owned())),
        (addr(), of(&["", "echo", "3", "3 4", "range 8 13"])).prop_map(|(d, t)| (
            "icmp",
            "",
            d,
            t.to_owned()
        )),
        (addr(), of(&["", "dvmrp", "34"])).prop_map(|(d, t)| ("igmp", "", d, t.to_owned())),
        (addr(), of(&["", "", "fragments"])).prop_map(|(d, t)| ("ipv4", "", d, t.to_owned())),
        (addr(), of(&["", "fragments"])).prop_map(|(d, t)| ("gre", "", d, t.to_owned())),
    ];
    let actions = of(&["", "", "log", "counter C", "capture", "set ttl 9", "police 10 mbps"]);
    (any::<bool>(), addr(), transport, three(), three(), actions).prop_map(
        |(permit, source, (protocol, from, to, rest), a, b, action)| {
            let verb = if permit { "permit" } else { "deny" };
            let action = if permit || !action.starts_with("police") { action } else { "" };
            // A field of the header stands once.
            let field = |words: &str| match words.split([' ', '-']).next() {
                Some("precedence" | "traffic") => "dscp".to_owned(),
                other => other.unwrap_or("").to_owned(),
            };
            let taken = |words: &str| words == "fragments" || rest.contains("fragments");
            let a = if field(a) == "fragment" && taken(&rest) { "" } else { a };
            let b = if field(a) == field(b) || field(b) == "fragment" && taken(&rest) { "" } else { b };
            format!("{verb} {protocol} {source} {from} {to} {rest} {a} {b} {action}")
        },
    )
}

const GROUPS: &str = "object-group network ipv4 N\n 10.0.0.0/8\n host 192.0.2.9\n object-group O\n\
                      object-group network ipv4 O\n range 203.0.113.3 203.0.113.77\n\
                      object-group network ipv4 M\n 10.0.0.1 255.0.0.255\n 192.0.2.0/24\n\
                      object-group port P\n eq 80\n range 8080 8090\n neq 5\n gt 60000\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn entries_are_written_as_they_read(entries in prop::collection::vec(entry(), 1..6)) {
        let text = format!("{GROUPS}ipv4 access-list A\n {}\n!\n", entries.join("\n "));
        let (reading, _) = read(&text);
        let errors: Vec<_> = reading.diagnostics.iter().filter(|d| d.check == "syntax-error").collect();
        // Fragments beside ports are the one thing made here that routers refuse.
        prop_assert!(errors.is_empty(), "{errors:?}\n{text}");
        let mut out = String::new();
        let dialect = by_name("ios-xr").unwrap();
        let lost = dialect.print(&reading.document, &PrintOptions::default(), &mut out).unwrap();
        prop_assert_eq!(&lost, &[], "{}\n{}", text, out);
        let (again, _) = read(&out);
        prop_assert_eq!(&again.document, &reading.document, "{}\n{}", text, out);
    }

    #[test]
    fn no_text_stops_the_reader(lines in prop::collection::vec(hostile(), 0..30)) {
        let (reading, source) = read(&lines.join("\n"));
        for finding in &reading.diagnostics {
            prop_assert!(source.text().get(finding.primary.span.range()).is_some(), "{finding:?}");
            prop_assert!(!finding.message.contains('\n'));
        }
        let mut out = String::new();
        by_name("ios-xr").unwrap().print(&reading.document, &PrintOptions::default(), &mut out).unwrap();
    }
}

/// Lines of words that mean something somewhere.
fn hostile() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "ipv4",
        "ipv6",
        "access-list",
        "A",
        "B",
        "10",
        "20",
        "permit",
        "deny",
        "remark",
        "no",
        "tcp",
        "udp",
        "icmp",
        "any",
        "host",
        "10.0.0.0",
        "0.255.0.255",
        "192.0.2.0/24",
        "2001:db8::/32",
        "eq",
        "range",
        "neq",
        "80",
        "65536",
        "net-group",
        "port-group",
        "object-group",
        "network",
        "port",
        "N",
        "P",
        "class-map",
        "type",
        "traffic",
        "match-all",
        "match-any",
        "match",
        "protocol",
        "destination-address",
        "source-port",
        "80-90",
        "90-80",
        "policy-map",
        "pbr",
        "class",
        "drop",
        "police",
        "rate",
        "mbps",
        "flowspec",
        "address-family",
        "service-policy",
        "vrf",
        "interface",
        "access-group",
        "common",
        "ingress",
        "AFI:",
        "IPv4",
        "IPv6",
        "Flow :Dest:192.0.2.0/24,Proto:=17",
        "Flow :",
        "Actions :Traffic-rate: 0 bps (bgp.1)",
        "fragments",
        "established",
        "match-any +syn -ack",
        "traffic-class range 3 250",
        "fragment-type",
        "first-fragment",
        "packet length",
        "tcp-flag",
        "0x12",
        "mask",
        "!",
        "end-class-map",
        "end-policy-map",
        "é",
        "\u{feff}",
        "(",
        "nexthop1",
        "redirect",
        "nexthop",
        "access-group ipv4 A",
        "set dscp ef",
        "99999999999999999999",
        "-",
        ":",
        "/",
        "=",
        "~",
        "|",
        "&",
        ",",
    ];
    let line = prop::collection::vec(prop::sample::select(WORDS), 0..9);
    (0..3_usize, line).prop_map(|(depth, words)| format!("{}{}", " ".repeat(depth), words.join(" ")))
}
