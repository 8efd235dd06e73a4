//! Text to statements, line by line: tables as iptables-save writes them, commands of a shell file, sets.

use super::lex::{Quotes, words};
use super::syntax::{Statement, Word};
use crate::field::Family;
use crate::source::Span;
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads a text and hands over every statement.
pub(super) fn read<'a>(text: &'a str, visit: &mut dyn FnMut(Statement<'a, '_>)) {
    let mut reader = Lines { text, buffer: Vec::new(), variables: HashMap::new() };
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = logical_line(rest);
        rest = after;
        reader.line(line, visit);
    }
}

/// Whether a line of iptables-save, or a command of the program, is more than a comment or the head of a chain.
pub(super) fn ends_in_a_word(line: &str) -> bool {
    let mut words = line.split_whitespace().take(3);
    match words.next() {
        Some("COMMIT") => true,
        Some(first) if first.starts_with(['*', '-', '[']) => true,
        Some(first) => {
            std::iter::once(first).chain(words).any(|word| matches!(program(word), Some(Program::Rules(_))))
                && !first.starts_with('#')
        }
        None => false,
    }
}

/// A line with those that a backslash at the end joins to it, and what follows.
fn logical_line(text: &str) -> (&str, &str) {
    let mut from = 0;
    loop {
        let tail = text.get(from..).unwrap_or("");
        let Some(end) = memchr(b'\n', tail.as_bytes()) else { return (text, "") };
        let end = from + end;
        let line = text.get(..end).unwrap_or(text);
        let (bare, after) = (line.strip_suffix('\r').unwrap_or(line), text.get(end + 1..).unwrap_or(""));
        let comment = || bare.trim_start().starts_with('#');
        if bare.ends_with('\\') && !comment() {
            from = end + 1;
            continue;
        }
        return (bare, after);
    }
}

fn memchr(octet: u8, octets: &[u8]) -> Option<usize> {
    octets.iter().position(|other| *other == octet)
}

struct Lines<'a> {
    text: &'a str,
    buffer: Vec<Word<'a>>,
    variables: HashMap<String, String>,
}

/// The programs that take rules, with the family their name says.
fn program(word: &str) -> Option<Program> {
    let name = word.rsplit('/').next().unwrap_or(word);
    let (family, rest) = if let Some(rest) = name.strip_prefix("ip6tables") {
        (Family::Inet6, rest)
    } else if let Some(rest) = name.strip_prefix("iptables") {
        (Family::Inet, rest)
    } else if name == "ipset" {
        return Some(Program::Set);
    } else {
        return None;
    };
    match rest {
        "" | "-legacy" | "-nft" => Some(Program::Rules(family)),
        _ => None,
    }
}

enum Program {
    Rules(Family),
    Set,
}

const SETS: &[&str] = &["create", "add", "del", "destroy", "flush", "rename", "swap"];

impl<'a> Lines<'a> {
    fn line(&mut self, line: &'a str, visit: &mut dyn FnMut(Statement<'a, '_>)) {
        let line = line.trim();
        let Some(first) = line.as_bytes().first() else { return };
        let span = Span::of(self.text, line);
        match first {
            b'#' => visit(Statement::Comment(line.trim_start_matches('#').trim())),
            b'*' => visit(Statement::Table(line.get(1..).unwrap_or("").trim())),
            b':' => chain(line, span, visit),
            b'-' | b'[' => {
                self.split(line, Quotes::Restore);
                visit(Statement::Command { family: None, words: &self.buffer, span });
            }
            b'C' if line == "COMMIT" => visit(Statement::Commit),
            _ => self.shell(line, span, visit),
        }
    }

    fn split(&mut self, line: &'a str, quotes: Quotes) -> usize {
        self.buffer.clear();
        words(self.text, line, quotes, &mut self.buffer)
    }

    /// A line that begins with a word: a command of `ipset`, or of a shell file.
    fn shell(&mut self, line: &'a str, span: Span, visit: &mut dyn FnMut(Statement<'a, '_>)) {
        let head = line.split([' ', '\t']).next().unwrap_or(line);
        if SETS.contains(&head) {
            self.split(line, Quotes::Shell);
            visit(Statement::Set { words: &self.buffer, span });
            return;
        }
        let mut rest = line;
        while !rest.is_empty() {
            let used = self.split(rest, Quotes::Shell);
            let part = Span::of(self.text, rest.get(..used).unwrap_or(rest).trim());
            self.command(part, visit);
            rest = rest.get(used..).unwrap_or("").trim_start_matches([';', '&', '|', ' ', '\t']);
        }
    }

    /// One command of a shell file.
    fn command(&mut self, span: Span, visit: &mut dyn FnMut(Statement<'a, '_>)) {
        for word in &mut self.buffer {
            expand(&self.variables, word);
        }
        // Variables may hold several words: a command kept in one, an option with its value.
        if self.buffer.iter().any(|w| !w.quoted && w.text.contains([' ', '\t'])) {
            let apart = |word: &Word<'a>| -> Vec<Word<'a>> {
                if word.quoted {
                    return vec![word.clone()];
                }
                let part = |text: &str| Word { text: Cow::Owned(text.to_owned()), ..word.clone() };
                word.text.split_whitespace().map(part).collect()
            };
            self.buffer = self.buffer.iter().flat_map(apart).collect();
        }
        let mut skip = 0;
        let mut programs = self.buffer.iter().skip_while(|word| {
            let passed = matches!(&*word.text, "sudo" | "exec" | "command" | "run" | "nice");
            skip += usize::from(passed);
            passed
        });
        let Some(first) = programs.next() else { return };
        let assigns = assignment(first).is_some();
        if let Some(program) = program(&first.text).filter(|_| !assigns) {
            let words = self.buffer.get(skip + 1..).unwrap_or(&[]);
            match program {
                Program::Rules(family) => {
                    visit(Statement::Command { family: Some(family), words, span });
                }
                Program::Set => visit(Statement::Set { words, span }),
            }
            return;
        }
        if let Some((name, value)) = assignment(first) {
            // Only the text of the file itself names variables; what a shell would compute stays unknown.
            if value.contains(['$', '`']) {
                self.variables.remove(&name);
            } else {
                self.variables.insert(name, value);
            }
            return;
        }
        let heads = ["if", "then", "else", "elif", "for", "while", "until", "case", "do", "function"];
        let mentions = |word: &Word<'_>| {
            program(&word.text).is_some() || word.text.starts_with('$') && word.text.len() > 1
        };
        if heads.contains(&&*first.text) && self.buffer.iter().skip(1).any(mentions)
            || first.text.starts_with('$')
        {
            visit(Statement::Shell { span });
        } else if !SHELL_WORDS.contains(&&*first.text) && !first.text.ends_with("()") {
            visit(Statement::Unread { span, expected: "a table, a chain, a rule or a command" });
        }
    }
}

/// Commands of shell files that change no rule.
const SHELL_WORDS: &[&str] = &[
    "!",
    "[",
    "[[",
    "break",
    "case",
    "cat",
    "cd",
    "continue",
    "do",
    "done",
    "echo",
    "elif",
    "else",
    "esac",
    "exit",
    "export",
    "false",
    "fi",
    "for",
    "function",
    "if",
    "local",
    "logger",
    "modprobe",
    "printf",
    "return",
    "set",
    "sleep",
    "source",
    "sysctl",
    "test",
    "then",
    "true",
    "until",
    "while",
    "{",
    "}",
    ".",
    ":",
    "ip",
    "insmod",
    "/sbin/modprobe",
    "/sbin/sysctl",
    "shift",
    "unset",
    "declare",
    "readonly",
];

fn assignment(word: &Word<'_>) -> Option<(String, String)> {
    let (name, value) = word.text.split_once('=')?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (!name.is_empty() && name.bytes().all(fits)).then(|| (name.to_owned(), value.to_owned()))
}

/// Puts the values of variables in; an unknown one stays as it is written.
fn expand(variables: &HashMap<String, String>, word: &mut Word<'_>) {
    if !word.text.contains('$') {
        return;
    }
    let mut out = String::with_capacity(word.text.len());
    let mut rest = &*word.text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) =
            if let Some(braced) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                braced
            } else {
                let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
                after.split_at(after.find(|c| !fits(c)).unwrap_or(after.len()))
            };
        if let Some(value) = variables.get(name) {
            out.push_str(value);
        } else {
            out.push('$');
            out.push_str(after.get(..after.len() - tail.len()).unwrap_or(""));
        }
        rest = tail;
    }
    out.push_str(rest);
    word.text = Cow::Owned(out);
}

fn chain<'a>(line: &'a str, span: Span, visit: &mut dyn FnMut(Statement<'a, '_>)) {
    let mut parts = line.get(1..).unwrap_or("").split_ascii_whitespace();
    match parts.next() {
        Some(name) => visit(Statement::Chain { name, policy: parts.next(), span }),
        None => visit(Statement::Unread { span, expected: "a name of a chain" }),
    }
}
