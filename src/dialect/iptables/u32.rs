//! `-m u32`: words of the packet compared with ranges. What stays inside the IPv4 header and takes the whole of a
//! field, or bits of one, is modelled; the rest is payload.
//!
//! `LOCATION = VALUES [&& ..]`; a location is an offset with `& mask`, `>> bits`, `<< bits` and `@ offset`.

use super::lower::Reader;
use super::spec::{Spec, push};
use crate::field::{Family, Field};
use crate::guard::{Meter, limits};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet};
use crate::source::Span;

/// Fields of the IPv4 header by their first bit.
const LAYOUT: [(u32, Field); 12] = [
    (0, Field::IpVersion),
    (4, Field::HdrLen),
    (8, Field::Dscp),
    (14, Field::Ecn),
    (16, Field::Len),
    (32, Field::IpId),
    (48, Field::ReservedFlag),
    (49, Field::Df),
    (50, Field::Mf),
    (51, Field::FragOff),
    (64, Field::Ttl),
    (72, Field::Proto),
];
const ADDRESSES: [(u32, Field); 2] = [(96, Field::Src4), (128, Field::Dst4)];

impl Reader<'_> {
    pub(super) fn u32(&mut self, spec: &mut Spec, index: usize, text: &str, span: Span, not: bool) {
        let four = self.family() == Some(Family::Inet);
        match condition(text, span).filter(|_| four) {
            Some(condition) => push(&mut spec.parts, if not { Condition::not(condition) } else { condition }),
            None => {
                // Kept in words, as other matches that are not modelled.
                if let Some(loaded) = spec.loaded.get_mut(index) {
                    let words = super::lex::quote(text);
                    loaded.opaque = format!("{}--u32 {words}", if not { "! " } else { "" });
                    loaded.span = loaded.span.to(span);
                }
            }
        }
    }
}

fn condition(text: &str, span: Span) -> Option<Condition> {
    let mut meter = Meter::new(&limits::CONDITION_VALUES);
    let mut parts = Vec::new();
    for test in text.split("&&") {
        meter.charge(1).ok()?;
        parts.push(one(test, span)?);
    }
    Some(Condition::and(parts))
}

fn one(text: &str, span: Span) -> Option<Condition> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (location, values) = compact.split_once('=')?;
    let (offset, mut rest) = number(location)?;
    // The word's bits that count, and where they end up.
    let (mut mask, mut shift) = (u32::MAX, 0_u32);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('&') {
            let (value, after) = number(after)?;
            mask &= value.checked_shl(shift)?;
            rest = after;
        } else if let Some(after) = rest.strip_prefix(">>") {
            let (value, after) = number(after)?;
            shift = shift.checked_add(value).filter(|shift| *shift < 32)?;
            mask &= u32::MAX.checked_shl(shift)?;
            rest = after;
        } else {
            // Shifts to the left and jumps look elsewhere.
            return None;
        }
    }
    let ranges = values.split(',').map(range).collect::<Option<Vec<_>>>()?;
    bits_of(offset.checked_mul(8)?, mask, shift, &ranges, span)
}

fn number(text: &str) -> Option<(u32, &str)> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((text, 10), |hex| (hex, 16));
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    Some((u32::from_str_radix(digits, radix).ok()?, rest))
}

fn range(text: &str) -> Option<(u32, u32)> {
    let whole = |text: &str| number(text).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value);
    let (low, high) = text.split_once(':').unwrap_or((text, text));
    Some((whole(low)?, whole(high)?)).filter(|(low, high)| low <= high)
}

/// The test of the bits of `mask` in the word at bit `start`, moved right by `shift`, against ranges.
fn bits_of(start: u32, mask: u32, shift: u32, ranges: &[(u32, u32)], span: Span) -> Option<Condition> {
    if mask == 0 {
        return Some(if ranges.iter().any(|(low, _)| *low == 0) {
            Condition::True
        } else {
            Condition::False
        });
    }
    // Whole fields from the first to the last bit of the mask: one number.
    let touched = fields(start, mask);
    if let [(field, from, width)] = *touched.as_slice() {
        let last = mask.trailing_zeros();
        let whole = field_mask(from, width, start);
        if mask == whole && shift == last {
            let list: Vec<_> = ranges.iter().map(|(lo, hi)| (*lo, (*hi).min(top(width)))).collect();
            return Some(Condition::test_at(field, super::options::ranges(&list, false, top(width)), span));
        }
    }
    // Single values: patterns of bits, field by field.
    let single = |(low, high): &(u32, u32)| (low == high).then_some(*low);
    let values = ranges.iter().map(single).collect::<Option<Vec<_>>>()?;
    if fields_cover(&touched, start) & mask != mask {
        return None;
    }
    let of_value = |value: u32| {
        let word = u64::from(value) << shift;
        let Some(word) = u32::try_from(word).ok().filter(|word| word & !mask == 0) else {
            return Condition::False;
        };
        Condition::and(touched.iter().map(|(field, from, width)| {
            let all = field_mask(*from, *width, start);
            let down = all.trailing_zeros();
            let (value, mask) = ((word & all) >> down, (mask & all) >> down);
            let pattern = BitSet::new([BitMatch::new(value.into(), mask.into())]);
            Condition::test_at(*field, ValueSet::from(pattern), span)
        }))
    };
    Some(Condition::or(values.into_iter().map(of_value)))
}

fn top(width: u32) -> u32 {
    u32::MAX.checked_shr(32 - width).unwrap_or(u32::MAX)
}

/// The fields that bits of the mask lie in, with their first bit and width.
fn fields(start: u32, mask: u32) -> Vec<(Field, u32, u32)> {
    let width = |field: Field| if field == Field::Len { 16 } else { u32::from(field.info().width) };
    let all = LAYOUT.iter().chain(&ADDRESSES).map(|(from, field)| (*field, *from, width(*field)));
    all.filter(|(_, from, width)| field_mask(*from, *width, start) & mask != 0).collect()
}

fn fields_cover(fields: &[(Field, u32, u32)], start: u32) -> u32 {
    fields.iter().fold(0, |sum, (_, from, width)| sum | field_mask(*from, *width, start))
}

/// The bits of a field in the word at bit `start`; none unless it lies in the word as a whole.
fn field_mask(from: u32, width: u32, start: u32) -> u32 {
    let Some(offset) = from.checked_sub(start).filter(|offset| offset + width <= 32) else { return 0 };
    top(width) << (32 - width - offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Condition> {
        condition(text, Span::default())
    }

    #[test]
    fn words_of_the_header_are_fields() {
        let is = |field, low, high| Some(Condition::test(field, ValueSet::range(low, high)));
        assert_eq!(read("6&0xFF=1"), is(Field::Proto, 1, 1));
        assert_eq!(read("0 & 0xFFFF = 0x100:0xFFFF"), is(Field::Len, 0x100, 0xffff));
        assert_eq!(read("12=0x0a000001"), is(Field::Src4, 0x0a00_0001, 0x0a00_0001));
        assert_eq!(read("5&0xff=64"), is(Field::Ttl, 64, 64));
        assert_eq!(read("4&0x1fff=0"), is(Field::FragOff, 0, 0));
        let low = Condition::test(Field::Src4, ValueSet::bits(5, 0xff));
        assert_eq!(read("12&0xff=5"), Some(low));
        for other in ["0>>22&0x3C@12=5", "6&0xff=1 && 40=1", "8=", "10&0xffff=5", "6<<1=5", "x=1"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
