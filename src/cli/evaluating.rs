//! Batches of captured packets through compiled rule sets.

use crate::eval::{BATCH, Compiled, Decision, Tally, Totals};
use crate::field::{CtState, Family, Field, Headers, Layer, Reading};
use crate::guard::Exhausted;
use crate::ir::{Document, Kind, Rule, RuleSet, Verdict};
use crate::packet::{Counts, Decoded, Frame, LinkType, Tuple, decode, tuple};
use crate::report::Series;
use std::time::Duration;

/// Packets of one batch.
const PACKETS: usize = 4_096;
/// Octets of one batch.
const OCTETS: usize = 1 << 20;

/// Packets of a capture, with octets of their own.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Which of the capture's batches, from 0.
    pub(super) number: u64,
    octets: Vec<u8>,
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    // Where in the batch its octets end; they begin where the last one's do.
    end: usize,
    length: u32,
    link_type: LinkType,
    time: Option<Duration>,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.seen.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.seen.len() >= PACKETS || self.octets.len() >= OCTETS
    }

    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.octets.extend_from_slice(frame.octets);
        let Frame { length, link_type, time, .. } = *frame;
        self.seen.push(Seen { end: self.octets.len(), length, link_type, time });
    }

    /// The packets in the order of the capture; their numbers and offsets are not kept.
    pub(super) fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        self.seen.iter().map(move |seen| {
            let octets = self.octets.get(start..seen.end).unwrap_or(&[]);
            start = seen.end;
            let Seen { length, link_type, time, .. } = *seen;
            Frame { number: 0, offset: 0, link_type, interface: 0, time, octets, length }
        })
    }
}

/// One rule set, as packets are put to it.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    compiled: Compiled<'a>,
    family: Family,
    // Whether it is asked about frames that carry no IP packet.
    frames: bool,
    first_packet: bool,
}

impl<'a> Plan<'a> {
    /// The plan of a compiled rule set, the first of those reached.
    pub(super) fn new(
        document: &'a Document,
        rule_sets: &[usize],
        compiled: Compiled<'a>,
        first_packet: bool,
    ) -> Self {
        let set = rule_sets.first().and_then(|index| document.rule_sets.get(*index));
        let family = set.map_or(Family::Any, |set| set.family);
        Self { compiled, family, frames: set.is_some_and(asks_of_frames), first_packet }
    }

    /// Whether packets of this family are put to the rule set at all; of others it says nothing, not even its default.
    fn takes(&self, headers: &Headers) -> bool {
        let version = match self.family {
            Family::Any => return true,
            Family::Inet => 4,
            Family::Inet6 => 6,
        };
        matches!(headers.get(Field::IpVersion), Reading::Value(v) if v == version)
            || headers.get(Field::IpVersion) == Reading::Cut
    }
}

/// What packets came to, all rule sets together and each of them.
#[derive(Clone, Debug)]
pub(super) struct Sums<'a> {
    pub(super) totals: Vec<Totals<'a>>,
    pub(super) counts: Counts,
    pub(super) verdicts: [Tally; 5],
    pub(super) series: Option<Series>,
}

impl<'a> Sums<'a> {
    /// Nothing yet.
    pub(super) fn new(totals: Vec<Totals<'a>>, series: Option<Series>) -> Self {
        Self { totals, counts: Counts::default(), verdicts: Default::default(), series }
    }

    /// Adds what others came to.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), Exhausted> {
        self.totals.iter_mut().zip(&other.totals).for_each(|(own, other)| own.merge(other));
        self.counts.merge(&other.counts);
        self.verdicts.iter_mut().zip(other.verdicts).for_each(|(own, other)| own.merge(other));
        match (&mut self.series, &other.series) {
            (Some(own), Some(other)) => own.merge(other),
            _ => Ok(()),
        }
    }

    /// Evaluates the packets of a batch; the fate of each, in order.
    pub(super) fn run(&mut self, batch: &Batch, plans: &[Plan<'a>]) -> Result<Vec<Fate>, Exhausted> {
        let mut fates = Vec::with_capacity(batch.seen.len());
        let mut headers = Headers::new();
        let mut frames = batch.frames();
        let mut group = Group::new(plans.len());
        while group.fill(&mut frames) {
            group.decide(plans);
            for (place, frame) in group.frames.iter().enumerate() {
                let fate = match group.fate(place, plans) {
                    Some(fate) => {
                        self.counts.add(Decoded::Whole, frame.length);
                        for (totals, decisions) in self.totals.iter_mut().zip(&group.decisions) {
                            if let Some(Some(decision)) = decisions.get(place) {
                                totals.decided(*decision, frame.length);
                            }
                        }
                        fate
                    }
                    None => self.packet(frame, plans, &mut headers)?,
                };
                if let Some(tally) = self.verdicts.get_mut(fate.index()) {
                    tally.add(frame.length);
                    if let Some(series) = &mut self.series {
                        series.add(frame.time, fate.index(), frame.length)?;
                    }
                }
                fates.push(fate);
            }
        }
        Ok(fates)
    }

    /// Evaluates one packet by all of its headers.
    fn packet(
        &mut self,
        frame: &Frame<'_>,
        plans: &[Plan<'a>],
        headers: &mut Headers,
    ) -> Result<Fate, Exhausted> {
        let decoded = decode(frame.link_type, frame.octets, frame.length, headers);
        self.counts.add(decoded, frame.length);
        let is_packet = match decoded {
            Decoded::NotDecoded => return Ok(Fate::NotAsked),
            Decoded::NotIp if !plans.iter().any(|plan| plan.frames) => return Ok(Fate::NotAsked),
            other => other != Decoded::NotIp,
        };
        if plans.iter().any(|plan| plan.first_packet) {
            headers.assume(Field::CtState, CtState::New as u32);
        }
        let mut fate = Fate::NoDecision;
        for (totals, plan) in self.totals.iter_mut().zip(plans) {
            if if is_packet { plan.takes(headers) } else { plan.frames } {
                fate = fate.max(Fate::of(totals.run_compiled(&plan.compiled, headers, frame.length)?));
            }
        }
        Ok(fate)
    }
}

/// Packets whose rules are looked for together.
struct Group<'f> {
    frames: Vec<Frame<'f>>,
    // Those of which a tuple says enough, by their places.
    tuples: Vec<Tuple>,
    places: Vec<usize>,
    // By rule set and place.
    decisions: Vec<[Option<Decision>; BATCH]>,
    is_whole: [bool; BATCH],
}

impl<'f> Group<'f> {
    fn new(plans: usize) -> Self {
        Self {
            frames: Vec::with_capacity(BATCH),
            tuples: Vec::with_capacity(BATCH),
            places: Vec::with_capacity(BATCH),
            decisions: vec![[None; BATCH]; plans],
            is_whole: [false; BATCH],
        }
    }

    /// Takes the next packets; false where there are none left.
    fn fill(&mut self, from: &mut impl Iterator<Item = Frame<'f>>) -> bool {
        self.frames.clear();
        self.tuples.clear();
        self.places.clear();
        self.is_whole = [false; BATCH];
        for (frame, place) in from.take(BATCH).zip(0..) {
            if let Some(tuple) = tuple(frame.link_type, frame.octets, frame.length) {
                self.tuples.push(tuple);
                self.places.push(place);
                if let Some(is_whole) = self.is_whole.get_mut(place) {
                    *is_whole = true;
                }
            }
            self.frames.push(frame);
        }
        !self.frames.is_empty()
    }

    fn decide(&mut self, plans: &[Plan<'_>]) {
        let mut found = [None; BATCH];
        for (plan, decisions) in plans.iter().zip(&mut self.decisions) {
            *decisions = [None; BATCH];
            if plan.family == Family::Inet6 {
                continue;
            }
            plan.compiled.decide_tuples(&self.tuples, &mut found);
            for (place, decision) in self.places.iter().zip(found) {
                if let Some(slot) = decisions.get_mut(*place) {
                    *slot = decision;
                }
            }
        }
    }

    /// What becomes of the packet at a place, where tuples said it of every rule set that takes it.
    fn fate(&self, place: usize, plans: &[Plan<'_>]) -> Option<Fate> {
        if !self.is_whole.get(place).copied().unwrap_or(false) {
            return None;
        }
        let mut fate = Fate::NoDecision;
        for (plan, decisions) in plans.iter().zip(&self.decisions) {
            match decisions.get(place).copied().flatten() {
                Some(decision) => fate = fate.max(Fate::of(decision)),
                None if plan.family == Family::Inet6 => {}
                None => return None,
            }
        }
        Some(fate)
    }
}

/// Whether a filter is asked about frames that carry no IP packet: it looks at what only frames have.
fn asks_of_frames(set: &RuleSet) -> bool {
    let of_frame = |field: Field| {
        field.info().layer == Layer::Link
            && !matches!(
                field,
                Field::InIface
                    | Field::OutIface
                    | Field::InGroup
                    | Field::OutGroup
                    | Field::CtState
                    | Field::Mark
            )
    };
    let looks = |rule: Rule<'_>| rule.condition.tests().iter().any(|test| of_frame(test.field()));
    set.kind == Kind::Filter && set.family == Family::Any && set.rules.iter().any(looks)
}

/// What becomes of a packet that several rule sets look at: a drop of one is final, and so is a doubt about one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fate {
    /// It is put to no rule set: nobody could decode it, or it is no packet.
    NotAsked,
    NoDecision,
    Accept,
    Unknown,
    Reject,
    Discard,
}

impl Fate {
    fn of(decision: Decision) -> Self {
        match decision {
            Decision::Unknown(_) => Self::Unknown,
            Decision::Verdict(Verdict::Accept, _) => Self::Accept,
            Decision::Verdict(Verdict::Discard, _) => Self::Discard,
            Decision::Verdict(Verdict::Reject(_), _) => Self::Reject,
            Decision::Verdict(Verdict::NoDecision, _) => Self::NoDecision,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotAsked => "",
            Self::NoDecision => "no-decision",
            Self::Accept => "accept",
            Self::Unknown => "unknown",
            Self::Reject => "reject",
            Self::Discard => "discard",
        }
    }

    /// Its place among the verdicts of a report, or behind them.
    fn index(self) -> usize {
        match self {
            Self::Accept => 0,
            Self::Discard => 1,
            Self::Reject => 2,
            Self::NoDecision => 3,
            Self::Unknown => 4,
            Self::NotAsked => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::VERDICTS;

    #[test]
    fn every_fate_has_its_place_among_the_verdicts() {
        for fate in [Fate::NoDecision, Fate::Accept, Fate::Unknown, Fate::Reject, Fate::Discard] {
            assert_eq!(VERDICTS.get(fate.index()), Some(&fate.name()));
        }
        assert_eq!(VERDICTS.get(Fate::NotAsked.index()), None);
    }
}
