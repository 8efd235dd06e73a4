//! Lists of which the last rule that matches decides, as lists of which the first does.

use super::{Outcome, RuleBuf, Rules};

/// A rule of a list of which the last one that matches decides.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// The rule.
    pub rule: RuleBuf,
    /// Whether evaluation ends where it matches.
    pub quick: bool,
}

impl Rules {
    /// The rules of a list of which the last one that matches decides, unless one that is quick matched before, in an
    /// order in which the first that matches decides: quick rules and those that do not decide as they stand, behind
    /// them the others from the last to the first, which count only for what matches no quick rule.
    ///
    /// # Errors
    ///
    /// The index of the first rule that neither gives a verdict nor goes on without one: what a called rule set comes
    /// to depends on where it stands, and it has no place here.
    pub fn of_last_match(list: Vec<Ranked>) -> Result<Self, usize> {
        let has_place = |outcome| matches!(outcome, Outcome::Verdict(_) | Outcome::Next { held: None });
        if let Some(index) = list.iter().position(|ranked| !has_place(ranked.rule.outcome)) {
            return Err(index);
        }
        let mut rules = Self::with_capacity(list.len());
        let mut behind = Vec::new();
        for Ranked { rule, quick } in list {
            if quick || matches!(rule.outcome, Outcome::Next { .. }) {
                rules.push(rule);
            } else {
                behind.push(rule);
            }
        }
        behind.into_iter().rev().for_each(|rule| rules.push(rule));
        Ok(rules)
    }
}
