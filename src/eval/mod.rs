//! Walks a rule set over the headers of one packet.
//!
//! This is the reference: rules in order, no index. Everything faster is compared with it, [`Compiled`] first of all.

mod compiled;
mod condition;
mod totals;
mod trace;
mod walk;

pub use compiled::{BATCH, Compiled};
pub use condition::{Truth, Unknown, evaluate, holds, unknowns};
pub use totals::{Reason, RuleTotals, Tally, Totals, Verdicts};
pub use trace::{Why, why_not};
pub use walk::{Decision, Evaluator, Hit, Step, walk};

/// What is said where evaluation does not give a packet the fate that another stage found for it.
pub const UNCONFIRMED: &str =
    "evaluation does not confirm a packet found: this is a fault of flowgate, please report it";
