//! Rules to the patterns in them.

use super::parse;
use super::syntax::{Entry, Rule};
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::{Reading, raised};
use crate::ir::{Document, Origin, Pattern, PatternFlags};
use crate::source::{SourceId, Span};

/// The part of a request's body that is inspected (suricata.yaml, `request-body-limit: 100kb`).
const SUBJECT: u64 = 102_400;

/// Reads rules.
pub(super) fn read(text: &str, source: SourceId) -> Reading {
    let mut findings = Findings::new(source);
    let mut reading = Reading::default();
    let mut patterns = Vec::new();
    for rule in parse::rules(text) {
        match rule {
            Err(span) => findings.error(raised::SYNTAX_ERROR, "this line is no rule", span),
            Ok(rule) => {
                if !rule.closed {
                    findings.error(raised::SYNTAX_ERROR, "a rule without its closing parenthesis", rule.span);
                }
                let before = patterns.len();
                lower(text, source, &rule, &mut patterns, &mut findings);
                reading.skipped += usize::from(patterns.len() == before);
            }
        }
    }
    reading.document = Document { patterns, ..Document::default() };
    reading.diagnostics = findings.finish(text.len());
    reading
}

fn lower(text: &str, source: SourceId, rule: &Rule<'_>, out: &mut Vec<Pattern>, findings: &mut Findings) {
    let sid = rule.options.iter().find(|option| option.keyword == "sid").map(|option| option.value);
    let name = sid.map_or_else(|| format!("octet {}", rule.span.start), |sid| format!("sid {sid}"));
    let mut number = 0;
    for option in &rule.options {
        let found = match option.keyword {
            "pcre" => delimited(option),
            "pcrexform" => quoted(option.value).map(|pattern| (pattern, "")),
            _ => continue,
        };
        let place = Span::of(text, option.value);
        let Some((pattern, letters)) = found else {
            findings.error(raised::SYNTAX_ERROR, format!("`{}` holds no pattern", option.keyword), place);
            continue;
        };
        number += 1;
        let name = if number == 1 { name.clone() } else { format!("{name}, pattern {number}") };
        let flags = flags(letters, Span::of(text, letters), findings);
        let span = Span::of(text, pattern);
        let origin = Origin { source, span };
        let text = pattern.into();
        out.push(Pattern { name: name.into(), text, flags, subject: SUBJECT, origin, escapes: Vec::new() });
    }
}

fn quoted(value: &str) -> Option<&str> {
    let value = value.strip_prefix('!').unwrap_or(value).trim();
    value.strip_prefix('"')?.strip_suffix('"')
}

/// `"/pattern/flags"`, or with another mark behind `m` as in Perl; names of variables may follow behind a comma. Suricata
/// looks for the first slash, whatever stands before it, and takes a value without quotes.
fn delimited<'t>(option: &Entry<'t>) -> Option<(&'t str, &'t str)> {
    let bare = option.value.strip_prefix('!').unwrap_or(option.value).trim();
    let value = quoted(option.value).unwrap_or(bare);
    let (mark, rest) = match value.strip_prefix('m') {
        Some(rest) => (rest.chars().next()?, rest),
        None => ('/', value),
    };
    let (pattern, behind) = rest.split_once(mark)?.1.rsplit_once(mark)?;
    Some((pattern, behind.split_once(',').map_or(behind, |(letters, _)| letters)))
}

/// How a pattern is read (Suricata user guide, "pcre"; Snort manual, "pcre").
fn flags(letters: &str, place: Span, findings: &mut Findings) -> PatternFlags {
    let mut flags = PatternFlags::default();
    for letter in letters.chars() {
        match letter {
            'i' => flags.caseless = true,
            's' => flags.dot_all = true,
            'm' => flags.multi_line = true,
            'x' => flags.extended = true,
            'A' => flags.anchored = true,
            'E' => flags.dollar_end_only = true,
            'G' => flags.ungreedy = true,
            // Where it is sought.
            'B' | 'C' | 'D' | 'H' | 'I' | 'K' | 'M' | 'O' | 'P' | 'Q' | 'R' | 'S' | 'U' | 'V' | 'W' | 'Y' => {
            }
            _ => {
                let message = format!("`{letter}` is no letter behind a pattern");
                findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, place, "");
            }
        }
    }
    flags
}
