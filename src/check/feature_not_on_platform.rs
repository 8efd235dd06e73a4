//! Rules that use what a platform does not take.
//!
//! Decided on the NLRI: what a daemon refuses is a way of writing, not a meaning.

use super::{Check, Confidence, Context, Findings, Inconclusive, Meta, Needs};
use crate::cost::{self, Effect, Platform, Refusal, Unsupported};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::flowspec::ComponentType;
use crate::field::Field;
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::Rule;
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct FeatureNotOnPlatform;

static META: Meta = Meta {
    name: "feature-not-on-platform",
    summary: "a rule uses what a platform refuses, ignores or is not known to take",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Cost,
    page: include_str!("../../docs/checks/feature-not-on-platform.md"),
};

impl Check for FeatureNotOnPlatform {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for (name, _) in &cx.settings.platforms {
            let Some(platform) = cost::by_name(name) else {
                let reason = format!("there is no platform `{name}`");
                out.inconclusive.push(Inconclusive { check: META.name, rule_set: None, rule: None, reason });
                continue;
            };
            for input in cx.inputs {
                let mut meter = Meter::new(&limits::DIAGNOSTICS);
                let document = &input.reading.document;
                let mut all = cost::unsupported(document, platform).peekable();
                while let Some((at, first)) = all.next() {
                    let mut of_rule = vec![first];
                    while let Some((_, next)) = all.next_if(|(next, _)| *next == at) {
                        of_rule.push(next);
                    }
                    meter.charge(1)?;
                    let set = document.rule_sets.get(at.rule_set as usize);
                    let rule = set.and_then(|set| set.rules.get(at.rule as usize));
                    if let (Some(set), Some(rule)) = (set, rule) {
                        let finding = finding(platform, &rule, &of_rule);
                        out.diagnostics.extend(finding.map(|f| f.in_rule(set.name.clone(), rule.name)));
                    }
                }
            }
        }
        Ok(())
    }
}

/// One finding for a rule and a platform: the gravest in front, the others beside it.
fn finding(platform: &Platform, rule: &Rule, of_rule: &[Unsupported]) -> Option<Diagnostic> {
    let mut list: Vec<(&Refusal, Unsupported)> =
        of_rule.iter().filter_map(|found| Some((found.refusal(platform)?, *found))).collect();
    list.sort_by_key(|(refusal, _)| !refusal.denies());
    let ((refusal, found), others) = list.split_first()?;
    let level = if refusal.denies() { META.level } else { META.level.lowered() };
    let help = match refusal.effect {
        Effect::Refused => "split or rewrite the rule: the platform does not take it",
        Effect::Ignored => "split or rewrite the rule: the platform keeps it and does not filter by it",
        Effect::OlderReleases => "check the release on the way, or rewrite the rule",
        Effect::Unvouched => "try it on one device before it goes to all, or rewrite the rule",
    };
    let label = Label::new(rule.origin.source, place(rule, found.component));
    let message = format!("`{}` {}", platform.name, says(refusal, *found));
    let mut finding = Diagnostic::new(META.name, level, message, label).with_help(help);
    for (refusal, found) in others {
        finding = finding.with_note(format!("it also {}", says(refusal, *found)));
    }
    let mut sources: Vec<&str> = list.iter().flat_map(|(refusal, _)| refusal.source.split(", ")).collect();
    sources.sort_unstable();
    sources.dedup();
    let verified = if list.iter().all(|(refusal, _)| refusal.verified) { "" } else { ", not all verified" };
    Some(finding.with_note(format!("source {} of the platforms page{verified}", sources.join(", "))))
}

fn says(refusal: &Refusal, found: Unsupported) -> String {
    let amount = match refusal.above {
        0 => String::new(),
        _ => format!("; this rule has {}", found.amount),
    };
    let component = found.component.map(|component| format!(" ({component})"));
    format!("{}{amount}{}", refusal.says, component.unwrap_or_default())
}

/// Where a component of the rule was written, as far as its tests say; else the whole rule.
fn place(rule: &Rule, component: Option<ComponentType>) -> Span {
    use ComponentType as C;
    let fields: &[Field] = match component {
        None | Some(C::Fragment) => &[],
        Some(C::DestinationPrefix) => &[Field::Dst4, Field::Dst6],
        Some(C::SourcePrefix) => &[Field::Src4, Field::Src6],
        Some(C::Protocol) => &[Field::Proto],
        Some(C::Port | C::SourcePort) => &[Field::Sport],
        Some(C::DestinationPort) => &[Field::Dport],
        Some(C::IcmpType) => &[Field::IcmpType, Field::Icmp6Type],
        Some(C::IcmpCode) => &[Field::IcmpCode, Field::Icmp6Code],
        Some(C::TcpFlags) => &[Field::TcpFlags],
        Some(C::PacketLength) => &[Field::Len],
        Some(C::Dscp) => &[Field::Dscp],
        Some(C::FlowLabel) => &[Field::FlowLabel],
    };
    let tests = rule.condition.tests();
    let test = tests.iter().find(|test| fields.contains(&test.field()) && test.span() != Span::default());
    test.map_or(rule.origin.span, |test| test.span())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::check::{Input, Settings};
    use crate::dialect::Reading;
    use crate::field::Family;
    use crate::ir::{Condition, Document, Kind, Origin, Outcome, RuleBuf, RuleSet, Verdict};
    use crate::source::{SourceId, SourceMap};
    use std::collections::BTreeMap;

    /// Flow rules with these NLRI values, named r1, r2 and so on.
    pub(in crate::check) fn flow_input(values: &[&[u8]]) -> Input {
        let rule = |(value, number): (&&[u8], usize)| RuleBuf {
            name: format!("r{number}").into(),
            condition: Condition::True,
            actions: Box::default(),
            outcome: Outcome::Verdict(Verdict::Discard),
            action_given: true,
            nlri: Some((*value).into()),
            origin: Origin::default(),
        };
        let set = RuleSet {
            name: "flowspec/ipv4".into(),
            kind: Kind::FlowRoutes,
            family: Family::Inet,
            default: Verdict::Accept,
            rules: values.iter().zip(1..).map(rule).collect(),
        };
        let document = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
        let reading = Reading { document, ..Reading::default() };
        Input { source: SourceId(0), dialect: "flowspec-hex", reading }
    }

    fn found(platform: &str, value: &[u8]) -> Vec<(Level, String)> {
        let inputs = [flow_input(&[value])];
        let platforms = vec![(platform.to_owned(), BTreeMap::new())];
        let settings = Settings { platforms, ..Settings::default() };
        let mut out = Findings::default();
        let sources = SourceMap::new();
        let cx = Context::new(&sources, &inputs, &settings);
        FeatureNotOnPlatform.run(&cx, &mut out).unwrap();
        out.diagnostics.into_iter().map(|d| (d.level, d.message)).collect()
    }

    // Destination 192.0.2.1/32 and TCP, then these octets.
    fn with(rest: &[u8]) -> Vec<u8> {
        [&[1, 32, 192, 0, 2, 1, 3, 0x81, 6], rest].concat()
    }

    #[test]
    fn what_a_platform_takes_passes() {
        let five = with(&[5, 1, 1, 1, 2, 1, 3, 1, 4, 0x81, 5]);
        for platform in ["bird", "exabgp", "gobgp", "junos-mx", "linux-nftables", "ncs55a2-mod-se-s"] {
            assert_eq!(found(platform, &five), [], "{platform}");
        }
        assert_eq!(found("frr", &with(&[5, 0x81, 80])), []);
    }

    #[test]
    fn more_findings_than_anybody_reads_are_inconclusive() {
        let any_port: &[u8] = &[5, 0x81, 80];
        let inputs = [flow_input(&vec![any_port; 10_001])];
        let platforms = vec![("frr".to_owned(), BTreeMap::new())];
        let settings = Settings { platforms, ..Settings::default() };
        let (mut out, sources) = (Findings::default(), SourceMap::new());
        let cx = Context::new(&sources, &inputs, &settings);
        assert_eq!(FeatureNotOnPlatform.run(&cx, &mut out).unwrap_err().limit, &limits::DIAGNOSTICS);
        assert_eq!(out.diagnostics.len(), 10_000);
    }

    #[test]
    fn a_sixth_operand_is_refused_by_frr() {
        let five = found("frr", &with(&[5, 1, 1, 1, 2, 1, 3, 1, 4, 0x81, 5]));
        assert!(five.iter().all(|(level, _)| *level == Level::Warning), "{five:?}");
        let six = found("frr", &with(&[5, 1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 0x81, 6]));
        let error = six.iter().find(|(level, _)| *level == Level::Error).unwrap();
        assert_eq!(
            error.1,
            "`frr` takes at most 5 operator and value pairs in a component; this rule has 6 (destination port)"
        );
    }

    #[test]
    fn a_long_nlri_is_refused_by_gobgp() {
        let list = |n: u8| -> Vec<u8> {
            let ports = (0..n).flat_map(|i| [if i + 1 == n { 0x91 } else { 0x11 }, 4, i]);
            with(&[&[5][..], &ports.collect::<Vec<u8>>()].concat())
        };
        assert_eq!(list(76).len(), 238);
        assert_eq!(found("gobgp", &list(76)), []);
        assert_eq!(found("gobgp", &list(77))[0].0, Level::Error);
    }

    #[test]
    fn wide_lengths_and_values_beyond_their_field_warn() {
        let rule_of_2013 = with(&[10, 0x23, 0, 1, 0x86, 0x83, 0xe5, 0, 1, 0x86, 0x91]);
        for platform in ["bird", "exabgp", "frr", "junos-mx"] {
            let list = found(platform, &rule_of_2013);
            assert!(
                !list.is_empty() && list.iter().all(|(l, _)| *l == Level::Warning),
                "{platform}: {list:?}"
            );
        }
    }
}
