//! Which of the unusual things the rules of one batch do: a batch that does few of them reaches further into a reader
//! than one that does all, because fewer rules end early.

use super::{below, once_in};
use arbitrary::Unstructured;

/// What rules of one batch may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own, drawn apart")]
pub struct Style {
    /// The component types used, bit n for type n; 0 for all.
    pub kinds: u16,
    /// Values in more octets than they need.
    pub wide: bool,
    /// Every combination of the bits of an operator.
    pub operators: bool,
    /// Lists of many operands.
    pub lists: bool,
    /// Values that no packet can carry.
    pub beyond: bool,
    /// Rules that are as long as they may be.
    pub long: bool,
}

impl Style {
    /// Rules as people write them.
    pub const PLAIN: Self =
        Self { kinds: 0, wide: false, operators: false, lists: false, beyond: false, long: false };

    /// Draws one: each habit in a third of all batches.
    pub fn new(u: &mut Unstructured<'_>) -> Self {
        let habit = |u: &mut Unstructured<'_>| once_in(u, 3);
        // Half of the batches keep to some types.
        let kinds = if below(u, 2) == 0 { 0 } else { u.arbitrary::<u16>().unwrap_or(0) & 0x3ffe };
        Self {
            kinds,
            wide: habit(u),
            operators: habit(u),
            lists: habit(u),
            beyond: habit(u),
            long: once_in(u, 8),
        }
    }
}
