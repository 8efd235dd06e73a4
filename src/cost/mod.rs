//! What a rule set costs a device: table entries, memory, limits of platforms.
//!
//! [`price`] counts every rule of a document as a device of that [`Platform`] keeps it and holds the sums
//! against the limits of the profile and the budgets of the user. Flow rules are counted from their NLRI,
//! filters from their conditions. Two numbers of entries are given: as drivers are known to make them, and a
//! bound below which no prefix encoding comes. What could not be counted is said, never guessed low.

mod built;
pub mod cover;
mod device;
mod feature;
pub mod fit;
mod flow;
mod growth;
mod keeping;
mod kernel;
pub mod measured;
mod normal;
mod platform;
mod price;
mod profile;
mod registers;
mod release;
mod sum;
mod tallies;
mod tally;
mod terms;
mod worst;
mod written;

pub use built::Structure;
pub use device::{Attachment, Device, Direction};
pub use feature::{Effect, Feature, Refusal, Unsupported};
pub use flow::Encoding;
pub use growth::{GROWTH_RULES, Growth, growth};
pub use kernel::Words;
pub use platform::{
    AsRule, Copies, IpFamily, Model, Octets, Platform, RegisterUnits, Resource, Slices, Takes,
};
pub use price::{Level, Price, Pricing, RulePrice, RuleRef, Usage, WARN_AT, price, price_all, unsupported};
pub use profile::{ProfileError, by_name, parse_own as parse_profile, platforms};
pub use release::{Affected, ParseReleaseError, Release};
pub use tally::{Count, Inexact, Tally};
pub use worst::{Edit, EditKind, Question, Step, Worst, default_resource, edits, worst};
