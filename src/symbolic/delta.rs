//! Where two lists of rules decide differently: the packets, what becomes of them before and after, by which rules.
//!
//! Rules that stand in both lists in one order need no look: a packet whose first rule is one of these has one fate.
//! What is left of every other rule behind the rules before it is followed through the other list, cell by cell.

use super::cells::{Address, Cell, of_condition};
use super::cover::asks_for_octets;
use super::cut::{outside, parted};
use super::join::{grouped, joined};
use super::reach::of_family;
use super::seek::{Found, Holds, Seeker};
use crate::field::{Family, Headers};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Outcome, RuleSet, Verdict};
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Packets that two lists decide differently.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// Their family.
    pub family: Family,
    /// The packets.
    pub region: Condition,
    /// How many of all packets of the family are among them, counted by addresses, protocols and ports.
    pub share: f64,
    /// What became of them.
    pub before: Verdict,
    /// What becomes of them.
    pub after: Verdict,
    /// The rule that decided, by its index; none where the default did.
    pub old_rule: Option<u32>,
    /// The rule that decides.
    pub new_rule: Option<u32>,
    /// One of them. None where what is not modelled decides whether there is one.
    pub packet: Option<Box<Headers>>,
}

/// Which way a change goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// What was dropped gets through.
    Widened,
    /// What got through is dropped.
    Narrowed,
}

impl Turn {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
        }
    }
}

impl Change {
    /// Which way it goes; none where packets get through, or do not, as before.
    pub fn turn(&self) -> Option<Turn> {
        match (self.before.is_drop(), self.after.is_drop()) {
            (true, false) => Some(Turn::Widened),
            (false, true) => Some(Turn::Narrowed),
            _ => None,
        }
    }
}

/// What tells two lists apart.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Delta {
    /// Packets with another fate, the largest share first.
    pub changes: Vec<Change>,
    /// Rules of the old list that the new one does not have at their place, by index.
    pub removed: Vec<u32>,
    /// Rules of the new list that the old one does not have.
    pub added: Vec<u32>,
    /// Families whose packets came to the old list and do not come to the new one.
    pub gone: Vec<Family>,
    /// Families whose packets come to the new list and did not come to the old one.
    pub come: Vec<Family>,
}

impl Delta {
    /// Whether packets of the same families come to both lists, and each has the same fate.
    pub fn is_equal(&self) -> bool {
        self.changes.is_empty() && self.gone.is_empty() && self.come.is_empty()
    }

    /// Whether the rules are the same, in one order.
    pub fn is_plain(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

/// Why two lists could not be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Incomparable {
    /// A rule walks another rule set, or holds a verdict.
    #[error(
        "a rule walks another rule set in more ways than are written out, or holds a verdict while others are tried"
    )]
    NoList,
    /// It takes too much.
    #[error(transparent)]
    Spent(#[from] Exhausted),
    /// What a rule alone stands for takes too much.
    #[error("{exhausted}, at rule {rule} of the {list} rules")]
    SpentAt {
        /// What was spent.
        exhausted: Exhausted,
        /// The rule, counted from 1.
        rule: u32,
        /// Of which list: `old` or `new`.
        list: &'static str,
    },
}

/// Where two lists decide differently, for the packets that come to both, and which come to one alone. Conditions with
/// many alternatives are followed whole.
///
/// # Errors
///
/// See [`Incomparable`]: then nothing is known.
pub fn delta(old: &RuleSet, new: &RuleSet, holds: Holds) -> Result<Delta, Incomparable> {
    let mut lists = [List::new(old)?, List::new(new)?];
    let [first, second] = &mut lists;
    first.end_like(second);
    second.end_like(first);
    let order = Order::new(&lists[0], &lists[1]);
    let mut seeker = Seeker::new(holds);
    let mut steps = Meter::new(&limits::DELTA_STEPS);
    let raw = asks_for_octets(old) || asks_for_octets(new);
    let [mut removed, mut added] = [true, false].map(|of_old| order.only(&lists, of_old));
    removed.extend(lists[0].last);
    added.extend(lists[1].last);
    let both = |family| old.family.takes(family) && new.family.takes(family);
    let alone = |a: &RuleSet, b: &RuleSet| {
        let families = [Family::Inet, Family::Inet6].into_iter();
        families.filter(|family| a.family.takes(*family) && !b.family.takes(*family)).collect()
    };
    let (gone, come) = (alone(old, new), alone(new, old));
    let whole = old.family == Family::Any && new.family == Family::Any;
    let mut families = Vec::new();
    if both(Family::Inet) {
        families.push(if raw {
            changes::<u32, true>(whole, &lists, &order, &mut seeker, &mut steps)
        } else {
            changes::<u32, false>(whole, &lists, &order, &mut seeker, &mut steps)
        }?);
    }
    if both(Family::Inet6) {
        families.push(if raw {
            changes::<u128, true>(whole, &lists, &order, &mut seeker, &mut steps)
        } else {
            changes::<u128, false>(whole, &lists, &order, &mut seeker, &mut steps)
        }?);
    }
    let mut changes: Vec<Change> = families.into_iter().flatten().collect();
    changes.sort_by(|a, b| b.share.total_cmp(&a.share));
    Ok(Delta { changes, removed, added, gone, come })
}

/// The rules of a list that decide.
struct List<'a> {
    // Of each: its index, condition and verdict.
    rules: Vec<(u32, &'a Condition, Verdict)>,
    default: Verdict,
    // The last rule, where it takes all that is left and is taken for the default.
    last: Option<u32>,
    family: Family,
}

impl<'a> List<'a> {
    fn new(set: &'a RuleSet) -> Result<Self, Incomparable> {
        let mut rules = Vec::with_capacity(set.rules.len());
        for (rule, index) in set.rules.iter().zip(0_u32..) {
            let verdict = match rule.outcome {
                Outcome::Verdict(verdict) => verdict,
                Outcome::Return => set.default,
                Outcome::Next { held: None } => continue,
                Outcome::Next { held: Some(_) } | Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
                    return Err(Incomparable::NoList);
                }
            };
            rules.push((index, rule.condition, verdict));
        }
        Ok(Self { rules, default: set.default, last: None, family: set.family })
    }

    /// Whether its last rule takes all that is left, and what that decides.
    fn ends(&self) -> Option<(u32, Verdict)> {
        let (index, condition, verdict) = self.rules.last()?;
        let takes_all = condition.of_packets(self.family) == Condition::True;
        takes_all.then_some((*index, *verdict))
    }

    /// Takes a last rule that takes all that is left for the default, where another list has that as its default: that
    /// one list says what the other leaves unsaid is no difference to be followed through all rules.
    fn end_like(&mut self, other: &Self) {
        if let Some((last, verdict)) = self.ends()
            && other.ends().is_none()
            && other.last.is_none()
            && other.default == verdict
        {
            self.rules.pop();
            (self.default, self.last) = (verdict, Some(last));
        }
    }
}

/// Where a rule stands: at these places of the old and of the new list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Both(usize, usize),
    Old(usize),
    New(usize),
}

impl Step {
    /// The rule that stands there: its index, condition and verdict.
    fn rule<'a>(self, [old, new]: &[List<'a>; 2]) -> Option<(u32, &'a Condition, Verdict)> {
        match self {
            Self::Both(at, _) | Self::Old(at) => old.rules.get(at).copied(),
            Self::New(at) => new.rules.get(at).copied(),
        }
    }

    /// The rule of one list that stands there, if one does.
    fn rule_of<'a>(self, [old, new]: &[List<'a>; 2], of_old: bool) -> Option<(u32, &'a Condition, Verdict)> {
        match (self, of_old) {
            (Self::Both(at, _) | Self::Old(at), true) => old.rules.get(at).copied(),
            (Self::Both(_, at) | Self::New(at), false) => new.rules.get(at).copied(),
            _ => None,
        }
    }
}

/// The rules of both lists in one order that keeps that of each.
struct Order {
    steps: Vec<Step>,
}

impl Order {
    fn new(old: &List<'_>, new: &List<'_>) -> Self {
        let state = foldhash::fast::FixedState::default();
        let keys = |list: &List<'_>| {
            let mut seen: HashMap<u64, u32> = HashMap::new();
            let digests = list.rules.iter().map(|(_, condition, verdict)| {
                let digest = state.hash_one((condition.digest(&state), verdict));
                let again = seen.entry(digest).or_default();
                *again += 1;
                (digest, *again)
            });
            digests.collect::<Vec<_>>()
        };
        let (old_keys, new_keys) = (keys(old), keys(new));
        let places: HashMap<(u64, u32), usize> = new_keys.iter().copied().zip(0..).collect();
        let same = |i: usize, j: usize| match (old.rules.get(i), new.rules.get(j)) {
            (Some((_, a, x)), Some((_, b, y))) => x == y && a.is_same(b),
            _ => false,
        };
        let pairs = old_keys.iter().zip(0..).filter_map(|(key, i)| Some((i, *places.get(key)?)));
        let pairs: Vec<(usize, usize)> = pairs.filter(|(i, j)| same(*i, *j)).collect();
        let mut steps = Vec::with_capacity(old.rules.len());
        let (mut i, mut j) = (0, 0);
        for (a, b) in ascending(&pairs) {
            steps.extend((i..a).map(Step::Old));
            steps.extend((j..b).map(Step::New));
            steps.push(Step::Both(a, b));
            (i, j) = (a + 1, b + 1);
        }
        steps.extend((i..old.rules.len()).map(Step::Old));
        steps.extend((j..new.rules.len()).map(Step::New));
        Self { steps }
    }

    /// The rules of one list alone, by index.
    fn only(&self, [old, new]: &[List<'_>; 2], of_old: bool) -> Vec<u32> {
        let index = |step: &Step| match (step, of_old) {
            (Step::Old(at), true) => old.rules.get(*at).map(|rule| rule.0),
            (Step::New(at), false) => new.rules.get(*at).map(|rule| rule.0),
            _ => None,
        };
        self.steps.iter().filter_map(index).collect()
    }
}

/// The longest choice of pairs, given by ascending first parts, whose second parts ascend too.
fn ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // Where the best choice of each length ends, and what stands before each pair in its choice.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let second = |at: usize| pairs.get(at).map_or(usize::MAX, |pair| pair.1);
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| second(*end) < pair.1);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut chosen = Vec::new();
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chosen.extend(pairs.get(at));
        next = before.get(at).copied().flatten();
    }
    chosen.reverse();
    chosen
}

/// What decided about some packets: the rule, by its place in the order, and the verdict.
type Fate = (Option<usize>, Verdict);

// `whole` where packets of more families come to the lists.
fn changes<A: Address, const RAW: bool>(
    whole: bool,
    lists: &[List<'_>; 2],
    order: &Order,
    seeker: &mut Seeker,
    steps: &mut Meter,
) -> Result<Vec<Change>, Incomparable> {
    let family = of_family(A::FAMILY);
    let mut all: Vec<(usize, Cell<A, RAW>)> = Vec::new();
    for (place, step) in order.steps.iter().enumerate() {
        let Some((_, condition, _)) = step.rule(lists) else { continue };
        all.extend(of_condition(condition).into_iter().map(|cell| (place, cell)));
    }
    let mut walk = Walk { lists, order, cells: &all, seeker, steps };
    let mut regions: Vec<(Cell<A, RAW>, Fate, Fate)> = Vec::new();
    for (place, step) in order.steps.iter().enumerate() {
        if !matches!(step, Step::Both(..)) {
            walk.follow(place, *step, &mut regions).map_err(|exhausted| {
                let rule = step.rule(lists).map_or(0, |(index, _, _)| index + 1);
                let list = if matches!(step, Step::Old(_)) { "old" } else { "new" };
                Incomparable::SpentAt { exhausted, rule, list }
            })?;
        }
    }
    walk.defaults(&mut regions)?;
    joined(&mut regions);
    let (mut found, mut unsure) = (Vec::new(), Vec::new());
    for (region, before, after) in regions {
        let within = Condition::and(whole.then(|| family.clone()).into_iter().chain([region.condition()]));
        let [old_last, new_last] = [lists[0].last, lists[1].last];
        let old_rule = before.0.map_or(old_last, |place| walk.index(place, true));
        let new_rule = after.0.map_or(new_last, |place| walk.index(place, false));
        let packet = match walk.seeker.packet_of(A::FAMILY, &within)?? {
            Found::None => continue,
            Found::Packet(headers) => Some(headers),
            Found::Unknown => None,
        };
        let change = Change {
            family: A::FAMILY,
            share: region.share(),
            region: within,
            before: before.1,
            after: after.1,
            old_rule,
            new_rule,
            packet,
        };
        if change.packet.is_some() { found.push(change) } else { unsure.push((region, change)) }
    }
    found.extend(settled(unsure, |region| {
        let within = Condition::and(whole.then(|| family.clone()).into_iter().chain([region.condition()]));
        let packet = match walk.seeker.packet_of(A::FAMILY, &within)?? {
            Found::Packet(headers) => Some(headers),
            Found::None | Found::Unknown => None,
        };
        Ok::<_, Incomparable>((within, packet))
    })?);
    Ok(found)
}

/// Changes in whose regions no packet is known, because what is not modelled decides. Where both ways of it come to the
/// same, it does not: then the regions are one, which `look` describes and finds a packet in.
fn settled<A: Address, const RAW: bool>(
    unsure: Vec<(Cell<A, RAW>, Change)>,
    mut look: impl FnMut(&Cell<A, RAW>) -> Result<(Condition, Option<Box<Headers>>), Incomparable>,
) -> Result<Vec<Change>, Incomparable> {
    let parts = unsure.into_iter().map(|(cell, change)| (cell, (change.before, change.after), change));
    let mut found = Vec::new();
    for (whole, mut group) in grouped(parts.collect()) {
        if group.len() > 1
            && let (region, Some(packet)) = look(&whole)?
            && let Some(first) = group.first_mut()
        {
            (first.region, first.share, first.packet) = (region, whole.share(), Some(packet));
            group.truncate(1);
        }
        found.append(&mut group);
    }
    Ok(found)
}

struct Walk<'a, A, const RAW: bool> {
    lists: &'a [List<'a>; 2],
    order: &'a Order,
    // The cells of all rules in order, each with the place of its rule.
    cells: &'a [(usize, Cell<A, RAW>)],
    seeker: &'a mut Seeker,
    steps: &'a mut Meter,
}

impl<A: Address, const RAW: bool> Walk<'_, A, RAW> {
    fn index(&self, place: usize, of_old: bool) -> Option<u32> {
        self.order.steps.get(place)?.rule_of(self.lists, of_old).map(|rule| rule.0)
    }

    /// What comes to a rule of one list alone, and what the other does with it.
    fn follow(
        &mut self,
        place: usize,
        step: Step,
        regions: &mut Vec<(Cell<A, RAW>, Fate, Fate)>,
    ) -> Result<(), Exhausted> {
        let is_old = matches!(step, Step::Old(_));
        let Some((_, _, verdict)) = step.rule(self.lists) else { return Ok(()) };
        let first = self.cells.partition_point(|(of, _)| *of < place);
        let (before, rest) = self.cells.split_at(first);
        let own = rest.iter().take_while(|(of, _)| *of == place).count();
        for (cell, number) in rest.iter().take(own).map(|(_, cell)| cell).zip(0..) {
            self.steps.charge(self.cells.len() as u64)?;
            let mut left = vec![cell.clone()];
            // Its own cells may overlap.
            let taken = rest.iter().take(number).chain(before);
            for (_, other) in taken.filter(|(_, other)| !other.is_apart(cell)) {
                left = self.without(left, other)?;
            }
            for region in left {
                self.elsewhere(place, is_old, (Some(place), verdict), &region, regions)?;
                bounded(regions.len())?;
            }
        }
        Ok(())
    }

    /// Follows packets that one list decides through the rules of the other, from a place on.
    fn elsewhere(
        &mut self,
        place: usize,
        is_old: bool,
        mine: Fate,
        region: &Cell<A, RAW>,
        regions: &mut Vec<(Cell<A, RAW>, Fate, Fate)>,
    ) -> Result<(), Exhausted> {
        let mut add = |part: Cell<A, RAW>, other: Fate| {
            if other.1 != mine.1 {
                regions.push(if is_old { (part, mine, other) } else { (part, other, mine) });
            }
        };
        let mut left = vec![region.clone()];
        let behind = self.cells.partition_point(|(of, _)| *of <= place);
        for (of, other) in self.cells.iter().skip(behind).filter(|(_, other)| !other.is_apart(region)) {
            let Some(step) = self.order.steps.get(*of) else { continue };
            let counts = match step {
                Step::Both(..) => true,
                Step::Old(_) => !is_old,
                Step::New(_) => is_old,
            };
            let Some((_, _, verdict)) = step.rule(self.lists).filter(|_| counts) else { continue };
            self.steps.charge(left.len() as u64)?;
            let mut rest = Vec::with_capacity(left.len());
            for part in left {
                if other.is_apart(&part) {
                    rest.push(part);
                    continue;
                }
                let (outside, inside) = parted(&part, other);
                rest.extend(outside);
                if let Some(inside) = inside {
                    add(inside, (Some(*of), verdict));
                }
            }
            left = rest;
            bounded(left.len())?;
            if left.is_empty() {
                break;
            }
        }
        let [old, new] = self.lists;
        let default = if is_old { new.default } else { old.default };
        for part in left {
            add(part, (None, default));
        }
        Ok(())
    }

    /// What no rule of either list decides, where the defaults differ.
    fn defaults(&mut self, regions: &mut Vec<(Cell<A, RAW>, Fate, Fate)>) -> Result<(), Incomparable> {
        let [old, new] = self.lists.each_ref().map(|list| (None, list.default));
        if old.1 == new.1 {
            return Ok(());
        }
        let mut left = vec![Cell::all()];
        for (_, cell) in self.cells {
            left = self.without(left, cell)?;
        }
        regions.extend(left.into_iter().map(|part| (part, old, new)));
        Ok(())
    }

    fn without(
        &mut self,
        left: Vec<Cell<A, RAW>>,
        other: &Cell<A, RAW>,
    ) -> Result<Vec<Cell<A, RAW>>, Exhausted> {
        self.steps.charge(left.len() as u64)?;
        let left = outside(left, other);
        bounded(left.len())?;
        Ok(left)
    }
}

/// Fails where there are more regions than are kept.
fn bounded(regions: usize) -> Result<(), Exhausted> {
    Meter::new(&limits::REGIONS).charge(regions as u64)
}
