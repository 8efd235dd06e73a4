//! The marked examples of every page under `docs/checks`, and the rules of the incidents with their verdicts.
//!
//! A fenced block named as a dialect is a rule file; a `toml` block before it on the same page is its
//! `flowgate.toml`. Under a line, `#  ^^^ name` marks a finding of that check where the carets stand (the hash
//! counts as one when a caret follows it at once). What a page's own check finds must be marked exactly in an
//! *Example*, and is not there in an *Instead*. A `text` block behind an example is what the terminal shows. A block named
//! as a dialect `before` is what the rules of the next one take the place of; marks in it are of findings there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "checks/claims.rs"]
mod claims;
#[path = "checks/drops.rs"]
mod drops;
#[path = "checks/fixes.rs"]
mod fixes;
#[path = "checks/incidents.rs"]
mod incidents;
#[path = "checks/moments.rs"]
mod moments;

use flowgate::check::{CHECKS, Context, Findings, Input, Versions};
use flowgate::config::Config;
use flowgate::diagnostic::Diagnostic;
use flowgate::dialect::{self, ReadOptions};
use flowgate::report::{InputSummary, Report, terminal};
use flowgate::source::{Content, Place, Source, SourceMap};
use std::fs;
use std::path::Path;

/// What all checks and the reader find in a text.
pub(crate) fn find(dialect: &str, text: &str, config: &str) -> (SourceMap, Vec<Input>, Findings) {
    find_change(dialect, None, text, config)
}

/// The same in a text that takes the place of another.
pub(crate) fn find_change(
    dialect: &str,
    before: Option<&str>,
    text: &str,
    config: &str,
) -> (SourceMap, Vec<Input>, Findings) {
    let dialect = dialect::by_name(dialect).unwrap_or_else(|| panic!("no dialect `{dialect}`"));
    let config = Config::parse(config).unwrap_or_else(|error| panic!("{error}: {config}"));
    let mut sources = SourceMap::new();
    let mut read = |name: &str, text: &str| {
        let source = sources.add(Source::new(name, Content::Text(text.to_owned())));
        let reading = dialect.read(sources.get(source), source, &ReadOptions::default());
        Input { source, dialect: dialect.name(), reading }
    };
    let inputs = vec![read("rules", text)];
    let old = before.map(|text| read("before", text));
    let versions = [Versions { old: old.as_ref(), new: inputs.first() }];
    let mut cx = Context::new(&sources, &inputs, &config.settings);
    if old.is_some() {
        cx = cx.against(&versions);
    }
    let findings = flowgate::check::run(&cx);
    (sources, inputs, findings)
}

/// Checks whose example would fill the page, or is about suppressions, which the command line applies.
const NOT_SHOWN_HERE: [&str; 2] = ["flowspec-too-long", "malformed-allow"];

/// A place as a mark shows it: line, first column, column behind the last, all from 0; lines of what stood before have
/// a thousand more.
type Mark = (usize, usize, usize, String);

const BEFORE: usize = 1000;

struct Block<'a> {
    heading: &'a str,
    language: &'a str,
    line: usize,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut list = Vec::new();
    let mut heading = "";
    let mut open: Option<Block<'_>> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block { heading, language, line: number + 2, text: String::new() });
            }
            (Some(_), Some(_)) => list.extend(open.take()),
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, None) => heading = line.strip_prefix("## ").unwrap_or(heading),
        }
    }
    list
}

/// The text without the lines of marks, and the marks.
fn split_marks(text: &str) -> (String, Vec<Mark>) {
    let (mut rest, mut marks) = (String::new(), Vec::new());
    let mut lines = 0_usize;
    for line in text.lines() {
        let body = line.strip_prefix('#').map(str::trim_start);
        if let Some(body) = body.filter(|body| body.starts_with('^')) {
            let carets = body.chars().take_while(|c| *c == '^').count();
            let start = line.len() - body.len();
            let end = start + carets;
            let start = if start == 1 { 0 } else { start };
            for name in body[carets..].split_whitespace() {
                marks.push((lines.saturating_sub(1), start, end, name.to_owned()));
            }
        } else {
            rest.extend([line, "\n"]);
            lines += 1;
        }
    }
    (rest, marks)
}

fn mark_of(sources: &SourceMap, diagnostic: &Diagnostic) -> Mark {
    let source = sources.get(diagnostic.primary.source);
    let span = diagnostic.primary.span;
    let Place::Text(start) = source.place(span.start) else { panic!("a text has lines") };
    let line = source.text().lines().nth(start.line as usize - 1).unwrap_or("");
    let first = start.column as usize - 1;
    let shown = source.slice(span).lines().next().unwrap_or("").chars().count();
    let number = start.line as usize - 1 + if source.name() == "before" { BEFORE } else { 0 };
    (number, first, (first + shown).min(line.chars().count()), diagnostic.check.to_owned())
}

#[test]
fn every_example_is_found_where_it_is_marked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks");
    let mut wrong = Vec::new();
    for check in CHECKS {
        let name = check.meta().name;
        let page = fs::read_to_string(folder.join(format!("{name}.md"))).unwrap();
        if let Err(lines) = try_page(name, &page) {
            wrong.extend(lines);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn try_page(name: &str, page: &str) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    let (mut config, mut shown) = (String::new(), String::new());
    let (mut examples, mut fired) = (0, 0);
    let mut before: Option<(String, Vec<Mark>)> = None;
    for block in blocks(page) {
        let place = format!("docs/checks/{name}.md:{}", block.line);
        match block.language {
            "toml" => config = block.text,
            "text" => {
                if block.text != shown {
                    wrong.push(format!("{place}: the terminal shows\n{shown}"));
                }
            }
            language if language.ends_with(" before") => before = Some(split_marks(&block.text)),
            language if dialect::by_name(language).is_some() => {
                let (text, mut marks) = split_marks(&block.text);
                let (old, old_marks) = before.take().unzip();
                let (sources, inputs, findings) = find_change(language, old.as_deref(), &text, &config);
                marks.extend(
                    old_marks.into_iter().flatten().map(|mark| (mark.0 + BEFORE, mark.1, mark.2, mark.3)),
                );
                let found: Vec<Mark> = findings.diagnostics.iter().map(|d| mark_of(&sources, d)).collect();
                let own = |mark: &&Mark| mark.3 == name;
                if block.heading == "Example" {
                    examples += 1;
                    fired += found.iter().filter(own).count();
                    for mark in marks.iter().filter(|mark| !found.contains(mark)) {
                        wrong.push(format!("{place}: not found: {mark:?}"));
                    }
                    let marked = !marks.is_empty();
                    for mark in found.iter().filter(own).filter(|mark| marked && !marks.contains(mark)) {
                        wrong.push(format!("{place}: not marked: {mark:?}"));
                    }
                } else {
                    for mark in found.iter().filter(own) {
                        wrong.push(format!("{place}: found where it is mended: {mark:?}"));
                    }
                }
                shown = render(&sources, &inputs, findings, name);
            }
            language => eprintln!("{place}: `{language}` is no dialect here, skipped"),
        }
    }
    if examples > 0 && fired == 0 && !NOT_SHOWN_HERE.contains(&name) {
        wrong.push(format!("docs/checks/{name}.md: no example fires"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What the terminal shows of the page's own check.
fn render(sources: &SourceMap, inputs: &[Input], findings: Findings, name: &str) -> String {
    let mut findings = findings;
    findings.diagnostics.retain(|diagnostic| diagnostic.check == name);
    findings.inconclusive.clear();
    let inputs = inputs.iter().map(|input| InputSummary::of(sources, input)).collect();
    let report = Report::new(sources, inputs, findings, 0);
    let mut out = Vec::new();
    terminal::write(&report, terminal::Options { styled: false, quiet: true }, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
