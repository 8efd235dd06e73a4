//! What is wrong with the user's rules, as data: one type from parser to check.
//!
//! Messages are lower case without a full stop, user's text in backticks, no line breaks; the cure goes to `help`.

use crate::source::{SourceId, Span};
use std::fmt;

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Must not reach a router.
    Error,
}

impl Level {
    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The next lower level; a note stays one.
    #[must_use]
    pub fn lowered(self) -> Self {
        match self {
            Self::Error => Self::Warning,
            Self::Warning | Self::Note => Self::Note,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A place in a source and what to say there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Label {
    /// The source.
    pub source: SourceId,
    /// The place in it.
    pub span: Span,
    /// What to say; may be empty.
    pub message: String,
}

impl Label {
    /// A label without words.
    pub fn new(source: SourceId, span: Span) -> Self {
        Self { source, span, message: String::new() }
    }

    /// The label with words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}

/// A packet that shows a claim, put through evaluation before it was attached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The packet in words, as `flowgate trace --packet` reads it.
    pub packet: String,
    /// The packet from its IP header on.
    pub octets: Vec<u8>,
}

/// A replacement of text that would settle the finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suggestion {
    /// What the replacement does, in words.
    pub message: String,
    /// The text to replace.
    pub span: Span,
    /// What to put there.
    pub replacement: String,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Name of the check that raised it.
    pub check: &'static str,
    /// How grave.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// The text to change.
    pub primary: Label,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// The rule set, where one is concerned.
    pub rule_set: Option<String>,
    /// The rule, where one is concerned.
    pub rule: Option<String>,
    /// A packet that shows it.
    pub witness: Option<Witness>,
    /// What to do.
    pub help: Option<String>,
    /// What to know.
    pub notes: Vec<String>,
    /// Replacements that would settle it.
    pub suggestions: Vec<Suggestion>,
}

/// Octets a message has before the text it quotes is shortened.
const LONG: usize = 600;
/// Characters that stay of a long quotation.
const QUOTED: usize = 120;

// The message with the long parts between its backticks cut short.
fn shortened(message: &str) -> String {
    let mut out = String::new();
    for part in message.split_inclusive('`') {
        match part.char_indices().nth(2 * QUOTED).and_then(|_| part.char_indices().nth(QUOTED)) {
            Some((end, _)) => {
                out.push_str(part.get(..end).unwrap_or(""));
                out.push_str(if part.ends_with('`') { "...`" } else { "..." });
            }
            None => out.push_str(part),
        }
        if out.len() > 4 * LONG {
            out.push_str("...");
            break;
        }
    }
    out
}

impl Diagnostic {
    /// A finding at one place. Quoted text may bring line breaks, which in the message become spaces, and may be long.
    pub fn new(check: &'static str, level: Level, message: impl Into<String>, primary: Label) -> Self {
        let mut message = message.into();
        if message.contains(['\n', '\r']) {
            message = message.replace(['\n', '\r'], " ");
        }
        if message.len() > LONG {
            message = shortened(&message);
        }
        Self {
            check,
            level,
            message,
            primary,
            secondary: Vec::new(),
            rule_set: None,
            rule: None,
            witness: None,
            help: None,
            notes: Vec::new(),
            suggestions: Vec::new(),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds something to know.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn with_label(mut self, label: Label) -> Self {
        self.secondary.push(label);
        self
    }

    /// Names the rule set and the rule.
    #[must_use]
    pub fn in_rule(mut self, rule_set: impl Into<String>, rule: impl Into<String>) -> Self {
        self.rule_set = Some(rule_set.into());
        self.rule = Some(rule.into());
        self
    }

    /// The order of a report: source, place, check, message.
    pub fn sort_key(&self) -> (SourceId, Span, &'static str, &str) {
        (self.primary.source, self.primary.span, self.check, &self.message)
    }
}
