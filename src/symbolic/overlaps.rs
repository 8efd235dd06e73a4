//! Packets that two rules of a list share, whatever else stands in the list, and packets of one that others leave.

use super::buckets::prefix;
use super::cells::{Address, Cell, cells};
use super::cover::{address, asks_for_octets, misses, point, shortened};
use super::cut::{Cut, Stop, outside, parted};
use super::reach::of_family;
use super::seek::{Found, Holds, Seeker};
use crate::field::{Family, Headers};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, RuleSet};
use std::collections::{BTreeMap, BTreeSet};

/// The answer to a question about two rules.
#[derive(Clone, PartialEq, Debug)]
pub enum Shared {
    /// No such packet.
    None,
    /// This one among others.
    Packet(Box<Headers>),
    /// What is not modelled decides whether there is one.
    Unknown,
    /// The answer would take too much.
    Spent(Exhausted),
}

/// The rules of one list, by where their packets lie: IPv4 and IPv6, those of its family.
#[derive(Debug)]
pub struct Overlaps<'a> {
    set: &'a RuleSet,
    // One for each family.
    sides: Vec<Box<dyn Side>>,
    seeker: Seeker,
    steps: Meter,
}

/// Some of the rules, by index.
pub type Which<'a> = dyn Fn(u32) -> bool + 'a;

impl<'a> Overlaps<'a> {
    /// Of the rules of a rule set.
    pub fn new(set: &'a RuleSet, holds: Holds) -> Self {
        let raw = asks_for_octets(set);
        let mut sides: Vec<Box<dyn Side>> = Vec::new();
        if set.family != Family::Inet6 {
            sides.push(if raw {
                Box::new(Table::<u32, true>::new(set))
            } else {
                Box::new(Table::<u32, false>::new(set))
            });
        }
        if set.family != Family::Inet {
            sides.push(if raw {
                Box::new(Table::<u128, true>::new(set))
            } else {
                Box::new(Table::<u128, false>::new(set))
            });
        }
        Self { set, sides, seeker: Seeker::new(holds), steps: Meter::new(&limits::DELTA_STEPS) }
    }

    /// The rules among those asked about that may share packets with one, by index: all that do, and perhaps more.
    ///
    /// # Errors
    ///
    /// All questions together take too much.
    pub fn near(&mut self, rule: u32, wanted: &Which<'_>) -> Result<BTreeSet<u32>, Exhausted> {
        let mut found = BTreeSet::new();
        for side in &self.sides {
            side.near(rule, wanted, &mut self.steps, &mut found)?;
        }
        Ok(found)
    }

    /// A packet that two rules match, and none of the rules `without` names. A rule and itself: a packet of it.
    ///
    /// # Errors
    ///
    /// All questions together take too much; what this one takes is its [`Shared::Spent`].
    pub fn packet(&mut self, one: u32, other: u32, without: &Which<'_>) -> Result<Shared, Exhausted> {
        let mut answer = Shared::None;
        let Self { set, sides, seeker, steps } = self;
        let question = Question { set, rules: [one, other], without };
        for side in sides {
            match side.packet(&question, seeker, steps)? {
                Shared::None => {}
                found @ Shared::Packet(_) => return Ok(found),
                open @ (Shared::Unknown | Shared::Spent(_)) => answer = open,
            }
        }
        Ok(answer)
    }

    /// Whether one rule plainly matches all packets of another. A `false` says little.
    pub fn holds_all(&self, one: u32, of: u32) -> bool {
        self.sides.iter().all(|side| side.holds_all(one, of))
    }

    /// Whether a packet is surely matched by none of some rules.
    pub fn is_free(&self, headers: &Headers, of: &Which<'_>) -> bool {
        self.sides.iter().all(|side| side.is_free(headers, of, self.set, self.seeker.holds))
    }

    /// The part of a rule's packets that rules of a list match, by addresses, protocols and ports. None where a rule
    /// asks for something else too, or the answer would take too much.
    pub fn part(&mut self, rule: u32, by: &BTreeSet<u32>) -> Option<f64> {
        let (mut whole, mut left) = (0.0, 0.0);
        for side in &self.sides {
            let (all, rest) = side.left(rule, by)?;
            whole += all;
            left += rest;
        }
        (whole > 0.0).then(|| 1.0 - left / whole)
    }
}

struct Question<'q> {
    set: &'q RuleSet,
    rules: [u32; 2],
    without: &'q Which<'q>,
}

impl<'q> Question<'q> {
    fn conditions(&self) -> Option<[&'q Condition; 2]> {
        let all = self.set.rules.conditions();
        let [one, other] = self.rules;
        Some([all.get(one as usize)?, all.get(other as usize)?])
    }
}

/// The rules for the packets of one family.
trait Side: std::fmt::Debug {
    fn near(
        &self,
        rule: u32,
        wanted: &Which<'_>,
        steps: &mut Meter,
        to: &mut BTreeSet<u32>,
    ) -> Result<(), Exhausted>;

    fn packet(
        &self,
        question: &Question<'_>,
        seeker: &mut Seeker,
        steps: &mut Meter,
    ) -> Result<Shared, Exhausted>;

    fn holds_all(&self, one: u32, of: u32) -> bool;

    fn is_free(&self, headers: &Headers, of: &Which<'_>, set: &RuleSet, holds: Holds) -> bool;

    /// How many packets a rule has, as a part of all of the family, and how many of them other rules leave.
    fn left(&self, rule: u32, by: &BTreeSet<u32>) -> Option<(f64, f64)>;
}

#[derive(Debug)]
struct Table<A, const RAW: bool> {
    cells: Vec<Cell<A, RAW>>,
    // The rule of each cell.
    rules: Vec<u32>,
    // Where the cells of each rule end.
    ends: Vec<usize>,
    // Rules without cells.
    others: BTreeSet<u32>,
    by_destination: Prefixes<A>,
    by_source: Prefixes<A>,
}

/// Cells by the prefix that holds their addresses on one side: its first address and length.
#[derive(Debug, Default)]
struct Prefixes<A> {
    cells: BTreeMap<(A, u8), Vec<u32>>,
    lengths: BTreeSet<u8>,
}

impl<A: Address> Prefixes<A> {
    fn add(&mut self, range: (A, A), number: u32) {
        let key = prefix(range);
        self.cells.entry(key).or_default().push(number);
        self.lengths.insert(key.1);
    }

    /// Those whose prefix holds that of a range, or stands inside it: no others meet it.
    fn around(&self, range: (A, A)) -> impl Iterator<Item = &[u32]> {
        let (first, length) = prefix(range);
        let shorter = self.lengths.range(..=length);
        let shorter = shorter.filter_map(move |l| self.cells.get(&(first.masked(*l), *l)));
        let behind = self.cells.range((first, 0)..);
        let inside = behind.take_while(move |((start, _), _)| start.masked(length) == first);
        let longer = inside.filter(move |((_, l), _)| *l > length).map(|(_, list)| list);
        shorter.chain(longer).map(Vec::as_slice)
    }

    /// How many these are, of the first few prefixes.
    fn count(&self, range: (A, A)) -> usize {
        self.around(range).take(SEEN).map(<[u32]>::len).sum()
    }
}

/// Prefixes counted before one side is chosen.
const SEEN: usize = 1 << 10;
/// Packets tried before a proof.
const TRIES: u32 = 4;

impl<A: Address, const RAW: bool> Table<A, RAW> {
    fn new(set: &RuleSet) -> Self {
        let mut table = Self {
            cells: Vec::new(),
            rules: Vec::new(),
            ends: Vec::new(),
            others: BTreeSet::new(),
            by_destination: Prefixes::default(),
            by_source: Prefixes::default(),
        };
        for (rule, condition) in (0_u32..).zip(set.rules.conditions()) {
            match cells::<A, RAW>(condition) {
                Some(list) => list.into_iter().for_each(|cell| table.add(rule, cell)),
                None => _ = table.others.insert(rule),
            }
            table.ends.push(table.cells.len());
        }
        table
    }

    fn add(&mut self, rule: u32, cell: Cell<A, RAW>) {
        let number = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        self.by_destination.add(cell.dst, number);
        self.by_source.add(cell.src, number);
        self.cells.push(cell);
        self.rules.push(rule);
    }

    /// The cells of a rule; for one without, a cell that holds all of its packets and others.
    fn of(&self, rule: u32) -> Vec<Cell<A, RAW>> {
        if self.others.contains(&rule) {
            return vec![Cell::all()];
        }
        let end = |rule: usize| self.ends.get(rule).copied().unwrap_or_default();
        let start = (rule as usize).checked_sub(1).map_or(0, end);
        self.cells.get(start..end(rule as usize)).map_or_else(Vec::new, <[_]>::to_vec)
    }

    /// The cells that meet one, by number, of the rules that `wanted` names.
    fn meeting(
        &self,
        cell: &Cell<A, RAW>,
        wanted: &Which<'_>,
        steps: &mut Meter,
    ) -> Result<Vec<u32>, Exhausted> {
        // By the side that leaves fewer to look at, as far as that shows soon.
        let (by_dst, by_src) = (&self.by_destination, &self.by_source);
        let is_src = by_src.count(cell.src) < by_dst.count(cell.dst);
        let (table, range) = if is_src { (by_src, cell.src) } else { (by_dst, cell.dst) };
        let mut found = Vec::new();
        for list in table.around(range) {
            steps.charge(list.len() as u64 + 1)?;
            found.extend(list.iter().copied().filter(|number| {
                let number = *number as usize;
                self.rules.get(number).is_some_and(|rule| wanted(*rule))
                    && self.cells.get(number).is_some_and(|other| !other.is_apart(cell))
            }));
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl<A: Address, const RAW: bool> Side for Table<A, RAW> {
    fn near(
        &self,
        rule: u32,
        wanted: &Which<'_>,
        steps: &mut Meter,
        to: &mut BTreeSet<u32>,
    ) -> Result<(), Exhausted> {
        to.extend(self.others.iter().filter(|other| wanted(**other)));
        for cell in self.of(rule) {
            let met = self.meeting(&cell, wanted, steps)?;
            to.extend(met.iter().filter_map(|number| self.rules.get(*number as usize)));
        }
        Ok(())
    }

    fn packet(
        &self,
        question: &Question<'_>,
        seeker: &mut Seeker,
        steps: &mut Meter,
    ) -> Result<Shared, Exhausted> {
        let Some(conditions) = question.conditions() else { return Ok(Shared::None) };
        let all = question.set.rules.conditions();
        let others = self.others.iter().filter(|rule| (question.without)(**rule));
        let others: Vec<&Condition> = others.filter_map(|rule| all.get(*rule as usize)).collect();
        let [ones, twos] = question.rules.map(|rule| self.of(rule));
        let mut answer = Shared::None;
        for one in &ones {
            for two in twos.iter().filter(|two| !two.is_apart(one)) {
                let Some(region) = parted(one, two).1 else { continue };
                match self.within(&region, conditions, question.without, &others, seeker, steps)? {
                    Shared::None => {}
                    found @ Shared::Packet(_) => return Ok(found),
                    open @ (Shared::Unknown | Shared::Spent(_)) => answer = open,
                }
            }
        }
        Ok(answer)
    }

    fn holds_all(&self, one: u32, of: u32) -> bool {
        let whole = self.of(one);
        !self.others.contains(&one)
            && self.of(of).iter().all(|part| whole.iter().any(|cell| cell.contains(part)))
    }

    fn is_free(&self, headers: &Headers, of: &Which<'_>, set: &RuleSet, holds: Holds) -> bool {
        // A packet of another family is looked at there.
        let [Some(src), Some(dst)] = A::FIELDS.map(|field| address::<A>(headers, field)) else { return true };
        let is_src = self.by_source.count((src, src)) < self.by_destination.count((dst, dst));
        let (table, at) = if is_src { (&self.by_source, src) } else { (&self.by_destination, dst) };
        let mut near = table.around((at, at)).flatten();
        let misses_cell = |number: &u32| {
            let number = *number as usize;
            !self.rules.get(number).is_some_and(|rule| of(*rule))
                || self.cells.get(number).is_some_and(|cell| misses(cell, headers, holds))
        };
        let all = set.rules.conditions();
        let mut others =
            self.others.iter().filter(|rule| of(**rule)).filter_map(|rule| all.get(*rule as usize));
        near.all(misses_cell) && others.all(|condition| holds(condition, headers) == Some(false))
    }

    fn left(&self, rule: u32, by: &BTreeSet<u32>) -> Option<(f64, f64)> {
        if self.others.contains(&rule) || self.others.iter().any(|other| by.contains(other)) {
            return None;
        }
        let mut steps = Meter::new(&limits::COVER_STEPS);
        let mut apart: Vec<Cell<A, RAW>> = Vec::new();
        for cell in self.of(rule) {
            let mut pieces = vec![cell];
            for known in &apart {
                steps.charge(pieces.len() as u64).ok()?;
                pieces = outside(pieces, known);
            }
            apart.extend(pieces);
        }
        let whole = apart.iter().map(Cell::share).sum();
        let mut left = 0.0;
        for piece in &apart {
            let met = self.meeting(piece, &|rule| by.contains(&rule), &mut steps).ok()?;
            let met_cells = met.iter().filter_map(|number| self.cells.get(*number as usize));
            if piece.rest.is_some() || met_cells.into_iter().any(|cell| cell.rest.is_some()) {
                return None;
            }
            let mut cut = Cut::new(&self.cells, limits::COVER_STEPS.value);
            let ended = cut.left_over(piece, &met, &mut |region| {
                left += region.share();
                Ok(None::<()>)
            });
            if ended.is_err() {
                return None;
            }
        }
        Some((whole, left))
    }
}

impl<A: Address, const RAW: bool> Table<A, RAW> {
    /// A packet of a region that meets both conditions, and that none of some rules takes.
    fn within(
        &self,
        region: &Cell<A, RAW>,
        conditions: [&Condition; 2],
        without: &Which<'_>,
        others: &[&Condition],
        seeker: &mut Seeker,
        steps: &mut Meter,
    ) -> Result<Shared, Exhausted> {
        let met = self.meeting(region, without, steps)?;
        let cells: Vec<&Cell<A, RAW>> =
            met.iter().filter_map(|number| self.cells.get(*number as usize)).collect();
        let [one, two] = conditions;
        let whole = region.condition();
        let asked = [&whole, one, two];
        for attempt in 0..TRIES {
            let Some(point) = point(region, 0, attempt) else { continue };
            let Some(headers) = seeker.guesser.guess_near(A::FAMILY, &asked, &point) else { continue };
            let holds = seeker.holds;
            if asked.iter().all(|condition| holds(condition, &headers) == Some(true))
                && others.iter().all(|condition| holds(condition, &headers) == Some(false))
                && cells.iter().all(|cell| misses(cell, &headers, holds))
            {
                return Ok(Shared::Packet(Box::new(headers)));
            }
        }
        let mut unknown = false;
        let mut cut = Cut::new(&self.cells, limits::COVER_STEPS.value);
        let found = cut.left_over(region, &met, &mut |piece| {
            let condition = piece.condition();
            let asked = [&condition, one, two];
            let found = seeker.packet_near(A::FAMILY, &asked, &shortened(piece), others);
            match found.map_err(Stop::All)?.map_err(|_| Stop::Rule)? {
                Found::Packet(headers) => Ok(Some(headers)),
                Found::None => Ok(None),
                Found::Unknown => {
                    unknown = true;
                    Ok(None)
                }
            }
        });
        seeker.all.charge(cut.spent() / 64)?;
        match found {
            Ok(Some(headers)) => Ok(Shared::Packet(headers)),
            Ok(None) if unknown => Ok(Shared::Unknown),
            Ok(None) => Ok(Shared::None),
            Err(Stop::All(exhausted)) => Err(exhausted),
            Err(Stop::Rule) => {
                let taken: Vec<Condition> = cells.iter().map(|cell| cell.condition()).collect();
                let without: Vec<&Condition> = taken.iter().chain(others.iter().copied()).collect();
                let asked = [&of_family(A::FAMILY), &whole, one, two];
                Ok(match seeker.packet(&asked, &without)? {
                    Ok(Found::Packet(headers)) => Shared::Packet(headers),
                    Ok(Found::None) => Shared::None,
                    Ok(Found::Unknown) => Shared::Unknown,
                    Err(exhausted) => Shared::Spent(exhausted),
                })
            }
        }
    }
}
