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
fn a_mark_in_front_of_the_text_does_not_hide_a_file_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "routing-options { flow { route r { match { destination 192.0.2.1/32; packet-length 99971; } \
                then discard; } } }\n";
    std::fs::write(folder.path().join("marked.conf"), format!("\u{feff}{rule}")).unwrap();
    let answer = run(&["check", "-v", folder.path().to_str().unwrap()], b"");
    assert_eq!(answer.status.code(), Some(1), "{}", text(&answer.stderr));
    assert!(text(&answer.stdout).contains("marked.conf:1:84"), "{}", text(&answer.stdout));
    // All of it was read, and nothing else is said.
    assert!(!text(&answer.stderr).contains("passed over"), "{}", text(&answer.stderr));
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
fn an_output_that_decides_otherwise_fails_unless_it_is_allowed_by_name() {
    let rules = b"firewall { filter F { term a { from { protocol tcp; } then accept; } } }";
    let convert = |more: &[&str]| {
        run(&[&["convert", "-", "--dialect", "junos", "--to", "flowspec-hex"], more].concat(), rules)
    };
    let out = convert(&[]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("`--allow-other-verdicts`"), "{}", text(&out.stderr));
    assert_eq!(convert(&["--allow-loss"]).status.code(), Some(1));
    assert_eq!(convert(&["--allow-other-verdicts"]).status.code(), Some(0));
    assert_eq!(convert(&["--allow-other-verdicts", "--strict"]).status.code(), Some(2));
}

#[test]
fn text_in_units_of_two_octets_is_read_in_a_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "routing-options { flow { route r { match { destination 192.0.2.1/32; packet-length 99971; } \
                then discard; } } }\n";
    let low: Vec<u8> = rule.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let high: Vec<u8> = rule.encode_utf16().flat_map(u16::to_be_bytes).collect();
    std::fs::write(folder.path().join("a.conf"), [b"\xff\xfe", &*low].concat()).unwrap();
    std::fs::write(folder.path().join("b.conf"), [b"\xfe\xff", &*high].concat()).unwrap();
    std::fs::write(folder.path().join("c.conf"), low).unwrap();
    let out = run(&["check", "--format", "json", folder.path().to_str().unwrap()], b"");
    let document: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let diagnostics = document["diagnostics"].as_array().unwrap();
    assert_eq!(diagnostics.len(), 3, "{diagnostics:#?}");
    for diagnostic in diagnostics {
        assert_eq!(diagnostic["check"], "value-out-of-range");
        assert_eq!(diagnostic["start"]["column"], rule.find("99971").unwrap() + 1);
    }
    assert!(text(&out.stderr).contains("read as UTF-16"), "{}", text(&out.stderr));
}

#[test]
#[cfg(unix)]
fn a_link_in_a_folder_is_the_file_it_leads_to() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/incident/2013-03-03-packet-length.junos.conf");
    std::fs::create_dir(folder.path().join(".hidden")).unwrap();
    std::fs::copy(rules, folder.path().join(".hidden/a.conf")).unwrap();
    symlink(".hidden/a.conf", folder.path().join("a.conf")).unwrap();
    // What lies elsewhere is not for the report of this folder.
    symlink(rules, folder.path().join("out.conf")).unwrap();
    symlink("nowhere", folder.path().join("b.conf")).unwrap();
    symlink(".", folder.path().join("loop")).unwrap();
    let out = run(&["check", folder.path().to_str().unwrap()], b"");
    assert_eq!(out.status.code(), Some(1));
    let said = text(&out.stderr);
    assert!(said.contains("1 folder behind links") && said.contains("1 file of no known dialect"), "{said}");
    assert!(said.contains("1 link out of the folder"), "{said}");
    assert_eq!(text(&out.stdout).matches("error[").count(), 1);
}

#[test]
fn a_dialect_that_is_named_is_that_of_the_text_files_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let good = "flow4 table t; protocol static s1 { flow4 { table t; }; route flow4 { dst 10.0.0.0/8; }; }\n";
    write("good.conf", &format!("protocol device {{}}\n{good}"));
    write("broken.conf", "define A 10.0.0.0/8;\nprotocl static { flow4; }\n");
    write("routes.txt", "filter all { accept; }\n");
    write("firewall.conf", "firewall { family inet { filter f { term a { then accept; } } } }\n");
    write("README.md", "What this is.\n");
    write("picture", "\0\u{1}\u{2}");
    let out = run(&["check", "--dialect", "bird", folder.path().to_str().unwrap()], b"");
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stdout));
    assert!(text(&out.stdout).contains("broken.conf:1:8"), "{}", text(&out.stdout));
    let said = text(&out.stderr);
    for part in [
        "1 file of another dialect than the one named skipped: `",
        "firewall.conf` (junos)",
        "1 file without text skipped: `",
        "1 file with names that no rules have skipped: `",
        "README.md`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("routes.txt"), "{said}");
}

/// Its rules stand once, in the file that includes it, and what is defined around them is known there.
#[test]
fn a_file_of_a_folder_that_others_include_is_read_there() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "bird.conf",
        "define N = 6;\nflow4 table t;\nprotocol static s1 {\nflow4 { table t; };\ninclude \"routes.inc\";\n}\n",
    );
    write("routes.inc", "route flow4 { proto N; };\n");
    for args in [&["check"][..], &["check", "--dialect", "bird"]] {
        let out = run(&[args, &[folder.path().to_str().unwrap()]].concat(), b"");
        let said = [text(&out.stdout), text(&out.stderr)].concat();
        assert_eq!(out.status.code(), Some(0), "{said}");
        assert!(said.contains("no findings in 1 rule of 1 file"), "{said}");
        assert!(said.contains("1 file read only where others include them: `"), "{said}");
    }
    // Files that include one another are read for themselves, and each is told so.
    write("bird.conf", "include \"routes.inc\";\n");
    write("routes.inc", "protocol static { flow4; };\ninclude \"bird.conf\";\n");
    let out = run(&["check", "--dialect", "bird", folder.path().to_str().unwrap()], b"");
    assert!(text(&out.stdout).contains("includes itself"), "{}", text(&out.stdout));
}

#[test]
fn a_file_whose_rules_are_not_read_is_no_pass() {
    let rules = b"security { policies { default-policy { permit-all; } } }\n";
    let out = run(&["check", "-"], rules);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("`security policies` are not read"), "{}", text(&out.stderr));
    assert_eq!(run(&["check", "--allow-empty", "-"], rules).status.code(), Some(0));
}

#[test]
fn standard_input_is_read_once() {
    let out = run(&["check", "-", "-"], b"");
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("given twice"), "{}", text(&out.stderr));
}

#[test]
#[cfg(unix)]
fn a_pipe_by_name_says_that_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("rules");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine has no `mkfifo`");
        return;
    }
    let mut command = flowgate();
    command.args(["check", "--dialect", "flowspec-hex"]).arg(&pipe);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("is a pipe: waiting"), "{said}");
    std::fs::write(&pipe, "ipv4 0901 20c0000201 039111 8006000000000000\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// The first example of the README, with the built program in place of `cargo run`.
#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut commands = 0;
    for block in blocks {
        let (line, shown) = block.split_once('\n').unwrap();
        let words = line.strip_prefix("$ cargo run --release -- ").unwrap();
        let flowgate = env!("CARGO_BIN_EXE_flowgate");
        let mut command = Command::new("sh");
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-c", &format!("exec '{flowgate}' {words}")]);
        let out = command.output().unwrap();
        let printed = [text(&out.stdout), text(&out.stderr)].concat();
        assert_eq!(printed.trim_end(), shown.trim_end(), "{line}");
        assert!(shown.lines().count() <= 40, "`{line}` does not fit on a screen");
        commands += 1;
    }
    assert!(commands > 0, "the README shows no command with what it prints");
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

#[test]
fn an_unanswered_question_fails_the_run_where_it_is_told_to() {
    let with = |what| run(&["check", "tests/cli/unknown.conf", "--inconclusive", what], b"").status.code();
    assert_eq!([with("report"), with("fail"), with("ignore")], [Some(3), Some(1), Some(0)]);
}

#[test]
fn a_full_disk_is_no_pass() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("SKIPPED: this machine has no /dev/full");
        return;
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = flowgate().args(["check", "rules/exabgp/sound"]).stdout(full).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn packets_that_were_generated_are_evaluated_and_parted_by_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let rules = "rules/exabgp/sound/mitigation.conf";
    let make = |to: &str| run(&["generate", "packets", rules, "--output", to, "--seed", "7"], b"");
    assert_eq!(make(&path("a.pcap")).status.code(), Some(0));
    make(&path("b.pcap"));
    assert_eq!(std::fs::read(path("a.pcap")).unwrap(), std::fs::read(path("b.pcap")).unwrap());
    let capture = std::fs::read(path("a.pcap")).unwrap();
    let (lost, kept) = (format!("drop={}", path("lost.pcap")), format!("accept={}", path("kept.pcap")));
    let args =
        ["eval", rules, "--format", "json", "--write-pcap", &lost, "--write-pcap", &kept, "--capture", "-"];
    let whole: serde_json::Value = serde_json::from_slice(&run(&args, &capture).stdout).unwrap();
    let count = |file: &str| {
        let out = run(&["eval", rules, "--format", "json", "--capture", &path(file)], b"");
        let document: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        (document["packets"].as_u64().unwrap(), document["verdicts"].clone())
    };
    let (lost, kept) = (count("lost.pcap"), count("kept.pcap"));
    assert!(lost.0 > 0 && kept.0 > 0);
    assert_eq!(lost.0 + kept.0, whole["packets"].as_u64().unwrap());
    assert_eq!(lost.1["discard"]["packets"], lost.0);
    assert_eq!(kept.1["accept"]["packets"], kept.0);
    let all = whole["rule_sets"].as_array().unwrap().iter().flat_map(|set| set["rules"].as_array().unwrap());
    assert!(all.clone().all(|rule| rule["packets"].as_u64().unwrap() > 0), "a rule is not met: {whole}");
}

#[test]
fn a_capture_of_many_batches_is_counted_alike_by_any_number_of_threads() {
    use flowgate::packet::{CaptureWriter, LinkType};
    use std::time::Duration;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let small = path("small.pcap");
    run(
        &["generate", "packets", "rules/exabgp/sound/mitigation.conf", "--output", &small, "--seed", "7"],
        b"",
    );
    let mut octets = Vec::new();
    let mut writer = CaptureWriter::new(&mut octets, LinkType::RAW).unwrap();
    let mut reader = flowgate::packet::CaptureReader::new(std::fs::File::open(&small).unwrap()).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        packets.push(frame.octets.to_vec());
    }
    // Ten seconds, two of them empty.
    for (packet, number) in packets.iter().cycle().zip(0..20_000_u64) {
        let seconds = number / 2_500;
        let time = Duration::from_secs(1_000 + if seconds > 4 { seconds + 2 } else { seconds });
        writer.write(time, packet, u32::try_from(packet.len()).unwrap()).unwrap();
    }
    std::fs::write(path("many.pcap"), &octets).unwrap();
    let counted = |threads: &str| {
        let series = ["t.csv", "t.json", "t.svg"].map(path);
        let mut args =
            vec!["eval", "rules/exabgp/sound/mitigation.conf", "--format", "json", "--threads", threads];
        args.extend(["--every", "1s"]);
        for file in &series {
            args.extend(["--series", file]);
        }
        let many = path("many.pcap");
        args.extend(["--capture", &many]);
        let out = run(&args, b"");
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        (text(&out.stdout), series.map(|file| std::fs::read_to_string(file).unwrap()))
    };
    let one = counted("1");
    assert_eq!(one, counted("3"));
    let (report, [csv, json, svg]) = one;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["packets"], 20_000);
    let rows: Vec<Vec<u64>> =
        csv.lines().skip(1).map(|row| row.split(',').map(|n| n.parse().unwrap()).collect()).collect();
    let times: Vec<u64> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(times, [1_000, 1_001, 1_002, 1_003, 1_004, 1_007, 1_008, 1_009]);
    for row in &rows {
        assert_eq!(row.iter().skip(1).step_by(2).sum::<u64>(), 2_500, "{csv}");
    }
    let accepted: u64 = rows.iter().map(|row| row[1]).sum();
    assert_eq!(report["verdicts"]["accept"]["packets"], accepted);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["series"].as_array().unwrap().len(), rows.len());
    assert_eq!(json["series"][0]["verdicts"]["accept"]["packets"], rows[0][1]);
    assert!(svg.contains("discard</text>"), "{svg}");
}

#[test]
fn a_change_is_judged_against_a_revision_a_folder_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=n", "-c", "user.email=n@example.net", "-c", "commit.gpgsign=false"];
        let status =
            Command::new("git").current_dir(folder.path()).args(identity).args(args).output().unwrap();
        assert!(status.status.success(), "{}", text(&status.stderr));
    };
    let rule = |list: &str| {
        format!("table ip f {{\n chain c {{\n  type filter hook input priority 0\n  {list}\n }}\n}}\n")
    };
    std::fs::create_dir(path("rules")).unwrap();
    std::fs::write(path("rules/a.nft"), "include \"./rules/b.inc\"\n").unwrap();
    std::fs::write(path("rules/b.inc"), rule("tcp dport 22 drop")).unwrap();
    std::fs::write(path("rules/gone.nft"), rule("udp dport 53 drop").replace("ip f", "ip g")).unwrap();
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "one"]);
    let check = |against: &str, what: &str| {
        let mut command = flowgate();
        command.current_dir(folder.path()).args([
            "check",
            "--quiet",
            "--fail-on",
            "warning",
            "--against",
            against,
        ]);
        let answer = command.arg(what).output().unwrap();
        (answer.status.code(), text(&answer.stdout), text(&answer.stderr))
    };
    assert_eq!(check("HEAD", "rules").0, Some(0), "{:?}", check("HEAD", "rules"));
    std::fs::write(path("rules/b.inc"), rule("tcp dport 23 drop")).unwrap();
    std::fs::remove_file(path("rules/gone.nft")).unwrap();
    let (code, out, err) = check("HEAD", "rules");
    assert_eq!(code, Some(1), "{out}{err}");
    for said in
        ["widened-filter", "narrowed-filter", "filter-removed", "HEAD:rules/b.inc:4:", "HEAD:rules/gone.nft"]
    {
        assert!(out.contains(said), "{said}: {out}");
    }
    // A file alone, with what it included then; and one that is new.
    let (_, out, _) = check("HEAD", "rules/a.nft");
    assert!(out.contains("narrowed-filter") && !out.contains("filter-removed"), "{out}");
    std::fs::write(path("rules/new.nft"), rule("tcp dport 9 drop")).unwrap();
    assert_eq!(check("HEAD", "rules/new.nft").0, Some(0));
    // The same from copies.
    std::fs::create_dir(path("was")).unwrap();
    std::fs::write(path("was/a.nft"), rule("tcp dport 22 drop")).unwrap();
    assert!(check("was", "rules").1.contains("widened-filter"));
    assert!(check("was/a.nft", "rules/a.nft").1.contains("widened-filter"));
    for (against, what) in [("nothing", "rules"), ("was/a.nft", "rules"), ("HEAD:rules/a.nft", "rules")] {
        let (code, out, err) = check(against, what);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{against}: {err}");
        assert!(err.starts_with("error: cannot compare with"), "{err}");
    }
}
