//! Cases: a packet, or every packet of a condition, and what the user expects to become of it.
//!
//! A packet is put through evaluation. What is said of a condition is proven over sets of packets, and a packet that
//! refutes it is put through evaluation before anybody sees it.

use crate::eval::{Decision, Evaluator, Hit, UNCONFIRMED, holds};
use crate::field::{CtState, FIELDS, Family, Field, Headers, Reading};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Document, Outcome, RuleSet, ValueSet, Verdict};
use crate::packet::complete;
use crate::symbolic::{Decider, Effort, Fate, Member, Region, Regions, among};
use std::collections::BTreeSet;

/// The verdict a case expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// The one of this name, as [`Verdict::name`] gives it.
    Verdict(&'static str),
    /// Discard or reject.
    Drop,
}

impl Expected {
    /// The names of what can be expected.
    pub const NAMES: [&str; 5] = ["accept", "discard", "reject", "no-decision", "drop"];

    /// What a name means.
    pub fn by_name(name: &str) -> Option<Self> {
        let known = Self::NAMES.into_iter().find(|known| *known == name)?;
        Some(if known == "drop" { Self::Drop } else { Self::Verdict(known) })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verdict(name) => name,
            Self::Drop => "drop",
        }
    }

    /// Whether a verdict is the one expected.
    pub fn is(self, verdict: Verdict) -> bool {
        match self {
            Self::Verdict(name) => verdict.name() == name,
            Self::Drop => verdict.is_drop(),
        }
    }
}

/// What a case expects of the packets it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expectation {
    /// The verdict.
    pub verdict: Expected,
    /// The rule that must decide, by its name as [`RuleSet::means`] takes it.
    pub rule: Option<String>,
}

/// What became of a packet.
#[derive(Clone, PartialEq, Debug)]
pub struct Fated {
    /// The packet.
    pub packet: Box<Headers>,
    /// Its verdict.
    pub verdict: Verdict,
    /// The rule that decided; none where a default did.
    pub rule: Option<Hit>,
}

/// What came of a case.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// It is as expected.
    Passed,
    /// It is not: this packet shows it.
    Failed(Box<Fated>),
    /// Nobody can say, and why.
    Open(String),
    /// No packet of the condition comes to the rules.
    Empty,
}

/// Judges cases about one document, and knows which rules they touched.
#[derive(Debug)]
pub struct Judge<'a> {
    document: &'a Document,
    regions: Regions<'a>,
    // The document without calls, once one was needed.
    flat: Option<Document>,
    covered: BTreeSet<Hit>,
    // Rules that packets found were put through.
    confirmed: Meter,
}

/// What one condition takes before rules are asked one by one.
const FIRST: Effort = Effort { steps: 50_000_000, regions: 20_000 };

const UNMODELLED: &str = "what is not modelled decides";

impl<'a> Judge<'a> {
    /// For cases about a document.
    pub fn new(document: &'a Document) -> Self {
        Self {
            document,
            regions: Regions::new(document, holds),
            flat: None,
            covered: BTreeSet::new(),
            confirmed: Meter::new(&limits::CONFIRM_STEPS),
        }
    }

    /// The rules that decided about a packet of some case so far.
    pub fn covered(&self) -> &BTreeSet<Hit> {
        &self.covered
    }

    /// What comes of a packet in a rule set, against what is expected.
    pub fn packet(&mut self, rule_set: usize, packet: &Headers, expected: &Expectation) -> Answer {
        match decide(self.document, rule_set, packet) {
            Ok(Decision::Verdict(verdict, rule)) => {
                self.covered.extend(rule);
                if self.fits(expected, verdict, rule) {
                    Answer::Passed
                } else {
                    Answer::Failed(Box::new(Fated { packet: Box::new(packet.clone()), verdict, rule }))
                }
            }
            Ok(Decision::Unknown(hit)) => {
                let set = self.document.rule_sets.get(hit.rule_set as usize);
                let name = set.and_then(|set| set.rules.get(hit.rule as usize)).map_or("", |rule| rule.name);
                Answer::Open(format!(
                    "nobody can say whether rule `{name}` matches; `flowgate trace` says why"
                ))
            }
            Err(exhausted) => Answer::Open(exhausted.to_string()),
        }
    }

    /// What comes of all packets of a condition that come to some rule sets, no two of which take the same packets,
    /// against what is expected of each of them.
    pub fn every(&mut self, rule_sets: &[usize], within: &Condition, expected: &Expectation) -> Answer {
        let mut found = Found::default();
        for rule_set in rule_sets {
            if let Err(exhausted) = self.look(*rule_set, within, expected, &mut found) {
                found.open.get_or_insert(exhausted.to_string());
            }
        }
        match found {
            Found { wrong: Some(fated), .. } => {
                let packet = Box::new(self.shown(rule_sets, within, &fated));
                Answer::Failed(Box::new(Fated { packet, ..fated }))
            }
            Found { open: Some(why), .. } => Answer::Open(why),
            Found { any: false, .. } => Answer::Empty,
            Found { .. } => Answer::Passed,
        }
    }

    fn look(
        &mut self,
        rule_set: usize,
        within: &Condition,
        expected: &Expectation,
        found: &mut Found,
    ) -> Result<(), Exhausted> {
        let asked = self.regions.ask(rule_set, within, FIRST, &mut |_, _| Condition::True);
        let spent = match asked {
            Ok(list) => return self.of_regions(rule_set, list, expected, found),
            Err(exhausted) => exhausted,
        };
        let document = self.document;
        let Some(set) = document.rule_sets.get(rule_set) else { return Ok(()) };
        if set.targets().next().is_none() {
            let of = u32::try_from(rule_set).unwrap_or(u32::MAX);
            let is_list = among(set, within, holds, &mut |rule, verdict, fate| {
                // By a return the default decides.
                let gives = |rule: &u32| set.rules.outcome(*rule as usize) != Some(Outcome::Return);
                let rule = rule.filter(gives).map(|rule| Hit { rule_set: of, rule });
                self.of_rule(rule_set, fate, Some((verdict, rule)), expected, found)
            })?;
            return if is_list { Ok(()) } else { Err(spent) };
        }
        let flat = self.flat.get_or_insert_with(|| document.flattened(|_, _| false).into_owned());
        // Its place there is another one.
        let mut named = flat.rule_sets.iter().filter(|other| other.name == set.name);
        let (Some(list), None) = (named.next().cloned(), named.next()) else { return Err(spent) };
        let is_list = among(&list, within, holds, &mut |_, _, fate| {
            self.of_rule(rule_set, fate, None, expected, found)
        })?;
        if is_list { Ok(()) } else { Err(spent) }
    }

    /// Takes note of what becomes of the packets of a condition at one rule, which evaluation must say where it is not
    /// `known`.
    fn of_rule(
        &mut self,
        rule_set: usize,
        fate: Fate,
        known: Option<(Verdict, Option<Hit>)>,
        expected: &Expectation,
        found: &mut Found,
    ) -> Result<(), Exhausted> {
        match fate {
            Fate::Covered(_) => {}
            Fate::Live(packet) => {
                let is = match known {
                    Some(known) => known,
                    None => match self.confirm(rule_set, &packet)? {
                        Decision::Verdict(verdict, rule) => (verdict, rule),
                        Decision::Unknown(_) => {
                            found.open.get_or_insert(UNCONFIRMED.to_owned());
                            return Ok(());
                        }
                    },
                };
                self.take(rule_set, expected, is, packet, found)?;
            }
            Fate::Unmodelled => _ = found.open.get_or_insert(UNMODELLED.to_owned()),
            Fate::Spent(exhausted) => _ = found.open.get_or_insert(exhausted.to_string()),
        }
        Ok(())
    }

    /// What evaluation says of a packet found.
    fn confirm(&mut self, rule_set: usize, packet: &Headers) -> Result<Decision, Exhausted> {
        let rules = self.document.rule_count();
        self.confirmed.charge(u64::try_from(rules).unwrap_or(u64::MAX))?;
        decide(self.document, rule_set, packet)
    }

    fn of_regions(
        &mut self,
        rule_set: usize,
        mut list: Vec<Region>,
        expected: &Expectation,
        found: &mut Found,
    ) -> Result<(), Exhausted> {
        // The largest first: what is found in it is the plainest.
        list.sort_by(|a, b| b.share.total_cmp(&a.share));
        let mut unsure = Vec::new();
        for region in list {
            let rule = region.rule.map(hit);
            let is_known = rule.is_none_or(|rule| self.covered.contains(&rule));
            let fits = self.fits(expected, region.verdict, rule);
            // Of regions as expected one packet of each rule is enough.
            if (fits || found.wrong.is_some()) && is_known && found.any {
                continue;
            }
            match self.regions.packet(&region)? {
                Member::None => {}
                Member::Unknown => unsure.push(region),
                Member::Packet(packet) => {
                    self.take(rule_set, expected, (region.verdict, rule), packet, found)?;
                }
            }
        }
        for (region, member) in self.regions.settled(unsure)? {
            match member {
                Member::Packet(packet) => {
                    let is = (region.verdict, region.rule.map(hit));
                    self.take(rule_set, expected, is, packet, found)?;
                }
                Member::None | Member::Unknown => _ = found.open.get_or_insert(UNMODELLED.to_owned()),
            }
        }
        Ok(())
    }

    /// Takes note of what becomes of one packet of a condition; one that refutes the case is confirmed first.
    fn take(
        &mut self,
        rule_set: usize,
        expected: &Expectation,
        (verdict, rule): (Verdict, Option<Hit>),
        packet: Box<Headers>,
        found: &mut Found,
    ) -> Result<(), Exhausted> {
        found.any = true;
        self.covered.extend(rule);
        if found.wrong.is_none() && !self.fits(expected, verdict, rule) {
            if self.confirm(rule_set, &packet)? == Decision::Verdict(verdict, rule) {
                found.wrong = Some(Fated { packet, verdict, rule });
            } else {
                found.open.get_or_insert(UNCONFIRMED.to_owned());
            }
        }
        Ok(())
    }

    fn fits(&self, expected: &Expectation, verdict: Verdict, rule: Option<Hit>) -> bool {
        expected.verdict.is(verdict)
            && expected.rule.as_deref().is_none_or(|name| {
                rule.is_some_and(|hit| {
                    let set = self.document.rule_sets.get(hit.rule_set as usize);
                    let rule = set.and_then(|set| Some((set, set.rules.get(hit.rule as usize)?)));
                    rule.is_some_and(|(set, rule)| set.means(name, &rule))
                })
            })
    }

    /// The packet as it is shown.
    fn shown(&self, rule_sets: &[usize], within: &Condition, fated: &Fated) -> Headers {
        let is = Decision::Verdict(fated.verdict, fated.rule);
        let of = rule_sets.iter().find(|set| decide(self.document, **set, &fated.packet) == Ok(is));
        match of {
            Some(rule_set) => plain(&fated.packet, &|packet| {
                holds(within, packet) == Some(true) && decide(self.document, *rule_set, packet) == Ok(is)
            }),
            None => (*fated.packet).clone(),
        }
    }
}

/// What was found of the packets of a condition.
#[derive(Default)]
struct Found {
    any: bool,
    wrong: Option<Fated>,
    open: Option<String>,
}

/// The rules of some rule sets that give or hold a verdict, and so can be touched by cases.
pub fn deciding(document: &Document, rule_sets: impl IntoIterator<Item = usize>) -> Vec<Hit> {
    let mut list = Vec::new();
    for index in rule_sets {
        let Some(set) = document.rule_sets.get(index) else { continue };
        let gives = |rule: &u32| match set.rules.outcome(*rule as usize) {
            Some(Outcome::Verdict(_) | Outcome::Next { held: Some(_) }) => true,
            Some(
                Outcome::Next { held: None }
                | Outcome::Call(_)
                | Outcome::Goto(_)
                | Outcome::Stage(_)
                | Outcome::Return,
            )
            | None => false,
        };
        let rule_set = u32::try_from(index).unwrap_or(u32::MAX);
        let rules = (0..u32::try_from(set.rules.len()).unwrap_or(u32::MAX)).filter(gives);
        list.extend(rules.map(|rule| Hit { rule_set, rule }));
    }
    list
}

/// What a rule set does with a packet.
pub fn decide(document: &Document, rule_set: usize, packet: &Headers) -> Result<Decision, Exhausted> {
    let walk = Evaluator::new(document, rule_set);
    walk.map_or(Ok(Decision::Verdict(Verdict::NoDecision, None)), |walk| walk.decide(packet))
}

/// A packet as it is shown: with ordinary values where `keeps` does not ask for others, and without what only the device
/// knows of it where `keeps` does not rest on that.
pub fn plain(packet: &Headers, keeps: &dyn Fn(&Headers) -> bool) -> Headers {
    without_unasked(ordinary(packet).filter(keeps).unwrap_or_else(|| packet.clone()), keeps)
}

/// A packet without what only the device knows of it where `keeps` does not rest on that.
pub fn without_unasked(packet: Headers, keeps: &dyn Fn(&Headers) -> bool) -> Headers {
    let of_device = || FIELDS.iter().map(|info| info.field).filter(|field| field.is_of_device());
    let mut plain = packet;
    let known: Vec<Field> = of_device().filter(|field| plain.get(*field) != Reading::Cut).collect();
    let mut nothing = plain.clone();
    for field in &known {
        nothing.set_cut(*field);
    }
    // Most verdicts rest on none of them.
    if known.len() > 1 && keeps(&nothing) {
        return nothing;
    }
    for field in known {
        let mut less = plain.clone();
        less.set_cut(field);
        if keeps(&less) {
            plain = less;
        }
    }
    plain
}

/// The packet as its plainest words say it.
fn ordinary(packet: &Headers) -> Option<Headers> {
    const SAID: [Field; 17] = [
        Field::IpVersion,
        Field::Src4,
        Field::Dst4,
        Field::Src6,
        Field::Dst6,
        Field::Proto,
        Field::Sport,
        Field::Dport,
        Field::TcpFlags,
        Field::IcmpType,
        Field::IcmpCode,
        Field::Icmp6Type,
        Field::Icmp6Code,
        Field::Len,
        Field::IsFragHeader,
        Field::FragOff,
        Field::Mf,
    ];
    let of_device = FIELDS.iter().map(|info| info.field).filter(|field| field.is_of_device());
    let mut ordinary = Headers::new();
    for field in SAID.into_iter().chain(of_device) {
        if let Reading::Value(value) = packet.get(field) {
            ordinary.set_wide(field, value);
        }
    }
    complete(&mut ordinary).is_ok().then_some(ordinary)
}

/// The rule that regions name, as evaluation names it.
pub fn hit(rule: Decider) -> Hit {
    Hit { rule_set: rule.rule_set, rule: rule.rule }
}

/// A condition for the first packets of connections alone, unless it asks for states itself.
pub fn of_first_packets(condition: Condition) -> Condition {
    let mut asks = false;
    condition.visit(&mut |part| {
        asks |= matches!(part, Condition::Test(test) if test.field() == Field::CtState);
    });
    if asks {
        return condition;
    }
    let new = Condition::test(Field::CtState, ValueSet::single(CtState::New as u32));
    Condition::and([condition, new])
}

/// Whether packets of a family are put to a rule set.
pub fn takes(set: &RuleSet, family: Option<Family>) -> bool {
    set.family == Family::Any || family.is_none_or(|family| set.family == family)
}
