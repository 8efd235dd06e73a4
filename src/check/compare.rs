//! Two versions of a document, rule set by rule set, each packet shown put through both.

use super::Acts;
use crate::eval::{Decision, Evaluator, UNCONFIRMED, holds};
use crate::field::{Field, Headers};
use crate::ir::Document;
use crate::symbolic::{Delta, delta};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Two versions of a document and what tells them apart.
#[derive(Debug)]
pub struct Comparison {
    /// The old one, its rule sets without calls as far as they can be.
    pub old: Document,
    /// The new one, as the old one is.
    pub new: Document,
    /// Rule sets that stand in both.
    pub pairs: Vec<Compared>,
    /// Rule sets of the old one alone, by index.
    pub removed: Vec<usize>,
    /// Rule sets of the new one alone.
    pub added: Vec<usize>,
    /// Rule sets of both that are not attached where they were.
    pub moved: Vec<Moved>,
}

/// A rule set that is attached elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Its name.
    pub rule_set: String,
    /// The places that packets no longer enter it from, in the words of the dialect.
    pub from: Vec<Box<str>>,
    /// The places that they enter it from now and did not.
    pub to: Vec<Box<str>>,
}

/// Two versions of a rule set.
#[derive(Debug)]
pub struct Compared {
    /// Its index in the old document.
    pub old: usize,
    /// Its index in the new one.
    pub new: usize,
    /// What tells them apart, or why nobody can say.
    pub found: Result<Delta, String>,
    /// Rules that do something else besides their verdict.
    pub acts: Vec<Acts>,
}

impl Comparison {
    /// Compares every rule set that packets enter by with that of the same name, or the only ones of both, and where
    /// rule sets of one name are attached, whose places must be in the words of one dialect. The symbols of both are
    /// the same afterwards.
    pub fn of(mut old: Document, mut new: Document) -> Self {
        old.join_symbols(&mut new);
        let mut moved = moved(&old, &new);
        if old.rule_sets == new.rule_sets {
            let pair =
                |entry| Compared { old: entry, new: entry, found: Ok(Delta::default()), acts: Vec::new() };
            let pairs = old.entries().into_iter().map(pair).collect();
            return Self { old, new, pairs, removed: Vec::new(), added: Vec::new(), moved };
        }
        // What packets come to from another rule set is not gone.
        let called: BTreeSet<String> = new
            .entries()
            .into_iter()
            .flat_map(|entry| new.reached(entry))
            .filter_map(|index| new.rule_sets.get(index).map(|set| set.name.clone()))
            .collect();
        let [old, new] = [old, new].map(|document| document.flattened(|_, _| false).into_owned());
        let (old_entries, mut left) = (old.entries(), new.entries());
        let only = old_entries.len() == 1 && left.len() == 1;
        let mut pairs = Vec::new();
        let mut unpaired = Vec::new();
        for entry in old_entries {
            let Some(set) = old.rule_sets.get(entry) else { continue };
            let named = |index: &usize| new.rule_sets.get(*index).is_some_and(|new| new.name == set.name);
            match left.iter().position(|index| only || named(index)) {
                Some(at) => {
                    let to = left.remove(at);
                    pairs.push(Self::pair((&old, entry), (&new, to)));
                    let renamed = new.rule_sets.get(to).filter(|to| to.name != set.name);
                    moved.extend(renamed.and_then(|to| Moved::of((&old, &set.name), (&new, &to.name))));
                }
                None => unpaired.push(entry),
            }
        }
        let mut paired: BTreeSet<usize> = pairs.iter().map(|pair: &Compared| pair.old).collect();
        // What stands where another stood takes its place, whatever the names are.
        let mut stood: HashMap<&str, usize> = HashMap::new();
        for from in paired.iter().chain(&unpaired) {
            let name = old.rule_sets.get(*from).map_or("", |set| &*set.name);
            stood.extend(old.places(name).map(|place| (place, *from)));
        }
        left.retain(|to| {
            let name = new.rule_sets.get(*to).map_or("", |set| &*set.name);
            let Some(from) = new.places(name).find_map(|place| stood.get(place).copied()) else {
                return true;
            };
            pairs.push(Self::pair((&old, from), (&new, *to)));
            paired.insert(from);
            false
        });
        unpaired.retain(|entry| {
            let name = old.rule_sets.get(*entry).map_or("", |set| &*set.name);
            !paired.contains(entry) && !called.contains(name)
        });
        Self { old, new, pairs, removed: unpaired, added: left, moved }
    }

    /// Compares two rule sets.
    pub(super) fn pair(old: (&Document, usize), new: (&Document, usize)) -> Compared {
        let sets = [old, new].map(|(document, entry)| document.rule_sets.get(entry));
        let acts = match sets {
            [Some(old), Some(new)] => Acts::of(old, new),
            _ => Vec::new(),
        };
        Compared { old: old.1, new: new.1, found: compare(old, new), acts }
    }

    /// Forgets what is in words of two dialects, which say nothing about each other.
    pub fn forget_words(&mut self) {
        self.moved.clear();
        for pair in &mut self.pairs {
            pair.acts.retain(|acts| !acts.is_of_words());
        }
    }
}

/// Rule sets of one name that are attached elsewhere.
fn moved(old: &Document, new: &Document) -> Vec<Moved> {
    if old.attached == new.attached {
        return Vec::new();
    }
    let still: HashSet<&str> = new.rule_sets.iter().map(|set| &*set.name).collect();
    let sets = old.rule_sets.iter().filter(|set| still.contains(&*set.name));
    sets.filter_map(|set| Moved::of((old, &set.name), (new, &set.name))).collect()
}

impl Moved {
    /// Where a rule set is attached otherwise than one that takes its place; none where both are at the same places.
    fn of(old: (&Document, &str), new: (&Document, &str)) -> Option<Self> {
        let less = |(these, name): (&Document, &str), (those, other): (&Document, &str)| {
            let those: BTreeSet<&str> = those.places(other).collect();
            these.places(name).filter(|place| !those.contains(place)).map(Box::from).collect::<Vec<_>>()
        };
        let [from, to] = [less(old, new), less(new, old)];
        (!from.is_empty() || !to.is_empty()).then(|| Self { rule_set: new.1.to_owned(), from, to })
    }
}

/// What tells two rule sets apart.
fn compare(old: (&Document, usize), new: (&Document, usize)) -> Result<Delta, String> {
    let [Some(old_set), Some(new_set)] = [old, new].map(|(document, entry)| document.rule_sets.get(entry))
    else {
        return Err("a rule set is missing".to_owned());
    };
    let mut found = delta(old_set, new_set, holds).map_err(|error| error.to_string())?;
    for change in &mut found.changes {
        let Some(packet) = &mut change.packet else { continue };
        let is_so = |packet: &Headers| {
            [(old, change.before), (new, change.after)].into_iter().all(|((document, entry), verdict)| {
                let decision = Evaluator::new(document, entry).map(|walk| walk.decide(packet));
                matches!(decision, Some(Ok(Decision::Verdict(is, _))) if is == verdict)
            })
        };
        if !is_so(packet) {
            return Err(UNCONFIRMED.to_owned());
        }
        // What only the device knows is left out where nothing rests on it.
        for field in [Field::InGroup, Field::OutGroup, Field::CtState, Field::Mark] {
            let mut less = packet.clone();
            less.set_cut(field);
            if is_so(&less) {
                *packet = less;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{ReadOptions, by_name};
    use crate::field::Family::{Inet, Inet6};
    use crate::source::{Content, Source, SourceId};

    fn read(dialect: &str, text: &str) -> Document {
        let source = Source::new("a", Content::Text(text.to_owned()));
        by_name(dialect).unwrap().read(&source, SourceId(0), &ReadOptions::default()).document
    }

    fn moved(dialect: &str, old: &str, new: &str) -> Vec<Moved> {
        Comparison::of(read(dialect, old), read(dialect, new)).moved
    }

    #[test]
    fn a_last_rule_may_say_what_the_default_says() {
        let nft = |rules: &str| {
            format!(
                "table ip a {{\n chain b {{\n type filter hook input priority 0; policy accept;\n{rules} }}\n}}\n"
            )
        };
        let found = |old: &str, new: &str| {
            let mut pairs = Comparison::of(read("nftables", &nft(old)), read("nftables", &nft(new))).pairs;
            pairs.remove(0).found.unwrap()
        };
        let (short, long) = ("tcp dport 22 drop\n", "tcp dport 22 drop\naccept\n");
        let same = found(short, long);
        assert_eq!((same.changes.len(), same.removed, same.added), (0, vec![], vec![1]));
        // What is left to it is its own.
        let less = found(short, "accept\n");
        assert_eq!((less.changes.len(), less.removed, less.added), (1, vec![0], vec![0]));
        assert_eq!((less.changes[0].old_rule, less.changes[0].new_rule), (Some(0), Some(0)));
        let more = found(long, short);
        assert_eq!((more.changes.len(), more.removed, more.added), (0, vec![1], vec![]));
    }

    #[test]
    fn rules_that_are_attached_elsewhere_are_seen() {
        let nft = |hook: &str| {
            format!(
                "table ip a {{\n chain b {{\n type filter hook {hook} priority 0;\n tcp dport 22 drop\n }}\n}}\n"
            )
        };
        let found = moved("nftables", &nft("input"), &nft("forward"));
        assert_eq!(found.len(), 1);
        assert_eq!(&*found[0].from[0], "type filter hook input priority 0");
        assert_eq!(&*found[0].to[0], "type filter hook forward priority 0");
        assert_eq!(moved("nftables", &nft("input"), &nft("input")), []);

        let junos = |at: &str| {
            format!(
                "firewall {{ family inet {{ filter F {{ term a {{ then discard; }} }} }} }}\n\
                 interfaces {{ {at} }}\n"
            )
        };
        let at = |unit: &str, way: &str| {
            format!("ge-0/0/0 {{ unit {unit} {{ family inet {{ filter {{ {way} F; }} }} }} }}")
        };
        let found = moved("junos", &junos(&at("0", "input")), &junos(&at("7", "input")));
        assert_eq!(&*found[0].from[0], "interfaces ge-0/0/0 unit 0 family inet input");
        assert_eq!(&*found[0].to[0], "interfaces ge-0/0/0 unit 7 family inet input");
        assert_eq!(moved("junos", &junos(&at("0", "input")), &junos(""))[0].to, []);

        let xr = |way: &str| {
            format!(
                "ipv4 access-list A\n 10 deny tcp any any\n!\ninterface Gi0/0/0/0\n ipv4 access-group A {way}\n!\n"
            )
        };
        let found = moved("ios-xr", &xr("ingress"), &xr("egress"));
        assert_eq!(
            (&*found[0].rule_set, &*found[0].to[0]),
            ("ipv4/A", "interface GigabitEthernet0/0/0/0 egress")
        );
    }

    #[test]
    fn rules_that_have_another_name_and_are_attached_elsewhere_are_seen() {
        let nft = |chain: &str, hook: &str| {
            format!(
                "table ip a {{\n chain {chain} {{\n type filter hook {hook} priority 0;\n tcp dport 22 drop\n }}\n}}\n"
            )
        };
        let found = moved("nftables", &nft("b", "input"), &nft("c", "forward"));
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].rule_set, found[0].from.len(), found[0].to.len()), ("ip/a/c", 1, 1));
        assert_eq!(moved("nftables", &nft("b", "input"), &nft("c", "input")), []);

        let ipt = |table: &str, chain: &str| {
            format!("*{table}\n:{chain} DROP [0:0]\n-A {chain} -p tcp --dport 22 -j ACCEPT\nCOMMIT\n")
        };
        let found = moved("iptables", &ipt("filter", "INPUT"), &ipt("filter", "OUTPUT"));
        assert_eq!(&*found[0].from[0], "type filter hook input priority 0");
        assert_eq!(&*found[0].to[0], "type filter hook output priority 0");
        let found = moved("iptables", &ipt("filter", "INPUT"), &ipt("mangle", "PREROUTING"));
        assert_eq!(&*found[0].to[0], "type filter hook prerouting priority -150");

        let junos = |name: &str, way: &str| {
            format!(
                "firewall {{ family inet {{ filter {name} {{ term a {{ then discard; }} }} }} }}\n\
                 interfaces {{ ge-0/0/0 {{ unit 0 {{ family inet {{ filter {{ {way} {name}; }} }} }} }} }}\n"
            )
        };
        let found = moved("junos", &junos("F", "input"), &junos("G", "output"));
        assert_eq!((&*found[0].rule_set, found[0].from.len(), found[0].to.len()), ("inet/G", 1, 1));
    }

    #[test]
    fn filters_that_become_part_of_a_list_are_not_gone() {
        let junos = |at: &str| {
            format!(
                "firewall {{ family inet {{ filter F {{ term a {{ from {{ protocol tcp; }} then discard; }} term b {{ then \
                 next term; }} }} filter G {{ term a {{ then accept; }} }} }} }}\n\
                 interfaces {{ ge-0/0/0 {{ unit 0 {{ family inet {{ filter {{ {at} }} }} }} }} }}\n"
            )
        };
        let [old, new] = ["input F;", "input-list [ F G ];"].map(|at| read("junos", &junos(at)));
        let found = Comparison::of(old, new);
        assert_eq!((found.removed.len(), found.added.len(), found.pairs.len()), (0, 0, 1));
        let places: Vec<&str> =
            found.moved.iter().flat_map(|moved| &moved.to).map(|place| &**place).collect();
        assert_eq!(places, ["interfaces ge-0/0/0 unit 0 family inet input, in the list F+G"; 2]);

        let xr = |at: &str, rest: &str| {
            format!(
                "ipv4 access-list A\n 10 deny tcp any any\n!\nipv4 access-list B\n 10 deny udp any any\n!\n\
                 interface {at} ingress\n!\n{rest}\n"
            )
        };
        let old = xr("Gi0/0/0/0\n ipv4 access-group A", "line default\n access-class ingress A");
        let new = xr(
            "GigabitEthernet0/0/0/0\n ipv4 access-group common B A",
            "line default\n access-class egress A",
        );
        let found = Comparison::of(read("ios-xr", &old), read("ios-xr", &new));
        assert_eq!((found.removed.len(), found.added.len(), found.pairs.len()), (0, 0, 3));
        let to: Vec<&str> = found.moved.iter().flat_map(|moved| &moved.to).map(|place| &**place).collect();
        let part = "interface GigabitEthernet0/0/0/0 ingress, in the list B+A";
        assert_eq!(to, [part, "line default access-class egress", part]);
    }

    #[test]
    fn packets_of_a_family_that_no_longer_come_are_seen() {
        let nft = |family: &str| {
            format!(
                "table {family} a {{\n chain b {{\n type filter hook input priority 0; policy drop;\n tcp dport 443 accept\n }}\n}}\n"
            )
        };
        let found = |old: &str, new: &str| {
            let mut pairs = Comparison::of(read("nftables", &nft(old)), read("nftables", &nft(new))).pairs;
            let found = pairs.remove(0).found.unwrap();
            (found.changes.len(), found.gone, found.come)
        };
        assert_eq!(found("inet", "ip"), (0, vec![Inet6], vec![]));
        assert_eq!(found("ip6", "inet"), (0, vec![], vec![Inet]));
        assert_eq!(found("ip", "ip6"), (0, vec![Inet], vec![Inet6]));
        assert_eq!(found("inet", "inet"), (0, vec![], vec![]));
    }
}
