//! Expressions as words, for what is not modelled: equal meaning as far as it is known, equal words.

use super::syntax::{Binary, Data, Element, Expr, Rewrite};
use std::fmt::Write;

/// The words of an expression.
pub(super) fn expr(expr: &Expr<'_>) -> String {
    let mut out = String::new();
    write(expr, &mut out);
    out
}

/// A rewriting of addresses or ports: `dnat to 10.0.0.1:80`.
pub(super) fn rewrite(rewrite: &Rewrite<'_>) -> String {
    let mut out = rewrite.what.name().to_owned();
    let mut between = " to ";
    for (part, mark) in [(&rewrite.address, ":"), (&rewrite.port, "")] {
        if let Some((value, _)) = part {
            out.push_str(between);
            write(value, &mut out);
            between = mark;
        } else {
            between = " to :";
        }
    }
    out
}

fn joined(parts: &[Expr<'_>], by: &str, out: &mut String) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push_str(by);
        }
        write(part, out);
    }
}

fn write(expr: &Expr<'_>, out: &mut String) {
    match expr {
        Expr::Word(word) => match super::names::number(word.text) {
            Some(number) => {
                let _ = write!(out, "{number}");
            }
            None if super::lex::is_queueing_class(word.text) => {
                let half = |text| u32::from_str_radix(text, 16).unwrap_or(0);
                let (high, low) = word.text.split_once(':').unwrap_or(("", ""));
                let _ = write!(out, "{}", half(high) << 16 | half(low));
            }
            None if word.text == "missing" => out.push('0'),
            None if word.text == "exists" => out.push('1'),
            None => out.push_str(word.text),
        },
        Expr::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Expr::SetRef(word) => {
            let _ = write!(out, "@{}", word.text);
        }
        Expr::Any => out.push('*'),
        Expr::Load(load, _) => out.push_str(&load.words()),
        Expr::Binary(parts) => {
            let (operator, left, right) = &**parts;
            write(left, out);
            out.push_str(match operator {
                Binary::And => " & ",
                Binary::Or => " | ",
                Binary::Xor => " ^ ",
                Binary::ShiftLeft => " << ",
                Binary::ShiftRight => " >> ",
            });
            write(right, out);
        }
        Expr::Slash(pair) => {
            write(&pair.0, out);
            out.push('/');
            write(&pair.1, out);
        }
        Expr::Range(pair) => {
            write(&pair.0, out);
            out.push('-');
            write(&pair.1, out);
        }
        Expr::List(parts) => joined(parts, ",", out),
        Expr::Concat(parts) => joined(parts, " . ", out),
        Expr::Set(elements) => {
            // A set has no order.
            let member = |element: &Element<'_>| {
                let key = self::expr(&element.key);
                match &element.data {
                    Some(Data::Value(value)) => format!("{key} : {}", self::expr(value)),
                    Some(Data::Verdict(..)) | None => key,
                }
            };
            let mut keys: Vec<String> = elements.iter().map(member).collect();
            keys.sort_unstable();
            let _ = write!(out, "{{ {} }}", keys.join(", "));
        }
        Expr::Map(pair) => {
            write(&pair.0, out);
            out.push_str(" map ");
            write(&pair.1, out);
        }
        Expr::Unmodelled => out.push('?'),
    }
}
