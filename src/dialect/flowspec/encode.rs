//! Typed components to octets: canonical, or with the order and widths they have.

use super::component::{AND, Body, EQ, GT, LT, MATCH, NOT};
use super::{Component, ComponentType, FlowSpec, Operand};
use crate::field::Family;

/// The longest value whose length stands in one octet: one that begins with four set bits is of two (RFC 8955 §4.1).
pub const SHORT_MAX: usize = 0xef;

/// The longest value the 12-bit length of an NLRI can say, in octets (RFC 8955 §4.1).
pub const VALUE_MAX: usize = 4095;

/// The longest value an UPDATE of 4,096 octets carries, in octets: less 19 for the header, 4 for the two
/// lengths, 4 ORIGIN, 9 `AS_PATH` with one AS, 11 for one extended community, 9 around the NLRIs and 2 for its
/// own length. A longer one needs extended messages (RFC 8654).
pub const CLASSIC_VALUE_MAX: usize = 4096 - 19 - 4 - 4 - 9 - 11 - 9 - 2;

/// Why a specification has no encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// An NLRI needs at least one component.
    #[error("a rule without conditions has no NLRI")]
    Empty,
    /// Longer than a length field can say.
    #[error("the NLRI takes {octets} octets and {VALUE_MAX} are the most")]
    TooLong {
        /// How many it takes.
        octets: usize,
    },
    /// A type that stands twice and cannot be joined.
    #[error("the {kind} stands twice")]
    Repeated {
        /// The type.
        kind: ComponentType,
    },
    /// A value the widths of the type cannot carry, or a component the family does not have.
    #[error("{kind} cannot carry {value}")]
    Value {
        /// The type.
        kind: ComponentType,
        /// The value.
        value: u64,
    },
}

/// Appends the canonical octets of `spec`, without the length: types ascending, each value in the fewest octets
/// (a flow label in four), reserved bits clear.
pub fn canonical(spec: &FlowSpec, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let from = begin(spec, out)?;
    if spec.components().is_sorted_by(|a, b| a.kind < b.kind) {
        for component in spec.components() {
            write(spec, component, true, out)?;
        }
        return finish(from, out);
    }
    for info in &super::table::TYPES {
        let mut of_type = spec.components().iter().filter(|component| component.kind == info.kind);
        let Some(component) = of_type.next() else { continue };
        if of_type.next().is_some() {
            return Err(EncodeError::Repeated { kind: info.kind });
        }
        write(spec, component, true, out)?;
    }
    finish(from, out)
}

/// Appends the octets of `spec`, without the length, in the order and with the widths it has.
pub fn preserving(spec: &FlowSpec, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let from = begin(spec, out)?;
    for component in spec.components() {
        write(spec, component, false, out)?;
    }
    finish(from, out)
}

/// Appends `value` behind its length, in one octet below 240 and in two from there (RFC 8955 §4.1).
pub fn framed(value: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let octets = value.len();
    match u16::try_from(octets) {
        Ok(length) if octets <= VALUE_MAX => match u8::try_from(length) {
            Ok(short) if octets <= SHORT_MAX => out.push(short),
            _ => out.extend_from_slice(&(0xf000 | length).to_be_bytes()),
        },
        _ => return Err(EncodeError::TooLong { octets }),
    }
    out.extend_from_slice(value);
    Ok(())
}

fn begin(spec: &FlowSpec, out: &mut Vec<u8>) -> Result<usize, EncodeError> {
    if spec.components().is_empty() {
        return Err(EncodeError::Empty);
    }
    let from = out.len();
    out.extend_from_slice(spec.distinguisher.as_ref().map_or(&[], |octets| octets.as_slice()));
    Ok(from)
}

fn finish(from: usize, out: &[u8]) -> Result<(), EncodeError> {
    let octets = out.len() - from;
    if octets > VALUE_MAX { Err(EncodeError::TooLong { octets }) } else { Ok(()) }
}

fn write(
    spec: &FlowSpec,
    component: &Component,
    canonical: bool,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let kind = component.kind;
    if !kind.is_defined_for(spec.family) {
        return Err(EncodeError::Value { kind, value: 0 });
    }
    out.push(kind.number());
    match component.body {
        Body::Prefix4(prefix) => {
            out.push(prefix.len());
            let octets = prefix.first().to_be_bytes();
            out.extend_from_slice(octets.get(..usize::from(prefix.len()).div_ceil(8)).unwrap_or(&octets));
        }
        Body::Prefix6 { addr, len, offset } => {
            out.extend_from_slice(&[len, offset]);
            let bits = len.saturating_sub(offset);
            let kept = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            let shifted = addr.checked_shl(u32::from(offset)).unwrap_or(0) & kept;
            let octets = shifted.to_be_bytes();
            out.extend_from_slice(octets.get(..usize::from(bits).div_ceil(8)).unwrap_or(&octets));
        }
        Body::Operands { .. } => {
            let list = spec.operands(component);
            for (index, operand) in list.iter().enumerate() {
                let operand = if canonical { normal(*operand, kind, spec.family) } else { *operand };
                let and = if index == 0 { 0 } else { operand.op & AND };
                let end = if index + 1 == list.len() { 0x80 } else { 0 };
                write_operand(operand, kind, and | end, out)?;
            }
        }
    }
    Ok(())
}

/// The operand as the canonical encoding says it.
fn normal(operand: Operand, kind: ComponentType, family: Family) -> Operand {
    let value = match kind {
        ComponentType::Fragment => operand.value & kind.max(family),
        _ => operand.value,
    };
    Operand { value, width: kind.canonical_width(value), ..operand }
}

fn write_operand(
    operand: Operand,
    kind: ComponentType,
    bits: u8,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let Operand { op, width, value, .. } = operand;
    let needed = Operand::new(op, value, operand.span).width;
    let width = width.max(needed).next_power_of_two().min(8);
    let code = width.trailing_zeros();
    if kind.info().widths >> code & 1 == 0 {
        return Err(EncodeError::Value { kind, value });
    }
    let meant = if kind.is_bitmask() { NOT | MATCH } else { LT | GT | EQ };
    #[expect(clippy::cast_possible_truncation, reason = "0 to 3")]
    out.push(bits | (code as u8) << 4 | op & meant);
    let octets = value.to_be_bytes();
    out.extend_from_slice(octets.get(8 - usize::from(width)..).unwrap_or(&octets));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::flowspec::{Frames, Table, decode};

    fn octets(hex: &str) -> Vec<u8> {
        hex.split(' ').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
    }

    #[track_caller]
    fn recoded(table: Table, hex: &str) -> (Vec<u8>, Vec<u8>) {
        let wire = octets(hex);
        let frame = Frames::new(&wire, 0).next().unwrap().unwrap();
        let mut spec = FlowSpec::new(table.family());
        decode(table, &frame, &mut spec).unwrap();
        let (mut short, mut same) = (Vec::new(), Vec::new());
        canonical(&spec, &mut short).unwrap();
        preserving(&spec, &mut same).unwrap();
        assert_eq!(same, frame.value, "{hex}");
        let mut out = Vec::new();
        framed(&short, &mut out).unwrap();
        (out, wire)
    }

    #[test]
    fn the_worked_examples_come_back_as_they_are() {
        for hex in [
            "0b 01 18 c0 00 02 03 81 06 04 81 19",
            "12 01 18 c0 00 02 02 18 cb 00 71 04 03 89 45 8b 91 1f 90",
            "02 01 00",
            "0a 05 12 1f 90 54 1f 98 91 0c 38",
            "05 09 01 02 c2 10",
            "04 09 91 01 00",
            "2a 01 18 c0 00 02 02 18 cb 00 71 03 81 06 04 81 50 05 81 50 06 92 03 ff 07 81 00 08 81 00 09 81 02 0a 91 05 dc 0b 81 00 0c 82 02",
        ] {
            let (out, wire) = recoded(Table::Ipv4, hex);
            assert_eq!(out, wire, "{hex}");
        }
        for hex in [
            "12 01 20 00 20 01 0d b8 02 68 40 12 34 56 78 9a 03 81 06",
            "0f 01 20 00 20 01 0d b8 02 68 41 24 68 ac f1 34",
            "09 02 68 3c 11 23 45 67 89 80",
            "03 01 00 00",
            "04 01 80 7f 80",
            "06 0d a1 00 0b cd ef",
        ] {
            let (out, wire) = recoded(Table::Ipv6, hex);
            assert_eq!(out, wire, "{hex}");
        }
        let (out, wire) = recoded(Table::Vpnv4, "0e 00 00 ff ff 00 01 00 00 02 20 0a 00 00 01");
        assert_eq!(out, wire);
    }

    #[test]
    fn wide_values_shrink_and_a_flow_label_takes_four_octets() {
        assert_eq!(recoded(Table::Ipv4, "06 05 a1 00 00 00 50").0, octets("03 05 81 50"));
        assert_eq!(recoded(Table::Ipv6, "04 0d 91 07 dd").0, octets("06 0d a1 00 00 07 dd"));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let mut spec = FlowSpec::new(Family::Inet);
        let mut out = Vec::new();
        assert_eq!(canonical(&spec, &mut out), Err(EncodeError::Empty));
        let operand = Operand::new(EQ, 300, crate::source::Span::default());
        spec.push_operands(ComponentType::Dscp, [operand], crate::source::Span::default());
        let error = EncodeError::Value { kind: ComponentType::Dscp, value: 300 };
        assert_eq!(canonical(&spec, &mut out), Err(error));
        assert_eq!(framed(&[0; 4096], &mut out), Err(EncodeError::TooLong { octets: 4096 }));
        let mut out = Vec::new();
        framed(&[0; 240], &mut out).unwrap();
        assert_eq!(out[..2], [0xf0, 0xf0]);
    }
}
