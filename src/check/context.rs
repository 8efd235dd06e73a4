//! What checks may look at: the documents read, the sources, and what the user said of the network.

use crate::diagnostic::Level;
use crate::dialect::Reading;
use crate::ir::Condition;
use crate::net::{Prefix4, Prefix6};
use crate::source::{SourceId, SourceMap};
use std::collections::BTreeMap;

/// One input that was read.
#[derive(Debug)]
pub struct Input {
    /// Its source.
    pub source: SourceId,
    /// The dialect it was read as.
    pub dialect: &'static str,
    /// What reading gave.
    pub reading: Reading,
}

/// A flow no drop may touch.
#[derive(Clone, PartialEq, Debug)]
pub struct Protected {
    /// Its name.
    pub name: String,
    /// Which packets belong to it.
    pub condition: Condition,
}

/// What the user said of the network and of the checks.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The largest packet the network carries, in octets; none when not said (9216 is assumed and only warns).
    pub mtu: Option<u32>,
    /// The network's own IPv4 prefixes.
    pub own4: Vec<Prefix4>,
    /// The network's own IPv6 prefixes.
    pub own6: Vec<Prefix6>,
    /// IPv4 prefixes of loopbacks, links and management.
    pub infrastructure4: Vec<Prefix4>,
    /// The same for IPv6.
    pub infrastructure6: Vec<Prefix6>,
    /// Flows the user protects.
    pub protect: Vec<Protected>,
    /// Levels the user set; none turns a check off.
    pub levels: BTreeMap<String, Option<Level>>,
    /// Platforms to price for, by name, with budgets by resource.
    pub platforms: Vec<(String, BTreeMap<String, u64>)>,
    /// What a flow rule without an action is taken to do: `Some(true)` discards, `Some(false)` accepts.
    pub assume_discard: Option<bool>,
}

/// What checks may look at.
#[derive(Debug)]
pub struct Context<'a> {
    /// The sources.
    pub sources: &'a SourceMap,
    /// The inputs.
    pub inputs: &'a [Input],
    /// What the user said.
    pub settings: &'a Settings,
}
