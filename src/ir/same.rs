//! Conditions that say the same in another order: a number that they share, and whether two do.

use super::Condition;
use std::hash::BuildHasher;

impl Condition {
    /// A number that conditions share which are equal but for the order of their parts.
    pub fn digest(&self, state: &impl BuildHasher) -> u64 {
        let own = |tag: u8, inner: u64| state.hash_one((tag, inner));
        let sum = |parts: &[Self]| parts.iter().fold(0_u64, |sum, part| sum.wrapping_add(part.digest(state)));
        match self {
            Self::True => own(0, 0),
            Self::False => own(1, 0),
            Self::Test(test) => state.hash_one((test.field(), test.values())),
            Self::And(parts) => own(3, sum(parts)),
            Self::Or(parts) => own(4, sum(parts)),
            Self::Not(part) => own(5, part.digest(state)),
            Self::Opaque(opaque) => state.hash_one(&opaque.id),
        }
    }

    /// Whether it is another one but for the order of their parts.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::And(x), Self::And(y)) | (Self::Or(x), Self::Or(y)) => x == y || same_parts(x, y),
            (Self::Not(x), Self::Not(y)) => x.is_same(y),
            _ => self == other,
        }
    }
}

fn same_parts(x: &[Condition], y: &[Condition]) -> bool {
    // Long lists are compared in order only: their readers sort them.
    const LONG: usize = 32;
    x.len() == y.len()
        && x.len() <= LONG
        && x.iter().all(|part| {
            let count = |list: &[Condition]| list.iter().filter(|other| part.is_same(other)).count();
            count(x) == count(y)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::ir::ValueSet;
    use foldhash::fast::FixedState;

    #[test]
    fn the_order_of_parts_does_not_count() {
        let test = |field, value| Condition::test(field, ValueSet::single(value));
        let (a, b) = (test(Field::Ttl, 1), test(Field::Proto, 6));
        let (ab, ba) = (Condition::and([a.clone(), b.clone()]), Condition::and([b.clone(), a.clone()]));
        let digest = |condition: &Condition| condition.digest(&FixedState::default());
        assert_eq!(digest(&ab), digest(&ba));
        assert!(ab.is_same(&ba));
        let either = Condition::or([a.clone(), b.clone()]);
        assert_ne!(digest(&ab), digest(&either));
        assert!(!ab.is_same(&either) && !a.is_same(&b));
        let twice = Condition::and([a.clone(), a.clone(), b.clone()]);
        let other = Condition::and([a, b.clone(), b]);
        assert!(!twice.is_same(&other));
    }
}
