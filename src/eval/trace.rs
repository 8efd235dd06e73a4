//! Says why a condition does not hold for a packet: the first part that decides it.

use super::{Truth, evaluate};
use crate::field::{Headers, Reading};
use crate::ir::{Condition, Opaque, Test};

/// Why a condition does not hold, or why nobody can say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Why<'a> {
    /// This test fails on what the packet has.
    Test(&'a Test, Reading),
    /// None of these alternatives holds.
    NoneOf(&'a [Condition]),
    /// This part holds, and must not.
    Holds(&'a Condition),
    /// The condition holds for no packet.
    Never,
    /// This part is not modelled.
    Opaque(&'a Opaque),
}

/// The first part of `condition` that keeps it from holding; none when it holds.
pub fn why_not<'a>(condition: &'a Condition, headers: &Headers) -> Option<Why<'a>> {
    let truth = evaluate(condition, headers);
    if truth == Truth::Yes {
        return None;
    }
    match condition {
        Condition::True => None,
        Condition::False => Some(Why::Never),
        Condition::Test(test) => Some(Why::Test(test, headers.get(test.field()))),
        Condition::And(parts) => {
            // A part that fails decides; only where none does, one that nobody can say of.
            let decides = |part: &&Condition| evaluate(part, headers) == truth;
            parts.iter().find(decides).and_then(|part| why_not(part, headers))
        }
        Condition::Or(parts) => {
            let open = parts.iter().find(|part| evaluate(part, headers) == Truth::Unknown);
            match (truth, open) {
                (Truth::Unknown, Some(part)) => why_not(part, headers),
                _ => Some(Why::NoneOf(parts)),
            }
        }
        Condition::Not(part) if truth == Truth::Unknown => why_not(part, headers),
        Condition::Not(part) => Some(Why::Holds(part)),
        Condition::Opaque(opaque) if truth == Truth::No => {
            why_not(&opaque.over, headers).or(Some(Why::Opaque(opaque)))
        }
        Condition::Opaque(opaque) => Some(Why::Opaque(opaque)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::ir::ValueSet;
    use crate::source::Span;

    fn is(field: Field, value: u32) -> Condition {
        Condition::test(field, ValueSet::single(value))
    }

    #[test]
    fn the_first_part_that_decides_is_named() {
        let mut headers = Headers::new();
        headers.set(Field::Proto, 6);
        headers.set(Field::Dport, 80);
        let both = Condition::and([is(Field::Proto, 6), is(Field::Dport, 22), is(Field::Ttl, 1)]);
        let Some(Why::Test(test, reading)) = why_not(&both, &headers) else { panic!() };
        assert_eq!((test.field(), reading), (Field::Dport, Reading::Value(80)));
        let either = Condition::or([is(Field::Dport, 22), is(Field::Dport, 23)]);
        assert!(matches!(why_not(&either, &headers), Some(Why::NoneOf([_, _]))));
        let not = Condition::not(is(Field::Proto, 6));
        assert!(matches!(why_not(&not, &headers), Some(Why::Holds(_))));
        assert_eq!(why_not(&Condition::False, &headers), Some(Why::Never));
        assert_eq!(why_not(&is(Field::Proto, 6), &headers), None);
    }

    #[test]
    fn what_fails_comes_before_what_nobody_can_say() {
        let mut headers = Headers::new();
        headers.set(Field::Proto, 6);
        let what = || Condition::opaque("x", "not modelled", Span::default());
        let both = |a, b| Condition::And(vec![a, b].into());
        assert!(matches!(why_not(&both(what(), is(Field::Proto, 17)), &headers), Some(Why::Test(..))));
        assert!(matches!(why_not(&both(what(), is(Field::Proto, 6)), &headers), Some(Why::Opaque(_))));
        headers.set_cut(Field::Ttl);
        let ttl = is(Field::Ttl, 1);
        assert!(matches!(why_not(&ttl, &headers), Some(Why::Test(_, Reading::Cut))));
    }
}
