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

pub use crate::ir::PatternFlags as Flags;
pub use analysis::{Analysis, Growth, analyse};
pub use matcher::{Matched, search};
pub use parse::{ParseError, parse};
pub use program::Program;
pub use set::Octets;
pub use size::{Deterministic, compiled, deterministic, states};
pub use tree::{Look, Node, NodeKind, Repeat};
pub use witness::Witness;
