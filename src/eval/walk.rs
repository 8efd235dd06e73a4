//! First-match evaluation of a rule set, with calls, stages, held verdicts and unknowns.
//!
//! Where nobody can say whether a rule matches, the walk goes on as if it did not, and notes what else could have
//! come of the packet: the verdict the rule would have given, what the rules it calls may decide, and what
//! becomes of a packet that may have left a rule set. If all of that comes to the verdict of the walk itself,
//! the doubt does not matter.

use super::{Truth, evaluate};
use crate::field::{Family, Field, Headers, Reading};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Document, Kind, Outcome, RuleSet, Verdict};

/// Which rule: the index of its rule set in the document, and its own in the rule set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hit {
    /// Index into [`Document::rule_sets`].
    pub rule_set: u32,
    /// Index into [`RuleSet::rules`].
    pub rule: u32,
}

/// What evaluation says of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The verdict, and the rule that gave it; none when a default did. What all stages of a hook let through is
    /// accepted by what the last of them said.
    Verdict(Verdict, Option<Hit>),
    /// Nobody can say: this rule is the first that may decide otherwise.
    Unknown(Hit),
}

/// One step of a walk, for whoever watches it. What only may be walked, because nobody can say whether a rule
/// before it matches, is not told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A rule was tried.
    Tried {
        /// The rule.
        hit: Hit,
        /// Whether its condition held.
        truth: Truth,
    },
    /// No rule of a stage decided: its default did.
    Default {
        /// Index of the stage's rule set in the document.
        rule_set: u32,
    },
}

/// Evaluates packets against one rule set of a document.
#[derive(Debug)]
pub struct Evaluator<'a> {
    document: &'a Document,
    rule_set: u32,
}

impl<'a> Evaluator<'a> {
    /// An evaluator of the rule set with that index; none when there is no such rule set.
    pub fn new(document: &'a Document, rule_set: usize) -> Option<Self> {
        document.rule_sets.get(rule_set)?;
        Some(Self { document, rule_set: u32::try_from(rule_set).ok()? })
    }

    /// What the rule set does with one packet.
    pub fn decide(&self, headers: &Headers) -> Result<Decision, Exhausted> {
        walk(self.document, self.rule_set, headers, &mut |_| {})
    }
}

/// Walks one rule set over one packet and tells `watch` of every rule tried.
///
/// # Errors
///
/// When a walk takes more steps, or calls go deeper, than the limits allow: rule sets that call each other in a
/// circle end there ([`Document::circles`] finds them).
pub fn walk(
    document: &Document,
    rule_set: u32,
    headers: &Headers,
    watch: &mut (impl FnMut(Step) + ?Sized),
) -> Result<Decision, Exhausted> {
    Walks { document, rule_set, headers }.run(All, watch)
}

/// Which rules of a rule set a walk tries.
pub(super) trait Candidates {
    /// The next rule, not before `from`, that may match or be in doubt; one that is not there where none is left.
    fn next(&mut self, rule_set: u32, from: u32) -> Option<u32>;
}

/// Every rule.
struct All;

impl Candidates for All {
    #[inline]
    fn next(&mut self, _: u32, from: u32) -> Option<u32> {
        Some(from)
    }
}

/// What is walked.
pub(super) struct Walks<'a> {
    pub(super) document: &'a Document,
    pub(super) rule_set: u32,
    pub(super) headers: &'a Headers,
}

impl Walks<'_> {
    /// Walks the rule set over the packet, trying candidates alone.
    pub(super) fn run(
        self,
        candidates: impl Candidates,
        watch: &mut (impl FnMut(Step) + ?Sized),
    ) -> Result<Decision, Exhausted> {
        let Self { document, rule_set, headers } = self;
        let mut walk = Walk {
            document,
            headers,
            candidates,
            watch,
            meter: Meter::new(&limits::EVALUATION_STEPS),
            depth: Meter::new(&limits::CALL_DEPTH),
            held: None,
            passed: None,
            exit: None,
            doubt: None,
        };
        let Some(set) = document.rule_sets.get(rule_set as usize) else {
            return Ok(Decision::Verdict(Verdict::NoDecision, None));
        };
        if reaches(set.family, headers) == Truth::No {
            return Ok(Decision::Verdict(Verdict::NoDecision, None));
        }
        let ended = walk.rules(rule_set, set, Reached::Surely)?;
        Ok(walk.end(&ended, set))
    }
}

/// Whether packets of this family are put to the rule set at all.
fn reaches(family: Family, headers: &Headers) -> Truth {
    let wanted = match family {
        Family::Any => return Truth::Yes,
        Family::Inet => 4,
        Family::Inet6 => 6,
    };
    match headers.get(Field::IpVersion) {
        Reading::Value(version) => (version == wanted).into(),
        Reading::Absent => Truth::No,
        Reading::Cut => Truth::Unknown,
    }
}

/// Whether the packet comes to a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Not,
    /// It does if a rule matches of which nobody can say.
    Perhaps,
    /// It does if none of these rules matches.
    Surely,
}

struct Walk<'a, 'w, C, W: ?Sized> {
    document: &'a Document,
    headers: &'a Headers,
    candidates: C,
    watch: &'w mut W,
    meter: Meter,
    depth: Meter,
    // The first verdict held in this stage, a drop in preference.
    held: Option<(Verdict, Hit)>,
    // The rule by which the last stage let the packet through, where a rule did.
    passed: Option<Hit>,
    // Within a stage: whether the packet may have left it by an accept.
    exit: Option<Reached>,
    doubt: Option<Doubt>,
}

/// What may come of the packet besides what the walk itself comes to.
struct Doubt {
    // The first rule nobody can say of.
    first: Hit,
    verdicts: Possible,
}

#[derive(Clone, Copy, PartialEq)]
enum Possible {
    None,
    One(Verdict),
    Several,
}

/// How the walk over the rules of one rule set ended.
struct Ended {
    // The verdict of the sure path, if it ended here, and the rule that gave it, where one did.
    decided: Option<(Verdict, Option<Hit>)>,
    // Whether the packet comes out, by a return or behind the last rule.
    out: Reached,
}

/// Where a walk over the rules of one rule set stands.
struct Place {
    // Whether the packet comes here.
    here: Reached,
    // Whether it left before, by a return.
    out: Reached,
    decided: Option<(Verdict, Option<Hit>)>,
}

impl<'a, C: Candidates, W: FnMut(Step) + ?Sized> Walk<'a, '_, C, W> {
    fn rules(&mut self, index: u32, set: &'a RuleSet, reached: Reached) -> Result<Ended, Exhausted> {
        let mut place = Place { here: reached, out: Reached::Not, decided: None };
        let conditions = set.rules.conditions();
        let mut from = 0;
        while let Some(number) = self.candidates.next(index, from)
            && let Some(condition) = conditions.get(number as usize)
        {
            from = number + 1;
            self.meter.charge(1)?;
            let truth = evaluate(condition, self.headers);
            let hit = Hit { rule_set: index, rule: number };
            if place.here == Reached::Surely {
                (self.watch)(Step::Tried { hit, truth });
            }
            // Nearly every rule tried is one that does not match.
            if truth != Truth::No
                && let Some(outcome) = set.rules.outcome(number as usize)
                && self.matched(hit, truth, outcome, &mut place)?
            {
                return Ok(Ended { decided: place.decided, out: place.out });
            }
        }
        Ok(Ended { decided: place.decided, out: place.out.max(place.here) })
    }

    /// What becomes of the packet at a rule that matches, or of which nobody can say; whether it goes no further.
    #[inline(never)]
    fn matched(
        &mut self,
        hit: Hit,
        truth: Truth,
        outcome: Outcome,
        place: &mut Place,
    ) -> Result<bool, Exhausted> {
        if truth == Truth::Unknown {
            self.doubt(hit, outcome, &mut place.out)?;
            return Ok(false);
        }
        match outcome {
            Outcome::Verdict(verdict) => {
                if place.here == Reached::Surely {
                    place.decided = Some((verdict, Some(hit)));
                } else {
                    self.may(verdict);
                }
                return Ok(true);
            }
            Outcome::Next { held: None } => {}
            Outcome::Next { held: Some(verdict) } => self.hold(verdict, hit, place.here),
            Outcome::Return => {
                place.out = place.out.max(place.here);
                return Ok(true);
            }
            Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
                let ended = self.enter(hit, outcome, place.here)?;
                place.decided = place.decided.or(ended.decided);
                place.here = ended.out;
                if matches!(outcome, Outcome::Goto(_)) || place.here == Reached::Not {
                    place.out = place.out.max(place.here);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Walks the rule set that an outcome names. One that is not there decides nothing.
    fn enter(&mut self, hit: Hit, outcome: Outcome, reached: Reached) -> Result<Ended, Exhausted> {
        let document = self.document;
        let passes = Ok(Ended { decided: None, out: reached });
        let Some(target) = outcome.target() else { return passes };
        let Some(set) = document.rule_sets.get(target as usize) else { return passes };
        self.depth.charge(1)?;
        let ended = match (outcome, reaches(set.family, self.headers)) {
            (Outcome::Stage(_), Truth::Yes) => self.stage(target, set, reached)?,
            (Outcome::Stage(_), Truth::Unknown) => {
                self.open(hit);
                self.stage(target, set, Reached::Perhaps)?;
                Ended { decided: None, out: reached }
            }
            (Outcome::Stage(_), Truth::No) => Ended { decided: None, out: reached },
            _ => self.rules(target, set, reached)?,
        };
        self.depth.release(1);
        Ok(ended)
    }

    /// Walks a rule set as a stage: it decides by a drop or not at all.
    fn stage(&mut self, index: u32, set: &'a RuleSet, reached: Reached) -> Result<Ended, Exhausted> {
        let outer = (self.held.take(), self.exit.replace(Reached::Not));
        let ended = self.rules(index, set, reached)?;
        self.conclude(&ended, set);
        let sure = self.verdict(&ended, set);
        let left = self.exit.take().unwrap_or(Reached::Not);
        (self.held, self.exit) = outer;
        if let Some((_, None)) = sure {
            (self.watch)(Step::Default { rule_set: index });
        }
        Ok(match sure {
            Some((verdict, hit)) if verdict.is_drop() => Ended { decided: Some((verdict, hit)), out: left },
            Some((_, hit)) => {
                self.passed = hit;
                Ended { decided: None, out: Reached::Surely }
            }
            None => Ended { decided: None, out: left },
        })
    }

    fn hold(&mut self, verdict: Verdict, hit: Hit, here: Reached) {
        if here != Reached::Surely {
            self.may_be_anything();
        } else if self.held.is_none_or(|(old, _)| !old.is_drop() && verdict.is_drop()) {
            self.held = Some((verdict, hit));
        }
    }

    /// Notes what may come of a rule of which nobody can say.
    fn doubt(&mut self, hit: Hit, outcome: Outcome, out: &mut Reached) -> Result<(), Exhausted> {
        // A rule that only goes on decides nothing, whether it matches or not.
        if outcome == (Outcome::Next { held: None }) {
            return Ok(());
        }
        self.open(hit);
        match outcome {
            Outcome::Verdict(verdict) => self.may(verdict),
            Outcome::Next { .. } => self.may_be_anything(),
            Outcome::Return => *out = (*out).max(Reached::Perhaps),
            Outcome::Goto(_) => {
                let ended = self.enter(hit, outcome, Reached::Perhaps)?;
                *out = (*out).max(ended.out);
            }
            // What comes out is here, where the walk goes on anyway.
            Outcome::Call(_) | Outcome::Stage(_) => {
                self.enter(hit, outcome, Reached::Perhaps)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, hit: Hit) {
        self.doubt.get_or_insert(Doubt { first: hit, verdicts: Possible::None });
    }

    /// The packet may get this verdict.
    fn may(&mut self, verdict: Verdict) {
        if let Some(exit) = self.exit.as_mut().filter(|_| !verdict.is_drop()) {
            *exit = Reached::Perhaps;
        } else if let Some(doubt) = &mut self.doubt {
            doubt.verdicts = match doubt.verdicts {
                Possible::None => Possible::One(verdict),
                Possible::One(same) if same == verdict => Possible::One(verdict),
                Possible::One(_) | Possible::Several => Possible::Several,
            };
        }
    }

    fn may_be_anything(&mut self) {
        if let Some(doubt) = &mut self.doubt {
            doubt.verdicts = Possible::Several;
        }
    }

    /// Notes what may become of a packet at the end of a stage, or of the walk.
    fn conclude(&mut self, ended: &Ended, set: &RuleSet) {
        if self.held.is_some() {
            self.may_be_anything();
        } else if ended.out == Reached::Perhaps {
            self.may(set.default);
        }
    }

    /// What the sure path comes to at the end of a stage, or of the walk, where it comes there.
    fn verdict(&self, ended: &Ended, set: &RuleSet) -> Option<(Verdict, Option<Hit>)> {
        match (ended.decided, self.held) {
            (Some(_), Some((held, by))) if held.is_drop() => Some((held, Some(by))),
            (Some(decided), _) => Some(decided),
            (None, _) if ended.out != Reached::Surely => None,
            (None, Some((held, by))) => Some((held, Some(by))),
            (None, None) => {
                let by = self.passed.filter(|_| set.kind == Kind::Hook && !set.default.is_drop());
                Some((set.default, by))
            }
        }
    }

    fn end(mut self, ended: &Ended, set: &RuleSet) -> Decision {
        self.conclude(ended, set);
        let (verdict, hit) = self.verdict(ended, set).unwrap_or((set.default, None));
        match self.doubt {
            Some(doubt) if doubt.verdicts != Possible::None && doubt.verdicts != Possible::One(verdict) => {
                Decision::Unknown(doubt.first)
            }
            _ => Decision::Verdict(verdict, hit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Condition, Kind, Origin, RuleBuf, ValueSet};
    use crate::source::Span;

    fn rule(condition: Condition, outcome: Outcome) -> RuleBuf {
        RuleBuf {
            name: "r".into(),
            condition,
            actions: Box::default(),
            outcome,
            action_given: true,
            nlri: None,
            origin: Origin::default(),
        }
    }

    fn decide(rules: Vec<RuleBuf>, headers: &Headers) -> Decision {
        let set = RuleSet {
            name: "f".into(),
            kind: Kind::Filter,
            family: Family::Any,
            default: Verdict::NoDecision,
            rules: rules.into(),
        };
        let document = Document { rule_sets: vec![set], symbols: vec![], ..Document::default() };
        Evaluator::new(&document, 0).unwrap().decide(headers).unwrap()
    }

    const DROP: Outcome = Outcome::Verdict(Verdict::Discard);
    const PASS: Outcome = Outcome::Verdict(Verdict::Accept);

    #[test]
    fn the_first_match_decides_and_a_held_drop_beats_a_later_accept() {
        let headers = Headers::new();
        let hold = Outcome::Next { held: Some(Verdict::Discard) };
        let hit = |rule| Some(Hit { rule_set: 0, rule });
        let set =
            vec![rule(Condition::False, DROP), rule(Condition::True, PASS), rule(Condition::True, DROP)];
        assert_eq!(decide(set, &headers), Decision::Verdict(Verdict::Accept, hit(1)));
        let set = vec![rule(Condition::True, hold), rule(Condition::True, PASS)];
        assert_eq!(decide(set, &headers), Decision::Verdict(Verdict::Discard, hit(0)));
    }

    #[test]
    fn a_doubt_counts_only_when_it_would_change_the_verdict() {
        let headers = Headers::new();
        let what = || Condition::opaque("x", "not modelled", Span::default());
        let set = vec![rule(what(), DROP), rule(Condition::True, PASS)];
        assert_eq!(decide(set, &headers), Decision::Unknown(Hit { rule_set: 0, rule: 0 }));
        let set = vec![rule(what(), DROP), rule(Condition::True, DROP)];
        assert_eq!(
            decide(set, &headers),
            Decision::Verdict(Verdict::Discard, Some(Hit { rule_set: 0, rule: 1 }))
        );
        let never = Condition::test(Field::Ttl, ValueSet::single(1));
        let set = vec![rule(Condition::and([what(), never]), DROP), rule(Condition::True, PASS)];
        assert_eq!(
            decide(set, &headers),
            Decision::Verdict(Verdict::Accept, Some(Hit { rule_set: 0, rule: 1 }))
        );
    }

    /// A document of several rule sets: kind, default and rules of each.
    fn several(sets: Vec<(Kind, Verdict, Vec<RuleBuf>)>) -> Document {
        let sets = sets.into_iter().map(|(kind, default, rules)| RuleSet {
            name: "s".into(),
            kind,
            family: Family::Any,
            default,
            rules: rules.into(),
        });
        Document { rule_sets: sets.collect(), symbols: vec![], ..Document::default() }
    }

    fn walked(document: &Document) -> (Decision, Vec<Step>) {
        let mut steps = Vec::new();
        let decision = walk(document, 0, &Headers::new(), &mut |step| steps.push(step)).unwrap();
        (decision, steps)
    }

    fn what() -> Condition {
        Condition::opaque("x", "not modelled", Span::default())
    }

    const ACCEPT: Verdict = Verdict::Accept;
    const DISCARD: Verdict = Verdict::Discard;
    const OPEN: Verdict = Verdict::NoDecision;

    #[test]
    fn a_goto_leaves_its_own_rule_set_and_a_call_does_not() {
        let sets = |outcome| {
            several(vec![
                (Kind::Filter, DISCARD, vec![rule(Condition::True, outcome), rule(Condition::True, PASS)]),
                (Kind::Chain, OPEN, vec![rule(Condition::True, Outcome::Return)]),
            ])
        };
        let hit = Some(Hit { rule_set: 0, rule: 1 });
        assert_eq!(walked(&sets(Outcome::Call(1))).0, Decision::Verdict(ACCEPT, hit));
        assert_eq!(walked(&sets(Outcome::Goto(1))).0, Decision::Verdict(DISCARD, None));
        // Nothing stands behind a number that names no rule set.
        assert_eq!(walked(&sets(Outcome::Goto(7))).0, Decision::Verdict(DISCARD, None));
    }

    #[test]
    fn a_stage_drops_for_good_and_accepts_for_itself_only() {
        let stages = |first: (Verdict, Vec<RuleBuf>), second: (Verdict, Vec<RuleBuf>)| {
            let hook = [1, 2].map(|set| rule(Condition::True, Outcome::Stage(set)));
            several(vec![
                (Kind::Hook, ACCEPT, hook.into()),
                (Kind::Filter, first.0, first.1),
                (Kind::Filter, second.0, second.1),
            ])
        };
        let all = |outcome| vec![rule(Condition::True, outcome)];
        let by = |rule_set| Some(Hit { rule_set, rule: 0 });
        let decided = |first, second| walked(&stages(first, second)).0;
        let verdict = Decision::Verdict;
        assert_eq!(decided((DISCARD, all(PASS)), (ACCEPT, all(DROP))), verdict(DISCARD, by(2)));
        assert_eq!(decided((ACCEPT, all(DROP)), (ACCEPT, all(PASS))), verdict(DISCARD, by(1)));
        assert_eq!(decided((ACCEPT, vec![]), (DISCARD, all(PASS))), verdict(ACCEPT, by(2)));
        assert_eq!(decided((ACCEPT, all(PASS)), (ACCEPT, vec![])), verdict(ACCEPT, None));
        assert_eq!(decided((ACCEPT, all(Outcome::Return)), (DISCARD, vec![])), verdict(DISCARD, None));
        let (_, steps) = walked(&stages((ACCEPT, vec![]), (DISCARD, vec![])));
        let defaults: Vec<_> = steps.iter().filter(|step| matches!(step, Step::Default { .. })).collect();
        assert_eq!(defaults, [&Step::Default { rule_set: 1 }, &Step::Default { rule_set: 2 }]);
        // A verdict that is held in a stage ends with it.
        let hold = all(Outcome::Next { held: Some(DISCARD) });
        assert_eq!(decided((ACCEPT, hold), (ACCEPT, all(PASS))), verdict(DISCARD, by(1)));
        let hold = all(Outcome::Next { held: Some(ACCEPT) });
        assert_eq!(decided((DISCARD, hold), (DISCARD, vec![])), verdict(DISCARD, None));
    }

    #[test]
    fn a_doubt_before_a_call_is_that_of_what_it_may_decide() {
        let sets = |outcome, chain, behind| {
            let first = rule(what(), outcome);
            several(vec![
                (Kind::Filter, ACCEPT, vec![first, rule(Condition::True, behind)]),
                (Kind::Chain, OPEN, chain),
            ])
        };
        let unknown = Decision::Unknown(Hit { rule_set: 0, rule: 0 });
        let sure = |verdict| Decision::Verdict(verdict, Some(Hit { rule_set: 0, rule: 1 }));
        let all = |outcome| vec![rule(Condition::True, outcome)];
        let (call, goto) = (Outcome::Call(1), Outcome::Goto(1));
        assert_eq!(walked(&sets(call, all(DROP), PASS)).0, unknown);
        assert_eq!(walked(&sets(call, all(DROP), DROP)).0, sure(DISCARD));
        assert_eq!(walked(&sets(call, all(Outcome::Return), DROP)).0, sure(DISCARD));
        assert_eq!(walked(&sets(goto, all(Outcome::Return), DROP)).0, unknown);
        assert_eq!(walked(&sets(goto, all(Outcome::Return), PASS)).0, sure(ACCEPT));
        assert_eq!(walked(&sets(Outcome::Return, vec![], DROP)).0, unknown);
        assert_eq!(walked(&sets(Outcome::Return, vec![], PASS)).0, sure(ACCEPT));
    }

    #[test]
    fn a_doubtful_accept_in_a_stage_counts_only_if_a_later_stage_says_otherwise() {
        let sets = |last| {
            let hook = [1, 2].map(|set| rule(Condition::True, Outcome::Stage(set)));
            several(vec![
                (Kind::Hook, ACCEPT, hook.into()),
                (Kind::Filter, DISCARD, vec![rule(what(), PASS)]),
                (Kind::Filter, last, vec![]),
            ])
        };
        assert_eq!(walked(&sets(DISCARD)).0, Decision::Verdict(DISCARD, None));
        assert_eq!(walked(&sets(ACCEPT)).0, Decision::Unknown(Hit { rule_set: 1, rule: 0 }));
    }

    #[test]
    fn a_circle_of_calls_ends_at_a_limit() {
        let document = several(vec![(Kind::Filter, ACCEPT, vec![rule(Condition::True, Outcome::Call(0))])]);
        let error = Evaluator::new(&document, 0).unwrap().decide(&Headers::new()).unwrap_err();
        assert_eq!(error.limit, &limits::CALL_DEPTH);
        assert_eq!(document.circles(), [(0, 0)]);
    }
}
