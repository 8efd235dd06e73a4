//! `a.conf:FILTER`: one rule set of a file.

use super::error::Error;
use crate::field::Family;
use crate::ir::Document;
use std::path::{Path, PathBuf};

/// A path with the rule set asked for, where one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// The file.
    pub(super) path: PathBuf,
    /// The rule set.
    pub(super) rule_set: Option<String>,
    /// Where relative paths in the file begin; the folder of the process where it is empty.
    pub(super) base: PathBuf,
}

impl Target {
    /// All rule sets of a path.
    pub(super) fn whole(path: &Path) -> Self {
        Self { path: path.to_owned(), rule_set: None, base: PathBuf::new() }
    }

    /// Splits a path as given: what is a file is a path, else what stands behind a colon names a rule set.
    pub(super) fn new(given: &Path) -> Self {
        let Some(text) = given.to_str().filter(|_| !given.exists()) else { return Self::whole(given) };
        let split = text.match_indices(':').find_map(|(at, _)| {
            let (path, name) = (text.get(..at)?, text.get(at + 1..)?);
            let there = path == "-" || Path::new(path).is_file();
            (there && !name.is_empty()).then(|| (path.into(), name.to_owned()))
        });
        split.map_or_else(
            || Self::whole(given),
            |(path, name): (PathBuf, _)| Self { rule_set: Some(name), ..Self::whole(&path) },
        )
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

/// The one rule set a command works on: the one named, else the only one packets enter by.
pub(super) fn single(document: &Document, path: &str, name: Option<&str>) -> Result<usize, Error> {
    let found = if name.is_some() { rule_sets(document, path, name)? } else { document.entries() };
    match found.as_slice() {
        [only] => Ok(*only),
        [] if document.rule_sets.is_empty() => Err(Error::NoRules),
        _ => Err(several(document, path, &found)),
    }
}

fn several(document: &Document, path: &str, found: &[usize]) -> Error {
    let sets = if found.is_empty() { names(document) } else { names_of(document, found) };
    Error::SeveralRuleSets { path: path.to_owned(), sets }
}

/// The rule sets packets enter by, where none is named. Two for packets of one family are one too many, because
/// nothing says which of them a packet meets.
pub(super) fn entries(document: &Document, path: &str, name: Option<&str>) -> Result<Vec<usize>, Error> {
    if name.is_some() {
        return single(document, path, name).map(|index| vec![index]);
    }
    let found = document.entries();
    let families: Vec<Family> =
        found.iter().filter_map(|index| document.rule_sets.get(*index)).map(|set| set.family).collect();
    let overlaps = |a: Family, b: Family| a == b || a == Family::Any || b == Family::Any;
    let overlap =
        families.iter().enumerate().any(|(i, a)| families.iter().skip(i + 1).any(|b| overlaps(*a, *b)));
    if overlap || (found.is_empty() && !document.rule_sets.is_empty()) {
        return Err(several(document, path, &found));
    }
    Ok(found)
}

/// The rule sets packets enter by, each for itself, where none is named.
pub(super) fn every_entry(document: &Document, path: &str, name: Option<&str>) -> Result<Vec<usize>, Error> {
    if name.is_some() {
        return single(document, path, name).map(|index| vec![index]);
    }
    match document.entries() {
        found if found.is_empty() && !document.rule_sets.is_empty() => Err(several(document, path, &found)),
        found => Ok(found),
    }
}

/// A rule set and those it calls, itself first.
pub(super) fn reached(document: &Document, index: usize) -> Vec<usize> {
    let mut kept = vec![index];
    let mut known = vec![false; document.rule_sets.len()];
    known.get_mut(index).into_iter().for_each(|known| *known = true);
    let mut looked_at = 0;
    while let Some(index) = kept.get(looked_at).copied() {
        looked_at += 1;
        let Some(set) = document.rule_sets.get(index) else { continue };
        for target in set.targets().filter(|target| *target < document.rule_sets.len()) {
            if let Some(known) = known.get_mut(target).filter(|known| !**known) {
                *known = true;
                kept.push(target);
            }
        }
    }
    kept
}

fn names(document: &Document) -> Vec<String> {
    document.rule_sets.iter().map(|set| set.name.clone()).collect()
}

fn names_of(document: &Document, list: &[usize]) -> Vec<String> {
    list.iter().filter_map(|index| document.rule_sets.get(*index)).map(|set| set.name.clone()).collect()
}

/// The document with one rule set only, and with those it calls.
pub(super) fn only(document: &Document, keep: usize) -> Document {
    let kept = reached(document, keep);
    let place = |old: u32| kept.iter().position(|k| *k == old as usize).and_then(|i| u32::try_from(i).ok());
    let mut rule_sets = Vec::new();
    for set in kept.iter().filter_map(|index| document.rule_sets.get(*index)) {
        let mut set = set.clone();
        // A call to nowhere stays one: `u32::MAX` is no index.
        let moved = |target| place(target).unwrap_or(u32::MAX);
        set.rules.map_outcomes(|outcome| {
            outcome.target().map_or(outcome, |target| outcome.with_target(moved(target)))
        });
        rule_sets.push(set);
    }
    let (symbols, attached) = (document.symbols.clone(), document.attached.clone());
    Document { rule_sets, symbols, attached, ..Document::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Condition, Kind, Outcome, RuleBuf, RuleSet, Verdict};

    fn set(name: &str, calls: &[u32]) -> RuleSet {
        let rule = |target: &u32| RuleBuf::new("r", Condition::True, Outcome::Call(*target));
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
            ..Document::default()
        };
        assert_eq!(rule_sets(&document, "f", Some("inet6/A")).unwrap(), [1]);
        assert_eq!(single(&document, "f", Some("B")).unwrap(), 2);
        assert!(rule_sets(&document, "f", Some("A")).unwrap_err().to_string().contains("inet/A, inet6/A"));
        assert!(single(&document, "f", None).is_err());
    }

    #[test]
    fn what_a_rule_set_calls_is_kept_with_it() {
        let document = Document {
            rule_sets: vec![set("a", &[]), set("b", &[2, 9]), set("c", &[1])],
            symbols: vec![],
            ..Document::default()
        };
        let kept = only(&document, 1);
        assert_eq!(kept.rule_sets.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(kept.rule_sets[0].rules.get(0).unwrap().outcome, Outcome::Call(1));
        assert_eq!(kept.rule_sets[0].rules.get(1).unwrap().outcome, Outcome::Call(u32::MAX));
        assert_eq!(kept.rule_sets[1].rules.get(0).unwrap().outcome, Outcome::Call(0));
    }

    #[test]
    fn a_file_that_is_there_is_never_split() {
        assert_eq!(Target::new(Path::new("Cargo.toml:x:y")).rule_set.as_deref(), Some("x:y"));
        assert_eq!(Target::new(Path::new("Cargo.toml")).rule_set, None);
        assert_eq!(Target::new(Path::new("nothing:x")).path, Path::new("nothing:x"));
        assert_eq!(Target::new(Path::new("-:x")).path, Path::new("-"));
    }
}
