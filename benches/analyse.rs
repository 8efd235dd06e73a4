//! How fast rules are judged: every check over rules of two shapes, and what becomes of all packets in one access
//! list.
//!
//! `cargo bench --bench analyse`. The rules are made here, with the shares of prefix lengths, protocols and ports
//! of published access lists and of the rules that a detector of attacks writes. `FLOWGATE_RULES=FILE` with
//! `FLOWGATE_DIALECT=NAME` judges a file as well.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a bench stops where its own input is wrong"
)]

mod support;

use divan::{Bencher, black_box, counter::ItemsCount};
use flowgate::check::{Context, Input, Settings};
use flowgate::dialect::{ReadOptions, Reading, by_name};
use flowgate::field::{Family, Field};
use flowgate::guard::{Exhausted, limits};
use flowgate::ir::{Condition, Document, Kind, Origin, Outcome, Rule, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::net::{IntervalSet, Prefix4};
use flowgate::source::{Content, Source, SourceId, SourceMap, Span};
use flowgate::symbolic::{Model, Space, Spaces, Visit, Watch, reach};
use support::Numbers;

fn main() {
    divan::main();
}

/// One of several values, by weight.
fn pick(numbers: &mut Numbers, table: &[(u32, u32)]) -> u32 {
    let total: u32 = table.iter().map(|(_, weight)| weight).sum();
    let mut left = numbers.below(total);
    for (value, weight) in table {
        if left < *weight {
            return *value;
        }
        left -= weight;
    }
    0
}

const PORTS: [u32; 12] = [80, 443, 22, 53, 25, 123, 161, 389, 3306, 8080, 5060, 11211];

/// What a kind of rules is made of: weights of prefix lengths, of protocols (0: none), of ports being named.
struct Shape {
    src: &'static [(u32, u32)],
    dst: &'static [(u32, u32)],
    proto: &'static [(u32, u32)],
    sport: u32,
    dport: u32,
}

const ACL: Shape = Shape {
    src: &[(0, 8), (8, 3), (16, 10), (20, 6), (22, 5), (24, 24), (28, 5), (30, 4), (32, 35)],
    dst: &[(0, 1), (16, 4), (20, 3), (22, 4), (24, 15), (26, 3), (28, 4), (30, 14), (32, 52)],
    proto: &[(6, 66), (17, 20), (0, 9), (1, 4), (47, 1)],
    sport: 4,
    dport: 78,
};

const DDOS: Shape = Shape {
    src: &[(0, 88), (24, 6), (32, 6)],
    dst: &[(32, 86), (29, 4), (28, 4), (24, 6)],
    proto: &[(17, 70), (6, 24), (1, 6)],
    sport: 55,
    dport: 45,
};

fn rules(shape: &Shape, count: u32) -> Vec<RuleBuf> {
    let mut numbers = Numbers(7);
    // Addresses come from a pool of nested blocks, as those of one network do.
    let pool: Vec<u32> = (0..64).map(|_| 0x0a00_0000 | numbers.below(1 << 24) & !0xff).collect();
    let test = |field, set| Condition::test_at(field, ValueSet::Ranges(set), Span::default());
    (0..count)
        .map(|number| {
            let mut parts = Vec::new();
            for (field, table) in [(Field::Dst4, shape.dst), (Field::Src4, shape.src)] {
                let length = pick(&mut numbers, table);
                let address = pool[numbers.below(64) as usize] ^ numbers.below(1 << 16);
                if length > 0 {
                    let prefix = Prefix4::new(address, u8::try_from(length).expect("a length"));
                    parts.push(test(field, IntervalSet::from(prefix.expect("a prefix"))));
                }
            }
            let proto = pick(&mut numbers, shape.proto);
            if proto > 0 {
                parts.push(test(Field::Proto, IntervalSet::single(proto)));
            }
            for (field, share) in [(Field::Sport, shape.sport), (Field::Dport, shape.dport)] {
                if matches!(proto, 6 | 17) && numbers.below(100) < share {
                    let port = PORTS[numbers.below(12) as usize];
                    let high = if numbers.below(5) == 0 { port + numbers.below(9000) } else { port };
                    parts.push(test(field, IntervalSet::range(port, high)));
                }
            }
            let verdict = if numbers.below(2) == 0 { Verdict::Accept } else { Verdict::Discard };
            RuleBuf {
                name: number.to_string().into(),
                condition: Condition::and(parts),
                actions: Box::default(),
                outcome: Outcome::Verdict(verdict),
                action_given: true,
                nlri: None,
                origin: Origin { source: SourceId(0), span: Span::default() },
            }
        })
        .collect()
}

fn document(shape: &Shape, kind: Kind, count: u32) -> Document {
    let set = RuleSet {
        name: "bench".into(),
        kind,
        family: Family::Inet,
        default: Verdict::Discard,
        rules: rules(shape, count).into(),
    };
    Document { rule_sets: vec![set], symbols: vec![], ..Document::default() }
}

fn judge(bencher: Bencher, reading: Reading, source: Source, settings: &Settings) {
    let mut sources = SourceMap::new();
    let source = sources.add(source);
    let count = reading.document.rule_count();
    let inputs = [Input { source, dialect: "bench", reading }];
    let found = flowgate::check::run(&Context::new(&sources, &inputs, settings));
    eprintln!("{count} rules: {} findings, {} open", found.diagnostics.len(), found.inconclusive.len());
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| black_box(flowgate::check::run(&Context::new(&sources, &inputs, settings))));
}

fn settings(infrastructure: &[&str]) -> Settings {
    let prefix = |text: &&str| text.parse().expect("a prefix");
    Settings { infrastructure4: infrastructure.iter().map(prefix).collect(), ..Settings::default() }
}

#[divan::bench(args = [10_000, 100_000], sample_count = 5)]
fn check_flow_routes(bencher: Bencher, count: u32) {
    let reading = Reading { document: document(&DDOS, Kind::FlowRoutes, count), ..Reading::default() };
    judge(bencher, reading, Source::new("bench", Content::Text(String::new())), &settings(&[]));
}

#[divan::bench(args = [10_000, 100_000], sample_count = 5)]
fn check_filter(bencher: Bencher, count: u32) {
    let reading = Reading { document: document(&ACL, Kind::Filter, count), ..Reading::default() };
    let source = Source::new("bench", Content::Text(String::new()));
    judge(bencher, reading, source, &settings(&["192.0.2.240/28"]));
}

#[divan::bench(sample_count = 5)]
fn check_file(bencher: Bencher) {
    let Some(file) = std::env::var_os("FLOWGATE_RULES") else { return };
    let name = std::env::var("FLOWGATE_DIALECT").unwrap_or_else(|_| "flowspec-hex".to_owned());
    let dialect = by_name(&name).expect("FLOWGATE_DIALECT names a dialect");
    let text = std::fs::read_to_string(file).expect("FLOWGATE_RULES names a file");
    let source = Source::new("bench", Content::Text(text));
    let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
    judge(bencher, reading, source, &settings(&[]));
}

struct Nothing;

impl Watch for Nothing {
    fn skips(&self, _: &Rule) -> bool {
        false
    }
    fn visit(&mut self, _: &mut Spaces<'_>, _: Visit) -> Result<(), Exhausted> {
        Ok(())
    }
}

#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn reach_access_list(bencher: Bencher, count: u32) {
    let document = document(&ACL, Kind::Filter, count);
    let walk = || {
        let mut spaces = Spaces::new(Model::real(), &limits::RULE_SET_NODES);
        let end = reach(&mut spaces, &document, 0, Space::ALL, &mut Nothing).expect("within the limit");
        (end, spaces.nodes())
    };
    eprintln!("{count} rules: {} nodes", walk().1);
    bencher.counter(ItemsCount::new(count)).bench_local(|| black_box(walk()));
}

#[divan::bench]
fn world(bencher: Bencher) {
    bencher.bench_local(|| {
        let mut spaces = Spaces::new(Model::real(), &limits::RULE_SET_NODES);
        spaces.world().expect("within the limit");
        black_box(spaces.nodes())
    });
}
