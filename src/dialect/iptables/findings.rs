//! What is wrong with the text, within bounds.

use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{raise, raised};
use crate::guard::limits;
use crate::source::{SourceId, Span};

/// Findings of one source.
#[derive(Debug)]
pub(super) struct Findings {
    source: SourceId,
    list: Vec<Diagnostic>,
    dropped: usize,
}

impl Findings {
    pub(super) fn new(source: SourceId) -> Self {
        Self { source, list: Vec::new(), dropped: 0 }
    }

    pub(super) fn add(&mut self, check: &'static str, level: Level, span: Span, message: &str) {
        self.add_with_help(check, level, span, message, "");
    }

    pub(super) fn add_with_help(
        &mut self,
        check: &'static str,
        level: Level,
        span: Span,
        message: &str,
        help: &str,
    ) {
        if self.list.len() as u64 >= limits::DIAGNOSTICS.value {
            self.dropped += 1;
            return;
        }
        let mut finding = raise(check, level, message, self.source, span);
        finding.help = (!help.is_empty()).then(|| help.to_owned());
        self.list.push(finding);
    }

    pub(super) fn syntax(&mut self, span: Span, message: &str) {
        self.add(raised::SYNTAX_ERROR, Level::Error, span, message);
    }

    /// The findings; one more says how many are left out.
    pub(super) fn finish(mut self, end: Span) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            let message = format!("{} more findings of this file are not shown", self.dropped);
            self.list.push(raise(raised::SYNTAX_ERROR, Level::Error, message, self.source, end));
        }
        self.list
    }
}
