//! Lines of the `set` form: the same tree, built and edited line by line.

use super::findings::Findings;
use super::lex::{Kind, Lexer, Token};
use super::numbers::shown;
use super::session::{self, Body};
use super::syntax::{NodeId, Tree};
use crate::dialect::raised;
use crate::guard::{Meter, limits};
use crate::source::Span;
use std::cmp::Ordering;

/// Reads lines.
pub(super) struct Lines<'a> {
    lexer: Lexer<'a>,
    text: &'a str,
    // Words of the line being read, lists as their brackets.
    words: Vec<Token>,
    // Where that line begins, how many of its words the line before began with, and whether it was all words.
    start: usize,
    shared: usize,
    plain: bool,
    // Path of the `set` before, with its nodes: lines share most of it.
    path: Vec<NodeId>,
    // Where `edit` went.
    context: Vec<Token>,
    copies: Meter,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str, body: &Body) -> Self {
        let word = |span: &Span| Token { kind: Kind::Word, span: *span };
        Self {
            lexer: Lexer::within(text, body.range.clone(), true),
            text,
            words: Vec::new(),
            start: body.range.start,
            shared: 0,
            plain: true,
            path: Vec::new(),
            context: body.place.iter().map(word).collect(),
            copies: Meter::new(&limits::EXPANSION),
        }
    }

    pub(super) fn read(&mut self, tree: &mut Tree<'a>, findings: &mut Findings) {
        while self.line(findings) {
            if tree.is_full() {
                let spent = Meter::new(&limits::SYNTAX_NODES).exhausted();
                findings.exhausted(&spent, Span::new(self.start, self.lexer.at()));
                return;
            }
            let text = self.text;
            let prompts = |word: &&Token| {
                word.kind == Kind::Word && session::is_prompt(text.get(word.span.range()).unwrap_or(""))
            };
            let prompt = self.words.first().filter(prompts).map(|word| word.span);
            if prompt.is_some_and(|prompt| session::is_operational(text.get(prompt.range()).unwrap_or(""))) {
                continue;
            }
            let behind = self.words.get(usize::from(prompt.is_some())..).unwrap_or(&[]);
            if let Some((command, words)) = behind.split_first() {
                let command = *command;
                // The buffer is kept: a line allocates nothing.
                let words: &[Token] = words;
                let context = std::mem::take(&mut self.context);
                let shared = self.shared.saturating_sub(1 + usize::from(prompt.is_some()));
                let line = Line { text: self.text, context: &context, words, shared };
                let edit = line.run(command, tree, &mut self.path, &mut self.copies, findings);
                self.context = match edit {
                    Edit::Stay => context,
                    Edit::To(context) => context,
                };
            }
        }
    }

    /// Collects the words of the next line; false at the end of the text.
    fn line(&mut self, findings: &mut Findings) -> bool {
        self.share();
        loop {
            let token = self.lexer.next();
            match token.kind {
                Kind::Word | Kind::Quoted | Kind::ListOpen | Kind::ListClose => {
                    match (self.words.len() as u64).cmp(&limits::CONDITION_VALUES.value) {
                        Ordering::Less => self.words.push(token),
                        Ordering::Equal if self.plain => {
                            let spent = Meter::new(&limits::CONDITION_VALUES).exhausted();
                            findings.exhausted(&spent, token.span);
                            self.plain = false;
                        }
                        Ordering::Equal | Ordering::Greater => {}
                    }
                    continue;
                }
                Kind::Newline if self.words.is_empty() => {
                    self.start = self.lexer.at();
                    continue;
                }
                Kind::Newline => return true,
                Kind::End => return !self.words.is_empty(),
                Kind::Unclosed => findings.syntax(token.span, "this string is never closed"),
                Kind::UnclosedComment => findings.syntax(token.span, "this comment is never closed"),
                Kind::Semicolon => {
                    findings.syntax(token.span, "`;` in a line of the `set` form");
                }
                Kind::Open | Kind::Close => {
                    self.prompt(token, findings);
                }
            }
            self.plain = false;
        }
    }

    /// Keeps the words that the line begins with as the one before did: the same octets are the same words.
    fn share(&mut self) {
        let start = self.lexer.at();
        let octets = self.text.as_bytes();
        let before = octets.get(self.start..start).filter(|_| self.plain).unwrap_or(&[]);
        let common = common(before, octets.get(start..).unwrap_or(&[]));
        // A word is the same where the blank that ends it is.
        let same = |word: &&Token| {
            let end = word.span.end as usize;
            end < self.start + common && octets.get(end) == Some(&b' ')
        };
        self.shared = self.words.iter().take_while(same).count();
        self.words.truncate(self.shared);
        let moved = start - self.start;
        for word in &mut self.words {
            let range = word.span.range();
            word.span = Span::new(range.start + moved, range.end + moved);
        }
        if let Some(last) = self.words.last() {
            self.lexer.skip(last.span.end as usize - start);
        }
        (self.start, self.plain) = (start, true);
    }

    /// `{master:0}` between lines is what the router prints before its prompt; any other brace is wrong.
    fn prompt(&mut self, brace: Token, findings: &mut Findings) {
        let line = self.text.get(brace.span.start as usize..).and_then(|rest| rest.lines().next());
        let is_prompt = |line: &str| {
            let line = line.trim_end();
            line.starts_with('{') && line.ends_with('}') && !line.contains(' ')
        };
        if self.words.is_empty() && line.is_some_and(is_prompt) {
            while !matches!(self.lexer.next().kind, Kind::Newline | Kind::End) {}
        } else {
            findings.syntax(brace.span, "a brace in a line of the `set` form");
        }
    }
}

/// How many octets two texts begin with alike.
fn common(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 16;
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    let rest = a.iter().zip(b).skip(steps);
    steps + rest.take_while(|(a, b)| a == b).count()
}

enum Edit {
    Stay,
    To(Vec<Token>),
}

struct Line<'a, 'l> {
    text: &'a str,
    context: &'l [Token],
    words: &'l [Token],
    // How many of the words the line before began with, where it was of the same command.
    shared: usize,
}

impl<'a> Line<'a, '_> {
    fn word(&self, token: &Token) -> &'a str {
        let quotes = usize::from(token.kind == Kind::Quoted);
        let range = token.span.range();
        self.text.get(range.start + quotes..range.end - quotes).unwrap_or("")
    }

    fn span(&self, command: Token) -> Span {
        self.words.last().map_or(command.span, |last| command.span.to(last.span))
    }

    fn run(
        &self,
        command: Token,
        tree: &mut Tree<'a>,
        path: &mut Vec<NodeId>,
        copies: &mut Meter,
        findings: &mut Findings,
    ) -> Edit {
        let name = self.text.get(command.span.range()).unwrap_or("");
        if name == "set" {
            self.set(command, tree, path, findings);
            return Edit::Stay;
        }
        // Every other command may move nodes.
        path.clear();
        match name {
            "delete" => self.delete(command, tree, findings),
            "deactivate" | "activate" => {
                if let Some((parent, node)) = self.target(self.words, tree) {
                    tree.set_inactive(parent, node, name == "deactivate");
                } else {
                    findings.no_such(self.span(command), name);
                }
            }
            "insert" => self.insert(command, tree, findings),
            "rename" => self.rename(command, tree, findings),
            "copy" => self.copy(command, tree, copies, findings),
            "edit" => return Edit::To([self.context, self.words].concat()),
            "top" => return Edit::To(Vec::new()),
            // `up` and `exit` leave a level; how many words a level has only the device knows, so a line
            // of this kind ends the reading of relative paths.
            "up" | "exit" | "quit" if self.context.is_empty() => {}
            "up" | "exit" | "quit" => {
                findings
                    .unsupported(command.span, "is not followed: how many words a level has is not known");
                return Edit::To(Vec::new());
            }
            "protect" | "unprotect" | "annotate" | "show" | "commit" | "run" | "status" | "help" | "save"
            | "update" | "configure" => {}
            "replace" | "wildcard" | "load" | "rollback" => {
                let message = format!("`{name}` is not followed: what it changes is read as it stood before");
                findings.error(raised::UNSUPPORTED_KEYWORD, self.span(command), message);
            }
            // `[edit firewall]` says where the commands behind it are.
            _ if command.kind == Kind::ListOpen
                && self.words.first().is_some_and(|word| self.word(word) == "edit") =>
            {
                let words = self.words.iter().skip(1).filter(|word| word.kind != Kind::ListClose);
                return Edit::To(words.copied().collect());
            }
            _ => findings.syntax_with_help(
                command.span,
                &format!("`{}` is no command", shown(name)),
                "a line begins with `set`, `delete`, `deactivate`, `activate`, `insert`, `rename` or `copy`",
            ),
        }
        Edit::Stay
    }

    fn set(&self, command: Token, tree: &mut Tree<'a>, path: &mut Vec<NodeId>, findings: &mut Findings) {
        if self.words.is_empty() {
            findings.syntax(command.span, "nothing to set");
            return;
        }
        let mut list = false;
        let mut after_list = false;
        // The words shared with the line before lead where they did.
        let is_list = |token: &Token| matches!(token.kind, Kind::ListOpen | Kind::ListClose);
        let shared = self.words.iter().take(self.shared).take_while(|token| !is_list(token)).count();
        let mut depth = if shared > 0 { self.context.len() + shared } else { 0 };
        let known = depth.checked_sub(1).and_then(|last| path.get(last).copied());
        let mut node = known.unwrap_or(Tree::ROOT);
        depth = known.map_or(0, |_| depth);
        for token in self.context.iter().chain(self.words).skip(depth) {
            match token.kind {
                Kind::ListOpen => list = true,
                Kind::ListClose => (list, after_list) = (false, true),
                _ if after_list => {
                    findings.syntax(token.span, "unexpected word behind a list");
                    return;
                }
                _ if list => {
                    tree.child(node, token.span, token.kind == Kind::Quoted);
                }
                _ => {
                    let shared = path.get(depth).copied().filter(|n| tree.word(*n) == self.word(token));
                    node = if let Some(node) = shared {
                        node
                    } else {
                        path.truncate(depth);
                        let node = tree.child(node, token.span, token.kind == Kind::Quoted);
                        path.push(node);
                        node
                    };
                    depth += 1;
                }
            }
        }
        path.truncate(depth);
        if list {
            findings.syntax(self.span(command), "this list is never closed");
        }
    }

    /// The node a path of words leads to, with its parent.
    fn target(&self, words: &[Token], tree: &Tree<'a>) -> Option<(NodeId, NodeId)> {
        let mut at = (Tree::ROOT, Tree::ROOT);
        for token in self.context.iter().chain(words) {
            at = (at.1, tree.find_any(at.1, self.word(token))?);
        }
        (at.1 != Tree::ROOT).then_some(at)
    }

    fn delete(&self, command: Token, tree: &mut Tree<'a>, findings: &mut Findings) {
        if self.words.is_empty() && self.context.is_empty() {
            tree.clear(Tree::ROOT);
            return;
        }
        let Some((parent, node)) = self.target(self.words, tree) else {
            findings.no_such(self.span(command), "delete");
            return;
        };
        tree.remove(parent, node);
        // A list of matches goes with its last value: the device keeps no empty statement.
        let list = self.words.split_last().and_then(|(_, list)| self.target(list, tree));
        if let Some((from, list)) = list
            && list == parent
            && matches!(tree.word(from), "from" | "match")
            && tree.children(list).next().is_none()
        {
            tree.remove(from, list);
        }
    }

    /// `insert .. term A before term B`.
    fn insert(&self, command: Token, tree: &mut Tree<'a>, findings: &mut Findings) {
        let side = |t: &Token| t.kind == Kind::Word && matches!(self.word(t), "before" | "after");
        let Some(at) = self.words.iter().rposition(side) else {
            findings.syntax(self.span(command), "`insert` without `before` or `after`");
            return;
        };
        let (moved, anchor) = self.words.split_at(at);
        let after = anchor.first().is_some_and(|t| self.word(t) == "after");
        let anchor = anchor.get(1..).unwrap_or(&[]);
        let place = self.target(moved, tree).and_then(|(parent, node)| {
            // The anchor repeats the keyword (`term B`) or is the name alone.
            let name = anchor.last()?;
            let keyword = anchor.len() == 1
                || anchor.len() == 2 && anchor.first().map(|t| self.word(t)) == Some(tree.word(parent));
            let anchor = keyword.then(|| tree.find_any(parent, self.word(name))).flatten()?;
            Some((parent, node, anchor))
        });
        match place {
            Some((parent, node, anchor)) => tree.place(parent, node, anchor, after),
            None => findings.no_such(self.span(command), "insert"),
        }
    }

    /// `rename .. term A to term B`.
    fn rename(&self, command: Token, tree: &mut Tree<'a>, findings: &mut Findings) {
        let Some((old, new)) = self.to() else {
            findings.syntax(self.span(command), "`rename` without `to` and a new name");
            return;
        };
        match self.target(old, tree) {
            Some((parent, node)) if tree.find_any(parent, self.word(new)).is_none() => {
                tree.rename(parent, node, new.span, new.kind == Kind::Quoted);
            }
            Some(_) => findings.syntax(new.span, &format!("`{}` is there already", self.word(new))),
            None => findings.no_such(self.span(command), "rename"),
        }
    }

    /// `copy .. filter A to filter B`.
    fn copy(&self, command: Token, tree: &mut Tree<'a>, copies: &mut Meter, findings: &mut Findings) {
        let Some((old, new)) = self.to() else {
            findings.syntax(self.span(command), "`copy` without `to` and a new name");
            return;
        };
        match self.target(old, tree) {
            Some((parent, node)) if tree.find_any(parent, self.word(new)).is_none() => {
                let copy = tree.child(parent, new.span, new.kind == Kind::Quoted);
                if let Err(exhausted) = tree.copy(node, copy, copies) {
                    findings.exhausted(&exhausted, self.span(command));
                }
            }
            Some(_) => findings.syntax(new.span, &format!("`{}` is there already", self.word(new))),
            None => findings.no_such(self.span(command), "copy"),
        }
    }

    /// What stands in front of the last `to`, and the last word behind it.
    fn to(&self) -> Option<(&[Token], &Token)> {
        let to = self.words.iter().rposition(|t| t.kind == Kind::Word && self.word(t) == "to")?;
        let (old, new) = self.words.split_at(to);
        Some((old, new.get(1..)?.last()?))
    }
}
