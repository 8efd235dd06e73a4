//! Where a claim of the symbolic stage meets evaluation: nothing is said of a packet that was not put through
//! both.

use super::protected::disjoint;
use super::{Findings, Inconclusive, Meta, RuleAt};
use crate::diagnostic::{Diagnostic, Witness};
use crate::eval::{Truth, evaluate};
use crate::field::{Family, Field, Headers, Reading};
use crate::guard::{Exhausted, MemoryWatch, Meter, limits};
use crate::ir::Condition;
use crate::net::Intervals;
use crate::packet::{build, complete, words};
use crate::symbolic::{Guesser, Model, Space, Spaces, of_family};

/// Answers questions about single rules, with an allowance for each and one for all.
#[derive(Debug)]
pub(super) struct Prover {
    spaces: Spaces<'static>,
    guesser: Guesser,
    all: Meter,
    memory: MemoryWatch,
    asked: u64,
}

/// Questions between two looks at our memory.
const LOOK_EVERY: u64 = 1 << 14;

/// Whether some packet meets every condition asked about.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Meets {
    /// None does, whatever is not modelled comes to.
    Never,
    /// This one does.
    Packet(Box<Headers>),
    /// Something that is not modelled decides, or an answer could not be confirmed; in words.
    Unknown(String),
}

impl Prover {
    pub(super) fn new() -> Self {
        Self {
            spaces: Spaces::new(Model::real(), &limits::RULE_NODES),
            guesser: Guesser::default(),
            all: Meter::new(&limits::CHECK_NODES),
            memory: MemoryWatch::default(),
            asked: 0,
        }
    }

    /// Asks something of every rule. A rule whose question takes too much has no answer; the check ends where
    /// all of them together do.
    pub(super) fn each<'a>(
        meta: &'static Meta,
        rules: impl Iterator<Item = RuleAt<'a>>,
        out: &mut Findings,
        mut ask: impl FnMut(&mut Self, &RuleAt<'a>, &mut Findings) -> Result<(), Exhausted>,
    ) -> Result<(), Exhausted> {
        let mut prover = Self::new();
        for at in rules {
            if let Err(exhausted) = ask(&mut prover, &at, out) {
                prover.all.charge(0)?;
                prover.memory.look()?;
                out.no_answer(meta, &at, exhausted.to_string());
            }
        }
        Ok(())
    }

    /// Whether some packet of the family meets all conditions.
    pub(super) fn meets(&mut self, family: Family, conditions: &[&Condition]) -> Result<Meets, Exhausted> {
        self.asked += 1;
        if self.asked.is_multiple_of(LOOK_EVERY) {
            self.memory.look()?;
        }
        // Conditions that demand different values of one field need no proof.
        if let [first, rest @ ..] = conditions
            && rest.iter().any(|other| disjoint(first, other))
        {
            return Ok(Meets::Never);
        }
        // Most questions are answered by the first packet that comes to mind.
        if let Some(headers) = self.guesser.guess(family, conditions)
            && holds(conditions, &headers) == Truth::Yes
        {
            return Ok(Meets::Packet(Box::new(headers)));
        }
        if contradict(conditions) {
            return Ok(Meets::Never);
        }
        self.all.charge(0)?;
        self.spaces.next_question();
        let answer = self.prove(family, conditions);
        let spent = self.all.charge(self.spaces.spent());
        let answer = answer?;
        spent.map(|()| answer)
    }

    fn prove(&mut self, family: Family, conditions: &[&Condition]) -> Result<Meets, Exhausted> {
        let space = self.all_of(family, conditions)?;
        if space.is_empty() {
            return Ok(Meets::Never);
        }
        let sure = self.spaces.under(space)?;
        let Some(member) = self.spaces.witness(sure)? else {
            return Ok(Meets::Unknown(unmodelled(conditions)));
        };
        Ok(match holds(conditions, &member) {
            Truth::Yes => Meets::Packet(Box::new(member)),
            Truth::Unknown => Meets::Unknown(unmodelled(conditions)),
            Truth::No => Meets::Unknown(FAULT.to_owned()),
        })
    }

    /// The packets of the family that can exist and meet all conditions.
    fn all_of(&mut self, family: Family, conditions: &[&Condition]) -> Result<Space, Exhausted> {
        let family = self.spaces.of(&of_family(family))?;
        let world = self.spaces.world()?;
        let mut space = self.spaces.intersection(family, world)?;
        for condition in conditions {
            let next = self.spaces.of(condition)?;
            space = self.spaces.intersection(space, next)?;
        }
        Ok(space)
    }
}

/// Whether two tests that must both hold speak of one field and leave it no value: the usual reason for a `Never`,
/// found without any set of packets. A `false` says nothing.
fn contradict(conditions: &[&Condition]) -> bool {
    // Rules have few tests; of one with very many only the first are compared.
    const COMPARED: usize = 32;
    let parts = || {
        let flat = conditions.iter().flat_map(|condition| match condition {
            Condition::And(parts) => &**parts,
            other => std::slice::from_ref(*other),
        });
        flat.take(COMPARED)
    };
    let positive: Vec<_> = parts().filter_map(ranges).collect();
    let apart = positive.iter().enumerate().any(|(i, (field, values))| {
        let others = positive.iter().skip(i + 1);
        others.filter(|(of, _)| of == field).any(|(_, other)| values.intersection(*other).is_empty())
    });
    // A test that holds asks for a value that is there: where all its values must fail, there is none left.
    apart
        || parts().any(|part| {
            let Condition::Not(inner) = part else { return false };
            let Some((field, not)) = ranges(inner) else { return false };
            positive.iter().any(|(of, values)| *of == field && values.is_subset(not))
        })
}

fn ranges(part: &Condition) -> Option<(Field, Intervals<'_, u32>)> {
    let Condition::Test(test) = part else { return None };
    Some((test.field(), test.values().as_ranges()?))
}

/// Why a claim that both stages disagree on is not made.
pub(super) const FAULT: &str =
    "the sets of packets and evaluation disagree: this is a fault of flowgate, please report it";

/// All conditions on one packet.
fn holds(conditions: &[&Condition], headers: &Headers) -> Truth {
    let mut truth = Truth::Yes;
    for condition in conditions {
        match evaluate(condition, headers) {
            Truth::No => return Truth::No,
            Truth::Unknown => truth = Truth::Unknown,
            Truth::Yes => {}
        }
    }
    truth
}

/// Names what is not modelled in some conditions.
pub(super) fn unmodelled(conditions: &[&Condition]) -> String {
    let mut first = None;
    for condition in conditions {
        condition.visit(&mut |part| {
            if let Condition::Opaque(opaque) = part {
                first.get_or_insert((&*opaque.id, &*opaque.reason));
            }
        });
    }
    match first {
        Some((id, reason)) => format!("`{}` decides: {reason}", one_line(id)),
        None => FAULT.to_owned(),
    }
}

/// Text of the user's on one line, shortened.
pub(super) fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'");
    if let Some((end, _)) = line.char_indices().nth(60) {
        line.truncate(end);
        line.push_str("..");
    }
    line
}

/// What a packet is evidence of: that some conditions are met, and what the packet comes to otherwise.
struct Claim<'a> {
    conditions: &'a [&'a Condition],
    keeps: &'a dyn Fn(&Headers) -> bool,
}

impl Claim<'_> {
    fn holds_of(&self, headers: &Headers) -> bool {
        holds(self.conditions, headers) == Truth::Yes && (self.keeps)(headers)
    }

    /// The packet as shown: with as little as the claim needs.
    fn shown(&self, headers: &Headers) -> Headers {
        self.simplified(headers).unwrap_or_else(|| self.without_unasked(headers))
    }

    /// The packet without what only the device knows of it, where the claim does not rest on that.
    fn without_unasked(&self, headers: &Headers) -> Headers {
        let mut simple = headers.clone();
        for field in [Field::InGroup, Field::OutGroup, Field::CtState, Field::Mark] {
            let mut less = simple.clone();
            less.set_cut(field);
            if self.holds_of(&less) {
                simple = less;
            }
        }
        simple
    }

    /// The packet with an ordinary value in every field the conditions do not ask for, where the claim still holds.
    fn simplified(&self, headers: &Headers) -> Option<Headers> {
        let mut asked = vec![Field::IpVersion];
        for condition in self.conditions {
            condition.visit(&mut |part| {
                if let Condition::Test(test) = part {
                    asked.push(test.field());
                    asked.extend(test.field().info().needs.iter().map(|need| need.field));
                }
            });
        }
        // Room follows from the length or from the fields that need it; the status from fragment and protocol.
        let follows = |field: Field| matches!(field, Field::L4Room | Field::L4Status);
        for keep in [false, true] {
            let mut simple = Headers::new();
            for field in asked.iter().filter(|field| keep || !follows(**field)) {
                if let Reading::Value(value) = headers.get(*field) {
                    simple.set_wide(*field, value);
                }
            }
            if complete(&mut simple).is_ok() && self.holds_of(&simple) {
                return Some(simple);
            }
        }
        None
    }
}

/// A packet as evidence; none where it cannot be built.
pub(super) fn witness(headers: &Headers, symbols: &[Box<str>]) -> Option<Witness> {
    let octets = build(headers).ok()?;
    Some(Witness { packet: words::print(headers, symbols), octets })
}

/// A packet that meets conditions and that `keeps` accepts, as `headers` does, with as little else as these need.
pub(super) fn plain(
    conditions: &[&Condition],
    headers: &Headers,
    keeps: &dyn Fn(&Headers) -> bool,
) -> Headers {
    Claim { conditions, keeps }.shown(headers)
}

/// Adds a packet as evidence to a finding that rests on it. Without the packet there is no finding: the question
/// has no answer then.
pub(super) fn show(
    out: &mut Findings,
    at: &RuleAt<'_>,
    finding: Option<Diagnostic>,
    conditions: &[&Condition],
    headers: &Headers,
) {
    show_of(out, at, finding, &Claim { conditions, keeps: &|_| true }, headers);
}

/// The same for a finding that rests on more than conditions: the packet shown is one that `keeps` accepts, as it
/// does `headers`.
pub(super) fn show_while(
    out: &mut Findings,
    at: &RuleAt<'_>,
    finding: Option<Diagnostic>,
    conditions: &[&Condition],
    headers: &Headers,
    keeps: &dyn Fn(&Headers) -> bool,
) {
    show_of(out, at, finding, &Claim { conditions, keeps }, headers);
}

fn show_of(
    out: &mut Findings,
    at: &RuleAt<'_>,
    finding: Option<Diagnostic>,
    claim: &Claim<'_>,
    headers: &Headers,
) {
    let Some(mut finding) = finding else { return };
    let shown = claim.shown(headers);
    match build(&shown) {
        Ok(octets) => {
            let packet = words::print(&shown, &at.input.reading.document.symbols);
            finding.witness = Some(Witness { packet, octets });
            out.push(finding);
        }
        Err(reason) => out.inconclusive.push(Inconclusive {
            check: finding.check,
            rule_set: finding.rule_set,
            rule: finding.rule,
            reason: format!("the packet found cannot be written: {reason}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ValueSet;

    #[test]
    fn a_field_without_a_value_left_is_seen_at_once_and_agrees_with_the_sets() {
        let is = |values: &[u32]| Condition::test(Field::Proto, ValueSet::of(values.iter().copied()));
        let not = |values: &[u32]| Condition::not(is(values));
        let port = Condition::test(Field::Ttl, ValueSet::single(5));
        let cases = [
            (vec![is(&[6]), is(&[17])], true),
            (vec![Condition::and([is(&[6]), port.clone()]), not(&[6, 17])], true),
            (vec![is(&[6, 1]), not(&[6, 17])], false),
            (vec![not(&[6]), not(&[17])], false),
            (vec![port.clone(), is(&[6])], false),
            (vec![Condition::or([is(&[6]), port]), not(&[6])], false),
        ];
        for (conditions, want) in cases {
            let conditions: Vec<&Condition> = conditions.iter().collect();
            assert_eq!(contradict(&conditions), want, "{conditions:?}");
            let mut prover = Prover::new();
            let space = prover.all_of(Family::Inet, &conditions).unwrap();
            assert!(!want || space.is_empty(), "{conditions:?}");
        }
    }
}
