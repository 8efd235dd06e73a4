//! What a rule of nftables was told, where its reader says what the kernel does.
//!
//! In IPv6 a later fragment is read from its IP header on, so that the reader makes two alternatives of a test of a port:
//! of whole packets and first fragments, and of what stands in its place in later ones. And it says of which packets the
//! kernel finds the protocol. Neither is in the rule, and nobody keeps any of it.

use crate::field::Field;
use crate::guard::{Exhausted, Meter};
use crate::ir::{Condition, Test, ValueSetRef};
use std::borrow::Cow;

/// The condition without what the reader added. A step a part.
pub(super) fn as_written<'c>(
    condition: &'c Condition,
    meter: &mut Meter,
) -> Result<Cow<'c, Condition>, Exhausted> {
    meter.charge(1)?;
    Ok(match condition {
        Condition::Not(part) if is_walk(part) => Cow::Owned(Condition::True),
        Condition::Test(_) if is_walk(condition) => Cow::Owned(Condition::True),
        Condition::Or(parts) => match &**parts {
            [Condition::And(first), Condition::And(later)]
                if later.len() > 1
                    && later.iter().any(is_later)
                    && first.iter().any(|part| !is_first(part)) =>
            {
                let rest = first.iter().filter(|part| !is_first(part)).cloned();
                Cow::Owned(Condition::and(rest))
            }
            parts => {
                let mut list = Vec::with_capacity(parts.len());
                for part in parts {
                    list.push(as_written(part, meter)?.into_owned());
                }
                Cow::Owned(Condition::or(list))
            }
        },
        Condition::And(parts) => {
            let mut list = Vec::with_capacity(parts.len());
            // What is told of whole packets and first fragments alone.
            let of_first = |part: &&Condition| !matches!(part, Condition::Or(_)) || !is_first(part);
            for part in parts.iter().filter(of_first) {
                list.push(as_written(part, meter)?.into_owned());
            }
            Cow::Owned(Condition::and(list))
        }
        other => Cow::Borrowed(other),
    })
}

/// The headers at which the kernel stops to look for a protocol: none of them is there.
fn is_walk(condition: &Condition) -> bool {
    let Condition::Test(test) = condition else { return false };
    let ValueSetRef::Bits(set) = test.values() else { return false };
    test.field() == Field::ExtHdrs
        && match set.patterns() {
            [only] => only.value == 0 && only.mask.count_ones() > 1,
            patterns => patterns.len() > 1,
        }
}

/// A later fragment.
fn is_later(condition: &Condition) -> bool {
    only(condition, Field::FragOff) == Some((1, 0x1fff))
}

/// No later fragment: IPv4, a fragment at 0, or either.
fn is_first(condition: &Condition) -> bool {
    match condition {
        Condition::Or(parts) => parts.iter().all(is_first),
        part => {
            only(part, Field::FragOff) == Some((0, 0))
                || only(part, Field::IpVersion) == Some((4, 4))
                || is_walk(part)
        }
    }
}

fn only(condition: &Condition, field: Field) -> Option<(u32, u32)> {
    let Condition::Test(test) = condition else { return None };
    let range = |test: &Test| match test.values() {
        ValueSetRef::Ranges(set) => {
            let mut ranges = set.ranges();
            ranges.next().filter(|_| ranges.next().is_none())
        }
        ValueSetRef::Wide(_) | ValueSetRef::Bits(_) => None,
    };
    range(test).filter(|_| test.field() == field)
}
