//! Which rules of a list packets come to: for every rule a packet that no earlier rule takes, or the earlier rules
//! that take all of its packets.
//!
//! Most rules are settled by an index of cells: a packet that comes to mind and that no earlier cell holds, or one
//! earlier cell that holds all. For the rest the rule's cell is cut by the cells it meets until a piece is left over
//! or none is. Sets of packets are asked only whether a piece left over has a packet in it, and where cutting takes
//! too much.

use super::buckets::{Buckets, prefix};
use super::cells::{Address, Cell, Protocols, cells, ported, ports};
use super::cut::{Cut, Stop, outside};
use super::reach::of_family;
use super::seek::{Found, Holds, Seeker};
use crate::field::{Family, Field, Headers};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Outcome, Rule, RuleSet};
use crate::net::Random;
use std::collections::BTreeSet;

/// What becomes of a rule in its list.
#[derive(Clone, PartialEq, Debug)]
pub enum Fate {
    /// This packet comes to it and matches.
    Live(Box<Headers>),
    /// Earlier rules take all of its packets: these, by their index. None where no packet can match it at all.
    Covered(Vec<u32>),
    /// What is not modelled decides whether a packet comes to it.
    Unmodelled,
    /// The answer would take too much.
    Spent(Exhausted),
}

/// Judges the rules of one list in order.
#[derive(Debug)]
pub struct Cover {
    // One for each family.
    engines: Vec<Box<dyn Judge>>,
    seeker: Seeker,
    count: u32,
}

impl Cover {
    /// For the rules of a list that the packets of a family come to; `raw` where the rules ask for the octets behind the
    /// IP headers rather than for ports. Any list may be judged either way, at different speed.
    pub fn new(family: Family, raw: bool, holds: Holds) -> Self {
        let mut engines: Vec<Box<dyn Judge>> = Vec::new();
        if family != Family::Inet6 {
            engines.push(if raw {
                Box::new(Engine::<u32, true>::default())
            } else {
                Box::new(Engine::<u32, false>::default())
            });
        }
        if family != Family::Inet {
            engines.push(if raw {
                Box::new(Engine::<u128, true>::default())
            } else {
                Box::new(Engine::<u128, false>::default())
            });
        }
        Self { engines, seeker: Seeker::new(holds), count: 0 }
    }

    /// With another allowance for all rules together, in the unit of `check-nodes`.
    #[must_use]
    pub fn allowing(mut self, allowance: u64) -> Self {
        self.seeker.all = Meter::with_allowance(&limits::CHECK_NODES, allowance);
        self
    }

    /// For the rules of a rule set.
    pub fn of(set: &RuleSet, holds: Holds) -> Self {
        let mut cover = Self::new(set.family, asks_for_octets(set), holds);
        for engine in &mut cover.engines {
            engine.reserve(set.rules.len());
        }
        cover
    }

    /// The fates of a whole rule set, in order, as far as `each` goes on.
    pub fn each(
        set: &RuleSet,
        holds: Holds,
        mut each: impl FnMut(usize, &Rule<'_>, Fate) -> Result<(), Exhausted>,
    ) -> Result<(), Exhausted> {
        let mut cover = Self::of(set, holds);
        for (index, rule) in set.rules.iter().enumerate() {
            let fate = cover.next(rule.condition, rule.outcome)?;
            each(index, &rule, fate)?;
        }
        Ok(())
    }

    /// The rules of a rule set that one earlier rule takes whole, each with that rule, in order: what [`Self::each`] asks
    /// first, and all that is found without a search.
    pub fn by_one(set: &RuleSet) -> Vec<(u32, u32)> {
        let mut cover = Self::of(set, |_, _| None);
        let mut found = Vec::new();
        for rule in &set.rules {
            let index = cover.count;
            cover.count += 1;
            let mut by = BTreeSet::new();
            // Every family is asked, so that each has the rule's cells.
            let mut all = true;
            for engine in &mut cover.engines {
                all &= engine.is_held(rule.condition, &mut by);
            }
            if decides(rule.outcome) {
                for engine in &mut cover.engines {
                    engine.keep(index, all);
                }
            }
            if let (true, 1, Some(one)) = (all, by.len(), by.first()) {
                found.push((index, *one));
            }
        }
        found
    }

    /// The fate of the next rule of the list.
    ///
    /// # Errors
    ///
    /// All rules together took too much; what one rule takes is its [`Fate::Spent`].
    pub fn next(&mut self, condition: &Condition, outcome: Outcome) -> Result<Fate, Exhausted> {
        let index = self.count;
        self.count += 1;
        let mut fates = Vec::new();
        for engine in &mut self.engines {
            fates.push(engine.judge(index, condition, &mut self.seeker)?);
        }
        let fate = joined(fates);
        if decides(outcome) {
            let dead = matches!(fate, Fate::Covered(_));
            for engine in &mut self.engines {
                engine.keep(index, dead);
            }
        }
        Ok(fate)
    }

    /// The number the next rule gets, by which [`Fate::Covered`] names it.
    pub(super) fn number(&self) -> u32 {
        self.count
    }

    /// Lets the packets of a rule go on from here, those that rules behind it took included: they were kept from the
    /// rules in between alone.
    pub(super) fn release(&mut self, index: u32) -> Result<(), Exhausted> {
        for engine in &mut self.engines {
            engine.release(index, &mut self.seeker)?;
        }
        Ok(())
    }
}

/// Whether more of the first rules ask for octets than for ports.
pub(super) fn asks_for_octets(set: &RuleSet) -> bool {
    let [octets, named] = asked_for(set);
    octets > named
}

/// How many tests of the first rules ask for octets, and how many for ports.
pub(super) fn asked_for(set: &RuleSet) -> [usize; 2] {
    let (mut octets, mut named) = (0, 0);
    for condition in set.rules.conditions().iter().take(1_000) {
        condition.visit(&mut |part| {
            if let Condition::Test(test) = part {
                octets += usize::from(ports(true).contains(&test.field()));
                named += usize::from(ports(false).contains(&test.field()));
            }
        });
    }
    [octets, named]
}

/// Whether a packet that matches never comes to the next rule of the list.
fn decides(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Verdict(_) | Outcome::Return | Outcome::Goto(_) => true,
        Outcome::Next { .. } | Outcome::Call(_) | Outcome::Stage(_) => false,
    }
}

// The fate of a rule for packets of several families.
fn joined(fates: Vec<Fate>) -> Fate {
    let mut by = BTreeSet::new();
    let mut open = None;
    for fate in fates {
        match fate {
            Fate::Live(_) => return fate,
            Fate::Covered(rules) => by.extend(rules),
            Fate::Unmodelled | Fate::Spent(_) => open = Some(fate),
        }
    }
    open.unwrap_or_else(|| Fate::Covered(by.into_iter().collect()))
}

/// Judges rules for the packets of one family.
trait Judge: std::fmt::Debug {
    /// Makes room for so many rules.
    fn reserve(&mut self, rules: usize);

    /// The fate of a rule among those that are kept.
    fn judge(&mut self, index: u32, condition: &Condition, seeker: &mut Seeker) -> Result<Fate, Exhausted>;

    /// Whether each cell of a rule lies in one of a rule that is kept; these go to `by`. A `false` says little.
    fn is_held(&mut self, condition: &Condition, by: &mut BTreeSet<u32>) -> bool;

    /// Takes the rule asked about last among those that decide.
    fn keep(&mut self, index: u32, dead: bool);

    /// Takes a rule out, and its packets out of what later rules take.
    fn release(&mut self, index: u32, seeker: &mut Seeker) -> Result<(), Exhausted>;
}

/// The cells of the rules so far, of one family.
#[derive(Debug)]
struct Engine<A, const RAW: bool> {
    cells: Vec<Cell<A, RAW>>,
    // The rule of each cell.
    rules: Vec<u32>,
    buckets: Buckets<A>,
    // Rules without cells.
    others: Vec<(u32, Condition)>,
    // What the rule asked about last is made of.
    fresh: Option<Vec<Cell<A, RAW>>>,
    fresh_condition: Option<Condition>,
}

impl<A, const RAW: bool> Default for Engine<A, RAW> {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            rules: Vec::new(),
            buckets: Buckets::default(),
            others: Vec::new(),
            fresh: None,
            fresh_condition: None,
        }
    }
}

/// What cutting a cell comes to.
enum Exactly {
    Covered,
    Live(Box<Headers>),
    Unmodelled,
    // Too many steps for one rule.
    Spent,
}

/// Of so many rules that cover one together those are left out that need not.
const FEW: usize = 16;
/// Packets tried before a proof.
const TRIES: u32 = 12;

impl<A: Address, const RAW: bool> Judge for Engine<A, RAW> {
    fn reserve(&mut self, rules: usize) {
        self.cells.reserve(rules);
        self.rules.reserve(rules);
        self.buckets.reserve(rules);
    }

    fn judge(&mut self, index: u32, condition: &Condition, seeker: &mut Seeker) -> Result<Fate, Exhausted> {
        self.fresh = cells(condition);
        self.fresh_condition = None;
        let Some(list) = self.fresh.take() else {
            self.fresh_condition = Some(condition.clone());
            return self.by_sets(condition, None, seeker);
        };
        let fate = self.of_cells(index, condition, &list, seeker);
        self.fresh = Some(list);
        fate
    }

    fn is_held(&mut self, condition: &Condition, by: &mut BTreeSet<u32>) -> bool {
        self.fresh = cells(condition);
        self.fresh_condition = self.fresh.is_none().then(|| condition.clone());
        let Some(list) = &self.fresh else { return false };
        list.iter().all(|cell| {
            self.container(cell).is_some_and(|rule| {
                by.insert(rule);
                true
            })
        })
    }

    fn keep(&mut self, index: u32, dead: bool) {
        let fresh = self.fresh.take().unwrap_or_default();
        if dead {
            // What earlier rules take, it does not take.
            return;
        }
        if let Some(condition) = self.fresh_condition.take() {
            self.others.push((index, condition));
        }
        for cell in fresh {
            self.add(index, cell);
        }
    }

    fn release(&mut self, index: u32, seeker: &mut Seeker) -> Result<(), Exhausted> {
        let numbers = (0..self.cells.len()).filter(|number| self.rules.get(*number) == Some(&index));
        let left: Vec<_> = numbers.collect::<Vec<_>>().into_iter().filter_map(|n| self.take(n)).collect();
        let at = self.others.iter().position(|(rule, _)| *rule == index);
        let other = at.map(|at| self.others.remove(at).1);
        if left.is_empty() && other.is_none() {
            return Ok(());
        }
        let of = |cell: &Cell<A, RAW>| Condition::not(cell.condition());
        for (_, condition) in self.others.iter_mut().filter(|(rule, _)| *rule > index) {
            let without = left.iter().map(of).chain(other.iter().cloned().map(Condition::not));
            *condition = Condition::and([condition.clone()].into_iter().chain(without));
        }
        for number in 0..self.cells.len() {
            let Some(rule) = self.rules.get(number).copied().filter(|rule| *rule > index) else { continue };
            let meets = |cell: &Cell<A, RAW>| left.iter().any(|left| !left.is_apart(cell));
            let Some(cell) = self.cells.get(number).filter(|cell| other.is_some() || meets(cell)) else {
                continue;
            };
            if let Some(other) = &other {
                let without = left.iter().map(of).chain([Condition::not(other.clone())]);
                let rest = Condition::and([cell.condition()].into_iter().chain(without));
                self.take(number);
                self.others.push((rule, rest));
                continue;
            }
            let Some(cell) = self.take(number) else { continue };
            let mut pieces = vec![cell];
            for left in &left {
                seeker.all.charge(pieces.len() as u64)?;
                pieces = outside(pieces, left);
            }
            for piece in pieces {
                self.add(rule, piece);
            }
        }
        Ok(())
    }
}

impl<A: Address, const RAW: bool> Engine<A, RAW> {
    fn add(&mut self, rule: u32, cell: Cell<A, RAW>) {
        let number = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        self.buckets.add(number, &cell, &self.cells);
        self.cells.push(cell);
        self.rules.push(rule);
    }

    /// Takes a cell out; in its place stands one that holds no packet.
    fn take(&mut self, number: usize) -> Option<Cell<A, RAW>> {
        let cell = self.cells.get_mut(number)?;
        let nothing = Cell { protocols: Protocols::NONE, ..Cell::all() };
        let cell = std::mem::replace(cell, nothing);
        self.buckets.remove(u32::try_from(number).unwrap_or(u32::MAX), &cell);
        Some(cell)
    }

    fn of_cells(
        &self,
        index: u32,
        condition: &Condition,
        list: &[Cell<A, RAW>],
        seeker: &mut Seeker,
    ) -> Result<Fate, Exhausted> {
        let mut by = BTreeSet::new();
        let mut hard = Vec::new();
        for cell in list {
            match self.container(cell) {
                Some(rule) => _ = by.insert(rule),
                None => hard.push(cell),
            }
        }
        if hard.is_empty() {
            return Ok(Fate::Covered(by.into_iter().collect()));
        }
        for cell in &hard {
            if let Some(headers) = self.guessed(index, condition, cell, seeker) {
                return Ok(Fate::Live(headers));
            }
        }
        let mut is_open = false;
        for cell in hard {
            let mut own = BTreeSet::new();
            match self.exactly(condition, cell, &mut own, seeker)? {
                Exactly::Covered => by.extend(self.fewer(cell, own)),
                Exactly::Live(headers) => return Ok(Fate::Live(headers)),
                Exactly::Spent => match self.by_sets(condition, Some(cell), seeker)? {
                    Fate::Covered(rules) => by.extend(rules),
                    Fate::Unmodelled => is_open = true,
                    fate @ (Fate::Live(_) | Fate::Spent(_)) => return Ok(fate),
                },
                // A packet of another cell may come to it all the same.
                Exactly::Unmodelled => is_open = true,
            }
        }
        Ok(if is_open { Fate::Unmodelled } else { Fate::Covered(by.into_iter().collect()) })
    }

    /// The rule of one earlier cell that holds all of this one.
    fn container(&self, cell: &Cell<A, RAW>) -> Option<u32> {
        let found = self
            .buckets
            .around(prefix(cell.dst), prefix(cell.src))
            .find(|number| self.cells.get(*number as usize).is_some_and(|earlier| earlier.contains(cell)))?;
        self.rules.get(found as usize).copied()
    }

    /// A packet of the rule that no earlier rule takes, if one soon comes to mind.
    fn guessed(
        &self,
        index: u32,
        condition: &Condition,
        cell: &Cell<A, RAW>,
        seeker: &mut Seeker,
    ) -> Option<Box<Headers>> {
        (0..TRIES).find_map(|attempt| {
            let point = point(cell, index, attempt)?;
            let headers = seeker.guesser.guess_near(A::FAMILY, &[condition], &point)?;
            self.is_free(condition, &headers, seeker.holds).then(|| Box::new(headers))
        })
    }

    /// Whether a packet matches and surely no earlier rule takes it.
    fn is_free(&self, condition: &Condition, headers: &Headers, holds: Holds) -> bool {
        if holds(condition, headers) != Some(true) {
            return false;
        }
        let [src, dst] = A::FIELDS;
        let (Some(src), Some(dst)) = (address(headers, src), address(headers, dst)) else { return false };
        self.others.iter().all(|(_, other)| holds(other, headers) == Some(false))
            && self.buckets.around((dst, A::BITS), (src, A::BITS)).all(|number| {
                self.cells.get(number as usize).is_some_and(|cell| misses(cell, headers, holds))
            })
    }

    /// Cuts a cell by the earlier ones until a packet is found, or nothing is left but by the rules that go to `by`.
    fn exactly(
        &self,
        condition: &Condition,
        cell: &Cell<A, RAW>,
        by: &mut BTreeSet<u32>,
        seeker: &mut Seeker,
    ) -> Result<Exactly, Exhausted> {
        let met = self.cells.iter().zip(0_u32..).filter(|(earlier, _)| !earlier.is_apart(cell));
        let met: Vec<u32> = met.map(|(_, number)| number).collect();
        let mut cut = Cut::new(&self.cells, limits::COVER_STEPS.value);
        let mut unknown = false;
        let found = cut.left_over(cell, &met, &mut |region| {
            Ok(match self.packet(condition, region, seeker)? {
                Found::Packet(headers) => Some(headers),
                Found::None => {
                    by.extend(self.others.iter().map(|(rule, _)| rule));
                    None
                }
                Found::Unknown => {
                    unknown = true;
                    None
                }
            })
        });
        seeker.all.charge(cut.spent() / 64)?;
        by.extend(cut.by.iter().filter_map(|number| self.rules.get(*number as usize)));
        match found {
            Ok(None) if unknown => Ok(Exactly::Unmodelled),
            Ok(None) => Ok(Exactly::Covered),
            Ok(Some(headers)) => Ok(Exactly::Live(headers)),
            Err(Stop::Rule) => Ok(Exactly::Spent),
            Err(Stop::All(exhausted)) => Err(exhausted),
        }
    }

    /// A packet of a region that no cell meets.
    fn packet(
        &self,
        condition: &Condition,
        region: &Cell<A, RAW>,
        seeker: &mut Seeker,
    ) -> Result<Found, Stop> {
        let within = region.condition();
        let without: Vec<&Condition> = self.others.iter().map(|(_, condition)| condition).collect();
        let found = seeker.packet_near(A::FAMILY, &[&within, condition], &shortened(region), &without);
        found.map_err(Stop::All)?.map_err(|_| Stop::Rule)
    }

    /// Some of the rules that take all of a cell, without those that need not be among them.
    fn fewer(&self, cell: &Cell<A, RAW>, by: BTreeSet<u32>) -> BTreeSet<u32> {
        if by.len() < 2 || by.len() > FEW {
            return by;
        }
        let known = (0_u32..).zip(&self.rules).zip(&self.cells);
        let met = known.filter(|((_, rule), earlier)| by.contains(rule) && !earlier.is_apart(cell));
        let met: Vec<(u32, u32)> = met.map(|((number, rule), _)| (number, *rule)).collect();
        let mut left = by.clone();
        // The latest first: what stands far above is known better.
        for rule in by.iter().rev() {
            left.remove(rule);
            let met = met.iter().filter(|(_, rule)| left.contains(rule)).map(|(number, _)| *number);
            let met: Vec<u32> = met.collect();
            let mut cut = Cut::new(&self.cells, limits::COVER_DEPTH.value);
            // Whatever is left over may hold a packet.
            if !matches!(cut.left_over(cell, &met, &mut |_| Ok(Some(()))), Ok(None)) {
                left.insert(*rule);
            }
        }
        left
    }

    /// The fate of a rule, or of a cell of it, by sets of packets alone.
    fn by_sets(
        &self,
        condition: &Condition,
        cell: Option<&Cell<A, RAW>>,
        seeker: &mut Seeker,
    ) -> Result<Fate, Exhausted> {
        let mut without: Vec<(u32, Condition)> = self.others.clone();
        for (earlier, rule) in self.cells.iter().zip(&self.rules) {
            if cell.is_none_or(|cell| !earlier.is_apart(cell)) {
                without.push((*rule, earlier.condition()));
            }
        }
        let family = of_family(A::FAMILY);
        let within = cell.map_or(Condition::True, Cell::condition);
        let conditions: Vec<&Condition> = without.iter().map(|(_, condition)| condition).collect();
        Ok(match seeker.packet(&[&family, condition, &within], &conditions)? {
            Ok(Found::None) => {
                let rules: BTreeSet<u32> = without.iter().map(|(rule, _)| *rule).collect();
                Fate::Covered(rules.into_iter().collect())
            }
            Ok(Found::Packet(headers)) => Fate::Live(headers),
            Ok(Found::Unknown) => Fate::Unmodelled,
            Err(exhausted) => Fate::Spent(exhausted),
        })
    }
}

pub(super) fn address<A: Address>(headers: &Headers, field: Field) -> Option<A> {
    match headers.get(field) {
        crate::field::Reading::Value(value) => Some(A::of(value)),
        crate::field::Reading::Absent | crate::field::Reading::Cut => None,
    }
}

/// Whether a packet is surely not in a cell.
pub(super) fn misses<A: Address, const RAW: bool>(
    cell: &Cell<A, RAW>,
    headers: &Headers,
    holds: Holds,
) -> bool {
    match cell.holds(headers) {
        Some(false) => true,
        None => false,
        Some(true) => cell.rest().odd.iter().any(|(part, negated)| holds(part, headers) == Some(*negated)),
    }
}

/// Values of a packet of the cell: corners first, then wherever chance leads.
pub(super) fn point<A: Address, const RAW: bool>(
    cell: &Cell<A, RAW>,
    index: u32,
    attempt: u32,
) -> Option<Vec<(Field, u128)>> {
    let mut point = Vec::with_capacity(6);
    if attempt == 0 {
        return Some(point);
    }
    let mut random = Random(u64::from(index) << 32 | u64::from(attempt));
    let mut choose = |lo: u128, hi: u128| match attempt {
        1 => lo,
        2 => hi,
        _ => {
            let size = (hi - lo).saturating_add(1);
            lo + (u128::from(random.next()) << 64 | u128::from(random.next())) % size
        }
    };
    let ([src, dst], fields) = (A::FIELDS, ports(RAW));
    point.push((src, choose(cell.src.0.into(), cell.src.1.into())));
    point.push((dst, choose(cell.dst.0.into(), cell.dst.1.into())));
    let ports = cell.sport.1 > 0 && attempt % 4 != 3;
    let count = cell.protocols.iter().count() as u128;
    if count > 0 {
        let chosen = if ports && count > 8 {
            if attempt.is_multiple_of(2) { 6 } else { 17 }
        } else {
            cell.protocols.iter().nth(usize::try_from(choose(0, count - 1)).unwrap_or(0))?
        };
        if cell.protocols.contains(chosen) {
            point.push((Field::Proto, chosen.into()));
        }
    }
    if ports {
        let [sport, dport] = fields;
        for (field, (lo, hi)) in [(sport, cell.sport), (dport, cell.dport)] {
            if hi > 0 {
                point.push((field, choose(u128::from(lo.max(1)), hi.into()) - 1));
            }
        }
    }
    Some(point)
}

/// Values of a packet that has no ports, or no second one, where the region asks for that.
pub(super) fn shortened<A: Address, const RAW: bool>(region: &Cell<A, RAW>) -> Vec<(Field, u128)> {
    match (region.sport.0, region.sport.1, region.dport.1) {
        // Of the octets of two ports the first two.
        (1.., _, 0) => vec![(Field::L4Room, 2)],
        (0, 0, _) if !RAW && region.protocols.meets(ported()) && A::FAMILY == Family::Inet => {
            vec![(Field::FragOff, 185), (Field::L4Room, 31)]
        }
        (0, 0, _) if RAW => vec![(Field::L4Room, 0)],
        (0, _, 0) if RAW => vec![(Field::L4Room, 2)],
        _ => Vec::new(),
    }
}
