//! What an engine was seen to do with rules, for people and programs.

use super::json::v1::{TOOL, Tool, VERSION};
use super::{Table, clean, count, json};
use crate::cost::measured::{Accounting, Load, Outcome, median};
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

/// Loads of one set of rules into one engine, and what its model says.
#[derive(Debug)]
pub struct Measurement<'a> {
    /// The engine.
    pub engine: &'a str,
    /// The rules, by the name of their file.
    pub rules: &'a str,
    /// How many rules were given to the engine.
    pub given: u64,
    /// What could not be said in the engine's words, or over BGP.
    pub lost: &'a [String],
    /// The loads, in their order.
    pub loads: &'a [Load],
    /// How kernel memory was accounted for.
    pub accounting: Accounting,
    /// Why not better.
    pub why: Option<&'a str>,
    /// The memory that the model of the platform says, in octets.
    pub predicted: Option<u64>,
}

impl Measurement<'_> {
    /// The memory that the rules take: the median of the loads.
    pub fn memory(&self) -> Option<u64> {
        median(self.loads.iter().filter_map(Load::memory))
    }

    /// What is for all rules, for one of them; none where nobody has counted any, as in the file of a command.
    fn each(&self, all: u64) -> Option<u64> {
        all.checked_div(self.given)
    }

    /// By how much the model is off, as a part of what was measured.
    #[expect(clippy::cast_precision_loss, reason = "an error of a model has no 16 digits")]
    pub fn error(&self) -> Option<f64> {
        let (measured, predicted) = (self.memory().filter(|octets| *octets > 0)?, self.predicted?);
        Some(predicted as f64 / measured as f64 - 1.0)
    }

    /// The worst end of all loads.
    pub fn outcome(&self) -> Option<Outcome> {
        let bad = self.loads.iter().map(|load| load.outcome).find(|outcome| *outcome != Outcome::Accepted);
        bad.or_else(|| self.loads.first().map(|load| load.outcome))
    }

    /// Writes it for people.
    pub fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        let outcome = self.outcome().map_or("not loaded", Outcome::name);
        let rules = self.each(1).map_or_else(String::new, |_| count(self.given, "rule") + " of ");
        writeln!(out, "{}: {rules}`{}`: {outcome}", self.engine, clean(self.rules))?;
        writeln!(out)?;
        let mut table =
            Table::new(&["load", "", ">kernel", ">resident", ">peak", ">time", ">CPU", ">in table"]);
        for (number, load) in self.loads.iter().enumerate() {
            table.row([
                (number + 1).to_string(),
                load.outcome.name().to_owned(),
                load.kernel.map_or_else(dash, |span| octets(span.added())),
                load.resident.map_or_else(dash, |span| octets(span.added())),
                load.peak.map_or_else(dash, octets),
                seconds(load.time),
                seconds(load.cpu),
                load.counted.map_or_else(dash, |number| count(number, "")),
            ]);
        }
        table.write(out)?;
        writeln!(out)?;
        if let Some(memory) = self.memory() {
            let each = self.each(memory);
            let each = each.map_or_else(String::new, |each| format!(", {} a rule", count(each, "octet")));
            writeln!(out, "memory of the rules, the median: {}{each}", count(memory, "octet"))?;
        }
        if let Some(predicted) = self.predicted {
            let off = self.error().map_or_else(String::new, |error| format!(", {:+.1} %", error * 100.0));
            writeln!(out, "as the model has it: {}{off}", count(predicted, "octet"))?;
        }
        if self.loads.iter().any(|load| load.kernel.is_some()) {
            writeln!(out, "kernel memory is accounted for by {}", self.accounting.name())?;
            if let Some(why) = self.why {
                writeln!(out, "  others on this machine are in it: {}", clean(why))?;
            }
        }
        for load in self.loads.iter().filter(|load| !load.said.is_empty()).take(1) {
            writeln!(out, "it says: {}", clean(&load.said))?;
        }
        if let Some(first) = self.lost.first() {
            let number = u64::try_from(self.lost.len()).unwrap_or(u64::MAX);
            writeln!(out, "{} not expressed for it, the first: {}", count(number, "thing"), clean(first))?;
        }
        Ok(())
    }

    /// Writes it as JSON.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let one = |load: &Load| JsonLoad {
            outcome: load.outcome.name(),
            said: load.said.clone(),
            seconds: load.time.as_secs_f64(),
            cpu_seconds: load.cpu.as_secs_f64(),
            resident_before: load.resident.map(|span| span.before),
            resident_after: load.resident.map(|span| span.after),
            kernel_before: load.kernel.map(|span| span.before),
            kernel_after: load.kernel.map(|span| span.after),
            peak: load.peak,
            counted: load.counted,
        };
        json::document(
            &Json {
                version: VERSION,
                tool: TOOL,
                engine: self.engine,
                rules: self.rules,
                given: self.given,
                outcome: self.outcome().map(Outcome::name),
                memory_octets: self.memory(),
                predicted_octets: self.predicted,
                relative_error: self.error(),
                accounting: self.accounting.name(),
                accounting_why: self.why,
                lost: self.lost,
                loads: self.loads.iter().map(one).collect(),
            },
            out,
        )
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn octets(number: u64) -> String {
    count(number, "")
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    tool: Tool,
    engine: &'a str,
    rules: &'a str,
    given: u64,
    outcome: Option<&'static str>,
    memory_octets: Option<u64>,
    predicted_octets: Option<u64>,
    relative_error: Option<f64>,
    accounting: &'static str,
    accounting_why: Option<&'a str>,
    lost: &'a [String],
    loads: Vec<JsonLoad>,
}

#[derive(Serialize)]
struct JsonLoad {
    outcome: &'static str,
    said: String,
    seconds: f64,
    cpu_seconds: f64,
    resident_before: Option<u64>,
    resident_after: Option<u64>,
    kernel_before: Option<u64>,
    kernel_after: Option<u64>,
    peak: Option<u64>,
    counted: Option<u64>,
}
