//! What a campaign feeds next: made anew, or of what it has kept; changed; without what is known.

use super::dedup::Sight;
use super::expect::{Judgement, judge};
use super::generate::{self, Style, below, once_in, one};
use super::mutate::Mutator;
use super::run::{BATCH, Campaign, KNOWN};
use super::{Input, Update, mutate};
use crate::dialect::flowspec::Table;
use crate::dialect::{self, PrintOptions};
use crate::guard::{Meter, limits};
use arbitrary::Unstructured;

/// Messages changed for one step.
const CHANGED: usize = 48;
/// Routes cut off at every octet in one step.
const CUT: u32 = 4;

/// What the messages of a step are.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Legal ones.
    Legal,
    /// Changed, and legal where there are any.
    Changed,
    /// Changed, and malformed where there are any.
    Malformed,
    /// One that cannot be read to its end.
    Broken,
    /// Routes cut off.
    Cut,
}

impl Way {
    /// The turn of a step.
    fn of(step: u64) -> Self {
        match step % 9 {
            1 | 4 | 6 => Self::Changed,
            3 | 8 => Self::Malformed,
            5 => Self::Cut,
            7 if step.is_multiple_of(2) => Self::Broken,
            _ => Self::Legal,
        }
    }

    fn is_malformed(self) -> bool {
        matches!(self, Self::Malformed | Self::Cut)
    }
}

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

    /// Messages for a step: what is done to them goes by turns, so that no kind of change waits for its luck.
    pub(super) fn updates(&self, u: &mut Unstructured<'_>, step: u64, tables: &[Table]) -> Input {
        let table = one(u, tables).unwrap_or(Table::Ipv4);
        let style = Style::new(u);
        let way = Way::of(step);
        match way {
            Way::Legal => Input::Updates(self.legal(u, table, style)),
            Way::Cut => {
                let cuts = self.cuts(u, table, style);
                self.malformed(u, cuts)
            }
            Way::Changed | Way::Malformed | Way::Broken => {
                let changed = self.changed(u, table, style, way);
                let (bad, mut good): (Vec<Update>, Vec<Update>) = changed.into_iter().partition(is_illegal);
                good.retain(Update::fits);
                // What a session may end for stands apart from what it must not end for.
                if bad.is_empty() || !good.is_empty() && matches!(way, Way::Changed) {
                    return Input::Updates(good);
                }
                // What leaves nothing behind it to be told apart ends most sessions: it goes alone.
                if let Way::Broken = way
                    && let Some(broken) = bad.iter().find(|update| breaks_framing(update))
                {
                    return Input::Updates(vec![broken.clone()]);
                }
                self.malformed(u, bad)
            }
        }
    }

    /// Many legal routes at once, one message each few.
    fn legal(&self, u: &mut Unstructured<'_>, table: Table, style: Style) -> Vec<Update> {
        let mut meter = Meter::new(&limits::MADE_OCTETS);
        let mut updates = Vec::new();
        let mut left = BATCH;
        while left > 0 && !u.is_empty() {
            let mut update = generate::update(u, table, &self.pools, style);
            if meter.charge(octets(&update)).is_err() {
                break;
            }
            left = left.saturating_sub(u32::try_from(update.routes.len()).unwrap_or(u32::MAX));
            update.routes.retain(|route| !self.avoids(u, &Update::new(table, vec![route.clone()])));
            if !update.routes.is_empty() && update.fits() {
                updates.push(update);
            }
        }
        updates
    }

    /// Changed messages, as many of each kind of change.
    fn changed(&self, u: &mut Unstructured<'_>, table: Table, style: Style, way: Way) -> Vec<Update> {
        let mut meter = Meter::new(&limits::MADE_OCTETS);
        let mut changed = Vec::new();
        for mutator in Mutator::ALL.into_iter().cycle().take(CHANGED) {
            let mut update = self.message(u, table, style, way);
            mutator.apply(u, &mut update, &self.pools);
            if once_in(u, 4) {
                mutate::update(u, &mut update, &self.pools);
            }
            if meter.charge(octets(&update)).is_err() {
                break;
            }
            changed.push(update);
        }
        changed.retain(|update| !self.avoids(u, update));
        changed
    }

    /// Some routes cut off at every octet, those of one after those of another.
    fn cuts(&self, u: &mut Unstructured<'_>, table: Table, style: Style) -> Vec<Update> {
        let mut cuts = Vec::new();
        for _ in 0..CUT {
            let mut whole = self.message(u, table, style, Way::Cut);
            whole.routes.truncate(1);
            cuts.extend(mutate::every_cut(&whole));
        }
        cuts.retain(|update| is_illegal(update) && !self.avoids(u, update));
        cuts
    }

    /// As many of malformed messages as a session bears, drawn from all of them.
    fn malformed(&self, u: &mut Unstructured<'_>, mut list: Vec<Update>) -> Input {
        list.retain(|update| !breaks_framing(update));
        let most = self.bundle as usize;
        let mut drawn = Vec::new();
        while drawn.len() < most && !list.is_empty() {
            let at = below(u, u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize;
            drawn.push(list.swap_remove(at.min(list.len() - 1)));
        }
        Input::Updates(drawn)
    }

    /// A message to change: one that was kept, or a new one of a route or two.
    fn message(&self, u: &mut Unstructured<'_>, table: Table, style: Style, way: Way) -> Update {
        let kept = if way.is_malformed() && below(u, 3) == 0 { self.kept(u) } else { None };
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
        let sight = Sight::of(update);
        self.known.iter().any(|pattern| pattern.covers_all(&sight)) && !once_in(u, KNOWN)
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

fn is_illegal(update: &Update) -> bool {
    matches!(judge(update).judgement, Judgement::Illegal(_))
}

/// Whether a message cannot be read to its end.
pub(super) fn breaks_framing(update: &Update) -> bool {
    matches!(judge(update).judgement, Judgement::Illegal("overrun" | "length-cut" | "message-size"))
}

/// Octets of its routes, and one for the message.
fn octets(update: &Update) -> u64 {
    let octets: usize = update.routes.iter().map(|route| route.len() + 1).sum();
    u64::try_from(octets).unwrap_or(u64::MAX).saturating_add(1)
}

fn one_of(u: &mut Unstructured<'_>, mut list: Vec<Update>) -> Option<Update> {
    let at = below(u, u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize;
    (at < list.len()).then(|| list.swap_remove(at))
}
