//! A member of a set as the values of a packet, with a sensible one where there is a choice.

use super::bdd::{FALSE, TRUE};
use super::model::{Model, Variable};
use super::sensible;
use super::space::{Space, Spaces};
use crate::field::{Field, Headers};
use crate::guard::Exhausted;
use crate::net::{STEP, mix};

/// Which member, where there are many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taste {
    /// The most usual packet: documentation addresses, a hop limit of 64, a bare header.
    Sensible,
    /// One that follows from this number: different numbers, different packets.
    Seed(u64),
}

impl Spaces<'_> {
    /// A packet of the set; none when no packet that can exist is in it.
    pub fn witness(&mut self, space: Space) -> Result<Option<Headers>, Exhausted> {
        self.member(space, Taste::Sensible)
    }

    /// A packet of the set, to a taste; none when no packet that can exist is in it.
    pub fn member(&mut self, space: Space, taste: Taste) -> Result<Option<Headers>, Exhausted> {
        let world = self.world()?;
        let within = self.intersection(space, world)?;
        if within.is_empty() {
            return Ok(None);
        }
        let mut draft = Draft::new(self.model, taste);
        let mut node = within.0;
        for (number, variable) in (0_u32..).zip(self.model.variables()) {
            let wanted = draft.wanted(*variable);
            let chosen = if node > TRUE && self.bdd.var(node) == number {
                let (low, high) = self.bdd.branches(node);
                let bit = if wanted { high != FALSE } else { low == FALSE };
                node = if bit { high } else { low };
                bit
            } else {
                wanted
            };
            draft.decide(*variable, chosen);
        }
        Ok(Some(draft.finish()))
    }
}

/// A packet on the way: the values decided so far, whether or not the packet will have the field.
struct Draft<'m> {
    model: &'m Model,
    taste: Taste,
    decided: Vec<Option<u128>>,
    present: Vec<bool>,
    behind: u128,
}

impl<'m> Draft<'m> {
    fn new(model: &'m Model, taste: Taste) -> Self {
        Self { model, taste, decided: vec![None; Field::COUNT], present: vec![true; Field::COUNT], behind: 0 }
    }

    fn known(&self, field: Field) -> Option<u128> {
        self.decided.get(field as usize).copied().flatten()
    }

    fn wanted(&self, variable: Variable) -> bool {
        if let Taste::Seed(seed) = self.taste {
            return coin(seed, variable);
        }
        let known = |field| self.known(field).filter(|_| self.is_present(field, 8));
        match variable {
            Variable::Present(field) => sensible::present(field),
            Variable::Bit(field, shift) => sensible::value(field, &known) >> shift & 1 == 1,
            Variable::Behind(position) => {
                let shift = 127_u32.checked_sub(u32::from(position));
                shift.is_some_and(|shift| sensible::behind(&known) >> shift & 1 == 1)
            }
        }
    }

    fn decide(&mut self, variable: Variable, bit: bool) {
        match variable {
            Variable::Present(field) => {
                if let Some(slot) = self.present.get_mut(field as usize) {
                    *slot = bit;
                }
            }
            Variable::Bit(field, shift) => {
                if let Some(slot) = self.decided.get_mut(field as usize) {
                    *slot = Some(slot.unwrap_or(0) | u128::from(bit) << shift);
                }
            }
            Variable::Behind(position) => {
                let shift = 127_u32.saturating_sub(u32::from(position));
                self.behind |= u128::from(bit) << shift;
            }
        }
    }

    fn value(&self, field: Field) -> u128 {
        match self.model.row(field) {
            Some(row) => match row.l4_bit {
                Some(first) => cut(self.behind, first, row.width),
                None => self.known(field).unwrap_or(0),
            },
            None => 0,
        }
    }

    /// Whether the packet has a field. Needs lead from field to field a few steps; `steps` ends a circle.
    fn is_present(&self, field: Field, steps: u8) -> bool {
        let Some(row) = self.model.row(field) else { return false };
        let holds = |(other, values): &(Field, crate::net::IntervalSet<u32>)| {
            let value = u32::try_from(self.value(*other)).ok();
            let there = *other == field || steps > 0 && self.is_present(*other, steps - 1);
            there && value.is_some_and(|value| values.contains(value))
        };
        row.needs.iter().all(holds)
            && (!row.optional || self.present.get(field as usize).copied().unwrap_or(false))
    }

    fn finish(&self) -> Headers {
        let mut headers = Headers::new();
        for row in self.model.rows() {
            if self.is_present(row.field, 8) {
                headers.set_wide(row.field, self.value(row.field));
            }
        }
        headers
    }
}

/// `width` bits of 16 octets from the bit `first` on, 0 the first sent.
pub(super) fn cut(octets: u128, first: u8, width: u8) -> u128 {
    let below = 128_u32.saturating_sub(u32::from(first)).saturating_sub(u32::from(width));
    let mask = 1_u128.checked_shl(u32::from(width)).map_or(u128::MAX, |x| x - 1);
    octets.checked_shr(below).unwrap_or(0) & mask
}

/// A bit that depends on a seed and a variable and on nothing else (splitmix64).
fn coin(seed: u64, variable: Variable) -> bool {
    let place = match variable {
        Variable::Present(field) => field as u64,
        Variable::Bit(field, shift) => 0x1_0000 | (field as u64) << 8 | u64::from(shift),
        Variable::Behind(position) => 0x2_0000 | u64::from(position),
    };
    mix(seed ^ place.wrapping_mul(STEP)) & 1 == 1
}
