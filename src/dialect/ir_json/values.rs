//! Values of fields as people write them: addresses and prefixes, ranges, interfaces by name. Both ways.

use super::findings::shown;
use crate::field::Field;
use crate::ir::{ValueSet, ValueSetRef};
use crate::net::{BitMatch, BitSet, IntervalSet, Intervals};
use std::collections::HashSet;
use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

/// How one value of a field is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A number.
    Number,
    /// A number of more than 32 bits: hex in a string.
    Hex,
    /// An IPv4 address.
    Ip4,
    /// An IPv6 address.
    Ip6,
    /// A MAC address.
    Mac,
    /// The name of a symbol of the document, or its index.
    Symbol,
}

impl Form {
    /// The form of a field. Every field of the table has one, by its width where by nothing else.
    pub(super) fn of(field: Field) -> Self {
        match field {
            Field::Src4 | Field::Dst4 => Self::Ip4,
            Field::Src6 | Field::Dst6 => Self::Ip6,
            Field::EthSrc | Field::EthDst => Self::Mac,
            Field::InIface | Field::OutIface => Self::Symbol,
            field if field.is_wide() => Self::Hex,
            _ => Self::Number,
        }
    }

    /// What a value looks like, for messages.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Number => "a number as `80`, or a range as `\"1024-65535\"`",
            Self::Hex => "hex as `\"0xff\"`, or a range as `\"0x10-0x1f\"`",
            Self::Ip4 => {
                "an address, a prefix or a range, as `\"192.0.2.0/24\"` or `\"192.0.2.1-192.0.2.9\"`"
            }
            Self::Ip6 => "an address, a prefix or a range, as `\"2001:db8::/32\"`",
            Self::Mac => "an address or a range, as `\"00:00:5e:00:53:01\"`",
            Self::Symbol => "the name of an interface, its index, or a range of them as `[1, 4]`",
        }
    }

    /// Bits of an address; none where a value is none.
    fn bits(self) -> Option<u32> {
        match self {
            Self::Ip4 => Some(32),
            Self::Ip6 => Some(128),
            Self::Number | Self::Hex | Self::Mac | Self::Symbol => None,
        }
    }

    /// One value of a text; hex is understood everywhere.
    pub(super) fn scalar(self, text: &str) -> Option<u128> {
        if let Some(digits) = text.strip_prefix("0x") {
            return is_plain(digits, 16).then(|| u128::from_str_radix(digits, 16).ok()).flatten();
        }
        match self {
            Self::Ip4 => text.parse::<Ipv4Addr>().ok().map(|addr| addr.to_bits().into()),
            Self::Ip6 => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
            Self::Mac => mac(text),
            Self::Number | Self::Hex | Self::Symbol => {
                is_plain(text, 10).then(|| text.parse().ok()).flatten()
            }
        }
    }

    /// Writes one value.
    pub(super) fn write(self, value: u128, out: &mut dyn Write) -> fmt::Result {
        match (self, u32::try_from(value)) {
            (Self::Number | Self::Symbol, Ok(value)) => write!(out, "{value}"),
            (Self::Ip4, Ok(value)) => write!(out, "{}", Ipv4Addr::from_bits(value)),
            (Self::Ip6, _) => write!(out, "{}", Ipv6Addr::from_bits(value)),
            (Self::Mac, _) if value < 1 << 48 => {
                let octet = |n: u32| value >> (40 - 8 * n) & 0xff;
                (0..6).try_for_each(|n| write!(out, "{}{:02x}", if n > 0 { ":" } else { "" }, octet(n)))
            }
            (Self::Number | Self::Symbol | Self::Ip4 | Self::Mac | Self::Hex, _) => write!(out, "{value:#x}"),
        }
    }
}

fn is_plain(digits: &str, radix: u32) -> bool {
    !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))
}

fn mac(text: &str) -> Option<u128> {
    let mut parts = text.split(':');
    let mut value = 0;
    for _ in 0..6 {
        let part = parts.next().filter(|part| part.len() == 2 && is_plain(part, 16))?;
        value = value << 8 | u128::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(value)
}

/// A range that a text stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) lo: u128,
    pub(super) hi: u128,
    /// Bits of the address behind the prefix length.
    pub(super) host_bits: bool,
}

/// Reads a value, a range or a prefix.
pub(super) fn range(form: Form, text: &str) -> Result<Range, String> {
    let wrong = || format!("`{}` is no value of the field", shown(text));
    let plain = |lo, hi| Range { lo, hi, host_bits: false };
    if let Some((addr, length)) = text.split_once('/') {
        let width = form.bits().ok_or_else(wrong)?;
        let addr = form.scalar(addr).ok_or_else(wrong)?;
        let length: u32 =
            Some(length).filter(|l| is_plain(l, 10)).and_then(|l| l.parse().ok()).ok_or_else(wrong)?;
        if length > width {
            return Err(format!("`{}` has more bits than the address: at most {width}", shown(text)));
        }
        // Bits behind the prefix; a shift by the whole width is all of them.
        let rest = low_bits(width - length);
        return Ok(Range { lo: addr & !rest, hi: addr | rest, host_bits: addr & rest != 0 });
    }
    if let Some(value) = form.scalar(text) {
        return Ok(plain(value, value));
    }
    let (lo, hi) = text.split_once('-').ok_or_else(wrong)?;
    Ok(plain(form.scalar(lo).ok_or_else(wrong)?, form.scalar(hi).ok_or_else(wrong)?))
}

fn low_bits(count: u32) -> u128 {
    1_u128.checked_shl(count).map_or(u128::MAX, |bit| bit - 1)
}

/// Reads a ternary pattern, value and mask.
pub(super) fn pattern(form: Form, text: &str) -> Option<BitMatch> {
    let (value, mask) = text.split_once('/')?;
    let (value, mask) = (form.scalar(value)?, form.scalar(mask)?);
    (value & !mask == 0).then(|| BitMatch::new(value, mask))
}

/// Writes a range as [`range`] reads it.
fn write_range(form: Form, lo: u128, hi: u128, out: &mut dyn Write) -> fmt::Result {
    form.write(lo, out)?;
    if lo == hi {
        return Ok(());
    }
    if let Some(length) = form.bits().and_then(|width| prefix_length(lo, hi, width)) {
        return write!(out, "/{length}");
    }
    out.write_char('-')?;
    form.write(hi, out)
}

/// The length of the prefix that a range is; none where it is none.
fn prefix_length(lo: u128, hi: u128, width: u32) -> Option<u32> {
    let rest = lo ^ hi;
    let free = 128 - rest.leading_zeros();
    (free <= width && rest == low_bits(free) && lo & rest == 0).then(|| width - free)
}

/// How many names are written for one range of symbols; a larger one is written with its indices.
const NAMES: u32 = 256;

/// The symbols of a document.
#[derive(Debug)]
pub(super) struct Symbols<'a> {
    names: &'a [Box<str>],
    // Whether a name stands for its index: one that stands twice is read as the first of the two.
    is_first: Vec<bool>,
}

impl<'a> Symbols<'a> {
    pub(super) fn new(names: &'a [Box<str>]) -> Self {
        let mut seen = HashSet::new();
        Self { names, is_first: names.iter().map(|name| seen.insert(name)).collect() }
    }

    fn name(&self, index: u32) -> Option<&'a str> {
        let is_first = self.is_first.get(index as usize).copied().unwrap_or(false);
        self.names.get(index as usize).filter(|_| is_first).map(|name| &**name)
    }
}

/// Writes the values of a test.
pub(super) fn write(
    field: Field,
    values: ValueSetRef<'_>,
    symbols: &Symbols<'_>,
    out: &mut dyn Write,
) -> fmt::Result {
    let form = Form::of(field);
    match values {
        ValueSetRef::Ranges(set) if form == Form::Symbol => write_symbols(set, symbols, out),
        ValueSetRef::Ranges(set) if field.is_wide() => {
            out.write_str("{\"narrow\": ")?;
            write_list(Form::Number, set.ranges().map(|(lo, hi)| (lo.into(), hi.into())), out)?;
            out.write_char('}')
        }
        ValueSetRef::Ranges(set) => {
            write_list(form, set.ranges().map(|(lo, hi)| (lo.into(), hi.into())), out)
        }
        ValueSetRef::Wide(set) if field.is_wide() => write_list(form, set.ranges(), out),
        ValueSetRef::Wide(set) => {
            out.write_str("{\"wide\": ")?;
            write_list(Form::Hex, set.ranges(), out)?;
            out.write_char('}')
        }
        ValueSetRef::Bits(set) => {
            out.write_str("{\"bits\": [")?;
            for (index, pattern) in set.patterns().iter().enumerate() {
                out.write_str(if index > 0 { ", \"" } else { "\"" })?;
                write_pattern(form, *pattern, out)?;
                out.write_char('"')?;
            }
            out.write_str("]}")
        }
    }
}

fn write_pattern(form: Form, pattern: BitMatch, out: &mut dyn Write) -> fmt::Result {
    // Masks of numbers say nothing in decimal.
    let form = if matches!(form, Form::Number | Form::Symbol) { Form::Hex } else { form };
    form.write(pattern.value, out)?;
    out.write_char('/')?;
    form.write(pattern.mask, out)
}

/// One value by itself, several in a list.
fn write_list(
    form: Form,
    ranges: impl ExactSizeIterator<Item = (u128, u128)>,
    out: &mut dyn Write,
) -> fmt::Result {
    let several = ranges.len() != 1;
    if several {
        out.write_char('[')?;
    }
    for (index, (lo, hi)) in ranges.enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        if lo == hi && form == Form::Number && u32::try_from(lo).is_ok() {
            write!(out, "{lo}")?;
        } else {
            out.write_char('"')?;
            write_range(form, lo, hi, out)?;
            out.write_char('"')?;
        }
    }
    if several { out.write_char(']') } else { Ok(()) }
}

/// Symbols by their names. All but a few are written as what they leave out.
fn write_symbols(set: Intervals<'_, u32>, symbols: &Symbols<'_>, out: &mut dyn Write) -> fmt::Result {
    if set.max() == Some(u32::MAX) {
        out.write_str("{\"except\": [")?;
        write_names(set.complement(u32::MAX).view(), symbols, out)?;
        return out.write_str("]}");
    }
    out.write_char('[')?;
    write_names(set, symbols, out)?;
    out.write_char(']')
}

fn write_names(set: Intervals<'_, u32>, symbols: &Symbols<'_>, out: &mut dyn Write) -> fmt::Result {
    let mut first = true;
    let mut comma =
        |out: &mut dyn Write| if std::mem::take(&mut first) { Ok(()) } else { out.write_str(", ") };
    for (lo, hi) in set.ranges() {
        let is_named = hi - lo < NAMES && (lo..=hi).all(|index| symbols.name(index).is_some());
        if is_named {
            for name in (lo..=hi).filter_map(|index| symbols.name(index)) {
                comma(out)?;
                write_text(name, out)?;
            }
        } else if lo == hi {
            comma(out)?;
            write!(out, "{lo}")?;
        } else {
            comma(out)?;
            write!(out, "[{lo}, {hi}]")?;
        }
    }
    Ok(())
}

/// Writes a string. What could end it, break its line or hide in it is an escape.
pub(super) fn write_text(text: &str, out: &mut dyn Write) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.find(needs_escape) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.write_str(before)?;
        let mut characters = after.chars();
        match characters.next() {
            Some('\n') => out.write_str("\\n")?,
            Some('\t') => out.write_str("\\t")?,
            Some(c @ ('"' | '\\')) => write!(out, "\\{c}")?,
            Some(c) => {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
            }
            None => {}
        }
        rest = characters.as_str();
    }
    out.write_str(rest)?;
    out.write_char('"')
}

fn needs_escape(c: char) -> bool {
    let is_hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    matches!(c, '"' | '\\') || c.is_control() || is_hidden
}

/// The set of some ranges, in the representation a field usually has.
pub(super) fn usual(field: Field, ranges: &[(u128, u128)]) -> ValueSet {
    if field.is_wide() { wide(ranges) } else { narrow(ranges) }
}

/// The set of some ranges of up to 32 bits; what is above is left out.
pub(super) fn narrow(ranges: &[(u128, u128)]) -> ValueSet {
    let clamp = |value: u128| u32::try_from(value).unwrap_or(u32::MAX);
    let fits = ranges.iter().filter(|(lo, _)| *lo <= u128::from(u32::MAX));
    ValueSet::Ranges(IntervalSet::from_ranges(fits.map(|(lo, hi)| (clamp(*lo), clamp(*hi)))))
}

/// The set of some ranges.
pub(super) fn wide(ranges: &[(u128, u128)]) -> ValueSet {
    ValueSet::Wide(Box::new(IntervalSet::from_ranges(ranges.iter().copied())))
}

/// The set of some patterns.
pub(super) fn bits(patterns: Vec<BitMatch>) -> ValueSet {
    ValueSet::from(BitSet::new(patterns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(field: Field, values: ValueSetRef<'_>) -> String {
        let mut out = String::new();
        let symbols = ["eth0".into(), "lo".into(), "eth0".into()];
        write(field, values, &Symbols::new(&symbols), &mut out).unwrap();
        out
    }

    #[test]
    fn values_are_written_as_people_write_them() {
        let ranges = |list: &[(u32, u32)]| ValueSet::from(IntervalSet::from_ranges(list.iter().copied()));
        let wide = |list: &[(u128, u128)]| ValueSet::from(IntervalSet::from_ranges(list.iter().copied()));
        let one = 0xc000_0201;
        for (field, values, expected) in [
            (Field::Dport, ranges(&[(80, 80)]), "80"),
            (Field::Dport, ranges(&[(80, 80), (1024, 65535)]), r#"[80, "1024-65535"]"#),
            (Field::Dport, ranges(&[]), "[]"),
            (Field::Dport, wide(&[(80, 80)]), r#"{"wide": "0x50"}"#),
            (Field::Src4, ranges(&[(one & !0xff, one | 0xff)]), r#""192.0.2.0/24""#),
            (
                Field::Src4,
                ranges(&[(one, one), (one + 2, one + 4)]),
                r#"["192.0.2.1", "192.0.2.3-192.0.2.5"]"#,
            ),
            (Field::Src4, ranges(&[(0, u32::MAX)]), r#""0.0.0.0/0""#),
            (Field::Src4, ValueSet::bits(0x0a00_0001, 0xff00_00ff), r#"{"bits": ["10.0.0.1/255.0.0.255"]}"#),
            (Field::Src6, wide(&[(0, u128::MAX)]), r#""::/0""#),
            (Field::Src6, ranges(&[(1, 2)]), r#"{"narrow": "1-2"}"#),
            (
                Field::EthSrc,
                wide(&[(1, 1), (1 << 48, 1 << 48)]),
                r#"["00:00:00:00:00:01", "0x1000000000000"]"#,
            ),
            (Field::TcpFlags, ValueSet::bits(2, 0x12), r#"{"bits": ["0x2/0x12"]}"#),
            (Field::InIface, ranges(&[(0, 1)]), r#"["eth0", "lo"]"#),
            (Field::InIface, ranges(&[(1, 2), (7, 9)]), "[[1, 2], [7, 9]]"),
            (Field::InIface, ranges(&[(0, 0), (2, u32::MAX)]), r#"{"except": ["lo"]}"#),
        ] {
            assert_eq!(written(field, values.view()), expected);
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let wrong = |form: Form, text: &str| assert!(range(form, text).is_err(), "{text}");
        for text in [
            "",
            "-",
            "1-",
            "+1",
            " 1",
            "1.5",
            "0x",
            "0xg",
            "1-2-3",
            "1/2",
            "99999999999999999999999999999999999999999",
        ] {
            wrong(Form::Number, text);
        }
        for text in ["10.0.0", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/", "::/0", "010.0.0.1"] {
            wrong(Form::Ip4, text);
        }
        for text in ["00:00:5e:00:53", "00:00:5e:00:53:01:02", "0:0:5e:0:53:1"] {
            wrong(Form::Mac, text);
        }
        assert_eq!(
            range(Form::Ip4, "10.0.0.1/8"),
            Ok(Range { lo: 10 << 24, hi: 10 << 24 | 0xff_ffff, host_bits: true })
        );
        assert_eq!(pattern(Form::Number, "0x3/0x1"), None);
    }
}
