//! A backtracking matcher that counts what it does.
//!
//! It tries what Perl, PCRE2 and every engine of their kind try, in their order, without any of the short cuts that
//! keep them from it on some subjects: each step is an octet compared, a place asked or a choice taken. Engines count
//! otherwise; how the count grows is the same.

use super::program::{Program, Step};
use super::set;
use super::tree::Look;
use crate::guard::{Exhausted, Meter, limits};
use std::collections::BTreeSet;

/// What matching a subject came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Matched {
    /// Where the match begins and ends; none without one.
    pub place: Option<(usize, usize)>,
    /// The steps taken.
    pub steps: u64,
}

/// What is to be undone or tried once a way fails.
#[derive(Clone, Copy, Debug)]
enum Frame {
    Choice { step: usize, at: usize },
    Restore { slot: usize, value: Slot },
}

/// What a loop or an atomic group remembers.
#[derive(Clone, Copy, Default, Debug)]
struct Slot {
    count: u32,
    // Where the round began; the height of the stack for an atomic group.
    at: usize,
}

/// Looks for a pattern in a subject, at every place from the first on, as engines do.
///
/// # Errors
///
/// The steps allowed are spent, or too much is to be tried at once.
pub fn search(program: &Program, subject: &[u8], meter: &mut Meter) -> Result<Matched, Exhausted> {
    let before = meter.spent();
    let mut run = Run { program, subject, stack: Vec::new(), slots: vec![Slot::default(); program.slots] };
    for start in 0..=subject.len() {
        if let Some(end) = run.from(start, meter)? {
            return Ok(Matched { place: Some((start, end)), steps: meter.spent() - before });
        }
    }
    Ok(Matched { place: None, steps: meter.spent() - before })
}

struct Run<'a> {
    program: &'a Program,
    subject: &'a [u8],
    stack: Vec<Frame>,
    slots: Vec<Slot>,
}

impl Run<'_> {
    fn from(&mut self, start: usize, meter: &mut Meter) -> Result<Option<usize>, Exhausted> {
        self.stack.clear();
        let (mut step, mut at) = (0, start);
        loop {
            meter.charge(1)?;
            let goes_on = match self.program.steps.get(step) {
                None | Some(Step::Done) => return Ok(Some(at)),
                Some(Step::Set(set)) => {
                    let taken = self.subject.get(at).is_some_and(|octet| set.contains(*octet));
                    at += usize::from(taken);
                    taken.then_some(step + 1)
                }
                Some(Step::Look(look)) => holds(*look, self.subject, at).then_some(step + 1),
                Some(Step::Jump(there)) => Some(*there),
                Some(Step::Split(first, second)) => {
                    self.choice(*second, at)?;
                    Some(*first)
                }
                Some(Step::Begin(slot)) => {
                    self.write(*slot, Slot { count: 0, at: usize::MAX })?;
                    Some(step + 1)
                }
                Some(Step::Loop { .. }) => Some(self.round(step, at)?),
                Some(Step::Again { slot, of }) => {
                    let began = self.slots.get(*slot).copied().unwrap_or_default();
                    match self.program.steps.get(*of) {
                        // A round that took nothing is the last: another would take nothing either.
                        Some(Step::Loop { least, exit, .. }) if began.at == at && began.count >= *least => {
                            Some(*exit)
                        }
                        _ => Some(*of),
                    }
                }
                Some(Step::Hold(slot)) => {
                    self.write(*slot, Slot { count: 0, at: 0 })?;
                    let height = self.stack.len();
                    if let Some(held) = self.slots.get_mut(*slot) {
                        held.at = height;
                    }
                    Some(step + 1)
                }
                Some(Step::Cut(slot)) => {
                    let height = self.slots.get(*slot).map_or(0, |slot| slot.at);
                    self.cut(height, meter)?;
                    Some(step + 1)
                }
            };
            match goes_on {
                Some(next) => step = next,
                None => match self.back() {
                    Some(choice) => (step, at) = choice,
                    None => return Ok(None),
                },
            }
        }
    }

    fn choice(&mut self, step: usize, at: usize) -> Result<(), Exhausted> {
        self.push(Frame::Choice { step, at })
    }

    fn push(&mut self, frame: Frame) -> Result<(), Exhausted> {
        self.stack.push(frame);
        let most = &limits::REGEX_FRAMES;
        if self.stack.len() as u64 > most.value {
            return Err(Exhausted { limit: most, allowance: most.value });
        }
        Ok(())
    }

    /// Changes a slot; the old value comes back when this way fails.
    fn write(&mut self, slot: usize, value: Slot) -> Result<(), Exhausted> {
        let Some(place) = self.slots.get_mut(slot) else { return Ok(()) };
        let old = std::mem::replace(place, value);
        self.push(Frame::Restore { slot, value: old })
    }

    /// Where a loop goes on: into another round or out.
    fn round(&mut self, step: usize, at: usize) -> Result<usize, Exhausted> {
        let Some(Step::Loop { slot, least, most, greedy, exit }) = self.program.steps.get(step).copied()
        else {
            return Ok(step + 1);
        };
        let count = self.slots.get(slot).map_or(0, |slot| slot.count);
        if count >= most {
            return Ok(exit);
        }
        let once_more = Slot { count: count + 1, at };
        if count < least || greedy {
            if count >= least {
                self.choice(exit, at)?;
            }
            self.write(slot, once_more)?;
            return Ok(step + 1);
        }
        // Coming back here takes the round that was left out: the count tells the two visits apart.
        self.choice(usize::MAX - step, at)?;
        Ok(exit)
    }

    /// The choice made last that is left to try, all behind it undone.
    fn back(&mut self) -> Option<(usize, usize)> {
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::Restore { slot, value } => {
                    if let Some(place) = self.slots.get_mut(slot) {
                        *place = value;
                    }
                }
                Frame::Choice { step, at } if step < self.program.steps.len() => return Some((step, at)),
                // A lazy loop: one round more.
                Frame::Choice { step, at } => {
                    let step = usize::MAX - step;
                    let Some(Step::Loop { slot, .. }) = self.program.steps.get(step).copied() else {
                        continue;
                    };
                    let count = self.slots.get(slot).map_or(0, |slot| slot.count);
                    // There was room for this frame's own.
                    self.write(slot, Slot { count: count + 1, at }).ok()?;
                    return Some((step + 1, at));
                }
            }
        }
        None
    }

    /// Forgets the choices above a height; what they would undo is undone all the same when an older one is taken.
    fn cut(&mut self, height: usize, meter: &mut Meter) -> Result<(), Exhausted> {
        let above = self.stack.split_off(height.min(self.stack.len()));
        meter.charge(above.len() as u64)?;
        // Of each slot the oldest value is the one to come back.
        let mut kept = BTreeSet::new();
        self.stack.extend(above.into_iter().filter(|frame| match frame {
            Frame::Restore { slot, .. } => kept.insert(*slot),
            Frame::Choice { .. } => false,
        }));
        Ok(())
    }
}

/// Whether a place is what a look asks for.
fn holds(look: Look, subject: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| subject.get(at)).copied();
    let next = subject.get(at).copied();
    let is_word = |octet: Option<u8>| octet.is_some_and(|octet| set::word().contains(octet));
    match look {
        Look::Start => at == 0,
        // Not behind the line end that ends the subject (pcre2pattern, "Circumflex and dollar").
        Look::LineStart => at == 0 || before == Some(b'\n') && next.is_some(),
        Look::End => next.is_none(),
        Look::EndOrLast => next.is_none() || next == Some(b'\n') && at + 1 == subject.len(),
        Look::LineEnd => next.is_none() || next == Some(b'\n'),
        Look::Border => is_word(before) != is_word(next),
        Look::NoBorder => is_word(before) == is_word(next),
    }
}
