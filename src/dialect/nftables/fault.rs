//! What is wrong with text of nftables.

use crate::dialect::raised;
use crate::source::Span;
use std::ops::Deref;

/// What was expected, and where. Behind a pointer: what goes well is handed on through every level of an expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault(Box<FaultParts>);

/// The parts of a [`Fault`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FaultParts {
    pub(super) span: Span,
    pub(super) message: String,
    /// What to write instead; empty where there is nothing to say.
    pub(super) help: &'static str,
    /// The check that speaks of it.
    pub(super) check: &'static str,
}

impl Deref for Fault {
    type Target = FaultParts;

    fn deref(&self) -> &FaultParts {
        &self.0
    }
}

impl Fault {
    /// Text that is not of the language.
    #[cold]
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(FaultParts { span, message, help: "", check: raised::SYNTAX_ERROR }))
    }

    /// The fault with what to write instead.
    pub(super) fn with_help(mut self, help: &'static str) -> Self {
        self.0.help = help;
        self
    }

    /// The fault as one of another check.
    pub(super) fn of(mut self, check: &'static str) -> Self {
        self.0.check = check;
        self
    }

    /// The fault at another place.
    pub(super) fn at(mut self, span: Span) -> Self {
        self.0.span = span;
        self
    }
}

/// What reading gives.
pub(super) type Read<T> = Result<T, Fault>;

/// A name that no definition has.
pub(super) fn undefined(name: &str, span: Span) -> Fault {
    Fault::new(span, format!("nothing defines `${name}`")).of(raised::UNDEFINED_REFERENCE)
}
