//! What a rule set costs a device: table entries, memory, limits of platforms.
//!
//! [`price`] counts every rule of a document as a device of that [`Platform`] keeps it and holds the sums
//! against the limits of the profile and the budgets of the user. Flow rules are counted from their NLRI,
//! filters from their conditions. Two numbers of entries are given: as drivers are known to make them, and a
//! bound below which no prefix encoding comes. What could not be counted is said, never guessed low.

pub mod cover;
mod feature;
pub mod fit;
mod flow;
mod kernel;
pub mod measured;
mod normal;
mod platform;
mod price;
mod tally;
mod terms;

pub use feature::{Effect, Feature, Refusal, Unsupported};
pub use flow::Encoding;
pub use kernel::Words;
pub use platform::{AsRule, IpFamily, Model, Octets, Platform, Resource, Takes, by_name, platforms};
pub use price::{Level, Price, Pricing, RulePrice, RuleRef, Usage, WARN_AT, price, unsupported};
pub use tally::{Count, Inexact, Tally};
