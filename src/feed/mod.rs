//! Captures and MRT dumps to BGP messages, each octet with its place in the file.
//!
//! A feed keeps the UPDATE messages that carry flow specifications, one run for each speaker, as the content of
//! a source: the dialects `bgp-capture` and `mrt` read them from there. What is passed over is counted, what is
//! missing is noted.

mod capture;
mod message;
mod mrt;
mod output;
mod reassembly;

pub use output::{Counts, Feed, Note};

use crate::dialect::bgp_capture;
use crate::guard::Exhausted;
use std::io::{self, Read};

/// What a binary file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A capture (pcap, pcapng), plain or compressed.
    Capture,
    /// An MRT dump (RFC 6396), plain or in gzip.
    Mrt,
}

/// Why a file cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The capture is broken or none.
    #[error(transparent)]
    Capture(#[from] crate::packet::CaptureError),
    /// The file cannot be read.
    #[error("cannot read record {record}: {source}")]
    Read {
        /// The record, from 1.
        record: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file ends inside a record.
    #[error("the dump ends in the middle of record {record}")]
    Ended {
        /// The record, from 1.
        record: u64,
    },
    /// A record longer than any dump writes.
    #[error("record {record} says it has {length} octets")]
    Length {
        /// The record, from 1.
        record: u64,
        /// What it says.
        length: u32,
    },
    /// A guard limit is reached.
    #[error("stopped at frame or record {frame}: {source}")]
    Exhausted {
        /// The frame or record, from 1.
        frame: u64,
        /// Which limit.
        #[source]
        source: Exhausted,
    },
}

/// What the first octets say the file is; compressed files are looked into by their readers only.
pub fn recognise(octets: &[u8]) -> Option<Format> {
    if bgp_capture::is_capture(octets) {
        Some(Format::Capture)
    } else {
        crate::dialect::mrt::is_dump(octets).then_some(Format::Mrt)
    }
}

/// Reads a file of that format to its end. What was read before an error is lost with it, except where a file
/// is merely cut off: then what came before is given, and a note says so.
pub fn read(format: Format, source: impl Read) -> Result<Feed, FeedError> {
    match format {
        Format::Capture => capture::read(source),
        Format::Mrt => mrt::read(source),
    }
}
