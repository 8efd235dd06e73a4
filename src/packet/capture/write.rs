//! Writes pcap: one link type, nanoseconds, little-endian.

use crate::packet::LinkType;
use std::io::{self, Write};
use std::time::Duration;

/// Writes frames into a pcap file (little-endian, nanoseconds).
#[derive(Debug)]
pub struct CaptureWriter<W: Write> {
    out: W,
}

impl<W: Write> CaptureWriter<W> {
    /// Writes the file header.
    pub fn new(mut out: W, link_type: LinkType) -> io::Result<Self> {
        let header = pcap_file::pcap::PcapHeader {
            snaplen: 262_144,
            datalink: u32::from(link_type.0).into(),
            ts_resolution: pcap_file::TsResolution::NanoSecond,
            endianness: pcap_file::Endianness::Little,
            ..Default::default()
        };
        header.write_to(&mut out).map_err(io::Error::other)?;
        Ok(Self { out })
    }

    /// Writes one frame: when it was seen since 1970, the octets captured, how many it had. Times beyond 2106
    /// become the last that fits.
    pub fn write(&mut self, time: Duration, octets: &[u8], length: u32) -> io::Result<()> {
        let captured = u32::try_from(octets.len()).map_err(io::Error::other)?;
        let words = [
            u32::try_from(time.as_secs()).unwrap_or(u32::MAX),
            time.subsec_nanos(),
            captured,
            length.max(captured),
        ];
        for word in words {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(octets)
    }

    /// Flushes and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
