//! Files and blocks, from text to a [`Ruleset`]: definitions, tables, chains, sets. Reading goes on at the next
//! statement behind what it does not understand.

use super::defines::Defines;
use super::expr::Parser;
use super::fault::Fault;
use super::lex::{End, Token, blank, statement};
use super::ruleset::{Ruleset, TableFamily};
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
    reader.returns();
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
    // nft takes carriage returns in comments and quotations only (measured with 1.0.6); they are blanks here.
    fn returns(&mut self) {
        let Some(mut at) = memchr::memchr(b'\r', self.text.as_bytes()) else { return };
        loop {
            let before = self.text.get(..at).unwrap_or("");
            let line = before.rsplit('\n').next().unwrap_or("");
            let mut quoted = false;
            let comment = line.bytes().any(|b| {
                quoted ^= b == b'"';
                b == b'#' && !quoted
            });
            if !comment && !quoted {
                let span = Span { start: place(at), end: place(at + 1) };
                self.error(span, "a carriage return stands here, which nft does not take");
                return;
            }
            // The rest of this line is left: in a file with such ends of lines the next has one too.
            let behind = |at: usize| self.text.as_bytes().get(at..).unwrap_or(&[]);
            let Some(line) = memchr::memchr(b'\n', behind(at)) else { return };
            let Some(next) = memchr::memchr(b'\r', behind(at + line)) else { return };
            at += line + next;
        }
    }

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

    pub(super) fn fault(&mut self, fault: &Fault) {
        let mut finding = raise(fault.check, Level::Error, fault.message.clone(), self.source, fault.span);
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
                "table" if piece.end == End::Open => {
                    self.table(piece);
                    self.separated();
                }
                "define" | "redefine" | "undefine" | "include" => self.definition(piece),
                _ => {
                    let whole = self.whole(piece);
                    self.command(whole);
                }
            }
        }
    }

    /// `define NAME = VALUE` and its kin.
    pub(super) fn definition(&mut self, piece: Piece<'a>) {
        let piece = self.whole(piece);
        let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
        let Token::Word(verb) = parser.token else { return };
        parser.bump();
        if verb == "include" {
            let span = piece.span();
            if !matches!(parser.token, Token::Quoted(_)) {
                return self.error(parser.span, "expected a path in quotes");
            }
            let message = "the file of this `include` is not read";
            self.file.diagnostics.push(
                raise(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, self.source, span).with_help(
                    "give the rules as a file, without `--no-includes`, or put the files together in the order nft reads them",
                ),
            );
            return;
        }
        let Token::Word(name) = parser.token else {
            return self.error(piece.span(), "expected the name of a definition");
        };
        let at = parser.span;
        let known = self.file.defines.holds(name, at.start);
        parser.bump();
        if verb == "undefine" {
            let end = parser.expect_end();
            self.file.defines.end(name, at.start);
            return match end {
                _ if !known => self.fault(&super::fault::undefined(name, at)),
                Err(fault) => self.fault(&fault),
                Ok(()) => {}
            };
        }
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
        } else if known {
            let fault = Fault::new(at, format!("`{name}` is defined already"));
            self.fault(&fault.with_help("`redefine` gives it another value"));
        }
        self.scope.push(name);
        self.file.defines.add(name, at, text, place(start), u32::MAX);
    }

    /// Runs `body` as a block: what it defines ends with it.
    pub(super) fn scoped(&mut self, body: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.scope);
        let from = place(self.at);
        body(self);
        let names = std::mem::replace(&mut self.scope, outer);
        self.file.defines.close(&names, from, place(self.at));
    }

    /// The next statement of a block; none at its end, behind which reading goes on.
    pub(super) fn next_in_block(&mut self, opened: Span, stop_at_open: bool) -> Option<Piece<'a>> {
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

    /// A statement and a block end with `;`, the line or a comment (`stmt_separator` of nft).
    pub(super) fn separated(&mut self) {
        let rest = self.rest().trim_start_matches([' ', '\t', '\r']);
        if !(rest.is_empty() || rest.starts_with(['\n', ';', '#', '\\'])) {
            let at = self.text.len() - rest.len();
            let width = rest.chars().next().map_or(0, char::len_utf8);
            let fault = Fault::new(Span::new(at, at + width), "expected `;` or the end of the line");
            self.fault(
                &fault.with_help("nft takes no second statement, and no `}`, on the same line without `;`"),
            );
        }
    }

    /// Enters the block in front of which a statement ended.
    pub(super) fn open(&mut self) -> Span {
        let opened = Span::new(self.at, self.at + 1);
        self.at += 1;
        opened
    }

    /// Passes over the block that begins here.
    pub(super) fn skip_block(&mut self) {
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
                self.fault(&fault);
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
    Ok((family.unwrap_or(TableFamily::Ip), parser.identifier()?))
}
