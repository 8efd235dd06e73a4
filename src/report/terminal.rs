//! A report for people: each finding with the text it is about, the packet that shows it, and the cure.
//!
//! The only place that knows `annotate-snippets`. It draws to a string and never looks at the terminal; whether
//! to colour is said by the caller.

use super::{Report, clean, count};
use crate::check::Inconclusive;
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::source::{Content, FrameOctet, Place, Source, SourceId, SourceMap, Span};
use annotate_snippets::{AnnotationKind, Element, Group, Level as Drawn, Origin, Renderer, Snippet};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Lines between two labels of one file that are still drawn in one piece.
const NEAR: u32 = 12;
/// Octets of source in one drawing; a longer piece is cut around its label.
const DRAWN_OCTETS: usize = 8 << 10;
/// Octets shown before and behind a place in a binary file.
const HEX_CONTEXT: usize = 6;
/// Octets of a place in a binary file that are shown.
const HEX_SHOWN: usize = 24;

/// How to draw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Colour and links.
    pub styled: bool,
    /// Only the findings, without summary and hints.
    pub quiet: bool,
}

/// Writes the report.
pub fn write(report: &Report<'_>, options: Options, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if options.styled { Renderer::styled() } else { Renderer::plain() };
    let mut explained = BTreeSet::new();
    for diagnostic in &report.diagnostics {
        let hint = !options.quiet && explained.insert(diagnostic.check);
        let group = draw(diagnostic, report.sources, hint);
        writeln!(out, "{}\n", renderer.render(&[group]))?;
    }
    for question in &report.inconclusive {
        let group = draw_inconclusive(question);
        writeln!(out, "{}\n", renderer.render(&[group]))?;
    }
    if options.quiet { Ok(()) } else { write_summary(report, out) }
}

fn write_summary(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    let mut parts = Vec::new();
    let counted = [
        (summary.errors, "error"),
        (summary.warnings, "warning"),
        (summary.notes, "note"),
        (summary.inconclusive, "inconclusive question"),
        (summary.suppressed, "suppressed finding"),
    ];
    parts.extend(counted.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n, noun)));
    if parts.is_empty() {
        parts.push("no findings".to_owned());
    }
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let files = count(number(report.inputs.len()), "file");
    let rules = count(number(report.rule_count()), "rule");
    if summary.unlisted > 0 {
        writeln!(out, "{} not listed: a file has too many\n", count(summary.unlisted, "finding"))?;
    }
    writeln!(out, "{} in {rules} of {files}", parts.join(", "))
}

fn draw<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap, hint: bool) -> Group<'a> {
    let level = match diagnostic.level {
        Level::Error => Drawn::ERROR,
        Level::Warning => Drawn::WARNING,
        Level::Note => Drawn::NOTE,
    };
    let mut title = level.primary_title(clean(&diagnostic.message)).id(diagnostic.check);
    if let Some(url) = page_url(diagnostic.check) {
        title = title.id_url(url);
    }
    let mut group = title.elements(places(diagnostic, sources));
    if let Some(witness) = &diagnostic.witness {
        group = group.element(named("witness", &witness.packet));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Drawn::HELP.message(clean(help)));
    }
    // What the help says already is not said again.
    let told = diagnostic.help.is_some();
    for suggestion in diagnostic.suggestions.iter().filter(|edit| !told || !edit.replacement.is_empty()) {
        let text = match suggestion.replacement.as_str() {
            "" => suggestion.message.clone(),
            replacement => format!("{}: `{replacement}`", suggestion.message),
        };
        group = group.element(Drawn::HELP.message(clean(&text).into_owned()));
    }
    for note in &diagnostic.notes {
        group = group.element(Drawn::NOTE.message(clean(note)));
    }
    if hint && crate::check::by_name(diagnostic.check).is_some() {
        group = group.element(named("explain", &format!("flowgate explain {}", diagnostic.check)));
    }
    group
}

fn named(name: &'static str, text: &str) -> Element<'static> {
    Drawn::NOTE.with_name(name).message(clean(text).into_owned()).into()
}

fn draw_inconclusive(question: &Inconclusive) -> Group<'static> {
    let subject = match (&question.rule_set, &question.rule) {
        (Some(set), Some(rule)) => format!("rule `{rule}` of `{set}` has no answer: "),
        (Some(set), None) => format!("`{set}` has no answer: "),
        (None, Some(rule)) => format!("rule `{rule}` has no answer: "),
        (None, None) => "no answer: ".to_owned(),
    };
    let text = format!("{subject}{}", question.reason);
    let title = Drawn::NOTE.with_name("inconclusive").primary_title(clean(&text).into_owned());
    Group::with_title(title.id(question.check))
}

/// The page of a check on the project's site, where the package names one.
fn page_url(check: &str) -> Option<String> {
    let site = env!("CARGO_PKG_REPOSITORY");
    let known = !site.is_empty() && crate::check::by_name(check).is_some();
    known.then(|| format!("{site}/blob/v{}/docs/checks/{check}.md", env!("CARGO_PKG_VERSION")))
}

/// The labels drawn on their text: those of the primary label's file first, near ones together.
fn places<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Vec<Element<'a>> {
    let primary = &diagnostic.primary;
    let mut labels: Vec<(&Label, bool)> = vec![(primary, true)];
    labels.extend(diagnostic.secondary.iter().map(|label| (label, false)));
    // The file of the primary label first; then by place.
    labels.sort_by_key(|(label, _)| (label.source != primary.source, label.source, label.span));
    let mut elements = Vec::new();
    let mut rest = labels.as_slice();
    while let Some((first, _)) = rest.first() {
        let source = sources.get(first.source);
        let near = if source.text().is_empty() { 1 } else { cluster(rest, source, first.source) };
        let (together, others) = rest.split_at(near.clamp(1, rest.len()));
        match source.content() {
            Content::Text(_) => draw_text(source, together, &mut elements),
            Content::Octets { bytes, .. } => draw_octets(source, bytes, together, &mut elements),
        }
        rest = others;
    }
    elements
}

/// How many of the sorted labels are of this source and near the first.
fn cluster(labels: &[(&Label, bool)], source: &Source, id: SourceId) -> usize {
    let mut last = None;
    let near = labels.iter().take_while(|(label, _)| {
        let line = line_of(source, label.span.start);
        let fits = label.source == id && last.is_none_or(|l: u32| line.saturating_sub(l) <= NEAR);
        last = Some(line.max(last.unwrap_or(0)));
        fits
    });
    near.count()
}

fn line_of(source: &Source, offset: u32) -> u32 {
    match source.place(offset) {
        Place::Text(place) => place.line,
        Place::Binary(_) => 1,
    }
}

fn draw_text<'a>(source: &'a Source, labels: &[(&'a Label, bool)], elements: &mut Vec<Element<'a>>) {
    let text = source.text();
    let spans = || labels.iter().map(|(label, _)| label.span);
    let first = spans().map(|s| s.start as usize).min().unwrap_or(0).min(text.len());
    let last = spans().map(|s| s.end as usize).max().unwrap_or(0).clamp(first, text.len());
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let line = line_of(source, offset(first));
    let line_start = source.line_start(line).unwrap_or(0) as usize;
    let next_line = source.line_start(line_of(source, offset(last)).saturating_add(1));
    let line_end = next_line.map_or(text.len(), |at| (at as usize).saturating_sub(1)).max(last);
    let line = line as usize;
    if line_end - line_start <= DRAWN_OCTETS {
        let piece = text.get(line_start..line_end).unwrap_or("");
        let snippet = Snippet::source(piece).line_start(line).path(clean(source.name()));
        elements.push(snippet.annotations(labels.iter().map(|l| annotation(*l, line_start, piece))).into());
        return;
    }
    // Too much to draw: each label on a piece of its own, with its place said by us.
    for (label, _) in labels {
        let start = boundary(text, (label.span.start as usize).min(text.len()));
        let around = text.get(boundary(text, start.saturating_sub(100))..start).unwrap_or("");
        let from = start - around.rsplit('\n').next().unwrap_or("").len();
        let ahead = text.get(start..boundary(text, start + 200)).unwrap_or("");
        let to = start + ahead.split('\n').next().unwrap_or("").len();
        let mut origin = Origin::path(clean(source.name()));
        if let Place::Text(place) = source.place(label.span.start) {
            origin = origin.line(place.line as usize).char_column(place.column as usize);
        }
        elements.push(origin.into());
        let end = boundary(text, (label.span.end as usize).clamp(start, to));
        let shown = |from: usize, to: usize| clean(text.get(from..to).unwrap_or("")).into_owned();
        elements.push(excerpt("text", &[shown(from, start), shown(start, end), shown(end, to)], label));
    }
}

/// A piece too odd for a drawing of its lines: shown behind its place, with carets below.
fn excerpt(name: &'static str, [before, marked, after]: &[String; 3], label: &Label) -> Element<'static> {
    let indent = " ".repeat(before.chars().count());
    let carets = "^".repeat(marked.chars().count().max(1));
    let message = clean(&label.message);
    let text = format!("{before}{marked}{after}\n{indent}{carets} {message}");
    Drawn::NOTE.with_name(name).message(text.trim_end().to_owned()).into()
}

fn annotation<'a>(
    (label, primary): (&'a Label, bool),
    offset: usize,
    piece: &str,
) -> annotate_snippets::Annotation<'a> {
    let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let within = |x: u32| boundary(piece, (x as usize).saturating_sub(offset).min(piece.len()));
    let annotation = kind.span(within(label.span.start)..within(label.span.end));
    if label.message.is_empty() { annotation } else { annotation.label(clean(&label.message)) }
}

/// The nearest character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

fn draw_octets<'a>(
    source: &'a Source,
    bytes: &[u8],
    labels: &[(&'a Label, bool)],
    elements: &mut Vec<Element<'a>>,
) {
    for (label, _) in labels {
        if let Place::Binary(FrameOctet { frame, octet }) = source.place(label.span.start) {
            let place = format!("{}: frame {frame}, octet {octet}", clean(source.name()));
            elements.push(Origin::path(place).into());
        }
        elements.push(excerpt("octets", &hex(bytes, label.span), label));
    }
}

/// The octets before a span, in it and behind it, as hex.
fn hex(bytes: &[u8], span: Span) -> [String; 3] {
    let start = (span.start as usize).min(bytes.len());
    let end = (span.end as usize).clamp(start, bytes.len()).min(start + HEX_SHOWN);
    let words = |from: usize, to: usize| {
        let octets = bytes.get(from..to).unwrap_or(&[]).iter();
        octets.map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(" ")
    };
    let mut before = words(start.saturating_sub(HEX_CONTEXT), start);
    let mut after = words(end, (end + HEX_CONTEXT).min(bytes.len()));
    if !before.is_empty() {
        before.push(' ');
    }
    if !after.is_empty() {
        after.insert(0, ' ');
    }
    [before, words(start, end), after]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, span: Span, message: &str) -> String {
        let mut sources = SourceMap::new();
        let id = sources.add(Source::new("a.conf", Content::Text(text.into())));
        let label = Label::new(id, span).with_message(message);
        let diagnostic = Diagnostic::new("a-check", Level::Error, "it is wrong", label);
        let findings = crate::check::Findings { diagnostics: vec![diagnostic], inconclusive: vec![] };
        let mut out = Vec::new();
        write(&Report::new(&sources, vec![], findings, 0), Options::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_finding_points_at_its_line_and_column() {
        let text = render("one\ntwo three\nfour\n", Span::new(8, 13), "here");
        assert!(text.contains("error[a-check]: it is wrong"), "{text}");
        assert!(text.contains("a.conf:2:5"), "{text}");
        assert!(text.contains("^^^^^ here"), "{text}");
    }

    #[test]
    fn a_span_outside_the_text_or_inside_a_character_does_no_harm() {
        for (start, end) in [(0, 0), (1, 2), (2, 900), (900, 901), (3, 1)] {
            assert!(render("ä\nb", Span { start, end }, "").contains("it is wrong"));
        }
        assert!(render("", Span::new(0, 0), "").contains("it is wrong"));
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_around_the_place() {
        let text = render(&"x ".repeat(1 << 19), Span::new(600_000, 600_001), "here");
        assert!(text.len() < 2000 && text.contains("a.conf:1:600001"), "{text}");
    }

    #[test]
    fn octets_are_shown_with_their_place_marked() {
        assert_eq!(hex(&[1, 2, 3, 0xff], Span::new(1, 3)), ["01 ", "02 03", " ff"]);
        assert_eq!(hex(&[], Span::new(5, 9)), ["", "", ""]);
    }
}
