//! The command line: calls the library, turns its answer into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowgate::cli::run(std::env::args_os())
}
