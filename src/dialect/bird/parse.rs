//! A configuration: flow routes of static protocols with the constants they use. What is not about them is passed
//! over and counted; reading goes on at the next statement.

use super::constants::Constants;
use super::lex::{Lexer, Token};
use super::lower::Rules;
use super::syntax::Route;
use super::{attributes, items, words};
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::raised;
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir;
use crate::source::Span;
use std::collections::HashMap;

/// Reads a configuration into `rules`. Gives how many statements were passed over.
pub(super) fn read(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        constants: Constants::new(text),
        text,
        rules,
        findings,
        route: Route::new(),
        tables: [None; 2],
        templates: HashMap::new(),
        copies: Meter::new(&limits::EXPANSION),
        skipped: 0,
    };
    while parser.statement() {}
    parser.constants.unused(parser.findings);
    parser.skipped
}

/// The routes of a static protocol or template.
#[derive(Clone, Debug, Default)]
struct Protocol<'a> {
    // The type and the table of its channel.
    channel: Option<(Family, Option<&'a str>)>,
    disabled: bool,
    // Of each family; that of the first rule first.
    rules: Vec<(Family, ir::Rules)>,
}

impl Protocol<'_> {
    fn rules_of(&mut self, family: Family) -> &mut ir::Rules {
        let at = self.rules.iter().position(|(of, _)| *of == family).unwrap_or_else(|| {
            self.rules.push((family, ir::Rules::new()));
            self.rules.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "an index that was just found or filled")]
        &mut self.rules[at].1
    }
}

#[derive(Debug)]
struct Template<'a> {
    inside: Protocol<'a>,
    place: Span,
    used: bool,
}

struct Parser<'a, 'r, 'o> {
    lexer: Lexer<'a>,
    constants: Constants<'a>,
    text: &'a str,
    rules: &'r mut Rules<'o>,
    findings: &'r mut Findings,
    route: Route,
    // The default table of a family: the first that was defined.
    tables: [Option<&'a str>; 2],
    templates: HashMap<&'a str, Template<'a>>,
    copies: Meter,
    skipped: usize,
}

fn flow(word: &str) -> Option<Family> {
    match word {
        "flow4" => Some(Family::Inet),
        "flow6" => Some(Family::Inet6),
        _ => None,
    }
}

impl<'a> Parser<'a, '_, '_> {
    // One statement at the top; false at the end of the text.
    fn statement(&mut self) -> bool {
        let (token, span) = self.lexer.next();
        match token {
            Token::End => {
                self.unused_templates();
                return false;
            }
            Token::Sign(b';') => {}
            Token::Sign(b'}') => self.findings.error(raised::SYNTAX_ERROR, "this `}` closes nothing", span),
            Token::Unclosed(_) => self.unclosed(span),
            Token::Word("define") => {
                self.constants.define(&mut self.lexer, self.findings);
                self.pass_over();
            }
            Token::Word(kind @ ("protocol" | "template")) if self.lexer.peek() == Token::Word("static") => {
                self.lexer.next();
                self.protocol(kind == "template", span);
            }
            Token::Word("include") => {
                self.pass_over();
                let message = "the file named here is not read";
                let help = "give that file too; constants it defines are not known here";
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, span, help);
            }
            Token::Word("route") => {
                let message = "a route stands in a protocol: BIRD refuses the file";
                self.findings.error(raised::SYNTAX_ERROR, message, span);
                self.skipped += 1;
                self.skip_rest();
            }
            Token::Word(word) => {
                if let Some(family) = flow(word)
                    && self.lexer.eat_word("table")
                    && let Some(name) = self.named()
                {
                    self.default_table(family).get_or_insert(name);
                }
                self.skipped += 1;
                self.pass_over();
            }
            _ => {
                self.skipped += 1;
                self.pass_over();
            }
        }
        true
    }

    // The name that comes next, which BIRD may refuse; it is left there.
    fn named(&mut self) -> Option<&'a str> {
        let token = self.lexer.peek();
        let (Token::Word(name) | Token::Quoted(name)) = token else { return None };
        if let Some(why) = words::refused(token) {
            let mut behind = self.lexer.clone();
            self.findings.error(raised::SYNTAX_ERROR, why, behind.next().1);
        }
        Some(name)
    }

    fn default_table(&mut self, family: Family) -> &mut Option<&'a str> {
        let [four, six] = &mut self.tables;
        if family == Family::Inet6 { six } else { four }
    }

    fn unclosed(&mut self, span: Span) {
        let quote = self.text.get(span.range()).unwrap_or("");
        let message =
            if quote.starts_with("/*") { "this comment does not end" } else { "this quotation does not end" };
        let first = Span { end: span.start + 1, ..span };
        self.findings.error(raised::SYNTAX_ERROR, message, first);
    }

    // To behind the end of a statement: a semicolon, or a block.
    fn pass_over(&mut self) {
        let mut depth = 0_usize;
        loop {
            let (token, span) = self.lexer.next();
            match token {
                Token::Sign(b';') if depth == 0 => return,
                Token::Sign(b'{' | b'(' | b'[') => depth += 1,
                Token::Sign(b'}') if depth == 0 => return self.lexer.seek(span.start as usize),
                Token::Sign(b'}') => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                Token::Sign(b')' | b']') => depth = depth.saturating_sub(1),
                Token::Word(name) | Token::Quoted(name) if !self.constants.is_empty() => {
                    self.constants.touch(name);
                }
                Token::End => return,
                Token::Unclosed(_) => return self.unclosed(span),
                _ => {}
            }
        }
    }

    // `[NAME] [from TEMPLATE] { ... }` behind `protocol static`.
    fn protocol(&mut self, is_template: bool, start: Span) {
        let mut name = None;
        let mut from = None;
        while let Token::Word(word) | Token::Quoted(word) = self.lexer.peek() {
            let (token, span) = self.lexer.next();
            if word == "from" {
                from = Some(self.lexer.next());
            } else {
                if let Some(why) = words::refused(token) {
                    self.findings.error(raised::SYNTAX_ERROR, why, span);
                }
                name = Some((word, span));
            }
        }
        let place = name.map_or(start, |(_, span)| span);
        let mut inside = self.inherited(from, is_template);
        let first = self.findings.len();
        if self.lexer.eat(b'{') {
            while self.inner(&mut inside) {}
        } else {
            let at = Span::new(self.lexer.at(), self.lexer.at());
            self.findings.error(raised::SYNTAX_ERROR, "expected `{` behind the name of the protocol", at);
            self.pass_over();
        }
        if is_template {
            if let Some((name, _)) = name {
                self.templates.insert(name, Template { inside, place, used: false });
            }
        } else {
            self.close(inside, place, first);
        }
    }

    fn inherited(&mut self, from: Option<(Token<'a>, Span)>, is_template: bool) -> Protocol<'a> {
        let Some((token, span)) = from else { return Protocol::default() };
        let name = match token {
            Token::Word(name) | Token::Quoted(name) => name,
            _ => "",
        };
        let Some(template) = self.templates.get_mut(name) else {
            let message = format!("nothing above defines the template `{name}`");
            self.findings.error(raised::UNDEFINED_REFERENCE, message, span);
            return Protocol::default();
        };
        template.used |= !is_template || !template.inside.rules.is_empty();
        let many = template.inside.rules.iter().map(|(_, rules)| rules.len() as u64).sum();
        if let Err(exhausted) = self.copies.charge(many) {
            let message = format!("the routes of this template are not read: {exhausted}");
            self.findings.error(raised::SYNTAX_ERROR, message, span);
            return Protocol::default();
        }
        template.inside.clone()
    }

    // One statement of a protocol; false behind its end.
    fn inner(&mut self, protocol: &mut Protocol<'a>) -> bool {
        let (token, span) = self.lexer.next();
        match token {
            Token::Sign(b'}') => return false,
            Token::End => {
                let message = "expected `}` at the end of the protocol";
                self.findings.error(raised::SYNTAX_ERROR, message, span);
                return false;
            }
            Token::Sign(b';') => {}
            Token::Unclosed(_) => self.unclosed(span),
            Token::Word("route") => match self.lexer.peek() {
                Token::Word(word) if flow(word).is_some() => {
                    self.lexer.next();
                    self.route(flow(word).unwrap_or(Family::Inet), span, protocol);
                }
                _ => self.skip(),
            },
            Token::Word("disabled") => {
                let off = matches!(self.lexer.peek(), Token::Word("no" | "off" | "false"));
                protocol.disabled = !off;
                self.skip_rest();
            }
            Token::Word(word) if flow(word).is_some() => {
                protocol.channel = flow(word).map(|family| (family, None));
                self.channel(protocol);
            }
            _ => self.skip(),
        }
        true
    }

    // `{ table NAME; ... };` behind the type of a channel.
    fn channel(&mut self, protocol: &mut Protocol<'a>) {
        if matches!(self.lexer.peek(), Token::Word(_)) {
            // The channel's own name.
            self.lexer.next();
        }
        if self.lexer.eat(b'{') {
            loop {
                if self.lexer.eat_word("table")
                    && let Some(name) = self.named()
                    && let Some((_, table)) = &mut protocol.channel
                {
                    *table = Some(name);
                }
                match self.lexer.peek() {
                    Token::Sign(b'}') => {
                        self.lexer.next();
                        break;
                    }
                    Token::End | Token::Unclosed(_) => return,
                    _ => self.skip_rest(),
                }
            }
        }
        self.lexer.eat(b';');
    }

    fn skip(&mut self) {
        self.skipped += 1;
        self.skip_rest();
    }

    // To behind the next semicolon, or before the brace that ends the block.
    fn skip_rest(&mut self) {
        let mut depth = 0_usize;
        loop {
            let (token, span) = self.lexer.next();
            match token {
                Token::Sign(b';') if depth == 0 => return,
                Token::Sign(b'{' | b'(' | b'[') => depth += 1,
                Token::Sign(b'}') if depth == 0 => return self.lexer.seek(span.start as usize),
                Token::Sign(b'}' | b')' | b']') => depth = depth.saturating_sub(1),
                Token::Word(name) | Token::Quoted(name) if !self.constants.is_empty() => {
                    self.constants.touch(name);
                }
                Token::End | Token::Unclosed(_) => return self.lexer.seek(span.start as usize),
                _ => {}
            }
        }
    }

    // Items, attributes and semicolon behind `route flow4`.
    fn route(&mut self, family: Family, start: Span, protocol: &mut Protocol<'a>) {
        self.route.clear(family);
        let first = self.findings.len();
        let whole = items::block(&mut self.lexer, &mut self.constants, self.findings, &mut self.route);
        if whole {
            attributes::block(&mut self.lexer, &mut self.constants, self.findings, &mut self.route);
        }
        let behind = self.lexer.behind();
        self.route.span = Span::new(start.start as usize, behind);
        let ended = self.lexer.eat(b';');
        if whole && !ended {
            let at = Span::new(behind, behind);
            self.findings.error(raised::SYNTAX_ERROR, "expected `;` at the end of the route", at);
            if !matches!(self.lexer.peek(), Token::Word("route") | Token::Sign(b'}')) {
                self.skip_rest();
            }
        }
        let name = if ended { self.name() } else { None };
        self.rules.rule(&self.route, name, first, self.findings, protocol.rules_of(family));
    }

    // `# name: X` on the line where a route ends.
    fn name(&self) -> Option<&'a str> {
        name_in(self.text.get(self.lexer.behind()..)?)
    }

    // What a protocol announces goes to the table of its channel.
    fn close(&mut self, protocol: Protocol<'a>, place: Span, first: usize) {
        let Protocol { channel, disabled, rules } = protocol;
        if disabled && !rules.is_empty() {
            let count: usize = rules.iter().map(|(_, rules)| rules.len()).sum();
            let message = format!("the protocol is disabled: none of its {count} flow routes is announced");
            let help = "remove `disabled`, or the protocol";
            self.findings.add(raised::UNUSED_DEFINITION, Level::Note, message, place, help);
            self.skipped += count;
            return;
        }
        let table = channel.and_then(|(family, table)| table.or(*self.default_table(family)));
        let mut strangers: Option<(Span, usize)> = None;
        for (family, rules) in rules {
            let its_channel = channel.filter(|(of, _)| *of == family);
            if channel.is_some() && its_channel.is_none() {
                strangers = rules.first().map(|rule| (rule.origin.span, rules.len()));
            }
            self.rules.append(family, its_channel.and(table).unwrap_or(""), rules);
        }
        if let Some((span, count)) = strangers {
            let message =
                format!("the channel of this protocol is of the other family, as of {count} routes in it");
            let help = "write a protocol for each family: BIRD refuses the file";
            self.findings.add(raised::MIXED_FAMILY, Level::Error, message, span, help);
        }
        if let Some((family, _)) = channel {
            let set = Rules::set_name(family, table.unwrap_or(""));
            let found = self.findings.list().iter_mut().skip(first);
            found.filter(|finding| finding.rule.is_some()).for_each(|f| f.rule_set = Some(set.clone()));
        }
    }

    fn unused_templates(&mut self) {
        let mut unused: Vec<(Span, &str)> = self
            .templates
            .iter()
            .filter(|(_, template)| !template.used && !template.inside.rules.is_empty())
            .map(|(name, template)| (template.place, *name))
            .collect();
        unused.sort_unstable();
        for (place, name) in unused {
            let message = format!("no protocol takes the routes of the template `{name}`");
            let help = "write `protocol static from` it, or remove it";
            self.findings.add(raised::UNUSED_DEFINITION, Level::Note, message, place, help);
        }
    }
}

/// How a comment names the rule before it.
pub(super) const NAME: &str = "name: ";

/// The name a comment gives on the rest of a line.
pub(super) fn name_in(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches([' ', '\t', ';']);
    let comment = rest.strip_prefix('#')?;
    let line = comment.split('\n').next().unwrap_or("");
    line.trim().strip_prefix(NAME).map(str::trim).filter(|name| !name.is_empty())
}
