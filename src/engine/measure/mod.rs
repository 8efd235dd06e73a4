//! Rules loaded into real engines, each in a sandbox of its own, and what that took.
//!
//! Rules end in the kernel (`nftables`, `iptables`), in a daemon that hears them over BGP, or in a program of the
//! user's. What is measured is said with each figure: memory charged to the engine where the system accounts for it,
//! else the difference of the whole machine.

pub(in crate::engine) mod daemon;
mod ear;
mod group;
mod kernel;
mod sandbox;
pub(in crate::engine) mod times;

pub use daemon::{Batch, batches};
pub use sandbox::{Ended, Inmate, Limits, Sandbox};

use super::EngineError;
use crate::cost::measured::{Accounting, Load};
use std::path::{Path, PathBuf};

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// A route daemon.
    Bird,
    /// Any program, by a template.
    Command,
    /// A route daemon.
    ExaBgp,
    /// A route daemon.
    Frr,
    /// A route daemon.
    GoBgp,
    /// The tables of the kernel that were there before nftables.
    IptablesLegacy,
    /// The words of iptables in nftables.
    IptablesNft,
    /// The kernel.
    Nftables,
}

/// The dialect through which rules become routes for a daemon.
pub const ROUTES: &str = "flowspec-hex";

/// What an engine is: its names, and what it takes.
#[derive(Debug)]
pub struct About {
    /// The engine.
    pub engine: Engine,
    /// Its name on the command line.
    pub name: &'static str,
    /// The dialect it reads; none for one that hears BGP or takes files as they are.
    pub dialect: Option<&'static str>,
    /// The program that must be there, by its name; several where any of them does.
    pub programs: &'static [&'static str],
    /// The platform whose model it is held against, and the resource of it.
    pub model: Option<(&'static str, &'static str)>,
    /// The words of the kernel that its model is built up from; none for one that is fitted.
    pub words: Option<&'static str>,
}

/// Every engine, sorted by name.
pub static ENGINES: &[About] = &[
    About::speaking(Engine::Bird, "bird", &["bird", "birdc"]),
    About {
        engine: Engine::Command,
        name: "command",
        dialect: None,
        programs: &[],
        model: None,
        words: None,
    },
    About::speaking(Engine::ExaBgp, "exabgp", &["exabgp"]),
    About::speaking(Engine::Frr, "frr", &["bgpd"]),
    About::speaking(Engine::GoBgp, "gobgp", &["gobgpd", "gobgp"]),
    About {
        engine: Engine::IptablesLegacy,
        name: "iptables-legacy",
        dialect: Some("iptables"),
        programs: &["iptables-legacy-restore", "ip6tables-legacy-restore"],
        model: Some(("linux-iptables", "legacy-memory-octets")),
        words: Some("iptables-legacy"),
    },
    About {
        engine: Engine::IptablesNft,
        name: "iptables-nft",
        dialect: Some("iptables"),
        programs: &["iptables-nft-restore", "ip6tables-nft-restore"],
        model: Some(("linux-iptables", "nft-memory-octets")),
        words: Some("iptables-nft"),
    },
    About {
        engine: Engine::Nftables,
        name: "nftables",
        dialect: Some("nftables"),
        programs: &["nft"],
        model: Some(("linux-nftables", "memory-octets")),
        words: Some("nftables"),
    },
];

impl About {
    const fn speaking(engine: Engine, name: &'static str, programs: &'static [&'static str]) -> Self {
        Self { engine, name, dialect: None, programs, model: Some((name, "memory-octets")), words: None }
    }

    /// Whether it hears rules over BGP.
    pub fn speaks(&self) -> bool {
        matches!(self.engine, Engine::Bird | Engine::ExaBgp | Engine::Frr | Engine::GoBgp)
    }
}

/// The engine of that name.
pub fn by_name(name: &str) -> Option<&'static About> {
    ENGINES.iter().find(|about| about.name == name)
}

/// Rules as an engine takes them.
#[derive(Clone, Copy, Debug)]
pub enum Rules<'a> {
    /// Text of the engine's own; of iptables the two families are two texts.
    Text(&'a str),
    /// Text of IPv6 rules where a program of its own loads them.
    Text6(&'a str),
    /// Flow routes.
    Routes(&'a [Batch]),
    /// A file as it is, and the words of the command that takes it.
    Command {
        /// The program and its arguments; `{rules}` in them is the path of the file.
        words: &'a [String],
        /// The rules.
        text: &'a [u8],
    },
}

/// A load and how its memory was accounted for.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The load.
    pub load: Load,
    /// How kernel memory was accounted for.
    pub accounting: Accounting,
    /// Why not better.
    pub why: Option<String>,
}

/// Loads rules into an engine once. `programs` stand where [`About::programs`] name them.
pub fn measure(
    about: &About,
    programs: &[PathBuf],
    rules: Rules<'_>,
    folder: &Path,
    limits: Limits,
) -> Result<Measured, EngineError> {
    let sandbox = Sandbox::new(folder, limits, about.speaks())?;
    let load = match rules {
        Rules::Routes(batches) => daemon::load(about.engine, programs, batches, &sandbox)?,
        Rules::Text(text) => kernel::load(about.engine, programs.first(), text, &sandbox)?,
        Rules::Text6(text) => kernel::load(about.engine, programs.get(1), text, &sandbox)?,
        Rules::Command { words, text } => kernel::command(words, text, &sandbox)?,
    };
    let (accounting, why) = sandbox.accounting();
    Ok(Measured { load, accounting, why: why.map(str::to_owned) })
}
