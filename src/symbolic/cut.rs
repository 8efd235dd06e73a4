//! Cells cut out of a region, until a piece is left over or none is.

use super::cells::{Address, Cell, Protocols, is_range, meet};
use crate::guard::{Exhausted, Meter, limits};
use crate::net::{IntervalSet, Unsigned};
use std::collections::BTreeSet;

/// Why cutting ended without an answer.
pub(super) enum Stop {
    /// One rule takes too much.
    Rule,
    /// All rules together do.
    All(Exhausted),
}

/// Cuts regions by some of a list of cells.
pub(super) struct Cut<'a, A, const RAW: bool> {
    cells: &'a [Cell<A, RAW>],
    steps: Meter,
    depth: Meter,
    /// The cells that took something away, by number.
    pub(super) by: BTreeSet<u32>,
}

impl<'a, A: Address, const RAW: bool> Cut<'a, A, RAW> {
    /// With an allowance of cells looked at.
    pub(super) fn new(cells: &'a [Cell<A, RAW>], allowance: u64) -> Self {
        let steps = Meter::with_allowance(&limits::COVER_STEPS, allowance);
        Self { cells, steps, depth: Meter::new(&limits::COVER_DEPTH), by: BTreeSet::new() }
    }

    /// How many cells were looked at.
    pub(super) fn spent(&self) -> u64 {
        self.steps.spent()
    }

    /// What `left` finds in a piece that the cells of `met`, all of which meet the region, leave over; none where they
    /// leave none, or it finds nothing in any.
    pub(super) fn left_over<T>(
        &mut self,
        region: &Cell<A, RAW>,
        met: &[u32],
        left: &mut impl FnMut(&Cell<A, RAW>) -> Result<Option<T>, Stop>,
    ) -> Result<Option<T>, Stop> {
        self.steps.charge(1 + met.len() as u64).map_err(|_| Stop::Rule)?;
        let cells = self.cells;
        let known = || met.iter().filter_map(|number| Some((*number, cells.get(*number as usize)?)));
        if let Some((all, _)) = known().find(|(_, cell)| cell.contains(region)) {
            self.by.insert(all);
            return Ok(None);
        }
        // The one that leaves the fewest pieces, of these the largest part.
        let Some((pick, cell)) = known().min_by_key(|(_, cell)| cuts(region, cell)) else {
            return left(region);
        };
        self.by.insert(pick);
        self.depth.charge(1).map_err(|_| Stop::Rule)?;
        let mut found = None;
        for piece in parted(region, cell).0 {
            let meets = known().filter(|(number, cell)| *number != pick && !cell.is_apart(&piece));
            let met: Vec<u32> = meets.map(|(number, _)| number).collect();
            found = self.left_over(&piece, &met, left)?;
            if found.is_some() {
                break;
            }
        }
        self.depth.release(1);
        Ok(found)
    }
}

/// How many sides of a region a cell cuts, and how small a part of it the cell takes.
fn cuts<A: Address, const RAW: bool>(region: &Cell<A, RAW>, cell: &Cell<A, RAW>) -> (u32, u32) {
    let side = |outer: (u128, u128), inner: (u128, u128)| {
        let sides = u32::from(inner.0 > outer.0) + u32::from(inner.1 < outer.1);
        let part = meet(outer, inner);
        let (size, of) = (part.1.saturating_sub(part.0), outer.1 - outer.0);
        (sides, size.leading_zeros().saturating_sub(of.leading_zeros()))
    };
    let wide = |range: (A, A)| (range.0.into(), range.1.into());
    let small = |range: (u32, u32)| (u128::from(range.0), u128::from(range.1));
    let each = [
        side(wide(region.dst), wide(cell.dst)),
        side(wide(region.src), wide(cell.src)),
        side(small(region.dport), small(cell.dport)),
        side(small(region.sport), small(cell.sport)),
    ];
    let protocols = u32::from(!region.protocols.is_subset(cell.protocols));
    let fields = cell.rest().fields.iter();
    let others = fields.filter(|(field, set)| !region.values(*field).is_subset(set)).count()
        + cell.rest().odd.iter().filter(|part| !region.rest().odd.contains(part)).count();
    let others = u32::try_from(others).unwrap_or(u32::MAX);
    each.iter().fold((protocols + others, 4 * protocols), |(sides, small), (s, z)| (sides + s, small + z))
}

/// Regions without what a cell takes of them.
pub(super) fn outside<A: Address, const RAW: bool>(
    regions: Vec<Cell<A, RAW>>,
    cell: &Cell<A, RAW>,
) -> Vec<Cell<A, RAW>> {
    let mut rest = Vec::with_capacity(regions.len());
    for region in regions {
        if cell.is_apart(&region) {
            rest.push(region);
        } else {
            rest.extend(parted(&region, cell).0);
        }
    }
    rest
}

/// A region in two: the parts outside of a cell, which do not meet, and the part inside, where there is one.
pub(super) fn parted<A: Address, const RAW: bool>(
    region: &Cell<A, RAW>,
    cell: &Cell<A, RAW>,
) -> (Vec<Cell<A, RAW>>, Option<Cell<A, RAW>>) {
    let mut list = Vec::new();
    let mut inside = region.clone();
    let mut add = |piece: Cell<A, RAW>| list.extend(piece.settled());
    macro_rules! cut {
        ($($side:ident),*) => {$(
            if let Some(hi) = cell.$side.0.prev().filter(|hi| inside.$side.0 <= *hi) {
                add(Cell { $side: (inside.$side.0, hi), ..inside.clone() });
                inside.$side.0 = cell.$side.0;
            }
            if let Some(lo) = cell.$side.1.next().filter(|lo| *lo <= inside.$side.1) {
                add(Cell { $side: (lo, inside.$side.1), ..inside.clone() });
                inside.$side.1 = cell.$side.1;
            }
        )*};
    }
    let outside: Protocols = inside.protocols.without(cell.protocols);
    if !outside.is_empty() {
        add(Cell { protocols: outside, ..inside.clone() });
        inside.protocols = inside.protocols.and(cell.protocols);
    }
    cut!(dst, src, dport, sport);
    for (field, set) in &cell.rest().fields {
        let values = inside.values(*field);
        let outside: IntervalSet<u64> = values.difference(set);
        if !outside.is_empty() {
            add(inside.clone().with_values(*field, outside));
            inside = inside.with_values(*field, values.intersection(set));
        }
    }
    for (part, negated) in &cell.rest().odd {
        let mut outside = inside.clone();
        if outside.add_odd(part, !negated) {
            add(outside);
        }
        inside.add_odd(part, *negated);
    }
    debug_assert!(is_range(&inside.dst) && is_range(&inside.src), "the cell meets the region");
    (list, inside.settled())
}
