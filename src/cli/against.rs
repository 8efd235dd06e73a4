//! `--against`: the rules as they were, in a file, a folder or a git revision.

use super::error::Error;
use super::inputs::Inputs;
use super::select::Target;
use crate::check::{Input, Versions};
use crate::report::clean;
use std::path::{Path, PathBuf};

/// Where the rules of each path stood before.
#[derive(Debug, Default)]
pub(super) struct Against {
    /// What to read besides, each with the path it belongs to, by number.
    pub(super) targets: Vec<(usize, Target)>,
    // Where files of a revision stand, and the words that name it.
    #[cfg(feature = "git")]
    kept: Option<(tempfile::TempDir, String)>,
}

impl Against {
    /// Finds what `named` means: a path if there is one, else a revision.
    pub(super) fn find(named: &str, paths: &[PathBuf], search: &[PathBuf]) -> Result<Self, Error> {
        let old = Path::new(named);
        if paths.iter().any(|path| path == Path::new("-")) {
            return Err(Error::Against {
                named: clean(named).into_owned(),
                reason: "what standard input takes the place of is not known: name a file".to_owned(),
            });
        }
        if !old.exists() {
            return Self::of_revision(named, paths, search);
        }
        let [new] = paths else {
            return Err(Error::Against {
                named: clean(named).into_owned(),
                reason: "it is compared with one path: give a revision, or folders, for several".to_owned(),
            });
        };
        if new.is_dir() != old.is_dir() {
            return Err(Error::Against {
                named: clean(named).into_owned(),
                reason: "a folder is compared with a folder, a file with a file".to_owned(),
            });
        }
        Ok(Self { targets: vec![(0, Target::whole(old))], ..Self::default() })
    }

    #[cfg(not(feature = "git"))]
    fn of_revision(named: &str, _: &[PathBuf], _: &[PathBuf]) -> Result<Self, Error> {
        let reason = "there is no such file, and revisions are not built in".to_owned();
        Err(Error::Against { named: clean(named).into_owned(), reason })
    }

    #[cfg(feature = "git")]
    fn of_revision(named: &str, paths: &[PathBuf], search: &[PathBuf]) -> Result<Self, Error> {
        let failed = |reason: String| Error::Against {
            named: clean(named).into_owned(),
            reason: clean(&reason).into_owned(),
        };
        let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let mut targets = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let extracted = revision::extract(named, path, search, folder.path()).map_err(failed)?;
            targets.extend(extracted.map(|target| (number, target)));
        }
        Ok(Self { targets, kept: Some((folder, named.to_owned())) })
    }

    /// Gives files of a revision the names they have there, as `HEAD~1:edge.conf`.
    pub(super) fn rename(&self, inputs: &mut Inputs) {
        #[cfg(feature = "git")]
        if let Some((folder, named)) = &self.kept {
            inputs.sources.rename(|name| {
                let below = Path::new(name).strip_prefix(folder.path()).ok()?;
                Some(format!("{}:{}", clean(named), below.display()))
            });
        }
        #[cfg(not(feature = "git"))]
        let _ = inputs;
    }

    /// Each input beside what it takes the place of. `new` and `old` hold with each input the number of its path and its
    /// place below that.
    pub(super) fn versions<'a>(
        &self,
        new: &[(usize, PathBuf, &'a Input)],
        old: &[(usize, PathBuf, &'a Input)],
    ) -> Vec<Versions<'a>> {
        let path_of = |target: usize| self.targets.get(target).map(|(path, _)| *path);
        let mut left: Vec<(Option<usize>, &PathBuf, &'a Input)> =
            old.iter().map(|(target, below, input)| (path_of(*target), below, *input)).collect();
        let mut versions = Vec::new();
        for (path, below, input) in new {
            let at = left.iter().position(|(of, was, _)| *of == Some(*path) && *was == below);
            versions.push(Versions { old: at.map(|at| left.remove(at).2), new: Some(*input) });
        }
        versions.extend(left.into_iter().map(|(_, _, input)| Versions { old: Some(input), new: None }));
        versions
    }
}

#[cfg(feature = "git")]
mod revision {
    use super::Target;
    use crate::guard::limits;
    use std::fs;
    use std::path::{Component, Path, PathBuf};

    /// The word of dialects that read other files.
    const INCLUDES: &[u8] = b"include";

    /// Writes what stood at a path in a revision into a folder; where, or none where nothing stood there. The folder around
    /// a file and those of `search` come along where it may include others.
    pub(super) fn extract(
        named: &str,
        path: &Path,
        search: &[PathBuf],
        into: &Path,
    ) -> Result<Option<Target>, String> {
        let words = |error: &dyn std::error::Error| {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            text
        };
        let absolute = std::path::absolute(path).map_err(|error| words(&error))?;
        // The path itself may be gone by now.
        let near = absolute.ancestors().find(|near| near.is_dir()).unwrap_or(Path::new("/"));
        let repository = gix::discover(near)
            .map_err(|_| "there is no such file, and the rules stand in no git repository".to_owned())?;
        let root = repository.workdir().ok_or("the repository has no working tree")?;
        let root = root.canonicalize().map_err(|error| words(&error))?;
        let rest = absolute.strip_prefix(near).unwrap_or(Path::new(""));
        let whole = near.canonicalize().map_err(|error| words(&error))?.join(rest);
        let below =
            whole.strip_prefix(&root).map_err(|_| "the rules stand outside of the repository".to_owned())?;
        let tree = repository
            .rev_parse_single(named)
            .map_err(|error| format!("there is no such file, and no such revision: {}", words(&error)))?
            .object()
            .map_err(|error| words(&error))?
            .peel_to_tree()
            .map_err(|error| words(&error))?;
        let here = std::path::absolute(".").and_then(|here| here.canonicalize());
        let here = here.ok().and_then(|here| Some(here.strip_prefix(&root).ok()?.to_owned()));
        let base = here.map_or_else(PathBuf::new, |here| into.join(here));
        let target = |below: &Path| Target { base: base.clone(), ..Target::whole(&into.join(below)) };
        let mut writer = Writer { tree: &tree, into, octets: 0 };
        if below == Path::new("") {
            writer.folder(below)?;
            return Ok(Some(target(below)));
        }
        let mut below = below.to_owned();
        let mut links = 0;
        let entry = loop {
            let Some(entry) = tree.lookup_entry_by_path(&below).map_err(|error| words(&error))? else {
                return Ok(None);
            };
            if !entry.mode().is_link() {
                break entry;
            }
            links += 1;
            let object = entry.object().map_err(|error| words(&error))?;
            let to =
                gix::path::from_bstr(gix::bstr::BStr::new(&object.data)).map_err(|error| words(&error))?;
            let to = followed(&below, &to).filter(|_| links <= LINKS);
            below = to.ok_or("it is a link out of the repository there, or one of a long chain")?;
        };
        let below = &*below;
        if entry.mode().is_tree() {
            writer.folder(below)?;
        } else {
            let object = entry.object().map_err(|error| words(&error))?;
            writer.file(below, &object.data)?;
            if object.data.windows(INCLUDES.len()).any(|part| part.eq_ignore_ascii_case(INCLUDES)) {
                writer.folder(below.parent().unwrap_or(Path::new("")))?;
                for folder in search {
                    let folder = folder.canonicalize().ok();
                    if let Some(folder) = folder.as_ref().and_then(|folder| folder.strip_prefix(&root).ok()) {
                        writer.folder(folder)?;
                    }
                }
            }
        }
        Ok(Some(target(below)))
    }

    /// Links followed one after the other, as many as Linux follows.
    const LINKS: u32 = 40;

    /// Where a link leads, below the root of the repository; none where it leads out of it.
    fn followed(link: &Path, to: &Path) -> Option<PathBuf> {
        let mut found = link.parent().unwrap_or(Path::new("")).to_owned();
        for part in to.components() {
            match part {
                Component::Normal(name) => found.push(name),
                Component::CurDir => {}
                Component::ParentDir => found.pop().then_some(())?,
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        Some(found)
    }

    struct Writer<'a> {
        tree: &'a gix::Tree<'a>,
        into: &'a Path,
        octets: u64,
    }

    impl Writer<'_> {
        /// Writes a folder, where it is there.
        fn folder(&mut self, at: &Path) -> Result<(), String> {
            let tree = if at == Path::new("") {
                self.tree.clone()
            } else {
                let entry = self.tree.lookup_entry_by_path(at).map_err(|error| error.to_string())?;
                let Some(entry) = entry.filter(|entry| entry.mode().is_tree()) else { return Ok(()) };
                entry.object().map_err(|error| error.to_string())?.into_tree()
            };
            fs::create_dir_all(self.into.join(at)).map_err(|error| error.to_string())?;
            let files = tree.traverse().breadthfirst.files().map_err(|error| error.to_string())?;
            for file in files.iter().filter(|file| file.mode.is_blob()) {
                let below = gix::path::from_bstr(&file.filepath).map_err(|error| error.to_string())?;
                // A made-up tree may lead out of the folder.
                if !below.components().all(|part| matches!(part, Component::Normal(_))) {
                    continue;
                }
                let path = at.join(below);
                // What is too large for rules is none.
                let size = tree.repo.find_header(file.oid).map_err(|error| error.to_string())?.size();
                if size <= limits::RULE_FILE_OCTETS.value {
                    let object = tree.repo.find_object(file.oid).map_err(|error| error.to_string())?;
                    self.file(&path, &object.data)?;
                }
            }
            Ok(())
        }

        fn file(&mut self, below: &Path, octets: &[u8]) -> Result<(), String> {
            self.octets += octets.len() as u64;
            if self.octets > limits::REVISION_OCTETS.value {
                return Err(format!(
                    "the folder holds more than {} octets there",
                    limits::REVISION_OCTETS.value
                ));
            }
            let path = self.into.join(below);
            let folder = path.parent().unwrap_or(self.into);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, octets))
                .map_err(|error| error.to_string())
        }
    }
}
