//! Strongly connected components of an automaton.

use super::automaton::{Automaton, StateId};
use crate::guard::{Exhausted, Meter};

/// The components of an automaton, of which no two lead to each other.
#[derive(Clone, Debug)]
pub(super) struct Components {
    of: Vec<usize>,
    states: Vec<Vec<StateId>>,
    loops: Vec<bool>,
    before: Vec<Vec<usize>>,
}

const NONE: usize = usize::MAX;

impl Components {
    /// The components by the edges that are wanted (R. Tarjan, "Depth-first search and linear graph algorithms", 1972).
    pub(super) fn of(
        automaton: &Automaton,
        wanted: impl Fn(StateId, StateId) -> bool,
        meter: &mut Meter,
    ) -> Result<Self, Exhausted> {
        let count = automaton.states.len();
        let mut walk = Walk {
            index: vec![NONE; count],
            low: vec![NONE; count],
            of: vec![NONE; count],
            ..Walk::default()
        };
        for root in 0..count {
            if walk.index.get(root) == Some(&NONE) {
                walk.from(root, automaton, &wanted, meter)?;
            }
        }
        let Walk { of, states, .. } = walk;
        let mut loops: Vec<bool> = states.iter().map(|states| states.len() > 1).collect();
        let mut before = vec![Vec::new(); states.len()];
        for (state, own) in of.iter().enumerate() {
            for edge in automaton.edges(state).iter().filter(|edge| wanted(state, edge.to)) {
                meter.charge(1)?;
                let Some(to) = of.get(edge.to) else { continue };
                if edge.to == state
                    && let Some(place) = loops.get_mut(*own)
                {
                    *place = true;
                }
                if to != own
                    && let Some(list) = before.get_mut(*to)
                {
                    list.push(*own);
                }
            }
        }
        for list in &mut before {
            list.sort_unstable();
            list.dedup();
        }
        Ok(Self { of, states, loops, before })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The component of a state.
    pub(super) fn component(&self, state: StateId) -> Option<usize> {
        self.of.get(state).copied()
    }

    /// The states of a component.
    pub(super) fn states(&self, component: usize) -> &[StateId] {
        self.states.get(component).map_or(&[], Vec::as_slice)
    }

    /// Whether a component leads back to itself.
    pub(super) fn is_loop(&self, component: usize) -> bool {
        self.loops.get(component).copied().unwrap_or(false)
    }

    /// The components that lead back to themselves.
    pub(super) fn loops(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter(|component| self.is_loop(*component))
    }

    /// The components that lead to one in one step.
    pub(super) fn before(&self, component: usize) -> impl Iterator<Item = usize> {
        self.before.get(component).into_iter().flatten().copied()
    }

    /// All components, none before one that leads to it.
    pub(super) fn in_order(&self) -> impl Iterator<Item = usize> + use<> {
        // They are found the other way round.
        (0..self.states.len()).rev()
    }
}

#[derive(Default)]
struct Walk {
    index: Vec<usize>,
    low: Vec<usize>,
    of: Vec<usize>,
    stack: Vec<StateId>,
    states: Vec<Vec<StateId>>,
    next: usize,
}

impl Walk {
    fn from(
        &mut self,
        root: StateId,
        automaton: &Automaton,
        wanted: &impl Fn(StateId, StateId) -> bool,
        meter: &mut Meter,
    ) -> Result<(), Exhausted> {
        // A state and how many of its edges were followed.
        let mut calls: Vec<(StateId, usize)> = vec![(root, 0)];
        self.enter(root);
        while let Some((state, followed)) = calls.last_mut() {
            meter.charge(1)?;
            let state = *state;
            if let Some(edge) = automaton.edges(state).get(*followed) {
                *followed += 1;
                if !wanted(state, edge.to) {
                    continue;
                }
                if self.index.get(edge.to) == Some(&NONE) {
                    self.enter(edge.to);
                    calls.push((edge.to, 0));
                } else if self.of.get(edge.to) == Some(&NONE) {
                    self.lower(state, self.index.get(edge.to).copied());
                }
                continue;
            }
            calls.pop();
            if self.low.get(state) == self.index.get(state) {
                self.close(state);
            }
            if let Some((caller, _)) = calls.last() {
                self.lower(*caller, self.low.get(state).copied());
            }
        }
        Ok(())
    }

    fn enter(&mut self, state: StateId) {
        for list in [&mut self.index, &mut self.low] {
            if let Some(place) = list.get_mut(state) {
                *place = self.next;
            }
        }
        self.next += 1;
        self.stack.push(state);
    }

    fn lower(&mut self, state: StateId, to: Option<usize>) {
        if let (Some(place), Some(to)) = (self.low.get_mut(state), to) {
            *place = (*place).min(to);
        }
    }

    fn close(&mut self, state: StateId) {
        let mut members = Vec::new();
        while let Some(member) = self.stack.pop() {
            if let Some(place) = self.of.get_mut(member) {
                *place = self.states.len();
            }
            members.push(member);
            if member == state {
                break;
            }
        }
        members.sort_unstable();
        self.states.push(members);
    }
}
