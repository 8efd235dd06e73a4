//! Lines to rule sets: one for each address family, for a VPN one for each route distinguisher.

use super::parse;
use super::syntax::Line;
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::flowspec::{
    self, Actions, FlowSpec, Frame, Frames, Malformed, Route, Table, malformed, read_frame,
};
use crate::dialect::{ReadOptions, Reading, raise, raised};
use crate::field::Family;
use crate::guard::{Exhausted, MemoryWatch, limits};
use crate::ir::{Document, Origin, Rules};
use crate::source::{SourceId, Span};
use std::collections::BTreeMap;

/// Reads every line of `text`.
pub(super) fn read(text: &str, id: SourceId, options: &ReadOptions) -> Reading {
    let mut reader = Reader {
        id,
        options,
        spec: FlowSpec::new(Family::Inet),
        tables: BTreeMap::new(),
        dropped: 0,
        name: String::new(),
        memory: MemoryWatch::default(),
        rules_read: 0,
        exhausted: None,
    };
    let mut diagnostics = Vec::new();
    parse::lines(
        text,
        id,
        |line, out| {
            reader.line(&line, out);
            reader.limit(out);
        },
        &mut diagnostics,
    );
    reader.limit(&mut diagnostics);
    if let Some((error, span)) = reader.exhausted {
        let message = format!("{error}; what follows is not read");
        let finding = raise(raised::SYNTAX_ERROR, Level::Error, message, id, span);
        diagnostics.push(finding.with_help("split the file, or raise the limit"));
    }
    if reader.dropped > 0 {
        let message = format!("{} more findings in this file are not kept", reader.dropped);
        diagnostics.push(raise(raised::SYNTAX_ERROR, Level::Error, message, id, Span::default()));
    }
    let rule_sets = reader
        .tables
        .into_iter()
        .map(|((table, _), (name, rules))| flowspec::rule_set(name, table, rules))
        .collect();
    let mut document = Document { rule_sets, symbols: Vec::new(), ..Document::default() };
    flowspec::bind(&mut document, &mut diagnostics);
    Reading { document, diagnostics, skipped: 0 }
}

/// A table, in a VPN of one route distinguisher.
type Key = (Table, Option<[u8; 8]>);

struct Reader<'a> {
    id: SourceId,
    options: &'a ReadOptions,
    spec: FlowSpec,
    tables: BTreeMap<Key, (String, Rules)>,
    dropped: usize,
    name: String,
    memory: MemoryWatch,
    rules_read: u32,
    // Where the memory was spent; what follows is not read.
    exhausted: Option<(Exhausted, Span)>,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line<'_>, out: &mut Vec<Diagnostic>) {
        if self.exhausted.is_some() {
            return;
        }
        let Some(actions) = self.actions(line, out) else { return };
        for (frame, index) in Frames::new(&line.nlri.octets, 0).zip(1_u32..) {
            self.name(line, index);
            let first = out.len();
            let read = frame.and_then(|frame| {
                read_frame(line.table, &frame, self.options, &mut self.spec)?;
                Ok(frame)
            });
            match read {
                Ok(frame) => self.rule(line, &frame, &actions, out),
                Err(error) => self.malformed(line, error, out),
            }
            for finding in out.iter_mut().skip(first) {
                finding.rule.get_or_insert_with(|| self.name.clone());
            }
            self.limit(out);
            self.rules_read += 1;
            if self.rules_read.is_multiple_of(4096)
                && let Err(error) = self.memory.look()
            {
                self.exhausted.get_or_insert((error, line.span));
            }
            if self.exhausted.is_some() {
                return;
            }
        }
    }

    /// The name of the rule `index` of a line, from 1.
    fn name(&mut self, line: &Line<'_>, index: u32) {
        use std::fmt::Write as _;
        self.name.clear();
        // Writing to a `String` does not fail.
        let _ = match line.name {
            Some(name) => self.name.write_str(name),
            None => write!(self.name, "line-{}", line.number),
        };
        if index > 1 {
            let _ = write!(self.name, ".{index}");
        }
    }

    fn rule(&mut self, line: &Line<'_>, frame: &Frame<'_>, actions: &Actions, out: &mut Vec<Diagnostic>) {
        self.spec.map_spans(|span| line.nlri.place(span));
        let key = (line.table, self.spec.distinguisher);
        let new = || (line.table.rule_set_name(key.1), Rules::new());
        let (rule_set, rules) = self.tables.entry(key).or_insert_with(new);
        let route = Route {
            name: &self.name,
            rule_set,
            spec: &self.spec,
            octets: Some(frame.value),
            actions,
            opaque: &[],
            origin: Origin { source: self.id, span: line.span },
        };
        flowspec::add(&route, self.options, out, rules);
    }

    fn malformed(&self, line: &Line<'_>, error: Malformed, out: &mut Vec<Diagnostic>) {
        let first = out.len();
        let place = line.nlri.place(Span { start: error.offset, end: error.offset + 1 });
        malformed(error, self.id, place, out);
        for finding in out.iter_mut().skip(first) {
            finding.notes.push(format!("octet {} of the NLRI field, counted from 0", error.offset));
        }
    }

    /// The actions of a line; none when a community cannot be read, which withdraws its rules (RFC 7606).
    fn actions(&self, line: &Line<'_>, out: &mut Vec<Diagnostic>) -> Option<Actions> {
        let mut actions = Actions::new();
        for (community, span) in &line.communities {
            if let Err(error) = actions.push_community(community, None, *span) {
                let message = format!("extended community `{community}`: {error}");
                let finding = raise(raised::MALFORMED_NLRI, Level::Error, message, self.id, *span);
                out.push(finding.with_help("write a rate that is a number; routers withdraw such a rule"));
                return None;
            }
        }
        Some(actions)
    }

    /// Keeps a file of nothing but faults from filling the memory.
    fn limit(&mut self, out: &mut Vec<Diagnostic>) {
        let most = usize::try_from(limits::DIAGNOSTICS.value).unwrap_or(usize::MAX);
        self.dropped += out.len().saturating_sub(most);
        out.truncate(most);
    }
}
