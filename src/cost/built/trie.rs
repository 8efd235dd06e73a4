//! One trie, in the making: nodes that stand for rows of which the octets so far are told apart.
//!
//! Nodes are shared, and counted by their references. The order of branches is that of the library, since it decides what
//! is joined with what.

use super::rows::{Cell, Compared, Rows};
use super::tries::Sizes;
use crate::guard::{Exhausted, Meter, limits};

/// No node.
const NONE: u32 = u32::MAX;

/// A set of octets.
type Octets = [u64; 4];

/// A branch: the octets with which it is taken, and where to.
#[derive(Clone, Copy, Debug)]
struct Branch {
    octets: Octets,
    to: u32,
}

#[derive(Clone, Debug, Default)]
struct Node {
    // What any branch is taken with.
    octets: Octets,
    branches: Vec<Branch>,
    references: u32,
    // Where branches are added, while others are gone through.
    add_from: usize,
    // The precedence of the row that ends here; 0 inside.
    ends: u32,
    counted: bool,
}

/// A trie in the making.
pub(super) struct Trie<'m> {
    nodes: Vec<Node>,
    spare: Vec<u32>,
    steps: &'m mut Meter,
    held: Meter,
}

#[expect(
    clippy::indexing_slicing,
    reason = "numbers of nodes are made here only, of branches found just before"
)]
impl<'m> Trie<'m> {
    pub(super) fn new(steps: &'m mut Meter) -> Self {
        Self { nodes: Vec::new(), spare: Vec::new(), steps, held: Meter::new(&limits::BUILT_NODES) }
    }

    /// Joins rows one after another. The second is how many of them are in it, where one more makes more nodes than
    /// `full`.
    pub(super) fn of(
        &mut self,
        rows: &Rows,
        columns: &[usize],
        order: &[usize],
        full: Option<i64>,
    ) -> Result<(u32, Option<usize>), Exhausted> {
        let trie = self.node()?;
        for (joined, row) in order.iter().enumerate() {
            let root = self.row(rows, columns, *row)?;
            let before = self.held.spent().cast_signed();
            self.join(trie, root, true)?;
            let new = self.held.spent().cast_signed() - before;
            if full.is_some_and(|full| new > full) {
                return Ok((trie, Some(joined.max(1))));
            }
        }
        Ok((trie, None))
    }

    fn node(&mut self) -> Result<u32, Exhausted> {
        self.steps.charge(1)?;
        self.held.charge(1)?;
        if let Some(node) = self.spare.pop() {
            return Ok(node);
        }
        self.nodes.push(Node::default());
        Ok(u32::try_from(self.nodes.len() - 1).unwrap_or(NONE))
    }

    /// A trie of one row.
    fn row(&mut self, rows: &Rows, columns: &[usize], row: usize) -> Result<u32, Exhausted> {
        let root = self.node()?;
        let mut end = root;
        for column in columns {
            let (Some(of), Some(cell)) =
                (rows.columns.get(*column), rows.cells.get(row * rows.columns.len() + column))
            else {
                continue;
            };
            let size = usize::from(of.octets);
            end = match of.compared {
                Compared::Bits => self.masked(end, size, *cell)?,
                Compared::Prefix => {
                    let bits = 8 * u32::from(of.octets);
                    let mask = u32::MAX.checked_shl(bits.saturating_sub(cell.1)).unwrap_or(0);
                    self.masked(end, size, (cell.0, mask))?
                }
                Compared::Range => self.ranged(end, size, *cell)?,
            };
        }
        self.nodes[end as usize].ends = u32::try_from(rows.len() - row).unwrap_or(u32::MAX);
        Ok(root)
    }

    /// A value under a mask, octet for octet from the highest.
    fn masked(&mut self, from: u32, size: usize, (value, mask): Cell) -> Result<u32, Exhausted> {
        let mut at = from;
        let octets = value.to_be_bytes().into_iter().zip(mask.to_be_bytes());
        for (value, mask) in octets.skip(4 - size.min(4)) {
            let next = self.node()?;
            let mut set = [0; 4];
            for octet in (0..=255_u8).filter(|octet| octet & mask == value & mask) {
                include(&mut set, octet);
            }
            self.branch(at, next, &set);
            at = next;
        }
        Ok(at)
    }

    /// A range, octet for octet from the highest: what both ends share, then a way below, a way above, and what is between.
    fn ranged(&mut self, from: u32, size: usize, (lo, hi): Cell) -> Result<u32, Exhausted> {
        let (lo, hi) = (lo.to_le_bytes(), hi.to_le_bytes());
        let end = self.node()?;
        let mut at = from;
        let mut octet = size.clamp(1, 4) - 1;
        while octet > 0 && lo[octet] == hi[octet] {
            let next = self.node()?;
            self.branch(at, next, &span(lo[octet], hi[octet]));
            at = next;
            octet -= 1;
        }
        if octet == 0 {
            self.branch(at, end, &span(lo[0], hi[0]));
            return Ok(end);
        }
        let begins = lo[..octet].iter().all(|octet| *octet == 0);
        let fills = hi[..octet].iter().all(|octet| *octet == u8::MAX);
        if !begins {
            self.edge(at, end, &lo[..=octet], true)?;
        }
        if !fills {
            self.edge(at, end, &hi[..=octet], false)?;
        }
        let (first, last) =
            (u32::from(lo[octet]) + u32::from(!begins), u32::from(hi[octet]).wrapping_sub(u32::from(!fills)));
        if first <= last && last <= 255 {
            self.between(at, end, &span(narrow(first), narrow(last)), octet + 1)?;
        }
        Ok(end)
    }

    /// The values from `bound` on that share its highest octet, or those up to it.
    fn edge(&mut self, from: u32, end: u32, bound: &[u8], up: bool) -> Result<(), Exhausted> {
        let beside = |octet: u8| if up { span(octet, u8::MAX) } else { span(0, octet) };
        let Some((octet, lower)) = bound.split_last() else { return Ok(()) };
        let Some(below) = lower.last() else {
            self.branch(from, end, &beside(*octet));
            return Ok(());
        };
        let next = self.node()?;
        self.branch(from, next, &span(*octet, *octet));
        self.edge(next, end, lower, up)?;
        let past = if up { below.checked_add(1) } else { below.checked_sub(1) };
        if let (Some(past), true) = (past, lower.len() > 1) {
            self.between(next, end, &beside(past), lower.len())?;
        }
        Ok(())
    }

    /// Some octets, and whatever behind them.
    fn between(&mut self, from: u32, end: u32, octets: &Octets, size: usize) -> Result<(), Exhausted> {
        let mut at = self.node()?;
        self.branch(from, at, octets);
        for _ in 2..size {
            let next = self.node()?;
            self.branch(at, next, &[u64::MAX; 4]);
            at = next;
        }
        self.branch(at, end, &[u64::MAX; 4]);
        Ok(())
    }

    /// Adds a branch; one that leads there is widened.
    fn branch(&mut self, from: u32, to: u32, octets: &Octets) {
        let node = &mut self.nodes[from as usize];
        widen(&mut node.octets, octets);
        if let Some(known) = node.branches.iter_mut().find(|branch| branch.to == to) {
            widen(&mut known.octets, octets);
            return;
        }
        let new = Branch { octets: *octets, to };
        let from = node.add_from.min(node.branches.len());
        match node.branches[from..].iter_mut().find(|branch| branch.to == NONE) {
            Some(gap) => *gap = new,
            None => node.branches.push(new),
        }
        self.nodes[to as usize].references += 1;
    }

    /// A node with the branches of another.
    fn copy(&mut self, of: u32) -> Result<u32, Exhausted> {
        let copy = self.node()?;
        let Node { octets, branches, .. } = self.nodes[of as usize].clone();
        self.steps.charge(branches.len() as u64)?;
        for branch in branches.iter().filter(|branch| branch.to != NONE) {
            self.nodes[branch.to as usize].references += 1;
        }
        let node = &mut self.nodes[copy as usize];
        (node.octets, node.branches) = (octets, branches);
        Ok(copy)
    }

    fn free(&mut self, node: u32) {
        let Node { branches, .. } = std::mem::take(&mut self.nodes[node as usize]);
        for branch in branches.into_iter().filter(|branch| branch.to != NONE) {
            self.release(branch.to);
        }
        self.held.release(1);
        self.spare.push(node);
    }

    fn release(&mut self, node: u32) {
        let references = &mut self.nodes[node as usize].references;
        *references = references.saturating_sub(1);
        if *references == 0 {
            self.free(node);
        }
    }

    /// Joins two nodes: the first with the second in it at the root, else a copy of the first, or one of the two where
    /// that is all. Deep as the key is long.
    fn join(&mut self, a: u32, b: u32, root: bool) -> Result<u32, Exhausted> {
        if self.nodes[a as usize].ends != 0 {
            // The higher precedence stays.
            return Ok(if self.nodes[a as usize].ends >= self.nodes[b as usize].ends { a } else { b });
        }
        let mut of_a = self.nodes[a as usize].branches.len().cast_signed();
        let mut of_b = 0_isize;
        let c = if root { a } else { self.copy(a)? };
        let (mine, theirs) = (self.nodes[c as usize].octets, self.nodes[b as usize].octets);
        let shared = both(&mine, &theirs);
        if shared != [0; 4] {
            self.join_branches(c, b, (&mut of_a, &mut of_b))?;
        }
        if theirs != shared {
            of_b += 1;
            for at in 0..self.nodes[b as usize].branches.len() {
                let Branch { octets, to } = self.nodes[b as usize].branches[at];
                let octets = without(&octets, &shared);
                if to != NONE && octets != [0; 4] {
                    self.branch(c, to, &octets);
                }
            }
        }
        let mut joined = c;
        if c != a && of_b == 0 {
            self.free(c);
            joined = a;
        } else if c != a && of_a == 0 {
            self.free(c);
            joined = b;
        }
        if root {
            self.free(b);
        }
        Ok(joined)
    }

    /// Joins each branch of `c` with each of `b` that is taken with the same octets.
    fn join_branches(
        &mut self,
        c: u32,
        b: u32,
        (of_a, of_b): (&mut isize, &mut isize),
    ) -> Result<(), Exhausted> {
        let (before_c, branches_c) = self.add_behind(c);
        let (before_b, branches_b) = self.add_behind(b);
        for at in 0..branches_c {
            if self.nodes[c as usize].branches[at].to == NONE {
                *of_a -= 1;
                continue;
            }
            self.steps.charge(branches_b as u64)?;
            for other in 0..branches_b {
                let mine = self.nodes[c as usize].branches[at];
                let theirs = self.nodes[b as usize].branches[other];
                if theirs.to == NONE || mine.to == theirs.to {
                    continue;
                }
                let shared = both(&mine.octets, &theirs.octets);
                if shared == [0; 4] {
                    continue;
                }
                let child = self.join(mine.to, theirs.to, false)?;
                if child == mine.to {
                    continue;
                }
                *of_b += 1;
                self.branch(c, child, &shared);
                *of_a += isize::from(child != theirs.to);
                let left = without(&self.nodes[c as usize].branches[at].octets, &shared);
                self.nodes[c as usize].branches[at].octets = left;
                if left == [0; 4] {
                    self.nodes[c as usize].branches[at].to = NONE;
                    self.release(mine.to);
                    *of_a -= 1;
                }
            }
        }
        for (node, before) in [(c, before_c), (b, before_b)] {
            self.nodes[node as usize].add_from = before;
            self.compact(node);
        }
        Ok(())
    }

    /// Has branches added behind those there are.
    fn add_behind(&mut self, node: u32) -> (usize, usize) {
        let node = &mut self.nodes[node as usize];
        let count = node.branches.len();
        (std::mem::replace(&mut node.add_from, count), count)
    }

    /// Fills gaps with the last branch.
    fn compact(&mut self, node: u32) {
        let node = &mut self.nodes[node as usize];
        let trim = |branches: &mut Vec<Branch>| {
            while branches.pop_if(|last| last.to == NONE).is_some() {}
        };
        trim(&mut node.branches);
        let mut at = node.add_from;
        while at + 1 < node.branches.len() {
            if node.branches[at].to == NONE {
                node.branches.swap_remove(at);
                trim(&mut node.branches);
            }
            at += 1;
        }
    }

    /// Adds what the nodes behind `root` come to.
    pub(super) fn count(&mut self, root: u32, sizes: &mut Sizes) -> Result<(), Exhausted> {
        self.nodes[root as usize].counted = true;
        self.count_below(root, sizes)
    }

    fn count_below(&mut self, node: u32, sizes: &mut Sizes) -> Result<(), Exhausted> {
        for at in 0..self.nodes[node as usize].branches.len() {
            let to = self.nodes[node as usize].branches[at].to;
            if to == NONE || self.nodes[to as usize].counted {
                continue;
            }
            self.steps.charge(1)?;
            let node = &mut self.nodes[to as usize];
            node.counted = true;
            if node.ends != 0 || node.branches.is_empty() {
                sizes.matches += 1;
                continue;
            }
            let gaps = runs(&node.octets.map(|word| !word));
            let branches = node.branches.iter().filter(|branch| branch.to != NONE);
            match gaps + branches.map(|branch| runs(&branch.octets)).sum::<u64>() {
                1 => sizes.single += 1,
                ranges @ ..=5 => sizes.ranged += ranges,
                _ => sizes.groups += groups(&node.branches),
            }
            self.count_below(to, sizes)?;
        }
        Ok(())
    }
}

/// Distinct groups of 64 octets by where they lead.
fn groups(branches: &[Branch]) -> u64 {
    let of = |group: usize| branches.iter().map(move |branch| branch.octets.get(group));
    let is_new = |group: &usize| !(0..*group).any(|before| of(before).eq(of(*group)));
    (0..4).filter(is_new).count() as u64
}

/// Runs of octets, counted from 128 on: the library compares signed.
fn runs(octets: &Octets) -> u64 {
    let [a, b, c, d] = octets;
    let mut carry = 0;
    let of = |word: &u64| {
        let begins = word & !(word << 1 | carry);
        carry = word >> 63;
        u64::from(begins.count_ones())
    };
    [c, d, a, b].into_iter().map(of).sum()
}

fn both(a: &Octets, b: &Octets) -> Octets {
    let mut octets = *a;
    octets.iter_mut().zip(b).for_each(|(word, other)| *word &= other);
    octets
}

fn without(a: &Octets, b: &Octets) -> Octets {
    let mut octets = *a;
    octets.iter_mut().zip(b).for_each(|(word, other)| *word &= !other);
    octets
}

fn widen(octets: &mut Octets, more: &Octets) {
    octets.iter_mut().zip(more).for_each(|(word, other)| *word |= other);
}

fn include(octets: &mut Octets, octet: u8) {
    if let Some(word) = octets.get_mut(usize::from(octet / 64)) {
        *word |= 1 << (octet % 64);
    }
}

/// The octets from one to another.
fn span(lo: u8, hi: u8) -> Octets {
    let mut octets = [0; 4];
    (lo..=hi).for_each(|octet| include(&mut octets, octet));
    octets
}

fn narrow(octet: u32) -> u8 {
    u8::try_from(octet).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::rows::Column;
    use super::*;
    use proptest::prelude::*;

    fn columns() -> Vec<Column> {
        let column = |octets, compared, load| Column { octets, compared, load };
        vec![
            column(1, Compared::Bits, 0),
            column(4, Compared::Prefix, 1),
            column(2, Compared::Range, 2),
            column(2, Compared::Range, 2),
        ]
    }

    // Few values that differ, so that rows meet; all over the octets, so that they branch in each.
    fn row() -> impl Strategy<Value = [Cell; 4]> {
        let bits = (any::<u8>(), prop_oneof![Just(0_u8), Just(255), any::<u8>()]);
        let prefix = (0..4_u32, 0..4_u32, 0..=32_u32);
        let port =
            || prop_oneof![Just(0_u32), Just(65_535), (0..5_u32, 0..5_u32).prop_map(|(a, b)| a << 8 | b)];
        let range = move || (port(), port()).prop_map(|(a, b)| (a.min(b), a.max(b)));
        (bits, prefix, range(), range()).prop_map(|(bits, (a, b, length), from, to)| {
            let address = 10 << 24 | a << 16 | b;
            [(u32::from(bits.0 & 3), u32::from(bits.1)), (address, length), from, to]
        })
    }

    fn takes(row: &[Cell; 4], packet: &[u32; 4]) -> bool {
        let [bits, prefix, from, to] = row;
        let mask = u32::MAX.checked_shl(32 - prefix.1).unwrap_or(0);
        packet[0] & bits.1 == bits.0 & bits.1
            && packet[1] & mask == prefix.0 & mask
            && (from.0..=from.1).contains(&packet[2])
            && (to.0..=to.1).contains(&packet[3])
    }

    fn found(trie: &Trie<'_>, root: u32, packet: &[u32; 4]) -> u32 {
        let octets = [(packet[0], 1), (packet[1], 4), (packet[2], 2), (packet[3], 2)];
        let octets =
            octets.into_iter().flat_map(|(value, size)| value.to_be_bytes().into_iter().skip(4 - size));
        let mut at = root;
        for octet in octets {
            let mut set = [0; 4];
            include(&mut set, octet);
            let branches = &trie.nodes[at as usize].branches;
            let mut ways = branches.iter().filter(|branch| both(&branch.octets, &set) != [0; 4]);
            let Some(way) = ways.next() else { return 0 };
            assert!(ways.next().is_none(), "one way for each octet");
            at = way.to;
        }
        trie.nodes[at as usize].ends
    }

    proptest! {
        // However nodes are joined: the packet finds the first row that takes it.
        #[test]
        fn a_packet_ends_at_the_first_row_that_takes_it(
            list in proptest::collection::vec(row(), 1..12),
            packets in proptest::collection::vec((0..4_u32, 0..4_u32, 0..4_u32, 0..5_u32, 0..5_u32), 20),
        ) {
            let rows = Rows { columns: columns(), cells: list.iter().flatten().copied().collect() };
            let mut steps = Meter::new(&limits::BUILT_STEPS);
            let mut trie = Trie::new(&mut steps);
            let order: Vec<usize> = (0..list.len()).rev().collect();
            let (root, full) = trie.of(&rows, &[0, 1, 2, 3], &order, None).unwrap();
            prop_assert_eq!(full, None);
            let bounds = list.iter().map(|row| [row[0].0, row[1].0, row[2].0, row[3].1]);
            let drawn = packets.iter().map(|(protocol, a, b, from, to)| {
                [*protocol, 10 << 24 | a << 16 | b, from << 8, (to << 8) | 4]
            });
            for packet in bounds.chain(drawn) {
                let first = list.iter().position(|row| takes(row, &packet));
                let want = first.map_or(0, |at| list.len() - at);
                prop_assert_eq!(found(&trie, root, &packet) as usize, want);
            }
            // Every node that is held is reached, and none is lost.
            let held = trie.held.spent();
            trie.free(root);
            prop_assert_eq!(trie.held.spent(), 0, "{} nodes", held);
        }
    }
}
