//! Names a configuration gives to tables, protocols, templates, filters and functions, which share one space with
//! constants, and the tables its channels ask for.

use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::raised;
use crate::field::Family;
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// What a table or a channel is of, by its word.
pub(super) fn is_type(word: &str) -> bool {
    matches!(word, "ipv4" | "ipv6" | "vpn4" | "vpn6" | "roa4" | "roa6" | "flow4" | "flow6" | "mpls" | "aspa")
}

/// The word of a family of flow routes.
pub(super) fn of_family(family: Family) -> &'static str {
    if family == Family::Inet6 { "flow6" } else { "flow4" }
}

// A channel whose table is not there where it is asked for; no name is the first table of its type.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    name: Option<&'a str>,
    family: Family,
    span: Span,
}

/// The names of a configuration.
#[derive(Debug)]
pub(super) struct Names<'a> {
    // The type of a table; none of anything else.
    known: HashMap<&'a str, Option<&'a str>>,
    wanted: Vec<Wanted<'a>>,
    tables: bool,
    whole: bool,
    unread: bool,
}

impl<'a> Names<'a> {
    pub(super) fn new() -> Self {
        let given = HashMap::from([("master4", Some("ipv4")), ("master6", Some("ipv6"))]);
        Self { known: given, wanted: Vec::new(), tables: false, whole: false, unread: false }
    }

    /// Whether something other than a constant has the name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// Gives a name to a table of a type, or to something else.
    pub(super) fn declare(&mut self, name: &'a str, table: Option<&'a str>) {
        self.known.entry(name).or_insert(table);
        self.tables |= table.is_some();
    }

    /// Notes a statement that files have which are no parts of others.
    pub(super) fn is_whole(&mut self) {
        self.whole = true;
    }

    /// Notes that the file includes one that is not read: anything may be declared there.
    pub(super) fn leaves_out(&mut self) {
        self.unread = true;
    }

    /// Looks up the table that a channel asks for.
    pub(super) fn want(
        &mut self,
        name: Option<&'a str>,
        family: Family,
        span: Span,
        findings: &mut Findings,
    ) {
        let kind = of_family(family);
        let Some(name) = name else {
            if !self.known.values().any(|of| *of == Some(kind)) {
                self.wanted.push(Wanted { name: None, family, span });
            }
            return;
        };
        match self.known.get(name) {
            Some(Some(of)) if *of == kind => {}
            Some(Some(of)) => {
                let message = format!("the table `{name}` is `{of}` and the channel `{kind}`");
                findings.add(raised::MIXED_FAMILY, Level::Error, message, span, "BIRD refuses the file");
            }
            Some(None) => {
                let message = format!("`{name}` is no table");
                findings.add(raised::UNDEFINED_REFERENCE, Level::Error, message, span, "");
            }
            None => self.wanted.push(Wanted { name: Some(name), family, span }),
        }
    }

    /// Says which tables are missing: in a file that stands alone each is an error, in one that another may include all
    /// together are a note.
    pub(super) fn finish(&self, findings: &mut Findings) {
        let mut told = HashSet::new();
        for Wanted { name, family, span } in &self.wanted {
            let kind = of_family(*family);
            let below = match name {
                Some(name) => self.has(name),
                None => self.known.values().any(|of| *of == Some(kind)),
            };
            let stands_alone = self.whole || self.tables;
            if self.unread && !below || !told.insert((name, kind)) {
                continue;
            }
            let missing = match name {
                Some(name) => format!("above declares the table `{name}`"),
                None => format!("above declares a table of type `{kind}` for this channel"),
            };
            if below || stands_alone {
                let help = format!("write `{kind} table NAME;` above: BIRD refuses the file");
                let message = format!("nothing {missing}");
                findings.add(raised::UNDEFINED_REFERENCE, Level::Error, message, *span, &help);
                continue;
            }
            let help = "BIRD refuses the file unless one that includes it declares its tables";
            let message = format!("nothing {missing}");
            findings.add(raised::UNDEFINED_REFERENCE, Level::Note, message, *span, help);
            return;
        }
    }
}
