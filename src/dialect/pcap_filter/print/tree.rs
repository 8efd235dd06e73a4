//! Boolean trees of libpcap's primitives: what a leaf looks at and the values that it holds for, so that what two
//! leaves say of one load can be said by one, and what one has settled is not asked again.

use crate::net::IntervalSet;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// What a leaf looks at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Load {
    /// A primitive, which holds (1) or does not (0).
    Word(String),
    /// Octets as a number.
    Octets {
        text: Cow<'static, str>,
        // What the number is counted from, another load.
        from: Option<&'static str>,
        // The largest number it can be.
        max: u32,
        // Whether its numbers are written in hex.
        hex: bool,
    },
}

impl Load {
    pub(super) fn octets(text: impl Into<Cow<'static, str>>, max: u32) -> Self {
        Self::Octets { text: text.into(), from: None, max, hex: false }
    }

    /// Octets whose numbers are written in hex.
    pub(super) fn bits(text: impl Into<Cow<'static, str>>, max: u32) -> Self {
        Self::Octets { text: text.into(), from: None, max, hex: true }
    }

    fn most(&self) -> u32 {
        match self {
            Self::Word(_) => 1,
            Self::Octets { max, .. } => *max,
        }
    }
}

/// An expression, constants folded away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Tree {
    True,
    False,
    /// A load has a value of a set: neither none nor all of those it can have.
    Leaf(Load, IntervalSet<u32>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    /// Something libpcap cannot look at; never printed.
    Blind,
}

impl Tree {
    /// A primitive.
    pub(super) fn word(text: impl Into<String>) -> Self {
        Self::Leaf(Load::Word(text.into()), IntervalSet::single(1))
    }

    /// A load with one of these values.
    pub(super) fn within(load: Load, set: &IntervalSet<u32>) -> Self {
        let all = IntervalSet::range(0, load.most());
        let set = set.intersection(&all);
        if set.is_empty() {
            Self::False
        } else if set == all {
            Self::True
        } else {
            Self::Leaf(load, set)
        }
    }

    /// Whether any part looks at the frame and not at the packet in it.
    pub(super) fn looks_at_frame(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::looks_at_frame),
            Self::Not(part) => part.looks_at_frame(),
            Self::Leaf(Load::Word(text), _) => text.starts_with("ether"),
            Self::Leaf(Load::Octets { text, .. }, _) => text.contains("ether[") || text == "len",
            Self::True | Self::False | Self::Blind => false,
        }
    }

    /// Whether any part is something libpcap cannot look at.
    pub(super) fn is_blind(&self) -> bool {
        match self {
            Self::Blind => true,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::is_blind),
            Self::Not(part) => part.is_blind(),
            Self::True | Self::False | Self::Leaf(..) => false,
        }
    }

    pub(super) fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(true, parts)
    }

    pub(super) fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(false, parts)
    }

    fn joined(is_and: bool, parts: impl IntoIterator<Item = Self>) -> Self {
        let mut list = Vec::new();
        for part in parts {
            match part {
                Self::True if is_and => {}
                Self::False if !is_and => {}
                Self::True => return Self::True,
                Self::False => return Self::False,
                Self::And(inner) if is_and => list.extend(inner),
                Self::Or(inner) if !is_and => list.extend(inner),
                other => list.push(other),
            }
        }
        match (list.len(), is_and) {
            (0, true) => Self::True,
            (0, false) => Self::False,
            (1, _) => list.swap_remove(0),
            (_, true) => Self::And(list),
            (_, false) => Self::Or(list),
        }
    }

    pub(super) fn not(part: Self) -> Self {
        match part {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(inner) => *inner,
            Self::Leaf(load, set) => {
                let rest = set.complement(load.most());
                Self::Leaf(load, rest)
            }
            other => Self::Not(Box::new(other)),
        }
    }

    /// The same, said more shortly: one leaf for a load in each list, before what is longer; and nothing asked that
    /// the leaves before it have settled.
    ///
    /// A leaf moves before what stood before it. Every load stands behind leaves of its own list that see to it that
    /// its octets are there, and leaves keep their order, so that no load comes to be made where it was not.
    pub(super) fn simplified(self) -> Self {
        // What became shorter settles more.
        let once = simplify(self, &mut Facts::default());
        simplify(once, &mut Facts::default())
    }
}

/// What is known of loads where a part is looked at: the values that they may still have, the last of each counts.
#[derive(Default)]
struct Facts(BTreeMap<Load, Vec<IntervalSet<u32>>>);

impl Facts {
    fn of(&self, load: &Load) -> IntervalSet<u32> {
        let known = self.0.get(load).and_then(|list| list.last());
        known.cloned().unwrap_or_else(|| IntervalSet::range(0, load.most()))
    }

    fn push(&mut self, load: &Load, set: IntervalSet<u32>) {
        self.0.entry(load.clone()).or_default().push(set);
    }

    fn pop(&mut self, load: &Load) {
        if let Some(list) = self.0.get_mut(load) {
            list.pop();
        }
    }
}

fn simplify(tree: Tree, facts: &mut Facts) -> Tree {
    match tree {
        Tree::And(parts) => simplify_list(true, parts, facts),
        Tree::Or(parts) => simplify_list(false, parts, facts),
        Tree::Not(part) => Tree::not(simplify(*part, facts)),
        Tree::Leaf(..) => simplify_list(true, vec![tree], facts),
        Tree::True | Tree::False | Tree::Blind => tree,
    }
}

/// One leaf for each load, in the order of their first.
#[derive(Default)]
struct Leaves {
    list: Vec<(Load, IntervalSet<u32>)>,
    places: BTreeMap<Load, usize>,
}

impl Leaves {
    fn add(&mut self, is_and: bool, load: Load, set: IntervalSet<u32>) {
        let place = self.places.get(&load).and_then(|place| self.list.get_mut(*place));
        if let Some((_, known)) = place {
            *known = if is_and { known.intersection(&set) } else { known.union(&set) };
        } else {
            self.places.insert(load.clone(), self.list.len());
            self.list.push((load, set));
        }
    }
}

fn simplify_list(is_and: bool, parts: Vec<Tree>, facts: &mut Facts) -> Tree {
    // What ends the list: a part that is false ends `and`, one that is true `or`.
    let end = if is_and { Tree::False } else { Tree::True };
    let mut leaves = Leaves::default();
    let mut longer = Vec::new();
    for part in parts {
        match part {
            Tree::Leaf(load, set) => leaves.add(is_and, load, set),
            other => longer.push(other),
        }
    }
    let mut known = Vec::new();
    let mut ends = false;
    for (load, set) in &leaves.list {
        let before = facts.of(load);
        let inside = before.intersection(set);
        // Behind it, `and` knows that it holds, `or` that it does not.
        let behind = if is_and { inside } else { before.difference(set) };
        ends |= behind.is_empty();
        facts.push(load, behind);
        known.push(load.clone());
    }
    let mut rest = Vec::new();
    if !ends {
        for part in longer {
            let part = simplify(part, facts);
            if part == end {
                ends = true;
                break;
            }
            rest.push(part);
        }
    }
    for load in &known {
        facts.pop(load);
    }
    if ends {
        return end;
    }
    // What became shorter may have leaves of its own for this list.
    let mut longer = Vec::new();
    let again = match Tree::joined(is_and, rest) {
        Tree::And(parts) if is_and => parts,
        Tree::Or(parts) if !is_and => parts,
        other => vec![other],
    };
    for part in again {
        match part {
            Tree::Leaf(load, set) => leaves.add(is_and, load, set),
            other => longer.push(other),
        }
    }
    let settled = leaves.list.into_iter().map(|(load, set)| {
        let before = facts.of(&load);
        let inside = before.intersection(&set);
        if inside.is_empty() {
            Tree::False
        } else if inside == before {
            Tree::True
        } else {
            Tree::Leaf(load, set)
        }
    });
    let list = Tree::joined(is_and, settled.chain(longer));
    if is_and { list } else { factored(list) }
}

/// What all alternatives begin with, said once before them.
pub(super) fn factored(tree: Tree) -> Tree {
    let Tree::Or(parts) = tree else { return tree };
    let lists: Option<Vec<&[Tree]>> = parts
        .iter()
        .map(|part| match part {
            Tree::And(list) => Some(list.as_slice()),
            _ => None,
        })
        .collect();
    let Some([first, others @ ..]) = lists.as_deref() else { return Tree::Or(parts) };
    let same = |(at, leaf): &(usize, &Tree)| {
        matches!(leaf, Tree::Leaf(..)) && others.iter().all(|list| list.get(*at) == Some(*leaf))
    };
    let count = first.iter().enumerate().take_while(same).count();
    if count == 0 {
        return Tree::Or(parts);
    }
    let common: Vec<Tree> = first.iter().take(count).cloned().collect();
    let rest = parts.into_iter().map(|part| match part {
        Tree::And(list) => Tree::and(list.into_iter().skip(count)),
        other => other,
    });
    let rest = Tree::or(rest.collect::<Vec<_>>());
    Tree::and(common.into_iter().chain([rest]))
}

/// The words of a leaf, and whether they are joined by `and`.
fn spelled(load: &Load, set: &IntervalSet<u32>) -> (Vec<String>, bool) {
    let (text, from, max, hex) = match load {
        Load::Word(text) => {
            return (vec![if set.contains(1) { text.clone() } else { format!("not {text}") }], true);
        }
        Load::Octets { text, from, max, hex } => (text, *from, *max, *hex),
    };
    let compared = |sign: &str, value: u32| {
        let from = from.map_or_else(String::new, |from| format!("{from} + "));
        if hex { format!("{text} {sign} {from}{value:#x}") } else { format!("{text} {sign} {from}{value}") }
    };
    // Two values in a row are no shorter as a range.
    let few = |lo: u32, hi: u32| hi - lo < 2;
    let cost = |set: &IntervalSet<u32>| -> usize {
        set.ranges().map(|(lo, hi)| if lo == hi || lo == 0 || hi == max { 1 } else { 2 }).sum()
    };
    let rest = set.complement(max);
    let values: Vec<u32> =
        rest.ranges().take_while(|(lo, hi)| few(*lo, *hi)).flat_map(|(lo, hi)| lo..=hi).collect();
    let others = values.len() as u128 == rest.size();
    let fewer = values.len() < cost(set) || hex && values.len() == cost(set) && set.as_single().is_none();
    if others && fewer {
        return (values.into_iter().map(|value| compared("!=", value)).collect(), true);
    }
    let alone = set.ranges().len() == 1;
    let mut words = Vec::new();
    for (lo, hi) in set.ranges() {
        match (lo, hi) {
            _ if lo == hi => words.push(compared("=", lo)),
            (0, _) => words.push(compared("<=", hi)),
            _ if hi == max => words.push(compared(">=", lo)),
            _ if alone => words.extend([compared(">=", lo), compared("<=", hi)]),
            _ if few(lo, hi) => words.extend([compared("=", lo), compared("=", hi)]),
            _ => words.push(format!("({} and {})", compared(">=", lo), compared("<=", hi))),
        }
    }
    (words, alone)
}

impl Tree {
    /// Writes it as a part of a list joined by one word: the two have the same precedence, and group to the left.
    fn write_in(&self, list_is_and: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alone = match self {
            Self::And(_) => list_is_and,
            Self::Or(_) => !list_is_and,
            Self::Leaf(load, set) => {
                let (words, is_and) = spelled(load, set);
                words.len() < 2 || is_and == list_is_and
            }
            Self::True | Self::False | Self::Blind | Self::Not(_) => true,
        };
        if alone { fmt::Display::fmt(self, f) } else { write!(f, "({self})") }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], is_and: bool| {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    f.write_str(if is_and { " and " } else { " or " })?;
                }
                part.write_in(is_and, f)?;
            }
            Ok(())
        };
        match self {
            // There is no word for true or false: comparisons of numbers are.
            Self::True => f.write_str("len >= 0"),
            Self::False | Self::Blind => f.write_str("len < 0"),
            Self::Leaf(load, set) => {
                let (words, is_and) = spelled(load, set);
                f.write_str(&words.join(if is_and { " and " } else { " or " }))
            }
            Self::And(parts) => joined(f, parts, true),
            Self::Or(parts) => joined(f, parts, false),
            Self::Not(part) => write!(f, "not ({part})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(load: &'static str, values: &[u32]) -> Tree {
        Tree::within(Load::octets(load, 255), &IntervalSet::from_ranges(values.iter().map(|v| (*v, *v))))
    }

    fn text(tree: Tree) -> String {
        tree.simplified().to_string()
    }

    #[test]
    fn one_load_is_asked_once() {
        let protocols = || is("ip[9]", &[6, 17]);
        assert_eq!(
            text(Tree::and([protocols(), is("ip[8]", &[1]), is("ip[9]", &[6])])),
            "ip[9] = 6 and ip[8] = 1"
        );
        assert_eq!(text(Tree::and([protocols(), is("ip[9]", &[50])])), "len < 0");
        assert_eq!(text(Tree::or([is("ip[9]", &[6]), is("ip[9]", &[17])])), "ip[9] = 6 or ip[9] = 17");
        assert_eq!(text(Tree::not(protocols())), "ip[9] != 6 and ip[9] != 17");
    }

    #[test]
    fn what_is_settled_is_not_asked_again() {
        let inner = Tree::not(Tree::and([is("ip[9]", &[6]), is("ip[8]", &[1])]));
        assert_eq!(text(Tree::and([inner.clone(), is("ip[9]", &[50])])), "ip[9] = 50");
        assert_eq!(text(Tree::and([is("ip[9]", &[6]), inner])), "ip[9] = 6 and ip[8] != 1");
        let or = Tree::or([is("ip[9]", &[6]), Tree::and([Tree::not(is("ip[9]", &[6])), Tree::word("ip")])]);
        assert_eq!(text(or), "ip[9] = 6 or ip");
    }

    #[test]
    fn words_and_lists_are_told_apart() {
        let or = Tree::or([Tree::word("ip"), Tree::word("ip6")]);
        assert_eq!(text(Tree::and([or, is("x", &[1, 3])])), "(x = 1 or x = 3) and (ip or ip6)");
        let ranges = Tree::within(Load::octets("x", 255), &IntervalSet::range(3, 9));
        assert_eq!(text(Tree::not(ranges.clone())), "x <= 2 or x >= 10");
        assert_eq!(text(Tree::or([Tree::not(Tree::word("arp")), ranges])), "not arp or (x >= 3 and x <= 9)");
    }
}
