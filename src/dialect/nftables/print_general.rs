//! Conditions of any dialect as comparisons: alternatives become rules one behind the other, each version of IP
//! its own, and what nftables would read in fragments is kept out by asking for the offset.

use super::across::Across;
use super::fields::{Base, Extension, Header, Load, Meta, Part, Type};
use super::print_exact::{flag, plain, ranges};
use super::values::{Values, full};
use super::written::{Item, Right, shorter};
use crate::field::{FIELDS, Family, Field, ext};
use crate::ir::{Condition, Document, Test, ValueSet, ValueSetRef};
use crate::source::Span;

/// What a rule comes to.
pub(super) struct General {
    /// The comparisons of each rule that stands for it.
    pub(super) rules: Vec<Vec<Item>>,
    /// What packets may fare otherwise.
    pub(super) loses: Option<&'static str>,
}

const MOST: usize = 512;

#[derive(Clone)]
enum Literal {
    In(Field, ValueSet),
    Absent(Field),
}

/// The comparisons of a condition in rules of `family`; none with why where it cannot be said.
pub(super) fn rules(condition: &Condition, family: Family, document: &Document) -> Result<General, String> {
    let conjunctions = normal(condition, true)?;
    let mut general = General { rules: Vec::new(), loses: None };
    for conjunction in conjunctions {
        let free = |literal: &Literal| match literal {
            Literal::In(field, _) => matches!(
                field,
                Field::InIface
                    | Field::OutIface
                    | Field::InGroup
                    | Field::OutGroup
                    | Field::CtState
                    | Field::Mark
                    | Field::EthSrc
                    | Field::EthDst
                    | Field::Len
                    | Field::Src4
                    | Field::Dst4
                    | Field::Src6
                    | Field::Dst6
            ),
            Literal::Absent(_) => false,
        };
        let both = family == Family::Any && !conjunction.iter().all(free);
        let versions: &[Option<u32>] = match family {
            Family::Inet => &[Some(4)],
            Family::Inet6 => &[Some(6)],
            Family::Any if both => &[Some(4), Some(6)],
            Family::Any => &[None],
        };
        for version in versions {
            let mut one = One { version: *version, document, items: Vec::new(), loses: None, never: false };
            if family == Family::Any
                && let Some(version) = version
            {
                let number = if *version == 4 { 2 } else { 10 };
                one.compare(Load::Meta(Meta::NfProto), vec![(number, number)]);
            }
            general.rules.extend(one.rules(&conjunction)?);
            general.loses = general.loses.or(one.loses);
            if general.rules.len() > MOST {
                return Err(format!("it takes more than {MOST} rules"));
            }
        }
    }
    Ok(general)
}

// The condition as alternatives of literals.
fn normal(condition: &Condition, positive: bool) -> Result<Vec<Vec<Literal>>, String> {
    let all = |parts: &[Condition]| {
        let mut list = vec![Vec::new()];
        for part in parts {
            let right = normal(part, positive)?;
            if list.len().saturating_mul(right.len()) > MOST {
                return Err(format!("it takes more than {MOST} rules"));
            }
            list = list
                .iter()
                .flat_map(|a: &Vec<Literal>| right.iter().map(move |b| [a.as_slice(), b.as_slice()].concat()))
                .collect();
        }
        Ok(list)
    };
    let any = |parts: &[Condition]| {
        let mut list = Vec::new();
        for part in parts {
            list.extend(normal(part, positive)?);
            if list.len() > MOST {
                return Err(format!("it takes more than {MOST} rules"));
            }
        }
        Ok(list)
    };
    match (condition, positive) {
        (Condition::True, true) | (Condition::False, false) => Ok(vec![Vec::new()]),
        (Condition::True | Condition::False, _) => Ok(Vec::new()),
        (Condition::Test(test), true) => Ok(vec![vec![Literal::In(test.field(), test.values().to_set())]]),
        (Condition::Test(test), false) => {
            let rest = complement(test).ok_or("it has too many patterns")?;
            let mut list = vec![vec![Literal::Absent(test.field())]];
            if !rest.is_empty() {
                list.push(vec![Literal::In(test.field(), rest)]);
            }
            Ok(list)
        }
        (Condition::And(parts), true) | (Condition::Or(parts), false) => all(parts),
        (Condition::Or(parts), true) | (Condition::And(parts), false) => any(parts),
        (Condition::Not(part), _) => normal(part, !positive),
        (Condition::Opaque(opaque), _) => Err(format!("`{}` is not modelled", opaque.id)),
    }
}

fn complement(test: &Test) -> Option<ValueSet> {
    let width = u32::from(test.field().info().width);
    let values = match test.values() {
        ValueSetRef::Bits(set) => Values::Bits(set.patterns().to_vec()),
        other => Values::Ranges(crate::net::IntervalSet::from_ranges(ranges(other)?)),
    };
    Some(values.complement(width)?.to_set(test.field()))
}

// One alternative in packets of one version.
struct One<'d> {
    version: Option<u32>,
    document: &'d Document,
    items: Vec<Item>,
    loses: Option<&'static str>,
    // Some comparison holds no value.
    never: bool,
}

const BEHIND_AH: &str =
    "packets with an authentication header: nftables does not look at what stands behind it";
const LATER: &str =
    "later fragments of IPv6: nftables does not look at what stands behind the fragment header";
const STOPS: u128 = (ext::AUTHENTICATION | ext::MOBILITY | ext::HOST_IDENTITY | ext::SHIM6) as u128;

type Written = Result<Vec<Vec<Item>>, String>;

impl One<'_> {
    fn compare(&mut self, load: Load, ranges: Vec<(u128, u128)>) {
        self.never |= ranges.is_empty();
        let (unequal, ranges) = shorter(ranges, load.width());
        self.items.push(Item { load, mask: None, unequal, right: Right::Ranges(ranges) });
    }

    fn rules(&mut self, literals: &[Literal]) -> Written {
        let mut literals = literals.to_vec();
        for field in [Field::Proto, Field::FragOff, Field::L4Status] {
            together(&mut literals, field)?;
        }
        // What absence means, from the table of fields.
        let mut index = 0;
        while let Some(literal) = literals.get(index).cloned() {
            if let Literal::Absent(field) = literal {
                let gone = self.absent(field)?;
                match gone {
                    Some(true) => {
                        literals.remove(index);
                        continue;
                    }
                    Some(false) => return Ok(Vec::new()),
                    None => return Err(format!("`{}` must not be there", field.info().title)),
                }
            }
            index += 1;
        }
        let has = |field: Field| {
            literals.iter().find_map(|literal| match literal {
                Literal::In(other, values) if *other == field => Some(values.clone()),
                _ => None,
            })
        };
        // Packets of another version have none of these.
        for literal in &literals {
            let Literal::In(field, values) = literal else { continue };
            let family = field.info().family;
            let wrong = match self.version {
                Some(4) => family == Family::Inet6,
                Some(6) => family == Family::Inet,
                _ => false,
            };
            let other =
                *field == Field::IpVersion && self.version.is_some_and(|v| !values.contains(v.into()));
            if wrong || other || values.is_empty() {
                return Ok(Vec::new());
            }
        }
        let located = literals.iter().any(|literal| match literal {
            Literal::In(field, _) => needs_header(*field),
            Literal::Absent(_) => false,
        });
        let raw = literals.iter().any(|literal| matches!(literal, Literal::In(field, _) if is_raw(*field)));
        let transport = located || raw || has(Field::Proto).is_some();
        if self.version == Some(6) && transport {
            let stops = ValueSet::bits(0, STOPS);
            let safe = literals.iter().any(|l| matches!(l, Literal::In(Field::ExtHdrs, v) if *v == stops));
            if !safe {
                self.loses = Some(BEHIND_AH);
            }
        }
        let mut offset = has(Field::FragOff);
        if located {
            let zero = ValueSet::single(0);
            offset = match offset {
                None => Some(zero),
                Some(values) if values.contains(0) => Some(zero),
                Some(_) => return Ok(Vec::new()),
            };
        }
        if let Some(status) = has(Field::L4Status) {
            offset = Some(match (ranges(status.view()).as_deref(), offset) {
                (Some([(0, 0)]), _) => ValueSet::single(0),
                (Some([(1, 1)]), None) => ValueSet::range(1, 0x1fff),
                _ => return Err("where the transport header is cannot be asked".to_owned()),
            });
        }
        if raw && self.version == Some(6) && offset.as_ref().is_none_or(|o| o.contains(1)) {
            self.loses = Some(LATER);
            offset = Some(offset.unwrap_or_else(|| ValueSet::single(0)));
        }
        self.protocols(&literals, has(Field::Proto).as_ref().map(ValueSet::view))?;
        for literal in &literals {
            if let Literal::In(field, values) = literal {
                self.literal(*field, values.view())?;
            }
        }
        if self.never || offset.as_ref().is_some_and(ValueSet::is_empty) {
            return Ok(Vec::new());
        }
        self.offsets(offset)
    }

    // Whether a field is absent in every packet of this version, in none, or nobody knows.
    fn absent(&self, field: Field) -> Result<Option<bool>, String> {
        let info = FIELDS.iter().find(|info| info.field == field).ok_or("no such field")?;
        Ok(match (info.family, self.version) {
            (Family::Inet, Some(6)) | (Family::Inet6, Some(4)) => Some(true),
            (_, None) => None,
            _ if field.is_group() || matches!(field, Field::CtState | Field::Mark) => Some(false),
            _ if info.optional => match field {
                // Every IPv4 packet has them; of IPv6 only what cannot be read has none.
                Field::Proto | Field::Len if self.version == Some(4) => Some(false),
                _ => None,
            },
            (Family::Any, _) if info.needs.is_empty() => Some(false),
            (Family::Inet | Family::Inet6, _) => Some(false),
            (Family::Any, Some(4)) if field == Field::Mf => Some(false),
            _ => None,
        })
    }

    // Asks for the protocols: those of the rule, and those that fields stand for.
    fn protocols(&mut self, literals: &[Literal], asked: Option<ValueSetRef<'_>>) -> Result<(), String> {
        let mut allowed: Option<Vec<(u128, u128)>> = asked.and_then(ranges);
        if asked.is_some() && allowed.is_none() {
            return Err("protocols by a mask".to_owned());
        }
        for literal in literals {
            let Literal::In(field, _) = literal else { continue };
            let Some(need) = field.info().needs.iter().find(|need| need.field == Field::Proto) else {
                continue;
            };
            let set = |list: &[(u128, u128)]| crate::net::IntervalSet::from_ranges(list.iter().copied());
            let need: Vec<(u128, u128)> =
                need.values.iter().map(|(l, h)| ((*l).into(), (*h).into())).collect();
            allowed = Some(match allowed {
                None => need,
                Some(list) => set(&list).intersection(&set(&need)).ranges().collect(),
            });
        }
        if literals.iter().any(|l| matches!(l, Literal::In(Field::EspSpi, _))) {
            allowed = Some(vec![(50, 50)]);
        }
        if let Some(allowed) = allowed {
            self.compare(Load::Meta(Meta::L4Proto), allowed);
        }
        Ok(())
    }

    fn literal(&mut self, field: Field, values: ValueSetRef<'_>) -> Result<(), String> {
        let said = || Err(format!("`{}` cannot be asked", field.info().title));
        let part = Condition::Test(Test::new(field, values.to_set(), Span::default()));
        let of = |header: Header, word: &str| header.field(word).map(|place| Load::Field(header, place));
        let six = self.version == Some(6);
        let load = match field {
            Field::IpVersion | Field::FragOff | Field::Proto | Field::L4Status => return Ok(()),
            Field::InIface | Field::OutIface | Field::InGroup | Field::OutGroup | Field::CtState => {
                return match plain(&part, self.document) {
                    Some(item) => {
                        self.items.push(item);
                        Ok(())
                    }
                    None => said(),
                };
            }
            Field::ExtHdrs | Field::IpOptions => return self.flags(field, values),
            Field::IsFragHeader => {
                let there = values.contains(1);
                if !six {
                    return if there { Ok(()) } else { said() };
                }
                if !(there && values.contains(0)) {
                    let exists = u128::from(there);
                    self.compare(Load::Extension(Extension::Fragment, Part::Exists), vec![(exists, exists)]);
                }
                return Ok(());
            }
            Field::Mf if six => Some(Load::Extension(Extension::Fragment, Part::More)),
            Field::Mf | Field::Df | Field::ReservedFlag => {
                let bit = match field {
                    Field::Mf => 0x2000,
                    Field::Df => 0x4000,
                    _ => 0x8000,
                };
                let Some(load) = of(Header::Ip, "frag-off") else { return said() };
                let unequal = values.contains(1);
                if unequal == values.contains(0) {
                    return Ok(());
                }
                let right = Right::Ranges(vec![(0, 0)]);
                self.items.push(Item { load, mask: Some(bit), unequal, right });
                return Ok(());
            }
            Field::Src4 => of(Header::Ip, "saddr"),
            Field::Dst4 => of(Header::Ip, "daddr"),
            Field::Src6 => of(Header::Ip6, "saddr"),
            Field::Dst6 => of(Header::Ip6, "daddr"),
            Field::Len => Some(Load::Meta(Meta::Length)),
            Field::HdrLen => of(Header::Ip, "hdrlength"),
            Field::IpId => of(Header::Ip, "id"),
            Field::Dscp if six => of(Header::Ip6, "dscp"),
            Field::Dscp => of(Header::Ip, "dscp"),
            Field::Ecn if six => of(Header::Ip6, "ecn"),
            Field::Ecn => of(Header::Ip, "ecn"),
            Field::Ttl if six => of(Header::Ip6, "hoplimit"),
            Field::Ttl => of(Header::Ip, "ttl"),
            Field::FlowLabel => of(Header::Ip6, "flowlabel"),
            Field::ProtoField if six => of(Header::Ip6, "nexthdr"),
            Field::ProtoField => of(Header::Ip, "protocol"),
            Field::Mark => Some(Load::Meta(Meta::Mark)),
            Field::EthSrc => of(Header::Ether, "saddr"),
            Field::EthDst => of(Header::Ether, "daddr"),
            Field::TcpFlags => return self.tcp_flags(values),
            _ => {
                let info = field.info();
                match info.l4_bit {
                    Some(bit) => Some(Load::Raw(Base::Transport, bit.into(), info.width.into())),
                    None => return said(),
                }
            }
        };
        let Some(load) = load else { return said() };
        self.value_set(load, values)
    }

    fn value_set(&mut self, load: Load, values: ValueSetRef<'_>) -> Result<(), String> {
        if let Some(mut list) = ranges(values) {
            let most = full(load.width());
            list.retain(|(lo, _)| *lo <= most);
            if list.first() != Some(&(0, most)) || load.ty() != Type::Mark {
                self.compare(load, list);
            }
            return Ok(());
        }
        let ValueSetRef::Bits(set) = values else { return Ok(()) };
        if Across::of(&load).is_some() {
            // Masks of it do not mean what they say: its values do.
            if load.width() > 8 {
                return Err(format!("a mask of `{load}`"));
            }
            let held =
                (0..=full(load.width())).filter(|value| set.patterns().iter().any(|p| p.contains(*value)));
            let held = crate::net::IntervalSet::from_ranges(held.map(|value| (value, value)));
            self.compare(load, held.ranges().collect());
            return Ok(());
        }
        match set.patterns() {
            [only] => {
                let right = Right::Ranges(vec![(only.value, only.value)]);
                self.items.push(Item { load, mask: Some(only.mask), unequal: false, right });
                Ok(())
            }
            list => {
                let mask = list.iter().fold(0, |all, pattern| all | pattern.mask);
                let single = |p: &crate::net::BitMatch| p.mask.is_power_of_two() && p.mask == p.value;
                let clear = |p: &crate::net::BitMatch| p.mask.is_power_of_two() && p.value == 0;
                let right = |value| Right::Ranges(vec![(value, value)]);
                if list.iter().all(single) {
                    self.items.push(Item { load, mask: Some(mask), unequal: true, right: right(0) });
                    Ok(())
                } else if list.iter().all(clear) {
                    self.items.push(Item { load, mask: Some(mask), unequal: true, right: right(mask) });
                    Ok(())
                } else {
                    Err("several masks of one field".to_owned())
                }
            }
        }
    }

    // Headers and options, each there or not.
    fn flags(&mut self, field: Field, values: ValueSetRef<'_>) -> Result<(), String> {
        let said = || Err(format!("some of `{}` cannot be asked", field.info().title));
        let ValueSetRef::Bits(set) = values else { return said() };
        let [only] = set.patterns() else { return said() };
        let mut mask = only.mask;
        // Without these `meta l4proto` is the protocol: asked with it.
        if field == Field::ExtHdrs && only.value & STOPS == 0 && mask & STOPS == STOPS {
            mask &= !STOPS;
        }
        for bit in (0..32).map(|n| 1_u128 << n).filter(|bit| mask & bit != 0) {
            let Some(load) = flag(field, bit) else { return said() };
            let exists = u128::from(only.value & bit != 0);
            self.compare(load, vec![(exists, exists)]);
        }
        Ok(())
    }

    fn tcp_flags(&mut self, values: ValueSetRef<'_>) -> Result<(), String> {
        let low = match values {
            ValueSetRef::Bits(set) => set.patterns().iter().all(|pattern| pattern.mask <= 0xff),
            _ => false,
        };
        let load = if low {
            Header::Tcp.field("flags").map(|place| Load::Field(Header::Tcp, place))
        } else {
            Some(Load::Raw(Base::Transport, 96, 16))
        };
        let Some(load) = load else { return Ok(()) };
        if low {
            return self.value_set(load, values);
        }
        // Two octets, the data offset masked out.
        let all = Values::Ranges(crate::net::IntervalSet::range(0, 0xfff));
        match values {
            ValueSetRef::Bits(_) => self.value_set(load, values),
            other => {
                let list = ranges(other).unwrap_or_default();
                if list == ranges(all.to_set(Field::TcpFlags).view()).unwrap_or_default() {
                    self.compare(load, vec![(0, 0xffff)]);
                    return Ok(());
                }
                let (unequal, list) = shorter(list, 12);
                self.items.push(Item { load, mask: Some(0xfff), unequal, right: Right::Ranges(list) });
                Ok(())
            }
        }
    }

    // The fragment offset, at last: of IPv6 it may take two rules.
    fn offsets(&mut self, offset: Option<ValueSet>) -> Written {
        let items = std::mem::take(&mut self.items);
        let Some(offset) = offset else { return Ok(vec![items]) };
        let Some(list) = ranges(offset.view()) else { return Err("fragment offsets by a mask".to_owned()) };
        let with = |more: Vec<Item>| [items.clone(), more].concat();
        if self.version == Some(4) {
            let Some(place) = Header::Ip.field("frag-off") else { return Ok(vec![items]) };
            let (unequal, list) = shorter(list, 13);
            if !unequal && list == [(0, 0x1fff)] {
                return Ok(vec![items]);
            }
            let load = Load::Field(Header::Ip, place);
            let item = Item { load, mask: Some(0x1fff), unequal, right: Right::Ranges(list) };
            return Ok(vec![with(vec![item])]);
        }
        let mut rules = Vec::new();
        let item = |load, ranges| Item { load, mask: None, unequal: false, right: Right::Ranges(ranges) };
        if offset.contains(0) {
            let missing = item(Load::Extension(Extension::Fragment, Part::Exists), vec![(0, 0)]);
            rules.push(with(vec![missing]));
        }
        let there = Load::Extension(Extension::Fragment, Part::Offset);
        rules.push(with(vec![item(there, list)]));
        Ok(rules)
    }
}

/// Takes what is asked of a field in several places for one: these fields are asked once, with what others need.
fn together(literals: &mut Vec<Literal>, field: Field) -> Result<(), String> {
    let asks = |literal: &Literal| matches!(literal, Literal::In(other, _) if *other == field);
    if literals.iter().filter(|literal| asks(literal)).count() < 2 {
        return Ok(());
    }
    let mut all = crate::net::IntervalSet::range(0, full(field.info().width.into()));
    for literal in literals.iter() {
        if let Literal::In(other, values) = literal
            && *other == field
        {
            let list = ranges(values.view()).ok_or_else(|| format!("`{}` by a mask", field.info().title))?;
            all = all.intersection(&crate::net::IntervalSet::from_ranges(list));
        }
    }
    literals.retain(|literal| !asks(literal));
    literals.push(Literal::In(field, Values::Ranges(all).to_set(field)));
    Ok(())
}

fn is_raw(field: Field) -> bool {
    matches!(
        field,
        Field::RawPort0
            | Field::RawPort1
            | Field::RawOctet0
            | Field::RawOctet1
            | Field::RawOctet13
            | Field::RawWord0
            | Field::RawWord1
    )
}

fn needs_header(field: Field) -> bool {
    let located = field.info().needs.iter().any(|need| need.field == Field::L4Status);
    located || matches!(field, Field::AhSpi)
}
