//! Generators: octets in, input out. What is fuzzed by coverage, by properties or in a campaign feeds them the same way.
//!
//! Octets that have run out read as zero and give the smallest of everything, so that any row of octets is input.

mod lattice;
mod nlri;
mod pools;
mod rules;
mod style;
mod update;

pub use lattice::{Lattice, lengths};
pub use nlri::{nlri, with_value};
pub use pools::Pools;
pub use rules::{packet, rule_set};
pub use style::Style;
pub use update::{community, routes, update};

use crate::net::Random;
use arbitrary::Unstructured;

/// A number below `n`; 0 where `n` is 0 or the octets have run out.
#[inline]
pub(super) fn below(u: &mut Unstructured<'_>, n: u32) -> u32 {
    u.int_in_range(0..=n.saturating_sub(1)).unwrap_or(0)
}

/// Whether something that happens once in `n` times happens.
#[inline]
pub(super) fn once_in(u: &mut Unstructured<'_>, n: u32) -> bool {
    // Not 0: what is rare does not happen when the octets have run out.
    below(u, n) == n.saturating_sub(1) && n > 0
}

/// One of a list.
#[inline]
pub(super) fn one<T: Copy>(u: &mut Unstructured<'_>, list: &[T]) -> Option<T> {
    let number = below(u, u32::try_from(list.len()).unwrap_or(u32::MAX));
    list.get(number as usize).copied()
}

/// Octets from a seed, as many as one piece of input may want; the same ones for the same seed.
pub fn octets(seed: u64, count: usize) -> Vec<u8> {
    let mut random = Random(seed);
    let mut out = Vec::with_capacity(count + 8);
    while out.len() < count {
        out.extend_from_slice(&random.next().to_le_bytes());
    }
    out.truncate(count);
    out
}
