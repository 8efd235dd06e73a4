//! Completions and the manual page, made from the same definitions as the parser.

use super::Exit;
use super::args::{Completions, Man};
use super::error::Error;
use crate::report::clean;
use std::io::{self, Write};

/// Prints the completions of a shell.
pub(super) fn completions(options: &Completions) -> Result<Exit, Error> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut super::command(), "flowgate", &mut text);
    print(&text)
}

/// Prints the manual page, of the whole or of one command.
pub(super) fn man(options: &Man) -> Result<Exit, Error> {
    let mut command = super::command();
    command.build();
    let page = match &options.command {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| Error::NoSuchCommand { name: clean(name).into_owned() })?
        }
    };
    let mut text = Vec::new();
    let failed = |source| Error::Write { path: "standard output".to_owned(), source };
    clap_mangen::Man::new(page).render(&mut text).map_err(failed)?;
    print(&text)
}

fn print(text: &[u8]) -> Result<Exit, Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: "standard output".to_owned(), source })
        }
        _ => Ok(Exit::Clean),
    }
}
