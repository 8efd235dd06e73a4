//! The options of `cost` and `platforms`, and those that say which devices are meant.

use super::args::{List, OnInconclusive, Policing, PriceFormat, Reading, Writing};
use super::platforms::{Named, parse};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The devices on the way of the rules.
#[derive(Args, Debug)]
pub(super) struct Platforms {
    /// A platform, `NAME@RELEASE`, or a profile of your own in a file that ends in `.toml`; several may be given
    /// [default: those flowgate.toml names]
    #[arg(long, value_name = "NAME|FILE", value_parser = parse)]
    pub(super) platform: Vec<Named>,
}

/// Where lists are attached.
#[derive(Args, Debug)]
pub(super) struct Attached {
    /// The direction all lists look in [default: in, or what flowgate.toml says of each]
    #[arg(long, value_enum, value_name = "WAY")]
    pub(super) direction: Option<Way>,
    /// On how many interfaces each list is [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) interfaces: Option<u64>,
    /// On how many forwarding chips these interfaces lie [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) chips: Option<u64>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Packets that come in
    In,
    /// Packets that go out
    Out,
}

/// Price rules on platforms: table entries and memory, rule by rule, against the limits
///
/// Everything read is taken to end in one device.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate cost edge.conf --platform ncs55a2-mod-se-s
  flowgate cost rules/ --platform frr --platform bird --format json
  flowgate cost rules/ --platform ncs5500 --against main      before and after
  flowgate cost rules/ --platform dpdk-acl --growth           and what twice as many rules would do
  flowgate cost rules/ --platform frr --against main --format markdown
  flowgate cost edge.conf --platform ./box.toml --direction out --interfaces 8
  flowgate cost --worst --platform ncs55a2-mod-se-s           how dear one rule can be
  flowgate cost --worst edge.conf --platform ncs5500          and one slip in these rules
  flowgate cost edge.conf:EDGE-IN               for the platforms flowgate.toml names")]
pub(super) struct Cost {
    /// Rule files, folders, `FILE:RULE-SET`, or `-` for standard input
    #[arg(required_unless_present = "worst", value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) platforms: Platforms,
    #[command(flatten)]
    pub(super) attached: Attached,
    /// Show what it was before beside it: the rules as they were, in a file, a folder, or a git revision
    #[arg(long, value_name = "REV|PATH")]
    pub(super) against: Option<String>,
    /// Look for the rule with the largest cost; of rules that are given, for the edit that makes one dearest
    #[arg(long, conflicts_with = "against")]
    pub(super) worst: bool,
    /// Say how each resource grows: a quarter of the rules is priced, half of them, and all. Exits with 1 where one grows
    /// faster than the rules, and with 3 where that is not known (of fewer than sixteen rules it never is)
    #[arg(long, conflicts_with = "worst")]
    pub(super) growth: bool,
    /// How many ranges a component of the rule looked for may have
    #[arg(long, value_name = "N", default_value_t = 1, requires = "worst", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(super) ranges: u32,
    /// The resource the rule looked for is to fill [default: entries of a table, else memory]
    #[arg(long, value_name = "NAME", requires = "worst")]
    pub(super) resource: Option<String>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) policing: Policing,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = PriceFormat::Terminal, value_name = "NAME")]
    pub(super) format: PriceFormat,
    #[command(flatten)]
    pub(super) writing: Writing,
    /// What a figure known only from below does to the exit code, where a limit stands against it
    #[arg(long, value_enum, default_value_t = OnInconclusive::Report, value_name = "WHAT")]
    pub(super) inconclusive: OnInconclusive,
}

/// List the platforms rules can be priced for, or everything known of one
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate platforms                    every platform
  flowgate platforms frr                what it holds and does not take, each with its source
  flowgate platforms ./box.toml         whether a profile of yours can be used
  flowgate platforms --format json      with every figure and its source")]
pub(super) struct PlatformList {
    /// The platform to show, or a profile in a file that ends in `.toml`; without one, all
    #[arg(value_name = "NAME|FILE", value_parser = parse)]
    pub(super) name: Option<Named>,
    #[command(flatten)]
    pub(super) list: List,
}
