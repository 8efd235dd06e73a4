//! More rules with one destination than a platform that files them by it is vouched for.

use super::{Check, Confidence, Context, Findings, Inconclusive, Meta, Needs, cost_over_limit};
use crate::cost::{Level as CostLevel, Model};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::guard::Exhausted;
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct SameDestinationFlood;

static META: Meta = Meta {
    name: "same-destination-flood",
    summary: "too many rules have one destination, or none, for a platform that files rules by their destination",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Likely,
    since: "0.1.0",
    needs: Needs::Cost,
    page: include_str!("../../docs/checks/same-destination-flood.md"),
};

impl Check for SameDestinationFlood {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for (input, price) in cx.prices() {
            let by_destination = |model| model == Model::SameDestination;
            for usage in price.resources.iter().filter(|usage| by_destination(usage.resource.model)) {
                let (used, limit) = (usage.used.at_least, usage.limit.unwrap_or(u64::MAX));
                if usage.level == CostLevel::Ok {
                    if !usage.used.exact {
                        let reason = "how many rules have one destination is not known".to_owned();
                        out.inconclusive.push(Inconclusive {
                            check: META.name,
                            rule_set: None,
                            rule: None,
                            reason,
                        });
                    }
                    continue;
                }
                let at = usage.passed_at.or_else(|| price.rules.last().map(|rule| rule.at));
                let place = at.and_then(|at| cost_over_limit::rule_at(input, at));
                let label = match place {
                    Some((_, rule)) => Label::new(rule.origin.source, rule.origin.span),
                    None => Label::new(input.source, Span::default()),
                };
                let name = price.device.name();
                let message = if used > limit {
                    format!(
                        "{used} rules have one destination prefix or none, `{name}` is vouched for with {limit}"
                    )
                } else {
                    format!(
                        "{used} rules have one destination prefix or none, of {limit} that `{name}` is vouched for"
                    )
                };
                let level = if usage.budget && used > limit { Level::Error } else { META.level };
                let source =
                    format!("{}: {}", price.device.cites(&usage.resource.source), usage.resource.note);
                let mut finding = Diagnostic::new(META.name, level, message, label)
                    .with_help("give each rule the destination it protects, or send fewer rules for one")
                    .with_note(source);
                if let Some((set, rule)) = place {
                    finding = finding.in_rule(set.name.clone(), rule.name);
                }
                out.push(finding);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Settings;
    use crate::check::feature_not_on_platform::tests::flow_input;
    use crate::cost;
    use crate::source::SourceMap;

    fn found(platform: &str, values: &[&[u8]]) -> Vec<String> {
        let inputs = [flow_input(values)];
        let settings =
            Settings { platforms: vec![cost::by_name(platform).unwrap().clone()], ..Settings::default() };
        let (mut out, sources) = (Findings::default(), SourceMap::new());
        SameDestinationFlood.run(&Context::new(&sources, &inputs, &settings), &mut out).unwrap();
        assert!(out.inconclusive.is_empty());
        out.diagnostics.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn rules_without_a_destination_count_together() {
        let port: &[u8] = &[5, 0x81, 80];
        assert_eq!(found("bird", &vec![port; 7_999]), [] as [&str; 0]);
        assert_eq!(found("bird", &vec![port; 10_001]).len(), 1);
        assert_eq!(found("frr", &vec![port; 10_001]), [] as [&str; 0]);
    }

    #[test]
    fn rules_with_destinations_of_their_own_do_not() {
        let rules: Vec<Vec<u8>> = (0..10_001_u32)
            .map(|number| [&[1, 32][..], &(0xc000_0000 | number).to_be_bytes(), &[3, 0x81, 6]].concat())
            .collect();
        let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        assert_eq!(found("bird", &rules), [] as [&str; 0]);
    }
}
