//! `flowgate fuzz`: a campaign against what will read the rules.

use super::args::Common;
use super::error::Error;
use super::fuzzing::Fuzz;
use super::inputs::Inputs;
use super::select::Target as Selected;
use super::{Exit, kept, measure, output, say};
use crate::campaign::run::{State, again};
use crate::campaign::target::{Takes, Target};
use crate::campaign::{Campaign, Finding, Input, Plan, Stats, Update, Watch};
use crate::dialect::flowspec::{Table, encode};
use crate::engine::attack::{Exec, Feed, Launch, Speaker};
use crate::engine::measure::{Limits, by_name};
use crate::report::{Attacked, clean, count};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::time::{Duration, Instant};

/// Tables that daemons are attacked over.
const BOTH: &[Table] = &[Table::Ipv4, Table::Ipv6];
/// The table of speakers of which nothing is known.
const IPV4: &[Table] = &[Table::Ipv4];
/// How often the state is kept.
const KEEP: Duration = Duration::from_secs(10);

/// Runs a campaign, or shows a finding again.
pub(super) fn run(options: &Fuzz, common: &Common) -> Result<Exit, Error> {
    // The parser of arguments does not ask for what a target named otherwise rules out.
    let alone = [
        ("--feed", options.feed.is_some(), "--exec", options.exec.is_some()),
        ("--start", options.start.is_some(), "--tcp", options.tcp.is_some()),
        ("--i-own-this", options.i_own_this, "--tcp", options.tcp.is_some()),
    ];
    if let Some((option, _, of, _)) = alone.into_iter().find(|(_, given, _, with)| *given && !with) {
        return Err(Error::OptionAlone { option, of });
    }
    let folder = tempfile::Builder::new().prefix("flowgate-fuzz-").tempdir();
    let folder = folder.map_err(|source| Error::Write { path: "a temporary folder".to_owned(), source })?;
    if let Some(path) = &options.replay {
        let finding = kept::read_finding(path)?;
        let mut target = target(options, folder.path())?;
        return replay(&finding, target.as_mut());
    }
    if !options.resume && kept::is_there(&options.into) {
        let path = clean(&options.into.to_string_lossy()).into_owned();
        return Err(Error::CampaignThere { path });
    }
    let mut target = target(options, folder.path())?;
    let name = target.about().name.clone();
    let (mut seed, mut state) = (options.seed, State::default());
    if options.resume {
        let (of, its_seed, its_state) = kept::read(&options.into)?;
        if of != name {
            return Err(Error::OtherTarget { kept: of, named: name });
        }
        (seed, state) = (its_seed, its_state);
    }
    let time = options.time.or((options.ci && options.count.is_none()).then_some(60));
    let plan = Plan {
        feedback: !options.no_feedback,
        inputs: options.count.map(|count| state.stats.inputs.saturating_add(count)),
        time: time.map(Duration::from_secs),
        rules: options.rules,
        seeds: seeds(options, target.about().takes, common)?,
        ..Plan::new(seed)
    };
    let bar = bar(options, common, time);
    let version = target.about().version.clone();
    let mut watcher = Watcher {
        options,
        common,
        name: &name,
        version: &version,
        seed,
        bar,
        course: Vec::new(),
        failed: None,
    };
    let mut campaign = Campaign::new(plan, state);
    let mut result = Ok(true);
    // The state is kept between stretches, so that an end by force loses little.
    while let Ok(true) = result {
        let mut stretch = Stretch { watcher: &mut watcher, end: Instant::now() + KEEP, over: false };
        result = match campaign.run(target.as_mut(), &mut stretch) {
            Ok(()) => Ok(stretch.over),
            Err(trouble) => Err(Error::Campaign(trouble)),
        };
        // One that has not begun leaves nothing to go on with.
        if campaign.state().stats.feeds > 0 {
            kept::keep(&options.into, &name, seed, campaign.state())?;
        }
        if let Some(error) = watcher.failed.take() {
            result = Err(error);
        }
    }
    watcher.bar.finish_and_clear();
    let course = std::mem::take(&mut watcher.course);
    let state = campaign.state();
    let report = Attacked {
        target: &name,
        version: &version,
        seed,
        stats: &state.stats,
        findings: &state.findings,
        course: &course,
    };
    output::report(
        &options.reporting,
        common,
        |out| report.write_terminal(out),
        |out| report.write_json(out),
    )?;
    result?;
    Ok(if state.findings.is_empty() { Exit::Clean } else { Exit::Found })
}

fn replay(finding: &Finding, target: &mut dyn Target) -> Result<Exit, Error> {
    let comes = again(target, finding).map_err(Error::Campaign)?;
    let word = if comes { "comes about again" } else { "does not come about" };
    say(&format!("{}: {word}: {}", finding.fault.name(), finding.fault.sentence()));
    Ok(if comes { Exit::Found } else { Exit::Clean })
}

/// What the options name, begun or to be begun in a sandbox around `folder`.
fn target(options: &Fuzz, folder: &Path) -> Result<Box<dyn Target>, Error> {
    for name in ["unshare", "nsenter"] {
        measure::program(name).ok_or_else(|| Error::NoProgram { name: name.to_owned() })?;
    }
    let patience = Duration::from_millis(options.patience);
    let limits = Limits { memory: options.limit_memory, time: patience };
    let speaker = |name: &str, launch: Launch, tables| {
        Speaker::new(name, launch, tables, folder, limits, patience).map_err(Error::Engine)
    };
    if let Some(template) = &options.exec {
        let feed = options.feed.map_or(Feed::Nlri, |feed| feed.0);
        let exec = Exec::new(template.0.clone(), feed, folder, limits, patience);
        return Ok(Box::new(exec.map_err(Error::Engine)?));
    }
    if let Some(at) = options.tcp {
        if !at.ip().is_loopback() && !options.i_own_this {
            return Err(Error::NotHere { at });
        }
        let launch = match &options.start {
            Some(words) => Launch::Command { words: words.0.clone(), port: at.port() },
            None => Launch::There(at),
        };
        return Ok(Box::new(speaker(&at.to_string(), launch, IPV4)?));
    }
    let about = options.target.as_deref().and_then(by_name).ok_or(Error::NoRules)?;
    let mut programs = Vec::new();
    for name in about.programs {
        let found = measure::program(name);
        programs.push(found.ok_or_else(|| Error::NoProgram { name: (*name).to_owned() })?);
    }
    Ok(Box::new(speaker(about.name, Launch::Daemon { engine: about.engine, programs }, BOTH)?))
}

/// Input of the user's own rules to begin with.
fn seeds(options: &Fuzz, takes: Takes, common: &Common) -> Result<Vec<Input>, Error> {
    let mut list = Vec::new();
    for path in &options.seeds {
        if let Takes::Text(_) = takes {
            let name = clean(&path.to_string_lossy()).into_owned();
            let octets = std::fs::read(path).map_err(|source| Error::Read { path: name, source })?;
            let text = String::from_utf8_lossy(&octets);
            list.push(Input::Text(text.lines().map(str::to_owned).collect()));
            continue;
        }
        let Takes::Updates(tables) = takes else { continue };
        let (inputs, _) = Inputs::read_one(&Selected::new(path), &options.reading, common)?;
        for (input, _) in inputs.selected() {
            for set in &input.reading.document.rule_sets {
                let Some(table) = Table::of_rule_set(set).first().copied().filter(|t| tables.contains(t))
                else {
                    continue;
                };
                for rule in &set.rules {
                    let mut framed = Vec::new();
                    if rule.nlri.is_some_and(|nlri| encode::framed(nlri, &mut framed).is_ok()) {
                        list.push(Input::Updates(vec![Update::new(table, vec![framed])]));
                    }
                }
            }
        }
    }
    Ok(list)
}

fn bar(options: &Fuzz, common: &Common, time: Option<u64>) -> ProgressBar {
    if common.quiet || options.ci {
        return ProgressBar::hidden();
    }
    let bar = match time {
        Some(seconds) => ProgressBar::new(seconds),
        None => ProgressBar::new_spinner(),
    };
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Shows how far a campaign is, and keeps what it finds at once.
struct Watcher<'a> {
    options: &'a Fuzz,
    common: &'a Common,
    name: &'a str,
    version: &'a str,
    seed: u64,
    bar: ProgressBar,
    course: Vec<Stats>,
    failed: Option<Error>,
}

/// A part of a campaign, behind which its state is kept.
struct Stretch<'a, 'b> {
    watcher: &'a mut Watcher<'b>,
    end: Instant,
    // Whether it was ended to be gone on with.
    over: bool,
}

impl Watch for Stretch<'_, '_> {
    fn tick(&mut self, stats: &Stats) -> bool {
        self.watcher.tick(stats);
        self.over = Instant::now() >= self.end;
        self.watcher.failed.is_none()
    }

    fn pause(&self) -> bool {
        self.over
    }

    fn found(&mut self, finding: &Finding) {
        self.watcher.found(finding);
    }
}

impl Watcher<'_> {
    fn tick(&mut self, stats: &Stats) {
        let rate = stats.inputs.saturating_mul(1000) / stats.elapsed_ms.max(1);
        self.bar.set_message(format!(
            "{}, {} a second, {}, {} kept, {}, {}",
            count(stats.inputs, "input"),
            count(rate, ""),
            count(stats.findings, "finding"),
            stats.corpus,
            count(stats.ends, "end"),
            count(stats.resets, "reset")
        ));
        // A point each second at most, so that plots of long campaigns stay small.
        if self.course.last().is_none_or(|last| stats.elapsed_ms >= last.elapsed_ms + 1000) {
            self.course.push(stats.clone());
        }
    }

    fn found(&mut self, finding: &Finding) {
        let report = Attacked {
            target: self.name,
            version: self.version,
            seed: self.seed,
            stats: &Stats::default(),
            findings: &[],
            course: &[],
        };
        match kept::keep_finding(&self.options.into, finding, &report.letter(finding)) {
            Ok(folder) if !self.common.quiet => {
                let seconds = finding.after_ms / 1000;
                self.bar.suspend(|| {
                    say(&format!(
                        "found after {seconds} s: {}: {} ({})",
                        finding.fault.name(),
                        finding.fault.sentence(),
                        clean(&folder.to_string_lossy())
                    ));
                });
            }
            Ok(_) => {}
            Err(error) => self.failed = Some(error),
        }
    }
}
