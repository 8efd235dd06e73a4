//! Gates: chains before and behind every rule of a hook, which write down who passes.

use super::wire::number_of;
use crate::field::CtState;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Where packets meet rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hook {
    /// Before a route is looked up.
    Prerouting,
    /// For the host.
    Input,
    /// Passed on.
    Forward,
    /// Behind both.
    Postrouting,
}

impl Hook {
    /// Every hook, in the order packets meet them.
    pub const ALL: [Self; 4] = [Self::Prerouting, Self::Input, Self::Forward, Self::Postrouting];

    /// Its word in nftables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Postrouting => "postrouting",
        }
    }
}

/// The table of the gates.
pub(super) const TABLE: &str = "inet flowgate-gates";
const FIRST: i64 = -2_147_483_647;
const LAST: i64 = 2_147_483_647;
/// Just behind the place where fragments are put together (-400).
const WHOLE: i64 = -399;
/// Just behind the place where connections are looked up (-200).
const TRACKED: i64 = -199;

/// Which gates stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gates {
    /// No packet goes further than the gate behind this hook.
    pub stop: Option<Hook>,
    /// The rules have connections tracked: the state of each packet's connection is written down. A gate that asks
    /// for states makes the kernel track them.
    pub tracked: bool,
}

impl Gates {
    fn hooks(self) -> impl Iterator<Item = Hook> {
        let last = match self.stop {
            None => 4,
            Some(stop) => Hook::ALL.iter().position(|hook| *hook == stop).map_or(4, |at| at + 1),
        };
        Hook::ALL.into_iter().take(last)
    }

    fn sets(self) -> Vec<String> {
        let mut list: Vec<String> = self
            .hooks()
            .flat_map(|hook| ["came", "left"].map(|word| format!("{word}-{}", hook.name())))
            .collect();
        list.push("whole-prerouting".to_owned());
        if self.tracked {
            list.extend(CtState::ALL.map(|state| format!("state-{}", state.name())));
        }
        list
    }

    /// What puts them up.
    pub(super) fn text(self) -> String {
        let mut text = format!("table {TABLE} {{\n");
        for set in self.sets() {
            _ = writeln!(text, "set {set} {{ type ether_addr; size 8388608; flags dynamic; }}");
        }
        let mut chain = |name: &str, hook: &str, priority: i64, rules: &str| {
            _ = writeln!(
                text,
                "chain {name} {{ type filter hook {hook} priority {priority}; policy accept;\n{rules}\n}}"
            );
        };
        for hook in self.hooks() {
            let name = hook.name();
            chain(&format!("before-{name}"), name, FIRST, &format!("add @came-{name} {{ ether saddr }}"));
            let end = if self.stop == Some(hook) { " drop" } else { "" };
            chain(&format!("behind-{name}"), name, LAST, &format!("add @left-{name} {{ ether saddr }}{end}"));
        }
        chain("whole", "prerouting", WHOLE, "add @whole-prerouting { ether saddr }");
        if self.tracked {
            let state = |state: CtState| {
                let name = state.name();
                format!("ct state {name} add @state-{name} {{ ether saddr }}")
            };
            chain("tracked", "prerouting", TRACKED, &CtState::ALL.map(state).join("\n"));
        }
        // The kernel's own packets go nowhere.
        chain("own", "output", FIRST, "drop");
        text.push_str("}\n");
        text
    }

    pub(super) fn forget(self) -> String {
        self.sets().iter().fold(String::new(), |mut text, set| {
            _ = writeln!(text, "flush set {TABLE} {set}");
            text
        })
    }
}

/// Asks for every set. Several questions at once nft 1.0.6 does not answer, and listing rules it ends on some.
pub(super) const QUESTION: &str = "list sets\n";

/// Asks who came into the kernel.
pub(super) fn question_came() -> String {
    format!("list set {TABLE} came-prerouting\n")
}

/// How far packets came, by their places in the list that was driven.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Passage {
    sets: BTreeMap<String, BTreeSet<u32>>,
    states: BTreeMap<u32, CtState>,
    tracked: bool,
    marks: BTreeMap<String, BTreeMap<u32, u32>>,
}

impl Passage {
    fn set(&self, word: &str, hook: Hook) -> &BTreeSet<u32> {
        const NOBODY: &BTreeSet<u32> = &BTreeSet::new();
        self.sets.get(&format!("{word}-{}", hook.name())).unwrap_or(NOBODY)
    }

    /// Who came to a hook.
    pub fn came(&self, hook: Hook) -> &BTreeSet<u32> {
        self.set("came", hook)
    }

    /// Whether it was asked for the states of connections.
    pub fn is_tracked(&self) -> bool {
        self.tracked
    }

    /// Who is there when fragments are put together, where they are (priority -399 of `prerouting`).
    pub fn whole(&self) -> &BTreeSet<u32> {
        self.set("whole", Hook::Prerouting)
    }

    /// Who left a hook behind all its rules.
    pub fn left(&self, hook: Hook) -> &BTreeSet<u32> {
        self.set("left", hook)
    }

    /// The marks that a set of the rules keeps by packet: its elements are `ether saddr . meta mark`.
    pub fn marks(&self, set: &str) -> Option<&BTreeMap<u32, u32>> {
        self.marks.get(set)
    }

    /// The state of a packet's connection, where it was asked for.
    pub fn state(&self, place: u32) -> Option<CtState> {
        self.states.get(&place).copied()
    }
}

/// Sets as nft lists them: each name with its elements.
fn listed(text: &str) -> Vec<(&str, &str)> {
    let mut list = Vec::new();
    for part in text.split("\tset ").skip(1) {
        let name = part.split(' ').next().unwrap_or("");
        let elements = part.split_once("elements = {").map_or("", |(_, rest)| rest);
        list.push((name, elements.split('}').next().unwrap_or("")));
    }
    list
}

pub(super) fn read(text: &str, first: u32) -> Passage {
    let mut passage = Passage::default();
    let place = |address: &str| Some(number_of(address)?.wrapping_sub(first));
    for (name, elements) in listed(text) {
        let elements = || elements.split(',').map(str::trim);
        let marks: BTreeMap<u32, u32> = elements()
            .filter_map(|element| {
                let (address, mark) = element.split_once(" . ")?;
                let mark = u32::from_str_radix(mark.trim_start_matches("0x"), 16);
                Some((place(address)?, mark.ok()?))
            })
            .collect();
        if !marks.is_empty() {
            passage.marks.insert(name.to_owned(), marks);
            continue;
        }
        let places: BTreeSet<u32> = elements().filter_map(place).collect();
        match name.strip_prefix("state-").and_then(CtState::by_name) {
            Some(state) => {
                passage.tracked = true;
                passage.states.extend(places.into_iter().map(|place| (place, state)));
            }
            None => _ = passage.sets.insert(name.to_owned(), places),
        }
    }
    passage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nft_lists_is_read() {
        let text = "table inet t {\n\tset came-input {\n\t\ttype ether_addr\n\t\tsize 9\n\t\telements = { 02:f6:00:00:00:05,\n\t\t\t     02:f6:00:00:00:07 }\n\t}\n}\ntable inet t {\n\tset state-new {\n\t\ttype ether_addr\n\t\telements = { 02:f6:00:00:00:07 }\n\t}\n}\n";
        let passage = read(text, 5);
        assert_eq!(passage.came(Hook::Input), &BTreeSet::from([0, 2]));
        assert_eq!((passage.state(2), passage.state(0)), (Some(CtState::New), None));
        assert!(passage.left(Hook::Input).is_empty());
        let text = "\tset a {\n\t}\n\tset b {\n\t\telements = { 02:f6:00:00:00:06 . 0x00000101 }\n\t}\n";
        let passage = read(text, 5);
        assert_eq!(passage.marks("b"), Some(&BTreeMap::from([(1, 0x101)])));
        assert_eq!(passage.marks("a"), None);
    }
}
