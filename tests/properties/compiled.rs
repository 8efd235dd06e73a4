//! The compiled form of real rule sets against the reference: the samples, and the corpora where they are at hand, over
//! packets at every boundary of their rules and packets of captures.

use flowgate::campaign::boundary;
use flowgate::dialect::{ReadOptions, Sample, recognise};
use flowgate::eval::{BATCH, Compiled, Decision, Evaluator};
use flowgate::field::Headers;
use flowgate::guard::Exhausted;
use flowgate::ir::Document;
use flowgate::packet::{CaptureReader, Decoded, LinkType, decode, tuple};
use flowgate::source::{Content, Source, SourceId};
use std::path::{Path, PathBuf};

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

/// What a file says, where it is of a dialect of text.
fn document(path: &Path) -> Option<Document> {
    let octets = std::fs::read(path).ok()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    let dialect = recognise(&Sample::new(&name, &octets)).ok()??;
    let text = String::from_utf8(octets).ok()?;
    let source = Source::new(&name, Content::Text(text));
    Some(dialect.read(&source, SourceId(0), &ReadOptions::default()).document)
}

/// Frames of the captures of this repository, at most so many of each.
fn captured(most: usize) -> Vec<(LinkType, Vec<u8>, u32)> {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/captures"), &mut paths);
    paths.sort();
    let mut frames = Vec::new();
    for path in paths {
        let Ok(mut reader) = CaptureReader::new(std::fs::File::open(&path).unwrap()) else { continue };
        for _ in 0..most {
            let Ok(Some(frame)) = reader.next_frame() else { break };
            frames.push((frame.link_type, frame.octets.to_vec(), frame.length));
        }
    }
    assert!(!frames.is_empty(), "there are captures");
    frames
}

/// Holds both forms of a rule set against each other.
struct Pair<'a> {
    compiled: Compiled<'a>,
    reference: Evaluator<'a>,
    // How many packets were looked at, and of how many a tuple said it.
    packets: u64,
    at_once: u64,
}

impl Pair<'_> {
    fn same(&mut self, headers: &Headers, said: Option<Decision>, case: &str) {
        self.packets += 1;
        let Ok(decision) = self.reference.decide(headers) else { return };
        assert_eq!(self.compiled.decide(headers), Ok(decision), "{case}: {headers:?}");
        if let Some(said) = said {
            self.at_once += 1;
            assert_eq!(said, decision, "{case}: {headers:?}");
        }
    }

    fn frame(&mut self, link_type: LinkType, octets: &[u8], length: u32, case: &str) {
        let mut headers = Headers::new();
        let decoded = decode(link_type, octets, length, &mut headers);
        let found = tuple(link_type, octets, length);
        let mut decisions = [None; BATCH];
        if let Some(found) = found {
            assert_eq!(decoded, Decoded::Whole, "{octets:?}");
            self.compiled.decide_tuples(&[found], &mut decisions);
        }
        self.same(&headers, decisions[0].filter(|_| found.is_some()), case);
    }
}

#[test]
fn real_rule_sets_decide_as_the_reference_does() {
    let much: Option<usize> = std::env::var("FLOWGATE_PAIRS").ok().and_then(|n| n.parse().ok());
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), &mut paths);
    match std::env::var_os("FLOWGATE_CORPORA") {
        Some(root) => files(Path::new(&root), &mut paths),
        None => println!("SKIPPED: FLOWGATE_CORPORA names no folder"),
    }
    paths.sort();
    // A part of the corpora, and all of them where there is time.
    let step = if much.is_some() { 1 } else { 12 };
    let frames = captured(if much.is_some() { 2_000 } else { 20 });
    let (mut sets, mut packets, mut at_once) = (0_u64, 0, 0);
    for path in paths.iter().step_by(step) {
        if std::fs::metadata(path)
            .is_ok_and(|file| file.len() > if much.is_some() { 4 << 20 } else { 1 << 14 })
        {
            continue;
        }
        let Some(document) = document(path) else { continue };
        let case = path.display().to_string();
        for entry in document.entries().into_iter().take(much.unwrap_or(4)) {
            let mut pair = Pair {
                compiled: Compiled::new(&document, entry).unwrap(),
                reference: Evaluator::new(&document, entry).unwrap(),
                packets: 0,
                at_once: 0,
            };
            sets += 1;
            for (link_type, octets, length) in &frames {
                pair.frame(*link_type, octets, *length, &case);
            }
            let most = much.unwrap_or(120) as u64 + pair.packets;
            for set in &document.rule_sets {
                let mut left = most;
                _ = boundary::headers::<Stop>(set, 7, &mut |_, octets, headers| {
                    pair.same(headers, None, &case);
                    let version = if octets[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] };
                    let frame = [&[2; 12][..], &version, octets].concat();
                    pair.frame(LinkType::ETHERNET, &frame, u32::try_from(frame.len()).unwrap(), &case);
                    left = left.saturating_sub(1);
                    if left == 0 { Err(Stop) } else { Ok(()) }
                });
            }
            (packets, at_once) = (packets + pair.packets, at_once + pair.at_once);
        }
    }
    println!("{sets} rule sets, {packets} packets, {at_once} by their tuples");
    assert!(sets > 20 && at_once * 20 > packets, "{sets} {packets} {at_once}");
}

/// Enough packets, or too many.
struct Stop;

impl From<Exhausted> for Stop {
    fn from(_: Exhausted) -> Self {
        Self
    }
}
