//! What a regular expression of a rule can cost: how long a search can take, and how large its automata are.
//!
//! [`parse`] reads a pattern as PCRE2 does; [`analyse`] asks its automaton whether a backtracking search can take longer
//! than the subject is long, builds subjects that show it, and replays them on a matcher that counts its steps. Nothing
//! is claimed that was not replayed. What is not modelled has no answer.

mod ambiguity;
mod analysis;
mod automaton;
mod candidates;
mod components;
mod matcher;
mod parse;
mod program;
mod set;
mod size;
mod tree;
mod witness;
mod words;

pub use analysis::{Analysis, Growth, analyse};
pub use matcher::{Matched, search};
pub use parse::{ParseError, parse};
pub use program::Program;
pub use set::Octets;
pub use size::{Deterministic, copies, deterministic, states};
pub use tree::{Look, Node, NodeKind, Repeat};
pub use witness::Witness;

/// How a pattern is read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, named by a letter")]
pub struct Flags {
    /// `i`: letters stand for both of their cases.
    pub caseless: bool,
    /// `m`: `^` and `$` are places at lines too.
    pub multi_line: bool,
    /// `s`: a dot takes line ends.
    pub dot_all: bool,
    /// `x`: blanks and remarks are passed over.
    pub extended: bool,
    /// `U`: a quantifier takes less before more, unless it says otherwise.
    pub ungreedy: bool,
    /// `D`, `E` of Snort: `$` is the very end only.
    pub dollar_end_only: bool,
    /// `A`: the pattern begins where the subject does.
    pub anchored: bool,
}
