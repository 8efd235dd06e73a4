//! The statements of a rule, from text to syntax.

use super::expr::{Parser, Side};
use super::fault::{Fault, Read};
use super::fields::Load;
use super::lex::{End, Token, statement};
use super::syntax::{Effect, Expr, Kept, Kind, Reject, Rewriter, Statement, Verdict, Word};
use crate::source::Span;

/// Reads a rule into `out`; a fault ends it, and what could not be read is a broken statement.
pub(super) fn rule<'a>(parser: &mut Parser<'a, '_>, out: &mut Vec<Statement<'a>>) -> Option<Fault> {
    while !parser.at_end() {
        if parser.simple(out) {
            continue;
        }
        let start = parser.span;
        match parser.statement() {
            Ok(kind) => {
                let is_comment = matches!(kind, Kind::Comment(_));
                out.push(Statement { kind, span: start.to(parser.last) });
                if is_comment && !parser.at_end() {
                    let kind = Kind::Broken;
                    out.push(Statement { kind, span: parser.span });
                    let fault = Fault::new(parser.span, "a comment ends its rule");
                    return Some(fault.with_help("put what stands behind it in front"));
                }
            }
            Err(fault) => {
                let end = start.end.max(fault.span.end);
                out.push(Statement { kind: Kind::Broken, span: Span { start: start.start, end } });
                return Some(fault);
            }
        }
    }
    None
}

impl<'a> Parser<'a, '_> {
    /// A field of a header compared with a word, a prefix or a range, as most statements are: it is made where it stays,
    /// and nothing is looked for that may stand there too.
    fn simple(&mut self, out: &mut Vec<Statement<'a>>) -> bool {
        let (mark, start) = (self.mark(), self.span);
        let Some((header, place)) = self.field() else { return false };
        let field = start.to(self.last);
        let relation = self.relation();
        let Some(value) = self.plain_value() else {
            self.reset(mark);
            return false;
        };
        let kind = Kind::Match(Expr::Load(Load::Field(header, place), field), relation, value);
        out.push(Statement { kind, span: start.to(self.last) });
        true
    }

    /// One statement.
    pub(super) fn statement(&mut self) -> Read<Kind<'a>> {
        let Token::Word(word) = self.token else { return self.comparison() };
        match word {
            "accept" => self.verdict(Verdict::Accept),
            "drop" => self.verdict(Verdict::Drop),
            "continue" => self.verdict(Verdict::Continue),
            "return" => self.verdict(Verdict::Return),
            "jump" | "goto" => Ok(Kind::Verdict(self.jump()?)),
            "queue" => self.queue(),
            "counter" => self.counter(),
            "log" => self.log(),
            "limit" => self.limit(),
            "quota" => self.quota(),
            "last" => {
                self.bump();
                if self.eat_word("used") {
                    self.skip_value()?;
                }
                Ok(Kind::Effect(Effect::Last))
            }
            "reject" => self.reject(),
            "snat" => self.rewrite(Rewriter::Snat),
            "dnat" => self.rewrite(Rewriter::Dnat),
            "masquerade" => self.rewrite(Rewriter::Masquerade),
            "redirect" => self.rewrite(Rewriter::Redirect),
            "tproxy" => self.rewrite(Rewriter::Tproxy),
            "fwd" => self.forward(),
            "synproxy" => self.synproxy(),
            "dup" => self.duplicate(),
            "notrack" => {
                self.bump();
                Ok(Kind::Effect(Effect::Other("notrack")))
            }
            "flow" => self.flow(),
            "xt" => {
                self.bump();
                self.skip_value()?;
                if matches!(self.token, Token::Word(_) | Token::Quoted(_)) {
                    self.skip_value()?;
                }
                Ok(Kind::Condition(Box::new(Kept { word: "xt", name: None, looks: Vec::new(), said: None })))
            }
            "add" | "update" | "delete" => {
                self.bump();
                self.update()
            }
            "set" if matches!(self.peek(), Token::Word("add" | "update" | "delete")) => self.update_of_old(),
            "meter" => {
                self.bump();
                self.meter()
            }
            "comment" => self.comment().map(Kind::Comment),
            "reset" => self.strip(),
            "ct" => self.conntrack_statement(),
            _ => self.comparison(),
        }
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
            let name = self.identifier()?;
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

    fn flow(&mut self) -> Read<Kind<'a>> {
        self.bump();
        match self.token {
            Token::Word("add" | "offload") => {
                self.bump();
                if !self.eat(b'@') {
                    return self.fault("`@` and the name of a flowtable");
                }
                Ok(Kind::Effect(Effect::Uses("flowtable", self.name()?)))
            }
            // The old word for `meter`.
            Token::Word("table") => {
                self.bump();
                self.meter()
            }
            _ => self.fault("`add`"),
        }
    }

    fn conntrack_statement(&mut self) -> Read<Kind<'a>> {
        match self.peek() {
            Token::Word("count") => {
                self.bump();
                self.bump();
                let _ = self.eat_word("over");
                self.figure()?;
                let kept = Kept { word: "ct count", name: None, looks: Vec::new(), said: None };
                Ok(Kind::Condition(Box::new(kept)))
            }
            _ => self.comparison(),
        }
    }

    // A comparison, a map of verdicts, or something written.
    fn comparison(&mut self) -> Read<Kind<'a>> {
        let start = self.span;
        let left = self.mapped(Side::Left)?;
        match self.token {
            Token::Word("vmap") => {
                self.bump();
                let data = self.data_set()?;
                return Ok(Kind::VerdictMap(left, data));
            }
            Token::Word("set") => {
                self.bump();
                let value = self.given()?;
                let Expr::Load(load, _) = left else {
                    return Err(Fault::new(start.to(self.last), "only a field is written"));
                };
                return Ok(Kind::Effect(Effect::Write(load, value)));
            }
            _ => {}
        }
        let relation = self.relation();
        if self.at_end() {
            return self.fault("a value");
        }
        let right = self.list(Side::Right)?;
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
