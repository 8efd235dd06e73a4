//! A flow route in ExaBGP's own words. One [`Route`] is filled again and again, so that a file of a million
//! routes takes the memory of one.

use crate::field::Family;
use crate::source::Span;

/// Whether a route stands in a configuration or in a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Verb {
    /// In a configuration file.
    #[default]
    Configured,
    /// In an `announce` command.
    Announce,
    /// In a `withdraw` command.
    Withdraw,
}

/// The block a statement stands in; in the form without braces, the one its keyword belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Block {
    /// The route itself: `rd`, `next-hop`.
    Route,
    /// `match`.
    Match,
    /// `scope`.
    Scope,
    /// `then`.
    Then,
}

impl Block {
    /// The word that opens it, and its context in the ledger.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Match => "match",
            Self::Scope => "scope",
            Self::Then => "then",
        }
    }
}

/// One word of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word {
    /// The word, quotes excluded.
    pub(super) span: Span,
    /// Which list of its statement it stands in, counted from 1; 0 outside lists.
    pub(super) list: u16,
}

/// A keyword with its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    /// Where it stands.
    pub(super) block: Block,
    /// The keyword.
    pub(super) keyword: Span,
    /// Index of the first value in [`Route::words`].
    pub(super) first: u32,
    /// Index after the last.
    pub(super) last: u32,
}

/// One flow route.
#[derive(Debug, Default)]
pub(super) struct Route {
    /// Where it stands.
    pub(super) verb: Verb,
    /// The family its command names; configurations leave it to the prefixes.
    pub(super) family: Option<Family>,
    /// Its name; commands have none.
    pub(super) name: Option<Span>,
    /// The neighbor it goes to, in the words of the file; none for all of them.
    pub(super) peer: Option<Span>,
    /// From its first word to its end.
    pub(super) span: Span,
    /// The first place where a part of it could not be read: the route may say more than its statements.
    pub(super) broken: Option<Span>,
    /// Its statements in the order written.
    pub(super) statements: Vec<Statement>,
    /// The values of its statements.
    pub(super) words: Vec<Word>,
}

impl Route {
    /// Forgets everything and keeps the storage.
    pub(super) fn clear(&mut self) {
        self.verb = Verb::Configured;
        self.family = None;
        self.name = None;
        self.peer = None;
        self.span = Span::default();
        self.broken = None;
        self.statements.clear();
        self.words.clear();
    }

    /// The values of one of its statements.
    pub(super) fn values(&self, statement: &Statement) -> &[Word] {
        self.words.get(statement.first as usize..statement.last as usize).unwrap_or(&[])
    }

    /// The place of a statement: its keyword and its values.
    pub(super) fn place(&self, statement: &Statement) -> Span {
        self.values(statement).last().map_or(statement.keyword, |word| statement.keyword.to(word.span))
    }
}
