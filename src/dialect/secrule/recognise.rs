//! Whether a file holds rules of `ModSecurity`.

use crate::dialect::{Recognition, Sample};

pub(super) fn recognise(sample: &Sample<'_>) -> Recognition {
    let Some(text) = sample.text else { return Recognition::No };
    let is_rule = |line: &str| {
        let line = line.trim_start().trim_start_matches('#').trim_start();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        matches!(name, "SecRule" | "SecAction" | "SecMarker" | "SecComponentSignature" | "SecRuleEngine")
            && !rest.trim().is_empty()
            || name.starts_with("SecRuleUpdate")
            || name.starts_with("SecRuleRemove")
    };
    if text.lines().any(is_rule) { Recognition::Certain } else { Recognition::No }
}
