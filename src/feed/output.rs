//! What a feed gives: messages by speaker, counts, and notes of what is missing.

use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::raised;
use crate::guard::{Exhausted, Meter, limits};
use crate::source::{Content, Piece, SourceId, Span, Stream};
use std::collections::HashMap;

/// What a file said of flow routes.
#[derive(Debug)]
pub struct Feed {
    /// The UPDATE messages that carry flow specifications, one after the other, speaker by speaker.
    pub content: Content,
    /// What was seen.
    pub counts: Counts,
    /// What is missing or not understood, in the order of the content.
    pub notes: Vec<Note>,
}

/// What a feed saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Frames of a capture, records of a dump.
    pub frames: u64,
    /// Frames or records that carry no BGP message.
    pub other: u64,
    /// BGP messages of any kind; entries of a table dump among them.
    pub messages: u64,
    /// Messages kept: UPDATEs with a flow specification.
    pub kept: u64,
}

/// Something missing or not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Where in the content: before this octet.
    pub at: u32,
    /// The frame or record, from 1.
    pub frame: u64,
    /// What, in words.
    pub message: String,
}

impl Feed {
    /// The notes as findings: rules that could not be read are rules that were not checked.
    pub fn diagnostics(&self, id: SourceId) -> Vec<Diagnostic> {
        let one = |note: &Note| {
            let label = Label::new(id, Span { start: note.at, end: note.at });
            let message = format!("{} (frame or record {})", note.message, note.frame);
            Diagnostic::new(raised::SYNTAX_ERROR, Level::Warning, message, label)
                .with_help("rules in what is missing are not checked; capture again or use the whole file")
        };
        self.notes.iter().map(one).collect()
    }
}

/// One speaker's messages as they are collected.
#[derive(Debug, Default)]
struct Run {
    name: Box<str>,
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    notes: Vec<Note>,
}

/// Collects messages by speaker.
#[derive(Debug)]
pub(super) struct Collector {
    runs: Vec<Run>,
    by_name: HashMap<Box<str>, usize>,
    octets: Meter,
    notes: Meter,
    pub(super) counts: Counts,
}

impl Collector {
    pub(super) fn new() -> Self {
        Self {
            runs: Vec::new(),
            by_name: HashMap::new(),
            octets: Meter::new(&limits::RULE_FILE_OCTETS),
            notes: Meter::new(&limits::DIAGNOSTICS),
            counts: Counts::default(),
        }
    }

    /// The run of a speaker; the same name is the same speaker.
    pub(super) fn speaker(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.runs.len();
        self.runs.push(Run { name: name.into(), ..Run::default() });
        self.by_name.insert(name.into(), index);
        index
    }

    /// Adds octets to a run, with the place of the first; places count on from there.
    pub(super) fn push(
        &mut self,
        run: usize,
        octets: &[u8],
        frame: u64,
        octet: u32,
    ) -> Result<(), Exhausted> {
        // A piece takes as much as it describes, so that rubbish in one-octet segments is charged too.
        let piece = size_of::<Piece>() as u64;
        self.octets.charge(octets.len() as u64 + piece)?;
        let Some(run) = self.runs.get_mut(run) else { return Ok(()) };
        let start = index(run.bytes.len());
        let goes_on = run.pieces.last().is_some_and(|last| {
            last.frame == frame && last.octet.saturating_add(start.saturating_sub(last.start)) == octet
        });
        if !goes_on {
            run.pieces.push(Piece { start, frame, octet });
        }
        run.bytes.extend_from_slice(octets);
        Ok(())
    }

    /// Notes something at the end of what a run has so far.
    pub(super) fn note(&mut self, run: usize, frame: u64, message: String) {
        if self.notes.charge(1).is_ok()
            && let Some(run) = self.runs.get_mut(run)
        {
            run.notes.push(Note { at: index(run.bytes.len()), frame, message });
        }
    }

    pub(super) fn finish(self) -> Feed {
        let (mut bytes, mut pieces, mut streams, mut notes) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let kept = |run: &Run| !run.bytes.is_empty() || !run.notes.is_empty();
        for run in self.runs.into_iter().filter(kept) {
            let base = index(bytes.len());
            streams.push(Stream { start: base, name: run.name });
            pieces.extend(run.pieces.iter().map(|p| Piece { start: p.start.saturating_add(base), ..*p }));
            notes.extend(run.notes.into_iter().map(|n| Note { at: n.at.saturating_add(base), ..n }));
            bytes.extend_from_slice(&run.bytes);
        }
        Feed { content: Content::Octets { bytes, pieces, streams }, counts: self.counts, notes }
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stand_one_behind_the_other_with_their_places() {
        let mut all = Collector::new();
        let (a, b) = (all.speaker("a"), all.speaker("b"));
        all.push(b, &[1, 2], 1, 54).unwrap();
        all.push(a, &[3], 2, 54).unwrap();
        all.push(b, &[4], 1, 56).unwrap();
        all.push(b, &[5], 3, 54).unwrap();
        all.note(b, 4, "gone".into());
        let feed = all.finish();
        let Content::Octets { bytes, pieces, streams } = feed.content else { panic!("octets") };
        assert_eq!(bytes, [3, 1, 2, 4, 5]);
        let at: Vec<_> = pieces.iter().map(|p| (p.start, p.frame, p.octet)).collect();
        assert_eq!(at, [(0, 2, 54), (1, 1, 54), (4, 3, 54)]);
        assert_eq!(streams.iter().map(|s| s.start).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(feed.notes[0].at, 5);
    }
}
