//! Oracles: what must not be seen, whatever was fed.

use super::expect::{Expected, Judgement, canonical, judge, means_the_same};
use super::{Input, Observation, Outcome};
use crate::dialect::flowspec::Table;
use std::collections::BTreeSet;

/// What was seen that must not be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// It ended.
    Died,
    /// It spends its time and does not answer.
    Hung,
    /// It takes nothing more and says nothing.
    Deaf,
    /// It ended the session for what it has to take.
    Reset {
        /// The code of its notification.
        code: u8,
        /// The subcode.
        subcode: u8,
        /// In which way the input is not canonical; none when it is.
        unusual: Option<&'static str>,
    },
    /// It does not take what it has to.
    Refused {
        /// In which way the input is not canonical; none when it is.
        unusual: Option<&'static str>,
    },
    /// It takes what it must not.
    Accepted {
        /// What is wrong with the input.
        defect: &'static str,
    },
    /// It shows another thing than it was sent.
    Otherwise,
    /// Its memory rises out of all proportion.
    Memory,
    /// Its memory grows while the same routes come and go.
    Leak,
    /// Its time grows faster than the number of rules.
    Superlinear,
}

impl Fault {
    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Died => "died",
            Self::Hung => "hung",
            Self::Deaf => "deaf",
            Self::Reset { .. } => "session-reset",
            Self::Refused { .. } => "refused-legal",
            Self::Accepted { .. } => "accepted-illegal",
            Self::Otherwise => "shown-otherwise",
            Self::Memory => "memory-peak",
            Self::Leak => "memory-leak",
            Self::Superlinear => "time-superlinear",
        }
    }

    /// The fault of a name, with the code and subcode of a reset; what more it says follows from the input.
    pub fn of(name: &str, reset: (u8, u8), input: &Input) -> Option<Self> {
        let worst = match input {
            Input::Updates(list) => list.iter().map(|update| judge(update).judgement).max(),
            Input::Text(_) | Input::Packets(_) => None,
        };
        let unusual = match worst {
            Some(Judgement::Unusual(name)) => Some(name),
            _ => None,
        };
        Some(match (name, worst) {
            ("died", _) => Self::Died,
            ("hung", _) => Self::Hung,
            ("deaf", _) => Self::Deaf,
            ("session-reset", _) => Self::Reset { code: reset.0, subcode: reset.1, unusual },
            ("refused-legal", _) => Self::Refused { unusual },
            ("accepted-illegal", Some(Judgement::Illegal(defect))) => Self::Accepted { defect },
            ("shown-otherwise", _) => Self::Otherwise,
            ("memory-peak", _) => Self::Memory,
            ("memory-leak", _) => Self::Leak,
            ("time-superlinear", _) => Self::Superlinear,
            _ => return None,
        })
    }

    /// The code and subcode of the notification, 0 where there is none.
    pub fn reset(&self) -> (u8, u8) {
        match self {
            Self::Reset { code, subcode, .. } => (*code, *subcode),
            _ => (0, 0),
        }
    }

    /// It in words.
    pub fn sentence(&self) -> String {
        let which = |unusual: Option<&str>| match unusual {
            Some(name) => format!("legal routes that are not canonical ({name})"),
            None => "a legal route".to_owned(),
        };
        match self {
            Self::Died => "it ended".to_owned(),
            Self::Hung => "it spends its time and no longer answers".to_owned(),
            Self::Deaf => "the session stands and nothing more is taken".to_owned(),
            Self::Reset { code, subcode, unusual } => {
                format!("{} ended the session with notification {code}/{subcode}", which(*unusual))
            }
            Self::Refused { unusual } => format!("{} is not taken", which(*unusual)),
            Self::Accepted { defect } => format!("a malformed route is taken ({defect})"),
            Self::Otherwise => "it shows another route than it was sent".to_owned(),
            Self::Memory => "its memory rises out of all proportion".to_owned(),
            Self::Leak => "its memory grows while the same routes come and go".to_owned(),
            Self::Superlinear => "its time grows faster than the number of rules".to_owned(),
        }
    }

    /// Whether another is the same fault as far as this one was looked for: a smaller input may be judged by another of
    /// the names.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            // A notification may be lost with what was still being sent: 0/0 may have been any.
            (Self::Reset { code: a, subcode: b, .. }, Self::Reset { code, subcode, .. }) => {
                (a, b) == (code, subcode) || (*a, *b) == (0, 0) || (*code, *subcode) == (0, 0)
            }
            (Self::Refused { .. }, Self::Refused { .. }) | (Self::Accepted { .. }, Self::Accepted { .. }) => {
                true
            }
            (a, b) => a == b,
        }
    }
}

/// A fault with what brings it about.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Its number in the campaign, from 1.
    pub number: usize,
    /// What is wrong.
    pub fault: Fault,
    /// By what it is told from others.
    pub signature: String,
    /// The smallest input found that brings it about.
    pub input: Input,
    /// Whether it came about again with that input alone.
    pub again: bool,
    /// What the target said.
    pub said: Vec<String>,
    /// More in words: figures of what was measured.
    pub detail: String,
    /// After how many inputs it was found.
    pub inputs: u64,
    /// After how many milliseconds.
    pub after_ms: u64,
    /// How often it was met again.
    pub met: u64,
}

/// Octets by which memory may rise for any input: buffers are made once and kept.
const RISE: u64 = 16 << 20;
/// Octets of memory that each octet of a route may take.
const RISE_EACH: u64 = 512;

/// What is wrong with what was seen.
pub(super) fn faults(input: &Input, seen: &Observation) -> Vec<Fault> {
    let ended = match seen.outcome {
        Outcome::Died { .. } => Some(Fault::Died),
        Outcome::Hung => Some(Fault::Hung),
        Outcome::Deaf => Some(Fault::Deaf),
        Outcome::Unseen => return Vec::new(),
        Outcome::Alive => None,
    };
    if let Some(fault) = ended {
        return vec![fault];
    }
    let mut list = Vec::new();
    if let Input::Updates(updates) = input {
        let expected: Vec<Expected> = updates.iter().map(judge).collect();
        let worst = expected.iter().map(|one| one.judgement).max().unwrap_or(Judgement::Legal);
        let taken_back = updates.iter().any(|update| update.withdraws);
        list.extend(of_routes(&expected, worst, taken_back, seen));
    }
    let octets = u64::try_from(input.octets()).unwrap_or(u64::MAX);
    if seen.risen.is_some_and(|risen| risen > RISE + RISE_EACH.saturating_mul(octets)) {
        list.push(Fault::Memory);
    }
    list
}

fn of_routes(expected: &[Expected], worst: Judgement, taken_back: bool, seen: &Observation) -> Option<Fault> {
    let unusual = match worst {
        Judgement::Unusual(name) => Some(name),
        Judgement::Legal | Judgement::Illegal(_) => None,
    };
    if let Some((code, subcode)) = seen.reset {
        // What is malformed may end a session (RFC 7606 §5.3), though it need not.
        let may = matches!(worst, Judgement::Illegal(_));
        return (!may).then_some(Fault::Reset { code, subcode, unusual });
    }
    if let Some(taken) = seen.taken {
        return match worst {
            Judgement::Illegal(defect) => taken.then_some(Fault::Accepted { defect }),
            Judgement::Legal | Judgement::Unusual(_) => (!taken).then_some(Fault::Refused { unusual }),
        };
    }
    let shown = seen.shown.as_ref()?;
    let wanted: BTreeSet<&(Table, Vec<u8>)> = expected.iter().flat_map(|one| &one.routes).collect();
    let mut missing = wanted.clone();
    let mut strange = false;
    for (table, value) in shown {
        let Some(octets) = canonical(*table, value) else {
            strange = true;
            continue;
        };
        let key = (*table, octets);
        if wanted.contains(&key) {
            missing.remove(&key);
            continue;
        }
        let same =
            wanted.iter().find(|(t, octets)| t == table && means_the_same(*t, octets, &key.1)).copied();
        match same {
            Some(same) => _ = missing.remove(same),
            None => strange = true,
        }
    }
    match worst {
        Judgement::Illegal(defect) => strange.then_some(Fault::Accepted { defect }),
        _ if strange => Some(Fault::Otherwise),
        _ if !missing.is_empty() && !taken_back => Some(Fault::Refused { unusual }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Update;

    fn seen(shown: Option<&[&[u8]]>) -> Observation {
        let shown = shown.map(|list| list.iter().map(|value| (Table::Ipv4, value.to_vec())).collect());
        Observation { shown, ..Observation::quiet() }
    }

    fn legal() -> Input {
        Input::route(Table::Ipv4, vec![3, 5, 0x81, 80])
    }

    #[test]
    fn what_is_shown_as_sent_is_no_fault() {
        assert_eq!(faults(&legal(), &seen(Some(&[&[5, 0x81, 80]]))), []);
        // In more octets it is the same route.
        assert_eq!(faults(&legal(), &seen(Some(&[&[5, 0x91, 0, 80]]))), []);
        assert_eq!(faults(&legal(), &seen(None)), []);
    }

    #[test]
    fn another_route_none_and_one_too_many_are_faults() {
        assert_eq!(faults(&legal(), &seen(Some(&[&[5, 0x81, 0]]))), [Fault::Otherwise]);
        assert_eq!(faults(&legal(), &seen(Some(&[]))), [Fault::Refused { unusual: None }]);
        let cut = Input::route(Table::Ipv4, vec![2, 5, 0x81]);
        assert_eq!(faults(&cut, &seen(Some(&[&[5, 0x81]]))), [Fault::Accepted { defect: "cut" }]);
        assert_eq!(faults(&cut, &seen(Some(&[]))), []);
    }

    #[test]
    fn a_session_may_end_for_what_is_malformed_only() {
        let reset = Observation { reset: Some((3, 9)), ..Observation::quiet() };
        assert_eq!(faults(&legal(), &reset), [Fault::Reset { code: 3, subcode: 9, unusual: None }]);
        assert_eq!(faults(&Input::route(Table::Ipv4, vec![1, 5]), &reset), []);
        let and = Input::route(Table::Ipv4, vec![3, 5, 0xc1, 80]);
        assert_eq!(
            faults(&and, &reset),
            [Fault::Reset { code: 3, subcode: 9, unusual: Some("and-on-first") }]
        );
    }

    #[test]
    fn an_end_is_a_fault_whatever_was_fed() {
        let died = Observation { outcome: Outcome::Died { code: None }, ..Observation::quiet() };
        assert_eq!(faults(&Input::Updates(vec![Update::new(Table::Ipv4, vec![])]), &died), [Fault::Died]);
        let much = Observation { risen: Some(64 << 20), ..Observation::quiet() };
        assert_eq!(faults(&legal(), &much), [Fault::Memory]);
    }
}
