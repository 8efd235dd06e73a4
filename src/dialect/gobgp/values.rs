//! Values behind a key, cut into operators and numbers exactly as GoBGP 3.10.0 does (measured): it looks for the
//! first number in what it took for one value and passes over the rest in silence.

use super::support;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{ComponentType, Operand};
use crate::source::Span;

/// Why values could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// What should have been there.
    pub(super) expected: String,
    /// Where.
    pub(super) span: Span,
}

/// What GoBGP makes of a value where that is not what stands there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Surprise {
    /// In words.
    pub(super) message: String,
    /// The cure.
    pub(super) help: &'static str,
    /// Where.
    pub(super) span: Span,
}

/// One value: the operator signs before it, and its word.
#[derive(Clone, Debug, Default)]
struct Value<'a> {
    signs: String,
    word: &'a str,
    start: usize,
    end: usize,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+')
}

/// Reads the values of a list from `words`, pieces of the text with their offsets.
pub(super) fn read<'a>(
    words: impl Iterator<Item = (&'a str, usize)>,
    kind: ComponentType,
    mut operand: impl FnMut(Operand) -> Result<(), String>,
    surprises: &mut Vec<Surprise>,
) -> Result<(), Fault> {
    let mut value = Value::default();
    let mut first = true;
    let mut last: Option<(Operand, bool)> = None;
    let mut place = Span::default();
    for (word, offset) in words {
        place = Span::new(offset, offset + word.len());
        let mut at = 0;
        while let Some(byte) = word.as_bytes().get(at).copied() {
            if is_word(byte) {
                let rest = word.as_bytes().get(at..).unwrap_or(&[]);
                let length = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
                value.word = word.get(at..at + length).unwrap_or("");
                if value.signs.is_empty() {
                    value.start = offset + at;
                }
                value.end = offset + at + length;
                if first && value.signs.starts_with('&') {
                    value.signs.remove(0);
                }
                let (read, constant) = one(&value, kind, surprises)?;
                if let Some((earlier, true)) = last {
                    let expected = "nothing behind `true` or `false`".to_owned();
                    return Err(Fault { expected, span: earlier.span });
                }
                operand(read).map_err(|expected| Fault { expected, span: read.span })?;
                last = Some((read, constant));
                first = false;
                value = Value::default();
                at += length;
            } else {
                if matches!(byte, b'&' | b'=' | b'>' | b'<' | b'!') {
                    if value.signs.is_empty() {
                        value.start = offset + at;
                    }
                    value.signs.push(char::from(byte));
                }
                at += 1;
            }
        }
    }
    if first {
        return Err(Fault { expected: "a value behind this key".to_owned(), span: place });
    }
    if !value.signs.is_empty() {
        surprises.push(Surprise {
            message: format!("`{}` stands before no value: GoBGP drops it", value.signs),
            help: "remove it, or write the value",
            span: Span::new(value.start, value.start + 1),
        });
    }
    Ok(())
}

// Whether the value is `true` or `false` beside it.
fn one(value: &Value<'_>, kind: ComponentType, out: &mut Vec<Surprise>) -> Result<(Operand, bool), Fault> {
    let span = Span::new(value.start, value.end);
    if kind.is_bitmask() {
        return bits(value, kind, span, out).map(|operand| (operand, false));
    }
    numeric(value, kind, span, out)
}

// `(&?)(OP)?` at the end of the signs: the longest that is one.
fn operator<'s>(signs: &'s str, ops: &[(&str, u8)]) -> (&'s str, Option<u8>, bool) {
    for start in 0..signs.len() {
        let rest = signs.get(start..).unwrap_or("");
        let (and, op) = rest.strip_prefix('&').map_or((false, rest), |op| (true, op));
        if op.is_empty() {
            return (rest, None, and);
        }
        if let Some((_, code)) = ops.iter().find(|(word, _)| *word == op) {
            return (rest, Some(*code), and);
        }
    }
    ("", None, false)
}

const NUMERIC: [(&str, u8); 9] = [
    ("=", EQ),
    ("==", EQ),
    (">", GT),
    (">=", GT | EQ),
    ("<", LT),
    ("<=", LT | EQ),
    ("!", LT | GT),
    ("!=", LT | GT),
    ("=!", LT | GT),
];

fn numeric(
    value: &Value<'_>,
    kind: ComponentType,
    span: Span,
    out: &mut Vec<Surprise>,
) -> Result<(Operand, bool), Fault> {
    let protocol = kind == ComponentType::Protocol;
    let named = if protocol { support::protocol(value.word) } else { None };
    let replaced;
    let word = match named {
        None if protocol => {
            replaced = support::protocols_replaced(value.word);
            &replaced
        }
        _ => value.word,
    };
    let constant = |word: &str| match word {
        _ if word.starts_with("true") => Some(("true", 0)),
        _ if word.starts_with("false") => Some(("false", LT | GT | EQ)),
        _ => None,
    };
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut found = named.map(|number| (0, u64::from(number), word.len(), None));
    if found.is_none() {
        for at in 0..word.len() {
            let Some(rest) = word.get(at..) else { continue };
            if let Some((name, op)) = constant(rest) {
                found = Some((at, 0, name.len(), Some(op)));
                break;
            }
            let length = digits(rest);
            if length > 0 {
                let number = rest.get(..length).unwrap_or("");
                let Ok(number) = number.parse::<u64>() else {
                    return Err(Fault { expected: "a number of 64 bits".to_owned(), span });
                };
                found = Some((at, number, length, None));
                break;
            }
            if rest.starts_with('-') && digits(rest.get(1..).unwrap_or("")) > 0 {
                return Err(Fault { expected: "a number of 0 or more".to_owned(), span });
            }
        }
    }
    let Some((at, number, length, fixed)) = found else {
        let expected = if protocol { "a number or the name of a protocol" } else { "a number" };
        return Err(Fault { expected: expected.to_owned(), span });
    };
    // Signs count only where nothing stands between them and the number.
    let (used, op, and) = if at == 0 { operator(&value.signs, &NUMERIC) } else { ("", None, false) };
    let op = fixed.or(op).unwrap_or(EQ);
    let whole = at == 0
        && length == word.len()
        && used.len() == value.signs.len()
        && (named.is_some() || word == value.word);
    if let Some(code) = fixed {
        let (said, sent) = if code == 0 { ("true", "never") } else { ("false", "always") };
        out.push(Surprise {
            message: format!("GoBGP sends `{said}` with the code of its opposite: it {sent} holds"),
            help: "write `>=0` for what always holds, `<0` for what never does",
            span,
        });
    } else if !whole {
        let written: String = format!("{}{}", value.signs, value.word).chars().take(40).collect();
        out.push(Surprise {
            message: format!(
                "GoBGP reads `{written}` as `{}{}{number}`",
                if and { "&" } else { "" },
                sign(op)
            ),
            help: "write a range as `>=80&<=90`, and each value by itself",
            span,
        });
    }
    let and = if and { AND } else { 0 };
    Ok((Operand::new(op | and, number, span), fixed.is_some()))
}

/// The sign of a numeric operator.
pub(super) fn sign(op: u8) -> &'static str {
    match op & (LT | GT | EQ) {
        EQ => "==",
        GT => ">",
        3 => ">=",
        LT => "<",
        5 => "<=",
        6 => "!=",
        0 => "true",
        _ => "false",
    }
}

const MASKS: [(&str, u8); 5] =
    [("=", MATCH), ("==", MATCH), ("!", NOT), ("!=", NOT | MATCH), ("=!", NOT | MATCH)];

fn bits(
    value: &Value<'_>,
    kind: ComponentType,
    span: Span,
    out: &mut Vec<Surprise>,
) -> Result<Operand, Fault> {
    let fragment = kind == ComponentType::Fragment;
    let mask = if fragment {
        value.word.split('+').try_fold(0, |mask, word| Some(mask | support::fragment(word)?))
    } else {
        value.word.chars().try_fold(0, |mask, letter| Some(mask | support::flag(letter)?))
    };
    let Some(mask) = mask else {
        let expected = if fragment {
            "fragment states with `+` between them, as `is-fragment+last-fragment`"
        } else {
            "letters of TCP flags (F S R P A U E C), as `SA`"
        };
        return Err(Fault { expected: expected.to_owned(), span });
    };
    let (used, op, and) = operator(&value.signs, &MASKS);
    if used.len() != value.signs.len() {
        let written: String = format!("{}{}", value.signs, value.word).chars().take(40).collect();
        out.push(Surprise {
            message: format!("GoBGP reads `{written}` as `{used}{}`", value.word),
            help: "write one operator: `=`, `!`, `!=` or none",
            span,
        });
    }
    if mask == 0 {
        out.push(Surprise {
            message: format!("GoBGP sends `{}` as a mask of 0, which asks for nothing", value.word),
            help: "write `'!is-fragment+first-fragment'` for packets that are no fragments",
            span,
        });
    }
    Ok(Operand::new(op.unwrap_or(0) | if and { AND } else { 0 }, mask, span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(kind: ComponentType, words: &[&str]) -> Result<(Vec<(u8, u64)>, usize), String> {
        let (mut out, mut surprises) = (Vec::new(), Vec::new());
        let words = words.iter().map(|word| (*word, 0));
        read(
            words,
            kind,
            |operand| {
                out.push((operand.op, operand.value));
                Ok(())
            },
            &mut surprises,
        )
        .map_err(|fault| fault.expected)?;
        Ok((out, surprises.len()))
    }

    /// What GoBGP 3.10.0 made of each text.
    #[test]
    fn values_are_cut_as_gobgp_cuts_them() {
        let port = |words: &[&str]| list(ComponentType::Port, words);
        assert_eq!(port(&["80-90"]), Ok((vec![(1, 80)], 1)));
        assert_eq!(port(&["80,90"]), Ok((vec![(1, 80), (1, 90)], 0)));
        assert_eq!(port(&["80", "90"]), Ok((vec![(1, 80), (1, 90)], 0)));
        assert_eq!(port(&["80|90"]), Ok((vec![(1, 80), (1, 90)], 0)));
        assert_eq!(port(&[">=80 &<=90"]), Ok((vec![(3, 80), (0x45, 90)], 0)));
        assert_eq!(port(&["& 80"]), Ok((vec![(1, 80)], 0)));
        assert_eq!(port(&["=80 true"]), Ok((vec![(1, 80), (0, 0)], 1)));
        assert_eq!(port(&["80", "false"]), Ok((vec![(1, 80), (7, 0)], 1)));
        assert!(port(&["true", "80"]).is_err() && port(&["http"]).is_err() && port(&[""]).is_err());
        assert_eq!(port(&["!80"]), Ok((vec![(6, 80)], 0)));
        assert_eq!(port(&["80http"]), Ok((vec![(1, 80)], 1)));
        assert_eq!(port(&["==80==90"]), Ok((vec![(1, 80), (1, 90)], 0)));
        assert_eq!(port(&["80&90&>5"]), Ok((vec![(1, 80), (0x41, 90), (0x42, 5)], 0)));
        assert_eq!(port(&["<", "80"]), Ok((vec![(4, 80)], 0)));
        assert_eq!(port(&["=>80"]), Ok((vec![(2, 80)], 1)));
        assert_eq!(port(&["=<80"]), Ok((vec![(4, 80)], 1)));
        assert_eq!(port(&["<>80"]), Ok((vec![(2, 80)], 1)));
        assert_eq!(port(&["0x50"]), Ok((vec![(1, 0)], 1)));
        let protocol = |words: &[&str]| list(ComponentType::Protocol, words);
        assert_eq!(protocol(&["tcp udp"]), Ok((vec![(1, 6), (1, 17)], 0)));
        assert_eq!(protocol(&["!tcp"]), Ok((vec![(6, 6)], 0)));
        assert_eq!(protocol(&["icmpv6"]), Ok((vec![(1, 1)], 1)));
        assert_eq!(protocol(&["icmp6"]), Ok((vec![(1, 16)], 1)));
        assert_eq!(protocol(&["unknown"]), Ok((vec![(1, 0)], 0)));
        assert!(protocol(&["TCP"]).is_err() && protocol(&["esp"]).is_err());
        let flags = |words: &[&str]| list(ComponentType::TcpFlags, words);
        assert_eq!(flags(&["=SA&!=U", "S"]), Ok((vec![(1, 18), (0x43, 32), (0, 2)], 0)));
        assert_eq!(flags(&["!&S"]), Ok((vec![(0x40, 2)], 1)));
        assert_eq!(flags(&["=!S"]), Ok((vec![(3, 2)], 0)));
        assert_eq!(flags(&["UECFSRPA"]), Ok((vec![(0, 255)], 0)));
        assert!(flags(&["SA", "FIN"]).is_err() && flags(&["S+A"]).is_err() && flags(&["="]).is_err());
        let fragment = |words: &[&str]| list(ComponentType::Fragment, words);
        assert_eq!(
            fragment(&["is-fragment+first-fragment", "&!last-fragment"]),
            Ok((vec![(0, 6), (0x42, 8)], 0))
        );
        assert_eq!(fragment(&["not-a-fragment"]), Ok((vec![(0, 0)], 1)));
        assert!(fragment(&["2"]).is_err());
    }
}
