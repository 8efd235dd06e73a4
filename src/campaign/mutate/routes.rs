//! Changes to flow routes and to the messages that carry them.

use super::super::Update;
use super::super::generate::{self, Lattice, Pools, Style, below, once_in, one};
use super::super::input::USUAL;
use super::walk::{Piece, walk};
use crate::dialect::flowspec::encode::SHORT_MAX;
use crate::dialect::flowspec::{ComponentType, Table, encode};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::net::{Prefix4, Prefix6};
use arbitrary::Unstructured;

/// Octets of NLRIs that one message of the extended size takes (RFC 8654), with room for its attributes.
const FIELD_MAX: usize = 65_000;
/// What marks a length of two octets (RFC 8955 §4.1).
const LONG: u16 = 0xf000;
/// The most copies made of one route by doubling.
const COPIES: u32 = 12;
/// The longest list that an operand is repeated to.
const PAIRS: u32 = 64;

/// One of the routes.
fn pick(u: &mut Unstructured<'_>, update: &Update) -> usize {
    below(u, u32::try_from(update.routes.len()).unwrap_or(u32::MAX)) as usize
}

/// The octets of a route behind its length, as they stand.
fn value_of(framed: &[u8]) -> &[u8] {
    match framed {
        [first, _, tail @ ..] if usize::from(*first) > SHORT_MAX => tail,
        [_, tail @ ..] => tail,
        [] => &[],
    }
}

/// The octets behind the length of a route, changed, behind a length that is true again.
fn change(update: &mut Update, route: usize, change: impl FnOnce(&mut Vec<u8>)) {
    let skip = if update.table.is_vpn() { 8 } else { 0 };
    let Some(framed) = update.routes.get_mut(route) else { return };
    let value = value_of(framed);
    let (head, tail) = value.split_at_checked(skip).unwrap_or((&[], value));
    let (mut all, mut body) = (head.to_vec(), tail.to_vec());
    change(&mut body);
    all.extend_from_slice(&body);
    let mut out = Vec::with_capacity(all.len() + 2);
    // What is too long for a length stays as it was.
    if encode::framed(&all, &mut out).is_ok() {
        *framed = out;
    }
}

/// The pieces of a route, and whether it is of IPv6.
fn pieces(update: &Update, route: usize) -> (Vec<Piece>, bool) {
    let skip = if update.table.is_vpn() { 8 } else { 0 };
    let v6 = update.table.family() == Family::Inet6;
    let value = update.routes.get(route).map_or(&[][..], |framed| value_of(framed));
    (walk(value.get(skip..).unwrap_or(&[]), v6), v6)
}

pub(super) fn length(u: &mut Unstructured<'_>, update: &mut Update) {
    let route = pick(u, update);
    let Some(framed) = update.routes.get_mut(route) else { return };
    let mut value = value_of(framed).to_vec();
    let says = one(u, &generate::lengths(value.len())).unwrap_or(0);
    let mut out = Vec::new();
    // In one octet where it goes there, or in two whether it needs them or not.
    match u8::try_from(says) {
        Ok(short) if below(u, 2) == 0 => out.push(short),
        _ => out.extend_from_slice(&(LONG | says & 0x0fff).to_be_bytes()),
    }
    match below(u, 4) {
        // Nothing follows.
        0 => {}
        // As much follows as is said, where that is not too much.
        1 if usize::from(says & 0x0fff) < FIELD_MAX => {
            value.resize(usize::from(says & 0x0fff), 0);
            out.extend_from_slice(&value);
        }
        // What stood there follows.
        _ => out.extend_from_slice(&value),
    }
    *framed = out;
}

pub(super) fn truncate(u: &mut Unstructured<'_>, update: &mut Update) {
    let route = pick(u, update);
    let Some(framed) = update.routes.get_mut(route) else { return };
    let value = value_of(framed).to_vec();
    let keep = below(u, u32::try_from(value.len()).unwrap_or(u32::MAX)) as usize;
    if below(u, 2) == 0 {
        // The length says more than is there.
        let head = framed.len() - value.len();
        framed.truncate(head + keep);
    } else {
        let mut out = Vec::new();
        if encode::framed(value.get(..keep).unwrap_or(&[]), &mut out).is_ok() {
            *framed = out;
        }
    }
}

/// The first route of an UPDATE cut off behind every octet of it, a message each; of a long one behind its last octets.
pub fn every_cut(update: &Update) -> Vec<Update> {
    const CUTS: usize = 40;
    let value = update.routes.first().map_or(&[][..], |framed| value_of(framed));
    let one = |keep: usize| {
        let mut framed = Vec::new();
        encode::framed(value.get(..keep)?, &mut framed).ok()?;
        Some(Update { routes: vec![framed], ..update.clone() })
    };
    (0..value.len()).rev().take(CUTS).filter_map(one).collect()
}

/// An operand of a route: where its component and its operator stand, and how wide its value is.
fn pick_operand(u: &mut Unstructured<'_>, list: &[Piece]) -> Option<(u8, usize, u8)> {
    let with: Vec<&Piece> = list.iter().filter(|piece| !piece.operands.is_empty()).collect();
    let piece = one(u, &with)?;
    let (at, code) = one(u, &piece.operands)?;
    Some((piece.kind, at, code))
}

pub(super) fn operand(u: &mut Unstructured<'_>, update: &mut Update) {
    let route = pick(u, update);
    let (list, v6) = pieces(update, route);
    let Some((kind, at, old)) = pick_operand(u, &list) else { return };
    let family = if v6 { Family::Inet6 } else { Family::Inet };
    let max = ComponentType::from_number(kind).map_or(0, |kind| kind.max(family));
    // Of any width, whether the type allows it or not.
    let lattice = Lattice::new(max, 8);
    let values = if below(u, 2) == 0 { &lattice.inside } else { &lattice.beyond };
    let value = one(u, values).unwrap_or(0);
    let code = u8::try_from(below(u, 4)).unwrap_or(0);
    change(update, route, |body| {
        let Some(op) = body.get_mut(at) else { return };
        *op = *op & !0x30 | code << 4;
        let octets = value.to_be_bytes();
        let octets = octets.get(8 - (1 << code)..).unwrap_or(&octets);
        let end = (at + 1 + (1 << old)).min(body.len());
        body.splice(at + 1..end, octets.iter().copied());
    });
}

pub(super) fn operator(u: &mut Unstructured<'_>, update: &mut Update) {
    let route = pick(u, update);
    let (list, _) = pieces(update, route);
    let Some((_, at, code)) = pick_operand(u, &list) else { return };
    let way = below(u, 6);
    // What stands first in its list has nothing to be joined with.
    let first = list.iter().rev().filter_map(|piece| piece.operands.first()).find(|(first, _)| *first <= at);
    let (at, code) = if way == 2 { first.copied().unwrap_or((at, code)) } else { (at, code) };
    let bits = u.arbitrary::<u8>().unwrap_or(0);
    let pairs = 1 + below(u, PAIRS);
    change(update, route, |body| {
        let Some(op) = body.get_mut(at) else { return };
        match way {
            // Every comparison.
            0 | 1 => *op = *op & !0x07 | bits & 0x07,
            // Joined with the one before, where there may be none.
            2 => *op |= 0x40,
            // The reserved bit.
            3 => *op |= 0x08,
            // The end comes late, or early.
            4 => *op ^= 0x80,
            // The same many times.
            _ => {
                let size = 1 + (1_usize << code);
                let Some(one) = body.get(at..(at + size).min(body.len())).map(<[u8]>::to_vec) else { return };
                let mut more = one.clone();
                if let Some(op) = more.first_mut() {
                    *op &= !0x80;
                }
                body.splice(at..at, more.repeat(pairs as usize));
            }
        }
    });
}

pub(super) fn structure(u: &mut Unstructured<'_>, update: &mut Update) {
    let route = pick(u, update);
    let (list, v6) = pieces(update, route);
    let way = below(u, 9);
    let first = below(u, u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize;
    let other = below(u, u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize;
    let bits = u.arbitrary::<u8>().unwrap_or(0);
    let (Some(first), Some(other)) = (list.get(first).cloned(), list.get(other).cloned()) else { return };
    let prefix = list.iter().find(|piece| piece.kind <= 2).cloned();
    let fitting = below(u, 3) != 0;
    change(update, route, |body| {
        let part = |piece: &Piece| body.get(piece.start..piece.end).unwrap_or(&[]).to_vec();
        let (a, b) = (part(&first), part(&other));
        match (way, prefix) {
            // Nothing is left; one less; one more, at the end or in its place.
            (0, _) => body.clear(),
            (1, _) => _ = body.splice(first.start..first.end, []),
            (2, _) => body.extend_from_slice(&a),
            (3, _) => _ = body.splice(first.start..first.start, a),
            // Another order.
            (4, _) if first.start < other.start => {
                body.splice(other.start..other.end, a);
                body.splice(first.start..first.end, b);
            }
            // A type that nobody has, or another.
            (5, _) => {
                if let Some(kind) = body.get_mut(first.start) {
                    *kind = bits;
                }
            }
            // A length or an offset that no address has; bits behind the prefix.
            (6, Some(prefix)) => {
                let most = if v6 { Prefix6::BITS } else { Prefix4::BITS };
                let bits = if bits & 1 == 0 { bits } else { most + 1 };
                if let Some(length) = body.get_mut(prefix.start + 1) {
                    *length = bits;
                }
                // With as many octets as it says, so that the rest is read as it was.
                if fitting {
                    let at = prefix.start + 2 + usize::from(v6);
                    let size = usize::from(bits).div_ceil(8);
                    let address = body.get(at..prefix.end).unwrap_or(&[]).iter().copied();
                    let address: Vec<u8> = address.chain(std::iter::repeat(0)).take(size).collect();
                    body.splice(at.min(prefix.end)..prefix.end, address);
                }
            }
            (7, Some(prefix)) if v6 => {
                if let Some(offset) = body.get_mut(prefix.start + 2) {
                    *offset = bits;
                }
            }
            (_, Some(prefix)) => {
                if let Some(last) = body.get_mut(prefix.end - 1).filter(|_| prefix.end - prefix.start > 3) {
                    *last |= bits;
                }
            }
            _ => body.push(bits),
        }
    });
}

pub(super) fn packing(u: &mut Unstructured<'_>, update: &mut Update, pools: &Pools) {
    match below(u, 5) {
        0 => update.withdraws = !update.withdraws,
        1 => update.no_origin = true,
        2 => update.no_path = true,
        // Good ones around what is there.
        3 => {
            let table = update.table;
            let mut good = generate::routes(u, table, pools, Style::PLAIN, 8);
            let at = pick(u, update);
            let rest = update.routes.split_off(at);
            update.routes.append(&mut good);
            update.routes.extend(rest);
        }
        // A length whose second octet is missing, at the end of the field.
        _ => update.routes.push(vec![u8::try_from(SHORT_MAX + 1 + below(u, 16) as usize).unwrap_or(u8::MAX)]),
    }
}

/// Doubles what is there until the message stands at a border of its size; copies differ in a component at their end.
pub(super) fn scale(u: &mut Unstructured<'_>, update: &mut Update) {
    let doublings = below(u, COPIES);
    let table = update.table;
    let size = |update: &Update| update.routes.iter().map(Vec::len).sum::<usize>();
    let mut meter = Meter::new(&limits::MADE_ROUTES);
    for step in 0..doublings {
        let more = u64::try_from(update.routes.len()).unwrap_or(u64::MAX);
        if size(update) * 2 > FIELD_MAX || meter.charge(more).is_err() {
            break;
        }
        let mut copies = update.routes.clone();
        for framed in &mut copies {
            differ(framed, step, table);
        }
        update.routes.append(&mut copies);
    }
    // Extended messages are agreed upon in advance; without that the usual size is the border.
    if once_in(u, 2) {
        let mut over = update.size().saturating_sub(USUAL);
        while over > 0 && update.routes.len() > 1 {
            over = over.saturating_sub(update.routes.pop().map_or(0, |route| route.len()));
        }
    }
}

/// Makes a copy another route: its last value has another bit, or what has no list another bit of its address.
fn differ(framed: &mut [u8], step: u32, table: Table) {
    let skip = if table.is_vpn() { 8 } else { 0 };
    let head = framed.len() - value_of(framed).len();
    let list = walk(framed.get(head + skip..).unwrap_or(&[]), table.family() == Family::Inet6);
    let Some(last) = list.last() else { return };
    let at = head + skip + last.end - 1 - usize::from(step >= 8 && last.end > last.start + 3);
    if let Some(octet) = framed.get_mut(at) {
        *octet ^= 1 << (step % 8);
    }
}

pub(super) fn actions(u: &mut Unstructured<'_>, update: &mut Update) {
    match below(u, 5) {
        0 => {
            // Several of one kind.
            let octets = generate::community(u);
            let count = 1 + below(u, 32);
            update.communities.extend((0..count).map(|_| octets.clone()));
        }
        1 | 2 => {
            // Cut short: the attribute is no longer a row of whole ones.
            let mut octets = generate::community(u);
            octets.truncate(below(u, 8) as usize);
            update.communities.push(octets);
        }
        3 => {
            // Of the long kind (attribute 25), whole or not.
            let mut octets = generate::community(u);
            octets.resize(20 - if once_in(u, 3) { below(u, 11) as usize } else { 0 }, 0);
            update.communities.push(octets);
        }
        _ => {
            let count = 1 + below(u, 8);
            update.communities.extend((0..count).map(|_| generate::community(u)));
        }
    }
}
