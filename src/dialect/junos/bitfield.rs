//! Bit-field expressions: `"(ack | rst) & !fin"`.
//!
//! From high to low: `( )`, `!`, `&` or `+`, `|` or `,`; left to right. A name is a bit that must be set, a number
//! a mask all of whose bits must be. An expression over n bits is kept as the set of the 2^n values it accepts,
//! so that equal meanings are equal.

use super::names::Names;
use super::numbers::number;
use crate::net::{BitMatch, BitSet};
use nom::branch::alt;
use nom::character::complete::{char, multispace0, one_of, satisfy};
use nom::combinator::recognize;
use nom::multi::many1_count;
use nom::sequence::delimited;
use nom::{IResult, Parser};

/// The values of up to six bits that an expression accepts: bit v is set when v is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Accepted {
    values: u64,
    bits: u32,
}

/// Why a text is no expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum BadExpression {
    /// Not of the grammar, from this octet on.
    Syntax(usize),
    /// No such bit name, at this octet.
    Name(usize, String),
    /// A number with bits the field does not have, at this octet.
    Wide(usize, String),
    /// Nested too deeply.
    Deep,
}

impl Accepted {
    fn all(bits: u32) -> u64 {
        u64::MAX.checked_shr(64 - (1 << bits)).unwrap_or(u64::MAX)
    }

    fn with_mask(mask: u32, bits: u32) -> u64 {
        let words = LOW.iter().enumerate().take(bits as usize).filter(|(bit, _)| mask >> bit & 1 == 1);
        words.fold(Self::all(bits), |set, (_, word)| set & word)
    }

    /// Nothing is accepted.
    pub(super) fn none(bits: u32) -> Self {
        Self { values: 0, bits }
    }

    /// What a set of patterns over the low bits accepts.
    pub(super) fn of_patterns(set: &BitSet, bits: u32) -> Self {
        let values = (0..1_u32 << bits).filter(|v| set.contains(u128::from(*v)));
        Self { values: values.fold(0, |sum, v| sum | 1 << v), bits }
    }

    /// What either accepts.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        Self { values: self.values | other.values, ..self }
    }

    /// Adds a value.
    pub(super) fn insert(&mut self, value: u32) {
        self.values |= 1 << value;
    }

    /// Reads an expression over `bits` bits with these names.
    pub(super) fn parse(text: &str, names: Names, bits: u32) -> Result<Self, BadExpression> {
        Self::parse_with(text, names, bits, Some)
    }

    /// As [`Accepted::parse`], where numbers in the text are masks over other bits: `place` moves them.
    pub(super) fn parse_with(
        text: &str,
        names: Names,
        bits: u32,
        place: fn(u64) -> Option<u64>,
    ) -> Result<Self, BadExpression> {
        let reader = Reader { text, names, bits, place };
        let (rest, values) = reader.or(text.trim_end(), 0).map_err(|error| match error {
            nom::Err::Failure(bad) | nom::Err::Error(bad) => bad,
            nom::Err::Incomplete(_) => BadExpression::Syntax(text.len()),
        })?;
        if rest.is_empty() {
            Ok(Self { values, bits })
        } else {
            Err(BadExpression::Syntax(reader.offset(rest)))
        }
    }

    /// The prime patterns of the set: none can lose a bit and still be inside. Sorted, so that equal sets have
    /// equal patterns.
    pub(super) fn patterns(self) -> BitSet {
        if let Some(one) = self.one_pattern() {
            return BitSet::new([BitMatch::new(u128::from(one.0), u128::from(one.1))]);
        }
        let mut primes = Vec::new();
        let limit = 1_u32 << self.bits;
        for mask in 0..limit {
            // Every value within the mask: the subsets of its bits.
            let mut value = mask;
            loop {
                let shorter = |bit: u32| mask & bit != 0 && self.covers(value & !bit, mask & !bit);
                if self.covers(value, mask) && !(0..self.bits).any(|n| shorter(1 << n)) {
                    primes.push(BitMatch::new(u128::from(value), u128::from(mask)));
                }
                if value == 0 {
                    break;
                }
                value = (value - 1) & mask;
            }
        }
        BitSet::new(primes)
    }

    /// Value and mask, where one pattern is the whole set.
    fn one_pattern(self) -> Option<(u32, u32)> {
        if self.values == 0 {
            return None;
        }
        let (mut value, mut mask) = (0, 0);
        for (bit, word) in LOW.iter().enumerate().take(self.bits as usize) {
            let (set, clear) = (self.values & !word == 0, self.values & word == 0);
            mask |= u32::from(set || clear) << bit;
            value |= u32::from(set) << bit;
        }
        let free = self.bits - mask.count_ones();
        (self.values.count_ones() == 1 << free).then_some((value, mask))
    }

    /// Whether every value with the pattern is in the set.
    fn covers(self, value: u32, mask: u32) -> bool {
        let mut members = Self::all(self.bits);
        for (bit, word) in LOW.iter().enumerate().take(self.bits as usize) {
            if mask >> bit & 1 == 1 {
                members &= if value >> bit & 1 == 1 { *word } else { !word };
            }
        }
        members & !self.values == 0
    }
}

/// For each bit, the values below 64 that have it, as a set.
const LOW: [u64; 6] = [
    0xaaaa_aaaa_aaaa_aaaa,
    0xcccc_cccc_cccc_cccc,
    0xf0f0_f0f0_f0f0_f0f0,
    0xff00_ff00_ff00_ff00,
    0xffff_0000_ffff_0000,
    0xffff_ffff_0000_0000,
];

struct Reader<'a> {
    text: &'a str,
    names: Names,
    bits: u32,
    place: fn(u64) -> Option<u64>,
}

// Parentheses and negations inside each other; the expression of a real filter has two.
const DEPTH: u32 = 32;

type Read<'a> = IResult<&'a str, u64, BadExpression>;

impl<'a> nom::error::ParseError<&'a str> for BadExpression {
    fn from_error_kind(_: &'a str, _: nom::error::ErrorKind) -> Self {
        Self::Syntax(0)
    }
    fn append(_: &'a str, _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

fn operator(of: &'static str) -> impl FnMut(&str) -> IResult<&str, char, BadExpression> {
    move |input| delimited(multispace0, one_of(of), multispace0).parse(input)
}

impl Reader<'_> {
    fn offset(&self, rest: &str) -> usize {
        self.text.trim_end().len().saturating_sub(rest.len())
    }

    fn or<'a>(&self, input: &'a str, depth: u32) -> Read<'a> {
        let (mut rest, mut values) = self.and(input, depth)?;
        while let Ok((next, _)) = operator("|,")(rest) {
            let (after, right) = self.and(next, depth)?;
            (rest, values) = (after, values | right);
        }
        Ok((rest, values))
    }

    fn and<'a>(&self, input: &'a str, depth: u32) -> Read<'a> {
        let (mut rest, mut values) = self.unary(input, depth)?;
        while let Ok((next, _)) = operator("&+")(rest) {
            let (after, right) = self.unary(next, depth)?;
            (rest, values) = (after, values & right);
        }
        Ok((rest, values))
    }

    fn unary<'a>(&self, input: &'a str, depth: u32) -> Read<'a> {
        if depth > DEPTH {
            return Err(nom::Err::Failure(BadExpression::Deep));
        }
        let (input, _) = multispace0.parse(input)?;
        if let Some(rest) = input.strip_prefix('!') {
            let (rest, values) = self.unary(rest, depth + 1)?;
            return Ok((rest, !values & Accepted::all(self.bits)));
        }
        if let Some(inner) = input.strip_prefix('(') {
            let (rest, values) = self.or(inner, depth + 1)?;
            let (rest, _) = multispace0.parse(rest)?;
            let closed: IResult<&str, char, BadExpression> = char(')').parse(rest);
            return closed
                .map(|(rest, _)| (rest, values))
                .map_err(|_| nom::Err::Failure(BadExpression::Syntax(self.offset(rest))));
        }
        self.atom(input)
    }

    fn atom<'a>(&self, input: &'a str) -> Read<'a> {
        let letter = || satisfy(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let word: IResult<&str, &str, BadExpression> =
            recognize(many1_count(alt((letter(), char('.'))))).parse(input);
        let at = self.offset(input);
        let Ok((rest, word)) = word else {
            return Err(nom::Err::Failure(BadExpression::Syntax(at)));
        };
        let mask = if let Some(bit) = super::names::value(self.names, word) {
            bit
        } else {
            let number =
                number(word).ok_or_else(|| nom::Err::Failure(BadExpression::Name(at, word.to_owned())))?;
            (self.place)(number)
                .and_then(|n| u32::try_from(n).ok())
                .filter(|n| n >> self.bits == 0)
                .ok_or_else(|| nom::Err::Failure(BadExpression::Wide(at, word.to_owned())))?
        };
        Ok((rest, Accepted::with_mask(mask, self.bits)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::TCP_FLAGS;
    use super::*;

    fn accepts(text: &str) -> Vec<u32> {
        let set = Accepted::parse(text, TCP_FLAGS, 6).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        (0..64).filter(|v| set.values >> v & 1 == 1).collect()
    }

    #[test]
    fn precedence_is_not_and_or() {
        let of = |f: fn(u32) -> bool| (0..64).filter(|v| f(*v)).collect::<Vec<_>>();
        assert_eq!(accepts("syn & !ack"), of(|v| v & 0x02 != 0 && v & 0x10 == 0));
        assert_eq!(accepts("syn|ack&rst"), of(|v| v & 0x02 != 0 || v & 0x14 == 0x14));
        assert_eq!(accepts("(syn,ack)+rst"), of(|v| v & 0x12 != 0 && v & 0x04 != 0));
        assert_eq!(accepts("!(syn&ack)"), of(|v| v & 0x12 != 0x12));
        assert_eq!(accepts("0x12"), of(|v| v & 0x12 == 0x12));
        assert_eq!(accepts("! syn | syn").len(), 64);
    }

    #[test]
    fn errors_say_where() {
        let parse = |text: &str| Accepted::parse(text, TCP_FLAGS, 6).unwrap_err();
        assert_eq!(parse("syn & psh"), BadExpression::Name(6, "psh".into()));
        assert_eq!(parse("(syn"), BadExpression::Syntax(4));
        assert_eq!(parse("syn ack"), BadExpression::Syntax(3));
        assert_eq!(parse("syn &"), BadExpression::Syntax(5));
        assert_eq!(parse(""), BadExpression::Syntax(0));
        assert_eq!(parse("0x40"), BadExpression::Wide(0, "0x40".into()));
        assert_eq!(parse(&"!".repeat(1000)), BadExpression::Deep);
        assert_eq!(parse(&"(".repeat(100_000)), BadExpression::Deep);
    }

    #[test]
    fn patterns_are_a_function_of_the_set_and_cover_it_exactly() {
        for text in ["syn & !ack", "(ack | rst)", "!(syn & ack)", "syn & !syn", "fin | !fin", "0x3f"] {
            let set = Accepted::parse(text, TCP_FLAGS, 6).unwrap();
            let patterns = set.patterns();
            assert_eq!(Accepted::of_patterns(&patterns, 6), set, "{text}");
        }
        let set = Accepted::parse("(syn & !ack) | syn", TCP_FLAGS, 6).unwrap();
        assert_eq!(set.patterns().patterns(), [BitMatch::new(2, 2)]);
    }
}
