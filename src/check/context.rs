//! What checks may look at: the documents read, the sources, and what the user said of the network.

use super::Meta;
use super::change::{Change, Versions};
use super::overlapping::Overlapping;
use super::patterns::{Answer, PatternSettings, Replay};
use crate::cost::{self, Device, Price};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::Reading;
use crate::eval::holds;
use crate::field::{CtState, Field};
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Outcome, Rule, RuleSet, ValueSet};
use crate::net::{Prefix4, Prefix6};
use crate::source::{SourceId, SourceMap};
use crate::symbolic::Fates;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// One input that was read.
#[derive(Debug)]
pub struct Input {
    /// Its source.
    pub source: SourceId,
    /// The dialect it was read as.
    pub dialect: &'static str,
    /// What reading gave.
    pub reading: Reading,
}

/// A flow no drop may touch.
#[derive(Clone, PartialEq, Debug)]
pub struct Protected {
    /// Its name.
    pub name: String,
    /// Which packets belong to it.
    pub condition: Condition,
}

/// From which size on a change is large. Each is a part of the whole, from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChangeLimits {
    /// Of all packets of a family, by addresses, protocols and ports, those with another fate.
    pub share: f64,
    /// Of the rules there were, those gone or new.
    pub rules: f64,
    /// Of the values in a list of a rule, those gone or new.
    pub list: f64,
}

impl Default for ChangeLimits {
    fn default() -> Self {
        Self { share: 0.1, rules: 0.5, list: 0.5 }
    }
}

/// What the user said of the network and of the checks.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The largest packet the network carries, in octets; none when not said (9216 is assumed and only warns).
    pub mtu: Option<u32>,
    /// The network's own IPv4 prefixes.
    pub own4: Vec<Prefix4>,
    /// The network's own IPv6 prefixes.
    pub own6: Vec<Prefix6>,
    /// IPv4 prefixes of loopbacks, links and management.
    pub infrastructure4: Vec<Prefix4>,
    /// The same for IPv6.
    pub infrastructure6: Vec<Prefix6>,
    /// Flows the user protects.
    pub protect: Vec<Protected>,
    /// Levels the user set; none turns a check off.
    pub levels: BTreeMap<String, Option<Level>>,
    /// The devices on the way of the rules.
    pub platforms: Vec<Device>,
    /// What a flow rule without an action is taken to do: `Some(true)` discards, `Some(false)` accepts.
    pub assume_discard: Option<bool>,
    /// From which size on a change is large.
    pub change: ChangeLimits,
    /// What searches of regular expressions may cost.
    pub patterns: PatternSettings,
    /// Whether questions about all packets are asked of those only that open a connection.
    pub first_packet: bool,
}

impl Settings {
    /// Whether a check is on.
    pub(super) fn is_on(&self, meta: &Meta) -> bool {
        self.levels.get(meta.name).map_or(meta.default_on, Option::is_some)
    }

    /// The packets that questions about all packets are asked of.
    pub(super) fn view(&self) -> Condition {
        if self.first_packet {
            Condition::test(Field::CtState, ValueSet::single(CtState::New as u32))
        } else {
            Condition::True
        }
    }
}

/// What checks may look at.
#[derive(Debug)]
pub struct Context<'a> {
    /// The sources.
    pub sources: &'a SourceMap,
    /// The inputs.
    pub inputs: &'a [Input],
    /// What the user said.
    pub settings: &'a Settings,
    // What the inputs take the place of; none where no change is asked about.
    against: Option<&'a [Versions<'a>]>,
    fates: OnceCell<Vec<Fates>>,
    overlapping: OnceCell<Vec<Overlapping>>,
    changes: OnceCell<Vec<Change<'a>>>,
    prices: OnceCell<Vec<(&'a Input, Price<'a>)>>,
    patterns: OnceCell<Vec<Answer<'a>>>,
    /// The engine that subjects are put to beside our own matcher.
    pub(super) replay: Option<&'a dyn Replay>,
}

/// A rule with the rule set and the input it stands in.
#[derive(Clone, Copy, Debug)]
pub struct RuleAt<'a> {
    /// The input.
    pub input: &'a Input,
    /// The rule set.
    pub set: &'a RuleSet,
    /// Index of the rule set in its document.
    pub set_index: usize,
    /// The rule.
    pub rule: Rule<'a>,
    /// Index of the rule in its rule set.
    pub index: usize,
}

/// Whether a rule keeps packets from going on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drops {
    /// It discards or rejects.
    Yes,
    /// It was read without an action, and is judged as if it discarded: a finding stands one level lower.
    Assumed,
    /// It does not.
    No,
}

impl<'a> Context<'a> {
    /// Of what was read and what the user said.
    pub fn new(sources: &'a SourceMap, inputs: &'a [Input], settings: &'a Settings) -> Self {
        Self {
            sources,
            inputs,
            settings,
            against: None,
            fates: OnceCell::new(),
            overlapping: OnceCell::new(),
            changes: OnceCell::new(),
            prices: OnceCell::new(),
            patterns: OnceCell::new(),
            replay: None,
        }
    }

    /// With an engine that subjects of regular expressions are put to before they are shown.
    #[must_use]
    pub fn replayed_on(mut self, engine: Option<&'a dyn Replay>) -> Self {
        self.replay = engine;
        self
    }

    /// What is known of the regular expressions of each input, found once.
    pub(super) fn patterns(&self) -> &[Answer<'a>] {
        let all = self.inputs.iter().flat_map(|input| &input.reading.document.patterns);
        let of = |pattern| Answer::of(pattern, &self.settings.patterns);
        self.patterns.get_or_init(|| all.map(of).collect())
    }

    /// Of a change: `versions` pairs what was with what is to be, every new one an element of the inputs.
    #[must_use]
    pub fn against(mut self, versions: &'a [Versions<'a>]) -> Self {
        self.against = Some(versions);
        self
    }

    /// What the inputs take the place of.
    pub(super) fn versions(&self) -> &'a [Versions<'a>] {
        self.against.unwrap_or_default()
    }

    /// Each input that was there before the change beside what it was, compared once.
    pub(super) fn changes(&self) -> &[Change<'a>] {
        let view = self.settings.view();
        let of = |versions: &Versions<'a>| Change::of(versions, &view);
        self.changes.get_or_init(|| self.versions().iter().filter_map(of).collect())
    }

    /// What becomes of the rules of each input, asked once.
    pub fn fates(&self) -> impl Iterator<Item = (&'a Input, &Fates)> {
        let view = self.settings.view();
        let of = |input: &Input| Fates::of(&input.reading.document, &view, holds);
        self.inputs.iter().zip(self.fates.get_or_init(|| self.inputs.iter().map(of).collect()))
    }

    /// Which rules of each input share packets with rules before them that do otherwise, asked once.
    pub(super) fn overlapping(&self) -> impl Iterator<Item = (&'a Input, &Overlapping)> {
        let all = || self.fates().map(|(input, fates)| Overlapping::of(input, fates)).collect();
        self.inputs.iter().zip(self.overlapping.get_or_init(all))
    }

    /// What each input costs each device on the way, priced once: one input is the configuration of one device.
    pub(super) fn prices(&self) -> &[(&'a Input, Price<'a>)] {
        let devices = || self.settings.platforms.iter();
        let priced = |device: &'a Device, input: &'a Input| {
            let mut meter = Meter::new(&limits::COST_TOTAL_STEPS);
            (input, cost::price(&input.reading.document, device, &mut meter))
        };
        let all = || devices().flat_map(|device| self.inputs.iter().map(move |input| priced(device, input)));
        self.prices.get_or_init(|| all().collect())
    }

    /// Every rule that someone wrote, of every input, in order.
    pub fn rules(&self) -> impl Iterator<Item = RuleAt<'a>> + use<'a> {
        self.inputs.iter().flat_map(RuleAt::all)
    }
}

impl<'a> RuleAt<'a> {
    /// The rule of an input at a place; none where there is none.
    pub(super) fn of(input: &'a Input, set_index: usize, index: usize) -> Option<Self> {
        let set = input.reading.document.rule_sets.get(set_index)?;
        Some(Self { input, set, set_index, rule: set.rules.get(index)?, index })
    }

    /// Every rule of an input that someone wrote, in order.
    pub fn all(input: &'a Input) -> impl Iterator<Item = Self> + use<'a> {
        let sets = input.reading.document.rule_sets.iter().enumerate();
        sets.filter(|(_, set)| set.kind.is_written()).flat_map(move |(set_index, set)| {
            let rules = set.rules.iter().enumerate();
            rules.map(move |(index, rule)| Self { input, set, set_index, rule, index })
        })
    }

    /// Whether the rule keeps what it matches from going on.
    pub fn drops(&self, settings: &Settings) -> Drops {
        let verdict = match self.rule.outcome {
            Outcome::Verdict(verdict) => Some(verdict),
            Outcome::Next { held } => held,
            Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) | Outcome::Return => None,
        };
        if verdict.is_some_and(crate::ir::Verdict::is_drop) {
            return Drops::Yes;
        }
        match (self.rule.action_given, settings.assume_discard) {
            (true, _) | (false, Some(false)) => Drops::No,
            (false, Some(true)) => Drops::Yes,
            (false, None) => Drops::Assumed,
        }
    }

    /// A finding about this rule, on the whole of it, at the check's own level.
    pub fn finding(&self, meta: &'static Meta, message: impl Into<String>) -> Diagnostic {
        let origin = self.rule.origin;
        Diagnostic::new(meta.name, meta.level, message, Label::new(origin.source, origin.span))
            .in_rule(self.set.name.clone(), self.rule.name)
    }

    /// A finding about what this rule drops: one level lower, saying why, where the drop is an assumption.
    /// None where the rule drops nothing.
    pub fn drop_finding(
        &self,
        meta: &'static Meta,
        settings: &Settings,
        message: impl Into<String>,
    ) -> Option<Diagnostic> {
        match self.drops(settings) {
            Drops::No => None,
            Drops::Yes => Some(self.finding(meta, message)),
            Drops::Assumed => {
                let mut finding = self.finding(meta, message).with_note(
                    "the rule has no action given and is judged as if it discarded; `--assume-action` settles it",
                );
                finding.level = meta.level.lowered();
                Some(finding)
            }
        }
    }
}
