//! Cases to start with: a packet for every rule that one comes to, and the packets at the boundaries of all rules, each
//! with what becomes of it today.

use super::boundary;
use super::cases::{decide, deciding, hit, plain, takes, without_unasked};
use crate::eval::{Decision, Hit, holds};
use crate::field::{CtState, Family, Field, Headers, Reading};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Document, Outcome, RuleSet, Verdict};
use crate::packet::words;
use crate::symbolic::{Cover, Effort, Fate, Member, Regions};
use std::collections::BTreeSet;

/// A packet with what becomes of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Start {
    /// The rule it is aimed at, by its rule set and its name.
    pub aim: (usize, String),
    /// Whether it lies at a boundary of that rule, rather than being one that the rule decides.
    pub is_boundary: bool,
    /// The rule set that decides about it.
    pub rule_set: usize,
    /// The packet in words.
    pub packet: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// The rule that decides; none where a default does.
    pub rule: Option<Hit>,
}

/// Cases to start with, and what there is no case for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Starting {
    /// The cases: those of rules, then those of boundaries.
    pub cases: Vec<Start>,
    /// Rules that no packet comes to, by rule set and name.
    pub unreachable: Vec<(usize, String)>,
    /// Rules of which nobody can say, and why.
    pub open: Vec<(usize, String, String)>,
    /// Whether some of these would have taken too much.
    pub is_spent: bool,
    /// Why boundaries of further rules are not among the cases, where they are not.
    pub is_cut: Option<Exhausted>,
    /// Packets left out because nobody can say what becomes of them.
    pub undecided: u64,
}

/// Makes cases to start with for some rule sets that packets enter by. `view` holds for the packets meant.
///
/// # Errors
///
/// There would be more cases for rules than anybody keeps, or all proofs together take too much.
pub fn cases(document: &Document, entries: &[usize], view: &Condition) -> Result<Starting, Exhausted> {
    let mut maker = Maker {
        document,
        entries,
        view,
        said: BTreeSet::new(),
        made: Meter::new(&limits::GENERATED_CASES),
        steps: Meter::new(&limits::START_STEPS),
        starting: Starting::default(),
    };
    for entry in entries {
        maker.live(*entry)?;
    }
    for index in reached(document, entries) {
        let Some(set) = document.rule_sets.get(index).filter(|set| set.kind.is_written()) else { continue };
        let made = boundary::headers::<Exhausted>(set, 0, &mut |rule, _, headers| {
            let name = set.rules.get(rule).map_or("", |rule| rule.name);
            maker.add((index, name.to_owned()), true, headers)
        });
        if let Err(exhausted) = made {
            maker.starting.is_cut = Some(exhausted);
            break;
        }
    }
    Ok(maker.starting)
}

struct Maker<'a> {
    document: &'a Document,
    entries: &'a [usize],
    view: &'a Condition,
    // Packets that a case has already, in words.
    said: BTreeSet<String>,
    made: Meter,
    steps: Meter,
    starting: Starting,
}

impl Maker<'_> {
    /// A packet for every rule that decides about packets that enter by a rule set.
    fn live(&mut self, entry: usize) -> Result<(), Exhausted> {
        let document = self.document;
        let Some(set) = document.rule_sets.get(entry) else { return Ok(()) };
        let is_list = |outcome: Outcome| {
            matches!(outcome, Outcome::Verdict(_) | Outcome::Return | Outcome::Next { held: None })
        };
        if set.rules.outcomes().all(is_list) {
            return self.of_list(entry, set);
        }
        let mut regions = Regions::new(document, holds);
        let mut live: BTreeSet<Hit> = BTreeSet::new();
        let mut open: BTreeSet<Hit> = BTreeSet::new();
        let list = match regions.ask(entry, self.view, Effort::whole(), &mut |_, _| Condition::True) {
            Ok(list) => list,
            Err(exhausted) => {
                let why = exhausted.to_string();
                self.starting.open.push((entry, "*".to_owned(), why));
                self.starting.is_spent = true;
                return Ok(());
            }
        };
        for region in list {
            let Some(rule) = region.rule.map(hit).filter(|rule| !live.contains(rule)) else { continue };
            match regions.packet(&region)? {
                Member::None => {}
                Member::Unknown => _ = open.insert(rule),
                Member::Packet(packet) => {
                    live.insert(rule);
                    self.add((rule.rule_set as usize, self.name(rule)), false, &packet)?;
                }
            }
        }
        for rule in deciding(document, reached(document, &[entry])) {
            let at = (rule.rule_set as usize, self.name(rule));
            if open.contains(&rule) && !live.contains(&rule) {
                self.starting.open.push((at.0, at.1, "what is not modelled decides".to_owned()));
            } else if !live.contains(&rule) {
                self.starting.unreachable.push(at);
            }
        }
        Ok(())
    }

    fn of_list(&mut self, entry: usize, set: &RuleSet) -> Result<(), Exhausted> {
        let mut cover = Cover::of(set, holds);
        for rule in &set.rules {
            let condition = Condition::and([self.view.clone(), rule.condition.clone()]);
            let fate = cover.next(&condition, rule.outcome)?;
            let at = (entry, rule.name.to_owned());
            match fate {
                Fate::Live(packet) => self.add(at, false, &packet)?,
                Fate::Covered(_) => self.starting.unreachable.push(at),
                Fate::Unmodelled => {
                    self.starting.open.push((at.0, at.1, "what is not modelled decides".to_owned()));
                }
                Fate::Spent(why) => {
                    self.starting.open.push((at.0, at.1, why.to_string()));
                    self.starting.is_spent = true;
                }
            }
        }
        Ok(())
    }

    /// Adds a case for a packet, as far as words can say it.
    fn add(&mut self, aim: (usize, String), is_boundary: bool, headers: &Headers) -> Result<(), Exhausted> {
        let symbols = &self.document.symbols;
        let Some(entry) = self.entry_of(headers) else { return Ok(()) };
        let rules = u64::try_from(self.document.rule_count()).unwrap_or(u64::MAX);
        self.steps.charge(rules.saturating_mul(2))?;
        let Some(headers) = self.known(entry, headers, is_boundary)? else {
            self.starting.undecided += 1;
            return Ok(());
        };
        let packet = words::print(&headers, symbols);
        // What is written is what is judged.
        let Ok(read) = words::parse(&packet, symbols) else {
            self.starting.undecided += 1;
            return Ok(());
        };
        let Decision::Verdict(verdict, rule) = decide(self.document, entry, &read)? else {
            self.starting.undecided += 1;
            return Ok(());
        };
        if self.said.insert(packet.clone()) {
            self.made.charge(1)?;
            self.starting.cases.push(Start { aim, is_boundary, rule_set: entry, packet, verdict, rule });
        }
        Ok(())
    }

    /// The rule set that a packet enters by.
    fn entry_of(&self, headers: &Headers) -> Option<usize> {
        let family = family_of(headers);
        let takes =
            |entry: &&usize| self.document.rule_sets.get(**entry).is_some_and(|set| takes(set, family));
        self.entries.iter().find(takes).copied()
    }

    /// The packet with as much said of what only the device knows as its verdict needs; none where that is not enough.
    fn known(
        &self,
        entry: usize,
        headers: &Headers,
        is_boundary: bool,
    ) -> Result<Option<Headers>, Exhausted> {
        let mut packet = headers.clone();
        let other = u32::try_from(self.document.symbols.len()).unwrap_or(u32::MAX);
        let assumed: [&[(Field, u32)]; 4] = [
            &[],
            &[(Field::CtState, CtState::New as u32)],
            &[(Field::Mark, 0), (Field::InGroup, 0), (Field::OutGroup, 0)],
            &[(Field::InIface, other), (Field::OutIface, other)],
        ];
        for fields in assumed {
            for (field, value) in fields {
                if packet.get(*field) == Reading::Cut {
                    packet.set_wide(*field, u128::from(*value));
                }
            }
            let decision = decide(self.document, entry, &packet)?;
            if matches!(decision, Decision::Verdict(..)) {
                let keeps = |packet: &Headers| decide(self.document, entry, packet) == Ok(decision);
                // At a boundary the values are what it is about.
                let shown =
                    if is_boundary { without_unasked(packet, &keeps) } else { plain(&packet, &keeps) };
                return Ok(Some(shown));
            }
        }
        Ok(None)
    }

    fn name(&self, hit: Hit) -> String {
        let set = self.document.rule_sets.get(hit.rule_set as usize);
        set.and_then(|set| set.rules.get(hit.rule as usize))
            .map_or_else(String::new, |rule| rule.name.to_owned())
    }
}

/// Rule sets and those they walk.
pub fn reached(document: &Document, entries: &[usize]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut waiting = entries.to_vec();
    while let Some(index) = waiting.pop() {
        if reached.insert(index) {
            waiting.extend(document.rule_sets.get(index).into_iter().flat_map(RuleSet::targets));
        }
    }
    reached
}

/// The family of a packet.
pub fn family_of(headers: &Headers) -> Option<Family> {
    match headers.small(Field::IpVersion) {
        Some(4) => Some(Family::Inet),
        Some(6) => Some(Family::Inet6),
        _ => None,
    }
}
