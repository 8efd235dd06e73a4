//! What a part of an expression comes to: true, false, or the end of the whole run.
//!
//! libpcap compiles to a program that loads octets one by one, in the order written, and stops with "no" at the
//! first load beyond the packet, whatever stands around it. A [`Sense`] is where a part is true and where it ends
//! the run; it is false elsewhere. Joining parts keeps the order: the second is only reached where the first does
//! not decide.

use super::lean;
use crate::field::{Field, ext};
use crate::ir::{Condition, Test, ValueSet, ValueSetRef};
use crate::source::Span;
use std::collections::BTreeMap;

/// Parts of a condition copied into later ones to keep the order; beyond, the order is left open.
const COPIES: usize = 2_000;
/// Parts looked at to see whether they matter for that; beyond, the same.
const LOOKS: usize = 50_000;
/// Ends of the run kept apart from what the parts behind them are true for.
const APART: usize = 64;

/// Packets told apart by what follows their IP header: the protocol (or any) in IPv4 or IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
    /// First fragments of IPv4 with this protocol.
    Inet(u8),
    /// IPv6 with this next header.
    Inet6(u8),
    /// Every IPv4 packet.
    AnyInet,
    /// Every IPv6 packet.
    AnyInet6,
    /// ARP and RARP.
    Arp,
}

impl Place {
    /// Its packets with fewer octets behind the IP headers, where those are what is counted.
    fn shorter_than(self, room: u32) -> Option<Condition> {
        let (version, protocol) = match self {
            Self::Inet(protocol) => (4, protocol),
            Self::Inet6(protocol) => (6, protocol),
            Self::AnyInet | Self::AnyInet6 | Self::Arp => return None,
        };
        let last = room.checked_sub(1).filter(|last| u128::from(*last) + 1 < Field::L4Room.info().max)?;
        Some(Condition::and([
            Condition::test(Field::IpVersion, ValueSet::single(version)),
            Condition::test(Field::Proto, ValueSet::single(protocol.into())),
            Condition::test(Field::L4Room, ValueSet::range(0, last)),
        ]))
    }
}

/// In each place, fewer octets than this.
type Closed = BTreeMap<Place, u32>;

/// Where a load goes beyond the packet.
#[derive(Clone, Debug)]
struct Beyond {
    // All packets of the condition are in one of these places, with fewer octets than that.
    places: Vec<Place>,
    room: u32,
    condition: Condition,
    // No packet of it is one the part is true for.
    disjoint: bool,
}

impl Beyond {
    /// Whether places and room alone are conditions that all its packets fulfil.
    fn is_told_by_place(&self) -> bool {
        !self.places.is_empty() && self.places.iter().all(|place| place.shorter_than(self.room).is_some())
    }
}

/// Where a part is true, and where it ends the run with no.
#[derive(Clone, Debug)]
pub(super) struct Sense {
    pub(super) truth: Condition,
    beyond: Vec<Beyond>,
    // The part is never false there; never true there. Its own loads saw to it.
    never_false: Closed,
    never_true: Closed,
}

impl Sense {
    /// A part that loads nothing that could be missing.
    pub(super) fn sure(truth: Condition) -> Self {
        Self { truth, beyond: Vec::new(), never_false: Closed::new(), never_true: Closed::new() }
    }

    /// Ends the run for the packets of `condition`, all of them in `places` with less than `room` octets; the part is
    /// not true for them.
    pub(super) fn ending(mut self, places: Vec<Place>, room: u32, condition: Condition) -> Self {
        if condition != Condition::False {
            self.beyond.push(Beyond { places, room, condition, disjoint: true });
        }
        self
    }

    /// The part is never false in `places` with less than `room` octets, as its loads say.
    pub(super) fn never_false(mut self, places: &[Place], room: u32) -> Self {
        self.never_false.extend(places.iter().map(|place| (*place, room)));
        self
    }

    /// The same for true.
    pub(super) fn never_true(mut self, places: &[Place], room: u32) -> Self {
        self.never_true.extend(places.iter().map(|place| (*place, room)));
        self
    }

    /// The part for these packets, and the other part for others that it is false for.
    pub(super) fn beside(self, other: Self) -> Self {
        if other.truth == Condition::False && other.beyond.is_empty() {
            return self;
        }
        let mut beyond = self.beyond;
        beyond.extend(other.beyond);
        Self {
            truth: Condition::or([self.truth, other.truth]),
            beyond,
            never_false: Closed::new(),
            never_true: Closed::new(),
        }
    }

    /// Keeps what it says to the packets of `guard`; it is false for others.
    pub(super) fn within(self, guard: &Condition) -> Self {
        if *guard == Condition::True {
            return self;
        }
        let within = |condition| Condition::and([guard.clone(), condition]);
        let beyond = self.beyond.into_iter().map(|b| Beyond { condition: within(b.condition), ..b });
        Self {
            truth: within(self.truth),
            beyond: beyond.collect(),
            // Outside the guard it is false.
            never_false: Closed::new(),
            never_true: self.never_true,
        }
    }

    /// The opposite.
    pub(super) fn not(self) -> Self {
        let beyond = self.beyond.into_iter().map(|b| Beyond { disjoint: false, ..b });
        Self {
            truth: Condition::not(self.truth),
            beyond: beyond.collect(),
            never_false: self.never_true,
            never_true: self.never_false,
        }
    }

    /// The packets kept: those it is true for, unless the run ended first.
    pub(super) fn kept(self) -> Condition {
        match Condition::or(self.beyond.into_iter().filter(|b| !b.disjoint).map(|b| b.condition)) {
            Condition::False => self.truth,
            ended => Condition::and([self.truth, Condition::not(ended)]),
        }
    }
}

/// Parts joined by one word, in the order written.
#[derive(Debug)]
pub(super) struct Run {
    is_and: bool,
    truths: Vec<Condition>,
    beyond: Vec<Beyond>,
    never_false: Closed,
    never_true: Closed,
    copies: usize,
    looks: usize,
    // Ends of the run whose order among the other parts is left open; in these places only how short its packets are.
    open: Vec<Condition>,
    open_in: Closed,
    span: Span,
}

impl Run {
    pub(super) fn new(is_and: bool, first: Sense, span: Span) -> Self {
        let Sense { truth, beyond, never_false, never_true } = first;
        Self {
            is_and,
            truths: vec![truth],
            beyond,
            never_false,
            never_true,
            copies: COPIES,
            looks: LOOKS,
            open: Vec::new(),
            open_in: Closed::new(),
            span,
        }
    }

    pub(super) fn push(&mut self, next: Sense) {
        let mut beyond = Vec::new();
        for mut part in next.beyond {
            // `a and b` reaches b where a is true: its "undecided" is truth. For `or` it is falsehood.
            let undecided = if self.is_and { &self.never_true } else { &self.never_false };
            if covers(undecided, &part) || self.is_and && self.rules_out(&part.condition) {
                continue;
            }
            match self.before(&part.places) {
                Some(before) => {
                    part.condition = Condition::and(before.into_iter().chain([part.condition]));
                    beyond.push(part);
                }
                None if part.is_told_by_place() => {
                    either(&mut self.open_in, part.places.into_iter().map(|place| (place, part.room)));
                }
                None if self.open.last() == Some(&part.condition) => {}
                None => self.open.push(part.condition),
            }
        }
        if !self.is_and {
            // An earlier end of the run may be where a later part is true.
            let apart = self.beyond.len() <= APART;
            for part in self.beyond.iter_mut().filter(|part| part.disjoint) {
                part.disjoint =
                    apart && (covers(&next.never_true, part) || excludes(&next.truth, &part.places));
            }
            if !apart {
                // They stay so; the list is not gone through again.
                for part in &mut beyond {
                    part.disjoint = false;
                }
            }
        }
        self.beyond.extend(beyond);
        if self.is_and {
            // False where one is; true where both are.
            self.never_false = both(&self.never_false, &self.never_true, &next.never_false);
            either(&mut self.never_true, next.never_true);
        } else {
            self.never_true = both(&self.never_true, &self.never_false, &next.never_true);
            either(&mut self.never_false, next.never_false);
        }
        self.truths.push(next.truth);
    }

    /// Whether a part before it plainly holds for no packet of the condition.
    fn rules_out(&mut self, condition: &Condition) -> bool {
        self.truths.iter().any(|truth| contradicts(truth, condition, &mut self.looks))
    }

    /// What holds of the packets of some places when the parts so far decide nothing; none when that is too long.
    fn before(&mut self, places: &[Place]) -> Option<Vec<Condition>> {
        let mut before = Vec::new();
        for truth in self.truths.iter().rev() {
            self.looks = self.looks.checked_sub(1)?;
            if !self.is_and && excludes(truth, places) {
                continue;
            }
            self.copies = self.copies.checked_sub(size_up_to(truth, self.copies + 1))?;
            before.push(if self.is_and { truth.clone() } else { Condition::not(truth.clone()) });
        }
        before.reverse();
        Some(before)
    }

    /// The parts together; `text` is what the expression is written in.
    pub(super) fn finish(mut self, text: &str) -> Sense {
        let short = std::mem::take(&mut self.open_in)
            .into_iter()
            .filter_map(|(place, room)| place.shorter_than(room));
        self.open.extend(short);
        if !self.open.is_empty() {
            let reason = "whether a part before it decides about packets this short is not followed";
            let id = format!("order of loads in {}", named(super::lower::in_one_form(text, self.span)));
            let over = Condition::or(self.open);
            let condition = Condition::opaque_within(id, reason, over, Condition::False, self.span);
            self.beyond.push(Beyond { places: Vec::new(), room: 0, condition, disjoint: false });
        }
        let truth = if self.is_and { lean::all(self.truths) } else { Condition::or(self.truths) };
        Sense { truth, beyond: self.beyond, never_false: self.never_false, never_true: self.never_true }
    }
}

/// A name for a text: itself, or where that is long its beginning and what tells it from others (FNV-1a).
fn named(text: String) -> String {
    const LONG: usize = 4096;
    if text.len() <= LONG {
        return text;
    }
    let digest = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |digest, octet| {
        (digest ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    });
    let head: String = text.chars().take(64).collect();
    format!("{head}... ({} octets, {digest:016x})", text.len())
}

/// Whether the packets of a part are all in closed places.
fn covers(closed: &Closed, part: &Beyond) -> bool {
    let room = |place: &Place| {
        let any = match place {
            Place::Inet(_) | Place::AnyInet => Place::AnyInet,
            Place::Inet6(_) | Place::AnyInet6 => Place::AnyInet6,
            Place::Arp => Place::Arp,
        };
        closed.get(place).max(closed.get(&any)).copied().unwrap_or(0)
    };
    !part.places.is_empty() && part.places.iter().all(|place| room(place) >= part.room)
}

fn either(closed: &mut Closed, other: impl IntoIterator<Item = (Place, u32)>) {
    for (place, room) in other {
        let slot = closed.entry(place).or_default();
        *slot = (*slot).max(room);
    }
}

/// Closed for the joint part: where the first neither decides so nor passes on to a second that does.
fn both(first: &Closed, first_passes: &Closed, second: &Closed) -> Closed {
    let second_closed = |place: &Place| {
        first_passes.get(place).copied().unwrap_or(0).max(second.get(place).copied().unwrap_or(0))
    };
    first
        .iter()
        .map(|(place, room)| (*place, (*room).min(second_closed(place))))
        .filter(|(_, room)| *room > 0)
        .collect()
}

/// Whether a condition plainly holds for no packet of the places.
fn excludes(condition: &Condition, places: &[Place]) -> bool {
    match condition {
        Condition::False => true,
        Condition::And(parts) => parts.iter().any(|part| excludes(part, places)),
        Condition::Or(parts) => parts.iter().all(|part| excludes(part, places)),
        Condition::Test(test) => {
            let none = |values: ValueSetRef<'_>, value: u8| !values.contains(u128::from(value));
            !places.is_empty()
                && places.iter().all(|place| match (test.field(), place) {
                    (Field::Proto, Place::Inet(protocol) | Place::Inet6(protocol)) => {
                        none(test.values(), *protocol)
                    }
                    (Field::IpVersion, Place::Inet(_) | Place::AnyInet) => none(test.values(), 4),
                    (Field::IpVersion, Place::Inet6(_) | Place::AnyInet6) => none(test.values(), 6),
                    (Field::Src6 | Field::Dst6 | Field::ExtHdrs, Place::Inet(_) | Place::AnyInet)
                    | (Field::Src4 | Field::Dst4, Place::Inet6(_) | Place::AnyInet6) => true,
                    _ => false,
                })
        }
        Condition::True | Condition::Not(_) | Condition::Opaque(_) => false,
    }
}

/// Whether two conditions ask one field for values that are not the same, or for a chain of extension headers that
/// does not begin as the fixed header says. Every part looked at is taken from `looks`; without any left the answer is
/// no.
fn contradicts(one: &Condition, other: &Condition, looks: &mut usize) -> bool {
    let Some(left) = looks.checked_sub(1) else { return false };
    *looks = left;
    match (one, other) {
        (Condition::Opaque(opaque), other) => contradicts(&opaque.over, other, looks),
        (one, Condition::Opaque(opaque)) => contradicts(one, &opaque.over, looks),
        (Condition::Or(parts), other) => parts.iter().all(|part| contradicts(part, other, looks)),
        (one, Condition::Or(parts)) => parts.iter().all(|part| contradicts(one, part, looks)),
        (Condition::And(parts), other) => parts.iter().any(|part| contradicts(part, other, looks)),
        (one, Condition::And(parts)) => parts.iter().any(|part| contradicts(one, part, looks)),
        (Condition::Test(a), Condition::Test(b)) if a.field() == b.field() => {
            match (a.values().as_ranges(), b.values().as_ranges()) {
                (Some(a), Some(b)) => a.intersection(b).is_empty(),
                _ => false,
            }
        }
        (Condition::Test(a), Condition::Test(b)) => begins_otherwise(a, b) || begins_otherwise(b, a),
        (Condition::Not(none), Condition::Test(test)) | (Condition::Test(test), Condition::Not(none)) => {
            matches!(&**none, Condition::Test(none) if is_within(test, none))
        }
        _ => false,
    }
}

/// Whether one test asks for values that the other asks for too.
fn is_within(one: &Test, other: &Test) -> bool {
    match (one.values().as_ranges(), other.values().as_ranges()) {
        (Some(a), Some(b)) => one.field() == other.field() && a.is_subset(b),
        _ => false,
    }
}

/// Whether one asks for a next header of the fixed header, the other for chains that none of them begins.
fn begins_otherwise(next: &Test, chain: &Test) -> bool {
    if next.field() != Field::ProtoField || chain.field() != Field::ExtHdrs {
        return false;
    }
    let (Some(numbers), Some(chains)) = (next.values().as_ranges(), chain.values().as_ranges()) else {
        return false;
    };
    let walked = ext::ALL & !ext::ESP;
    // The headers that any of the chains has, and whether one of them has none.
    let (mut seen, mut none) = (0, false);
    for bits in chains.ranges().flat_map(|(lo, hi)| lo..=hi.min(ext::ALL)) {
        seen |= bits;
        none |= bits & walked == 0;
    }
    let begins = |number: u32| match u8::try_from(number).ok().and_then(ext::walked) {
        Some(bit) => seen & bit != 0,
        // Without an extension header that is walked over the next header is none.
        None => none,
    };
    !numbers.ranges().flat_map(|(lo, hi)| lo..=hi.min(255)).any(begins)
}

/// How many parts a condition has, counted no further than `most`.
fn size_up_to(condition: &Condition, most: usize) -> usize {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            let mut size = 1;
            for part in parts {
                if size >= most {
                    break;
                }
                size += size_up_to(part, most - size);
            }
            size
        }
        Condition::Not(part) => 1 + size_up_to(part, most.saturating_sub(1)),
        Condition::True | Condition::False | Condition::Test(_) | Condition::Opaque(_) => 1,
    }
}
