//! Expressions: text in which a person says which packets are meant, as `dst in 192.0.2.0/24 and tcp and
//! dport in {179, 22} and not flags syn and len 0-1500`.
//!
//! Names are those of the field table, with a few short words beside: protocols, `ipv4` and `ipv6`, `port` for
//! either port, `src` and `dst` for either family, `frag`, `present` and `absent`. A test is false when its field
//! is absent, so `not dport 22` holds for packets without ports and `dport != 22` does not. `verdict` and `rule`
//! speak of the decision, which is no part of a packet: [`Expression::condition`] refuses them.

mod fate;
mod lex;
mod words;

pub use words::{describe, describe_condition, value};

use crate::field::{CtState, Field};
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Interface, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet};
use lex::{Addresses, Comparison, Parsed, Trouble};
use lex::{
    addresses, comparison, fail, field_name, flag_pattern, fragment, keyword, label, name, range, rule,
    spent, symbol, verdict,
};
use std::cell::RefCell;
use words::{protocol, unknown_word};

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
            Field::InIface | Field::OutIface | Field::InGroup | Field::OutGroup => self.named(input, field),
            Field::CtState => self.state(input),
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
            let own = self.symbols.iter().position(|symbol| **symbol == *text);
            let numbers = match own {
                Some(index) if field.is_group() => u32::try_from(index).into_iter().collect(),
                Some(index) => Interface::all_of(index, self.symbols),
                // Rules treat all alike that a beginning stands for.
                None if !field.is_group() => Interface::find(text, self.symbols)
                    .and_then(|index| u32::try_from(index).ok())
                    .into_iter()
                    .collect(),
                None => Vec::new(),
            };
            if numbers.is_empty() {
                return fail(input.trim_start(), format!("no rule here names the interface `{text}`"));
            }
            Ok((rest, numbers))
        })?;
        let numbers = numbers.into_iter().flatten();
        let values = if field.is_group() {
            // A symbol behind those that have a bit is no group of these rules.
            let bits = numbers.filter_map(|index| 1_u128.checked_shl(index));
            ValueSet::from(BitSet::new(bits.map(|bit| BitMatch::new(bit, bit))))
        } else {
            ValueSet::of(numbers)
        };
        Ok((rest, there(comparison, field, Condition::test(field, values))))
    }

    fn state<'a>(&self, input: &'a str) -> Parsed<'a, Condition> {
        let (rest, comparison) = comparison(input)?;
        if !matches!(comparison, Comparison::In | Comparison::NotIn) {
            return fail(input.trim_start(), "states have no order");
        }
        let (rest, states) = self.values(rest, |input| {
            let (rest, word) = name(input)?;
            match CtState::by_name(word) {
                Some(state) => Ok((rest, state as u32)),
                None => fail(input.trim_start(), format!("`{word}` is no connection state")),
            }
        })?;
        let field = Field::CtState;
        Ok((rest, there(comparison, field, Condition::test(field, ValueSet::of(states)))))
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
            "dst in {10.0.0.0/29, 192.0.2.1}",
            "src 10.0.0.1-10.0.0.8",
            "src 2001:db8::/112",
            "dport in {22, 179-200}",
            "proto in {icmp, tcp}",
            "flags syn+!ack",
            "eth.src 00:11:22:33:44:55",
            "ct.state in {new, established, untracked}",
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
        assert!(parse("iface x and iface-group {x} and meta.mark 1", &["x".into()]).is_ok());
    }
}
