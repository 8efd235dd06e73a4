//! `flowgate checks`, `explain`, `dialects`: what is known here, from the registries.

use super::args::{Common, Explain, List, TableFormat};
use super::error::Error;
use super::{Exit, output};
use crate::check::{self, CHECKS, Confidence};
use crate::cost::{Platform, platforms as known_platforms};
use crate::dialect::{DIALECTS, Dialect, Reads, Support};
use crate::report::{Table, json};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct CheckList {
    version: u32,
    checks: Vec<CheckEntry>,
}

#[derive(Serialize)]
struct CheckEntry {
    name: &'static str,
    level: &'static str,
    confidence: &'static str,
    since: &'static str,
    summary: &'static str,
}

/// Lists the checks.
pub(super) fn checks(options: &List, common: &Common) -> Result<Exit, Error> {
    let entries: Vec<_> = CHECKS
        .iter()
        .map(|check| {
            let meta = check.meta();
            let confidence = match meta.confidence {
                Confidence::Proven => "proven",
                Confidence::Likely => "likely",
            };
            let (name, level, since) = (meta.name, meta.level.name(), meta.since);
            CheckEntry { name, level, confidence, since, summary: meta.summary }
        })
        .collect();
    list(options, common, |format, out| match format {
        TableFormat::Json => json::document(&CheckList { version: json::v1::VERSION, checks: entries }, out),
        TableFormat::Terminal => {
            let mut table = Table::new(&["", "", ""]);
            for e in &entries {
                table.row([e.name, e.level, e.summary].map(str::to_owned));
            }
            table.write(out)
        }
    })
}

/// Prints the page of a check.
pub(super) fn explain(options: &Explain, common: &Common) -> Result<Exit, Error> {
    let page = check::by_name(&options.name).map_or("", |check| check.meta().page);
    output::write(None, common, |out, _| out.write_all(page.as_bytes()))?;
    Ok(Exit::Clean)
}

#[derive(Serialize)]
struct DialectList {
    version: u32,
    dialects: Vec<DialectEntry>,
}

#[derive(Serialize)]
struct DialectEntry {
    name: &'static str,
    reads: &'static str,
    writes: bool,
    about: &'static str,
    keywords: Keywords,
}

/// How many keywords of the ledger stand at each state.
#[derive(Serialize, Default)]
struct Keywords {
    full: usize,
    partial: usize,
    opaque: usize,
    ignored: usize,
}

/// Lists the dialects.
pub(super) fn dialects(options: &List, common: &Common) -> Result<Exit, Error> {
    let entries: Vec<_> = DIALECTS.iter().map(|dialect| entry(*dialect)).collect();
    list(options, common, |format, out| match format {
        TableFormat::Json => {
            json::document(&DialectList { version: json::v1::VERSION, dialects: entries }, out)
        }
        TableFormat::Terminal => {
            let mut table = Table::new(&["", "", "", ""]);
            for e in &entries {
                let reads = if e.reads == "nothing" { "-" } else { "reads" };
                table.row([e.name, reads, if e.writes { "writes" } else { "-" }, e.about].map(str::to_owned));
            }
            table.write(out)
        }
    })
}

fn entry(dialect: &'static dyn Dialect) -> DialectEntry {
    let mut keywords = Keywords::default();
    for keyword in dialect.ledger() {
        match keyword.support {
            Support::Full => keywords.full += 1,
            Support::Partial => keywords.partial += 1,
            Support::Opaque => keywords.opaque += 1,
            Support::Ignored => keywords.ignored += 1,
            Support::Unknown => {}
        }
    }
    let reads = match dialect.reads() {
        Reads::Text => "text",
        Reads::Messages => "messages",
        Reads::Nothing => "nothing",
    };
    DialectEntry { name: dialect.name(), reads, writes: dialect.writes(), about: dialect.about(), keywords }
}

#[derive(Serialize)]
struct PlatformList<'a> {
    version: u32,
    platforms: Vec<PlatformEntry<'a>>,
}

#[derive(Serialize)]
struct PlatformEntry<'a> {
    name: &'a str,
    title: &'a str,
    about: &'a str,
    resources: Vec<ResourceEntry<'a>>,
}

#[derive(Serialize)]
struct ResourceEntry<'a> {
    name: &'a str,
    unit: &'a str,
    limit: Option<u64>,
    source: &'a str,
    verified: bool,
    note: &'a str,
}

impl<'a> PlatformEntry<'a> {
    fn of(platform: &'a Platform) -> Self {
        let resources = platform.resource.iter().map(|resource| ResourceEntry {
            name: &resource.name,
            unit: &resource.unit,
            limit: resource.limit,
            source: &resource.source,
            verified: resource.verified,
            note: &resource.note,
        });
        let (name, title, about) = (&platform.name, &platform.title, &platform.about);
        Self { name, title, about, resources: resources.collect() }
    }
}

/// Lists the platforms.
pub(super) fn platforms(options: &List, common: &Common) -> Result<Exit, Error> {
    let known = known_platforms();
    list(options, common, |format, out| match format {
        TableFormat::Json => {
            let platforms = known.iter().map(PlatformEntry::of).collect();
            json::document(&PlatformList { version: json::v1::VERSION, platforms }, out)
        }
        TableFormat::Terminal => {
            let mut table = Table::new(&["", "", ""]);
            for platform in known {
                table.row([platform.name.clone(), platform.title.clone(), platform.about.clone()]);
            }
            table.write(out)
        }
    })
}

/// Writes a list in its form.
fn list(
    options: &List,
    common: &Common,
    write: impl FnOnce(TableFormat, &mut dyn Write) -> io::Result<()>,
) -> Result<Exit, Error> {
    output::write(options.writing.output.as_deref(), common, |out, _| write(options.format, out))?;
    Ok(Exit::Clean)
}
