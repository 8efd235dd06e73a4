//! Conditions back to the comparisons they were lowered from. Each is tried: what a comparison would be lowered to
//! is compared with what stands there, so that nothing is written that reads otherwise.

use super::across::Across;
use super::fields::{Base, Extension, Header, Load, Meta, Part};
use super::known::Known;
use super::operators::operated;
use super::values::{Linear, Values};
use super::written::{Item, Right, shorter};
use crate::field::{Field, ext};
use crate::ir::{Condition, Document, Interface, ValueSetRef};
use crate::net::IntervalSet;
use crate::source::Span;

/// The comparisons that are lowered to exactly these parts, and what is known behind them.
pub(super) fn items(
    parts: &[Condition],
    mut known: Known,
    document: &Document,
) -> Option<(Vec<Item>, Known)> {
    let mut list = Vec::new();
    let mut rest = parts;
    while let Some(first) = rest.first() {
        let (item, used, next) = step(rest, first, known, document)?;
        list.push(item);
        known = next;
        rest = rest.get(used..)?;
    }
    Some((list, known))
}

type Found = (Item, usize, Known);

fn step(parts: &[Condition], first: &Condition, known: Known, document: &Document) -> Option<Found> {
    if let Some(item) = plain(first, document) {
        return Some((item, 1, known));
    }
    // A field of a header brings its protocol along.
    let (field, values) = leading(first)?;
    if matches!(field, Field::IpVersion | Field::Proto) {
        for part in parts.iter().skip(1).take(3) {
            if let Some((field, values)) = leading(part)
                && !matches!(field, Field::IpVersion | Field::Proto | Field::ExtHdrs)
            {
                let protocol = parts.iter().take(3).find_map(|part| match leading(part) {
                    Some((Field::Proto, set)) => set.as_single().and_then(|n| u8::try_from(n).ok()),
                    _ => None,
                });
                let found = try_all(parts, field, values, Known { protocol, ..known }, known);
                if found.is_some() {
                    return found;
                }
            }
        }
    }
    try_all(parts, field, values, known, known)
}

// Loads for a field as `guess` knows the packet; what they are lowered to is tried with what is really known.
fn try_all(
    parts: &[Condition],
    field: Field,
    values: ValueSetRef<'_>,
    guess: Known,
    known: Known,
) -> Option<Found> {
    for (load, less) in loads(field, &guess) {
        let Some((mask, unequal, ranges)) = compared(&load, field, values, less) else { continue };
        if ranges.is_empty() {
            continue;
        }
        let set = Values::Ranges(IntervalSet::from_ranges(ranges.iter().copied()));
        let mut linear = Linear::new(load.width());
        if let Some(mask) = mask {
            if Across::of(&load).is_some() {
                continue;
            }
            linear.and(mask);
        }
        let mut next = known;
        let mut out = Vec::new();
        next.depend(&load, Span::default(), &mut out);
        let Ok(condition) = operated(&next, &load, linear, (&set, unequal), Span::default()) else {
            continue;
        };
        out.push(condition);
        if mask.is_none() && !unequal {
            next.learn(&load, &set);
        }
        let made = match Condition::and(out) {
            Condition::And(list) => list,
            other => [other].into(),
        };
        if parts.get(..made.len()).is_some_and(|there| there == made.as_slice()) {
            return Some((Item { load, mask, unequal, right: Right::Ranges(ranges) }, made.len(), next));
        }
    }
    None
}

// The field a part is about.
fn leading(part: &Condition) -> Option<(Field, ValueSetRef<'_>)> {
    match part {
        Condition::Test(test) => Some((test.field(), test.values())),
        Condition::Or(list) | Condition::And(list) => {
            // Of a load in packets of all kinds: the octets behind the header say what was asked.
            let skip = |field: Field| matches!(field, Field::IpVersion | Field::FragOff | Field::ExtHdrs);
            list.iter().filter_map(leading).find(|(field, _)| !skip(*field))
        }
        Condition::Not(part) => leading(part),
        Condition::True | Condition::False | Condition::Opaque(_) => None,
    }
}

// Loads that look at a field, and what their value has less.
fn loads(field: Field, known: &Known) -> Vec<(Load, u128)> {
    let of = |header: Header, word: &str| header.field(word).map(|place| (Load::Field(header, place), 0));
    let either = |four: &str, six: &str| {
        vec![of(Header::Ip, four).filter(|_| known.version != Some(6)), of(Header::Ip6, six)]
    };
    let transport = |word: &str| {
        let header = match known.protocol {
            Some(6) => Header::Tcp,
            Some(17) => Header::Udp,
            Some(33) => Header::Dccp,
            Some(132) => Header::Sctp,
            Some(136) => Header::Udplite,
            _ => Header::Th,
        };
        of(header, word)
    };
    let icmp = |word: &str| match known.protocol {
        Some(1) => of(Header::Icmp, word),
        Some(58) => of(Header::Icmpv6, word),
        Some(2) => of(Header::Igmp, word),
        _ => None,
    };
    let raw = |bit, width| Some((Load::Raw(Base::Transport, bit, width), 0));
    let meta = |meta| Some((Load::Meta(meta), 0));
    let list: Vec<Option<(Load, u128)>> = match field {
        Field::Proto => vec![meta(Meta::L4Proto), of(Header::Ip, "protocol")],
        Field::ProtoField => vec![of(Header::Ip6, "nexthdr")],
        Field::Src4 => vec![of(Header::Ip, "saddr")],
        Field::Dst4 => vec![of(Header::Ip, "daddr")],
        Field::Src6 => vec![of(Header::Ip6, "saddr")],
        Field::Dst6 => vec![of(Header::Ip6, "daddr")],
        Field::Dscp => either("dscp", "dscp"),
        Field::Ecn => either("ecn", "ecn"),
        Field::Ttl => either("ttl", "hoplimit"),
        Field::Len => {
            let six = of(Header::Ip6, "length").map(|(load, _)| (load, 40));
            vec![meta(Meta::Length), of(Header::Ip, "length"), six]
        }
        Field::HdrLen => vec![of(Header::Ip, "hdrlength")],
        Field::IpId => vec![of(Header::Ip, "id")],
        Field::FlowLabel => vec![of(Header::Ip6, "flowlabel")],
        Field::FragOff | Field::Df | Field::Mf | Field::ReservedFlag => vec![of(Header::Ip, "frag-off")],
        Field::RawPort0 | Field::Sport => vec![transport("sport"), raw(0, 16)],
        Field::RawPort1 | Field::Dport => vec![transport("dport"), raw(16, 16)],
        Field::RawOctet0 | Field::IcmpType | Field::Icmp6Type | Field::IgmpType => {
            vec![icmp("type"), raw(0, 8)]
        }
        Field::RawOctet1 | Field::IcmpCode | Field::Icmp6Code => vec![icmp("code"), raw(8, 8)],
        Field::RawOctet13 | Field::TcpFlags => vec![of(Header::Tcp, "flags"), raw(104, 8)],
        Field::RawWord0 => vec![raw(0, 32)],
        Field::RawWord1 => vec![raw(32, 32)],
        Field::TcpSeq => vec![of(Header::Tcp, "sequence")],
        Field::EthSrc => vec![of(Header::Ether, "saddr")],
        Field::EthDst => vec![of(Header::Ether, "daddr")],
        Field::Mark => vec![meta(Meta::Mark)],
        _ => Vec::new(),
    };
    list.into_iter().flatten().collect()
}

type Compared = (Option<u128>, bool, Vec<(u128, u128)>);

// How a load is compared so that it has these values of the field.
#[expect(clippy::single_match_else, reason = "the two kinds of sets side by side")]
fn compared(load: &Load, field: Field, values: ValueSetRef<'_>, less: u128) -> Option<Compared> {
    let width = load.width();
    let whole = field.info().width;
    if let Load::Field(Header::Ip, place) = load
        && place.word == "frag-off"
    {
        let (low, bits) = match field {
            Field::FragOff => (0, 13),
            Field::Mf => (13, 1),
            Field::Df => (14, 1),
            _ => (15, 1),
        };
        let (unequal, ranges) = shorter(ranges(values)?, bits);
        let mask = super::values::full(bits) << low;
        let moved = ranges.into_iter().map(|(lo, hi)| (lo << low, hi << low)).collect();
        return Some((Some(mask), unequal, moved));
    }
    match values {
        ValueSetRef::Bits(set) => match set.patterns() {
            [only] => Some((Some(only.mask), false, vec![(only.value, only.value)])),
            list => {
                let mask = list.iter().fold(0, |all, pattern| all | pattern.mask);
                let any = Values::any_of(mask, u32::from(whole)).to_set(field);
                (any == values.to_set()).then(|| (Some(mask), true, vec![(0, 0)]))
            }
        },
        _ => {
            let list: Option<Vec<_>> = ranges(values)?
                .into_iter()
                .map(|(lo, hi)| Some((lo.checked_sub(less)?, hi.checked_sub(less)?)))
                .collect();
            let (unequal, list) = shorter(list?, width);
            Some((None, unequal, list))
        }
    }
}

/// The ranges of a set that is kept as ranges.
pub(super) fn ranges(values: ValueSetRef<'_>) -> Option<Vec<(u128, u128)>> {
    match values {
        ValueSetRef::Ranges(set) => Some(set.ranges().map(|(lo, hi)| (lo.into(), hi.into())).collect()),
        ValueSetRef::Wide(set) => Some(set.ranges().collect()),
        ValueSetRef::Bits(_) => None,
    }
}

/// Comparisons without a header: versions, interfaces, states, extension headers, options.
pub(super) fn plain(part: &Condition, document: &Document) -> Option<Item> {
    let (test, positive) = match part {
        Condition::Test(test) => (test, true),
        Condition::Not(inner) => match &**inner {
            Condition::Test(test) => (test, false),
            _ => return None,
        },
        _ => return None,
    };
    let item = |load, unequal, right| Some(Item { load, mask: None, unequal, right });
    match test.field() {
        Field::IpVersion if positive => {
            let number = match test.values().as_single()? {
                4 => 2,
                6 => 10,
                _ => return None,
            };
            item(Load::Meta(Meta::NfProto), false, Right::Ranges(vec![(number, number)]))
        }
        Field::InIface | Field::OutIface => {
            let load = if test.field() == Field::InIface { Meta::InIface } else { Meta::OutIface };
            let set = test.values().as_ranges()?;
            let rest = set.complement(u32::MAX);
            // Whatever is not among a few; without an interface only the second of the two forms holds.
            let unequal = positive && rest.size() < set.size();
            let few = if unequal { rest } else { set.to_set() };
            let unequal = unequal || !positive;
            if few.size() > 4096 || few.is_empty() {
                return None;
            }
            let symbols = Interface::words_for(few.view(), &document.symbols).ok()?;
            let names: Option<Vec<String>> =
                symbols.into_iter().map(|symbol| interface(document, symbol)).collect();
            item(Load::Meta(load), unequal, Right::Names(names?))
        }
        Field::InGroup | Field::OutGroup => {
            let ValueSetRef::Bits(set) = test.values() else { return None };
            let [only] = set.patterns() else { return None };
            if only.mask != only.value || only.mask.count_ones() != 1 {
                return None;
            }
            let text = name(document, only.mask.trailing_zeros())?;
            let load = if test.field() == Field::InGroup { Meta::InGroup } else { Meta::OutGroup };
            // A group is a number.
            super::names::number(&text)?;
            item(Load::Meta(load), !positive, Right::Names(vec![text]))
        }
        Field::CtState if positive => {
            let states = ["new", "established", "related", "invalid", "untracked"];
            let set = test.values().as_ranges()?;
            let list: Vec<&str> =
                states.into_iter().zip(0..).filter(|(_, n)| set.contains(*n)).map(|(s, _)| s).collect();
            if list.is_empty() {
                return None;
            }
            item(Load::CtState, false, Right::States(list))
        }
        Field::ExtHdrs | Field::IpOptions => {
            let ValueSetRef::Bits(set) = test.values() else { return None };
            let [only] = set.patterns() else { return None };
            if only.mask.count_ones() != 1 || !positive && only.value == 0 {
                return None;
            }
            let load = flag(test.field(), only.mask)?;
            let exists = u128::from(positive && only.value != 0);
            // A test of a bit that is clear is not what `missing` is lowered to.
            if only.value == 0 {
                return None;
            }
            item(load, false, Right::Ranges(vec![(exists, exists)]))
        }
        _ => None,
    }
}

/// The load that asks for one header or option.
pub(super) fn flag(field: Field, bit: u128) -> Option<Load> {
    if field == Field::IpOptions {
        let kinds = [7_u8, 131, 137, 148];
        let found = kinds.into_iter().find(|k| u128::from(crate::field::ip_option_bit(*k)) == bit);
        return found.map(Load::IpOption);
    }
    let extension = match u32::try_from(bit).ok()? {
        ext::HOP_BY_HOP => Extension::HopByHop,
        ext::ROUTING => Extension::Routing,
        ext::FRAGMENT => Extension::Fragment,
        ext::DESTINATION => Extension::Destination,
        ext::MOBILITY => Extension::Mobility,
        _ => return None,
    };
    Some(Load::Extension(extension, Part::Exists))
}

/// The name of an interface as nft takes it between quotes.
fn interface(document: &Document, symbol: u32) -> Option<String> {
    match Interface::of(document.symbols.get(symbol as usize)?) {
        // A name of a star alone is none to nft.
        Interface::Beginning(stem) => (!stem.is_empty() && quoted(&stem)).then(|| format!("{stem}*")),
        Interface::Name(name) => quoted(&name).then(|| match name.strip_suffix('*') {
            Some(stem) => format!("{stem}\\*"),
            None => name.into_owned(),
        }),
    }
}

/// The name of a symbol that can be quoted.
pub(super) fn name(document: &Document, symbol: u32) -> Option<String> {
    let name = document.symbols.get(symbol as usize)?;
    quoted(name).then(|| name.to_string())
}

fn quoted(name: &str) -> bool {
    // The kernel's names have up to 15 octets, none a blank or a sign of the text.
    let fits = !name.is_empty() && name.len() <= 15;
    let plain = name.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'/' | b'$'));
    // `@` begins the name of a set in JSON.
    fits && plain && !name.starts_with('@')
}
