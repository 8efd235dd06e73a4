//! Platforms as data: what they hold, how rules fill it, what they do not take, each with its source.

use super::feature::Refusal;
use super::flow::Encoding;
use super::kernel::Words;
use crate::field::Family;
use crate::ir::Kind;
use serde::Deserialize;
use std::sync::LazyLock;

/// A device or program that rules are sent to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Platform {
    /// Its name on the command line, as `junos-mx`.
    pub name: String,
    /// Its name in a sentence.
    pub title: String,
    /// What it is and which releases the figures are from.
    pub about: String,
    /// The rule sets it takes; others are not priced.
    pub takes: Vec<Takes>,
    /// IPv6 lengths are compared with the payload length.
    #[serde(default)]
    pub ipv6_payload_length: bool,
    /// What it holds.
    pub resource: Vec<Resource>,
    /// What it does not take.
    #[serde(default)]
    pub refuse: Vec<Refusal>,
}

/// A kind of rule set a platform takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// Flow routes.
    FlowRoutes,
    /// Filters.
    Filters,
}

/// Something a platform has only so much of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Resource {
    /// Its name in budgets and reports, as `tcam-entries`.
    pub name: String,
    /// What is counted, as `entries`.
    pub unit: String,
    /// How rules fill it.
    pub model: Model,
    /// Only rule sets of this kind fill it; none for all.
    #[serde(default)]
    pub of: Option<Takes>,
    /// Only rule sets of this family fill it; none for all.
    #[serde(default)]
    pub family: Option<IpFamily>,
    /// Each rule set has one of its own, and the fullest counts.
    #[serde(default)]
    pub each_rule_set: bool,
    /// How much there is; none where only a budget of the user's says.
    #[serde(default)]
    pub limit: Option<u64>,
    /// The source of its figures, an id of the platform page.
    pub source: String,
    /// Whether the figures were stated by the maker, read in code, measured or derived.
    pub verified: bool,
    /// Whether the device refuses or fails what goes beyond the limit. A limit that is not hard is what was
    /// validated, or holds in some mode only, and warns.
    #[serde(default)]
    pub hard: bool,
    /// What to know about it.
    #[serde(default)]
    pub note: String,
}

/// An address family a resource is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpFamily {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
}

/// How rules fill a resource.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "counts")]
pub enum Model {
    /// Prefix-expanded entries.
    Entries {
        /// Entries each rule set takes besides its rules.
        #[serde(default, rename = "per-rule-set")]
        per_rule_set: u64,
        /// Copies of each entry: attachment points that do not share.
        #[serde(default = "one")]
        copies: u64,
    },
    /// Rules.
    Rules {
        /// Units each takes.
        #[serde(default = "one")]
        each: u64,
    },
    /// Alternatives: rules of an engine that knows sets and no "either".
    Terms,
    /// Hardware filters: one for every so many rules of each rule set, begun ones counted.
    Filters {
        /// Rules in each.
        terms: u64,
    },
    /// Memory.
    Octets(Octets),
    /// Memory of the Linux kernel, built up from the objects it keeps.
    Kernel {
        /// The words it keeps rules in.
        words: Words,
    },
    /// Time until all are programmed.
    Seconds {
        /// Rules a second.
        rate: u64,
    },
    /// The largest number of rules with one destination prefix, or without one.
    SameDestination,
}

/// A linear model of memory.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Octets {
    /// Octets as soon as there is a rule.
    #[serde(default)]
    pub base: f64,
    /// Octets a rule, up to `bend` of them where the measured line bends.
    pub per_rule: f64,
    /// Octets a rule beyond `bend`, where the measured line bends.
    #[serde(default)]
    pub per_rule_beyond: Option<f64>,
    /// Rules up to which `per_rule` holds.
    #[serde(default)]
    pub bend: u64,
    /// What is counted as a rule.
    #[serde(default)]
    pub as_rule: AsRule,
    /// Octets an octet of the NLRI.
    #[serde(default)]
    pub per_nlri_octet: f64,
    /// Octets that the allocator goes up by where the NLRI stands in an object: with `nlri_head` octets before it, it
    /// takes the next multiple. 0 where it does not count so.
    #[serde(default)]
    pub nlri_step: u32,
    /// Octets before the NLRI in that object.
    #[serde(default)]
    pub nlri_head: u32,
    /// Octets a component of the NLRI.
    #[serde(default)]
    pub per_component: f64,
    /// Octets an operator with its value.
    #[serde(default)]
    pub per_operand: f64,
    /// Octets an object that lists of operands are multiplied out into.
    #[serde(default)]
    pub per_expanded: f64,
    /// Octets an element of a set with more than one.
    #[serde(default)]
    pub per_element: f64,
}

/// What an engine keeps as one rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsRule {
    /// A rule as it is.
    #[default]
    Rule,
    /// An alternative: sets are kept, "either" is not.
    Term,
    /// A combination of one range of each field.
    Line,
}

fn one() -> u64 {
    1
}

impl Platform {
    /// Whether it takes rule sets of that kind.
    pub fn takes(&self, kind: Kind) -> bool {
        Takes::of(kind).is_some_and(|takes| self.takes.contains(&takes))
    }

    /// The resource of that name.
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resource.iter().find(|resource| resource.name == name)
    }

    /// How it writes values into its keys.
    pub fn encoding(&self) -> Encoding {
        Encoding { ipv6_payload_length: self.ipv6_payload_length }
    }
}

impl Resource {
    /// Whether rule sets of that kind and family fill it.
    pub fn is_filled_by(&self, kind: Kind, family: Family) -> bool {
        let of = self.of.is_none_or(|of| Some(of) == Takes::of(kind));
        let family = match (self.family, family) {
            (None, _) | (_, Family::Any) => true,
            (Some(IpFamily::Inet), family) => family == Family::Inet,
            (Some(IpFamily::Inet6), family) => family == Family::Inet6,
        };
        of && family
    }

    /// Whether going beyond the limit is a deny: a verified figure of something the device does not stretch.
    pub fn denies(&self) -> bool {
        self.verified && self.hard
    }
}

impl Takes {
    /// What rule sets of a kind are to a platform; none for those that nobody wrote.
    fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::FlowRoutes => Some(Self::FlowRoutes),
            Kind::Filter | Kind::Chain => Some(Self::Filters),
            Kind::Hook => None,
        }
    }
}

/// The profiles, sorted by name.
static FILES: &[&str] = &[
    include_str!("platforms/bird.toml"),
    include_str!("platforms/exabgp.toml"),
    include_str!("platforms/frr.toml"),
    include_str!("platforms/gobgp.toml"),
    include_str!("platforms/junos-mx.toml"),
    include_str!("platforms/linux-iptables.toml"),
    include_str!("platforms/linux-nftables.toml"),
    include_str!("platforms/ncs55a2-mod-se-s.toml"),
];

#[expect(clippy::expect_used, reason = "the profiles are built in and a test reads them all")]
static PLATFORMS: LazyLock<Vec<Platform>> = LazyLock::new(|| {
    let read = |file: &&str| toml::from_str(file).expect("internal: a built-in profile does not read");
    FILES.iter().map(read).collect()
});

/// Every platform, sorted by name.
pub fn platforms() -> &'static [Platform] {
    &PLATFORMS
}

/// The platform of that name.
pub fn by_name(name: &str) -> Option<&'static Platform> {
    platforms().iter().find(|platform| platform.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::feature::Effect;
    use std::collections::BTreeSet;

    const PAGE: &str = include_str!("../../docs/platforms.md");

    #[test]
    fn every_profile_reads_and_names_are_sorted_and_distinct() {
        let names: Vec<&str> = platforms().iter().map(|p| p.name.as_str()).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        for platform in platforms() {
            assert!(!platform.takes.is_empty() && !platform.about.is_empty(), "{}", platform.name);
            let resources: BTreeSet<&str> = platform.resource.iter().map(|r| r.name.as_str()).collect();
            assert_eq!(resources.len(), platform.resource.len(), "{}", platform.name);
        }
        assert!(by_name("junos-mx").is_some() && by_name("nobody").is_none());
    }

    #[test]
    fn a_deny_never_rests_on_an_unverified_number() {
        for platform in platforms() {
            for resource in &platform.resource {
                let what = format!("{}: {}", platform.name, resource.name);
                assert!(!resource.hard || resource.verified, "{what} is hard and not verified");
                assert!(!resource.hard || resource.limit.is_some(), "{what} is hard and has no limit");
                assert!(
                    !resource.denies() || !resource.source.starts_with('E'),
                    "{what} rests on an envelope"
                );
            }
            for refusal in &platform.refuse {
                let what = format!("{}: {}", platform.name, refusal.says);
                assert!(refusal.effect != Effect::Refused || refusal.verified, "{what} is not verified");
                assert!(!refusal.verified || !refusal.source.starts_with('E'), "{what} rests on an envelope");
            }
        }
    }

    #[test]
    fn every_source_and_every_platform_stands_on_the_page() {
        for platform in platforms() {
            assert!(PAGE.contains(&format!("## {}\n", platform.name)), "no section for {}", platform.name);
            let resources = platform.resource.iter().map(|r| (&r.name, &r.source));
            let refusals = platform.refuse.iter().map(|r| (&r.says, &r.source));
            for (what, sources) in resources.chain(refusals) {
                for id in sources.split(", ") {
                    assert!(PAGE.contains(&format!("| {id} |")), "{}: {what}: source {id}", platform.name);
                }
            }
        }
    }
}
