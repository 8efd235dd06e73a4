//! The elements of sets and maps, from text to syntax.

use super::expr::{Parser, Side};
use super::fault::{Fault, Read};
use super::lex::Token;
use super::names;
use super::syntax::{Data, Element, Expr, Verdict};

impl<'a> Parser<'a, '_> {
    /// `{ element, element }`
    pub(super) fn set(&mut self) -> Read<Expr<'a>> {
        self.expect(b'{')?;
        let mut list = Vec::new();
        loop {
            let start = self.span;
            let key = if self.eat(b'*') { Expr::Any } else { self.concat(Side::Right)? };
            match &key {
                Expr::SetRef(name) => {
                    return Err(Fault::new(name.span, "a set stands in no other set"));
                }
                Expr::Concat(parts) if parts.iter().any(|part| matches!(part, Expr::Set(_))) => {
                    return Err(Fault::new(start.to(self.last), "a set is no part of a concatenation"));
                }
                _ => {}
            }
            let mut temporary = self.element_options()?;
            if matches!(key, Expr::Set(_)) && self.token == Token::Sign(b':') {
                return Err(Fault::new(start.to(self.last), "a set is no key of a map"));
            }
            let data = if self.eat(b':') { Some(self.data()?) } else { None };
            temporary |= self.element_options()?;
            list.push(Element { key, data, temporary, span: start.to(self.last) });
            if self.defines.charge(1).is_err() {
                return self.fault("fewer values");
            }
            let mut more = false;
            // nft takes any number of them.
            while self.eat(b',') {
                more = true;
            }
            if self.eat(b'}') {
                break;
            }
            if !more {
                return self.fault("`,` or `}`");
            }
        }
        list.shrink_to_fit();
        Ok(Expr::Set(list))
    }

    fn data(&mut self) -> Read<Data<'a>> {
        let verdict = match self.token {
            Token::Word("accept") => Some(Verdict::Accept),
            Token::Word("drop") => Some(Verdict::Drop),
            Token::Word("continue") => Some(Verdict::Continue),
            Token::Word("return") => Some(Verdict::Return),
            Token::Word("jump" | "goto") => return Ok(Data::Verdict(self.jump()?)),
            _ => None,
        };
        if let Some(verdict) = verdict {
            self.bump();
            return Ok(Data::Verdict(verdict));
        }
        self.concat(Side::Right).map(Data::Value)
    }

    /// What may stand behind an element: counters, timeouts, comments; whether it is gone after a time.
    pub(super) fn element_options(&mut self) -> Read<bool> {
        let mut temporary = false;
        loop {
            temporary |= self.element_marks()?;
            match self.token {
                Token::Word("counter" | "limit" | "quota" | "last" | "ct") => drop(self.statement()?),
                _ => return Ok(temporary),
            }
        }
    }

    /// Timeouts and comments; whether there is a timeout.
    pub(super) fn element_marks(&mut self) -> Read<bool> {
        let mut temporary = false;
        loop {
            match self.token {
                Token::Word("timeout" | "expires") => {
                    self.bump();
                    self.duration()?;
                    temporary = true;
                }
                Token::Word("comment") => drop(self.comment()?),
                _ => return Ok(temporary),
            }
        }
    }

    /// `1d2h30s`
    pub(super) fn duration(&mut self) -> Read<()> {
        match self.token {
            Token::Word(word) | Token::Quoted(word) if names::is_duration(word) => self.bump(),
            Token::Sign(b'$') => drop(self.definition()?),
            _ => return self.fault("a time, as `1h30m`"),
        }
        Ok(())
    }
}
