//! How far the model of an engine is off, fitted or built up, on rules it has not seen.

use super::json::v1::{TOOL, Tool, VERSION};
use super::{Table, count, json};
use serde::Serialize;
use std::io::{self, Write};

/// One measured case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The shape of its rules.
    pub shape: String,
    /// How many there are.
    pub rules: u64,
    /// Whether the model was fitted to it.
    pub fitted: bool,
    /// What was measured, in octets; none where the engine did not take the rules.
    pub measured: Option<u64>,
    /// What the model says.
    pub predicted: Option<u64>,
}

impl Case {
    /// By how much the model is off, as a part of what was measured.
    #[expect(clippy::cast_precision_loss, reason = "an error of a model has no 16 digits")]
    pub fn error(&self) -> Option<f64> {
        let measured = self.measured.filter(|octets| *octets > 0)?;
        Some(self.predicted? as f64 / measured as f64 - 1.0)
    }
}

/// A model held against an engine.
#[derive(Debug)]
pub struct Calibration<'a> {
    /// The engine.
    pub engine: &'a str,
    /// Every case, those that were fitted to first.
    pub cases: &'a [Case],
    /// The profile: a fragment in TOML.
    pub profile: &'a str,
    /// Whether the model was fitted here; one that is built up has nothing to fit.
    pub is_fitted: bool,
}

impl Calibration<'_> {
    /// The largest error on rules the model was not fitted to.
    pub fn worst(&self) -> Option<f64> {
        let unseen = self.cases.iter().filter(|case| !case.fitted);
        unseen.filter_map(Case::error).map(f64::abs).max_by(f64::total_cmp)
    }

    /// Writes it for people.
    pub fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        let how = if self.is_fitted { "fitted to this machine" } else { "built up, nothing to fit" };
        writeln!(out, "{}: the model, {how}", self.engine)?;
        writeln!(out)?;
        let mut table = Table::new(&["shape", ">rules", "", ">measured", ">model", ">error"]);
        let figure = |octets: Option<u64>| octets.map_or_else(|| "-".to_owned(), |octets| count(octets, ""));
        for case in self.cases {
            table.row([
                case.shape.clone(),
                count(case.rules, ""),
                if case.fitted { "fitted to" } else { "not seen" }.to_owned(),
                figure(case.measured),
                figure(case.predicted),
                case.error().map_or_else(|| "-".to_owned(), |error| format!("{:+.1} %", error * 100.0)),
            ]);
        }
        table.write(out)?;
        if let Some(worst) = self.worst() {
            writeln!(out, "\nthe largest error on rules not seen: {:.1} %", worst * 100.0)?;
        }
        writeln!(out, "\n{}", self.profile.trim_end())
    }

    /// Writes it as JSON.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let one = |case: &Case| JsonCase {
            shape: case.shape.clone(),
            rules: case.rules,
            fitted_to: case.fitted,
            memory_octets: case.measured,
            model_octets: case.predicted,
            relative_error: case.error(),
        };
        let document = Json {
            version: VERSION,
            tool: TOOL,
            engine: self.engine,
            fitted: self.is_fitted,
            worst_error: self.worst(),
            cases: self.cases.iter().map(one).collect(),
            profile: self.profile,
        };
        json::document(&document, out)
    }
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    tool: Tool,
    engine: &'a str,
    fitted: bool,
    worst_error: Option<f64>,
    cases: Vec<JsonCase>,
    profile: &'a str,
}

#[derive(Serialize)]
struct JsonCase {
    shape: String,
    rules: u64,
    fitted_to: bool,
    memory_octets: Option<u64>,
    model_octets: Option<u64>,
    relative_error: Option<f64>,
}
