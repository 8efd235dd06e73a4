//! The command line as users meet it: command lines in Markdown that are run, and what Markdown cannot say.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says no by a panic, and what it skips is said"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};

fn flowgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowgate"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn run(args: &[&str], stdin: &[u8]) -> Output {
    let mut command = flowgate();
    let child =
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // The program may have enough before everything is written.
    let _ = pipe.write_all(stdin);
    drop(pipe);
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn command_lines_in_markdown() {
    trycmd::TestCases::new().case("tests/cli/*.md");
}

#[test]
fn a_closed_pipe_ends_quietly_and_keeps_the_answer() {
    // Far more than a pipe holds, so that the writer meets its end.
    let line = "ipv4 170120c00002090381110581350a2300018683e500018691 8006000000000000\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("many.hex");
    std::fs::write(&file, line.repeat(3000)).unwrap();
    let mut command = flowgate();
    command.args(["check", "--dialect", "flowspec-hex"]).arg(&file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut first).unwrap();
    drop(reader);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(first.starts_with("error["), "{first}");
    assert_eq!(said, "");
}

#[test]
fn nothing_but_data_goes_to_standard_output() {
    let out = run(
        &["check", "--dialect", "flowspec-hex", "--format", "json", "-"],
        b"ipv4 0z\xe4 8006000000000000\n",
    );
    let document: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["diagnostics"][0]["check"], "syntax-error");
    assert_eq!(document["diagnostics"][0]["path"], "-");
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("Latin-1"), "{}", text(&out.stderr));
}

#[test]
fn what_could_not_run_writes_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let report_name = report.to_str().unwrap();
    for args in [["check", "no-such-file"], ["check", "Cargo.toml"]] {
        let out = run(&[&args[..], &["--output", report_name]].concat(), b"");
        assert_eq!(out.status.code(), Some(2));
        assert!(out.stdout.is_empty() && !out.stderr.is_empty());
        assert!(!report.exists());
    }
}

#[test]
fn a_file_without_end_is_refused_in_bounded_memory() {
    if !std::path::Path::new("/dev/zero").exists() {
        eprintln!("SKIPPED: this machine has no /dev/zero");
        return;
    }
    let out = run(&["check", "--dialect", "flowspec-hex", "/dev/zero"], b"");
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("rule-file-octets"), "{}", text(&out.stderr));
}

#[test]
fn the_same_input_is_the_same_output_whatever_the_number_of_jobs() {
    for format in ["terminal", "json", "jsonl", "sarif", "github"] {
        let with = |jobs| run(&["check", "rules/flowspec-hex", "--format", format, "--jobs", jobs], b"");
        let (one, four) = (with("1"), with("4"));
        assert_eq!(one.status.code(), Some(1));
        assert_eq!(text(&one.stdout), text(&four.stdout), "{format}");
    }
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let file = "rules/incident/2013-03-03-packet-length.flowspec-hex";
    let escapes = |out: &Output| out.stdout.contains(&0x1b);
    assert!(!escapes(&run(&["check", file], b"")));
    assert!(escapes(&run(&["check", file, "--color", "always"], b"")));
    assert!(!escapes(&run(&["check", file, "--color", "never"], b"")));
}

#[test]
#[cfg(unix)]
fn a_path_that_is_no_text_is_read_all_the_same() {
    use std::os::unix::ffi::OsStringExt;
    let folder = tempfile::tempdir().unwrap();
    let name = std::ffi::OsString::from_vec(b"b\xff\x1b[2Jad.hex".to_vec());
    let file = folder.path().join(name);
    std::fs::copy("rules/incident/2013-03-03-packet-length.flowspec-hex", &file).unwrap();
    let out = flowgate().args(["check", "--dialect", "flowspec-hex"]).arg(&file).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(!out.stdout.contains(&0x1b));
}
