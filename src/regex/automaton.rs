//! Patterns as automata that keep every way to match apart.
//!
//! The tree becomes a graph of steps, Thompson's construction without any simplification; from it come states, one for
//! each place of the pattern that takes an octet, and edges between them. An edge says which octets the place it leads
//! to takes there, and whether more than one way without an octet leads along it: `(a*)*` has two from `a` to `a`, and
//! that is what makes it slow.
//!
//! Places that take no octet (`^`, `\b`) are kept exactly: states are told apart by what they look back at. Counts are
//! written out where that is small, else they become loops; an atomic group gives its octets up only where it is one
//! class repeated. Both take in more ways than there are, never fewer.

use super::Octets;
use super::set;
use super::tree::{Look, Node, NodeKind, Repeat};
use crate::guard::{Exhausted, Meter};
use std::collections::{BTreeMap, HashMap};

/// A state by its index.
pub(super) type StateId = usize;

/// How counts with an end become states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counts {
    /// Written out, where the part takes at most so many states then; else a loop.
    WrittenOut(u64),
    /// Always a loop.
    Loops,
}

/// An edge to a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Edge {
    /// Where it leads.
    pub(super) to: StateId,
    /// The octets taken there.
    pub(super) octets: Octets,
    /// Whether there is more than one way along it.
    pub(super) many: bool,
}

/// A state: a place of the pattern that takes an octet.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// The edges out of it.
    pub(super) edges: Vec<Edge>,
    /// Whether the pattern matches right behind it, whatever follows.
    pub(super) accepts: bool,
}

/// An automaton that looks for a pattern. State 0 is the beginning; the search for another place to begin is states
/// like the others.
#[derive(Clone, Debug)]
pub(super) struct Automaton {
    /// The states.
    pub(super) states: Vec<State>,
    /// Sets of octets that no edge tells apart.
    pub(super) alphabet: Vec<Octets>,
    /// How many of the states behind the first are those of the search.
    pub(super) search: usize,
    /// Whether a count with an end became a loop.
    pub(super) loosened: bool,
    /// Whether an atomic group is taken for a plain one.
    pub(super) atomics: bool,
}

impl Automaton {
    /// The automaton of a tree.
    pub(super) fn new(tree: &Node, counts: Counts, meter: &mut Meter) -> Result<Self, Exhausted> {
        let mut graph = Graph { steps: Vec::new(), counts, loops: 0, loosened: false, atomics: false };
        let end = graph.push(Step::Accept, meter)?;
        let start = graph.add(tree, end, meter)?;
        Builder::new(graph, start).finish(meter)
    }

    /// The edges out of a state.
    pub(super) fn edges(&self, state: StateId) -> &[Edge] {
        self.states.get(state).map_or(&[], |state| &state.edges)
    }

    /// Whether a state is of the search for another place to begin.
    pub(super) fn is_search(&self, state: StateId) -> bool {
        (1..=self.search).contains(&state)
    }

    /// Whether a match is sure once a state is reached.
    pub(super) fn accepts(&self, state: StateId) -> bool {
        // A loop that should have been a count ends too early.
        !self.loosened && self.states.get(state).is_some_and(|state| state.accepts)
    }
}

/// A step of the graph; what follows is a step by its index.
#[derive(Clone, Copy, Debug)]
enum Step {
    Set(Octets, usize),
    Look(Look, usize),
    Fork(usize, usize),
    /// Into a round of a loop.
    Enter(usize, usize),
    /// Out of a round: again at the first, or behind the loop at the second; there at once when the round took nothing.
    Leave(usize, usize, usize),
    /// The next octet is none of these.
    Not(Octets, usize),
    Accept,
}

struct Graph {
    steps: Vec<Step>,
    counts: Counts,
    loops: usize,
    loosened: bool,
    atomics: bool,
}

impl Graph {
    fn push(&mut self, step: Step, meter: &mut Meter) -> Result<usize, Exhausted> {
        meter.charge(1)?;
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    /// The steps of a part that goes on at `next`; where they begin.
    fn add(&mut self, node: &Node, next: usize, meter: &mut Meter) -> Result<usize, Exhausted> {
        match &node.kind {
            NodeKind::Set(set) => self.push(Step::Set(*set, next), meter),
            NodeKind::Look(look) => self.push(Step::Look(*look, next), meter),
            NodeKind::Cat(parts) => {
                parts.iter().rev().try_fold(next, |next, part| self.add(part, next, meter))
            }
            NodeKind::Alt(parts) => {
                let mut entry = None;
                for part in parts.iter().rev() {
                    let start = self.add(part, next, meter)?;
                    entry = Some(match entry {
                        None => start,
                        Some(rest) => self.push(Step::Fork(start, rest), meter)?,
                    });
                }
                Ok(entry.unwrap_or(next))
            }
            NodeKind::Repeat(repeat) => self.repeat(repeat, next, meter),
            NodeKind::Atomic(inner) => self.atomic(inner, next, meter),
        }
    }

    fn repeat(&mut self, repeat: &Repeat, next: usize, meter: &mut Meter) -> Result<usize, Exhausted> {
        let Repeat { node, least, most, .. } = repeat;
        let written = |times: u32| super::size::states(node).saturating_mul(u64::from(times));
        let fits = |times: u32| match self.counts {
            Counts::WrittenOut(limit) => written(times) <= limit,
            Counts::Loops => times <= 1,
        };
        match most {
            Some(0) => Ok(next),
            Some(most) if fits(*most) => {
                let mut entry = next;
                for round in (0..*most).rev() {
                    let start = self.add(node, entry, meter)?;
                    // Leaving early goes behind the whole.
                    entry = if round < *least { start } else { self.push(Step::Fork(start, next), meter)? };
                }
                Ok(entry)
            }
            _ => {
                self.loosened |= most.is_some();
                let copies = if fits(*least) { least.saturating_sub(1) } else { 0 };
                self.loosened |= least.saturating_sub(1) > copies;
                let number = self.loops;
                self.loops += 1;
                // What a round leads back to must be there before the round is.
                let head = self.push(Step::Accept, meter)?;
                let leave = self.push(Step::Leave(number, head, next), meter)?;
                let body = self.add(node, leave, meter)?;
                let enter = self.push(Step::Enter(number, body), meter)?;
                if let Some(step) = self.steps.get_mut(head) {
                    *step = Step::Fork(enter, next);
                }
                let entry = if *least == 0 { head } else { enter };
                (0..copies).try_fold(entry, |next, _| self.add(node, next, meter))
            }
        }
    }

    fn atomic(&mut self, inner: &Node, next: usize, meter: &mut Meter) -> Result<usize, Exhausted> {
        if let NodeKind::Repeat(repeat) = &inner.kind
            && let NodeKind::Set(set) = repeat.node.kind
            && repeat.greedy
        {
            let Repeat { least, most, .. } = **repeat;
            match most {
                // It takes all there are: what follows is another octet.
                None => {
                    let behind = self.push(Step::Not(set, next), meter)?;
                    return self.repeat(repeat, behind, meter);
                }
                Some(most) if most <= 64 => {
                    let mut entry = next;
                    for round in (0..most).rev() {
                        let start = self.push(Step::Set(set, entry), meter)?;
                        entry = if round < least {
                            start
                        } else {
                            let early = self.push(Step::Not(set, next), meter)?;
                            self.push(Step::Fork(start, early), meter)?
                        };
                    }
                    return Ok(entry);
                }
                Some(_) => {}
            }
        }
        let mut chooses = false;
        inner.visit(&mut |node| {
            chooses |= match &node.kind {
                NodeKind::Alt(_) => true,
                NodeKind::Repeat(repeat) => repeat.most != Some(repeat.least),
                _ => false,
            }
        });
        self.atomics |= chooses;
        self.add(inner, next, meter)
    }
}

/// What a way without octets knows: what stood before, what may follow, the loops entered on it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Way {
    step: usize,
    next: Octets,
    may_end: bool,
    entered: Vec<usize>,
}

struct Builder {
    graph: Graph,
    start: usize,
    /// What states are told apart by when they are looked back at.
    kinds: Vec<Octets>,
    /// The state of a step and a kind.
    ids: HashMap<(usize, usize), StateId>,
    states: Vec<State>,
    /// Of each state the step behind it and its kind; none for the beginning.
    behind: Vec<(usize, Option<Octets>)>,
}

impl Builder {
    fn new(graph: Graph, start: usize) -> Self {
        let looks = |wanted: &[Look]| {
            graph.steps.iter().any(|step| matches!(step, Step::Look(look, _) if wanted.contains(look)))
        };
        let mut cuts = Vec::new();
        if looks(&[Look::Border, Look::NoBorder]) {
            cuts.push(set::word());
        }
        if looks(&[Look::LineStart]) {
            cuts.push(set::line_end());
        }
        let kinds = set::partition(cuts);
        Self { graph, start, kinds, ids: HashMap::new(), states: Vec::new(), behind: Vec::new() }
    }

    fn finish(mut self, meter: &mut Meter) -> Result<Automaton, Exhausted> {
        self.state(self.start, None);
        let search = self.kinds.len();
        for kind in self.kinds.clone() {
            self.state(self.start, Some(kind));
        }
        let searches: Vec<Edge> = self
            .kinds
            .iter()
            .zip(1..)
            .map(|(octets, to)| Edge { to, octets: *octets, many: false })
            .collect();
        let mut at = 0;
        while let Some((step, kind)) = self.behind.get(at).copied() {
            let (mut edges, accepts) = self.edges(step, kind, meter)?;
            if at <= search {
                edges.extend(searches.iter().copied());
            }
            meter.charge(edges.len() as u64)?;
            if let Some(state) = self.states.get_mut(at) {
                *state = State { edges, accepts };
            }
            at += 1;
        }
        let sets: std::collections::BTreeSet<Octets> =
            self.states.iter().flat_map(|state| &state.edges).map(|edge| edge.octets).collect();
        meter.charge(sets.len() as u64 * 64)?;
        let alphabet = set::partition(sets);
        let Graph { loosened, atomics, .. } = self.graph;
        let mut automaton = Automaton { states: self.states, alphabet, search, loosened, atomics };
        automaton.drop_idle_search();
        Ok(automaton)
    }

    fn state(&mut self, step: usize, kind: Option<Octets>) -> StateId {
        self.states.push(State::default());
        self.behind.push((step, kind));
        self.states.len() - 1
    }

    /// The edges that lead on from a step, and whether the pattern matches there whatever follows.
    fn edges(
        &mut self,
        step: usize,
        kind: Option<Octets>,
        meter: &mut Meter,
    ) -> Result<(Vec<Edge>, bool), Exhausted> {
        let mut found: BTreeMap<StateId, Edge> = BTreeMap::new();
        let mut accepts = false;
        // How often a way was come by; twice tells as much as more.
        let mut seen: HashMap<Way, u8> = HashMap::new();
        let mut open = vec![Way { step, next: Octets::ALL, may_end: true, entered: Vec::new() }];
        while let Some(way) = open.pop() {
            meter.charge(1)?;
            let times = seen.entry(way.clone()).or_insert(0);
            if *times == 2 {
                continue;
            }
            *times += 1;
            match self.graph.steps.get(way.step).copied() {
                None => {}
                Some(Step::Accept) => accepts |= way.may_end && way.next == Octets::ALL,
                Some(Step::Set(octets, behind)) => self.arrive(&way, octets, behind, &mut found),
                Some(Step::Fork(one, other)) => {
                    open.push(Way { step: one, ..way.clone() });
                    open.push(Way { step: other, ..way });
                }
                Some(Step::Enter(number, body)) => {
                    let mut entered = way.entered.clone();
                    entered.push(number);
                    open.push(Way { step: body, entered, ..way });
                }
                Some(Step::Leave(number, again, behind)) => {
                    // A round that took nothing is the last.
                    let at = way.entered.iter().position(|entered| *entered == number);
                    let step = if at.is_some() { behind } else { again };
                    let mut entered = way.entered.clone();
                    entered.truncate(at.unwrap_or(entered.len()));
                    open.push(Way { step, entered, ..way });
                }
                Some(Step::Not(octets, behind)) => {
                    open.push(Way { step: behind, next: way.next.difference(octets), ..way });
                }
                Some(Step::Look(look, behind)) => {
                    if let Some((next, may_end)) = looked(look, kind) {
                        let next = way.next.intersection(next);
                        open.push(Way { step: behind, next, may_end: way.may_end && may_end, ..way });
                    }
                }
            }
        }
        Ok((found.into_values().collect(), accepts))
    }

    /// Adds the edges to the states of a step that takes octets.
    fn arrive(&mut self, way: &Way, octets: Octets, behind: usize, found: &mut BTreeMap<StateId, Edge>) {
        let octets = octets.intersection(way.next);
        for at in 0..self.kinds.len() {
            let Some(kind) = self.kinds.get(at).copied() else { continue };
            let octets = octets.intersection(kind);
            if octets.is_empty() {
                continue;
            }
            let known = self.ids.get(&(way.step, at)).copied();
            let to = known.unwrap_or_else(|| {
                let id = self.state(behind, Some(kind));
                self.ids.insert((way.step, at), id);
                id
            });
            // Two ways that let different octets through are one for those only that both do; taken for all.
            let edge = found.entry(to).or_insert(Edge { to, octets: Octets::NONE, many: false });
            edge.many |= !edge.octets.intersection(octets).is_empty();
            edge.octets = edge.octets.union(octets);
        }
    }
}

/// What may follow a place, and whether the end may, where the octet before is of a kind; none where it is not such a
/// place.
fn looked(look: Look, before: Option<Octets>) -> Option<(Octets, bool)> {
    let is_word = before.is_some_and(|kind| kind.intersection(set::word()) == kind);
    match look {
        Look::Start => before.is_none().then_some((Octets::ALL, true)),
        Look::LineStart if before.is_none() => Some((Octets::ALL, true)),
        Look::LineStart => before.filter(|kind| *kind == set::line_end()).map(|_| (Octets::ALL, false)),
        Look::End => Some((Octets::NONE, true)),
        Look::EndOrLast | Look::LineEnd => Some((set::line_end(), true)),
        Look::Border if is_word => Some((set::word().complement(), true)),
        Look::Border => Some((set::word(), false)),
        Look::NoBorder if is_word => Some((set::word(), false)),
        Look::NoBorder => Some((set::word().complement(), true)),
    }
}

impl Automaton {
    /// Takes the edges away that begin a search which leads nowhere but to itself: the pattern is anchored.
    fn drop_idle_search(&mut self) {
        let search = self.search;
        let leads_on = |state: &State| state.accepts || state.edges.iter().any(|edge| edge.to > search);
        if self.states.iter().skip(1).take(search).any(leads_on) {
            return;
        }
        for state in self.states.iter_mut().take(search + 1) {
            state.edges.retain(|edge| edge.to > search);
        }
    }
}
