//! Headers to words.

use super::{ANY_PROTOCOL, FLAGS, LATER, NO_GROUP, PROTOCOLS, parse};
use crate::field::{CtState, FIELDS, Field, GROUPS, Headers, L4Status, Reading};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A packet in words. Fields the capture cut are left out; so is what words cannot say of a malformed packet.
/// Symbols are named by `symbols`, the names of their document.
pub fn print(headers: &Headers, symbols: &[Box<str>]) -> String {
    let mut text = usual(headers, symbols);
    // What the usual words leave open goes behind them by name, until the words read back as the packet.
    let mut said = 0_u128;
    while let Ok(read) = parse(&text, symbols) {
        let is_open = |field, value| {
            let differs = read.get(field) != Reading::Value(value);
            // A protocol that is not there is said by why it is not.
            let hides = field == Field::L4Status && read.small(Field::Proto) != headers.small(Field::Proto);
            (differs || hides) && said >> field as u32 & 1 == 0
        };
        let open = FIELDS.iter().find_map(|info| match headers.get(info.field) {
            Reading::Value(value) => is_open(info.field, value).then_some((info.field, value)),
            Reading::Absent | Reading::Cut => None,
        });
        let Some((field, value)) = open else { break };
        said |= 1 << field as u32;
        push(&mut text, format_args!("{} {}", field.name(), value_in_words(field, value, symbols)));
    }
    text
}

/// MAC addresses as such, ethertypes in hexadecimal, groups and states by name, all else in decimal.
fn value_in_words(field: Field, value: u128, symbols: &[Box<str>]) -> String {
    match field {
        Field::EthSrc | Field::EthDst => {
            let pairs = value.to_be_bytes().into_iter().skip(10).map(|octet| format!("{octet:02x}"));
            pairs.collect::<Vec<_>>().join(":")
        }
        Field::EthType => format!("{value:#06x}"),
        Field::InGroup | Field::OutGroup => groups(value, symbols),
        Field::CtState => {
            let state = CtState::ALL.into_iter().find(|state| *state as u128 == value);
            state.map_or_else(|| value.to_string(), |state| state.name().to_owned())
        }
        _ => value.to_string(),
    }
}

fn groups(bits: u128, symbols: &[Box<str>]) -> String {
    if bits == 0 {
        return NO_GROUP.to_owned();
    }
    let is_name = |name: &&str| is_word(name) && !name.contains(',') && *name != NO_GROUP;
    let group = |index: u32| match symbols.get(index as usize).map(|name| &**name).filter(is_name) {
        Some(name) => name.to_owned(),
        None => format!("#{index}"),
    };
    let list: Vec<String> = (0..GROUPS).filter(|index| bits >> index & 1 == 1).map(group).collect();
    list.join(",")
}

fn push(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = write!(text, " {words}");
}

fn usual(headers: &Headers, symbols: &[Box<str>]) -> String {
    let small = |field| headers.small(field);
    let mut text = protocol(headers);
    push(&mut text, format_args!("{}", endpoint(headers, Field::Src4, Field::Src6, Field::Sport)));
    push(&mut text, format_args!("> {}", endpoint(headers, Field::Dst4, Field::Dst6, Field::Dport)));
    if let Some(flags) = small(Field::TcpFlags) {
        push(&mut text, format_args!("flags {}", letters(flags)));
    }
    for (word, fields) in [
        ("type", [Field::IcmpType, Field::Icmp6Type, Field::IgmpType].as_slice()),
        ("code", &[Field::IcmpCode, Field::Icmp6Code]),
    ] {
        if let Some(value) = fields.iter().find_map(|field| small(*field)) {
            push(&mut text, format_args!("{word} {value}"));
        }
    }
    for (word, field, usual) in
        [("len", Field::Len, None), ("dscp", Field::Dscp, Some(0)), ("ttl", Field::Ttl, Some(64))]
    {
        if let Some(value) = small(field).filter(|value| Some(*value) != usual) {
            push(&mut text, format_args!("{word} {value}"));
        }
    }
    if let Some(fragment) = fragment(headers) {
        push(&mut text, format_args!("frag {fragment}"));
    }
    if small(Field::Df) == Some(1) {
        push(&mut text, format_args!("df"));
    }
    // A packet without a transport header to be found reads back only when that is known from the start.
    if let Some(status) = small(Field::L4Status).filter(|status| *status == L4Status::Unlocatable as u32) {
        push(&mut text, format_args!("{} {status}", Field::L4Status.name()));
    }
    if let Some(label) = small(Field::FlowLabel).filter(|label| *label != 0) {
        push(&mut text, format_args!("label {label}"));
    }
    for (word, field) in [("iface", Field::InIface), ("out-iface", Field::OutIface)] {
        if let Some(symbol) = small(field) {
            match symbols.get(symbol as usize).filter(|name| is_word(name)) {
                Some(name) => push(&mut text, format_args!("{word} {name}")),
                None => push(&mut text, format_args!("{word} #{symbol}")),
            }
        }
    }
    text
}

/// Whether an interface name reads back: a word of its own that is no number of a symbol.
fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('#') && !name.contains(char::is_whitespace)
}

fn protocol(headers: &Headers) -> String {
    match headers.small(Field::Proto) {
        None => ANY_PROTOCOL.to_owned(),
        Some(number) => PROTOCOLS
            .iter()
            .find(|(_, known)| *known == number)
            .map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned()),
    }
}

fn endpoint(headers: &Headers, v4: Field, v6: Field, port: Field) -> String {
    let port = headers.small(port);
    match (headers.small(v4), headers.get(v6), port) {
        (Some(address), _, None) => Ipv4Addr::from_bits(address).to_string(),
        (Some(address), _, Some(port)) => format!("{}:{port}", Ipv4Addr::from_bits(address)),
        (None, Reading::Value(address), None) => Ipv6Addr::from_bits(address).to_string(),
        (None, Reading::Value(address), Some(port)) => format!("[{}]:{port}", Ipv6Addr::from_bits(address)),
        (None, Reading::Absent | Reading::Cut, _) => "?".to_owned(),
    }
}

fn letters(flags: u32) -> String {
    if flags == 0 {
        return "none".to_owned();
    }
    if flags >> FLAGS.len() != 0 {
        return format!("{flags:#x}");
    }
    FLAGS.chars().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, letter)| letter).collect()
}

fn fragment(headers: &Headers) -> Option<String> {
    let offset = headers.small(Field::FragOff)?;
    let more = headers.small(Field::Mf) == Some(1);
    let v6 = headers.small(Field::IpVersion) == Some(6);
    Some(match (offset, more) {
        (0, false) if v6 && headers.small(Field::IsFragHeader) == Some(1) => "0".to_owned(),
        (0, false) => return None,
        (0, true) => "first".to_owned(),
        (LATER, true) => "middle".to_owned(),
        (LATER, false) => "last".to_owned(),
        (offset, true) => format!("{offset}+"),
        (offset, false) => offset.to_string(),
    })
}
