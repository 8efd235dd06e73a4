//! Reads, runs, proves, prices and attacks packet-filter rules before a router sees them.
//!
//! Rules are read by a [`dialect`] into the intermediate form of [`ir`]; [`packet`] decodes captures, [`eval`]
//! runs them through it; [`symbolic`] proves what it matches, [`cost`] prices it, [`check`] asks what is wrong
//! with it, and [`report`] says so to people and programs.
//!
//! ```
//! use flowgate::check::{self, Context, Input, Settings};
//! use flowgate::dialect;
//! use flowgate::source::{Content, Place, Source, SourceMap};
//!
//! // The rule that took a network down on 2013-03-03: no packet is 99,971 octets long.
//! let rules = "ipv4 170120c00002350381110481350a2300018683e500018691 8006000000000000\n";
//! let mut sources = SourceMap::new();
//! let id = sources.add(Source::new("rules.hex", Content::Text(rules.to_owned())));
//! let hex = dialect::by_name("flowspec-hex").expect("it is built in");
//! let reading = hex.read(sources.get(id), id, &dialect::ReadOptions::default());
//! let inputs = [Input { source: id, dialect: hex.name(), reading }];
//! let settings = Settings::default();
//! let found = check::run(&Context::new(&sources, &inputs, &settings));
//!
//! let first = &found.diagnostics[0];
//! assert_eq!(first.check, "value-out-of-range");
//! let Place::Text(at) = sources.get(id).place(first.primary.span.start) else { unreachable!() };
//! assert_eq!((at.line, at.column), (1, 36));
//! ```

pub mod campaign;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod cost;
pub mod diagnostic;
pub mod dialect;
pub mod engine;
pub mod eval;
pub mod feed;
pub mod field;
pub mod guard;
pub mod ir;
pub mod net;
pub mod packet;
pub mod query;
pub mod regex;
pub mod report;
pub mod source;
pub mod symbolic;
