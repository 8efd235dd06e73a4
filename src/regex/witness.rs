//! Subjects that show how long a pattern can take, replayed before anybody sees them.

use super::ambiguity::Attack;
use super::analysis::Growth;
use super::matcher::search;
use super::program::Program;
use crate::guard::{Exhausted, Meter, limits};

/// A family of subjects, one for each number of rounds, with the steps that searches of them took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// What comes before each pump, and the pump.
    pub parts: Vec<(Vec<u8>, Vec<u8>)>,
    /// What comes behind the last pump.
    pub suffix: Vec<u8>,
    /// Rounds and the steps they took, in order of rounds.
    pub replayed: Vec<(u32, u64)>,
    /// The rounds whose replay took more steps than it was allowed, where one did.
    pub stopped: Option<u32>,
}

impl Witness {
    pub(super) fn of(attack: &Attack, suffix: &[u8]) -> Self {
        Self { parts: attack.parts.clone(), suffix: suffix.to_vec(), replayed: Vec::new(), stopped: None }
    }

    /// The same between other octets, not replayed.
    #[must_use]
    pub fn between(&self, before: &[u8], behind: &[u8]) -> Self {
        let mut parts = self.parts.clone();
        if let Some((lead, _)) = parts.first_mut() {
            lead.splice(0..0, before.iter().copied());
        }
        let suffix = [&*self.suffix, behind].concat();
        Self { parts, suffix, replayed: Vec::new(), stopped: None }
    }

    /// The subject of so many rounds.
    pub fn subject(&self, rounds: u32) -> Vec<u8> {
        let mut subject = Vec::new();
        for (lead, pump) in &self.parts {
            subject.extend(lead);
            (0..rounds).for_each(|_| subject.extend(pump));
        }
        subject.extend(&self.suffix);
        subject
    }

    /// Octets of the subject of so many rounds.
    pub fn octets(&self, rounds: u32) -> u64 {
        self.fixed() + u64::from(rounds) * self.per_round()
    }

    fn fixed(&self) -> u64 {
        (self.parts.iter().map(|(lead, _)| lead.len()).sum::<usize>() + self.suffix.len()) as u64
    }

    fn per_round(&self) -> u64 {
        self.parts.iter().map(|(_, pump)| pump.len()).sum::<usize>().max(1) as u64
    }

    /// The most rounds that fit into a subject of so many octets.
    pub fn rounds(&self, octets: u64) -> u32 {
        u32::try_from(octets.saturating_sub(self.fixed()) / self.per_round()).unwrap_or(u32::MAX)
    }

    /// The last replay.
    pub fn last(&self) -> (u32, u64) {
        self.replayed.last().copied().unwrap_or((0, 0))
    }

    /// Replays more and more rounds, first one by one and then twice as many each time, until a search takes more than
    /// `most` steps or the subject is longer than `octets`.
    pub(super) fn replay(&mut self, program: &Program, most: u64, octets: u64) {
        for rounds in 1..=ONE_BY_ONE {
            if !self.add(program, rounds, most) {
                return;
            }
        }
        let mut rounds = 2 * ONE_BY_ONE;
        while self.octets(rounds) <= octets {
            if !self.add(program, rounds, most) {
                // What grows fast shows one by one.
                let first = if rounds == 2 * ONE_BY_ONE { ONE_BY_ONE + 1 } else { rounds };
                for rounds in first..rounds {
                    if !self.add(program, rounds, most) {
                        return;
                    }
                }
                return;
            }
            rounds *= 2;
        }
    }

    /// Replays so many rounds; whether that took no more than `most` steps.
    fn add(&mut self, program: &Program, rounds: u32, most: u64) -> bool {
        let found = steps(program, &self.subject(rounds), most);
        match found {
            Some(steps) => self.replayed.push((rounds, steps)),
            None => self.stopped = Some(rounds),
        }
        found.is_some()
    }

    /// Steps for each octet, in thousandths: of the last replay, or of the one that was stopped.
    pub(super) fn per_octet(&self, most: u64) -> u64 {
        let (rounds, steps) = self.stopped.map_or(self.last(), |rounds| (rounds, most));
        steps.saturating_mul(1000) / self.octets(rounds).max(1)
    }

    /// The replays of one round after the other, as steps.
    fn one_by_one(&self) -> Vec<i128> {
        let in_order = self.replayed.iter().zip(1..).take_while(|((rounds, _), wanted)| rounds == wanted);
        in_order.map(|((_, steps), _)| i128::from(*steps)).collect()
    }

    /// The power that steps grow with, where they are a polynomial of the rounds: its differences vanish. The first
    /// rounds are left out, and those of pumps that fit in turns are looked at in turns.
    fn polynomial(&self) -> Option<u32> {
        let all = self.one_by_one();
        let late = all.get(all.len() / 3..)?;
        [1, 2].iter().find_map(|stride| {
            let mut row: Vec<i128> = late.iter().step_by(*stride).copied().collect();
            for power in 0.. {
                row = row.iter().zip(row.iter().skip(1)).map(|(a, b)| b - a).collect();
                match row.as_slice() {
                    [] | [_] => return None,
                    row if row.iter().all(|difference| *difference == 0) => return Some(power),
                    _ => {}
                }
            }
            None
        })
    }

    /// The power that steps grow with where replays end, of those that end early: what many ways without a loop come to,
    /// where that is clearly above `most`, the power of loops.
    pub(super) fn before_the_end(&self, most: u32, early: u32) -> Option<u32> {
        self.stopped.filter(|rounds| *rounds <= early)?;
        let (last, took) = self.last();
        let half = self.replayed.iter().rev().find(|(rounds, _)| *rounds <= last.div_ceil(2))?;
        let (first, before) = *half;
        if first == last {
            return None;
        }
        let power =
            (float(took) / float(before.max(1))).ln() / (f64::from(last) / f64::from(first.max(1))).ln();
        (power > f64::from(most) + 1.0).then(|| rounded(power))
    }

    /// How steps grow; powers above `most` are not believed.
    pub(super) fn growth(&self, most: u32) -> Growth {
        if let Some(factor) = self.factor() {
            return Growth::Exponential(factor);
        }
        let slope = self.slope();
        // Where replays far apart show another power, steps end to be a polynomial of the rounds replayed one by one.
        let near = self.last().0 <= 2 * ONE_BY_ONE;
        let holds = |power: &u32| near || slope.is_none_or(|slope| f64::from(*power) < slope + 0.8);
        let power = match (self.polynomial().filter(holds), self.curve(), slope) {
            (Some(power), _, _) => power,
            (None, Some(power), _) => rounded(power + 0.1),
            (None, None, Some(slope)) => rounded(slope),
            (None, None, None) => 1,
        };
        Growth::Power(power.clamp(1, most))
    }

    /// The power by how the growth from one round to the next gets less, where replays end early: `(n + a)^k` grows by
    /// `k / (n + a)`, whatever `a` is.
    fn curve(&self) -> Option<f64> {
        self.stopped.filter(|rounds| *rounds <= 2 * ONE_BY_ONE)?;
        let all = self.one_by_one();
        let growth = |index: usize| {
            let (here, next) =
                (u64::try_from(*all.get(index)?).ok()?, u64::try_from(*all.get(index + 1)?).ok()?);
            Some((float(next) / float(here.max(1))).ln())
        };
        let (middle, last) = (all.len() / 2, all.len().checked_sub(2)?);
        let less = 1.0 / growth(last)? - 1.0 / growth(middle)?;
        (last >= middle + 3 && less > 0.0).then(|| float((last - middle) as u64) / less)
    }

    /// The power by the last two replays.
    fn slope(&self) -> Option<f64> {
        let [.., (n, s), (m, t)] = self.replayed.as_slice() else { return None };
        (*n >= ONE_BY_ONE)
            .then(|| (float(*t) / float((*s).max(1))).ln() / (f64::from(*m) / f64::from(*n)).ln())
    }

    /// By what steps are multiplied with each round, where that does not get less with more rounds.
    fn factor(&self) -> Option<f64> {
        let all = self.one_by_one();
        self.stopped.filter(|rounds| *rounds <= 2 * ONE_BY_ONE)?;
        let at = |index: usize| {
            let (before, here) = (all.get(index.checked_sub(1)?)?, all.get(index)?);
            Some(float(u64::try_from(*here).ok()?) / float(u64::try_from(*before).ok()?.max(1)))
        };
        let last = at(all.len().checked_sub(1)?)?;
        let middle = at(all.len() / 2)?;
        (last >= 1.15 && all.len() >= 5 && last - 1.0 >= 0.75 * (middle - 1.0)).then_some(last)
    }
}

/// Rounds replayed one by one.
const ONE_BY_ONE: u32 = 20;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a small number above zero"
)]
fn rounded(power: f64) -> u32 {
    (power + 0.4).floor().clamp(1.0, 99.0) as u32
}

/// The steps of one search; none where they are more than `most`.
pub(super) fn steps(program: &Program, subject: &[u8], most: u64) -> Option<u64> {
    let mut meter = Meter::with_allowance(&limits::REGEX_REPLAY_STEPS, most);
    search(program, subject, &mut meter).ok().map(|matched| matched.steps)
}

/// The steps a search took until its allowance ended.
pub(super) fn steps_within(program: &Program, subject: &[u8], most: u64) -> u64 {
    let mut meter = Meter::with_allowance(&limits::REGEX_REPLAY_STEPS, most);
    let matched: Result<_, Exhausted> = search(program, subject, &mut meter);
    matched.map_or(most, |matched| matched.steps)
}

#[expect(clippy::cast_precision_loss, reason = "powers are found to a tenth")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}
