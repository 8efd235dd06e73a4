//! What commands share: `flowgate.toml`, its place, and the day of the run.

use super::error::Error;
use crate::config::{Config, Date, FILE_NAME};
use crate::report::clean;
use crate::source::{Content, Place, Source};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Octets of a `flowgate.toml`; a longer one is none.
const CONFIG_OCTETS: u64 = 1 << 20;

/// A `flowgate.toml` that was read.
#[derive(Debug)]
pub(super) struct Policy {
    /// What it says.
    pub(super) config: Config,
    /// Its text under its name; none when there is no file.
    pub(super) source: Option<Source>,
    /// The folder it stands in, absolute.
    pub(super) folder: Option<PathBuf>,
}

impl Policy {
    /// Reads the file given, else the nearest one upward from the folder of the first path.
    pub(super) fn find(given: Option<&Path>, first: Option<&Path>) -> Result<Self, Error> {
        let path = match given {
            Some(path) => Some(path.to_owned()),
            None => nearest(first),
        };
        match path {
            Some(path) => Self::read(&path),
            None => Ok(Self { config: Config::default(), source: None, folder: None }),
        }
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let name = clean(&path.to_string_lossy()).into_owned();
        let failed = |source| Error::Read { path: name.clone(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(CONFIG_OCTETS).read_to_string(&mut text).map_err(failed)?;
        let source = Source::new(name.clone(), Content::Text(text));
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut profile =
            |named: &str| super::platforms::read(&folder.join(named)).map_err(|error| error.to_string());
        let config = Config::parse_with(source.text(), &mut profile).map_err(|error| {
            let (line, column) = match source.place(error.span.start) {
                Place::Text(at) => (at.line, at.column),
                Place::Binary(_) => (1, 1),
            };
            Error::Config { path: name, line, column, message: error.message }
        })?;
        let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
        Ok(Self { config, source: Some(source), folder })
    }

    /// The name of a file from the folder of this policy; none when it stands elsewhere.
    pub(super) fn relative(&self, path: &str) -> Option<String> {
        let folder = self.folder.as_ref()?;
        let absolute = tidy(&std::path::absolute(path).ok()?);
        let below = absolute.strip_prefix(tidy(folder)).ok()?;
        Some(below.to_string_lossy().into_owned())
    }
}

/// The nearest `flowgate.toml` upward from the folder of `first`, named the way `first` is.
fn nearest(first: Option<&Path>) -> Option<PathBuf> {
    let given = first.filter(|path| *path != Path::new("-")).unwrap_or(Path::new(""));
    let folder = if given.is_dir() { given } else { given.parent().unwrap_or(Path::new("")) };
    let mut here = folder.to_owned();
    let mut left = std::path::absolute(if folder == Path::new("") { Path::new(".") } else { folder })
        .map_or(0, |path| tidy(&path).components().count());
    loop {
        let candidate = here.join(FILE_NAME);
        if candidate.is_file() {
            return Some(candidate);
        }
        left = left.checked_sub(1)?;
        here = upward(&here);
    }
}

/// The folder above, in words: `a/b`, `a`, nothing, `..`, `../..`.
fn upward(folder: &Path) -> PathBuf {
    match folder.components().next_back() {
        Some(Component::Normal(_)) => folder.parent().unwrap_or(Path::new("")).to_owned(),
        Some(Component::CurDir) | None => PathBuf::from(".."),
        Some(Component::ParentDir) => folder.join(".."),
        Some(Component::RootDir | Component::Prefix(_)) => folder.to_owned(),
    }
}

/// A path without `.` and with `..` followed in words.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The day given, else today in UTC. Only the end of a suppression reads it.
pub(super) fn today(given: Option<Date>) -> Date {
    given.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Date::from_days(since.as_secs() / 86_400)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_up_is_said_in_words() {
        for (from, to) in [("a/b", "a"), ("a", ""), ("", ".."), ("..", "../.."), ("/a", "/"), ("/", "/")] {
            assert_eq!(upward(Path::new(from)), PathBuf::from(to), "{from}");
        }
        assert_eq!(tidy(Path::new("/a/./b/../c")), PathBuf::from("/a/c"));
    }
}
