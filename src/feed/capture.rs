//! Captures: TCP connections of BGP, each direction a speaker.

use super::output::Collector;
use super::reassembly::{Direction, Origin};
use super::{Feed, FeedError};
use crate::field::Headers;
use crate::guard::{Exhausted, Meter, limits};
use crate::packet::decode::{Segment, segment};
use crate::packet::{CaptureError, CaptureReader, Frame};
use std::collections::HashMap;
use std::io::Read;
use std::net::IpAddr;

/// The port of BGP (RFC 4271 §8.1). Sessions on other ports are found by the marker they begin with.
const BGP: u16 = 179;

type Endpoint = (IpAddr, u16);

struct Sessions {
    out: Collector,
    meter: Meter,
    by_ends: HashMap<(Endpoint, Endpoint), usize>,
    directions: Vec<Direction>,
}

/// Reads a capture to its end.
pub(super) fn read(source: impl Read) -> Result<Feed, FeedError> {
    let mut reader = CaptureReader::new(source)?;
    let mut sessions = Sessions {
        out: Collector::new(),
        meter: Meter::new(&limits::REASSEMBLY_OCTETS),
        by_ends: HashMap::new(),
        directions: Vec::new(),
    };
    let mut headers = Headers::new();
    loop {
        let frame = match reader.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            // What came before a cut stands.
            Err(error @ CaptureError::Ended { frame, .. }) if frame > 1 => {
                let run = sessions.out.speaker("");
                sessions.out.note(run, frame, error.to_string());
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let number = frame.number;
        let fail = |source| FeedError::Exhausted { frame: number, source };
        sessions.frame(&frame, &mut headers).map_err(fail)?;
    }
    sessions.finish(reader.frames())
}

impl Sessions {
    fn frame(&mut self, frame: &Frame<'_>, headers: &mut Headers) -> Result<(), Exhausted> {
        self.out.counts.frames += 1;
        headers.clear();
        let found = segment(frame.link_type, frame.octets, frame.length, headers);
        let Some((found, index)) = found.and_then(|s| self.direction(&s).transpose().map(|i| (s, i))) else {
            self.out.counts.other += 1;
            return Ok(());
        };
        let Some(direction) = self.directions.get_mut(index?) else { return Ok(()) };
        let mut sequence = found.sequence;
        if found.syn {
            direction.start(sequence, &mut self.meter, &mut self.out)?;
            // Data on a SYN begins behind it.
            sequence = sequence.wrapping_add(1);
        }
        if found.octets.is_empty() && found.missing == 0 {
            return Ok(());
        }
        let origin = Origin { frame: frame.number, octet: found.at };
        let (octets, missing) = (found.octets, found.missing);
        direction.segment(sequence, octets, missing, origin, &mut self.meter, &mut self.out)
    }

    // The direction a segment belongs to; none where it is not BGP.
    fn direction(&mut self, segment: &Segment<'_>) -> Result<Option<usize>, Exhausted> {
        let ends = (segment.source, segment.destination);
        if let Some(index) = self.by_ends.get(&ends) {
            return Ok(Some(*index));
        }
        let known_port = segment.source.1 == BGP || segment.destination.1 == BGP;
        let marker = segment.octets.len() >= 19 && segment.octets.iter().take(16).all(|octet| *octet == 0xff);
        if !known_port && !marker {
            return Ok(None);
        }
        // A capture of nothing but connection attempts must not take memory without end.
        self.meter.charge(size_of::<Direction>() as u64 * 2)?;
        let name = format!("from-{}-to-{}", segment.source.0, segment.destination.0);
        let run = self.out.speaker(&name);
        let index = self.directions.len();
        self.directions.push(Direction::new(run));
        self.by_ends.insert(ends, index);
        Ok(Some(index))
    }

    fn finish(mut self, frames: u64) -> Result<Feed, FeedError> {
        for mut direction in std::mem::take(&mut self.directions) {
            direction
                .flush(&mut self.meter, &mut self.out)
                .map_err(|source| FeedError::Exhausted { frame: frames, source })?;
        }
        Ok(self.out.finish())
    }
}
