//! The head of a base chain: its type, hook, devices, priority and policy.

use super::expr::Parser;
use super::fault::Fault;
use super::lex::Token;
use super::names;
use super::ruleset::Base;

/// `type T hook H [device D] priority P`, `policy P`, `devices = { .. }`. Of policies a block has one.
pub(super) fn base_words<'a>(
    parser: &mut Parser<'a, '_>,
    base: &mut Base<'a>,
    bridge: bool,
    has_policy: &mut bool,
) -> Result<(), Fault> {
    loop {
        if parser.eat_word("type") {
            base.kind = parser.name()?;
            if !parser.eat_word("hook") {
                return parser.fault("`hook`");
            }
            base.hook = parser.name()?;
            if parser.eat_word("device") {
                base.devices = vec![parser.name()?.text];
            } else if parser.eat_word("devices") {
                base.devices.clear();
                devices(parser, &mut base.devices)?;
            }
            if !parser.eat_word("priority") {
                return parser.fault("`priority`");
            }
            base.priority = priority(parser, bridge)?;
        } else if parser.eat_word("devices") {
            devices(parser, &mut base.devices)?;
        } else if parser.eat_word("policy") {
            let policy = parser.name()?;
            if std::mem::replace(has_policy, true) {
                return Err(Fault::new(policy.span, "this block gives the chain another policy before"));
            }
            base.drops = match policy.text {
                "drop" => true,
                "accept" => false,
                _ => {
                    let message = format!("`{}` is no policy of a chain", policy.text);
                    return Err(Fault::new(policy.span, message).with_help("one of `accept` and `drop`"));
                }
            };
        } else {
            return parser.fault("`type` or `policy`");
        }
        // Commands have both in one block.
        if !parser.eat(b';') || parser.at_end() {
            return parser.expect_end();
        }
    }
}

/// `= { NAME, NAME }`, or a definition of that.
pub(super) fn devices<'a>(parser: &mut Parser<'a, '_>, list: &mut Vec<&'a str>) -> Result<(), Fault> {
    parser.expect(b'=')?;
    if parser.token == Token::Sign(b'$') {
        let text = parser.name()?.text.trim_start_matches('{').trim_end_matches('}');
        list.extend(text.split(',').map(|d| d.trim().trim_matches('"')).filter(|d| !d.is_empty()));
        return Ok(());
    }
    parser.expect(b'{')?;
    while !parser.eat(b'}') {
        list.push(parser.name()?.text);
        if !parser.eat(b',') && parser.token != Token::Sign(b'}') {
            return parser.fault("`,` or `}`");
        }
    }
    Ok(())
}

/// A number, a name, or a name with an offset.
pub(super) fn priority(parser: &mut Parser<'_, '_>, bridge: bool) -> Result<i64, Fault> {
    let negative = parser.eat(b'-');
    let word = parser.name()?;
    let mut text = word.text.split_whitespace();
    let first = text.next().unwrap_or("");
    // `filter-1` is one word of the lexer, and so is what a definition holds.
    let (name, glued) = match first.rfind(['-', '+']) {
        Some(at) if at > 0 => (first.get(..at).unwrap_or(first), first.get(at..)),
        _ => (first, None),
    };
    let number = |text: &str| -> Option<i64> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        names::number(digits.trim()).and_then(|n| i64::try_from(n).ok()).map(|n| sign * n)
    };
    let unknown = || Fault::new(word.span, format!("`{}` is no priority", word.text));
    let mut value = if let Some(value) = number(first) {
        value
    } else {
        let base = names::priority(name, bridge).map(i64::from).ok_or_else(unknown)?;
        base + glued.map_or(Some(0), number).ok_or_else(unknown)?
    };
    let is_number = number(first).is_some();
    let more: String = text.collect();
    if !more.is_empty() {
        value += number(&more).ok_or_else(unknown)?;
    }
    if negative {
        value = -value;
    }
    let sign = match parser.token {
        Token::Sign(b'+') if !is_number => 1,
        Token::Sign(b'-') if !is_number => -1,
        _ => return Ok(value),
    };
    parser.bump();
    let offset = parser.name()?;
    let offset = names::number(offset.text)
        .and_then(|n| i64::try_from(n).ok())
        .ok_or_else(|| Fault::new(offset.span, format!("`{}` is no number", offset.text)))?;
    Ok(value.saturating_add(sign * offset))
}
