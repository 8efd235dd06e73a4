//! Operators between a load and what it is compared with.

use super::across::Across;
use super::fields::{Header, Load, Type};
use super::known::Known;
use super::load_condition::opaque;
use super::lower::Lower;
use super::matching::{Looked, Problem, there};
use super::names;
use super::numbers::written;
use super::syntax::{Binary, Class, Element, Expr, Relation, Word};
use super::values::{Linear, Values, full};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::ir::Condition;
use crate::net::IntervalSet;
use crate::source::Span;
use std::fmt::{self, Display, Formatter};

type Found<T> = Result<T, Problem>;

impl<'a> Lower<'a, '_> {
    /// Looks loads up in a set without a name; with ranges it compares fields across octets in its own way.
    pub(super) fn without_name(loads: &mut [Looked<'a>], elements: &[Element<'a>]) -> Found<()> {
        Self::no_values(loads)?;
        let odd =
            |looked: &Looked<'_>| matches!(looked, Looked::Load(_, linear, _) if *linear != linear.alone());
        if !loads.iter().any(odd) {
            return Ok(());
        }
        let is_range = |expr: &Expr<'_>| matches!(expr, Expr::Range(_) | Expr::Slash(_));
        let with_range = |element: &Element<'_>| match &element.key {
            Expr::Concat(parts) => parts.iter().any(is_range),
            other => is_range(other),
        };
        if elements.iter().any(with_range) {
            for looked in loads {
                if let Looked::Load(_, linear, _) = looked {
                    *linear = linear.alone();
                }
            }
        }
        Ok(())
    }

    /// What the right side comes to where nft turns bits of it over, or writes it with the octets of a field across
    /// octets; and whether that is known.
    pub(super) fn transferred(
        (across, moved): (Option<Across>, u128),
        (relation, right): (Relation, &Expr<'a>),
        ty: Type,
        width: u32,
    ) -> Found<(Values, bool)> {
        // A value has the octets it needs, and only so many are compared.
        let spare = across.map_or(0, Across::spare);
        let all = full(across.map_or(width, Across::bits));
        let first = |value: u128| (value ^ moved).checked_shl(spare).unwrap_or(0);
        let last = |value: u128| first(value) | full(spare);
        let below =
            |value: u128| value.checked_sub(1).map_or(Values::range(1, 0), |top| Values::range(0, top));
        let above =
            |value: u128| if value >= all { Values::range(1, 0) } else { Values::range(value + 1, all) };
        let elements = match right {
            Expr::Set(elements) if elements.len() > 1 => elements.as_slice(),
            _ => {
                let right = match right {
                    Expr::Set(elements) => elements.first().map_or(right, |only| &only.key),
                    other => other,
                };
                let (lo, hi) = Self::value_range(right, ty, width)?;
                return Ok(match relation {
                    Relation::Implicit | Relation::Equal | Relation::Unequal => {
                        // Turned over, the ends of a range may change places: then nothing lies between them.
                        let ranges = (first(lo) <= last(hi)).then(|| (first(lo), last(hi)));
                        (Values::Ranges(IntervalSet::from_ranges(ranges)), true)
                    }
                    Relation::Less => (below(first(lo)), true),
                    Relation::LessOrEqual => (Values::range(0, last(lo)), true),
                    Relation::Greater => (above(last(lo)), true),
                    Relation::GreaterOrEqual => (Values::range(first(lo), all), true),
                    Relation::NoneOf => (Values::pattern(0, first(lo), width), false),
                });
            }
        };
        let mut ranges = Vec::with_capacity(elements.len());
        for element in elements {
            let (lo, hi) = Self::value_range(&element.key, ty, width)?;
            ranges.extend((first(lo) <= last(hi)).then(|| (first(lo), last(hi))));
        }
        Ok((Values::Ranges(IntervalSet::from_ranges(ranges)), spare == 0))
    }

    /// Words of ICMPv6 that nft has in lists and in later versions (measured with 1.0.6).
    pub(super) fn later_words(&mut self, load: &Load, span: Span) {
        if let Load::Field(Header::Icmpv6, place) = load
            && matches!(place.word, "parameter-problem" | "packet-too-big" | "taddr" | "daddr")
        {
            let message = format!("nft 1.0.6 does not take `{load}`, which other versions do");
            self.finding(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, span);
        }
    }

    /// What a set holds that is not gone after a time; the set itself where that is all.
    pub(super) fn lasting(&mut self, set: Word<'a>) -> Found<Expr<'a>> {
        let elements = self.elements(set)?;
        if elements.iter().all(|element| !element.temporary) {
            return Ok(Expr::SetRef(set));
        }
        Ok(Expr::Set(elements.iter().filter(|element| !element.temporary).cloned().collect()))
    }
}

/// What reasons say of sets and maps that rules change, or that change by themselves.
pub(super) const CHANGES: &str = "changes while it is loaded";

/// Membership of a set that changes while it is loaded: where what is looked at is there, and at least these.
pub(super) fn changing_set(
    words: &str,
    set: &str,
    (there, under): (Condition, Condition),
    unequal: bool,
    span: Span,
) -> Condition {
    let id = format!("{words} in {set}");
    let reason = format!("{}: the set {set} {CHANGES}", Class::Stateful.name());
    let found = Condition::opaque_within(id, reason, there.clone(), under, span);
    if unequal { Condition::and([there, Condition::not(found)]) } else { found }
}

/// What operators make of a load is among the values, or is there and is not.
pub(super) fn operated(
    known: &Known,
    load: &Load,
    linear: Linear,
    (values, unequal): (&Values, bool),
    span: Span,
) -> Found<Condition> {
    let width = load.width();
    // Marks stand in the host's order, and what is shifted is what is looked up.
    if linear.is_strange() && !matches!(load, Load::Meta(_)) {
        return Ok(strange(known, load, linear, (values, unequal), span));
    }
    let many = || Problem::unmodelled("too many patterns");
    if linear.is_identity() {
        let other = if unequal { Some(values.complement(width).ok_or_else(many)?) } else { None };
        return Ok(known.bits(load, (0, width), other.as_ref().unwrap_or(values), span));
    }
    if let Some((low, bits)) = linear.window()
        && let Some(above) = values.above(low, bits)
    {
        let above = if unequal { above.complement(bits).ok_or_else(many)? } else { above };
        return Ok(known.bits(load, (low, bits), &above, span));
    }
    let before = linear.before(values).ok_or_else(many)?;
    let before = if unequal { before.complement(width).ok_or_else(many)? } else { before };
    Ok(known.bits(load, (0, width), &before, span))
}

// What nft does in a register that holds the field's octets, or otherwise than the operators say.
fn strange(
    known: &Known,
    load: &Load,
    linear: Linear,
    (values, unequal): (&Values, bool),
    span: Span,
) -> Condition {
    let width = load.width();
    let found = linear
        .across()
        .and_then(|across| across.before(&linear.before(values)?))
        .and_then(|before| if unequal { before.complement(width) } else { Some(before) });
    if let Some(found) = found {
        return known.bits(load, (0, width), &found, span);
    }
    let there = there(known, load, span);
    let found = opaque(&Operated(load, linear), Class::Payload, values, there.clone(), span);
    if unequal { Condition::and([there, Condition::not(found)]) } else { found }
}

// What is compared, in words that tell one from another.
struct Operated<'l>(&'l Load, Linear);

impl Display for Operated<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(load, linear) = self;
        write!(f, "{load}{linear}")
    }
}

/// nft compares no shifted load with values of its type, but numbers.
pub(super) fn refuse_shifts(left: &Expr<'_>, load: &Load) -> Found<()> {
    let Expr::Binary(parts) = left else { return Ok(()) };
    let (operator, inner, by) = &**parts;
    let shifts = matches!(operator, Binary::ShiftLeft | Binary::ShiftRight);
    if shifts && !matches!(load, Load::Raw(..)) && load.ty() != Type::Integer {
        let message = format!("`{load}` is no number that can be shifted and compared");
        return Err(Problem::new(raised::SYNTAX_ERROR, message, written(by)));
    }
    refuse_shifts(inner, load)
}

/// The load an expression looks at, and what operators do to it.
pub(super) fn loaded<'e>(expr: &'e Expr<'_>) -> Found<(&'e Load, Linear)> {
    match expr {
        Expr::Load(load, _) => Ok((load, Linear::new(load.width()))),
        Expr::Binary(parts) => {
            let (operator, left, right) = &**parts;
            let (load, linear) = loaded(left)?;
            let mut linear = linear.joined(load);
            let value = operand(right, load, *operator)?;
            let by = i32::try_from(value).unwrap_or(i32::MAX).min(128);
            match operator {
                Binary::And => linear.and(value),
                Binary::Or => linear.or(value),
                Binary::Xor => linear.xor(value),
                Binary::ShiftLeft => linear.shift(by),
                Binary::ShiftRight => linear.shift(-by),
            }
            Ok((load, linear))
        }
        _ => Err(Problem::unmodelled("what is looked at is computed")),
    }
}

// The number on the right of an operator.
fn operand(right: &Expr<'_>, load: &Load, operator: Binary) -> Found<u128> {
    let shifts = matches!(operator, Binary::ShiftLeft | Binary::ShiftRight);
    let Some(value) = constant(right, if shifts { Type::Integer } else { load.ty() }) else {
        return match written(right) {
            Some(span) => {
                Err(Problem::new(raised::SYNTAX_ERROR, "this is no value of what is looked at", Some(span)))
            }
            None => Err(Problem::unmodelled("operators between two loads")),
        };
    };
    let most = if shifts { u128::from(load.width()) } else { full(load.width()) };
    if value > most {
        let message = format!("{value} is above {most}, the most there is here");
        return Err(Problem::new(raised::VALUE_OUT_OF_RANGE, message, written(right)));
    }
    Ok(value)
}

// The number an expression of constants comes to.
fn constant(expr: &Expr<'_>, ty: Type) -> Option<u128> {
    match expr {
        Expr::Word(word) => names::value(ty, word.text).or_else(|| names::number(word.text)),
        Expr::Number(number) => Some(u128::from(*number)),
        Expr::List(parts) => {
            let mut value = 0;
            for part in parts {
                value |= constant(part, ty)?;
            }
            Some(value)
        }
        Expr::Binary(parts) => {
            let (operator, left, right) = &**parts;
            let (left, right) = (constant(left, ty)?, constant(right, ty)?);
            let by = u32::try_from(right).unwrap_or(u32::MAX);
            Some(match operator {
                Binary::And => left & right,
                Binary::Or => left | right,
                Binary::Xor => left ^ right,
                Binary::ShiftLeft => left.checked_shl(by).unwrap_or(0),
                Binary::ShiftRight => left.checked_shr(by).unwrap_or(0),
            })
        }
        // `& 255.255.255.0/24` and the like have no single value.
        _ => None,
    }
}
