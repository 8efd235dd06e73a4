//! Which rules of a list decide packets of a condition, with a packet each: what lists of any length have an answer to.

use super::cells::{Address, Cell, cells};
use super::cover::{Cover, Fate};
use super::seek::Holds;
use crate::field::Family;
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Outcome, RuleSet, Verdict};

/// Tells of every rule of a list that may decide packets of a condition what becomes of these packets of it, and at last
/// of the default, whose rule is none. False, and nothing is told, where a rule walks another rule set or holds a verdict.
///
/// # Errors
///
/// It takes too much: then what was told stands, and nothing is known of the rest.
pub fn among(
    set: &RuleSet,
    within: &Condition,
    holds: Holds,
    each: &mut dyn FnMut(Option<u32>, Verdict, Fate) -> Result<(), Exhausted>,
) -> Result<bool, Exhausted> {
    let other = |outcome: Outcome| match outcome {
        Outcome::Verdict(_) | Outcome::Return | Outcome::Next { held: None } => false,
        Outcome::Next { held: Some(_) } | Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => true,
    };
    if set.rules.outcomes().any(other) {
        return Ok(false);
    }
    let mut steps = Meter::new(&limits::REGION_STEPS);
    let (inet, inet6) = (cells::<u32, false>(within), cells::<u128, false>(within));
    let mut cover = Cover::of(set, holds);
    let given = |outcome: Outcome| match outcome {
        Outcome::Verdict(verdict) => Some(verdict),
        Outcome::Return => Some(set.default),
        _ => None,
    };
    for (index, rule) in (0_u32..).zip(set.rules.iter()) {
        let Some(verdict) = given(rule.outcome) else { continue };
        let met = set.family != Family::Inet6 && meet(inet.as_deref(), rule.condition, &mut steps)?
            || set.family != Family::Inet && meet(inet6.as_deref(), rule.condition, &mut steps)?;
        if met {
            let both = Condition::and([within.clone(), rule.condition.clone()]);
            each(Some(index), verdict, cover.next(&both, rule.outcome)?)?;
        }
    }
    each(None, set.default, cover.next(within, Outcome::Return)?)?;
    Ok(true)
}

/// Whether a packet may meet a condition and be in one of some cells; without cells it may be.
fn meet<A: Address>(
    within: Option<&[Cell<A, false>]>,
    condition: &Condition,
    steps: &mut Meter,
) -> Result<bool, Exhausted> {
    let (Some(within), Some(own)) = (within, cells::<A, false>(condition)) else { return Ok(true) };
    steps.charge((within.len() as u64).saturating_mul(own.len() as u64))?;
    Ok(own.iter().any(|cell| within.iter().any(|other| !cell.is_apart(other))))
}
