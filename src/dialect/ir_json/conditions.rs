//! Conditions: an object holds when all of its members do, each a field with its values or a condition in between.

use super::findings::shown;
use super::lower::{Members, Reader};
use super::syntax::{Kind, NodeId};
use super::values::{self, Form};
use super::words::{CONDITIONS, OPAQUE, VALUES};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{FIELDS, Field};
use crate::ir::{Condition, Opaque, Test, ValueSet};
use std::sync::Arc;

impl Reader<'_, '_> {
    /// A condition.
    pub(super) fn condition(&mut self, node: NodeId) -> Condition {
        if let Err(error) = self.depth.charge(1) {
            self.depth.release(1);
            self.findings
                .syntax(self.tree.beginning(node), format!("{error}; the condition is not read further"));
            return self.unread(node, "the condition is nested too deep");
        }
        let condition = match self.tree.kind(node) {
            Kind::True => Condition::True,
            Kind::False => Condition::False,
            Kind::Object => self.object(node),
            _ => {
                self.expected(node, "a condition");
                self.unread(node, "it is no condition")
            }
        };
        self.depth.release(1);
        condition
    }

    fn object(&mut self, node: NodeId) -> Condition {
        let tree = self.tree;
        let mut parts = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in tree.members(node) {
            if tree.kind(key) != Kind::Text {
                parts.push(self.unread(node, "a part of it cannot be read"));
                continue;
            }
            let word = tree.string(key);
            if seen.contains(&tree.raw(key)) {
                let message = format!("`{}` is said twice", shown(&word));
                let help = "both are meant to hold: write them as `\"all\": [{..}, {..}]`";
                self.findings.syntax_with_help(tree.span(key), message, help);
                parts.push(self.unread(node, "a part of it is said twice"));
                continue;
            }
            seen.push(tree.raw(key));
            parts.push(match &*word {
                "all" => Condition::And(self.conditions(value).into()),
                "any" => Condition::Or(self.conditions(value).into()),
                "not" => Condition::Not(Box::new(self.condition(value))),
                "opaque" => self.opaque(value),
                _ => {
                    if let Some(field) = Field::by_name(&word) {
                        self.test(field, value)
                    } else {
                        let known = CONDITIONS.into_iter().chain(FIELDS.iter().map(|info| info.name));
                        self.findings.unknown(tree.span(key), "field", &word, known);
                        self.unread_member(key, value, "there is no such field")
                    }
                }
            });
        }
        if parts.len() > 1 {
            return Condition::And(parts.into());
        }
        parts.pop().unwrap_or_else(|| {
            let help = "write `true` for every packet";
            self.findings.syntax_with_help(tree.span(node), "the condition says nothing", help);
            self.unread(node, "it says nothing")
        })
    }

    fn conditions(&mut self, node: NodeId) -> Vec<Condition> {
        match self.list(node, "conditions") {
            Some(list) => list.into_iter().map(|part| self.condition(part)).collect(),
            None => vec![self.unread(node, "it is no list of conditions")],
        }
    }

    fn opaque(&mut self, node: NodeId) -> Condition {
        let Members { known: [words, because, over, under], has_unknown } =
            self.members(node, "an opaque condition", &OPAQUE);
        let words = if let Some(words) = words {
            self.text(words, "the condition in words")
        } else {
            let span = self.tree.beginning(node);
            self.findings.syntax(span, "the `words` of the opaque condition are missing");
            None
        };
        let because = because.map(|node| self.text(node, "why it is not modelled"));
        let over = over.map_or(Condition::True, |node| self.condition(node));
        let under = under.map_or(Condition::False, |node| self.condition(node));
        let (Some(id), false) = (words, has_unknown || because == Some(None)) else {
            return self.unread(node, "the opaque condition cannot be read");
        };
        let reason = because.flatten().unwrap_or_default().into();
        let span = self.tree.span(node);
        Condition::Opaque(Arc::new(Opaque { id: id.into(), reason, over, under, span }))
    }

    /// What stands for something that was reported and not read.
    fn unread(&self, node: NodeId, why: &str) -> Condition {
        let span = self.tree.span(node);
        Condition::opaque(shown(self.tree.raw(node)), why, span)
    }

    fn unread_member(&self, key: NodeId, value: NodeId, why: &str) -> Condition {
        let span = self.tree.span(key).to(self.tree.span(value));
        let words = format!("{}: {}", shown(self.tree.raw(key)), shown(self.tree.raw(value)));
        Condition::opaque(words, why, span)
    }

    /// A field with its values.
    fn test(&mut self, field: Field, node: NodeId) -> Condition {
        let span = self.tree.span(node);
        let mut values = Values { field, ranges: Vec::new(), is_whole: true, form: Form::of(field) };
        let set = if self.tree.kind(node) == Kind::Object {
            match self.kept_otherwise(&mut values, node) {
                Some(set) => set,
                None => return self.unread(node, "its values cannot be read"),
            }
        } else {
            self.ranges(&mut values, node);
            values::usual(field, &values.ranges)
        };
        let test = Condition::Test(Test::new(field, set, span));
        if values.is_whole {
            test
        } else {
            Condition::or([test, self.unread(node, "a value cannot be read")])
        }
    }

    /// Values that are no list: what they leave out, patterns, and sets not kept as those of the field are.
    fn kept_otherwise(&mut self, values: &mut Values, node: NodeId) -> Option<ValueSet> {
        let Members { known, has_unknown } = self.members(node, "values", &VALUES);
        let field = values.field;
        let set = match known {
            [Some(except), None, None, None] => {
                self.ranges(values, except);
                let max = field.info().max;
                match values::usual(field, &values.ranges) {
                    ValueSet::Ranges(set) => {
                        // Symbols are counted from 0 without an end.
                        let max = u32::try_from(max).unwrap_or(u32::MAX);
                        ValueSet::Ranges(set.complement(max))
                    }
                    ValueSet::Wide(set) => ValueSet::Wide(Box::new(set.complement(max))),
                    ValueSet::Bits(_) => return None,
                }
            }
            [None, Some(bits), None, None] => {
                let list = self.list(bits, "patterns")?;
                let patterns = list.into_iter().map(|pattern| self.pattern(values.form, pattern));
                values::bits(patterns.collect::<Option<Vec<_>>>()?)
            }
            [None, None, Some(narrow), None] => {
                values.form = Form::Number;
                self.ranges(values, narrow);
                values::narrow(&values.ranges)
            }
            [None, None, None, Some(wide)] => {
                values.form = Form::Hex;
                self.ranges(values, wide);
                values::wide(&values.ranges)
            }
            _ => {
                if !has_unknown {
                    let message = format!("values are one of {}", VALUES.join(", "));
                    self.findings.syntax(self.tree.beginning(node), message);
                }
                return None;
            }
        };
        // What an unread value is no exception from is not known either.
        (!has_unknown && values.is_whole).then_some(set)
    }

    fn pattern(&mut self, form: Form, node: NodeId) -> Option<crate::net::BitMatch> {
        let text = self.text(node, "a value and its mask")?;
        let pattern = values::pattern(form, &text);
        if pattern.is_none() {
            let message = format!("`{}` is no pattern", shown(&text));
            let help = "write a value and the bits of it that count, as `\"0x2/0x12\"`";
            self.findings.syntax_with_help(self.tree.span(node), message, help);
        }
        pattern
    }

    /// One value, or a list of them.
    fn ranges(&mut self, values: &mut Values, node: NodeId) {
        let tree = self.tree;
        match tree.kind(node) {
            Kind::List => tree.children(node).for_each(|one| self.range(values, one)),
            _ => self.range(values, node),
        }
    }

    fn range(&mut self, values: &mut Values, node: NodeId) {
        let tree = self.tree;
        let span = tree.span(node);
        let form = values.form;
        let (lo, hi) = match tree.kind(node) {
            Kind::Number => match tree.raw(node).parse::<u128>() {
                Ok(value) if !matches!(form, Form::Ip4 | Form::Ip6 | Form::Mac) => (value, value),
                _ => return self.no_value(values, node),
            },
            Kind::Text if form == Form::Symbol => {
                let symbol = self.symbol(&tree.string(node)).into();
                (symbol, symbol)
            }
            Kind::Text => match values::range(form, &tree.string(node)) {
                Ok(range) => {
                    if range.host_bits {
                        let message =
                            format!("`{}` has bits behind its prefix length", shown(&tree.string(node)));
                        self.findings.add(raised::HOST_BITS_SET, Level::Warning, span, message);
                    }
                    (range.lo, range.hi)
                }
                Err(_) => return self.no_value(values, node),
            },
            Kind::List => {
                let mut ends = tree.children(node).map(|end| tree.raw(end).parse::<u128>().ok());
                match (ends.next().flatten(), ends.next().flatten(), ends.next()) {
                    (Some(lo), Some(hi), None) => (lo, hi),
                    _ => return self.no_value(values, node),
                }
            }
            _ => return self.no_value(values, node),
        };
        if lo > hi {
            let message = format!("no value is in the range `{}`", shown(tree.raw(node)));
            self.findings.add(raised::EMPTY_RANGE, Level::Error, span, message);
            return;
        }
        let info = values.field.info();
        if hi > info.max && form != Form::Symbol {
            let message = format!(
                "`{}` is out of range: {} is at most {} in any packet",
                shown(tree.raw(node)),
                info.title,
                info.max
            );
            self.findings.add(raised::VALUE_OUT_OF_RANGE, Level::Error, span, message);
        }
        values.ranges.push((lo, hi));
    }

    fn no_value(&mut self, values: &mut Values, node: NodeId) {
        values.is_whole = false;
        if self.tree.kind(node) != Kind::Broken {
            let title = values.field.info().title;
            let message = format!("`{}` is no value of the {title}", shown(self.tree.raw(node)));
            let help = format!("write {}", values.form.example());
            self.findings.syntax_with_help(self.tree.span(node), message, help);
        }
    }
}

/// The values of a field as they are read.
struct Values {
    field: Field,
    form: Form,
    ranges: Vec<(u128, u128)>,
    // Whether every one could be read.
    is_whole: bool,
}
