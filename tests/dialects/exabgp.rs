//! ExaBGP: its line table, the vectors measured on the real program, the files of its own repository.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests are free: a panic is how they say no"
)]

use flowgate::diagnostic::Diagnostic;
use flowgate::dialect::exabgp::ExaBgp;
use flowgate::dialect::flowspec::{self, FlowSpec, Table};
use flowgate::dialect::{Dialect, PrintOptions, ReadOptions, Reading, Recognition, Sample};
use flowgate::ir::{Condition, Document, Rule, RuleBuf, Verdict};
use flowgate::source::{Content, Place, Source, SourceId};
use serde_json::Value;
use std::path::PathBuf;

fn read(text: &str) -> Reading {
    let source = Source::new("test", Content::Text(text.to_owned()));
    ExaBgp.read(&source, SourceId(0), &ReadOptions::default())
}

fn print(document: &Document) -> (String, Vec<String>) {
    let mut text = String::new();
    let lost = ExaBgp.print(document, &PrintOptions::default(), &mut text).unwrap();
    (text, lost.into_iter().map(|l| format!("{}: {}", l.rule, l.what)).collect())
}

fn rules(reading: &Reading) -> Vec<Rule<'_>> {
    reading.document.rule_sets.iter().flat_map(|set| &set.rules).collect()
}

fn place(text: &str, finding: &Diagnostic) -> (u32, u32) {
    let source = Source::new("test", Content::Text(text.to_owned()));
    match source.place(finding.primary.span.start) {
        Place::Text(at) => (at.line, at.column),
        Place::Binary(_) => (0, 0),
    }
}

fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        eprintln!("skipped: FLOWGATE_CORPORA names no folder");
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

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

// The inside of a route, or a command | verdict or findings | canonical NLRI, `-` where there is none.
const OCTETS: &str = r"
match { source 10.0.0.0/8; } then { discard; } | discard | 02080a
match { destination-ipv4 192.0.2.1/32; } then { accept; } | accept | 0120c0000201
match { destination 192.0.2.77/24; } then { discard; } | host-bits-set | 0118c00002
match { destination 2001:db8::/32; source ::1234:5678:9a00:0/104/64; next-header tcp; } then { discard; } | discard | 01200020010db8026840123456789a038106
match { destination ::/0; } then { discard; } | discard | 010000
match { destination 192.0.2.7; } then { discard; } | syntax-error | -
match { source 10.0.0.0/8; destination 2001:db8::/32; } then { discard; } | mixed-family | -
match { source 10.0.0.0/8; source 11.0.0.0/8; } then { discard; } | malformed-nlri | -
match { port 80; } then { discard; } | discard | 048150
match { port [ =80 =90 ]; } then { discard; } | discard | 040150815a
match { port [ =80 ]; port [ =90 ]; } then { discard; } | discard | 040150815a
match { port >=1024&<=2047; } then { discard; } | discard | 04130400d507ff
match { destination-port [ >8080&<8088 =3128 ]; } then { discard; } | discard | 05121f90541f98910c38
match { protocol [ tcp udp ]; } then { discard; } | discard | 0301068111
match { protocol !=tcp; } then { discard; } | discard | 038606
match { protocol tcp; destination 10.0.0.0/8; } then { discard; } | discard | 01080a038106
match { port http; } then { discard; } | discard | 048150
match { port 0x50; } then { discard; } | discard | 048150
match { icmp-type [ echo-request echo-reply ]; icmp-code 1; } then { discard; } | discard | 0701088100088101
match { dscp 46; } then { discard; } | discard | 0b812e
match { packet-length >=512&<=1500; } then { discard; } | discard | 0a130200d505dc
match { packet-length >=99971&<=99985; } then { discard; } | value-out-of-range | 0a2300018683e500018691
match { packet-length >=1000&<=500; } then { discard; } | empty-range | 0a1303e8d501f4
match { dscp 64; } then { discard; } | value-out-of-range | 0b8140
match { protocol 300; } then { discard; } | value-out-of-range | 0391012c
match { port 80-90; } then { discard; } | syntax-error | -
match { port =80 =90; } then { discard; } | syntax-error | -
match { protocol true; } then { discard; } | syntax-error | -
match { port 99999999999999999999; } then { discard; } | syntax-error | -
match { flow-label 5; } then { discard; } | mixed-family | -
match { destination 2001:db8::/32; flow-label 2013; } then { discard; } | discard | 01200020010db80da1000007dd
match { tcp-flags syn+ack; } then { discard; } | discard | 098012
match { tcp-flags =syn+ack; } then { discard; } | discard | 098112
match { tcp-flags [ syn ack ]; } then { discard; } | discard | 0900028010
match { tcp-flags [ =syn&!ack ]; } then { discard; } | discard | 090102c210
match { tcp-flags [SYN RST&FIN&!=push]; } then { discard; } | discard | 09000200044001c308
match { tcp-flags ns; } then { discard; } | discard | 09900100
match { fragment [ dont-fragment first-fragment ]; } then { discard; } | discard | 0c00018004
match { fragment !is-fragment; } then { discard; } | discard | 0c8202
match { fragment not-a-fragment; } then { discard; } | discard | 0c8000
match { source 10.0.0.0/8; } then { rate-limit 0; } | discard | 02080a
match { source 10.0.0.0/8; } then { rate-limit 9600; } | accept | 02080a
match { source 10.0.0.0/8; } then { rate-limit 100; } | rate-too-small | 02080a
match { source 10.0.0.0/8; } then { rate-limit -5; } | rate-too-small | 02080a
match { source 10.0.0.0/8; } then { rate-limit 1000 packets; } | accept | 02080a
match { source 10.0.0.0/8; } then { discard; redirect 65000:100; } | conflicting-actions | 02080a
match { source 10.0.0.0/8; } then { discard; action terminal; } | Next { held: Some(Discard) } | 02080a
match { source 10.0.0.0/8; } then { mark 64; } | value-out-of-range | 02080a
match { source 10.0.0.0/8; } then { extended-community [ rate-limit:0 ]; } | discard | 02080a
match { source 10.0.0.0/8; } then { extended-community [ 0x8006000000000000 ]; } | discard | 02080a
match { source 10.0.0.0/8; } then { discard } | syntax-error | -
match { source 10.0.0.0/8 } then { discard; } | syntax-error | -
match { source 10.0.0.0/8; } | accept | 02080a
match { } then { discard; } | discard | -
rd 65535:65536; match { source 10.0.0.1/32; } then { discard; } | discard | 0000ffff0001000002200a000001
announce flow route { match { source 10.0.0.1/32; } then { discard; } } | discard | 02200a000001
announce flow route {\n match {\n source 10.0.0.1/32;\n }\n then {\n discard;\n }\n }\n | discard | 02200a000001
announce flow route destination 133.130.1.219/32 discard community [ 1:2 ] | discard | 0120858201db
announce ipv4 flow destination-ipv4 10.0.0.2/32 protocol =tcp destination-port [ =80 >8080&<8088 ] extended-community [ rate-limit:0 ] | discard | 01200a000002038106050150121f90d41f98
announce ipv6 flow next-header =udp extended-community [mark 10] | accept | 038111
announce ipv4 flow fragment last-fragment extended-community [action sample-terminal] | Next { held: None } | 0c8008
announce ipv6 flow source 10.0.0.0/8 discard | mixed-family | -
announce flow route frobnicate 1 source 10.0.0.0/8 discard | unsupported-keyword | -
announce route 10.0.0.0/8 next-hop self | none | -
";

#[test]
fn texts_have_their_verdicts_and_octets() {
    let mut lines = 0;
    for line in OCTETS.lines().filter(|line| !line.is_empty()) {
        let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [text, found, canonical] = parts[..] else { panic!("three parts: {line}") };
        lines += 1;
        let text = if text.starts_with("announce") || text.starts_with("withdraw") {
            text.to_owned()
        } else {
            format!("neighbor 192.0.2.1 {{ flow {{ route r {{ {text} }} }} }}")
        };
        let reading = read(&text);
        let checks: Vec<&str> = reading.diagnostics.iter().map(|d| d.check).collect();
        let all = rules(&reading);
        let got = if checks.is_empty() {
            all.first().map_or("none".to_owned(), |rule| match rule.outcome {
                flowgate::ir::Outcome::Verdict(verdict) => verdict.name().to_owned(),
                other => format!("{other:?}"),
            })
        } else {
            checks.join(" ")
        };
        assert_eq!(got, found, "{line}");
        let nlri = all.first().and_then(|rule| rule.nlri).map_or("-".to_owned(), hex);
        assert_eq!(nlri, canonical, "{line}");
    }
    assert!(lines > 40, "{lines}");
}

#[test]
fn ten_errors_give_ten_findings_at_their_places() {
    let text = "neighbor 192.0.2.1 {\n  flow {\n    route a {\n      match {\n        source 10.0.0.0;\n        port 80-90;\n        \
                protocol tcpp;\n        frobnicate 1;\n        tcp-flags syn+oops;\n        port =80 =90;\n        \
                destination 192.0.2.0/33;\n      }\n      then {\n        dicsard;\n        mark x;\n        redirect 1:2:3;\n      \
                }\n    }\n    route b { match { source 10.0.0.0/8; } then { discard; } }\n  }\n}\n";
    let reading = read(text);
    let found: Vec<_> =
        reading.diagnostics.iter().map(|d| (place(text, d), d.check, d.message.as_str())).collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            ((5, 16), "syntax-error", "expected a prefix length behind the address, as `/32`"),
            ((6, 14), "syntax-error", "expected one number (a range is written `>=80&<=90`)"),
            ((7, 18), "syntax-error", "expected a number or the name of a protocol"),
            ((8, 9), "unsupported-keyword", "`frobnicate` is no keyword of `match`"),
            ((9, 23), "syntax-error", "expected the name of a TCP flag"),
            (
                (10, 18),
                "syntax-error",
                "expected `;` here; several values stand between brackets, as `[ =80 =443 ]`"
            ),
            ((11, 31), "syntax-error", "expected a prefix length of 0 to 32"),
            ((14, 9), "unsupported-keyword", "`dicsard` is no keyword of `then`"),
            ((15, 14), "syntax-error", "expected a DSCP of 0 to 63"),
            ((16, 20), "syntax-error", "expected a number of 32 bits"),
        ]
    );
    let all = rules(&reading);
    assert_eq!(all.len(), 2);
    let broken = all.iter().find(|rule| rule.name == "a").unwrap();
    assert!(broken.condition.has_opaque() && broken.nlri.is_none());
}

#[test]
fn the_rule_of_2013_is_found_at_its_operand() {
    let text = include_str!("../../rules/incident/2013-03-03-packet-length.exabgp.conf");
    let reading = read(text);
    let [finding] = &reading.diagnostics[..] else { panic!("{:?}", reading.diagnostics) };
    assert_eq!((finding.check, finding.rule.as_deref()), ("value-out-of-range", Some("attack-dns-2013")));
    let (line, column) = place(text, finding);
    assert_eq!(text.lines().nth(line as usize - 1).unwrap().trim(), "packet-length >=99971&<=99985;");
    assert_eq!((line, column), (16, 31));
    assert_eq!(reading.document.rule_sets[0].name, "flowspec/ipv4/198.51.100.1");
}

#[test]
fn commands_replace_and_withdraw_what_commands_announced() {
    let text = "announce flow route { match { source 10.0.0.1/32; } then { discard; } }\n\
                announce flow route { match { source 10.0.0.2/32; } then { discard; } }\n\
                announce flow route { match { source 10.0.0.1/32; } then { rate-limit 9600; } }\n\
                neighbor 192.0.2.1 announce flow route source 10.0.0.2/32 discard\n\
                withdraw flow route { match { source 10.0.0.2/32; } }\n\
                withdraw flow route { match { source 10.0.0.9/32; } }\n";
    let reading = read(text);
    let all = rules(&reading);
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].name, all[0].actions.len()), ("3", 1));
    assert_eq!(reading.diagnostics.len(), 1);
    assert_eq!(
        (reading.diagnostics[0].check, place(text, &reading.diagnostics[0])),
        ("undefined-reference", (6, 1))
    );
}

#[test]
fn names_never_become_statements() {
    let mut reading = read("flow { route a { match { source 10.0.0.0/8; } then { discard; } } }");
    let evil = "x { match { } then { accept; } } }\n# ; route \"y\" [ ] \\n é";
    reading.document.rule_sets[0].rules.rename(|_, _, name| name.push_str(evil));
    let (text, lost) = print(&reading.document);
    assert_eq!(lost.len(), 1);
    let again = read(&text);
    assert_eq!(again.diagnostics, []);
    let all = rules(&again);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].condition, reading.document.rule_sets[0].rules.get(0).unwrap().condition);
}

#[test]
fn what_no_flow_route_says_is_lost_and_told() {
    use flowgate::field::{Family, Field};
    use flowgate::ir::{Condition, Kind, Origin, Outcome, RuleSet, ValueSet};
    let rule = |name: &str, condition| RuleBuf {
        name: name.into(),
        condition,
        actions: Box::new([flowgate::ir::Action::Log]),
        outcome: Outcome::Verdict(Verdict::Discard),
        action_given: true,
        nlri: None,
        origin: Origin::default(),
    };
    let ttl = Condition::test(Field::Ttl, ValueSet::single(1));
    let proto = Condition::test(Field::Proto, ValueSet::single(6));
    let set = RuleSet {
        name: "inet/F".into(),
        kind: Kind::Filter,
        family: Family::Inet,
        default: Verdict::Discard,
        rules: vec![rule("a", ttl), rule("b", proto)].into(),
    };
    let (text, lost) = print(&Document { rule_sets: vec![set], symbols: vec![], ..Document::default() });
    assert_eq!(rules(&read(&text)).len(), 1, "{text}");
    // The two rules do the same: their order is not lost.
    assert_eq!(lost.len(), 3, "{lost:?}");
    assert!(lost[0].contains("default") && lost[1].starts_with("a: the rule, "));
    assert!(lost[2].starts_with("b: the action `log`"));
}

#[test]
fn an_order_that_decides_is_lost_and_told() {
    use flowgate::dialect::Loss;
    let junos = |text: &str| {
        let source = Source::new("f", Content::Text(text.to_owned()));
        flowgate::dialect::by_name("junos").unwrap().read(&source, SourceId(0), &ReadOptions::default())
    };
    let lost = |terms: &str| {
        let reading = junos(&format!("firewall {{ filter F {{ {terms} }} }}"));
        assert_eq!(reading.diagnostics, []);
        let mut text = String::new();
        let lost = ExaBgp.print(&reading.document, &PrintOptions::default(), &mut text).unwrap();
        lost.into_iter().map(|l| (l.loss, l.rule)).collect::<Vec<_>>()
    };
    let narrow = "term n { from { protocol tcp; destination-address 192.0.2.1/32; } then accept; }";
    let wide = "term w { from { destination-address 192.0.2.0/24; } then discard; }";
    let last = "term l { then accept; }";
    assert_eq!(lost(&format!("{narrow}{wide}")), [(Loss::Meaning, String::new())]);
    assert_eq!(lost(&format!("{narrow}{wide}{last}")), []);
    assert_eq!(lost(&format!("{wide}{narrow}{last}")), [(Loss::Meaning, String::new())]);
    // One NLRI is one route.
    assert_eq!(
        lost(&format!("{wide}{}{last}", wide.replace('w', "x").replace("discard", "accept"))),
        [(Loss::Meaning, String::new())]
    );
}

#[test]
fn configurations_and_commands_are_recognised() {
    let sure = |text| {
        let octets = str::as_bytes(text);
        ExaBgp.recognise(&Sample { name: "x.conf", octets, text: Some(text) })
    };
    assert_eq!(sure("# x\nneighbor 1.2.3.4 {\n router-id 1.2.3.4;\n"), Recognition::Certain);
    assert_eq!(sure("process a {\n run ./x;\n}\nneighbor 1.2.3.4 { flow { } }"), Recognition::Certain);
    assert_eq!(sure("announce flow route { match { } }"), Recognition::Certain);
    assert_eq!(sure("neighbor 10.0.0.1 withdraw flow route { }"), Recognition::Certain);
    assert_eq!(sure("flow {\n route a { match { } } }"), Recognition::Possible);
    assert_eq!(sure("firewall { family inet { filter x { term y { then discard; } } } }"), Recognition::No);
    assert_eq!(sure("routing-options { flow { route a { match { } then discard; } } }"), Recognition::No);
    assert_eq!(sure("router bgp 1\n neighbor 1.2.3.4 remote-as 1\n"), Recognition::No);
    assert_eq!(sure("neighbor 1.2.3.4 {\n remote-as 1\n announce all\n}\n"), Recognition::No);
    assert_eq!(sure("announce ipv4 and ipv6 support"), Recognition::No);
    assert_eq!(sure("withdraw flow of money"), Recognition::No);
    assert_eq!(sure("announce ipv6 flow destination 2001:db8::/32/0"), Recognition::Certain);
}

#[test]
fn a_name_makes_no_other_language_exabgp() {
    let by_name = |text| {
        let octets = str::as_bytes(text);
        ExaBgp.recognise(&Sample { name: "exabgp-5.txt", octets, text: Some(text) })
    };
    assert_eq!(by_name("{\"announce\": 1}"), Recognition::No);
    assert_eq!(by_name("# settings\n\n[exabgp.api]\nack = true\n"), Recognition::No);
    assert_eq!(by_name("<config/>"), Recognition::No);
    assert_eq!(by_name("match { source 10.0.0.0/8; }"), Recognition::Possible);
}

#[test]
fn a_list_beyond_the_limit_is_unknown_and_said() {
    let values = "=1&".repeat(2_000_001);
    let reading =
        read(&format!("flow {{ route a {{ match {{ port [ {values}=1 ]; }} then {{ discard; }} }} }}"));
    assert_eq!(reading.diagnostics.iter().map(|d| d.check).collect::<Vec<_>>(), ["syntax-error"]);
    assert!(rules(&reading).iter().all(|rule| rule.nlri.is_none() && *rule.condition != Condition::True));
}

// The NLRI as 5.0.15 sends it, without its length and with a flow label in four octets.
fn canonical(wire: &[u8], table: Table) -> Option<Vec<u8>> {
    let frame = flowspec::Frames::new(wire, 0).next()?.ok()?;
    let mut spec = FlowSpec::new(table.family());
    flowspec::decode(table, &frame, &mut spec).ok()?;
    let mut out = Vec::new();
    flowspec::encode::canonical(&spec, &mut out).ok()?;
    Some(out)
}

#[test]
fn the_page_shows_the_ledger() {
    let page = include_str!("../../docs/dialects/exabgp.md");
    for keyword in ExaBgp.ledger() {
        let support = format!("{:?}", keyword.support).to_lowercase();
        let line = format!("| {} | `{}` | {support} | {} |", keyword.context, keyword.word, keyword.remark);
        assert!(page.contains(&line), "{line}");
    }
}

#[test]
fn samples_are_sound_or_flawed_as_their_folder_says() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/exabgp");
    for (kind, flawed) in [("sound", false), ("flawed", true)] {
        for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let sample = Sample { name: &name, octets: text.as_bytes(), text: Some(&text) };
            assert_eq!(ExaBgp.recognise(&sample), Recognition::Certain, "{name}");
            let reading = read(&text);
            assert!(!rules(&reading).is_empty(), "{name}");
            // A flawed sample says on its first line what the reader finds; other checks find the rest.
            let expected = text.lines().next().unwrap().strip_prefix("# finds: ").unwrap_or("");
            let mut found: Vec<&str> = reading.diagnostics.iter().map(|d| d.check).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.join(" "), expected, "{name}");
            assert!(flawed || found.is_empty(), "{name}");
        }
    }
}

#[test]
fn the_real_program_sends_the_same_octets() {
    let Some(folder) = corpora() else { return };
    let mut seen = 0;
    for file in ["4.2.21__0", "4.2.21__1", "5.0.15__0", "5.0.15__2"] {
        let path = folder.join(format!("flowspec_vectors/text-exabgp-{file}.json"));
        let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for vector in &list {
            seen += 1;
            vector_holds(vector, file.starts_with('4'));
        }
    }
    assert!(seen > 100);
}

fn vector_holds(vector: &Value, old: bool) {
    let (kind, words) = (vector["kind"].as_str().unwrap(), vector["text"].as_str().unwrap());
    let then = if kind == "then" { words } else { "discard;" };
    let matching = if kind == "then" { "source 10.0.0.0/8;" } else { words };
    let reading = read(&format!(
        "neighbor 192.0.2.1 {{ flow {{ route r {{ match {{ {matching} }} then {{ {then} }} }} }} }}"
    ));
    let errors: Vec<&str> = reading.diagnostics.iter().map(|d| d.message.as_str()).collect();
    let all = rules(&reading);
    let [rule] = all[..] else { panic!("{words}: {errors:?}") };
    if let Some(result) = vector["result"].as_str().filter(|r| r.starts_with("ERR")) {
        // `fragment not-a-fragment` is a word of 4.2 only.
        let newer = words.contains("not-a-fragment");
        assert!(newer || !errors.is_empty(), "{words}: the program says {result}");
        return;
    }
    if kind == "then" {
        let want = &vector["result"];
        let short = octets(want[0].as_str().unwrap());
        let long = octets(want[1].as_str().unwrap());
        let next_hop = want[2].as_str().unwrap().trim_start_matches("nh=");
        let next_hop: Option<std::net::IpAddr> =
            <[u8; 4]>::try_from(octets(next_hop)).ok().map(|o| std::net::Ipv4Addr::from(o).into());
        let mut actions = flowspec::Actions::accept();
        for chunk in short.chunks(8).chain(long.chunks(20)) {
            let community = flowspec::Community::new(chunk).unwrap();
            actions.push_community(&community, next_hop, flowgate::source::Span::default()).unwrap();
        }
        assert_eq!((rule.outcome, rule.actions), (actions.outcome(), &*actions.beside()), "{words}");
        return;
    }
    let table = if kind == "ipv6" { Table::Ipv6 } else { Table::Ipv4 };
    let wire = octets(vector["result"].as_str().unwrap());
    // 4.2 sends whole addresses where there is an offset; both send an empty NLRI, or a flow label in IPv4,
    // which no decoder takes.
    let offset =
        old && words.split(';').any(|s| s.trim().matches('/').count() == 2 && !s.trim().ends_with("/0"));
    let malformed = words.is_empty() || (kind == "ipv4" && words.contains("flow-label"));
    if offset || malformed {
        assert_eq!(rule.nlri.is_none(), malformed, "{words}");
        return;
    }
    let want = canonical(&wire, table).unwrap_or_else(|| panic!("{words}: {}", hex(&wire)));
    assert_eq!(hex(rule.nlri.unwrap_or_default()), hex(&want), "{words}");
    let mut spec = FlowSpec::new(table.family());
    flowspec::decode_value(table, &want, 0, &mut spec).unwrap();
    assert_eq!(*rule.condition, flowspec::lower(&spec), "{words}");
}

#[test]
fn the_files_of_the_program_itself_are_read() {
    let Some(folder) = corpora() else { return };
    let (mut routes, mut clear) = (0, 0);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder.join("exabgp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let reading = read(&text);
        let whole = [".conf", ".api_commands.txt", ".template"].iter().any(|e| name.ends_with(e));
        if !whole {
            continue;
        }
        let all = rules(&reading);
        println!("{name}: {} routes, {} findings", all.len(), reading.diagnostics.len());
        for finding in &reading.diagnostics {
            println!("  {:?} {}: {}", place(&text, finding), finding.check, finding.message);
        }
        routes += all.len();
        clear += all.iter().filter(|rule| !rule.condition.has_opaque()).count();
        if !reading.diagnostics.is_empty() {
            continue;
        }
        // What was read comes back from its own text.
        let (printed, lost) = print(&reading.document);
        let again = read(&printed);
        assert_eq!(rules(&again), all, "{name}: {lost:?}\n{printed}");
    }
    println!("{clear} of {routes} routes have no opaque condition");
    assert!(routes > 25);
    // The one that has is a Python format string.
    assert_eq!(routes, clear + 1);
}
