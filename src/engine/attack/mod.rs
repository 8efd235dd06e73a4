//! Targets of a campaign that are real: speakers of BGP that hear routes and announce them again, and programs that read
//! a file.
//!
//! What is started here stands in a sandbox of which nothing is left, however a campaign ends. What is not started here is
//! spoken with at the address that the user names, and nowhere else.

mod answers;
mod exec;
mod gauge;
mod launch;
mod speaker;

pub use exec::{Exec, Feed};
pub use launch::Launch;
pub use speaker::Speaker;

use crate::campaign::Trouble;

fn trouble(what: &str) -> impl FnOnce(super::EngineError) -> Trouble {
    let what = what.to_owned();
    move |error| Trouble::new(format!("{what}: {error}"), error)
}
