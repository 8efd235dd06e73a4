//! Whether what was written of a document decides as the document does, by reading it again.

use super::compare::{Compared, Comparison};
use super::filter_removed::drops;
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{Dialect, Loss, Lost, ReadOptions, Reads, raised};
use crate::field::{Family, Layer};
use crate::ir::{Condition, Document, Kind, Test, Verdict};
use crate::packet::words;
use crate::source::{Content, Source, SourceId};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a document that was written.
#[derive(Clone, PartialEq, Debug)]
pub enum Written {
    /// Every packet meets the same verdict.
    Same,
    /// A packet, in words, that does not: it was decided the first way and now is the second.
    Differs(String, Verdict, Verdict),
    /// No packet of the family comes to what was written of a rule set that drops some.
    Fewer(Family),
    /// The dialect does not take what was written; in words.
    Refused(String),
    /// It could not be decided; in words.
    Open(String),
}

/// Reads what a dialect wrote of a document, and compares all packets: with the document without the rules that are
/// left out, which `lost` names, so that what is left is held against what was written of it.
///
/// The names of rule sets may be others, so that those which packets enter by are taken in their order; one for both
/// families may have become one for each.
pub fn written(
    dialect: &dyn Dialect,
    document: &Document,
    lost: &[Lost],
    text: String,
    options: &ReadOptions,
) -> Written {
    if dialect.reads() != Reads::Text {
        return Written::Open(format!("{} is not text", dialect.name()));
    }
    let source = Source::new("written", Content::Text(text));
    let reading = dialect.read(&source, SourceId(0), options);
    // What else is wrong with rules was wrong with them before.
    let is_refused = |found: &&Diagnostic| found.level == Level::Error && found.check == raised::SYNTAX_ERROR;
    if let Some(error) = reading.diagnostics.iter().find(is_refused) {
        return Written::Refused(error.message.clone());
    }
    let left = match without(document, lost) {
        Ok(left) => left,
        Err(name) => return Written::Open(format!("several rules are named `{name}`, and one is left out")),
    };
    let Some(comparison) = Comparison::in_order(left, reading.document) else {
        return Written::Open("rule sets do not stand one for one".to_owned());
    };
    let mut open = None;
    // Of each rule set that was written, the families that no part of it is for.
    let mut gone: BTreeMap<usize, Vec<Family>> = BTreeMap::new();
    for Compared { old, found, .. } in comparison.pairs {
        if let Ok(delta) = &found {
            let of_set = gone.entry(old).or_insert_with(|| delta.gone.clone());
            of_set.retain(|family| delta.gone.contains(family));
        }
        match found {
            Err(why) => open = open.or(Some(why)),
            Ok(delta) => {
                for change in delta.changes {
                    let of_frame = |test: &&Test| {
                        test.field().info().layer == Layer::Link && !test.field().is_of_device()
                    };
                    match change.packet {
                        // What frames there are is not modelled, and octets of them say the same as words.
                        Some(_) if change.region.tests().iter().any(of_frame) => {
                            open = open.or(Some("tests of the frame are written as others".to_owned()));
                        }
                        Some(packet) => {
                            let packet = words::print(&packet, &comparison.new.symbols);
                            return Written::Differs(packet, change.before, change.after);
                        }
                        None => open = open.or(Some("parts of rules are not modelled".to_owned())),
                    }
                }
            }
        }
    }
    let mut fewer = gone.into_iter().flat_map(|(set, families)| families.into_iter().map(move |f| (set, f)));
    if let Some((_, family)) = fewer.find(|(set, family)| drops(&comparison.old, *set, *family)) {
        return Written::Fewer(family);
    }
    open.map_or(Written::Same, Written::Open)
}

/// The document with no packet for the rules that are left out, and for those of rule sets that are. The error is a
/// name that several rules have, one of which is left out.
fn without(document: &Document, lost: &[Lost]) -> Result<Document, String> {
    let out: BTreeSet<(&str, &str)> = lost
        .iter()
        .filter(|lost| lost.loss == Loss::LeftOut)
        .map(|lost| (lost.rule_set.as_str(), lost.rule.as_str()))
        .collect();
    let mut left = document.clone();
    if out.is_empty() {
        return Ok(left);
    }
    for (set, original) in left.rule_sets.iter_mut().zip(&document.rule_sets) {
        let whole = out.contains(&(original.name.as_str(), ""));
        let mut seen = BTreeSet::new();
        for (condition, rule) in set.rules.conditions_mut().iter_mut().zip(&original.rules) {
            if whole || out.contains(&(original.name.as_str(), rule.name)) {
                if !whole && !seen.insert(rule.name) {
                    return Err(rule.name.to_owned());
                }
                *condition = Condition::False;
            }
        }
    }
    Ok(left)
}

impl Comparison {
    /// Compares rule sets that packets enter by in their order; none where they do not stand one for one.
    fn in_order(mut old: Document, mut new: Document) -> Option<Self> {
        old.join_symbols(&mut new);
        // Written out they are filters like others.
        let hooked = [&old, &new].map(|document| {
            let hooks = document.rule_sets.iter().filter(|set| set.kind == Kind::Hook);
            hooks.map(|set| set.name.clone()).collect::<BTreeSet<String>>()
        });
        let [old, new] = [old, new].map(|document| document.flattened(|_, _| false).into_owned());
        // What has no rule left need not be kept, but may be.
        let with_rules = in_order(&old, &new, &hooked, true).filter(|pairs| !pairs.is_empty());
        let pairs = with_rules.or_else(|| in_order(&old, &new, &hooked, false))?;
        let pairs = pairs.into_iter().map(|(old_set, new_set)| Self::pair((&old, old_set), (&new, new_set)));
        Some(Self {
            pairs: pairs.collect(),
            old,
            new,
            removed: Vec::new(),
            added: Vec::new(),
            moved: Vec::new(),
        })
    }
}

/// Which rule sets stand for each other, in their order; none where they do not stand one for one.
fn in_order(
    old: &Document,
    new: &Document,
    hooked: &[BTreeSet<String>; 2],
    with_rules: bool,
) -> Option<Vec<(usize, usize)>> {
    let [ours, theirs] = [old, new].map(|document| entries(document, with_rules));
    let mut rest = by_hook((old, &ours), (new, &theirs), hooked).unwrap_or(theirs);
    rest.reverse();
    let family = |document: &Document, index: usize| Some(document.rule_sets.get(index)?.family);
    let mut pairs = Vec::new();
    for entry in ours {
        let to = rest.pop()?;
        pairs.push((entry, to));
        let of_both = family(old, entry) == Some(Family::Any) && family(new, to) == Some(Family::Inet);
        if of_both && rest.last().is_some_and(|six| family(new, *six) == Some(Family::Inet6)) {
            pairs.push((entry, rest.pop()?));
        }
    }
    rest.is_empty().then_some(pairs)
}

/// The rule sets that packets enter by, or those of them that have rules.
fn entries(document: &Document, with_rules: bool) -> Vec<usize> {
    let has_rules = |index: &usize| {
        let set = document.rule_sets.get(*index);
        set.is_some_and(|set| set.rules.conditions().iter().any(|condition| *condition != Condition::False))
    };
    let mut list = document.entries();
    list.retain(|index| !with_rules || has_rules(index));
    list
}

/// Hooks of another document in the order of ours, where all of ours are hooks and each has its like there.
fn by_hook(
    (one, ours): (&Document, &[usize]),
    (other, theirs): (&Document, &[usize]),
    [old_hooks, new_hooks]: &[BTreeSet<String>; 2],
) -> Option<Vec<usize>> {
    let key = |document: &Document, hooks: &BTreeSet<String>, index: usize| {
        let set = document.rule_sets.get(index).filter(|set| hooks.contains(&set.name))?;
        Some((set.name.rsplit('/').next().unwrap_or("").to_ascii_lowercase(), set.family))
    };
    let like = |index: &usize| {
        let wanted = key(one, old_hooks, *index)?;
        theirs
            .iter()
            .copied()
            .find(|other_index| key(other, new_hooks, *other_index).as_ref() == Some(&wanted))
    };
    let list: Vec<usize> = ours.iter().map(like).collect::<Option<_>>()?;
    (list.len() == theirs.len()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::by_name;

    fn outcome(was: &str, text: &str) -> Written {
        let dialect = by_name("bird").unwrap();
        let read = |text: &str| {
            let source = Source::new("a", Content::Text(text.to_owned()));
            dialect.read(&source, SourceId(0), &ReadOptions::default()).document
        };
        written(dialect, &read(was), &[], text.to_owned(), &ReadOptions::default())
    }

    fn route(port: &str) -> String {
        format!(
            "flow4 table f;\nprotocol static {{\n flow4 {{ table f; }};\n route flow4 {{ dst 192.0.2.0/24; dport {port}; }} \
             {{ bgp_ext_community.add((generic, 0x80060000, 0x0)); }};\n}}\n"
        )
    }

    #[test]
    fn what_was_written_is_read_and_compared() {
        assert_eq!(outcome(&route("= 80"), &route("= 80")), Written::Same);
        assert!(
            matches!(outcome(&route("= 80"), &route("80..81")), Written::Differs(packet, ..) if packet.contains("81"))
        );
        assert!(matches!(outcome(&route("= 80"), &route("= 80 80")), Written::Refused(_)));
        assert!(matches!(outcome(&route("= 80"), ""), Written::Open(_)));
    }
}
