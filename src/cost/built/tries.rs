//! The tries of DPDK's ACL library, built as `rte_acl_build` builds them (source C5 of the platform page; unchanged from
//! release 22.11 to 26.07).
//!
//! Rows are sorted by how wide they are, and each is joined with the trie before it octet for octet: where a row crosses
//! what is there, nodes are copied. A row that makes more than 2,048 new nodes ends the trie, and the next begins with it:
//! so a rule more may take memory away, and a rule less may take much more. What is counted is the table that packets are
//! looked up in; while it is built, the library takes many times as much.

use super::rows::{Cell, Column, Compared, Rows};
use super::trie::Trie;
use crate::guard::{Exhausted, Meter};
use std::cmp::Ordering;

/// New nodes of one row with which a trie is full.
const FULL: i64 = 0x800;
/// The octets of a table with one trie of nothing but its root.
pub(super) const LEAST: u64 = Sizes { matches: 0, single: 0, ranged: 0, groups: 0, roots: 1 }.octets();

/// Octets of the table, and how many tries are in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Built {
    pub(super) octets: u64,
    pub(super) tries: u64,
    /// What was spent before it was whole; then both are less than there is.
    pub(super) spent: Option<Exhausted>,
}

/// Builds the table of some rows. A step a node, and a pair of branches that meet.
pub(super) fn build(rows: &Rows, steps: &mut Meter) -> Built {
    let mut sizes = Sizes::default();
    let mut built = Built { octets: 0, tries: 0, spent: None };
    if rows.len() == 0 {
        return built;
    }
    let spent = Table { rows, steps, sizes: &mut sizes, tries: &mut built.tries }.build();
    built.spent = spent.err();
    built.octets = sizes.octets();
    built
}

struct Table<'a> {
    rows: &'a Rows,
    steps: &'a mut Meter,
    sizes: &'a mut Sizes,
    tries: &'a mut u64,
}

impl Table<'_> {
    fn build(self) -> Result<(), Exhausted> {
        let rows = self.rows;
        self.steps.charge(rows.cells.len() as u64)?;
        let wild: Vec<u8> = rows
            .cells
            .iter()
            .zip(rows.columns.iter().cycle())
            .map(|(cell, column)| wildness(*column, *cell))
            .collect();
        let wild = Wild { of: &wild, columns: rows.columns.len() };
        let mut columns: Vec<usize> = (0..rows.columns.len()).collect();
        // The library strings rows together from the last one on.
        let mut left: Vec<usize> = (0..rows.len()).rev().collect();
        loop {
            *self.tries += 1;
            wild.deactivate(rows, &mut columns, &left);
            wild.sort(&columns, &mut left);
            // A trie has a root of its own, whatever becomes of the rest.
            self.sizes.root();
            let mut trie = Trie::new(self.steps);
            let (root, full) = trie.of(rows, &columns, &left, Some(FULL))?;
            let Some(full) = full.filter(|full| *full < left.len()) else {
                trie.count(root, self.sizes)?;
                return Ok(());
            };
            let rest = left.split_off(full);
            let mut own = columns.clone();
            wild.deactivate(rows, &mut own, &left);
            wild.sort(&own, &mut left);
            let mut trie = Trie::new(self.steps);
            let (root, _) = trie.of(rows, &own, &left, None)?;
            trie.count(root, self.sizes)?;
            left = rest;
        }
    }
}

/// How wide each cell is, in hundredths of its column.
struct Wild<'a> {
    of: &'a [u8],
    columns: usize,
}

impl Wild<'_> {
    fn at(&self, row: usize, column: usize) -> u8 {
        self.of.get(row * self.columns + column).copied().unwrap_or(0)
    }

    /// Takes away the columns in which every row takes anything, where all that are loaded with them are such too; the
    /// first stays.
    fn deactivate(&self, rows: &Rows, columns: &mut Vec<usize>, left: &[usize]) {
        let any = |column: usize| left.iter().all(|row| self.at(*row, column) == 100);
        let load = |column: usize| rows.columns.get(column).map_or(0, |column| column.load);
        let first = columns.first().map_or(0, |column| load(*column));
        let idle: Vec<usize> =
            columns.iter().copied().filter(|column| load(*column) != first && any(*column)).collect();
        let busy: Vec<u16> =
            columns.iter().filter(|column| !idle.contains(column)).map(|column| load(*column)).collect();
        columns.retain(|column| busy.contains(&load(*column)));
    }

    /// The widest first, by the second column, then the third, and so on; what is as wide stays as it stands.
    fn sort(&self, columns: &[usize], left: &mut [usize]) {
        left.sort_by(|a, b| {
            let mut widths =
                columns.iter().skip(1).map(|column| self.at(*b, *column).cmp(&self.at(*a, *column)));
            widths.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
    }
}

/// Worked out in the library's own arithmetic, since it decides the order of rows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hundredths of a whole, cut off as the library does"
)]
fn wildness(column: Column, (value, with): Cell) -> u8 {
    let bits = 8.0 * f64::from(column.octets);
    let part = match column.compared {
        Compared::Bits => (bits - f64::from(with.count_ones())) / bits,
        Compared::Prefix => (bits - f64::from(with)) / bits,
        Compared::Range => {
            let max = u32::MAX >> (32 - 8 * u32::from(column.octets).clamp(1, 4));
            f64::from((with & max).saturating_sub(value & max)) / f64::from(max)
        }
    };
    (part * 100.0) as u8
}

/// What a table comes to, node by node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sizes {
    pub(super) matches: u64,
    pub(super) single: u64,
    /// Entries of nodes with up to five ranges.
    pub(super) ranged: u64,
    /// Groups of 64 entries of all other nodes.
    pub(super) groups: u64,
    /// Roots of tries, which have all four groups.
    roots: u64,
}

impl Sizes {
    fn root(&mut self) {
        self.roots += 1;
    }

    /// Octets of the table.
    const fn octets(self) -> u64 {
        /// Where in a packet the words of each trie are.
        const INDEXES: u64 = 8 * 128 * 4;
        /// The root that matches nothing, and the node behind it.
        const NOTHING: u64 = 257;
        /// Results and priorities of sixteen categories.
        const MATCH: u64 = 128;
        let entries = NOTHING + (self.groups + 4 * self.roots) * 64 + self.ranged + self.single + 1;
        INDEXES + entries.next_multiple_of(2) * 8 + (self.matches + 1) * MATCH + 16
    }
}
