//! `flowgate fuzz` as users meet it: commands that take, refuse, fall and hang; a campaign kept and gone on with; a finding
//! shown again; and nothing left behind, however it ends.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "support/sandbox.rs"]
mod sandbox;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder in which runs put what they need, and which must be empty after them; and one for what they keep.
struct Rig {
    scratch: tempfile::TempDir,
    kept: tempfile::TempDir,
}

impl Rig {
    /// None where no sandbox can be made.
    fn new() -> Option<Self> {
        sandbox::can_be_made()
            .then(|| Self { scratch: tempfile::tempdir().unwrap(), kept: tempfile::tempdir().unwrap() })
    }

    fn kept_in(&self) -> PathBuf {
        self.kept.path().join("campaign")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowgate"));
        command
            .env("TMPDIR", self.scratch.path())
            .arg("fuzz")
            .args(arguments)
            .arg("--into")
            .arg(self.kept_in());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, Output) {
        let output = self.command(arguments).output().unwrap();
        self.nothing_is_left();
        (output.status.code(), output)
    }

    /// No folder, no process.
    #[track_caller]
    fn nothing_is_left(&self) {
        sandbox::wait_until_nothing(|| self.left(), Duration::from_secs(20));
    }

    fn left(&self) -> Vec<String> {
        sandbox::left_in(self.scratch.path())
    }

    fn script(&self, text: &str) -> String {
        let path = self.kept.path().join("parser");
        fs::write(&path, text).unwrap();
        format!("sh {} {{}}", path.display())
    }
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

fn kinds(document: &Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].as_str().unwrap()).collect()
}

#[test]
fn a_command_that_falls_is_found_shown_again_and_gone_on_with() {
    let Some(rig) = Rig::new() else { return };
    // It falls for NLRIs of an odd number of octets, and takes all others.
    let command = rig
        .script("[ $(($(wc -c < \"$1\") % 2)) = 0 ] || { echo 'panicked at the end' >&2; kill -ABRT $$; }\n");
    let start = ["--exec", &command, "--count", "2000", "--ci", "--format", "json"];
    let (code, output) = rig.run(&start);
    let document = json(&output);
    assert_eq!(code, Some(1), "{document:#}");
    assert!(kinds(&document).contains(&"died"), "{document:#}");
    // What is malformed it takes too.
    assert!(kinds(&document).contains(&"accepted-illegal"), "{document:#}");
    let died = document["findings"].as_array().unwrap().iter().find(|f| f["kind"] == "died").unwrap();
    let folder = rig.kept_in().join("findings").join(format!("{:03}-died", died["number"].as_u64().unwrap()));
    for name in ["input.txt", "report.md", "log.txt", "finding.json"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let replay = ["--exec", &command, "--replay", folder.to_str().unwrap()];
    assert_eq!(rig.run(&replay).0, Some(1));
    let mended = ["--exec", "true {}", "--replay", folder.to_str().unwrap()];
    assert_eq!(rig.run(&mended).0, Some(0));
    // A campaign that is kept is neither lost nor taken for another's.
    let (code, output) = rig.run(&start);
    assert_eq!(code, Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(rig.run(&["--exec", "true {}", "--count", "1", "--resume"]).0, Some(2));
    let (_, output) = rig.run(&[&start[..], &["--resume"]].concat());
    let more = json(&output);
    assert!(more["stats"]["inputs"].as_u64() > document["stats"]["inputs"].as_u64());
    assert_eq!(more["findings"][0]["signature"], document["findings"][0]["signature"]);
}

#[test]
fn a_command_that_hangs_is_found_and_one_that_is_sound_is_not() {
    let Some(rig) = Rig::new() else { return };
    let (code, output) =
        rig.run(&["--exec", "tail -f {}", "--count", "1", "--ci", "--patience", "100", "--format", "json"]);
    let document = json(&output);
    assert_eq!((code, kinds(&document)), (Some(1), vec!["hung"]), "{document:#}");
    fs::remove_dir_all(rig.kept_in()).unwrap();
    let (code, output) =
        rig.run(&["--exec", "cat {}", "--feed", "nftables", "--count", "200", "--ci", "--format", "json"]);
    let document = json(&output);
    assert_eq!((code, kinds(&document)), (Some(0), vec![]), "{document:#}");
}

#[test]
fn a_campaign_ends_in_time_though_its_target_does_not() {
    let Some(rig) = Rig::new() else { return };
    let started = Instant::now();
    let (code, output) = rig.run(&["--exec", "tail -f {}", "--patience", "60000", "--ci", "--time", "3"]);
    assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}

#[test]
fn what_cannot_be_attacked_is_said() {
    let Some(rig) = Rig::new() else { return };
    for (arguments, words) in [
        (&["--tcp", "192.0.2.1:179"][..], "not an address of this machine"),
        (&["--exec", "no-such-program {}", "--count", "1"], "cannot be run"),
        (&["bird", "--replay", "nowhere"], "cannot read"),
        (&["--tcp", "127.0.0.1:1", "--start", "false", "--count", "1"], "no session"),
    ] {
        let (code, output) = rig.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn nothing_is_left_of_a_campaign_that_is_killed() {
    let Some(rig) = Rig::new() else { return };
    let bird = Path::new("/usr/sbin/bird").is_file();
    let exec = ["--exec", "tail -f {}", "--patience", "60000"];
    let targets: &[&[&str]] = if bird { &[&exec, &["bird"]] } else { &[&exec] };
    for (round, target) in targets.iter().cycle().take(4).enumerate() {
        _ = fs::remove_dir_all(rig.kept_in());
        let mut command = rig.command(&[target, &["--ci", "--time", "60"][..]].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        let begun =
            |left: &[String]| left.iter().any(|what| what.contains("tail\0-f") || what.contains("bird\0-f"));
        while !begun(&rig.left()) {
            assert!(Instant::now() < end, "nothing starts: {:?}", rig.left());
            std::thread::sleep(Duration::from_millis(20));
        }
        // At a moment that differs from round to round.
        std::thread::sleep(Duration::from_millis(round as u64 * 370 % 1000));
        let held = sandbox::Held::by(child.id());
        assert!(held.has_spaces(), "it runs in namespaces of its own");
        child.kill().unwrap();
        child.wait().unwrap();
        rig.nothing_is_left();
        sandbox::wait_until_nothing(|| held.left(rig.scratch.path()), Duration::from_secs(20));
    }
}
