//! What a rule set costs a device: table entries, memory, limits of platforms.

pub mod cover;
mod flow;
mod tally;
mod terms;
