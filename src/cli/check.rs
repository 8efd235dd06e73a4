//! `flowgate check`: the gate.

use super::against::Against;
use super::args::{Check, CheckFormat, Common, OnInconclusive};
use super::error::Error;
use super::inputs::Inputs;
use super::options::{Policy, today};
use super::select::Target;
use super::{Exit, output, say};
use crate::check::{self, Context, Findings, Input, Settings};
use crate::config::{Suppression, suppress};
use crate::diagnostic::Level;
use crate::engine::pcre2::Pcre2Test;
use crate::guard::limits::LIMITS;
use crate::report::{InputSummary, Report, clean, count, github, json, sarif, terminal};
use crate::source::{Content, Source};
use std::io::{self, Write};

/// Reads, checks, suppresses and reports; before that edits, where that is asked for.
pub(super) fn run(options: &Check, common: &Common) -> Result<Exit, Error> {
    let policy = Policy::find(options.policing.config.as_deref(), options.paths.first().map(|p| &**p))?;
    let mut judged =
        if options.fix { super::fix::run(options, common, &policy)? } else { Judged::of(options, &policy)? };
    judged.inputs.tell(common);
    judged.inputs.memory.look()?;
    let summaries =
        judged.rules().iter().map(|input| InputSummary::of(&judged.inputs.sources, input)).collect();
    let findings = std::mem::take(&mut judged.findings);
    let report = Report::new(&judged.inputs.sources, summaries, findings, judged.suppressed);
    let fail_on = options.fail_on.map(Level::from).or(policy.config.fail_on).unwrap_or(Level::Error);
    let exit = verdict(&report, &judged.settings, fail_on, options.inconclusive);
    output::write(options.writing.output.as_deref(), common, |out, styled| {
        render(&report, options.format, terminal::Options { styled, quiet: common.quiet }, out)
    })?;
    if common.verbose {
        judged.inputs.memory.look()?;
        tell_more(&judged.inputs);
    }
    Ok(exit)
}

/// What was read, and what the checks found that is not suppressed.
pub(super) struct Judged {
    pub(super) inputs: Inputs,
    pub(super) settings: Settings,
    pub(super) findings: Findings,
    suppressed: usize,
    // How many of the inputs are the rules themselves; those behind are as they were.
    count: usize,
}

impl Judged {
    /// Reads, checks and suppresses.
    pub(super) fn of(options: &Check, policy: &Policy) -> Result<Self, Error> {
        let against = match options.against.as_deref() {
            Some(named) => Against::find(named, &options.paths, &options.reading.include_path)?,
            None => Against::default(),
        };
        let new = options.paths.iter().map(|path| Target::whole(path));
        let targets: Vec<Target> =
            new.chain(against.targets.iter().map(|(_, target)| target.clone())).collect();
        let mut inputs = Inputs::read_with_patterns(&targets, &options.reading)?;
        against.rename(&mut inputs);
        let mut settings = policy.config.settings.clone();
        if let Some(action) = options.reading.assume_action {
            settings.assume_discard = Some(action == super::args::AssumedAction::Discard);
        }
        settings.first_packet = options.view.first_packet;
        settings.platforms = super::platforms::devices(&options.platforms, &policy.config)?;
        let (new, old): (Vec<_>, Vec<_>) =
            inputs.placed().partition(|(target, _, _)| *target < options.paths.len());
        let count = new.len();
        let old: Vec<_> = old
            .into_iter()
            .map(|(target, below, input)| (target - options.paths.len(), below, input))
            .collect();
        let versions = if options.against.is_some() { against.versions(&new, &old) } else { Vec::new() };
        let new = inputs.all.get(..count).unwrap_or_default();
        let replay = options.replay_on.as_deref().map(Pcre2Test::new);
        let replay = replay.as_ref().map(|engine| engine as &dyn check::Replay);
        let cx = Context::new(&inputs.sources, new, &settings).against(&versions).replayed_on(replay);
        let mut findings = check::run(&cx);
        let paths: Vec<_> = inputs.sources.iter().map(|(_, source)| policy.relative(source.name())).collect();
        let policy_source = policy.source.as_ref().map(|source| {
            let text = Content::Text(source.text().to_owned());
            inputs.sources.add(Source::new(source.name(), text))
        });
        let suppressed = suppress(
            &Suppression {
                sources: &inputs.sources,
                inputs: inputs.all.get(..count).unwrap_or_default(),
                paths: &paths,
                allows: policy_source.map(|id| (policy.config.allows.as_slice(), id)),
                never_allow: &policy.config.never_allow,
                settings: &settings,
                today: today(options.today),
            },
            &mut findings,
        );
        Ok(Self { inputs, settings, findings, suppressed, count })
    }

    /// The inputs that are the rules themselves.
    pub(super) fn rules(&self) -> &[Input] {
        self.inputs.all.get(..self.count).unwrap_or_default()
    }
}

fn render(
    report: &Report<'_>,
    format: CheckFormat,
    options: terminal::Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        CheckFormat::Terminal => terminal::write(report, options, out),
        CheckFormat::Json => json::write(report, out),
        CheckFormat::Jsonl => json::write_lines(report, out),
        CheckFormat::Sarif => sarif::write(report, out),
        CheckFormat::Github => github::write(report, out),
    }
}

/// The exit code: findings first, then questions of checks whose level would have failed the run.
fn verdict(report: &Report<'_>, settings: &Settings, fail_on: Level, inconclusive: OnInconclusive) -> Exit {
    if report.summary.at_least(fail_on) > 0 {
        return Exit::Found;
    }
    let matters = report.inconclusive.iter().any(|question| {
        let own = check::by_name(question.check).map(|check| check.meta().level);
        let level = settings.levels.get(question.check).copied().unwrap_or(own);
        level.is_some_and(|level| level >= fail_on)
    });
    match (matters, inconclusive) {
        (false, _) | (true, OnInconclusive::Ignore) => Exit::Clean,
        (true, OnInconclusive::Report) => Exit::Inconclusive,
        (true, OnInconclusive::Fail) => Exit::Found,
    }
}

/// What `-v` adds: what was passed over, our own memory, and the limits with their origins.
fn tell_more(inputs: &Inputs) {
    for input in &inputs.all {
        let skipped = u64::try_from(input.reading.skipped).unwrap_or(u64::MAX);
        if skipped > 0 {
            let name = clean(inputs.sources.get(input.source).name());
            say(&format!("{name}: {} without rules passed over", count(skipped, "statement")));
        }
    }
    say(&format!("our own memory: {} resident at most", count(inputs.memory.peak(), "octet")));
    for limit in LIMITS {
        say(&format!("limit {}: {} {} ({})", limit.name, count(limit.value, ""), limit.unit, limit.origin));
    }
}
