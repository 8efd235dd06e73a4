//! What is kept of a campaign: a folder for each finding, and where the campaign stands.

use super::error::Error;
use crate::campaign::run::State;
use crate::campaign::{Fault, Finding, Input, Stats};
use crate::report::clean;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The file that says where a campaign stands.
const STATE: &str = "state.json";
/// The folder of findings.
const FINDINGS: &str = "findings";

/// A campaign as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    target: String,
    seed: u64,
    stats: KeptStats,
    corpus: Vec<String>,
    seen: Vec<u64>,
    findings: Vec<KeptFinding>,
}

#[derive(Serialize, Deserialize)]
struct KeptStats {
    steps: u64,
    inputs: u64,
    feeds: u64,
    ends: u64,
    resets: u64,
    elapsed_ms: u64,
}

/// A finding as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptFinding {
    number: usize,
    kind: String,
    code: u8,
    subcode: u8,
    signature: String,
    detail: String,
    input: String,
    again: bool,
    said: Vec<String>,
    inputs: u64,
    after_ms: u64,
    met: u64,
}

impl KeptFinding {
    fn of(finding: &Finding) -> Self {
        let (code, subcode) = finding.fault.reset();
        Self {
            number: finding.number,
            kind: finding.fault.name().to_owned(),
            code,
            subcode,
            signature: finding.signature.clone(),
            detail: finding.detail.clone(),
            input: finding.input.to_text(),
            again: finding.again,
            said: finding.said.clone(),
            inputs: finding.inputs,
            after_ms: finding.after_ms,
            met: finding.met,
        }
    }

    fn finding(self) -> Option<Finding> {
        let input = Input::parse(&self.input)?;
        Some(Finding {
            number: self.number,
            fault: Fault::of(&self.kind, (self.code, self.subcode), &input)?,
            signature: self.signature,
            input,
            again: self.again,
            said: self.said,
            detail: self.detail,
            inputs: self.inputs,
            after_ms: self.after_ms,
            met: self.met,
        })
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = clean(&path.to_string_lossy()).into_owned();
    move |source| Error::Write { path, source }
}

/// Writes a file as a whole: what stood there stays until the new one does.
fn replace(path: &Path, octets: &[u8]) -> Result<(), Error> {
    let next = path.with_extension("new");
    fs::write(&next, octets).map_err(failed(&next))?;
    fs::rename(&next, path).map_err(failed(path))
}

/// Keeps where a campaign stands.
pub(super) fn keep(folder: &Path, target: &str, seed: u64, state: &State) -> Result<(), Error> {
    let stats = &state.stats;
    let kept = Kept {
        version: 1,
        target: target.to_owned(),
        seed,
        stats: KeptStats {
            steps: stats.steps,
            inputs: stats.inputs,
            feeds: stats.feeds,
            ends: stats.ends,
            resets: stats.resets,
            elapsed_ms: stats.elapsed_ms,
        },
        corpus: state.corpus.iter().map(Input::to_text).collect(),
        seen: state.seen.iter().copied().collect(),
        findings: state.findings.iter().map(KeptFinding::of).collect(),
    };
    let path = folder.join(STATE);
    let octets = serde_json::to_vec_pretty(&kept).map_err(|error| failed(&path)(error.into()))?;
    fs::create_dir_all(folder).map_err(failed(folder))?;
    replace(&path, &octets)
}

/// Whether a campaign is kept in a folder.
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(STATE).exists()
}

/// Reads where a campaign stood: its target, its seed and its state.
pub(super) fn read(folder: &Path) -> Result<(String, u64, State), Error> {
    let path = folder.join(STATE);
    let name = || clean(&path.to_string_lossy()).into_owned();
    let octets = fs::read(&path).map_err(|source| Error::Read { path: name(), source })?;
    let not_kept = || Error::NotKept { path: name(), what: "campaign" };
    let kept: Kept = serde_json::from_slice(&octets).map_err(|_| not_kept())?;
    let stats = Stats {
        steps: kept.stats.steps,
        inputs: kept.stats.inputs,
        feeds: kept.stats.feeds,
        ends: kept.stats.ends,
        resets: kept.stats.resets,
        elapsed_ms: kept.stats.elapsed_ms,
        ..Stats::default()
    };
    let corpus = kept.corpus.iter().map(|text| Input::parse(text)).collect::<Option<Vec<_>>>();
    let findings = kept.findings.into_iter().map(KeptFinding::finding).collect::<Option<Vec<_>>>();
    let (Some(corpus), Some(findings)) = (corpus, findings) else { return Err(not_kept()) };
    Ok((kept.target, kept.seed, State { stats, corpus, seen: kept.seen.into_iter().collect(), findings }))
}

/// Keeps a finding in a folder of its own, with the letter about it; where.
pub(super) fn keep_finding(folder: &Path, finding: &Finding, letter: &str) -> Result<PathBuf, Error> {
    let own = folder.join(FINDINGS).join(format!("{:03}-{}", finding.number, finding.fault.name()));
    fs::create_dir_all(&own).map_err(failed(&own))?;
    let write = |name: &str, octets: &[u8]| {
        let path = own.join(name);
        fs::write(&path, octets).map_err(failed(&path))
    };
    write("input.txt", finding.input.to_text().as_bytes())?;
    write("log.txt", (finding.said.join("\n") + "\n").as_bytes())?;
    write("report.md", letter.as_bytes())?;
    let path = own.join("finding.json");
    let octets =
        serde_json::to_vec_pretty(&KeptFinding::of(finding)).map_err(|error| failed(&path)(error.into()))?;
    replace(&path, &octets)?;
    Ok(own)
}

/// Reads a finding from its folder.
pub(super) fn read_finding(folder: &Path) -> Result<Finding, Error> {
    let path = folder.join("finding.json");
    let name = clean(&path.to_string_lossy()).into_owned();
    let octets = fs::read(&path).map_err(|source| Error::Read { path: name.clone(), source })?;
    let kept: Option<KeptFinding> = serde_json::from_slice(&octets).ok();
    kept.and_then(KeptFinding::finding).ok_or(Error::NotKept { path: name, what: "finding" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::flowspec::Table;

    #[test]
    fn what_is_kept_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let finding = Finding {
            number: 1,
            fault: Fault::Reset { code: 3, subcode: 9, unusual: Some("and-on-first") },
            signature: "s".to_owned(),
            input: Input::route(Table::Ipv4, vec![3, 3, 0xc1, 6]),
            again: true,
            said: vec!["no".to_owned()],
            detail: String::new(),
            inputs: 7,
            after_ms: 8,
            met: 2,
        };
        let own = keep_finding(folder.path(), &finding, "a letter").unwrap();
        assert_eq!(read_finding(&own).unwrap(), finding);
        let state = State {
            stats: Stats { steps: 5, inputs: 7, ..Stats::default() },
            corpus: vec![finding.input.clone()],
            seen: [1, u64::MAX].into(),
            findings: vec![finding],
        };
        keep(folder.path(), "bird", 9, &state).unwrap();
        assert_eq!(read(folder.path()).unwrap(), ("bird".to_owned(), 9, state));
        fs::write(folder.path().join(STATE), "{}").unwrap();
        assert!(matches!(read(folder.path()), Err(Error::NotKept { .. })));
    }
}
