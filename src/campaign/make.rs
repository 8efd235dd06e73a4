//! What a campaign feeds next: made anew, or of what it has kept; changed; without what is known.

use super::expect::{Judgement, judge};
use super::generate::{self, Style, below, once_in, one};
use super::run::{BATCH, BUNDLE, Campaign, KNOWN};
use super::{Input, Update, mutate};
use crate::dialect::flowspec::Table;
use crate::dialect::{self, PrintOptions};
use arbitrary::Unstructured;

impl Campaign {
    /// Something kept, or one of the seeds.
    fn kept(&self, u: &mut Unstructured<'_>) -> Option<Input> {
        let seeds = self.plan.seeds.len();
        let kept = if self.plan.feedback { self.state.corpus.len() } else { 0 };
        // The newest are chosen as often as all others.
        let number = if kept > 8 && below(u, 2) == 0 {
            seeds + kept - 1 - below(u, 8) as usize
        } else {
            below(u, u32::try_from(seeds + kept).unwrap_or(u32::MAX)) as usize
        };
        self.plan.seeds.get(number).or_else(|| self.state.corpus.get(number.checked_sub(seeds)?)).cloned()
    }

    pub(super) fn updates(&self, u: &mut Unstructured<'_>, tables: &[Table]) -> Input {
        let table = one(u, tables).unwrap_or(Table::Ipv4);
        let style = Style::new(u);
        let way = below(u, 10);
        // Many legal routes at once, one message each few.
        if way < 4 {
            let mut updates = Vec::new();
            let mut left = BATCH;
            while left > 0 && !u.is_empty() {
                let mut update = generate::update(u, table, &self.pools, style);
                left = left.saturating_sub(u32::try_from(update.routes.len()).unwrap_or(u32::MAX));
                update.routes.retain(|route| !self.avoids(u, &Update::new(table, vec![route.clone()])));
                if !update.routes.is_empty() && update.fits() {
                    updates.push(update);
                }
            }
            return Input::Updates(updates);
        }
        let mut changed = Vec::new();
        if way == 9 {
            // One route cut off at every octet.
            let mut whole = self.message(u, table, style, way);
            whole.routes.truncate(1);
            changed = mutate::every_cut(&whole);
        }
        for _ in 0..BUNDLE * 3 {
            let mut update = self.message(u, table, style, way);
            mutate::update(u, &mut update, &self.pools);
            changed.push(update);
        }
        changed.retain(|update| !self.avoids(u, update));
        // What a session may end for stands apart from what it must not end for.
        let illegal = |update: &Update| matches!(judge(update).judgement, Judgement::Illegal(_));
        let (mut bad, mut good): (Vec<Update>, Vec<Update>) = changed.into_iter().partition(illegal);
        good.retain(Update::fits);
        // What leaves nothing behind it to be told apart ends most sessions: it goes alone.
        let mut broken: Vec<Update> = bad.extract_if(.., |update| breaks_framing(update)).collect();
        bad.truncate(self.bundle as usize);
        if way == 6 && !broken.is_empty() {
            broken.truncate(1);
            return Input::Updates(broken);
        }
        if bad.is_empty() || !good.is_empty() && way <= 5 {
            Input::Updates(good)
        } else {
            Input::Updates(bad)
        }
    }

    /// A message to change: one that was kept, or a new one of a route or two.
    fn message(&self, u: &mut Unstructured<'_>, table: Table, style: Style, way: u32) -> Update {
        let kept = if way >= 7 && below(u, 3) == 0 { self.kept(u) } else { None };
        if let Some(Input::Updates(list)) = kept
            && let Some(update) = one_of(u, list)
        {
            return update;
        }
        let mut update = generate::update(u, table, &self.pools, style);
        update.routes.truncate(1 + below(u, 2) as usize);
        update
    }

    /// Whether something is known to bring a fault about and is better left alone, most times.
    fn avoids(&self, u: &mut Unstructured<'_>, update: &Update) -> bool {
        self.known.iter().any(|pattern| pattern.covers(update)) && !once_in(u, KNOWN)
    }

    pub(super) fn text(&self, u: &mut Unstructured<'_>, name: &str) -> Input {
        let mut lines: Vec<String> = if let (2, Some(Input::Text(lines))) = (below(u, 3), self.kept(u)) {
            lines
        } else {
            let document = generate::rule_set(u, &self.pools, 16);
            let mut text = String::new();
            if let Some(dialect) = dialect::by_name(name) {
                // What cannot be said is left out.
                _ = dialect.print(&document, &PrintOptions::default(), &mut text);
            }
            text.lines().map(str::to_owned).collect()
        };
        mutate::lines(u, &mut lines);
        Input::Text(lines)
    }

    pub(super) fn packets(&self, u: &mut Unstructured<'_>) -> Input {
        let mut list: Vec<Vec<u8>> = match (below(u, 3), self.kept(u)) {
            (2, Some(Input::Packets(list))) => list,
            _ => (0..8).filter_map(|_| generate::packet(u, &self.pools)).collect(),
        };
        for octets in &mut list {
            for _ in 0..below(u, 3) {
                mutate::packet(u, octets);
            }
        }
        Input::Packets(list)
    }
}

/// Whether a message cannot be read to its end.
pub(super) fn breaks_framing(update: &Update) -> bool {
    matches!(judge(update).judgement, Judgement::Illegal("overrun" | "length-cut" | "message-size"))
}

fn one_of(u: &mut Unstructured<'_>, mut list: Vec<Update>) -> Option<Update> {
    let at = below(u, u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize;
    (at < list.len()).then(|| list.swap_remove(at))
}
