//! Subjects worth a replay: what the automaton says is slow, and simple ones beside it.

use super::ambiguity::{Ambiguity, Attack};
use super::automaton::Automaton;
use super::program::Program;
use super::witness::{Witness, steps_within};

/// Rounds that simple subjects are compared at; the second where the first takes all steps allowed.
const ROUNDS: [u32; 2] = [24, 12];
/// Steps of one comparison at most.
const STEPS: u64 = 40_000;
/// Rounds that ends of a subject are compared at, the fewer where one takes too many steps.
const END_ROUNDS: [u32; 3] = [12, 6, 3];
/// Steps of one comparison of ends at most.
const END_STEPS: u64 = 8_000;
/// Octets that stand for a part of the alphabet, looked at.
const LETTERS: usize = 64;

/// Of an attack, the subject behind which the search takes longest.
pub(super) fn with_suffix(attack: &Attack, automaton: &Automaton, program: &Program) -> Witness {
    let letters = || automaton.alphabet.iter().filter_map(|part| part.sample()).take(LETTERS);
    let mut best = Witness::of(attack, &[]);
    for rounds in END_ROUNDS {
        let took = |witness: &Witness| steps_within(program, &witness.subject(rounds), END_STEPS);
        // The first of equals: nothing behind, where that does.
        let mut most = took(&best);
        // A line end that is not the last fails what one octet cannot: `.*$`.
        let suffixes = letters().map(|octet| vec![octet]).chain([b"\n\n".to_vec()]);
        for suffix in suffixes {
            let witness = Witness::of(attack, &suffix);
            let steps = took(&witness);
            if steps > most {
                (best, most) = (witness, steps);
            }
        }
        if most < END_STEPS {
            break;
        }
    }
    best
}

/// Simple subjects: one octet again and again, behind what leads into the pattern or through it.
pub(super) fn simple(
    ambiguity: &Ambiguity,
    taken: Option<Vec<u8>>,
    automaton: &Automaton,
    program: &Program,
    most: usize,
) -> Vec<Attack> {
    let mut leads = vec![Vec::new()];
    // Through the whole pattern once: what engines look for first is there.
    leads.extend(taken);
    if let Some(chain) = &ambiguity.chain {
        let once: Vec<u8> =
            chain.parts.iter().flat_map(|(lead, pump)| [lead.as_slice(), pump]).flatten().copied().collect();
        leads.push(once);
    }
    leads.dedup();
    let mut pumps: Vec<Vec<u8>> = automaton
        .alphabet
        .iter()
        .filter_map(|part| part.sample())
        .take(LETTERS)
        .map(|octet| vec![octet])
        .collect();
    pumps.extend(ambiguity.chain.iter().flat_map(|chain| chain.parts.iter().map(|(_, pump)| pump.clone())));
    let mut tried: Vec<([u64; 2], Attack)> = Vec::new();
    for lead in &leads {
        for pump in &pumps {
            let attack = Attack { parts: vec![(lead.clone(), pump.clone())] };
            let witness = Witness::of(&attack, &[]);
            let took = ROUNDS.map(|rounds| steps_within(program, &witness.subject(rounds), STEPS));
            tried.push((took, attack));
        }
    }
    tried.sort_by_key(|(steps, _)| std::cmp::Reverse(*steps));
    tried.truncate(most);
    tried.into_iter().map(|(_, attack)| attack).collect()
}
