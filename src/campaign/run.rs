//! The campaign: makes input, feeds it, judges what is seen, keeps what shows something new, and makes each fault small.
//!
//! Every step draws from a seed of its own, so that a campaign repeats exactly on a target that does, and goes on from
//! where it was left. No clock chooses anything: time only ends it, and ends the search for smaller input.

use super::dedup::{self, Pattern};
use super::expect::{Judgement, judge};
use super::generate::{self, Pools, Style, below, octets, once_in, one};
use super::mutate;
use super::oracle::{Fault, Finding, faults};
use super::probe::{self, Probe, Probed};
use super::shrink::shrink;
use super::target::{Observation, Outcome, Takes, Target, Trouble};
use super::{Input, Update};
use crate::dialect::flowspec::Table;
use crate::dialect::{self, PrintOptions};
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
const BATCH: u32 = 48;
/// The most malformed messages of a batch.
const BUNDLE: u32 = 16;
/// The most rules that a probe of scale comes to by itself.
const RULES: u32 = 131_072;
/// How often probes are put off because they met something else.
const PUT_OFF: u32 = 12;
/// Steps before the first probe, and between two.
const PROBES: u64 = 16;
/// Octets to draw one step from.
const STEP: usize = 48 << 10;
/// How often in so many a rule is fed that is known to bring a fault about.
const KNOWN: u32 = 24;

/// A campaign against one target.
#[derive(Debug)]
pub struct Campaign {
    plan: Plan,
    state: State,
    pools: Pools,
    // What brings known faults about.
    known: Vec<Pattern>,
    probes: Vec<Probe>,
    // How often a probe was put off.
    put_off: u32,
    // Malformed messages fed at once.
    bundle: u32,
    // Findings of things that are not rules and their signatures.
    names: BTreeSet<String>,
    started: Instant,
    earlier_ms: u64,
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
        Self { plan, state, pools, known, probes, put_off: 0, bundle: BUNDLE / 2, names, started: Instant::now(), earlier_ms }
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Runs until a bound is met or `watch` ends it; may be called again to go on.
    pub fn run(&mut self, target: &mut dyn Target, watch: &mut dyn Watch) -> Result<(), Trouble> {
        let takes = target.about().takes;
        let lives = target.about().lives;
        while !self.is_over() {
            let step = self.state.stats.steps;
            let data = octets(mix(self.plan.seed ^ mix(step)), STEP);
            let mut u = Unstructured::new(&data);
            let due = lives && step % PROBES == PROBES - 1;
            match takes {
                Takes::Updates(tables) if due => {
                    if self.probes.is_empty() {
                        // Again, with more rules: what grows slowly shows late.
                        self.probes = Probe::all();
                        self.plan.rules = self.plan.rules.saturating_mul(2).min(RULES);
                    }
                    self.probe(target, tables, watch)?;
                }
                Takes::Updates(tables) => {
                    let input = self.updates(&mut u, tables);
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
            if !self.tick(watch) || watch.pause() {
                break;
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.plan.inputs.is_some_and(|most| self.state.stats.inputs >= most)
            || self.plan.time.is_some_and(|most| self.started.elapsed() >= most)
    }

    fn tick(&mut self, watch: &mut dyn Watch) -> bool {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let stats = &mut self.state.stats;
        stats.elapsed_ms = self.earlier_ms.saturating_add(elapsed);
        stats.signatures = self.state.seen.len() as u64;
        stats.corpus = self.state.corpus.len() as u64;
        stats.findings = self.state.findings.len() as u64;
        watch.tick(&self.state.stats)
    }

    /// Something kept, or one of the seeds.
    fn kept(&self, u: &mut Unstructured<'_>) -> Option<Input> {
        let seeds = self.plan.seeds.len();
        let kept = if self.plan.feedback { self.state.corpus.len() } else { 0 };
        // The newest are chosen as often as all others.
        let number = if kept > 8 && below(u, 2) == 0 {
            seeds + kept - 1 - below(u, 8) as usize
        } else {
            below(u, u32::try_from(seeds + kept).unwrap_or(u32::MAX)) as usize
        };
        self.plan.seeds.get(number).or_else(|| self.state.corpus.get(number.checked_sub(seeds)?)).cloned()
    }

    fn updates(&self, u: &mut Unstructured<'_>, tables: &[Table]) -> Input {
        let table = one(u, tables).unwrap_or(Table::Ipv4);
        let style = Style::new(u);
        let way = below(u, 10);
        // Many legal routes at once, one message each few.
        if way < 4 {
            let mut updates = Vec::new();
            let mut left = BATCH;
            while left > 0 && !u.is_empty() {
                let mut update = generate::update(u, table, &self.pools, style);
                left = left.saturating_sub(u32::try_from(update.routes.len()).unwrap_or(u32::MAX));
                update.routes.retain(|route| !self.avoids(u, &Update::new(table, vec![route.clone()])));
                if !update.routes.is_empty() && update.fits() {
                    updates.push(update);
                }
            }
            return Input::Updates(updates);
        }
        let mut changed = Vec::new();
        if way == 9 {
            // One route cut off at every octet.
            let mut whole = self.message(u, table, style, way);
            whole.routes.truncate(1);
            changed = mutate::every_cut(&whole);
        }
        for _ in 0..BUNDLE * 2 {
            let mut update = self.message(u, table, style, way);
            mutate::update(u, &mut update, &self.pools);
            changed.push(update);
        }
        changed.retain(|update| !self.avoids(u, update));
        // What a session may end for stands apart from what it must not end for.
        let illegal = |update: &Update| matches!(judge(update).judgement, Judgement::Illegal(_));
        let (mut bad, mut good): (Vec<Update>, Vec<Update>) = changed.into_iter().partition(illegal);
        good.retain(Update::fits);
        bad.truncate(self.bundle as usize);
        if bad.is_empty() || !good.is_empty() && way <= 5 { Input::Updates(good) } else { Input::Updates(bad) }
    }

    /// A message to change: one that was kept, or a new one of a route or two.
    fn message(&self, u: &mut Unstructured<'_>, table: Table, style: Style, way: u32) -> Update {
        let kept = if way >= 7 { self.kept(u) } else { None };
        if let Some(Input::Updates(list)) = kept
            && let Some(update) = one_of(u, list)
        {
            return update;
        }
        let mut update = generate::update(u, table, &self.pools, style);
        update.routes.truncate(1 + below(u, 2) as usize);
        update
    }

    /// Whether something is known to bring a fault about and is better left alone, most times.
    fn avoids(&self, u: &mut Unstructured<'_>, update: &Update) -> bool {
        self.known.iter().any(|pattern| pattern.covers(update)) && !once_in(u, KNOWN)
    }

    fn text(&self, u: &mut Unstructured<'_>, name: &str) -> Input {
        let mut lines = match (below(u, 3), self.kept(u)) {
            (2, Some(Input::Text(lines))) => lines,
            _ => {
                let document = generate::rule_set(u, &self.pools, 16);
                let mut text = String::new();
                if let Some(dialect) = dialect::by_name(name) {
                    // What cannot be said is left out: what is written is legal.
                    _ = dialect.print(&document, &PrintOptions::default(), &mut text);
                }
                text.lines().map(str::to_owned).collect()
            }
        };
        mutate::lines(u, &mut lines);
        Input::Text(lines)
    }

    fn packets(&self, u: &mut Unstructured<'_>) -> Input {
        let mut list: Vec<Vec<u8>> = match (below(u, 3), self.kept(u)) {
            (2, Some(Input::Packets(list))) => list,
            _ => (0..8).filter_map(|_| generate::packet(u, &self.pools)).collect(),
        };
        for octets in &mut list {
            for _ in 0..below(u, 3) {
                mutate::packet(u, octets);
            }
        }
        Input::Packets(list)
    }

    fn look(&mut self, target: &mut dyn Target, input: &Input) -> Result<Observation, Trouble> {
        let seen = target.feed(input)?;
        self.state.stats.feeds += 1;
        self.state.stats.inputs += input.len().max(1) as u64;
        self.state.stats.ends += u64::from(seen.outcome != Outcome::Alive);
        self.state.stats.resets += u64::from(seen.reset.is_some());
        Ok(seen)
    }

    fn feed(&mut self, target: &mut dyn Target, input: &Input, watch: &mut dyn Watch) -> Result<(), Trouble> {
        let seen = self.look(target, input)?;
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
        if list.iter().any(|update| matches!(judge(update).judgement, Judgement::Illegal(_))) {
            let went_on = seen.reset.is_none() && seen.outcome == Outcome::Alive;
            self.bundle = if went_on { (self.bundle + 2).min(BUNDLE) } else { (self.bundle / 2).max(1) };
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

    /// Makes a fault small and counts it as new, or as one that was met before.
    fn settle(
        &mut self,
        target: &mut dyn Target,
        fault: &Fault,
        input: &Input,
        seen: &Observation,
        watch: &mut dyn Watch,
    ) -> Result<(), Trouble> {
        if let Some(met) = self.met(fault, input, seen) {
            if let Some(finding) = self.state.findings.get_mut(met) {
                finding.met += 1;
            }
            return Ok(());
        }
        let mut last = seen.clone();
        let (mut again, alone) = self.alone(target, fault, input, &mut last)?;
        let input = alone.as_ref().unwrap_or(input);
        if alone.is_none() {
            again = self.does(target, fault, input, &mut last)?;
        } else if self.met(fault, input, &last).is_some() {
            return Ok(());
        }
        // What depends on time and does not come about again was a moment of a busy machine.
        if !again && !matches!(fault, Fault::Died | Fault::Memory | Fault::Reset { .. }) {
            return Ok(());
        }
        let mut least = input.clone();
        if again {
            let mut tries = self.plan.tries;
            let mut still = |candidate: &Input| {
                if tries == 0 {
                    return Ok(None);
                }
                let mut now = Observation::quiet();
                let does = self.does(target, fault, candidate, &mut now)?;
                let anew = u32::from(*fault == Fault::Memory) * 8;
                tries = tries.saturating_sub(price(&now) + anew);
                if does {
                    last = now;
                }
                watch.tick(&self.state.stats).then_some(does).map_or(Ok(None), |does| Ok(Some(does)))
            };
            least = shrink(input, &mut still)?;
        }
        let mut pattern = Pattern::of(&least);
        if again && let Some(known) = pattern.take() {
            pattern = Some(self.generalised(target, fault, &least, known)?);
        }
        // The least input may be judged by another name.
        let fault = faults(&least, &last).into_iter().find(|other| fault.is_like(other)).unwrap_or_else(|| fault.clone());
        let signature = if again {
            dedup::name(&fault, pattern.as_ref(), &last.said, &least)
        } else {
            // Nobody can say what of it brought it about: one of them is enough.
            format!("{}, once", fault.name())
        };
        match fault {
            Fault::Accepted { defect } => self.known.push(Pattern::of_defect(defect)),
            _ => self.known.extend(pattern.filter(|_| again)),
        }
        self.add(Finding {
            number: 0,
            fault,
            signature,
            input: least,
            again,
            said: last.said,
            detail: String::new(),
            inputs: 0,
            after_ms: 0,
            met: 1,
        }, watch);
        Ok(())
    }

    /// The finding that a fault is known as, as far as that can be told before it is made small.
    fn met(&self, fault: &Fault, input: &Input, seen: &Observation) -> Option<usize> {
        let Input::Updates(updates) = input else {
            let name = dedup::name(fault, None, &seen.said, input);
            return self.state.findings.iter().position(|finding| finding.signature == name);
        };
        self.state.findings.iter().position(|finding| {
            finding.fault.is_like(fault)
                && match (fault, Pattern::of(&finding.input)) {
                    // What is taken is told by what is wrong with it alone.
                    (Fault::Accepted { .. }, _) => finding.fault == *fault,
                    (_, Some(pattern)) => {
                        let kind = self.known.iter().filter(|known| **known == pattern.clone().of_any_kind());
                        kind.chain([&pattern]).any(|pattern| updates.iter().any(|update| pattern.covers(update)))
                    }
                    (_, None) => false,
                }
        })
    }

    /// Where each try is dear: the first message of several that brings the fault about by itself.
    fn alone(
        &mut self,
        target: &mut dyn Target,
        fault: &Fault,
        input: &Input,
        last: &mut Observation,
    ) -> Result<(bool, Option<Input>), Trouble> {
        let Input::Updates(list) = input else { return Ok((false, None)) };
        if list.len() < 2 || list.len() > 64 || !matches!(fault, Fault::Died | Fault::Hung | Fault::Deaf) {
            return Ok((false, None));
        }
        for update in list {
            let one = Input::Updates(vec![update.clone()]);
            if self.does(target, fault, &one, last)? {
                return Ok((true, Some(one)));
            }
        }
        Ok((false, None))
    }

    fn does(
        &mut self,
        target: &mut dyn Target,
        fault: &Fault,
        input: &Input,
        seen: &mut Observation,
    ) -> Result<bool, Trouble> {
        if *fault == Fault::Memory {
            // What was taken once is often kept, and taken no second time.
            target.renew()?;
        }
        *seen = self.look(target, input)?;
        Ok(faults(input, seen).iter().any(|other| fault.is_like(other)))
    }

    /// Whether the type of component matters: two others are tried in its place.
    fn generalised(
        &mut self,
        target: &mut dyn Target,
        fault: &Fault,
        least: &Input,
        pattern: Pattern,
    ) -> Result<Pattern, Trouble> {
        let mut seen = Observation::quiet();
        let mut tried = 0;
        for other in with_other_kinds(least) {
            tried += 1;
            if !self.does(target, fault, &other, &mut seen)? {
                return Ok(pattern);
            }
        }
        Ok(if tried > 1 { pattern.of_any_kind() } else { pattern })
    }

    fn add(&mut self, mut finding: Finding, watch: &mut dyn Watch) {
        if !self.names.insert(finding.signature.clone()) {
            let known = self.state.findings.iter_mut().find(|known| known.signature == finding.signature);
            if let Some(known) = known {
                known.met += 1;
            }
            return;
        }
        self.tick(watch);
        finding.number = self.state.findings.len() + 1;
        finding.inputs = self.state.stats.inputs;
        finding.after_ms = self.state.stats.elapsed_ms;
        watch.found(&finding);
        self.state.findings.push(finding);
    }

    fn probe(&mut self, target: &mut dyn Target, tables: &[Table], watch: &mut dyn Watch) -> Result<(), Trouble> {
        let table = tables.first().copied().unwrap_or(Table::Ipv4);
        let probe = self.probes.remove(0);
        let mut inputs = 0;
        let probed = match probe {
            Probe::Churn => {
                let known = &self.known;
                let avoid = |update: &Update| known.iter().any(|pattern| pattern.covers(update));
                probe::churn(target, mix(self.plan.seed), &self.pools, table, &avoid, &mut inputs)?
            }
            Probe::Scale(shape) => probe::scale(target, shape, self.plan.rules, &mut inputs)?,
        };
        self.state.stats.inputs += inputs;
        match probed {
            Probed::Fine => {}
            Probed::Met(input, seen) => {
                self.state.stats.ends += u64::from(seen.outcome != Outcome::Alive);
                self.state.stats.resets += u64::from(seen.reset.is_some());
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
                let signature = fault.name().to_owned();
                self.add(Finding {
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
                }, watch);
            }
        }
        Ok(())
    }
}

/// What a try costs: a target that has to be waited for or begun anew takes more of the time.
fn price(seen: &Observation) -> u32 {
    match seen.outcome {
        Outcome::Alive => 1 + u32::from(seen.reset.is_some()),
        Outcome::Died { .. } => 3,
        Outcome::Hung | Outcome::Deaf => 10,
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

fn one_of(u: &mut Unstructured<'_>, mut list: Vec<Update>) -> Option<Update> {
    let at = below(u, u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize;
    (at < list.len()).then(|| list.swap_remove(at))
}

/// The same with a component of other types, where it holds one route of one list.
fn with_other_kinds(input: &Input) -> Vec<Input> {
    let Input::Updates(updates) = input else { return Vec::new() };
    let [update] = updates.as_slice() else { return Vec::new() };
    let [route] = update.routes.as_slice() else { return Vec::new() };
    // Types that differ from each other in what they hold.
    const OTHERS: [u8; 3] = [4, 7, 10];
    let [_, kind, ..] = *route.as_slice() else { return Vec::new() };
    if update.table.is_vpn() || kind < 3 || kind > 13 {
        return Vec::new();
    }
    let others = OTHERS.iter().filter(|other| **other != kind);
    others
        .map(|other| {
            let mut route = route.clone();
            if let Some(kind) = route.get_mut(1) {
                *kind = *other;
            }
            Input::Updates(vec![Update { routes: vec![route], ..update.clone() }])
        })
        .collect()
}
