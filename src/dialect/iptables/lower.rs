//! Statements to the intermediate form: tables, chains and rules.
//!
//! Choices, each as iptables 1.8.9 and the kernel do:
//! - a chain of the system ends in its policy, one of the user returns; `RETURN` in a chain of the system is its
//!   policy;
//! - lists of addresses make several rules, in the order of `-s` and then `-d`;
//! - a rule without a target only counts.

use super::chains::{Table, TableState};
use super::conditions::address;
use super::findings::Findings;
use super::options::{Cursor, shown};
use super::sets::Sets;
use super::spec::{Aim, Doing, Spec};
use super::syntax::{Statement, Word};
use super::{parse, recognise};
use crate::diagnostic::Level;
use crate::dialect::{ReadOptions, Reading, moments, raised};
use crate::field::{Family, Field};
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Document, Origin, Outcome, RuleBuf, Rules, ValueSet, Verdict};
use crate::source::{SourceId, Span};
use std::collections::{HashMap, HashSet};

/// Which of the two programs loads the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Backend {
    /// The tables of `ip_tables`.
    Legacy,
    /// nftables, with what it has for them.
    Nft,
}

/// What rules may write into a packet before others test it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Written {
    Mark,
    Dscp,
    Ecn,
    Ttl,
}

impl Written {
    /// The match that tests it.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Mark => "-m mark",
            Self::Dscp => "-m dscp",
            Self::Ecn => "-m ecn",
            Self::Ttl => "-m ttl",
        }
    }

    /// Targets that write it.
    fn targets(self) -> &'static [&'static str] {
        match self {
            Self::Mark => &["MARK"],
            Self::Dscp => &["DSCP", "TOS"],
            Self::Ecn => &["ECN", "TOS"],
            Self::Ttl => &["TTL", "HL"],
        }
    }
}

/// Reads statements into rule sets.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) source: SourceId,
    pub(super) options: &'a ReadOptions,
    pub(super) findings: Findings,
    pub(super) document: Document,
    pub(super) symbols: HashMap<String, u32>,
    pub(super) sets: Sets,
    pub(super) backend: Backend,
    pub(super) tables: Vec<TableState>,
    /// The table statements belong to, as an index.
    pub(super) table: usize,
    /// For every rule set its table and its place there.
    pub(super) places: Vec<(usize, usize)>,
    /// Names of rule sets.
    pub(super) names: HashSet<String>,
    pub(super) expansion: Meter,
    // The family the text says: none while nothing did, `Any` where nothing does.
    family: Option<Family>,
    named_family: Option<Family>,
    // Lines with `-4` or `-6` for the other family.
    skipped: usize,
    reassembles: Option<bool>,
    written: [Option<bool>; 4],
    // How often the words of a condition that differs from rule to rule were seen in a chain.
    seen: moments::Places,
    chain: usize,
    spec: Option<Box<Spec>>,
    unread: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, source: SourceId, options: &'a ReadOptions) -> Self {
        Self {
            text,
            source,
            options,
            findings: Findings::new(source),
            document: Document::default(),
            symbols: HashMap::new(),
            sets: Sets::default(),
            backend: if options.iptables_nft { Backend::Nft } else { Backend::Legacy },
            tables: Vec::new(),
            table: 0,
            places: Vec::new(),
            names: HashSet::new(),
            expansion: Meter::new(&limits::EXPANSION),
            family: options.family,
            named_family: options.family,
            skipped: 0,
            reassembles: None,
            written: [None; 4],
            seen: moments::Places::default(),
            chain: 0,
            spec: Some(Box::new(Spec::new())),
            unread: 0,
        }
    }

    /// Reads everything.
    pub(super) fn run(mut self) -> Reading {
        let text = self.text;
        if text.contains("create ") || text.contains(" -N ") {
            // Rules may name sets that are written behind them.
            parse::read(text, &mut |statement| {
                if let Statement::Set { words, span } = statement {
                    self.sets.statement(words, span, &mut self.findings);
                }
            });
            self.sets.finish();
        }
        if recognise::is_listing(text) {
            super::listing::read(text, &mut |statement| self.statement(statement));
        } else {
            self.line_ends();
            parse::read(text, &mut |statement| self.statement(statement));
        }
        self.finish()
    }

    /// iptables takes the first octet of a line end of two for a part of the last word.
    fn line_ends(&mut self) {
        if !self.text.contains('\r') {
            return;
        }
        let told = |line: &&str| line.ends_with('\r') && parse::ends_in_a_word(line);
        if let Some(line) = self.text.split('\n').find(told) {
            let span = Span::of(self.text, line.trim());
            let message =
                "the line ends with a carriage return, which iptables takes for a part of the last word";
            let help = "write line ends of one octet, as `dos2unix` does";
            self.findings.add_with_help(raised::SYNTAX_ERROR, Level::Error, span, message, help);
        }
    }

    fn finish(mut self) -> Reading {
        if self.unread > 3 {
            let message = format!("{} more lines are no rules either", self.unread - 3);
            let end = Span::new(self.text.len(), self.text.len());
            self.findings.syntax(end, &message);
        }
        self.finish_chains();
        let end = Span::new(self.text.len(), self.text.len());
        Reading { document: self.document, diagnostics: self.findings.finish(end), skipped: self.skipped }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a statement is handed over once")]
    fn statement(&mut self, statement: Statement<'a, '_>) {
        match statement {
            Statement::Comment(text) => self.comment(text),
            Statement::Table(name) => self.enter_table(name, Span::of(self.text, name)),
            Statement::Chain { name, policy, span } => self.declare(name, policy, span),
            Statement::Command { family, words, span } => self.command(family, words, span),
            Statement::Commit | Statement::Set { .. } => {}
            Statement::Shell { span } => {
                let message =
                    "what a shell computes is not known: rules that this line may make are not read";
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, span, message);
            }
            Statement::Unsure { span, what } => {
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, span, what);
            }
            Statement::Unread { span, expected } => {
                self.unread += 1;
                if self.unread <= 3 {
                    self.findings.syntax(span, &format!("expected {expected}"));
                }
            }
        }
    }

    /// `# Generated by ip6tables-save v1.8.9 (nf_tables) on ..` says family and back end.
    fn comment(&mut self, text: &str) {
        let Some(program) = text.strip_prefix("Generated by ") else { return };
        let family = recognise::family_of_header(program);
        if self.options.family.is_none() && family.is_some() {
            (self.family, self.named_family) = (family, family);
        }
        if self.options.iptables_nft {
        } else if program.contains("(nf_tables)") {
            self.backend = Backend::Nft;
        } else if program.contains("tables-") {
            self.backend = Backend::Legacy;
        }
    }

    /// The family of the rules that stand here; `None` and `Any` are both.
    pub(super) fn family(&self) -> Option<Family> {
        self.family.filter(|family| *family != Family::Any)
    }

    pub(super) fn set_family(&self) -> Family {
        self.family.unwrap_or(Family::Any)
    }

    /// Where nothing said the family yet, what the text mentions says it.
    pub(super) fn settle_family(&mut self, command: Option<Family>) {
        if let Some(family) = command.filter(|_| self.options.family.is_none()) {
            self.family = Some(family);
        } else if self.named_family.is_some() {
            self.family = self.named_family;
        } else if self.family.is_none() {
            let found = recognise::family_of_text(self.text);
            self.family = Some(found.unwrap_or(Family::Any));
            self.named_family = self.family;
            if found.is_none() {
                let message =
                    "nothing here says whether these rules are for IPv4 or IPv6; they are read for both";
                let help = "say it with `--family`, or keep the first line that iptables-save writes";
                let span = Span::new(0, self.text.lines().next().map_or(0, str::len));
                self.findings.add_with_help(raised::MIXED_FAMILY, Level::Note, span, message, help);
            }
        }
    }

    /// Whether connections are tracked, so that fragments are put together before any rule sees them.
    pub(super) fn reassembles(&mut self) -> bool {
        *self.reassembles.get_or_insert_with(|| recognise::tracks_connections(self.text))
    }

    /// Whether a rule of the text writes what another tests.
    pub(super) fn writes(&mut self, what: Written) -> bool {
        let text = self.text;
        let search = || what.targets().iter().any(|target| recognise::has_target(text, target));
        self.written.get_mut(what as usize).is_some_and(|known| *known.get_or_insert_with(search))
    }

    pub(super) fn note_opaque(&mut self, span: Span, what: &str, reason: &str) {
        let message = format!("{what} is not modelled: {reason}");
        self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, span, &message);
    }

    /// The words at a place, with single blanks.
    pub(super) fn words_at(&self, span: Span) -> String {
        let text = self.text.get(span.range()).unwrap_or("");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The name of a condition that is another one in every rule, though its words are the same.
    pub(super) fn once_a_rule(&mut self, words: &str) -> String {
        let chain = self.document.rule_sets.get(self.chain).map_or("", |set| set.name.as_str());
        self.seen.name(&format!("iptables {words}"), chain)
    }

    /// Reads the rule that `words` say, to stand in the chain with that index.
    pub(super) fn rule(&mut self, chain: usize, words: &[Word<'_>], span: Span, out: &mut Rules) {
        let mut spec = self.spec.take().unwrap_or_else(|| Box::new(Spec::new()));
        self.chain = chain;
        spec.clear(span);
        self.options(&mut spec, &mut Cursor::new(words));
        if spec.only.zip(self.family()).is_some_and(|(only, family)| only != family) {
            // iptables-restore passes over what is for the other family.
            self.skipped += 1;
        } else {
            self.finish_matches(&mut spec);
            self.check_place(&mut spec, chain);
            let doing = self.doing(&mut spec);
            self.emit(&mut spec, &doing, out);
        }
        self.spec = Some(spec);
    }

    /// Puts the rules that a specification stands for behind `out`.
    fn emit(&mut self, spec: &mut Spec, doing: &Doing, out: &mut Rules) {
        if spec.unread {
            // What was not understood may be a condition as well as an action.
            let id = format!("iptables unreadable: {}", self.words_at(spec.span));
            let unread = Condition::opaque(id, "a part of the rule could not be read", spec.span);
            spec.parts.push(unread);
        }
        if let Some(only) = spec.only.filter(|_| self.family().is_none()) {
            let version = if only == Family::Inet { 4 } else { 6 };
            spec.parts.insert(0, Condition::test(Field::IpVersion, ValueSet::single(version)));
        }
        let (sources, targets) = (spec.src.list.len().max(1), spec.dst.list.len().max(1));
        let count = sources * targets;
        let mut left = count;
        for source in 0..sources {
            for target in 0..targets {
                left -= 1;
                if self.expansion.charge(1).is_err() {
                    let message = format!("reading stops here: {}", self.expansion.exhausted());
                    return self.findings.syntax(spec.span, &message);
                }
                if self.options.iptables_exact {
                    self.dropped_on_the_spot(spec, source, target, out);
                }
                let condition = self.condition(spec, source, target, left == 0);
                self.push_rules(spec, condition, doing, out);
            }
        }
    }

    /// What the kernel drops while it looks whether the rule matches (`hotdrop`): packets too short for a header
    /// that a match reads, TCP fragments at offset 1, IPv6 packets in which no protocol is found. What stands before
    /// the match must hold. Measured on Linux 6.18.
    fn dropped_on_the_spot(&self, spec: &Spec, source: usize, target: usize, out: &mut Rules) {
        let six = self.family() != Some(Family::Inet);
        let four = self.family() != Some(Family::Inet6);
        let offset = |value| Condition::test(Field::FragOff, ValueSet::single(value));
        let mut before = Vec::new();
        address(&mut before, &spec.src, source, (Field::Src4, Field::Src6));
        address(&mut before, &spec.dst, target, (Field::Dst4, Field::Dst6));
        before.extend(spec.in_iface.iter().chain(&spec.out_iface).cloned());
        let mut any = Vec::new();
        if six && (spec.protocol.is_some() || spec.any_protocol) && self.backend == Backend::Legacy {
            let version = Condition::test(Field::IpVersion, ValueSet::single(6));
            any.push(Condition::and([version, Condition::not(Condition::present(Field::Proto))]));
        }
        let mut inside = Vec::new();
        if let Some((number, not, span)) = spec.protocol {
            inside.push(self.protocol_condition(number, not, span));
        }
        inside.extend(spec.fragment.iter().cloned());
        for (one, index) in spec.loaded.iter().zip(0_usize..) {
            if let Some(octets) = self.header_of(one) {
                let room = Condition::test(Field::L4Room, ValueSet::range(0, octets - 1));
                let mut drops = vec![Condition::and([offset(0), room])];
                if one.name == "tcp" && four {
                    let version = Condition::test(Field::IpVersion, ValueSet::single(4));
                    drops.push(Condition::and([version, offset(1)]));
                }
                any.push(Condition::and(inside.iter().cloned().chain([Condition::or(drops)])));
            }
            let own = spec.parts.iter().zip(&spec.owners).filter(|(_, owner)| **owner == index);
            inside.extend(own.map(|(part, _)| part.clone()));
        }
        let condition = Condition::and(before.into_iter().chain([Condition::or(any)]));
        if condition != Condition::False {
            out.push(RuleBuf {
                name: spec.comment.as_str().into(),
                condition,
                actions: Box::default(),
                outcome: Outcome::Verdict(Verdict::Discard),
                action_given: true,
                nlri: None,
                origin: Origin { source: self.source, span: spec.span },
            });
        }
    }

    fn push_rules(&self, spec: &Spec, condition: Condition, doing: &Doing, out: &mut Rules) {
        let origin = Origin { source: self.source, span: spec.span };
        let rule = |condition, outcome| RuleBuf {
            name: spec.comment.as_str().into(),
            condition,
            actions: doing.actions.clone().into_boxed_slice(),
            outcome,
            action_given: true,
            nlri: None,
            origin,
        };
        if let Some((words, outcome)) = &doing.perhaps {
            let may = Condition::opaque(words.as_str(), "stateful: a program or a state decides", spec.span);
            out.push(rule(Condition::and([condition.clone(), may]), *outcome));
        }
        out.push(rule(condition, doing.outcome));
    }

    /// A verdict of a rule of which nobody knows what it does.
    pub(super) fn unknown_doing(&mut self, what: &str) -> Doing {
        let id = self.once_a_rule(&format!("{what} accepts"));
        Doing {
            outcome: Outcome::Verdict(Verdict::Discard),
            actions: Vec::new(),
            perhaps: Some((id, Outcome::Verdict(Verdict::Accept))),
        }
    }

    /// What the target comes to.
    fn doing(&mut self, spec: &mut Spec) -> Doing {
        match spec.aim {
            Aim::None => Doing { outcome: Outcome::Next { held: None }, actions: Vec::new(), perhaps: None },
            Aim::Known(target) => {
                self.target_together(spec, target);
                self.target(spec, target)
            }
            Aim::Chain => {
                let index = self.chain_named(&spec.target, spec.target_span);
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                let outcome = if spec.goto { Outcome::Goto(index) } else { Outcome::Call(index) };
                if !spec.target_options.is_empty() {
                    let message = format!("a chain takes no options, as `{}`", shown(&spec.target_options));
                    self.findings.syntax(spec.target_span, &message);
                }
                Doing { outcome, actions: Vec::new(), perhaps: None }
            }
        }
    }
}

/// The name of a table in the words of the rule sets.
pub(super) fn table_of(name: &str) -> Option<Table> {
    Table::ALL.into_iter().find(|table| table.name() == name)
}
