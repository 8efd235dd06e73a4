//! Borders: the values at and beside which readers of numbers go wrong, computed from widths and domains.

use crate::dialect::flowspec::encode::{SHORT_MAX, VALUE_MAX};
use crate::dialect::flowspec::{ComponentType, TYPES};
use crate::field::Family;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Widths of an operand on the wire, in octets.
const WIDTHS: [u32; 4] = [1, 2, 4, 8];

/// Values of one component type worth a try, in ascending order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lattice {
    /// Those that a packet of the family can carry.
    pub inside: Vec<u64>,
    /// Those that it cannot, and that are as legal on the wire.
    pub beyond: Vec<u64>,
}

impl Lattice {
    /// The borders of a domain up to `max`, and of every width that a value may be written in up to `widest` octets.
    pub fn new(max: u64, widest: u32) -> Self {
        let mut values = BTreeSet::new();
        // The ends of the domain, and its half, where a sign would be.
        values.extend([0, 1, max / 2, max / 2 + 1, max.saturating_sub(1), max, max.saturating_add(1)]);
        for width in WIDTHS.into_iter().filter(|width| *width <= widest) {
            let bits = width * 8;
            let top = u64::MAX >> (64 - bits);
            // The largest of a width, its sign bit, and one less.
            values.extend([top - 1, top, top >> 1, (top >> 1) + 1]);
            // One more, and what is small and legal once a reader has cut it down to this width.
            if let Some(over) = top.checked_add(1) {
                values.extend(
                    [Some(over), over.checked_add(1), over.checked_add(max.min(top))].into_iter().flatten(),
                );
            }
        }
        let most = u64::MAX >> (64 - widest * 8);
        let (inside, beyond) =
            values.into_iter().filter(|value| *value <= most).partition(|value| *value <= max);
        Self { inside, beyond }
    }

    /// The lattice of a component type; empty for prefixes.
    pub fn of(kind: ComponentType, family: Family) -> &'static Self {
        static ALL: LazyLock<Vec<[Lattice; 2]>> = LazyLock::new(|| {
            let lattice = |max: u64, widths: u8| {
                let widest = 1 << (7 - widths.leading_zeros().min(7));
                if widths == 0 {
                    Lattice { inside: vec![], beyond: vec![] }
                } else {
                    Lattice::new(max, widest)
                }
            };
            TYPES
                .iter()
                .map(|info| [lattice(info.max4, info.widths), lattice(info.max6, info.widths)])
                .collect()
        });
        static NONE: Lattice = Lattice { inside: Vec::new(), beyond: Vec::new() };
        let row = ALL.get(usize::from(kind.number()).saturating_sub(1));
        let [four, six] = row.map_or([&NONE; 2], |[four, six]| [four, six]);
        if family == Family::Inet6 { six } else { four }
    }
}

/// What the length of an NLRI of `octets` octets may say: the truth, beside it, and the borders of what its one or two
/// octets can say.
pub fn lengths(octets: usize) -> Vec<u16> {
    let longest = u16::MAX;
    let marked = u16::try_from(VALUE_MAX).unwrap_or(longest);
    let short = u16::try_from(SHORT_MAX).unwrap_or(longest);
    let own = u16::try_from(octets).unwrap_or(longest);
    let mut values = BTreeSet::from([0, 1, longest]);
    for border in [own, short, marked] {
        values.extend([border.saturating_sub(1), border, border.saturating_add(1)]);
    }
    values.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_follow_from_domain_and_widths() {
        let lattice = Lattice::new(63, 1);
        assert_eq!(lattice.inside, [0, 1, 31, 32, 62, 63]);
        assert_eq!(lattice.beyond, [64, 127, 128, 254, 255]);
        let wide = Lattice::new(65_535, 8);
        assert!(wide.inside.contains(&65_535) && wide.beyond.contains(&65_536));
        // What a reader that keeps 16 bits takes for the largest port.
        assert!(wide.beyond.contains(&(65_536 + 65_535)));
        assert!(wide.beyond.contains(&u64::MAX) && wide.beyond.contains(&(1 << 63)));
    }

    #[test]
    fn every_type_with_operands_has_both_sides_where_it_can() {
        for info in &TYPES {
            let lattice = Lattice::of(info.kind, Family::Inet6);
            assert_eq!(lattice.inside.is_empty(), info.widths == 0, "{}", info.name);
            assert!(lattice.inside.iter().all(|value| *value <= info.max6), "{}", info.name);
            assert!(lattice.beyond.iter().all(|value| *value > info.max6), "{}", info.name);
        }
    }

    #[test]
    fn lengths_stand_at_both_forms() {
        let list = lengths(12);
        let own = |length: usize| u16::try_from(length).unwrap();
        assert!(list.is_sorted());
        for value in [0, 11, 12, 13, own(SHORT_MAX) + 1, own(VALUE_MAX), u16::MAX] {
            assert!(list.contains(&value), "{value}");
        }
    }
}
