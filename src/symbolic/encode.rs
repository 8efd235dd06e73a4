//! A condition as a set of packets: the second reader of its meaning, beside evaluation.

use super::bdd::{FALSE, Ref, TRUE};
use super::space::{Space, Spaces};
use crate::field::Field;
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Opaque, ValueSetRef};
use crate::net::BitMatch;

impl Spaces<'_> {
    /// The packets a condition holds for. Not every member need be a packet that can exist: what asks
    /// intersects with [`Spaces::world`] once.
    pub fn of(&mut self, condition: &Condition) -> Result<Space, Exhausted> {
        let mut depth = Meter::new(&limits::CONDITION_DEPTH);
        self.encode(condition, &mut depth).map(Space)
    }

    /// Every packet that can exist: the laws of the model, and no value above what its field can carry.
    pub fn world(&mut self) -> Result<Space, Exhausted> {
        if let Some(known) = self.world {
            return Ok(Space(known));
        }
        let model = self.model;
        let mut parts = Vec::new();
        for row in model.rows() {
            let ceiling = 1_u128.checked_shl(u32::from(row.width)).map_or(u128::MAX, |x| x - 1);
            if row.max < ceiling {
                let present = self.presence(row.field)?;
                let low = self.values(row.field, &[(0, row.max)])?;
                let high = self.bdd.less(present, low)?;
                parts.push(self.bdd.less(TRUE, high)?);
            }
        }
        for law in model.laws() {
            parts.push(self.of(law)?.0);
        }
        let world = self.fold(parts, TRUE, Self::and_nodes)?;
        self.world = Some(world);
        Ok(Space(world))
    }

    fn encode(&mut self, condition: &Condition, depth: &mut Meter) -> Result<Ref, Exhausted> {
        depth.charge(1)?;
        let node = match condition {
            Condition::True => TRUE,
            Condition::False => FALSE,
            Condition::Test(test) => {
                let present = self.presence(test.field())?;
                let values = self.value_set(test.field(), test.values())?;
                self.bdd.and(present, values)?
            }
            Condition::And(parts) => {
                let nodes = self.encode_all(parts, depth)?;
                self.fold(nodes, TRUE, Self::and_nodes)?
            }
            Condition::Or(parts) => {
                let nodes = self.encode_all(parts, depth)?;
                self.fold(nodes, FALSE, Self::or_nodes)?
            }
            Condition::Not(part) => {
                let part = self.encode(part, depth)?;
                self.bdd.less(TRUE, part)?
            }
            Condition::Opaque(opaque) => self.encode_opaque(opaque, depth)?,
        };
        depth.release(1);
        Ok(node)
    }

    fn encode_all(&mut self, parts: &[Condition], depth: &mut Meter) -> Result<Vec<Ref>, Exhausted> {
        parts.iter().map(|part| self.encode(part, depth)).collect()
    }

    /// What surely holds, or the condition's own variable within what may hold.
    fn encode_opaque(&mut self, opaque: &Opaque, depth: &mut Meter) -> Result<Ref, Exhausted> {
        let under = self.encode(&opaque.under, depth)?;
        let over = self.encode(&opaque.over, depth)?;
        let variable = self.opaque_variable(&opaque.id)?;
        let free = self.bdd.node(variable, FALSE, TRUE)?;
        let maybe = self.bdd.and(over, free)?;
        self.bdd.or(under, maybe)
    }

    fn and_nodes(&mut self, a: Ref, b: Ref) -> Result<Ref, Exhausted> {
        self.bdd.and(a, b)
    }

    fn or_nodes(&mut self, a: Ref, b: Ref) -> Result<Ref, Exhausted> {
        self.bdd.or(a, b)
    }

    /// Combines many nodes two by two, so that long lists meet as equals.
    fn fold(
        &mut self,
        mut nodes: Vec<Ref>,
        empty: Ref,
        combine: fn(&mut Self, Ref, Ref) -> Result<Ref, Exhausted>,
    ) -> Result<Ref, Exhausted> {
        while nodes.len() > 1 {
            nodes = nodes
                .chunks(2)
                .map(|pair| match pair {
                    [a, b] => combine(self, *a, *b),
                    [a] => Ok(*a),
                    _ => Ok(empty),
                })
                .collect::<Result<_, _>>()?;
        }
        Ok(nodes.pop().unwrap_or(empty))
    }

    /// The packets that have a field.
    pub(super) fn presence(&mut self, field: Field) -> Result<Ref, Exhausted> {
        if let Some(Some(known)) = self.presence.get(field as usize) {
            return Ok(*known);
        }
        let model = self.model;
        let Some(row) = model.row(field) else { return Ok(FALSE) };
        let mut node = TRUE;
        for (other, values) in &row.needs {
            let there = if *other == field { TRUE } else { self.presence(*other)? };
            let ranges: Vec<_> = values.ranges().map(|(lo, hi)| (u128::from(lo), u128::from(hi))).collect();
            let holds = self.values(*other, &ranges)?;
            let need = self.bdd.and(there, holds)?;
            node = self.bdd.and(node, need)?;
        }
        if let Some(variable) = model.place(field).and_then(|place| place.present) {
            let there = self.bdd.node(variable, FALSE, TRUE)?;
            node = self.bdd.and(node, there)?;
        }
        if let Some(slot) = self.presence.get_mut(field as usize) {
            *slot = Some(node);
        }
        Ok(node)
    }

    /// The assignments of a field's bits that are in a set.
    fn value_set(&mut self, field: Field, values: ValueSetRef<'_>) -> Result<Ref, Exhausted> {
        match values {
            ValueSetRef::Ranges(set) => {
                let mut ranges = set.ranges().map(|(lo, hi)| (u128::from(lo), u128::from(hi)));
                // One range, by far the most usual set, takes no list.
                match (ranges.len(), ranges.next()) {
                    (1, Some(one)) => self.values(field, &[one]),
                    (_, first) => {
                        let list: Vec<_> = first.into_iter().chain(ranges).collect();
                        self.values(field, &list)
                    }
                }
            }
            ValueSetRef::Wide(set) => {
                let ranges: Vec<_> = set.ranges().collect();
                self.values(field, &ranges)
            }
            ValueSetRef::Bits(set) => {
                let patterns = set.patterns();
                let nodes = patterns
                    .iter()
                    .map(|pattern| self.pattern(field, *pattern))
                    .collect::<Result<Vec<_>, _>>()?;
                self.fold(nodes, FALSE, Self::or_nodes)
            }
        }
    }

    /// A chain of comparisons: the assignments of a field's bits that lie in one of the sorted ranges.
    fn values(&mut self, field: Field, ranges: &[(u128, u128)]) -> Result<Ref, Exhausted> {
        let model = self.model;
        match model.place(field) {
            Some(place) if model.row(field).is_some() => self.descend(&place.bits, 0, ranges),
            _ => Ok(FALSE),
        }
    }

    /// The part of [`Self::values`] for the values that begin at `from` and differ in `bits` only.
    fn descend(&mut self, bits: &[u32], from: u128, ranges: &[(u128, u128)]) -> Result<Ref, Exhausted> {
        let size = 1_u128.checked_shl(u32::try_from(bits.len()).unwrap_or(u32::MAX));
        let to = size.map_or(u128::MAX, |size| from + (size - 1));
        let first = ranges.partition_point(|(_, hi)| *hi < from);
        let end = ranges.partition_point(|(lo, _)| *lo <= to);
        let inside = ranges.get(first..end).unwrap_or(&[]);
        match inside {
            [] => return Ok(FALSE),
            [(lo, hi), ..] if *lo <= from && *hi >= to => return Ok(TRUE),
            _ => {}
        }
        let Some((variable, rest)) = bits.split_first() else { return Ok(TRUE) };
        let half = 1_u128.checked_shl(u32::try_from(rest.len()).unwrap_or(u32::MAX)).unwrap_or(0);
        let low = self.descend(rest, from, inside)?;
        let high = self.descend(rest, from | half, inside)?;
        self.bdd.choose(*variable, low, high)
    }

    /// The assignments of a field's bits with a ternary pattern.
    fn pattern(&mut self, field: Field, pattern: BitMatch) -> Result<Ref, Exhausted> {
        let model = self.model;
        let (Some(row), Some(place)) = (model.row(field), model.place(field)) else { return Ok(FALSE) };
        let wide = 1_u128.checked_shl(u32::from(row.width)).map_or(u128::MAX, |x| x - 1);
        if pattern.value & !wide != 0 {
            return Ok(FALSE);
        }
        let mut node = TRUE;
        for (shift, variable) in place.bits.iter().rev().enumerate() {
            if pattern.mask >> shift & 1 == 1 {
                node = if pattern.value >> shift & 1 == 1 {
                    self.bdd.choose(*variable, FALSE, node)?
                } else {
                    self.bdd.choose(*variable, node, FALSE)?
                };
            }
        }
        Ok(node)
    }
}
