//! Commands, from text: `add`, `insert`, `delete`, `flush` and their effect on the rules.

use super::expr::Parser;
use super::fault::Fault;
use super::lex::Token;
use super::parse::{Piece, Reader, first_word, table_name};
use super::ruleset::{ElementSource, RuleSource, TableFamily};
use super::syntax::Word;
use crate::dialect::raised;
use crate::source::Span;

/// What a command does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    Add,
    Insert,
    Replace,
    Delete,
    Flush,
    Rename,
}

// What a command is about, read from its head.
enum Target<'a> {
    Ruleset(Option<TableFamily>),
    Table(TableFamily, Word<'a>),
    Named(&'a str, TableFamily, Word<'a>, Word<'a>),
    Rule(RuleTarget<'a>),
    // A counter, a limit and the like.
    Object(&'a str, TableFamily, Word<'a>, Word<'a>),
    // Objects without rules.
    Other,
}

struct RuleTarget<'a> {
    family: TableFamily,
    table: Word<'a>,
    chain: Word<'a>,
    // `index N`, counted from 0.
    index: Option<usize>,
    // `handle N` or `position N`.
    handle: Option<Span>,
}

impl<'a> Reader<'a> {
    /// One command, its blocks included.
    pub(super) fn command(&mut self, piece: Piece<'a>) {
        if piece.text.trim().is_empty() {
            return;
        }
        let verb = match first_word(piece.text) {
            "add" | "create" => Verb::Add,
            "insert" => Verb::Insert,
            "replace" => Verb::Replace,
            "delete" | "destroy" => Verb::Delete,
            "flush" => Verb::Flush,
            "rename" => Verb::Rename,
            "list" | "reset" | "monitor" | "describe" | "export" | "import" | "get" => {
                self.file.skipped += 1;
                return;
            }
            _ => {
                let word = piece.text.split_whitespace().next().unwrap_or("");
                let end = piece.base.saturating_add(u32::try_from(word.len()).unwrap_or(u32::MAX));
                let span = Span { start: piece.base, end };
                return self.error(span, format!("expected `table` or a command, not `{word}`"));
            }
        };
        let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
        parser.bump();
        let read = target(&mut parser);
        // What follows the head, from the present token on.
        let at = parser.span.start;

        let token = parser.token;
        match read {
            Err(fault) => self.fault(&fault),
            Ok(Target::Ruleset(family)) if verb == Verb::Flush => self.file.ruleset.clear(family),
            Ok(Target::Other | Target::Ruleset(_)) => self.file.skipped += 1,
            Ok(Target::Object(kind, family, table, name)) => {
                self.file.skipped += 1;
                let objects = &mut self.file.ruleset.table_mut(family, table).objects;
                if verb == Verb::Delete {
                    objects.remove(&(kind, name.text));
                } else {
                    let said = piece.text.split_whitespace().collect::<Vec<_>>().join(" ");
                    objects.insert((kind, name.text), said);
                }
            }
            Ok(Target::Table(family, table)) => self.table_command(verb, family, table, token, at),
            Ok(Target::Rule(target)) => {
                let end = piece.base.saturating_add(u32::try_from(piece.text.len()).unwrap_or(u32::MAX));
                let text = self.slice(Span { start: at, end });
                self.rule_command(verb, &target, text, at, piece.span());
            }
            Ok(Target::Named(kind, family, table, name)) => {
                let block = (token == Token::Sign(b'{')).then_some(at);
                if verb == Verb::Rename {
                    let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
                    while parser.span.start < at && !parser.at_end() {
                        parser.bump();
                    }
                    match parser.name() {
                        Ok(new) => {
                            let table = self.file.ruleset.table_mut(family, table);
                            if !table.rename_chain(name.text, new) {
                                self.undefined("chain", name);
                            }
                        }
                        Err(fault) => self.fault(&fault),
                    }
                    return;
                }

                self.named_command(verb, kind, (family, table, name), block, piece);
            }
        }
    }

    fn undefined(&mut self, what: &str, name: Word<'a>) {
        let message = format!("nothing defines the {what} `{}`", name.text);
        self.warn(raised::UNDEFINED_REFERENCE, name.span, message);
    }

    fn table_command(&mut self, verb: Verb, family: TableFamily, table: Word<'a>, token: Token<'a>, at: u32) {
        match verb {
            Verb::Add | Verb::Insert | Verb::Replace | Verb::Rename => {
                let dormant = token == Token::Sign(b'{') && self.block_text(at).contains("dormant");
                self.file.ruleset.table_mut(family, table).dormant |= dormant;
            }
            Verb::Delete => self.file.ruleset.remove_table(family, table.text),
            Verb::Flush => self.file.ruleset.flush_table(family, table.text),
        }
    }

    // The text from `at` on.
    fn block_text(&self, at: u32) -> &'a str {
        self.slice(Span { start: at, end: u32::try_from(self.position()).unwrap_or(u32::MAX) })
    }

    fn rule_command(&mut self, verb: Verb, target: &RuleTarget<'a>, text: &'a str, at: u32, span: Span) {
        let RuleTarget { family, table, chain, index, handle } = *target;
        if self.file.ruleset.find(family, table.text).is_none_or(|t| t.chain(chain.text).is_none()) {
            self.undefined("chain", chain);
        }
        let found = self.file.ruleset.table_mut(family, table).chain_mut(chain);
        let rule = RuleSource::Text(text, at);
        match (verb, index, handle) {
            (Verb::Add, None, None) => found.rules.push_back(rule),
            (Verb::Insert, None, None) => found.rules.push_front(rule),
            (Verb::Add, Some(index), None) if index < found.rules.len() => {
                found.rules.insert(index + 1, rule);
            }
            (Verb::Insert, Some(index), None) if index < found.rules.len() => {
                found.rules.insert(index, rule);
            }
            (Verb::Delete, Some(index), None) if index < found.rules.len() => {
                found.rules.remove(index);
            }
            _ => {
                // The kernel counts handles; a file does not say which rule has which.
                found.unsure = Some(span);
                if matches!(verb, Verb::Add | Verb::Insert | Verb::Replace) {
                    found.rules.push_back(rule);
                }
                let message = format!("which rule of `{}` this is about is not known", chain.text);
                self.warn(raised::UNSUPPORTED_KEYWORD, handle.unwrap_or(span), message);
            }
        }
    }

    fn named_command(
        &mut self,
        verb: Verb,
        kind: &'a str,
        (family, table, name): (TableFamily, Word<'a>, Word<'a>),
        block: Option<u32>,
        piece: Piece<'a>,
    ) {
        let end = self.position();
        match (verb, kind) {
            (Verb::Add | Verb::Insert | Verb::Replace, "chain") => {
                self.file.ruleset.table_mut(family, table).chain_mut(name);
                if let Some(at) = block {
                    self.go_to(at);
                    self.chain(family, table, name);
                    self.go_to(u32::try_from(end).unwrap_or(u32::MAX));
                }
            }
            (Verb::Add | Verb::Insert | Verb::Replace, "set" | "map") => {
                self.file.ruleset.table_mut(family, table).set_mut(name);
                if let Some(at) = block {
                    self.go_to(at);
                    self.set(family, table, name, kind == "map");
                    self.go_to(u32::try_from(end).unwrap_or(u32::MAX));
                }
            }
            (Verb::Add, "element") => {
                let Some(at) = block else { return self.error(piece.span(), "expected `{` and elements") };
                if self.file.ruleset.find(family, table.text).is_none_or(|t| t.set(name.text).is_none()) {
                    self.undefined("set", name);
                }
                let text = self.slice(Span { start: at, end: u32::try_from(end).unwrap_or(u32::MAX) });
                let set = self.file.ruleset.table_mut(family, table).set_mut(name);
                set.elements.push(ElementSource::Text(text, at));
            }
            (Verb::Delete, "element") => {
                // Taking elements out of intervals is the kernel's doing: what is left is not known.
                let set = self.file.ruleset.table_mut(family, table).set_mut(name);
                set.elements.clear();
                set.changes = true;
                let message = format!("which elements `{}` keeps is not followed", name.text);
                self.warn(raised::UNSUPPORTED_KEYWORD, piece.span(), message);
            }
            (Verb::Flush, "chain") => {
                if let Some(table) = self.file.ruleset.find(family, table.text)
                    && table.chain(name.text).is_some()
                {
                    let chain = table.chain_mut(name);
                    chain.rules.clear();
                    chain.unsure = None;
                }
            }
            (Verb::Delete, "chain") => {
                if let Some(table) = self.file.ruleset.find(family, table.text) {
                    table.remove_chain(name.text);
                }
            }
            (Verb::Flush, "set" | "map") => {
                if let Some(table) = self.file.ruleset.find(family, table.text)
                    && table.set(name.text).is_some()
                {
                    table.set_mut(name).elements.clear();
                }
            }
            (Verb::Delete, "set" | "map") => {
                if let Some(table) = self.file.ruleset.find(family, table.text) {
                    table.remove_set(name.text);
                }
            }
            _ => self.file.skipped += 1,
        }
    }
}

// `counter [FAMILY] TABLE NAME`
fn object<'a>(parser: &mut Parser<'a, '_>) -> Result<Target<'a>, Fault> {
    let mut kind = "";
    while let Token::Word(word) = parser.token {
        let known = ["counter", "quota", "limit", "secmark", "synproxy", "flowtable", "ct"].contains(&word);
        kind = match (kind, word) {
            ("ct", "helper") => "ct helper",
            ("ct", "timeout") => "ct timeout",
            ("ct", "expectation") => "ct expectation",
            ("", word) if known => word,
            _ => break,
        };
        parser.bump();
    }
    let (family, table) = table_name(parser)?;
    Ok(Target::Object(kind, family, table, parser.name()?))
}

fn target<'a>(parser: &mut Parser<'a, '_>) -> Result<Target<'a>, Fault> {
    let Token::Word(kind) = parser.token else { return parser.fault("what the command is about") };
    match kind {
        "ruleset" => {
            parser.bump();
            let family = match parser.token {
                Token::Word(word) => TableFamily::by_name(word),
                _ => None,
            };
            Ok(Target::Ruleset(family))
        }
        "table" => {
            parser.bump();
            let family = match parser.token {
                Token::Word(word) => TableFamily::by_name(word).filter(|_| {
                    matches!(parser.peek(), Token::Word(_) | Token::Quoted(_) | Token::Sign(b'$'))
                }),
                _ => None,
            };
            if family.is_some() {
                parser.bump();
            }
            Ok(Target::Table(family.unwrap_or(TableFamily::Ip), parser.name()?))
        }
        "chain" | "set" | "map" | "element" => {
            parser.bump();
            let (family, table) = table_name(parser)?;
            let name = parser.name()?;
            Ok(Target::Named(kind, family, table, name))
        }
        "counter" | "quota" | "limit" | "ct" | "secmark" | "synproxy" | "flowtable" => object(parser),
        "meter" | "counters" | "quotas" | "sets" | "maps" | "chains" | "tables" | "rules" | "hooks" => {
            Ok(Target::Other)
        }
        _ => {
            // `rule` may be left out.
            if kind == "rule" {
                parser.bump();
            }
            let (family, table) = table_name(parser)?;
            let chain = parser.name()?;
            let (mut index, mut handle) = (None, None);
            loop {
                match parser.token {
                    Token::Word("index") => {
                        parser.bump();
                        index = Some(parser.small_number()? as usize);
                    }
                    Token::Word("handle" | "position") => {
                        parser.bump();
                        handle = Some(parser.span);
                        parser.small_number()?;
                    }
                    _ => break,
                }
            }
            Ok(Target::Rule(RuleTarget { family, table, chain, index, handle }))
        }
    }
}
