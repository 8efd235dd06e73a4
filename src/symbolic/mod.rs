//! Sets of packets, exactly: emptiness, members, witnesses.
//!
//! A condition becomes a [`Space`] over a [`Model`]: the field table, with the laws that hold between fields.
//! What a question asks for is intersected with [`Spaces::world`], the packets that can exist, so that an empty
//! answer is a proof and a member is a packet.

mod among;
mod bdd;
mod buckets;
mod cells;
mod cover;
mod cut;
mod delta;
mod encode;
mod fates;
mod guess;
mod join;
mod model;
mod overlaps;
mod reach;
mod regions;
mod seek;
mod sensible;
mod space;
mod witness;
pub mod world;

pub use among::among;
pub use cover::{Cover, Fate};
pub use delta::{Change, Delta, Incomparable, Turn, delta};
pub use fates::{Fates, Place, RuleFate};
pub use guess::Guesser;
pub use model::{Model, Row};
pub use overlaps::{Overlaps, Shared, Which};
pub use reach::{Reach, Visit, Watch, of_family, reach};
pub use regions::{Beside, Decider, Effort, Member, Region, Regions};
pub use seek::Holds;
pub use space::{Space, Spaces};
pub use witness::Taste;
