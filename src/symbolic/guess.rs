//! A packet that probably meets some conditions, put together without any set: nearly every rule of a real file
//! is met by the first guess, and only the rest is worth a proof.
//!
//! A guess keeps the laws of the world by construction; whether it meets the conditions is for the caller to
//! find out by evaluation.

use super::sensible;
use super::witness::cut;
use crate::field::{FIELDS, Family, Field, Headers, L4Status, Reading, ext};
use crate::ir::{Condition, Test, ValueSetRef};

/// Guesses packets, and remembers those it has filled in: nearly all rules ask for packets of a few shapes.
#[derive(Clone, Debug, Default)]
pub struct Guesser {
    templates: Vec<Template>,
    // The one to give up next, where there are too many.
    oldest: usize,
}

/// Everything that follows from a shape, where nothing else is asked for.
#[derive(Clone, Debug)]
struct Template {
    shape: Shape,
    headers: Headers,
    // The first octets behind the IP headers.
    behind: u128,
}

/// The values of the fields that others depend on.
type Shape = [Option<u32>; SHAPE.len()];
const SHAPE: [Field; 8] = [
    Field::IpVersion,
    Field::HdrLen,
    Field::FragOff,
    Field::IsFragHeader,
    Field::Proto,
    Field::L4Status,
    Field::L4Room,
    Field::Len,
];
/// The number of the fragment header, RFC 8200 §4.5.
const FRAGMENT: u32 = 44;
/// Shapes remembered.
const TEMPLATES: usize = 32;

impl Guesser {
    /// A packet of the family that may meet all conditions; none when this simple way finds none.
    pub fn guess(&mut self, family: Family, conditions: &[&Condition]) -> Option<Headers> {
        Draft::default().meet(family, conditions)?.complete(self)
    }

    /// The same with values asked for beside the conditions.
    pub(super) fn guess_near(
        &mut self,
        family: Family,
        conditions: &[&Condition],
        values: &[(Field, u128)],
    ) -> Option<Headers> {
        let mut draft = Draft::default();
        for (field, value) in values {
            draft.set(*field, *value);
        }
        draft.meet(family, conditions)?.complete(self)
    }

    fn template(&mut self, draft: &Draft) -> &Template {
        let shape = SHAPE.map(|field| draft.small(field));
        let known = self.templates.iter().position(|template| template.shape == shape);
        let at = known.unwrap_or_else(|| {
            let template = Template::new(shape, draft);
            if self.templates.len() < TEMPLATES {
                self.templates.push(template);
                return self.templates.len() - 1;
            }
            self.oldest = (self.oldest + 1) % TEMPLATES;
            if let Some(place) = self.templates.get_mut(self.oldest) {
                *place = template;
            }
            self.oldest
        });
        #[expect(clippy::indexing_slicing, reason = "an index that was just found or filled")]
        &self.templates[at]
    }
}

impl Template {
    fn new(shape: Shape, draft: &Draft) -> Self {
        let mut usual = Draft::default();
        for field in SHAPE.into_iter().chain([Field::ProtoField, Field::ExtHdrs]) {
            if let Some(value) = draft.small(field) {
                usual.headers.set(field, value);
            }
        }
        let behind = sensible::behind(&|field| usual.known(field));
        for row in FIELDS {
            match row.l4_bit {
                Some(first) if usual.allowed(row.needs) => {
                    usual.headers.set_wide(row.field, cut(behind, first, row.width));
                }
                Some(_) => usual.headers.set_absent(row.field),
                None if !usual.allowed(row.needs) => usual.headers.set_absent(row.field),
                None if row.optional || usual.known(row.field).is_some() => {}
                None => {
                    let value = sensible::value(row.field, &|field| usual.known(field));
                    usual.headers.set_wide(row.field, value);
                }
            }
        }
        Self { shape, headers: usual.headers, behind }
    }
}

#[derive(Clone, Default)]
struct Draft {
    headers: Headers,
    // Fields that a condition asked for, a bit each.
    chosen: u128,
}

impl Draft {
    /// Takes what the conditions ask for; none where that contradicts itself.
    fn meet(mut self, family: Family, conditions: &[&Condition]) -> Option<Self> {
        match family {
            Family::Any => {}
            Family::Inet => self.set(Field::IpVersion, 4),
            Family::Inet6 => self.set(Field::IpVersion, 6),
        }
        // Tests first, then what leaves a choice.
        for condition in conditions {
            self.take_tests(condition)?;
        }
        for condition in conditions {
            self.take_choices(condition)?;
        }
        Some(self)
    }

    fn is_chosen(&self, field: Field) -> bool {
        self.chosen >> (field as u8) & 1 == 1
    }

    fn known(&self, field: Field) -> Option<u128> {
        match self.headers.get(field) {
            Reading::Value(value) => Some(value),
            Reading::Absent | Reading::Cut => None,
        }
    }

    fn small(&self, field: Field) -> Option<u32> {
        self.headers.small(field)
    }

    fn set(&mut self, field: Field, value: u128) {
        self.headers.set_wide(field, value);
        self.chosen |= 1 << field as u8;
    }

    /// Chooses a value for a test; none when the field has another already.
    fn take(&mut self, test: &Test) -> Option<()> {
        if self.is_chosen(test.field()) {
            return self.known(test.field()).filter(|value| test.values().contains(*value)).map(|_| ());
        }
        let info = test.field().info();
        let is_there = info.family == Family::Any || self.is_chosen(Field::IpVersion);
        if is_there && !info.optional && info.l4_bit.is_none() && is_any(test.values(), info.max) {
            // A field that is there anyway has some value.
            return Some(());
        }
        let usual = sensible::value(test.field(), &|field| self.known(field));
        let usual = match test.field() {
            // Behind the headers nothing is usual before the protocol is known.
            _ if test.field().info().l4_bit.is_some() => None,
            _ => Some(usual).filter(|value| test.values().contains(*value)),
        };
        // A tunnel is the most usual packet of no usual protocol.
        let tunnel = || Some(47).filter(|gre| test.field() == Field::Proto && test.values().contains(*gre));
        let value = usual.or_else(tunnel).or_else(|| test.values().member(test.field()))?;
        self.set(test.field(), value);
        Some(())
    }

    fn take_tests(&mut self, condition: &Condition) -> Option<()> {
        match condition {
            Condition::Test(test) => self.take(test),
            Condition::And(parts) => parts.iter().try_for_each(|part| self.take_tests(part)),
            Condition::False => None,
            Condition::True | Condition::Or(_) | Condition::Not(_) | Condition::Opaque(_) => Some(()),
        }
    }

    fn take_choices(&mut self, condition: &Condition) -> Option<()> {
        match condition {
            Condition::And(parts) => parts.iter().try_for_each(|part| self.take_choices(part)),
            Condition::Or(parts) => {
                // A few alternatives at most: a guess must stay cheap.
                for part in parts.iter().take(8) {
                    let mut attempt = self.clone();
                    if attempt.take_tests(part).is_some() && attempt.take_choices(part).is_some() {
                        *self = attempt;
                        return Some(());
                    }
                }
                None
            }
            Condition::Not(part) => {
                // To meet the opposite of all it is enough to miss one.
                let missed = match &**part {
                    Condition::And(parts) => parts.first(),
                    other => Some(other),
                };
                if let Some(Condition::Test(test)) = missed {
                    self.avoid(test);
                }
                Some(())
            }
            Condition::True | Condition::False | Condition::Test(_) | Condition::Opaque(_) => Some(()),
        }
    }

    /// Chooses a value that is not in a test, where the usual one is.
    fn avoid(&mut self, test: &Test) {
        let usual = sensible::value(test.field(), &|field| self.known(field));
        if self.is_chosen(test.field()) || !test.values().contains(usual) {
            return;
        }
        let max = test.field().info().max;
        let other = match test.values() {
            ValueSetRef::Ranges(set) => {
                set.complement(u32::try_from(max).unwrap_or(u32::MAX)).min().map(u128::from)
            }
            ValueSetRef::Wide(set) => set.complement(max).min(),
            ValueSetRef::Bits(_) => None,
        };
        if let Some(other) = other {
            self.set(test.field(), other);
        }
    }

    /// Fills in everything else; none when that needs more than this simple way knows.
    fn complete(mut self, guesser: &mut Guesser) -> Option<Headers> {
        let lists = [Field::ExtHdrs, Field::IpOptions].map(|field| self.small(field));
        if lists.iter().flatten().any(|bits| *bits != 0)
            || [Field::GreKey, Field::AhSpi].iter().any(|field| self.is_chosen(*field))
        {
            return None;
        }
        let version = self.version()?;
        self.headers.set(Field::IpVersion, version);
        let header = if version == 4 {
            let words = self.or_usual(Field::HdrLen);
            if !(5..=15).contains(&words) {
                return None;
            }
            4 * words
        } else {
            40
        };
        let header = header + self.fragment(version)?;
        let proto = self.protocol()?;
        self.transport(proto)?;
        self.length(header, if version == 4 { 65_535 } else { 65_575 })?;
        Some(self.everything_else(guesser.template(&self)))
    }

    fn or_usual(&mut self, field: Field) -> u32 {
        if let Some(value) = self.small(field) {
            return value;
        }
        let usual = sensible::value(field, &|field| self.known(field));
        let usual = u32::try_from(usual).unwrap_or(0);
        self.headers.set(field, usual);
        usual
    }

    fn version(&self) -> Option<u32> {
        if let Some(version) = self.small(Field::IpVersion) {
            return Some(version).filter(|v| matches!(v, 4 | 6));
        }
        let six = FIELDS.iter().any(|row| row.family == Family::Inet6 && self.is_chosen(row.field));
        Some(if six || self.is_chosen(Field::Icmp6Type) || self.is_chosen(Field::Icmp6Code) { 6 } else { 4 })
    }

    /// Decides whether it is a fragment; the octets of the header that says so.
    fn fragment(&mut self, version: u32) -> Option<u32> {
        let offset = self.or_usual(Field::FragOff);
        if version == 4 {
            let known = self.or_usual(Field::IsFragHeader);
            return (known == 1).then_some(0);
        }
        let asked = offset != 0 || self.is_chosen(Field::Mf) || self.is_chosen(Field::FragId);
        let header = u32::from(asked);
        let header = if self.is_chosen(Field::IsFragHeader) {
            self.small(Field::IsFragHeader).filter(|known| *known >= header)?
        } else {
            header
        };
        self.headers.set(Field::IsFragHeader, header);
        self.headers.set(Field::ExtHdrs, header * ext::FRAGMENT);
        Some(8 * header)
    }

    /// The protocol asked for, or one that the chosen fields need.
    fn protocol(&mut self) -> Option<u32> {
        let fragment = (self.small(Field::ExtHdrs) == Some(ext::FRAGMENT)).then_some(FRAGMENT);
        let first = self.small(Field::ProtoField);
        if fragment.is_some() && first.is_some_and(|first| Some(first) != fragment) {
            return None;
        }
        let proto = match (self.small(Field::Proto), first.filter(|_| fragment.is_none())) {
            (Some(a), Some(b)) if a != b => return None,
            (Some(proto), _) | (None, Some(proto)) => proto,
            (None, None) => self.needed_protocol().unwrap_or(6),
        };
        let walked = [0, 43, 44, 51, 60, 135, 139, 140];
        if self.small(Field::IpVersion) == Some(6) && walked.contains(&proto) {
            return None;
        }
        self.headers.set(Field::Proto, proto);
        self.headers.set(Field::ProtoField, fragment.unwrap_or(proto));
        Some(proto)
    }

    fn needed_protocol(&self) -> Option<u32> {
        let behind = FIELDS.iter().filter(|row| row.l4_bit.is_some() && self.is_chosen(row.field));
        let mut needs = behind.flat_map(|row| row.needs).filter(|need| need.field == Field::Proto);
        let first = needs.next()?;
        let fits = |proto: u32| {
            let within =
                |need: &crate::field::Need| need.values.iter().any(|(lo, hi)| (*lo..=*hi).contains(&proto));
            within(first) && needs.clone().all(within)
        };
        first.values.iter().flat_map(|(lo, hi)| *lo..=*hi).find(|proto| fits(*proto))
    }

    fn transport(&mut self, proto: u32) -> Option<()> {
        let status = match (self.small(Field::FragOff), proto) {
            (Some(offset), _) if offset != 0 => L4Status::NonFirstFragment,
            (_, 50) => L4Status::Encrypted,
            (_, 59) => L4Status::None,
            _ => L4Status::Located,
        } as u32;
        if self.small(Field::L4Status).is_some_and(|known| known != status) {
            return None;
        }
        self.headers.set(Field::L4Status, status);
        Some(())
    }

    fn length(&mut self, header: u32, max: u32) -> Option<()> {
        let len = match (self.small(Field::Len), self.small(Field::L4Room)) {
            (Some(len), room) => {
                let counted = len.checked_sub(header)?.min(31);
                if len > max || room.is_some_and(|room| room != counted) {
                    return None;
                }
                len
            }
            (None, Some(31)) => header + 40,
            (None, Some(room)) => header + room,
            (None, None) => {
                let room = sensible::header_room(self.known(Field::Proto));
                header + u32::try_from(room).unwrap_or(8)
            }
        };
        self.headers.set(Field::Len, len);
        self.headers.set(Field::L4Room, (len - header).min(31));
        Some(())
    }

    /// Whether the table lets the packet have a field.
    fn allowed(&self, needs: &[crate::field::Need]) -> bool {
        needs.iter().all(|need| {
            let value = self.small(need.field);
            value.is_some_and(|value| need.values.iter().any(|(lo, hi)| (*lo..=*hi).contains(&value)))
        })
    }

    /// The template with what was asked for in its place.
    fn everything_else(&self, template: &Template) -> Headers {
        let Template { mut headers, mut behind, .. } = template.clone();
        let mut changed = 0_u128;
        let mut left = self.chosen;
        while left != 0 {
            let place = left.trailing_zeros();
            left &= left - 1;
            let Some(row) = FIELDS.get(place as usize) else { break };
            match row.l4_bit {
                Some(first) => {
                    let below = 128 - u32::from(first) - u32::from(row.width);
                    let mask = ((1_u128 << row.width) - 1) << below;
                    let value = self.known(row.field).unwrap_or(0) << below;
                    behind = behind & !mask | value & mask;
                    changed |= mask;
                }
                None if !self.allowed(row.needs) => headers.set_absent(row.field),
                None => headers.set_wide(row.field, self.known(row.field).unwrap_or(0)),
            }
        }
        if changed != 0 {
            for row in FIELDS {
                if let Some(first) = row.l4_bit
                    && cut(changed, first, row.width) != 0
                    && headers.small(row.field).is_some()
                {
                    headers.set_wide(row.field, cut(behind, first, row.width));
                }
            }
        }
        headers
    }
}

/// Whether all values of a field are in a set.
fn is_any(values: ValueSetRef<'_>, max: u128) -> bool {
    match values {
        ValueSetRef::Ranges(set) => set.complement(u32::try_from(max).unwrap_or(u32::MAX)).is_empty(),
        ValueSetRef::Wide(set) => set.complement(max).is_empty(),
        ValueSetRef::Bits(_) => false,
    }
}
