//! Files that rule files include, opened and put together, within limits: plain files only, each as often as it is
//! named, so deep and so many, and none but those of the folders that were given: whoever writes rules must not have
//! other files of the machine shown. What cannot be opened is a finding where it is named.

use super::encoding;
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{Base, Include, Including, raise, raised};
use crate::guard::limits::{INCLUDED_FILES, RULE_FILE_OCTETS};
use crate::report::clean;
use crate::source::{Assembly, Content, Source, SourceId};
use globset::GlobBuilder;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// A rule file with those it includes.
#[derive(Debug)]
pub(super) struct Assembled {
    /// The whole text; source 0 is the rule file, the others follow.
    pub(super) text: Assembly,
    /// The other files, in the order they are first named.
    pub(super) files: Vec<Source>,
    /// Where they lie, without links.
    pub(super) paths: Vec<PathBuf>,
    /// What is wrong with the statements that name files.
    pub(super) findings: Vec<Diagnostic>,
}

/// Puts a rule file and what it includes together; none where it includes nothing. Files are opened where they lie in
/// `folder` or one of `search`, links followed; relative paths begin at `base`.
pub(super) fn assemble(
    path: &Path,
    text: &str,
    including: &'static Including,
    folder: &Path,
    search: &[PathBuf],
    base: &Path,
) -> Option<Assembled> {
    if (including.find)(text).is_empty() {
        return None;
    }
    let search: Vec<PathBuf> = search.iter().map(|folder| base.join(folder)).collect();
    let folders = std::iter::once(folder).chain(search.iter().map(PathBuf::as_path));
    let mut assembler = Assembler {
        including,
        within: folders.filter_map(|folder| folder.canonicalize().ok()).collect(),
        search: &search,
        base,
        paths: vec![path.to_owned()],
        done: Assembled {
            text: Assembly::default(),
            files: Vec::new(),
            paths: Vec::new(),
            findings: Vec::new(),
        },
        opened: 0,
    };
    assembler.add(0, text, &mut vec![path.to_owned()]);
    Some(assembler.done)
}

struct Assembler<'a> {
    including: &'static Including,
    search: &'a [PathBuf],
    base: &'a Path,
    // The folders in which files are opened, without links.
    within: Vec<PathBuf>,
    // Of each source.
    paths: Vec<PathBuf>,
    done: Assembled,
    opened: u64,
}

impl Assembler<'_> {
    /// Adds the text of a source, with files in place of the statements that name them. `open` are the files it is in.
    fn add(&mut self, source: usize, text: &str, open: &mut Vec<PathBuf>) {
        let id = SourceId(u32::try_from(source).unwrap_or(u32::MAX));
        let mut from = 0;
        for include in (self.including.find)(text) {
            let span = include.span.range();
            self.done.text.push(id, from, text.get(from..span.start).unwrap_or(""));
            if let Err(message) = self.files(&include, open) {
                let finding = raise(raised::UNDEFINED_REFERENCE, Level::Error, message, id, include.span);
                self.done
                    .findings
                    .push(finding.with_help("without this file the rules are not those that are loaded"));
            }
            from = span.end;
        }
        self.done.text.push(id, from, text.get(from..).unwrap_or(""));
    }

    /// Adds the files that a statement names.
    fn files(&mut self, include: &Include, open: &mut Vec<PathBuf>) -> Result<(), String> {
        let pattern = &*include.pattern;
        let shown = clean(pattern);
        let is_pattern = pattern.contains(['*', '?', '[']);
        let found: Vec<PathBuf> = self
            .roots(pattern, open)
            .iter()
            .map(|root| matching(root, pattern))
            .find(|list| !list.is_empty())
            .unwrap_or_default();
        if found.is_empty() && !is_pattern {
            let bare = self.including.base == Base::Search && !pattern.starts_with(['.', '/']);
            let where_ =
                if bare { ": a bare name is looked for in the folders of `--include-path`" } else { "" };
            return Err(format!("there is no file `{shown}`{where_}"));
        }
        for path in found {
            let name = clean(&path.to_string_lossy()).into_owned();
            // A folder among the matches of a pattern is none of them.
            if path.is_dir() && is_pattern {
                continue;
            }
            if !lies_in(&path, &self.within) {
                return Err(format!(
                    "`{shown}` is not opened: it lies outside of the folder of the rules; `--include-path` names others"
                ));
            }
            if open.iter().any(|known| same(known, &path)) {
                return Err(format!("`{name}` includes itself"));
            }
            if open.len() >= self.including.depth {
                return Err(format!("files are included more than {} deep", self.including.depth));
            }
            self.opened += 1;
            if self.opened > INCLUDED_FILES.value {
                return Err(format!("more than {} files are included", INCLUDED_FILES.value));
            }
            let left = RULE_FILE_OCTETS.value.saturating_sub(self.done.text.len() as u64);
            let text = read(&path, left).map_err(|why| format!("`{name}` is not read: {why}"))?;
            let source = self.paths.iter().position(|known| same(known, &path)).unwrap_or_else(|| {
                self.paths.push(path.clone());
                self.done.paths.extend(path.canonicalize());
                self.done.files.push(Source::new(name, Content::Text(text.clone())));
                self.paths.len() - 1
            });
            open.push(path);
            self.add(source, &text, open);
            open.pop();
            if !text.is_empty() && !text.ends_with('\n') {
                // The next text begins a line of its own.
                self.done.text.push(SourceId(u32::try_from(source).unwrap_or(u32::MAX)), text.len(), "\n");
            }
        }
        Ok(())
    }

    /// The folders in which a pattern is looked for, the first with a match counts.
    fn roots(&self, pattern: &str, open: &[PathBuf]) -> Vec<PathBuf> {
        match self.including.base {
            _ if pattern.starts_with('/') => vec![PathBuf::new()],
            Base::Folder => {
                let folder = open.last().and_then(|file| file.parent()).unwrap_or(Path::new(""));
                vec![folder.to_owned()]
            }
            Base::Search if pattern.starts_with("./") || pattern.starts_with("../") => {
                vec![self.base.to_owned()]
            }
            Base::Search => self.search.to_vec(),
        }
    }
}

/// Whether a path leads into one of the folders, which are without links.
pub(super) fn lies_in(path: &Path, folders: &[PathBuf]) -> bool {
    path.canonicalize().is_ok_and(|path| folders.iter().any(|folder| path.starts_with(folder)))
}

/// Whether two paths lead to one file.
fn same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// The files that a pattern means in a folder, sorted: each part of the path may be a pattern of names.
fn matching(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut list = vec![root.to_owned()];
    for component in Path::new(pattern).components() {
        let part = component.as_os_str().to_string_lossy().into_owned();
        if !matches!(component, Component::Normal(_)) || !part.contains(['*', '?', '[']) {
            for path in &mut list {
                path.push(component);
            }
            list.retain(|path| path.as_os_str().is_empty() || path.exists());
            continue;
        }
        let glob = GlobBuilder::new(&part.replace(['{', '}'], "?")).literal_separator(true).build();
        let Ok(glob) = glob.map(|glob| glob.compile_matcher()) else { return Vec::new() };
        let named = |path: &PathBuf| {
            let Some(name) = path.file_name() else { return false };
            // A name that begins with a dot is hidden from patterns.
            glob.is_match(Path::new(name))
                && (part.starts_with('.') || !name.to_string_lossy().starts_with('.'))
        };
        let inside = |folder: &PathBuf| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(named).collect::<Vec<_>>()
        };
        let most = usize::try_from(INCLUDED_FILES.value).unwrap_or(usize::MAX).saturating_add(1);
        let mut next: Vec<PathBuf> = list.iter().flat_map(inside).collect();
        next.sort();
        next.truncate(most);
        list = next;
    }
    list
}

/// The text of a plain file of at most so many octets.
fn read(path: &Path, most: u64) -> Result<String, String> {
    let about = path.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is no plain file".to_owned());
    }
    let mut octets = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(most.saturating_add(1)).read_to_end(&mut octets).map_err(|error| error.to_string())?;
    if octets.len() as u64 > most {
        return Err(format!("all together are more than {} octets", RULE_FILE_OCTETS.value));
    }
    Ok(encoding::text(octets).0)
}
