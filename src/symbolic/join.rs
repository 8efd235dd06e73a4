//! Regions put together that are one: they differ in one side and touch there, or are both ways of one condition.

use super::cells::{Address, Cell};
use crate::net::Unsigned;

impl<A: Address, const RAW: bool> Cell<A, RAW> {
    /// Both cells as one, where they differ in one side and touch there, or in the way of one condition.
    fn union(&self, other: &Self) -> Option<Self> {
        let mut sides = 0;
        let mut whole = self.clone();
        macro_rules! side {
            ($($side:ident),*) => {$(
                if self.$side != other.$side {
                    sides += 1;
                    let (low, high) = if self.$side.0 <= other.$side.0 { (self, other) } else { (other, self) };
                    if low.$side.1.next().is_some_and(|after| after < high.$side.0) {
                        return None;
                    }
                    whole.$side = (low.$side.0, low.$side.1.max(high.$side.1));
                }
            )*};
        }
        side!(src, dst, sport, dport);
        if self.protocols != other.protocols {
            sides += 1;
            whole.protocols = self.protocols.or(other.protocols);
        }
        if self.rest().odd != other.rest().odd {
            // Both ways of one condition: it decides nothing.
            let alone = |one: &Self, of: &Self| {
                let odd = one.rest().odd.iter().filter(|part| !of.rest().odd.contains(part));
                odd.cloned().collect::<Vec<_>>()
            };
            let [mine, theirs] = [alone(self, other), alone(other, self)];
            let ([(part, way)], [(same, other_way)]) = (mine.as_slice(), theirs.as_slice()) else {
                return None;
            };
            if part != same || way == other_way {
                return None;
            }
            sides += 1;
            if let Some(rest) = whole.rest.as_mut() {
                rest.odd.retain(|(of, _)| of != part);
            }
        }
        if self.rest().fields != other.rest().fields {
            let [mine, theirs] = [self, other].map(|cell| cell.rest().fields.as_slice());
            let ([(field, mine)], [(of, theirs)]) = (mine, theirs) else { return None };
            sides += 1;
            if field != of {
                return None;
            }
            let both = mine.union(theirs);
            if let Some((_, set)) = whole.rest.as_mut().and_then(|rest| rest.fields.first_mut()) {
                *set = both;
            }
        }
        (sides <= 1).then_some(whole)
    }

    /// The part of all packets of the family that the cell is, by addresses, protocols and ports.
    #[expect(clippy::cast_precision_loss, reason = "a share is for people")]
    pub(super) fn share(&self) -> f64 {
        let part = |(lo, hi): (u128, u128), (first, last): (u128, u128)| {
            ((hi - lo) as f64 + 1.0) / ((last - first) as f64 + 1.0)
        };
        let all = Self::all();
        let wide = |range: (A, A)| (range.0.into(), range.1.into());
        let small = |range: (u32, u32)| (u128::from(range.0), u128::from(range.1));
        let protocols = self.protocols.iter().count() as f64 / 256.0;
        part(wide(self.src), wide(all.src))
            * part(wide(self.dst), wide(all.dst))
            * part(small(self.sport), small(all.sport))
            * part(small(self.dport), small(all.dport))
            * protocols
    }
}

/// Puts regions with one fate together that differ in one side and touch there.
pub(super) fn joined<A: Address, const RAW: bool, B: PartialEq, F: PartialEq>(
    regions: &mut Vec<(Cell<A, RAW>, B, F)>,
) {
    // Quadratic, for lists that people read; of more than these nobody reads all.
    const MOST: usize = 2_000;
    if regions.len() > MOST {
        return;
    }
    let mut left = regions.len() + 1;
    while regions.len() < left {
        left = regions.len();
        let mut kept: Vec<(Cell<A, RAW>, B, F)> = Vec::with_capacity(left);
        for (cell, before, after) in regions.drain(..) {
            let mut alike = kept.iter_mut().filter(|(_, b, a)| *b == before && *a == after);
            let grown = alike.find_map(|(other, _, _)| {
                *other = other.union(&cell)?;
                Some(())
            });
            if grown.is_none() {
                kept.push((cell, before, after));
            }
        }
        *regions = kept;
    }
}

/// Cells, each with a key and something of its own, in groups that are one cell: those of one key that part what is not
/// modelled come to the same whichever way it goes. First in a group is what holds where nothing of that does, which is the
/// way evaluation goes.
pub(super) fn grouped<A: Address, const RAW: bool, K: PartialEq + Copy, T>(
    mut parts: Vec<(Cell<A, RAW>, K, T)>,
) -> Vec<(Cell<A, RAW>, Vec<T>)> {
    let mut wholes: Vec<_> = parts.iter().map(|(cell, key, _)| (cell.clone(), *key, ())).collect();
    joined(&mut wholes);
    let mut groups = Vec::with_capacity(wholes.len());
    for (whole, of, ()) in wholes {
        let is_part = |(cell, key, _): &mut (Cell<A, RAW>, K, T)| *key == of && whole.contains(cell);
        let mut group: Vec<_> = parts.extract_if(.., is_part).collect();
        let held = |cell: &Cell<A, RAW>| cell.rest().odd.iter().filter(|(_, negated)| !negated).count();
        group.sort_by_key(|(cell, _, _)| held(cell));
        groups.push((whole, group.into_iter().map(|(_, _, own)| own).collect()));
    }
    groups
}
