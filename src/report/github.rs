//! Workflow commands of GitHub Actions: each finding becomes an annotation on its line.

use super::{Report, count};
use crate::diagnostic::{Diagnostic, Level};
use crate::source::{Place, SourceMap};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes the report.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in &report.diagnostics {
        write_one(diagnostic, report.sources, out)?;
    }
    for question in &report.inconclusive {
        let subject =
            question.rule.as_ref().map(|rule| format!("rule `{rule}` has no answer: ")).unwrap_or_default();
        let text = format!("{subject}{}", question.reason);
        let title = property(&format!("inconclusive: {}", question.check));
        writeln!(out, "::warning title={title}::{}", data(&text))?;
    }
    if report.summary.unlisted > 0 {
        let text = format!("{} not listed: a file has too many", count(report.summary.unlisted, "finding"));
        writeln!(out, "::warning title=flowgate::{}", data(&text))?;
    }
    Ok(())
}

fn write_one(diagnostic: &Diagnostic, sources: &SourceMap, out: &mut dyn Write) -> io::Result<()> {
    let command = match diagnostic.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let source = sources.get(diagnostic.primary.source);
    let mut place = format!("file={}", property(source.name()));
    let mut text = diagnostic.message.clone();
    let span = diagnostic.primary.span;
    match (source.place(span.start), source.place(span.end)) {
        (Place::Text(start), Place::Text(end)) => {
            let _ = write!(place, ",line={},endLine={}", start.line, end.line);
            // Columns count only where both ends stand on one line.
            if start.line == end.line {
                let _ = write!(place, ",col={},endColumn={}", start.column, end.column);
            }
        }
        (Place::Binary(at), _) | (_, Place::Binary(at)) => {
            let _ = write!(text, "\nat frame {}, octet {}", at.frame, at.octet);
        }
    }
    if let Some(witness) = &diagnostic.witness {
        let _ = write!(text, "\nwitness: {}", witness.packet);
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    for note in &diagnostic.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    writeln!(out, "::{command} {place},title={}::{}", property(diagnostic.check), data(&text))
}

/// The message of a command: what would end it is escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command: also what would end the property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        assert_eq!(data("50 %\n::error::x"), "50 %25%0A::error::x");
        assert_eq!(property("a:b,c\r"), "a%3Ab%2Cc%0D");
    }
}
