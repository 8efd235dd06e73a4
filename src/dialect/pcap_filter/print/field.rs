//! One field against a value set, in each case.

use super::tree::Load;
use super::{Case, Inexpressible, Tree};
use crate::field::{Family, Field, L4Status, ext};
use crate::guard::Meter;
use crate::ir::{Test, ValueSet, ValueSetRef};
use crate::net::{IntervalSet, Prefix4, Prefix6};
use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) type Printed = Result<Tree, Inexpressible>;

/// IPv6 extension headers the walk goes through.
const EXTENSIONS: [u8; 8] = [0, 43, 44, 51, 60, 135, 139, 140];
/// Octets of an IPv4 header.
const HEADER: &str = "((ip[0] & 0xf) << 2)";

/// Numbers of the extension headers, but for one.
fn extensions_but(except: Option<u8>) -> IntervalSet<u32> {
    let kinds = EXTENSIONS.iter().filter(|kind| Some(**kind) != except);
    IntervalSet::from_ranges(kinds.map(|kind| (u32::from(*kind), u32::from(*kind))))
}

/// What tells the case.
pub(super) fn case(case: Case) -> Tree {
    let octet = |at: &'static str, set: &IntervalSet<u32>| Tree::within(Load::octets(at, 255), set);
    let all = extensions_but(None);
    let upper = all.complement(255);
    let fragment = IntervalSet::single(44);
    let inet6 = Tree::word("ip6");
    match case {
        Case::Inet => Tree::word("ip"),
        Case::Inet6 => Tree::and([inet6, octet("ip6[6]", &upper)]),
        Case::Inet6Fragment => Tree::and([inet6, octet("ip6[6]", &fragment), octet("ip6[40]", &upper)]),
        Case::Inet6Chain => {
            let behind = Tree::and([octet("ip6[6]", &fragment), octet("ip6[40]", &all)]);
            Tree::and([inet6, Tree::or([octet("ip6[6]", &extensions_but(Some(44))), behind])])
        }
        Case::NotIp => Tree::and([Tree::not(Tree::word("ip")), Tree::not(inet6)]),
    }
}

/// Whether a set of next headers has one that is walked over.
pub(super) fn names_extension(test: &Test) -> bool {
    EXTENSIONS.iter().any(|kind| test.values().contains(u128::from(*kind)))
}

/// What is known of a test behind a longer chain of extension headers.
pub(super) fn in_chain(test: &Test) -> Tree {
    // The chains that are cases of their own.
    const SHORT: [u32; 4] = [0, ext::ESP, ext::FRAGMENT, ext::FRAGMENT | ext::ESP];
    let max = u32::try_from(test.field().info().max).unwrap_or(u32::MAX);
    match test.values() {
        values if values.is_empty() => Tree::False,
        values if test.field() == Field::ExtHdrs => {
            let mut longer =
                (0..=max).filter(|bits| !SHORT.contains(bits)).map(|bits| values.contains(bits.into()));
            let first = longer.next();
            match first {
                Some(holds) if longer.all(|other| other == holds) => {
                    if holds {
                        Tree::True
                    } else {
                        Tree::False
                    }
                }
                _ => Tree::Blind,
            }
        }
        _ if matches!(test.field().info().family, Family::Inet) => Tree::False,
        _ => Tree::Blind,
    }
}

/// `test` in the case; false where the case has no such field.
pub(super) fn test(test: &Test, case: Case, meter: &mut Meter) -> Printed {
    if case == Case::NotIp || test.values().is_empty() {
        return Ok(Tree::False);
    }
    let v4 = case == Case::Inet;
    // Fields of the fixed header: where they are in each family, where they are at all.
    let (inet, inet6) = match test.field() {
        Field::HdrLen => (Some("ip[0] & 0xf"), None),
        Field::Dscp => (Some("ip[1] >> 2"), Some("(ip6[0:2] >> 6) & 0x3f")),
        Field::Ecn => (Some("ip[1] & 3"), Some("(ip6[0:2] >> 4) & 3")),
        Field::Ttl => (Some("ip[8]"), Some("ip6[7]")),
        Field::FlowLabel => (None, Some("ip6[0:4] & 0xfffff")),
        Field::IpId => (Some("ip[4:2]"), None),
        Field::ReservedFlag => (Some("ip[6] >> 7"), None),
        Field::Df => (Some("(ip[6] >> 6) & 1"), None),
        Field::Mf => (Some("(ip[6] >> 5) & 1"), (case == Case::Inet6Fragment).then_some("ip6[43] & 1")),
        Field::ProtoField => (Some("ip[9]"), Some("ip6[6]")),
        Field::Proto => (Some(protocol(case)), Some(protocol(case))),
        _ => return structured(test, case, v4, meter),
    };
    match if v4 { inet } else { inet6 } {
        Some(load) => compare(test.field(), load, test.values(), meter),
        None => Ok(Tree::False),
    }
}

/// Fields that are more than one load.
fn structured(test: &Test, case: Case, v4: bool, meter: &mut Meter) -> Printed {
    match test.field() {
        Field::IpVersion => Ok(constant(test.values(), if v4 { 4 } else { 6 })),
        Field::Src4 | Field::Dst4 if v4 => address4(test, meter),
        Field::Src6 | Field::Dst6 if !v4 => address6(test, meter),
        Field::IpOptions if v4 => options(test),
        Field::ExtHdrs if !v4 => Ok(extensions(test, case)),
        // In IPv6 it is an extension header, which no case has.
        Field::AhSpi if v4 => transport(test, case, 4, 4, meter),
        Field::Src4
        | Field::Dst4
        | Field::Src6
        | Field::Dst6
        | Field::IpOptions
        | Field::ExtHdrs
        | Field::AhSpi => Ok(Tree::False),
        Field::Len => length(test, v4, meter),
        Field::IsFragHeader => Ok(constant(test.values(), u32::from(case != Case::Inet6))),
        Field::FragOff => match offset(case) {
            Some(load) => compare(test.field(), load, test.values(), meter),
            None => Ok(constant(test.values(), 0)),
        },
        Field::L4Status => Ok(status_in(case, test.values())),
        Field::L4Room => Ok(room_in(test, case)),
        Field::GreKey => gre_key(test, case, meter),
        Field::TcpFlags => masked(test, case, format!("{} & 0xfff", octets(case, 12, 2)), meter),
        Field::TcpDataOff => masked(test, case, format!("{} >> 4", octets(case, 12, 1)), meter),
        field => match field.info().l4_bit {
            Some(bit) => transport(test, case, bit / 8, field.info().width / 8, meter),
            None => Err(Inexpressible::Field(field)),
        },
    }
}

fn masked(test: &Test, case: Case, load: String, meter: &mut Meter) -> Printed {
    Ok(Tree::and([there(test.field(), case), compare(test.field(), load, test.values(), meter)?]))
}

pub(super) fn constant(values: ValueSetRef<'_>, value: u32) -> Tree {
    if values.contains(u128::from(value)) { Tree::True } else { Tree::False }
}

/// The length of the packet: in IPv6 what is behind the fixed header, and its 40 octets.
fn length(test: &Test, v4: bool, meter: &mut Meter) -> Printed {
    const FIXED: u32 = 40;
    if v4 {
        return compare_load(test.field(), Load::octets("ip[2:2]", 0xffff), test.values(), meter);
    }
    let payload = match test.values() {
        ValueSetRef::Ranges(set) => {
            let ranges =
                set.ranges().filter_map(|(lo, hi)| Some((lo.saturating_sub(FIXED), hi.checked_sub(FIXED)?)));
            let set = IntervalSet::from_ranges(ranges);
            compare_load(test.field(), Load::octets("ip6[4:2]", 0xffff), ValueSet::from(set).view(), meter)?
        }
        values => compare(test.field(), "ip6[4:2] + 40", values, meter)?,
    };
    // A jumbogram has no usable length: its field says 0 and a hop-by-hop header follows.
    let of =
        |load: &'static str, max: u32| Tree::within(Load::octets(load, max), &IntervalSet::range(1, max));
    Ok(Tree::and([Tree::or([of("ip6[4:2]", 0xffff), of("ip6[6]", 255)]), payload]))
}

fn protocol(case: Case) -> &'static str {
    match case {
        Case::Inet | Case::NotIp => "ip[9]",
        Case::Inet6 | Case::Inet6Chain => "ip6[6]",
        Case::Inet6Fragment => "ip6[40]",
    }
}

/// The fragment offset, where the case has one at all.
fn offset(case: Case) -> Option<&'static str> {
    match case {
        Case::Inet => Some("ip[6:2] & 0x1fff"),
        Case::Inet6Fragment => Some("ip6[42:2] >> 3"),
        Case::Inet6 | Case::Inet6Chain | Case::NotIp => None,
    }
}

/// `size` octets at `at` behind the IP headers.
fn octets(case: Case, at: u8, size: u8) -> String {
    let size = if size == 1 { String::new() } else { format!(":{size}") };
    match case {
        Case::Inet | Case::NotIp => format!("ip[{HEADER} + {at}{size}]"),
        Case::Inet6 | Case::Inet6Chain => format!("ip6[{}{size}]", 40 + at),
        Case::Inet6Fragment => format!("ip6[{}{size}]", 48 + at),
    }
}

/// As many octets behind the IP headers as a set says.
fn room(case: Case, set: &IntervalSet<u32>) -> Tree {
    const MAX: u32 = 0xffff;
    const FRAGMENT: u32 = 8;
    match case {
        Case::Inet | Case::NotIp => {
            let load = Load::Octets { text: "ip[2:2]".into(), from: Some(HEADER), max: MAX, hex: false };
            Tree::within(load, set)
        }
        Case::Inet6 | Case::Inet6Chain => Tree::within(Load::octets("ip6[4:2]", MAX), set),
        Case::Inet6Fragment => {
            let behind =
                set.ranges().map(|(lo, hi)| (lo.saturating_add(FRAGMENT), hi.saturating_add(FRAGMENT)));
            let behind = IntervalSet::from_ranges(behind);
            // A packet that ends inside its fragment header has nothing behind it.
            let inside = if set.contains(0) { IntervalSet::range(0, FRAGMENT) } else { IntervalSet::empty() };
            Tree::within(Load::octets("ip6[4:2]", MAX), &behind.union(&inside))
        }
    }
}

fn is_first(case: Case) -> Tree {
    offset(case).map_or(Tree::True, |load| Tree::within(Load::octets(load, 0x1fff), &IntervalSet::single(0)))
}

fn is_protocol(case: Case, protocols: &[(u32, u32)]) -> Tree {
    Tree::within(Load::octets(protocol(case), 255), &IntervalSet::from_ranges(protocols.iter().copied()))
}

/// Where the transport header is: as the decoder says of complete packets.
fn status_in(case: Case, values: ValueSetRef<'_>) -> Tree {
    let has = |status: L4Status| values.contains(status as u128);
    let first = |protocols: Tree| Tree::and([is_first(case), protocols]);
    let is = |number: u32| is_protocol(case, &[(number, number)]);
    let mut cases = Vec::new();
    if has(L4Status::Located) {
        cases.push(first(Tree::and([Tree::not(is(50)), Tree::not(is(59))])));
    }
    if has(L4Status::NonFirstFragment) {
        cases.push(Tree::not(is_first(case)));
    }
    if has(L4Status::Encrypted) {
        cases.push(first(is(50)));
    }
    if has(L4Status::None) {
        cases.push(first(is(59)));
    }
    // The chain of a well-formed packet can be walked: the last status never comes.
    Tree::or(cases)
}

/// Whether a transport field is there, by the needs of its row in the table.
fn there(field: Field, case: Case) -> Tree {
    let needs = field.info().needs.iter().map(|need| match need.field {
        // The protocol that is asked for besides settles that the header is located.
        Field::L4Status if need.values == [(0, 0)] => is_first(case),
        Field::L4Status => status_in(case, ValueSet::of(need.values.iter().map(|(lo, _)| *lo)).view()),
        Field::L4Room => {
            room(case, &IntervalSet::range(need.values.first().map_or(0, |(lo, _)| *lo), u32::MAX))
        }
        _ => is_protocol(case, need.values),
    });
    Tree::and(needs)
}

fn at_least(case: Case, octets: u32) -> Tree {
    room(case, &IntervalSet::range(octets, u32::MAX))
}

/// A field of whole octets behind the IP headers.
fn transport(test: &Test, case: Case, at: u8, size: u8, meter: &mut Meter) -> Printed {
    let present = match test.field() {
        // In IPv4 it is a protocol like others; its row knows only that it is optional.
        Field::AhSpi => Tree::and([is_first(case), is_protocol(case, &[(51, 51)]), at_least(case, 8)]),
        field => there(field, case),
    };
    Ok(Tree::and([present, compare(test.field(), octets(case, at, size), test.values(), meter)?]))
}

fn gre_key(test: &Test, case: Case, meter: &mut Meter) -> Printed {
    let bits = |octet: u8, mask: u32, value: u32| {
        let load = Load::bits(format!("{} & {mask:#x}", octets(case, octet, 1)), mask);
        Tree::within(load, &IntervalSet::single(value))
    };
    let plain = compare(test.field(), octets(case, 4, 4), test.values(), meter)?;
    let behind_checksum = compare(test.field(), octets(case, 8, 4), test.values(), meter)?;
    let key = Tree::or([
        Tree::and([bits(0, 0x80, 0), plain]),
        Tree::and([bits(0, 0x80, 0x80), at_least(case, 12), behind_checksum]),
    ]);
    Ok(Tree::and([there(test.field(), case), bits(0, 0x20, 0x20), bits(1, 7, 0), key]))
}

/// The count stops at 31.
fn room_in(test: &Test, case: Case) -> Tree {
    let counted = (0..=31_u32).filter(|octets| test.values().contains(u128::from(*octets)));
    let set = IntervalSet::from_ranges(counted.map(|n| (n, if n == 31 { u32::MAX } else { n })));
    room(case, &set)
}

/// Only whether there are any can be seen: a header of five words has none.
fn options(test: &Test) -> Printed {
    let max = u32::try_from(test.field().info().max).unwrap_or(u32::MAX);
    let values = test.values();
    let words =
        |lo: u32, hi: u32| Ok(Tree::within(Load::octets("ip[0] & 0xf", 15), &IntervalSet::range(lo, hi)));
    if values == ValueSet::range(0, max) {
        Ok(Tree::True)
    } else if values.as_single() == Some(0) {
        words(0, 5)
    } else if values == ValueSet::range(1, max) {
        words(6, 15)
    } else {
        Err(Inexpressible::Field(test.field()))
    }
}

/// The extension headers of a case, ESP among them.
fn extensions(test: &Test, case: Case) -> Tree {
    let before = if case == Case::Inet6Fragment { ext::FRAGMENT } else { 0 };
    let plain = constant(test.values(), before);
    let encrypted = constant(test.values(), before | ext::ESP);
    if plain == encrypted {
        return plain;
    }
    // Behind a later fragment's header ESP is not looked for.
    let is_esp = Tree::and([is_first(case), is_protocol(case, &[(50, 50)])]);
    if plain == Tree::True { Tree::not(is_esp) } else { is_esp }
}

fn address4(test: &Test, meter: &mut Meter) -> Printed {
    let (word, load) = if test.field() == Field::Src4 { ("src", "ip[12:4]") } else { ("dst", "ip[16:4]") };
    let prefix = test.values().as_ranges().and_then(|set| {
        let (lo, hi) = set.ranges().next().filter(|_| set.ranges().len() == 1)?;
        let cover = Prefix4::cover(lo, hi);
        cover.first().copied().filter(|_| cover.len() == 1)
    });
    match prefix {
        Some(prefix) if prefix.len() == 0 => Ok(Tree::True),
        Some(prefix) => {
            let address = Ipv4Addr::from_bits(prefix.first());
            Ok(Tree::word(format!("ip {word} net {address}/{}", prefix.len())))
        }
        None => compare(test.field(), load, test.values(), meter),
    }
}

fn address6(test: &Test, meter: &mut Meter) -> Printed {
    let (word, at) = if test.field() == Field::Src6 { ("src", 8) } else { ("dst", 24) };
    let mut parts = Vec::new();
    match test.values() {
        ValueSetRef::Wide(set) => {
            for prefix in set.ranges().flat_map(|(lo, hi)| Prefix6::cover(lo, hi)) {
                meter.charge(1).map_err(Inexpressible::Long)?;
                let address = Ipv6Addr::from_bits(prefix.first());
                parts.push(match prefix.len() {
                    0 => Tree::True,
                    length => Tree::word(format!("ip6 {word} net {address}/{length}")),
                });
            }
        }
        ValueSetRef::Bits(set) => {
            for pattern in set.patterns() {
                meter.charge(4).map_err(Inexpressible::Long)?;
                parts.push(Tree::and((0..4_u32).map(|index| {
                    let of = |value: u128| low(value >> (96 - 32 * index));
                    pattern_of(&format!("ip6[{}:4]", at + 4 * index), of(pattern.value), of(pattern.mask))
                })));
            }
        }
        ValueSetRef::Ranges(_) => return Err(Inexpressible::Field(test.field())),
    }
    Ok(Tree::or(parts))
}

/// The lowest 32 bits.
pub(super) fn low(value: u128) -> u32 {
    u32::try_from(value & u128::from(u32::MAX)).unwrap_or(0)
}

/// A load whose bits under a mask have a value.
pub(super) fn pattern_of(load: &str, value: u32, mask: u32) -> Tree {
    match mask {
        0 => Tree::True,
        mask => {
            Tree::within(Load::bits(format!("{load} & {mask:#x}"), mask), &IntervalSet::single(value & mask))
        }
    }
}

/// A load of up to 32 bits against a set of its field's values.
pub(super) fn compare(
    field: Field,
    load: impl Into<Cow<'static, str>>,
    values: ValueSetRef<'_>,
    meter: &mut Meter,
) -> Printed {
    let max = u32::try_from(field.info().max).map_err(|_| Inexpressible::Field(field))?;
    compare_load(field, Load::octets(load, max), values, meter)
}

/// A load against a set.
pub(super) fn compare_load(field: Field, load: Load, values: ValueSetRef<'_>, meter: &mut Meter) -> Printed {
    match values {
        ValueSetRef::Ranges(set) => {
            meter.charge(set.ranges().len() as u64).map_err(Inexpressible::Long)?;
            Ok(Tree::within(load, &set.to_set()))
        }
        ValueSetRef::Bits(set) => {
            meter.charge(set.patterns().len() as u64).map_err(Inexpressible::Long)?;
            let (text, max) = match &load {
                Load::Octets { text, max, .. } => (text, *max),
                Load::Word(text) => (&Cow::Owned(text.clone()), 1),
            };
            let width = u128::from(u32::MAX.checked_shr(max.leading_zeros()).unwrap_or(0));
            // A pattern that asks for bits the field does not have matches nothing.
            let possible = set.patterns().iter().filter(|p| p.value & !width == 0);
            Ok(Tree::or(
                possible.map(|p| pattern_of(&format!("({text})"), low(p.value), low(p.mask & width))),
            ))
        }
        ValueSetRef::Wide(_) => Err(Inexpressible::Field(field)),
    }
}
