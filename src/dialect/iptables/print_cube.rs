//! Conditions to alternatives, each a list of tests that must all hold: what a line of iptables can say.

use crate::field::{Family, Field, FieldInfo, Need};
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Opaque, ValueSet, ValueSetRef};
use std::sync::Arc;

/// Tests that must all hold, and conditions that must not.
#[derive(Clone, Debug, Default)]
pub(super) struct Cube<'a> {
    /// In the order written; a field may stand here twice where its sets cannot be put together.
    pub(super) tests: Vec<(Field, ValueSet)>,
    /// Either port, or with `true` neither.
    pub(super) either: Vec<ValueSet>,
    pub(super) opaque: Vec<(&'a Arc<Opaque>, bool)>,
    /// Tests that hold where the field is absent too.
    pub(super) unless: Vec<&'a Condition>,
}

/// Why a condition cannot be written.
pub(super) type Reason = String;

/// The alternatives of a condition for packets of a family.
pub(super) fn cubes(condition: &Condition, family: Family) -> Result<Vec<Cube<'_>>, Reason> {
    let mut meter = Meter::new(&limits::PRINTED_ALTERNATIVES);
    let mut depth = Meter::new(&limits::CONDITION_DEPTH);
    expand(condition, true, family, &mut meter, &mut depth)
}

fn expand<'a>(
    condition: &'a Condition,
    holds: bool,
    family: Family,
    meter: &mut Meter,
    depth: &mut Meter,
) -> Result<Vec<Cube<'a>>, Reason> {
    depth.charge(1).map_err(|_| "a condition nested too deep".to_owned())?;
    let list = match (condition, holds) {
        (Condition::True, true) | (Condition::False, false) => vec![Cube::default()],
        (Condition::True, false) | (Condition::False, true) => Vec::new(),
        (Condition::Not(part), _) => expand(part, !holds, family, meter, depth)?,
        (Condition::And(parts), true) | (Condition::Or(parts), false) => {
            let mut list = vec![Cube::default()];
            for part in parts {
                let more = expand(part, holds, family, meter, depth)?;
                list = product(&list, &more, meter)?;
            }
            list
        }
        (Condition::Or(parts), true) | (Condition::And(parts), false) => {
            if let Some(set) = either_port(parts).filter(|_| holds) {
                vec![Cube { either: vec![set.to_set()], ..Cube::default() }]
            } else {
                let mut list = Vec::new();
                for part in parts {
                    list.extend(expand(part, holds, family, meter, depth)?);
                    meter.charge(1).map_err(|_| too_many())?;
                }
                list
            }
        }
        (Condition::Test(test), _) => match literal(condition, test.field(), test.values(), holds, family) {
            Some(cube) => vec![cube],
            None => Vec::new(),
        },
        (Condition::Opaque(opaque), _) => {
            vec![Cube { opaque: vec![(opaque, holds)], ..Cube::default() }]
        }
    };
    depth.release(1);
    Ok(list)
}

fn too_many() -> Reason {
    "too many alternatives for rules of iptables".to_owned()
}

/// The same set for the source and the destination port.
fn either_port(parts: &[Condition]) -> Option<ValueSetRef<'_>> {
    match parts {
        [Condition::Test(a), Condition::Test(b)]
            if (a.field(), b.field()) == (Field::Sport, Field::Dport) && a.values() == b.values() =>
        {
            Some(a.values())
        }
        _ => None,
    }
}

/// Whether every packet of the family has the field.
fn always(field: Field, family: Family) -> bool {
    let info: &FieldInfo = field.info();
    let version = |need: &Need| need.field == Field::IpVersion;
    let of_family = info.family == Family::Any || info.family == family;
    !info.optional && of_family && info.needs.iter().all(version)
}

fn literal<'a>(
    condition: &'a Condition,
    field: Field,
    values: ValueSetRef<'_>,
    holds: bool,
    family: Family,
) -> Option<Cube<'a>> {
    let info = field.info();
    // A field of the other family is absent.
    if info.family != Family::Any && info.family != family && family != Family::Any {
        return (!holds).then(Cube::default);
    }
    if field == Field::IpVersion && family != Family::Any {
        let inside = values.contains(if family == Family::Inet { 4 } else { 6 });
        return (inside == holds).then(Cube::default);
    }
    let small = u32::try_from(info.max).unwrap_or(u32::MAX);
    let with = |set: ValueSet| Cube { tests: vec![(field, set)], ..Cube::default() };
    match (holds, values) {
        (true, _) if is_full(values, field) && always(field, family) => Some(Cube::default()),
        (true, _) if values.is_empty() => None,
        (true, _) => Some(with(values.to_set())),
        (false, ValueSetRef::Ranges(set)) if always(field, family) => {
            let rest = set.complement(small);
            (!rest.is_empty()).then(|| with(rest.into()))
        }
        (false, ValueSetRef::Wide(set)) if always(field, family) => {
            let rest = set.complement(info.max);
            (!rest.is_empty()).then(|| with(rest.into()))
        }
        (false, _) => Some(Cube { unless: vec![condition], ..Cube::default() }),
    }
}

fn is_full(values: ValueSetRef<'_>, field: Field) -> bool {
    match values {
        ValueSetRef::Bits(set) => set.patterns().iter().any(|pattern| pattern.mask == 0),
        _ => values == ValueSet::all(field),
    }
}

fn product<'a>(left: &[Cube<'a>], right: &[Cube<'a>], meter: &mut Meter) -> Result<Vec<Cube<'a>>, Reason> {
    let mut out = Vec::with_capacity(left.len().saturating_mul(right.len()).min(64));
    for a in left {
        for b in right {
            meter.charge(1).map_err(|_| too_many())?;
            if let Some(both) = joined(a, b) {
                out.push(both);
            }
        }
    }
    Ok(out)
}

fn joined<'a>(a: &Cube<'a>, b: &Cube<'a>) -> Option<Cube<'a>> {
    let mut cube = a.clone();
    for (field, values) in &b.tests {
        let same = cube.tests.iter_mut().find(|(other, _)| other == field);
        let met = same.and_then(|(_, old)| {
            let both = intersection(old.view(), values.view())?;
            *old = both;
            Some(old.is_empty())
        });
        match met {
            Some(true) => return None,
            Some(false) => {}
            None => cube.tests.push((*field, values.clone())),
        }
    }
    cube.either.extend(b.either.iter().cloned());
    cube.opaque.extend(&b.opaque);
    cube.unless.extend(&b.unless);
    Some(cube)
}

fn intersection(a: ValueSetRef<'_>, b: ValueSetRef<'_>) -> Option<ValueSet> {
    match (a, b) {
        (ValueSetRef::Ranges(a), ValueSetRef::Ranges(b)) => Some(a.intersection(b).into()),
        (ValueSetRef::Wide(a), ValueSetRef::Wide(b)) => Some(a.intersection(b).into()),
        (a, b) if a == b => Some(a.to_set()),
        _ => None,
    }
}
