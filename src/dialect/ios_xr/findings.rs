//! What is wrong with a file, collected up to a limit, and the words of a file as messages quote them.

use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{raise, raised};
use crate::guard::{Meter, limits};
use crate::source::{SourceId, Span};

/// Findings of one source.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    text: &'a str,
    source: SourceId,
    list: Vec<Diagnostic>,
    meter: Meter,
    dropped: usize,
    /// The rule set and rule that what is added concerns.
    pub(super) place: Option<(String, &'a str)>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(text: &'a str, source: SourceId) -> Self {
        let meter = Meter::new(&limits::DIAGNOSTICS);
        Self { text, source, list: Vec::new(), meter, dropped: 0, place: None }
    }

    /// The findings, with a last one when some were left out.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            let message = format!("{} more findings of this file are not shown", self.dropped);
            let end = Span::new(self.text.len(), self.text.len());
            self.list.push(raise(raised::SYNTAX_ERROR, Level::Error, message, self.source, end));
        }
        self.list
    }

    /// Adds a finding.
    pub(super) fn push(&mut self, mut finding: Diagnostic) {
        if self.meter.charge(1).is_err() {
            self.dropped += 1;
            return;
        }
        if let (Some((set, rule)), None) = (&self.place, &finding.rule) {
            finding.rule_set = Some(set.clone());
            finding.rule = Some((*rule).to_owned());
        }
        self.list.push(finding);
    }

    /// Adds what another reader found.
    pub(super) fn extend(&mut self, found: Vec<Diagnostic>) {
        for finding in found {
            self.push(finding);
        }
    }

    /// A finding to be completed and pushed.
    pub(super) fn make(
        &self,
        check: &'static str,
        level: Level,
        span: Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        raise(check, level, message, self.source, span)
    }

    /// Adds a finding without a cure.
    pub(super) fn add(&mut self, check: &'static str, level: Level, span: Span, message: impl Into<String>) {
        let finding = self.make(check, level, span, message);
        self.push(finding);
    }

    /// Says that a line is no statement of its section.
    pub(super) fn no_statement(&mut self, line: Span) {
        self.add(raised::SYNTAX_ERROR, Level::Error, line, "this is no statement of its section");
    }

    /// Adds a finding with a cure.
    pub(super) fn add_with_help(
        &mut self,
        check: &'static str,
        level: Level,
        span: Span,
        message: impl Into<String>,
        help: &str,
    ) {
        let finding = self.make(check, level, span, message).with_help(help);
        self.push(finding);
    }
}

/// A user's word as messages quote it: without control characters, and not without end.
pub(super) fn shown(word: &str) -> String {
    const MOST: usize = 60;
    let mut text: String = word.chars().take(MOST).map(|c| if c.is_control() { '?' } else { c }).collect();
    if word.chars().nth(MOST).is_some() {
        text.push_str("..");
    }
    text
}
