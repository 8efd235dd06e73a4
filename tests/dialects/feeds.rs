//! Captures and dumps: the samples, the corpus of updates, and what sessions leave behind.

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

use flowgate::dialect::bgp_capture::BgpCapture;
use flowgate::dialect::mrt::Mrt;
use flowgate::dialect::{Dialect, ReadOptions, Reading, Recognition, Sample};
use flowgate::feed::{self, Feed, Format};
use flowgate::ir::{Outcome, Rule, Verdict};
use flowgate::packet::{CaptureWriter, LinkType};
use flowgate::source::{Place, Source, SourceId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn read(file: &[u8]) -> (Feed, Source, Reading) {
    let format = feed::recognise(file).expect("a capture or a dump");
    let feed = feed::read(format, file).unwrap();
    let source = Source::new("test", feed.content.clone());
    let dialect: &dyn Dialect = if format == Format::Mrt { &Mrt } else { &BgpCapture };
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    (feed, source, reading)
}

fn rules(reading: &Reading) -> Vec<Rule<'_>> {
    reading.document.rule_sets.iter().flat_map(|set| &set.rules).collect()
}

fn place(source: &Source, offset: u32) -> (u64, u32) {
    match source.place(offset) {
        Place::Binary(place) => (place.frame, place.octet),
        Place::Text(_) => panic!("binary"),
    }
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const DISCARD: &str = "8006000000000000";

fn attribute(code: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[0x90, code], &length[..], value].concat()
}

fn communities(hex: &str) -> Vec<u8> {
    attribute(16, &octets(hex))
}

fn reach(afi: u8, safi: u8, nlri: &str) -> Vec<u8> {
    attribute(14, &[&[0, afi, safi, 0, 0], &octets(nlri)[..]].concat())
}

fn unreach(afi: u8, safi: u8, nlri: &str) -> Vec<u8> {
    attribute(15, &[&[0, afi, safi], &octets(nlri)[..]].concat())
}

fn update(attributes: &[Vec<u8>]) -> Vec<u8> {
    let attributes = attributes.concat();
    let size = u16::try_from(attributes.len()).unwrap();
    let total = (size + 23).to_be_bytes();
    [&[0xff; 16], &total[..], &[2, 0, 0], &size.to_be_bytes(), &attributes].concat()
}

/// A capture of one session: segments of 192.0.2.1 to 192.0.2.2, each at its place in the stream.
fn capture(segments: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = CaptureWriter::new(&mut file, LinkType::RAW).unwrap();
    for ((at, payload), number) in segments.iter().zip(0_u8..) {
        let total = u16::try_from(40 + payload.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, number, 0x40, 0, 1, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        packet.extend([0x9c, 0x40, 0, 179]);
        packet.extend(u32::try_from(1000 + at).unwrap().to_be_bytes());
        packet.extend([0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
        packet.extend_from_slice(payload);
        let time = Duration::from_secs(1_700_000_000 + u64::from(number));
        writer.write(time, &packet, packet.len().try_into().unwrap()).unwrap();
    }
    file
}

fn one_segment_each(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut at = 0;
    let segments: Vec<(usize, &[u8])> = messages
        .iter()
        .map(|message| {
            at += message.len();
            (at - message.len(), &message[..])
        })
        .collect();
    capture(&segments)
}

fn record(kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [
        &1_700_000_000_u32.to_be_bytes(),
        &kind.to_be_bytes()[..],
        &subtype.to_be_bytes(),
        &length.to_be_bytes(),
        body,
    ]
    .concat()
}

fn bgp4mp(message: &[u8]) -> Vec<u8> {
    let head = [0, 0, 0xfb, 0xf4, 0, 0, 0xfb, 0xf4, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2];
    record(16, 4, &[&head, message].concat())
}

fn table(nlri: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let index = [192, 0, 2, 9, 0, 0, 0, 1, 2, 192, 0, 2, 1, 192, 0, 2, 1, 0, 0, 0xfb, 0xf4];
    let attributes = attributes.concat();
    let size = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    let nlri = octets(nlri);
    let rib = [&[0, 0, 0, 0, 0, 1, 133], &nlri[..], &[0, 1, 0, 0, 0, 0, 0, 0], &size, &attributes].concat();
    [record(13, 1, &index), record(13, 6, &rib)].concat()
}

// A flood of connection requests towards one victim.
const SYN: &str = "0e 0120c0000208 038106 090102c210";
// NTP answers of 400 octets and more.
const NTP: &str = "10 0120c0000207 038111 06817b 0a930190";
// The rule of 2013: packet length 99971 to 99985.
const Y2013: &str = "17 0120c0000235 038111 048135 0a2300018683e500018691";

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let keepalive = [&[0xff; 16][..], &[0, 19, 4]].concat();
    let sound = [
        update(&[communities(DISCARD), reach(1, 133, NTP)]),
        keepalive.clone(),
        update(&[communities("80060000497423f0"), reach(1, 133, SYN)]),
        update(&[communities(DISCARD), reach(2, 133, "1301800020010db8000000000000000000000007")]),
        update(&[reach(1, 133, "060120c0000209")]),
        update(&[unreach(1, 133, "060120c0000209")]),
    ];
    let flawed = [
        update(&[communities(DISCARD), reach(1, 133, Y2013)]),
        // A type twice; a list without its end; three octets of communities.
        update(&[communities(DISCARD), reach(1, 133, "06 038106 038111")]),
        update(&[communities(DISCARD), reach(1, 133, "03 030106")]),
        update(&[communities("800600"), reach(1, 133, SYN)]),
        update(&[communities(DISCARD), reach(25, 134, "03 0e0106")]),
    ];
    let broken_table = table(Y2013, &[attribute(14, &[0]), communities(DISCARD)]);
    vec![
        ("bgp-capture/sound/session.pcap", one_segment_each(&sound)),
        ("bgp-capture/flawed/updates.pcap", one_segment_each(&flawed)),
        ("mrt/sound/table.mrt", table(SYN, &[attribute(14, &[0]), communities(DISCARD)])),
        ("mrt/sound/updates.mrt", sound.iter().flat_map(|message| bgp4mp(message)).collect()),
        ("mrt/flawed/table.mrt", broken_table),
        ("mrt/flawed/updates.mrt", flawed.iter().flat_map(|message| bgp4mp(message)).collect()),
    ]
}

#[test]
fn the_samples_are_what_this_file_makes_and_are_read_as_their_folders_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for (name, made) in samples() {
        let path = folder.join(name);
        // `FLOWGATE_WRITE_SAMPLES=1` writes them anew.
        if std::env::var_os("FLOWGATE_WRITE_SAMPLES").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), made, "{name}");
        let sample = Sample { name, octets: &made, text: None };
        let dialect: &dyn Dialect = if name.starts_with("mrt") { &Mrt } else { &BgpCapture };
        assert_eq!(dialect.recognise(&sample), Recognition::Certain, "{name}");
        let (feed, _, reading) = read(&made);
        assert_eq!(feed.notes, [], "{name}");
        assert_eq!(
            reading.diagnostics.is_empty(),
            name.contains("/sound/"),
            "{name}: {:?}",
            reading.diagnostics
        );
        assert!(!rules(&reading).is_empty(), "{name}");
    }
}

#[test]
fn a_session_leaves_what_was_not_withdrawn() {
    let (_, made) = samples().swap_remove(0);
    let (feed, source, reading) = read(&made);
    assert_eq!((feed.counts.frames, feed.counts.messages, feed.counts.kept), (6, 6, 5));
    let sets: BTreeMap<&str, usize> =
        reading.document.rule_sets.iter().map(|set| (set.name.as_str(), set.rules.len())).collect();
    let want =
        [("flowspec/ipv4/from-192.0.2.1-to-192.0.2.2", 2), ("flowspec/ipv6/from-192.0.2.1-to-192.0.2.2", 1)];
    assert_eq!(sets, BTreeMap::from(want));
    let all = rules(&reading);
    let ntp = all.iter().find(|rule| rule.name == "frame-1").unwrap();
    assert_eq!(ntp.outcome, Outcome::Verdict(Verdict::Discard));
    // The NLRI stands behind 40 octets of IP and TCP, 23 of BGP, 12 of communities and 9 of its attribute.
    assert_eq!(place(&source, ntp.origin.span.start), (1, 40 + 23 + 12 + 9));
}

#[test]
fn findings_stand_at_their_octet() {
    let (_, made) = samples().swap_remove(1);
    let (_, source, reading) = read(&made);
    let found: Vec<_> =
        reading.diagnostics.iter().map(|d| (d.check, place(&source, d.primary.span.start))).collect();
    let nlri = 40 + 23 + 12 + 9;
    assert_eq!(
        found,
        [
            // Behind the length: 6 octets of destination, 3 of protocol, 3 of port, the type, the operator.
            ("value-out-of-range", (1, nlri + 1 + 6 + 3 + 3 + 2)),
            ("malformed-nlri", (2, nlri + 1 + 3)),
            ("flowspec-component-order", (2, nlri + 1 + 3)),
            ("malformed-nlri", (3, nlri + 3)),
            ("malformed-nlri", (4, 40 + 23 + 4)),
            ("unsupported-keyword", (5, 40 + 23 + 12 + 4)),
        ],
        "{:#?}",
        reading.diagnostics
    );
    assert_eq!(rules(&reading).len(), 1);
}

#[test]
fn segments_may_come_in_any_order_and_a_gap_is_told() {
    let messages = [
        update(&[communities(DISCARD), reach(1, 133, SYN)]),
        update(&[reach(1, 133, "060120c0000209")]),
        update(&[reach(1, 133, "060120c000020a")]),
    ];
    let stream = messages.concat();
    let third = stream.len() - 30;
    let (first, second) = (messages[0].len(), messages[0].len() + messages[1].len());
    // The first segment comes first, or nobody knows where the session begins.
    let file = capture(&[
        (0, &stream[..20]),
        (third, &stream[third..]),
        (10, &stream[10..60]),
        (50, &stream[50..third + 7]),
        (0, &stream[..20]),
    ]);
    let (feed, source, reading) = read(&file);
    assert_eq!(feed.notes, []);
    assert_eq!(rules(&reading).len(), 3);
    let last = rules(&reading).into_iter().find(|rule| rule.nlri.unwrap().ends_with(&[10])).unwrap();
    // Its last octet came with the second segment, behind 40 octets of headers.
    let end = u32::try_from(stream.len() - third).unwrap();
    assert_eq!(place(&source, last.origin.span.end - 1), (2, 40 + end - 1));
    let gap = capture(&[(0, &stream[..first]), (second, &stream[second..])]);
    let (feed, _, reading) = read(&gap);
    assert_eq!(rules(&reading).len(), 2);
    assert_eq!(feed.notes.len(), 1);
    let findings = feed.diagnostics(SourceId(0));
    assert!(findings[0].message.contains("octets of the session are missing"), "{}", findings[0].message);
}

#[test]
fn announcing_anew_replaces_and_communities_withdraw() {
    let messages = [
        update(&[communities(DISCARD), reach(1, 133, SYN)]),
        update(&[communities("80060000497423f0"), reach(1, 133, SYN)]),
        update(&[communities(DISCARD), reach(1, 133, "060120c0000209 060120c000020a")]),
        // A rate that is no number: the rules of this update are withdrawn.
        update(&[communities("800600007fc00000"), reach(1, 133, "060120c0000209")]),
    ];
    let (_, _, reading) = read(&one_segment_each(&messages));
    let names: Vec<&str> = rules(&reading).iter().map(|rule| rule.name).collect();
    assert_eq!(names, ["frame-2", "frame-3.2"]);
    assert_eq!(reading.diagnostics.len(), 1);
    assert!(rules(&reading).iter().all(|rule| rule.action_given));
}

fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        eprintln!("skipped: FLOWGATE_CORPORA names no folder");
    }
    folder
}

#[test]
fn every_update_of_the_corpus_is_called_what_its_case_says() {
    let Some(folder) = corpora() else { return };
    let mut cases: BTreeMap<String, Value> = BTreeMap::new();
    for number in [0, 2, 3, 4, 5, 6] {
        let path = folder.join(format!("flowspec_vectors/measured__{number}.json"));
        let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        cases.extend(list.into_iter().map(|case| (case["name"].as_str().unwrap().to_owned(), case)));
    }
    let (mut seen, mut standing, mut opaque) = (0, 0, 0);
    for afi in [1, 2] {
        let path = folder.join(format!("flowspec_pcap/bgp_updates_afi{afi}"));
        let names: Vec<String> =
            serde_json::from_str(&std::fs::read_to_string(path.with_extension("json")).unwrap()).unwrap();
        let file = std::fs::read(path.with_extension("pcap")).unwrap();
        let (feed, source, reading) = read(&file);
        assert_eq!(feed.notes, []);
        assert_eq!(feed.counts.kept, names.len() as u64);
        opaque += rules(&reading).iter().filter(|rule| rule.condition.has_opaque()).count();
        // What each frame gave: findings that call it malformed, and its NLRIs.
        for (name, frame) in names.iter().zip(1_u64..) {
            let Some(case) = cases.get(name) else { panic!("no case `{name}`") };
            let at = |offset: u32| place(&source, offset).0 == frame;
            let malformed = |d: &&flowgate::diagnostic::Diagnostic| {
                d.check == "malformed-nlri" && at(d.primary.span.start)
            };
            let called_bad = reading.diagnostics.iter().any(|d| malformed(&d));
            // The standard does not forbid a short length in two octets; it is a note.
            let valid = case["valid"].as_bool().unwrap() || name == "len-ext-small";
            assert_eq!(!called_bad, valid, "{name}: {}", case["why"]);
            seen += 1;
            // A rule that stands has the octets of its case; two encodings of one rule are two rules.
            let nlri = octets(case["nlri"].as_str().unwrap());
            let rule = rules(&reading).into_iter().find(|rule| *rule.name == *format!("frame-{frame}"));
            if let Some(rule) = rule.filter(|_| valid) {
                assert!(nlri.ends_with(rule.nlri.unwrap()), "{name}");
                standing += 1;
            }
        }
    }
    assert!(standing > 40, "{standing}");
    println!("{seen} updates, {opaque} rules with an opaque condition");
    assert_eq!((seen, opaque), (64, 0));
}

// The test files of ExaBGP hold commands, each with the message the program sends for it.
#[test]
fn commands_mean_what_the_program_sends_for_them() {
    let Some(folder) = corpora() else { return };
    let mut pairs = 0;
    for name in [
        "qa_api_api-flow-merge",
        "qa_api_api-flow",
        "qa_encoding_conf-flow-redirect",
        "qa_encoding_conf-flow",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("exabgp/exabgp__{name}.ci"))).unwrap();
        let mut command = "";
        for line in text.lines() {
            let (_, rest) = line.split_once(':').unwrap_or_default();
            if let Some(words) = rest.strip_prefix("cmd:") {
                command = words;
            } else if let Some(raw) = rest.strip_prefix("raw:")
                && command.starts_with("announce ipv")
            {
                pair(command, &octets(&raw.replace(':', "")));
                pairs += 1;
            }
        }
    }
    println!("{pairs} commands");
    assert!(pairs > 25, "{pairs}");
}

fn pair(command: &str, message: &[u8]) {
    let text = Source::new("command", flowgate::source::Content::Text(command.to_owned()));
    let said = flowgate::dialect::exabgp::ExaBgp.read(&text, SourceId(0), &ReadOptions::default());
    let content =
        flowgate::source::Content::Octets { bytes: message.to_vec(), pieces: vec![], streams: vec![] };
    let source = Source::new("message", content);
    let sent = BgpCapture.read(&source, SourceId(0), &ReadOptions::default());
    let (said, sent) = (rules(&said), rules(&sent));
    // One file is older than RFC 8956: the whole address is sent where there is an offset, which is malformed.
    if sent.is_empty() && command.contains("::1/128/120") {
        return;
    }
    let ([said], [sent]) = (&said[..], &sent[..]) else { panic!("{command}: {said:?} {sent:?}") };
    assert_eq!(said.condition, sent.condition, "{command}");
    assert_eq!(said.outcome, sent.outcome, "{command}");
    // The program sorts its communities by octets.
    let words = |rule: &Rule| {
        let mut list: Vec<String> =
            rule.actions.iter().map(flowgate::dialect::flowspec::actions::describe).collect();
        list.sort();
        list
    };
    assert_eq!(words(said), words(sent), "{command}");
}

#[test]
fn the_rule_of_2013_is_found_in_its_capture() {
    let (feed, source, reading) = read(include_bytes!("../../rules/incident/2013-03-03-packet-length.pcap"));
    assert_eq!(feed.notes, []);
    let [finding] = &reading.diagnostics[..] else { panic!("{:?}", reading.diagnostics) };
    assert_eq!(finding.check, "value-out-of-range");
    // The first operand of 99971 stands where the finding points.
    let all = source.content();
    let flowgate::source::Content::Octets { bytes, .. } = all else { panic!("octets") };
    let at = finding.primary.span.start as usize;
    assert_eq!(bytes[at..at + 4], 99_971_u32.to_be_bytes());
}

#[test]
fn the_pages_show_the_ledgers() {
    for (dialect, page) in [
        (&BgpCapture as &dyn Dialect, include_str!("../../docs/dialects/bgp-capture.md")),
        (&Mrt, include_str!("../../docs/dialects/mrt.md")),
    ] {
        for keyword in dialect.ledger() {
            let support = format!("{:?}", keyword.support).to_lowercase();
            let line =
                format!("| {} | `{}` | {support} | {} |", keyword.context, keyword.word, keyword.remark);
            assert!(page.contains(&line), "{line}");
        }
    }
}

#[test]
fn octets_cut_or_changed_anywhere_never_stop_the_reading() {
    for (name, made) in samples() {
        let format = if name.starts_with("mrt") { Format::Mrt } else { Format::Capture };
        let mut state = 1_u32;
        for round in 0..400 {
            let mut file = made.clone();
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize % file.len();
            if round % 2 == 0 {
                file.truncate(at);
            } else {
                file[at] ^= (state >> 24) as u8 | 1;
            }
            if let Ok(feed) = feed::read(format, &file[..]) {
                let source = Source::new(name, feed.content);
                let dialect: &dyn Dialect = if format == Format::Mrt { &Mrt } else { &BgpCapture };
                let _ = dialect.read(&source, SourceId(0), &ReadOptions::default());
            }
        }
    }
}
