//! The attribute block behind a route: the statements of a filter, of which those on extended communities count.

use super::constants::{Constants, expected};
use super::lex::{Lexer, Token};
use super::parse::strange;
use super::support;
use super::syntax::{Attribute, Route};
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::raised;
use crate::source::Span;

/// The attribute that holds extended communities.
const EXTENDED: &str = "bgp_ext_community";

/// Reads `{ statement; ... }` if there is one.
pub(super) fn block<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    findings: &mut Findings,
    route: &mut Route,
) {
    if !lexer.eat(b'{') {
        return;
    }
    loop {
        lexer.blanks();
        match lexer.peek() {
            Token::Sign(b'}') => {
                lexer.next();
                return;
            }
            Token::End | Token::Unclosed(_) => {
                let at = Span::new(lexer.at(), lexer.at());
                findings.error(raised::SYNTAX_ERROR, "expected `}` at the end of the attributes", at);
                route.attributes.push((Attribute::Unread, at));
                return;
            }
            _ => statement(lexer, constants, findings, route),
        }
    }
}

fn statement<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    findings: &mut Findings,
    route: &mut Route,
) {
    let from = lexer.at();
    if lexer.eat(b';') {
        let message = "BIRD takes no `;` without a statement before it";
        findings.error(raised::SYNTAX_ERROR, message, Span::new(from, lexer.behind()));
        return;
    }
    if lexer.peek() == Token::Word(EXTENDED) {
        let mut ahead = lexer.clone();
        ahead.next();
        match change(&mut ahead, constants) {
            Ok(Some(attribute)) => {
                let span = Span::new(from, ahead.behind());
                *lexer = ahead;
                route.attributes.push((attribute, span));
                if !lexer.eat(b';') {
                    findings.error(raised::SYNTAX_ERROR, "expected `;` behind this statement", span);
                    skip(lexer, constants, findings, true);
                }
                return;
            }
            Ok(None) => {}
            Err(fault) => {
                findings.error(fault.check, fault.message, fault.span);
                skip(lexer, constants, findings, true);
                route.attributes.push((Attribute::Unread, Span::new(from, lexer.behind())));
                return;
            }
        }
    }
    let first = lexer.peek();
    let touches = skip(lexer, constants, findings, false);
    let span = Span::new(from, lexer.behind().max(from));
    if touches {
        let message = "this statement may change the actions and is not worked out";
        let help = "write `bgp_ext_community.add(...)` for each action";
        findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, span, help);
        route.attributes.push((Attribute::Unread, span));
    } else if let Token::Word(word) = first
        && !support::is_attribute(word)
    {
        let message = format!("`{word}` begins no statement this knows");
        findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, span, "");
    }
}

// `.add(EC)`, `.empty`, `= add(bgp_ext_community, EC)`, `= --empty--`; none for other forms.
fn change<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
) -> Result<Option<Attribute>, super::constants::Fault> {
    if lexer.eat(b'.') {
        if lexer.eat_word("empty") {
            return Ok(Some(Attribute::Empty));
        }
        if !lexer.eat_word("add") || !lexer.eat(b'(') {
            return Ok(None);
        }
        return added(lexer, constants);
    }
    if !lexer.eat(b'=') {
        return Ok(None);
    }
    if lexer.eat_word("add") {
        if !lexer.eat(b'(') || !lexer.eat_word(EXTENDED) || !lexer.eat(b',') {
            return Ok(None);
        }
        return added(lexer, constants);
    }
    let signs =
        lexer.eat(b'-') && lexer.eat(b'-') && lexer.eat_word("empty") && lexer.eat(b'-') && lexer.eat(b'-');
    Ok(signs.then_some(Attribute::Empty))
}

fn added<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
) -> Result<Option<Attribute>, super::constants::Fault> {
    let octets = constants.extended_community(lexer)?;
    if lexer.eat(b')') {
        return Ok(Some(Attribute::Add(octets)));
    }
    Err(expected("`)`", Span::new(lexer.behind(), lexer.behind())))
}

// To behind the end of the statement; says whether it names the communities or the fate of the route. `ended` is whether
// the statement before the next token needs no end: none is missed where something else is wrong already.
fn skip<'a>(
    lexer: &mut Lexer<'a>,
    constants: &mut Constants<'a>,
    findings: &mut Findings,
    mut ended: bool,
) -> bool {
    let (mut depth, mut touches) = (0_usize, false);
    loop {
        let (token, span) = lexer.next();
        let before = std::mem::replace(&mut ended, matches!(token, Token::Sign(b';' | b'{' | b'}')));
        match token {
            Token::Sign(b';') if depth == 0 && lexer.peek() != Token::Word("else") => return touches,
            Token::Sign(b';') if before => {
                let message = "BIRD takes no `;` without a statement before it";
                findings.error(raised::SYNTAX_ERROR, message, span);
            }
            Token::Sign(b'}') => {
                if !before {
                    let at = Span { end: span.start, ..span };
                    findings.error(raised::SYNTAX_ERROR, "expected `;` behind this statement", at);
                }
                if depth == 0 {
                    lexer.seek(span.start as usize);
                    return touches;
                }
                depth -= 1;
                // A block ends its statement, unless `else` goes on with it.
                if depth == 0 && lexer.peek() != Token::Word("else") {
                    return touches;
                }
            }
            Token::Sign(b'{') => depth += 1,
            Token::Word(EXTENDED | "accept" | "reject") => touches = true,
            Token::Word(name) => constants.touch(name),
            Token::Strange(sign) => findings.error(raised::SYNTAX_ERROR, strange(sign), span),
            Token::End | Token::Unclosed(_) => {
                lexer.seek(span.start as usize);
                return touches;
            }
            _ => {}
        }
    }
}
