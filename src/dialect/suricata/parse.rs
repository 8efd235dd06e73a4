//! Text to rules.

use super::syntax::{Entry, Rule};
use crate::source::Span;

/// What a rule begins with.
const ACTIONS: &[&str] = &[
    "accept",
    "activate",
    "alert",
    "block",
    "config",
    "drop",
    "dynamic",
    "log",
    "pass",
    "react",
    "reject",
    "rejectboth",
    "rejectdst",
    "rejectsrc",
    "rewrite",
    "sdrop",
];

/// The rules of a text; a line that is none, not blank and no remark is given by its place.
pub(super) fn rules(text: &str) -> Vec<Result<Rule<'_>, Span>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, behind) = logical_line(rest);
        rest = behind;
        let words = line.trim();
        if words.is_empty() || words.starts_with('#') {
            continue;
        }
        let span = Span::of(text, words);
        found.push(rule(words, span).ok_or(span));
    }
    found
}

/// A line with those that a backslash at its end joins to it, and what follows. Blank lines and remarks are passed over
/// between them too (Suricata, `DetectLoadSigFile`).
fn logical_line(text: &str) -> (&str, &str) {
    let (mut end, mut joined) = (0, false);
    for line in text.split_inclusive('\n') {
        end += line.len();
        if line.trim_end().ends_with('\\') && !line.starts_with('#') {
            joined = true;
        } else if !(joined && (line.trim().is_empty() || line.starts_with('#'))) {
            break;
        }
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Whether words begin as a rule does.
pub(super) fn begins(words: &str) -> bool {
    let action = words.split([':', ' ', '\t']).next().unwrap_or("");
    ACTIONS.contains(&action) && words.contains('(')
}

fn rule(words: &str, span: Span) -> Option<Rule<'_>> {
    if !begins(words) {
        return None;
    }
    let (_, mut rest) = words.split_once('(')?;
    let mut options = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\\' || c == ';');
        if rest.is_empty() {
            return Some(Rule { span, options, closed: false });
        }
        if rest.starts_with(')') {
            return Some(Rule { span, options, closed: true });
        }
        let (option, behind) = option(rest);
        rest = behind;
        let (keyword, value) =
            option.split_once(':').or_else(|| option.split_at_checked(option.len())).unwrap_or((option, ""));
        options.push(Entry { keyword: keyword.trim(), value: value.trim() });
    }
}

/// An option up to the semicolon that no backslash stands before, and what follows.
fn option(text: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = text.bytes().position(|octet| {
        let ends = octet == b';' && !escaped;
        escaped = octet == b'\\' && !escaped;
        ends
    });
    let (option, behind) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""));
    (option, behind.strip_prefix(';').unwrap_or(""))
}
