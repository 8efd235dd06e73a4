//! Blocks of pcapng (draft-ietf-opsawg-pcapng).
//!
//! Not by the crate's parser: that refuses a file for an option it dislikes (a comment that is no UTF-8, a time zone
//! of the length the draft asks for), and files in the wild have those. Options are read as far as they matter.

use super::window::Window;
use super::{CaptureError, Found};
use crate::guard::{Exhausted, Limit, limits};
use crate::packet::LinkType;
use std::time::Duration;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// One interface of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Interface {
    pub(super) link_type: LinkType,
    pub(super) name: Option<Box<str>>,
    snap_length: u32,
    // Ticks in a second.
    resolution: u64,
    // Seconds to add to every time.
    time_offset: i64,
}

/// The state of a pcapng stream: byte order and interfaces of the current section.
#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    big: bool,
    interfaces: Vec<Interface>,
}

impl Pcapng {
    pub(super) fn interface(&self, index: u32) -> Option<&Interface> {
        self.interfaces.get(index as usize)
    }

    /// Reads blocks up to the next packet; the window is left at its block.
    pub(super) fn next(
        &mut self,
        window: &mut Window<'_>,
        frames: u64,
    ) -> Result<Option<Found>, CaptureError> {
        loop {
            if !window.hold(12).map_err(|e| window.error(frames, e))? {
                return if window.octets().is_empty() { Ok(None) } else { Err(window.ended(frames)) };
            }
            let total = self.block_length(window, frames)?;
            if !window.hold(total).map_err(|e| window.error(frames, e))? {
                return Err(window.ended(frames));
            }
            let whole = Body { big: self.big, octets: window.octets().get(..total).unwrap_or(&[]) };
            if whole.u32(4) != whole.u32(total - 4) {
                return Err(broken("a block whose two lengths differ", frames, window));
            }
            let body = Body { big: self.big, octets: whole.octets.get(8..total - 4).unwrap_or(&[]) };
            let found = match whole.u32(0).unwrap_or(0) {
                SECTION => {
                    self.interfaces.clear();
                    Ok(None)
                }
                INTERFACE => self.add_interface(body).map(|()| None),
                ENHANCED_PACKET => self.enhanced(body).map(Some),
                SIMPLE_PACKET => self.simple(body).map(Some),
                OLD_PACKET => self.old(body).map(Some),
                _ => Ok(None),
            };
            let fail = |stop| match stop {
                Stop::Broken(what) => broken(what, frames, window),
                Stop::Limit(limit) => exhausted(limit, frames, window),
            };
            match found.map_err(fail)? {
                Some(found) => return Ok(Some(Found { total, ..found })),
                None => window.advance(total),
            }
        }
    }

    /// The length of the block at the window's start; a section header settles the byte order first.
    fn block_length(&mut self, window: &Window<'_>, frames: u64) -> Result<usize, CaptureError> {
        let head = Body { big: true, octets: window.octets() };
        if head.u32(0) == Some(SECTION) {
            self.big = match head.u32(8) {
                Some(0x1a2b_3c4d) => true,
                Some(0x4d3c_2b1a) => false,
                _ => return Err(broken("a section header without its byte-order magic", frames, window)),
            };
        }
        let length = Body { big: self.big, octets: window.octets() }.u32(4).unwrap_or(0);
        if length < 12 || !length.is_multiple_of(4) {
            return Err(broken("a block length below 12 or no multiple of 4", frames, window));
        }
        if u64::from(length) > limits::CAPTURE_BLOCK_OCTETS.value {
            return Err(exhausted(&limits::CAPTURE_BLOCK_OCTETS, frames, window));
        }
        Ok(length as usize)
    }

    fn add_interface(&mut self, body: Body<'_>) -> Result<(), Stop> {
        if self.interfaces.len() as u64 >= limits::CAPTURE_INTERFACES.value {
            return Err(Stop::Limit(&limits::CAPTURE_INTERFACES));
        }
        let short = Stop::Broken("an interface description shorter than 8 octets");
        let (Some(link_type), Some(snap_length)) = (body.u16(0), body.u32(4)) else {
            return Err(short);
        };
        let mut interface = Interface {
            link_type: LinkType(link_type),
            name: None,
            snap_length,
            resolution: 1_000_000,
            time_offset: 0,
        };
        body.options(8, |code, value| match (code, value) {
            (IF_NAME, Body { octets, .. }) => interface.name = Some(String::from_utf8_lossy(octets).into()),
            (IF_TSRESOL, Body { octets: [exponent, ..], .. }) => interface.resolution = resolution(*exponent),
            (IF_TSOFFSET, value) => interface.time_offset = value.u64(0).unwrap_or(0).cast_signed(),
            _ => {}
        });
        self.interfaces.push(interface);
        Ok(())
    }

    fn enhanced(&self, body: Body<'_>) -> Result<Found, Stop> {
        let (Some(id), Some(high), Some(low), Some(captured), Some(length)) =
            (body.u32(0), body.u32(4), body.u32(8), body.u32(12), body.u32(16))
        else {
            return Err(Stop::Broken("an enhanced packet block shorter than 20 octets"));
        };
        self.packet(id, Some((high, low)), captured, length, 20, body)
    }

    fn old(&self, body: Body<'_>) -> Result<Found, Stop> {
        let (Some(id), Some(high), Some(low), Some(captured), Some(length)) =
            (body.u16(0), body.u32(4), body.u32(8), body.u32(12), body.u32(16))
        else {
            return Err(Stop::Broken("a packet block shorter than 20 octets"));
        };
        self.packet(u32::from(id), Some((high, low)), captured, length, 20, body)
    }

    fn simple(&self, body: Body<'_>) -> Result<Found, Stop> {
        let Some(length) = body.u32(0) else {
            return Err(Stop::Broken("a simple packet block shorter than 4 octets"));
        };
        let snap_length = self.interface(0).map_or(0, |i| i.snap_length);
        let captured = if snap_length == 0 { length } else { length.min(snap_length) };
        self.packet(0, None, captured, length, 4, body)
    }

    fn packet(
        &self,
        id: u32,
        time: Option<(u32, u32)>,
        captured: u32,
        length: u32,
        at: usize,
        body: Body<'_>,
    ) -> Result<Found, Stop> {
        let Some(interface) = self.interface(id) else {
            return Err(Stop::Broken("a packet of an interface that is not described"));
        };
        if u64::from(captured) > limits::PACKET_OCTETS.value {
            return Err(Stop::Limit(&limits::PACKET_OCTETS));
        }
        if body.octets.len() < at + captured as usize {
            return Err(Stop::Broken("a packet longer than its block"));
        }
        Ok(Found {
            // Behind the block's type and length.
            skip: 8 + at,
            captured: captured as usize,
            link_type: interface.link_type,
            interface: id,
            time: time.and_then(|(high, low)| interface.time(u64::from(high) << 32 | u64::from(low))),
            length: length.max(captured),
            total: 0,
        })
    }
}

impl Interface {
    /// A time in ticks of the interface; none before 1970.
    fn time(&self, ticks: u64) -> Option<Duration> {
        let seconds = ticks / self.resolution;
        let nanos = u128::from(ticks % self.resolution) * 1_000_000_000 / u128::from(self.resolution);
        let seconds = seconds.checked_add_signed(self.time_offset)?;
        Some(Duration::new(seconds, u32::try_from(nanos).ok()?))
    }
}

/// Ticks in a second by the `if_tsresol` octet: a power of 10, or of 2 with the top bit. What no 64-bit count
/// can hold is taken as the finest that can.
fn resolution(octet: u8) -> u64 {
    let exponent = u32::from(octet & 0x7f);
    if octet & 0x80 == 0 {
        10_u64.checked_pow(exponent).unwrap_or(10_u64.pow(19))
    } else {
        1_u64.checked_shl(exponent).unwrap_or(1 << 63)
    }
}

enum Stop {
    Broken(&'static str),
    Limit(&'static Limit),
}

fn broken(what: &str, frames: u64, window: &Window<'_>) -> CaptureError {
    CaptureError::Broken { frame: frames + 1, offset: window.offset(), what: what.to_owned() }
}

fn exhausted(limit: &'static Limit, frames: u64, window: &Window<'_>) -> CaptureError {
    let source = Exhausted { limit, allowance: limit.value };
    CaptureError::Exhausted { frame: frames + 1, offset: window.offset(), source }
}

/// Octets of a block in the section's byte order.
#[derive(Clone, Copy)]
struct Body<'a> {
    big: bool,
    octets: &'a [u8],
}

impl<'a> Body<'a> {
    fn at<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.octets.get(at..)?.first_chunk().copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        let octets = self.at(at)?;
        Some(if self.big { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) })
    }

    fn u32(self, at: usize) -> Option<u32> {
        let octets = self.at(at)?;
        Some(if self.big { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) })
    }

    fn u64(self, at: usize) -> Option<u64> {
        let octets = self.at(at)?;
        Some(if self.big { u64::from_be_bytes(octets) } else { u64::from_le_bytes(octets) })
    }

    /// Calls `each` on the options from `at` on; ends at the first that does not fit.
    fn options(self, at: usize, mut each: impl FnMut(u16, Body<'a>)) {
        let mut at = at;
        while let (Some(code), Some(length)) = (self.u16(at), self.u16(at + 2)) {
            let length = usize::from(length);
            let Some(octets) = self.octets.get(at + 4..at + 4 + length) else { return };
            if code == 0 {
                return;
            }
            each(code, Body { big: self.big, octets });
            at += 4 + length.next_multiple_of(4);
        }
    }
}
