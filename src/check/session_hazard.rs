//! Rules whose octets end the session of a platform on the way, or its address family.
//!
//! One such rule takes every rule of the session with it. Decided on the NLRI, by the release where one is said.

use super::{Check, Confidence, Context, Findings, Meta, Needs, taken};
use crate::cost::Effect;
use crate::diagnostic::Level;
use crate::guard::Exhausted;

/// The check.
#[derive(Debug)]
pub(super) struct SessionHazard;

static META: Meta = Meta {
    name: "session-hazard",
    summary: "a rule ends the session of a platform on the way, and all rules of that session are gone with it",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Cost,
    page: include_str!("../../docs/checks/session-hazard.md"),
};

/// What every implementation known here takes.
const ENVELOPE: &str = "stay with what all take: the shortest octets, at most 5 operators in a component, NLRIs below 240 \
                        octets, values their field can hold";

impl Check for SessionHazard {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        taken::each_rule(
            cx,
            |effect| effect == Effect::DropsSession,
            |taken| {
                let unsure = !taken.refusal.fixed_in.is_empty() && taken.device.release.is_none();
                let release =
                    if unsure { "; say the release with `NAME@RELEASE` or `release = ` to know" } else { "" };
                out.push(taken.finding(&META, format!("{ENVELOPE}{release}")));
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Settings;
    use crate::check::feature_not_on_platform::tests::flow_input;
    use crate::cost;
    use crate::source::SourceMap;

    fn found(platform: &str, release: Option<&str>, value: &[u8]) -> Vec<(Level, String)> {
        let inputs = [flow_input(&[value])];
        let mut device = cost::by_name(platform).unwrap().clone();
        device.release = release.map(|text| text.parse().unwrap());
        let settings = Settings { platforms: vec![device], ..Settings::default() };
        let (mut out, sources) = (Findings::default(), SourceMap::new());
        SessionHazard.run(&Context::new(&sources, &inputs, &settings), &mut out).unwrap();
        out.diagnostics.into_iter().map(|d| (d.level, d.message)).collect()
    }

    // Destination 192.0.2.1/32 and TCP, then these octets.
    fn with(rest: &[u8]) -> Vec<u8> {
        [&[1, 32, 192, 0, 2, 1, 3, 0x81, 6], rest].concat()
    }

    #[test]
    fn what_is_inside_the_envelope_passes_everywhere() {
        let five = with(&[5, 1, 1, 1, 2, 1, 3, 1, 4, 0x81, 5]);
        for device in cost::platforms() {
            assert_eq!(found(&device.platform.name, None, &five), [], "{}", device.platform.name);
        }
    }

    #[test]
    fn the_rule_of_2013_ends_sessions_of_older_releases() {
        let rule = with(&[10, 0x23, 0, 1, 0x86, 0x83, 0xe5, 0, 1, 0x86, 0x91]);
        let level = |platform, release| found(platform, release, &rule).first().map(|f| f.0);
        assert_eq!(level("bird", Some("2.0.12")), Some(Level::Error));
        assert_eq!(level("bird", Some("2.19.2")), None);
        assert_eq!(level("bird", None), Some(Level::Warning));
        assert_eq!(level("bird", Some("3.0.1")), Some(Level::Warning));
        assert_eq!(level("exabgp", Some("4.2.21")), Some(Level::Error));
        assert_eq!(level("exabgp", Some("5.0.15")), None);
        assert_eq!(level("gobgp", Some("3.10.0")), None);
    }

    #[test]
    fn a_long_nlri_disables_the_family_at_gobgp() {
        let list = |n: u8| -> Vec<u8> {
            let ports = (0..n).flat_map(|i| [if i + 1 == n { 0x91 } else { 0x11 }, 4, i]);
            with(&[&[5][..], &ports.collect::<Vec<u8>>()].concat())
        };
        assert_eq!(list(76).len(), 238);
        assert_eq!(found("gobgp", None, &list(76)), []);
        assert_eq!(found("gobgp", None, &list(77))[0].0, Level::Error);
    }
}
