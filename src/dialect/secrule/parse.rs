//! Text to directives.

use super::syntax::{Directive, Word};
use crate::source::Span;

/// The directives of a text, in order; remarks and blank lines are passed over.
pub(super) fn directives(text: &str) -> impl Iterator<Item = Directive<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (line, behind) = logical_line(rest);
            rest = behind;
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                return Some(directive(text, line));
            }
        }
        None
    })
}

/// A line with those that a backslash at its end joins to it, and what follows. A remark ends with its line.
fn logical_line(text: &str) -> (&str, &str) {
    let remark = text.trim_start().starts_with('#');
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if remark && !line.trim().is_empty() || !line.trim_end_matches(['\r', '\n']).ends_with('\\') {
            break;
        }
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn directive<'t>(text: &'t str, line: &'t str) -> Directive<'t> {
    let (name, mut rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (mut words, mut open) = (Vec::new(), false);
    loop {
        rest = after_blanks(rest);
        let Some(first) = rest.chars().next() else { break };
        let quote = matches!(first, '"' | '\'').then_some(first);
        let body = quote.and_then(|quote| rest.strip_prefix(quote)).unwrap_or(rest);
        let end = match quote {
            Some(quote) => end_of_quote(body, quote),
            None => body.find(char::is_whitespace),
        };
        open |= quote.is_some() && end.is_none();
        let (raw, behind) = body.split_at_checked(end.unwrap_or(body.len())).unwrap_or((body, ""));
        words.push(Word { raw, quote });
        rest = quote.and_then(|quote| behind.strip_prefix(quote)).unwrap_or(behind);
    }
    Directive { name, span: Span::of(text, line), words, open }
}

/// Without blanks, and without the backslashes that join lines.
fn after_blanks(mut text: &str) -> &str {
    loop {
        let trimmed = text.trim_start();
        let joined = trimmed.strip_prefix("\\\n").or_else(|| trimmed.strip_prefix("\\\r\n"));
        match joined {
            Some(behind) => text = behind,
            None => return trimmed,
        }
    }
}

/// Where a quote ends: behind no backslash, unless that has one before it.
fn end_of_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

impl Word<'_> {
    /// What the word says, from an octet of it on, and the octets behind each of which a backslash, or what joins two lines,
    /// was left out.
    pub(super) fn said(&self, from: usize) -> (String, Vec<u32>) {
        let (mut text, mut escapes) = (String::new(), Vec::new());
        let body = self.raw.get(from..).unwrap_or("");
        let mut rest = body.chars();
        while let Some(c) = rest.next() {
            let next = rest.as_str();
            let here = u32::try_from(text.len()).unwrap_or(u32::MAX);
            // The octet left out stands right before the one that follows.
            let mut leave_out = |octets: usize| {
                escapes.extend(std::iter::repeat_n(here.saturating_sub(1), octets));
            };
            if c == '\\' && next.starts_with('\n') {
                leave_out(2);
                rest.next();
            } else if c == '\\' && self.quote.is_some_and(|quote| next.starts_with(quote)) {
                leave_out(1);
            } else {
                text.push(c);
            }
        }
        (text, escapes)
    }
}
