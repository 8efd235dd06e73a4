//! Packets that a change turns: what [`super::widened_filter`] and [`super::narrowed_filter`] say of them.

use super::change::{Change, about_set, first_rule, label};
use super::prove::witness;
use super::{Compared, Context, Findings, Inconclusive, Meta};
use crate::ir::{Document, Rule, RuleSet, Verdict};
use crate::symbolic::{self, Turn};
use std::collections::BTreeMap;

/// Says of every rule by which a change turns packets one way that it does.
pub(super) fn judge(cx: &Context<'_>, meta: &'static Meta, turn: Turn, out: &mut Findings) {
    for change in cx.changes() {
        for pair in &change.comparison.pairs {
            let Some(sides) = Sides::of(change, pair) else { continue };
            match &pair.found {
                Err(why) => out.inconclusive.push(sides.open(meta, why)),
                Ok(found) => {
                    // By the rules that decide now and did before.
                    let mut groups: BTreeMap<_, Vec<&symbolic::Change>> = BTreeMap::new();
                    for region in found.changes.iter().filter(|region| region.turn() == Some(turn)) {
                        groups.entry((region.new_rule, region.old_rule)).or_default().push(region);
                    }
                    for regions in groups.values() {
                        sides.say(meta, turn, regions, out);
                    }
                }
            }
        }
    }
}

/// A rule set before and after.
struct Sides<'a> {
    documents: [&'a Document; 2],
    sets: [&'a RuleSet; 2],
    indices: [usize; 2],
}

impl<'a> Sides<'a> {
    fn of(change: &'a Change<'_>, pair: &Compared) -> Option<Self> {
        let documents = [&change.comparison.old, &change.comparison.new];
        let indices = [pair.old, pair.new];
        let sets = [documents[0].rule_sets.get(pair.old)?, documents[1].rule_sets.get(pair.new)?];
        Some(Self { documents, sets, indices })
    }

    fn open(&self, meta: &Meta, why: &str) -> Inconclusive {
        let rule_set = Some(self.sets[1].name.clone());
        Inconclusive { check: meta.name, rule_set, rule: None, reason: why.to_owned() }
    }

    fn say(&self, meta: &'static Meta, turn: Turn, regions: &[&symbolic::Change], out: &mut Findings) {
        let Some(first) = regions.first() else { return };
        let Some(packet) = regions.iter().find_map(|region| region.packet.as_deref()) else {
            out.inconclusive
                .push(self.open(meta, "what is not modelled decides whether packets are concerned"));
            return;
        };
        let [old, new] = self.sets;
        let [before, now] = [(old, first.old_rule), (new, first.new_rule)]
            .map(|(set, index)| index.and_then(|index| set.rules.get(index as usize)));
        let [before_name, now_name] =
            [(before, first.before), (now, first.after)].map(|(rule, verdict)| name(rule.as_ref(), verdict));
        let message = match turn {
            Turn::Widened => format!("{now_name} lets packets through that {before_name} dropped"),
            Turn::Narrowed => format!("{now_name} drops packets that {before_name} let through"),
        };
        // Where a default decides now, the rule that is gone is the one to look at.
        let ([old_document, new_document], [old_index, new_index]) = (self.documents, self.indices);
        let (fallback_old, fallback_new) =
            (first_rule(old_document, old_index), first_rule(new_document, new_index));
        let Some(at) = now.or(before).or(fallback_new).or(fallback_old) else { return };
        let words = if now.is_some() { "now" } else { "before" };
        let mut finding = about_set(meta, new, &at, words, message);
        finding.rule = now.map(|rule| rule.name.to_owned());
        if let (Some(before), true) = (before, now.is_some()) {
            finding = finding.with_label(label(&before, "before"));
        }
        let share: f64 = regions.iter().map(|region| region.share).sum();
        finding = finding
            .with_note(format!("{share:.3e} of all packets, counted by addresses, protocols and ports"));
        finding.witness = witness(packet, &self.documents[1].symbols);
        out.push(finding);
    }
}

fn name(rule: Option<&Rule<'_>>, verdict: Verdict) -> String {
    match rule {
        Some(rule) => format!("rule `{}`", rule.name),
        None => format!("the default ({verdict})"),
    }
}
