//! What a part of an expression comes to: true, false, or the end of the whole run.
//!
//! libpcap compiles to a program that loads octets one by one, in the order written, and stops with "no" at the
//! first load beyond the packet, whatever stands around it. A [`Sense`] is where a part is true and where it ends
//! the run; it is false elsewhere. Joining parts keeps the order: the second is only reached where the first does
//! not decide.

use crate::field::Field;
use crate::ir::{Condition, ValueSetRef};
use crate::source::Span;
use std::collections::BTreeMap;

/// Parts of a condition copied into later ones to keep the order; beyond, the order is left open.
const COPIES: usize = 400;
/// Parts looked at to see whether they matter for that; beyond, the same.
const LOOKS: usize = 20_000;
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
        let ended = Condition::or(self.beyond.into_iter().filter(|b| !b.disjoint).map(|b| b.condition));
        Condition::and([self.truth, Condition::not(ended)])
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
    // Ends of the run whose order among the other parts is left open.
    open: Vec<Condition>,
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
        for truth in &self.truths {
            let Some(left) = self.looks.checked_sub(1) else { return false };
            self.looks = left;
            if contradicts(truth, condition) {
                return true;
            }
        }
        false
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

    pub(super) fn finish(mut self) -> Sense {
        if !self.open.is_empty() {
            let reason = "whether a part before it decides about packets this short is not followed";
            let id = format!("order of loads at {}-{}", self.span.start, self.span.end);
            let over = Condition::or(self.open);
            let condition = Condition::opaque_within(id, reason, over, Condition::False, self.span);
            self.beyond.push(Beyond { places: Vec::new(), room: 0, condition, disjoint: false });
        }
        let truth = if self.is_and { Condition::and(self.truths) } else { Condition::or(self.truths) };
        Sense { truth, beyond: self.beyond, never_false: self.never_false, never_true: self.never_true }
    }
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

fn either(closed: &mut Closed, other: Closed) {
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

/// Whether two conditions ask one field for values that are not the same.
fn contradicts(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::Opaque(opaque), other) => contradicts(&opaque.over, other),
        (one, Condition::Opaque(opaque)) => contradicts(one, &opaque.over),
        (Condition::And(parts), other) => parts.iter().any(|part| contradicts(part, other)),
        (one, Condition::And(parts)) => parts.iter().any(|part| contradicts(one, part)),
        (Condition::Test(a), Condition::Test(b)) if a.field() == b.field() => {
            match (a.values().as_ranges(), b.values().as_ranges()) {
                (Some(a), Some(b)) => a.intersection(b).is_empty(),
                _ => false,
            }
        }
        _ => false,
    }
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
