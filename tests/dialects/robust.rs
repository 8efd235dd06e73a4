//! No file of any kind stops a reader: whole rule files, parts of tests, payloads, results, vectors and captures, read
//! by every dialect that may be meant, and what is read printed by every writer.

use flowgate::dialect::{DIALECTS, Dialect, PrintOptions, ReadOptions, Reads, Recognition, Sample, by_name};
use flowgate::source::{Content, Source, SourceId};
use std::path::{Path, PathBuf};

/// Folders every file of which is put to every dialect of text, whatever that says of it.
const OWN: [&str; 10] = [
    "nftables",
    "iptables",
    "pcap_filter",
    "bird",
    "gobgp",
    "frr",
    "ios_xr",
    "flowspec_text_xr",
    "kernel_oracle",
    "crossdialect_iptables_nft",
];

/// Longer files are cut here for a dialect that does not know them.
const OCTETS: usize = 8 << 10;

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

fn read(dialect: &dyn Dialect, text: &str, print: bool) {
    let source = Source::new("file", Content::Text(text.to_owned()));
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    for finding in &reading.diagnostics {
        let span = finding.primary.span;
        assert!(
            source.text().get(span.range()).is_some(),
            "{}: a place outside of the text",
            finding.message
        );
    }
    for writer in DIALECTS.iter().filter(|writer| print && writer.writes()) {
        let document = writer.flat(&reading.document);
        writer.print(&document, &PrintOptions::default(), &mut String::new()).unwrap();
    }
}

#[test]
fn no_file_of_the_corpora_stops_a_reader() {
    let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from) else {
        println!("SKIPPED: FLOWGATE_CORPORA names no folder");
        return;
    };
    let mut all = Vec::new();
    files(&root, &mut all);
    all.sort();
    let (mut count, mut reads) = (0, 0);
    for path in &all {
        let octets = std::fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let inside = path.strip_prefix(&root).unwrap();
        let own = OWN.iter().any(|folder| inside.starts_with(folder));
        let text = String::from_utf8_lossy(&octets);
        let head: String = text.chars().take(OCTETS).collect();
        let sample = Sample::new(&name, &octets);
        count += 1;
        for dialect in DIALECTS.iter().filter(|dialect| dialect.reads() == Reads::Text) {
            let known = dialect.recognise(&sample) != Recognition::No;
            if known {
                read(*dialect, &text, octets.len() < OCTETS);
            } else if own {
                read(*dialect, &head, false);
            }
            reads += usize::from(known || own);
        }
    }
    println!("{count} files, {reads} times read");
    assert!(OWN.iter().all(|folder| root.join(folder).is_dir()) && by_name("nftables").is_some());
}
