//! Expressions, from text to syntax.

use super::defines::Defines;
use super::fault::{Fault, Read, undefined};
use super::fields::{Base, Load};
use super::lex::{Lexer, Token};
use super::names;
use super::syntax::{Binary, Expr, Relation, Word};
use crate::source::Span;

/// Whether words are values, or what a packet says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// Loads only, as left of an operator.
    Left,
    /// Loads where one can be read, else values: behind the first part of a concatenation left of an operator.
    Joined,
    /// Values only.
    Right,
    /// Loads where one can be read, else values: behind `set` and in data of maps.
    Either,
}

/// Reads the tokens of one statement.
#[derive(Debug)]
pub(super) struct Parser<'a, 'd> {
    lexer: Lexer<'a>,
    pub(super) token: Token<'a>,
    pub(super) span: Span,
    /// The place of the token before.
    pub(super) last: Span,
    pub(super) defines: &'d Defines<'a>,
    depth: u32,
}

/// The beginning of a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    position: usize,
    last: Span,
}

const DEPTH: u32 = 48;

impl<'a, 'd> Parser<'a, 'd> {
    /// A parser of `text`, which begins at `base` in the source.
    pub(super) fn new(text: &'a str, base: u32, defines: &'d Defines<'a>) -> Self {
        let mut lexer = Lexer::new(text, base);
        let (token, span) = lexer.next();
        Self { lexer, token, span, last: Span { start: base, end: base }, defines, depth: 0 }
    }

    /// Goes to the next token.
    pub(super) fn bump(&mut self) {
        self.last = self.span;
        self.span = self.lexer.next_to(&mut self.token);
    }

    /// Where reading is, to come back to.
    pub(super) fn mark(&self) -> Mark {
        let token = (self.span.end - self.span.start) as usize;
        Mark { position: self.lexer.position().saturating_sub(token), last: self.last }
    }

    /// Goes back.
    pub(super) fn reset(&mut self, mark: Mark) {
        self.lexer.go_back(mark.position);
        self.span = self.lexer.next_to(&mut self.token);
        self.last = mark.last;
    }

    /// The token behind the present one.
    pub(super) fn peek(&self) -> Token<'a> {
        let mut ahead = self.lexer;
        ahead.next().0
    }

    /// What is left behind the present token.
    pub(super) fn rest(&self) -> &'a str {
        self.lexer.rest()
    }

    /// Goes on behind `text`, a part of what is left.
    pub(super) fn resume(&mut self, length: usize) {
        let rest = self.lexer.rest();
        let base = self.span.end;
        let skipped = u32::try_from(length).unwrap_or(u32::MAX);
        self.lexer = Lexer::new(rest.get(length..).unwrap_or(""), base.saturating_add(skipped));
        self.bump();
    }

    /// The statement ends here.
    pub(super) fn at_end(&self) -> bool {
        self.token == Token::End
    }

    /// A fault at the present token.
    #[cold]
    pub(super) fn fault<T>(&self, expected: &str) -> Read<T> {
        let span = if self.at_end() { self.last } else { self.span };
        let place = if self.at_end() { " behind this" } else { "" };
        Err(Fault::new(span, format!("expected {expected}{place}")))
    }

    /// Nothing else may stand here.
    pub(super) fn expect_end(&self) -> Read<()> {
        if self.at_end() {
            return Ok(());
        }
        Err(Fault::new(self.span, "expected nothing else behind this"))
    }

    /// Takes a sign where it stands.
    pub(super) fn eat(&mut self, sign: u8) -> bool {
        let found = self.token == Token::Sign(sign);
        if found {
            self.bump();
        }
        found
    }

    /// Takes a word where it stands.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.token == Token::Word(word);
        if found {
            self.bump();
        }
        found
    }

    /// A sign that must stand here.
    pub(super) fn expect(&mut self, sign: u8) -> Read<()> {
        if self.eat(sign) { Ok(()) } else { self.fault(&format!("`{}`", char::from(sign))) }
    }

    /// A word or quotation, whatever it is; a definition's text where one is named.
    pub(super) fn name(&mut self) -> Read<Word<'a>> {
        match self.token {
            Token::Word(text) | Token::Quoted(text) => {
                let word = Word { text, span: self.span };
                self.bump();
                Ok(word)
            }
            Token::Sign(b'$') => {
                let (text, span) = self.definition()?;
                Ok(Word { text: text.trim().trim_matches('"'), span })
            }
            _ => self.fault("a name"),
        }
    }

    /// Any text that stands here as one word, for arguments without a meaning.
    pub(super) fn skip_value(&mut self) -> Read<()> {
        match self.token {
            Token::Word(_) | Token::Quoted(_) => self.bump(),
            Token::Sign(b'$') => drop(self.definition()?),
            Token::Sign(b'-') => {
                self.bump();
                self.bump();
            }
            _ => return self.fault("a value"),
        }
        Ok(())
    }

    /// What a definition holds, as text.
    pub(super) fn definition(&mut self) -> Read<(&'a str, Span)> {
        self.bump();
        let Token::Word(name) = self.token else { return self.fault("the name of a definition") };
        let span = self.span;
        let Some((text, _)) = self.defines.find(name, span.start) else {
            return Err(undefined(name, span));
        };
        self.bump();
        Ok((text, span))
    }

    // Reads what a definition holds as if it stood here.
    fn expand(&mut self, side: Side, list: bool) -> Read<Expr<'a>> {
        self.bump();
        let Token::Word(name) = self.token else { return self.fault("the name of a definition") };
        let span = self.span;
        let found = self.defines.find(name, span.start);
        let slash = name.rfind('/');
        let (found, length) = match (found, slash) {
            (None, Some(at)) => {
                (name.get(..at).and_then(|n| self.defines.find(n, span.start)), name.get(at + 1..))
            }
            (found, _) => (found, None),
        };
        let Some((text, base)) = found else {
            return Err(undefined(name, span));
        };
        self.bump();
        let mut inner = Parser::new(text, base, self.defines);
        inner.depth = self.depth + 1;
        if inner.depth > DEPTH || self.defines.charge(text.len()).is_err() {
            return Err(Fault::new(span, "definitions inside definitions go too deep"));
        }
        let is_empty = || text.trim().strip_prefix('{').is_some_and(|rest| rest.trim() == "}");
        if side == Side::Right && is_empty() {
            return Ok(Expr::Set(Vec::new()));
        }
        let expr = if list { inner.list(side) } else { inner.term(side) };
        let expr = expr.map_err(|fault| fault.at(span))?;
        if !inner.at_end() {
            return Err(Fault::new(span, format!("the definition of `${name}` is no value")));
        }
        Ok(match length {
            Some(text) => Expr::Slash(Box::new((expr, Expr::Word(Word { text, span })))),
            None => expr,
        })
    }

    /// The operator in front of what stands here.
    pub(super) fn relation(&mut self) -> Relation {
        let relation = match self.token {
            Token::Eq | Token::Word("eq") => Relation::Equal,
            Token::Ne | Token::Word("ne") => Relation::Unequal,
            Token::Sign(b'<') | Token::Word("lt") => Relation::Less,
            Token::Le | Token::Word("le") => Relation::LessOrEqual,
            Token::Sign(b'>') | Token::Word("gt") => Relation::Greater,
            Token::Ge | Token::Word("ge") => Relation::GreaterOrEqual,
            Token::Sign(b'!') => Relation::NoneOf,
            _ => return Relation::Implicit,
        };
        self.bump();
        relation
    }

    /// The right side of a comparison: values, lists of flags, flags under a mask, sets.
    pub(super) fn list(&mut self, side: Side) -> Read<Expr<'a>> {
        let first = self.comma_list(side)?;
        if self.eat(b'/') {
            let mask = self.comma_list(side)?;
            return Ok(Expr::Slash(Box::new((first, mask))));
        }
        // `fin,syn / fin,syn`: values and mask are lists.
        let Expr::List(parts) = first else { return Ok(first) };
        let Some(at) = parts.iter().position(|part| matches!(part, Expr::Slash(_))) else {
            return Ok(Expr::List(parts));
        };
        let (mut value, mut mask) = (Vec::new(), Vec::new());
        for (index, part) in parts.into_iter().enumerate() {
            match part {
                Expr::Slash(pair) if index == at => {
                    value.push(pair.0);
                    mask.push(pair.1);
                }
                part if index < at => value.push(part),
                part => mask.push(part),
            }
        }
        Ok(Expr::Slash(Box::new((Expr::List(value), Expr::List(mask)))))
    }

    /// A word, a prefix or a range with nothing behind that may belong to it; where it is none, some of it may be read.
    #[inline]
    pub(super) fn plain_value(&mut self) -> Option<Expr<'a>> {
        let first = self.plain_word()?;
        let second = match self.token {
            Token::Sign(sign @ (b'/' | b'-')) => {
                self.bump();
                Some((sign, self.plain_word()?))
            }
            _ => None,
        };
        let ends = matches!(self.token, Token::Word(_) | Token::End) && self.operator().is_none();
        ends.then(|| match second {
            None => first,
            Some((b'/', second)) => Expr::Slash(Box::new((first, second))),
            Some((_, second)) => Expr::Range(Box::new((first, second))),
        })
    }

    fn plain_word(&mut self) -> Option<Expr<'a>> {
        let Token::Word(text) = self.token else { return None };
        if names::is_reserved(text) {
            return None;
        }
        let span = self.span;
        self.bump();
        Some(Expr::Word(Word { text, span }))
    }

    fn comma_list(&mut self, side: Side) -> Read<Expr<'a>> {
        let first = self.mapped(side)?;
        if self.token != Token::Sign(b',') {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat(b',') {
            parts.push(self.concat(side)?);
        }
        Ok(Expr::List(parts))
    }

    /// Values joined by dots, or what a map gives for them.
    pub(super) fn mapped(&mut self, side: Side) -> Read<Expr<'a>> {
        let key = self.concat(side)?;
        if side == Side::Right || self.token != Token::Word("map") {
            return Ok(key);
        }
        if super::refusals::place(&key).is_none() {
            return self.fault("something to look up in front of `map`");
        }
        self.bump();
        let data = self.data_set()?;
        Ok(Expr::Map(Box::new((key, data))))
    }

    /// Values joined by dots.
    pub(super) fn concat(&mut self, side: Side) -> Read<Expr<'a>> {
        let first = self.term(side)?;
        if self.token != Token::Sign(b'.') {
            return Ok(first);
        }
        let mut parts = vec![first];
        let side = if side == Side::Left { Side::Joined } else { side };
        while self.eat(b'.') {
            parts.push(self.term(side)?);
        }
        Ok(Expr::Concat(parts))
    }

    // A range, a prefix, or numbers combined.
    fn term(&mut self, side: Side) -> Read<Expr<'a>> {
        let first = self.binary(side, 0)?;
        match self.token {
            Token::Sign(b'-') if !matches!(side, Side::Left | Side::Joined) => {
                self.bump();
                let second = self.binary(side, 0)?;
                let second = self.prefix(side, second)?;
                Ok(Expr::Range(Box::new((first, second))))
            }
            _ => self.prefix(side, first),
        }
    }

    fn prefix(&mut self, side: Side, first: Expr<'a>) -> Read<Expr<'a>> {
        if !matches!(side, Side::Left | Side::Joined) && self.token == Token::Sign(b'/') {
            self.bump();
            let second = self.binary(side, 0)?;
            return Ok(Expr::Slash(Box::new((first, second))));
        }
        Ok(first)
    }

    fn operator(&self) -> Option<(Binary, u8)> {
        Some(match self.token {
            Token::Sign(b'|') | Token::Word("or") => (Binary::Or, 1),
            Token::Sign(b'^') | Token::Word("xor") => (Binary::Xor, 2),
            Token::Sign(b'&') | Token::Word("and") => (Binary::And, 3),
            Token::Shl | Token::Word("lshift") => (Binary::ShiftLeft, 4),
            Token::Shr | Token::Word("rshift") => (Binary::ShiftRight, 4),
            _ => return None,
        })
    }

    fn binary(&mut self, side: Side, least: u8) -> Read<Expr<'a>> {
        let mut left = self.primary(side)?;
        let mut count = 0;
        while let Some((operator, strength)) = self.operator()
            && strength > least
        {
            // The tree is as deep as the chain is long.
            count += 1;
            if count > DEPTH {
                return self.fault("fewer operators");
            }
            self.bump();
            // What is combined with a load is a value more often than another load.
            let right = self.binary(if side == Side::Right { side } else { Side::Either }, strength)?;
            for part in [&left, &right] {
                if let Expr::SetRef(name) = part {
                    return Err(Fault::new(name.span, "an operator takes values, not a set"));
                }
            }
            left = Expr::Binary(Box::new((operator, left, right)));
        }
        Ok(left)
    }

    fn primary(&mut self, side: Side) -> Read<Expr<'a>> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fault("fewer expressions inside expressions");
        }
        let found = self.primary_inner(side);
        self.depth -= 1;
        found
    }

    fn primary_inner(&mut self, side: Side) -> Read<Expr<'a>> {
        match self.token {
            Token::Word(word) => {
                if side != Side::Right {
                    let start = self.span;
                    if let Some(load) = self.load(word, side == Side::Either)? {
                        return Ok(Expr::Load(load, start.to(self.last)));
                    }
                    if side == Side::Left {
                        return self.fault("a statement");
                    }
                }
                if names::is_reserved(word) {
                    let fault =
                        Fault::new(self.span, format!("expected a value, and `{word}` is a word of nft"));
                    return Err(fault.with_help("put a name in quotation marks"));
                }
                let span = self.span;
                self.bump();
                Ok(Expr::Word(Word { text: word, span }))
            }
            Token::Quoted(text) if side != Side::Left => {
                let span = self.span;
                self.bump();
                Ok(Expr::Word(Word { text, span }))
            }
            Token::Sign(b'$') => self.expand(side, false),
            Token::Sign(b'*') if side != Side::Left => {
                let fault = Fault::new(self.span, "`*` is any value in sets only");
                Err(fault.with_help("leave the comparison out, or write `{ * }`"))
            }
            // An IPv6 address in front of a port.
            Token::Sign(b'[') if side == Side::Either => {
                let open = self.span;
                self.bump();
                let Token::Word(text) = self.token else { return self.fault("an address") };
                let span = self.span;
                self.bump();
                let close = self.span;
                self.expect(b']')?;
                if open.end != span.start || span.end != close.start {
                    return Err(Fault::new(open.to(close), "blanks inside of the brackets of an address"));
                }
                Ok(Expr::Word(Word { text, span }))
            }
            Token::Sign(b'(') => {
                self.bump();
                let inner = self.binary(side, 0)?;
                self.expect(b')')?;
                Ok(inner)
            }
            Token::Sign(b'@') => match self.at_sign()? {
                Expr::SetRef(word) if matches!(side, Side::Left | Side::Joined) => {
                    Err(Fault::new(word.span, "expected something to look at, not a set"))
                }
                found => Ok(found),
            },
            Token::Sign(b'{') if side == Side::Right => self.set(),
            _ => self.fault(if side == Side::Left { "a statement" } else { "a value" }),
        }
    }

    /// A set in braces, or the name of one.
    pub(super) fn data_set(&mut self) -> Read<Expr<'a>> {
        match self.token {
            Token::Sign(b'{') => self.set(),
            Token::Sign(b'@') => self.at_sign(),
            Token::Sign(b'$') => self.expand(Side::Right, false),
            _ => self.fault("`{` or `@`"),
        }
    }

    // `@name`, or `@base,bit,width`.
    fn at_sign(&mut self) -> Read<Expr<'a>> {
        let start = self.span;
        self.bump();
        let Token::Word(name) = self.token else {
            if let Token::Sign(b'$') | Token::Quoted(_) = self.token {
                return self.name().map(Expr::SetRef);
            }
            return self.fault("the name of a set");
        };
        let base = match name {
            "ll" => Some(Base::Link),
            "nh" => Some(Base::Network),
            "th" => Some(Base::Transport),
            "ih" => Some(Base::Inner),
            _ => None,
        };
        let word = Word { text: name, span: self.span };
        self.bump();
        if let (Some(base), Token::Sign(b',')) = (base, self.token) {
            self.bump();
            let bit = self.small_number()?;
            self.expect(b',')?;
            let width = self.small_number()?;
            if width == 0 {
                return self.fault("a width above 0");
            }
            return Ok(Expr::Load(Load::Raw(base, bit, width), start.to(self.last)));
        }
        Ok(Expr::SetRef(word))
    }

    /// A number of up to 32 bits.
    pub(super) fn small_number(&mut self) -> Read<u32> {
        let found = match self.token {
            Token::Word(word) => names::number(word).and_then(|n| u32::try_from(n).ok()),
            _ => None,
        };
        match found {
            Some(number) => {
                self.bump();
                Ok(number)
            }
            None => self.fault("a number"),
        }
    }
}
