//! Platforms as data: what they hold, how rules fill it, what they do not take, each with its source.

use super::built::Structure;
use super::device::Direction;
use super::feature::Refusal;
use super::flow::Encoding;
use super::kernel::Words;
use crate::field::Family;
use crate::ir::Kind;
use serde::Deserialize;

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
    #[serde(default)]
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
    /// Only rule sets attached in this direction fill it; none for both.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// Each rule set has one of its own, and the fullest counts.
    #[serde(default)]
    pub each_rule_set: bool,
    /// How much there is; none where only a budget of the user's says.
    #[serde(default)]
    pub limit: Option<u64>,
    /// The slices that make up the limit, where it is not given as a number.
    #[serde(default)]
    pub slices: Option<Slices>,
    /// It is given out in pieces of this size.
    #[serde(default)]
    pub chunk: Option<u64>,
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

/// Slices of a table that a feature has been given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Slices {
    /// How many.
    pub count: u64,
    /// Entries of one.
    pub entries: u64,
    /// Bits of an entry.
    pub bits: u64,
    /// Bits of the key; one that is wider than an entry takes slices side by side.
    pub key_bits: u64,
}

impl Slices {
    /// The entries they hold for keys of that width.
    pub fn entries(self) -> u64 {
        let wide = self.key_bits.div_ceil(self.bits.max(1)).max(1);
        (self.count / wide).saturating_mul(self.entries)
    }
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
        /// Copies of a list on ingress.
        #[serde(default)]
        ingress: Copies,
        /// Copies of a list on egress.
        #[serde(default)]
        egress: Copies,
    },
    /// Rule sets, once for each place they are attached at.
    RuleSets,
    /// Rules.
    Rules {
        /// Units each takes.
        #[serde(default = "one")]
        each: u64,
    },
    /// Rules that limit a rate.
    Policers,
    /// Registers that compare ports, shared by all lists: distinct ranges of source and destination ports. While there
    /// are some left, a range takes one entry of a table; then it is covered by prefixes.
    Registers(RegisterUnits),
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
    /// A structure that is built of all rules of a rule set.
    Built {
        /// Which.
        structure: Structure,
    },
    /// Time until all are programmed.
    Seconds {
        /// Rules a second.
        rate: u64,
    },
    /// The largest number of rules with one destination prefix, or without one.
    SameDestination,
}

/// How often a table keeps a list that is attached several times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Copies {
    /// Once.
    #[default]
    Once,
    /// Once an interface.
    Interface,
    /// Once a forwarding chip.
    Chip,
}

/// What comparisons of ports take of the registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegisterUnits {
    /// Units of a range with two ends.
    pub range: u64,
    /// Units of "at least" or "at most".
    pub bound: u64,
    /// Units of "not"; none where it is two ranges.
    #[serde(default)]
    pub other: Option<u64>,
    /// Only ranges of source ports are kept in registers.
    #[serde(default)]
    pub source_only: bool,
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

impl Model {
    /// Whether it looks at the conditions of flow rules, and not at their octets.
    pub(super) fn reads_conditions(self) -> bool {
        matches!(self, Self::Kernel { .. } | Self::Built { .. })
    }
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

    /// Whether a whole may cost more than its parts: something that is shared runs out, or every rule takes of what others
    /// have.
    pub fn is_superadditive(&self) -> bool {
        self.resource
            .iter()
            .any(|resource| matches!(resource.model, Model::Registers(_) | Model::Built { .. }))
    }

    /// Whether more rules may take less of something: rules are kept apart in another way when there are more of them.
    pub fn is_monotonic(&self) -> bool {
        let tries =
            |model| matches!(model, Model::Built { structure: Structure::DpdkAcl | Structure::DpdkAclTries });
        !self.resource.iter().any(|resource| tries(resource.model))
    }

    /// Rules it programs a second, where that is known.
    pub fn programming_rate(&self) -> Option<u64> {
        self.resource.iter().find_map(|resource| match resource.model {
            Model::Seconds { rate } => Some(rate),
            _ => None,
        })
    }

    /// How it writes values into its keys.
    pub fn encoding(&self) -> Encoding {
        Encoding { ipv6_payload_length: self.ipv6_payload_length }
    }
}

impl Resource {
    /// How much there is, as a number or by its slices.
    pub fn holds(&self) -> Option<u64> {
        self.limit.or_else(|| self.slices.map(Slices::entries))
    }

    /// Whether rule sets of that kind and family fill it.
    pub fn is_filled_by(&self, kind: Kind, family: Family) -> bool {
        self.of.is_none_or(|of| Some(of) == Takes::of(kind)) && self.is_of(family)
    }

    /// Whether rule sets of that family fill it.
    pub fn is_of(&self, family: Family) -> bool {
        match (self.family, family) {
            (None, _) | (_, Family::Any) => true,
            (Some(IpFamily::Inet), family) => family == Family::Inet,
            (Some(IpFamily::Inet6), family) => family == Family::Inet6,
        }
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
