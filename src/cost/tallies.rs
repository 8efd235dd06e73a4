//! What rules came to on one platform, for the next that counts them the same way.

use super::flow::Encoding;
use super::tally::Tally;
use super::terms::Shares;

/// What the rules of one document come to, kept for the next platform that writes its keys the same way.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    kept: Option<(Encoding, Vec<Option<Known>>)>,
    // How many rules there are; nothing is kept for a single platform.
    rules: usize,
}

/// What a rule came to, and the steps that took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) tally: Tally,
    /// Of each family, for a rule of both.
    pub(super) shares: Option<Shares>,
    pub(super) opaque: bool,
    pub(super) spent: u64,
}

impl Tallies {
    /// Room for so many rules; none where nothing is to be kept.
    pub(super) fn of_rules(rules: usize) -> Self {
        Self { kept: None, rules }
    }

    /// Where the tally of a rule is kept.
    pub(super) fn of(&mut self, encoding: Encoding, rule: usize) -> Option<&mut Option<Known>> {
        if self.rules == 0 {
            return None;
        }
        if self.kept.as_ref().is_none_or(|(of, _)| *of != encoding) {
            self.kept = Some((encoding, vec![None; self.rules]));
        }
        self.kept.as_mut()?.1.get_mut(rule)
    }
}
