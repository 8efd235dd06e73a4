//! A configuration: flow routes of static protocols with the constants they use. What is not about them is passed
//! over and counted; reading goes on at the next statement.

use super::constants::Constants;
use super::lex::{Lexer, Odd, Token};
use super::lower::Rules;
use super::names::{self, Names};
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
        names: Names::new(),
        protocols: false,
        loose: None,
        templates: HashMap::new(),
        copies: Meter::new(&limits::EXPANSION),
        skipped: 0,
    };
    while parser.statement() {}
    parser.ends();
    parser.skipped
}

/// The channel of a protocol.
#[derive(Clone, Copy, Debug)]
struct Channel<'a> {
    // The word of its type; what it carries, where that is flow routes.
    kind: &'a str,
    family: Option<Family>,
    table: Option<&'a str>,
    // Whether it is that of the template: then it may be written once more.
    inherited: bool,
}

/// The routes of a static protocol or template.
#[derive(Clone, Debug, Default)]
struct Protocol<'a> {
    channel: Option<Channel<'a>>,
    disabled: bool,
    // Whether not all of it is here.
    torn: bool,
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
    names: Names<'a>,
    // Whether there is a protocol or template.
    protocols: bool,
    // The first route that stands in none.
    loose: Option<Span>,
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
                let mut name = self.lexer.clone();
                if let (Token::Word(name) | Token::Quoted(name), span) = name.next()
                    && self.names.has(name)
                {
                    self.again(name, span);
                }
                self.constants.define(&mut self.lexer, self.findings);
                self.pass_over();
            }
            Token::Word(kind @ ("protocol" | "template")) => {
                self.protocols = true;
                if self.lexer.eat_word("static") {
                    self.protocol(kind == "template", span);
                } else {
                    self.other_protocol();
                }
            }
            Token::Word("include") => {
                self.names.leaves_out();
                self.pass_over();
                let message = "the file named here is not read";
                let help = "give that file too; constants it defines are not known here";
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, span, help);
            }
            Token::Word("route") => self.loose_route(span),
            Token::Word(word) => {
                self.skipped += 1;
                self.other(word, span);
                self.pass_over();
            }
            _ => {
                self.skipped += 1;
                self.no_statement(token, span);
                self.pass_over();
            }
        }
        true
    }

    // What only the whole text tells.
    fn ends(&mut self) {
        self.constants.unused(self.findings);
        self.names.finish(self.findings);
        if let Some(span) = self.loose {
            if self.protocols {
                let message = "a route stands in a protocol: BIRD refuses the file";
                self.findings.error(raised::SYNTAX_ERROR, message, span);
            } else {
                let message = "no protocol is around the routes of this file";
                let help = "BIRD takes them where another file includes this one in a protocol";
                self.findings.add(raised::SYNTAX_ERROR, Level::Warning, message, span, help);
            }
        }
        let Some((odd, at)) = self.lexer.odd() else { return };
        let (message, width, help) = match odd {
            Odd::Nested => ("BIRD reads no comment in a comment", 2, "end the outer comment first"),
            Odd::Blank => match self.text.as_bytes().get(at) {
                Some(b'\r') => (
                    "a carriage return stands here, which BIRD does not take",
                    1,
                    "end lines with a line feed alone",
                ),
                _ => ("this blank is none of BIRD, which refuses the file", 1, "write a space"),
            },
        };
        self.findings.add(raised::SYNTAX_ERROR, Level::Error, message, Span::new(at, at + width), help);
    }

    // A statement at the top that says nothing of routes, behind its first word.
    fn other(&mut self, word: &'a str, span: Span) {
        match word {
            "router" => self.names.is_whole(),
            "filter" | "function" => self.declared(None),
            _ if names::is_type(word) => {
                self.lexer.eat_word("sadr");
                if self.lexer.eat_word("table") {
                    let name = self.named();
                    self.declared(Some(word));
                    if let Some((family, name)) = flow(word).zip(name) {
                        self.default_table(family).get_or_insert(name);
                    }
                }
            }
            // What stands in filters, in a file that one includes.
            _ if matches!(self.lexer.peek(), Token::Sign(b'=' | b'(' | b'.')) => {}
            _ => self.unknown(word, span),
        }
    }

    // Gives the name that comes next to a table of a type, or to something else; it is left there.
    fn declared(&mut self, table: Option<&'a str>) {
        let (Token::Word(name) | Token::Quoted(name), span) = self.lexer.clone().next() else { return };
        if self.names.has(name) || self.constants.has(name) {
            self.again(name, span);
        }
        self.names.declare(name, table);
    }

    fn again(&mut self, name: &str, span: Span) {
        let message = format!("`{name}` is the name of something already");
        let help = "choose another: BIRD refuses the file";
        self.findings.add(raised::SYNTAX_ERROR, Level::Error, message, span, help);
    }

    // A word that begins no statement of BIRD; the words of another place may be those of a file included there.
    fn unknown(&mut self, word: &str, span: Span) {
        if !words::is_known(word) {
            let message = format!("`{word}` is no word of BIRD");
            self.findings.add(raised::SYNTAX_ERROR, Level::Error, message, span, "BIRD refuses the file");
        }
    }

    fn no_statement(&mut self, token: Token<'_>, span: Span) {
        match token {
            Token::Strange(sign) => self.strange(sign, span),
            _ => self.findings.error(raised::SYNTAX_ERROR, "a statement begins with a word", span),
        }
    }

    fn strange(&mut self, sign: char, span: Span) {
        self.findings.error(raised::SYNTAX_ERROR, strange(sign), span);
    }

    // `TYPE [NAME] ...` behind `protocol` or `template`, of another type than static.
    fn other_protocol(&mut self) {
        self.skipped += 1;
        if let Token::Word(kind) = self.lexer.peek() {
            self.lexer.next();
            if kind == "device" {
                self.names.is_whole();
            }
            // OSPF and RIP say their version first.
            let version = matches!(self.lexer.peek(), Token::Word("v2" | "v3" | "ng"));
            if version {
                self.lexer.next();
            }
            // What a keyword names has no name of its own, or BIRD refuses it.
            if !matches!(self.lexer.peek(), Token::Word(name) if words::is_known(name)) {
                self.declared(None);
            }
        }
        self.pass_over();
    }

    // A route at the top: of a file that another includes in a protocol, or out of place.
    fn loose_route(&mut self, span: Span) {
        self.loose.get_or_insert(span);
        let Token::Word(word) = self.lexer.peek() else { return self.skip() };
        let Some(family) = flow(word) else { return self.skip() };
        self.lexer.next();
        let mut around = Protocol::default();
        self.route(family, span, &mut around);
        for (family, rules) in around.rules {
            self.rules.append(family, "", rules);
        }
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
                Token::Strange(sign) => self.strange(sign, span),
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
                } else if self.names.has(word) || self.constants.has(word) {
                    self.again(word, span);
                }
                self.names.declare(word, None);
                name = Some((word, span));
            }
        }
        let place = name.map_or(start, |(_, span)| span);
        let mut inside = self.inherited(from, is_template);
        let first = self.findings.len();
        if self.lexer.eat(b'{') {
            while self.inner(&mut inside) {}
            if inside.channel.is_none() && !inside.torn {
                let message = "no channel is named here, as `flow4;`";
                let help = "name the channel of the routes: BIRD refuses the file";
                self.findings.add(raised::SYNTAX_ERROR, Level::Error, message, place, help);
            }
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
        let mut inside = template.inside.clone();
        if let Some(channel) = &mut inside.channel {
            channel.inherited = true;
        }
        inside
    }

    // One statement of a protocol; false behind its end.
    fn inner(&mut self, protocol: &mut Protocol<'a>) -> bool {
        let (token, span) = self.lexer.next();
        match token {
            Token::Sign(b'}') => return false,
            Token::End => {
                let message = "expected `}` at the end of the protocol";
                self.findings.error(raised::SYNTAX_ERROR, message, span);
                protocol.torn = true;
                return false;
            }
            Token::Sign(b';') => {}
            Token::Unclosed(_) => {
                protocol.torn = true;
                self.unclosed(span);
            }
            Token::Word("route") => match self.lexer.peek() {
                Token::Word(word) if flow(word).is_some() => {
                    self.lexer.next();
                    self.route(flow(word).unwrap_or(Family::Inet), span, protocol);
                }
                _ => self.skip(),
            },
            Token::Word("disabled") => self.disabled(protocol),
            Token::Word("include") => {
                self.names.leaves_out();
                protocol.torn = true;
                self.skip();
            }
            Token::Word(word) if names::is_type(word) => self.channel(word, span, protocol),
            Token::Word(word) => {
                self.unknown(word, span);
                self.skip();
            }
            _ => {
                self.no_statement(token, span);
                self.skip();
            }
        }
        true
    }

    // A truth, or nothing, behind `disabled`: `yes`, `on`, `no`, `off` or a number.
    fn disabled(&mut self, protocol: &mut Protocol<'a>) {
        protocol.disabled = match self.lexer.peek() {
            Token::Sign(b';') => true,
            Token::Word(word @ ("yes" | "on" | "no" | "off")) => {
                self.lexer.next();
                matches!(word, "yes" | "on")
            }
            _ => match self.constants.number(&mut self.lexer) {
                Ok((number, _)) => number != 0,
                Err(fault) => {
                    self.findings.error(fault.check, fault.message, fault.span);
                    self.lexer.seek(fault.span.start as usize);
                    return self.skip_rest(true);
                }
            },
        };
        self.semicolon();
    }

    // What ends a statement; what stands before it is passed over.
    fn semicolon(&mut self) {
        if !self.lexer.eat(b';') {
            let at = Span::new(self.lexer.behind(), self.lexer.behind());
            self.findings.error(raised::SYNTAX_ERROR, "expected `;` behind this statement", at);
            if self.lexer.peek() != Token::Sign(b'}') {
                self.skip_rest(true);
            }
        }
    }

    // `{ table NAME; ... };` behind the type of a channel.
    fn channel(&mut self, kind: &'a str, span: Span, protocol: &mut Protocol<'a>) {
        let family = flow(kind);
        let mut table = None;
        match protocol.channel {
            Some(other) if other.kind != kind => {
                let message = format!("a channel of type `{}` stands above: a protocol has one", other.kind);
                let help = "write a protocol for each: BIRD refuses the file";
                self.findings.add(raised::MIXED_FAMILY, Level::Error, message, span, help);
            }
            Some(other) if !other.inherited => {
                let message = format!("a channel `{kind}` stands above already");
                let help = "remove one: BIRD refuses the file";
                self.findings.add(raised::SYNTAX_ERROR, Level::Error, message, span, help);
            }
            Some(other) => table = other.table,
            None => {}
        }
        let Some(family) = family else {
            protocol.channel = Some(Channel { kind, family, table, inherited: false });
            return self.skip();
        };
        let mut inherits = table.is_some();
        if matches!(self.lexer.peek(), Token::Word(_) | Token::Quoted(_)) {
            let (_, at) = self.lexer.next();
            let message = "expected `{` or `;` behind the type of a channel, which has no name";
            self.findings.error(raised::SYNTAX_ERROR, message, at);
        }
        if self.lexer.eat(b'{') {
            loop {
                if self.lexer.eat_word("table") {
                    if let Some(name) = self.named() {
                        let (_, at) = self.lexer.next();
                        self.names.want(Some(name), family, at, self.findings);
                        table = Some(name);
                        inherits = true;
                    }
                    self.skip_rest(false);
                    continue;
                }
                match self.lexer.peek() {
                    Token::Sign(b'}') => {
                        self.lexer.next();
                        break;
                    }
                    Token::End | Token::Unclosed(_) => {
                        protocol.torn = true;
                        break;
                    }
                    Token::Word("include") => {
                        self.names.leaves_out();
                        self.skip_rest(false);
                    }
                    Token::Word(word) => {
                        let (_, at) = self.lexer.next();
                        self.unknown(word, at);
                        self.skip_rest(false);
                    }
                    _ => self.skip_rest(false),
                }
            }
        }
        if !inherits {
            self.names.want(None, family, span, self.findings);
        }
        protocol.channel = Some(Channel { kind, family: Some(family), table, inherited: false });
        if !protocol.torn {
            self.semicolon();
        }
    }

    fn skip(&mut self) {
        self.skipped += 1;
        self.skip_rest(false);
    }

    // To behind the next semicolon, or before the brace that ends the block, which is an error unless one is told.
    fn skip_rest(&mut self, told: bool) {
        let mut depth = 0_usize;
        loop {
            let (token, span) = self.lexer.next();
            match token {
                Token::Sign(b';') if depth == 0 => return,
                Token::Sign(b'{' | b'(' | b'[') => depth += 1,
                Token::Sign(b'}') if depth == 0 => {
                    self.lexer.seek(span.start as usize);
                    if !told {
                        let at = Span { end: span.start, ..span };
                        let message = "expected `;` behind this statement";
                        self.findings.error(raised::SYNTAX_ERROR, message, at);
                    }
                    return;
                }
                Token::Sign(b'}' | b')' | b']') => depth = depth.saturating_sub(1),
                Token::Word(name) | Token::Quoted(name) if !self.constants.is_empty() => {
                    self.constants.touch(name);
                }
                Token::Strange(sign) => self.strange(sign, span),
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
                self.skip_rest(true);
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
        let Protocol { channel, disabled, rules, .. } = protocol;
        if disabled && !rules.is_empty() {
            let count: usize = rules.iter().map(|(_, rules)| rules.len()).sum();
            let message = format!("the protocol is disabled: none of its {count} flow routes is announced");
            let help = "remove `disabled`, or the protocol";
            self.findings.add(raised::UNUSED_DEFINITION, Level::Note, message, place, help);
            self.skipped += count;
            return;
        }
        let table = channel
            .and_then(|of| of.table.or_else(|| of.family.and_then(|family| *self.default_table(family))));
        let mut strangers: Option<(Span, usize)> = None;
        for (family, rules) in rules {
            let its_channel = channel.filter(|of| of.family == Some(family));
            if channel.is_some() && its_channel.is_none() {
                strangers = rules.first().map(|rule| (rule.origin.span, rules.len()));
            }
            self.rules.append(family, its_channel.and(table).unwrap_or(""), rules);
        }
        if let Some((span, count)) = strangers {
            let kind = if channel.is_some_and(|of| of.family.is_none()) {
                "another type"
            } else {
                "the other family"
            };
            let message = format!("the channel of this protocol is of {kind}, as of {count} routes in it");
            let help = "write a protocol for each family: BIRD refuses the file";
            self.findings.add(raised::MIXED_FAMILY, Level::Error, message, span, help);
        }
        if let Some(family) = channel.and_then(|of| of.family) {
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

/// What is said of a character that stands in no token.
pub(super) fn strange(sign: char) -> String {
    format!(
        "the character `{}` stands in no text of BIRD but names, quotations and comments",
        sign.escape_default()
    )
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
