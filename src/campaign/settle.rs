//! What becomes of a fault: it is one that is known, or it is made small, told from others, and kept.

use super::dedup::{self, Pattern, Sight};
use super::oracle::{Fault, Finding, faults};
use super::run::{Campaign, Watch};
use super::shrink::shrink;
use super::target::{Observation, Outcome, Target, Trouble};
use super::{Input, Update};
use std::time::Instant;

impl Campaign {
    /// Makes a fault small and counts it as new, or as one that was met before.
    pub(super) fn settle(
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
        // What was seen last is tried once more even though time is over: a finding says whether it comes about again.
        target.until(self.grace());
        let (mut again, alone) = self.alone(target, fault, input, &mut last, watch)?;
        let input = alone.as_ref().unwrap_or(input);
        if alone.is_none() {
            again = self.does(target, fault, input, &mut last)?;
        } else if self.met(fault, input, &last).is_some() {
            return Ok(());
        }
        target.until(self.end());
        let untried = last.outcome == Outcome::Unseen;
        // What depends on time and does not come about again was a moment of a busy machine.
        if !again && !untried && !matches!(fault, Fault::Died | Fault::Memory | Fault::Reset { .. }) {
            return Ok(());
        }
        if untried {
            last = seen.clone();
        }
        let mut least = input.clone();
        if again {
            let mut tries = self.plan.tries;
            let end = self.shrinks_until();
            let mut still = |candidate: &Input| {
                if tries == 0 || Instant::now() >= end || !self.goes_on(watch) {
                    return Ok(None);
                }
                let mut now = Observation::quiet();
                let does = self.does(target, fault, candidate, &mut now)?;
                if now.outcome == Outcome::Unseen {
                    return Ok(None);
                }
                let anew = u32::from(*fault == Fault::Memory) * 8;
                tries = tries.saturating_sub(price(&now) + anew);
                if does {
                    last = now;
                }
                Ok(Some(does))
            };
            least = shrink(input, &mut still)?;
        }
        let mut pattern = Pattern::of(&least);
        if again && let Some(known) = pattern.take() {
            pattern = Some(self.generalised(target, fault, &least, known, watch)?);
        }
        // The least input may be judged by another name.
        let fault = faults(&least, &last)
            .into_iter()
            .find(|other| fault.is_like(other))
            .unwrap_or_else(|| fault.clone());
        let signature = if again {
            dedup::name(&fault, pattern.as_ref(), &last.said, &least)
        } else {
            // Nobody can say what of it brought it about: one of them is enough.
            format!("{}, once", fault.name())
        };
        let detail =
            if untried { "the campaign ended before this was tried again".to_owned() } else { String::new() };
        match fault {
            Fault::Accepted { defect } => self.known.push(Pattern::of_defect(defect)),
            _ => self.known.extend(pattern.filter(|_| again)),
        }
        self.add(
            Finding {
                number: 0,
                fault,
                signature,
                input: least,
                again,
                said: last.said,
                detail,
                inputs: 0,
                after_ms: 0,
                met: 1,
            },
            watch,
        );
        Ok(())
    }

    /// The finding that a fault is known as, as far as that can be told before it is made small.
    fn met(&self, fault: &Fault, input: &Input, seen: &Observation) -> Option<usize> {
        let Input::Updates(updates) = input else {
            let name = dedup::name(fault, None, &seen.said, input);
            return self.state.findings.iter().position(|finding| finding.signature == name);
        };
        let sights: Vec<Sight> = updates.iter().map(Sight::of).collect();
        self.state.findings.iter().position(|finding| {
            finding.fault.is_like(fault)
                && match (fault, Pattern::of(&finding.input)) {
                    // What is taken is told by what is wrong with it alone.
                    (Fault::Accepted { .. }, _) => finding.fault == *fault,
                    (_, Some(pattern)) => {
                        let kind = self.known.iter().filter(|known| **known == pattern.clone().of_any_kind());
                        kind.chain([&pattern])
                            .any(|pattern| sights.iter().any(|sight| pattern.covers_all(sight)))
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
        watch: &mut dyn Watch,
    ) -> Result<(bool, Option<Input>), Trouble> {
        let Input::Updates(list) = input else { return Ok((false, None)) };
        if list.len() < 2 || list.len() > 64 || !matches!(fault, Fault::Died | Fault::Hung | Fault::Deaf) {
            return Ok((false, None));
        }
        for update in list {
            if !self.goes_on(watch) {
                break;
            }
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
        watch: &mut dyn Watch,
    ) -> Result<Pattern, Trouble> {
        let mut seen = Observation::quiet();
        let mut tried = 0;
        for other in with_other_kinds(least) {
            tried += 1;
            if !self.goes_on(watch) || !self.does(target, fault, &other, &mut seen)? {
                return Ok(pattern);
            }
        }
        Ok(if tried > 1 { pattern.of_any_kind() } else { pattern })
    }

    pub(super) fn add(&mut self, mut finding: Finding, watch: &mut dyn Watch) {
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
}

/// What a try costs: a target that has to be waited for or begun anew takes more of the time.
fn price(seen: &Observation) -> u32 {
    match seen.outcome {
        Outcome::Unseen => 0,
        Outcome::Alive => 1 + u32::from(seen.reset.is_some()),
        Outcome::Died { .. } => 3,
        Outcome::Hung | Outcome::Deaf => 25,
    }
}

/// Types that differ from each other in what they hold.
const OTHERS: [u8; 3] = [4, 7, 10];

/// The same with a component of other types, where it holds one route of one list.
fn with_other_kinds(input: &Input) -> Vec<Input> {
    let Input::Updates(updates) = input else { return Vec::new() };
    let [update] = updates.as_slice() else { return Vec::new() };
    let [route] = update.routes.as_slice() else { return Vec::new() };
    let [_, kind, ..] = *route.as_slice() else { return Vec::new() };
    if update.table.is_vpn() || !(3..=13).contains(&kind) {
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
