//! The items of a flow route: text to [`Route`] (conf/flowspec.Y of BIRD).

use super::constants::{Constants, Fault, Value, expected};
use super::lex::{Lexer, Token};
use super::support;
use super::syntax::{Body, Item, Join, Operand, Route, Test};
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::ComponentType;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT};
use crate::dialect::raised;
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::source::Span;

/// Reads `{ item; ... }` behind `flow4` or `flow6`. Says whether there was a block at all.
pub(super) fn block<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    findings: &mut Findings,
    route: &mut Route,
) -> bool {
    if !lexer.eat(b'{') {
        let at = Span::new(lexer.at(), lexer.at());
        findings.error(raised::SYNTAX_ERROR, "expected `{` and the items of a flow route", at);
        route.broken.get_or_insert(at);
        return false;
    }
    let mut meter = Meter::new(&limits::CONDITION_VALUES);
    while !lexer.eat(b'}') {
        let (token, keyword) = lexer.next();
        if matches!(token, Token::End | Token::Unclosed(_)) {
            lexer.seek(keyword.start as usize);
            let at = Span { end: keyword.start, ..keyword };
            findings.error(raised::SYNTAX_ERROR, "expected `}` at the end of the flow route", at);
            route.broken.get_or_insert(at);
            return false;
        }
        item(token, keyword, lexer, constants, findings, route, &mut meter);
    }
    true
}

// One item, behind its first word.
fn item<'a>(
    token: Token<'a>,
    keyword: Span,
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    findings: &mut Findings,
    route: &mut Route,
    meter: &mut Meter,
) {
    let kind = match token {
        Token::Word(word) => component(word, lexer),
        _ => None,
    };
    let operands = route.operands.len();
    let read = match kind {
        None => {
            let words = match token {
                Token::Word(word) => format!("`{word}` is no item of a flow route"),
                _ => "expected an item of a flow route, as `dst 192.0.2.0/24;`".to_owned(),
            };
            let check = if matches!(token, Token::Word(_)) {
                raised::UNSUPPORTED_KEYWORD
            } else {
                raised::SYNTAX_ERROR
            };
            Err(Fault { check, message: words, span: keyword })
        }
        Some(ComponentType::DestinationPrefix | ComponentType::SourcePrefix) => {
            prefix(lexer, constants, route, kind, keyword)
        }
        Some(ComponentType::TcpFlags) => bits(lexer, constants, route, meter),
        Some(ComponentType::Fragment) => fragments(lexer, constants, findings, route, meter),
        Some(_) => numbers(lexer, constants, route, meter),
    };
    let span = Span::new(keyword.start as usize, lexer.behind().max(keyword.end as usize));
    if let Err(fault) = read {
        findings.error(fault.check, fault.message, fault.span);
        route.items.push(Item { kind, body: Body::Unread, span });
        // What ended the item early ends it.
        lexer.seek(fault.span.start.max(keyword.end) as usize);
        return unread(lexer, route, operands, fault.span);
    }
    if route.operands.len() > operands {
        let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let body = Body::List { start: index(operands), end: index(route.operands.len()) };
        route.items.push(Item { kind, body, span });
    }
    if lexer.eat(b';') {
        return;
    }
    let (token, at) = lexer.next();
    let what = match token {
        Token::Sign(b'}') | Token::End | Token::Unclosed(_) => {
            lexer.seek(at.start as usize);
            findings.error(raised::SYNTAX_ERROR, "expected `;` behind this item", span);
            return;
        }
        Token::Sign(b',') => "`&&`, `||` or `;`: a comma joins values without operators only",
        Token::Range => "`;`: a range takes no operator",
        _ => "`;`",
    };
    findings.error(raised::SYNTAX_ERROR, format!("expected {what}"), at);
    unread(lexer, route, operands, at);
}

// Makes the last item one that is not known, and goes on behind its end.
fn unread(lexer: &mut Lexer<'_>, route: &mut Route, operands: usize, at: Span) {
    route.operands.truncate(operands);
    skip_item(lexer);
    if let Some(item) = route.items.last_mut() {
        item.body = Body::Unread;
        item.span = item.span.to(Span::new(at.start as usize, lexer.behind().max(at.start as usize)));
    }
}

// To behind the next semicolon, or before the brace that ends the route.
fn skip_item(lexer: &mut Lexer<'_>) {
    let mut depth = 0_usize;
    loop {
        lexer.blanks();
        let (token, span) = lexer.next();
        match token {
            Token::Sign(b';') if depth == 0 => return,
            Token::Sign(b'}') if depth == 0 => return lexer.seek(span.start as usize),
            Token::Sign(b'{') => depth += 1,
            Token::Sign(b'}') => depth -= 1,
            Token::End | Token::Unclosed(_) => return lexer.seek(span.start as usize),
            _ => {}
        }
    }
}

fn component(word: &str, lexer: &mut Lexer<'_>) -> Option<ComponentType> {
    if !matches!(word, "next" | "icmp" | "tcp") {
        return support::component(word, "");
    }
    let Token::Word(second) = lexer.peek() else { return None };
    let kind = support::component(word, second)?;
    lexer.next();
    Some(kind)
}

// A prefix is an item as soon as it is read; operands become one when all are.
fn prefix<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    route: &mut Route,
    kind: Option<ComponentType>,
    keyword: Span,
) -> Result<(), Fault> {
    let (token, span) = lexer.next();
    let six = route.family == Family::Inet6;
    let value = match token {
        Token::Ip4(Some(addr)) if !six => Value::Net4(addr, length(lexer, 32)?),
        Token::Ip6(Some(addr)) if six => Value::Net6(u128::from_be_bytes(addr), length(lexer, 128)?),
        Token::Ip4(None) | Token::Ip6(None) => return Err(expected("an address", span)),
        Token::Ip4(_) | Token::Ip6(_) => {
            let (is, must) = if six { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
            let message = format!("this prefix is {is} and the route is {must}");
            return Err(Fault { check: raised::MIXED_FAMILY, message, span });
        }
        Token::Word(name) | Token::Quoted(name) => constants.value(name, span)?,
        _ => return Err(expected("a prefix, as `192.0.2.0/24`", span)),
    };
    match value {
        Value::Net4(addr, len) if !six => {
            let span = Span::new(keyword.start as usize, lexer.behind());
            route.items.push(Item { kind, body: Body::Prefix4 { addr, len }, span });
            Ok(())
        }
        Value::Net6(addr, len) if six => {
            let offset = if lexer.eat_word("offset") { offset(lexer, len)? } else { 0 };
            let span = Span::new(keyword.start as usize, lexer.behind());
            route.items.push(Item { kind, body: Body::Prefix6 { addr, len, offset }, span });
            Ok(())
        }
        Value::Net4(..) | Value::Net6(..) => {
            let message = "this constant is a prefix of the other address family".to_owned();
            Err(Fault { check: raised::MIXED_FAMILY, message, span })
        }
        _ => Err(expected("the name of a prefix", span)),
    }
}

fn length(lexer: &mut Lexer<'_>, max: u8) -> Result<u8, Fault> {
    if !lexer.eat(b'/') {
        let at = Span::new(lexer.behind(), lexer.behind());
        return Err(expected("a prefix length behind the address, as `/32`", at));
    }
    let (token, span) = lexer.next();
    let number = match token {
        Token::Number(Some(number)) => u8::try_from(number).ok().filter(|number| *number <= max),
        _ => None,
    };
    let what = if max == 32 { "a prefix length of 0 to 32" } else { "a prefix length of 0 to 128" };
    number.ok_or_else(|| expected(what, span))
}

fn offset(lexer: &mut Lexer<'_>, len: u8) -> Result<u8, Fault> {
    let (token, span) = lexer.next();
    let Token::Number(Some(number)) = token else { return Err(expected("a number behind `offset`", span)) };
    match u8::try_from(number) {
        // Of no bits at all, `offset 0` says nothing; otherwise there must be bits left to compare.
        Ok(offset) if offset < len || offset == 0 => Ok(offset),
        Ok(offset) if offset == len => Err(Fault {
            check: raised::MALFORMED_NLRI,
            message: format!("an offset of `{offset}` leaves nothing of a prefix of {len} bits to compare"),
            span,
        }),
        _ => Err(Fault {
            check: raised::VALUE_OUT_OF_RANGE,
            message: format!("the offset `{number}` is beyond the prefix length {len}"),
            span,
        }),
    }
}

fn charge(meter: &mut Meter, at: Span) -> Result<(), Fault> {
    meter.charge(1).map_err(|exhausted| Fault {
        check: raised::SYNTAX_ERROR,
        message: format!("this list is not read: {exhausted}"),
        span: at,
    })
}

// `op expr` joined by && and ||, or values and ranges joined by commas; || may go on with either.
fn numbers<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    route: &mut Route,
    meter: &mut Meter,
) -> Result<(), Fault> {
    let mut join = Join::Or;
    loop {
        lexer.blanks();
        let from = lexer.at();
        if let Some(op) = operator(lexer) {
            let (value, at) = constants.number(lexer)?;
            let span = Span::new(from, at.end as usize);
            charge(meter, span)?;
            route.operands.push(Operand { join, test: Test::Number { op, value }, span });
        } else {
            if join == Join::And && !route.shown {
                return Err(expected("an operator behind `&&`", Span::new(from, from)));
            }
            values(lexer, constants, route, meter, join)?;
        }
        // BIRD shows commas in front of operators too, which it does not read.
        if route.shown && lexer.eat(b',') {
            join = Join::Or;
            continue;
        }
        join = match joined(lexer) {
            Some(join) => join,
            None => return Ok(()),
        };
    }
}

fn values<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    route: &mut Route,
    meter: &mut Meter,
    mut join: Join,
) -> Result<(), Fault> {
    loop {
        let (low, span) = constants.number(lexer)?;
        charge(meter, span)?;
        let number = |op, value| Test::Number { op, value };
        if lexer.eat_pair(*b"..") {
            let (high, end) = constants.number(lexer)?;
            route.operands.push(Operand { join, test: number(GT | EQ, low), span });
            route.operands.push(Operand { join: Join::And, test: number(LT | EQ, high), span: end });
        } else {
            route.operands.push(Operand { join, test: number(EQ, low), span });
        }
        join = Join::Or;
        if route.shown || !lexer.eat(b',') {
            return Ok(());
        }
    }
}

fn operator(lexer: &mut Lexer<'_>) -> Option<u8> {
    if lexer.eat(b'=') {
        return Some(EQ);
    }
    if lexer.at_digit() {
        return None;
    }
    let op = match lexer.peek() {
        Token::Word("true") => LT | GT | EQ,
        Token::Word("false") => 0,
        Token::Ne => LT | GT,
        Token::Sign(b'<') => LT,
        Token::Le => LT | EQ,
        Token::Sign(b'>') => GT,
        Token::Ge => GT | EQ,
        _ => return None,
    };
    lexer.next();
    Some(op)
}

fn joined(lexer: &mut Lexer<'_>) -> Option<Join> {
    if lexer.eat_pair(*b"&&") {
        return Some(Join::And);
    }
    lexer.eat_pair(*b"||").then_some(Join::Or)
}

// In lists of bits a comma is AND.
fn joined_bits(lexer: &mut Lexer<'_>) -> Option<Join> {
    if lexer.eat(b',') { Some(Join::And) } else { joined(lexer) }
}

fn bits<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    route: &mut Route,
    meter: &mut Meter,
) -> Result<(), Fault> {
    let mut join = Join::Or;
    loop {
        lexer.blanks();
        let from = lexer.at();
        let not = lexer.eat(b'!');
        let (test, end) = masked(lexer, constants, not)?;
        let span = Span::new(from, end);
        charge(meter, span)?;
        route.operands.push(Operand { join, test, span });
        join = match joined_bits(lexer) {
            Some(join) => join,
            None => return Ok(()),
        };
    }
}

fn masked<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    not: bool,
) -> Result<(Test, usize), Fault> {
    let (value, _) = constants.number(lexer)?;
    if !lexer.eat(b'/') {
        let at = Span::new(lexer.behind(), lexer.behind());
        return Err(expected("`/` and a mask behind the bits, as `0x2/0x12`", at));
    }
    let (mask, at) = constants.number(lexer)?;
    Ok((Test::Bits { not, value, mask }, at.end as usize))
}

fn fragments<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    findings: &mut Findings,
    route: &mut Route,
    meter: &mut Meter,
) -> Result<(), Fault> {
    let mut join = Join::Or;
    loop {
        lexer.blanks();
        let from = lexer.at();
        let not = lexer.eat(b'!');
        let twice = not && lexer.eat(b'!');
        let (token, at) = lexer.next();
        let (test, end) = match token {
            Token::Word(word) => {
                let bit =
                    support::fragment(word).ok_or_else(|| expected("the name of a fragment state", at))?;
                let test = if twice {
                    Test::Bits { not: true, value: 0, mask: bit }
                } else {
                    Test::Fragment { not, bit }
                };
                (test, at.end as usize)
            }
            Token::Number(_) if !twice => {
                lexer.seek(at.start as usize);
                masked(lexer, constants, not)?
            }
            _ => return Err(expected("the name of a fragment state", at)),
        };
        let span = Span::new(from, end);
        if matches!(test, Test::Bits { .. }) && !route.shown {
            let message = "this form is shown by BIRD and not read by it";
            findings.error(raised::SYNTAX_ERROR, message, span);
        }
        charge(meter, span)?;
        route.operands.push(Operand { join, test, span });
        join = match joined_bits(lexer) {
            Some(join) => join,
            None => return Ok(()),
        };
    }
}

/// The operator bits of an operand on the wire, less the mask forms.
pub(super) fn wire_op(join: Join, op: u8) -> u8 {
    if join == Join::And { op | AND } else { op }
}
