//! What iptables refuses is refused here: the lines of its own tests, and the same with a word changed, put to the
//! installed programs of both back ends and to us.
//!
//! What the program itself refuses (`--test`) must be an error or a warning here; what also the kernel takes must be no error. Between the
//! two, what the kernel alone refuses, is open: it depends on the kernel's modules.

use crate::dice::Dice;
use crate::differences::{Difference, covered};
use flowgate::diagnostic::Level;
use flowgate::dialect::iptables::Iptables;
use flowgate::dialect::{Dialect, ReadOptions};
use flowgate::field::Family;
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version that the classes below speak of.
const ENGINE: &str = "v1.8.9";

/// A line of the extension tests with where it stands.
struct Case {
    six: bool,
    table: String,
    chain: String,
    words: Vec<String>,
    /// Whether iptables takes it.
    ok: bool,
}

impl Case {
    fn text(&self, words: &[String]) -> String {
        format!("*{}\n-A {} {}\nCOMMIT\n", self.table, self.chain, words.join(" "))
    }
}

/// Words, those in quotes whole.
fn words(line: &str) -> Vec<String> {
    let (mut list, mut open) = (vec![String::new()], false);
    for c in line.chars() {
        open ^= c == '"';
        match list.last_mut() {
            Some(last) if open || !c.is_whitespace() => last.push(c),
            _ => list.push(String::new()),
        }
    }
    list.retain(|word| !word.is_empty());
    list
}

fn cases() -> Vec<Case> {
    let folder = std::env::var_os("FLOWGATE_CORPORA").map(|root| PathBuf::from(root).join("iptables"));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `iptables`");
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "t"));
    paths.sort();
    paths.iter().flat_map(|path| of_file(path)).collect()
}

fn of_file(path: &Path) -> Vec<Case> {
    let six = path.to_string_lossy().contains("libip6t");
    let (mut chain, mut table, mut list) = (String::new(), "filter".to_owned(), Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        if let Some(chains) = line.strip_prefix(':') {
            chains.rsplit(',').next().unwrap().clone_into(&mut chain);
        } else if let Some(tables) = line.strip_prefix('*') {
            tables.split(',').next().unwrap().clone_into(&mut table);
        } else if !line.starts_with(['#', '@', '%']) {
            let parts: Vec<&str> = line.split(';').collect();
            let [args, _, state, ..] = parts[..] else { continue };
            let outside = chain.ends_with("ROUTING") && table == "filter";
            let table = if outside { "mangle".to_owned() } else { table.clone() };
            let words = words(args);
            list.push(Case { six, table, chain: chain.clone(), words, ok: state == "OK" });
        }
    }
    list
}

/// What we say against a text: of an error, and of a warning.
fn said(text: &str, six: bool) -> [Option<String>; 2] {
    let source = Source::new("a", Content::Text(text.to_owned()));
    let family = Some(if six { Family::Inet6 } else { Family::Inet });
    let reading = Iptables.read(&source, SourceId(0), &ReadOptions { family, ..ReadOptions::default() });
    [Level::Error, Level::Warning]
        .map(|level| reading.diagnostics.iter().find(|d| d.level == level).map(|d| d.message.clone()))
}

/// What a program says against a text, in a namespace of its own.
fn put(program: &str, text: &str, options: &[&str]) -> Result<(), String> {
    use std::io::Write;
    let mut child = Command::new("unshare")
        .args(["-rn", program])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // A program that stops early closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| !line.starts_with("Warning")).unwrap_or("").to_owned();
    if output.status.success() { Ok(()) } else { Err(line) }
}

/// What both back ends say of a text.
struct Answer {
    /// What the program says against it, before any kernel is asked.
    refused: Option<String>,
    /// The kernel takes it too.
    loaded: bool,
}

fn ask(text: &str, six: bool) -> Answer {
    let programs =
        ["legacy", "nft"].map(|end| format!("ip{}tables-{end}-restore", if six { "6" } else { "" }));
    let refused = programs.iter().find_map(|program| put(program, text, &["--test"]).err());
    let loaded = refused.is_none() && programs.iter().all(|program| put(program, text, &[]).is_ok());
    Answer { refused, loaded }
}

/// Each with IPv6 or not, and table, chain and rule.
const DIFFERENCES: &[Difference<(bool, &'static str)>] = &[
    Difference {
        name: "names-of-the-host",
        why: "hosts, users, groups, sets and protocols are looked up where the rules are loaded",
        witness: (false, "*filter\n-A OUTPUT -m owner --gid-owner nosuchgroup\nCOMMIT\n"),
        taken: false,
        says: &[
            "getaddrinfo",
            "unknown protocol \"icmp6\"",
            "owner: Bad value for",
            "Set foo doesn't exist",
            "host/network `",
        ],
    },
    Difference {
        name: "types-of-younger-versions",
        why: "the types of listener discovery have names since 1.8.10",
        witness: (true, "*filter\n-A INPUT -p icmpv6 --icmpv6-type mld-listener-query\nCOMMIT\n"),
        taken: false,
        says: &["Unknown ICMPv6 type `mld-listener"],
    },
    Difference {
        name: "protocols-in-one-word",
        why: "1.8.9 takes all of `-ptcp` and `--protocol=tcp` for the protocol; others do not",
        witness: (false, "*filter\n-A INPUT -ptcp -j ACCEPT\nCOMMIT\n"),
        taken: false,
        says: &["unknown protocol \"--protocol=", "unknown protocol \"-p"],
    },
    Difference {
        name: "ranges-the-wrong-way-round",
        why: "1.8.9 takes them and no packet matches; younger versions refuse them",
        witness: (false, "*filter\n-A INPUT -m length --length 4:3\nCOMMIT\n"),
        taken: true,
        says: &["not `4:3`", "`4:3` is a range without values"],
    },
    Difference {
        name: "connections-of-no-protocol",
        why: "1.8.9 takes the protocol 0 of a connection; younger versions refuse it",
        witness: (false, "*filter\n-A INPUT -m conntrack --ctproto 0\nCOMMIT\n"),
        taken: true,
        says: &["`--ctproto` takes a protocol, not `0`"],
    },
    Difference {
        name: "ports-beyond-32-bits",
        why: "the C library takes 2^32 for a port: it wraps round to 0",
        witness: (false, "*filter\n-A INPUT -p dccp --dport 4294967296\nCOMMIT\n"),
        taken: true,
        says: &["not `4294967296`"],
    },
    Difference {
        name: "marks-as-names",
        why: "a `!` behind an option is the negation of old versions, and no name",
        witness: (false, "*filter\n-A INPUT -m helper --helper !\nCOMMIT\n"),
        taken: true,
        says: &["needs a value"],
    },
];

/// A rule with one word left out, doubled, negated, replaced or exchanged with another, or with a second rule behind it.
fn changed(dice: &mut Dice, words: &[String], others: &[&Case]) -> Vec<String> {
    const VALUES: &[&str] = &[
        "256",
        "65536",
        "4294967296",
        "64",
        "4",
        "0",
        "-1",
        "foo",
        "1.2.3.4",
        "::1",
        "10.0.0.0/8",
        "4:3",
        "3:4",
        "1/sec",
        "1,2",
        "0x1ffff",
        "DROP",
        "\"\"",
        "tcp",
        "!",
        "src,dst",
        "-p udp",
        "-j ACCEPT",
        "-m tcp",
    ];
    let mut list = words.to_vec();
    let at = dice.below(list.len());
    let other = |dice: &mut Dice| dice.pick::<&Case>(others).words.clone();
    match dice.below(7) {
        0 => list[at].clear(),
        1 => list[at] = format!("{0} {0}", list[at]),
        2 => (*dice.pick(VALUES)).clone_into(&mut list[at]),
        3 => {
            let with = dice.below(list.len());
            list.swap(at, with);
        }
        4 => {
            let other = other(dice);
            list[at].clone_from(dice.pick(&other));
        }
        5 => list[at].insert_str(0, "! "),
        _ => list.extend(other(dice)),
    }
    list
}

#[test]
fn lines_are_refused_where_iptables_refuses_them() {
    let version = put("iptables-legacy-restore", "*filter\nCOMMIT\n", &[]).is_ok().then(|| {
        let output = Command::new("iptables-legacy-restore").arg("--version").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    if !version.as_ref().is_some_and(|version| version.contains(ENGINE)) {
        println!("SKIPPED: {version:?} is not iptables {ENGINE}");
        return;
    }
    for Difference { name, why, witness: (six, text), taken, .. } in DIFFERENCES {
        let (answer, own) = (ask(text, *six), said(text, *six));
        let silent = own.iter().all(Option::is_none);
        let holds =
            if *taken { answer.loaded && own[0].is_some() } else { answer.refused.is_some() && silent };
        assert!(holds, "{name}, as {why}: `{text}` differs no more: {:?}, {own:?}", answer.refused);
    }
    let all = cases();
    if all.is_empty() {
        return;
    }
    let count = std::env::var("FLOWGATE_DIFFERENTIAL_RULES").ok().and_then(|n| n.parse().ok()).unwrap_or(800);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let good: Vec<&Case> = all.iter().filter(|case| case.ok).collect();
    let lines = all.iter().map(|case| (case, case.words.clone()));
    let lines: Vec<_> = lines
        .chain((0..count).map(|_| {
            let case = *dice.pick(&good);
            (case, changed(&mut dice, &case.words, &good))
        }))
        .collect();
    let (mut both, mut open, mut explained, mut wrong) =
        ([0, 0], 0, BTreeMap::<&str, usize>::new(), Vec::new());
    for (case, words) in &lines {
        let text = case.text(words);
        let answer = ask(&text, case.six);
        let [error, warning] = said(&text, case.six);
        let (taken, said) = match (&answer.refused, error) {
            (Some(_), error) if error.is_some() || warning.is_some() => {
                both[1] += 1;
                continue;
            }
            (None, None) if answer.loaded => {
                both[0] += 1;
                continue;
            }
            (Some(said), _) => (false, said.clone()),
            (None, Some(own)) if answer.loaded => (true, own),
            (None, _) => {
                open += 1;
                continue;
            }
        };
        match covered(DIFFERENCES, &said, taken) {
            Some(difference) => *explained.entry(difference.name).or_default() += 1,
            None => wrong.push(format!(
                "{} `{}`: {said}",
                if taken { "taken:" } else { "refused:" },
                text.lines().nth(1).unwrap()
            )),
        }
    }
    println!(
        "{} lines: {both:?} taken and refused by both, {open} refused by the kernel alone, {explained:?} explained, {} differ",
        lines.len(),
        wrong.len()
    );
    println!("{}", wrong.join("\n"));
    assert!(
        both[0] > lines.len() / 4 && both[1] > lines.len() / 4 && wrong.is_empty(),
        "{} differ",
        wrong.len()
    );
}
