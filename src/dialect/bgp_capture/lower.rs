//! What UPDATEs leave behind: each speaker's rules after the last message, as a router would hold them.
//!
//! Errors are handled as RFC 8955 §10 and RFC 7606 say: an NLRI that is not as specified is left out and the
//! others stay; communities that cannot be read withdraw the rules of their UPDATE. A rule without communities
//! accepts: a real UPDATE has said so.

use super::update::{Broken, Part, Routes, Update, count, messages, update};
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::flowspec::{self, Actions, Community, FlowSpec, Frame, Frames, Malformed, Table};
use crate::dialect::{ReadOptions, Reading, raise, raised};
use crate::field::Family;
use crate::guard::limits;
use crate::ir::{Document, Origin, Rules};
use crate::source::{Content, Place, Source, SourceId, Span, Stream};
use std::collections::{HashMap, HashSet};

/// Reads the messages of a source. `unit` is what the file counts: `frame`, `record`.
pub(in crate::dialect) fn read(
    source: &Source,
    id: SourceId,
    options: &ReadOptions,
    unit: &'static str,
) -> Reading {
    let Content::Octets { bytes, streams, .. } = source.content() else {
        let message = "this is text, not BGP messages";
        let finding = raise(raised::SYNTAX_ERROR, Level::Error, message, id, Span::default());
        return Reading { diagnostics: vec![finding], ..Reading::default() };
    };
    let mut reader = Reader {
        source,
        id,
        options,
        unit,
        reading: Reading::default(),
        dropped: 0,
        groups: Vec::new(),
        by_key: HashMap::new(),
        spec: FlowSpec::new(Family::Inet),
        actions: Actions::accept(),
    };
    let whole = [Stream { start: 0, name: Box::default() }];
    let streams = if streams.is_empty() { &whole[..] } else { streams };
    let ends = streams.iter().skip(1).map(|stream| stream.start).chain([count(bytes.len())]);
    for (stream, end) in streams.iter().zip(ends) {
        let octets = bytes.get(stream.start as usize..end as usize).unwrap_or(&[]);
        reader.stream(&stream.name, Part { octets, at: stream.start });
    }
    reader.finish()
}

/// The rules of one table of one speaker.
struct Group {
    table: Table,
    name: String,
    rules: Rules,
    by_nlri: HashMap<Box<[u8]>, usize>,
    // Rules that were withdrawn or announced anew.
    gone: HashSet<usize>,
}

struct Reader<'a> {
    source: &'a Source,
    id: SourceId,
    options: &'a ReadOptions,
    unit: &'static str,
    reading: Reading,
    dropped: usize,
    groups: Vec<Group>,
    by_key: HashMap<(&'a str, Table, Option<[u8; 8]>), usize>,
    // Storage that is used again for every rule.
    spec: FlowSpec,
    actions: Actions,
}

impl<'a> Reader<'a> {
    fn stream(&mut self, name: &'a str, octets: Part<'a>) {
        for message in messages(octets) {
            match message {
                Ok(message) if message.kind == 2 => self.update(name, message.body),
                Ok(_) => self.reading.skipped += 1,
                Err(broken) => self.broken(broken),
            }
            let max = usize::try_from(limits::DIAGNOSTICS.value).unwrap_or(usize::MAX);
            let surplus = self.reading.diagnostics.len().saturating_sub(max);
            self.dropped += surplus;
            self.reading.diagnostics.truncate(max);
        }
    }

    fn raise(&mut self, check: &'static str, message: impl Into<String>, span: Span) -> &mut Vec<Diagnostic> {
        self.reading.diagnostics.push(raise(check, Level::Error, message, self.id, span));
        &mut self.reading.diagnostics
    }

    fn broken(&mut self, broken: Broken) {
        let span = Span { start: broken.at, end: broken.at.saturating_add(1) };
        self.raise(raised::MALFORMED_NLRI, broken.what, span);
    }

    fn update(&mut self, stream: &'a str, body: Part<'a>) {
        let found = update(body);
        if let Some(broken) = found.broken {
            self.broken(broken);
        }
        if let Some(routes) = found.withdrawn
            && let Some(table) = self.table(&routes)
        {
            self.withdraw_all(stream, table, routes.nlri);
        }
        let Some(routes) = found.announced else { return };
        let Some(table) = self.table(&routes) else { return };
        if self.fill_actions(&found, &routes) {
            self.announce(stream, table, routes.nlri);
        } else {
            // Treated as withdrawn (RFC 7606 §7.14).
            self.withdraw_all(stream, table, routes.nlri);
        }
    }

    // The table of a family; other flow specifications are reported, other families passed over.
    fn table(&mut self, routes: &Routes<'_>) -> Option<Table> {
        let table = Table::of(routes.afi, routes.safi);
        if table.is_none() && matches!(routes.safi, 133 | 134) {
            let message =
                format!("flow specifications of AFI {} SAFI {} are not read", routes.afi, routes.safi);
            let span = Span { start: routes.value.at, end: routes.value.end() };
            let hex: String = routes.nlri.octets.iter().take(64).fold(String::new(), |mut hex, octet| {
                // Writing to a string cannot fail.
                let _ = std::fmt::Write::write_fmt(&mut hex, format_args!("{octet:02x}"));
                hex
            });
            if let Some(finding) = self.raise(raised::UNSUPPORTED_KEYWORD, message, span).last_mut() {
                finding.notes.push(format!("the octets begin with {hex}"));
            }
        } else if table.is_none() {
            self.reading.skipped += 1;
        }
        table
    }

    // Fills `actions`; false when the communities withdraw the UPDATE.
    fn fill_actions(&mut self, found: &Update<'_>, routes: &Routes<'_>) -> bool {
        self.actions.list.clear();
        self.actions.goes_on = false;
        self.actions.given = true;
        let mut readable = true;
        for (part, size) in [(found.communities, 8), (found.long_communities, 20)] {
            let Some(part) = part else { continue };
            let octets = part.octets.len();
            if octets == 0 || !octets.is_multiple_of(size) {
                let message = format!("{octets} octets of extended communities are no multiple of {size}");
                self.bad_communities(message, Span { start: part.at, end: part.end() });
                readable = false;
                continue;
            }
            for (chunk, index) in part.octets.chunks(size).zip(0_usize..) {
                let start = part.at.saturating_add(count(index * size));
                let span = Span { start, end: start.saturating_add(count(size)) };
                let Some(community) = Community::new(chunk) else { continue };
                if let Err(error) = self.actions.push_community(&community, routes.next_hop, span) {
                    self.bad_communities(error.to_string(), span);
                    readable = false;
                }
            }
        }
        readable
    }

    fn bad_communities(&mut self, message: String, span: Span) {
        if let Some(finding) = self.raise(raised::MALFORMED_NLRI, message, span).last_mut() {
            finding.help = Some("correct the communities: routers withdraw the rules of this update".into());
        }
    }

    fn announce(&mut self, stream: &'a str, table: Table, nlri: Part<'_>) {
        for (frame, number) in Frames::new(nlri.octets, nlri.at).zip(1_usize..) {
            if let Some(frame) = self.decoded(table, frame, nlri) {
                self.rule(stream, table, &frame, number);
            }
        }
    }

    fn rule(&mut self, stream: &'a str, table: Table, frame: &Frame<'_>, number: usize) {
        let Place::Binary(place) = self.source.place(frame.start) else { return };
        let name = match number {
            1 => format!("{}-{}", self.unit, place.frame),
            _ => format!("{}-{}.{number}", self.unit, place.frame),
        };
        let at = self.group(stream, table);
        let Some(group) = self.groups.get_mut(at) else { return };
        let route = flowspec::Route {
            name: &name,
            rule_set: &group.name,
            spec: &self.spec,
            octets: Some(frame.value),
            actions: &self.actions,
            opaque: &[],
            origin: Origin { source: self.id, span: frame.span() },
        };
        if let Some(old) = group.by_nlri.insert(frame.value.into(), group.rules.len()) {
            group.gone.insert(old);
        }
        flowspec::add(&route, self.options, &mut self.reading.diagnostics, &mut group.rules);
    }

    fn group(&mut self, stream: &'a str, table: Table) -> usize {
        let distinguisher = self.spec.distinguisher;
        let groups = &mut self.groups;
        *self.by_key.entry((stream, table, distinguisher)).or_insert_with(|| {
            let mut name = table.rule_set_name(distinguisher);
            if !stream.is_empty() {
                name = format!("{name}/{stream}");
            }
            let (rules, by_nlri, gone) = (Rules::new(), HashMap::new(), HashSet::new());
            groups.push(Group { table, name, rules, by_nlri, gone });
            groups.len() - 1
        })
    }

    // An NLRI nobody announced is nothing to withdraw; one that is malformed is told.
    fn withdraw_all(&mut self, stream: &'a str, table: Table, nlri: Part<'_>) {
        for frame in Frames::new(nlri.octets, nlri.at) {
            let Some(frame) = self.decoded(table, frame, nlri) else { continue };
            let at = self.by_key.get(&(stream, table, self.spec.distinguisher));
            if let Some(group) = at.and_then(|at| self.groups.get_mut(*at))
                && let Some(old) = group.by_nlri.remove(frame.value)
            {
                group.gone.insert(old);
            }
        }
    }

    // Decodes an NLRI of the field `nlri` into `spec`, or says what is wrong with it.
    fn decoded<'n>(
        &mut self,
        table: Table,
        frame: Result<Frame<'n>, Malformed>,
        nlri: Part<'_>,
    ) -> Option<Frame<'n>> {
        let (error, end) = match frame {
            Ok(frame) => match flowspec::read_frame(table, &frame, self.options, &mut self.spec) {
                Ok(()) => return Some(frame),
                Err(error) => (error, frame.span().end),
            },
            Err(error) => (error, nlri.end()),
        };
        // What is missing behind the end is told at the last octet.
        let start = error.offset.min(end.saturating_sub(1));
        flowspec::malformed(error, self.id, Span { start, end: start + 1 }, &mut self.reading.diagnostics);
        None
    }

    fn finish(mut self) -> Reading {
        if self.dropped > 0 {
            let message = format!("{} more findings of this file are not shown", self.dropped);
            self.raise(raised::MALFORMED_NLRI, message, Span::default());
        }
        let sets = self.groups.into_iter().filter_map(|group| {
            let mut rules = group.rules;
            rules.retain(|index, _| !group.gone.contains(&index));
            (!rules.is_empty()).then(|| flowspec::rule_set(group.name, group.table, rules))
        });
        self.reading.document =
            Document { rule_sets: sets.collect(), symbols: Vec::new(), ..Document::default() };
        flowspec::bind(&mut self.reading.document, &mut self.reading.diagnostics);
        self.reading
    }
}
