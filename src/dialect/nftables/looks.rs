//! What statements look at of the packet beside comparisons: fields they read or write, maps they ask. Where it is
//! not there, the rule ends without a verdict (`NFT_BREAK` of the kernel's expressions).

use super::fields::{Load, Type};
use super::known::Known;
use super::lower::Lower;
use super::matching::{Looked, Problem};
use super::operators::CHANGES;
use super::syntax::{Class, Data, Expr};
use crate::dialect::raised;
use crate::ir::Condition;
use crate::source::Span;

type Found = Result<(), Problem>;

impl<'a> Lower<'a, '_> {
    /// Adds what must hold for an expression to have a value.
    pub(super) fn looks_at(
        &mut self,
        known: &mut Known,
        expr: &Expr<'a>,
        span: Span,
        out: &mut Vec<Condition>,
    ) -> Found {
        match expr {
            Expr::Load(load, _) => {
                let loads = self.key_loads(known, expr, span, out)?;
                if !matches!(load, Load::Beyond(Class::Stateful, ..) | Load::Meta(_) | Load::CtState) {
                    out.extend(loads.iter().map(|looked| super::matching::presence(known, looked, span)));
                }
                Ok(())
            }
            Expr::Binary(parts) => {
                self.looks_at(known, &parts.1, span, out)?;
                self.looks_at(known, &parts.2, span, out)
            }
            Expr::Slash(pair) | Expr::Range(pair) => {
                self.looks_at(known, &pair.0, span, out)?;
                self.looks_at(known, &pair.1, span, out)
            }
            Expr::Concat(parts) | Expr::List(parts) => {
                parts.iter().try_for_each(|part| self.looks_at(known, part, span, out))
            }
            Expr::Map(parts) => self.looks_up(known, (&parts.0, &parts.1), span, out),
            Expr::Word(_)
            | Expr::Number(_)
            | Expr::SetRef(_)
            | Expr::Any
            | Expr::Set(_)
            | Expr::Unmodelled => Ok(()),
        }
    }

    // A map has something for the packet.
    fn looks_up(
        &mut self,
        known: &mut Known,
        (key, data): (&Expr<'a>, &Expr<'a>),
        span: Span,
        out: &mut Vec<Condition>,
    ) -> Found {
        let mut loads = self.key_loads(known, key, span, out)?;
        let (elements, name) = match data {
            Expr::Set(elements) => {
                Self::without_name(&mut loads, elements)?;
                (std::rc::Rc::new(elements.clone()), None)
            }
            Expr::SetRef(name) => {
                self.fits(&mut loads, *name)?;
                (self.elements(*name)?, Some(*name))
            }
            _ => return Err(Problem::unmodelled("this map is computed")),
        };
        if name.is_none()
            && let Some(element) = elements.iter().find(|element| element.data.is_none())
        {
            let message = "expected `:` and what the map gives for this";
            return Err(Problem::new(raised::SYNTAX_ERROR, message, Some(element.span)));
        }
        let there =
            || Condition::and(loads.iter().map(|looked| super::matching::presence(known, looked, span)));
        if elements.iter().any(|element| matches!(element.key, Expr::Any) && !element.temporary) {
            out.push(there());
            return Ok(());
        }
        let changing = name.filter(|name| self.set(name.text).is_some_and(|set| set.changes));
        let mut any = Vec::with_capacity(elements.len());
        for element in elements.iter().filter(|element| !(changing.is_some() && element.temporary)) {
            any.push(self.key(known, &loads, &element.key, span)?);
        }
        let held = Condition::or(any);
        out.push(match changing {
            Some(name) => changing_map(&loads, &self.of_table(name), (there(), held), span),
            None => held,
        });
        Ok(())
    }

    /// What maps give is of the type that is asked for.
    pub(super) fn gives(value: &Expr<'a>, (ty, width): (Type, u32)) -> Found {
        let Expr::Map(parts) = value else { return Self::constant_range(value, ty, width) };
        let Expr::Set(elements) = &parts.1 else { return Ok(()) };
        elements.iter().try_for_each(|element| match &element.data {
            Some(Data::Value(value)) => Self::constant_range(value, ty, width),
            Some(Data::Verdict(_)) => {
                let message = "expected a value, not a verdict";
                Err(Problem::new(raised::SYNTAX_ERROR, message, Some(element.span)))
            }
            None => Ok(()),
        })
    }
}

// The keys there are when it is loaded are there at least.
fn changing_map(
    loads: &[Looked<'_>],
    map: &str,
    (over, under): (Condition, Condition),
    span: Span,
) -> Condition {
    let words: Vec<String> = loads.iter().map(Looked::words).collect();
    let id = format!("{} in {map}", words.join(" . "));
    let reason = format!("{}: the map {map} {CHANGES}", Class::Stateful.name());
    Condition::opaque_within(id, reason, over, under, span)
}
