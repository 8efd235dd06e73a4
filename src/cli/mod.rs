//! The command line: one file a command. Here, and only here, the user's files are opened, the environment is
//! read, and something is printed.

mod against;
mod args;
#[cfg(target_os = "linux")]
mod calibrate;
mod catalogue;
mod check;
mod convert;
mod cost;
mod diff;
mod encoding;
mod error;
mod eval;
mod evaluating;
mod fix;
#[cfg(target_os = "linux")]
mod fuzz;
#[cfg(target_os = "linux")]
mod fuzzing;
mod generate;
mod includes;
mod inputs;
#[cfg(target_os = "linux")]
mod kept;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod measuring;
mod options;
mod output;
mod passed;
mod platforms;
mod pricing;
mod query;
mod questions;
mod select;
mod shell;
mod start;
mod test;
mod trace;
mod worst;

pub use args::command;

use args::{Cli, Command, Generate};
use clap::Parser;
use error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a run ended; the numbers are part of the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Exit {
    /// It ran, and nothing stands against the rules.
    Clean = 0,
    /// Findings at or above the level that fails.
    Found = 1,
    /// It could not run.
    Unable = 2,
    /// A question that matters has no answer.
    Inconclusive = 3,
    /// A fault of ours.
    Fault = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs one command line and says with which code to exit. A fault of ours, a panic included, becomes code 70.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or(payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        say(&format!(
            "flowgate {}: a fault of ours{place}: {text}\n\
             please report it with the command line and, if you can, the file that brings it about",
            env!("CARGO_PKG_VERSION")
        ));
    }));
    let args: Vec<OsString> = args.into_iter().collect();
    std::panic::catch_unwind(|| dispatch(args)).unwrap_or(Exit::Fault).into()
}

/// Writes a line to standard error; a closed one is nobody's trouble.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn dispatch(args: Vec<OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no failure.
            let _ = error.print();
            return if error.exit_code() == 0 { Exit::Clean } else { Exit::Unable };
        }
    };
    let common = &cli.common;
    let result = match cli.command {
        Command::Check(options) => check::run(&options, common),
        Command::Convert(options) => convert::run(&options, common),
        Command::Diff(options) => diff::run(&options, common),
        Command::Eval(options) => eval::run(&options, common),
        Command::Generate { what: Generate::Packets(options) } => generate::packets(&options, common),
        Command::Trace(options) => trace::run(&options, common),
        Command::Query(options) => query::run(&options, common),
        Command::Test(options) => test::run(&options, common),
        Command::Cost(options) => cost::run(&options, common),
        #[cfg(target_os = "linux")]
        Command::Measure(options) => measure::run(&options, common),
        #[cfg(target_os = "linux")]
        Command::Fuzz(options) => fuzz::run(&options, common),
        Command::Platforms(options) => catalogue::platforms(&options, common),
        Command::Checks(options) => catalogue::checks(&options, common),
        Command::Dialects(options) => catalogue::dialects(&options, common),
        Command::Explain(options) => catalogue::explain(&options, common),
        Command::Completions(options) => shell::completions(&options),
        Command::Man(options) => shell::man(&options),
    };
    result.unwrap_or_else(|error| {
        report_error(&error);
        Exit::Unable
    })
}

fn report_error(error: &Error) {
    say(&format!("error: {error}"));
    if let Some(help) = error.help() {
        say(&format!("  help: {help}"));
    }
}
