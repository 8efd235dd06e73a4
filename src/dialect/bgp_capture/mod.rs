//! Flow routes in BGP UPDATEs of a capture.
//!
//! The messages come from `feed`, which puts TCP sessions together; here they are octets, one run for each
//! speaker. A rule set is what one speaker has announced and not withdrawn when the capture ends.

mod lower;
mod update;

pub(in crate::dialect) use lower::read;

use super::{Dialect, Keyword, ReadOptions, Reading, Reads, Recognition, Sample, Support};
use crate::source::{Source, SourceId};

/// BGP in a capture.
#[derive(Debug)]
pub struct BgpCapture;

/// Whether octets begin as a capture: pcap in every byte order and resolution, or pcapng.
pub fn is_capture(octets: &[u8]) -> bool {
    const MAGICS: [[u8; 4]; 5] = [
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0x0a, 0x0d, 0x0d, 0x0a],
    ];
    octets.first_chunk::<4>().is_some_and(|magic| MAGICS.contains(magic))
}

/// Whether octets begin as gzip or zstd, in which both captures and dumps come.
pub fn is_compressed(octets: &[u8]) -> bool {
    octets.starts_with(&[0x1f, 0x8b]) || octets.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

impl Dialect for BgpCapture {
    fn name(&self) -> &'static str {
        "bgp-capture"
    }

    fn about(&self) -> &'static str {
        "flow routes in BGP sessions of a capture (pcap, pcapng)"
    }

    fn reads(&self) -> Reads {
        Reads::Messages
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        let named = || [".pcap", ".cap"].iter().any(|part| sample.name.to_ascii_lowercase().contains(part));
        if is_capture(sample.octets) {
            // A marker: sixteen octets of ones.
            let bgp = sample.octets.windows(16).any(|octets| octets.iter().all(|octet| *octet == 0xff));
            if bgp { Recognition::Certain } else { Recognition::Possible }
        } else if is_compressed(sample.octets) && named() {
            Recognition::Possible
        } else {
            Recognition::No
        }
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        read(source, id, options, "frame")
    }

    fn ledger(&self) -> &'static [Keyword] {
        LEDGER
    }
}

const fn entry(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

/// What of BGP is read, sorted by context and word.
pub(in crate::dialect) static LEDGER: &[Keyword] = &[
    entry(
        "attribute",
        "extended-communities",
        Support::Full,
        "others than those of flow rules are kept by their octets",
    ),
    entry("attribute", "ipv6-extended-communities", Support::Full, ""),
    entry(
        "attribute",
        "mp-reach-nlri",
        Support::Full,
        "the next hop is the target of the older redirect to an address",
    ),
    entry("attribute", "mp-unreach-nlri", Support::Full, ""),
    entry("attribute", "others", Support::Ignored, ""),
    entry("family", "ipv4-flow", Support::Full, "AFI 1, SAFI 133"),
    entry("family", "ipv4-flow-vpn", Support::Full, "AFI 1, SAFI 134"),
    entry("family", "ipv6-flow", Support::Full, "AFI 2, SAFI 133"),
    entry("family", "ipv6-flow-vpn", Support::Full, "AFI 2, SAFI 134"),
    entry("family", "other-flow", Support::Unknown, "reported with its octets, as L2VPN (AFI 25)"),
    entry("family", "others", Support::Ignored, "passed over and counted"),
    entry("message", "add-path", Support::Unknown, "path identifiers in front of NLRIs are not recognised"),
    entry("message", "others", Support::Ignored, ""),
    entry("message", "update", Support::Full, "up to 65,535 octets (RFC 8654)"),
];
