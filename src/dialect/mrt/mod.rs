//! Flow routes in MRT dumps (RFC 6396): messages of a collector, and its tables.
//!
//! `feed` turns table entries into the UPDATEs that would say the same; from there on a dump is a capture.

use super::bgp_capture::{self, is_compressed};
use super::{Dialect, Keyword, ReadOptions, Reading, Reads, Recognition, Sample, Support};
use crate::source::{Source, SourceId};

/// MRT dumps.
#[derive(Debug)]
pub struct Mrt;

/// Longer records are taken for a sign that a file is no dump, in octets: an entry list of a thousand peers
/// with the longest attributes stays below.
pub const RECORD_MAX: u32 = 64 << 20;

/// Whether octets begin as a record: a known type, a subtype of it, a possible length.
pub fn is_dump(octets: &[u8]) -> bool {
    // Type and the highest subtype: OSPFv2, TABLE_DUMP, TABLE_DUMP_V2, BGP4MP, BGP4MP_ET, IS-IS, OSPFv3.
    const TYPES: [(u16, u16); 9] =
        [(11, 1), (12, 2), (13, 12), (16, 11), (17, 11), (32, 0), (33, 0), (48, 1), (49, 1)];
    let Some([_, _, _, _, a, b, c, d, length @ ..]) = octets.first_chunk::<12>() else { return false };
    let (kind, subtype) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
    let known = TYPES.iter().any(|(known, highest)| *known == kind && subtype <= *highest);
    known && (1..=RECORD_MAX).contains(&u32::from_be_bytes(*length))
}

impl Dialect for Mrt {
    fn name(&self) -> &'static str {
        "mrt"
    }

    fn about(&self) -> &'static str {
        "flow routes in MRT dumps of route collectors"
    }

    fn reads(&self) -> Reads {
        Reads::Messages
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        let name = sample.name.to_ascii_lowercase();
        let named = name.contains(".mrt") || name.starts_with("rib.") || name.starts_with("updates.");
        if is_dump(sample.octets) {
            Recognition::Certain
        } else if named && is_compressed(sample.octets) {
            Recognition::Possible
        } else {
            Recognition::No
        }
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        bgp_capture::read(source, id, options, "record")
    }

    fn ledger(&self) -> &'static [Keyword] {
        LEDGER
    }
}

const fn entry(word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context: "record", word, support, remark }
}

/// Which records are read, sorted. What messages say is in the ledger of `bgp-capture`.
static LEDGER: &[Keyword] = &[
    entry("BGP4MP", Support::Full, "MESSAGE, MESSAGE_AS4 and both as sent by the collector"),
    entry("BGP4MP_ET", Support::Full, "the same with microseconds"),
    entry("PEER_INDEX_TABLE", Support::Full, ""),
    entry("RIB_GENERIC", Support::Full, "with the next hop alone or with the whole attribute"),
    entry("RIB_UNICAST", Support::Ignored, "no flow routes in them; passed over and counted"),
    entry("STATE_CHANGE", Support::Ignored, "what a peer announced before it went down stays"),
    entry("TABLE_DUMP", Support::Ignored, "no flow routes in them; passed over and counted"),
    entry("add-path", Support::Unknown, "records with path identifiers (RFC 8050) are reported"),
    entry("others", Support::Ignored, "OSPF and IS-IS"),
];
