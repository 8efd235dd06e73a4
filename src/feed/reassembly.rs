//! One direction of a TCP connection back into octets, and these into BGP messages.
//!
//! Segments may come late, twice or overlapping; the octets that came first stand. What never comes is a gap:
//! it is noted, and reading goes on at the next marker.

use super::message::{self, Head};
use super::output::Collector;
use crate::guard::{Exhausted, Meter};
use std::collections::BTreeMap;

/// Octets waiting for one gap to close before it is taken as lost: more than any usual TCP window.
const WAITING: usize = 4 << 20;

/// Where octets stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) frame: u64,
    pub(super) octet: u32,
}

#[derive(Debug)]
struct Segment {
    octets: Box<[u8]>,
    origin: Origin,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Direction {
    run: usize,
    // The sequence number expected next, counted on beyond 32 bits.
    next: Option<u64>,
    // Octets in order that are no whole message yet, and where they stood.
    ready: Vec<u8>,
    origins: Vec<(usize, Origin)>,
    // Segments that came early, by sequence number.
    waiting: BTreeMap<u64, Segment>,
    held: usize,
    // Whether what is ready begins at a message.
    in_step: bool,
}

impl Direction {
    pub(super) fn new(run: usize) -> Self {
        Self {
            run,
            next: None,
            ready: Vec::new(),
            origins: Vec::new(),
            waiting: BTreeMap::new(),
            held: 0,
            in_step: false,
        }
    }

    /// A SYN: whatever was before belongs to another connection.
    pub(super) fn start(
        &mut self,
        sequence: u32,
        meter: &mut Meter,
        out: &mut Collector,
    ) -> Result<(), Exhausted> {
        let first = u64::from(sequence.wrapping_add(1));
        // The same SYN again changes nothing.
        if self.next.is_some_and(|next| absolute(sequence.wrapping_add(1), next) == next) {
            return Ok(());
        }
        self.flush(meter, out)?;
        self.next = Some(first + (1 << 32));
        self.in_step = true;
        Ok(())
    }

    /// A segment with its captured octets; `missing` octets of it were not captured.
    pub(super) fn segment(
        &mut self,
        sequence: u32,
        octets: &[u8],
        missing: usize,
        origin: Origin,
        meter: &mut Meter,
        out: &mut Collector,
    ) -> Result<(), Exhausted> {
        let next = *self.next.get_or_insert(u64::from(sequence) + (1 << 32));
        let at = absolute(sequence, next);
        if at > next {
            self.keep(at, octets, origin, meter, out)?;
        } else {
            self.accept(at, octets, origin, out)?;
            self.drain(meter, out)?;
        }
        if missing > 0 {
            let message = format!("{missing} octets of a segment were not captured");
            out.note(self.run, origin.frame, message);
            self.lose();
            let end = at + octets.len() as u64 + missing as u64;
            self.next = self.next.map(|next| next.max(end));
        }
        Ok(())
    }

    fn keep(
        &mut self,
        at: u64,
        octets: &[u8],
        origin: Origin,
        meter: &mut Meter,
        out: &mut Collector,
    ) -> Result<(), Exhausted> {
        if octets.is_empty() || self.waiting.get(&at).is_some_and(|old| old.octets.len() >= octets.len()) {
            return Ok(());
        }
        let size = octets.len() + size_of::<Segment>();
        if meter.charge(size as u64).is_err() || self.held + size > WAITING {
            meter.release(size as u64);
            self.flush(meter, out)?;
            self.next = Some(at);
            return self.accept(at, octets, origin, out);
        }
        self.held += size;
        if let Some(old) = self.waiting.insert(at, Segment { octets: octets.into(), origin }) {
            self.release(&old, meter);
        }
        Ok(())
    }

    fn release(&mut self, segment: &Segment, meter: &mut Meter) {
        let size = segment.octets.len() + size_of::<Segment>();
        self.held -= size.min(self.held);
        meter.release(size as u64);
    }

    // Takes the part of a segment that is new.
    fn accept(
        &mut self,
        at: u64,
        octets: &[u8],
        origin: Origin,
        out: &mut Collector,
    ) -> Result<(), Exhausted> {
        let next = self.next.unwrap_or(at);
        let known = usize::try_from(next.saturating_sub(at)).unwrap_or(usize::MAX);
        let Some(fresh) = octets.get(known..).filter(|fresh| !fresh.is_empty()) else { return Ok(()) };
        self.next = Some(next + fresh.len() as u64);
        let shift = u32::try_from(known).unwrap_or(u32::MAX);
        let origin = Origin { octet: origin.octet.saturating_add(shift), ..origin };
        self.origins.push((self.ready.len(), origin));
        self.ready.extend_from_slice(fresh);
        self.messages(out)
    }

    // Takes the segments that have become due.
    fn drain(&mut self, meter: &mut Meter, out: &mut Collector) -> Result<(), Exhausted> {
        while let Some(entry) = self.waiting.first_entry() {
            if self.next.is_some_and(|next| *entry.key() > next) {
                break;
            }
            let (at, segment) = entry.remove_entry();
            self.release(&segment, meter);
            self.accept(at, &segment.octets, segment.origin, out)?;
        }
        Ok(())
    }

    /// Gives up waiting: every gap is noted and stepped over.
    pub(super) fn flush(&mut self, meter: &mut Meter, out: &mut Collector) -> Result<(), Exhausted> {
        while let Some((at, segment)) = self.waiting.pop_first() {
            self.release(&segment, meter);
            let gap = at.saturating_sub(self.next.unwrap_or(at));
            if gap > 0 {
                let message = format!("{gap} octets of the session are missing from the capture");
                out.note(self.run, segment.origin.frame, message);
                self.lose();
                self.next = Some(at);
            }
            self.accept(at, &segment.octets, segment.origin, out)?;
        }
        if self.in_step && !self.ready.is_empty() {
            let frame = self.origins.last().map_or(0, |(_, origin)| origin.frame);
            out.note(self.run, frame, "the session ends in the middle of a message".into());
        }
        self.lose();
        Ok(())
    }

    // Forgets the message begun: what follows is not its end.
    fn lose(&mut self) {
        self.ready.clear();
        self.origins.clear();
        self.in_step = false;
    }

    // Hands whole messages over.
    fn messages(&mut self, out: &mut Collector) -> Result<(), Exhausted> {
        let mut done = 0;
        while let Some(rest) = self.ready.get(done..).filter(|rest| !rest.is_empty()) {
            match message::head(rest) {
                Head::More => break,
                Head::Message { length, .. } if rest.len() < length => break,
                Head::Message { length, kind } => {
                    self.in_step = true;
                    out.counts.messages += 1;
                    if rest.get(..length).is_some_and(|octets| message::matters(octets, kind)) {
                        out.counts.kept += 1;
                        self.hand_over(done, done + length, out)?;
                    }
                    done += length;
                }
                Head::Lost => {
                    let skip = message::resync(rest);
                    if self.in_step {
                        let frame = self.place(done).frame;
                        out.note(self.run, frame, "no BGP message begins where one should".into());
                        self.in_step = false;
                    }
                    done += skip;
                }
            }
        }
        self.consume(done);
        Ok(())
    }

    // The place of an octet that is ready.
    fn place(&self, at: usize) -> Origin {
        let after = self.origins.partition_point(|(start, _)| *start <= at);
        let found = after.checked_sub(1).and_then(|i| self.origins.get(i)).copied();
        let (start, origin) = found.unwrap_or((at, Origin { frame: 0, octet: 0 }));
        let shift = u32::try_from(at - start).unwrap_or(u32::MAX);
        Origin { octet: origin.octet.saturating_add(shift), ..origin }
    }

    fn hand_over(&self, start: usize, end: usize, out: &mut Collector) -> Result<(), Exhausted> {
        let inner = self.origins.iter().map(|(at, _)| *at).filter(|at| start < *at && *at < end);
        let mut from = start;
        for to in inner.chain([end]) {
            let origin = self.place(from);
            out.push(self.run, self.ready.get(from..to).unwrap_or(&[]), origin.frame, origin.octet)?;
            from = to;
        }
        Ok(())
    }

    fn consume(&mut self, done: usize) {
        if done == 0 {
            return;
        }
        let first = self.place(done);
        self.ready.drain(..done.min(self.ready.len()));
        self.origins.retain(|(at, _)| *at > done);
        self.origins.iter_mut().for_each(|(at, _)| *at -= done);
        if !self.ready.is_empty() {
            self.origins.insert(0, (0, first));
        }
    }
}

// The sequence number nearest to `next` that has these 32 bits.
fn absolute(sequence: u32, next: u64) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    let distance = sequence.wrapping_sub(next as u32).cast_signed();
    next.saturating_add_signed(i64::from(distance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;
    use crate::guard::limits;
    use crate::source::Content;

    // A flow UPDATE that says nothing, told apart by the last octet of its attribute.
    fn update(mark: u8) -> Vec<u8> {
        let mut octets = vec![0xff; 16];
        octets.extend([0, 33, 2, 0, 0, 0, 10, 0x80, 15, 7, 0, 1, 133, 3, 1, 8, mark]);
        let length = u8::try_from(octets.len()).unwrap();
        octets[17] = length;
        octets
    }

    // Puts segments (sequence, octets, missing) in; frames count from 1.
    fn feed(segments: &[(u32, &[u8], usize)], syn: Option<u32>, allowance: u64) -> Feed {
        let mut out = Collector::new();
        let mut meter = Meter::with_allowance(&limits::REASSEMBLY_OCTETS, allowance);
        let mut direction = Direction::new(out.speaker("x"));
        if let Some(sequence) = syn {
            direction.start(sequence, &mut meter, &mut out).unwrap();
        }
        for ((sequence, octets, missing), frame) in segments.iter().zip(1..) {
            let origin = Origin { frame, octet: 54 };
            direction.segment(*sequence, octets, *missing, origin, &mut meter, &mut out).unwrap();
        }
        direction.flush(&mut meter, &mut out).unwrap();
        assert_eq!(meter.spent(), 0);
        out.finish()
    }

    fn marks(feed: &Feed) -> Vec<u8> {
        let Content::Octets { bytes, .. } = &feed.content else { panic!("octets") };
        bytes.chunks(33).map(|message| *message.last().unwrap()).collect()
    }

    #[test]
    fn order_repeats_and_overlaps_do_not_matter() {
        let stream: Vec<u8> = [update(1), update(2), update(3)].concat();
        assert_eq!(stream.len(), 99);
        let wrap = u32::MAX - 40;
        let at = |n: u32| wrap.wrapping_add(1).wrapping_add(n);
        let cut = |a: usize, b: usize| &stream[a..b];
        let segments: &[(u32, &[u8], usize)] = &[
            (at(50), cut(50, 80), 0),
            (at(0), cut(0, 20), 0),
            (at(0), cut(0, 20), 0),
            (at(90), cut(90, 99), 0),
            (at(10), cut(10, 60), 0),
            (at(70), cut(70, 95), 0),
        ];
        let got = feed(segments, Some(wrap), 1 << 20);
        assert_eq!(marks(&got), [1, 2, 3]);
        assert_eq!(got.notes, []);
        let Content::Octets { bytes, pieces, .. } = &got.content else { panic!("octets") };
        assert_eq!(*bytes, stream);
        // Every octet is found where its segment had it.
        for piece in pieces {
            let (sequence, octets, _) = segments[usize::try_from(piece.frame).unwrap() - 1];
            let inside = (piece.octet - 54) as usize;
            assert_eq!(octets[inside], stream[piece.start as usize]);
            assert_eq!(sequence.wrapping_sub(at(0)) as usize + inside, piece.start as usize);
        }
    }

    #[test]
    fn a_gap_is_noted_and_reading_goes_on_at_the_next_message() {
        let stream: Vec<u8> = [update(1), update(2), update(3)].concat();
        let segments: &[(u32, &[u8], usize)] = &[(1, &stream[..40], 0), (60, &stream[59..], 0)];
        let got = feed(segments, Some(0), 1 << 20);
        assert_eq!(marks(&got), [1, 3]);
        assert_eq!(got.notes.len(), 1);
        assert!(got.notes[0].message.starts_with("19 octets"));
        assert_eq!(got.notes[0].at, 33);
        // Cut by the snapshot length: known at once.
        let segments: &[(u32, &[u8], usize)] = &[(1, &stream[..50], 16), (67, &stream[66..], 0)];
        assert_eq!(marks(&feed(segments, Some(0), 1 << 20)), [1, 3]);
        // No allowance: what came early stands at once, what is between is lost.
        let segments: &[(u32, &[u8], usize)] =
            &[(1, &stream[..33], 0), (67, &stream[66..], 0), (34, &stream[33..66], 0)];
        assert_eq!(marks(&feed(segments, Some(0), 10)), [1, 3]);
    }

    #[test]
    fn a_capture_may_begin_in_the_middle_of_a_session() {
        let stream: Vec<u8> = [update(1), update(2)].concat();
        let segments: &[(u32, &[u8], usize)] = &[(500, &stream[7..], 0)];
        let got = feed(segments, None, 1 << 20);
        assert_eq!(marks(&got), [2]);
        assert_eq!(got.notes, []);
    }
}
