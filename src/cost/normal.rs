//! Brings a condition to a form whose alternatives can be walked: negation at the tests, tests of one field
//! joined.

use super::cover;
use crate::field::{Family, Field, FieldInfo, Layer};
use crate::guard::{Exhausted, Meter};
use crate::ir::{Condition, ValueSet, ValueSetRef};
use crate::net::{BitMatch, BitSet, IntervalSet};

/// A condition with negation pushed to its tests, and tests of one field beside each other joined.
pub(super) enum Normal<'a> {
    True,
    False,
    /// The field is there and in the set.
    In(Field, Held<'a>),
    /// The field is not there.
    Absent(Field),
    And(Vec<Self>),
    Or(Vec<Self>),
}

/// Values of a test, or what was made of them.
pub(super) enum Held<'a> {
    Borrowed(ValueSetRef<'a>),
    Owned(ValueSet),
}

impl Held<'_> {
    pub(super) fn view(&self) -> ValueSetRef<'_> {
        match self {
            Self::Borrowed(values) => *values,
            Self::Owned(values) => values.view(),
        }
    }
}

/// The condition, or its opposite where `negated`. A part that is not modelled counts as true and sets `opaque`.
pub(super) fn normalise<'a>(
    condition: &'a Condition,
    negated: bool,
    family: Family,
    opaque: &mut bool,
    meter: &mut Meter,
    depth: &mut Meter,
) -> Result<Normal<'a>, Exhausted> {
    meter.charge(1)?;
    Ok(match (condition, negated) {
        (Condition::True, false) | (Condition::False, true) => Normal::True,
        (Condition::False, false) | (Condition::True, true) => Normal::False,
        (Condition::Opaque(_), _) => {
            *opaque = true;
            Normal::True
        }
        (Condition::Test(test), false) => Normal::In(test.field(), Held::Borrowed(test.values())),
        (Condition::Test(test), true) => negative(test.field(), test.values(), family, meter)?,
        (Condition::Not(part), _) => {
            depth.charge(1)?;
            let inner = normalise(part, !negated, family, opaque, meter, depth)?;
            depth.release(1);
            inner
        }
        (Condition::And(parts), true) | (Condition::Or(parts), false) => {
            let mut list = Vec::with_capacity(parts.len());
            depth.charge(1)?;
            for part in parts {
                list.push(normalise(part, negated, family, opaque, meter, depth)?);
            }
            depth.release(1);
            any_of(joined(list, meter)?)
        }
        (Condition::Or(parts), true) => {
            // The complement of a union: join first, so that a long list is complemented once.
            let mut list = Vec::with_capacity(parts.len());
            depth.charge(1)?;
            let mut tests = Vec::new();
            for part in parts {
                match part {
                    Condition::Test(test) => {
                        tests.push(Normal::In(test.field(), Held::Borrowed(test.values())));
                    }
                    other => list.push(normalise(other, true, family, opaque, meter, depth)?),
                }
            }
            for test in joined(tests, meter)? {
                if let Normal::In(field, values) = test {
                    list.push(negative(field, values.view(), family, meter)?);
                }
            }
            depth.release(1);
            all_of(list, meter)?
        }
        (Condition::And(parts), false) => {
            let mut list = Vec::with_capacity(parts.len());
            depth.charge(1)?;
            for part in parts {
                list.push(normalise(part, false, family, opaque, meter, depth)?);
            }
            depth.release(1);
            all_of(list, meter)?
        }
    })
}

/// All of the parts; one test where they are all tests of one field, so that an "either" around can join it.
fn all_of<'a>(mut list: Vec<Normal<'a>>, meter: &mut Meter) -> Result<Normal<'a>, Exhausted> {
    let one_field = match list.first() {
        Some(Normal::In(field, _)) => list.iter().all(|part| matches!(part, Normal::In(f, _) if f == field)),
        _ => false,
    };
    if !one_field {
        return Ok(Normal::And(list));
    }
    let mut joined = list.pop();
    for part in list.into_iter().rev() {
        if let (Some(Normal::In(field, a)), Normal::In(_, b)) = (&joined, &part) {
            joined = Some(Normal::In(*field, Held::Owned(both(*field, a.view(), b.view(), meter)?)));
        }
    }
    Ok(joined.unwrap_or(Normal::True))
}

/// Any of the parts; one test where they join into one.
fn any_of(mut list: Vec<Normal<'_>>) -> Normal<'_> {
    match list.len() {
        0 => Normal::False,
        1 => list.swap_remove(0),
        _ => Normal::Or(list),
    }
}

/// Joins tests of one field kept as ranges into one, in the place of the first.
fn joined<'a>(list: Vec<Normal<'a>>, meter: &mut Meter) -> Result<Vec<Normal<'a>>, Exhausted> {
    let mut small: Vec<(Field, Vec<(u32, u32)>)> = Vec::new();
    let mut rest = Vec::with_capacity(list.len());
    for part in list {
        match &part {
            Normal::In(field, values) if let ValueSetRef::Ranges(set) = values.view() => {
                meter.charge(set.ranges().len() as u64)?;
                match small.iter_mut().find(|(f, _)| f == field) {
                    Some((_, ranges)) => ranges.extend(set.ranges()),
                    None => small.push((*field, set.ranges().collect())),
                }
            }
            Normal::False => {}
            _ => rest.push(part),
        }
    }
    let sets = small.into_iter().map(|(field, ranges)| {
        Normal::In(field, Held::Owned(ValueSet::Ranges(IntervalSet::from_ranges(ranges))))
    });
    Ok(sets.chain(rest).collect())
}

/// `not (field in values)`: not there, or there with another value.
fn negative<'a>(
    field: Field,
    values: ValueSetRef<'_>,
    family: Family,
    meter: &mut Meter,
) -> Result<Normal<'a>, Exhausted> {
    let others = Normal::In(field, Held::Owned(complement(field, values, meter)?));
    Ok(if always_there(field.info(), family) {
        others
    } else {
        Normal::Or(vec![Normal::Absent(field), others])
    })
}

/// Whether every well-formed packet of the family has the field, as far as a table key is concerned.
fn always_there(info: &FieldInfo, family: Family) -> bool {
    if info.layer == Layer::Link {
        return !info.optional;
    }
    info.layer == Layer::Network
        && (info.family == Family::Any || info.family == family)
        && info.field != Field::Mf
}

fn complement(field: Field, values: ValueSetRef<'_>, meter: &mut Meter) -> Result<ValueSet, Exhausted> {
    let max = field.info().max;
    Ok(match values {
        ValueSetRef::Ranges(set) => {
            meter.charge(set.ranges().len() as u64)?;
            ValueSet::Ranges(set.complement(u32::try_from(max).unwrap_or(u32::MAX)))
        }
        ValueSetRef::Wide(set) => {
            meter.charge(set.ranges().len() as u64)?;
            ValueSet::Wide(Box::new(set.complement(max)))
        }
        ValueSetRef::Bits(set) => {
            let mut list = vec![BitMatch::new(0, 0)];
            for pattern in set.patterns() {
                // Outside a pattern: some bit of its mask is the other way round.
                let bits = (0..128).map(|i| 1_u128 << i).filter(|bit| pattern.mask & bit != 0);
                let outside: Vec<BitMatch> =
                    bits.map(|bit| BitMatch::new(!pattern.value & bit, bit)).collect();
                list = all_pairs(&list, &outside, meter)?;
            }
            ValueSet::Bits(BitSet::new(list))
        }
    })
}

/// The patterns that have one of `a` and one of `b`, none inside another.
fn all_pairs(a: &[BitMatch], b: &[BitMatch], meter: &mut Meter) -> Result<Vec<BitMatch>, Exhausted> {
    let pairs = (a.len() as u64).saturating_mul(b.len() as u64);
    // Making them, and comparing each with each to take out those inside others.
    meter.charge(pairs.saturating_mul(16).saturating_add(pairs.saturating_mul(pairs) / 4))?;
    let list = a.iter().flat_map(|x| b.iter().filter_map(|y| x.intersection(*y)));
    Ok(BitSet::new(list).patterns().to_vec())
}

/// The values in both.
pub(super) fn both(
    field: Field,
    a: ValueSetRef<'_>,
    b: ValueSetRef<'_>,
    meter: &mut Meter,
) -> Result<ValueSet, Exhausted> {
    let sizes = |set: ValueSetRef<'_>| match set {
        ValueSetRef::Ranges(set) => set.ranges().len(),
        ValueSetRef::Wide(set) => set.ranges().len(),
        ValueSetRef::Bits(set) => set.patterns().len(),
    };
    meter.charge((sizes(a) + sizes(b)) as u64)?;
    Ok(match (a, b) {
        (ValueSetRef::Ranges(a), ValueSetRef::Ranges(b)) => ValueSet::Ranges(a.intersection(b)),
        (ValueSetRef::Wide(a), ValueSetRef::Wide(b)) => ValueSet::Wide(Box::new(a.intersection(b))),
        (ValueSetRef::Ranges(small), ValueSetRef::Wide(wide))
        | (ValueSetRef::Wide(wide), ValueSetRef::Ranges(small)) => {
            let grown = IntervalSet::from_ranges(small.ranges().map(|(lo, hi)| (lo.into(), hi.into())));
            ValueSet::Wide(Box::new(grown.view().intersection(wide)))
        }
        (ValueSetRef::Bits(_), _) | (_, ValueSetRef::Bits(_)) => {
            let (a, b) = (as_patterns(field, a, meter)?, as_patterns(field, b, meter)?);
            ValueSet::Bits(BitSet::new(all_pairs(&a, &b, meter)?))
        }
    })
}

fn as_patterns(field: Field, values: ValueSetRef<'_>, meter: &mut Meter) -> Result<Vec<BitMatch>, Exhausted> {
    let width = u32::from(field.info().width);
    let mut list = Vec::new();
    match values {
        ValueSetRef::Ranges(set) => {
            for (lo, hi) in set.ranges() {
                cover::patterns(lo.into(), hi.into(), width, &mut list, meter)?;
            }
        }
        ValueSetRef::Wide(set) => {
            for (lo, hi) in set.ranges() {
                cover::patterns(lo, hi, width, &mut list, meter)?;
            }
        }
        ValueSetRef::Bits(set) => list.extend_from_slice(set.patterns()),
    }
    Ok(list)
}
