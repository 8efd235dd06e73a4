//! The octets rules were read from: names, contents, and where an octet stands for a person.
//!
//! Everything above refers to text by [`Span`], a range of octets in one [`Source`]. A binary source is the
//! octets of its BGP messages one after the other; its [`Piece`]s say which frame of the file they came in.

mod assembly;

pub use assembly::Assembly;

use std::ops::Range;
use std::sync::OnceLock;

/// Which source of a [`SourceMap`]: its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SourceId(pub u32);

/// A range of octets in one source, end excluded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// The first octet.
    pub start: u32,
    /// The octet after the last.
    pub end: u32,
}

impl Span {
    /// The range from `start` to `end`; offsets past 4 GiB saturate (inputs are limited far below).
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |x| u32::try_from(x).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The span of `part` in `whole`; `part` must be a slice of it.
    pub fn of(whole: &str, part: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        Self::new(start, start.saturating_add(part.len()))
    }

    /// The smallest span around both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The span as a range of indices.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether the two share an octet, or one is empty and inside the other.
    pub fn touches(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// Where octets of a binary source stood in their file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Offset in the source where the piece begins.
    pub start: u32,
    /// 1-based number of the frame or record in the file.
    pub frame: u64,
    /// 0-based octet in that frame where the piece begins.
    pub octet: u32,
}

/// A run of messages that one speaker sent another, or that a dump keeps for one peer: what withdraws a route
/// does so within its stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Offset in the source where the stream begins; it ends where the next begins.
    pub start: u32,
    /// Who speaks, as `from-192.0.2.1-to-192.0.2.2`; empty where the file does not say.
    pub name: Box<str>,
}

/// What a source holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Text in UTF-8.
    Text(String),
    /// Octets cut out of frames.
    Octets {
        /// The octets.
        bytes: Vec<u8>,
        /// Where they stood, ascending by `start`.
        pieces: Vec<Piece>,
        /// Whose messages they are, ascending by `start`.
        streams: Vec<Stream>,
    },
}

/// One input: its name as the user gave it, and its content.
#[derive(Debug)]
pub struct Source {
    name: String,
    content: Content,
    lines: OnceLock<Vec<u32>>,
    // Characters before every `BLOCK` octets, so that a column far into a long line is found at once.
    characters: OnceLock<Vec<u32>>,
}

/// Octets between two counts of characters.
const BLOCK: usize = 4096;

/// A place as a person reads it: both 1-based, the column in characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LineColumn {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// A place in a binary file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FrameOctet {
    /// The 1-based frame or record.
    pub frame: u64,
    /// The 0-based octet in it.
    pub octet: u32,
}

/// A place in a source, as its kind counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// In text.
    Text(LineColumn),
    /// In a binary file.
    Binary(FrameOctet),
}

impl Source {
    /// A source with its name as the user gave it.
    pub fn new(name: impl Into<String>, content: Content) -> Self {
        Self { name: name.into(), content, lines: OnceLock::new(), characters: OnceLock::new() }
    }

    /// The name as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The text; empty for a binary source.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::Octets { .. } => "",
        }
    }

    /// The text of a span; empty where the span is not in the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text().get(span.range()).unwrap_or("")
    }

    /// Where an octet stands for a person.
    pub fn place(&self, offset: u32) -> Place {
        match &self.content {
            Content::Text(text) => Place::Text(self.line_column(text, offset)),
            Content::Octets { pieces, .. } => {
                let after = pieces.partition_point(|p| p.start <= offset);
                let piece = after.checked_sub(1).and_then(|i| pieces.get(i)).copied();
                let piece = piece.unwrap_or(Piece { start: 0, frame: 1, octet: 0 });
                let octet = piece.octet.saturating_add(offset.saturating_sub(piece.start));
                Place::Binary(FrameOctet { frame: piece.frame, octet })
            }
        }
    }

    /// The offset where the 1-based `line` begins.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        let starts = self.line_starts();
        starts.get(line.checked_sub(1)? as usize).copied()
    }

    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let newlines = self.text().bytes().enumerate().filter(|(_, b)| *b == b'\n');
            std::iter::once(0)
                .chain(newlines.map(|(i, _)| u32::try_from(i + 1).unwrap_or(u32::MAX)))
                .collect()
        })
    }

    fn line_column(&self, text: &str, offset: u32) -> LineColumn {
        let starts = self.line_starts();
        let line = starts.partition_point(|s| *s <= offset).max(1);
        let start = starts.get(line - 1).copied().unwrap_or(0);
        let end = (offset as usize).min(text.len());
        let before = self.characters_before(text, end);
        let before = before.saturating_sub(self.characters_before(text, start as usize));
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        LineColumn { line: count(line), column: before.saturating_add(1) }
    }

    /// Characters that end before an octet; one the octet is inside of does not count.
    fn characters_before(&self, text: &str, offset: usize) -> u32 {
        let begins = |octet: &&u8| **octet & 0xc0 != 0x80;
        let counts = self.characters.get_or_init(|| {
            let mut counts: Vec<u32> = vec![0];
            for block in text.as_bytes().chunks(BLOCK) {
                let here = u32::try_from(block.iter().filter(begins).count()).unwrap_or(u32::MAX);
                counts.push(counts.last().copied().unwrap_or(0).saturating_add(here));
            }
            counts
        });
        let block = offset / BLOCK;
        let from = block * BLOCK;
        let rest = text.as_bytes().get(from..offset).unwrap_or(&[]);
        let here = u32::try_from(rest.iter().filter(begins).count()).unwrap_or(u32::MAX);
        let inside = !text.is_char_boundary(offset);
        counts.get(block).copied().unwrap_or(0).saturating_add(here).saturating_sub(u32::from(inside))
    }
}

/// Every source of a run, in the order they were added.
#[derive(Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// A map without sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source and names it.
    pub fn add(&mut self, source: Source) -> SourceId {
        let id = SourceId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        self.sources.push(source);
        id
    }

    /// Gives sources other names, where there is one.
    pub fn rename(&mut self, other: impl Fn(&str) -> Option<String>) {
        for source in &mut self.sources {
            if let Some(name) = other(&source.name) {
                source.name = name;
            }
        }
    }

    /// The source of an id this map gave.
    #[expect(clippy::missing_panics_doc, reason = "a broken promise of ours, not a use error")]
    #[expect(clippy::expect_used, reason = "ids are only made by `add`")]
    pub fn get(&self, id: SourceId) -> &Source {
        self.sources.get(id.0 as usize).expect("internal: a source id of another map")
    }

    /// Every source with its id.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        (0_u32..).map(SourceId).zip(&self.sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let source = Source::new("a", Content::Text("äb\nc".into()));
        let at = |o| match source.place(o) {
            Place::Text(lc) => (lc.line, lc.column),
            Place::Binary(_) => (0, 0),
        };
        assert_eq!([at(0), at(2), at(3), at(4), at(5)], [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]);
    }

    #[test]
    fn a_column_far_into_a_line_counts_characters_all_the_same() {
        let text = format!("x\n{}", "aö".repeat(10_000));
        let source = Source::new("a", Content::Text(text.clone()));
        for offset in [2, 3, 5, 4094, 4095, 4096, 4097, 8192, 20_001, 30_002] {
            let mut end = offset;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let column = u32::try_from(text.get(2..end).unwrap().chars().count() + 1).unwrap();
            let place = source.place(u32::try_from(offset).unwrap());
            assert_eq!(place, Place::Text(LineColumn { line: 2, column }), "{offset}");
        }
    }

    #[test]
    fn an_octet_of_a_message_is_found_in_its_frame() {
        let pieces = vec![Piece { start: 0, frame: 3, octet: 54 }, Piece { start: 10, frame: 5, octet: 66 }];
        let source = Source::new("a", Content::Octets { bytes: vec![0; 20], pieces, streams: Vec::new() });
        assert_eq!(source.place(12), Place::Binary(FrameOctet { frame: 5, octet: 68 }));
    }
}
