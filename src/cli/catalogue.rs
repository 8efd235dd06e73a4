//! `flowgate checks`, `explain`, `dialects`: what is known here, from the registries.

use super::args::{Common, Dialects, Explain, List, TableFormat};
use super::error::Error;
use super::{Exit, output};
use crate::check::{self, CHECKS, Confidence};
use crate::cost::{Platform, platforms as known_platforms};
use crate::dialect::{self, DIALECTS, Dialect, Keyword, Reads, Support};
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
    default_on: bool,
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
            let default_on = meta.default_on;
            CheckEntry { name, level, default_on, confidence, since, summary: meta.summary }
        })
        .collect();
    list(options, common, |format, out| match format {
        TableFormat::Json => json::document(&CheckList { version: json::v1::VERSION, checks: entries }, out),
        TableFormat::Terminal => {
            let mut table = Table::new(&["", "", ""]);
            for e in &entries {
                let level = if e.default_on { e.level.to_owned() } else { format!("off ({})", e.level) };
                table.row([e.name.to_owned(), level, e.summary.to_owned()]);
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
    forms: &'static [&'static str],
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

#[derive(Serialize)]
struct Ledger {
    version: u32,
    dialect: &'static str,
    keywords: Vec<KeywordEntry>,
}

#[derive(Serialize)]
struct KeywordEntry {
    context: &'static str,
    word: &'static str,
    support: &'static str,
    remark: &'static str,
}

/// Lists the dialects, or the keywords of one.
pub(super) fn dialects(options: &Dialects, common: &Common) -> Result<Exit, Error> {
    if let Some(dialect) = options.name.as_deref().and_then(dialect::by_name) {
        return ledger(dialect, &options.list, common);
    }
    let entries: Vec<_> = DIALECTS.iter().map(|dialect| entry(*dialect)).collect();
    list(&options.list, common, |format, out| match format {
        TableFormat::Json => {
            json::document(&DialectList { version: json::v1::VERSION, dialects: entries }, out)
        }
        TableFormat::Terminal => {
            let headings = ["dialect", "in", "out", ">full", ">partial", ">opaque", ">ignored", ""];
            let mut table = Table::new(&headings);
            let yes = |is: bool| if is { "yes" } else { "-" }.to_owned();
            for e in &entries {
                let Keywords { full, partial, opaque, ignored } = e.keywords;
                let [full, partial, opaque, ignored] =
                    [full, partial, opaque, ignored].map(|n| n.to_string());
                let reads = yes(e.reads != "nothing");
                let about = e.about.to_owned();
                table.row([e.name.to_owned(), reads, yes(e.writes), full, partial, opaque, ignored, about]);
            }
            table.write(out)
        }
    })
}

/// Lists the keywords of a dialect.
fn ledger(dialect: &'static dyn Dialect, options: &List, common: &Common) -> Result<Exit, Error> {
    list(options, common, |format, out| match format {
        TableFormat::Json => {
            let keywords = dialect.ledger().iter().map(|keyword| {
                let Keyword { context, word, support, remark } = *keyword;
                KeywordEntry { context, word, support: support.name(), remark }
            });
            let keywords = keywords.collect();
            json::document(&Ledger { version: json::v1::VERSION, dialect: dialect.name(), keywords }, out)
        }
        TableFormat::Terminal => {
            let mut table = Table::new(&["", "", "", ""]);
            for k in dialect.ledger() {
                table.row([k.context, k.word, k.support.name(), k.remark].map(str::to_owned));
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
    let (name, writes, forms, about) = (dialect.name(), dialect.writes(), dialect.forms(), dialect.about());
    DialectEntry { name, reads, writes, forms, about, keywords }
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
