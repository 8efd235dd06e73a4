//! The options of `flowgate fuzz`.

use super::args::{Reading, Reporting, size};
use super::measuring::Words;
use crate::dialect::{DIALECTS, Reads};
use crate::engine::attack::Feed;
use crate::engine::measure::ENGINES;
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Attack what will read the rules, before the rules do
///
/// Makes legal and malformed flow routes (or rules, or packets), feeds them to a route daemon, a speaker of BGP or a command,
/// and reports what must not be: that it ends, hangs, resets its session for a legal route, takes a malformed one, shows
/// another route than it was sent, loses memory, or takes time that grows faster than the rules. Daemons and commands are
/// started in a sandbox of which nothing is left. Exits with 1 when something is found.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["target", "exec", "tcp"]))]
#[command(after_help = "\
Examples:
  flowgate fuzz bird --time 300                              the daemon installed here, over BGP on a loopback of its own
  flowgate fuzz --exec 'my-parser {}' --feed nlri            a command; exit code 0 takes the input, others refuse it
  flowgate fuzz --exec 'nft -c -f {}' --feed nftables        a parser of rules
  flowgate fuzz --tcp 127.0.0.1:179 --time 60                a speaker of BGP that runs here
  flowgate fuzz bird --into hunt --resume                    goes on where it was left
  flowgate fuzz bird --replay hunt/findings/001-session-reset")]
pub(super) struct Fuzz {
    /// The daemon to attack
    #[arg(value_name = "TARGET", value_parser = daemons())]
    pub(super) target: Option<String>,
    /// Attack a command: the program with its arguments; `{}` is the path of the input
    #[arg(long, value_name = "TEMPLATE", value_parser = template)]
    pub(super) exec: Option<Words>,
    /// What is in the file for `--exec`: `nlri` (flow routes behind their lengths), `update` (BGP messages), `capture`
    /// (packets), or a dialect [default: nlri]
    #[arg(long, value_name = "KIND", value_parser = feed)]
    pub(super) feed: Option<FeedKind>,
    /// Attack a speaker of BGP at this address; it has to take a neighbor of AS 65002
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) tcp: Option<SocketAddr>,
    /// Start this program in a sandbox for `--tcp`, and again when it ends; what it announces to a neighbor of AS 65003 is
    /// compared with what it was sent
    #[arg(long, value_name = "COMMAND", value_parser = words)]
    pub(super) start: Option<Words>,
    /// The address of `--tcp` is not this machine's, and it is yours to attack
    #[arg(long)]
    pub(super) i_own_this: bool,
    /// Everything is drawn from this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// Seconds after which it ends [default: when it is interrupted, with `--ci` 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) time: Option<u64>,
    /// Inputs (routes, lines, packets) after which it ends
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// The most rules that are announced at once to see how time grows
    #[arg(long, value_name = "N", default_value_t = 32_768, value_parser = clap::value_parser!(u32).range(1_024..=4_000_000))]
    pub(super) rules: u32,
    /// Keep nothing that shows something new: the blind campaign that others are held against
    #[arg(long)]
    pub(super) no_feedback: bool,
    /// Rule files whose rules are changed too; several may be given
    #[arg(long, value_name = "FILE")]
    pub(super) seeds: Vec<PathBuf>,
    /// Where findings and the state of the campaign are kept
    #[arg(long, value_name = "FOLDER", default_value = "flowgate-campaign")]
    pub(super) into: PathBuf,
    /// Go on with the campaign that is kept there
    #[arg(long)]
    pub(super) resume: bool,
    /// Show one finding again: its folder; exits with 1 when it comes about, else with 0
    #[arg(long, value_name = "FINDING", conflicts_with = "resume")]
    pub(super) replay: Option<PathBuf>,
    /// No progress display, and an end after a minute unless `--time` or `--count` say otherwise
    #[arg(long)]
    pub(super) ci: bool,
    /// Memory that the target may take, as `512M` or `8G`
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size)]
    pub(super) limit_memory: u64,
    /// Milliseconds after which a target that does not answer is taken to hang
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    pub(super) patience: u64,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// What goes into a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FeedKind(pub(super) Feed);

fn template(text: &str) -> Result<Words, String> {
    Words::split(text)?.with("{}", "the path of the input")
}

fn words(text: &str) -> Result<Words, String> {
    let words = Words::split(text)?;
    if words.0.is_empty() { Err("there is no program in it".to_owned()) } else { Ok(words) }
}

fn feed(text: &str) -> Result<FeedKind, String> {
    let feed = match text {
        "nlri" => Feed::Nlri,
        "update" => Feed::Update,
        "capture" => Feed::Capture,
        name => {
            let known = DIALECTS.iter().filter(|d| d.writes() && d.reads() == Reads::Text);
            let found = known.clone().find(|dialect| dialect.name() == name);
            let names = || known.map(|dialect| dialect.name()).collect::<Vec<_>>().join(", ");
            Feed::Text(
                found.ok_or_else(|| format!("write nlri, update, capture, or one of {}", names()))?.name(),
            )
        }
    };
    Ok(FeedKind(feed))
}

fn daemons() -> PossibleValuesParser {
    PossibleValuesParser::new(ENGINES.iter().filter(|about| about.speaks()).map(|about| about.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_name_the_file_and_feeds_are_known() {
        assert_eq!(template("a 'b c' {}").unwrap().0, ["a", "b c", "{}"]);
        assert!(template("a b").is_err() && words("").is_err());
        assert!(matches!(feed("nftables").unwrap().0, Feed::Text("nftables")));
        assert!(feed("mrt").unwrap_err().starts_with("write nlri"));
    }
}
