//! Findings of one file, within bounds, as the readers of several dialects collect them.

use super::{raise, raised};
use crate::diagnostic::{Diagnostic, Level};
use crate::guard::limits;
use crate::source::{SourceId, Span};

/// What was found while reading.
#[derive(Debug)]
pub(in crate::dialect) struct Findings {
    source: SourceId,
    list: Vec<Diagnostic>,
    dropped: usize,
}

impl Findings {
    pub(in crate::dialect) fn new(source: SourceId) -> Self {
        Self { source, list: Vec::new(), dropped: 0 }
    }

    pub(in crate::dialect) fn source(&self) -> SourceId {
        self.source
    }

    pub(in crate::dialect) fn len(&self) -> usize {
        self.list.len()
    }

    /// Where shared code puts what it finds; call [`Findings::bound`] after it.
    pub(in crate::dialect) fn list(&mut self) -> &mut Vec<Diagnostic> {
        &mut self.list
    }

    /// Adds an error.
    pub(in crate::dialect) fn error(&mut self, check: &'static str, message: impl Into<String>, span: Span) {
        self.add(check, Level::Error, message, span, "");
    }

    /// Adds a finding with its cure, where there is one.
    pub(in crate::dialect) fn add(
        &mut self,
        check: &'static str,
        level: Level,
        message: impl Into<String>,
        span: Span,
        help: &str,
    ) {
        let finding = raise(check, level, message, self.source, span);
        self.list.push(if help.is_empty() { finding } else { finding.with_help(help) });
        self.bound();
    }

    /// Keeps the findings of one file within bounds.
    pub(in crate::dialect) fn bound(&mut self) {
        let max = usize::try_from(limits::DIAGNOSTICS.value).unwrap_or(usize::MAX);
        if self.list.len() > max {
            self.dropped += self.list.len() - max;
            self.list.truncate(max);
        }
    }

    /// Everything found; what was too much is counted at `end`.
    pub(in crate::dialect) fn finish(mut self, end: usize) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            let message = format!("{} more findings of this file are not shown", self.dropped);
            let span = Span::new(end, end);
            self.list.push(raise(raised::SYNTAX_ERROR, Level::Error, message, self.source, span));
        }
        self.list
    }
}
