//! Terms to the lines of an access list, with the object groups that sets of addresses and ports need.

use super::condition::{LAST_OFFSET, later};
use super::print_groups::{Groups, address, ports};
use super::print_terms::{Term, ranges};
use crate::field::{Field, ext};
use crate::ir::{ValueSet, ValueSetRef};
use crate::net::{BitMatch, IntervalSet, Intervals};

type Set = IntervalSet<u32>;
type Result<T> = std::result::Result<T, String>;

/// Most lines one rule may become.
const LINES: usize = 4096;

/// Lines of one rule, and what they do not say.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// What stands behind `permit` or `deny`.
    pub(super) lines: Vec<String>,
    /// What is lost of the meaning.
    pub(super) lost: Vec<&'static str>,
}

/// Writes one term of a rule.
pub(super) fn write(
    mut term: Term,
    permit: bool,
    six: bool,
    groups: &mut Groups,
    out: &mut Written,
) -> Result<()> {
    raw(&mut term, six, out)?;
    // Without addresses an extension header reads the same behind them, where it has a word.
    if let Some(bit @ (ext::AUTHENTICATION | ext::DESTINATION | ext::ROUTING | ext::HOP_BY_HOP)) =
        term.first_header
        && term.source.is_none()
        && term.destination.is_none()
    {
        term.first_header = None;
        term.three.insert(0, (Field::ExtHdrs, IntervalSet::single(bit)));
    }
    let Some(protocols) = protocols(&term, six, out)? else { return Ok(()) };
    if term.located && !term.has_four() {
        return Err("that the transport header is there".to_owned());
    }
    if !fragments(&mut term, permit) {
        return Ok(());
    }
    let source = address(term.source.as_ref().map(ValueSet::view), six, groups);
    let destination = address(term.destination.as_ref().map(ValueSet::view), six, groups);
    let source_ports = ports(term.source_ports.as_ref().map(Set::view), groups);
    let destination_ports = ports(term.destination_ports.as_ref().map(Set::view), groups);
    let mut tails = vec![String::new()];
    for part in three(&term, six)?.into_iter().chain(four(&term)?) {
        if part.len().saturating_mul(tails.len()) > LINES {
            return Err("too many values for the lines of one rule".to_owned());
        }
        tails =
            tails.iter().flat_map(|tail| part.iter().map(move |words| format!("{tail} {words}"))).collect();
    }
    let words = term.words.iter().fold(String::new(), |all, words| all + " " + words);
    if tails.len().saturating_mul(protocols.len()) > LINES {
        return Err("too many values for the lines of one rule".to_owned());
    }
    for protocol in &protocols {
        for tail in &tails {
            out.lines.push(format!(
                "{protocol} {source}{source_ports} {destination}{destination_ports}{tail}{words}"
            ));
        }
    }
    Ok(())
}

/// Octets behind the header are fields of a transport header where protocol and offset say so.
fn raw(term: &mut Term, six: bool, out: &mut Written) -> Result<()> {
    if term.raw.is_empty() {
        return Ok(());
    }
    let of = |protocols: &[u32]| {
        let all = IntervalSet::from_ranges(protocols.iter().map(|p| (*p, *p)));
        term.protocol.as_ref().is_some_and(|set| set.is_subset(&all))
    };
    let icmp = if six { 58 } else { 1 };
    let (ports, tcp, types) = (of(&[6, 17, 33, 132, 136]), of(&[6]), of(&[icmp]));
    for (field, values) in std::mem::take(&mut term.raw) {
        let set = ranges(values.view(), 0xffff);
        let whole = |max: u32| set.clone().map(|set| set.intersection(&IntervalSet::range(0, max)));
        match field {
            Field::RawPort0 | Field::RawPort1 if ports => {
                let set = whole(0xffff).ok_or("a bit pattern of ports")?;
                let place = if field == Field::RawPort0 {
                    &mut term.source_ports
                } else {
                    &mut term.destination_ports
                };
                *place = Some(place.as_ref().map_or_else(|| set.clone(), |known| known.intersection(&set)));
            }
            Field::RawOctet13 if tcp => term.four.push((Field::TcpFlags, values)),
            Field::RawOctet0 | Field::RawOctet1 if types => {
                let set = whole(0xff).ok_or("a bit pattern of types")?;
                let field = match (field, six) {
                    (Field::RawOctet0, false) => Field::IcmpType,
                    (_, false) => Field::IcmpCode,
                    (Field::RawOctet0, true) => Field::Icmp6Type,
                    (_, true) => Field::Icmp6Code,
                };
                term.four.push((field, ValueSet::from(set)));
            }
            other => {
                return Err(format!("`{}` without a protocol that says what they are", other.info().title));
            }
        }
    }
    let first = term.three.iter().any(|(field, set)| *field == Field::FragOff && set.max() == Some(0));
    if !first || six {
        out.lost.push("what the octets behind the header of later fragments would match; they do not match");
    }
    Ok(())
}

/// The words for the protocols; none where no packet is left.
fn protocols(term: &Term, six: bool, out: &mut Written) -> Result<Option<Vec<String>>> {
    let every = if six { "ipv6" } else { "ipv4" };
    let mut set = term.protocol.clone();
    let mut narrow = |wanted: &[u32]| {
        let wanted = IntervalSet::from_ranges(wanted.iter().map(|p| (*p, *p)));
        set = Some(set.as_ref().map_or_else(|| wanted.clone(), |set| set.intersection(&wanted)));
    };
    if term.source_ports.is_some() || term.destination_ports.is_some() {
        narrow(&[6, 17, 33, 132, 136]);
    }
    for (field, _) in &term.four {
        narrow(match field {
            Field::TcpFlags => &[6],
            Field::IcmpType | Field::IcmpCode => &[1],
            Field::Icmp6Type | Field::Icmp6Code => &[58],
            _ => &[2],
        });
    }
    if six && let Some(known) = &set {
        // These are never the upper-layer protocol.
        let headers = [0, 43, 44, 51, 60, 135, 139, 140].map(|p| (p, p));
        set = Some(known.difference(&IntervalSet::from_ranges(headers)));
    }
    if (term.source_ports.is_some() || term.destination_ports.is_some())
        && let Some(known) = &set
        && (known.contains(33) || known.contains(136))
    {
        out.lost.push("ports of DCCP and UDP-Lite, which entries do not look at");
        set = Some(known.intersection(&IntervalSet::from_ranges([(6, 6), (17, 17), (132, 132)])));
    }
    let Some(set) = set else {
        let word = term.first_header.map(|bit| header(bit).ok_or("an extension header without a number"));
        return Ok(Some(vec![
            word.transpose()?.map_or_else(|| every.to_owned(), |number| number.to_string()),
        ]));
    };
    if set.is_empty() {
        return Ok(None);
    }
    let numbers = set.ranges().flat_map(|(lo, hi)| lo..=hi.min(255));
    Ok(Some(numbers.map(|number| protocol(number, six)).collect()))
}

fn protocol(number: u32, six: bool) -> String {
    match number {
        1 if !six => "icmp".to_owned(),
        2 if !six => "igmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 if six => "icmpv6".to_owned(),
        132 => "sctp".to_owned(),
        number => number.to_string(),
    }
}

/// The protocol number of an extension header.
fn header(bit: u32) -> Option<u8> {
    (0..=u8::MAX).find(|number| ext::walked(*number) == Some(bit))
}

/// Where ports and types are asked for, a permit also takes later fragments unless the offset is said to be 0.
/// False where no packet is left.
fn fragments(term: &mut Term, permit: bool) -> bool {
    if !permit || !term.has_four() || term.permissive {
        return true;
    }
    let first = IntervalSet::single(0);
    if let Some((_, set)) = term.three.iter_mut().find(|(field, _)| *field == Field::FragOff) {
        *set = set.intersection(&first);
        return !set.is_empty();
    }
    term.three.push((Field::FragOff, first));
    true
}

/// A set as one operator: `eq`, `neq`, `lt`, `gt`, `range`.
pub(super) fn operator(set: Intervals<'_, u32>, max: u32) -> Option<String> {
    let rest = set.complement(max);
    if let Some(value) = set.as_single() {
        return Some(format!("eq {value}"));
    }
    if let Some(value) = rest.as_single() {
        // At the ends `neq` is a range too; written as one it reads the same.
        return Some(format!("neq {value}"));
    }
    let (lo, hi) = set.ranges().next().filter(|_| set.ranges().len() == 1)?;
    Some(if lo == 0 && hi < max {
        format!("lt {}", hi + 1)
    } else if lo > 0 && hi == max {
        format!("gt {}", lo - 1)
    } else {
        format!("range {lo} {hi}")
    })
}

/// What stands behind the addresses, each part with its alternatives.
fn three(term: &Term, six: bool) -> Result<Vec<Vec<String>>> {
    let mut parts = Vec::new();
    let get = |wanted: Field| term.three.iter().find(|(field, _)| *field == wanted).map(|(_, set)| set);
    let (offset, more) = (get(Field::FragOff), get(Field::Mf));
    let count = term.three.len();
    for ((field, set), place) in term.three.iter().zip(1..) {
        let max = u32::try_from(field.info().max).unwrap_or(u32::MAX);
        let numbers = |word: &str, max: u32| -> Vec<String> {
            if let Some(words) = operator(set.view(), max) {
                vec![format!("{word} {words}")]
            } else {
                let each = set.ranges().map(|(lo, hi)| {
                    if lo == hi { format!("{word} eq {lo}") } else { format!("{word} range {lo} {hi}") }
                });
                each.collect()
            }
        };
        let one = |words: &str| vec![words.to_owned()];
        parts.push(match field {
            Field::Dscp if get(Field::Ecn).is_some() => continue,
            Field::Dscp => numbers("dscp", max),
            Field::Ecn => traffic_class(get(Field::Dscp), set),
            Field::Ttl => numbers("ttl", max),
            Field::Len => lengths(set, six)?,
            Field::VlanId => numbers("vlan", max),
            Field::FlowLabel => numbers("flow-label", max),
            Field::FragOff if more.is_some() => continue,
            Field::FragOff if later() == ValueSet::from(set.clone()) => {
                let last = place == count && !term.has_four() && term.words.is_empty();
                one(if last { "fragments" } else { "fragment-type is-fragment" })
            }
            Field::FragOff => numbers("fragment-offset", LAST_OFFSET),
            Field::Mf => match (offset, set.as_single()) {
                (Some(offset), Some(1)) if offset.as_single() == Some(0) => {
                    one("fragment-type first-fragment")
                }
                (Some(offset), Some(0)) if later() == ValueSet::from(offset.clone()) => {
                    one("fragment-type last-fragment")
                }
                _ => return Err("a condition on `more-fragments flag`".to_owned()),
            },
            Field::Df if set.as_single() == Some(1) => one("fragment-type dont-fragment"),
            Field::ExtHdrs => match set.as_single() {
                Some(ext::AUTHENTICATION) => one("authen"),
                Some(ext::DESTINATION) => one("destopts"),
                Some(ext::ROUTING) => one("routing"),
                Some(ext::HOP_BY_HOP) => one("hop-by-hop"),
                _ => return Err("a condition on `extension headers`".to_owned()),
            },
            other => return Err(format!("a condition on `{}`", other.info().title)),
        });
    }
    Ok(parts)
}

// Operands end at 65,535; packets of IPv6 may be 40 octets longer.
fn lengths(set: &Set, six: bool) -> Result<Vec<String>> {
    let max = if six { u32::try_from(Field::Len.info().max).unwrap_or(u32::MAX) } else { 0xffff };
    if let Some(value) = set.complement(max).as_single().filter(|value| *value <= 0xffff) {
        return Ok(vec![format!("packet-length neq {value}")]);
    }
    let one = |(lo, hi): (u32, u32)| match (lo, hi) {
        _ if lo == hi && lo <= 0xffff => Ok(format!("packet-length eq {lo}")),
        (1..=0x1_0000, _) if hi == max => Ok(format!("packet-length gt {}", lo - 1)),
        (0, 0..0xffff) => Ok(format!("packet-length lt {}", hi + 1)),
        (_, 0..=0xffff) => Ok(format!("packet-length range {lo} {hi}")),
        _ => Err("a length of more than 65,535 octets".to_owned()),
    };
    set.ranges().map(one).collect()
}

// A code point and the two bits below it.
fn traffic_class(dscp: Option<&Set>, ecn: &Set) -> Vec<String> {
    let all = IntervalSet::range(0, 63);
    let points = dscp.unwrap_or(&all).ranges().flat_map(|(lo, hi)| lo..=hi);
    let octets = points.flat_map(|dscp| ecn.ranges().map(move |(lo, hi)| (dscp << 2 | lo, dscp << 2 | hi)));
    let set = IntervalSet::from_ranges(octets);
    let one = |(lo, hi)| {
        if lo == hi { format!("traffic-class eq {lo}") } else { format!("traffic-class range {lo} {hi}") }
    };
    set.ranges().map(one).collect()
}

fn four(term: &Term) -> Result<Vec<Vec<String>>> {
    let mut parts = Vec::new();
    let code = term.four.iter().find(|(f, _)| matches!(f, Field::IcmpCode | Field::Icmp6Code));
    let code = code.map(|(_, values)| values.view());
    let has_type = term.four.iter().any(|(f, _)| matches!(f, Field::IcmpType | Field::Icmp6Type));
    for (field, values) in &term.four {
        match field {
            Field::TcpFlags => parts.push(flags(values.view())?),
            Field::IcmpType | Field::Icmp6Type => parts.push(types(Some(values.view()), code)?),
            Field::IcmpCode | Field::Icmp6Code if has_type => {}
            Field::IcmpCode | Field::Icmp6Code => parts.push(types(None, code)?),
            _ => parts.push(types(Some(values.view()), None)?),
        }
    }
    Ok(parts)
}

fn types(types: Option<ValueSetRef<'_>>, codes: Option<ValueSetRef<'_>>) -> Result<Vec<String>> {
    let all = IntervalSet::range(0, 255);
    let set = |values: Option<ValueSetRef<'_>>| match values {
        Some(values) => ranges(values, 255).ok_or_else(|| "a bit pattern of types".to_owned()),
        None => Ok(all.clone()),
    };
    let kinds = set(types)?;
    let Some(codes) = codes else {
        let one = |(lo, hi)| if lo == hi { format!("{lo}") } else { format!("range {lo} {hi}") };
        return Ok(kinds.ranges().map(one).collect());
    };
    let codes = set(Some(codes))?;
    if kinds.size().saturating_mul(codes.size()) > LINES as u128 {
        return Err("too many codes for the lines of one rule".to_owned());
    }
    let each = |set: &Set| set.ranges().flat_map(|(lo, hi)| lo..=hi).collect::<Vec<_>>();
    let codes = each(&codes);
    Ok(each(&kinds).iter().flat_map(|kind| codes.iter().map(move |code| format!("{kind} {code}"))).collect())
}

/// TCP flags: `established`, bare flags, `match-any`, or a `match-all` for each pattern.
fn flags(values: ValueSetRef<'_>) -> Result<Vec<String>> {
    let ValueSetRef::Bits(set) = values else { return Err("TCP flags as numbers".to_owned()) };
    let patterns = set.patterns();
    if patterns.iter().any(|pattern| pattern.mask & !0x3f != 0) {
        return Err("TCP flags beyond the six that have names".to_owned());
    }
    let names = |pattern: &BitMatch, sign: bool| -> String {
        let named = [(1, "fin"), (2, "syn"), (4, "rst"), (8, "psh"), (16, "ack"), (32, "urg")];
        let asked = named.into_iter().filter(|(bit, _)| pattern.mask & bit != 0);
        let words = asked.map(|(bit, name)| match (sign, pattern.value & bit != 0) {
            (false, _) => name.to_owned(),
            (true, true) => format!("+{name}"),
            (true, false) => format!("-{name}"),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let single = |pattern: &BitMatch| pattern.mask.is_power_of_two();
    if let [BitMatch { mask: 4, value: 4 }, BitMatch { mask: 16, value: 16 }] = patterns {
        return Ok(vec!["established".to_owned()]);
    }
    match patterns {
        [one] if one.mask == 0 => Err("that there are TCP flags".to_owned()),
        [one] if one.mask == one.value => Ok(vec![names(one, false)]),
        [_, _, ..] if patterns.iter().all(single) => {
            let words: Vec<String> = patterns.iter().map(|pattern| names(pattern, true)).collect();
            Ok(vec![format!("match-any {}", words.join(" "))])
        }
        _ => Ok(patterns.iter().map(|pattern| format!("match-all {}", names(pattern, true))).collect()),
    }
}
