//! Rules that use what a platform does not take.
//!
//! Decided on the NLRI: what a daemon refuses is a way of writing, not a meaning.

use super::taken::{self, Taken};
use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::cost::Effect;
use crate::diagnostic::{Diagnostic, Level};
use crate::guard::Exhausted;

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
        // What ends a session is a finding of `session-hazard`.
        taken::each_rule(cx, |effect| effect != Effect::DropsSession, |taken| out.push(finding(taken)))
    }
}

/// One finding for a rule and a platform: the gravest in front, the others beside it.
fn finding(taken: &Taken<'_>) -> Diagnostic {
    let help = match (taken.refusal.effect, taken.refusal.fixed_in.is_empty()) {
        (_, false) => "check the release on the way, or rewrite the rule",
        (Effect::Refused | Effect::DropsSession, _) => {
            "split or rewrite the rule: the platform does not take it"
        }
        (Effect::Ignored, _) => "split or rewrite the rule: the platform keeps it and does not filter by it",
        (Effect::Unvouched, _) => "try it on one device before it goes to all, or rewrite the rule",
    };
    taken.finding(&META, help)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::check::{Input, Settings};
    use crate::cost;
    use crate::dialect::Reading;
    use crate::field::Family;
    use crate::guard::limits;
    use crate::ir::{Condition, Document, Kind, Origin, Outcome, RuleBuf, RuleSet, Verdict};
    use crate::source::{SourceId, SourceMap};

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
        let platforms = vec![cost::by_name(platform).unwrap().clone()];
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
        let platforms = vec![cost::by_name("frr").unwrap().clone()];
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
    fn wide_lengths_and_values_beyond_their_field_warn() {
        let rule_of_2013 = with(&[10, 0x23, 0, 1, 0x86, 0x83, 0xe5, 0, 1, 0x86, 0x91]);
        for platform in ["frr", "junos-mx"] {
            let list = found(platform, &rule_of_2013);
            assert!(
                !list.is_empty() && list.iter().all(|(l, _)| *l == Level::Warning),
                "{platform}: {list:?}"
            );
        }
    }
}
