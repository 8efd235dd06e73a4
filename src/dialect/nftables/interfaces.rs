//! Interfaces and groups of them, by their names.

use super::fields::{Load, Meta, Type};
use super::load_condition::opaque;
use super::lower::Lower;
use super::matching::{Found, Problem, host};
use super::names;
use super::syntax::{Class, Expr, Relation};
use super::values::Values;
use crate::dialect::raised;
use crate::field::Field;
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Interface, ValueSet};
use crate::net::IntervalSet;
use crate::source::Span;

impl<'a> Lower<'a, '_> {
    /// Interfaces or groups of them, by their names.
    pub(super) fn named(
        &mut self,
        load: &Load,
        right: &Expr<'a>,
        unequal: bool,
        span: Span,
    ) -> Found<Condition> {
        let mut names = Vec::new();
        self.names(right, &mut names)?;
        if let Expr::Word(word) = right
            && names::is_bare_protocol(*word)
        {
            let message = format!("`{}` is a protocol here, and no name", word.text);
            let problem = Problem::new(raised::SYNTAX_ERROR, message, Some(word.span));
            return Err(problem.with_help("put the name in quotes"));
        }
        let (field, group) = match load {
            Load::Meta(Meta::InIface) => (Field::InIface, Field::InGroup),
            Load::Meta(Meta::OutIface) => (Field::OutIface, Field::OutGroup),
            Load::Meta(Meta::InGroup) => (Field::InGroup, Field::InGroup),
            Load::Meta(Meta::OutGroup) => (Field::OutGroup, Field::OutGroup),
            _ => {
                return Ok(host(
                    load,
                    if unequal { Relation::Unequal } else { Relation::Equal },
                    right,
                    span,
                ));
            }
        };
        let is_group = field == group;
        let (mut list, mut groups) = (Vec::new(), Vec::new());
        let mut all = false;
        for name in &names {
            if is_group {
                groups.push(self.document.symbol(if name == "default" { "0" } else { name }));
            } else if name == "*" {
                all = true;
            } else {
                list.push(interface(name));
            }
        }
        if all {
            return Ok(if unequal { Condition::False } else { Condition::present(field) });
        }
        let mut parts = Vec::new();
        if is_group && unequal {
            // Without an interface the rule ends here.
            let iface = if field == Field::InGroup { Field::InIface } else { Field::OutIface };
            parts.push(Condition::present(iface));
        }
        // What a beginning stands for is not said twice.
        let beginnings: Vec<Interface<'_>> =
            list.iter().filter(|named| matches!(named, Interface::Beginning(_))).cloned().collect();
        list.retain(|named| !beginnings.iter().any(|other| named != other && named.is_of(other)));
        let symbols: Vec<u32> = list.iter().map(|named| self.document.symbol(&named.symbol())).collect();
        if !symbols.is_empty() {
            let set = IntervalSet::from_ranges(symbols.iter().map(|s| (*s, *s)));
            let test = Condition::test_at(field, ValueSet::Ranges(set), span);
            // Where a hook has no such interface its name is empty, which differs from any (measured).
            parts.push(if unequal { Condition::not(test) } else { test });
        }
        for symbol in groups {
            let test = if symbol < 128 {
                Condition::test_at(group, ValueSet::bits(1 << symbol, 1 << symbol), span)
            } else {
                opaque(&load.words(), Class::Stateful, &Values::single(symbol.into()), Condition::True, span)
            };
            parts.push(if unequal { Condition::not(test) } else { test });
        }
        Ok(if unequal { Condition::and(parts) } else { Condition::or(parts) })
    }

    /// Has a name that ends in a star take every interface that the file names and that begins so.
    pub(super) fn widen(&mut self) {
        if let Err(exhausted) = self.document.widen_interfaces(&mut Meter::new(&limits::EXPANSION)) {
            let message = format!("beginnings of names of interfaces are too many: {exhausted}");
            self.refuse(raised::SYNTAX_ERROR, message, "", Span::default());
        }
    }

    fn names(&mut self, expr: &Expr<'a>, out: &mut Vec<String>) -> Found<()> {
        match expr {
            Expr::Word(word) => {
                let help = "a name has 1 to 15 octets, and `*` stands behind a beginning of it";
                let problem =
                    |message| Problem::new(raised::SYNTAX_ERROR, message, Some(word.span)).with_help(help);
                match word.text {
                    "" => return Err(problem("an interface has a name".to_owned())),
                    "*" => return Err(problem("`*` alone is no name".to_owned())),
                    text if names::number(text).is_some_and(|number| number > u128::from(u32::MAX)) => {
                        return Err(problem(format!("`{text}` is above 4294967295")));
                    }
                    text if text.len() > 15 => {
                        let message = format!("`{text}` is longer than a name of an interface");
                        return Err(problem(message));
                    }
                    text => out.push(text.to_owned()),
                }
            }
            Expr::Number(number) => out.push(number.to_string()),
            Expr::Any => out.push("*".to_owned()),
            Expr::Set(elements) => {
                for element in elements {
                    self.names(&element.key, out)?;
                }
            }
            Expr::SetRef(name) => {
                for element in self.elements(*name)?.iter() {
                    self.names(&element.key, out)?;
                }
            }
            Expr::Range(_) => {
                // Groups have numbers.
                let (lo, hi) = Self::value_range(expr, Type::Integer, 32)?;
                if hi.saturating_sub(lo) > 127 {
                    return Err(Problem::unmodelled("a range of many groups"));
                }
                out.extend((lo..=hi).map(|number| number.to_string()));
            }
            _ => return Err(Problem::unmodelled("names that are computed")),
        }
        Ok(())
    }
}

/// A name as nft takes it: a star at the end stands for any end, behind a backslash for itself.
fn interface(name: &str) -> Interface<'_> {
    match name.strip_suffix('*') {
        None => Interface::Name(name.into()),
        Some(stem) => match stem.strip_suffix('\\') {
            Some(stem) => Interface::Name(format!("{stem}*").into()),
            None => Interface::Beginning(stem.into()),
        },
    }
}
