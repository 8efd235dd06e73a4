//! `a.conf:FILTER`: one rule set of a file.

use super::error::Error;
use crate::field::Family;
use crate::ir::{Document, Outcome, Rule};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A path with the rule set asked for, where one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// The file.
    pub(super) path: PathBuf,
    /// The rule set.
    pub(super) rule_set: Option<String>,
}

impl Target {
    /// Splits a path as given: what is a file is a path, else what stands behind a colon names a rule set.
    pub(super) fn new(given: &Path) -> Self {
        let whole = || Self { path: given.to_owned(), rule_set: None };
        let Some(text) = given.to_str().filter(|_| !given.exists()) else { return whole() };
        let split = text.match_indices(':').find_map(|(at, _)| {
            let (path, name) = (text.get(..at)?, text.get(at + 1..)?);
            let there = path == "-" || Path::new(path).is_file();
            (there && !name.is_empty()).then(|| (path.into(), name.to_owned()))
        });
        split.map_or_else(whole, |(path, name)| Self { path, rule_set: Some(name) })
    }
}

/// The rule sets a name means: all when none is given, else the one of that name, with or without what the
/// dialect puts before it.
pub(super) fn rule_sets(document: &Document, path: &str, name: Option<&str>) -> Result<Vec<usize>, Error> {
    let Some(name) = name else { return Ok((0..document.rule_sets.len()).collect()) };
    let numbered = || document.rule_sets.iter().enumerate();
    let whole: Vec<usize> = numbered().filter(|(_, set)| set.name == name).map(|(i, _)| i).collect();
    let short = |set: &str| set.rsplit('/').next() == Some(name);
    let found = if whole.is_empty() {
        numbered().filter(|(_, set)| short(&set.name)).map(|(i, _)| i).collect()
    } else {
        whole
    };
    match found.as_slice() {
        [_] => Ok(found),
        _ => {
            Err(Error::NoSuchRuleSet { path: path.to_owned(), name: name.to_owned(), sets: names(document) })
        }
    }
}

/// The one rule set a command works on.
pub(super) fn single(document: &Document, path: &str, name: Option<&str>) -> Result<usize, Error> {
    match rule_sets(document, path, name)?.as_slice() {
        [only] => Ok(*only),
        [] => Err(Error::NoRules),
        _ => Err(Error::SeveralRuleSets { path: path.to_owned(), sets: names(document) }),
    }
}

/// The rule sets packets enter by, where none is named: those no other calls. Two for packets of one family are
/// one too many, because nothing says which of them a packet meets.
pub(super) fn entries(document: &Document, path: &str, name: Option<&str>) -> Result<Vec<usize>, Error> {
    if name.is_some() {
        return single(document, path, name).map(|index| vec![index]);
    }
    let rules = document.rule_sets.iter().flat_map(|set| &set.rules);
    let target =
        |rule: &Rule| if let Outcome::Call(target) = rule.outcome { Some(target as usize) } else { None };
    let called: BTreeSet<usize> = rules.filter_map(target).collect();
    let numbered = document.rule_sets.iter().enumerate();
    let found: Vec<_> = numbered.filter(|(index, _)| !called.contains(index)).collect();
    let overlaps = |a: Family, b: Family| a == b || a == Family::Any || b == Family::Any;
    let several = found
        .iter()
        .enumerate()
        .any(|(i, (_, a))| found.iter().skip(i + 1).any(|(_, b)| overlaps(a.family, b.family)));
    if several || (found.is_empty() && !document.rule_sets.is_empty()) {
        return Err(Error::SeveralRuleSets { path: path.to_owned(), sets: names(document) });
    }
    Ok(found.into_iter().map(|(index, _)| index).collect())
}

/// A rule set and those it calls, itself first.
pub(super) fn reached(document: &Document, index: usize) -> Vec<usize> {
    let mut kept = vec![index];
    let mut looked_at = 0;
    while let Some(index) = kept.get(looked_at).copied() {
        looked_at += 1;
        for rule in document.rule_sets.get(index).map_or(&[][..], |set| &set.rules) {
            if let Outcome::Call(target) = rule.outcome
                && document.rule_sets.len() > target as usize
                && !kept.contains(&(target as usize))
            {
                kept.push(target as usize);
            }
        }
    }
    kept
}

fn names(document: &Document) -> Vec<String> {
    document.rule_sets.iter().map(|set| set.name.clone()).collect()
}

/// The document with one rule set only, and with those it calls.
pub(super) fn only(document: &Document, keep: usize) -> Document {
    let kept = reached(document, keep);
    let place = |old: u32| kept.iter().position(|k| *k == old as usize).and_then(|i| u32::try_from(i).ok());
    let mut rule_sets = Vec::new();
    for set in kept.iter().filter_map(|index| document.rule_sets.get(*index)) {
        let mut set = set.clone();
        for rule in &mut set.rules {
            if let Outcome::Call(target) = &mut rule.outcome {
                // A call to nowhere stays one: `u32::MAX` is no index.
                *target = place(*target).unwrap_or(u32::MAX);
            }
        }
        rule_sets.push(set);
    }
    Document { rule_sets, symbols: document.symbols.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Condition, Kind, Origin, RuleSet, Verdict};

    fn set(name: &str, calls: &[u32]) -> RuleSet {
        let rule = |target: &u32| Rule {
            name: "r".into(),
            condition: Condition::True,
            actions: Box::default(),
            outcome: Outcome::Call(*target),
            action_given: true,
            nlri: None,
            origin: Origin::default(),
        };
        RuleSet {
            name: name.into(),
            kind: Kind::Filter,
            family: Family::Inet,
            default: Verdict::Discard,
            rules: calls.iter().map(rule).collect(),
        }
    }

    #[test]
    fn a_rule_set_is_found_by_its_whole_or_short_name() {
        let document = Document {
            rule_sets: vec![set("inet/A", &[]), set("inet6/A", &[]), set("inet/B", &[])],
            symbols: vec![],
        };
        assert_eq!(rule_sets(&document, "f", Some("inet6/A")).unwrap(), [1]);
        assert_eq!(single(&document, "f", Some("B")).unwrap(), 2);
        assert!(rule_sets(&document, "f", Some("A")).unwrap_err().to_string().contains("inet/A, inet6/A"));
        assert!(single(&document, "f", None).is_err());
    }

    #[test]
    fn what_a_rule_set_calls_is_kept_with_it() {
        let document =
            Document { rule_sets: vec![set("a", &[]), set("b", &[2, 9]), set("c", &[1])], symbols: vec![] };
        let kept = only(&document, 1);
        assert_eq!(kept.rule_sets.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(kept.rule_sets[0].rules[0].outcome, Outcome::Call(1));
        assert_eq!(kept.rule_sets[0].rules[1].outcome, Outcome::Call(u32::MAX));
        assert_eq!(kept.rule_sets[1].rules[0].outcome, Outcome::Call(0));
    }

    #[test]
    fn a_file_that_is_there_is_never_split() {
        assert_eq!(Target::new(Path::new("Cargo.toml:x:y")).rule_set.as_deref(), Some("x:y"));
        assert_eq!(Target::new(Path::new("Cargo.toml")).rule_set, None);
        assert_eq!(Target::new(Path::new("nothing:x")).path, Path::new("nothing:x"));
        assert_eq!(Target::new(Path::new("-:x")).path, Path::new("-"));
    }
}
