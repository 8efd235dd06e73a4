//! What is asked of rules: one file a check, registered by one line in [`CHECKS`].

mod action_changed;
mod acts;
mod attached_elsewhere;
mod change;
mod compare;
mod conflicting_actions;
mod conflicting_overlap;
mod context;
mod conversion;
mod cost_growth;
mod cost_over_limit;
mod covered;
mod default_unreachable;
mod duplicate_number;
mod duplicate_rule;
mod empty_range;
mod expired_allow;
mod feature_not_on_platform;
mod filter_removed;
mod fix;
mod flowspec_component_order;
mod flowspec_noncanonical;
mod flowspec_rule_order;
mod flowspec_too_long;
mod generalisation;
mod host_bits_set;
mod icmp_code_without_type;
mod large_delta;
mod length_above_mtu;
mod length_below_header;
mod list_doubled;
mod malformed_allow;
mod malformed_nlri;
mod match_everything_drop;
mod match_removed;
mod merge;
mod mergeable_rules;
mod minimize;
mod misleading_text;
mod missing_prefix_on_drop;
mod mixed_family;
mod moved_behind_terminal_rule;
mod narrowed_filter;
mod overlapping;
mod partially_shadowed_rule;
mod patterns;
mod port_without_protocol;
mod ports_on_later_fragments;
mod protected;
mod protected_flow;
mod prove;
mod rate_too_small;
mod redundant_rule;
mod regex_exponential;
mod regex_over_budget;
mod regex_superlinear;
mod regex_too_large;
mod run;
mod same_destination_flood;
mod session_hazard;
mod shadowed_rule;
mod suspicious_mask;
mod syntax_error;
mod taken;
mod turned;
mod undefined_reference;
mod unmatchable_condition;
mod unreachable_chain;
mod unsupported_keyword;
mod unused_allow;
mod unused_definition;
mod value_out_of_range;
mod widened_filter;

pub use acts::Acts;
pub use change::{Alignment, Versions};
pub use compare::{Compared, Comparison, Moved};
pub use context::{ChangeLimits, Context, Drops, Input, Protected, RuleAt, Settings};
pub use conversion::{Written, written};
pub use fix::{Fixed, fix};
pub use minimize::{Minimized, minimize};
pub use patterns::{PATTERNS, PatternEngine, PatternSettings, Replay};
pub use run::run;

use crate::diagnostic::{Diagnostic, Level};
use crate::guard::Exhausted;
use std::fmt;

/// Every check, sorted by name. Help, `explain`, configuration keys, SARIF rules and the index of the pages
/// derive from it.
pub static CHECKS: &[&dyn Check] = &[
    &action_changed::ActionChanged,
    &attached_elsewhere::AttachedElsewhere,
    &conflicting_actions::ConflictingActions,
    &conflicting_overlap::ConflictingOverlap,
    &cost_growth::CostGrowth,
    &cost_over_limit::CostOverLimit,
    &default_unreachable::DefaultUnreachable,
    &duplicate_number::DuplicateNumber,
    &duplicate_rule::DuplicateRule,
    &empty_range::EmptyRange,
    &expired_allow::ExpiredAllow,
    &feature_not_on_platform::FeatureNotOnPlatform,
    &filter_removed::FilterRemoved,
    &flowspec_component_order::FlowspecComponentOrder,
    &flowspec_noncanonical::FlowspecNoncanonical,
    &flowspec_rule_order::FlowspecRuleOrder,
    &flowspec_too_long::FlowspecTooLong,
    &generalisation::Generalisation,
    &host_bits_set::HostBitsSet,
    &icmp_code_without_type::IcmpCodeWithoutType,
    &large_delta::LargeDelta,
    &length_above_mtu::LengthAboveMtu,
    &length_below_header::LengthBelowHeader,
    &list_doubled::ListDoubled,
    &malformed_allow::MalformedAllow,
    &malformed_nlri::MalformedNlri,
    &match_everything_drop::MatchEverythingDrop,
    &match_removed::MatchRemoved,
    &mergeable_rules::MergeableRules,
    &misleading_text::MisleadingText,
    &missing_prefix_on_drop::MissingPrefixOnDrop,
    &mixed_family::MixedFamily,
    &moved_behind_terminal_rule::MovedBehindTerminalRule,
    &narrowed_filter::NarrowedFilter,
    &partially_shadowed_rule::PartiallyShadowedRule,
    &port_without_protocol::PortWithoutProtocol,
    &ports_on_later_fragments::PortsOnLaterFragments,
    &protected_flow::ProtectedFlow,
    &rate_too_small::RateTooSmall,
    &redundant_rule::RedundantRule,
    &regex_exponential::RegexExponential,
    &regex_over_budget::RegexOverBudget,
    &regex_superlinear::RegexSuperlinear,
    &regex_too_large::RegexTooLarge,
    &same_destination_flood::SameDestinationFlood,
    &session_hazard::SessionHazard,
    &shadowed_rule::ShadowedRule,
    &suspicious_mask::SuspiciousMask,
    &syntax_error::SyntaxError,
    &undefined_reference::UndefinedReference,
    &unmatchable_condition::UnmatchableCondition,
    &unreachable_chain::UnreachableChain,
    &unsupported_keyword::UnsupportedKeyword,
    &unused_allow::UnusedAllow,
    &unused_definition::UnusedDefinition,
    &value_out_of_range::ValueOutOfRange,
    &widened_filter::WidenedFilter,
];

/// The check of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Check> {
    CHECKS.iter().copied().find(|check| check.meta().name == name)
}

/// What a check is, for people and for reports.
#[derive(Debug)]
pub struct Meta {
    /// Its name: what is wrong, in words that read well after "allow".
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Its level, unless the configuration gives it another.
    pub level: Level,
    /// Whether it is on unless the configuration says otherwise.
    pub default_on: bool,
    /// How sure a finding is.
    pub confidence: Confidence,
    /// The version it came with.
    pub since: &'static str,
    /// Who raises it.
    pub needs: Needs,
    /// Its page, `docs/checks/<name>.md`.
    pub page: &'static str,
}

/// How sure a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confidence {
    /// It holds for every packet and device the model covers.
    Proven,
    /// It holds on usual devices; the page says when not.
    Likely,
}

/// What a check looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// The reader of the dialect raises it; the check itself has nothing left to do.
    Syntax,
    /// Rules as conditions and actions.
    Ir,
    /// Sets of packets.
    Spaces,
    /// What rules cost a device.
    Cost,
    /// The rules as they were before a change.
    Change,
}

/// One question asked of every rule.
pub trait Check: Sync + fmt::Debug {
    /// What it is.
    fn meta(&self) -> &'static Meta;

    /// Looks at everything in `cx` and reports to `out`. An exhausted budget ends the check; what it found
    /// until then stands, and the report says that it is inconclusive.
    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted>;
}

/// A question without an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inconclusive {
    /// The check.
    pub check: &'static str,
    /// The rule set, where one is concerned.
    pub rule_set: Option<String>,
    /// The rule, where one is concerned.
    pub rule: Option<String>,
    /// Why there is none.
    pub reason: String,
}

/// What the checks found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Findings in the order found.
    pub diagnostics: Vec<Diagnostic>,
    /// Questions without an answer.
    pub inconclusive: Vec<Inconclusive>,
}

impl Findings {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Says that a check has no answer for one rule.
    pub fn no_answer(&mut self, meta: &'static Meta, at: &RuleAt<'_>, reason: impl Into<String>) {
        self.inconclusive.push(Inconclusive {
            check: meta.name,
            rule_set: Some(at.set.name.clone()),
            rule: Some(at.rule.name.to_string()),
            reason: reason.into(),
        });
    }
}
