//! Whole rule sets: packets go their way through the hooks, and at each the kernel does what `eval` says; so do the
//! counters of its rules.

use crate::rig::{Place, headers, hex};
use crate::strange;
use flowgate::engine::kernel::{Hook, Kernel, Passage, Way};
use flowgate::eval::{Decision, Step, Truth, walk};
use flowgate::field::Headers;
use flowgate::ir::Document;
use std::collections::BTreeMap;

/// What a comparison came to.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) sets: usize,
    pub(crate) rules: usize,
    pub(crate) packets: usize,
    pub(crate) verdicts: usize,
    pub(crate) dropped: usize,
    pub(crate) unknown: usize,
    pub(crate) counters: usize,
    /// Packets that came to a hook and not to the next, though no rule stopped them: the stack did.
    pub(crate) stack: BTreeMap<&'static str, usize>,
    /// Packets by the state of their connection, where it was asked for.
    pub(crate) states: BTreeMap<&'static str, usize>,
}

/// Hits of a rule.
#[derive(Clone, Default, Debug)]
pub(crate) struct Hit {
    pub(crate) sure: u64,
    pub(crate) perhaps: u64,
    /// The first that is sure.
    pub(crate) example: String,
}

/// Hits of rules, by their rule set and place.
pub(crate) type Hits = BTreeMap<(u32, u32), Hit>;

/// The devices of a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) host: &'a str,
    pub(crate) through: &'a str,
    pub(crate) out: &'a str,
}

pub(crate) const NAMES: Names<'static> = Names { host: "host0", through: "through0", out: "out0" };

/// Packets whose course is not changed by what the ledger knows.
pub(crate) fn fit(packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut list = packets;
    list.retain(|packet| {
        let mut headers = Headers::new();
        flowgate::packet::decode_ip(packet, &mut headers);
        strange::view(packet, &headers).is_none()
    });
    list
}

/// Which rule set a hook walks for packets of a version; none where it has no rules.
pub(crate) type Entry<'a> = &'a dyn Fn(Hook, bool) -> Option<u32>;

/// Sends packets and compares what each hook did with them.
pub(crate) fn run(
    kernel: &mut Kernel,
    way: Way,
    (document, entry): (&Document, Entry<'_>),
    list: &[Vec<u8>],
    names: Names<'_>,
    (tally, hits): (&mut Tally, &mut Hits),
    wrong: &mut Vec<String>,
) {
    let frames: Vec<Vec<u8>> =
        list.iter().enumerate().map(|(at, packet)| kernel.frame(way, at as u32, packet)).collect();
    let passage = kernel.drive(way, list).unwrap();
    tally.packets += list.len();
    for (at, frame) in frames.iter().enumerate() {
        let number = at as u32;
        // Where connections are tracked, fragments are kept back to be put together.
        let kept = passage.is_tracked() && !passage.whole().contains(&number);
        let came = |hook: Hook| passage.came(hook).contains(&number) && !kept;
        let left = |hook: Hook| passage.left(hook).contains(&number);
        // Where the stack keeps a packet that no rule stops.
        let gone = if passage.came(Hook::Prerouting).contains(&number) && kept {
            Some("to be put together")
        } else if !came(Hook::Prerouting) {
            Some("before prerouting")
        } else if left(Hook::Prerouting) && !came(Hook::Input) && !came(Hook::Forward) {
            Some("between prerouting and input or forward")
        } else if left(Hook::Forward) && !came(Hook::Postrouting) {
            Some("between forward and postrouting")
        } else {
            None
        };
        if let Some(gone) = gone {
            *tally.stack.entry(gone).or_default() += 1;
        }
        if let Some(state) = passage.state(number) {
            *tally.states.entry(state.name()).or_default() += 1;
        }
        // What is sent to everybody is for the host, whichever way it comes.
        for hook in Hook::ALL.into_iter().filter(|hook| came(*hook)) {
            let six = frame[14] >> 4 == 6;
            let Some(set) = entry(hook, six) else { continue };
            let place = place(hook, way, names, &passage, number);
            let headers = headers(document, frame, place);
            let left = left(hook);
            let decision =
                walked(document, set, &headers, hits, || format!("{} {}", hook.name(), hex(&list[at])));
            match decision {
                Decision::Unknown(_) => tally.unknown += 1,
                Decision::Verdict(verdict, by) => {
                    tally.verdicts += 1;
                    tally.dropped += usize::from(!left);
                    if verdict.is_drop() == left {
                        let word = if left { "lets it pass" } else { "drops it" };
                        wrong.push(format!(
                            "{}: the kernel {word}, we {verdict} by {by:?}: {} {:?}",
                            hook.name(),
                            hex(&list[at]),
                            passage.state(number)
                        ));
                    }
                }
            }
        }
    }
}

fn place<'a>(hook: Hook, way: Way, names: Names<'a>, passage: &Passage, number: u32) -> Place<'a> {
    let input = Some(match way {
        Way::Host => names.host,
        Way::Through => names.through,
    });
    let behind = matches!(hook, Hook::Forward | Hook::Postrouting);
    Place { input, output: behind.then_some(names.out), hop: behind, state: passage.state(number) }
}

/// Walks a packet and counts the hits. Behind a rule of which nobody can say, any other may be met.
fn walked(
    document: &Document,
    set: u32,
    headers: &Headers,
    hits: &mut Hits,
    what: impl Fn() -> String,
) -> Decision {
    let (mut own, mut sure) = (Vec::new(), true);
    let decision = walk(document, set, headers, &mut |step| {
        if let Step::Tried { hit, truth } = step {
            match truth {
                Truth::Yes => own.push((hit.rule_set, hit.rule)),
                Truth::Unknown => sure = false,
                Truth::No => {}
            }
        }
    })
    .unwrap();
    if sure {
        for key in own {
            let hit = hits.entry(key).or_default();
            hit.sure += 1;
            if hit.example.is_empty() {
                hit.example = what();
            }
        }
    } else {
        // Once for each way to it.
        let calls = document
            .rule_sets
            .iter()
            .flat_map(|set| &set.rules)
            .filter(|rule| rule.outcome.target().is_some());
        let ways = 1 + calls.count() as u64;
        for (set, rules) in document.rule_sets.iter().enumerate() {
            for rule in 0..rules.rules.len() {
                hits.entry((set as u32, rule as u32)).or_default().perhaps += ways;
            }
        }
    }
    decision
}
