//! `define`d constants and the expressions that stand for numbers, prefixes and extended communities.

use super::lex::{Lexer, Token};
use super::words;
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::raised;
use crate::guard::{Meter, limits};
use crate::source::Span;
use std::collections::HashMap;

/// What an expression comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// A number; BIRD counts in 32 bits and wraps around.
    Int(u32),
    /// An IPv4 address.
    Ip4(u32),
    /// An IPv6 address.
    Ip6(u128),
    /// An IPv4 prefix.
    Net4(u32, u8),
    /// An IPv6 prefix.
    Net6(u128, u8),
    /// An extended community.
    Ec([u8; 8]),
    /// Something of another type, or that is not worked out here.
    Other,
}

/// Why an expression has no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// The check that says so.
    pub(super) check: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// Where.
    pub(super) span: Span,
}

/// A fault of what was expected at a place.
pub(super) fn expected(what: &str, span: Span) -> Fault {
    Fault { check: raised::SYNTAX_ERROR, message: format!("expected {what}"), span }
}

#[derive(Debug)]
struct Constant {
    value: Value,
    span: Span,
    used: bool,
}

/// The constants of a file.
#[derive(Debug)]
pub(super) struct Constants<'a> {
    text: &'a str,
    by_name: HashMap<&'a str, Constant>,
    depth: Meter,
}

impl<'a> Constants<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, by_name: HashMap::new(), depth: Meter::new(&limits::NESTING) }
    }

    /// Whether there is none: then words need not be looked up.
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether a constant has the name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Notes that a name stands somewhere.
    pub(super) fn touch(&mut self, name: &str) {
        if let Some(constant) = self.by_name.get_mut(name) {
            constant.used = true;
        }
    }

    /// Reads `NAME = TERM` behind `define`, up to its semicolon.
    pub(super) fn define(&mut self, lexer: &mut Lexer<'a>, findings: &mut Findings) {
        let (name, span) = lexer.next();
        if let Some(why) = words::refused(name) {
            findings.error(raised::SYNTAX_ERROR, why, span);
        }
        let (Token::Word(name) | Token::Quoted(name)) = name else {
            let fault = expected("the name of a constant", span);
            findings.error(fault.check, fault.message, span);
            lexer.seek(span.start as usize);
            return;
        };
        if !lexer.eat(b'=') {
            findings.error(raised::SYNTAX_ERROR, format!("expected `=` behind `{name}`"), span);
            return;
        }
        let from = lexer.at();
        let value = self.term(lexer).unwrap_or(Value::Other);
        let value = if lexer.peek() == Token::Sign(b';') { value } else { Value::Other };
        // Other values are passed over by whoever reads on; the names in them are used.
        if value == Value::Other {
            lexer.seek(from);
        }
        if self.by_name.contains_key(name) {
            let message = format!("`{name}` is defined already");
            let help = "remove one of the definitions: BIRD refuses the file";
            findings.add(raised::SYNTAX_ERROR, Level::Error, message, span, help);
            return;
        }
        self.by_name.insert(name, Constant { value, span, used: false });
    }

    /// A name or number where a number must stand, as conf/confbase.Y calls `expr`: arithmetic needs parentheses.
    pub(super) fn number(&mut self, lexer: &mut Lexer<'a>) -> Result<(u32, Span), Fault> {
        let (token, span) = lexer.next();
        match token {
            Token::Number(Some(value)) => Ok((value, span)),
            Token::Number(None) => {
                let message = format!("`{}` is beyond 32 bits", self.slice(span));
                Err(Fault { check: raised::VALUE_OUT_OF_RANGE, message, span })
            }
            Token::Word(name) | Token::Quoted(name) => match self.value(name, span)? {
                Value::Int(value) => Ok((value, span)),
                Value::Other => Err(not_worked_out(name, span)),
                _ => Err(expected("a number", span)),
            },
            Token::Sign(b'(') => {
                let value = self.nested(lexer)?;
                let (close, end) = lexer.next();
                let whole = span.to(end);
                match (value, close) {
                    (Value::Int(value), Token::Sign(b')')) => Ok((value, whole)),
                    (Value::Int(_), _) => Err(expected("`)`", end)),
                    (Value::Other, _) => Err(not_worked_out(self.slice(whole), whole)),
                    _ => Err(expected("a number", whole)),
                }
            }
            _ => Err(expected("a number", span)),
        }
    }

    /// The constant of a name.
    pub(super) fn value(&mut self, name: &str, span: Span) -> Result<Value, Fault> {
        let constant = self.by_name.get_mut(name).ok_or_else(|| Fault {
            check: raised::UNDEFINED_REFERENCE,
            message: format!("nothing above defines `{name}`"),
            span,
        })?;
        constant.used = true;
        Ok(constant.value)
    }

    fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.range()).unwrap_or("")
    }

    fn nested(&mut self, lexer: &mut Lexer<'a>) -> Result<Value, Fault> {
        if let Err(exhausted) = self.depth.charge(1) {
            self.depth.release(1);
            let at = Span::new(lexer.at(), lexer.at());
            return Err(Fault { check: raised::SYNTAX_ERROR, message: exhausted.to_string(), span: at });
        }
        let value = self.term(lexer);
        self.depth.release(1);
        value
    }

    /// Sums of products.
    pub(super) fn term(&mut self, lexer: &mut Lexer<'a>) -> Result<Value, Fault> {
        let mut left = self.product(lexer)?;
        loop {
            let add = match lexer.peek() {
                Token::Sign(b'+') => true,
                Token::Sign(b'-') => false,
                _ => return Ok(left),
            };
            lexer.next();
            let right = self.product(lexer)?;
            left = match (left, right) {
                (Value::Int(a), Value::Int(b)) if add => Value::Int(a.wrapping_add(b)),
                (Value::Int(a), Value::Int(b)) => Value::Int(a.wrapping_sub(b)),
                _ => Value::Other,
            };
        }
    }

    fn product(&mut self, lexer: &mut Lexer<'a>) -> Result<Value, Fault> {
        let mut left = self.atom(lexer)?;
        loop {
            let times = match lexer.peek() {
                Token::Sign(b'*') => true,
                Token::Sign(b'/') => false,
                _ => return Ok(left),
            };
            lexer.next();
            let right = self.atom(lexer)?;
            left = match (left, right) {
                (Value::Int(a), Value::Int(b)) if times => Value::Int(a.wrapping_mul(b)),
                (Value::Int(a), Value::Int(b)) => a.checked_div(b).map_or(Value::Other, Value::Int),
                (Value::Ip4(addr), Value::Int(len)) if !times => u8::try_from(len)
                    .ok()
                    .filter(|len| *len <= 32)
                    .map_or(Value::Other, |l| Value::Net4(addr, l)),
                (Value::Ip6(addr), Value::Int(len)) if !times => u8::try_from(len)
                    .ok()
                    .filter(|len| *len <= 128)
                    .map_or(Value::Other, |l| Value::Net6(addr, l)),
                _ => Value::Other,
            };
        }
    }

    fn atom(&mut self, lexer: &mut Lexer<'a>) -> Result<Value, Fault> {
        let (token, span) = lexer.next();
        Ok(match token {
            Token::Number(Some(value)) => Value::Int(value),
            Token::Ip4(Some(addr)) => Value::Ip4(addr),
            Token::Ip6(Some(addr)) => Value::Ip6(u128::from_be_bytes(addr)),
            Token::Word(name) | Token::Quoted(name) => self.value(name, span)?,
            Token::Sign(b'(') => {
                if let Some(kind) = community_kind(lexer) {
                    return self.community(kind?, lexer);
                }
                let value = self.nested(lexer)?;
                if lexer.eat(b')') { value } else { Value::Other }
            }
            _ => Value::Other,
        })
    }

    /// An extended community: `(KIND, KEY, VALUE)` or the name of one.
    pub(super) fn extended_community(&mut self, lexer: &mut Lexer<'a>) -> Result<[u8; 8], Fault> {
        lexer.blanks();
        let from = lexer.at();
        match self.atom(lexer)? {
            Value::Ec(octets) => Ok(octets),
            Value::Other => {
                let span = Span::new(from, lexer.behind());
                Err(not_worked_out(self.slice(span), span))
            }
            _ => Err(expected(
                "an extended community, as `(generic, 0x80060000, 0x0)`",
                Span::new(from, lexer.behind()),
            )),
        }
    }

    // Behind the kind: key and value (`ec_as2`, `ec_as4`, `ec_ip4` of nest/attrs.h).
    fn community(&mut self, kind: Kind, lexer: &mut Lexer<'a>) -> Result<Value, Fault> {
        let comma = |lexer: &mut Lexer<'a>| {
            let (token, span) = lexer.next();
            if token == Token::Sign(b',') { Ok(()) } else { Err(expected("`,`", span)) }
        };
        comma(lexer)?;
        let key = self.nested(lexer)?;
        comma(lexer)?;
        lexer.blanks();
        let from = lexer.at();
        let value = self.nested(lexer)?;
        let at = Span::new(from, lexer.behind());
        let (close, end) = lexer.next();
        if close != Token::Sign(b')') {
            return Err(expected("`)`", end));
        }
        let Value::Int(value) = value else { return Ok(Value::Other) };
        let short = |behind: &str| {
            u16::try_from(value).map(u64::from).map_err(|_| Fault {
                check: raised::VALUE_OUT_OF_RANGE,
                message: format!("`{value}` is beyond 65535, the largest number behind {behind}"),
                span: at,
            })
        };
        let kind_bits = |kind: u16, form: u16| u64::from(kind | form) << 48;
        let octets = match (kind, key) {
            (Kind::Generic, Value::Int(key) | Value::Ip4(key)) => u64::from(key) << 32 | u64::from(value),
            (Kind::Of(kind), Value::Int(key @ 0..=0xffff)) => {
                kind_bits(kind, 0) | u64::from(key) << 32 | u64::from(value)
            }
            (Kind::Of(kind), Value::Int(key)) => {
                kind_bits(kind, 0x0200) | u64::from(key) << 16 | short("a four-octet AS")?
            }
            (Kind::Of(kind), Value::Ip4(key)) => {
                kind_bits(kind, 0x0100) | u64::from(key) << 16 | short("an address")?
            }
            _ => return Ok(Value::Other),
        };
        Ok(Value::Ec(octets.to_be_bytes()))
    }

    /// Says which constants nothing uses.
    pub(super) fn unused(&self, findings: &mut Findings) {
        let mut names: Vec<(&Span, &&str)> =
            self.by_name.iter().filter(|(_, c)| !c.used).map(|(name, c)| (&c.span, name)).collect();
        names.sort_unstable();
        for (span, name) in names {
            let message = format!("nothing uses the constant `{name}`");
            findings.add(raised::UNUSED_DEFINITION, Level::Note, message, *span, "remove it, or use it");
        }
    }
}

fn not_worked_out(words: &str, span: Span) -> Fault {
    let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
    let message = format!("`{words}` is no constant this can work out");
    Fault { check: raised::UNSUPPORTED_KEYWORD, message, span }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Generic,
    Of(u16),
}

// The kind of an extended community behind its parenthesis; none when it is another expression.
fn community_kind(lexer: &mut Lexer<'_>) -> Option<Result<Kind, Fault>> {
    let kind = match lexer.peek() {
        Token::Word("generic") => Kind::Generic,
        Token::Word("rt") => Kind::Of(0x0002),
        Token::Word("ro") => Kind::Of(0x0003),
        Token::Word("unknown") => {
            lexer.next();
            let (token, span) = lexer.next();
            return Some(match token {
                // BIRD takes its own number of `generic` for it, and of others the last 16 bits (measured).
                Token::Number(Some(0xffff)) => Ok(Kind::Generic),
                Token::Number(Some(number)) => {
                    let [_, _, high, low] = number.to_be_bytes();
                    Ok(Kind::Of(u16::from_be_bytes([high, low])))
                }
                _ => Err(expected("the type of a community, as `0x8006`", span)),
            });
        }
        _ => return None,
    };
    lexer.next();
    Some(Ok(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    fn term(text: &str) -> Result<Value, String> {
        let mut constants = Constants::new(text);
        let mut findings = Findings::new(SourceId(0));
        let define = "N = 6; ";
        constants.define(&mut Lexer::new(define), &mut findings);
        constants.term(&mut Lexer::new(text)).map_err(|fault| fault.message)
    }

    #[test]
    fn arithmetic_is_that_of_32_bits() {
        assert_eq!(term("1+2*3"), Ok(Value::Int(7)));
        assert_eq!(term("(N*2/3-1)"), Ok(Value::Int(3)));
        assert_eq!(term("0-1"), Ok(Value::Int(u32::MAX)));
        assert_eq!(term("1/0"), Ok(Value::Other));
        assert_eq!(term("10.0.0.0/8"), Ok(Value::Net4(0x0a00_0000, 8)));
        assert_eq!(term("::/0"), Ok(Value::Net6(0, 0)));
        assert_eq!(term("[1,2]"), Ok(Value::Other));
        assert_eq!(term("X"), Err("nothing above defines `X`".to_owned()));
        assert!(term(&"(".repeat(100)).is_err());
    }

    #[test]
    fn communities_follow_the_size_of_their_key() {
        let ec = |text| match term(text) {
            Ok(Value::Ec(octets)) => Ok(u64::from_be_bytes(octets)),
            other => Err(format!("{other:?}")),
        };
        assert_eq!(ec("(generic, 0x80060000, 0x0)"), Ok(0x8006_0000_0000_0000));
        assert_eq!(ec("(rt, 65000, 100)"), Ok(0x0002_fde8_0000_0064));
        assert_eq!(ec("(ro, 192.0.2.1, 100)"), Ok(0x0103_c000_0201_0064));
        assert_eq!(ec("(unknown 0x8006, 70000, 5)"), Ok(0x8206_0001_1170_0005));
        assert_eq!(ec("(unknown 0x8009, 0, 10)"), Ok(0x8009_0000_0000_000a));
        // As BIRD 2.0.12 shows them.
        assert_eq!(ec("(unknown 65536, 10, 20)"), Ok(0x0000_000a_0000_0014));
        assert_eq!(ec("(unknown 0x18006, 70000, 20)"), Ok(0x8206_0001_1170_0014));
        assert_eq!(ec("(unknown 0xffff, 70000, 20)"), Ok(0x0001_1170_0000_0014));
        assert_eq!(ec("(unknown 0x1ffff, 70000, 20)"), Ok(0xffff_0001_1170_0014));
        assert_eq!(ec("(generic, 1.2.3.4, 20)"), Ok(0x0102_0304_0000_0014));
        assert!(ec("(rt, 70000, 70000)").unwrap_err().contains("beyond 65535"));
    }
}
