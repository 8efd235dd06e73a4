//! Conditions without what others beside them say already: a line of an access list is then a test for each field.

use crate::field::{Family, Field};
use crate::ir::{Condition, Test, ValueSetRef};

/// More parts than this are left as they are: each is compared with each.
const PARTS: usize = 24;

/// The same condition in fewer parts.
pub(super) fn lean(condition: Condition) -> Condition {
    let Condition::And(mut parts) = condition else { return condition };
    if parts.len() > PARTS {
        return Condition::And(parts);
    }
    if let Some((witness, family)) = family(&parts) {
        for (index, part) in parts.iter_mut().enumerate() {
            if index != witness && has_family(part) {
                *part = part.of_packets(family);
            }
        }
    }
    // What another part says too; of two that say the same the first stays.
    let mut at = 0;
    while let Some(part) = parts.get(at) {
        let others = || parts.iter().enumerate().filter(|(index, _)| *index != at);
        let said = *part == Condition::True
            || others().any(|(index, other)| implies(other, part) && (index < at || !implies(part, other)));
        if said {
            parts.remove(at);
        } else {
            at += 1;
        }
    }
    Condition::all(parts)
}

/// A part that only packets of one family can fulfil, and the family; an address rather than the version alone.
fn family(parts: &[Condition]) -> Option<(usize, Family)> {
    let of = |part: &Condition| match part {
        Condition::Test(test) => Some(test.field().info().family).filter(|family| *family != Family::Any),
        _ => None,
    };
    let version = |part: &Condition| match part {
        Condition::Test(test) if test.field() == Field::IpVersion => match test.values().as_single() {
            Some(4) => Some(Family::Inet),
            Some(6) => Some(Family::Inet6),
            _ => None,
        },
        _ => None,
    };
    let find = |of: &dyn Fn(&Condition) -> Option<Family>| {
        parts.iter().enumerate().find_map(|(index, part)| Some((index, of(part)?)))
    };
    find(&of).or_else(|| find(&version))
}

/// Whether the family of a packet may decide a part.
fn has_family(part: &Condition) -> bool {
    match part {
        Condition::Test(test) => test.field() == Field::IpVersion,
        Condition::Or(_) => true,
        _ => false,
    }
}

/// Whether one test plainly holds only where another does.
fn implies(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::Test(one), Condition::Test(other)) => {
            one.field() == other.field() && is_within(one, other)
        }
        _ => false,
    }
}

fn is_within(one: &Test, other: &Test) -> bool {
    match (one.values(), other.values()) {
        (ValueSetRef::Ranges(one), ValueSetRef::Ranges(other)) => one.is_subset(other),
        (one, other) => one == other,
    }
}
