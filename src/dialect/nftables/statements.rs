//! From the statements of a rule to rules: conditions in order, the verdict, one rule for every key of a map of
//! verdicts.

use super::fields::{Header, Load, Meta};
use super::load_condition::Known;
use super::lower::Lower;
use super::matching::Problem;
use super::names;
use super::syntax::{Class, Data, Effect, Element, Expr, Kind, Reject, Statement, Verdict as Said, Word};
use crate::diagnostic::Level;
use crate::dialect::{raise, raised};
use crate::field::Field;
use crate::ir::{Action, Condition, Mark, Origin, Outcome, RejectKind, RuleBuf, Rules, Verdict};
use crate::source::Span;

// What becomes of a packet that matches.
enum Fate {
    Known(Outcome),
    // Somebody else decides: accept, drop, and perhaps neither.
    Open(&'static str, Class),
}

// The rule that is made.
struct Making<'r> {
    name: Box<str>,
    parts: Vec<Condition>,
    actions: Vec<Action>,
    span: Span,
    rules: &'r mut Rules,
}

impl<'a> Lower<'a, '_> {
    /// Lowers one rule of a chain.
    pub(super) fn rule(
        &mut self,
        mut known: Known,
        statements: &[Statement<'a>],
        (number, chain): (usize, &str),
        span: Span,
        rules: &mut Rules,
    ) {
        let comment = statements.iter().find_map(|statement| match &statement.kind {
            Kind::Comment(word) if !word.text.is_empty() => Some(word.text.into()),
            _ => None,
        });
        let name = comment.unwrap_or_else(|| number.to_string().into());
        if let Some((first, second, at)) = super::joined::unequal(statements) {
            let message = format!(
                "nft 1.0.6 makes one comparison of `{first} !=` and `{second} !=`, which holds where either differs"
            );
            let found = raise(raised::MISLEADING_TEXT, Level::Warning, message, self.source, at);
            let help = "write the second as a set of the other values, or in a rule of its own";
            self.diagnostics.push(found.with_help(help));
        }
        let mut making = Making { name, parts: Vec::with_capacity(6), actions: Vec::new(), span, rules };
        let mut fate = Fate::Known(Outcome::Next { held: None });
        for statement in statements {
            let decided = self.statement(&mut known, statement, (number, chain), &mut making);
            match decided {
                Step::On => {}
                Step::Decided(found) => {
                    fate = found;
                    break;
                }
                // The rules of its keys are there.
                Step::Spread => return,
            }
        }
        self.finish(making, fate, (number, chain));
    }

    fn statement(
        &mut self,
        known: &mut Known,
        statement: &Statement<'a>,
        at: (usize, &str),
        making: &mut Making<'_>,
    ) -> Step {
        let span = statement.span;
        match &statement.kind {
            Kind::Match(left, relation, right) => {
                let before = making.parts.len();
                let found = self.relational(known, (left, *relation, right), span, &mut making.parts);
                if let Err(problem) = found {
                    making.parts.truncate(before);
                    self.problem(problem, span, making);
                }
                Step::On
            }
            Kind::VerdictMap(key, data) => {
                if self.spread(known, (key, data), at, span, making) {
                    Step::Spread
                } else {
                    Step::On
                }
            }
            Kind::Verdict(said) => Step::Decided(self.said(*known, said, at)),
            Kind::Reject(reject) => Step::Decided(self.reject(known, reject, span, making)),
            Kind::Effect(effect) => {
                self.effect(effect, making);
                Step::On
            }
            Kind::Condition(class, word) => {
                let (number, chain) = at;
                if matches!(*word, "ct count" | "tproxy") {
                    self.track();
                }
                let place = making.parts.len();
                // Each keeps its own count: it is no variable of another.
                let id = format!("{word} of rule {number} of `{chain}`, condition {place}");
                let reason = format!("{}: what `{word}` lets pass depends on packets before", class.name());
                making.parts.push(Condition::opaque(id, reason, span));
                Step::On
            }
            Kind::Terminal(class, word) => {
                if *class == Class::Nat || *word == "synproxy" {
                    self.track();
                }
                let words = self.words(span);
                if words.contains(" map ") || words.contains("\"map\"") {
                    let (number, chain) = at;
                    let id = format!("the map of `{word}` of rule {number} of `{chain}`");
                    let reason = format!("{}: a packet whose key is not in the map goes on", class.name());
                    making.parts.push(Condition::opaque(id, reason, span));
                }
                making.actions.push(Action::Other((*word).into()));
                Step::Decided(match class {
                    Class::Nat => Fate::Known(Outcome::Verdict(Verdict::Accept)),
                    Class::Stateful | Class::Payload => Fate::Open("handed on", *class),
                })
            }
            Kind::Comment(_) => Step::On,
            Kind::Broken => {
                let words = self.words(span);
                let id = format!("unread: {words}");
                making.parts.push(Condition::opaque(id, "this statement could not be read", span));
                Step::Decided(Fate::Open("not read", Class::Payload))
            }
        }
    }

    // The text of a statement; empty where it comes from JSON.
    fn words(&self, span: Span) -> String {
        let text = self.text.get(span.range()).unwrap_or("");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn problem(&mut self, problem: Problem, span: Span, making: &mut Making<'_>) {
        let id = format!("not modelled: {}", self.words(span));
        if let Some(check) = problem.check {
            self.finding(check, Level::Error, problem.message.clone(), problem.span.unwrap_or(span));
        }
        making.parts.push(Condition::opaque(id, problem.message, span));
    }

    fn said(&mut self, known: Known, said: &Said<'a>, (_, chain): (usize, &str)) -> Fate {
        Fate::Known(match said {
            Said::Accept => Outcome::Verdict(Verdict::Accept),
            Said::Drop => Outcome::Verdict(Verdict::Discard),
            Said::Continue => Outcome::Next { held: None },
            Said::Return => Outcome::Return,
            Said::Jump(name) => return self.jump(*name, Outcome::Call),
            Said::Goto(name) => return self.jump(*name, Outcome::Goto),
            Said::Block(body, goto) => match self.block(known, *body, chain) {
                Some(index) if *goto => Outcome::Goto(index),
                Some(index) => Outcome::Call(index),
                None => return Fate::Open("not read", Class::Payload),
            },
            Said::Queue => return Fate::Open("queue", Class::Stateful),
        })
    }

    fn jump(&mut self, name: Word<'a>, outcome: fn(u32) -> Outcome) -> Fate {
        if let Some(index) = self.target(name.text) {
            return Fate::Known(outcome(index));
        }
        let message = format!("nothing defines the chain `{}`", name.text);
        self.finding(raised::UNDEFINED_REFERENCE, Level::Error, message, name.span);
        Fate::Open("undefined", Class::Stateful)
    }

    fn reject(
        &mut self,
        known: &mut Known,
        reject: &Reject<'a>,
        span: Span,
        making: &mut Making<'_>,
    ) -> Fate {
        let inet = known.version.is_none();
        let kind = match reject {
            Reject::Plain => RejectKind::Unreachable(if known.version == Some(6) { 4 } else { 3 }),
            Reject::TcpReset => {
                known.need_protocol(6, span, &mut making.parts);
                RejectKind::TcpReset
            }
            Reject::Icmp(word, code) => {
                let ty = match *word {
                    "icmp" => super::fields::Type::IcmpCode,
                    "icmpv6" => super::fields::Type::Icmpv6Code,
                    _ => super::fields::Type::Integer,
                };
                let found = match (code, *word) {
                    (Expr::Word(name), "icmpx") => names::ICMPX_CODES
                        .iter()
                        .find(|(known, _)| *known == name.text)
                        .map(|(_, code)| u128::from(*code))
                        .or_else(|| names::number(name.text)),
                    _ => Self::number(code, ty, 8).ok(),
                };
                let Some(code) = found.and_then(|code| u8::try_from(code).ok()) else {
                    let message = format!("this is no code of `{word}`");
                    self.finding(raised::SYNTAX_ERROR, Level::Error, message, span);
                    return Fate::Known(Outcome::Verdict(Verdict::Reject(RejectKind::Unreachable(3))));
                };
                match *word {
                    "icmp" if inet => known.need_version(4, span, &mut making.parts),
                    "icmpv6" if inet => known.need_version(6, span, &mut making.parts),
                    _ => {}
                }
                let code = match (*word, code, known.version) {
                    // What the kernel sends for a code of `icmpx`, by version.
                    ("icmpx", 0, _) => 0,
                    ("icmpx", 1, Some(6)) => 4,
                    ("icmpx", 1, _) | ("icmpx", 2, Some(6)) => 3,
                    ("icmpx", 2, _) | ("icmpx", 3, Some(6)) => 1,
                    ("icmpx", 3, _) => 13,
                    _ => code,
                };
                RejectKind::Unreachable(code)
            }
        };
        Fate::Known(Outcome::Verdict(Verdict::Reject(kind)))
    }

    fn effect(&mut self, effect: &Effect<'a>, making: &mut Making<'_>) {
        match effect {
            Effect::Count(name) => {
                let name = name.map_or("", |name| name.text);
                making.actions.push(Action::Count(name.into()));
            }
            Effect::Log => making.actions.push(Action::Log),
            Effect::Write(load, value) => {
                if matches!(load, Load::Beyond(_, _, words) if words.starts_with("ct ")) {
                    self.track();
                }
                let field = match load {
                    Load::Meta(Meta::Mark) => Some(Field::Mark),
                    Load::Field(Header::Ip | Header::Ip6, place) => match place.word {
                        "dscp" => Some(Field::Dscp),
                        "ecn" => Some(Field::Ecn),
                        "ttl" | "hoplimit" => Some(Field::Ttl),
                        "flowlabel" => Some(Field::FlowLabel),
                        "saddr" if place.width == 32 => Some(Field::Src4),
                        "daddr" if place.width == 32 => Some(Field::Dst4),
                        "saddr" => Some(Field::Src6),
                        "daddr" => Some(Field::Dst6),
                        _ => None,
                    },
                    Load::Field(_, place) => match place.word {
                        "sport" => Some(Field::RawPort0),
                        "dport" => Some(Field::RawPort1),
                        _ => None,
                    },
                    _ => None,
                };
                if let Some(field) = field {
                    let more = match field {
                        Field::RawPort0 => Some(Field::Sport),
                        Field::RawPort1 => Some(Field::Dport),
                        _ => None,
                    };
                    self.written.extend([Some(field), more].into_iter().flatten());
                }
                let dscp = match (field, Self::number(value, load.ty(), load.width())) {
                    (Some(Field::Dscp), Ok(value)) => u8::try_from(value).ok(),
                    _ => None,
                };
                #[expect(clippy::single_match_else, reason = "what is kept and what is not")]
                let action = match dscp {
                    Some(value) => Action::Mark(Mark::Dscp(value)),
                    None => {
                        let words = format!("{} set {}", load.words(), super::describe::expr(value));
                        Action::Other(words.into())
                    }
                };
                making.actions.push(action);
            }
            Effect::Other => {}
        }
    }

    // One rule for every key of a map of verdicts; false where the map is not known.
    fn spread(
        &mut self,
        known: &mut Known,
        (key, data): (&Expr<'a>, &Expr<'a>),
        at: (usize, &str),
        span: Span,
        making: &mut Making<'_>,
    ) -> bool {
        let found = self.key_loads(known, key, span, &mut making.parts).and_then(|loads| {
            let (elements, changes) = match data {
                Expr::Set(elements) => (std::rc::Rc::new(elements.clone()), false),
                Expr::SetRef(name) => {
                    let changes = self.set(name.text).is_some_and(|set| set.changes);
                    (self.elements(*name)?, changes)
                }
                _ => return Err(Problem { check: None, message: "this map is computed".into(), span: None }),
            };
            let mut conditions = Vec::with_capacity(elements.len());
            for element in elements.iter() {
                conditions.push(match element.key {
                    Expr::Any => None,
                    _ => Some(self.key(known, &loads, &element.key, element_span(element, span))?),
                });
            }
            Ok((loads, elements, conditions, changes))
        });
        let (loads, elements, conditions, changes) = match found {
            Ok(found) => found,
            Err(problem) => {
                self.problem(problem, span, making);
                let fate = Fate::Open("map", Class::Stateful);
                self.finish(making.again(Condition::True), fate, at);
                return true;
            }
        };
        for (element, condition) in elements.iter().zip(&conditions) {
            if let Some(condition) = condition {
                let fate = self.data(*known, element, at);
                self.finish(making.again(condition.clone()), fate, at);
            }
        }
        if changes {
            // Keys may be added while it is loaded.
            let there = loads.iter().map(|(load, _)| super::matching::presence(known, load, span));
            let there = Condition::and(there);
            self.finish(making.again(there.clone()), Fate::Open("changing map", Class::Stateful), at);
        }
        let rest = elements.iter().zip(&conditions).find(|(_, condition)| condition.is_none());
        if let Some((element, _)) = rest {
            let there = loads.iter().map(|(load, _)| super::matching::presence(known, load, span));
            let others = Condition::or(conditions.iter().flatten().cloned());
            let rest = Condition::and(there.chain([Condition::not(others)]));
            let fate = self.data(*known, element, at);
            self.finish(making.again(rest), fate, at);
        }
        true
    }

    fn data(&mut self, known: Known, element: &Element<'a>, at: (usize, &str)) -> Fate {
        match &element.data {
            Some(Data::Verdict(said)) => self.said(known, said, at),
            Some(Data::Value) | None => {
                let message = "expected a verdict for every key".to_owned();
                self.finding(raised::SYNTAX_ERROR, Level::Error, message, element.span);
                Fate::Open("not read", Class::Payload)
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a fate is met once")]
    fn finish(&mut self, making: Making<'_>, fate: Fate, (number, chain): (usize, &str)) {
        let Making { name, parts, actions, span, rules } = making;
        let origin = Origin { source: self.source, span };
        let condition = Condition::and(distinct(parts));
        let rule = |name, condition, actions, outcome| RuleBuf {
            name,
            condition,
            actions,
            outcome,
            action_given: true,
            nlri: None,
            origin,
        };
        match fate {
            Fate::Known(outcome) => rules.push(rule(name, condition, actions.into(), outcome)),
            Fate::Open(word, class) => {
                for verdict in [Verdict::Accept, Verdict::Discard] {
                    let id = format!("{word} of rule {number} of `{chain}` comes to {verdict}");
                    let reason = format!("{}: others decide what becomes of the packet", class.name());
                    let open = Condition::opaque(id, reason, span);
                    let condition = Condition::and([condition.clone(), open]);
                    rules.push(rule(
                        name.clone(),
                        condition,
                        actions.clone().into(),
                        Outcome::Verdict(verdict),
                    ));
                }
            }
        }
    }
}

// What a statement comes to.
enum Step {
    On,
    Decided(Fate),
    Spread,
}

impl Making<'_> {
    // The same rule with another condition behind what it has.
    fn again(&mut self, condition: Condition) -> Making<'_> {
        let mut parts = self.parts.clone();
        parts.push(condition);
        Making {
            name: self.name.clone(),
            parts,
            actions: self.actions.clone(),
            span: self.span,
            rules: self.rules,
        }
    }
}

fn element_span(element: &Element<'_>, span: Span) -> Span {
    if element.span == Span::default() { span } else { element.span }
}

// A condition that stands twice stands once.
fn distinct(parts: Vec<Condition>) -> Vec<Condition> {
    let mut list: Vec<Condition> = Vec::with_capacity(parts.len());
    for part in parts {
        let small = matches!(part, Condition::Test(_));
        if !small || list.len() > 16 || !list.contains(&part) {
            list.push(part);
        }
    }
    list
}
