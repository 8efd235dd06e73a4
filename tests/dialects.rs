//! What each dialect reads and writes, in tables: `tests/dialects/<dialect>.md`, `-` in the name written `_`.
//!
//! A table is a fenced block marked `table`; everything else in the file is prose. Each line of it is
//!
//! ```text
//! TEXT ; WHAT READING IT GIVES ; CANONICAL FORM
//! ```
//!
//! with a blank on both sides of the separating semicolons. Blank lines and lines that begin with `//` are
//! passed over.
//!
//! - **TEXT** is read as a file of one line. `⏎` in it is a line end. A directive line `wrap BEFORE {} AFTER`
//!   puts the text of the lines below into `{}`, up to the end of the block or the next `wrap`; columns still
//!   count from the beginning of TEXT. A directive line `form NAME` prints in that form of the dialect.
//! - **WHAT READING IT GIVES** is a list with commas: for every rule in order what becomes of a packet that
//!   matches it (`accept`, `discard`, `reject`, `no-decision`, `next`, `next discard`, `call`, `return`; with
//!   `?` behind it when the condition has an opaque part), for every regular expression `pattern` with its text, and for every finding its check and the columns of
//!   its place, 1-based, the end excluded, as `value-out-of-range 28-39`. Nothing at all is `-`.
//! - **CANONICAL FORM** is what the dialect writes for what it read, each run of blanks and line ends as one
//!   blank. `=` when it is TEXT again, `-` when it is not looked at, `..WORDS` when it must hold WORDS.
//!
//! Beside what the table says, every line that reads without an error is printed, read again, and must give
//! the same document, unless the printer says that something is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "dialects/bird.rs"]
mod bird;
#[path = "dialects/crossdialect.rs"]
mod crossdialect;
#[path = "support/dice.rs"]
mod dice;
#[path = "dialects/differences.rs"]
mod differences;
#[path = "dialects/exabgp.rs"]
mod exabgp;
#[path = "dialects/exabgp_laws.rs"]
mod exabgp_laws;
#[path = "dialects/feeds.rs"]
mod feeds;
#[path = "dialects/flowspec_vectors.rs"]
mod flowspec_vectors;
#[path = "dialects/frr.rs"]
mod frr;
#[path = "dialects/gobgp.rs"]
mod gobgp;
#[path = "dialects/injection.rs"]
mod injection;
#[path = "dialects/ios_xr.rs"]
mod ios_xr;
#[path = "dialects/iptables.rs"]
mod iptables;
#[path = "dialects/iptables_oracles.rs"]
mod iptables_oracles;
#[path = "dialects/iptables_refusals.rs"]
mod iptables_refusals;
#[path = "dialects/ir_json.rs"]
mod ir_json;
#[path = "dialects/junos.rs"]
mod junos;
#[path = "dialects/junos_laws.rs"]
mod junos_laws;
#[path = "dialects/meaning.rs"]
mod meaning;
#[path = "dialects/nftables.rs"]
mod nftables;
#[path = "dialects/nftables_refusals.rs"]
mod nftables_refusals;
#[path = "support/packet.rs"]
mod packet;
#[path = "dialects/pcap_filter.rs"]
mod pcap_filter;
#[path = "support/programs.rs"]
mod programs;
#[path = "dialects/recognition.rs"]
mod recognition;
#[path = "dialects/renderings.rs"]
mod renderings;
#[path = "dialects/robust.rs"]
mod robust;
#[path = "support/routes.rs"]
mod routes;
#[path = "dialects/samples.rs"]
mod samples;
#[path = "dialects/share.rs"]
mod share;
#[path = "dialects/there_and_back.rs"]
mod there_and_back;
#[path = "dialects/txlate.rs"]
mod txlate;

use flowgate::diagnostic::Level;
use flowgate::dialect::{DIALECTS, Dialect, PrintOptions, ReadOptions, Reading, Reads};
use flowgate::ir::{Outcome, Rule};
use flowgate::source::{Content, Place, Source, SourceId};
use std::path::Path;

#[test]
fn every_line_of_the_tables_gives_what_it_says() {
    let mut wrong = Vec::new();
    for dialect in DIALECTS.iter().filter(|dialect| dialect.reads() == Reads::Text) {
        let file = format!("tests/dialects/{}.md", dialect.name().replace('-', "_"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
        // That there is one is for `tests/conventions.rs` to hold.
        let Ok(page) = std::fs::read_to_string(&path) else { continue };
        let mut lines = 0;
        run(*dialect, &page, |number, problem| wrong.push(format!("{file}:{number}: {problem}")), &mut lines);
        assert!(lines > 0, "{file} holds no table");
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn run(dialect: &dyn Dialect, page: &str, mut wrong: impl FnMut(usize, String), lines: &mut usize) {
    let (mut inside, mut before, mut after) = (false, String::new(), String::new());
    let mut options = PrintOptions::default();
    for (line, number) in page.lines().zip(1..) {
        if line.starts_with("```") {
            inside = !inside && line == "```table";
            (before, after, options) = (String::new(), String::new(), PrintOptions::default());
        } else if !inside || line.trim().is_empty() || line.starts_with("//") {
        } else if let Some(wrap) = line.strip_prefix("wrap ") {
            let (head, tail) = wrap.split_once("{}").expect("`wrap` needs `{}`");
            (before, after) = (head.replace('⏎', "\n"), tail.replace('⏎', "\n"));
        } else if let Some(form) = line.strip_prefix("form ") {
            options.form = Some(form.to_owned());
        } else {
            *lines += 1;
            let parts: Vec<&str> = line.split(" ; ").map(str::trim).collect();
            let [text, gives, canonical] = parts[..] else {
                wrong(number, format!("three parts are needed: {line}"));
                continue;
            };
            if let Err(problem) = check(dialect, (&before, text, &after), gives, canonical, &options) {
                wrong(number, problem);
            }
        }
    }
}

/// Reads one text and compares what that gives, and what the dialect writes for it.
fn check(
    dialect: &dyn Dialect,
    (before, text, after): (&str, &str, &str),
    gives: &str,
    canonical: &str,
    options: &PrintOptions,
) -> Result<(), String> {
    let source = Source::new("table", Content::Text(format!("{before}{}{after}", text.replace('⏎', "\n"))));
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    let got = describe(&reading, &source, before.len());
    if got != gives {
        return Err(format!("`{text}`\n  want: {gives}\n  gives: {got}"));
    }
    if !dialect.writes() || reading.diagnostics.iter().any(|d| d.level == Level::Error) {
        return Ok(());
    }
    let mut out = String::new();
    let lost = dialect.print(&reading.document, options, &mut out).map_err(|error| error.to_string())?;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let written = words(&out);
    let as_said = match canonical {
        "-" => true,
        "=" => written == words(text),
        _ => match canonical.strip_prefix("..") {
            Some(part) => written.contains(&words(part)),
            None => written == words(canonical),
        },
    };
    if !as_said {
        return Err(format!("`{text}`\n  want: {canonical}\n  writes: {written}"));
    }
    let again = Source::new("again", Content::Text(out));
    let again = dialect.read(&again, SourceId(0), &ReadOptions::default());
    if lost.is_empty() && again.document != reading.document {
        return Err(format!("`{text}` reads differently once printed: {written}"));
    }
    Ok(())
}

fn describe(reading: &Reading, source: &Source, skipped: usize) -> String {
    let rules = reading.document.rule_sets.iter().flat_map(|set| &set.rules).map(|rule| fate(&rule));
    let mut findings: Vec<_> = reading.diagnostics.iter().collect();
    findings.sort_by_key(|finding| finding.sort_key());
    let column = |offset: u32| match source.place(offset) {
        Place::Text(place) if place.line == 1 => {
            (place.column as usize - source.text()[..skipped].chars().count()).to_string()
        }
        Place::Text(place) => format!("{}:{}", place.line, place.column),
        Place::Binary(_) => unreachable!("tables hold text"),
    };
    let findings = findings.into_iter().map(|finding| {
        let span = finding.primary.span;
        format!("{} {}-{}", finding.check, column(span.start), column(span.end))
    });
    let patterns = reading.document.patterns.iter().map(|pattern| format!("pattern `{}`", pattern.text));
    let all: Vec<String> = rules.chain(patterns).chain(findings).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

fn fate(rule: &Rule) -> String {
    let fate = match rule.outcome {
        Outcome::Verdict(verdict) => verdict.name().to_owned(),
        Outcome::Next { held: None } => "next".to_owned(),
        Outcome::Next { held: Some(verdict) } => format!("next {verdict}"),
        Outcome::Call(_) => "call".to_owned(),
        Outcome::Goto(_) => "goto".to_owned(),
        Outcome::Stage(_) => "stage".to_owned(),
        Outcome::Return => "return".to_owned(),
    };
    if rule.condition.has_opaque() { fate + "?" } else { fate }
}
