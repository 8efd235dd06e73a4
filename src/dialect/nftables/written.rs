//! What a printer writes, before it is text or JSON: tables, chains, rules of comparisons and a verdict.

use super::fields::{Load, Meta, Type};
use super::values::full;
use crate::dialect::hook_place::HookPlace;
use crate::net::{Prefix4, Prefix6};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The right side of a comparison.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Right {
    /// Closed ranges.
    Ranges(Vec<(u128, u128)>),
    /// Names of interfaces or groups.
    Names(Vec<String>),
    /// States of a connection.
    States(Vec<&'static str>),
}

/// A comparison.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Item {
    pub(super) load: Load,
    pub(super) mask: Option<u128>,
    pub(super) unequal: bool,
    pub(super) right: Right,
}

/// What becomes of a packet, in words.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Ending {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(String),
    Goto(String),
    /// `reject`, with its type and code where it has them.
    Reject(Option<(&'static str, &'static str)>),
    TcpReset,
    /// Nothing behind the comparisons.
    Nothing,
}

/// A rule.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) items: Vec<Item>,
    pub(super) counter: bool,
    pub(super) log: bool,
    pub(super) ending: Ending,
    pub(super) comment: Option<String>,
}

/// A chain.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) name: String,
    /// Its place and whether the policy drops, of a base chain.
    pub(super) base: Option<(HookPlace<'static>, bool)>,
    pub(super) lines: Vec<Line>,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) family: &'static str,
    pub(super) name: String,
    pub(super) dormant: bool,
    pub(super) chains: Vec<Chain>,
}

/// Writes tables as text.
pub(super) fn text(tables: &[Table], out: &mut dyn Write) -> std::fmt::Result {
    for table in tables {
        writeln!(out, "table {} {} {{", table.family, table.name)?;
        if table.dormant {
            writeln!(out, "\tflags dormant")?;
        }
        for (index, chain) in table.chains.iter().enumerate() {
            if index > 0 || table.dormant {
                writeln!(out)?;
            }
            writeln!(out, "\tchain {} {{", chain.name)?;
            if let Some((place, drops)) = chain.base {
                let policy = if drops { "drop" } else { "accept" };
                writeln!(out, "\t\t{place}; policy {policy};")?;
            }
            for line in &chain.lines {
                writeln!(out, "\t\t{}", line_text(line))?;
            }
            writeln!(out, "\t}}")?;
        }
        writeln!(out, "}}")?;
    }
    Ok(())
}

fn line_text(line: &Line) -> String {
    let mut words: Vec<String> = line.items.iter().map(item_text).collect();
    if line.counter {
        words.push("counter".to_owned());
    }
    if line.log {
        words.push("log".to_owned());
    }
    match &line.ending {
        Ending::Accept => words.push("accept".to_owned()),
        Ending::Drop => words.push("drop".to_owned()),
        Ending::Continue => words.push("continue".to_owned()),
        Ending::Return => words.push("return".to_owned()),
        Ending::Jump(name) => words.push(format!("jump {name}")),
        Ending::Goto(name) => words.push(format!("goto {name}")),
        Ending::Reject(None) => words.push("reject".to_owned()),
        Ending::Reject(Some((kind, code))) => words.push(format!("reject with {kind} {code}")),
        Ending::TcpReset => words.push("reject with tcp reset".to_owned()),
        Ending::Nothing => {}
    }
    if let Some(comment) = &line.comment {
        words.push(format!("comment \"{comment}\""));
    }
    words.join(" ")
}

fn item_text(item: &Item) -> String {
    let mut out = item.load.words();
    if let Some(mask) = item.mask {
        let _ = write!(out, " & {}", value_text(&item.load, mask));
    }
    let set = |list: Vec<String>, plain: bool| match list.as_slice() {
        [only] if plain => only.clone(),
        _ => format!("{{ {} }}", list.join(", ")),
    };
    if item.unequal {
        out.push_str(" !=");
    } else if item.mask.is_some() || item.load.ty().is_flags() && matches!(item.right, Right::Ranges(_)) {
        out.push_str(" ==");
    }
    out.push(' ');
    match &item.right {
        Right::Ranges(ranges) => {
            let list = ranges.iter().map(|range| range_text(&item.load, *range)).collect();
            out.push_str(&set(list, true));
        }
        Right::Names(names) => {
            let quoted = names.iter().map(|name| format!("\"{name}\"")).collect();
            out.push_str(&set(quoted, true));
        }
        Right::States(states) => out.push_str(&states.join(",")),
    }
    out
}

fn value_text(load: &Load, value: u128) -> String {
    match load.ty() {
        Type::Ipv4 => Ipv4Addr::from(u32::try_from(value).unwrap_or(u32::MAX)).to_string(),
        Type::Ipv6 => Ipv6Addr::from(value).to_string(),
        Type::Ethernet => {
            let octets = value.to_be_bytes();
            let parts: Vec<String> = octets.iter().skip(10).map(|octet| format!("{octet:02x}")).collect();
            parts.join(":")
        }
        Type::NfProto => if value == 2 { "ipv4" } else { "ipv6" }.to_owned(),
        Type::Boolean => if value == 1 { "exists" } else { "missing" }.to_owned(),
        Type::TcpFlags | Type::Mark => format!("{value:#x}"),
        _ => value.to_string(),
    }
}

fn prefix(load: &Load, (lo, hi): (u128, u128)) -> Option<u32> {
    let bits = match load.ty() {
        Type::Ipv4 => {
            let (lo, hi) = (u32::try_from(lo).ok()?, u32::try_from(hi).ok()?);
            match Prefix4::cover(lo, hi).as_slice() {
                [only] => u32::from(only.len()),
                _ => return None,
            }
        }
        Type::Ipv6 => match Prefix6::cover(lo, hi).as_slice() {
            [only] => u32::from(only.len()),
            _ => return None,
        },
        _ => return None,
    };
    Some(bits)
}

fn range_text(load: &Load, (lo, hi): (u128, u128)) -> String {
    if lo == hi {
        return value_text(load, lo);
    }
    match prefix(load, (lo, hi)) {
        Some(bits) => format!("{}/{bits}", value_text(load, lo)),
        None => format!("{}-{}", value_text(load, lo), value_text(load, hi)),
    }
}

/// Writes tables as the JSON of libnftables, one object a line.
pub(super) fn json(tables: &[Table], out: &mut dyn Write) -> std::fmt::Result {
    let mut objects = vec![json!({"metainfo": {"json_schema_version": 1}})];
    for table in tables {
        let (family, name) = (table.family, table.name.as_str());
        let mut object = json!({"family": family, "name": name});
        if table.dormant
            && let Some(map) = object.as_object_mut()
        {
            map.insert("flags".to_owned(), json!(["dormant"]));
        }
        objects.push(json!({ "table": object }));
        for chain in &table.chains {
            objects.push(json!({"chain": match chain.base {
                Some((place, drops)) => json!({
                    "family": family, "table": name, "name": chain.name, "type": place.kind, "hook": place.hook,
                    "prio": place.priority, "policy": if drops { "drop" } else { "accept" },
                }),
                None => json!({"family": family, "table": name, "name": chain.name}),
            }}));
        }
        for chain in &table.chains {
            for line in &chain.lines {
                let mut rule =
                    json!({"family": family, "table": name, "chain": chain.name, "expr": line_json(line)});
                if let (Some(comment), Some(map)) = (&line.comment, rule.as_object_mut()) {
                    map.insert("comment".to_owned(), json!(comment));
                }
                objects.push(json!({ "rule": rule }));
            }
        }
    }
    out.write_str("{\"nftables\": [\n")?;
    for (index, object) in objects.iter().enumerate() {
        let end = if index + 1 == objects.len() { "\n" } else { ",\n" };
        write!(out, "{object}{end}")?;
    }
    out.write_str("]}\n")
}

fn line_json(line: &Line) -> Vec<Value> {
    let mut list: Vec<Value> = line.items.iter().map(item_json).collect();
    if line.counter {
        list.push(json!({"counter": {"packets": 0, "bytes": 0}}));
    }
    if line.log {
        list.push(json!({"log": null}));
    }
    match &line.ending {
        Ending::Accept => list.push(json!({"accept": null})),
        Ending::Drop => list.push(json!({"drop": null})),
        Ending::Continue => list.push(json!({"continue": null})),
        Ending::Return => list.push(json!({"return": null})),
        Ending::Jump(name) => list.push(json!({"jump": {"target": name}})),
        Ending::Goto(name) => list.push(json!({"goto": {"target": name}})),
        Ending::Reject(None) => list.push(json!({"reject": null})),
        Ending::Reject(Some((kind, code))) => {
            list.push(json!({"reject": {"type": kind, "expr": code}}));
        }
        Ending::TcpReset => list.push(json!({"reject": {"type": "tcp reset"}})),
        Ending::Nothing => {}
    }
    list
}

fn item_json(item: &Item) -> Value {
    let load = load_json(&item.load);
    let left = match item.mask {
        Some(mask) => json!({"&": [load, value_json(&item.load, mask)]}),
        None => load,
    };
    let set = |list: Vec<Value>| match list.as_slice() {
        [only] => only.clone(),
        _ => json!({ "set": list }),
    };
    let (op, right) = match &item.right {
        Right::Ranges(ranges) => {
            let list = ranges.iter().map(|range| range_json(&item.load, *range)).collect();
            ("==", set(list))
        }
        Right::Names(names) => ("==", set(names.iter().map(|name| json!(name)).collect())),
        Right::States(states) => ("in", json!(states)),
    };
    json!({"match": {"op": if item.unequal { "!=" } else { op }, "left": left, "right": right}})
}

/// A name that libnftables reads as a protocol, whatever it is compared with (`json_parse_constant`, nft 1.0.6).
pub(super) fn protocol_in_json(item: &Item) -> Option<&str> {
    const PROTOCOLS: [&str; 10] =
        ["ah", "esp", "comp", "udp", "udplite", "tcp", "dccp", "sctp", "icmp", "icmpv6"];
    let Right::Names(names) = &item.right else { return None };
    names.iter().map(String::as_str).find(|name| PROTOCOLS.contains(name))
}

fn value_json(load: &Load, value: u128) -> Value {
    match load.ty() {
        Type::Boolean => json!(value == 1),
        Type::Ipv4 | Type::Ipv6 | Type::Ethernet | Type::NfProto => json!(value_text(load, value)),
        _ => u64::try_from(value).map_or_else(|_| json!(value.to_string()), |value| json!(value)),
    }
}

fn range_json(load: &Load, (lo, hi): (u128, u128)) -> Value {
    if lo == hi {
        return value_json(load, lo);
    }
    match prefix(load, (lo, hi)) {
        Some(bits) => json!({"prefix": {"addr": value_json(load, lo), "len": bits}}),
        None => json!({"range": [value_json(load, lo), value_json(load, hi)]}),
    }
}

fn load_json(load: &Load) -> Value {
    use super::fields::{Base, Part};
    match load {
        Load::Field(header, place) => json!({"payload": {"protocol": header.name(), "field": place.word}}),
        Load::Raw(base, bit, width) => {
            let base = match base {
                Base::Link => "ll",
                Base::Network => "nh",
                Base::Transport => "th",
                Base::Inner => "ih",
            };
            json!({"payload": {"base": base, "offset": bit, "len": width}})
        }
        Load::Meta(meta) => json!({"meta": {"key": match meta {
            Meta::Length => "length",
            Meta::NfProto => "nfproto",
            Meta::Protocol => "protocol",
            Meta::L4Proto => "l4proto",
            Meta::InIface => "iifname",
            Meta::OutIface => "oifname",
            Meta::InGroup => "iifgroup",
            Meta::OutGroup => "oifgroup",
            Meta::Mark => "mark",
        }}}),
        Load::CtState => json!({"ct": {"key": "state"}}),
        Load::Extension(extension, part) => match part {
            Part::Exists => json!({"exthdr": {"name": extension.name()}}),
            Part::NextHeader => json!({"exthdr": {"name": extension.name(), "field": "nexthdr"}}),
            Part::Offset => json!({"exthdr": {"name": extension.name(), "field": "frag-off"}}),
            Part::More => json!({"exthdr": {"name": extension.name(), "field": "more-fragments"}}),
            Part::Other((word, _)) => json!({"exthdr": {"name": extension.name(), "field": word}}),
        },
        Load::IpOption(kind) => {
            let name = super::load::ip_option_name(*kind);
            json!({"ip option": {"name": name}})
        }
        Load::TcpOption(_, words) | Load::Beyond(_, _, words) => json!(&**words),
    }
}

/// The ranges of what is compared, and whether they are those it must not be in, whichever are fewer.
pub(super) fn shorter(ranges: Vec<(u128, u128)>, width: u32) -> (bool, Vec<(u128, u128)>) {
    let mut rest = Vec::new();
    let mut from = Some(0);
    for (lo, hi) in &ranges {
        if let Some(start) = from
            && start < *lo
        {
            rest.push((start, lo - 1));
        }
        from = hi.checked_add(1).filter(|next| *next <= full(width));
    }
    if let Some(start) = from {
        rest.push((start, full(width)));
    }
    let one = |list: &[(u128, u128)]| matches!(list, [(lo, hi)] if lo == hi);
    let fewer = rest.len() < ranges.len() || one(&rest) && ranges.len() == 1 && !one(&ranges);
    if !rest.is_empty() && fewer { (true, rest) } else { (false, ranges) }
}
