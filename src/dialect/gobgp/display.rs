//! What `gobgp global rib` shows: a line for each path, its NLRI in brackets.

use super::lower::Rules;
use super::matching;
use super::parse::NAME;
use super::support;
use super::syntax::{Body, Item, Route, Verb};
use super::then;
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::component::{AND, MATCH, NOT};
use crate::dialect::flowspec::{ComponentType, Operand, Table};
use crate::dialect::raised;
use crate::source::Span;

/// The NLRI a line shows, and where it begins in the line.
pub(super) fn shown(line: &str) -> Option<(usize, &str)> {
    let at = nlri(line)?;
    let rest = line.get(at..)?;
    let key = rest.get(1..)?.split_once(": ")?.0;
    let known = support::component(key).is_some() || key == "rd" || support::LAYER2.contains(&key);
    known.then_some((at, rest))
}

/// Where the brackets of an NLRI begin, behind the marks of a path.
fn nlri(line: &str) -> Option<usize> {
    let at = line.find('[')?;
    let mark = |byte| matches!(byte, b' ' | b'\t' | b'*' | b'>' | b'S' | b'#' | b'V' | b'N' | b'I');
    line.get(..at)?.bytes().all(mark).then_some(at)
}

/// Reads the table a RIB is shown as into `rules`. Gives how many lines were passed over.
pub(super) fn read(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let mut route = Route::new();
    let (mut skipped, mut offset) = (0, 0);
    let mut six = is_six(text);
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let line = line.trim_end();
        let Some((at, rest)) = shown(line) else {
            if line.trim_start().starts_with("Network ") {
                six = is_six(text.get(offset..).unwrap_or(""));
            } else if let Some(at) = nlri(line) {
                let span = Span::new(start + at, start + line.len());
                findings.error(raised::SYNTAX_ERROR, "expected an NLRI as GoBGP shows it", span);
            } else if !line.is_empty() && !line.trim_start().starts_with('#') {
                skipped += 1;
            }
            continue;
        };
        let first = findings.len();
        let words = path(rest, start + at, six, &mut route, findings);
        if words == 0 {
            skipped += 1;
            continue;
        }
        // The best path of a route stands first; a star without `>` is another.
        let mark = line.get(..at).unwrap_or("");
        if mark.contains('*') && !mark.contains('>') {
            continue;
        }
        let name = line.rsplit_once(" # ").and_then(|(_, comment)| comment.strip_prefix(NAME)).map(str::trim);
        rules.route(&route, name.filter(|name| !name.is_empty()), first, findings);
    }
    skipped
}

// Whether the lines up to the next heading are of IPv6: a table is of one family, which only prefixes tell.
fn is_six(text: &str) -> bool {
    let lines = text.lines().take_while(|line| !line.trim_start().starts_with("Network "));
    lines.filter_map(shown).any(|(_, rest)| {
        let nlri = rest.split("] ").next().unwrap_or(rest);
        nlri.split('[').any(|part| {
            let prefix = part.strip_prefix("destination: ").or_else(|| part.strip_prefix("source: "));
            part.starts_with("label: ") || prefix.is_some_and(|prefix| prefix.contains(':'))
        })
    })
}

// Reads `[key: values]...` and the attributes behind; gives how many keys there were, 0 for frames.
fn path(text: &str, offset: usize, six: bool, route: &mut Route, findings: &mut Findings) -> usize {
    let table = match (six, text.starts_with("[rd: ")) {
        (false, false) => Table::Ipv4,
        (true, false) => Table::Ipv6,
        (false, true) => Table::Vpnv4,
        (true, true) => Table::Vpnv6,
    };
    route.clear(Verb::Shown, table, Span::new(offset, offset));
    let (mut rest, mut at, mut count) = (text, offset, 0);
    while let Some(inside) = rest.strip_prefix('[')
        && let Some((group, behind)) = inside.split_once(']')
        && let Some((key, value)) = group.split_once(':')
    {
        let trimmed = value.strip_prefix(' ').unwrap_or(value);
        let value_at = at + 1 + group.len() - trimmed.len();
        if key == "rd" {
            route.distinguisher = then::distinguisher(trimmed);
        } else if support::LAYER2.contains(&key) {
            let message = "this route matches frames and is not read";
            let span = Span::new(at, at + group.len() + 2);
            findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, span, "");
            return 0;
        } else {
            group_of((key, at + 1), (trimmed, value_at), route, findings);
            count += 1;
        }
        at += group.len() + 2;
        rest = behind;
    }
    route.span = Span::new(offset, at);
    // A line that was cut off: what is missing may have been a component, or an action.
    let open =
        !rest.is_empty() && !rest.starts_with([' ', '\t']) || rest.contains("[{") && !rest.contains("}]");
    if open {
        let end = Span::new(at, at + rest.len());
        findings.error(raised::SYNTAX_ERROR, "this line ends before the route does", end);
        route.broken = Some(end);
    }
    route.asked_known = rest.contains("[{");
    if let Some((before, list)) = rest.split_once("{Extcomms: ") {
        let list_at = at + before.len() + "{Extcomms: ".len();
        then::shown(list.split('}').next().unwrap_or(list), list_at, route, findings);
    }
    count
}

fn group_of(key: (&str, usize), value: (&str, usize), route: &mut Route, findings: &mut Findings) {
    match support::component(key.0) {
        Some(kind @ (ComponentType::TcpFlags | ComponentType::Fragment)) => {
            let start = route.operands.len();
            let span = Span::new(key.1, value.1 + value.0.len());
            let body = match masks(value, kind, &mut route.operands) {
                Ok(()) => route.close(start),
                Err(at) => {
                    findings.error(raised::SYNTAX_ERROR, "expected bits as GoBGP shows them", at);
                    route.operands.truncate(start);
                    Body::Unread
                }
            };
            route.items.push(Item { kind: Some(kind), body, span });
        }
        _ => matching::item(key, &[value], route, findings),
    }
}

// Bits as they are shown: a mask of 0 has no word.
fn masks((text, at): (&str, usize), kind: ComponentType, out: &mut Vec<Operand>) -> Result<(), Span> {
    let mut offset = at;
    let mut first = true;
    for alternative in text.split(' ') {
        let mut inside = offset;
        for (index, part) in alternative.split('&').enumerate() {
            let span = Span::new(inside, inside + part.len());
            // The first operand of all may carry a sign that counts for nothing.
            if !(first && index == 0 && part.is_empty() && alternative.len() > 1) {
                let word = part.trim_start_matches(['=', '!']);
                let signs = part.get(..part.len() - word.len()).unwrap_or("");
                let op = (u8::from(signs.contains('!')) * NOT) | (u8::from(signs.contains('=')) * MATCH);
                let mask = if kind == ComponentType::Fragment {
                    word.split('+')
                        .filter(|word| !word.is_empty())
                        .try_fold(0, |mask, word| Some(mask | support::fragment(word)?))
                } else {
                    word.chars().try_fold(0, |mask, letter| Some(mask | support::flag(letter)?))
                };
                let mask = mask.ok_or(span)?;
                let and = if index > 0 { AND } else { 0 };
                out.push(Operand::new(op | and, mask, span));
            }
            inside += part.len() + 1;
        }
        first = false;
        offset += alternative.len() + 1;
    }
    Ok(())
}
