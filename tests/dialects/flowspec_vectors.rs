//! Flow specifications against other implementations: every NLRI of the corpora is called what its file calls
//! it, means what it says, and comes back canonical; rules order as in the standard's own code.

use crate::packet::Packet;
use flowgate::dialect::ReadOptions;
use flowgate::dialect::flowspec::{
    Actions, Community, FlowSpec, Frames, Malformed, Table, communities, decode_value, encode, lower, order,
    read_frame,
};
use flowgate::eval::{Truth, evaluate};
use flowgate::ir::Condition;
use flowgate::source::Span;
use serde_json::Value;
use std::cmp::Ordering;
use std::path::PathBuf;

/// The files of the corpora folder whose names begin so; nothing, visibly, without the corpora.
fn files(begins: &[&str]) -> Vec<(String, Value)> {
    let Some(folder) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from) else {
        println!("skipped: FLOWGATE_CORPORA is not set");
        return Vec::new();
    };
    let folder = folder.join("flowspec_vectors");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| begins.iter().any(|begin| name.starts_with(begin)))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{} holds no {begins:?}", folder.display());
    let read = |name: String| {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        (name, serde_json::from_str(&text).unwrap())
    };
    names.into_iter().map(read).collect()
}

fn entries(begins: &[&str]) -> Vec<(String, Value)> {
    let all = files(begins);
    all.into_iter()
        .flat_map(|(name, list)| {
            list.as_array().unwrap().iter().map(|entry| (name.clone(), entry.clone())).collect::<Vec<_>>()
        })
        .collect()
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Every NLRI of a field, or the first fault.
fn read(table: Table, wire: &[u8], options: &ReadOptions) -> Result<Vec<(Vec<u8>, FlowSpec)>, Malformed> {
    Frames::new(wire, 0)
        .map(|frame| {
            let frame = frame?;
            let mut spec = FlowSpec::new(table.family());
            read_frame(table, &frame, options, &mut spec)?;
            Ok((wire[frame.start as usize..frame.span().range().end].to_vec(), spec))
        })
        .collect()
}

/// What a received rule must give: the same octets as it stands, the same canonically when nothing deviates,
/// and the same rule from its canonical octets.
fn comes_back(wire: &[u8], spec: &FlowSpec) {
    let table = Table::for_spec(spec);
    let (mut same, mut canonical) = (Vec::new(), Vec::new());
    encode::preserving(spec, &mut same).unwrap();
    encode::canonical(spec, &mut canonical).unwrap();
    let mut framed = Vec::new();
    encode::framed(&canonical, &mut framed).unwrap();
    if spec.deviations().is_empty() {
        assert_eq!(framed, wire, "{spec:?}");
        assert!(wire.ends_with(&same));
    } else {
        assert_ne!(framed, wire, "{spec:?}");
    }
    let mut again = FlowSpec::new(spec.family);
    decode_value(table, &canonical, 0, &mut again).unwrap();
    assert!(again.deviations().is_empty(), "{again:?}");
    assert_eq!(lower(&again), lower(spec));
    let mut twice = Vec::new();
    encode::canonical(&again, &mut twice).unwrap();
    assert_eq!(twice, canonical);
}

/// One file calls a length below 240 in two octets invalid and says that the standard does not forbid it; the
/// rest of the corpora and the default here accept it. The option is what makes both true.
#[test]
fn measured_nlris_are_called_what_their_files_call_them() {
    let strict = ReadOptions { flowspec_strict_length: true, ..ReadOptions::default() };
    let (mut valid, mut invalid, mut meant) = (0, 0, 0);
    for (file, entry) in entries(&["measured__"]) {
        let text = |key: &str| entry[key].as_str().unwrap_or("").to_owned();
        let number = |key: &str| entry[key].as_u64().unwrap();
        let name = format!("{file} {}", text("name"));
        let table = Table::of(number("afi").try_into().unwrap(), number("safi").try_into().unwrap()).unwrap();
        let wire = octets(&text("nlri"));
        let result = read(table, &wire, &strict);
        assert_eq!(result.is_ok(), entry["valid"].as_bool().unwrap(), "{name}: {result:?}");
        let Ok(rules) = result else {
            invalid += 1;
            continue;
        };
        valid += 1;
        for (wire, spec) in &rules {
            comes_back(wire, spec);
            if means(&text("meaning"), &lower(spec), table, &name) {
                meant += 1;
            }
        }
    }
    println!("{valid} valid, {invalid} invalid, {meant} compared with their meaning");
    let long = octets("f0050118c00002");
    assert!(read(Table::Ipv4, &long, &ReadOptions::default()).is_ok());
}

/// Compares a condition with the words of a file over packets around every value the words hold.
fn means(words: &str, condition: &Condition, table: Table, name: &str) -> bool {
    let six = table == Table::Ipv6;
    let Some(meaning) = crate::meaning::parse(words) else {
        println!("no meaning compared for {name}: `{words}`");
        return false;
    };
    for packet in packets(six, &meaning.values) {
        let want = if meaning.holds(&packet) { Truth::Yes } else { Truth::No };
        assert_eq!(evaluate(condition, &packet.headers()), want, "{name} `{words}` {packet:?}");
    }
    true
}

/// Packets in which one or two fields take the values, their neighbours and usual ones.
fn packets(six: bool, values: &[u128]) -> Vec<Packet> {
    let near = |v: &u128| [v.wrapping_sub(1), *v, v.wrapping_add(1)];
    let mut values: Vec<u128> = values.iter().flat_map(near).chain([0, 1, 6, 17, 58, 80]).collect();
    values.sort_unstable();
    values.dedup();
    let mut all = Vec::new();
    for proto in
        [None, Some(1), Some(6), Some(17), Some(58), Some(132)].into_iter().filter(|p| six || p.is_some())
    {
        for kind in 0..8 {
            let base = Packet {
                proto,
                header: kind >= 4,
                offset: if kind & 1 == 0 { 0 } else { 185 },
                more: kind & 2 != 0,
                df: kind >= 4,
                ..Packet::new(six)
            };
            all.push(base.clone());
            for value in &values {
                all.extend(with_value(&base, *value));
            }
        }
    }
    all
}

#[expect(clippy::cast_possible_truncation, reason = "each field takes what it can hold")]
fn with_value(base: &Packet, value: u128) -> Vec<Packet> {
    let packet = |change: &dyn Fn(&mut Packet)| {
        let mut packet = base.clone();
        change(&mut packet);
        packet
    };
    let address = |v: u128| if base.six { v } else { v & 0xffff_ffff };
    vec![
        packet(&|p| p.dst = address(value)),
        packet(&|p| p.src = address(value)),
        packet(&|p| p.src = address(value << 64 | 0xffff)),
        packet(&|p| p.dport = value as u16),
        packet(&|p| p.sport = value as u16),
        packet(&|p| (p.sport, p.dport) = (value as u16, value as u16)),
        packet(&|p| p.icmp_type = value as u8),
        packet(&|p| p.icmp_code = value as u8),
        packet(&|p| p.flags = value as u16 & 0xfff),
        packet(&|p| p.len = (value as u32).min(65_535)),
        packet(&|p| p.dscp = value as u8 & 63),
        packet(&|p| p.label = value as u32 & 0xf_ffff),
        packet(&|p| p.proto = Some(value as u8)),
    ]
}

/// Explained: gobmp accepts a pattern of no bits (offset equal to the length), which RFC 8956 §3.1 calls
/// malformed in so many words, and does not look at the order of components.
#[test]
fn gobmp_nlris_are_called_what_their_files_call_them() {
    let mut seen = 0;
    for (file, entry) in entries(&["gobmp__"]) {
        let table = if file.contains("8956") { Table::Ipv6 } else { Table::Ipv4 };
        let name = entry["name"].as_str().unwrap();
        let wire = octets(entry["hex"].as_str().unwrap());
        let result = read(table, &wire, &ReadOptions::default());
        if let Some(error) = entry["want_err"].as_bool() {
            let missed = ["Offset equals prefix length", "Valid - Source + Dest Prefix"];
            let error = error || missed.iter().any(|begin| name.starts_with(begin));
            assert_eq!(result.is_err(), error, "{file} {name}: {result:?}");
            seen += 1;
        }
        for (wire, spec) in result.iter().flatten() {
            comes_back(wire, spec);
        }
    }
    println!("{seen} with a verdict");
}

/// BIRD calls what deviates invalid when it is strict; here it is noted, unless the standard calls it malformed.
#[test]
fn what_bird_is_strict_about_is_malformed_or_noted() {
    for (_, entry) in entries(&["bird__validation4"]) {
        let value = octets(entry["value_hex"].as_str().unwrap());
        let mut spec = FlowSpec::new(Table::Ipv4.family());
        let result = decode_value(Table::Ipv4, &value, 0, &mut spec);
        let tolerated = matches!(
            entry["strict_validation"].as_str().unwrap(),
            "FLOW_ST_NONZERO_PADDING"
                | "FLOW_ST_FIRST_AND_BIT_SET"
                | "FLOW_ST_ZERO_BIT_SET"
                | "FLOW_ST_INVALID_TCP_FLAGS"
                | "FLOW_ST_INVALID_FRAGMENT"
        );
        assert_eq!(result.is_ok(), tolerated, "{entry}");
        assert_eq!(!spec.deviations().is_empty(), tolerated, "{entry}");
    }
    for (_, entry) in entries(&["bird__formatting4", "yabgp__"]) {
        // The values of one file begin with their length (a placeholder in one of them), the other's do not.
        let mut value = octets(entry["value_hex"].as_str().unwrap());
        if entry.get("raw").is_some() {
            value.remove(0);
        }
        let mut spec = FlowSpec::new(Table::Ipv4.family());
        decode_value(Table::Ipv4, &value, 0, &mut spec).unwrap_or_else(|error| panic!("{entry}: {error}"));
    }
}

/// The octets other programs make of their texts are read, and come back.
#[test]
fn what_other_programs_write_is_read() {
    let mut seen = 0;
    for (file, entry) in entries(&["text-"]) {
        let text = entry["text"].as_str().unwrap();
        if entry["kind"] == "then" {
            let Some(list) = entry["result"].as_array() else { continue };
            actions_come_back(list, &format!("{file} `{text}`"));
            continue;
        }
        let table = Table::by_name(entry["kind"].as_str().unwrap()).unwrap();
        let result = entry["result"].as_str().unwrap();
        if result.starts_with("ERR") {
            continue;
        }
        let read = read(table, &octets(result), &ReadOptions::default());
        if let Some(why) = is_known_fault(&file, text, table) {
            assert!(read.is_err(), "{file} `{text}` is read, though {why}");
            continue;
        }
        for (wire, spec) in read.unwrap_or_else(|error| panic!("{file} `{text}`: {error}")) {
            comes_back(&wire, &spec);
            seen += 1;
        }
    }
    println!("{seen} texts");
}

fn is_known_fault(file: &str, text: &str, table: Table) -> Option<&'static str> {
    let old = file.contains("exabgp-4") || file.contains("gobgp");
    let words: Vec<&str> = text.split([' ', ';', '/']).collect();
    let has_offset = |word: &&str| ["64", "65", "60", "8", "127"].contains(word);
    if text.is_empty() {
        Some("an NLRI needs a component")
    } else if table == Table::Ipv4 && text.contains("flow-label") {
        Some("IPv4 has no flow label")
    } else if old && table == Table::Ipv6 && words.iter().any(has_offset) {
        Some("the whole address is sent although there is an offset")
    } else {
        None
    }
}

fn actions_come_back(list: &[Value], name: &str) {
    let mut actions = Actions::new();
    let words = list.iter().take(2).flat_map(|words| words.as_str().unwrap().split_whitespace());
    let mut sent = Vec::new();
    for word in words {
        for part in octets(word).chunks(if word.len() % 40 == 0 { 20 } else { 8 }) {
            let community = Community::new(part).unwrap_or_else(|| panic!("{name}"));
            actions.push_community(&community, None, Span::default()).unwrap();
            sent.push(community.to_string());
        }
    }
    let (back, lost) = communities(actions.outcome(), &actions.beside());
    assert!(lost.is_empty(), "{name}: {lost:?}");
    let back: Vec<String> = back.iter().map(ToString::to_string).collect();
    // A negative rate discards, and is written as the discard; the AS beside a rate is informational.
    let plain = |community: &String| {
        let rate = community.starts_with("8006");
        if community == "80060000c0a00000" {
            "8006000000000000".to_owned()
        } else if rate {
            format!("80060000{}", &community[8..])
        } else {
            community.clone()
        }
    };
    assert_eq!(back, sent.iter().map(plain).collect::<Vec<_>>(), "{name}");
}

#[test]
fn rules_order_as_in_the_code_of_the_standard() {
    let mut pairs = 0;
    for (file, entry) in entries(&["ordering_"]) {
        let table = if file.contains("ipv6") { Table::Ipv6 } else { Table::Ipv4 };
        let value = |key: &str| {
            let wire = octets(entry[key].as_str().unwrap());
            Frames::new(&wire, 0).next().unwrap().unwrap().value.to_vec()
        };
        let (a, b) = (value("a"), value("b"));
        let want = match entry["first"].as_str().unwrap() {
            "a" => Ordering::Less,
            "b" => Ordering::Greater,
            _ => Ordering::Equal,
        };
        assert_eq!(order::compare(table, &a, &b), want, "{file} {entry}");
        assert_eq!(order::compare(table, &b, &a), want.reverse(), "{file} {entry}");
        pairs += 1;
    }
    println!("{pairs} pairs");
}
