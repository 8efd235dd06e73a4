//! What several benches need: numbers that are the same on every run, the processor's own time, and how the reading of
//! one text is measured.

#![allow(dead_code, reason = "each bench uses a part of this")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use flowgate::dialect::Reading;
use flowgate::guard::resident_octets;
use flowgate::ir::Document;
use flowgate::source::{Content, Source};

/// A linear congruence.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// The next number, below `n`.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(n)).unwrap_or(0)
    }

    /// The next IPv4 prefix, of 12 bits or more.
    pub(crate) fn prefix(&mut self) -> String {
        let length = 12 + self.below(21);
        let addr = self.below(u32::MAX) & u32::MAX << (32 - length);
        format!("{}/{length}", std::net::Ipv4Addr::from(addr))
    }
}

/// Nanoseconds this thread has run, where the system says: wall time means little on a busy machine.
pub(crate) fn processor_time() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// The text to read: of the file that the variable names, else made here.
pub(crate) fn text(variable: &str, generate: impl FnOnce() -> String) -> Source {
    let text = match std::env::var_os(variable) {
        Some(file) => std::fs::read_to_string(file).expect("the variable names a file"),
        None => generate(),
    };
    Source::new("bench", Content::Text(text))
}

/// The octets of memory that a rule of the document takes: the growth of the process by copies of it, without what
/// reading leaves behind.
pub(crate) fn kept(document: &Document) -> u64 {
    const COPIES: u64 = 4;
    // The first fill what was freed.
    let _fillers: Vec<Document> = (0..8).map(|_| document.clone()).collect();
    let before = resident_octets().unwrap_or(0);
    let copies: Vec<Document> = (0..COPIES).map(|_| document.clone()).collect();
    let grown = resident_octets().unwrap_or(0).saturating_sub(before);
    drop(copies);
    grown / COPIES / document.rule_count().max(1) as u64
}

/// Prints what reading takes for a rule: memory, as the growth of the process while the rules are held, and the
/// processor's own time.
#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
pub(crate) fn figures(source: &Source, read: impl Fn() -> Reading) {
    // The text is there before the process is measured.
    let before = (source.text().len(), resident_octets().unwrap_or(0)).1;
    let reading = read();
    let grown = resident_octets().unwrap_or(0).saturating_sub(before);
    let rules = reading.document.rule_count().max(1);
    println!("{rules} rules, {} octets each in memory", grown / rules as u64);
    println!("{} octets each in the IR", kept(&reading.document));
    drop(reading);
    let times = (0..5).filter_map(|_| {
        let start = processor_time()?;
        let reading = read();
        let time = processor_time()? - start;
        drop(reading);
        Some(time)
    });
    if let Some(best) = times.min() {
        println!("{} ns of processor time a rule", best / rules as u64);
    }
}

/// Times the reading, in rules and octets a second.
pub(crate) fn rate(bencher: Bencher<'_, '_>, source: &Source, read: impl Fn() -> Reading + Sync) {
    let rules = read().document.rule_count();
    bencher
        .counter(ItemsCount::new(rules))
        .counter(BytesCount::of_str(source.text()))
        .bench(|| black_box(read()));
}
