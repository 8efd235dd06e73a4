//! `flowgate check --fix`: edits that are proven to change nothing, written to the files.

use super::args::{Check, Common};
use super::check::Judged;
use super::error::Error;
use super::options::Policy;
use super::say;
use crate::check::fix;
use crate::diagnostic::Diagnostic;
use crate::guard::limits;
use crate::report::{clean, count};
use crate::source::Content;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The checks whose findings are settled by an edit.
const FIXED: [&str; 4] = ["duplicate-rule", "mergeable-rules", "redundant-rule", "shadowed-rule"];

/// Edits files until nothing is left to edit, and says what was done. What is found in the files as they are then.
pub(super) fn run(options: &Check, common: &Common, policy: &Policy) -> Result<Judged, Error> {
    if options.paths.iter().any(|path| path == Path::new("-")) {
        return Err(Error::FixStdin);
    }
    let mut applied = 0;
    let mut judged = Judged::of(options, policy)?;
    for _ in 0..limits::FIX_ROUNDS.value {
        let mut settled = 0;
        let mut left = Vec::new();
        for input in judged.rules() {
            let source = judged.inputs.sources.get(input.source);
            let name = clean(source.name()).into_owned();
            let about = |finding: &&Diagnostic| {
                FIXED.contains(&finding.check) && finding.primary.source == input.source
            };
            let findings: Vec<&Diagnostic> = judged.findings.diagnostics.iter().filter(about).collect();
            let Content::Text(text) = source.content() else { continue };
            if findings.is_empty() {
                continue;
            }
            let failed = |source| Error::Read { path: name.clone(), source };
            if fs::read(source.name()).map_err(failed)? != text.as_bytes() {
                left.push(format!("`{name}` is left as it is: it begins with a mark of its encoding, is not UTF-8, or has changed meanwhile"));
                continue;
            }
            let fixed = fix(source, input, &options.reading.read_options(), &findings);
            if let Some(text) = &fixed.text {
                let failed = |source| Error::Write { path: name.clone(), source };
                replace(Path::new(source.name()), text).map_err(failed)?;
                settled += fixed.applied;
            }
            left.extend(fixed.left.iter().filter_map(|(number, why)| {
                let finding = findings.get(*number)?;
                let rule = finding.rule.as_deref().unwrap_or_default();
                Some(format!("`{name}`: {} of rule `{}` is left: {why}", finding.check, clean(rule)))
            }));
        }
        applied += settled;
        if settled == 0 {
            if !common.quiet {
                for line in left {
                    say(&format!("note: {line}"));
                }
            }
            break;
        }
        judged = Judged::of(options, policy)?;
    }
    if !common.quiet {
        say(&format!("{} settled by edits", count(u64::try_from(applied).unwrap_or(u64::MAX), "finding")));
    }
    Ok(judged)
}

/// Writes a file beside another and puts it in its place, so that it is never there in part.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one.
    let path = path.canonicalize()?;
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}
