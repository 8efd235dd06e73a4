//! Mutators: what is legal becomes what readers have to refuse, or to bear. Each is about one thing that goes wrong.

mod octets;
mod routes;
mod text;
mod walk;

pub use octets::packet;
pub use routes::every_cut;
pub use text::lines;
pub use walk::{Piece, broken, walk};

use super::Update;
use super::generate::{Pools, below};
use arbitrary::Unstructured;

/// One way to change an UPDATE.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mutator {
    /// Extended communities: of every type, several of one, cut short.
    Actions,
    /// The length of an NLRI: beside the truth and at the borders of its two forms, with and without what follows.
    Length,
    /// The value of an operand at the borders of every width, in every width.
    Operand,
    /// Bits of an operator: every comparison, joined where nothing stands before, reserved, without an end.
    Operator,
    /// Routes in messages: many, some bad among good, taken back unannounced, without what a message must have.
    Packing,
    /// One route many times, each a little different.
    Scale,
    /// Components: their order, twice, unknown, none, with lengths that no address has.
    Structure,
    /// An NLRI that ends at any octet, said by its length or not.
    Truncate,
}

impl Mutator {
    /// All of them, sorted.
    pub const ALL: [Self; 8] = [
        Self::Actions,
        Self::Length,
        Self::Operand,
        Self::Operator,
        Self::Packing,
        Self::Scale,
        Self::Structure,
        Self::Truncate,
    ];

    /// Changes `update`.
    pub fn apply(self, u: &mut Unstructured<'_>, update: &mut Update, pools: &Pools) {
        match self {
            Self::Actions => routes::actions(u, update),
            Self::Length => routes::length(u, update),
            Self::Operand => routes::operand(u, update),
            Self::Operator => routes::operator(u, update),
            Self::Packing => routes::packing(u, update, pools),
            Self::Scale => routes::scale(u, update),
            Self::Structure => routes::structure(u, update),
            Self::Truncate => routes::truncate(u, update),
        }
    }
}

/// Changes an UPDATE in one to three ways; which ones.
pub fn update(u: &mut Unstructured<'_>, update: &mut Update, pools: &Pools) -> Vec<Mutator> {
    let count = match below(u, 6) {
        0..=3 => 1,
        4 => 2,
        _ => 3,
    };
    let mut applied = Vec::new();
    for _ in 0..count {
        let Some(mutator) = super::generate::one(u, &Mutator::ALL) else { continue };
        mutator.apply(u, update, pools);
        applied.push(mutator);
    }
    applied
}

#[cfg(test)]
mod tests {
    use super::super::expect::{Judgement, judge};
    use super::super::generate::{self, Style, octets};
    use super::*;
    use crate::dialect::flowspec::Table;
    use std::collections::{BTreeMap, BTreeSet};

    /// What each mutator reaches, over counted input: the defects that our own reader names.
    fn reached(only: Option<Mutator>) -> BTreeMap<&'static str, u32> {
        let mut map = BTreeMap::new();
        for (seed, table) in (0..6_000).zip(Table::ALL.into_iter().cycle()) {
            let data = octets(seed, 16_384);
            let mut u = Unstructured::new(&data);
            let pools = Pools::new(&mut u);
            let style = Style::new(&mut u);
            let mut made = generate::update(&mut u, table, &pools, style);
            match only {
                Some(mutator) => mutator.apply(&mut u, &mut made, &pools),
                None => _ = update(&mut u, &mut made, &pools),
            }
            let name = match judge(&made).judgement {
                Judgement::Legal => "legal",
                Judgement::Unusual(name) | Judgement::Illegal(name) => name,
            };
            *map.entry(name).or_default() += 1;
        }
        map
    }

    #[test]
    fn every_defect_of_an_nlri_is_reached() {
        let map = reached(None);
        for name in [
            "legal",
            "overrun",
            "length-cut",
            "empty",
            "distinguisher",
            "unknown-type",
            "out-of-order",
            "repeated-type",
            "no-operator",
            "cut",
            "prefix-length",
            "offset",
            "width",
            "no-end",
            "and-on-first",
            "reserved-operator-bits",
            "reserved-value-bits",
            "width-not-fewest",
            "long-length",
            "junk-prefix-bits",
            "community-length",
            "no-origin",
            "no-path",
        ] {
            assert!(map.contains_key(name), "`{name}` is not reached: {map:?}");
        }
    }

    #[test]
    fn each_mutator_reaches_what_it_is_about() {
        for (mutator, name) in [
            (Mutator::Actions, "community-length"),
            (Mutator::Length, "empty"),
            (Mutator::Length, "long-length"),
            (Mutator::Operand, "width-not-fewest"),
            (Mutator::Operator, "no-end"),
            (Mutator::Operator, "and-on-first"),
            (Mutator::Packing, "no-origin"),
            (Mutator::Structure, "out-of-order"),
            (Mutator::Structure, "repeated-type"),
            (Mutator::Truncate, "cut"),
            (Mutator::Truncate, "overrun"),
        ] {
            let map = reached(Some(mutator));
            assert!(map.get(name).is_some_and(|count| *count > 5), "{mutator:?} and `{name}`: {map:?}");
        }
    }

    #[test]
    fn truncation_reaches_every_octet() {
        let framed = vec![12, 1, 24, 192, 0, 2, 3, 0x81, 6, 5, 0x91, 0, 80];
        let mut lengths = BTreeSet::new();
        for seed in 0..2_000 {
            let data = octets(seed, 64);
            let mut made = Update::new(Table::Ipv4, vec![framed.clone()]);
            Mutator::Truncate.apply(
                &mut Unstructured::new(&data),
                &mut made,
                &Pools::new(&mut Unstructured::new(&[])),
            );
            lengths.insert(made.routes[0].len());
        }
        assert!((1..framed.len()).all(|length| lengths.contains(&length)), "{lengths:?}");
    }
}
