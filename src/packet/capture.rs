//! Capture files: pcap in every byte order and resolution, pcapng with several interfaces, plain or in gzip or
//! zstd, read as a stream in bounded memory.

mod compressed;
mod pcapng;
mod window;
mod write;

pub use write::CaptureWriter;

use super::LinkType;
use crate::guard::{Exhausted, limits};
use pcap_file::pcap::PcapHeader;
use pcap_file::{Endianness, PcapError, TsResolution};
use pcapng::{Interface, Pcapng};
use std::io::{self, Read};
use std::time::Duration;
use window::Window;

/// One packet of a capture as it lies in the reader's buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Its number in the capture, from 1.
    pub number: u64,
    /// Where its octets start in the capture after decompression.
    pub offset: u64,
    /// What the octets begin with.
    pub link_type: LinkType,
    /// The interface it was seen on, an index among those of the pcapng section; 0 in pcap.
    pub interface: u32,
    /// When it was seen, since 1970 UTC; none where the capture does not say.
    pub time: Option<Duration>,
    /// The octets captured.
    pub octets: &'a [u8],
    /// How many octets the packet had, never less than were captured.
    pub length: u32,
}

/// Why a capture cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file begins as neither pcap nor pcapng.
    #[error("not a capture file: it begins as neither pcap nor pcapng")]
    NotACapture,
    /// The reader below failed; decompression errors are among these.
    #[error("cannot read behind frame {frame}, at octet {offset}: {source}")]
    Read {
        /// Frames read so far.
        frame: u64,
        /// Where, in octets after decompression.
        offset: u64,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// The file ends inside a frame or block.
    #[error("the capture ends in the middle of frame {frame}, which begins at octet {offset}")]
    Ended {
        /// The frame that is incomplete.
        frame: u64,
        /// Where it begins, in octets after decompression.
        offset: u64,
    },
    /// The file contradicts its format.
    #[error("broken capture at frame {frame}, octet {offset}: {what}")]
    Broken {
        /// The frame being read.
        frame: u64,
        /// Where, in octets after decompression.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A guard limit is reached.
    #[error("capture stopped at frame {frame}, octet {offset}: {source}")]
    Exhausted {
        /// The frame being read.
        frame: u64,
        /// Where, in octets after decompression.
        offset: u64,
        /// Which limit.
        #[source]
        source: Exhausted,
    },
}

/// Reads frames one by one out of any `Read`.
///
/// ```
/// use flowgate::packet::{CaptureReader, CaptureWriter, LinkType};
///
/// let mut file = Vec::new();
/// let mut writer = CaptureWriter::new(&mut file, LinkType::RAW)?;
/// writer.write(std::time::Duration::ZERO, &[0x45, 0, 0, 20], 20)?;
/// let mut reader = CaptureReader::new(&file[..])?;
/// let frame = reader.next_frame()?.expect("one frame was written");
/// assert_eq!((frame.number, frame.octets.len(), frame.length), (1, 4, 20));
/// assert!(reader.next_frame()?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CaptureReader<'r> {
    window: Window<'r>,
    format: Format,
    frames: u64,
    // After an error there is nothing more to be had.
    failed: bool,
}

#[derive(Debug)]
enum Format {
    Pcap { header: PcapHeader, link_type: LinkType },
    Pcapng(Pcapng),
}

/// Octets in front of each packet of a pcap file.
const HEADER: usize = 16;

/// Where the octets of a frame lie in the window, and what is known of it.
#[derive(Clone, Copy)]
struct Found {
    skip: usize,
    captured: usize,
    link_type: LinkType,
    interface: u32,
    time: Option<Duration>,
    length: u32,
    // How far the window moves on.
    total: usize,
}

impl<'r> CaptureReader<'r> {
    /// Looks at the first octets for compression and format; an empty input is no capture.
    pub fn new(source: impl Read + 'r) -> Result<Self, CaptureError> {
        let fail = |source| CaptureError::Read { frame: 0, offset: 0, source };
        let source = compressed::open(source).map_err(fail)?;
        let mut window = Window::new(source);
        let long_enough = window.hold(12).map_err(|e| window.error(0, e))?;
        let magic = window.octets().first_chunk::<4>().copied().filter(|_| long_enough);
        let format = match magic {
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => Format::Pcapng(Pcapng::default()),
            Some(
                [0xa1, 0xb2, 0xc3, 0xd4]
                | [0xd4, 0xc3, 0xb2, 0xa1]
                | [0xa1, 0xb2, 0x3c, 0x4d]
                | [0x4d, 0x3c, 0xb2, 0xa1],
            ) => {
                if !window.hold(24).map_err(|e| window.error(0, e))? {
                    return Err(CaptureError::Ended { frame: 0, offset: 0 });
                }
                let header = PcapHeader::from_slice(window.octets());
                let (_, header) = header.map_err(|e| broken(0, &window, &e))?;
                window.advance(24);
                Format::Pcap { header, link_type: LinkType::from_header(header.datalink.into()) }
            }
            _ => return Err(CaptureError::NotACapture),
        };
        Ok(Self { window, format, frames: 0, failed: false })
    }

    /// The next frame; none at the end, and after an error.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.failed {
            return Ok(None);
        }
        // Two ways that do not meet: what is found stays in registers on the one that has to be fast.
        if let Format::Pcap { header, link_type } = &self.format {
            return match next_pcap(&mut self.window, header, *link_type, self.frames) {
                Ok(Some(found)) => Ok(Some(self.frame(found))),
                Ok(None) => Ok(None),
                Err(error) => Err(self.fail(error)),
            };
        }
        self.next_of_pcapng()
    }

    #[inline(never)]
    fn next_of_pcapng(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        let Format::Pcapng(pcapng) = &mut self.format else { return Ok(None) };
        match pcapng.next(&mut self.window, self.frames) {
            Ok(Some(found)) => Ok(Some(self.frame(found))),
            Ok(None) => Ok(None),
            Err(error) => Err(self.fail(error)),
        }
    }

    #[cold]
    fn fail(&mut self, error: CaptureError) -> CaptureError {
        self.failed = true;
        error
    }

    #[inline]
    fn frame(&mut self, found: Found) -> Frame<'_> {
        self.frames += 1;
        let offset = self.window.offset() + found.skip as u64;
        // The octets stay in the buffer behind the window's start until the next call.
        let octets =
            self.window.take(found.total).get(found.skip..found.skip + found.captured).unwrap_or(&[]);
        Frame {
            number: self.frames,
            offset,
            link_type: found.link_type,
            interface: found.interface,
            time: found.time,
            octets,
            length: found.length,
        }
    }

    /// Frames read so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Octets read so far, after decompression.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The name of an interface of the current pcapng section, where the capture gives one.
    pub fn interface_name(&self, interface: u32) -> Option<&str> {
        match &self.format {
            Format::Pcap { .. } => None,
            Format::Pcapng(pcapng) => pcapng.interface(interface)?.name.as_deref(),
        }
    }

    /// The link type of a pcap file, or of the first interface of the current pcapng section.
    pub fn link_type(&self) -> Option<LinkType> {
        match &self.format {
            Format::Pcap { link_type, .. } => Some(*link_type),
            Format::Pcapng(pcapng) => pcapng.interface(0).map(|Interface { link_type, .. }| *link_type),
        }
    }
}

#[inline]
fn next_pcap(
    window: &mut Window<'_>,
    header: &PcapHeader,
    link_type: LinkType,
    frames: u64,
) -> Result<Option<Found>, CaptureError> {
    if !window.holds(HEADER) && !window.hold(HEADER).map_err(|e| window.error(frames, e))? {
        return if window.octets().is_empty() { Ok(None) } else { Err(window.ended(frames)) };
    }
    let words = window.octets().first_chunk::<HEADER>().map_or([0; 4], |octets| record(octets, header));
    let [seconds, fraction, captured, length] = words;
    // The length is looked at before anything of that length is read.
    if u64::from(captured) > limits::PACKET_OCTETS.value {
        let source = Exhausted { limit: &limits::PACKET_OCTETS, allowance: limits::PACKET_OCTETS.value };
        return Err(CaptureError::Exhausted { frame: frames + 1, offset: window.offset(), source });
    }
    let total = HEADER + captured as usize;
    if !window.holds(total) && !window.hold(total).map_err(|e| window.error(frames, e))? {
        return Err(window.ended(frames));
    }
    let nanos = match header.ts_resolution {
        TsResolution::MicroSecond => fraction.saturating_mul(1000),
        TsResolution::NanoSecond => fraction,
    };
    Ok(Some(Found {
        skip: HEADER,
        captured: captured as usize,
        link_type,
        interface: 0,
        // A fraction beyond a second is carried over, as the sum of both is what other readers show.
        time: Some(Duration::new(u64::from(seconds), nanos)),
        length: length.max(captured),
        total,
    }))
}

/// The four words in front of a packet, in the file's byte order.
#[inline]
fn record(octets: &[u8; HEADER], header: &PcapHeader) -> [u32; 4] {
    let read = match header.endianness {
        Endianness::Big => u32::from_be_bytes,
        Endianness::Little => u32::from_le_bytes,
    };
    match octets.as_chunks().0 {
        [seconds, fraction, captured, length] => {
            [read(*seconds), read(*fraction), read(*captured), read(*length)]
        }
        // Sixteen octets are four words.
        _ => [0; 4],
    }
}

fn broken(frames: u64, window: &Window<'_>, error: &PcapError) -> CaptureError {
    CaptureError::Broken { frame: frames + 1, offset: window.offset(), what: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Number, offset, octets captured, octets sent, time.
    type Seen = (u64, u64, usize, u32, Option<Duration>);

    fn sample() -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = CaptureWriter::new(&mut file, LinkType::RAW).unwrap();
        for i in 0..5_u8 {
            writer.write(Duration::new(u64::from(i), 7_000), &[i; 40], 1500).unwrap();
        }
        file
    }

    fn read(octets: &[u8]) -> Result<Vec<Seen>, CaptureError> {
        let mut reader = CaptureReader::new(octets)?;
        let mut list = Vec::new();
        while let Some(f) = reader.next_frame()? {
            assert_eq!(octets_at(octets, &f), Some(f.octets));
            list.push((f.number, f.offset, f.octets.len(), f.length, f.time));
        }
        Ok(list)
    }

    fn octets_at<'a>(octets: &'a [u8], frame: &Frame<'_>) -> Option<&'a [u8]> {
        let start = usize::try_from(frame.offset).unwrap();
        octets.get(start..start + frame.octets.len())
    }

    #[test]
    fn frames_come_with_number_offset_time_and_both_lengths() {
        let frames = read(&sample()).unwrap();
        assert_eq!(frames.len(), 5);
        assert_eq!(frames[0], (1, 40, 40, 1500, Some(Duration::new(0, 7_000))));
        assert_eq!(frames[4], (5, 24 + 4 * 56 + 16, 40, 1500, Some(Duration::new(4, 7_000))));
    }

    #[test]
    fn every_prefix_of_a_capture_gives_the_whole_frames_before_its_end() {
        let file = sample();
        for end in 0..file.len() {
            let mut reader = match CaptureReader::new(&file[..end]) {
                Ok(reader) => reader,
                Err(CaptureError::NotACapture) if end < 12 => continue,
                Err(CaptureError::Ended { .. }) if end < 24 => continue,
                Err(other) => panic!("{other}"),
            };
            let mut frames = 0;
            loop {
                match reader.next_frame() {
                    Ok(Some(_)) => frames += 1,
                    Ok(None) => break assert_eq!((end - 24) % 56, 0),
                    Err(CaptureError::Ended { frame, offset }) => {
                        assert_eq!((frame, offset), (frames + 1, 24 + frames * 56));
                        assert!(reader.next_frame().unwrap().is_none());
                        break assert_ne!((end - 24) % 56, 0);
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            assert_eq!(frames, (end as u64 - 24) / 56);
        }
    }

    #[test]
    fn compression_is_seen_by_its_magic_and_members_are_joined() {
        let file = sample();
        let mut packed = Vec::new();
        for part in [&file[..100], &file[100..]] {
            let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap();
        }
        let count = |octets: &[u8]| {
            let mut reader = CaptureReader::new(octets).unwrap();
            let mut n = 0;
            while reader.next_frame().unwrap().is_some() {
                n += 1;
            }
            n
        };
        assert_eq!(count(&packed), 5);
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let mut packed = ruzstd::encoding::compress_to_vec(&file[..100], level);
        packed.extend([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]);
        packed.extend(ruzstd::encoding::compress_to_vec(&file[100..], level));
        assert_eq!(count(&packed), 5);
    }

    #[test]
    fn a_frame_longer_than_any_is_refused_before_it_is_read() {
        let mut file = sample();
        file[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = read(&file).unwrap_err();
        assert!(matches!(error, CaptureError::Exhausted { frame: 1, offset: 24, .. }), "{error}");
    }
}
