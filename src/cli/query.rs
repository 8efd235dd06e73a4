//! `flowgate query`: which packets get which verdict by which rules.

use super::args::Common;
use super::diff::write_packets;
use super::error::Error;
use super::inputs::Inputs;
use super::questions::Query;
use super::select::{self, Target};
use super::{Exit, output};
use crate::campaign::cases::{Expected, decide, hit, of_first_packets, plain};
use crate::config::nearest;
use crate::eval::{Decision, Hit, UNCONFIRMED, holds};
use crate::field::Headers;
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Document, Outcome, RuleSet, Verdict};
use crate::query::{self, Expression};
use crate::report::{self, Answered, Part, Rules, clean};
use crate::symbolic::{Effort, Fate, Member, Regions, among};

/// What regions may take before rules are asked one by one: nobody reads more of them.
const EFFORT: Effort = Effort { steps: 20_000_000, regions: 20_000 };

/// Asks every rule set that packets enter by, or the one named.
pub(super) fn run(options: &Query, common: &Common) -> Result<Exit, Error> {
    let target = Target::new(&options.rules);
    let (mut inputs, broken) = Inputs::read_one(&target, &options.reading, common)?;
    let [input] = inputs.all.as_slice() else { return Err(Error::SeveralFiles) };
    let document = &input.reading.document;
    let path = inputs.sources.get(input.source).name();
    let asked = expression(options, document)?;
    let mut regions = Regions::new(document, holds);
    let mut sets = Vec::new();
    for entry in select::every_entry(document, path, target.rule_set.as_deref())? {
        let Some(set) = document.rule_sets.get(entry) else { continue };
        let question = Question { document, entry, set, asked: &asked, first: options.view.first_packet };
        sets.push(report::Answer { set, found: question.answer(&mut regions) });
    }
    inputs.memory.look()?;
    let rules = Rules { sources: &inputs.sources, document };
    let answered = Answered { rules, asked: options.expression.clone(), sets };
    if let Some(path) = &options.write_pcap {
        write_packets(path, answered.parts().filter_map(|part| part.packet.as_deref()))?;
    }
    output::report(
        &options.reporting,
        common,
        |out| answered.write_terminal(out),
        |out| answered.write_json(out),
    )?;
    // That no packet was found says nothing of rules that were not read.
    let open = broken || answered.is_open();
    Ok(match (asked.asks_for_fate(), answered.finds()) {
        (true, true) => Exit::Clean,
        (true, false) if !open => Exit::Found,
        _ if open => Exit::Inconclusive,
        _ => Exit::Clean,
    })
}

/// What is asked, with the verdicts asked for beside.
fn expression(options: &Query, document: &Document) -> Result<Expression, Error> {
    let text = &options.expression;
    let asked = query::parse(text, &document.symbols).map_err(|error| Error::Expression {
        text: clean(text).into_owned(),
        column: text.get(..error.offset).map_or(0, |before| before.chars().count()) + 1,
        message: error.message,
    })?;
    for name in asked.rules() {
        known(document, name)?;
    }
    let verdicts = options.verdict.iter().filter_map(|name| Expected::by_name(name));
    let verdicts: Vec<Expression> = verdicts
        .flat_map(|expected| match expected {
            Expected::Verdict(name) => vec![Expression::Verdict(name)],
            Expected::Drop => vec![Expression::Verdict("discard"), Expression::Verdict("reject")],
        })
        .collect();
    Ok(if verdicts.is_empty() { asked } else { Expression::And(vec![asked, Expression::Or(verdicts)]) })
}

/// Whether a name means some rule: a slip would find nothing, which looks like an answer.
fn known(document: &Document, name: &str) -> Result<(), Error> {
    if document.rule_sets.iter().any(|set| set.rules.iter().any(|rule| set.means(name, &rule))) {
        return Ok(());
    }
    let names = document.rule_sets.iter().flat_map(|set| set.rules.iter().map(|rule| rule.name));
    let near = nearest(name, names).map(|near| format!("; is `{}` meant?", clean(near)));
    Err(Error::NoSuchRule { name: clean(name).into_owned(), hint: near.unwrap_or_default() })
}

struct Question<'a> {
    document: &'a Document,
    entry: usize,
    set: &'a RuleSet,
    asked: &'a Expression,
    first: bool,
}

impl Question<'_> {
    fn answer(&self, regions: &mut Regions<'_>) -> Result<Vec<Part>, String> {
        match self.by_regions(regions) {
            Ok(parts) => parts,
            // Too many regions: rule by rule, as far as this is a list.
            Err(exhausted) => self.by_rules().unwrap_or_else(|_| Err(exhausted.to_string())),
        }
    }

    fn within(&self) -> Condition {
        let within = self.asked.bound();
        if self.first { of_first_packets(within) } else { within }
    }

    /// What is asked of packets with a fate.
    fn beside(&self, verdict: Verdict, rule: Option<Hit>) -> Condition {
        self.asked.given(verdict, &|name| {
            let set = rule.and_then(|hit| self.document.rule_sets.get(hit.rule_set as usize));
            let rule = rule.and_then(|hit| Some((set?, set?.rules.get(hit.rule as usize)?)));
            rule.is_some_and(|(set, rule)| set.means(name, &rule))
        })
    }

    fn by_regions(&self, regions: &mut Regions<'_>) -> Result<Result<Vec<Part>, String>, Exhausted> {
        let mut beside = |verdict, rule: Option<_>| self.beside(verdict, rule.map(hit));
        let list = regions.ask(self.entry, &self.within(), EFFORT, &mut beside)?;
        let mut parts = Vec::new();
        let mut steps = Meter::new(&limits::CONFIRM_STEPS);
        // Of more regions than can be confirmed rules tell more, and sooner.
        let all = u64::try_from(list.len()).unwrap_or(u64::MAX);
        Meter::new(&limits::CONFIRM_STEPS).charge(all.saturating_mul(self.looks()))?;
        let (mut members, mut unsure) = (Vec::with_capacity(list.len()), Vec::new());
        for region in list {
            match regions.packet(&region)? {
                Member::Unknown => unsure.push(region),
                member => members.push((region, member)),
            }
        }
        members.extend(regions.settled(unsure)?);
        for (region, member) in members {
            let rule = region.rule.map(hit);
            let packet = match member {
                Member::None => continue,
                Member::Unknown => None,
                Member::Packet(packet) => {
                    match self.confirmed(&region.packets, &mut steps, &packet, region.verdict, rule)? {
                        Some(packet) => Some(packet),
                        None => return Ok(Err(UNCONFIRMED.to_owned())),
                    }
                }
            };
            let (packets, share) = (region.packets, Some(region.share));
            let verdict = region.verdict;
            parts.push(Part { packets, share, less_earlier: false, verdict, rule, packet });
        }
        parts.sort_by(|a, b| b.share.unwrap_or(0.0).total_cmp(&a.share.unwrap_or(0.0)));
        Ok(Ok(parts))
    }

    fn by_rules(&self) -> Result<Result<Vec<Part>, String>, String> {
        // What is asked of each fate is asked of its rule, so that one question answers it.
        let mut parts = Vec::new();
        let mut open = None;
        let within = self.within();
        let mut steps = Meter::new(&limits::CONFIRM_STEPS);
        let is_list = among(self.set, &within, holds, &mut |index, verdict, fate| {
            let rule_set = u32::try_from(self.entry).unwrap_or(u32::MAX);
            let by = index.map(|rule| Hit { rule_set, rule });
            // A rule by which packets return to the default is not named by evaluation.
            let condition =
                by.and_then(|hit| self.set.rules.get(hit.rule as usize)).map(|rule| rule.condition);
            let wanted = self.beside(verdict, by);
            let packet = match fate {
                Fate::Covered(_) => return Ok(()),
                _ if wanted == Condition::False => return Ok(()),
                // A packet of the bound need not be one asked for.
                _ if wanted != self.asked.bound() => {
                    open = Some("the question takes too much: ask it of fewer packets".to_owned());
                    return Ok(());
                }
                Fate::Live(packet) => {
                    // By a return the default decides.
                    let gives =
                        |hit: &Hit| self.set.rules.outcome(hit.rule as usize) != Some(Outcome::Return);
                    let given = by.filter(gives);
                    match self.confirmed(&within, &mut steps, &packet, verdict, given) {
                        Ok(Some(packet)) => Some(packet),
                        Ok(None) => {
                            open = Some(UNCONFIRMED.to_owned());
                            return Ok(());
                        }
                        // It was compared with the rules that it may meet.
                        Err(_) => Some(packet),
                    }
                }
                Fate::Unmodelled => None,
                Fate::Spent(exhausted) => {
                    open = Some(exhausted.to_string());
                    return Ok(());
                }
            };
            let packets = Condition::and(condition.cloned().into_iter().chain([within.clone()]));
            parts.push(Part { packets, share: None, less_earlier: true, verdict, rule: by, packet });
            Ok(())
        });
        match (is_list, open) {
            (Ok(true), None) => Ok(Ok(parts)),
            (Ok(true), Some(why)) => Ok(Err(why)),
            (Ok(false), _) => Err("no list".to_owned()),
            (Err(exhausted), _) => Err(exhausted.to_string()),
        }
    }

    /// What one packet takes: a look to confirm it, and some for plainer ones.
    fn looks(&self) -> u64 {
        const LOOKS: u64 = 4;
        u64::try_from(self.document.rule_count()).unwrap_or(u64::MAX).saturating_mul(LOOKS)
    }

    /// The packet with as little as its fate needs, if evaluation agrees on that.
    fn confirmed(
        &self,
        within: &Condition,
        steps: &mut Meter,
        packet: &Headers,
        verdict: Verdict,
        rule: Option<Hit>,
    ) -> Result<Option<Box<Headers>>, Exhausted> {
        steps.charge(self.looks())?;
        let is = Decision::Verdict(verdict, rule);
        let keeps = |packet: &Headers| {
            holds(within, packet) == Some(true) && decide(self.document, self.entry, packet) == Ok(is)
        };
        Ok(keeps(packet).then(|| Box::new(plain(packet, &keeps))))
    }
}
