//! Match conditions: a boolean tree whose leaf is one field against a value set.

use super::{ValueSet, ValueSetRef};
use crate::field::Field;
use crate::net::{BitSet, IntervalSet, Intervals, Parts};
use crate::source::Span;
use std::fmt;
use std::sync::Arc;
use thin_vec::ThinVec;

/// One field against a set of values: **false when the field is absent**.
///
/// `not (f in S)` is therefore true on absence; a dialect that means "there, and not in S" writes the
/// complement into the set. A test over every value asks for presence.
#[derive(Clone)]
pub struct Test(Packed);

// Sixteen octets, whatever the set: fleets have rules by the hundred thousand, and nearly all a rule is made of is
// tests. `start` and `length` are where it was written, in the source of the rule; the length saturates.
#[derive(Clone)]
enum Packed {
    Range { field: Field, length: u16, start: u32, lo: u32, hi: u32 },
    Ranges { field: Field, length: u16, start: u32, list: ThinVec<(u32, u32)> },
    Wide { field: Field, length: u16, start: u32, range: Box<(u128, u128)> },
    Wides { field: Field, length: u16, start: u32, list: ThinVec<(u128, u128)> },
    Bits { field: Field, length: u16, start: u32, set: BitSet },
}

impl Test {
    /// A test written at `span` of its rule's source.
    pub fn new(field: Field, values: ValueSet, span: Span) -> Self {
        let (length, start) = (length(span), span.start);
        Self(match values {
            ValueSet::Ranges(set) => match set.into_parts() {
                Parts::One(lo, hi) => Packed::Range { field, length, start, lo, hi },
                Parts::Many(list) => Packed::Ranges { field, length, start, list },
            },
            ValueSet::Wide(set) => match set.into_parts() {
                Parts::One(lo, hi) => Packed::Wide { field, length, start, range: Box::new((lo, hi)) },
                Parts::Many(list) => Packed::Wides { field, length, start, list },
            },
            ValueSet::Bits(set) => Packed::Bits { field, length, start, set },
        })
    }

    /// The field.
    #[inline]
    pub fn field(&self) -> Field {
        match self.0 {
            Packed::Range { field, .. }
            | Packed::Ranges { field, .. }
            | Packed::Wide { field, .. }
            | Packed::Wides { field, .. }
            | Packed::Bits { field, .. } => field,
        }
    }

    /// The values it accepts.
    #[inline]
    pub fn values(&self) -> ValueSetRef<'_> {
        match &self.0 {
            Packed::Range { lo, hi, .. } => ValueSetRef::Ranges(Intervals::one(*lo, *hi)),
            Packed::Ranges { list, .. } => ValueSetRef::Ranges(Intervals::many(list)),
            Packed::Wide { range, .. } => ValueSetRef::Wide(Intervals::one(range.0, range.1)),
            Packed::Wides { list, .. } => ValueSetRef::Wide(Intervals::many(list)),
            Packed::Bits { set, .. } => ValueSetRef::Bits(set),
        }
    }

    /// The values it accepts, out of the test.
    pub fn into_values(self) -> ValueSet {
        match self.0 {
            Packed::Range { lo, hi, .. } => ValueSet::range(lo, hi),
            Packed::Ranges { list, .. } => IntervalSet::from_parts(Parts::Many(list)).into(),
            Packed::Wide { range, .. } => IntervalSet::from_parts(Parts::One(range.0, range.1)).into(),
            Packed::Wides { list, .. } => IntervalSet::from_parts(Parts::Many(list)).into(),
            Packed::Bits { set, .. } => set.into(),
        }
    }

    /// The same test of other values.
    #[must_use]
    pub fn with_values(&self, values: ValueSet) -> Self {
        Self::new(self.field(), values, self.span())
    }

    /// Where it was written; a test longer than 65,535 octets ends there.
    pub fn span(&self) -> Span {
        let (Packed::Range { start, length, .. }
        | Packed::Ranges { start, length, .. }
        | Packed::Wide { start, length, .. }
        | Packed::Wides { start, length, .. }
        | Packed::Bits { start, length, .. }) = self.0;
        Span { start, end: start.saturating_add(u32::from(length)) }
    }
}

fn length(span: Span) -> u16 {
    u16::try_from(span.end.saturating_sub(span.start)).unwrap_or(u16::MAX)
}

/// Equality is that of meaning: where a test was written does not count.
impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        self.field() == other.field() && self.values() == other.values()
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, values, span) = (self.field(), self.values(), self.span());
        let mut shown = f.debug_struct("Test");
        shown.field("field", &field).field("values", &values).field("span", &span).finish()
    }
}

/// A condition outside the model, with bounds: it holds at least where `under` holds and at most where `over`
/// does. Equal ids are one Boolean variable, so that a condition written twice is consistent with itself.
#[derive(Clone, Debug)]
pub struct Opaque {
    /// The condition in the dialect's words; equal words, equal variable.
    pub id: Box<str>,
    /// Why it is not modelled.
    pub reason: Box<str>,
    /// Holds wherever the condition may hold.
    pub over: Condition,
    /// Holds only where the condition surely holds.
    pub under: Condition,
    /// Where it was written, in the source of the rule.
    pub span: Span,
}

/// What a condition outside the model waits for. Its reason begins with the words, as do the remarks of the ledgers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Beyond {
    /// Packets before this one, or a program beside the rules.
    State,
    /// What translation made of addresses and ports.
    Nat,
    /// Octets that are no field here.
    Payload,
    /// What the machine alone knows that loads the rules: its users, routes, sockets, clocks, names and sets.
    Host,
}

impl Beyond {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::State, Self::Nat, Self::Payload, Self::Host];

    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::State => "stateful",
            Self::Nat => "NAT",
            Self::Payload => "payload",
            Self::Host => "known to the host alone",
        }
    }
}

impl Opaque {
    /// What of these it waits for; none where the text could not be read or the model is short.
    pub fn beyond(&self) -> Option<Beyond> {
        Beyond::ALL.into_iter().find(|beyond| self.reason.starts_with(beyond.words()))
    }
}

/// Equality is that of meaning: where a condition was written does not count.
impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.reason) == (&other.id, &other.reason)
            && (&self.over, &self.under) == (&other.over, &other.under)
    }
}

/// A match condition.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// Every packet.
    True,
    /// No packet.
    False,
    /// One field against a value set.
    Test(Test),
    /// All of them.
    And(ThinVec<Condition>),
    /// Any of them.
    Or(ThinVec<Condition>),
    /// The opposite.
    Not(Box<Condition>),
    /// Something that is not modelled, within bounds.
    Opaque(Arc<Opaque>),
}

impl Condition {
    /// A test without a place in a source.
    pub fn test(field: Field, values: impl Into<ValueSet>) -> Self {
        Self::Test(Test::new(field, values.into(), Span::default()))
    }

    /// A test written at `span`.
    pub fn test_at(field: Field, values: impl Into<ValueSet>, span: Span) -> Self {
        Self::Test(Test::new(field, values.into(), span))
    }

    /// A test of the values from one to another, both included and in either order, written at `span`.
    ///
    /// The usual test: made of scalars alone it goes where it stays, without a copy on the way.
    #[inline]
    pub fn between(field: Field, one: u32, other: u32, span: Span) -> Self {
        let (lo, hi) = (one.min(other), one.max(other));
        Self::Test(Test(Packed::Range { field, length: length(span), start: span.start, lo, hi }))
    }

    /// The field is there.
    pub fn present(field: Field) -> Self {
        Self::test(field, ValueSet::all(field))
    }

    /// All of `parts`: `True` when there are none, flat where a part is itself an `And`, `False` when one is.
    pub fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts = parts.into_iter();
        let mut list = ThinVec::with_capacity(parts.size_hint().0);
        for part in parts {
            match &part {
                Self::True => {}
                Self::False => return Self::False,
                Self::And(_) => {
                    if let Self::And(inner) = part {
                        list.extend(inner);
                    }
                }
                // Moved as a whole: nearly all parts are tests.
                _ => list.push(part),
            }
        }
        match list.len() {
            0 => Self::True,
            1 => list.swap_remove(0),
            _ => Self::And(shrunk(list)),
        }
    }

    /// All of `parts`, as [`Condition::and`], in the memory they are in where they are flat.
    pub fn all(mut parts: ThinVec<Self>) -> Self {
        let flat = |part: &Self| !matches!(part, Self::True | Self::False | Self::And(_));
        if parts.len() > 1 && parts.iter().all(flat) {
            parts.shrink_to_fit();
            return Self::And(parts);
        }
        Self::and(parts)
    }

    /// Any of `parts`: `False` when there are none, flat where a part is itself an `Or`, `True` when one is.
    pub fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts = parts.into_iter();
        let mut list = ThinVec::with_capacity(parts.size_hint().0);
        for part in parts {
            match &part {
                Self::False => {}
                Self::True => return Self::True,
                Self::Or(_) => {
                    if let Self::Or(inner) = part {
                        list.extend(inner);
                    }
                }
                // Moved as a whole: nearly all parts are tests.
                _ => list.push(part),
            }
        }
        match list.len() {
            0 => Self::False,
            1 => list.swap_remove(0),
            _ => Self::Or(shrunk(list)),
        }
    }

    /// The opposite of `part`; twice is nothing.
    #[expect(clippy::should_implement_trait, reason = "reads as the other constructors do")]
    pub fn not(part: Self) -> Self {
        match part {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Something the model does not know: it may hold anywhere.
    pub fn opaque(id: impl Into<Box<str>>, reason: impl Into<Box<str>>, span: Span) -> Self {
        Self::opaque_within(id, reason, Self::True, Self::False, span)
    }

    /// Something the model does not know, between an under and an over approximation.
    pub fn opaque_within(
        id: impl Into<Box<str>>,
        reason: impl Into<Box<str>>,
        over: Self,
        under: Self,
        span: Span,
    ) -> Self {
        Self::Opaque(Arc::new(Opaque { id: id.into(), reason: reason.into(), over, under, span }))
    }

    /// Calls `visit` on every part, the condition itself first.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit(visit)),
            Self::Not(part) => part.visit(visit),
            Self::True | Self::False | Self::Test(_) | Self::Opaque(_) => {}
        }
    }

    /// Gives opaque parts another id, where `name` has one for them.
    pub fn rename_opaque(&mut self, name: &mut impl FnMut(&Opaque) -> Option<String>) {
        match self {
            Self::Opaque(opaque) => {
                if let Some(id) = name(opaque) {
                    Arc::make_mut(opaque).id = id.into();
                }
            }
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().for_each(|part| part.rename_opaque(name)),
            Self::Not(part) => part.rename_opaque(name),
            Self::True | Self::False | Self::Test(_) => {}
        }
    }

    /// The condition as it is asked when a packet comes to its rule set for the n-th time: what waits for a state may be
    /// answered otherwise then. None where it is the same.
    pub fn at_visit(&self, visit: u32) -> Option<Self> {
        let waits = |opaque: &Opaque| opaque.beyond() == Some(Beyond::State);
        let mut found = false;
        if visit > 1 {
            self.visit(&mut |part| found |= matches!(part, Self::Opaque(opaque) if waits(opaque)));
        }
        found.then(|| {
            let mut later = self.clone();
            later.rename_opaque(&mut |opaque| waits(opaque).then(|| format!("{}, visit {visit}", opaque.id)));
            later
        })
    }

    /// Gives every part another place, made of its own.
    pub fn move_spans(&mut self, to: &mut impl FnMut(Span) -> Span) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().for_each(|part| part.move_spans(to)),
            Self::Not(part) => part.move_spans(to),
            Self::Test(test) => {
                let span = to(test.span());
                *test = Test::new(test.field(), test.clone().into_values(), span);
            }
            Self::Opaque(opaque) => {
                let opaque = Arc::make_mut(opaque);
                opaque.span = to(opaque.span);
            }
            Self::True | Self::False => {}
        }
    }

    /// Calls `change` on every test, those in bounds of opaque parts aside.
    pub fn change_tests(&mut self, change: &mut impl FnMut(&mut Test)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().for_each(|part| part.change_tests(change)),
            Self::Not(part) => part.change_tests(change),
            Self::Test(test) => change(test),
            Self::True | Self::False | Self::Opaque(_) => {}
        }
    }

    /// Every test in it, in the order written.
    pub fn tests(&self) -> Vec<&Test> {
        let mut list = Vec::new();
        self.visit(&mut |part| {
            if let Self::Test(test) = part {
                list.push(test);
            }
        });
        list
    }

    /// Whether any part is opaque.
    pub fn has_opaque(&self) -> bool {
        let mut found = false;
        self.visit(&mut |part| found |= matches!(part, Self::Opaque(_)));
        found
    }
}

fn shrunk(mut list: ThinVec<Condition>) -> ThinVec<Condition> {
    list.shrink_to_fit();
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructors_keep_trees_flat() {
        let a = || Condition::test(Field::Ttl, ValueSet::single(1));
        assert_eq!(Condition::and([]), Condition::True);
        assert_eq!(Condition::or([]), Condition::False);
        assert_eq!(Condition::and([a()]), a());
        assert_eq!(Condition::and([a(), Condition::and([a(), a()])]).tests().len(), 3);
        assert_eq!(Condition::not(Condition::not(a())), a());
        assert_eq!(std::mem::size_of::<Condition>(), 16);
    }
}
