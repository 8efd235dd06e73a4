//! Expressions that speak of what becomes of packets: what they come to for one fate, and without any.

use super::Expression;
use crate::ir::{Condition, Verdict};

impl Expression {
    /// Whether it asks for a verdict or a rule.
    pub fn asks_for_fate(&self) -> bool {
        match self {
            Self::Packet(_) => false,
            Self::Verdict(_) | Self::Rule(_) => true,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::asks_for_fate),
            Self::Not(part) => part.asks_for_fate(),
        }
    }

    /// A condition that every packet meets which the expression is true of, whatever becomes of it.
    pub fn bound(&self) -> Condition {
        self.bounded(true)
    }

    // From outside, or from inside.
    fn bounded(&self, over: bool) -> Condition {
        match self {
            Self::Packet(condition) => condition.clone(),
            Self::Verdict(_) | Self::Rule(_) if over => Condition::True,
            Self::Verdict(_) | Self::Rule(_) => Condition::False,
            Self::And(parts) => Condition::and(parts.iter().map(|part| part.bounded(over))),
            Self::Or(parts) => Condition::or(parts.iter().map(|part| part.bounded(over))),
            Self::Not(part) => Condition::not(part.bounded(!over)),
        }
    }

    /// What the expression asks of packets that get this verdict; `is_by` says whether a rule of that name decides.
    pub fn given(&self, verdict: Verdict, is_by: &dyn Fn(&str) -> bool) -> Condition {
        let truth = |holds| if holds { Condition::True } else { Condition::False };
        match self {
            Self::Packet(condition) => condition.clone(),
            Self::Verdict(name) => truth(verdict.name() == *name),
            Self::Rule(name) => truth(is_by(name)),
            Self::And(parts) => Condition::and(parts.iter().map(|part| part.given(verdict, is_by))),
            Self::Or(parts) => Condition::or(parts.iter().map(|part| part.given(verdict, is_by))),
            Self::Not(part) => Condition::not(part.given(verdict, is_by)),
        }
    }

    /// The names of rules it speaks of.
    pub fn rules(&self) -> Vec<&str> {
        match self {
            Self::Packet(_) | Self::Verdict(_) => Vec::new(),
            Self::Rule(name) => vec![name],
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::rules).collect(),
            Self::Not(part) => part.rules(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn an_expression_comes_to_what_is_left_of_it_for_a_fate() {
        let read = |text: &str| parse(text, &[]).unwrap();
        let packets = |text: &str| read(text).condition().unwrap();
        let asked = read("(tcp and verdict accept) or (udp and not rule r)");
        assert_eq!(asked.bound(), packets("tcp or udp"));
        assert_eq!(asked.given(Verdict::Accept, &|_| true), packets("tcp"));
        assert_eq!(asked.given(Verdict::Discard, &|name| name == "r"), Condition::False);
        assert_eq!(asked.given(Verdict::Accept, &|_| false), packets("tcp or udp"));
        assert_eq!((asked.rules(), asked.asks_for_fate()), (vec!["r"], true));
        let not = read("verdict != drop and dport 22");
        assert_eq!(not.bound(), packets("dport 22"));
        assert_eq!(not.given(Verdict::Accept, &|_| false), packets("dport 22"));
        assert_eq!(not.given(Verdict::Discard, &|_| false), Condition::False);
        assert!(parse("verdict < accept", &[]).is_err() && parse("rule > r", &[]).is_err());
        assert!(!read("tcp").asks_for_fate());
    }
}
