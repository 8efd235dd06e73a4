//! nftables over the real corpora: nothing crashes it, text and JSON of one rule set are one document, a rule and
//! its canonical form are one rule, and packets fare as they did in a real kernel.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::format_push_string,
    clippy::cast_possible_truncation,
    clippy::semicolon_if_nothing_returned,
    reason = "tests are free: names of the corpora are lower case, packets are small"
)]

use flowgate::dialect::{DIALECTS, Loss, PrintOptions, ReadOptions, Reading, Reads, by_name};
use flowgate::eval::{Decision, Evaluator, Truth, evaluate};
use flowgate::field::{Field, Headers};
use flowgate::ir::{Condition, Document, Verdict};
use flowgate::packet::decode_ip;
use flowgate::source::{Content, Source, SourceId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folder of the corpora; none, and a line that says so, where they are not at hand.
fn corpora(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let path = root.map(|root| root.join(folder)).filter(|path| path.is_dir());
    if path.is_none() {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `{folder}`");
    }
    path
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let list = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut list: Vec<PathBuf> = list.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    list.sort();
    list
}

fn read(dialect: &str, text: &str) -> Reading {
    let source = Source::new("a.nft", Content::Text(text.to_owned()));
    by_name(dialect).unwrap().read(&source, SourceId(0), &ReadOptions::default())
}

fn errors(reading: &Reading) -> Vec<&str> {
    let worth = |d: &&flowgate::diagnostic::Diagnostic| d.level == flowgate::diagnostic::Level::Error;
    reading.diagnostics.iter().filter(worth).map(|d| d.message.as_str()).collect()
}

/// One rule in a table of a family; a chain `c` and sets that tests name are there.
fn one(family: &str, sets: &str, rule: &str) -> Reading {
    let hook = if family == "netdev" { "ingress device lo" } else { "input" };
    let text = format!(
        "table {family} t {{\n{sets}\nchain c {{ type filter hook {hook} priority 0; policy accept;\n{rule}\n}}\n}}\n"
    );
    read("nftables", &text)
}

#[test]
fn every_file_is_read_without_a_crash_and_whole_files_without_an_error() {
    let Some(folder) = corpora("nftables") else { return };
    let mut wrong = Vec::new();
    let (mut rules, mut opaque, mut count) = (0, 0, 0);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for path in files(&folder, "") {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for dialect in ["nftables", "nftables-json"] {
            let reading = read(dialect, &text);
            let whole = if dialect == "nftables" {
                name.ends_with(".nft")
            } else {
                name.ends_with(".json") && !name.contains(".t.")
            };
            if !whole {
                continue;
            }
            count += 1;
            let errors = errors(&reading);
            if !errors.is_empty() {
                wrong.push(format!("{name}: {errors:?}"));
            }
            for rule in reading.document.rule_sets.iter().flat_map(|set| &set.rules) {
                rules += 1;
                let mut beyond = false;
                rule.condition.visit(&mut |part| {
                    if let Condition::Opaque(part) = part {
                        let kind = part.reason.split(':').next().unwrap();
                        *reasons.entry(kind.to_owned()).or_default() += 1;
                        beyond |= !matches!(kind, "stateful" | "NAT" | "payload");
                    }
                });
                opaque += usize::from(beyond);
            }
        }
    }
    println!(
        "{count} whole files, {rules} rules, {opaque} opaque beyond stateful, NAT, payload: {reasons:?}"
    );
    println!("{}", wrong.join("\n"));
    assert!(opaque * 20 <= rules, "{opaque} of {rules}");
    assert!(wrong.len() <= 4, "{} files with errors", wrong.len());
}

fn sorted(condition: &Condition) -> String {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            let mut list: Vec<String> = parts.iter().map(sorted).collect();
            list.sort();
            let word = if matches!(condition, Condition::And(_)) { "and" } else { "or" };
            format!("{word}({})", list.join(", "))
        }
        Condition::Not(part) => format!("not({})", sorted(part)),
        Condition::Test(test) => format!("{}:{:?}", test.field().name(), test.values()),
        Condition::Opaque(part) => {
            format!("opaque({} over {} under {})", part.id, sorted(&part.over), sorted(&part.under))
        }
        Condition::True => "true".to_owned(),
        Condition::False => "false".to_owned(),
    }
}

fn meaning(document: &Document) -> Vec<String> {
    let sets = document.rule_sets.iter();
    sets.flat_map(|set| {
        set.rules.iter().map(move |rule| {
            let condition = sorted(rule.condition);
            format!(
                "{} {} {:?} {condition} {:?} {:?}",
                set.name, rule.name, set.kind, rule.outcome, set.default
            )
        })
    })
    .collect()
}

/// Without what JSON says in words of its own: what is added to sets, and the maps that pick objects.
fn in_common_words(mut document: Document) -> Document {
    let common = |id: &str, reason: &str| {
        let kept = ["set", "meter"].into_iter().find(|word| reason.contains(&format!("what `{word}` lets")));
        let picked =
            || ["limit", "quota"].into_iter().find(|word| id.starts_with(word) && id.contains("map"));
        match (kept.or_else(picked), id.split_once(" changes of ")) {
            (Some(word), _) => Some(word.to_owned()),
            (None, Some((moment, _))) => Some(moment.to_owned()),
            (None, None) => None,
        }
    };
    for set in &mut document.rule_sets {
        for condition in set.rules.conditions_mut() {
            condition.rename_opaque(&mut |opaque| common(&opaque.id, &opaque.reason));
        }
    }
    document
}

#[test]
fn text_and_json_of_one_rule_set_are_one_document() {
    let Some(folder) = corpora("nftables") else { return };
    let (mut pairs, mut wrong) = (0, Vec::new());
    for path in files(&folder, ".nft") {
        let json = path.with_extension("json");
        if !json.is_file() {
            continue;
        }
        pairs += 1;
        let left = read("nftables", &std::fs::read_to_string(&path).unwrap());
        let right = read("nftables-json", &std::fs::read_to_string(&json).unwrap());
        let [left, right] = [left, right].map(|reading| meaning(&in_common_words(reading.document)));
        if left != right {
            let first = left.iter().zip(&right).find(|(a, b)| a != b);
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            wrong.push(match first {
                Some((a, b)) => format!("{name}:\n  {a}\n  {b}"),
                None => format!("{name}: {} rules, {} in JSON", left.len(), right.len()),
            });
        }
    }
    println!("{pairs} pairs, {} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(pairs > 200 && wrong.is_empty());
}

// Rules whose canonical form says something that is not in the rule, with the reason.
const EXPLAINED: &[(&str, &str)] = &[
    ("skuid", "names of users are the host's"),
    ("skgid", "names of groups are the host's"),
    ("meta time", "nft lists times of the host's zone"),
    ("meta day", "days have numbers and names; both are outside the model"),
    ("meta hour", "nft lists hours of the host's zone"),
    ("iiftype ether", "nft leaves the device's type out before an Ethernet address"),
    ("ether type", "nft leaves the frame's type out before a tag, which the model does not keep"),
    ("vlan type", "nft leaves the tag's type out before an IP field"),
    ("ct original saddr", "nft adds the family to the key"),
    ("rt nexthop", "nft adds the family to the key"),
];

#[test]
fn a_rule_and_its_canonical_form_are_one_rule() {
    let cases = crate::nftables_refusals::cases();
    let (mut ok, mut same, mut explained, mut wrong) = (0, 0, 0, Vec::new());
    for case in cases.iter().filter(|case| case.ok) {
        let what = format!("{} {}: {}", case.file, case.family, case.line);
        let reading = read("nftables", &case.text);
        let found = errors(&reading);
        if !found.is_empty() {
            wrong.push(format!("{what}: {found:?}"));
            continue;
        }
        ok += 1;
        let Some(canonical) = &case.canonical else { continue };
        let again = read("nftables", canonical);
        let (a, b) = (meaning(&reading.document), meaning(&again.document));
        if a == b {
            same += 1;
        } else if EXPLAINED.iter().any(|(words, _)| case.line.contains(words)) {
            explained += 1;
        } else {
            wrong.push(format!("{what}\n  {a:?}\n  {b:?}"));
        }
    }
    println!(
        "{ok} read, {same} as their canonical forms, {explained} explained, {} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases.is_empty() || ok > 2000 && wrong.is_empty());
}

fn octets(hex: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[test]
fn single_rules_match_the_packets_a_kernel_matched() {
    let Some(folder) = corpora("kernel_oracle") else { return };
    let load = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
    };
    let packets = load("packets.json");
    let (mut verdicts, mut unknown, mut wrong) = (0, 0, Vec::new());
    for (family, key, all) in
        [("ip", "ipv4_packets", "baseline_ipv4"), ("ip6", "ipv6_packets", "baseline_ipv6")]
    {
        // Packets that were forwarded at all.
        let forwarded = packets[all].as_array().unwrap().clone();
        let packets: Vec<Vec<u8>> =
            packets[key].as_array().unwrap().iter().map(|hex| octets(hex.as_str().unwrap())).collect();
        let files: Vec<Value> = ["1", "2"].iter().map(|n| load(&format!("nft_{family}__{n}.json"))).collect();
        for (rule, matched) in files.iter().flat_map(|file| file.as_object().unwrap()) {
            let Some(matched) = matched.as_array() else { continue };
            let reading = one(family, "", rule);
            assert_eq!(errors(&reading), Vec::<&str>::new(), "{rule}");
            let set = &reading.document.rule_sets[0];
            for index in &forwarded {
                let octets = &packets[index.as_u64().unwrap() as usize];
                let mut headers = Headers::new();
                decode_ip(octets, &mut headers);
                let truth = evaluate(set.rules.get(0).unwrap().condition, &headers);
                let expected = matched.contains(index);
                verdicts += 1;
                if truth == Truth::Unknown {
                    unknown += 1;
                } else if truth != Truth::from(expected) {
                    wrong.push(format!("{family} `{rule}` packet {index}: {truth:?}, the kernel {expected}"));
                }
            }
        }
    }
    println!(
        "{verdicts} verdicts of a kernel, {unknown} unknown, {} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(verdicts > 5000 && unknown < 20 && wrong.is_empty());
}

fn decide(document: &Document, headers: &Headers) -> Decision {
    let entry = document.entries()[0];
    Evaluator::new(document, entry).unwrap().decide(headers).unwrap()
}

/// Whether nft takes a text, in a namespace of its own; none, and a line that says so, where there is no nft.
fn nft_takes(text: &str, json: bool) -> Option<Result<(), String>> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let found = Command::new("nft").arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "nft is needed");
        println!("SKIPPED: there is no nft");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-rn", "nft", "-c"]).args(json.then_some("-j")).args(["-f", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).lines().take(3).collect::<Vec<_>>().join("\n");
    Some(if output.status.success() { Ok(()) } else { Err(said) })
}

/// Prints a document in both forms; what nft says against it, if anything.
fn refused(document: &Document) -> Option<Vec<String>> {
    let mut wrong = Vec::new();
    for (dialect, json) in [("nftables", false), ("nftables-json", true)] {
        let mut out = String::new();
        by_name(dialect).unwrap().print(document, &PrintOptions::default(), &mut out).unwrap();
        if let Err(said) = nft_takes(&out, json)? {
            wrong.push(format!("{dialect}: {said}\n{out}"));
        }
    }
    Some(wrong)
}

#[test]
fn nft_takes_what_is_written_for_every_sample_of_every_dialect() {
    let (mut count, mut wrong) = (0, Vec::new());
    for dialect in DIALECTS.iter().filter(|dialect| dialect.reads() == Reads::Text) {
        for folder in ["sound", "flawed"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(dialect.name()).join(folder);
            for file in files(&path, "") {
                let Ok(text) = std::fs::read_to_string(&file) else { continue };
                let Some(found) = refused(&read(dialect.name(), &text).document) else { return };
                count += 1;
                wrong.extend(found.into_iter().map(|said| format!("{}: {said}", file.display())));
            }
        }
    }
    println!("{count} samples, {} refused\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 10 && wrong.is_empty());
}

/// libnftables takes some names for protocols wherever they stand in JSON, and in a set beside others for an empty one.
#[test]
fn interfaces_with_names_of_protocols_are_left_out_of_json() {
    for (name, left_out) in [("tcp", 1), ("icmpv6", 1), ("comp", 1), ("igmp", 0), ("tcp*", 0)] {
        for right in [format!("\"{name}\""), format!("{{ \"lo\", \"{name}\" }}")] {
            let text = format!("table ip t {{\n chain c {{\n iifname {right} drop\n }}\n}}\n");
            let document = read("nftables", &text).document;
            for (dialect, expected) in [("nftables", 0), ("nftables-json", left_out)] {
                let mut out = String::new();
                let lost = by_name(dialect).unwrap().print(&document, &PrintOptions::default(), &mut out);
                let lost = lost.unwrap();
                assert_eq!(lost.len(), expected, "{dialect}: {text}{lost:?}");
                assert!(lost.iter().all(|lost| lost.loss == Loss::LeftOut && lost.what.contains(name)));
                assert_eq!(read(dialect, &out).document.rule_count(), 1 - expected, "{out}");
            }
            assert!(refused(&document).is_none_or(|found| found.is_empty()), "{text}");
        }
    }
}

#[test]
fn real_rule_sets_are_written_as_they_were_read() {
    let Some(folder) = corpora("nftables") else { return };
    let (mut count, mut same, mut wrong) = (0, 0, Vec::new());
    for path in files(&folder, ".nft") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let reading = read("nftables", &std::fs::read_to_string(&path).unwrap());
        if reading.document.rule_count() == 0 || !errors(&reading).is_empty() {
            continue;
        }
        count += 1;
        for dialect in ["nftables", "nftables-json"] {
            let mut out = String::new();
            let lost = by_name(dialect).unwrap().print(&reading.document, &PrintOptions::default(), &mut out);
            let again = read(dialect, &out);
            if lost.unwrap().is_empty() {
                same += 1;
                if again.document != reading.document {
                    let (a, b) = (meaning(&reading.document), meaning(&again.document));
                    let first = a.iter().zip(&b).find(|(a, b)| a != b);
                    wrong.push(format!("{name} {dialect} {first:?}\n{out}"));
                }
            }
        }
        let Some(found) = refused(&reading.document) else { return };
        wrong.extend(found.into_iter().map(|said| format!("{name}: {said}")));
    }
    println!("{count} files, {same} prints without a loss, {} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 80 && wrong.is_empty());
}

/// The octets of a packet of the corpus, without checksums.
fn packet(value: &Value) -> Vec<u8> {
    let number = |key: &str| value[key].as_u64().unwrap_or(0);
    let low = |key: &str| (number(key) & 0xff) as u8;
    let word = |key: &str| (number(key) as u16).to_be_bytes();
    let proto = low("proto");
    let (offset, more) = (number("frag_off"), value["mf"].as_bool().unwrap_or(false));
    let mut behind = match proto {
        6 => [&word("sport")[..], &word("dport"), &[0; 8], &[0x50, low("flags")], &[0; 6]].concat(),
        17 => [&word("sport")[..], &word("dport"), &[0, 8, 0, 0]].concat(),
        1 | 58 => vec![low("itype"), low("icode"), 0, 0, 0, 0, 0, 0],
        _ => vec![0; 8],
    };
    if offset > 0 {
        behind = vec![0; 16];
    }
    let addr = |key: &str| value[key].as_str().unwrap().to_owned();
    if number("v") == 4 {
        let length = (20 + behind.len() as u16).to_be_bytes();
        let fragment = (offset as u16 | if more { 0x2000 } else { 0 }).to_be_bytes();
        let v4 = |key: &str| addr(key).parse::<std::net::Ipv4Addr>().unwrap().octets();
        let head = [&[0x45, 0][..], &length, &[0, 1], &fragment, &[64, proto, 0, 0], &v4("src"), &v4("dst")];
        return [head.concat(), behind].concat();
    }
    let v6 = |key: &str| addr(key).parse::<std::net::Ipv6Addr>().unwrap().octets();
    let fragmented = offset > 0 || more;
    if fragmented {
        let word = ((offset as u16) << 3 | u16::from(more)).to_be_bytes();
        behind = [&[proto, 0][..], &word, &[0, 0, 0, 1], &behind].concat();
    }
    let next = if fragmented { 44 } else { proto };
    let length = (behind.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &length, &[next, 64], &v6("src"), &v6("dst"), &behind].concat()
}

#[test]
fn policies_of_other_dialects_fare_as_in_the_kernel() {
    let Some(folder) = corpora("crossdialect") else { return };
    let (mut verdicts, mut free, mut wrong) = (0, 0, Vec::new());
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    // The cases ran in one namespace, each several times: a flow of one is known in others.
    let mut flows: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let tuple = |value: &Value, keys: [&str; 4]| -> Vec<String> {
        keys.iter().chain(&["proto"]).map(|key| value[*key].to_string()).collect()
    };
    for case in &cases {
        let packets = std::fs::read_to_string(case.join("packets.jsonl")).unwrap_or_default();
        let mut own = BTreeSet::new();
        for line in packets.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            own.insert(tuple(&value, ["src", "dst", "sport", "dport"]));
            own.insert(tuple(&value, ["dst", "src", "dport", "sport"]));
        }
        for key in own {
            *flows.entry(key).or_default() += 1;
        }
    }
    for case in cases {
        let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
        let (rules, kernel) = (case.join("nftables.nft"), case.join("kernel.json"));
        if !rules.is_file() || !kernel.is_file() {
            continue;
        }
        let kernel: Value = serde_json::from_str(&std::fs::read_to_string(kernel).unwrap()).unwrap();
        let target = &kernel["targets"]["nftables"];
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let reading = read("nftables", &std::fs::read_to_string(rules).unwrap());
        let Some(accepted) = target["accepted"].as_array() else {
            // What nft refuses to load we must not read in silence.
            if !target.is_null() {
                assert!(
                    !errors(&reading).is_empty() || name == "44_mixed_exclude" || name == "11_icmp_types",
                    "{name}"
                );
            }
            continue;
        };
        assert_eq!(errors(&reading), Vec::<&str>::new(), "{name}");
        let skipped = kernel["not_forwarded_without_rules"].as_array().unwrap();
        let packets = std::fs::read_to_string(case.join("packets.jsonl")).unwrap();
        for (line, index) in packets.lines().zip(0_u64..) {
            let value: Value = serde_json::from_str(line).unwrap();
            let there = tuple(&value, ["src", "dst", "sport", "dport"]);
            let back = tuple(&value, ["dst", "src", "dport", "sport"]);
            let fresh = !seen.contains(&there) && flows.get(&there).is_none_or(|cases| *cases < 2);
            seen.extend([there, back]);
            let got = accepted.iter().any(|i| i.as_u64() == Some(index));
            if skipped.iter().any(|i| i.as_u64() == Some(index)) {
                continue;
            }
            let fragment = value["frag_off"].as_u64() != Some(0) || value["mf"].as_bool() == Some(true);
            verdicts += 1;
            if fragment {
                // Connection tracking waits for the rest, which never comes.
                if got {
                    wrong.push(format!("{name} packet {index}: a lone fragment got through"));
                }
                continue;
            }
            let mut headers = Headers::new();
            decode_ip(&packet(&value), &mut headers);
            let proto = value["proto"].as_u64().unwrap();
            let flags = value["flags"].as_u64().unwrap_or(0);
            // The state of the first packet of a flow is known where the protocol leaves no choice.
            let first = fresh
                && match proto {
                    6 => flags & 0x17 == 2,
                    1 => matches!(value["itype"].as_u64(), Some(8 | 13)),
                    // The corpus' ICMPv6 checksums are wrong: connection tracking takes all of them for invalid.
                    58 => false,
                    _ => true,
                };
            let states: &[u32] = if first { &[0] } else { &[0, 1, 2, 3, 4] };
            free += usize::from(!first);
            let possible = states.iter().any(|state| {
                headers.set(Field::CtState, *state);
                let decision = decide(&reading.document, &headers);
                matches!(decision, Decision::Verdict(verdict, _) if (verdict == Verdict::Accept) == got)
            });
            if !possible {
                wrong.push(format!("{name} packet {index}: the kernel {got}: {line}"));
            }
        }
    }
    println!(
        "{verdicts} verdicts, {free} with a state that is not known, {} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(verdicts > 2000 && wrong.is_empty());
}

/// What has a timeout may be gone, what has none stays.
#[test]
fn elements_with_a_timeout_may_be_gone() {
    let sets = "set s { type ipv4_addr; flags timeout; elements = { 1.2.3.4 timeout 1s expires 900ms, 5.6.7.8 }; }\n\
                set d { type ipv4_addr; timeout 1h; elements = { 1.2.3.4 }; }\n\
                map m { type ipv4_addr : verdict; flags timeout; elements = { 1.2.3.4 timeout 1s : drop, 5.6.7.8 : drop }; }\n";
    for (rule, address, truth) in [
        ("ip saddr @s drop", 0x0102_0304, Truth::Unknown),
        ("ip saddr @s drop", 0x0506_0708, Truth::Yes),
        ("ip saddr != @s drop", 0x0506_0708, Truth::No),
        ("ip saddr @d drop", 0x0102_0304, Truth::Unknown),
        ("ip saddr vmap @m", 0x0102_0304, Truth::Unknown),
        ("ip saddr vmap @m", 0x0506_0708, Truth::Yes),
        ("ip saddr . ip protocol { 1.2.3.4 . 6 } drop", 0x0102_0304, Truth::Yes),
    ] {
        let text = format!(
            "table ip t {{\n{sets}chain c {{ type filter hook input priority 0; policy accept;\n{rule}\n}}\n}}\n"
        );
        let document = read("nftables", &text).document;
        let mut headers = Headers::new();
        let mut packet = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1];
        packet[12..16].copy_from_slice(&u32::to_be_bytes(address));
        decode_ip(&packet, &mut headers);
        let drops = document.rule_sets[0]
            .rules
            .iter()
            .filter(|r| r.outcome == flowgate::ir::Outcome::Verdict(Verdict::Discard));
        let found = drops.map(|rule| evaluate(rule.condition, &headers));
        let found = found.fold(Truth::No, |all, one| match (all, one) {
            (Truth::Yes, _) | (_, Truth::Yes) => Truth::Yes,
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            _ => Truth::No,
        });
        assert_eq!(found, truth, "{rule}: {address:x}");
    }
}

/// Carriage returns are said once, and the rules are read.
#[test]
fn carriage_returns_are_no_blanks() {
    let text =
        "table ip t {\r\nchain c { type filter hook input priority 0;\r\ntcp dport 080 drop\r\n}\r\n}\r\n";
    let reading = read("nftables", text);
    assert_eq!(reading.diagnostics.iter().filter(|d| d.message.contains("carriage return")).count(), 1);
    assert_eq!(reading.document.rule_sets[0].rules.len(), 1);
    let commented = "# dos\r\ntable ip t {\nchain c { type filter hook input priority 0;\n}\n}\n";
    assert!(read("nftables", commented).diagnostics.iter().all(|d| !d.message.contains("carriage return")));
}

#[test]
fn a_chain_keeps_its_hook_and_priority_whatever_its_name_is() {
    let text = "table ip edge {\n\tchain guard {\n\t\ttype filter hook input priority -10; policy drop;\n\
                \t\ttcp dport 22 accept\n\t}\n}\n";
    let document = read("nftables", text).document;
    let mut written = String::new();
    let lost = by_name("nftables").unwrap().print(&document, &PrintOptions::default(), &mut written).unwrap();
    assert_eq!((written.as_str(), lost), (text, Vec::new()));
    let nat = text.replace("type filter hook input", "type nat hook input");
    let mut written = String::new();
    let document = read("nftables", &nat).document;
    let lost = by_name("nftables").unwrap().print(&document, &PrintOptions::default(), &mut written).unwrap();
    assert_eq!((written, lost), (nat, Vec::new()));
    // Where it cannot be attached again is said, and counts: other packets come to it.
    let device = text
        .replace("table ip", "table netdev")
        .replace("hook input", "hook ingress device eth0")
        .replace("policy drop", "policy accept");
    let document = read("nftables", &device).document;
    let lost =
        by_name("nftables").unwrap().print(&document, &PrintOptions::default(), &mut String::new()).unwrap();
    let place = "type filter hook ingress device eth0 priority -10";
    assert!(lost.iter().any(|lost| lost.loss == Loss::Meaning && lost.what.contains(place)), "{lost:?}");
}

#[test]
fn objects_may_end_with_their_line() {
    for object in ["quota q { 100 mbytes }", "limit l { rate 5/second }", "counter k { packets 1 bytes 2 }"] {
        let reading = read("nftables", &format!("table ip a {{\n {object}\n}}\n"));
        assert_eq!(errors(&reading), [""; 0], "{object}");
    }
    let helper = read("nftables", "table ip a {\n ct helper h { type \"ftp\" protocol tcp }\n}\n");
    assert_eq!(errors(&helper).len(), 1);
}

#[test]
fn chains_of_iptables_are_written_where_the_kernel_keeps_them() {
    let text = "# Generated by iptables-save\n*raw\n:PREROUTING DROP [0:0]\n-A PREROUTING -p gre -j ACCEPT\nCOMMIT\n\
                *mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p esp -j DROP\nCOMMIT\n";
    let mut out = String::new();
    by_name("nftables")
        .unwrap()
        .print(&read("iptables", text).document, &PrintOptions::default(), &mut out)
        .unwrap();
    for place in [
        "type filter hook prerouting priority -300; policy drop",
        "type filter hook prerouting priority -150",
    ] {
        assert!(out.contains(place), "{place}: {out}");
    }
    let chain = |head: &str| {
        format!("table ip t {{\n chain b {{\n  {head}; policy accept;\n  ip protocol gre drop\n }}\n}}\n")
    };
    for (head, line) in [
        ("type filter hook output priority -300", "*raw\n:OUTPUT"),
        ("type route hook output priority -150", "*mangle\n:OUTPUT"),
        ("type filter hook input priority 0", "*filter\n:INPUT"),
        ("type filter hook prerouting priority 7", "*mangle\n:PREROUTING"),
    ] {
        let mut out = String::new();
        let document = read("nftables", &chain(head)).document;
        by_name("iptables").unwrap().print(&document, &PrintOptions::default(), &mut out).unwrap();
        assert!(out.contains(line), "{head}: {out}");
    }
}
