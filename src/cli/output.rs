//! Where a report goes: standard output or a file, coloured or not.

use super::args::{Color, Common, Reporting, TableFormat};
use super::error::Error;
use crate::report::clean;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

/// Writes a report to where the user wants it. A reader that has gone away (`| head`) ends the writing quietly:
/// the answer is in the exit code all the same.
pub(super) fn write(
    to: Option<&Path>,
    common: &Common,
    render: impl FnOnce(&mut dyn Write, bool) -> io::Result<()>,
) -> Result<(), Error> {
    let (name, written) = match to {
        None => {
            let stdout = io::stdout();
            let styled = styled(common.color, stdout.is_terminal());
            let mut out = BufWriter::new(stdout.lock());
            ("standard output".into(), render(&mut out, styled).and_then(|()| out.flush()))
        }
        Some(path) => {
            let name = clean(&path.to_string_lossy()).into_owned();
            let written = File::create(path).and_then(|file| {
                let mut out = BufWriter::new(file);
                render(&mut out, common.color == Color::Always)?;
                out.flush()
            });
            (name, written)
        }
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: name, source: error })
        }
        _ => Ok(()),
    }
}

/// Writes a report in the form that the user wants.
pub(super) fn report(
    options: &Reporting,
    common: &Common,
    terminal: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    json: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    write(options.writing.output.as_deref(), common, |out, _| match options.format {
        TableFormat::Terminal => terminal(out),
        TableFormat::Json => json(out),
    })
}

/// Writes to standard error; a closed one is nobody's trouble.
pub(super) fn to_stderr(common: &Common, render: impl FnOnce(&mut dyn Write, bool) -> io::Result<()>) {
    let stderr = io::stderr();
    let styled = styled(common.color, stderr.is_terminal());
    let mut out = BufWriter::new(stderr.lock());
    let _ = render(&mut out, styled).and_then(|()| out.flush());
}

/// Whether to colour: as told, else on a terminal that nobody asked to stay plain (no-color.org).
fn styled(color: Color, terminal: bool) -> bool {
    let plain = || {
        let set = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        set || std::env::var_os("TERM").is_some_and(|value| value == "dumb")
    };
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && !plain(),
    }
}
