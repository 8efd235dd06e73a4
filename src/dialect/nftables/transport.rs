//! Loads from behind the IP headers: what the kernel reads there, in whole packets and in fragments.
//!
//! Measured on Linux 6.18 without connection tracking. A load of 1, 2 or 4 octets at a multiple of its size reads whatever
//! stands behind the IPv4 header, in later fragments too; in later fragments of IPv6 it reads the IPv6 header from its
//! beginning. Other loads fail in later fragments. With connection tracking packets are put together before, and there are
//! no fragments.

use super::known::{Known, STOP_BITS, STOPS, any_extension, no_stop, offset, version};
use super::load_condition::{located, opaque};
use super::place::{BEHIND, INET6, Parts, TCP, condition, low_bits, parts, whole};
use super::syntax::Class;
use super::values::Values;
use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::source::Span;
use std::fmt::Display;

impl Known {
    /// The bits from `bit` on, of a load from where the kernel takes the transport header to begin.
    pub(super) fn transport(
        &self,
        (bit, width): (u32, u32),
        load: (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        let stops = self.protocol.is_some_and(|number| STOPS.iter().any(|(n, _)| *n == number.into()));
        if self.version.is_none() && (stops || self.defrag == [true, false] || self.defrag == [false, true]) {
            // A header of its own in IPv4, one that ends the walk in IPv6; or fragments of one only.
            let of = |number| {
                let known = Self { version: Some(number), ..*self };
                let found = known.transport((bit, width), load, values, words, span);
                Condition::and([version(number, span), found])
            };
            return Condition::or([of(4), of(6)]);
        }
        let here = self.behind((bit, width), load, values, words, span);
        if stops && self.version == Some(6) {
            // A fragment header behind it the kernel does not look at.
            return here;
        }
        let here = if self.plain || self.protocol.is_some() || self.version == Some(4) {
            here
        } else {
            // Without a protocol asked for: the headers that stop the kernel's walk are read themselves.
            let stopped = any_extension(STOP_BITS, span);
            Condition::or([
                Condition::and([no_stop(self, span), Condition::present(Field::Proto), here]),
                opaque(words, Class::Payload, values, stopped, span),
            ])
        };
        if self.is_whole() {
            return here;
        }
        let (first, octets) = octets_of(load);
        // The kernel's short way for loads of a register, which does not ask for fragments.
        let short = matches!(octets, 1 | 2 | 4) && first.is_multiple_of(octets);
        let open = self.protocol.is_none() && !self.plain && self.version != Some(4);
        if !short && !open {
            return Condition::and([offset(0, 0, span), here]);
        }
        if self.version == Some(4) {
            return here;
        }
        let mut first = vec![version(4, span), offset(0, 0, span)];
        if self.version == Some(6) {
            first.remove(0);
        }
        if open {
            first.push(any_extension(STOP_BITS, span));
        }
        if !short {
            first.retain(|part| *part != version(4, span));
            return Condition::and([Condition::or(first), here]);
        }
        let label = located(INET6, bit, width, values, words, span);
        let mut later = vec![offset(1, 0x1fff, span)];
        if open {
            later.push(no_stop(self, span));
            later.push(Condition::present(Field::Proto));
        }
        if self.version != Some(6) && !only_inet6(&label) {
            later.push(version(6, span));
        }
        later.push(label);
        Condition::or([Condition::and([Condition::or(first), here]), Condition::and(later)])
    }

    // Octets behind the IP headers.
    fn behind(
        &self,
        (bit, width): (u32, u32),
        load: (u32, u32),
        values: &Values,
        words: &dyn Display,
        span: Span,
    ) -> Condition {
        let class = Class::Payload;
        let stopped = self.protocol.is_some_and(|number| STOPS.iter().any(|(n, _)| *n == number.into()));
        if stopped && self.version == Some(6) {
            // The model keeps one word of an authentication header, and nothing of the others.
            if (self.protocol, bit, width) == (Some(51), 32, 32) {
                return condition(&whole(Field::AhSpi, 32), values, span).unwrap_or(Condition::False);
            }
            return opaque(words, class, values, Condition::True, span);
        }
        if self.is_whole()
            && let Some(parts) = self.named(bit, width)
            && let Some(condition) = condition(&parts, values, span)
        {
            return condition;
        }
        let end = bit + width;
        let (start, octets) = octets_of(load);
        // Octets the packet must have for the load.
        let need = start + octets;
        let room =
            |lo: u32, hi: u32| Condition::test_at(Field::L4Room, ValueSet::range(lo.min(31), hi), span);
        // What fields say that are there with `held` octets.
        let sized = |found: Condition, several: bool, held: u32| {
            if held < need {
                return Condition::and([found, room(need, 31)]);
            }
            let found = if several { Condition::and([found, room(held, 31)]) } else { found };
            if held == need {
                return found;
            }
            Condition::or([found, opaque(words, class, values, room(need, held - 1), span)])
        };
        let exact: Option<(Parts, u32)> = match (bit, width) {
            (0, 16) => Some((whole(Field::RawPort0, 16), 2)),
            (16, 16) => Some((whole(Field::RawPort1, 16), 4)),
            (0, 8) => Some((whole(Field::RawOctet0, 8), 1)),
            (8, 8) => Some((whole(Field::RawOctet1, 8), 2)),
            (104, 8) => Some((whole(Field::RawOctet13, 8), 14)),
            (32 | 0, 32) => parts(BEHIND, bit, width).map(|parts| (parts, end / 8)),
            // Half of a port is a port to whoever reads the rule, and a type or code only where one octet is loaded.
            _ if octets == 1 && end <= 8 => {
                parts(&[(0, 8, Field::RawOctet0, 0)], bit, width).map(|parts| (parts, 1))
            }
            _ if octets == 1 && bit >= 8 && end <= 16 => {
                parts(&[(8, 8, Field::RawOctet1, 0)], bit, width).map(|parts| (parts, 2))
            }
            _ if bit >= 104 && end <= 112 => {
                parts(&[(104, 8, Field::RawOctet13, 0)], bit, width).map(|parts| (parts, 14))
            }
            _ if end <= 16 => parts(&[(0, 16, Field::RawPort0, 0)], bit, width).map(|parts| (parts, 2)),
            _ if end <= 64 => parts(BEHIND, bit, width).map(|parts| (parts, if end <= 32 { 4 } else { 8 })),
            _ => None,
        };
        if let Some((parts, held)) = exact {
            let found = condition(&parts, values, span);
            let unknown = || opaque(words, class, values, room(need, 31), span);
            return found.map_or_else(unknown, |found| sized(found, parts.len() > 1, held));
        }
        let enough = room(need, 31);
        if self.protocol == Some(6)
            && let Some(parts) = parts(TCP, bit, width)
            && let Some(found) = condition(&parts, values, span)
        {
            let last = TCP.iter().find(|(first, size, ..)| (*first..first + size).contains(&(end - 1)));
            let held = last.map_or(need, |(first, size, ..)| (first + size).div_ceil(8));
            let found = sized(found, parts.len() > 1, held);
            // In later fragments the model does not keep these octets.
            let later = Condition::and([offset(1, 0x1fff, span), enough]);
            let later = opaque(words, class, values, later, span);
            return Condition::or([Condition::and([offset(0, 0, span), found]), later]);
        }
        opaque(words, class, values, enough, span)
    }

    // The field of a header that is there, by its own name.
    fn named(&self, bit: u32, width: u32) -> Option<Parts> {
        let number = self.protocol?;
        if number == 6 {
            return match (bit, width) {
                (104.., _) if bit + width <= 112 => {
                    (bit + width == 112 && width == 8).then(|| low_bits(Field::TcpFlags, 8))
                }
                _ => parts(TCP, bit, width),
            };
        }
        let ports = matches!(number, 17 | 33 | 132 | 136);
        let field = match (number, bit, width) {
            (_, 0, 16) if ports => Field::Sport,
            (_, 16, 16) if ports => Field::Dport,
            (17 | 136, 32, 16) => Field::UdpLen,
            (1, 0, 8) => Field::IcmpType,
            (1, 8, 8) => Field::IcmpCode,
            (1, 32, 16) => Field::IcmpId,
            (1, 48, 16) => Field::IcmpMtu,
            (58, 0, 8) => Field::Icmp6Type,
            (58, 8, 8) => Field::Icmp6Code,
            (2, 0, 8) => Field::IgmpType,
            _ => return None,
        };
        Some(whole(field, width))
    }
}

/// The first octet of a load, and how many it has.
pub(super) fn octets_of((bit, width): (u32, u32)) -> (u32, u32) {
    (bit / 8, (bit % 8 + width).div_ceil(8))
}

// Fields that only IPv6 packets have.
fn only_inet6(condition: &Condition) -> bool {
    match condition {
        Condition::Test(test) => matches!(test.field(), Field::FlowLabel | Field::Src6 | Field::Dst6),
        _ => false,
    }
}
