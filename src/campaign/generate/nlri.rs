//! NLRIs of flow routes that are legal (RFC 8955 §4, RFC 8956 §3), straight into octets.

use super::pools::{mask4, mask6};
use super::{Lattice, Pools, Style, below, once_in, one};
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::encode::VALUE_MAX;
use crate::dialect::flowspec::{ComponentType, Table};
use crate::field::Family;
use arbitrary::Unstructured;

/// The end-of-list bit of an operator.
const END: u8 = 0x80;
/// The most operands drawn for one component where lists are long.
const LIST: u32 = 64;
/// Operators as people use them.
const SENSIBLE: [u8; 5] = [EQ, GT, LT, GT | EQ, LT | EQ];

/// Appends the octets of one legal NLRI, without its length.
pub fn nlri(u: &mut Unstructured<'_>, table: Table, pools: &Pools, style: Style, out: &mut Vec<u8>) {
    let family = table.family();
    let start = out.len();
    if table.is_vpn() {
        // A distinguisher of type 0: an AS of two octets and a number.
        let number: u32 = u.arbitrary().unwrap_or(0);
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(65_000 + (number & 0xff)).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
    }
    let bare = out.len();
    // Bits of a number drawn once say which types come: prefixes and what goes with them more often.
    let drawn: u32 = u.arbitrary().unwrap_or(0);
    let mask = if style.kinds == 0 { u16::MAX } else { style.kinds };
    for number in 1..=13_u8 {
        let Some(kind) = ComponentType::from_number(number) else { continue };
        let often = drawn >> (2 * u32::from(number)) & 3;
        let comes = match number {
            1 => often != 3,
            2 | 3 | 5 => often < 2,
            _ => often == 0,
        };
        if comes && mask >> number & 1 == 1 && kind.is_defined_for(family) {
            let before = out.len();
            component(u, kind, family, pools, style, out);
            if out.len() - start > VALUE_MAX {
                out.truncate(before);
            }
        }
    }
    if out.len() == bare {
        component(u, ComponentType::DestinationPrefix, family, pools, style, out);
    }
    if style.long && once_in(u, 4) {
        lengthen(u, family, bare, VALUE_MAX - (bare - start), out);
    }
}

/// Appends one component that compares a type with one value, in so many octets: the plainest rule about it.
pub fn with_value(kind: ComponentType, value: u64, width: u8, out: &mut Vec<u8>) {
    out.push(kind.number());
    operand(END | EQ, value, width.trailing_zeros(), out);
}

fn component(
    u: &mut Unstructured<'_>,
    kind: ComponentType,
    family: Family,
    pools: &Pools,
    style: Style,
    out: &mut Vec<u8>,
) {
    match (kind, family) {
        (ComponentType::DestinationPrefix | ComponentType::SourcePrefix, Family::Inet6) => {
            prefix6(u, kind, pools, out);
        }
        (ComponentType::DestinationPrefix | ComponentType::SourcePrefix, _) => prefix4(u, kind, pools, out),
        _ => operands(u, kind, family, pools, style, out),
    }
}

/// A network of the pool, or one around it, or one inside it; at times one whose length stands at a border of octets.
fn prefix4(u: &mut Unstructured<'_>, kind: ComponentType, pools: &Pools, out: &mut Vec<u8>) {
    let (base, len) = one(u, &pools.networks).unwrap_or((0, 0));
    let (addr, len) = match below(u, 8) {
        0..=4 => (base, u32::from(len)),
        5 => (base, u32::from(len).saturating_sub(below(u, 8))),
        6 => (base | u.arbitrary::<u32>().unwrap_or(0) & !mask4(u32::from(len)), 32),
        _ => (base, border(u, 32)),
    };
    out.extend_from_slice(&[kind.number(), u8::try_from(len).unwrap_or(32)]);
    let octets = (addr & mask4(len)).to_be_bytes();
    out.extend_from_slice(octets.get(..len.div_ceil(8) as usize).unwrap_or(&octets));
}

fn prefix6(u: &mut Unstructured<'_>, kind: ComponentType, pools: &Pools, out: &mut Vec<u8>) {
    let (addr, len) = one(u, &pools.networks6).unwrap_or((0, 0));
    let len = if once_in(u, 8) { border(u, 128) } else { u32::from(len) };
    // An offset ignores leading bits; most rules have none, and it need not be whole octets.
    let offset = if once_in(u, 8) { below(u, len) } else { 0 };
    out.extend_from_slice(&[
        kind.number(),
        u8::try_from(len).unwrap_or(128),
        u8::try_from(offset).unwrap_or(0),
    ]);
    let bits = len - offset;
    let octets = (addr.checked_shl(offset).unwrap_or(0) & mask6(bits)).to_be_bytes();
    out.extend_from_slice(octets.get(..bits.div_ceil(8) as usize).unwrap_or(&octets));
}

/// A length at an octet of an address of `bits` bits, or beside it.
fn border(u: &mut Unstructured<'_>, bits: u32) -> u32 {
    let octet = below(u, bits / 8 + 1) * 8;
    match below(u, 3) {
        0 => octet,
        1 => octet.saturating_sub(1),
        _ => (octet + 1).min(bits),
    }
}

fn operands(
    u: &mut Unstructured<'_>,
    kind: ComponentType,
    family: Family,
    pools: &Pools,
    style: Style,
    out: &mut Vec<u8>,
) {
    out.push(kind.number());
    let count = match below(u, 8) {
        // Doubling steps, so that every length up to the longest is met about as often as ten times it.
        7 if style.lists => {
            let longest = LIST >> below(u, 6);
            1 + below(u, longest.max(2))
        }
        6 | 7 => 3,
        4 | 5 => 2,
        _ => 1,
    };
    let bitmask = kind.is_bitmask();
    // A range has two ends: the second is joined to the first and lies above it.
    let range = !bitmask && !style.operators && count == 2 && below(u, 4) != 0;
    let mut lower = 0;
    for index in 0..count {
        let end = if index + 1 == count { END } else { 0 };
        let mut value = value(u, kind, family, pools, style);
        let op = if range {
            if index == 0 {
                lower = value;
                GT | EQ
            } else {
                value = value.max(lower);
                AND | LT | EQ
            }
        } else {
            operator(u, bitmask, style) | if index > 0 && once_in(u, 3) { AND } else { 0 }
        };
        let code = width_code(u, kind, value, style);
        operand(end | op, value, code, out);
    }
}

fn operator(u: &mut Unstructured<'_>, bitmask: bool, style: Style) -> u8 {
    match (bitmask, style.operators) {
        (true, true) => u.arbitrary::<u8>().unwrap_or(0) & (NOT | MATCH),
        (true, false) => one(u, &[MATCH, 0, NOT]).unwrap_or(MATCH),
        (false, true) => u.arbitrary::<u8>().unwrap_or(0) & (LT | GT | EQ),
        (false, false) => one(u, &SENSIBLE).unwrap_or(EQ),
    }
}

fn value(u: &mut Unstructured<'_>, kind: ComponentType, family: Family, pools: &Pools, style: Style) -> u64 {
    let lattice = Lattice::of(kind, family);
    let max = kind.max(family);
    match below(u, 8) {
        0 | 1 if style.beyond => one(u, &lattice.beyond).or_else(|| one(u, &lattice.inside)).unwrap_or(0),
        0..=2 => one(u, &lattice.inside).unwrap_or(0),
        3..=5 if max == u64::from(u16::MAX) => one(u, &pools.ports).unwrap_or(0),
        _ => u64::from(u.arbitrary::<u16>().unwrap_or(0)) % max.saturating_add(1),
    }
}

/// How many octets the value takes, as the power of two that operators say: the fewest, or more.
fn width_code(u: &mut Unstructured<'_>, kind: ComponentType, value: u64, style: Style) -> u32 {
    let fewest = kind.canonical_width(value).trailing_zeros();
    let widths = kind.info().widths;
    let most = 7 - widths.leading_zeros().min(7);
    if style.wide && once_in(u, 3) && most > fewest { fewest + 1 + below(u, most - fewest) } else { fewest }
}

#[inline]
fn operand(op: u8, value: u64, code: u32, out: &mut Vec<u8>) {
    out.push(op | u8::try_from(code << 4).unwrap_or(0));
    match code {
        0 => out.extend_from_slice(value.to_be_bytes().last_chunk::<1>().unwrap_or(&[0])),
        1 => out.extend_from_slice(value.to_be_bytes().last_chunk::<2>().unwrap_or(&[0; 2])),
        2 => out.extend_from_slice(value.to_be_bytes().last_chunk::<4>().unwrap_or(&[0; 4])),
        _ => out.extend_from_slice(&value.to_be_bytes()),
    }
}

/// Makes the last list longer until the NLRI stands at a border of what its length can say. A rule without a list at its
/// end stays as it is.
fn lengthen(u: &mut Unstructured<'_>, family: Family, start: usize, most: usize, out: &mut Vec<u8>) {
    let Some(value) = out.get(start..) else { return };
    let Some(last) = super::super::mutate::walk(value, family == Family::Inet6).pop() else { return };
    let Some((at, code)) = last.operands.last().copied() else { return };
    let step = 1 + (1_usize << code);
    if out.len() - start + step > most {
        return;
    }
    if let Some(op) = out.get_mut(start + at) {
        *op &= !END;
    }
    let borders = super::lengths(1);
    let goal = one(u, &borders).map_or(0, usize::from).min(most);
    let mut number = 0_u64;
    // One more at least, so that the list has an end.
    loop {
        number += 1;
        let more = out.len() - start + 2 * step <= goal;
        operand(if more { EQ } else { EQ | END }, number & 0x3f, u32::from(code), out);
        if !more {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::octets;
    use super::*;
    use crate::dialect::flowspec::{FlowSpec, decode_value};
    use std::collections::BTreeSet;

    #[test]
    fn what_is_made_is_legal_and_varied() {
        let mut kinds = BTreeSet::new();
        let mut widths = BTreeSet::new();
        let mut operators = BTreeSet::new();
        let mut longest = 0;
        for (seed, table) in (0..20_000).zip(Table::ALL.into_iter().cycle()) {
            let data = octets(seed, 4096);
            let mut u = Unstructured::new(&data);
            let pools = Pools::new(&mut u);
            let style = Style::new(&mut u);
            let mut out = Vec::new();
            nlri(&mut u, table, &pools, style, &mut out);
            let mut spec = FlowSpec::new(table.family());
            decode_value(table, &out, 0, &mut spec).unwrap_or_else(|e| panic!("{e}: {out:02x?}"));
            longest = longest.max(out.len());
            for component in spec.components() {
                kinds.insert(component.kind.number());
                for operand in spec.operands(component) {
                    widths.insert(operand.width);
                    operators.insert(operand.op);
                }
            }
        }
        assert_eq!(kinds.len(), 13);
        assert_eq!(widths.len(), 4);
        assert_eq!(operators.len(), 16, "every combination, joined and not: {operators:?}");
        assert!(longest > VALUE_MAX - 16, "{longest}");
    }

    #[test]
    fn no_octets_make_the_smallest_rule() {
        let mut u = Unstructured::new(&[]);
        let pools = Pools::new(&mut u);
        let mut out = Vec::new();
        nlri(&mut u, Table::Ipv4, &pools, Style::PLAIN, &mut out);
        let mut spec = FlowSpec::new(Family::Inet);
        assert!(decode_value(Table::Ipv4, &out, 0, &mut spec).is_ok());
    }

    #[test]
    fn the_same_octets_make_the_same_rule() {
        let make = |seed| {
            let data = octets(seed, 1024);
            let mut u = Unstructured::new(&data);
            let pools = Pools::new(&mut u);
            let mut out = Vec::new();
            nlri(&mut u, Table::Ipv6, &pools, Style::PLAIN, &mut out);
            out
        };
        assert_eq!(make(5), make(5));
        assert_ne!(make(5), make(6));
    }
}
