//! Whatever the pattern and the subject, reading, asking and searching end without a panic and an error points into the
//! pattern; where another matcher reads the pattern alike, both find a match or neither does; and what is said of a slow
//! search is what a replay shows.

use flowgate::guard::{Meter, limits};
use flowgate::regex::{Flags, ParseError, Program, analyse, parse, search};

/// Steps of one search.
const STEPS: u64 = 200_000;

/// The law: the first line is the pattern, the rest the subject.
pub fn run(data: &[u8]) {
    let (pattern, subject) = match data.iter().position(|octet| *octet == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &b""[..]),
    };
    let Ok(text) = std::str::from_utf8(pattern) else { return };
    let flags = Flags { dollar_end_only: true, ..Flags::default() };
    let tree = match parse(text, flags) {
        Ok(tree) => tree,
        Err(ParseError::Wrong { span, .. } | ParseError::Unsupported { span, .. }) => {
            assert!(text.get(span.range()).is_some() || !text.is_ascii(), "{span:?} in `{text}`");
            return;
        }
        Err(_) => return,
    };
    let Ok(program) = Program::new(&tree) else { return };
    let mut meter = Meter::with_allowance(&limits::REGEX_REPLAY_STEPS, STEPS);
    let found = search(&program, subject, &mut meter);
    if let (Ok(found), Some(other)) = (&found, read_alike(text)) {
        let theirs = other.is_match(subject);
        assert_eq!(found.place.is_some(), theirs, "`{text}` in `{}`", subject.escape_ascii());
    }
    if text.len() > 60 {
        return;
    }
    if let Ok(analysis) = analyse(&tree, &program) {
        let (rounds, steps) = analysis.witness.last();
        let mut meter = Meter::new(&limits::REGEX_REPLAY_STEPS);
        let again = search(&program, &analysis.witness.subject(rounds), &mut meter);
        if rounds > 0 {
            assert_eq!(again.map(|found| found.steps), Ok(steps), "`{text}`");
        }
    }
}

/// The pattern for the other matcher, where all of its marks mean the same to both.
fn read_alike(text: &str) -> Option<regex::bytes::Regex> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _=!\"'<>,:;%@/-^$.|()[]*+?".contains(c);
    let mut in_class = false;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let behind = rest.as_str();
        match c {
            '\\' if behind.starts_with(['d', 'w', 's']) => _ = rest.next(),
            '\\' if behind.starts_with(['b', 'B']) && !behind[1..].starts_with('{') && !in_class => {
                rest.next();
            }
            '[' if in_class || behind.starts_with([']', '^']) => return None,
            '[' => in_class = true,
            ']' => in_class = false,
            '-' if in_class && behind.starts_with('-') => return None,
            '(' if behind.starts_with('?') && !behind.starts_with("?:") => return None,
            c if plain(c) => {}
            _ => return None,
        }
    }
    regex::bytes::RegexBuilder::new(text).unicode(false).size_limit(1 << 20).build().ok()
}
