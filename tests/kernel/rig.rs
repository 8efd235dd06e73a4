//! What every test here needs: a kernel, packets aimed at rules, the headers the kernel has of a packet.

use crate::programs::program;
use crate::random::Random;
use flowgate::campaign::{boundary, odd};
use flowgate::dialect::{ReadOptions, Reading, by_name};
use flowgate::engine::kernel::{Devices, Kernel, Programs};
use flowgate::field::{CtState, Field, Headers};
use flowgate::guard::Exhausted;
use flowgate::ir::Document;
use flowgate::packet::{LinkType, decode};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeSet;

/// How many times the usual amount is asked for.
pub(crate) fn rounds() -> usize {
    std::env::var("FLOWGATE_KERNEL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// A kernel; none, and a line that says so, where none can be had.
pub(crate) fn kernel(devices: &Devices<'_>) -> Option<Kernel> {
    let programs = Programs { ip: program("ip")?, nft: program("nft")? };
    match Kernel::new(programs, devices) {
        Ok(kernel) => Some(kernel),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "no kernel: {error}");
            println!("SKIPPED: no kernel: {error}");
            None
        }
    }
}

pub(crate) fn read(dialect: &str, text: &str, options: &ReadOptions) -> Reading {
    let source = Source::new("rules", Content::Text(text.to_owned()));
    by_name(dialect).unwrap().read(&source, SourceId(0), options)
}

pub(crate) fn errors(reading: &Reading) -> Vec<&str> {
    let worth = |d: &&flowgate::diagnostic::Diagnostic| d.level == flowgate::diagnostic::Level::Error;
    reading.diagnostics.iter().filter(worth).map(|d| d.message.as_str()).collect()
}

/// Where a packet is when rules see it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'a> {
    pub(crate) input: Option<&'a str>,
    pub(crate) output: Option<&'a str>,
    /// The kernel has counted it down.
    pub(crate) hop: bool,
    pub(crate) state: Option<CtState>,
}

/// The headers of a frame at a place.
pub(crate) fn headers(document: &Document, frame: &[u8], place: Place<'_>) -> Headers {
    let mut headers = Headers::new();
    let length = u32::try_from(frame.len()).unwrap();
    decode(LinkType::ETHERNET, frame, length, &mut headers);
    for (name, single, group) in
        [(place.input, Field::InIface, Field::InGroup), (place.output, Field::OutIface, Field::OutGroup)]
    {
        let Some(name) = name else {
            headers.set_absent(single);
            headers.set_wide(group, 0);
            continue;
        };
        // Patterns of iptables stand for what nothing else in the file names.
        let fits = |symbol: &str| symbol.strip_suffix('*').is_some_and(|stem| name.starts_with(stem));
        let named = document.symbols.iter().position(|symbol| **symbol == *name);
        let longest = || {
            let all = document.symbols.iter().enumerate().filter(|(_, symbol)| fits(symbol));
            all.max_by_key(|(_, symbol)| symbol.len()).map(|(at, _)| at)
        };
        let symbol = named.or_else(longest);
        headers.set(single, symbol.map_or(u32::MAX, |at| u32::try_from(at).unwrap()));
        let mut groups = 0_u128;
        for (symbol, bit) in document.symbols.iter().zip(0..128) {
            let pattern = symbol.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix));
            if pattern || &**symbol == "0" {
                groups |= 1 << bit;
            }
        }
        headers.set_wide(group, groups);
    }
    if place.hop
        && let Some(ttl) = headers.small(Field::Ttl)
    {
        headers.set(Field::Ttl, ttl.saturating_sub(1));
    }
    headers.set(Field::Mark, 0);
    headers.set(Field::CtState, place.state.unwrap_or(CtState::Untracked) as u32);
    headers
}

/// Packets at the boundaries of a document's rules and around them, `most` of them.
pub(crate) fn packets(document: &Document, most: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let mut all = BTreeSet::new();
    let seed = random.next();
    for set in &document.rule_sets {
        let mut first = None;
        boundary::packets::<Exhausted>(set, seed, &mut |octets| {
            first.get_or_insert_with(|| octets.to_vec());
            all.insert(octets.to_vec());
            Ok(())
        })
        .unwrap();
        if let Some(first) = first {
            all.extend(odd::packets(&first));
        }
    }
    let mut list: Vec<Vec<u8>> = all.into_iter().filter(|packet| packet.len() <= 1400).collect();
    random.keep(&mut list, most);
    list
}

pub(crate) fn hex(packet: &[u8]) -> String {
    packet.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}
