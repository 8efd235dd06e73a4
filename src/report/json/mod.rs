//! JSON documents: versioned structures of their own, so that a change inside never changes a document.

pub mod v1;

use super::Report;
use serde::Serialize;
use std::io::{self, Write};

/// Writes the report as one document.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    document(&v1::Check::of(report), out)
}

/// Writes the report as one document a line: each finding, each question without an answer, and at the end the
/// summary, whose absence shows that a stream was cut.
pub fn write_lines(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in &report.diagnostics {
        line(&v1::Line::Diagnostic(Box::new(v1::Diagnostic::of(diagnostic, report.sources))), out)?;
    }
    for question in &report.inconclusive {
        line(&v1::Line::Inconclusive(v1::Inconclusive::of(question)), out)?;
    }
    line(&v1::Line::Summary(v1::LastLine::of(report)), out)
}

/// Writes any document as the commands do: indented, with a newline at its end.
pub fn document(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}

fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
