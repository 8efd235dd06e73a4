//! What `iptables -L -n` shows, turned into the words of the commands behind it.
//!
//! Without `-v` a listing shows no interfaces: a rule for one interface looks like one for all. That is said.

use super::syntax::{Statement, Word};
use super::values;
use crate::source::Span;
use std::borrow::Cow;

/// Reads a listing and hands over the statements that make it.
pub(super) fn read<'a>(text: &'a str, visit: &mut dyn FnMut(Statement<'a, '_>)) {
    let mut chain: Option<&'a str> = None;
    let mut columns = Columns::default();
    // Chains are declared before any rule jumps to them.
    for line in text.lines() {
        if let Some((name, policy)) = head(line) {
            visit(Statement::Chain { name, policy: Some(policy), span: Span::of(text, line) });
        }
    }
    for line in text.lines() {
        let span = Span::of(text, line);
        if line.trim().is_empty() || line.trim_start().starts_with('#') || line.starts_with("Table: ") {
            continue;
        }
        if let Some((name, _)) = head(line) {
            chain = Some(name);
        } else if let Some(found) = Columns::of(line) {
            if !found.interfaces && !columns.known {
                let what =
                    "a listing without `-v` shows no interfaces: its rules are read as for all of them";
                visit(Statement::Unsure { span, what });
            }
            columns = found;
        } else if let Some(chain) = chain.filter(|_| columns.known) {
            let mut words = vec![word("-A", span), word(chain, span)];
            if rule(line, columns, span, &mut words) {
                visit(Statement::Command { family: None, words: &words, span });
            } else {
                visit(Statement::Unread { span, expected: "the columns of a rule" });
            }
        } else {
            visit(Statement::Unread { span, expected: "a chain" });
        }
    }
}

/// `Chain INPUT (policy ACCEPT)`, `Chain name (2 references)`.
fn head(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("Chain ")?.split_once(" (")?;
    let policy =
        rest.strip_prefix("policy ").map_or("-", |rest| rest.split([' ', ')']).next().unwrap_or("-"));
    Some((name, policy))
}

#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column that is there or not")]
struct Columns {
    known: bool,
    number: bool,
    counters: bool,
    interfaces: bool,
    /// Where the target stands.
    target: usize,
}

impl Columns {
    fn of(line: &str) -> Option<Self> {
        let has = |name: &str| line.split_whitespace().any(|word| word == name);
        let target = line.find("target").filter(|_| has("prot") && has("source"))?;
        Some(Self { known: true, number: has("num"), counters: has("pkts"), interfaces: has("in"), target })
    }
}

fn word<'a>(text: impl Into<Cow<'a, str>>, span: Span) -> Word<'a> {
    Word { text: text.into(), span, quoted: false }
}

fn rule<'a>(line: &'a str, columns: Columns, span: Span, out: &mut Vec<Word<'a>>) -> bool {
    let mut parts = line.split_whitespace();
    if columns.number {
        parts.next();
    }
    if columns.counters {
        parts.nth(1);
    }
    let blank = line.get(columns.target..columns.target + 1).is_none_or(|c| c == " ");
    let target = if blank { None } else { parts.next() };
    let Some(protocol) = parts.next() else { return false };
    let mut add = |option: &'static str, value: &'a str| {
        let (not, value) = value.strip_prefix('!').map_or((false, value), |rest| (true, rest));
        if not {
            out.push(word("!", span));
        }
        out.push(word(option, span));
        out.push(word(value, span));
    };
    if !matches!(protocol, "all" | "0") {
        add("-p", protocol);
    }
    let mut next = parts.next();
    let mut fragment = None;
    // Listings of IPv6 leave the column of options empty.
    if let Some(options) = next.filter(|options| !options.contains(['.', ':', '/'])) {
        fragment = matches!(options, "-f" | "!f").then_some(options);
        if columns.interfaces || matches!(options, "--" | "-f" | "!f") {
            next = parts.next();
        }
    }
    if columns.interfaces {
        let ends = (next, parts.next());
        let (Some(inbound), Some(outbound)) = ends else { return false };
        for (option, name) in [("-i", inbound), ("-o", outbound)] {
            if !matches!(name, "*" | "any") {
                add(option, name);
            }
        }
        next = parts.next();
    }
    let (Some(source), Some(destination)) = (next, parts.next()) else { return false };
    for (option, address) in [("-s", source), ("-d", destination)] {
        if !matches!(address, "0.0.0.0/0" | "::/0" | "anywhere") {
            add(option, address);
        }
    }
    if let Some(options) = fragment {
        if options == "!f" {
            out.push(word("!", span));
        }
        out.push(word("-f", span));
    }
    let extras: Vec<&'a str> = parts.collect();
    let goto = extras.contains(&"[goto]");
    matches_of(&extras, protocol, target, span, out);
    if let Some(target) = target {
        // The target stands last, and its options behind it.
        let at = out.iter().position(|w| w.text == "--reject-with").unwrap_or(out.len());
        out.splice(at..at, [word(if goto { "-g" } else { "-j" }, span), word(target, span)]);
    }
    true
}

/// What stands behind the columns: matches, and what the target says of itself.
#[expect(clippy::too_many_lines, reason = "one table: what each form of words stands for")]
fn matches_of<'a>(
    extras: &[&'a str],
    protocol: &'a str,
    target: Option<&str>,
    span: Span,
    out: &mut Vec<Word<'a>>,
) {
    let mut rest = extras;
    let mut reject = None;
    let mut unknown: Vec<&str> = Vec::new();
    let mut push = |list: &[&str]| {
        out.extend(list.iter().map(|text| word((*text).to_owned(), span)));
    };
    while let Some((first, after)) = rest.split_first() {
        let taken = match (*first, after) {
            ("[goto]", _) => 1,
            ("/*", _) => after.iter().position(|w| *w == "*/").map_or(rest.len(), |end| end + 2),
            (name, _)
                if name == protocol.trim_start_matches('!')
                    || matches!(name, "tcp" | "udp" | "icmp" | "udplite") =>
            {
                1
            }
            (value, _) if ["dpt:", "dpts:", "spt:", "spts:"].iter().any(|head| value.starts_with(head)) => {
                let (head, ports) = value.split_once(':').unwrap_or((value, ""));
                option(&mut push, if head.starts_with('d') { "--dport" } else { "--sport" }, ports);
                1
            }
            (value, _) if value.starts_with("flags:") => {
                let value = value.get(6..).unwrap_or("");
                let (not, value) = value.strip_prefix('!').map_or((false, value), |rest| (true, rest));
                let (mask, compare) = value.split_once('/').unwrap_or((value, "0"));
                if not {
                    push(&["!"]);
                }
                let [mask, compare] = [mask, compare].map(values::listed_flags);
                push(&["--tcp-flags", &mask, &compare]);
                1
            }
            ("multiport", [kind @ ("dports" | "sports" | "ports"), ports, ..]) => {
                push(&["-m", "multiport"]);
                option(&mut push, &format!("--{kind}"), ports);
                3
            }
            ("icmptype" | "ipv6-icmptype", [kind, "code", code, ..]) => {
                let six = first.starts_with("ipv6");
                option(
                    &mut push,
                    if six { "--icmpv6-type" } else { "--icmp-type" },
                    &format!("{kind}/{code}"),
                );
                4
            }
            ("icmptype" | "ipv6-icmptype", [kind, ..]) => {
                option(
                    &mut push,
                    if first.starts_with("ipv6") { "--icmpv6-type" } else { "--icmp-type" },
                    kind,
                );
                2
            }
            ("state", [states, ..]) => {
                push(&["-m", "state"]);
                option(&mut push, "--state", states);
                2
            }
            ("ctstate", [states, ..]) => {
                push(&["-m", "conntrack"]);
                option(&mut push, "--ctstate", states);
                2
            }
            ("limit:", ["avg", rate, "burst", burst, ..]) => {
                push(&["-m", "limit", "--limit", rate, "--limit-burst", burst]);
                5
            }
            (side @ ("source" | "destination"), ["IP", "range", range, ..]) => {
                push(&["-m", "iprange"]);
                option(&mut push, if side == "source" { "--src-range" } else { "--dst-range" }, range);
                4
            }
            ("length", [length, ..]) => {
                push(&["-m", "length"]);
                option(&mut push, "--length", length);
                2
            }
            ("MAC", [mac, ..]) => {
                push(&["-m", "mac"]);
                option(&mut push, "--mac-source", mac);
                2
            }
            ("reject-with", [kind, ..]) => {
                reject = Some(*kind);
                2
            }
            // What the target says of itself decides over no packet.
            (
                "LOG" | "NFLOG" | "ULOG" | "to:" | "redir" | "masq" | "MARK" | "CONNMARK" | "TCPMSS" | "DSCP"
                | "CT",
                _,
            ) if target.is_some() => rest.len(),
            (value, _) if value.starts_with("to:") => rest.len(),
            (other, _) => {
                unknown.push(other);
                1
            }
        };
        rest = rest.get(taken..).unwrap_or(&[]);
    }
    if !unknown.is_empty() {
        push(&["-m", "listed", "--as", &unknown.join(" ")]);
    }
    if let Some(kind) = reject {
        push(&["--reject-with", kind]);
    }
}

fn option(push: &mut impl FnMut(&[&str]), name: &str, value: &str) {
    match value.strip_prefix('!') {
        Some(value) => push(&["!", name, value]),
        None => push(&[name, value]),
    }
}
