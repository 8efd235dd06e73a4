//! What of a folder is read as a dialect that was named, and what is passed over: told with its name, since what is not
//! read is not checked.

use super::say;
use crate::dialect::{self, Dialect, Reads, Recognition, Sample};
use crate::report::count;

/// Something of a folder that is not read for itself.
#[derive(Debug)]
pub(super) struct Passed {
    /// Its path.
    pub(super) name: String,
    /// Why it is not.
    pub(super) why: Why,
}

/// Why something of a folder is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// No dialect knows it, or it is no file.
    Unknown,
    /// Another dialect than the one named is sure of it.
    Another(&'static str),
    /// Its octets are no text.
    Binary,
    /// Its name is that of something else than rules.
    Named,
    /// A file that is read includes it.
    Included,
}

impl Why {
    // The reasons in the order they are told; of another dialect, any.
    const ALL: [Self; 5] = [Self::Unknown, Self::Another(""), Self::Binary, Self::Named, Self::Included];

    fn same(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    fn told(self, files: &str) -> String {
        match self {
            Self::Unknown => format!("{files} of no known dialect skipped"),
            Self::Another(_) => format!("{files} of another dialect than the one named skipped"),
            Self::Binary => format!("{files} without text skipped"),
            Self::Named => format!("{files} with names that no rules have skipped"),
            Self::Included => format!("{files} read only where others include them"),
        }
    }
}

/// Names told of those passed over for one reason, unless all are asked for.
const NAMES: usize = 10;

/// Tells what was passed over.
pub(super) fn tell(passed: &[Passed], every: bool) {
    for why in Why::ALL {
        let names = passed.iter().filter(|passed| passed.why.same(why)).map(|passed| match passed.why {
            Why::Another(dialect) => format!("`{}` ({dialect})", passed.name),
            _ => format!("`{}`", passed.name),
        });
        let names: Vec<String> = names.collect();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        if names.is_empty() {
            continue;
        }
        let files = count(number(names.len()), "file");
        let shown = if every { names.len() } else { names.len().min(NAMES) };
        let mut list = names.get(..shown).unwrap_or(&names).join(", ");
        if names.len() > shown {
            list = format!("{list} and {} more", count(number(names.len() - shown), ""));
        }
        say(&format!("note: {}: {list}", why.told(&files)));
    }
}

/// Endings of names that no rule file has: documents, programs, pictures, archives.
const ENDINGS: &[&str] = &[
    "adoc", "bash", "bat", "c", "cc", "cpp", "css", "csv", "go", "gz", "h", "html", "ini", "java", "jinja",
    "j2", "js", "lock", "log", "lua", "markdown", "md", "patch", "diff", "pdf", "pl", "png", "ps1", "py",
    "rb", "rs", "rst", "sh", "sql", "svg", "tex", "tmpl", "toml", "ts", "tsv", "xml", "yaml", "yml", "zip",
];

/// Beginnings of names without an ending that no rule file has.
const BEGINNINGS: &[&str] =
    &["authors", "changelog", "copying", "dockerfile", "license", "licence", "makefile", "notice", "readme"];

/// Whether a file of a folder is read as the dialect that was named: it is where that dialect knows it, and any text is
/// that no other is sure of, since a slip in the first line must not hide the rest.
pub(super) fn read_as(named: &'static dyn Dialect, sample: &Sample<'_>) -> Result<(), Why> {
    if named.recognise(&sample.unmarked()) != Recognition::No {
        return Ok(());
    }
    if let Some(other) = dialect::sure_of(sample).find(|other| other.name() != named.name()) {
        return Err(Why::Another(other.name()));
    }
    if named.reads() != Reads::Text {
        return Err(Why::Unknown);
    }
    if !is_text(sample) {
        return Err(Why::Binary);
    }
    if is_named_otherwise(sample.name) { Err(Why::Named) } else { Ok(()) }
}

// Whether there is no octet that text does not have, in UTF-8 or Latin-1.
fn is_text(sample: &Sample<'_>) -> bool {
    sample.octets.iter().all(|octet| !matches!(octet, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f))
}

fn is_named_otherwise(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    match ending {
        Some(ending) if ENDINGS.contains(&ending) => true,
        Some(ending) if ending != "txt" => false,
        _ => BEGINNINGS.iter().any(|begin| name.starts_with(begin)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(dialect: &str, name: &str, octets: &[u8]) -> Result<(), Why> {
        read_as(dialect::by_name(dialect).unwrap(), &Sample::new(name, octets))
    }

    #[test]
    fn text_of_no_other_dialect_is_read_as_the_one_named() {
        let broken = b"protocl static { flow4; rout flow4 { dst 10.0.0.0/8; }; }\n";
        let junos = b"firewall { family inet { filter f { term a { then accept; } } } }\n";
        assert_eq!(answer("bird", "a.conf", broken), Ok(()));
        assert_eq!(answer("bird", "a", b"# d\xe9faut\nroute\n"), Ok(()));
        assert_eq!(answer("bird", "a.conf", junos), Err(Why::Another("junos")));
        assert_eq!(answer("bird", "a.conf", b"\0\x01\x02"), Err(Why::Binary));
        assert_eq!(answer("bird", "README", b"what this is\n"), Err(Why::Named));
        assert_eq!(answer("bird", "readme.txt", b"what this is\n"), Err(Why::Named));
        assert_eq!(answer("bird", "notes.md", b"what this is\n"), Err(Why::Named));
        // What it knows it reads, whatever the name.
        assert_eq!(answer("bird", "notes.md", b"protocol static { flow4; }\n"), Ok(()));
        assert_eq!(answer("mrt", "a.conf", broken), Err(Why::Unknown));
    }
}
