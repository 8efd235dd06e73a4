//! Conditions as unions of cells: a range of every field that rules test most, and what else is asked for.
//!
//! Values of fields that may be absent are counted from one; 0 is a packet without the field.

use crate::field::{Family, Field, FieldInfo, Headers, Need, Reading};
use crate::ir::{Condition, ValueSet, ValueSetRef};
use crate::net::{BitMatch, IntervalSet, Unsigned};
use std::fmt::Debug;
use std::hash::Hash;

/// Cells that one condition may become; one of more is judged by sets alone.
const MOST: usize = 256;

/// The addresses of a family.
pub(super) trait Address: Unsigned + Hash + Eq + Send + Sync + Default {
    /// The family.
    const FAMILY: Family;
    /// Source and destination.
    const FIELDS: [Field; 2];
    /// The bits of an address.
    const BITS: u8;
    /// The bits by which addresses are told apart first.
    const HEAD: u8;
    /// The length of the longest prefix that holds both.
    fn common(self, other: Self) -> u8;
    /// The address without the bits behind a prefix length.
    fn masked(self, length: u8) -> Self;
    /// The address of a value; one too large is cut.
    fn of(value: u128) -> Self;
}

impl Address for u32 {
    const FAMILY: Family = Family::Inet;
    const FIELDS: [Field; 2] = [Field::Src4, Field::Dst4];
    const BITS: u8 = 32;
    const HEAD: u8 = 16;
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 32")]
    fn common(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }
    #[inline]
    fn masked(self, length: u8) -> Self {
        self & Self::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
    }
    fn of(value: u128) -> Self {
        Self::try_from(value).unwrap_or(Self::MAX)
    }
}

impl Address for u128 {
    const FAMILY: Family = Family::Inet6;
    const FIELDS: [Field; 2] = [Field::Src6, Field::Dst6];
    const BITS: u8 = 128;
    const HEAD: u8 = 48;
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 128")]
    fn common(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }
    #[inline]
    fn masked(self, length: u8) -> Self {
        self & Self::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
    }
    fn of(value: u128) -> Self {
        value
    }
}

/// Protocols, and behind them a packet without one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Protocols([u64; 5]);

/// The place of a packet without a protocol.
const NO_PROTOCOL: u32 = 256;

impl Protocols {
    pub(super) const NONE: Self = Self([0; 5]);

    fn all(absent: bool) -> Self {
        Self([u64::MAX, u64::MAX, u64::MAX, u64::MAX, u64::from(absent)])
    }

    fn of(ranges: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut set = Self::NONE;
        for (lo, hi) in ranges {
            for (word, first) in set.0.iter_mut().zip((0..NO_PROTOCOL).step_by(64)) {
                let (lo, hi) = (lo.max(first), hi.min(first + 63).min(255));
                if lo <= hi {
                    *word |= u64::MAX >> (63 - (hi - lo)) << (lo - first);
                }
            }
        }
        set
    }

    fn zip(mut self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = with(*own, other);
        }
        self
    }

    pub(super) fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    pub(super) fn without(self, other: Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    #[inline]
    pub(super) fn is_subset(self, other: Self) -> bool {
        self.without(other).is_empty()
    }

    #[inline]
    pub(super) fn meets(self, other: Self) -> bool {
        !self.and(other).is_empty()
    }

    pub(super) fn contains(self, protocol: u32) -> bool {
        self.0.get(protocol as usize / 64).is_some_and(|word| word >> (protocol % 64) & 1 == 1)
    }

    /// The members that are protocols.
    pub(super) fn iter(self) -> impl Iterator<Item = u32> {
        (0..NO_PROTOCOL).filter(move |protocol| self.contains(*protocol))
    }
}

/// What a cell asks for beside addresses, protocol and ports.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Rest {
    /// Values of other fields, counted as ports are; sorted by field.
    pub(super) fields: Vec<(Field, IntervalSet<u64>)>,
    /// Conditions that are no ranges, and whether they must not hold.
    pub(super) odd: Vec<Odd>,
}

/// A condition that is no range, and whether it must not hold.
type Odd = (Condition, bool);

/// Whether two conditions cannot both hold. A `false` says little.
fn contradict((a, not_a): &Odd, b: &Condition, not_b: bool) -> bool {
    if a == b {
        return *not_a != not_b;
    }
    let (Condition::Test(a), Condition::Test(b)) = (a, b) else { return false };
    let (ValueSetRef::Bits(these), ValueSetRef::Bits(those)) = (a.values(), b.values()) else { return false };
    let within = |these: &[BitMatch], those: &[BitMatch]| {
        these.iter().all(|one| those.iter().any(|other| one.is_subset(*other)))
    };
    let (these, those) = (these.patterns(), those.patterns());
    a.field() == b.field()
        && match (*not_a, not_b) {
            (false, false) => {
                these.iter().all(|one| those.iter().all(|other| one.intersection(*other).is_none()))
            }
            (false, true) => within(these, those),
            (true, false) => within(those, these),
            (true, true) => false,
        }
}

/// Whether the second holds wherever the first does. A `false` says little.
fn implies(one: &Odd, other: &Condition, negated: bool) -> bool {
    contradict(one, other, !negated)
}

/// One cell. `RAW` cells know ports as the octets behind the IP headers, whatever the protocol, as nftables does.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Cell<A, const RAW: bool> {
    pub(super) src: (A, A),
    pub(super) dst: (A, A),
    pub(super) protocols: Protocols,
    pub(super) sport: (u32, u32),
    pub(super) dport: (u32, u32),
    pub(super) rest: Option<Box<Rest>>,
}

/// Source and destination port.
pub(super) const fn ports(raw: bool) -> [Field; 2] {
    if raw { [Field::RawPort0, Field::RawPort1] } else { [Field::Sport, Field::Dport] }
}

/// Ports, and packets without them.
const PORTS: (u32, u32) = (0, 0x1_0000);

static NO_REST: Rest = Rest { fields: Vec::new(), odd: Vec::new() };

#[inline]
fn within<T: Ord + Copy>(inner: (T, T), outer: (T, T)) -> bool {
    outer.0 <= inner.0 && inner.1 <= outer.1
}

#[inline]
pub(super) fn meet<T: Ord + Copy>(a: (T, T), b: (T, T)) -> (T, T) {
    (a.0.max(b.0), a.1.min(b.1))
}

#[inline]
pub(super) fn is_range<T: Ord>(range: &(T, T)) -> bool {
    range.0 <= range.1
}

impl<A: Address, const RAW: bool> Cell<A, RAW> {
    /// Every packet of the family.
    pub(super) fn all() -> Self {
        let absent = !Field::Proto.info().is_always_there(A::FAMILY);
        Self {
            src: (A::MIN, A::MAX),
            dst: (A::MIN, A::MAX),
            protocols: Protocols::all(absent),
            sport: PORTS,
            dport: PORTS,
            rest: None,
        }
    }

    #[inline]
    pub(super) fn rest(&self) -> &Rest {
        self.rest.as_deref().unwrap_or(&NO_REST)
    }

    /// Whether every packet of another cell is in this one. A `false` says little.
    #[inline]
    pub(super) fn contains(&self, other: &Self) -> bool {
        within(other.dst, self.dst)
            && within(other.src, self.src)
            && within(other.dport, self.dport)
            && within(other.sport, self.sport)
            && other.protocols.is_subset(self.protocols)
            && (self.rest.is_none() || self.rest_contains(other))
    }

    fn rest_contains(&self, other: &Self) -> bool {
        let Rest { fields, odd } = self.rest();
        fields.iter().all(|(field, set)| other.values(*field).is_subset(set))
            && odd.iter().all(|(part, not)| other.rest().odd.iter().any(|of| implies(of, part, *not)))
    }

    /// Whether no packet is in both. A `false` says little.
    #[inline]
    pub(super) fn is_apart(&self, other: &Self) -> bool {
        !is_range(&meet(self.dst, other.dst))
            || !is_range(&meet(self.src, other.src))
            || !is_range(&meet(self.dport, other.dport))
            || !is_range(&meet(self.sport, other.sport))
            || !self.protocols.meets(other.protocols)
            || self.rest.is_some() && other.rest.is_some() && self.rest_is_apart(other)
    }

    fn rest_is_apart(&self, other: &Self) -> bool {
        let Rest { fields, odd } = self.rest();
        let opposite = |(part, not): &Odd| other.rest().odd.iter().any(|of| contradict(of, part, *not));
        fields.iter().any(|(field, set)| other.values(*field).intersection(set).is_empty())
            || odd.iter().any(opposite)
    }

    /// The values a packet of the cell may have in a field of [`Rest`].
    pub(super) fn values(&self, field: Field) -> IntervalSet<u64> {
        if let Some((_, set)) = self.rest().fields.iter().find(|(of, _)| *of == field) {
            return set.clone();
        }
        // What a field needs to be there.
        let [sport, dport] = ports(RAW);
        let asked = [(sport, self.sport.0), (dport, self.dport.0)];
        let there = asked.into_iter().filter(|(_, lo)| *lo > 0).map(|(field, _)| field);
        let rest = self.rest().fields.iter().filter(|(_, set)| !set.contains(0)).map(|(field, _)| *field);
        let mut values = domain(field.info(), A::FAMILY);
        for need in there.chain(rest).flat_map(|field| field.info().needs) {
            if need.field == field {
                let ranges = need.values.iter().map(|(lo, hi)| (u64::from(*lo) + 1, u64::from(*hi) + 1));
                values = values.intersection(&IntervalSet::from_ranges(ranges));
            }
        }
        values
    }

    /// The cell without what the field table excludes; none where nothing is left.
    pub(super) fn settled(mut self) -> Option<Self> {
        let [sport, dport] = ports(RAW);
        let rest = self.rest.iter().flat_map(|rest| &rest.fields);
        for (field, _) in rest.filter(|(_, set)| !set.contains(0)) {
            self.sport.0 = self.sport.0.max(u32::from(comes_with(*field, sport)));
            self.dport.0 = self.dport.0.max(u32::from(comes_with(*field, dport)));
        }
        // A packet with a destination port has a source port.
        self.sport.0 = self.sport.0.max(self.dport.0.min(1));
        if !RAW && self.sport.0 > 0 {
            self.protocols = self.protocols.and(ported());
        } else if !RAW && !self.protocols.meets(ported()) {
            (self.sport.1, self.dport.1) = (0, 0);
        }
        if self.sport.1 == 0 {
            self.dport.1 = 0;
        }
        if let Some(rest) = &self.rest {
            for (field, _) in rest.fields.iter().filter(|(_, set)| !set.contains(0)) {
                for need in field.info().needs.iter().filter(|need| need.field == Field::Proto) {
                    self.protocols = self.protocols.and(Protocols::of(need.values.iter().copied()));
                }
            }
            if rest.fields.iter().any(|(_, set)| set.is_empty()) {
                return None;
            }
        }
        let ranges =
            is_range(&self.sport) && is_range(&self.dport) && is_range(&self.src) && is_range(&self.dst);
        (ranges && !self.protocols.is_empty()).then_some(self)
    }

    /// The cell with less of a field.
    pub(super) fn with_values(mut self, field: Field, set: IntervalSet<u64>) -> Self {
        let rest = self.rest.get_or_insert_default();
        match rest.fields.binary_search_by_key(&field, |(of, _)| *of) {
            Ok(at) => {
                if let Some((_, old)) = rest.fields.get_mut(at) {
                    *old = old.intersection(&set);
                }
            }
            Err(at) => rest.fields.insert(at, (field, set)),
        }
        self
    }

    /// Asks for a condition that is no range, or for its opposite; false where that contradicts what the cell asks for.
    pub(super) fn add_odd(&mut self, condition: &Condition, negated: bool) -> bool {
        if self.rest().odd.iter().any(|of| contradict(of, condition, negated)) {
            return false;
        }
        if !self.rest().odd.iter().any(|of| implies(of, condition, negated)) {
            self.rest.get_or_insert_default().odd.push((condition.clone(), negated));
        }
        true
    }

    /// Whether a packet is in the ranges of the cell; none where a capture cut off what decides. What is odd is not
    /// looked at.
    pub(super) fn holds(&self, headers: &Headers) -> Option<bool> {
        let value = |field| match headers.get(field) {
            Reading::Value(value) => Some(Some(value)),
            Reading::Absent => Some(None),
            Reading::Cut => None,
        };
        let [src, dst] = A::FIELDS;
        for (field, (lo, hi)) in [(src, self.src), (dst, self.dst)] {
            let Some(value) = value(field)? else { return Some(false) };
            if !(lo.into()..=hi.into()).contains(&value) {
                return Some(false);
            }
        }
        let counted = |field| Some(value(field)?.map_or(0, |value| value + 1));
        let [sport, dport] = ports(RAW);
        for (field, (lo, hi)) in [(sport, self.sport), (dport, self.dport)] {
            if !(lo.into()..=hi.into()).contains(&counted(field)?) {
                return Some(false);
            }
        }
        let protocol =
            value(Field::Proto)?.map_or(NO_PROTOCOL, |value| u32::try_from(value).unwrap_or(NO_PROTOCOL));
        if !self.protocols.contains(protocol) {
            return Some(false);
        }
        for (field, set) in &self.rest().fields {
            if !set.contains(u64::try_from(counted(*field)?).unwrap_or(u64::MAX)) {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether the cell asks for what no packet surely is.
    pub(super) fn is_unsure(&self) -> bool {
        self.rest().odd.iter().any(|(part, negated)| match part {
            Condition::Opaque(opaque) if *negated => opaque.over == Condition::True,
            Condition::Opaque(opaque) => opaque.under == Condition::False,
            _ => false,
        })
    }

    /// The cell as a condition.
    pub(super) fn condition(&self) -> Condition {
        let mut parts = Vec::new();
        let [src, dst] = A::FIELDS;
        for (field, (lo, hi)) in [(dst, self.dst), (src, self.src)] {
            if (lo, hi) != (A::MIN, A::MAX) {
                parts.push(Condition::test(field, values(field, lo.into(), hi.into())));
            }
        }
        if self.protocols != Self::all().protocols {
            parts.push(self.protocol_condition());
        }
        let [sport, dport] = ports(RAW);
        for (field, range) in [(sport, self.sport), (dport, self.dport)] {
            // A destination port says that there is a source port.
            let is_said = field == sport && range == (1, PORTS.1) && self.dport.0 > 0;
            if range != PORTS && !is_said {
                let set = IntervalSet::range(u64::from(range.0), u64::from(range.1));
                parts.push(counted_condition(field, &set));
            }
        }
        let Rest { fields, odd } = self.rest();
        parts.extend(fields.iter().map(|(field, set)| counted_condition(*field, set)));
        parts.extend(odd.iter().map(
            |(part, negated)| {
                if *negated { Condition::not(part.clone()) } else { part.clone() }
            },
        ));
        Condition::and(parts)
    }

    fn protocol_condition(&self) -> Condition {
        let there = Condition::test(Field::Proto, ValueSet::of(self.protocols.iter()));
        match (self.protocols.contains(NO_PROTOCOL), self.protocols.iter().next()) {
            (true, None) => Condition::not(Condition::present(Field::Proto)),
            (true, Some(_)) => Condition::or([there, Condition::not(Condition::present(Field::Proto))]),
            (false, _) => there,
        }
    }
}

fn values(field: Field, lo: u128, hi: u128) -> ValueSet {
    match (u32::try_from(lo), u32::try_from(hi)) {
        (Ok(lo), Ok(hi)) if !field.is_wide() => ValueSet::range(lo, hi),
        _ => ValueSet::from(IntervalSet::range(lo, hi)),
    }
}

fn counted_condition(field: Field, set: &IntervalSet<u64>) -> Condition {
    let there: Vec<(u64, u64)> =
        set.ranges().filter(|(_, hi)| *hi > 0).map(|(lo, hi)| (lo.max(1) - 1, hi - 1)).collect();
    let test = if field.is_wide() {
        let ranges = there.iter().map(|(lo, hi)| (u128::from(*lo), u128::from(*hi)));
        Condition::test(field, IntervalSet::<u128>::from_ranges(ranges))
    } else {
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let ranges = there.iter().map(|(lo, hi)| (narrow(*lo), narrow(*hi)));
        Condition::test(field, IntervalSet::<u32>::from_ranges(ranges))
    };
    match (set.contains(0), there.is_empty()) {
        (false, _) => test,
        (true, true) => Condition::not(Condition::present(field)),
        (true, false) => Condition::or([test, Condition::not(Condition::present(field))]),
    }
}

/// Whether a packet that has one field has another: what the other needs, the one needs too.
fn comes_with(field: Field, other: Field) -> bool {
    let is_within = |inner: &[(u32, u32)], outer: &[(u32, u32)]| {
        inner.iter().all(|part| outer.iter().any(|whole| within(*part, *whole)))
    };
    let has = |need: &Need| {
        let mut needs = field.info().needs.iter();
        needs.any(|own| own.field == need.field && is_within(own.values, need.values))
    };
    !other.info().optional && other.info().needs.iter().all(has)
}

/// The protocols that have ports.
pub(super) fn ported() -> Protocols {
    let needs = Field::Dport.info().needs.iter().filter(|need| need.field == Field::Proto);
    Protocols::of(needs.flat_map(|need| need.values.iter().copied()))
}

/// The values of a field of a family's packets.
fn domain(info: &FieldInfo, family: Family) -> IntervalSet<u64> {
    let most = u64::try_from(info.max).unwrap_or(u64::MAX - 1);
    let first = u64::from(info.is_always_there(family));
    let never = info.family != Family::Any && info.family != family;
    if never { IntervalSet::single(0) } else { IntervalSet::range(first, most + 1) }
}

/// The cells of a condition, of the packets of a family; none where they are too many, or a part has no cells.
pub(super) fn cells<A: Address, const RAW: bool>(condition: &Condition) -> Option<Vec<Cell<A, RAW>>> {
    let mut list = vec![Cell::all()];
    narrow(&mut list, condition, false)?;
    list.retain_mut(|cell| match std::mem::replace(cell, Cell::all()).settled() {
        Some(settled) => {
            *cell = settled;
            true
        }
        None => false,
    });
    Some(list)
}

/// The cells of a condition; one with too many is a single cell that asks for it whole.
pub(super) fn of_condition<A: Address, const RAW: bool>(condition: &Condition) -> Vec<Cell<A, RAW>> {
    cells(condition).unwrap_or_else(|| {
        let mut cell = Cell::all();
        cell.add_odd(condition, false);
        vec![cell]
    })
}

fn narrow<A: Address, const RAW: bool>(
    list: &mut Vec<Cell<A, RAW>>,
    condition: &Condition,
    negated: bool,
) -> Option<()> {
    match condition {
        Condition::True if negated => list.clear(),
        Condition::False if !negated => list.clear(),
        Condition::True | Condition::False => {}
        Condition::Not(part) => narrow(list, part, !negated)?,
        Condition::And(parts) if !negated => {
            for part in parts {
                narrow(list, part, false)?;
            }
        }
        Condition::Or(parts) if negated => {
            for part in parts {
                narrow(list, part, true)?;
            }
        }
        Condition::And(parts) | Condition::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                let mut some = list.clone();
                narrow(&mut some, part, negated)?;
                all.append(&mut some);
                if all.len() > MOST {
                    return None;
                }
            }
            *list = all;
        }
        Condition::Opaque(_) => add_odd(list, condition, negated),
        Condition::Test(test) => {
            let field = test.field();
            if field == Field::IpVersion {
                let version = if A::FAMILY == Family::Inet6 { 6 } else { 4 };
                if test.values().contains(version) == negated {
                    list.clear();
                }
                return Some(());
            }
            let info = field.info();
            if info.family != Family::Any && info.family != A::FAMILY {
                if !negated {
                    list.clear();
                }
                return Some(());
            }
            let ranges: IntervalSet<u128> = match test.values() {
                crate::ir::ValueSetRef::Ranges(set) => {
                    IntervalSet::from_ranges(set.ranges().map(|(lo, hi)| (u128::from(lo), u128::from(hi))))
                }
                crate::ir::ValueSetRef::Wide(set) => set.to_set(),
                crate::ir::ValueSetRef::Bits(_) => {
                    add_odd(list, condition, negated);
                    // A pattern that holds is one of a field that is there.
                    if !negated {
                        let there = IntervalSet::range(0, info.max);
                        ranged(list, condition, field, &there, false)?;
                    }
                    return Some(());
                }
            };
            ranged(list, condition, field, &ranges, negated)?;
        }
    }
    (list.len() <= MOST).then_some(())
}

fn add_odd<A: Address, const RAW: bool>(list: &mut Vec<Cell<A, RAW>>, condition: &Condition, negated: bool) {
    list.retain_mut(|cell| cell.add_odd(condition, negated));
}

fn ranged<A: Address, const RAW: bool>(
    list: &mut Vec<Cell<A, RAW>>,
    condition: &Condition,
    field: Field,
    ranges: &IntervalSet<u128>,
    negated: bool,
) -> Option<()> {
    let max = field.info().max;
    let counted = |value: u128| u64::try_from(value.min(max)).unwrap_or(u64::MAX - 1) + 1;
    let [src, dst] = A::FIELDS;
    let [sport, dport] = ports(RAW);
    if field == src || field == dst {
        let take = |cell: &mut Cell<A, RAW>, (lo, hi)| {
            let place = if field == src { &mut cell.src } else { &mut cell.dst };
            *place = meet(*place, (A::of(lo), A::of(hi)));
            is_range(place)
        };
        if let (false, Some(range)) = (negated, ranges.as_range()) {
            return split(list, &[range], take);
        }
        let set = if negated { ranges.complement(max) } else { ranges.clone() };
        return split(list, &set.ranges().collect::<Vec<_>>(), take);
    }
    if field == Field::Proto {
        let small = |value: u128| u32::try_from(value).unwrap_or(u32::MAX);
        let mut set = Protocols::of(ranges.ranges().map(|(lo, hi)| (small(lo), small(hi))));
        if negated {
            set = Protocols::all(true).without(set);
        }
        list.retain_mut(|cell| {
            cell.protocols = cell.protocols.and(set);
            !cell.protocols.is_empty()
        });
        return Some(());
    }
    if max > u128::from(u64::MAX - 1) {
        // Fields so wide are groups, which are always there.
        if ranges.complement(max).is_empty() != negated {
            return Some(());
        }
        add_odd(list, condition, negated);
        return Some(());
    }
    let there = ranges.ranges().filter(|(lo, _)| *lo <= max).map(|(lo, hi)| (counted(lo), counted(hi)));
    let mut set = IntervalSet::from_ranges(there);
    if negated {
        set = set.complement(counted(max));
    }
    if field == sport || field == dport {
        let take = |cell: &mut Cell<A, RAW>, (lo, hi)| {
            let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
            let place = if field == sport { &mut cell.sport } else { &mut cell.dport };
            *place = meet(*place, (small(lo), small(hi)));
            is_range(place)
        };
        return match set.as_range() {
            Some(range) => split(list, &[range], take),
            None => split(list, &set.ranges().collect::<Vec<_>>(), take),
        };
    }
    set = set.intersection(&domain(field.info(), A::FAMILY));
    for cell in list.iter_mut() {
        *cell = std::mem::replace(cell, Cell::all()).with_values(field, set.clone());
    }
    list.retain(|cell| cell.rest().fields.iter().all(|(_, set)| !set.is_empty()));
    Some(())
}

// Each cell for each range; `take` says whether something is left.
fn split<A: Address, const RAW: bool, R: Copy>(
    list: &mut Vec<Cell<A, RAW>>,
    ranges: &[R],
    take: impl Fn(&mut Cell<A, RAW>, R) -> bool,
) -> Option<()> {
    if let [range] = ranges {
        list.retain_mut(|cell| take(cell, *range));
        return Some(());
    }
    if list.len().saturating_mul(ranges.len()) > MOST {
        return None;
    }
    let old = std::mem::take(list);
    for cell in &old {
        for range in ranges {
            let mut part = cell.clone();
            if take(&mut part, *range) {
                list.push(part);
            }
        }
    }
    Some(())
}
