//! `flowgate measure`: rules loaded into a real engine, and what that took.

use super::args::Common;
use super::error::Error;
use super::inputs::Inputs;
use super::measuring::Measure;
use super::select::{self, Target};
use super::{Exit, calibrate, output};
use crate::cost::fit::Quantities;
use crate::cost::measured::{Load, Outcome};
use crate::cost::{self, Pricing};
use crate::dialect::{self, Loss, Lost, PrintOptions, ReadOptions};
use crate::engine::measure::{self, About, Batch, Engine, Limits, Measured, ROUTES, Rules, batches};
use crate::guard::{Meter, limits};
use crate::ir::Document;
use crate::report::{Measurement, clean};
use crate::source::{Content, Source, SourceId};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::time::Duration;

/// Loads one file into an engine, several times.
pub(super) fn run(options: &Measure, common: &Common) -> Result<Exit, Error> {
    let about = options.about()?;
    let bench = Bench::new(about, options)?;
    let target = Target::new(&options.rules);
    if about.engine == Engine::Command {
        return of_command(&bench, options, common);
    }
    let (inputs, broken) = Inputs::read_one(&target, &options.reading, common)?;
    let mut lost = Vec::new();
    let mut prepared = None;
    let mut name = String::new();
    for (input, wanted) in inputs.selected() {
        let source = inputs.sources.get(input.source);
        source.name().clone_into(&mut name);
        let whole = &input.reading.document;
        let part;
        let document = match wanted {
            None => whole,
            Some(set) => {
                part = select::only(whole, select::single(whole, &name, Some(set))?);
                &part
            }
        };
        // Text of the engine's own is loaded as it stands.
        let own = (about.dialect == Some(input.dialect) && wanted.is_none()).then(|| source.text());
        prepared = Some(Prepared::new(about, document, own, &mut lost)?);
    }
    let Some(prepared) = prepared else { return Err(Error::NoRules) };
    if options.calibrate {
        return calibrate::run(&bench, prepared, &name, options, common);
    }
    let (loads, last) = bench.loads(&prepared, options.repeat, common)?;
    let (accounting, why) = (last.accounting, last.why.as_deref());
    let report = Measurement {
        engine: about.name,
        rules: &name,
        given: prepared.given,
        lost: &lost,
        loads: &loads,
        accounting,
        why,
        predicted: prepared.predicted,
    };
    write(&report, options, common)?;
    Ok(verdict(report.outcome(), broken))
}

fn of_command(bench: &Bench<'_>, options: &Measure, common: &Common) -> Result<Exit, Error> {
    let name = clean(&options.rules.to_string_lossy()).into_owned();
    let text = std::fs::read(&options.rules).map_err(|source| Error::Read { path: name.clone(), source })?;
    let prepared = Prepared { text: Some(text), ..Prepared::default() };
    let (loads, last) = bench.loads(&prepared, options.repeat, common)?;
    let report = Measurement {
        engine: bench.about.name,
        rules: &name,
        given: 0,
        lost: &[],
        loads: &loads,
        accounting: last.accounting,
        why: last.why.as_deref(),
        predicted: None,
    };
    write(&report, options, common)?;
    Ok(verdict(report.outcome(), false))
}

fn write(report: &Measurement<'_>, options: &Measure, common: &Common) -> Result<(), Error> {
    output::report(&options.reporting, common, |out| report.write_terminal(out), |out| report.write_json(out))
}

fn verdict(outcome: Option<Outcome>, broken: bool) -> Exit {
    match outcome {
        Some(Outcome::Accepted) if !broken => Exit::Clean,
        Some(_) => Exit::Found,
        None => Exit::Inconclusive,
    }
}

/// Rules as an engine takes them, and what its model says of them.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    // A text, of IPv6 rules with a program of its own, routes, or a file as it is.
    text: Option<Vec<u8>>,
    six: bool,
    routes: Option<Vec<Batch>>,
    /// How many rules there are.
    pub(super) given: u64,
    /// What the model says, in octets.
    pub(super) predicted: Option<u64>,
    /// What a model of flow routes counts in it.
    pub(super) quantities: Option<Quantities>,
}

impl Prepared {
    /// Writes a document in the words of an engine; what cannot be said in them goes to `lost`.
    pub(super) fn new(
        about: &About,
        document: &Document,
        own: Option<&str>,
        lost: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let six = about.programs.len() > 1
            && document.rule_sets.iter().any(|set| set.family == crate::field::Family::Inet6)
            && document.rule_sets.iter().all(|set| set.family != crate::field::Family::Inet);
        let mut tell = |list: Vec<Lost>| {
            let grave = list.into_iter().filter(|lost| lost.loss != Loss::Detail);
            lost.extend(grave.map(|lost| match &*lost.rule {
                "" => format!("`{}`: {}", lost.rule_set, lost.what),
                rule => format!("rule `{rule}` of `{}`: {}", lost.rule_set, lost.what),
            }));
        };
        if about.speaks() {
            let hex = print(ROUTES, document, &mut tell)?;
            let read = read(ROUTES, hex)?;
            let (routes, _) = batches(&read);
            let given = routes.iter().map(Batch::routes).sum();
            let predicted = predicted(about, &read);
            let quantities = Some(Quantities::of(&read));
            return Ok(Self { routes: Some(routes), given, predicted, quantities, ..Self::default() });
        }
        let name = about.dialect.unwrap_or_default();
        let (text, predicted) = if let Some(text) = own {
            (text.to_owned(), predicted(about, document))
        } else {
            let text = print(name, document, &mut tell)?;
            // What is priced is what is loaded.
            (text.clone(), predicted(about, &read(name, text)?))
        };
        let given = u64::try_from(document.rule_count()).unwrap_or(u64::MAX);
        Ok(Self { text: Some(text.into_bytes()), six, given, predicted, ..Self::default() })
    }
}

fn print(name: &str, document: &Document, tell: &mut dyn FnMut(Vec<Lost>)) -> Result<String, Error> {
    let dialect = dialect::by_name(name).ok_or(Error::NoRules)?;
    let mut text = String::new();
    let lost = dialect.print(document, &PrintOptions::default(), &mut text);
    tell(lost.map_err(|_| Error::Print { dialect: dialect.name() })?);
    Ok(text)
}

fn read(name: &str, text: String) -> Result<Document, Error> {
    let dialect = dialect::by_name(name).ok_or(Error::NoRules)?;
    let source = Source::new("written", Content::Text(text));
    Ok(dialect.read(&source, SourceId(0), &ReadOptions::default()).document)
}

/// What the model of the engine's platform says, where it can count to the end.
fn predicted(about: &About, document: &Document) -> Option<u64> {
    let (platform, resource) = about.model?;
    let mut pricing = Pricing::new(cost::by_name(platform)?);
    pricing.add(document, &mut Meter::new(&limits::COST_TOTAL_STEPS));
    let price = pricing.finish();
    price.resources.iter().find(|usage| usage.resource.name == resource)?.used.value()
}

/// An engine with its programs and its limits.
pub(super) struct Bench<'a> {
    pub(super) about: &'static About,
    programs: Vec<PathBuf>,
    limits: Limits,
    words: &'a [String],
}

impl<'a> Bench<'a> {
    /// Finds the programs.
    pub(super) fn new(about: &'static About, options: &'a Measure) -> Result<Self, Error> {
        let mut programs = Vec::new();
        for name in about.programs {
            let found = program(name);
            programs.push(found.ok_or_else(|| Error::NoProgram { name: (*name).to_owned() })?);
        }
        for name in ["unshare", "nsenter"] {
            program(name).ok_or_else(|| Error::NoProgram { name: name.to_owned() })?;
        }
        let limits = Limits { memory: options.limit_memory, time: Duration::from_secs(options.limit_time) };
        Ok(Self { about, programs, limits, words: options.words() })
    }

    /// Loads rules so many times.
    pub(super) fn loads(
        &self,
        prepared: &Prepared,
        repeat: u16,
        common: &Common,
    ) -> Result<(Vec<Load>, Measured), Error> {
        let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(u64::from(repeat)) };
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} load {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        let mut loads = Vec::new();
        let mut last = None;
        for _ in 0..repeat.max(1) {
            let measured = self.once(prepared);
            if measured.is_err() {
                bar.finish_and_clear();
            }
            let measured = measured?;
            loads.push(measured.load.clone());
            last = Some(measured);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok((loads, last.ok_or(Error::NoRules)?))
    }

    /// Loads rules once.
    pub(super) fn once(&self, prepared: &Prepared) -> Result<Measured, Error> {
        let folder = tempfile::Builder::new().prefix("flowgate-measure-").tempdir();
        let folder =
            folder.map_err(|source| Error::Write { path: "a temporary folder".to_owned(), source })?;
        let text = prepared.text.as_deref().unwrap_or_default();
        let own = std::str::from_utf8(text).unwrap_or_default();
        let rules = match &prepared.routes {
            Some(routes) => Rules::Routes(routes),
            None if self.about.engine == Engine::Command => Rules::Command { words: self.words, text },
            None if prepared.six => Rules::Text6(own),
            None => Rules::Text(own),
        };
        measure::measure(self.about, &self.programs, rules, folder.path(), self.limits).map_err(Error::Engine)
    }
}

/// Where a program is: the path of the environment, and where systems keep what only administrators run.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/lib/frr", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|file| file.is_file())
}
