//! Bit-field expressions: `"(ack | rst) & !fin"`.
//!
//! From high to low: `( )`, `!`, `&` or `+`, `|` or `,`; left to right. A name is a bit that must be set, a number
//! a mask all of whose bits must be. An expression over n bits is kept as the set of the 2^n values it accepts,
//! so that equal meanings are equal.

use super::names::Names;
use super::numbers::number;
use crate::net::{BitSet, TruthSet};
use nom::branch::alt;
use nom::character::complete::{char, multispace0, one_of, satisfy};
use nom::combinator::recognize;
use nom::multi::many1_count;
use nom::sequence::delimited;
use nom::{IResult, Parser};

/// The values of up to six bits that an expression accepts. Bits the field does not have are not looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Accepted {
    values: TruthSet<1>,
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

/// The places of the bits of a value.
const BITS: [u32; 6] = [0, 1, 2, 3, 4, 5];

impl Accepted {
    /// Nothing is accepted.
    pub(super) fn none(bits: u32) -> Self {
        Self { values: TruthSet::NONE, bits }
    }

    /// What a set of patterns over the low bits accepts.
    pub(super) fn of_patterns(set: &BitSet, bits: u32) -> Self {
        let own = (1_u32 << bits) - 1;
        Self { values: TruthSet::from_test(|v| set.contains(u128::from(v & own))), bits }
    }

    /// What either accepts.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        Self { values: self.values.or(&other.values), ..self }
    }

    /// Adds a value.
    pub(super) fn insert(&mut self, value: u32) {
        let own = (1_u32 << self.bits) - 1;
        self.values = self.values.or(&TruthSet::from_test(|v| v & own == value));
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

    /// The prime patterns of the set: none can lose a bit and still be inside. Equal sets have equal patterns.
    pub(super) fn patterns(self) -> BitSet {
        if let Some(one) = self.values.only_pattern() {
            return BitSet::new([one]);
        }
        let bits = BITS.get(..self.bits as usize).unwrap_or(&BITS);
        self.values.prime_patterns(bits, usize::MAX).unwrap_or_default()
    }
}

struct Reader<'a> {
    text: &'a str,
    names: Names,
    bits: u32,
    place: fn(u64) -> Option<u64>,
}

// Parentheses and negations inside each other; the expression of a real filter has two.
const DEPTH: u32 = 32;

type Read<'a> = IResult<&'a str, TruthSet<1>, BadExpression>;

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
            (rest, values) = (after, values.or(&right));
        }
        Ok((rest, values))
    }

    fn and<'a>(&self, input: &'a str, depth: u32) -> Read<'a> {
        let (mut rest, mut values) = self.unary(input, depth)?;
        while let Ok((next, _)) = operator("&+")(rest) {
            let (after, right) = self.unary(next, depth)?;
            (rest, values) = (after, values.and(&right));
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
            return Ok((rest, values.complement()));
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
        Ok((rest, TruthSet::with_all(mask.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::TCP_FLAGS;
    use super::*;
    use crate::net::BitMatch;

    fn accepts(text: &str) -> Vec<u32> {
        let set = Accepted::parse(text, TCP_FLAGS, 6).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        set.values.members().collect()
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
