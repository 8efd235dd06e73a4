//! A hash-consed reduced ordered binary decision diagram. Private to the stage: [`super::space`] hides it.
//!
//! Nodes are numbered; equal functions have equal numbers. Nothing is ever freed: a diagram lives for one
//! question, or until its owner starts a new one.

use crate::guard::{Exhausted, Limit, Meter};

/// A node's number; [`FALSE`] and [`TRUE`] are the two leaves.
pub(super) type Ref = u32;
/// The empty set.
pub(super) const FALSE: Ref = 0;
/// The full set.
pub(super) const TRUE: Ref = 1;

// The level of the leaves, below every variable.
const LEAF: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Node {
    var: u32,
    low: Ref,
    high: Ref,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
enum Op {
    And = 1,
    Or = 2,
    // The first without the second.
    Less = 3,
}

#[derive(Clone, Copy, Debug)]
struct Cached {
    left: Ref,
    right: Ref,
    op: u32,
    result: Ref,
}

const COLD: Cached = Cached { left: 0, right: 0, op: 0, result: 0 };
const FIRST_TABLE: usize = 1 << 12;
const LARGEST_CACHE: usize = 1 << 21;

/// A diagram with its unique table, its cache of operations, and its allowance.
#[derive(Debug)]
pub(super) struct Bdd {
    nodes: Vec<Node>,
    // Open addressing, linear probing; 0 is a free slot (the leaves are never looked up).
    unique: Vec<Ref>,
    // Direct mapped: forgetting an entry costs time, never truth.
    cache: Vec<Cached>,
    meter: Meter,
}

#[expect(clippy::indexing_slicing, reason = "node numbers are made here only, table sizes are powers of two")]
#[expect(clippy::cast_possible_truncation, reason = "the meter stops long before 2^32 nodes")]
impl Bdd {
    pub(super) fn new(limit: &'static Limit, allowance: u64) -> Self {
        let leaf = |n| Node { var: LEAF, low: n, high: n };
        Self {
            nodes: vec![leaf(FALSE), leaf(TRUE)],
            unique: vec![0; FIRST_TABLE],
            cache: vec![COLD; FIRST_TABLE],
            meter: Meter::with_allowance(limit, allowance),
        }
    }

    /// Starts a new allowance for the next question; the nodes stay.
    pub(super) fn refill(&mut self, limit: &'static Limit, allowance: u64) {
        self.meter = Meter::with_allowance(limit, allowance);
    }

    /// How much of the allowance is spent.
    pub(super) fn spent(&self) -> u64 {
        self.meter.spent()
    }

    /// How many nodes there are.
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The variable a node decides on; above every variable for a leaf.
    #[inline]
    pub(super) fn var(&self, node: Ref) -> u32 {
        self.nodes[node as usize].var
    }

    /// Where a node goes when its variable is false, and when it is true.
    #[inline]
    pub(super) fn branches(&self, node: Ref) -> (Ref, Ref) {
        let node = self.nodes[node as usize];
        (node.low, node.high)
    }

    /// The node that decides on `var`, which must stand above both branches.
    #[inline]
    pub(super) fn node(&mut self, var: u32, low: Ref, high: Ref) -> Result<Ref, Exhausted> {
        if low == high {
            return Ok(low);
        }
        self.meter.charge(1)?;
        Ok(self.intern(Node { var, low, high }))
    }

    fn intern(&mut self, node: Node) -> Ref {
        if self.nodes.len() * 2 > self.unique.len() {
            self.grow();
        }
        let mask = self.unique.len() - 1;
        let mut slot = hash(node.var, node.low, node.high) as usize & mask;
        loop {
            let found = self.unique[slot];
            if found == 0 {
                let made = self.nodes.len() as Ref;
                self.nodes.push(node);
                self.unique[slot] = made;
                return made;
            }
            if self.nodes[found as usize] == node {
                return found;
            }
            slot = (slot + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let size = self.unique.len() * 4;
        let mask = size - 1;
        let mut table = vec![0; size];
        for (number, node) in self.nodes.iter().enumerate().skip(2) {
            let mut slot = hash(node.var, node.low, node.high) as usize & mask;
            while table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            table[slot] = number as Ref;
        }
        self.unique = table;
        if self.cache.len() < LARGEST_CACHE {
            self.cache = vec![COLD; size.min(LARGEST_CACHE)];
        }
    }

    pub(super) fn and(&mut self, a: Ref, b: Ref) -> Result<Ref, Exhausted> {
        self.apply(Op::And, a, b)
    }

    pub(super) fn or(&mut self, a: Ref, b: Ref) -> Result<Ref, Exhausted> {
        self.apply(Op::Or, a, b)
    }

    pub(super) fn less(&mut self, a: Ref, b: Ref) -> Result<Ref, Exhausted> {
        self.apply(Op::Less, a, b)
    }

    /// If `var` then `high` else `low`, wherever `var` stands.
    pub(super) fn choose(&mut self, var: u32, low: Ref, high: Ref) -> Result<Ref, Exhausted> {
        if var < self.var(low) && var < self.var(high) {
            return self.node(var, low, high);
        }
        let yes = self.node(var, FALSE, TRUE)?;
        let no = self.node(var, TRUE, FALSE)?;
        let high = self.and(yes, high)?;
        let low = self.and(no, low)?;
        self.or(low, high)
    }

    // Recursion goes down one variable at a time: at most as deep as there are variables.
    fn apply(&mut self, op: Op, a: Ref, b: Ref) -> Result<Ref, Exhausted> {
        let (a, b) = match op {
            Op::And => match (a, b) {
                (FALSE, _) | (_, FALSE) => return Ok(FALSE),
                (TRUE, other) | (other, TRUE) => return Ok(other),
                _ if a == b => return Ok(a),
                _ => (a.min(b), a.max(b)),
            },
            Op::Or => match (a, b) {
                (TRUE, _) | (_, TRUE) => return Ok(TRUE),
                (FALSE, other) | (other, FALSE) => return Ok(other),
                _ if a == b => return Ok(a),
                _ => (a.min(b), a.max(b)),
            },
            Op::Less => match (a, b) {
                (FALSE, _) | (_, TRUE) => return Ok(FALSE),
                (_, FALSE) => return Ok(a),
                _ if a == b => return Ok(FALSE),
                _ => (a, b),
            },
        };
        let slot = hash(a, b, op as u32) as usize & (self.cache.len() - 1);
        let cached = self.cache[slot];
        if cached.left == a && cached.right == b && cached.op == op as u32 {
            return Ok(cached.result);
        }
        // A step is charged even where it makes no node: a cache that forgets must not make time free.
        self.meter.charge(1)?;
        let (left, right) = (self.nodes[a as usize], self.nodes[b as usize]);
        let var = left.var.min(right.var);
        let (al, ah) = if left.var == var { (left.low, left.high) } else { (a, a) };
        let (bl, bh) = if right.var == var { (right.low, right.high) } else { (b, b) };
        let low = self.apply(op, al, bl)?;
        let high = self.apply(op, ah, bh)?;
        let result = if low == high { low } else { self.intern(Node { var, low, high }) };
        let slot = hash(a, b, op as u32) as usize & (self.cache.len() - 1);
        self.cache[slot] = Cached { left: a, right: b, op: op as u32, result };
        Ok(result)
    }

    /// Replaces every decision on `first` or a later variable: by the full set where `any` branch leads to a
    /// member, else by the empty set unless all do.
    pub(super) fn project(&mut self, node: Ref, first: u32, any: bool) -> Result<Ref, Exhausted> {
        let mut done = std::collections::HashMap::new();
        self.project_from(node, first, any, &mut done)
    }

    fn project_from(
        &mut self,
        node: Ref,
        first: u32,
        any: bool,
        done: &mut std::collections::HashMap<Ref, Ref>,
    ) -> Result<Ref, Exhausted> {
        if node <= TRUE {
            return Ok(node);
        }
        let Node { var, low, high } = self.nodes[node as usize];
        if var >= first {
            // No leaf: some assignment of the later variables leads to each.
            return Ok(if any { TRUE } else { FALSE });
        }
        if let Some(known) = done.get(&node) {
            return Ok(*known);
        }
        self.meter.charge(1)?;
        let low = self.project_from(low, first, any, done)?;
        let high = self.project_from(high, first, any, done)?;
        let result = self.node(var, low, high)?;
        done.insert(node, result);
        Ok(result)
    }
}

#[inline]
fn hash(a: u32, b: u32, c: u32) -> u64 {
    let pair = (u64::from(a) << 32 | u64::from(b)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let all = (pair ^ pair >> 29).wrapping_add(u64::from(c)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    all ^ all >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::limits::RULE_NODES;

    // Every function of three variables as a truth table of 8 bits, built by Shannon expansion.
    fn build(bdd: &mut Bdd, table: u32, var: u32) -> Ref {
        let half = 1 << (2 - var.min(2));
        if var == 3 {
            return if table & 1 == 1 { TRUE } else { FALSE };
        }
        let low = build(bdd, table & ((1 << half) - 1), var + 1);
        let high = build(bdd, table >> half, var + 1);
        bdd.node(var, low, high).unwrap()
    }

    #[test]
    fn operations_agree_with_truth_tables_and_equal_functions_are_equal_nodes() {
        let mut bdd = Bdd::new(&RULE_NODES, 1_000_000);
        let all: Vec<Ref> = (0..256).map(|t| build(&mut bdd, t, 0)).collect();
        for (a, fa) in all.iter().enumerate() {
            for (b, fb) in all.iter().enumerate() {
                assert_eq!(bdd.and(*fa, *fb).unwrap(), all[a & b]);
                assert_eq!(bdd.or(*fa, *fb).unwrap(), all[a | b]);
                assert_eq!(bdd.less(*fa, *fb).unwrap(), all[a & !b]);
            }
        }
        for var in 0..3 {
            let (x, y) = (all[0b1010_0110], all[0b0111_1000]);
            let yes = bdd.node(var, FALSE, TRUE).unwrap();
            let (high, low) = (bdd.and(yes, y).unwrap(), bdd.less(x, yes).unwrap());
            assert_eq!(bdd.choose(var, x, y).unwrap(), bdd.or(low, high).unwrap());
        }
        // Variable 2 is the lowest bit of the table's index.
        assert_eq!(bdd.project(all[0b0001_1110], 2, true).unwrap(), all[0b0011_1111]);
        assert_eq!(bdd.project(all[0b0001_1110], 2, false).unwrap(), all[0b0000_1100]);
        assert_eq!(std::mem::size_of::<Node>(), 12);
    }

    #[test]
    fn an_allowance_ends_and_more_of_it_gives_the_same_answer() {
        let answer = |allowance| {
            let mut bdd = Bdd::new(&RULE_NODES, allowance);
            let mut sum = FALSE;
            for i in 0..10 {
                let high = bdd.node(2 * i + 1, FALSE, TRUE)?;
                let pair = bdd.node(2 * i, FALSE, high)?;
                sum = bdd.or(sum, pair)?;
            }
            Ok::<_, Exhausted>(sum == TRUE)
        };
        assert!(answer(10).is_err());
        assert_eq!(answer(1_000), answer(100_000));
    }
}
