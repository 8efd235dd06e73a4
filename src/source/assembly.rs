//! One text put together from pieces of several sources, as a program reads a file that includes others.

use super::{SourceId, Span};

/// A text and where its pieces come from.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Assembly {
    text: String,
    // Ascending by `start`.
    pieces: Vec<From>,
}

/// Where a piece comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct From {
    start: u32,
    source: SourceId,
    offset: u32,
}

impl Assembly {
    /// Adds a piece that stands at `offset` in a source.
    pub fn push(&mut self, source: SourceId, offset: usize, piece: &str) {
        self.pieces.push(From { start: narrow(self.text.len()), source, offset: narrow(offset) });
        self.text.push_str(piece);
    }

    /// Octets put together so far.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The sources of the pieces under other numbers.
    pub fn renumber(&mut self, to: impl Fn(SourceId) -> SourceId) {
        self.pieces.iter_mut().for_each(|piece| piece.source = to(piece.source));
    }

    /// Where a span of the text stands in its source. One that ends in another source ends with the piece it begins
    /// in.
    pub fn place(&self, span: Span) -> (SourceId, Span) {
        let Some((from, end)) = self.piece(span.start) else { return (SourceId(0), span) };
        let local =
            |piece: &From, offset: u32| piece.offset.saturating_add(offset.saturating_sub(piece.start));
        let start = local(from, span.start);
        let last = self
            .piece(span.end.saturating_sub(1).max(span.start))
            .filter(|(last, _)| last.source == from.source);
        let stop = last.map_or_else(|| local(from, end), |(last, _)| local(last, span.end));
        (from.source, Span { start, end: stop.max(start) })
    }

    /// The piece an octet is of, and where it ends.
    fn piece(&self, at: u32) -> Option<(&From, u32)> {
        let next = self.pieces.partition_point(|piece| piece.start <= at);
        let end = self.pieces.get(next).map_or_else(|| narrow(self.text.len()), |piece| piece.start);
        Some((self.pieces.get(next.checked_sub(1)?)?, end))
    }
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_found_in_the_source_they_are_of() {
        let mut whole = Assembly::default();
        whole.push(SourceId(0), 0, "ab");
        whole.push(SourceId(1), 0, "xyz");
        whole.push(SourceId(0), 20, "cd");
        assert_eq!((whole.text(), whole.len()), ("abxyzcd", 7));
        let place = |start, end| whole.place(Span { start, end });
        assert_eq!(place(1, 2), (SourceId(0), Span { start: 1, end: 2 }));
        assert_eq!(place(3, 5), (SourceId(1), Span { start: 1, end: 3 }));
        assert_eq!(place(5, 7), (SourceId(0), Span { start: 20, end: 22 }));
        // Around another source, and into one.
        assert_eq!(place(0, 6), (SourceId(0), Span { start: 0, end: 21 }));
        assert_eq!(place(3, 6), (SourceId(1), Span { start: 1, end: 3 }));
        assert_eq!(place(7, 7), (SourceId(0), Span { start: 22, end: 22 }));
    }
}
