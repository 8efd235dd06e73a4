//! Whether a file is a list of patterns: any text could be one, so that a name must say it, or the words of an assembly.

use crate::dialect::{Recognition, Sample};

pub(super) fn recognise(sample: &Sample<'_>) -> Recognition {
    let Some(text) = sample.text else { return Recognition::No };
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    if first.starts_with("##!") || text.lines().any(|line| line.starts_with("##!")) {
        Recognition::Certain
    } else if [".patterns", ".regex", ".ra"].iter().any(|end| sample.name.ends_with(end)) {
        Recognition::Possible
    } else {
        Recognition::No
    }
}
