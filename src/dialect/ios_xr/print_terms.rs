//! Conditions to terms: alternatives, in each of which every field has one set of values.
//!
//! What follows is exact: a condition that no terms say is an error with its reason.

use super::condition::{LAST_OFFSET, later};
use crate::field::{Family, Field, ext};
use crate::guard::Meter;
use crate::ir::{Condition, Test, ValueSet, ValueSetRef};
use crate::net::{BitMatch, BitSet, IntervalSet};

type Set = IntervalSet<u32>;

/// One alternative of a condition.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Term {
    /// Upper-layer protocols.
    pub(super) protocol: Option<Set>,
    /// An extension header asked for before any address, as a protocol.
    pub(super) first_header: Option<u32>,
    /// Source addresses.
    pub(super) source: Option<ValueSet>,
    /// Destination addresses.
    pub(super) destination: Option<ValueSet>,
    /// Numbers of the IP header, in the order written; extension headers as bits of [`Field::ExtHdrs`].
    pub(super) three: Vec<(Field, Set)>,
    /// Words that are kept as they are.
    pub(super) words: Vec<String>,
    /// Source ports.
    pub(super) source_ports: Option<Set>,
    /// Destination ports.
    pub(super) destination_ports: Option<Set>,
    /// TCP flags, types and codes, in the order written.
    pub(super) four: Vec<(Field, ValueSet)>,
    /// Octets behind the IP header, whatever they are.
    pub(super) raw: Vec<(Field, ValueSet)>,
    /// The transport header must be there.
    pub(super) located: bool,
    /// Later fragments match by the rest of the term.
    pub(super) permissive: bool,
}

impl Term {
    /// Whether it asks for anything behind the IP header.
    pub(super) fn has_four(&self) -> bool {
        self.source_ports.is_some() || self.destination_ports.is_some() || !self.four.is_empty()
    }
}

/// Turns conditions of one rule into terms.
pub(super) struct Terms<'m> {
    /// Whether the list is of IPv6.
    pub(super) six: bool,
    /// Whether `X or a later fragment` may stay one term, as a `permit` reads it.
    pub(super) permissive: bool,
    /// What is left to spend.
    pub(super) meter: &'m mut Meter,
    /// Two parts could not be joined as they are; without `permissive` they can.
    pub(super) clash: bool,
}

type Result<T> = std::result::Result<T, String>;

impl Terms<'_> {
    /// The terms of a condition, or of its opposite.
    pub(super) fn of(&mut self, condition: &Condition, negated: bool) -> Result<Vec<Term>> {
        self.meter.charge(1).map_err(|exhausted| exhausted.to_string())?;
        match condition {
            Condition::True if negated => Ok(Vec::new()),
            Condition::False if !negated => Ok(Vec::new()),
            Condition::True | Condition::False => Ok(vec![Term::default()]),
            Condition::Not(inner) => self.of(inner, !negated),
            Condition::Test(test) => self.test(test, negated),
            Condition::Or(parts) if !negated => {
                if let Some(term) = self.permissive.then(|| permissive(parts)).flatten() {
                    return Ok(vec![term]);
                }
                self.union(parts, negated)
            }
            Condition::And(parts) if negated => self.union(parts, negated),
            Condition::And(parts) | Condition::Or(parts) => self.product(parts, negated),
            Condition::Opaque(opaque) => {
                let words = opaque.id.strip_prefix("ios-xr ").filter(|words| !negated && is_field(words));
                let words = words.ok_or_else(|| {
                    let id: String = opaque.id.chars().take(60).collect();
                    format!("a condition that is not modelled (`{}`)", id.escape_debug())
                })?;
                Ok(vec![Term { words: vec![words.to_owned()], ..Term::default() }])
            }
        }
    }

    fn union(&mut self, parts: &[Condition], negated: bool) -> Result<Vec<Term>> {
        let mut all = Vec::new();
        for part in parts {
            all.append(&mut self.of(part, negated)?);
        }
        Ok(all)
    }

    fn product(&mut self, parts: &[Condition], negated: bool) -> Result<Vec<Term>> {
        let mut all = vec![Term::default()];
        for part in parts {
            let terms = self.of(part, negated)?;
            let mut next = Vec::with_capacity(all.len() * terms.len());
            for one in &all {
                for other in &terms {
                    self.meter.charge(1).map_err(|exhausted| exhausted.to_string())?;
                    next.extend(self.join(one, other)?);
                }
            }
            all = next;
        }
        Ok(all)
    }

    // Both at once; none where no packet has both.
    fn join(&mut self, one: &Term, other: &Term) -> Result<Option<Term>> {
        let mut term = one.clone();
        if one.permissive && (other.permissive || other.has_four())
            || other.permissive && one.has_four()
            || (one.permissive || other.permissive) && (!one.raw.is_empty() || !other.raw.is_empty())
        {
            self.clash = true;
        }
        term.permissive |= other.permissive;
        term.located |= other.located;
        let sets = [
            (&mut term.protocol, &other.protocol),
            (&mut term.source_ports, &other.source_ports),
            (&mut term.destination_ports, &other.destination_ports),
        ];
        for (to, from) in sets {
            let Some(from) = from else { continue };
            let set = to.as_ref().map_or_else(|| from.clone(), |to| to.intersection(from));
            if set.is_empty() {
                return Ok(None);
            }
            *to = Some(set);
        }
        for (to, from) in [(&mut term.source, &other.source), (&mut term.destination, &other.destination)] {
            let Some(from) = from else { continue };
            let both = match to.take() {
                Some(to) => intersection(to.view(), from.view(), self.meter)?,
                None => from.clone(),
            };
            if both.is_empty() {
                return Ok(None);
            }
            *to = Some(both);
        }
        if let Some(bit) = other.first_header {
            let free = one.first_header.is_none()
                && one.source.is_none()
                && one.destination.is_none()
                && one.protocol.is_none()
                && one.three.is_empty();
            if free {
                term.first_header = Some(bit);
            } else {
                term.three.push((Field::ExtHdrs, IntervalSet::single(bit)));
            }
        }
        for (field, set) in &other.three {
            let known = term.three.iter_mut().find(|(f, _)| f == field && *field != Field::ExtHdrs);
            match known {
                Some((_, known)) => {
                    *known = known.intersection(set);
                    if known.is_empty() {
                        return Ok(None);
                    }
                }
                None => term.three.push((*field, set.clone())),
            }
        }
        for (to, from) in [(&mut term.four, &other.four), (&mut term.raw, &other.raw)] {
            for (field, values) in from {
                match to.iter_mut().find(|(f, _)| f == field) {
                    Some((_, known)) => {
                        *known = intersection(known.view(), values.view(), self.meter)?;
                        if known.is_empty() {
                            return Ok(None);
                        }
                    }
                    None => to.push((*field, values.clone())),
                }
            }
        }
        term.words.extend(other.words.iter().cloned());
        Ok(Some(term))
    }

    fn test(&mut self, test: &Test, negated: bool) -> Result<Vec<Term>> {
        let field = test.field();
        let info = field.info();
        let of_other = if self.six { Family::Inet } else { Family::Inet6 };
        // A test that is decided by the family: everything or nothing.
        let decided = |holds: bool| if holds { vec![Term::default()] } else { Vec::new() };
        if info.family == of_other {
            // The field is never there.
            return Ok(decided(negated));
        }
        if field == Field::IpVersion {
            let version = if self.six { 6 } else { 4 };
            return Ok(decided(test.values().contains(version) != negated));
        }
        if field == Field::IsFragHeader && !self.six {
            return Ok(decided(test.values().contains(1) != negated));
        }
        let unsayable = || format!("a condition on `{}`", info.title);
        if let Field::Src4 | Field::Src6 | Field::Dst4 | Field::Dst6 = field {
            let values = if negated { complement(test.values(), info.max)? } else { test.values().to_set() };
            return Ok(address(field, values));
        }
        if let Field::ExtHdrs | Field::IsFragHeader = field {
            let bit = header_bit(test).filter(|_| !negated && self.six).ok_or_else(unsayable)?;
            return Ok(vec![Term { first_header: Some(bit), ..Term::default() }]);
        }
        let max = u32::try_from(info.max).unwrap_or(u32::MAX);
        let always = match field {
            Field::Dscp | Field::Ecn | Field::Ttl | Field::FragOff | Field::FlowLabel | Field::Df => true,
            // In IPv4 they are octets of the header.
            Field::Len | Field::Mf | Field::Proto | Field::ProtoField => !self.six,
            Field::VlanId => false,
            Field::Sport
            | Field::Dport
            | Field::TcpFlags
            | Field::IcmpType
            | Field::IcmpCode
            | Field::Icmp6Type
            | Field::Icmp6Code
            | Field::IgmpType => return four(test, negated),
            Field::RawPort0 | Field::RawPort1 | Field::RawOctet0 | Field::RawOctet1 | Field::RawOctet13
                if !negated =>
            {
                let raw = vec![(field, test.values().to_set())];
                return Ok(vec![Term { raw, ..Term::default() }]);
            }
            Field::L4Status if !negated && test.values().as_single() == Some(0) => {
                return Ok(vec![Term { located: true, ..Term::default() }]);
            }
            _ => return Err(unsayable()),
        };
        if negated && !always || field == Field::ProtoField && self.six {
            return Err(unsayable());
        }
        let mut set = ranges(test.values(), max).ok_or_else(unsayable)?;
        if negated {
            set = set.complement(max);
        }
        let top = if field == Field::Len && !self.six { 0xffff } else { max };
        set = set.intersection(&IntervalSet::range(0, top));
        if set.is_empty() {
            return Ok(Vec::new());
        }
        if always && set == IntervalSet::range(0, top) {
            return Ok(vec![Term::default()]);
        }
        Ok(vec![match field {
            Field::Proto | Field::ProtoField => Term { protocol: Some(set), ..Term::default() },
            field => Term { three: vec![(field, set)], ..Term::default() },
        }])
    }
}

fn address(field: Field, values: ValueSet) -> Vec<Term> {
    if values.is_empty() {
        return Vec::new();
    }
    let whole = match &values {
        ValueSet::Ranges(set) => *set == IntervalSet::full(),
        ValueSet::Wide(set) => **set == IntervalSet::full(),
        ValueSet::Bits(set) => set.patterns().iter().any(|pattern| pattern.mask == 0),
    };
    let values = (!whole).then_some(values);
    vec![if matches!(field, Field::Src4 | Field::Src6) {
        Term { source: values, ..Term::default() }
    } else {
        Term { destination: values, ..Term::default() }
    }]
}

fn four(test: &Test, negated: bool) -> Result<Vec<Term>> {
    let info = test.field().info();
    if negated {
        // It holds for packets without the field too, which no entry can ask for.
        return Err(format!("a negated condition on `{}`", info.title));
    }
    if test.values().is_empty() {
        return Ok(Vec::new());
    }
    let max = u32::try_from(info.max).unwrap_or(u32::MAX);
    let set = || {
        let set = ranges(test.values(), max).ok_or_else(|| format!("a bit pattern of `{}`", info.title))?;
        Ok::<_, String>(set.intersection(&IntervalSet::range(0, max)))
    };
    Ok(vec![match test.field() {
        Field::Sport => Term { source_ports: Some(set()?), ..Term::default() },
        Field::Dport => Term { destination_ports: Some(set()?), ..Term::default() },
        Field::TcpFlags => Term { four: vec![(test.field(), test.values().to_set())], ..Term::default() },
        field => Term { four: vec![(field, ValueSet::from(set()?))], ..Term::default() },
    }])
}

/// `X or a later fragment`, as a `permit` with ports reads.
fn permissive(parts: &[Condition]) -> Option<Term> {
    let [known, Condition::Test(fragment)] = parts else { return None };
    if fragment.field() != Field::FragOff || fragment.values() != later() {
        return None;
    }
    let list = match known {
        Condition::And(list) => &**list,
        one => std::slice::from_ref(one),
    };
    let mut term = Term { permissive: true, ..Term::default() };
    for part in list {
        let Condition::Test(test) = part else { return None };
        let is_four = matches!(
            test.field(),
            Field::Sport
                | Field::Dport
                | Field::TcpFlags
                | Field::IcmpType
                | Field::IcmpCode
                | Field::Icmp6Type
                | Field::Icmp6Code
                | Field::IgmpType
        );
        let [Term { source_ports, destination_ports, four, .. }] =
            <[Term; 1]>::try_from(is_four.then(|| four_of(test)).flatten()?).ok()?;
        if source_ports.is_some() && term.source_ports.is_some()
            || destination_ports.is_some() && term.destination_ports.is_some()
        {
            return None;
        }
        term.source_ports = term.source_ports.or(source_ports);
        term.destination_ports = term.destination_ports.or(destination_ports);
        term.four.extend(four);
    }
    Some(term)
}

fn four_of(test: &Test) -> Option<Vec<Term>> {
    four(test, false).ok()
}

/// The bit of an extension header that a test asks for, alone.
fn header_bit(test: &Test) -> Option<u32> {
    if test.field() == Field::IsFragHeader {
        return (test.values().as_single() == Some(1)).then_some(ext::FRAGMENT);
    }
    let ValueSetRef::Bits(set) = test.values() else { return None };
    match set.patterns() {
        [one] if one.mask == one.value && one.mask.is_power_of_two() => u32::try_from(one.mask).ok(),
        _ => None,
    }
}

/// Words of a user-defined field, as they were read: nothing else is ever written back.
fn is_field(words: &str) -> bool {
    let mut words = words.split(' ');
    let plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    words.next() == Some("udf") && {
        let rest: Vec<&str> = words.collect();
        rest.len() == 3 && rest.iter().all(|word| !word.is_empty() && plain(word))
    }
}

/// The values as ranges; none for patterns of too many.
pub(super) fn ranges(values: ValueSetRef<'_>, max: u32) -> Option<Set> {
    match values {
        ValueSetRef::Ranges(set) => Some(set.to_set()),
        ValueSetRef::Bits(set) if max <= LAST_OFFSET => {
            let values = (0..=max).filter(|value| set.contains((*value).into()));
            Some(IntervalSet::from_ranges(values.map(|value| (value, value))))
        }
        ValueSetRef::Wide(_) | ValueSetRef::Bits(_) => None,
    }
}

fn complement(values: ValueSetRef<'_>, max: u128) -> Result<ValueSet> {
    match values {
        ValueSetRef::Ranges(set) => Ok(ValueSet::from(set.complement(u32::MAX))),
        ValueSetRef::Wide(set) => Ok(ValueSet::from(set.complement(max))),
        ValueSetRef::Bits(set) => match set.patterns() {
            // Any of the bits is the other way.
            [one] => {
                let bits = (0..128).map(|bit| 1_u128 << bit).filter(|bit| one.mask & bit != 0);
                Ok(ValueSet::from(BitSet::new(bits.map(|bit| BitMatch::new(!one.value & bit, bit)))))
            }
            _ => Err("what is in none of several bit patterns".to_owned()),
        },
    }
}

/// The values in both.
fn intersection(one: ValueSetRef<'_>, other: ValueSetRef<'_>, meter: &mut Meter) -> Result<ValueSet> {
    match (one, other) {
        (ValueSetRef::Ranges(a), ValueSetRef::Ranges(b)) => Ok(ValueSet::from(a.intersection(b))),
        (ValueSetRef::Wide(a), ValueSetRef::Wide(b)) => Ok(ValueSet::from(a.intersection(b))),
        (ValueSetRef::Bits(a), ValueSetRef::Bits(b)) => {
            let pairs = a.patterns().len().saturating_mul(b.patterns().len());
            meter.charge(pairs as u64).map_err(|exhausted| exhausted.to_string())?;
            let both = a.patterns().iter().flat_map(|a| b.patterns().iter().map(move |b| a.intersection(*b)));
            Ok(ValueSet::from(BitSet::new(both.flatten())))
        }
        (ValueSetRef::Bits(bits), ranges) | (ranges, ValueSetRef::Bits(bits)) => {
            let ranges = as_patterns(ranges);
            intersection(ValueSetRef::Bits(&ranges), ValueSetRef::Bits(bits), meter)
        }
        _ => Err("addresses of two kinds".to_owned()),
    }
}

/// Ranges as the patterns of the prefixes that cover them.
fn as_patterns(values: ValueSetRef<'_>) -> BitSet {
    use crate::net::{Prefix4, Prefix6};
    match values {
        ValueSetRef::Ranges(set) => {
            let covers = set.ranges().flat_map(|(lo, hi)| Prefix4::cover(lo, hi));
            BitSet::new(covers.map(|p| BitMatch::new(p.first().into(), p.mask().into())))
        }
        ValueSetRef::Wide(set) => {
            let covers = set.ranges().flat_map(|(lo, hi)| Prefix6::cover(lo, hi));
            BitSet::new(covers.map(|p| BitMatch::new(p.first(), p.mask())))
        }
        ValueSetRef::Bits(set) => set.clone(),
    }
}
