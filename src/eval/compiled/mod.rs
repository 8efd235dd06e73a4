//! A rule set in a form that is evaluated fast, with the answers of the reference.
//!
//! The walk is that of [`walk`](super::walk()). What differs is which rules it tries: an index finds, by addresses, protocol and
//! ports, the next one that may match, and what such a rule asks for beside is asked of it as ever. Where the first rule
//! found asks for nothing else and gives a verdict, that is the answer. Packets without these values (ARP, headers that a
//! capture cut) are put to all rules.

mod block;
mod cells;
mod index;
mod key;
mod tree;

use super::walk::{Candidates, Walks};
use super::{Decision, Hit, Step};
use crate::field::{Family, Field, Headers, Reading};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Document, RuleSet, Verdict};
use crate::packet::Tuple;
use block::NONE;
use index::Index;
use key::{Fields, Key};
use std::collections::BTreeSet;

/// Packets whose rules are looked for together.
pub const BATCH: usize = 64;

/// One rule set of a document, compiled: made once, it evaluates packets many times faster than the
/// [`Evaluator`](super::Evaluator), with the same answers.
///
/// ```
/// use flowgate::dialect::{self, ReadOptions};
/// use flowgate::eval::{Compiled, Decision};
/// use flowgate::ir::Verdict;
/// use flowgate::packet::words::parse;
/// use flowgate::source::{Content, Source, SourceId};
///
/// let rules = "*filter\n:INPUT ACCEPT\n-A INPUT -d 192.0.2.0/24 -p udp --dport 53 -j DROP\nCOMMIT\n";
/// let source = Source::new("rules", Content::Text(rules.to_owned()));
/// let iptables = dialect::by_name("iptables").expect("it is built in");
/// let document = iptables.read(&source, SourceId(0), &ReadOptions::default()).document;
///
/// let compiled = Compiled::new(&document, 0).expect("there is a rule set");
/// let packet = parse("udp 198.51.100.7:53 > 192.0.2.9:53", &[]).expect("these are the words for a packet");
/// let Decision::Verdict(verdict, rule) = compiled.decide(&packet)? else { unreachable!() };
/// assert_eq!((verdict, rule.map(|hit| hit.rule)), (Verdict::Discard, Some(0)));
/// # Ok::<(), flowgate::guard::Exhausted>(())
/// ```
#[derive(Debug)]
pub struct Compiled<'a> {
    document: &'a Document,
    rule_set: u32,
    entry: &'a RuleSet,
    // By rule set; none of those that are never walked, and where the allowance was spent.
    indices: Vec<[Option<Index>; 2]>,
}

impl<'a> Compiled<'a> {
    /// The rule set with that index, compiled with those it walks; none when there is no such rule set.
    ///
    /// What takes more than [`limits::COMPILE_STEPS`] is put to all rules in order, as the reference does.
    pub fn new(document: &'a Document, rule_set: usize) -> Option<Self> {
        let entry = document.rule_sets.get(rule_set)?;
        let mut indices: Vec<[Option<Index>; 2]> = Vec::new();
        indices.resize_with(document.rule_sets.len(), Default::default);
        let mut meter = Meter::new(&limits::COMPILE_STEPS);
        let mut walked = BTreeSet::from([rule_set]);
        let mut left = vec![rule_set];
        let mut sets = Vec::new();
        while let Some((index, set)) = left.pop().and_then(|at| Some((at, document.rule_sets.get(at)?))) {
            sets.push((index, set));
            let there = |target: &usize| *target < document.rule_sets.len();
            left.extend(set.targets().filter(|target| there(target) && walked.insert(*target)));
        }
        let all: Vec<&RuleSet> = sets.iter().map(|(_, set)| *set).collect();
        for (place, family) in [Family::Inet, Family::Inet6].into_iter().enumerate() {
            let fields = Fields::of(family, &all);
            for (index, set) in &sets {
                let takes = set.family == Family::Any || set.family == family || *index != rule_set;
                if let Some(slot) = indices.get_mut(*index).and_then(|slots| slots.get_mut(place)) {
                    *slot = takes.then(|| Index::new(set, fields, &mut meter).ok()).flatten();
                }
            }
        }
        Some(Self { document, rule_set: u32::try_from(rule_set).ok()?, entry, indices })
    }

    /// What the rule set does with one packet.
    pub fn decide(&self, headers: &Headers) -> Result<Decision, Exhausted> {
        match self.at_once(headers) {
            Some(decision) => Ok(decision),
            None => self.walk(headers, &mut |_| {}),
        }
    }

    /// What the rule set does with a packet where that takes no walk: the first rule that may match gives a verdict and
    /// asks for nothing but addresses, protocol and ports, or there is none.
    pub(super) fn at_once(&self, headers: &Headers) -> Option<Decision> {
        let (index, key) = self.found(self.rule_set, headers)?;
        self.by_rule(index, index.next(&key, 0).unwrap_or(NONE))
    }

    /// Walks the rule set as [`walk`](super::walk()) does; `watch` is told of no rule that surely does not match.
    pub fn walk(
        &self,
        headers: &Headers,
        watch: &mut (impl FnMut(Step) + ?Sized),
    ) -> Result<Decision, Exhausted> {
        let candidates = Found { compiled: self, headers, last: None };
        Walks { document: self.document, rule_set: self.rule_set, headers }.run(candidates, watch)
    }

    /// What the rule set does with each of at most [`BATCH`] IPv4 packets, in their order; none of those whose other
    /// fields count too. Packets beyond the batch, and beyond the room for answers, are left out.
    pub fn decide_tuples(&self, tuples: &[Tuple], decisions: &mut [Option<Decision>]) {
        let Some([Some(index), _]) = self.indices.get(self.rule_set as usize) else {
            let all = matches!(self.entry.family, Family::Inet6);
            let decision = all.then_some(Decision::Verdict(Verdict::NoDecision, None));
            decisions.fill(decision);
            return;
        };
        let mut keys = [Key::new(0, 0, 0, 0); BATCH];
        let mut found = [NONE; BATCH];
        let count = tuples.len().min(decisions.len()).min(BATCH);
        keys.iter_mut().zip(tuples).for_each(|(key, tuple)| *key = index.key_of(tuple));
        index.first(keys.get(..count).unwrap_or(&[]), 0, &mut found);
        for (decision, rule) in decisions.iter_mut().zip(found).take(count) {
            *decision = self.by_rule(index, rule);
        }
    }

    /// The octets that the compiled form takes, beside the rules themselves.
    pub fn octets(&self) -> usize {
        self.indices.iter().flatten().flatten().map(Index::octets).sum()
    }

    /// The decision about a packet whose first rule that may match is known, where that rule alone says it.
    #[inline]
    fn by_rule(&self, index: &Index, rule: u32) -> Option<Decision> {
        if rule == NONE {
            return Some(Decision::Verdict(self.entry.default, None));
        }
        let verdict = index.sure(rule)?;
        Some(Decision::Verdict(verdict, Some(Hit { rule_set: self.rule_set, rule })))
    }

    /// The index that has a key for a packet.
    #[inline]
    fn found(&self, rule_set: u32, headers: &Headers) -> Option<(&Index, Key)> {
        let place = match headers.get(Field::IpVersion) {
            Reading::Value(4) => 0,
            Reading::Value(6) => 1,
            _ => return None,
        };
        let index = self.indices.get(rule_set as usize)?.get(place)?.as_ref()?;
        Some((index, index.key(headers)?))
    }
}

/// The rules of a walk that may match one packet.
struct Found<'c, 'a> {
    compiled: &'c Compiled<'a>,
    headers: &'c Headers,
    // The rule set asked about last.
    last: Option<(u32, Option<(&'c Index, Key)>)>,
}

impl Candidates for Found<'_, '_> {
    fn next(&mut self, rule_set: u32, from: u32) -> Option<u32> {
        let found = match self.last {
            Some((last, found)) if last == rule_set => found,
            _ => {
                let found = self.compiled.found(rule_set, self.headers);
                self.last = Some((rule_set, found));
                found
            }
        };
        match found {
            Some((index, key)) => index.next(&key, from),
            None => Some(from),
        }
    }
}
