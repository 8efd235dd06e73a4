//! Files that name other files. A reader sees one text: who may open files puts it together first ([`Assembly`]), and
//! what is read from it is told where it stands.

use super::{Dialect, ReadOptions, Reading};
use crate::ir::Origin;
use crate::source::{Assembly, Content, Source, SourceId, Span};

/// How the text of a dialect names other files.
#[derive(Debug)]
pub struct Including {
    /// Finds the statements that do, in order.
    pub find: fn(&str) -> Vec<Include>,
    /// How many files deep, the first one counted.
    pub depth: usize,
    /// Where a relative path begins.
    pub base: Base,
}

/// A statement that names other files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Include {
    /// The statement.
    pub span: Span,
    /// A path, or a pattern of paths with `*`, `?` and `[..]`.
    pub pattern: String,
}

/// Where a relative path begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// In the folder of the file that names it.
    Folder,
    /// In the folders to search; with `./` or `../` in front, in the working directory.
    Search,
}

/// Reads a text that was put together, and places what is read in the sources of its pieces.
pub fn read_assembled(
    dialect: &dyn Dialect,
    name: &str,
    assembly: &Assembly,
    options: &ReadOptions,
) -> Reading {
    let source = Source::new(name, Content::Text(assembly.text().to_owned()));
    let mut reading = dialect.read(&source, SourceId(0), options);
    for finding in &mut reading.diagnostics {
        for suggestion in &mut finding.suggestions {
            suggestion.span = assembly.place(suggestion.span).1;
        }
        for label in std::iter::once(&mut finding.primary).chain(&mut finding.secondary) {
            (label.source, label.span) = assembly.place(label.span);
        }
    }
    for set in &mut reading.document.rule_sets {
        set.rules.relocate(|span| {
            let (source, span) = assembly.place(span);
            Origin { source, span }
        });
    }
    reading
}
