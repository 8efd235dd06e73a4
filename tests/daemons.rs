//! Real daemons on the loopback: they load the rules we write and announce them to a speaker of ours, or receive ours
//! and show them. The octets they send are ours after canonicalisation; what they show reads back to the same rules.
//!
//! Absent daemons are skipped aloud; where `CI` is set that fails. `FLOWGATE_DAEMON_RULES` asks for another number.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "support/programs.rs"]
mod programs;
#[path = "support/routes.rs"]
mod routes;
#[path = "daemons/shown.rs"]
mod shown;

use flowgate::dialect::flowspec::actions::describe;
use flowgate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use flowgate::dialect::flowspec::{
    self, Actions, Body, Community, ComponentType, FlowSpec, Operand, Table, decode_value, encode,
};
use flowgate::dialect::{PrintOptions, ReadOptions, Reading, by_name};
use flowgate::engine::bgp::{Identity, Session};
use flowgate::engine::program::{Program, run, wait_for};
use flowgate::field::Family;
use flowgate::guard::limits;
use flowgate::ir::{Action, Condition, Document, RateUnit, Rule, RuleBuf};
use flowgate::net::Prefix4;
use flowgate::source::{Content, Source, SourceId, Span, Stream};
use flowgate::symbolic::{Model, Spaces};
use programs::program;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

const TABLES: &[Table] = &[Table::Ipv4, Table::Ipv6];
const LIMIT: Duration = Duration::from_secs(60);
const US: Identity = Identity { asn: 65_002, id: Ipv4Addr::new(192, 0, 2, 2), tables: TABLES };

/// A linear congruence: the same numbers on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn small<T: TryFrom<u64>>(&mut self, n: u64) -> T
    where
        T::Error: std::fmt::Debug,
    {
        T::try_from(self.below(n)).unwrap()
    }
}

/// What a daemon takes.
#[derive(Clone, Copy)]
struct Limits {
    /// Values in a list.
    values: u64,
    /// `!=` too.
    unequal: bool,
    /// Flow labels.
    labels: bool,
}

/// Rules of many shapes: each has a destination of its own, so that none replaces another; some hold others.
fn rules(count: u32, limits: Limits, seed: u64) -> Document {
    let mut numbers = Numbers(seed);
    let mut sets: [Vec<RuleBuf>; 2] = [Vec::new(), Vec::new()];
    for number in 0..count {
        let six = number % 3 == 2;
        let family = if six { Family::Inet6 } else { Family::Inet };
        let mut spec = FlowSpec::new(family);
        let len = match (six, number % 16) {
            (true, _) => 48,
            (false, 0) => 20,
            (false, _) => 24,
        };
        let body = if six {
            Body::Prefix6 { addr: (0x2001_0db8_0000 + u128::from(number)) << 80, len, offset: 0 }
        } else {
            Body::Prefix4(Prefix4::new(0x0a00_0000 + (number << 8), len).unwrap())
        };
        spec.push_prefix(ComponentType::DestinationPrefix, body, Span::default());
        let kinds =
            (3..=if six && limits.labels { 13 } else { 12_u8 }).filter_map(ComponentType::from_number);
        for kind in kinds {
            if numbers.below(4) == 0 {
                let list = operands(kind, family, limits, &mut numbers);
                spec.push_operands(kind, list, Span::default());
            }
        }
        let mut actions = Actions::accept();
        if numbers.below(2) == 0 {
            actions.push_rate(0.0, RateUnit::OctetsPerSecond, Span::default());
        }
        sets[usize::from(six)].push(routes::rule(&format!("r{number}"), &spec, &actions));
    }
    let [four, six] = sets;
    let rule_sets = vec![
        flowspec::rule_set("flowspec/ipv4".into(), Table::Ipv4, four.into()),
        flowspec::rule_set("flowspec/ipv6".into(), Table::Ipv6, six.into()),
    ];
    Document { rule_sets, symbols: Vec::new(), ..Document::default() }
}

fn operands(kind: ComponentType, family: Family, limits: Limits, numbers: &mut Numbers) -> Vec<Operand> {
    let count = 1 + numbers.below(limits.values);
    let ops = [EQ, GT, LT, GT | EQ, LT | EQ, LT | GT];
    (0..count)
        .map(|index| {
            let and = if index > 0 && numbers.below(2) == 0 { AND } else { 0 };
            let (op, value) = if kind == ComponentType::Fragment {
                // One bit in the forms every daemon writes.
                let bits: &[u64] = if family == Family::Inet6 { &[2, 4, 8] } else { &[1, 2, 4, 8] };
                let form = if numbers.below(2) == 0 { MATCH } else { NOT };
                (form, bits[numbers.small::<usize>(bits.len() as u64)])
            } else if kind == ComponentType::TcpFlags {
                (numbers.small::<u8>(4), 1 + numbers.below(255))
            } else {
                let max = kind.max(family).min(65_535);
                let ops = &ops[..if limits.unequal { 6 } else { 5 }];
                (ops[numbers.small::<usize>(ops.len() as u64)], 1 + numbers.below(max - 1))
            };
            Operand::new(op | and, value, Span::default())
        })
        .collect()
}

fn count(default: u32) -> u32 {
    std::env::var("FLOWGATE_DAEMON_RULES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn read(dialect: &str, text: &str) -> Reading {
    let source = Source::new("shown", Content::Text(text.to_owned()));
    by_name(dialect).unwrap().read(&source, SourceId(0), &ReadOptions::default())
}

fn received(bytes: Vec<u8>) -> Document {
    let streams = vec![Stream { start: 0, name: "".into() }];
    let source = Source::new("received", Content::Octets { bytes, pieces: Vec::new(), streams });
    let reading = by_name("bgp-capture").unwrap().read(&source, SourceId(0), &ReadOptions::default());
    reading.document
}

/// Rules by their table and canonical octets, with what is compared.
fn by_octets(document: &Document) -> BTreeMap<(Table, Vec<u8>), String> {
    let mut all = BTreeMap::new();
    for set in &document.rule_sets {
        let table = if set.family == Family::Inet6 { Table::Ipv6 } else { Table::Ipv4 };
        for rule in &set.rules {
            let Some(nlri) = &rule.nlri else { panic!("no octets: {rule:?}") };
            let mut spec = FlowSpec::new(table.family());
            decode_value(table, nlri, 0, &mut spec).unwrap();
            let mut octets = Vec::new();
            encode::canonical(&spec, &mut octets).unwrap();
            all.insert((table, octets), format!("{:?} {:?}", rule.outcome, rule.actions));
        }
    }
    all
}

#[track_caller]
fn same(daemon: &str, what: &str, ours: &Document, theirs: &Document) -> usize {
    let (ours, theirs) = (by_octets(ours), by_octets(theirs));
    let missing: Vec<_> = ours.iter().filter(|(key, what)| theirs.get(key) != Some(what)).take(5).collect();
    let more: Vec<_> = theirs.iter().filter(|(key, what)| ours.get(key) != Some(what)).take(5).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "{daemon}, {what}:\n ours alone {missing:02x?}\n theirs alone {more:02x?}"
    );
    ours.len()
}

fn written(dialect: &str, document: &Document) -> String {
    let mut text = String::new();
    by_name(dialect).unwrap().print(document, &PrintOptions::default(), &mut text).unwrap();
    text
}

/// Reads updates until as many rules came as were asked for, or nothing more does.
fn collect(session: &mut Session, rules: usize) -> Document {
    let mut bytes = Vec::new();
    for _ in 0..40 {
        bytes.extend(session.updates(Duration::from_secs(1), LIMIT).unwrap());
        let document = received(bytes.clone());
        if document.rule_count() >= rules {
            return document;
        }
    }
    received(bytes)
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

#[test]
fn bird_announces_what_we_read_and_shows_what_it_announces() {
    let (Some(bird), Some(birdc)) = (program("bird"), program("birdc")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = written("bird", &rules(count(6500), Limits { values: 4, unequal: true, labels: true }, 1));
    let ours = read("bird", &text).document;
    let file = folder.path().join("bird.conf");
    let [own] = free_ports();
    let frame = format!(
        "log stderr all;\nrouter id 192.0.2.1;\nprotocol device {{}}\n{text}\
         protocol bgp speaker_1 {{ local 127.0.0.1 port {own} as 65001; neighbor 127.0.0.1 port {port} as 65002; multihop;\n\
         connect delay time 1; connect retry time 1; error wait time 1, 2;\n\
         flow4 {{ table flowtab4; import none; export all; }};\n\
         flow6 {{ table flowtab6; import none; export all; }};\n}}\n"
    );
    std::fs::write(&file, frame).unwrap();
    let control = folder.path().join("ctl");
    let arguments = ["-f", "-c", file.to_str().unwrap(), "-s", control.to_str().unwrap()];
    let _daemon = Program::start(&bird, arguments, &[], &folder.path().join("log")).unwrap();
    let mut session =
        Session::accept(&listener, US, LIMIT).unwrap_or_else(|e| panic!("{e}\n{}", log(folder.path())));
    let theirs = collect(&mut session, ours.rule_count());
    let sent = same("bird", "octets on the wire", &ours, &theirs);
    let shown = run(&birdc, ["-s", control.to_str().unwrap(), "show", "route", "all"]).unwrap();
    // A route that takes too long a line is cut when it is shown, and says `...`: its rule is known in part.
    let mut document = read("bird", &shown).document;
    let mut cut = 0;
    for set in &mut document.rule_sets {
        let all = set.rules.len();
        set.rules.retain(|_, rule| rule.nlri.is_some());
        cut += all - set.rules.len();
    }
    let lines = shown.lines().filter(|line| line.starts_with("flow") && line.contains("...")).count();
    assert_eq!(cut, lines, "only what is cut is unknown");
    let (ours, theirs) = (by_octets(&ours), by_octets(&document));
    let strange: Vec<_> = theirs.iter().filter(|(key, what)| ours.get(key) != Some(what)).take(5).collect();
    assert!(strange.is_empty(), "bird shows {strange:02x?}");
    assert_eq!(ours.len(), theirs.len() + cut);
    println!("bird: {sent} rules compared on the wire, {} as shown, {cut} cut when shown", theirs.len());
}

#[test]
fn gobgp_announces_what_we_read_and_shows_what_it_announces() {
    let (Some(gobgpd), Some(gobgp), Some(sh)) = (program("gobgpd"), program("gobgp"), program("sh")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let [own, api] = free_ports();
    let api = api.to_string();
    let text =
        written("gobgp", &rules(count(400).min(2000), Limits { values: 4, unequal: true, labels: true }, 2));
    let ours = read("gobgp", &text).document;
    let _daemon = start_gobgp(&gobgpd, folder.path(), port, own, &api);
    let tool = format!("{} -p {api} ", gobgp.display());
    wait_for(LIMIT, || run(&gobgp, ["-p", &api, "global"]).ok().filter(|out| out.contains("65001"))).unwrap();
    let script = folder.path().join("rules.sh");
    std::fs::write(&script, text.replace("gobgp global", &format!("{tool}global"))).unwrap();
    run(&sh, [script.to_str().unwrap()]).unwrap();
    let mut session =
        Session::accept(&listener, US, LIMIT).unwrap_or_else(|e| panic!("{e}\n{}", log(folder.path())));
    let theirs = collect(&mut session, ours.rule_count());
    let sent = same("gobgp", "octets on the wire", &ours, &theirs);
    let mut shown = 0;
    for form in [&["-j"][..], &[]] {
        let mut document = Document::default();
        for family in ["ipv4-flowspec", "ipv6-flowspec"] {
            let arguments =
                ["-p", &api, "global", "rib", "-a", family].into_iter().chain(form.iter().copied());
            document.rule_sets.extend(read("gobgp", &run(&gobgp, arguments).unwrap()).document.rule_sets);
        }
        shown += same("gobgp", "what it shows", &ours, &document);
    }
    println!("gobgp: {sent} rules compared on the wire, {shown} as shown in text and JSON");
}

/// Ports that nobody listens on; they are given back before a daemon takes them.
fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.each_ref().map(|listener| listener.local_addr().unwrap().port())
}

/// Starts a daemon that connects to the speaker at `port`.
fn start_gobgp(gobgpd: &Path, folder: &Path, port: u16, own: u16, api: &str) -> Program {
    let neighbor = |family: &str| {
        format!("[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"{family}\"\n")
    };
    let frame = format!(
        "[global.config]\nas = 65001\nrouter-id = \"192.0.2.1\"\nport = {own}\nlocal-address-list = [\"127.0.0.1\"]\n\
         [[neighbors]]\n[neighbors.config]\nneighbor-address = \"127.0.0.1\"\npeer-as = 65002\n\
         [neighbors.transport.config]\nremote-port = {port}\n[neighbors.timers.config]\nconnect-retry = 5\n{}{}",
        neighbor("ipv4-flowspec"),
        neighbor("ipv6-flowspec")
    );
    let file = folder.join("gobgpd.toml");
    std::fs::write(&file, frame).unwrap();
    let hosts = format!("127.0.0.1:{api}");
    let arguments = ["-f", file.to_str().unwrap(), "--api-hosts", &hosts];
    Program::start(gobgpd, arguments, &[], &folder.join("log")).unwrap()
}

#[test]
fn exabgp_announces_what_we_read() {
    let Some(exabgp) = program("exabgp") else { return };
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = written("exabgp", &rules(count(1500), Limits { values: 4, unequal: true, labels: true }, 4));
    let frame = format!(
        "neighbor 127.0.0.1 {{\n router-id 192.0.2.1;\n local-address 127.0.0.1;\n local-as 65001;\n peer-as 65002;\n \
         connect {port};\n family {{ ipv4 flow; ipv6 flow; }}\n{text}\n}}\n"
    );
    let ours = read("exabgp", &frame).document;
    let file = folder.path().join("exabgp.conf");
    std::fs::write(&file, frame).unwrap();
    let variables = [
        ("exabgp.daemon.user", "root"),
        ("exabgp.api.cli", "false"),
        ("exabgp_daemon_user", "root"),
        ("exabgp_api_cli", "false"),
        ("exabgp_tcp_attempts", "3"),
    ];
    let arguments = [file.to_str().unwrap()];
    let _daemon = Program::start(&exabgp, arguments, &variables, &folder.path().join("log")).unwrap();
    let mut session =
        Session::accept(&listener, US, LIMIT).unwrap_or_else(|e| panic!("{e}\n{}", log(folder.path())));
    let theirs = collect(&mut session, ours.rule_count());
    let sent = same("exabgp", "octets on the wire", &ours, &theirs);
    println!("exabgp: {sent} rules compared on the wire");
}
