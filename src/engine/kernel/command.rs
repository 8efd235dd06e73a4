//! Programs that read rules from their input and say what they think of them.

use super::super::EngineError;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program to its end with `input`; gives what it wrote.
///
/// # Errors
///
/// [`EngineError::Refused`] with what it said, when it ends with anything but success.
pub fn feed<A: AsRef<OsStr>>(
    path: &Path,
    arguments: impl IntoIterator<Item = A>,
    input: &str,
) -> Result<String, EngineError> {
    let started =
        || EngineError::io(format!("running `{}`", path.display()), std::io::ErrorKind::Other.into());
    let error = |error| EngineError::io(format!("running `{}`", path.display()), error);
    let mut child = Command::new(path)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(error)?;
    let mut pipe = child.stdin.take().ok_or_else(started)?;
    // The program may write before it has read everything, and may end before that too.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || _ = pipe.write_all(input.as_bytes()));
        child.wait_with_output()
    });
    let output = output.map_err(error)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(EngineError::Refused { program: path.display().to_string(), said })
}
