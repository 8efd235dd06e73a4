//! What a terminal session puts around a configuration: prompts, the command that showed it, banners.

use crate::source::Span;
use std::ops::Range;

/// A text without the lines of a session around it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Body {
    /// The octets of the configuration itself.
    pub(super) range: Range<usize>,
    /// The words of the place that it was shown from, where it is shown without them.
    pub(super) place: Vec<Span>,
    /// Whether a command says that the configuration is shown.
    pub(super) shown: bool,
}

/// Whether a word is a prompt: `user@router>`, `user@router#` and the same with a shell's `%`, or without a user.
pub(super) fn is_prompt(word: &str) -> bool {
    let Some(name) = word.strip_suffix(['>', '#', '%']) else { return false };
    !name.is_empty() && !name.contains(['<', '{', '[', '"', ';'])
}

/// Whether a prompt is one for commands that change nothing.
pub(super) fn is_operational(prompt: &str) -> bool {
    prompt.ends_with(['>', '%'])
}

/// Whether a line is what a router prints in front of its prompt: `{master:0}`, `[edit firewall]`.
fn is_banner(line: &str) -> bool {
    let within = |open, close| line.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    within('{', '}').is_some_and(|role| !role.is_empty() && !role.contains([' ', ';', '{', '}']))
        || within('[', ']').is_some_and(|path| path == "edit" || path.starts_with("edit "))
}

/// Finds the configuration in a text. `is_command` knows the words that begin a line of the `set` form: a prompt
/// in front of one of them is part of the configuration.
pub(super) fn body(text: &str, is_command: impl Fn(&str) -> bool) -> Body {
    let prompts = |line: &str| {
        let mut words = line.split_whitespace();
        let prompt = words.next().filter(|word| is_prompt(word))?;
        let command = words.next();
        (is_operational(prompt) || !command.is_some_and(&is_command)).then_some(())
    };
    let mut body = Body { range: 0..text.len(), ..Body::default() };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let plain = line.trim();
        if is_banner(plain) {
            body.place = path(text, at, line, &["edit"]);
        } else if prompts(plain).is_some() {
            let level = std::mem::take(&mut body.place);
            let operational = plain.split_whitespace().next().is_some_and(is_operational);
            body.shown = plain.split_whitespace().nth(1) == Some("show");
            let words = if operational { &["show", "configuration"][..] } else { &["show"] };
            body.place = level;
            body.place.extend(path(text, at, line, words));
        } else if !plain.is_empty() && !plain.starts_with('#') {
            break;
        }
        at += line.len();
        body.range.start = at;
    }
    if body.range.start >= text.len() {
        return Body { range: 0..text.len(), ..Body::default() };
    }
    for line in text.split_inclusive('\n').rev() {
        let plain = line.trim();
        let around = plain.is_empty() || is_banner(plain) || prompts(plain).is_some();
        if !around || body.range.end.saturating_sub(line.len()) <= body.range.start {
            break;
        }
        body.range.end -= line.len();
    }
    body
}

/// The words behind `words` in a line at `at`, up to a `|`; none where the line does not have them.
fn path(text: &str, at: usize, line: &str, words: &[&str]) -> Vec<Span> {
    let mut wanted = words.iter();
    let mut next = wanted.next();
    let mut list = Vec::new();
    let mut from = at;
    for word in line.split([' ', '\t', '\r', '\n', '[', ']']) {
        let span = Span::new(from, from + word.len());
        from = span.end as usize + 1;
        match next {
            _ if word.is_empty() || is_prompt(word) => {}
            Some(expected) if *expected == word => next = wanted.next(),
            Some(_) => return Vec::new(),
            None if word == "|" => break,
            None => list.push(span),
        }
    }
    // `| display set` shows whole paths.
    let rest = text.get(at..at + line.len()).unwrap_or("");
    if rest.contains("display set") { Vec::new() } else { list }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> (&str, Vec<&str>) {
        let body = body(text, |word| word == "set");
        let words = body.place.iter().map(|span| text.get(span.range()).unwrap()).collect();
        (text.get(body.range).unwrap(), words)
    }

    #[test]
    fn prompts_and_banners_are_cut_off_and_say_where_it_was_shown() {
        assert_eq!(cut("set a\n"), ("set a\n", vec![]));
        assert_eq!(cut("u@r> show configuration | display set\nset a\n\nu@r> \n"), ("set a\n", vec![]));
        let text = "{master:0}\nu@r> show configuration firewall family inet | no-more\nfilter F {\n}\n";
        assert_eq!(cut(text), ("filter F {\n}\n", vec!["firewall", "family", "inet"]));
        let text = "[edit firewall]\nu@r# show family inet\nfilter F { }\n\n[edit]\nu@r# exit";
        assert_eq!(cut(text), ("filter F { }\n", vec!["firewall", "family", "inet"]));
        assert_eq!(cut("[edit a]\nu@r# set b\n"), ("u@r# set b\n", vec!["a"]));
        assert_eq!(cut("u@r>\n"), ("u@r>\n", vec![]));
        assert_eq!(cut("groups {\n <*> {\n }\n}\n"), ("groups {\n <*> {\n }\n}\n", vec![]));
        assert!(!is_prompt("<*>") && !is_prompt(">") && is_prompt("r1#"));
    }
}
