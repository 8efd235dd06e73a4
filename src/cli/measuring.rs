//! The options of `flowgate measure`.

use super::args::{Reading, Reporting, size};
use super::error::Error;
use crate::engine::measure::{self, About, Engine};
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// Load rules into a real engine in a sandbox, and say what that took
///
/// Kernel engines get a network namespace and a control group of their own, daemons hear the rules over BGP on a loopback
/// of their own. Nothing of it is left afterwards. Needs root or user namespaces.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  flowgate measure nftables edge.nft                     kernel memory, time, against what the model says
  flowgate measure bird mitigation.conf --repeat 5       rules of any dialect, over a session
  flowgate measure command rules.txt --command 'my-filter --load {rules}'
  flowgate measure frr rules.conf --calibrate            a profile fitted to this machine's daemon")]
pub(super) struct Measure {
    /// The engine
    #[arg(value_name = "ENGINE", value_parser = engine_names())]
    pub(super) engine: String,
    /// A rule file, `FILE:RULE-SET` for one of its rule sets, or `-` for standard input
    #[arg(value_name = "RULES")]
    pub(super) rules: PathBuf,
    /// For the engine `command`: the program with its arguments; `{rules}` is the path of the file of rules
    #[arg(long, value_name = "TEMPLATE", value_parser = template)]
    pub(super) command: Option<Words>,
    /// Measure rules of three shapes, fit the model of the engine to them, and say how far it is off on three other shapes
    /// and on RULES; where the model is built up and not fitted, say how far it is off
    #[arg(long, conflicts_with = "command")]
    pub(super) calibrate: bool,
    /// With `--calibrate`: how many rules to fit to; three times as many are judged
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [1_000, 10_000], requires = "calibrate",
          value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub(super) sizes: Vec<u32>,
    /// With `--calibrate`: write the fitted resource of a profile to a file
    #[arg(long, value_name = "FILE", requires = "calibrate")]
    pub(super) write_profile: Option<PathBuf>,
    /// How many times to load; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(super) repeat: u16,
    /// Memory that one load may take, processes and kernel together, as `512M` or `8G`
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = size)]
    pub(super) limit_memory: u64,
    /// Seconds that one load may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) limit_time: u64,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// The words of a command.
#[derive(Clone, Debug)]
pub(super) struct Words(pub(super) Vec<String>);

fn template(text: &str) -> Result<Words, String> {
    Words::split(text)?.with("{rules}", "the path of the file of rules")
}

impl Words {
    /// Words of which one holds a mark that stands for something.
    pub(super) fn with(self, mark: &str, what: &str) -> Result<Self, String> {
        if self.0.iter().any(|word| word.contains(mark)) {
            Ok(self)
        } else {
            Err(format!("no word holds `{mark}`, {what}"))
        }
    }

    /// Words with quotes as a shell has them; no other character means anything.
    pub(super) fn split(text: &str) -> Result<Self, String> {
        let mut list = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for c in text.chars() {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '\'' || c == '"' => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                None if c.is_whitespace() => list.extend(word.take()),
                _ => word.get_or_insert_default().push(c),
            }
        }
        list.extend(word);
        if quote.is_some() {
            return Err("a quote is not closed".to_owned());
        }
        Ok(Self(list))
    }
}

impl Measure {
    /// The engine.
    pub(super) fn about(&self) -> Result<&'static About, Error> {
        let about = measure::by_name(&self.engine).ok_or(Error::NoRules)?;
        match (about.engine == Engine::Command, &self.command) {
            (true, None) => Err(Error::NoTemplate),
            (false, Some(_)) => Err(Error::TemplateUnused { engine: about.name }),
            _ => Ok(about),
        }
    }

    /// The words of the template.
    pub(super) fn words(&self) -> &[String] {
        self.command.as_ref().map_or(&[], |words| &words.0)
    }
}

fn engine_names() -> PossibleValuesParser {
    PossibleValuesParser::new(measure::ENGINES.iter().map(|about| about.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_a_shell_does() {
        assert_eq!(template("a 'b c' {rules}").unwrap().0, ["a", "b c", "{rules}"]);
        assert_eq!(template("a --x=\"{rules}\"").unwrap().0, ["a", "--x={rules}"]);
        assert!(template("a b").is_err() && template("a '{rules}").is_err());
    }
}
