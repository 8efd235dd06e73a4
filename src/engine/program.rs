//! Programs that run while they are held: started with their arguments, stopped when dropped.

use super::EngineError;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program. Dropping it stops it.
#[derive(Debug)]
pub struct Program {
    child: Child,
}

impl Program {
    /// Starts `path` with `arguments` and `variables` of the environment; what it says goes to `log`.
    pub fn start<A: AsRef<OsStr>>(
        path: &Path,
        arguments: impl IntoIterator<Item = A>,
        variables: &[(&str, &str)],
        log: &Path,
    ) -> Result<Self, EngineError> {
        let start = || {
            let log = File::create(log)?;
            Command::new(path)
                .args(arguments)
                .envs(variables.iter().copied())
                .stdin(Stdio::null())
                .stderr(log.try_clone()?)
                .stdout(log)
                .spawn()
        };
        let child =
            start().map_err(|error| EngineError::io(format!("starting `{}`", path.display()), error))?;
        Ok(Self { child })
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs a program to its end and gives what it wrote to its output.
pub fn run<A: AsRef<OsStr>>(
    path: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Result<String, EngineError> {
    let output = Command::new(path).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| EngineError::io(format!("running `{}`", path.display()), error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks again and again until `answer` gives one or the time is over.
pub fn wait_for<T>(limit: Duration, mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = answer() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
