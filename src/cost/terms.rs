//! Counts a condition: it is brought to alternatives (a sum of products of fields) and each is multiplied out.
//!
//! Alternatives that overlap are counted each, as a device programs them with the same action. A part that is
//! not modelled counts as one entry and makes the figures bounds from below.

use super::cover;
use super::flow::Encoding;
use super::normal::{Held, Normal, both, normalise};
use super::registers::Registers;
use super::tally::{Count, FieldCost, Tally};
use super::written::as_written;
use crate::field::{Family, Field};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, ValueSetRef};
use crate::net::{IntervalSet, Intervals};

/// Whose packets a condition is for, and how the device keeps their lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    /// The family of the rule set.
    pub(crate) family: Family,
    /// How the device writes values into its keys.
    pub(crate) encoding: Encoding,
}

/// What a condition comes to; the second is whether a part is not modelled. A step a
/// part, a range, a pattern and a node, and again for each alternative.
pub(crate) fn tally(
    condition: &Condition,
    keys: Keys,
    mut registers: Option<&mut Registers>,
    meter: &mut Meter,
) -> Result<(Tally, bool), Exhausted> {
    let mut tally = Tally::NONE;
    let written;
    let mut condition = condition;
    if keys.family == Family::Inet6 && !is_product(condition) {
        // What a reader says of later fragments is nothing that a device is told.
        written = as_written(condition, meter)?;
        condition = &written;
    }
    if let Some(fields) = product(condition, keys, registers.as_deref_mut(), meter)? {
        tally.add_term(fields);
        return Ok((tally, false));
    }
    let mut depth = Meter::new(&limits::NESTING);
    let mut opaque = false;
    let normal = normalise(condition, false, keys.family, &mut opaque, meter, &mut depth)?;
    alternatives(&normal, meter, &mut |cube, meter| {
        let mut costs = Vec::with_capacity(cube.len());
        for (field, literal) in cube {
            costs.push(match literal {
                // A key has a bit for "there is such a header".
                Literal::Absent => FieldCost::ONE,
                Literal::In(values) => {
                    values_cost(*field, values.view(), keys, registers.as_deref_mut(), meter)?
                }
            });
        }
        tally.add_term(costs);
        Ok(())
    })?;
    Ok(if opaque { (tally.inexact(), true) } else { (tally, false) })
}

/// What a condition comes to for both families, of a rule set that is for both: a device keeps a list for each, and of each
/// list what a packet of its family can have. Entries and the fewest possible are given for each family too.
///
/// A step a part and family, and as many again as [`tally`] takes three times.
pub(crate) fn tally_of_both(
    condition: &Condition,
    keys: Keys,
    mut registers: Option<&mut Registers>,
    meter: &mut Meter,
) -> Result<(Tally, Shares, bool), Exhausted> {
    let condition = &*as_written(condition, meter)?;
    let (mut whole, opaque) = tally(condition, keys, None, meter)?;
    let mut shares = [(Count::exact(0), Count::exact(0)); 2];
    for (share, family) in shares.iter_mut().zip([Family::Inet, Family::Inet6]) {
        let keys = Keys { family, ..keys };
        let mut one = Tally::NONE;
        let (mut ignored, mut depth) = (false, Meter::new(&limits::NESTING));
        let normal = normalise(condition, false, family, &mut ignored, meter, &mut depth)?;
        alternatives(&normal, meter, &mut |cube, meter| {
            let mut costs = Vec::with_capacity(cube.len());
            for (field, literal) in cube {
                match fate(*field, literal, family) {
                    Fate::Never => return Ok(()),
                    Fate::Always => {}
                    Fate::Asked => costs.push(match literal {
                        Literal::Absent => FieldCost::ONE,
                        Literal::In(values) => {
                            values_cost(*field, values.view(), keys, registers.as_deref_mut(), meter)?
                        }
                    }),
                }
            }
            one.add_term(costs);
            Ok(())
        })?;
        let one = if opaque { one.inexact() } else { one };
        *share = (one.entries, one.minimum);
    }
    let [four, six] = shares;
    (whole.entries, whole.minimum) = (four.0.plus(six.0), four.1.plus(six.1));
    Ok((if opaque { whole.inexact() } else { whole }, shares, opaque))
}

/// Entries, and the fewest possible, of IPv4 and of IPv6.
pub(crate) type Shares = [(Count, Count); 2];

/// What packets of one family alone leave of a test.
enum Fate {
    Never,
    Always,
    Asked,
}

fn fate(field: Field, literal: &Literal<'_>, family: Family) -> Fate {
    let number = if family == Family::Inet { 4 } else { 6 };
    let of_other = field.info().family != Family::Any && field.info().family != family;
    match literal {
        Literal::Absent if of_other => Fate::Always,
        Literal::In(_) if of_other => Fate::Never,
        Literal::In(values) if field == Field::IpVersion => match values.view() {
            ValueSetRef::Ranges(set) if set.ranges().any(|(lo, hi)| lo <= number && number <= hi) => {
                Fate::Always
            }
            ValueSetRef::Ranges(_) => Fate::Never,
            ValueSetRef::Wide(_) | ValueSetRef::Bits(_) => Fate::Asked,
        },
        Literal::Absent | Literal::In(_) => Fate::Asked,
    }
}

/// The costs of the fields where the condition is a product of tests of distinct fields kept as ranges, which
/// most are.
fn product(
    condition: &Condition,
    keys: Keys,
    mut registers: Option<&mut Registers>,
    meter: &mut Meter,
) -> Result<Option<Vec<FieldCost>>, Exhausted> {
    let parts = match condition {
        Condition::And(parts) => &**parts,
        Condition::Test(_) => std::slice::from_ref(condition),
        _ => return Ok(None),
    };
    let mut seen = 0_u128;
    let mut costs = Vec::with_capacity(parts.len());
    for part in parts {
        let Condition::Test(test) = part else { return Ok(None) };
        let bit = 1_u128 << test.field() as u8;
        if seen & bit != 0 || matches!(test.values(), ValueSetRef::Bits(_)) {
            return Ok(None);
        }
        seen |= bit;
        meter.charge(1)?;
        costs.push(values_cost(test.field(), test.values(), keys, registers.as_deref_mut(), meter)?);
    }
    Ok(Some(costs))
}

/// Whether it is a product of tests that no reader has added to.
fn is_product(condition: &Condition) -> bool {
    let plain = |part: &Condition| matches!(part, Condition::Test(test) if test.field() != Field::ExtHdrs);
    match condition {
        Condition::And(parts) => parts.iter().all(plain),
        part => plain(part),
    }
}

/// What one field of one alternative asks.
pub(super) enum Literal<'a> {
    In(Held<'a>),
    Absent,
}

pub(super) type Cube<'a> = [(Field, Literal<'a>)];
pub(super) type Visit<'v> = dyn FnMut(&Cube<'_>, &mut Meter) -> Result<(), Exhausted> + 'v;

/// Calls `visit` on every alternative of a condition, one at a time, so that only one is ever held.
pub(super) fn alternatives(
    normal: &Normal<'_>,
    meter: &mut Meter,
    visit: &mut Visit<'_>,
) -> Result<(), Exhausted> {
    let depth = Meter::new(&limits::COST_BRANCHES);
    Walk { cube: Vec::new(), visit, meter, depth }.run(vec![normal], Vec::new())
}

struct Walk<'w, 'v, 'a> {
    cube: Vec<(Field, Literal<'a>)>,
    visit: &'w mut Visit<'v>,
    meter: &'w mut Meter,
    depth: Meter,
}

impl<'a> Walk<'_, '_, 'a> {
    /// Takes on what is pending; alternatives wait until everything else has narrowed the fields.
    fn run(
        &mut self,
        mut pending: Vec<&'a Normal<'a>>,
        mut choices: Vec<&'a [Normal<'a>]>,
    ) -> Result<(), Exhausted> {
        // What was there before each change, newest last.
        let mut undo: Vec<(usize, Option<Literal<'a>>)> = Vec::new();
        let mut possible = true;
        while let Some(part) = pending.pop() {
            self.meter.charge(1)?;
            match part {
                Normal::True => {}
                Normal::False => possible = false,
                Normal::And(parts) => pending.extend(parts),
                Normal::Or(parts) => match parts.as_slice() {
                    [only] => pending.push(only),
                    parts => choices.push(parts),
                },
                Normal::In(field, values) => {
                    possible = self.narrow(*field, Some(values.view()), &mut undo)?;
                }
                Normal::Absent(field) => possible = self.narrow(*field, None, &mut undo)?,
            }
            if !possible {
                break;
            }
        }
        if possible {
            match choices.pop() {
                None => (self.visit)(&self.cube, self.meter)?,
                Some(parts) => {
                    self.depth.charge(1)?;
                    for part in parts {
                        self.meter.charge(choices.len() as u64 + 1)?;
                        self.run(vec![part], choices.clone())?;
                    }
                    self.depth.release(1);
                }
            }
        }
        for (index, before) in undo.into_iter().rev() {
            match (before, self.cube.get_mut(index)) {
                (Some(before), Some((_, literal))) => *literal = before,
                _ => self.cube.truncate(index),
            }
        }
        Ok(())
    }

    /// Narrows a field; false when nothing is left.
    fn narrow(
        &mut self,
        field: Field,
        values: Option<ValueSetRef<'a>>,
        undo: &mut Vec<(usize, Option<Literal<'a>>)>,
    ) -> Result<bool, Exhausted> {
        let Some(index) = self.cube.iter().position(|(f, _)| *f == field) else {
            undo.push((self.cube.len(), None));
            let possible = values.is_none_or(|values| !values.is_empty());
            let literal = values.map_or(Literal::Absent, |values| Literal::In(Held::Borrowed(values)));
            self.cube.push((field, literal));
            return Ok(possible);
        };
        let Some((_, literal)) = self.cube.get_mut(index) else { return Ok(false) };
        let narrowed = match (&*literal, values) {
            (Literal::Absent, None) => return Ok(true),
            (Literal::Absent, Some(_)) | (Literal::In(_), None) => return Ok(false),
            (Literal::In(a), Some(b)) => both(field, a.view(), b, self.meter)?,
        };
        let possible = !narrowed.is_empty();
        undo.push((index, Some(std::mem::replace(literal, Literal::In(Held::Owned(narrowed))))));
        Ok(possible)
    }
}

/// What a set of values of one field comes to.
fn values_cost(
    field: Field,
    values: ValueSetRef<'_>,
    keys: Keys,
    registers: Option<&mut Registers>,
    meter: &mut Meter,
) -> Result<FieldCost, Exhausted> {
    let (entries, ranges) = match values {
        ValueSetRef::Ranges(set) => {
            let whole = |(lo, hi): (u32, u32)| match field {
                // Tables carry "is a later fragment" as a bit, and the whole field is no condition.
                Field::FragOff => lo <= 1 && u128::from(hi) >= field.info().max,
                _ => lo == 0 && u128::from(hi) >= field.info().max,
            };
            let mut ranges = set.ranges();
            if let (Some(range), None) = (ranges.next(), ranges.next())
                && (range.0 == range.1 || whole(range))
            {
                return Ok(FieldCost::ONE);
            }
            let clipped = clip(field, set, keys);
            let clipped = clipped.as_ref().map_or(set, IntervalSet::view);
            if let Some(registers) = registers {
                meter.charge(clipped.ranges().len() as u64)?;
                let ranges: Vec<(u32, u32)> = clipped.ranges().collect();
                if let Some(entries) = registers.claim(field, &ranges) {
                    return Ok(FieldCost { entries, fewest: entries.min(1), ranges: ranges.len() as u64 });
                }
            }
            let ranges: Vec<(u128, u128)> = clipped.ranges().map(|(lo, hi)| (lo.into(), hi.into())).collect();
            (cover::set_prefixes(clipped, meter)?, ranges)
        }
        ValueSetRef::Wide(set) => (cover::set_prefixes(set, meter)?, set.ranges().collect()),
        ValueSetRef::Bits(set) => {
            let count = set.patterns().len() as u64;
            return Ok(FieldCost { entries: count, fewest: count.min(1), ranges: count });
        }
    };
    if entries <= 1 {
        return Ok(FieldCost { entries, fewest: entries, ranges: entries });
    }
    let top = ranges.last().and_then(|(_, hi)| hi.checked_ilog2()).map_or(1, |top| top + 1);
    let width = u32::from(field.info().width).max(top);
    Ok(FieldCost { entries, fewest: cover::fewest(&ranges, width, meter)?, ranges: ranges.len() as u64 })
}

/// The set as the key holds it, where that is another: without values the field cannot hold, but whole when
/// nothing would be left.
fn clip(field: Field, set: Intervals<'_, u32>, keys: Keys) -> Option<IntervalSet<u32>> {
    const HEADER: u32 = 40;
    let inet6_length = field == Field::Len && keys.family == Family::Inet6;
    let inside = if inet6_length && keys.encoding.ipv6_payload_length {
        let payload = set.ranges().filter(|(_, hi)| *hi >= HEADER);
        let payload = payload.map(|(lo, hi)| (lo.saturating_sub(HEADER), hi - HEADER));
        IntervalSet::from_ranges(payload).intersection(&IntervalSet::range(0, 0xffff))
    } else {
        let max = match field {
            // The seventeenth bit is ours, for IPv6.
            Field::Len if !inet6_length => 0xffff,
            _ => u32::try_from(field.info().max).unwrap_or(u32::MAX),
        };
        if set.max().is_none_or(|top| top <= max) {
            return None;
        }
        set.intersection(IntervalSet::range(0, max).view())
    };
    (!inside.is_empty()).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Truth, evaluate};
    use crate::field::Headers;
    use crate::guard::Limit;
    use crate::ir::ValueSet;
    use crate::net::{BitMatch, BitSet};
    use proptest::prelude::*;
    use proptest::sample::select;

    const KEYS: Keys = Keys { family: Family::Inet, encoding: Encoding { ipv6_payload_length: false } };

    fn counted(condition: &Condition) -> Result<(Tally, bool), Exhausted> {
        tally(condition, KEYS, None, &mut Meter::new(&limits::COST_STEPS))
    }

    fn entries(condition: &Condition) -> u64 {
        counted(condition).unwrap().0.entries.value().unwrap()
    }

    fn test(field: Field, lo: u32, hi: u32) -> Condition {
        Condition::test(field, ValueSet::range(lo, hi))
    }

    fn bits(value: u128, mask: u128) -> Condition {
        Condition::test(Field::TcpFlags, ValueSet::bits(value, mask))
    }

    #[test]
    fn products_sums_and_complements_are_as_the_table_says() {
        let port = |lo, hi| test(Field::Dport, lo, hi);
        assert_eq!(entries(&Condition::and([test(Field::Proto, 6, 6), port(1, 65_534)])), 30);
        let either = Condition::or([test(Field::Sport, 80, 80), port(80, 80)]);
        assert_eq!(entries(&either), 2);
        let joined = Condition::or([port(0, 511), port(512, 1023)]);
        assert_eq!(entries(&joined), 1);
        // Not there, or another value of 16 bits.
        assert_eq!(entries(&Condition::not(port(22, 22))), 17);
        assert_eq!(entries(&Condition::not(test(Field::Dscp, 46, 46))), 6);
        let syn_or_ack = Condition::or([bits(2, 2), bits(16, 16)]);
        assert_eq!(entries(&syn_or_ack), 2);
        assert_eq!(
            entries(&Condition::and([Condition::present(Field::TcpFlags), Condition::not(syn_or_ack)])),
            1
        );
        let not_both = Condition::not(bits(18, 18));
        assert_eq!(entries(&Condition::and([Condition::present(Field::TcpFlags), not_both])), 2);
        assert_eq!(entries(&test(Field::FragOff, 1, 8191)), 1);
        assert_eq!(entries(&test(Field::FragOff, 0, 0)), 1);
        assert_eq!(entries(&Condition::True), 1);
        assert_eq!(entries(&Condition::False), 0);
    }

    #[test]
    fn lengths_have_the_bits_of_the_key() {
        let at_least = |family, ipv6_payload_length| {
            let keys = Keys { family, encoding: Encoding { ipv6_payload_length } };
            let condition = test(Field::Len, 1040, 65_575);
            tally(&condition, keys, None, &mut Meter::new(&limits::COST_STEPS)).unwrap().0.entries.value()
        };
        assert_eq!(at_least(Family::Inet, false), Some(16 - u64::from(1039_u32.count_ones())));
        // 1,000 octets of payload.
        assert_eq!(at_least(Family::Inet6, true), Some(16 - u64::from(999_u32.count_ones())));
        assert_eq!(entries(&test(Field::Len, 99_971, 99_985)), 4);
    }

    #[test]
    fn what_is_not_modelled_makes_bounds() {
        let what = Condition::opaque("x", "not modelled", crate::source::Span::default());
        let (tally, opaque) = counted(&Condition::and([what, test(Field::Dport, 1, 65_534)])).unwrap();
        assert!(opaque && tally.entries == super::super::tally::Count::at_least(30));
    }

    fn stopped(condition: &Condition) -> &'static Limit {
        counted(condition).unwrap_err().limit
    }

    #[test]
    fn every_limit_stops_what_goes_past_it() {
        let mut deep = test(Field::Ttl, 1, 1);
        for _ in 0..70 {
            deep = Condition::Not(Box::new(deep));
        }
        assert_eq!(stopped(&deep), &limits::NESTING);
        let pair = || Condition::or([test(Field::Ttl, 1, 9), test(Field::Dscp, 1, 9)]);
        let wide = Condition::And((0..300).map(|_| pair()).collect());
        assert_eq!(stopped(&wide), &limits::COST_BRANCHES);
        let many = Condition::And((0..40).map(|_| pair()).collect());
        assert_eq!(stopped(&many), &limits::COST_STEPS);
        let patterns =
            |n: u128| ValueSet::Bits(BitSet::new((1..=n).map(|i| BitMatch::new(i, i << 20 | 0xff))));
        let crossed = Condition::And(
            (0..4).map(|_| Condition::test(Field::Dst4, patterns(200))).map(Condition::not).collect(),
        );
        assert_eq!(stopped(&crossed), &limits::COST_STEPS);
    }

    fn conditions() -> impl Strategy<Value = Condition> {
        let field = select(vec![(Field::Dscp, 63), (Field::Ecn, 3), (Field::Df, 1), (Field::Dport, 9)]);
        let range = (field, 0..64_u32, 0..64_u32).prop_map(|((field, max), a, b)| {
            let (a, b) = (a.min(max), b.min(max));
            test(field, a.min(b), a.max(b))
        });
        let masked =
            (0..64_u128, 0..64_u128).prop_map(|(v, m)| Condition::test(Field::Dscp, ValueSet::bits(v, m)));
        let leaf = prop_oneof![4 => range, 1 => masked];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|v| Condition::And(v.into())),
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|v| Condition::Or(v.into())),
                inner.prop_map(|c| Condition::Not(Box::new(c))),
            ]
        })
    }

    proptest! {
        // The alternatives that are counted are the condition: a packet meets one of them when it holds.
        #[test]
        fn alternatives_are_the_condition(condition in conditions(), dscp in 0..64_u32, ecn in 0..4_u32,
                                          df in 0..2_u32, dport in proptest::option::of(0..10_u32)) {
            let mut headers = Headers::new();
            headers.set(Field::Dscp, dscp);
            headers.set(Field::Ecn, ecn);
            headers.set(Field::Df, df);
            if let Some(port) = dport {
                headers.set(Field::Dport, port);
            }
            let (mut opaque, mut meter) = (false, Meter::new(&limits::COST_STEPS));
            let mut depth = Meter::new(&limits::NESTING);
            let normal = normalise(&condition, false, Family::Inet, &mut opaque, &mut meter, &mut depth).unwrap();
            let mut met = false;
            alternatives(&normal, &mut meter, &mut |cube, _| {
                met |= cube.iter().all(|(field, literal)| match (headers.get(*field), literal) {
                    (crate::field::Reading::Value(value), Literal::In(values)) => values.view().contains(value),
                    (crate::field::Reading::Absent, Literal::Absent) => true,
                    _ => false,
                });
                Ok(())
            }).unwrap();
            prop_assert_eq!(met, evaluate(&condition, &headers) == Truth::Yes);
        }

        // A tree over one field is one set: its cover, whatever the tree.
        #[test]
        fn a_tree_of_one_field_is_one_set(condition in one_field(5)) {
            let mut headers = Headers::new();
            let members = (0..64_u32).filter(|v| {
                headers.set(Field::Dscp, *v);
                evaluate(&condition, &headers) == Truth::Yes
            });
            let set = IntervalSet::<u32>::from_ranges(members.collect::<Vec<_>>().into_iter().map(|v| (v, v)));
            let want = cover::set_prefixes(set.view(), &mut Meter::new(&limits::COST_STEPS)).unwrap();
            prop_assert_eq!(entries(&condition), want);
        }
    }

    fn one_field(depth: u32) -> impl Strategy<Value = Condition> {
        let leaf = (0..64_u32, 0..64_u32).prop_map(|(a, b)| test(Field::Dscp, a.min(b), a.max(b)));
        leaf.prop_recursive(depth, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|v| Condition::And(v.into())),
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|v| Condition::Or(v.into())),
                inner.prop_map(|c| Condition::Not(Box::new(c))),
            ]
        })
    }
}
