//! Real files of iptables written for nftables and back, and the other way round: every step keeps the verdict of every
//! packet, or says what it loses.

use crate::recognition::owners;
use crate::samples::{conversion, print};
use flowgate::diagnostic::Level;
use flowgate::dialect::{Dialect, ReadOptions, by_name};
use flowgate::ir::Document;
use flowgate::source::{Content, Source, SourceId};
use std::path::PathBuf;

/// Longer files say nothing that shorter ones do not, and take long.
const RULES: usize = 250;

fn read(dialect: &dyn Dialect, text: String) -> (Document, bool) {
    let source = Source::new("a", Content::Text(text));
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    let sound = reading.diagnostics.iter().all(|d| d.level < Level::Error);
    (reading.document, sound)
}

fn there_and_back(own: &str, other: &str, folder: &str) {
    let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir()) else {
        println!("skipped: FLOWGATE_CORPORA names no folder");
        return;
    };
    let [own, other] = [own, other].map(|name| by_name(name).unwrap());
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (mut files, mut compared, mut packets, mut wrong) = (0, 0, 0, Vec::new());
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if owners(folder, &name).is_none_or(|owners| owners[0] != own.name()) {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let (document, sound) = read(own, text);
        if !sound || document.rule_count() == 0 || document.rule_count() > RULES {
            continue;
        }
        files += 1;
        // What is written must read as what was read: then what is written of that must too.
        let there = conversion(other, None, &document);
        let (written, _) = print(other, &other.flat(&document), None);
        let (between, _) = read(other, written);
        let back = conversion(own, None, &between);
        for (step, result) in [("there", there), ("back", back)] {
            match result {
                Ok(count) => {
                    compared += usize::from(count > 0);
                    packets += count;
                }
                Err(problem) => {
                    let short: String = problem.chars().take(600).collect();
                    wrong.push(format!("{name}, {step}: {short}"));
                }
            }
        }
    }
    println!("{files} files, {compared} conversions compared, {packets} packets");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 10, "only {compared} conversions are compared");
}

#[test]
fn iptables_comes_back_from_nftables() {
    there_and_back("iptables", "nftables", "iptables");
}

#[test]
fn nftables_comes_back_from_iptables() {
    there_and_back("nftables", "iptables", "nftables");
}
