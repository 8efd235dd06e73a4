//! Rules that are hard to cover: ranges that cross on five fields, stairs, slabs, masks. In nftables' words, the same
//! for the same seed.

use crate::dice::Dice;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// What rules are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// A broad range of each of five fields.
    Ranges,
    /// Each range begins or ends one step behind the last.
    Stairs,
    /// A thin range of one or two fields, any value of the others.
    Slabs,
    /// Bits here and there, of addresses, ports and flags.
    Masks,
}

pub(crate) const SHAPES: [Shape; 4] = [Shape::Ranges, Shape::Stairs, Shape::Slabs, Shape::Masks];

fn number(dice: &mut Dice, end: u64) -> u32 {
    u32::try_from(dice.below(usize::try_from(end).unwrap())).unwrap()
}

fn range(dice: &mut Dice, max: u32) -> (u32, u32) {
    let (a, b) = (number(dice, u64::from(max) + 1), number(dice, u64::from(max) + 1));
    (a.min(b), a.max(b))
}

/// The fields with their largest values.
const FIELDS: [(&str, u32); 5] = [
    ("ip saddr", u32::MAX),
    ("ip daddr", u32::MAX),
    ("tcp sport", 65_535),
    ("tcp dport", 65_535),
    ("ip length", 65_535),
];

fn within((field, max): (&str, u32), (lo, hi): (u32, u32)) -> String {
    let value =
        |value: u32| if max == u32::MAX { Ipv4Addr::from(value).to_string() } else { value.to_string() };
    if lo == hi { format!("{field} {}", value(lo)) } else { format!("{field} {}-{}", value(lo), value(hi)) }
}

fn conditions(shape: Shape, index: u32, count: u32, dice: &mut Dice) -> Vec<String> {
    match shape {
        Shape::Ranges => FIELDS.map(|field| within(field, range(dice, field.1))).to_vec(),
        Shape::Stairs => (0..5_u32)
            .zip(FIELDS)
            .map(|(at, field)| {
                // One field up, the next down, each list of steps turned by its own amount.
                let step = field.1 / (count + 2);
                let place = (index * (2 * at + 1)) % count + 1;
                let range = if at % 2 == 0 { (place * step, field.1) } else { (0, field.1 - place * step) };
                within(field, range)
            })
            .collect(),
        Shape::Slabs => {
            let (one, other) = (dice.below(5), dice.below(5));
            let mut list = Vec::new();
            for at in [one, other] {
                let field = FIELDS[at];
                let (lo, _) = range(dice, field.1);
                let thick = field.1 / 4;
                let part = within(field, (lo, lo.saturating_add(thick).min(field.1)));
                if list.is_empty() || one != other {
                    list.push(part);
                }
            }
            list
        }
        Shape::Masks => {
            let mut list = Vec::new();
            for (field, max) in FIELDS.into_iter().take(4) {
                let any = u64::from(max) + 1;
                // Three bits of each.
                let mask = (0..3).fold(0_u32, |mask, _| mask | 1 << dice.below(any.ilog2() as usize));
                let value = number(dice, any) & mask;
                list.push(if max == u32::MAX {
                    format!("{field} & {} == {}", Ipv4Addr::from(mask), Ipv4Addr::from(value))
                } else {
                    format!("{field} & {mask:#x} == {value:#x}")
                });
            }
            list
        }
    }
}

/// A table with one chain of `count` rules.
pub(crate) fn text(shape: Shape, count: u32, seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut text =
        "table ip t {\n chain c {\n  type filter hook forward priority 0; policy accept;\n".to_owned();
    for index in 0..count {
        let verdict = if dice.below(2) == 0 { "accept" } else { "drop" };
        let parts = conditions(shape, index, count, &mut dice).join(" ");
        writeln!(text, "  {parts} {verdict}").unwrap();
    }
    text.push_str(" }\n}\n");
    text
}
