//! libpcap's own vectors: what it keeps of its captures, expressions that mean the same, expressions it refuses; and
//! the law of what is printed.

use flowgate::diagnostic::Level;
use flowgate::dialect::pcap_filter::PcapFilter;
use flowgate::dialect::{Dialect, Loss, PrintOptions, ReadOptions, Reading, link_type};
use flowgate::eval::{Truth, Unknown, evaluate, unknowns};
use flowgate::field::{Field, Headers, L4Status};
use flowgate::guard::limits;
use flowgate::ir::{Condition, ValueSet};
use flowgate::packet::{CaptureReader, Decoded, LinkType, decode};
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Model, Spaces};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        println!("skipped: FLOWGATE_CORPORA names no folder");
    }
    folder
}

fn read(text: &str, link_type: u16) -> Reading {
    let source = Source::new("test", Content::Text(text.to_owned()));
    let options = ReadOptions {
        pcap_link_type: Some(link_type),
        pcap_netmask: Some(0xffff_ff00),
        ..ReadOptions::default()
    };
    PcapFilter.read(&source, SourceId(0), &options)
}

/// What an expression keeps; else the first error.
fn condition(text: &str, link_type: u16) -> Result<Condition, String> {
    let reading = read(text, link_type);
    if let Some(error) = reading.diagnostics.iter().find(|d| d.level == Level::Error) {
        return Err(error.message.clone());
    }
    let rules = &reading.document.rule_sets[0].rules;
    assert!(rules.len() <= 1, "{text}: {} rules", rules.len());
    Ok(rules.first().map_or(Condition::False, |rule| rule.condition.clone()))
}

/// A packet that only one of two conditions holds for, in words; none when they are the same set.
fn difference(a: &Condition, b: &Condition) -> Option<String> {
    let mut spaces = Spaces::new(Model::real(), &limits::RULE_SET_NODES);
    let (a, b) = (spaces.of(a).unwrap(), spaces.of(b).unwrap());
    let world = spaces.world().unwrap();
    for (x, y) in [(a, b), (b, a)] {
        let rest = spaces.difference(x, y).unwrap();
        let rest = spaces.intersection(rest, world).unwrap();
        if !rest.is_empty() {
            return Some(format!("{:?}", spaces.witness(rest)));
        }
    }
    None
}

fn vectors(root: &Path, kind: &str) -> Vec<Value> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root.join("pcap_filter")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(kind));
    files.sort();
    let list = files.iter().flat_map(|path| {
        let json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        json.as_array().unwrap().clone()
    });
    list.collect()
}

fn words<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap()
}

/// Why nobody can say what an expression does with a packet.
fn why_unknown(condition: &Condition, headers: &Headers, decoded: Decoded, link_type: LinkType) -> String {
    if decoded == Decoded::NotDecoded {
        return format!("frames of {link_type} are not decoded");
    }
    match unknowns(condition, headers).first() {
        Some(Unknown::Opaque(opaque)) => format!("{}", opaque.reason),
        Some(Unknown::Cut(field)) => format!("the {} is cut", field.info().title),
        None => panic!("{condition:?}"),
    }
}

/// Why nobody can say what becomes of a packet of the vectors: link layers that are not decoded, headers that the packet
/// model does not keep, names. Each is told to the user too.
const OUTSIDE: &[&str] = &[
    "DECnet headers are not kept",
    "LLC headers are not kept",
    "headers of tunnels are not kept",
    "known to the host alone: what a name of a host or network is",
    "the number of a PPPoE session is not kept",
    "what follows an authentication header of IPv4 is not kept",
];

/// Link types of the vectors that are not decoded: 802.11 with and without what the radio said, `ARCnet`, `BACnet`, MTP2,
/// SLIP, tags of switches.
const NOT_DECODED: &[u16] = &[8, 105, 127, 129, 140, 165, 192, 281, 284];

#[test]
fn vectors_of_what_is_kept_have_their_verdicts() {
    let Some(root) = corpora() else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root.join("pcap")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut decided, mut wrong) = (0, Vec::new());
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for vector in vectors(&root, "libpcap-apply") {
        let name = words(&vector, "savefile");
        let found = files.iter().find(|path| path.to_string_lossy().ends_with(&format!("__{name}")));
        let Some(path) = found else { panic!("{name} is missing") };
        let mut reader = CaptureReader::new(File::open(path).unwrap()).unwrap();
        let mut headers = Headers::new();
        let mut both = None;
        for accept in vector["accept"].as_array().unwrap() {
            let frame = reader.next_frame().unwrap().unwrap();
            let condition = both.get_or_insert_with(|| condition(words(&vector, "expr"), frame.link_type.0));
            let Ok(condition) = condition else { continue };
            let decoded = decode(frame.link_type, frame.octets, frame.length, &mut headers);
            let truth = evaluate(condition, &headers);
            if truth == Truth::Unknown {
                assert!(condition.has_opaque() || decoded == Decoded::NotDecoded, "{vector}");
                *unknown.entry(why_unknown(condition, &headers, decoded, frame.link_type)).or_default() += 1;
            } else if truth == Truth::from(accept.as_bool().unwrap()) {
                decided += 1;
            } else {
                wrong.push(format!("{}: `{}`: we say {truth:?}", name, words(&vector, "expr")));
            }
        }
        if let Some(Err(error)) = both {
            wrong.push(format!("{name}: `{}`: {error}", words(&vector, "expr")));
        }
    }
    let sum: usize = unknown.values().sum();
    println!("{decided} verdicts as libpcap's, {sum} that nobody can say: {unknown:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(decided > 250, "{decided}");
    let of_link =
        |why: &str| NOT_DECODED.iter().any(|link| why == format!("frames of {link} are not decoded"));
    let unlisted: Vec<&String> =
        unknown.keys().filter(|why| !OUTSIDE.contains(&why.as_str()) && !of_link(why)).collect();
    assert!(unlisted.is_empty(), "{unlisted:#?}");
}

/// Aliases that are none for the libpcap we follow: IGRP is protocol 9 there, and 88 where the system has that name.
const OTHER_SYSTEMS: &[&str] = &["ip proto 88"];

#[test]
fn aliases_mean_the_same() {
    let Some(root) = corpora() else { return };
    let (mut compared, mut plain, mut usual, mut wrong, mut explained) = (0, 0, 0, Vec::new(), 0);
    let mut names = 0;
    for vector in vectors(&root, "libpcap-accept") {
        let link_type = link_type(words(&vector, "dlt")).unwrap();
        let aliases: Vec<&str> =
            vector["aliases"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
        // Whether a reader of packets can know it: no names, no words of other link layers.
        let name = words(&vector, "name").to_lowercase();
        let foreign =
            ["llc", "iso", "decnet", "isis", "esis", "ifindex", "bound", "gateway", "geneve", "vxlan"];
        let is_usual = matches!(words(&vector, "dlt"), "EN10MB" | "RAW")
            && !aliases[0].to_lowercase().contains("libpcap.test")
            && !foreign.iter().any(|word| name.contains(word) || aliases[0].contains(word));
        let host = |alias: &str| {
            let found = alias.split_whitespace().find(|word| word.to_lowercase().contains("libpcap.test"));
            found.map(str::to_lowercase)
        };
        let mut first: Option<Condition> = None;
        for alias in &aliases {
            // Two names of one address: we resolve neither.
            if host(alias) != host(aliases[0]) {
                names += 1;
                continue;
            }
            match (condition(alias, link_type), &first) {
                (Err(error), _) => wrong.push(format!("{link_type} `{alias}`: {error}")),
                (Ok(condition), None) => {
                    usual += usize::from(is_usual);
                    plain += usize::from(is_usual && !condition.has_opaque());
                    first = Some(condition);
                }
                (Ok(condition), Some(first)) => {
                    compared += 1;
                    if let Some(witness) = difference(first, &condition) {
                        if OTHER_SYSTEMS.contains(alias) {
                            explained += 1;
                        } else {
                            wrong.push(format!("{link_type} `{}` and `{alias}`: {witness}", aliases[0]));
                        }
                    }
                }
            }
        }
    }
    println!(
        "{compared} aliases, {explained} of other systems, {names} of other names; {plain} of {usual} without an opaque condition"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(explained, OTHER_SYSTEMS.len(), "an explained difference is gone");
    assert!(compared > 250, "{compared}");
}

/// What libpcap refuses where it was built without it, or is given no netmask: tcpdump gives 0.
const BUILT_WITHOUT: &[&str] = &["protochain_disabled", "ip_broadcast_explicit"];

#[test]
fn refused_expressions_are_findings_or_keep_nothing() {
    let Some(root) = corpora() else { return };
    let (mut refused, mut empty, mut wrong) = (0, 0, Vec::new());
    for vector in vectors(&root, "libpcap-reject") {
        let (expr, name) = (words(&vector, "expr"), words(&vector, "name"));
        let options = |netmask| ReadOptions {
            pcap_link_type: Some(link_type(words(&vector, "dlt")).unwrap()),
            pcap_netmask: netmask,
            ..ReadOptions::default()
        };
        let source = Source::new("test", Content::Text(expr.to_owned()));
        let reading = PcapFilter.read(&source, SourceId(0), &options(None));
        let error = reading.diagnostics.iter().find(|d| d.level == Level::Error);
        let condition = &reading.document.rule_sets[0].rules.get(0).unwrap().condition;
        if let Some(error) = error {
            refused += 1;
            assert!(expr.get(error.primary.span.range()).is_some(), "{expr}");
        } else if difference(condition, &Condition::False).is_none() {
            assert!(words(&vector, "error").contains("rejects_all"), "{vector}");
            empty += 1;
        } else if !BUILT_WITHOUT.contains(&name) {
            wrong.push(format!("{name}: `{expr}` is read: {condition:?}"));
        }
    }
    println!("{refused} refused, {empty} keep nothing");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused + empty > 80, "{refused} and {empty}");
}

/// The packets of a condition whose headers can be walked: of a chain that ends inside a header nobody prints anything.
fn located(condition: &Condition) -> Condition {
    let lost = Condition::test(Field::L4Status, ValueSet::single(L4Status::Unlocatable as u32));
    Condition::and([condition.clone(), Condition::not(lost)])
}

/// Printed and read again, an expression means the same.
fn same_once_printed(text: &str, link_type: u16) -> Option<Result<(), String>> {
    let reading = read(text, link_type);
    if reading.diagnostics.iter().any(|d| d.level == Level::Error) {
        return None;
    }
    let mut printed = String::new();
    let lost = PcapFilter.print(&reading.document, &PrintOptions::default(), &mut printed).unwrap();
    if lost.iter().any(|lost| lost.loss != Loss::Detail) {
        return None;
    }
    let before = reading.document.rule_sets[0].rules.first()?.condition.clone();
    Some(match condition(&printed, link_type) {
        Err(error) => Err(format!("`{text}` is written `{printed}`: {error}")),
        Ok(after) => match difference(&located(&before), &located(&after)) {
            None => Ok(()),
            Some(witness) => Err(format!("`{text}` is written `{printed}`: {witness}")),
        },
    })
}

/// Two expressions that ask different things outside the model are two unknowns, however alike they begin: one name
/// for both would make one of them shadow the other.
#[test]
fn different_questions_are_different_unknowns() {
    let get = "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 1195";
    let pairs = [
        (101, format!("{get}725856"), format!("{get}725857")),
        (
            1,
            "vlan and vlan and vlan and src port 80".to_owned(),
            "vlan and vlan and vlan and dst port 80".to_owned(),
        ),
        (1, "mpls and tcp port 80".to_owned(), "mpls and udp port 80".to_owned()),
        (1, "mpls and portrange 1-2".to_owned(), "mpls and src portrange 1-2".to_owned()),
        (1, "mpls and host 10.0.0.1".to_owned(), "mpls and host 10.0.0.2".to_owned()),
        (1, "mpls and net 10".to_owned(), "mpls and net 10.0".to_owned()),
        (1, "mpls and mpls and mpls and mpls 5".to_owned(), "mpls and mpls and mpls 5".to_owned()),
        (1, "vlan or host 10.0.0.1".to_owned(), "vlan or host 10.0.0.2".to_owned()),
        (
            101,
            "ip[2:2] - ((ip[0] & 0xf) << 2) = 50".to_owned(),
            "ip[2:2] - ((ip[0] & 0xf) << 2) = 60".to_owned(),
        ),
        (101, "ip protochain 50".to_owned(), "ip6 protochain 50".to_owned()),
        (105, "ether src host 02:00:00:00:00:01".to_owned(), "ether dst host 02:00:00:00:00:01".to_owned()),
        (
            127,
            format!("radio[{}] = 5", "1 + ".repeat(20) + "1"),
            format!("radio[{}] = 5", "1 + ".repeat(20) + "2"),
        ),
    ];
    for (link_type, one, other) in pairs {
        let (a, b) = (condition(&one, link_type).unwrap(), condition(&other, link_type).unwrap());
        assert!(a.has_opaque() && b.has_opaque(), "{one}");
        assert!(difference(&a, &b).is_some(), "`{one}` and `{other}` are one unknown");
        assert!(difference(&a, &condition(&one, link_type).unwrap()).is_none(), "{one}");
    }
    // What cannot be read is told apart by all of its words.
    let unreadable = |end: &str| {
        let text = format!("host 192.0.2.1 and host 192.0.2.2 and host 192.0.2.3 and {end}");
        read(&text, 1).document.rule_sets[0].rules.get(0).unwrap().condition.clone()
    };
    assert!(difference(&unreadable("tcp udp"), &unreadable("tcp icmp")).is_some());
}

#[test]
fn what_is_printed_means_the_same() {
    let usual = [
        "tcp port 80 or 443",
        "host 192.0.2.1 and not udp portrange 5000-6000",
        "ip[6:2] & 0x1fff != 0 or ip[8] < 3",
        "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn",
        "ip6[0:4] & 0xfffff = 7 and net 2001:db8::/32",
        "ip[((ip[0] & 0xf) << 2) + 2:2] = 53",
        "ip[2:2] - ((ip[0] & 0xf) << 2) < 8",
        "proto 47 or ip multicast",
    ];
    let texts: Vec<String> = usual.iter().map(|text| (*text).to_owned()).collect();
    for link_type in [101_u16] {
        let (mut written, mut wrong) = (0, Vec::new());
        for (number, text) in texts.iter().enumerate() {
            match same_once_printed(text, link_type) {
                Some(Ok(())) => written += 1,
                Some(Err(problem)) => wrong.push(problem),
                None => assert!(number >= usual.len(), "`{text}` is not written for {link_type}"),
            }
        }
        println!("link type {link_type}: {written} of {} written and read again", texts.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn a_hundred_thousand_primitives_in_one_expression_are_read_in_linear_time() {
    let chain = |count: usize, join: &str| {
        let list: Vec<String> = (0..count)
            .map(|n| format!("tcp dst port {} and host 10.{}.{}.1", n % 65_536, n / 256 % 256, n % 256))
            .collect();
        list.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(join)
    };
    let time = |count| {
        let text = chain(count, " or ");
        let start = std::time::Instant::now();
        let reading = read(&text, 1);
        assert!(reading.diagnostics.iter().all(|d| d.level != Level::Error));
        start.elapsed()
    };
    let (few, many) = (time(5_000), time(50_000));
    assert!(many < few * 40 + std::time::Duration::from_millis(500), "{few:?} and {many:?}");
    // What cannot be followed ends in a finding.
    for text in
        ["(".repeat(100_000), "not ".repeat(100_000), "1 ^ ".repeat(100_000), chain(300, " and tcp or ")]
    {
        read(&text, 1);
    }
    assert!(condition(&("not ".repeat(100_000) + "ip"), 1).is_ok());
}
