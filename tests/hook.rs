//! The pre-receive hook of docs/ci.md, run by a real git: a bad rule is refused with the finding on the pusher's
//! screen, a sound one passes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says no by a panic"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn git(folder: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(folder)
        .env("FLOWGATE", env!("CARGO_BIN_EXE_flowgate"))
        .env_remove("GIT_DIR")
        .output()
        .expect("git runs")
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The script of the page: the fenced block marked `pre-receive`.
fn hook() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let (_, rest) = page.split_once("```sh pre-receive\n").expect("the page has the hook");
    rest.split_once("```\n").expect("the block ends").0.to_owned()
}

fn install(bare: &Path) {
    let path = bare.join("hooks/pre-receive");
    fs::create_dir_all(bare.join("hooks")).unwrap();
    fs::write(&path, hook()).unwrap();
    done(&Command::new("chmod").arg("+x").arg(&path).output().unwrap());
}

fn commit(work: &Path, name: &str, text: &str) {
    fs::create_dir_all(work.join("rules")).unwrap();
    fs::write(work.join("rules").join(name), text).unwrap();
    done(&git(work, &["add", "-A"]));
    done(&git(work, &["commit", "-qm", name]));
}

#[test]
fn a_push_with_the_rule_of_2013_is_refused_on_the_pushers_screen_and_a_sound_one_passes() {
    let scratch = tempfile::tempdir().unwrap();
    let (bare, work) = (scratch.path().join("server.git"), scratch.path().join("work"));
    done(&git(scratch.path(), &["init", "-q", "--bare", "server.git"]));
    done(&git(scratch.path(), &["init", "-q", "work"]));
    install(&bare);
    done(&git(&work, &["remote", "add", "origin", "../server.git"]));

    let sound = "routing-options { flow { route ntp { match { destination 192.0.2.9/32; protocol udp; \
                 source-port 123; packet-length 468-482; } then discard; } } }\n";
    commit(&work, "sound.conf", sound);
    let push = git(&work, &["push", "-q", "origin", "HEAD:main"]);
    done(&push);

    let bad = "routing-options { flow { route y2013 { match { destination 192.0.2.9/32; \
               packet-length 99971-99985; } then discard; } } }\n";
    commit(&work, "bad.conf", bad);
    let push = git(&work, &["push", "-q", "origin", "HEAD:main"]);
    let screen = String::from_utf8_lossy(&push.stderr);
    assert!(!push.status.success(), "{screen}");
    assert!(screen.contains("value-out-of-range") && screen.contains("99971"), "{screen}");
    assert!(screen.contains("rules/bad.conf"), "{screen}");
}

#[test]
fn a_gate_that_cannot_run_refuses() {
    let scratch = tempfile::tempdir().unwrap();
    done(&git(scratch.path(), &["init", "-q", "--bare", "server.git"]));
    done(&git(scratch.path(), &["init", "-q", "work"]));
    install(&scratch.path().join("server.git"));
    let work = scratch.path().join("work");
    commit(&work, "x.conf", "# no rule at all\n");
    done(&git(&work, &["remote", "add", "origin", "../server.git"]));
    assert!(!git(&work, &["push", "-q", "origin", "HEAD:main"]).status.success());
}
