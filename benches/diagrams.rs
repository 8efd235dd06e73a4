//! The choice of a decision diagram: ours beside oxidd on the same work, `cargo bench --bench diagrams -- [COUNT]`.
//!
//! The work is the cover of a rule list by plain diagrams, as a space does it: every rule becomes the set of its
//! packets, is looked for outside of all rules before, and joins them. Both diagrams have the variables of addresses,
//! protocol, ports and flags in the order of our model, are given the same steps, and must agree on how many rules are
//! covered. Times are the processor's own; nodes are those alive in the end, or ever made where nothing is given back.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints its figures, and panics where it cannot"
)]

#[path = "../src/symbolic/bdd.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "what the library has for itself; a bench needs a part"
)]
mod bdd;
#[path = "../tests/properties/opinion/classes.rs"]
mod classes;
#[path = "../tests/support/dice.rs"]
mod dice;
// What the diagram calls its guard.
mod guard {
    pub(crate) use flowgate::guard::*;
}
mod support;

use bdd::{Bdd, FALSE, Ref, TRUE};
use classes::{CLASSES, Writing};
use flowgate::field::Field;
use flowgate::guard::limits;
use flowgate::ir::{Condition, RuleSet, ValueSetRef};
use oxidd::bdd::{BDDFunction, BDDManagerRef};
use oxidd::{BooleanFunction, Manager, ManagerRef};
use support::processor_time;

/// Sets as some diagram has them.
trait Diagram {
    type Set: Clone;
    fn none(&mut self) -> Self::Set;
    fn all(&mut self) -> Self::Set;
    /// `high` where the variable, which stands above both, is set, else `low`.
    fn choose(&mut self, variable: u32, low: &Self::Set, high: &Self::Set) -> Self::Set;
    fn and(&mut self, a: &Self::Set, b: &Self::Set) -> Self::Set;
    fn or(&mut self, a: &Self::Set, b: &Self::Set) -> Self::Set;
    /// The first without the second.
    fn less(&mut self, a: &Self::Set, b: &Self::Set) -> Self::Set;
    fn is_empty(&self, a: &Self::Set) -> bool;
    fn nodes(&self) -> usize;
}

impl Diagram for Bdd {
    type Set = Ref;
    fn none(&mut self) -> Ref {
        FALSE
    }
    fn all(&mut self) -> Ref {
        TRUE
    }
    fn choose(&mut self, variable: u32, low: &Ref, high: &Ref) -> Ref {
        self.node(variable, *low, *high).unwrap()
    }
    fn and(&mut self, a: &Ref, b: &Ref) -> Ref {
        Bdd::and(self, *a, *b).unwrap()
    }
    fn or(&mut self, a: &Ref, b: &Ref) -> Ref {
        Bdd::or(self, *a, *b).unwrap()
    }
    fn less(&mut self, a: &Ref, b: &Ref) -> Ref {
        Bdd::less(self, *a, *b).unwrap()
    }
    fn is_empty(&self, a: &Ref) -> bool {
        *a == FALSE
    }
    fn nodes(&self) -> usize {
        self.size()
    }
}

struct Oxidd {
    manager: BDDManagerRef,
    variables: Vec<BDDFunction>,
}

impl Oxidd {
    fn new(count: u32) -> Self {
        let manager = oxidd::bdd::new_manager(32 << 20, 2 << 20, 1);
        let variables = manager.with_manager_exclusive(|manager| {
            let range = manager.add_vars(count);
            range.map(|variable| BDDFunction::var(manager, variable).unwrap()).collect()
        });
        Self { manager, variables }
    }
}

impl Diagram for Oxidd {
    type Set = BDDFunction;
    fn none(&mut self) -> BDDFunction {
        self.manager.with_manager_shared(|manager| BDDFunction::f(manager))
    }
    fn all(&mut self) -> BDDFunction {
        self.manager.with_manager_shared(|manager| BDDFunction::t(manager))
    }
    fn choose(&mut self, variable: u32, low: &BDDFunction, high: &BDDFunction) -> BDDFunction {
        self.variables[variable as usize].ite(high, low).unwrap()
    }
    fn and(&mut self, a: &BDDFunction, b: &BDDFunction) -> BDDFunction {
        a.and(b).unwrap()
    }
    fn or(&mut self, a: &BDDFunction, b: &BDDFunction) -> BDDFunction {
        a.or(b).unwrap()
    }
    fn less(&mut self, a: &BDDFunction, b: &BDDFunction) -> BDDFunction {
        b.imp_strict(a).unwrap()
    }
    fn is_empty(&self, a: &BDDFunction) -> bool {
        !a.satisfiable()
    }
    fn nodes(&self) -> usize {
        self.manager.with_manager_shared(|manager| manager.num_inner_nodes())
    }
}

/// Fields with their widths, in the order of variables.
const ORDER: [(Field, u32); 6] = [
    (Field::Dst4, 32),
    (Field::Src4, 32),
    (Field::Proto, 8),
    (Field::Dport, 16),
    (Field::Sport, 16),
    (Field::TcpFlags, 12),
];

fn range<D: Diagram>(diagram: &mut D, first: u32, width: u32, lo: u128, hi: u128) -> D::Set {
    // From the lowest bit up: what is at least `lo`, what is at most `hi`, what is both, of the bits so far.
    let bound = |diagram: &mut D, value: u128, above: bool| {
        let mut set = diagram.all();
        for bit in 0..width {
            let (variable, is_one) = (first + width - 1 - bit, value >> bit & 1 == 1);
            let rest = if above == is_one { diagram.none() } else { diagram.all() };
            set = if is_one {
                let low = if above { diagram.none() } else { diagram.all() };
                diagram.choose(variable, &low, &set)
            } else {
                let high = if above { diagram.all() } else { rest };
                diagram.choose(variable, &set, &high)
            };
        }
        set
    };
    let low = bound(diagram, lo, true);
    let high = bound(diagram, hi, false);
    diagram.and(&low, &high)
}

fn test<D: Diagram>(diagram: &mut D, condition: &Condition) -> D::Set {
    let Condition::Test(test) = condition else { panic!("rules of the classes are tests") };
    let at = ORDER.iter().position(|(field, _)| *field == test.field()).unwrap();
    let first = ORDER[..at].iter().map(|(_, width)| width).sum();
    let width = ORDER[at].1;
    match test.values() {
        ValueSetRef::Ranges(set) => {
            let mut all = diagram.none();
            for (lo, hi) in set.ranges() {
                let part = range(diagram, first, width, lo.into(), hi.into());
                all = diagram.or(&all, &part);
            }
            all
        }
        ValueSetRef::Bits(set) => {
            let pattern = set.patterns()[0];
            let mut all = diagram.all();
            for bit in (0..width).filter(|bit| pattern.mask >> bit & 1 == 1) {
                let none = diagram.none();
                let variable = first + width - 1 - bit;
                all = if pattern.value >> bit & 1 == 1 {
                    diagram.choose(variable, &none, &all)
                } else {
                    diagram.choose(variable, &all, &none)
                };
            }
            all
        }
        ValueSetRef::Wide(_) => panic!("rules of the classes are of IPv4"),
    }
}

/// How many rules are covered by all before.
fn covered<D: Diagram>(diagram: &mut D, set: &RuleSet) -> usize {
    let mut before = diagram.none();
    let mut covered = 0;
    for condition in set.rules.conditions() {
        let mut packets = diagram.all();
        let parts =
            if let Condition::And(parts) = condition { &parts[..] } else { std::slice::from_ref(condition) };
        for part in parts {
            let part = test(diagram, part);
            packets = diagram.and(&packets, &part);
        }
        let left = diagram.less(&packets, &before);
        if diagram.is_empty(&left) {
            covered += 1;
        } else {
            before = diagram.or(&before, &left);
        }
    }
    covered
}

fn measure<D: Diagram>(set: &RuleSet, new: impl Fn() -> D) -> (u64, usize, usize) {
    let mut best = (u64::MAX, 0, 0);
    for _ in 0..3 {
        let mut diagram = new();
        let start = processor_time().unwrap_or(0);
        let covered = covered(&mut diagram, set);
        let time = processor_time().unwrap_or(0) - start;
        if time < best.0 {
            best = (time, covered, diagram.nodes());
        }
    }
    best
}

fn main() {
    let count = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let count = count.map_or(1_000, |word| word.parse().expect("a number of rules"));
    let variables = ORDER.iter().map(|(_, width)| width).sum();
    for (class, seed) in CLASSES.iter().zip(1..).take(3) {
        let set = classes::list(class, count, seed, Writing { six: false, raw: false });
        let ours = measure(&set, || Bdd::new(&limits::RULE_SET_NODES, u64::MAX));
        let theirs = measure(&set, || Oxidd::new(variables));
        assert_eq!(ours.1, theirs.1, "both count the rules that are covered");
        println!(
            "{} of {count}: {} covered; ours {} us, {} nodes of 12 octets; oxidd {} us, {} nodes; {:.2} of its time",
            class.name,
            ours.1,
            ours.0 / 1000,
            ours.2,
            theirs.0 / 1000,
            theirs.2,
            ours.0 as f64 / theirs.0 as f64
        );
    }
}
