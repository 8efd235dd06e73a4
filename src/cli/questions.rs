//! The options of the commands that ask what becomes of packets: `query` and `test`.

use super::args::{Reading, Reporting, View, Writing};
use crate::campaign::cases::Expected;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Ask which packets get which verdict by which rules: exact, in regions, with a packet each
///
/// The expression says which packets are meant; `verdict` and `rule` in it speak of what becomes of them. Asked are IPv4
/// and IPv6 packets that come to the rules. Of lists with more regions than anybody reads, the packets of each rule are
/// told, "less what earlier rules take". Exits with 0 when that is answered. Where a verdict or a rule is asked for,
/// exits with 0 when some packet has it and with 1 when none has, which is proven. Exits with 3 when nobody can say,
/// or a part of the rules could not be read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate query edge.conf 'tcp and dport 22'                     what becomes of SSH?
  flowgate query edge.conf 'tcp and dport 22' --verdict accept    is any of it let through?
  flowgate query edge.conf 'dst in 192.0.2.0/24 and not verdict drop'
  flowgate query edge.conf:EDGE-IN 'rule \"allow web\"'             what does this rule decide?")]
pub(super) struct Query {
    /// A rule file, `FILE:RULE-SET` for one of its rule sets, or `-` for standard input
    #[arg(value_name = "RULES")]
    pub(super) rules: PathBuf,
    /// Which packets
    #[arg(value_name = "EXPRESSION")]
    pub(super) expression: String,
    /// Only packets with this verdict (`drop` for discard and reject); several may be given
    #[arg(long, value_name = "VERDICT", value_parser = verdicts())]
    pub(super) verdict: Vec<String>,
    /// Write a packet of every region to a capture
    #[arg(long, value_name = "FILE")]
    pub(super) write_pcap: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) view: View,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// Hold rules against cases: packets and regions with the verdicts they are to get
///
/// A suite is a TOML file; docs/testing.md has its form. What is said of a region is proven for every packet of it.
/// Exits with 0 when every case passes, with 1 when one fails or fewer rules are touched than `--min-coverage` asks
/// for, with 2 when a suite is broken, with 3 when a case has no answer.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate test --generate edge.conf --output edge.test.toml      a suite to start with
  flowgate test edge.test.toml
  flowgate test tests/*.toml --rules new.conf --format junit --output report.xml
  flowgate test edge.test.toml --coverage --min-coverage 90")]
pub(super) struct Test {
    /// Suites, or `-` for standard input
    #[arg(required_unless_present = "generate", conflicts_with = "generate", value_name = "SUITE")]
    pub(super) suites: Vec<PathBuf>,
    /// Rules to test instead of those the suites name: a file, or `FILE:RULE-SET`
    #[arg(long, value_name = "RULES", conflicts_with = "generate")]
    pub(super) rules: Option<PathBuf>,
    /// Write a suite to start with for these rules: a packet for every rule that one comes to and the packets at the
    /// boundaries of all rules, each with what becomes of it today
    #[arg(long, value_name = "RULES")]
    pub(super) generate: Option<PathBuf>,
    /// Show the rules that no case touches: those that decide about no packet of any
    #[arg(long, conflicts_with = "generate")]
    pub(super) coverage: bool,
    /// Fail when cases touch less than this part of the rules
    #[arg(long, value_name = "PERCENT", conflicts_with = "generate",
          value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) min_coverage: Option<u8>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) view: View,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = TestFormat::Terminal, value_name = "NAME", conflicts_with = "generate")]
    pub(super) format: TestFormat,
    #[command(flatten)]
    pub(super) writing: Writing,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TestFormat {
    /// For people
    Terminal,
    /// One JSON document
    Json,
    /// The XML of `JUnit`, for build servers
    Junit,
}

fn verdicts() -> PossibleValuesParser {
    PossibleValuesParser::new(Expected::NAMES)
}
