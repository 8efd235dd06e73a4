//! Whatever the octets, reading them as a capture or dump with BGP in it, or as BGP messages, ends without a panic,
//! and every finding points into the messages.

use flowgate::dialect::{self, ReadOptions};
use flowgate::feed::{self, Format};
use flowgate::source::{Content, Source, SourceId};

/// The law for captures. Octets that are no capture are taken for the messages themselves.
pub fn bgp_capture(data: &[u8]) {
    match feed::read(Format::Capture, data) {
        Ok(feed) => read("bgp-capture", feed.content),
        Err(_) => read(
            "bgp-capture",
            Content::Octets { bytes: data.to_vec(), pieces: Vec::new(), streams: Vec::new() },
        ),
    }
}

/// The law for MRT dumps.
pub fn mrt(data: &[u8]) {
    if let Ok(feed) = feed::read(Format::Mrt, data) {
        read("mrt", feed.content);
    }
}

fn read(name: &str, content: Content) {
    let length = match &content {
        Content::Text(text) => text.len(),
        Content::Octets { bytes, .. } => bytes.len(),
    };
    let source = Source::new("input", content);
    let dialect = dialect::by_name(name).expect("the dialect is registered");
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    for diagnostic in &reading.diagnostics {
        let span = diagnostic.primary.span;
        assert!(span.start <= span.end && span.end as usize <= length, "span {span:?} of {diagnostic:?}");
    }
    for rule in reading.document.rule_sets.iter().flat_map(|set| &set.rules) {
        let span = rule.origin.span;
        assert!(span.start <= span.end && span.end as usize <= length, "span {span:?} of {rule:?}");
    }
}
