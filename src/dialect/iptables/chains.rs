//! Tables and chains: what is declared, what commands change, how tables follow each other at a hook.

use super::lower::{Reader, table_of};
use super::options::shown;
use super::syntax::Word;
use crate::diagnostic::Level;
use crate::dialect::hook_place::HookPlace;
use crate::dialect::raised;
use crate::field::Family;
use crate::ir::{Attached, Kind, Rule, RuleSet, Rules, Verdict};
use crate::source::Span;
use std::collections::HashMap;

/// A table, in the order packets come to them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Table {
    Raw,
    Mangle,
    Nat,
    Filter,
    Security,
}

/// Hooks in the order of the names of rule sets.
pub(super) const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

impl Table {
    pub(super) const ALL: [Self; 5] = [Self::Raw, Self::Mangle, Self::Nat, Self::Filter, Self::Security];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Mangle => "mangle",
            Self::Nat => "nat",
            Self::Filter => "filter",
            Self::Security => "security",
        }
    }

    /// The hooks it has chains at.
    pub(super) fn hooks(self) -> &'static [&'static str] {
        match self {
            Self::Raw => &["PREROUTING", "OUTPUT"],
            Self::Mangle => &HOOKS,
            Self::Nat => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            Self::Filter | Self::Security => &["INPUT", "FORWARD", "OUTPUT"],
        }
    }

    /// Where the kernel keeps its chain of a hook (`NF_IP_PRI_*` of `linux/netfilter_ipv4.h`; `mangle` routes again what
    /// it changes of packets that leave the host).
    pub(super) fn at(self, hook: &str) -> Option<HookPlace<'static>> {
        let small = ["prerouting", "input", "forward", "output", "postrouting"];
        let (_, small) = HOOKS.into_iter().zip(small).find(|(name, _)| *name == hook)?;
        let (kind, priority) = match (self, hook) {
            (Self::Raw, _) => ("filter", -300),
            (Self::Mangle, "OUTPUT") => ("route", -150),
            (Self::Mangle, _) => ("filter", -150),
            (Self::Nat, "PREROUTING" | "OUTPUT") => ("nat", -100),
            (Self::Nat, _) => ("nat", 100),
            (Self::Filter, _) => ("filter", 0),
            (Self::Security, _) => ("filter", 50),
        };
        let place = HookPlace { kind, hook: small, device: None, priority };
        self.hooks().contains(&hook).then_some(place)
    }

    /// Its place among the stages of a hook: nat is last where packets come in or leave by it.
    pub(super) fn place(self, hook: &str) -> u8 {
        match self {
            Self::Nat if hook == "INPUT" => 9,
            _ => self as u8,
        }
    }
}

/// A chain.
#[derive(Debug)]
pub(super) struct Info {
    pub(super) name: String,
    pub(super) builtin: bool,
    /// Index of its rule set.
    pub(super) index: usize,
    pub(super) declared: bool,
    /// Where a rule named it before it was declared.
    pub(super) early: Option<Span>,
}

/// What is known of one table of one family.
#[derive(Debug)]
pub(super) struct TableState {
    pub(super) family: Family,
    pub(super) table: Table,
    pub(super) chains: HashMap<String, usize>,
    pub(super) infos: Vec<Info>,
}

impl<'a> Reader<'a> {
    /// `*filter`, or `-t filter`.
    pub(super) fn enter_table(&mut self, name: &str, span: Span) {
        self.settle_family(None);
        let table = table_of(name).unwrap_or_else(|| {
            self.findings.syntax(span, &format!("`{}` is no table", shown(name)));
            Table::Filter
        });
        self.table = self.table_state(table);
    }

    fn table_state(&mut self, table: Table) -> usize {
        let family = self.set_family();
        let found = self.tables.iter().position(|state| state.table == table && state.family == family);
        found.unwrap_or_else(|| {
            let (chains, infos) = (HashMap::new(), Vec::new());
            self.tables.push(TableState { family, table, chains, infos });
            self.tables.len() - 1
        })
    }

    /// Commands outside a table are for `filter`.
    fn ensure_table(&mut self) {
        if self.tables.get(self.table).is_none() {
            self.settle_family(None);
            self.table = self.table_state(Table::Filter);
        }
    }

    /// The rule set of a chain of the current table, made where it is new.
    fn chain_index(&mut self, name: &str) -> usize {
        self.ensure_table();
        let Some(state) = self.tables.get(self.table) else { return 0 };
        if let Some(index) = state.chains.get(name) {
            return *index;
        }
        let (family, table) = (state.family, state.table);
        let builtin = table.hooks().contains(&name);
        let index = self.document.rule_sets.len();
        let plain = format!("{}/{name}", table.name());
        let taken = self.names.contains(&plain);
        let name_of_set = match family {
            _ if !taken => plain,
            Family::Inet6 => format!("ip6/{plain}"),
            _ => format!("ip/{plain}"),
        };
        self.names.insert(name_of_set.clone());
        if let Some(place) = table.at(name) {
            let place = place.to_string().into();
            self.document.attached.insert(Attached { rule_set: name_of_set.as_str().into(), place });
        }
        self.places.push((self.table, state.infos.len()));
        self.document.rule_sets.push(RuleSet {
            name: name_of_set,
            kind: if builtin { Kind::Filter } else { Kind::Chain },
            family,
            default: if builtin { Verdict::Accept } else { Verdict::NoDecision },
            rules: Vec::new().into(),
        });
        if let Some(state) = self.tables.get_mut(self.table) {
            state.chains.insert(name.to_owned(), index);
            state.infos.push(Info { name: name.to_owned(), builtin, index, declared: builtin, early: None });
        }
        index
    }

    /// The chain of a rule set.
    pub(super) fn info(&self, index: usize) -> Option<&Info> {
        let (table, place) = *self.places.get(index)?;
        self.tables.get(table)?.infos.get(place)
    }

    /// The table of a rule set.
    pub(super) fn table_of_chain(&self, index: usize) -> Option<Table> {
        let (table, _) = *self.places.get(index)?;
        Some(self.tables.get(table)?.table)
    }

    fn info_mut(&mut self, index: usize) -> Option<&mut Info> {
        let (table, place) = *self.places.get(index)?;
        self.tables.get_mut(table)?.infos.get_mut(place)
    }

    /// The rule set a rule jumps to.
    pub(super) fn chain_named(&mut self, name: &str, span: Span) -> usize {
        let index = self.chain_index(name);
        let info = self.info_mut(index);
        if let Some(info) = info.filter(|info| !info.declared && info.early.is_none()) {
            info.early = Some(span);
        }
        let builtin = self.info_mut(index).is_some_and(|info| info.builtin);
        if builtin {
            self.findings
                .syntax(span, &format!("`{}` is a chain of the system: no rule can jump to it", shown(name)));
        }
        index
    }

    /// `:INPUT DROP [0:0]`, `-N chain`.
    pub(super) fn declare(&mut self, name: &str, policy: Option<&str>, span: Span) {
        self.ensure_table();
        let index = self.chain_index(name);
        let Some(info) = self.info_mut(index) else { return };
        let (builtin, early) = (info.builtin, info.early.take());
        info.declared = true;
        if let Some(early) = early {
            let message = format!("`{}` is used before it is defined", shown(name));
            let help = "declare the chain before the first rule that jumps to it";
            self.findings.add_with_help(raised::UNDEFINED_REFERENCE, Level::Error, early, &message, help);
        }
        match policy {
            Some("-") | None => {}
            Some(policy) => self.policy(name, index, builtin, policy, span),
        }
    }

    fn policy(&mut self, name: &str, index: usize, builtin: bool, policy: &str, span: Span) {
        let verdict = match policy {
            "ACCEPT" => Verdict::Accept,
            "DROP" => Verdict::Discard,
            _ => {
                let message = format!("expected `ACCEPT` or `DROP` as policy, not `{}`", shown(policy));
                return self.findings.syntax(span, &message);
            }
        };
        if !builtin {
            let message = format!("`{}` is no chain of the system: it has no policy", shown(name));
            return self.findings.syntax(span, &message);
        }
        if let Some(set) = self.document.rule_sets.get_mut(index) {
            set.default = verdict;
        }
    }

    /// A command with its options.
    pub(super) fn command(&mut self, family: Option<Family>, words: &[Word<'a>], span: Span) {
        self.settle_family(family);
        let mut words = words;
        // Counters in front, as iptables-save -c writes them.
        if let Some((first, rest)) = words.split_first()
            && first.text.starts_with('[')
        {
            words = rest;
        }
        if family.is_some() {
            self.table = self.table_state(Table::Filter);
        }
        let option = words.iter().position(|word| !word.quoted && matches!(&*word.text, "-t" | "--table"));
        if let Some(name) = option.and_then(|at| words.get(at + 1)) {
            self.enter_table(&name.text, name.span);
        } else {
            self.ensure_table();
        }
        let at = words.iter().position(|word| word.is_option() && command_letter(&word.text).is_some());
        let Some(at) = at else {
            if !words.iter().any(|word| matches!(&*word.text, "-h" | "--help" | "-V" | "--version")) {
                self.findings.syntax(span, "expected a command, as `-A`");
            }
            return;
        };
        let Some(word) = words.get(at) else { return };
        let Some((letter, attached)) = command_letter(&word.text) else { return };
        let mut operands = words.get(at + 1..).unwrap_or(&[]);
        let chain = if attached.is_empty() {
            match operands.split_first() {
                Some((chain, rest)) if !chain.is_option() => {
                    operands = rest;
                    Some((&*chain.text, chain.span))
                }
                _ => None,
            }
        } else {
            Some((attached, word.span))
        };
        // Most rules begin with the command; what stands before it belongs to the rule too.
        let before = words.get(..at).unwrap_or(&[]);
        let joined: Vec<Word<'a>>;
        let operands = if before.is_empty() {
            operands
        } else {
            joined = before.iter().chain(operands).cloned().collect();
            &joined
        };
        self.run_command(letter, chain, operands, span);
    }

    fn run_command(&mut self, letter: char, chain: Option<(&str, Span)>, operands: &[Word<'a>], span: Span) {
        match (letter, chain) {
            ('A', Some((name, at))) => {
                let index = self.existing(name, at);
                // The rules stand apart while the reader is at work, and go back with one more.
                let mut rules = self.take_out(index);
                self.rule(index, operands, span, &mut rules);
                self.put_back(index, rules);
            }
            ('I' | 'R', Some((name, at))) => self.insert(letter, (name, at), operands, span),
            ('D', Some((name, at))) => self.delete((name, at), operands, span),
            ('N', Some((name, _))) => self.declare(name, None, span),
            ('P', Some((name, _))) => {
                let index = self.chain_index(name);
                let builtin = self.info_mut(index).is_some_and(|info| info.builtin);
                match operands.first() {
                    Some(policy) => self.policy(name, index, builtin, &policy.text, span),
                    None => self.findings.syntax(span, "expected `ACCEPT` or `DROP` as policy"),
                }
            }
            ('F', Some((name, at))) => {
                let index = self.existing(name, at);
                self.put_back(index, Rules::new());
            }
            ('F', None) => {
                let indices: Vec<usize> = self
                    .tables
                    .get(self.table)
                    .map_or(Vec::new(), |t| t.infos.iter().map(|i| i.index).collect());
                for index in indices {
                    self.put_back(index, Rules::new());
                }
            }
            ('X', chain) => self.remove(chain.map(|(name, _)| name)),
            ('E', Some((name, at))) => self.rename((name, at), operands, span),
            ('L' | 'S' | 'Z' | 'C', _) => {}
            _ => self.findings.syntax(span, "expected the name of a chain"),
        }
    }

    fn take_out(&mut self, index: usize) -> Rules {
        self.document.rule_sets.get_mut(index).map(|set| std::mem::take(&mut set.rules)).unwrap_or_default()
    }

    pub(super) fn put_back(&mut self, index: usize, rules: Rules) {
        if let Some(set) = self.document.rule_sets.get_mut(index) {
            set.rules = rules;
        }
    }

    /// A chain that a command changes: it must be there.
    fn existing(&mut self, name: &str, span: Span) -> usize {
        let index = self.chain_index(name);
        if let Some(info) = self.info_mut(index).filter(|info| !info.declared) {
            info.declared = true;
            info.early = None;
            let message = format!("chain `{}` is not declared", shown(name));
            let help = "declare it with `:NAME -` or `-N NAME` before its first rule";
            self.findings.add_with_help(raised::UNDEFINED_REFERENCE, Level::Error, span, &message, help);
        }
        index
    }

    fn insert(&mut self, letter: char, (name, at): (&str, Span), operands: &[Word<'a>], span: Span) {
        let index = self.existing(name, at);
        let number = operands.first().and_then(|word| word.text.parse::<usize>().ok());
        let operands = if number.is_some() { operands.get(1..).unwrap_or(&[]) } else { operands };
        let mut new = Rules::new();
        self.rule(index, operands, span, &mut new);
        let mut rules = self.take_out(index);
        let place = number.unwrap_or(1).saturating_sub(1);
        let exists = place < rules.len() || (letter == 'I' && place == rules.len());
        let moved = rules.len().saturating_sub(place) as u64 / 16;
        if !exists || (letter == 'R' && number.is_none()) {
            self.findings.add(
                raised::UNDEFINED_REFERENCE,
                Level::Error,
                span,
                "the chain has no rule of that number",
            );
        } else if self.expansion.charge(moved).is_err() {
            let message = format!("the rule is not read: {}", self.expansion.exhausted());
            self.findings.syntax(span, &message);
        } else {
            if letter == 'R' {
                rules.remove(place);
            }
            rules.insert(place, new.iter().map(|rule| rule.to_buf()));
        }
        self.put_back(index, rules);
    }

    fn delete(&mut self, (name, at): (&str, Span), operands: &[Word<'a>], span: Span) {
        let index = self.existing(name, at);
        let number = operands.first().and_then(|word| word.text.parse::<usize>().ok());
        let mut rules = self.take_out(index);
        let place = if let Some(number) = number {
            number.checked_sub(1).filter(|place| *place < rules.len())
        } else {
            let mut wanted = Rules::new();
            self.rule(index, operands, span, &mut wanted);
            let same = |a: Rule<'_>, b: Rule<'_>| {
                a.condition == b.condition && a.outcome == b.outcome && a.actions == b.actions
            };
            if self.expansion.charge(rules.len() as u64 / 16).is_err() {
                None
            } else {
                wanted.first().and_then(|wanted| rules.iter().position(|rule| same(rule, wanted)))
            }
        };
        if let Some(place) = place {
            rules.remove(place);
        } else {
            let message = "no rule of the chain is the one to delete";
            self.findings.add(raised::UNDEFINED_REFERENCE, Level::Warning, span, message);
        }
        self.put_back(index, rules);
    }

    /// Chains of the user that are deleted lose their rules and their name.
    fn remove(&mut self, name: Option<&str>) {
        let Some(state) = self.tables.get_mut(self.table) else { return };
        let gone = |info: &Info| !info.builtin && name.is_none_or(|name| info.name == name);
        let indices: Vec<usize> =
            state.infos.iter().filter(|info| gone(info)).map(|info| info.index).collect();
        for info in state.infos.iter_mut().filter(|info| gone(info)) {
            info.declared = false;
        }
        for index in indices {
            self.put_back(index, Rules::new());
        }
    }

    fn rename(&mut self, (name, at): (&str, Span), operands: &[Word<'a>], span: Span) {
        let index = self.existing(name, at);
        let Some(new) = operands.first() else {
            return self.findings.syntax(span, "expected the new name of a chain");
        };
        let Some(state) = self.tables.get_mut(self.table) else { return };
        if state.chains.contains_key(&*new.text) {
            return self.findings.syntax(new.span, "a chain of that name exists");
        }
        state.chains.remove(name);
        state.chains.insert(new.text.to_string(), index);
        if let Some(info) = self.info_mut(index) {
            info.name = new.text.to_string();
        }
        if let Some(set) = self.document.rule_sets.get_mut(index) {
            let head = set.name.rsplit_once('/').map_or(String::new(), |(head, _)| format!("{head}/"));
            set.name = format!("{head}{}", new.text);
        }
    }
}

/// The letter of a command, and a chain written to it.
fn command_letter(word: &str) -> Option<(char, &str)> {
    let letter = match word {
        "--append" => 'A',
        "--insert" => 'I',
        "--replace" => 'R',
        "--delete" => 'D',
        "--new-chain" | "--new" => 'N',
        "--policy" => 'P',
        "--flush" => 'F',
        "--delete-chain" => 'X',
        "--rename-chain" => 'E',
        "--list" | "--list-rules" => 'L',
        "--zero" => 'Z',
        "--check" => 'C',
        _ => {
            let rest = word.strip_prefix('-')?;
            let letter = rest.chars().next().filter(|c| "AIRDNPFXELSZC".contains(*c))?;
            return Some((letter, rest.get(1..).unwrap_or("")));
        }
    };
    Some((letter, ""))
}
