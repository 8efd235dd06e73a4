//! What is wrong with a file, collected up to a limit.

use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::{raise, raised};
use crate::guard::{Exhausted, Meter, limits};
use crate::source::{SourceId, Span};

/// Findings of one source.
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

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.meter.charge(1).is_err() {
            self.dropped += 1;
            return;
        }
        self.list.push(diagnostic);
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

    pub(super) fn add(&mut self, check: &'static str, level: Level, span: Span, message: impl Into<String>) {
        let diagnostic = raise(check, level, message, self.source, span);
        self.push(diagnostic);
    }

    pub(super) fn add_with_help(
        &mut self,
        check: &'static str,
        level: Level,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = raise(check, level, message, self.source, span).with_help(help);
        self.push(diagnostic);
    }

    /// A label for a second place of this source.
    pub(super) fn label(&self, span: Span, message: &str) -> Label {
        Label::new(self.source, span).with_message(message)
    }

    pub(super) fn error(&mut self, check: &'static str, span: Span, message: impl Into<String>) {
        self.add(check, Level::Error, span, message);
    }

    pub(super) fn syntax(&mut self, span: Span, message: &str) {
        self.error(raised::SYNTAX_ERROR, span, message);
    }

    pub(super) fn syntax_with_help(&mut self, span: Span, message: &str, help: &str) {
        self.add_with_help(raised::SYNTAX_ERROR, Level::Error, span, message, help);
    }

    /// A keyword that is known by nobody here, or not modelled.
    pub(super) fn unsupported(&mut self, span: Span, what: &str) {
        self.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, span, what);
    }

    /// A command names something that is not there.
    pub(super) fn no_such(&mut self, span: Span, command: &str) {
        let message = format!("nothing to {command} at this path");
        self.add(raised::UNDEFINED_REFERENCE, Level::Warning, span, message);
    }

    /// An allowance is spent.
    pub(super) fn exhausted(&mut self, exhausted: &Exhausted, span: Span) {
        let message = format!("reading stops here: {exhausted}");
        self.error(raised::SYNTAX_ERROR, span, message);
    }
}
