//! What stands behind the addresses of an entry: numbers of the IP header, kinds of fragments, flags, types.

use super::actions::is_action;
use super::condition::{LAST_OFFSET, Parts, has_header, later};
use super::findings::shown;
use super::lower::Reader;
use super::names;
use super::syntax::{Part, Read, fault};
use super::values::{self, Comparison};
use super::words::Words;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet};

impl<'a> Reader<'a> {
    /// Adds one part to the condition or the actions.
    pub(super) fn part(
        &mut self,
        part: Part<'a>,
        permit: bool,
        six: bool,
        parts: &mut Parts,
    ) -> Read<'a, ()> {
        let mut words = Words::new(part.text);
        words.next();
        match part.word {
            "dscp" => self.number(part, words, names::dscp, 63, Field::Dscp, parts)?,
            "ttl" => self.number(part, words, names::number, 255, Field::Ttl, parts)?,
            "fragment-offset" => {
                self.number(part, words, names::number, LAST_OFFSET, Field::FragOff, parts)?;
            }
            // The length of the whole packet, in IPv6 too: payload and 40 octets.
            "packet-length" => {
                let comparison = values::comparison(&mut words, names::number, length_max(six))?;
                self.compared(part, comparison, length_max(six), Field::Len, parts);
            }
            "vlan" => self.number(part, words, names::number, 4095, Field::VlanId, parts)?,
            "flow-label" if six => {
                self.number(part, words, names::number_or_hex, 0xf_ffff, Field::FlowLabel, parts)?;
            }
            "precedence" => self.precedence(part, words, parts)?,
            "traffic-class" => self.traffic_class(part, words, parts)?,
            "fragments" => parts.fragments = Some(self.span(part.word)),
            "fragment-type" => self.fragment_type(words, six, parts)?,
            "established" => {
                needs_tcp(part, parts)?;
                let either = BitSet::new([BitMatch::new(0x10, 0x10), BitMatch::new(0x04, 0x04)]);
                parts.four.push(Condition::test_at(Field::TcpFlags, either, self.span(part.text)));
            }
            "match-any" | "match-all" => self.flag_list(part, words, parts)?,
            "authen" if six => parts.three.push(has_header(ext::AUTHENTICATION, self.span(part.text))),
            "destopts" if six => parts.three.push(has_header(ext::DESTINATION, self.span(part.text))),
            "routing" if six => parts.three.push(has_header(ext::ROUTING, self.span(part.text))),
            "hop-by-hop" if six => parts.three.push(has_header(ext::HOP_BY_HOP, self.span(part.text))),
            "udf" => {
                let what = self.opaque(part.text, "payload: user-defined fields");
                parts.three.push(what);
            }
            word if is_action(word) => self.action(part, words, permit, parts)?,
            word => self.flag_or_type(part, word, words, six, parts)?,
        }
        Ok(())
    }

    fn number(
        &mut self,
        part: Part<'a>,
        mut words: Words<'a>,
        value: impl Fn(&str) -> Option<u32>,
        max: u32,
        field: Field,
        parts: &mut Parts,
    ) -> Read<'a, ()> {
        let comparison = values::comparison(&mut words, value, max)?;
        self.compared(part, comparison, max, field, parts);
        Ok(())
    }

    fn compared(
        &mut self,
        part: Part<'a>,
        comparison: Comparison<'a>,
        max: u32,
        field: Field,
        parts: &mut Parts,
    ) {
        self.beyond(&comparison, max);
        let span = self.span(part.text);
        self.note_empty(comparison.set.view(), span);
        parts.three.push(Condition::test_at(field, comparison.set, span));
    }

    fn beyond(&mut self, comparison: &Comparison<'a>, max: u32) {
        if let Some(word) = comparison.beyond {
            let message = format!("`{}` is beyond {max}, the largest value a packet can carry", shown(word));
            let span = self.span(word);
            self.findings.add(raised::VALUE_OUT_OF_RANGE, Level::Error, span, message);
        }
    }

    // The upper three of the six bits.
    fn precedence(&mut self, part: Part<'a>, mut words: Words<'a>, parts: &mut Parts) -> Read<'a, ()> {
        let comparison = values::comparison(&mut words, names::precedence, 7)?;
        self.beyond(&comparison, 7);
        let eight = comparison.set.ranges().map(|(lo, hi)| (lo.min(8) * 8, hi.min(8) * 8 + 7));
        let set = IntervalSet::from_ranges(eight).intersection(&IntervalSet::range(0, 63));
        let span = self.span(part.text);
        parts.three.push(Condition::test_at(Field::Dscp, set, span));
        Ok(())
    }

    fn traffic_class(&mut self, part: Part<'a>, mut words: Words<'a>, parts: &mut Parts) -> Read<'a, ()> {
        let comparison = values::comparison(&mut words, names::number_or_hex, 255)?;
        self.beyond(&comparison, 255);
        let span = self.span(part.text);
        let one = |(lo, hi): (u32, u32)| {
            // A range of octets is whole code points between two that are cut.
            let cut = |dscp: u32, lo: u32, hi: u32| {
                let at = Condition::test_at(Field::Dscp, ValueSet::single(dscp), span);
                Condition::and([at, Condition::test_at(Field::Ecn, ValueSet::range(lo, hi), span)])
            };
            let hi = hi.min(255);
            let (first, last) = (lo >> 2, hi >> 2);
            if first == last {
                return cut(first, lo & 3, hi & 3);
            }
            let between = ValueSet::from(IntervalSet::range(first + 1, last.saturating_sub(1)));
            let inner = Condition::test_at(Field::Dscp, between, span);
            Condition::or([cut(first, lo & 3, 3), inner, cut(last, 0, hi & 3)])
        };
        parts.three.extend(match Condition::or(comparison.set.ranges().map(one)) {
            Condition::And(inner) => inner,
            other => [other].into(),
        });
        Ok(())
    }

    fn fragment_type(&mut self, mut words: Words<'a>, six: bool, parts: &mut Parts) -> Read<'a, ()> {
        let mut kinds = Vec::new();
        while !words.is_empty() {
            let word = words.next();
            let span = self.span(word);
            let offset = |values| Condition::test_at(Field::FragOff, values, span);
            let more = |value| Condition::test_at(Field::Mf, ValueSet::single(value), span);
            kinds.push(match word {
                "dont-fragment" if six => return Err(fault(word, "a kind of fragment that IPv6 has")),
                "dont-fragment" => Condition::test_at(Field::Df, ValueSet::single(1), span),
                "first-fragment" => Condition::and([offset(ValueSet::single(0)), more(1)]),
                "is-fragment" => offset(later()),
                "last-fragment" => Condition::and([offset(later()), more(0)]),
                _ => return Err(fault(word, "a kind of fragment")),
            });
        }
        parts.three.extend(match Condition::or(kinds) {
            Condition::And(inner) => inner,
            other => [other].into(),
        });
        Ok(())
    }

    fn flag_list(&mut self, part: Part<'a>, mut words: Words<'a>, parts: &mut Parts) -> Read<'a, ()> {
        needs_tcp(part, parts)?;
        let mut list = Vec::new();
        while !words.is_empty() {
            let word = words.next();
            let flag = word.get(1..).and_then(names::flag).ok_or(fault(word, "a flag, as `+syn`"))?;
            let value = if word.starts_with('+') { flag } else { 0 };
            list.push(BitMatch::new(value.into(), flag.into()));
        }
        if list.is_empty() {
            return Err(fault(words.rest(), "a flag, as `+syn`"));
        }
        let set = if part.word == "match-any" {
            BitSet::new(list)
        } else {
            let both = |a: BitMatch, b: &BitMatch| a.intersection(*b);
            let all = list.iter().try_fold(BitMatch::new(0, 0), both);
            if all.is_none() {
                let span = self.span(part.text);
                self.findings.add(
                    raised::EMPTY_RANGE,
                    Level::Error,
                    span,
                    "no packet has these flags at once",
                );
            }
            BitSet::new(all)
        };
        parts.four.push(Condition::test_at(Field::TcpFlags, set, self.span(part.text)));
        Ok(())
    }

    // A bare flag of TCP, or a type of ICMP or IGMP.
    fn flag_or_type(
        &mut self,
        part: Part<'a>,
        word: &'a str,
        words: Words<'a>,
        six: bool,
        parts: &mut Parts,
    ) -> Read<'a, ()> {
        let span = self.span(part.text);
        if parts.protocol == Some(6)
            && let Some(flag) = names::flag(word)
        {
            let (flags, from) = parts.flags.unwrap_or((0, span));
            parts.flags = Some((flags | flag, from.to(span)));
            return Ok(());
        }
        let fields = match parts.protocol {
            Some(1) if !six => Some((Field::IcmpType, Field::IcmpCode)),
            Some(58) => Some((Field::Icmp6Type, Field::Icmp6Code)),
            Some(2) if !six => None,
            _ => {
                self.unknown(part, parts);
                return Ok(());
            }
        };
        if let Some(set) = types(word, words)? {
            let field = fields.map_or(Field::IgmpType, |fields| fields.0);
            parts.four.push(Condition::test_at(field, set, span));
            return Ok(());
        }
        let Some((kind, code)) = fields else {
            let number = names::igmp(word).map(u32::from).or_else(|| names::number(word));
            let Some(number) = number.filter(|number| *number < 256) else {
                self.unknown(part, parts);
                return Ok(());
            };
            parts.four.push(Condition::test_at(Field::IgmpType, ValueSet::single(number), span));
            return Ok(());
        };
        let named = if six { names::icmp6(word) } else { names::icmp(word) };
        let octet = |word: &'a str| {
            names::number(word).filter(|number| *number < 256).ok_or(fault(word, "a number up to 255"))
        };
        let (message, value) = match named {
            Some((message, value)) => (u32::from(message), value.map(u32::from)),
            None if names::number(word).is_some() => {
                let second = words.peek();
                (octet(word)?, if second.is_empty() { None } else { Some(octet(second)?) })
            }
            None => {
                self.unknown(part, parts);
                return Ok(());
            }
        };
        parts.four.push(Condition::test_at(kind, ValueSet::single(message), span));
        if let Some(value) = value {
            parts.four.push(Condition::test_at(code, ValueSet::single(value), span));
        }
        Ok(())
    }

    fn unknown(&mut self, part: Part<'a>, parts: &mut Parts) {
        let message = format!("`{}` is no part of this entry that is known", shown(part.word));
        let span = self.span(part.word);
        self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Error, span, message);
        let what = self.opaque(part.text, "this keyword is not known");
        parts.three.push(what);
    }
}

fn needs_tcp<'a>(part: Part<'a>, parts: &Parts) -> Read<'a, ()> {
    if parts.protocol == Some(6) { Ok(()) } else { Err(fault(part.word, "`tcp` where flags are asked for")) }
}

/// `range A B` and `eq A` for types.
fn types<'a>(word: &'a str, mut words: Words<'a>) -> Read<'a, Option<IntervalSet<u32>>> {
    let number = |word: &'a str| {
        names::number(word).filter(|number| *number < 256).ok_or(fault(word, "a number up to 255"))
    };
    Ok(match word {
        "range" => {
            let set = IntervalSet::range(number(words.next())?, number(words.next())?);
            if set.is_empty() {
                return Err(fault(word, "a range that does not end below its beginning"));
            }
            Some(set)
        }
        "eq" => Some(IntervalSet::single(number(words.next())?)),
        _ => None,
    })
}

/// The longest packet of a family.
fn length_max(six: bool) -> u32 {
    if six { 65_575 } else { 0xffff }
}
