//! What is said of a price, the same in every form for people.

use super::super::{clean, count, share};
use super::{Before, Prices, figure, long, names, reason, unsupported};
use crate::cost::{Count, GROWTH_RULES, Growth, Level, Price, RulePrice, RuleRef, Usage};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

/// The dearest rules shown to people.
const DEAREST: usize = 10;

/// A part of a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Word {
    /// Words of ours.
    Said(String),
    /// A name of the user's, with nothing in it that moves a cursor.
    Name(String),
}

/// A sentence of a report.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sentence(pub(super) Vec<Word>);

impl Sentence {
    fn said(mut self, words: impl Into<String>) -> Self {
        self.0.push(Word::Said(words.into()));
        self
    }

    fn name(mut self, name: &str) -> Self {
        self.0.push(Word::Name(clean(name).into_owned()));
        self
    }

    /// The whole of it, its parts put into a form.
    pub(super) fn text(&self, said: impl Fn(&str) -> String, name: impl Fn(&str) -> String) -> String {
        let parts = self.0.iter().map(|word| match word {
            Word::Said(words) => said(words),
            Word::Name(words) => name(words),
        });
        parts.collect()
    }
}

/// A resource and how full it is.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// What it was, where that was asked.
    pub(super) before: Option<Count>,
    pub(super) used: Count,
    pub(super) minimum: Count,
    pub(super) limit: Option<u64>,
    pub(super) room: String,
    pub(super) level: Level,
    pub(super) source: String,
}

impl Row {
    fn of(usage: &Usage<'_>, before: Option<&Usage<'_>>) -> Self {
        let unit = &usage.resource.unit;
        let verified = if usage.is_verified() { "" } else { ", not verified" };
        Self {
            name: if usage.resource.name.ends_with(&**unit) {
                usage.resource.name.clone()
            } else {
                format!("{} ({})", usage.resource.name, clean(unit))
            },
            before: before.map(|before| before.used),
            used: usage.used,
            minimum: usage.minimum,
            limit: usage.limit,
            room: usage.headroom().map_or_else(String::new, |room| count(room, "")),
            level: usage.level,
            source: format!("{}{verified}", clean(usage.source())),
        }
    }

    /// The limit in figures.
    pub(super) fn limit(&self) -> String {
        self.limit.map_or("-".to_owned(), |limit| count(limit, ""))
    }

    /// How it stands, in words: that nothing is beyond a limit which nobody knows is no comfort.
    pub(super) fn level(&self) -> &'static str {
        if self.limit.is_none() && self.level == Level::Ok { "no limit known" } else { self.level.name() }
    }

    /// The part of the limit in use, in words.
    pub(super) fn share(&self) -> String {
        self.limit.map_or_else(String::new, |limit| share(self.used.at_least, limit))
    }
}

/// Rules in a table: their name, their rule set and two figures.
#[derive(Debug)]
pub(super) struct Rules {
    /// What stands above, where not all are shown or they are those that change.
    pub(super) heading: Option<String>,
    pub(super) columns: [&'static str; 2],
    pub(super) rows: Vec<[String; 4]>,
}

/// How a resource grows.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) name: String,
    pub(super) used: [String; 3],
    pub(super) exponent: String,
    pub(super) words: &'static str,
}

/// One platform.
#[derive(Debug)]
pub(super) struct View {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) level: Level,
    pub(super) is_change: bool,
    pub(super) resources: Vec<Row>,
    /// What is said before the rules.
    pub(super) above: Vec<Sentence>,
    /// Asked for; empty where there are too few rules to say.
    pub(super) growth: Option<Vec<Grown>>,
    /// The rules; or why there are none to show.
    pub(super) rules: Result<Rules, String>,
    /// What is said after them.
    pub(super) below: Vec<Sentence>,
}

/// What is said where there are too few rules to see how a cost grows.
pub(super) fn too_few() -> String {
    format!("fewer than {GROWTH_RULES} rules say nothing of how a cost grows")
}

impl Prices<'_> {
    /// Writes what is said of each platform, an empty line between one and the next.
    pub(super) fn write_each(
        &self,
        all: bool,
        out: &mut dyn Write,
        one: fn(&View, &mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        for (number, view) in self.views(all).enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            one(&view, out)?;
        }
        Ok(())
    }

    /// What is said of each platform; of all rules, or of the dearest.
    pub(super) fn views(&self, all: bool) -> impl Iterator<Item = View> + '_ {
        self.prices.iter().enumerate().map(move |(number, price)| self.view(number, price, all))
    }

    fn view(&self, number: usize, price: &Price<'_>, all: bool) -> View {
        let before = self.before.as_ref().and_then(|before| Some((before, before.prices.get(number)?)));
        let old = |index: usize| before.and_then(|(_, old)| old.resources.get(index));
        let resources = price.resources.iter().enumerate();
        let mut above = self.of_limits(price);
        let rules = match before {
            None => self.rules(price, all),
            Some((before, old)) => self.changes(price, (before, old), all, &mut above),
        };
        View {
            name: price.device.name(),
            title: clean(&price.platform().title).into_owned(),
            level: price.level,
            is_change: before.is_some(),
            resources: resources.map(|(index, usage)| Row::of(usage, old(index))).collect(),
            above,
            growth: self.growth.as_ref().and_then(|all| all.get(number)).map(|list| grown(price, list)),
            rules,
            below: self.of_rules(price),
        }
    }

    fn of_limits(&self, price: &Price<'_>) -> Vec<Sentence> {
        let mut list = Vec::new();
        if let Some(usage) = price.binding() {
            let (room, name) = (usage.headroom().unwrap_or(0), &usage.resource.name);
            list.push(
                Sentence::default()
                    .said(format!("nearest to its limit: {name}, room for {}", count(room, ""))),
            );
        }
        for usage in &price.resources {
            let resource = &usage.resource.name;
            if let Some(at) = usage.passed_at {
                let (set, rule) = self.names(at);
                let sentence = Sentence::default()
                    .said(format!("the limit of {resource} is passed at rule "))
                    .name(rule)
                    .said(" of ")
                    .name(set);
                list.push(sentence);
            }
            if let Some(why) = usage.inexact {
                let words = format!("{resource} is known from below alone: {}", reason(why));
                list.push(Sentence::default().said(words));
            }
        }
        list
    }

    fn rules(&self, price: &Price<'_>, all: bool) -> Result<Rules, String> {
        let mut rules: Vec<&RulePrice> = price.rules.iter().collect();
        if !all {
            rules.sort_by_key(|rule| (std::cmp::Reverse(rule.entries.at_least), rule.at));
            rules.truncate(DEAREST);
        }
        if rules.is_empty() {
            return Err(format!("no rule that {} takes", price.platform().name));
        }
        let rows = rules.iter().map(|rule| {
            let (set, name) = self.names(rule.at);
            [clean(name).into_owned(), clean(set).into_owned(), figure(rule.entries), figure(rule.minimum)]
        });
        let heading = (rules.len() < price.rules.len()).then(|| {
            let (shown, all) = (count(long(rules.len()), ""), count(long(price.rules.len()), "rule"));
            format!("the {shown} dearest of {all}")
        });
        Ok(Rules { heading, columns: ["entries", "minimum"], rows: rows.collect() })
    }

    /// The rules that are new, gone, or cost another number of entries than before.
    fn changes(
        &self,
        price: &Price<'_>,
        (before, old): (&Before<'_>, &Price<'_>),
        all: bool,
        above: &mut Vec<Sentence>,
    ) -> Result<Rules, String> {
        let costs: HashMap<RuleRef, Count> = old.rules.iter().map(|rule| (rule.at, rule.entries)).collect();
        let mut rows: Vec<(u64, [String; 4])> = Vec::new();
        let mut programmed = 0;
        for rule in &price.rules {
            let pair = before.pairs.get(&rule.at);
            programmed += u64::from(pair.is_none_or(|(_, same)| !same));
            let was = pair.and_then(|(old, _)| costs.get(old));
            if was != Some(&rule.entries) {
                let (set, name) = self.names(rule.at);
                let moved = rule.entries.at_least.abs_diff(was.map_or(0, |was| was.at_least));
                let was = was.map_or_else(|| "-".to_owned(), |was| figure(*was));
                rows.push((
                    moved,
                    [clean(name).into_owned(), clean(set).into_owned(), was, figure(rule.entries)],
                ));
            }
        }
        let kept: HashSet<RuleRef> = before.pairs.values().map(|(old, _)| *old).collect();
        for rule in old.rules.iter().filter(|rule| !kept.contains(&rule.at)) {
            let (set, name) = names(before.documents, rule.at);
            let cells =
                [clean(name).into_owned(), clean(set).into_owned(), figure(rule.entries), "-".to_owned()];
            rows.push((rule.entries.at_least, cells));
        }
        if let Some(rate) = price.platform().programming_rate() {
            let seconds = count(programmed.div_ceil(rate.max(1)), "second");
            above.push(Sentence::default().said(format!(
                "programming what is new or edited takes {seconds}: {} at {rate} a second",
                count(programmed, "rule")
            )));
        }
        if rows.is_empty() {
            return Err("no rule costs another number of entries than before".to_owned());
        }
        rows.sort_by_key(|(moved, _)| std::cmp::Reverse(*moved));
        let found = rows.len();
        if !all {
            rows.truncate(DEAREST);
        }
        let heading = if rows.len() < found {
            format!("the {} largest changes of {}", count(long(rows.len()), ""), count(long(found), "rule"))
        } else {
            "what changes".to_owned()
        };
        let rows = rows.into_iter().map(|(_, cells)| cells).collect();
        Ok(Rules { heading: Some(heading), columns: ["before", "entries"], rows })
    }

    /// What is not exact, and what the platform does not take.
    fn of_rules(&self, price: &Price<'_>) -> Vec<Sentence> {
        let mut list = Vec::new();
        let mut inexact = price.rules.iter().filter_map(|rule| rule.inexact.as_ref().map(|why| (rule, why)));
        if let Some((rule, why)) = inexact.next() {
            let (_, name) = self.names(rule.at);
            let others = match inexact.count() {
                0 => String::new(),
                n => format!(", and {} likewise", count(long(n), "other rule")),
            };
            let words = format!(" is counted from below: {}{others}", reason(*why));
            list.push(Sentence::default().said("rule ").name(name).said(words));
        }
        let platform = &price.platform().name;
        let with: Vec<&RulePrice> = price.rules.iter().filter(|rule| !rule.unsupported.is_empty()).collect();
        for rule in with.iter().take(DEAREST) {
            let (set, name) = self.names(rule.at);
            let words = clean(&unsupported(rule, price.platform()).join("; ")).into_owned();
            let sentence = Sentence::default().said("rule ").name(name).said(" of ").name(set);
            list.push(sentence.said(format!(" is more than {platform} takes: {words}")));
        }
        let left = with.len().saturating_sub(DEAREST);
        if left > 0 {
            list.push(
                Sentence::default().said(format!("{} more than it takes", count(long(left), "other rule"))),
            );
        }
        for budget in &price.unknown_budgets {
            let sentence = Sentence::default().said("there is no resource ").name(budget);
            list.push(sentence.said(" to hold against its budget"));
        }
        list
    }
}

fn grown(price: &Price<'_>, list: &[Growth<'_>]) -> Vec<Grown> {
    if long(price.rules.len()) < GROWTH_RULES {
        return Vec::new();
    }
    let one = |growth: &Growth<'_>| Grown {
        name: growth.resource.name.clone(),
        used: growth.used.map(figure),
        exponent: growth.exponent().map_or_else(|| "-".to_owned(), |exponent| format!("{exponent:.2}")),
        words: match growth.exponent() {
            _ if growth.is_superlinear() => "faster than the rules",
            None => "not known",
            Some(exponent) if exponent < 0.0 => "less with more rules",
            Some(_) => "",
        },
    };
    list.iter().map(one).collect()
}
