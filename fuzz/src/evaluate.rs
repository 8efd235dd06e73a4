//! Whatever the rules, a decided verdict is the one that a naive reading gives for every way the unknowns can fall,
//! and without unknowns there is always a verdict.

use arbitrary::{Result, Unstructured};
use flowgate::eval::{Decision, Evaluator};
use flowgate::field::{Family, Field, Headers, Reading};
use flowgate::ir::{Condition, Document, Kind, Outcome, RejectKind, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::source::Span;

const FIELDS: [Field; 4] = [Field::Ttl, Field::Proto, Field::IpVersion, Field::TcpFlags];
const RULE_SETS: u32 = 4;
const OPAQUES: [&str; 2] = ["a", "b"];

/// The law.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let (Ok(document), Ok(headers)) = (document(&mut u), headers(&mut u)) else { return };
    let decision = Evaluator::new(&document, 0)
        .expect("there is a rule set")
        .decide(&headers)
        .expect("within the limits");
    let cut: Vec<Field> = FIELDS.into_iter().filter(|f| headers.get(*f) == Reading::Cut).collect();
    match decision {
        Decision::Verdict(verdict, _) => {
            for world in worlds(&headers, &cut) {
                assert_eq!(naive(&document, 0, &world), verdict, "{document:#?}\n{headers:?}");
            }
        }
        Decision::Unknown(_) => {
            let opaque = document.rule_sets.iter().flat_map(|s| &s.rules).any(|r| r.condition.has_opaque());
            assert!(opaque || !cut.is_empty(), "{document:#?}\n{headers:?}");
        }
    }
}

/// One way the unknowns can fall.
struct World {
    headers: Headers,
    opaque: u8,
}

fn worlds(headers: &Headers, cut: &[Field]) -> Vec<World> {
    let mut list = Vec::new();
    // A cut field is absent or has some value; two values tell enough apart to find a wrong claim.
    for choice in 0..3_u32.pow(u32::try_from(cut.len()).expect("few fields")) {
        let mut filled = headers.clone();
        for (i, field) in cut.iter().enumerate() {
            match choice / 3_u32.pow(u32::try_from(i).expect("few fields")) % 3 {
                0 => filled.set_absent(*field),
                1 => filled.set(*field, 0),
                _ => filled.set(*field, 6),
            }
        }
        for opaque in 0..1 << OPAQUES.len() {
            list.push(World { headers: filled.clone(), opaque });
        }
    }
    list
}

fn holds(condition: &Condition, world: &World) -> bool {
    match condition {
        Condition::True => true,
        Condition::False => false,
        Condition::Test(test) => match world.headers.get(test.field()) {
            Reading::Value(value) => test.values().contains(value),
            Reading::Absent | Reading::Cut => false,
        },
        Condition::And(parts) => parts.iter().all(|p| holds(p, world)),
        Condition::Or(parts) => parts.iter().any(|p| holds(p, world)),
        Condition::Not(part) => !holds(part, world),
        Condition::Opaque(opaque) => {
            let index = OPAQUES.iter().position(|id| *id == &*opaque.id).expect("one of ours");
            holds(&opaque.under, world) || world.opaque >> index & 1 == 1 && holds(&opaque.over, world)
        }
    }
}

/// What a rule set says of itself: the one packets enter by, or a stage.
fn naive(document: &Document, set: usize, world: &World) -> Verdict {
    let mut held = None;
    let decided = naive_rules(document, set, world, &mut held);
    match (decided.flatten(), held) {
        (_, Some(verdict)) if verdict == Verdict::Discard => verdict,
        (Some(verdict), _) | (None, Some(verdict)) => verdict,
        (None, None) => document.rule_sets[set].default,
    }
}

/// The verdict; `Some(None)` when a rule returned, none when every rule was passed.
fn naive_rules(
    document: &Document,
    set: usize,
    world: &World,
    held: &mut Option<Verdict>,
) -> Option<Option<Verdict>> {
    for rule in &document.rule_sets[set].rules {
        if !holds(rule.condition, world) {
            continue;
        }
        match rule.outcome {
            Outcome::Verdict(verdict) => return Some(Some(verdict)),
            Outcome::Return => return Some(None),
            Outcome::Next { held: None } => {}
            Outcome::Next { held: Some(verdict) } => {
                if held.is_none() || *held == Some(Verdict::Accept) && verdict.is_drop() {
                    *held = Some(verdict);
                }
            }
            Outcome::Call(target) | Outcome::Goto(target) | Outcome::Stage(target) if target >= RULE_SETS => {
                if matches!(rule.outcome, Outcome::Goto(_)) {
                    return Some(None);
                }
            }
            Outcome::Call(target) => {
                if let Some(Some(verdict)) = naive_rules(document, target as usize, world, held) {
                    return Some(Some(verdict));
                }
            }
            Outcome::Goto(target) => {
                return naive_rules(document, target as usize, world, held).or(Some(None));
            }
            Outcome::Stage(target) => {
                let six = document.rule_sets[target as usize].family == Family::Inet6;
                if six && world.headers.get(Field::IpVersion) != Reading::Value(6) {
                    continue;
                }
                let verdict = naive(document, target as usize, world);
                if verdict.is_drop() {
                    return Some(Some(verdict));
                }
            }
        }
    }
    None
}

fn document(u: &mut Unstructured<'_>) -> Result<Document> {
    let rule_set = |u: &mut Unstructured<'_>, index: u32| -> Result<RuleSet> {
        let count = u.int_in_range(0..=5)?;
        let rules = (0..count).map(|_| rule(u, index)).collect::<Result<Vec<_>>>()?;
        let default = *u.choose(&[Verdict::Accept, Verdict::Discard, Verdict::NoDecision])?;
        let six = index > 0 && u.ratio(1, 4)?;
        let family = if six { Family::Inet6 } else { Family::Any };
        let kind = *u.choose(&[Kind::Filter, Kind::Hook])?;
        Ok(RuleSet { name: "s".into(), kind, family, default, rules: rules.into() })
    };
    let rule_sets = (0..RULE_SETS).map(|index| rule_set(u, index)).collect::<Result<_>>()?;
    Ok(Document { rule_sets, symbols: vec![], ..Document::default() })
}

/// A rule that may walk the rule sets behind its own, and one that is not there.
fn rule(u: &mut Unstructured<'_>, index: u32) -> Result<RuleBuf> {
    let reject = Verdict::Reject(RejectKind::TcpReset);
    let outcome = match u.int_in_range(0..=10)? {
        0 | 1 => Outcome::Verdict(Verdict::Accept),
        2 | 3 => Outcome::Verdict(*u.choose(&[Verdict::Discard, reject])?),
        4 => Outcome::Next { held: None },
        5 => Outcome::Next { held: Some(*u.choose(&[Verdict::Accept, Verdict::Discard])?) },
        6 => Outcome::Return,
        way => {
            let target = u.int_in_range(index + 1..=RULE_SETS)?;
            match way {
                7 | 8 => Outcome::Call(target),
                9 => Outcome::Goto(target),
                _ => Outcome::Stage(target),
            }
        }
    };
    Ok(RuleBuf::new("r", condition(u, 3)?, outcome))
}

fn condition(u: &mut Unstructured<'_>, depth: u8) -> Result<Condition> {
    let leaf = depth == 0;
    Ok(match u.int_in_range(0..=if leaf { 4 } else { 8 })? {
        0 => Condition::True,
        1 => Condition::False,
        2..=4 => {
            let lo = u.int_in_range(0..=8)?;
            Condition::test(*u.choose(&FIELDS)?, ValueSet::range(lo, u.int_in_range(0..=8)?))
        }
        // Raw trees, not the tidied ones of the constructors: the walk must not depend on tidiness.
        5 => Condition::And(
            (0..u.int_in_range(0..=3)?).map(|_| condition(u, depth - 1)).collect::<Result<_>>()?,
        ),
        6 => Condition::Or(
            (0..u.int_in_range(0..=3)?).map(|_| condition(u, depth - 1)).collect::<Result<_>>()?,
        ),
        7 => Condition::Not(Box::new(condition(u, depth - 1)?)),
        _ => {
            let id = *u.choose(&OPAQUES)?;
            // The bounds belong to the id: the same words always have the same meaning.
            let over = Condition::test(Field::Ttl, ValueSet::range(0, if id == "a" { 6 } else { 255 }));
            let under = Condition::test(Field::Ttl, ValueSet::range(2, if id == "a" { 3 } else { 1 }));
            Condition::opaque_within(id, "not modelled", over, under, Span::default())
        }
    })
}

fn headers(u: &mut Unstructured<'_>) -> Result<Headers> {
    let mut headers = Headers::new();
    for field in FIELDS {
        match u.int_in_range(0..=4)? {
            0 => {}
            1 => headers.set_cut(field),
            _ => headers.set(field, u.int_in_range(0..=8)?),
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_law_holds_over_counted_input() {
        // A linear congruence, so that the run repeats exactly.
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let data: Vec<u8> = (0..400)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            super::run(&data);
        }
    }
}
