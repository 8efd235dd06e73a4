//! The part of a stream that is being looked at.

use super::CaptureError;
use crate::guard::{Meter, limits};
use std::fmt;
use std::io::{self, Read};

// Small enough to stay in the second-level cache while packets are decoded out of it.
const CAPACITY: usize = 256 << 10;

/// A buffer over a stream: holds as many octets as are asked for, knows where in the stream they stand.
pub(super) struct Window<'r> {
    source: Box<dyn Read + 'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    // Where in the stream `start` stands.
    offset: u64,
    meter: Meter,
}

impl<'r> Window<'r> {
    pub(super) fn new(source: Box<dyn Read + 'r>) -> Self {
        Self {
            source,
            buffer: vec![0; CAPACITY],
            start: 0,
            end: 0,
            offset: 0,
            meter: Meter::new(&limits::CAPTURE_OCTETS),
        }
    }

    /// The octets held.
    #[inline]
    pub(super) fn octets(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// Whether `count` octets are held.
    #[inline]
    pub(super) fn holds(&self, count: usize) -> bool {
        self.end - self.start >= count
    }

    /// Reads until `count` octets are held; false when the stream ends before. The caller has looked at `count`:
    /// the buffer grows to it.
    #[cold]
    #[inline(never)]
    pub(super) fn hold(&mut self, count: usize) -> io::Result<bool> {
        if self.holds(count) {
            return Ok(true);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < count {
            self.buffer.resize(count, 0);
        }
        while self.end < count {
            let free = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
            match self.source.read(free) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end += read.min(free.len());
                    self.meter.charge(read as u64).map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Moves on by `count` held octets and gives them.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.advance(count);
        self.buffer.get(from..self.start).unwrap_or(&[])
    }

    /// Moves on by `count` held octets.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Where in the stream the window starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The error of a read that failed behind `frames` frames.
    pub(super) fn error(&self, frames: u64, source: io::Error) -> CaptureError {
        let offset = self.offset + (self.end - self.start) as u64;
        if source.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<crate::guard::Exhausted>)
        {
            return CaptureError::Exhausted { frame: frames + 1, offset, source: self.meter.exhausted() };
        }
        CaptureError::Read { frame: frames, offset, source }
    }

    /// The error of a stream that ends inside the frame behind `frames` others.
    pub(super) fn ended(&self, frames: u64) -> CaptureError {
        CaptureError::Ended { frame: frames + 1, offset: self.offset }
    }
}

impl fmt::Debug for Window<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("offset", &self.offset)
            .field("held", &(self.end - self.start))
            .finish()
    }
}
