//! What rules do besides their verdict, before and after a change.

use super::change::Alignment;
use crate::ir::{Action, Outcome, Rule, RuleSet};

/// A rule that does something else besides its verdict than the one that stood for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Acts {
    /// The rule as it was, by its index; none where it is new.
    pub old_rule: Option<u32>,
    /// The rule as it is; none where it is gone.
    pub new_rule: Option<u32>,
    /// What it did.
    pub before: Vec<Action>,
    /// What it does.
    pub after: Vec<Action>,
}

impl Acts {
    /// Whether they differ in more than what is counted, logged or sampled: in what becomes of packets.
    pub fn matters(&self) -> bool {
        !self.agree_on(touches) || (self.before.iter().any(touches) && self.is_moved())
    }

    /// Whether they are the same, and the rule stands elsewhere among the others.
    pub fn is_moved(&self) -> bool {
        self.before == self.after
    }

    /// Whether all that differs are words of one dialect.
    pub(super) fn is_of_words(&self) -> bool {
        self.agree_on(|action| !matches!(action, Action::Other(_)))
    }

    /// Whether those actions of some kind are the same.
    fn agree_on(&self, kind: impl Fn(&Action) -> bool) -> bool {
        let [before, after] = [&self.before, &self.after].map(|list| list.iter().filter(|one| kind(one)));
        before.eq(after)
    }

    /// What tells the rules of two rule sets apart besides verdicts: rules that stand for each other and act otherwise,
    /// rules that act and stand on one side alone, and rules that do nothing but act and stand elsewhere.
    pub(super) fn of(old: &RuleSet, new: &RuleSet) -> Vec<Self> {
        if [old, new].iter().all(|set| set.rules.asked().next().is_none()) {
            return Vec::new();
        }
        let alignment = Alignment::of(old, new);
        let number = |index: usize| u32::try_from(index).ok();
        let actions = |rule: Option<Rule<'_>>| rule.map(|rule| rule.actions.to_vec()).unwrap_or_default();
        let make = |from: Option<usize>, to: Option<usize>| Self {
            old_rule: from.and_then(number),
            new_rule: to.and_then(number),
            before: actions(from.and_then(|index| old.rules.get(index))),
            after: actions(to.and_then(|index| new.rules.get(index))),
        };
        let pairs = alignment.same.iter().chain(&alignment.edited);
        let pairs = pairs.map(|(from, to)| make(Some(*from), Some(*to)));
        let gone = alignment.removed.iter().map(|from| make(Some(*from), None));
        let come = alignment.added.iter().map(|to| make(None, Some(*to)));
        let mut found: Vec<Self> =
            pairs.chain(gone).chain(come).filter(|acts| acts.before != acts.after).collect();
        // Where a rule decides, `Delta` follows its packets; one that only acts is in no list there.
        let moved = crossing(&alignment.same)
            .into_iter()
            .filter(|(from, _)| matches!(old.rules.outcome(*from), Some(Outcome::Next { held: None })));
        found.extend(
            moved
                .map(|(from, to)| make(Some(from), Some(to)))
                .filter(|acts| acts.is_moved() && acts.before.iter().any(touches)),
        );
        found.sort_by_key(|acts| (acts.new_rule.or(acts.old_rule), acts.new_rule));
        found
    }
}

/// Whether an action changes packets or where they go.
fn touches(action: &Action) -> bool {
    match action {
        Action::Count(_) | Action::Log | Action::Sample => false,
        Action::Mark(_)
        | Action::RateLimit(_)
        | Action::Policer(_)
        | Action::RedirectTarget(_)
        | Action::RedirectInstance(_)
        | Action::RedirectIp { .. }
        | Action::InterfaceSet { .. }
        | Action::Class(_)
        | Action::Other(_) => true,
    }
}

/// Pairs, given by ascending first parts, that do not stand behind all before them and before all behind them.
fn crossing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut least = usize::MAX;
    let mut behind: Vec<usize> = Vec::with_capacity(pairs.len());
    for (_, second) in pairs.iter().rev() {
        behind.push(least);
        least = least.min(*second);
    }
    let mut most = None;
    let mut found = Vec::new();
    for (pair, least) in pairs.iter().zip(behind.into_iter().rev()) {
        if most > Some(pair.1) || least < pair.1 {
            found.push(*pair);
        }
        most = most.max(Some(pair.1));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Family;
    use crate::ir::{Condition, Kind, RuleBuf, ValueSet, Verdict};

    const MARK: Outcome = Outcome::Next { held: None };
    const ACCEPT: Outcome = Outcome::Verdict(Verdict::Accept);

    fn other(words: &str) -> Action {
        Action::Other(words.into())
    }

    fn set(rules: &[(u32, Outcome, &[Action])]) -> RuleSet {
        let rule = |(value, outcome, actions): &(u32, Outcome, &[Action])| {
            let condition = Condition::test(crate::field::Field::Proto, ValueSet::single(*value));
            RuleBuf { actions: (*actions).into(), ..RuleBuf::new("r", condition, *outcome) }
        };
        RuleSet {
            name: "s".into(),
            kind: Kind::Filter,
            family: Family::Any,
            default: Verdict::Discard,
            rules: rules.iter().map(rule).collect(),
        }
    }

    fn found(old: &[(u32, Outcome, &[Action])], new: &[(u32, Outcome, &[Action])]) -> Vec<(bool, bool)> {
        Acts::of(&set(old), &set(new)).iter().map(|acts| (acts.matters(), acts.is_moved())).collect()
    }

    #[test]
    fn what_rules_do_besides_is_compared() {
        let (to, elsewhere) = ([other("dnat to 10.0.0.1")], [other("dnat to 10.0.0.2")]);
        assert_eq!(found(&[(6, ACCEPT, &to)], &[(6, ACCEPT, &to)]), []);
        assert_eq!(found(&[(6, ACCEPT, &to)], &[(6, ACCEPT, &elsewhere)]), [(true, false)]);
        assert_eq!(found(&[(6, ACCEPT, &[Action::Log])], &[(6, ACCEPT, &[])]), [(false, false)]);
        assert_eq!(found(&[(6, MARK, &to)], &[]), [(true, false)]);
        assert_eq!(found(&[], &[(6, MARK, &to)]), [(true, false)]);
    }

    #[test]
    fn rules_that_only_act_have_their_place() {
        let mark = [other("mark set 5")];
        let (a, b): ((_, _, &[Action]), (_, _, &[Action])) = ((6, MARK, &mark), (17, ACCEPT, &[]));
        assert_eq!(found(&[a, b], &[b, a]), [(true, true)]);
        assert_eq!(found(&[a, b], &[a, b]), []);
        assert_eq!(crossing(&[(0, 0), (1, 2), (2, 1), (3, 3)]), [(1, 2), (2, 1)]);
    }
}
