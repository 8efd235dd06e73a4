//! Whether a backtracking search of a pattern can take longer than its subject is long, and how much.
//!
//! A search that fails tries every way through the automaton. There are exponentially many where a state has two
//! different ways back to itself over one word (EDA), and polynomially many where a word leads from `p` to `p`, from
//! `p` to another `q` and from `q` to `q` (IDA); the longest chain of such pairs is the degree less one, since every
//! place a way comes by costs a step. A. Weber and H. Seidl, "On the degree of ambiguity of finite automata", 1991;
//! N. Weideman et al., "Analyzing matching time behavior of backtracking regular expression matchers", 2016.
//!
//! A state behind which the pattern matches whatever follows ends the search: no way through it fails. Such states
//! begin pairs only: each place they come by is tried once, as the search itself tries places to begin.

use super::automaton::{Automaton, StateId};
use super::components::Components;
use super::words;
use crate::guard::{Exhausted, Meter};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

/// A word that makes a search long: parts one after the other, the pump of each again and again.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Attack {
    /// What comes before each pump, and the pump.
    pub(super) parts: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an automaton says of searches.
#[derive(Clone, Debug, Default)]
pub(super) struct Ambiguity {
    /// Words with two ways back to one state.
    pub(super) exponential: Vec<Attack>,
    /// The power of the subject's length that steps are bounded by, where nothing is exponential.
    pub(super) degree: u32,
    /// The chain of the highest degree, where that is above one.
    pub(super) chain: Option<Attack>,
}

/// Exponential components told of; one is enough to say that there are any.
const EXPONENTIAL: usize = 4;

/// Asks an automaton.
pub(super) fn ambiguity(automaton: &Automaton, meter: &mut Meter) -> Result<Ambiguity, Exhausted> {
    let live =
        Components::of(automaton, |from, to| !automaton.accepts(from) && !automaton.accepts(to), meter)?;
    let whole = Components::of(automaton, |_, _| true, meter)?;
    let asked = Asked { automaton, live, whole };
    let mut found = Ambiguity { degree: 1, ..Ambiguity::default() };
    for component in asked.live.loops() {
        if found.exponential.len() < EXPONENTIAL
            && let Some((state, pump)) = asked.two_ways_back(component, meter)?
            && let Some(lead) = words::between(automaton, 0, state, |_| true, meter)?
        {
            found.exponential.push(Attack { parts: vec![(lead, pump)] });
        }
    }
    let (degree, chain) = asked.longest_chain(meter)?;
    found.degree = degree;
    found.chain = chain;
    Ok(found)
}

/// A pair of states with a word that leads from the first to both and from the second to itself.
#[derive(Clone, Debug)]
struct Pair {
    first: StateId,
    second: StateId,
    pump: Vec<u8>,
}

struct Asked<'a> {
    automaton: &'a Automaton,
    /// Without the states behind which a match is sure.
    live: Components,
    whole: Components,
}

/// Steps that a tuple takes which is kept.
const KEPT: u64 = 3;

/// Two or three states that ways have come to over one word.
type Tuple = (StateId, StateId, StateId);

impl Asked<'_> {
    /// A state of a component with two different ways back to itself, and the word they are over.
    fn two_ways_back(
        &self,
        component: usize,
        meter: &mut Meter,
    ) -> Result<Option<(StateId, Vec<u8>)>, Exhausted> {
        let within = |state: StateId| self.live.component(state) == Some(component);
        let states = self.live.states(component);
        for state in states {
            for edge in self.automaton.edges(*state).iter().filter(|edge| edge.many && within(edge.to)) {
                let Some(octet) = edge.octets.sample() else { continue };
                if let Some(back) = words::between(self.automaton, edge.to, *state, within, meter)? {
                    let pump = std::iter::once(octet).chain(back).collect();
                    return Ok(Some((*state, pump)));
                }
            }
        }
        // Pairs of states that one word leads to, from any one state.
        let mut from: HashMap<(StateId, StateId), ((StateId, StateId), u8)> = HashMap::new();
        let mut open: VecDeque<(StateId, StateId)> = states.iter().map(|state| (*state, *state)).collect();
        while let Some((a, b)) = open.pop_front() {
            for one in self.automaton.edges(a).iter().filter(|edge| within(edge.to)) {
                for other in self.automaton.edges(b).iter().filter(|edge| within(edge.to)) {
                    meter.charge(1)?;
                    let both = one.octets.intersection(other.octets);
                    let pair = (one.to, other.to);
                    if pair.0 != pair.1 && from.contains_key(&pair) {
                        continue;
                    }
                    let Some(octet) = both.sample() else { continue };
                    if pair.0 != pair.1 {
                        if let Entry::Vacant(place) = from.entry(pair) {
                            meter.charge(KEPT)?;
                            place.insert(((a, b), octet));
                            open.push_back(pair);
                        }
                        continue;
                    }
                    if a == b {
                        continue;
                    }
                    // Together again: back to where the two parted.
                    let mut pump = vec![octet];
                    let mut at = (a, b);
                    while at.0 != at.1 {
                        let Some((before, octet)) = from.get(&at) else { break };
                        pump.push(*octet);
                        at = *before;
                    }
                    pump.reverse();
                    if let Some(back) = words::between(self.automaton, pair.0, at.0, within, meter)? {
                        pump.extend(back);
                        return Ok(Some((at.0, pump)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The power of the subject's length, and the words that reach it.
    fn longest_chain(&self, meter: &mut Meter) -> Result<(u32, Option<Attack>), Exhausted> {
        let mut pairs: HashMap<usize, Vec<(usize, Pair)>> = HashMap::new();
        // Components that begin a chain only.
        let mut roots: Vec<Pair> = Vec::new();
        for component in self.live.loops() {
            for state in self.live.states(component) {
                for pair in
                    self.pairs(*state, |other| self.live.component(other) == Some(component), meter)?
                {
                    let Some(second) = self.live.component(pair.second) else { continue };
                    if second != component {
                        pairs.entry(second).or_default().push((component, pair));
                    }
                }
            }
        }
        for component in self.whole.loops() {
            for state in self.whole.states(component).iter().filter(|state| self.automaton.accepts(**state)) {
                roots.extend(self.pairs(
                    *state,
                    |other| self.whole.component(other) == Some(component),
                    meter,
                )?);
            }
        }
        let mut best: Vec<Option<Best>> = vec![None; self.live.len()];
        for component in self.live.in_order() {
            let mut here = Best::default();
            for before in self.live.before(component) {
                meter.charge(1)?;
                if let Some(Some(there)) = best.get(before)
                    && there.pairs.len() > here.pairs.len()
                {
                    here = there.clone();
                }
            }
            for (first, pair) in pairs.get(&component).into_iter().flatten() {
                meter.charge(1)?;
                if let Some(Some(there)) = best.get(*first)
                    && there.pairs.len() + 1 > here.pairs.len()
                {
                    here = there.clone();
                    here.pairs.push(pair.clone());
                }
            }
            for pair in &roots {
                if here.pairs.is_empty() && self.live.component(pair.second) == Some(component) {
                    here.pairs.push(pair.clone());
                }
            }
            if let Some(place) = best.get_mut(component) {
                *place = Some(here);
            }
        }
        let Some(best) = best.into_iter().flatten().max_by_key(|best| best.pairs.len()) else {
            return Ok((1, None));
        };
        let degree = u32::try_from(best.pairs.len()).unwrap_or(u32::MAX).saturating_add(1);
        Ok((degree, self.attack(&best.pairs, meter)?))
    }

    /// The pairs that a state is the first of; one for each component that the second is of.
    fn pairs(
        &self,
        first: StateId,
        within: impl Fn(StateId) -> bool,
        meter: &mut Meter,
    ) -> Result<Vec<Pair>, Exhausted> {
        let automaton = self.automaton;
        // The states that a word leads to which leads back to the first.
        let mut seen: HashSet<(StateId, StateId)> = HashSet::new();
        let mut open = vec![(first, first)];
        let mut seconds = Vec::new();
        while let Some((a, b)) = open.pop() {
            for one in automaton.edges(a).iter().filter(|edge| within(edge.to)) {
                for other in automaton.edges(b).iter().filter(|edge| !automaton.accepts(edge.to)) {
                    meter.charge(1)?;
                    let pair = (one.to, other.to);
                    if one.octets.intersection(other.octets).is_empty() || !seen.insert(pair) {
                        continue;
                    }
                    // What is kept costs more than what is looked at.
                    meter.charge(KEPT)?;
                    open.push(pair);
                    let loops = || self.live.component(pair.1).is_some_and(|c| self.live.is_loop(c));
                    if pair.0 == first && pair.1 != first && loops() {
                        seconds.push(pair.1);
                    }
                }
            }
        }
        let mut found: Vec<Pair> = Vec::new();
        let mut done: HashSet<usize> = HashSet::new();
        seconds.sort_unstable();
        for second in seconds {
            let Some(component) = self.live.component(second) else { continue };
            if done.contains(&component) || self.live.component(first) == Some(component) {
                continue;
            }
            if let Some(pump) = self.pump(first, second, &within, component, meter)? {
                found.push(Pair { first, second, pump });
                done.insert(component);
            }
        }
        Ok(found)
    }

    /// A word from `first` to itself, from `first` to `second` and from `second` to itself.
    fn pump(
        &self,
        first: StateId,
        second: StateId,
        within: &impl Fn(StateId) -> bool,
        component: usize,
        meter: &mut Meter,
    ) -> Result<Option<Vec<u8>>, Exhausted> {
        let automaton = self.automaton;
        let in_second = |state: StateId| self.live.component(state) == Some(component);
        let mut from: HashMap<Tuple, (Tuple, u8)> = HashMap::new();
        let start = (first, first, second);
        let mut open = VecDeque::from([start]);
        while let Some(at) = open.pop_front() {
            for c in automaton.edges(at.2).iter().filter(|edge| in_second(edge.to)) {
                for a in automaton.edges(at.0).iter().filter(|edge| within(edge.to)) {
                    meter.charge(1)?;
                    let both = a.octets.intersection(c.octets);
                    if both.is_empty() {
                        continue;
                    }
                    for b in automaton.edges(at.1).iter().filter(|edge| !automaton.accepts(edge.to)) {
                        meter.charge(1)?;
                        let Some(octet) = both.intersection(b.octets).sample() else { continue };
                        let to = (a.to, b.to, c.to);
                        if to == (first, second, second) {
                            let mut pump = vec![octet];
                            let mut here = at;
                            while here != start {
                                let Some((before, octet)) = from.get(&here) else { break };
                                pump.push(*octet);
                                here = *before;
                            }
                            pump.reverse();
                            return Ok(Some(pump));
                        }
                        if to != start && !from.contains_key(&to) {
                            meter.charge(KEPT)?;
                            from.insert(to, (at, octet));
                            open.push_back(to);
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    fn attack(&self, pairs: &[Pair], meter: &mut Meter) -> Result<Option<Attack>, Exhausted> {
        let mut attack = Attack::default();
        let mut at = 0;
        for pair in pairs {
            // The search is everywhere from the beginning.
            let lead = if self.automaton.is_search(pair.first) {
                Some(Vec::new())
            } else {
                words::between(self.automaton, at, pair.first, |_| true, meter)?
            };
            let Some(lead) = lead else { return Ok(None) };
            attack.parts.push((lead, pair.pump.clone()));
            at = pair.second;
        }
        Ok((!attack.parts.is_empty()).then_some(attack))
    }
}

/// The longest chain that ends at a component or before it.
#[derive(Clone, Default, Debug)]
struct Best {
    pairs: Vec<Pair>,
}
