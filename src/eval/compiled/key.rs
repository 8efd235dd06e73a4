//! What most rules ask of a packet, in five words.

use super::cells::Cell;
use crate::field::{Family, Field, Headers, Reading};
use crate::ir::RuleSet;
use std::collections::BTreeMap;

/// The fields whose values make the key of a packet of one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) family: Family,
    pub(super) version: u32,
    pub(super) src: Field,
    pub(super) dst: Field,
    pub(super) sport: Field,
    pub(super) dport: Field,
}

impl Fields {
    /// Those of a family that the rules of a document ask for most.
    pub(super) fn of(family: Family, rule_sets: &[&RuleSet]) -> Self {
        let (mut plain, mut raw) = (0_u64, 0_u64);
        for condition in rule_sets.iter().flat_map(|set| set.rules.conditions()) {
            condition.visit(&mut |part| {
                if let crate::ir::Condition::Test(test) = part {
                    match test.field() {
                        Field::Sport | Field::Dport => plain += 1,
                        Field::RawPort0 | Field::RawPort1 => raw += 1,
                        _ => {}
                    }
                }
            });
        }
        let (sport, dport) =
            if raw > plain { (Field::RawPort0, Field::RawPort1) } else { (Field::Sport, Field::Dport) };
        let (version, src, dst) = match family {
            Family::Inet6 => (6, Field::Src6, Field::Dst6),
            Family::Any | Family::Inet => (4, Field::Src4, Field::Dst4),
        };
        Self { family, version, src, dst, sport, dport }
    }

    /// Whether ports are the octets behind the IP headers, whatever the protocol.
    #[inline]
    pub(super) fn are_raw(&self) -> bool {
        self.sport == Field::RawPort0
    }

    /// Whether a field of packets with a key has the value of the protocol. The octet of the header is the protocol
    /// in IPv4 alone.
    pub(super) fn is_protocol(&self, field: Field) -> bool {
        field == Field::Proto || field == Field::ProtoField && self.family == Family::Inet
    }
}

/// What most rules ask of a packet: destination, source, both ports in either order, and the class of its protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    words: [u32; 4],
    /// One bit.
    pub(super) class: u32,
}

impl Key {
    pub(super) fn new(dst: u32, src: u32, ports: u32, class: u32) -> Self {
        Self { words: [dst, src, ports, ports.rotate_left(16)], class }
    }

    /// The word of a number below four: in those of ports the one is above, the other below.
    #[inline]
    pub(super) fn word(&self, number: u32) -> u32 {
        self.words.get((number & 3) as usize).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn dst(&self) -> u32 {
        let [dst, ..] = self.words;
        dst
    }

    #[inline]
    pub(super) fn src(&self) -> u32 {
        let [_, src, ..] = self.words;
        src
    }

    #[inline]
    pub(super) fn ports(&self) -> u32 {
        let [_, _, ports, _] = self.words;
        ports
    }
}

/// Values that a packet has in the fields of a key; ports where it has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Values {
    pub(super) dst: u128,
    pub(super) src: u128,
    pub(super) protocol: u8,
    pub(super) sport: Option<u16>,
    pub(super) dport: Option<u16>,
}

impl Values {
    /// Those of a packet; none where it is of another family, a value is not known, or fields contradict each other in
    /// a way that no decoded packet has.
    #[inline]
    pub(super) fn of(headers: &Headers, fields: &Fields) -> Option<Self> {
        if headers.get(Field::IpVersion) != Reading::Value(fields.version.into()) {
            return None;
        }
        let value = |field| match headers.get(field) {
            Reading::Value(value) => Some(value),
            Reading::Absent | Reading::Cut => None,
        };
        let port = |field| match headers.get(field) {
            Reading::Value(value) => u16::try_from(value).ok().map(Some),
            Reading::Absent => Some(None),
            Reading::Cut => None,
        };
        let protocol = value(Field::Proto)?;
        let is_inet = fields.family == Family::Inet;
        if is_inet && value(Field::ProtoField)? != protocol || headers.has_any(foreign(is_inet)) {
            return None;
        }
        Some(Self {
            dst: value(fields.dst)?,
            src: value(fields.src)?,
            protocol: u8::try_from(protocol).ok()?,
            sport: port(fields.sport)?,
            dport: port(fields.dport)?,
        })
    }
}

/// The fields of the other family, as bits.
fn foreign(is_inet: bool) -> u128 {
    const fn of(family: Family) -> u128 {
        let mut mask = 0;
        let mut rest: &[crate::field::FieldInfo] = crate::field::FIELDS;
        while let [first, more @ ..] = rest {
            if first.family as u8 == family as u8 {
                mask |= crate::field::bit(first.field);
            }
            rest = more;
        }
        mask
    }
    if is_inet { const { of(Family::Inet6) } } else { const { of(Family::Inet) } }
}

/// Protocols that no rule tells apart are one class; with it goes which ports a packet has.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    of: [u8; 256],
}

/// Classes of protocols; each has a bit for either port there or not.
const CLASSES: usize = 8;

impl Classes {
    /// The classes that tell apart what cells do. Of more than there is room for the last are one, and cells that would
    /// tell those apart are not exact.
    pub(super) fn of(mut sets: Vec<[u64; 4]>) -> Self {
        sets.sort_unstable();
        sets.dedup();
        // Protocols by the sets that hold them, as many as the first sets tell apart.
        let mut classes: BTreeMap<Vec<bool>, u8> = BTreeMap::new();
        let mut of = [0; 256];
        for (class, protocol) in of.iter_mut().zip(0_u32..) {
            let signature = sets.iter().take(MOST_SETS).map(|set| holds(set, protocol)).collect();
            let next = classes.len().min(CLASSES - 1);
            *class = *classes.entry(signature).or_insert(u8::try_from(next).unwrap_or(0));
        }
        Self { of }
    }

    /// The bit of a packet.
    #[inline]
    pub(super) fn bit(&self, protocol: u8, sport: bool, dport: bool) -> u32 {
        let class = self.of.get(usize::from(protocol)).copied().unwrap_or(0);
        1 << (u32::from(class) * 4 + u32::from(sport) + 2 * u32::from(dport))
    }

    /// The bits of all packets of a cell, and whether these are bits of none beside them.
    pub(super) fn bits(&self, cell: &Cell) -> (u32, bool) {
        let (mut with, mut without) = (0_u32, 0_u32);
        for (class, protocol) in self.of.iter().zip(0_u32..) {
            let side = if holds(&cell.protocols, protocol) { &mut with } else { &mut without };
            *side |= 1 << class;
        }
        let there = |range: (u32, u32)| [(false, range.0 == 0), (true, range.1 > 0)];
        let mut bits = 0;
        // No packet is of a class that no protocol has.
        let of_none = !(with | without);
        for class in (0..8_u32).filter(|class| (with | of_none) >> class & 1 == 1) {
            for (sport, _) in there(cell.sport).into_iter().filter(|(_, is)| *is) {
                for (dport, _) in there(cell.dport).into_iter().filter(|(_, is)| *is) {
                    bits |= 1 << (class * 4 + u32::from(sport) + 2 * u32::from(dport));
                }
            }
        }
        (bits, with & without == 0)
    }
}

/// Sets of protocols by which these are told apart: signatures are kept of each.
const MOST_SETS: usize = 64;

fn holds(set: &[u64; 4], protocol: u32) -> bool {
    set.get(protocol as usize / 64).is_some_and(|word| word >> (protocol % 64) & 1 == 1)
}

/// The sections into which bounds of ranges cut the addresses of a family: of IPv6 there are too many for a word.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    // Where each begins.
    starts: Vec<u128>,
}

impl Sections {
    pub(super) fn of(ranges: impl Iterator<Item = (u128, u128)>) -> Self {
        let mut starts = vec![0];
        for (lo, hi) in ranges {
            starts.push(lo);
            starts.extend(hi.checked_add(1));
        }
        starts.sort_unstable();
        starts.dedup();
        Self { starts }
    }

    /// The octets it takes.
    pub(super) fn octets(&self) -> usize {
        size_of_val(&*self.starts)
    }

    /// The section of an address.
    #[inline]
    pub(super) fn section(&self, address: u128) -> u32 {
        let behind = self.starts.partition_point(|start| *start <= address);
        u32::try_from(behind).unwrap_or(u32::MAX).saturating_sub(1)
    }
}
