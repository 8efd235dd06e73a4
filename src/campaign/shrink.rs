//! Minimising: the least of an input that still does what the whole did, by taking away (delta debugging, Zeller and
//! Hildebrandt 2002) and by making plain what must stay.

use super::mutate::{Piece, walk};
use super::{Input, Trouble, Update};
use crate::dialect::flowspec::encode;
use crate::dialect::flowspec::encode::SHORT_MAX;
use crate::field::Family;

/// Asks whether an input still does it; none when no more may be asked.
pub type Still<'a> = dyn FnMut(&Input) -> Result<Option<bool>, Trouble> + 'a;

/// The smallest input found. The same question gets the same answer, or the result is merely one that did it once.
pub fn shrink(input: &Input, still: &mut Still<'_>) -> Result<Input, Trouble> {
    let mut best = input.clone();
    match input {
        Input::Updates(updates) => {
            best = Input::Updates(fewer_updates(updates.clone(), still)?);
            best = plainer(best, still)?;
        }
        Input::Text(lines) => {
            let wrap = |list: &[String]| Input::Text(list.to_vec());
            let fewer = fewer(lines.clone(), &wrap, still)?;
            best = words(fewer, still)?;
        }
        Input::Packets(list) => {
            let wrap = |list: &[Vec<u8>]| Input::Packets(list.to_vec());
            let mut fewer_packets = fewer(list.clone(), &wrap, still)?;
            for at in 0..fewer_packets.len() {
                let octets = fewer_packets.get(at).cloned().unwrap_or_default();
                let all = fewer_packets.clone();
                let wrap = |octets: &[u8]| {
                    let mut list = all.clone();
                    if let Some(packet) = list.get_mut(at) {
                        *packet = octets.to_vec();
                    }
                    Input::Packets(list)
                };
                let shorter = fewer(octets, &wrap, still)?;
                if let Some(packet) = fewer_packets.get_mut(at) {
                    *packet = shorter;
                }
            }
            if !fewer_packets.is_empty() {
                best = Input::Packets(fewer_packets);
            }
        }
    }
    Ok(best)
}

/// The shortest part of a list, in its order, that still does it.
fn fewer<T: Clone>(
    mut list: Vec<T>,
    wrap: &dyn Fn(&[T]) -> Input,
    still: &mut Still<'_>,
) -> Result<Vec<T>, Trouble> {
    let mut parts = 2;
    while list.len() > 1 {
        let size = list.len().div_ceil(parts);
        let mut start = 0;
        let mut smaller = None;
        while start < list.len() {
            let end = (start + size).min(list.len());
            let mut rest: Vec<T> = list.get(..start).unwrap_or(&[]).to_vec();
            rest.extend_from_slice(list.get(end..).unwrap_or(&[]));
            if !rest.is_empty() {
                match still(&wrap(&rest))? {
                    None => return Ok(list),
                    Some(true) => {
                        smaller = Some(rest);
                        break;
                    }
                    Some(false) => {}
                }
            }
            start = end;
        }
        match smaller {
            Some(rest) => {
                list = rest;
                parts = parts.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(list.len()),
        }
    }
    Ok(list)
}

/// Fewer messages, then fewer routes in those that are left; apart where that does it too.
fn fewer_updates(mut updates: Vec<Update>, still: &mut Still<'_>) -> Result<Vec<Update>, Trouble> {
    let apart: Vec<Update> = updates
        .iter()
        .flat_map(|update| {
            update.routes.iter().map(|route| Update { routes: vec![route.clone()], ..update.clone() })
        })
        .collect();
    if apart.len() > updates.len() && still(&Input::Updates(apart.clone()))? == Some(true) {
        updates = apart;
    }
    updates = fewer(updates, &|list| Input::Updates(list.to_vec()), still)?;
    for at in 0..updates.len() {
        let Some(update) = updates.get(at).cloned() else { break };
        let with = |update: Update| {
            let mut list = updates.clone();
            if let Some(place) = list.get_mut(at) {
                *place = update;
            }
            list
        };
        let wrap =
            |routes: &[Vec<u8>]| Input::Updates(with(Update { routes: routes.to_vec(), ..update.clone() }));
        let routes = fewer(update.routes.clone(), &wrap, still)?;
        let mut update = Update { routes, ..update.clone() };
        // What it asks for, and what it lacks: none of it where that does it too.
        let bare = Update { communities: Vec::new(), ..update.clone() };
        if !update.communities.is_empty() {
            if still(&Input::Updates(with(bare.clone())))? == Some(true) {
                update = bare;
            } else {
                let base = update.clone();
                let wrap = |list: &[Vec<u8>]| {
                    Input::Updates(with(Update { communities: list.to_vec(), ..base.clone() }))
                };
                update.communities = fewer(update.communities.clone(), &wrap, still)?;
            }
        }
        let whole = Update { no_origin: false, no_path: false, ..update.clone() };
        if whole != update && still(&Input::Updates(with(whole.clone())))? == Some(true) {
            update = whole;
        }
        updates = with(update);
    }
    Ok(updates)
}

/// The most routes that are made plainer.
const ROUTES: usize = 4;

/// Tries plainer octets for each route until none does it.
fn plainer(input: Input, still: &mut Still<'_>) -> Result<Input, Trouble> {
    let Input::Updates(mut updates) = input else { return Ok(input) };
    // What takes many routes is about how many they are.
    if updates.iter().map(|update| update.routes.len()).sum::<usize>() > ROUTES {
        return Ok(Input::Updates(updates));
    }
    let places: Vec<(usize, usize)> = updates
        .iter()
        .enumerate()
        .flat_map(|(at, update)| (0..update.routes.len()).map(move |route| (at, route)))
        .collect();
    for (at, route) in places {
        while let Some(update) = updates.get(at) {
            let v6 = update.table.family() == Family::Inet6;
            let skip = if update.table.is_vpn() { 8 } else { 0 };
            let Some(framed) = update.routes.get(route).cloned() else { break };
            let mut found = None;
            for candidate in candidates(&framed, skip, v6) {
                let mut list = updates.clone();
                if let Some(place) = list.get_mut(at).and_then(|update| update.routes.get_mut(route)) {
                    *place = candidate;
                }
                match still(&Input::Updates(list.clone()))? {
                    None => return Ok(Input::Updates(updates)),
                    Some(true) => {
                        found = Some(list);
                        break;
                    }
                    Some(false) => {}
                }
            }
            match found {
                Some(list) => updates = list,
                None => break,
            }
        }
    }
    Ok(Input::Updates(updates))
}

/// Routes that are shorter than this one or plainer, the shortest first. None of them leads back to it.
fn candidates(framed: &[u8], skip: usize, v6: bool) -> Vec<Vec<u8>> {
    let head = if framed.first().is_some_and(|first| usize::from(*first) > SHORT_MAX) { 2 } else { 1 };
    let (Some(length), Some(value)) = (framed.get(..head), framed.get(head..)) else { return Vec::new() };
    let says = match *length {
        [first, second] => usize::from(first & 0x0f) << 8 | usize::from(second),
        [first] => usize::from(first),
        _ => 0,
    };
    // A length that is true stays true; another one stays as it is.
    let is_true = says == value.len();
    let frame = |value: Vec<u8>| {
        if is_true && (head == 1 || value.len() > SHORT_MAX) {
            let mut out = Vec::new();
            encode::framed(&value, &mut out).is_ok().then_some(out)
        } else if is_true {
            // In two octets, needed or not.
            let says = u16::try_from(value.len()).ok().filter(|says| *says <= 0x0fff)?;
            Some([&(0xf000 | says).to_be_bytes()[..], &value].concat())
        } else {
            Some([length, &value].concat())
        }
    };
    let body = value.get(skip.min(value.len())..).unwrap_or(&[]);
    let whole = |body: Vec<u8>| [value.get(..skip.min(value.len())).unwrap_or(&[]), &body].concat();
    let mut list: Vec<Vec<u8>> = Vec::new();
    if is_true && head == 2 && value.len() <= SHORT_MAX {
        list.push([&[u8::try_from(value.len()).unwrap_or(0)], value].concat());
    }
    list.extend(bodies(body, v6).into_iter().filter_map(|body| frame(whole(body))));
    list
}

fn bodies(body: &[u8], v6: bool) -> Vec<Vec<u8>> {
    let pieces = walk(body, v6);
    let cut = |start: usize, end: usize| {
        let mut out = body.get(..start).unwrap_or(&[]).to_vec();
        out.extend_from_slice(body.get(end..).unwrap_or(&[]));
        out
    };
    let mut list = Vec::new();
    let walked = pieces.last().map_or(0, |piece| piece.end);
    // All but one component, then one less.
    for piece in &pieces {
        let mut one = body.get(piece.start..piece.end).unwrap_or(&[]).to_vec();
        one.extend_from_slice(body.get(walked..).unwrap_or(&[]));
        if one.len() < body.len() {
            list.push(one);
        }
    }
    for piece in &pieces {
        list.push(cut(piece.start, piece.end));
    }
    // Fewer operands: the first half, the second, a quarter, one.
    for piece in pieces.iter().filter(|piece| piece.operands.len() > 1) {
        let mut size = piece.operands.len() / 2;
        while size > 0 {
            for first in (0..piece.operands.len()).step_by(size) {
                let start = piece.operands.get(first).map_or(piece.end, |(at, _)| *at);
                let next = piece.operands.get(first + size);
                let end = next.map_or(piece.end, |(at, _)| *at);
                let mut out = cut(start, end);
                if next.is_none() {
                    // What is last now has the end of the list.
                    let last = first.checked_sub(1).and_then(|before| piece.operands.get(before));
                    let Some(op) = last.and_then(|(at, _)| out.get_mut(*at)) else { continue };
                    *op |= 0x80;
                }
                list.push(out);
            }
            size /= 2;
        }
    }
    // All operands at once, where there are several.
    if pieces.iter().map(|piece| piece.operands.len()).sum::<usize>() > 1 {
        list.extend(all_plainer(body, &pieces));
    }
    for piece in &pieces {
        for (at, code) in &piece.operands {
            list.extend(plainer_operand(body, *at, *code));
        }
        // The same of the lowest type.
        if pieces.len() == 1 && piece.kind > 3 && !piece.operands.is_empty() {
            let mut out = body.to_vec();
            if let Some(kind) = out.get_mut(piece.start) {
                *kind = 3;
            }
            list.push(out);
        }
        if piece.operands.is_empty() && piece.end - piece.start > 2 + usize::from(v6) {
            // A prefix without bits.
            let mut out = body.get(..piece.start).unwrap_or(&[]).to_vec();
            out.extend_from_slice(&[piece.kind, 0]);
            out.extend(v6.then_some(0));
            out.extend_from_slice(body.get(piece.end..).unwrap_or(&[]));
            list.push(out);
        }
    }
    // Behind what can be parted: fewer octets, then plainer ones.
    let mut size = (body.len() - walked).div_ceil(2);
    while size > 0 && walked < body.len() {
        for start in (walked..body.len()).step_by(size) {
            list.push(cut(start, (start + size).min(body.len())));
        }
        size /= 2;
    }
    for at in walked..body.len().min(walked + 16) {
        let mut out = body.to_vec();
        if let Some(octet) = out.get_mut(at).filter(|octet| **octet != 0) {
            *octet = 0;
            list.push(out);
        }
    }
    list
}

/// An operator and a value in, others out.
type Change<'a> = &'a dyn Fn(u8, &[u8]) -> (u8, Vec<u8>);

/// All operands as plain comparisons, all with the value 0, all in one octet; those of them that differ from what is
/// there.
fn all_plainer(body: &[u8], pieces: &[Piece]) -> Vec<Vec<u8>> {
    let with = |operand: Change<'_>| {
        let mut out = Vec::with_capacity(body.len());
        let mut from = 0;
        for (at, code) in pieces.iter().flat_map(|piece| &piece.operands) {
            let end = at + 1 + (1 << code);
            out.extend_from_slice(body.get(from..*at).unwrap_or(&[]));
            let (op, value) =
                operand(body.get(*at).copied().unwrap_or(0), body.get(at + 1..end).unwrap_or(&[]));
            out.push(op);
            out.extend_from_slice(&value);
            from = end;
        }
        out.extend_from_slice(body.get(from..).unwrap_or(&[]));
        out
    };
    let all = [
        with(&|op, value| (op & 0xb0 | 1, vec![0; value.len()])),
        with(&|op, value| (op & 0xb0 | 1, value.to_vec())),
        with(&|op, value| (op & !0x07 | 1, value.to_vec())),
        with(&|op, value| (op, vec![0; value.len()])),
        with(&|op, value| (op & !0x30, value.last().map_or(vec![], |last| vec![*last]))),
    ];
    all.into_iter().filter(|other| other != body).collect()
}

/// The operand at `at` as a plain comparison, in the fewest octets, with smaller values.
fn plainer_operand(body: &[u8], at: usize, code: u8) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    let Some(op) = body.get(at).copied() else { return list };
    let plain = op & 0xb0 | 1;
    let mut with = |op: u8, value: &[u8]| {
        let mut out = body.get(..at).unwrap_or(&[]).to_vec();
        out.push(op);
        out.extend_from_slice(value);
        out.extend_from_slice(body.get(at + 1 + (1 << code)..).unwrap_or(&[]));
        list.push(out);
    };
    let octets = body.get(at + 1..at + 1 + (1 << code)).unwrap_or(&[]);
    let value = octets.iter().fold(0_u64, |n, octet| n << 8 | u64::from(*octet));
    // Not joined, then plain.
    if op & 0x40 != 0 {
        with(op & !0x40, octets);
    }
    for other in [plain, op & !0x07 | 1, op & !0x08] {
        if other != op {
            with(other, octets);
        }
    }
    let fewest = (0..code).find(|code| value >> (8 << code) == 0);
    if let Some(fewest) = fewest {
        with(op & !0x30 | fewest << 4, octets.get(octets.len() - (1 << fewest)..).unwrap_or(&[]));
    }
    // Downward by halves of the way: the least value that does it is found as in a search.
    let mut step = value;
    while step > 0 {
        let smaller = (value - step).to_be_bytes();
        with(op, smaller.get(8 - (1 << code)..).unwrap_or(&smaller));
        step /= 2;
    }
    list
}

/// Fewer words on each line that is left.
fn words(mut lines: Vec<String>, still: &mut Still<'_>) -> Result<Input, Trouble> {
    // Long files are about how long they are.
    const LINES: usize = 64;
    for at in 0..if lines.len() > LINES { 0 } else { lines.len() } {
        let parts: Vec<String> =
            lines.get(at).map_or("", String::as_str).split(' ').map(str::to_owned).collect();
        let all = lines.clone();
        let wrap = |parts: &[String]| {
            let mut list = all.clone();
            if let Some(line) = list.get_mut(at) {
                *line = parts.join(" ");
            }
            Input::Text(list)
        };
        let parts = fewer(parts, &wrap, still)?;
        if let Some(line) = lines.get_mut(at) {
            *line = parts.join(" ");
        }
    }
    Ok(Input::Text(lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::flowspec::Table;

    fn shrunk(value: &[u8], does: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut framed = Vec::new();
        encode::framed(value, &mut framed).unwrap();
        let good = vec![3, 3, 0x81, 17];
        let mut update = Update::new(Table::Ipv4, vec![good.clone(), framed, good]);
        update.communities = vec![vec![0; 8]];
        let mut asked = 0;
        let mut still = |input: &Input| {
            asked += 1;
            let Input::Updates(list) = input else { panic!() };
            Ok(Some(list.iter().flat_map(|update| &update.routes).any(|route| does(&route[1..]))))
        };
        let least = shrink(&Input::Updates(vec![update]), &mut still).unwrap();
        assert!(asked < 500, "{asked}");
        let Input::Updates(list) = least else { panic!() };
        assert_eq!((list.len(), list[0].routes.len(), list[0].communities.len()), (1, 1, 0));
        list[0].routes[0][1..].to_vec()
    }

    /// Whether some operand of some component is so.
    fn any(value: &[u8], is: impl Fn(u8, u8, u64) -> bool) -> bool {
        walk(value, false).iter().any(|piece| {
            piece.operands.iter().any(|(at, code)| {
                let octets = &value[at + 1..at + 1 + (1 << code)];
                is(piece.kind, value[*at], octets.iter().fold(0, |n, o| n << 8 | u64::from(*o)))
            })
        })
    }

    const RICH: &[u8] = &[
        1, 24, 192, 0, 2, 3, 0x01, 6, 0x81, 17, 5, 0x13, 4, 0, 0x45, 100, 0xd5, 31, 144, 10, 0x23, 0, 1,
        0x86, 0x83, 0xe5, 0, 1, 0x86, 0x91,
    ];

    #[test]
    fn what_is_left_is_the_least_that_does_it() {
        // A value in four octets, of whatever type.
        assert_eq!(shrunk(RICH, |v| any(v, |_, op, _| op & 0x30 == 0x20)), [3, 0xa1, 0, 0, 0, 0]);
        // A value from a border on.
        assert_eq!(
            shrunk(RICH, |v| any(v, |kind, _, n| kind == 10 && n > 70_000)),
            [10, 0xa1, 0, 1, 0x11, 0x71]
        );
        // A list from three on.
        let three = |v: &[u8]| walk(v, false).iter().any(|piece| piece.operands.len() >= 3);
        assert_eq!(shrunk(RICH, three), [3, 1, 0, 1, 0, 0x81, 0]);
        // A comparison.
        let other = |v: &[u8]| any(v, |kind, op, _| kind == 5 && op & 7 == 5);
        assert_eq!(shrunk(RICH, other), [5, 0x85, 0]);
    }

    #[test]
    fn lines_and_words_that_do_not_matter_go() {
        let lines: Vec<String> = (0..40).map(|n| format!("rule {n} is long enough")).collect();
        let mut still = |input: &Input| {
            let Input::Text(lines) = input else { panic!() };
            Ok(Some(lines.iter().any(|line| line.split(' ').any(|word| word == "17"))))
        };
        assert_eq!(shrink(&Input::Text(lines), &mut still).unwrap(), Input::Text(vec!["17".into()]));
    }

    #[test]
    fn it_ends_when_no_more_may_be_asked() {
        let input = Input::Text(vec!["a".into(), "b".into()]);
        assert_eq!(shrink(&input, &mut |_| Ok(None)).unwrap(), input);
    }
}
