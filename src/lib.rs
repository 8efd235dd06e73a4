//! Reads, runs, proves, prices and attacks packet-filter rules before a router sees them.
//!
//! Rules are read by a [`dialect`] into the intermediate form of [`ir`]; [`packet`] decodes captures, [`eval`]
//! runs them through it; [`symbolic`] proves what it matches, [`cost`] prices it, and [`check`] asks what is
//! wrong with it.

pub mod campaign;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod cost;
pub mod diagnostic;
pub mod dialect;
pub mod eval;
pub mod feed;
pub mod field;
pub mod guard;
pub mod ir;
pub mod net;
pub mod packet;
pub mod query;
pub mod report;
pub mod source;
pub mod symbolic;
