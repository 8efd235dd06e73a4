//! The answer about one pattern.

use super::ambiguity::{Ambiguity, Attack, ambiguity};
use super::automaton::{Automaton, Counts};
use super::candidates;
use super::program::Program;
use super::tree::{Node, NodeKind};
use super::witness::{Witness, float};
use super::words;
use crate::guard::{Exhausted, Meter, limits};
use std::cmp::Ordering;

/// How the steps of a search grow with its subject.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub enum Growth {
    /// With a power of the length: 1 is linear, 2 quadratic.
    Power(u32),
    /// By a factor with each round of the witness.
    Exponential(f64),
}

/// What is known of searches of a pattern.
#[derive(Clone, PartialEq, Debug)]
pub struct Analysis {
    /// How steps grow at most, as far as replays show it.
    pub growth: Growth,
    /// The power that the automaton bounds steps by; none where it does not. Above that of `growth` the question is
    /// open how slow the pattern can be.
    pub bound: Option<u32>,
    /// The subjects that take the most steps, of those tried.
    pub witness: Witness,
    /// The rounds up to which steps grow faster than the subject, where counts in the pattern bound that; behind them
    /// they grow as the subject does.
    pub counted: Option<u64>,
    /// Whether the automaton takes in more than the pattern does, because of an atomic group or a large count.
    pub loose: bool,
    /// A shortest subject that the automaton takes. Engines that look for octets which must be there before they search
    /// find them in it.
    pub taken: Vec<u8>,
}

/// States that a counted part may take written out, tried in turn until the automaton can be asked.
const WRITTEN_OUT: [Counts; 4] =
    [Counts::WrittenOut(10_000), Counts::WrittenOut(400), Counts::WrittenOut(30), Counts::Loops];
/// Steps of one replay where the automaton says that they grow as the subject does.
const SHORT_REPLAY: u64 = 20_000;
/// Rounds that take no more than that.
const FEW_ROUNDS: u32 = 80;
/// Steps of one replay.
const REPLAY: u64 = 200_000;
/// The same where a high power or an exponential shows late.
const LONG_REPLAY: u64 = 1_000_000;
/// Octets of a replayed subject.
const OCTETS: u64 = 6_000;
/// Octets of a subject that what counts bound is compared at.
const COMPARED: u64 = 131_072;
/// Simple subjects that are replayed.
const SIMPLE: usize = 3;

/// Asks how long searches of a pattern can take.
///
/// # Errors
///
/// The automaton, or what is asked of it, is larger than the limits allow.
pub fn analyse(tree: &Node, program: &Program) -> Result<Analysis, Exhausted> {
    let deepest = deepest(tree);
    let mut meter = Meter::new(&limits::REGEX_STEPS);
    let mut asked = None;
    for counts in WRITTEN_OUT {
        let is_last = counts == Counts::Loops || deepest <= 1;
        // What is only tried may take less.
        let parts = if is_last { 1 } else { 4 };
        meter = Meter::with_allowance(&limits::REGEX_STEPS, limits::REGEX_STEPS.value / parts);
        let answer = ask(tree, counts, &mut meter);
        match answer {
            Err(exhausted) if is_last => return Err(exhausted),
            Err(_) => {}
            Ok(answer) => {
                asked = Some(answer);
                break;
            }
        }
    }
    let Some((automaton, found)) = asked else { return Err(meter.exhausted()) };
    let loose = automaton.loosened || automaton.atomics;
    let bound = found.exponential.is_empty().then_some(found.degree);
    let taken = words::towards(&automaton, 0, |state| automaton.accepts(state), |_| true, &mut meter)?;
    let simple = candidates::simple(&found, taken.clone(), &automaton, program, SIMPLE);
    let judge = Judge { automaton: &automaton, program, most: bound.unwrap_or(u32::MAX) };
    let mut best = judge.best(found.exponential.iter().chain(&found.chain).chain(&simple));
    match best.growth {
        Growth::Power(1) => {}
        // Beyond what loops come to: there are as many choices as are written, and each takes an octet or more.
        Growth::Power(power) if bound.is_some_and(|bound| power > bound) => {
            best.counted = Some(super::size::choices(tree).max(1));
        }
        Growth::Power(_) if automaton.loosened => best.counted = Some(deepest),
        // Nothing goes on without an end: the pattern itself is what bounds it.
        Growth::Exponential(_) if bound.is_some() => best.counted = Some(super::size::states(tree)),
        Growth::Power(_) | Growth::Exponential(_) => {}
    }
    // What counts bound can be slow all the same.
    if deepest > 1 && best.growth == Growth::Power(1) {
        let (counted, found) = ask(tree, Counts::Loops, &mut Meter::new(&limits::REGEX_STEPS))?;
        let judge = Judge { automaton: &counted, program, most: u32::MAX };
        let within = judge.best(found.exponential.iter().chain(&found.chain));
        let counted = (within.growth != Growth::Power(1)).then_some(deepest);
        let within = Analysis { counted, ..within };
        if within.worst_steps(COMPARED) > best.worst_steps(COMPARED) {
            best = within;
        }
    }
    Ok(Analysis { bound, loose, taken: taken.unwrap_or_default(), ..best })
}

fn ask(tree: &Node, counts: Counts, meter: &mut Meter) -> Result<(Automaton, Ambiguity), Exhausted> {
    let automaton = Automaton::new(tree, counts, meter)?;
    let found = ambiguity(&automaton, meter)?;
    Ok((automaton, found))
}

/// The largest product of counts inside of counts.
fn deepest(node: &Node) -> u64 {
    match &node.kind {
        NodeKind::Set(_) | NodeKind::Look(_) => 1,
        NodeKind::Cat(parts) | NodeKind::Alt(parts) => parts.iter().map(deepest).max().unwrap_or(1),
        NodeKind::Repeat(repeat) => {
            deepest(&repeat.node).saturating_mul(u64::from(repeat.most.unwrap_or(1).max(1)))
        }
        NodeKind::Atomic(inner) => deepest(inner),
    }
}

/// Replays attacks and says what they show.
struct Judge<'a> {
    automaton: &'a Automaton,
    program: &'a Program,
    /// No higher power is believed.
    most: u32,
}

impl Judge<'_> {
    /// What grows most of all attacks, and takes most steps for its octets among those.
    fn best<'t>(&self, attacks: impl IntoIterator<Item = &'t Attack>) -> Analysis {
        let mut best: Option<((Growth, u64), Witness)> = None;
        for attack in attacks {
            let mut witness = candidates::with_suffix(attack, self.automaton, self.program);
            let mut most = match self.most {
                1 => SHORT_REPLAY,
                2 => REPLAY,
                _ => LONG_REPLAY,
            };
            witness.replay(self.program, most, OCTETS);
            if most == SHORT_REPLAY && witness.stopped.is_some_and(|rounds| rounds < FEW_ROUNDS) {
                // Many ways without a loop: how many shows later.
                most = REPLAY;
                (witness.replayed, witness.stopped) = (Vec::new(), None);
                witness.replay(self.program, most, OCTETS);
            }
            let growth = match (witness.growth(self.most), witness.before_the_end(self.most, FEW_ROUNDS)) {
                (Growth::Power(_), Some(power)) => Growth::Power(power),
                (growth, _) => growth,
            };
            let rank = (growth, witness.per_octet(most));
            if best.as_ref().is_none_or(|(known, _)| rank.partial_cmp(known).is_some_and(Ordering::is_gt)) {
                best = Some((rank, witness));
            }
        }
        let (growth, witness) = match best {
            Some(((growth, _), witness)) => (growth, witness),
            None => (Growth::Power(1), Witness::of(&Attack::default(), &[])),
        };
        Analysis { growth, bound: None, witness, counted: None, loose: false, taken: Vec::new() }
    }
}

impl Analysis {
    /// The steps that a search of a subject of so many octets takes at worst, by the replays.
    pub fn worst_steps(&self, octets: u64) -> f64 {
        let (rounds, steps) = self.witness.last();
        let (rounds, wanted) = (f64::from(rounds.max(1)), f64::from(self.witness.rounds(octets).max(1)));
        match self.growth {
            Growth::Power(power) => {
                let knee =
                    self.counted.map_or(wanted, |most| wanted.min(float(most)).max(rounds.min(wanted)));
                let power = i32::try_from(power).unwrap_or(i32::MAX);
                float(steps) * (knee / rounds).powi(power) * (wanted / knee)
            }
            Growth::Exponential(factor) => {
                let knee =
                    self.counted.map_or(wanted, |most| wanted.min(float(most)).max(rounds.min(wanted)));
                float(steps) * factor.powf(knee - rounds) * (wanted / knee)
            }
        }
    }

    /// The octets of the shortest subject of the witness that takes more than so many steps, up to `most` octets.
    pub fn octets_for(&self, steps: f64, most: u64) -> Option<u64> {
        if self.worst_steps(most) <= steps {
            return None;
        }
        // Steps only grow with the subject.
        let (mut low, mut high) = (0, most);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.worst_steps(middle) > steps { high = middle } else { low = middle }
        }
        Some(high)
    }
}
