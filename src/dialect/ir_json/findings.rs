//! What is wrong with a text, collected up to a limit.

use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{raise, raised};
use crate::guard::{Meter, limits};
use crate::source::{SourceId, Span};

/// Findings of one source.
#[derive(Debug)]
pub(super) struct Findings {
    source: SourceId,
    list: Vec<Diagnostic>,
    meter: Meter,
    dropped: usize,
}

impl Findings {
    pub(super) fn new(source: SourceId) -> Self {
        Self { source, list: Vec::new(), meter: Meter::new(&limits::DIAGNOSTICS), dropped: 0 }
    }

    /// The findings, with a last one when some were left out.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            let message = format!("{} more findings of this source are left out", self.dropped);
            let span = self.list.last().map_or(Span::default(), |last| last.primary.span);
            self.list.push(raise(raised::SYNTAX_ERROR, Level::Error, message, self.source, span));
        }
        self.list
    }

    fn push(&mut self, finding: Diagnostic) {
        if self.meter.charge(1).is_ok() {
            self.list.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn add(&mut self, check: &'static str, level: Level, span: Span, message: impl Into<String>) {
        let finding = raise(check, level, message, self.source, span);
        self.push(finding);
    }

    /// The text is not as it must be.
    pub(super) fn syntax(&mut self, span: Span, message: impl Into<String>) {
        self.add(raised::SYNTAX_ERROR, Level::Error, span, message);
    }

    /// The same, and what would be right.
    pub(super) fn syntax_with_help(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let finding = raise(raised::SYNTAX_ERROR, Level::Error, message, self.source, span);
        self.push(finding.with_help(help));
    }

    /// A word that is none of those that may stand there.
    pub(super) fn unknown<'w>(
        &mut self,
        span: Span,
        what: &str,
        word: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) {
        let message = format!("`{}` is no {what}", shown(word));
        let list: Vec<&str> = known.into_iter().collect();
        let finding = raise(raised::UNSUPPORTED_KEYWORD, Level::Error, message, self.source, span);
        self.push(finding.with_help(format!("it is one of: {}", list.join(", "))));
    }
}

/// A word as messages quote it.
pub(super) fn shown(word: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    if word.chars().count() <= 60 {
        return word.chars().map(plain).collect();
    }
    word.chars().take(57).map(plain).chain("...".chars()).collect()
}
