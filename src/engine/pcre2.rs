//! PCRE2 through `pcre2test`, its own test program: what the real library counts for a subject.
//!
//! The count is that of its match limit, found by `find_limits`: the steps that the library itself would refuse beyond.
//! It leaves work out that ours counts (what one class takes without a choice), and its first looks at a subject, for an
//! octet that must be there, keep it from searching at all.

use crate::check::Replay;
use crate::ir::{Pattern, PatternFlags};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long one pattern may take with all its subjects at once, and how long with each of them alone.
const PATIENCE: Duration = Duration::from_secs(4);

/// The program `pcre2test`.
#[derive(Debug)]
pub struct Pcre2Test {
    program: PathBuf,
    optimised: bool,
}

impl Pcre2Test {
    /// The program of a path or name; nothing is started yet.
    pub fn new(program: &Path) -> Self {
        Self { program: program.to_owned(), optimised: true }
    }

    /// The same without the looks at a subject that keep it from searching.
    #[must_use]
    pub fn without_optimisations(mut self) -> Self {
        self.optimised = false;
        self
    }

    /// What it says; none where it takes too long.
    fn run(&self, input: Vec<u8>) -> Result<Option<String>, String> {
        let failed = |error: std::io::Error| format!("`{}`: {error}", self.program.display());
        let mut child = Command::new(&self.program)
            .arg("-q")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        // It writes while it reads: each of the two could wait for us.
        let writer = std::thread::spawn(move || stdin.map(|mut to| to.write_all(&input)));
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            stdout.map(|mut from| from.read_to_end(&mut text)).transpose().map(|_| text)
        });
        let end = Instant::now() + PATIENCE;
        let ended = loop {
            match child.try_wait().map_err(failed)? {
                Some(_) => break true,
                None if Instant::now() >= end => break false,
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        if !ended {
            _ = child.kill();
            _ = child.wait();
        }
        _ = writer.join();
        let text = reader.join().map_err(|_| "its output was not read".to_owned())?.map_err(failed)?;
        Ok(ended.then(|| String::from_utf8_lossy(&text).into_owned()))
    }
}

impl Replay for Pcre2Test {
    fn name(&self) -> String {
        "pcre2".to_owned()
    }

    fn counts(&self, pattern: &Pattern, subjects: &[Vec<u8>]) -> Result<Vec<Option<u64>>, String> {
        if let Some(counts) = self.at_once(pattern, subjects)? {
            return Ok(counts);
        }
        // What the shorter ones come to is told all the same; a longer one takes no less time than one before it.
        let mut counts = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let Some(count) = self.at_once(pattern, std::slice::from_ref(subject))? else { break };
            counts.extend(count);
        }
        if counts.is_empty() {
            return Err(format!("it took more than {} s", PATIENCE.as_secs()));
        }
        counts.resize(subjects.len(), None);
        Ok(counts)
    }

    fn counts_one_start(&self) -> bool {
        // Its match limit is one of each attempt (`pcre2_match`, in the loop over places to start at).
        true
    }
}

impl Pcre2Test {
    /// The counts of all subjects in one run; none where it takes too long.
    fn at_once(&self, pattern: &Pattern, subjects: &[Vec<u8>]) -> Result<Option<Vec<Option<u64>>>, String> {
        let Some(output) = self.run(input(pattern, subjects, self.optimised))? else { return Ok(None) };
        if let Some(line) = output.lines().find(|line| line.starts_with("Failed: ")) {
            return Err(line.trim_start_matches("Failed: ").to_owned());
        }
        // One answer for each subject: a count, or an error of the limits that it looks through.
        let mut counts = Vec::new();
        for line in output.lines() {
            if let Some(count) = line.strip_prefix("Minimum match limit = ") {
                counts.push(count.trim().parse().ok());
            } else if line.starts_with("Failed: error -") {
                counts.push(None);
            }
        }
        if counts.len() == subjects.len() {
            Ok(Some(counts))
        } else {
            let said: String = output.lines().last().unwrap_or("").chars().take(200).collect();
            Err(format!("it says `{said}`"))
        }
    }
}

/// The pattern and its subjects in octets written as hexadecimal numbers, so that none of them means something.
fn input(pattern: &Pattern, subjects: &[Vec<u8>], optimised: bool) -> Vec<u8> {
    let mut text = String::from("/");
    for octet in pattern.text.bytes() {
        _ = write!(text, "{octet:02x} ");
    }
    text.push_str("/hex");
    let PatternFlags { caseless, multi_line, dot_all, extended, ungreedy, dollar_end_only, anchored } =
        pattern.flags;
    for (on, word) in [
        (caseless, "caseless"),
        (multi_line, "multiline"),
        (dot_all, "dotall"),
        (extended, "extended"),
        (ungreedy, "ungreedy"),
        (dollar_end_only, "dollar_endonly"),
        (anchored, "anchored"),
        (!optimised, "no_start_optimize,no_auto_possess,no_dotstar_anchor"),
    ] {
        if on {
            text.push(',');
            text.push_str(word);
        }
    }
    text.push('\n');
    for subject in subjects {
        text.push_str("    ");
        for octet in subject {
            _ = write!(text, "\\x{octet:02x}");
        }
        text.push_str("\\=find_limits\n");
    }
    text.push('\n');
    text.into_bytes()
}
