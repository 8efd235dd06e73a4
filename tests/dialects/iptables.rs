//! iptables: files of the corpora, extension tests of its own repository, laws of reading and printing.

use flowgate::diagnostic::{Diagnostic, Level};
use flowgate::dialect::iptables::Iptables;
use flowgate::dialect::{Dialect, PrintOptions, ReadOptions, Reading, by_name};
use flowgate::field::Family;
use flowgate::ir::Document;
use flowgate::source::{Content, Source, SourceId};
use std::path::{Path, PathBuf};

fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        eprintln!("skipped: FLOWGATE_CORPORA names no folder");
    }
    folder
}

fn read_as(text: &str, family: Option<Family>) -> Reading {
    let source = Source::new("test", Content::Text(text.to_owned()));
    Iptables.read(&source, SourceId(0), &ReadOptions { family, ..ReadOptions::default() })
}

fn read(text: &str) -> Reading {
    read_as(text, None)
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            (path.file_name().unwrap().to_string_lossy().into_owned(), text)
        })
        .collect();
    list.sort();
    list
}

/// A whole rule file, and no vector, oracle or unit test.
fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == extension)
}

fn is_whole(name: &str) -> bool {
    // The form in XML of an old converter is not read.
    !["t", "xml", "upper", "lower"].iter().any(|extension| has_extension(name, extension))
}

fn print(document: &Document) -> (String, Vec<String>) {
    let mut text = String::new();
    let lost = Iptables.print(document, &PrintOptions::default(), &mut text).unwrap();
    (text, lost.into_iter().map(|l| format!("{}: {}", l.rule, l.what)).collect())
}

/// The extension tests of iptables: `ARGS;=|OUTPUT;OK|FAIL`. What it takes we read without an error, and print as it
/// prints it wherever the words are ours to choose; of what it refuses we say so too, or treat it as unknown.
#[test]
fn extension_tests_are_read_and_printed_back() {
    let Some(folder) = corpora().map(|f| f.join("iptables")) else { return };
    let (mut good, mut same, mut bad, mut refused) = (0, 0, 0, 0);
    let (mut wrong, mut differs, mut read_too) = (Vec::new(), Vec::new(), Vec::new());
    for (name, text) in files(&folder).into_iter().filter(|(name, _)| has_extension(name, "t")) {
        let six = name.contains("libip6t");
        let family = if six { Family::Inet6 } else { Family::Inet };
        let (mut chain, mut table) = ("FORWARD".to_owned(), "filter".to_owned());
        for line in text.lines() {
            if let Some(chains) = line.strip_prefix(':') {
                chain = chains.split(',').next_back().unwrap().to_owned();
                continue;
            }
            if let Some(name) = line.strip_prefix('*') {
                table = name.split(',').next().unwrap().to_owned();
                continue;
            }
            if line.is_empty() || line.starts_with(['#', '@', '%']) {
                continue;
            }
            let parts: Vec<&str> = line.split(';').collect();
            let [args, expected, verdict, ..] = parts[..] else { continue };
            let table = match chain.as_str() {
                "PREROUTING" | "POSTROUTING" if table == "filter" => "mangle",
                _ => table.as_str(),
            };
            let rule = format!("*{table}\n-A {chain} {args}\nCOMMIT\n");
            let reading = read_as(&rule, Some(family));
            let errors: Vec<_> = reading.diagnostics.iter().filter(|d| d.level == Level::Error).collect();
            if verdict == "FAIL" {
                bad += 1;
                let says = |d: &Diagnostic| d.level >= Level::Warning;
                if reading.diagnostics.iter().any(says) {
                    refused += 1;
                } else {
                    read_too.push(format!("{name}: {chain} {args}"));
                }
                continue;
            }
            good += 1;
            if !errors.is_empty() {
                wrong.push(format!("{name}: {args}: {}", errors[0].message));
                continue;
            }
            let (printed, lost) = print(&reading.document);
            let head = format!("-A {chain}");
            let lines: Vec<&str> =
                printed.lines().filter_map(|l| l.strip_prefix(&head)).map(str::trim).collect();
            let expected = if expected == "=" { args } else { expected };
            let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            if lines.len() == 1 && plain(lines[0]) == plain(expected) {
                same += 1;
            } else {
                differs.push(format!("{name}: {args} | {} | {lost:?}", lines.join(" // ")));
            }
            let again = read_as(&printed, Some(family));
            if lost.is_empty() && again.document != reading.document {
                wrong.push(format!("{name}: {args}: reads differently: {printed}"));
            }
        }
    }
    println!(
        "{good} lines that iptables takes, {same} printed as it does; {bad} it refuses, {refused} of them with a word from us"
    );
    println!("{}", differs.join("\n"));
    println!("refused by iptables and read: {}\n{}", read_too.len(), read_too.join("\n"));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whole files, printed and read again.
#[test]
fn a_carriage_return_is_told_once_and_the_rules_are_read() {
    let text = "# x\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.1 -j DROP\nCOMMIT\n";
    let told = |text: &str| {
        let reading = read(text);
        let spans: Vec<_> =
            reading.diagnostics.iter().map(|d| d.message.contains("carriage return")).collect();
        (spans, reading.document.rule_sets.iter().map(|set| set.rules.len()).sum::<usize>())
    };
    assert_eq!(told(text), (vec![], 1));
    assert_eq!(told(&text.replace('\n', "\r\n")), (vec![true], 1));
    assert_eq!(told(&text.replace("COMMIT\n", "COMMIT\r\n")), (vec![true], 1));
    // A comment and the head of a chain may end so: the program takes them.
    assert_eq!(told(&text.replace("x\n", "x\r\n").replace("]\n", "]\r\n")), (vec![], 1));
}

#[test]
fn whole_files_read_the_same_once_printed() {
    let Some(folder) = corpora().map(|f| f.join("iptables")) else { return };
    let (mut compared, mut losing, mut wrong) = (0, 0, Vec::new());
    for (name, text) in files(&folder).into_iter().filter(|(name, _)| is_whole(name)) {
        let reading = read(&text);
        if reading.diagnostics.iter().any(|d| d.level == Level::Error) {
            continue;
        }
        let (printed, lost) = print(&reading.document);
        if !lost.is_empty() {
            losing += 1;
            println!("{name}: {} lost, as {}", lost.len(), lost[0]);
            continue;
        }
        compared += 1;
        let again = read(&printed);
        if again.document != reading.document {
            wrong.push(format!("{name}: {}", crate::samples::difference(&reading.document, &again.document)));
        }
    }
    println!("{compared} files the same, {losing} lose something");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What we print, iptables-restore takes: in a network namespace of its own, without loading anything.
#[test]
fn iptables_restore_takes_what_is_printed() {
    let Some(folder) = corpora().map(|f| f.join("iptables")) else { return };
    if !restore_works() {
        return;
    }
    let (mut taken, mut wrong) = (0, Vec::new());
    for (name, text) in files(&folder).into_iter().filter(|(name, _)| is_whole(name)) {
        let reading = read(&text);
        if reading.diagnostics.iter().any(|d| d.level == Level::Error) || reading.document.rule_count() == 0 {
            continue;
        }
        let (printed, _) = print(&reading.document);
        match restore(&printed) {
            Ok(()) => taken += 1,
            // What the machine has no module for says nothing of our words; sets that are not made, neither.
            Err(error)
                if error.contains("No such file")
                    || error.contains("doesn't exist")
                    || error.contains("set ") =>
            {
                println!("{name}: not tried: {}", error.lines().next().unwrap_or(""));
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    println!("{taken} files taken");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken > 20);
}

/// Whether namespaces and iptables are here; where they must be, a panic says that they are not.
fn restore_works() -> bool {
    let works = restore("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n").is_ok();
    if !works {
        assert!(std::env::var_os("CI").is_none(), "iptables-restore or namespaces are missing");
        eprintln!("skipped: no iptables-restore in a namespace");
    }
    works
}

fn restore(text: &str) -> Result<(), String> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let program =
        if text.contains("for ip6tables-restore") { "ip6tables-restore" } else { "iptables-restore" };
    // Root has namespaces at once, others by one of users.
    for flags in ["-n", "-rn"] {
        let child = Command::new("unshare")
            .args([flags, program, "--test"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else { return Err("No such file".to_owned()) };
        // A program that stops early closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        let out = child.wait_with_output().unwrap();
        if out.status.success() {
            return Ok(());
        }
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        if flags == "-rn" || !error.contains("unshare") {
            return Err(error);
        }
    }
    Err("no namespace".to_owned())
}

/// What a line of its own cannot say is not written as one that says something else, or that iptables refuses.
#[test]
fn options_stand_once_and_where_they_belong() {
    let printed = |text: &str| print(&read(text).document);
    let filter = |rule: &str| format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {rule} -j DROP\nCOMMIT\n");
    let (text, lost) = printed(&filter("-p tcp -m tcp --tcp-flags SYN,ACK SYN -m tcp --tcp-flags FIN FIN"));
    assert!(text.contains("-m tcp --tcp-flags SYN,ACK SYN -m tcp --tcp-flags FIN FIN"), "{text}");
    assert_eq!(lost, [""; 0]);
    assert_eq!(read(&text).diagnostics, []);

    let junos = |from: &str| {
        let text = format!(
            "firewall {{ family inet {{ filter F {{ term a {{ from {{ {from} }} then discard; }} }} }} }}"
        );
        let source = Source::new("test", Content::Text(text));
        let document = by_name("junos").unwrap().read(&source, SourceId(0), &ReadOptions::default()).document;
        print(&document)
    };
    // Two octets of a header are enough for the source port; that there are two more, iptables has no word for.
    let (text, lost) = junos("protocol tcp; source-port 0-4; destination-port 0-65535;");
    assert!(!text.contains("-A "), "{text}");
    assert!(lost.iter().any(|lost| lost.contains("with any value")), "{lost:?}");
    let (text, _) = junos("protocol tcp; source-port 0-65535; destination-port 0-4;");
    assert!(text.contains("-A FORWARD -p tcp -m tcp --dport 0:4 -m comment"), "{text}");
}
