//! Files that include others, put to nft and BIRD and to us: both take a case, or both refuse it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says no by a panic, and what it skips is said"
)]

use std::path::Path;
use std::process::Command;

/// A case: what it shows, its files with the first one read, and whether the engine takes it.
type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

const NFT: &[Case] = &[
    (
        "a pattern in a chain",
        &[("a", "table ip t {\nchain c {\ninclude \"./d/*.x\"\n}\n}\n"), ("d/1.x", "tcp dport 1 accept\n")],
        true,
    ),
    ("a pattern without a match", &[("a", "include \"./none*\"\ntable ip t {\n}\n")], true),
    ("a file that is not there", &[("a", "include \"./none\"\ntable ip t {\n}\n")], false),
    ("a bare name", &[("a", "include \"b.x\"\ntable ip t {\n}\n"), ("b.x", "")], false),
    ("itself", &[("a", "table ip t {\n}\ninclude \"./a\"\n")], false),
    (
        "a definition",
        &[
            ("a", "include \"./b.x\"\ntable ip t {\nchain c {\ntcp dport $p accept\n}\n}\n"),
            ("b.x", "define p = 22\n"),
        ],
        true,
    ),
    (
        "a definition behind its use",
        &[
            ("a", "table ip t {\nchain c {\ntcp dport $p accept\n}\n}\ninclude \"./b.x\"\n"),
            ("b.x", "define p = 22\n"),
        ],
        false,
    ),
    ("a block that another file opens", &[("a", "include \"./b.x\"\n}\n"), ("b.x", "table ip t {\n")], true),
    (
        "what is wrong in a file",
        &[("a", "table ip t {\n}\ninclude \"./b.x\"\n"), ("b.x", "tcp dport 1 accept\n")],
        false,
    ),
    ("a hidden file", &[("a", "table ip t {\n}\ninclude \"./d/*\"\n"), ("d/.b", "nonsense\n")], true),
    (
        "a folder among the matches",
        &[("a", "table ip t {\n}\ninclude \"./d/*\"\n"), ("d/e/b", "nonsense\n")],
        true,
    ),
    (
        "files in the order of names",
        &[
            ("a", "include \"./d/*\"\n"),
            ("d/1", "define p = 22\n"),
            ("d/2", "table ip t {\nchain c {\ntcp dport $p accept\n}\n}\n"),
        ],
        true,
    ),
    ("no quotes", &[("a", "table ip t {\n}\ninclude ./d/1\n"), ("d/1", "")], false),
    ("in a remark", &[("a", "# include \"./none\"\ntable ip t {\n}\n")], true),
    (
        "in a set of elements",
        &[
            ("a", "table ip t {\nset s { type ipv4_addr; elements = { include \"./d/1\" }; }\n}\n"),
            ("d/1", "10.0.0.1\n"),
        ],
        false,
    ),
];

const BIRD: &[Case] = &[
    (
        "a pattern in a protocol",
        &[
            ("a", "flow4 table f;\nprotocol static {\nflow4 { table f; };\ninclude \"d/*.x\";\n}\n"),
            ("d/1.x", "route flow4 { dst 192.0.2.1/32; };\n"),
        ],
        true,
    ),
    ("a pattern without a match", &[("a", "protocol device {\n}\ninclude \"none*\";\n")], true),
    ("a file that is not there", &[("a", "protocol device {\n}\ninclude \"none\";\n")], false),
    (
        "from the folder of the file",
        &[("a", "protocol device {\n}\ninclude \"d/1\";\n"), ("d/1", "include \"2\";\n"), ("d/2", "")],
        true,
    ),
    (
        "not from the folder of the first",
        &[("a", "protocol device {\n}\ninclude \"d/1\";\n"), ("d/1", "include \"2\";\n"), ("2", "")],
        false,
    ),
    ("itself", &[("a", "protocol device {\n}\ninclude \"a\";\n")], false),
    ("in a remark", &[("a", "protocol device {\n}\n/*\ninclude \"none\";\n*/\n# include \"none\";\n")], true),
    (
        "a constant",
        &[
            (
                "a",
                "include \"b\";\nflow4 table f;\nprotocol static {\nflow4 { table f; };\nroute flow4 { dst P; };\n}\n",
            ),
            ("b", "define P = 192.0.2.0/24;\n"),
        ],
        true,
    ),
    (
        "what is wrong in a file",
        &[
            ("a", "flow4 table f;\nprotocol static {\nflow4 { table f; };\ninclude \"b\";\n}\n"),
            ("b", "route flow4 { dst nowhere; };\n"),
        ],
        false,
    ),
];

/// Whether a program ends well in a folder; none where it is not here.
fn ends_well(folder: &Path, program: &str, args: &[&str]) -> Option<bool> {
    let answer = Command::new(program).args(args).current_dir(folder).output().ok()?;
    Some(answer.status.success())
}

/// Whether we find no error.
fn is_sound(folder: &Path, dialect: &str) -> bool {
    let args = ["check", "--allow-empty", "--dialect", dialect, "a"];
    let answer =
        Command::new(env!("CARGO_BIN_EXE_flowgate")).args(args).current_dir(folder).output().unwrap();
    !String::from_utf8_lossy(&answer.stdout).contains("error[")
}

fn compare(dialect: &str, cases: &[Case], program: &str, args: &[&str], router: &str) {
    let mut wrong = Vec::new();
    for (what, files, taken) in cases {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in *files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let head = if *name == "a" { router } else { "" };
            std::fs::write(path, format!("{head}{text}")).unwrap();
        }
        match ends_well(folder.path(), program, args) {
            Some(says) if says != *taken => wrong.push(format!("{what}: {program} takes it: {says}")),
            Some(_) => {}
            None => println!("SKIPPED: {program} is not here"),
        }
        if is_sound(folder.path(), dialect) != *taken {
            wrong.push(format!("{what}: we {} it", if *taken { "refuse" } else { "take" }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_included_as_nft_does() {
    compare("nftables", NFT, "unshare", &["-rn", "nft", "-c", "-f", "a"], "");
}

#[test]
fn files_are_included_as_bird_does() {
    compare("bird", BIRD, "bird", &["-p", "-c", "a"], "router id 192.0.2.1;\n");
}

/// As deep as the engines go, and no deeper.
#[test]
fn files_stand_so_deep_and_no_deeper() {
    for (dialect, deepest, program, args) in [
        ("nftables", 16, "unshare", &["-rn", "nft", "-c", "-f", "a"][..]),
        ("bird", 8, "bird", &["-p", "-c", "a"][..]),
    ] {
        for (deep, taken) in [(deepest, true), (deepest + 1, false)] {
            let folder = tempfile::tempdir().unwrap();
            let name = |number: usize| if number == 1 { "a".to_owned() } else { format!("f{number}") };
            for number in 1..=deep {
                let (path, end) = if dialect == "bird" { ("", ";") } else { ("./", "") };
                let include = format!("include \"{path}{}\"{end}\n", name(number + 1));
                let head = match (dialect, number) {
                    ("bird", 1) => "router id 192.0.2.1;\nprotocol device {\n}\n",
                    (_, 1) => "table ip t {\n}\n",
                    _ => "",
                };
                let text = format!("{head}{}", if number < deep { &include } else { "" });
                std::fs::write(folder.path().join(name(number)), text).unwrap();
            }
            let says = ends_well(folder.path(), program, args);
            assert!(says.is_none_or(|says| says == taken), "{program}, {deep} deep: {says:?}");
            assert_eq!(is_sound(folder.path(), dialect), taken, "{dialect}, {deep} deep");
        }
    }
}
