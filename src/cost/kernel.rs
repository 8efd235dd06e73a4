//! Memory of the Linux kernel, built up from the objects it keeps for rules (nftables, iptables).
//!
//! Sizes are those of a 64-bit kernel, read in its source and held against its own accounting (source M4 of the
//! platform page). An object takes the next size the allocator has, and the accounting adds a pointer to it; the rules
//! of a chain stand once more one behind the other, in a run that is a power of two of pages up to 4 MiB, and is mapped from
//! pages of 2 MiB beyond.

use super::built::concatenation::{Concatenation, Part};
use super::normal::normalise;
use super::terms::{Cube, Keys, Literal, alternatives};
use crate::field::{Family, Field, FieldInfo, Layer};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Action, Condition, Outcome, Rule, ValueSet, ValueSetRef, Verdict};
use crate::net::IntervalSet;
use serde::Deserialize;
use std::borrow::Cow;

/// Which words rules are kept in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Words {
    /// Expressions of nftables, as `nft` makes them.
    Nftables,
    /// Expressions of nftables, as `iptables-nft` makes them.
    IptablesNft,
    /// Entries of the tables before it.
    IptablesLegacy,
}

/// What one rule takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Kept {
    /// Octets of objects of its own.
    pub(super) objects: u64,
    /// Octets in the run of its chain.
    pub(super) run: u64,
    /// Whether parts of it are not modelled.
    pub(super) open: bool,
}

impl Kept {
    fn plus(self, rule: Self, sets: u64) -> Self {
        Self {
            objects: self.objects.saturating_add(rule.objects).saturating_add(sets),
            run: self.run.saturating_add(rule.run),
            open: self.open,
        }
    }
}

/// Octets a table and its chains take without rules.
pub(super) const EMPTY: u64 = 1_500;
/// The longest run of pages that is a power of two of them.
const PAGES_MAX: u64 = 4 << 20;
/// The pages that longer runs are mapped from.
const LARGE_PAGE: u64 = 2 << 20;
/// The head of a set.
pub(super) const HEAD: u64 = 344;
/// The pointer that accounting keeps with each object.
const ACCOUNT: u64 = 8;

/// What an allocation of so many octets takes.
pub(super) fn allocated(octets: u64) -> u64 {
    const SIZES: [u64; 13] = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];
    match SIZES.iter().find(|size| octets <= **size) {
        Some(size) => size + ACCOUNT,
        None if octets <= PAGES_MAX => octets.next_power_of_two(),
        None => octets.div_ceil(LARGE_PAGE).saturating_mul(LARGE_PAGE),
    }
}

/// What a rule takes. A step a part and a range, and again for each alternative.
pub(super) fn kept(
    words: Words,
    rule: &Rule,
    named: bool,
    keys: Keys,
    meter: &mut Meter,
) -> Result<Kept, Exhausted> {
    let mut depth = Meter::new(&limits::NESTING);
    let mut opaque = false;
    let (condition, looked_up) = match words {
        Words::Nftables => concatenated(rule.condition, meter)?,
        Words::IptablesNft | Words::IptablesLegacy => (Cow::Borrowed(rule.condition), None),
    };
    let normal = normalise(&condition, false, keys.family, &mut opaque, meter, &mut depth)?;
    let mut kept = Kept::default();
    let mut known = true;
    let rest = of_rule(words, rule, &mut known);
    let comment = if named && words == Words::Nftables { comment(rule) } else { 0 };
    let both = words == Words::Nftables && keys.family == Family::Any;
    let beside = Beside { rest, comment, looked_up, both };
    alternatives(&normal, meter, &mut |cube, meter| {
        meter.charge(cube.len() as u64)?;
        match words {
            Words::IptablesLegacy => legacy(cube, keys.family, rest, &mut kept),
            Words::IptablesNft | Words::Nftables => {
                expressions(words, cube, &beside, &mut kept, meter)?;
            }
        }
        Ok(())
    })?;
    kept.open = opaque || !known;
    Ok(kept)
}

/// What a rule has beside the conditions of one of its alternatives.
struct Beside {
    rest: Rest,
    comment: u64,
    looked_up: Option<Concatenation>,
    /// Whether its table is of both versions of IP.
    both: bool,
}

/// Octets of what a rule does: in the rule itself, and beside it.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    inside: u64,
    beside: u64,
}

/// Counters stand once for each processor: 16 octets each, here for two, and what the accounting keeps of them.
const COUNTER: Rest = Rest { inside: 16, beside: 64 };

fn of_rule(words: Words, rule: &Rule, known: &mut bool) -> Rest {
    let mut sum = Rest::default();
    let mut add = |inside: u64, beside: u64| {
        sum.inside += inside;
        sum.beside += beside;
    };
    let rejects = matches!(rule.outcome, Outcome::Verdict(Verdict::Reject(_)));
    if words == Words::IptablesLegacy {
        add(40, 0);
    } else {
        add(
            if !rejects {
                VERDICT
            } else if words == Words::Nftables {
                16
            } else {
                24
            },
            0,
        );
        if words == Words::IptablesNft {
            add(COUNTER.inside, COUNTER.beside);
        }
    }
    for action in rule.actions {
        match (words, action) {
            (Words::Nftables, Action::Count(_)) => add(COUNTER.inside, COUNTER.beside),
            (_, Action::Count(_)) => {}
            (Words::Nftables, Action::Log | Action::Mark(_)) => add(48, 0),
            _ => *known = false,
        }
    }
    sum
}

/// One rule of nftables: a head of 24 octets and its expressions, each with the address of its operations.
fn expressions(
    words: Words,
    cube: &Cube<'_>,
    beside: &Beside,
    kept: &mut Kept,
    meter: &mut Meter,
) -> Result<(), Exhausted> {
    let Beside { rest, comment, looked_up, both } = beside;
    let nft = words == Words::Nftables;
    let (mut octets, mut sets) = (rest.inside, rest.beside);
    let single = |field: Field| {
        let values = |(_, literal): &(Field, Literal<'_>)| match literal {
            Literal::In(values) => Shape::of(values.view()).singles == 1,
            Literal::Absent => false,
        };
        cube.iter().any(|part| part.0 == field && values(part))
    };
    // Two values that stand beside each other are loaded and compared as one.
    let joined = |a: Field, b: Field| nft && single(a) && single(b);
    if joined(Field::RawPort0, Field::RawPort1) || joined(Field::Sport, Field::Dport) {
        octets -= 40.min(octets);
    }
    if *both {
        let looked_up = looked_up.iter().flat_map(|set| &set.parts).map(|part| part.field);
        octets += version(cube.iter().map(|(field, _)| *field).chain(looked_up));
    }
    for (field, literal) in cube {
        let info = field.info();
        let Literal::In(values) = literal else {
            octets += LOAD + COMPARE;
            continue;
        };
        let shape = Shape::of(values.view());
        meter.charge(shape.ranges)?;
        let transport = info.layer == Layer::Transport;
        if !nft && transport && (shape.is_set() || info.name.starts_with("icmp")) {
            // Lists of ports, and types, are extensions of their own, each with operations of its own.
            octets += if shape.is_set() { 56 } else { 16 };
            sets += allocated(128);
            continue;
        }
        octets += LOAD + shape.compared(info, nft);
        if shape.is_set() {
            sets += set(info, shape);
        }
    }
    if let Some(set) = looked_up {
        octets += LOAD * set.parts.len() as u64 + LOOKUP;
        sets = sets.saturating_add(set.octets(false, |_| true));
    }
    *kept = kept.plus(object(octets, *comment), sets);
    Ok(())
}

/// What a table of both versions of IP asks for before a field that one of them has, unless a rule asks for it itself.
fn version(mut fields: impl Iterator<Item = Field> + Clone) -> u64 {
    let said = fields.clone().any(|field| field == Field::IpVersion);
    let of_one = fields.any(|field| field.info().family != Family::Any);
    if of_one && !said { LOAD + COMPARE } else { 0 }
}

/// A comment of nft: a type and a length, an end, and the length of it all.
fn comment(rule: &Rule) -> u64 {
    rule.name.len() as u64 + 4
}

/// One rule with so many octets of expressions.
fn object(octets: u64, comment: u64) -> Kept {
    let object = 24 + octets + if comment > 0 { comment + 1 } else { 0 };
    Kept { objects: allocated(object), run: 8 + octets, open: false }
}

/// The condition without the one part of it that is an alternative of several fields, which nft keeps in a set without
/// a name; and that set. A step a value of it.
fn concatenated<'c>(
    condition: &'c Condition,
    meter: &mut Meter,
) -> Result<(Cow<'c, Condition>, Option<Concatenation>), Exhausted> {
    let parts = match condition {
        Condition::And(parts) => &**parts,
        other => std::slice::from_ref(other),
    };
    for (at, part) in parts.iter().enumerate() {
        let Condition::Or(elements) = part else { continue };
        meter.charge(elements.len() as u64)?;
        let mut set = Concatenation::default();
        if elements.iter().all(|element| set.add(element)) && set.is_whole() {
            let others = parts.iter().enumerate().filter(|(other, _)| *other != at);
            return Ok((Cow::Owned(Condition::and(others.map(|(_, part)| part.clone()))), Some(set)));
        }
    }
    Ok((Cow::Borrowed(condition), None))
}

/// What one rule with a map of verdicts does beside looking it up.
#[derive(Clone, Copy, Debug)]
pub(super) struct MapRule {
    rest: Rest,
    comment: u64,
    known: bool,
    /// Of both versions of IP.
    both: bool,
}

impl MapRule {
    /// By any of the rules that a reader makes of the elements.
    pub(super) fn of(rule: &Rule, named: bool, family: Family) -> Self {
        let mut known = true;
        let rest = of_rule(Words::Nftables, rule, &mut known);
        // The map brings the verdict along.
        let rest = Rest { inside: rest.inside.saturating_sub(VERDICT), ..rest };
        let both = family == Family::Any;
        Self { rest, comment: if named { comment(rule) } else { 0 }, known, both }
    }

    /// What it takes with its map. What all elements ask for alike is compared before the map is asked: nothing here
    /// says which of the two was written.
    pub(super) fn kept(self, elements: &Concatenation) -> Kept {
        let fields = || elements.parts.iter().map(|part| part.field);
        let mut octets = self.rest.inside + LOOKUP + if self.both { version(fields()) } else { 0 };
        for part in &elements.parts {
            octets += LOAD;
            if let Some((lo, hi)) = part.same {
                let values = ValueSet::Wide(Box::new(IntervalSet::range(lo, hi)));
                octets += Shape::of(values.view()).compared(part.field.info(), true);
            }
        }
        let map = elements.octets(true, |part: &Part| part.same.is_none());
        let kept = Kept::default().plus(object(octets, self.comment), self.rest.beside.saturating_add(map));
        Kept { open: !self.known, ..kept }
    }
}

/// An expression that says what becomes of the packet.
const VERDICT: u64 = 32;
const LOAD: u64 = 16;
const COMPARE: u64 = 24;
/// A comparison of 5 to 16 octets.
const COMPARE_WIDE: u64 = 48;
const MASK: u64 = 24;
/// A mask of any other length than four octets.
const MASK_WIDE: u64 = 64;
const LOOKUP: u64 = 56;

/// What a set of values looks like.
#[derive(Clone, Copy, Debug)]
struct Shape {
    ranges: u64,
    singles: u64,
    // The only range, or what two leave out.
    first: (u128, u128),
    last: (u128, u128),
    bits: bool,
}

impl Shape {
    fn of(values: ValueSetRef<'_>) -> Self {
        let mut shape = Self { ranges: 0, singles: 0, first: (0, 0), last: (0, 0), bits: false };
        let mut add = |lo: u128, hi: u128| {
            if shape.ranges == 0 {
                shape.first = (lo, hi);
            }
            shape.last = (lo, hi);
            shape.ranges += 1;
            shape.singles += u64::from(lo == hi);
        };
        match values {
            ValueSetRef::Ranges(set) => set.ranges().for_each(|(lo, hi)| add(lo.into(), hi.into())),
            ValueSetRef::Wide(set) => set.ranges().for_each(|(lo, hi)| add(lo, hi)),
            ValueSetRef::Bits(set) => {
                shape.ranges = set.patterns().len() as u64;
                shape.bits = true;
            }
        }
        shape
    }

    /// Whether the values are all but one, or all but one range.
    fn leaves_out(&self, max: u128) -> Option<bool> {
        let is = !self.bits && self.ranges == 2 && self.first.0 == 0 && self.last.1 >= max;
        is.then(|| self.last.0.saturating_sub(self.first.1) == 2)
    }

    fn is_set(&self) -> bool {
        !self.bits && self.ranges > 1 && (self.ranges != 2 || self.first.0 != 0)
    }

    /// Octets of what compares a loaded value with the set.
    fn compared(&self, info: &FieldInfo, nft: bool) -> u64 {
        let wide = info.width > 32;
        let compare = if wide { COMPARE_WIDE } else { COMPARE };
        // Only masks of four octets have a short form.
        let mask = if info.width == 32 { MASK } else { MASK_WIDE };
        // A field that is no whole octets is loaded with its neighbours, and they are masked out.
        let part = if info.width.is_multiple_of(8) || info.field == Field::IpVersion { 0 } else { mask };
        if self.bits {
            return self.ranges.max(1).saturating_mul(mask + compare);
        }
        match self.leaves_out(info.max) {
            Some(true) => return part + compare,
            Some(false) => return part + 48,
            None if self.ranges > 1 => return part + LOOKUP,
            None => {}
        }
        let (lo, hi) = self.first;
        let size = hi.wrapping_sub(lo).wrapping_add(1);
        if lo == hi {
            return part + compare;
        }
        let address = info.layer == Layer::Network && info.width >= 32;
        if address && size.is_power_of_two() && lo.is_multiple_of(size) {
            let bits = u32::from(info.width).saturating_sub(size.trailing_zeros());
            return if bits.is_multiple_of(8) {
                if bits > 32 { COMPARE_WIDE } else { COMPARE }
            } else {
                mask + compare
            };
        }
        // Two comparisons, or one of a range.
        part + if nft { 64 } else { 48 }
    }
}

/// A set without a name.
fn set(info: &FieldInfo, shape: Shape) -> u64 {
    let name = allocated(16);
    let element = if info.width > 64 { allocated(96) } else { allocated(64) };
    if shape.singles == shape.ranges {
        let room = match info.width {
            // Two bits for each value there is.
            0..=8 => 64,
            9..=16 => 16 << 10,
            // One address for each of four thirds of the elements.
            _ => (shape.ranges.saturating_mul(4) / 3).next_power_of_two().saturating_mul(8),
        };
        return allocated(HEAD + room) + name + shape.ranges.saturating_mul(element);
    }
    // Where each range begins and where it ends, and that nothing is before the first.
    let begins = u64::from(shape.first.0 != 0);
    let ends = u64::from(shape.last.1 >= info.max);
    let elements = (shape.ranges.saturating_mul(2) + begins).saturating_sub(ends);
    name + tree(elements) + elements.saturating_mul(element)
}

/// A set of ranges without its elements: its head, and a list of where so many of them are.
pub(super) fn tree(elements: u64) -> u64 {
    let mut slots = 16_u64;
    while slots < elements {
        slots += if slots < 512 { slots } else { slots / 2 };
    }
    allocated(HEAD + 64) + allocated(slots.saturating_mul(16)) + allocated(32)
}

/// One entry of the old tables, or as many as lists of addresses and of ports come to.
fn legacy(cube: &Cube<'_>, family: Family, rest: Rest, kept: &mut Kept) {
    let mut octets = if family == Family::Inet6 { 168 } else { 112 } + rest.inside;
    let mut entries = 1_u64;
    let (mut transport, mut lists) = (false, 0_u64);
    for (field, literal) in cube {
        let Literal::In(values) = literal else { continue };
        let shape = Shape::of(values.view());
        match (field, field.info().layer) {
            (Field::Proto, _) => entries = entries.saturating_mul(shape.ranges.max(1)),
            // A bit of the entry.
            (Field::FragOff | Field::Mf, _) => {}
            (_, Layer::Transport) if shape.is_set() => {
                // At most fifteen values in one list, a range counts twice.
                let values = shape.ranges.saturating_mul(2).saturating_sub(shape.singles);
                entries = entries.saturating_mul(values.div_ceil(15).max(1));
                lists += 1;
            }
            (_, Layer::Transport) => transport = true,
            (_, Layer::Network) if field.info().width >= 32 => {
                entries = entries.saturating_mul(shape.ranges.max(1));
            }
            // An extension with a number or two.
            _ => octets += 40,
        }
    }
    octets += lists * 80 + if transport { 48 } else { 0 };
    kept.run = kept.run.saturating_add(octets.saturating_mul(entries));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_have_the_sizes_of_the_allocator() {
        assert_eq!(allocated(1), 16);
        assert_eq!(allocated(97), 136);
        assert_eq!(allocated(8193), 16_384);
        assert_eq!(allocated(PAGES_MAX), PAGES_MAX);
        assert_eq!(allocated(PAGES_MAX + 1), PAGES_MAX + LARGE_PAGE);
    }
}
