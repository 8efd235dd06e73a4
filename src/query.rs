//! Expressions: text in which a person says which packets are meant, as `dst in 192.0.2.0/24 and tcp and
//! dport in {179, 22} and not flags syn and len 0-1500`.
//!
//! Names are those of the field table, with a few short words beside: protocols, `ipv4` and `ipv6`, `port` for
//! either port, `src` and `dst` for either family, `frag`, `present` and `absent`. A test is false when its field
//! is absent, so `not dport 22` holds for packets without ports and `dport != 22` does not. `verdict` and `rule`
//! speak of the decision, which is no part of a packet: [`Expression::condition`] refuses them.

use crate::field::{FIELDS, Field};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Test, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet, Prefix4, Prefix6};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, multispace0, satisfy};
use nom::combinator::{opt, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::{delimited, pair, preceded};
use nom::{IResult, Parser};
use std::cell::RefCell;
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

/// What a text asks of packets and of what becomes of them.
#[derive(Clone, PartialEq, Debug)]
pub enum Expression {
    /// Something about the packet.
    Packet(Condition),
    /// The verdict has this name, as [`crate::ir::Verdict::name`] gives it.
    Verdict(&'static str),
    /// The rule that decides has this name.
    Rule(Box<str>),
    /// All of them.
    And(Vec<Expression>),
    /// Any of them.
    Or(Vec<Expression>),
    /// The opposite.
    Not(Box<Expression>),
}

impl Expression {
    /// The condition on packets alone; none when a part speaks of the verdict or the rule.
    pub fn condition(&self) -> Option<Condition> {
        Some(match self {
            Self::Packet(condition) => condition.clone(),
            Self::Verdict(_) | Self::Rule(_) => return None,
            Self::And(parts) => {
                Condition::and(parts.iter().map(Self::condition).collect::<Option<Vec<_>>>()?)
            }
            Self::Or(parts) => Condition::or(parts.iter().map(Self::condition).collect::<Option<Vec<_>>>()?),
            Self::Not(part) => Condition::not(part.condition()?),
        })
    }
}

/// Why a text is no expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// The octet of the text where it went wrong.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

/// Reads an expression. `symbols` are the interface names of the document it is asked of; none for text that
/// belongs to no document.
pub fn parse(text: &str, symbols: &[Box<str>]) -> Result<Expression, ExpressionError> {
    let reader = Reader {
        symbols,
        depth: RefCell::new(Meter::new(&limits::NESTING)),
        values: RefCell::new(Meter::new(&limits::CONDITION_VALUES)),
    };
    let failed = |trouble: Trouble<'_>| ExpressionError {
        offset: text.len().saturating_sub(trouble.rest.len()),
        message: trouble.message,
    };
    match reader.any(text) {
        Ok((rest, expression)) if rest.trim().is_empty() => Ok(expression),
        Ok((rest, _)) => {
            let rest = rest.trim_start();
            let word = rest.split_whitespace().next().unwrap_or("");
            Err(failed(Trouble::new(rest, format!("expected `and`, `or` or the end, found `{word}`"))))
        }
        Err(nom::Err::Error(trouble) | nom::Err::Failure(trouble)) => Err(failed(trouble)),
        Err(nom::Err::Incomplete(_)) => Err(failed(Trouble::new("", "the expression ends early"))),
    }
}

/// A test in words that [`parse`] reads back, with no more than a few of its values.
pub fn describe(test: &Test) -> String {
    const SHOWN: usize = 6;
    let field = test.field;
    let name = match field {
        Field::Src6 => "src",
        Field::Dst6 => "dst",
        other => other.name(),
    };
    let range = |lo: u128, hi: u128| {
        if lo == hi { value(field, lo) } else { format!("{}-{}", value(field, lo), value(field, hi)) }
    };
    let (mut words, many) = match &test.values {
        ValueSet::Ranges(set) => {
            let ranges = set.ranges().take(SHOWN).map(|(lo, hi)| range(lo.into(), hi.into()));
            (ranges.collect::<Vec<_>>(), set.ranges().len() > SHOWN)
        }
        ValueSet::Wide(set) => {
            let ranges = set.ranges().take(SHOWN).map(|(lo, hi)| range(lo, hi));
            (ranges.collect(), set.ranges().len() > SHOWN)
        }
        ValueSet::Bits(set) => {
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

/// What went wrong, and the text from there on.
#[derive(Debug)]
struct Trouble<'a> {
    rest: &'a str,
    message: String,
}

impl<'a> Trouble<'a> {
    fn new(rest: &'a str, message: impl Into<String>) -> Self {
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

type Parsed<'a, T> = IResult<&'a str, T, Trouble<'a>>;

fn fail<T>(rest: &str, message: impl Into<String>) -> Parsed<'_, T> {
    Err(nom::Err::Failure(Trouble::new(rest, message)))
}

fn spent<T>(rest: &str, exhausted: Exhausted) -> Parsed<'_, T> {
    fail(rest, exhausted.to_string())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// A name: a letter, then letters, digits, `.`, `_`, `-`; raw fields have brackets behind.
fn name(input: &str) -> Parsed<'_, &str> {
    let bare = pair(satisfy(|c| c.is_ascii_alphabetic()), take_while(is_word));
    let brackets = delimited(char('['), take_while1(|c: char| c.is_ascii_digit() || c == ':'), char(']'));
    preceded(multispace0, recognize(pair(bare, opt(brackets)))).parse(input)
}

/// A word of the grammar, whole.
fn keyword<'a>(word: &'static str) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| match name(input) {
        Ok((rest, found)) if found == word => Ok((rest, ())),
        _ => Err(nom::Err::Error(Trouble::new(input, format!("expected `{word}`")))),
    }
}

fn symbol<'a>(text: &'static str) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| preceded(multispace0, tag(text)).map(|_: &str| ()).parse(input)
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    In,
    NotIn,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

fn comparison(input: &str) -> Parsed<'_, Comparison> {
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

struct Reader<'s> {
    symbols: &'s [Box<str>],
    depth: RefCell<Meter>,
    values: RefCell<Meter>,
}

impl Reader<'_> {
    fn any<'a>(&self, input: &'a str) -> Parsed<'a, Expression> {
        if let Err(exhausted) = self.depth.borrow_mut().charge(1) {
            return spent(input, exhausted);
        }
        let (mut rest, first) = self.all(input)?;
        let mut parts = vec![first];
        while let Ok((after, ())) = keyword("or")(rest) {
            let (after, part) = self.all(after)?;
            parts.push(part);
            rest = after;
        }
        self.depth.borrow_mut().release(1);
        Ok((rest, join(parts, Expression::Or, Condition::or)))
    }

    fn all<'a>(&self, input: &'a str) -> Parsed<'a, Expression> {
        let (mut rest, first) = self.one(input)?;
        let mut parts = vec![first];
        while let Ok((after, ())) = keyword("and")(rest) {
            let (after, part) = self.one(after)?;
            parts.push(part);
            rest = after;
        }
        Ok((rest, join(parts, Expression::And, Condition::and)))
    }

    fn one<'a>(&self, input: &'a str) -> Parsed<'a, Expression> {
        let mut rest = input;
        let mut negated = false;
        while let Ok((after, ())) = keyword("not")(rest) {
            negated = !negated;
            rest = after;
        }
        let (rest, part) = if let Ok((after, ())) = symbol("(")(rest) {
            let (after, inner) = self.any(after)?;
            match symbol(")")(after) {
                Ok((after, ())) => (after, inner),
                Err(_) => return fail(after.trim_start(), "expected `)`"),
            }
        } else {
            self.leaf(rest)?
        };
        Ok((rest, if negated { opposite(part) } else { part }))
    }

    fn leaf<'a>(&self, input: &'a str) -> Parsed<'a, Expression> {
        let Ok((rest, word)) = name(input) else {
            let at = input.trim_start();
            let found = at.split_whitespace().next().map_or("the end".to_owned(), |w| format!("`{w}`"));
            return fail(at, format!("expected a field, a protocol or `(`, found {found}"));
        };
        let packet = |(rest, condition)| (rest, Expression::Packet(condition));
        match word {
            "true" | "any" => Ok(packet((rest, Condition::True))),
            "false" => Ok(packet((rest, Condition::False))),
            "verdict" => verdict(rest),
            "rule" => rule(rest),
            "present" | "absent" => field_name(rest).map(|(rest, field)| {
                let present = Condition::present(field);
                packet((rest, if word == "present" { present } else { Condition::not(present) }))
            }),
            "ipv4" | "ip4" => Ok(packet((rest, Condition::test(Field::IpVersion, ValueSet::single(4))))),
            "ipv6" | "ip6" => Ok(packet((rest, Condition::test(Field::IpVersion, ValueSet::single(6))))),
            "src" => self.address(rest, Field::Src4, Field::Src6).map(packet),
            "dst" => self.address(rest, Field::Dst4, Field::Dst6).map(packet),
            "port" => self.number(rest, Field::Sport).map(|(after, source)| {
                let destination = self.number(rest, Field::Dport).map_or(Condition::False, |(_, c)| c);
                packet((after, Condition::or([source, destination])))
            }),
            "frag" | "fragment" => fragment(rest).map(packet),
            "flags" => self.flags(rest).map(packet),
            _ => match (protocol(word), Field::by_name(word)) {
                (Some(number), _) => {
                    Ok(packet((rest, Condition::test(Field::Proto, ValueSet::single(number)))))
                }
                (None, Some(field)) => self.field(rest, field).map(packet),
                (None, None) => fail(input.trim_start(), unknown_word(word)),
            },
        }
    }

    fn field<'a>(&self, input: &'a str, field: Field) -> Parsed<'a, Condition> {
        match field {
            Field::Src4 | Field::Src6 => self.address(input, Field::Src4, Field::Src6),
            Field::Dst4 | Field::Dst6 => self.address(input, Field::Dst4, Field::Dst6),
            Field::InIface | Field::OutIface | Field::InGroup => self.named(input, field),
            Field::TcpFlags => self.flags(input),
            _ => self.number(input, field),
        }
    }

    /// One value or a set of values in braces.
    fn values<'a, T>(&self, input: &'a str, value: impl Fn(&'a str) -> Parsed<'a, T>) -> Parsed<'a, Vec<T>> {
        let Ok((mut rest, ())) = symbol("{")(input) else {
            return value(input).map(|(rest, v)| (rest, vec![v]));
        };
        let mut list = Vec::new();
        loop {
            if let Err(exhausted) = self.values.borrow_mut().charge(1) {
                return spent(rest, exhausted);
            }
            let (after, v) = value(rest)?;
            list.push(v);
            if let Ok((after, ())) = symbol("}")(after) {
                return Ok((after, list));
            }
            match symbol(",")(after) {
                Ok((after, ())) => rest = after,
                Err(_) => return fail(after.trim_start(), "expected `,` or `}`"),
            }
        }
    }

    fn number<'a>(&self, input: &'a str, field: Field) -> Parsed<'a, Condition> {
        let (rest, comparison) = comparison(input)?;
        let max = field.info().max;
        let (rest, ranges) = self.values(rest, |input| range(input, field))?;
        let ranges = match (comparison, ranges.as_slice()) {
            (Comparison::In | Comparison::NotIn, _) => ranges,
            (order, [(lo, hi)]) if lo == hi => match order {
                Comparison::Less if *lo == 0 => Vec::new(),
                Comparison::Less => vec![(0, lo - 1)],
                Comparison::LessOrEqual => vec![(0, *lo)],
                Comparison::Greater if *lo == max => Vec::new(),
                Comparison::Greater => vec![(lo + 1, max)],
                _ => vec![(*lo, max)],
            },
            _ => return fail(input.trim_start(), "a comparison needs one number"),
        };
        let values = if field.is_wide() {
            ValueSet::from(IntervalSet::from_ranges(ranges))
        } else {
            let small = |v: u128| u32::try_from(v).unwrap_or(u32::MAX);
            ValueSet::from(IntervalSet::from_ranges(
                ranges.into_iter().map(|(lo, hi)| (small(lo), small(hi))),
            ))
        };
        Ok((rest, there(comparison, field, Condition::test(field, values))))
    }

    fn address<'a>(&self, input: &'a str, v4: Field, v6: Field) -> Parsed<'a, Condition> {
        let (rest, comparison) = comparison(input)?;
        if !matches!(comparison, Comparison::In | Comparison::NotIn) {
            return fail(input.trim_start(), "addresses have no order: say `in` and a prefix or a range");
        }
        let (rest, list) = self.values(rest, addresses)?;
        let of4 =
            list.iter().filter_map(|a| if let Addresses::V4(lo, hi) = a { Some((*lo, *hi)) } else { None });
        let of6 =
            list.iter().filter_map(|a| if let Addresses::V6(lo, hi) = a { Some((*lo, *hi)) } else { None });
        let (of4, of6) = (IntervalSet::from_ranges(of4), IntervalSet::from_ranges(of6));
        let mut parts = Vec::new();
        if !of4.is_empty() {
            parts.push(there(comparison, v4, Condition::test(v4, of4)));
        }
        if !of6.is_empty() {
            parts.push(there(comparison, v6, Condition::test(v6, of6)));
        }
        Ok((rest, Condition::or(parts)))
    }

    fn named<'a>(&self, input: &'a str, field: Field) -> Parsed<'a, Condition> {
        let (rest, comparison) = comparison(input)?;
        if !matches!(comparison, Comparison::In | Comparison::NotIn) {
            return fail(input.trim_start(), "names have no order");
        }
        let (rest, numbers) = self.values(rest, |input| {
            let (rest, text) = label(input)?;
            match self.symbols.iter().position(|s| **s == *text) {
                Some(index) => Ok((rest, u32::try_from(index).unwrap_or(u32::MAX))),
                None => fail(input.trim_start(), format!("no rule here names the interface `{text}`")),
            }
        })?;
        Ok((rest, there(comparison, field, Condition::test(field, ValueSet::of(numbers)))))
    }

    fn flags<'a>(&self, input: &'a str) -> Parsed<'a, Condition> {
        let (rest, comparison) = comparison(input)?;
        if !matches!(comparison, Comparison::In | Comparison::NotIn) {
            return fail(input.trim_start(), "flags have no order");
        }
        let (rest, patterns) = self.values(rest, flag_pattern)?;
        let values = ValueSet::from(BitSet::new(patterns));
        Ok((rest, there(comparison, Field::TcpFlags, Condition::test(Field::TcpFlags, values))))
    }
}

/// `field != v` asks for a field that is there.
fn there(comparison: Comparison, field: Field, test: Condition) -> Condition {
    if comparison == Comparison::NotIn {
        Condition::and([Condition::present(field), Condition::not(test)])
    } else {
        test
    }
}

/// Joins parts; conditions alone become one condition.
fn join(
    mut parts: Vec<Expression>,
    tree: fn(Vec<Expression>) -> Expression,
    conditions: fn(Vec<Condition>) -> Condition,
) -> Expression {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    let all: Option<Vec<Condition>> = parts
        .iter()
        .map(|part| if let Expression::Packet(condition) = part { Some(condition.clone()) } else { None })
        .collect();
    match all {
        Some(list) => Expression::Packet(conditions(list)),
        None => tree(parts),
    }
}

fn opposite(part: Expression) -> Expression {
    match part {
        Expression::Packet(condition) => Expression::Packet(Condition::not(condition)),
        Expression::Not(inner) => *inner,
        other => Expression::Not(Box::new(other)),
    }
}

fn verdict(input: &str) -> Parsed<'_, Expression> {
    const NAMES: [&str; 4] = ["accept", "discard", "reject", "no-decision"];
    let (input, _) = comparison(input)?;
    let Ok((rest, word)) = name(input) else {
        return fail(input.trim_start(), "expected a verdict");
    };
    if word == "drop" {
        let both = vec![Expression::Verdict("discard"), Expression::Verdict("reject")];
        return Ok((rest, Expression::Or(both)));
    }
    match NAMES.iter().find(|n| **n == word) {
        Some(verdict) => Ok((rest, Expression::Verdict(verdict))),
        None => fail(
            input.trim_start(),
            format!("`{word}` is no verdict: they are accept, discard, reject, no-decision, drop"),
        ),
    }
}

fn rule(input: &str) -> Parsed<'_, Expression> {
    let (input, _) = comparison(input)?;
    label(input).map(|(rest, text)| (rest, Expression::Rule(text.into())))
}

/// A name of the user's: in quotes, or up to a space, comma or bracket.
fn label(input: &str) -> Parsed<'_, &str> {
    let quoted = delimited(char('"'), take_while(|c| c != '"'), char('"'));
    let bare = take_while1(|c: char| !c.is_whitespace() && !matches!(c, ',' | '{' | '}' | '(' | ')' | '"'));
    let found: Parsed<'_, &str> = preceded(multispace0, alt((quoted, bare))).parse(input);
    found.or_else(|_| fail(input.trim_start(), "expected a name"))
}

fn field_name(input: &str) -> Parsed<'_, Field> {
    match name(input) {
        Ok((rest, word)) => match Field::by_name(word) {
            Some(field) => Ok((rest, field)),
            None => fail(input.trim_start(), unknown_word(word)),
        },
        Err(_) => fail(input.trim_start(), "expected a field"),
    }
}

/// A number, a range of numbers, or a MAC address for a field that holds one.
fn range(input: &str, field: Field) -> Parsed<'_, (u128, u128)> {
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

fn number(input: &str, field: Field) -> Parsed<'_, u128> {
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

fn mac(input: &str) -> Parsed<'_, u128> {
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

enum Addresses {
    V4(u32, u32),
    V6(u128, u128),
}

/// A prefix, an address, or a range of addresses.
fn addresses(input: &str) -> Parsed<'_, Addresses> {
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

fn fragment(input: &str) -> Parsed<'_, Condition> {
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
fn flag_pattern(input: &str) -> Parsed<'_, BitMatch> {
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

/// The bits of a flag's name, or of several in capital letters as packets are printed (`SA`).
fn flag_bits(word: &str) -> Option<u128> {
    let named = FLAGS.iter().find(|(name, _, _)| *name == word).map(|(_, _, bits)| *bits);
    let letter = |c| FLAGS.iter().find(|(_, letter, _)| *letter == c).map(|(_, _, bits)| *bits);
    named.or_else(|| word.chars().try_fold(0, |all, c| Some(all | letter(c)?)))
}

fn protocol(word: &str) -> Option<u32> {
    PROTOCOLS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

fn unknown_word(word: &str) -> String {
    let near = FIELDS.iter().map(|info| (strsim::damerau_levenshtein(word, info.name), info.name)).min();
    match near {
        Some((distance, name)) if distance <= 2 => {
            format!("`{word}` is no field and no protocol; is `{name}` meant?")
        }
        _ => format!("`{word}` is no field and no protocol"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Truth, evaluate};
    use crate::field::Headers;

    fn condition(text: &str) -> Condition {
        parse(text, &[]).unwrap_or_else(|e| panic!("{text}: {e} at {}", e.offset)).condition().unwrap()
    }

    fn packet() -> Headers {
        let mut headers = Headers::new();
        for (field, value) in [
            (Field::IpVersion, 4),
            (Field::Dst4, 0xc000_0201),
            (Field::Proto, 6),
            (Field::Dport, 179),
            (Field::Sport, 40_000),
            (Field::TcpFlags, 0x12),
            (Field::Len, 60),
            (Field::FragOff, 0),
            (Field::Mf, 0),
        ] {
            headers.set(field, value);
        }
        headers
    }

    #[test]
    fn expressions_mean_what_they_say() {
        let yes = [
            "dst in 192.0.2.0/24 and tcp and dport in {179, 22} and not flags rst and len 0-1500",
            "dst 192.0.2.1",
            "dst in {2001:db8::/32, 192.0.2.0-192.0.2.9}",
            "port 179 and not port 22",
            "flags syn+ack and flags SA and flags 0x12 and flags syn+!rst and not flags syn+!ack",
            "dport >= 179 and dport < 180 and dport != 22 and dport != {1-5, 9}",
            "frag none and not frag any and not frag first",
            "not (udp or icmp) and (true or false)",
            "absent icmp.type and present dport and not icmp.type 8",
            "proto tcp and proto {6, udp} and ipv4",
        ];
        for text in yes {
            assert_eq!(evaluate(&condition(text), &packet()), Truth::Yes, "{text}");
        }
        for text in ["icmp.type != 8", "dst 2001:db8::1", "len > 60", "dst != 192.0.2.0/24", "dport < 0"] {
            assert_eq!(evaluate(&condition(text), &packet()), Truth::No, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases = [
            ("dport 70000", 6, "above 65535"),
            ("tcp and dprot 5", 8, "is `dport` meant"),
            ("tcp or", 6, "expected a field"),
            ("(tcp", 4, "expected `)`"),
            ("tcp udp", 4, "expected `and`"),
            ("dst in {10.0.0.0/8 11.0.0.0/8}", 19, "expected `,`"),
            ("dst in 10.0.0.0/33", 7, "expected an address"),
            ("len 20-10", 4, "holds no value"),
            ("flags sny", 6, "no TCP flag"),
            ("iface ge-0/0/0", 6, "names the interface"),
            ("verdict maybe", 8, "no verdict"),
            ("", 0, "expected a field"),
        ];
        for (text, offset, message) in cases {
            let error = parse(text, &[]).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
            assert!(error.message.contains(message), "{text}: {error}");
        }
        assert!(parse(&"(".repeat(100_000), &[]).unwrap_err().message.contains("nesting"));
    }

    #[test]
    fn a_test_in_words_reads_back() {
        let texts = [
            "dst in {10.0.0.0-10.0.0.7, 192.0.2.1}",
            "src 2001:db8::-2001:db8::ffff",
            "dport in {22, 179-200}",
            "proto in {icmp, tcp}",
            "flags syn+!ack",
            "eth.src 00:11:22:33:44:55",
        ];
        for text in texts {
            let Condition::Test(test) = condition(text) else { panic!("{text}") };
            assert_eq!(describe(&test), text);
        }
        let Condition::Test(many) = condition("dport in {1, 3, 5, 7, 9, 11, 13, 15}") else { panic!() };
        assert_eq!(describe(&many), "dport in {1, 3, 5, 7, 9, 11, ...}");
    }

    #[test]
    fn verdict_and_rule_are_no_condition() {
        let expression = parse("tcp and verdict discard and rule \"a b\"", &["x".into()]).unwrap();
        assert_eq!(expression.condition(), None);
        let Expression::And(parts) = expression else { panic!() };
        assert_eq!(parts[1..], [Expression::Verdict("discard"), Expression::Rule("a b".into())]);
        assert!(parse("iface x", &["x".into()]).is_ok());
    }
}
