//! Regular expressions that rules hold: their text, how it is to be read, and where it stands.

use super::Origin;
use crate::source::Span;

/// How a pattern is read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, named by a letter")]
pub struct PatternFlags {
    /// `i`: letters stand for both of their cases.
    pub caseless: bool,
    /// `m`: `^` and `$` are places at lines too.
    pub multi_line: bool,
    /// `s`: a dot takes line ends.
    pub dot_all: bool,
    /// `x`: blanks and remarks are passed over.
    pub extended: bool,
    /// `U`: a quantifier takes less before more, unless it says otherwise.
    pub ungreedy: bool,
    /// `D`: `$` is the very end only.
    pub dollar_end_only: bool,
    /// `A`: the pattern begins where the subject does.
    pub anchored: bool,
}

/// A regular expression of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    /// The rule, as its dialect names it; with a number behind it where the rule holds others.
    pub name: Box<str>,
    /// The text the engine gets.
    pub text: Box<str>,
    /// How it is read.
    pub flags: PatternFlags,
    /// The longest subject that engines of the dialect search, in octets, unless the user says another.
    pub subject: u64,
    /// Where it was written.
    pub origin: Origin,
    /// Octets of the text behind each of which one of the source was left out (an escape).
    pub escapes: Vec<u32>,
}

impl Pattern {
    /// Where a part of the text stands in the source.
    pub fn place(&self, part: Span) -> Span {
        let at = |offset: u32| {
            let skipped = self.escapes.partition_point(|escape| *escape < offset);
            self.origin
                .span
                .start
                .saturating_add(offset)
                .saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX))
        };
        Span { start: at(part.start), end: at(part.end).min(self.origin.span.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    #[test]
    fn parts_stand_behind_the_escapes_before_them() {
        // `a\"b\"c` at 10 is read as `a"b"c`.
        let origin = Origin { source: SourceId(0), span: Span::new(10, 17) };
        let (flags, escapes) = (PatternFlags::default(), vec![0, 2]);
        let pattern =
            Pattern { name: "n".into(), text: "a\"b\"c".into(), flags, subject: 1, origin, escapes };
        assert_eq!(pattern.place(Span::new(0, 1)), Span::new(10, 12));
        assert_eq!(pattern.place(Span::new(2, 3)), Span::new(13, 15));
        assert_eq!(pattern.place(Span::new(4, 5)), Span::new(16, 17));
    }
}
