//! What a campaign found, for people and programs; and one finding as a report to send to whoever makes the target.

use super::json::v1::{TOOL, Tool, VERSION};
use super::{clean, count, json};
use crate::campaign::{Finding, Stats};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};

/// A campaign, over or not.
#[derive(Debug)]
pub struct Attacked<'a> {
    /// The target, as the user named it.
    pub target: &'a str,
    /// What it says of its version.
    pub version: &'a str,
    /// The number everything was drawn from.
    pub seed: u64,
    /// How far it is.
    pub stats: &'a Stats,
    /// What was found, in the order of it.
    pub findings: &'a [Finding],
    /// How far it was at times, for plots.
    pub course: &'a [Stats],
}

impl Attacked<'_> {
    /// Writes it for people.
    pub fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        let version =
            if self.version.is_empty() { String::new() } else { format!(" ({})", clean(self.version)) };
        writeln!(out, "{}{version}: {}", clean(self.target), count(self.stats.findings, "finding"))?;
        for finding in self.findings {
            writeln!(out)?;
            writeln!(out, "{}. {}: {}", finding.number, finding.fault.name(), finding.fault.sentence())?;
            writeln!(out, "   {}", clean(&finding.signature))?;
            if !finding.detail.is_empty() {
                writeln!(out, "   {}", clean(&finding.detail))?;
            }
            let again = if finding.again { "" } else { "; it did not come about again" };
            writeln!(
                out,
                "   after {} and {}, met {}{again}",
                seconds(finding.after_ms),
                count(finding.inputs, "input"),
                times(finding.met)
            )?;
        }
        writeln!(out)?;
        self.write_summary(out)
    }

    fn write_summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let stats = self.stats;
        let rate = stats.inputs.saturating_mul(1000) / stats.elapsed_ms.max(1);
        writeln!(
            out,
            "{} in {}, {} a second; {} kept of {} seen; {}, {}; seed {}",
            count(stats.inputs, "input"),
            seconds(stats.elapsed_ms),
            count(rate, ""),
            count(stats.corpus, "input"),
            count(stats.signatures, "different thing"),
            count(stats.ends, "end"),
            count(stats.resets, "session reset"),
            self.seed
        )
    }

    /// Writes it as JSON.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let document = Json {
            version: VERSION,
            tool: TOOL,
            target: self.target,
            target_version: self.version,
            seed: self.seed,
            stats: JsonStats::of(self.stats),
            findings: self.findings.iter().map(JsonFinding::of).collect(),
            course: self.course.iter().map(JsonStats::of).collect(),
        };
        json::document(&document, out)
    }

    /// One of the findings as a text to send.
    pub fn letter(&self, finding: &Finding) -> String {
        let mut text = String::new();
        let version = if self.version.is_empty() { "of unknown version" } else { self.version };
        _ = writeln!(text, "# {}: {}\n", clean(self.target), finding.fault.sentence());
        _ = writeln!(text, "Target: {} ({})\n", clean(self.target), clean(version));
        _ = writeln!(text, "Kind: {}. Told apart by: {}.\n", finding.fault.name(), clean(&finding.signature));
        if !finding.detail.is_empty() {
            _ = writeln!(text, "{}\n", clean(&finding.detail));
        }
        if !finding.again {
            text.push_str(
                "It did not come about again with this input alone: what went before may matter.\n\n",
            );
        }
        text.push_str("## Input\n\nNLRIs in hex, each behind its length (RFC 8955 section 4.1), or lines of text in hex:\n\n");
        let input = finding.input.to_text();
        let all = input.lines().count();
        input.lines().take(LINES).for_each(|line| _ = writeln!(text, "    {line}"));
        if all > LINES {
            _ = writeln!(text, "    and {} more in input.txt", all - LINES);
        }
        if !finding.said.is_empty() {
            text.push_str("\n## What it says\n\n");
            finding.said.iter().take(LINES).for_each(|line| _ = writeln!(text, "    {}", clean(line)));
        }
        text.push_str(
            "\n## Before this is sent on\n\nTry it on the newest release. Tell those who make the target first, and in private.\n",
        );
        text
    }
}

/// Lines of input and of a log that a letter holds.
const LINES: usize = 40;

fn seconds(ms: u64) -> String {
    format!("{}.{:01} s", ms / 1000, ms % 1000 / 100)
}

fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { count(number, "time") }
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    tool: Tool,
    target: &'a str,
    target_version: &'a str,
    seed: u64,
    stats: JsonStats,
    findings: Vec<JsonFinding<'a>>,
    course: Vec<JsonStats>,
}

#[derive(Serialize)]
struct JsonStats {
    milliseconds: u64,
    steps: u64,
    inputs: u64,
    feeds: u64,
    ends: u64,
    resets: u64,
    signatures: u64,
    corpus: u64,
    findings: u64,
}

impl JsonStats {
    fn of(stats: &Stats) -> Self {
        Self {
            milliseconds: stats.elapsed_ms,
            steps: stats.steps,
            inputs: stats.inputs,
            feeds: stats.feeds,
            ends: stats.ends,
            resets: stats.resets,
            signatures: stats.signatures,
            corpus: stats.corpus,
            findings: stats.findings,
        }
    }
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    number: usize,
    kind: &'static str,
    sentence: String,
    signature: &'a str,
    detail: &'a str,
    again: bool,
    met: u64,
    after_milliseconds: u64,
    after_inputs: u64,
    input: String,
    said: &'a [String],
}

impl<'a> JsonFinding<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            number: finding.number,
            kind: finding.fault.name(),
            sentence: finding.fault.sentence(),
            signature: &finding.signature,
            detail: &finding.detail,
            again: finding.again,
            met: finding.met,
            after_milliseconds: finding.after_ms,
            after_inputs: finding.inputs,
            input: finding.input.to_text(),
            said: &finding.said,
        }
    }
}
