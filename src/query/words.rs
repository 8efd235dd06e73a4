//! Names of protocols and flags, and values in words.

use crate::field::{CtState, FIELDS, Field};
use crate::ir::{Condition, Test, ValueSet, ValueSetRef};
use crate::net::BitMatch;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Names of protocols (IANA registry), the usual one first.
const PROTOCOLS: [(&str, u32); 20] = [
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("egp", 8),
    ("udp", 17),
    ("dccp", 33),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmp6", 58),
    ("icmpv6", 58),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("udplite", 136),
];

/// TCP flags: the name, the letter packets are printed with, the bit.
const FLAGS: [(&str, char, u128); 9] = [
    ("fin", 'F', 0x001),
    ("syn", 'S', 0x002),
    ("rst", 'R', 0x004),
    ("psh", 'P', 0x008),
    ("ack", 'A', 0x010),
    ("urg", 'U', 0x020),
    ("ece", 'E', 0x040),
    ("cwr", 'C', 0x080),
    ("ae", 'N', 0x100),
];
/// A test in words that [`super::parse`] reads back, with no more than a few of its values.
pub fn describe(test: &Test) -> String {
    const SHOWN: usize = 6;
    let field = test.field();
    let name = match field {
        Field::Src6 => "src",
        Field::Dst6 => "dst",
        other => other.name(),
    };
    let range = |lo: u128, hi: u128| {
        let differ = lo ^ hi;
        let bits = u32::from(field.info().width);
        let is_prefix = differ & differ.wrapping_add(1) == 0 && lo & differ == 0;
        match field {
            _ if lo == hi => value(field, lo),
            Field::Src4 | Field::Dst4 | Field::Src6 | Field::Dst6 if is_prefix => {
                format!("{}/{}", value(field, lo), bits - differ.count_ones())
            }
            _ => format!("{}-{}", value(field, lo), value(field, hi)),
        }
    };
    let (mut words, many) = match test.values() {
        ValueSetRef::Ranges(set) if field == Field::CtState => {
            let states = CtState::ALL.into_iter().filter(|state| set.contains(*state as u32));
            (states.map(|state| state.name().to_owned()).collect(), false)
        }
        ValueSetRef::Ranges(set) => {
            let ranges = set.ranges().take(SHOWN).map(|(lo, hi)| range(lo.into(), hi.into()));
            (ranges.collect::<Vec<_>>(), set.ranges().len() > SHOWN)
        }
        ValueSetRef::Wide(set) => {
            let ranges = set.ranges().take(SHOWN).map(|(lo, hi)| range(lo, hi));
            (ranges.collect(), set.ranges().len() > SHOWN)
        }
        ValueSetRef::Bits(set) => {
            let patterns = set.patterns().iter().take(SHOWN);
            let words = patterns.map(|p| match field {
                Field::TcpFlags => flag_words(*p),
                _ => format!("{:#x}/{:#x}", p.value, p.mask),
            });
            (words.collect(), set.patterns().len() > SHOWN)
        }
    };
    if many {
        words.push("...".to_owned());
    }
    match words.as_slice() {
        [] => format!("{name} in {{}}"),
        [one] => format!("{name} {one}"),
        _ => format!("{name} in {{{}}}", words.join(", ")),
    }
}

/// A condition in words: tests as [`describe`] says them, with `and`, `or` and `not` between them; interfaces by their
/// names among `symbols`.
pub fn describe_condition(condition: &Condition, symbols: &[Box<str>]) -> String {
    let all = |parts: &[Condition], word: &str| {
        let words = parts.iter().map(|part| match part {
            Condition::And(_) | Condition::Or(_) => format!("({})", describe_condition(part, symbols)),
            part => describe_condition(part, symbols),
        });
        words.collect::<Vec<_>>().join(word)
    };
    match condition {
        Condition::True => "any".to_owned(),
        Condition::False => "none".to_owned(),
        Condition::Test(test) if test.values() == ValueSet::all(test.field()) => {
            format!("present {}", test.field().name())
        }
        Condition::Test(test) if matches!(test.field(), Field::InIface | Field::OutIface) => {
            interfaces(test, symbols)
        }
        Condition::Test(test) => describe(test),
        Condition::And(parts) => all(parts, " and "),
        Condition::Or(parts) => all(parts, " or "),
        Condition::Not(part) => match &**part {
            Condition::Test(test) if test.values() == ValueSet::all(test.field()) => {
                format!("absent {}", test.field().name())
            }
            part => format!("not ({})", describe_condition(part, symbols)),
        },
        Condition::Opaque(opaque) => format!("`{}`", opaque.id),
    }
}

/// A test of an interface by names: those that are in the set, or those that are not where all others are.
fn interfaces(test: &Test, symbols: &[Box<str>]) -> String {
    let name = test.field().name();
    let others = test.values().contains(u128::from(u32::MAX));
    let listed: Vec<&str> = symbols
        .iter()
        .zip(0_u128..)
        .filter(|(_, index)| test.values().contains(*index) != others)
        .map(|(symbol, _)| &**symbol)
        .collect();
    match (others, listed.as_slice()) {
        (false, [one]) => format!("{name} {one}"),
        (true, [one]) => format!("{name} != {one}"),
        (false, list) => format!("{name} in {{{}}}", list.join(", ")),
        (true, list) => format!("not ({name} in {{{}}})", list.join(", ")),
    }
}

/// A value of a field as people write it.
pub fn value(field: Field, value: u128) -> String {
    let small = u32::try_from(value);
    match (field, small) {
        (Field::Src4 | Field::Dst4, Ok(addr)) => Ipv4Addr::from(addr).to_string(),
        (Field::Src6 | Field::Dst6, _) => Ipv6Addr::from(value).to_string(),
        (Field::Proto | Field::ProtoField, Ok(number)) => PROTOCOLS
            .iter()
            .find(|(_, n)| *n == number)
            .map_or_else(|| value.to_string(), |(name, _)| (*name).to_owned()),
        (Field::TcpFlags, _) => format!("{value:#x}"),
        (Field::CtState, _) => {
            let state = CtState::ALL.into_iter().find(|state| *state as u128 == value);
            state.map_or_else(|| value.to_string(), |state| state.name().to_owned())
        }
        (Field::EthSrc | Field::EthDst, _) => {
            let octets = value.to_be_bytes();
            let mac: Vec<String> = octets.iter().skip(10).map(|octet| format!("{octet:02x}")).collect();
            mac.join(":")
        }
        _ => value.to_string(),
    }
}

/// A pattern of TCP flags as [`parse`] reads it.
fn flag_words(pattern: BitMatch) -> String {
    let named = FLAGS.iter().fold(0, |all, (_, _, bit)| all | bit);
    if pattern.mask & !named != 0 || pattern.mask == 0 {
        return format!("{:#x}/{:#x}", pattern.value, pattern.mask);
    }
    let set = FLAGS.iter().filter(|(_, _, bit)| pattern.mask & bit != 0);
    let words = set
        .map(|(name, _, bit)| if pattern.value & bit == 0 { format!("!{name}") } else { (*name).to_owned() });
    words.collect::<Vec<_>>().join("+")
}
/// The bits of a flag's name, or of several in capital letters as packets are printed (`SA`).
pub(super) fn flag_bits(word: &str) -> Option<u128> {
    let named = FLAGS.iter().find(|(name, _, _)| *name == word).map(|(_, _, bits)| *bits);
    let letter = |c| FLAGS.iter().find(|(_, letter, _)| *letter == c).map(|(_, _, bits)| *bits);
    named.or_else(|| word.chars().try_fold(0, |all, c| Some(all | letter(c)?)))
}

pub(super) fn protocol(word: &str) -> Option<u32> {
    PROTOCOLS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

pub(super) fn unknown_word(word: &str) -> String {
    let near = FIELDS.iter().map(|info| (strsim::damerau_levenshtein(word, info.name), info.name)).min();
    match near {
        Some((distance, name)) if distance <= 2 => {
            format!("`{word}` is no field and no protocol; is `{name}` meant?")
        }
        _ => format!("`{word}` is no field and no protocol"),
    }
}
