//! Interface sets: a community says on which groups of interfaces a rule counts, and in which direction
//! (draft-ietf-idr-flowspec-interfaceset). Several are alternatives; none is everywhere.
//!
//! While rules are read one by one their groups are opaque; [`bind`] makes them symbols of the document.

use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::raised;
use crate::field::{Field, GROUPS};
use crate::ir::{Action, Condition, Document, Rule, ValueSet};
use crate::net::{BitMatch, BitSet};
use crate::source::Span;
use std::borrow::Cow;
use std::collections::HashMap;

/// How the condition of an interface set that is no symbol begins.
const INTERFACE_SET: &str = "interface-set";

/// One interface set, as its action says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Set {
    asn: u32,
    group: u16,
    inbound: bool,
    outbound: bool,
}

impl Set {
    fn of(action: &Action) -> Option<Self> {
        match action {
            Action::InterfaceSet { asn, group, inbound, outbound, .. } => {
                Some(Self { asn: *asn, group: *group, inbound: *inbound, outbound: *outbound })
            }
            _ => None,
        }
    }

    fn opaque(self, why: &str, span: Span) -> Condition {
        let direction = match (self.inbound, self.outbound) {
            (true, true) => "in and out",
            (true, false) => "in",
            (false, true) => "out",
            (false, false) => "no direction",
        };
        let id = format!("{INTERFACE_SET} {}:{} {direction}", self.asn, self.group);
        Condition::opaque(id, why, span)
    }
}

/// The condition an interface-set action adds while its group is no symbol.
pub(super) fn unbound(action: &Action, span: Span) -> Option<Condition> {
    Set::of(action).map(|set| set.opaque("interface groups are known to the device only", span))
}

/// Makes the interface groups that rules name symbols of their document. What cannot be one stays opaque: groups
/// behind the first [`GROUPS`], which is a finding, and sets without a direction.
pub fn bind(document: &mut Document, out: &mut Vec<Diagnostic>) {
    let mut rule_sets = std::mem::take(&mut document.rule_sets);
    let mut bits: HashMap<(u32, u16), Option<u128>> = HashMap::new();
    for rule_set in &mut rule_sets {
        let rules = &mut rule_set.rules;
        if !rules.asked().any(|action| Set::of(action).is_some()) {
            continue;
        }
        let asks = |rule: Rule<'_>| rule.actions.iter().any(|action| Set::of(action).is_some());
        let asking: Vec<usize> =
            (0..rules.len()).filter(|index| rules.get(*index).is_some_and(asks)).collect();
        for index in asking {
            let Some(rule) = rules.get(index) else { continue };
            let mut bit = |set: Set| {
                let key = (set.asn, set.group);
                *bits.entry(key).or_insert_with(|| document.group(&format!("{}:{}", key.0, key.1)))
            };
            let bound = bind_rule(&rule, &mut bit, |set| {
                let message = format!(
                    "group `{}:{}` is behind the first {GROUPS}, which are told apart",
                    set.asn, set.group
                );
                let label = Label::new(rule.origin.source, rule.origin.span);
                let finding = Diagnostic::new(raised::UNSUPPORTED_KEYWORD, Level::Note, message, label);
                out.push(finding.in_rule(rule_set.name.clone(), rule.name));
            });
            if let (Some(condition), Some(bound)) = (rules.conditions_mut().get_mut(index), bound) {
                *condition = bound;
            }
        }
    }
    document.rule_sets = rule_sets;
}

/// The condition of a rule with its interface groups bound; none where it has none.
fn bind_rule(
    rule: &Rule<'_>,
    bit: &mut impl FnMut(Set) -> Option<u128>,
    mut too_many: impl FnMut(Set),
) -> Option<Condition> {
    let at = place(rule.condition, is_unbound)?;
    let (rest, part) = without(rule.condition.clone(), at);
    let span = spans(&part).reduce(Span::to).unwrap_or_default();
    let (mut inbound, mut outbound, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for set in rule.actions.iter().filter_map(Set::of) {
        match bit(set) {
            Some(bit) if set.inbound || set.outbound => {
                inbound.extend(set.inbound.then_some(bit));
                outbound.extend(set.outbound.then_some(bit));
            }
            Some(_) => open.push(set.opaque("the set has no direction", span)),
            None => {
                too_many(set);
                open.push(set.opaque("too many interface groups to tell apart", span));
            }
        }
    }
    let member = |field, bits: Vec<u128>| {
        let patterns = BitSet::new(bits.into_iter().map(|bit| BitMatch::new(bit, bit)));
        (!patterns.patterns().is_empty()).then(|| Condition::test_at(field, ValueSet::from(patterns), span))
    };
    let tests = [member(Field::InGroup, inbound), member(Field::OutGroup, outbound)];
    let interfaces = Condition::or(tests.into_iter().flatten().chain(open));
    Some(Condition::and([rest, interfaces]))
}

/// What a rule matches, less what its own interface sets add: the part that its components say.
pub fn matched<'a>(rule: &Rule<'a>) -> Cow<'a, Condition> {
    let is_set = |part: &Condition| match part {
        Condition::Or(parts) => parts.iter().all(is_bound),
        part => is_bound(part),
    };
    if !rule.actions.iter().any(|action| Set::of(action).is_some()) {
        return Cow::Borrowed(rule.condition);
    }
    match place(rule.condition, is_set) {
        Some(at) => Cow::Owned(without(rule.condition.clone(), at).0),
        None => Cow::Borrowed(rule.condition),
    }
}

fn is_bound(part: &Condition) -> bool {
    match part {
        Condition::Test(test) => test.field().is_group(),
        part => is_unbound_leaf(part),
    }
}

fn is_unbound(part: &Condition) -> bool {
    match part {
        Condition::Or(parts) => parts.iter().all(is_unbound_leaf),
        part => is_unbound_leaf(part),
    }
}

fn is_unbound_leaf(part: &Condition) -> bool {
    matches!(part, Condition::Opaque(opaque) if opaque.id.starts_with(INTERFACE_SET))
}

/// The part of a condition that is about interfaces: its number in the list, 0 for the whole.
fn place(condition: &Condition, is_it: impl Fn(&Condition) -> bool) -> Option<usize> {
    match condition {
        Condition::And(parts) => parts.iter().position(is_it),
        part => is_it(part).then_some(0),
    }
}

/// The condition without one of its parts, and that part.
fn without(condition: Condition, at: usize) -> (Condition, Condition) {
    match condition {
        Condition::And(parts) if at < parts.len() => {
            let mut list = parts;
            let part = list.remove(at);
            (Condition::and(list), part)
        }
        whole => (Condition::True, whole),
    }
}

fn spans(part: &Condition) -> impl Iterator<Item = Span> + '_ {
    let parts = match part {
        Condition::Or(parts) => parts,
        part => std::slice::from_ref(part),
    };
    parts
        .iter()
        .filter_map(|part| if let Condition::Opaque(opaque) = part { Some(opaque.span) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::ReadOptions;
    use crate::dialect::flowspec::{self, Actions, FlowSpec, Route, Table};
    use crate::field::Family;
    use crate::ir::Origin;

    fn set(group: u16, inbound: bool, outbound: bool) -> Action {
        Action::InterfaceSet { asn: 65_000, group, inbound, outbound, transitive: true }
    }

    fn bound(sets: &[Vec<Action>]) -> (Document, Vec<Diagnostic>) {
        let rules = sets.iter().map(|list| {
            let mut actions = Actions::accept();
            for action in list {
                actions.push(action.clone(), Span::new(3, 5));
            }
            let spec = FlowSpec::new(Family::Inet);
            let route = Route {
                name: "r",
                rule_set: "s",
                spec: &spec,
                octets: Some(&[]),
                actions: &actions,
                opaque: &[],
                origin: Origin::default(),
            };
            flowspec::rule(&route, &ReadOptions::default(), &mut Vec::new())
        });
        let rule_set = flowspec::rule_set("s".to_owned(), Table::Ipv4, rules.collect());
        let mut document = Document { rule_sets: vec![rule_set], symbols: Vec::new(), ..Document::default() };
        let mut out = Vec::new();
        bind(&mut document, &mut out);
        (document, out)
    }

    #[test]
    fn groups_become_tests_of_their_direction() {
        let member = |field, bits: &[u128]| {
            let patterns = bits.iter().map(|bit| BitMatch::new(*bit, *bit));
            Condition::test(field, ValueSet::from(BitSet::new(patterns)))
        };
        let (document, out) = bound(&[
            vec![set(7, true, false)],
            vec![set(8, true, true), set(7, true, false)],
            vec![set(7, false, false)],
        ]);
        assert!(out.is_empty());
        assert_eq!(document.symbols, ["65000:7".into(), "65000:8".into()]);
        let rules = &document.rule_sets[0].rules;
        assert_eq!(*rules.get(0).unwrap().condition, member(Field::InGroup, &[1]));
        assert_eq!(rules.get(0).unwrap().condition.tests()[0].span(), Span::new(3, 5));
        let either = [member(Field::InGroup, &[1, 2]), member(Field::OutGroup, &[2])];
        assert_eq!(*rules.get(1).unwrap().condition, Condition::or(either));
        assert!(rules.get(2).unwrap().condition.has_opaque());
        assert!(rules.iter().all(|rule| *matched(&rule) == Condition::True));
    }

    #[test]
    fn more_groups_than_are_told_apart_stay_opaque_and_are_told() {
        let (document, out) = bound(&(0..130).map(|group| vec![set(group, true, false)]).collect::<Vec<_>>());
        let opaque = document.rule_sets[0].rules.iter().filter(|rule| rule.condition.has_opaque());
        assert_eq!((opaque.count(), out.len(), document.symbols.len()), (2, 2, 128));
    }
}
