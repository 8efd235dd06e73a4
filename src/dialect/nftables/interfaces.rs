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
use crate::ir::{Condition, ValueSet};
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
        let (mut symbols, mut groups) = (Vec::new(), Vec::new());
        let mut all = false;
        for name in names {
            let prefix = name.strip_suffix('*').filter(|prefix| !prefix.ends_with('\\') && !is_group);
            match prefix {
                Some("") => all = true,
                Some(_) => groups.push(self.document.symbol(&name)),
                None if is_group => {
                    let name = if name == "default" { "0" } else { name.as_str() };
                    groups.push(self.document.symbol(name));
                }
                None => symbols.push(self.document.symbol(&name.replace("\\*", "*"))),
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
