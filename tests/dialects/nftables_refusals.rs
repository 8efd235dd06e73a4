//! What nft refuses is refused here: lines of its own tests that must fail, and lines of its tests with a word
//! changed, put to the installed nft and to us.

use crate::dice::Dice;
use crate::differences::{Difference, covered};
use flowgate::diagnostic::Level;
use flowgate::dialect::{ReadOptions, Reading, by_name};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

fn corpora() -> Option<PathBuf> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let path = root.map(|root| root.join("nftables")).filter(|path| path.is_dir());
    if path.is_none() {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `nftables`");
    }
    path
}

fn read(text: &str) -> Reading {
    let source = Source::new("a.nft", Content::Text(text.to_owned()));
    by_name("nftables").unwrap().read(&source, SourceId(0), &ReadOptions::default())
}

/// A line of a test file with what stands around it in a family.
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) family: String,
    pub(crate) line: String,
    /// Whether nft takes it.
    pub(crate) ok: bool,
    pub(crate) text: String,
    /// The same with the canonical form of a rule, where it is another.
    pub(crate) canonical: Option<String>,
}

impl Case {
    fn is_rule(&self) -> bool {
        !self.line.starts_with(['!', '?'])
    }
}

/// Rules, sets and elements of the test files, each with the chain and the sets of its file.
pub(crate) fn cases() -> Vec<Case> {
    let Some(folder) = corpora() else { return Vec::new() };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "t"));
    paths.sort();
    paths.iter().flat_map(|path| of_file(path)).collect()
}

fn of_file(path: &std::path::Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let (mut chains, mut families, mut sets) = (BTreeMap::new(), Vec::new(), String::new());
    let mut added: BTreeMap<String, String> = BTreeMap::new();
    let mut list = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.get(1..).unwrap_or("").split(';');
        let mut part = || parts.next().unwrap_or("").trim();
        match line.as_bytes()[0] {
            b'#' | b'-' | b'%' => {}
            b':' => {
                let name = part();
                chains.insert(name, format!("{}; {};", part(), part()).replace("; ;", ";"));
            }
            b'*' => {
                let (family, _, names) = (part(), part(), part());
                families.push((family, names.split(',').next().unwrap()));
            }
            b'!' => {
                let (set, state) = (part(), part());
                let (name, rest) = set.split_once(' ').unwrap();
                let kind = if rest.split_whitespace().any(|word| word == ":") { "map" } else { "set" };
                let rest = rest.replace(" timeout", "; timeout").replace(" flags", "; flags");
                let set = format!("{kind} {name} {{ {rest}; }}");
                if state == "ok" {
                    writeln!(sets, "{set}").unwrap();
                }
                for (family, _) in &families {
                    let text = format!("table {family} t {{\n{set}\n}}\n");
                    list.push(case(&file, family, line, state, text));
                }
            }
            b'?' => {
                let (elements, state) = (part(), part());
                let (name, values) = elements.split_once(' ').unwrap();
                for (family, _) in &families {
                    let add = format!("add element {family} t {name} {{ {values} }}\n");
                    let before = added.entry((*family).to_owned()).or_default();
                    let text = format!("table {family} t {{\n{sets}}}\n{before}{add}");
                    list.push(case(&file, family, line, state, text));
                    if state == "ok" {
                        before.push_str(&add);
                    }
                }
            }
            _ => {
                let mut parts = line.split(';');
                let (rule, state) = (parts.next().unwrap(), parts.next().unwrap_or("").trim());
                let canonical = parts.next().filter(|text| !text.trim().is_empty());
                for (family, chain) in &families {
                    let chain = &chains[chain];
                    let around =
                        |rule| format!("table {family} t {{\n{sets}chain c {{ {chain}\n{rule}\n}}\n}}\n");
                    let case = case(&file, family, line, state, around(rule));
                    list.push(Case { canonical: canonical.map(around), ..case });
                }
            }
        }
    }
    list
}

fn case(file: &str, family: &str, line: &str, state: &str, text: String) -> Case {
    let [file, family, line] = [file, family, line].map(str::to_owned);
    Case { file, family, line, ok: state == "ok", text, canonical: None }
}

/// A refusal of nft that is none of ours, and why.
struct Class {
    name: &'static str,
    why: &'static str,
    covers: fn(&Case) -> bool,
}

const CLASSES: &[Class] = &[];

#[test]
fn lines_that_must_fail_are_refused() {
    let cases = cases();
    let (mut refused, mut silent) = (0, Vec::new());
    let mut explained: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.ok) {
        let reading = read(&case.text);
        if reading.diagnostics.iter().any(|d| d.level >= Level::Warning) {
            refused += 1;
            continue;
        }
        let what = format!("{} {}: {}", case.file, case.family, case.line);
        match CLASSES.iter().find(|class| (class.covers)(case)) {
            Some(class) => explained.entry(class.name).or_insert((0, what)).0 += 1,
            None => silent.push(what),
        }
    }
    println!("{refused} lines refused, {} not\n{}", silent.len(), silent.join("\n"));
    if cases.is_empty() {
        return;
    }
    for class in CLASSES {
        let Some((count, witness)) = explained.get(class.name) else {
            panic!("the class `{}` explains nothing any more", class.name);
        };
        println!("{}: {count}, {}; first: {witness}", class.name, class.why);
    }
    assert!(refused > 200 && silent.is_empty(), "{} lines are read without a word", silent.len());
}

/// The version that the classes below speak of.
const ENGINE: &str = "nftables v1.0.6";

/// Words and signs of a rule, blanks between them left out.
fn parts(rule: &str) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_.:@$/\\*-".contains(c);
    let mut rest = rule.chars().peekable();
    while let Some(c) = rest.next() {
        let mut part = c.to_string();
        if c == '"' {
            part.extend(rest.by_ref().take_while(|c| *c != '"'));
            part.push('"');
        } else if is_word(c) {
            while let Some(c) = rest.next_if(|c| is_word(*c)) {
                part.push(c);
            }
        }
        if !part.trim().is_empty() {
            list.push(part);
        }
    }
    list
}

/// A rule with one part left out, doubled, replaced or exchanged with another, or with a second rule behind it.
fn changed(dice: &mut Dice, rule: &str, others: &[&Case]) -> String {
    const VALUES: &[&str] = &[
        "256",
        "65536",
        "4294967296",
        "64",
        "4",
        "0",
        "foo",
        "1.2.3.4",
        "::1",
        "established",
        "\"eth0\"",
        "10-5",
        "00:11:22:33:44:55",
        "ssh",
        "{ 1, 2 }",
        "@nosuch",
        "1-2",
        "0x1ffff",
        "drop",
        "counter",
    ];
    let mut list = parts(rule);
    let at = dice.below(list.len());
    match dice.below(6) {
        0 => list[at].clear(),
        1 => list[at] = format!("{0} {0}", list[at]),
        2 => (*dice.pick(VALUES)).clone_into(&mut list[at]),
        3 => {
            let other = dice.below(list.len());
            list.swap(at, other);
        }
        4 => {
            let other = parts(rule_of(dice.pick::<&Case>(others)));
            list[at].clone_from(dice.pick(&other));
        }
        _ => list.push(rule_of(dice.pick::<&Case>(others)).to_owned()),
    }
    list.join(" ")
}

fn rule_of(case: &Case) -> &str {
    case.line.split(';').next().unwrap()
}

/// Loads a text into a namespace of its own; what nft says against it.
fn load(text: &str) -> Result<(), String> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("unshare")
        .args(["-rn", "nft", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("").to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// Each with family and rule.
const DIFFERENCES: &[Difference<(&'static str, &'static str)>] = &[
    Difference {
        name: "names-of-the-host",
        why: "users, groups, devices, realms and hosts are looked up where the rules are loaded",
        witness: ("ip", "meta skuid nosuchuser"),
        taken: false,
        says: &[
            "User does not exist",
            "Group does not exist",
            "Interface does not exist",
            "Could not parse devgroup name",
            "Could not parse routing realm",
            "could not parse conntrack label",
            "Could not resolve hostname",
            "Could not resolve service",
            "Value too large",
        ],
    },
    Difference {
        name: "modules-of-the-kernel",
        why: "what the kernel has no module for, it takes no rule with",
        witness: ("bridge", "reject with icmp host-unreachable"),
        taken: false,
        says: &["Could not process rule"],
    },
    Difference {
        name: "inside-of-a-hash",
        why: "what is hashed is kept in words: that it contradicts the rule is not seen",
        witness: ("ip", "meta mark set jhash ip6 saddr mod 2"),
        taken: false,
        says: &["conflicting protocols specified"],
    },
    Difference {
        name: "a-set-of-frames",
        why: "nft takes the last of a set of frame types for that of the frame",
        witness: ("bridge", "meta protocol { ip, vlan } udp dport 53"),
        taken: false,
        says: &["conflicting protocols specified"],
    },
    Difference {
        name: "protocols-as-numbers",
        why: "nft takes the name of a protocol for its number in a set of numbers or among operands",
        witness: ("ip", "meta length { 33, tcp }"),
        taken: true,
        says: &["is no value here", "this is no value of what is looked at"],
    },
    Difference {
        name: "ranges-of-interface-names",
        why: "a range of numbers is one of indices to us, whatever `iif` or `iifname` looks at",
        witness: ("inet", "meta iifname 33-45"),
        taken: false,
        says: &["Range expression is undefined for network interface name"],
    },
    Difference {
        name: "rejection-of-no-family",
        why: "a family that no packet has is not known to be none of IP",
        witness: ("inet", "meta nfproto 55 reject with icmp host-unreachable"),
        taken: false,
        says: &["cannot infer ICMP reject variant"],
    },
    Difference {
        name: "a-tag-in-a-family-of-ip",
        why: "nft forgets which version a rule asked for where it names the type of the frame behind",
        witness: ("inet", "ip6 saddr ::1 ether type vlan vlan id 4094"),
        taken: true,
        says: &["is of a tag, and this rule looks into frames without one"],
    },
    Difference {
        name: "words-of-younger-versions",
        why: "tunnels are looked into since 1.0.7, options of DCCP since 1.0.8",
        witness: ("inet", "udp dport 4789 vxlan ip saddr 10.0.0.1"),
        taken: false,
        says: &[
            "No symbol type information",
            "expecting type or sport or dport",
            "unexpected type, expecting newline",
        ],
    },
];

fn around(family: &str, rule: &str) -> String {
    format!("table {family} t {{\nchain c {{ type filter hook input priority 0;\n{rule}\n}}\n}}\n")
}

#[test]
fn changed_lines_are_refused_where_nft_refuses_them() {
    let version = std::process::Command::new("nft").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    if !version.as_ref().is_ok_and(|version| version.starts_with(ENGINE)) {
        println!("SKIPPED: {version:?} is not {ENGINE}");
        return;
    }
    for difference in DIFFERENCES {
        let (family, rule) = difference.witness;
        let text = around(family, rule);
        let (nft, own) = (load(&text), refusals(&text));
        let holds =
            if difference.taken { nft.is_ok() && !own.is_empty() } else { nft.is_err() && own.is_empty() };
        assert!(
            holds,
            "{}, as {}: `{rule}` differs no more: {nft:?}, {own:?}",
            difference.name, difference.why
        );
    }
    let all = cases();
    let lines: Vec<&Case> = all.iter().filter(|case| case.ok && case.is_rule()).collect();
    if lines.is_empty() {
        return;
    }
    let count = std::env::var("FLOWGATE_DIFFERENTIAL_RULES").ok().and_then(|n| n.parse().ok()).unwrap_or(600);
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (mut both, mut explained, mut wrong) = ([0, 0], BTreeMap::<&str, usize>::new(), Vec::new());
    for _ in 0..count {
        let case = *dice.pick(&lines);
        // What the installed version does not know yet says nothing.
        if load(&case.text).is_err() {
            continue;
        }
        let rule = changed(&mut dice, rule_of(case), &lines);
        let text = case.text.replace(rule_of(case), &rule);
        let (nft, own) = (load(&text), refusals(&text));
        let (taken, said) = match &nft {
            Ok(()) if own.iter().all(|d| d.0 != Level::Error) => {
                both[0] += 1;
                continue;
            }
            Err(_) if !own.is_empty() => {
                both[1] += 1;
                continue;
            }
            // A version that breaks off over a rule has no word on it.
            Err(said) if !said.contains("Error") => continue,
            Ok(()) => (true, own[0].1.clone()),
            Err(said) => (false, said.clone()),
        };
        match covered(DIFFERENCES, &said, taken) {
            Some(difference) => *explained.entry(difference.name).or_default() += 1,
            None => wrong.push(format!("{} `{rule}`: {said}", case.family)),
        }
    }
    println!("{both:?} taken and refused by both, {explained:?} explained, {} differ", wrong.len());
    println!("{}", wrong.join("\n"));
    assert!(both[0] > count / 20 && both[1] > count / 2 && wrong.is_empty(), "{} differ", wrong.len());
}

fn refusals(text: &str) -> Vec<(Level, String)> {
    let reading = read(text);
    let worth = reading.diagnostics.into_iter().filter(|d| d.level >= Level::Warning);
    worth.map(|d| (d.level, d.message)).collect()
}
