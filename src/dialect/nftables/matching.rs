//! Comparisons: what values the right side names, and the condition that the left side is among them.

use super::contradictions::says_transport;
use super::fields::{Load, Meta, Type};
use super::known::Known;
use super::lower::Lower;
use super::numbers::written;
use super::operators::{changing_set, loaded, operated, refuse_shifts};
use super::syntax::{Binary, Class, Element, Expr, Relation, Word};
use super::values::{Linear, Values, full};
use crate::dialect::raised;
use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::source::Span;
use std::ops::Deref;
use std::rc::Rc;

/// Why a comparison has no condition. Behind a pointer, as nearly all have one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem(Box<ProblemParts>);

/// The parts of a [`Problem`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ProblemParts {
    /// The check that speaks of it; none where it is not modelled and nobody is to blame.
    pub(super) check: Option<&'static str>,
    pub(super) message: String,
    /// What to write instead; empty where there is nothing to say.
    pub(super) help: &'static str,
    /// Where, if not at the whole statement.
    pub(super) span: Option<Span>,
}

impl Deref for Problem {
    type Target = ProblemParts;

    fn deref(&self) -> &ProblemParts {
        &self.0
    }
}

impl Problem {
    #[cold]
    pub(super) fn new(check: &'static str, message: impl Into<String>, span: Option<Span>) -> Self {
        Self(Box::new(ProblemParts { check: Some(check), message: message.into(), help: "", span }))
    }

    /// The problem with what to write instead.
    pub(super) fn with_help(mut self, help: &'static str) -> Self {
        self.0.help = help;
        self
    }

    /// Something that is not modelled, of which nobody is to blame.
    #[cold]
    pub(super) fn unmodelled(message: impl Into<String>) -> Self {
        Self(Box::new(ProblemParts { check: None, message: message.into(), help: "", span: None }))
    }
}

pub(super) type Found<T> = Result<T, Problem>;

impl Looked<'_> {
    /// Its words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Load(load, ..) => load.words(),
            Self::Value(value) => super::describe::expr(value),
        }
    }
}

/// A part of what is looked at.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Looked<'a> {
    /// A load, what operators do to it, and its place.
    Load(Load, Linear, Span),
    /// A value that is the same for every packet.
    Value(Expr<'a>),
}

/// The elements of a set, read once.
pub(super) type Elements<'a> = Rc<Vec<Element<'a>>>;

impl<'a> Lower<'a, '_> {
    /// A comparison as conditions added to `out`.
    pub(super) fn relational(
        &mut self,
        known: &mut Known,
        (left, relation, right): (&Expr<'a>, Relation, &Expr<'a>),
        span: Span,
        out: &mut Vec<Condition>,
    ) -> Found<()> {
        super::refusals::relation(left, relation, right)?;
        if matches!(right, Expr::Set(elements) if elements.is_empty()) {
            return Err(Problem::new(raised::SYNTAX_ERROR, "this set holds nothing", None));
        }
        if let Expr::Set(elements) = right
            && let Some(element) = elements.iter().find(|element| element.data.is_some())
        {
            let message = "a set has values, and nothing behind them";
            let problem = Problem::new(raised::SYNTAX_ERROR, message, Some(element.span));
            return Err(problem.with_help("verdicts by value are `vmap`"));
        }
        if let Expr::Concat(parts) = left {
            let mut loads = self.depend_all(known, parts, span, out)?;
            match right {
                Expr::SetRef(name) => self.fits(&mut loads, *name)?,
                Expr::Set(elements) => Self::without_name(&mut loads, elements)?,
                _ => Self::no_values(&loads)?,
            }
            let found = self.concatenated(known, &loads, right, span)?;
            out.push(if relation == Relation::Unequal {
                let there = loads.iter().map(|looked| presence(known, looked, span));
                Condition::and(there.chain([Condition::not(found)]))
            } else {
                found
            });
            return Ok(());
        }
        let (load, linear) = if let Expr::Load(load, _) = left {
            (load, Linear::new(load.width()))
        } else {
            let found = loaded(left)?;
            refuse_shifts(left, found.0)?;
            found
        };
        let of_version = self.of_version(known, load, right);
        let load = of_version.as_ref().unwrap_or(load);
        self.notice(load, span);
        self.contradiction(known, load, left, span);
        known.depend(load, span, out);
        if let Expr::SetRef(name) = right {
            self.same_types(&[load], *name)?;
        }
        let condition = self.compared(known, load, linear, (relation, right), span)?;
        out.push(condition);
        Ok(())
    }

    // Connection tracking is asked for.
    fn notice(&mut self, load: &Load, span: Span) {
        self.later_words(load, span);
        let tracks = match load {
            Load::CtState => true,
            Load::Beyond(_, _, words) => words.starts_with("ct "),
            _ => false,
        };
        if tracks {
            self.track();
        }
    }

    fn depend_all(
        &mut self,
        known: &mut Known,
        parts: &[Expr<'a>],
        span: Span,
        out: &mut Vec<Condition>,
    ) -> Found<Vec<Looked<'a>>> {
        let mut loads = Vec::with_capacity(parts.len());
        for part in parts {
            if matches!(part, Expr::Word(_) | Expr::Number(_)) && parts.len() > 1 {
                loads.push(Looked::Value(part.clone()));
                continue;
            }
            let (load, linear) = loaded(part)?;
            if parts.len() > 1 {
                super::refusals::unversioned(load, part)?;
            }
            self.notice(load, span);
            self.contradiction(known, load, part, span);
            known.depend(load, span, out);
            let linear = if parts.len() > 1 { linear.joined(load) } else { linear.alone() };
            loads.push(Looked::Load(load.clone(), linear, super::refusals::place(part).unwrap_or(span)));
        }
        Ok(loads)
    }

    // The types of a set are those of what is looked up in it.
    pub(super) fn fits(&mut self, loads: &mut [Looked<'a>], name: Word<'a>) -> Found<()> {
        for looked in loads.iter_mut() {
            if let Looked::Load(load, linear, _) = looked {
                *linear = linear.looked_up(load);
            }
        }
        let only = loads.iter().map(|looked| match looked {
            Looked::Load(load, ..) => Some(load),
            Looked::Value(_) => None,
        });
        if let Some(loads) = only.collect::<Option<Vec<_>>>() {
            return self.same_types(&loads, name);
        }
        for (looked, ty) in loads.iter().zip(self.key_types(name.text).unwrap_or_default()) {
            match (looked, super::datatype::by_name(&ty)) {
                (Looked::Value(value), Some((ty, width))) if !ty.is_of_host() => {
                    Self::constant_range(value, ty, width)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    // A value in a concatenation has the type that the set was declared with.
    pub(super) fn no_values(loads: &[Looked<'a>]) -> Found<()> {
        let value = loads.iter().find_map(|looked| match looked {
            Looked::Value(value) => Some(value),
            Looked::Load(..) => None,
        });
        value.map_or(Ok(()), |value| {
            let message = "a value stands here only in front of a named set";
            Err(Problem::new(raised::SYNTAX_ERROR, message, written(value)))
        })
    }

    // `ct original saddr` and `rt nexthop` are of the version that the rule is about.
    #[expect(clippy::unused_self, reason = "beside its kin")]
    fn of_version(&self, known: &Known, load: &Load, right: &Expr<'a>) -> Option<Load> {
        let Load::Beyond(class, Type::Host, words) = load else { return None };
        let (Some(version), false) = (known.said.version, matches!(right, Expr::Set(_) | Expr::SetRef(_)))
        else {
            return None;
        };
        let (name, ty) = if version == 4 { ("ip", Type::Ipv4) } else { ("ip6", Type::Ipv6) };
        let longer = match words.split(' ').collect::<Vec<_>>().as_slice() {
            ["rt", "nexthop"] => format!("rt {name} nexthop"),
            ["ct", direction @ ("original" | "reply"), key @ ("saddr" | "daddr")] => {
                format!("ct {direction} {name} {key}")
            }
            _ => return None,
        };
        Some(Load::Beyond(*class, ty, longer.into()))
    }

    // One load against the right side.
    fn compared(
        &mut self,
        known: &mut Known,
        load: &Load,
        mut linear: Linear,
        (relation, right): (Relation, &Expr<'a>),
        span: Span,
    ) -> Found<Condition> {
        let (ty, width) = (load.ty(), load.width());
        let unequal = relation == Relation::Unequal;
        if matches!(ty, Type::Interface | Type::Group) {
            if !matches!(relation, Relation::Implicit | Relation::Equal | Relation::Unequal) {
                return Err(Problem::unmodelled("names have no order"));
            }
            return match self.changing(right) {
                None => self.named(load, right, unequal, span),
                Some(set) => {
                    let lasting = self.lasting(set)?;
                    let under = self.named(load, &lasting, false, span)?;
                    Ok(changing_set(
                        &load.words(),
                        &self.of_table(set),
                        (there(known, load, span), under),
                        unequal,
                        span,
                    ))
                }
            };
        }
        if ty.is_of_host() {
            self.forms(ty, right)?;
            return Ok(host(load, relation, right, span));
        }
        if matches!(right, Expr::SetRef(_)) {
            linear = linear.looked_up(load).unmoved();
        }
        if relation == Relation::NoneOf {
            linear = linear.unmoved();
        }
        let moved = linear.take_moved();
        let across = linear.across();
        // nft takes a set of one element for the element (measured with 1.0.6).
        let plain = match right {
            Expr::SetRef(_) => false,
            Expr::Set(elements) => elements.len() == 1,
            _ => true,
        };
        let values = match (relation, right) {
            _ if (across.is_some() || moved != 0) && !matches!(right, Expr::SetRef(_)) => {
                let (values, known) = Self::transferred((across, moved), (relation, right), ty, width)?;
                if !known {
                    linear = linear.unsaid();
                }
                values
            }
            // Flags seen through a mask.
            (Relation::Implicit | Relation::Equal | Relation::Unequal, Expr::Slash(pair))
                if ty.is_flags() =>
            {
                let mask = Self::number(&pair.1, ty, width)?;
                let value = Self::number(&pair.0, ty, width)?;
                linear.and(mask);
                Values::single(value)
            }
            (Relation::Implicit, _) if ty.is_flags() && plain && linear.is_identity() => match right {
                Expr::Range(_) => self.values(right, ty, width)?,
                _ => Values::any_of(Self::number(right, ty, width)?, width),
            },
            (Relation::Implicit | Relation::Equal | Relation::Unequal, _) => self.values(right, ty, width)?,
            (Relation::NoneOf, _) => Values::pattern(0, Self::number(right, ty, width)?, width),
            (Relation::Less, _) => match Self::number(right, ty, width)?.checked_sub(1) {
                Some(last) => Values::range(0, last),
                None => Values::range(1, 0),
            },
            (Relation::LessOrEqual, _) => Values::range(0, Self::number(right, ty, width)?),
            (Relation::Greater, _) => match Self::number(right, ty, width)? {
                last if last >= full(width) => Values::range(1, 0),
                number => Values::range(number + 1, full(width)),
            },
            (Relation::GreaterOrEqual, _) => Values::range(Self::number(right, ty, width)?, full(width)),
        };
        if let Some(set) = self.changing(right) {
            // What it holds when it is loaded it holds at least, without what is gone after a time.
            let lasting = match self.lasting(set)? {
                Expr::Set(elements) => self.union(&elements, ty, width)?,
                _ => values,
            };
            let under = operated(known, load, linear, (&lasting, false), span)?;
            let bounds = (there(known, load, span), under);
            return Ok(changing_set(&load.words(), &self.of_table(set), bounds, unequal, span));
        }
        let learnt = linear.is_identity() && !unequal;
        let condition = operated(known, load, linear, (&values, unequal), span)?;
        if learnt {
            known.learn(load, &values);
            known.said.last = Self::last_transport(load, right).or(known.said.last);
        }
        Ok(condition)
    }

    // The transport protocol that nft takes a rule to be about behind a comparison: of a set the last it names.
    fn last_transport(load: &Load, right: &Expr<'a>) -> Option<u8> {
        match right {
            Expr::Set(elements) => {
                elements.iter().rev().find_map(|element| Self::last_transport(load, &element.key))
            }
            Expr::Word(_) | Expr::Number(_) => {
                let number = Self::number(right, load.ty(), load.width()).ok()?;
                u8::try_from(number).ok().filter(|number| says_transport(load, *number))
            }
            _ => None,
        }
    }

    /// One load is one of the values of an expression.
    pub(super) fn member(
        &mut self,
        known: &Known,
        looked: &Looked<'a>,
        expr: &Expr<'a>,
        span: Span,
    ) -> Found<Condition> {
        let (load, linear) = match looked {
            Looked::Load(load, linear, _) => (load, linear),
            Looked::Value(value) => return Self::same_value(value, expr),
        };
        let (ty, width) = (load.ty(), load.width());
        match ty {
            Type::Interface | Type::Group => self.named(load, expr, false, span),
            _ if ty.is_of_host() => {
                self.forms(ty, expr)?;
                Ok(host(load, Relation::Equal, expr, span))
            }
            _ => {
                let values = self.values(expr, ty, width)?;
                operated(known, load, *linear, (&values, false), span)
            }
        }
    }

    // A value is one of the values of an expression, whatever type both have.
    fn same_value(value: &Expr<'a>, expr: &Expr<'a>) -> Found<Condition> {
        if matches!(expr, Expr::Any) {
            return Ok(Condition::True);
        }
        let types = [
            (Type::Integer, 128),
            (Type::Ipv4, 32),
            (Type::Ipv6, 128),
            (Type::Ethernet, 48),
            (Type::Service, 16),
            (Type::Protocol, 8),
        ];
        let found = types.into_iter().find_map(|(ty, width)| {
            let value = Self::number(value, ty, width).ok()?;
            let (lo, hi) = Self::value_range(expr, ty, width).ok()?;
            Some(if lo <= value && value <= hi { Condition::True } else { Condition::False })
        });
        found.ok_or_else(|| Problem::unmodelled("a value of a type that is not known"))
    }

    /// The range that a constant names; a value that is computed is nothing to look at.
    pub(super) fn constant_range(expr: &Expr<'a>, ty: Type, width: u32) -> Found<()> {
        match expr {
            Expr::Word(_) | Expr::Number(_) | Expr::Range(_) | Expr::Slash(_) | Expr::List(_) => {
                Self::value_range(expr, ty, width).map(drop)
            }
            Expr::Binary(parts) => {
                let shifts = matches!(parts.0, Binary::ShiftLeft | Binary::ShiftRight);
                Self::constant_range(&parts.1, ty, width)?;
                Self::constant_range(&parts.2, if shifts { Type::Integer } else { ty }, width)
            }
            _ => Ok(()),
        }
    }

    // Several loads against concatenations.
    fn concatenated(
        &mut self,
        known: &Known,
        loads: &[Looked<'a>],
        right: &Expr<'a>,
        span: Span,
    ) -> Found<Condition> {
        match right {
            Expr::Set(elements) => {
                let mut any = Vec::with_capacity(elements.len());
                for element in elements {
                    any.push(self.key(known, loads, &element.key, span)?);
                }
                Ok(Condition::or(any))
            }
            Expr::SetRef(name) => {
                let elements = self.elements(*name)?;
                let changing = self.changing(right).is_some();
                let mut any = Vec::with_capacity(elements.len());
                for element in elements.iter().filter(|element| !(changing && element.temporary)) {
                    any.push(self.key(known, loads, &element.key, span)?);
                }
                let found = Condition::or(any);
                if !changing {
                    return Ok(found);
                }
                let words: Vec<String> = loads.iter().map(Looked::words).collect();
                let there = Condition::and(loads.iter().map(|looked| presence(known, looked, span)));
                Ok(changing_set(&words.join(" . "), &self.of_table(*name), (there, found), false, span))
            }
            other => self.key(known, loads, other, span),
        }
    }

    /// A key of a set, map or concatenation.
    pub(super) fn key(
        &mut self,
        known: &Known,
        loads: &[Looked<'a>],
        key: &Expr<'a>,
        span: Span,
    ) -> Found<Condition> {
        match (loads, key) {
            (_, Expr::Any) => Ok(Condition::and(loads.iter().map(|looked| presence(known, looked, span)))),
            ([looked], key) => self.member(known, looked, key, span),
            (loads, Expr::Concat(parts)) if parts.len() == loads.len() => {
                let mut all = Vec::with_capacity(parts.len());
                for (looked, part) in loads.iter().zip(parts) {
                    all.push(self.member(known, looked, part, span)?);
                }
                Ok(Condition::and(all))
            }
            (loads, Expr::Set(elements)) => {
                let mut any = Vec::with_capacity(elements.len());
                for element in elements {
                    any.push(self.key(known, loads, &element.key, span)?);
                }
                Ok(Condition::or(any))
            }
            _ => Err(Problem::new(
                raised::SYNTAX_ERROR,
                format!("expected {} values joined by dots", loads.len()),
                None,
            )),
        }
    }

    /// The loads of a key, with what they imply added to `out`.
    pub(super) fn key_loads(
        &mut self,
        known: &mut Known,
        key: &Expr<'a>,
        span: Span,
        out: &mut Vec<Condition>,
    ) -> Found<Vec<Looked<'a>>> {
        match key {
            Expr::Concat(parts) => self.depend_all(known, parts, span, out),
            other => self.depend_all(known, std::slice::from_ref(other), span, out),
        }
    }

    // The name of the set, where it changes while it is loaded.
    fn changing(&self, right: &Expr<'a>) -> Option<Word<'a>> {
        match right {
            Expr::SetRef(name) if self.set(name.text).is_some_and(|set| set.changes) => Some(*name),
            _ => None,
        }
    }
}

/// The load is there, whatever its value.
pub(super) fn presence(known: &Known, looked: &Looked<'_>, span: Span) -> Condition {
    match looked {
        Looked::Load(load, ..) => there(known, load, span),
        Looked::Value(_) => Condition::True,
    }
}

pub(super) fn there(known: &Known, load: &Load, span: Span) -> Condition {
    match load {
        Load::Meta(Meta::InIface) => Condition::present(Field::InIface),
        Load::Meta(Meta::OutIface) => Condition::present(Field::OutIface),
        Load::Meta(Meta::InGroup | Meta::OutGroup) | Load::Beyond(Class::Stateful, ..) => Condition::True,
        _ => {
            let width = load.width();
            known.bits(load, (0, width), &Values::range(0, full(width)), span)
        }
    }
}

/// What only the host knows: equal words, equal variable.
pub(super) fn host(load: &Load, relation: Relation, right: &Expr<'_>, span: Span) -> Condition {
    let words = load.words();
    let class = match load {
        Load::Beyond(class, ..) => *class,
        _ => Class::Payload,
    };
    let by = match relation {
        Relation::Implicit | Relation::Equal | Relation::Unequal => "",
        Relation::Less => "< ",
        Relation::LessOrEqual => "<= ",
        Relation::Greater => "> ",
        Relation::GreaterOrEqual => ">= ",
        Relation::NoneOf => "! ",
    };
    let id = format!("{words} {by}{}", super::describe::expr(right));
    let reason = format!("{}: `{words}` is not modelled", class.name());
    let over = match load {
        Load::TcpOption(..) => Condition::test_at(Field::Proto, ValueSet::single(6), span),
        _ => Condition::True,
    };
    let found = Condition::opaque_within(id, reason, over, Condition::False, span);
    if relation == Relation::Unequal { Condition::not(found) } else { found }
}
