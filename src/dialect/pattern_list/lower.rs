//! Lines to patterns.

use super::parse;
use super::syntax::Line;
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::{Reading, raised};
use crate::ir::{Document, Origin, Pattern, PatternFlags};
use crate::source::SourceId;

/// The longest subject where nothing says what the patterns are for: the part of a request without files that
/// `ModSecurity` keeps (modsecurity.conf-recommended, `SecRequestBodyNoFilesLimit`).
const SUBJECT: u64 = 131_072;

/// Reads a list.
pub(super) fn read(text: &str, source: SourceId) -> Reading {
    let mut findings = Findings::new(source);
    let mut flags = PatternFlags::default();
    for line in parse::lines(text) {
        let Line::Flags(letters) = line.line else { continue };
        for letter in letters.chars() {
            match letter {
                'i' => flags.caseless = true,
                's' => flags.dot_all = true,
                'm' => flags.multi_line = true,
                'x' => flags.extended = true,
                _ => {
                    let message = format!("`{letter}` is no flag of a pattern");
                    findings.error(raised::SYNTAX_ERROR, message, line.span);
                }
            }
        }
    }
    let (mut patterns, mut skipped) = (Vec::new(), 0);
    // What a tool puts together is no pattern line by line.
    let is_part = parse::lines(text).any(|line| matches!(line.line, Line::Assembly(_)));
    let mut told = false;
    for line in parse::lines(text) {
        match line.line {
            Line::Assembly(words) if !told => {
                told = true;
                let message =
                    format!("`{words}` is not modelled: the lines are parts of a pattern, and are not read");
                findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, line.span, "");
            }
            Line::Flags(_) | Line::Assembly(_) => {}
            Line::Pattern(_) if is_part => skipped += 1,
            Line::Pattern(text) => patterns.push(Pattern {
                name: format!("line {}", line.number).into(),
                text: text.into(),
                flags,
                subject: SUBJECT,
                origin: Origin { source, span: line.span },
                escapes: Vec::new(),
            }),
        }
    }
    let document = Document { patterns, ..Document::default() };
    Reading { document, diagnostics: findings.finish(text.len()), skipped }
}
