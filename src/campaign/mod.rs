//! Input aimed at the user's rules, at those who read packets carelessly, and at what will read the rules: made from
//! octets, changed, judged by what was seen, made small.
//!
//! Nothing here starts a program: what is attacked stands behind [`Target`].

pub mod boundary;
pub mod cases;
mod dedup;
pub mod expect;
pub mod generate;
pub mod input;
mod make;
pub mod mutate;
pub mod odd;
mod oracle;
mod probe;
pub mod run;
mod settle;
pub mod shapes;
pub mod shrink;
pub mod starting;
pub mod target;

pub use input::{Input, Update};
pub use oracle::{Fault, Finding};
pub use run::{Campaign, Plan, Stats, Watch};
pub use target::{Observation, Outcome, Target, Trouble};
