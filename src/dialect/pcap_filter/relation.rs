//! Comparisons of arithmetic: constants folded, and what is left brought to one load and a set of its values.

use super::parse::Fault;
use super::syntax::{Arithmetic, Comparison, Operator, Proto};
use super::values::Words;
use super::words;
use crate::source::Span;
use std::fmt::Write as _;

/// Where a load begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum At {
    /// That many octets from the beginning of the header.
    Octet(u32),
    /// That many behind the IPv4 header, whose length the expression computes.
    BehindInet(u32),
    /// Somewhere the packet says.
    Computed,
}

/// Octets of a header.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Load {
    pub(super) proto: Proto,
    pub(super) at: At,
    pub(super) size: u8,
}

/// Octets that a comparison reads, and whether libpcap first asks whether their header is there.
///
/// `gen_arth` of libpcap keeps the checks of its first operand and drops those of the second: `ip[0] + tcp[0]` loads
/// behind the IPv4 header whatever stands there, and `5 + udp[0]` in every frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Reading {
    pub(super) load: Load,
    pub(super) is_checked: bool,
}

/// What a comparison came to.
#[derive(Clone, Debug)]
pub(super) enum Relation {
    /// The same for every packet.
    Constant(bool),
    /// A load has a value of a set.
    Load(Load, Words),
    /// The length of the frame is in a set.
    Length(Words),
    /// The length of an IPv6 packet with its header is in a set.
    LengthInet6(Words),
    /// The octets behind an IPv4 header are as many as the set says.
    RoomInet(Words),
    /// Something else, about these loads.
    Other(Vec<Reading>),
}

impl Relation {
    /// Both about the same octets, said by one; none where they are about others.
    pub(super) fn merged(&self, other: &Self, is_and: bool) -> Option<Self> {
        let both = |a: &Words, b: &Words| if is_and { a.intersection(b) } else { a.union(b) };
        Some(match (self, other) {
            (Self::Load(load, a), Self::Load(same, b)) if load == same => Self::Load(*load, both(a, b)?),
            (Self::Length(a), Self::Length(b)) => Self::Length(both(a, b)?),
            (Self::RoomInet(a), Self::RoomInet(b)) => Self::RoomInet(both(a, b)?),
            _ => return None,
        })
    }
}

/// One step from a load to the value compared.
#[derive(Clone, Copy, Debug)]
enum Step {
    // `x OPERATOR number`.
    By(Operator, u32),
    // `number - x`.
    From(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    Load(Load),
    Length,
}

impl Base {
    /// `ip6[4:2]`: the octets behind the fixed header of IPv6.
    fn is_payload_length(self) -> bool {
        self == Self::Load(Load { proto: Proto::Ip6, at: At::Octet(4), size: 2 })
    }

    /// Whether it is only read where its header is.
    fn has_check(self) -> bool {
        matches!(self, Self::Load(load) if !matches!(load.proto, Proto::Link | Proto::Radio))
    }
}

enum Value {
    Constant(u32),
    Steps(Base, Vec<Step>),
    Other,
}

/// What an operator makes of two words; none where libpcap refuses or BPF stops.
pub(super) fn calculate(operator: Operator, a: u32, b: u32) -> Option<u32> {
    Some(match operator {
        Operator::Add => a.wrapping_add(b),
        Operator::Subtract => a.wrapping_sub(b),
        Operator::Multiply => a.wrapping_mul(b),
        Operator::Divide => a.checked_div(b)?,
        Operator::Modulo => a.checked_rem(b)?,
        Operator::And => a & b,
        Operator::Or => a | b,
        Operator::Xor => a ^ b,
        Operator::Left => a.checked_shl(b)?,
        Operator::Right => a.checked_shr(b)?,
    })
}

/// Brings a comparison to a load and the values it may have.
pub(super) fn solve(relation: &(Arithmetic, Comparison, Arithmetic), span: Span) -> Result<Relation, Fault> {
    let (left, comparison, right) = relation;
    let (a, b) = (value(left, span)?, value(right, span)?);
    let solved = match (a, b) {
        (Value::Constant(a), Value::Constant(b)) => {
            let holds = Words::compared(*comparison, b).ranges(32).is_some_and(|set| set.contains(a));
            return Ok(Relation::Constant(holds));
        }
        (Value::Steps(base, steps), Value::Constant(number)) => before(base, &steps, *comparison, number),
        (Value::Constant(number), Value::Steps(base, steps)) => {
            before(base, &steps, turned(*comparison), number)
        }
        _ => room(left, *comparison, right),
    };
    Ok(solved.unwrap_or_else(|| {
        let mut loads = Vec::new();
        collect(left, true, &mut loads);
        collect(right, true, &mut loads);
        loads.sort_unstable();
        loads.dedup();
        Relation::Other(loads)
    }))
}

/// A comparison in one form, whatever it was written in.
pub(super) fn text((left, comparison, right): &(Arithmetic, Comparison, Arithmetic)) -> String {
    let mut text = String::new();
    write(left, &mut text);
    text.push_str(comparison_sign(*comparison));
    write(right, &mut text);
    text
}

/// The comparison with its sides exchanged.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Equal | Comparison::NotEqual => comparison,
        Comparison::GreaterEqual => Comparison::LessEqual,
        Comparison::Greater => Comparison::Less,
    }
}

/// The values of the base for which the steps lead to one that compares so.
fn before(base: Base, steps: &[Step], comparison: Comparison, number: u32) -> Option<Relation> {
    let mut words = Words::compared(comparison, number);
    for (index, step) in steps.iter().enumerate().rev() {
        words = match *step {
            Step::By(Operator::Multiply, factor) if index == 0 => {
                let Base::Load(load) = base else { return None };
                words.before_product(factor, u32::from(load.size) * 8)?
            }
            Step::By(Operator::Add, 40) if index == 0 && base.is_payload_length() => {
                match words.before(Operator::Add, 40) {
                    Some(words) => words,
                    // The length of the packet itself, whose bits are a field.
                    None => return Some(Relation::LengthInet6(words)),
                }
            }
            Step::By(operator, number) => words.before(operator, number)?,
            Step::From(number) => words.before_difference(number)?,
        };
    }
    match base {
        Base::Load(Load { at: At::Computed, .. }) => None,
        Base::Load(load) => Some(Relation::Load(load, words)),
        Base::Length => Some(Relation::Length(words)),
    }
}

fn value(arithmetic: &Arithmetic, span: Span) -> Result<Value, Fault> {
    Ok(match arithmetic {
        Arithmetic::Number(number) => Value::Constant(*number),
        Arithmetic::Length => Value::Steps(Base::Length, Vec::new()),
        Arithmetic::Load { proto, index, size } => {
            // The index is looked at for its own faults too.
            value(index, span)?;
            Value::Steps(Base::Load(load(*proto, index, *size)), Vec::new())
        }
        Arithmetic::Negative(inner) => match value(inner, span)? {
            Value::Constant(number) => Value::Constant(number.wrapping_neg()),
            Value::Steps(base, steps) => extended(base, steps, Step::From(0)),
            Value::Other => Value::Other,
        },
        Arithmetic::Binary(operator, left, right) => {
            let (a, b) = (value(left, span)?, value(right, span)?);
            if let Value::Constant(number) = b {
                refuse(*operator, number, span)?;
            }
            if let Some(number) = first_number(right) {
                refuse(*operator, number, span)?;
            }
            binary(*operator, a, b)
        }
    })
}

fn binary(operator: Operator, a: Value, b: Value) -> Value {
    let commutes =
        matches!(operator, Operator::Add | Operator::Multiply | Operator::And | Operator::Or | Operator::Xor);
    match (a, b) {
        (Value::Constant(a), Value::Constant(b)) => {
            calculate(operator, a, b).map_or(Value::Other, Value::Constant)
        }
        (Value::Steps(base, steps), Value::Constant(number)) => {
            extended(base, steps, Step::By(operator, number))
        }
        // As the second operand a load is made whatever the packet is.
        (Value::Constant(_), Value::Steps(base, _)) if base.has_check() => Value::Other,
        (Value::Constant(number), Value::Steps(base, steps)) if commutes => {
            extended(base, steps, Step::By(operator, number))
        }
        (Value::Constant(number), Value::Steps(base, steps)) if operator == Operator::Subtract => {
            extended(base, steps, Step::From(number))
        }
        _ => Value::Other,
    }
}

fn extended(base: Base, mut steps: Vec<Step>, step: Step) -> Value {
    steps.push(step);
    Value::Steps(base, steps)
}

/// The number that the program of an operand begins with, if it does: libpcap takes it for the whole operand, so that
/// `ip[2] / ip[0]`, which begins with the 0 of the index, is a division by zero.
fn first_number(arithmetic: &Arithmetic) -> Option<u32> {
    match arithmetic {
        Arithmetic::Number(number) => Some(*number),
        Arithmetic::Length => None,
        Arithmetic::Load { index: inner, .. }
        | Arithmetic::Binary(_, inner, _)
        | Arithmetic::Negative(inner) => first_number(inner),
    }
}

/// What libpcap's compiler refuses.
fn refuse(operator: Operator, number: u32, span: Span) -> Result<(), Fault> {
    let message = match (operator, number) {
        (Operator::Divide, 0) => "division by zero",
        (Operator::Modulo, 0) => "modulus by zero",
        (Operator::Left | Operator::Right, 32..) => "shift by more than 31 bits",
        _ => return Ok(()),
    };
    Err(Fault::range(message, span, "write an operand that gives a value"))
}

fn load(proto: Proto, index: &Arithmetic, size: u8) -> Load {
    let at = match linear(index) {
        // Another header is not looked for where the index is one.
        Some(Linear { header: 0, length: 0, number }) if proto == Proto::Ip || !reads(index) => {
            u32::try_from(number & 0xffff_ffff).map_or(At::Computed, At::Octet)
        }
        Some(Linear { header: 1, length: 0, number: number @ 0..=0xffff }) if proto == Proto::Ip => {
            u32::try_from(number).map_or(At::Computed, At::BehindInet)
        }
        _ => match value(index, Span::default()) {
            Ok(Value::Constant(number)) => At::Octet(number),
            _ => At::Computed,
        },
    };
    Load { proto, at, size }
}

/// A sum of IPv4 header lengths, IPv4 total lengths and a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Linear {
    header: i64,
    length: i64,
    number: i64,
}

fn linear(arithmetic: &Arithmetic) -> Option<Linear> {
    match arithmetic {
        Arithmetic::Number(number) => Some(Linear { header: 0, length: 0, number: i64::from(*number) }),
        _ if is_header_length(arithmetic) => Some(Linear { header: 1, length: 0, number: 0 }),
        Arithmetic::Load { proto: Proto::Ip, index, size: 2 } if **index == Arithmetic::Number(2) => {
            Some(Linear { header: 0, length: 1, number: 0 })
        }
        Arithmetic::Binary(operator @ (Operator::Add | Operator::Subtract), left, right) => {
            let (a, b) = (linear(left)?, linear(right)?);
            let sign = if *operator == Operator::Add { 1 } else { -1 };
            Some(Linear {
                header: a.header.checked_add(sign * b.header)?,
                length: a.length.checked_add(sign * b.length)?,
                number: a.number.checked_add(sign * b.number)?,
            })
        }
        _ => None,
    }
}

/// `(ip[0] & 0xf) << 2`, the length of an IPv4 header, and the same as a product.
fn is_header_length(arithmetic: &Arithmetic) -> bool {
    let words = |inner: &Arithmetic| match inner {
        Arithmetic::Binary(Operator::And, left, right) => {
            let first =
                Arithmetic::Load { proto: Proto::Ip, index: Box::new(Arithmetic::Number(0)), size: 1 };
            let low = Arithmetic::Number(0xf);
            (**left == first && **right == low) || (**left == low && **right == first)
        }
        _ => false,
    };
    match arithmetic {
        Arithmetic::Binary(Operator::Left, inner, by) => words(inner) && **by == Arithmetic::Number(2),
        Arithmetic::Binary(Operator::Multiply, a, b) => {
            let four = Arithmetic::Number(4);
            (words(a) && **b == four) || (words(b) && **a == four)
        }
        _ => false,
    }
}

/// A comparison of the total length with the header length and a number: how much is behind the header. A well-formed
/// packet is no shorter than its header, but what is taken from that may be more than there is, and wraps.
fn room(left: &Arithmetic, comparison: Comparison, right: &Arithmetic) -> Option<Relation> {
    if !is_of_inet(left) && !is_of_inet(right) {
        return None;
    }
    let (a, b) = (linear(left)?, linear(right)?);
    let is_number = |side: Linear| side.header == 0 && side.length == 0;
    let words = if is_number(b) {
        before_room(a, &Words::compared(comparison, wrapped(b.number)))?
    } else if is_number(a) {
        before_room(b, &Words::compared(turned(comparison), wrapped(a.number)))?
    } else {
        let all =
            Linear { header: a.header - b.header, length: a.length - b.length, number: a.number - b.number };
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            before_room(all, &Words::compared(comparison, 0))?
        } else if !wraps(a) && !wraps(b) {
            let (comparison, number) = match (all.header, all.length) {
                (-1, 1) => (comparison, -all.number),
                (1, -1) => (turned(comparison), all.number),
                _ => return None,
            };
            Words::compared(comparison, u32::try_from(number).ok()?)
        } else {
            return None;
        }
    };
    Some(Relation::RoomInet(words))
}

/// What is behind the header where a side comes to one of these words.
fn before_room(side: Linear, words: &Words) -> Option<Words> {
    match (side.header, side.length) {
        (-1, 1) => words.before(Operator::Add, wrapped(side.number)),
        (1, -1) => words.before_difference(wrapped(side.number)),
        _ => None,
    }
}

/// Whether a side may leave the 32 bits.
fn wraps(side: Linear) -> bool {
    ![side.header, side.length, side.number].iter().all(|part| (0..=0xffff).contains(part))
}

fn wrapped(number: i64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "BPF keeps the lower 32 bits"
    )]
    let word = number as u32;
    word
}

/// The loads of an operand; `is_checked` where libpcap keeps the checks of the operand.
fn collect(arithmetic: &Arithmetic, is_checked: bool, loads: &mut Vec<Reading>) {
    match arithmetic {
        Arithmetic::Number(_) | Arithmetic::Length => {}
        Arithmetic::Load { proto, index, size } => {
            loads.push(Reading { load: load(*proto, index, *size), is_checked });
            collect(index, is_checked, loads);
        }
        Arithmetic::Binary(_, left, right) => {
            collect(left, is_checked, loads);
            collect(right, false, loads);
        }
        Arithmetic::Negative(inner) => collect(inner, is_checked, loads),
    }
}

/// Whether there is any load in it.
fn reads(arithmetic: &Arithmetic) -> bool {
    match arithmetic {
        Arithmetic::Number(_) | Arithmetic::Length => false,
        Arithmetic::Load { .. } => true,
        Arithmetic::Binary(_, left, right) => reads(left) || reads(right),
        Arithmetic::Negative(inner) => reads(inner),
    }
}

/// Whether it is worked out for IPv4 packets alone: its first load is of that header.
fn is_of_inet(arithmetic: &Arithmetic) -> bool {
    match arithmetic {
        Arithmetic::Number(_) | Arithmetic::Length => false,
        Arithmetic::Load { proto, .. } => *proto == Proto::Ip,
        Arithmetic::Binary(_, inner, _) | Arithmetic::Negative(inner) => is_of_inet(inner),
    }
}

fn comparison_sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => " < ",
        Comparison::LessEqual => " <= ",
        Comparison::Equal => " = ",
        Comparison::NotEqual => " != ",
        Comparison::GreaterEqual => " >= ",
        Comparison::Greater => " > ",
    }
}

/// Writes arithmetic in one form, whatever it was written in.
fn write(arithmetic: &Arithmetic, out: &mut String) {
    // Writing to a `String` does not fail.
    match arithmetic {
        Arithmetic::Number(number) => _ = write!(out, "{number}"),
        Arithmetic::Length => out.push_str("len"),
        Arithmetic::Load { proto, index, size } => {
            out.push_str(words::proto_name(*proto));
            out.push('[');
            write(index, out);
            _ = if *size == 1 { write!(out, "]") } else { write!(out, ":{size}]") };
        }
        Arithmetic::Binary(operator, left, right) => {
            out.push('(');
            write(left, out);
            out.push_str(match operator {
                Operator::Add => " + ",
                Operator::Subtract => " - ",
                Operator::Multiply => " * ",
                Operator::Divide => " / ",
                Operator::Modulo => " % ",
                Operator::And => " & ",
                Operator::Or => " | ",
                Operator::Xor => " ^ ",
                Operator::Left => " << ",
                Operator::Right => " >> ",
            });
            write(right, out);
            out.push(')');
        }
        Arithmetic::Negative(inner) => {
            out.push_str("-(");
            write(inner, out);
            out.push(')');
        }
    }
}
