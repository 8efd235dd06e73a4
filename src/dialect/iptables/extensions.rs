//! Options of matches and targets: whose they are, and whether they are written as their grammar says.

use super::grammar::{self, Form, Grammar, Written};
use super::grammar_values::{Kind, Place};
use super::lower::Reader;
use super::options::{Cursor, shown};
use super::spec::{Aim, Loaded, Spec, add_option, add_words};
use super::support::{self, Row};
use crate::dialect::Support;
use crate::source::Span;

impl Reader<'_> {
    /// An option of a match or of the target.
    pub(super) fn extension<'w>(&mut self, spec: &mut Spec, cursor: &mut Cursor<'_, 'w>, name: &'w str) {
        let mut found = find(spec, name);
        if found.is_none()
            && spec.aim != Aim::Known(support::Target::Queue)
            && let Some(module) = implied(spec)
            && !spec.loaded.iter().any(|l| l.name == module)
            && support::module(module).is_some_and(|m| m.rows.iter().any(|row| row.word == name))
        {
            // `-p tcp` alone brings the options of `-m tcp`.
            load(spec, module, cursor.span);
            found = find(spec, name);
        }
        let Some((index, row)) = found else { return self.foreign(spec, cursor, name) };
        if let Some(loaded) = spec.loaded.get_mut(index) {
            loaded.used = true;
        }
        let first = match row.form.kind {
            Kind::Nothing => None,
            Kind::PacketRate | Kind::BitRate => cursor.optional_value(),
            _ => cursor.value(),
        };
        if first.is_none() && !matches!(row.form.kind, Kind::Nothing | Kind::PacketRate | Kind::BitRate) {
            return self.no_value(spec, name, cursor.span);
        }
        if let Some(loaded) = spec.loaded.get_mut(index)
            && let Some(module) = loaded.module
            && let Err(wrong) = module.grammar.add(&mut loaded.written, row.form, cursor.not)
        {
            return self.refuse(spec, &wrong, cursor.so_far());
        }
        if !self.reads(spec, row.form, first) {
            return;
        }
        if row.support == Support::Opaque {
            if let Kind::Chunks = row.form.kind
                && !cursor.peek().is_some_and(|word| Kind::are_chunks(&word.text))
            {
                return self.refuse(
                    spec,
                    "`--chunk-types` takes `any`, `all` or `only`, and names of chunks",
                    cursor.span,
                );
            }
            Self::opaque_option(spec, cursor, index, row, first);
        } else {
            self.matching(spec, cursor, index, row, first);
        }
    }

    /// An option that is not modelled: its words are kept.
    pub(super) fn opaque_option<'w>(
        spec: &mut Spec,
        cursor: &mut Cursor<'_, 'w>,
        index: usize,
        row: Row,
        first: Option<(&'w str, Span)>,
    ) {
        let second = if row.form.kind.words() == 2 { cursor.value() } else { None };
        let span = cursor.so_far();
        let Some(loaded) = spec.loaded.get_mut(index) else { return };
        if cursor.not {
            add_option(&mut loaded.opaque, "!");
        }
        loaded.span = loaded.span.to(span);
        // As newer versions call it.
        let word = if row.word == "--days" { "--weekdays" } else { row.word };
        add_option(&mut loaded.opaque, word);
        first.into_iter().chain(second).for_each(|(word, _)| add_words(&mut loaded.opaque, word));
    }

    /// Whether the value of an option is one; else it is reported.
    pub(super) fn reads(&mut self, spec: &mut Spec, form: &Form, value: Option<(&str, Span)>) -> bool {
        let Some((text, span)) = value else { return true };
        let place = Place { family: self.family(), protocol: spec.protocol.map(|(number, _, _)| number) };
        let reads = form.kind.reads(text, place);
        if !reads {
            let message = format!("`--{}` takes {}, not `{}`", form.name, form.kind, shown(text));
            self.refuse(spec, &message, span);
        }
        reads
    }

    /// Something that iptables refuses.
    pub(super) fn refuse(&mut self, spec: &mut Spec, what: &str, span: Span) {
        self.findings.syntax(span, what);
        spec.unread = true;
    }

    /// An option of no match that is loaded: of the target, of a match nobody knows, or of nothing.
    pub(super) fn foreign<'w>(&mut self, spec: &mut Spec, cursor: &mut Cursor<'_, 'w>, name: &str) {
        if let Aim::Known(_) = spec.aim
            && let Some(grammar) = grammar::of_target(&spec.target)
        {
            return self.target_option(spec, cursor, name, grammar);
        }
        let mut words: Vec<&'w str> = Vec::new();
        while let Some((value, _)) = cursor.optional_value() {
            words.push(value);
        }
        let span = cursor.so_far();
        if let Aim::Known(_) = spec.aim {
            add_option(&mut spec.target_options, name);
            for word in words {
                add_words(&mut spec.target_options, word);
            }
            return;
        }
        if let Some(loaded) = spec.loaded.iter_mut().rev().find(|loaded| loaded.module.is_none()) {
            if cursor.not {
                add_option(&mut loaded.opaque, "!");
            }
            add_option(&mut loaded.opaque, name);
            for word in words {
                add_words(&mut loaded.opaque, word);
            }
            return;
        }
        self.findings.syntax(span, &format!("`{}` is an option of no match or target here", shown(name)));
        spec.unread = true;
    }

    /// An option of the target: its words are kept.
    pub(super) fn target_option(
        &mut self,
        spec: &mut Spec,
        cursor: &mut Cursor<'_, '_>,
        name: &str,
        grammar: &Grammar,
    ) {
        let Some(form) = name.strip_prefix("--").and_then(|name| grammar.form(name)) else {
            let message = format!("`{}` is no option of `{}`", shown(name), spec.target);
            return self.refuse(spec, &message, cursor.span);
        };
        let mut values = [None; 2];
        for value in values.iter_mut().take(form.kind.words()) {
            *value = cursor.value();
            if value.is_none() {
                return self.no_value(spec, name, cursor.span);
            }
        }
        if let Err(wrong) = grammar.add(&mut spec.target_written, form, cursor.not) {
            return self.refuse(spec, &wrong, cursor.so_far());
        }
        if self.reads(spec, form, values[0]) {
            add_option(&mut spec.target_options, "--");
            spec.target_options.push_str(form.name);
            values.into_iter().flatten().for_each(|(word, _)| add_words(&mut spec.target_options, word));
        }
    }
}

pub(super) fn load(spec: &mut Spec, name: &str, span: Span) {
    // Twice in a row is once; behind options of it another begins.
    let module = support::module(name);
    let same = spec.loaded.iter_mut().rev().find(|loaded| loaded.name == name && module.is_some());
    let counts = matches!(name, "limit" | "ipcomp" | "time");
    if same.is_some_and(|loaded| loaded.written == Written::default() && !counts) {
        return;
    }
    spec.loaded.push(Loaded {
        module,
        name: module.map_or(name, |module| module.name).to_owned(),
        span,
        opaque: String::new(),
        over: Vec::new(),
        written: Written::default(),
        used: false,
        narrows: false,
    });
}

/// The match that a protocol brings along.
pub(super) fn implied(spec: &Spec) -> Option<&'static str> {
    // The nft back end compares ports and flags itself, of any protocol but the one that is named.
    let native = spec.protocol.map(|(number, _, _)| number).filter(|number| matches!(number, 6 | 17));
    Some(match spec.wanted_protocol().or(native)? {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        132 => "sctp",
        135 => "mh",
        136 => "udplite",
        _ => return None,
    })
}

/// The option of a loaded match, the last loaded first.
pub(super) fn find(spec: &Spec, name: &str) -> Option<(usize, Row)> {
    let exact = |(index, loaded): (usize, &Loaded)| {
        let rows = &loaded.module?.rows;
        rows.iter().find(|row| row.word == name).map(|row| (index, *row))
    };
    spec.loaded.iter().enumerate().rev().find_map(exact)
}
