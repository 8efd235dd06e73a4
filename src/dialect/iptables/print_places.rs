//! Where rule sets are written: their table and chain.

use super::chains::{HOOKS, Table};
use super::support;
use crate::dialect::Lost;
use crate::dialect::hook_place::HookPlace;
use crate::field::{Family, Field};
use crate::ir::{Action, Condition, Document, Kind, Mark, Outcome, RuleSet, Verdict};
use std::collections::HashSet;

/// Where a rule set is written.
#[derive(Debug)]
pub(super) struct Place {
    /// Index of the rule set.
    pub(super) index: usize,
    pub(super) family: Family,
    pub(super) table: Table,
    pub(super) chain: String,
    pub(super) builtin: bool,
}

/// Whether ports are tested wherever they stand, as only the nft back end does.
pub(super) fn reads_raw(document: &Document, here: &[&Place]) -> bool {
    let sets = here.iter().filter_map(|place| document.rule_sets.get(place.index));
    let mut found = false;
    for rule in sets.flat_map(|set| &set.rules) {
        rule.condition.visit(&mut |part| {
            if let Condition::Test(test) = part {
                found |= matches!(test.field(), Field::RawPort0 | Field::RawPort1 | Field::RawOctet13);
            }
        });
    }
    found
}

/// The table and chain a rule set of this dialect is named after.
pub(super) fn own_place(set: &RuleSet) -> Option<(Table, &str)> {
    let name = set.name.strip_prefix("ip6/").or_else(|| set.name.strip_prefix("ip/")).unwrap_or(&set.name);
    let (table, chain) = name.split_once('/')?;
    let table = Table::ALL.into_iter().find(|known| known.name() == table)?;
    let builtin = table.hooks().contains(&chain);
    let kind = if builtin { Kind::Filter } else { Kind::Chain };
    let fits = set.kind == kind && (builtin || chain_name(chain) == chain);
    fits.then_some((table, chain))
}

pub(super) fn places(document: &Document, lost: &mut Vec<Lost>) -> Vec<Place> {
    let mut list: Vec<Place> = Vec::new();
    let mut taken: HashSet<(u8, &'static str, String)> = HashSet::new();
    let key = |family: Family, table: Table, chain: &str| (family as u8, table.name(), chain.to_owned());
    let written = |set: &&RuleSet| set.kind != Kind::Hook;
    let sets: Vec<(usize, &RuleSet)> =
        document.rule_sets.iter().enumerate().filter(|(_, set)| written(set)).collect();
    for (index, set) in &sets {
        if let Some((table, chain)) = own_place(set)
            && taken.insert(key(set.family, table, chain))
        {
            let builtin = table.hooks().contains(&chain);
            list.push(Place { index: *index, family: set.family, table, chain: chain.to_owned(), builtin });
        }
    }
    let table = table_of_foreign(document);
    let entries = document.entries();
    let strange = document.rule_sets.iter().filter(|set| set.kind == Kind::Hook);
    for hook in strange {
        let own = hook
            .name
            .trim_start_matches("ip6/")
            .strip_prefix("hook/")
            .is_some_and(|name| HOOKS.contains(&name));
        if !own && hook.rules.len() > 1 {
            let what = "that packets pass one rule set after the other; each is written for itself";
            lost.push(Lost::meaning(&hook.name, "", what));
        }
    }
    for (index, set) in sets {
        if list.iter().any(|place| place.index == index) {
            continue;
        }
        let hooked = document
            .rule_sets
            .iter()
            .any(|hook| hook.kind == Kind::Hook && hook.targets().any(|t| t == index));
        let entry = set.kind != Kind::Chain && (entries.contains(&index) || hooked);
        let (table, wanted) = wanted(document, set, table);
        // Packets pass what is for both families and what is for theirs one after the other, which one chain cannot say.
        let families = [Family::Any, Family::Inet, Family::Inet6].into_iter();
        let mut others = families.filter(|family| family.takes(set.family) || set.family.takes(*family));
        let is_free = others.all(|family| !taken.contains(&key(family, table, wanted)));
        let chain = if entry && is_free && taken.insert(key(set.family, table, wanted)) {
            lost.extend(Lost::moved(document, set, table.at(wanted)));
            lost.push(Lost::detail(
                &set.name,
                "",
                format!("the name of the rule set, which is chain `{wanted}` instead"),
            ));
            wanted.to_owned()
        } else {
            if entry {
                lost.extend(Lost::moved(document, set, None));
                let what = "that packets come to it: nothing says at which hook, and it is a chain that nobody calls";
                lost.push(Lost::meaning(&set.name, "", what));
            }
            let mut name = chain_name(set.name.rsplit('/').next().unwrap_or(""));
            let mut number = 2;
            while !taken.insert(key(set.family, table, &name)) {
                name = chain_name(&format!("{number}-{}", set.name));
                number += 1;
            }
            lost.push(Lost::detail(
                &set.name,
                "",
                format!("the name of the rule set, which is chain `{name}` instead"),
            ));
            name
        };
        let builtin = HOOKS.contains(&chain.as_str());
        list.push(Place { index, family: set.family, table, chain, builtin });
    }
    list.sort_by_key(|place| place.index);
    list
}

/// The table and hook for a rule set of another dialect: where it is attached, else the hook its name ends with.
fn wanted(document: &Document, set: &RuleSet, table: Table) -> (Table, &'static str) {
    let place = document.places(&set.name).find_map(HookPlace::read).filter(|place| place.device.is_none());
    if let Some(place) = place
        && let Some(hook) = HOOKS.into_iter().find(|hook| hook.eq_ignore_ascii_case(place.hook))
    {
        let same = Table::ALL.into_iter().find(|table| table.at(hook) == Some(place));
        // The table that rules ask for has what they do.
        let asked = |same: &Table| table == Table::Filter || *same != Table::Filter;
        let has = [table, Table::Mangle].into_iter().find(|table| table.hooks().contains(&hook));
        if let Some(table) = same.filter(asked).or(has) {
            return (table, hook);
        }
    }
    let upper = set.name.to_ascii_uppercase();
    (table, ["INPUT", "OUTPUT"].into_iter().find(|hook| upper.ends_with(hook)).unwrap_or("FORWARD"))
}

/// The table for rule sets of other dialects: `mangle` alone writes into packets, `filter` alone rejects.
pub(super) fn table_of_foreign(document: &Document) -> Table {
    let foreign =
        || document.rule_sets.iter().filter(|set| set.kind != Kind::Hook && own_place(set).is_none());
    let rules = || foreign().flat_map(|set| &set.rules);
    let rejects = foreign().any(|set| matches!(set.default, Verdict::Reject(_)))
        || rules().any(|rule| matches!(rule.outcome, Outcome::Verdict(Verdict::Reject(_))));
    let is_mark = |action: &Action| matches!(action, Action::Mark(Mark::Dscp(_) | Mark::TrafficClass(_)));
    let marks = rules().any(|rule| rule.actions.iter().any(is_mark));
    if marks && !rejects { Table::Mangle } else { Table::Filter }
}

/// A name as the kernel takes it for a chain: at most 28 octets, no blanks, no target, no option.
pub(super) fn chain_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.:+@=,".contains(c) { c } else { '_' };
    let mut name: String = text.chars().map(plain).take(28).collect();
    if name.is_empty()
        || name.starts_with('-')
        || support::target(&name).is_some()
        || HOOKS.contains(&name.as_str())
    {
        name = format!("c_{name}").chars().take(28).collect();
    }
    name
}
