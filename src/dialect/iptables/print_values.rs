//! Values of fields in the words of options: addresses, interfaces, flags, numbers, states, headers.

use super::lex::quote;
use super::print_cube::Reason;
use super::print_match::{FRAGMENT, Say, no_words, one};
use super::values::tcp_flag_words;
use crate::field::{Field, ext};
use crate::ir::{Interface, ValueSetRef};
use crate::net::{BitSet, IntervalSet, Intervals, Prefix4, Prefix6};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) fn range(low: u32, high: u32) -> String {
    if low == high { low.to_string() } else { format!("{low}:{high}") }
}

pub(super) fn addresses4(
    values: ValueSetRef<'_>,
    place: usize,
    option: &str,
    ranged: &str,
) -> Result<Vec<Say>, Reason> {
    let of_range = |not: &str, (low, high): (u32, u32)| {
        let cover = Prefix4::cover(low, high);
        if let [prefix] = cover.as_slice() {
            Say::Basic(place, format!("{not}{option} {prefix}"))
        } else {
            let (low, high) = (Ipv4Addr::from(low), Ipv4Addr::from(high));
            Say::Match(format!("-m iprange {not}{ranged} {low}-{high}"))
        }
    };
    match values {
        ValueSetRef::Ranges(set) => {
            let rest = set.complement(u32::MAX);
            let mut gaps = rest.ranges();
            if (set.ranges().len() > 1 || covers_more(set, rest.view()))
                && let (Some(gap), None) = (gaps.next(), gaps.next())
            {
                return Ok(vec![of_range("! ", gap)]);
            }
            Ok(set.ranges().map(|range| of_range("", range)).collect())
        }
        ValueSetRef::Bits(set) => Ok(patterns(set, |value, mask| {
            let part = |v: u128| Ipv4Addr::from(u32::try_from(v).unwrap_or(u32::MAX));
            Say::Basic(place, format!("{option} {}/{}", part(value), part(mask)))
        })),
        ValueSetRef::Wide(_) => Err("a wide set of addresses".into()),
    }
}

/// Whether a set of one range is better said by what it leaves out: it is no prefix, and the rest is one.
pub(super) fn covers_more(set: Intervals<'_, u32>, rest: Intervals<'_, u32>) -> bool {
    let prefix = |set: Intervals<'_, u32>| {
        set.ranges().len() == 1 && set.ranges().all(|(low, high)| Prefix4::cover(low, high).len() == 1)
    };
    !prefix(set) && prefix(rest)
}

pub(super) fn addresses6(
    values: ValueSetRef<'_>,
    place: usize,
    option: &str,
    ranged: &str,
) -> Result<Vec<Say>, Reason> {
    let of_range = |not: &str, (low, high): (u128, u128)| {
        let cover = Prefix6::cover(low, high);
        if let [prefix] = cover.as_slice() {
            Say::Basic(place, format!("{not}{option} {prefix}"))
        } else {
            let (low, high) = (Ipv6Addr::from(low), Ipv6Addr::from(high));
            Say::Match(format!("-m iprange {not}{ranged} {low}-{high}"))
        }
    };
    match values {
        ValueSetRef::Wide(set) => {
            let rest = set.complement(u128::MAX);
            let prefix = |set: Intervals<'_, u128>| {
                set.ranges().len() == 1
                    && set.ranges().all(|(low, high)| Prefix6::cover(low, high).len() == 1)
            };
            let mut gaps = rest.ranges();
            if (set.ranges().len() > 1 || (!prefix(set) && prefix(rest.view())))
                && let (Some(gap), None) = (gaps.next(), gaps.next())
            {
                return Ok(vec![of_range("! ", gap)]);
            }
            Ok(set.ranges().map(|range| of_range("", range)).collect())
        }
        ValueSetRef::Bits(set) => Ok(patterns(set, |value, mask| {
            Say::Basic(place, format!("{option} {}/{}", Ipv6Addr::from(value), Ipv6Addr::from(mask)))
        })),
        ValueSetRef::Ranges(_) => Err("a narrow set of addresses".into()),
    }
}

pub(super) fn patterns(set: &BitSet, say: impl Fn(u128, u128) -> Say) -> Vec<Say> {
    set.patterns().iter().map(|pattern| say(pattern.value, pattern.mask)).collect()
}

/// The name of an interface as the kernel takes it.
pub(super) fn interface(named: &Interface<'_>) -> Option<String> {
    let (stem, plus) = (named.text(), if matches!(named, Interface::Beginning(_)) { "+" } else { "" });
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '*' | '+' | '"' | '\\' | '\'' | '!');
    // What fits any name would be `+`, which is no condition and lets packets without an interface in.
    let fits = stem.len() + plus.len() <= 15 && stem.chars().all(plain) && !stem.starts_with('-');
    (fits && !stem.is_empty() && stem != "." && stem != "..").then(|| format!("{stem}{plus}"))
}

pub(super) fn interfaces(
    values: ValueSetRef<'_>,
    place: usize,
    option: &str,
    symbols: &[Box<str>],
) -> Result<Vec<Say>, Reason> {
    let Some(set) = values.as_ranges() else { return Err("a pattern of interfaces".into()) };
    if set.size() > 1_000 {
        return Err("every interface but some".into());
    }
    let name_of = |index: u32| symbols.get(index as usize).map(|name| &**name);
    let list = Interface::words_for(set, symbols).map_err(|index| match name_of(index) {
        Some(name) => format!("the interfaces of `{}` but some", name.escape_debug()),
        None => "an interface without a name".to_owned(),
    })?;
    let say = |index: u32| {
        let name = name_of(index).unwrap_or("");
        let named = Interface::of(name);
        let word = interface(&named).ok_or_else(|| match &named {
            Interface::Name(name) => format!("the interface `{}`", name.escape_debug()),
            Interface::Beginning(_) => format!("the interfaces of `{}`", name.escape_debug()),
        })?;
        Ok(Say::Basic(place, format!("{option} {word}")))
    };
    list.into_iter().map(say).collect()
}

pub(super) fn fragment(values: ValueSetRef<'_>, six: bool) -> Result<Vec<Say>, Reason> {
    let Some(set) = values.as_ranges() else { return Err("a pattern of fragment offsets".into()) };
    let first = set.as_single() == Some(0);
    let later = set == IntervalSet::range(1, 0x1fff).view();
    match (first, later, six) {
        (true, _, false) => Ok(vec![Say::Basic(FRAGMENT, "! -f".to_owned())]),
        (_, true, false) => Ok(vec![Say::Basic(FRAGMENT, "-f".to_owned())]),
        (true, _, true) => Ok(vec![
            Say::Match("-m ipv6header ! --header ipv6-frag --soft".to_owned()),
            Say::Match("-m frag --fragfirst".to_owned()),
        ]),
        (_, _, false) => header_word(Field::FragOff, values),
        _ => Err("fragment offsets of IPv6".into()),
    }
}

pub(super) fn flags(values: ValueSetRef<'_>, all: u128) -> Result<Vec<Say>, Reason> {
    let ValueSetRef::Bits(set) = values else {
        return match values.as_ranges() {
            Some(set) if set.size() > all => one("-m tcp"),
            _ => Err("values of the TCP flags with their reserved bits".into()),
        };
    };
    let small = |v: u128| u32::try_from(v).unwrap_or(u32::MAX);
    let list: Vec<(u32, u32)> = set.patterns().iter().map(|p| (small(p.value), small(p.mask))).collect();
    // Differs in one of several bits: the opposite of one comparison.
    if list.len() > 1 && list.iter().all(|(_, mask)| mask.is_power_of_two()) {
        let mask = list.iter().fold(0, |sum, (_, mask)| sum | mask);
        let compare = list.iter().fold(0, |sum, (value, mask)| sum | (!value & mask));
        if mask.count_ones() as usize == list.len() && mask <= 0x3f {
            return one(&format!(
                "-m tcp ! --tcp-flags {} {}",
                tcp_flag_words(mask),
                tcp_flag_words(compare)
            ));
        }
    }
    list.into_iter()
        .map(|(value, mask)| {
            if mask & !0xff != 0 {
                return Err("reserved bits beside the TCP flags".to_owned());
            }
            let mut words = String::new();
            if mask & 0x3f != 0 || mask == 0 {
                let (mask, value) = (tcp_flag_words(mask & 0x3f), tcp_flag_words(value & 0x3f));
                words = format!("-m tcp --tcp-flags {mask} {value}");
            }
            if mask & 0xc0 != 0 {
                words.push_str(if words.is_empty() { "-m ecn" } else { " -m ecn" });
                for (bit, option) in [(0x40, "--ecn-tcp-ece"), (0x80, "--ecn-tcp-cwr")] {
                    if mask & bit != 0 {
                        let not = if value & bit == 0 { "! " } else { "" };
                        // A string takes everything.
                        let _ = write!(words, " {not}{option}");
                    }
                }
            }
            Ok(Say::Match(words))
        })
        .collect()
}

pub(super) fn numbers(
    values: ValueSetRef<'_>,
    max: u32,
    top: u32,
    module: &str,
    option: &str,
) -> Result<Vec<Say>, Reason> {
    let Some(set) = values.as_ranges() else { return Err("a pattern of numbers".into()) };
    let said = |not: &str, (low, high): (u32, u32)| {
        let high = if high == top { max } else { high };
        Say::Match(format!("{module} {not}{option} {}", range(low, high)))
    };
    if set == IntervalSet::range(0, top).view() && option != "--length" {
        return one(module);
    }
    let rest = set.complement(top);
    let mut gaps = rest.ranges();
    if set.ranges().len() > 1
        && let (Some(gap), None) = (gaps.next(), gaps.next())
    {
        return Ok(vec![said("! ", gap)]);
    }
    let out: Vec<Say> = set.ranges().filter(|(low, _)| *low <= max).map(|range| said("", range)).collect();
    if set.ranges().any(|(low, high)| high != top && high > max || low > max) {
        return Err("lengths above 65535".into());
    }
    Ok(out)
}

pub(super) fn ttl(values: ValueSetRef<'_>, six: bool) -> Result<Vec<Say>, Reason> {
    let Some(set) = values.as_ranges() else { return Err("a pattern of the time to live".into()) };
    let name = if six { "hl" } else { "ttl" };
    if let Some(single) = set.complement(255).as_single() {
        return one(&match single {
            0 => format!("-m {name} --{name}-gt 0"),
            255 => format!("-m {name} --{name}-lt 255"),
            _ => format!("-m {name} ! --{name}-eq {single}"),
        });
    }
    Ok(set
        .ranges()
        .map(|(low, high)| {
            Say::Match(match (low, high) {
                (low, high) if low == high => format!("-m {name} --{name}-eq {low}"),
                (0, high) => format!("-m {name} --{name}-lt {}", high + 1),
                (low, 255) => format!("-m {name} --{name}-gt {}", low - 1),
                (low, high) => {
                    format!("-m {name} --{name}-gt {} -m {name} --{name}-lt {}", low - 1, high + 1)
                }
            })
        })
        .collect())
}

pub(super) fn mark(values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
    let said = |not: &str, value: u32| Say::Match(format!("-m mark {not}--mark {value:#x}"));
    match values {
        ValueSetRef::Ranges(set) => {
            if let Some(single) = set.complement(u32::MAX).as_single() {
                return Ok(vec![said("! ", single)]);
            }
            if set.size() > 256 {
                return Err("a range of marks".into());
            }
            Ok(set.ranges().flat_map(|(low, high)| low..=high).map(|value| said("", value)).collect())
        }
        ValueSetRef::Bits(set) => {
            Ok(patterns(set, |value, mask| Say::Match(format!("-m mark --mark {value:#x}/{mask:#x}"))))
        }
        ValueSetRef::Wide(_) => Err("a wide set of marks".into()),
    }
}

/// States in the order iptables-save writes them.
pub(super) const STATES: [(u32, &str); 5] =
    [(3, "INVALID"), (0, "NEW"), (2, "RELATED"), (1, "ESTABLISHED"), (4, "UNTRACKED")];

pub(super) fn states(values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
    let names: Vec<&str> =
        STATES.iter().filter(|(value, _)| values.contains((*value).into())).map(|(_, name)| *name).collect();
    if names.is_empty() {
        Ok(Vec::new())
    } else {
        one(&format!("-m conntrack --ctstate {}", names.join(",")))
    }
}

pub(super) fn mac(values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
    let ValueSetRef::Wide(set) = values else { return Err("a pattern of hardware addresses".into()) };
    let said = |not: &str, value: u128| {
        let octets: Vec<String> = (0..6).rev().map(|i| format!("{:02x}", value >> (8 * i) & 0xff)).collect();
        Say::Match(format!("-m mac {not}--mac-source {}", octets.join(":")))
    };
    if let Some(single) = set.complement((1 << 48) - 1).as_single() {
        return Ok(vec![said("! ", single)]);
    }
    if set.size() > 256 {
        return Err("a range of hardware addresses".into());
    }
    Ok(set.ranges().flat_map(|(low, high)| low..=high).map(|value| said("", value)).collect())
}

/// Names of extension headers.
pub(super) const HEADERS: [(u32, &str); 6] = [
    (ext::HOP_BY_HOP, "hop-by-hop"),
    (ext::ROUTING, "ipv6-route"),
    (ext::FRAGMENT, "ipv6-frag"),
    (ext::DESTINATION, "ipv6-opts"),
    (ext::AUTHENTICATION, "ah"),
    (ext::ESP, "esp"),
];

pub(super) fn headers(values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
    let ValueSetRef::Bits(set) = values else { return Err("sets of extension headers".into()) };
    let named = |bits: u128| -> Option<String> {
        let names: Vec<&str> =
            HEADERS.iter().filter(|(bit, _)| bits & u128::from(*bit) != 0).map(|(_, name)| *name).collect();
        let known = HEADERS.iter().fold(0, |sum, (bit, _)| sum | u128::from(*bit));
        (bits & !known == 0 && !names.is_empty()).then(|| names.join(","))
    };
    set.patterns()
        .iter()
        .map(|pattern| {
            let (has, lacks) = (pattern.value, pattern.mask & !pattern.value);
            let mut words = match has {
                0 => String::new(),
                _ if has == u128::from(ext::FRAGMENT) => "-m frag".to_owned(),
                _ if has == u128::from(ext::HOP_BY_HOP) => "-m hbh".to_owned(),
                _ if has == u128::from(ext::DESTINATION) => "-m dst".to_owned(),
                _ if has == u128::from(ext::ROUTING) => "-m rt".to_owned(),
                _ => {
                    let names = named(has).ok_or("extension headers that iptables does not name")?;
                    format!("-m ipv6header --header {names} --soft")
                }
            };
            if lacks != 0 {
                let names = named(lacks).ok_or("extension headers that iptables does not name")?;
                if !words.is_empty() {
                    return Err("extension headers some of which are there".to_owned());
                }
                // A string takes everything.
                let _ = write!(words, "-m ipv6header ! --header {names} --soft");
            }
            Ok(Say::Match(words))
        })
        .collect()
}

/// Fields of the IPv4 header that only u32 can name.
pub(super) fn header_word(field: Field, values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
    // The word to load, the mask and how far it is moved.
    let (offset, mask, shift) = match field {
        Field::HdrLen => (0, 0x0f00_0000_u32, 24),
        Field::IpId => (4, 0xffff_0000, 16),
        Field::ReservedFlag => (4, 0x8000, 15),
        Field::Df => (4, 0x4000, 14),
        Field::Mf => (4, 0x2000, 13),
        Field::FragOff => (4, 0x1fff, 0),
        Field::IsFragHeader => return Ok(vec![Say::Match(String::new())]),
        _ => return Err(no_words(field)),
    };
    let Some(set) = values.as_ranges() else { return Err(no_words(field)) };
    let list: Vec<String> = set
        .ranges()
        .map(|(low, high)| if low == high { format!("{low:#x}") } else { format!("{low:#x}:{high:#x}") })
        .collect();
    if list.len() > 10 {
        return Err(no_words(field));
    }
    let moved = if shift == 0 { String::new() } else { format!(">>{shift}") };
    one(&format!("-m u32 --u32 {}", quote(&format!("{offset:#x}&{mask:#x}{moved}={}", list.join(",")))))
}

#[cfg(test)]
mod tests {
    use super::interface;

    #[test]
    fn an_interface_that_fits_any_name_is_not_written() {
        let word = |symbol| interface(&crate::ir::Interface::of(symbol));
        assert_eq!((word("*"), word("eth*"), word("eth\\*")), (None, Some("eth+".to_owned()), None));
    }
}
