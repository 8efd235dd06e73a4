//! The leaves of expressions: words, numbers, addresses, flags, each with the place where it goes wrong.

use super::Expression;
use super::words::{flag_bits, protocol, unknown_word};
use crate::field::Field;
use crate::guard::Exhausted;
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, Prefix4, Prefix6};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, multispace0, satisfy};
use nom::combinator::{opt, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::{delimited, pair, preceded};
use nom::{IResult, Parser};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What went wrong, and the text from there on.
#[derive(Debug)]
pub(super) struct Trouble<'a> {
    pub(super) rest: &'a str,
    pub(super) message: String,
}

impl<'a> Trouble<'a> {
    pub(super) fn new(rest: &'a str, message: impl Into<String>) -> Self {
        Self { rest, message: message.into() }
    }
}

impl<'a> ParseError<&'a str> for Trouble<'a> {
    fn from_error_kind(rest: &'a str, _: ErrorKind) -> Self {
        let word = rest.split_whitespace().next().unwrap_or("");
        let found = if word.is_empty() { "the end".to_owned() } else { format!("`{word}`") };
        Self::new(rest, format!("unexpected {found}"))
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

pub(super) type Parsed<'a, T> = IResult<&'a str, T, Trouble<'a>>;

pub(super) fn fail<T>(rest: &str, message: impl Into<String>) -> Parsed<'_, T> {
    Err(nom::Err::Failure(Trouble::new(rest, message)))
}

pub(super) fn spent<T>(rest: &str, exhausted: Exhausted) -> Parsed<'_, T> {
    fail(rest, exhausted.to_string())
}

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// A name: a letter, then letters, digits, `.`, `_`, `-`; raw fields have brackets behind.
pub(super) fn name(input: &str) -> Parsed<'_, &str> {
    let bare = pair(satisfy(|c| c.is_ascii_alphabetic()), take_while(is_word));
    let brackets = delimited(char('['), take_while1(|c: char| c.is_ascii_digit() || c == ':'), char(']'));
    preceded(multispace0, recognize(pair(bare, opt(brackets)))).parse(input)
}

/// A word of the grammar, whole.
pub(super) fn keyword<'a>(word: &'static str) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| match name(input) {
        Ok((rest, found)) if found == word => Ok((rest, ())),
        _ => Err(nom::Err::Error(Trouble::new(input, format!("expected `{word}`")))),
    }
}

pub(super) fn symbol<'a>(text: &'static str) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| preceded(multispace0, tag(text)).map(|_: &str| ()).parse(input)
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Comparison {
    In,
    NotIn,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub(super) fn comparison(input: &str) -> Parsed<'_, Comparison> {
    use Comparison as C;
    alt((
        keyword("in").map(|()| C::In),
        symbol("!=").map(|()| C::NotIn),
        symbol("<=").map(|()| C::LessOrEqual),
        symbol(">=").map(|()| C::GreaterOrEqual),
        symbol("==").map(|()| C::In),
        symbol("=").map(|()| C::In),
        symbol("<").map(|()| C::Less),
        symbol(">").map(|()| C::Greater),
        |rest| Ok((rest, C::In)),
    ))
    .parse(input)
}

pub(super) fn verdict(input: &str) -> Parsed<'_, Expression> {
    const NAMES: [&str; 4] = ["accept", "discard", "reject", "no-decision"];
    let (input, compared) = unordered(input, "verdicts have no order")?;
    let Ok((rest, word)) = name(input) else {
        return fail(input.trim_start(), "expected a verdict");
    };
    if word == "drop" {
        let both = vec![Expression::Verdict("discard"), Expression::Verdict("reject")];
        return Ok((rest, compared(Expression::Or(both))));
    }
    match NAMES.iter().find(|n| **n == word) {
        Some(verdict) => Ok((rest, compared(Expression::Verdict(verdict)))),
        None => fail(
            input.trim_start(),
            format!("`{word}` is no verdict: they are accept, discard, reject, no-decision, drop"),
        ),
    }
}

pub(super) fn rule(input: &str) -> Parsed<'_, Expression> {
    let (input, compared) = unordered(input, "names of rules have no order")?;
    label(input).map(|(rest, text)| (rest, compared(Expression::Rule(text.into()))))
}

/// What a comparison that knows equal and not equal makes of an expression.
fn unordered<'a>(input: &'a str, why_not: &str) -> Parsed<'a, fn(Expression) -> Expression> {
    match comparison(input)? {
        (rest, Comparison::In) => Ok((rest, std::convert::identity)),
        (rest, Comparison::NotIn) => Ok((rest, |part| Expression::Not(Box::new(part)))),
        _ => fail(input.trim_start(), why_not),
    }
}

/// A name of the user's: in quotes, or up to a space, comma or bracket.
pub(super) fn label(input: &str) -> Parsed<'_, &str> {
    let quoted = delimited(char('"'), take_while(|c| c != '"'), char('"'));
    let bare = take_while1(|c: char| !c.is_whitespace() && !matches!(c, ',' | '{' | '}' | '(' | ')' | '"'));
    let found: Parsed<'_, &str> = preceded(multispace0, alt((quoted, bare))).parse(input);
    found.or_else(|_| fail(input.trim_start(), "expected a name"))
}

pub(super) fn field_name(input: &str) -> Parsed<'_, Field> {
    match name(input) {
        Ok((rest, word)) => match Field::by_name(word) {
            Some(field) => Ok((rest, field)),
            None => fail(input.trim_start(), unknown_word(word)),
        },
        Err(_) => fail(input.trim_start(), "expected a field"),
    }
}

/// A number, a range of numbers, or a MAC address for a field that holds one.
pub(super) fn range(input: &str, field: Field) -> Parsed<'_, (u128, u128)> {
    if matches!(field, Field::EthSrc | Field::EthDst) {
        return mac(input).map(|(rest, v)| (rest, (v, v)));
    }
    let (rest, lo) = number(input, field)?;
    match symbol("-")(rest) {
        Ok((after, ())) => {
            let (after, hi) = number(after, field)?;
            if lo > hi {
                return fail(input.trim_start(), format!("the range {lo}-{hi} holds no value"));
            }
            Ok((after, (lo, hi)))
        }
        Err(_) => Ok((rest, (lo, lo))),
    }
}

pub(super) fn number(input: &str, field: Field) -> Parsed<'_, u128> {
    let at = input.trim_start();
    let end = at.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(at.len());
    let (text, rest) = at.split_at_checked(end).unwrap_or((at, ""));
    let value = match text.strip_prefix("0x") {
        Some(hex) => u128::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    let value = value.or_else(|| if field == Field::Proto { protocol(text).map(u128::from) } else { None });
    let info = field.info();
    match value {
        Some(v) if v <= info.max => Ok((rest, v)),
        Some(_) => fail(at, format!("`{text}` is above {}, the largest {}", info.max, info.title)),
        None => fail(at, format!("expected a number for {}, found `{text}`", info.title)),
    }
}

pub(super) fn mac(input: &str) -> Parsed<'_, u128> {
    let (rest, text) =
        preceded(multispace0, take_while1(|c: char| c.is_ascii_hexdigit() || c == ':')).parse(input)?;
    let octets: Option<Vec<u8>> = text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    match octets {
        Some(octets) if octets.len() == 6 => {
            Ok((rest, octets.iter().fold(0, |value, octet| value << 8 | u128::from(*octet))))
        }
        _ => fail(input.trim_start(), format!("`{text}` is no MAC address")),
    }
}

pub(super) enum Addresses {
    V4(u32, u32),
    V6(u128, u128),
}

/// A prefix, an address, or a range of addresses.
pub(super) fn addresses(input: &str) -> Parsed<'_, Addresses> {
    let at = input.trim_start();
    let end = at.find(|c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':' | '/')).unwrap_or(at.len());
    let (text, rest) = at.split_at_checked(end).unwrap_or((at, ""));
    if let Ok((after, ())) = symbol("-")(rest) {
        let last = after.trim_start();
        let end =
            last.find(|c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':')).unwrap_or(last.len());
        let (last, rest) = last.split_at_checked(end).unwrap_or((last, ""));
        if let (Ok(lo), Ok(hi)) = (text.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>())
            && lo <= hi
        {
            return Ok((rest, Addresses::V4(lo.to_bits(), hi.to_bits())));
        }
        if let (Ok(lo), Ok(hi)) = (text.parse::<Ipv6Addr>(), last.parse::<Ipv6Addr>())
            && lo <= hi
        {
            return Ok((rest, Addresses::V6(lo.to_bits(), hi.to_bits())));
        }
        return fail(at, format!("`{text}-{last}` is no range of addresses"));
    }
    let whole4 = || text.parse().ok().and_then(|a: Ipv4Addr| Prefix4::new(a.to_bits(), 32));
    let whole6 = || text.parse().ok().and_then(|a: Ipv6Addr| Prefix6::new(a.to_bits(), 128));
    if let Some(prefix) = text.parse::<Prefix4>().ok().or_else(whole4) {
        Ok((rest, Addresses::V4(prefix.first(), prefix.last())))
    } else if let Some(prefix) = text.parse::<Prefix6>().ok().or_else(whole6) {
        Ok((rest, Addresses::V6(prefix.first(), prefix.last())))
    } else {
        let found = at.split_whitespace().next().unwrap_or("the end");
        fail(at, format!("expected an address or a prefix, found `{found}`"))
    }
}

pub(super) fn fragment(input: &str) -> Parsed<'_, Condition> {
    let (input, _) = comparison(input)?;
    let at = input.trim_start();
    let Ok((rest, word)) = name(input) else {
        return fail(at, "expected none, any, first, middle, last or later");
    };
    let is = |field, lo, hi| Condition::test(field, ValueSet::range(lo, hi));
    let first = is(Field::FragOff, 0, 0);
    let later = is(Field::FragOff, 1, 8191);
    let more = is(Field::Mf, 1, 1);
    let condition = match word {
        "none" => Condition::and([first, Condition::not(more)]),
        "any" => Condition::or([later, more]),
        "first" => Condition::and([first, more]),
        "middle" => Condition::and([later, more]),
        "last" => Condition::and([later, Condition::not(more)]),
        "later" => later,
        _ => {
            let message = format!("`{word}` is none of none, any, first, middle, last, later");
            return fail(at, message);
        }
    };
    Ok((rest, condition))
}

/// Flags joined by `+`, each with `!` for unset: the others do not count. A number is the exact flags.
pub(super) fn flag_pattern(input: &str) -> Parsed<'_, BitMatch> {
    let at = input.trim_start();
    if at.starts_with(|c: char| c.is_ascii_digit()) {
        let (rest, exact) = number(at, Field::TcpFlags)?;
        return Ok((rest, BitMatch::new(exact, Field::TcpFlags.info().max)));
    }
    let (mut value, mut mask, mut rest) = (0, 0, at);
    loop {
        let (after, unset) = opt(symbol("!")).parse(rest)?;
        let Ok((after, word)) = name(after) else {
            return fail(rest.trim_start(), "expected a TCP flag");
        };
        let Some(bits) = flag_bits(word) else {
            return fail(rest.trim_start(), format!("`{word}` is no TCP flag"));
        };
        mask |= bits;
        if unset.is_none() {
            value |= bits;
        }
        match symbol("+")(after) {
            Ok((after, ())) => rest = after,
            Err(_) => return Ok((after, BitMatch::new(value, mask))),
        }
    }
}
