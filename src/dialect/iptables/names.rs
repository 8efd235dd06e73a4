//! Long names of options, whole or cut short.

use super::extensions::{find, implied};
use super::grammar;
use super::lower::Reader;
use super::spec::{Aim, Spec};
use super::support::{self, Meaning, Row};

/// The long names that every command knows (`original_opts` of iptables 1.8.9), and the short ones.
const BASIC: [(&str, &str); 37] = [
    ("--append", "-A"),
    ("--check", "-C"),
    ("--delete", "-D"),
    ("--delete-chain", "-X"),
    ("--destination", "-d"),
    ("--dst", "-d"),
    ("--exact", "-x"),
    ("--flush", "-F"),
    ("--fragments", "-f"),
    ("--goto", "-g"),
    ("--help", "-h"),
    ("--in-interface", "-i"),
    ("--insert", "-I"),
    ("--ipv4", "-4"),
    ("--ipv6", "-6"),
    ("--jump", "-j"),
    ("--line-numbers", "--line-numbers"),
    ("--list", "-L"),
    ("--list-rules", "-S"),
    ("--match", "-m"),
    ("--modprobe", "--modprobe"),
    ("--new-chain", "-N"),
    ("--numeric", "-n"),
    ("--out-interface", "-o"),
    ("--policy", "-P"),
    ("--protocol", "-p"),
    ("--rename-chain", "-E"),
    ("--replace", "-R"),
    ("--set-counters", "-c"),
    ("--source", "-s"),
    ("--src", "-s"),
    ("--table", "-t"),
    ("--verbose", "-v"),
    ("--version", "-V"),
    ("--wait", "-w"),
    ("--wait-interval", "-W"),
    ("--zero", "-Z"),
];

impl Reader<'_> {
    /// The whole name of a long option, the short one where it has one. As `getopt_long` does it a name may be cut
    /// short where one option alone begins so, of the basic ones, those of loaded matches and of the target.
    pub(super) fn full_name<'w>(spec: &Spec, name: &'w str) -> &'w str {
        let basic = |name: &str| BASIC.iter().find(|(long, _)| *long == name).map(|(_, short)| *short);
        if find(spec, name).is_some() {
            return name;
        }
        if let Some(short) = basic(name) {
            return short;
        }
        let own = implied(spec)
            .and_then(support::module)
            .filter(|module| spec.loaded.iter().all(|l| l.name != module.name));
        if own.is_some_and(|module| module.rows.iter().any(|row| row.word == name)) {
            return name;
        }
        // What each begins with, and a mark that those of one meaning share.
        let mut found: Vec<(&'w str, (usize, &'static str))> = Vec::new();
        let mut add = |whole, mark| {
            if found.iter().all(|(_, other)| *other != mark) {
                found.push((whole, mark));
            }
        };
        for (_, short) in BASIC.iter().filter(|(long, _)| long.starts_with(name)) {
            add(short, (usize::MAX, short));
        }
        let begin = |row: &&Row| row.word.starts_with(name);
        for (loaded, index) in spec.loaded.iter().zip(0..) {
            let rows = loaded.module.map_or(&[][..], |module| &module.rows);
            rows.iter().filter(begin).for_each(|row| add(row.word, (index, mark(row))));
        }
        if let Aim::Known(_) = spec.aim
            && let Some(grammar) = grammar::of_target(&spec.target)
        {
            let stem = name.trim_start_matches('-');
            if grammar.forms.iter().any(|form| form.name == stem) {
                return name;
            }
            let forms = grammar.forms.iter().filter(|form| form.name.starts_with(stem));
            forms.for_each(|form| add(name, (usize::MAX - 1, form.name)));
        }
        if let Some(module) = own.filter(|_| found.is_empty()) {
            let rows = module.rows.iter().filter(begin);
            for row in rows {
                let mark = (0, mark(row));
                if found.iter().all(|(_, other)| *other != mark) {
                    found.push((row.word, mark));
                }
            }
        }
        match found.as_slice() {
            [(whole, _)] => whole,
            _ => name,
        }
    }
}

/// The same for options that mean the same.
fn mark(row: &Row) -> &'static str {
    match row.meaning {
        Meaning::Sport => "--sport",
        Meaning::Dport => "--dport",
        Meaning::Sports => "--sports",
        Meaning::Dports => "--dports",
        Meaning::Icmp6Type => "--icmpv6-type",
        _ => row.word,
    }
}
