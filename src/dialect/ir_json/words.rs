//! Words of the form, each table in the order of the type it is for.

use crate::field::Family;
use crate::ir::{Kind, RateUnit, Verdict};

/// Words for the values of a type.
pub(super) type Words<T> = &'static [(&'static str, T)];

/// The value of a word.
pub(super) fn value<T: Copy>(words: Words<T>, word: &str) -> Option<T> {
    words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// The names of a table.
pub(super) fn names<T>(words: Words<T>) -> impl Iterator<Item = &'static str> {
    words.iter().map(|(name, _)| *name)
}

/// Whether the last rule that matches decides.
pub(super) static EVALUATIONS: Words<bool> = &[("first-match", false), ("last-match", true)];

/// What a rule set is.
pub(super) static KINDS: Words<Kind> = &[
    ("filter", Kind::Filter),
    ("flow-routes", Kind::FlowRoutes),
    ("chain", Kind::Chain),
    ("hook", Kind::Hook),
];

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Filter => "filter",
        Kind::FlowRoutes => "flow-routes",
        Kind::Chain => "chain",
        Kind::Hook => "hook",
    }
}

/// Whose packets reach a rule set.
pub(super) static FAMILIES: Words<Family> =
    &[("any", Family::Any), ("inet", Family::Inet), ("inet6", Family::Inet6)];

pub(super) fn family(family: Family) -> &'static str {
    match family {
        Family::Any => "any",
        Family::Inet => "inet",
        Family::Inet6 => "inet6",
    }
}

/// Verdicts of one word.
pub(super) static VERDICTS: Words<Verdict> =
    &[("accept", Verdict::Accept), ("discard", Verdict::Discard), ("no-decision", Verdict::NoDecision)];

/// What a rate counts.
pub(super) static UNITS: Words<RateUnit> =
    &[("octets-per-second", RateUnit::OctetsPerSecond), ("packets-per-second", RateUnit::PacketsPerSecond)];

pub(super) fn unit(unit: RateUnit) -> &'static str {
    match unit {
        RateUnit::OctetsPerSecond => "octets-per-second",
        RateUnit::PacketsPerSecond => "packets-per-second",
    }
}

/// Members of the head.
pub(super) const HEAD: [&str; 4] = ["flowgate", "version", "symbols", "rule_sets"];
/// Members of a rule set.
pub(super) const RULE_SET: [&str; 7] =
    ["name", "kind", "family", "default", "rules", "evaluation", "attached"];
/// Members of a rule.
pub(super) const RULE: [&str; 8] = ["name", "if", "do", "then", "action_given", "nlri", "origin", "quick"];
/// Outcomes that are objects.
pub(super) const OUTCOMES: [&str; 5] = ["reject", "next", "call", "goto", "stage"];
/// Members of a condition that are no fields.
pub(super) const CONDITIONS: [&str; 4] = ["all", "any", "not", "opaque"];
/// Members of an opaque condition.
pub(super) const OPAQUE: [&str; 4] = ["words", "because", "over", "under"];
/// Members of values that are no list.
pub(super) const VALUES: [&str; 4] = ["except", "bits", "narrow", "wide"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::FIELDS;

    #[test]
    fn every_word_stands_for_what_it_is_written_for() {
        assert!(KINDS.iter().all(|(word, value)| kind(*value) == *word));
        assert!(FAMILIES.iter().all(|(word, value)| family(*value) == *word));
        assert!(UNITS.iter().all(|(word, value)| unit(*value) == *word));
        assert!(VERDICTS.iter().all(|(word, value)| value.name() == *word));
    }

    #[test]
    fn no_field_has_the_name_of_a_condition() {
        assert!(FIELDS.iter().all(|info| !CONDITIONS.contains(&info.name)));
    }
}
