//! Text to expressions. One that cannot be read becomes a finding, and reading goes on at the next.
//!
//! A file holds an expression a line. One goes on over the end of its line inside parentheses, behind `and`, `or`
//! and `not`, and where the next line begins with `and`, `or` or an operator.

mod arithmetic;
mod primitive;

use super::lex::{Lexed, Lexer, Token};
use super::syntax::{Id, Join, Node, NodeKind, Qualifiers};
use super::words;
use crate::dialect::raised;
use crate::guard::{Meter, limits};
use crate::source::Span;

/// What is wrong with an expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub(super) check: &'static str,
    pub(super) message: String,
    pub(super) span: Span,
    pub(super) help: &'static str,
}

impl Fault {
    pub(super) fn syntax(message: impl Into<String>, span: Span, help: &'static str) -> Self {
        Self { check: raised::SYNTAX_ERROR, message: message.into(), span, help }
    }

    pub(super) fn range(message: impl Into<String>, span: Span, help: &'static str) -> Self {
        Self { check: raised::VALUE_OUT_OF_RANGE, message: message.into(), span, help }
    }
}

pub(super) type Parsed<T> = Result<T, Fault>;

/// What an operand turned out to be.
enum Operand<'a> {
    /// A part of an expression, with the qualifiers that identifiers behind it take over.
    Part(Node<'a>, Option<Qualifiers>),
    /// Arithmetic that nothing is compared with yet.
    Arithmetic(super::syntax::Arithmetic),
    /// A number alone: an identifier or arithmetic.
    Number(u32),
}

/// Reads expressions one after the other.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Lexed<'a>,
    // The end of the last token taken.
    end: u32,
    // Parentheses and brackets that are open.
    open: Meter,
    // The beginning of a line does not end the expression here.
    joined: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut lexer = Lexer::new(text);
        let token = lexer.next();
        Self { text, lexer, token, end: 0, open: Meter::new(&limits::NESTING), joined: true }
    }

    /// The next expression; none at the end of the text.
    pub(super) fn expression(&mut self) -> Option<Result<Node<'a>, (Span, Fault)>> {
        if self.token.token == Token::End {
            return None;
        }
        let start = self.token.span.start;
        self.joined = true;
        self.open = Meter::new(&limits::NESTING);
        let read = self.chain(None).and_then(|operand| match operand {
            Operand::Part(node, _) if self.peek() == Token::End => Ok(node),
            Operand::Part(..) => Err(self.expected("`and`, `or`, or the end of the expression")),
            Operand::Arithmetic(_) => Err(self.expected("a comparison with this number")),
            Operand::Number(number) => {
                let span = Span { start, end: self.end };
                let help = "write what it is the number of, as `port 80`";
                Err(Fault::syntax(format!("`{number}` stands without a qualifier"), span, help))
            }
        });
        Some(read.map_err(|fault| {
            self.recover(start);
            (Span { start, end: self.end.max(fault.span.end) }, fault)
        }))
    }

    /// Goes on at the next line: the one the fault begins, or the one behind it.
    fn recover(&mut self, start: u32) {
        if self.token.span.start == start {
            self.bump();
        }
        while !self.token.first && self.token.token != Token::End {
            self.bump();
        }
    }

    /// The token here; the end where a line begins that does not belong to the expression.
    fn peek(&self) -> Token<'a> {
        if self.token.first && !self.joined && self.open.spent() == 0 { Token::End } else { self.token.token }
    }

    /// The token behind the one here.
    fn behind(&self) -> Token<'a> {
        self.lexer.clone().next().token
    }

    fn bump(&mut self) -> Lexed<'a> {
        let taken = self.token;
        self.end = taken.span.end;
        self.token = self.lexer.next();
        self.joined = false;
        taken
    }

    fn is_word(&self, word: &str) -> bool {
        self.peek() == Token::Word(word)
    }

    /// What stands here, as messages quote it.
    fn here(&self) -> String {
        match self.peek() {
            Token::End => "the end".to_owned(),
            _ => format!("`{}`", shorten(self.text.get(self.token.span.range()).unwrap_or(""))),
        }
    }

    fn expected(&self, what: &str) -> Fault {
        let span = match self.peek() {
            Token::End => Span { start: self.end, end: self.end },
            _ => self.token.span,
        };
        if let Token::Wrong(why) = self.peek() {
            return Fault::syntax(
                format!("{} is {why}", self.here()),
                span,
                "see the grammar of pcap-filter(7)",
            );
        }
        let help = "see the grammar of pcap-filter(7)";
        Fault::syntax(format!("{} stands where {what} is expected", self.here()), span, help)
    }

    fn sign(&mut self, sign: &'static str) -> Parsed<()> {
        if self.peek() == Token::Sign(sign) {
            self.bump();
            Ok(())
        } else {
            Err(self.expected(&format!("`{sign}`")))
        }
    }

    /// Opens a parenthesis or bracket.
    fn nest(&mut self) -> Parsed<()> {
        let span = self.token.span;
        self.bump();
        self.open.charge(1).map_err(|error| {
            Fault::syntax(
                error.to_string(),
                span,
                "write the expression with fewer parentheses inside others",
            )
        })
    }

    /// Parts joined by `and` and `or`, or one operand that is no part.
    fn chain(&mut self, inherited: Option<Qualifiers>) -> Parsed<Operand<'a>> {
        let start = self.token.span.start;
        let span = self.token.span;
        let (first, mut qualifiers) = match self.operand(inherited)? {
            Operand::Part(node, qualifiers) => (node, qualifiers),
            number @ Operand::Number(_) if join(self.token.token).is_some() => {
                self.part(number, inherited, span)?
            }
            other => return Ok(other),
        };
        let mut rest = Vec::new();
        // An operator may begin the next line.
        while let Some(join) = join(self.token.token) {
            self.bump();
            self.joined = true;
            let span = self.token.span;
            let operand = self.operand(qualifiers)?;
            let (node, next) = self.part(operand, qualifiers, span)?;
            rest.push((join, node));
            qualifiers = next;
        }
        if rest.is_empty() {
            return Ok(Operand::Part(first, qualifiers));
        }
        let span = Span { start, end: self.end };
        let kind = NodeKind::Chain(Box::new(first), rest);
        Ok(Operand::Part(Node { span, kind }, qualifiers))
    }

    /// An operand as a part of an expression.
    fn part(
        &self,
        operand: Operand<'a>,
        inherited: Option<Qualifiers>,
        span: Span,
    ) -> Parsed<(Node<'a>, Option<Qualifiers>)> {
        match operand {
            Operand::Part(node, qualifiers) => Ok((node, qualifiers)),
            Operand::Arithmetic(_) => Err(self.expected("a comparison with this number")),
            Operand::Number(number) => {
                let Some(qualifiers) = inherited else {
                    let help = "write what it is the number of, as `port 80`";
                    return Err(Fault::syntax(format!("`{number}` stands without a qualifier"), span, help));
                };
                let kind = NodeKind::Primitive(qualifiers, Id::Number(number));
                Ok((Node { span, kind }, inherited))
            }
        }
    }

    /// One operand, with any number of `not` before it.
    fn operand(&mut self, inherited: Option<Qualifiers>) -> Parsed<Operand<'a>> {
        let start = self.token.span.start;
        let mut negated = None;
        while matches!(self.peek(), Token::Sign("!") | Token::Word("not")) {
            self.bump();
            self.joined = true;
            negated = Some(!negated.unwrap_or(false));
        }
        let span = self.token.span;
        let operand = self.plain(inherited)?;
        let Some(odd) = negated else { return Ok(operand) };
        let (node, qualifiers) = self.part(operand, inherited, span)?;
        Ok(Operand::Part(if odd { negate(node, start) } else { node }, qualifiers))
    }

    fn plain(&mut self, inherited: Option<Qualifiers>) -> Parsed<Operand<'a>> {
        match self.peek() {
            Token::Sign("(") => self.parenthesis(inherited),
            Token::Number(number) => match self.behind() {
                behind if arithmetic::goes_on(behind) => self.arithmetic(),
                _ => {
                    self.bump();
                    Ok(Operand::Number(number))
                }
            },
            Token::Sign("-") => self.arithmetic(),
            Token::Word(word) if words::is_reserved(word) => self.keyword(word),
            Token::Word(_)
            | Token::Escaped(_)
            | Token::Dotted(_)
            | Token::Inet6(_)
            | Token::Mac(_)
            | Token::Arcnet(_) => {
                let Some(qualifiers) = inherited else {
                    return Err(self.unqualified());
                };
                let (id, span) = self.identifier()?;
                let kind = NodeKind::Primitive(qualifiers, id);
                Ok(Operand::Part(Node { span, kind }, inherited))
            }
            Token::Sign(_) | Token::Wrong(_) | Token::End => Err(self.expected("a primitive")),
        }
    }

    fn unqualified(&self) -> Fault {
        let message = match self.peek() {
            Token::Word(_) => format!("{} is no keyword, and no qualifier says what it names", self.here()),
            _ => format!("{} stands without a qualifier", self.here()),
        };
        let help = "write what it names, as `host 192.0.2.1` or `port domain`";
        Fault::syntax(message, self.token.span, help)
    }

    fn parenthesis(&mut self, inherited: Option<Qualifiers>) -> Parsed<Operand<'a>> {
        let start = self.token.span.start;
        self.nest()?;
        let inner = self.chain(inherited)?;
        self.sign(")").map_err(|fault| Fault {
            message: fault.message.replace("`)`", "`)`, `and` or `or`"),
            ..fault
        })?;
        self.open.release(1);
        match inner {
            Operand::Part(mut node, qualifiers) => {
                node.span = Span { start, end: self.end };
                Ok(Operand::Part(node, qualifiers))
            }
            Operand::Number(number) if !arithmetic::goes_on(self.token.token) => Ok(Operand::Number(number)),
            Operand::Number(number) => self.arithmetic_from(super::syntax::Arithmetic::Number(number), start),
            Operand::Arithmetic(inner) => self.arithmetic_from(inner, start),
        }
    }
}

fn join(token: Token<'_>) -> Option<Join> {
    match token {
        Token::Word("and") | Token::Sign("&&") => Some(Join::And),
        Token::Word("or") | Token::Sign("||") => Some(Join::Or),
        _ => None,
    }
}

fn negate(node: Node<'_>, start: u32) -> Node<'_> {
    let span = Span { start, end: node.span.end };
    match node.kind {
        NodeKind::Not(inner) => Node { span, kind: inner.kind },
        kind => Node { span, kind: NodeKind::Not(Box::new(Node { span: node.span, kind })) },
    }
}

/// A word as messages quote it.
pub(super) fn shorten(word: &str) -> String {
    if word.chars().count() <= 40 {
        return word.to_owned();
    }
    let head: String = word.chars().take(37).collect();
    format!("{head}...")
}
