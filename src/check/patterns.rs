//! What is known of the regular expressions of the inputs, found once for all checks that ask.

use super::{Context, Findings, Inconclusive, Meta};
use crate::diagnostic::{Diagnostic, Label};
use crate::ir::Pattern;
use crate::regex::{self, Analysis, Growth, Node, ParseError, Program, Witness};
use std::fmt;

/// How the engine that the patterns are for searches.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PatternEngine {
    /// It tries one way after the other, as PCRE2 does: what matters is steps.
    #[default]
    Backtracking,
    /// It follows all ways at once, as RE2, Go and Rust do: what matters is states.
    Linear,
    /// It follows one state of an automaton made before, as Hyperscan does in part: what matters is its states.
    Automaton,
}

impl PatternEngine {
    /// The words of `flowgate.toml`.
    pub const NAMES: [(&'static str, Self); 3] =
        [("backtracking", Self::Backtracking), ("linear", Self::Linear), ("automaton", Self::Automaton)];
}

/// What the user said of regular expressions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PatternSettings {
    /// How the engine searches.
    pub engine: PatternEngine,
    /// The longest subject, in octets; that of the dialect where not said.
    pub max_subject: Option<u64>,
    /// The steps one search may take.
    pub step_budget: u64,
    /// The states an automaton may have, and the octets of a compiled pattern where the engine has no automaton.
    pub max_states: u64,
}

impl Default for PatternSettings {
    fn default() -> Self {
        Self {
            engine: PatternEngine::default(),
            max_subject: None,
            // About a second of one core.
            step_budget: 100_000_000,
            // The longest compiled pattern of PCRE2 with links of two octets.
            max_states: 65_536,
        }
    }
}

/// An engine that subjects are put to beside our own matcher.
pub trait Replay: fmt::Debug {
    /// Its name, with its version.
    fn name(&self) -> String;

    /// What it counts for a search of each subject; none where it stops before the end.
    ///
    /// # Errors
    ///
    /// Why there is no count, in words.
    fn counts(&self, pattern: &Pattern, subjects: &[Vec<u8>]) -> Result<Vec<Option<u64>>, String>;

    /// Whether it counts anew at each place of a subject that a match may begin at, and shows the largest: a power less
    /// than the whole search takes, where that begins at every place.
    fn counts_one_start(&self) -> bool {
        false
    }
}

/// What is known of one pattern.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) pattern: &'a Pattern,
    /// Its tree, or why it has none.
    pub(super) tree: Result<Node, ParseError>,
    /// How long a search takes; none where the engine does not go one way after the other.
    pub(super) analysis: Option<Result<Analysis, crate::guard::Exhausted>>,
    /// The longest subject.
    pub(super) subject: u64,
}

impl<'a> Answer<'a> {
    pub(super) fn of(pattern: &'a Pattern, settings: &PatternSettings) -> Self {
        let tree = regex::parse(&pattern.text, pattern.flags);
        let asked = settings.engine == PatternEngine::Backtracking;
        let analyse = |tree: &Node| Program::new(tree).and_then(|program| regex::analyse(tree, &program));
        let searched = tree.as_ref().ok().filter(|tree| asked && !Self::is_refused(tree, settings));
        let analysis = searched.map(analyse);
        let subject = settings.max_subject.unwrap_or(pattern.subject);
        Self { pattern, tree, analysis, subject }
    }

    /// Whether the engine refuses it for its size, so that there are no searches to ask about.
    pub(super) fn is_refused(tree: &Node, settings: &PatternSettings) -> bool {
        settings.engine == PatternEngine::Backtracking
            && regex::compiled(tree) > settings.max_states.max(PatternSettings::default().max_states)
    }

    /// What is known of searches, where something is.
    pub(super) fn known(&self) -> Option<&Analysis> {
        self.analysis.as_ref()?.as_ref().ok()
    }

    /// A finding on the whole of the pattern.
    pub(super) fn finding(&self, meta: &'static Meta, message: impl Into<String>) -> Diagnostic {
        let origin = self.pattern.origin;
        let label = Label::new(origin.source, origin.span);
        Diagnostic::new(meta.name, meta.level, message, label).in_rule(PATTERNS, &*self.pattern.name)
    }

    /// A finding with what shows it: the subjects, and the steps they took.
    pub(super) fn shown(
        &self,
        cx: &Context<'_>,
        meta: &'static Meta,
        analysis: &Analysis,
        message: String,
    ) -> Diagnostic {
        let witness = &analysis.witness;
        let mut finding = self
            .finding(meta, message)
            .with_note(format!("subject: {}", described(witness)))
            .with_note(replays(witness));
        if let Some(engine) = cx.replay {
            finding = finding.with_note(self.on(engine, analysis));
        }
        if let (Some(bound), Growth::Power(power)) = (analysis.bound, analysis.growth)
            && bound > power
            && analysis.counted.is_none()
        {
            finding =
                finding.with_note(format!("other subjects may take longer, up to the power of {bound}"));
        }
        finding
    }

    /// What another engine counts for the subjects, and for the same beside what it may look for before it searches
    /// where that takes it longer.
    fn on(&self, engine: &dyn Replay, analysis: &Analysis) -> String {
        let witness = &analysis.witness;
        let mut rounds: Vec<u32> = last_of(witness).into_iter().map(|(rounds, _)| rounds).collect();
        // An engine that leaves work out shows later how it grows.
        let (most, _) = witness.last();
        let times: &[u32] = if matches!(analysis.growth, Growth::Exponential(_)) { &[] } else { &[4, 16] };
        let more = times.iter().map(|times| most.saturating_mul(*times));
        rounds.extend(more.filter(|rounds| {
            let octets = witness.octets(*rounds);
            octets <= ENGINE_OCTETS && analysis.worst_steps(octets) <= ENGINE_STEPS
        }));
        let count = |witness: &Witness| {
            let subjects: Vec<Vec<u8>> = rounds.iter().map(|rounds| witness.subject(*rounds)).collect();
            engine.counts(self.pattern, &subjects)
        };
        let name = engine.name();
        let plain = match count(witness) {
            Ok(counts) => counts,
            Err(reason) => return format!("`{name}` has no count: {reason}"),
        };
        let taken = &*analysis.taken;
        let mut said = format!("`{name}` counts {} for n = {}", counted(&plain), list(&rounds));
        let mut longer = None;
        let line = [taken, b"\n"].concat();
        // As long as a match is at least, and nothing of it.
        let other = OTHERS.iter().find(|octet| !taken.contains(octet) && !witness.subject(1).contains(octet));
        let filled: Vec<u8> = other.map(|octet| vec![*octet; taken.len()]).unwrap_or_default();
        let both = [&*filled, taken].concat();
        let none = &[][..];
        for (before, behind) in
            [(taken, none), (none, taken), (&*line, none), (none, &*filled), (none, &*both)]
        {
            let beside = witness.between(before, behind);
            // A count that is not there is no reason to hide that of the subject itself.
            let known = longer.as_ref().map_or(&plain, |(_, counts)| counts);
            // What already takes more than it is allowed shows enough.
            if known.contains(&None) {
                break;
            }
            if let Some(counts) = count(&beside).ok().filter(|counts| is_longer(counts, known)) {
                longer = Some((beside, counts));
            }
        }
        if let Some((beside, counts)) = longer {
            said = format!("{said}; and {} for {}", counted(&counts), described(&beside));
        }
        if engine.counts_one_start() && matches!(analysis.growth, Growth::Power(2..)) {
            said += " (of one place to begin at; a search that begins at every place takes a power more)";
        }
        said
    }

    /// Says that there is no answer.
    pub(super) fn no_answer(&self, meta: &'static Meta, out: &mut Findings, reason: impl Into<String>) {
        out.inconclusive.push(Inconclusive {
            check: meta.name,
            rule_set: Some(PATTERNS.to_owned()),
            rule: Some(self.pattern.name.to_string()),
            reason: reason.into(),
        });
    }
}

/// Steps, by our own count, of the longest subject that another engine is given beside those replayed. It takes each
/// subject some thirty times to find its count, and has seconds for that.
const ENGINE_STEPS: f64 = 1e7;

/// Octets of which one is not in a subject, to make it longer with.
const OTHERS: &[u8] = b"!b0 ~\x01\x02";

/// Octets of the longest subject that another engine is given.
const ENGINE_OCTETS: u64 = 8_192;

fn list(items: impl IntoIterator<Item = impl ToString>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// Whether counts are clearly larger than others of the same rounds, where both are there.
fn is_longer(counts: &[Option<u64>], than: &[Option<u64>]) -> bool {
    let mut both = counts.iter().zip(than).filter_map(|(one, other)| one.zip(*other));
    both.next_back().is_some_and(|(one, other)| one > other.saturating_mul(2))
}

fn counted(counts: &[Option<u64>]) -> String {
    list(
        counts
            .iter()
            .map(|count| count.map_or("more than it is allowed".to_owned(), |count| count.to_string())),
    )
}

/// The rule set that findings name for rules that are read for their patterns alone.
pub const PATTERNS: &str = "patterns";

/// The replays that are shown: the last, and those of half and a quarter of its rounds.
fn last_of(witness: &Witness) -> Vec<(u32, u64)> {
    let (last, _) = witness.last();
    let below = |most: u32| witness.replayed.iter().rev().find(|(rounds, _)| *rounds <= most).copied();
    let mut shown: Vec<(u32, u64)> = [last / 4, last / 2, last].into_iter().filter_map(below).collect();
    shown.dedup();
    shown
}

fn replays(witness: &Witness) -> String {
    let last = last_of(witness);
    let rounds = list(last.iter().map(|(rounds, _)| rounds));
    let steps = list(last.iter().map(|(_, steps)| steps));
    let octets = list(last.iter().map(|(rounds, _)| witness.octets(*rounds)));
    format!("replayed: {octets} octets (n = {rounds}) took {steps} steps")
}

/// Octets of a part of a subject that are shown.
const SHOWN: usize = 60;

/// The subjects in words.
fn described(witness: &Witness) -> String {
    let text = |octets: &[u8]| {
        let shown = octets.get(..SHOWN).unwrap_or(octets).escape_ascii().to_string().replace('`', "\\x60");
        let more = if octets.len() > SHOWN { ".." } else { "" };
        format!("`{shown}{more}`")
    };
    let mut words = Vec::new();
    for (lead, pump) in &witness.parts {
        if !lead.is_empty() {
            words.push(text(lead));
        }
        words.push(format!("n times {}", text(pump)));
    }
    if !witness.suffix.is_empty() {
        words.push(text(&witness.suffix));
    }
    words.join(", ")
}

/// A number of steps in words that fit.
pub(super) fn steps(number: f64) -> String {
    if number < 1e7 {
        format!("{number:.0}")
    } else if number.is_finite() && number < 1e30 {
        let power = number.log10().floor();
        format!("{:.1} * 10^{power:.0}", number / 10_f64.powf(power))
    } else {
        "more than 10^30".to_owned()
    }
}

/// A power in words.
pub(super) fn power(power: u32) -> String {
    match power {
        2 => "the square".to_owned(),
        3 => "the cube".to_owned(),
        other => format!("the power of {other}"),
    }
}
