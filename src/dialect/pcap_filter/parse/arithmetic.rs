//! Arithmetic on octets of the packet, and what it is compared with.

use super::{Fault, Operand, Parsed, Parser};
use crate::dialect::pcap_filter::lex::Token;
use crate::dialect::pcap_filter::syntax::{Arithmetic, Comparison, Node, NodeKind, Operator, Proto};
use crate::dialect::pcap_filter::words;
use crate::source::Span;

/// Whether arithmetic goes on with this token.
pub(super) fn goes_on(token: Token<'_>) -> bool {
    operator(token).is_some() || comparison(token).is_some()
}

/// libpcap's grammar gives `%` and `^` no precedence, and its parser then shifts: they bind tighter than anything
/// before them, and take all that follows.
const GREEDY: u8 = u8::MAX;

/// An operator and how tightly it binds.
fn operator(token: Token<'_>) -> Option<(Operator, u8)> {
    let Token::Sign(sign) = token else { return None };
    // grammar.y of libpcap 1.10: %left '|' '&', then '<<' '>>', then '+' '-', then '*' '/'.
    Some(match sign {
        "|" => (Operator::Or, 1),
        "&" => (Operator::And, 1),
        "<<" => (Operator::Left, 2),
        ">>" => (Operator::Right, 2),
        "+" => (Operator::Add, 3),
        "-" => (Operator::Subtract, 3),
        "*" => (Operator::Multiply, 4),
        "/" => (Operator::Divide, 4),
        "%" => (Operator::Modulo, GREEDY),
        "^" => (Operator::Xor, GREEDY),
        _ => return None,
    })
}

pub(super) fn comparison(token: Token<'_>) -> Option<Comparison> {
    let Token::Sign(sign) = token else { return None };
    Some(match sign {
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        "=" | "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        ">=" => Comparison::GreaterEqual,
        ">" => Comparison::Greater,
        _ => return None,
    })
}

impl<'a> Parser<'a> {
    /// Arithmetic from here on, with its comparison where there is one.
    pub(super) fn arithmetic(&mut self) -> Parsed<Operand<'a>> {
        let start = self.token.span.start;
        let first = self.factor()?;
        self.arithmetic_from(first, start)
    }

    /// The same where the first factor is read.
    pub(super) fn arithmetic_from(&mut self, first: Arithmetic, start: u32) -> Parsed<Operand<'a>> {
        let left = self.operators(first, 0)?;
        // An operator may begin the next line.
        let Some(comparison) = comparison(self.token.token) else { return Ok(Operand::Arithmetic(left)) };
        self.bump();
        self.joined = true;
        let first = self.factor()?;
        let right = self.operators(first, 0)?;
        let kind = NodeKind::Relation(Box::new((left, comparison, right)));
        Ok(Operand::Part(Node { span: Span { start, end: self.end }, kind }, None))
    }

    fn operators(&mut self, first: Arithmetic, least: u8) -> Parsed<Arithmetic> {
        let mut left = first;
        while let Some((operator, binds)) = operator(self.token.token).filter(|(_, binds)| *binds >= least) {
            self.bump();
            self.joined = true;
            let mut right = self.factor()?;
            let least = if binds == GREEDY { 0 } else { binds + 1 };
            if self::operator(self.token.token).is_some_and(|(_, next)| next >= least) {
                self.open.charge(1).map_err(|error| self.too_deep(&error.to_string()))?;
                right = self.operators(right, least)?;
                self.open.release(1);
            }
            left = Arithmetic::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn too_deep(&self, error: &str) -> Fault {
        Fault::syntax(error, self.token.span, "write the expression with fewer parentheses inside others")
    }

    fn factor(&mut self) -> Parsed<Arithmetic> {
        match self.peek() {
            Token::Number(number) => {
                self.bump();
                Ok(Arithmetic::Number(number))
            }
            Token::Sign("-") => {
                self.nest()?;
                let inner = self.factor()?;
                self.open.release(1);
                Ok(Arithmetic::Negative(Box::new(inner)))
            }
            Token::Sign("(") => {
                self.nest()?;
                let first = self.factor()?;
                let inner = self.operators(first, 0)?;
                self.sign(")")?;
                self.open.release(1);
                Ok(inner)
            }
            Token::Word("len" | "length") => {
                self.bump();
                Ok(Arithmetic::Length)
            }
            Token::Word(word) => {
                if let Some(number) = words::constant(word) {
                    self.bump();
                    return Ok(Arithmetic::Number(number));
                }
                match words::proto(word) {
                    Some(proto) if self.behind() == Token::Sign("[") => {
                        self.bump();
                        self.load(proto)
                    }
                    _ => Err(self.expected("a number, `len`, or octets as `ip[0]`")),
                }
            }
            _ => Err(self.expected("a number, `len`, or octets as `ip[0]`")),
        }
    }

    fn load(&mut self, proto: Proto) -> Parsed<Arithmetic> {
        self.nest()?;
        let first = self.factor()?;
        let index = Box::new(self.operators(first, 0)?);
        let mut size = 1;
        if self.peek() == Token::Sign(":") {
            self.bump();
            let place = self.token.span;
            match self.peek() {
                Token::Number(number @ (1 | 2 | 4)) => {
                    self.bump();
                    size = if number == 1 {
                        1
                    } else if number == 2 {
                        2
                    } else {
                        4
                    };
                }
                Token::Number(_) => {
                    let message = format!("{} octets cannot be loaded at once", self.here());
                    return Err(Fault::range(message, place, "data size must be 1, 2, or 4"));
                }
                _ => return Err(self.expected("the number of octets: 1, 2 or 4")),
            }
        }
        self.sign("]")?;
        self.open.release(1);
        Ok(Arithmetic::Load { proto, index, size })
    }
}
