//! The rules of each neighbor and table, as commands announce, replace and withdraw them.

use super::syntax::Verb;
use crate::dialect::flowspec::{self, Table};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{RuleSet, Rules};
use std::collections::{HashMap, HashSet};

/// The rules of one table of one neighbor.
#[derive(Debug)]
pub(super) struct Group {
    table: Table,
    name: String,
    rules: Rules,
    // By NLRI; made when the first command needs it, kept from then on.
    by_nlri: Option<HashMap<Box<[u8]>, usize>>,
    withdrawn: HashSet<usize>,
}

type Distinguisher = Option<[u8; 8]>;

/// Every group of a file.
#[derive(Debug)]
pub(super) struct Groups<'a> {
    all: Vec<Group>,
    by_key: HashMap<(&'a str, Table, Distinguisher), usize>,
    by_table: HashMap<(Table, Distinguisher), Vec<usize>>,
    // The group of the route before: routes of a neighbor stand together.
    last: Option<((&'a str, Table, Distinguisher), usize)>,
    // Groups looked at for commands that name no neighbor.
    looks: Meter,
}

impl<'a> Groups<'a> {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            by_key: HashMap::new(),
            by_table: HashMap::new(),
            last: None,
            looks: Meter::new(&limits::EXPANSION),
        }
    }

    /// The group of a neighbor, in the words of the file; empty for commands to all.
    pub(super) fn group(&mut self, peer: &'a str, table: Table, distinguisher: Distinguisher) -> &mut Group {
        let key = (peer, table, distinguisher);
        let at = match self.last {
            Some((last, at)) if last == key => at,
            _ => *self.by_key.entry(key).or_insert_with(|| {
                self.by_table.entry((table, distinguisher)).or_default().push(self.all.len());
                self.all.push(Group::new(peer, table, distinguisher));
                self.all.len() - 1
            }),
        };
        self.last = Some((key, at));
        #[expect(
            clippy::indexing_slicing,
            reason = "both maps hold indices of groups only, and none is removed"
        )]
        &mut self.all[at]
    }

    /// Removes a rule from a neighbor, or from all when none is named; says whether it was there.
    pub(super) fn withdraw(
        &mut self,
        peer: &'a str,
        table: Table,
        distinguisher: Distinguisher,
        nlri: &[u8],
    ) -> Result<bool, Exhausted> {
        let one = self.by_key.get(&(peer, table, distinguisher)).map(std::slice::from_ref);
        let all = self.by_table.get(&(table, distinguisher)).map(Vec::as_slice);
        let mut found = false;
        for at in (if peer.is_empty() { all } else { one }).unwrap_or(&[]) {
            self.looks.charge(1)?;
            found |= self.all.get_mut(*at).is_some_and(|group| group.remove(nlri));
        }
        Ok(found)
    }

    /// The rule sets, each in evaluation order; those that lost all their rules are gone.
    pub(super) fn finish(self) -> Vec<RuleSet> {
        self.all.into_iter().filter_map(Group::finish).collect()
    }
}

impl Group {
    fn new(peer: &str, table: Table, distinguisher: Distinguisher) -> Self {
        let mut name = table.rule_set_name(distinguisher);
        if !peer.is_empty() {
            let words: Vec<&str> = peer.split_whitespace().collect();
            name = format!("{name}/{}", words.join(" "));
        }
        Self { table, name, rules: Rules::new(), by_nlri: None, withdrawn: HashSet::new() }
    }

    fn index(&mut self) -> &mut HashMap<Box<[u8]>, usize> {
        let rules = &self.rules;
        self.by_nlri.get_or_insert_with(|| {
            let known = rules.iter().enumerate();
            known.filter_map(|(index, rule)| Some((rule.nlri?.into(), index))).collect()
        })
    }

    /// Adds the rule that `rule` puts behind those of a rule set of that name. A command announces anew what was announced before; a configuration that says a rule twice
    /// says it twice.
    pub(super) fn add(&mut self, verb: Verb, rule: impl FnOnce(&str, &mut Rules)) {
        let new = self.rules.len();
        if verb != Verb::Configured {
            self.index();
        }
        rule(&self.name, &mut self.rules);
        if let Some(index) = &mut self.by_nlri
            && let Some(nlri) = self.rules.get(new).and_then(|rule| rule.nlri)
            && let Some(old) = index.insert(nlri.into(), new)
            && verb == Verb::Announce
        {
            self.withdrawn.insert(old);
        }
    }

    fn remove(&mut self, nlri: &[u8]) -> bool {
        let Some(index) = self.index().remove(nlri) else { return false };
        self.withdrawn.insert(index)
    }

    fn finish(self) -> Option<RuleSet> {
        let Self { table, name, mut rules, withdrawn, .. } = self;
        if !withdrawn.is_empty() {
            rules.retain(|index, _| !withdrawn.contains(&index));
        }
        (!rules.is_empty()).then(|| flowspec::rule_set(name, table, rules))
    }
}
