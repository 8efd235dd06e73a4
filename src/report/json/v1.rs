//! Version 1 of the JSON documents. It only grows: members are added, none changes its meaning or goes.

use crate::check;
use crate::diagnostic;
use crate::report;
use crate::source::{Place, SourceMap};
use serde::Serialize;
use std::fmt::Write;

/// The version every document carries.
pub const VERSION: u32 = 1;

/// The program that wrote a document.
#[derive(Serialize, Debug)]
pub struct Tool {
    /// Always `flowgate`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// This program.
pub const TOOL: Tool = Tool { name: "flowgate", version: env!("CARGO_PKG_VERSION") };

/// What `flowgate check` found.
#[derive(Serialize, Debug)]
pub struct Check<'a> {
    version: u32,
    tool: Tool,
    inputs: Vec<Input<'a>>,
    diagnostics: Vec<Diagnostic<'a>>,
    inconclusive: Vec<Inconclusive<'a>>,
    summary: Summary,
}

impl<'a> Check<'a> {
    /// The document of a report.
    pub fn of(report: &'a report::Report<'a>) -> Self {
        Self {
            version: VERSION,
            tool: TOOL,
            inputs: report.inputs.iter().map(Input::of).collect(),
            diagnostics: report.diagnostics.iter().map(|d| Diagnostic::of(d, report.sources)).collect(),
            inconclusive: report.inconclusive.iter().map(Inconclusive::of).collect(),
            summary: Summary::of(&report.summary),
        }
    }
}

/// One line of a stream.
#[derive(Serialize, Debug)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line<'a> {
    /// A finding.
    Diagnostic(Box<Diagnostic<'a>>),
    /// A question without an answer.
    Inconclusive(Inconclusive<'a>),
    /// The end.
    Summary(LastLine<'a>),
}

/// The end of a stream.
#[derive(Serialize, Debug)]
pub struct LastLine<'a> {
    version: u32,
    tool: Tool,
    inputs: Vec<Input<'a>>,
    summary: Summary,
}

impl<'a> LastLine<'a> {
    /// The last line of a report.
    pub fn of(report: &'a report::Report<'a>) -> Self {
        let inputs = report.inputs.iter().map(Input::of).collect();
        Self { version: VERSION, tool: TOOL, inputs, summary: Summary::of(&report.summary) }
    }
}

/// An input that was read.
#[derive(Serialize, Debug)]
pub struct Input<'a> {
    path: &'a str,
    dialect: &'static str,
    rule_sets: Vec<RuleSet<'a>>,
}

#[derive(Serialize, Debug)]
struct RuleSet<'a> {
    name: &'a str,
    rules: usize,
}

impl<'a> Input<'a> {
    fn of(input: &'a report::InputSummary) -> Self {
        let sets = input.rule_sets.iter().map(|(name, rules)| RuleSet { name, rules: *rules });
        Self { path: &input.path, dialect: input.dialect, rule_sets: sets.collect() }
    }
}

/// A finding.
#[derive(Serialize, Debug)]
pub struct Diagnostic<'a> {
    check: &'static str,
    level: &'static str,
    message: &'a str,
    path: &'a str,
    start: Position,
    end: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    labels: Vec<Label<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<Witness<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion<'a>>,
}

impl<'a> Diagnostic<'a> {
    /// The finding as it stands in a document.
    pub fn of(from: &'a diagnostic::Diagnostic, sources: &'a SourceMap) -> Self {
        let primary = Label::of(&from.primary, sources);
        let mut labels = Vec::new();
        // What the primary label says besides the message would be lost otherwise.
        if !from.primary.message.is_empty() {
            labels.push(Label::of(&from.primary, sources));
        }
        labels.extend(from.secondary.iter().map(|label| Label::of(label, sources)));
        let source = from.primary.source;
        Self {
            check: from.check,
            level: from.level.name(),
            message: &from.message,
            path: primary.path,
            start: primary.start,
            end: primary.end,
            rule_set: from.rule_set.as_deref(),
            rule: from.rule.as_deref(),
            labels,
            witness: from.witness.as_ref().map(Witness::of),
            help: from.help.as_deref(),
            notes: &from.notes,
            suggestions: from.suggestions.iter().map(|s| Suggestion::of(s, source, sources)).collect(),
        }
    }
}

#[derive(Serialize, Debug)]
struct Label<'a> {
    path: &'a str,
    start: Position,
    end: Position,
    message: &'a str,
}

impl<'a> Label<'a> {
    fn of(label: &'a diagnostic::Label, sources: &'a SourceMap) -> Self {
        let source = sources.get(label.source);
        Self {
            path: source.name(),
            start: Position::of(source.place(label.span.start)),
            end: Position::of(source.place(label.span.end)),
            message: &label.message,
        }
    }
}

#[derive(Serialize, Debug)]
struct Suggestion<'a> {
    message: &'a str,
    start: Position,
    end: Position,
    replacement: &'a str,
}

impl<'a> Suggestion<'a> {
    fn of(from: &'a diagnostic::Suggestion, source: crate::source::SourceId, sources: &SourceMap) -> Self {
        let source = sources.get(source);
        Self {
            message: &from.message,
            start: Position::of(source.place(from.span.start)),
            end: Position::of(source.place(from.span.end)),
            replacement: &from.replacement,
        }
    }
}

/// A place: a line and a column of text, a frame and an octet of a binary file.
#[derive(Serialize, Clone, Copy, Debug)]
#[serde(untagged)]
pub enum Position {
    /// In text, both 1-based, the column in characters.
    Text {
        /// The line.
        line: u32,
        /// The column.
        column: u32,
    },
    /// In a binary file.
    Binary {
        /// The 1-based frame or record.
        frame: u64,
        /// The 0-based octet in it.
        octet: u32,
    },
}

impl Position {
    /// The place as it stands in a document.
    pub fn of(place: Place) -> Self {
        match place {
            Place::Text(at) => Self::Text { line: at.line, column: at.column },
            Place::Binary(at) => Self::Binary { frame: at.frame, octet: at.octet },
        }
    }
}

/// A packet that shows a claim.
#[derive(Serialize, Debug)]
pub struct Witness<'a> {
    packet: &'a str,
    hex: String,
}

impl<'a> Witness<'a> {
    fn of(witness: &'a diagnostic::Witness) -> Self {
        Self { packet: &witness.packet, hex: hex(&witness.octets) }
    }
}

/// Octets as lower-case hex.
pub fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        // Writing to a string does not fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// A question without an answer.
#[derive(Serialize, Debug)]
pub struct Inconclusive<'a> {
    check: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    reason: &'a str,
}

impl<'a> Inconclusive<'a> {
    /// The question as it stands in a document.
    pub fn of(from: &'a check::Inconclusive) -> Self {
        Self {
            check: from.check,
            rule_set: from.rule_set.as_deref(),
            rule: from.rule.as_deref(),
            reason: &from.reason,
        }
    }
}

#[derive(Serialize, Debug)]
struct Summary {
    errors: u64,
    warnings: u64,
    notes: u64,
    inconclusive: u64,
    suppressed: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unlisted: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Summary {
    fn of(from: &report::Summary) -> Self {
        Self {
            errors: from.errors,
            warnings: from.warnings,
            notes: from.notes,
            inconclusive: from.inconclusive,
            suppressed: from.suppressed,
            unlisted: from.unlisted,
        }
    }
}
