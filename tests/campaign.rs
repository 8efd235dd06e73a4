//! Campaigns against a speaker of ours with planted bugs: they are found wherever they sit, and where none is planted nothing
//! is found. The speaker is this very program, started as a child.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is how a test says no, and what it skips it says aloud"
)]

#[path = "campaign/planted.rs"]
mod planted;
#[path = "support/sandbox.rs"]
mod sandbox;

use flowgate::campaign::run::State;
use flowgate::campaign::{Campaign, Fault, Finding, Input, Plan, Stats, Watch};
use flowgate::dialect::flowspec::Table;
use flowgate::engine::attack::{Launch, Speaker};
use flowgate::engine::measure::Limits;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PORT: u16 = 1790;

/// The speaker itself, where a test below has started this program for it.
#[test]
fn the_planted_speaker() {
    let Ok(word) = std::env::var("FLOWGATE_PLANTED") else { return };
    planted::serve(PORT, word.parse().ok());
}

fn speaker(word: &str, folder: &std::path::Path) -> Speaker {
    speaker_over(&[Table::Ipv4], word, folder)
}

fn speaker_over(tables: &'static [Table], word: &str, folder: &std::path::Path) -> Speaker {
    let own = std::env::current_exe().unwrap().display().to_string();
    let variable = format!("FLOWGATE_PLANTED={word}");
    let words =
        ["env", &variable, &own, "the_planted_speaker", "--exact", "--nocapture", "--test-threads", "1"];
    let launch = Launch::Command { words: words.map(str::to_owned).into(), port: PORT };
    let limits = Limits { memory: 1 << 30, time: Duration::from_secs(60) };
    Speaker::new("planted", launch, tables, folder, limits, Duration::from_millis(700)).unwrap()
}

/// Ends a campaign once all bugs are found, or it is late.
struct Until {
    seed: Option<u64>,
    end: Instant,
    found: BTreeSet<&'static str>,
    last: Stats,
}

/// The planted bugs that a finding shows.
fn shows(finding: &Finding, seed: u64) -> Vec<&'static str> {
    match finding.fault {
        Fault::Superlinear => vec!["chain"],
        Fault::Leak => vec!["leak"],
        _ => {
            let Input::Updates(updates) = &finding.input else { panic!("{finding:?}") };
            let mut list: Vec<_> =
                updates.iter().flat_map(|update| planted::met(&update.field(), seed)).collect();
            // It shows only in memory over time.
            list.retain(|name| *name != "leak");
            list
        }
    }
}

impl Watch for Until {
    fn tick(&mut self, stats: &Stats) -> bool {
        self.last = stats.clone();
        Instant::now() < self.end && (self.seed.is_none() || self.found.len() < planted::NAMES.len())
    }

    fn found(&mut self, finding: &Finding) {
        println!(
            "{:>6} ms, {:>7} inputs: {} [{}] {}",
            finding.after_ms,
            finding.inputs,
            finding.fault.sentence(),
            finding.signature,
            finding.detail
        );
        if let Some(seed) = self.seed {
            let shown = shows(finding, seed);
            let what = || format!("{}{}", finding.input.to_text(), finding.said.join("\n"));
            assert!(!shown.is_empty(), "no planted bug is behind it:\n{}", what());
            self.found.extend(shown);
        }
    }
}

fn campaign(placement: Option<u64>, limit: Duration) -> Until {
    let folder = tempfile::tempdir().unwrap();
    let word = placement.map_or("none".to_owned(), |seed| seed.to_string());
    let mut target = speaker(&word, folder.path());
    let end = Instant::now() + limit;
    let mut until = Until { seed: placement, end, found: BTreeSet::new(), last: Stats::default() };
    // The speaker is compiled for tests, and slow: squares show early.
    let plan = Plan { rules: 8_192, time: Some(limit), ..Plan::new(placement.unwrap_or(7)) };
    let mut campaign = Campaign::new(plan, State::default());
    campaign.run(&mut target, &mut until).unwrap();
    println!("placement {word}: {:?} of {:?}", until.found, until.last);
    until
}

/// How long a campaign may look, at most: it ends once all ten are found.
const LOOKS: Duration = Duration::from_secs(120);

#[test]
fn planted_bugs_are_found_wherever_they_sit() {
    if !sandbox::can_be_made() {
        return;
    }
    let only = std::env::var("FLOWGATE_PLACEMENT").ok().and_then(|word| word.parse().ok());
    let next = AtomicU64::new(only.unwrap_or(1));
    let last = only.unwrap_or(5);
    // Most of the time is waited: two run side by side.
    let work = || {
        loop {
            let placement = next.fetch_add(1, Ordering::Relaxed);
            if placement > last {
                break;
            }
            let until = campaign(Some(placement), LOOKS);
            let missing: Vec<_> = planted::NAMES.iter().filter(|name| !until.found.contains(*name)).collect();
            assert!(missing.is_empty(), "placement {placement}: {missing:?} not found in {LOOKS:?}");
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| _ = scope.spawn(work)));
}

/// Ends at no time of its own.
struct Endless(u64);

impl Watch for Endless {
    fn tick(&mut self, stats: &Stats) -> bool {
        self.0 = stats.inputs;
        true
    }

    fn found(&mut self, _: &Finding) {}
}

/// Probes of many rules take longer than the whole time: they end with it too.
#[test]
fn a_campaign_ends_in_time_whatever_it_does() {
    if !sandbox::can_be_made() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut target = speaker("none", folder.path());
    let time = Duration::from_secs(5);
    let plan = Plan { rules: 4_000_000, time: Some(time), ..Plan::new(7) };
    let mut watch = Endless(0);
    let started = Instant::now();
    Campaign::new(plan, State::default()).run(&mut target, &mut watch).unwrap();
    let took = started.elapsed();
    assert!(took < time + Duration::from_secs(3), "{took:?}");
    assert!(took >= time && watch.0 > 1_000, "{took:?}, {} inputs", watch.0);
}

/// Takes what is found until a time.
struct Taking(Instant, Vec<Finding>, Stats);

impl Watch for Taking {
    fn tick(&mut self, stats: &Stats) -> bool {
        self.2 = stats.clone();
        Instant::now() < self.0
    }

    fn found(&mut self, finding: &Finding) {
        self.1.push(finding.clone());
    }
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    if !sandbox::can_be_made() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut target = speaker("none", folder.path());
    let mut none = Taking(Instant::now() + Duration::from_secs(30), Vec::new(), Stats::default());
    Campaign::new(Plan::new(7), State::default()).run(&mut target, &mut none).unwrap();
    println!("nothing planted: {:?}", none.2);
    let list: Vec<String> =
        none.1.iter().map(|f| format!("{}\n{}", f.signature, f.input.to_text())).collect();
    assert!(list.is_empty(), "{}", list.join("\n"));
    assert!(none.2.inputs > 20_000, "{:?}", none.2);
}

/// A daemon that takes routes of a table and announces none of them again (FRR, those of IPv6) refuses nothing.
#[test]
fn a_table_that_is_never_announced_is_not_refused() {
    if !sandbox::can_be_made() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut target = speaker_over(&[Table::Ipv4, Table::Ipv6], "none", folder.path());
    let mut none = Taking(Instant::now() + Duration::from_secs(30), Vec::new(), Stats::default());
    let plan = Plan { time: Some(Duration::from_secs(8)), ..Plan::new(3) };
    Campaign::new(plan, State::default()).run(&mut target, &mut none).unwrap();
    let list: Vec<String> =
        none.1.iter().map(|f| format!("{}\n{}", f.signature, f.input.to_text())).collect();
    assert!(list.is_empty(), "{}", list.join("\n"));
    assert!(none.2.steps > 8, "{:?}", none.2);
}
