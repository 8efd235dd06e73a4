//! Words of this dialect that a document kept, written where a reader takes them for just what they were.

use super::chains::Table;
use super::lower::Reader;
use super::matching::protocol_of;
use super::support;
use crate::dialect::ReadOptions;
use crate::field::Family;
use crate::ir::{Action, Condition, Opaque, Outcome, Rule, Rules};
use crate::source::SourceId;

/// The first of the two rules that a target makes of which nobody knows what it does.
pub(super) fn is_queue_head(rule: &Rule) -> bool {
    let [Action::Other(words)] = rule.actions else { return false };
    let mut head = false;
    rule.condition.visit(&mut |part| {
        if let Condition::Opaque(opaque) = part {
            head |= opaque
                .id
                .strip_prefix("iptables ")
                .is_some_and(|id| id.starts_with(&format!("{words} accepts (")));
        }
    });
    head
}

pub(super) fn other(action: Option<&Action>) -> Option<&str> {
    match action {
        Some(Action::Other(words)) => Some(words),
        _ => None,
    }
}

pub(super) fn is_target(words: &str, names: &[&str]) -> bool {
    words.split(' ').next().is_some_and(|first| names.contains(&first))
}

/// The words of a target of iptables, where a reader takes them for just that.
pub(super) fn target_words(words: &str, family: Family, table: Table) -> Option<(support::Target, String)> {
    let name = words.split(' ').next()?;
    let (_, target) = support::target(name)?;
    // Some targets are for TCP only; a chain of the user is of no hook that it could be wrong for.
    let text = format!("*{}\n:c -\n-A c -p tcp -j {words}\n", table.name());
    let rules = read_again(&text, family)?;
    let same = |rule: Rule<'_>| {
        let said =
            rule.actions.iter().any(|action| matches!(action, Action::Other(other) if **other == *words));
        said && (target == support::Target::Queue || !rule.condition.has_opaque())
    };
    (!rules.is_empty() && rules.len() <= 2 && rules.iter().all(same)).then(|| (target, words.to_owned()))
}

/// The words of a condition that is not modelled, where a reader takes them for just that.
pub(super) fn opaque_words(opaque: &Opaque, family: Family, table: Table) -> Result<String, String> {
    let refuse = || "a condition that is not modelled".to_owned();
    let id = opaque.id.strip_prefix("iptables ").ok_or_else(refuse)?;
    let words = match id.rsplit_once(" (").filter(|(_, tail)| tail.ends_with(')') && tail.contains('#')) {
        Some((words, _)) => words,
        None => id,
    };
    // What iptables itself refuses to take back.
    let old = words.starts_with("-m string") && !words.contains("--algo");
    if old || opaque.reason.contains("blotted") {
        return Err(refuse());
    }
    // Some matches stand beside their protocol only.
    let module = words.split(' ').nth(1).unwrap_or("");
    let protocol = protocol_of(module).map_or(String::new(), |number| format!("-p {number} "));
    let text = format!("*{}\n:c -\n-A c {protocol}{words}\n", table.name());
    let rules = read_again(&text, family).ok_or_else(refuse)?;
    let same = |condition: &Condition| matches!(condition, Condition::Opaque(other) if other.id.starts_with(&format!("iptables {words}")));
    let sound = |rule: Rule<'_>| {
        rule.outcome == (Outcome::Next { held: None })
            && rule.actions.is_empty()
            && match &rule.condition {
                Condition::And(parts) => parts.iter().any(same),
                other => same(other),
            }
    };
    match rules.first() {
        Some(rule) if rules.len() == 1 && sound(rule) => Ok(words.to_owned()),
        _ => Err(refuse()),
    }
}

/// The rules that a text has, where nothing is wrong with it.
pub(super) fn read_again(text: &str, family: Family) -> Option<Rules> {
    if text.lines().count() > 3 || text.chars().any(|c| c.is_control() && c != '\n') {
        return None;
    }
    let options = ReadOptions { family: Some(family), ..ReadOptions::default() };
    let reading = Reader::new(text, SourceId(0), &options).run();
    let wrong = reading.diagnostics.iter().any(|finding| finding.level > crate::diagnostic::Level::Note);
    let mut sets = reading.document.rule_sets.into_iter();
    let first = sets.next()?;
    (!wrong && sets.next().is_none()).then_some(first.rules)
}
