//! Text to the tree of words, from braces or from `set` lines. Never fails: what cannot be read becomes a
//! finding and reading goes on at the next statement.

use super::findings::Findings;
use super::lex::{Kind, Lexer, Token};
use super::session::{self, Body};
use super::syntax::{NodeId, Tree};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::{Meter, limits};
use crate::source::Span;

/// Words that begin a line of the `set` form.
pub(super) const COMMANDS: [&str; 15] = [
    "set",
    "copy",
    "delete",
    "deactivate",
    "activate",
    "insert",
    "rename",
    "edit",
    "top",
    "up",
    "exit",
    "protect",
    "unprotect",
    "annotate",
    "quit",
];

/// The configuration without what a terminal session puts around it.
pub(super) fn body(text: &str) -> Body {
    session::body(text, |word| COMMANDS.contains(&word))
}

/// Whether a configuration is in the `set` form: its first statement begins with a command.
pub(super) fn is_set_form(text: &str, body: &Body) -> bool {
    let mut lexer = Lexer::within(text, body.range.clone(), true);
    loop {
        let token = lexer.next();
        match token.kind {
            Kind::Newline => {}
            Kind::Word => {
                let word = text.get(token.span.range()).unwrap_or("");
                // What follows a prompt is a command.
                if session::is_prompt(word) {
                    continue;
                }
                return COMMANDS.contains(&word) && lexer.next().kind != Kind::Open;
            }
            _ => return false,
        }
    }
}

/// Reads a text in either form.
pub(super) fn parse<'a>(text: &'a str, findings: &mut Findings) -> Tree<'a> {
    let mut tree = Tree::new(text);
    let body = body(text);
    if is_set_form(text, &body) {
        super::set_form::Lines::new(text, &body).read(&mut tree, findings);
    } else {
        let place = body.place.iter().fold(Tree::ROOT, |node, word| tree.child(node, *word, false));
        Braces {
            lexer: Lexer::within(text, body.range, false),
            text,
            depth: Meter::new(&limits::NESTING),
            frames: Vec::new(),
        }
        .read(place, &mut tree, findings);
    }
    tree
}

/// What stands in front of a statement with a colon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Inactive,
    Replace,
    Delete,
    Protect,
}

fn tag(word: &str) -> Option<Tag> {
    Some(match word.strip_suffix(':')? {
        "inactive" => Tag::Inactive,
        "replace" => Tag::Replace,
        "delete" => Tag::Delete,
        "protect" | "unprotect" | "active" => Tag::Protect,
        _ => return None,
    })
}

struct Frame {
    node: NodeId,
    opened: Span,
    // Statements in it are read and not kept: it is inactive, or its head could not be read.
    dropped: bool,
}

struct Braces<'a> {
    lexer: Lexer<'a>,
    text: &'a str,
    depth: Meter,
    frames: Vec<Frame>,
}

/// How far a statement has been read.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own tag or mark")]
struct Statement {
    node: NodeId,
    // Nodes of the words of the head, so that a deletion finds parent and child.
    parent: NodeId,
    words: u32,
    listed: bool,
    dropped: bool,
    delete: bool,
    replace: bool,
    // A node of the path that was not there; what is deleted there is not there either.
    missing: bool,
    last: Span,
}

impl<'a> Braces<'a> {
    fn read(mut self, place: NodeId, tree: &mut Tree<'a>, findings: &mut Findings) {
        self.frames.push(Frame { node: place, opened: Span::default(), dropped: false });
        while self.statement(tree, findings) {
            if tree.is_full() {
                let spent = Meter::new(&limits::SYNTAX_NODES).exhausted();
                findings.exhausted(&spent, Span::new(self.lexer.at(), self.lexer.at()));
                return;
            }
        }
        for frame in self.frames.iter().skip(1) {
            findings.syntax(frame.opened, "this `{` is never closed");
        }
    }

    /// Reads one statement, or the end of a block; false at the end of the text.
    fn statement(&mut self, tree: &mut Tree<'a>, findings: &mut Findings) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        let mut statement = Statement {
            node: frame.node,
            parent: frame.node,
            words: 0,
            listed: false,
            dropped: frame.dropped,
            delete: false,
            replace: false,
            missing: false,
            last: Span::default(),
        };
        loop {
            let token = self.lexer.next();
            match token.kind {
                Kind::Word | Kind::Quoted => self.word(&mut statement, token, tree, findings),
                Kind::ListOpen => {
                    if let Some(end) = self.list(&statement, token, tree, findings) {
                        statement.listed = true;
                        statement.words += 1;
                        // A mark where the list should have gone on: it is still to be read.
                        if let Some(again) = self.mark(&mut statement, end, tree, findings) {
                            return again;
                        }
                    }
                }
                Kind::ListClose => findings.syntax(token.span, "`]` without `[`"),
                Kind::Unclosed => {
                    // The rest of its line went with it, the `;` too.
                    findings.syntax(token.span, "this string is never closed");
                    return true;
                }
                Kind::UnclosedComment => findings.syntax(token.span, "this comment is never closed"),
                Kind::Newline | Kind::Open | Kind::Close | Kind::Semicolon | Kind::End => {
                    if let Some(again) = self.mark(&mut statement, token, tree, findings) {
                        return again;
                    }
                }
            }
        }
    }

    fn word(&self, statement: &mut Statement, token: Token, tree: &mut Tree<'a>, findings: &mut Findings) {
        if statement.words == 0
            && token.kind == Kind::Word
            && let Some(tag) = self.text.get(token.span.range()).and_then(tag)
        {
            match tag {
                Tag::Inactive => {
                    statement.dropped = true;
                    tree.mark_had_inactive(statement.node);
                }
                Tag::Replace => statement.replace = true,
                Tag::Delete => statement.delete = true,
                Tag::Protect => {}
            }
            return;
        }
        if statement.listed {
            findings.syntax(token.span, "unexpected word behind a list, is a `;` missing");
            statement.dropped = true;
        }
        statement.words += 1;
        statement.last = token.span;
        if statement.dropped {
            return;
        }
        let quoted = token.kind == Kind::Quoted;
        statement.parent = statement.node;
        if !statement.delete {
            statement.node = tree.child(statement.node, token.span, quoted);
        } else if !statement.missing {
            let quotes = usize::from(quoted);
            let range = token.span.range();
            let word = self.text.get(range.start + quotes..range.end - quotes).unwrap_or("");
            match tree.find_any(statement.node, word) {
                Some(node) => statement.node = node,
                None => statement.missing = true,
            }
        }
    }

    /// Reads `[ a b c ]`, each a child of the word before; gives back the mark that ended it too early.
    fn list(
        &mut self,
        statement: &Statement,
        open: Token,
        tree: &mut Tree<'a>,
        findings: &mut Findings,
    ) -> Option<Token> {
        loop {
            let token = self.lexer.next();
            match token.kind {
                Kind::Word | Kind::Quoted => {
                    if !statement.dropped && !statement.delete {
                        tree.child(statement.node, token.span, token.kind == Kind::Quoted);
                    }
                }
                Kind::ListClose => {
                    return Some(Token { kind: Kind::ListClose, span: token.span });
                }
                Kind::Unclosed => findings.syntax(token.span, "this string is never closed"),
                Kind::ListOpen => findings.syntax(token.span, "a list inside a list"),
                Kind::Newline | Kind::UnclosedComment => {}
                Kind::Open | Kind::Close | Kind::Semicolon | Kind::End => {
                    findings.syntax(open.span, "this `[` is never closed");
                    return Some(token);
                }
            }
        }
    }

    /// Ends the statement at a mark; none when it goes on.
    fn mark(
        &mut self,
        statement: &mut Statement,
        token: Token,
        tree: &mut Tree<'a>,
        findings: &mut Findings,
    ) -> Option<bool> {
        match token.kind {
            Kind::Semicolon => {
                if statement.words == 0 {
                    let message = "a statement is missing in front of `;`";
                    findings.add(raised::SYNTAX_ERROR, Level::Warning, token.span, message);
                }
                Self::finish(statement, tree);
                Some(true)
            }
            Kind::Open => {
                if statement.words == 0 {
                    findings.syntax(token.span, "a name is missing in front of `{`");
                    statement.dropped = true;
                } else if statement.listed {
                    findings.syntax(token.span, "`{` behind a list");
                    statement.dropped = true;
                }
                Some(self.open(statement, token, tree, findings))
            }
            Kind::Close | Kind::End => {
                if statement.words > 0 {
                    findings.syntax_with_help(
                        statement.last,
                        "the statement does not end",
                        "put `;` behind it",
                    );
                    Self::finish(statement, tree);
                }
                if token.kind == Kind::End {
                    return Some(false);
                }
                if self.frames.len() > 1 {
                    self.frames.pop();
                    self.depth.release(1);
                } else {
                    findings.syntax(token.span, "`}` without `{`");
                }
                Some(true)
            }
            _ => None,
        }
    }

    fn finish(statement: &Statement, tree: &mut Tree<'a>) {
        if statement.delete && !statement.missing && !statement.dropped && statement.words > 0 {
            tree.remove(statement.parent, statement.node);
        }
    }

    fn open(
        &mut self,
        statement: &Statement,
        token: Token,
        tree: &mut Tree<'a>,
        findings: &mut Findings,
    ) -> bool {
        if let Err(exhausted) = self.depth.charge(1) {
            findings.exhausted(&exhausted, token.span);
            self.frames.clear();
            return false;
        }
        Self::finish(statement, tree);
        let dropped = statement.dropped || statement.delete;
        if !dropped {
            if statement.replace {
                tree.clear(statement.node);
            }
            tree.mark_opened(statement.node);
        }
        self.frames.push(Frame { node: statement.node, opened: token.span, dropped });
        true
    }
}
