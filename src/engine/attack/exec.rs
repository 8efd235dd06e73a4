//! A target that is a command: it is given a file, and its end is the answer.

use super::super::EngineError;
use super::super::measure::{Limits, Sandbox};
use super::trouble;
use crate::campaign::Input;
use crate::campaign::target::{About, Observation, Outcome, Takes, Target, Trouble};
use crate::dialect::flowspec::Table;
use crate::packet::{CaptureWriter, LinkType};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is written to the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feed {
    /// NLRIs of IPv4 flow routes, each behind its length.
    Nlri,
    /// UPDATEs, whole messages with their headers.
    Update,
    /// Rules in the words of a dialect.
    Text(&'static str),
    /// A capture of packets.
    Capture,
}

/// A command.
#[derive(Debug)]
pub struct Exec {
    about: About,
    words: Vec<String>,
    feed: Feed,
    sandbox: Sandbox,
    file: PathBuf,
    patience: Duration,
    end: Option<Instant>,
}

/// Codes from here on are those of shells for a signal.
const SIGNALS: i32 = 128;
/// Lines kept of what it says.
const LINES: usize = 200;
/// Words with which a program says that it fell, whatever its code.
const FALLS: [&str; 4] = ["panicked at", "runtime error", "Sanitizer", "Assertion"];

impl Exec {
    /// The command `words`, in which `{}` stands for the file; run in a sandbox around `folder`.
    pub fn new(
        words: Vec<String>,
        feed: Feed,
        folder: &Path,
        limits: Limits,
        patience: Duration,
    ) -> Result<Self, EngineError> {
        let sandbox = Sandbox::new(folder, limits, false)?;
        let takes = match feed {
            Feed::Nlri | Feed::Update => Takes::Updates(&[Table::Ipv4]),
            Feed::Text(dialect) => Takes::Text(dialect),
            Feed::Capture => Takes::Packets,
        };
        let name = words.join(" ");
        let about = About { name, version: String::new(), takes, shows: false, lives: false };
        let file = folder.join("input");
        Ok(Self { about, words, feed, sandbox, file, patience, end: None })
    }

    /// The octets of the file.
    fn octets(&self, input: &Input) -> Vec<u8> {
        const HEADER: usize = 19;
        match (input, self.feed) {
            (Input::Updates(list), Feed::Update) => {
                let mut out = Vec::new();
                for update in list {
                    let body = update.body(true);
                    out.extend_from_slice(&[0xff; 16]);
                    let length = u16::try_from(body.len() + HEADER).unwrap_or(u16::MAX);
                    out.extend_from_slice(&length.to_be_bytes());
                    out.push(2);
                    out.extend_from_slice(&body);
                }
                out
            }
            (Input::Updates(list), _) => list
                .iter()
                .filter(|update| !update.withdraws)
                .flat_map(crate::campaign::Update::field)
                .collect(),
            (Input::Text(lines), _) => {
                let mut text = lines.join("\n");
                text.push('\n');
                text.into_bytes()
            }
            (Input::Packets(list), _) => capture(list).unwrap_or_default(),
        }
    }
}

fn capture(list: &[Vec<u8>]) -> std::io::Result<Vec<u8>> {
    let mut writer = CaptureWriter::new(Vec::new(), LinkType::RAW)?;
    for (number, octets) in (0_u64..).zip(list) {
        let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        writer.write(Duration::from_micros(number), octets, length)?;
    }
    writer.finish()
}

impl Target for Exec {
    fn about(&self) -> &About {
        &self.about
    }

    fn feed(&mut self, input: &Input) -> Result<Observation, Trouble> {
        let until = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        let patience = until.map_or(self.patience, |until| until.min(self.patience));
        let octets = self.octets(input);
        std::fs::write(&self.file, octets).map_err(|error| Trouble::new("writing input", error))?;
        let file = self.file.to_string_lossy();
        let words: Vec<String> = self.words.iter().map(|word| word.replace("{}", &file)).collect();
        let Some((program, arguments)) = words.split_first() else { return Ok(Observation::quiet()) };
        let started = self.sandbox.start(program.as_ref(), arguments, &[], "log");
        let mut inmate = started.map_err(trouble("starting the command"))?;
        let ended = inmate.wait(patience).map_err(trouble("waiting for the command"))?;
        let octets = inmate.first();
        let text = String::from_utf8_lossy(&octets);
        let said: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .take(LINES)
            .map(str::to_owned)
            .collect();
        let mut seen = Observation { said, ..Observation::quiet() };
        let Some(ended) = ended else {
            drop(inmate);
            self.sandbox.clear();
            seen.outcome = if patience < self.patience { Outcome::Unseen } else { Outcome::Hung };
            return Ok(seen);
        };
        seen.cpu = ended.cpu;
        let fell = ended.code != Some(0)
            && seen.said.iter().any(|line| FALLS.iter().any(|word| line.contains(word)));
        if ended.code.is_none_or(|code| code >= SIGNALS) || fell {
            seen.outcome = Outcome::Died { code: ended.code };
        } else {
            // 126 and 127 say that there was no command to run.
            if matches!(ended.code, Some(126 | 127)) {
                let said = seen.said.first().cloned().unwrap_or_default();
                let program = program.clone();
                let error = EngineError::Refused { program, said };
                return Err(Trouble::new(format!("the command cannot be run: {error}"), error));
            }
            seen.taken = Some(ended.code == Some(0));
        }
        Ok(seen)
    }

    fn until(&mut self, end: Option<Instant>) {
        self.end = end;
    }

    fn renew(&mut self) -> Result<(), Trouble> {
        self.sandbox.clear();
        Ok(())
    }
}
