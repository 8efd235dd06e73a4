//! What a file says, before rules are read: tables, their chains with the rules in order, sets with their
//! elements. Rules and elements are kept by their place and read when they are lowered, so that a file of a
//! million rules takes little more than its text.

use super::syntax::Word;
use crate::source::Span;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// The family of a table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum TableFamily {
    Ip,
    Ip6,
    Inet,
    Arp,
    Bridge,
    Netdev,
}

impl TableFamily {
    /// The family of a word.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "ip" => Self::Ip,
            "ip6" => Self::Ip6,
            "inet" => Self::Inet,
            "arp" => Self::Arp,
            "bridge" => Self::Bridge,
            "netdev" => Self::Netdev,
            _ => return None,
        })
    }

    /// Its word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Arp => "arp",
            Self::Bridge => "bridge",
            Self::Netdev => "netdev",
        }
    }
}

/// Where a rule is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum RuleSource<'a> {
    /// Text, and where it begins.
    Text(&'a str, u32),
    /// A rule object of JSON, and its place.
    Json(&'a Value, Span),
}

/// Where elements of a set are written: between braces, or an array.
#[derive(Clone, Copy, Debug)]
pub(super) enum ElementSource<'a> {
    Text(&'a str, u32),
    Json(&'a Value, Span),
}

/// How a base chain is hooked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Base<'a> {
    /// `filter`, `nat` or `route`.
    pub(super) kind: Word<'a>,
    pub(super) hook: Word<'a>,
    /// Devices of a netdev chain.
    pub(super) devices: Vec<&'a str>,
    pub(super) priority: i64,
    pub(super) drops: bool,
}

/// A chain.
#[derive(Clone, Debug)]
pub(super) struct Chain<'a> {
    pub(super) name: Word<'a>,
    pub(super) base: Option<Base<'a>>,
    pub(super) rules: VecDeque<RuleSource<'a>>,
    /// A part of it could not be read: there may be more rules.
    pub(super) unsure: Option<Span>,
}

/// What a set or map was declared to hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Declared<'a> {
    /// Names of types.
    Types(&'a str, u32),
    /// Expressions of these types.
    Like(&'a str, u32),
    /// The same in JSON.
    Json(&'a Value),
}

/// A named set or map.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what its words say, each by itself")]
pub(super) struct Set<'a> {
    /// What it was declared to hold.
    pub(super) declared: Option<Declared<'a>>,
    /// Where it was named first.
    pub(super) name: Word<'a>,
    /// Whether it may hold ranges.
    pub(super) interval: bool,
    /// Whether it puts ranges together that overlap.
    pub(super) merges: bool,
    /// Its contents change while it is loaded.
    pub(super) changes: bool,
    /// What it holds is gone after a time.
    pub(super) expires: bool,
    pub(super) elements: Vec<ElementSource<'a>>,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    pub(super) family: TableFamily,
    pub(super) name: Word<'a>,
    pub(super) dormant: bool,
    pub(super) chains: Vec<Chain<'a>>,
    pub(super) sets: Vec<Set<'a>>,
    /// Counters, limits and the like, by kind and name; what they say.
    pub(super) objects: HashMap<(&'a str, &'a str), String>,
    chain_index: HashMap<&'a str, usize>,
    set_index: HashMap<&'a str, usize>,
}

impl<'a> Table<'a> {
    /// The chain of a name.
    pub(super) fn chain(&self, name: &str) -> Option<usize> {
        self.chain_index.get(name).copied()
    }

    /// The chain of a name, added if new.
    pub(super) fn chain_mut(&mut self, name: Word<'a>) -> &mut Chain<'a> {
        let index = *self.chain_index.entry(name.text).or_insert(self.chains.len());
        if index >= self.chains.len() {
            self.chains.push(Chain { name, base: None, rules: VecDeque::new(), unsure: None });
        }
        // The entry was either there or has just been pushed as the last.
        let last = self.chains.len() - 1;
        let index = index.min(last);
        #[expect(clippy::indexing_slicing, reason = "at most the last index of a list that is not empty")]
        &mut self.chains[index]
    }

    /// The set of a name.
    pub(super) fn set(&self, name: &str) -> Option<&Set<'a>> {
        self.set_index.get(name).and_then(|index| self.sets.get(*index))
    }

    /// The set of a name, added if new.
    pub(super) fn set_mut(&mut self, name: Word<'a>) -> &mut Set<'a> {
        let index = *self.set_index.entry(name.text).or_insert(self.sets.len());
        if index >= self.sets.len() {
            self.sets.push(Set {
                name,
                declared: None,
                interval: false,
                merges: false,
                changes: false,
                expires: false,
                elements: Vec::new(),
            });
        }
        let last = self.sets.len() - 1;
        let index = index.min(last);
        #[expect(clippy::indexing_slicing, reason = "at most the last index of a list that is not empty")]
        &mut self.sets[index]
    }

    /// Takes a chain out.
    pub(super) fn remove_chain(&mut self, name: &str) -> bool {
        let Some(index) = self.chain_index.remove(name) else { return false };
        if index < self.chains.len() {
            self.chains.remove(index);
        }
        self.chain_index.values_mut().filter(|other| **other > index).for_each(|other| *other -= 1);
        true
    }

    /// Gives a chain another name.
    pub(super) fn rename_chain(&mut self, old: &str, new: Word<'a>) -> bool {
        let Some(index) = self.chain_index.remove(old) else { return false };
        self.chain_index.insert(new.text, index);
        if let Some(chain) = self.chains.get_mut(index) {
            chain.name = new;
        }
        true
    }

    /// Takes a set out.
    pub(super) fn remove_set(&mut self, name: &str) -> bool {
        let Some(index) = self.set_index.remove(name) else { return false };
        if index < self.sets.len() {
            self.sets.remove(index);
        }
        self.set_index.values_mut().filter(|other| **other > index).for_each(|other| *other -= 1);
        true
    }
}

/// Every table of a file, in the order first named.
#[derive(Debug, Default)]
pub(super) struct Ruleset<'a> {
    pub(super) tables: Vec<Table<'a>>,
    index: HashMap<(TableFamily, &'a str), usize>,
}

impl<'a> Ruleset<'a> {
    /// The table of a name, added if new.
    pub(super) fn table_mut(&mut self, family: TableFamily, name: Word<'a>) -> &mut Table<'a> {
        let index = *self.index.entry((family, name.text)).or_insert(self.tables.len());
        if index >= self.tables.len() {
            self.tables.push(Table {
                family,
                name,
                dormant: false,
                chains: Vec::new(),
                sets: Vec::new(),
                objects: HashMap::new(),
                chain_index: HashMap::new(),
                set_index: HashMap::new(),
            });
        }
        let index = index.min(self.tables.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "at most the last index of a list that is not empty")]
        &mut self.tables[index]
    }

    /// The table of a name.
    pub(super) fn find(&mut self, family: TableFamily, name: &str) -> Option<&mut Table<'a>> {
        let index = self.index.get(&(family, name)).copied();
        index.and_then(|index| self.tables.get_mut(index))
    }

    /// Takes out every table, or those of a family.
    pub(super) fn clear(&mut self, family: Option<TableFamily>) {
        self.retain(|table| family.is_some_and(|family| family != table.family));
    }

    /// Takes out a table.
    pub(super) fn remove_table(&mut self, family: TableFamily, name: &str) {
        if self.index.contains_key(&(family, name)) {
            self.retain(|table| table.family != family || table.name.text != name);
        }
    }

    /// Takes the rules out of a table's chains.
    pub(super) fn flush_table(&mut self, family: TableFamily, name: &str) {
        for chain in self.find(family, name).into_iter().flat_map(|table| &mut table.chains) {
            chain.rules.clear();
            chain.unsure = None;
        }
    }

    fn retain(&mut self, keep: impl Fn(&Table<'a>) -> bool) {
        self.tables.retain(keep);
        let keys = self.tables.iter().zip(0..).map(|(table, at)| ((table.family, table.name.text), at));
        self.index = keys.collect();
    }
}
