//! What is attacked, as a campaign sees it: it is fed, and what became of it is seen.

use super::Input;
use crate::dialect::flowspec::Table;
use std::time::{Duration, Instant};

/// Why a target could not be attacked at all.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    /// What went wrong.
    pub what: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Trouble {
    /// With the cause.
    pub fn new(what: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { what: what.into(), source: Some(Box::new(source)) }
    }
}

/// What a target takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// UPDATEs of these tables.
    Updates(&'static [Table]),
    /// Text of this dialect.
    Text(&'static str),
    /// Packets.
    Packets,
}

/// What is known of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// Its name, as the user gave it.
    pub name: String,
    /// What it says of itself.
    pub version: String,
    /// What it takes.
    pub takes: Takes,
    /// Whether it is seen what it has taken.
    pub shows: bool,
    /// Whether it lives from one input to the next.
    pub lives: bool,
}

/// How a target stands after an input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// It goes on.
    Alive,
    /// It has ended: by a signal, or with this code.
    Died {
        /// The exit code; none when a signal ended it.
        code: Option<i32>,
    },
    /// It spends its time and does not answer.
    Hung,
    /// It is there, spends no time, and takes nothing more.
    Deaf,
    /// Nobody knows: the end of the campaign came before its answer.
    Unseen,
}

/// What was seen while a target was fed.
#[derive(Clone, PartialEq, Debug)]
pub struct Observation {
    /// How it stands.
    pub outcome: Outcome,
    /// The notification with which it ended the session: code and subcode.
    pub reset: Option<(u8, u8)>,
    /// Whether it took the whole of it, where it says so.
    pub taken: Option<bool>,
    /// The routes it shows or announces again: their octets without a length.
    pub shown: Option<Vec<(Table, Vec<u8>)>>,
    /// What it said.
    pub said: Vec<String>,
    /// Processor time it spent.
    pub cpu: Duration,
    /// Memory it holds once everything was taken back, in octets.
    pub resident: Option<u64>,
    /// By how much its memory rose at most, in octets.
    pub risen: Option<u64>,
}

impl Observation {
    /// One of a target that goes on and says nothing.
    pub fn quiet() -> Self {
        Self {
            outcome: Outcome::Alive,
            reset: None,
            taken: None,
            shown: None,
            said: Vec::new(),
            cpu: Duration::ZERO,
            resident: None,
            risen: None,
        }
    }
}

/// Something to attack.
pub trait Target {
    /// What it is.
    fn about(&self) -> &About;

    /// Feeds it and says what was seen; routes that were announced are taken back. One that has ended is begun anew
    /// first.
    fn feed(&mut self, input: &Input) -> Result<Observation, Trouble>;

    /// Has feeding given up by then, with [`Outcome::Unseen`]; a target that answers at once need not.
    fn until(&mut self, _end: Option<Instant>) {}

    /// Ends it, so that the next input meets a new one.
    fn renew(&mut self) -> Result<(), Trouble>;
}
