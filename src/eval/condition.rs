//! Three-valued evaluation of a condition on one packet.

use crate::field::{Field, Headers, Reading};
use crate::ir::{Condition, Opaque, Test, ValueSetRef};

/// Whether a condition holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// Nobody can say.
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

/// Why nobody can say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Unknown<'a> {
    /// The capture ends before the field or does not record it.
    Cut(Field),
    /// The condition is not modelled.
    Opaque(&'a Opaque),
}

/// Whether a condition holds for a packet; none where it cannot be said.
pub fn holds(condition: &Condition, headers: &Headers) -> Option<bool> {
    match evaluate(condition, headers) {
        Truth::Yes => Some(true),
        Truth::No => Some(false),
        Truth::Unknown => None,
    }
}

/// Evaluates `condition` on one packet.
#[inline]
pub fn evaluate(condition: &Condition, headers: &Headers) -> Truth {
    match condition {
        Condition::Test(test) => evaluate_test(test, headers),
        Condition::And(parts) => {
            let mut truth = Truth::Yes;
            for part in parts {
                match evaluate(part, headers) {
                    Truth::No => return Truth::No,
                    Truth::Yes => {}
                    Truth::Unknown => truth = Truth::Unknown,
                }
            }
            truth
        }
        Condition::Or(parts) => {
            let mut truth = Truth::No;
            for part in parts {
                match evaluate(part, headers) {
                    Truth::Yes => return Truth::Yes,
                    Truth::No => {}
                    Truth::Unknown => truth = Truth::Unknown,
                }
            }
            truth
        }
        Condition::Not(part) => match evaluate(part, headers) {
            Truth::No => Truth::Yes,
            Truth::Yes => Truth::No,
            Truth::Unknown => Truth::Unknown,
        },
        Condition::True => Truth::Yes,
        Condition::False => Truth::No,
        Condition::Opaque(opaque) => evaluate_opaque(opaque, headers),
    }
}

#[inline]
fn evaluate_test(test: &Test, headers: &Headers) -> Truth {
    if let (ValueSetRef::Ranges(set), Some(value)) = (test.values(), headers.small(test.field())) {
        return set.contains(value).into();
    }
    match headers.get(test.field()) {
        Reading::Value(value) => test.values().contains(value).into(),
        Reading::Absent => Truth::No,
        Reading::Cut => Truth::Unknown,
    }
}

fn evaluate_opaque(opaque: &Opaque, headers: &Headers) -> Truth {
    if evaluate(&opaque.under, headers) == Truth::Yes {
        Truth::Yes
    } else if evaluate(&opaque.over, headers) == Truth::No {
        Truth::No
    } else {
        Truth::Unknown
    }
}

/// The parts of `condition` that nobody can say for this packet.
pub fn unknowns<'a>(condition: &'a Condition, headers: &Headers) -> Vec<Unknown<'a>> {
    let mut list = Vec::new();
    condition.visit(&mut |part| match part {
        Condition::Test(test) if headers.get(test.field()) == Reading::Cut => {
            list.push(Unknown::Cut(test.field()));
        }
        Condition::Opaque(opaque) if evaluate_opaque(opaque, headers) == Truth::Unknown => {
            list.push(Unknown::Opaque(opaque));
        }
        _ => {}
    });
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ValueSet;
    use crate::source::Span;

    fn ttl(lo: u32, hi: u32) -> Condition {
        Condition::test(Field::Ttl, ValueSet::range(lo, hi))
    }

    #[test]
    fn absence_makes_a_test_false_and_its_negation_true() {
        let headers = Headers::new();
        assert_eq!(evaluate(&ttl(0, 255), &headers), Truth::No);
        assert_eq!(evaluate(&Condition::not(ttl(0, 255)), &headers), Truth::Yes);
    }

    #[test]
    fn unknown_yields_to_what_decides() {
        let mut headers = Headers::new();
        headers.set(Field::Ttl, 5);
        let what = Condition::opaque("x", "not modelled", Span::default());
        let both = |a: Condition, b: Condition| Condition::And(vec![a, b].into());
        let either = |a: Condition, b: Condition| Condition::Or(vec![a, b].into());
        assert_eq!(evaluate(&both(what.clone(), ttl(6, 9)), &headers), Truth::No);
        assert_eq!(evaluate(&both(what.clone(), ttl(5, 9)), &headers), Truth::Unknown);
        assert_eq!(evaluate(&either(what.clone(), ttl(5, 9)), &headers), Truth::Yes);
        assert_eq!(evaluate(&Condition::not(what), &headers), Truth::Unknown);
        headers.set_cut(Field::Ttl);
        assert_eq!(evaluate(&ttl(0, 255), &headers), Truth::Unknown);
    }

    #[test]
    fn an_opaque_condition_stays_within_its_bounds() {
        let mut headers = Headers::new();
        headers.set(Field::Ttl, 5);
        let within = |over, under| Condition::opaque_within("x", "r", over, under, Span::default());
        assert_eq!(evaluate(&within(ttl(6, 9), Condition::False), &headers), Truth::No);
        assert_eq!(evaluate(&within(Condition::True, ttl(5, 5)), &headers), Truth::Yes);
    }
}
