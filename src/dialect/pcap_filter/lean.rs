//! Conditions without what others beside them say already: a line of an access list is then a test for each field.

use crate::field::{Family, Field};
use crate::ir::{Condition, Test, ValueSetRef};
use thin_vec::ThinVec;

/// Each part is compared with those before it, as long as they are no more than this.
const PARTS: usize = 24;

/// All of `parts`, in as few as say the same.
pub(super) fn all(parts: Vec<Condition>) -> Condition {
    let family = parts.iter().flat_map(flat).fold(None, |known: Option<Known>, part| match known {
        Some(known) if known.is_certain => Some(known),
        _ => family(part).or(known),
    });
    let mut list = Vec::with_capacity(8);
    for part in parts {
        match part {
            Condition::And(inner) => inner.into_iter().for_each(|part| add(part, family, &mut list)),
            part => add(part, family, &mut list),
        }
    }
    if list.contains(&Condition::False) {
        return Condition::False;
    }
    match list.len() {
        0 => Condition::True,
        1 => list.swap_remove(0),
        count => {
            // In just the memory it takes: fleets have these by the hundred thousand.
            let mut parts = ThinVec::with_capacity(count);
            parts.extend(list);
            Condition::And(parts)
        }
    }
}

fn flat(part: &Condition) -> &[Condition] {
    match part {
        Condition::And(parts) => parts,
        part => std::slice::from_ref(part),
    }
}

/// The family of the packets that a part holds for.
#[derive(Clone, Copy)]
struct Known {
    family: Family,
    // A field that only this family has; not the version alone, which is left away beside one.
    is_certain: bool,
}

fn family(part: &Condition) -> Option<Known> {
    let Condition::Test(test) = part else { return None };
    let family = match (test.field().info().family, test.field()) {
        (Family::Any, Field::IpVersion) => match test.values().as_single() {
            Some(4) => Family::Inet,
            Some(6) => Family::Inet6,
            _ => return None,
        },
        (Family::Any, _) => return None,
        (family, _) => family,
    };
    Some(Known { family, is_certain: test.field() != Field::IpVersion })
}

/// Adds a part, unless one before says as much; one that says less goes.
fn add(part: Condition, known: Option<Known>, list: &mut Vec<Condition>) {
    let part = match (&part, known) {
        (Condition::Or(_), Some(known)) => part.of_packets(known.family),
        (Condition::Test(test), Some(known)) if known.is_certain && test.field() == Field::IpVersion => {
            part.of_packets(known.family)
        }
        _ => part,
    };
    match part {
        Condition::True => {}
        Condition::And(inner) => inner.into_iter().for_each(|part| add(part, None, list)),
        Condition::Test(test) if list.len() < PARTS => {
            let mut said = false;
            list.retain(|other| match other {
                Condition::Test(other) if other.field() == test.field() && !said => {
                    said = is_within(other, &test);
                    said || !is_within(&test, other)
                }
                _ => true,
            });
            if !said {
                list.push(Condition::Test(test));
            }
        }
        part => list.push(part),
    }
}

/// Whether the values of one test plainly are among those of another.
fn is_within(one: &Test, other: &Test) -> bool {
    match (one.values(), other.values()) {
        (ValueSetRef::Ranges(one), ValueSetRef::Ranges(other)) => one.is_subset(other),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ValueSet;

    #[test]
    fn what_is_said_already_is_left_away() {
        let test = |field, lo, hi| Condition::test(field, ValueSet::range(lo, hi));
        let either = Condition::or([test(Field::IpVersion, 4, 4), test(Field::ExtHdrs, 0, 0)]);
        let port = test(Field::Dport, 80, 80);
        let source = test(Field::Src4, 1, 9);
        let parts =
            || vec![test(Field::Proto, 6, 17), either.clone(), test(Field::Proto, 6, 6), port.clone()];
        let of = |more: Condition| all([more].into_iter().chain(parts()).collect());
        let with = |first: Condition| Condition::and([first, test(Field::Proto, 6, 6), port.clone()]);
        assert_eq!(of(source.clone()), with(source.clone()));
        assert_eq!(of(test(Field::IpVersion, 4, 4)), with(test(Field::IpVersion, 4, 4)));
        assert_eq!(of(Condition::and([test(Field::IpVersion, 4, 4), source.clone()])), with(source));
        let six = all(vec![test(Field::IpVersion, 6, 6), either.clone()]);
        assert_eq!(six, Condition::and([test(Field::IpVersion, 6, 6), test(Field::ExtHdrs, 0, 0)]));
        assert_eq!(all(vec![test(Field::IpVersion, 6, 6), test(Field::Src4, 1, 1)]), Condition::False);
        assert_eq!(all(vec![]), Condition::True);
        assert_eq!(all(vec![port.clone()]), port);
    }
}
