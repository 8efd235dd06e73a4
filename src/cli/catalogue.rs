//! `flowgate checks`, `explain`, `dialects`, `platforms`: what is known here, from the registries.

use super::args::{Common, Dialects, Explain, List, Reporting, TableFormat};
use super::error::Error;
use super::pricing::PlatformList;
use super::{Exit, output};
use crate::check::{self, CHECKS, Confidence};
use crate::cost::{Platform, platforms as known_platforms};
use crate::dialect::{self, DIALECTS, Dialect, Keyword, Reads, Support};
use crate::report::{Table, clean, count, json};
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
struct PlatformDocument<'a> {
    version: u32,
    platforms: Vec<PlatformEntry<'a>>,
}

#[derive(Serialize)]
struct PlatformEntry<'a> {
    name: &'a str,
    title: &'a str,
    about: &'a str,
    resources: Vec<ResourceEntry<'a>>,
    behaviour: Vec<RefusalEntry<'a>>,
}

#[derive(Serialize)]
struct RefusalEntry<'a> {
    feature: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<u64>,
    effect: &'static str,
    says: &'a str,
    source: &'a str,
    verified: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixed_in: Vec<String>,
}

#[derive(Serialize)]
struct ResourceEntry<'a> {
    name: &'a str,
    unit: &'a str,
    limit: Option<u64>,
    hard: bool,
    source: &'a str,
    verified: bool,
    note: &'a str,
}

impl<'a> PlatformEntry<'a> {
    fn of(platform: &'a Platform) -> Self {
        let resources = platform.resource.iter().map(|resource| ResourceEntry {
            name: &resource.name,
            unit: &resource.unit,
            limit: resource.holds(),
            hard: resource.hard,
            source: &resource.source,
            verified: resource.verified,
            note: &resource.note,
        });
        let behaviour = platform.refuse.iter().map(|refusal| RefusalEntry {
            feature: refusal.feature.to_string(),
            at_most: Some(refusal.above).filter(|most| *most > 0),
            at_least: refusal.below,
            effect: refusal.effect.name(),
            says: &refusal.says,
            source: &refusal.source,
            verified: refusal.verified,
            fixed_in: refusal.fixed_in.iter().map(ToString::to_string).collect(),
        });
        let (name, title, about) = (&platform.name, &platform.title, &platform.about);
        let behaviour = behaviour.collect();
        Self { name, title, about, resources: resources.collect(), behaviour }
    }
}

/// Lists the platforms, or what is known of one.
pub(super) fn platforms(options: &PlatformList, common: &Common) -> Result<Exit, Error> {
    if let Some(named) = &options.name {
        return platform(&named.device()?.platform, &options.list, common);
    }
    let known = || known_platforms().iter().map(|device| &*device.platform);
    list(&options.list, common, |format, out| match format {
        TableFormat::Json => {
            let platforms = known().map(PlatformEntry::of).collect();
            json::document(&PlatformDocument { version: json::v1::VERSION, platforms }, out)
        }
        TableFormat::Terminal => {
            let mut table = Table::new(&["", "", ""]);
            for platform in known() {
                table.row([platform.name.clone(), platform.title.clone(), platform.about.clone()]);
            }
            table.write(out)
        }
    })
}

/// Lists what a platform holds and does not take.
fn platform(platform: &Platform, options: &List, common: &Common) -> Result<Exit, Error> {
    list(options, common, |format, out| match format {
        TableFormat::Json => {
            let platforms = vec![PlatformEntry::of(platform)];
            json::document(&PlatformDocument { version: json::v1::VERSION, platforms }, out)
        }
        TableFormat::Terminal => {
            writeln!(
                out,
                "{} ({}): {}",
                clean(&platform.name),
                clean(&platform.title),
                clean(&platform.about)
            )?;
            let entry = PlatformEntry::of(platform);
            let unverified = |verified: bool| if verified { "" } else { ", not verified" };
            if !entry.resources.is_empty() {
                let mut table = Table::new(&["holds", ">limit", "", "source", ""]);
                for resource in &entry.resources {
                    let limit = resource.limit.map_or_else(|| "-".to_owned(), |limit| count(limit, ""));
                    let source = format!("{}{}", clean(resource.source), unverified(resource.verified));
                    let hard = if resource.hard { "hard" } else { "" };
                    let cells = [
                        resource.name.to_owned(),
                        limit,
                        hard.to_owned(),
                        source,
                        clean(resource.note).into(),
                    ];
                    table.row(cells);
                }
                writeln!(out)?;
                table.write(out)?;
            }
            if !entry.behaviour.is_empty() {
                let mut table = Table::new(&["feature", "effect", "it ..", "mended in", "source"]);
                for refusal in &entry.behaviour {
                    let source = format!("{}{}", clean(refusal.source), unverified(refusal.verified));
                    let mended = refusal.fixed_in.join(", ");
                    let (feature, effect) = (refusal.feature.clone(), refusal.effect.to_owned());
                    table.row([feature, effect, clean(refusal.says).into(), mended, source]);
                }
                writeln!(out)?;
                table.write(out)?;
            }
            Ok(())
        }
    })
}

/// Writes a list in its form.
fn list(
    options: &List,
    common: &Common,
    write: impl FnOnce(TableFormat, &mut dyn Write) -> io::Result<()>,
) -> Result<Exit, Error> {
    let Reporting { format, writing } = &options.reporting;
    output::write(writing.output.as_deref(), common, |out, _| write(*format, out))?;
    Ok(Exit::Clean)
}
