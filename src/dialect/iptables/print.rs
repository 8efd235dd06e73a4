//! The intermediate form to iptables-restore input, a part for each family. What it cannot say is left out and
//! told; nothing is approximated in silence.

use super::chains::{HOOKS, Table};
use super::lex::quote;
use super::lower::Reader;
use super::matching::protocol_of;
use super::print_cube::{Cube, cubes};
use super::print_match::{Setting, lines, negated, with_words};
use super::support;
use super::target::{REJECT, REJECT6};
use crate::dialect::{Loss, Lost, ReadOptions};
use crate::field::{Family, Field};
use crate::ir::{
    Action, Condition, Document, Kind, Mark, Opaque, Outcome, RejectKind, Rule, RuleSet, Rules, Verdict,
};
use crate::source::SourceId;
use std::collections::HashSet;
use std::fmt::{self, Write};

/// Writes a document.
pub(super) fn print(document: &Document, out: &mut dyn Write) -> Result<Vec<Lost>, fmt::Error> {
    let mut lost = Vec::new();
    let places = places(document, &mut lost);
    for family in [Family::Any, Family::Inet, Family::Inet6] {
        let here: Vec<&Place> = places.iter().filter(|place| place.family == family).collect();
        if here.is_empty() {
            continue;
        }
        let mut section = Section {
            document,
            family,
            places: &places,
            lost: &mut lost,
            helpers: 0,
            raw: reads_raw(document, &here),
        };
        section.print(&here, out)?;
    }
    Ok(lost)
}

/// Where a rule set is written.
#[derive(Debug)]
struct Place {
    /// Index of the rule set.
    index: usize,
    family: Family,
    table: Table,
    chain: String,
    builtin: bool,
}

/// Whether ports are tested wherever they stand, as only the nft back end does.
fn reads_raw(document: &Document, here: &[&Place]) -> bool {
    let sets = here.iter().filter_map(|place| document.rule_sets.get(place.index));
    let mut found = false;
    for rule in sets.flat_map(|set| &set.rules) {
        rule.condition.visit(&mut |part| {
            if let Condition::Test(test) = part {
                found |= matches!(test.field(), Field::RawPort0 | Field::RawPort1 | Field::RawOctet13);
            }
        });
    }
    found
}

/// The table and chain a rule set of this dialect is named after.
fn own_place(set: &RuleSet) -> Option<(Table, &str)> {
    let name = set.name.strip_prefix("ip6/").or_else(|| set.name.strip_prefix("ip/")).unwrap_or(&set.name);
    let (table, chain) = name.split_once('/')?;
    let table = Table::ALL.into_iter().find(|known| known.name() == table)?;
    let builtin = table.hooks().contains(&chain);
    let kind = if builtin { Kind::Filter } else { Kind::Chain };
    let fits = set.kind == kind && (builtin || chain_name(chain) == chain);
    fits.then_some((table, chain))
}

fn places(document: &Document, lost: &mut Vec<Lost>) -> Vec<Place> {
    let mut list: Vec<Place> = Vec::new();
    let mut taken: HashSet<(u8, &'static str, String)> = HashSet::new();
    let key = |family: Family, table: Table, chain: &str| (family as u8, table.name(), chain.to_owned());
    let written = |set: &&RuleSet| set.kind != Kind::Hook;
    let sets: Vec<(usize, &RuleSet)> =
        document.rule_sets.iter().enumerate().filter(|(_, set)| written(set)).collect();
    for (index, set) in &sets {
        if let Some((table, chain)) = own_place(set)
            && taken.insert(key(set.family, table, chain))
        {
            let builtin = table.hooks().contains(&chain);
            list.push(Place { index: *index, family: set.family, table, chain: chain.to_owned(), builtin });
        }
    }
    let table = table_of_foreign(document);
    let entries = document.entries();
    let strange = document.rule_sets.iter().filter(|set| set.kind == Kind::Hook);
    for hook in strange {
        let own = hook
            .name
            .trim_start_matches("ip6/")
            .strip_prefix("hook/")
            .is_some_and(|name| HOOKS.contains(&name));
        if !own && hook.rules.len() > 1 {
            let what = "that packets pass one rule set after the other; each is written for itself";
            lost.push(Lost::meaning(&hook.name, "", what));
        }
    }
    for (index, set) in sets {
        if list.iter().any(|place| place.index == index) {
            continue;
        }
        let hooked = document
            .rule_sets
            .iter()
            .any(|hook| hook.kind == Kind::Hook && hook.targets().any(|t| t == index));
        let entry = set.kind != Kind::Chain && (entries.contains(&index) || hooked);
        let upper = set.name.to_ascii_uppercase();
        let wanted = ["INPUT", "OUTPUT"].into_iter().find(|hook| upper.ends_with(hook)).unwrap_or("FORWARD");
        let chain = if entry && taken.insert(key(set.family, table, wanted)) {
            lost.push(Lost::detail(
                &set.name,
                "",
                format!("the name of the rule set, which is chain `{wanted}` instead"),
            ));
            wanted.to_owned()
        } else {
            if entry {
                let what = "that packets come to it: nothing says at which hook, and it is a chain that nobody calls";
                lost.push(Lost::meaning(&set.name, "", what));
            }
            let mut name = chain_name(set.name.rsplit('/').next().unwrap_or(""));
            let mut number = 2;
            while !taken.insert(key(set.family, table, &name)) {
                name = chain_name(&format!("{number}-{}", set.name));
                number += 1;
            }
            lost.push(Lost::detail(
                &set.name,
                "",
                format!("the name of the rule set, which is chain `{name}` instead"),
            ));
            name
        };
        let builtin = HOOKS.contains(&chain.as_str());
        list.push(Place { index, family: set.family, table, chain, builtin });
    }
    list.sort_by_key(|place| place.index);
    list
}

/// The table for rule sets of other dialects: `mangle` alone writes into packets, `filter` alone rejects.
fn table_of_foreign(document: &Document) -> Table {
    let foreign =
        || document.rule_sets.iter().filter(|set| set.kind != Kind::Hook && own_place(set).is_none());
    let rules = || foreign().flat_map(|set| &set.rules);
    let rejects = foreign().any(|set| matches!(set.default, Verdict::Reject(_)))
        || rules().any(|rule| matches!(rule.outcome, Outcome::Verdict(Verdict::Reject(_))));
    let is_mark = |action: &Action| matches!(action, Action::Mark(Mark::Dscp(_) | Mark::TrafficClass(_)));
    let marks = rules().any(|rule| rule.actions.iter().any(is_mark));
    if marks && !rejects { Table::Mangle } else { Table::Filter }
}

/// A name as the kernel takes it for a chain: at most 28 octets, no blanks, no target, no option.
fn chain_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.:+@=,".contains(c) { c } else { '_' };
    let mut name: String = text.chars().map(plain).take(28).collect();
    if name.is_empty()
        || name.starts_with('-')
        || support::target(&name).is_some()
        || HOOKS.contains(&name.as_str())
    {
        name = format!("c_{name}").chars().take(28).collect();
    }
    name
}

struct Section<'a, 'o> {
    document: &'a Document,
    family: Family,
    places: &'a [Place],
    lost: &'o mut Vec<Lost>,
    helpers: usize,
    raw: bool,
}

/// Lines of chains that only the writer needs, and the lines of the rules.
#[derive(Default)]
struct Lines {
    chains: Vec<String>,
    rules: Vec<String>,
}

impl<'a> Section<'a, '_> {
    fn print(&mut self, here: &[&'a Place], out: &mut dyn Write) -> fmt::Result {
        let program = match self.family {
            Family::Inet => "iptables-restore",
            Family::Inet6 => "ip6tables-restore",
            Family::Any => "iptables-restore and ip6tables-restore",
        };
        let back_end = if self.raw { " (nf_tables)" } else { "" };
        writeln!(out, "# Generated by flowgate for {program}{back_end}")?;
        // Tables in the order they are first named, so that what is read back stands in the same order.
        let mut tables: Vec<Table> = Vec::new();
        for place in here {
            if !tables.contains(&place.table) {
                tables.push(place.table);
            }
        }
        for table in tables {
            let chains: Vec<&&Place> = here.iter().filter(|place| place.table == table).collect();
            writeln!(out, "*{}", table.name())?;
            let mut lines = Lines::default();
            for place in &chains {
                let Some(set) = self.document.rule_sets.get(place.index) else { continue };
                let policy = self.policy(set, place);
                writeln!(out, ":{} {policy} [0:0]", place.chain)?;
                self.rule_set(set, place, &mut lines);
            }
            for chain in &lines.chains {
                writeln!(out, ":{chain} - [0:0]")?;
            }
            for line in &lines.rules {
                writeln!(out, "{line}")?;
            }
            writeln!(out, "COMMIT")?;
        }
        Ok(())
    }

    fn policy(&mut self, set: &RuleSet, place: &Place) -> &'static str {
        match set.default {
            _ if !place.builtin => "-",
            Verdict::Accept => "ACCEPT",
            Verdict::Discard | Verdict::Reject(_) => "DROP",
            Verdict::NoDecision => {
                let what = "the default `no-decision`; what no rule matches is accepted instead";
                self.lost.push(Lost::meaning(&set.name, "", what));
                "ACCEPT"
            }
        }
    }

    fn rule_set(&mut self, set: &'a RuleSet, place: &Place, lines: &mut Lines) {
        if set.kind == Kind::FlowRoutes && set.rules.len() > 1 {
            let held = set.rules.iter().any(|rule| matches!(rule.outcome, Outcome::Next { held: Some(_) }));
            if held {
                let what = "rules that hold a verdict while later ones are tried";
                self.lost.push(Lost::meaning(&set.name, "", what));
            }
        }
        let mut queued: Option<Rule<'_>> = None;
        for (rule, number) in set.rules.iter().zip(1..) {
            // Of two rules that one target makes, the second has its words.
            if is_queue_head(&rule) {
                queued = Some(rule);
                continue;
            }
            if queued
                .take()
                .is_some_and(|head| head.origin != rule.origin && self.words_of_queue(&rule).is_none())
            {
                self.left_out(set, &rule, "a condition that is not modelled");
            }
            if let Err(reason) = self.rule(set, place, &rule, number, lines) {
                self.left_out(set, &rule, &reason);
            }
        }
        let last = match (set.default, place.builtin) {
            (Verdict::Reject(kind), _) => self.reject(kind, None).map(|words| format!("-j {words}")),
            (Verdict::Accept, false) => Some("-j ACCEPT".to_owned()),
            (Verdict::Discard, false) => Some("-j DROP".to_owned()),
            _ => None,
        };
        match last {
            Some(words) => lines.rules.push(format!("-A {} {words}", place.chain)),
            None if matches!(set.default, Verdict::Reject(_)) => {
                self.lost.push(Lost::detail(
                    &set.name,
                    "",
                    "the message of the default, which drops instead",
                ));
            }
            None => {}
        }
    }

    fn left_out(&mut self, set: &RuleSet, rule: &Rule, reason: &str) {
        let what = format!("the rule, which is left out: it needs {reason}");
        self.lost.push(Lost::left_out(&set.name, rule.name, what));
    }

    fn detail(&mut self, set: &RuleSet, rule: &Rule, what: impl Into<String>) {
        self.lost.push(Lost::detail(&set.name, rule.name, what));
    }

    fn rule(
        &mut self,
        set: &'a RuleSet,
        place: &Place,
        rule: &Rule<'a>,
        number: usize,
        lines: &mut Lines,
    ) -> Result<(), String> {
        let jumps = self.jumps(set, place, rule)?;
        let list = cubes(rule.condition, self.family)?;
        let mut out = Vec::new();
        let mut helper_chains = Vec::new();
        for cube in &list {
            for (words, family) in families(cube, self.family) {
                self.cube(cube, words, family, (place, &jumps), &mut helper_chains, &mut out)?;
            }
        }
        if out.is_empty() {
            if list.is_empty() && *rule.condition != Condition::False {
                self.detail(set, rule, "its condition, which no packet can meet");
            }
            if !list.is_empty() {
                return {
                    self.detail(set, rule, "the rule, which no packet of the family can match");
                    Ok(())
                };
            }
            out.push(jumps.iter().map(|jump| format!("! -i + {jump}")).collect::<Vec<_>>());
        }
        let comment = self.comment(set, rule, number);
        if out.len() > 1 {
            self.detail(set, rule, format!("that it is one rule; it is written as {}", out.len()));
        }
        if jumps.len() > 1 {
            self.detail(set, rule, "that it is one rule; each of its actions has one");
        }
        for helper in helper_chains {
            let (name, rules): (String, Vec<String>) = helper;
            self.detail(set, rule, format!("that it is one rule; chain `{name}` is a part of it"));
            lines.chains.push(name);
            lines.rules.extend(rules);
        }
        for words in out.into_iter().flatten() {
            let line = match words.rfind("-j ").max(words.rfind("-g ")).filter(|_| !comment.is_empty()) {
                Some(at) => {
                    let (head, tail) = words.split_at_checked(at).unwrap_or((&words, ""));
                    format!("-A {} {head}{comment} {tail}", place.chain)
                }
                None if !comment.is_empty() => format!("-A {} {words} {comment}", place.chain),
                None => format!("-A {} {words}", place.chain),
            };
            lines.rules.push(line.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "));
            // A text in quotes keeps its blanks.
            if line.contains('"') {
                lines.rules.pop();
                lines.rules.push(line.trim_end().to_owned());
            }
        }
        Ok(())
    }

    /// The lines of one alternative, and the chains it needs.
    fn cube(
        &mut self,
        cube: &Cube<'a>,
        version: &str,
        family: Family,
        (place, jumps): (&Place, &[String]),
        helpers: &mut Vec<(String, Vec<String>)>,
        out: &mut Vec<Vec<String>>,
    ) -> Result<(), String> {
        let setting = Setting { family, symbols: &self.document.symbols, raw: self.raw };
        let mut unless: Vec<&Condition> = Vec::new();
        for mut line in lines(cube, setting)? {
            for condition in &cube.unless {
                match negated(condition, setting, &line) {
                    Some(more) => line = more,
                    None => unless.push(condition),
                }
            }
            let mut not_modelled = Vec::new();
            for (opaque, holds) in &cube.opaque {
                let words = opaque_words(opaque, family, place.table)?;
                if *holds {
                    line = with_words(&line, &words);
                } else {
                    not_modelled.push(words);
                }
            }
            let mut jumps: Vec<String> = jumps.to_vec();
            if !unless.is_empty() || !not_modelled.is_empty() {
                let plain = jumps
                    .iter()
                    .all(|jump| jump.is_empty() || jump.starts_with("-j ") && jump != "-j RETURN");
                if !plain {
                    return Err("a condition that must not hold, beside a goto or return".into());
                }
                self.helpers += 1;
                let name =
                    format!("fg-{}-{}", self.helpers, place.chain).chars().take(28).collect::<String>();
                let mut rules = Vec::new();
                for condition in unless.drain(..) {
                    for cube in cubes(condition, family)? {
                        if !cube.unless.is_empty() || !cube.opaque.is_empty() {
                            return Err("a condition inside a condition that must not hold".into());
                        }
                        for line in lines(&cube, setting)? {
                            rules.push(format!("-A {name} {} -j RETURN", line.words()));
                        }
                    }
                }
                rules.extend(not_modelled.iter().map(|words| format!("-A {name} {words} -j RETURN")));
                rules.extend(jumps.iter().map(|jump| format!("-A {name} {jump}")));
                jumps = vec![format!("-j {name}")];
                helpers.push((name, rules));
            }
            let tcp = line.is_tcp();
            let words = line.words();
            if jumps.iter().any(|jump| jump.ends_with("tcp-reset")) && !tcp {
                return Err("a reset for packets that need not be TCP".into());
            }
            out.push(
                jumps
                    .iter()
                    .map(|jump| {
                        [version, &words, jump]
                            .iter()
                            .filter(|w| !w.is_empty())
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(" ")
                    })
                    .collect(),
            );
        }
        Ok(())
    }

    /// The comment that keeps the name of a rule.
    fn comment(&mut self, set: &RuleSet, rule: &Rule, number: usize) -> String {
        if *rule.name == *number.to_string() {
            return String::new();
        }
        // What the kernel has room for, and what stands on one line.
        let mut name: String = rule.name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        while name.len() > 255 {
            name.pop();
        }
        let digits = name.bytes().all(|b| b.is_ascii_digit());
        if name != *rule.name || digits {
            self.detail(
                set,
                rule,
                format!(
                    "the name of the rule, which is `{}` instead",
                    if digits { "its number" } else { &name }
                ),
            );
        }
        if name.is_empty() || digits {
            String::new()
        } else {
            format!("-m comment --comment {}", quote(&name))
        }
    }

    /// The ends of the lines of a rule: one for each thing it does.
    fn jumps(&mut self, set: &RuleSet, place: &Place, rule: &Rule) -> Result<Vec<String>, String> {
        let (mut jumps, mut own) = (Vec::new(), None);
        if let Some(words) = self.words_of_queue(rule) {
            return Ok(vec![format!("-j {words}")]);
        }
        for (action, next) in rule.actions.iter().zip(rule.actions.iter().skip(1).map(Some).chain([None])) {
            match action {
                // Its words follow.
                Action::Log
                    if other(next).is_some_and(|words| is_target(words, &["LOG", "NFLOG", "ULOG"])) => {}
                Action::Log => jumps.push("-j LOG".to_owned()),
                Action::Mark(Mark::Dscp(_) | Mark::TrafficClass(_)) if place.table != Table::Mangle => {
                    self.lose(set, rule, action);
                }
                Action::Mark(Mark::Dscp(value)) => jumps.push(format!("-j DSCP --set-dscp {value:#04x}")),
                Action::Mark(Mark::TrafficClass(value)) => {
                    jumps.push(format!("-j TOS --set-tos {value:#04x}/0xff"));
                }
                Action::Other(words) => match target_words(words, self.family, place.table) {
                    Some((support::Target::Nat, words)) => own = Some(words),
                    Some((_, words)) => jumps.push(format!("-j {words}")),
                    None => self.lose(set, rule, action),
                },
                _ => self.lose(set, rule, action),
            }
        }
        let last = match rule.outcome {
            Outcome::Verdict(Verdict::Accept) => {
                Some(own.map_or("-j ACCEPT".to_owned(), |words| format!("-j {words}")))
            }
            Outcome::Verdict(Verdict::Discard) => Some("-j DROP".to_owned()),
            Outcome::Verdict(Verdict::Reject(kind)) => {
                if place.table != Table::Filter {
                    return Err("a rejection outside the table `filter`".into());
                }
                Some(if let Some(words) = self.reject(kind, Some(rule)) {
                    format!("-j {words}")
                } else {
                    self.detail(set, rule, "the message it sends back; it is the usual one instead");
                    "-j REJECT".to_owned()
                })
            }
            Outcome::Verdict(Verdict::NoDecision) => return Err("to leave packets undecided".into()),
            Outcome::Next { held: None } => jumps.is_empty().then(String::new),
            Outcome::Next { held: Some(_) } => {
                return Err("to hold a verdict while later rules are tried".into());
            }
            Outcome::Return => Some("-j RETURN".to_owned()),
            Outcome::Call(target) | Outcome::Goto(target) => {
                let found = self.places.iter().find(|other| other.index == target as usize);
                let same = |other: &&Place| {
                    other.table == place.table && other.family == place.family && !other.builtin
                };
                let Some(other) = found.filter(same) else {
                    return Err("a jump to a rule set that is no chain of its table".into());
                };
                let letter = if matches!(rule.outcome, Outcome::Call(_)) { "-j" } else { "-g" };
                Some(format!("{letter} {}", other.chain))
            }
            Outcome::Stage(_) => return Err("stages".into()),
        };
        jumps.extend(last);
        Ok(jumps)
    }

    fn lose(&mut self, set: &RuleSet, rule: &Rule, action: &Action) {
        let what = match action {
            Action::Count(_) => "the counter of a name; every rule counts",
            Action::RateLimit(_) => "the rate; every packet passes instead",
            Action::Other(_) => "an action that iptables does not have",
            Action::Mark(Mark::Dscp(_) | Mark::TrafficClass(_)) => {
                "the mark it writes, which the table `mangle` alone takes, and a rejection the table `filter` alone"
            }
            _ => "an action of another dialect",
        };
        self.lost.push(Lost::new(Loss::of_action(action), &set.name, rule.name, what));
    }

    fn reject(&self, kind: RejectKind, rule: Option<&Rule>) -> Option<String> {
        let table = match self.family {
            Family::Inet6 => REJECT6,
            Family::Inet => REJECT,
            // What both say without an option.
            Family::Any => {
                return match kind {
                    RejectKind::Unreachable(3) => Some("REJECT".to_owned()),
                    RejectKind::TcpReset if rule.is_some() => {
                        Some("REJECT --reject-with tcp-reset".to_owned())
                    }
                    _ => None,
                };
            }
        };
        let (name, _) = table.iter().find(|(_, other)| *other == kind)?;
        (kind != RejectKind::TcpReset || rule.is_some()).then(|| format!("REJECT --reject-with {name}"))
    }

    /// The words of a target that made two rules, in the second of them.
    fn words_of_queue(&self, rule: &Rule) -> Option<String> {
        let [Action::Other(words)] = rule.actions else { return None };
        let (what, words) = target_words(words, self.family, Table::Mangle)?;
        (what == support::Target::Queue).then_some(words)
    }
}

/// The first of the two rules that a target makes of which nobody knows what it does.
fn is_queue_head(rule: &Rule) -> bool {
    let [Action::Other(words)] = rule.actions else { return false };
    let mut head = false;
    rule.condition.visit(&mut |part| {
        if let Condition::Opaque(opaque) = part {
            head |= opaque
                .id
                .strip_prefix("iptables ")
                .is_some_and(|id| id.starts_with(&format!("{words} accepts (")));
        }
    });
    head
}

fn other(action: Option<&Action>) -> Option<&str> {
    match action {
        Some(Action::Other(words)) => Some(words),
        _ => None,
    }
}

fn is_target(words: &str, names: &[&str]) -> bool {
    words.split(' ').next().is_some_and(|first| names.contains(&first))
}

/// The words of a target of iptables, where a reader takes them for just that.
fn target_words(words: &str, family: Family, table: Table) -> Option<(support::Target, String)> {
    let name = words.split(' ').next()?;
    let (_, target) = support::target(name)?;
    // Some targets are for TCP only; a chain of the user is of no hook that it could be wrong for.
    let text = format!("*{}\n:c -\n-A c -p tcp -j {words}\n", table.name());
    let rules = read_again(&text, family)?;
    let same = |rule: Rule<'_>| {
        let said =
            rule.actions.iter().any(|action| matches!(action, Action::Other(other) if **other == *words));
        said && (target == support::Target::Queue || !rule.condition.has_opaque())
    };
    (!rules.is_empty() && rules.len() <= 2 && rules.iter().all(same)).then(|| (target, words.to_owned()))
}

/// The words of a condition that is not modelled, where a reader takes them for just that.
fn opaque_words(opaque: &Opaque, family: Family, table: Table) -> Result<String, String> {
    let refuse = || "a condition that is not modelled".to_owned();
    let id = opaque.id.strip_prefix("iptables ").ok_or_else(refuse)?;
    let words = match id.rsplit_once(" (").filter(|(_, tail)| tail.ends_with(')') && tail.contains('#')) {
        Some((words, _)) => words,
        None => id,
    };
    // What iptables itself refuses to take back.
    let old = words.starts_with("-m string") && !words.contains("--algo");
    if old || opaque.reason.contains("blotted") {
        return Err(refuse());
    }
    // Some matches stand beside their protocol only.
    let module = words.split(' ').nth(1).unwrap_or("");
    let protocol = protocol_of(module).map_or(String::new(), |number| format!("-p {number} "));
    let text = format!("*{}\n:c -\n-A c {protocol}{words}\n", table.name());
    let rules = read_again(&text, family).ok_or_else(refuse)?;
    let same = |condition: &Condition| matches!(condition, Condition::Opaque(other) if other.id.starts_with(&format!("iptables {words}")));
    let sound = |rule: Rule<'_>| {
        rule.outcome == (Outcome::Next { held: None })
            && rule.actions.is_empty()
            && match &rule.condition {
                Condition::And(parts) => parts.iter().any(same),
                other => same(other),
            }
    };
    match rules.first() {
        Some(rule) if rules.len() == 1 && sound(rule) => Ok(words.to_owned()),
        _ => Err(refuse()),
    }
}

/// The rules that a text has, where nothing is wrong with it.
fn read_again(text: &str, family: Family) -> Option<Rules> {
    if text.lines().count() > 3 || text.chars().any(|c| c.is_control() && c != '\n') {
        return None;
    }
    let options = ReadOptions { family: Some(family), ..ReadOptions::default() };
    let reading = Reader::new(text, SourceId(0), &options).run();
    let wrong = reading.diagnostics.iter().any(|finding| finding.level > crate::diagnostic::Level::Note);
    let mut sets = reading.document.rule_sets.into_iter();
    let first = sets.next()?;
    (!wrong && sets.next().is_none()).then_some(first.rules)
}

/// The families a cube is written for, with the option that says so in a text for both.
fn families(cube: &Cube<'_>, family: Family) -> Vec<(&'static str, Family)> {
    if family != Family::Any {
        return vec![("", family)];
    }
    let mut list = vec![("-4", Family::Inet), ("-6", Family::Inet6)];
    let mut told = false;
    for (field, values) in &cube.tests {
        let own = field.info().family;
        if *field == Field::IpVersion {
            list.retain(|(_, family)| values.contains(if *family == Family::Inet { 4 } else { 6 }));
            told = true;
        } else if own != Family::Any {
            list.retain(|(_, family)| *family == own);
            told = true;
        }
        // What the two programs say differently.
        told |= matches!(
            field,
            Field::FragOff | Field::Mf | Field::Ttl | Field::IsFragHeader | Field::ProtoField
        ) || matches!(field, Field::Proto) && values.as_single().is_none()
            || matches!(
                field,
                Field::IcmpType | Field::IcmpCode | Field::Icmp6Type | Field::Icmp6Code | Field::AhSpi
            );
    }
    if told { list } else { vec![("", Family::Any)] }
}
