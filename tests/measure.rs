//! `flowgate measure` on real engines: what it says of them, what it says when they do not take the rules, and that
//! nothing of a sandbox is left, however a run ends.
//!
//! Absent engines are skipped aloud; where `CI` is set that fails.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "support/programs.rs"]
mod programs;
#[path = "support/sandbox.rs"]
mod sandbox;

use programs::program;
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder in which runs put what they need, and which must be empty after them.
struct Rig {
    scratch: tempfile::TempDir,
    rules: tempfile::TempDir,
}

impl Rig {
    /// None where no sandbox can be made.
    fn new() -> Option<Self> {
        sandbox::can_be_made()
            .then(|| Self { scratch: tempfile::tempdir().unwrap(), rules: tempfile::tempdir().unwrap() })
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.rules.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, engine: &str, rules: &Path, more: &[&str]) -> Command {
        // A shell that starts tests in the background has them ignore interrupts.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_flowgate")]);
        command.env("TMPDIR", self.scratch.path()).args(["measure", engine]).arg(rules).args(more);
        command
    }

    fn run(&self, engine: &str, rules: &Path, more: &[&str]) -> (Option<i32>, Value) {
        let child = self.command(engine, rules, &[more, &["--format", "json", "--repeat", "1"]].concat());
        let (output, pid) = finish(child);
        self.nothing_is_left(pid);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{engine}: {said}"));
        (output.status.code(), document)
    }

    /// No folder, no control group, no process.
    #[track_caller]
    fn nothing_is_left(&self, pid: u32) {
        sandbox::wait_until_nothing(|| self.left(pid), Duration::from_secs(15));
    }

    fn left(&self, pid: u32) -> Vec<String> {
        let mut left = sandbox::left_in(self.scratch.path());
        groups(Path::new("/sys/fs/cgroup"), 6, &format!("flowgate-measure-{pid}-"), &mut left);
        left
    }
}

fn groups(folder: &Path, depth: u32, name: &str, left: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with(name) {
            left.push(entry.path().display().to_string());
        }
        if depth > 0 {
            groups(&entry.path(), depth - 1, name, left);
        }
    }
}

fn finish(mut command: Command) -> (Output, u32) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    (child.wait_with_output().unwrap(), pid)
}

fn chain(rules: u32) -> String {
    let mut text =
        "table ip t {\n chain c {\n  type filter hook input priority 0; policy accept;\n".to_owned();
    for n in 0..rules {
        let (a, b) = (n >> 8 & 255, n & 255);
        _ = writeln!(text, "  ip saddr 10.{a}.{b}.0/25 tcp dport {} drop", n % 60_000 + 1);
    }
    text + " }\n}\n"
}

fn lines(rules: u32) -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n".to_owned();
    for n in 0..rules {
        let (a, b) = (n >> 8 & 255, n & 255);
        _ = writeln!(text, "-A INPUT -s 10.{a}.{b}.0/25 -p tcp -m tcp --dport {} -j DROP", n % 60_000 + 1);
    }
    text + "COMMIT\n"
}

/// Flow routes as BIRD writes them: read as such, and heard by any daemon.
fn routes(rules: u32) -> String {
    let mut text = "flow4 table t;\nprotocol static s1 {\n flow4 { table t; };\n".to_owned();
    for n in 0..rules {
        let (a, b) = (n >> 8 & 255, n & 255);
        _ = writeln!(text, " route flow4 {{ dst 10.{a}.{b}.0/24; proto = 17; sport = 123; }};");
    }
    text + "}\n"
}

#[track_caller]
fn close(document: &Value, bound: f64) {
    let error = document["relative_error"].as_f64().unwrap();
    assert!(error.abs() <= bound, "{} is off by {error}: {document:#}", document["engine"]);
}

#[test]
fn the_kernel_takes_rules_and_its_model_is_near() {
    let Some(rig) = Rig::new() else { return };
    for (engine, name, text) in [
        ("nftables", "a.nft", chain(3_000)),
        ("iptables-legacy", "a.rules", lines(3_000)),
        ("iptables-nft", "a.rules", lines(3_000)),
    ] {
        let needed = measure_programs(engine);
        if needed.iter().any(|name| program(name).is_none()) {
            continue;
        }
        let file = rig.file(name, &text);
        let (code, document) = rig.run(engine, &file, &[]);
        assert_eq!((code, &document["outcome"]), (Some(0), &"accepted".into()), "{document:#}");
        assert_eq!(document["given"], 3_000);
        if document["accounting"] == "cgroup-v1" || document["accounting"] == "cgroup-v2" {
            close(&document, 0.10);
        }
    }
}

fn measure_programs(engine: &str) -> &'static [&'static str] {
    flowgate::engine::measure::by_name(engine).unwrap().programs
}

#[test]
fn daemons_hear_rules_of_any_dialect_and_count_them() {
    let Some(rig) = Rig::new() else { return };
    let file = rig.file("a.conf", &routes(2_000));
    for (engine, counts, bound) in
        [("bird", true, 0.10), ("frr", false, 0.10), ("gobgp", true, 0.25), ("exabgp", false, 0.20)]
    {
        if measure_programs(engine).iter().any(|name| program(name).is_none()) {
            continue;
        }
        let (code, document) = rig.run(engine, &file, &["--dialect", "bird"]);
        assert_eq!((code, &document["outcome"]), (Some(0), &"accepted".into()), "{document:#}");
        assert_eq!(document["given"], 2_000);
        assert_eq!(document["loads"][0]["counted"], if counts { 2_000.into() } else { Value::Null });
        close(&document, bound);
    }
}

#[test]
fn what_an_engine_does_not_take_is_said() {
    let Some(rig) = Rig::new() else { return };
    let commands = [
        ("refused", "sh -c 'echo too many >&2; exit 3' {rules}", "too many"),
        ("crashed", "sh -c 'kill -SEGV $$' {rules}", ""),
        ("over-time", "tail -f {rules}", ""),
    ];
    let file = rig.file("a.txt", "anything\n");
    for (outcome, command, said) in commands {
        let (code, document) = rig.run("command", &file, &["--command", command, "--limit-time", "1"]);
        assert_eq!((code, &document["outcome"]), (Some(1), &outcome.into()), "{document:#}");
        assert!(document["loads"][0]["said"].as_str().unwrap().contains(said), "{document:#}");
        assert!(!document["memory_octets"].is_null(), "{document:#}");
    }
    let (code, document) = rig.run("command", &file, &["--command", "cat {rules}"]);
    assert_eq!((code, &document["outcome"]), (Some(0), &"accepted".into()));
    // Nobody knows how many rules are in the file of a command.
    let words = ["--command", "cat {rules}", "--repeat", "1"];
    let (output, _) = finish(rig.command("command", &file, &words));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("command: `") && !text.contains("a rule"), "{text}");
    if program("nft").is_some() {
        let file = rig.file("a.nft", &chain(20_000));
        let (code, document) = rig.run("nftables", &file, &["--limit-memory", "20M"]);
        if document["accounting"] != "whole-machine" {
            assert_eq!((code, &document["outcome"]), (Some(1), &"over-memory".into()), "{document:#}");
        }
        // Less than the program itself takes.
        let file = rig.file("c.nft", &chain(1));
        let mut few = rig.command("nftables", &file, &["--limit-memory", "1M", "--format", "json"]);
        few.args(["--repeat", "1"]);
        let (output, _) = finish(few);
        if let Ok(document) = serde_json::from_slice::<Value>(&output.stdout) {
            assert_eq!(document["outcome"], "over-memory", "{document:#}");
            assert!(document["loads"][0]["said"].as_str().unwrap().starts_with("before any rules"));
        } else {
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("refuses: ") && !said.trim_end().ends_with("refuses:"), "{said}");
        }
        // Our reader knows the words; the kernel has no such chain.
        let file = rig.file("b.nft", "table ip t {\n chain c {\n  ip saddr 10.0.0.1 jump nowhere\n }\n}\n");
        let (code, document) = rig.run("nftables", &file, &[]);
        assert_eq!((code, &document["outcome"]), (Some(1), &"refused".into()), "{document:#}");
        assert!(document["memory_octets"].is_null());
    }
}

#[test]
fn what_an_engine_says_without_an_end_is_bounded() {
    let Some(rig) = Rig::new() else { return };
    let file = rig.file("a.txt", "anything\n");
    let yes = ["--command", "sh -c 'trap \"\" TERM; yes 1>&2' {rules}", "--limit-time", "2"];
    let mut command =
        rig.command("command", &file, &[&yes[..], &["--format", "json", "--repeat", "1"]].concat());
    let started = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let mut most = (0, 0);
    while started.elapsed() < Duration::from_millis(1_500) {
        most = (most.0.max(octets(rig.scratch.path())), most.1.max(resident(pid)));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    rig.nothing_is_left(pid);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["outcome"], "over-time", "{document:#}");
    assert_eq!(document["loads"][0]["said"], "y; y; y; y");
    assert!(most.0 < 40 << 20 && most.1 < 200 << 20, "{most:?} octets on the disk, of memory");
}

/// Octets of the files below a folder.
fn octets(folder: &Path) -> u64 {
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => octets(&entry.path()),
        about => about.map_or(0, |about| about.len()),
    };
    fs::read_dir(folder).into_iter().flatten().flatten().map(of).sum()
}

fn resident(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

#[test]
fn rules_are_converted_for_an_engine_and_what_is_lost_is_said() {
    let Some(rig) = Rig::new() else { return };
    if program("nft").is_none() {
        return;
    }
    let junos = "firewall { family inet { filter F { term a { from { protocol tcp; destination-port 22; } \
                 then { count c; discard; } } term b { then accept; } } } }\n";
    let file = rig.file("a.conf", junos);
    let (code, document) = rig.run("nftables", &file, &["--dialect", "junos"]);
    assert_eq!((code, &document["outcome"]), (Some(0), &"accepted".into()), "{document:#}");
    let file = rig.file("b.conf", &junos.replace("discard", "reject"));
    if measure_programs("bird").iter().all(|name| program(name).is_some()) {
        let (_, document) = rig.run("bird", &file, &["--dialect", "junos"]);
        assert!(!document["lost"].as_array().unwrap().is_empty(), "{document:#}");
    }
}

#[test]
fn nothing_is_left_of_a_run_that_is_interrupted_or_killed() {
    let Some(rig) = Rig::new() else { return };
    let file = rig.file("a.txt", "anything\n");
    for signal in ["INT", "TERM", "KILL"] {
        let mut command = rig.command("command", &file, &["--command", "tail -f {rules}"]);
        let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        let end = Instant::now() + Duration::from_secs(20);
        let inside = |left: &[String]| left.iter().any(|what| what.starts_with("tail\u{0}-f"));
        while !inside(&rig.left(pid)) {
            assert!(Instant::now() < end, "the program does not start: {:?}", rig.left(pid));
            std::thread::sleep(Duration::from_millis(20));
        }
        let kill = Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap();
        assert!(kill.success());
        assert!(!child.wait().unwrap().success(), "{signal}");
        rig.nothing_is_left(pid);
    }
}

#[test]
fn a_model_is_fitted_and_judged_on_rules_it_has_not_seen() {
    let Some(rig) = Rig::new() else { return };
    if measure_programs("bird").iter().any(|name| program(name).is_none()) {
        return;
    }
    let file = rig.file("a.conf", &routes(1_000));
    let profile = rig.rules.path().join("profile.toml");
    let more =
        ["--dialect", "bird", "--calibrate", "--sizes", "2000", "--write-profile", profile.to_str().unwrap()];
    let (code, document) = rig.run("bird", &file, &more);
    assert_eq!(code, Some(0), "{document:#}");
    let cases = document["cases"].as_array().unwrap();
    let seen = cases.iter().filter(|case| case["fitted_to"] == true).count();
    assert_eq!((seen, cases.len()), (3, 7), "three shapes, three others, and the file");
    let written = fs::read_to_string(&profile).unwrap();
    assert_eq!(document["profile"], written.as_str());
    let read: toml::Table = toml::from_str(&written).unwrap();
    assert_eq!(read["resource"][0]["name"].as_str(), Some("memory-octets"));
}
