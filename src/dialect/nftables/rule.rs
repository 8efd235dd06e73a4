//! The statements of a rule, from text to syntax.

use super::expr::{Fault, Parser, Read, Side};
use super::fields::Load;
use super::lex::{End, Token, statement};
use super::syntax::{Class, Effect, Expr, Kind, Reject, Relation, Statement, Verdict, Word};
use crate::source::Span;

/// Reads a rule into `out`; a fault ends it, and what could not be read is a broken statement.
pub(super) fn rule<'a>(parser: &mut Parser<'a, '_>, out: &mut Vec<Statement<'a>>) -> Option<Fault> {
    while !parser.at_end() {
        let start = parser.span;
        match parser.statement() {
            Ok(kind) => out.push(Statement { kind, span: start.to(parser.last) }),
            Err(fault) => {
                let end = start.end.max(fault.span.end);
                out.push(Statement { kind: Kind::Broken, span: Span { start: start.start, end } });
                return Some(fault);
            }
        }
    }
    None
}

const OTHER: Kind<'_> = Kind::Effect(Effect::Other);

impl<'a> Parser<'a, '_> {
    /// One statement.
    pub(super) fn statement(&mut self) -> Read<Kind<'a>> {
        let Token::Word(word) = self.token else { return self.comparison() };
        match word {
            "accept" => self.verdict(Verdict::Accept),
            "drop" => self.verdict(Verdict::Drop),
            "continue" => self.verdict(Verdict::Continue),
            "return" => self.verdict(Verdict::Return),
            "jump" | "goto" => Ok(Kind::Verdict(self.jump()?)),
            "queue" => {
                self.skip_to_comment();
                Ok(Kind::Verdict(Verdict::Queue))
            }
            "counter" => self.counter(),
            "log" => self.log(),
            "limit" => self.limit(),
            "quota" => self.quota(),
            "last" => {
                self.bump();
                if self.eat_word("used") {
                    self.skip_value()?;
                }
                Ok(OTHER)
            }
            "reject" => self.reject(),
            "snat" => self.terminal(Class::Nat, "snat"),
            "dnat" => self.terminal(Class::Nat, "dnat"),
            "masquerade" => self.terminal(Class::Nat, "masquerade"),
            "redirect" => self.terminal(Class::Nat, "redirect"),
            "fwd" => self.terminal(Class::Stateful, "fwd"),
            "synproxy" => self.terminal(Class::Stateful, "synproxy"),
            "tproxy" => self.tproxy(),
            "dup" => self.duplicate(),
            "notrack" => {
                self.bump();
                Ok(OTHER)
            }
            "flow" => self.flow(),
            "xt" => {
                self.bump();
                self.skip_value()?;
                if matches!(self.token, Token::Word(_) | Token::Quoted(_)) {
                    self.skip_value()?;
                }
                Ok(Kind::Condition(Class::Stateful, "xt"))
            }
            "add" | "update" | "delete" => {
                self.bump();
                self.update()
            }
            "set" if matches!(self.peek(), Token::Word("add" | "update" | "delete")) => {
                self.bump();
                self.bump();
                self.concat(Side::Left)?;
                self.element_options()?;
                self.data_set()?;
                Ok(Kind::Condition(Class::Stateful, "set"))
            }
            "meter" => {
                self.bump();
                self.name()?;
                if self.eat_word("size") {
                    self.small_number()?;
                }
                self.dynamic()?;
                Ok(Kind::Condition(Class::Stateful, "meter"))
            }
            "comment" => {
                self.bump();
                self.name().map(Kind::Comment)
            }
            "reset" => {
                self.skip_to_comment();
                Ok(OTHER)
            }
            "ct" => self.conntrack_statement(),
            _ => self.comparison(),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "an arm beside others that may fail")]
    fn terminal(&mut self, class: Class, word: &'static str) -> Read<Kind<'a>> {
        self.skip_to_comment();
        Ok(Kind::Terminal(class, word))
    }

    #[expect(clippy::unnecessary_wraps, reason = "an arm beside others that may fail")]
    fn verdict(&mut self, verdict: Verdict<'a>) -> Read<Kind<'a>> {
        self.bump();
        Ok(Kind::Verdict(verdict))
    }

    /// `jump CHAIN`, `goto CHAIN`, or the rules themselves in braces.
    pub(super) fn jump(&mut self) -> Read<Verdict<'a>> {
        let goto = self.token == Token::Word("goto");
        self.bump();
        if self.token != Token::Sign(b'{') {
            let name = self.name()?;
            return Ok(if goto { Verdict::Goto(name) } else { Verdict::Jump(name) });
        }
        let rest = self.rest();
        let start = self.span.end;
        let length = block(rest);
        let Some(text) = rest.get(..length) else { return self.fault("`}`") };
        if rest.as_bytes().get(length) != Some(&b'}') {
            return self.fault("`}` of this block");
        }
        let end = start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
        let body = Word { text, span: Span { start, end } };
        self.resume(length + 1);
        Ok(Verdict::Block(body, goto))
    }

    // Passes over the arguments of a statement that ends the rule.
    fn skip_to_comment(&mut self) {
        self.bump();
        while !self.at_end() && self.token != Token::Word("comment") {
            self.bump();
        }
    }

    fn counter(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.eat_word("name") {
            return self.object().map(|name| Kind::Effect(Effect::Count(name)));
        }
        if let Token::Quoted(_) = self.token {
            let name = self.name()?;
            return Ok(Kind::Effect(Effect::Count(Some(name))));
        }
        while let Token::Word("packets" | "bytes") = self.token {
            self.bump();
            self.skip_value()?;
        }
        Ok(Kind::Effect(Effect::Count(None)))
    }

    // The name of an object, or a map that gives one.
    fn object(&mut self) -> Read<Option<Word<'a>>> {
        match self.token {
            Token::Word(_) if matches!(self.peek(), Token::Word(_)) => {
                // `counter name accept` does not come here: the word behind a name is a statement of its own.
                let ahead = self.token;
                if let Token::Word(word) = ahead
                    && super::fields::Header::by_name(word).is_none()
                    && !matches!(word, "meta" | "ct" | "iifname" | "oifname")
                {
                    return self.name().map(Some);
                }
                self.concat(Side::Left)?;
                Ok(None)
            }
            _ => self.name().map(Some),
        }
    }

    fn log(&mut self) -> Read<Kind<'a>> {
        self.bump();
        loop {
            match self.token {
                Token::Word("prefix" | "level" | "group" | "snaplen" | "queue-threshold") => {
                    self.bump();
                    self.skip_value()?;
                }
                Token::Word("flags") => {
                    self.bump();
                    match self.token {
                        Token::Word("tcp") => {
                            self.bump();
                            self.bump();
                            while self.eat(b',') {
                                self.bump();
                            }
                        }
                        Token::Word("ip") => {
                            self.bump();
                            self.bump();
                        }
                        Token::Word("all" | "skuid" | "ether") => self.bump(),
                        _ => return self.fault("a flag of `log`"),
                    }
                }
                _ => return Ok(Kind::Effect(Effect::Log)),
            }
        }
    }

    fn limit(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.eat_word("name") {
            self.object()?;
        } else if let Token::Quoted(_) = self.token {
            self.bump();
        } else {
            self.rate()?;
        }
        Ok(Kind::Condition(Class::Stateful, "limit"))
    }

    /// `rate [over] N [unit] / time [burst N [unit]]`
    pub(super) fn rate(&mut self) -> Read<()> {
        if !self.eat_word("rate") {
            return self.fault("`rate`");
        }
        let _ = self.eat_word("over") || self.eat_word("until");
        self.amount()?;
        // `5/second` and `400 / minute`.
        if self.eat(b'/') {
            self.skip_value()?;
        }
        if self.eat_word("burst") {
            self.amount()?;
        }
        Ok(())
    }

    fn amount(&mut self) -> Read<()> {
        self.skip_value()?;
        if let Token::Word(unit) = self.token
            && (matches!(unit, "packets" | "bytes" | "kbytes" | "mbytes" | "gbytes" | "packet" | "string")
                || unit.starts_with("bytes/")
                || unit.starts_with("kbytes/")
                || unit.starts_with("mbytes/"))
        {
            self.bump();
        }
        Ok(())
    }

    fn quota(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if self.eat_word("name") {
            self.object()?;
            return Ok(Kind::Condition(Class::Stateful, "quota"));
        }
        if let Token::Quoted(_) = self.token {
            self.bump();
            return Ok(Kind::Condition(Class::Stateful, "quota"));
        }
        let _ = self.eat_word("over") || self.eat_word("until");
        self.amount()?;
        if self.eat_word("used") {
            self.amount()?;
        }
        Ok(Kind::Condition(Class::Stateful, "quota"))
    }

    fn reject(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if !self.eat_word("with") {
            return Ok(Kind::Reject(Reject::Plain));
        }
        let Token::Word(kind) = self.token else { return self.fault("`icmp`, `icmpv6`, `icmpx` or `tcp`") };
        match kind {
            "tcp" => {
                self.bump();
                if !self.eat_word("reset") {
                    return self.fault("`reset`");
                }
                Ok(Kind::Reject(Reject::TcpReset))
            }
            "icmp" | "icmpv6" | "icmpx" => {
                self.bump();
                let _ = self.eat_word("type");
                let code = self.concat(Side::Right)?;
                Ok(Kind::Reject(Reject::Icmp(kind, code)))
            }
            _ => self.fault("`icmp`, `icmpv6`, `icmpx` or `tcp`"),
        }
    }

    // `tproxy [ip|ip6] to [ADDR][:PORT]`
    fn tproxy(&mut self) -> Read<Kind<'a>> {
        self.bump();
        let _ = self.eat_word("ip") || self.eat_word("ip6");
        if !self.eat_word("to") {
            return self.fault("`to`");
        }
        if !self.eat(b':') {
            if self.eat(b'[') {
                self.skip_value()?;
                self.expect(b']')?;
            } else {
                self.concat(Side::Either)?;
            }
            if !self.eat(b':') {
                return Ok(Kind::Condition(Class::Stateful, "tproxy"));
            }
        }
        self.concat(Side::Either)?;
        Ok(Kind::Condition(Class::Stateful, "tproxy"))
    }

    // `dup to ADDR [device D]`
    fn duplicate(&mut self) -> Read<Kind<'a>> {
        self.bump();
        if !self.eat_word("to") {
            return self.fault("`to`");
        }
        self.concat(Side::Either)?;
        if self.eat_word("device") {
            self.concat(Side::Either)?;
        }
        Ok(OTHER)
    }

    fn flow(&mut self) -> Read<Kind<'a>> {
        self.bump();
        match self.token {
            Token::Word("add" | "offload") => {
                self.bump();
                self.eat(b'@');
                self.name()?;
                Ok(OTHER)
            }
            // The old word for `meter`.
            Token::Word("table") => {
                self.bump();
                self.name()?;
                self.dynamic()?;
                Ok(Kind::Condition(Class::Stateful, "meter"))
            }
            _ => self.fault("`add`"),
        }
    }

    // `@set { key : data }` behind `add`, `update` or `delete`.
    fn update(&mut self) -> Read<Kind<'a>> {
        if !self.eat(b'@') {
            return self.fault("`@` and the name of a set");
        }
        self.name()?;
        self.dynamic()?;
        Ok(Kind::Condition(Class::Stateful, "set"))
    }

    // `{ key [options] [: data] }`
    fn dynamic(&mut self) -> Read<()> {
        self.expect(b'{')?;
        self.concat(Side::Either)?;
        self.element_options()?;
        while self.eat(b':') {
            self.concat(Side::Either)?;
            self.element_options()?;
        }
        self.expect(b'}')
    }

    fn conntrack_statement(&mut self) -> Read<Kind<'a>> {
        match self.peek() {
            Token::Word("count") => {
                self.bump();
                self.bump();
                let _ = self.eat_word("over");
                self.small_number()?;
                Ok(Kind::Condition(Class::Stateful, "ct count"))
            }
            _ => self.comparison(),
        }
    }

    // A comparison, a map of verdicts, or something written.
    fn comparison(&mut self) -> Read<Kind<'a>> {
        let left = self.concat(Side::Left)?;
        match self.token {
            Token::Word("vmap") => {
                self.bump();
                let data = self.data_set()?;
                return Ok(Kind::VerdictMap(left, data));
            }
            Token::Word("set") => {
                self.bump();
                let value = self.list(Side::Either)?;
                while self.eat(b':') {
                    self.list(Side::Either)?;
                }
                let Expr::Load(load, _) = left else { return Ok(OTHER) };
                return Ok(Kind::Effect(Effect::Write(load, value)));
            }
            _ => {}
        }
        let relation = self.relation();
        if self.at_end() {
            return self.fault("a value");
        }
        let side = match &left {
            Expr::Load(
                Load::Meta(super::fields::Meta::Mark) | Load::Beyond(_, super::fields::Type::Mark, _),
                _,
            ) => Side::Either,
            _ => Side::Right,
        };
        let mut right = self.list(side)?;
        // The two halves of a queueing class, hexadecimal both.
        if let Expr::Load(Load::Beyond(_, _, words), _) = &left
            && &**words == "meta priority"
            && self.eat(b':')
        {
            let half = |expr: &Expr<'_>| match expr {
                Expr::Word(word) => u128::from_str_radix(word.text, 16).ok(),
                _ => None,
            };
            let low = self.list(side)?;
            right = match (half(&right), half(&low)) {
                (Some(high), Some(low)) => Expr::Number(high << 16 | low),
                _ => Expr::Unmodelled,
            };
            // The upper end of a range of classes.
            if self.eat(b':') {
                self.list(side)?;
                right = Expr::Unmodelled;
            }
        }
        if relation == Relation::Implicit
            && let Expr::Word(word) = &right
            && word.text == "set"
        {
            return self.fault("a value");
        }
        Ok(Kind::Match(left, relation, right))
    }
}

/// The length of a block's inside: up to the `}` that closes it, or the end.
fn block(text: &str) -> usize {
    let mut at = 0;
    loop {
        let (length, end) = statement(text.get(at..).unwrap_or(""), false);
        at += length;
        match end {
            End::Close | End::Text => return at.min(text.len()),
            End::Done | End::Open => {
                // A comment goes on to the end of its line.
                let rest = text.get(at..).unwrap_or("");
                at += if rest.starts_with('#') { rest.find('\n').unwrap_or(rest.len()) } else { 1 };
            }
        }
    }
}
