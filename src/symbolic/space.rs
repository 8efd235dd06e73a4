//! Sets of packets behind a small surface: union, intersection, difference, emptiness, membership, a member.
//! How they are represented is nobody else's business.

use super::bdd::{Bdd, FALSE, Ref, TRUE};
use super::model::{Model, Variable};
use crate::field::{Field, Headers, Reading};
use crate::guard::{Exhausted, Limit, limits};
use std::collections::BTreeMap;

/// A set of packets, of the [`Spaces`] that made it. Equal sets are equal values.
///
/// Where opaque conditions take part, a set also ranges over what they may come to: [`Spaces::over`] and
/// [`Spaces::under`] are the packets that may be in it and those that surely are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Space(pub(super) Ref);

impl Space {
    /// No packet.
    pub const NONE: Self = Self(FALSE);
    /// Every packet, and every assignment of fields that is none.
    pub const ALL: Self = Self(TRUE);

    /// Whether no packet is in it, whatever opaque conditions come to.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

/// Makes sets of packets over one model, under one allowance.
#[derive(Debug)]
pub struct Spaces<'m> {
    pub(super) bdd: Bdd,
    pub(super) model: &'m Model,
    pub(super) presence: Vec<Option<Ref>>,
    pub(super) opaque: BTreeMap<Box<str>, u32>,
    pub(super) world: Option<Ref>,
    limit: &'static Limit,
    allowance: u64,
}

impl<'m> Spaces<'m> {
    /// Sets over `model`, with the allowance of `limit` (in decision-diagram nodes).
    pub fn new(model: &'m Model, limit: &'static Limit) -> Self {
        Self::with_allowance(model, limit, limit.value)
    }

    /// The same with another allowance.
    pub fn with_allowance(model: &'m Model, limit: &'static Limit, allowance: u64) -> Self {
        Self {
            bdd: Bdd::new(limit, allowance),
            model,
            presence: vec![None; Field::COUNT],
            opaque: BTreeMap::new(),
            world: None,
            limit,
            allowance,
        }
    }

    /// Makes ready for the next question: a new allowance, and no memory of the last one where that has become
    /// large. Sets made before must not be used afterwards.
    pub fn next_question(&mut self) {
        const KEPT: usize = 1 << 20;
        if self.bdd.size() > KEPT || self.opaque.len() > 64 {
            *self = Self::with_allowance(self.model, self.limit, self.allowance);
        } else {
            self.bdd.refill(self.limit, self.allowance);
        }
    }

    /// How much this question has spent.
    pub fn spent(&self) -> u64 {
        self.bdd.spent()
    }

    /// How many nodes the representation holds.
    pub fn nodes(&self) -> usize {
        self.bdd.size()
    }

    /// Packets in either.
    pub fn union(&mut self, a: Space, b: Space) -> Result<Space, Exhausted> {
        self.bdd.or(a.0, b.0).map(Space)
    }

    /// Packets in both.
    pub fn intersection(&mut self, a: Space, b: Space) -> Result<Space, Exhausted> {
        self.bdd.and(a.0, b.0).map(Space)
    }

    /// Packets in the first and not in the second.
    pub fn difference(&mut self, a: Space, b: Space) -> Result<Space, Exhausted> {
        self.bdd.less(a.0, b.0).map(Space)
    }

    /// Whether every packet of the first is in the second.
    pub fn is_subset(&mut self, a: Space, b: Space) -> Result<bool, Exhausted> {
        let world = self.world()?;
        let rest = self.difference(a, b)?;
        Ok(self.intersection(rest, world)?.is_empty())
    }

    /// The packets that may be in a set, whatever opaque conditions come to.
    pub fn over(&mut self, space: Space) -> Result<Space, Exhausted> {
        if self.opaque.is_empty() {
            return Ok(space);
        }
        self.bdd.project(space.0, self.model.first_opaque(), true).map(Space)
    }

    /// The packets that are in a set, whatever opaque conditions come to.
    pub fn under(&mut self, space: Space) -> Result<Space, Exhausted> {
        if self.opaque.is_empty() {
            return Ok(space);
        }
        self.bdd.project(space.0, self.model.first_opaque(), false).map(Space)
    }

    /// Whether a packet is in a set; none when an opaque condition or a field that was cut off decides.
    pub fn contains(&self, space: Space, headers: &Headers) -> Option<bool> {
        let mut node = space.0;
        while node > TRUE {
            let variable = self.model.variables().get(self.bdd.var(node) as usize)?;
            let (low, high) = self.bdd.branches(node);
            node = if self.bit_of(*variable, headers)? { high } else { low };
        }
        Some(node == TRUE)
    }

    /// The value of a variable for a packet; a bit that no field of the packet reads is false.
    fn bit_of(&self, variable: Variable, headers: &Headers) -> Option<bool> {
        let bit = |field, shift: u32| match headers.get(field) {
            Reading::Value(value) => Some(value.checked_shr(shift).unwrap_or(0) & 1 == 1),
            Reading::Absent => Some(false),
            Reading::Cut => None,
        };
        match variable {
            Variable::Present(field) => match headers.get(field) {
                Reading::Value(_) => Some(true),
                Reading::Absent => Some(false),
                Reading::Cut => None,
            },
            Variable::Bit(field, shift) => bit(field, u32::from(shift)),
            Variable::Behind(position) => {
                let mut cut = false;
                for row in self.model.rows() {
                    let Some(first) = row.l4_bit else { continue };
                    let Some(offset) = position.checked_sub(first) else { continue };
                    let Some(shift) = row.width.checked_sub(1).and_then(|w| w.checked_sub(offset)) else {
                        continue;
                    };
                    match headers.get(row.field) {
                        Reading::Value(_) => return bit(row.field, u32::from(shift)),
                        Reading::Absent => {}
                        Reading::Cut => cut = true,
                    }
                }
                (!cut).then_some(false)
            }
        }
    }

    /// The number of the variable of an opaque condition: one for each id.
    pub(super) fn opaque_variable(&mut self, id: &str) -> Result<u32, Exhausted> {
        if let Some(known) = self.opaque.get(id) {
            return Ok(*known);
        }
        let count = u32::try_from(self.opaque.len()).unwrap_or(u32::MAX);
        if u64::from(count) >= limits::OPAQUE_CONDITIONS.value {
            let limit = &limits::OPAQUE_CONDITIONS;
            return Err(Exhausted { limit, allowance: limit.value });
        }
        let variable = self.model.first_opaque().saturating_add(count);
        self.opaque.insert(id.into(), variable);
        Ok(variable)
    }
}
