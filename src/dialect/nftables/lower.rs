//! From a file's tables to rule sets: chains in their order, hooks over all tables by priority.

use super::defines::Defines;
use super::expr::Parser;
use super::fields::Type;
use super::json::syntax as json;
use super::known::Known;
use super::matching::{Elements, Problem};
use super::parse::File;
use super::ruleset::{Chain, Declared, ElementSource, RuleSource, Ruleset, Set, Table, TableFamily};
use super::syntax::{Expr, Statement, Word};
use super::values::Values;
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::hook_place::HookPlace;
use crate::dialect::moments;
use crate::dialect::{Reading, raise, raised};
use crate::field::Family;
use crate::guard::limits;
use crate::ir::{Attached, Condition, Document, Kind, Origin, Outcome, RuleBuf, RuleSet, Rules, Verdict};
use crate::source::{SourceId, Span};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Lowers every chain of a file.
pub(super) fn lower(text: &str, file: File<'_>, source: SourceId) -> Reading {
    let File { ruleset, defines, mut diagnostics, skipped } = file;
    let mut defrag = [false; 2];
    let (document, found) = loop {
        let mut lower = Lower::new(text, &ruleset, &defines, source, defrag);
        lower.chains();
        // What asks for connection tracking puts fragments together for every rule, those before it too.
        if lower.tracks_more() {
            defrag = lower.tracks;
            defines.again();
            continue;
        }
        lower.sets();
        lower.jumps();
        lower.hooks();
        lower.widen();
        super::rewritten::forget(&mut lower.document, &lower.written);
        moments::name(&mut lower.document, |opaque| {
            opaque.reason.ends_with(super::operators::CHANGES) || super::rewritten::is_forgotten(opaque)
        });
        break (lower.document, lower.diagnostics);
    };
    diagnostics.extend(found);
    for (name, at) in defines.unused() {
        let message = format!("nothing uses the definition `{name}`");
        diagnostics.push(raise(raised::UNUSED_DEFINITION, Level::Note, message, source, at));
    }
    diagnostics.truncate(usize::try_from(limits::DIAGNOSTICS.value).unwrap_or(usize::MAX));
    Reading { document, diagnostics, skipped }
}

/// What lowering keeps.
#[derive(Debug)]
pub(super) struct Lower<'a, 's> {
    /// The source, for the words of what is not understood.
    pub(super) text: &'s str,
    pub(super) ruleset: &'s Ruleset<'a>,
    pub(super) defines: &'s Defines<'a>,
    pub(super) source: SourceId,
    pub(super) document: Document,
    pub(super) diagnostics: Vec<Diagnostic>,
    // The table that is lowered.
    table: usize,
    // The rule set of each chain, by table.
    indices: Vec<Vec<Option<u32>>>,
    names: HashMap<String, u32>,
    defrag: [bool; 2],
    // None where something is wrong with them, which was said.
    elements: HashMap<(usize, &'a str), Option<Elements<'a>>>,
    values: HashMap<(usize, &'a str, u8, u32), Values>,
    // Blocks behind `jump` and `goto` so far.
    blocks: u32,
    pub(super) depth: u32,
    /// Fields some rule writes.
    pub(super) written: Vec<crate::field::Field>,
    /// The chain that is lowered.
    pub(super) chain: Option<&'s Chain<'a>>,
    // Something has fragments put together: of IPv4, of IPv6.
    tracks: [bool; 2],
    /// Memory for the conditions of the next rule.
    pub(super) parts: Vec<Condition>,
    /// How often conditions stood that are others each time.
    pub(super) seen: moments::Places,
}

impl<'a, 's> Lower<'a, 's> {
    fn new(
        text: &'s str,
        ruleset: &'s Ruleset<'a>,
        defines: &'s Defines<'a>,
        source: SourceId,
        defrag: [bool; 2],
    ) -> Self {
        Self {
            text,
            ruleset,
            defines,
            source,
            document: Document::default(),
            diagnostics: Vec::new(),
            table: 0,
            indices: Vec::new(),
            names: HashMap::new(),
            defrag,
            elements: HashMap::new(),
            values: HashMap::new(),
            blocks: 0,
            depth: 0,
            written: Vec::new(),
            chain: None,
            tracks: defrag,
            parts: Vec::new(),
            seen: moments::Places::default(),
        }
    }

    fn current(&self) -> Option<&'s Table<'a>> {
        self.ruleset.tables.get(self.table)
    }

    /// Something here asks for connection tracking, or else has fragments put together: of the family of the table,
    /// in every table (measured on Linux 6.18).
    pub(super) fn track(&mut self) {
        let [four, six] = &mut self.tracks;
        match self.ruleset.tables.get(self.table).map(|table| table.family) {
            Some(TableFamily::Ip) => *four = true,
            Some(TableFamily::Ip6) => *six = true,
            _ => (*four, *six) = (true, true),
        }
    }

    // Whether more is known to be put together than was when this began.
    fn tracks_more(&self) -> bool {
        self.tracks != self.defrag
    }

    /// The rule set of a chain of this table.
    pub(super) fn target(&self, name: &str) -> Option<u32> {
        let chain = self.current()?.chain(name)?;
        self.indices.get(self.table)?.get(chain).copied().flatten()
    }

    /// Whether the table has a chain.
    pub(super) fn has_chain(&self, name: &str) -> bool {
        self.current().is_some_and(|table| table.chain(name).is_some())
    }

    /// Whether packets come to a chain of the table from a hook.
    pub(super) fn is_at_hook(&self, name: &str) -> bool {
        let chain = self.current().and_then(|table| table.chains.get(table.chain(name)?));
        chain.is_some_and(|chain| chain.base.as_ref().is_some_and(|base| !base.hook.text.is_empty()))
    }

    /// A set of this table.
    pub(super) fn set(&self, name: &str) -> Option<&'s Set<'a>> {
        self.current()?.set(name)
    }

    /// Whether the table has an object.
    pub(super) fn has_object(&self, kind: &str, name: &str) -> bool {
        self.current().is_some_and(|table| table.objects.contains_key(&(kind, name)))
    }

    /// What an object of the table says.
    pub(super) fn object(&self, kind: &str, name: &str) -> Option<String> {
        self.current()?.objects.get(&(kind, name)).cloned()
    }

    /// The chain that is lowered, as rule sets are named.
    pub(super) fn home(&self) -> String {
        format!("{}/{}", self.table_name(), self.chain.map_or("", |chain| chain.name.text))
    }

    /// A set or map of the table that is lowered: others may have one of that name.
    pub(super) fn of_table(&self, set: Word<'_>) -> String {
        format!("`{}` of `{}`", set.text, self.table_name())
    }

    fn table_name(&self) -> String {
        self.current()
            .map_or_else(String::new, |table| format!("{}/{}", table.family.name(), table.name.text))
    }

    /// nft's names of the types of a set's keys; an empty one where it is not known. None where nothing is.
    pub(super) fn key_types(&mut self, name: &str) -> Option<Vec<Cow<'static, str>>> {
        let declared = self.set(name)?.declared?;
        match declared {
            Declared::Types(text, _) => {
                let keys = text.split(':').next().unwrap_or("");
                Some(keys.split('.').map(|ty| Cow::Owned(ty.trim().to_owned())).collect())
            }
            Declared::Like(text, base) => {
                let mut parser = Parser::new(text, base, self.defines);
                let key = parser.concat(super::expr::Side::Left).ok()?;
                let parts = match key {
                    Expr::Concat(parts) => parts,
                    other => vec![other],
                };
                let name = |part: &Expr<'a>| match part {
                    Expr::Load(load, _) => {
                        super::datatype::name(load).map_or(Cow::Borrowed(""), Cow::Borrowed)
                    }
                    _ => Cow::Borrowed(""),
                };
                Some(parts.iter().map(name).collect())
            }
            Declared::Json(value) => {
                let one = |value: &serde_json::Value| value.as_str().map(|ty| Cow::Owned(ty.to_owned()));
                match value {
                    serde_json::Value::Array(list) => list.iter().map(one).collect(),
                    other => one(other).map(|ty| vec![ty]),
                }
            }
        }
    }

    /// Adds a finding.
    pub(super) fn finding(&mut self, check: &'static str, level: Level, message: String, span: Span) {
        self.diagnostics.push(raise(check, level, message, self.source, span));
    }

    /// Adds an error with what to write instead.
    pub(super) fn refuse(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        help: &'static str,
        span: Span,
    ) {
        let mut finding = raise(check, Level::Error, message, self.source, span);
        finding.help = (!help.is_empty()).then(|| help.to_owned());
        self.diagnostics.push(finding);
    }

    fn chains(&mut self) {
        let ruleset = self.ruleset;
        for table in &ruleset.tables {
            let mut list = Vec::with_capacity(table.chains.len());
            for chain in &table.chains {
                list.push(self.declare(table, chain));
            }
            self.indices.push(list);
        }
        for (index, table) in ruleset.tables.iter().enumerate() {
            self.table = index;
            if table.family == TableFamily::Arp && table.chains.iter().any(|c| !c.rules.is_empty()) {
                let message =
                    format!("the rules of table `arp {}` are not read: ARP is no IP", table.name.text);
                self.finding(raised::UNSUPPORTED_KEYWORD, Level::Note, message, table.name.span);
            }
            for (chain, position) in table.chains.iter().zip(0..) {
                self.hooked(table, chain);
                let index = self.indices.get(index).and_then(|list| list.get::<usize>(position)).copied();
                let Some(index) = index.flatten() else {
                    self.arp(table, chain);
                    continue;
                };
                let rules = self.rules(table, chain);
                if let Some(set) = self.document.rule_sets.get_mut(index as usize) {
                    set.rules = rules;
                }
            }
        }
    }

    // Of rules for ARP it is only said what is wrong.
    fn arp(&mut self, table: &Table<'a>, chain: &'s Chain<'a>) {
        let (sets, written) = (self.document.rule_sets.len(), self.written.len());
        let tracks = self.tracks;
        drop(self.rules(table, chain));
        self.document.rule_sets.truncate(sets);
        self.names.retain(|_, index| (*index as usize) < sets);
        self.written.truncate(written);
        self.tracks = tracks;
    }

    // An empty rule set for a chain; its index.
    fn declare(&mut self, table: &Table<'a>, chain: &Chain<'a>) -> Option<u32> {
        let family = match table.family {
            TableFamily::Ip => Family::Inet,
            TableFamily::Ip6 => Family::Inet6,
            TableFamily::Inet | TableFamily::Bridge | TableFamily::Netdev => Family::Any,
            TableFamily::Arp => return None,
        };
        let (kind, default) = match &chain.base {
            Some(base) => (Kind::Filter, if base.drops { Verdict::Discard } else { Verdict::Accept }),
            None => (Kind::Chain, Verdict::NoDecision),
        };
        let name = format!("{}/{}/{}", table.family.name(), table.name.text, chain.name.text);
        Some(self.push_set(name, kind, family, default))
    }

    fn push_set(&mut self, mut name: String, kind: Kind, family: Family, default: Verdict) -> u32 {
        while self.names.contains_key(&name) {
            name.push('+');
        }
        let index = u32::try_from(self.document.rule_sets.len()).unwrap_or(u32::MAX);
        self.names.insert(name.clone(), index);
        self.document.rule_sets.push(RuleSet { name, kind, family, default, rules: Rules::new() });
        index
    }

    fn rules(&mut self, table: &Table<'a>, chain: &'s Chain<'a>) -> Rules {
        self.chain = Some(chain);
        let mut rules = Rules::with_capacity(chain.rules.len());
        if let Some(span) = chain.unsure {
            self.unknown_rule(chain, span, &mut rules);
        }
        let known = Known::new(table.family, self.defrag);
        let mut statements = Vec::new();
        for (rule, number) in chain.rules.iter().zip(1_usize..) {
            if self.tracks_more() {
                return rules;
            }
            statements.clear();
            let span = self.read_rule(rule, &mut statements);
            self.rule(known, &statements, (number, chain.name.text), span, &mut rules);
        }
        rules
    }

    // A rule that may be there and do anything.
    fn unknown_rule(&mut self, chain: &Chain<'a>, span: Span, rules: &mut Rules) {
        for verdict in [Verdict::Accept, Verdict::Discard] {
            let id = format!("a rule of `{}` that is not known to {verdict}", chain.name.text);
            let reason = "a command names a rule by a handle, which a file does not give";
            rules.push(RuleBuf {
                name: "?".into(),
                condition: Condition::opaque(id, reason, span),
                actions: Box::default(),
                outcome: Outcome::Verdict(verdict),
                action_given: true,
                nlri: None,
                origin: Origin { source: self.source, span },
            });
        }
    }

    // The statements of a rule, and its place.
    fn read_rule(&mut self, rule: &RuleSource<'a>, out: &mut Vec<Statement<'a>>) -> Span {
        match rule {
            RuleSource::Text(text, base) => {
                let text = text.trim_ascii_end();
                let mut parser = Parser::new(text, *base, self.defines);
                if let Some(fault) = super::rule::rule(&mut parser, out) {
                    self.fault(&fault);
                }
                let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                Span { start: *base, end: base.saturating_add(length) }
            }
            RuleSource::Json(value, span) => {
                json::rule(value, *span, out);
                *span
            }
        }
    }

    fn fault(&mut self, fault: &super::fault::Fault) {
        self.refuse(fault.check, fault.message.clone(), fault.help, fault.span);
    }

    /// The rules in braces behind `jump` or `goto`, as a chain of their own.
    pub(super) fn block(&mut self, known: Known, body: Word<'a>, chain: &str) -> Option<u32> {
        self.depth += 1;
        if u64::from(self.depth) > limits::NESTING.value {
            self.depth -= 1;
            let message = format!("blocks are nested more than {} deep", limits::NESTING.value);
            self.finding(raised::SYNTAX_ERROR, Level::Error, message, body.span);
            return None;
        }
        self.blocks += 1;
        let family = match known.family {
            TableFamily::Ip => Family::Inet,
            TableFamily::Ip6 => Family::Inet6,
            _ => Family::Any,
        };
        let table = self.current().map_or("", |table| table.name.text);
        let name = format!("{}/{table}/{chain}#{}", known.family.name(), self.blocks);
        let index = self.push_set(name, Kind::Chain, family, Verdict::NoDecision);
        let mut rules = Rules::new();
        let mut statements = Vec::new();
        let pieces = super::parse::pieces(body.text, body.span.start);
        for ((text, base), number) in pieces.into_iter().zip(1..) {
            statements.clear();
            let span = self.read_rule(&RuleSource::Text(text, base), &mut statements);
            let fresh = Known::new(known.family, self.defrag);
            self.rule(fresh, &statements, (number, chain), span, &mut rules);
        }
        if let Some(set) = self.document.rule_sets.get_mut(index as usize) {
            set.rules = rules;
        }
        self.depth -= 1;
        Some(index)
    }

    /// The elements of a named set.
    pub(super) fn elements(&mut self, name: Word<'a>) -> Result<Elements<'a>, Problem> {
        let unread = || Problem::unmodelled(format!("the elements of `{}` could not be read", name.text));
        let key = (self.table, name.text);
        if let Some(found) = self.elements.get(&key) {
            return found.clone().ok_or_else(unread);
        }
        let Some(set) = self.set(name.text) else {
            let message = format!("nothing defines the set `{}`", name.text);
            return Err(Problem::new(raised::UNDEFINED_REFERENCE, message, Some(name.span)));
        };
        let found = self.read_elements(set).map(Rc::new);
        let found = found.filter(|list| self.is_as_declared(set, list));
        self.elements.insert(key, found.clone());
        found.ok_or_else(unread)
    }

    // None where they cannot be read, which is said.
    fn read_elements(&mut self, set: &Set<'a>) -> Option<Vec<super::syntax::Element<'a>>> {
        let mut list = Vec::new();
        for source in &set.elements {
            match source {
                ElementSource::Text(text, base) => {
                    let mut parser = Parser::new(text, *base, self.defines);
                    let found = match parser.token {
                        super::lex::Token::Sign(b'$') => parser.data_set(),
                        _ => parser.set(),
                    };
                    match found {
                        Ok(Expr::Set(elements)) => list.extend(elements),
                        Ok(_) => {}
                        Err(fault) => {
                            self.fault(&fault);
                            return None;
                        }
                    }
                }
                ElementSource::Json(value, span) => json::elements(value, *span, &mut list),
            }
        }
        if set.expires {
            for element in &mut list {
                element.temporary = true;
            }
        }
        list.shrink_to_fit();
        Some(list)
    }

    /// What follows is of that table.
    pub(super) fn enter_table(&mut self, index: usize) {
        self.table = index;
    }

    /// The values of a named set, where they were looked up before.
    pub(super) fn cached(&self, name: &'a str, ty: Type, width: u32) -> Option<Values> {
        self.values.get(&(self.table, name, ty as u8, width)).cloned()
    }

    /// Keeps the values of a named set.
    pub(super) fn cache(&mut self, name: &'a str, ty: Type, width: u32, values: &Values) {
        self.values.insert((self.table, name, ty as u8, width), values.clone());
    }

    // One rule set for every hook that more than one base chain has, or else for none: then each base chain is
    // where packets enter.
    fn hooks(&mut self) {
        let mut places: Vec<Place> = Vec::new();
        for (table, number) in self.ruleset.tables.iter().zip(0_usize..) {
            if table.dormant || table.family == TableFamily::Arp {
                continue;
            }
            for (chain, index) in table.chains.iter().zip(self.indices.get(number).into_iter().flatten()) {
                let (Some(base), Some(index)) = (&chain.base, index) else { continue };
                let devices: &[&str] =
                    if table.family == TableFamily::Netdev { &base.devices } else { &[""] };
                let name = self.document.rule_sets.get(*index as usize).map_or("", |set| &*set.name);
                for device in devices {
                    let (kind, hook, priority) = (base.kind.text, base.hook.text, base.priority);
                    let device_of = Some(*device).filter(|device| !device.is_empty());
                    let place = HookPlace { kind, hook, device: device_of, priority }.to_string();
                    // Packets of bridges pass hooks of their own.
                    let place =
                        if table.family == TableFamily::Bridge { format!("bridge, {place}") } else { place };
                    self.document.attached.insert(Attached { rule_set: name.into(), place: place.into() });
                    let stage = Stage { priority: base.priority, index: *index, span: chain.name.span };
                    for family in stages_of(table.family) {
                        enter(&mut places, (*family, base.hook.text, device), stage);
                    }
                }
            }
        }
        // Chains of `inet` alone are one hook, not one for each version.
        let both = |place: &Place, other: TableFamily| {
            let same = |p: &&Place| p.family == other && p.hook == place.hook;
            places.iter().find(same).is_some_and(|p| p.stages == place.stages)
        };
        let merged: Vec<Place> = places
            .iter()
            .filter(|place| place.family != TableFamily::Ip6 || !both(place, TableFamily::Ip))
            .map(|place| {
                let mut place = place.clone();
                if place.family == TableFamily::Ip && both(&place, TableFamily::Ip6) {
                    place.family = TableFamily::Inet;
                }
                place
            })
            .collect();
        if merged.iter().all(|place| place.stages.len() < 2) && distinct(&merged) {
            return;
        }
        for mut place in merged {
            // Of equal priority the kernel takes the chain first that was made last (measured on Linux 6.18).
            place.stages.reverse();
            place.stages.sort_by_key(|stage| stage.priority);
            self.hook(&place);
        }
    }

    fn hook(&mut self, place: &Place) {
        let family = match place.family {
            TableFamily::Ip => Family::Inet,
            TableFamily::Ip6 => Family::Inet6,
            _ => Family::Any,
        };
        let device = if place.device.is_empty() { String::new() } else { format!("/{}", place.device) };
        let name = format!("hook/{}/{}{device}", place.family.name(), place.hook);
        let index = self.push_set(name, Kind::Hook, family, Verdict::Accept);
        let stages = place.stages.iter().map(|stage| {
            let name = self.document.rule_sets.get(stage.index as usize).map_or("", |set| set.name.as_str());
            RuleBuf {
                name: name.into(),
                condition: Condition::True,
                actions: Box::default(),
                outcome: Outcome::Stage(stage.index),
                action_given: true,
                nlri: None,
                origin: Origin { source: self.source, span: stage.span },
            }
        });
        let stages = stages.collect();
        if let Some(set) = self.document.rule_sets.get_mut(index as usize) {
            set.rules = stages;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stage {
    priority: i64,
    index: u32,
    span: Span,
}

// A hook of a family, and of a device for netdev.
#[derive(Clone, Debug)]
struct Place {
    family: TableFamily,
    hook: String,
    device: String,
    stages: Vec<Stage>,
}

// The families whose packets a table's chains see.
fn stages_of(family: TableFamily) -> &'static [TableFamily] {
    match family {
        TableFamily::Inet => &[TableFamily::Ip, TableFamily::Ip6],
        TableFamily::Ip => &[TableFamily::Ip],
        TableFamily::Ip6 => &[TableFamily::Ip6],
        TableFamily::Bridge => &[TableFamily::Bridge],
        TableFamily::Netdev => &[TableFamily::Netdev],
        TableFamily::Arp => &[],
    }
}

fn enter(places: &mut Vec<Place>, (family, hook, device): (TableFamily, &str, &str), stage: Stage) {
    let same = |p: &&mut Place| p.family == family && p.hook == hook && p.device == device;
    match places.iter_mut().find(same) {
        Some(place) => place.stages.push(stage),
        None => places.push(Place { family, hook: hook.into(), device: device.into(), stages: vec![stage] }),
    }
}

// No base chain stands in two hooks.
fn distinct(places: &[Place]) -> bool {
    let mut all: Vec<u32> = places.iter().flat_map(|p| &p.stages).map(|stage| stage.index).collect();
    all.sort_unstable();
    all.windows(2).all(|pair| matches!(pair, [a, b] if a != b))
}
