//! Rule sets as tables of nftables: filters as base chains, chains as chains, hooks as priorities.

use super::known::Known;
use super::print_exact;
use super::print_general;
use super::ruleset::TableFamily;
use super::written::{self, Chain, Ending, Line, Right, Table};
use crate::dialect::hook_place::HookPlace;
use crate::dialect::{Loss, Lost};
use crate::field::{Family, Field};
use crate::ir::{Action, Condition, Document, Kind, Outcome, RejectKind, Rule, RuleSet, Verdict};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How the rules are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Text,
    Json,
}

/// Writes a document; says what is lost.
pub(super) fn print(
    document: &Document,
    form: Form,
    out: &mut dyn fmt::Write,
) -> Result<Vec<Lost>, fmt::Error> {
    let asks = |rule: Rule<'_>| rule.condition.tests().iter().any(|test| test.field() == Field::CtState);
    let mut tracked = [false; 2];
    for set in document.rule_sets.iter().filter(|set| set.rules.iter().any(asks)) {
        tracked = more(tracked, of(set.family));
    }
    let mut printer = Printer::new(document, tracked, form);
    let mut tables = printer.tables();
    loop {
        // Where no rule that asks for a state could be written, nothing puts fragments together.
        let mut found = [false; 2];
        for table in &tables {
            let mut items = table.chains.iter().flat_map(|c| &c.lines).flat_map(|l| &l.items);
            if items.any(|item| matches!(item.right, Right::States(_))) {
                let family = TableFamily::by_name(table.family).unwrap_or(TableFamily::Inet);
                found = more(
                    found,
                    match family {
                        TableFamily::Ip => [true, false],
                        TableFamily::Ip6 => [false, true],
                        _ => [true; 2],
                    },
                );
            }
        }
        // It only ever becomes less.
        let less = [found[0] && tracked[0], found[1] && tracked[1]];
        if less == tracked {
            break;
        }
        tracked = less;
        printer = Printer::new(document, tracked, form);
        tables = printer.tables();
    }
    match form {
        Form::Text => written::text(&tables, out)?,
        Form::Json => written::json(&tables, out)?,
    }
    Ok(printer.lost)
}

fn more(a: [bool; 2], b: [bool; 2]) -> [bool; 2] {
    [a[0] || b[0], a[1] || b[1]]
}

fn of(family: Family) -> [bool; 2] {
    match family {
        Family::Inet => [true, false],
        Family::Inet6 => [false, true],
        Family::Any => [true; 2],
    }
}

// Where a rule set is written.
#[derive(Clone, Debug)]
struct Home {
    family: TableFamily,
    table: String,
    chain: String,
    base: Option<Base>,
}

// How a base chain is hooked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    At(HookPlace<'static>),
    // Of a table that is hooked nowhere.
    Dormant,
}

impl Base {
    // Where its head says it is.
    fn place(self) -> HookPlace<'static> {
        match self {
            Self::At(place) => place,
            Self::Dormant => HookPlace { kind: "filter", hook: "forward", device: None, priority: 0 },
        }
    }
}

struct Printer<'d> {
    document: &'d Document,
    tracked: [bool; 2],
    form: Form,
    lost: Vec<Lost>,
    homes: BTreeMap<usize, Home>,
}

const HOOKS: &[&str] = &["prerouting", "input", "forward", "output", "postrouting"];

impl<'d> Printer<'d> {
    fn new(document: &'d Document, tracked: [bool; 2], form: Form) -> Self {
        Self { document, tracked, form, lost: Vec::new(), homes: BTreeMap::new() }
    }

    fn lose(&mut self, loss: Loss, set: &RuleSet, rule: &str, what: impl Into<String>) {
        self.lost.push(Lost::new(loss, &set.name, rule, what));
    }

    fn tables(&mut self) -> Vec<Table> {
        self.place();
        let mut tables: Vec<Table> = Vec::new();
        for (index, set) in self.document.rule_sets.iter().enumerate() {
            let Some(home) = self.homes.get(&index).cloned() else { continue };
            let lines = self.lines(set, &home);
            let dormant = home.base == Some(Base::Dormant);
            let base = home.base.map(|base| (base.place(), set.default.is_drop()));
            let chain = Chain { name: home.chain, base, lines };
            let family = home.family.name();
            match tables.iter_mut().find(|t| t.family == family && t.name == home.table) {
                Some(table) => table.chains.push(chain),
                None => tables.push(Table { family, name: home.table, dormant, chains: vec![chain] }),
            }
        }
        tables
    }

    // Decides on names and hooks.
    fn place(&mut self) {
        let sets = &self.document.rule_sets;
        let called: BTreeSet<usize> = sets
            .iter()
            .flat_map(|set| &set.rules)
            .filter(|rule| !matches!(rule.outcome, Outcome::Stage(_)))
            .filter_map(|rule| rule.outcome.target().map(|target| target as usize))
            .collect();
        let stages = stages(self.document);
        let hooked = !stages.is_empty();
        let (mut taken, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut spare = 0;
        for (index, set) in sets.iter().enumerate() {
            if set.kind == Kind::Hook {
                continue;
            }
            let family = match set.family {
                Family::Inet => TableFamily::Ip,
                Family::Inet6 => TableFamily::Ip6,
                Family::Any => TableFamily::Inet,
            };
            let mut parts = set.name.splitn(3, '/');
            let (first, second, third) = (parts.next(), parts.next(), parts.next());
            let (table, chain) = match (first.and_then(TableFamily::by_name), second, third) {
                (Some(named), Some(table), Some(chain)) if named == family => {
                    (identifier(table), identifier(chain))
                }
                _ => ("flowgate".to_owned(), identifier(&set.name)),
            };
            let mut home = Home { family, table, chain, base: None };
            let is_base = set.kind != Kind::Chain && !called.contains(&index);
            if is_base {
                home.base = Some(match stages.get(&index) {
                    Some(place) => Base::At(*place),
                    None if hooked => Base::Dormant,
                    None => {
                        let own = attached(self.document, set);
                        let named = || set.name.rsplit('/').next().and_then(hook_named);
                        let wanted = own.map(|place| place.hook).or_else(named);
                        let hook = free_hook(family, wanted, &mut taken);
                        let plain =
                            hook.map(|hook| HookPlace { kind: "filter", hook, device: None, priority: 0 });
                        own.filter(|place| Some(place.hook) == hook).or(plain).map_or(Base::Dormant, Base::At)
                    }
                });
                if home.base == Some(Base::Dormant) {
                    spare += 1;
                    home.table = format!("{}_dormant_{spare}", home.table);
                }
            }
            while !names.insert((home.family, home.table.clone(), home.chain.clone())) {
                home.chain.push('_');
            }
            let name = format!("{}/{}/{}", home.family.name(), home.table, home.chain);
            if name != set.name || set.kind == Kind::FlowRoutes || (is_base != (set.kind == Kind::Filter)) {
                self.lost.push(Lost::new(Loss::Detail, &set.name, "", format!("it is the chain `{name}`")));
            }
            let written = match home.base {
                Some(Base::At(place)) => Some(place),
                Some(Base::Dormant) | None => None,
            };
            self.lost.extend(Lost::moved(self.document, set, written));
            self.homes.insert(index, home);
        }
    }

    fn lines(&mut self, set: &RuleSet, home: &Home) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        // The number a rule read here has when it has no comment.
        for rule in &set.rules {
            self.rule(set, home, &rule, &mut lines);
        }
        match (home.base, set.default) {
            (Some(_), Verdict::Reject(kind)) => {
                self.lose(Loss::Detail, set, "", "the default is a rule of its own");
                let ending = self.reject(kind, known(home, self.tracked).version, set, "");
                lines.push(Line { items: Vec::new(), counter: false, log: false, ending, comment: None });
            }
            (Some(_), Verdict::NoDecision) => {
                self.lose(Loss::Meaning, set, "", "a base chain decides: what no rule decides is accepted");
            }
            (None, Verdict::Accept | Verdict::Discard | Verdict::Reject(_)) => {
                self.lose(Loss::Detail, set, "", "a chain that is called has no default of its own");
            }
            _ => {}
        }
        lines
    }

    fn rule(&mut self, set: &RuleSet, home: &Home, rule: &Rule, lines: &mut Vec<Line>) {
        let name = rule.name;
        let ending = match rule.outcome {
            Outcome::Verdict(Verdict::Accept) => Ending::Accept,
            Outcome::Verdict(Verdict::Discard) => Ending::Drop,
            Outcome::Verdict(Verdict::Reject(_)) | Outcome::Next { held: None } => Ending::Nothing,
            Outcome::Return => Ending::Return,
            Outcome::Call(target) | Outcome::Goto(target) => {
                let there = self.homes.get(&(target as usize));
                let Some(there) = there.filter(|t| t.family == home.family && t.table == home.table) else {
                    return self.lose(Loss::LeftOut, set, name, "what it calls is in another table");
                };
                match rule.outcome {
                    Outcome::Call(_) => Ending::Jump(there.chain.clone()),
                    _ => Ending::Goto(there.chain.clone()),
                }
            }
            Outcome::Verdict(Verdict::NoDecision) | Outcome::Next { held: Some(_) } | Outcome::Stage(_) => {
                return self.lose(Loss::LeftOut, set, name, "nftables has no such outcome");
            }
        };
        let parts = match rule.condition {
            Condition::And(parts) => &**parts,
            Condition::True => &[],
            other => std::slice::from_ref(other),
        };
        let start = known(home, self.tracked);
        let (groups, version) = match print_exact::items(parts, start, self.document) {
            Some((items, known)) => (vec![items], known.version),
            None => match print_general::rules(rule.condition, set.family, self.document) {
                Ok(general) => {
                    if let Some(what) = general.loses {
                        self.lose(Loss::Meaning, set, name, what);
                    }
                    let count = general.rules.len();
                    let what = match count {
                        0 => "it matches nothing, and says so".to_owned(),
                        1 => "its condition is written in other words".to_owned(),
                        _ => format!("it is {count} rules"),
                    };
                    self.lose(Loss::Detail, set, name, what);
                    let rules = if count == 0 { vec![vec![nothing(home.family)]] } else { general.rules };
                    (rules, start.version)
                }
                Err(why) => return self.lose(Loss::LeftOut, set, name, why),
            },
        };
        if self.form == Form::Json
            && let Some(word) = groups.iter().flatten().find_map(written::protocol_in_json)
        {
            let why = format!("the interface `{word}`, which nft takes for a protocol in JSON");
            return self.lose(Loss::LeftOut, set, name, why);
        }
        let (counter, log) = self.actions(set, rule);
        for items in groups {
            let version = items.iter().fold(version, |version, item| match (&item.load, &item.right) {
                (super::fields::Load::Meta(super::fields::Meta::NfProto), Right::Ranges(list)) => {
                    match list.as_slice() {
                        [(2, 2)] => Some(4),
                        [(10, 10)] => Some(6),
                        _ => version,
                    }
                }
                _ => version,
            });
            let ending = match rule.outcome {
                Outcome::Verdict(Verdict::Reject(RejectKind::TcpReset)) => {
                    let tcp = |item: &written::Item| {
                        matches!(item.load, super::fields::Load::Field(super::fields::Header::Tcp, _))
                            || item.load == super::fields::Load::Meta(super::fields::Meta::L4Proto)
                                && item.right == Right::Ranges(vec![(6, 6)])
                    };
                    if items.iter().any(tcp) {
                        Ending::TcpReset
                    } else {
                        self.lose(
                            Loss::Detail,
                            set,
                            name,
                            "a reset is for TCP: it is `reject` of any packet",
                        );
                        Ending::Reject(None)
                    }
                }
                Outcome::Verdict(Verdict::Reject(kind)) => self.reject(kind, version, set, name),
                _ => ending.clone(),
            };
            let empty = items.is_empty() && !counter && !log && ending == Ending::Nothing;
            let ending = if empty { Ending::Continue } else { ending };
            let comment = self.comment(set, name, lines.len() + 1);
            lines.push(Line { items, counter, log, ending, comment });
        }
    }

    // Whether a rule counts, and whether it logs.
    fn actions(&mut self, set: &RuleSet, rule: &Rule) -> (bool, bool) {
        let (mut counter, mut log) = (false, false);
        for action in rule.actions {
            match action {
                Action::Count(count) => {
                    counter = true;
                    if !count.is_empty() {
                        self.lose(Loss::Detail, set, rule.name, "the name of its counter");
                    }
                }
                Action::Log => log = true,
                Action::Other(words) => {
                    let what = format!("the action `{words}`; the packet is left as it is");
                    self.lose(Loss::of_action(action), set, rule.name, what);
                }
                other => self.lose(Loss::of_action(other), set, rule.name, in_words(other)),
            }
        }
        (counter, log)
    }

    fn comment(&mut self, set: &RuleSet, name: &str, number: usize) -> Option<String> {
        if name == number.to_string() {
            return None;
        }
        let plain = |c: char| if c == '"' || c.is_control() { '\'' } else { c };
        let mut text: String = name.chars().map(plain).collect();
        // What the kernel keeps of a comment.
        while text.len() > 127 {
            text.pop();
        }
        if text != name {
            self.lose(Loss::Detail, set, name, "its name, as a comment can hold it");
        }
        Some(text)
    }

    fn reject(&mut self, kind: RejectKind, version: Option<u32>, set: &RuleSet, name: &str) -> Ending {
        let RejectKind::Unreachable(code) = kind else { return Ending::Reject(None) };
        let found = match (version, code) {
            (Some(6), 4) | (Some(4) | None, 3) => return Ending::Reject(None),
            (Some(6), 0) => Some(("icmpv6", "no-route")),
            (Some(6), 1) => Some(("icmpv6", "admin-prohibited")),
            (Some(6), 3) => Some(("icmpv6", "addr-unreachable")),
            (Some(6), 5) => Some(("icmpv6", "policy-fail")),
            (Some(6), 6) => Some(("icmpv6", "reject-route")),
            (Some(4), 0) => Some(("icmp", "net-unreachable")),
            (Some(4), 1) => Some(("icmp", "host-unreachable")),
            (Some(4), 2) => Some(("icmp", "prot-unreachable")),
            (Some(4), 9) => Some(("icmp", "net-prohibited")),
            (Some(4), 10) => Some(("icmp", "host-prohibited")),
            (Some(4), 13) => Some(("icmp", "admin-prohibited")),
            (None, 0) => Some(("icmpx", "no-route")),
            (None, 1) => Some(("icmpx", "host-unreachable")),
            (None, 13) => Some(("icmpx", "admin-prohibited")),
            _ => None,
        };
        if found.is_none() {
            let what = format!("what the sender is told: code {code} is not one nftables sends");
            self.lose(Loss::Detail, set, name, what);
        }
        Ending::Reject(found)
    }
}

// A comparison that no packet of the family passes.
fn nothing(family: TableFamily) -> written::Item {
    use super::fields::{Header, Load, Meta};
    let (header, version) = if family == TableFamily::Ip6 { (Header::Ip6, 6) } else { (Header::Ip, 4) };
    let load = header
        .places()
        .iter()
        .find(|place| place.word == "version")
        .map_or(Load::Meta(Meta::NfProto), |place| Load::Field(header, place));
    written::Item { load, mask: None, unequal: true, right: Right::Ranges(vec![(version, version)]) }
}

fn known(home: &Home, tracked: [bool; 2]) -> Known {
    Known::new(home.family, tracked)
}

/// The hook a word names.
fn hook_named(word: &str) -> Option<&'static str> {
    HOOKS.iter().copied().find(|hook| hook.eq_ignore_ascii_case(word))
}

// A hook on which this family has no base chain yet, the one asked for where it is free.
fn free_hook(
    family: TableFamily,
    wanted: Option<&'static str>,
    taken: &mut BTreeSet<(TableFamily, &'static str)>,
) -> Option<&'static str> {
    let families: &[TableFamily] = match family {
        TableFamily::Inet => &[TableFamily::Ip, TableFamily::Ip6],
        TableFamily::Ip => &[TableFamily::Ip],
        _ => &[TableFamily::Ip6],
    };
    for hook in wanted.into_iter().chain(["forward", "input", "output", "prerouting", "postrouting"]) {
        if families.iter().all(|family| !taken.contains(&(*family, hook))) {
            taken.extend(families.iter().map(|family| (*family, hook)));
            return Some(hook);
        }
    }
    None
}

// The hook and priority of each rule set that is a stage of a hook. Where they were read as they stand, the priorities
// are those that were read, else they say the order.
fn stages(document: &Document) -> BTreeMap<usize, HookPlace<'static>> {
    let (mut read, mut counted) = (BTreeMap::new(), BTreeMap::new());
    let mut stand = true;
    for set in document.rule_sets.iter().filter(|set| set.kind == Kind::Hook) {
        let hook = set.name.split('/').find_map(hook_named).unwrap_or("forward");
        // Of equal priority the chain that is made last comes first.
        let mut before: Option<(i64, Reverse<usize>)> = None;
        for (target, position) in set.targets().zip(0_i64..) {
            let priority = position * 10;
            let plain = HookPlace { kind: "filter", hook, device: None, priority };
            let place: &mut HookPlace<'static> = counted.entry(target).or_insert(plain);
            place.priority = place.priority.max(priority);
            let own = document.rule_sets.get(target).and_then(|set| attached(document, set));
            let own = own.filter(|own| own.hook == hook);
            let here = own.map(|own| (own.priority, Reverse(target)));
            stand &= here.is_some() && before < here;
            before = here;
            read.extend(own.map(|own| (target, own)));
        }
    }
    if stand { read } else { counted }
}

/// The one hook of this system that a rule set is attached at.
fn attached(document: &Document, set: &RuleSet) -> Option<HookPlace<'static>> {
    let mut places = document.places(&set.name);
    let place = HookPlace::read(places.next()?).filter(|place| place.device.is_none())?;
    let kind = ["filter", "nat", "route"].into_iter().find(|kind| *kind == place.kind)?;
    let hook = hook_named(place.hook)?;
    places.next().is_none().then_some(HookPlace { kind, hook, device: None, priority: place.priority })
}

/// A name as nft takes one: letters, digits and `_-.`, none of its own words.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    let mut text: String = name.chars().map(plain).collect();
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        text.insert(0, '_');
    }
    // Names of chains have up to 127 octets.
    text.truncate(100);
    if WORDS.contains(&text.as_str()) {
        text.push('_');
    }
    text
}

// Words of nft, which names must not be; those of hooks may.
#[rustfmt::skip]
static WORDS: &[&str] = &[
    "accept", "ackseq", "add", "addr", "address", "after", "ah", "all", "and", "arp", "at", "auto-merge", "before",
    "bridge", "bypass", "bytes", "chain", "chains", "checksum", "cmd", "code", "comment", "comp", "constant",
    "continue", "count", "counter", "counters", "cpu", "create", "ct", "daddr", "data", "day", "dccp", "define",
    "delete", "describe", "destroy", "dev", "device", "devices", "dnat", "dport", "drop", "dscp", "dst", "dup",
    "dynamic", "ecn", "element", "elements", "eq", "esp", "ether", "exists", "expectation", "expires",
    "export", "exthdr", "fib", "flags", "flow", "flowlabel", "flowtable", "flush", "frag", "fwd", "ge",
    "geneve", "goto", "gre", "gretap", "group", "gt", "handle", "hash", "hbh", "helper", "hook", "hoplimit", "hour",
    "ibrname", "icmp", "icmpv6", "id", "igmp", "iif", "iifgroup", "iifname", "iiftype", "import", "in", "inc",
    "include", "index", "inet", "insert", "interval", "ip", "ip6", "ipsec", "jhash", "jump",
    "json", "key", "l4proto", "label", "last", "le", "length", "level", "limit", "limits", "list", "log", "lshift",
    "lt", "map", "maps", "mark", "masquerade", "meta", "meter", "meters", "mh", "missing", "mod", "monitor", "mtu",
    "name", "ne", "netdev", "nexthdr", "nexthop", "nfproto", "not", "notrack", "numgen", "oif", "oifgroup",
    "oifname", "oiftype", "option", "or", "original", "osf", "out", "over", "packets", "persistent",
    "pkttype", "policy", "position", "prefix", "priority", "proto", "protocol",
    "quota", "quotas", "queue", "random", "rate", "redefine", "redirect", "reject", "rename", "replace", "reply",
    "reset", "return", "rshift", "rt", "rule", "rules", "ruleset", "saddr", "sctp", "secmark", "set", "sets",
    "size", "skgid", "skuid", "snaplen", "snat", "socket", "sport", "state", "stats", "status", "string",
    "symhash", "synproxy", "table", "tables", "tcp", "th", "time", "timeout", "to", "tproxy", "ttl", "tunnel",
    "type", "typeof", "udp", "udplite", "undefine", "until", "update", "use", "version", "via", "vlan", "vmap",
    "vxlan", "window", "with", "xor", "xt", "zone",
];
/// An action that is not written, for the report of what is lost.
fn in_words(action: &Action) -> &'static str {
    match action {
        Action::RateLimit(_) | Action::Policer(_) => "its rate; every packet passes instead",
        Action::RedirectTarget(_) | Action::RedirectInstance(_) => {
            "its redirection; the packet is routed as usual"
        }
        Action::RedirectIp { copy: false, .. } => "its next hop; the packet is routed as usual",
        Action::RedirectIp { copy: true, .. } => "the copy it sends",
        Action::InterfaceSet { .. } => "the interfaces it is for; it stands for all",
        Action::Count(_) => "its counter",
        Action::Log => "its log",
        Action::Sample => "its sampling",
        Action::Mark(_) => "its mark of the packet",
        Action::Class(_) => "its class",
        Action::Other(_) => "an action of another dialect",
    }
}
