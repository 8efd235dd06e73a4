//! Files and blocks, from text to a [`Ruleset`]: definitions, tables, chains, sets. Reading goes on at the next
//! statement behind what it does not understand.

use super::defines::Defines;
use super::expr::{Fault, Parser};
use super::lex::{End, Token, blank, statement};
use super::names;
use super::ruleset::{Base, Declared, ElementSource, RuleSource, Ruleset, TableFamily};
use super::syntax::Word;
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{raise, raised};
use crate::source::{SourceId, Span};

/// What reading the file gave, rules unread.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) ruleset: Ruleset<'a>,
    pub(super) defines: Defines<'a>,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) skipped: usize,
}

/// Reads a file.
pub(super) fn read(text: &str, source: SourceId) -> File<'_> {
    let mut reader = Reader {
        text,
        source,
        at: 0,
        file: File {
            ruleset: Ruleset::default(),
            defines: Defines::default(),
            diagnostics: Vec::new(),
            skipped: 0,
        },
        scope: Vec::new(),
    };
    reader.top();
    reader.file
}

/// Reads statements one behind the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    source: SourceId,
    at: usize,
    pub(super) file: File<'a>,
    // Names defined in the block that is being read.
    scope: Vec<&'a str>,
}

/// A statement cut out of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) base: u32,
    pub(super) end: End,
}

impl Piece<'_> {
    pub(super) fn span(&self) -> Span {
        let length = u32::try_from(self.text.trim_end().len()).unwrap_or(u32::MAX);
        Span { start: self.base, end: self.base.saturating_add(length) }
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Passes over blanks, comments and the ends of statements.
    fn skip(&mut self) {
        loop {
            self.at += blank(self.rest());
            if !self.rest().starts_with(';') {
                return;
            }
            self.at += 1;
        }
    }

    // The next statement; what ends it stays.
    fn piece(&mut self, stop_at_open: bool) -> Piece<'a> {
        let start = self.at;
        let (length, end) = statement(self.rest(), stop_at_open);
        self.at = start + length;
        Piece { text: self.text.get(start..self.at).unwrap_or(""), base: place(start), end }
    }

    // The same statement again, with its blocks.
    fn whole(&mut self, piece: Piece<'a>) -> Piece<'a> {
        self.at = piece.base as usize;
        self.piece(false)
    }

    /// A part of the text.
    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Where reading stands.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes on reading elsewhere.
    pub(super) fn go_to(&mut self, at: u32) {
        self.at = at as usize;
    }

    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) {
        let finding = raise(raised::SYNTAX_ERROR, Level::Error, message, self.source, span);
        self.file.diagnostics.push(finding);
    }

    pub(super) fn warn(&mut self, check: &'static str, span: Span, message: impl Into<String>) {
        self.file.diagnostics.push(raise(check, Level::Warning, message, self.source, span));
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        let mut finding = raise(fault.check, Level::Error, fault.message, self.source, fault.span);
        finding.help = (!fault.help.is_empty()).then(|| fault.help.to_owned());
        self.file.diagnostics.push(finding);
    }

    fn top(&mut self) {
        loop {
            self.skip();
            if self.rest().is_empty() {
                return;
            }
            if self.rest().starts_with('}') {
                self.error(Span::new(self.at, self.at + 1), "`}` closes no block");
                self.at += 1;
                continue;
            }
            let piece = self.piece(true);
            let word = first_word(piece.text);
            match word {
                "table" if piece.end == End::Open => self.table(piece),
                "define" | "redefine" | "undefine" | "include" => self.definition(piece),
                _ => {
                    let whole = self.whole(piece);
                    self.command(whole);
                }
            }
        }
    }

    /// `define NAME = VALUE` and its kin.
    fn definition(&mut self, piece: Piece<'a>) {
        let piece = self.whole(piece);
        let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
        let Token::Word(verb) = parser.token else { return };
        parser.bump();
        if verb == "include" {
            let span = piece.span();
            let message = "the file of this `include` is not read: one source is all there is";
            self.file.diagnostics.push(
                raise(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, self.source, span).with_help(
                    "put the files together in the order nft reads them, as `nft list ruleset` does",
                ),
            );
            return;
        }
        let Token::Word(name) = parser.token else {
            return self.error(piece.span(), "expected the name of a definition");
        };
        let at = parser.span;
        if verb == "undefine" {
            self.file.defines.end(name, at.start);
            return;
        }
        parser.bump();
        if parser.token != Token::Sign(b'=') {
            let span = parser.span;
            return self.error(span, "expected `=`");
        }
        let start = parser.span.end as usize;
        let end = piece.base as usize + piece.text.len();
        let text = self.text.get(start..end).unwrap_or("");
        if text.trim().is_empty() {
            return self.error(at, "expected a value behind `=`");
        }
        if verb == "redefine" {
            self.file.defines.end(name, place(end));
        }
        self.scope.push(name);
        self.file.defines.add(name, at, text, place(start), u32::MAX);
    }

    // Runs `body` as a block: what it defines ends with it.
    fn scoped(&mut self, body: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.scope);
        let from = place(self.at);
        body(self);
        let names = std::mem::replace(&mut self.scope, outer);
        self.file.defines.close(&names, from, place(self.at));
    }

    // The next statement of a block; none at its end, behind which reading goes on.
    fn next_in_block(&mut self, opened: Span, stop_at_open: bool) -> Option<Piece<'a>> {
        self.skip();
        if self.rest().is_empty() {
            self.error(opened, "this block is never closed");
            return None;
        }
        if self.rest().starts_with('}') {
            self.at += 1;
            return None;
        }
        let piece = self.piece(stop_at_open);
        if piece.text.is_empty() && piece.end == End::Open {
            let opened = Span::new(self.at, self.at + 1);
            self.error(opened, "expected words in front of `{`");
            self.skip_block();
            return self.next_in_block_again(opened, stop_at_open);
        }
        Some(piece)
    }

    fn next_in_block_again(&mut self, opened: Span, stop_at_open: bool) -> Option<Piece<'a>> {
        // As often as there are such blocks side by side; each takes octets of the text.
        loop {
            self.skip();
            if !self.rest().starts_with('{') {
                break;
            }
            self.skip_block();
        }
        if self.rest().is_empty() {
            self.error(opened, "this block is never closed");
            return None;
        }
        if self.rest().starts_with('}') {
            self.at += 1;
            return None;
        }
        Some(self.piece(stop_at_open))
    }

    // Enters the block in front of which a statement ended.
    fn open(&mut self) -> Span {
        let opened = Span::new(self.at, self.at + 1);
        self.at += 1;
        opened
    }

    // Passes over the block that begins here.
    fn skip_block(&mut self) {
        let opened = self.open();
        loop {
            self.skip();
            let rest = self.rest();
            if rest.is_empty() {
                return self.error(opened, "this block is never closed");
            }
            if rest.starts_with('}') {
                self.at += 1;
                return;
            }
            let before = self.at;
            self.piece(false);
            // A piece is empty only in front of a sign that ends it.
            if self.at == before {
                self.at += 1;
            }
        }
    }

    /// `table [FAMILY] NAME {`
    pub(super) fn table(&mut self, head: Piece<'a>) {
        let mut parser = Parser::new(head.text, head.base, &self.file.defines);
        parser.bump();
        let found = table_name(&mut parser);
        let ended = parser.at_end();
        let opened = self.open();
        let (family, name) = match found {
            Ok(found) if ended => found,
            Ok(_) => {
                self.error(head.span(), "expected `{` behind the name of the table");
                self.at -= 1;
                return self.skip_block();
            }
            Err(fault) => {
                self.fault(fault);
                self.at -= 1;
                return self.skip_block();
            }
        };
        self.file.ruleset.table_mut(family, name);
        self.scoped(|reader| {
            while let Some(piece) = reader.next_in_block(opened, true) {
                reader.in_table(family, name, piece);
            }
        });
    }

    fn in_table(&mut self, family: TableFamily, table: Word<'a>, piece: Piece<'a>) {
        let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
        let word = first_word(piece.text);
        match (word, piece.end) {
            ("define" | "redefine" | "undefine" | "include", _) => self.definition(piece),
            ("chain" | "set" | "map", End::Open) => {
                parser.bump();
                let name = parser.name();
                match name {
                    Ok(name) if word == "chain" => self.chain(family, table, name),
                    Ok(name) => self.set(family, table, name),
                    Err(fault) => {
                        self.fault(fault);
                        self.skip_block();
                    }
                }
            }
            ("counter" | "quota" | "limit" | "ct" | "secmark" | "synproxy" | "flowtable" | "meter", _) => {
                self.file.skipped += 1;
                if let Some((kind, name)) = object(&mut parser) {
                    self.file.ruleset.table_mut(family, table).objects.insert((kind, name.text));
                }
                if piece.end == End::Open {
                    self.skip_block();
                }
            }
            ("flags", _) => {
                if piece.text.contains("dormant") {
                    self.file.ruleset.table_mut(family, table).dormant = true;
                }
            }
            ("comment", _) => {}
            _ => {
                self.error(piece.span(), "expected `chain`, `set`, `map` or an object of the table");
                if piece.end == End::Open {
                    self.skip_block();
                }
            }
        }
    }

    /// The block of a chain.
    pub(super) fn chain(&mut self, family: TableFamily, table: Word<'a>, name: Word<'a>) {
        self.file.ruleset.table_mut(family, table).chain_mut(name);
        let opened = self.open();
        let mut rules = std::collections::VecDeque::new();
        self.scoped(|reader| {
            while let Some(piece) = reader.next_in_block(opened, false) {
                match first_word(piece.text) {
                    "type" | "policy" | "hook" => reader.base(family, table, name, piece),
                    "comment" | "devices" | "device" | "flags" => {
                        if piece.text.starts_with("dev") {
                            reader.base(family, table, name, piece);
                        }
                    }
                    "define" | "redefine" | "undefine" | "include" => reader.definition(piece),
                    _ => rules.push_back(RuleSource::Text(piece.text, piece.base)),
                }
            }
        });
        let chain = self.file.ruleset.table_mut(family, table).chain_mut(name);
        if chain.rules.is_empty() {
            rules.shrink_to_fit();
            chain.rules = rules;
        } else {
            chain.rules.extend(rules);
        }
    }

    /// `type T hook H [device D] priority P`, `policy P`, `devices = { .. }`.
    pub(super) fn base(&mut self, family: TableFamily, table: Word<'a>, name: Word<'a>, piece: Piece<'a>) {
        let defines = &self.file.defines;
        let mut parser = Parser::new(piece.text, piece.base, defines);
        let chain = self.file.ruleset.table_mut(family, table).chain_mut(name);
        let at = piece.span();
        let mut base = chain.base.take().unwrap_or_else(|| super::declared::no_base(at));
        let read = base_words(&mut parser, &mut base, family == TableFamily::Bridge);
        chain.base = Some(base);
        if let Err(fault) = read {
            self.fault(fault);
        }
    }

    /// The block of a set or map.
    pub(super) fn set(&mut self, family: TableFamily, table: Word<'a>, name: Word<'a>) {
        self.file.ruleset.table_mut(family, table).set_mut(name);
        let opened = self.open();
        while let Some(piece) = self.next_in_block(opened, false) {
            let set = self.file.ruleset.table_mut(family, table).set_mut(name);
            match first_word(piece.text) {
                "flags" => {
                    set.changes |= piece.text.contains("dynamic") || piece.text.contains("timeout");
                    set.interval |= piece.text.contains("interval");
                }
                "timeout" => set.changes = true,
                word @ ("type" | "typeof") => {
                    let text = piece.text.get(word.len()..).unwrap_or("");
                    let base = piece.base.saturating_add(place(word.len()));
                    set.declared = Some(match word {
                        "type" => Declared::Types(text, base),
                        _ => Declared::Like(text, base),
                    });
                }
                "elements" => match piece.text.find('=') {
                    Some(at) => {
                        let text = piece.text.get(at + 1..).unwrap_or("");
                        let base = piece.base.saturating_add(place(at + 1));
                        set.elements.push(ElementSource::Text(text, base));
                    }
                    None => self.error(piece.span(), "expected `=` behind `elements`"),
                },
                "auto-merge" => set.merges = true,
                "size" | "gc-interval" | "policy" | "comment" | "counter" | "limit" | "quota" | "last"
                | "ct" => {}
                _ => self.error(piece.span(), "expected a property of the set"),
            }
        }
    }
}

/// The statements of a text without blocks of its own, with their places.
pub(super) fn pieces(text: &str, base: u32) -> Vec<(&str, u32)> {
    let mut list = Vec::new();
    let mut at = 0;
    loop {
        at += blank(text.get(at..).unwrap_or(""));
        let rest = text.get(at..).unwrap_or("");
        if rest.is_empty() {
            return list;
        }
        if rest.starts_with([';', '}']) {
            at += 1;
            continue;
        }
        let (length, _) = statement(rest, false);
        list.push((rest.get(..length).unwrap_or(""), base.saturating_add(place(at))));
        at += length.max(1);
    }
}

/// The kind and name of an object of a table: `counter NAME`, `ct helper NAME`.
pub(super) fn object<'a>(parser: &mut Parser<'a, '_>) -> Option<(&'static str, Word<'a>)> {
    let Token::Word(word) = parser.token else { return None };
    parser.bump();
    let kind = match word {
        "counter" => "counter",
        "quota" => "quota",
        "limit" => "limit",
        "secmark" => "secmark",
        "synproxy" => "synproxy",
        "flowtable" => "flowtable",
        "ct" => {
            let Token::Word(word) = parser.token else { return None };
            parser.bump();
            match word {
                "helper" => "ct helper",
                "timeout" => "ct timeout",
                "expectation" => "ct expectation",
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((kind, parser.name().ok()?))
}

/// The word at the beginning.
pub(super) fn first_word(text: &str) -> &str {
    let end = text.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    text.get(..end.unwrap_or(text.len())).unwrap_or("")
}

/// `[FAMILY] NAME`
pub(super) fn table_name<'a>(parser: &mut Parser<'a, '_>) -> Result<(TableFamily, Word<'a>), Fault> {
    let family = match parser.token {
        Token::Word(word) => {
            // A name may be that of a family where nothing follows.
            TableFamily::by_name(word).filter(|_| parser.peek() != Token::End)
        }
        _ => None,
    };
    if family.is_some() {
        parser.bump();
    }
    Ok((family.unwrap_or(TableFamily::Ip), parser.name()?))
}

fn base_words<'a>(parser: &mut Parser<'a, '_>, base: &mut Base<'a>, bridge: bool) -> Result<(), Fault> {
    while !parser.at_end() {
        let Token::Word(word) = parser.token else {
            if parser.eat(b';') {
                continue;
            }
            return parser.fault("`type`, `hook`, `device`, `priority` or `policy`");
        };
        parser.bump();
        match word {
            "type" => base.kind = parser.name()?,
            "hook" => base.hook = parser.name()?,
            "device" => {
                let device = parser.name()?.text;
                base.devices.push(device);
            }
            "devices" => devices(parser, base)?,
            "priority" => base.priority = priority(parser, bridge)?,
            "policy" => {
                let policy = parser.name()?;
                base.drops = match policy.text {
                    "drop" => true,
                    "accept" => false,
                    _ => return parser.fault("`accept` or `drop`"),
                };
            }
            "comment" => drop(parser.name()?),
            "flags" => parser.skip_value()?,
            _ => return parser.fault("`type`, `hook`, `device`, `priority` or `policy`"),
        }
    }
    Ok(())
}

fn devices<'a>(parser: &mut Parser<'a, '_>, base: &mut Base<'a>) -> Result<(), Fault> {
    parser.expect(b'=')?;
    if parser.token == Token::Sign(b'$') {
        let text = parser.name()?.text.trim_start_matches('{').trim_end_matches('}');
        base.devices.extend(text.split(',').map(|d| d.trim().trim_matches('"')).filter(|d| !d.is_empty()));
        return Ok(());
    }
    parser.expect(b'{')?;
    while !parser.eat(b'}') {
        let device = parser.name()?.text;
        base.devices.push(device);
        if !parser.eat(b',') && parser.token != Token::Sign(b'}') {
            return parser.fault("`,` or `}`");
        }
    }
    Ok(())
}

/// A number, a name, or a name with an offset.
fn priority(parser: &mut Parser<'_, '_>, bridge: bool) -> Result<i64, Fault> {
    let negative = parser.eat(b'-');
    let word = parser.name()?;
    let mut text = word.text.split_whitespace();
    let first = text.next().unwrap_or("");
    // `filter-1` is one word of the lexer, and so is what a definition holds.
    let (name, glued) = match first.rfind(['-', '+']) {
        Some(at) if at > 0 => (first.get(..at).unwrap_or(first), first.get(at..)),
        _ => (first, None),
    };
    let number = |text: &str| -> Option<i64> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        names::number(digits.trim()).and_then(|n| i64::try_from(n).ok()).map(|n| sign * n)
    };
    let unknown = || Fault::new(word.span, format!("`{}` is no priority", word.text));
    let mut value = if let Some(value) = number(first) {
        value
    } else {
        let base = names::priority(name, bridge).map(i64::from).ok_or_else(unknown)?;
        base + glued.map_or(Some(0), number).ok_or_else(unknown)?
    };
    let more: String = text.collect();
    if !more.is_empty() {
        value += number(&more).ok_or_else(unknown)?;
    }
    if negative {
        value = -value;
    }
    let sign = match parser.token {
        Token::Sign(b'+') => 1,
        Token::Sign(b'-') => -1,
        _ => return Ok(value),
    };
    parser.bump();
    let offset = parser.name()?;
    let offset = names::number(offset.text)
        .and_then(|n| i64::try_from(n).ok())
        .ok_or_else(|| Fault::new(offset.span, format!("`{}` is no number", offset.text)))?;
    Ok(value.saturating_add(sign * offset))
}
