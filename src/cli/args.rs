//! The options of every command, as data; help, completions and the manual page are made from them.

#[cfg(target_os = "linux")]
use super::fuzzing::Fuzz;
#[cfg(target_os = "linux")]
use super::measuring::Measure;
use super::pricing::{Cost, PlatformList, Platforms};
use super::questions::{Query, Test};
use crate::check::CHECKS;
use crate::config::Date;
use crate::diagnostic::Level;
use crate::dialect::{DIALECTS, Reads};
use crate::report::VERDICTS;
use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// The definition of the whole command line.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Checks packet-filter rules before a router sees them: reads, proves, runs and prices them.
#[derive(Parser, Debug)]
#[command(name = "flowgate", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   ran, nothing at or above --fail-on, nothing inconclusive that matters
  1   findings at or above --fail-on; `cost`: a level is deny; `convert`: rules are
      left out or verdicts change unless allowed, with --strict anything lost;
      `test`: a case fails; `query`: no packet has the verdict or rule asked for
  2   could not run: usage, unreadable file, unknown dialect, broken flowgate.toml
  3   a question that matters has no answer
  70  a fault of flowgate itself

Examples:
  flowgate check rules/                         every rule file of a folder
  flowgate check --format sarif edge.conf       for a code host
  flowgate explain value-out-of-range           what a finding means and what to do";

/// What every command understands.
#[derive(Args, Debug)]
pub(super) struct Common {
    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(super) color: Color,
    /// Say less: no summary and no hints
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more on standard error: limits, our own memory, what was skipped
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Color {
    /// On a terminal, unless the variable `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Check(Check),
    Diff(Diff),
    Eval(Eval),
    Trace(Trace),
    Query(Query),
    Test(Test),
    Cost(Cost),
    #[cfg(target_os = "linux")]
    Measure(Measure),
    #[cfg(target_os = "linux")]
    Fuzz(Box<Fuzz>),
    Convert(Convert),
    /// Make packets aimed at rules
    Generate {
        #[command(subcommand)]
        what: Generate,
    },
    /// List the checks
    #[command(after_help = "Example:\n  flowgate checks --format json")]
    Checks(List),
    Dialects(Dialects),
    Platforms(PlatformList),
    Explain(Explain),
    Completions(Completions),
    Man(Man),
}

/// Where rules come from.
#[derive(Args, Clone, Debug)]
pub(super) struct Reading {
    /// The dialect of the rules; `auto` goes by content, then by name. A file that is named is read as this dialect; of a
    /// folder every text file is that no other dialect is sure of, and what is skipped is told
    #[arg(long, default_value = "auto", value_name = "NAME", value_parser = readable_dialects())]
    pub(super) dialect: String,
    /// What a flow rule without an action is taken to do
    #[arg(long, value_enum, value_name = "ACTION")]
    pub(super) assume_action: Option<AssumedAction>,
    /// The link type that filter expressions are compiled for, as `RAW` or a number of LINKTYPE [default: that of the
    /// first capture for `eval`, RAW for `convert`, else EN10MB]
    #[arg(long, value_name = "NAME", value_parser = link_type)]
    pub(super) link_type: Option<u16>,
    /// A run that finds no rule is accepted
    #[arg(long)]
    pub(super) allow_empty: bool,
    /// How many files are read at a time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: Option<u16>,
    /// Read as some implementations do; several may be given
    #[arg(long, value_enum, value_name = "NAME")]
    pub(super) variant: Vec<Variant>,
    /// The address family of rules whose text says none
    #[arg(long, value_enum, value_name = "FAMILY")]
    pub(super) family: Option<AddressFamily>,
    /// Look here for files that rules include by a bare name, and open what they include from here; several may be
    /// given. Without it files are opened in the folder of the rules alone
    #[arg(long, value_name = "FOLDER")]
    pub(super) include_path: Vec<PathBuf>,
    /// Read no file that rules include
    #[arg(long)]
    pub(super) no_includes: bool,
    /// Stop when this much of our own memory is resident, as `512M` or `8G` [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) memory: Option<u64>,
}

/// An address family.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AddressFamily {
    /// IPv4
    #[value(name = "ipv4", alias = "inet")]
    Ipv4,
    /// IPv6
    #[value(name = "ipv6", alias = "inet6")]
    Ipv6,
}

/// A way of reading that implementations differ in.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Variant {
    /// Flow specifications: a length below 240 in two octets is malformed
    FlowspecStrictLength,
    /// iptables: packets too short for a header, and headers at which the kernel stops, are part of the rules
    IptablesExact,
    /// iptables: the rules are loaded by the nft back end
    IptablesNft,
    /// Junos: a `from` of only `except` prefixes matches everything else
    JunosExceptOnlyMatchesRest,
}

/// Octets with a suffix of powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "a number, with `K`, `M` or `G` behind it for powers of 1024".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, suffix) = text.split_at_checked(end).ok_or_else(wrong)?;
    let shift = match suffix.trim_end_matches("iB").trim_end_matches('B') {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|octets| *octets > 0).ok_or_else(wrong)
}

/// Which packets are meant.
#[derive(Args, Debug)]
pub(super) struct View {
    /// Take every packet for the first of its connection: `ct.state` is `new` where nothing says otherwise
    #[arg(long)]
    pub(super) first_packet: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AssumedAction {
    /// It accepts (RFC 8955 section 7)
    Accept,
    /// It discards
    Discard,
}

/// Where the policy and the output are.
#[derive(Args, Debug)]
pub(super) struct Policing {
    /// The policy [default: the nearest flowgate.toml upward from the first path]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Where the output goes.
#[derive(Args, Debug)]
pub(super) struct Writing {
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// In which form a report is written, and where.
#[derive(Args, Debug)]
pub(super) struct Reporting {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = TableFormat::Terminal, value_name = "NAME")]
    pub(super) format: TableFormat,
    #[command(flatten)]
    pub(super) writing: Writing,
}

/// Read, lint, prove and price rule files: the gate
///
/// Findings go to standard output in the chosen format. The exit code is the verdict.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate check edge.conf                          one file, its dialect by content
  flowgate check rules/ --fail-on warning           a folder; warnings fail too
  flowgate check --config /etc/flowgate.toml .      a policy from outside the change
  flowgate check --against main rules/              and what the change does, beside a git revision
  flowgate check --platform bird@2.17.4 --platform ncs5500 rules/
                                                    and what devices on the way will not take
  echo '03010181...' | flowgate check --dialect flowspec-hex -")]
pub(super) struct Check {
    /// Rule files, folders, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) policing: Policing,
    #[command(flatten)]
    pub(super) view: View,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = CheckFormat::Terminal, value_name = "NAME")]
    pub(super) format: CheckFormat,
    #[command(flatten)]
    pub(super) writing: Writing,
    #[command(flatten)]
    pub(super) platforms: Platforms,
    /// Judge the change too: the rules as they were, in a file, a folder, or a git revision
    #[arg(long, value_name = "REV|PATH")]
    pub(super) against: Option<String>,
    /// Remove and merge rules where that is proven to change nothing (`redundant-rule`, `duplicate-rule`, `shadowed-rule`,
    /// `mergeable-rules`), in the files themselves; then report what is left
    #[arg(long)]
    pub(super) fix: bool,
    /// Put the subjects of regular expressions to PCRE2 too, by this program (`pcre2test` of the package pcre2-utils), and
    /// show what it counts
    #[arg(long, value_name = "PROGRAM")]
    pub(super) replay_on: Option<PathBuf>,
    /// The level from which a finding fails the run [default: error, or what flowgate.toml says]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(super) fail_on: Option<FailOn>,
    /// What a question without an answer does to the exit code, where it matters
    #[arg(long, value_enum, default_value_t = OnInconclusive::Report, value_name = "WHAT")]
    pub(super) inconclusive: OnInconclusive,
    /// The day suppressions are judged by, as 2027-03-01 [default: today]
    #[arg(long, value_name = "DAY")]
    pub(super) today: Option<Date>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CheckFormat {
    /// For people
    Terminal,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FailOn {
    /// Anything found
    Note,
    /// Warnings and errors
    Warning,
    /// Errors
    Error,
}

impl From<FailOn> for Level {
    fn from(level: FailOn) -> Self {
        match level {
            FailOn::Note => Self::Note,
            FailOn::Warning => Self::Warning,
            FailOn::Error => Self::Error,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OnInconclusive {
    /// Exit with 1
    Fail,
    /// Exit with 3
    Report,
    /// Leave the exit code alone
    Ignore,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TableFormat {
    /// For people
    Terminal,
    /// One JSON document
    Json,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PriceFormat {
    /// For people
    Terminal,
    /// One JSON document
    Json,
    /// One page that loads nothing from elsewhere, with bars
    Html,
    /// For a comment on a change, with bars
    Markdown,
}

/// Run captured packets through rules: hits of every rule, what becomes of the packets
///
/// Where several rule sets look at a packet, a drop of one is final.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate eval edge.conf --capture attack.pcap
  flowgate eval edge.conf:EDGE-IN --capture a.pcapng --capture b.pcap.gz --format json
  tcpdump -w - -c 10000 | flowgate eval edge.conf --capture - --write-pcap discard=lost.pcap")]
pub(super) struct Eval {
    /// Rule files, or `FILE:RULE-SET` for one of their rule sets
    #[arg(required = true, value_name = "RULES")]
    pub(super) rules: Vec<PathBuf>,
    /// Captures (pcap or pcapng, also in gzip or zstd), or `-` for standard input
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(super) capture: Vec<PathBuf>,
    /// Write the packets of a verdict (or of `drop`, for both kinds) to a capture
    #[arg(long, value_name = "VERDICT=FILE", value_parser = verdict_file)]
    pub(super) write_pcap: Vec<(String, PathBuf)>,
    /// Look at so many packets and no more
    #[arg(long, value_name = "N")]
    pub(super) count: Option<u64>,
    /// Look at one of every so many packets, the first among them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) sample: Option<u64>,
    /// Look at packets from this time on: `2013-03-03T09:47:00Z`, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) from: Option<Duration>,
    /// Look at packets before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) to: Option<Duration>,
    /// Sum up over stretches of time of this length, as `1s` or `5m`, for `--series`
    #[arg(long, value_name = "TIME", value_parser = stretch, requires = "series")]
    pub(super) every: Option<Duration>,
    /// Write packets by verdict over time to a file: `.csv`, `.json`, or a plot in `.svg`
    #[arg(long, value_name = "FILE", value_parser = series_file, requires = "every")]
    pub(super) series: Vec<(SeriesForm, PathBuf)>,
    /// Evaluate in so many threads [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) view: View,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

impl Eval {
    /// How many threads evaluate.
    pub(super) fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(processors, usize::from)
    }
}

/// Say why one packet gets its verdict: each rule tried, and the first test that failed
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["packet", "capture"]))]
#[command(after_help = "\
Examples:
  flowgate trace edge.conf --packet 'udp 198.51.100.7:53 > 192.0.2.9:40000 len 1200'
  flowgate trace edge.conf:EDGE-IN --capture attack.pcap --index 42")]
pub(super) struct Trace {
    /// A rule file, `FILE:RULE-SET` for one of its rule sets, or `-` for standard input
    #[arg(value_name = "RULES")]
    pub(super) rules: PathBuf,
    /// The packet in words
    #[arg(long, value_name = "SPEC")]
    pub(super) packet: Option<String>,
    /// A capture that holds the packet
    #[arg(long, value_name = "FILE")]
    pub(super) capture: Option<PathBuf>,
    /// The number of the packet in the capture [default: 1, the first]
    #[arg(long, value_name = "N", requires = "capture", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) index: Option<u64>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) view: View,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// Compare two rule files: which packets they decide differently, by which rules
///
/// Exact, whatever the dialects of the two are. Exits with 0 when every packet has the same verdict, with 1 when some
/// has another or a rule set stands on one side alone, with 3 when nobody can say.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate diff old.conf new.conf
  flowgate diff edge.junos:EDGE-IN edge.nft:input      across dialects
  flowgate diff old.conf new.conf --write-pcap changed.pcap --format json")]
pub(super) struct Diff {
    /// The rules as they were: a file, or `FILE:RULE-SET`
    #[arg(value_name = "OLD")]
    pub(super) old: PathBuf,
    /// The rules as they are to be: a file, or `FILE:RULE-SET`
    #[arg(value_name = "NEW")]
    pub(super) new: PathBuf,
    /// Write a packet of every region decided differently to a capture
    #[arg(long, value_name = "FILE")]
    pub(super) write_pcap: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// Print rules in another dialect, and say what it cannot express
///
/// The text goes to standard output, what is lost to standard error. What was written is read again, and every packet must
/// be decided as before.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate convert edge.conf --to flowspec-hex
  flowgate convert edge.conf:EDGE-IN --to junos --form set
  flowgate convert rules.txt --to exabgp --strict       exit 1 when anything is lost")]
pub(super) struct Convert {
    /// A rule file, `FILE:RULE-SET` for one of its rule sets, or `-` for standard input
    #[arg(value_name = "RULES")]
    pub(super) rules: PathBuf,
    /// The dialect to print
    #[arg(long, value_name = "DIALECT", value_parser = writable_dialects())]
    pub(super) to: String,
    /// A form of that dialect, as `set` for Junos
    #[arg(long, value_name = "FORM")]
    pub(super) form: Option<String>,
    /// Write fewer rules that provably decide the same about every packet, and say how many fewer
    #[arg(long)]
    pub(super) minimize: bool,
    /// Exit with 1 when anything is lost
    #[arg(long)]
    pub(super) strict: bool,
    /// Exit with 0 even when whole rules are left out, which is an error otherwise
    #[arg(long, conflicts_with = "strict")]
    pub(super) allow_loss: bool,
    /// Exit with 0 even when the output decides otherwise than the input (by another order, default or
    /// verdict), which is an error otherwise
    #[arg(long, conflicts_with = "strict")]
    pub(super) allow_other_verdicts: bool,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) writing: Writing,
}

#[derive(Subcommand, Debug)]
pub(super) enum Generate {
    Packets(GeneratePackets),
}

/// Write a capture of packets at and just beside every bound of every rule
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  flowgate generate packets edge.conf --output edge.pcap --seed 7")]
pub(super) struct GeneratePackets {
    /// A rule file, `FILE:RULE-SET` for one of its rule sets, or `-` for standard input
    #[arg(value_name = "RULES")]
    pub(super) rules: PathBuf,
    /// The capture to write
    #[arg(long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// What rules do not ask about is drawn from this number; the same number gives the same packets
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) reading: Reading,
}

/// List what is known here
#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// List the dialects and what can be done with each, or every keyword of one
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate dialects                     reading, writing, and how many keywords are understood
  flowgate dialects junos               every keyword of Junos with how far it is supported")]
pub(super) struct Dialects {
    /// The dialect whose keywords to list; without one, the dialects
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(DIALECTS.iter().map(|d| d.name())))]
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) list: List,
}

/// Print the page of a check: what it finds, why it matters, what to do
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  flowgate explain value-out-of-range")]
pub(super) struct Explain {
    /// The check
    #[arg(value_name = "NAME", value_parser = check_names(), hide_possible_values = true)]
    pub(super) name: String,
}

/// Print completions for a shell
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  flowgate completions bash > /etc/bash_completion.d/flowgate")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Print the manual page
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  flowgate man > flowgate.1\n  flowgate man check | man -l -")]
pub(super) struct Man {
    /// The command whose page to print; without one, the page of flowgate itself
    #[arg(value_name = "COMMAND")]
    pub(super) command: Option<String>,
}

pub(super) fn link_type(text: &str) -> Result<u16, String> {
    crate::dialect::link_type(text).ok_or_else(|| format!("`{text}` is no link type that is known by name"))
}

/// The forms of a series.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SeriesForm {
    Csv,
    Json,
    Svg,
}

fn series_file(text: &str) -> Result<(SeriesForm, PathBuf), String> {
    let path = PathBuf::from(text);
    let form = match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => SeriesForm::Csv,
        Some("json") => SeriesForm::Json,
        Some("svg") => SeriesForm::Svg,
        _ => return Err("its name says the form: it ends in .csv, .json or .svg".to_owned()),
    };
    Ok((form, path))
}

/// A length of time that is not nothing.
fn stretch(text: &str) -> Result<Duration, String> {
    let length: jiff::SignedDuration =
        text.parse().map_err(|_| "write it as `1s`, `100ms` or `5m`".to_owned())?;
    let length = Duration::try_from(length).ok().filter(|length| !length.is_zero());
    length.ok_or_else(|| "no time passes".to_owned())
}

/// A time since 1970.
fn time(text: &str) -> Result<Duration, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = part.len();
    if let (Ok(seconds), Ok(part), 1..=9) = (whole.parse::<u64>(), part.parse::<u32>(), digits) {
        let nanos = u64::from(part) * 10_u64.pow(u32::try_from(9 - digits).unwrap_or(0));
        return Ok(Duration::from_secs(seconds) + Duration::from_nanos(nanos));
    }
    let time: jiff::Timestamp =
        text.parse().map_err(|_| "write it as 2013-03-03T09:47:00Z, or as seconds since 1970".to_owned())?;
    Duration::try_from(time.as_duration()).map_err(|_| "it lies before 1970".to_owned())
}

fn verdict_file(text: &str) -> Result<(String, PathBuf), String> {
    let (verdict, file) = text.split_once('=').ok_or("write it as VERDICT=FILE")?;
    if verdict != "drop" && !VERDICTS.contains(&verdict) {
        return Err(format!("`{verdict}` is no verdict: they are {}, drop", VERDICTS.join(", ")));
    }
    if file.is_empty() {
        return Err("the file is missing".to_owned());
    }
    Ok((verdict.to_owned(), file.into()))
}

fn readable_dialects() -> PossibleValuesParser {
    let known = DIALECTS.iter().filter(|d| d.reads() != Reads::Nothing).map(|d| d.name());
    PossibleValuesParser::new(["auto"].into_iter().chain(known))
}

fn writable_dialects() -> PossibleValuesParser {
    PossibleValuesParser::new(DIALECTS.iter().filter(|d| d.writes()).map(|d| d.name()))
}

fn check_names() -> PossibleValuesParser {
    PossibleValuesParser::new(CHECKS.iter().map(|check| check.meta().name))
}
