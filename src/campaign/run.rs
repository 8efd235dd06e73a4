//! The campaign: makes input, feeds it, judges what is seen, keeps what shows something new, and makes each fault small.
//!
//! Every step draws from a seed of its own, so that a campaign repeats exactly on a target that does, and goes on from
//! where it was left. No clock chooses anything: time only ends it, and ends the search for smaller input.

use super::dedup::{self, Pattern, Sight};
use super::expect::{Judgement, judge};
use super::generate::{Pools, octets};
use super::make::breaks_framing;
use super::oracle::{Fault, Finding, faults};
use super::probe::{self, Probe, Probed};
use super::target::{Observation, Outcome, Takes, Target, Trouble};
use super::{Input, Update};
use crate::dialect::flowspec::Table;
use crate::net::mix;
use arbitrary::Unstructured;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What a campaign is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Everything is drawn from it.
    pub seed: u64,
    /// Whether input that shows something new is kept and changed further.
    pub feedback: bool,
    /// After how many inputs (routes, lines, packets) it ends.
    pub inputs: Option<u64>,
    /// After which time it ends.
    pub time: Option<Duration>,
    /// The most rules of a probe of scale.
    pub rules: u32,
    /// How often a target is fed in search of smaller input for one finding.
    pub tries: u32,
    /// Input to begin with.
    pub seeds: Vec<Input>,
}

impl Plan {
    /// One that ends when it is told to.
    pub fn new(seed: u64) -> Self {
        Self { seed, feedback: true, inputs: None, time: None, rules: 32_768, tries: 400, seeds: Vec::new() }
    }
}

/// How far a campaign is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Steps taken.
    pub steps: u64,
    /// Routes, lines or packets fed.
    pub inputs: u64,
    /// Times the target was fed.
    pub feeds: u64,
    /// Times it ended, or had to be ended.
    pub ends: u64,
    /// Times it ended the session.
    pub resets: u64,
    /// Different things seen.
    pub signatures: u64,
    /// Inputs kept because of them.
    pub corpus: u64,
    /// Findings.
    pub findings: u64,
    /// Milliseconds so far, those of runs that this one continues included.
    pub elapsed_ms: u64,
}

/// Who watches a campaign.
pub trait Watch {
    /// Takes how far it is; no ends it.
    fn tick(&mut self, stats: &Stats) -> bool;
    /// Whether to end after the step that was just done, to be gone on with.
    fn pause(&self) -> bool {
        false
    }
    /// Takes a finding.
    fn found(&mut self, finding: &Finding);
}

/// Where a campaign stands: what is kept of one to go on with.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    /// How far it is.
    pub stats: Stats,
    /// What was kept.
    pub corpus: Vec<Input>,
    /// Signatures of what was seen.
    pub seen: BTreeSet<u64>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// The most that is kept.
const CORPUS: usize = 4_096;
/// Routes of a batch of legal ones.
pub(super) const BATCH: u32 = 48;
/// The most malformed messages of a batch.
const BUNDLE: u32 = 40;
/// The most rules that a probe of scale comes to by itself.
const RULES: u32 = 131_072;
/// How often probes are put off because they met something else.
const PUT_OFF: u32 = 12;
/// Steps before the first probe, and between two of the first round.
const PROBES: u64 = 8;
/// Steps between two probes at most.
const PROBES_RARE: u64 = 64;
/// How long one finding is made smaller at most, and which part of the whole time that may be.
const SHRINKS: (Duration, u32) = (Duration::from_secs(60), 12);
/// How long what was seen at the end may take to be seen again.
const GRACE: Duration = Duration::from_secs(2);
/// Octets to draw one step from.
const STEP: usize = 48 << 10;
/// How often in so many a rule is fed that is known to bring a fault about.
pub(super) const KNOWN: u32 = 1_000;

/// A campaign against one target.
#[derive(Debug)]
pub struct Campaign {
    pub(super) plan: Plan,
    pub(super) state: State,
    pub(super) pools: Pools,
    // What brings known faults about.
    pub(super) known: Vec<Pattern>,
    probes: Vec<Probe>,
    // The step of the next one, and how many lie between two.
    next_probe: u64,
    between: u64,
    // How often a probe was put off.
    put_off: u32,
    // Malformed messages fed at once.
    pub(super) bundle: u32,
    // Findings of things that are not rules and their signatures.
    pub(super) names: BTreeSet<String>,
    started: Instant,
    earlier_ms: u64,
    // Whether who watches has ended it.
    stopped: bool,
}

impl Campaign {
    /// A new one, or one that goes on from where it was left.
    pub fn new(plan: Plan, state: State) -> Self {
        let data = octets(mix(plan.seed), 4096);
        let pools = Pools::new(&mut Unstructured::new(&data));
        let mut probes = Probe::all();
        let done = usize::try_from(state.stats.steps / PROBES).unwrap_or(usize::MAX).min(probes.len());
        probes.drain(..done);
        let known = state.findings.iter().filter_map(|finding| Pattern::of(&finding.input)).collect();
        let names = state.findings.iter().map(|finding| finding.signature.clone()).collect();
        let earlier_ms = state.stats.elapsed_ms;
        let state_steps = state.stats.steps;
        Self {
            plan,
            state,
            pools,
            known,
            probes,
            next_probe: state_steps + PROBES - 1,
            between: PROBES,
            put_off: 0,
            bundle: 8,
            names,
            started: Instant::now(),
            earlier_ms,
            stopped: false,
        }
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Runs until a bound is met or `watch` ends it; may be called again to go on.
    pub fn run(&mut self, target: &mut dyn Target, watch: &mut dyn Watch) -> Result<(), Trouble> {
        let takes = target.about().takes;
        let lives = target.about().lives;
        target.until(self.end());
        while !self.is_over() {
            let step = self.state.stats.steps;
            let data = octets(mix(self.plan.seed ^ mix(step)), STEP);
            let mut u = Unstructured::new(&data);
            let due = lives && step >= self.next_probe;
            match takes {
                Takes::Updates(tables) if due => {
                    if self.probes.is_empty() {
                        // Again, with more rules: what grows slowly shows late. It takes more time each, so it comes less.
                        self.probes = Probe::all();
                        self.plan.rules = self.plan.rules.saturating_mul(2).min(RULES);
                        self.between = self.between.saturating_mul(2).min(PROBES_RARE);
                    }
                    // What is settled is not asked again.
                    let names = &self.names;
                    self.probes.retain(|probe| !names.contains(&probe.signature()));
                    self.next_probe = step + self.between;
                    self.probe(target, tables, watch)?;
                }
                Takes::Updates(tables) => {
                    let input = self.updates(&mut u, step, tables);
                    self.feed(target, &input, watch)?;
                }
                Takes::Text(dialect) => {
                    let input = self.text(&mut u, dialect);
                    self.feed(target, &input, watch)?;
                }
                Takes::Packets => {
                    let input = self.packets(&mut u);
                    self.feed(target, &input, watch)?;
                }
            }
            self.state.stats.steps += 1;
            if !self.goes_on(watch) || watch.pause() {
                break;
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.plan.inputs.is_some_and(|most| self.state.stats.inputs >= most) || self.is_late()
    }

    fn is_late(&self) -> bool {
        self.stopped || self.end().is_some_and(|end| Instant::now() >= end)
    }

    /// When it ends.
    pub(super) fn end(&self) -> Option<Instant> {
        self.plan.time.and_then(|most| self.started.checked_add(most))
    }

    /// When what was seen last is no longer tried again.
    pub(super) fn grace(&self) -> Option<Instant> {
        self.end().map(|end| end.max(Instant::now() + GRACE))
    }

    /// When one finding is small enough, however small it is.
    pub(super) fn shrinks_until(&self) -> Instant {
        let (most, part) = SHRINKS;
        Instant::now() + self.plan.time.map_or(most, |time| (time / part).min(most))
    }

    /// Says how far it is, and whether what was begun goes on: neither time has ended it, nor who watches.
    pub(super) fn goes_on(&mut self, watch: &mut dyn Watch) -> bool {
        self.stopped |= !self.tick(watch);
        !self.is_late()
    }

    pub(super) fn tick(&mut self, watch: &mut dyn Watch) -> bool {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let stats = &mut self.state.stats;
        stats.elapsed_ms = self.earlier_ms.saturating_add(elapsed);
        stats.signatures = self.state.seen.len() as u64;
        stats.corpus = self.state.corpus.len() as u64;
        stats.findings = self.state.findings.len() as u64;
        watch.tick(&self.state.stats)
    }

    pub(super) fn look(&mut self, target: &mut dyn Target, input: &Input) -> Result<Observation, Trouble> {
        let seen = target.feed(input)?;
        self.state.stats.feeds += 1;
        self.state.stats.inputs += input.len().max(1) as u64;
        self.state.stats.ends += u64::from(!matches!(seen.outcome, Outcome::Alive | Outcome::Unseen));
        self.state.stats.resets += u64::from(seen.reset.is_some());
        Ok(seen)
    }

    /// Feeds a target for a probe; none once the campaign is over.
    fn ask(
        &mut self,
        target: &mut dyn Target,
        input: &Input,
        watch: &mut dyn Watch,
    ) -> Result<Option<Observation>, Trouble> {
        if !self.goes_on(watch) || self.is_over() {
            return Ok(None);
        }
        let seen = self.look(target, input)?;
        Ok((seen.outcome != Outcome::Unseen).then_some(seen))
    }

    fn feed(&mut self, target: &mut dyn Target, input: &Input, watch: &mut dyn Watch) -> Result<(), Trouble> {
        let seen = self.look(target, input)?;
        if seen.outcome == Outcome::Unseen {
            return Ok(());
        }
        let found = faults(input, &seen);
        if self.plan.feedback && self.state.seen.insert(dedup::signature(&seen)) {
            self.keep(input);
        }
        self.resize(input, &seen);
        for fault in found {
            match (&fault, input) {
                // Which of several was taken is asked of each.
                (Fault::Accepted { .. }, Input::Updates(list)) if list.len() > 1 => {
                    for update in list {
                        if !self.goes_on(watch) {
                            break;
                        }
                        let alone = Input::Updates(vec![update.clone()]);
                        let seen = self.look(target, &alone)?;
                        for fault in faults(&alone, &seen) {
                            self.settle(target, &fault, &alone, &seen, watch)?;
                        }
                    }
                }
                _ => self.settle(target, &fault, input, &seen, watch)?,
            }
        }
        Ok(())
    }

    /// More malformed messages at once while sessions bear them, fewer once they end.
    fn resize(&mut self, input: &Input, seen: &Observation) {
        let Input::Updates(list) = input else { return };
        if list.iter().any(breaks_framing) {
            return;
        }
        if list.iter().any(|update| matches!(judge(update).judgement, Judgement::Illegal(_))) {
            let went_on = seen.reset.is_none() && seen.outcome == Outcome::Alive;
            self.bundle = if went_on { (self.bundle + 4).min(BUNDLE) } else { (self.bundle / 2).max(1) };
        }
    }

    fn keep(&mut self, input: &Input) {
        // A batch is kept as its messages: each may be what was new.
        let parts: Vec<Input> = match input {
            Input::Updates(list) => list.iter().map(|update| Input::Updates(vec![update.clone()])).collect(),
            other => vec![other.clone()],
        };
        for part in parts {
            if self.state.corpus.len() >= CORPUS {
                self.state.corpus.remove(0);
            }
            self.state.corpus.push(part);
        }
    }

    fn probe(
        &mut self,
        target: &mut dyn Target,
        tables: &[Table],
        watch: &mut dyn Watch,
    ) -> Result<(), Trouble> {
        let table = tables.first().copied().unwrap_or(Table::Ipv4);
        if self.probes.is_empty() {
            return Ok(());
        }
        let probe = self.probes.remove(0);
        let (seed, most) = (mix(self.plan.seed), self.plan.rules);
        let known = self.known.clone();
        let pools = self.pools.clone();
        let probed = match probe {
            Probe::Churn => {
                let avoid = |update: &Update| {
                    let sight = Sight::of(update);
                    known.iter().any(|pattern| pattern.covers_all(&sight))
                };
                // What a target has given back lies ready for it: in a new one all that grows is seen.
                target.renew()?;
                let input = probe::rules(seed, &pools, table, &avoid);
                probe::churn(&input, &mut |input| self.ask(target, input, watch))?
            }
            Probe::Scale(shape) => probe::scale(shape, most, &mut |input| self.ask(target, input, watch))?,
        };
        match probed {
            Probed::Fine => {}
            Probed::Over => self.probes.insert(0, probe),
            Probed::Met(input, seen) => {
                for fault in faults(&input, &seen) {
                    self.settle(target, &fault, &input, &seen, watch)?;
                }
                // It is asked again once what it met is known and can be avoided.
                if self.put_off < PUT_OFF {
                    self.put_off += 1;
                    self.probes.insert(self.probes.len().min(1), probe);
                }
            }
            Probed::Fault(fault, input, detail) => {
                let signature = probe.signature();
                self.add(
                    Finding {
                        number: 0,
                        fault,
                        signature,
                        input,
                        again: true,
                        said: Vec::new(),
                        detail,
                        inputs: 0,
                        after_ms: 0,
                        met: 1,
                    },
                    watch,
                );
            }
        }
        Ok(())
    }
}

/// Whether a finding comes about again.
pub fn again(target: &mut dyn Target, finding: &Finding) -> Result<bool, Trouble> {
    match finding.fault {
        Fault::Leak | Fault::Superlinear => probe::again(target, &finding.fault, &finding.input),
        _ => {
            target.renew()?;
            let seen = target.feed(&finding.input)?;
            Ok(faults(&finding.input, &seen).iter().any(|other| finding.fault.is_like(other)))
        }
    }
}
