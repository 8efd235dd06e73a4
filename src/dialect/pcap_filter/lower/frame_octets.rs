//! Octets of a frame from its first: addresses, types and tags of Ethernet, and the packet behind them.

use super::super::link::{self, Link};
use super::super::octets;
use super::super::sense::Sense;
use super::load::Asked;
use super::{Frames, Lower, test};
use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::net::{IntervalSet, Intervals};

/// Octets of the addresses, and where the type and what it announces begin.
const TYPE: u32 = 12;
const BEHIND: u32 = 14;
/// Octets of a tag, or of an entry of a label stack.
const TAG: u32 = 4;
const TAGS: [u32; 3] = [0x8100, 0x88a8, 0x9100];
const ARP: [u32; 2] = [0x0806, 0x8035];
const MPLS: [u32; 2] = [0x8847, 0x8848];
/// Smaller types are lengths.
const FIRST_TYPE: u32 = 0x0600;

fn types(list: &[u32]) -> IntervalSet<u32> {
    IntervalSet::from_ranges(list.iter().map(|number| (*number, *number)))
}

impl Lower<'_> {
    /// Octets of the frame from its first.
    pub(super) fn frame_octets(&self, asked: &Asked<'_>) -> Sense {
        match self.link {
            Link::Raw | Link::Inet | Link::Inet6 => {
                let inet = self.inet(self.version(4, asked.span), asked);
                inet.beside(self.inet6(self.version(6, asked.span), asked))
            }
            Link::Ethernet => self.ethernet(asked),
            _ => self.unknown(Condition::True, asked),
        }
    }

    fn ethernet(&self, asked: &Asked<'_>) -> Sense {
        let end = asked.at.saturating_add(asked.size.into());
        if end <= TYPE {
            return match octets::read(octets::ETHERNET, asked.at, asked.size, asked.words, asked.span) {
                Some(read) => Sense::sure(read.condition),
                None => self.unknown(Condition::True, asked),
            };
        }
        if asked.at < TYPE || asked.at < BEHIND && end > BEHIND {
            return self.unknown(Condition::True, asked);
        }
        if asked.at < BEHIND {
            return self.frame_type(0, asked);
        }
        let plain = self.behind(0, &Asked { at: asked.at - BEHIND, ..*asked });
        if self.frames == Frames::Direct {
            return plain;
        }
        plain.beside(self.tagged(1, asked)).beside(self.tagged(2, asked))
    }

    /// Octets behind the addresses of a frame with so many tags; of two there may be a third behind.
    fn tagged(&self, tags: u8, asked: &Asked<'_>) -> Sense {
        let end = asked.at.saturating_add(asked.size.into());
        let frames = if tags == 1 { link::exactly(1) } else { link::at_least(2) };
        for (tag, header) in (0..tags).zip([octets::OUTER_TAG, octets::INNER_TAG]) {
            let at = BEHIND + TAG * u32::from(tag);
            if asked.at >= at && end <= at + 2 {
                return match octets::read(header, asked.at - at, asked.size, asked.words, asked.span) {
                    Some(read) => Sense::sure(Condition::and([frames, read.condition])),
                    None => self.unknown(frames, asked),
                };
            }
            if asked.at >= at + 2 && end <= at + TAG {
                let sense = self.frame_type(tag + 1, asked);
                return sense.within(&frames);
            }
        }
        let packet = BEHIND + TAG * u32::from(tags);
        if asked.at >= packet && tags == 1 {
            return self.behind(1, &Asked { at: asked.at - packet, ..*asked });
        }
        self.unknown(frames, asked)
    }

    /// What stands behind so many tags, and behind no more: none or one.
    fn behind(&self, tags: u8, asked: &Asked<'_>) -> Sense {
        let span = asked.span;
        let direct = self.frames == Frames::Direct;
        let announced = if direct { Condition::True } else { link::announced(tags) };
        let mut parts = Vec::new();
        if direct || tags > 0 || self.frames == Frames::All {
            let of = |version| Condition::and([announced.clone(), self.version(version, span)]);
            parts.push(self.inet(of(4), asked));
            parts.push(self.inet6(of(6), asked));
            let none = Condition::not(Condition::present(Field::IpVersion));
            parts.push(self.unknown(Condition::and([announced, none]), asked));
        }
        if !direct {
            let typed = |set: IntervalSet<u32>| {
                Condition::and([link::exactly(tags), test(Field::EthType, ValueSet::from(set), span)])
            };
            parts.push(self.arp(typed(types(&ARP)), asked));
            let labelled = typed(types(&MPLS));
            parts.push(match octets::read(octets::LABEL, asked.at, asked.size, asked.words, span) {
                Some(read) => Sense::sure(Condition::and([labelled, read.condition])),
                None => self.unknown(labelled, asked),
            });
            let known = types(&[0x0800, 0x86dd]).union(&types(&ARP)).union(&types(&MPLS));
            parts.push(self.unknown(typed(known.complement(0xffff)), asked));
        }
        parts.into_iter().reduce(Sense::beside).unwrap_or_else(|| Sense::sure(Condition::False))
    }

    /// The type behind so many tags, or the announcement of another one; or an octet of either.
    fn frame_type(&self, tags: u8, asked: &Asked<'_>) -> Sense {
        let span = asked.span;
        let first = TYPE + TAG * u32::from(tags);
        let Some(set) = type_set(asked, asked.at == first) else {
            return self.unknown(link::at_least(tags), asked);
        };
        if tags > 1 {
            // A third tag is not told from what it announces.
            return Sense::sure(self.hole(asked, link::at_least(tags)));
        }
        let announcing = types(&TAGS);
        let lengths = IntervalSet::range(0, FIRST_TYPE - 1);
        let plain = set.difference(&announcing).difference(&lengths);
        let partly = |kinds: Intervals<'_, u32>, over: Condition| {
            if kinds.is_subset(set.view()) {
                over
            } else if kinds.intersection(set.view()).is_empty() {
                Condition::False
            } else {
                self.hole(asked, over)
            }
        };
        let more = link::at_least(tags + 1);
        let exactly = || link::exactly(tags);
        let typed = Condition::and([exactly(), test(Field::EthType, ValueSet::from(plain), span)]);
        let no_type = Condition::not(Condition::present(Field::EthType));
        let untyped = Condition::and([exactly(), no_type]);
        let typed = if self.frames == Frames::Unknown { Condition::False } else { typed };
        Sense::sure(Condition::or([typed, partly(announcing.view(), more), partly(lengths.view(), untyped)]))
    }
}

/// The types for which what is asked holds: of both of their octets, or of one.
fn type_set(asked: &Asked<'_>, is_first: bool) -> Option<IntervalSet<u32>> {
    if asked.size == 2 {
        return asked.words.ranges(16);
    }
    let octets = asked.words.ranges(8).filter(|_| asked.size == 1)?;
    let whole = if is_first {
        IntervalSet::from_ranges(octets.ranges().map(|(lo, hi)| (lo << 8, hi << 8 | 0xff)))
    } else {
        let all = (0..=0xff_u32)
            .flat_map(|high| octets.ranges().map(move |(lo, hi)| (high << 8 | lo, high << 8 | hi)));
        IntervalSet::from_ranges(all)
    };
    Some(whole)
}
