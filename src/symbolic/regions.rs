//! What becomes of the packets of a condition, in regions: evaluation of all of them at once, cell by cell, with the
//! same rules for calls, stages, held verdicts and defaults as the walk over one packet.
//!
//! A rule with more alternatives than are followed is one cell with a condition that is no range, so that every
//! document has an answer, and only the allowance ends one.

use super::cells::{Address, Cell, of_condition, ports};
use super::cut::{outside, parted};
use super::join::{grouped, joined};
use super::reach::of_family;
use super::seek::{Found, Holds, Seeker};
use crate::field::{Family, Headers};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Document, Kind, Outcome, RuleSet, ValueSet, ValueSetRef, Verdict};
use std::collections::HashMap;

/// A rule that decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Decider {
    /// Index of its rule set in the document.
    pub rule_set: u32,
    /// Its own index in the rule set.
    pub rule: u32,
}

/// Packets with one fate. Regions of one question share no packet; one may hold none at all, which
/// [`Regions::packet`] finds out.
#[derive(Clone, PartialEq, Debug)]
pub struct Region {
    /// The packets.
    pub packets: Condition,
    /// How many of all packets of the family are among them, counted by addresses, protocols and ports.
    pub share: f64,
    /// What becomes of them.
    pub verdict: Verdict,
    /// The rule that decides; none where a default does.
    pub rule: Option<Decider>,
    family: Family,
}

/// What a region holds.
#[derive(Clone, PartialEq, Debug)]
pub enum Member {
    /// No packet.
    None,
    /// This one among others.
    Packet(Box<Headers>),
    /// What is not modelled decides.
    Unknown,
}

/// How much one question may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    /// Cells looked at.
    pub steps: u64,
    /// Regions kept.
    pub regions: u64,
}

impl Effort {
    /// What the limits allow.
    pub fn whole() -> Self {
        Self { steps: limits::REGION_STEPS.value, regions: limits::REGIONS.value }
    }
}

/// What must hold of the packets of a fate beside; see [`Regions::ask`].
pub type Beside<'a> = dyn FnMut(Verdict, Option<Decider>) -> Condition + 'a;

/// Answers questions about one document.
#[derive(Debug)]
pub struct Regions<'a> {
    document: &'a Document,
    // One for each family.
    engines: [Box<dyn Walks<'a> + 'a>; 2],
    seeker: Seeker,
}

impl<'a> Regions<'a> {
    /// For the rule sets of a document.
    pub fn new(document: &'a Document, holds: Holds) -> Self {
        let (mut octets, mut named) = (0_usize, 0_usize);
        for set in &document.rule_sets {
            let [of_octets, of_names] = super::cover::asked_for(set);
            octets += of_octets;
            named += of_names;
        }
        let engines: [Box<dyn Walks<'a> + 'a>; 2] = if octets > named {
            [Box::new(Engine::<u32, true>::new(document)), Box::new(Engine::<u128, true>::new(document))]
        } else {
            [Box::new(Engine::<u32, false>::new(document)), Box::new(Engine::<u128, false>::new(document))]
        };
        Self { document, engines, seeker: Seeker::new(holds) }
    }

    /// What becomes of the packets of a condition that come to a rule set: IPv4 and IPv6, those of its family. Of the
    /// packets of each fate those are in the answer of which also holds what `beside` says.
    ///
    /// # Errors
    ///
    /// It takes more than `effort`: then nothing is known.
    pub fn ask(
        &mut self,
        rule_set: usize,
        within: &Condition,
        effort: Effort,
        beside: &mut Beside<'_>,
    ) -> Result<Vec<Region>, Exhausted> {
        let Some(set) = self.document.rule_sets.get(rule_set) else { return Ok(Vec::new()) };
        let entry = u32::try_from(rule_set).unwrap_or(u32::MAX);
        let mut found = Vec::new();
        for (engine, family) in self.engines.iter_mut().zip([Family::Inet, Family::Inet6]) {
            if set.family == Family::Any || set.family == family {
                found.extend(engine.ask((entry, set), within, effort, beside)?);
            }
        }
        Ok(found)
    }

    /// A packet of a region.
    ///
    /// # Errors
    ///
    /// All questions together take too much, or this one does.
    pub fn packet(&mut self, region: &Region) -> Result<Member, Exhausted> {
        Ok(match self.seeker.packet_of(region.family, &region.packets)?? {
            Found::None => Member::None,
            Found::Packet(headers) => Member::Packet(headers),
            Found::Unknown => Member::Unknown,
        })
    }
}

impl Regions<'_> {
    /// Regions of which [`Regions::packet`] does not know whether they hold a packet, because what is not modelled decides.
    /// Where both ways of it come to the same verdict they are one region, with a packet; others are as they were. The rule
    /// of one is that by which evaluation decides, which goes on where it does not know.
    ///
    /// # Errors
    ///
    /// As [`Regions::packet`].
    pub fn settled(&mut self, unsure: Vec<Region>) -> Result<Vec<(Region, Member)>, Exhausted> {
        let mut found = Vec::with_capacity(unsure.len());
        let (four, six): (Vec<_>, Vec<_>) =
            unsure.into_iter().partition(|region| region.family == Family::Inet);
        for (list, at) in [(four, 0), (six, 1)] {
            let groups = self.engines.get(at).map_or_else(Vec::new, |engine| engine.groups(list));
            for (whole, parts) in groups {
                let member = if parts.len() > 1 { self.packet(&whole)? } else { Member::Unknown };
                match member {
                    Member::Packet(_) => found.push((whole, member)),
                    Member::None | Member::Unknown => {
                        found.extend(parts.into_iter().map(|part| (part, Member::Unknown)));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Walks with the packets of one family.
trait Walks<'a>: std::fmt::Debug {
    fn ask(
        &mut self,
        entry: (u32, &'a RuleSet),
        within: &Condition,
        effort: Effort,
        beside: &mut Beside<'_>,
    ) -> Result<Vec<Region>, Exhausted>;

    /// Regions of one verdict that are one whichever way goes what is not modelled: as one, and what they were.
    fn groups(&self, list: Vec<Region>) -> Vec<(Region, Vec<Region>)>;
}

/// The cells of the rules of a rule set, each with the index of its rule.
type List<A, const RAW: bool> = Vec<(u32, Cell<A, RAW>)>;
/// A verdict that a rule gave or holds.
type Given = (Verdict, Option<Decider>);

#[derive(Debug)]
struct Engine<'a, A, const RAW: bool> {
    document: &'a Document,
    // Those of rule sets that were walked.
    cells: HashMap<u32, List<A, RAW>>,
}

impl<'a, A: Address, const RAW: bool> Engine<'a, A, RAW> {
    fn new(document: &'a Document) -> Self {
        Self { document, cells: HashMap::new() }
    }

    fn prepare(&mut self, entry: u32) {
        let mut waiting = vec![entry];
        while let Some(index) = waiting.pop() {
            let Some(set) = self.document.rule_sets.get(index as usize) else { continue };
            if self.cells.contains_key(&index) {
                continue;
            }
            let rules = (0_u32..).zip(set.rules.conditions());
            let list = rules.flat_map(|(rule, condition)| {
                of_condition::<A, RAW>(condition).into_iter().map(move |cell| (rule, cell))
            });
            self.cells.insert(index, list.collect());
            waiting.extend(set.targets().filter_map(|target| u32::try_from(target).ok()));
        }
    }
}

impl<'a, A: Address, const RAW: bool> Walks<'a> for Engine<'a, A, RAW> {
    fn ask(
        &mut self,
        (index, set): (u32, &'a RuleSet),
        within: &Condition,
        effort: Effort,
        beside: &mut Beside<'_>,
    ) -> Result<Vec<Region>, Exhausted> {
        self.prepare(index);
        let mut walk = Walk {
            document: self.document,
            cells: &self.cells,
            steps: Meter::with_allowance(&limits::REGION_STEPS, effort.steps),
            regions: Meter::with_allowance(&limits::REGIONS, effort.regions),
            depth: Meter::new(&limits::CALL_DEPTH),
            decided: Vec::new(),
        };
        let asked = if RAW { with_octets(within) } else { within.clone() };
        let start = walk.apart(of_condition(&asked))?;
        let fates = walk.stage(index, set, start)?;
        let mut left = Vec::with_capacity(fates.len());
        for (piece, (verdict, rule)) in fates {
            let wanted = beside(verdict, rule);
            if wanted == *within || wanted == Condition::True {
                left.push((piece.cell, (verdict, rule), ()));
            } else if wanted != Condition::False {
                let inside = walk.inside(piece.cell, &wanted)?;
                left.extend(inside.into_iter().map(|cell| (cell, (verdict, rule), ())));
            }
        }
        joined(&mut left);
        let family = of_family(A::FAMILY);
        let region = |(cell, (verdict, rule), ()): (Cell<A, RAW>, Given, ())| Region {
            share: cell.share(),
            packets: if set.family == Family::Any {
                Condition::and([family.clone(), cell.condition()])
            } else {
                cell.condition()
            },
            verdict,
            rule,
            family: A::FAMILY,
        };
        Ok(left.into_iter().map(region).collect())
    }

    fn groups(&self, list: Vec<Region>) -> Vec<(Region, Vec<Region>)> {
        let mut parts = Vec::with_capacity(list.len());
        let mut groups = Vec::new();
        for region in list {
            match <[Cell<A, RAW>; 1]>::try_from(of_condition(&region.packets)) {
                Ok([cell]) => parts.push((cell, region.verdict, region)),
                Err(_) => groups.push((region.clone(), vec![region])),
            }
        }
        for (cell, group) in grouped(parts) {
            let packets = Condition::and([of_family(A::FAMILY), cell.condition()]);
            let first = group.first().cloned();
            groups.extend(first.map(|first| (Region { packets, share: cell.share(), ..first }, group)));
        }
        groups
    }
}

/// The same packets, asking for octets where ports are asked for: a port that is there is these octets.
fn with_octets(condition: &Condition) -> Condition {
    match condition {
        Condition::And(parts) => Condition::and(parts.iter().map(with_octets)),
        Condition::Or(parts) => Condition::or(parts.iter().map(with_octets)),
        Condition::Test(test) => {
            let place = ports(false).into_iter().zip(ports(true)).find(|(port, _)| *port == test.field());
            match (place, test.values()) {
                (Some((_, octets)), ValueSetRef::Ranges(set)) => {
                    let octets = Condition::test(octets, ValueSet::from(set.to_set()));
                    Condition::and([octets, condition.clone()])
                }
                _ => condition.clone(),
            }
        }
        other => other.clone(),
    }
}

/// Packets on their way.
#[derive(Clone, Debug)]
struct Piece<A, const RAW: bool> {
    cell: Cell<A, RAW>,
    // The first verdict held in this stage, a drop in preference.
    held: Option<Given>,
    // The rule by which the last stage let them through, where a rule did.
    passed: Option<Decider>,
}

struct Walk<'a, 'c, A, const RAW: bool> {
    document: &'a Document,
    cells: &'c HashMap<u32, List<A, RAW>>,
    steps: Meter,
    regions: Meter,
    depth: Meter,
    // What rules of this stage decided.
    decided: Vec<(Piece<A, RAW>, Given)>,
}

impl<'a, A: Address, const RAW: bool> Walk<'a, '_, A, RAW> {
    /// Pieces of cells that share no packet.
    fn apart(&mut self, list: Vec<Cell<A, RAW>>) -> Result<Vec<Piece<A, RAW>>, Exhausted> {
        let mut done: Vec<Cell<A, RAW>> = Vec::new();
        for cell in list {
            let mut left = vec![cell.clone()];
            for other in &done {
                self.steps.charge(left.len() as u64)?;
                left = outside(left, other);
            }
            self.regions.charge(left.len() as u64)?;
            done.extend(left);
        }
        Ok(done.into_iter().map(|cell| Piece { cell, held: None, passed: None }).collect())
    }

    /// The parts of a cell that a condition holds for.
    fn inside(&mut self, cell: Cell<A, RAW>, condition: &Condition) -> Result<Vec<Cell<A, RAW>>, Exhausted> {
        let (mut found, mut left) = (Vec::new(), vec![cell]);
        for other in of_condition(condition) {
            let mut rest = Vec::with_capacity(left.len());
            self.steps.charge(left.len() as u64)?;
            for part in left {
                if other.is_apart(&part) {
                    rest.push(part);
                    continue;
                }
                let (outside, inside) = parted(&part, &other);
                rest.extend(outside);
                found.extend(inside);
            }
            self.regions.charge(rest.len() as u64)?;
            left = rest;
        }
        Ok(found)
    }

    /// Walks a rule set to its end: the fate of all packets.
    fn stage(
        &mut self,
        index: u32,
        set: &'a RuleSet,
        start: Vec<Piece<A, RAW>>,
    ) -> Result<Vec<(Piece<A, RAW>, Given)>, Exhausted> {
        let outer = std::mem::take(&mut self.decided);
        let out = self.rules(index, set, start)?;
        let mut fates = std::mem::replace(&mut self.decided, outer);
        for (piece, given) in &mut fates {
            if let Some(held) = piece.held.filter(|(verdict, _)| verdict.is_drop()) {
                *given = held;
            }
        }
        fates.extend(out.into_iter().map(|piece| {
            let by = piece.passed.filter(|_| set.kind == Kind::Hook && !set.default.is_drop());
            let given = piece.held.unwrap_or((set.default, by));
            (piece, given)
        }));
        Ok(fates)
    }

    /// Walks the rules of a rule set; the packets that none of them decided.
    fn rules(
        &mut self,
        index: u32,
        set: &'a RuleSet,
        start: Vec<Piece<A, RAW>>,
    ) -> Result<Vec<Piece<A, RAW>>, Exhausted> {
        let list = self.cells.get(&index).map_or(&[][..], Vec::as_slice);
        let mut returned = Vec::new();
        self.steps.charge((list.len() as u64).saturating_mul(start.len() as u64))?;
        let met = (0_usize..)
            .zip(list)
            .filter(|(_, (_, cell))| start.iter().any(|piece| !cell.is_apart(&piece.cell)));
        let met: Vec<usize> = met.map(|(at, _)| at).collect();
        let mut left = start;
        let mut matched = Vec::new();
        for (number, at) in met.iter().enumerate() {
            let Some((rule, cell)) = list.get(*at) else { continue };
            let Some(outcome) = set.rules.outcome(*rule as usize) else { continue };
            if left.is_empty() && matched.is_empty() {
                break;
            }
            if outcome != (Outcome::Next { held: None }) {
                left = self.split(left, cell, &mut matched)?;
            }
            // The cells of one rule stand together.
            let next = met.get(number + 1).and_then(|at| list.get(*at));
            if next.is_some_and(|(other, _)| other == rule) {
                continue;
            }
            let by = Decider { rule_set: index, rule: *rule };
            let matched = std::mem::take(&mut matched);
            match outcome {
                Outcome::Verdict(verdict) => {
                    self.decided.extend(matched.into_iter().map(|piece| (piece, (verdict, Some(by)))));
                }
                Outcome::Next { held: None } => left.extend(matched),
                Outcome::Next { held: Some(verdict) } => left.extend(matched.into_iter().map(|mut piece| {
                    let stands = |(old, _): &Given| old.is_drop() || !verdict.is_drop();
                    piece.held = piece.held.filter(stands).or(Some((verdict, Some(by))));
                    piece
                })),
                Outcome::Return => returned.extend(matched),
                Outcome::Goto(_) => returned.extend(self.enter(outcome, matched)?),
                Outcome::Call(_) | Outcome::Stage(_) => left.extend(self.enter(outcome, matched)?),
            }
        }
        left.extend(returned);
        Ok(left)
    }

    /// Takes the parts inside of a cell out of pieces.
    fn split(
        &mut self,
        pieces: Vec<Piece<A, RAW>>,
        cell: &Cell<A, RAW>,
        matched: &mut Vec<Piece<A, RAW>>,
    ) -> Result<Vec<Piece<A, RAW>>, Exhausted> {
        self.steps.charge(pieces.len() as u64)?;
        let mut rest = Vec::with_capacity(pieces.len());
        for piece in pieces {
            if cell.is_apart(&piece.cell) {
                rest.push(piece);
                continue;
            }
            let (outside, inside) = parted(&piece.cell, cell);
            self.regions.charge(outside.len() as u64)?;
            matched.extend(inside.map(|cell| Piece { cell, ..piece.clone() }));
            rest.extend(outside.into_iter().map(|cell| Piece { cell, ..piece.clone() }));
        }
        Ok(rest)
    }

    /// Walks the rule set that an outcome names; the packets that come out of it.
    fn enter(
        &mut self,
        outcome: Outcome,
        start: Vec<Piece<A, RAW>>,
    ) -> Result<Vec<Piece<A, RAW>>, Exhausted> {
        let document = self.document;
        let Some(target) = outcome.target() else { return Ok(start) };
        let Some(set) = document.rule_sets.get(target as usize) else { return Ok(start) };
        if start.is_empty() {
            return Ok(start);
        }
        self.depth.charge(1)?;
        let out = match outcome {
            Outcome::Stage(_) if set.family != Family::Any && set.family != A::FAMILY => start,
            Outcome::Stage(_) => self.through(target, set, start)?,
            _ => self.rules(target, set, start)?,
        };
        self.depth.release(1);
        Ok(out)
    }

    /// Walks a stage; the packets that it lets through. What it holds ends with it.
    fn through(
        &mut self,
        target: u32,
        set: &'a RuleSet,
        start: Vec<Piece<A, RAW>>,
    ) -> Result<Vec<Piece<A, RAW>>, Exhausted> {
        let mut groups: Vec<(Option<Given>, Vec<Piece<A, RAW>>)> = Vec::new();
        for mut piece in start {
            let held = piece.held.take();
            match groups.iter_mut().find(|(of, _)| *of == held) {
                Some((_, pieces)) => pieces.push(piece),
                None => groups.push((held, vec![piece])),
            }
        }
        let mut out = Vec::new();
        for (held, pieces) in groups {
            for (piece, (verdict, rule)) in self.stage(target, set, pieces)? {
                if verdict.is_drop() {
                    self.decided.push((Piece { held, ..piece }, (verdict, rule)));
                } else {
                    out.push(Piece { held, passed: rule, ..piece });
                }
            }
        }
        Ok(out)
    }
}
