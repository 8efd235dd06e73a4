//! Rules whose own condition no packet can meet: proven over the field table and the laws between fields, not
//! looked up in a list of known contradictions.
//!
//! A dialect that reads octets behind the IP header whatever the protocol can match where the fields it names
//! cannot be: `protocol tcp` with an ICMP type meets the upper octet of a source port. Such a condition is a
//! contradiction in what it names, and is one here.

use super::prove::{Meets, Prover, one_line};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::{self, Dialect};
use crate::field::{Family, Field};
use crate::guard::Exhausted;
use crate::ir::{Condition, ValueSet, ValueSetRef};
use crate::net::{BitMatch, BitSet};
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct UnmatchableCondition;

static META: Meta = Meta {
    name: "unmatchable-condition",
    summary: "no packet can meet the whole condition of a rule",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/unmatchable-condition.md"),
};

/// Parts of a condition that are tried in pairs to say which ones contradict each other.
const PAIRED: usize = 24;
/// Findings for which they are tried: more than anyone reads.
const EXPLAINED: usize = 1_000;

impl Check for UnmatchableCondition {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        let before = out.diagnostics.len();
        Prover::each(&META, cx.rules(), out, |prover, at, out| {
            let explain = out.diagnostics.len() < before + EXPLAINED;
            judge(cx, prover, at, explain, out)
        })
    }
}

fn judge(
    cx: &Context<'_>,
    prover: &mut Prover,
    at: &RuleAt<'_>,
    explain: bool,
    out: &mut Findings,
) -> Result<(), Exhausted> {
    let family = at.set.family;
    let condition = &at.rule.condition;
    if prover.meets(family, &[condition])? == Meets::Never {
        out.push(finding(cx, prover, at, condition, explain)?);
    } else if dialect::by_name(at.input.dialect).is_some_and(Dialect::names_octets)
        && let Some(named) = as_named(condition, family)
        && prover.meets(family, &[&named])? == Meets::Never
    {
        let finding = finding(cx, prover, at, &named, explain)?;
        out.push(finding.with_note(
            "the device compares octets behind the IP header whatever they are: it can match packets in which \
             they are something else",
        ));
    }
    Ok(())
}

fn finding(
    cx: &Context<'_>,
    prover: &mut Prover,
    at: &RuleAt<'_>,
    condition: &Condition,
    explain: bool,
) -> Result<Diagnostic, Exhausted> {
    let source = at.rule.origin.source;
    let help = "a rule that matches nothing does not do what it was written for: correct it or take it away";
    let text = cx.sources.get(source);
    // A part written in several places is named by what it asks for, and labelled at the first of them.
    let whole = |part: &Condition| span_of(part).filter(|span| !text.slice(*span).contains('\n'));
    let label = |part: &Condition| {
        let first = part.tests().first().map(|test| test.span()).filter(|span| *span != Span::default());
        whole(part).or(first).map(|span| Label::new(source, span))
    };
    let words = |part: &Condition| {
        let text = whole(part).map(|span| one_line(text.slice(span))).filter(|text| !text.is_empty());
        // What is outside the model asks for no field.
        let asked = || match titles(part) {
            titles if titles.is_empty() => format!("rule `{}`", at.rule.name),
            titles => format!("the {titles} asked for"),
        };
        text.map_or_else(asked, |text| {
            // A list whose last bracket is no part of a value.
            let open = text.matches('[').count() > text.matches(']').count();
            if open { format!("`{text} ]`") } else { format!("`{text}`") }
        })
    };
    let culprits = if explain { culprits(prover, at.set.family, condition)? } else { Culprits::All };
    let mut made = match culprits {
        Culprits::One(part) => {
            let mut made = at.finding(&META, format!("no packet matches {}", words(part)));
            if let Some(label) = label(part) {
                made.primary = label.with_message(format!("no packet has such {}", titles(part)));
            }
            made
        }
        Culprits::Two(first, second) => {
            let (a, b) = (words(first), words(second));
            let message = if a == b {
                format!("no packet matches {a}: {} contradict each other", titles_of(&[first, second]))
            } else {
                format!("no packet matches {b} together with {a}")
            };
            let mut made = at.finding(&META, message);
            if let Some(label) = label(second) {
                made.primary = label.with_message(format!("this asks for {}", titles(second)));
            }
            match label(first) {
                Some(other) if other.span != made.primary.span => {
                    made.with_label(other.with_message(format!("this asks for {}", titles(first))))
                }
                _ => made,
            }
        }
        Culprits::All => at.finding(&META, format!("no packet matches rule `{}`", at.rule.name)),
    };
    made.help = Some(help.to_owned());
    Ok(made)
}

enum Culprits<'a> {
    One(&'a Condition),
    Two(&'a Condition, &'a Condition),
    All,
}

/// The one part, or the two, that already cannot be met.
fn culprits<'a>(
    prover: &mut Prover,
    family: Family,
    condition: &'a Condition,
) -> Result<Culprits<'a>, Exhausted> {
    let Condition::And(parts) = condition else {
        return Ok(if span_of(condition).is_some() { Culprits::One(condition) } else { Culprits::All });
    };
    let parts = parts.get(..parts.len().min(PAIRED)).unwrap_or(parts);
    for part in parts {
        if prover.meets(family, &[part])? == Meets::Never {
            return Ok(Culprits::One(part));
        }
    }
    for (index, second) in parts.iter().enumerate() {
        for first in parts.iter().take(index) {
            if prover.meets(family, &[first, second])? == Meets::Never {
                return Ok(Culprits::Two(first, second));
            }
        }
    }
    Ok(Culprits::All)
}

/// The text a condition was written as, where it has a place.
fn span_of(condition: &Condition) -> Option<Span> {
    condition.tests().iter().map(|test| test.span()).filter(|span| *span != Span::default()).reduce(Span::to)
}

/// What a condition asks for, in words.
fn titles(condition: &Condition) -> String {
    titles_of(&[condition])
}

fn titles_of(conditions: &[&Condition]) -> String {
    let mut titles: Vec<&str> = Vec::new();
    for test in conditions.iter().flat_map(|condition| condition.tests()) {
        let title = test.field().info().title;
        if !titles.contains(&title) {
            titles.push(title);
        }
    }
    titles.truncate(4);
    titles.join(" and ")
}

/// The condition with the fields that octets behind the IP header stand for in place of the octets, and without
/// what it asks of fragments; none when it reads no such octets.
///
/// Fragments are left out because only they separate octets from their fields without a contradiction: a later
/// fragment has octets there and no header, which `ports-on-later-fragments` speaks of.
fn as_named(condition: &Condition, family: Family) -> Option<Condition> {
    let reads = condition.tests().iter().any(|test| named(test.field(), test.values(), family).is_some());
    reads.then(|| rename(condition, family))
}

fn rename(condition: &Condition, family: Family) -> Condition {
    match condition {
        Condition::Test(test) => match (test.field(), named(test.field(), test.values(), family)) {
            (Field::FragOff | Field::Mf | Field::IsFragHeader, _) => Condition::True,
            (_, Some(fields)) => Condition::or(
                fields.into_iter().map(|(field, values)| Condition::test_at(field, values, test.span())),
            ),
            (_, None) => condition.clone(),
        },
        Condition::And(parts) => Condition::and(parts.iter().map(|part| rename(part, family))),
        Condition::Or(parts) => Condition::or(parts.iter().map(|part| rename(part, family))),
        // What is negated stays as it is: the opposite of a field is no field.
        Condition::Not(_) | Condition::Opaque(_) | Condition::True | Condition::False => condition.clone(),
    }
}

/// The fields that octets behind the IP header stand for in rules, with the same values. An ICMP type asked of
/// IPv6 packets is one of ICMPv6, of which alone the numbers are (RFC 4443 §2.1).
fn named(field: Field, values: ValueSetRef<'_>, family: Family) -> Option<Vec<(Field, ValueSet)>> {
    let same = |fields: &[Field]| Some(fields.iter().map(|field| (*field, values.to_set())).collect());
    match field {
        Field::RawPort0 => same(&[Field::Sport]),
        Field::RawPort1 => same(&[Field::Dport]),
        Field::RawOctet0 => match family {
            Family::Inet => same(&[Field::IcmpType, Field::IgmpType]),
            Family::Inet6 => same(&[Field::Icmp6Type]),
            Family::Any => same(&[Field::IcmpType, Field::Icmp6Type, Field::IgmpType]),
        },
        Field::RawOctet1 => match family {
            Family::Inet => same(&[Field::IcmpCode]),
            Family::Inet6 => same(&[Field::Icmp6Code]),
            Family::Any => same(&[Field::IcmpCode, Field::Icmp6Code]),
        },
        Field::RawOctet13 => {
            let octets = (0..=0xff).filter(|octet| values.contains(*octet));
            let flags = BitSet::new(octets.map(|octet| BitMatch::new(octet, 0xff)));
            Some(vec![(Field::TcpFlags, flags.into())])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_renamed_to_the_fields_they_stand_for() {
        let condition = Condition::and([
            Condition::test(Field::Proto, ValueSet::single(6)),
            Condition::test(Field::RawOctet13, ValueSet::bits(2, 2)),
            Condition::test(Field::FragOff, ValueSet::range(1, 9)),
        ]);
        let named = as_named(&condition, Family::Any).unwrap();
        let fields: Vec<Field> = named.tests().iter().map(|test| test.field()).collect();
        assert_eq!(fields, [Field::Proto, Field::TcpFlags]);
        assert!(named.tests()[1].values().contains(0xf02) && !named.tests()[1].values().contains(0xf01));
        assert!(as_named(&Condition::test(Field::Ttl, ValueSet::single(1)), Family::Any).is_none());
    }
    #[test]
    fn octets_that_are_asked_for_by_place_are_no_fields() {
        use crate::check::{Input, Settings};
        use crate::dialect::{ReadOptions, by_name};
        use crate::source::{Content, Source, SourceId, SourceMap};
        let text = "table ip t { chain c { type filter hook forward priority 0; policy accept;
            tcp sport & 0x7000 == 0x5000 drop
            tcp sport & 0x00f0 == 0x0050 drop
            tcp dport & 0x7000 == 0x5000 drop
            udp dport 53 @th,104,8 1 drop
            meta l4proto gre @th,0,8 0x20 drop
            ip protocol 89 @th,0,16 0x0201 drop
        } }";
        let dialect = by_name("nftables").unwrap();
        let source = Source::new("a", Content::Text(text.to_owned()));
        let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
        assert_eq!(reading.document.rule_count(), 6);
        let inputs = [Input { source: SourceId(0), dialect: dialect.name(), reading }];
        let (sources, settings) = (SourceMap::new(), Settings::default());
        let mut out = Findings::default();
        let cx = Context::new(&sources, &inputs, &settings);
        UnmatchableCondition.run(&cx, &mut out).unwrap();
        assert!(out.diagnostics.is_empty() && out.inconclusive.is_empty(), "{out:?}");
    }
}
