//! Whether a file holds rules of Suricata or Snort.

use super::parse;
use crate::dialect::{Recognition, Sample};

pub(super) fn recognise(sample: &Sample<'_>) -> Recognition {
    let Some(text) = sample.text else { return Recognition::No };
    let mut seen = Recognition::No;
    for line in text.lines() {
        let line = line.trim();
        let line = line.trim_start_matches('#').trim_start();
        if !parse::begins(line) {
            continue;
        }
        let Some((header, options)) = line.split_once('(') else { continue };
        // Action, protocol, two addresses and ports with an arrow between them; or an action alone.
        let arrow = header.contains("->") || header.contains("<>") || header.contains("=>");
        if arrow || options.contains("sid:") && options.contains(';') {
            seen = Recognition::Certain;
            break;
        }
    }
    seen
}
