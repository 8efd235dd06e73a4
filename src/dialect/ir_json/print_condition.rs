//! Conditions to JSON. What all must hold is one object where no two parts would have the same name in it.

use super::values::{self, Symbols, write_text};
use crate::ir::{Condition, Opaque};
use std::fmt::{self, Write};

/// Writes a condition.
pub(super) fn write_condition(
    condition: &Condition,
    symbols: &Symbols<'_>,
    out: &mut dyn Write,
) -> fmt::Result {
    match condition {
        Condition::True => return out.write_str("true"),
        Condition::False => return out.write_str("false"),
        Condition::And(parts) if is_one_object(parts) => {
            for (index, part) in parts.iter().enumerate() {
                out.write_str(if index > 0 { ", " } else { "{" })?;
                member(part, symbols, out)?;
            }
        }
        Condition::And(_)
        | Condition::Or(_)
        | Condition::Not(_)
        | Condition::Test(_)
        | Condition::Opaque(_) => {
            out.write_char('{')?;
            member(condition, symbols, out)?;
        }
    }
    out.write_char('}')
}

/// The name a condition has as a member of an object; none for what is no member.
fn name(condition: &Condition) -> Option<&'static str> {
    Some(match condition {
        Condition::True | Condition::False => return None,
        Condition::And(_) => "all",
        Condition::Or(_) => "any",
        Condition::Not(_) => "not",
        Condition::Test(test) => test.field().name(),
        Condition::Opaque(_) => "opaque",
    })
}

/// How many parts are looked at: two of the same name are found by comparing each with each.
const MEMBERS: usize = 16;

fn is_one_object(parts: &[Condition]) -> bool {
    let distinct = |(index, part): (usize, &Condition)| {
        name(part).is_some_and(|own| !parts.iter().take(index).any(|other| name(other) == Some(own)))
    };
    (2..=MEMBERS).contains(&parts.len()) && parts.iter().enumerate().all(distinct)
}

fn member(condition: &Condition, symbols: &Symbols<'_>, out: &mut dyn Write) -> fmt::Result {
    write!(out, "\"{}\": ", name(condition).unwrap_or("all"))?;
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            out.write_char('[')?;
            for (index, part) in parts.iter().enumerate() {
                out.write_str(if index > 0 { ", " } else { "" })?;
                write_condition(part, symbols, out)?;
            }
            out.write_char(']')
        }
        Condition::Not(part) => write_condition(part, symbols, out),
        Condition::Test(test) => values::write(test.field(), test.values(), symbols, out),
        Condition::Opaque(opaque) => write_opaque(opaque, symbols, out),
        Condition::True | Condition::False => write_condition(condition, symbols, out),
    }
}

fn write_opaque(opaque: &Opaque, symbols: &Symbols<'_>, out: &mut dyn Write) -> fmt::Result {
    out.write_str("{\"words\": ")?;
    write_text(&opaque.id, out)?;
    if !opaque.reason.is_empty() {
        out.write_str(", \"because\": ")?;
        write_text(&opaque.reason, out)?;
    }
    for (word, bound, usual) in
        [("over", &opaque.over, Condition::True), ("under", &opaque.under, Condition::False)]
    {
        if *bound != usual {
            write!(out, ", \"{word}\": ")?;
            write_condition(bound, symbols, out)?;
        }
    }
    out.write_char('}')
}
