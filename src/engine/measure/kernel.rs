//! Programs that load rules into the kernel and end, and any other program that is given a file.

use super::super::EngineError;
use super::Engine;
use super::sandbox::{Ended, Inmate, Sandbox};
use crate::cost::measured::{Load, Outcome, Span};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file of the rules in the folder of the sandbox.
const RULES: &str = "rules";
/// How often the memory of a program that stays is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Loads a text with the program of an engine. What the program and the engine take without rules is taken off.
pub(super) fn load(
    engine: Engine,
    program: Option<&PathBuf>,
    text: &str,
    sandbox: &Sandbox,
) -> Result<Load, EngineError> {
    let Some(program) = program else {
        return Err(EngineError::Kernel("the program of the engine is not there".to_owned()));
    };
    let run = |text: &str| -> Result<(Inmate, Option<Ended>, Duration), EngineError> {
        let file = put(sandbox, text.as_bytes())?;
        let arguments: &[&OsStr] = match engine {
            Engine::Nftables => &["-f".as_ref(), file.as_os_str()],
            _ => &[file.as_os_str()],
        };
        // The lock that iptables takes is everybody's.
        let lock = sandbox.folder().join("lock");
        let variables: &[(&str, &OsStr)] = &[("XTABLES_LOCKFILE", lock.as_os_str())];
        let mut inmate = sandbox.start(program, arguments, variables, "log")?;
        let ended = inmate.wait(sandbox.limits().time)?;
        let cpu = spent(ended, sandbox);
        if ended.is_none() {
            sandbox.stop();
        }
        Ok((inmate, ended, cpu))
    };
    // What is the same for every set of rules: the chains that stand without any, and what a program leaves behind.
    let nothing = match engine {
        Engine::Nftables => "table ip flowgate-nothing { }\ndelete table ip flowgate-nothing\n",
        _ => "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
    };
    let (first, ended, cpu) = run(nothing)?;
    let (outcome, said) = judge(&first, ended, sandbox);
    match outcome {
        Outcome::Accepted => {}
        // What is allowed does not do for the program itself.
        Outcome::OverMemory | Outcome::OverTime => {
            let said =
                if said.is_empty() { "before any rules" } else { "before any rules: " }.to_owned() + &said;
            let time = ended.map_or(sandbox.limits().time, |ended| ended.time);
            let peak = sandbox.peak();
            return Ok(Load { outcome, said, time, cpu, resident: None, kernel: None, peak, counted: None });
        }
        Outcome::Refused | Outcome::Crashed => {
            let program = program.display().to_string();
            let said = if said.is_empty() { how(ended) } else { said };
            return Err(EngineError::Refused { program, said });
        }
    }
    let before = sandbox.kernel()?;
    let (inmate, ended, cpu) = run(text)?;
    let (outcome, said) = judge(&inmate, ended, sandbox);
    let after = if ended.is_some() { sandbox.kernel()? } else { before };
    let time = ended.map_or(sandbox.limits().time, |ended| ended.time);
    let kernel = (outcome == Outcome::Accepted).then_some(Span { before, after });
    let peak = sandbox.peak();
    Ok(Load { outcome, said, time, cpu, resident: None, kernel, peak, counted: None })
}

/// Runs the command of a template with the rules in a file; its memory is the most that was seen while it ran.
pub(super) fn command(words: &[String], text: &[u8], sandbox: &Sandbox) -> Result<Load, EngineError> {
    let file = put(sandbox, text)?;
    let file = file.to_string_lossy();
    let mut words = words.iter().map(|word| OsString::from(word.replace("{rules}", &file)));
    let Some(program) = words.next() else {
        return Err(EngineError::Kernel("the command is empty".to_owned()));
    };
    let before = sandbox.kernel()?;
    let mut inmate = sandbox.start(Path::new(&program), words, &[], "log")?;
    let (mut most, start) = (0, Instant::now());
    let ended = loop {
        most = most.max(sandbox.resident());
        if let Some(ended) = inmate.ended()? {
            break Some(ended);
        }
        if start.elapsed() > sandbox.limits().time {
            break None;
        }
        std::thread::sleep(LOOK);
    };
    let (time, cpu) = (ended.map_or(start.elapsed(), |ended| ended.time), spent(ended, sandbox));
    if ended.is_none() {
        // Nothing is asked of what goes on using time and memory.
        sandbox.stop();
    }
    let (outcome, said) = judge(&inmate, ended, sandbox);
    let kernel = ended.is_some().then(|| sandbox.kernel()).transpose()?;
    Ok(Load {
        outcome,
        said,
        time,
        cpu,
        resident: Some(Span { before: 0, after: most }),
        kernel: kernel.map(|after| Span { before, after }),
        peak: sandbox.peak(),
        counted: None,
    })
}

/// Processor time of a program that has ended, or of what still runs.
fn spent(ended: Option<Ended>, sandbox: &Sandbox) -> Duration {
    ended.map_or_else(|| sandbox.cpu(), |ended| ended.cpu)
}

/// How a program ended that said nothing.
fn how(ended: Option<Ended>) -> String {
    match ended.and_then(|ended| ended.code) {
        Some(code) => format!("it says nothing and ends with {code}"),
        None => "it says nothing and is ended by a signal".to_owned(),
    }
}

fn put(sandbox: &Sandbox, text: &[u8]) -> Result<PathBuf, EngineError> {
    let file = sandbox.folder().join(RULES);
    fs::write(&file, text).map_err(|error| EngineError::io("writing the rules", error))?;
    Ok(file)
}

/// How a program that was to end has ended.
fn judge(inmate: &Inmate, ended: Option<Ended>, sandbox: &Sandbox) -> (Outcome, String) {
    let outcome = match ended {
        _ if sandbox.was_full() && ended.is_none_or(|ended| ended.code != Some(0)) => Outcome::OverMemory,
        None => Outcome::OverTime,
        Some(Ended { code: Some(0), .. }) => return (Outcome::Accepted, String::new()),
        Some(Ended { code: Some(_), .. }) => Outcome::Refused,
        Some(Ended { code: None, .. }) => Outcome::Crashed,
    };
    let mut said = inmate.said();
    if sandbox.is_by_user_namespace() && said.contains("Message too long") {
        said.push_str(" (without root a load is no longer than `net.core.wmem_max`)");
    }
    (outcome, said)
}
