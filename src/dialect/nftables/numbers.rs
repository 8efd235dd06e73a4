//! The numbers that values name.

use super::fields::Type;
use super::lower::Lower;
use super::matching::{Found, Problem};
use super::names;
use super::syntax::{Binary, Element, Expr};
use super::values::{Values, full};
use crate::dialect::raised;
use crate::net::IntervalSet;
use crate::source::Span;

impl<'a> Lower<'a, '_> {
    /// A single number.
    pub(super) fn number(expr: &Expr<'a>, ty: Type, width: u32) -> Found<u128> {
        let value = match expr {
            Expr::Word(word) => {
                let unknown = || {
                    let check = if names::number(word.text).is_some() {
                        raised::VALUE_OUT_OF_RANGE
                    } else {
                        raised::SYNTAX_ERROR
                    };
                    Problem::new(check, format!("`{}` is no value here", word.text), Some(word.span))
                };
                names::value(ty, word.text).ok_or_else(unknown)?
            }
            Expr::Number(number) => u128::from(*number),
            Expr::List(parts) => {
                let mut value = 0;
                for part in parts {
                    value |= Self::number(part, ty, width)?;
                }
                value
            }
            Expr::Binary(parts) => {
                let (operator, left, right) = &**parts;
                let left = Self::number(left, ty, width)?;
                let shifts = matches!(operator, Binary::ShiftLeft | Binary::ShiftRight);
                let right = Self::number(right, if shifts { Type::Integer } else { ty }, width)?;
                let by = u32::try_from(right).unwrap_or(u32::MAX);
                match operator {
                    Binary::And => left & right,
                    Binary::Or => left | right,
                    Binary::Xor => left ^ right,
                    Binary::ShiftLeft => left.checked_shl(by).unwrap_or(0),
                    Binary::ShiftRight => left.checked_shr(by).unwrap_or(0),
                }
            }
            Expr::Set(elements) => match elements.as_slice() {
                [only] => Self::number(&only.key, ty, width)?,
                _ => return Err(Problem::new(raised::SYNTAX_ERROR, "expected one value", None)),
            },
            Expr::SetRef(name) => {
                return Err(Problem::new(
                    raised::SYNTAX_ERROR,
                    "expected a value, not a set",
                    Some(name.span),
                ));
            }
            Expr::Range(_) => {
                return Err(Problem::new(
                    raised::SYNTAX_ERROR,
                    "expected one value, not a range",
                    written(expr),
                ));
            }
            _ => return Err(Problem::unmodelled("values that are computed")),
        };
        if value > full(width) {
            let message = format!("{value} is above {}, the most this field holds", full(width));
            let span = if let Expr::Word(word) = expr { Some(word.span) } else { None };
            return Err(Problem::new(raised::VALUE_OUT_OF_RANGE, message, span));
        }
        Ok(value)
    }

    /// The values an expression names.
    pub(super) fn values(&mut self, expr: &Expr<'a>, ty: Type, width: u32) -> Found<Values> {
        match expr {
            Expr::SetRef(name) => {
                if let Some(values) = self.cached(name.text, ty, width) {
                    return Ok(values);
                }
                let elements = self.elements(*name)?;
                let values = self.union(&elements, ty, width)?;
                self.cache(name.text, ty, width, &values);
                Ok(values)
            }
            Expr::Set(elements) => self.union(elements, ty, width),
            _ => Self::value_range(expr, ty, width).map(|(lo, hi)| Values::range(lo, hi)),
        }
    }

    /// What elements name together.
    pub(super) fn union(&mut self, elements: &[Element<'a>], ty: Type, width: u32) -> Found<Values> {
        let mut ranges = Vec::with_capacity(elements.len());
        for element in elements {
            match &element.key {
                Expr::Set(_) | Expr::SetRef(_) => match self.values(&element.key, ty, width)? {
                    Values::Ranges(set) => ranges.extend(set.ranges()),
                    Values::Bits(_) => return Err(Problem::unmodelled("masks inside sets")),
                },
                key => ranges.push(Self::value_range(key, ty, width)?),
            }
        }
        Ok(Values::Ranges(IntervalSet::from_ranges(ranges)))
    }

    /// A value, a prefix or a range.
    pub(super) fn value_range(expr: &Expr<'a>, ty: Type, width: u32) -> Found<(u128, u128)> {
        match expr {
            Expr::Any => Ok((0, full(width))),
            Expr::Slash(pair) => {
                let addr = Self::number(&pair.0, ty, width)?;
                let bits = Self::number(&pair.1, Type::Integer, 32)?;
                let Some(free) = u32::try_from(bits).ok().and_then(|bits| width.checked_sub(bits)) else {
                    let message = format!("a prefix has at most {width} bits here");
                    return Err(Problem::new(raised::VALUE_OUT_OF_RANGE, message, written(&pair.1)));
                };
                let host = full(free);
                Ok((addr & !host, addr | host))
            }
            Expr::Range(pair) => {
                let (lo, _) = Self::value_range(&pair.0, ty, width)?;
                let (_, hi) = Self::value_range(&pair.1, ty, width)?;
                if lo > hi {
                    let place = written(&pair.0).zip(written(&pair.1)).map(|(lo, hi)| lo.to(hi));
                    return Err(Problem::new(raised::EMPTY_RANGE, "this range holds no value", place));
                }
                Ok((lo, hi))
            }
            Expr::Concat(parts) => {
                let place = parts.iter().filter_map(written).reduce(Span::to);
                let problem =
                    Problem::new(raised::SYNTAX_ERROR, "several values joined where one is expected", place);
                Err(problem.with_help("what is looked at is a single field"))
            }
            other => Self::number(other, ty, width).map(|value| (value, value)),
        }
    }
}

/// Where a value is written.
pub(super) fn written(expr: &Expr<'_>) -> Option<Span> {
    match expr {
        Expr::Word(word) => Some(word.span),
        Expr::Slash(pair) | Expr::Range(pair) => Some(written(&pair.0)?.to(written(&pair.1)?)),
        Expr::Binary(parts) => Some(written(&parts.1)?.to(written(&parts.2)?)),
        Expr::List(parts) => parts.iter().filter_map(written).reduce(Span::to),
        _ => None,
    }
}
