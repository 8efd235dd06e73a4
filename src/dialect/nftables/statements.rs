//! From the statements of a rule to rules: conditions in order, the verdict, one rule for every key of a map of
//! verdicts.

use super::fields::{Header, Load, Meta};
use super::known::Known;
use super::lower::Lower;
use super::matching::Problem;
use super::names;
use super::operators::CHANGES;
use super::syntax::{
    Class, Data, Effect, Element, Expr, Kept, Kind, Reject, Rewriter, Statement, Verdict as Said, Word,
};
use crate::diagnostic::Level;
use crate::dialect::{raise, raised};
use crate::field::Field;
use crate::ir::{Action, Condition, Mark, Origin, Outcome, RejectKind, RuleParts, Rules, Verdict};
use crate::source::Span;

// What becomes of a packet that matches.
enum Fate {
    Known(Outcome),
    // Somebody else decides: accept, drop, and perhaps neither.
    Open(&'static str, Class),
}

// The rule that is made.
struct Making<'r> {
    name: &'r str,
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
            Kind::Comment(word) if !word.text.is_empty() => Some(word.text),
            _ => None,
        });
        let mut digits = itoa::Buffer::new();
        let name = comment.unwrap_or_else(|| digits.format(number));
        if let Some((first, second, at)) = super::joined::unequal(statements) {
            let message = format!(
                "nft 1.0.6 makes one comparison of `{first} !=` and `{second} !=`, which holds where either differs"
            );
            let found = raise(raised::MISLEADING_TEXT, Level::Warning, message, self.source, at);
            let help = "write the second as a set of the other values, or in a rule of its own";
            self.diagnostics.push(found.with_help(help));
        }
        let mut making =
            Making { name, parts: std::mem::take(&mut self.parts), actions: Vec::new(), span, rules };
        let mut fate = Fate::Known(Outcome::Next { held: None });
        for (statement, next) in statements.iter().zip(1..) {
            self.place_of(&known, statement);
            let decided = self.statement(&mut known, statement, chain, &mut making);
            if super::refusals::is_end(&statement.kind) {
                self.behind(statement, statements.get(next..).unwrap_or(&[]));
            }
            match decided {
                Step::On => {}
                Step::Decided(found) => {
                    fate = found;
                    break;
                }
                // The rules of its keys are there.
                Step::Spread(goes_on) => {
                    let rest = statements.get(next..).unwrap_or(&[]);
                    match goes_on {
                        Some(condition) if rest.iter().any(|s| !matches!(s.kind, Kind::Comment(_))) => {
                            making.parts.push(condition);
                        }
                        _ => return self.never(known, rest, chain),
                    }
                }
            }
        }
        self.finish(making, fate);
    }

    fn statement(
        &mut self,
        known: &mut Known,
        statement: &Statement<'a>,
        chain: &str,
        making: &mut Making<'_>,
    ) -> Step {
        let span = statement.span;
        match &statement.kind {
            Kind::Match(left, relation, right) => {
                let before = making.parts.len();
                let found = self.relational(known, (left, *relation, right), span, &mut making.parts);
                if let Err(problem) = found {
                    making.parts.truncate(before);
                    self.problem(&problem, span, making);
                }
                Step::On
            }
            Kind::VerdictMap(key, data) => Step::Spread(self.spread(known, (key, data), chain, span, making)),
            Kind::Verdict(said) => {
                if let Said::Queue(Some(picked)) = said {
                    self.looks(known, std::slice::from_ref(&**picked), span, making);
                }
                Step::Decided(self.said(*known, said, chain))
            }
            Kind::Reject(reject) => Step::Decided(self.reject(known, reject, span, making)),
            Kind::Effect(effect) => {
                self.effect(known, effect, span, making);
                Step::On
            }
            Kind::Condition(kept) => {
                if kept.word == "ct count" {
                    self.track();
                }
                self.looks(known, &kept.looks, span, making);
                let words = self.kept_words(kept, span);
                making.parts.push(self.depends(kept.word, &words, span));
                if kept.word == "set" {
                    making.actions.push(Action::Other(words.into()));
                }
                Step::On
            }
            Kind::HandOn(word, looks) => {
                if *word == "synproxy" {
                    self.track();
                }
                self.looks(known, looks, span, making);
                making.actions.push(Action::Other((*word).into()));
                if *word == "synproxy" {
                    // What is neither the beginning nor the end of a handshake goes on.
                    let fate = Fate::Open("handed on", Class::Stateful);
                    self.finish(making.again(Condition::True), fate);
                    return Step::On;
                }
                Step::Decided(Fate::Open("handed on", Class::Stateful))
            }
            Kind::Rewrite(rewrite) => {
                let word = rewrite.what.name();
                self.track();
                for (value, place) in [&rewrite.address, &rewrite.port].into_iter().flatten() {
                    self.looks(known, std::slice::from_ref(value), *place, making);
                }
                if rewrite.what == Rewriter::Tproxy {
                    let to = [&rewrite.address, &rewrite.port].into_iter().flatten();
                    let to: Vec<String> = to.map(|(value, _)| super::describe::expr(value)).collect();
                    let words = format!("{word} to {}", to.join(" port "));
                    making.parts.push(self.depends(word, &words, span));
                    return Step::On;
                }
                making.actions.push(Action::Other(super::describe::rewrite(rewrite).into()));
                Step::Decided(Fate::Known(Outcome::Verdict(Verdict::Accept)))
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

    // What a condition asks that the kernel keeps: with how much, and with what the object of a name says.
    fn kept_words(&self, kept: &Kept<'a>, span: Span) -> String {
        let said = match &kept.said {
            Some(said) => said.to_string(),
            None => self.words(span).replace(" / ", "/"),
        };
        // What it is where it is not said.
        let said = said.strip_suffix(" burst 5 packets").unwrap_or(&said);
        let object = kept.name.and_then(|name| self.object(kept.word, name.text));
        match object.filter(|object| !object.is_empty()) {
            Some(object) => format!("{said} of {object}"),
            None => said.to_owned(),
        }
    }

    // What passes depends on packets before. Each keeps its own count: it is no variable of another.
    fn depends(&mut self, word: &str, words: &str, span: Span) -> Condition {
        let reason = format!("{}: what `{word}` lets pass depends on packets before", Class::Stateful.name());
        Condition::opaque(self.once(words), reason, span)
    }

    // The name of a condition that is another one wherever it stands, though its words are the same.
    fn once(&mut self, words: &str) -> String {
        let home = format!("`{}`", self.home());
        self.seen.name(words, &home)
    }

    // What one rule draws is no variable of another.
    fn name_drawn(&mut self, condition: &mut Condition) {
        condition.rename_opaque(&mut |opaque| {
            DRAWN.iter().any(|word| opaque.id.starts_with(word)).then(|| self.once(&opaque.id))
        });
    }

    // The text of a statement, or of the rule of JSON that it stands in.
    fn words(&self, span: Span) -> String {
        let text = self.text.get(span.range()).unwrap_or("");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn problem(&mut self, problem: &Problem, span: Span, making: &mut Making<'_>) {
        let id = format!("not modelled: {}", self.words(span));
        if let Some(check) = problem.check {
            self.refuse(check, problem.message.clone(), problem.help, problem.span.unwrap_or(span));
        }
        making.parts.push(Condition::opaque(id, problem.message.clone(), span));
    }

    fn said(&mut self, known: Known, said: &Said<'a>, chain: &str) -> Fate {
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
            Said::Queue(_) => return Fate::Open("queue", Class::Stateful),
        })
    }

    fn jump(&mut self, name: Word<'a>, outcome: fn(u32) -> Outcome) -> Fate {
        if let Err(problem) = self.hooked_target(name) {
            self.refuse(raised::SYNTAX_ERROR, problem.message.clone(), problem.help, name.span);
        }
        if let Some(index) = self.target(name.text) {
            return Fate::Known(outcome(index));
        }
        if self.has_chain(name.text) {
            // A chain of ARP, which becomes no rule set.
            return Fate::Known(Outcome::Next { held: None });
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

    // What statements look at beside comparisons.
    fn looks(&mut self, known: &mut Known, list: &[Expr<'a>], span: Span, making: &mut Making<'_>) {
        for expr in list {
            if let Err(problem) = self.looks_at(known, expr, span, &mut making.parts) {
                self.problem(&problem, span, making);
            }
        }
    }

    fn effect(&mut self, known: &mut Known, effect: &Effect<'a>, span: Span, making: &mut Making<'_>) {
        match effect {
            Effect::Count(name, _) => {
                let name = name.map_or("", |name| name.text);
                making.actions.push(Action::Count(name.into()));
            }
            Effect::Log => making.actions.push(Action::Log),
            Effect::Write(load, value) => {
                self.written_value(load, value, span);
                if matches!(load, Load::Field(..) | Load::Raw(..)) {
                    self.looks(known, &[Expr::Load(load.clone(), span)], span, making);
                }
                self.looks(known, std::slice::from_ref(value), span, making);
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
            Effect::Picks(map) => self.looks(known, std::slice::from_ref(map), span, making),
            Effect::Copies(looks) => self.looks(known, looks, span, making),
            Effect::Other(word) => making.actions.push(Action::Other((*word).into())),
            Effect::Uses(..) | Effect::Last => {}
        }
    }

    // Statements that no packet comes to are looked at for what is wrong with them.
    fn never(&mut self, mut known: Known, rest: &[Statement<'a>], chain: &str) {
        let mut spans = rest.iter().filter(|s| !matches!(s.kind, Kind::Comment(_))).map(|s| s.span);
        let Some(first) = spans.next() else { return };
        let span = spans.fold(first, Span::to);
        let message = "no packet comes behind this map, where no key says `continue`".to_owned();
        self.finding(raised::MISLEADING_TEXT, Level::Warning, message, span);
        let mut rules = Rules::new();
        let mut making = Making { name: "", parts: Vec::new(), actions: Vec::new(), span, rules: &mut rules };
        for (statement, next) in rest.iter().zip(1..) {
            self.place_of(&known, statement);
            self.statement(&mut known, statement, chain, &mut making);
            if super::refusals::is_end(&statement.kind) {
                return self.behind(statement, rest.get(next..).unwrap_or(&[]));
            }
        }
    }

    // One rule for every key of a map of verdicts; what of the packets goes on in the rule.
    fn spread(
        &mut self,
        known: &mut Known,
        (key, data): (&Expr<'a>, &Expr<'a>),
        chain: &str,
        span: Span,
        making: &mut Making<'_>,
    ) -> Option<Condition> {
        let words = match data {
            Expr::SetRef(name) => format!("the map {}", self.of_table(*name)),
            _ => "the map".to_owned(),
        };
        let found = self.key_loads(known, key, span, &mut making.parts).and_then(|mut loads| {
            let (elements, changes) = match data {
                Expr::Set(elements) => {
                    Self::without_name(&mut loads, elements)?;
                    (std::rc::Rc::new(elements.clone()), false)
                }
                Expr::SetRef(name) => {
                    let changes = self.set(name.text).is_some_and(|set| set.changes);
                    self.fits(&mut loads, *name)?;
                    (self.elements(*name)?, changes)
                }
                _ => return Err(Problem::unmodelled("this map is computed")),
            };
            Self::keys_differ(&loads, &elements)?;
            let mut conditions = Vec::with_capacity(elements.len());
            for element in elements.iter() {
                if matches!(element.key, Expr::Any) {
                    conditions.push(None);
                    continue;
                }
                let held = self.key(known, &loads, &element.key, element_span(element, span))?;
                conditions.push(Some(if element.temporary {
                    let place = conditions.len();
                    may_be_gone(held, self.once(&format!("element {place} of {words} is there")), span)
                } else {
                    held
                }));
            }
            Ok((loads, elements, conditions, changes))
        });
        let (loads, elements, conditions, changes) = match found {
            Ok(found) => found,
            Err(problem) => {
                self.problem(&problem, span, making);
                let fate = Fate::Open("map", Class::Stateful);
                self.finish(making.again(Condition::True), fate);
                let id = self.once(&format!("{words} comes to continue"));
                return Some(Condition::opaque(id, "stateful: what the map gives is not known", span));
            }
        };
        let mut goes_on = Vec::new();
        for (element, condition) in elements.iter().zip(&conditions) {
            if let Some(condition) = condition {
                if continues(element) {
                    goes_on.push(condition.clone());
                }
                let fate = self.data(*known, element, chain);
                self.finish(making.again(condition.clone()), fate);
            }
        }
        if changes {
            // Keys may be added while it is loaded.
            let there = loads.iter().map(|looked| super::matching::presence(known, looked, span));
            let there = Condition::and(there);
            self.finish(making.again(there.clone()), Fate::Open("changing map", Class::Stateful));
            let id = self.once(&format!("{words} comes to continue"));
            let reason = format!("{}: the map {CHANGES}", Class::Stateful.name());
            goes_on.push(Condition::opaque_within(id, reason, there, Condition::False, span));
        }
        let rest = elements.iter().zip(&conditions).find(|(_, condition)| condition.is_none());
        if let Some((element, _)) = rest {
            let there = loads.iter().map(|looked| super::matching::presence(known, looked, span));
            let others = Condition::or(conditions.iter().flatten().cloned());
            let mut rest = Condition::and(there.chain([Condition::not(others)]));
            if element.temporary {
                let place = conditions.len();
                rest = may_be_gone(rest, self.once(&format!("element {place} of {words} is there")), span);
            }
            if continues(element) {
                goes_on.push(rest.clone());
            }
            let fate = self.data(*known, element, chain);
            self.finish(making.again(rest), fate);
        }
        (!goes_on.is_empty()).then(|| Condition::or(goes_on))
    }

    fn data(&mut self, known: Known, element: &Element<'a>, chain: &str) -> Fate {
        match &element.data {
            Some(Data::Verdict(said)) => self.said(known, said, chain),
            Some(Data::Value(_)) | None => {
                let message = "expected a verdict for every key".to_owned();
                self.finding(raised::SYNTAX_ERROR, Level::Error, message, element.span);
                Fate::Open("not read", Class::Payload)
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a fate is met once")]
    fn finish(&mut self, making: Making<'_>, fate: Fate) {
        let Making { name, mut parts, actions, span, rules } = making;
        let origin = Origin { source: self.source, span };
        for part in &mut parts {
            self.name_drawn(part);
        }
        distinct(&mut parts);
        let condition = Condition::and(parts.drain(..));
        self.parts = parts;
        let actions = actions.as_slice();
        let rule = |condition, outcome| RuleParts {
            name,
            condition,
            actions,
            outcome,
            action_given: true,
            nlri: None,
            origin,
        };
        match fate {
            Fate::Known(outcome) => rules.add(rule(condition, outcome)),
            Fate::Open(word, class) => {
                for verdict in [Verdict::Accept, Verdict::Discard] {
                    let id = self.once(&format!("{word} comes to {verdict}"));
                    let reason = format!("{}: others decide what becomes of the packet", class.name());
                    let open = Condition::opaque(id, reason, span);
                    let condition = Condition::and([condition.clone(), open]);
                    rules.add(rule(condition, Outcome::Verdict(verdict)));
                }
            }
        }
    }
}

// What has another value every time it is asked for.
const DRAWN: [&str; 2] = ["numgen", "meta random"];

// What a statement comes to.
enum Step {
    On,
    Decided(Fate),
    // The rules of a map's keys are there; what goes on in the rule.
    Spread(Option<Condition>),
}

impl Making<'_> {
    // The same rule with another condition behind what it has.
    fn again(&mut self, condition: Condition) -> Making<'_> {
        let mut parts = self.parts.clone();
        parts.push(condition);
        Making { name: self.name, parts, actions: self.actions.clone(), span: self.span, rules: self.rules }
    }
}

fn continues(element: &Element<'_>) -> bool {
    matches!(element.data, Some(Data::Verdict(Said::Continue)))
}

fn element_span(element: &Element<'_>, span: Span) -> Span {
    if element.span == Span::default() { span } else { element.span }
}

// A condition that stands twice stands once.
fn distinct(parts: &mut Vec<Condition>) {
    let same = |a: &Condition, b: &Condition| match (a, b) {
        (Condition::Test(a), Condition::Test(b)) => a.field() == b.field() && a == b,
        _ => false,
    };
    let mut at = 0;
    while let Some((part, rest)) = parts.get(..=at).and_then(<[_]>::split_last) {
        if at <= 16 && rest.iter().any(|before| same(before, part)) {
            parts.remove(at);
        } else {
            at += 1;
        }
    }
}

// An element that is gone after a time, by the name of that.
fn may_be_gone(held: Condition, id: String, span: Span) -> Condition {
    let reason = "stateful: an element of the map may be gone";
    Condition::opaque_within(id, reason, held, Condition::False, span)
}
